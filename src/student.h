/*-------------------------------------------------------------------------
 *
 * student.h
 *		Student's t distribution.
 *
 * Its tail is a regularized incomplete beta function, computed by the
 * continued fraction of W. H. Press et al., "Numerical Recipes", 6.4, to
 * nearly full precision also far out, where probabilities are 1e-300.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_STUDENT_H
#define LLM_COST_STUDENT_H

/* The probability of a t as far from zero; df need not be whole. */
extern double student_two_sided(double t, double df);

#endif							/* LLM_COST_STUDENT_H */
