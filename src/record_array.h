/*-------------------------------------------------------------------------
 *
 * record_array.h
 *		What an aggregate returns that finds several things: an array of rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_RECORD_ARRAY_H
#define LLM_COST_RECORD_ARRAY_H

#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"

typedef struct RecordArray
{
	Oid			type;			/* of a row */
	TupleDesc	columns;
	Datum	   *rows;
	int			nrows;
} RecordArray;

/* For so many rows of the type whose array the function returns. */
extern void record_array_begin(RecordArray *array, FunctionCallInfo fcinfo, int nrows);
extern void record_array_add(RecordArray *array, Datum *values, bool *nulls);
extern Datum record_array_end(const RecordArray *array);

#endif							/* LLM_COST_RECORD_ARRAY_H */
