/*-------------------------------------------------------------------------
 *
 * student_t.h
 *		Student's t distribution.
 *
 * Probabilities come from the regularized incomplete beta function by its
 * continued fraction (Abramowitz and Stegun 26.5.8 and 26.7.1), with W. J.
 * Lentz's method; quantiles by bisection.  Degrees of freedom need not be
 * whole; below 1 they are taken for 1, above 10^7 for 10^7.  Accurate to some
 * 12 digits where they are few, and to 7 where they are many.  Standard C only.
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
