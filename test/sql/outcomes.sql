--
-- cost_per_outcome() and compare_outcomes(): what success costs
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_outcomes;
SET search_path = regress_outcomes;
CREATE TABLE call (started_at timestamptz, model text DEFAULT 'm', cost numeric, cost_problem text, operation_id text, workflow text DEFAULT 'w',
	outcome text, attempt bigint, error_type text, kind text, step text);
\set period 'tstzrange(''2026-03-02'', ''2026-03-09'')'

-- The cheap model succeeds in 60 of 100 at 0.01 each, the dear one in 90 at 0.10.
INSERT INTO call (started_at, model, cost, operation_id, outcome)
SELECT '2026-03-02'::timestamptz + g * interval '1 minute', 'cheap', 0.01, 'c' || g, CASE WHEN g <= 60 THEN 'resolved' WHEN g <= 70 THEN 'escalated' ELSE 'unresolved' END
FROM generate_series(1, 100) g
UNION ALL SELECT '2026-03-02'::timestamptz + g * interval '1 minute', 'dear', 0.10, 'd' || g, CASE WHEN g <= 90 THEN 'approved' ELSE 'unresolved' END FROM generate_series(1, 100) g;
-- cheap: 1 / 60, dear: 10 / 90
SELECT scope ->> 'model' AS model, operations, resolved, unresolved, escalated, success_rate, cost, escalated_cost, unresolved_cost, cost_per_operation::numeric(10,4), cost_per_resolved::numeric(10,6)
FROM llm_cost.cost_per_outcome('{model}', :period, usage => 'call');
-- where a failure costs 1: (1 + 40) / 60, (10 + 10) / 90
SELECT scope ->> 'model' AS model, unresolved_cost, cost_per_resolved::numeric(10,6), (CASE scope ->> 'model' WHEN 'cheap' THEN 41 / 60.0 ELSE 20 / 90.0 END)::numeric(10,6) AS by_hand
FROM llm_cost.cost_per_outcome('{model}', :period, usage => 'call', failure_cost => 1);
-- break-even: (10 x 60 - 1 x 90) / (40 x 90 - 10 x 60) = 510 / 3000 = 0.17, where both cost 0.13
SELECT scope, cheap, dear, cheap_success_rate, dear_success_rate, cheap_cost_per_operation::numeric(10,4), dear_cost_per_operation::numeric(10,4),
	   cheap_cost_per_resolved::numeric(10,6), dear_cost_per_resolved::numeric(10,6), break_even_failure_cost, better
FROM llm_cost.compare_outcomes(period => :period, usage => 'call');
SELECT f AS failure_cost, cheap_cost_per_resolved::numeric(10,6), dear_cost_per_resolved::numeric(10,6), break_even_failure_cost::numeric(10,4), better
FROM unnest('{0.16,0.17,0.18}'::numeric[]) f, LATERAL llm_cost.compare_outcomes(period => :period, usage => 'call', failure_cost => f);
-- at a price ratio below 1.5 the dear one is the cheaper one without any failure cost
UPDATE call SET cost = 0.0149 WHERE model = 'dear';
SELECT cheap, dear, break_even_failure_cost, better FROM llm_cost.compare_outcomes(period => :period, usage => 'call');
-- dear and worse: no break-even; neither resolves anything: nobody is better
UPDATE call SET outcome = 'unresolved' WHERE model = 'dear' AND operation_id > 'd3';
SELECT cheap, dear, dear_success_rate, break_even_failure_cost, better FROM llm_cost.compare_outcomes(period => :period, usage => 'call', failure_cost => 100);
UPDATE call SET outcome = 'unresolved';
SELECT cheap, dear, cheap_cost_per_resolved, dear_cost_per_resolved, break_even_failure_cost, better FROM llm_cost.compare_outcomes(period => :period, usage => 'call', failure_cost => 100);
SELECT scope, resolved, success_rate, cost, cost_per_operation::numeric(10,4), cost_per_resolved FROM llm_cost.cost_per_outcome(period => :period, usage => 'call', failure_cost => 5);
-- one that resolves is better than one that never does
UPDATE call SET outcome = 'answered' WHERE operation_id = 'd7';
SELECT cheap, dear, break_even_failure_cost::numeric(10,6), better FROM llm_cost.compare_outcomes(period => :period, usage => 'call');
-- other words for success; within another column
UPDATE call SET outcome = 'fine', workflow = 'v' WHERE operation_id = 'c1';
SELECT scope ->> 'workflow' AS workflow, resolved, escalated FROM llm_cost.cost_per_outcome(period => :period, usage => 'call', success => '{fine}', escalation => '{answered}') ORDER BY 1;
SELECT scope, cheap, dear, cheap_operations, dear_operations FROM llm_cost.compare_outcomes(by => '{workflow}', period => :period, usage => 'call');
TRUNCATE call;

-- What is on neither side: no outcome, no price, no operation.
INSERT INTO call (started_at, cost, operation_id, outcome) VALUES
	('2026-03-02', 1, 'ok', NULL), ('2026-03-02 00:01', 2, 'ok', 'resolved'),		-- the outcome comes with the last
	('2026-03-02', 4, 'changed', 'resolved'), ('2026-03-02 00:01', 8, 'changed', 'unresolved'),	-- and the last holds
	('2026-03-02', 16, 'unknown', NULL),
	('2026-03-02', 32, 'unpriced', 'resolved'), ('2026-03-02 00:01', NULL, 'unpriced', 'resolved'),
	('2026-03-02', 64, NULL, 'resolved'), ('2026-03-02', NULL, NULL, NULL),
	('2026-03-01 23:59', 128, 'before', 'resolved'), ('2026-03-02 00:01', 256, 'before', 'resolved'),
	('2026-03-08 23:59', 512, 'late', NULL), ('2026-03-09 00:01', 1024, 'late', 'unresolved');
SELECT operations, resolved, unresolved, unknown, unpriced_operations, success_rate, cost, cost_per_resolved::numeric(10,2), unknown_cost, ungrouped_attempts, ungrouped_cost, note
FROM llm_cost.cost_per_outcome(period => :period, usage => 'call');
-- outcomes of their own, joined late; two for one operation are none
CREATE TABLE verdict (ticket text, result text);
INSERT INTO verdict VALUES ('unknown', 'resolved'), ('changed', 'resolved'), ('ok', 'resolved'), ('ok', 'unresolved'), ('late', 'resolved'), ('late', 'resolved'), ('nobody', 'resolved');
SELECT operations, resolved, unresolved, unknown, unpriced_operations, cost, unknown_cost, note
FROM llm_cost.cost_per_outcome(period => :period, usage => 'call', outcomes => 'verdict', outcome_key => 'ticket', outcome_column => 'result');
TRUNCATE call;

-- Retries are in the cost; where a failed attempt is not logged, nobody knows.
INSERT INTO call (started_at, cost, operation_id, outcome, attempt, error_type) VALUES
	('2026-03-02 00:00', 1, 'r', NULL, 1, 'timeout'), ('2026-03-02 00:01', 2, 'r', 'resolved', 2, NULL), ('2026-03-02', 4, 's', 'unresolved', 1, NULL);
SELECT cost, retry_cost, cost_per_resolved::numeric(10,2), note FROM llm_cost.cost_per_outcome(period => :period, usage => 'call');
INSERT INTO call (started_at, cost, operation_id, outcome, attempt) VALUES ('2026-03-02', 8, 'unlogged', 'resolved', 2);
SELECT cost, retry_cost, cost_per_resolved::numeric(10,2), note FROM llm_cost.cost_per_outcome(period => :period, usage => 'call');
TRUNCATE call;

-- An operation is of the model of its first call, even where a tool came first.
INSERT INTO call (started_at, model, cost, operation_id, outcome, kind) VALUES
	('2026-03-02 00:00', 'tool', NULL, 'o', NULL, 'tool'), ('2026-03-02 00:01', 'small', 1, 'o', NULL, 'chat'), ('2026-03-02 00:02', 'large', 10, 'o', 'resolved', 'chat'),
	('2026-03-02 00:01', 'large', 10, 'p', 'resolved', 'chat');
CREATE VIEW counted AS SELECT *, CASE WHEN kind = 'tool' THEN NULL ELSE 1 END::bigint AS input_tokens, NULL::bigint AS output_tokens, NULL::jsonb AS meters FROM call;
SELECT scope, operations, cost FROM llm_cost.cost_per_outcome('{model}', :period, usage => 'counted');
TRUNCATE call;

-- Minutes of people are a meter: in the cost of the attempt, else at the declared
-- price.  A token of input costs 10 and a minute of people 3, in model "regress-o".
INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, per, valid, known, source)
SELECT 'list', 'regress-o', model, meter, amount, 1, '[2026-01-01,)', '[2025-01-01,)', 'test'
FROM (VALUES ('regress-o', 'input', 10), ('regress-o', 'human_review_minute', 3), ('regress-p', 'input', 10)) AS p (model, meter, amount);
CREATE TABLE worked (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, meters jsonb, operation_id text, outcome text);
INSERT INTO worked VALUES
	('2026-03-02', 'regress-o', 5, NULL, '{"human_review_minute": 4}', 'book', 'resolved'),		-- 50 + 12
	('2026-03-02', 'regress-o', 0, 0, '{"human_review_minute": 2}', 'alone', 'resolved'),	-- 6
	('2026-03-02', 'regress-p', 5, NULL, '{"human_review_minute": 4}', 'declared', 'resolved'),	-- 50 + 4 x 7
	('2026-03-02', 'people', NULL, NULL, '{"human_review_minute": 1.5}', 'people', 'resolved'),	-- 1.5 x 7
	('2026-03-02', 'people', 5, NULL, '{"human_review_minute": 1}', 'strange', 'resolved'),		-- no price for the tokens
	('2026-03-02', 'regress-o', 5, NULL, '{"human_review_minute": "x"}', 'no number', 'resolved');
SELECT scope ->> 'operation_id' AS operation, cost, human_cost, unpriced_operations FROM llm_cost.cost_per_outcome('{operation_id}', :period, usage => 'worked') ORDER BY 1;
SELECT scope ->> 'operation_id' AS operation, cost, human_cost, unpriced_operations FROM llm_cost.cost_per_outcome('{operation_id}', :period, usage => 'worked', human_minute_cost => 7) ORDER BY 1;

-- Nothing, one, all unpriced, all unknown; what is missing, what is wrong.
SELECT count(*) FROM llm_cost.cost_per_outcome(period => :period, usage => 'call');
SELECT count(*) FROM llm_cost.cost_per_outcome('{}', tstzrange('2026-05-04', '2026-05-11'), usage => 'call');
SELECT count(*) FROM llm_cost.compare_outcomes(period => :period, usage => 'call');
INSERT INTO call (started_at, cost, operation_id, outcome) VALUES ('2026-03-02', 1, 'o', 'resolved');
SELECT * FROM llm_cost.cost_per_outcome('{}', :period, usage => 'call');
SELECT count(*) FROM llm_cost.compare_outcomes(period => :period, usage => 'call');
UPDATE call SET outcome = NULL;
SELECT * FROM llm_cost.cost_per_outcome('{}', :period, usage => 'call', failure_cost => 3);
UPDATE call SET outcome = 'resolved', cost = NULL;
SELECT * FROM llm_cost.cost_per_outcome('{}', :period, usage => 'call', failure_cost => 3);
UPDATE call SET operation_id = NULL;
SELECT * FROM llm_cost.cost_per_outcome('{workflow}', :period, usage => 'call');
CREATE TABLE bare (started_at timestamptz, model text, cost numeric, cost_problem text);
SELECT * FROM llm_cost.cost_per_outcome(usage => 'bare');
ALTER TABLE bare ADD operation_id text;
SELECT * FROM llm_cost.cost_per_outcome(usage => 'bare');
SELECT count(*) FROM llm_cost.cost_per_outcome(period => :period, usage => 'bare', outcomes => 'verdict', outcome_key => 'ticket', outcome_column => 'result');
SELECT * FROM llm_cost.cost_per_outcome(period => :period, usage => 'bare', outcomes => 'verdict');
SELECT * FROM llm_cost.cost_per_outcome(usage => 'call', failure_cost => -1);
SELECT * FROM llm_cost.cost_per_outcome(usage => 'call', failure_cost => 'NaN');
SELECT * FROM llm_cost.cost_per_outcome(usage => 'call', human_minute_cost => -1);
SELECT * FROM llm_cost.compare_outcomes(by => '{model}', usage => 'call');
SELECT * FROM llm_cost.compare_outcomes('modle', usage => 'call');

-- Each sees what he may see, and a standby can answer.
TRUNCATE call;
INSERT INTO call (started_at, cost, operation_id, outcome, workflow) VALUES ('2026-03-02', 1, 'o', 'resolved', 'open'), ('2026-03-02', 100, 'p', 'resolved', 'hidden');
CREATE ROLE regress_outcomes_reader;
GRANT USAGE ON SCHEMA regress_outcomes TO regress_outcomes_reader;
GRANT SELECT ON call TO regress_outcomes_reader;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader ON call TO regress_outcomes_reader USING (workflow = 'open');
SET ROLE regress_outcomes_reader;
BEGIN READ ONLY;
SELECT scope, operations, cost FROM llm_cost.cost_per_outcome(period => :period, usage => 'call');
SELECT count(*) FROM llm_cost.compare_outcomes('workflow', period => :period, usage => 'call');
ROLLBACK;
RESET ROLE;
SELECT cheap, dear, cheap_cost_per_operation::integer, dear_cost_per_operation::integer FROM llm_cost.compare_outcomes('workflow', period => :period, usage => 'call');

SET client_min_messages = warning;
SET search_path = public;
DROP SCHEMA regress_outcomes CASCADE;
DROP ROLE regress_outcomes_reader;
DELETE FROM llm_cost.price_override WHERE provider = 'regress-o';
