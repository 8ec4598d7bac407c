/*-------------------------------------------------------------------------
 *
 * decompose.c
 *		The change of spend as an exact sum of effects.  See decompose.h.
 *
 *-------------------------------------------------------------------------
 */
#include "decompose.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define BEFORE	0
#define AFTER	1

/* Where effects go: the total, and that of a cell and of a part. */
typedef struct Ledger
{
	double	   *effects;
	double	   *by_cell;
	double	   *by_part;
} Ledger;

static void
book(const Ledger *ledger, Effect effect, double amount, int32_t cell, int32_t part)
{
	ledger->effects[effect] += amount;
	if (ledger->by_cell && cell >= 0)
		ledger->by_cell[(size_t) cell * NUM_EFFECTS + effect] += amount;
	if (ledger->by_part && part >= 0)
		ledger->by_part[(size_t) part * NUM_EFFECTS + effect] += amount;
}

static inline double
mean(const double *x)
{
	return (x[BEFORE] + x[AFTER]) / 2;
}

static inline double
change(const double *x)
{
	return x[AFTER] - x[BEFORE];
}

/* ln(p / q), p and q positive; without loss where they are close */
static double
log_ratio(double p, double q)
{
	double		r = (p - q) / q;

	return r > -0.5 && r < 1 ? log1p(r) : log(p / q);
}

/* L(p, q) */
static double
log_mean(double p, double q)
{
	return p == q ? p : (p - q) / log_ratio(p, q);
}

/*
 * A product a b: returns the effect of a, and in *scale what a change of b
 * counts.
 */
static double
product(const double *a, const double *b, double *scale)
{
	double		x[2] = {a[BEFORE] * b[BEFORE], a[AFTER] * b[AFTER]};
	int			side;

	*scale = 0;
	if (a[BEFORE] < 0 || a[AFTER] < 0 || b[BEFORE] < 0 || b[AFTER] < 0)
	{
		*scale = mean(a);
		return change(a) * mean(b);
	}
	if (x[BEFORE] == 0 && x[AFTER] == 0)
		return 0;
	if (x[BEFORE] > 0 && x[AFTER] > 0)
	{
		double		middle = log_mean(x[AFTER], x[BEFORE]);

		*scale = middle / log_mean(b[AFTER], b[BEFORE]);
		return middle * log_ratio(a[AFTER], a[BEFORE]);
	}

	/* the limit: who is zero takes it all */
	side = x[BEFORE] > 0 ? AFTER : BEFORE;
	if (b[side] > 0)
		return change(x);
	*scale = change(x) / (a[side] > 0 ? 1 : 2) / change(b);
	return a[side] > 0 ? 0 : change(x) / 2;
}

static inline double
input_cost(const UsageSums *sums)
{
	double		cost = 0;

	for (int k = 0; k < NUM_INPUT_CLASSES; k++)
		cost += sums->input_cost[k];
	return cost;
}

static inline double
reference_cost(const UsageSums *sums)
{
	return input_cost(sums) + sums->output_cost + sums->other_cost;
}

/* Input of one part: tokens a call, and what a token costs. */
static void
open_input(const Ledger *ledger, const UsageSums *sums, double scale, int32_t cell, int32_t part)
{
	double		tokens[2] = {0};
	double		length[2];
	double		price[2];
	double		token_scale;
	double		rate_effect = 0;
	double		base;
	double		share[NUM_INPUT_CLASSES][2];
	double		rate[NUM_INPUT_CLASSES][2];

	for (int t = BEFORE; t <= AFTER; t++)
	{
		for (int k = 0; k < NUM_INPUT_CLASSES; k++)
			tokens[t] += sums[t].tokens[k];
		length[t] = tokens[t] / sums[t].calls;
		price[t] = tokens[t] > 0 ? input_cost(&sums[t]) / tokens[t] : 0;
	}
	for (int t = BEFORE; t <= AFTER; t++)
		if (tokens[t] == 0)
			price[t] = price[!t];
	book(ledger, EFFECT_INPUT_TOKENS, scale * product(length, price, &token_scale), cell, part);
	if (tokens[BEFORE] == 0 || tokens[AFTER] == 0)
		return;
	scale *= token_scale;

	for (int k = 0; k < NUM_INPUT_CLASSES; k++)
	{
		for (int t = BEFORE; t <= AFTER; t++)
		{
			share[k][t] = sums[t].tokens[k] / tokens[t];
			rate[k][t] = sums[t].tokens[k] > 0 ? sums[t].input_cost[k] / sums[t].tokens[k] : 0;
		}
		for (int t = BEFORE; t <= AFTER; t++)
			if (sums[t].tokens[k] == 0)
				rate[k][t] = rate[k][!t];
	}
	base = sums[BEFORE].tokens[INPUT_UNCACHED] > 0 || sums[AFTER].tokens[INPUT_UNCACHED] > 0 ?
		mean(rate[INPUT_UNCACHED]) : mean(price);
	for (int k = 0; k < NUM_INPUT_CLASSES; k++)
	{
		rate_effect += mean(share[k]) * change(rate[k]);
		if (k != INPUT_UNCACHED)
			book(ledger, EFFECT_CACHE_READ + (k - INPUT_CACHE_READ),
				 scale * (mean(rate[k]) - base) * change(share[k]), cell, part);
	}
	book(ledger, EFFECT_INPUT_TOKENS, scale * rate_effect, cell, part);
}

/*
 * The calls of a cell that failed, or did not: leaves from first to end.
 */
static void
open_lane(const Decomposition *d, const Ledger *ledger, int32_t first, int32_t end,
		  const double *operations, double scale)
{
	double		calls[2] = {0};
	double		cost[2] = {0};
	double		number[2];
	double		unit_cost[2] = {0};
	double		call_scale;
	int32_t		cell;
	Effect		effect;

	if (first == end)
		return;
	cell = d->leaves[first].cell;
	effect = d->leaves[first].failed ? EFFECT_RETRIES : EFFECT_CALLS;
	for (int32_t leaf = first; leaf < end; leaf++)
		for (int t = BEFORE; t <= AFTER; t++)
		{
			calls[t] += d->sums[leaf][t].calls;
			cost[t] += reference_cost(&d->sums[leaf][t]);
		}
	for (int t = BEFORE; t <= AFTER; t++)
	{
		number[t] = calls[t] / operations[t];
		if (calls[t] > 0)
			unit_cost[t] = cost[t] / calls[t];
	}
	for (int t = BEFORE; t <= AFTER; t++)
		if (calls[t] == 0)
			unit_cost[t] = unit_cost[!t];
	book(ledger, effect, scale * product(number, unit_cost, &call_scale), cell, -1);
	if (calls[BEFORE] == 0 || calls[AFTER] == 0)
		return;
	scale *= call_scale;

	for (int32_t leaf = first; leaf < end; leaf++)
	{
		const UsageSums *sums = d->sums[leaf];
		int32_t		part = d->leaves[leaf].part;
		double		share[2];
		double		leaf_cost[2] = {0};
		double		output[2];
		double		other[2];
		double		leaf_scale;

		for (int t = BEFORE; t <= AFTER; t++)
		{
			share[t] = sums[t].calls / calls[t];
			if (sums[t].calls > 0)
				leaf_cost[t] = reference_cost(&sums[t]) / sums[t].calls;
		}
		for (int t = BEFORE; t <= AFTER; t++)
			if (sums[t].calls == 0)
				leaf_cost[t] = leaf_cost[!t];
		book(ledger, EFFECT_MODEL_MIX,
			 scale * (mean(leaf_cost) - mean(unit_cost)) * change(share), cell, part);
		if (sums[BEFORE].calls == 0 || sums[AFTER].calls == 0)
			continue;

		leaf_scale = scale * mean(share);
		for (int t = BEFORE; t <= AFTER; t++)
		{
			output[t] = sums[t].output_cost / sums[t].calls;
			other[t] = sums[t].other_cost / sums[t].calls;
		}
		book(ledger, EFFECT_OUTPUT, leaf_scale * change(output), cell, part);
		book(ledger, EFFECT_OTHER, leaf_scale * change(other), cell, part);
		open_input(ledger, sums, leaf_scale, cell, part);
	}
}

/* Input that is paid for without a token of its class is something else. */
static void
tidy_leaf(UsageSums *sums)
{
	for (int k = 0; k < NUM_INPUT_CLASSES; k++)
		if (!(sums->tokens[k] > 0) && sums->input_cost[k] != 0)
		{
			sums->other_cost += sums->input_cost[k];
			sums->input_cost[k] = 0;
		}
	if (!(sums->calls > 0) && reference_cost(sums) != 0)
		sums->calls = sums->operations > 0 ? sums->operations : 1;
}

/* What is kept of every cell, each before and after. */
enum
{
	CELL_OPERATIONS,
	CELL_CALLS = 2,
	CELL_COST = 4
};

static void
sum_cells(const Decomposition *d)
{
	memset(d->cell_sums, 0, sizeof(double) * DECOMPOSE_CELL_SUMS * d->ncells);
	for (int32_t leaf = 0; leaf < d->nleaves; leaf++)
	{
		double	   *cell = d->cell_sums + (size_t) d->leaves[leaf].cell * DECOMPOSE_CELL_SUMS;

		for (int t = BEFORE; t <= AFTER; t++)
		{
			UsageSums  *sums = &d->sums[leaf][t];

			tidy_leaf(sums);
			cell[CELL_OPERATIONS + t] += sums->operations;
			cell[CELL_CALLS + t] += sums->calls;
			cell[CELL_COST + t] += reference_cost(sums);
		}
	}

	/* calls of operations that began before the window */
	for (int32_t c = 0; c < d->ncells; c++)
	{
		double	   *cell = d->cell_sums + (size_t) c * DECOMPOSE_CELL_SUMS;

		for (int t = BEFORE; t <= AFTER; t++)
			if (cell[CELL_OPERATIONS + t] == 0 && cell[CELL_COST + t] != 0)
				cell[CELL_OPERATIONS + t] =
					cell[CELL_CALLS + !t] > 0 && cell[CELL_OPERATIONS + !t] > 0 ?
					cell[CELL_CALLS + t] * (cell[CELL_OPERATIONS + !t] / cell[CELL_CALLS + !t]) : cell[CELL_CALLS + t];
	}
}

/* The known units: volume, mix of cells, and what is in the cells. */
static void
open_known(const Decomposition *d, const Ledger *ledger)
{
	double		operations[2] = {0};
	double		cost[2] = {0};
	double		unit_cost[2];
	double		scale;
	int32_t		leaf = 0;

	sum_cells(d);
	for (int32_t c = 0; c < d->ncells; c++)
		for (int t = BEFORE; t <= AFTER; t++)
		{
			operations[t] += d->cell_sums[(size_t) c * DECOMPOSE_CELL_SUMS + CELL_OPERATIONS + t];
			cost[t] += d->cell_sums[(size_t) c * DECOMPOSE_CELL_SUMS + CELL_COST + t];
		}
	if (operations[BEFORE] == 0 || operations[AFTER] == 0)
	{
		/* all of it came, or went */
		for (int32_t c = 0; c < d->ncells; c++)
			book(ledger, EFFECT_VOLUME,
				 change(d->cell_sums + (size_t) c * DECOMPOSE_CELL_SUMS + CELL_COST), c, -1);
		return;
	}
	for (int t = BEFORE; t <= AFTER; t++)
		unit_cost[t] = cost[t] / operations[t];
	book(ledger, EFFECT_VOLUME, product(operations, unit_cost, &scale), -1, -1);

	for (int32_t c = 0; c < d->ncells; c++)
	{
		const double *cell = d->cell_sums + (size_t) c * DECOMPOSE_CELL_SUMS;
		const double *cell_operations = cell + CELL_OPERATIONS;
		int32_t		failed = leaf;
		int32_t		first = leaf;
		double		share[2];
		double		cell_cost[2] = {0};

		while (leaf < d->nleaves && d->leaves[leaf].cell == c)
			failed += !d->leaves[leaf++].failed;
		for (int t = BEFORE; t <= AFTER; t++)
		{
			share[t] = cell_operations[t] / operations[t];
			if (cell_operations[t] > 0)
				cell_cost[t] = cell[CELL_COST + t] / cell_operations[t];
		}
		for (int t = BEFORE; t <= AFTER; t++)
			if (cell_operations[t] == 0)
				cell_cost[t] = cell_cost[!t];
		book(ledger, EFFECT_INTENT_MIX,
			 scale * (mean(cell_cost) - mean(unit_cost)) * change(share), c, -1);
		if (cell_operations[BEFORE] == 0 || cell_operations[AFTER] == 0)
			continue;
		open_lane(d, ledger, first, failed, cell_operations, scale * mean(share));
		open_lane(d, ledger, failed, leaf, cell_operations, scale * mean(share));
	}
}

/* UsageSums is nothing but doubles. */
static inline void
add_sums(UsageSums *sums, const UsageSums *more, double weight)
{
	double	   *sum = (double *) sums;
	const double *x = (const double *) more;

	for (size_t i = 0; i < sizeof(UsageSums) / sizeof(double); i++)
		sum[i] += weight * x[i];
}

void
decompose(const Decomposition *d, const double *weights, double *effects,
		  double *by_cell, double *by_part)
{
	Ledger		ledger = {effects, by_cell, by_part};

	memset(effects, 0, sizeof(double) * NUM_EFFECTS);
	if (by_cell)
		memset(by_cell, 0, sizeof(double) * NUM_EFFECTS * d->ncells);
	if (by_part)
		memset(by_part, 0, sizeof(double) * NUM_EFFECTS * d->nparts);
	memset(d->sums, 0, sizeof(UsageSums) * 2 * d->nleaves);

	for (int64_t i = 0; i < d->nrows; i++)
	{
		const DecomposeRow *row = &d->rows[i];
		double		weight = weights ? weights[row->unit] : 1;
		double		sign = row->after ? weight : -weight;

		if (weight == 0)
			continue;
		book(&ledger, EFFECT_PRICE, sign * row->sums.price,
			 d->leaves[row->leaf].cell, d->leaves[row->leaf].part);
		if (row->standing == STANDING_KNOWN)
			add_sums(&d->sums[row->leaf][row->after], &row->sums, weight);
		else
			book(&ledger, row->standing == STANDING_NEW ? EFFECT_NEW_USERS : EFFECT_LOST_USERS,
				 sign * reference_cost(&row->sums), d->leaves[row->leaf].cell, d->leaves[row->leaf].part);
	}
	open_known(d, &ledger);

	for (int k = EFFECT_CACHE_READ; k <= EFFECT_CACHE_WRITE_1H; k++)
	{
		effects[EFFECT_CACHE] += effects[k];
		for (int32_t c = 0; by_cell && c < d->ncells; c++)
			by_cell[(size_t) c * NUM_EFFECTS + EFFECT_CACHE] += by_cell[(size_t) c * NUM_EFFECTS + k];
		for (int32_t p = 0; by_part && p < d->nparts; p++)
			by_part[(size_t) p * NUM_EFFECTS + EFFECT_CACHE] += by_part[(size_t) p * NUM_EFFECTS + k];
	}
	for (int effect = 0; effect < NUM_SUMMED_EFFECTS; effect++)
		effects[EFFECT_TOTAL] += effects[effect];
}

void
decompose_resample(const Decomposition *d, PrivateRandom *random, double *weights)
{
	memset(weights, 0, sizeof(double) * d->nunits);
	for (int32_t i = 0; i < d->nunits; i++)
		weights[random_below(random, d->nunits)] += 1;
}

double
decompose_quantile(const double *sorted, int n, double p)
{
	double		at = p * (n - 1);
	int			below = (int) at;

	return below + 1 < n ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) :
		sorted[n - 1];
}
