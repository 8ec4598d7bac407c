/*-------------------------------------------------------------------------
 *
 * distribution.c
 *		The SQL type "distribution": input, output, casts and comparison.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "distribution.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

/*
 * Before a digest when it is sent or printed: a state of approx_percentile()
 * on its way to another machine, with the percentile that is asked for.
 */
#define WITH_PERCENTILE 3

/* ---- what values are accepted ---- */

double
finite_value(double value)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a distribution cannot hold %s",
						isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
				 errdetail("Values must be finite, as sums and means must be."),
				 errhint("Leave such values out, for example with FILTER (WHERE value < 'Infinity'), which is false for NaN too.")));
	return value + 0.0;			/* -0 becomes 0 */
}

double
check_fraction(double fraction, const char *name)
{
	if (!(fraction >= 0 && fraction <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %g is not between 0 and 1", name, fraction),
				 errhint("One per cent is 0.01.")));
	return fraction;
}

int
check_compression(int compression)
{
	if (compression < TDIGEST_MIN_COMPRESSION || compression > TDIGEST_MAX_COMPRESSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("compression %d is out of range", compression),
				 errdetail("It is the number of centroids a distribution may have, from %d to %d.",
						   TDIGEST_MIN_COMPRESSION, TDIGEST_MAX_COMPRESSION),
				 errhint("Leave it out for %d, which takes about a kilobyte.",
						 TDIGEST_DEFAULT_COMPRESSION)));
	return compression;
}

/* A one-dimensional array without NULLs, of eight bytes each. */
Datum *
array_argument(FunctionCallInfo fcinfo, int arg, Oid type, const char *name, int *n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);
	Datum	   *elements;

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a one-dimensional array without NULLs", name)));
	deconstruct_array(array, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, NULL, n);
	return elements;
}

/* Bounds of a histogram. */
double *
bounds_argument(FunctionCallInfo fcinfo, int arg, int *n)
{
	Datum	   *elements = array_argument(fcinfo, arg, FLOAT8OID, "bounds", n);
	double	   *bounds = palloc(*n * sizeof(double));

	for (int i = 0; i < *n; i++)
	{
		bounds[i] = DatumGetFloat8(elements[i]);
		if (i > 0 && !(bounds[i] > bounds[i - 1]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("bounds must ascend"),
					 errdetail("%g does not follow %g.", bounds[i], bounds[i - 1])));
	}
	return bounds;
}

/* ---- input and output ---- */

/* The bytes of a digest become a distribution. */
static Distribution *
distribution_from_bytes(const uint8 *bytes, Size size)
{
	Centroid   *centroids = palloc(digest_max_centroids(size) * sizeof(Centroid));
	TDigest		digest;
	const char *problem = digest_decode(bytes, size, false, &digest, centroids);
	Distribution *result;

	pfree(centroids);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid distribution: %s", problem),
				 errhint("Distributions are made by distribution() and combine(); copy them unchanged.")));

	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), bytes, size);
	return result;
}

/* What was printed or sent; a state goes on being one. */
static Distribution *
distribution_parse(const uint8 *bytes, Size size)
{
	State	   *state;
	double		percentile;

	if (size < 1 + sizeof(double) || bytes[0] != WITH_PERCENTILE)
		return distribution_from_bytes(bytes, size);

	state = (State *) distribution_thaw(distribution_from_bytes(bytes + 1 + sizeof(double),
																size - 1 - sizeof(double)));
	digest_get_double(bytes + 1, &percentile);
	if (!(percentile >= 0 && percentile <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid distribution: the percentile is out of range")));
	state->percentile = percentile;
	return (Distribution *) state;
}

/* What to print or send. */
static StringInfoData
distribution_bytes(Distribution *distribution)
{
	StringInfoData bytes;
	double		percentile = NO_PERCENTILE;

	if (distribution_format(distribution) >= STATE_VALUES)
		percentile = ((State *) distribution)->percentile;
	distribution = distribution_freeze(distribution);

	initStringInfo(&bytes);
	if (percentile != NO_PERCENTILE)
	{
		uint8		asked[sizeof(double)];

		digest_put_double(asked, percentile);
		appendStringInfoCharMacro(&bytes, WITH_PERCENTILE);
		appendBinaryStringInfo(&bytes, (char *) asked, sizeof(asked));
	}
	appendBinaryStringInfo(&bytes, VARDATA_ANY(distribution), VARSIZE_ANY_EXHDR(distribution));
	return bytes;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

PG_FUNCTION_INFO_V1(distribution_in);
Datum
distribution_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	Size		length = strlen(text);
	uint8	   *bytes = palloc(length / 2 + 1);

	for (Size i = 0; i < length; i += 2)
	{
		int			high = hex_digit(text[i]);
		int			low = i + 1 < length ? hex_digit(text[i + 1]) : -1;

		if (high < 0 || low < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("invalid input syntax for type distribution: \"%.*s%s\"",
							pg_mbcliplen(text, length, 40), text, length > 40 ? "..." : ""),
					 errdetail("It must be an even number of hexadecimal digits in lower case."),
					 errhint("Make one from values with the aggregate distribution().")));
		bytes[i / 2] = high << 4 | low;
	}
	PG_RETURN_POINTER(distribution_parse(bytes, length / 2));
}

PG_FUNCTION_INFO_V1(distribution_out);
Datum
distribution_out(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = distribution_bytes(distribution_plain(PG_GETARG_DATUM(0), false));
	char	   *text = palloc(2 * bytes.len + 1);

	text[hex_encode(bytes.data, bytes.len, text)] = '\0';
	PG_RETURN_CSTRING(text);
}

PG_FUNCTION_INFO_V1(distribution_recv);
Datum
distribution_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;

	PG_RETURN_POINTER(distribution_parse((const uint8 *) pq_getmsgbytes(message, size), size));
}

PG_FUNCTION_INFO_V1(distribution_send);
Datum
distribution_send(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = distribution_bytes(distribution_plain(PG_GETARG_DATUM(0), false));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, bytes.data, bytes.len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* ---- casts ---- */

/* In as many digits as it takes, whatever extra_float_digits says. */
static void
append_double(StringInfo json, double value)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, text);
	appendStringInfoString(json, text);
}

static void
append_number(StringInfo json, const char *name, double value)
{
	appendStringInfo(json, "\"%s\": ", name);
	append_double(json, value);
	appendStringInfoString(json, ", ");
}

PG_FUNCTION_INFO_V1(distribution_to_json);
Datum
distribution_to_json(PG_FUNCTION_ARGS)
{
	TDigest		digest;
	StringInfoData json;

	distribution_digest(distribution_freeze(distribution_plain(PG_GETARG_DATUM(0), false)), &digest);
	initStringInfo(&json);
	appendStringInfo(&json, "{\"num_values\": " INT64_FORMAT ", ", digest.count);
	append_number(&json, "total", digest.total);
	append_number(&json, "mean", digest.total / digest.count);
	append_number(&json, "min_value", digest.centroids[0].mean);
	append_number(&json, "max_value", digest.centroids[digest.ncentroids - 1].mean);
	appendStringInfo(&json, "\"compression\": %d, \"centroids\": [", digest.compression);
	for (int i = 0; i < digest.ncentroids; i++)
	{
		appendStringInfoString(&json, i > 0 ? ", [" : "[");
		append_double(&json, digest.centroids[i].mean);
		appendStringInfo(&json, ", " INT64_FORMAT "]", digest.centroids[i].count);
	}
	appendStringInfoString(&json, "]}");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

/* {{mean, count}, ...} */
PG_FUNCTION_INFO_V1(distribution_to_array);
Datum
distribution_to_array(PG_FUNCTION_ARGS)
{
	TDigest		digest;
	Datum	   *elements;
	int			dims[2];
	int			lower[2] = {1, 1};

	distribution_digest(distribution_freeze(distribution_plain(PG_GETARG_DATUM(0), false)), &digest);
	elements = palloc(2 * digest.ncentroids * sizeof(Datum));
	for (int i = 0; i < digest.ncentroids; i++)
	{
		elements[2 * i] = Float8GetDatum(digest.centroids[i].mean);
		elements[2 * i + 1] = Float8GetDatum((double) digest.centroids[i].count);
	}
	dims[0] = digest.ncentroids;
	dims[1] = 2;
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, NULL, 2, dims, lower, FLOAT8OID,
											 sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ---- comparison ---- */

/*
 * Equal distributions have equal bytes.  The order of others means nothing,
 * but sorting and merging need one.
 */
static int
compare(FunctionCallInfo fcinfo)
{
	StringInfoData a = distribution_bytes(distribution_plain(PG_GETARG_DATUM(0), false));
	StringInfoData b = distribution_bytes(distribution_plain(PG_GETARG_DATUM(1), false));
	int			order = memcmp(a.data, b.data, Min(a.len, b.len));

	if (order == 0)
		order = a.len - b.len;
	pfree(a.data);
	pfree(b.data);
	return order;
}

PG_FUNCTION_INFO_V1(distribution_cmp);
Datum
distribution_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(fcinfo));
}

PG_FUNCTION_INFO_V1(distribution_lt);
Datum
distribution_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) < 0);
}

PG_FUNCTION_INFO_V1(distribution_le);
Datum
distribution_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

PG_FUNCTION_INFO_V1(distribution_eq);
Datum
distribution_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) == 0);
}

PG_FUNCTION_INFO_V1(distribution_ne);
Datum
distribution_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) != 0);
}

PG_FUNCTION_INFO_V1(distribution_ge);
Datum
distribution_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

PG_FUNCTION_INFO_V1(distribution_gt);
Datum
distribution_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) > 0);
}

PG_FUNCTION_INFO_V1(distribution_hash);
Datum
distribution_hash(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = distribution_bytes(distribution_plain(PG_GETARG_DATUM(0), false));

	return hash_any((unsigned char *) bytes.data, bytes.len);
}

PG_FUNCTION_INFO_V1(distribution_hash_extended);
Datum
distribution_hash_extended(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = distribution_bytes(distribution_plain(PG_GETARG_DATUM(0), false));

	return hash_any_extended((unsigned char *) bytes.data, bytes.len, PG_GETARG_INT64(1));
}
