/*-------------------------------------------------------------------------
 *
 * student_t.h
 *		Student's t distribution.
 *
 * Probabilities come from the regularized incomplete beta function by its
 * continued fraction (Abramowitz and Stegun 26.5.8 and 26.7.1), with W. J.
 * Lentz's method; quantiles by bisection.  Accurate to some 12 digits for 1
 * to 10^7 degrees of freedom, which need not be whole; more are taken for
 * 10^7.  Standard C only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_STUDENT_T_H
#define LLM_COST_STUDENT_T_H

/* The probability of a value at least as far from 0 as t. */
extern double student_t_p_value(double t, double df);

/* The distance from 0 that is exceeded with probability p, on both sides. */
extern double student_t_critical(double p, double df);

#endif							/* LLM_COST_STUDENT_T_H */
