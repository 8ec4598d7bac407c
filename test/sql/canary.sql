--
-- A generated company (demo/generate.sql) whose assistant 2.0.0 costs 20 % more: 5, 25,
-- 50, then 100 % of the operations from a Wednesday on, 30 % of the rows without a
-- version, and an unrelated deploy of the gateway the same day; and its twin, in
-- which 2.0.0 costs the same.
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
\set schema regress_canary
\set faults '{canary,declared}'
\i :generator
\set schema regress_twin
\set faults '{}'
\i :generator
\o
\set ECHO all
RESET search_path;
SET timezone = 'UTC';
SELECT llm_cost.attach('regress_canary.llm_call'), llm_cost.attach('regress_twin.llm_call');
SELECT llm_cost.attach_releases('regress_canary.deploy', usage => 'regress_canary.llm_call_usage'), llm_cost.attach_releases('regress_twin.deploy', usage => 'regress_twin.llm_call_usage');
RESET client_min_messages;
\set week '[2026-06-22, 2026-06-29)'

-- Found when it began, and when half and nearly all had it; the gateway is known but seen in no row.
SELECT release, kind, scope, first_started_at::date AS first, reached_half_at BETWEEN '2026-06-19' AND '2026-06-22 12:00' AS half, reached_most_at BETWEEN '2026-06-21' AND '2026-06-22 12:00' AS most, first_day_pct < 12 AS few, unversioned_pct BETWEEN 25 AND 35 AS unversioned
FROM llm_cost.detect_releases(:'week'::tstzrange + '[2026-06-15, 2026-06-22)'::tstzrange, usage => 'regress_canary.llm_call_usage') WHERE release IN ('2.0.0', 'gateway 3.2.0');
-- The true +20 % is in the interval, nothing in the twin's.
SELECT t.before, t.after, r.low_pct <= 20 AND 20 <= r.high_pct AS inside, r.like_for_like_pct BETWEEN 10 AND 30 AS about, r.unversioned_pct BETWEEN 25 AND 35 AS unversioned, r.near_release
FROM regress_canary.truth t, LATERAL llm_cost.release_impact('2.0.0', usage => 'regress_canary.llm_call_usage') r WHERE t.fault = 'canary';
SELECT r.low_pct <= 0 AND 0 <= r.high_pct AS inside, r.verdict IN ('increased', 'decreased') AS alarm FROM llm_cost.release_impact('2.0.0', usage => 'regress_twin.llm_call_usage') r;
-- Of 1.13.0, which most workflows have since Monday, only mail is dearer, by the 25 % that were +10 % when announced.
SELECT r.scope, r.low_pct <= 25 AND 25 <= r.high_pct AS inside, r.verdict FROM llm_cost.release_impact('1.13.0', usage => 'regress_canary.llm_call_usage') r WHERE r.verdict IN ('increased', 'decreased');
SELECT llm_cost.declare_change(jsonb_build_object('workflow', d.workflow), 100 * (d.factor - 1), d.valid, d.reason, d.metric, 'regress_canary.llm_call_usage') FROM regress_canary.declared_change d;
-- What changed, what it is near, what is beyond what was declared.  The gateway is never named alone.
SELECT d.scope, round(d.like_for_like, -1) AS about, d.verdict, d.near_release, regexp_replace(d.declared, '[\d.]+ points', '... points') AS declared
FROM llm_cost.drift(by => '{workflow}', period => :'week', usage => 'regress_canary.llm_call_usage') d WHERE d.verdict IN ('increased', 'decreased');
SELECT a.release, a.probability >= 0.5 AS likely, a.verdict FROM llm_cost.attribute_change('{"workflow": "assistant"}', :'week', usage => 'regress_canary.llm_call_usage') a WHERE a.probability > 0.2 OR a.release LIKE 'gateway%';
SELECT r.scope, r.metric, r.grade, r.alert, r.near_release, r.comparisons > 30 AS many FROM llm_cost.regressions(:'week', usage => 'regress_canary.llm_call_usage') r ORDER BY 1, 2;
SELECT r.grade, r.false_a_year < 1 AS rare FROM llm_cost.regressions(:'week', usage => 'regress_twin.llm_call_usage') r;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name LIKE 'regress_%';
DELETE FROM llm_cost.release_source WHERE schema_name LIKE 'regress_%';
DELETE FROM llm_cost.declared_change WHERE schema_name LIKE 'regress_%';
DROP SCHEMA regress_canary CASCADE;
DROP SCHEMA regress_twin CASCADE;
