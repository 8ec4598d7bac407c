--
-- Operations, cells and episodes, with numbers worked out by hand.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_operations;
RESET client_min_messages;
SET search_path = regress_operations, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
DELETE FROM llm_cost.attached_usage;

-- $1 in, $10 out per million: 1,000 in and 100 out are $0.002.
SELECT count(*) FROM (VALUES ('input', 1.0), ('output', 10.0)) AS p (meter, amount),
	LATERAL llm_cost.set_price('regress-op', meter, amount, '2026-01-01', 'regress');
CREATE TABLE call (
	started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, attempt_id text,
	parent_id text, attempt bigint, kind text, step text, error_type text, user_id text, workflow text, release text);
INSERT INTO call VALUES
	-- a: a tool call, and after midnight its first attempt: it begins with that; plans, fails, plans again, looks something up, answers: 4 levels deep
	('2026-05-31 23:50+00', NULL, NULL, NULL, 'a', 'a0', NULL, NULL, 'tool', 'search', NULL, 'u1', 'w', '1.0'),
	('2026-06-01 10:00+00', 'regress-op', 1000, 100, 'a', 'a1', NULL, 1, 'chat', 'plan', 'timeout', 'u1', 'w', '1.0'),
	('2026-06-01 10:01+00', 'regress-op', 1000, 100, 'a', 'a2', 'a1', 2, 'chat', 'plan', NULL, 'u1', 'w', '1.0'),
	('2026-06-01 10:02+00', NULL, NULL, NULL, 'a', 'a3', 'a2', NULL, 'tool', 'search', NULL, 'u1', 'w', '1.0'),
	('2026-06-01 10:03+00', 'regress-op', 2000, 200, 'a', 'a4', 'a3', 1, 'chat', 'answer', NULL, 'u1', 'w', '1.0'),
	-- b: a third attempt, and nobody logged the two before
	('2026-06-02 10:00+00', 'regress-op', 1000, 100, 'b', 'b1', NULL, 3, 'chat', 'plan', NULL, 'u2', 'w', '1.0'),
	-- no operation
	('2026-06-03 10:00+00', 'regress-op', 1000, 100, NULL, 'c1', NULL, 1, 'chat', 'plan', NULL, 'u2', 'w', '1.0'),
	-- d: no price
	('2026-06-03 11:00+00', 'no such model', 1000, 100, 'd', 'd1', NULL, 1, 'chat', 'plan', NULL, 'u2', 'w', '1.0'),
	-- e: the span of an agent repeats what its two calls used
	('2026-06-04 11:00:00+00', 'regress-op', 3000, 300, 'e', 'e0', NULL, NULL, 'agent', NULL, NULL, 'u2', 'w', '1.1'),
	('2026-06-04 11:00:00+00', 'regress-op', 2000, 100, 'e', 'e1', 'e0', NULL, 'chat', 'plan', NULL, 'u2', 'w', '1.1'),
	('2026-06-04 11:00:01+00', 'regress-op', 1000, 200, 'e', 'e2', 'e0', NULL, 'chat', 'plan', NULL, 'u2', 'w', '1.1'),
	-- f: over midnight; it is of Saturday, its second call of Sunday
	('2026-06-06 23:59+00', 'regress-op', 1000, 100, 'f', 'f1', NULL, 1, 'chat', 'plan', NULL, 'u3', 'w', '1.1'),
	('2026-06-07 00:01+00', 'regress-op', 1000, 100, 'f', 'f2', 'f1', 1, 'chat', 'answer', NULL, 'u3', 'w', '1.1'),
	-- g: begins before the period, and h ends after it
	('2026-05-31 23:59+00', 'regress-op', 1000, 100, 'g', 'g1', NULL, 1, 'chat', 'plan', NULL, 'u3', 'w', '1.0'),
	('2026-06-01 00:01+00', 'regress-op', 1000, 100, 'g', 'g2', 'g1', 1, 'chat', 'answer', NULL, 'u3', 'w', '1.0'),
	('2026-06-07 23:59+00', 'regress-op', 1000, 100, 'h', 'h1', 'h2', 1, 'chat', 'plan', NULL, 'u3', 'w', '1.1'),
	('2026-06-08 00:01+00', 'regress-op', 1000, 100, 'h', 'h2', 'h1', 1, 'chat', 'answer', NULL, 'u3', 'w', '1.1');
SELECT llm_cost.attach('call');
CREATE TABLE ticket (request text, state text);
INSERT INTO ticket VALUES ('a', 'resolved'), ('b', 'escalated'), ('z', 'resolved');

-- g began before; h's second call is its own although it came after.  h's spans are each other's
-- parents, which gives no depth.
SELECT operation_id, first_started_at, last_started_at, attempts, tool_calls AS tools, retries, retry_errors, depth, models, input_tokens AS input, output_tokens AS output
FROM llm_cost.operations('[2026-06-01, 2026-06-08)') ORDER BY first_started_at, operation_id;
SELECT operation_id, user_id, workflow, release, cost, retry_cost, failed_cost, unpriced_attempts AS unpriced, outcome
FROM llm_cost.operations('[2026-06-01, 2026-06-08)', outcomes => 'ticket', outcome_key => 'request', outcome_column => 'state')
ORDER BY first_started_at, operation_id;
SELECT operation_id FROM llm_cost.operations('[2026-06-01, 2026-06-08)', filter => '{"user_id": ["u1", "u3"]}') ORDER BY 1;
SELECT * FROM llm_cost.operations(outcomes => 'ticket', outcome_key => 'no_such_column');

-- Three calls of $1, by two services with prompts of their own; the first names no team, the last
-- the outcome.  An operation is $3 and three calls, whatever a filter leaves of its attempts.
CREATE TABLE services AS
SELECT '2026-06-01'::timestamptz + make_interval(days => d, mins => i) AS started_at, 'm' AS model, 1.0 AS cost, NULL::text AS cost_problem, 'x' || d AS operation_id,
	   'u' AS user_id, CASE WHEN i > 1 THEN 'blue' END AS team, 's' || i AS step, 'p' || i AS prompt_version, CASE i WHEN 1 THEN '7' ELSE '2' END AS release,
	   CASE i WHEN 3 THEN 'resolved' END AS outcome, jsonb_build_object('span', i) AS tags, CASE WHEN i = 3 AND d = 6 THEN 'no_price:input' END AS problem
FROM generate_series(0, 6) AS d, generate_series(1, 3) AS i;
SELECT f.filter, d.value AS operation_usd, d.sample_size AS operations, c.value AS calls_per_operation, a.sample_size AS attempts
FROM (VALUES ('{}'), ('{"step": "s1"}'), ('{"prompt_version": "p1"}'), ('{"prompt_version": "p2"}'), ('{"release": "7"}'), ('{"release": "2"}'), ('{"outcome": "resolved"}'),
			 ('{"tags.span": "1"}'), ('{"tags.span": "2"}'), ('{"prompt_version": "p1", "user_id": "u"}')) AS f (filter),
	 LATERAL llm_cost.drift('unit_cost', '{}', '[2026-06-01, 2026-06-08)', unit => 'operation', filter => f.filter::jsonb, usage => 'services') d,
	 LATERAL llm_cost.drift('calls_per_operation', '{}', '[2026-06-01, 2026-06-08)', filter => f.filter::jsonb, usage => 'services') c,
	 LATERAL llm_cost.drift('unit_cost', '{}', '[2026-06-01, 2026-06-08)', unit => 'attempt', filter => f.filter::jsonb, usage => 'services') a;
-- A call of the seventh has no price: nor has the operation, although the filter leaves that call out.
UPDATE services SET cost = NULL, cost_problem = problem WHERE problem IS NOT NULL;
SELECT d.value AS operation_usd, d.sample_size AS operations
FROM llm_cost.drift('unit_cost', '{}', '[2026-06-01, 2026-06-08)', unit => 'operation', filter => '{"cost_problem": null}', usage => 'services') d;
-- What the first attempt does not say, the operation does not, in operations() as in drift() by it.
SELECT o.team, o.release, count(*), sum(o.attempts) AS attempts FROM llm_cost.operations('[2026-06-01, 2026-06-08)', usage => 'services') o GROUP BY 1, 2 ORDER BY 1, 2;
SELECT o.team, o.release, count(*), sum(o.attempts) AS attempts FROM llm_cost.operations('[2026-06-01, 2026-06-08)', usage => 'services', filter => '{"step": "s3"}') o GROUP BY 1, 2 ORDER BY 1, 2;
SELECT scope, sample_size AS operations FROM llm_cost.drift('calls_per_operation', '{team,release}', '[2026-06-01, 2026-06-08)', usage => 'services');

-- Cells: attempts where they ran, operations where they began.
SELECT bucket_start::date AS day, scope, attempts, tool_calls AS tools, unpriced_attempts AS unpriced, operations, priced_operations AS priced, grouped_attempts AS grouped,
	   retries, unlogged_failures AS unlogged, failures, cost, operation_cost, retry_cost, failed_cost, input_tokens AS input
FROM llm_cost.cells('{release}', '[2026-06-01, 2026-06-08)') ORDER BY 1, 2;
SELECT user_id, attempts, operations, cost, cost_distribution FROM llm_cost.cells('{}', '[2026-06-01, 2026-06-08)', 'user', 'period') ORDER BY 1;
-- Both grains, any bucket and any columns add up to the same; an operation is counted once.
-- In plain SQL: without the span of the agent, the tool, and g, which began before.
SELECT grain, bucket, by, sum(attempts) AS attempts, sum(operations) AS operations, sum(cost) AS cost, sum(input_tokens) AS input
FROM (VALUES ('user'), ('dimension')) AS g (grain), (VALUES ('hour'), ('day'), ('month')) AS b (bucket), (VALUES ('{}'::text[]), ('{workflow,step,release}')) AS d (by),
	 LATERAL llm_cost.cells(by, '[2026-06-01, 2026-06-08)', grain, bucket) AS c
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT count(*) - 2 AS attempts, count(DISTINCT operation_id) - 1 AS operations, sum(cost) - 0.006 AS cost, sum(input_tokens) - 3000 AS input
FROM call_usage WHERE started_at >= '2026-06-01' AND started_at < '2026-06-08';
-- A day of Kolkata begins at 18:30 UTC: f's two calls share one.
SELECT bucket_start, sum(attempts) AS attempts, sum(operations) AS operations
FROM llm_cost.cells('{}', tstzrange('2026-06-05 18:30+00', '2026-06-07 18:30+00'), time_zone => 'Asia/Kolkata') GROUP BY 1 ORDER BY 1;
SELECT * FROM llm_cost.cells(grain => 'dust');
SELECT * FROM llm_cost.cells(bucket => 'fortnight');

-- One rule for all: 600 operations whose attempts differ in workflow, model and user, many over midnight
-- and over the ends of the period, every fifth begun by a tool call, every ninth with a call that has no
-- price.  By whatever column, an operation is whole where its first attempt is.
CREATE TABLE mixed AS
SELECT '2026-05-31 12:00+00'::timestamptz + o * INTERVAL '17 minutes' + n * INTERVAL '3 hours' AS started_at, t.tool IS NULL AS is_call,
	   CASE WHEN t.tool IS NULL THEN CASE WHEN o % 9 = 0 AND n = 1 THEN 'no such model' WHEN hashint4(o * 10 + n) % 2 = 0 THEN 'regress-op' ELSE 'regress-op-2' END END AS model,
	   CASE WHEN t.tool IS NULL THEN 1000 * (1 + abs(hashint4(o + 7 * n)) % 5) END AS input_tokens, CASE WHEN t.tool IS NULL THEN 100 END AS output_tokens,
	   'o' || o AS operation_id, format('o%s.%s', o, n) AS attempt_id, CASE WHEN t.tool IS NULL THEN 'chat' ELSE 'tool' END AS kind,
	   's' || n AS step, 'u' || abs(hashint4(o * 3 + n)) % 7 AS user_id, 'w' || abs(hashint4(o * 5 + n)) % 3 AS workflow,
	   CASE WHEN o % 4 < 3 THEN (ARRAY['resolved', 'unresolved'])[1 + o % 2] END AS outcome
FROM generate_series(1, 600) AS o, LATERAL generate_series(0, o % 4) AS n, LATERAL (SELECT CASE WHEN o % 5 = 0 AND n = 0 AND o % 4 > 0 THEN 'tool' END AS tool) AS t;
SELECT count(*) FROM (VALUES ('input', 3.0), ('output', 5.0)) AS p (meter, amount), LATERAL llm_cost.set_price('regress-op-2', meter, amount, '2026-01-01', 'regress');
SELECT llm_cost.attach('mixed');
CREATE VIEW whole AS
SELECT f.*, t.attempts, t.cost
FROM (SELECT DISTINCT ON (operation_id) operation_id, started_at, workflow, model, user_id FROM mixed ORDER BY operation_id, is_call DESC, started_at) AS f
	 JOIN (SELECT operation_id, count(*) FILTER (WHERE kind = 'chat') AS attempts, CASE WHEN bool_and(cost IS NOT NULL OR kind = 'tool') THEN sum(cost) END AS cost
		   FROM mixed_usage GROUP BY 1) AS t USING (operation_id)
WHERE f.started_at >= '2026-06-01' AND f.started_at < '2026-06-05';
SELECT d.by, count(*) AS scopes, sum(p.operations) AS operations, sum(p.cost) AS cost,
	   bool_and((c.operations, c.priced_operations, c.operation_attempts, c.operation_cost) = (p.operations, p.priced, p.attempts, p.cost)) AS cells,
	   bool_and((k.operations, k.calls_per_operation) = (p.operations, llm_cost.shown_number(p.attempts / p.operations)) AND k.cost_per_operation = llm_cost.shown_number(p.cost / p.priced)) AS calls,
	   bool_and((s.units, s.cost) = (p.priced, p.cost)) AS skew,
	   bool_and((o.operations, o.unpriced_operations, o.cost + o.unknown_cost) = (p.operations, p.operations - p.priced, p.cost)) AS outcomes,
	   bool_and(r.value = llm_cost.shown_number(p.cost / p.priced)) AS drift
FROM (VALUES ('workflow'), ('model'), ('user_id')) AS d (by)
	 CROSS JOIN LATERAL (SELECT jsonb_build_object(d.by, to_jsonb(w) ->> d.by) AS scope, count(*) AS operations, count(w.cost) AS priced, sum(w.cost) AS cost,
								sum(w.attempts) AS attempts FROM whole w GROUP BY 1) AS p
	 LEFT JOIN LATERAL llm_cost.cells(ARRAY[d.by], '[2026-06-01, 2026-06-05)', bucket => 'period', usage => 'mixed_usage') AS c ON c.scope = p.scope
	 LEFT JOIN LATERAL llm_cost.calls(ARRAY[d.by], '[2026-06-01, 2026-06-05)', usage => 'mixed_usage') AS k ON k.scope = p.scope
	 LEFT JOIN LATERAL llm_cost.skew(ARRAY[d.by], 'operation', '[2026-06-01, 2026-06-05)', usage => 'mixed_usage') AS s ON s.scope = p.scope
	 LEFT JOIN LATERAL llm_cost.cost_per_outcome(ARRAY[d.by], '[2026-06-01, 2026-06-05)', usage => 'mixed_usage') AS o ON o.scope = p.scope
	 LEFT JOIN LATERAL llm_cost.drift('unit_cost', ARRAY[d.by], '[2026-06-01, 2026-06-05)', unit => 'operation', usage => 'mixed_usage') AS r ON r.scope = p.scope
GROUP BY 1 ORDER BY 1;
SELECT count(*) AS operations, sum(attempts) AS attempts, sum(cost) AS cost, (SELECT row(count(*), sum(w.attempts), sum(w.cost)) FROM whole w) AS plain
FROM llm_cost.operations('[2026-06-01, 2026-06-05)', usage => 'mixed_usage');
DROP VIEW whole;
SELECT llm_cost.detach('mixed_usage') \gset

-- Reference prices: as of a time, and the attempt's own where there was none.
SELECT count(*) FROM llm_cost.set_price('regress-op', 'input', 2.0, '2026-06-03', 'regress');
SELECT scope, cost, reference_cost FROM llm_cost.cells('{model}', '[2026-06-01, 2026-06-08)', bucket => 'period', reference_at => '2026-06-02') ORDER BY cost;
SELECT scope, cost, reference_cost FROM llm_cost.cells('{model}', '[2026-06-01, 2026-06-08)', bucket => 'period', reference_at => '2025-01-01') ORDER BY cost;

-- Episodes.  Twelve users, six weeks, ten calls a day: from June 10 to 14 half of what was cached
-- no longer is, but on 12; and on the 20th one user of twelve loses all of it.
CREATE TABLE cached AS
SELECT '2026-05-11'::timestamptz + make_interval(days => d, hours => 2 * c) AS started_at, 'regress-op' AS model, 1000 + 10 * ((u + c + d) % 5) AS input_tokens,
	   CASE WHEN d IN (30, 31, 33, 34) THEN 400 WHEN d = 40 AND u = 1 THEN 0 ELSE 800 END + 10 * ((u * c + d) % 3) AS cache_read_tokens, 100 AS output_tokens,
	   'u' || u AS user_id, 1 + c % 3 AS turn, 'o' || d || u || c AS operation_id, CASE WHEN d < 30 THEN '1' ELSE '2' END AS release
FROM generate_series(0, 41) AS d, generate_series(1, 12) AS u, generate_series(0, 9) AS c;
SELECT llm_cost.attach('cached');
SELECT count(*) FROM llm_cost.set_price('regress-op', 'cache_read', 0.2, '2026-01-01', 'regress');
SELECT scope, opened_at, closed_at, round(value_before, 4) AS before, round(value_during, 4) AS during, change, low < change AND change < high AS inside,
	   wasted_usd, sampling_units AS units, verdict, near_release, release_lag
FROM llm_cost.drift_windows('hit_ratio', '{}', '[2026-06-08, 2026-06-22)', usage => 'cached_usage');
-- Between 10 and 14 June, the 12th included: 12 users x 10 calls x 4 days lost 400 tokens, at $2.00 - $0.20.
SELECT round(12 * 10 * 4 * 400 * 1.8 / 1000000, 2) AS lost;
SELECT round(sum(cache_read_tokens) FILTER (WHERE started_at < '2026-06-08') / sum(input_tokens::numeric) FILTER (WHERE started_at < '2026-06-08'), 4) AS before,
	   round(sum(cache_read_tokens) FILTER (WHERE started_at >= '2026-06-10' AND started_at < '2026-06-15')
		/ sum(input_tokens::numeric) FILTER (WHERE started_at >= '2026-06-10' AND started_at < '2026-06-15'), 4) AS during
FROM cached;
-- At a threshold of 50 points there is nothing, and nothing else moved.
SELECT count(*) FROM llm_cost.drift_windows(threshold => 50, period => '[2026-06-08, 2026-06-22)', usage => 'cached_usage');
SELECT count(*) FROM llm_cost.drift_windows('retry_share', period => '[2026-06-08, 2026-06-22)', usage => 'cached_usage');
SELECT count(*) FROM llm_cost.drift_windows('calls_per_operation', period => '[2026-06-08, 2026-06-22)', usage => 'cached_usage', bucket => 'week');
-- Sessions get shorter: three in four calls are first turns, which never hit, instead of one in
-- three.  The ratio of sums halves; nothing drifted.
CREATE TABLE shorter AS
SELECT started_at, model, input_tokens, CASE WHEN turn = 1 THEN 0 ELSE 800 END AS cache_read_tokens, output_tokens, user_id, turn, operation_id
FROM (SELECT c.*, CASE WHEN started_at < '2026-06-08' THEN 1 + c.n % 3 ELSE CASE WHEN c.n % 4 > 0 THEN 1 ELSE 2 END END AS turn
	  FROM (SELECT started_at, model, input_tokens, output_tokens, user_id, operation_id, row_number() OVER (PARTITION BY user_id, started_at::date ORDER BY started_at) AS n FROM cached) AS c) AS t;
SELECT llm_cost.attach('shorter');
SELECT round(llm_cost.hit_ratio(cache_read_tokens, input_tokens) FILTER (WHERE started_at < '2026-06-08')::numeric, 3) AS before,
	   round(llm_cost.hit_ratio(cache_read_tokens, input_tokens) FILTER (WHERE started_at >= '2026-06-08')::numeric, 3) AS after,
	   (SELECT count(*) FROM llm_cost.drift_windows(period => '[2026-06-08, 2026-06-22)', usage => 'shorter_usage')) AS episodes
FROM shorter;
-- Thirty users, and one call in twenty is tried again, but none on the 13th, when one or two would
-- be expected: that is chance.  None in the week from the 15th on, when ten would be, is none.
CREATE TABLE tried AS
SELECT at AS started_at, 'm' AS model, 1.0 AS cost, NULL::text AS cost_problem, 'u' || u AS user_id, u || ' ' || d AS operation_id, k AS attempt, CASE k WHEN 1 THEN error END AS error_type
FROM (SELECT '2026-05-11'::timestamptz + make_interval(days => d, mins => u) AS at, u, d, CASE WHEN (7 * u + 3 * d) % 20 = 0 AND d <> 33 THEN 'timeout' END AS error
	  FROM generate_series(0, 41) AS d, generate_series(1, 30) AS u) AS o, generate_series(1, CASE WHEN error IS NULL THEN 1 ELSE 2 END) AS k;
SELECT opened_at, closed_at, round(value_before, 3) AS before, value_during AS during, verdict
FROM llm_cost.drift_windows('retry_share', period => '[2026-06-08, 2026-06-22)', threshold => 4, usage => 'tried');
DELETE FROM tried WHERE attempt = 2 AND started_at >= '2026-06-15';
UPDATE tried SET error_type = NULL WHERE started_at >= '2026-06-15';
SELECT opened_at, closed_at, round(value_before, 3) AS before, value_during AS during, verdict
FROM llm_cost.drift_windows('retry_share', period => '[2026-06-08, 2026-06-22)', threshold => 4, bucket => 'week', usage => 'tried');
-- Where the baseline has retries of attempts that were not logged, more retries may be a better log.
DELETE FROM tried WHERE error_type IS NOT NULL AND started_at < '2026-05-13';
SELECT verdict, cause FROM llm_cost.drift('retry_share', period => '[2026-06-08, 2026-06-15)', usage => 'tried');
SELECT verdict, cause FROM llm_cost.drift_windows('retry_share', period => '[2026-06-08, 2026-06-22)', threshold => 4, bucket => 'week', usage => 'tried');
SELECT llm_cost.set_plan('{"retry_share": 0.01}', usage => 'tried');
SELECT verdict, cause FROM llm_cost.drift('retry_share', baseline => 'plan', period => '[2026-05-11, 2026-05-18)', usage => 'tried');
SELECT llm_cost.drift_windows('spend', usage => 'cached_usage');
SELECT llm_cost.drift_windows(threshold => 0, usage => 'cached_usage');
SELECT llm_cost.drift_windows(bucket => 'minute', usage => 'cached_usage');
SELECT llm_cost.drift_windows(baseline_weeks => 0, usage => 'cached_usage');
SELECT llm_cost.drift_windows(usage => 'call_usage');

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_operations';
DELETE FROM llm_cost.usage_plan WHERE schema_name = 'regress_operations';
DELETE FROM llm_cost.price_override WHERE model LIKE 'regress-op%';
DROP SCHEMA regress_operations CASCADE;
