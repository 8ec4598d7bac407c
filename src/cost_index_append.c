/*-------------------------------------------------------------------------
 *
 * cost_index_append.c
 *		The aggregate cost_index_append(): one bucket more, without a new fit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "cost_index.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* No logarithm of a cost of one call is further from 0. */
#define MAX_LEVEL 1000

typedef struct OneBucket
{
	int			ncells;
	Size		capacity;
	IndexCell  *cell;
} OneBucket;

PG_FUNCTION_INFO_V1(cost_index_append_add);
Datum
cost_index_append_add(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	OneBucket  *state;
	IndexCell  *cell;

	if (AggCheckCallContext(fcinfo, &context) == 0)
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(0))
	{
		state = MemoryContextAlloc(context, sizeof(OneBucket));
		state->ncells = 0;
		state->capacity = 64;
		state->cell = MemoryContextAlloc(context, state->capacity * sizeof(IndexCell));
	}
	else
		state = (OneBucket *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) ||
		!(fabs(PG_GETARG_FLOAT8(1)) <= MAX_LEVEL) || !isfinite(PG_GETARG_FLOAT8(2)) ||
		PG_GETARG_FLOAT8(2) <= 0 || PG_GETARG_INT64(3) <= 0)
		PG_RETURN_POINTER(state);
	if (state->ncells == state->capacity)
	{
		state->capacity *= 2;
		state->cell = repalloc_huge(state->cell, state->capacity * sizeof(IndexCell));
	}
	cell = &state->cell[state->ncells++];
	cell->user = cell->bucket = 0;
	cell->log_cost = log(PG_GETARG_FLOAT8(2)) - log(PG_GETARG_INT64(3)) - PG_GETARG_FLOAT8(1);
	cell->weight = PG_GETARG_INT64(3);
	PG_RETURN_POINTER(state);
}

static int
compare_cells(const void *a, const void *b)
{
	const IndexCell *x = a;
	const IndexCell *y = b;

	if (x->log_cost != y->log_cost)
		return x->log_cost < y->log_cost ? -1 : 1;
	return x->weight < y->weight ? -1 : x->weight > y->weight;
}

PG_FUNCTION_INFO_V1(cost_index_append_final);
Datum
cost_index_append_final(PG_FUNCTION_ARGS)
{
	OneBucket  *state;
	IndexCell  *cell;
	double	   *room;
	IndexBucket bucket;
	TupleDesc	columns;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (OneBucket *) PG_GETARG_POINTER(0);
	/* sums in an order of their own */
	cell = palloc_extended(state->capacity * sizeof(IndexCell), MCXT_ALLOC_HUGE);
	memcpy(cell, state->cell, state->ncells * sizeof(IndexCell));
	qsort(cell, state->ncells, sizeof(IndexCell), compare_cells);
	room = palloc_extended(3 * state->capacity * sizeof(double), MCXT_ALLOC_HUGE);
	weigh_cells(cell, state->ncells, room);
	bucket = cost_index_append(cell, state->ncells, room);

	columns = lookup_rowtype_tupdesc_copy(get_func_rettype(fcinfo->flinfo->fn_oid), -1);
	values[0] = Float8GetDatum(bucket.value);
	values[1] = Float8GetDatum(bucket.uncertainty);
	values[2] = Int32GetDatum(bucket.cells);
	nulls[0] = nulls[1] = isnan(bucket.value);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(columns, values, nulls)));
}
