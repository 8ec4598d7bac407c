/*-------------------------------------------------------------------------
 *
 * cell_noise.h
 *		How far what a user pays for a call on a day is from what he usually
 *		pays.
 *
 * A cell is the mean cost of some calls, as a logarithm.  Its noise has a
 * part that more calls even out, and one that they do not: a user's day has
 * a subject of its own.  So its variance is a + b / calls, and the weight of
 * a cell is the inverse: it grows with the calls up to where the day itself
 * is what varies.  a and b are a line through robust variances of classes of
 * cells, each with up to twice the calls of the one before.
 *
 * Tails are heavy: residuals are weighted by P. Huber's function, bent at
 * 1.345 standard deviations ("Robust estimation of a location parameter",
 * Ann. Math. Statist. 35, 1964).
 *
 * Knows nothing of users or time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_CELL_NOISE_H
#define LLM_COST_CELL_NOISE_H

#include <math.h>

#define HUBER_BEND 1.345		/* in standard deviations */

typedef struct CellVariance
{
	double		of_cell;		/* a */
	double		of_calls;		/* b */
} CellVariance;

static inline double
cell_weight(const CellVariance *variance, double calls)
{
	return 1 / (variance->of_cell + variance->of_calls / calls);
}

static inline double
huber_weight(double residual, double scale)
{
	double		size = fabs(residual);

	return size > HUBER_BEND * scale ? HUBER_BEND * scale / size : 1;
}

/* The standard deviation of normal noise with such absolute residuals. */
extern double cell_noise_scale(double *size, int n);

/* From absolute residuals and calls of n cells; scratch for n doubles. */
extern CellVariance cell_variance(const double *size, const double *calls, int n,
								  double *scratch);

#endif							/* LLM_COST_CELL_NOISE_H */
