/*
 * What fills distributions.  The state of every aggregate is a distribution
 * itself, which a plan may send to another process, or to another machine.
 */

CREATE FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, float8)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_float8';

COMMENT ON FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, float8) IS
	'Transition function of distribution().';

CREATE FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, float8, integer)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_float8';

COMMENT ON FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, float8, integer) IS
	'Transition function of distribution() with a compression.';

CREATE FUNCTION llm_cost.distribution_add_weighted(llm_cost.distribution, float8, bigint)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_weighted_float8';

COMMENT ON FUNCTION llm_cost.distribution_add_weighted(llm_cost.distribution, float8, bigint) IS
	'Transition function of weighted_distribution().';

CREATE FUNCTION llm_cost.approx_percentile_add(llm_cost.distribution, float8, float8)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'approx_percentile_add_float8';

COMMENT ON FUNCTION llm_cost.approx_percentile_add(llm_cost.distribution, float8, float8) IS
	'Transition function of approx_percentile().';

CREATE FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, numeric)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_numeric';

COMMENT ON FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, numeric) IS
	'Transition function of distribution().';

CREATE FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, numeric, integer)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_numeric';

COMMENT ON FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, numeric, integer) IS
	'Transition function of distribution() with a compression.';

CREATE FUNCTION llm_cost.distribution_add_weighted(llm_cost.distribution, numeric, bigint)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_weighted_numeric';

COMMENT ON FUNCTION llm_cost.distribution_add_weighted(llm_cost.distribution, numeric, bigint) IS
	'Transition function of weighted_distribution().';

CREATE FUNCTION llm_cost.approx_percentile_add(llm_cost.distribution, numeric, float8)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'approx_percentile_add_numeric';

COMMENT ON FUNCTION llm_cost.approx_percentile_add(llm_cost.distribution, numeric, float8) IS
	'Transition function of approx_percentile().';

CREATE FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, bigint)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_bigint';

COMMENT ON FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, bigint) IS
	'Transition function of distribution().';

CREATE FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, bigint, integer)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_bigint';

COMMENT ON FUNCTION llm_cost.distribution_add_value(llm_cost.distribution, bigint, integer) IS
	'Transition function of distribution() with a compression.';

CREATE FUNCTION llm_cost.distribution_add_weighted(llm_cost.distribution, bigint, bigint)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_add_weighted_bigint';

COMMENT ON FUNCTION llm_cost.distribution_add_weighted(llm_cost.distribution, bigint, bigint) IS
	'Transition function of weighted_distribution().';

CREATE FUNCTION llm_cost.approx_percentile_add(llm_cost.distribution, bigint, float8)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'approx_percentile_add_bigint';

COMMENT ON FUNCTION llm_cost.approx_percentile_add(llm_cost.distribution, bigint, float8) IS
	'Transition function of approx_percentile().';

CREATE FUNCTION llm_cost.distribution_combine(llm_cost.distribution, llm_cost.distribution)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'distribution_combine';

COMMENT ON FUNCTION llm_cost.distribution_combine(llm_cost.distribution, llm_cost.distribution) IS
	'Transition function of combine(), and combine function of all aggregates of distributions.';

CREATE FUNCTION llm_cost.distribution_final(llm_cost.distribution)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'distribution_final';

COMMENT ON FUNCTION llm_cost.distribution_final(llm_cost.distribution) IS
	'Final function of the aggregates of distributions.';

CREATE FUNCTION llm_cost.approx_percentile_final(llm_cost.distribution)
RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'approx_percentile_final';

COMMENT ON FUNCTION llm_cost.approx_percentile_final(llm_cost.distribution) IS
	'Final function of approx_percentile().';

CREATE AGGREGATE llm_cost.distribution(float8) (
	SFUNC = llm_cost.distribution_add_value, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.distribution(float8) IS
	'The distribution of a value over the rows of a group, as a t-digest of at most 175 centroids; in one pass, with 8 bytes a row up to 1,021 rows and at most some 31 kB beyond (100 kB if their magnitudes differ by more than 10^380). Read it with percentile(), total(), top_share() and others, as often as you like: equal aggregates of a query are computed once. NULL values are left out; NULL without any. Errors: NaN and infinite values, and values whose sum could leave the range of float8.';

CREATE AGGREGATE llm_cost.distribution(numeric) (
	SFUNC = llm_cost.distribution_add_value, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.distribution(numeric) IS
	'The distribution of a value over the rows of a group, as a t-digest of at most 175 centroids; in one pass, with 8 bytes a row up to 1,021 rows and at most some 31 kB beyond (100 kB if their magnitudes differ by more than 10^380). Read it with percentile(), total(), top_share() and others, as often as you like: equal aggregates of a query are computed once. NULL values are left out; NULL without any. Errors: NaN and infinite values, and values whose sum could leave the range of float8. numeric is read as the nearest float8.';

CREATE AGGREGATE llm_cost.distribution(bigint) (
	SFUNC = llm_cost.distribution_add_value, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.distribution(bigint) IS
	'The distribution of a value over the rows of a group, as a t-digest of at most 175 centroids; in one pass, with 8 bytes a row up to 1,021 rows and at most some 31 kB beyond (100 kB if their magnitudes differ by more than 10^380). Read it with percentile(), total(), top_share() and others, as often as you like: equal aggregates of a query are computed once. NULL values are left out; NULL without any. Errors: NaN and infinite values, and values whose sum could leave the range of float8. Integers above 2^53 are rounded to float8.';

CREATE AGGREGATE llm_cost.distribution(float8, integer) (
	SFUNC = llm_cost.distribution_add_value, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.distribution(float8, integer) IS
	'distribution(value) with a compression: the number of centroids, from 20 to 2000, that the result may have. A centroid takes some 6 bytes; beyond 600, errors hardly fall further. NULL: 175. Errors: a compression out of range, or one that differs within a group.';

CREATE AGGREGATE llm_cost.distribution(numeric, integer) (
	SFUNC = llm_cost.distribution_add_value, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.distribution(numeric, integer) IS
	'distribution(value) with a compression: the number of centroids, from 20 to 2000, that the result may have. A centroid takes some 6 bytes; beyond 600, errors hardly fall further. NULL: 175. Errors: a compression out of range, or one that differs within a group.';

CREATE AGGREGATE llm_cost.distribution(bigint, integer) (
	SFUNC = llm_cost.distribution_add_value, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.distribution(bigint, integer) IS
	'distribution(value) with a compression: the number of centroids, from 20 to 2000, that the result may have. A centroid takes some 6 bytes; beyond 600, errors hardly fall further. NULL: 175. Errors: a compression out of range, or one that differs within a group.';

CREATE AGGREGATE llm_cost.weighted_distribution(float8, bigint) (
	SFUNC = llm_cost.distribution_add_weighted, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.weighted_distribution(float8, bigint) IS
	'The distribution of a value that occurs weight times: the same as distribution(value) over rows repeated so often. Rows with NULL or weight 0 are left out. Errors: a negative weight, weights that add up to 2^44 or more, and those of distribution().';

CREATE AGGREGATE llm_cost.weighted_distribution(numeric, bigint) (
	SFUNC = llm_cost.distribution_add_weighted, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.weighted_distribution(numeric, bigint) IS
	'The distribution of a value that occurs weight times: the same as distribution(value) over rows repeated so often. Rows with NULL or weight 0 are left out. Errors: a negative weight, weights that add up to 2^44 or more, and those of distribution().';

CREATE AGGREGATE llm_cost.weighted_distribution(bigint, bigint) (
	SFUNC = llm_cost.distribution_add_weighted, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.weighted_distribution(bigint, bigint) IS
	'The distribution of a value that occurs weight times: the same as distribution(value) over rows repeated so often. Rows with NULL or weight 0 are left out. Errors: a negative weight, weights that add up to 2^44 or more, and those of distribution().';

CREATE AGGREGATE llm_cost.combine(llm_cost.distribution) (
	SFUNC = llm_cost.distribution_combine, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.distribution_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.combine(llm_cost.distribution) IS
	'The distribution of all values of several distributions. Count, total, smallest and largest value stay exact, as do results of up to 128 values; the compression is the smallest of all. NULLs are left out; NULL without any. Takes some 31 kB a group that combines more than 1,021 values.';

CREATE AGGREGATE llm_cost.approx_percentile(float8, float8) (
	SFUNC = llm_cost.approx_percentile_add, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.approx_percentile_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.approx_percentile(float8, float8) IS
	'percentile(distribution(value), p) in one step: the value below which the fraction p of values lies, 0 to 1. For several percentiles of one value, distribution() with percentiles() is computed once. NULL values are left out; NULL without any. Errors: p out of range, NULL, or different within a group.';

CREATE AGGREGATE llm_cost.approx_percentile(numeric, float8) (
	SFUNC = llm_cost.approx_percentile_add, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.approx_percentile_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.approx_percentile(numeric, float8) IS
	'percentile(distribution(value), p) in one step: the value below which the fraction p of values lies, 0 to 1. For several percentiles of one value, distribution() with percentiles() is computed once. NULL values are left out; NULL without any. Errors: p out of range, NULL, or different within a group.';

CREATE AGGREGATE llm_cost.approx_percentile(bigint, float8) (
	SFUNC = llm_cost.approx_percentile_add, STYPE = llm_cost.distribution, SSPACE = 512,
	FINALFUNC = llm_cost.approx_percentile_final, COMBINEFUNC = llm_cost.distribution_combine, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.approx_percentile(bigint, float8) IS
	'percentile(distribution(value), p) in one step: the value below which the fraction p of values lies, 0 to 1. For several percentiles of one value, distribution() with percentiles() is computed once. NULL values are left out; NULL without any. Errors: p out of range, NULL, or different within a group.';

/* ---- without an aggregate ---- */

CREATE FUNCTION llm_cost.add(distribution llm_cost.distribution, value float8)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 200 AS 'MODULE_PATHNAME', 'distribution_add';

COMMENT ON FUNCTION llm_cost.add(llm_cost.distribution, float8) IS
	'The distribution with one more value. A NULL distribution is an empty one; a NULL value changes nothing. Adding many values one by one costs much more than aggregating them, and precision: collect them and use ||.';

CREATE FUNCTION llm_cost.distribution_concat(llm_cost.distribution, llm_cost.distribution)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 400 AS 'MODULE_PATHNAME', 'distribution_concat';

COMMENT ON FUNCTION llm_cost.distribution_concat(llm_cost.distribution, llm_cost.distribution) IS
	'Implementation of the || operator.';

CREATE OPERATOR llm_cost.|| (
	FUNCTION = llm_cost.distribution_concat, LEFTARG = llm_cost.distribution, RIGHTARG = llm_cost.distribution);
COMMENT ON OPERATOR llm_cost.|| (llm_cost.distribution, llm_cost.distribution) IS 'The distribution of the values of both. A NULL is an empty one.';

CREATE FUNCTION llm_cost.distribution_from_histogram(bounds float8[], counts bigint[], min_value float8 DEFAULT NULL, max_value float8 DEFAULT NULL)
RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 200 AS 'MODULE_PATHNAME', 'distribution_from_histogram';

COMMENT ON FUNCTION llm_cost.distribution_from_histogram(float8[], bigint[], float8, float8) IS
	'The distribution that a histogram describes, such as one of OpenTelemetry: n ascending bounds and n + 1 counts, of values up to the first bound, up to the second, ... and above the last. Within a bucket values are taken to be spread evenly, so that percentiles and total are as good as the buckets are narrow. min_value and max_value say how far the outer buckets reach; without them it is 0 (or the first bound, if that is negative) and the last bound. NULL without values. Errors: bounds that do not ascend, and counts that are negative or not n + 1.';
