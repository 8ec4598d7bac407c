/*-------------------------------------------------------------------------
 *
 * attribution_sql.c
 *		release_probabilities() and student_t_p_value().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "attribution.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "student_t.h"
#include "utils/array.h"

/* So many numbers are a century of days with three hundred releases. */
#define MAX_NUMBERS 10000000

static void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* The numbers of an array, NULL as NAN. */
static double *
numbers_argument(FunctionCallInfo fcinfo, int arg, int *n)
{
	Datum	   *datums;
	bool	   *nulls;
	double	   *numbers;
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);

	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (*n > MAX_NUMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many days and releases"),
				 errdetail("There are %d numbers, more than %d.", *n, MAX_NUMBERS),
				 errhint("Give fewer releases, or a shorter time.")));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &datums, &nulls, n);
	numbers = palloc(Max(*n, 1) * sizeof(double));
	for (int i = 0; i < *n; i++)
		numbers[i] = nulls[i] ? NAN : DatumGetFloat8(datums[i]);
	return numbers;
}

PG_FUNCTION_INFO_V1(release_probabilities);
Datum
release_probabilities(PG_FUNCTION_ARGS)
{
	AttributionInput input;
	int			nweights;
	int			nweekdays;
	int			nexposures;
	double	   *weekdays;
	int		   *weekday;
	double	   *probability;
	Datum	   *result;

	input.value = numbers_argument(fcinfo, 0, &input.ndays);
	input.weight = numbers_argument(fcinfo, 1, &nweights);
	weekdays = numbers_argument(fcinfo, 2, &nweekdays);
	input.exposure = numbers_argument(fcinfo, 3, &nexposures);
	input.prior = numbers_argument(fcinfo, 4, &input.nreleases);
	input.prior_none = PG_GETARG_FLOAT8(5);
	input.direction = PG_GETARG_INT32(6);
	if (nweights != input.ndays || nweekdays != input.ndays ||
		nexposures != (int64) input.ndays * input.nreleases)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arrays of days must have the same length"),
				 errdetail("There are %d values, %d weights, %d weekdays, and %d exposures for %d releases.",
						   input.ndays, nweights, nweekdays, nexposures, input.nreleases),
				 errhint("Exposures are those of the first release, day by day, then those of the second.")));
	for (int r = 0; r < input.nreleases; r++)
		if (!(input.prior[r] >= 0 && input.prior[r] <= 1e6))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("prior must be between 0 and 1000000"),
					 errdetail("That of release %d is %g.", r + 1, input.prior[r])));
	for (int i = 0; i < nexposures; i++)
		if (!isnan(input.exposure[i]) && !(input.exposure[i] >= 0 && input.exposure[i] <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("exposure must be between 0 and 1"),
					 errdetail("That of release %d on day %d is %g.", i / input.ndays + 1, i % input.ndays + 1, input.exposure[i]),
					 errhint("It is the share of a day that had the release.")));
	if (!(input.prior_none >= 0 && input.prior_none <= 1e6))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("prior must be between 0 and 1000000"),
				 errdetail("It is %g.", input.prior_none)));

	input.check_interrupts = check_interrupts;
	weekday = palloc(Max(input.ndays, 1) * sizeof(int));
	for (int d = 0; d < input.ndays; d++)
		weekday[d] = weekdays[d] >= 0 && weekdays[d] < ATTRIBUTION_WEEKDAYS ? (int) weekdays[d] : -1;
	input.weekday = weekday;

	probability = palloc((input.nreleases + 1) * sizeof(double));
	attribute_change(&input, probability, palloc_extended(Max(attribution_room(input.ndays), 1) * sizeof(double), MCXT_ALLOC_HUGE));

	result = palloc((input.nreleases + 1) * sizeof(Datum));
	for (int r = 0; r <= input.nreleases; r++)
		result[r] = Float8GetDatum(probability[r]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, input.nreleases + 1, FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(student_t_tail);
Datum
student_t_tail(PG_FUNCTION_ARGS)
{
	float8		t = PG_GETARG_FLOAT8(0);
	float8		df = PG_GETARG_FLOAT8(1);

	if (isnan(t) || !(df >= 1))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(student_t_p_value(t, df));
}
