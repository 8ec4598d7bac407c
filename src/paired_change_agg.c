/*-------------------------------------------------------------------------
 *
 * paired_change_agg.c
 *		The aggregates paired_change() and paired_difference(), and
 *		change_verdict().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "paired_change.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "verdict.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Cells as they came. */
typedef struct CellArray
{
	int64		n;
	int64		room;
	PairedCell *cells;
} CellArray;

/* Columns of the type paired_change_result. */
enum
{
	COLUMN_KIND,
	COLUMN_CHANGE,
	COLUMN_LOW,
	COLUMN_HIGH,
	COLUMN_P_VALUE,
	COLUMN_STANDARD_ERROR,
	COLUMN_DF,
	COLUMN_UNITS,
	COLUMN_EFFECTIVE_UNITS,
	COLUMN_MATCHED_BEFORE,
	COLUMN_MATCHED_AFTER,
	COLUMN_ROSE,
	COLUMN_FELL,
	COLUMN_SMALLEST,
	COLUMN_LARGEST,
	COLUMN_CELLS,
	COLUMN_BAD_CELLS,
	NUM_COLUMNS
};

static const char *const kinds[] = {"ratio", "difference"};

/* ---- the state of the aggregates ---- */

/* The state, which is made if there is none; memory is the aggregate's. */
static CellArray *
state_with_room(FunctionCallInfo fcinfo, CellArray *state, int64 more)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(CellArray));
	if (state->n + more > state->room)
	{
		int64		room = Max(Max(2 * state->room, state->n + more), 16);

		if (state->cells == NULL)
			state->cells = MemoryContextAllocHuge(context, room * sizeof(PairedCell));
		else
			state->cells = repalloc_huge(state->cells, room * sizeof(PairedCell));
		state->room = room;
	}
	return state;
}

static CellArray *
state_argument(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : (CellArray *) PG_GETARG_POINTER(arg);
}

/* NULL is what an outer join gives for a user who was not there. */
static double
amount_argument(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? 0 : PG_GETARG_FLOAT8(arg);
}

PG_FUNCTION_INFO_V1(paired_change_add);
Datum
paired_change_add(PG_FUNCTION_ARGS)
{
	CellArray  *state = state_with_room(fcinfo, state_argument(fcinfo, 0), 1);
	PairedCell *cell = &state->cells[state->n++];

	*cell = (PairedCell) {
		.unknown = PG_ARGISNULL(1),
		.y1 = amount_argument(fcinfo, 2),
		.n1 = amount_argument(fcinfo, 3),
		.y2 = amount_argument(fcinfo, 4),
		.n2 = amount_argument(fcinfo, 5),
	};
	if (!cell->unknown)
	{
		text	   *key = PG_GETARG_TEXT_PP(1);

		cell->unit = hash_bytes_extended((unsigned char *) VARDATA_ANY(key),
										 VARSIZE_ANY_EXHDR(key), 0);
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(paired_change_combine);
Datum
paired_change_combine(PG_FUNCTION_ARGS)
{
	CellArray  *state = state_argument(fcinfo, 0);
	CellArray  *other = state_argument(fcinfo, 1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	state = state_with_room(fcinfo, state, other->n);
	memcpy(state->cells + state->n, other->cells, other->n * sizeof(PairedCell));
	state->n += other->n;
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(paired_change_serialize);
Datum
paired_change_serialize(PG_FUNCTION_ARGS)
{
	CellArray  *state = (CellArray *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint64(&buf, state->n);
	for (int64 i = 0; i < state->n; i++)
	{
		const PairedCell *cell = &state->cells[i];

		pq_sendint64(&buf, cell->unit);
		pq_sendbyte(&buf, cell->unknown);
		pq_sendfloat8(&buf, cell->y1);
		pq_sendfloat8(&buf, cell->n1);
		pq_sendfloat8(&buf, cell->y2);
		pq_sendfloat8(&buf, cell->n2);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

PG_FUNCTION_INFO_V1(paired_change_deserialize);
Datum
paired_change_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	StringInfoData buf;
	CellArray  *state;
	int64		n;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	n = pq_getmsgint64(&buf);
	state = palloc0(sizeof(CellArray));
	state->n = state->room = n;
	state->cells = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(PairedCell));
	for (int64 i = 0; i < n; i++)
	{
		PairedCell *cell = &state->cells[i];

		cell->unit = pq_getmsgint64(&buf);
		cell->unknown = pq_getmsgbyte(&buf);
		cell->y1 = pq_getmsgfloat8(&buf);
		cell->n1 = pq_getmsgfloat8(&buf);
		cell->y2 = pq_getmsgfloat8(&buf);
		cell->n2 = pq_getmsgfloat8(&buf);
	}
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/* ---- the result ---- */

/* NAN is no value for a client: NULL */
static void
set_float(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = !isfinite(value);
	values[column] = Float8GetDatum(value);
}

static Datum
finish(FunctionCallInfo fcinfo, PairedMode mode)
{
	CellArray  *state = state_argument(fcinfo, 0);
	PairedCell *cells;
	double	   *scratch;
	PairedChange change;
	TupleDesc	descriptor;
	Datum		values[NUM_COLUMNS];
	bool		nulls[NUM_COLUMNS] = {0};

	if (state == NULL)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	/* the state may be needed again */
	cells = MemoryContextAllocHuge(CurrentMemoryContext, state->n * sizeof(PairedCell));
	memcpy(cells, state->cells, state->n * sizeof(PairedCell));
	scratch = MemoryContextAllocHuge(CurrentMemoryContext, state->n * sizeof(double));
	paired_change(mode, cells, state->n, scratch, &change);
	pfree(scratch);
	pfree(cells);

	values[COLUMN_KIND] = CStringGetTextDatum(kinds[mode]);
	set_float(values, nulls, COLUMN_CHANGE, paired_fraction(mode, change.theta));
	set_float(values, nulls, COLUMN_LOW, paired_fraction(mode, change.low));
	set_float(values, nulls, COLUMN_HIGH, paired_fraction(mode, change.high));
	set_float(values, nulls, COLUMN_P_VALUE, change.p_value);
	set_float(values, nulls, COLUMN_STANDARD_ERROR, change.standard_error);
	set_float(values, nulls, COLUMN_DF, change.df);
	values[COLUMN_UNITS] = Int64GetDatum(change.units);
	set_float(values, nulls, COLUMN_EFFECTIVE_UNITS, change.effective_units);
	set_float(values, nulls, COLUMN_MATCHED_BEFORE, change.matched_before);
	set_float(values, nulls, COLUMN_MATCHED_AFTER, change.matched_after);
	values[COLUMN_ROSE] = Int64GetDatum(change.rose);
	values[COLUMN_FELL] = Int64GetDatum(change.fell);
	set_float(values, nulls, COLUMN_SMALLEST, paired_fraction(mode, change.smallest));
	set_float(values, nulls, COLUMN_LARGEST, paired_fraction(mode, change.largest));
	values[COLUMN_CELLS] = Int64GetDatum(change.cells);
	values[COLUMN_BAD_CELLS] = Int64GetDatum(change.bad_cells);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

PG_FUNCTION_INFO_V1(paired_change_final);
Datum
paired_change_final(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, PAIRED_RATIO);
}

PG_FUNCTION_INFO_V1(paired_difference_final);
Datum
paired_difference_final(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, PAIRED_DIFFERENCE);
}

/* ---- the verdict ---- */

static double
float_column(HeapTupleHeader row, int column)
{
	bool		isnull;
	Datum		value = GetAttributeByNum(row, column + 1, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

static int64
count_column(HeapTupleHeader row, int column)
{
	bool		isnull;
	Datum		value = GetAttributeByNum(row, column + 1, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/*
 * The estimate back from a row.  What verdicts do not read stays NAN.
 */
static void
estimate_argument(FunctionCallInfo fcinfo, int arg, PairedChange *estimate)
{
	HeapTupleHeader row;
	bool		isnull;
	Datum		kind;

	*estimate = (PairedChange) {
		.theta = NAN,
		.low = NAN,
		.high = NAN,
		.p_value = NAN,
		.standard_error = NAN,
		.df = NAN,
		.matched_before = NAN,
		.matched_after = NAN,
		.smallest = NAN,
		.largest = NAN,
	};
	/* an aggregate over no rows */
	if (PG_ARGISNULL(arg))
		return;
	row = PG_GETARG_HEAPTUPLEHEADER(arg);
	kind = GetAttributeByNum(row, COLUMN_KIND + 1, &isnull);
	if (isnull)
		return;
	estimate->mode = strcmp(TextDatumGetCString(kind), kinds[PAIRED_DIFFERENCE]) == 0 ?
		PAIRED_DIFFERENCE : PAIRED_RATIO;
	estimate->theta = paired_theta(estimate->mode, float_column(row, COLUMN_CHANGE));
	estimate->standard_error = float_column(row, COLUMN_STANDARD_ERROR);
	estimate->df = float_column(row, COLUMN_DF);
	estimate->units = count_column(row, COLUMN_UNITS);
	estimate->effective_units = float_column(row, COLUMN_EFFECTIVE_UNITS);
	estimate->matched_before = float_column(row, COLUMN_MATCHED_BEFORE);
	estimate->matched_after = float_column(row, COLUMN_MATCHED_AFTER);
	estimate->rose = count_column(row, COLUMN_ROSE);
	estimate->fell = count_column(row, COLUMN_FELL);
	estimate->smallest = paired_theta(estimate->mode, float_column(row, COLUMN_SMALLEST));
	estimate->largest = paired_theta(estimate->mode, float_column(row, COLUMN_LARGEST));
}

/* Earlier changes as thetas; NAN for what is NULL or no change. */
static double *
placebo_argument(FunctionCallInfo fcinfo, int arg, PairedMode mode, int *n)
{
	Datum	   *datums;
	bool	   *nulls;
	double	   *placebo;

	*n = 0;
	if (PG_ARGISNULL(arg))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &datums, &nulls, n);
	placebo = palloc(Max(*n, 1) * sizeof(double));
	for (int i = 0; i < *n; i++)
	{
		placebo[i] = nulls[i] ? NAN : paired_theta(mode, DatumGetFloat8(datums[i]));
		if (!isfinite(placebo[i]))
			placebo[i] = NAN;
	}
	return placebo;
}

static double
share_argument(FunctionCallInfo fcinfo, int arg, const char *name)
{
	double		share = PG_ARGISNULL(arg) ? 0 : PG_GETARG_FLOAT8(arg);

	if (!(share >= 0 && share <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from 0 to 1", name),
				 errdetail("It is %g.", share)));
	return share;
}

PG_FUNCTION_INFO_V1(change_verdict_sql);
Datum
change_verdict_sql(PG_FUNCTION_ARGS)
{
	PairedChange estimate;
	VerdictInput input = {.estimate = &estimate};
	VerdictResult result;
	TupleDesc	descriptor;
	Datum		values[7];
	bool		nulls[7] = {0};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	estimate_argument(fcinfo, 0, &estimate);
	input.placebo = placebo_argument(fcinfo, 1, estimate.mode, &input.nplacebo);
	input.unpriced_before = share_argument(fcinfo, 2, "unpriced_before");
	input.unpriced_after = share_argument(fcinfo, 3, "unpriced_after");
	input.baseline_periods = PG_ARGISNULL(4) ? VERDICT_BASELINE_PERIODS : PG_GETARG_INT32(4);
	if (input.baseline_periods < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("baseline_periods must be at least 1"),
				 errdetail("It is %d.", input.baseline_periods),
				 errhint("Four weeks before, looked at week by week, are 4.")));
	input.margin = !PG_ARGISNULL(5) ? PG_GETARG_FLOAT8(5) :
		estimate.mode == PAIRED_RATIO ? VERDICT_RATIO_MARGIN : VERDICT_DIFFERENCE_MARGIN;
	if (!(input.margin >= 0 && input.margin < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("margin must be at least 0 and less than 1"),
				 errdetail("It is %g.", input.margin),
				 errhint("A margin of 5 %% is 0.05.")));
	input.unit = PG_ARGISNULL(6) ? "user" : text_to_cstring(PG_GETARG_TEXT_PP(6));

	change_verdict(&input, &result);

	set_float(values, nulls, 0, paired_fraction(estimate.mode, result.low));
	set_float(values, nulls, 1, paired_fraction(estimate.mode, result.high));
	set_float(values, nulls, 2, result.p_value);
	values[3] = CStringGetTextDatum(verdict_name(result.verdict));
	/* it may have been cut within a character */
	values[4] = PointerGetDatum(cstring_to_text_with_len(result.cause,
														 pg_mbcliplen(result.cause, strlen(result.cause), sizeof(result.cause) - 4)));
	values[5] = Int32GetDatum(result.placebo_larger);
	values[6] = Int32GetDatum(result.placebo_windows);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
