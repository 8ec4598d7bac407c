/*-------------------------------------------------------------------------
 *
 * cell_noise.c
 *		How far what a user pays for a call on a day is from what he usually
 *		pays.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "cell_noise.h"
#include "series.h"

/* Of a class of cells, to tell its variance. */
#define MIN_CLASS 20

/* Of the variance, that calls can be the reason of. */
#define MAX_SHARE_OF_CALLS 0.9

double
cell_noise_scale(double *size, int n)
{
	double		median = series_median(size, n);
	double		total = 0;

	if (median > 0)
		return 1.4826 * median;
	for (int i = 0; i < n; i++)
		total += size[i];
	return 1.2533 * total / n;
}

CellVariance
cell_variance(const double *size, const double *calls, int n, double *scratch)
{
	CellVariance variance = {1, 0};
	double		count = 0;
	double		x = 0;
	double		y = 0;
	double		xx = 0;
	double		xy = 0;

	for (int class = 0; class < 64; class ++)
	{
		double		inverse = 0;
		double		square;
		int			m = 0;

		for (int i = 0; i < n; i++)
			if (ilogb(calls[i]) == class)
			{
				scratch[m++] = size[i];
				inverse += 1 / calls[i];
			}
		if (m < MIN_CLASS)
			continue;
		inverse /= m;
		square = series_median(scratch, m);
		square *= square * 1.4826 * 1.4826;
		count += m;
		x += m * inverse;
		y += m * square;
		xx += m * inverse * inverse;
		xy += m * inverse * square;
	}
	if (y <= 0)
		return variance;
	x /= count;
	y /= count;
	xx = xx / count - x * x;
	xy = xy / count - x * y;
	if (xy <= 0 || xx < 1e-9)
		return variance;
	variance.of_calls = Min(xy / xx, MAX_SHARE_OF_CALLS * y / x);
	variance.of_cell = y - variance.of_calls * x;
	return variance;
}
