--
-- paired_change() and paired_difference(): by hand, against plain SQL, in any
-- order, and where there is little or nothing to compare.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET extra_float_digits = 0;
\set SHOW_CONTEXT never

-- Everybody 20 % dearer, with nine times the calls: exactly that, for sure
SELECT round(c.change::numeric, 12) AS change, round(c.low::numeric, 12) AS low, round(c.high::numeric, 12) AS high, c.p_value, c.standard_error,
	   c.degrees_of_freedom, c.units, c.rose, c.fell, round(c.smallest_change::numeric, 12) AS smallest, round(c.largest_change::numeric, 12) AS largest,
	   c.matched_before, c.matched_after, c.cells, c.bad_cells
FROM (SELECT (paired_change(i::text, i * 5, 5, i * 1.2 * 45, 45)).* FROM generate_series(1, 7) i) AS c;
-- nobody dearer
SELECT change, low, high, p_value, rose, fell FROM (SELECT (paired_change(i::text, i * 5, 5, i * 45, 45)).* FROM generate_series(1, 7) i) AS c;

-- Three users with as many calls; one halved, one stayed, one doubled.  The
-- factor is 1, q = 1/3, 1/2, 2/3, and q (1 - q) = 8/36, 9/36, 8/36 of 25/36;
-- without its user, z = (1/6) / (17/36) = 6/17, so SE = sqrt(2) * 6/17, df 2.
-- Of two degrees of freedom, p = 0.05 is at 4.302652729696.
SELECT change, round(standard_error::numeric, 12) = round((sqrt(2) * 6 / 17)::numeric, 12) AS error, degrees_of_freedom AS df, p_value,
	   round(ln(1 + high)::numeric, 9) = round((4.302652729696 * sqrt(2) * 6 / 17)::numeric, 9) AS high,
	   round((ln(1 + low) + ln(1 + high))::numeric, 9) AS symmetric, round(effective_units::numeric, 12) AS effective, units, rose, fell, smallest_change, round(largest_change::numeric, 12) AS largest
FROM (SELECT (paired_change(u, a, 10, b, 10)).* FROM (VALUES ('a', 20, 10), ('b', 15, 15), ('c', 10, 20)) AS t (u, a, b)) AS c;

-- The same as differences of shares: -1, 0 and 2 points with weights 1, 1, 1.
-- D = 1/3; z = (-4/3, -1/3, 5/3) / 2 of a leverage of 1/3 each, so
-- SE = sqrt(42/9) / 2; one degree of freedom has p = 1 - 2 atan(t) / pi.
SELECT round((100 * change)::numeric, 10) AS points, round((100 * standard_error)::numeric, 10) = round((sqrt(42) / 6)::numeric, 10) AS error,
	   rose, fell, round((100 * smallest_change)::numeric, 10) AS smallest, round((100 * largest_change)::numeric, 10) AS largest, kind
FROM (SELECT (paired_difference(u, a, 100, b, 100)).* FROM (VALUES ('a', 51, 50), ('b', 20, 20), ('c', 70, 72)) AS t (u, a, b)) AS c;
SELECT degrees_of_freedom AS df, round(p_value::numeric, 10) = round((1 - 2 * atan(abs(change) / standard_error) / pi())::numeric, 10) AS p
FROM (SELECT (paired_difference(u, a, 100, b, 100)).* FROM (VALUES ('a', 50, 51), ('b', 20, 24)) AS t (u, a, b)) AS c;

-- What is matched, in shares of y or of n: 30 of 50 before, 40 of 100 after
SELECT round(matched_before::numeric, 12) AS before, round(matched_after::numeric, 12) AS after, units, cells, bad_cells
FROM (SELECT (paired_change(u, y1, n1, y2, n2)).*
	  FROM (VALUES ('a', 10, 5, 15, 5), ('b', 20, 5, 25, 5), ('left', 15, 4, NULL, NULL), ('came', NULL, NULL, 55, 4), (NULL, 5, 3, 5, 3)) AS t (u, y1, n1, y2, n2)) AS c;
SELECT round(matched_before::numeric, 12) AS before, round(matched_after::numeric, 12) AS after
FROM (SELECT (paired_difference(u, y1, n1, y2, n2)).* FROM (VALUES ('a', 1, 60, 2, 25), ('b', 0, 30, 0, 25), ('left', 5, 10, NULL, 0), ('came', NULL, NULL, 5, 50)) AS t (u, y1, n1, y2, n2)) AS c;

--
-- Random users against the formulas, in plain SQL
--
BEGIN;
SELECT setseed(0.42) IS NOT NULL AS seeded;
CREATE TABLE cell AS
	SELECT i, 'unit ' || i % 60 AS unit_key, n1::float8, n2::float8, level * n1 * exp(0.5 * random()) AS y1,
		   level * n2 * exp(0.5 * random()) * 1.15 AS y2, floor(n1 * random())::float8 AS hits1, floor(n2 * random())::float8 AS hits2
	FROM (SELECT i, floor(10 ^ (random() * 3)) AS n1, floor(10 ^ (random() * 3)) - 1 AS n2, 10 ^ (random() * 4 - 2) AS level FROM generate_series(1, 200) i) AS t;
-- one row each, so that a user is a unit
ALTER TABLE cell ADD user_key text;
UPDATE cell SET user_key = i;
COMMIT;

CREATE VIEW weighted AS
	SELECT cell.*, n1 + n2 AS n, (n1 + n2) / (1 + (n1 + n2) / half) AS v, n2 / (n1 + n2) AS p
	FROM cell, (SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY n1 + n2) AS half FROM cell WHERE n1 > 0 AND n2 > 0) AS h
	WHERE n1 > 0 AND n2 > 0;
CREATE FUNCTION pg_temp.same(a float8, b float8) RETURNS boolean RETURN abs(a - b) <= 1e-9 * (abs(a) + abs(b)) + 1e-12;
-- Student's t by Simpson's rule: the part of cos^(df - 1) above the angle
CREATE FUNCTION pg_temp.p_value(t float8, df float8) RETURNS float8 LANGUAGE sql AS $$
	SELECT sum(w * cos(a + (pi() / 2 - a) * x) ^ (df - 1)) * (pi() / 2 - max(a)) / (sum(w * cos(pi() / 2 * x) ^ (df - 1)) * pi() / 2)
	FROM (SELECT i / 2000.0::float8 AS x, CASE WHEN i IN (0, 2000) THEN 1 WHEN i % 2 = 1 THEN 4 ELSE 2 END AS w FROM generate_series(0, 1999) i) AS s,
		 (SELECT atan(abs(t) / sqrt(df)) AS a) AS angle $$;

CREATE FUNCTION pg_temp.check_ratio(c paired_change_result, by_user boolean) RETURNS TABLE (
	balanced boolean, error boolean, df boolean, p_value boolean, "interval" boolean, units boolean, effective boolean) LANGUAGE sql AS $$
	WITH share AS (
		SELECT CASE WHEN by_user THEN user_key ELSE unit_key END AS unit, v, p, q, v * p * (1 - p) AS w
		FROM weighted, LATERAL (SELECT y2 / (1 + c.change) / (y1 + y2 / (1 + c.change)) AS q) AS s
	), unit AS (
		SELECT sum(v * (q - p)) AS balance, sum(v * q * (1 - q)) AS a, sum(w) AS w FROM share GROUP BY unit
	), dropped AS (
		SELECT unit.*, balance / (total - a) AS z FROM unit, (SELECT sum(a) AS total FROM unit) AS t
	)
	SELECT abs(sum(balance)) < 1e-9 * sum(a), pg_temp.same(c.standard_error, sqrt(sum(z ^ 2))),
		   pg_temp.same(c.degrees_of_freedom, least(count(*) - 1, greatest(1, 2 / (sum(z ^ 4) / sum(z ^ 2) ^ 2 - 1.0 / count(*))))),
		   abs(c.p_value - pg_temp.p_value(ln(1 + c.change) / c.standard_error, c.degrees_of_freedom)) < 1e-6,
		   abs(pg_temp.p_value(ln((1 + c.high) / (1 + c.change)) / c.standard_error, c.degrees_of_freedom) - 0.05) < 1e-6
		   AND pg_temp.same(ln(1 + c.low) + ln(1 + c.high), 2 * ln(1 + c.change)),
		   c.units = count(*), pg_temp.same(c.effective_units, sum(w) ^ 2 / sum(w ^ 2))
	FROM dropped $$;
SELECT r.* FROM (SELECT paired_change(user_key, y1, n1, y2, n2) AS c FROM cell) AS t, pg_temp.check_ratio(c, true) AS r;
SELECT r.* FROM (SELECT paired_change(unit_key, y1, n1, y2, n2) AS c FROM cell) AS t, pg_temp.check_ratio(c, false) AS r;
-- the data have 15 % and more or less of it in single users; some were not there after
SELECT c.low < 0.15 AND c.high > 0.15 AND c.change BETWEEN 0.1 AND 0.2 AS found, c.p_value < 1e-4 AS sure, c.cells BETWEEN 150 AND 199 AS some, c.rose + c.fell = c.units AS either
FROM (SELECT (paired_change(user_key, y1, n1, y2, n2)).* FROM cell) AS c;

WITH c AS (
	SELECT (paired_difference(unit_key, hits1, n1, hits2, n2)).* FROM cell
), share AS (
	SELECT unit_key, v * p * (1 - p) AS w, hits2 / n2 - hits1 / n1 AS d FROM weighted
), unit AS (
	SELECT sum(w * (d - change)) AS balance, sum(w) AS w, sum(w * d) / sum(w) AS d FROM share, c GROUP BY unit_key
), dropped AS (
	SELECT unit.*, balance / (total - w) AS z FROM unit, (SELECT sum(w) AS total FROM unit) AS t
)
SELECT abs(sum(balance)) < 1e-9 * sum(w) AS balanced, pg_temp.same(min(standard_error), sqrt(sum(z ^ 2))) AS error,
	   pg_temp.same(min(degrees_of_freedom), least(count(*) - 1, greatest(1, 2 / (sum(z ^ 4) / sum(z ^ 2) ^ 2 - 1.0 / count(*))))) AS df,
	   abs(min(p_value) - pg_temp.p_value(min(change) / min(standard_error), min(degrees_of_freedom))) < 1e-6 AS p_value,
	   min(units) = count(*) AS units, min(rose) = count(*) FILTER (WHERE d > 1e-12) AS rose, min(fell) = count(*) FILTER (WHERE d < -1e-12) AS fell,
	   pg_temp.same(min(smallest_change), min(d)) AS smallest, pg_temp.same(min(largest_change), max(d)) AS largest
FROM dropped, c;

-- A factor on all that came after is a factor on the change, and no more
SELECT pg_temp.same(1 + b.change, 3 * (1 + a.change)) AS change, pg_temp.same(a.standard_error, b.standard_error) AS error
FROM (SELECT (paired_change(unit_key, y1, n1, y2, n2)).* FROM cell) AS a, (SELECT (paired_change(unit_key, y1, n1, 3 * y2, n2)).* FROM cell) AS b;
-- The other way round, it is the inverse
SELECT pg_temp.same((1 + a.change) * (1 + b.change), 1) AS change, pg_temp.same(a.standard_error, b.standard_error) AS error, a.rose = b.fell AS units
FROM (SELECT (paired_change(unit_key, y1, n1, y2, n2)).* FROM cell) AS a, (SELECT (paired_change(unit_key, y2, n2, y1, n1)).* FROM cell) AS b;
-- Order means nothing, to the last bit; nor does the plan
SELECT count(DISTINCT c) AS results
FROM (SELECT paired_change(unit_key, y1, n1, y2, n2 ORDER BY i) AS c FROM cell
	  UNION ALL SELECT paired_change(unit_key, y1, n1, y2, n2 ORDER BY i DESC) FROM cell
	  UNION ALL SELECT paired_change(unit_key, y1, n1, y2, n2 ORDER BY md5(i::text)) FROM cell) AS t;
BEGIN;
CREATE TEMP TABLE serial AS SELECT paired_change(unit_key, y1, n1, y2, n2) AS c, paired_difference(unit_key, hits1, n1, hits2, n2) AS d FROM cell;
ALTER TABLE cell SET (parallel_workers = 2);
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF line ~ 'Partial' THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END
$$;
SELECT pg_temp.parallel('SELECT paired_change(unit_key, y1, n1, y2, n2) FROM cell') AS parallel;
CREATE TABLE gathered AS SELECT paired_change(unit_key, y1, n1, y2, n2) AS c, paired_difference(unit_key, hits1, n1, hits2, n2) AS d FROM cell;
SELECT s.c = g.c AS change, s.d = g.d AS difference FROM serial s, gathered g;
ROLLBACK;
-- As a window function the state is read again and again
SELECT bool_and(w = g) AS same
FROM (SELECT paired_change(user_key, y1, n1, y2, n2) OVER (ORDER BY i) AS w, i FROM cell WHERE i <= 20) AS t,
	 LATERAL (SELECT paired_change(user_key, y1, n1, y2, n2) AS g FROM cell WHERE cell.i <= t.i) AS u;

--
-- Little or nothing to compare
--
\pset null NULL
SELECT paired_change('a', 1, 1, 1, 1) FILTER (WHERE false) IS NULL AS no_rows;
SELECT change, low, p_value, standard_error, units, effective_units, matched_before, matched_after, rose, smallest_change
FROM (SELECT (paired_change(u, y1, n1, y2, n2)).* FROM (VALUES ('left', 15, 4, NULL, NULL), ('came', NULL, NULL, 55, 4)) AS t (u, y1, n1, y2, n2)) AS c;
-- one user: what he did, and no error
SELECT round(change::numeric, 12) AS change, low, p_value, standard_error, degrees_of_freedom AS df, units, effective_units, rose, round(largest_change::numeric, 12) AS largest
FROM (SELECT (paired_change('a', 10, 5, 24, 10)).*) AS c;
-- the same user in two parts is still one
SELECT round(change::numeric, 12) AS change, standard_error, units, cells, rose
FROM (SELECT (paired_change('a', 10 * i, 5, 24 * i, 10)).* FROM generate_series(1, 2) i) AS c;
-- nothing spent before, or after, or at all
SELECT change, units, rose, fell, largest_change, matched_before, matched_after FROM (SELECT (paired_change(i::text, 0, 10, i, 10)).* FROM generate_series(1, 20) i) AS c;
SELECT change, units, rose, fell, smallest_change, matched_before, matched_after FROM (SELECT (paired_change(i::text, i, 10, 0, 10)).* FROM generate_series(1, 20) i) AS c;
SELECT change, units, matched_before, matched_after FROM (SELECT (paired_change(i::text, 0, 10, 0, 10)).* FROM generate_series(1, 20) i) AS c;
-- half of them only before, half only after: no factor describes that
SELECT change, p_value, units, rose, fell FROM (SELECT (paired_change(i::text, i % 2, 10, 1 - i % 2, 10)).* FROM generate_series(1, 20) i) AS c;
SELECT round(change::numeric, 12) AS change, units FROM (SELECT (paired_difference(i::text, 0, 10, 0, 10)).* FROM generate_series(1, 20) i) AS c;
-- What no number can be is left out and counted: NaN, infinite, negative
SELECT c.change = d.change AND c.standard_error = d.standard_error AND c.matched_before = d.matched_before AS same, c.bad_cells, c.cells
FROM (SELECT (paired_change(u, y1, n1, y2, n2)).*
	  FROM (SELECT user_key, y1, n1, y2, n2 FROM cell
			UNION ALL VALUES ('x', 'NaN'::float8, 5, 5, 5), ('x', 5, 'Infinity'::float8, 5, 5), ('x', 5, 5, -1, 5), ('x', 5, 5, 5, '-Infinity'::float8), ('x', 1e101, 5, 5, 5), (NULL, 5, 'NaN', NULL, NULL)) AS t (u, y1, n1, y2, n2)) AS c,
	 (SELECT (paired_change(user_key, y1, n1, y2, n2)).* FROM cell) AS d;
-- Extremes give numbers, or NULL, never NaN
SELECT bool_and(coalesce(x.value <> 'NaN' AND abs(x.value::float8) < 'Infinity', true)) AS numbers
FROM (SELECT paired_change(i::text, 1e100 / i, 1e-300, 1e-300, 1e100) AS c, paired_difference(i::text, 1e100, 1e-300 * i, 1e100, 1e-300) AS d FROM generate_series(1, 5) i) AS t,
	 LATERAL (SELECT value FROM jsonb_each_text(to_jsonb(c)) WHERE key <> 'kind' UNION ALL SELECT value FROM jsonb_each_text(to_jsonb(d)) WHERE key <> 'kind') AS x;
DROP TABLE cell CASCADE;
