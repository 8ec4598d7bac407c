--
-- When a series changed, and what is no change: change_points,
-- trend_change_points and change_monitor.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate

-- A series is a list of values, one a day from the first of January
CREATE FUNCTION series(value float8[]) RETURNS TABLE (bucket timestamptz, value float8)
LANGUAGE sql AS $$
	SELECT '2026-01-01'::timestamptz + i * interval '1 day', v FROM unnest(value) WITH ORDINALITY q(v, i)
$$;
CREATE FUNCTION repeated(variadic float8[]) RETURNS float8[] LANGUAGE sql AS $$
	SELECT array_agg(($1)[2 * i - 1] ORDER BY i, k)
	FROM generate_series(1, cardinality($1) / 2) i, generate_series(1, ($1)[2 * i]::int) k
$$;
-- noise that is the same everywhere: a congruential generator, twelve numbers a value
CREATE FUNCTION noise(n int, seed bigint) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	x bigint := seed;
	result float8[] := '{}';
	total float8;
BEGIN
	FOR i IN 1..n LOOP
		total := -6;
		FOR k IN 1..12 LOOP
			x := (x * 1103515245 + 12345) % 2147483648;
			total := total + x / 2147483648.0;
		END LOOP;
		result := result || total;
	END LOOP;
	RETURN result;
END
$$;
CREATE FUNCTION plus(float8[], float8[]) RETURNS float8[] LANGUAGE sql AS $$
	SELECT array_agg(a + b ORDER BY i) FROM unnest($1, $2) WITH ORDINALITY q(a, b, i)
$$;

-- Without noise a change is certain
SELECT (c).* FROM (SELECT unnest(change_points(bucket, value)) AS c FROM series(repeated(1, 10, 3, 10))) q;
SELECT (c).bucket::date, (c).value_before, (c).value_after, (c).p_value
FROM (SELECT unnest(change_points(bucket, value)) AS c FROM series(repeated(5, 4, 7, 6, 5, 9, 2, 4))) q;
-- four values on either side, no fewer
SELECT change_points(bucket, value) FROM series(repeated(5, 3, 7, 9));
SELECT cardinality(change_points(bucket, value)) FROM series(repeated(5, 4, 7, 4));

-- No change: a constant, one spike anywhere, two in succession, a partial last bucket
SELECT change_points(bucket, value) FROM series(repeated(1, 20));
SELECT change_points(bucket, value) FROM series(repeated(0, 20));
SELECT change_points(bucket, value) FROM series(repeated(0.1, 20));
SELECT at, change_points(bucket, CASE WHEN i = at THEN 9 ELSE 1 END) AS level,
	   trend_change_points(bucket, CASE WHEN i = at THEN 9 ELSE 1 END) AS trend
FROM generate_series(1, 12) at, (SELECT row_number() OVER () AS i, * FROM series(repeated(1, 12))) s
GROUP BY at ORDER BY at;
SELECT change_points(bucket, value) AS two_spikes FROM series(repeated(1, 8, 9, 2, 1, 8));
SELECT change_points(bucket, value) AS last_half FROM series(repeated(10, 19, 4, 1));
-- and a spike does not hide a change, nor move a level
SELECT (c).bucket::date, (c).value_before, (c).value_after
FROM (SELECT unnest(change_points(bucket, value)) AS c FROM series(repeated(1, 5, 100, 1, 1, 6, 2, 8, -50, 1, 2, 2))) q;

-- Student's t, computed in SQL: the p-value is that of t times the splits, 13 of 20 values, over 0.9.  The residuals
-- alternate, so that they are not alike.
WITH s AS (SELECT row_number() OVER (ORDER BY bucket) AS i, * FROM series(plus(repeated(1, 9, 2.2, 11),
			ARRAY(SELECT 0.5 * (-1) ^ i FROM generate_series(1, 20) i)))),
	 moments AS (SELECT avg(value) FILTER (WHERE i <= 9) AS before, avg(value) FILTER (WHERE i > 9) AS after,
						var_samp(value) FILTER (WHERE i <= 9) * 8 + var_samp(value) FILTER (WHERE i > 9) * 10 AS square FROM s),
	 t AS (SELECT *, (after - before) / sqrt(square / 18 * (1 / 9.0 + 1 / 11.0)) AS t FROM moments),
	 -- for 18 degrees of freedom: a finite sum (Abramowitz and Stegun 26.7.4)
	 p AS (SELECT *, 1 - sin(atan(t / sqrt(18))) * (SELECT 1 + sum(term) FROM (SELECT
			(SELECT exp(sum(ln((2 * m - 1) / (2.0 * m)))) FROM generate_series(1, k) m) * cos(atan(t / sqrt(18))) ^ (2 * k)
			FROM generate_series(1, 8) k) q(term)) AS p FROM t),
	 found AS (SELECT unnest(change_points(bucket, value)) AS c FROM s)
SELECT (c).bucket::date, abs((c).value_before - before) < 1e-12 AS before, abs((c).value_after - after) < 1e-12 AS after,
	   abs((c).p_value / (p * 13 / 0.9) - 1) < 1e-6 AS p_value, p * 13 / 0.9 < 0.01 AS significant
FROM found, p;

-- A change that was taken back, which no single split explains; and both directions of a staircase
SELECT seed, ARRAY(SELECT (c).bucket::date - '2026-01-01' FROM unnest(found) c) AS changes
FROM (SELECT seed, change_points(bucket, value) AS found
	  FROM generate_series(1, 4) seed, series(plus(noise(60, seed), repeated(0, 24, 5, 8, 0, 28))) GROUP BY seed) q ORDER BY seed;
SELECT seed, ARRAY(SELECT (c).bucket::date - '2026-01-01' FROM unnest(found) c) AS changes
FROM (SELECT seed, change_points(bucket, value) AS found
	  FROM generate_series(1, 4) seed, series(plus(noise(60, seed), repeated(0, 20, 5, 20, 10, 20))) GROUP BY seed) q ORDER BY seed;
-- A false alarm in a hundred series, and with another alpha in two
SELECT count(*) FILTER (WHERE found <> '{}') <= 6 AS one_percent, count(*) FILTER (WHERE easily <> '{}') > 30 AS half
FROM (SELECT change_points(bucket, value) AS found, change_points(bucket, value, 0.5) AS easily
	  FROM generate_series(1, 200) seed, series(noise(30, seed * 7919)) GROUP BY seed) q;
-- The set of days has the true one
SELECT count(*) BETWEEN 95 AND 105 AS found, count(*) FILTER (WHERE (c).earliest <= '2026-01-22' AND (c).latest >= '2026-01-22') >= 90 AS covers,
	   count(*) FILTER (WHERE (c).latest > (c).earliest) > 20 AS wide,
	   bool_and((c).bucket BETWEEN (c).earliest AND (c).latest) AS has_best
FROM (SELECT unnest(change_points(bucket, value)) AS c
	  FROM generate_series(1, 100) seed, series(plus(noise(40, seed * 104729), repeated(0, 20, 3, 20))) GROUP BY seed) q;

-- The order of rows means nothing; gaps, NULL, NaN and infinities neither
WITH s AS (SELECT * FROM series(plus(noise(60, 3), repeated(0, 24, 5, 8, 0, 28))))
SELECT (SELECT change_points(bucket, value ORDER BY bucket) FROM s) =
	   (SELECT change_points(bucket, value ORDER BY md5(bucket::text)) FROM s) AS level,
	   (SELECT trend_change_points(bucket, value ORDER BY bucket) FROM s) =
	   (SELECT trend_change_points(bucket, value ORDER BY md5(bucket::text)) FROM s) AS trend,
	   (SELECT change_monitor(bucket, value, '2026-01-20' ORDER BY bucket) FROM s) =
	   (SELECT change_monitor(bucket, value, '2026-01-20' ORDER BY md5(bucket::text)) FROM s) AS monitor;
SELECT (c).bucket::date, (c).earliest::date, (c).latest::date, (c).value_before, (c).value_after
FROM (SELECT unnest(change_points(bucket, value)) AS c
	  FROM (SELECT * FROM series(repeated(1, 6, 'NaN', 2, 2, 5, NULL, 1, 'Infinity', 1, 2, 2))
			UNION ALL VALUES (NULL::timestamptz, 99::float8), ('2026-03-01', 2)) s) q;
-- values of any size
SELECT power, (c).bucket::date, (c).value_before / 2 ^ power AS value_before, (c).change / 2 ^ power AS change, (c).p_value,
	   round(((t).value_after / 2 ^ power)::numeric, 9) AS value_after, ARRAY(SELECT (r).changed FROM unnest(readings) r) AS changed
FROM (SELECT power, unnest(change_points(bucket, value * 2 ^ power)) AS c, unnest(trend_change_points(bucket, value * 2 ^ power)) AS t,
			 change_monitor(bucket, value * 2 ^ power, '2026-01-18') AS readings
	  FROM unnest('{1000,0,-1000}'::float8[]) power, series(repeated(1, 15, 3, 3, 3, 3)) GROUP BY power) q ORDER BY power;
-- a state is read more than once
SELECT bucket::date, cardinality(change_points(bucket, value) OVER (ORDER BY bucket)) AS changes
FROM series(repeated(1, 5, 2, 5));

-- Nothing can be said
SELECT change_points(bucket, value), change_points(bucket, value, 0.05), trend_change_points(bucket, value),
	   change_monitor(bucket, value, '2026-01-04') FROM series('{}');
SELECT change_points(bucket, value) AS level FROM series('{1,2,3,4,5,6,7}');
SELECT trend_change_points(bucket, value) AS trend FROM series('{1,2,3,4,5}');
SELECT change_monitor(bucket, value, '2026-01-05') AS monitor FROM series('{1,2,3,4,5,6,7}');
SELECT change_points(bucket, NULL::float8) FROM series(repeated(1, 20));

-- A history: level, a line upward, another level.  Slopes are by day.
SELECT (c).bucket::date, round((c).value_before::numeric, 9) AS value_before, round((c).value_after::numeric, 9) AS value_after,
	   round((c).slope_before::numeric, 9) AS slope_before, round((c).slope_after::numeric, 9) AS slope_after
FROM (SELECT unnest(trend_change_points(bucket, value)) AS c
	  FROM series(repeated(1, 20) || ARRAY(SELECT 5 + i * 0.5::float8 FROM generate_series(1, 20) i) || repeated(3, 20))) q;
SELECT trend_change_points(bucket, value) AS line FROM series(ARRAY(SELECT 5 + i * 0.5::float8 FROM generate_series(1, 40) i));
SELECT trend_change_points(bucket, value) AS constant FROM series(repeated(7, 40));
-- a line goes on across a gap
SELECT trend_change_points(bucket, value) AS line
FROM series(ARRAY(SELECT 5 + i * 0.5::float8 FROM generate_series(1, 60) i)) WHERE bucket NOT BETWEEN '2026-01-20' AND '2026-02-10';
-- The criterion itself, by trying all pairs of changes in 15 values, and by one or none
WITH s AS (SELECT row_number() OVER (ORDER BY bucket) AS i, value FROM series(plus(noise(15, 11), repeated(0, 5, 9, 5, 3, 5)))),
	 y AS (SELECT i, (value - avg(value) OVER ()) / stddev_pop(value) OVER () AS y FROM s),
	 cost AS (
		SELECT a, b, least(n * ln(square / n + 0.02),
						   n * ln(greatest(square - coalesce(xy * xy / xx, 0), 0) / n + 0.02) + 3 * ln(15)) AS cost
		FROM (SELECT a, b, count(*) AS n, regr_syy(y, i) AS square, regr_sxy(y, i) AS xy, regr_sxx(y, i) AS xx
			  FROM generate_series(1, 13) a, generate_series(4, 16) b, y WHERE b - a >= 3 AND i >= a AND i < b GROUP BY a, b) q),
	 partition AS (
		SELECT '{}'::bigint[] AS changes, cost FROM cost WHERE a = 1 AND b = 16
		UNION ALL SELECT ARRAY[q.a], p.cost + q.cost + 8 * ln(15) FROM cost p, cost q WHERE p.a = 1 AND p.b = q.a AND q.b = 16
		UNION ALL SELECT ARRAY[q.a, r.a], p.cost + q.cost + r.cost + 16 * ln(15)
		FROM cost p, cost q, cost r WHERE p.a = 1 AND p.b = q.a AND q.b = r.a AND r.b = 16)
SELECT (SELECT changes FROM partition ORDER BY cost LIMIT 1) AS best,
	   (SELECT array_agg((c).bucket::date - '2026-01-01') FROM unnest((SELECT trend_change_points(bucket, value)
		FROM series(plus(noise(15, 11), repeated(0, 5, 9, 5, 3, 5))))) c) AS found;

-- The same where noise wanders, for one change or none of 40 values: penalties
-- grow by the autocorrelation of residuals, and what was a change is none
CREATE TABLE wanders AS
	SELECT i, value, (value - avg(value) OVER ()) / stddev_pop(value) OVER () AS y
	FROM (SELECT i, sum(v * 0.9 ^ (i - j)) AS value
		  FROM generate_series(1, 40) i, unnest(noise(40, 25)) WITH ORDINALITY q(v, j) WHERE j <= i GROUP BY i) s;
-- values a to b - 1
CREATE TABLE stretch AS
	SELECT a, b, b - a AS n, regr_syy(y, i) AS level, regr_syy(y, i) - regr_sxy(y, i) ^ 2 / regr_sxx(y, i) AS line,
		   avg(y) AS mean, regr_slope(y, i) AS slope, regr_intercept(y, i) AS intercept
	FROM generate_series(1, 38) a, generate_series(4, 41) b, wanders WHERE (a = 1 OR b = 41) AND b - a >= 3 AND i >= a AND i < b GROUP BY a, b;
-- where a stretch begins, 41 if none does
CREATE FUNCTION best_cut(w float8) RETURNS int LANGUAGE sql AS $$
	SELECT cut FROM (SELECT CASE WHEN a = 1 THEN b ELSE a END AS cut, n,
							least(n * ln(level / n + 0.02), n * ln(line / n + 0.02) + w * 3 * ln(40)) AS cost FROM stretch) q
	GROUP BY cut HAVING sum(n) = 40 ORDER BY sum(cost) + (count(*) - 1) * w * 8 * ln(40) LIMIT 1
$$;
WITH residual AS (
		SELECT i, y - CASE WHEN n * ln(level / n + 0.02) <= n * ln(line / n + 0.02) + 3 * ln(40) THEN mean ELSE intercept + slope * i END AS e
		FROM wanders, stretch WHERE (a = 1 AND b = best_cut(1) OR b = 41 AND a = best_cut(1)) AND i >= a AND i < b),
	 step AS (
		SELECT lag, avg(square) AS square
		FROM (SELECT lag, (y.y - x.y) ^ 2 AS square, row_number() OVER (PARTITION BY lag ORDER BY (y.y - x.y) ^ 2) AS k
			  FROM generate_series(1, 2) lag, wanders x, wanders y WHERE y.i = x.i + lag) q
		WHERE k <= 40 - lag - (40 - lag) / 10 GROUP BY lag),
	 r AS (
		SELECT least((SELECT sum(e * before) FROM (SELECT e, lag(e) OVER (ORDER BY i) AS before FROM residual) q) / sum(e * e),
					 greatest((SELECT max(square) FILTER (WHERE lag = 2) / max(square) FILTER (WHERE lag = 1) - 1 FROM step), 0) + 2 / sqrt(40)) *
			   sum(e * e) / (sum(e * e) + 40 * 0.02) - 2 / sqrt(40) AS r FROM residual)
SELECT best_cut(1) AS at_first, round(r::numeric, 2) AS r, best_cut(sqrt((1 + r) / (1 - r))) AS best,
	   coalesce((SELECT array_agg((c).bucket::date - '2025-12-31') FROM unnest((SELECT trend_change_points('2025-12-31'::timestamptz + i * interval '1 day', value)
		FROM wanders)) c), '{41}') AS found FROM r;

-- Weekdays are no changes, and a change among them is found.  The mean of
-- weekdays is 27/7; values are told without season.
CREATE FUNCTION weekdays(n int) RETURNS float8[] LANGUAGE sql AS $$
	SELECT array_agg(CASE WHEN i % 7 >= 5 THEN 1 ELSE 5 END::float8 ORDER BY i) FROM generate_series(0, n - 1) i
$$;
SELECT trend_change_points(bucket, value) AS weekdays FROM series(weekdays(70));
SELECT (c).bucket::date, round((c).value_before::numeric, 9) AS value_before, round((c).value_after::numeric, 9) AS value_after, (c).slope_before, (c).slope_after
FROM (SELECT unnest(trend_change_points(bucket, value)) AS c FROM series(plus(weekdays(70), repeated(0, 38, 3, 32)))) q;
-- also across a gap of 17 days, in noise, and among months, which are of different lengths
SELECT (c).bucket::date AS after_gap
FROM (SELECT unnest(trend_change_points(bucket, value)) AS c FROM series(plus(weekdays(90), repeated(0, 58, 3, 32))) WHERE bucket NOT BETWEEN '2026-01-20' AND '2026-02-05') q;
SELECT seed, without, with_weekdays
FROM generate_series(1, 3) seed,
	 LATERAL (SELECT array_agg((c).bucket::date) AS without
			  FROM unnest((SELECT trend_change_points(bucket, value) FROM series(plus(noise(90, seed), repeated(0, 40, 3, 50))))) c) a,
	 LATERAL (SELECT array_agg((c).bucket::date) AS with_weekdays
			  FROM unnest((SELECT trend_change_points(bucket, value) FROM series(plus(weekdays(90), plus(noise(90, seed), repeated(0, 40, 3, 50)))))) c) b;
SELECT (c).bucket::date AS month
FROM (SELECT unnest(trend_change_points(bucket, 10 + 4 * (extract(month FROM bucket) IN (7, 8))::int - 3 * (extract(month FROM bucket) = 12)::int + 2 * (bucket >= '2023-03-01')::int)) AS c
	  FROM generate_series('2019-01-01'::timestamptz, '2026-12-01', '1 month') bucket) q;

-- A monitor: a reading for each bucket since, from those known then
SELECT (r).bucket::date, round((r).difference::numeric, 6) AS difference, round((r).low::numeric, 6) AS low,
	   round((r).high::numeric, 6) AS high, (r).changed
FROM (SELECT unnest(change_monitor(bucket, value, '2026-01-18')) AS r
	  FROM series('{1,1,2,2,1,1,2,2,1,1,2,2,1,1,2,2,5,5,3,4}')) q;
-- The interval, computed in SQL: of 16 values before the mean is 1.5 and the sum of squares 4.  Those since add to it
-- 0, 0, min(8/3, 4/2) and min(2.75, 5/2): the squares about their mean, or half those of their steps.  Of residuals
-- before, 8 pairs of neighbours are alike and 7 are not: autocorrelation r is 1/16, and (1 + 3/16) / 16 more.
SELECT m, round(mean - 1.5 - width, 6) AS low, round(mean - 1.5 + width, 6) AS high
FROM (SELECT m, mean, sqrt((14 + m) * (ratio - 1) / (1 - ratio / (1 + n)) * ((4 + square) / (14 + m) * (1 + r) / (1 - r)) / n) AS width
	  FROM (SELECT *, 1 / (1 / 16.0 + 1.0 / m) AS n, (sqrt(1 + 1 / (1 / 16.0 + 1.0 / m)) / 0.01) ^ (2 / (15.0 + m)) AS ratio
			FROM (VALUES (2, 5.0, 0.0), (3, 13 / 3.0, 2.0), (4, 4.25, 2.5)) v(m, mean, square), (VALUES (1 / 16.0 + (1 + 3 / 16.0) / 16)) w(r)) q) q
ORDER BY m;
-- one spike is none, two buckets are a change, also where there is no noise
SELECT ARRAY(SELECT (r).changed FROM unnest(one) r) AS one, ARRAY(SELECT (r).changed FROM unnest(two) r) AS two,
	   ARRAY(SELECT (r).changed FROM unnest(never) r) AS never
FROM (SELECT change_monitor(bucket, value + CASE WHEN i = 21 THEN 50 ELSE 0 END, '2026-01-20') AS one,
			 change_monitor(bucket, value + CASE WHEN i >= 21 THEN 50 ELSE 0 END, '2026-01-20') AS two,
			 change_monitor(bucket, value, '2026-01-20') AS never
	  FROM (SELECT row_number() OVER () AS i, * FROM series(noise(24, 5))) s) q;
SELECT ARRAY(SELECT (r).changed FROM unnest(found) r) AS constant, (found[1]).low, (found[1]).high
FROM (SELECT change_monitor(bucket, value, '2026-01-12') AS found FROM series(repeated(3, 10, 4, 3))) q;
SELECT change_monitor(bucket, value, '2027-01-01') AS nothing_since FROM series(repeated(3, 10));
-- with other chances of a false alarm
SELECT (easy[1]).high < (strict[1]).high AS narrower FROM (SELECT
	change_monitor(bucket, value, '2026-01-12', 0.5) AS easy, change_monitor(bucket, value, '2026-01-12', 0.1) AS strict
	FROM series(noise(16, 5))) q;

-- Errors
SELECT change_points(bucket, value, 0) FROM series('{1,2}');
SELECT change_points(bucket, value, 0.6) FROM series('{1,2}');
SELECT change_points(bucket, value, 'NaN') FROM series('{1,2}');
SELECT change_points(bucket, value, value / 10) FROM series('{1,2}');
SELECT change_points(bucket, value, NULL) IS NULL AS is_default FROM series('{1,2}');
SELECT change_points('2026-01-01', value) FROM series('{1,2}');
SELECT change_points('infinity', value) FROM series('{1,2}');
SELECT trend_change_points('2026-01-01', value) FROM series('{1,2}');
SELECT change_monitor(bucket, value, NULL) FROM series('{1,2}');
SELECT change_monitor(bucket, value, bucket) FROM series('{1,2}');
SELECT change_monitor(bucket, value, '2026-01-04', 1) FROM series('{1,2}');
\set VERBOSITY default
SELECT change_points('2026-01-01', value) FROM series('{1,2}');
SELECT change_points(bucket, value, 5) FROM series('{1,2}');

DROP FUNCTION series, repeated, noise, plus;
