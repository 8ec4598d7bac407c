/*
 * Cells: exact sums of attempts by bucket and columns, and by user or not.
 *
 * One definition of what is added up serves every analysis and everything that
 * is stored.  An attempt counts where and when it ran; an operation counts once and
 * whole, where and when its first attempt did, and so does a conversation.
 */

CREATE FUNCTION llm_cost.cell_measures(
	OUT "position" integer, OUT measure text, OUT data_type text, OUT expression text, OUT description text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 40
BEGIN ATOMIC
	SELECT * FROM (VALUES
	(1, 'attempts', 'bigint', 'count(*) FILTER (WHERE is_call)', 'Calls of a provider, retries among them.'),
	(2, 'tool_calls', 'bigint', 'count(*) FILTER (WHERE NOT is_call)', 'Tool calls without usage of their own.'),
	(3, 'unpriced_attempts', 'bigint', 'count(*) FILTER (WHERE unpriced)', 'Attempts without a cost; no sum of money contains them.'),
	(4, 'operations', 'bigint', 'count(*) FILTER (WHERE opens_operation)', 'Operations that began here.'),
	(5, 'priced_operations', 'bigint', 'count(*) FILTER (WHERE opens_operation AND operation_priced)', 'Operations that began here and have a cost for every attempt.'),
	(6, 'resolved_operations', 'bigint', 'count(*) FILTER (WHERE opens_operation AND operation_priced AND operation_resolved)', 'Of these, the ones whose outcome is resolved, approved or answered.'),
	(7, 'outcome_operations', 'bigint', 'count(*) FILTER (WHERE opens_operation AND operation_priced AND operation_resolved IS NOT NULL)', 'Of the priced ones, those whose outcome is known.'),
	(8, 'conversations', 'bigint', 'count(*) FILTER (WHERE opens_conversation)', 'Conversations that began here, as far back as was read.'),
	(9, 'grouped_attempts', 'bigint', 'count(operation_id) FILTER (WHERE is_call)', 'Attempts that name their operation.'),
	(10, 'retries', 'bigint', 'count(*) FILTER (WHERE is_retry)', 'Attempts that repeat one that failed.'),
	(11, 'unlogged_failures', 'bigint', 'count(*) FILTER (WHERE failure_unlogged)', 'Retries whose failed attempt was not logged.'),
	(12, 'failures', 'bigint', 'count(error_type) FILTER (WHERE is_call)', 'Attempts that failed.'),
	(13, 'free_attempts', 'bigint', 'count(*) FILTER (WHERE billable IS FALSE)', 'Attempts that the provider did not bill.'),
	(14, 'cost', 'numeric', 'sum(cost)', 'Cost of the priced attempts.'),
	(15, 'reference_cost', 'numeric', 'sum(reference_cost)', 'Cost of the same attempts at the prices of one time.'),
	(16, 'recorded_cost', 'numeric', 'sum(recorded_cost)', 'What the source itself recorded.'),
	(17, 'operation_cost', 'numeric', 'sum(operation_cost) FILTER (WHERE opens_operation AND operation_priced)', 'Cost of the operations that began here and have a cost for every attempt, whole.'),
	(18, 'retry_cost', 'numeric', 'sum(cost) FILTER (WHERE is_retry)', 'Cost of retries.'),
	(19, 'failed_cost', 'numeric', 'sum(cost) FILTER (WHERE error_type IS NOT NULL)', 'Cost of attempts that failed.'),
	(20, 'avoided_cost', 'numeric', 'sum(avoided_cost)', 'What attempts that were not billed would have cost.'),
	(21, 'input_tokens', 'numeric', 'sum(input_tokens)', 'Whole prompts, in tokens.'),
	(22, 'cache_read_tokens', 'numeric', 'sum(cache_read_tokens) FILTER (WHERE cache_read_tokens BETWEEN 0 AND input_tokens)', 'Tokens read from prompt caches; impossible counts left out.'),
	(23, 'cache_write_tokens', 'numeric', 'sum(cache_write_tokens)', 'Tokens written to prompt caches.'),
	(24, 'cache_write_1h_tokens', 'numeric', 'sum(cache_write_1h_tokens)', 'Of these, tokens written for one hour.'),
	(25, 'output_tokens', 'numeric', 'sum(output_tokens)', 'Answers, in tokens.'),
	(26, 'reasoning_tokens', 'numeric', 'sum(reasoning_tokens)', 'Of these, tokens spent on reasoning.'),
	(27, 'cacheable_tokens', 'numeric', 'sum(input_tokens) FILTER (WHERE cache_read_tokens BETWEEN 0 AND input_tokens)', 'Input tokens of the same attempts: what a hit ratio is of.'),
	(28, 'outcome_cost', 'numeric', 'sum(operation_cost) FILTER (WHERE opens_operation AND operation_priced AND operation_resolved IS NOT NULL)', 'Of operation_cost, that of operations whose outcome is known.'),
	(29, 'operation_attempts', 'bigint', 'sum(CASE WHEN opens_operation THEN operation_attempts ELSE 0 END)', 'Attempts of the operations that began here.'),
	(30, 'first_started_at', 'timestamptz', 'min(started_at)', 'Start of the first attempt.')
	) AS m ("position", measure, data_type, expression, description);
END;
COMMENT ON FUNCTION llm_cost.cell_measures() IS
	'What a cell holds: name, type, and the expression over flagged attempts that adds it up. Counts and sums are exact; a sum is NULL where nothing was reported.';

CREATE FUNCTION llm_cost.cells_query(
	attempts text, bucket text, columns text[], measures text[], distributions boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT format('SELECT %s AS bucket%s, %s%s FROM (%s) AS attempt GROUP BY %s',
		bucket,
		COALESCE((SELECT string_agg(', ' || c, '' ORDER BY i) FROM unnest(columns) WITH ORDINALITY AS u (c, i)), ''),
		string_agg(format('pg_catalog.%s AS %I', m.expression, m.measure), ', ' ORDER BY m."position"),
		CASE WHEN distributions THEN ', llm_cost.distribution(cost) AS cost_distribution, llm_cost.distribution(input_tokens) FILTER (WHERE is_call) AS context_distribution' ELSE '' END,
		attempts,
		array_to_string(ARRAY(SELECT g::text FROM generate_series(1, 1 + cardinality(columns)) AS g), ', '))
	FROM llm_cost.cell_measures() m
	WHERE measures IS NULL OR m.measure = ANY (measures);
END;
COMMENT ON FUNCTION llm_cost.cells_query(text, text, text[], text[], boolean) IS
	'SQL that adds attempts (the text of attempts_query) up to cells by a bucket expression and columns; measures: which ones, NULL all; distributions: with those of cost and context.';

/*
 * The one place that knows whether cells are added up now or were stored before.
 */
CREATE FUNCTION llm_cost.summed_query(
	usage regclass, period tstzrange, by text[], filter jsonb, reference_at timestamptz, bucket text, columns text[], measures text[],
	distributions boolean, step text, time_zone text, edges timestamptz[], referenced tstzrange) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
BEGIN
	IF EXISTS (SELECT FROM llm_cost.live_rollup(summed_query.usage)) THEN
		RETURN llm_cost.rollup_query(summed_query.usage, summed_query.period, summed_query.by, summed_query.filter, summed_query.reference_at,
			summed_query.bucket, summed_query.columns, summed_query.measures, summed_query.distributions, summed_query.step,
			summed_query.time_zone, summed_query.edges, summed_query.referenced);
	END IF;
	RETURN llm_cost.cells_query(
		format('SELECT * FROM (%s) AS a WHERE %s',
			llm_cost.attempts_query(summed_query.usage, llm_cost.with_operations(summed_query.period), summed_query.by, summed_query.filter,
				COALESCE(summed_query.reference_at, lower(summed_query.period))),
			llm_cost.within(summed_query.period, 'a.started_at')),
		summed_query.bucket, summed_query.columns, summed_query.measures, summed_query.distributions);
END
$$;
COMMENT ON FUNCTION llm_cost.summed_query(regclass, tstzrange, text[], jsonb, timestamptz, text, text[], text[], boolean, text, text, timestamptz[], tstzrange) IS
	'SQL for the cells of a period: those of cells_query() over the attempts of a usage, or the same summed from a rollup. bucket: an expression over started_at; step: the shortest bucket it tells apart in time_zone (hour, day, week, month, period), and edges: other times it does, for a rollup may hold longer ones. reference_at: NULL, the start of the period, and from a rollup NULL if that has other prices. referenced: the part of the period in which reference_cost is looked at.';

CREATE FUNCTION llm_cost.cells(
	by text[] DEFAULT '{}', period tstzrange DEFAULT NULL, grain text DEFAULT 'dimension', bucket text DEFAULT 'day',
	filter jsonb DEFAULT NULL, reference_at timestamptz DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	OUT bucket_start timestamptz, OUT scope jsonb, OUT user_id text, OUT attempts bigint, OUT tool_calls bigint, OUT unpriced_attempts bigint,
	OUT operations bigint, OUT priced_operations bigint, OUT resolved_operations bigint, OUT outcome_operations bigint,
	OUT conversations bigint, OUT grouped_attempts bigint, OUT retries bigint, OUT unlogged_failures bigint, OUT failures bigint,
	OUT free_attempts bigint, OUT cost numeric, OUT reference_cost numeric, OUT recorded_cost numeric, OUT operation_cost numeric,
	OUT retry_cost numeric, OUT failed_cost numeric, OUT avoided_cost numeric, OUT input_tokens numeric, OUT cache_read_tokens numeric,
	OUT cache_write_tokens numeric, OUT cache_write_1h_tokens numeric, OUT output_tokens numeric, OUT reasoning_tokens numeric,
	OUT cacheable_tokens numeric, OUT outcome_cost numeric, OUT operation_attempts bigint, OUT first_started_at timestamptz, OUT cost_distribution llm_cost.distribution, OUT context_distribution llm_cost.distribution)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 1000 COST 10000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	zone		text := llm_cost.checked_zone(cells.time_zone);
	whole		tstzrange := llm_cost.checked_period(cells.period, zone);
	dimensions	text[] := COALESCE(cells.by, '{}');
	columns		text[];
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(cells.usage);
	cells.grain := COALESCE(cells.grain, 'dimension');
	cells.bucket := COALESCE(cells.bucket, 'day');
	IF cells.grain NOT IN ('user', 'dimension') THEN
		RAISE EXCEPTION 'unknown grain "%"', cells.grain
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Grains: user (with user_id), dimension (with distributions).';
	ELSIF cells.bucket NOT IN ('hour', 'day', 'week', 'month', 'period') THEN
		RAISE EXCEPTION 'unknown bucket "%"', cells.bucket
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Buckets: hour, day, week, month, period.';
	END IF;
	columns := ARRAY(SELECT 'dimension_' || i FROM generate_series(1, cardinality(dimensions)) AS i)
		|| CASE WHEN cells.grain = 'user' THEN ARRAY['user_id'] ELSE ARRAY[]::text[] END;
	RETURN QUERY EXECUTE format('SELECT c.bucket, %s, %s, %s, %s FROM (%s) AS c',
		llm_cost.scope_expression(dimensions, 'c'),
		CASE WHEN cells.grain = 'user' THEN 'c.user_id' ELSE 'NULL::text' END,
		(SELECT string_agg(format('c.%I', m.measure), ', ' ORDER BY m."position") FROM llm_cost.cell_measures() m),
		CASE WHEN cells.grain = 'user' THEN 'NULL::llm_cost.distribution, NULL::llm_cost.distribution'
			 ELSE 'c.cost_distribution, c.context_distribution' END,
		llm_cost.summed_query(source.relation, whole, dimensions, cells.filter, cells.reference_at,
			CASE cells.bucket WHEN 'period' THEN format('%L::timestamptz', lower(whole))
				 ELSE format('date_trunc(%L, started_at, %L)', cells.bucket, zone) END,
			columns, NULL, cells.grain = 'dimension', cells.bucket, zone, ARRAY[lower(whole), upper(whole)], whole));
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, cells.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.cells(text[], tstzrange, text, text, jsonb, timestamptz, regclass, text) IS
	'Cells of a usage: exact sums by bucket (hour, day, week, month of local time, or the whole period) and the columns "by". grain: dimension (with distributions of cost and context) or user (by user_id). reference_at: time whose prices reference_cost takes; NULL: the start of the period, or no reference_cost where a rollup has that of other prices. An attempt counts where it ran, an operation whole where its first attempt did. The measures are described by cell_measures(). usage may be a rollup.';

CREATE FUNCTION llm_cost.scope_expression(by text[], qualifier text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN cardinality(by) > 0
	   THEN (SELECT format('pg_catalog.jsonb_build_object(%s)', string_agg(format('%L, %I.dimension_%s', d.name, qualifier, d.rank), ', ' ORDER BY d.rank))
			 FROM unnest(by) WITH ORDINALITY AS d (name, rank))
	   ELSE '''{}''::pg_catalog.jsonb' END;
COMMENT ON FUNCTION llm_cost.scope_expression(text[], text) IS
	'SQL for the scope of a row: its columns and their values as a JSON object, which serves as filter of the next question.';

CREATE FUNCTION llm_cost.within(period tstzrange, expression text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('%1$s >= %2$L::timestamptz AND %1$s < %3$L::timestamptz', expression, lower(period), upper(period));
COMMENT ON FUNCTION llm_cost.within(tstzrange, text) IS 'SQL condition for a time within a period, its end exclusive.';

CREATE FUNCTION llm_cost.with_operations(period tstzrange) RETURNS tstzrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN tstzrange(lower(period) - INTERVAL '24 hours', upper(period) + INTERVAL '24 hours');
COMMENT ON FUNCTION llm_cost.with_operations(tstzrange) IS
	'The period with what must be read around it to see operations whole: a day before and after. An operation that lasts longer is taken for two.';
