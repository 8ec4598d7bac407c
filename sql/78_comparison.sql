/*
 * Comparison: now against before, for any metric, in one statement.
 *
 * Cells by user are added up over the windows of the comparison, and over the
 * windows of earlier, quiet comparisons of the same shape.  Totals of the
 * period give the headline; users compared with themselves give the change
 * like for like and its error; the quiet comparisons say how much such a
 * figure moves when nothing happens (paired_change.h, verdict.h).
 */

CREATE FUNCTION llm_cost.metrics(
	OUT metric text, OUT unit text, OUT numerator text, OUT denominator text, OUT method text,
	OUT needs text[], OUT price text, OUT dollars text, OUT description text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
	SELECT * FROM (VALUES
	('unit_cost', 'attempt', 'cost', 'attempts - unpriced_attempts', 'ratio', '{}'::text[], NULL, '1', 'Cost per priced attempt.'),
	('unit_cost', 'operation', 'operation_cost', 'priced_operations', 'ratio', '{operation_id}', NULL, '1', 'Cost per operation; operations with an unpriced attempt are left out.'),
	('unit_cost', 'conversation', 'cost', 'conversations', 'ratio', '{conversation_id}', NULL, '1', 'Cost per conversation begun.'),
	('unit_cost', 'user', 'cost', 'users', 'ratio', '{user_id}', NULL, '1', 'Cost per user and window in which the user was active.'),
	('unit_cost', 'outcome', 'outcome_cost', 'resolved_operations', 'ratio', '{operation_id,outcome}', NULL, '1', 'Cost of operations whose outcome is known, per resolved one.'),
	('cost_per_outcome', 'outcome', 'outcome_cost', 'resolved_operations', 'ratio', '{operation_id,outcome}', NULL, '1', 'Cost of operations whose outcome is known, per resolved one.'),
	('spend', 'period', 'cost', 'windows', 'total', '{}', NULL, '1', 'Cost per period.'),
	('users', 'period', 'users', 'windows', 'total', '{user_id}', NULL, NULL, 'Users active in the period.'),
	('operations', 'period', 'operations', 'windows', 'total', '{operation_id}', NULL, NULL, 'Operations begun in the period.'),
	('attempts', 'period', 'attempts', 'windows', 'total', '{}', NULL, 't.cost_after / NULLIF(t.attempts_after - t.unpriced_after, 0)', 'Attempts in the period.'),
	('input_tokens', 'period', 'input_tokens', 'windows', 'total', '{}', NULL, NULL, 'Input tokens in the period.'),
	('output_tokens', 'period', 'output_tokens', 'windows', 'total', '{}', NULL, NULL, 'Output tokens in the period.'),
	('calls_per_operation', 'operation', 'operation_attempts', 'operations', 'ratio', '{operation_id}', NULL, 't.cost_after / NULLIF(t.attempts_after - t.unpriced_after, 0)', 'Attempts per operation.'),
	('hit_ratio', 'token', 'cache_read_tokens', 'cacheable_tokens', 'points', '{cache_read_tokens}', 'saved', '-t.price', 'Share of input tokens read from the prompt cache, where reported.'),
	('retry_share', 'dollar', 'retry_cost', 'cost', 'points', '{operation_id}', NULL, '1', 'Share of spend that pays for retries.'),
	('output_ratio', 'token', 'output_tokens', 'input_tokens', 'ratio', '{}', 'output', 't.price', 'Output tokens per input token.'),
	('unpriced_share', 'attempt', 'unpriced_attempts', 'attempts', 'points', '{}', NULL, 't.cost_after / NULLIF(t.attempts_after - t.unpriced_after, 0)', 'Share of attempts without a cost.'),
	('context_p50', 'attempt', 'context', '0.5', 'percentile', '{}', NULL, NULL, 'Median of input tokens per attempt.'),
	('context_p99', 'attempt', 'context', '0.99', 'percentile', '{}', NULL, NULL, '99th percentile of input tokens per attempt.')
	) AS m (metric, unit, numerator, denominator, method, needs, price, dollars, description);
END;
COMMENT ON FUNCTION llm_cost.metrics() IS
	'The metrics of drift(): for each unit what is divided by what (measures of cells), how it is compared (ratio: relative change within users; points: difference of a share within users; total and percentile: change against what quiet windows did), the columns it needs, which price goes into its dollars (of an output token, or saved by a cached one), and what one more of the numerator costs.';

CREATE FUNCTION llm_cost.chosen_metric(
	usage regclass, metric text, unit text, by text[],
	OUT chosen_unit text, OUT numerator text, OUT denominator text, OUT method text, OUT price text, OUT dollars text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	needs		text[];
	wanted		text := chosen_metric.unit;
BEGIN
	IF NOT EXISTS (SELECT FROM llm_cost.metrics() m WHERE m.metric = chosen_metric.metric) THEN
		RAISE EXCEPTION 'unknown metric "%"', chosen_metric.metric
			USING ERRCODE = 'invalid_parameter_value',
				HINT = format('Metrics: %s.', (SELECT string_agg(DISTINCT m.metric, ', ') FROM llm_cost.metrics() m));
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(chosen_metric.usage);
	IF wanted IS NULL AND chosen_metric.metric = 'unit_cost' THEN
		-- what only an attempt has cannot divide operations
		wanted := CASE WHEN 'operation_id' = ANY (source.columns)
						AND NOT COALESCE(chosen_metric.by, '{}') && '{model,provider,region,service_tier,kind,step,error_type,attempt}'::text[]
				  THEN 'operation' ELSE 'attempt' END;
	END IF;
	SELECT m.unit, m.numerator, m.denominator, m.method, m.price, m.dollars, m.needs
	INTO chosen_unit, numerator, denominator, method, price, dollars, needs
	FROM llm_cost.metrics() m
	WHERE m.metric = chosen_metric.metric AND m.unit = COALESCE(wanted, m.unit);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'metric % has no unit "%"', chosen_metric.metric, wanted
			USING ERRCODE = 'invalid_parameter_value',
				HINT = format('Units: %s.', (SELECT string_agg(m.unit, ', ') FROM llm_cost.metrics() m WHERE m.metric = chosen_metric.metric));
	END IF;
	PERFORM llm_cost.require_columns(source.relation, needs, format('metric %s by %s', chosen_metric.metric, chosen_unit));
END
$$;
COMMENT ON FUNCTION llm_cost.chosen_metric(regclass, text, text, text[]) IS
	'The metric and unit that were asked for; NULL unit: operations where the usage has them and the columns "by" hold for a whole operation, else attempts. Errors when there is no such metric or unit, or a column is missing that it needs.';

CREATE FUNCTION llm_cost.known_change(kind text, change double precision) RETURNS llm_cost.paired_change_result
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- an error of next to nothing, from as many units as one likes
RETURN ROW(kind, change, NULL, NULL, NULL, 1e-9, 1e6, 1000000, 1e6, 1, 1, NULL, NULL, NULL, NULL, NULL, 0)::llm_cost.paired_change_result;
COMMENT ON FUNCTION llm_cost.known_change(text, double precision) IS
	'A change that was counted and not sampled, for change_verdict(): only quiet windows can say whether it is large.';

CREATE FUNCTION llm_cost.comparison_query(
	usage regclass, metric text, unit text, by text[], period tstzrange, baseline text, filter jsonb, time_zone text,
	max_scopes integer DEFAULT NULL, near_scope jsonb DEFAULT NULL, scan boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	chosen		record;
	dimensions	text[] := COALESCE(comparison_query.by, '{}');
	dimension_columns text[];
	keys		text[] := ARRAY[]::text[];
	price_columns text[] := ARRAY[]::text[];
	price		text := 'NULL::numeric';
	edges		timestamptz[];
	referenced	tstzrange;
	compared	text;
	measures	text[];
	sides		text;
	ranged		boolean := comparison_query.baseline !~ '^\s*\d{1,4}\s*weeks?\s*$';
	value_of	text;
	change_of	text;
	near		record;
	listed		record;
	target		record;
	declared	boolean;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(comparison_query.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	declared := EXISTS (SELECT FROM llm_cost.declared_change d WHERE d.schema_name = target.schema_name AND d.relation_name = target.relation_name
		AND llm_cost.speaks_for(d.declared_by, d.schema_name, d.relation_name));
	SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, comparison_query.metric, comparison_query.unit, dimensions);
	dimension_columns := ARRAY(SELECT 'dimension_' || i FROM generate_series(1, cardinality(dimensions)) AS i);
	IF chosen.numerator = 'users' OR chosen.denominator = 'users' THEN
		-- a user is one, in however many teams
		keys := ARRAY['user_id', 'NULL::text AS team'];
		IF ranged AND EXISTS (SELECT FROM llm_cost.comparison_windows(comparison_query.period, comparison_query.baseline, comparison_query.time_zone, 0) w
				WHERE upper(w.during) - lower(w.during) <> upper(comparison_query.period) - lower(comparison_query.period)) THEN
			RAISE EXCEPTION 'users of a longer range cannot be compared with those of the period'
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = format('Baseline: %s. Period: %s.', comparison_query.baseline, comparison_query.period),
					HINT = 'Take ''4 weeks'', or a range as long as the period.';
		END IF;
	ELSIF chosen.method IN ('ratio', 'points') THEN
		keys := '{user_id,team}';
	END IF;
	IF chosen.price IS NOT NULL THEN
		price_columns := '{model,provider,service_tier,region}';
		price := llm_cost.price_expression(chosen.price, lower(comparison_query.period), source.price_book);
	END IF;

	-- time is cut wherever a window begins or ends; a window is a run of such segments
	SELECT array_agg(w.pair ORDER BY w.pair, w.side, w.during) AS pairs, array_agg(w.side ORDER BY w.pair, w.side, w.during) AS sides,
		   array_agg(w.during ORDER BY w.pair, w.side, w.during) AS windows
	INTO listed
	FROM (SELECT w.pair, w.side, w.during FROM llm_cost.comparison_windows(comparison_query.period, comparison_query.baseline, comparison_query.time_zone, 8) w
		  UNION ALL
		  -- the period against the first four weeks of the quarter that it ends
		  SELECT 99, w.side, w.during FROM llm_cost.comparison_windows(comparison_query.period, NULL, comparison_query.time_zone, 0) w WHERE comparison_query.scan AND w.side = 'after'
		  UNION ALL
		  -- and what came before the period against the same, to tell what is new
		  SELECT 98, w.side, w.during FROM llm_cost.comparison_windows(comparison_query.period, NULL, comparison_query.time_zone, 1) w WHERE comparison_query.scan AND w.pair = 1 AND w.side = 'after'
		  UNION ALL
		  SELECT p.pair, 'before', tstzrange(timezone(comparison_query.time_zone, timezone(comparison_query.time_zone, upper(comparison_query.period)) - make_interval(weeks => 13 - k)),
				timezone(comparison_query.time_zone, timezone(comparison_query.time_zone, upper(comparison_query.period)) - make_interval(weeks => 12 - k)))
		  FROM generate_series(0, 3) AS k, generate_series(98, 99) AS p (pair) WHERE comparison_query.scan) AS w;
	SELECT array_agg(DISTINCT e.at ORDER BY e.at) INTO edges
	FROM unnest(listed.windows) AS w (during), LATERAL (VALUES (lower(w.during)), (upper(w.during))) AS e (at);
	-- and at midnight, where days may tell which release a change is near
	SELECT * INTO near FROM llm_cost.near_release_query(source.relation, comparison_query.period, comparison_query.baseline, comparison_query.time_zone,
		edges, chosen.method, chosen.numerator, chosen.denominator, dimensions, comparison_query.filter, comparison_query.near_scope, comparison_query.scan);
	edges := near.edges;
	SELECT tstzrange(min(lower(w.during)), max(upper(w.during))) INTO referenced
	FROM llm_cost.comparison_windows(comparison_query.period, comparison_query.baseline, comparison_query.time_zone, 0) w;
	SELECT string_agg(format('(%s, %L, %L::timestamptz, %s, %L::integer[])', w.pair, w.side, lower(w.during),
			-- a range of one's own counts as so many periods as it is long
			CASE WHEN ranged AND w.side = 'before' AND w.pair < 98
				 THEN EXTRACT(epoch FROM upper(w.during) - lower(w.during)) / EXTRACT(epoch FROM upper(comparison_query.period) - lower(comparison_query.period)) ELSE 1 END,
			ARRAY(SELECT generate_series(array_position(edges, lower(w.during)), array_position(edges, upper(w.during)) - 1))), ', ' ORDER BY w.pair, w.side, w.during)
	INTO compared
	FROM unnest(listed.pairs, listed.sides, listed.windows) AS w (pair, side, during);

	measures := ARRAY(SELECT m.measure FROM llm_cost.cell_measures() m
		WHERE m.measure IN ('attempts', 'unpriced_attempts', 'cost', 'first_started_at')
		   -- only a table of few rows says what prices did
		   OR m.measure = 'reference_cost' AND comparison_query.max_scopes IS NOT NULL
		   OR m.measure IN ('retries', 'unlogged_failures') AND chosen.numerator = 'retry_cost'
		   OR declared AND m.measure IN ('input_tokens', 'output_tokens', 'cache_read_tokens', 'cacheable_tokens', 'retries')
		   OR concat_ws(' ', chosen.numerator, chosen.denominator) ~ ('\m' || m.measure || '\M'));

	-- what a window adds up to, on each side
	SELECT string_agg(format(', %s FILTER (WHERE u.side = ''before'') AS %s_before, %s FILTER (WHERE u.side = ''after'') AS %s_after',
			v.expression, v.name, v.expression, v.name), '')
	INTO sides
	FROM (VALUES
		('y', CASE WHEN chosen.denominator = 'users' THEN 'sum(CASE WHEN c.user_id IS NOT NULL THEN c.cost END)'
				   WHEN chosen.method = 'percentile' THEN 'llm_cost.combine(c.context_distribution)'
				   WHEN chosen.numerator = 'users' THEN 'count(DISTINCT CASE WHEN c.user_id IS NOT NULL AND c.attempts > 0 THEN u.starts_at END)'
				   ELSE format('sum(c.%s::numeric)', chosen.numerator) END),
		('n', CASE WHEN chosen.method = 'percentile' THEN 'sum(c.attempts)'
				   WHEN chosen.denominator IN ('users', 'windows') THEN format('count(DISTINCT CASE WHEN c.cost IS NOT NULL%s THEN u.starts_at END)', CASE chosen.denominator WHEN 'users' THEN ' AND c.user_id IS NOT NULL' ELSE '' END)
				   ELSE format('sum(%s)', regexp_replace(chosen.denominator, '(\w+)', 'c.\1::numeric', 'g')) END),
		('cost', 'sum(c.cost)'),
		('reference', CASE WHEN comparison_query.max_scopes IS NULL THEN 'sum(NULL::numeric)' ELSE 'sum(c.reference_cost)' END),
		('attempts', 'sum(c.attempts)'), ('unpriced', 'sum(c.unpriced_attempts)'),
		('unlogged', CASE WHEN chosen.numerator = 'retry_cost' THEN 'sum(c.unlogged_failures)' ELSE 'sum(0)' END),
		('input', CASE WHEN declared THEN 'sum(c.input_tokens)' ELSE 'sum(NULL::numeric)' END),
		('output', CASE WHEN declared THEN 'sum(c.output_tokens)' ELSE 'sum(NULL::numeric)' END),
		('cacheable', CASE WHEN declared THEN 'sum(c.cacheable_tokens)' ELSE 'sum(NULL::numeric)' END),
		('uncached', CASE WHEN declared THEN 'sum(c.cacheable_tokens - c.cache_read_tokens)' ELSE 'sum(NULL::numeric)' END),
		('retries', CASE WHEN declared THEN 'sum(c.retries)' ELSE 'sum(NULL::numeric)' END),
		('priced_by', format('sum(%s * c.price)', CASE WHEN chosen.price IS NULL THEN '1' ELSE 'c.' || chosen.denominator END))
	) AS v (name, expression);
	value_of := CASE chosen.method
		WHEN 'percentile' THEN format('llm_cost.percentile(t.y_%%1$s, %s)::numeric', chosen.denominator)
		WHEN 'total' THEN 't.y_%1$s / NULLIF(t.windows_%1$s, 0)'
		-- of nothing retried the share is none, not unknown
		WHEN 'points' THEN 'COALESCE(t.y_%1$s, 0) / NULLIF(t.n_%1$s, 0)'
		ELSE 't.y_%1$s / NULLIF(t.n_%1$s, 0)' END;
	change_of := CASE chosen.method WHEN 'points' THEN 't.value_after - t.value_before'
				 ELSE 't.value_after / NULLIF(t.value_before, 0) - 1' END;

	RETURN format($sql$
	WITH compared (pair, side, starts_at, weight, segments) AS (VALUES %1$s),
	cell AS MATERIALIZED (SELECT *, %3$s AS price FROM (%2$s) AS c),
	-- windows before the first attempt say nothing
	begun AS (SELECT min(c.first_started_at) AS at FROM cell c),
	usable AS (
		SELECT w.* FROM (
			SELECT w.*, w.starts_at + %23$L::interval >= b.at AS filled,
				   bool_and(w.starts_at + %23$L::interval >= b.at) OVER (PARTITION BY w.pair) AS all_filled
			FROM compared w, begun b) AS w
		WHERE w.pair = 0 AND (w.side = 'after' OR w.filled) OR w.all_filled
	), windows AS (
		SELECT u.pair, sum(u.weight) FILTER (WHERE u.side = 'before') AS windows_before, sum(u.weight) FILTER (WHERE u.side = 'after') AS windows_after
		FROM usable u GROUP BY u.pair
	), newcomer AS (
		-- seen in the period only, of all that was read
		%19$s
	), scoped AS (
		SELECT %4$s AS scope, %5$s, u.pair%6$s
		FROM cell c JOIN (SELECT u.*, s.segment FROM usable u, unnest(u.segments) AS s (segment)) AS u ON u.segment = c.bucket
		GROUP BY u.pair%7$s
	), ranked AS (
		SELECT s.scope, row_number() OVER (ORDER BY abs(sum(s.cost_after) - COALESCE(sum(s.cost_before), 0) / NULLIF(max(w.windows_before), 0)) DESC NULLS LAST,
				sum(s.cost_after) DESC NULLS LAST, s.scope) AS rank
		FROM scoped s JOIN windows w USING (pair) WHERE s.pair = 0 GROUP BY s.scope
	), labelled AS (
		SELECT s.*, CASE WHEN r.rank <= %8$s THEN s.scope END AS label, LEAST(r.rank, %8$s + 1) AS rank
		FROM scoped s JOIN ranked r USING (scope)
	), total AS (
		SELECT l.rank, l.pair, l.label, w.windows_before, w.windows_after,
			   %9$s AS y_before, sum(l.n_before) AS n_before, %10$s AS y_after, sum(l.n_after) AS n_after,
			   sum(l.cost_before) AS cost_before, sum(l.cost_after) AS cost_after,
			   sum(l.reference_before) AS reference_before, sum(l.reference_after) AS reference_after,
			   sum(l.attempts_before) AS attempts_before, sum(l.attempts_after) AS attempts_after,
			   sum(l.unpriced_before) AS unpriced_before, sum(l.unpriced_after) AS unpriced_after,
			   llm_cost.factors_of(sum(l.attempts_before - l.unpriced_before), sum(l.attempts_after - l.unpriced_after), sum(l.n_before), sum(l.n_after),
					sum(l.input_before), sum(l.input_after), sum(l.output_before), sum(l.output_after), sum(l.uncached_before), sum(l.uncached_after),
					sum(l.cacheable_before), sum(l.cacheable_after), sum(l.retries_before), sum(l.retries_after),
					sum(l.cost_before), sum(l.cost_after), sum(l.reference_before), sum(l.reference_after)) AS factors,
			   sum(l.unlogged_after) AS unlogged_after, COALESCE(sum(l.unlogged_after), 0) + COALESCE(sum(l.unlogged_before), 0) AS unlogged, sum(l.priced_by_after) / NULLIF(sum(l.n_after), 0) AS price,
			   sum(l.reference_after) FILTER (WHERE l.user_id IN (SELECT n.user_id FROM newcomer n)) AS reference_new,
			   sum(l.n_after) FILTER (WHERE l.user_id IN (SELECT n.user_id FROM newcomer n)) AS n_new,
			   CASE WHEN min(l.team) = max(l.team) AND count(l.team) = count(*) THEN min(l.team) END AS sole_team,
			   -- how users differ in the period, for a comparison with a number
			   count(*) FILTER (WHERE l.n_after > 0) AS groups_after,
			   %18$s,
			   %11$s
		FROM labelled l JOIN windows w USING (pair)
		GROUP BY l.rank, l.pair, l.label, w.windows_before, w.windows_after
	), sampled AS (
		-- the coarsest unit that there are enough of, the same for all pairs
		SELECT t.*, first_value(CASE WHEN t.users > t.teams AND (t.by_team).effective_units >= 10 THEN 'team'
									 WHEN t.users > 0 THEN 'user' WHEN t.teams > 0 THEN 'team' ELSE 'window' END)
					OVER (PARTITION BY t.rank ORDER BY t.pair) AS sampling_unit
		FROM total t
	), valued AS (
		SELECT t.*, CASE t.sampling_unit WHEN 'team' THEN t.by_team WHEN 'user' THEN t.by_user END AS estimate,
			   %12$s AS value_before, %13$s AS value_after
		FROM sampled t
	), changed AS (
		SELECT t.*, (%14$s)::double precision AS headline FROM valued t
	), judged AS (
		SELECT t.*, q.quiet, q.quiet_p, q.quiet_headlines, q.quiet_factors,
			   CASE WHEN t.sampling_unit <> 'window' THEN t.estimate
					-- nobody to compare with himself: the quiet windows are all there is to judge by
					WHEN t.headline IS NOT NULL AND cardinality(array_remove(q.quiet_headlines, NULL)) >= 4
					THEN llm_cost.known_change(%15$L, t.headline)
			   END AS judged_by,
			   CASE WHEN t.sampling_unit <> 'window' THEN q.quiet ELSE q.quiet_headlines END AS placebo
		FROM changed t LEFT JOIN (
			SELECT p.rank, array_agg((p.estimate).change ORDER BY p.pair) AS quiet, array_agg((p.estimate).p_value ORDER BY p.pair) AS quiet_p, array_agg(p.headline ORDER BY p.pair) AS quiet_headlines, (array_agg(p.factors ORDER BY p.pair))[1] AS quiet_factors
			FROM changed p WHERE p.pair BETWEEN 1 AND 8 GROUP BY p.rank) AS q ON q.rank = t.rank
		WHERE t.pair = 0
	), answered AS (
	SELECT t.*, v.low + COALESCE(d.cancelled, 0) AS low, v.high + COALESCE(d.cancelled, 0) AS high, d.cancelled, d.says AS declared, v.p_value, v.placebo_larger, v.placebo_windows,
		   (t.value_after - t.value_before) * t.n_after * (%16$s) * 604800 / %17$s AS at_stake,
		   CASE WHEN t.attempts_after IS NULL THEN 'insufficient'
				WHEN t.windows_before IS NULL OR t.windows_before = 0 THEN 'insufficient'
				WHEN t.attempts_before IS NULL THEN 'new'
				WHEN t.unlogged > 0 THEN 'insufficient'
				ELSE v.verdict END AS verdict,
		   CASE WHEN t.attempts_after IS NULL THEN 'no usage in the period'
				WHEN t.windows_before IS NULL OR t.windows_before = 0 THEN format('nothing to compare with: usage begins at %%s', b.at)
				WHEN t.attempts_before IS NULL THEN 'no usage in the baseline'
				WHEN t.unlogged > 0 THEN format('not measurable: %%s without a log of what failed', llm_cost.counted(t.unlogged::bigint, 'attempt'))
				WHEN t.sampling_unit = 'window' AND t.judged_by IS NULL AND v.verdict = 'insufficient' AND cardinality(array_remove(t.placebo, NULL)) >= 4
				THEN 'nothing to compare: the value of either side is unknown, or was 0'
				WHEN t.sampling_unit = 'window' AND t.judged_by IS NULL AND v.verdict = 'insufficient'
				THEN format('no users to compare, and %%s, fewer than 4', llm_cost.counted(COALESCE(cardinality(array_remove(t.placebo, NULL)), 0), 'earlier window'))
				ELSE CASE WHEN d.cancelled <> 0 THEN 'beyond what was declared: ' ELSE '' END || v.cause
					 || CASE WHEN v.verdict IN ('increased', 'decreased') AND sign(t.headline) = -sign((t.estimate).change) AND abs(t.headline) >= 0.01
							 THEN '; the total moved the other way, as others use it more' ELSE '' END END AS cause
	FROM judged t CROSS JOIN begun b
		 -- what was declared is expected; what is beyond it is judged
		 LEFT JOIN LATERAL (SELECT p.* FROM %20$s AS p WHERE t.label IS NOT NULL) AS d ON true,
		 LATERAL llm_cost.change_verdict(%21$s, t.placebo, CASE WHEN %24$s THEN (t.unpriced_before / NULLIF(t.attempts_before, 0))::double precision END,
			CASE WHEN %24$s THEN (t.unpriced_after / NULLIF(t.attempts_after, 0))::double precision END, GREATEST(t.windows_before, 1)::integer, NULL, t.sampling_unit) AS v
	)%22$s$sql$,
		compared,
		llm_cost.summed_query(source.relation, tstzrange(edges[1], edges[cardinality(edges)]), dimensions, comparison_query.filter,
			lower(comparison_query.period), format('width_bucket(started_at, %L::timestamptz[])', edges),
			dimension_columns || keys || price_columns || near.version_column, measures, chosen.method = 'percentile', 'period', comparison_query.time_zone, edges, referenced),
		price,
		llm_cost.scope_expression(dimensions, 'c'),
		CASE WHEN keys = '{}' THEN 'NULL::text AS user_id, NULL::text AS team' ELSE 'c.user_id, c.team' END,
		sides,
		COALESCE((SELECT string_agg(', c.' || split_part(g.name, ' AS ', -1), '') FROM unnest(dimension_columns || keys) AS g (name)), ''),
		COALESCE(comparison_query.max_scopes, 2000000000),
		CASE WHEN chosen.method = 'percentile' THEN 'llm_cost.combine(l.y_before)' ELSE 'sum(l.y_before)' END,
		CASE WHEN chosen.method = 'percentile' THEN 'llm_cost.combine(l.y_after)' ELSE 'sum(l.y_after)' END,
		CASE WHEN chosen.method NOT IN ('ratio', 'points')
			 THEN '0 AS users, 0 AS teams, NULL::llm_cost.paired_change_result AS by_user, NULL::llm_cost.paired_change_result AS by_team'
			 ELSE format('count(DISTINCT l.user_id) FILTER (WHERE l.n_before > 0 AND l.n_after > 0) AS users,
				count(DISTINCT l.team) FILTER (WHERE l.n_before > 0 AND l.n_after > 0) AS teams,
				llm_cost.%1$s(l.user_id, %2$s) AS by_user, llm_cost.%1$s(l.team, %2$s) AS by_team',
				CASE chosen.method WHEN 'ratio' THEN 'paired_change' ELSE 'paired_difference' END,
				-- a ratio asks for three on each side, and a user has but one week
				format('l.y_before::double precision, %1$s * l.n_before::double precision, l.y_after::double precision, %1$s * l.n_after::double precision',
					CASE WHEN chosen.denominator = 'users' THEN 3 ELSE 1 END)) END,
		format(value_of, 'before'), format(value_of, 'after'), change_of,
		CASE chosen.method WHEN 'points' THEN 'difference' ELSE 'ratio' END,
		COALESCE(chosen.dollars, 'NULL::numeric'),
		EXTRACT(epoch FROM upper(comparison_query.period) - lower(comparison_query.period)),
		CASE WHEN chosen.method IN ('ratio', 'points')
			 THEN 'sum(l.y_after::double precision ^ 2) AS yy, sum(l.y_after::double precision * l.n_after::double precision) AS yn, sum(l.n_after::double precision ^ 2) AS nn'
			 ELSE 'NULL::double precision AS yy, NULL::double precision AS yn, NULL::double precision AS nn' END,
		CASE WHEN keys = '{}' THEN 'SELECT NULL::text AS user_id WHERE false'
			 ELSE 'SELECT c.user_id FROM cell c WHERE c.user_id IS NOT NULL GROUP BY c.user_id
				HAVING min(c.bucket) >= (SELECT w.segments[1] FROM compared w WHERE w.pair = 0 AND w.side = ''after'')' END,
		CASE WHEN declared THEN format('llm_cost.declared_part(%L, %L, %L || t.label, %L, %L, %L, %s, t.factors)',
				target.schema_name, target.relation_name, COALESCE(comparison_query.filter, '{}'),
				tstzrange((SELECT min(lower(w.during)) FROM llm_cost.comparison_windows(comparison_query.period, comparison_query.baseline, comparison_query.time_zone, 0) w),
					lower(comparison_query.period)),
				comparison_query.period, comparison_query.metric, CASE WHEN chosen.method = 'ratio' THEN '(t.judged_by).change' ELSE 'NULL' END)
			 ELSE '(SELECT NULL::double precision AS cancelled, NULL::text AS says)' END,
		CASE WHEN declared THEN 'llm_cost.beyond_declared(t.judged_by, d.cancelled)' ELSE 't.judged_by' END,
		near.query,
		LEAST(INTERVAL '1 day', (upper(comparison_query.period) - lower(comparison_query.period)) / 7),
		CASE WHEN chosen.numerator LIKE '%cost' THEN 'true' ELSE 'false' END);
END
$$;
COMMENT ON FUNCTION llm_cost.comparison_query(regclass, text, text, text[], tstzrange, text, jsonb, text, integer, jsonb, boolean) IS
	'SQL behind drift() and overview(): one row for each scope with what it added up to before and after, the estimate, the quiet windows, what was declared, the verdict, and the releases near it. max_scopes: so many scopes by change of spend, the others together as one. near_scope: look for releases near this one whatever the verdict. scan: also say for how many days a change stands (standing), what it is without the user it owes most to (top_user, headline_without), and how the period compares with the beginning of the quarter (cumulative), and so the one before it (cumulative_before).';
