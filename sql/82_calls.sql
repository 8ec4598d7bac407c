/*
 * Calls per operation: how many calls one request of a user sets off, and which
 * step came, went or multiplied.  "Nothing changed and the bill doubled" is
 * most often a step that was added.
 *
 * An operation counts where and when it began, with all its calls.  Counts are
 * first added up by operation and step; percentiles are taken over operations
 * and exact.
 */

CREATE FUNCTION llm_cost.compared_windows(
	period tstzrange, baseline text, time_zone text, OUT scanned tstzrange, OUT before tstzmultirange)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT range_agg(w.during) FILTER (WHERE w.side = 'before'), range_merge(range_agg(w.during))
	INTO before, scanned
	FROM llm_cost.comparison_windows(compared_windows.period, compared_windows.baseline, compared_windows.time_zone, 0) w;
END
$$;
COMMENT ON FUNCTION llm_cost.compared_windows(tstzrange, text, text) IS
	'The windows before a period, as comparison_windows() takes its baseline, and the range that holds them and the period.';

CREATE FUNCTION llm_cost.side_expression(period tstzrange, before tstzmultirange, expression text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('CASE WHEN %s THEN true WHEN %s THEN false END',
	llm_cost.within(period, expression),
	COALESCE((SELECT string_agg(llm_cost.within(w, expression), ' OR ' ORDER BY w) FROM unnest(before) AS w), 'false'));
COMMENT ON FUNCTION llm_cost.side_expression(tstzrange, tstzmultirange, text) IS
	'SQL that is true for a time within the period, false within the windows before it, and NULL outside both.';

CREATE FUNCTION llm_cost.shown(value numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN value = 0 THEN '0'
	WHEN abs(value) >= 1e15 THEN round(value)::text
	WHEN abs(value) >= 99.95 THEN ltrim(to_char(value, '999,999,999,999,999,990'))
	WHEN abs(value) >= 9.995 THEN ltrim(to_char(value, '90.0'))
	WHEN abs(value) >= 0.01 THEN regexp_replace(round(value, 2)::text, '(\.\d)0$', '\1')
	ELSE round(value, 6)::text END;
COMMENT ON FUNCTION llm_cost.shown(numeric) IS 'A number as it stands in a sentence: about three digits of it.';

CREATE FUNCTION llm_cost.count_text(value numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ltrim(to_char(value, '999,999,999,999,999,990'));
COMMENT ON FUNCTION llm_cost.count_text(numeric) IS 'A count as it stands in a sentence: 12,345.';

CREATE FUNCTION llm_cost.ratio_change(now numeric, before numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round((now / NULLIF(before, 0) - 1) * 100, 1);
COMMENT ON FUNCTION llm_cost.ratio_change(numeric, numeric) IS
	'Change in per cent of what was before, to one decimal; NULL where there was nothing before.';

CREATE FUNCTION llm_cost.checked_rows(max_rows integer, by_default integer) RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF checked_rows.max_rows < 1 THEN
		RAISE EXCEPTION 'max_rows must be positive'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_rows: %s.', checked_rows.max_rows);
	END IF;
	RETURN COALESCE(checked_rows.max_rows, checked_rows.by_default);
END
$$;
COMMENT ON FUNCTION llm_cost.checked_rows(integer, integer) IS
	'The number of rows to return, or the default for NULL. Errors when it is not positive.';

CREATE FUNCTION llm_cost.calls(
	by text[] DEFAULT '{workflow}', period tstzrange DEFAULT NULL, baseline text DEFAULT NULL, filter jsonb DEFAULT NULL,
	usage regclass DEFAULT NULL, time_zone text DEFAULT NULL, least_change numeric DEFAULT 0.1, max_rows integer DEFAULT 100,
	OUT scope jsonb, OUT operations bigint, OUT operations_before bigint,
	OUT calls_per_operation numeric, OUT calls_per_operation_before numeric, OUT change_pct numeric,
	OUT median_calls numeric, OUT median_calls_before numeric, OUT p90_calls numeric, OUT p90_calls_before numeric,
	OUT p99_calls numeric, OUT p99_calls_before numeric, OUT max_calls bigint, OUT max_calls_before bigint,
	OUT tool_calls_per_operation numeric, OUT tool_calls_per_operation_before numeric,
	OUT retries_per_operation numeric, OUT retries_per_operation_before numeric,
	OUT cost_per_operation numeric, OUT cost_per_operation_before numeric, OUT extra_calls_usd_per_week numeric,
	OUT step_changes text, OUT steps jsonb, OUT unpriced_attempts bigint, OUT ungrouped_calls bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 100 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	windows		record;
	zone		text := llm_cost.checked_zone(calls.time_zone);
	whole		tstzrange := llm_cost.checked_period(calls.period, zone);
	dimensions	text[] := COALESCE(calls.by, '{workflow}');
	ranks		text;	-- ", dimension_1, dimension_2"
	opened		text;	-- what the first attempt says holds for the operation
	alone		text;	-- attempts without operation stay where they are
	alone_names	text;
	carried		text;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(calls.usage);
	PERFORM llm_cost.require_columns(source.relation, '{operation_id}', 'calls()');
	SELECT * INTO windows FROM llm_cost.compared_windows(whole, calls.baseline, zone);
	IF COALESCE(calls.least_change, 0.1) < 0 THEN
		RAISE EXCEPTION 'least_change must not be negative'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('least_change: %s.', calls.least_change);
	END IF;
	SELECT COALESCE(string_agg(format(', dimension_%s', i), '' ORDER BY i), ''),
		   COALESCE(string_agg(format(', min(a.operation_dimension_%1$s) AS dimension_%1$s', i), '' ORDER BY i), ''),
		   COALESCE(string_agg(format(', CASE WHEN a.operation_id IS NULL THEN a.dimension_%1$s END AS alone_%1$s', i), '' ORDER BY i), ''),
		   COALESCE(string_agg(format(', alone_%1$s', i), '' ORDER BY i), ''),
		   COALESCE(string_agg(format(', min(p.dimension_%1$s) OVER operation AS dimension_%1$s', i), '' ORDER BY i), '')
	INTO ranks, opened, alone, alone_names, carried
	FROM generate_series(1, cardinality(dimensions)) AS i;

	RETURN QUERY EXECUTE format($sql$
	WITH part AS (
		-- an operation is one row per step here; attempts without operation are kept by scope
		SELECT a.operation_id, a.step, a.is_call, CASE WHEN a.operation_id IS NULL THEN %1$s END AS alone_now%2$s%3$s,
			   min(a.operation_began_at) AS began, count(*) AS n, count(*) FILTER (WHERE a.is_retry) AS retries,
			   sum(a.cost) AS cost, count(*) FILTER (WHERE a.unpriced) AS unpriced
		FROM (%4$s) AS a
		GROUP BY a.operation_id, a.step, a.is_call, alone_now%5$s
	), rated AS (
		SELECT p.operation_id, p.step, p.is_call, p.n, p.retries, p.cost, p.unpriced, p.operation_id IS NOT NULL AS grouped%6$s,
			   CASE WHEN p.operation_id IS NULL THEN p.alone_now ELSE %7$s END AS now,
			   row_number() OVER (operation ORDER BY p.step, p.is_call) = 1 AND p.operation_id IS NOT NULL AS once,
			   COALESCE(sum(p.n) FILTER (WHERE p.is_call) OVER operation, 0)::bigint AS calls,
			   COALESCE(sum(p.cost) OVER operation, 0) AS operation_cost,
			   sum(p.unpriced) OVER operation = 0 AS priced
		FROM part p
		WINDOW operation AS (PARTITION BY p.operation_id%8$s)
	), rolled AS (
		SELECT %9$s AS scope, step, is_call, GROUPING(step) = 1 AS total,
			   count(*) FILTER (WHERE once AND now) AS operations, count(*) FILTER (WHERE once AND NOT now) AS operations_before,
			   COALESCE(sum(n) FILTER (WHERE grouped AND now), 0) AS n, COALESCE(sum(n) FILTER (WHERE grouped AND NOT now), 0) AS n_before,
			   sum(n) FILTER (WHERE grouped AND is_call AND now) AS calls, sum(n) FILTER (WHERE grouped AND is_call AND NOT now) AS calls_before,
			   sum(retries) FILTER (WHERE grouped AND now) AS retries, sum(retries) FILTER (WHERE grouped AND NOT now) AS retries_before,
			   -- spread between operations, those without the step included
			   COALESCE(sum(n * n) FILTER (WHERE grouped AND now), 0) AS squares, COALESCE(sum(n * n) FILTER (WHERE grouped AND NOT now), 0) AS squares_before,
			   sum(cost) FILTER (WHERE grouped AND now) AS cost, sum(cost) FILTER (WHERE grouped AND NOT now) AS cost_before,
			   sum(n - unpriced) FILTER (WHERE grouped AND now) AS priced, sum(n - unpriced) FILTER (WHERE grouped AND NOT now) AS priced_before,
			   sum(unpriced) FILTER (WHERE now) AS unpriced, sum(n) FILTER (WHERE NOT grouped AND is_call AND now) AS ungrouped,
			   sum(operation_cost) FILTER (WHERE once AND priced AND now) / NULLIF(count(*) FILTER (WHERE once AND priced AND now), 0) AS unit_cost,
			   sum(operation_cost) FILTER (WHERE once AND priced AND NOT now) / NULLIF(count(*) FILTER (WHERE once AND priced AND NOT now), 0) AS unit_cost_before,
			   max(calls) FILTER (WHERE once AND now) AS most, max(calls) FILTER (WHERE once AND NOT now) AS most_before,
			   percentile_cont('{0.5,0.9,0.99}'::float8[]) WITHIN GROUP (ORDER BY calls) FILTER (WHERE once AND now) AS percentiles,
			   percentile_cont('{0.5,0.9,0.99}'::float8[]) WITHIN GROUP (ORDER BY calls) FILTER (WHERE once AND NOT now) AS percentiles_before
		FROM rated
		WHERE now IS NOT NULL
		GROUP BY GROUPING SETS ((%16$s), (%16$s%17$sstep, is_call))
	), step_rate AS (
		SELECT t.scope, s.step, s.is_call, r.now, r.before, r.now - r.before AS change,
			   -- an extra call costs what such a call costs now, one that vanished what it did
			   CASE WHEN s.is_call IS NOT TRUE AND COALESCE(s.cost, s.cost_before) IS NULL THEN 0
					ELSE COALESCE(s.cost / NULLIF(s.priced, 0), s.cost_before / NULLIF(s.priced_before, 0)) END AS call_cost,
			   abs(r.now - r.before) >= %10$L::numeric AND r.now <> r.before
			   -- 3.3 standard errors, operations being what is sampled
			   AND (r.now - r.before) ^ 2 > 10 * ((s.squares / t.operations - r.now ^ 2) / t.operations
												  + (s.squares_before / t.operations_before - r.before ^ 2) / t.operations_before) AS noticed
		FROM rolled t JOIN rolled s ON s.scope = t.scope AND NOT s.total,
			 LATERAL (SELECT s.n::numeric / t.operations AS now, s.n_before::numeric / t.operations_before AS before) AS r
		WHERE t.total AND t.operations > 0 AND t.operations_before > 0
	), step_summary AS (
		SELECT r.scope,
			   CASE WHEN bool_or(r.call_cost IS NULL AND r.change <> 0) THEN NULL ELSE sum(r.change * COALESCE(r.call_cost, 0)) END AS extra_cost,
			   string_agg(format('%%s%%s: %%s -> %%s per operation', CASE WHEN r.is_call THEN '' ELSE 'tool call ' END,
								 COALESCE(r.step, '(no step)'), llm_cost.shown(r.before), llm_cost.shown(r.now)), '; '
						  ORDER BY abs(r.change) DESC, r.step, r.is_call) FILTER (WHERE r.noticed) AS changes,
			   jsonb_agg(jsonb_build_object('step', r.step, 'tool', NOT r.is_call, 'before', llm_cost.shown_number(r.before), 'now', llm_cost.shown_number(r.now),
						 'change', CASE WHEN r.before = 0 THEN 'appeared' WHEN r.now = 0 THEN 'vanished' WHEN r.change > 0 THEN 'more' ELSE 'fewer' END,
						 'usd_per_call', llm_cost.shown_number(r.call_cost)) ORDER BY abs(r.change) DESC, r.step, r.is_call) FILTER (WHERE r.noticed) AS list
		FROM step_rate r
		GROUP BY r.scope
	)
	SELECT t.scope, t.operations, t.operations_before, llm_cost.shown_number(u.now), llm_cost.shown_number(u.before), llm_cost.ratio_change(u.now, u.before),
		   llm_cost.shown_number(t.percentiles[1]::numeric), llm_cost.shown_number(t.percentiles_before[1]::numeric), llm_cost.shown_number(t.percentiles[2]::numeric), llm_cost.shown_number(t.percentiles_before[2]::numeric),
		   llm_cost.shown_number(t.percentiles[3]::numeric), llm_cost.shown_number(t.percentiles_before[3]::numeric), t.most, t.most_before,
		   %11$s, %12$s, llm_cost.shown_number(t.unit_cost), llm_cost.shown_number(t.unit_cost_before),
		   llm_cost.shown_number(s.extra_cost * t.operations / %13$L::numeric), %14$s,
		   COALESCE(t.unpriced, 0)::bigint, COALESCE(t.ungrouped, 0)::bigint
	FROM rolled t
		 LEFT JOIN step_summary s ON s.scope = t.scope,
		 LATERAL (SELECT COALESCE(t.calls, 0) / NULLIF(t.operations, 0) AS now, COALESCE(t.calls_before, 0) / NULLIF(t.operations_before, 0) AS before) AS u
	WHERE t.total AND (t.operations > 0 OR t.operations_before > 0 OR t.ungrouped > 0)
	ORDER BY s.extra_cost * t.operations DESC NULLS LAST, t.operations DESC, t.scope
	LIMIT %15$s$sql$,
		llm_cost.side_expression(whole, windows.before, 'a.started_at'), alone, opened,
		llm_cost.attempts_query(source.relation, llm_cost.with_operations(windows.scanned), dimensions, calls.filter, NULL),
		alone_names, carried,
		llm_cost.side_expression(whole, windows.before, 'min(p.began) OVER operation'),
		CASE WHEN alone_names = '' THEN ', p.alone_now' ELSE ', p.alone_now' || replace(alone_names, ', ', ', p.') END,
		llm_cost.scope_expression(dimensions, 'rated'), COALESCE(calls.least_change, 0.1),
		-- what the usage does not tell is NULL, not 0
		CASE WHEN 'kind' = ANY (source.columns) THEN
			'llm_cost.shown_number((t.n - COALESCE(t.calls, 0)) / NULLIF(t.operations, 0)), llm_cost.shown_number((t.n_before - COALESCE(t.calls_before, 0)) / NULLIF(t.operations_before, 0))'
			ELSE 'NULL::numeric, NULL::numeric' END,
		CASE WHEN source.columns && '{attempt,error_type}' THEN
			'llm_cost.shown_number(COALESCE(t.retries, 0) / NULLIF(t.operations, 0)), llm_cost.shown_number(COALESCE(t.retries_before, 0) / NULLIF(t.operations_before, 0))'
			ELSE 'NULL::numeric, NULL::numeric' END,
		EXTRACT(epoch FROM upper(whole) - lower(whole)) / 604800,
		CASE WHEN 'step' = ANY (source.columns) THEN 's.changes, s.list' ELSE 'NULL::text, NULL::jsonb' END,
		llm_cost.checked_rows(calls.max_rows, 100),
		substr(ranks, 3), CASE WHEN ranks = '' THEN '' ELSE ', ' END);
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, calls.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.calls(text[], tstzrange, text, jsonb, regclass, text, numeric, integer) IS
	'Calls per operation by the columns "by" (an operation counts where its first attempt is), in the period (NULL: the last full week) and in the windows before it (baseline as in comparison_windows(); NULL: four): mean, exact percentiles over operations, largest; tool calls, retries and cost per operation; the steps whose calls per operation changed by least_change or more and by more than 3.3 standard errors, as text and as JSON; and extra_calls_usd_per_week, the change of every step at what a call of it costs, over the operations of the period. Retries are calls. NULL where there is nothing to compare, or the usage does not report it: tool calls without kind, retries without attempt and error_type, steps without step; ungrouped_calls name no operation and are in no other column. Costs are of operations without unpriced attempts. Largest extra cost first, at most max_rows. Needs operation_id.';
