--
-- hit_ratio(): sums of both counts, exact in every kind of plan and window.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
\set SHOW_CONTEXT never

-- By hand: (1 + 2 + 5) / (10 + 20 + 5)
SELECT hit_ratio(cached, input) = 8.0::float8 / 35 AS ratio, hit_ratio(cached, input) FILTER (WHERE input = 10) AS one
FROM (VALUES (1, 10), (2, 20), (5, 5)) AS t (cached, input);
-- the ratio of sums, not the mean of ratios
SELECT hit_ratio(cached, input) AS ratio, avg(cached / input::float8) AS mean FROM (VALUES (0, 10), (1000, 1000)) AS t (cached, input);

-- What is not reported, or contradicts itself, is left out
SELECT hit_ratio(cached, input) AS ratio
FROM (VALUES (1, 10), (NULL, 1000), (7, NULL), (NULL, NULL), (11, 10), (-1, 10), (1, -10), (-5, -2), (0, 0), (3, 10)) AS t (cached, input);
SELECT hit_ratio(NULL, 10) AS no_cache, hit_ratio(5, NULL) AS no_input, hit_ratio(0, 0) AS nothing, hit_ratio(0, 10) AS none, hit_ratio(10, 10) AS "all", hit_ratio(11, 10) AS bad;
SELECT hit_ratio(1, 2) FILTER (WHERE false) AS no_rows;
SELECT count(*) AS "groups of no rows" FROM (SELECT hit_ratio(1, 2) FROM generate_series(1, 0) i GROUP BY i) AS t;
-- Sums beyond bigint
SELECT hit_ratio(9223372036854775807 - i % 2, 9223372036854775807) = 1 AS large, hit_ratio(4611686018427387904, 9223372036854775807) AS half FROM generate_series(1, 1000) i;

-- Random rows against sums of numeric: equal to the last bit, since both sums
-- are exact and rounded once
BEGIN;
SELECT setseed(0.3) IS NOT NULL AS seeded;
CREATE TABLE reported AS
	SELECT i, i % 7 AS team, CASE WHEN random() < 0.1 THEN NULL ELSE floor(input * random() * 1.02) END::bigint AS cached,
		   CASE WHEN random() < 0.05 THEN NULL WHEN random() < 0.02 THEN -input ELSE input END::bigint AS input
	FROM (SELECT i, floor(10 ^ (random() * 18)) AS input FROM generate_series(1, 20000) i) AS t;
CREATE VIEW good AS
	SELECT i, team, cached, input, CASE WHEN cached BETWEEN 0 AND input THEN cached END AS c, CASE WHEN cached BETWEEN 0 AND input THEN input END AS n FROM reported;
ANALYZE reported;
COMMIT;
SELECT count(*) FILTER (WHERE c IS NULL) > 2000 AS left_out, count(*) FILTER (WHERE cached > input) > 100 AS contradictions FROM good;
SELECT count(*) AS groups, bool_and(hit = plain) AS same
FROM (SELECT hit_ratio(cached, input) AS hit, sum(c)::float8 / sum(n)::float8 AS plain FROM good GROUP BY team) AS t;

-- Moving windows: 0, 1 or more rows in and out
SELECT count(*) AS rows, count(hit) AS with_ratio, bool_and(hit IS NOT DISTINCT FROM plain) AS same
FROM (SELECT hit_ratio(cached, input) OVER w AS hit, sum(c) OVER w::float8 / nullif(sum(n) OVER w, 0)::float8 AS plain
	  FROM good WINDOW w AS (PARTITION BY team ORDER BY i ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING)) AS t;
SELECT count(*) AS rows, count(hit) AS with_ratio, bool_and(hit IS NOT DISTINCT FROM plain) AS same
FROM (SELECT hit_ratio(cached, input) OVER w AS hit, sum(c) OVER w::float8 / nullif(sum(n) OVER w, 0)::float8 AS plain
	  FROM good WINDOW w AS (ORDER BY i RANGE BETWEEN 1 FOLLOWING AND 2 FOLLOWING EXCLUDE TIES)) AS t;
SELECT count(*) AS rows, bool_and(hit IS NOT DISTINCT FROM plain) AS same
FROM (SELECT hit_ratio(cached, input) OVER w AS hit, sum(c) OVER w::float8 / nullif(sum(n) OVER w, 0)::float8 AS plain
	  FROM good WHERE i <= 300 WINDOW w AS (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW)) AS t;
-- the window does move: to sum twenty thousand rows again for each takes a minute
SET statement_timeout = '10s';
SELECT count(hit) AS rows FROM (SELECT hit_ratio(i % 100, 100) OVER (ORDER BY i ROWS 20000 PRECEDING) AS hit FROM generate_series(1, 40000) i) AS t;
RESET statement_timeout;

-- Parallel, and partition-wise
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF line ~ node THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END
$$;
SELECT pg_temp.plan_has('SELECT hit_ratio(cached, input) FROM reported', 'Partial Aggregate') AS parallel;
SELECT hit_ratio(cached, input) = sum(c)::float8 / sum(n)::float8 AS same FROM good;
ROLLBACK;

-- The functions behind it leave their arguments alone
SELECT hit_ratio_add(s, 1, 2) AS added, hit_ratio_subtract(hit_ratio_add(s, 1, 2), 1, 2) AS back, hit_ratio_combine(s, '{1,0,2,0}') AS combined, s AS argument
FROM (VALUES ('{5,0,10,0}'::bigint[])) AS t (s);
SELECT hit_ratio_add('{-1,0,-1,0}', 1, 1) AS carried;
\set VERBOSITY terse
SELECT hit_ratio_add('{1,2,3}', 1, 2);
SELECT hit_ratio_final('{1,2,3,NULL}');
SELECT hit_ratio_combine('{0,0,0,0}', '{{0,0},{0,0}}');
DROP TABLE reported CASCADE;
