--
-- What a report says, in words: numbers in groups, the owner, what growth is and
-- what is none, what few users are worth, and what it means that there is nothing.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
DELETE FROM llm_cost.attached_usage;
DELETE FROM llm_cost.report_run;
TRUNCATE llm_cost.finding_state;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_sentences;
SET search_path = regress_sentences;
-- Five weeks. Of mail, which team crm has alone, each operation makes a second
-- call in the last one. Teams a and b share chat, where a program of b repeats one
-- call on Thursday. Up and old have a dear Thursday, but old was as dear every day
-- of the first three weeks. An error, a model and a user went away.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, team text, workflow text, prompt_hash text, error_type text);
INSERT INTO call
SELECT '2026-05-18'::timestamptz + make_interval(days => d, hours => 9, mins => u, secs => c), 'gpt-4o', 2000 + 10 * u + (d * 7 + u * 3) % 5, 100, format('mail-%s-%s', d, u), 'm' || u, 'crm', 'mail', NULL, NULL
FROM generate_series(0, 34) d, generate_series(1, 30) u, generate_series(0, 1) c WHERE c = 0 OR d >= 28;
INSERT INTO call
SELECT '2026-05-18'::timestamptz + make_interval(days => d, hours => 9, mins => u), 'gpt-4o', 2000 + 10 * u + (d * 7 + u * 3) % 5, 100, format('chat-%s-%s', d, u), 'c' || u, CASE WHEN u <= 15 THEN 'a' ELSE 'b' END, 'chat', NULL,
	   CASE WHEN d < 14 AND u = 3 THEN 'timeout' END
FROM generate_series(0, 34) d, generate_series(1, 30) u;
INSERT INTO call
SELECT '2026-06-18 01:00+00'::timestamptz + make_interval(secs => i), 'gpt-4o', 20000, 100, 'nightly', 'bot', 'b', 'chat', 'same', NULL FROM generate_series(1, 1200) i;
INSERT INTO call
SELECT '2026-05-18'::timestamptz + make_interval(days => d, hours => 9, mins => u, secs => i), 'gpt-4o', CASE WHEN d = 31 OR w = 'old' AND d < 21 THEN 160000 ELSE 8000 END, 10, format('%s-%s-%s-%s', w, d, u, i), w || u, 'a', w, NULL, NULL
FROM generate_series(0, 34) d, generate_series(1, 10) u, generate_series(1, 6) i, unnest('{up,old}'::text[]) w;
INSERT INTO call SELECT '2026-05-19 12:00+00', NULL, 0, 0, 'gone', 'gone', 'a', 'gone', NULL, NULL;
SELECT llm_cost.attach('call') \gset

-- No report yet.
DO $$ BEGIN PERFORM llm_cost.run_document(); EXCEPTION WHEN no_data_found THEN RAISE WARNING '"%"', SQLERRM; END $$;

CALL llm_cost.write_report('[2026-06-15, 2026-06-22)') \g /dev/null
SELECT kind, scope, owner, sentence FROM llm_cost.findings ORDER BY place;
-- The amounts by hand.
SELECT u.workflow, round(sum(cost) FILTER (WHERE started_at >= '2026-06-15') - sum(cost) FILTER (WHERE started_at < '2026-06-15') / 4, 2) AS more_a_week FROM call_usage u WHERE workflow IN ('mail', 'up', 'old') GROUP BY 1 ORDER BY 1;
SELECT count(*) AS calls, count(*) FILTER (WHERE prompt_hash IS NOT NULL) - 1 AS repeats, round(sum(cost) FILTER (WHERE prompt_hash IS NOT NULL), 2) AS bot FROM call_usage WHERE user_id = 'bot';
-- What grew: runaway() tells two, the report one of them, as evidence of what made it.
SELECT scope ->> 'workflow' AS workflow, evidence FROM llm_cost.runaway('[2026-06-15, 2026-06-22)') WHERE finding = 'spend_growth' AND scope ->> 'workflow' IN ('up', 'old') ORDER BY 1;
SELECT x ->> 'sentence' AS sentence FROM llm_cost.report_finding f, jsonb_path_query(f.finding, '$.evidence[*] ? (@.kind == "spend_growth")') x WHERE f.finding #>> '{scope,workflow}' IN ('up', 'old');
SELECT day, round(sum(cost), 2) AS usd FROM (SELECT started_at::date AS day, cost FROM call_usage WHERE workflow = 'up' AND started_at >= '2026-06-17' AND started_at < '2026-06-20') d GROUP BY 1 ORDER BY 1;
-- What neither cost nor failed in these weeks has no line.
SELECT jsonb_path_query_array(document, '$.movers[*].scope') AS movers, document -> 'retries' AS retries FROM llm_cost.report_run;
-- A hundredth of fewer than a hundred users is nobody.
SELECT (regexp_match(llm_cost.report_text_of(jsonb_build_object('lorenz', jsonb_build_object('users', users, 'top_1', 0.1, 'top_5', 0.2, 'top_10', 0.3, 'gini', 0.4))), 'WHO SPENDS\n +([^\n]*)'))[1] AS who
FROM unnest('{NULL,7,10,20,100}'::int[]) users;
-- Nothing found.
SELECT (regexp_match(llm_cost.report_text_of(d), 'WHAT TO LOOK AT[^\n]*\n +([^\n]*)'))[1] AS says, llm_cost.report_html_of(d) LIKE '%' || llm_cost.report_quiet(d) || '%' AS page_too
FROM unnest(ARRAY['{}', '{"findings": [], "undecided": []}', '{"findings": [], "undecided": [{"scope": "workflow=mail", "spend": 3, "cause": "only one user"}]}']::jsonb[]) d;
-- A period that is over; a rollup only knows that the last day has begun.
SELECT t.figure
FROM unnest('{2026-06-21T18:30:00+00:00,2026-06-20T18:30:00+00:00,2026-06-21T08:00:00+00:00,NULL}'::text[]) through,
	 llm_cost.shown_trust(jsonb_build_object('report', jsonb_build_object('period', '["2026-06-14T18:30:00+00:00", "2026-06-21T18:30:00+00:00"]'::jsonb, 'time_zone', 'Asia/Kolkata', 'data_through', through))) t
WHERE t.place = 2;
-- Begun before the period.
SELECT f.about FROM llm_cost.shown_findings('{"report": {"period": ["2026-06-15T00:00:00+00:00", "2026-06-22T00:00:00+00:00"], "time_zone": "Asia/Kolkata"}, "findings": [
	{"sentence": "a", "weekly_usd": 3, "weeks_open": 1, "first_seen": "2026-06-11T20:00:00+00:00"}, {"sentence": "b", "weekly_usd": 2, "weeks_open": 1, "first_seen": "2026-06-15T00:00:00+00:00"},
	{"sentence": "c", "weekly_usd": 1, "weeks_open": 3, "first_seen": "2026-06-01T00:00:00+00:00"}]}') f ORDER BY f.place;
SELECT llm_cost.scope_subject(scope), llm_cost.scope_name(scope)
FROM unnest(ARRAY['{}', '{"workflow": "mail"}', '{"workflow": "éclair", "model": "m"}', '{"workflow": null}', '{"model": "gpt-4o"}', '{"user_id": "anna"}', '{"workflow": "mail", "user_id": "anna"}']::jsonb[]) scope;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage;
DELETE FROM llm_cost.report_run;
DROP SCHEMA regress_sentences CASCADE;
