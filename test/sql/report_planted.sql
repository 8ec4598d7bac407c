--
-- The report on a generated company (demo/generate.sql): every planted fault is a
-- finding, in order of money, once; what was declared counts with its excess
-- only; the twin without faults has none.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
SET timezone = 'UTC';
SET datestyle = 'ISO';
DELETE FROM llm_cost.attached_usage;
\getenv inputs PG_ABS_SRCDIR
\set generator :inputs /../demo/generate.sql
\set ECHO none
\o /dev/null
\set size small
\set weeks 10
\set schema regress_faulty
\set faults '{all}'
\i :generator
\set schema regress_clean
\set faults '{}'
\i :generator
\o
\set ECHO all
RESET search_path;
SET timezone = 'UTC';
SELECT llm_cost.attach('regress_faulty.llm_call'), llm_cost.attach('regress_clean.llm_call');
SELECT llm_cost.declare_change(jsonb_build_object('workflow', workflow), 100 * (factor - 1), valid, reason, usage => 'regress_faulty.llm_call_usage') FROM regress_faulty.declared_change;
RESET client_min_messages;

-- The twin: no finding, and spend and bridge as they are.
SELECT d -> 'findings' AS findings, (d #>> '{spend,now}')::numeric = (SELECT sum(cost) FROM regress_clean.llm_call_usage WHERE started_at >= '2026-06-22') AS spend,
	   (d #>> '{spend,change}')::numeric = (SELECT sum((b ->> 'amount')::numeric) FROM jsonb_array_elements(d -> 'bridge') b) AS adds_up, d -> 'change_points' AS change_points
FROM llm_cost.report_document('[2026-06-22, 2026-06-29)', 'regress_clean.llm_call_usage') d;

-- The vendor's change, believed from now on and undone below.
BEGIN;
SET LOCAL client_min_messages = warning;
DO $$ DECLARE s text; BEGIN FOR s IN SELECT statement FROM regress_faulty.price_change LOOP EXECUTE s; END LOOP; END $$;
CREATE TEMP TABLE document AS SELECT llm_cost.report_document('[2026-06-22, 2026-06-29)', 'regress_faulty.llm_call_usage') AS d;
CREATE TEMP TABLE finding AS
	SELECT f.n AS place, f.f ->> 'kind' AS kind, f.f -> 'scope' AS scope,
		   -- one model serves one workflow alone
		   COALESCE(f.f -> 'scope' ->> 'workflow', CASE f.f -> 'scope' ->> 'model' WHEN 'claude-haiku-4-5' THEN 'translate' END) AS workflow, (f.f ->> 'weekly_usd')::numeric AS usd, f.f ->> 'verdict' AS verdict, f.f ->> 'near_release' AS near_release,
		   f.f ->> 'sentence' AS sentence, f.f ->> 'declared' AS declared, f.f ->> 'fingerprint' AS fingerprint, jsonb_path_query_array(f.f, '$.evidence[*].kind') AS evidence
	FROM document, jsonb_array_elements(d -> 'findings') WITH ORDINALITY f (f, n);
SELECT f.place, t.fault, f.kind, f.scope - 'workflow' AS beside_workflow, round(f.usd) AS about_usd, f.verdict, CASE WHEN f.near_release NOT LIKE 'near %' THEN f.near_release END AS release
FROM regress_faulty.truth t FULL JOIN finding f USING (workflow)
ORDER BY f.place;
SELECT bool_and(usd <= usd_before) AS in_order_of_money, count(DISTINCT fingerprint) = count(*) AS told_apart FROM (SELECT *, lag(usd, 1, usd) OVER (ORDER BY place) AS usd_before FROM finding) f;
-- Whose user it is.
SELECT f.f -> 'scope' ->> 'user_id' AS user_id, f.f ->> 'owner' AS owner, f.f ->> 'owner' = a.team AS by_account
FROM document, jsonb_array_elements(d -> 'findings') f (f) JOIN regress_faulty.account a ON a.user_id = f.f -> 'scope' ->> 'user_id' ORDER BY 1;
-- The evidence that was taken in, and the dollars: those of what each fault changed.
SELECT scope ->> 'workflow' AS workflow, evidence FROM finding WHERE evidence <> '[]' ORDER BY place;
SELECT f.scope ->> 'workflow' AS workflow, f.usd = round(c.now - c.before, 2) OR abs(f.usd / (c.now - c.before) - 1) < 0.2 AS dollars
FROM finding f, LATERAL (SELECT sum(cost) FILTER (WHERE started_at >= '2026-06-22') AS now,
		sum(cost) FILTER (WHERE started_at < '2026-06-22') / 4 AS before FROM regress_faulty.llm_call_usage u WHERE u.workflow = f.scope ->> 'workflow' AND u.started_at >= '2026-05-25') c
WHERE f.scope ->> 'workflow' IN ('listing', 'support', 'report') ORDER BY f.place;
-- Declared +10 %, came as +25 %: three fifths of it is news.
SELECT round(f.usd / u.usd, 1) AS part, d #> '{declared,0,reason}' AS reason, (d #>> '{declared,0,excess_usd}')::numeric = f.usd AS excess, f.sentence LIKE '%of which 10 \% were declared%' AS said
FROM finding f, document, (SELECT at_stake_usd AS usd FROM llm_cost.drift('unit_cost', '{workflow}', '[2026-06-22, 2026-06-29)', usage => 'regress_faulty.llm_call_usage', filter => '{"workflow": "mail"}')) u
WHERE f.scope = '{"workflow": "mail"}';
-- What the price did is exact.
SELECT f.usd, (SELECT round(sum(cost) - sum(cost) / 0.8, 2) FROM regress_faulty.llm_call_usage WHERE model = 'claude-haiku-4-5' AND started_at >= '2026-06-24') AS by_hand
FROM finding f WHERE f.kind = 'price';
SELECT (d #>> '{spend,now}')::numeric = (SELECT sum(cost) FROM regress_faulty.llm_call_usage WHERE started_at >= '2026-06-22') AS spend,
	   (d #>> '{spend,change}')::numeric = (SELECT sum((b ->> 'amount')::numeric) FROM jsonb_array_elements(d -> 'bridge') b) AS adds_up,
	   jsonb_path_query_array(d, '$.savings[*].kind') AS savings, jsonb_array_length(d -> 'daily') AS days, d #>> '{lorenz,users}' > '0' AS users
FROM document;
SELECT e ->> 'metric' AS metric, e ->> 'scope' AS scope, e ->> 'opened' AS opened, e ->> 'near_release' AS near_release FROM document, jsonb_array_elements(d -> 'episodes') e;
ROLLBACK;

SET client_min_messages = warning;
DELETE FROM llm_cost.declared_change WHERE schema_name = 'regress_faulty';
DELETE FROM llm_cost.attached_usage;
DROP SCHEMA regress_faulty CASCADE;
DROP SCHEMA regress_clean CASCADE;
