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
 * a single split cannot see.  Parts have MIN_SEGMENT values or more.  Since
 * the largest of many t is looked at, p-values are multiplied by the number of
 * splits of the whole series (Bonferroni), or where it is less, by what the
 * maximum of a Brownian bridge says; and those of windows, whose lengths grow
 * by a quarter from one to the next, by their number.  Nine tenths of alpha
 * are given to splits, one tenth to windows.  So alpha bounds the probability
 * of any change in a series that has none, and in each stretch between those
 * that it has.  What is found so is put where it is best given its neighbours,
 * and tested again in the presence of the others, the least significant one
 * first.  Where nothing is significant by itself, up to four splits are made
 * in succession until all are: changes may hide each other.
 *
 * The variance comes from residuals on either side of the splits, and is
 * inflated by (1 + r) / (1 - r), r being their lag-1 autocorrelation, by which
 * degrees of freedom shrink as well.  Without noise any difference is certain:
 * p is 0.
 *
 * At an alpha of 0.01 less than one in a hundred series of normal noise has a
 * change.  But short series tell little of r: with 28 values two in a hundred
 * have one if r is 0.3, five if it is 0.5.  Of tails as heavy as those of
 * Student's t with 3 degrees of freedom, three in a hundred years of days have
 * one: a few extreme values may come together.
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
 * Binary segmentation is A. Scott and M. Knott's (Biometrics 30, 1974); the
 * maximum over splits that of B. James, K. James and D. Siegmund, "Tests for a
 * change-point", Biometrika 74, 1987.
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
	double		p_value;		/* allowing for all other splits */
} ChangePoint;

/* Bytes of memory that n values take. */
extern Size change_points_room(int n);

/*
 * Finds changes in n values, in order, at most n / MIN_SEGMENT of them, with
 * an error probability of alpha (see above).
 */
extern int	change_points(const double *value, int n, double alpha,
						  ChangePoint *found, void *room,
						  CheckInterrupts check_interrupts);

#endif							/* LLM_COST_CHANGE_POINT_H */
