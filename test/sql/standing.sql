--
-- regressions() over many scopes: for how many days each change stands, and that
-- scopes are not mixed up.  No day of a scope is looked at more than once.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_standing;
RESET client_min_messages;
SET search_path = regress_standing, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
DELETE FROM llm_cost.attached_usage;
SELECT count(*) FROM (VALUES ('input', 1.0), ('output', 1.0)) AS p (meter, amount),
	LATERAL llm_cost.set_price('regress-standing', meter, amount, '2026-01-01', 'regress');

-- 140 workflows of twelve users, one operation a day.  Of each ten, seven take three times as
-- much on the last one to seven days, one on the first three days of the week, one on
-- all but Thursday, and one never does.
CREATE TABLE call AS
SELECT '2026-05-18 08:00'::timestamptz + make_interval(days => d, mins => u) AS started_at, 'regress-standing' AS model,
	   (10000 + 100 * ((u * 7 + d * 5 + w) % 13)) * CASE WHEN d >= 35 AND CASE w % 10 WHEN 0 THEN false WHEN 8 THEN d < 38 WHEN 9 THEN d <> 38 ELSE d >= 42 - w % 10 END THEN 3 ELSE 1 END AS input_tokens,
	   0 AS output_tokens, format('%s-%s-%s', w, u, d) AS operation_id, 'u' || u AS user_id, 'w' || to_char(w, 'FM000') AS workflow,
	   CASE WHEN d >= 35 THEN 'new' ELSE 'old' END AS release
FROM generate_series(1, 140) AS w, generate_series(1, 12) AS u, generate_series(0, 41) AS d;
ANALYZE call;
SELECT llm_cost.attach('call', view_name => 'usage');

SELECT substr(scope ->> 'workflow', 4)::int AS kind, grade, standing_days, count(*) AS workflows, min(headline_pct) AS least, max(headline_pct) AS most
FROM llm_cost.regressions('[2026-06-22, 2026-06-29)', metrics => '{unit_cost}')
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- The same by hand: the days at the end that are half of the change or more above the same weekdays before.
WITH day AS (
	SELECT workflow, started_at::date AS day, avg(ln(cost / usual)) AS value
	FROM (SELECT u.*, avg(cost) FILTER (WHERE started_at < '2026-06-22') OVER (PARTITION BY workflow, user_id) AS usual FROM usage u) AS u
	GROUP BY 1, 2
), above AS (
	SELECT d.workflow, d.day, d.value - (SELECT avg(b.value) FROM day b WHERE b.workflow = d.workflow AND b.day < '2026-06-22' AND extract(dow FROM b.day) = extract(dow FROM d.day))
		   >= ln(1 + r.headline_pct / 100) / 2 AS above, r.standing_days
	FROM day d JOIN llm_cost.regressions('[2026-06-22, 2026-06-29)', metrics => '{unit_cost}') r ON r.scope ->> 'workflow' = d.workflow
	WHERE d.day >= '2026-06-22'
)
SELECT count(DISTINCT workflow) AS workflows, bool_and(same) AS same
FROM (SELECT workflow, count(*) FILTER (WHERE a.day > COALESCE((SELECT max(b.day) FROM above b WHERE b.workflow = a.workflow AND NOT b.above), '-infinity')) = min(standing_days) AS same
	  FROM above a GROUP BY workflow) AS q;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_standing';
DELETE FROM llm_cost.price_override WHERE model = 'regress-standing';
DROP SCHEMA regress_standing CASCADE;
