/*-------------------------------------------------------------------------
 *
 * series.h
 *		What all that reads a series of values in time has in common.
 *
 * A series is what was observed, in order of time; buckets in which nothing
 * was observed are simply not there.
 *
 * Spikes.  A value far from the running median of five is no change of
 * level, whatever else it is: a change lasts.  "Far" is more than five
 * standard deviations, the largest of three estimates: from the median of what
 * values are away from their running medians; from the mean of it, which is
 * more when most values are equal; and from the median step to the next value,
 * which is more when the series wanders, so that a peak is no spike.  At both
 * ends, where there is no window of five, J. Tukey's rule extrapolates, so that
 * a last bucket that is only half there is a spike as well.  Two spikes in
 * succession are found, three values are an episode.  Spikes are left out, as
 * if not observed.
 *
 * Autocorrelation.  Neighbouring buckets that resemble each other say less
 * than independent ones.  The lag-1 autocorrelation of residuals is biased
 * downwards, for which (1 + 3 r) / n allows for each of the means (M. Kendall,
 * "Note on bias in the estimation of autocorrelation", Biometrika 41, 1954).
 * But where a level has changed unnoticed, residuals resemble each other too.
 * So it is not believed to exceed what steps say by more than two of their
 * standard errors: the ratio of mean squares over two buckets and
 * over one, both without their largest tenth, which a few changes of level
 * leave alone.  Negative ones count as none.
 *
 * Memory comes from the caller.  Knows nothing of SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_SERIES_H
#define LLM_COST_SERIES_H

/* What long computations call now and then; it need not return. */
typedef void (*CheckInterrupts) (void);

/* Of n values, which are put in another order. */
extern double series_median(double *values, int n);
extern double series_quantile(double *values, int n, double p);

/* What rounding may do to values as large as these. */
extern double series_rounding(const double *value, int n);

/*
 * Which of n values are no spikes: their positions go to kept, their number is
 * returned.  The room is for 2 n doubles.
 */
extern int	series_without_spikes(const double *value, int n, int *kept, double *room);

/* Lag-1 autocorrelation of residuals about means; room for n doubles. */
extern double series_autocorrelation(const double *residual, const double *value,
									 int n, int nmeans, double *room);

#endif							/* LLM_COST_SERIES_H */
