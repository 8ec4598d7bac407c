--
-- What is known to go wrong in other sketches of distributions.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET jit = off;
\set SHOW_CONTEXT never
SELECT setseed(0.6) IS NOT NULL AS seeded;

-- 200,000 calls: two in five are free, three in ten cost the same, the rest a price times tokens
CREATE TEMP TABLE calls AS
	SELECT i, CASE WHEN u < 0.4 THEN 0 WHEN u < 0.7 THEN 0.0021 ELSE round((0.000003 * exp(7 + 1.5 * z))::numeric, 6) END AS cost
	FROM (SELECT i, random() AS u, sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS z FROM generate_series(1, 200000) i) AS r;

-- tdigest #15: the rank of a percentile is another one where values repeat
SELECT n, max(abs(percentile_rank(d, v) - exact)) <= 0.002 AS ranks, bool_and(p <= percentile_rank(d, percentile(d, p) + 1e-9) + 0.002) AS both_ways
FROM (SELECT n, distribution(cost) AS d, array_agg(cost) AS costs FROM calls, unnest('{100,2000,200000}'::int[]) n WHERE i <= n GROUP BY n) AS t,
	 LATERAL (SELECT p, v, (SELECT count(*) FILTER (WHERE c <= v) / n::float8 FROM unnest(costs) c) AS exact FROM (VALUES (0.1, 0), (0.5, 0.0021), (0.8, 0.01), (0.99, 1)) AS t (p, v)) AS e GROUP BY n;
SELECT percentile_rank(d, percentile(d, 0.5)) AS "4 of 5", percentile_rank(d, 4.99) AS none, percentile(d, 0.75) AS "the 4th" FROM (SELECT distribution(x) AS d FROM unnest('{5,5,5,5,7}'::float8[]) x) AS t;

-- tdigest #4: the 93rd to the 96th percentile lie above the 97th to the 99th
SELECT bool_and(q >= previous) AS monotone, count(*) FROM
	(SELECT s, i, q, lag(q) OVER (PARTITION BY s ORDER BY i) AS previous
	 FROM (SELECT s, distribution(x) AS d FROM generate_series(1, 50) s, LATERAL (SELECT CASE WHEN random() < 0.93 THEN random() ELSE 10 ^ (random() * (s % 7)) END AS x FROM generate_series(1, 150 + 20 * s)) AS r GROUP BY s) AS t,
		  LATERAL unnest(percentiles(d, (SELECT array_agg(i / 1000.0::float8) FROM generate_series(900, 1000) i))) WITH ORDINALITY AS p (q, i)) AS o WHERE previous IS NOT NULL;

-- tdigest #3: values with their counts, and centroids so large that the answer is far off
SELECT percentiles(d, '{0.2,0.5,0.8,1}'), num_values(d) FROM (SELECT weighted_distribution(x, w) AS d FROM (VALUES (1, 400000), (2, 300000), (3, 299999), (1000, 1)) AS t (x, w)) AS t;
SELECT max(abs(percentile(d, p) / (p * 1000000) - 1)) <= 0.001 AS even FROM (SELECT weighted_distribution(x, 1000) AS d FROM generate_series(500, 1000000, 1000) x) AS t, generate_series(0.05, 0.99, 0.01) p;

-- tdigest #14: means without the ends
SELECT trimmed_mean(d, 0.1, 0.9) AS "8 of 10", trimmed_total(d, 0.5, 1) AS half FROM (SELECT distribution(x) AS d FROM unnest('{1,2,3,4,5,6,7,8,9,1000}'::float8[]) x) AS t;

-- tdigest #20: another architecture prints something else. What is stored reads
-- the same everywhere: 100 × 1, 20 × 1.5, 80 × 2
SELECT num_values(d), total(d), percentiles(d, '{0.25,0.5,0.55,0.75}'), d::float8[], d = weighted_distribution(x, w) AS made_here
FROM (SELECT '02af010000000000207240000000000000f03f0000000000000040036450298080808010808010'::distribution AS d) AS t, (VALUES (1::float8, 100), (1.5, 20), (2, 80)) AS v (x, w) GROUP BY d;

-- tdigest #34: a percentile for each stored distribution, without GROUP BY
CREATE TEMP TABLE hourly AS SELECT i / 20000 AS hour, distribution(cost) AS costs FROM calls GROUP BY 1;
SELECT count(*) AS hours, bool_and(p99 = (SELECT percentile(costs, 0.99) FROM hourly h WHERE h.hour = t.hour)) AS same, bool_and(p99 > p50 OR hour = 10) AS skewed
FROM (SELECT hour, percentile(costs, 0.99) AS p99, percentile(costs, 0.5) AS p50 FROM hourly) AS t;

-- tdigest 1.4.4: combining different parameters
SELECT num_values(a || b) AS values, percentile(a || b, 0.5) AS median, (a || b)::json ->> 'compression' AS compression FROM (SELECT distribution(x, 50) AS a, distribution(x + 2, 500) AS b FROM generate_series(1, 3) x) AS t;

-- tdigest, and in DuckDB and ClickHouse too: the answer depends on the plan, or is another with each call
SELECT count(DISTINCT d) AS answers
FROM (SELECT distribution(cost) AS d FROM calls UNION ALL SELECT distribution(cost ORDER BY i DESC) FROM calls UNION ALL SELECT distribution(cost ORDER BY random()) FROM calls UNION ALL SELECT distribution(cost) FROM calls) AS t;
SELECT count(DISTINCT percentile) AS answers, count(*) AS calls FROM generate_series(1, 20) s, LATERAL (SELECT approx_percentile(cost, 0.95) AS percentile FROM calls WHERE i <= 20000 AND s > 0) AS t;

-- timescaledb-toolkit #601: the median lies outside of the smallest and the largest value
SELECT bool_and(percentile(d, p) BETWEEN min_value(d) AND max_value(d)) AS within, bool_and(mean(d) BETWEEN min_value(d) AND max_value(d)) AS mean_too,
	   bool_and(trimmed_mean(d, p * 0.9, 0.05 + p * 0.95) BETWEEN min_value(d) - abs(min_value(d)) * 1e-13 AND max_value(d) + abs(max_value(d)) * 1e-13) AS trimmed_too, count(*)
FROM (SELECT s, distribution(x) AS d FROM generate_series(1, 300) s, LATERAL (SELECT 1e6 + (random() * 10 ^ (s % 9 - 8)) * (s % 2) AS x FROM generate_series(1, s)) AS r GROUP BY s) AS t, generate_series(0, 1, 0.125) p;
-- #846, and Query-farm/datasketches #8: combining NULL, or a worker that has seen no row
SELECT combine(d) = add(NULL, 1) AS value, combine(NULL::distribution) IS NULL AS nothing FROM (VALUES (NULL), (add(NULL, 1)), (NULL)) AS t (d);
SELECT num_values(combine(d)) AS values FROM (SELECT distribution(cost) FILTER (WHERE i = 9) AS d FROM calls GROUP BY i % 10) AS t;
-- #843: histograms of OpenTelemetry, of an exporter's own bounds, and empty
SELECT num_values(d), percentile(d, 0.5) BETWEEN 10 AND 25 AS median, percentile(d, 0.99) BETWEEN 250 AND 500 AS p99, distribution_from_histogram(bounds, array_fill(0::bigint, ARRAY[16])) IS NULL AS empty
FROM (VALUES ('{0,5,10,25,50,75,100,250,500,750,1000,2500,5000,7500,10000}'::float8[])) AS t (bounds), LATERAL distribution_from_histogram(bounds, '{0,10,30,35,10,5,3,5,2,0,0,0,0,0,0,0}') d;

-- ClickHouse #22408, #32978: wrong for small and discrete data
SELECT bool_and(percentiles(d, '{0.25,0.5,0.75,0.9}') = exact) AS exact, count(*) AS samples
FROM (SELECT s, distribution(x) AS d, percentile_cont('{0.25,0.5,0.75,0.9}'::float8[]) WITHIN GROUP (ORDER BY x) AS exact FROM generate_series(1, 500) s, LATERAL (SELECT floor(random() * 4)::float8 AS x FROM generate_series(1, 1 + s % 20)) AS r GROUP BY s) AS t;
SELECT n, max(abs(a - e)) < 0.00001 AS "the price", percentile(d, 0.2) = 0 AS "nothing" FROM
	(SELECT n, distribution(cost) AS d, percentile_cont('{0.45,0.5,0.6,0.65}'::float8[]) WITHIN GROUP (ORDER BY cost) AS exact FROM calls, unnest('{100,1000,20000,200000}'::int[]) n WHERE i <= n GROUP BY n) AS t,
	LATERAL unnest(percentiles(d, '{0.45,0.5,0.6,0.65}'), exact) AS pair (a, e) GROUP BY n, d ORDER BY n;
SELECT sum(a) = 200000 AS all, max(abs(a - e)) <= 400 AS "near the price too"
FROM (SELECT histogram(distribution(cost), '{0,0.0021,0.0022,0.01}') AS h,
			 ARRAY[count(*) FILTER (WHERE cost <= 0), count(*) FILTER (WHERE cost > 0 AND cost <= 0.0021), count(*) FILTER (WHERE cost > 0.0021 AND cost <= 0.0022), count(*) FILTER (WHERE cost > 0.0022 AND cost <= 0.01), count(*) FILTER (WHERE cost > 0.01)] AS exact
	  FROM calls) AS t, LATERAL unnest(h, exact) AS pair (a, e);
-- #2668, #15542, #16680: never finished, and centroids without bound, for orders and values that are chosen
SELECT name, array_length(d::float8[], 1) <= 175 AS bounded, d::text::distribution = d AS text, num_values(d) AS values, octet_length(distribution_send(d)) <= 1400 AS small
FROM (SELECT name, distribution(CASE name WHEN 'ends first' THEN (-1) ^ i * (100000 - i) WHEN 'ever farther' THEN (-1.0) ^ i * 10.0 ^ (i % 600 - 300) * (1 + i / 100000.0) WHEN 'ever nearer' THEN 1 + 1.0 / i WHEN 'denormal' THEN 5e-324::float8 * (i % 1000) ELSE (i % 2) * 1e-300 + 5e-324 * i END::float8) AS d
	  FROM generate_series(1, 100000) i, unnest('{ends first,ever farther,ever nearer,denormal,some denormal}'::text[]) name GROUP BY name) AS t ORDER BY name;
-- tdunning/t-digest #143: very skewed data
SELECT max(abs(percentile(d, p) / e - 1)) <= 0.05 AS percentiles, abs(top_share(d, 0.001) / share - 1) <= 0.005 AS top
FROM (SELECT distribution(x) AS d, percentile_cont('{0.5,0.9,0.99,0.999}'::float8[]) WITHIN GROUP (ORDER BY x) AS exact, sum(x) FILTER (WHERE rank <= 100) / sum(x) AS share
	  FROM (SELECT x, row_number() OVER (ORDER BY x DESC) AS rank FROM (SELECT exp(-ln(1 - random()) / 0.6) AS x FROM generate_series(1, 100000)) AS r) AS t) AS s,
	 LATERAL unnest('{0.5,0.9,0.99,0.999}'::float8[], exact) AS pair (p, e) GROUP BY d, share;
-- #229: a NaN that was stored
\set VERBOSITY terse
SELECT '01af01000000000000f87f'::distribution;
-- pipelinedb #1790: wrong when combined
SELECT combine(d) = (SELECT distribution(cost) FROM calls WHERE i <= 10000) AS same FROM (SELECT distribution(cost) AS d FROM calls WHERE i <= 10000 GROUP BY i / 100) AS t;
SELECT max(abs(a / e - 1)) <= 0.01 AS percentiles FROM (SELECT combine(costs) AS d FROM hourly) AS t, (SELECT percentile_cont('{0.75,0.9,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY cost) AS exact FROM calls) AS x, LATERAL unnest(percentiles(d, '{0.75,0.9,0.95,0.99}'), exact) AS pair (a, e);
-- KLL and REQ err by 18 to 87 % in the tail of money: 99 % and 99.9 % of lognormal values
SELECT max(abs(percentile(d, p) / e - 1)) <= 0.02 AS tail FROM (SELECT distribution(x) AS d, percentile_cont('{0.99,0.999}'::float8[]) WITHIN GROUP (ORDER BY x) AS exact
	FROM (SELECT exp(2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) AS x FROM generate_series(1, 300000)) AS r) AS t, LATERAL unnest('{0.99,0.999}'::float8[], exact) AS pair (p, e);
