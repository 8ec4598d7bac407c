/*-------------------------------------------------------------------------
 *
 * float_sort.h
 *		Sorts some hundreds of doubles at a time, quickly.
 *
 * Aggregation over many groups sorts every group in the end, and there this
 * takes a quarter of the time of a quicksort.  Values are not NaN or -0.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_FLOAT_SORT_H
#define LLM_COST_FLOAT_SORT_H

/* Ascending; the scratch memory is as large as the values. */
extern void float_sort(double *values, int n, double *scratch);

#endif							/* LLM_COST_FLOAT_SORT_H */
