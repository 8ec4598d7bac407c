--
-- Reports: what a document holds, that writing it again is no news, what people
-- say of findings, and who sees what.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
DELETE FROM llm_cost.attached_usage;
DELETE FROM llm_cost.report_run;
TRUNCATE llm_cost.finding_state;
ALTER TABLE llm_cost.report_run ALTER COLUMN run_id RESTART;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
SET datestyle = 'ISO';
CREATE SCHEMA regress_report;
SET search_path = regress_report;
-- 40 users, two workflows, an operation a day each for ten weeks; one with a name
-- that nothing may stumble over makes two calls an operation for two weeks.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, workflow text, step text);
SELECT $$<b title="x">O'Neil & Söhne</b> %s \1 {0} 🤖 '; DROP$$ AS odd \gset
INSERT INTO call
SELECT '2026-04-27'::timestamptz + make_interval(days => d, hours => 9, mins => u, secs => c), 'gpt-4o',
	   1000 + 10 * u + 100 * ((7 * d + 3 * u) % 5), 100 + (5 * d + u) % 7, format('%s-%s-%s', w, d, u), 'u' || u, w, CASE c WHEN 0 THEN 'answer' ELSE 'check' END
FROM generate_series(0, 69) d, generate_series(1, 40) u, unnest(ARRAY['plain', :'odd']) w, generate_series(0, 1) c
WHERE c = 0 OR w = :'odd' AND d BETWEEN 49 AND 62;
SELECT llm_cost.attach('call') \gset
CREATE VIEW shown AS
	SELECT period_start::date AS week, place, kind, scope = 'workflow=' || :'odd' AS of_odd, round(weekly_usd, 2) AS usd, weeks_open, status, went_away, is_current
	FROM llm_cost.findings;
RESET client_min_messages;

-- The document of a week.
SELECT llm_cost.report_document('[2026-06-15, 2026-06-22)') AS document \gset
SELECT string_agg(key, ' ' ORDER BY key) AS sections FROM jsonb_object_keys(:'document'::jsonb) key;
SELECT jsonb_pretty(:'document'::jsonb -> 'report') AS report;
SELECT d #> '{trust,attempts}' = to_jsonb(count(*)) AS attempts, (d #>> '{spend,now}')::numeric = sum(cost) AS spend, d #> '{trust,priced_pct}' AS priced,
	   (d #>> '{spend,change}')::numeric = (SELECT sum((b ->> 'amount')::numeric) FROM jsonb_array_elements(d -> 'bridge') b) AS bridge_adds_up,
	   (d #>> '{spend,before}')::numeric = (SELECT round(sum(cost) / 4, 6) FROM call_usage WHERE started_at >= '2026-05-18' AND started_at < '2026-06-15') AS before
FROM call_usage, (SELECT :'document'::jsonb AS d) x WHERE started_at >= '2026-06-15' AND started_at < '2026-06-22' GROUP BY d;
-- One cause, one finding: twice the calls, the dollars of the added step, and the name as it is.
SELECT f ->> 'kind' AS kind, f -> 'scope' ->> 'workflow' = :'odd' AS untouched, position(:'odd' IN f ->> 'sentence') > 0 AS named, f ->> 'verdict' AS verdict,
	   (f ->> 'weekly_usd')::numeric = (SELECT round(sum(cost) FILTER (WHERE started_at >= '2026-06-15') - sum(cost) FILTER (WHERE started_at < '2026-06-15') / 4, 2) FROM call_usage
			WHERE workflow = :'odd' AND started_at >= '2026-05-18' AND started_at < '2026-06-22') AS dollars,
	   (f ->> 'low')::numeric <= (f ->> 'weekly_usd')::numeric AND (f ->> 'high')::numeric >= (f ->> 'weekly_usd')::numeric AS within,
	   jsonb_path_query_array(f, '$.evidence[*].kind') AS evidence, f ->> 'first_seen' AS first_seen
FROM jsonb_array_elements(:'document'::jsonb -> 'findings') f;
SELECT n AS notes FROM jsonb_array_elements_text(:'document'::jsonb -> 'notes') n;
-- The next question can be asked.
SELECT f ->> 'next_sql' AS next_sql FROM jsonb_array_elements(:'document'::jsonb -> 'findings') f \gset
SELECT count(*) AS episodes FROM (:next_sql) q;

-- From a rollup: what it keeps, with the same findings under the same fingerprints.
SET client_min_messages = warning;
SELECT llm_cost.create_rollup('daily', '{workflow,model}', 'call_usage', time_zone => 'UTC') \gset
SELECT count(*) AS buckets FROM llm_cost.refresh_rollup('daily') \gset
RESET client_min_messages;
SELECT d #>> '{report,usage}' AS usage, d -> 'spend' -> 'now' = w -> 'spend' -> 'now' AS spend, d -> 'spend' -> 'change' = w -> 'spend' -> 'change' AS change, d -> 'trust' -> 'attempts' = w -> 'trust' -> 'attempts' AS attempts,
	   (SELECT round(sum((b ->> 'amount')::numeric), 6) FROM jsonb_array_elements(d -> 'bridge') b) = round((d #>> '{spend,change}')::numeric, 6) AS adds_up, d -> 'daily' = w -> 'daily' AS daily,
	   jsonb_path_query_array(d, '$.findings[*].fingerprint') = jsonb_path_query_array(w, '$.findings[*].fingerprint') AS findings,
	   (SELECT count(*) FROM jsonb_array_elements_text(d -> 'notes') n WHERE n LIKE 'Left out: rollup%') AS left_out
FROM (SELECT llm_cost.report_document('[2026-06-15, 2026-06-22)', 'daily') AS d, :'document'::jsonb AS w) x;
-- Silence is told.
SELECT f ->> 'kind' AS kind, f ->> 'sentence' AS sentence, d #>> '{spend,now}' AS spend FROM llm_cost.report_document('[2026-07-13, 2026-07-20)') d, jsonb_array_elements(d -> 'findings') f;
SELECT d -> 'findings' AS findings, d #> '{trust,attempts}' AS attempts FROM llm_cost.report_document('[2027-07-12, 2027-07-19)') d;

-- The same bytes in another session, and whatever was logged since.
SET timezone = 'Asia/Kolkata';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = -5;
SET search_path = regress_report, llm_cost;
INSERT INTO call SELECT started_at + INTERVAL '70 days', model, input_tokens, output_tokens, operation_id || 'x', user_id, workflow, step FROM call WHERE started_at < '2026-04-29';
SELECT report_document('[2026-06-15 00:00+00, 2026-06-22 00:00+00)', 'call_usage', 'UTC')::text = :'document'::jsonb::text AS same;
DELETE FROM call WHERE operation_id LIKE '%x';
RESET extra_float_digits;
SET datestyle = 'ISO';
SET timezone = 'UTC';
SET search_path = regress_report;

-- Without what a usage does not report.
CREATE TABLE bare AS SELECT started_at, model, input_tokens, output_tokens FROM call;
SELECT llm_cost.attach('bare') \gset
SELECT d #>> '{report,usage}' AS usage, d -> 'findings' AS findings, jsonb_array_length(d -> 'daily') AS days, d #> '{trust,users_pct}' AS users, d -> 'lorenz' AS lorenz, d -> 'undecided' AS undecided
FROM llm_cost.report_document('[2026-06-15, 2026-06-22)', 'bare_usage') d;
SELECT llm_cost.detach('bare_usage') \gset

-- Written, and written again: one report.
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
SELECT run_id AS first_run FROM llm_cost.report_run \gset
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{call_usage}');
SELECT count(*) AS reports, max(revision) AS revision, bool_and(run_id = :first_run) AS first, bool_and(document = :'document'::jsonb) AS as_computed FROM llm_cost.report_run;
SELECT * FROM shown ORDER BY 1, 2;

-- What is said of a finding outlives revisions.
SELECT fingerprint AS odd_one FROM llm_cost.alerts \gset
SELECT llm_cost.acknowledge_finding(:'odd_one', 'we know');
SELECT count(*) AS alerts FROM llm_cost.alerts;
UPDATE call SET output_tokens = output_tokens + 1 WHERE operation_id LIKE 'plain-50-%';
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
SELECT revision, run_id > :first_run AS newer, difference #>> '{spend,after}' > difference #>> '{spend,before}' AS dearer,
	   difference #> '{findings,added}' AS added, difference #> '{findings,gone}' AS gone FROM llm_cost.report_run ORDER BY revision;
SELECT *, (SELECT who = CURRENT_USER AND note = 'we know' FROM llm_cost.findings) AS who FROM shown;
SELECT f ->> 'status' AS status, f ->> 'note' AS note FROM jsonb_array_elements(llm_cost.run_document() -> 'findings') f;
-- A finding gone is told.
UPDATE call SET workflow = 'plain', operation_id = 'check ' || operation_id WHERE workflow = :'odd' AND step = 'check';
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
SELECT jsonb_path_query_array(difference, '$.findings.gone[*].fingerprint') = to_jsonb(ARRAY[:'odd_one']) AS gone FROM llm_cost.report_run ORDER BY run_id DESC LIMIT 1;
UPDATE call SET workflow = :'odd', operation_id = replace(operation_id, 'check ', '') WHERE operation_id NOT LIKE 'plain%';

-- Week after week: two in a row, then it goes away, and what is cheaper again is no alert.
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
CALL llm_cost.write_report('[2026-06-22, 2026-06-29)');
SELECT * FROM shown ORDER BY 1, 2;
CALL llm_cost.write_report('[2026-06-29, 2026-07-06)');
SELECT week, kind, of_odd, usd > 0 AS costs, weeks_open, status, went_away, is_current FROM shown ORDER BY 1, 2;
SELECT count(*) AS alerts FROM llm_cost.alerts;

-- The log has everything that was said.
SELECT llm_cost.resolve_finding(:'odd_one', 'step removed');
SELECT week, status FROM shown WHERE weeks_open > 1 OR week = '2026-06-15' ORDER BY 1;
SELECT llm_cost.snooze_finding(:'odd_one', 'infinity');
SELECT status, until, note FROM llm_cost.findings WHERE fingerprint = :'odd_one' AND period_start = '2026-06-22';
SELECT llm_cost.reopen_finding(:'odd_one');
SELECT status FROM llm_cost.finding_state ORDER BY changed_at;
-- One that is resolved and in a report that begins later is open again; acknowledged, it was before a gap.
INSERT INTO llm_cost.finding_state (usage_schema, usage_name, fingerprint, status, seen_in, changed_at)
VALUES ('regress_report', 'call_usage', :'odd_one', 'resolved', '[2026-06-08, 2026-06-15)', 'infinity'::timestamptz - INTERVAL '1 day');
SELECT DISTINCT status FROM llm_cost.findings WHERE fingerprint = :'odd_one';
UPDATE llm_cost.finding_state SET changed_at = '2026-06-20' WHERE status = 'resolved' AND note IS NULL;
DELETE FROM llm_cost.finding_state WHERE changed_at > '2026-06-20';
SELECT period_start::date, status FROM llm_cost.findings WHERE fingerprint = :'odd_one' ORDER BY 1;
UPDATE llm_cost.finding_state SET status = 'acknowledged', seen_in = '[2026-06-01, 2026-06-08)';
SELECT DISTINCT status FROM llm_cost.findings WHERE fingerprint = :'odd_one';
TRUNCATE llm_cost.finding_state;

-- One failing usage is a finding, and not the end.
CREATE VIEW broken AS SELECT started_at, model, 1 / (input_tokens - input_tokens) AS cost, NULL::text AS cost_problem FROM call;
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{broken, call_usage}');
SELECT usage, kind, sentence, cause, weekly_usd, (SELECT count(*) FROM llm_cost.alerts a WHERE a.kind = f.kind) AS alerts FROM llm_cost.findings f WHERE kind = 'failed_usage';
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{broken}');
CREATE OR REPLACE VIEW broken AS SELECT started_at, model, 1 / (1 + input_tokens - input_tokens) AS cost, NULL::text AS cost_problem FROM call;
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{broken}');
SELECT revision, jsonb_path_query_array(difference, '$.findings.gone[*].sentence') AS gone FROM llm_cost.report_run WHERE usage_name = 'broken' ORDER BY revision;

-- Errors.
CALL llm_cost.write_report('[2026-06-15, 2026-06-15)');
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', time_zone => 'Mars/Olympus');
SELECT llm_cost.report_document('[2026-06-15, 2026-06-22)', by => '{workflo}');
BEGIN READ ONLY;
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
ROLLBACK;
SELECT llm_cost.acknowledge_finding('0123456789abcdef');
SELECT llm_cost.snooze_finding(:'odd_one', '2026-01-01');
SELECT llm_cost.run_document(-1);
\set VERBOSITY terse
SELECT llm_cost.schedule_report();
SELECT llm_cost.schedule_report(usages => '{}');
SELECT llm_cost.schedule_report(usages => '{NULL}');
SELECT llm_cost.schedule_report(usages => '{call_usage}', by => '{workflow,workflo}');
SELECT llm_cost.unschedule_report();
\set VERBOSITY default

-- Who sees what: nobody without SELECT, nobody whom row security leaves parts only.
CREATE ROLE regress_report_reader;
GRANT USAGE ON SCHEMA regress_report TO regress_report_reader;
SET ROLE regress_report_reader;
SELECT count(*) AS reports, (SELECT count(*) FROM llm_cost.findings) AS findings, (SELECT count(*) FROM llm_cost.report_finding) AS rows FROM llm_cost.report_run;
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)', '{call_usage}');
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
SELECT llm_cost.acknowledge_finding(:'odd_one');
RESET ROLE;
-- all that it takes to write reports
GRANT SELECT ON call_usage, call TO regress_report_reader;
SET ROLE regress_report_reader;
SELECT count(*) AS reports FROM llm_cost.report_run;
SELECT llm_cost.acknowledge_finding(:'odd_one');
SELECT status, who FROM llm_cost.findings WHERE fingerprint = :'odd_one' AND period_start = '2026-06-15';
CALL llm_cost.write_report('[2026-06-08, 2026-06-15)');
SELECT usage_name, written_by FROM llm_cost.report_run WHERE period = '[2026-06-08, 2026-06-15)';
INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document, written_by) VALUES ('regress_report', 'call_usage', '[2026-06-08, 2026-06-15)', 9, '{}', 'postgres');
DELETE FROM llm_cost.report_run WHERE period = '[2026-06-15, 2026-06-22)';
SELECT count(*) > 1 AS kept FROM llm_cost.report_run;
RESET ROLE;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON call TO regress_report_reader USING (user_id < 'u3');
SET ROLE regress_report_reader;
SELECT period, written_by FROM llm_cost.report_run;
CALL llm_cost.write_report('[2026-06-01, 2026-06-08)');
SELECT kind, sentence FROM llm_cost.findings;
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)');
RESET ROLE;
DROP POLICY half ON call;
ALTER TABLE call DISABLE ROW LEVEL SECURITY;
DELETE FROM llm_cost.report_run;

-- The month: Mondays cost 7, Tuesdays 6, ... Sundays 1; every week alike, so the band has no width.
CREATE VIEW steady AS
	SELECT d + INTERVAL '12 hours' AS started_at, 'gpt-4o' AS model, (8 - EXTRACT(isodow FROM d)) AS cost, NULL::text AS cost_problem, CASE WHEN EXTRACT(isodow FROM d) < 6 THEN 'office' ELSE 'home' END AS workflow
	FROM generate_series('2026-03-30'::timestamptz, '2026-06-18', INTERVAL '1 day') d;
SELECT llm_cost.set_plan('{"spend": 28}', usage => 'steady'), llm_cost.set_plan('{"spend": 20}', '{"workflow": "office"}', usage => 'steady');
SELECT e.*, (SELECT sum(8 - EXTRACT(isodow FROM d)) FROM generate_series('2026-06-01'::timestamptz, '2026-06-18', INTERVAL '1 day') d) AS to_date,
	   (SELECT sum(8 - EXTRACT(isodow FROM d)) FROM generate_series('2026-06-01'::timestamptz, '2026-06-30', INTERVAL '1 day') d) AS whole
FROM llm_cost.month_end(usage => 'steady', as_of => '2026-06-19 15:00') e;
SELECT * FROM llm_cost.month_end('{workflow}', 'steady', '2026-06-19');
-- At midnight of the first the month before is over; plans of a part of it count by the day.
SELECT llm_cost.set_plan('{"spend": 14}', valid_from => '2026-05-22', usage => 'steady');
SELECT month_from, days_left, spend_to_date, run_rate, low, high, plan, verdict FROM llm_cost.month_end(usage => 'steady', as_of => '2026-06-01');
SELECT 21 * 28 / 7.0 + 10 * 14 / 7.0 AS plan;
-- Too short a history for a band: the last week counts 8, the one before 4, ...
CREATE VIEW young AS SELECT * FROM steady WHERE started_at >= '2026-05-18';
SELECT run_rate, low, high, weeks_checked FROM llm_cost.month_end(usage => 'young', as_of => '2026-06-19');
-- A week that cost twice as much: forecasts of it were wrong by ln 2, and the band knows.
CREATE VIEW jumped AS SELECT started_at, model, CASE WHEN started_at >= '2026-06-12' THEN 2 ELSE 1 END * cost AS cost, cost_problem FROM steady;
SELECT run_rate, (SELECT round(sum((8 - EXTRACT(isodow FROM d)) * (8 * 2 + 4 + 2 + 1) / 15.0), 6) FROM generate_series('2026-06-19'::timestamptz, '2026-06-30', INTERVAL '1 day') d)
	   + (SELECT sum(cost) FROM jumped WHERE started_at >= '2026-06-01') AS by_hand,
	   round(ln((high - spend_to_date) / (run_rate - spend_to_date)), 4) AS width, round(2.365 * ln(2.0) / sqrt(7.0) * sqrt(12 / 7.0), 4) AS width_by_hand, weeks_checked
FROM llm_cost.month_end(usage => 'jumped', as_of => '2026-06-19');

-- Ten thousand findings in one report, and a hundred usages with ten weeks each: still fast.
SET client_min_messages = warning;
DO $$
DECLARE
	started		timestamptz := clock_timestamp();
	found		bigint;
	document	jsonb := (SELECT jsonb_build_object('report', '{}'::jsonb, 'findings', jsonb_agg(jsonb_build_object('fingerprint', to_hex(i), 'kind', 'unit_cost', 'scope', jsonb_build_object('workflow', '<i>' || i),
		'sentence', repeat('word ', 20) || i, 'weekly_usd', i, 'first_seen', '2026-06-15T00:00:00+00:00', 'weeks_open', 1))) FROM generate_series(1, 10000) i);
BEGIN
	INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document)
	SELECT 'regress_report', 'usage ' || u, tstzrange('2026-06-15'::timestamptz + w * INTERVAL '7 days', '2026-06-22'::timestamptz + w * INTERVAL '7 days'), 1,
		   CASE WHEN u = 1 AND w = 9 THEN document ELSE jsonb_set(document, '{findings}', jsonb_path_query_array(document, '$.findings[0 to 9]')) END
	FROM generate_series(1, 100) u, generate_series(0, 9) w;
	INSERT INTO llm_cost.report_finding SELECT r.run_id, f.n, f.f ->> 'fingerprint', f.f FROM llm_cost.report_run r, jsonb_array_elements(r.document -> 'findings') WITH ORDINALITY f (f, n);
	SELECT count(*) INTO found FROM llm_cost.alerts;
	IF found <> 10000 + 99 * 10 THEN
		RAISE EXCEPTION 'found %', found;
	END IF;
	SELECT sum(weeks_open) INTO found FROM llm_cost.findings WHERE is_current AND usage <> 'regress_report."usage 1"';
	IF found <> 99 * 10 * 10 THEN
		RAISE EXCEPTION 'open %', found;
	END IF;
	SELECT jsonb_array_length(llm_cost.run_document(max(run_id)) -> 'findings') INTO found FROM llm_cost.report_finding WHERE place = 10000;
	IF found <> 10000 THEN
		RAISE EXCEPTION 'shown %', found;
	END IF;
	IF clock_timestamp() - started > INTERVAL '20 seconds' THEN
		RAISE EXCEPTION 'slow: %', clock_timestamp() - started;
	END IF;
END
$$;
DELETE FROM llm_cost.report_run;
DELETE FROM llm_cost.usage_plan WHERE schema_name = 'regress_report';
SELECT llm_cost.drop_rollup('daily') \gset
DELETE FROM llm_cost.attached_usage;
DROP SCHEMA regress_report CASCADE;
DROP ROLE regress_report_reader;
