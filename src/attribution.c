/*-------------------------------------------------------------------------
 *
 * attribution.c
 *		Which release is a change near?  See attribution.h.
 *
 *-------------------------------------------------------------------------
 */
#include "attribution.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MIN_DAYS			4
#define DAYS_PER_WEEKDAY	3
#define MAX_CORRELATION		0.9

/* Sums of squares below this part of all are rounding. */
#define NOTHING		1e-12

/* The days that are known, and their deviations from the weekday's mean. */
typedef struct Days
{
	int			n;
	int			groups;
	int			group[ATTRIBUTION_WEEKDAYS];	/* of a weekday */
	double	   *value;
	double	   *weight;
	double	   *weekday;
	double	   *exposure;		/* of one hypothesis */
	double	   *residual;		/* of the best */
	double		squares;
} Days;

int
attribution_room(int ndays)
{
	return 5 * ndays;
}

static void
subtract_means(const Days *days, double *x)
{
	double		sum[ATTRIBUTION_WEEKDAYS] = {0};
	double		total[ATTRIBUTION_WEEKDAYS] = {0};

	for (int i = 0; i < days->n; i++)
	{
		int			g = days->group[(int) days->weekday[i]];

		sum[g] += days->weight[i] * x[i];
		total[g] += days->weight[i];
	}
	for (int i = 0; i < days->n; i++)
	{
		int			g = days->group[(int) days->weekday[i]];

		x[i] -= sum[g] / total[g];
	}
}

static bool
usable(const AttributionInput *input, int day)
{
	return isfinite(input->value[day]) && isfinite(input->weight[day]) && input->weight[day] > 0 &&
		input->weekday[day] >= 0 && input->weekday[day] < ATTRIBUTION_WEEKDAYS;
}

static void
prepare(const AttributionInput *input, double *room, Days *days)
{
	int			count[ATTRIBUTION_WEEKDAYS] = {0};
	bool		by_weekday = true;

	days->n = 0;
	days->value = room;
	days->weight = room + input->ndays;
	days->weekday = room + 2 * input->ndays;
	days->exposure = room + 3 * input->ndays;
	days->residual = room + 4 * input->ndays;
	for (int d = 0; d < input->ndays; d++)
	{
		if (!usable(input, d))
			continue;
		days->value[days->n] = input->value[d];
		days->weight[days->n] = input->weight[d];
		days->weekday[days->n] = input->weekday[d];
		days->n++;
		count[input->weekday[d]]++;
	}
	days->groups = 0;
	for (int w = 0; w < ATTRIBUTION_WEEKDAYS; w++)
		by_weekday &= count[w] >= DAYS_PER_WEEKDAY;
	days->groups = by_weekday ? ATTRIBUTION_WEEKDAYS : 1;
	for (int w = 0; w < ATTRIBUTION_WEEKDAYS; w++)
		days->group[w] = by_weekday ? w : 0;

	days->squares = 0;
	if (days->n == 0)
		return;
	subtract_means(days, days->value);
	for (int i = 0; i < days->n; i++)
		days->squares += days->weight[i] * days->value[i] * days->value[i];
}

/*
 * What the exposure, which is in days->exposure, leaves unexplained; and its
 * effect.
 */
static double
unexplained(const Days *days, int direction, double *effect)
{
	double		xe = 0;
	double		ee = 0;

	subtract_means(days, days->exposure);
	for (int i = 0; i < days->n; i++)
	{
		xe += days->weight[i] * days->value[i] * days->exposure[i];
		ee += days->weight[i] * days->exposure[i] * days->exposure[i];
	}
	*effect = ee > NOTHING ? xe / ee : 0;
	if (*effect * direction < 0)
		*effect = 0;
	return fmax(0, days->squares - *effect * xe);
}

static void
expose_release(const AttributionInput *input, int release, const Days *days)
{
	int			n = 0;

	for (int d = 0; d < input->ndays; d++)
	{
		double		share = input->exposure[release * input->ndays + d];

		if (usable(input, d))
			days->exposure[n++] = isfinite(share) ? share : 0;
	}
}

static void
expose_step(int day, const Days *days)
{
	for (int i = 0; i < days->n; i++)
		days->exposure[i] = i >= day;
}

/* If this is the best so far, its residuals are kept. */
static void
remember(const Days *days, double squares, double effect, double *best)
{
	if (squares >= *best)
		return;
	*best = squares;
	for (int i = 0; i < days->n; i++)
		days->residual[i] = days->value[i] - effect * days->exposure[i];
}

static double
degrees_of_freedom(const Days *days)
{
	double		products = 0;
	double		squares = 0;
	double		correlation = 0;
	double		df = days->n - days->groups - 1;

	for (int i = 0; i < days->n; i++)
	{
		squares += days->residual[i] * days->residual[i];
		if (i > 0)
			products += days->residual[i] * days->residual[i - 1];
	}
	if (squares > 0)
		correlation = fmin(fmax(products / squares, 0), MAX_CORRELATION);
	return fmax(1, df * (1 - correlation) / (1 + correlation));
}

/* A hypothesis by its sum of squares. */
static double
likelihood(double squares, double best, double floor, double df)
{
	return exp(-0.5 * df * log((squares + floor) / (best + floor)));
}

void
attribute_change(const AttributionInput *input, double *probability, double *room)
{
	Days		days;
	double		best = INFINITY;
	double		effect;
	double		floor;
	double		df;
	double		total = 0;
	double	   *none = &probability[input->nreleases];

	memset(probability, 0, (input->nreleases + 1) * sizeof(double));
	*none = 1;
	prepare(input, room, &days);
	if (days.n < MIN_DAYS || days.n - days.groups - 1 < 1 || !(days.squares > 0))
		return;

	/* the best first, as all others are measured by it */
	for (int day = 1; day < days.n; day++)
	{
		double		squares;

		expose_step(day, &days);
		squares = unexplained(&days, input->direction, &effect);
		remember(&days, squares, effect, &best);
	}
	for (int r = 0; r < input->nreleases; r++)
	{
		expose_release(input, r, &days);
		probability[r] = unexplained(&days, input->direction, &effect);
		remember(&days, probability[r], effect, &best);
	}
	floor = NOTHING * days.squares;
	df = degrees_of_freedom(&days);

	*none = 0.5 * likelihood(days.squares, best, floor, df);
	for (int day = 1; day < days.n; day++)
	{
		expose_step(day, &days);
		*none += 0.5 / (days.n - 1) * likelihood(unexplained(&days, input->direction, &effect), best, floor, df);
	}
	*none *= input->prior_none;
	total = *none;
	for (int r = 0; r < input->nreleases; r++)
	{
		/* what explains nothing is no explanation */
		if (probability[r] >= days.squares)
			probability[r] = 0;
		else
			probability[r] = input->prior[r] * likelihood(probability[r], best, floor, df);
		total += probability[r];
	}
	if (!(total > 0))
	{
		*none = total = 1;
	}
	for (int r = 0; r <= input->nreleases; r++)
		probability[r] /= total;
}
