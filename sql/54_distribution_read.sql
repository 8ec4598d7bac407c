/*
 * What is read from distributions.
 */

CREATE FUNCTION llm_cost.percentile(distribution llm_cost.distribution, p float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_percentile';

COMMENT ON FUNCTION llm_cost.percentile(llm_cost.distribution, float8) IS
	'The value below which the fraction p of values lies, 0 to 1: what percentile_cont(p) gives, exactly up to 128 values. NULL for NULL. Errors: p outside 0 to 1.';

CREATE FUNCTION llm_cost.percentiles(distribution llm_cost.distribution, p float8[])
RETURNS float8[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 60 AS 'MODULE_PATHNAME', 'distribution_percentiles';

COMMENT ON FUNCTION llm_cost.percentiles(llm_cost.distribution, float8[]) IS
	'percentile() for each element of an array; NULL for those that are NULL.';

CREATE FUNCTION llm_cost.percentile_rank(distribution llm_cost.distribution, value float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_percentile_rank';

COMMENT ON FUNCTION llm_cost.percentile_rank(llm_cost.distribution, float8) IS
	'The fraction of values that are at most this one, 0 to 1; exact up to 128 values. NULL for NULL.';

CREATE FUNCTION llm_cost.num_values(distribution llm_cost.distribution)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_num_values';

COMMENT ON FUNCTION llm_cost.num_values(llm_cost.distribution) IS
	'How many values the distribution holds: exact.';

CREATE FUNCTION llm_cost.total(distribution llm_cost.distribution)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_total';

COMMENT ON FUNCTION llm_cost.total(llm_cost.distribution) IS
	'The sum of all values: exact but for one rounding to float8, and one more for each combine. For money to the cent use sum() of the numeric column.';

CREATE FUNCTION llm_cost.mean(distribution llm_cost.distribution)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_mean';

COMMENT ON FUNCTION llm_cost.mean(llm_cost.distribution) IS
	'The mean of all values: total() by num_values().';

CREATE FUNCTION llm_cost.min_value(distribution llm_cost.distribution)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_min_value';

COMMENT ON FUNCTION llm_cost.min_value(llm_cost.distribution) IS
	'The smallest value: exact.';

CREATE FUNCTION llm_cost.max_value(distribution llm_cost.distribution)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_max_value';

COMMENT ON FUNCTION llm_cost.max_value(llm_cost.distribution) IS
	'The largest value: exact.';

CREATE FUNCTION llm_cost.trimmed_total(distribution llm_cost.distribution, low float8, high float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_trimmed_total';

COMMENT ON FUNCTION llm_cost.trimmed_total(llm_cost.distribution, float8, float8) IS
	'The sum of the values between two fractions: trimmed_total(d, 0, 0.99) leaves out the largest per cent. A value that is cut counts in part. Errors: fractions outside 0 to 1, or low above high.';

CREATE FUNCTION llm_cost.trimmed_mean(distribution llm_cost.distribution, low float8, high float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_trimmed_mean';

COMMENT ON FUNCTION llm_cost.trimmed_mean(llm_cost.distribution, float8, float8) IS
	'The mean of the values between two fractions: trimmed_mean(d, 0.05, 0.95) leaves out a twentieth at either end. NULL if the fractions are equal. Errors: fractions outside 0 to 1, or low above high.';

CREATE FUNCTION llm_cost.top_share(distribution llm_cost.distribution, fraction float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_top_share';

COMMENT ON FUNCTION llm_cost.top_share(llm_cost.distribution, float8) IS
	'The share of the total that the largest values have: top_share(d, 0.05) = 0.30 reads "5 % of calls are 30 % of spend". NULL if the total is not positive. Where there are negative values, shares can exceed 1.';

CREATE FUNCTION llm_cost.share_above(distribution llm_cost.distribution, value float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'distribution_share_above';

COMMENT ON FUNCTION llm_cost.share_above(llm_cost.distribution, float8) IS
	'The share of the total that lies in values above this one. NULL if the total is not positive.';

CREATE FUNCTION llm_cost.gini(distribution llm_cost.distribution)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 80 AS 'MODULE_PATHNAME', 'distribution_gini';

COMMENT ON FUNCTION llm_cost.gini(llm_cost.distribution) IS
	'The Gini coefficient: 0 if all values are equal, near 1 if one has it all. One minus twice the area below the Lorenz curve, without the correction n / (n - 1) for small samples. NULL if the total is not positive.';

CREATE FUNCTION llm_cost.distribution_lorenz_shares(llm_cost.distribution, integer)
RETURNS float8[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'distribution_lorenz_shares';

COMMENT ON FUNCTION llm_cost.distribution_lorenz_shares(llm_cost.distribution, integer) IS
	'The second column of lorenz(), as an array.';

CREATE FUNCTION llm_cost.lorenz(distribution llm_cost.distribution, points integer DEFAULT 20,
	OUT fraction float8, OUT share float8)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 21
BEGIN ATOMIC
	SELECT (point - 1) / points::float8, share
	FROM pg_catalog.unnest(llm_cost.distribution_lorenz_shares(distribution, points)) WITH ORDINALITY AS shares (share, point);
END;

COMMENT ON FUNCTION llm_cost.lorenz(llm_cost.distribution, integer) IS
	'The Lorenz curve in so many steps: the lowest fraction of values has this share of the total. From (0, 0) to (1, 1). No rows if the total is not positive. Errors: points outside 1 to 10000.';

CREATE FUNCTION llm_cost.histogram(distribution llm_cost.distribution, bounds float8[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 60 AS 'MODULE_PATHNAME', 'distribution_histogram';

COMMENT ON FUNCTION llm_cost.histogram(llm_cost.distribution, float8[]) IS
	'How many values are at most the first bound, above it and at most the second, ... and above the last: one count more than bounds, adding up to num_values(). Errors: bounds that do not ascend, or NULL.';
