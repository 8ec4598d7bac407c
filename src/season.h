/*-------------------------------------------------------------------------
 *
 * season.h
 *		What repeats in a series: weekdays of days, hours of a day, months.
 *
 * Model.  To every value belongs a position: buckets of the usual length are
 * one apart, gaps more.  A season of period p adds to each value what belongs
 * to its position modulo p; it stays the same all along.
 *
 * Method.  Steps to the next position know nothing of levels, and a slope
 * adds the same to all of them.  With a season, their means by phase differ.
 * Of all periods up to MAX_PERIOD that are there MIN_CYCLES times or more, the
 * one is chosen that maximizes
 *
 *		m ln(S / S_p) - (p - 1) ln m
 *
 * m being the number of steps, S the sum of their squares about their mean and
 * S_p that about their means by phase.  It is a season if that is at least
 * SEASON_PENALTY ln m, else there is none.
 *
 * That is the criterion of Schwarz (Ann. Statist. 6, 1978) with a penalty for
 * having a season at all, as large as that for a change of level in trend.h.
 *
 * A change of level is one large step, which must not become part of a season.
 * So means are taken again, with steps brought to three standard deviations
 * from the median of their phase if they are further off; the standard
 * deviation is from the median of all that steps are off.  Sums of these
 * means, less their slope, are the season, and its mean is zero.  In noise
 * that is independent they are as good as means of values, since steps add up
 * to differences.
 *
 * What it cannot see: periods that are no whole number of buckets; smooth
 * seasons in much noise, of which steps show little; weekdays where weekends
 * are missing, since some of their steps are.  Of a season whose size changes
 * the mean is removed.
 *
 * Complexity.  O(n p) for periods up to p; memory O(n), the caller's.
 *
 * Knows nothing of the calendar.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_SEASON_H
#define LLM_COST_SEASON_H

#include "series.h"

/* Bytes of memory that n values take. */
extern Size season_room(int n);

/*
 * Removes the season from n values at ascending times, whose unit is the usual
 * distance.  Returns its period, 0 if there is none.
 */
extern int	season_remove(const double *time, double *value, int n, void *room,
						  CheckInterrupts check_interrupts);

#endif							/* LLM_COST_SEASON_H */
