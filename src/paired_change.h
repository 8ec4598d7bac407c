/*-------------------------------------------------------------------------
 *
 * paired_change.h
 *		How much did a ratio of sums change, within the same users?
 *
 * Requests of one user resemble each other: a user's spend is one decision,
 * not ten thousand.  So users are what is sampled ("units"; teams or tenants
 * where those move together), each is compared with itself, and the error
 * comes from how differently units changed.
 *
 * Input is cells: sums y (cost, say) and n (calls) before and after, of a
 * unit or of a part of it.  Pairing is within cells, the standard error
 * clusters by unit, so a team may come as one cell for each of its users, and
 * a user as one cell for each stratum.
 *
 * PAIRED_RATIO estimates a common factor e^theta of y/n.  If it is taken out
 * of what came after, y2' = y2 / e^theta, each cell's calls should have cost
 * the same before and after, that is, the share of y that came after should
 * be the share of n:
 *
 *		sum v (q - p) = 0,	q = y2' / (y1 + y2'),	p = n2 / (n1 + n2)
 *
 * with v = N K / (N + K), N = n1 + n2, and K the 90th percentile of N: large
 * users count more, but none as if all his calls were independent.  To first
 * order that is the log of sum w r2/r over sum w r1/r, with r = y / n in each
 * period and in both, and w = v p (1 - p).
 *
 * Days of one user may be exchanged between the periods without changing y1 +
 * y2, N and v, so if nothing changed, q has the mean p whatever their
 * distribution: no bias, however unequal the periods are, and if calls and
 * their cost come in bursts.  (A mean of log ratios has one as soon as n
 * differs; a cap on n1 n2 / N, or a least n on both sides, has one with
 * bursts.)  Scaling y2 adds to theta exactly.
 *
 * PAIRED_DIFFERENCE estimates the additive change of a share such as a hit
 * ratio, sum w (r2 - r1) / sum w, with the same w.  n are the tokens or
 * attempts that share is of.
 *
 * Cells with some n on both sides are compared, for a ratio those with some y.
 *
 * A unit's influence is z = sum v (q - p), with information a = sum v q (1-q);
 * z / (1 - h), h = a / sum a, is what leaving it out would change (the
 * jackknife, or HC3), and SE^2 = sum (z / (1 - h))^2 / (sum a)^2.  The statistic is
 * compared with Student's t, whose degrees of freedom follow from how uneven
 * z are (F. Satterthwaite): few where few units dominate.
 *
 * Assumed: units are independent.  A shock that all of them share is
 * invisible here; verdict.h looks at earlier periods for that.  Units that
 * came or went are not compared at all: "matched" says how much they leave.
 *
 * Cells that are not finite, negative, or above 10^100 are left out and
 * counted.  Cells are put in order first, so the result does not depend on
 * how they came.  O(cells log cells) time, no memory of its own.
 *
 * References: R. Bell and D. McCaffrey, "Bias reduction in standard errors for
 * linear regression with multi-stage samples", Survey Methodology 28, 2002;
 * J. MacKinnon and H. White, "Some heteroskedasticity-consistent covariance
 * matrix estimators with improved finite sample properties", J. Econometrics
 * 29, 1985; A. Deng et al., "Applying the delta method in metric analytics",
 * KDD 2018.
 *
 * Standard C only; knows nothing of SQL, memory or verdicts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_PAIRED_CHANGE_H
#define LLM_COST_PAIRED_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At this percentile of n a user counts half of what his calls would. */
#define PAIRED_HALF	0.9

/* What is larger is no cost and no count. */
#define PAIRED_MAX			1e100

typedef enum PairedMode
{
	PAIRED_RATIO,
	PAIRED_DIFFERENCE
} PairedMode;

typedef struct PairedCell
{
	uint64_t	unit;			/* what is sampled, hashed */
	bool		unknown;		/* whose it is nobody knows: counts in totals */
	double		y1;
	double		n1;
	double		y2;
	double		n2;
} PairedCell;

/* NAN where there is none. */
typedef struct PairedChange
{
	PairedMode	mode;
	double		theta;			/* log of the factor, or the difference */
	double		low;			/* its 95 % interval */
	double		high;
	double		p_value;		/* two-sided, of no change */
	double		standard_error;
	double		df;
	int64_t		cells;			/* that were compared */
	int64_t		bad_cells;
	int64_t		units;
	double		effective_units;	/* as many of equal weight */
	double		matched_before; /* share of y, or of n, in these cells */
	double		matched_after;
	int64_t		rose;			/* units */
	int64_t		fell;
	double		smallest;		/* theta of single units */
	double		largest;
} PairedChange;

/*
 * Reorders and changes the cells; scratch has room for as many doubles.
 */
extern void paired_change(PairedMode mode, PairedCell *cells, size_t ncells,
						  double *scratch, PairedChange *result);

/* theta as a fraction: 0.1 is ten per cent more, or ten points */
extern double paired_fraction(PairedMode mode, double theta);
extern double paired_theta(PairedMode mode, double fraction);

#endif							/* LLM_COST_PAIRED_CHANGE_H */
