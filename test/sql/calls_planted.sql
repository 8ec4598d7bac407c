--
-- calls(), retries() and runaway() find the faults that demo/generate.sql
-- plants, in their size, and nothing in the clean twin.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- Both worlds; not echoed.
\set ECHO none
\getenv input PG_ABS_SRCDIR
\set generate :input /../demo/generate.sql
\set scale 0.1
\set weeks 9
\set schema regress_calls_clean
\set faults {}
\i :generate
\set schema regress_calls_faulty
\set faults {added_step,retry_storm,runaway}
\i :generate
\set ECHO all
SELECT llm_cost.attach('regress_calls_clean.llm_call'), llm_cost.attach('regress_calls_faulty.llm_call');
SELECT fault, workflow, starts_at, metric, before, after FROM regress_calls_faulty.truth ORDER BY fault;

-- The added step: 3 calls become 7, retries apart; the four new steps are named.
SELECT scope, round(calls_per_operation_before - retries_per_operation_before) AS before, round(calls_per_operation - retries_per_operation) AS now,
	   median_calls_before, median_calls, change_pct BETWEEN 128 AND 138 AS "133 %",
	   (SELECT array_agg(s ->> 'step' ORDER BY s ->> 'step') FROM jsonb_array_elements(steps) AS s WHERE s ->> 'change' = 'appeared') AS appeared
FROM llm_cost.calls(period => '[2026-06-22,2026-06-29)', usage => 'regress_calls_faulty.llm_call_usage')
WHERE scope ->> 'workflow' = 'report';
-- What the new calls cost, by plain SQL.
SELECT abs(c.extra_calls_usd_per_week / p.cost - 1) < 0.05 AS "extra dollars"
FROM llm_cost.calls(period => '[2026-06-22,2026-06-29)', usage => 'regress_calls_faulty.llm_call_usage') c,
	 (SELECT sum(cost) AS cost FROM regress_calls_faulty.llm_call_usage WHERE started_at >= '2026-06-22' AND step LIKE 'validate%') p
WHERE scope ->> 'workflow' = 'report';

-- The retry storm, from Tuesday 14:00 on: 0.6 % of the attempts of a step time out, then 25 %.
SELECT scope, transient, failures_per_1000 BETWEEN 200 AND 300 AS "25 %", failures_per_1000_before BETWEEN 1 AND 14 AS "0.6 %",
	   retries > 0 AND failed_cost > 0 AND wasted_tokens > 0 AS has_cost, recovered_share > 0.8 AS recovered
FROM llm_cost.retries('{workflow,step,error_type}', '[2026-06-23 14:00+00,2026-06-29)', usage => 'regress_calls_faulty.llm_call_usage')
WHERE change_pct > 1000;
SELECT r.failures = p.failures AND r.failed_cost = p.cost AND r.wasted_tokens = p.tokens AS "as by plain SQL"
FROM llm_cost.retries('{workflow,step,error_type}', '[2026-06-23 14:00+00,2026-06-29)', usage => 'regress_calls_faulty.llm_call_usage') r,
	 (SELECT count(*) AS failures, sum(cost) AS cost, sum(input_tokens + output_tokens) AS tokens FROM regress_calls_faulty.llm_call_usage
	  WHERE started_at >= '2026-06-23 14:00' AND workflow = 'search' AND step = 'answer' AND error_type = 'timeout') p
WHERE scope @> '{"workflow": "search", "step": "answer", "error_type": "timeout"}';

-- The loop: $47,000 in the last week, where $127 were usual.
SELECT scope, finding, round(cost, -3) AS cost, excess_usd BETWEEN 46400 AND 46900 AS excess, operations
FROM llm_cost.runaway('[2026-06-22,2026-06-29)', usage => 'regress_calls_faulty.llm_call_usage');
SELECT sum(c.cost) = (SELECT excess_usd FROM llm_cost.runaway('[2026-06-22,2026-06-29)', usage => 'regress_calls_faulty.llm_call_usage', max_rows => 1)) AS "repeats as by plain SQL"
FROM (SELECT cost, row_number() OVER (PARTITION BY operation_id, kind, step, model, prompt_hash, input_tokens ORDER BY started_at) AS n
	  FROM regress_calls_faulty.llm_call_usage WHERE started_at >= '2026-06-22' AND user_id = 'svc-ci' AND kind = 'chat' AND attempt = 1) c
WHERE n > 1;
-- A job that looks every day finds it after the third night of eleven, when less than $200 were gone.
SELECT day::date AS looked_at_the_day, r.finding, r.excess_usd < 200 AS early
FROM generate_series('2026-06-16'::timestamptz, '2026-06-20', '1 day') AS day,
	 llm_cost.runaway(tstzrange(day, day + INTERVAL '1 day'), usage => 'regress_calls_faulty.llm_call_usage') r;

-- The clean twin: seven weeks without a runaway, five without a step that changed, no class of error that stands out.
SELECT count(*) FROM generate_series('2026-05-11'::timestamptz, '2026-06-22', '7 days') AS week, llm_cost.runaway(tstzrange(week, week + INTERVAL '7 days'), usage => 'regress_calls_clean.llm_call_usage');
SELECT count(*) FROM generate_series('2026-05-25'::timestamptz, '2026-06-22', '7 days') AS week, llm_cost.calls(period => tstzrange(week, week + INTERVAL '7 days'), usage => 'regress_calls_clean.llm_call_usage') c
WHERE c.step_changes IS NOT NULL;
SELECT count(*) FROM llm_cost.retries(period => '[2026-06-22,2026-06-29)', usage => 'regress_calls_clean.llm_call_usage') WHERE change_pct > 100;
-- Nor, in the faulty one, in what no fault touches.
SELECT count(*) FROM llm_cost.calls(period => '[2026-06-22,2026-06-29)', usage => 'regress_calls_faulty.llm_call_usage') WHERE step_changes IS NOT NULL AND scope ->> 'workflow' NOT IN ('report', 'search', 'code-agent');

SET client_min_messages = warning;
DROP SCHEMA regress_calls_clean, regress_calls_faulty CASCADE;
DELETE FROM llm_cost.attached_usage WHERE schema_name LIKE 'regress_calls_%';
