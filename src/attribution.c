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

/* So many numbers are gone through between two looks for interrupts. */
#define INTERRUPT_DAYS		65536

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
	double	   *place;			/* in the input */
	double	   *exposure;		/* of one hypothesis */
	double		squares;
} Days;

/* A hypothesis: what it leaves unexplained, and how large its effect is. */
typedef struct Fit
{
	double		squares;
	double		effect;
} Fit;

size_t
attribution_room(int ndays)
{
	return 5 * (size_t) ndays;
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

/* What makes the largest number about one, a power of two; others may vanish. */
static int
common_exponent(const AttributionInput *input, const double *numbers)
{
	double		largest = 0;
	int			exponent = 0;

	for (int d = 0; d < input->ndays; d++)
		if (usable(input, d))
			largest = fmax(largest, fabs(numbers[d]));
	frexp(largest, &exponent);
	return exponent;
}

static void
prepare(const AttributionInput *input, double *room, Days *days)
{
	int			value_exponent = common_exponent(input, input->value);
	int			weight_exponent = common_exponent(input, input->weight);
	int			count[ATTRIBUTION_WEEKDAYS] = {0};
	bool		by_weekday = true;

	days->n = 0;
	days->value = room;
	days->weight = room + input->ndays;
	days->weekday = room + 2 * (size_t) input->ndays;
	days->place = room + 3 * (size_t) input->ndays;
	days->exposure = room + 4 * (size_t) input->ndays;
	for (int d = 0; d < input->ndays; d++)
	{
		double		weight;

		if (!usable(input, d))
			continue;
		/* next to the others it says nothing */
		weight = ldexp(input->weight[d], -weight_exponent);
		if (weight < NOTHING * NOTHING)
			continue;
		days->value[days->n] = ldexp(input->value[d], -value_exponent);
		days->weight[days->n] = weight;
		days->weekday[days->n] = input->weekday[d];
		days->place[days->n] = d;
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

static Fit
fit_of(const Days *days, int direction, double xe, double ee)
{
	Fit			fit;

	fit.effect = ee > NOTHING ? xe / ee : 0;
	if (fit.effect * direction < 0)
		fit.effect = 0;
	fit.squares = fmax(0, days->squares - fit.effect * xe);
	return fit;
}

static void
expose_release(const AttributionInput *input, int release, const Days *days)
{
	const double *exposure = input->exposure + (size_t) release * input->ndays;

	for (int i = 0; i < days->n; i++)
	{
		double		share = exposure[(int) days->place[i]];

		days->exposure[i] = isfinite(share) ? share : 0;
	}
	subtract_means(days, days->exposure);
}

static Fit
fit_release(const AttributionInput *input, int release, const Days *days)
{
	double		xe = 0;
	double		ee = 0;

	expose_release(input, release, days);
	for (int i = 0; i < days->n; i++)
	{
		xe += days->weight[i] * days->value[i] * days->exposure[i];
		ee += days->weight[i] * days->exposure[i] * days->exposure[i];
	}
	return fit_of(days, input->direction, xe, ee);
}

static void
expose_step(int day, const Days *days)
{
	for (int i = 0; i < days->n; i++)
		days->exposure[i] = i >= day;
	subtract_means(days, days->exposure);
}

/* Steps from the last day to the first, each from the one before. */
typedef struct Steps
{
	int			day;
	double		xe;
	double		after[ATTRIBUTION_WEEKDAYS];	/* weights, of each group */
	double		total[ATTRIBUTION_WEEKDAYS];
} Steps;

static void
begin_steps(const Days *days, Steps *steps)
{
	memset(steps, 0, sizeof(Steps));
	steps->day = days->n;
	for (int i = 0; i < days->n; i++)
		steps->total[days->group[(int) days->weekday[i]]] += days->weight[i];
}

/*
 * Values are deviations from the means of their groups, so the means of the
 * exposure drop out of its product with them, and its squares follow from the
 * weights on either side.
 */
static Fit
next_step(const AttributionInput *input, const Days *days, Steps *steps)
{
	double		ee = 0;
	int			i = --steps->day;

	steps->xe += days->weight[i] * days->value[i];
	steps->after[days->group[(int) days->weekday[i]]] += days->weight[i];
	for (int g = 0; g < days->groups; g++)
		if (steps->total[g] > 0)
			ee += steps->after[g] * fmax(0, 1 - steps->after[g] / steps->total[g]);
	if (i % INTERRUPT_DAYS == 0)
		input->check_interrupts();
	return fit_of(days, input->direction, steps->xe, ee);
}

/* of the best hypothesis, whose exposure is in days->exposure */
static double
degrees_of_freedom(const Days *days, double effect)
{
	double		products = 0;
	double		squares = 0;
	double		before = 0;
	double		correlation = 0;
	double		df = days->n - days->groups - 1;

	for (int i = 0; i < days->n; i++)
	{
		double		residual = days->value[i] - effect * days->exposure[i];

		squares += residual * residual;
		products += residual * before;
		before = residual;
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
	Steps		steps;
	Fit			best = {INFINITY, 0};
	int			best_step = -1;
	int			best_release = -1;
	double		floor;
	double		df;
	double		total = 0;
	double	   *none = &probability[input->nreleases];

	memset(probability, 0, ((size_t) input->nreleases + 1) * sizeof(double));
	*none = 1;
	prepare(input, room, &days);
	if (days.n < MIN_DAYS || days.n - days.groups - 1 < 1 || !(days.squares > 0))
		return;

	/* the best first, as all others are measured by it */
	begin_steps(&days, &steps);
	while (steps.day > 1)
	{
		Fit			fit = next_step(input, &days, &steps);

		/* of equal ones the first */
		if (fit.squares <= best.squares)
		{
			best = fit;
			best_step = steps.day;
		}
	}
	for (int r = 0; r < input->nreleases; r++)
	{
		Fit			fit = fit_release(input, r, &days);

		input->check_interrupts();
		probability[r] = fit.squares;
		if (fit.squares < best.squares)
		{
			best = fit;
			best_release = r;
		}
	}
	if (best_release >= 0)
		expose_release(input, best_release, &days);
	else
		expose_step(best_step, &days);
	floor = NOTHING * days.squares;
	df = degrees_of_freedom(&days, best.effect);

	*none = 0.5 * likelihood(days.squares, best.squares, floor, df);
	begin_steps(&days, &steps);
	while (steps.day > 1)
		*none += 0.5 / (days.n - 1) * likelihood(next_step(input, &days, &steps).squares, best.squares, floor, df);
	*none *= input->prior_none;
	total = *none;
	for (int r = 0; r < input->nreleases; r++)
	{
		/* what explains nothing is no explanation */
		if (probability[r] >= days.squares)
			probability[r] = 0;
		else
			probability[r] = input->prior[r] * likelihood(probability[r], best.squares, floor, df);
		total += probability[r];
	}
	if (!(total > 0))
	{
		*none = total = 1;
	}
	for (int r = 0; r <= input->nreleases; r++)
		probability[r] /= total;
}
