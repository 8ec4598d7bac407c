--
-- Beyond 128 values: how far from the exact answer, on random data of many
-- shapes and sizes.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET jit = off;
SET work_mem = '64MB';
\set SHOW_CONTEXT never

BEGIN;
SELECT setseed(0.5) IS NOT NULL AS seeded;

-- 100,000 values of each shape, in random order unless the name says otherwise
CREATE TEMP TABLE random_number AS
	SELECT i, u, sqrt(-2 * ln(1 - v)) * cos(2 * pi() * w) AS z
	FROM (SELECT i, random() AS u, random() AS v, random() AS w FROM generate_series(1, 100000) i) AS r;
CREATE TEMP TABLE sample AS
	SELECT shape, i,
		   CASE shape
				WHEN 'uniform' THEN u
				WHEN 'exponential' THEN -ln(1 - u)
				WHEN 'lognormal' THEN exp(2 * z)
				WHEN 'Pareto' THEN exp(-ln(1 - u) / 1.2)
				WHEN 'normal, negative too' THEN z
				WHEN 'negative Pareto' THEN -exp(-ln(1 - u) / 1.2)
				WHEN 'constant' THEN 0.0021
				WHEN 'few values' THEN (ARRAY[0.5, 2, 5, 10, 100])[1 + floor(u * 5)::int]
				WHEN 'free, one price, many' THEN CASE WHEN u < 0.4 THEN 0 WHEN u < 0.7 THEN 0.0021 ELSE round((0.000003 * exp(7 + 1.5 * z))::numeric, 6) END
				WHEN 'free and lognormal' THEN CASE WHEN u < 0.6 THEN 0 ELSE exp(2 * z) END
				WHEN 'integers' THEN floor(u * 5000)
				WHEN 'one huge value' THEN CASE WHEN i = 17 THEN 1e12 ELSE u END
				WHEN 'two modes' THEN CASE WHEN u < 0.6 THEN exp(-7 + 0.3 * z) ELSE exp(2 + 0.8 * z) END
				WHEN 'sorted' THEN i * 0.001
				WHEN 'reversed' THEN 1000000 - i
				WHEN 'alternating signs' THEN (2 * (i % 2) - 1) * exp(z) END AS x
	FROM random_number,
		 unnest(ARRAY['uniform', 'exponential', 'lognormal', 'Pareto', 'normal, negative too', 'negative Pareto', 'constant', 'few values', 'free, one price, many',
					  'free and lognormal', 'integers', 'one huge value', 'two modes', 'sorted', 'reversed', 'alternating signs']) shape;
CREATE INDEX ON sample (shape, i);
ANALYZE sample;
SELECT count(DISTINCT shape) AS shapes, count(x) AS values FROM sample;

-- What is exact, the total as a sum of integers. An approximate percentile is
-- to lie within 1 % of the exact one, or to be exact for a rank nearby: as many
-- ranks as one of 175 centroids has, which is less towards the ends, and two.
CREATE TEMP TABLE percent AS
	SELECT n, array_agg(p ORDER BY p) AS p, array_agg(greatest(p - near, 0) ORDER BY p) AS low, array_agg(least(p + near, 1) ORDER BY p) AS high
	FROM unnest(ARRAY[129, 1000, 1021, 1022, 10000, 100000]) n,
		 unnest('{0,0.0001,0.001,0.002,0.005,0.01,0.02,0.05,0.1,0.15,0.2,0.25,0.3,0.4,0.45,0.5,0.55,0.6,0.65,0.7,0.75,0.8,0.85,0.9,0.95,0.98,0.99,0.995,0.998,0.999,0.9999,1}'::float8[]) p,
		 LATERAL (SELECT 6 * p * (1 - p) / 175 + 2.0 / n AS near) AS r
	GROUP BY n;
CREATE TEMP TABLE digest AS
	SELECT shape, n, p, e.*
	FROM (SELECT DISTINCT shape FROM sample) AS s, percent,
		 LATERAL (SELECT distribution(x) AS d, percentile_cont(p) WITHIN GROUP (ORDER BY x) AS exact,
						 percentile_disc(low) WITHIN GROUP (ORDER BY x) AS low, percentile_disc(high) WITHIN GROUP (ORDER BY x) AS high,
						 min(x) AS smallest, max(x) AS largest, sum(thick) / 2.0 ^ 20 + sum(fine) / 2.0 ^ 60 AS total, sum(abs(x)) AS size
				  FROM sample, LATERAL (SELECT (x * 2 ^ 20)::bigint AS thick) AS t, LATERAL (SELECT ((x - thick / 2 ^ 20) * 2 ^ 60)::bigint AS fine) AS f
				  WHERE sample.shape = s.shape AND i <= n) AS e;
ANALYZE digest;

SELECT count(*) AS distributions, bool_and(num_values(d) = n) AS count, bool_and(abs(total(d) - total::float8) <= 1e-12 * size) AS total,
	   bool_and(abs(mean(d) - total::float8 / n) <= 1e-12 * size / n) AS mean, bool_and(min_value(d) = smallest AND percentile(d, 0) = smallest) AS smallest,
	   bool_and(max_value(d) = largest AND percentile(d, 1) = largest) AS largest, bool_and(array_length(d::float8[], 1) <= 175) AS centroids,
	   bool_and(octet_length(distribution_send(d)) <= 1200) AS "1.2 kB", max(num_values(d)) AS most FROM digest;
SELECT shape, n, e.p, approximate, e.exact, e.low, e.high
FROM digest, LATERAL unnest(digest.p, percentiles(d, digest.p), exact, low, high) AS e (p, approximate, exact, low, high)
WHERE NOT (approximate BETWEEN e.low AND e.high OR abs(approximate - e.exact) <= 0.01 * abs(e.exact)) ORDER BY shape, n, p;
SELECT bool_and(q BETWEEN smallest AND largest) AS within, bool_and(q >= previous) AS monotone, count(*) AS percentiles
FROM (SELECT shape, n, smallest, largest, q, coalesce(lag(q) OVER (PARTITION BY shape, n ORDER BY i), smallest) AS previous
	  FROM digest, LATERAL unnest(percentiles(d, (SELECT array_agg(i / 1500.0::float8) FROM generate_series(0, 1500) i))) WITH ORDINALITY AS t (q, i)) AS curve;

-- The rank of a percentile: the value ranks no higher from below and no lower
-- from above, but for the distance to the next value, or to the next bin
SELECT shape, n, t.p, q, percentile_rank(d, q - step) AS below, percentile_rank(d, q + step) AS above
FROM digest, LATERAL (SELECT i / 200.0::float8 AS p FROM generate_series(0, 200) i) AS t, LATERAL (SELECT percentile(d, t.p) AS q) AS v, LATERAL (SELECT abs(q) * 1e-6 + 1e-12 AS step) AS s
WHERE NOT (percentile_rank(d, q - step) <= t.p + 1.5 / n AND percentile_rank(d, q + step) >= t.p - 1.5 / n) ORDER BY shape, n, t.p;
SELECT bool_and(rank >= previous) AS monotone, bool_and(share_above <= previous_share) AS share_too, bool_and(percentile_rank(d, largest) = 1 AND percentile_rank(d, smallest - 1e-9 * abs(smallest) - 1e-300) = 0) AS "from 0 to 1"
FROM (SELECT d, smallest, largest, percentile_rank(d, v) AS rank, coalesce(lag(percentile_rank(d, v)) OVER w, 0) AS previous,
			 CASE WHEN smallest >= 0 THEN share_above(d, v) ELSE 0 END AS share_above, CASE WHEN smallest >= 0 THEN coalesce(lag(share_above(d, v)) OVER w, 1) ELSE 0 END AS previous_share
	  FROM digest, LATERAL unnest(percentiles(d, (SELECT array_agg(i / 300.0::float8) FROM generate_series(0, 300) i))) q, LATERAL unnest(ARRAY[q, q * 1.0001, q * 0.999]) v
	  WINDOW w AS (PARTITION BY shape, n ORDER BY v)) AS ranks;

-- Ranks and shares of some values, and among them those that are frequent
CREATE TEMP TABLE at_value AS
	SELECT shape, n, v, count(*) FILTER (WHERE x <= v)::float8 / n AS rank, sum(x) FILTER (WHERE x > v) / nullif(sum(x), 0) AS share_above
	FROM (SELECT shape, n, v FROM digest, LATERAL (SELECT DISTINCT v FROM unnest(ARRAY[exact[8], exact[12], exact[16], exact[20], exact[26], exact[30], 0.0021, 0, 1, 1000]) v) AS t WHERE n IN (1000, 10000, 100000)) AS t
		 JOIN sample USING (shape) WHERE i <= n GROUP BY shape, n, v;
SELECT shape, n, v, percentile_rank(d, v), rank, share_above(d, v), a.share_above AS exact_share
FROM at_value a JOIN digest USING (shape, n)
WHERE NOT (abs(percentile_rank(d, v) - rank) <= 0.005 AND (smallest < 0 OR abs(share_above(d, v) - coalesce(a.share_above, 0)) <= CASE WHEN n > 1000 THEN 0.01 ELSE 0.02 END)) ORDER BY shape, n, v;
SELECT count(*) AS histograms, bool_and((SELECT sum(h) FROM unnest(histogram(d, b)) h) = n) AS total, bool_and((SELECT min(h) FROM unnest(histogram(d, b)) h) >= 0) AS positive,
	   bool_and((histogram(d, b))[1] BETWEEN percentile_rank(d, b[1]) * n - 0.500001 AND percentile_rank(d, b[1]) * n + 0.500001) AS rank
FROM digest, LATERAL (SELECT array_agg(DISTINCT b ORDER BY b) FROM unnest(exact) b) AS t (b);

-- Shares within 0.1 %, Gini coefficient too; where a value would be cut in
-- two, at the one below
CREATE TEMP TABLE share AS
	SELECT shape, n, sum((2 * rank - n - 1) * x) / (n * sum(x)) AS gini,
		   1 - max(lowest) FILTER (WHERE rank <= 0.5 * n) / sum(x) AS half, 1 - max(lowest) FILTER (WHERE rank <= 0.9 * n) / sum(x) AS tenth,
		   1 - max(lowest) FILTER (WHERE rank <= 0.95 * n) / sum(x) AS twentieth, 1 - max(lowest) FILTER (WHERE rank <= 0.99 * n) / sum(x) AS hundredth,
		   sum(x) FILTER (WHERE rank > floor(0.25 * n) AND rank <= 0.95 * n) AS trimmed
	FROM (SELECT shape, n, x, row_number() OVER w AS rank, sum(x) OVER w AS lowest
		  FROM sample, unnest(ARRAY[129, 1000, 1021, 1022, 10000, 100000]) n WHERE i <= n AND shape NOT IN ('normal, negative too', 'negative Pareto', 'alternating signs')
		  WINDOW w AS (PARTITION BY shape, n ORDER BY x ROWS UNBOUNDED PRECEDING)) AS t GROUP BY shape, n;
SELECT count(*) AS distributions, max(abs(gini(d) - gini) / greatest(gini, 0.01)) <= 0.001 AS gini, max(abs(top_share(d, 1 - floor(n * 0.5) / n) / half - 1)) <= 0.001 AS "50 %",
	   max(abs(top_share(d, 1 - floor(n * 0.9) / n) / tenth - 1)) <= 0.001 AS "10 %", max(abs(top_share(d, 1 - floor(n * 0.95) / n) / twentieth - 1)) <= 0.001 AS "5 %",
	   max(abs(top_share(d, 1 - floor(n * 0.99) / n) / hundredth - 1)) FILTER (WHERE n >= 10000) <= 0.001 AS "1 %",
	   max(abs(top_share(d, 1 - floor(n * 0.99) / n) / hundredth - 1)) <= 0.003 AS "1 % of few",
	   max(abs(trimmed_total(d, floor(n * 0.25) / n, floor(n * 0.95) / n) / trimmed - 1)) <= 0.001 AS trimmed_total,
	   max(abs(trimmed_mean(d, floor(n * 0.25) / n, floor(n * 0.95) / n) / trimmed * (floor(n * 0.95) - floor(n * 0.25)) - 1)) <= 0.001 AS trimmed_mean
FROM share JOIN digest USING (shape, n);
SELECT bool_and(share BETWEEN previous AND 1) AS ascends, bool_and(share <= fraction + 1e-12) AS "below the diagonal", bool_and(share - previous >= before - 1e-9) AS bends_up, count(*) AS points
FROM (SELECT fraction, share, lag(share, 1, 0) OVER w AS previous, lag(share, 1, 0) OVER w - lag(share, 2, 0) OVER w AS before
	  FROM digest, LATERAL lorenz(d, 200) WHERE smallest >= 0 WINDOW w AS (PARTITION BY shape, n ORDER BY fraction)) AS curve;
-- More centroids, less error; fewer, less room
SELECT compression, max(array_length(d::float8[], 1)) <= compression AS centroids, min(array_length(d::float8[], 1)) > least(compression * 0.9, 300) AS "that many", max(octet_length(distribution_send(d))) <= 50 + 8 * compression AS bytes,
	   max(abs(percentile(d, p) / exact - 1)) FILTER (WHERE p BETWEEN 0.05 AND 0.99) <= (ARRAY[0.3, 0.02, 0.006, 0.005])[c] AS error
FROM (SELECT shape, c, compression, distribution(x, compression) AS d FROM sample, unnest('{20,60,300,2000}'::int[]) WITH ORDINALITY AS t (compression, c)
	  WHERE shape IN ('lognormal', 'Pareto', 'uniform', 'exponential') GROUP BY shape, c, compression) AS made
	 JOIN (SELECT shape, e.p, e.exact FROM digest, LATERAL unnest(digest.p, digest.exact) AS e (p, exact) WHERE n = 100000) AS e USING (shape)
GROUP BY c, compression ORDER BY compression;

-- A million calls: the median to the 99.9th within 0.5 %, the 99.99th within 2 %
CREATE TEMP TABLE million AS
	SELECT exp(-ln(1 - u) / 1.2) AS x, 'Pareto' AS shape FROM (SELECT random() AS u FROM generate_series(1, 1000000)) AS r
	UNION ALL
	SELECT CASE WHEN u < 0.4 THEN 0 WHEN u < 0.7 THEN 0.0021 ELSE round((0.000003 * exp(7 + 1.5 * sqrt(-2 * ln(1 - v)) * cos(2 * pi() * w)))::numeric, 6) END, 'prices'
	FROM (SELECT random() AS u, random() AS v, random() AS w FROM generate_series(1, 1000000)) AS r;
SELECT shape, bool_and(num_values(d) = 1000000) AS count, bool_and(abs(total(d) / total - 1) <= 1e-12) AS total, bool_and(octet_length(distribution_send(d)) <= 1200) AS "1.2 kB",
	   max(abs(approximate / e.exact - 1)) FILTER (WHERE e.p < 0.9999) <= 0.005 AS "50 to 99.9", max(abs(approximate / e.exact - 1)) <= 0.02 AS "99.99"
FROM (SELECT shape, p, distribution(x) AS d, percentile_cont(p) WITHIN GROUP (ORDER BY x) AS exact, sum(thick) / 2.0 ^ 20 + sum(fine) / 2.0 ^ 60 AS total
	  FROM million, LATERAL (SELECT (x * 2 ^ 20)::bigint AS thick) AS t, LATERAL (SELECT ((x - thick / 2 ^ 20) * 2 ^ 60)::bigint AS fine) AS f,
		   (VALUES ('{0.5,0.6,0.75,0.9,0.95,0.98,0.99,0.995,0.998,0.999,0.9999}'::float8[])) AS v (p) GROUP BY shape, p) AS s,
	 LATERAL unnest(s.p, percentiles(d, s.p), exact) AS e (p, approximate, exact)
GROUP BY shape ORDER BY shape;
ROLLBACK;
