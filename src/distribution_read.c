/*-------------------------------------------------------------------------
 *
 * distribution_read.c
 *		What SQL reads from distributions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "distribution.h"
#include "miscadmin.h"
#include "utils/array.h"

/* The curve of the first argument. */
static Curve
curve_argument(FunctionCallInfo fcinfo)
{
	Curve		curve;

	distribution_curve(distribution_plain(PG_GETARG_DATUM(0), false), &curve);
	return curve;
}

static double
fraction_argument(FunctionCallInfo fcinfo, int arg)
{
	return check_fraction(PG_GETARG_FLOAT8(arg), "fraction");
}

/* ---- sums ---- */

PG_FUNCTION_INFO_V1(distribution_num_values);
Datum
distribution_num_values(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(curve_argument(fcinfo).digest->count);
}

PG_FUNCTION_INFO_V1(distribution_total);
Datum
distribution_total(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(curve_argument(fcinfo).digest->total);
}

PG_FUNCTION_INFO_V1(distribution_mean);
Datum
distribution_mean(PG_FUNCTION_ARGS)
{
	const TDigest *digest = curve_argument(fcinfo).digest;

	PG_RETURN_FLOAT8(digest->total / digest->count);
}

PG_FUNCTION_INFO_V1(distribution_min_value);
Datum
distribution_min_value(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(curve_argument(fcinfo).digest->centroids[0].mean);
}

PG_FUNCTION_INFO_V1(distribution_max_value);
Datum
distribution_max_value(PG_FUNCTION_ARGS)
{
	const TDigest *digest = curve_argument(fcinfo).digest;

	PG_RETURN_FLOAT8(digest->centroids[digest->ncentroids - 1].mean);
}

/* ---- ranks ---- */

PG_FUNCTION_INFO_V1(distribution_percentile);
Datum
distribution_percentile(PG_FUNCTION_ARGS)
{
	double		p = check_fraction(PG_GETARG_FLOAT8(1), "percentile");
	Curve		curve = curve_argument(fcinfo);

	PG_RETURN_FLOAT8(curve_percentile(&curve, p));
}

PG_FUNCTION_INFO_V1(distribution_percentiles);
Datum
distribution_percentiles(PG_FUNCTION_ARGS)
{
	Curve		curve = curve_argument(fcinfo);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			elements[i] = Float8GetDatum(curve_percentile(&curve,
														  check_fraction(DatumGetFloat8(elements[i]), "percentile")));
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, nulls, ARR_NDIM(array), ARR_DIMS(array),
											 ARR_LBOUND(array), FLOAT8OID, sizeof(float8),
											 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* How many values are up to the bound, and their sum; NaN is above all. */
static void
up_to(const Curve *curve, double bound, double *count, double *total)
{
	if (isnan(bound))
		bound = INFINITY;
	curve_up_to(curve, bound, count, total);
}

PG_FUNCTION_INFO_V1(distribution_percentile_rank);
Datum
distribution_percentile_rank(PG_FUNCTION_ARGS)
{
	Curve		curve = curve_argument(fcinfo);
	double		count;
	double		total;

	up_to(&curve, PG_GETARG_FLOAT8(1), &count, &total);
	PG_RETURN_FLOAT8(count / curve.digest->count);
}

/* Counts up to each bound and above the last; they add up to all. */
PG_FUNCTION_INFO_V1(distribution_histogram);
Datum
distribution_histogram(PG_FUNCTION_ARGS)
{
	Curve		curve = curve_argument(fcinfo);
	int			n;
	double	   *bounds = bounds_argument(fcinfo, 1, &n);
	Datum	   *counts = palloc((n + 1) * sizeof(Datum));
	int64		below = 0;

	for (int i = 0; i <= n; i++)
	{
		int64		upto = curve.digest->count;
		double		count;
		double		total;

		CHECK_FOR_INTERRUPTS();
		if (i < n)
		{
			up_to(&curve, bounds[i], &count, &total);
			upto = (int64) rint(count);
		}
		counts[i] = Int64GetDatum(upto - below);
		below = upto;
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(counts, n + 1, INT8OID, sizeof(int64),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ---- parts of the total ---- */

/* The fractions between which to sum. */
static void
trim_arguments(FunctionCallInfo fcinfo, double *low, double *high)
{
	*low = fraction_argument(fcinfo, 1);
	*high = fraction_argument(fcinfo, 2);
	if (*low > *high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("low fraction %g is above high fraction %g", *low, *high)));
}

PG_FUNCTION_INFO_V1(distribution_trimmed_total);
Datum
distribution_trimmed_total(PG_FUNCTION_ARGS)
{
	double		low;
	double		high;
	Curve		curve;

	trim_arguments(fcinfo, &low, &high);
	curve = curve_argument(fcinfo);
	PG_RETURN_FLOAT8(curve_total_below(&curve, high) - curve_total_below(&curve, low));
}

PG_FUNCTION_INFO_V1(distribution_trimmed_mean);
Datum
distribution_trimmed_mean(PG_FUNCTION_ARGS)
{
	double		low;
	double		high;
	Curve		curve;
	const TDigest *digest;
	double		mean;

	trim_arguments(fcinfo, &low, &high);
	if (low == high)
		PG_RETURN_NULL();
	curve = curve_argument(fcinfo);
	digest = curve.digest;
	mean = (curve_total_below(&curve, high) - curve_total_below(&curve, low)) /
		((high - low) * digest->count);
	/* nor may rounding leave the range */
	mean = Max(mean, digest->centroids[0].mean);
	PG_RETURN_FLOAT8(Min(mean, digest->centroids[digest->ncentroids - 1].mean));
}

PG_FUNCTION_INFO_V1(distribution_top_share);
Datum
distribution_top_share(PG_FUNCTION_ARGS)
{
	double		fraction = fraction_argument(fcinfo, 1);
	Curve		curve = curve_argument(fcinfo);

	if (curve.digest->total <= 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(1 - curve_total_below(&curve, 1 - fraction) / curve.digest->total);
}

PG_FUNCTION_INFO_V1(distribution_share_above);
Datum
distribution_share_above(PG_FUNCTION_ARGS)
{
	Curve		curve = curve_argument(fcinfo);
	double		count;
	double		total;

	if (curve.digest->total <= 0)
		PG_RETURN_NULL();
	up_to(&curve, PG_GETARG_FLOAT8(1), &count, &total);
	PG_RETURN_FLOAT8(1 - total / curve.digest->total);
}

PG_FUNCTION_INFO_V1(distribution_gini);
Datum
distribution_gini(PG_FUNCTION_ARGS)
{
	Curve		curve = curve_argument(fcinfo);

	if (curve.digest->total <= 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(curve_gini(&curve));
}

/* The Lorenz curve at 0, 1/points, ... 1. */
PG_FUNCTION_INFO_V1(distribution_lorenz_shares);
Datum
distribution_lorenz_shares(PG_FUNCTION_ARGS)
{
	int			points = PG_GETARG_INT32(1);
	Curve		curve;
	Datum	   *shares;

	if (points < 1 || points > 10000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of points %d is not between 1 and 10000", points)));
	curve = curve_argument(fcinfo);
	if (curve.digest->total <= 0)
		PG_RETURN_NULL();
	shares = palloc((points + 1) * sizeof(Datum));
	for (int i = 0; i <= points; i++)
		shares[i] = Float8GetDatum(curve_total_below(&curve, (double) i / points) /
								   curve.digest->total);
	PG_RETURN_ARRAYTYPE_P(construct_array(shares, points + 1, FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
