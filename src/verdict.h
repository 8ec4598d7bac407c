/*-------------------------------------------------------------------------
 *
 * verdict.h
 *		What an estimated change means, in a word and a sentence.
 *
 * The standard error of paired_change() holds if units are independent.
 * They are not: a model is slow for everybody, a holiday is everywhere.  What
 * such weeks do is seen in the changes of earlier periods, each measured like
 * the one in question (the same lengths, a step earlier each; the latest
 * first), when nothing is known to have happened.  So the error is the larger
 * of the two: of the standard error, and of the root mean square of at least
 * VERDICT_MIN_PLACEBO earlier changes.  Then the degrees of freedom are the
 * number of these by the share of the variance that only they tell of, 1 -
 * (standard error / root mean square)^2: many where users explain nearly all
 * of it.  Fewer earlier changes still widen the error, but cannot say how
 * uncertain it is.
 *
 * A single old step must not blind the weeks after it.  As long as the
 * baseline reaches over it, it shows in several earlier changes: of size s in
 * one, and then of s (1 - j / baseline_periods).  Where the largest earlier
 * change stands out from the rest without that pattern (a t test, one per
 * cent for all of them), it is a step, and the rest is what counts.  Common
 * shocks do not pass for steps, as the rest has them too.
 *
 * Where changes, this one included, have a mean (p < 0.01), there is a trend,
 * and what earlier changes do around their mean is the error.  A change that
 * continues a trend is called that; one that goes beyond it has to differ
 * from the trend as well as from nothing.
 *
 * Verdicts, first that applies:
 *
 *	inconclusive	more than 1 % of either side has no price
 *	insufficient	nothing to compare; one unit; units that count like fewer
 *					than 10 of equal weight: then what they did is said, and
 *					that it holds for them alone
 *	inconclusive	less than 70 % of either side belongs to units seen on both
 *	trend			as above, and the trend is at least a fifth of the margin
 *	increased, decreased	p < 0.01, and not surely within the margin
 *	no_large_change	the 95 % interval is within four margins
 *	inconclusive	otherwise
 *
 * The margin is 5 % of a ratio and one point of a share unless it is given.
 *
 * Standard C only; knows nothing of SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_VERDICT_H
#define LLM_COST_VERDICT_H

#include "paired_change.h"

#define VERDICT_MIN_PLACEBO			4
#define VERDICT_MIN_EFFECTIVE_UNITS 10
#define VERDICT_MIN_MATCHED			0.7
#define VERDICT_MAX_UNPRICED		0.01
#define VERDICT_LEVEL				0.01
#define VERDICT_RATIO_MARGIN		0.05
#define VERDICT_DIFFERENCE_MARGIN	0.01
#define VERDICT_LARGE				4	/* margins */
#define VERDICT_BASELINE_PERIODS	4

/* So many earlier changes are looked at, the latest. */
#define VERDICT_MAX_PLACEBO			100

typedef enum Verdict
{
	VERDICT_INCREASED,
	VERDICT_DECREASED,
	VERDICT_NO_LARGE_CHANGE,
	VERDICT_TREND,
	VERDICT_INCONCLUSIVE,
	VERDICT_INSUFFICIENT
} Verdict;

typedef struct VerdictInput
{
	const PairedChange *estimate;
	const double *placebo;		/* thetas, the latest first; NAN: left out */
	int			nplacebo;
	int			baseline_periods;	/* steps that the baseline is long */
	double		unpriced_before;
	double		unpriced_after;
	double		margin;
	const char *unit;			/* what a unit is called */
} VerdictInput;

typedef struct VerdictResult
{
	Verdict		verdict;
	double		standard_error; /* NAN where there is none, and so on */
	double		df;
	double		low;			/* of theta, 95 % */
	double		high;
	double		p_value;
	int			placebo_larger; /* at least as large as this change */
	int			placebo_windows;
	char		cause[256];
} VerdictResult;

extern const char *verdict_name(Verdict verdict);
extern void change_verdict(const VerdictInput *input, VerdictResult *result);

#endif							/* LLM_COST_VERDICT_H */
