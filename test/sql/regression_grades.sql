--
-- regressions(): how a rise of the totals is graded, by who pays it and by what
-- totals do by themselves.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_grades;
RESET client_min_messages;
SET search_path = regress_grades, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
DELETE FROM llm_cost.attached_usage;
SELECT count(*) FROM llm_cost.set_price('regress-grades', 'input', 1.0, '2026-01-01', 'regress');

-- Thirteen weeks, a call a day and user.  In the last one: five tenants take 22 to 30 % more.  Of sixteen users,
-- all take 15 % more in mostly and partly, and the four that take twice as much as others call every other day twice (mostly)
-- or every day five times (partly).  restless: one user does at twelve times the size what he does in every third
-- week, the last one too; burst: for the first time.  short: as burst, but usage is four weeks old.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, user_id text, workflow text, release text);
INSERT INTO call
SELECT '2026-03-30 08:00'::timestamptz + make_interval(days => d, mins => 30 * k + u), 'regress-grades',
	   round((10000 + 700 * u + 10 * ((u * 7 + d * 5) % 13)) * CASE WHEN u > 12 AND w IN ('mostly', 'partly') THEN 2 ELSE 1 END
			* CASE WHEN u > 1 OR w NOT IN ('restless', 'burst', 'short') THEN 1 WHEN d >= 84 OR w = 'restless' AND d / 7 % 3 = 0 THEN 12 ELSE 1 END
			* CASE WHEN d < 84 THEN 1 WHEN w = 'tenants' THEN 1.2 + u / 50.0 WHEN w IN ('mostly', 'partly') THEN 1.15 ELSE 1 END), 0,
	   'u' || u, w, CASE WHEN d >= 84 THEN '2' ELSE '1' END
FROM (VALUES ('tenants', 5), ('mostly', 16), ('partly', 16), ('restless', 16), ('burst', 16), ('short', 16)) AS f (w, users), generate_series(1, users) AS u, generate_series(CASE w WHEN 'short' THEN 63 ELSE 0 END, 90) AS d,
	 generate_series(1, CASE WHEN d < 84 OR u <= 12 THEN 1 WHEN w = 'mostly' THEN 1 + d % 2 WHEN w = 'partly' THEN 5 ELSE 1 END) AS k;
SELECT llm_cost.attach('call', view_name => 'usage');
\set week '[2026-06-22, 2026-06-29)'

-- Who pays it, in the tables of the week.
SELECT scope ->> 'workflow' AS workflow, round(change) AS headline, round(like_for_like) AS like_for_like, verdict, cause FROM llm_cost.drift(by => '{workflow}', period => :'week') ORDER BY 1;
-- Five tenants are too few to speak for others, not too few to be told.  Nothing is said of what restless does all the time.
SELECT scope ->> 'workflow' AS workflow, grade, alert, headline_pct, like_for_like_pct, weekly_usd > 0 AS dollars, near_release, cause FROM llm_cost.regressions(:'week', metrics => '{unit_cost}') ORDER BY 1;
-- Totals that move by themselves count as false alarms to be expected.
SELECT (SELECT max(false_a_year) FROM llm_cost.regressions(:'week', metrics => '{unit_cost}', filter => '{"workflow": "restless"}')) > (SELECT max(false_a_year) FROM llm_cost.regressions(:'week', metrics => '{unit_cost}', filter => '{"workflow": "tenants"}')) AS totals_count;
-- A release is near a change that there is, and near nothing else.
SELECT scope ->> 'workflow' AS workflow, verdict, near_release FROM llm_cost.drift(by => '{workflow}', period => :'week') WHERE near_release IS NOT NULL ORDER BY 1;
SELECT scope, verdict, near_release FROM llm_cost.overview(period => :'week') WHERE near_release IS NOT NULL AND verdict NOT IN ('increased', 'decreased', 'trend');

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_grades';
DELETE FROM llm_cost.price_override WHERE model = 'regress-grades';
DROP SCHEMA regress_grades CASCADE;
