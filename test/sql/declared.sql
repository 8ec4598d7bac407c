--
-- Declared reasons cancel their scope, factor and size and no more; regressions()
-- grades what is left.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_declared;
RESET client_min_messages;
SET search_path = regress_declared, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
DELETE FROM llm_cost.attached_usage;
SELECT count(*) FROM (VALUES ('input', 1.0), ('output', 1.0), ('cache_read', 1.0)) AS p (meter, amount),
	LATERAL llm_cost.set_price('regress-declared', meter, amount, '2026-01-01', 'regress');

-- Fifteen users, thirteen weeks; one operation an hour and flow, of two calls.  In the last
-- week: mail takes 25 % more input, steps makes three calls instead of two, saver takes
-- 10 % less, whale has u1 with fifteen times the calls at ten times the size, dearer has people who came and take three times as
-- much.  creeping takes 5 % more on four Mondays, each since the one before.  calm does nothing.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, workflow text, release text);
INSERT INTO call
SELECT at + make_interval(secs => c), 'regress-declared',
	   round((10000 + 700 * u + 10 * ((u * 7 + o * 3 + d * 5) % 13)) * CASE
			WHEN w = 'creeping' THEN 1.05 ^ ((at >= '2026-05-04')::int + (at >= '2026-05-18')::int + (at >= '2026-06-08')::int + (at >= '2026-06-22')::int)
			WHEN at < '2026-06-22' THEN 1 WHEN w = 'mail' THEN 1.25 WHEN w = 'saver' THEN 0.9
			WHEN w = 'whale' AND u = 1 THEN 10 WHEN w = 'dearer' AND u > 12 THEN 3 ELSE 1 END), 0,
	   format('%s-%s-%s-%s', w, u, d, o), 'u' || u, w, CASE WHEN w = 'mail' AND at >= '2026-06-22' THEN 'long mails' WHEN w = 'mail' THEN 'short mails' END
FROM (VALUES ('mail'), ('steps'), ('saver'), ('whale'), ('dearer'), ('creeping'), ('calm')) AS f (w), generate_series(1, 15) AS u, generate_series(0, 90) AS d,
	 LATERAL generate_series(1, CASE WHEN w = 'whale' AND u = 1 AND d >= 84 THEN 15 WHEN w = 'dearer' AND u > 12 AND d < 84 THEN 0 WHEN w = 'dearer' AND u > 12 THEN 6 ELSE 1 END) AS o,
	 LATERAL (SELECT '2026-03-30 08:00'::timestamptz + make_interval(days => d, mins => 20 * o + u) AS at) AS t,
	 LATERAL generate_series(1, CASE WHEN w = 'steps' AND at >= '2026-06-22' THEN 3 ELSE 2 END) AS c;
SELECT llm_cost.attach('call', view_name => 'usage');
\set week '[2026-06-22, 2026-06-29)'

-- Nothing is declared yet.
SELECT scope, change, like_for_like, verdict, near_release, declared FROM llm_cost.drift(by => '{workflow}', period => :'week') WHERE scope ->> 'workflow' IN ('mail', 'steps', 'saver');
-- +10 % declared, +25 % came: 15 points of what it cost before are beyond it.  Of the steps, a half
-- more calls were declared and a half came.  Nobody said 20 % less of saver.
SELECT llm_cost.declare_change('{"workflow": "mail"}', 10, '[2026-06-22,)', 'longer mails');
SELECT llm_cost.declare_change('{"workflow": "steps"}', 50, '[2026-06-22,)', 'one more step', 'calls');
SELECT llm_cost.declare_change('{"workflow": "saver"}', 30, '[2026-06-22,)', 'dearer, we thought');
SELECT scope, change, like_for_like, round(low, 1) AS low, round(high, 1) AS high, verdict, cause, declared
FROM llm_cost.drift(by => '{workflow}', period => :'week') WHERE scope ->> 'workflow' IN ('mail', 'steps', 'saver');
SELECT scope, like_for_like_pct, verdict, declared FROM llm_cost.overview(period => :'week', max_rows => 3);
-- The factor did not move: calls were declared, input came.
SELECT llm_cost.declare_change('{"workflow": "mail"}', 30, '[2026-06-22,)', 'more calls', 'calls');
SELECT scope, verdict, declared FROM llm_cost.drift(by => '{workflow}', period => :'week') WHERE scope ->> 'workflow' = 'mail';
DELETE FROM llm_cost.declared_change WHERE effect = 'calls' AND scope = '{"workflow": "mail"}';
-- More than came: all of it is declared.  Said again it replaces what was said.
SELECT llm_cost.declare_change('{"workflow": "mail"}', 40, '[2026-06-22,)', 'much longer mails');
SELECT scope, verdict, cause, declared FROM llm_cost.drift(by => '{workflow}', period => :'week') WHERE scope ->> 'workflow' = 'mail';
-- Over, not yet, always so, of another scope, of a part of the scope, of another metric: no reason.
SELECT llm_cost.declare_change('{"workflow": "calm"}', 10, '[2026-01-01, 2026-02-01)', 'over'), llm_cost.declare_change('{"workflow": "calm"}', 10, '[2026-08-01,)', 'not yet'),
	   llm_cost.declare_change('{"workflow": "calm"}', 10, '[2026-02-01,)', 'long before the baseline');
SELECT scope, declared FROM llm_cost.drift(by => '{workflow}', period => :'week') WHERE scope ->> 'workflow' = 'calm';
SELECT scope, like_for_like > 0 AS rose, declared FROM llm_cost.drift(by => '{user_id}', filter => '{"workflow": "mail"}', period => :'week') WHERE scope ->> 'user_id' = 'u7';
SELECT scope, declared FROM llm_cost.drift(period => :'week');
SELECT scope, change, verdict, declared FROM llm_cost.drift('calls_per_operation', '{workflow}', :'week') WHERE scope ->> 'workflow' IN ('mail', 'steps');
-- A release that was announced.
SELECT scope, method, like_for_like_pct, verdict, cause, declared FROM llm_cost.release_impact('long mails', as_of => '2026-06-29');
SELECT usage, scope, effect, change_pct, valid_from, valid_until, reason FROM llm_cost.declared_changes ORDER BY scope, valid_from;

-- Back to +10 %; the rules.
SELECT llm_cost.declare_change('{"workflow": "mail"}', 10, '[2026-06-22,)', 'longer mails');
SELECT scope, metric, grade, alert, headline_pct, like_for_like_pct, quarter_pct, standing_days, weeks_open, near_release, cause, comparisons, false_a_year
FROM llm_cost.regressions(:'week') ORDER BY scope, metric;
-- A list of one value is that value, and a scope within a list is what it is; of two values, one of which is declared, nothing is cancelled.
SELECT f.filter, f.columns, d.scope, d.verdict, d.declared FROM (VALUES ('{"workflow": ["mail"]}'::jsonb, '{}'::text[]), ('{"workflow": ["mail", "calm"]}', '{workflow}'), ('{"workflow": ["mail", "calm"]}', '{}')) AS f (filter, columns),
	LATERAL llm_cost.drift(by => f.columns, period => :'week', filter => f.filter) d WHERE d.verdict = 'increased' ORDER BY 1, 2;
SELECT like_for_like_pct, verdict, declared FROM llm_cost.release_impact('long mails', as_of => '2026-06-29', filter => '{"workflow": ["mail", "calm"]}');
SELECT filter, grade, cause FROM (VALUES ('{"workflow": ["mail"]}'::jsonb), ('{"workflow": ["mail", "calm"]}')) AS f (filter), LATERAL llm_cost.regressions(:'week', metrics => '{unit_cost}', filter => f.filter);
-- Of the quarter 11 points were declared before the baseline of the week begins: 11 of 22 are left.
SELECT llm_cost.declare_change('{"workflow": "creeping"}', 5, '[2026-05-04,)', 'two steps');
SELECT grade, quarter_pct, cause FROM llm_cost.regressions(:'week', metrics => '{unit_cost}', filter => '{"workflow": "creeping"}', threshold_pct => 15);
SELECT llm_cost.declare_change('{"workflow": "creeping"}', 11, '[2026-05-04,)', 'two steps');
SELECT grade FROM llm_cost.regressions(:'week', metrics => '{unit_cost}', filter => '{"workflow": "creeping"}');
-- of mail 15 points are left, which is no regression; with what was declared taken back it is one
DELETE FROM llm_cost.declared_change;
SELECT scope, metric, grade, alert, cause FROM llm_cost.regressions(:'week', metrics => '{unit_cost}') WHERE scope ->> 'workflow' IN ('mail', 'steps') ORDER BY scope;
SELECT scope, grade, cause FROM llm_cost.regressions(:'week', metrics => '{unit_cost}', filter => '{"workflow": "calm"}');
-- a week later it is already known (the first week of the data is missing then)
INSERT INTO call SELECT started_at + INTERVAL '7 days', model, input_tokens, output_tokens, operation_id || '+', user_id, workflow, release FROM call
WHERE started_at >= '2026-06-22' AND workflow IN ('mail', 'calm');
SELECT scope, grade, alert, weeks_open, cause FROM llm_cost.regressions('[2026-06-29, 2026-07-06)', metrics => '{unit_cost}', filter => '{"workflow": ["mail", "calm"]}');
-- without releases, and without users
SELECT llm_cost.attach('call', mapping => '{"release": null, "user_id": null}', view_name => 'bare');
SELECT scope, metric, grade, alert, headline_pct, standing_days, near_release FROM llm_cost.regressions(:'week', metrics => '{unit_cost}', usage => 'bare') ORDER BY 1;
SELECT llm_cost.detach('bare');
-- by Benjamini and Hochberg q is never below p
SELECT bool_and(false_discovery_rate >= p_value) AS q_above_p FROM llm_cost.regressions(:'week') WHERE p_value IS NOT NULL;

-- Declared changes belong to who made them.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_declared_reader;
RESET client_min_messages;
CREATE ROLE regress_declared_reader;
GRANT USAGE ON SCHEMA regress_declared TO regress_declared_reader;
SELECT llm_cost.declare_change('{"workflow": "mail"}', 10, '[2026-06-22,)', 'longer mails');
SET ROLE regress_declared_reader;
SELECT count(*) AS seen FROM llm_cost.declared_changes;
SELECT llm_cost.declare_change('{}', 10, '[2026-06-22,)', 'mine', usage => 'usage');
RESET ROLE;
GRANT SELECT ON usage, call TO regress_declared_reader;
SET ROLE regress_declared_reader;
SELECT count(*) AS seen FROM llm_cost.declared_changes;
DELETE FROM llm_cost.declared_change RETURNING reason;
RESET ROLE;

-- Bad input.
SELECT llm_cost.declare_change('{"no_such_column": 1}', 10, '[2026-06-22,)', 'x');
SELECT llm_cost.declare_change('{}', 0, '[2026-06-22,)', 'x');
SELECT llm_cost.declare_change('{}', -100, '[2026-06-22,)', 'x');
SELECT llm_cost.declare_change('{}', 10, '(,2026-06-22)', 'x');
SELECT llm_cost.declare_change('{}', 10, 'empty', 'x');
SELECT llm_cost.declare_change('{}', 10, '[2026-06-22,)', '');
SELECT llm_cost.declare_change('{}', 10, '[2026-06-22,)', 'x', 'magic');
SELECT * FROM llm_cost.regressions(:'week', threshold_pct => 0);
SELECT * FROM llm_cost.regressions(:'week', metrics => '{no_such_metric}');

SET client_min_messages = warning;
DELETE FROM llm_cost.declared_change WHERE schema_name = 'regress_declared';
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_declared';
DELETE FROM llm_cost.price_override WHERE model = 'regress-declared';
DROP SCHEMA regress_declared CASCADE;
DROP ROLE regress_declared_reader;
