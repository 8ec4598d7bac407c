--
-- explain() over a shop (demo/generate.sql): planted faults land on their
-- lines, each in a workflow of its own, and its clean twin has nothing large.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set ECHO none
-- ANALYZE is not what is tested
SET default_statistics_target = 1;
\getenv input PG_ABS_SRCDIR
\set generate :input /../demo/generate.sql
\set scale 0.1
\set weeks 9
\set schema regress_explain_faults
\set faults {cache_bust,added_step,retry_storm,long_tail,context_growth,dearer_users,price_cut,canary,declared,whale}
\i :generate
\set schema regress_explain_clean
\set faults {}
\i :generate
\set ECHO all
RESET default_statistics_target;
CREATE SCHEMA regress_explain;
SET search_path = regress_explain, public;
CREATE TABLE planted AS
SELECT t.workflow, e.*, rank() OVER (PARTITION BY t.workflow ORDER BY abs(amount_usd) DESC) FROM regress_explain_faults.truth t,
	 LATERAL llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'regress_explain_faults.llm_call', filter => jsonb_build_object('workflow', t.workflow)) e
WHERE e.effect NOT IN ('total', 'volume') AND t.fault <> 'price_cut';
SELECT workflow, effect AS largest, round(share, 1) AS share, low_usd > 0 AS surely_up, substring(detail, 'most: [^(]*') AS most, substring(detail, 'user u\d+') AS who
FROM planted WHERE rank = 1 ORDER BY workflow;
-- The same without faults: no effect beside volume and users is a tenth of the spend, or it may be none.
SELECT w.workflow, e.effect, e.amount_usd, e.low_usd, e.high_usd
FROM (SELECT DISTINCT workflow FROM planted) w,
	 LATERAL llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'regress_explain_clean.llm_call', filter => jsonb_build_object('workflow', w.workflow)) e,
	 LATERAL (SELECT sum(cost) AS spend FROM (SELECT llm_cost.cost(model, input_tokens, output_tokens, started_at, cache_read_tokens, cache_write_tokens, provider => provider) AS cost
		FROM regress_explain_clean.llm_call c WHERE c.workflow = w.workflow AND started_at >= '2026-06-22') c) s
WHERE e.effect NOT IN ('volume', 'new_users', 'lost_users', 'total') AND abs(e.amount_usd) > 0.1 * s.spend AND (e.low_usd > 0 OR e.high_usd < 0);
-- The price cut: as announced, on the line price and nowhere else.
CREATE TABLE uncut AS SELECT * FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'regress_explain_faults.llm_call', filter => '{"workflow": "translate"}');
\o /dev/null
\set ECHO none
SELECT statement FROM regress_explain_faults.price_change
\gexec
\set ECHO all
\o
SELECT e.effect, e.amount_usd = u.amount_usd AS as_before, CASE WHEN e.effect = 'price' THEN e.detail END AS detail
FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'regress_explain_faults.llm_call', filter => '{"workflow": "translate"}') e JOIN uncut u USING (effect);
SELECT e.amount_usd = p.amount AS a_fifth_of_the_rest_of_the_week
FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'regress_explain_faults.llm_call', filter => '{"workflow": "translate"}') e,
	 LATERAL (SELECT round(-0.2 * sum(llm_cost.cost(model, input_tokens, output_tokens, '2026-06-23', cache_read_tokens, cache_write_tokens, provider => provider)), 6) AS amount
			  FROM regress_explain_faults.llm_call WHERE workflow = 'translate' AND started_at >= '2026-06-24') p
WHERE e.effect = 'price';

SET client_min_messages = warning;
DELETE FROM llm_cost.price_override WHERE model = 'claude-haiku-4-5';
DROP SCHEMA regress_explain, regress_explain_faults, regress_explain_clean CASCADE;
