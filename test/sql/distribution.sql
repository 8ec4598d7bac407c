--
-- The type distribution: what each function says of a few values, small enough
-- to check by hand.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
\pset null '(null)'

-- Eight calls that cost 40 in all.
CREATE TEMP TABLE calls (cost float8);
INSERT INTO calls VALUES (20), (1), (2), (1), (10), (1), (4), (1);
CREATE TEMP VIEW eight AS SELECT distribution(cost) AS d FROM calls;

SELECT num_values(d), total(d), mean(d), min_value(d), max_value(d) FROM eight;
-- rank 7p from 0: 5.25 lies between 4 and 10, 6.3 between 10 and 20
SELECT percentile(d, 0), percentile(d, 0.5), percentile(d, 0.75), round(percentile(d, 0.9)::numeric, 9) AS "percentile 0.9", percentile(d, 1) FROM eight;
SELECT percentiles(d, '{1, 0.5, NULL, 0}'), percentiles(d, '{}') AS none, percentiles(d, '{{0, 0.25}, {0.75, 1}}') AS matrix,
	   percentiles(d, '[3:4]={0, 1}') AS lower_bound FROM eight;
SELECT v, percentile_rank(d, v), share_above(d, v)
FROM eight, unnest('{-Infinity,0.99,1,2,3,4,10,19.99,20,Infinity,NaN}'::float8[]) v;
-- 40 = 1 + 1 + 1 + 1 + 2 + 4 + 10 + 20; of a value that is cut, a part
SELECT low, high, round(trimmed_total(d, low, high)::numeric, 9) AS total, round(trimmed_mean(d, low, high)::numeric, 9) AS mean
FROM eight, (VALUES (0, 1), (0, 0.875), (0.25, 0.75), (0, 0.9), (0.0625, 0.125), (0.5, 0.5), (0, 0), (1, 1)) AS t (low, high);
SELECT fraction, round(top_share(d, fraction)::numeric, 9) AS top_share
FROM eight, unnest('{0,0.1,0.125,0.25,0.5,1}'::float8[]) fraction;
-- (−7 − 5 − 3 − 1 + 2 + 3 × 4 + 5 × 10 + 7 × 20) / (8 × 40)
SELECT round(gini(d)::numeric, 9) AS gini FROM eight;
SELECT fraction, round(share::numeric, 9) AS share FROM eight, lorenz(d, 4);
SELECT count(*) AS points, min(fraction), max(fraction), min(share), max(share) FROM eight, lorenz(d);
SELECT histogram(d, '{1,5,10}') AS inclusive, histogram(d, '{0,20}') AS outer, histogram(d, '{}') AS one,
	   histogram(d, '{-Infinity,1.5,Infinity}') AS infinite FROM eight;
SELECT d::float8[] AS float8s, d::json AS json FROM eight;
SELECT d::jsonb = d::json::jsonb AS same, d::jsonb -> 'centroids' -> 0 AS first FROM eight;
-- format 1, compression 175, and the values from the least significant byte on
SELECT distribution(v)::text, distribution(v, 20)::text AS twenty FROM unnest('{1.5,-1}'::float8[]) v;

-- One value, and one value several times
SELECT num_values(d), total(d), mean(d), percentiles(d, '{0,0.3,1}'), percentile_rank(d, 7) AS rank, top_share(d, 0.5), gini(d), trimmed_mean(d, 0.25, 0.5)
FROM (SELECT distribution(7::float8) AS d UNION ALL SELECT distribution(7::float8) FROM generate_series(1, 4)) AS one;

-- Every type of number; what is not one of them is read as float8
SELECT distribution(v::float8) = distribution(v) AS "numeric", distribution(v::float8) = distribution(v::bigint) AS "bigint",
	   distribution(v::float8) = distribution(v::int) AS "int", distribution(v::float8) = distribution(v::smallint) AS "smallint",
	   distribution(v::float8) = distribution(v::real) AS "real", distribution(v::float8) = distribution(v, 175) AS "175",
	   distribution(v::float8) = distribution(v, NULL) AS "default", distribution(v::float8) <> distribution(v::float8, 100) AS "not 100",
	   distribution(v, 100) = distribution(v::float8, 100) AS "numeric, 100", distribution(v::bigint, 100) = distribution(v::float8, 100) AS "bigint, 100"
FROM generate_series(-3, 5, 1.0) v;
SELECT weighted_distribution(v::float8, w) = distribution(r) AS "float8", weighted_distribution(v, w) = distribution(r) AS "numeric",
	   weighted_distribution(v::bigint, w) = distribution(r) AS "bigint", weighted_distribution(v::int, w::int) = distribution(r) AS "int"
FROM (SELECT v, w, v AS r FROM (VALUES (3.0, 1), (-2, 3), (0, 2)) AS t (v, w)
	  UNION ALL SELECT NULL, NULL, r FROM unnest('{-2,-2,0}'::numeric[]) r) AS both_ways;
SELECT approx_percentile(v::float8, 0.9) AS "float8", approx_percentile(v, 0.9) AS "numeric", approx_percentile(v::bigint, 0.9) AS "bigint",
	   approx_percentile(v::int, 0.9) AS "int", approx_percentile(v, 0) AS smallest, approx_percentile(v, 1) AS largest
FROM generate_series(1, 11, 1.0) v;

-- Money as it is written
SELECT percentile(distribution(v), 0.5) = 0.0021 AS "0.0021", min_value(distribution(v)) = 0.000001 AS "0.000001", max_value(distribution(v)) = 1e15 + 0.3 AS "1e15 + 0.3"
FROM unnest('{0.0021,0.000001,1000000000000000.3}'::numeric[]) v;

-- NULL and nothing
SELECT distribution(v) IS NULL AS none, distribution(v, 100) IS NULL AS none_100, weighted_distribution(v, 1) IS NULL AS weighted,
	   weighted_distribution(1::float8, 0) IS NULL AS weight_0, weighted_distribution(1::float8, NULL) IS NULL AS no_weight,
	   approx_percentile(v, 0.5) IS NULL AS percentile, combine(distribution_from_histogram(NULL, NULL)) IS NULL AS combined
FROM unnest('{NULL,NULL}'::float8[]) v;
SELECT distribution(v) IS NULL AS none, approx_percentile(v, 0.5) IS NULL AS percentile, combine(NULL::distribution) IS NULL AS combined FROM unnest('{}'::float8[]) v;
SELECT distribution(v) = distribution(v) FILTER (WHERE v IS NOT NULL) AS left_out, num_values(distribution(v)) AS two,
	   num_values(weighted_distribution(v, CASE WHEN v = 1 THEN 0 ELSE 3 END)) AS three, approx_percentile(v, 0.5) AS median
FROM unnest('{NULL,1,NULL,2}'::float8[]) v;
SELECT num_nonnulls(percentile(d, 0), percentiles(d, '{0}'), percentile_rank(d, 0), num_values(d), total(d), mean(d), min_value(d), max_value(d),
					trimmed_mean(d, 0, 1), trimmed_total(d, 0, 1), top_share(d, 0.1), share_above(d, 0), gini(d), histogram(d, '{0}'),
					d::json, d::jsonb, d::float8[], d::text, add(d, NULL), d || d, distribution_from_histogram(NULL, '{1,1}'),
					distribution_from_histogram('{1}', NULL)) AS of_null,
	   (SELECT count(*) FROM lorenz(d)) AS points
FROM (VALUES (NULL::distribution)) AS t (d);
SELECT num_nonnulls(percentile(d, NULL), percentile_rank(d, NULL), top_share(d, NULL), trimmed_mean(d, NULL, 1), histogram(d, NULL), percentiles(d, NULL)) AS by_null
FROM eight;

-- One by one and both together
SELECT add(add(NULL, 2), 1) = distribution(v) AS added, add(NULL, 1) || add(NULL, 2) = distribution(v) AS concatenated,
	   add(distribution(v), NULL) = distribution(v) AS null_added, distribution(v) || NULL = distribution(v) AS null_after, NULL || distribution(v) = distribution(v) AS null_before,
	   distribution(v) || distribution(v, 20) = distribution(v, 20) || distribution(v) AS either_way, (distribution(v) || distribution(v, 20))::jsonb -> 'compression' AS smaller
FROM unnest('{1,2}'::float8[]) v;
SELECT combine(d) = distribution(v) AS combined, combine(DISTINCT d) = distribution(DISTINCT v) AS of_distinct
FROM (SELECT v, distribution(v) OVER (PARTITION BY n) AS d FROM unnest('{3,1,4,1,5}'::float8[]) WITH ORDINALITY AS t (v, n)) AS each;
SELECT distribution(DISTINCT v)::float8[] AS of_distinct, distribution(v ORDER BY v DESC) = distribution(v) AS ordered FROM unnest('{1,2,2,1,1}'::float8[]) v;

-- No order, no sign of zero, nothing lost of what is very small or large
SELECT distribution(v) = distribution(-v) AS zero, min_value(distribution(-v))::text AS text, (distribution(-v) = add(NULL, '-0')) AS added,
	   weighted_distribution(-v, 1) = distribution(v) AS weighted FROM unnest('{0}'::float8[]) v;
SELECT min_value(d) = 5e-324 AS smallest, max_value(d) = 2e306 AS largest, percentile(d, 0.5) = 2.2250738585072014e-308 AS smallest_normal,
	   total(d) = 2.1e306 AS total, abs(top_share(d, 0.2) - 20 / 21.0) < 1e-12 AS top_share
FROM (SELECT distribution(v) AS d FROM unnest('{2.2250738585072014e-308,5e-324,2e306,1e305,5e-324}'::float8[]) v) AS extreme;

-- A refund: the largest of three has 20/25 of the total, what is above zero 30/25
SELECT total(d), percentile(d, 0.5), round(top_share(d, 1/3.)::numeric, 9) AS top_share, round(share_above(d, 0)::numeric, 9) AS share_above, percentile_rank(d, -5) * 3 AS "one third"
FROM (SELECT distribution(v) AS d FROM unnest('{10,-5,20}'::float8[]) v) AS refunded;
-- Shares of nothing, and of less than nothing
SELECT total(d), top_share(d, 0.5), share_above(d, 0), gini(d), (SELECT count(*) FROM lorenz(d)) AS points, trimmed_total(d, 0, 1), percentile(d, 0.5)
FROM (SELECT distribution(0::float8) AS d UNION ALL SELECT distribution(v) FROM unnest('{-3,1}'::float8[]) v) AS t;

-- Histograms: of 4 values up to 1 and 2 above, up to 3; evenly, in the middle of their part
SELECT distribution_from_histogram('{1,3}', '{4,2,0}')::float8[];
-- … unless it is said how far they reach
SELECT distribution_from_histogram('{1,3}', '{2,0,2}')::float8[] AS none_said, distribution_from_histogram('{1,3}', '{2,0,2}', 0.5, 5)::float8[] AS said,
	   distribution_from_histogram('{-2,3}', '{1,1,0}')::float8[] AS negative, distribution_from_histogram('{-2,3}', '{2,0,0}', -4)::float8[] AS below,
	   distribution_from_histogram('{1,3}', '{0,0,0}') AS nothing;
SELECT (SELECT bool_and(abs(c - counts[i]) <= num_values(d) / 300) FROM unnest(histogram(d, bounds)) WITH ORDINALITY AS h (c, i)) AS same, num_values(d)
FROM (VALUES ('{1,2,5,10,20,50}'::float8[], '{5,0,17,41,12,3,1}'::bigint[]), ('{0.5,80}', '{1000,5000000,10}'), ('{1}', '{300000000000,1}')) AS t (bounds, counts),
	 LATERAL (SELECT distribution_from_histogram(bounds, counts, 0, 100)) AS h (d);
