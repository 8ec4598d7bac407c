/*
 * Contexts: how large prompts are, what of them is fixed, how they grow.
 *
 * What tokens cost is the difference of two costs: of the attempt as it was,
 * and of the same attempt without them.  So the context tier, the service tier
 * and every rule of the price book count as they would have counted.
 *
 * Which tokens would go decides what they cost, for cached ones are cheap.
 * Providers cache prefixes, and the fixed part comes first, so a prompt is
 *
 *		read from cache | written for 1 h | written for 5 min | not cached
 *		fixed part | dynamic part, oldest first
 *
 * and a cut takes from each class what lies in it.
 */

CREATE FUNCTION llm_cost.tokens_within(part_from bigint, part_to bigint, cut_from bigint, cut_to bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN GREATEST(0, LEAST(part_to, cut_to) - GREATEST(part_from, cut_from));
COMMENT ON FUNCTION llm_cost.tokens_within(bigint, bigint, bigint, bigint) IS
	'How many positions two half-open ranges share; 0 where they do not meet.';

CREATE FUNCTION llm_cost.cost_expression(
	price_book text, input_tokens text, cache_read_tokens text, cache_write_tokens text, cache_write_1h_tokens text,
	meters text DEFAULT 'a.meters') RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format('llm_cost.cost(a.model, %s, a.output_tokens, a.started_at, cache_read_tokens => %s, cache_write_tokens => %s,
		cache_write_1h_tokens => %s, reasoning_tokens => a.reasoning_tokens, meters => %s, provider => a.provider,
		service_tier => a.service_tier, region => a.region, price_book => %L, attributes => a.attributes)',
	input_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, meters, price_book);
COMMENT ON FUNCTION llm_cost.cost_expression(text, text, text, text, text, text) IS
	'SQL for the cost of an attempt "a" with other input than it had: expressions for input, cache reads, cache writes and meters.';

CREATE FUNCTION llm_cost.saving_expression(
	price_book text, input_tokens text, cache_read_tokens text, cache_write_tokens text, cache_write_1h_tokens text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format('CASE WHEN a.billable IS FALSE THEN 0 ELSE %s - %s END',
	llm_cost.cost_expression(price_book, 'a.input_tokens', 'a.cache_read_tokens', 'a.cache_write_tokens', 'a.cache_write_1h_tokens'),
	llm_cost.cost_expression(price_book, input_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens));
COMMENT ON FUNCTION llm_cost.saving_expression(text, text, text, text, text) IS
	'SQL for how much less an attempt "a" would have cost with other input than it had; 0 where nothing was billed, NULL where either has no price.';

CREATE FUNCTION llm_cost.cut_cost_expression(price_book text, cut_from text, cut_to text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN llm_cost.saving_expression(price_book,
	format('a.input_tokens - (%s - %s)', cut_to, cut_from),
	format('a.cache_read_tokens - llm_cost.tokens_within(0, a.cache_read_tokens, %s, %s)', cut_from, cut_to),
	format('a.cache_write_tokens - llm_cost.tokens_within(COALESCE(a.cache_read_tokens, 0), COALESCE(a.cache_read_tokens, 0) + a.cache_write_tokens, %s, %s)',
		cut_from, cut_to),
	format('a.cache_write_1h_tokens - llm_cost.tokens_within(COALESCE(a.cache_read_tokens, 0), COALESCE(a.cache_read_tokens, 0) + a.cache_write_1h_tokens, %s, %s)',
		cut_from, cut_to));
COMMENT ON FUNCTION llm_cost.cut_cost_expression(text, text, text) IS
	'SQL for what the input tokens from position cut_from up to cut_to (expressions, the end exclusive) added to the cost of an attempt "a". Positions count from the start of the prompt: what was read from cache, then what was written for an hour, then for five minutes, then the rest.';

CREATE FUNCTION llm_cost.week_slices(
	period tstzrange, baseline text, time_zone text,
	OUT scanned tstzrange, OUT bounds timestamptz[], OUT weeks integer[])
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH compared AS (
		SELECT w.during FROM llm_cost.comparison_windows(week_slices.period, week_slices.baseline, week_slices.time_zone, 0) w
	), week AS (
		SELECT k.n, c.during * tstzrange(timezone(week_slices.time_zone, s.first + make_interval(days => 7 * k.n)),
				timezone(week_slices.time_zone, s.first + make_interval(days => 7 * (k.n + 1)))) AS slice
		FROM compared c,
			 LATERAL (SELECT timezone(week_slices.time_zone, lower(week_slices.period)) AS first) s,
			 LATERAL generate_series(floor(EXTRACT(epoch FROM timezone(week_slices.time_zone, lower(c.during)) - s.first) / 604800)::integer,
				floor(EXTRACT(epoch FROM timezone(week_slices.time_zone, upper(c.during)) - s.first) / 604800)::integer) AS k (n)
	), edge AS (
		SELECT lower(slice) AS at, n AS week FROM week WHERE NOT isempty(slice)
		UNION ALL
		SELECT upper(slice), NULL FROM week WHERE NOT isempty(slice)
	), step AS (
		SELECT at, max(week) AS week FROM edge GROUP BY at
	)
	SELECT tstzrange(min(at), max(at)), array_agg(at ORDER BY at), array_agg(week ORDER BY at)
	INTO scanned, bounds, weeks FROM step;
END
$$;
COMMENT ON FUNCTION llm_cost.week_slices(tstzrange, text, text) IS
	'The windows of a comparison cut into weeks of local time: weeks[width_bucket(time, bounds)] is 0, 1, ... within the period, -1, -2, ... weeks before its start within the baseline, and NULL in between.';

CREATE FUNCTION llm_cost.contexts(
	by text[] DEFAULT '{workflow}', period tstzrange DEFAULT NULL, baseline text DEFAULT NULL, filter jsonb DEFAULT NULL,
	usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	fixed_limit bigint DEFAULT 500, dynamic_limit bigint DEFAULT 2000, spike_factor float8 DEFAULT 5,
	OUT scope jsonb, OUT attempts bigint, OUT unreported_attempts bigint, OUT unpriced_attempts bigint, OUT cost numeric, OUT input_tokens numeric,
	OUT mean_tokens float8, OUT p50_tokens float8, OUT p90_tokens float8, OUT p99_tokens float8, OUT max_tokens bigint,
	OUT attempts_before bigint, OUT mean_before float8, OUT p50_before float8, OUT p90_before float8, OUT p99_before float8, OUT max_before bigint,
	OUT trend_pct float8,
	OUT fixed_mean float8, OUT dynamic_mean float8, OUT fixed_mean_before float8, OUT dynamic_mean_before float8,
	OUT over_fixed bigint, OUT over_fixed_tokens numeric, OUT over_fixed_cost numeric,
	OUT over_dynamic bigint, OUT over_dynamic_tokens numeric, OUT over_dynamic_cost numeric,
	OUT turn_1_tokens float8, OUT turn_5_tokens float8, OUT turn_10_tokens float8, OUT tokens_per_turn float8, OUT turn_ratio float8,
	OUT spikes bigint, OUT spike_share float8,
	OUT duplicates bigint, OUT duplicate_share float8, OUT duplicate_cost numeric, OUT duplicate_saving numeric,
	OUT note text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 100 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	slices		record;
	zone		text := llm_cost.checked_zone(contexts.time_zone);
	whole		tstzrange := llm_cost.checked_period(contexts.period, zone);
	dimensions	text[] := COALESCE(contexts.by, '{workflow}');
	scope_sql	text := llm_cost.scope_expression(dimensions, 'a');
	-- "a.dimension_1, a.dimension_2, ", and the same as a list of its own
	keys		text := COALESCE((SELECT string_agg('a.dimension_' || i || ', ', '' ORDER BY i) FROM generate_series(1, cardinality(dimensions)) AS i), '');
	grouped		text := COALESCE(NULLIF(rtrim(keys, ', '), ''), '()') || ' HAVING count(*) > 0';
	attempt_sql text;
	-- what the usage does not tell has no rows
	growth_sql	text := 'SELECT NULL::jsonb, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8 WHERE false';
	repeated_sql text := 'SELECT NULL::jsonb, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::bigint WHERE false';
BEGIN
	contexts.fixed_limit := COALESCE(contexts.fixed_limit, 500);
	contexts.dynamic_limit := COALESCE(contexts.dynamic_limit, 2000);
	contexts.spike_factor := COALESCE(contexts.spike_factor, 5);
	IF contexts.fixed_limit < 0 OR contexts.dynamic_limit < 0 THEN
		RAISE EXCEPTION 'limits must not be negative'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('fixed_limit: %s, dynamic_limit: %s tokens.', contexts.fixed_limit, contexts.dynamic_limit);
	ELSIF NOT (contexts.spike_factor > 1 AND contexts.spike_factor <= 1e6) THEN
		RAISE EXCEPTION 'spike_factor must be more than 1, and at most a million'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('spike_factor: %s.', contexts.spike_factor),
				HINT = 'A spike is a prompt more than so many times as large as the median.';
	ELSIF contexts.baseline = 'plan' THEN
		RAISE EXCEPTION 'a plan has no sizes of contexts'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Write baseline => ''4 weeks'', or a range such as ''[2026-05-04,2026-06-01)''.';
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(contexts.usage);
	PERFORM llm_cost.require_columns(source.relation, '{input_tokens}', 'contexts()');
	SELECT * INTO slices FROM llm_cost.week_slices(whole, contexts.baseline, zone);

	attempt_sql := format($sql$
		SELECT %1$s a.week, a.unpriced, a.cost, a.tokens, a.fixed_tokens,
			   -- only the period needs these, and NULLs take no room
			   CASE WHEN a.week >= 0 THEN a.started_at END AS started_at, CASE WHEN a.week >= 0 THEN a.operation_id END AS operation_id,
			   CASE WHEN a.week >= 0 THEN a.conversation_id END AS conversation_id, CASE WHEN a.week >= 0 THEN a.turn END AS turn,
			   CASE WHEN a.week >= 0 THEN a.prompt_hash END AS prompt_hash,
			   a.fixed_tokens - %2$s AS fixed_excess, a.tokens - a.fixed_tokens - %3$s AS dynamic_excess,
			   CASE WHEN a.week >= 0 AND a.cost IS NOT NULL AND a.fixed_tokens > %2$s THEN %4$s END AS fixed_excess_cost,
			   CASE WHEN a.week >= 0 AND a.cost IS NOT NULL AND a.tokens - a.fixed_tokens > %3$s THEN %5$s END AS dynamic_excess_cost,
			   CASE WHEN a.week >= 0 AND a.prompt_hash IS NOT NULL AND a.operation_id IS NOT NULL THEN %6$s END AS cached_saving
		FROM (SELECT a.*, (%7$L::integer[])[width_bucket(a.started_at, %8$L::timestamptz[])] AS week,
					 -- a count below zero is none
					 CASE WHEN a.input_tokens >= 0 THEN a.input_tokens END AS tokens,
					 CASE WHEN a.input_tokens >= 0 AND a.system_tokens >= 0 THEN LEAST(a.system_tokens, a.input_tokens) END AS fixed_tokens
			  FROM (%9$s) AS a
			  WHERE a.is_call) AS a
		WHERE a.week IS NOT NULL$sql$,
		keys, contexts.fixed_limit, contexts.dynamic_limit,
		llm_cost.cut_cost_expression(source.price_book, contexts.fixed_limit::text, 'a.fixed_tokens'),
		llm_cost.cut_cost_expression(source.price_book, 'a.fixed_tokens', format('(a.tokens - %s)', contexts.dynamic_limit)),
		llm_cost.saving_expression(source.price_book, 'a.input_tokens', 'a.input_tokens', '0', '0'),
		slices.weeks, slices.bounds,
		llm_cost.attempts_query(source.relation, slices.scanned, dimensions, contexts.filter, NULL));

	IF 'turn' = ANY (source.columns) THEN
		growth_sql := format($sql$
		SELECT %2$s, sum(a.tokens_1) / NULLIF(sum(a.attempts_1), 0), sum(a.tokens_5) / NULLIF(sum(a.attempts_5), 0),
			   sum(a.tokens_10) / NULLIF(sum(a.attempts_10), 0), sum(a.sxy) / NULLIF(sum(a.sxx), 0),
			   sum(a.tokens_10) FILTER (WHERE a.attempts_1 > 0) / NULLIF(sum(a.attempts_10) FILTER (WHERE a.attempts_1 > 0), 0)
			   / NULLIF(sum(a.tokens_1) FILTER (WHERE a.attempts_10 > 0) / NULLIF(sum(a.attempts_1) FILTER (WHERE a.attempts_10 > 0), 0), 0)
		-- conversations differ in where they start and end, so growth is within them
		FROM (SELECT %1$s a.conversation_id, regr_sxy(a.tokens, a.turn) AS sxy, regr_sxx(a.tokens, a.turn) AS sxx,
					 sum(a.tokens::float8) FILTER (WHERE a.turn = 1) AS tokens_1, count(*) FILTER (WHERE a.turn = 1) AS attempts_1,
					 sum(a.tokens::float8) FILTER (WHERE a.turn = 5) AS tokens_5, count(*) FILTER (WHERE a.turn = 5) AS attempts_5,
					 sum(a.tokens::float8) FILTER (WHERE a.turn = 10) AS tokens_10, count(*) FILTER (WHERE a.turn = 10) AS attempts_10
			  FROM attempt a
			  WHERE a.week >= 0 AND a.turn IS NOT NULL AND a.tokens IS NOT NULL
			  GROUP BY %1$s a.conversation_id) AS a
		GROUP BY %3$s$sql$, keys, scope_sql, grouped);
	END IF;

	IF source.columns @> '{prompt_hash,operation_id}' THEN
		repeated_sql := format($sql$
		SELECT %2$s, COALESCE(sum(a.attempts) FILTER (WHERE a.repeats), 0)::bigint, COALESCE(sum(a.tokens) FILTER (WHERE a.repeats), 0),
			   sum(a.cost) FILTER (WHERE a.repeats), sum(a.saving) FILTER (WHERE a.repeats), sum(a.unpriced) FILTER (WHERE a.repeats)::bigint
		-- Different prompts with one fixed part may have the same size by chance:
		-- as many as have the sizes around it, give or take five standard deviations.
		FROM (SELECT a.*, a.rank > 1 + c.by_chance AND a.operations > 2 + c.by_chance + 5 * sqrt(c.by_chance) AS repeats
			  FROM (SELECT %1$s count(*) AS attempts, sum(a.tokens) AS tokens, sum(a.cost) FILTER (WHERE a.cached_saving IS NOT NULL) AS cost,
						   sum(a.cached_saving) AS saving, count(*) FILTER (WHERE a.cached_saving IS NULL) AS unpriced,
						   row_number() OVER (PARTITION BY %1$s a.prompt_hash, a.tokens ORDER BY min(a.started_at), a.operation_id) AS rank,
						   count(*) OVER (PARTITION BY %1$s a.prompt_hash, a.tokens) AS operations,
						   count(*) OVER (PARTITION BY %1$s a.prompt_hash ORDER BY a.tokens RANGE BETWEEN 10 PRECEDING AND 10 FOLLOWING) AS around
					FROM attempt a
					WHERE a.week >= 0 AND a.prompt_hash IS NOT NULL AND a.operation_id IS NOT NULL AND a.tokens > 0
					GROUP BY %1$s a.prompt_hash, a.tokens, a.operation_id) AS a,
				   LATERAL (SELECT (a.around - a.operations) / 20.0::float8 AS by_chance) AS c) AS a
		GROUP BY %3$s$sql$, keys, scope_sql, grouped);
	END IF;

	RETURN QUERY EXECUTE format($sql$
	WITH attempt AS (%1$s
	), weekly AS (
		SELECT %3$s AS scope, a.week, count(*) AS attempts, count(*) FILTER (WHERE a.unpriced) AS unpriced, sum(a.cost) AS cost,
			   count(a.tokens) AS reported, sum(a.tokens) AS tokens, max(a.tokens) AS largest, llm_cost.distribution(a.tokens) AS sizes,
			   count(a.fixed_tokens) AS split, sum(a.fixed_tokens) AS fixed, sum(a.tokens - a.fixed_tokens) AS dynamic,
			   count(*) FILTER (WHERE a.fixed_excess > 0) AS over_fixed, sum(a.fixed_excess) FILTER (WHERE a.fixed_excess > 0) AS over_fixed_tokens,
			   sum(a.fixed_excess_cost) AS over_fixed_cost,
			   count(*) FILTER (WHERE a.dynamic_excess > 0) AS over_dynamic, sum(a.dynamic_excess) FILTER (WHERE a.dynamic_excess > 0) AS over_dynamic_tokens,
			   sum(a.dynamic_excess_cost) AS over_dynamic_cost,
			   count(*) FILTER (WHERE a.fixed_excess > 0 AND a.fixed_excess_cost IS NULL OR a.dynamic_excess > 0 AND a.dynamic_excess_cost IS NULL) AS excess_unpriced
		FROM attempt a
		GROUP BY %2$s a.week
	), present AS (
		SELECT w.scope, sum(w.attempts)::bigint AS attempts, sum(w.unpriced)::bigint AS unpriced, sum(w.cost) AS cost, sum(w.reported)::bigint AS reported,
			   sum(w.tokens) AS tokens, max(w.largest) AS largest, llm_cost.combine(w.sizes) AS sizes,
			   sum(w.split) AS split, sum(w.fixed) AS fixed, sum(w.dynamic) AS dynamic,
			   sum(w.over_fixed)::bigint AS over_fixed, sum(w.over_fixed_tokens) AS over_fixed_tokens, sum(w.over_fixed_cost) AS over_fixed_cost,
			   sum(w.over_dynamic)::bigint AS over_dynamic, sum(w.over_dynamic_tokens) AS over_dynamic_tokens, sum(w.over_dynamic_cost) AS over_dynamic_cost,
			   sum(w.excess_unpriced)::bigint AS excess_unpriced,
			   %6$s * NULLIF(llm_cost.percentile(llm_cost.combine(w.sizes), 0.5), 0) AS spike_above
		FROM weekly w
		WHERE w.week >= 0
		GROUP BY w.scope
	), before AS (
		SELECT w.scope, sum(w.attempts)::bigint AS attempts, sum(w.reported) AS reported, sum(w.tokens) AS tokens, max(w.largest) AS largest,
			   llm_cost.combine(w.sizes) AS sizes, sum(w.split) AS split, sum(w.fixed) AS fixed, sum(w.dynamic) AS dynamic
		FROM weekly w
		WHERE w.week < 0
		GROUP BY w.scope
	), trend AS (
		-- least squares on the logarithm of weekly means, each with the weight of its attempts
		SELECT w.scope, 100 * (exp((sum(w.reported) * sum(w.reported * w.week * w.log_mean) - sum(w.reported * w.week) * sum(w.reported * w.log_mean))
				/ (sum(w.reported) * sum(w.reported * w.week ^ 2) - sum(w.reported * w.week) ^ 2)) - 1) AS pct
		FROM (SELECT w.scope, w.reported::float8, w.week::float8, ln(w.tokens / w.reported)::float8 AS log_mean FROM weekly w WHERE w.tokens > 0) AS w
		GROUP BY w.scope
		HAVING count(*) >= 3
	), growth (scope, turn_1, turn_5, turn_10, slope, ratio) AS (%4$s
	), repeated (scope, attempts, tokens, cost, saving, unpriced) AS (%5$s
	)
	SELECT p.scope, p.attempts, p.attempts - p.reported, p.unpriced, p.cost, p.tokens,
		   (p.tokens / NULLIF(p.reported, 0))::float8, llm_cost.percentile(p.sizes, 0.5), llm_cost.percentile(p.sizes, 0.9),
		   llm_cost.percentile(p.sizes, 0.99), p.largest,
		   COALESCE(b.attempts, 0), (b.tokens / NULLIF(b.reported, 0))::float8, llm_cost.percentile(b.sizes, 0.5), llm_cost.percentile(b.sizes, 0.9),
		   llm_cost.percentile(b.sizes, 0.99), b.largest, t.pct,
		   (p.fixed / NULLIF(p.split, 0))::float8, (p.dynamic / NULLIF(p.split, 0))::float8,
		   (b.fixed / NULLIF(b.split, 0))::float8, (b.dynamic / NULLIF(b.split, 0))::float8,
		   CASE WHEN p.split > 0 THEN p.over_fixed END, CASE WHEN p.split > 0 AND p.over_fixed = 0 THEN 0 ELSE p.over_fixed_tokens END,
		   CASE WHEN p.split > 0 AND p.over_fixed = 0 THEN 0 ELSE p.over_fixed_cost END,
		   CASE WHEN p.split > 0 THEN p.over_dynamic END, CASE WHEN p.split > 0 AND p.over_dynamic = 0 THEN 0 ELSE p.over_dynamic_tokens END,
		   CASE WHEN p.split > 0 AND p.over_dynamic = 0 THEN 0 ELSE p.over_dynamic_cost END,
		   g.turn_1, g.turn_5, g.turn_10, g.slope, g.ratio,
		   CASE WHEN p.spike_above > 0 THEN (llm_cost.histogram(p.sizes, ARRAY[p.spike_above]))[2] END, llm_cost.share_above(p.sizes, p.spike_above),
		   r.attempts, (r.tokens / NULLIF(p.tokens, 0))::float8, CASE WHEN r.attempts = 0 THEN 0 ELSE r.cost END, CASE WHEN r.attempts = 0 THEN 0 ELSE r.saving END,
		   NULLIF(concat_ws('; ',
				'not reported: ' || NULLIF(concat_ws(', ', CASE WHEN p.reported = 0 THEN 'input_tokens' END, CASE WHEN p.split = 0 THEN 'system_tokens' END,
					CASE WHEN g.scope IS NULL THEN 'turn' END, CASE WHEN r.scope IS NULL THEN %7$L END), ''),
				CASE WHEN p.excess_unpriced > 0 THEN 'attempts over a limit without a price: ' || p.excess_unpriced END,
				CASE WHEN r.unpriced > 0 THEN 'repeated prompts without a price: ' || r.unpriced END), '')
	FROM present p
		 LEFT JOIN before b ON b.scope = p.scope
		 LEFT JOIN trend t ON t.scope = p.scope
		 LEFT JOIN growth g ON g.scope = p.scope
		 LEFT JOIN repeated r ON r.scope = p.scope
	ORDER BY p.cost DESC NULLS LAST, p.scope$sql$,
		attempt_sql, keys, scope_sql, growth_sql, repeated_sql, contexts.spike_factor,
		CASE WHEN source.columns @> '{prompt_hash}' AND NOT source.columns @> '{operation_id}' THEN 'operation_id' ELSE 'prompt_hash' END);
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, contexts.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.contexts(text[], tstzrange, text, jsonb, regclass, text, bigint, bigint, float8) IS
	'Sizes of prompts by columns, dearest first: distribution now and in the baseline, trend in % a week (over weekly means of baseline and period, from three weeks on), fixed part (system_tokens) and dynamic part (the rest) against limits in tokens, growth over turns (means at turn 1, 5 and 10; tokens_per_turn, the slope within conversations; turn_ratio, turn 10 to turn 1 of conversations that have both), spikes (prompts above spike_factor medians), and repeated prompts: same prompt_hash and size in three operations or more, and in many more than the twenty sizes around it; all but the first and what chance explains. (Different prompts cut to one length look alike.) over_*_cost: what the tokens beyond the limit added to the cost of their attempts, each at its own price, cached ones as cached; of the dynamic part the oldest are beyond. duplicate_cost: what repeated prompts cost; duplicate_saving: how much less with the whole prompt at the cache-read price, an upper bound, as if the cache never expired. A column that needs what no attempt reports is NULL, and note says what. Percentiles and spikes are exact up to 128 attempts, then as a distribution. Needs input_tokens.';
