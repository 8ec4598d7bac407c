--
-- drift() and overview(): values against plain SQL, verdicts, bad input.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_drift;
RESET client_min_messages;
SET search_path = regress_drift, public;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
\set SHOW_CONTEXT never

-- Nothing attached, and what is no usage.
DELETE FROM llm_cost.attached_usage;
SELECT * FROM llm_cost.drift();
SELECT * FROM llm_cost.drift(usage => 'pg_catalog.pg_class');
SELECT * FROM llm_cost.drift(usage => 'pg_catalog.pg_class_oid_index');

-- Windows: whole weeks apart, in local time.  In Berlin the week of 29 March 2026 has 167 hours.
SELECT pair, side, during, upper(during) - lower(during) AS length
FROM llm_cost.comparison_windows(llm_cost.last_week('Europe/Berlin', '2026-04-08 12:00+00'), NULL, 'Europe/Berlin', 1)
ORDER BY 1, 2, 3 DESC;
-- In Kolkata a week begins 5:30 hours earlier than in UTC.
SELECT llm_cost.last_week('Asia/Kolkata', '2026-06-29 00:00+00'), llm_cost.last_week('UTC', '2026-06-28 23:59:59+00');
-- Ten days against ten days, two weeks apart; and a range of one's own.
SELECT * FROM llm_cost.comparison_windows('[2026-06-17, 2026-06-27)', '4 weeks', 'UTC', 0);
SELECT * FROM llm_cost.comparison_windows('[2026-06-17, 2026-06-27)', '[2026-06-01, 2026-06-11)', 'UTC', 1);

-- Twelve users, six weeks.  Prices of one model: $2 in, $0.5 cached, $10 out per million.
SELECT count(*) FROM (VALUES ('input', 2.0), ('cache_read', 0.5), ('output', 10.0)) AS p (meter, amount),
	LATERAL llm_cost.set_price('regress-drift', meter, amount, '2026-01-01', 'regress');
CREATE TABLE call (
	started_at timestamptz, model text, input_tokens bigint, cache_read_tokens bigint, output_tokens bigint,
	operation_id text, conversation_id text, attempt int, error_type text, user_id text, team text, workflow text, outcome text, plan text);
INSERT INTO call
SELECT '2026-05-18'::timestamptz + make_interval(weeks => w, days => o % 7, hours => u, mins => 10 * c + o),
	   'regress-drift', 1000 + 37 * u + 100 * ((u * 7 + o * 3 + w) % 5) + CASE WHEN w = 5 AND flow = 'search' THEN 400 ELSE 0 END,
	   CASE WHEN w = 5 AND flow = 'chat' THEN 100 ELSE 800 END, 100 + 10 * ((u + o) % 3),
	   format('%s-%s-%s-%s', flow, w, u, o), format('%s-%s', w, u), CASE WHEN c = 2 AND o % 4 = 0 THEN 2 ELSE 1 END,
	   CASE WHEN c = 1 AND o % 4 = 0 THEN 'timeout' END, 'u' || u, 't' || u % 3, flow,
	   CASE WHEN c = 1 THEN CASE WHEN (u + o) % 5 > 0 THEN 'resolved' ELSE 'escalated' END END, CASE WHEN u < 4 THEN 'paid' ELSE 'free' END
FROM generate_series(0, 5) AS w, generate_series(1, 12) AS u, generate_series(1, 8) AS o, (VALUES ('chat'), ('search')) AS f (flow),
	 generate_series(1, CASE WHEN w = 5 AND flow = 'search' AND o > 4 THEN 4 ELSE 2 END) AS c;
SELECT llm_cost.attach('call', mapping => '{"tags": {"sql": "jsonb_build_object(''plan'', plan)"}}');
CREATE VIEW answer AS
	SELECT *, started_at >= '2026-06-22' AS now FROM call_usage WHERE started_at >= '2026-05-25';

-- Every metric, now and before, as plain SQL has it.
CREATE TABLE expected AS
SELECT 'unit_cost/attempt' AS name, sum(cost) FILTER (WHERE now) / count(cost) FILTER (WHERE now) AS now, sum(cost) FILTER (WHERE NOT now) / count(cost) FILTER (WHERE NOT now) AS before FROM answer
UNION ALL SELECT 'unit_cost/operation', sum(cost) FILTER (WHERE now) / count(DISTINCT operation_id) FILTER (WHERE now), sum(cost) FILTER (WHERE NOT now) / count(DISTINCT operation_id) FILTER (WHERE NOT now) FROM answer
UNION ALL SELECT 'unit_cost/conversation', sum(cost) FILTER (WHERE now) / count(DISTINCT conversation_id) FILTER (WHERE now), sum(cost) FILTER (WHERE NOT now) / count(DISTINCT conversation_id) FILTER (WHERE NOT now) FROM answer
UNION ALL SELECT 'unit_cost/user', sum(cost) FILTER (WHERE now) / 12, sum(cost) FILTER (WHERE NOT now) / 48 FROM answer
UNION ALL SELECT 'cost_per_outcome/outcome', sum(cost) FILTER (WHERE now) / count(DISTINCT operation_id) FILTER (WHERE now AND outcome = 'resolved'),
	sum(cost) FILTER (WHERE NOT now) / count(DISTINCT operation_id) FILTER (WHERE NOT now AND outcome = 'resolved') FROM answer
UNION ALL SELECT 'spend/period', sum(cost) FILTER (WHERE now), sum(cost) FILTER (WHERE NOT now) / 4 FROM answer
UNION ALL SELECT 'users/period', 12, 12
UNION ALL SELECT 'operations/period', 192, 192
UNION ALL SELECT 'attempts/period', count(*) FILTER (WHERE now), count(*) FILTER (WHERE NOT now) / 4.0 FROM answer
UNION ALL SELECT 'input_tokens/period', sum(input_tokens) FILTER (WHERE now), sum(input_tokens) FILTER (WHERE NOT now) / 4.0 FROM answer
UNION ALL SELECT 'output_tokens/period', sum(output_tokens) FILTER (WHERE now), sum(output_tokens) FILTER (WHERE NOT now) / 4.0 FROM answer
UNION ALL SELECT 'calls_per_operation/operation', count(*) FILTER (WHERE now) / 192.0, count(*) FILTER (WHERE NOT now) / 768.0 FROM answer
UNION ALL SELECT 'hit_ratio/token', sum(cache_read_tokens) FILTER (WHERE now) / sum(input_tokens) FILTER (WHERE now), sum(cache_read_tokens) FILTER (WHERE NOT now) / sum(input_tokens) FILTER (WHERE NOT now) FROM answer
UNION ALL SELECT 'retry_share/dollar', sum(cost) FILTER (WHERE now AND attempt = 2) / sum(cost) FILTER (WHERE now), sum(cost) FILTER (WHERE NOT now AND attempt = 2) / sum(cost) FILTER (WHERE NOT now) FROM answer
UNION ALL SELECT 'output_ratio/token', sum(output_tokens) FILTER (WHERE now) / sum(input_tokens) FILTER (WHERE now), sum(output_tokens) FILTER (WHERE NOT now) / sum(input_tokens) FILTER (WHERE NOT now) FROM answer
UNION ALL SELECT 'unpriced_share/attempt', 0, 0
UNION ALL SELECT 'context_p50/attempt', (percentile_cont(0.5) WITHIN GROUP (ORDER BY input_tokens) FILTER (WHERE now))::numeric, (percentile_cont(0.5) WITHIN GROUP (ORDER BY input_tokens) FILTER (WHERE NOT now))::numeric FROM answer
UNION ALL SELECT 'context_p99/attempt', (percentile_cont(0.99) WITHIN GROUP (ORDER BY input_tokens) FILTER (WHERE now))::numeric, (percentile_cont(0.99) WITHIN GROUP (ORDER BY input_tokens) FILTER (WHERE NOT now))::numeric FROM answer;
SELECT m.metric, m.unit, round(d.value, 6) AS value, round(d.value_before, 6) AS before, d.verdict,
	   abs(d.value - e.now) <= 1e-8 * e.now AND abs(d.value_before - e.before) <= 1e-8 * e.before AS as_plain_sql
FROM llm_cost.metrics() m LEFT JOIN expected e ON e.name = format('%s/%s', m.metric, m.unit),
	 LATERAL llm_cost.drift(m.metric, unit => m.unit, period => '[2026-06-22, 2026-06-29)') d
WHERE (m.metric, m.unit) <> ('unit_cost', 'outcome')
ORDER BY 1, 2;

-- By columns of any kind, with a filter; dollars a week are the difference times how many.
SELECT d.scope, d.value, d.value_before, d.change, d.like_for_like, d.low < d.like_for_like AND d.like_for_like < d.high AS inside,
	   d.at_stake_usd, round((d.value - d.value_before) * d.sample_size, 2) AS by_hand, d.sampling_unit, d.sampling_units, d.verdict
FROM llm_cost.drift(by => '{workflow}', period => '[2026-06-22, 2026-06-29)') d;
SELECT scope, value, value_before, change_in, change, like_for_like, at_stake_usd, verdict
FROM llm_cost.drift('hit_ratio', '{workflow,tags.plan}', '[2026-06-22, 2026-06-29)', filter => '{"team": ["t0", "t1"]}');
-- What lost hits cost: 700 tokens a call fewer from the cache, $1.5 a million each.
SELECT round(count(*) * 700 * 1.5 / 1000000, 2) AS lost
FROM answer WHERE now AND workflow = 'chat' AND team IN ('t0', 't1') AND tags ->> 'plan' = 'free';

-- The bridge adds up, and ties to plain SQL.  The price falls on Wednesday.
SELECT count(*) FROM llm_cost.set_price('regress-drift', 'input', 1.5, '2026-06-24', 'regress');
INSERT INTO call SELECT '2026-06-23 05:00+00'::timestamptz + make_interval(mins => i), 'regress-drift', 5000, 0, 500, 'new-' || i, 'new', 1, NULL, 'newcomer', 't9', 'chat', NULL, NULL
FROM generate_series(1, 20) AS i;
SELECT o.scope, o.spend_usd, o.change_usd, o.from_volume_usd, o.from_new_users_usd, o.from_price_usd, o.from_unit_cost_usd,
	   o.change_usd = o.from_volume_usd + o.from_new_users_usd + o.from_price_usd + o.from_unit_cost_usd AS adds_up, o.verdict, o.priced_pct
FROM llm_cost.overview(period => '[2026-06-22, 2026-06-29)') o;
WITH priced AS (
	SELECT c.workflow, c.user_id, c.started_at >= '2026-06-22' AS now, c.operation_id, u.cost, llm_cost.cost(c.model, c.input_tokens, c.output_tokens, '2026-06-22', c.cache_read_tokens) AS at_old_prices
	FROM call c, LATERAL (SELECT llm_cost.cost(c.model, c.input_tokens, c.output_tokens, c.started_at, c.cache_read_tokens) AS cost) u
	WHERE c.started_at >= '2026-05-25'
), summed AS (
	SELECT workflow, sum(cost) FILTER (WHERE now) AS spend, sum(cost) FILTER (WHERE NOT now) / 4 AS spend_before,
		   sum(at_old_prices) FILTER (WHERE now) - sum(cost) FILTER (WHERE now) AS cheaper,
		   COALESCE(sum(at_old_prices) FILTER (WHERE now AND user_id = 'newcomer'), 0) AS newcomer,
		   sum(at_old_prices) FILTER (WHERE now AND user_id <> 'newcomer') AS known, sum(at_old_prices) FILTER (WHERE NOT now) / 4 AS known_before,
		   count(DISTINCT operation_id) FILTER (WHERE now AND user_id <> 'newcomer')::numeric AS n, count(DISTINCT operation_id) FILTER (WHERE NOT now) / 4.0 AS n_before
	FROM priced GROUP BY workflow)
SELECT workflow, spend, round(spend - spend_before, 6) AS change, round((n - n_before) * (known / n + known_before / n_before) / 2, 6) AS volume,
	   round(newcomer, 6) AS newcomers, round(-cheaper, 6) AS price, round((n + n_before) / 2 * (known / n - known_before / n_before), 6) AS unit_cost
FROM summed ORDER BY abs(spend - spend_before) DESC;
SELECT scope, spend_usd, change_usd, unit, next_sql FROM llm_cost.overview(period => '[2026-06-22, 2026-06-29)', by => '{user_id}', max_rows => 3);
SELECT sum(spend_usd) AS in_rows, (SELECT trim_scale(sum(cost)) FROM call_usage WHERE started_at >= '2026-06-22') AS in_all
FROM llm_cost.overview(period => '[2026-06-22, 2026-06-29)', by => '{user_id}', max_rows => 3);

-- A scope that begins, one without a price, and one per cent without.
INSERT INTO call SELECT '2026-06-25'::timestamptz + make_interval(mins => i), 'regress-drift', 1000, 0, 100, 'f' || i, 'f' || i, 1, NULL, 'u' || i, 't1', 'brand new', NULL, NULL FROM generate_series(1, 12) AS i;
INSERT INTO call SELECT '2026-06-02'::timestamptz + make_interval(weeks => w, mins => i), 'no such model', 1000, 0, 100, 'n' || w || i, 'f' || i, 1, NULL, 'u' || i, 't1', 'unpriced', NULL, NULL
FROM generate_series(0, 3) AS w, generate_series(1, 12) AS i;
INSERT INTO call SELECT '2026-06-25'::timestamptz + make_interval(mins => i), 'no such model', 1000, 0, 100, 'x' || i, 'f' || i, 1, NULL, 'u' || i, 't1', 'search', NULL, NULL FROM generate_series(1, 12) AS i;
SELECT scope, value, value_before, at_stake_usd, priced_pct, verdict, cause FROM llm_cost.drift(by => '{workflow}', period => '[2026-06-22, 2026-06-29)', unit => 'attempt');
-- Unpriced attempts leave both sides: as before, without them.
SELECT round(sum(cost) / count(cost), 10) AS unit_cost FROM call_usage WHERE started_at >= '2026-06-22' AND workflow = 'search';
-- Spend without a price is unknown, not nothing.
SELECT scope, spend_usd, change_usd, priced_pct FROM llm_cost.overview(period => '[2026-06-22, 2026-06-29)') WHERE scope IN ('workflow=unpriced', 'workflow=brand new');
DELETE FROM call WHERE model = 'no such model' OR workflow = 'brand new';

-- Against a plan; the latest that holds.
SELECT llm_cost.set_plan('{"users": 10, "operations": 200, "unit_cost": 0.004, "unit_cost:attempt": 0.003, "hit_ratio": 0.8, "spend": 1}');
SELECT llm_cost.set_plan('{"unit_cost": 0.01}', '{"workflow": "search"}', '2026-01-01');
SELECT llm_cost.set_plan('{"unit_cost": 0.005}', '{"workflow": "search"}', '2026-06-01');
SELECT llm_cost.set_plan('{"unit_cost": 0.02}', '{"workflow": "search"}', '2027-01-01');
SELECT llm_cost.set_plan('{"unit_cost": 0.02}', '{"workflow": "never used"}');
SELECT m AS metric, u AS unit, d.value, d.value_before, d.change, d.low < d.change AND d.change < d.high AS inside, d.at_stake_usd, d.verdict
FROM (VALUES ('users', NULL), ('operations', NULL), ('unit_cost', NULL), ('unit_cost', 'attempt'), ('hit_ratio', NULL), ('spend', NULL)) AS v (m, u),
	 LATERAL llm_cost.drift(m, unit => u, baseline => 'plan', period => '[2026-06-22, 2026-06-29)') d;
SELECT scope, value, value_before, change, verdict, cause FROM llm_cost.drift(by => '{workflow}', baseline => 'plan', period => '[2026-06-22, 2026-06-29)');
-- The interval of a ratio of sums: 1.96 and a bit standard errors of the delta method, by user.
WITH u AS (SELECT user_id, sum(cost)::float8 AS y, count(DISTINCT operation_id)::float8 AS n FROM call_usage WHERE started_at >= '2026-06-22' AND workflow = 'search' GROUP BY 1),
r AS (SELECT sum(y) / sum(n) AS r, count(*) AS g, sum(n) AS nn FROM u)
SELECT round((100 * sqrt(max(g) / (max(g) - 1.0) * sum((y - r * n) ^ 2)) / max(nn) / max(r))::numeric, 2) AS standard_error_pct FROM u, r;

-- Without users the quiet windows are all there is; here there are none.
SELECT llm_cost.attach('call', mapping => '{"user_id": null, "team": null}', view_name => 'nobody');
SELECT value, value_before, sampling_unit, verdict, cause FROM llm_cost.drift(usage => 'nobody', period => '[2026-06-22, 2026-06-29)');
SELECT * FROM llm_cost.drift();
SELECT llm_cost.detach('nobody');

-- A range of one's own counts as many periods as it is long; users of it cannot be compared.
SELECT m AS metric, d.value_before = w.value_before AS as_four_weeks
FROM unnest('{spend,attempts,unit_cost}'::text[]) AS m, LATERAL llm_cost.drift(m, period => '[2026-06-22, 2026-06-29)', baseline => '[2026-05-25, 2026-06-22)') d,
	 LATERAL llm_cost.drift(m, period => '[2026-06-22, 2026-06-29)') w;
SELECT * FROM llm_cost.drift('users', period => '[2026-06-22, 2026-06-29)', baseline => '[2026-05-25, 2026-06-22)');

-- A user of two teams is one; impossible counts do not spoil a ratio; the share of nothing retried is 0.
UPDATE call SET team = 't9' WHERE operation_id LIKE '%-1';
SELECT value FROM llm_cost.drift('users', period => '[2026-06-22, 2026-06-29)');
SELECT value, sample_size FROM llm_cost.drift('unit_cost', unit => 'user', period => '[2026-06-22, 2026-06-29)');
SELECT sum(cost) / 13 AS by_user FROM call_usage WHERE started_at >= '2026-06-22';
UPDATE call SET team = 't' || (substr(user_id, 2)::int % 3) WHERE operation_id LIKE '%-1' AND user_id <> 'newcomer';
INSERT INTO call VALUES ('2026-06-24', 'regress-drift', 10, 9000000000, 10, 'bad', 'bad', 1, NULL, 'u1', 't1', 'chat', NULL, NULL);
SELECT d.value = round(r.ratio, 9) AS as_the_aggregate
FROM llm_cost.drift('hit_ratio', period => '[2026-06-22, 2026-06-29)') d, (SELECT llm_cost.hit_ratio(cache_read_tokens, input_tokens)::numeric AS ratio FROM call WHERE started_at >= '2026-06-22') r;
DELETE FROM call WHERE operation_id = 'bad';
SELECT value, round(value_before, 6) AS before, verdict FROM llm_cost.drift('retry_share', period => '[2026-06-22, 2026-06-29)', filter => '{"attempt": "1"}');
-- A filter on what differs within an operation leaves what came before known: as plain SQL has it, and as by has it.
SELECT d.value, round(r.share, 9) AS share FROM llm_cost.drift('retry_share', period => '[2026-06-22, 2026-06-29)', filter => '{"attempt": "2"}') d,
	 (SELECT sum(cost) / sum(cost) AS share FROM call_usage WHERE started_at >= '2026-06-22' AND attempt = 2) r;
SELECT count(*) AS operations, count(retry_cost) AS measured, sum(retries) AS retries FROM llm_cost.operations('[2026-06-22, 2026-06-29)', filter => '{"attempt": "2"}');
-- Unpriced attempts matter to what needs a price only.
CREATE VIEW half_priced AS
	SELECT *, CASE WHEN started_at < '2026-06-22' OR user_id > 'u4' THEN 'regress-drift' ELSE 'no such model' END AS priced_model FROM call;
SELECT llm_cost.attach('half_priced', view_name => 'half', mapping => '{"model": "priced_model"}');
SELECT m AS metric, d.verdict FROM unnest('{unpriced_share,calls_per_operation,unit_cost}'::text[]) AS m,
	 LATERAL llm_cost.drift(m, period => '[2026-06-22, 2026-06-29)', usage => 'half') d;
-- So against a plan, which has no attempts that could lack one; of a plan of 0 there are no per cent.
SELECT llm_cost.set_plan('{"unit_cost": 0.004, "hit_ratio": 0.8, "operations": 100, "output_tokens": 0}', usage => 'half');
SELECT m AS metric, d.value_before AS plan, d.verdict, CASE WHEN d.verdict IN ('insufficient', 'inconclusive') THEN d.cause END AS cause
FROM unnest('{hit_ratio,operations,output_tokens,unit_cost}'::text[]) AS m,
	 LATERAL llm_cost.drift(m, period => '[2026-06-22, 2026-06-29)', usage => 'half', baseline => 'plan') d;
SELECT llm_cost.detach('half');

-- What cannot be compared says why.
SELECT scope, value, verdict, cause FROM llm_cost.drift(period => '[2027-06-22, 2027-06-29)', usage => 'call_usage');
SELECT scope, value, verdict, cause FROM llm_cost.drift(period => '[2026-05-18, 2026-05-25)', usage => 'call_usage');
SELECT scope, value, verdict, cause FROM llm_cost.drift(period => '[2026-06-22, 2026-06-29)', filter => '{"user_id": "u1"}');
SELECT scope, value, verdict, cause FROM llm_cost.drift(period => '[2026-06-29, 2026-07-06)');
UPDATE call SET attempt = 3 WHERE operation_id = 'chat-5-1-4' AND attempt = 2;
UPDATE call SET error_type = NULL WHERE operation_id = 'chat-5-1-4';
SELECT value IS NOT NULL AS value, verdict, cause FROM llm_cost.drift('retry_share', period => '[2026-06-22, 2026-06-29)');

-- Rows that row security hides are not there.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_drift_reader;
RESET client_min_messages;
CREATE ROLE regress_drift_reader;
GRANT USAGE ON SCHEMA regress_drift TO regress_drift_reader;
CREATE VIEW behind WITH (security_invoker) AS SELECT * FROM call_usage;
GRANT SELECT ON call, call_usage, behind TO regress_drift_reader;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_team ON call USING (team = 't1');
SET ROLE regress_drift_reader;
SELECT scope, sample_size FROM llm_cost.drift('calls_per_operation', '{team}', '[2026-06-22, 2026-06-29)');
SELECT scope, spend_usd > 0 AS spent FROM llm_cost.overview(period => '[2026-06-22, 2026-06-29)', by => '{team}');
-- and plans belong to who made them
DELETE FROM llm_cost.usage_plan;
SELECT count(*) AS seen FROM llm_cost.usage_plan WHERE schema_name = 'regress_drift';
INSERT INTO llm_cost.usage_plan (schema_name, relation_name, scope, metric, unit, valid_from, value) VALUES ('pg_catalog', 'pg_authid', '{}', 'spend', 'period', now(), 1);
RESET ROLE;

-- Bad input.
SELECT * FROM llm_cost.drift('no_such_metric');
SELECT * FROM llm_cost.drift('unit_cost', unit => 'mile');
SELECT * FROM llm_cost.drift(by => '{workflwo}');
SELECT * FROM llm_cost.drift(filter => '{"no_such_column": 1}');
SELECT * FROM llm_cost.drift(filter => '[1]');
SELECT * FROM llm_cost.drift(filter => '{"team": {"a": 1}}');
SELECT * FROM llm_cost.drift(period => 'empty');
SELECT * FROM llm_cost.drift(period => '[2026-06-22,)');
SELECT * FROM llm_cost.drift(baseline => 'long ago');
SELECT * FROM llm_cost.drift(baseline => '1 week', period => '[2026-06-01, 2026-06-15)');
SELECT * FROM llm_cost.drift(baseline => '[2026-06-01,2026-06-25)', period => '[2026-06-22, 2026-06-29)');
SELECT * FROM llm_cost.drift(time_zone => 'Mars/Olympus');
SELECT * FROM llm_cost.overview(max_rows => 0);
SELECT llm_cost.set_plan('{"unit_cost": -1}');
SELECT llm_cost.set_plan('{"no_such_metric": 1}');
SELECT llm_cost.set_plan('[]');
SELECT llm_cost.set_plan('{"hit_ratio": 80}');
SELECT llm_cost.set_plan('{"unit_cost": 1e-400}');
SELECT llm_cost.set_plan('{"unit_cost": 1, "unit_cost:operation": 2}');
SELECT llm_cost.set_plan('{"unit_cost": 1}', '{"workflow": ["chat", "search"]}');
SELECT * FROM llm_cost.drift(period => '[2026-06-22, 2026-06-22]');
SELECT * FROM llm_cost.overview(baseline => ' Plan');
SELECT * FROM llm_cost.drift(filter => '{"team": [["t1"]]}');
SELECT llm_cost.set_plan('{"spend": 1}', '{"no_such_column": 1}');
SELECT llm_cost.attach('call', mapping => '{"operation_id": null}', view_name => 'no_operations');
SELECT * FROM llm_cost.drift();
SELECT * FROM llm_cost.drift('calls_per_operation', usage => 'no_operations');
SELECT * FROM llm_cost.operations(usage => 'no_operations');

-- A table with canonical columns will do, unattached.
SELECT scope, value, value_before FROM llm_cost.drift(usage => 'call', period => '[2026-06-22, 2026-06-29)', filter => '{"workflow": "search"}');
-- So will one with a cost of its own, whatever type its names have; but money is no float.
CREATE VIEW priced AS SELECT started_at::timestamptz(0), model, input_tokens::integer, md5(operation_id)::uuid AS operation_id, md5(user_id)::uuid AS user_id, workflow, cost, cost_problem FROM call_usage;
SELECT p.value = u.value AND p.value_before = u.value_before AND p.like_for_like = u.like_for_like AS same
FROM llm_cost.drift(usage => 'priced', period => '[2026-06-22, 2026-06-29)') p, llm_cost.drift(usage => 'call_usage', period => '[2026-06-22, 2026-06-29)') u;
CREATE VIEW afloat AS SELECT started_at, model, cost::float8 AS cost, cost_problem FROM call_usage;
SELECT * FROM llm_cost.drift(usage => 'afloat');
CREATE VIEW labelled AS SELECT started_at, model, cost, cost_problem, tags ->> 'plan' AS tags FROM call_usage;
SELECT * FROM llm_cost.drift(by => '{tags.plan}', usage => 'labelled');
SELECT scope, sample_size FROM llm_cost.drift(by => '{tags}', usage => 'labelled', period => '[2026-06-22, 2026-06-29)') ORDER BY 1;

-- Nothing to say is told, with the reason that can be known.
SELECT scope FROM llm_cost.overview('call_usage', '[2027-01-04, 2027-01-11)');
SELECT * FROM llm_cost.calls(usage => 'call_usage', period => '[2026-06-22, 2026-06-29)', filter => '{"workflow": "serach"}');
SELECT * FROM llm_cost.operations(usage => 'call_usage', period => '[2027-01-04, 2027-01-11)');
SELECT * FROM llm_cost.runaway(usage => 'call_usage', period => '[2026-06-22, 2026-06-29)');
SELECT * FROM llm_cost.skew(usage => 'call_usage', by => array_fill('team'::text, '{41}'));
GRANT USAGE ON SCHEMA regress_drift TO regress_drift_reader;
GRANT SELECT ON call, call_usage, behind TO regress_drift_reader;
CREATE POLICY nobody ON call AS RESTRICTIVE TO regress_drift_reader USING (false);
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
SET ROLE regress_drift_reader;
SELECT scope FROM llm_cost.overview('call_usage', '[2026-06-22, 2026-06-29)');
-- Behind two views as well.
SELECT count(*) FROM llm_cost.operations('[2026-06-22, 2026-06-29)', usage => 'behind');
RESET ROLE;
ALTER TABLE call DISABLE ROW LEVEL SECURITY;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_drift';
DELETE FROM llm_cost.usage_plan WHERE schema_name = 'regress_drift';
DELETE FROM llm_cost.price_override WHERE model = 'regress-drift';
DROP SCHEMA regress_drift CASCADE;
DROP ROLE regress_drift_reader;
