/*-------------------------------------------------------------------------
 *
 * season.c
 *		What repeats in a series: weekdays of days, hours of a day, months.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <float.h>
#include <math.h>

#include "season.h"

#define MAX_PERIOD 400
#define MIN_CYCLES 4
#define SEASON_PENALTY 8		/* × ln m */

/* Larger ones count as this, in standard deviations. */
#define LARGEST_STEP 3.0

/* Longer gaps are all the same. */
#define LONGEST_GAP 1e15

/* Of the steps that are between neighbours. */
typedef struct Steps
{
	int			n;				/* values */
	int			m;				/* steps */
	int64	   *distance;		/* of values from those before */
	int		   *phase;			/* of values, for one period */
	int		   *value;			/* to which a step leads */
	double	   *step;
	double	   *room;
	double		mean[MAX_PERIOD];	/* by phase */
} Steps;

static void
find_steps(Steps *s, const double *time, const double *value, int n)
{
	s->n = n;
	s->m = 0;
	for (int i = 1; i < n; i++)
	{
		/* one by one, since months are of different lengths */
		s->distance[i] = Min(Max(rint(time[i] - time[i - 1]), 1), LONGEST_GAP);
		if (s->distance[i] == 1)
		{
			s->value[s->m] = i;
			s->step[s->m++] = value[i] - value[i - 1];
		}
	}
}

static void
set_phases(Steps *s, int period)
{
	s->phase[0] = 0;
	for (int i = 1; i < s->n; i++)
	{
		int64		distance = s->distance[i];
		int			phase = s->phase[i - 1] + (distance < period ? distance : distance % period);

		s->phase[i] = phase < period ? phase : phase - period;
	}
}

/* Means of steps by phase; false if a phase has none. */
static bool
average(Steps *s, int period)
{
	int			count[MAX_PERIOD] = {0};

	memset(s->mean, 0, period * sizeof(double));
	for (int k = 0; k < s->m; k++)
	{
		int			phase = s->phase[s->value[k]];

		s->mean[phase] += s->step[k];
		count[phase]++;
	}
	for (int phase = 0; phase < period; phase++)
	{
		if (count[phase] == 0)
			return false;
		s->mean[phase] /= count[phase];
	}
	return true;
}

static double
squares(const Steps *s)
{
	double		square = 0;

	for (int k = 0; k < s->m; k++)
	{
		double		away = s->step[k] - s->mean[s->phase[s->value[k]]];

		square += away * away;
	}
	return square;
}

/* The period that explains steps best, 0 if none does. */
static int
find_period(Steps *s, double rounding, CheckInterrupts check_interrupts)
{
	double		log_m = log(s->m);
	double		best = SEASON_PENALTY * log_m;
	double		total;
	int			found = 0;

	/* one phase */
	set_phases(s, 1);
	average(s, 1);
	total = squares(s);
	/* without any noise the shortest period is best */
	rounding *= rounding * s->m;
	if (total <= rounding)
		return 0;
	for (int period = 2; period <= Min(MAX_PERIOD, s->n / MIN_CYCLES); period++)
	{
		double		gain;

		check_interrupts();
		set_phases(s, period);
		if (!average(s, period))
			continue;
		gain = s->m * log(total / Max(squares(s), rounding)) - (period - 1) * log_m;
		if (gain > best)
		{
			best = gain;
			found = period;
		}
	}
	return found;
}

/* Brings steps that are far from the median of their phase nearer. */
static void
limit_steps(Steps *s, int period)
{
	double		limit;

	for (int phase = 0; phase < period; phase++)
	{
		int			count = 0;

		for (int k = 0; k < s->m; k++)
			if (s->phase[s->value[k]] == phase)
				s->room[count++] = s->step[k];
		s->mean[phase] = series_median(s->room, count);
	}
	for (int k = 0; k < s->m; k++)
		s->room[k] = fabs(s->step[k] - s->mean[s->phase[s->value[k]]]);
	limit = LARGEST_STEP * 1.4826 * series_median(s->room, s->m);
	for (int k = 0; k < s->m; k++)
	{
		double		median = s->mean[s->phase[s->value[k]]];

		s->step[k] = Min(Max(s->step[k], median - limit), median + limit);
	}
}

Size
season_room(int n)
{
	return (Size) n * (sizeof(int64) + 2 * sizeof(double) + 2 * sizeof(int));
}

int
season_remove(const double *time, double *value, int n, void *room,
			  CheckInterrupts check_interrupts)
{
	Steps		s;
	int			period;
	double		slope = 0;
	double		middle = 0;

	if (n < 2 * MIN_CYCLES)
		return 0;
	s.distance = room;
	s.step = (double *) (s.distance + n);
	s.room = s.step + n;
	s.phase = (int *) (s.room + n);
	s.value = s.phase + n;
	find_steps(&s, time, value, n);
	if (s.m < 2 * MIN_CYCLES)
		return 0;
	period = find_period(&s, series_rounding(value, n), check_interrupts);
	if (period == 0)
		return 0;

	set_phases(&s, period);
	limit_steps(&s, period);
	average(&s, period);
	for (int phase = 0; phase < period; phase++)
		slope += s.mean[phase] / period;
	s.mean[0] = 0;
	for (int phase = 1; phase < period; phase++)
	{
		s.mean[phase] += s.mean[phase - 1] - slope;
		middle += s.mean[phase] / period;
	}
	for (int i = 0; i < n; i++)
		value[i] -= s.mean[s.phase[i]] - middle;
	return period;
}
