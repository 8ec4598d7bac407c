/*-------------------------------------------------------------------------
 *
 * series.c
 *		What all that reads a series of values in time has in common.
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

#include "series.h"

/* So many standard deviations make a spike. */
#define SPIKE 5.0

/* Autocorrelations above make no difference any more. */
#define MAX_AUTOCORRELATION 0.95

/* The k-th smallest value, from 0 (C. Hoare's selection). */
static double
select_value(double *values, int n, int k)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		double		pivot = values[low + (high - low) / 2];
		int			i = low;
		int			j = high;

		while (i <= j)
		{
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i <= j)
			{
				double		swapped = values[i];

				values[i++] = values[j];
				values[j--] = swapped;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return values[k];
}

double
series_median(double *values, int n)
{
	double		upper = select_value(values, n, n / 2);
	double		lower = upper;

	if (n % 2 == 1)
		return upper;
	/* what is left of the upper one is not larger */
	lower = values[0];
	for (int i = 1; i < n / 2; i++)
		lower = Max(lower, values[i]);
	return lower + (upper - lower) / 2;
}

double
series_quantile(double *values, int n, double p)
{
	return select_value(values, n, (int) (p * (n - 1)));
}

double
series_rounding(const double *value, int n)
{
	double		largest = 0;

	for (int i = 0; i < n; i++)
		largest = Max(largest, fabs(value[i]));
	return largest * 1e-12;
}

static inline double
median_of_three(double a, double b, double c)
{
	return Max(Min(a, b), Min(Max(a, b), c));
}

static inline double
median_of_five(const double *v)
{
	double		lower = Max(Min(v[0], v[1]), Min(v[2], v[3]));
	double		upper = Min(Max(v[0], v[1]), Max(v[2], v[3]));

	return median_of_three(lower, upper, v[4]);
}

/* Distances from the running median. */
static void
deviations(const double *value, int n, double *deviation)
{
	double		next;
	double		end;

	for (int i = 2; i < n - 2; i++)
		deviation[i] = value[i] - median_of_five(value + i - 2);

	next = median_of_three(value[0], value[1], value[2]);
	end = median_of_three(value[0], next, 3 * next - 2 * (value[2] - deviation[2]));
	deviation[1] = value[1] - next;
	deviation[0] = value[0] - end;

	next = median_of_three(value[n - 1], value[n - 2], value[n - 3]);
	end = median_of_three(value[n - 1], next, 3 * next - 2 * (value[n - 3] - deviation[n - 3]));
	deviation[n - 2] = value[n - 2] - next;
	deviation[n - 1] = value[n - 1] - end;
}

int
series_without_spikes(const double *value, int n, int *kept, double *room)
{
	double	   *deviation = room;
	double	   *size = room + n;
	double		limit = DBL_MAX;
	int			nkept = 0;

	if (n >= 5)
	{
		double		total = 0;

		deviations(value, n, deviation);
		for (int i = 0; i < n; i++)
			total += size[i] = fabs(deviation[i]);
		/* what makes each the standard deviation of normal noise */
		limit = Max(1.4826 * series_median(size, n), 1.2533 * (total / n));
		for (int i = 1; i < n; i++)
			size[i - 1] = fabs(value[i] - value[i - 1]);
		limit = Max(limit, 1.4826 / sqrt(2) * series_median(size, n - 1));
		limit = Max(SPIKE * limit, series_rounding(value, n));
	}
	for (int i = 0; i < n; i++)
		if (n < 5 || fabs(deviation[i]) <= limit)
			kept[nkept++] = i;
	return nkept;
}

/* The mean square of steps, without the largest tenth of them. */
static double
mean_square_step(const double *value, int n, int lag, double *room)
{
	int			nsteps = n - lag;
	int			nsmall = nsteps - nsteps / 10;
	double		total = 0;

	for (int i = 0; i < nsteps; i++)
	{
		double		step = value[i + lag] - value[i];

		room[i] = step * step;
	}
	/* puts the smaller ones first */
	select_value(room, nsteps, nsmall - 1);
	for (int i = 0; i < nsmall; i++)
		total += room[i];
	return total / nsmall;
}

double
series_autocorrelation(const double *residual, const double *value, int n, int nmeans,
					   double *room)
{
	double		product = 0;
	double		square = 0;
	double		of_residuals;
	double		one_step;
	double		of_steps = 0;

	if (n < 4)
		return 0;
	for (int i = 0; i < n; i++)
	{
		square += residual[i] * residual[i];
		if (i > 0)
			product += residual[i] * residual[i - 1];
	}
	if (square <= 0)
		return 0;
	of_residuals = product / square;
	of_residuals += nmeans * (1 + 3 * of_residuals) / n;
	if (of_residuals <= 0)
		return 0;
	one_step = mean_square_step(value, n, 1, room);
	if (one_step > 0)
		of_steps = Max(mean_square_step(value, n, 2, room) / one_step - 1, 0);
	of_steps += 2 / sqrt(n);
	return Min(Min(of_residuals, of_steps), MAX_AUTOCORRELATION);
}
