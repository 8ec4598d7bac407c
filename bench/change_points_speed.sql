--
-- bench/change_points: how long indexes and series take, beside reading the
-- same rows; medians of five.
--
\pset footer off
CREATE EXTENSION llm_cost CASCADE;
CREATE TABLE cell AS
	SELECT 'user-' || u AS user_key, '2026-01-01'::timestamptz + t * interval '1 day' AS bucket, n,
		   (n * exp(sin(u * 12.9) + 0.4 * sin(u * 78.2 + t * 3.7)))::numeric(20, 9) AS cost
	FROM generate_series(0, 89) t, generate_series(1, 20000) u, LATERAL (SELECT 1 + (u * 7919 + t) % 20 AS n) v
	WHERE (u * 104729 + t * 7) % 9 < 5;
DELETE FROM cell WHERE ctid NOT IN (SELECT ctid FROM cell LIMIT 1000000);
VACUUM ANALYZE cell;
CREATE TABLE user_level AS
	SELECT u.* FROM unnest((SELECT cost_index_users(user_key, bucket, cost, n) FROM cell)) u;
ALTER TABLE user_level ADD PRIMARY KEY (user_key);
CREATE TABLE many AS
	SELECT s, '2026-01-01'::timestamptz + t * interval '1 day' AS bucket, sin(s * 12.9898 + t * 78.233 + sin(s * t)) + CASE WHEN t > 50 THEN s % 3 ELSE 0 END AS value
	FROM generate_series(1, 10000) s, generate_series(1, 90) t;
CREATE TABLE hourly AS
	SELECT '2025-01-01'::timestamptz + t * interval '1 hour' AS bucket, sin(t * 78.233 + sin(t * t)) AS noise,
		   t / 730 % 3 AS level
	FROM generate_series(0, 8759) t;
VACUUM ANALYZE user_level, many, hourly;

CREATE FUNCTION milliseconds(sql text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz;
	taken float8[] := '{}';
BEGIN
	FOR i IN 1..6 LOOP
		started := clock_timestamp();
		EXECUTE 'SELECT count(x) FROM (' || sql || ') q(x)';
		taken := taken || extract(epoch FROM clock_timestamp() - started)::float8 * 1000;
	END LOOP;
	RETURN round((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(taken[2:]) t)::numeric, 1);
END
$$;
SELECT count(*) AS cells, count(DISTINCT user_key) AS users, count(DISTINCT bucket) AS days FROM cell;
SELECT what, milliseconds(sql) AS ms, target FROM (VALUES
	('cost_index, all cells', 'SELECT cost_index(user_key, bucket, cost, n) FROM cell', 500),
	('  costs as float8', 'SELECT cost_index(user_key, bucket, cost::float8, n) FROM cell', NULL),
	('  reading them: max(user_key), sum(cost)', 'SELECT max(user_key COLLATE "C") || sum(cost) FROM cell', NULL),
	('cost_index_append, the last day', $$SELECT cost_index_append(level, cost, n) FROM (SELECT * FROM cell WHERE bucket = '2026-03-31') c JOIN user_level USING (user_key)$$, NULL),
	('  reading it', $$SELECT sum(cost) FROM (SELECT * FROM cell WHERE bucket = '2026-03-31') c JOIN user_level USING (user_key)$$, NULL),
	('change_points, 8,760 buckets, no change', 'SELECT change_points(bucket, noise) FROM hourly', 1000),
	('change_points, 8,760 buckets, 11 changes', 'SELECT change_points(bucket, noise + level) FROM hourly', 1000),
	('trend_change_points, 8,760 buckets, no change', 'SELECT trend_change_points(bucket, noise) FROM hourly', 1000),
	('trend_change_points, 8,760 buckets, 11 changes', 'SELECT trend_change_points(bucket, noise + 3 * level) FROM hourly', 1000),
	('change_points, 10,000 series of 90 days', 'SELECT change_points(bucket, value) FROM many GROUP BY s', 10000),
	('trend_change_points, 10,000 series of 90 days', 'SELECT trend_change_points(bucket, value) FROM many GROUP BY s', 10000),
	('change_monitor, 10,000 series of 90 days', $$SELECT change_monitor(bucket, value, '2026-03-01') FROM many GROUP BY s$$, NULL),
	('  grouping them', 'SELECT sum(value) FROM many GROUP BY s', NULL)) v(what, sql, target);

