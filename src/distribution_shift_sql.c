/*-------------------------------------------------------------------------
 *
 * distribution_shift_sql.c
 *		The aggregate shift_of_shares().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "distribution_shift.h"
#include "fmgr.h"
#include "funcapi.h"
#include "label_set.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define MAX_PERMUTATIONS	100000

/* The same every time, so that the same rows give the same p value. */
#define SEED				UINT64CONST(0x73686966745f6f66)

/* The arguments of shift_of_shares(), the state first. */
enum
{
	ARG_UNIT = 1,
	ARG_LABEL,
	ARG_POSITION,
	ARG_AFTER,
	ARG_N,
	ARG_PERMUTATIONS
};

/* Columns of the type shift_result. */
enum
{
	COLUMN_WASSERSTEIN,
	COLUMN_MEAN_SHIFT,
	COLUMN_JENSEN_SHANNON,
	COLUMN_P_VALUE,
	COLUMN_UNITS,
	COLUMN_N_BEFORE,
	COLUMN_N_AFTER,
	COLUMN_LABEL,
	COLUMN_SHARE_BEFORE,
	COLUMN_SHARE_AFTER,
	NUM_COLUMNS
};

typedef struct ShiftState
{
	int32		permutations;
	bool		on_axis;
	int64		n;
	int64		room;
	ShiftRow   *rows;
	LabelSet	units;
	LabelSet	bins;
	int32		npositions;
	int32		position_room;
	double	   *positions;		/* by number of the bin, as it came */
} ShiftState;

static int32
permutations_argument(FunctionCallInfo fcinfo)
{
	int32		permutations = PG_ARGISNULL(ARG_PERMUTATIONS) ? 999 : PG_GETARG_INT32(ARG_PERMUTATIONS);

	if (permutations < 0 || permutations > MAX_PERMUTATIONS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("permutations must be from 0 to %d", MAX_PERMUTATIONS),
				 errdetail("It is %d.", permutations),
				 errhint("999 tell p values apart by 0.001; 0 leaves them out.")));
	return permutations;
}

static ShiftState *
state_with_room(FunctionCallInfo fcinfo, ShiftState *state)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(ShiftState));
		state->permutations = permutations_argument(fcinfo);
		state->on_axis = !PG_ARGISNULL(ARG_POSITION);
		label_set_init(&state->units, context);
		label_set_init(&state->bins, context);
	}
	if (state->n == state->room)
	{
		state->room = Max(2 * state->room, 16);
		state->rows = state->rows == NULL ?
			MemoryContextAllocHuge(context, state->room * sizeof(ShiftRow)) : repalloc_huge(state->rows, state->room * sizeof(ShiftRow));
	}
	return state;
}

/* The place of a bin that has come for the first time. */
static void
keep_position(ShiftState *state, double position)
{
	if (state->npositions == state->position_room)
	{
		state->position_room = Max(2 * state->position_room, 64);
		state->positions = state->positions == NULL ?
			MemoryContextAllocHuge(state->bins.context, state->position_room * sizeof(double)) : repalloc_huge(state->positions, state->position_room * sizeof(double));
	}
	state->positions[state->npositions++] = position;
}

PG_FUNCTION_INFO_V1(shift_of_shares_add);
Datum
shift_of_shares_add(PG_FUNCTION_ARGS)
{
	ShiftState *state = state_with_room(fcinfo, PG_ARGISNULL(0) ? NULL : (ShiftState *) PG_GETARG_POINTER(0));
	ShiftRow   *row = &state->rows[state->n];
	double		position = PG_ARGISNULL(ARG_POSITION) ? 0 : PG_GETARG_FLOAT8(ARG_POSITION);

	if (PG_ARGISNULL(ARG_AFTER))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("after must not be NULL"),
				 errhint("It is true for what the period holds, false for its baseline.")));
	row->n = PG_ARGISNULL(ARG_N) ? 0 : PG_GETARG_FLOAT8(ARG_N);
	if (!(row->n >= 0 && row->n < 1e100) || !(fabs(position) < 1e100))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("n must not be negative, and n and position must be less than 1e100"),
				 errdetail("They are %g and %g.", row->n, position)));
	if (state->on_axis == PG_ARGISNULL(ARG_POSITION))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("either all bins have a position, or none")));
	if (row->n == 0)
		PG_RETURN_POINTER(state);
	row->after = PG_GETARG_BOOL(ARG_AFTER);
	row->unit = label_set_number(&state->units, PG_ARGISNULL(ARG_UNIT) ? NULL : PG_GETARG_TEXT_PP(ARG_UNIT));
	row->bin = label_set_number(&state->bins, PG_ARGISNULL(ARG_LABEL) ? NULL : PG_GETARG_TEXT_PP(ARG_LABEL));
	if (row->bin == state->npositions)
		keep_position(state, position);
	else if (state->positions[row->bin] != position)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a bin must not have two positions"),
				 errdetail("They are %g and %g.", state->positions[row->bin], position)));
	state->n++;
	PG_RETURN_POINTER(state);
}

/* ---- from rows to a shift ---- */

typedef struct PlacedBin
{
	double		position;
	int32		rank;			/* of the label */
	int32		number;
} PlacedBin;

static int
compare_bins(const void *a, const void *b)
{
	const PlacedBin *left = a;
	const PlacedBin *right = b;

	if (left->position != right->position)
		return left->position < right->position ? -1 : 1;
	return (left->rank > right->rank) - (left->rank < right->rank);
}

/* By unit, bin, side: no two that the caller added up are the same. */
static int
compare_rows(const void *a, const void *b)
{
	const ShiftRow *left = a;
	const ShiftRow *right = b;

	if (left->unit != right->unit)
		return left->unit < right->unit ? -1 : 1;
	if (left->bin != right->bin)
		return left->bin < right->bin ? -1 : 1;
	if (left->after != right->after)
		return left->after ? 1 : -1;
	return (left->n > right->n) - (left->n < right->n);
}

static void *
alloc_many(size_t n, size_t size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * size);
}

/* labels[bin]: in the order of positions, then of labels */
static Shift
make_shift(const ShiftState *state, const text ***labels)
{
	Shift		shift = {.nrows = state->n, .nunits = state->units.n, .nbins = state->bins.n};
	ShiftRow   *rows = alloc_many(state->n, sizeof(ShiftRow));
	PlacedBin  *bins = alloc_many(state->bins.n, sizeof(PlacedBin));
	int32	   *bin_of = alloc_many(state->bins.n, sizeof(int32));
	double	   *position = alloc_many(state->bins.n, sizeof(double));
	int32	   *unit_rank;
	int32	   *bin_rank;
	const text *const *ignored;

	label_set_ranks(&state->units, &unit_rank, &ignored);
	label_set_ranks(&state->bins, &bin_rank, &ignored);
	for (int32 i = 0; i < state->bins.n; i++)
		bins[i] = (PlacedBin) {state->positions[i], bin_rank[i], i};
	qsort(bins, state->bins.n, sizeof(PlacedBin), compare_bins);
	*labels = alloc_many(state->bins.n, sizeof(text *));
	for (int32 i = 0; i < state->bins.n; i++)
	{
		bin_of[bins[i].number] = i;
		position[i] = bins[i].position;
		(*labels)[i] = state->bins.labels[bins[i].number];
	}
	for (int64 i = 0; i < state->n; i++)
	{
		rows[i] = state->rows[i];
		rows[i].unit = unit_rank[rows[i].unit];
		rows[i].bin = bin_of[rows[i].bin];
	}
	qsort(rows, state->n, sizeof(ShiftRow), compare_rows);
	shift.rows = rows;
	shift.position = state->on_axis ? position : NULL;
	shift.scratch = alloc_many(5 * (size_t) shift.nbins + 2 * (size_t) shift.nunits, sizeof(double));
	return shift;
}

/* NAN without swaps, or with nobody to swap */
static double
p_value(const Shift *shift, const ShiftResult *result, int permutations)
{
	PrivateRandom random = {SEED};
	int			larger = 1;

	if (permutations == 0 || shift->nunits < 2 || isnan(result->jensen_shannon))
		return NAN;
	for (int i = 0; i < permutations; i++)
	{
		CHECK_FOR_INTERRUPTS();
		larger += shift_swap(shift, result, &random);
	}
	return larger / (permutations + 1.0);
}

static void
set_float(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = isnan(value);
	values[column] = Float8GetDatum(value);
}

PG_FUNCTION_INFO_V1(shift_of_shares_final);
Datum
shift_of_shares_final(PG_FUNCTION_ARGS)
{
	ShiftState *state = PG_ARGISNULL(0) ? NULL : (ShiftState *) PG_GETARG_POINTER(0);
	TupleDesc	descriptor;
	Datum		values[NUM_COLUMNS];
	bool		nulls[NUM_COLUMNS] = {0};
	const text **labels;
	Shift		shift;
	ShiftResult result;

	if (state == NULL)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	shift = make_shift(state, &labels);
	shift_measure(&shift, &result);
	set_float(values, nulls, COLUMN_WASSERSTEIN, result.wasserstein);
	set_float(values, nulls, COLUMN_MEAN_SHIFT, result.mean_shift);
	set_float(values, nulls, COLUMN_JENSEN_SHANNON, result.jensen_shannon);
	set_float(values, nulls, COLUMN_P_VALUE, p_value(&shift, &result, state->permutations));
	values[COLUMN_UNITS] = Int64GetDatum(shift.nunits);
	set_float(values, nulls, COLUMN_N_BEFORE, result.n[0]);
	set_float(values, nulls, COLUMN_N_AFTER, result.n[1]);
	nulls[COLUMN_LABEL] = state->on_axis || result.bin < 0 || labels[result.bin] == NULL;
	if (!nulls[COLUMN_LABEL])
		values[COLUMN_LABEL] = PointerGetDatum(labels[result.bin]);
	set_float(values, nulls, COLUMN_SHARE_BEFORE, state->on_axis || result.bin < 0 ? NAN : result.share[0]);
	set_float(values, nulls, COLUMN_SHARE_AFTER, state->on_axis || result.bin < 0 ? NAN : result.share[1]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
