--
-- regressions(): when a finding is an alert, and when it has been one before.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_alerts;
RESET client_min_messages;
SET search_path = regress_alerts, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
DELETE FROM llm_cost.attached_usage;
SELECT count(*) FROM (VALUES ('input', 1.0), ('cache_read', 0.5)) AS p (meter, amount), LATERAL llm_cost.set_price('regress-alerts', meter, amount, '2026-01-01', 'regress');

-- Fifteen users, fifteen weeks.  announced: twice as much from 15 June, as declared, and a quarter more from 22 June.
-- midweek: 30 % more from Thursday 18 June.  small: 5 % more on four Mondays, the last one 15 June.
-- mail and chat: half as much again, with a release of each that is called 2; mail on Monday 22 June, chat on Wednesday.
-- lost: of the cache 60 points are lost on 8 June; worse: 15 points then and 30 more on 15 June.
-- nearly: 18.5 % more on 22 June, and 24 % of u1, who takes ten times as much as others.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, user_id text, workflow text, release text);
INSERT INTO call
SELECT at, 'regress-alerts', t.tokens, 0,
	   round(t.tokens * CASE WHEN w NOT IN ('lost', 'worse') OR at < '2026-06-08' THEN 0.8 WHEN w = 'lost' THEN 0.2 WHEN at < '2026-06-15' THEN 0.65 ELSE 0.35 END), 'u' || u, w,
	   CASE WHEN at >= CASE w WHEN 'mail' THEN '2026-06-22' WHEN 'chat' THEN '2026-06-24' ELSE 'infinity'::timestamptz END THEN '2' ELSE '1' END
FROM unnest('{announced,midweek,small,mail,chat,lost,worse,nearly}'::text[]) AS f (w), generate_series(1, 15) AS u, generate_series(0, 104) AS d,
	 LATERAL (SELECT '2026-03-16 08:00'::timestamptz + make_interval(days => d, mins => u) AS at) AS a,
	 LATERAL (SELECT round((10000 + 700 * u + 40 * ((u * 7 + d * 5) % 13)) * CASE w
			WHEN 'announced' THEN CASE WHEN at >= '2026-06-22' THEN 2.5 WHEN at >= '2026-06-15' THEN 2 ELSE 1 END
			WHEN 'midweek' THEN CASE WHEN at >= '2026-06-18' THEN 1.3 ELSE 1 END
			WHEN 'small' THEN 1.05 ^ ((at >= '2026-05-04')::int + (at >= '2026-05-18')::int + (at >= '2026-06-01')::int + (at >= '2026-06-15')::int)
			WHEN 'mail' THEN CASE WHEN at >= '2026-06-22' THEN 1.5 ELSE 1 END
			WHEN 'chat' THEN CASE WHEN at >= '2026-06-24' THEN 1.5 ELSE 1 END
			WHEN 'nearly' THEN CASE WHEN u = 1 THEN 10 ELSE 1 END * CASE WHEN at < '2026-06-22' THEN 1 WHEN u = 1 THEN 1.24 ELSE 1.185 END
			ELSE 1 END) AS tokens) AS t;
SELECT llm_cost.attach('call', view_name => 'usage');
SELECT llm_cost.declare_change('{"workflow": "announced"}', 100, '[2026-06-15,)', 'twice as much');

CREATE TABLE found AS
SELECT m.metric AS asked, w::date AS week, r.*
FROM (VALUES ('unit_cost'), ('hit_ratio')) AS m (metric), generate_series('2026-06-08'::timestamptz, '2026-06-22', '7 days') AS w,
	 LATERAL llm_cost.regressions(tstzrange(w, w + '7 days'), metrics => ARRAY[m.metric]) AS r;
-- What was declared of the week before was no alert, so what is beyond it now is one; and what has become a regression.
-- A quarter's small steps are one alert; two releases of one name are two.  What is the same without a user is not his.
SELECT scope ->> 'workflow' AS workflow, week, grade, alert, round(headline_pct) AS headline, round(like_for_like_pct) AS like_for_like, round(quarter_pct) AS quarter, weeks_open, near_release, declared, cause
FROM found WHERE asked = 'unit_cost' AND scope ->> 'workflow' IN ('announced', 'midweek', 'small', 'mail', 'chat', 'nearly') ORDER BY 1, 2;
-- Of a ratio that falls, falling on is worse.
SELECT scope ->> 'workflow' AS workflow, week, grade, alert, round(like_for_like_pct) AS points, weeks_open, cause FROM found WHERE asked = 'hit_ratio' AND scope ->> 'workflow' IN ('lost', 'worse') ORDER BY 1, 2;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_alerts';
DELETE FROM llm_cost.declared_change WHERE schema_name = 'regress_alerts';
DELETE FROM llm_cost.price_override WHERE model = 'regress-alerts';
DROP SCHEMA regress_alerts CASCADE;
