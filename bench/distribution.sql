--
-- bench/distribution: the rows, what is asked about them, and how that is
-- measured and shown.
--
\pset footer off
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
SELECT count(*) > 0 AS has_tdigest FROM pg_available_extensions WHERE name = 'tdigest' \gset
\if :has_tdigest
CREATE EXTENSION tdigest;
\else
\echo tdigest is left out: it is not installed
\endif

CREATE FUNCTION gauss() RETURNS float8
RETURN sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random());

SELECT setseed(:seed / 1e6) \g /dev/null
CREATE UNLOGGED TABLE sample AS
	SELECT exp(1.5 * gauss() - 6) AS x FROM generate_series(1, :rows);
-- the same rows as they come in from many users
CREATE UNLOGGED TABLE grouped AS
	SELECT i / 10 AS g10, i % greatest(:rows / 1000, 1) AS g1000, x
	FROM (SELECT (row_number() OVER ())::int - 1 AS i, x FROM sample) q ORDER BY random();
CREATE UNLOGGED TABLE money AS
	SELECT round(x::numeric, 8) AS x FROM sample LIMIT :rows * 3 / 10;
CREATE FUNCTION store_parts(name text, aggregate text, size int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE UNLOGGED TABLE %I AS SELECT %s AS d
		FROM (SELECT (row_number() OVER () - 1) / %s AS i, x FROM sample) q GROUP BY i', name, aggregate, size);
END
$$;
SELECT store_parts('part_100', 'distribution(x)', 100), store_parts('part_2000', 'distribution(x)', 2000) \g /dev/null
\if :has_tdigest
SELECT store_parts('tdigest_100', 'tdigest(x, 100)', 100), store_parts('tdigest_2000', 'tdigest(x, 100)', 2000) \g /dev/null
\endif
-- a sample of rows would guess too few groups
ALTER TABLE grouped ALTER g10 SET (n_distinct = -0.1), ALTER g1000 SET (n_distinct = -0.001);
ALTER TABLE sample SET (parallel_workers = 2);
ALTER TABLE grouped SET (parallel_workers = 2);
VACUUM (FREEZE, ANALYZE);

-- What is compared.  The first of a test is what the others are measured
-- against.  Answers of as many elements as percentile_cont's are compared with it.
-- Slow ones get fewer rounds.
CREATE TABLE query (test text, n int, name text, sql text, rounds int DEFAULT 99, PRIMARY KEY (test, n));
INSERT INTO query VALUES
	('one group', 1, 'avg(x)', 'SELECT ARRAY[avg(x)] FROM sample'),
	('one group', 2, 'distribution(x), p50 p90 p99 p99.9',
		'SELECT percentiles(distribution(x), ''{0.5, 0.9, 0.99, 0.999}'') FROM sample'),
	('one group', 3, 'skew suite',
		'SELECT percentiles(distribution(x), ''{0.5, 0.9, 0.99}'') || top_share(distribution(x), 0.01)
			|| trimmed_mean(distribution(x), 0.05, 0.95) || gini(distribution(x)) FROM sample'),
	('one group', 4, 'count(x)', 'SELECT ARRAY[count(x)] FROM sample'),
	('one group', 5, 'tdigest(x, 100), the same percentiles',
		'SELECT tdigest_percentile(x, 100, ''{0.5, 0.9, 0.99, 0.999}''::float8[]) FROM sample'),
	('one group', 6, 'tdigest(x, 100), skew suite without Gini',
		'SELECT tdigest_percentile(x, 100, ''{0.5, 0.9, 0.99}''::float8[]) || 1 - tdigest_sum(x, 100, 0, 0.99) / sum(x)
			|| tdigest_avg(x, 100, 0.05, 0.95) FROM sample'),
	('one group', 7, 'percentile_cont',
		'SELECT percentile_cont(''{0.5, 0.9, 0.99, 0.999}''::float8[]) WITHIN GROUP (ORDER BY x) FROM sample'),
	('one group', 8, 'DuckDB avg', NULL),
	('one group', 9, 'DuckDB approx_quantile', NULL),
	('one group', 10, 'DuckDB quantile_cont', NULL),
	('numeric', 1, 'avg(numeric)', 'SELECT ARRAY[avg(x)] FROM money'),
	('numeric', 2, 'distribution(numeric), p50 p90 p99 p99.9',
		'SELECT percentiles(distribution(x), ''{0.5, 0.9, 0.99, 0.999}'') FROM money'),
	('numeric', 3, 'count(numeric)', 'SELECT ARRAY[count(x)] FROM money'),
	('numeric', 4, 'tdigest(numeric::float8, 100)',
		'SELECT tdigest_percentile(x::float8, 100, ''{0.5, 0.9, 0.99, 0.999}''::float8[]) FROM money'),
	('numeric', 5, 'percentile_cont',
		'SELECT percentile_cont(''{0.5, 0.9, 0.99, 0.999}''::float8[]) WITHIN GROUP (ORDER BY x::float8) FROM money');
INSERT INTO query
	SELECT test, n, name, format(sql, g), CASE WHEN n > 3 THEN 3 ELSE 99 END
	FROM (VALUES ('1,000 rows a group', 'g1000'), ('10 rows a group', 'g10')) t(test, g),
		 (VALUES (1, 'avg(x)', 'SELECT ARRAY[sum(p)] FROM (SELECT avg(x) AS p FROM grouped GROUP BY %I) q'),
				 (2, 'percentile(distribution(x), 0.99)',
				  'SELECT ARRAY[count(*), sum(p)] FROM (SELECT percentile(distribution(x), 0.99) AS p FROM grouped GROUP BY %I) q'),
				 (3, 'array_agg(x): values kept, no more',
				  'SELECT ARRAY[sum(p)] FROM (SELECT cardinality(array_agg(x)) AS p FROM grouped GROUP BY %I) q'),
				 (4, 'tdigest_percentile(x, 100, 0.99)',
				  'SELECT ARRAY[count(*), sum(p)] FROM (SELECT tdigest_percentile(x, 100, 0.99) AS p FROM grouped GROUP BY %I) q'),
				 (5, 'percentile_cont(0.99)',
				  'SELECT ARRAY[count(*), sum(p)] FROM (SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY x) AS p FROM grouped GROUP BY %I) q')
		) q(n, name, sql);
INSERT INTO query
	SELECT 'merge ' || size, n, format(name, size), format(sql, size)
	FROM unnest(ARRAY[100, 2000]) size,
		 (VALUES (1, 'combine(d) of %s rows each', 'SELECT ARRAY[num_values(combine(d))] FROM part_%s'),
				 (2, 'tdigest(d) of %s rows each', 'SELECT ARRAY[tdigest_count(tdigest(d))] FROM tdigest_%s')) q(n, name, sql);
\if :has_tdigest
\else
DELETE FROM query WHERE sql ~ 'tdigest';
\endif

-- Round 0 is not counted.
CREATE TABLE run (test text, n int, round int, workers int, ms float8, answer float8[]);
CREATE PROCEDURE measure(which text, first int, last int, on_workers int DEFAULT 0, up_to int DEFAULT 99)
LANGUAGE plpgsql AS $$
DECLARE
	q query;
	start timestamptz;
	answer float8[];
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', on_workers::text, false);
	FOR round IN first .. last LOOP
		FOR q IN SELECT * FROM query
			WHERE test = which AND n <= up_to AND round <= rounds AND sql IS NOT NULL ORDER BY n LOOP
			start := clock_timestamp();
			EXECUTE q.sql INTO answer;
			INSERT INTO run VALUES
				(q.test, q.n, round, on_workers, extract(epoch FROM clock_timestamp() - start) * 1000, answer);
		END LOOP;
	END LOOP;
	PERFORM set_config('max_parallel_workers_per_gather', '0', false);
END
$$;

CREATE VIEW median AS
	SELECT test, n, workers, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms
	FROM run WHERE round > 0 GROUP BY test, n, workers;

-- Of queries a and b, by their medians.
CREATE FUNCTION ratio(which text, a int, b int) RETURNS float8
RETURN (SELECT a.ms / b.ms FROM median a JOIN median b USING (test, workers)
		WHERE test = which AND workers = 0 AND a.n = ratio.a AND b.n = ratio.b);

-- Largest relative error of a value.
CREATE FUNCTION worst_error(got float8[], exact float8[]) RETURNS float8
RETURN CASE WHEN cardinality(got) = cardinality(exact) THEN
	(SELECT max(CASE WHEN g = e THEN 0 WHEN e = 0 THEN 'Infinity' ELSE abs(g / e - 1) END)
	 FROM unnest(got, exact) u(g, e)) END;

-- Three digits that say something.
CREATE FUNCTION shown(x float8) RETURNS text
RETURN CASE WHEN x = 0 OR abs(x) = 'Infinity' THEN x::text
			WHEN abs(x) < 0.001 THEN trim(to_char(x, '9.9EEEE'))
			ELSE round(x::numeric, greatest(0, 2 - floor(log(abs(x)))::int))::text END;

CREATE FUNCTION report(which text, items bigint)
RETURNS TABLE (name text, median_ms numeric, ns_each text, ratio text, "ratio in single rounds" text, "error %" text)
LANGUAGE sql AS $$
	SELECT name, round(ms::numeric, CASE WHEN ms < 100 THEN 1 ELSE 0 END), shown(ms * 1e6 / items), shown(ms / ms1),
		   shown(least) || ' to ' || shown(most), shown(error * 100)
	FROM (SELECT q.n, q.name, percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms) AS ms,
				 percentile_cont(0.5) WITHIN GROUP (ORDER BY r1.ms) AS ms1, min(r.ms / r1.ms) AS least,
				 max(r.ms / r1.ms) AS most, max(worst_error(r.answer, e.answer)) AS error
		  FROM query q JOIN run r USING (test, n)
			   JOIN run r1 ON r1.n = 1 AND (r1.test, r1.workers, r1.round) = (r.test, r.workers, r.round)
			   LEFT JOIN run e ON (e.test, e.workers, e.round) = (r.test, r.workers, r.round) AND e.n =
				(SELECT n FROM query WHERE test = which AND name ~ '^percentile_cont')
		  WHERE r.test = which AND r.workers = 0 AND r.round > 0 GROUP BY q.n, q.name) m
	ORDER BY n
$$;

CREATE FUNCTION explained(sql text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING off, FORMAT json) ' || sql INTO plan;
	RETURN plan;
END
$$;

-- What was promised.  Without a target: for information.
CREATE TABLE result (
	n int GENERATED ALWAYS AS IDENTITY, what text, measured float8, unit text DEFAULT '', sign text, target float8);
