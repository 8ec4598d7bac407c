--
-- The month against the plan: whose plan, of which scope, from a rollup, and in
-- the first days of all.  report.sql checks the forecast itself.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_month;
RESET client_min_messages;
SET search_path = regress_month;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never

-- Every day a dollar of a and two of b.
CREATE VIEW usage AS
	SELECT d + INTERVAL '12 hours' AS started_at, 'm' AS model, v.cost, NULL::text AS cost_problem, v.team, v.kind, v.team AS user_id
	FROM generate_series('2026-03-30'::timestamptz, '2026-07-05', INTERVAL '1 day') AS d, (VALUES (1::numeric, 'a', 'x'), (2, 'b', 'y')) AS v (cost, team, kind);
SELECT llm_cost.set_plan('{"spend": 14}', usage => 'usage'), llm_cost.set_plan('{"spend": 7}', '{"team": "a"}', usage => 'usage'),
	   llm_cost.set_plan('{"spend": 3.5}', '{"team": "b"}', usage => 'usage');
SELECT scope, run_rate, plan, verdict FROM llm_cost.month_end(usage => 'usage', as_of => '2026-06-16');
-- A plan for all is none for a part of it; one for the part is, by its column or under a filter.
SELECT f AS filter, m.scope, m.run_rate, m.plan, m.verdict
FROM unnest('{"{\"team\": \"a\"}", "{\"team\": [\"b\"]}", "{\"team\": [\"a\", \"b\"]}", "{\"kind\": \"x\"}", "{}"}'::jsonb[]) f, LATERAL llm_cost.month_end(usage => 'usage', as_of => '2026-06-16', filter => f) m;
SELECT f AS filter, m.scope, m.run_rate, m.plan
FROM unnest('{"{\"team\": [\"a\", \"c\"]}", "{\"kind\": \"x\"}"}'::jsonb[]) f, LATERAL llm_cost.month_end('{team}', 'usage', '2026-06-16', f) m;
SELECT f AS filter, m.scope, m.value, m.value_before
FROM unnest('{"{\"team\": \"a\"}", "{\"team\": [\"a\", \"b\"]}", "{}"}'::jsonb[]) f,
	 LATERAL llm_cost.drift('spend', period => '[2026-06-15, 2026-06-22)', baseline => 'plan', filter => f, usage => 'usage') m;
-- Plans of the usage are those of its rollups.
SET client_min_messages = warning;
SELECT llm_cost.create_rollup('daily', '{team,kind}', 'usage');
SELECT count(*) AS buckets FROM llm_cost.refresh_rollup('daily');
RESET client_min_messages;
SELECT count(*) AS rows, count(plan) AS plans FROM llm_cost.month_end('{team}', 'daily', '2026-06-16');
SELECT * FROM llm_cost.month_end('{team}', 'usage', '2026-06-16') EXCEPT SELECT * FROM llm_cost.month_end('{team}', 'daily', '2026-06-16');
-- By user too, of whom it keeps sums and no distributions.
SELECT * FROM llm_cost.month_end('{user_id}', 'usage', '2026-06-16') EXCEPT SELECT * FROM llm_cost.month_end('{user_id}', 'daily', '2026-06-16');
-- What somebody else plans who may only read is for himself.
CREATE ROLE regress_month_reader;
GRANT USAGE ON SCHEMA regress_month TO regress_month_reader;
GRANT SELECT ON usage TO regress_month_reader;
SET ROLE regress_month_reader;
SELECT llm_cost.set_plan('{"spend": 0.07}', valid_from => '2026-01-01', usage => 'usage');
SELECT plan, verdict FROM llm_cost.month_end(usage => 'usage', as_of => '2026-06-16');
RESET ROLE;
SELECT plan, verdict FROM llm_cost.month_end(usage => 'usage', as_of => '2026-06-16');

-- On the fourth day of all four weekdays were not seen: they cost what a day did.  3 days of 3, 27 to come.
CREATE VIEW young AS SELECT * FROM usage WHERE started_at >= '2026-06-01' AND started_at < '2026-06-04';
SELECT days_left, spend_to_date, run_rate, low FROM llm_cost.month_end(usage => 'young', as_of => '2026-06-04');
SELECT scope, run_rate FROM llm_cost.month_end('{team}', 'young', '2026-06-04');
-- Never is no day.
\set VERBOSITY terse
SELECT * FROM llm_cost.month_end(usage => 'young', as_of => 'infinity');
SELECT * FROM llm_cost.month_end(usage => 'young', as_of => '-infinity');
\set VERBOSITY default

SET client_min_messages = warning;
DELETE FROM llm_cost.usage_plan WHERE schema_name = 'regress_month';
DROP OWNED BY regress_month_reader;
DROP ROLE regress_month_reader;
SELECT llm_cost.drop_rollup('daily');
DROP SCHEMA regress_month CASCADE;
