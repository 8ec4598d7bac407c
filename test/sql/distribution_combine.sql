--
-- Distributions that are combined, weighted and added to, beyond 128 values.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\set SHOW_CONTEXT never

BEGIN;
SELECT setseed(0.7) IS NOT NULL AS seeded;
CREATE TEMP TABLE sample AS
	SELECT shape, i, CASE shape WHEN 'lognormal' THEN exp(2 * z) WHEN 'Pareto' THEN exp(-ln(1 - u) / 1.2) WHEN 'normal' THEN z
				WHEN 'prices' THEN round((CASE WHEN u < 0.4 THEN 0 WHEN u < 0.7 THEN 0.0021 ELSE 0.00003 * exp(7 + 1.5 * z) END)::numeric, 5)::float8 ELSE i END AS x
	FROM (SELECT i, u, sqrt(-2 * ln(1 - v)) * cos(2 * pi() * w) AS z FROM (SELECT i, random() AS u, random() AS v, random() AS w FROM generate_series(1, 100000) i) AS r) AS n,
		 unnest('{lognormal,Pareto,normal,prices,sorted}'::text[]) shape;
ANALYZE sample;

-- How far a combined distribution is from the exact one: the largest of the
-- relative errors, of a percentile near zero against the mean size
CREATE TEMP TABLE exact AS
	SELECT shape, distribution(x) AS d, count(*) AS n, sum(x) AS total, avg(abs(x)) AS size, min(x) AS smallest, max(x) AS largest, p,
		   percentile_cont(p) WITHIN GROUP (ORDER BY x) AS percentile
	FROM sample, (VALUES ('{0.1,0.25,0.45,0.5,0.6,0.75,0.8,0.9,0.95,0.99,0.995}'::float8[])) AS v (p) GROUP BY shape, p;
CREATE FUNCTION pg_temp.same_sums(combined distribution, e exact) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT num_values(combined) = e.n AND min_value(combined) = e.smallest AND max_value(combined) = e.largest
		   AND abs(total(combined) - total(e.d)) <= 1e-12 * e.size * e.n AND array_length(combined::float8[], 1) <= 175 $$;
CREATE FUNCTION pg_temp.error(combined distribution, e exact) RETURNS float8 LANGUAGE sql STABLE AS $$
	SELECT max(abs(a - x) / greatest(abs(x), 0.1 * e.size)) FROM unnest(percentiles(combined, e.p), e.percentile) AS pair (a, x) $$;

-- 1,000 stored parts of 100 values, 100 of 1,000, ten of 10,000; uneven ones
CREATE TABLE part AS
	SELECT shape, parts, i % parts AS part, distribution(x) AS d FROM sample, unnest('{1000,100,10,2}'::int[]) parts GROUP BY shape, parts, i % parts
	UNION ALL SELECT shape, 17, floor(ln(i) / ln(2))::int, distribution(x) FROM sample GROUP BY shape, floor(ln(i) / ln(2))::int;
SELECT parts, count(*) = min(parts) * 5 AS all, min(num_values(d)) AS smallest, max(num_values(d)) AS largest FROM part GROUP BY parts ORDER BY parts;
SELECT parts, bool_and(pg_temp.same_sums(combined, e)) AS sums, max(pg_temp.error(combined, e)) <= 0.01 AS percentiles,
	   max(abs(top_share(combined, 0.01) / top_share(e.d, 0.01) - 1)) FILTER (WHERE shape <> 'normal') <= 0.01 AS top_share, max(abs(gini(combined) / gini(e.d) - 1)) FILTER (WHERE shape <> 'normal') <= 0.001 AS gini
FROM (SELECT shape, parts, combine(d) AS combined FROM part GROUP BY shape, parts) AS c JOIN exact e USING (shape) GROUP BY parts ORDER BY parts;
-- up to 128 values each, nothing has been lost: what is combined is the same
SELECT bool_and(combine = d) AS same FROM (SELECT shape, combine(d) FROM part WHERE parts = 1000 GROUP BY shape) AS c JOIN exact USING (shape);
-- in another order, in a tree, with ||
SELECT bool_and(pg_temp.same_sums(ascending, e) AND pg_temp.same_sums(descending, e) AND pg_temp.same_sums(tree, e)) AS sums,
	   max(greatest(pg_temp.error(ascending, e), pg_temp.error(descending, e), pg_temp.error(tree, e))) <= 0.01 AS percentiles
FROM (SELECT shape, combine(d ORDER BY part) AS ascending, combine(d ORDER BY part DESC) AS descending FROM part WHERE parts = 100 GROUP BY shape) AS o
	 JOIN (SELECT shape, combine(d) AS tree FROM (SELECT shape, combine(d) AS d FROM part WHERE parts = 100 GROUP BY shape, part % 7) AS branch GROUP BY shape) AS t USING (shape)
	 JOIN exact e USING (shape);
SELECT bool_and(pg_temp.same_sums(ab, e) AND pg_temp.same_sums(ba, e)) AS sums, max(greatest(pg_temp.error(ab, e), pg_temp.error(ba, e))) <= 0.01 AS percentiles
FROM (SELECT shape, a.d || b.d AS ab, b.d || a.d AS ba FROM part a JOIN part b USING (shape, parts) WHERE parts = 2 AND a.part = 0 AND b.part = 1) AS c JOIN exact e USING (shape);
SELECT bool_and(num_values(abc) = 30000 AND num_values(bca) = 30000) AS count, bool_and(abs(total(abc) - total(bca)) <= 1e-12 * size * 30000) AS total,
	   max(abs(p1 - p2) / greatest(abs(p1), 0.1 * size)) <= 0.01 AS associative
FROM (SELECT shape, (a.d || b.d) || c.d AS abc, a.d || (b.d || c.d) AS bca
	  FROM part a JOIN part b USING (shape, parts) JOIN part c USING (shape, parts) WHERE parts = 10 AND a.part = 0 AND b.part = 1 AND c.part = 2) AS t
	 JOIN exact USING (shape), LATERAL unnest(percentiles(abc, p), percentiles(bca, p)) AS pair (p1, p2) GROUP BY ();
-- A part alone, also below NULLs and in groups without any
SELECT bool_and(alone = d) AS one, bool_and(beside_null = d) AS beside_null, bool_and(none IS NULL) AS none, bool_and(NULL || d = d AND d || NULL = d) AS concatenated
FROM part p, LATERAL (SELECT combine(t.d) FILTER (WHERE n = 1) AS alone, combine(t.d) AS beside_null, combine(t.d) FILTER (WHERE t.d IS NULL) AS none FROM (VALUES (0, NULL), (1, p.d), (2, NULL)) AS t (n, d)) AS c
WHERE parts IN (10, 1000);

-- Different compressions: the smallest of all
SELECT array_length(combined::float8[], 1) <= 40 AS centroids, combined::jsonb ->> 'compression' AS compression, num_values(combined) = 40000 AS count,
	   abs(percentile(combined, 0.9) / percentile(d, 0.9) - 1) <= 0.05 AS percentile,
	   bool_and(pair::jsonb ->> 'compression' = '40') AS concatenated
FROM (SELECT combine(distribution ORDER BY compression DESC) AS combined, (array_agg(distribution))[1] || (array_agg(distribution))[2] AS pair
	  FROM (SELECT compression, distribution(x, compression) FROM sample, unnest('{40,200}'::int[]) compression WHERE shape = 'Pareto' AND i <= 20000 GROUP BY compression) AS t) AS c,
	 (SELECT distribution(x) AS d FROM sample WHERE shape = 'Pareto' AND i <= 20000) AS e GROUP BY combined, d;
SELECT num_values(combined) AS count, combined::jsonb -> 'compression' AS compression, percentile(combined, 0.5) AS median
FROM (SELECT combine(d) AS combined FROM (SELECT distribution(x::float8, c) AS d FROM (VALUES (1, 175), (2, 20), (3, 2000)) AS t (x, c) GROUP BY c) AS each) AS three;

-- A weight is a repetition: the same distribution, from one bin to many
CREATE TEMP TABLE weight AS
	SELECT shape, s, n, x, (w * (w > 0)::int)::bigint AS w
	FROM (SELECT shape, n / 10 AS s, n, round((10 * random() ^ 3)::numeric, (ARRAY[1, 4])[1 + n % 2]) AS x,
				 floor(CASE shape WHEN 'few' THEN random() * 10 WHEN 'some' THEN random() * 300 ELSE 10 ^ (random() * 4) END) - 1 AS w
		  FROM generate_series(1, 600) n, unnest('{few,some,many}'::text[]) shape) AS t;
SELECT shape, count(*) AS distributions, bool_and(weighted = repeated) AS same, bool_and(shuffled = repeated) AS shuffled, min(num_values(repeated)) <= 128 AS exact, max(num_values(repeated)) > 1021 AS bins
FROM (SELECT shape, s, weighted_distribution(x, w) AS weighted, weighted_distribution(x::float8, w ORDER BY x DESC) AS shuffled FROM weight GROUP BY shape, s) AS w
	 JOIN (SELECT shape, s, distribution(x) AS repeated FROM weight, LATERAL generate_series(1, w) GROUP BY shape, s) AS r USING (shape, s) GROUP BY shape ORDER BY max(num_values(repeated));
SELECT bool_and(weighted = repeated) AS "of all"
FROM (SELECT weighted_distribution(x, w) AS weighted FROM weight) AS w, (SELECT distribution(x) AS repeated FROM weight, LATERAL generate_series(1, w)) AS r;
-- 17 billion calls
SELECT num_values(d), percentiles(d, '{0,0.3,0.5,0.95,1}'), histogram(d, '{0,0.0021,1}'), abs(total(d) / (0.0021 * 10000000000 + 5000000000.0 + 17) - 1) < 1e-15 AS total, abs(top_share(d, 1 / 3.0::float8) / (5000000017 + (17000000001 / 3.0 - 5000000001) * 0.0021) * (0.0021 * 10000000000 + 5000000017) - 1) < 1e-12 AS top_share
FROM (SELECT weighted_distribution(x, w) AS d FROM (VALUES (0.0021, 10000000000), (0, 2000000000), (1, 5000000000), (17, 1)) AS t (x, w)) AS w;

-- … of many prices, and again in two halves
SELECT num_values(d) = 2000 * 5000000000 AS count, abs(total(d) / total - 1) <= 1e-13 AS total, abs(total(a || b) / total - 1) <= 1e-12 AS halves, bool_and(abs(percentile(d, p) / 1.01 ^ (2000 * p) - 1) <= 0.01) AS percentiles
FROM (SELECT weighted_distribution(1.01 ^ i, 5000000000) AS d, weighted_distribution(1.01 ^ i, 5000000000) FILTER (WHERE i % 2 = 0) AS a, weighted_distribution(1.01 ^ i, 5000000000) FILTER (WHERE i % 2 = 1) AS b,
			 (sum(1.01 ^ i::numeric) * 5000000000)::float8 AS total FROM generate_series(1, 2000) i) AS w, unnest('{0.1,0.5,0.75,0.9,0.99}'::float8[]) p GROUP BY d, a, b, total;

-- One by one: 3,000 calls, each into the stored distribution
DO $$
DECLARE
	d distribution;
	n int;
	price float8;
BEGIN
	CREATE TEMP TABLE added (n int, d distribution);
	FOR n, price IN SELECT i, x FROM sample WHERE shape = 'lognormal' AND i <= 3000 ORDER BY i LOOP
		d := add(d, price);
		IF n IN (1, 128, 129, 1000, 3000) THEN
			INSERT INTO added VALUES (n, d);
		END IF;
	END LOOP;
END
$$;
SELECT n, num_values(added.d) = n AS count, min_value(added.d) = smallest AND max_value(added.d) = largest AS ends, abs(total(added.d) / total - 1) <= 1e-12 AS total,
	   CASE WHEN n <= 128 THEN added.d = made ELSE (SELECT max(abs(a / e - 1)) <= 0.05 FROM unnest(percentiles(added.d, p), exact) AS pair (a, e)) END AS percentiles
FROM added, LATERAL (SELECT distribution(x) AS made, min(x) AS smallest, max(x) AS largest, sum(x) AS total, percentile_cont(p) WITHIN GROUP (ORDER BY x) AS exact
					 FROM sample, (VALUES ('{0.25,0.5,0.75,0.9,0.95,0.99}'::float8[])) AS v (p) WHERE shape = 'lognormal' AND i <= n GROUP BY p) AS e, (VALUES ('{0.25,0.5,0.75,0.9,0.95,0.99}'::float8[])) AS v (p) ORDER BY n;
-- A batch at a time, which is how it should be done
SELECT bool_and(pg_temp.same_sums(c.d, e)) AS sums, max(pg_temp.error(c.d, e)) <= 0.02 AS percentiles
FROM (WITH RECURSIVE batch AS (
		SELECT e.shape, 0 AS part, p.d FROM exact e JOIN part p ON p.shape = e.shape AND parts = 100 AND part = 0
		UNION ALL SELECT b.shape, b.part + 1, b.d || p.d FROM batch b JOIN part p ON p.shape = b.shape AND parts = 100 AND p.part = b.part + 1)
	  SELECT shape, d FROM batch WHERE part = 99) AS c JOIN exact e USING (shape);

-- Whatever is combined can be read again: values of all sizes, signs and
-- frequencies, few to thousands, 20 to 2,000 centroids
CREATE FUNCTION pg_temp.sample(kind int, n int, compression int) RETURNS distribution LANGUAGE sql AS $$
	SELECT distribution(CASE kind WHEN 0 THEN random() WHEN 1 THEN exp(5 * sin(i)) WHEN 2 THEN exp(100 * (random() - 0.5)) * sign(random() - 0.5) WHEN 3 THEN floor(random() * 20) WHEN 4 THEN 5e-324 * floor(random() * 1000)
							 WHEN 5 THEN CASE WHEN random() < 0.5 THEN 0 ELSE random() * 1e-310 END WHEN 6 THEN 1e300 * random() * sign(random() - 0.3) WHEN 7 THEN round((random() * 100)::numeric, 2)
							 WHEN 8 THEN 1 + random() * 1e-14 WHEN 9 THEN random() ^ 20 * 1e-5 - 1e-7 WHEN 10 THEN floor(random() * 3) - 1 ELSE exp(1000 * (random() - 0.5)) END, compression)
	FROM generate_series(1, n) i $$;
CREATE TEMP TABLE any_kind AS
	SELECT s, pg_temp.sample(s % 12, (10 ^ (random() * 3.6))::int, 20 + (random() ^ 4 * 1980)::int) AS a, pg_temp.sample(s / 12 % 12, (10 ^ (random() * 3.6))::int, 20 + (random() ^ 4 * 1980)::int) AS b FROM generate_series(0, 287) s;
SELECT what, count(*) AS distributions, bool_and(num_values(d) = n) AS count, bool_and(d::text::distribution = d) AS text, bool_and(percentile(d, 0) = min_value(d) AND percentile(d, 1) = max_value(d)) AS ends,
	   bool_and((SELECT bool_and(q >= previous) FROM (SELECT q, lag(q, 1, min_value(d)) OVER (ORDER BY i) AS previous FROM unnest(percentiles(d, (SELECT array_agg(i / 100.0::float8) FROM generate_series(0, 100) i))) WITH ORDINALITY AS t (q, i)) AS curve)) AS monotone,
	   bool_and(percentile_rank(d, percentile(d, 0.3)) BETWEEN 0 AND 1) AS ranks
FROM any_kind, LATERAL (SELECT num_values(a) AS na, num_values(b) AS nb) AS n,
	 LATERAL (VALUES ('a', a, na), ('a || b', a || b, na + nb), ('b || a', b || a, na + nb), ('a || a', a || a, 2 * na), ('a || (b || a)', a || (b || a), 2 * na + nb), ('add(a || b, 1.5)', add(a || b, 1.5), na + nb + 1)) AS v (what, d, n)
GROUP BY what ORDER BY what;

-- Histograms are spread evenly: of a bucket's values a quarter in a quarter of
-- its width, by steps of a thirty-second, whether they are many or few; and
-- as many up to each bound as there were
SELECT n, num_values(d) = 4 * n AS count, min_value(d) >= 0 AND max_value(d) <= 4 AS within, abs(total(d) / (2 * n * 0.5 + n * 1.5 + n * 3) - 1) <= 0.001 AS total,
	   (SELECT max(abs(a - e) / width) <= 0.02 + 1.0 / n FROM unnest(percentiles(d, '{0.05,0.125,0.25,0.375,0.45,0.625,0.7,0.8125,0.875}'), '{0.1,0.25,0.5,0.75,0.9,1.5,1.8,2.5,3}'::float8[], '{1,1,1,1,1,1,1,2,2}'::float8[]) AS pair (a, e, width)) AS percentiles,
	   (SELECT max(abs(percentile_rank(d, v) - r)) <= 0.01 + 1.0 / n FROM unnest('{0.1,0.3,0.8,1.7,3,3.9}'::float8[], '{0.05,0.15,0.4,0.675,0.875,0.9875}'::float8[]) AS pair (v, r)) AS ranks,
	   histogram(d, '{0,1,2,4}') = ARRAY[0, 2 * n, n, n, 0] AS histogram
FROM (SELECT n, distribution_from_histogram('{1,2,4}', ARRAY[2 * n, n, n, 0]) AS d FROM unnest('{8,32,63,65,1000,25000,1000000000}'::bigint[]) n) AS h ORDER BY n;
SELECT h[1] AS "5000", h[2:3] IN ('{31,32}', '{32,31}') AS "halves of 63" FROM histogram(distribution_from_histogram('{10,20}', '{5000,63,0}'), '{10,15,20}') h;
ROLLBACK;
