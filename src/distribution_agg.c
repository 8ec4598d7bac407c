/*-------------------------------------------------------------------------
 *
 * distribution_agg.c
 *		What fills distributions from SQL: aggregates, add(), ||, and
 *		histograms.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "distribution.h"
#include "miscadmin.h"
#include "numeric_float.h"

/* ---- arguments ---- */

typedef enum ValueType
{
	VALUE_FLOAT8,
	VALUE_NUMERIC,
	VALUE_BIGINT
} ValueType;

static inline double
value_argument(FunctionCallInfo fcinfo, int arg, ValueType type)
{
	double		value;

	if (type == VALUE_NUMERIC)
		value = numeric_to_float(PG_GETARG_DATUM(arg));
	else if (type == VALUE_BIGINT)
		value = (double) PG_GETARG_INT64(arg);
	else
		value = PG_GETARG_FLOAT8(arg);
	return likely(isfinite(value)) ? value + 0.0 : finite_value(value);
}

static int64
weight_argument(FunctionCallInfo fcinfo, int arg)
{
	int64		weight = PG_GETARG_INT64(arg);

	if (weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight must not be negative"),
				 errdetail("The weight is " INT64_FORMAT ".", weight),
				 errhint("A weight says how often the value occurs; 0 leaves it out.")));
	return weight;
}

/*
 * The state of the group, NULL before its first value.  Only an aggregate may
 * have it changed in place.  An aggregate that somebody put together from
 * other functions too may bring what lay in a table.
 */
static inline Distribution *
state_argument(FunctionCallInfo fcinfo)
{
	Distribution *state = (Distribution *) PG_GETARG_POINTER(0);

	if (unlikely(AggCheckCallContext(fcinfo, NULL) == 0))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(0))
		return NULL;
	if (unlikely(VARATT_IS_EXTENDED(state) || state != (Distribution *) MAXALIGN(state)))
		state = distribution_plain(PG_GETARG_DATUM(0), true);
	return state;
}

/* The same to add values to, which a digest must be thawed for. */
static inline Distribution *
live_state_argument(FunctionCallInfo fcinfo)
{
	Distribution *state = state_argument(fcinfo);

	if (state != NULL && unlikely(distribution_format(state) < STATE_VALUES))
		state = distribution_thaw(state);
	return state;
}

/* ---- distribution(value [, compression]) ---- */

static inline Datum
add_value(FunctionCallInfo fcinfo, ValueType type)
{
	Distribution *state = live_state_argument(fcinfo);

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (unlikely(state == NULL))
	{
		bool		chosen = PG_NARGS() > 2;

		state = state_create(chosen && !PG_ARGISNULL(2) ?
							 check_compression(PG_GETARG_INT32(2)) :
							 TDIGEST_DEFAULT_COMPRESSION,
							 NO_PERCENTILE);
		((State *) state)->chosen = chosen;
	}
	else if (PG_NARGS() > 2 &&
			 ((State *) state)->compression !=
			 (PG_ARGISNULL(2) ? TDIGEST_DEFAULT_COMPRESSION : PG_GETARG_INT32(2)))
		changing_argument("compression");
	PG_RETURN_POINTER(state_add(state, value_argument(fcinfo, 1, type)));
}

PG_FUNCTION_INFO_V1(distribution_add_float8);
Datum
distribution_add_float8(PG_FUNCTION_ARGS)
{
	return add_value(fcinfo, VALUE_FLOAT8);
}

PG_FUNCTION_INFO_V1(distribution_add_numeric);
Datum
distribution_add_numeric(PG_FUNCTION_ARGS)
{
	return add_value(fcinfo, VALUE_NUMERIC);
}

PG_FUNCTION_INFO_V1(distribution_add_bigint);
Datum
distribution_add_bigint(PG_FUNCTION_ARGS)
{
	return add_value(fcinfo, VALUE_BIGINT);
}

/* ---- weighted_distribution(value, weight) ---- */

static inline Datum
add_weighted(FunctionCallInfo fcinfo, ValueType type)
{
	Distribution *state = live_state_argument(fcinfo);
	int64		weight = 0;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		weight = weight_argument(fcinfo, 2);
	if (weight > 0)
	{
		if (state == NULL)
			state = state_create(TDIGEST_DEFAULT_COMPRESSION, NO_PERCENTILE);
		state = state_add_many(state, value_argument(fcinfo, 1, type), weight, true);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(distribution_add_weighted_float8);
Datum
distribution_add_weighted_float8(PG_FUNCTION_ARGS)
{
	return add_weighted(fcinfo, VALUE_FLOAT8);
}

PG_FUNCTION_INFO_V1(distribution_add_weighted_numeric);
Datum
distribution_add_weighted_numeric(PG_FUNCTION_ARGS)
{
	return add_weighted(fcinfo, VALUE_NUMERIC);
}

PG_FUNCTION_INFO_V1(distribution_add_weighted_bigint);
Datum
distribution_add_weighted_bigint(PG_FUNCTION_ARGS)
{
	return add_weighted(fcinfo, VALUE_BIGINT);
}

/* ---- approx_percentile(value, p) ---- */

static inline Datum
add_for_percentile(FunctionCallInfo fcinfo, ValueType type)
{
	Distribution *state = live_state_argument(fcinfo);

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the percentile must not be NULL")));
	if (state == NULL)
		state = state_create(TDIGEST_DEFAULT_COMPRESSION,
							 check_fraction(PG_GETARG_FLOAT8(2), "percentile"));
	else if (((State *) state)->percentile != PG_GETARG_FLOAT8(2))
		changing_argument("the percentile");
	PG_RETURN_POINTER(state_add(state, value_argument(fcinfo, 1, type)));
}

PG_FUNCTION_INFO_V1(approx_percentile_add_float8);
Datum
approx_percentile_add_float8(PG_FUNCTION_ARGS)
{
	return add_for_percentile(fcinfo, VALUE_FLOAT8);
}

PG_FUNCTION_INFO_V1(approx_percentile_add_numeric);
Datum
approx_percentile_add_numeric(PG_FUNCTION_ARGS)
{
	return add_for_percentile(fcinfo, VALUE_NUMERIC);
}

PG_FUNCTION_INFO_V1(approx_percentile_add_bigint);
Datum
approx_percentile_add_bigint(PG_FUNCTION_ARGS)
{
	return add_for_percentile(fcinfo, VALUE_BIGINT);
}

PG_FUNCTION_INFO_V1(approx_percentile_final);
Datum
approx_percentile_final(PG_FUNCTION_ARGS)
{
	Distribution *state;
	Curve		curve;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = distribution_plain(PG_GETARG_DATUM(0), false);
	if (distribution_format(state) < STATE_VALUES ||
		((State *) state)->percentile == NO_PERCENTILE)
		elog(ERROR, "no percentile has been asked for");
	distribution_curve(state, &curve);
	PG_RETURN_FLOAT8(curve_percentile(&curve, ((State *) state)->percentile));
}

/* ---- combine(distribution), and the end of all aggregates ---- */

/* Both what adds a row of combine() and what joins partial aggregates. */
PG_FUNCTION_INFO_V1(distribution_combine);
Datum
distribution_combine(PG_FUNCTION_ARGS)
{
	Distribution *state = state_argument(fcinfo);
	Distribution *other;

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	other = distribution_plain(PG_GETARG_DATUM(1), false);
	if (state != NULL)
		PG_RETURN_POINTER(state_combine(state, other));

	/* A digest of centroids stays small until there is a second one. */
	if (distribution_format(other) == DIGEST_CENTROIDS)
		PG_RETURN_POINTER(distribution_plain(PG_GETARG_DATUM(1), true));
	other = distribution_thaw(other);
	PG_RETURN_POINTER(other);
}

PG_FUNCTION_INFO_V1(distribution_final);
Datum
distribution_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(distribution_freeze(distribution_plain(PG_GETARG_DATUM(0), false)));
}

/* ---- without an aggregate ---- */

/* A state of its own, to be changed and frozen again. */
static Distribution *
thawed_argument(FunctionCallInfo fcinfo, int arg)
{
	return distribution_thaw(distribution_plain(PG_GETARG_DATUM(arg), true));
}

PG_FUNCTION_INFO_V1(distribution_add);
Datum
distribution_add(PG_FUNCTION_ARGS)
{
	Distribution *state;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	state = PG_ARGISNULL(0) ? state_create(TDIGEST_DEFAULT_COMPRESSION, NO_PERCENTILE) :
		thawed_argument(fcinfo, 0);
	state = state_add_many(state, value_argument(fcinfo, 1, VALUE_FLOAT8), 1, true);
	PG_RETURN_POINTER(distribution_freeze(state));
}

PG_FUNCTION_INFO_V1(distribution_concat);
Datum
distribution_concat(PG_FUNCTION_ARGS)
{
	Distribution *state;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
	{
		int			arg = PG_ARGISNULL(0) ? 1 : 0;

		if (PG_ARGISNULL(arg))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(arg));
	}
	state = state_combine(thawed_argument(fcinfo, 0),
						  distribution_plain(PG_GETARG_DATUM(1), false));
	PG_RETURN_POINTER(distribution_freeze(state));
}

/* ---- histograms ---- */

/* How many parts a bucket of very many values is spread to. */
#define BUCKET_PARTS 32

/* count values spread evenly from low to high */
static Distribution *
add_bucket(Distribution *state, double low, double high, int64 count, bool few)
{
	int64		parts = few || count < BUCKET_PARTS ? count : BUCKET_PARTS;
	int64		added = 0;

	if (low == high)
		parts = Min(parts, 1);
	for (int64 i = 1; i <= parts; i++)
	{
		/* in two, so that no product overflows */
		int64		upto = count / parts * i + count % parts * i / parts;
		double		value = low + (high - low) * ((i - 0.5) / parts);

		state = state_add_many(state, value, upto - added, low == high);
		added = upto;
	}
	return state;
}

PG_FUNCTION_INFO_V1(distribution_from_histogram);
Datum
distribution_from_histogram(PG_FUNCTION_ARGS)
{
	int			nbounds;
	int			ncounts;
	double	   *bounds;
	Datum	   *counts;
	double		low;
	double		high;
	int64		count = 0;
	Distribution *state;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	bounds = bounds_argument(fcinfo, 0, &nbounds);
	counts = array_argument(fcinfo, 1, INT8OID, "counts", &ncounts);

	if (nbounds == 0 || ncounts != nbounds + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a histogram has one count more than bounds"),
				 errdetail("There are %d bounds and %d counts.", nbounds, ncounts),
				 errhint("The first count is of values up to the first bound, the last of values above the last bound.")));
	for (int i = 0; i < nbounds; i++)
		finite_value(bounds[i]);
	for (int i = 0; i < ncounts; i++)
	{
		int64		n = DatumGetInt64(counts[i]);

		if (n < 0 || n > TDIGEST_MAX_COUNT - count)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("counts must not be negative nor add up to too much"),
					 errdetail("Count %d is " INT64_FORMAT ".", i + 1, n)));
		count += n;
	}
	if (count == 0)
		PG_RETURN_NULL();

	/* where nothing says how far the outer buckets reach, not far */
	low = bounds[0];
	high = bounds[nbounds - 1];
	if (!PG_ARGISNULL(2))
		low = finite_value(PG_GETARG_FLOAT8(2));
	else if (low > 0)
		low = 0;
	if (!PG_ARGISNULL(3))
		high = finite_value(PG_GETARG_FLOAT8(3));
	if ((DatumGetInt64(counts[0]) > 0 && low > bounds[0]) ||
		(DatumGetInt64(counts[nbounds]) > 0 && high < bounds[nbounds - 1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the smallest and largest value contradict the bounds"),
				 errdetail("Values are said to reach from %g to %g.", low, high)));

	check_range(Min(low, bounds[0]), Max(high, bounds[nbounds - 1]), count);
	state = state_create(TDIGEST_DEFAULT_COMPRESSION, NO_PERCENTILE);
	for (int i = 0; i <= nbounds; i++)
	{
		CHECK_FOR_INTERRUPTS();
		state = add_bucket(state,
						   i == 0 ? low : bounds[i - 1],
						   i == nbounds ? high : bounds[i],
						   DatumGetInt64(counts[i]), count <= MAX_VALUES);
	}
	PG_RETURN_POINTER(distribution_freeze(state));
}
