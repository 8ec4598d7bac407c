--
-- What a call costs over time for the same users: cost_index,
-- cost_index_users and cost_index_append.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
\set VERBOSITY sqlstate

-- Three users whose calls cost 1, 10 and 100 on the first two days, and a fifth more on the next two; a fourth user
-- is there on the last day only, and dear
CREATE TABLE cell (user_key text, bucket timestamptz, cost float8, n bigint);
INSERT INTO cell
	SELECT u, '2026-01-01'::timestamptz + day * interval '1 day', calls * price * CASE WHEN day >= 2 THEN 1.2 ELSE 1 END, calls
	FROM (VALUES ('a', 1.0), ('b', 10), ('c', 100)) v(u, price), generate_series(0, 3) day,
		 LATERAL (SELECT (5 + day * ascii(u) % 7)::bigint AS calls) c;
INSERT INTO cell VALUES ('d', '2026-01-04', 5000, 1);
SELECT bucket::date, round(value::numeric, 12) = round(CASE WHEN t <= 2 THEN -1 ELSE 1 END * ln(1.2) / 2, 12) AS value,
	   uncertainty < 1e-9 AS certain, cells, weekday_effect
FROM unnest((SELECT cost_index(user_key, bucket, cost, n) FROM cell)) WITH ORDINALITY
	 i(bucket, value, uncertainty, cells, weekday_effect, t) ORDER BY t;
-- while the mean cost of a call has risen elevenfold and fallen again
SELECT bucket::date, round((sum(cost) / sum(n))::numeric, 2) AS mean FROM cell GROUP BY bucket ORDER BY bucket;
-- users who come and go in turn, so that no two days have all of them in common: one of five by day
SELECT max(abs(value - (t - 20.5) * 0.01)) < 1e-9 AS value, count(*) AS buckets, min(cells), max(cells)
FROM unnest((SELECT cost_index('user ' || u, '2026-01-01'::timestamptz + t * interval '1 hour', exp(u + 0.01 * t), 1)
			 FROM generate_series(1, 40) t, generate_series(t, t + 4) u)) WITH ORDINALITY
	 i(bucket, value, uncertainty, cells, weekday_effect, t);

-- Rows of a cell add up; numeric costs; the order of rows; NULL and what has no logarithm is left out
SELECT (SELECT cost_index(user_key, bucket, cost, n) FROM cell) =
	   (SELECT cost_index(user_key, bucket, cost / 2, n / 2 + half * (n % 2)) FROM cell, generate_series(0, 1) half) AS adds_up,
	   (SELECT cost_index(user_key, bucket, cost, n) FROM cell) =
	   (SELECT cost_index(user_key, bucket, cost::numeric, n) FROM cell) AS numerics,
	   (SELECT cost_index(user_key, bucket, cost, n ORDER BY bucket, user_key) FROM cell) =
	   (SELECT cost_index(user_key, bucket, cost, n ORDER BY md5(user_key || bucket)) FROM cell) AS any_order,
	   (SELECT cost_index_users(user_key, bucket, cost, n) FROM cell) =
	   (SELECT cost_index_users(user_key, bucket, cost::numeric, n ORDER BY md5(user_key || bucket)) FROM cell) AS users;
SELECT (SELECT cost_index(user_key, bucket, cost, n) FROM cell) =
	   (SELECT cost_index(user_key, bucket, cost, n)
		FROM (SELECT * FROM cell
			  UNION ALL VALUES (NULL, '2026-01-01'::timestamptz, 7::float8, 1::bigint), ('a', NULL, 7, 1), ('a', '2026-01-01', NULL, 1),
							   ('a', '2026-01-01', 7, NULL), ('a', '2026-01-01', 'NaN', 1), ('a', '2026-01-01', 'Infinity', 1),
							   ('a', '2026-01-01', 7, 0), ('a', '2026-01-01', 7, -3), ('z', '2026-01-01', -5, 1), ('z', '2026-01-02', 0, 1),
							   -- a refund
							   ('y', '2026-01-01', 5, 1), ('y', '2026-01-01', -5, 1)) c) AS left_out;

-- Least squares where nobody is an outlier: all users every day, residuals of 0.1 with either sign, in turn.  Every day
-- has the mean of its cells.
CREATE TABLE residual AS
	SELECT u, t, 0.1 * (-1) ^ (u + t) + 0.03 * (t * t % 7) AS e FROM generate_series(1, 12) u, generate_series(1, 10) t;
WITH found AS (SELECT * FROM unnest((SELECT cost_index(u::text, '2026-01-01'::timestamptz + t * interval '1 minute', exp(u + e), 1)
									 FROM residual)) WITH ORDINALITY i(bucket, value, uncertainty, cells, weekday_effect, t)),
	 mean AS (SELECT t, avg(e) - (SELECT avg(e) FROM residual) AS mean FROM residual GROUP BY t),
	 left_over AS (SELECT r.t, r.e - avg(e) OVER (PARTITION BY u) - mean AS e FROM residual r JOIN mean USING (t)),
	 -- each moves its day by a twelfth and its user by a tenth
	 spread AS (SELECT t, sqrt(sum((e / (1 - 1 / 12.0 - 1 / 10.0)) ^ 2)) / 12 AS spread FROM left_over GROUP BY t)
SELECT bool_and(abs(value - mean) < 1e-8) AS value, bool_and(abs(uncertainty - spread) < 1e-8) AS uncertainty, bool_and(cells = 12) AS cells
FROM found JOIN mean USING (t) JOIN spread USING (t);
-- an outlier: a user who costs a thousand times as much on a day moves the mean by ln(1000) / 12 = 0.58
SELECT abs((i).value - (j).value) < 0.03 AS robust
FROM (SELECT (cost_index(u::text, '2026-01-01'::timestamptz + t * interval '1 minute', exp(u + e), 1))[5] AS i,
			 (cost_index(u::text, '2026-01-01'::timestamptz + t * interval '1 minute', exp(u + e) * CASE WHEN u = 3 AND t = 5 THEN 1000 ELSE 1 END, 1))[5] AS j
	  FROM residual) q;
-- one user has as many calls as all others together, and doubles: he has no more weight than some other
SELECT round(((i[10]).value - (i[1]).value)::numeric, 2) AS change
FROM (SELECT cost_index(u::text, '2026-01-01'::timestamptz + t * interval '1 minute',
						n * exp(u) * CASE WHEN u = 1 AND t > 5 THEN 2 ELSE 1 END, n) AS i
	  FROM generate_series(1, 20) u, generate_series(1, 10) t, LATERAL (SELECT CASE WHEN u = 1 THEN 200 ELSE 10 END AS n) v) q;

-- Weekdays: after four weeks of days, not before, nor for hours; also in a time zone with summer time
CREATE FUNCTION weekly(days int, step interval, zone text) RETURNS cost_index_point[] LANGUAGE sql AS $$
	SELECT cost_index(u::text, ('2026-03-09'::timestamp + t * step) AT TIME ZONE zone,
					  exp(u + CASE WHEN t % 7 IN (5, 6) THEN -0.35 ELSE 0 END + CASE WHEN t >= 21 THEN 0.1 ELSE 0 END), 1)
	FROM generate_series(1, 3) u, generate_series(0, days - 1) t
$$;
SELECT d AS days, zone, step, array_agg(DISTINCT round(((i).value - (first).value)::numeric, 6)) AS values,
	   round((max((i).weekday_effect) - min((i).weekday_effect))::numeric, 6) AS effect
FROM (VALUES (27, 'UTC', interval '1 day'), (42, 'UTC', '1 day'), (42, 'America/New_York', '1 day'), (42, 'UTC', '1 hour'), (42, 'UTC', '7 days')) v(d, zone, step),
	 LATERAL (SELECT i, (weekly(d, step, zone))[1] AS first FROM unnest(weekly(d, step, zone)) i) q
GROUP BY d, zone, step ORDER BY step, d, zone;

-- What cannot be compared: NULL, never a number
SELECT cost_index(user_key, bucket, cost, n) AS none FROM cell WHERE false;
SELECT cost_index(NULL, bucket, cost, n) AS no_user, cost_index(user_key, bucket, -cost, n) AS negative FROM cell;
SELECT (i).bucket::date, (i).value, (i).uncertainty, (i).cells, (i).weekday_effect
FROM (SELECT unnest(cost_index(user_key, bucket, cost, n)) AS i FROM cell WHERE user_key = 'a') one_user;
SELECT (i).value, (i).cells FROM (SELECT unnest(cost_index(user_key, bucket, cost, n)) AS i FROM cell WHERE bucket = '2026-01-01') one_bucket;
SELECT (i).value, (i).cells FROM (SELECT unnest(cost_index(user_key || bucket, bucket, cost, n)) AS i FROM cell) nobody_twice;
-- days 1 to 3 have two users, days 4 to 5 two others, day 6 one of them
SELECT (i).bucket::date, round((i).value::numeric, 6) AS value, (i).cells
FROM (SELECT unnest(cost_index(u, '2026-01-01'::timestamptz + t * interval '1 day', exp(t * 0.1), 1)) AS i
	  FROM (SELECT u, t FROM unnest('{a,b}'::text[]) u, generate_series(0, 2) t
			UNION ALL SELECT u, t FROM unnest('{c,d}'::text[]) u, generate_series(3, 4) t UNION ALL VALUES ('d', 5)) c) q;
SELECT cost_index_users(user_key, bucket, cost, n) AS nobody FROM cell WHERE user_key = 'a';

-- Levels of users, and a day more
SELECT user_key, round(exp(level)::numeric, 6) AS level, cells, round((sqrt(1.2) * 10 ^ (k - 1))::numeric, 6) AS is_right
FROM unnest((SELECT cost_index_users(user_key, bucket, cost, n) FROM cell)) WITH ORDINALITY u(user_key, level, cells, k);
SELECT round((a).value::numeric, 12) = round((ln(1.5) - ln(1.2) / 2)::numeric, 12) AS value, (a).uncertainty < 1e-9 AS certain, (a).cells
FROM (SELECT cost_index_append((u).level, price * 1.5 * 3, 3) AS a
	  FROM (SELECT unnest(cost_index_users(user_key, bucket, cost, n)) AS u FROM cell) q
		   RIGHT JOIN (VALUES ('a', 1.0), ('b', 10), ('c', 100), ('new', 7)) v(user_key, price) ON (u).user_key = v.user_key) q;
-- a fit of all days finds nearly the same, with noise
CREATE TABLE usage AS
	SELECT u::text AS user_key, '2026-01-01'::timestamptz + t * interval '1 day' AS bucket, n,
		   n * exp(u % 5 + 0.01 * t + 0.3 * sin(u * 71.7 + t * 23.1 + sin(u * t))) AS cost
	FROM generate_series(1, 200) u, generate_series(0, 20) t, LATERAL (SELECT 1 + u * t % 9 AS n) v;
SELECT abs((more).value - ((fit[21]).value - (SELECT avg((i).value) FROM unnest(fit[1:20]) i))) < 0.002 AS near,
	   abs((more).uncertainty / (fit[21]).uncertainty - 1) < 0.15 AS uncertainty, (more).cells
FROM (SELECT cost_index_append((u).level, cost, n) AS more
	  FROM usage JOIN (SELECT unnest(cost_index_users(user_key, bucket, cost, n)) AS u FROM usage WHERE bucket < '2026-01-21') q
		   ON user_key = (u).user_key
	  WHERE bucket = '2026-01-21') q,
	 (SELECT cost_index(user_key, bucket, cost, n) AS fit FROM usage) f;
SELECT cost_index_append(NULL, 1, 1) AS nobody, cost_index_append(1, 1, 1) AS one FROM generate_series(1, 1);
SELECT (cost_index_append(level, cost, n)).* FROM (VALUES (0.0, 1.0, 1), (0, 1, 1), (NULL, 1, 1), (0, NULL, 1), (0, 1, NULL), (0, -1, 1), (0, 0, 1),
	(0, 1, 0), (0, 'NaN', 1), ('Infinity', 1, 1)) v(level, cost, n);
SELECT cost_index_append(level, cost, n) AS none FROM (VALUES (0.0, 1.0, 1)) v(level, cost, n) WHERE false;
-- a state is read more than once
SELECT bucket::date, round((last).value::numeric, 6) AS value
FROM (SELECT bucket, user_key, (i)[cardinality(i)] AS last
	  FROM (SELECT bucket, user_key, cost_index(user_key, bucket, cost, n) OVER (ORDER BY bucket) AS i FROM cell) w) q
WHERE user_key = 'a' ORDER BY bucket;

-- Errors
SELECT cost_index('a', 'infinity', 1.0, 1);
SELECT cost_index('a', '-infinity', 1::float8, 1);
\set VERBOSITY default
SELECT cost_index_users('a', 'infinity', 1.0, 1);

DROP TABLE cell, residual, usage;
DROP FUNCTION weekly;
