--
-- Planted faults (demo/generate.sql): contexts(), skew() and tail() find them,
-- in the size that truth promises, and find nothing in the clean twin.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set ECHO none
\getenv input PG_ABS_SRCDIR
\set generate :input /../demo/generate.sql
\set scale 0.2
\set weeks 9
\set schema regress_twin
\set faults {}
\i :generate
\set schema regress_planted
\set faults {whale,long_tail,context_growth}
\i :generate
\set ECHO all
SELECT fault, workflow, before, after FROM regress_planted.truth ORDER BY 1;
SELECT llm_cost.attach(w || '.llm_call') FROM unnest('{regress_twin,regress_planted}'::text[]) w;
SET llm.period = '[2026-06-22,2026-06-29)';
\set period 'current_setting(''llm.period'')::tstzrange'
CREATE TEMP VIEW world AS SELECT w AS world, (w || '.llm_call_usage')::regclass AS calls FROM unnest('{regress_twin,regress_planted}'::text[]) w;
CREATE TEMP VIEW week AS SELECT * FROM regress_planted.llm_call_usage WHERE started_at >= '2026-06-22' AND started_at < '2026-06-29';

-- The context of recommend grows by a factor of 7 in seven weeks, 7 ^ (1 / 7) =
-- 1.32 a week, all of it in the dynamic part.  Nothing else grows by 5 % a week,
-- but for documents in the planted world, which the long tail makes longer.
SELECT world, scope ->> 'workflow' AS workflow, trend_pct BETWEEN 29 AND 35 AS trend_32, mean_tokens BETWEEN 3150 AND 3850 AS mean_3500, fixed_mean = fixed_mean_before AS fixed_stays,
	   mean_tokens / mean_before BETWEEN 1.8 AND 2.7 AS twice_the_mean_of_four_weeks, over_dynamic > attempts * 0.7 AS most_over_limit, over_dynamic_cost > 0.2 * cost AS and_costly
FROM world, llm_cost.contexts(period => :period, usage => calls) WHERE abs(trend_pct) > 5 AND (world, scope ->> 'workflow') <> ('regress_planted', 'documents') ORDER BY 1, 2;
-- by hand: what those calls would have cost without the oldest tokens beyond 2,000, none of which was cached
SELECT over_dynamic_cost = (SELECT sum(cost - llm_cost.cost(model, system_tokens + 2000, output_tokens, started_at, cache_read_tokens, cache_write_tokens, provider => provider))
							FROM week WHERE workflow = 'recommend' AND input_tokens - system_tokens > 2000 AND billable) AS same,
	   (SELECT bool_and(COALESCE(cache_read_tokens, 0) + COALESCE(cache_write_tokens, 0) <= system_tokens) FROM week WHERE workflow = 'recommend') AS only_fixed_cached
FROM llm_cost.contexts(period => :period, usage => 'regress_planted.llm_call_usage', filter => '{"workflow": "recommend"}');

-- The whale's prompts repeat, the others' do not.
SELECT world, scope ->> 'workflow' AS workflow, duplicate_share > 0.5 AS most,
	   duplicates - (SELECT count(*) - 1 FROM week WHERE user_id = 'u0077' AND input_tokens = 1500) BETWEEN -10 AND 10 AS all_of_his
FROM world, llm_cost.contexts(period => :period, usage => calls) WHERE duplicate_share > 0.03 ORDER BY 1, 2;

-- The whale, planted at 40 medians.
-- A service account that works at steady pace is a program in either world.
SELECT world, whales, whale_ids, max_to_p50 BETWEEN 40 AND 40.5 AS about_40, automated_ids, automated_signs
FROM world, llm_cost.skew(period => :period, usage => calls) ORDER BY 1 DESC;
-- the share, by hand
SELECT round(whale_share::numeric, 9) = (SELECT round(sum(cost) FILTER (WHERE user_id = 'u0077') / sum(cost), 9) FROM week WHERE user_id IS NOT NULL) AS same
FROM llm_cost.skew(period => :period, usage => 'regress_planted.llm_call_usage');

-- The long tail: three intents of documents, 5 % of the calls and 30 % of the
-- spend; so few calls that 3 to 7 and 22 to 38 must do.
SELECT world, array_agg(scope ->> 'intent' ORDER BY scope) AS intents, array_agg(DISTINCT scope ->> 'workflow') AS workflows,
	   max(running_attempt_share) BETWEEN 0.03 AND 0.07 AS share_of_calls, max(running_spend_share) BETWEEN 0.22 AND 0.38 AS share_of_spend,
	   round(max(running_spend_share)::numeric, 9) = (SELECT round(sum(cost) FILTER (WHERE intent IN ('tax_ruling', 'contract_review', 'customs_dispute')) / sum(cost), 9)
													   FROM week WHERE workflow = 'documents') AS same
FROM world, llm_cost.tail(period => :period, usage => calls) GROUP BY 1;

SET client_min_messages = warning;
DROP VIEW week;
SELECT llm_cost.detach(w || '.llm_call_usage') FROM unnest('{regress_twin,regress_planted}'::text[]) w;
DROP SCHEMA regress_twin CASCADE;
DROP SCHEMA regress_planted CASCADE;
