/*-------------------------------------------------------------------------
 *
 * decompose.h
 *		Why did spend change?  An exact sum of effects in money.
 *
 * Two windows are compared, before and after, at prices of one time; what
 * prices did is a line of its own, and needs no model.  Input are rows: what
 * one unit (a user) did in one leaf of the tree, as sums.
 *
 * Units that are new or lost are lines of their own with all they spend.  The
 * others, the known ones, go through the tree
 *
 *		cost = operations x cost per operation
 *		cost per operation = mean over cells (intents), by share of operations,
 *			of calls x cost per call + failed calls x cost per failed call
 *		cost per call = mean over parts (model, service tier, region), by share of calls,
 *			of input tokens x price per input token + output + other
 *		price per input token = mean over uncached, cache read, cache write of
 *			five minutes, cache write of one hour
 *
 * There are two kinds of nodes, and both give their change away completely:
 *
 *	-	a weighted mean U = sum s_i u_i: mix is sum (u~_i - U~) ds_i, the rest is
 *		sum s~_i du_i, with ~ the mean of before and after.  Taking U~ off
 *		changes no sum, as shares add up to one, and lets a growing cheap cell
 *		lower the mix.  For cache shares the price of an uncached token takes
 *		the place of U~: what reads save and what writes cost extra.
 *	-	a product x = a b: a has L(x1, x0) ln(a1 / a0), and so has b, where
 *		L(p, q) = (p - q) / ln(p / q) is the logarithmic mean (LMDI).  If b
 *		is opened further, its change db counts L(x1, x0) / L(b1, b0).
 *
 * Neither depends on an order in which factors would be changed one after the
 * other, and LMDI of a product of products is that of all factors at once.
 *
 * A cell or part that is on one side only takes the unit cost of the other
 * side, and so is mix and nothing else.  Where a factor is zero on one side,
 * the change of the node goes to the factor that is zero, the limit for a
 * factor that tends to it (halves, where both are); no small number stands in
 * for zero.  Negative factors, which only refunds could make, are split by
 * their means instead of logarithms.  The price of a token does not depend on
 * time here but on the length of a prompt, where a model has context tiers:
 * the change of a rate is counted where the dearer tokens are, input or
 * output.
 *
 * An operation that began before the window has calls in it but is not counted
 * in it; a cell with calls and no operation takes as many operations as the
 * calls would be on the other side.
 *
 * Assumed: sums within a unit and leaf are exact enough as doubles.  The sum of
 * the effects differs from the change by some 1e-15 of the larger side.
 * Effects are arithmetic, not causes: tokens that a retry storm truncates show
 * as tokens.  Intervals come from drawing units with replacement, so they hold
 * as far as units are independent.
 *
 * O(rows) time for each evaluation, no memory of its own.  Rows have to come
 * in an order of their own if the same input is to give the same bytes.
 *
 * References: B. W. Ang, "Decomposition analysis for policymaking in energy:
 * which is the preferred method?", Energy Policy 32, 2004; B. W. Ang and N.
 * Liu, "Handling zero values in the logarithmic mean Divisia index
 * decomposition approach", Energy Policy 35, 2007; R. Wood and M. Lenzen,
 * "Zero-value problems of the logarithmic mean Divisia index decomposition
 * method", Energy Policy 34, 2006; B. Efron, "Bootstrap methods: another look
 * at the jackknife", Annals of Statistics 7, 1979.
 *
 * Standard C only; knows nothing of SQL, memory, currencies or names.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_DECOMPOSE_H
#define LLM_COST_DECOMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "private_random.h"

typedef enum Effect
{
	EFFECT_VOLUME,
	EFFECT_NEW_USERS,
	EFFECT_LOST_USERS,
	EFFECT_PRICE,
	EFFECT_INTENT_MIX,
	EFFECT_MODEL_MIX,
	EFFECT_CALLS,
	EFFECT_RETRIES,
	EFFECT_INPUT_TOKENS,
	EFFECT_OUTPUT,
	EFFECT_CACHE,
	EFFECT_OTHER,
	NUM_SUMMED_EFFECTS,
	/* what cache is made of, and the sum of all */
	EFFECT_CACHE_READ = NUM_SUMMED_EFFECTS,
	EFFECT_CACHE_WRITE_5M,
	EFFECT_CACHE_WRITE_1H,
	EFFECT_TOTAL,
	NUM_EFFECTS
} Effect;

/* How input tokens are billed. */
typedef enum InputClass
{
	INPUT_UNCACHED,
	INPUT_CACHE_READ,
	INPUT_CACHE_WRITE_5M,
	INPUT_CACHE_WRITE_1H,
	NUM_INPUT_CLASSES
} InputClass;

/* Sums; costs are at reference prices. */
typedef struct UsageSums
{
	double		operations;		/* that began here */
	double		calls;
	double		tokens[NUM_INPUT_CLASSES];
	double		input_cost[NUM_INPUT_CLASSES];
	double		output_cost;
	double		other_cost;
	double		price;			/* cost less cost at reference prices */
} UsageSums;

typedef enum Standing
{
	STANDING_KNOWN,
	STANDING_NEW,
	STANDING_LOST
} Standing;

/* A leaf of the tree: calls of one part in one cell, failed or not. */
typedef struct DecomposeLeaf
{
	int32_t		cell;
	int32_t		part;
	bool		failed;
} DecomposeLeaf;

typedef struct DecomposeRow
{
	int32_t		unit;
	int32_t		leaf;
	bool		after;
	Standing	standing;
	UsageSums	sums;
} DecomposeRow;

typedef struct Decomposition
{
	int64_t		nrows;
	const DecomposeRow *rows;
	int32_t		nunits;
	int32_t		ncells;
	int32_t		nparts;
	int32_t		nleaves;
	const DecomposeLeaf *leaves;	/* cells ascending; in a cell calls, then failed ones */
	UsageSums (*sums)[2];		/* scratch: for every leaf, before and after */
	double	   *cell_sums;		/* scratch: DECOMPOSE_CELL_SUMS for every cell */
} Decomposition;

#define DECOMPOSE_CELL_SUMS	6

/*
 * The effects, with each unit counted weights[unit] times (NULL: once).
 * by_cell and by_part, where they are not NULL, take the share of each cell
 * and part: NUM_EFFECTS numbers each.
 */
extern void decompose(const Decomposition *d, const double *weights, double *effects,
					  double *by_cell, double *by_part);

/* Weights of a bootstrap resample: as many units, drawn with replacement. */
extern void decompose_resample(const Decomposition *d, PrivateRandom *random, double *weights);

/* The p-quantile of n numbers in ascending order, between neighbours if need be. */
extern double decompose_quantile(const double *sorted, int n, double p);

#endif							/* LLM_COST_DECOMPOSE_H */
