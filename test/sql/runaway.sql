--
-- runaway(): loops, identical calls, layered retries and growing spend
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_runaway;
SET search_path = regress_runaway;
-- a call of 1,000 input tokens costs $1
SELECT llm_cost.set_price('regress-runaway', 'input', 1, '2025-01-01', 'regress', per => 1000) IS NOT NULL AS priced;

CREATE TABLE call (started_at timestamptz, model text DEFAULT 'regress-runaway', input_tokens int, operation_id text, workflow text, step text,
	kind text DEFAULT 'chat', attempt int DEFAULT 1, error_type text, user_id text, prompt_hash text);
-- Usual days, 31 May to 14 June.  agent: three operations of three calls, $9 a day.
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step, user_id)
SELECT d + o * INTERVAL '3 hours' + n * INTERVAL '1 minute', 1000, format('a-%s-%s', d::date, o), 'agent', s, 'user' || o
FROM generate_series('2026-05-31'::timestamptz, '2026-06-14', '1 day') AS d, generate_series(1, 3) AS o, unnest('{plan,act,finish}'::text[]) WITH ORDINALITY AS u (s, n);
-- tools: an operation of two tool calls and a call of $1 a day.
INSERT INTO call (started_at, model, input_tokens, operation_id, workflow, step, kind)
SELECT d + n * INTERVAL '1 minute', CASE n WHEN 3 THEN 'regress-runaway' END, CASE n WHEN 3 THEN 1000 END, 't-' || d::date, 'tools', 'look', CASE n WHEN 3 THEN 'chat' ELSE 'tool' END
FROM generate_series('2026-05-31'::timestamptz, '2026-06-14', '1 day') AS d, generate_series(1, 3) AS n;
-- grow and double: 60 operations of one call of 100 tokens, $6 a day each.  From 10 June a call of grow has 2,000
-- tokens: $120.  double: 160 tokens on the 9th, 256 on the 10th, 410 from the 11th on: $9.60, $15.36, $24.60.
INSERT INTO call (started_at, input_tokens, operation_id, workflow)
SELECT d + INTERVAL '10 hours' + i * INTERVAL '1 minute', CASE WHEN w = 'grow' THEN CASE WHEN d < '2026-06-10' THEN 100 ELSE 2000 END
		ELSE CASE WHEN d < '2026-06-09' THEN 100 WHEN d < '2026-06-10' THEN 160 WHEN d < '2026-06-11' THEN 256 ELSE 410 END END,
	   format('%s-%s-%s', w, d::date, i), w
FROM generate_series('2026-05-31'::timestamptz, '2026-06-14', '1 day') AS d, generate_series(1, 60) AS i, unnest('{grow,double}'::text[]) AS w;
-- batch: attempts without operation.  script makes 2 calls in five hours a day, cron always 100 an hour in three.
INSERT INTO call (started_at, input_tokens, workflow, step, user_id)
SELECT d + h * INTERVAL '1 hour' + i * INTERVAL '1 second', 10 + i, 'batch', 'embed', CASE WHEN h < 5 THEN 'script' ELSE 'cron' END
FROM generate_series('2026-05-31'::timestamptz, '2026-06-14', '1 day') AS d, generate_series(0, 7) AS h, LATERAL generate_series(1, CASE WHEN h < 5 THEN 2 ELSE 100 END) AS i;
SELECT llm_cost.attach('call');
-- A bill of $40 or so a day; grow and double are all there is to find.
-- grow: five days of $120 where $6 were usual: 600 - 30.
-- double: on the 11th grown by half three days on end; usual in the week before were (5 x 6 + 9.6 + 15.36) / 7, four
-- days at 24.6 are 98.4 - 4 x 7.851429.
\pset null '(null)'
SELECT * FROM llm_cost.runaway('[2026-06-08,2026-06-15)');
SELECT round(600 - 30, 6) AS grow, round(98.4 - 4 * (5 * 6 + 9.6 + 15.36) / 7, 6) AS double;
-- The week before is quiet.
SELECT * FROM llm_cost.runaway('[2026-06-01,2026-06-08)');

-- What runs away.
-- many: 80 calls where 3 are usual: 20 x 3 = 60 are allowed; 1,001 to 1,080 tokens, $83.24 - $3
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step, user_id)
SELECT '2026-06-09 01:00+00'::timestamptz + i * INTERVAL '1 minute', 1000 + i, 'many', 'agent', 'act', 'eve' FROM generate_series(1, 80) AS i;
-- some: 59 calls are not too many
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step, user_id)
SELECT '2026-06-09 05:00+00'::timestamptz + i * INTERVAL '1 minute', 100 + i, 'some', 'agent', 'act', 'user1' FROM generate_series(1, 59) AS i;
-- same: 40 calls, 39 of them repeat the first, $0.50 each
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step, user_id)
SELECT '2026-06-10 01:00+00'::timestamptz + i * INTERVAL '1 minute', 500, 'same', 'agent', 'act', 'mallory' FROM generate_series(1, 40) AS i;
-- layers: four steps, each tried four times: 12 of 16 are retries, $1 each
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step, attempt, error_type, user_id)
SELECT '2026-06-11 01:00+00'::timestamptz + (s * 10 + a) * INTERVAL '1 minute', 1000, 'layers', 'agent', 'step' || s, a, CASE WHEN a < 4 THEN 'timeout' END, 'trent'
FROM generate_series(1, 4) AS s, generate_series(1, 4) AS a;
-- an hour of script: 200 calls where it makes 2; an hour of cron: 110 where it makes 100
INSERT INTO call (started_at, input_tokens, workflow, step, user_id)
SELECT '2026-06-12 12:00+00'::timestamptz + i * INTERVAL '1 second', 100 + i, 'batch', 'embed', 'script' FROM generate_series(1, 200) AS i
UNION ALL SELECT '2026-06-12 12:00+00'::timestamptz + i * INTERVAL '1 second', 100 + i, 'batch', 'embed', 'cron' FROM generate_series(1, 110) AS i;
-- a hundred tool calls, which cost nothing that is logged; and 70 calls without a price where one is usual
INSERT INTO call (started_at, model, input_tokens, operation_id, workflow, step, kind)
SELECT '2026-06-13 01:00+00'::timestamptz + i * INTERVAL '1 minute', CASE i WHEN 101 THEN 'regress-runaway' END, CASE i WHEN 101 THEN 1000 END, 'toolloop', 'tools', 'look',
	   CASE i WHEN 101 THEN 'chat' ELSE 'tool' END FROM generate_series(1, 101) AS i;
INSERT INTO call (started_at, model, input_tokens, operation_id, workflow)
SELECT '2026-06-13 02:00+00'::timestamptz + i * INTERVAL '1 minute', 'no such model', i, CASE WHEN i > 70 THEN 'u-' || i ELSE 'noprice' END, 'unpriced' FROM generate_series(1, 80) AS i;
SELECT scope, finding, since, example, operations, calls, cost, expected_cost, excess_usd, unpriced_attempts, evidence FROM llm_cost.runaway('[2026-06-08,2026-06-15)', filter => '{"workflow": ["agent", "batch", "tools", "unpriced"]}');
-- the same dollars by plain SQL
SELECT (SELECT sum(cost) FROM call_usage WHERE operation_id = 'many') - 3 AS many,
	   (SELECT sum(cost) FROM (SELECT cost, row_number() OVER (PARTITION BY step, model, input_tokens ORDER BY started_at) AS n FROM call_usage WHERE operation_id = 'same') q WHERE n > 1) AS same,
	   (SELECT sum(cost) FROM call_usage WHERE operation_id = 'layers' AND attempt > 1) AS layers,
	   (SELECT sum(cost) FROM call_usage WHERE user_id = 'script' AND date_trunc('hour', started_at) = '2026-06-12 12:00') - 0.023 AS script;
-- Both of one workflow: no user_id in the scope where two users did it.
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step, user_id)
SELECT '2026-06-14 01:00+00'::timestamptz + i * INTERVAL '1 minute', 1000 + i, 'more', 'agent', 'act', 'user2' FROM generate_series(1, 90) AS i;
SELECT scope, finding, since, example, operations, evidence FROM llm_cost.runaway('[2026-06-08,2026-06-15)', filter => '{"workflow": "agent"}') WHERE finding = 'many_calls';
-- An operation that began before the period: since tells when, calls and cost are of the period.
SELECT scope, since, calls, excess_usd FROM llm_cost.runaway('[2026-06-09 01:11+00,2026-06-10)', filter => '{"operation_id": ["many", "a-2026-06-08-1", "a-2026-06-07-1"]}', times_median => 1, min_calls => 50);
-- Chunks of one length to embed are not one call repeated; calls of one length are.
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step, kind)
SELECT '2026-06-09 01:00+00'::timestamptz + i * INTERVAL '1 second', 512, k, 'chunks', 'index', k FROM generate_series(1, 45) AS i, unnest('{embedding,chat}'::text[]) AS k
UNION ALL SELECT '2026-06-09 02:00+00', 512, 'usual' || i, 'chunks', 'index', 'chat' FROM generate_series(1, 5) AS i;
SELECT example, calls, excess_usd FROM llm_cost.runaway('[2026-06-08,2026-06-15)', filter => '{"workflow": "chunks"}');
SELECT 44 * 0.512 AS excess;
DELETE FROM call WHERE workflow = 'chunks';
-- The first and only operation of a workflow: more than 20 x 50 calls are too many.
INSERT INTO call (started_at, input_tokens, operation_id, workflow, step)
SELECT '2026-06-09 01:00+00'::timestamptz + i * INTERVAL '1 second', i, 'only', 'new', 'act' FROM generate_series(1, 1001) AS i;
SELECT example, calls, cost, excess_usd, evidence FROM llm_cost.runaway('[2026-06-08,2026-06-15)', filter => '{"workflow": "new"}');
SELECT count(*) FROM llm_cost.runaway('[2026-06-08,2026-06-15)', filter => '{"workflow": "new"}', min_calls => 51);
DELETE FROM call WHERE workflow = 'new';
-- An hour at a time, as a job would: found within the day.
SELECT finding, example FROM llm_cost.runaway('[2026-06-10 00:00+00,2026-06-10 02:00+00)') ORDER BY finding;
-- Other limits.
SELECT finding, example FROM llm_cost.runaway('[2026-06-08,2026-06-15)', filter => '{"workflow": "agent"}', min_calls => 100, min_identical => 50, min_retries => 20, spend_factor => 50);
SELECT finding, example, operations FROM llm_cost.runaway('[2026-06-08,2026-06-15)', filter => '{"workflow": "agent"}', times_median => 1, min_calls => 2, max_rows => 1);
SELECT finding, example FROM llm_cost.runaway('[2026-06-08,2026-06-15)', min_usd => 75) ORDER BY 1, 2;
SELECT scope, finding, example FROM llm_cost.runaway('[2026-06-08,2026-06-15)', '{}', max_rows => 3);
SELECT scope, finding FROM llm_cost.runaway('[2026-06-08,2026-06-15)', '{user_id}', filter => '{"workflow": "agent"}', max_rows => 3);
-- Days are local: in Kolkata the 10th began at 18:30 UTC on the 9th, and hours begin at half past.
SELECT scope, finding, since, example FROM llm_cost.runaway(tstzrange('2026-06-08 00:00+05:30', '2026-06-15 00:00+05:30'), time_zone => 'Asia/Kolkata', filter => '{"workflow": ["grow", "double", "batch"]}');

-- Little or nothing to look at.
SELECT count(*) FROM llm_cost.runaway('[2030-01-07,2030-01-14)');
SELECT count(*) FROM llm_cost.runaway('[2026-06-09 01:01+00,2026-06-09 01:02+00)', filter => '{"operation_id": "many"}');
-- on the first day of all nobody knows that cron is always like that
SELECT scope, finding FROM llm_cost.runaway('[2026-05-25,2026-06-01)');
CREATE TABLE nothing (LIKE call);
SELECT llm_cost.attach('nothing');
SELECT count(*) FROM llm_cost.runaway('[2026-06-08,2026-06-15)', usage => 'nothing_usage');
SELECT count(*) FROM llm_cost.runaway('[2026-06-08,2026-06-15)', '{}', usage => 'nothing_usage');
-- Without operations: hours of users.  Without either: an error.
CREATE TABLE only_user AS SELECT started_at, model, input_tokens, user_id FROM call WHERE kind = 'chat';
SELECT llm_cost.attach('only_user');
SELECT scope, finding, example, operations FROM llm_cost.runaway('[2026-06-08,2026-06-15)', usage => 'only_user_usage');
CREATE TABLE bare AS SELECT started_at, model, input_tokens FROM call;
SELECT llm_cost.attach('bare');
SELECT * FROM llm_cost.runaway(usage => 'bare_usage');
SELECT * FROM llm_cost.runaway(usage => 'call_usage', times_median => 0.5);
SELECT * FROM llm_cost.runaway(usage => 'call_usage', spend_factor => 'NaN');
SELECT * FROM llm_cost.runaway(usage => 'call_usage', max_rows => 0);
SELECT * FROM llm_cost.runaway(usage => 'call_usage', by => '{no_such_column}');
SELECT * FROM llm_cost.runaway('[2026-06-08,)', usage => 'call_usage');
SELECT count(*) = (SELECT count(*) FROM llm_cost.runaway('[2026-06-08,2026-06-15)', usage => 'call_usage')) AS same
FROM llm_cost.runaway('[2026-06-08,2026-06-15)', NULL, NULL, 'call_usage', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- In a transaction that may not write, whatever dates look like.
SET datestyle = 'German, DMY';
BEGIN READ ONLY;
SELECT count(*), (SELECT count(*) FROM llm_cost.calls(period => '[01.06.2026,08.06.2026)', usage => 'call_usage')) AS calls,
	   (SELECT count(*) FROM llm_cost.retries(period => '[08.06.2026,15.06.2026)', usage => 'call_usage')) AS retries
FROM llm_cost.runaway('[08.06.2026,15.06.2026)', usage => 'call_usage');
COMMIT;
SET datestyle = 'ISO';

-- Hidden rows are not seen.
CREATE ROLE regress_runaway_reader;
GRANT USAGE ON SCHEMA regress_runaway TO regress_runaway_reader;
GRANT SELECT ON call, call_usage TO regress_runaway_reader;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON call FOR SELECT TO regress_runaway_reader USING (user_id IN ('user1', 'mallory'));
SET ROLE regress_runaway_reader;
SELECT scope, finding, example FROM llm_cost.runaway('[2026-06-08,2026-06-15)', usage => 'call_usage');
RESET ROLE;

SET client_min_messages = warning;
DELETE FROM llm_cost.price_override WHERE model = 'regress-runaway';
DROP SCHEMA regress_runaway CASCADE;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_runaway';
DROP ROLE regress_runaway_reader;
