/*-------------------------------------------------------------------------
 *
 * double_sum.h
 *		Sums of doubles with about twice the precision of a double.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_DOUBLE_SUM_H
#define LLM_COST_DOUBLE_SUM_H

#include <math.h>

/* The sum is hi + lo. */
typedef struct DoubleSum
{
	double		hi;
	double		lo;
} DoubleSum;

/* D. Knuth's TwoSum: what the addition rounds away goes to lo. */
static inline void
double_sum_add(DoubleSum *sum, double x)
{
	double		hi = sum->hi + x;
	double		x_part = hi - sum->hi;

	sum->lo += (sum->hi - (hi - x_part)) + (x - x_part);
	sum->hi = hi;
}

static inline void
double_sum_add_product(DoubleSum *sum, double x, double y)
{
	double		product = x * y;

	double_sum_add(sum, product);
	sum->lo += fma(x, y, -product);
}

static inline double
double_sum(const DoubleSum *sum)
{
	return sum->hi + sum->lo;
}

#endif							/* LLM_COST_DOUBLE_SUM_H */
