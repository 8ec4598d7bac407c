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

CREATE TABLE timed (name text, statement text, round int, ms numeric, scans bigint);
CREATE PROCEDURE measure(name text, statement text, rounds int DEFAULT :rounds) LANGUAGE plpgsql AS $$
DECLARE
	started		timestamptz;
	before		bigint;
BEGIN
	FOR i IN 1 .. measure.rounds LOOP
		PERFORM pg_stat_force_next_flush();
		COMMIT;
		SELECT seq_scan + idx_scan INTO before FROM pg_stat_all_tables WHERE relid = 'call'::regclass;
		started := clock_timestamp();
		EXECUTE 'SELECT count(*) FROM (' || statement || ') q';
		INSERT INTO timed SELECT name, statement, i, 1000 * extract(epoch FROM clock_timestamp() - started), NULL;
		PERFORM pg_stat_force_next_flush();
		COMMIT;
		UPDATE timed t SET scans = s.seq_scan + s.idx_scan - before FROM pg_stat_all_tables s
		WHERE s.relid = 'call'::regclass AND t.name = measure.name AND t.round = i;
	END LOOP;
END
$$;
-- all weeks, as most analyses read thirteen
SELECT tstzrange('2026-06-22', '2026-06-29') AS week, tstzrange(min(started_at), max(started_at)) AS whole FROM call \gset
CALL measure('GROUP BY workflow', 'SELECT workflow, sum(cost) FROM call_usage GROUP BY 1');
CALL measure('GROUP BY workflow, one week', 'SELECT workflow, sum(cost) FROM call_usage WHERE started_at >= ''2026-06-22'' GROUP BY 1');
CALL measure('cells by workflow and day', format('SELECT * FROM llm_cost.cells(''{workflow}'', %L)', :'whole'));
CALL measure('overview', format('SELECT * FROM llm_cost.overview(period => %L)', :'week'));
CALL measure('drift unit_cost by attempt', format('SELECT * FROM llm_cost.drift(by => ''{workflow}'', unit => ''attempt'', period => %L)', :'week'));
CALL measure('drift unit_cost by operation', format('SELECT * FROM llm_cost.drift(by => ''{workflow}'', period => %L)', :'week'));
CALL measure('drift hit_ratio', format('SELECT * FROM llm_cost.drift(''hit_ratio'', ''{workflow}'', period => %L)', :'week'));
CALL measure('drift context_p99', format('SELECT * FROM llm_cost.drift(''context_p99'', ''{workflow}'', period => %L)', :'week'));
CALL measure('drift_windows hit_ratio', format('SELECT * FROM llm_cost.drift_windows(''hit_ratio'', ''{workflow}'', period => %L)', :'week'));
CALL measure('calls', format('SELECT * FROM llm_cost.calls(period => %L)', :'week'));
CALL measure('retries', format('SELECT * FROM llm_cost.retries(period => %L)', :'week'));
CALL measure('runaway, one week', format('SELECT * FROM llm_cost.runaway(%L)', :'week'));
CALL measure('runaway, one day', 'SELECT * FROM llm_cost.runaway(''[2026-06-28,2026-06-29)'')');
CALL measure('operations, one week', format('SELECT * FROM llm_cost.operations(%L)', :'week'));
CALL measure('regressions by workflow', format('SELECT * FROM llm_cost.regressions(%L)', :'week'));
CALL measure('regressions by user', format('SELECT * FROM llm_cost.regressions(%L, ''{user_id}'', ''{unit_cost}'')', :'week'));
SELECT t.name, round(min(t.ms) / 1000, 2) AS seconds_best, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) / 1000)::numeric, 2) AS median,
	   round((percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) / max(b.ms))::numeric, 2) AS ratio, max(t.scans) AS scans
FROM timed t, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms FROM timed WHERE name = 'GROUP BY workflow') b
GROUP BY t.name ORDER BY min(t.ctid);
