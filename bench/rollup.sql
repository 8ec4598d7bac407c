/*
 * A rollup of :rows attempts: 90 days, 20 teams, 5,000 users, five models.
 * Operations of one or two attempts, sizes lognormal, a few users with most calls.
 */
CREATE EXTENSION llm_cost CASCADE;
\pset footer off
SELECT setseed(0.20260629) \g /dev/null
CREATE TABLE call AS
SELECT '2026-03-31 00:00+00'::timestamptz + make_interval(secs => 90 * 86400.0 * i / :rows) AS started_at,
	   (ARRAY['gpt-4o', 'gpt-4o-mini', 'gpt-4.1', 'claude-sonnet-4-5', 'claude-haiku-4-5'])[1 + n % 5] AS model,
	   (ARRAY['openai', 'openai', 'openai', 'anthropic', 'anthropic'])[1 + n % 5] AS provider,
	   'o' || operation_no AS operation_id,
	   'u' || user_no AS user_id, 't' || user_no % 20 AS team,
	   input_tokens, (input_tokens * share)::bigint AS cache_read_tokens, output_tokens
FROM (SELECT i, operation_no, floor(power((hashint8extended(operation_no, 1) & 1048575) / 1048576.0, 3) * 5000)::int AS user_no, floor(random() * 5)::int AS n, exp(7 + 1.2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::bigint AS input_tokens,
			 random() * 0.9 AS share, exp(5 + sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::bigint AS output_tokens
	  FROM generate_series(0, :rows - 1) i, LATERAL (SELECT i / 4 * 4::bigint + CASE WHEN i / 4 % 3 = 0 THEN i % 4 ELSE i % 4 / 2 END AS operation_no) o) AS r;
CREATE INDEX ON call (started_at);
VACUUM (ANALYZE) call;
SELECT llm_cost.attach('call') \g /dev/null
SELECT count(*) AS rows, count(DISTINCT operation_id) AS operations, count(DISTINCT user_id) AS users, pg_size_pretty(pg_table_size('call')) AS size FROM call;

CREATE TABLE timed (name text, round int, ms numeric);
CREATE PROCEDURE measure(name text, rounds int, statement text) LANGUAGE plpgsql AS $$
DECLARE
	started		timestamptz;
BEGIN
	FOR i IN 1 .. rounds LOOP
		started := clock_timestamp();
		-- as text: what nobody reads is not computed
		EXECUTE 'SELECT sum(length(q::text)) FROM (' || statement || ') q';
		INSERT INTO timed VALUES (name, i, 1000 * extract(epoch FROM clock_timestamp() - started));
		COMMIT;
	END LOOP;
END
$$;
SELECT llm_cost.create_rollup('daily', '{team,model,provider}') \g /dev/null
CALL measure('refresh of all', 1, 'SELECT * FROM llm_cost.refresh_rollup(''daily'')');
VACUUM (ANALYZE) daily, daily_cell, daily_user_cell;
CALL measure('refresh of one day', 5, 'SELECT * FROM llm_cost.refresh_rollup(''daily'', ''[2026-06-28, 2026-06-29)'')');
CALL measure('refresh as every night', 3, 'SELECT * FROM llm_cost.refresh_rollup(''daily'')');
VACUUM (ANALYZE) daily, daily_cell, daily_user_cell;
SELECT c.relname AS table, c.reltuples::bigint AS rows, pg_size_pretty(pg_total_relation_size(c.oid)) AS size
FROM pg_class c WHERE c.relname IN ('call', 'daily', 'daily_cell', 'daily_user_cell') ORDER BY c.relname;

-- The dashboard: 30 days by team.
CREATE VIEW from_cells AS
	SELECT team, sum(cost) AS spend, llm_cost.percentiles(llm_cost.combine(cost_distribution), '{0.5,0.99}') AS p, sum(cache_read_tokens) / sum(cacheable_tokens) AS hit_ratio, sum(operation_attempts) / sum(operations) AS calls_per_operation
	FROM daily_cell WHERE bucket_start >= '2026-05-30' GROUP BY team;
CREATE VIEW from_usage AS
	SELECT team, sum(cost) AS spend, llm_cost.percentiles(llm_cost.distribution(cost), '{0.5,0.99}') AS p, llm_cost.hit_ratio(cache_read_tokens, input_tokens) AS hit_ratio, count(operation_id)::numeric / count(DISTINCT operation_id) AS calls_per_operation
	FROM call_usage WHERE started_at >= '2026-05-30' GROUP BY team;
CALL measure('dashboard, cells', 11, 'SELECT * FROM from_cells');
CALL measure('dashboard, cells(rollup)', 5, 'SELECT * FROM llm_cost.cells(''{team}'', ''[2026-05-30, 2026-06-29)'', bucket => ''period'', usage => ''daily'')');
CALL measure('dashboard, usage', 3, 'SELECT * FROM from_usage');
CALL measure('dashboard, cells(usage)', 2, 'SELECT * FROM llm_cost.cells(''{team}'', ''[2026-05-30, 2026-06-29)'', bucket => ''period'', usage => ''call_usage'')');
CALL measure('overview, rollup', 3, 'SELECT * FROM llm_cost.overview(''daily'', ''[2026-06-22, 2026-06-29)'')');
CALL measure('overview, usage', 1, 'SELECT * FROM llm_cost.overview(''call_usage'', ''[2026-06-22, 2026-06-29)'')');

CREATE TABLE answer AS SELECT 'cells' AS source, * FROM from_cells UNION ALL SELECT 'usage', * FROM from_usage;
-- exact percentiles, and where the rollup's stand among the rows
SELECT count(*) AS teams, bool_and(c.spend = u.spend) AS spend_equal, bool_and(abs(c.hit_ratio - u.hit_ratio) < 1e-12) AS hit_ratio_equal,
	   -- an operation over the first midnight is of the day before in cells
	   max(abs(c.calls_per_operation / u.calls_per_operation - 1))::numeric(10,8) AS calls_per_operation_off
FROM answer c JOIN answer u USING (team) WHERE c.source = 'cells' AND u.source = 'usage';
SELECT source, round(max(abs(r.rank_50 - 0.5)), 5) AS worst_rank_error_p50, round(max(abs(r.rank_99 - 0.99)), 5) AS worst_rank_error_p99
FROM answer a, LATERAL (SELECT count(*) FILTER (WHERE u.cost <= a.p[1])::numeric / count(*) AS rank_50, count(*) FILTER (WHERE u.cost <= a.p[2])::numeric / count(*) AS rank_99
						FROM call_usage u WHERE u.team = a.team AND u.started_at >= '2026-05-30' AND a.team IN ('t0', 't7', 't19')) AS r
WHERE a.team IN ('t0', 't7', 't19') GROUP BY source ORDER BY source;
