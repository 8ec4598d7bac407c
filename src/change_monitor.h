/*-------------------------------------------------------------------------
 *
 * change_monitor.h
 *		Has the level changed since a given moment?  Ask as often as you like.
 *
 * Model.  Before the moment, the baseline, values scatter around one level,
 * normally and with one standard deviation, which is unknown; after it around
 * the same or another one.
 *
 * Who tests again with every new value will in the end find a change where
 * there is none.  Here that happens with probability alpha at most, however
 * long it goes on: the interval for the difference of levels is a confidence
 * sequence, which has the true difference at all looks together with
 * probability 1 - alpha.
 *
 * Method.  With k values before and m since, let n = 1 / (1/k + 1/m), d the
 * difference of means, s^2 the pooled variance with f = k + m - 2 degrees of
 * freedom and t = d sqrt(n) / s.  Under no difference the likelihood ratio of
 * a normal mixture of differences, with a standard deviation of g^(1/2) s,
 *
 *		(1 + n g)^(-1/2) ((1 + t^2 / f) / (1 + t^2 / (f (1 + n g))))^((f + 1) / 2)
 *
 * exceeds 1 / alpha at any time with probability alpha (J. Ville's
 * inequality), since it is invariant under what is not known, the level and
 * the scale: M. Perez-Ortiz, T. Lardy, R. de Heide and P. Grünwald,
 * "E-statistics, group invariance and anytime-valid testing", Ann. Statist.
 * 52, 2024.  The interval has the differences that it does not exclude.  As f
 * grows it becomes H. Robbins' normal mixture, s sqrt(2 (n g + 1) / (n^2 g)
 * ln(sqrt(n g + 1) / alpha)), and unlike that it is not too short while the
 * variance is estimated from few values.  g is 1: changes of one to three
 * standard deviations are found soonest.
 *
 * A change some time after the moment would count as noise and hide itself, so
 * the squares of steps from value to value, halved, stand for those about the
 * mean where they are less.  That makes intervals a little shorter than they
 * should be; that a change counts only with its second look makes up for it.
 *
 * Autocorrelation of the baseline (series.h) inflates the variance.
 *
 * Spikes.  Of the baseline they are left out.  Later, a value that exceeds
 * both of its neighbours by five standard deviations, or is
 * as much below both, is left out once the second neighbour is known; and a
 * change counts only if two looks in succession have excluded no difference.
 *
 * Constant time and memory a look.  Knows nothing of time or gaps.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_CHANGE_MONITOR_H
#define LLM_COST_CHANGE_MONITOR_H

#include "series.h"

/* Values a baseline needs. */
#define MIN_BASELINE 4

/* The mean of values, which can be added and removed. */
typedef struct Moments
{
	int			n;
	double		mean;
	double		square;			/* sum of squares about the mean */
} Moments;

typedef struct ChangeMonitor
{
	double		alpha;
	Moments		baseline;
	double		inflation;		/* of the variance, by autocorrelation */
	double		rounding;
	Moments		since;			/* without the last value */
	double		step_square;	/* half the squares of its steps */
	double		last;
	double		before_last;	/* that was no spike */
	int			looks;
	int			excluded;		/* sign of what the last look has excluded */
	int			changed;		/* sign of the change, 0 for none so far */
} ChangeMonitor;

/* What a look tells. */
typedef struct MonitorReading
{
	double		difference;
	double		low;			/* may be infinite */
	double		high;
	bool		changed;		/* now or at an earlier look */
} MonitorReading;

/* False if the baseline has too few values.  The room is for 4 n doubles. */
extern bool monitor_begin(ChangeMonitor *monitor, const double *baseline, int n,
						  double alpha, void *room);
extern MonitorReading monitor_look(ChangeMonitor *monitor, double value);

#endif							/* LLM_COST_CHANGE_MONITOR_H */
