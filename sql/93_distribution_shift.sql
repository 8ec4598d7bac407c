/*
 * distribution_shift: did costs or intents move, and further than users move
 * by themselves?
 */

CREATE FUNCTION llm_cost.distribution_shift(
	metric text DEFAULT 'cost', by text[] DEFAULT '{}', period tstzrange DEFAULT NULL, baseline text DEFAULT NULL,
	filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL, permutations integer DEFAULT 999,
	OUT scope jsonb, OUT wasserstein numeric, OUT mean_shift_pct numeric, OUT jensen_shannon numeric, OUT p_value numeric,
	OUT users bigint, OUT sample_size numeric, OUT sample_size_before numeric, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 20 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(distribution_shift.time_zone);
	whole		tstzrange := llm_cost.checked_period(distribution_shift.period, zone);
	counted_by	text := COALESCE(distribution_shift.metric, 'cost');
	dimensions	text[] := COALESCE(distribution_shift.by, '{}');
	ranks		integer[];
	source		record;
	unit_column text;
	edges		timestamptz[];
	compared	text;
	label		text;
	place		text := 'NULL::double precision';
	which		text := 'a.is_call AND a.cost > 0';
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(distribution_shift.usage);
	ranks := ARRAY(SELECT g FROM generate_series(1, cardinality(dimensions)) AS g);
	SELECT d.name INTO unit_column FROM unnest('{user_id,team}'::text[]) WITH ORDINALITY AS d (name, rank)
	WHERE d.name = ANY (source.columns) ORDER BY d.rank LIMIT 1;
	IF counted_by = 'cost' THEN
		-- in steps of two per cent
		label := 'round(50 * ln(a.cost::double precision))::text';
		place := 'c.label::double precision / 50';
	ELSE
		label := format('a.dimension_%s', cardinality(dimensions) + 1);
		which := CASE WHEN 'operation_id' = ANY (source.columns) THEN 'CASE WHEN a.operation_id IS NULL THEN a.is_call ELSE a.opens_operation END' ELSE 'a.is_call' END;
	END IF;
	IF lower(distribution_shift.baseline) = 'plan' THEN
		RAISE EXCEPTION 'a plan has no distribution'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Compare with usage: baseline => ''4 weeks'', or a range.';
	END IF;

	SELECT array_agg(DISTINCT e.at ORDER BY e.at) INTO edges
	FROM llm_cost.comparison_windows(whole, distribution_shift.baseline, zone, 0) w,
		 LATERAL (VALUES (lower(w.during)), (upper(w.during))) AS e (at);
	SELECT string_agg(format('(%L, %s, %L::timestamptz)', w.side, array_position(edges, lower(w.during)), lower(w.during)), ', ')
	INTO compared
	FROM llm_cost.comparison_windows(whole, distribution_shift.baseline, zone, 0) w;

	RETURN QUERY EXECUTE format($sql$
	WITH compared (side, segment, starts_at) AS (VALUES %1$s),
	cell AS MATERIALIZED (
		SELECT width_bucket(a.started_at, %2$L::timestamptz[]) AS segment, %3$s AS unit_key, %4$s AS label%5$s, count(*) AS n, min(a.started_at) AS first_started_at
		FROM (%6$s) AS a WHERE %7$s
		GROUP BY 1, 2, 3%8$s
	), begun AS (SELECT min(c.first_started_at) AS at FROM cell c),
	-- windows before the first attempt say nothing
	used AS (SELECT c.* FROM compared c, begun b WHERE c.side = 'after' OR c.starts_at + INTERVAL '1 day' >= b.at),
	summed AS (
		SELECT c.unit_key, c.label, u.side = 'after' AS after, sum(c.n) AS n%5$s
		FROM cell c JOIN used u ON u.segment = c.segment GROUP BY 1, 2, 3%9$s
	), shifted AS (
		SELECT %10$s AS scope, llm_cost.shift_of_shares(c.unit_key, c.label, %11$s, c.after, c.n::double precision, %12$s) AS s
		FROM summed c%13$s
	)
	SELECT r.scope, round((r.s).wasserstein::numeric, 4), round((100 * (exp((r.s).mean_shift) - 1))::numeric, 2), round((r.s).jensen_shannon::numeric, 4),
		   round((r.s).p_value::numeric, 4), CASE WHEN %14$L THEN (r.s).units END, (r.s).n_after::numeric, (r.s).n_before::numeric,
		   CASE WHEN (r.s).jensen_shannon IS NULL THEN CASE WHEN (r.s).n_before > 0 THEN 'no usage in the period' ELSE 'no usage in the baseline' END
				ELSE concat_ws('; ', CASE WHEN abs((r.s).share_after - (r.s).share_before) >= 0.0005
						THEN format('most: %%s, %%s %%%% before, %%s %%%% now', COALESCE((r.s).label, 'none'), round((100 * (r.s).share_before)::numeric, 1), round((100 * (r.s).share_after)::numeric, 1)) END,
					CASE WHEN NOT %14$L THEN 'no p value: needs user_id' WHEN (r.s).units < 2 THEN 'no p value: fewer than 2 users' END) END
	FROM shifted r
	ORDER BY (r.s).p_value NULLS LAST, COALESCE((r.s).wasserstein, (r.s).jensen_shannon) DESC NULLS LAST, r.scope$sql$,
		compared, edges,
		CASE WHEN unit_column IS NULL THEN 'NULL::text' ELSE format('a.%I::text', unit_column) END, label,
		(SELECT COALESCE(string_agg(format(', dimension_%s', r), '' ORDER BY r), '') FROM unnest(ranks) AS r),
		llm_cost.attempts_query(source.relation, llm_cost.with_operations(tstzrange(edges[1], edges[cardinality(edges)])),
			dimensions || CASE WHEN counted_by = 'cost' THEN '{}'::text[] ELSE ARRAY[counted_by] END, distribution_shift.filter, lower(whole)),
		which,
		(SELECT COALESCE(string_agg(format(', %s', 3 + r), '' ORDER BY r), '') FROM unnest(ranks) AS r),
		(SELECT COALESCE(string_agg(format(', c.dimension_%s', r), '' ORDER BY r), '') FROM unnest(ranks) AS r),
		llm_cost.scope_expression(dimensions, 'c'), place, COALESCE(distribution_shift.permutations, 999),
		CASE WHEN ranks = '{}' THEN ' HAVING count(*) > 0' ELSE ' GROUP BY ' || (SELECT string_agg(format('c.dimension_%s', r), ', ' ORDER BY r) FROM unnest(ranks) AS r) END,
		unit_column IS NOT NULL);
	IF NOT FOUND THEN
		scope := '{}';
		detail := 'no usage in the period, nor in the windows before it';
		RETURN NEXT;
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.distribution_shift(text, text[], tstzrange, text, jsonb, regclass, text, integer) IS
	'How the distribution of a metric moved from the baseline (as in drift()) to the period (NULL: the last full week), one row for each combination of the columns "by". metric: cost, that of attempts which cost anything, on a logarithmic axis in steps of 2 %; or a column such as intent, whose values are counted by operations (attempts without operation_id). wasserstein: how far the average attempt moved, in natural logarithms of cost (0.18 is 20 %), NULL for a column. mean_shift_pct: the change of the geometric mean of cost in per cent. jensen_shannon: 0, the same shares, to 1 bit, nothing in common. p_value: how often swapping the two windows of random users (teams without user_id; permutations times, NULL 999) moves it as far, by wasserstein for cost, else by jensen_shannon; NULL where there are fewer than two users. sample_size: what was counted in the period, sample_size_before in all windows of the baseline. Smallest p_value first. Prices are those that were charged: a price cut moves costs.';
