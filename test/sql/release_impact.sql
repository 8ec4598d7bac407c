--
-- release_impact(): side by side and before and after, against plain SQL; prices
-- that change meanwhile; and what it refuses to say.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_impact;
RESET client_min_messages;
SET search_path = regress_impact, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
DELETE FROM llm_cost.attached_usage;
-- a dollar a million tokens; twice that from the 17th on
SELECT count(*) FROM (VALUES ('input'), ('output')) AS p (meter), (VALUES (1.0, '2026-01-01'::timestamptz), (2.0, '2026-06-17')) AS v (amount, at),
	LATERAL llm_cost.set_price('regress-impact', meter, amount, at, 'regress');

-- Twelve users, twelve weeks.  canary: on 10 to 14 June half of the calls, on 15 June three
-- quarters, by no rule that knows of costs, have 2.0, which takes 30 % more; a sixth carry no
-- version.  whole: everything has b2 from 10 June, 9:00, and takes a quarter more.
-- declared: the same, but no row carries a version.  The calls of a user differ by hour.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, user_id text, workflow text, release text, turn bigint);
INSERT INTO call
SELECT at, 'regress-impact', round((1000 + 150 * u + 10 * ((u * 7 + h * 5 + k * 3) % 11)) * CASE WHEN w = 'canary' AND new THEN 1.3 WHEN w <> 'canary' AND at >= '2026-06-10 09:00' THEN 1.25 ELSE 1 END), 0,
	   'u' || u, w, CASE WHEN w = 'declared' OR w = 'canary' AND k = 5 THEN NULL WHEN w = 'canary' THEN CASE WHEN new THEN '2.0' ELSE '1.9' END WHEN at >= '2026-06-10 09:00' THEN 'b2' ELSE 'b1' END,
	   CASE WHEN h = 9 THEN 1 ELSE 2 END
FROM (VALUES ('canary'), ('whole'), ('declared')) AS f (w), generate_series(1, 12) AS u, generate_series('2026-03-30'::timestamptz, '2026-06-21', '1 day') AS d, (VALUES (9), (15)) AS o (h), generate_series(0, 5) AS k,
	 LATERAL (SELECT d + make_interval(hours => h, mins => 5 * k) AS at) AS t,
	 LATERAL (SELECT CASE WHEN at < '2026-06-10' THEN false WHEN at < '2026-06-15' THEN (u + k + h) % 2 = 0 WHEN at < '2026-06-16' THEN (u + k + h) % 4 > 0 ELSE true END AS new) AS n;
SELECT llm_cost.attach('call', view_name => 'usage');
SELECT llm_cost.declare_release('9.9', '2026-06-10 09:00', '{"workflow": "declared"}');
SELECT llm_cost.declare_release('edge 3', '2026-06-10 12:00');
SELECT llm_cost.declare_release('next year', '2027-06-10');

\x
SELECT * FROM llm_cost.release_impact('2.0');
SELECT * FROM llm_cost.release_impact('b2', unit => 'attempt');
SELECT * FROM llm_cost.release_impact('9.9');
\x
-- Side by side, by hand: days since the release with both versions, after half an hour;
-- a stratum is all days with the same share of calls, to half a logit.
CREATE TABLE canary AS
SELECT user_id, turn, release = '2.0' AS new, input_tokens / 1e6 AS cost,
	   floor(EXTRACT(epoch FROM started_at - (SELECT min(started_at) + interval '30 minutes' FROM call WHERE release = '2.0')) / 86400) AS day
FROM call WHERE workflow = 'canary' AND release IS NOT NULL AND started_at >= '2026-06-10';
CREATE TABLE both_versions AS
SELECT day, round(2 * ln(count(*) FILTER (WHERE new)::numeric / count(*) FILTER (WHERE NOT new))) AS stratum FROM canary WHERE day >= 0
GROUP BY day HAVING count(*) FILTER (WHERE new) > 0 AND count(*) FILTER (WHERE NOT new) > 0;
SELECT stratum, count(*) FROM both_versions GROUP BY 1 ORDER BY 1;
SELECT round(100 * (sum(cost) FILTER (WHERE new) / count(*) FILTER (WHERE new) / (sum(cost) FILTER (WHERE NOT new) / count(*) FILTER (WHERE NOT new)) - 1), 2) AS headline,
	   count(*) FILTER (WHERE new) AS n FROM canary JOIN both_versions USING (day);
SELECT round((100 * (e).change)::numeric, 2) AS like_for_like, round((100 * (e).low)::numeric, 2) AS low, round((100 * (e).high)::numeric, 2) AS high, (e).units
FROM (SELECT llm_cost.paired_change(user_id, y1, n1, y2, n2) AS e
	  FROM (SELECT user_id, sum(cost::float8) FILTER (WHERE NOT new) AS y1, count(*) FILTER (WHERE NOT new) AS n1, sum(cost::float8) FILTER (WHERE new) AS y2, count(*) FILTER (WHERE new) AS n2
			FROM canary JOIN both_versions USING (day) GROUP BY user_id, turn, stratum) AS c) AS p;
-- Before and after, by hand, at the prices of the release: half an hour after it for seven days, and four weeks.
SELECT round(100 * (sum(input_tokens) FILTER (WHERE after) / count(*) FILTER (WHERE after)::numeric / (sum(input_tokens) FILTER (WHERE NOT after) / count(*) FILTER (WHERE NOT after)::numeric) - 1), 2) AS headline,
	   count(*) FILTER (WHERE after) AS n, round(count(*) FILTER (WHERE after) * (sum(input_tokens) FILTER (WHERE after) / count(*) FILTER (WHERE after)::numeric - sum(input_tokens) FILTER (WHERE NOT after) / count(*) FILTER (WHERE NOT after)::numeric) / 1e6, 2) AS weekly
FROM (SELECT input_tokens, started_at >= '2026-06-10 09:30' AS after FROM call
	  WHERE workflow = 'whole' AND (started_at >= '2026-05-13 09:30' AND started_at < '2026-06-10 09:00' OR started_at >= '2026-06-10 09:30' AND started_at < '2026-06-17 09:30')) AS c;

-- Other units, scopes, filters; a look before it was done.
SELECT method, sampling_units, round(like_for_like_pct) AS about, verdict FROM llm_cost.release_impact('b2', by => '{}', filter => '{"workflow": ["whole", "canary"]}');
SELECT scope, method, verdict, cause FROM llm_cost.release_impact('b2', by => '{user_id}') WHERE scope ->> 'user_id' = 'u7';
SELECT method, verdict, cause FROM llm_cost.release_impact('b2', as_of => '2026-06-10 20:00');
SELECT method, round(like_for_like_pct) AS about, verdict FROM llm_cost.release_impact('b2', as_of => '2026-06-12 00:00', warmup => '0');
SELECT method, round(like_for_like_pct) AS about, quiet_windows, verdict FROM llm_cost.release_impact('b2', follow => '10 days', baseline_weeks => 2);

-- What cannot be said, and why.
SELECT scope, verdict, cause FROM llm_cost.release_impact('never heard of');
SELECT released_at, verdict, cause FROM llm_cost.release_impact('next year', as_of => '2026-12-01');
SELECT verdict, cause FROM llm_cost.release_impact('2.0', as_of => '2026-06-01');
SELECT verdict, cause FROM llm_cost.release_impact('b1');
SELECT verdict, cause FROM llm_cost.release_impact('b2', filter => '{"user_id": "u1"}');
SELECT verdict, cause FROM llm_cost.release_impact('b2', filter => '{"user_id": ["u1", "u2", "u3"]}');
SELECT verdict, cause FROM llm_cost.release_impact('p1', version_column => 'prompt_version');
-- nobody was there before and after
INSERT INTO call SELECT '2026-06-01'::timestamptz + make_interval(hours => 12 * i), 'regress-impact', 1000, 0, CASE WHEN i < 20 THEN 'old' ELSE 'new' END || i % 5, 'strangers', CASE WHEN i < 20 THEN 's1' ELSE 's2' END, 1 FROM generate_series(1, 40) AS i;
SELECT method, headline_pct, like_for_like_pct, verdict, cause FROM llm_cost.release_impact('s2');
-- all cost the same, always
INSERT INTO call SELECT '2026-05-01'::timestamptz + make_interval(hours => i), 'regress-impact', 1000, 0, 'u' || u, 'constant', CASE WHEN i < 960 THEN 'c1' ELSE 'c2' END, 1 FROM generate_series(1, 1200) AS i, generate_series(1, 12) AS u WHERE (i + u) % 3 = 0;
SELECT method, headline_pct, like_for_like_pct, low_pct, high_pct, verdict, cause FROM llm_cost.release_impact('c2');
-- no price for a part of it
INSERT INTO call SELECT '2026-06-12'::timestamptz + make_interval(mins => i), 'no such model', 1000, 0, 'u1', 'whole', 'b2', 1 FROM generate_series(1, 60) AS i;
SELECT verdict, cause FROM llm_cost.release_impact('b2');
-- nobody says who: earlier windows are all there is, unless there are too few
SELECT llm_cost.attach('call', mapping => '{"user_id": null}', view_name => 'nobody');
SELECT method, headline_pct, like_for_like_pct, sampling_unit, quiet_windows, verdict FROM llm_cost.release_impact('b2', usage => 'nobody', filter => '{"model": "regress-impact"}');
SELECT method, headline_pct, sampling_unit, verdict, cause FROM llm_cost.release_impact('s2', usage => 'nobody');
SELECT llm_cost.detach('nobody');
-- two releases a day: rows say who had which
SELECT scope, method, near_release FROM llm_cost.release_impact('2.0');

-- Bad input.
SELECT * FROM llm_cost.release_impact(NULL);
SELECT * FROM llm_cost.release_impact('b2', version_column => 'model');
SELECT * FROM llm_cost.release_impact('b2', unit => 'user');
SELECT * FROM llm_cost.release_impact('b2', unit => 'mile');
SELECT * FROM llm_cost.release_impact('b2', baseline_weeks => 0);
SELECT * FROM llm_cost.release_impact('b2', follow => '1 hour');
SELECT * FROM llm_cost.release_impact('b2', by => '{no_such_column}');

SET client_min_messages = warning;
DELETE FROM llm_cost.declared_release WHERE schema_name = 'regress_impact';
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_impact';
DELETE FROM llm_cost.price_override WHERE model = 'regress-impact';
DROP SCHEMA regress_impact CASCADE;
