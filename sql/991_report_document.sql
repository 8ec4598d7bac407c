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
-- what an analysis has to say of an empty section the report says itself
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET client_min_messages = warning
AS $$
DECLARE
	result		jsonb;
	message		text;
	hint		text;
BEGIN
	EXECUTE format('SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(q)) FROM (%s) AS q', section_rows.query) INTO result;
	RETURN jsonb_build_object('rows', COALESCE(result, '[]'));
EXCEPTION
	-- a column the usage lacks, or what a rollup does not keep
	WHEN undefined_column OR wrong_object_type OR feature_not_supported OR object_not_in_prerequisite_state OR invalid_parameter_value THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
		RETURN jsonb_build_object('rows', '[]'::jsonb, 'problem', message, 'hint', hint);
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

CREATE FUNCTION llm_cost.rollup_name(relation regclass) RETURNS text
LANGUAGE sql STABLE
RETURN (SELECT format('%I.%I', r.schema_name, r.rollup_name) FROM llm_cost.live_rollup(relation) AS r);
COMMENT ON FUNCTION llm_cost.rollup_name(regclass) IS 'Schema and name of a rollup; NULL for any other relation.';

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
	SELECT * INTO target FROM llm_cost.relation_parts(report_queries.usage);
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
				AND llm_cost.speaks_for(d.declared_by, d.schema_name, d.relation_name) AND d.valid && %L AND lower(d.valid) >= %L ORDER BY d.declared_at, d.scope, d.effect', target.schema_name, target.relation_name, report_queries.period, lower(before))),
		('percentiles', format('SELECT timezone(%L, c.bucket_start)::date AS day, llm_cost.significant(llm_cost.percentile(c.cost_distribution, 0.5)) AS p50,
				llm_cost.significant(llm_cost.percentile(c.cost_distribution, 0.9)) AS p90, llm_cost.significant(llm_cost.percentile(c.cost_distribution, 0.99)) AS p99
				FROM llm_cost.cells(''{}'', %L, usage => %L, time_zone => %1$L) c WHERE c.cost IS NOT NULL ORDER BY 1',
				report_queries.time_zone, recent, report_queries.usage)),
		('daily', llm_cost.daily_query(report_queries.usage, charted, report_queries.period, report_queries.time_zone, 'operation_id' = ANY (source.columns)))
		) AS q (section, query);
	-- a rollup has no attempts
	IF source.from_item IS NOT NULL THEN
		section := 'unpriced';
		query := format('SELECT a.model, count(*) AS attempts, a.cost_problem AS problem FROM (%s) AS a WHERE a.unpriced AND %s GROUP BY 1, 3 ORDER BY 2 DESC, 1, 3 LIMIT 50',
			llm_cost.attempts_query(report_queries.usage, report_queries.period, '{}', NULL, NULL), llm_cost.within(report_queries.period, 'a.started_at'));
		RETURN NEXT;
		section := 'through';
		-- rows after the period would tell that it is complete, and with the first of them the report would be another
		query := format('SELECT max(a.started_at) AS through FROM %s AS a WHERE (%s)',
			source.from_item, llm_cost.period_predicate(report_queries.usage, report_queries.period, 'a'));
		RETURN NEXT;
	END IF;
	FOREACH metric IN ARRAY '{unit_cost,hit_ratio,calls_per_operation,retry_share}'::text[] LOOP
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

CREATE FUNCTION llm_cost.report_body(usage regclass, period tstzrange, by text[], time_zone text) RETURNS jsonb
LANGUAGE plpgsql STABLE COST 1000000
-- whatever the session's settings, the same document
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 1
SET max_parallel_workers_per_gather = 0 SET synchronize_seqscans = off SET jit = off
AS $$
DECLARE
	source		record;
	target		record;
	asked		record;
	facts		jsonb := jsonb_build_object();
	users		text[];
	daily		jsonb;
	trust		jsonb;
	change		numeric;
	bridge		jsonb;
	findings	jsonb;
	spends		jsonb;
	spend		numeric;
	currency	text;
	weekly		numeric := 604800 / EXTRACT(epoch FROM upper(report_body.period) - lower(report_body.period));
	charted		timestamptz := timezone(report_body.time_zone, timezone(report_body.time_zone, lower(report_body.period)) - INTERVAL '56 days');
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(report_body.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	currency := COALESCE((SELECT b.currency FROM llm_cost.price_book b WHERE b.price_book = source.price_book), 'USD');
	FOR asked IN SELECT * FROM llm_cost.report_queries(source.relation, report_body.period, report_body.by, report_body.time_zone) LOOP
		-- models are asked only where some price did change
		CONTINUE WHEN asked.section = 'prices' AND NOT jsonb_path_exists(facts, '$.overview.rows[*] ? (@.from_price_usd <> 0)');
		facts := facts || jsonb_build_object(asked.section, llm_cost.section_rows(asked.query));
	END LOOP;
	-- whose users they are that a finding may name
	users := ARRAY(SELECT r -> 'scope' ->> 'user_id' FROM jsonb_array_elements(facts #> '{runaway,rows}') AS r WHERE r -> 'scope' ? 'user_id'
				   UNION SELECT u.id FROM jsonb_array_elements(facts #> '{skew,rows}') AS r, jsonb_array_elements_text(r -> 'whale_ids') AS u (id) ORDER BY 1);
	IF 'team' = ANY (source.columns) AND users <> '{}' THEN
		facts := facts || jsonb_build_object('teams', llm_cost.section_rows(format(
			'SELECT c.user_id, min(c.scope ->> ''team'') AS team FROM llm_cost.cells(''{team}'', %L, ''user'', ''period'', usage => %L, time_zone => %L, filter => %L) c GROUP BY 1 HAVING min(c.scope ->> ''team'') = max(c.scope ->> ''team'')',
			report_body.period, source.relation, report_body.time_zone, jsonb_build_object('user_id', users))));
	END IF;
	IF facts -> 'overview' ? 'problem' THEN
		RAISE EXCEPTION '%', facts #>> '{overview,problem}'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = concat_ws(' ', facts #>> '{overview,hint}', 'Without overview() there is no report.');
	END IF;
	daily := facts #> '{daily,rows,0}';
	trust := COALESCE(daily -> 'trust', '{}');
	SELECT (e ->> 'amount_usd')::numeric INTO change FROM jsonb_array_elements(facts #> '{explain,rows}') AS e WHERE e ->> 'effect' = 'total';
	SELECT jsonb_agg(jsonb_build_object('effect', e ->> 'effect', 'amount', e -> 'amount_usd', 'low', e -> 'low_usd', 'high', e -> 'high_usd', 'detail', e ->> 'detail') ORDER BY n)
	INTO bridge FROM jsonb_array_elements(facts #> '{explain,rows}') WITH ORDINALITY AS e (e, n) WHERE e ->> 'effect' <> 'total';
	IF facts #> '{explain}' ? 'problem' THEN
		-- a rollup tells the coarse effects
		SELECT sum(o.change_usd), jsonb_build_array(jsonb_build_object('effect', 'volume', 'amount', sum(o.from_volume_usd)), jsonb_build_object('effect', 'new_users', 'amount', sum(o.from_new_users_usd)),
			   jsonb_build_object('effect', 'price', 'amount', sum(o.from_price_usd)), jsonb_build_object('effect', 'unit_cost', 'amount', sum(o.from_unit_cost_usd)))
		INTO change, bridge
		FROM jsonb_to_recordset(facts #> '{overview,rows}') AS o (change_usd numeric, from_volume_usd numeric, from_new_users_usd numeric, from_price_usd numeric, from_unit_cost_usd numeric);
	END IF;
	SELECT jsonb_object_agg(o ->> 'scope', o -> 'spend_usd') INTO spends FROM jsonb_array_elements(facts #> '{overview,rows}') AS o;
	spend := COALESCE((trust ->> 'spend')::numeric, 0);
	findings := llm_cost.report_findings(facts, target.schema_name, target.relation_name, source.relation::text, report_body.period, report_body.time_zone, currency);

	RETURN jsonb_build_object(
	'report', jsonb_build_object('usage', format('%I.%I', target.schema_name, target.relation_name), 'period', jsonb_build_array(lower(report_body.period), upper(report_body.period)),
		'baseline', '4 windows before', 'time_zone', report_body.time_zone, 'by', report_body.by, 'currency', currency, 'revision', 1,
		'data_through', COALESCE(facts #> '{through,rows,0,through}', trust -> 'last_day'),
		-- prices were believed no later
		'known_at', (SELECT max(lower(p.known)) FROM llm_cost.price p WHERE p.price_book = source.price_book AND isfinite(lower(p.known))))
		|| CASE WHEN source.from_item IS NULL THEN jsonb_build_object('rollup', llm_cost.rollup_name(source.relation)) ELSE '{}' END,
	'trust', jsonb_build_object('attempts', COALESCE((trust ->> 'attempts')::bigint, 0), 'priced_pct', trunc(100 - 100 * (trust ->> 'unpriced')::numeric / NULLIF((trust ->> 'attempts')::numeric, 0), 2),
		'unpriced', COALESCE(facts #> '{unpriced,rows}', '[]'), 'recorded_usd', trust -> 'recorded', 'gap_usd', spend - (trust ->> 'recorded')::numeric,
		'grouped_pct', CASE WHEN 'operation_id' = ANY (source.columns) THEN trunc(100 * (trust ->> 'grouped')::numeric / NULLIF((trust ->> 'attempts')::numeric, 0), 1) END,
		'cache_reported_pct', CASE WHEN 'cache_read_tokens' = ANY (source.columns) THEN trunc(100 * COALESCE((trust ->> 'cacheable_tokens')::numeric, 0) / NULLIF((trust ->> 'input_tokens')::numeric, 0), 1) END,
		'users_pct', CASE WHEN 'user_id' = ANY (source.columns) THEN trunc(100 * COALESCE((trust ->> 'named')::numeric, 0) / NULLIF((trust ->> 'attempts')::numeric, 0), 1) END),
	'spend', jsonb_build_object('now', spend, 'before', spend - change, 'change', change,
		'change_pct', round(100 * change / NULLIF(spend - change, 0), 1),
		'month', (SELECT jsonb_build_object('from', m.month_from, 'to_date', m.spend_to_date, 'days_left', m.days_left, 'run_rate', m.run_rate, 'low', m.low, 'high', m.high,
				'plan', m.plan, 'verdict', m.verdict)
			FROM jsonb_to_recordset(facts #> '{month,rows}') AS m (scope jsonb, month_from date, spend_to_date numeric, days_left integer, run_rate numeric, low numeric, high numeric,
				plan numeric, verdict text) WHERE m.scope = '{}')),
	'bridge', COALESCE(bridge, '[]'),
	'findings', findings,
	'declared', (SELECT COALESCE(jsonb_agg(jsonb_build_object('scope', d.scope, 'effect', d.effect, 'change_pct', d.change_pct, 'reason', d.reason, 'came_as_pct', c.like_for_like,
				'excess_usd', (SELECT f -> 'weekly_usd' FROM jsonb_array_elements(findings) AS f WHERE f -> 'scope' = d.scope AND f ->> 'kind' = 'unit_cost'))), '[]')
		FROM jsonb_to_recordset(facts #> '{declared,rows}') AS d (scope jsonb, effect text, change_pct numeric, reason text)
			 LEFT JOIN jsonb_to_recordset(facts #> '{unit_cost,rows}') AS c (scope jsonb, like_for_like numeric) ON c.scope = d.scope),
	-- what a finding was made of is judged
	'undecided', (SELECT COALESCE(jsonb_agg(jsonb_build_object('scope', llm_cost.scope_text(d.scope), 'spend', o.spend, 'cause', d.cause) ORDER BY o.spend DESC, d.scope), '[]')
		FROM jsonb_to_recordset(facts #> '{unit_cost,rows}') AS d (scope jsonb, verdict text, cause text), LATERAL (SELECT (spends ->> llm_cost.scope_text(d.scope))::numeric AS spend) AS o
		WHERE d.verdict IN ('inconclusive', 'insufficient') AND o.spend > 0
		  AND (d.scope = '{}' OR d.scope NOT IN (SELECT f -> 'scope' FROM jsonb_array_elements(findings) AS f UNION ALL SELECT (f -> 'scope') - 'user_id' FROM jsonb_array_elements(findings) AS f))),
	'savings', (SELECT COALESCE(jsonb_agg(jsonb_build_object('kind', s.kind, 'scope', s.scope, 'weekly_usd', round(s.usd, 2), 'sentence', s.sentence) ORDER BY s.usd DESC, s.kind, s.scope), '[]')
		FROM (SELECT 'repeated_prompts' AS kind, c.scope, c.duplicate_saving * weekly AS usd,
					 format('%s prompts of %s repeat an earlier one; read from the cache they would cost up to %s a week less.', llm_cost.count_text(c.duplicates), llm_cost.scope_name(c.scope),
						llm_cost.money_text(c.duplicate_saving * weekly, currency)) AS sentence
			  FROM jsonb_to_recordset(facts #> '{contexts,rows}') AS c (scope jsonb, duplicates bigint, duplicate_saving numeric)
			  UNION ALL
			  SELECT 'needless_retries', r.scope, r.needless_cost * weekly,
					 format('%s retries after %s, which fails again: %s a week.', llm_cost.count_text(r.needless_retries), r.scope ->> 'error_type', llm_cost.money_text(r.needless_cost * weekly, currency))
			  FROM jsonb_to_recordset(facts #> '{retries,rows}') AS r (scope jsonb, needless_retries bigint, needless_cost numeric)
			  UNION ALL
			  SELECT 'failed_attempts', r.scope, r.failed_cost * weekly,
					 format('%s attempts that ended with %s were billed: %s a week.', llm_cost.count_text(r.failures), r.scope ->> 'error_type', llm_cost.money_text(r.failed_cost * weekly, currency))
			  FROM jsonb_to_recordset(facts #> '{retries,rows}') AS r (scope jsonb, failures bigint, failed_cost numeric)) AS s
		-- a thousandth of spend is worth a line
		WHERE s.usd > 0 AND s.usd >= 0.001 * spend * weekly),
	'outcomes', (SELECT COALESCE(jsonb_agg(jsonb_build_object('scope', llm_cost.scope_text(o.scope), 'resolved', o.resolved, 'cost_per_resolved', llm_cost.shown_number(o.cost_per_resolved),
				'before', llm_cost.shown_number(b.cost_per_resolved)) ORDER BY o.cost DESC NULLS LAST, o.scope), '[]')
		FROM jsonb_to_recordset(facts #> '{outcomes,rows}') AS o (scope jsonb, resolved bigint, cost numeric, cost_per_resolved numeric)
			 LEFT JOIN jsonb_to_recordset(facts #> '{outcomes_before,rows}') AS b (scope jsonb, cost_per_resolved numeric) ON b.scope = o.scope
		WHERE o.resolved > 0),
	'daily', COALESCE(daily -> 'daily', '[]'),
	'releases', (SELECT COALESCE(jsonb_agg(r.release ORDER BY r.release ->> 'at', r.release), '[]')
		FROM (SELECT jsonb_build_object('release', r.release, 'kind', r.kind, 'at', min(r.first_started_at), 'scope', CASE WHEN count(DISTINCT r.scope) = 1 THEN llm_cost.scope_text((array_agg(r.scope))[1]) ELSE 'all' END) AS release
			  FROM jsonb_to_recordset(facts #> '{releases,rows}') AS r (release text, kind text, scope jsonb, first_started_at timestamptz)
			  WHERE r.first_started_at >= charted
			  GROUP BY r.release, r.kind) AS r),
	'change_points', (SELECT COALESCE(jsonb_agg(p || jsonb_build_object('near_release', (SELECT r.release FROM jsonb_to_recordset(facts #> '{releases,rows}') AS r (release text, first_started_at timestamptz)
				WHERE r.first_started_at >= (p ->> 'earliest')::timestamptz - INTERVAL '1 day' AND r.first_started_at < (p ->> 'latest')::timestamptz + INTERVAL '1 day'
				ORDER BY abs(EXTRACT(epoch FROM r.first_started_at - (p ->> 'at')::timestamptz)), r.release LIMIT 1)) ORDER BY n), '[]')
		FROM jsonb_array_elements(CASE jsonb_typeof(daily -> 'points') WHEN 'array' THEN daily -> 'points' ELSE '[]' END) WITH ORDINALITY AS p (p, n)),
	'episodes', (SELECT COALESCE(jsonb_agg(jsonb_build_object('metric', m.metric, 'scope', llm_cost.scope_text(e.scope), 'opened', e.opened_at, 'closed', e.closed_at, 'before', e.value_before,
				'during', e.value_during, 'wasted_usd', e.wasted_usd, 'verdict', e.verdict, 'near_release', e.near_release) ORDER BY abs(e.wasted_usd) DESC NULLS LAST, m.metric, e.scope, e.opened_at), '[]')
		FROM unnest('{hit_ratio,retry_share,calls_per_operation}'::text[]) AS m (metric),
			 LATERAL jsonb_to_recordset(facts #> ARRAY['episodes_' || m.metric, 'rows']) AS e (scope jsonb, opened_at timestamptz, closed_at timestamptz, value_before numeric,
				value_during numeric, wasted_usd numeric, verdict text, near_release text)),
	'percentiles', facts #> '{percentiles,rows}',
	'lorenz', (SELECT jsonb_build_object('points', l -> 'points', 'top_1', l -> 'top_1', 'top_5', l -> 'top_5', 'top_10', l -> 'top_10', 'gini', l -> 'inequality', 'users', l -> 'units',
				'whales', COALESCE(l -> 'whale_ids', '[]')) FROM jsonb_array_elements(facts #> '{lorenz,rows}') AS l LIMIT 1),
	'retries', (SELECT COALESCE(jsonb_agg(jsonb_build_object('error_type', r.scope ->> 'error_type', 'failures', r.failures, 'retries', r.retries, 'cost', r.retry_cost, 'share_pct', round(100 * r.retry_share, 2))
				ORDER BY r.retry_cost DESC NULLS LAST, r.scope), '[]')
		FROM jsonb_to_recordset(facts #> '{retries,rows}') AS r (scope jsonb, failures bigint, retries bigint, retry_cost numeric, retry_share numeric)
		WHERE r.failures > 0 OR r.retries > 0),
	-- a scope with nothing in the period or before moved nothing
	'movers', jsonb_path_query_array(facts #> '{overview,rows}', '$[*] ? (!(@.spend_usd == 0 && (@.change_usd == 0 || @.change_usd == null)))'),
	'notes', (SELECT jsonb_agg(n.note ORDER BY n.place, n.note) FROM (
		SELECT 0 AS place, format('Compared with the mean of the four windows before, %s; intervals are 95 %%, of users compared with themselves, and no narrower than what earlier quiet weeks did.', report_body.time_zone) AS note
		UNION ALL SELECT 1, 'The month is expected to go on as its weekdays did in the last four weeks; the band is how wrong that was in the weeks before.'
		UNION ALL SELECT DISTINCT 2, format('Left out: %s.', f.value ->> 'problem') FROM jsonb_each(facts) AS f WHERE f.value ? 'problem') AS n));
END
$$;
COMMENT ON FUNCTION llm_cost.report_body(regclass, tstzrange, text[], text) IS
	'The document of report_document() for arguments that are known.';

CREATE FUNCTION llm_cost.report_document(
	period tstzrange DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL, by text[] DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(report_document.time_zone);
	whole		tstzrange := llm_cost.checked_period(report_document.period, zone);
	source		record;
	column_name text;
	dimensions	text[] := report_document.by;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(report_document.usage);
	IF dimensions IS NULL THEN
		dimensions := llm_cost.main_column(source.relation, whole);
	END IF;
	FOREACH column_name IN ARRAY dimensions LOOP
		PERFORM llm_cost.column_expression(source.relation, column_name, 'a');	-- errors when there is none
	END LOOP;
	RETURN llm_cost.report_body(source.relation, whole, dimensions, zone);
END
$$;
COMMENT ON FUNCTION llm_cost.report_document(tstzrange, regclass, text, text[]) IS
	'The drift report of a usage (NULL: the only one attached) for a period (NULL: the last full week) as a JSON document: report, trust, spend, bridge, findings, declared, undecided, savings, outcomes, daily, releases, change_points, episodes, percentiles, lorenz, retries, movers, notes. Findings are by the columns "by" (NULL: the first of workflow, feature, agent, team, intent, model that the usage reports), each once with its evidence, dearest first. Sections that the usage cannot fill are empty, and notes say what is missing. Money is exact, times are UTC; the same data give the same document, byte for byte. All of it is one snapshot. It writes nothing and runs on a hot standby; write_report() stores it.';
