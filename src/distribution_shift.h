/*-------------------------------------------------------------------------
 *
 * distribution_shift.h
 *		Did what is counted move, and further than users move by themselves?
 *
 * Two distributions over the same bins, before and after, each as sums by
 * unit (user) and bin.  Bins lie on an axis (the logarithm of cost) or are
 * mere labels (intents).
 *
 * On an axis the distance is Wasserstein-1, sum |F - G| dx: how far the
 * average unit of mass has moved; on a logarithmic axis 0.18 reads "20 %".  Of labels it
 * is the Jensen-Shannon divergence in bits, 0 for the same shares to 1 for
 * nothing in common.  On an axis that is given too, over about twenty bins
 * with equal shares before, as it depends on how fine bins are.
 *
 * The p value is that of swapping both windows of single units, at random.
 * Calls of a user resemble each other, so they are swapped together; how much
 * a user does may differ between windows, and windows may be of any length,
 * so what is swapped is how a unit departs from the shares of all:
 *
 *		z_ub = (a_ub - h_b a_u) / a - (b_ub - h_b b_u) / b
 *
 * with a and b after and before, h the mean of both distributions.  sum_u z_ub
 * is the change of the share of bin b, sum_b z_ub is zero, and swapping u
 * turns its sign.  The statistic is the distance of sum_u +- z_ub; p is the
 * share of swaps, that of nobody among them, which are at least as far.
 *
 * Assumed: units are independent, and without a change it is as likely that a
 * unit departs in one way as in the opposite one.  A shock that all share shows as a change.
 *
 * O(swaps x rows) time, no memory of its own.
 *
 * References: L. Ruschendorf, "The Wasserstein distance and approximation
 * theorems", PTRF 70, 1985; J. Lin, "Divergence measures based on the Shannon
 * entropy", IEEE Trans. Inf. Theory 37, 1991; B. Phipson and G. Smyth,
 * "Permutation p-values should never be zero", SAGMB 9, 2010.
 *
 * Standard C only; knows nothing of SQL, memory or what is counted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_DISTRIBUTION_SHIFT_H
#define LLM_COST_DISTRIBUTION_SHIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "private_random.h"

/* Bins for the Jensen-Shannon divergence on an axis. */
#define SHIFT_COARSE_BINS	20

typedef struct ShiftRow
{
	int32_t		unit;
	int32_t		bin;
	bool		after;
	double		n;				/* positive */
} ShiftRow;

typedef struct Shift
{
	int64_t		nrows;
	const ShiftRow *rows;
	int32_t		nunits;
	int32_t		nbins;
	const double *position;		/* of bins, ascending; NULL: mere labels */
	double	   *scratch;		/* room for 5 nbins + 2 nunits */
} Shift;

/* NAN where there is none. */
typedef struct ShiftResult
{
	double		n[2];			/* before, after */
	double		wasserstein;
	double		mean_shift;
	double		jensen_shannon;
	int32_t		bin;			/* whose share changed most, -1: none */
	double		share[2];		/* its share */
} ShiftResult;

/* Sums up; has to come before shift_swap(). */
extern void shift_measure(const Shift *shift, ShiftResult *result);

/* One random swap: is it at least as far as what was measured? */
extern bool shift_swap(const Shift *shift, const ShiftResult *result, PrivateRandom *random);

#endif							/* LLM_COST_DISTRIBUTION_SHIFT_H */
