/*-------------------------------------------------------------------------
 *
 * change_point.h
 *		When did the level of a series change?  With false alarms controlled.
 *
 * Model.  Values scatter around a level that is constant but for sudden
 * changes; their standard deviation is the same on both sides of a change.
 * No trend (see trend.h), no seasons.  Noise may be autocorrelated, as in a
 * first-order process.  Spikes are left out (series.h).
 *
 * Method.  Binary segmentation: a stretch of the series is split in two where
 * Student's t between both parts is largest, or in three where it is largest
 * between a window and what surrounds it - a change that was taken back, which
 * a single split cannot see.  Parts have MIN_SEGMENT values or more.  The
 * alternatives are many, so their p-values are multiplied by the number of
 * splits (windows) of the whole series: Bonferroni.  Nine tenths of alpha are
 * given to splits, one tenth to windows, whose lengths grow by a quarter from
 * one to the next.  Stretches do not overlap, so that alpha bounds the
 * probability of any false change in all of them together.  What is found so
 * is put where it is best given its neighbours, and tested again in the
 * presence of the others, the least significant one first.
 *
 * The variance comes from residuals on either side of the splits, and is
 * inflated by (1 + r) / (1 - r), r being their lag-1 autocorrelation, by which
 * degrees of freedom shrink as well.  Without noise any difference is certain:
 * p is 0.
 *
 * The set of positions [earliest, latest] has the true one with 95 %
 * probability: those where the sum of squares exceeds the smallest one by at
 * most 7.35 variances, from (1 - exp(-x / 2))^2 = 0.95, the distribution of
 * the maximum of a two-sided random walk with drift (Y. Yao, "Approximating
 * the distribution of the maximum likelihood estimate of the change-point",
 * Ann. Statist. 15, 1987).  It covers more than that where changes are large.
 *
 * Complexity.  O(n log n) a level of segmentation; memory O(n), the caller's.
 *
 * The idea of Bonferroni over splits is that of the likelihood-based detector
 * in arXiv:2410.14866; binary segmentation is A. Scott and M. Knott's (1974).
 *
 * Knows nothing of time: gaps are simply not in the series.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_CHANGE_POINT_H
#define LLM_COST_CHANGE_POINT_H

#include "series.h"

/* So many values on either side of a change. */
#define MIN_SEGMENT 4

typedef struct ChangePoint
{
	int			index;			/* first value after the change */
	int			earliest;		/* the set of positions that has it */
	int			latest;
	double		before;			/* levels */
	double		after;
	double		p_value;		/* of all alternatives together */
} ChangePoint;

/* Bytes of memory that n values take. */
extern Size change_points_room(int n);

/*
 * Finds changes in n values, in order, at most n / MIN_SEGMENT of them, with
 * an error probability of alpha for all of them together.
 */
extern int	change_points(const double *value, int n, double alpha,
						  ChangePoint *found, void *room,
						  CheckInterrupts check_interrupts);

#endif							/* LLM_COST_CHANGE_POINT_H */
