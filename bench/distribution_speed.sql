--
-- bench/distribution: everything timed but 'one group', whose rounds are run
-- already, and what does not depend on the plan.
--
\pset footer off
SELECT count(*) > 0 AS has_tdigest FROM pg_extension WHERE extname = 'tdigest' \gset
SELECT (SELECT count(*) FROM money) AS money_rows, (SELECT count(*) FROM part_100) AS parts_100,
	   (SELECT count(*) FROM part_2000) AS parts_2000 \gset
\echo
\echo :rows rows, one group
SELECT * FROM report('one group', :rows);
CALL measure('numeric', 0, :rounds);
\echo :money_rows numeric rows, one group
SELECT * FROM report('numeric', :money_rows);
CALL measure('1,000 rows a group', 0, 5);
\echo :rows rows, 1,000 a group
SELECT * FROM report('1,000 rows a group', :rows);
CALL measure('10 rows a group', 0, 5);
\echo :rows rows, 10 a group
SELECT * FROM report('10 rows a group', :rows);
CALL measure('merge 100', 0, :rounds);
CALL measure('merge 2000', 0, :rounds);
\echo merge of :parts_100 stored digests of 100 rows, and of :parts_2000 of 2,000 rows
SELECT * FROM report('merge 100', :parts_100) UNION ALL SELECT * FROM report('merge 2000', :parts_2000);

INSERT INTO result (what, measured, unit, sign, target) VALUES
	('distribution, then p50 p90 p99 p99.9', ratio('one group', 2, 1), ' × avg', '≤', 1.0),
	('  times as fast as tdigest 100', ratio('one group', 5, 2), ' ×', '≥', 3.2),
	('  times as fast as percentile_cont', ratio('one group', 7, 2), ' ×', NULL, NULL),
	('  times as fast as DuckDB approx_quantile', ratio('one group', 9, 2), ' ×', NULL, NULL),
	('  count(x), which only reads', ratio('one group', 4, 1), ' × avg', NULL, NULL),
	('skew suite in one query', ratio('one group', 3, 1), ' × avg', '≤', 1.1),
	('numeric input', ratio('numeric', 2, 1), ' × avg(numeric)', '≤', 0.75),
	('  count(numeric), which only reads', ratio('numeric', 3, 1), ' × avg(numeric)', NULL, NULL),
	('groups of 1,000 rows', ratio('1,000 rows a group', 2, 1), ' × avg', '≤', 2.0),
	('  keeping values only (array_agg)', ratio('1,000 rows a group', 3, 1), ' × avg', NULL, NULL),
	('groups of 10 rows', ratio('10 rows a group', 2, 1), ' × avg', '≤', 1.4),
	('  keeping values only (array_agg)', ratio('10 rows a group', 3, 1), ' × avg', NULL, NULL);

-- Memory, as EXPLAIN ANALYZE of the hash aggregation says
CREATE FUNCTION bytes_a_group(sql text, groups bigint) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb := explained(sql);
BEGIN
	IF jsonb_path_query_first(plan, '$.**."HashAgg Batches"') IS DISTINCT FROM '1' THEN
		RAISE 'not one hash table in memory: %', plan;
	END IF;
	RETURN jsonb_path_query_first(plan, '$.**."Peak Memory Usage"')::float8 * 1024 / groups;
END
$$;
SELECT count(DISTINCT g10) AS groups_10, count(DISTINCT g1000) AS groups_1000 FROM grouped \gset
INSERT INTO result (what, measured, unit, sign, target) VALUES
	('memory a group of 10 rows', bytes_a_group('SELECT g10, distribution(x) FROM grouped GROUP BY g10', :groups_10), ' B', '≤', 400),
	('  of avg(x)', bytes_a_group('SELECT g10, avg(x) FROM grouped GROUP BY g10', :groups_10), ' B', NULL, NULL),
	('memory a group of 1,000 rows', bytes_a_group('SELECT g1000, distribution(x) FROM grouped GROUP BY g1000', :groups_1000), ' B', NULL, NULL);

INSERT INTO result (what, measured, unit, sign, target)
	SELECT 'merge of stored digests of 100 rows', :parts_100 / ms / 1000, ' M/s', '≥', 2
	FROM median WHERE test = 'merge 100' AND n = 1
	UNION ALL SELECT '  times as fast as tdigest', ratio('merge 100', 2, 1), ' ×', '≥', 10
	UNION ALL SELECT 'merge of stored digests of 2,000 rows', :parts_2000 / ms / 1000, ' M/s', NULL, NULL
	FROM median WHERE test = 'merge 2000' AND n = 1
	UNION ALL SELECT '  times as fast as tdigest', ratio('merge 2000', 2, 1), ' ×', NULL, NULL;

-- Two workers, the leader idle
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
CALL measure('one group', 0, :rounds, 1, 2);
CALL measure('one group', 0, :rounds, 2, 2);
CREATE VIEW speed_up AS
	SELECT n, one.ms / two.ms AS times FROM median one JOIN median two USING (test, n)
	WHERE test = 'one group' AND one.workers = 1 AND two.workers = 2;
SELECT name, round(times::numeric, 2) AS speed_up_of_second_worker
FROM query JOIN speed_up USING (n) WHERE test = 'one group' ORDER BY n;
INSERT INTO result (what, measured, unit, sign, target)
	SELECT 'speed-up by a second worker', d.times / a.times, ' × that of avg', '≥', 0.95
	FROM speed_up d, speed_up a WHERE d.n = 2 AND a.n = 1;

-- The same rows by other plans and in another order
RESET parallel_leader_participation;
CREATE TABLE plan (name text, workers int, d distribution, groups_10 bigint, groups_1000 bigint, p50_of_tdigest float8);
CREATE PROCEDURE plan(name text, on_workers int, source text) LANGUAGE plpgsql AS $$
DECLARE
	made plan;
	groups text := 'SELECT bit_xor(hash_record_extended(ROW(g, d), 0))
					FROM (SELECT %1$I AS g, distribution(x) AS d FROM grouped GROUP BY %1$I) q';
	build text := format('SELECT distribution(x) FROM %I', source);
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', on_workers::text, false);
	made.name := name;
	made.workers := coalesce(jsonb_path_query_first(explained(build), '$.**."Workers Launched"')::int, 0);
	EXECUTE build INTO made.d;
	EXECUTE format(groups, 'g10') INTO made.groups_10;
	EXECUTE format(groups, 'g1000') INTO made.groups_1000;
	IF EXISTS (SELECT FROM pg_extension WHERE extname = 'tdigest') THEN
		EXECUTE format('SELECT tdigest_percentile(x, 100, 0.5) FROM %I', source) INTO made.p50_of_tdigest;
	END IF;
	INSERT INTO plan SELECT made.*;
	PERFORM set_config('max_parallel_workers_per_gather', '0', false);
END
$$;
CALL plan('serial', 0, 'sample');
CALL plan('two workers and the leader', 2, 'sample');
CALL plan('shuffled', 0, 'grouped');
CREATE VIEW facts AS
	SELECT name, workers, ARRAY[num_values(d), total(d), min_value(d), max_value(d)] AS exact, d::text AS bytes,
		   groups_10, groups_1000, p50_of_tdigest FROM plan;
SELECT f.name, f.workers AS launched, shown(worst_error(f.exact, serial.exact)) AS "count, total, min, max",
	   f.bytes = serial.bytes AS same_bytes, f.groups_10 = serial.groups_10 AS "same, groups of 10",
	   f.groups_1000 = serial.groups_1000 AS "same, groups of 1,000",
	   shown(100 * abs(f.p50_of_tdigest / serial.p50_of_tdigest - 1)) AS "tdigest's p50, % off"
FROM facts f, facts serial WHERE serial.name = 'serial';
INSERT INTO result (what, measured, unit, sign, target)
	SELECT 'count, total, min, max by any plan', max(worst_error(f.exact, serial.exact)), '', '≤', 1e-12
	FROM facts f, facts serial WHERE serial.name = 'serial'
	UNION ALL SELECT '  plans with other bytes than serial', sum((f.bytes <> serial.bytes OR f.groups_10 <> serial.groups_10
			OR f.groups_1000 <> serial.groups_1000)::int), ' of 2', '≤', 0
	FROM facts f, facts serial WHERE serial.name = 'serial'
	UNION ALL SELECT '  workers of the parallel plan', max(workers), '', '≥', 2 FROM plan;
