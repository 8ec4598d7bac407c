/*-------------------------------------------------------------------------
 *
 * trend.h
 *		The history of a series: stretches, each level or sloping.
 *
 * Model.  A series is cut into stretches of MIN_STRETCH values or more.  In
 * each, values scatter around a constant or around a straight line, with a
 * variance of its own.  Nothing joins one stretch to the next.  Spikes are
 * left out (series.h), a season is removed (season.h), and values are scaled
 * to unit variance.
 *
 * Criterion.  Of all ways to cut it, the one that minimizes the sum of
 *
 *		l ln(S / l + 0.02)						for a level stretch
 *		l ln(S / l + 0.02) + w 3 ln n			for a sloping one
 *
 * and w 8 ln n for each change, l being the number of values of the stretch
 * and S the sum of its squared residuals.  That is twice the negative
 * log-likelihood of normal noise with a penalty as that of Schwarz, somewhat
 * larger since series wander.  The addend keeps stretches without any noise
 * from being worth more than all others; 0.02 is a seventh of a standard
 * deviation.
 *
 * Wandering.  Where neighbours resemble each other, a wave of noise looks like
 * a stretch.  With a lag-1 autocorrelation of r, noise makes differences
 * between means (1 + r) / (1 - r) times as large in squares; but whether a
 * series wanders or changes often cannot be told from it.  So w is between
 * both readings, the geometric mean of that and 1.  r is that of residuals
 * about the best cut with w = 1, not beyond what steps say (series.h), times
 * S / (S + 0.02 n) with S of all residuals, since the addend is noise as well,
 * less two standard errors, 2 / sqrt(n).  If that is not positive w stays 1,
 * else the best cut is sought again.
 *
 * It describes; it does not control false alarms, and is blind to changes
 * that are small beside the noise.  For these, see change_point.h.  Level
 * series of 90 values have a change in none of 3,000 if noise is normal, in
 * one of a thousand with an autocorrelation of 0.5, and in eight of a hundred
 * with 0.8; a step of three standard deviations is found within two days in
 * 97, 82 and 69 of a hundred, and in 97 among weekdays that differ by four.
 *
 * Method.  Dynamic programming over the end of the last stretch, exact, with
 * the pruning of R. Killick, P. Fearnhead and I. Eckley ("Optimal detection
 * of changepoints with a linear computational cost", JASA 107, 2012).  A
 * start s of the last stretch can be forgotten once the best cut of the
 * values up to t costs no more than s does, whichever way the stretch from s
 * goes on: cutting it at t makes it no dearer than w 3 ln n.  The logarithm is
 * concave, so that this holds for the criterion (it would not for the maximum
 * of the mean square and 0.02).  The forgetting waits until a stretch can
 * begin at t.
 *
 * Complexity.  O(n^2) at worst, nearly linear where changes are frequent;
 * memory O(n), the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_TREND_H
#define LLM_COST_TREND_H

#include "series.h"

/* So many values in a stretch. */
#define MIN_STRETCH 3

typedef struct TrendChange
{
	int			index;			/* first value of the new stretch */
	double		before;			/* fitted, without season, before it and to it */
	double		after;
	double		slope_before;	/* a unit of time; 0 if the stretch is level */
	double		slope_after;
} TrendChange;

/* Bytes of memory that n values take. */
extern Size trend_changes_room(int n);

/*
 * Finds changes in n values at ascending times, at most n / MIN_STRETCH of
 * them.
 */
extern int	trend_changes(const double *time, const double *value, int n,
						  TrendChange *found, void *room,
						  CheckInterrupts check_interrupts);

#endif							/* LLM_COST_TREND_H */
