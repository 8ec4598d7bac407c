--
-- release_impact() of releases that were taken back, replaced or rolled out within
-- a day: weekends are compared with weekends, and nights with nights.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_hours;
RESET client_min_messages;
SET search_path = regress_hours, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
DELETE FROM llm_cost.attached_usage;
SELECT count(*) FROM llm_cost.set_price('regress-hours', 'input', 1.0, '2026-01-01', 'regress');

-- Thirty users, seven weeks, a call every two hours, half as dear again at night (from 20 to 8), a third more on weekends.
-- 2.0 changes nothing but in ramp20 (20 % more): weekend has it for one, back and back20 (20 % more) from a Wednesday at 9 to
-- Thursday at 21, day until 21 the same day, replaced for five hours until 2.1 comes; in ramp and ramp20 an eighth of the calls
-- have it from 10, half of them from 14, all from 20 on.  stayed has it to the end, but for one call in fifty.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, user_id text, workflow text, release text);
INSERT INTO call
SELECT at, 'regress-hours', round((1000 + 50 * u) * (0.8 + (lot >> 4 & 63) / 160.0) * CASE WHEN extract(hour FROM at) BETWEEN 8 AND 19 THEN 1 ELSE 1.5 END * CASE WHEN extract(isodow FROM at) >= 6 THEN 1.3 ELSE 1 END
			* CASE WHEN version = '2.0' AND w LIKE '%20' THEN 1.2 ELSE 1 END), 0, 'u' || u, w, version
FROM unnest('{weekend,back,back20,day,replaced,ramp,ramp20,stayed}'::text[]) AS f (w), generate_series(1, 30) AS u, generate_series(0, 50) AS d, generate_series(0, 11) AS k,
	 LATERAL (SELECT '2026-04-20 00:00'::timestamptz + make_interval(days => d, hours => 2 * k, mins => (u * 7 + d * 11) % 120) AS at, hashint4(u + 100 * (k + 12 * d)) & 65535 AS lot) AS a,
	 LATERAL (SELECT CASE WHEN at >= CASE WHEN w = 'weekend' THEN '2026-06-06' WHEN w LIKE 'ramp%' OR w = 'replaced' THEN '2026-06-03 10:00' ELSE '2026-06-03 09:00'::timestamptz END
			AND CASE w WHEN 'weekend' THEN at < '2026-06-08' WHEN 'day' THEN at < '2026-06-03 21:00' WHEN 'replaced' THEN at < '2026-06-03 15:00' WHEN 'stayed' THEN lot % 50 <> 0
				WHEN 'back' THEN at < '2026-06-04 21:00' WHEN 'back20' THEN at < '2026-06-04 21:00' ELSE lot & 7 < CASE WHEN at < '2026-06-03 14:00' THEN 1 WHEN at < '2026-06-03 20:00' THEN 4 ELSE 8 END END
			THEN '2.0' WHEN w = 'replaced' AND at >= '2026-06-03 15:00' THEN '2.1' ELSE '1.9' END AS version) AS v;
SELECT llm_cost.attach('call', view_name => 'usage');

-- All days and hours since against all weeks before: each would be dearer or cheaper.
SELECT workflow, round(100 * (avg(input_tokens) FILTER (WHERE release = '2.0') / avg(input_tokens) FILTER (WHERE release = '1.9') - 1)) AS all_of_it FROM call GROUP BY 1 ORDER BY 1;
-- The true change, 0 or 20 %, is in each interval.
CREATE TABLE impact AS SELECT r.*, scope ->> 'workflow' AS workflow, CASE WHEN scope ->> 'workflow' LIKE '%20' THEN 20 ELSE 0 END AS truth FROM llm_cost.release_impact('2.0') r;
SELECT workflow, method, low_pct <= truth AND truth <= high_pct AS inside, high_pct - low_pct < 25 AS close, verdict, cause FROM impact ORDER BY 1;
-- By hand: the weekend, less the first half hour, against the four weekends before.
SELECT i.headline_pct = round(100 * (avg(c.input_tokens) FILTER (WHERE c.started_at >= '2026-06-06') / avg(c.input_tokens) FILTER (WHERE c.started_at < '2026-06-06') - 1), 2) AS headline, count(*) FILTER (WHERE c.started_at >= '2026-06-06') = i.sample_size AS sample
FROM impact i, (SELECT min(n.started_at) + INTERVAL '30 minutes' AS starts_at, max(n.started_at) AS ends_at FROM call n WHERE n.workflow = 'weekend' AND n.release = '2.0') AS b, generate_series(0, 4) AS k,
	 LATERAL (SELECT c.* FROM call c WHERE c.workflow = 'weekend' AND c.started_at >= b.starts_at - make_interval(weeks => k) AND c.started_at < b.ends_at - make_interval(weeks => k)) AS c
WHERE i.workflow = 'weekend' GROUP BY i.headline_pct, i.sample_size;

-- What was declared from the morning on that it came is declared of all of it; a month before, of none.
SELECT llm_cost.declare_change('{"workflow": "back20"}', 20, '[2026-06-03,)', 'longer answers'), llm_cost.declare_change('{"workflow": "ramp20"}', 20, '[2026-05-04,)', 'last month''s');
SELECT scope ->> 'workflow' AS workflow, round(like_for_like_pct) AS about, verdict, declared FROM llm_cost.release_impact('2.0', filter => '{"workflow": ["back20", "ramp20"]}') ORDER BY 1;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_hours';
DELETE FROM llm_cost.declared_change WHERE schema_name = 'regress_hours';
DELETE FROM llm_cost.price_override WHERE model = 'regress-hours';
DROP SCHEMA regress_hours CASCADE;
