--
-- calls(): calls per operation, and the steps that came, went or multiplied
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_calls;
SET search_path = regress_calls;
-- $1 per thousand input tokens, so that a call of 1,000 tokens costs $1
SELECT llm_cost.set_price('regress-calls', 'input', 1, '2025-01-01', 'regress', per => 1000) IS NOT NULL AS priced;

CREATE TABLE call (started_at timestamptz, model text, input_tokens int, operation_id text, workflow text, step text,
	kind text, attempt int, error_type text, user_id text);
-- support: 3 calls an operation (plan, answer, finish) in the four weeks before, one operation a
-- week and two in the last; 7 in the week from 1 June: validate comes four times.  plan takes 500 tokens.
INSERT INTO call
SELECT o.at + n * INTERVAL '1 minute', 'regress-calls', CASE step WHEN 'plan' THEN 500 ELSE 1000 END, o.id, 'support', step, 'chat', 1, NULL, o.who
FROM (VALUES ('s1', '2026-05-05 10:00+00'::timestamptz, 'ann'), ('s2', '2026-05-12 10:00+00', 'ann'), ('s3', '2026-05-19 10:00+00', 'bob'),
		('s4', '2026-05-26 10:00+00', 'ann'), ('s5', '2026-05-27 10:00+00', 'bob'),
		('s6', '2026-06-02 10:00+00', 'ann'), ('s7', '2026-06-03 10:00+00', 'bob')) AS o (id, at, who),
	 LATERAL unnest(CASE WHEN o.at < '2026-06-01' THEN '{plan,answer,finish}' ELSE '{plan,answer,validate,validate,validate,validate,finish}' END::text[])
		WITH ORDINALITY AS s (step, n);
-- search: a tool call and an answer; the last operation before midnight on Sunday goes on into Monday, and
-- belongs to May; from June the tool is no longer called, and one answer is tried three times
INSERT INTO call VALUES
	('2026-05-20 10:00+00', 'regress-calls', NULL, 'q1', 'search', 'lookup', 'tool', 1, NULL, 'ann'),
	('2026-05-20 10:01+00', 'regress-calls', 1000, 'q1', 'search', 'answer', 'chat', 1, NULL, 'ann'),
	('2026-05-31 23:59+00', 'regress-calls', 1000, 'q2', 'search', 'answer', 'chat', 1, NULL, 'ann'),
	('2026-06-01 00:01+00', 'regress-calls', NULL, 'q2', 'search', 'lookup', 'tool', 1, NULL, 'ann'),
	('2026-06-04 10:00+00', 'regress-calls', 1000, 'q3', 'search', 'answer', 'chat', 1, NULL, 'bob'),
	('2026-06-05 10:00+00', 'regress-calls', 1000, 'q4', 'search', 'answer', 'chat', 1, 'timeout', 'bob'),
	('2026-06-05 10:01+00', 'regress-calls', 1000, 'q4', 'search', 'answer', 'chat', 2, 'timeout', 'bob'),
	('2026-06-05 10:02+00', 'regress-calls', 1000, 'q4', 'search', 'answer', 'chat', 3, NULL, 'bob');
-- no workflow: two operations, one with a call that has no price; and three calls without an operation
INSERT INTO call VALUES
	('2026-06-02 10:00+00', 'regress-calls', 1000, 'n1', NULL, NULL, 'chat', 1, NULL, NULL),
	('2026-06-02 11:00+00', 'regress-calls', 1000, 'n2', NULL, NULL, 'chat', 1, NULL, NULL),
	('2026-06-02 11:01+00', 'no such model', 1000, 'n2', NULL, NULL, 'chat', 1, NULL, NULL),
	('2026-06-02 12:00+00', 'regress-calls', 1000, NULL, NULL, NULL, 'chat', 1, NULL, NULL),
	('2026-06-02 12:01+00', 'regress-calls', 1000, NULL, NULL, NULL, 'chat', 1, NULL, NULL),
	('2026-05-20 12:00+00', 'regress-calls', 1000, NULL, NULL, NULL, 'chat', 1, NULL, NULL),
	('2026-06-07 12:00+00', 'regress-calls', 1000, NULL, 'alone', NULL, 'chat', 1, NULL, NULL);
SELECT llm_cost.attach('call');

\x
\pset null '(null)'
-- support: 14 calls in 2 operations, 15 in 5 before; $6.50 against $2.50 each.  A validate costs $1, so four of
-- them in two operations a week are $8.
-- search: answer 1.0 -> 2.0 and lookup 1.0 -> 0 per operation: 1.0 extra answers in 2 operations at $1; the
-- change of answer (1, 3 against 1, 1) is one operation of two, which is less than 3.3 standard errors.
SELECT * FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)');
\x
-- Every number once more by plain SQL: an operation counts with all its calls where it begins.
CREATE VIEW plain AS
SELECT o.workflow, c.now, count(*) AS operations, sum(c.calls) / count(*) AS calls_per_operation, sum(c.tools) / count(*) AS tools, sum(c.retries) / count(*) AS retries,
	   percentile_cont(0.5) WITHIN GROUP (ORDER BY c.calls) AS p50, percentile_cont(0.9) WITHIN GROUP (ORDER BY c.calls) AS p90,
	   percentile_cont(0.99) WITHIN GROUP (ORDER BY c.calls) AS p99, max(c.calls) AS most
FROM (SELECT operation_id, min(started_at) >= '2026-06-01' AS now, count(*) FILTER (WHERE kind = 'chat')::numeric AS calls,
			 count(*) FILTER (WHERE kind = 'tool')::numeric AS tools, count(*) FILTER (WHERE attempt > 1)::numeric AS retries
	  FROM call WHERE operation_id IS NOT NULL AND started_at BETWEEN '2026-05-04' AND '2026-06-08' GROUP BY 1) c
	 JOIN (SELECT DISTINCT ON (operation_id) operation_id, workflow FROM call ORDER BY operation_id, started_at) o USING (operation_id)
GROUP BY 1, 2;
SELECT count(*) AS compared, bool_and(
		c.operations = p.operations AND c.calls_per_operation = llm_cost.shown_number(p.calls_per_operation) AND c.tool_calls_per_operation = llm_cost.shown_number(p.tools)
		AND c.retries_per_operation = llm_cost.shown_number(p.retries) AND (c.median_calls, c.p90_calls, c.p99_calls, c.max_calls) = (llm_cost.shown_number(p.p50::numeric), llm_cost.shown_number(p.p90::numeric), llm_cost.shown_number(p.p99::numeric), p.most)
		AND (p.workflow IS NULL OR (c.operations_before, c.calls_per_operation_before, c.tool_calls_per_operation_before, c.retries_per_operation_before, c.median_calls_before,
				c.p90_calls_before, c.p99_calls_before, c.max_calls_before)
			= (b.operations, llm_cost.shown_number(b.calls_per_operation), llm_cost.shown_number(b.tools), llm_cost.shown_number(b.retries), llm_cost.shown_number(b.p50::numeric), llm_cost.shown_number(b.p90::numeric), llm_cost.shown_number(b.p99::numeric), b.most))) AS agree
FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)') c
	 JOIN plain p ON p.now AND p.workflow IS NOT DISTINCT FROM c.scope ->> 'workflow'
	 LEFT JOIN plain b ON NOT b.now AND b.workflow = p.workflow;

-- Without columns, one row; by two columns; of one user; a least change of which little is left.
SELECT scope, operations, operations_before, calls_per_operation, calls_per_operation_before, change_pct, ungrouped_calls FROM llm_cost.calls('{}', '[2026-06-01,2026-06-08)');
SELECT scope, operations, calls_per_operation, calls_per_operation_before FROM llm_cost.calls('{workflow,user_id}', '[2026-06-01,2026-06-08)', filter => '{"workflow": ["support", "search"]}');
SELECT scope, operations, operations_before, step_changes FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', filter => '{"user_id": "bob"}', max_rows => 1);
SELECT scope, step_changes FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', least_change => 4.01) WHERE operations_before > 0;
-- Against another range, and against nothing.
SELECT scope, operations_before, calls_per_operation_before, change_pct FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', baseline => '[2026-05-18,2026-05-25)') ORDER BY scope;
SELECT scope, operations, operations_before, change_pct, extra_calls_usd_per_week, step_changes FROM llm_cost.calls(period => '[2026-05-04,2026-05-11)');
-- Half a week: the extra calls of three days, per week.  s6 and s7 begin on Tuesday and Wednesday: 8 x 7 / 3.
SELECT round(extra_calls_usd_per_week, 4) AS "18.6667" FROM llm_cost.calls(period => '[2026-06-01,2026-06-04)', filter => '{"workflow": "support"}', baseline => '[2026-05-04,2026-06-01)');
-- In Kolkata Monday began at 18:30 UTC on Sunday, so q2 is of June; the default period is the last full week.
SELECT scope, operations FROM llm_cost.calls(period => tstzrange('2026-06-01 00:00+05:30', '2026-06-08 00:00+05:30'), time_zone => 'Asia/Kolkata') WHERE scope ->> 'workflow' = 'search';
INSERT INTO call VALUES (date_trunc('week', now(), 'Asia/Kolkata') - INTERVAL '1 minute', 'regress-calls', 1000, 'k1', 'kolkata', NULL, 'chat', 1, NULL, NULL),
	(date_trunc('week', now(), 'Asia/Kolkata'), 'regress-calls', 1000, 'k2', 'kolkata', NULL, 'chat', 1, NULL, NULL);
SELECT scope, operations FROM llm_cost.calls(time_zone => 'Asia/Kolkata', filter => '{"workflow": "kolkata"}');

-- One row; nothing; everything unpriced; a period in the future.
SELECT scope, operations, calls_per_operation, median_calls, p99_calls, cost_per_operation, change_pct, steps
FROM llm_cost.calls(period => '[2026-06-02 09:00+00,2026-06-02 10:30+00)', filter => '{"operation_id": "n1"}');
SET client_min_messages = warning;
SELECT count(*) FROM llm_cost.calls(period => '[2030-01-07,2030-01-14)');
RESET client_min_messages;
CREATE TABLE nothing (LIKE call);
SELECT llm_cost.attach('nothing');
SELECT * FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', usage => 'nothing_usage');
SELECT count(*) FROM llm_cost.calls('{}', '[2026-06-01,2026-06-08)', usage => 'nothing_usage');
CREATE TABLE unpriced AS SELECT started_at, 'no such model' AS model, input_tokens, operation_id, workflow, step FROM call WHERE kind = 'chat';
SELECT llm_cost.attach('unpriced');
SELECT scope, calls_per_operation, cost_per_operation, cost_per_operation_before, extra_calls_usd_per_week, step_changes, unpriced_attempts, tool_calls_per_operation, retries_per_operation
FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', usage => 'unpriced_usage', filter => '{"workflow": "support"}');

-- What is missing or wrong is said.
CREATE TABLE bare AS SELECT started_at, model, input_tokens FROM call;
SELECT llm_cost.attach('bare');
SELECT * FROM llm_cost.calls(usage => 'bare_usage');
CREATE TABLE no_step AS SELECT started_at, model, input_tokens, operation_id FROM call;
SELECT llm_cost.attach('no_step');
SELECT scope, calls_per_operation, tool_calls_per_operation, retries_per_operation, step_changes FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', usage => 'no_step_usage');
SELECT * FROM llm_cost.calls(usage => 'call_usage', baseline => 'plan');
SELECT * FROM llm_cost.calls(usage => 'call_usage', baseline => 'last year');
SELECT * FROM llm_cost.calls('{no_such_column}', usage => 'call_usage');
SELECT * FROM llm_cost.calls(usage => 'call_usage', period => 'empty');
SELECT * FROM llm_cost.calls(usage => 'call_usage', time_zone => 'Mars/Olympus');
SELECT * FROM llm_cost.calls(usage => 'call_usage', max_rows => 0);
SELECT * FROM llm_cost.calls(usage => 'call_usage', least_change => -1);
-- NULL is the default.
SELECT count(*) FROM llm_cost.calls(NULL, '[2026-06-01,2026-06-08)', NULL, NULL, 'call_usage', NULL, NULL, NULL);

-- Hidden rows are not counted.
CREATE ROLE regress_calls_reader;
GRANT USAGE ON SCHEMA regress_calls TO regress_calls_reader;
GRANT SELECT ON call, call_usage TO regress_calls_reader;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON call FOR SELECT TO regress_calls_reader USING (user_id = 'ann');
SET ROLE regress_calls_reader;
SELECT scope, operations, operations_before, calls_per_operation FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', usage => 'call_usage');
RESET ROLE;
SELECT count(*) FROM llm_cost.calls(period => '[2026-06-01,2026-06-08)', usage => 'call_usage');
SET client_min_messages = warning;
DELETE FROM llm_cost.price_override WHERE model = 'regress-calls';
DROP SCHEMA regress_calls CASCADE;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_calls';
DROP ROLE regress_calls_reader;
