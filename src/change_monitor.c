/*-------------------------------------------------------------------------
 *
 * change_monitor.c
 *		Has the level changed since a given moment?  Ask as often as you like.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "change_monitor.h"

/* Variance of the differences looked for, in variances of the values. */
#define MIXTURE_VARIANCE 1.0

/* So many standard deviations make a spike. */
#define SPIKE 5.0

/* ---- moments (B. Welford) ---- */

static void
moments_add(Moments *m, double value)
{
	double		distance = value - m->mean;

	m->n++;
	m->mean += distance / m->n;
	m->square += distance * (value - m->mean);
}

bool
monitor_begin(ChangeMonitor *monitor, const double *baseline, int n, double alpha, void *room)
{
	double	   *residual = room;
	double	   *value = residual + n;
	double	   *scratch = value + n;
	int		   *kept = (int *) residual;
	int			nkept = series_without_spikes(baseline, n, kept, scratch);

	if (nkept < MIN_BASELINE)
		return false;
	memset(monitor, 0, sizeof(ChangeMonitor));
	monitor->alpha = alpha;
	for (int i = 0; i < nkept; i++)
		moments_add(&monitor->baseline, value[i] = baseline[kept[i]]);
	monitor->rounding = series_rounding(value, nkept);
	monitor->inflation = 1;
	if (monitor->baseline.square > nkept * monitor->rounding * monitor->rounding)
	{
		double		r;

		for (int i = 0; i < nkept; i++)
			residual[i] = value[i] - monitor->baseline.mean;
		r = series_autocorrelation(residual, value, nkept, 1, scratch);
		monitor->inflation = (1 + r) / (1 - r);
	}
	monitor->before_last = monitor->baseline.mean;
	return true;
}

/* What a step adds to the sum of squares; its variance is twice a value's. */
static inline double
half_square(double step)
{
	return step * step / 2;
}

/* Is the last value far above both of its neighbours, or below? */
static bool
last_was_spike(const ChangeMonitor *monitor, double value)
{
	double		before = monitor->last - monitor->before_last;
	double		after = monitor->last - value;
	double		deviation = sqrt((monitor->baseline.square + monitor->since.square) /
								 (monitor->baseline.n + Max(monitor->since.n, 1) - 2));
	double		limit = SPIKE * Max(deviation, monitor->rounding);

	return Min(before, after) > limit || Max(before, after) < -limit;
}

MonitorReading
monitor_look(ChangeMonitor *monitor, double value)
{
	const Moments *baseline = &monitor->baseline;
	Moments		since;
	MonitorReading reading;
	double		n;
	double		spread;
	double		df;
	double		variance;
	double		ratio;
	double		half_width = INFINITY;
	int			excluded;

	if (monitor->looks++ > 0 && !last_was_spike(monitor, value))
	{
		if (monitor->since.n > 0)
			monitor->step_square += half_square(monitor->last - monitor->before_last);
		moments_add(&monitor->since, monitor->last);
		monitor->before_last = monitor->last;
	}
	monitor->last = value;
	since = monitor->since;
	moments_add(&since, value);
	if (since.n > 1)
		since.square = Min(since.square,
						   monitor->step_square + half_square(value - monitor->before_last));

	n = 1 / (1.0 / baseline->n + 1.0 / since.n);
	spread = 1 + n * MIXTURE_VARIANCE;
	df = baseline->n + since.n - 2;
	variance = (baseline->square + since.square) / df * monitor->inflation;
	variance = Max(variance, monitor->rounding * monitor->rounding);
	/* what 1 + t^2 / f over 1 + t^2 / (f (1 + n g)) may not exceed */
	ratio = pow(sqrt(spread) / monitor->alpha, 2 / (df + 1));
	if (ratio < spread)
		half_width = sqrt(df * (ratio - 1) / (1 - ratio / spread) * variance / n);

	reading.difference = since.mean - baseline->mean;
	reading.low = reading.difference - half_width;
	reading.high = reading.difference + half_width;
	excluded = reading.low > 0 ? 1 : reading.high < 0 ? -1 : 0;
	if (excluded != 0 && excluded == monitor->excluded && monitor->changed == 0)
		monitor->changed = excluded;
	monitor->excluded = excluded;
	reading.changed = monitor->changed != 0;
	return reading;
}
