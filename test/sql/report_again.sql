--
-- Reports written again: later rows are no news, a failure takes nothing away,
-- and nobody reads or writes one who should not.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
DELETE FROM llm_cost.attached_usage;
DELETE FROM llm_cost.report_run;
ALTER TABLE llm_cost.report_run ALTER COLUMN run_id RESTART;
CREATE SCHEMA regress_again;
SET search_path = regress_again;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
-- Twenty users who work on weekdays; from 8 June on prompts are three times as long.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, workflow text, kind text, release text);
INSERT INTO call
SELECT d + make_interval(hours => 9, mins => u), 'gpt-4o', CASE WHEN d >= '2026-06-08' THEN 3 ELSE 1 END * (1000 + 10 * u), 100, format('%s-%s', d::date, u), 'u' || u, 'chat', 'chat', '1'
FROM generate_series('2026-04-06'::timestamptz, '2026-06-12', INTERVAL '1 day') d, generate_series(1, 20) u WHERE EXTRACT(isodow FROM d) < 6;
SELECT llm_cost.attach('call') \gset

-- What comes on Monday does not change the report of the week that ended on Friday.
CALL llm_cost.write_report('[2026-06-08, 2026-06-15)');
INSERT INTO call SELECT started_at + INTERVAL '7 days', model, input_tokens, output_tokens, operation_id || '+', user_id, workflow, kind, release FROM call WHERE started_at >= '2026-06-08';
CALL llm_cost.write_report('[2026-06-08, 2026-06-15)');
SELECT revision, document #>> '{report,data_through}' AS data_through, (SELECT max(started_at) FROM call WHERE started_at < '2026-06-15') AS last_row FROM llm_cost.report_run WHERE usage_schema = 'regress_again';

-- A usage that cannot be read takes no answer away: the report of before is kept.
\set break_it 'ALTER VIEW call_usage RENAME COLUMN started_at TO moved;'
\set mend_it 'ALTER VIEW call_usage RENAME COLUMN moved TO started_at;'
:break_it
CALL llm_cost.write_report('[2026-06-08, 2026-06-15)');
:mend_it
SELECT count(*) AS reports, max(revision) AS revision FROM llm_cost.report_run WHERE usage_schema = 'regress_again';
SELECT kind, weeks_open FROM llm_cost.alerts WHERE usage LIKE 'regress_again.%';
-- Nor does a week without a report: an acknowledgement holds beyond it, and nothing went away.
SELECT llm_cost.acknowledge_finding(fingerprint) FROM llm_cost.alerts WHERE usage LIKE 'regress_again.%';
CREATE VIEW shown AS SELECT period_start::date AS week, kind, status, weeks_open, went_away, is_current FROM llm_cost.findings WHERE usage LIKE 'regress_again.%' ORDER BY 1, 2;
:break_it
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
:mend_it
SELECT * FROM shown;
INSERT INTO call SELECT started_at + INTERVAL '7 days', model, input_tokens, output_tokens, operation_id || '+', user_id, workflow, kind, release FROM call WHERE started_at >= '2026-06-15';
CALL llm_cost.write_report('[2026-06-22, 2026-06-29)');
SELECT * FROM shown;
-- Two that fail are one finding for two weeks; the week after it is gone, and so is the other.
:break_it
CALL llm_cost.write_report('[2026-06-29, 2026-07-06)');
CALL llm_cost.write_report('[2026-07-06, 2026-07-13)');
:mend_it
CALL llm_cost.write_report('[2026-07-13, 2026-07-20)');
SELECT * FROM shown;
-- Columns that are not there are a failure of that question only.
CALL llm_cost.write_report('[2026-07-13, 2026-07-20)', by => '{workflo}');
SELECT kind, is_current FROM shown WHERE week >= '2026-07-13';
DELETE FROM llm_cost.report_run WHERE lower(period) >= '2026-06-15';

-- From a rollup, under the name of its usage.
SET client_min_messages = warning;
SELECT llm_cost.create_rollup('daily', '{workflow,model,release}', 'call_usage') \gset
SELECT count(*) AS buckets FROM llm_cost.refresh_rollup('daily') \gset
RESET client_min_messages;
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{NULL, daily}');
SELECT usage_name, document #>> '{spend,now}' = (SELECT sum(cost)::text FROM call_usage WHERE started_at >= '2026-06-15' AND started_at < '2026-06-22') AS spend
FROM llm_cost.report_run WHERE period = '[2026-06-15, 2026-06-22)';
-- From the usage, by other columns, by another clock: reports of their own, each told once.
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{daily, call_usage}');
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{call_usage}', by => '{model}');
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{call_usage}', time_zone => 'Africa/Abidjan');
SELECT revision, time_zone, asked_by, by_columns, rollup, difference FROM llm_cost.report_run WHERE period = '[2026-06-15, 2026-06-22)' ORDER BY run_id;
SELECT a.kind, a.scope, r.time_zone FROM llm_cost.alerts a JOIN llm_cost.report_run r USING (run_id) WHERE a.usage LIKE 'regress_again.%' ORDER BY a.run_id;
-- What is not over is looked at, and not kept.
\set VERBOSITY terse
CALL llm_cost.write_report(tstzrange(date_trunc('day', now()) - INTERVAL '5 days', date_trunc('day', now()) + INTERVAL '2 days'), '{call_usage}');
\set VERBOSITY default
SELECT llm_cost.declare_change('{}', 10, '[2026-06-15, 2026-06-22)', 'longer prompts', usage => 'call_usage') \gset
SELECT jsonb_path_query_array(llm_cost.report_document('[2026-06-15, 2026-06-22)', 'daily'), '$.declared[*].reason') AS declared;

-- Who may read the view and not the table reads no row, and no sum of them either.
CREATE ROLE regress_again_reader;
GRANT USAGE ON SCHEMA regress_again TO regress_again_reader;
GRANT SELECT ON call_usage TO regress_again_reader;
SET ROLE regress_again_reader;
SELECT count(*) FROM call_usage;
SELECT count(*) AS reports FROM llm_cost.report_run WHERE usage_schema = 'regress_again';
RESET ROLE;
GRANT SELECT ON call TO regress_again_reader;
SET ROLE regress_again_reader;
SELECT count(*) AS reports FROM llm_cost.report_run WHERE usage_schema = 'regress_again';
-- Nobody skips revisions, writes of what is to come or under a number of his own; what he writes, the owner removes.
INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document) VALUES ('regress_again', 'call_usage', '[2026-06-08, 2026-06-15)', 2147483647, '{"findings": []}');
INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document) VALUES ('regress_again', 'call_usage', '[2099-01-05, 2099-01-12)', 1, '{"findings": []}');
INSERT INTO llm_cost.report_run (run_id, usage_schema, usage_name, period, revision, document) OVERRIDING SYSTEM VALUE VALUES (99, 'regress_again', 'call_usage', '[2026-01-05, 2026-01-12)', 1, '{"findings": []}');
INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document) VALUES ('regress_again', 'call_usage', '[2026-01-05, 2026-01-12)', 1, '{"findings": []}');
DELETE FROM llm_cost.report_run WHERE usage_schema = 'regress_again' AND written_by <> CURRENT_USER;
-- What he declares is for himself.
SELECT llm_cost.declare_change('{}', 900, '[2026-06-15, 2026-06-22)', 'as planned', usage => 'call_usage') \gset
RESET ROLE;
SELECT jsonb_path_query_array(llm_cost.report_document('[2026-06-15, 2026-06-22)', 'call_usage'), '$.declared[*].reason') AS declared;
CREATE ROLE regress_again_owner;
GRANT ALL ON SCHEMA regress_again TO regress_again_owner;
GRANT SELECT ON call TO regress_again_owner;
ALTER VIEW call_usage OWNER TO regress_again_owner;
SET ROLE regress_again_owner;
WITH gone AS (DELETE FROM llm_cost.report_run WHERE lower(period) = '2026-01-05' RETURNING written_by) SELECT * FROM gone;
RESET ROLE;

-- A report reads a copy of the usage, and leaves none behind, not even within its transaction; where it may
-- not make one, or a row of the copy fails, it reads the usage, and is the same.
BEGIN;
DELETE FROM llm_cost.report_run WHERE usage_schema = 'regress_again';
CALL llm_cost.write_report('[2026-06-08, 2026-06-15)');
SELECT count(*) FILTER (WHERE relname LIKE 'llm_cost_held%') AS held FROM pg_class;
SELECT document AS of_a_copy FROM llm_cost.report_run WHERE usage_schema = 'regress_again' \gset
ROLLBACK;
CREATE FUNCTION no_temp() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name = 'pg_temp') THEN RAISE 'no temporary tables here' USING ERRCODE = 'insufficient_privilege'; END IF; END $$;
CREATE EVENT TRIGGER regress_no_temp ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION no_temp();
CREATE TEMPORARY TABLE nothing AS SELECT 1;
BEGIN;
DELETE FROM llm_cost.report_run WHERE usage_schema = 'regress_again';
CALL llm_cost.write_report('[2026-06-08, 2026-06-15)');
SELECT document = :'of_a_copy'::jsonb AS same FROM llm_cost.report_run WHERE usage_schema = 'regress_again';
ROLLBACK;
DROP EVENT TRIGGER regress_no_temp;
-- What it holds it holds for a time, and answers for no other.
BEGIN;
SELECT llm_cost.hold_usages('{call_usage}', '[2026-06-01, 2026-06-08)');
SELECT (SELECT from_item FROM llm_cost.usage_source('call_usage')) = llm_cost.held_usage('call_usage')::text AS read_from_it, sum(attempts) AS attempts
FROM llm_cost.cells('{}', '[2026-06-01, 2026-06-08)', usage => 'call_usage');
SAVEPOINT before;
SELECT count(*) FROM llm_cost.cells('{}', '[2025-06-02, 2025-06-09)', usage => 'call_usage');
ROLLBACK TO before;
SELECT llm_cost.release_usages(), llm_cost.held_usage('call_usage') IS NULL AS gone;
COMMIT;

-- A version that makes nothing but tool calls on a day divides nothing by zero.
UPDATE call SET release = '2' WHERE started_at >= '2026-06-08';
INSERT INTO call (started_at, operation_id, user_id, workflow, kind, release) VALUES ('2026-06-13 08:00+00', 'tool', 'u1', 'chat', 'tool', '2');
SELECT value > value_before AS dearer, verdict, near_release FROM llm_cost.drift(period => '[2026-06-08, 2026-06-15)', usage => 'call');

SET client_min_messages = warning;
DELETE FROM llm_cost.report_run WHERE usage_schema = 'regress_again';
DELETE FROM llm_cost.declared_change WHERE schema_name = 'regress_again';
DELETE FROM llm_cost.attached_usage;
SELECT llm_cost.drop_rollup('daily') \gset
DROP SCHEMA regress_again CASCADE;
DROP ROLE regress_again_reader, regress_again_owner;
