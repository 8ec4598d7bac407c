/*-------------------------------------------------------------------------
 *
 * attribution.h
 *		Which release is a change near?  A probability for each, and for none.
 *
 * Given is a series of days, logarithms of unit cost say, that is known to
 * have changed, and for each release what share of each day had it.  A share
 * of 0, 0.05, 0.5, 1 is a rollout, 0 then 1 a deploy at midnight; a deploy at
 * noon has half of its day.
 *
 * Model.  value = weekday + effect x exposure + noise, with exposure that of
 * one release (hypotheses 1 to k), or a step at midnight of any day, or
 * nothing at all (together hypothesis "no release", half of whose prior is
 * divided among the steps).  The effect has the sign of the change that was
 * found.  Noise is normal of unknown size, weighted, with an autocorrelation
 * of the first order.  Then
 *
 *		P(h) ~ prior(h) (RSS(h) / RSS(best))^(-v / 2)
 *
 * where v are the degrees of freedom, times (1 - r) / (1 + r) for the
 * autocorrelation r of the residuals of the best hypothesis if it is above 0:
 * the likelihood with nuisance parameters at their best, its logarithm
 * divided by the long-run variance.  For small differences it is
 * prior x exp(-LR / 2), and it allows for the size of noise not being known.
 *
 * Where every weekday occurs three times or more each has its own level, else
 * all days have one.  Exposures that are constant explain nothing.
 *
 * Assumed: one change.  Two releases with the same exposure cannot be told
 * apart but by their priors, and share the probability; whoever names one
 * should ask for 0.9.
 *
 * O(days x releases), which is the size of what is given; it can be interrupted.
 * Numbers may be as large as doubles are: what makes days comparable is taken
 * out first.  Reference: the location of a change point as
 * a posterior distribution, A. Smith, "A Bayesian approach to inference about
 * a change-point in a sequence of random variables", Biometrika 62, 1975.
 *
 * Standard C only; knows nothing of SQL, users or costs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_ATTRIBUTION_H
#define LLM_COST_ATTRIBUTION_H

#include <stddef.h>

#include "series.h"

#define ATTRIBUTION_WEEKDAYS 7

typedef struct AttributionInput
{
	int			ndays;
	const double *value;		/* NAN: unknown, left out */
	const double *weight;		/* NAN or not above 0: left out */
	const int  *weekday;		/* 0 to 6 */
	int			nreleases;
	const double *exposure;		/* of release r on day d: [r * ndays + d]; not finite: 0 */
	const double *prior;		/* of each release, not negative */
	double		prior_none;
	int			direction;		/* 1 rose, -1 fell, 0 unknown */
	CheckInterrupts check_interrupts;
} AttributionInput;

/* So many doubles of memory are taken, the caller's. */
extern size_t attribution_room(int ndays);

/*
 * Fills nreleases + 1 probabilities, the last one that of no release.  Fewer
 * than four days say nothing: then it is certain.
 */
extern void attribute_change(const AttributionInput *input, double *probability, double *room);

#endif							/* LLM_COST_ATTRIBUTION_H */
