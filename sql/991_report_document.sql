/*
 * report_document: the drift report of a period as one JSON document.
 *
 * Nothing is computed here that an analysis does not compute: their rows are
 * asked for, put in order, and said in sentences (report_findings()).  All runs
 * in one statement of a STABLE function and so in one snapshot.  What a usage
 * does not report is left out, and a note says so.
 *
 * The same data give the same document, byte for byte: times are UTC whatever
 * the session's, numbers are rounded to what does not depend on the order of
 * rows, no wall clock is read, and what lies after the period is not looked at
 * (but the rest of operations that began in it).
 */

CREATE FUNCTION llm_cost.section_rows(query text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	result		jsonb;
BEGIN
	EXECUTE format('SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(q)) FROM (%s) AS q', section_rows.query) INTO result;
	RETURN jsonb_build_object('rows', COALESCE(result, '[]'));
EXCEPTION
	-- a column the usage lacks, or what a rollup does not keep
	WHEN undefined_column OR undefined_function OR undefined_table OR feature_not_supported OR object_not_in_prerequisite_state THEN
		RETURN jsonb_build_object('rows', '[]'::jsonb, 'problem', SQLERRM);
END
$$;
COMMENT ON FUNCTION llm_cost.section_rows(text) IS
	'The rows of a query as {"rows": [...]}, or without rows and with the problem where the usage lacks what it needs.';

CREATE FUNCTION llm_cost.significant(value double precision) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value = 0 THEN 0
	   WHEN abs(value) < 'Infinity' THEN trim_scale(round(value::numeric, GREATEST(0, 5 - floor(log(abs(value)))::integer))) END;
COMMENT ON FUNCTION llm_cost.significant(double precision) IS
	'The number to six significant digits, which do not depend on the order in which it was added up. NULL for NULL, NaN and infinity.';

CREATE FUNCTION llm_cost.daily_query(usage regclass, charted tstzrange, period tstzrange, time_zone text, grouped boolean) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	-- one pass over the cells of users and days serves all that is told by day
	SELECT format($sql$
	WITH cell AS MATERIALIZED (
		SELECT c.bucket_start, c.user_id, c.attempts, c.unpriced_attempts, c.cost, c.recorded_cost, c.grouped_attempts, c.input_tokens, c.cacheable_tokens, %1$s AS y, %2$s AS n
		FROM llm_cost.cells('{}', %3$L, 'user', 'day', usage => %4$L, time_zone => %5$L) c
	), indexed AS (
		SELECT i.bucket, i.value, i.uncertainty
		FROM (SELECT llm_cost.cost_index(c.user_id, c.bucket_start, c.y, c.n) AS points FROM cell c WHERE c.n > 0) AS q, unnest(q.points) AS i
	), daily AS (
		SELECT c.bucket_start, sum(c.attempts) AS attempts, COALESCE(sum(c.cost), 0) AS spend, sum(c.y) / NULLIF(sum(c.n), 0) AS unit_cost FROM cell c GROUP BY 1
	), said AS (
		SELECT jsonb_agg(jsonb_build_object('day', timezone(%5$L, d.bucket_start)::date, 'spend', d.spend, 'unit_cost', llm_cost.shown_number(d.unit_cost),
				'index', llm_cost.significant(exp(i.value)), 'low', llm_cost.significant(exp(i.value - 1.96 * i.uncertainty)),
				'high', llm_cost.significant(exp(i.value + 1.96 * i.uncertainty))) ORDER BY d.bucket_start) AS daily
		FROM daily d LEFT JOIN indexed i ON i.bucket = d.bucket_start
	), changed AS (
		SELECT jsonb_agg(jsonb_build_object('at', p.bucket, 'earliest', p.earliest, 'latest', p.latest,
				'change_pct', round((100 * (exp(p.change) - 1))::numeric, 1)) ORDER BY p.bucket) AS points
		FROM unnest((SELECT llm_cost.change_points(i.bucket, i.value) FROM indexed i)) AS p
	), trusted AS (
		SELECT jsonb_build_object('attempts', sum(c.attempts), 'unpriced', sum(c.unpriced_attempts), 'recorded', sum(c.recorded_cost), 'spend', sum(c.cost),
				'grouped', sum(c.grouped_attempts), 'named', sum(c.attempts) FILTER (WHERE c.user_id IS NOT NULL),
				'input_tokens', sum(c.input_tokens), 'cacheable_tokens', sum(c.cacheable_tokens), 'last_day', max(c.bucket_start) FILTER (WHERE c.attempts > 0)) AS trust
		FROM cell c WHERE c.bucket_start >= %6$L
	)
	SELECT s.daily, c.points, t.trust FROM said s, changed c, trusted t$sql$,
		CASE WHEN grouped THEN 'c.operation_cost' ELSE 'c.cost' END,
		CASE WHEN grouped THEN 'c.priced_operations' ELSE 'c.attempts - c.unpriced_attempts' END,
		charted, usage, time_zone, lower(period));
END;
COMMENT ON FUNCTION llm_cost.daily_query(regclass, tstzrange, tstzrange, text, boolean) IS
	'SQL for one row with what is told by day (spend, unit cost, cost index), its change points, and the facts of the period that say how far to trust it. grouped: by operation, else by attempt.';

CREATE FUNCTION llm_cost.report_queries(
	usage regclass, period tstzrange, by text[], time_zone text, OUT section text, OUT query text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 30
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	target		record;
	first		timestamp := timezone(report_queries.time_zone, lower(report_queries.period));
	-- eight weeks of charts, four of episodes and of what was before
	charted		tstzrange := tstzrange(timezone(report_queries.time_zone, first - INTERVAL '56 days'), upper(report_queries.period));
	recent		tstzrange := tstzrange(timezone(report_queries.time_zone, timezone(report_queries.time_zone, upper(report_queries.period)) - INTERVAL '28 days'), upper(report_queries.period));
	before		tstzrange := tstzrange(timezone(report_queries.time_zone, first - INTERVAL '28 days'), lower(report_queries.period));
	asked		text := format('period => %L, usage => %L, time_zone => %L', report_queries.period, report_queries.usage, report_queries.time_zone);
	metric		text;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(report_queries.usage);
	SELECT n.nspname::text AS schema_name, c.relname::text AS relation_name INTO target
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = report_queries.usage;
	recent := tstzrange(LEAST(lower(recent), lower(report_queries.period)), upper(recent));
	RETURN QUERY SELECT q.section, q.query FROM (VALUES
		('overview', format('SELECT * FROM llm_cost.overview(%s, by => %L, max_rows => 1000)', asked, report_queries.by)),
		('prices', format('SELECT * FROM llm_cost.overview(%s, by => %L, max_rows => 1000) o WHERE o.from_price_usd <> 0', asked, '{model}')),
		('explain', format('SELECT * FROM llm_cost.explain(%s)', asked)),
		('regressions', format('SELECT * FROM llm_cost.regressions(%s, by => %L) r WHERE r.grade <> ''none''', asked, report_queries.by)),
		('runaway', format('SELECT * FROM llm_cost.runaway(%s, by => %L)', asked, report_queries.by)),
		('skew', format('SELECT s.*, llm_cost.significant(s.p50_cost) AS median FROM llm_cost.skew(%L, %s) s WHERE s.whales > 0', report_queries.by, asked)),
		('lorenz', format('SELECT s.*, ARRAY(SELECT llm_cost.significant(l) FROM unnest(s.lorenz) WITH ORDINALITY AS l (l, n) ORDER BY n) AS points,
				llm_cost.significant(s.top_1_share) AS top_1, llm_cost.significant(s.top_5_share) AS top_5, llm_cost.significant(s.top_10_share) AS top_10,
				llm_cost.significant(s.gini) AS inequality FROM llm_cost.skew(%s) s', asked)),
		('whales', format('SELECT c.scope, c.user_id, c.cost FROM llm_cost.cells(%L, %L, ''user'', ''period'', usage => %L, time_zone => %L, filter =>
				(SELECT jsonb_build_object(''user_id'', jsonb_agg(DISTINCT w.id)) FROM llm_cost.skew(%1$L, %5$s) s, unnest(s.whale_ids) AS w (id))) c
				WHERE EXISTS (SELECT FROM llm_cost.skew(%1$L, %5$s) s WHERE s.whales > 0)', report_queries.by, before, report_queries.usage, report_queries.time_zone, asked)),
		('contexts', format('SELECT c.scope, c.cost, llm_cost.significant(c.mean_tokens) AS mean_tokens, llm_cost.significant(c.mean_before) AS mean_before,
				llm_cost.significant(c.trend_pct) AS trend_pct, c.duplicates, c.duplicate_saving, c.over_fixed_cost FROM llm_cost.contexts(%L, %s) c', report_queries.by, asked)),
		('retries', format('SELECT * FROM llm_cost.retries(%L, %s)', '{error_type}', asked)),
		('retries_by', format('SELECT * FROM llm_cost.retries(%L, %s, max_rows => 1000)', array_append(array_remove(report_queries.by, 'error_type'), 'error_type'), asked)),
		('steps', format('SELECT c.scope, c.step_changes FROM llm_cost.calls(%L, %s, max_rows => 1000) c WHERE c.step_changes IS NOT NULL', report_queries.by, asked)),
		('tail', format('SELECT t.scope, llm_cost.significant(t.attempt_share) AS attempt_share, llm_cost.significant(t.spend_share) AS spend_share FROM llm_cost.tail(within => %L, %s) t',
				report_queries.by, asked)),
		('outcomes', format('SELECT * FROM llm_cost.cost_per_outcome(%L, %s)', report_queries.by, asked)),
		('outcomes_before', format('SELECT o.scope, o.cost_per_resolved FROM llm_cost.cost_per_outcome(%L, period => %L, usage => %L, time_zone => %L) o',
				report_queries.by, before, report_queries.usage, report_queries.time_zone)),
		('month', format('SELECT * FROM llm_cost.month_end(%L, %L, %L, time_zone => %L)', '{}', report_queries.usage, upper(report_queries.period), report_queries.time_zone)),
		('releases', format('SELECT * FROM llm_cost.detect_releases(period => %L, usage => %L, time_zone => %L)', charted, report_queries.usage, report_queries.time_zone)),
		('declared', format('SELECT d.scope, d.effect, d.change_pct, d.reason FROM llm_cost.declared_change d WHERE d.schema_name = %L AND d.relation_name = %L
				AND d.valid && %L AND lower(d.valid) >= %L ORDER BY d.declared_at, d.scope, d.effect', target.schema_name, target.relation_name, report_queries.period, lower(before))),
		('percentiles', format('SELECT timezone(%L, c.bucket_start)::date AS day, llm_cost.significant(llm_cost.percentile(c.cost_distribution, 0.5)) AS p50,
				llm_cost.significant(llm_cost.percentile(c.cost_distribution, 0.9)) AS p90, llm_cost.significant(llm_cost.percentile(c.cost_distribution, 0.99)) AS p99
				FROM llm_cost.cells(''{}'', %L, usage => %L, time_zone => %1$L) c WHERE c.cost IS NOT NULL ORDER BY 1',
				report_queries.time_zone, recent, report_queries.usage)),
		('daily', llm_cost.daily_query(report_queries.usage, charted, report_queries.period, report_queries.time_zone, 'operation_id' = ANY (source.columns))),
		('unpriced', format('SELECT a.model, count(*) AS attempts, a.cost_problem AS problem FROM (%s) AS a WHERE a.unpriced AND %s GROUP BY 1, 3 ORDER BY 2 DESC, 1, 3 LIMIT 50',
				llm_cost.attempts_query(report_queries.usage, report_queries.period, '{}', NULL, NULL), llm_cost.within(report_queries.period, 'a.started_at'))),
		('through', format('SELECT CASE WHEN EXISTS (SELECT FROM %1$s AS a WHERE a.started_at >= %2$L) THEN %2$L
				ELSE (SELECT max(a.started_at) FROM %1$s AS a WHERE (%3$s) AND a.started_at < %2$L) END AS through',
				source.from_item, upper(report_queries.period), llm_cost.period_predicate(report_queries.usage, report_queries.period, 'a')))
		) AS q (section, query);
	FOREACH metric IN ARRAY '{unit_cost,hit_ratio,calls_per_operation,retry_share,context_p50}'::text[] LOOP
		section := metric;
		query := format('SELECT * FROM llm_cost.drift(%L, %L, %s)', metric, report_queries.by, asked);
		RETURN NEXT;
	END LOOP;
	FOREACH metric IN ARRAY '{hit_ratio,calls_per_operation,retry_share}'::text[] LOOP
		section := 'episodes_' || metric;
		query := format('SELECT * FROM llm_cost.drift_windows(%L, %L, period => %L, usage => %L, time_zone => %L)', metric, report_queries.by, recent, report_queries.usage, report_queries.time_zone);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.report_queries(regclass, tstzrange, text[], text) IS
	'The questions a report asks of the analyses, by section.';
