/*
 * explain: why spend changed, as amounts that add up to the change.
 *
 * One statement prices each attempt in parts at the prices of one time, adds
 * up by user, mix columns, model and failure, and hands some thousand sums to
 * decomposition() (decompose.h).  What is exact stays numeric: spend, price,
 * new and lost users.
 */

CREATE FUNCTION llm_cost.explain_query(
	usage regclass, period tstzrange, baseline text, by text[], filter jsonb, time_zone text, resamples integer, unit_column text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	first		timestamp := timezone(explain_query.time_zone, lower(explain_query.period));
	-- whole weeks, the fewest that the period fits into
	step		integer := 7 * GREATEST(1, ceil(EXTRACT(epoch FROM timezone(explain_query.time_zone, upper(explain_query.period)) - first) / 604800)::integer);
	earliest	timestamptz;
	edges		timestamptz[];
	steps		integer;
	step_edges	timestamptz[];
	compared	text;
	grouped		boolean;
	failed		text := 'false';
	prices		text;
	ranks		integer[] := ARRAY(SELECT g FROM generate_series(1, cardinality(explain_query.by)) AS g);
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(explain_query.usage);
	grouped := 'operation_id' = ANY (source.columns);
	IF grouped THEN
		-- without a word on failures, the attempts after the first are what they cost
		failed := CASE WHEN 'error_type' = ANY (source.columns) THEN 'm.error_type IS NOT NULL' ELSE 'COALESCE(m.attempt > 1, false)' END;
	END IF;

	SELECT array_agg(DISTINCT e.at ORDER BY e.at), min(e.at) INTO edges, earliest
	FROM llm_cost.comparison_windows(explain_query.period, explain_query.baseline, explain_query.time_zone, 0) w,
		 LATERAL (VALUES (lower(w.during)), (upper(w.during))) AS e (at);
	SELECT string_agg(format('(%L, %s, %L::timestamptz, %s::numeric)', w.side, array_position(edges, lower(w.during)), lower(w.during),
			EXTRACT(epoch FROM timezone(explain_query.time_zone, upper(w.during)) - timezone(explain_query.time_zone, lower(w.during)))), ', ')
	INTO compared
	FROM llm_cost.comparison_windows(explain_query.period, explain_query.baseline, explain_query.time_zone, 0) w;

	-- who is new, and who is lost, is seen in as many steps before as drift() reads
	steps := LEAST(62, GREATEST(12, ceil(EXTRACT(epoch FROM first - timezone(explain_query.time_zone, earliest)) / 86400 / step)::integer));
	step_edges := ARRAY(SELECT timezone(explain_query.time_zone, first - make_interval(days => (steps - i) * step)) FROM generate_series(0, steps) AS i);

	prices := format('cache_read_tokens => m.cache_read_tokens, cache_write_tokens => m.cache_write_tokens, cache_write_1h_tokens => m.cache_write_1h_tokens,
		reasoning_tokens => m.reasoning_tokens, meters => m.meters, provider => m.provider, service_tier => m.service_tier, region => m.region,
		price_book => %L, attributes => m.attributes', source.price_book);

	RETURN format($sql$
	WITH compared (side, segment, starts_at, length) AS (VALUES %1$s),
	seen AS MATERIALIZED (
		-- bit 0 is the period, bit 1 the step before it
		SELECT %2$s AS unit_key, bit_or(1::bigint << (%3$s + 1 - width_bucket(a.started_at, %4$L::timestamptz[]))) AS steps, min(a.started_at) AS first_started_at
		FROM %5$s AS a WHERE (%6$s) AND (%7$s) AND (%8$s) GROUP BY 1
	), begun AS (SELECT min(s.first_started_at) AS at FROM seen s),
	-- windows before the first attempt say nothing
	used AS (
		SELECT array_agg(c.segment) FILTER (WHERE c.side = 'before') AS before, max(c.segment) FILTER (WHERE c.side = 'after') AS after,
			   count(*) FILTER (WHERE c.side = 'before') AS windows,
			   max(c.length) FILTER (WHERE c.side = 'after') AS length, sum(c.length) FILTER (WHERE c.side = 'before') AS length_before
		FROM compared c, begun b WHERE c.side = 'after' OR c.starts_at + INTERVAL '1 day' >= b.at
	), standing AS (
		-- lost: away for longer than ever between two visits
		SELECT s.unit_key, CASE WHEN s.steps = 1 THEN 'new' WHEN s.steps & 1 = 0 AND position(v.away IN btrim(v.visits, '0')) = 0 THEN 'lost' ELSE 'known' END AS standing
		FROM seen s, LATERAL (SELECT t.visits, repeat('0', length(t.visits) - length(rtrim(t.visits, '0'))) AS away
							  FROM (SELECT s.steps::bit(64)::text AS visits) AS t) AS v
		WHERE s.unit_key IS NOT NULL
	), cell AS MATERIALIZED (
		SELECT m.segment = (SELECT u.after FROM used u) AS after, m.unit_key, m.model, m.provider, m.service_tier, m.region, m.failed, m.own_price%9$s,
			   count(*) FILTER (WHERE m.opens) AS operations, count(*) FILTER (WHERE m.charged) AS calls, count(*) FILTER (WHERE m.unpriced) AS unpriced,
			   sum(m.input_tokens) FILTER (WHERE m.charged) AS input_tokens, sum(m.cache_read_tokens) FILTER (WHERE m.charged) AS read_tokens,
			   sum(m.cache_write_tokens) FILTER (WHERE m.charged) AS write_tokens, sum(m.cache_write_1h_tokens) FILTER (WHERE m.charged) AS write_1h_tokens,
			   sum(m.output_tokens) FILTER (WHERE m.charged) AS output_tokens, sum(m.cost) AS cost,
			   COALESCE(sum((m.parts).input%20$s), 0) AS uncached_cost, COALESCE(sum((m.parts).cache_read%20$s), 0) AS read_cost,
			   COALESCE(sum((m.parts).cache_write_5m%20$s), 0) AS write_5m_cost, COALESCE(sum((m.parts).cache_write_1h%20$s), 0) AS write_1h_cost,
			   COALESCE(sum((m.parts).output%20$s), 0) AS output_cost, COALESCE(sum((m.parts).other%20$s), 0) AS other_cost
		FROM (SELECT m.*, m.reference IS NULL%21$s AS own_price,
					 CASE WHEN m.charged THEN COALESCE(m.reference, llm_cost.cost_parts(m.model, m.input_tokens, m.output_tokens, m.started_at, %10$s)) END AS parts
			  FROM (SELECT m.*, %11$s AS failed,
						   CASE WHEN m.charged THEN llm_cost.cost_parts(m.model, m.input_tokens, m.output_tokens, %12$L, %10$s) END AS reference%22$s
					FROM (SELECT a.*, %13$s AS unit_key, width_bucket(a.started_at, %14$L::timestamptz[]) AS segment,
								 a.cost IS NOT NULL AND (a.billable IS NOT FALSE OR a.cost <> 0) AS charged%15$s
						  FROM (%16$s) AS a
						  WHERE a.is_call OR a.cost IS NOT NULL%17$s) AS m
					WHERE m.segment = (SELECT u.after FROM used u) OR m.segment = ANY ((SELECT u.before FROM used u)::integer[])
					OFFSET 0) AS m
			  OFFSET 0) AS m
		GROUP BY 1, 2, 3, 4, 5, 6, 7, 8%9$s
	), summed AS (
		SELECT c.*, COALESCE(s.standing, 'known') AS standing, concat_ws(', '%18$s) AS label,
			   concat_ws(', ', c.model || COALESCE(' at ' || c.provider, ''), 'tier ' || c.service_tier, 'region ' || c.region) AS part,
			   COALESCE(c.input_tokens, 0) - COALESCE(c.read_tokens, 0) - COALESCE(c.write_tokens, 0) AS uncached_tokens,
			   COALESCE(c.write_tokens, 0) - COALESCE(c.write_1h_tokens, 0) AS write_5m_tokens,
			   -- at its own price where there was none at the time of reference
			   CASE WHEN c.own_price THEN COALESCE(c.cost, 0) ELSE p.cost END AS reference_cost,
			   c.other_cost + CASE WHEN c.own_price THEN COALESCE(c.cost, 0) - p.cost ELSE 0 END AS beside_cost,
			   CASE WHEN c.after THEN 1 ELSE u.length / u.length_before END::double precision AS weight
		FROM cell c CROSS JOIN used u LEFT JOIN standing s USING (unit_key),
			 LATERAL (SELECT c.uncached_cost + c.read_cost + c.write_5m_cost + c.write_1h_cost + c.output_cost + c.other_cost AS cost) AS p
	), decomposed AS (
		SELECT llm_cost.decomposition(s.unit_key, s.standing, s.label, s.part, s.failed, s.after, %19$s,
				s.weight * s.operations, s.weight * s.calls, s.weight * GREATEST(s.uncached_tokens, 0)::double precision, s.weight * s.read_tokens::double precision,
				s.weight * GREATEST(s.write_5m_tokens, 0)::double precision, s.weight * s.write_1h_tokens::double precision,
				s.weight * s.uncached_cost::double precision, s.weight * s.read_cost::double precision, s.weight * s.write_5m_cost::double precision,
				s.weight * s.write_1h_cost::double precision, s.weight * s.output_cost::double precision, s.weight * s.beside_cost::double precision,
				s.weight * (COALESCE(s.cost, 0) - s.reference_cost)::double precision) AS effects
		FROM summed s
	), counted AS (
		-- DISTINCT within the sums would make them sort all rows
		SELECT count(*) FILTER (WHERE u.standing = 'new') AS new_units, count(*) FILTER (WHERE u.standing = 'lost') AS lost_units
		FROM (SELECT s.unit_key, s.standing FROM summed s WHERE s.standing <> 'known' GROUP BY 1, 2) AS u
	), side AS (
		SELECT s.after, sum(s.cost) AS cost, sum(s.reference_cost) AS reference, sum(s.unpriced) AS unpriced, sum(s.calls + s.unpriced) AS attempts,
			   sum(s.calls) FILTER (WHERE s.own_price AND s.calls > 0) AS own_price,
			   sum(s.reference_cost) FILTER (WHERE s.standing = 'new') AS new_cost, sum(s.operations) FILTER (WHERE s.standing = 'new') AS new_operations,
			   sum(s.reference_cost) FILTER (WHERE s.standing = 'lost') AS lost_cost, sum(s.operations) FILTER (WHERE s.standing = 'lost') AS lost_operations,
			   sum(s.reference_cost) FILTER (WHERE s.standing = 'known') AS known_cost, sum(s.operations) FILTER (WHERE s.standing = 'known') AS operations,
			   sum(s.calls) FILTER (WHERE s.standing = 'known') AS calls, COALESCE(sum(s.calls) FILTER (WHERE s.standing = 'known' AND s.failed), 0) AS failures,
			   sum(s.input_tokens) FILTER (WHERE s.standing = 'known') AS input_tokens, sum(s.read_tokens) FILTER (WHERE s.standing = 'known') AS read_tokens,
			   sum(s.output_tokens) FILTER (WHERE s.standing = 'known') AS output_tokens
		FROM summed s GROUP BY s.after
	)$sql$,
		compared,
		CASE WHEN explain_query.unit_column IS NULL THEN 'NULL::text' ELSE format('a.%I::text', explain_query.unit_column) END,
		steps, step_edges, source.from_item,
		llm_cost.period_predicate(source.relation, tstzrange(step_edges[1], upper(explain_query.period)), 'a'),
		llm_cost.filter_predicate(source.relation, explain_query.filter, 'a'),
		llm_cost.within(tstzrange(step_edges[1], upper(explain_query.period)), 'a.started_at'),
		(SELECT COALESCE(string_agg(format(', m.cell_%s', r), '' ORDER BY r), '') FROM unnest(ranks) AS r),
		prices, failed, lower(explain_query.period),
		CASE WHEN explain_query.unit_column IS NULL THEN 'NULL::text' ELSE format('a.%I::text', explain_query.unit_column) END,
		edges,
		-- an operation is what its first attempt with a cost is
		CASE WHEN grouped THEN ', CASE WHEN a.operation_id IS NULL THEN a.cost IS NOT NULL ELSE a.cost IS NOT NULL AND row_number() OVER in_operation = 1 END AS opens'
			 ELSE ', a.cost IS NOT NULL AND (a.billable IS NOT FALSE OR a.cost <> 0) AS opens' END
		|| (SELECT COALESCE(string_agg(format(CASE WHEN grouped
				THEN ', CASE WHEN a.operation_id IS NULL THEN a.dimension_%1$s ELSE first_value(a.dimension_%1$s) OVER in_operation END AS cell_%1$s'
				ELSE ', a.dimension_%1$s AS cell_%1$s' END, r), '' ORDER BY r), '') FROM unnest(ranks) AS r),
		llm_cost.attempts_query(source.relation, llm_cost.with_operations(tstzrange(edges[1], edges[cardinality(edges)])),
			explain_query.by, explain_query.filter, lower(explain_query.period)),
		CASE WHEN grouped THEN E'\n\t\t\t\t\t\t  WINDOW in_operation AS (PARTITION BY a.operation_id ORDER BY a.cost IS NULL, a.started_at, a.attempt_id, a.attempt)' ELSE '' END,
		(SELECT COALESCE(string_agg(format(', %L || COALESCE(c.cell_%s, ''∅'')', d.name || '=', d.rank), '' ORDER BY d.rank), ', NULL::text')
		 FROM unnest(explain_query.by) WITH ORDINALITY AS d (name, rank)),
		explain_query.resamples,
		-- a cost from elsewhere is in the proportions of the price book
		CASE WHEN source.own_cost THEN ' * m.scale' ELSE '' END, CASE WHEN source.own_cost THEN ' OR m.scale IS NULL' ELSE '' END,
		CASE WHEN source.own_cost THEN format(', CASE WHEN m.charged THEN m.cost / NULLIF(llm_cost.cost(m.model, m.input_tokens, m.output_tokens, m.started_at, %s), 0) END AS scale', prices) ELSE '' END);
END
$$;
COMMENT ON FUNCTION llm_cost.explain_query(regclass, tstzrange, text, text[], jsonb, text, integer, text) IS
	'The queries behind explain(), as the WITH clause of a statement: used (the windows), begun (the first attempt), decomposed (the effects), counted (new and lost users) and side (what each side adds up to).';

CREATE FUNCTION llm_cost.amount_text(amount double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN amount >= 0 THEN '+' ELSE '' END || CASE WHEN abs(amount) >= 1 OR amount = 0 THEN round(amount::numeric, 2) ELSE llm_cost.shown_number(round(amount::numeric, 6)) END::text;
COMMENT ON FUNCTION llm_cost.amount_text(double precision) IS 'An amount of money as people write a change: +12.34, -0.0012. NULL for NULL.';

CREATE FUNCTION llm_cost.rate_text(before numeric, after numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT format('%s before, %s now', COALESCE(min(s.said) FILTER (WHERE NOT s.is_now), 'none'), COALESCE(min(s.said) FILTER (WHERE s.is_now), 'none'))
		FROM (SELECT v.is_now, CASE WHEN abs(v.value) >= 100 THEN llm_cost.count_text(v.value) ELSE trim_scale(round(v.value, CASE WHEN abs(v.value) < 10 THEN 3 ELSE 1 END))::text END AS said
			  FROM (VALUES (false, before), (true, after)) AS v (is_now, value)) AS s);
COMMENT ON FUNCTION llm_cost.rate_text(numeric, numeric) IS 'A number before and after, in words; none for NULL.';

CREATE FUNCTION llm_cost.explain(
	period tstzrange DEFAULT NULL, baseline text DEFAULT NULL, by text[] DEFAULT NULL, filter jsonb DEFAULT NULL,
	usage regclass DEFAULT NULL, time_zone text DEFAULT NULL, resamples integer DEFAULT 200,
	OUT effect text, OUT amount_usd numeric, OUT share numeric, OUT low_usd numeric, OUT high_usd numeric, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 13 COST 100000
-- ten columns of text are hashed in a third of the time that sorting them takes
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off SET enable_sort = off SET hash_mem_multiplier = 16
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(explain.time_zone);
	whole		tstzrange := llm_cost.checked_period(explain.period, zone);
	source		record;
	dimensions	text[] := explain.by;
	unit_column text;
	unit		text;
	absent		jsonb := jsonb_build_object();
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(explain.usage);
	IF lower(explain.baseline) = 'plan' THEN
		RAISE EXCEPTION 'a plan cannot be explained'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'A plan says how much, not for what.',
				HINT = 'Compare with usage: baseline => ''4 weeks'', or a range. drift() compares with the plan.';
	END IF;
	IF dimensions IS NULL THEN
		-- models are an effect of their own
		dimensions := array_remove(llm_cost.main_column(source.relation, whole), 'model');
		IF 'intent' = ANY (source.columns) AND 'intent' <> ALL (dimensions) THEN
			dimensions := dimensions || 'intent'::text;
		END IF;
	END IF;
	SELECT d.name, regexp_replace(d.name, '_id$', '') INTO unit_column, unit
	FROM unnest('{user_id,team}'::text[]) WITH ORDINALITY AS d (name, rank)
	WHERE d.name = ANY (source.columns) ORDER BY d.rank LIMIT 1;

	-- what cannot be told apart in this usage is no zero
	IF unit_column IS NULL THEN
		absent := absent || '{"new_users": "not measured: needs user_id", "lost_users": "not measured: needs user_id"}';
	END IF;
	IF dimensions = '{}' THEN
		absent := absent || '{"intent_mix": "not measured: needs columns to mix by, for example by => ''{intent}''"}';
	END IF;
	IF 'operation_id' <> ALL (source.columns) THEN
		absent := absent || '{"calls": "not measured: needs operation_id; the unit is the attempt", "retries": "not measured: needs operation_id; the unit is the attempt"}';
	ELSIF NOT source.columns && '{error_type,attempt}'::text[] THEN
		absent := absent || '{"retries": "not measured: needs error_type or attempt"}';
	END IF;
	IF NOT source.columns && '{cache_read_tokens,cache_write_tokens}'::text[] THEN
		absent := absent || '{"cache": "not measured: needs cache_read_tokens"}';
	END IF;
	IF 'input_tokens' <> ALL (source.columns) THEN
		absent := absent || '{"input_tokens": "not measured: needs input_tokens"}';
	END IF;
	IF 'output_tokens' <> ALL (source.columns) THEN
		absent := absent || '{"output": "not measured: needs output_tokens"}';
	END IF;

	RETURN QUERY EXECUTE format($sql$
	%1$s, facts AS (
		SELECT COALESCE(a.cost, 0) AS spend, round(COALESCE(b.cost, 0) * u.length / u.length_before, 6) AS spend_before,
			   round((COALESCE(a.cost, 0) - COALESCE(a.reference, 0)) - (COALESCE(b.cost, 0) - COALESCE(b.reference, 0)) * u.length / u.length_before, 6) AS price,
			   round(COALESCE(a.new_cost, 0), 6) AS new_cost, round(-COALESCE(b.lost_cost, 0) * u.length / u.length_before, 6) AS lost_cost,
			   u.windows, u.length / u.length_before AS weight, a AS now, b AS before
		FROM used u LEFT JOIN side a ON a.after LEFT JOIN side b ON NOT b.after
	), rounded AS (
		SELECT e.*, f.spend, f.spend_before, trim_scale(f.spend - f.spend_before) AS change,
			   CASE e.effect WHEN 'price' THEN f.price WHEN 'new_users' THEN f.new_cost WHEN 'lost_users' THEN f.lost_cost
					ELSE round(e.amount::numeric, 6) END AS exact
		FROM decomposed d, unnest(d.effects) WITH ORDINALITY AS e (effect, amount, low, high, unit_key, unit_amount, cell, cell_amount, part, part_amount, rank), facts f
		WHERE e.rank <= 12 OR e.effect = 'total'
	), settled AS (
		-- the largest takes what rounding left
		SELECT r.*, CASE WHEN r.effect = 'total' THEN r.change
						 ELSE r.exact + CASE WHEN r.rank = first_value(r.rank) OVER (ORDER BY r.effect = 'total', abs(r.exact) DESC, r.rank)
							THEN r.change - sum(r.exact) FILTER (WHERE r.effect <> 'total') OVER () ELSE 0 END END AS settled
		FROM rounded r
	), shown AS (
		SELECT s.*, f.now, f.before, f.weight, f.windows, n.new_units, n.lost_units, s.settled = 0 AND %2$L::jsonb ? s.effect AS absent,
			   (SELECT jsonb_object_agg(c.effect, c.amount) FROM decomposed d, unnest(d.effects) AS c) AS amounts
		FROM settled s, facts f, counted n
	)
	(SELECT s.effect, CASE WHEN NOT s.absent THEN trim_scale(s.settled) END,
		   CASE WHEN NOT s.absent THEN round(s.settled / NULLIF(s.change, 0), 4) END,
		   CASE WHEN NOT s.absent THEN round(s.low::numeric, 6) END, CASE WHEN NOT s.absent THEN round(s.high::numeric, 6) END,
		   CASE WHEN s.absent THEN %2$L::jsonb ->> s.effect ELSE concat_ws('; ',
		   CASE s.effect
			   WHEN 'volume' THEN format('%%ss of known %%s: %%s', %3$L, COALESCE(%4$L || 's', 'and unknown users'), llm_cost.rate_text((s.before).operations * s.weight, (s.now).operations))
			   WHEN 'new_users' THEN format('%%s first seen in the period', llm_cost.counted(s.new_units, COALESCE(%4$L, 'user')))
				   || COALESCE(', ' || round(((s.now).new_cost / NULLIF((s.now).new_operations, 0)) / NULLIF((s.now).known_cost / NULLIF((s.now).operations, 0), 0), 2)
						|| format(' times as dear an %%s as the others', %3$L), '')
			   WHEN 'lost_users' THEN format('%%s away for longer than ever before', llm_cost.counted(s.lost_units, COALESCE(%4$L, 'user')))
			   WHEN 'price' THEN format('the same usage at the prices of %%s', to_char(timezone(%5$L, %6$L::timestamptz), 'YYYY-MM-DD HH24:MI'))
				   || COALESCE(', but for ' || llm_cost.counted(NULLIF(COALESCE((s.now).own_price, 0) + COALESCE((s.before).own_price, 0), 0)::bigint, 'attempt') || ' without a price then', '')
			   WHEN 'intent_mix' THEN format('shares of %%ss by %%s', %3$L, array_to_string(%7$L::text[], ', '))
			   WHEN 'model_mix' THEN 'shares of calls by model, provider, tier and region'
			   WHEN 'calls' THEN format('calls an operation, failed ones apart: %%s', llm_cost.rate_text(((s.before).calls - (s.before).failures) / NULLIF((s.before).operations, 0), ((s.now).calls - (s.now).failures) / NULLIF((s.now).operations, 0)))
			   WHEN 'retries' THEN format('calls that failed, in per cent: %%s', llm_cost.rate_text(100 * (s.before).failures / NULLIF((s.before).calls, 0), 100 * (s.now).failures / NULLIF((s.now).calls, 0)))
			   WHEN 'input_tokens' THEN format('input tokens a call: %%s', llm_cost.rate_text((s.before).input_tokens / NULLIF((s.before).calls, 0), (s.now).input_tokens / NULLIF((s.now).calls, 0)))
			   WHEN 'output' THEN format('output tokens a call: %%s', llm_cost.rate_text((s.before).output_tokens / NULLIF((s.before).calls, 0), (s.now).output_tokens / NULLIF((s.now).calls, 0)))
			   WHEN 'cache' THEN format('input tokens read from the cache, in per cent: %%s; reads %%s, writes for 5 minutes %%s, for 1 hour %%s',
				   llm_cost.rate_text(100 * (s.before).read_tokens / NULLIF((s.before).input_tokens, 0), 100 * (s.now).read_tokens / NULLIF((s.now).input_tokens, 0)),
				   llm_cost.amount_text((s.amounts ->> 'cache_read')::float8), llm_cost.amount_text((s.amounts ->> 'cache_write_5m')::float8), llm_cost.amount_text((s.amounts ->> 'cache_write_1h')::float8))
			   WHEN 'other' THEN 'requests, searches and what else is priced beside tokens'
			   ELSE format('%%s in the period, %%s before (%%s)', trim_scale(round(s.spend, 6)), trim_scale(s.spend_before),
						CASE WHEN s.windows > 1 THEN 'mean of ' || s.windows || ' windows' WHEN s.weight = 1 THEN '1 window' ELSE 'at the length of the period' END)
				   || CASE WHEN (s.before).attempts IS NULL THEN '; no usage in the baseline' WHEN (s.now).attempts IS NULL THEN '; no usage in the period' ELSE '' END
				   || COALESCE('; ' || NULLIF(COALESCE((s.before).unpriced, 0) + COALESCE((s.now).unpriced, 0), 0) || ' of '
						|| llm_cost.counted((COALESCE((s.before).attempts, 0) + COALESCE((s.now).attempts, 0))::bigint, 'attempt') || ' without a price, on neither side', '')
				   || CASE WHEN s.low IS NOT NULL OR %8$L::integer = 0 THEN '' ELSE '; no intervals: ' || COALESCE('fewer than 10 ' || %4$L || 's', 'nobody to draw, needs user_id') END
		   END,
		   CASE WHEN s.effect IN ('model_mix', 'price') THEN CASE WHEN s.part_amount <> 0 AND s.settled <> 0 THEN format('most: %%s (%%s)', s.part, llm_cost.amount_text(s.part_amount)) END
				WHEN s.effect NOT IN ('volume', 'total') AND s.cell_amount <> 0 AND s.settled <> 0 AND %7$L::text[] <> '{}'
				THEN format('most: %%s (%%s)', s.cell, llm_cost.amount_text(s.cell_amount)) END,
		   CASE WHEN abs(s.settled) < 0.01 * GREATEST(s.spend, s.spend_before) OR s.unit_key IS NULL THEN NULL
				WHEN s.unit_amount / s.amount > 1.005 THEN format('without %%s %%s it would be %%s', %4$L, s.unit_key, llm_cost.amount_text(s.amount - s.unit_amount))
				WHEN s.unit_amount / s.amount >= 0.995 THEN format('%%s %%s is all of it', %4$L, s.unit_key)
				WHEN s.unit_amount / s.amount >= 0.5 THEN format('%%s %%s is %%s %%%% of it', %4$L, s.unit_key, round((100 * s.unit_amount / s.amount)::numeric)) END) END
	FROM shown s
	WHERE s.windows > 0
	ORDER BY s.rank)
	UNION ALL
	SELECT 'total', NULL, NULL, NULL, NULL, 'nothing to compare with: usage begins at ' || b.at
	FROM used u, begun b WHERE u.windows = 0 AND b.at IS NOT NULL$sql$,
		llm_cost.explain_query(source.relation, whole, explain.baseline, dimensions, explain.filter, zone, COALESCE(explain.resamples, 200), unit_column),
		absent, CASE WHEN 'operation_id' = ANY (source.columns) THEN 'operation' ELSE 'attempt' END, unit, zone, lower(whole), dimensions,
		COALESCE(explain.resamples, 200));
	IF NOT FOUND THEN
		effect := 'total';
		detail := 'no usage in the period, nor in the windows before it';
		RETURN NEXT;
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.explain(tstzrange, text, text[], jsonb, regclass, text, integer) IS
	'Why spend in the period (NULL: the last full week) differs from the mean of the windows before it (baseline: NULL, four; ''N weeks''; or a range, taken at the length of the period): one row for each effect, always the same in the same order, whose amounts add up to the row total, the change, to the last decimal. volume: operations of known users (attempts without operation_id). new_users: all they spend, who were not seen in the period''s twelve or more steps before it. lost_users: what they spent, who have been away for longer than ever between two visits. price: cost less cost at the prices of the start of the period, on both sides; all other effects are at those prices. intent_mix: shares of operations by the columns "by" (NULL: workflow and intent, as far as reported). model_mix: shares of calls by model, provider, service tier and region. calls: per operation, without those that failed. retries: what failed calls cost. input_tokens and output: their number per call; where a longer prompt reaches a dearer context tier, that too. cache: what reads save and writes cost extra. other: what is priced beside tokens. share: of the total. low_usd to high_usd: 95 % interval from so many resamples of users (0: none). An amount is NULL where the usage cannot tell the effect apart; detail says why, what is behind an effect, and which user is half of it or more. Amounts are in the currency of the price book. Attempts without a price are on neither side; the total says how many. The remainder of rounding is in the largest effect.';
