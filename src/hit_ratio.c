/*-------------------------------------------------------------------------
 *
 * hit_ratio.c
 *		The aggregate hit_ratio(): cached input tokens by all input tokens.
 *
 * The state is a bigint[4], two sums of 128 bits each as low and high half.
 * A type of the server's own needs no serialization, goes to other processes
 * and machines, and can be changed in place; sums of integers can be taken
 * back exactly, so a moving window costs what goes in and out of it.
 *
 * Counts cannot be negative and the cache cannot give more than was asked.
 * Rows that say so are left out like rows that report nothing: their price is
 * "inconsistent_usage" too, and one such row must not spoil a month.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"

enum
{
	CACHED_LOW,
	CACHED_HIGH,
	INPUT_LOW,
	INPUT_HIGH,
	STATE_LENGTH
};

static inline int128
get_sum(const int64 *half)
{
	return (int128) (((uint128) (uint64) half[1] << 64) | (uint64) half[0]);
}

static inline void
add_to_sum(int64 *half, int128 value)
{
	int128		sum = get_sum(half) + value;

	half[0] = (int64) sum;
	half[1] = (int64) (sum >> 64);
}

static ArrayType *
checked_state(ArrayType *state)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] != STATE_LENGTH || ARR_HASNULL(state) ||
		ARR_SIZE(state) != ARR_OVERHEAD_NONULLS(1) + STATE_LENGTH * sizeof(int64))
		elog(ERROR, "expected %d-element int8 array", STATE_LENGTH);
	return state;
}

/* Only an aggregate may have it changed in place. */
static ArrayType *
state_to_change(FunctionCallInfo fcinfo)
{
	if (AggCheckCallContext(fcinfo, NULL))
		return checked_state(PG_GETARG_ARRAYTYPE_P(0));
	return checked_state(PG_GETARG_ARRAYTYPE_P_COPY(0));
}

static inline Datum
accumulate(FunctionCallInfo fcinfo, int sign)
{
	ArrayType  *state = state_to_change(fcinfo);
	int64	   *sums = (int64 *) ARR_DATA_PTR(state);
	int64		cached = PG_GETARG_INT64(1);
	int64		input = PG_GETARG_INT64(2);

	if (cached >= 0 && input >= cached)
	{
		add_to_sum(sums + CACHED_LOW, (int128) sign * cached);
		add_to_sum(sums + INPUT_LOW, (int128) sign * input);
	}
	PG_RETURN_ARRAYTYPE_P(state);
}

PG_FUNCTION_INFO_V1(hit_ratio_add);
Datum
hit_ratio_add(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, 1);
}

PG_FUNCTION_INFO_V1(hit_ratio_subtract);
Datum
hit_ratio_subtract(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, -1);
}

PG_FUNCTION_INFO_V1(hit_ratio_combine);
Datum
hit_ratio_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = state_to_change(fcinfo);
	int64	   *sums = (int64 *) ARR_DATA_PTR(state);
	const int64 *more = (int64 *) ARR_DATA_PTR(checked_state(PG_GETARG_ARRAYTYPE_P(1)));

	add_to_sum(sums + CACHED_LOW, get_sum(more + CACHED_LOW));
	add_to_sum(sums + INPUT_LOW, get_sum(more + INPUT_LOW));
	PG_RETURN_ARRAYTYPE_P(state);
}

PG_FUNCTION_INFO_V1(hit_ratio_final);
Datum
hit_ratio_final(PG_FUNCTION_ARGS)
{
	const int64 *sums = (int64 *) ARR_DATA_PTR(checked_state(PG_GETARG_ARRAYTYPE_P(0)));
	int128		input = get_sum(sums + INPUT_LOW);

	if (input == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) get_sum(sums + CACHED_LOW) / (double) input);
}
