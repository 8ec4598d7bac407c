--
-- What drift(), overview() and drift_windows() find in a generated company whose
-- faults are known (demo/generate.sql), and that they find nothing in its twin
-- without faults.
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
\set schema regress_faulty
\set faults '{cache_bust,added_step,retry_storm,whale,long_tail,context_growth,dearer_users,declared}'
\i :generator
\set schema regress_clean
\set faults '{}'
\i :generator
\o
\set ECHO all
RESET search_path;
SET timezone = 'UTC';
SELECT llm_cost.attach('regress_faulty.llm_call'), llm_cost.attach('regress_clean.llm_call');
RESET client_min_messages;
\set week '[2026-06-22, 2026-06-29)'

-- The largest changes of spend are the planted ones; what they come from, and the verdict.
SELECT scope, round(100 * change_usd / (spend_usd - change_usd)) AS change_pct,
	   CASE GREATEST(from_volume_usd, from_new_users_usd, from_price_usd, from_unit_cost_usd)
		WHEN from_volume_usd THEN 'volume' WHEN from_new_users_usd THEN 'new users' WHEN from_price_usd THEN 'price' ELSE 'unit cost' END AS mostly,
	   round(like_for_like_pct, -1) AS about_pct, verdict
FROM llm_cost.overview('regress_faulty.llm_call_usage', :'week') WHERE scope <> 'all other' AND abs(change_usd) > 1;
SELECT u.usage, count(*) AS scopes, count(*) FILTER (WHERE verdict IN ('increased', 'decreased')) AS alarms,
	   sum(spend_usd) = CASE u.usage WHEN 'regress_clean.llm_call_usage'::regclass THEN (SELECT sum(cost) FROM regress_clean.llm_call_usage WHERE started_at >= '2026-06-22')
						ELSE (SELECT sum(cost) FROM regress_faulty.llm_call_usage WHERE started_at >= '2026-06-22') END AS adds_up
FROM (VALUES ('regress_faulty.llm_call_usage'::regclass), ('regress_clean.llm_call_usage')) AS u (usage), LATERAL llm_cost.overview(u.usage, :'week', max_rows => 100)
GROUP BY 1 ORDER BY 1 DESC;

-- 3 calls become 7: +133 %.  Hit ratio 80 % to 4 %.  Timeouts on a quarter of the attempts.
SELECT scope, round(value_before, 1) AS before, round(value, 1) AS now, round(like_for_like) AS pct, verdict
FROM llm_cost.drift('calls_per_operation', '{workflow}', :'week', usage => 'regress_faulty.llm_call_usage') WHERE verdict = 'increased' AND like_for_like > 20;
SELECT scope, opened_at, closed_at, round(value_before, 2) AS before, round(value_during, 2) AS during, wasted_usd > 0 AS wasted, verdict
FROM llm_cost.drift_windows('hit_ratio', '{workflow}', usage => 'regress_faulty.llm_call_usage', period => '[2026-06-01, 2026-06-29)');
SELECT scope, opened_at, closed_at, round(value_before, 2) AS before, round(value_during, 2) AS during, verdict
FROM llm_cost.drift_windows('retry_share', '{workflow}', usage => 'regress_faulty.llm_call_usage', period => '[2026-06-01, 2026-06-29)');
SELECT scope, opened_at, closed_at, round(change) AS pct, verdict
FROM llm_cost.drift_windows('calls_per_operation', '{workflow}', usage => 'regress_faulty.llm_call_usage', period => '[2026-06-01, 2026-06-29)');

-- The twin: no episode of any kind, and no verdict on any metric, by workflow.
SELECT m AS metric, count(d.*) AS episodes
FROM (VALUES ('hit_ratio'), ('retry_share'), ('calls_per_operation')) AS v (m)
	 LEFT JOIN LATERAL llm_cost.drift_windows(m, '{workflow}', usage => 'regress_clean.llm_call_usage', period => '[2026-06-01, 2026-06-29)') d ON true
GROUP BY m ORDER BY m;
SELECT m AS metric, count(d.*) AS scopes, count(*) FILTER (WHERE d.verdict IN ('increased', 'decreased', 'trend')) AS alarms
FROM (VALUES ('unit_cost'), ('hit_ratio'), ('retry_share'), ('calls_per_operation'), ('output_ratio'), ('unpriced_share')) AS v (m),
	 LATERAL llm_cost.drift(m, '{workflow}', :'week', usage => 'regress_clean.llm_call_usage') d
GROUP BY m ORDER BY m;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name LIKE 'regress_%';
DROP SCHEMA regress_faulty CASCADE;
DROP SCHEMA regress_clean CASCADE;
