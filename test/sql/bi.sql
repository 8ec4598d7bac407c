--
-- Views for BI tools: plain types, the numbers of the calls, NULL where there is
-- none, and the rights of the tables.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_bi;
RESET client_min_messages;
SET search_path = regress_bi, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
DELETE FROM llm_cost.attached_usage;
DELETE FROM llm_cost.report_run;

-- A usage that knows its cost, with columns that are called like those of the view, two that differ by case, and one
-- that needs quotes.  Three days of two teams, operations of one to three attempts; days in Kolkata begin at 18:30 UTC.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, cache_read_tokens bigint, output_tokens bigint, operation_id text, attempt int,
	error_type text, outcome text, recorded_cost numeric, user_id text, turn int, team text, hit_ratio text, "Cost" text, "dimension_hit_ratio" text, "it's ""odd"" 🦊" text, cost numeric, cost_problem text);
INSERT INTO call
SELECT '2026-05-01 17:00+00'::timestamptz + make_interval(hours => i), 'regress-' || i % 2, 1000 + 10 * i, CASE WHEN i % 5 > 0 THEN 100 * (i % 5) END, 100 + i,
	   format('o%s', i / 3), 1 + (i % 3 = 2)::int, CASE WHEN i % 3 = 1 THEN 'timeout' END, CASE WHEN i % 7 < 5 THEN 'resolved' ELSE 'escalated' END,
	   0.5, 'u' || i / 3 % 4, 1 + i % 3, 't' || i / 3 % 2, 'h' || i % 2, 'c', 'd', 'o' || i % 2, 0.0123456789 * (i + 1), NULL
FROM generate_series(0, 47) AS i;
-- A team without operations, users or prices; one whose rows went wrong
INSERT INTO call (started_at, model, input_tokens, output_tokens, team, cost_problem) SELECT '2026-05-02 12:00+00', 'regress-0', 10, 0, 'none', 'unknown_model' FROM generate_series(1, 3);
INSERT INTO call (started_at, model, input_tokens, output_tokens, team, cost, recorded_cost) VALUES
	('2026-05-02 13:00+00', 'regress-0', 9223372036854775807, 1, 'wrong', 99999999999.9999999999, 'NaN'), ('2026-05-02 14:00+00', 'regress-0', 9223372036854775807, 1, 'wrong', 1, 'Infinity');

SELECT llm_cost.create_rollup('daily', '{team,model,hit_ratio,Cost,dimension_hit_ratio,"it''s \"odd\" 🦊"}', 'call', time_zone => 'Asia/Kolkata');
SELECT count(*) FROM daily_bi;
SET client_min_messages = warning;
SELECT count(*) FROM llm_cost.refresh_rollup('daily');
RESET client_min_messages;

-- What a driver is told: no type of our own, every numeric with its size, a comment on every column.
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a WHERE a.attrelid = 'daily_bi'::regclass ORDER BY a.attnum;
SELECT c.oid::regclass AS view, c.reloptions, count(*) FILTER (WHERE a.atttypid NOT IN ('text'::regtype, 'date'::regtype, 'timestamptz'::regtype, 'bigint'::regtype, 'integer'::regtype, 'smallint'::regtype, 'boolean'::regtype, 'double precision'::regtype)
			AND format_type(a.atttypid, a.atttypmod) <> 'numeric(20,9)') AS other_types,
	   count(*) FILTER (WHERE col_description(a.attrelid, a.attnum) IS NULL) AS without_comment, obj_description(c.oid) IS NOT NULL AS has_comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.oid IN ('daily_bi'::regclass, 'daily_user_bi'::regclass, 'llm_cost.bi_findings'::regclass, 'llm_cost.bi_releases'::regclass) GROUP BY c.oid, c.reloptions ORDER BY c.oid::regclass::text COLLATE "C";
SELECT string_agg(attname, ', ' ORDER BY attnum) AS only_of_users FROM pg_attribute WHERE attrelid = 'daily_user_bi'::regclass AND attname NOT IN (SELECT attname FROM pg_attribute WHERE attrelid = 'daily_bi'::regclass);
SELECT string_agg(attname, ', ' ORDER BY attnum) AS not_of_users FROM pg_attribute WHERE attrelid = 'daily_bi'::regclass AND attname NOT IN (SELECT attname FROM pg_attribute WHERE attrelid = 'daily_user_bi'::regclass);

-- The same from the calls.  Operations count where they begin, whole.
CREATE VIEW from_calls AS
SELECT timezone('Asia/Kolkata', started_at)::date AS bucket_date, team, model, count(*) AS attempts, sum(cost)::numeric(20,9) AS cost, sum(recorded_cost)::numeric(20,9) AS recorded_cost,
	   (sum(cost) / count(*))::numeric(20,9) AS cost_per_attempt, sum(input_tokens)::bigint AS input_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
	   (sum(cache_read_tokens) / sum(input_tokens) FILTER (WHERE cache_read_tokens IS NOT NULL))::float8 AS hit_ratio, (sum(output_tokens) / sum(input_tokens))::float8 AS output_ratio,
	   count(*) FILTER (WHERE attempt_number = 1) AS operations,
	   (sum(whole_cost) FILTER (WHERE attempt_number = 1) / NULLIF(count(*) FILTER (WHERE attempt_number = 1), 0))::numeric(20,9) AS cost_per_operation, (avg(whole_attempts) FILTER (WHERE attempt_number = 1))::float8 AS calls_per_operation,
	   (COALESCE(sum(cost) FILTER (WHERE attempt = 2), 0) / sum(cost))::float8 AS retry_share,
	   percentile_cont(0.5) WITHIN GROUP (ORDER BY cost)::numeric(20,9) AS cost_p50, percentile_cont(0.9) WITHIN GROUP (ORDER BY cost)::numeric(20,9) AS cost_p90, percentile_cont(0.99) WITHIN GROUP (ORDER BY cost)::numeric(20,9) AS cost_p99,
	   percentile_cont(0.5) WITHIN GROUP (ORDER BY input_tokens) AS context_p50, percentile_cont(0.9) WITHIN GROUP (ORDER BY input_tokens) AS context_p90, percentile_cont(0.99) WITHIN GROUP (ORDER BY input_tokens) AS context_p99
FROM (SELECT *, row_number() OVER (PARTITION BY operation_id ORDER BY started_at) AS attempt_number, sum(cost) OVER (PARTITION BY operation_id) AS whole_cost, count(*) OVER (PARTITION BY operation_id) AS whole_attempts
	  FROM call WHERE operation_id IS NOT NULL) AS call
GROUP BY 1, 2, 3;
CREATE VIEW from_view AS
SELECT bucket_date, team, model, attempts, cost, recorded_cost, cost_per_attempt, input_tokens, cache_read_tokens, hit_ratio, output_ratio, operations, cost_per_operation, calls_per_operation, retry_share,
	   cost_p50, cost_p90, cost_p99, context_p50, context_p90, context_p99 FROM daily_bi WHERE team IN ('t0', 't1');
SELECT (SELECT count(*) FROM from_view) AS rows, (SELECT count(*) FROM (TABLE from_view EXCEPT ALL TABLE from_calls) AS q) AS wrong, (SELECT count(*) FROM (TABLE from_calls EXCEPT ALL TABLE from_view) AS q) AS missing;
SELECT bucket_date, bucket_start, attempts, operations, cost, cost_per_operation, cost_per_outcome, calls_per_operation, hit_ratio, retry_share, cost_p50, cost_p99, context_p99 FROM daily_bi WHERE team = 't0' ORDER BY bucket_start, model;
-- The first operation began before midnight of Kolkata, with two attempts of 0.0123456789 times 1 and 2; the third, times 3, came after.
SELECT sum(operations) AS operations, sum(operation_cost) AS operation_cost, sum(attempts) AS attempts FROM daily_user_bi WHERE user_id = 'u0' AND bucket_date = '2026-05-01';
SELECT user_id, turn, attempts, cost, retry_share FROM daily_user_bi WHERE bucket_date = '2026-05-01' ORDER BY user_id, turn, cost;
-- Each row is rounded to nine decimals.
SELECT (SELECT sum(cost) FROM daily_user_bi WHERE team <> 'wrong') - (SELECT sum(cost) FROM daily_bi WHERE team <> 'wrong') AS difference;

-- NULL, never NaN, and what does not fit is no error.
SELECT team, attempts, unpriced_attempts, cost, recorded_cost, input_tokens, output_tokens, cost_per_attempt, cost_per_operation, cost_per_outcome, calls_per_operation, hit_ratio, retry_share, unpriced_share, cost_p50, cost_p99
FROM daily_bi WHERE team IN ('none', 'wrong') ORDER BY team;
SELECT count(*) AS nan FROM daily_bi WHERE 'NaN' IN (cost, recorded_cost, cost_per_attempt, cost_per_operation, cost_p50, cost_p90, cost_p99) OR 'NaN' IN (hit_ratio, output_ratio, retry_share, calls_per_operation, context_p50, context_p90, context_p99);

-- Nothing is read for columns that are not asked for.
EXPLAIN (COSTS OFF) SELECT team, sum(cost) FROM daily_bi GROUP BY team;

-- Rights: those of the tables.  No grant on the view is needed, and row security of the tables holds.
CREATE ROLE regress_bi_reader;
GRANT USAGE ON SCHEMA regress_bi TO regress_bi_reader;
SET ROLE regress_bi_reader;
SELECT count(*) FROM daily_bi;
RESET ROLE;
GRANT SELECT ON daily, daily_cell TO regress_bi_reader;
SET ROLE regress_bi_reader;
SELECT count(*) > 4 AS reads FROM daily_bi;
SELECT count(*) FROM daily_user_bi;
SELECT * FROM llm_cost.create_bi_views('daily');
RESET ROLE;
ALTER TABLE daily_cell ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_team ON daily_cell USING (team = 't1');
SET ROLE regress_bi_reader;
SELECT DISTINCT team FROM daily_bi;
RESET ROLE;

-- A view that was dropped is made again, one that is there is made anew and keeps its grants and what reads it.
DROP VIEW from_view, daily_bi;
REVOKE SELECT ON daily_user_bi FROM PUBLIC;
CREATE VIEW dashboard AS SELECT bucket_date, sum(cost) AS cost FROM daily_user_bi GROUP BY 1;
COMMENT ON COLUMN daily_user_bi.cost IS 'x';
SELECT * FROM llm_cost.create_bi_views('daily');
SELECT relname, has_table_privilege('regress_bi_reader', c.oid, 'SELECT') AS of_public, col_description(oid, (SELECT attnum FROM pg_attribute WHERE attrelid = c.oid AND attname = 'cost')) AS says FROM pg_class c WHERE relname ~ '^daily.*_bi$' ORDER BY 1;
SELECT count(*) FROM dashboard;
-- A superuser makes it for the owner.
CREATE ROLE regress_bi_owner;
GRANT ALL ON SCHEMA regress_bi TO regress_bi_owner;
GRANT SELECT ON call TO regress_bi_owner;
SET ROLE regress_bi_owner;
SELECT llm_cost.create_rollup('own', '{team}', 'call', bucket => 'week', time_zone => 'UTC', with_users => false);
RESET ROLE;
DROP VIEW own_bi;
SELECT * FROM llm_cost.create_bi_views('own');
SELECT pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid) AS says FROM pg_class c WHERE c.oid = 'own_bi'::regclass;

-- Dropped with the rollup, unless something reads them; what others made of it, renamed or moved is theirs, and keeps it.
SELECT llm_cost.drop_rollup('daily');
DROP VIEW dashboard;
ALTER VIEW daily_bi RENAME TO spend;
SELECT llm_cost.drop_rollup('daily');
SELECT count(*) > 4 AS reads FROM spend;
CREATE VIEW daily_bi AS SELECT 1 AS mine;
SELECT * FROM llm_cost.create_bi_views('daily');
DROP VIEW spend;
SELECT llm_cost.drop_rollup('daily');
SELECT * FROM daily_bi;
SELECT llm_cost.create_rollup('daily', '{team}', 'call');
DROP VIEW daily_bi;
SET ROLE regress_bi_owner;
SELECT llm_cost.drop_rollup('own');
RESET ROLE;
SELECT count(*) AS left_over FROM pg_class WHERE relnamespace = 'regress_bi'::regnamespace AND relname ~ '^(own|daily)';

-- Findings and releases of reports: two weeks of Kolkata, the second revised.
INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document)
SELECT 'regress_bi', 'call', tstzrange(timezone('Asia/Kolkata', w::timestamp), timezone('Asia/Kolkata', w::timestamp + INTERVAL '7 days')), r,
	   jsonb_build_object('report', '{"time_zone": "Asia/Kolkata"}'::jsonb, 'releases', jsonb_build_array(
			jsonb_build_object('release', '2.0', 'scope', 'workflow=support', 'kind', 'seen', 'at', w::text || 'T20:00:00+00:00'), jsonb_build_object('release', w, 'scope', 'all', 'kind', 'inferred', 'at', '2026-05-06T12:00:00+00:00')))
FROM (VALUES ('2026-05-04', 1), ('2026-05-11', 1), ('2026-05-11', 2)) AS v (w, r);
INSERT INTO llm_cost.report_finding
SELECT r.run_id, n, 'f' || n, jsonb_build_object('kind', 'unit_cost', 'scope', '{"team": "t0"}'::jsonb, 'sentence', 'It''s dearer.', 'weekly_usd', v.usd, 'low', v.low, 'high', NULL, 'weeks_open', 1,
	'first_seen', '2026-05-04T00:00:00+00:00') FROM llm_cost.report_run r, (VALUES (1, '12.3456789012'::text, '1'), (2, 'NaN', NULL), (3, '1e15', NULL), (4, '-3', NULL)) AS v (n, usd, low);
SELECT llm_cost.acknowledge_finding('f1', 'known');
SELECT llm_cost.declare_release('2.0', '2026-05-04', '{"workflow": "support"}', note => 'the big one', usage => 'call'), llm_cost.declare_release('3.0', '2026-05-20 19:00+00', usage => 'call');
SELECT first_date, last_date, is_current, revision, place, kind, scope, weekly_usd, low_usd, high_usd, status, is_alert, weeks_open, note FROM llm_cost.bi_findings ORDER BY first_date, place;
SELECT (SELECT count(*) FROM llm_cost.bi_findings WHERE is_alert) = (SELECT count(*) FROM llm_cost.alerts) AS as_alerts, (SELECT count(*) FROM llm_cost.findings) = (SELECT count(*) FROM llm_cost.bi_findings) AS as_findings;
SELECT usage, release, scope, kind, released_date, released_at, note, run_id = (SELECT max(run_id) FROM llm_cost.report_run) AS of_last_run FROM llm_cost.bi_releases ORDER BY release, scope;
-- Who does not see the reports sees neither.
SET ROLE regress_bi_reader;
SELECT (SELECT count(*) FROM llm_cost.bi_findings) AS findings, (SELECT count(*) FROM llm_cost.bi_releases) AS releases;
RESET ROLE;
GRANT SELECT ON call TO regress_bi_reader;
SET ROLE regress_bi_reader;
SELECT (SELECT count(*) FROM llm_cost.bi_findings) AS findings, (SELECT count(*) FROM llm_cost.bi_releases) AS releases;
RESET ROLE;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
SET ROLE regress_bi_reader;
SELECT (SELECT count(*) FROM llm_cost.bi_findings) AS findings, (SELECT count(*) FROM llm_cost.bi_releases) AS releases;
RESET ROLE;

SET client_min_messages = warning;
DELETE FROM llm_cost.report_run;
DELETE FROM llm_cost.finding_state;
DELETE FROM llm_cost.declared_release WHERE schema_name = 'regress_bi';
DROP SCHEMA regress_bi CASCADE;
DROP ROLE regress_bi_reader, regress_bi_owner;
