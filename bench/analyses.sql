/*
 * Each analysis over :rows attempts, beside a plain GROUP BY of cost over the
 * same view.  The rows are the generated company of demo/generate.sql, many
 * times over under other names.
 */
SET timezone = 'UTC';
SET work_mem = '64MB';
CREATE EXTENSION llm_cost CASCADE;
\set faults '{added_step,cache_bust}'
\o /dev/null
\i ../demo/generate.sql
\o
RESET search_path;
SET timezone = 'UTC';
\pset footer off

CREATE TABLE call (LIKE shop.llm_call INCLUDING DEFAULTS);
SELECT format('INSERT INTO call SELECT %s FROM shop.llm_call, generate_series(1, ceil(%s / (SELECT count(*) FROM shop.llm_call)::numeric)::int) AS k LIMIT %s',
	string_agg(CASE WHEN attname IN ('operation_id', 'attempt_id', 'parent_id', 'conversation_id', 'user_id') THEN format('%I || ''.'' || k', attname) ELSE format('%I', attname) END, ', ' ORDER BY attnum), :rows, :rows) AS fill
FROM pg_attribute WHERE attrelid = 'shop.llm_call'::regclass AND attnum > 0 AND NOT attisdropped \gset
:fill;
CREATE INDEX ON call (started_at);
VACUUM (ANALYZE) call;
SELECT llm_cost.attach('call') \g /dev/null
DROP SCHEMA shop CASCADE;
SELECT count(*) AS rows, min(started_at)::date AS first, max(started_at)::date AS last, pg_size_pretty(pg_table_size('call')) AS size FROM call;

CREATE TABLE timed (place serial, name text, round int, ms numeric);
CREATE PROCEDURE measure(name text, statement text, rounds int DEFAULT :rounds) LANGUAGE plpgsql AS $$
DECLARE
	started		timestamptz;
BEGIN
	FOR i IN 1 .. measure.rounds LOOP
		started := clock_timestamp();
		EXECUTE 'SELECT count(*) FROM (' || statement || ') q';
		INSERT INTO timed (name, round, ms) VALUES (name, i, 1000 * extract(epoch FROM clock_timestamp() - started));
	END LOOP;
	PERFORM pg_stat_force_next_flush();	-- when the command is over
END
$$;
CREATE TABLE counted (place int, tuples_read bigint);
\set scanned 'INSERT INTO counted SELECT COALESCE(max(t.place), 0), (SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_all_tables WHERE relid = ''call''::regclass) FROM timed t;'
-- all weeks, as most analyses read thirteen
SELECT tstzrange('2026-06-22', '2026-06-29') AS week, tstzrange(min(started_at), max(started_at)) AS whole FROM call \gset
SELECT pg_stat_force_next_flush() \g /dev/null
:scanned
CALL measure('GROUP BY workflow', 'SELECT workflow, sum(cost) FROM call_usage GROUP BY 1');
:scanned
CALL measure('GROUP BY workflow, one week', 'SELECT workflow, sum(cost) FROM call_usage WHERE started_at >= ''2026-06-22'' GROUP BY 1');
:scanned
CALL measure('cells by workflow and day', format('SELECT * FROM llm_cost.cells(''{workflow}'', %L)', :'whole'));
:scanned
CALL measure('overview', format('SELECT * FROM llm_cost.overview(period => %L)', :'week'));
:scanned
CALL measure('drift unit_cost by attempt', format('SELECT * FROM llm_cost.drift(by => ''{workflow}'', unit => ''attempt'', period => %L)', :'week'));
:scanned
CALL measure('drift unit_cost by operation', format('SELECT * FROM llm_cost.drift(by => ''{workflow}'', period => %L)', :'week'));
:scanned
CALL measure('drift hit_ratio', format('SELECT * FROM llm_cost.drift(''hit_ratio'', ''{workflow}'', period => %L)', :'week'));
:scanned
CALL measure('drift context_p99', format('SELECT * FROM llm_cost.drift(''context_p99'', ''{workflow}'', period => %L)', :'week'));
:scanned
CALL measure('drift_windows hit_ratio', format('SELECT * FROM llm_cost.drift_windows(''hit_ratio'', ''{workflow}'', period => %L)', :'week'));
:scanned
CALL measure('calls', format('SELECT * FROM llm_cost.calls(period => %L)', :'week'));
:scanned
CALL measure('retries', format('SELECT * FROM llm_cost.retries(period => %L)', :'week'));
:scanned
CALL measure('runaway, one week', format('SELECT * FROM llm_cost.runaway(%L)', :'week'));
:scanned
CALL measure('runaway, one day', 'SELECT * FROM llm_cost.runaway(''[2026-06-28,2026-06-29)'')');
:scanned
CALL measure('operations, one week', format('SELECT * FROM llm_cost.operations(%L)', :'week'));
:scanned
CALL measure('regressions by workflow', format('SELECT * FROM llm_cost.regressions(%L)', :'week'));
:scanned
CALL measure('regressions by user', format('SELECT * FROM llm_cost.regressions(%L, ''{user_id}'', ''{unit_cost}'')', :'week'));
:scanned
-- passes: how often the whole table is read
SELECT t.name, round(t.best / 1000, 2) AS seconds_best, round(t.median / 1000, 2) AS median,
	   round(t.median / first_value(t.median) OVER (ORDER BY t.place), 2) AS ratio, 
	   round((c.tuples_read - lag(c.tuples_read) OVER (ORDER BY c.place)) / t.rounds::numeric / (SELECT count(*) FROM call), 2) AS passes
FROM counted c
	 LEFT JOIN (SELECT max(t.place) AS place, t.name, min(t.ms) AS best, (percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms))::numeric AS median, count(*) AS rounds
				FROM timed t GROUP BY t.name) AS t USING (place)
ORDER BY c.place OFFSET 1;
