--
-- release_impact() where a version is given to users and not to calls, and where
-- somebody tried it long before it was rolled out.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_assignment;
RESET client_min_messages;
SET search_path = regress_assignment, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
DELETE FROM llm_cost.attached_usage;
SELECT count(*) FROM llm_cost.set_price('regress-assignment', 'input', 1.0, '2026-01-01', 'regress');

-- Sixty users, seven weeks, three calls a day; the higher the number, the dearer.  From
-- 10 June everything takes 10 % more.  same, dearer, team, staged: 2.0 is given to the
-- dearest twenty users, and in dearer and team takes 20 % more; in staged two days later
-- to the dearest forty.  lot: 2.0 is given to a third of the calls.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, user_id text, team text, workflow text, release text);
INSERT INTO call
SELECT at, 'regress-assignment', round((1000 + 40 * u + 10 * ((u * 7 + k * 5 + d * 3) % 11)) * CASE WHEN new AND w IN ('dearer', 'team') THEN 1.2 ELSE 1 END * CASE WHEN at >= '2026-06-10' THEN 1.1 ELSE 1 END), 0,
	   CASE WHEN w <> 'team' THEN 'u' || u END, CASE WHEN w = 'team' THEN 't' || (u + 1) / 2 END, w, CASE WHEN new THEN '2.0' ELSE '1.9' END
FROM (VALUES ('same'), ('dearer'), ('staged'), ('lot'), ('team')) AS f (w), generate_series(1, 60) AS u, generate_series(28, 80) AS d, generate_series(1, 3) AS k,
	 LATERAL (SELECT '2026-03-30 00:00'::timestamptz + make_interval(days => d, hours => 3 * k, secs => u) AS at) AS t,
	 LATERAL (SELECT at >= '2026-06-10' AND CASE w WHEN 'lot' THEN (u + k + d) % 3 = 0 WHEN 'staged' THEN u > CASE WHEN at < '2026-06-12' THEN 40 ELSE 20 END ELSE u > 40 END AS new) AS n;
SELECT llm_cost.attach('call', view_name => 'usage');

-- Side by side the dear users seem to cost half as much again.  Those who got it and those who did not,
-- each before and after: nothing, and 20 %.  Calls that got it by lot are compared side by side.
SELECT workflow, round(100 * (avg(input_tokens) FILTER (WHERE release = '2.0') / avg(input_tokens) FILTER (WHERE release = '1.9') - 1)) AS side_by_side FROM call WHERE started_at >= '2026-06-10' GROUP BY 1 ORDER BY 1;
SELECT scope ->> 'workflow' AS workflow, method, sampling_unit, sampling_units, round(like_for_like_pct) AS about, round(low_pct) AS low, round(high_pct) AS high, quiet_windows, verdict, cause FROM llm_cost.release_impact('2.0') ORDER BY 1;
-- By hand: what the others changed by is taken from what went before; weekly_usd is what the spend of a week is more by.
WITH window_user AS (
	SELECT c.workflow, c.user_id, c.user_id IN (SELECT n.user_id FROM call n WHERE n.release = '2.0' AND n.workflow = c.workflow) AS got,
		   sum(input_tokens / 1e6) FILTER (WHERE started_at < '2026-06-10 03:00:41') AS y1, count(*) FILTER (WHERE started_at < '2026-06-10 03:00:41') AS n1,
		   sum(input_tokens / 1e6) FILTER (WHERE started_at >= '2026-06-10 03:30:41') AS y2, count(*) FILTER (WHERE started_at >= '2026-06-10 03:30:41') AS n2
	FROM call c WHERE workflow IN ('same', 'dearer') AND (started_at >= '2026-05-13 03:30:41' AND started_at < '2026-06-10 03:00:41' OR started_at >= '2026-06-10 03:30:41') GROUP BY 1, 2
), others AS (
	SELECT workflow, llm_cost.paired_change(user_id, y1, n1, y2, n2) AS e FROM window_user WHERE NOT got GROUP BY 1
), those AS (
	SELECT w.workflow, llm_cost.paired_change(w.user_id, w.y1 * (1 + (o.e).change), w.n1, w.y2, w.n2) AS e, o.e AS o FROM window_user w JOIN others o USING (workflow) WHERE w.got GROUP BY w.workflow, o.e
)
SELECT t.workflow, round((100 * (t.e).change)::numeric, 2) = r.like_for_like_pct AS like_for_like,
	   round((100 * (exp(ln(1 + (t.e).change) + 1.97 * sqrt((t.e).standard_error ^ 2 + (t.o).standard_error ^ 2)) - 1))::numeric, 2) <= r.high_pct AS no_surer, (t.o).units AS others,
	   r.weekly_usd = round((SELECT sum(CASE WHEN c.release = '2.0' THEN c.input_tokens / (1 + (t.e).change) ELSE c.input_tokens END) * (t.e).change FROM call c WHERE c.workflow = t.workflow AND c.started_at >= '2026-06-10 03:30:41' AND c.started_at < '2026-06-17 03:30:41')::numeric / 1e6, 2) AS weekly
FROM those t JOIN llm_cost.release_impact('2.0') r ON r.scope ->> 'workflow' = t.workflow ORDER BY 1;
-- Nobody is left to compare with; only a few have it; nobody had it before.
UPDATE call SET release = '2.0' WHERE workflow = 'same' AND started_at >= '2026-06-10';
DELETE FROM call WHERE workflow = 'dearer' AND release = '2.0' AND user_id <> ALL ('{u58,u59,u60}');
DELETE FROM call WHERE workflow = 'staged' AND started_at < '2026-06-10' AND user_id IN (SELECT user_id FROM call WHERE workflow = 'staged' AND release = '2.0');
SELECT scope ->> 'workflow' AS workflow, method, sampling_unit, sampling_units, round(like_for_like_pct) AS about, verdict, cause FROM llm_cost.release_impact('2.0') WHERE scope ->> 'workflow' IN ('same', 'dearer', 'staged') ORDER BY 1;

-- A day of trials two weeks before, and one row of the next version, move nothing.
CREATE TABLE of_lot AS SELECT r.*, d.first_started_at, d.first_day_pct, d.attempts FROM llm_cost.release_impact('2.0') r, llm_cost.detect_releases('[2026-06-08, 2026-06-15)') d WHERE r.scope ->> 'workflow' = 'lot' AND d.release = '2.0' AND d.scope = r.scope;
INSERT INTO call SELECT '2026-05-27 12:00'::timestamptz + make_interval(mins => i), 'regress-assignment', 9000, 0, 'u' || i, NULL, 'lot', '2.0' FROM generate_series(1, 30) AS i;
INSERT INTO call VALUES ('2026-06-05 12:00', 'regress-assignment', 9000, 0, 'u1', NULL, 'lot', '2.1');
UPDATE call SET release = '2.1' WHERE workflow = 'lot' AND started_at >= '2026-06-14' AND release = '2.0';
SELECT count(*) AS new_rows FROM call WHERE workflow = 'lot' AND release = '2.1';
SELECT r.released_at = l.released_at AS at, r.method, r.quiet_windows IS NOT DISTINCT FROM l.quiet_windows AS quiet, round(r.like_for_like_pct) AS about, r.verdict, r.near_release FROM of_lot l, llm_cost.release_impact('2.0') r WHERE r.scope = l.scope;
SELECT release, first_started_at = (SELECT l.first_started_at FROM of_lot l) AS at, first_day_pct = (SELECT l.first_day_pct FROM of_lot l) AS first_day, evidence FROM llm_cost.detect_releases('[2026-06-08, 2026-06-15)', filter => '{"workflow": "lot"}') ORDER BY first_started_at;

-- The rule: two of three days, most of seven, 2 % on average; else the week of the fullest day.
SELECT c.what, llm_cost.rollout_began(c.day, c.share, ARRAY(SELECT '2026-06-01'::timestamptz + make_interval(days => d - 1) FROM unnest(c.day) AS d), c.last_day)::date AS began
FROM (VALUES (1, 'at once', '{5,6,7,8}'::integer[], '{0.5,1,1,1}'::float8[], 8),
	(2, 'tried a day', '{2,14,15,16,17,18}', '{0.3,0.05,0.25,0.5,1,1}', 18),
	(3, 'tried two days', '{2,3,14,15,16,17,18}', '{0.3,0.3,0.05,0.25,0.5,1,1}', 18),
	(4, 'today', '{18}', '{0.01}', 18), (5, 'today, 5 %', '{18}', '{0.05}', 18),
	(6, 'taken back', '{3,12,13}', '{0.01,0.4,0.6}', 30),
	(7, 'next to nothing, then all', '{1,2,3,4,5,6,7,8,9,10,11,12}', '{0.001,0.001,0.001,0.001,0.001,0.001,0.001,0.001,0.001,0.5,1,1}', 12),
	(8, 'never', '{}', '{}', 5)) AS c (n, what, day, share, last_day) ORDER BY c.n;
SELECT llm_cost.less_others(ROW('ratio', 0.1, NULL, NULL, NULL, 0.3, 8, 20, 15, 1, 1, 12, 8, 0, 1, 20, 0)::llm_cost.paired_change_result, 0.4, 4, 12);

-- What a change is near: the release, not the day on which somebody tried it.
INSERT INTO call
SELECT at, 'regress-assignment', round((1000 + 40 * u + 20 * (hashint4(1000 * u + 10 * d + k) % 31 + 31)) * CASE WHEN at >= '2026-06-10' OR d = 55 AND k = 1 AND u < 3 THEN 1.3 ELSE 1 END), 0, 'u' || u, NULL, 'near',
	   CASE WHEN at >= '2026-06-10' OR d = 55 AND k = 1 AND u < 3 THEN 'c' WHEN at >= '2026-06-03' THEN 'b' ELSE 'a' END
FROM generate_series(1, 20) AS u, generate_series(28, 78) AS d, generate_series(1, 3) AS k, LATERAL (SELECT '2026-03-30 00:00'::timestamptz + make_interval(days => d, hours => 3 * k, secs => u) AS at) AS t;
SELECT scope, verdict, near_release FROM llm_cost.drift(by => '{workflow}', period => '[2026-06-10, 2026-06-16)', filter => '{"workflow": "near"}');
SELECT release, first_started_at, probability >= 0.9 AS certain FROM llm_cost.attribute_change('{"workflow": "near"}', '[2026-06-10, 2026-06-16)') WHERE release IS NOT NULL ORDER BY 1;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_assignment';
DELETE FROM llm_cost.price_override WHERE model = 'regress-assignment';
DROP SCHEMA regress_assignment CASCADE;
