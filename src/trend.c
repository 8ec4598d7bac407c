/*-------------------------------------------------------------------------
 *
 * trend.c
 *		The history of a series: stretches, each level or sloping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <float.h>
#include <limits.h>
#include <math.h>

#include "season.h"
#include "trend.h"

/* What is left of differences of sums. */
#define TIME_ROUNDING 1e-15

#define ADDEND 0.02				/* to mean squares, in variances */
#define SLOPE_PENALTY 3			/* × ln n */
#define CHANGE_PENALTY 8		/* × ln n */

/* Sums over the first values, centered and scaled. */
typedef struct Sums
{
	double		x;
	double		y;
	double		xx;
	double		xy;
	double		yy;
} Sums;

typedef struct Fit
{
	double		slope;			/* of the scaled values */
	double		mean_x;
	double		mean_y;
	double		level_square;	/* mean squares of residuals */
	double		line_square;
} Fit;

typedef struct Partition
{
	int			n;
	double		slope_penalty;
	double		change_penalty;
	Sums	   *sums;			/* of the first 0 to n values */
	double	   *slope_factor;	/* exp(slope_penalty / length) */
	double	   *cost;			/* of the best cut of the first values */
	double	   *start_cost;		/* with a last stretch from here, lately */
	int		   *start;			/* of its last stretch */
	int		   *candidate;		/* starts that may yet be best */
	int		   *forget;			/* from which end on */
} Partition;

static inline Fit
fit(const Partition *p, int start, int end)
{
	const Sums *a = &p->sums[start];
	const Sums *b = &p->sums[end];
	double		n = end - start;
	double		xx;
	double		xy;
	double		yy;
	Fit			fit;

	fit.mean_x = (b->x - a->x) / n;
	fit.mean_y = (b->y - a->y) / n;
	xx = (b->xx - a->xx) / n - fit.mean_x * fit.mean_x;
	xy = (b->xy - a->xy) / n - fit.mean_x * fit.mean_y;
	yy = (b->yy - a->yy) / n - fit.mean_y * fit.mean_y;
	/* buckets that are all but one have no slope */
	fit.slope = xx > TIME_ROUNDING * b->xx / n ? xy / xx : 0;
	fit.level_square = Max(yy, 0);
	fit.line_square = Max(yy - xy * fit.slope, 0);
	return fit;
}

/* Is a slope worth its penalty?  Compares without logarithms. */
static inline bool
is_level(const Partition *p, const Fit *fit, int length)
{
	return fit->level_square + ADDEND <=
		(fit->line_square + ADDEND) * p->slope_factor[length];
}

static inline double
stretch_cost(const Partition *p, int start, int end)
{
	Fit			f = fit(p, start, end);
	int			length = end - start;

	if (is_level(p, &f, length))
		return length * log(f.level_square + ADDEND);
	return length * log(f.line_square + ADDEND) + p->slope_penalty;
}

static void
set_penalties(Partition *p, double factor)
{
	p->slope_penalty = factor * SLOPE_PENALTY * log(p->n);
	p->change_penalty = factor * CHANGE_PENALTY * log(p->n);
	for (int i = 1; i <= p->n; i++)
		p->slope_factor[i] = exp(p->slope_penalty / i);
}

/* The best cut of all values: where the last stretch of each part begins. */
static void
find_best(Partition *p, CheckInterrupts check_interrupts)
{
	int			ncandidates = 0;

	p->cost[0] = -p->change_penalty;
	for (int end = MIN_STRETCH; end <= p->n; end++)
	{
		int			newest = end - MIN_STRETCH;
		int			kept = 0;

		check_interrupts();
		if (newest == 0 || newest >= MIN_STRETCH)
		{
			p->candidate[ncandidates++] = newest;
			p->forget[newest] = INT_MAX;
		}

		p->cost[end] = DBL_MAX;
		for (int i = 0; i < ncandidates; i++)
		{
			int			start = p->candidate[i];

			if (p->forget[start] <= end)
				continue;
			p->candidate[kept++] = start;
			p->start_cost[start] = p->cost[start] + stretch_cost(p, start, end);
			if (p->start_cost[start] + p->change_penalty < p->cost[end])
			{
				p->cost[end] = p->start_cost[start] + p->change_penalty;
				p->start[end] = start;
			}
		}
		ncandidates = kept;

		for (int i = 0; i < ncandidates; i++)
		{
			int			start = p->candidate[i];

			if (p->forget[start] == INT_MAX &&
				p->start_cost[start] - p->slope_penalty >= p->cost[end])
				p->forget[start] = end + MIN_STRETCH;
		}
	}
}

/* By what penalties grow, since residuals about the best cut wander. */
static double
wandering(const Partition *p)
{
	double	   *value = p->cost;
	double	   *residual = p->start_cost;
	double		square = 0;
	double		r;

	for (int end = p->n; end > 0; end = p->start[end])
	{
		int			start = p->start[end];
		Fit			f = fit(p, start, end);
		double		slope = is_level(p, &f, end - start) ? 0 : f.slope;

		for (int i = start; i < end; i++)
		{
			value[i] = p->sums[i + 1].y - p->sums[i].y;
			residual[i] = value[i] - f.mean_y -
				slope * (p->sums[i + 1].x - p->sums[i].x - f.mean_x);
			square += residual[i] * residual[i];
		}
	}
	r = series_autocorrelation(residual, value, p->n, 0, p->slope_factor);
	r = r * square / (square + p->n * ADDEND) - 2 / sqrt(p->n);
	return r > 0 ? sqrt((1 + r) / (1 - r)) : 1;
}

/* Centered and scaled; false if there is nothing to scale. */
static bool
prepare(Partition *p, const double *time, const double *value, double rounding,
		double *mean, double *scale, double *middle, double *unit)
{
	double		square = 0;

	*mean = 0;
	*middle = 0;
	for (int i = 0; i < p->n; i++)
	{
		*mean += value[i] / p->n;
		*middle += time[i] / p->n;
	}
	for (int i = 0; i < p->n; i++)
		square += (value[i] - *mean) * (value[i] - *mean);
	*scale = sqrt(square / p->n);
	*unit = (time[p->n - 1] - time[0]) / p->n;
	if (*scale <= rounding)
		return false;

	memset(&p->sums[0], 0, sizeof(Sums));
	for (int i = 0; i < p->n; i++)
	{
		double		x = (time[i] - *middle) / *unit;
		double		y = (value[i] - *mean) / *scale;
		const Sums *before = &p->sums[i];
		Sums	   *after = &p->sums[i + 1];

		after->x = before->x + x;
		after->y = before->y + y;
		after->xx = before->xx + x * x;
		after->xy = before->xy + x * y;
		after->yy = before->yy + y * y;
	}
	return true;
}

Size
trend_changes_room(int n)
{
	Size		m = (Size) n + 1;

	/* that of series_without_spikes() and season_remove() is that of sums */
	Assert(season_room(n) <= m * sizeof(Sums));
	return m * (sizeof(Sums) + 5 * sizeof(double) + 4 * sizeof(int));
}

int
trend_changes(const double *time, const double *value, int n, TrendChange *found,
			  void *room, CheckInterrupts check_interrupts)
{
	Size		m = (Size) n + 1;
	Partition	p;
	int		   *kept;
	double	   *time_kept;
	double	   *value_kept;
	double		rounding;
	double		factor;
	double		mean;
	double		scale;
	double		middle;
	double		unit;
	int			nfound = 0;
	int			last;

	p.sums = room;
	p.slope_factor = (double *) (p.sums + m);
	p.cost = p.slope_factor + m;
	p.start_cost = p.cost + m;
	time_kept = p.start_cost + m;
	value_kept = time_kept + m;
	p.start = (int *) (value_kept + m);
	p.candidate = p.start + m;
	p.forget = p.candidate + m;
	kept = p.forget + m;

	p.n = series_without_spikes(value, n, kept, room);
	if (p.n < 2 * MIN_STRETCH)
		return 0;
	for (int i = 0; i < p.n; i++)
	{
		time_kept[i] = time[kept[i]];
		value_kept[i] = value[kept[i]];
	}
	rounding = series_rounding(value_kept, p.n);
	season_remove(time_kept, value_kept, p.n, room, check_interrupts);
	if (!prepare(&p, time_kept, value_kept, rounding, &mean, &scale, &middle, &unit))
		return 0;
	set_penalties(&p, 1);
	find_best(&p, check_interrupts);
	factor = wandering(&p);
	set_penalties(&p, factor);
	if (factor > 1)
		find_best(&p, check_interrupts);

	for (int end = p.n; p.start[end] > 0; end = p.start[end])
		nfound++;
	last = nfound;
	for (int end = p.n; p.start[end] > 0; end = p.start[end])
	{
		int			cut = p.start[end];
		int			start = p.start[cut];
		Fit			before = fit(&p, start, cut);
		Fit			after = fit(&p, cut, end);
		TrendChange *change = &found[--last];

		if (is_level(&p, &before, cut - start))
			before.slope = 0;
		if (is_level(&p, &after, end - cut))
			after.slope = 0;
		change->index = kept[cut];
		change->before = mean + scale * (before.mean_y + before.slope *
										 ((time_kept[cut - 1] - middle) / unit - before.mean_x));
		change->after = mean + scale * (after.mean_y + after.slope *
										((time_kept[cut] - middle) / unit - after.mean_x));
		change->slope_before = before.slope * scale / unit;
		change->slope_after = after.slope * scale / unit;
	}
	return nfound;
}
