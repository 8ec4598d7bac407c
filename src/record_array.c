/*-------------------------------------------------------------------------
 *
 * record_array.c
 *		What an aggregate returns that finds several things: an array of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "record_array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

void
record_array_begin(RecordArray *array, FunctionCallInfo fcinfo, int nrows)
{
	array->type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	array->columns = lookup_rowtype_tupdesc_copy(array->type, -1);
	array->rows = palloc_extended(Max(nrows, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	array->nrows = 0;
}

void
record_array_add(RecordArray *array, Datum *values, bool *nulls)
{
	HeapTuple	row = heap_form_tuple(array->columns, values, nulls);

	array->rows[array->nrows++] = HeapTupleGetDatum(row);
}

Datum
record_array_end(const RecordArray *array)
{
	return PointerGetDatum(construct_array(array->rows, array->nrows, array->type,
										   -1, false, TYPALIGN_DOUBLE));
}
