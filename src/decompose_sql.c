/*-------------------------------------------------------------------------
 *
 * decompose_sql.c
 *		The aggregate decomposition(): effects, their intervals, and who and
 *		what is behind each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "decompose.h"
#include "fmgr.h"
#include "label_set.h"
#include "miscadmin.h"
#include "record_array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Fewer units say nothing about how units differ. */
#define MIN_UNITS		10

#define MAX_RESAMPLES	10000

/* What is larger is no sum, what is smaller is none: products and ratios of others stay finite. */
#define MAX_AMOUNT		1e60
#define MIN_AMOUNT		1e-60

/* So many of the units that changed most are tried for being behind an effect. */
#define MAX_SUSPECTS	10

/* The same every time, so that the same rows give the same interval. */
#define SEED			UINT64CONST(0x6c6c6d5f636f7374)

/* A decomposition that is further off than rounding could be is a bug. */
#define MAX_RESIDUAL	1e-9

static const char *const effect_names[NUM_EFFECTS] = {
	[EFFECT_VOLUME] = "volume",
	[EFFECT_NEW_USERS] = "new_users",
	[EFFECT_LOST_USERS] = "lost_users",
	[EFFECT_PRICE] = "price",
	[EFFECT_INTENT_MIX] = "intent_mix",
	[EFFECT_MODEL_MIX] = "model_mix",
	[EFFECT_CALLS] = "calls",
	[EFFECT_RETRIES] = "retries",
	[EFFECT_INPUT_TOKENS] = "input_tokens",
	[EFFECT_OUTPUT] = "output",
	[EFFECT_CACHE] = "cache",
	[EFFECT_OTHER] = "other",
	[EFFECT_CACHE_READ] = "cache_read",
	[EFFECT_CACHE_WRITE_5M] = "cache_write_5m",
	[EFFECT_CACHE_WRITE_1H] = "cache_write_1h",
	[EFFECT_TOTAL] = "total",
};

/* The arguments of decomposition(), the state first. */
enum
{
	ARG_UNIT = 1,
	ARG_STANDING,
	ARG_CELL,
	ARG_PART,
	ARG_FAILED,
	ARG_AFTER,
	ARG_RESAMPLES,
	ARG_SUMS
};

/* What the sums are called, as they come and as they lie in UsageSums. */
static const char *const sum_names[] = {
	"operations", "calls", "uncached_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
	"uncached_cost", "cache_read_cost", "cache_write_5m_cost", "cache_write_1h_cost", "output_cost", "other_cost", "price"
};

#define NUM_SUMS	lengthof(sum_names)
#define NUM_COUNTS	6			/* of them, those that are no money */

/* Columns of the type decomposition_effect. */
enum
{
	COLUMN_EFFECT,
	COLUMN_AMOUNT,
	COLUMN_LOW,
	COLUMN_HIGH,
	COLUMN_UNIT,
	COLUMN_UNIT_AMOUNT,
	COLUMN_CELL,
	COLUMN_CELL_AMOUNT,
	COLUMN_PART,
	COLUMN_PART_AMOUNT,
	NUM_COLUMNS
};

/* A row as it came: labels by their numbers. */
typedef struct RawRow
{
	int32		unit;
	int32		cell;
	int32		part;
	bool		failed;
	bool		after;
	Standing	standing;
	UsageSums	sums;
} RawRow;

typedef struct DecompositionState
{
	int32		resamples;
	int64		n;
	int64		room;
	RawRow	   *rows;
	LabelSet	units;
	LabelSet	cells;
	LabelSet	parts;
} DecompositionState;

/* ---- rows ---- */

static Standing
standing_argument(FunctionCallInfo fcinfo)
{
	char	   *standing = PG_ARGISNULL(ARG_STANDING) ? "known" :
		text_to_cstring(PG_GETARG_TEXT_PP(ARG_STANDING));

	if (strcmp(standing, "known") == 0)
		return STANDING_KNOWN;
	if (strcmp(standing, "new") == 0)
		return STANDING_NEW;
	if (strcmp(standing, "lost") == 0)
		return STANDING_LOST;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown standing \"%s\"", standing),
			 errhint("A unit is known, new or lost.")));
}

static int32
resamples_argument(FunctionCallInfo fcinfo)
{
	int32		resamples = PG_ARGISNULL(ARG_RESAMPLES) ? 200 : PG_GETARG_INT32(ARG_RESAMPLES);

	if (resamples != 0 && (resamples < 40 || resamples > MAX_RESAMPLES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resamples must be 0, or from 40 to %d", MAX_RESAMPLES),
				 errdetail("It is %d.", resamples),
				 errhint("The ends of a 95 %% interval need 40; 0 leaves intervals out.")));
	return resamples;
}

static double
sum_argument(FunctionCallInfo fcinfo, int sum)
{
	double		value = PG_ARGISNULL(ARG_SUMS + sum) ? 0 : PG_GETARG_FLOAT8(ARG_SUMS + sum);

	if (!(fabs(value) <= MAX_AMOUNT) || (sum < NUM_COUNTS && value < 0))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be finite%s", sum_names[sum], sum < NUM_COUNTS ? " and not negative" : ""),
				 errdetail("It is %g.", value),
				 errhint("Amounts are at most %g in size.", MAX_AMOUNT)));
	return fabs(value) < MIN_AMOUNT ? 0 : value;
}

static int32
label_argument(FunctionCallInfo fcinfo, int arg, LabelSet *set)
{
	return label_set_number(set, PG_ARGISNULL(arg) ? NULL : PG_GETARG_TEXT_PP(arg));
}

PG_FUNCTION_INFO_V1(decomposition_add);
Datum
decomposition_add(PG_FUNCTION_ARGS)
{
	DecompositionState *state = PG_ARGISNULL(0) ? NULL : (DecompositionState *) PG_GETARG_POINTER(0);
	MemoryContext context;
	RawRow	   *row;

	StaticAssertStmt(sizeof(UsageSums) == NUM_SUMS * sizeof(double), "one name for each sum");
	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(DecompositionState));
		state->resamples = resamples_argument(fcinfo);
		label_set_init(&state->units, context);
		label_set_init(&state->cells, context);
		label_set_init(&state->parts, context);
	}
	if (state->n == state->room)
	{
		state->room = Max(2 * state->room, 16);
		state->rows = state->rows == NULL ?
			MemoryContextAllocHuge(context, state->room * sizeof(RawRow)) : repalloc_huge(state->rows, state->room * sizeof(RawRow));
	}
	row = &state->rows[state->n];
	row->standing = standing_argument(fcinfo);
	row->unit = label_argument(fcinfo, ARG_UNIT, &state->units);
	row->cell = label_argument(fcinfo, ARG_CELL, &state->cells);
	row->part = label_argument(fcinfo, ARG_PART, &state->parts);
	row->failed = !PG_ARGISNULL(ARG_FAILED) && PG_GETARG_BOOL(ARG_FAILED);
	if (PG_ARGISNULL(ARG_AFTER))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("after must not be NULL"),
				 errhint("It is true for what the period holds, false for its baseline.")));
	row->after = PG_GETARG_BOOL(ARG_AFTER);
	for (int sum = 0; sum < NUM_SUMS; sum++)
		((double *) &row->sums)[sum] = sum_argument(fcinfo, sum);
	state->n++;
	PG_RETURN_POINTER(state);
}

/* ---- from rows to a decomposition ---- */

/* By leaf, in the order that decompose.h asks for. */
static int
compare_by_leaf(const void *a, const void *b)
{
	const RawRow *left = a;
	const RawRow *right = b;

	if (left->cell != right->cell)
		return left->cell < right->cell ? -1 : 1;
	if (left->failed != right->failed)
		return left->failed ? 1 : -1;
	if (left->part != right->part)
		return left->part < right->part ? -1 : 1;
	return 0;
}

/* By unit, then by all else there is: an order of the rows' own. */
static int
compare_rows(const void *a, const void *b)
{
	const DecomposeRow *left = a;
	const DecomposeRow *right = b;

	if (left->unit != right->unit)
		return left->unit < right->unit ? -1 : 1;
	if (left->leaf != right->leaf)
		return left->leaf < right->leaf ? -1 : 1;
	if (left->after != right->after)
		return left->after ? 1 : -1;
	if (left->standing != right->standing)
		return left->standing < right->standing ? -1 : 1;
	for (int sum = 0; sum < NUM_SUMS; sum++)
	{
		double		x = ((const double *) &left->sums)[sum];
		double		y = ((const double *) &right->sums)[sum];

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static void *
alloc_many(size_t n, size_t size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * size);
}

typedef struct Labels
{
	const text *const *units;
	const text *const *cells;
	const text *const *parts;
} Labels;

static Decomposition
make_decomposition(const DecompositionState *state, Labels *labels)
{
	Decomposition d = {
		.nrows = state->n, .nunits = state->units.n, .ncells = state->cells.n, .nparts = state->parts.n
	};
	RawRow	   *raw = alloc_many(state->n, sizeof(RawRow));
	DecomposeRow *rows = alloc_many(state->n, sizeof(DecomposeRow));
	DecomposeLeaf *leaves = alloc_many(state->n, sizeof(DecomposeLeaf));
	int32	   *unit_rank;
	int32	   *cell_rank;
	int32	   *part_rank;

	label_set_ranks(&state->units, &unit_rank, &labels->units);
	label_set_ranks(&state->cells, &cell_rank, &labels->cells);
	label_set_ranks(&state->parts, &part_rank, &labels->parts);
	for (int64 i = 0; i < state->n; i++)
	{
		raw[i] = state->rows[i];
		raw[i].unit = unit_rank[raw[i].unit];
		raw[i].cell = cell_rank[raw[i].cell];
		raw[i].part = part_rank[raw[i].part];
	}
	qsort(raw, state->n, sizeof(RawRow), compare_by_leaf);
	for (int64 i = 0; i < state->n; i++)
	{
		if (i == 0 || compare_by_leaf(&raw[i - 1], &raw[i]) != 0)
			leaves[d.nleaves++] = (DecomposeLeaf) {raw[i].cell, raw[i].part, raw[i].failed};
		rows[i] = (DecomposeRow) {
			.unit = raw[i].unit, .leaf = d.nleaves - 1, .after = raw[i].after,
			.standing = raw[i].standing,
			.sums = raw[i].sums
		};
	}
	pfree(raw);
	qsort(rows, state->n, sizeof(DecomposeRow), compare_rows);
	d.rows = rows;
	d.leaves = leaves;
	d.sums = alloc_many(d.nleaves, sizeof(UsageSums) * 2);
	d.cell_sums = alloc_many(d.ncells, sizeof(double) * DECOMPOSE_CELL_SUMS);
	return d;
}

/* ---- intervals, and who and what is behind an effect ---- */

typedef struct Finding
{
	double		amount[NUM_EFFECTS];
	double		low[NUM_EFFECTS];
	double		high[NUM_EFFECTS];
	int32		unit[NUM_EFFECTS];	/* -1: none */
	double		unit_amount[NUM_EFFECTS];
	int32		cell[NUM_EFFECTS];
	double		cell_amount[NUM_EFFECTS];
	int32		part[NUM_EFFECTS];
	double		part_amount[NUM_EFFECTS];
} Finding;

static double
row_change(const DecomposeRow *row)
{
	double		cost = row->sums.output_cost + row->sums.other_cost + row->sums.price;

	for (int k = 0; k < NUM_INPUT_CLASSES; k++)
		cost += row->sums.input_cost[k];
	return row->after ? cost : -cost;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
find_intervals(const Decomposition *d, int resamples, Finding *finding)
{
	PrivateRandom random = {SEED};
	double	   *weights = alloc_many(d->nunits, sizeof(double));
	double	   *drawn = alloc_many(resamples, sizeof(double) * NUM_EFFECTS);
	double		effects[NUM_EFFECTS];

	for (int i = 0; i < resamples; i++)
	{
		CHECK_FOR_INTERRUPTS();
		decompose_resample(d, &random, weights);
		decompose(d, weights, effects, NULL, NULL);
		for (int effect = 0; effect < NUM_EFFECTS; effect++)
			drawn[effect * resamples + i] = effects[effect];
	}
	for (int effect = 0; effect < NUM_EFFECTS; effect++)
	{
		qsort(drawn + effect * resamples, resamples, sizeof(double), compare_doubles);
		finding->low[effect] = decompose_quantile(drawn + effect * resamples, resamples, 0.025);
		finding->high[effect] = decompose_quantile(drawn + effect * resamples, resamples, 0.975);
	}
	pfree(drawn);
	pfree(weights);
}

/*
 * For every effect the unit without which it would be furthest from what it
 * is, among those whose spend changed most.
 */
static void
find_units(const Decomposition *d, Finding *finding)
{
	double	   *spend_change = alloc_many(d->nunits, sizeof(double));
	double	   *weights = alloc_many(d->nunits, sizeof(double));
	double		without[NUM_EFFECTS];

	memset(spend_change, 0, sizeof(double) * d->nunits);
	for (int64 i = 0; i < d->nrows; i++)
		spend_change[d->rows[i].unit] += row_change(&d->rows[i]);
	for (int32 unit = 0; unit < d->nunits; unit++)
		weights[unit] = 1;

	for (int i = 0; i < Min(d->nunits, MAX_SUSPECTS); i++)
	{
		int32		suspect = 0;

		CHECK_FOR_INTERRUPTS();
		for (int32 unit = 1; unit < d->nunits; unit++)
			if (fabs(spend_change[unit]) > fabs(spend_change[suspect]))
				suspect = unit;
		if (spend_change[suspect] == 0)
			break;
		spend_change[suspect] = 0;
		weights[suspect] = 0;
		decompose(d, weights, without, NULL, NULL);
		weights[suspect] = 1;
		for (int effect = 0; effect < NUM_EFFECTS; effect++)
		{
			double		amount = finding->amount[effect] - without[effect];

			if (amount * finding->amount[effect] > 0 &&
				fabs(amount) > fabs(finding->unit_amount[effect]))
			{
				finding->unit[effect] = suspect;
				finding->unit_amount[effect] = amount;
			}
		}
	}
	pfree(weights);
	pfree(spend_change);
}

/* The one of n whose amount is the largest part of each effect. */
static void
find_largest(const Finding *finding, const double *amounts, int32 n, int32 *which, double *amount)
{
	for (int effect = 0; effect < NUM_EFFECTS; effect++)
		for (int32 i = 0; i < n; i++)
		{
			double		candidate = amounts[(size_t) i * NUM_EFFECTS + effect];

			if (candidate * finding->amount[effect] > 0 && fabs(candidate) > fabs(amount[effect]))
			{
				which[effect] = i;
				amount[effect] = candidate;
			}
		}
}

static void
check_residual(const Decomposition *d, const Finding *finding)
{
	double		before = 0;
	double		after = 0;
	double		largest = 0;

	for (int64 i = 0; i < d->nrows; i++)
	{
		double		amount = row_change(&d->rows[i]);

		largest += fabs(amount);
		if (d->rows[i].after)
			after += amount;
		else
			before += amount;
	}
	if (!(fabs(finding->amount[EFFECT_TOTAL] - (after + before)) <= MAX_RESIDUAL * largest))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("effects do not add up to the change"),
				 errdetail("They are %g instead of %g.", finding->amount[EFFECT_TOTAL], after + before),
				 errhint("Some counts or amounts are far too large for others, for example costs of next to no tokens.")));
}

/* ---- the result ---- */

static void
set_label(Datum *values, bool *nulls, int column, const text *const *labels, int32 which, double amount)
{
	nulls[column] = which < 0 || labels[which] == NULL;
	nulls[column + 1] = which < 0;
	if (!nulls[column])
		values[column] = PointerGetDatum(labels[which]);
	values[column + 1] = Float8GetDatum(amount);
}

static void
add_effect(RecordArray *result, const Finding *finding, const Labels *labels, Effect effect,
		   bool has_interval)
{
	Datum		values[NUM_COLUMNS];
	bool		nulls[NUM_COLUMNS] = {0};

	values[COLUMN_EFFECT] = CStringGetTextDatum(effect_names[effect]);
	values[COLUMN_AMOUNT] = Float8GetDatum(finding->amount[effect]);
	values[COLUMN_LOW] = Float8GetDatum(finding->low[effect]);
	values[COLUMN_HIGH] = Float8GetDatum(finding->high[effect]);
	nulls[COLUMN_LOW] = nulls[COLUMN_HIGH] = !has_interval;
	set_label(values, nulls, COLUMN_UNIT, labels->units, finding->unit[effect],
			  finding->unit_amount[effect]);
	set_label(values, nulls, COLUMN_CELL, labels->cells, finding->cell[effect],
			  finding->cell_amount[effect]);
	set_label(values, nulls, COLUMN_PART, labels->parts, finding->part[effect],
			  finding->part_amount[effect]);
	record_array_add(result, values, nulls);
}

PG_FUNCTION_INFO_V1(decomposition_final);
Datum
decomposition_final(PG_FUNCTION_ARGS)
{
	DecompositionState *state = PG_ARGISNULL(0) ? NULL : (DecompositionState *) PG_GETARG_POINTER(0);
	RecordArray result;
	Decomposition d;
	Labels		labels;
	Finding	   *finding;
	double	   *by_cell;
	double	   *by_part;
	bool		has_interval;

	if (state == NULL)
		PG_RETURN_NULL();
	d = make_decomposition(state, &labels);
	finding = palloc0(sizeof(Finding));
	for (int effect = 0; effect < NUM_EFFECTS; effect++)
		finding->unit[effect] = finding->cell[effect] = finding->part[effect] = -1;

	by_cell = alloc_many(d.ncells, sizeof(double) * NUM_EFFECTS);
	by_part = alloc_many(d.nparts, sizeof(double) * NUM_EFFECTS);
	decompose(&d, NULL, finding->amount, by_cell, by_part);
	check_residual(&d, finding);
	find_largest(finding, by_cell, d.ncells, finding->cell, finding->cell_amount);
	find_largest(finding, by_part, d.nparts, finding->part, finding->part_amount);
	find_units(&d, finding);
	has_interval = state->resamples > 0 && d.nunits >= MIN_UNITS;
	if (has_interval)
		find_intervals(&d, state->resamples, finding);

	record_array_begin(&result, fcinfo, NUM_EFFECTS);
	for (int effect = 0; effect < NUM_EFFECTS; effect++)
		add_effect(&result, finding, &labels, effect, has_interval);
	PG_RETURN_DATUM(record_array_end(&result));
}
