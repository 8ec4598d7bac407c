--
-- Up to 128 values every answer is the exact one: random distributions
-- against plain SQL.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET jit = off;
\set SHOW_CONTEXT never

BEGIN;
SELECT setseed(0.3) IS NOT NULL AS seeded;

-- 40 samples of each size and shape: prices with six decimals, with heavy
-- tails, few different ones, refunds among them, and numbers of all sizes
CREATE TEMP TABLE sample AS
	SELECT shape, n, s,
		   (CASE shape
				WHEN 'even' THEN round((u * 10)::numeric, 6)
				WHEN 'heavy' THEN round((1 / (1 - u))::numeric, 6)
				WHEN 'few' THEN (ARRAY[0, 0, 0.0021, 0.0021, 0.5])[1 + floor(u * 5)::int]
				WHEN 'refunds' THEN round((u * 10 - 2)::numeric, 2)
				ELSE round((u * 10)::numeric, 3) * 10.0 ^ (6 - 3 * (s % 5)) END) AS x
	FROM unnest(ARRAY['even', 'heavy', 'few', 'refunds', 'sizes']) shape, unnest(ARRAY[1, 2, 3, 10, 127, 128]) n,
		 generate_series(1, 40) s, LATERAL (SELECT random() AS u FROM generate_series(1, n) WHERE s > 0) r;
SELECT count(*) AS values FROM sample;
CREATE TEMP TABLE digest AS
	SELECT shape, n, s, distribution(x) AS d, distribution(x::float8) AS of_float8, array_agg(x) AS xs,
		   sum(x) AS total, sum(abs(x))::float8 AS size, min(x)::float8 AS smallest, max(x)::float8 AS largest
	FROM sample GROUP BY shape, n, s;
ANALYZE sample;
ANALYZE digest;
SELECT count(*) AS distributions, bool_and(num_values(d) = n) AS count, bool_and(d = of_float8) AS "numeric is its float8",
	   bool_and(abs(total(d) - total::float8) <= 1e-15 * size) AS total, bool_and(abs(mean(d) - (total / n)::float8) <= 1e-15 * size) AS mean,
	   bool_and(min_value(d) = smallest) AS smallest, bool_and(max_value(d) = largest) AS largest FROM digest;

-- Percentiles are those of percentile_cont: to the last bit, and for hundredths
-- but for how a processor rounds p × (n − 1)
SELECT count(*) AS distributions, bool_and(percentiles(d, sixtyfourths) = exact) AS sixtyfourths,
	   bool_and((SELECT max(abs(a - e)) <= 1e-14 * greatest(abs(smallest), abs(largest)) FROM unnest(percentiles(d, hundredths), nearly) AS pair (a, e))) AS hundredths
FROM digest, (SELECT array_agg(i / 64.0::float8) FROM generate_series(0, 64) i) AS p (sixtyfourths), (SELECT array_agg(i / 100.0::float8) FROM generate_series(0, 100) i) AS q (hundredths),
	 LATERAL (SELECT percentile_cont(sixtyfourths) WITHIN GROUP (ORDER BY x::float8), percentile_cont(hundredths) WITHIN GROUP (ORDER BY x::float8) FROM unnest(xs) x) AS e (exact, nearly);
SELECT count(*) AS distributions, bool_and(one_step = percentile(d, 0.9)) AS approx_percentile
FROM digest JOIN (SELECT shape, n, s, approx_percentile(x, 0.9) AS one_step FROM sample GROUP BY shape, n, s) AS e USING (shape, n, s);

-- What lies below and above values: those there are, what is beside them
CREATE TEMP TABLE bound AS
	SELECT DISTINCT shape, n, s, b FROM sample, unnest(ARRAY[x, x + 0.0005, x - 1]) b WHERE s <= 10 AND (n < 127 OR random() < 0.1);
SELECT count(*) > 5000 AS bounds, bool_and(percentile_rank(d, b::float8) = (n - above) / n::float8) AS percentile_rank,
	   bool_and(total > 0) FILTER (WHERE shape = 'even') AS "has shares",
	   bool_and(abs(share_above(d, b::float8) - (total_above / total)::float8) <= 1e-12 * size / total::float8) FILTER (WHERE total > 0) AS share_above,
	   bool_and(share_above(d, b::float8) IS NULL) FILTER (WHERE total <= 0) AS "or none",
	   bool_and(histogram(d, ARRAY[b::float8]) = ARRAY[n - above, above]) AS histogram
FROM bound JOIN digest USING (shape, n, s),
	 LATERAL (SELECT count(*) AS above, coalesce(sum(x), 0) AS total_above FROM unnest(xs) x WHERE x > b) AS e;

-- Sums of the lowest values, the last of them cut, in rational numbers
CREATE TEMP TABLE ranked AS
	SELECT *, row_number() OVER (PARTITION BY shape, n, s ORDER BY x) - 1 AS below FROM sample;
ANALYZE ranked;
CREATE TEMP TABLE lowest AS
	SELECT shape, n, s, p, sum(x * greatest(0, least(1, p * n - below))) AS total
	FROM ranked, unnest('{0,0.01,0.05,0.1,0.25,1,0.33333,0.5,0.77,0.9,0.95,0.99,0.999}'::numeric[]) p GROUP BY shape, n, s, p;
SELECT count(*) AS cuts, bool_and(abs(trimmed_total(d, 0, p::float8) - e.total::float8) <= 1e-13 * size) AS trimmed_total,
	   bool_and(abs(trimmed_mean(d, p::float8, 1) - ((d.total - e.total) / n / (1 - p))::float8) <= 1e-13 * size / n / (1 - p)::float8) FILTER (WHERE p < 1) AS trimmed_mean,
	   bool_and(trimmed_mean(d, 1, 1) IS NULL) AS "of none",
	   bool_and(abs(top_share(d, (1 - p)::float8) - (1 - e.total / d.total)::float8) <= 1e-12 * size / d.total::float8) FILTER (WHERE d.total > 0) AS top_share,
	   bool_and(top_share(d, p::float8) IS NULL) FILTER (WHERE d.total <= 0) AS "or none"
FROM digest d JOIN lowest e USING (shape, n, s);
SELECT count(*) AS cuts, bool_and(abs(trimmed_total(d, a.p::float8, b.p::float8) - (b.total - a.total)::float8) <= 1e-13 * size) AS trimmed_total,
	   bool_and(abs(trimmed_mean(d, a.p::float8, b.p::float8) - ((b.total - a.total) / n / (b.p - a.p))::float8) <= 1e-13 * size / n / (b.p - a.p)::float8) AS trimmed_mean
FROM digest d JOIN lowest a USING (shape, n, s) JOIN lowest b USING (shape, n, s) WHERE a.p < b.p AND s <= 10;
SELECT count(*) > 1100 AS distributions, bool_and(abs(gini(d) - exact) <= 1e-12 * size / d.total::float8) AS gini, bool_and(gini(d) BETWEEN 0 AND 1) FILTER (WHERE smallest >= 0) AS "from 0 to 1"
FROM digest d JOIN (SELECT shape, n, s, (sum((2 * below + 1 - n) * x) / (n * nullif(sum(x), 0)))::float8 AS exact FROM ranked GROUP BY shape, n, s) AS e USING (shape, n, s)
WHERE d.total > 0;
SELECT count(*) > 8000 AS points, bool_and(abs(share - (e.total / d.total)::float8) <= 1e-12 * size / d.total::float8) AS lorenz
FROM digest d JOIN (SELECT shape, n, s, i, sum(x * greatest(0, least(1, i * n / 7.0 - below))) AS total FROM ranked, generate_series(0, 7) i GROUP BY shape, n, s, i) AS e USING (shape, n, s),
	 LATERAL lorenz(d, 7) WITH ORDINALITY AS l (fraction, share, point) WHERE point = i + 1 AND d.total > 0 AND abs(fraction - i / 7.0) < 1e-15;

-- The centroids are the values
SELECT bool_and(d::float8[] = exact) AS float8s, bool_and((d::jsonb ->> 'centroids')::jsonb = to_jsonb(exact)) AS centroids,
	   bool_and((d::jsonb ->> 'num_values')::int = n AND (d::jsonb ->> 'total')::float8 = total(d) AND (d::jsonb ->> 'mean')::float8 = mean(d)
				AND (d::jsonb ->> 'min_value')::float8 = smallest AND (d::jsonb ->> 'max_value')::float8 = largest AND (d::jsonb ->> 'compression')::int = 175) AS json
FROM digest JOIN (SELECT shape, n, s, array_agg(ARRAY[x, times] ORDER BY x) AS exact
				  FROM (SELECT shape, n, s, x::float8, count(*)::float8 AS times FROM sample GROUP BY shape, n, s, x) AS counted GROUP BY shape, n, s) AS e USING (shape, n, s);

-- Made in other ways, they are the same: weighted, one by one, of halves, in another order
SELECT count(*) AS distributions, bool_and(d = weighted) AS weighted, bool_and(d = ordered) AS ordered
FROM digest JOIN (SELECT shape, n, s, weighted_distribution(x, times) AS weighted
				  FROM (SELECT shape, n, s, x, count(*) AS times FROM sample GROUP BY shape, n, s, x) AS counted GROUP BY shape, n, s) AS w USING (shape, n, s)
	 JOIN (SELECT shape, n, s, distribution(x ORDER BY x DESC) AS ordered FROM sample GROUP BY shape, n, s) AS o USING (shape, n, s);
WITH RECURSIVE added AS (
	SELECT shape, n, s, xs, 0 AS i, NULL::distribution AS d FROM digest WHERE s <= 5
	UNION ALL SELECT shape, n, s, xs, i + 1, add(d, xs[i + 1]::float8) FROM added WHERE i < n)
SELECT count(*) AS distributions, bool_and(digest.d = added.d) AS added FROM added JOIN digest USING (shape, n, s) WHERE i = n;
SELECT count(*) AS distributions, bool_and(d = lower || upper) AS concatenated, bool_and(d = upper || lower) AS commutes, bool_and(d = combined) AS combined
FROM digest JOIN (SELECT shape, n, s, distribution(x) FILTER (WHERE below < n / 3) AS lower, distribution(x) FILTER (WHERE below >= n / 3) AS upper
				  FROM ranked GROUP BY shape, n, s) AS h USING (shape, n, s)
	 JOIN (SELECT shape, n, s, combine(part) AS combined
		   FROM (SELECT shape, n, s, distribution(x) AS part FROM ranked GROUP BY shape, n, s, below % 7) AS parts GROUP BY shape, n, s) AS p USING (shape, n, s);

-- numeric is read as its float8, whatever its length, scale and size: in
-- memory and, packed, in a table
CREATE TEMP TABLE number AS
	SELECT n, (sign || digits || 'e' || exponent)::numeric AS x
	FROM (SELECT n, (ARRAY['', '-'])[1 + floor(random() * 2)::int] AS sign,
				 substr(replace(random()::text || random()::text || random()::text, '0.', ''), 1, 1 + floor(random() * 20)::int) AS digits,
				 CASE WHEN n % 3 = 0 THEN floor(random() * 560 - 310) ELSE floor(random() * 50 - 30) END::int AS exponent
		  FROM generate_series(1, 20000) n) AS parts
	WHERE digits !~ 'e';
INSERT INTO number
	SELECT 100000 + row_number() OVER (), x
	FROM unnest(ARRAY[0, 0.0, 0.000000, 1, -1, 10000, 99999999, 9999999999999999, 0.0001, 0.00000001, 1.50, 100.000, 1e15, 1e16, 1e22, 1e23, 1e37, 1e38, -1e300, 1e-300,
					  -- halfway between two doubles, one more and one less
					  9007199254740991, 9007199254740992, 9007199254740993, 9007199254740995, 9007199254740993.0000000000000001,
					  9007199254740992.9999999999999999, 18014398509481985e20, 4503599627370496.5, 4503599627370497.5,
					  -- denormals
					  2.2250738585072014e-308, 2.2250738585072011e-308, 4.9406564584124654e-324, 1e-310, 1.7e308 / 1e3,
					  -- long scales, and digits that are compressed
					  round(1.25, 64), round(-7.1, 100), round(0, 1000), repeat('3', 300)::numeric, ('0.' || repeat('3', 6000))::numeric, ('-7.' || repeat('0', 9000) || '1')::numeric]) x;
CREATE TEMP TABLE few_digits AS SELECT n, round((random() * 10 ^ floor(random() * 7))::numeric, floor(random() * 12)::int) * (ARRAY[1, -1])[1 + n % 2] AS x FROM generate_series(1, 20000) n;
SELECT count(*) > 39000 AS numbers, count(*) FILTER (WHERE exact IS NULL) AS "not read", min(exact) < -1e200 AND max(exact) > 1e200 AS huge,
	   count(*) FILTER (WHERE abs(exact) < 1e-200) > 500 AS tiny, bool_and(min_value(stored) = exact) AS stored, bool_and(min_value(computed) = exact) AS computed,
	   bool_and(min_value(weighted) = exact) AS weighted, bool_and(percentile = exact) AS percentile
FROM (SELECT x::float8 + 0.0 AS exact, distribution(x) AS stored, distribution(x + 0) AS computed, weighted_distribution(x, 3) AS weighted, approx_percentile(x, 0.5) AS percentile
	  FROM (TABLE number UNION ALL TABLE few_digits) AS t WHERE abs(x) < 1e306 GROUP BY n, x) AS read;
SELECT count(*) AS numbers, bool_and(min_value(d) = x::float8) AS bigint
FROM (SELECT x, distribution(x) AS d FROM (SELECT n, (random() * 2 ^ (n % 64))::numeric::bigint * (ARRAY[1, -1])[1 + n % 2] AS x FROM generate_series(0, 6299) n WHERE n % 64 < 63
									  UNION ALL SELECT 10000 + n, b FROM unnest('{9223372036854775807,-9223372036854775808,9007199254740993,0}'::bigint[]) WITH ORDINALITY AS t (b, n)) AS t GROUP BY n, x) AS read;
ROLLBACK;
