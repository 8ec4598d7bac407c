/*-------------------------------------------------------------------------
 *
 * change_point_agg.c
 *		Aggregates that read a series: change_points(), trend_change_points()
 *		and change_monitor().
 *
 * Their state is the series as it came.  It is put in order in the end, so
 * that the order of rows means nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "change_monitor.h"
#include "change_point.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "record_array.h"
#include "trend.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define DEFAULT_ALPHA 0.01

/* What is larger is no value; differences of others stay finite. */
#define MAX_VALUE 1e305

typedef struct Observation
{
	TimestampTz bucket;
	double		value;
} Observation;

typedef struct SeriesState
{
	double		alpha;
	TimestampTz since;			/* change_monitor() only */
	int			n;
	int			capacity;
	Observation *observation;
} SeriesState;

/* A series in order, its values scaled so that squares neither overflow nor vanish. */
typedef struct Ordered
{
	int			n;
	TimestampTz *bucket;
	double	   *value;			/* at most 1 in size */
	int			exponent;		/* of two, that has been taken out */
} Ordered;

static void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* ---- filling ---- */

static SeriesState *
series_create(MemoryContext context)
{
	SeriesState *state = MemoryContextAlloc(context, sizeof(SeriesState));

	state->alpha = DEFAULT_ALPHA;
	state->since = 0;
	state->n = 0;
	state->capacity = 64;
	state->observation = MemoryContextAlloc(context, state->capacity * sizeof(Observation));
	return state;
}

static SeriesState *
series_argument(FunctionCallInfo fcinfo, bool *first)
{
	MemoryContext context;

	if (AggCheckCallContext(fcinfo, &context) == 0)
		elog(ERROR, "aggregate function called in non-aggregate context");
	*first = PG_ARGISNULL(0);
	return *first ? series_create(context) : (SeriesState *) PG_GETARG_POINTER(0);
}

/* Arguments 1 and 2 are bucket and value.  Without a value there is a gap. */
static void
series_add(SeriesState *state, FunctionCallInfo fcinfo)
{
	Observation *new;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || !(fabs(PG_GETARG_FLOAT8(2)) <= MAX_VALUE))
		return;
	if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(1)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("bucket must be finite")));
	if (state->n == state->capacity)
	{
		if ((Size) state->capacity * 2 * sizeof(Observation) > MaxAllocSize)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("series has too many buckets"),
					 errdetail("There are more than %d.", state->n),
					 errhint("Make buckets longer.")));
		state->capacity *= 2;
		state->observation = repalloc(state->observation, state->capacity * sizeof(Observation));
	}
	new = &state->observation[state->n++];
	new->bucket = PG_GETARG_TIMESTAMPTZ(1);
	new->value = PG_GETARG_FLOAT8(2) + 0.0;
}

/* Is the same for all rows of a group, and less than one half. */
static void
alpha_argument(SeriesState *state, FunctionCallInfo fcinfo, int arg, bool first)
{
	double		alpha = PG_ARGISNULL(arg) ? DEFAULT_ALPHA : PG_GETARG_FLOAT8(arg);

	if (!(alpha > 0 && alpha <= 0.5))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("alpha must be greater than 0 and at most 0.5"),
				 errdetail("It is %g.", alpha),
				 errhint("It is the probability of a false alarm; 0.01 is the default.")));
	if (!first && alpha != state->alpha)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("alpha must be the same for all rows of a group"),
				 errdetail("It is %g and %g.", state->alpha, alpha)));
	state->alpha = alpha;
}

PG_FUNCTION_INFO_V1(change_points_add);
Datum
change_points_add(PG_FUNCTION_ARGS)
{
	bool		first;
	SeriesState *state = series_argument(fcinfo, &first);

	if (PG_NARGS() > 3)
		alpha_argument(state, fcinfo, 3, first);
	series_add(state, fcinfo);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(change_monitor_add);
Datum
change_monitor_add(PG_FUNCTION_ARGS)
{
	bool		first;
	SeriesState *state = series_argument(fcinfo, &first);

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("since must not be NULL"),
				 errhint("It is the first bucket that is compared with those before it.")));
	if (!first && PG_GETARG_TIMESTAMPTZ(3) != state->since)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must be the same for all rows of a group")));
	state->since = PG_GETARG_TIMESTAMPTZ(3);
	if (PG_NARGS() > 4)
		alpha_argument(state, fcinfo, 4, first);
	series_add(state, fcinfo);
	PG_RETURN_POINTER(state);
}

/* ---- in order ---- */

static int
compare_observations(const void *a, const void *b)
{
	TimestampTz x = ((const Observation *) a)->bucket;
	TimestampTz y = ((const Observation *) b)->bucket;

	return x < y ? -1 : x > y;
}

/* The state is left as it is: an aggregate may be a window function. */
static Ordered
in_order(const SeriesState *state)
{
	Observation *sorted = palloc(Max(state->n, 1) * sizeof(Observation));
	Ordered		series;
	double		largest = 0;

	series.n = state->n;
	series.bucket = palloc(Max(state->n, 1) * sizeof(TimestampTz));
	series.value = palloc(Max(state->n, 1) * sizeof(double));
	memcpy(sorted, state->observation, state->n * sizeof(Observation));
	qsort(sorted, state->n, sizeof(Observation), compare_observations);
	for (int i = 0; i < state->n; i++)
	{
		if (i > 0 && sorted[i].bucket == sorted[i - 1].bucket)
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("more than one value for a bucket"),
					 errdetail("The bucket is %s.", timestamptz_to_str(sorted[i].bucket)),
					 errhint("Aggregate values by bucket first.")));
		series.bucket[i] = sorted[i].bucket;
		largest = Max(largest, fabs(sorted[i].value));
	}
	frexp(largest, &series.exponent);
	for (int i = 0; i < state->n; i++)
		series.value[i] = ldexp(sorted[i].value, -series.exponent);
	pfree(sorted);
	return series;
}

static inline Datum
unscaled(const Ordered *series, double value)
{
	return Float8GetDatum(ldexp(value, series->exponent));
}

/* ---- change_points(bucket, value [, alpha]) ---- */

PG_FUNCTION_INFO_V1(change_points_final);
Datum
change_points_final(PG_FUNCTION_ARGS)
{
	Ordered		series;
	ChangePoint *found;
	int			nfound;
	RecordArray result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	series = in_order((SeriesState *) PG_GETARG_POINTER(0));
	if (series.n < 2 * MIN_SEGMENT)
		PG_RETURN_NULL();
	found = palloc(series.n / MIN_SEGMENT * sizeof(ChangePoint));
	nfound = change_points(series.value, series.n,
						   ((SeriesState *) PG_GETARG_POINTER(0))->alpha, found,
						   palloc_extended(change_points_room(series.n), MCXT_ALLOC_HUGE),
						   check_interrupts);
	record_array_begin(&result, fcinfo, nfound);
	for (int i = 0; i < nfound; i++)
	{
		const ChangePoint *change = &found[i];
		Datum		values[] = {
			TimestampTzGetDatum(series.bucket[change->index]),
			TimestampTzGetDatum(series.bucket[change->earliest]),
			TimestampTzGetDatum(series.bucket[change->latest]),
			unscaled(&series, change->before),
			unscaled(&series, change->after),
			unscaled(&series, change->after - change->before),
			Float8GetDatum(change->p_value)
		};
		bool		nulls[lengthof(values)] = {false};

		record_array_add(&result, values, nulls);
	}
	PG_RETURN_DATUM(record_array_end(&result));
}

/* ---- trend_change_points(bucket, value) ---- */

/* The median distance of buckets, in microseconds: the unit of slopes. */
static double
bucket_length(const Ordered *series)
{
	double	   *distance = palloc(series->n * sizeof(double));

	for (int i = 1; i < series->n; i++)
		distance[i - 1] = (double) series->bucket[i] - (double) series->bucket[i - 1];
	return series_median(distance, series->n - 1);
}

PG_FUNCTION_INFO_V1(trend_change_points_final);
Datum
trend_change_points_final(PG_FUNCTION_ARGS)
{
	Ordered		series;
	double		length;
	double	   *time;
	TrendChange *found;
	int			nfound;
	RecordArray result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	series = in_order((SeriesState *) PG_GETARG_POINTER(0));
	if (series.n < 2 * MIN_STRETCH)
		PG_RETURN_NULL();
	length = bucket_length(&series);
	time = palloc(series.n * sizeof(double));
	for (int i = 0; i < series.n; i++)
		time[i] = ((double) series.bucket[i] - (double) series.bucket[0]) / length;
	found = palloc(series.n / MIN_STRETCH * sizeof(TrendChange));
	nfound = trend_changes(time, series.value, series.n, found,
						   palloc_extended(trend_changes_room(series.n), MCXT_ALLOC_HUGE),
						   check_interrupts);
	record_array_begin(&result, fcinfo, nfound);
	for (int i = 0; i < nfound; i++)
	{
		const TrendChange *change = &found[i];
		Datum		values[] = {
			TimestampTzGetDatum(series.bucket[change->index]),
			unscaled(&series, change->before),
			unscaled(&series, change->after),
			unscaled(&series, change->slope_before),
			unscaled(&series, change->slope_after)
		};
		bool		nulls[lengthof(values)] = {false};

		/* buckets may be so near to each other */
		nulls[3] = isinf(ldexp(change->slope_before, series.exponent));
		nulls[4] = isinf(ldexp(change->slope_after, series.exponent));

		record_array_add(&result, values, nulls);
	}
	PG_RETURN_DATUM(record_array_end(&result));
}

/* ---- change_monitor(bucket, value, since [, alpha]) ---- */

PG_FUNCTION_INFO_V1(change_monitor_final);
Datum
change_monitor_final(PG_FUNCTION_ARGS)
{
	SeriesState *state;
	Ordered		series;
	int			nbaseline = 0;
	ChangeMonitor monitor;
	RecordArray result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SeriesState *) PG_GETARG_POINTER(0);
	series = in_order(state);
	while (nbaseline < series.n && series.bucket[nbaseline] < state->since)
		nbaseline++;
	if (!monitor_begin(&monitor, series.value, nbaseline, state->alpha,
					   palloc_extended(4 * sizeof(double) * (nbaseline + 1), MCXT_ALLOC_HUGE)))
		PG_RETURN_NULL();
	record_array_begin(&result, fcinfo, series.n - nbaseline);
	for (int i = nbaseline; i < series.n; i++)
	{
		MonitorReading reading = monitor_look(&monitor, series.value[i]);
		Datum		values[] = {
			TimestampTzGetDatum(series.bucket[i]),
			unscaled(&series, reading.difference),
			unscaled(&series, reading.low),
			unscaled(&series, reading.high),
			BoolGetDatum(reading.changed)
		};
		bool		nulls[lengthof(values)] = {false};

		CHECK_FOR_INTERRUPTS();
		nulls[2] = nulls[3] = isinf(reading.low) || isinf(ldexp(Max(fabs(reading.low), fabs(reading.high)), series.exponent));
		record_array_add(&result, values, nulls);
	}
	PG_RETURN_DATUM(record_array_end(&result));
}
