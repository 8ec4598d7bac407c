/*
 * Attempts, as every analysis reads them: the canonical columns, and what can
 * be said of an attempt only among its neighbours.
 *
 * Columns, casts and window functions that an analysis does not ask for are
 * dropped by the planner, so one text serves all; its cost is that of what is
 * read of it.
 */

CREATE FUNCTION llm_cost.varies_in_operation(column_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT varies_in_operation.column_name LIKE 'tags.%' OR varies_in_operation.column_name IN ('cost', 'cost_problem')
		OR EXISTS (SELECT FROM llm_cost.usage_columns() u WHERE u.usage_column = varies_in_operation.column_name
			AND u.usage_column NOT IN ('operation_id', 'conversation_id', 'user_id', 'team', 'feature', 'workflow', 'intent'));
END;
COMMENT ON FUNCTION llm_cost.varies_in_operation(text) IS
	'Whether attempts of one operation may well differ in a column, or label of tags: all but operation_id, conversation_id, user_id, team, feature, workflow, intent. A filter on such a column leaves out attempts and not what is known of the operation; one on others (and on columns that are not canonical) takes rows away before operations are put together, which is faster.';

CREATE FUNCTION llm_cost.attempts_query(
	usage regclass, scanned tstzrange, by text[], filter jsonb, reference_at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	dimensions	text;
	of_operation text;
	canonical	text;
	ties		text;
	reference	text;
	children	text := '';
	once		text := 'true';
	-- filtered only when it is known what came before each attempt
	within_operation text[];
	filter_after jsonb;
BEGIN
	SELECT array_agg(f.key), jsonb_object_agg(f.key, f.value) INTO within_operation, filter_after
	FROM jsonb_each(CASE jsonb_typeof(attempts_query.filter) WHEN 'object' THEN attempts_query.filter ELSE '{}' END) AS f
	WHERE llm_cost.varies_in_operation(f.key);
	SELECT * INTO source FROM llm_cost.usage_source(attempts_query.usage);
	attempts_query.usage := source.relation;
	PERFORM llm_cost.require_attempts(source.relation);
	IF cardinality(attempts_query.by) > 40 THEN
		RAISE EXCEPTION 'too many columns to tell apart by'
			USING ERRCODE = 'too_many_columns', DETAIL = format('by has %s, the limit is 40.', cardinality(attempts_query.by));
	END IF;
	SELECT string_agg(format('%s COLLATE "C" AS dimension_%s', llm_cost.column_expression(attempts_query.usage, d.name, 'a'), d.rank), ', ' ORDER BY d.rank),
		   string_agg(format(', CASE WHEN c.operation_id IS NULL THEN c.dimension_%1$s ELSE pg_catalog.first_value(c.dimension_%1$s) OVER in_operation END AS operation_dimension_%1$s', d.rank), '' ORDER BY d.rank)
	INTO dimensions, of_operation
	FROM unnest(attempts_query.by) WITH ORDINALITY AS d (name, rank);
	-- names are told apart here, not put in order: bytes will do, and sort several times as fast
	SELECT string_agg(format('%s%s AS %I',
			CASE WHEN u.usage_column = ANY (source.columns) THEN format('a.%I::%s', u.usage_column, u.data_type) ELSE format('NULL::%s', u.data_type) END,
			CASE WHEN u.data_type = 'text' THEN ' COLLATE "C"' ELSE '' END, u.usage_column), ', ' ORDER BY u."position")
	INTO canonical
	FROM llm_cost.usage_columns() u;

	-- Attempts of one time are told apart by their id, else by all that they may differ in.
	ties := CASE WHEN 'attempt_id' = ANY (source.columns) THEN 'c.attempt_id' ELSE 'c.model, c.input_tokens, c.output_tokens' END;

	reference := llm_cost.reference_expression(format('%L', attempts_query.reference_at), source.price_book, source.own_cost);

	-- A span that repeats the usage of those below it (trace exports) counts once, below.
	-- A call that is followed by one of the same size is no such span: it takes two
	-- below it, or one of another kind.
	IF source.columns @> '{attempt_id,parent_id,operation_id}' THEN
		children := format($sql$
			LEFT JOIN (SELECT a.operation_id, a.parent_id, pg_catalog.sum(a.input_tokens) AS input_tokens,
					pg_catalog.sum(a.output_tokens) AS output_tokens, count(*) AS spans, %s AS kinds
				FROM %s AS a
				WHERE a.parent_id IS NOT NULL AND a.input_tokens > 0 AND (%s)
				GROUP BY 1, 2) AS below ON below.operation_id = a.operation_id AND below.parent_id = a.attempt_id$sql$,
			CASE WHEN 'kind' = ANY (source.columns) THEN 'pg_catalog.array_agg(DISTINCT a.kind)' ELSE 'NULL::text[]' END,
			source.from_item, llm_cost.period_predicate(attempts_query.usage, attempts_query.scanned, 'a'));
		once := format('(below.input_tokens = a.input_tokens AND below.output_tokens = a.output_tokens
			AND (below.spans > 1 OR %s)) IS NOT TRUE',
			CASE WHEN 'kind' = ANY (source.columns) THEN 'a.kind <> ALL (below.kinds)' ELSE 'false' END);
	END IF;

	RETURN format(CASE WHEN filter_after IS NULL THEN '%s' ELSE 'SELECT f.* FROM (%s) AS f WHERE ' || replace(llm_cost.filter_predicate(attempts_query.usage, filter_after, 'f'), '%', '%%') END, format($sql$
	SELECT c.*, %s AS reference_cost,
		   c.is_call AND c.cost IS NULL AS unpriced,
		   -- among the attempts and tool calls of the operation
		   CASE WHEN c.operation_id IS NOT NULL THEN pg_catalog.row_number() OVER in_operation = 1 END AS opens_operation,
		   CASE WHEN c.operation_id IS NULL THEN c.started_at ELSE pg_catalog.first_value(c.started_at) OVER in_operation END AS operation_began_at,
		   CASE WHEN c.operation_id IS NOT NULL THEN (count(*) FILTER (WHERE c.is_call) OVER whole_operation)::integer END AS operation_attempts,
		   CASE WHEN c.operation_id IS NOT NULL THEN pg_catalog.sum(c.cost) OVER whole_operation END AS operation_cost,
		   CASE WHEN c.operation_id IS NOT NULL THEN pg_catalog.bool_and(c.cost IS NOT NULL OR NOT c.is_call) OVER whole_operation END AS operation_priced,
		   CASE WHEN c.operation_id IS NOT NULL THEN pg_catalog.bool_or(c.outcome IN ('resolved', 'approved', 'answered')) OVER whole_operation END AS operation_resolved,
		   CASE WHEN c.conversation_id IS NOT NULL THEN pg_catalog.row_number() OVER in_conversation = 1 END AS opens_conversation,
		   CASE WHEN c.conversation_id IS NOT NULL THEN c.started_at - pg_catalog.lag(c.started_at) OVER in_conversation END AS conversation_pause,
		   -- a retry is told by its number, else by the failure before it in the same step
		   c.is_call AND CASE WHEN c.attempt IS NOT NULL THEN c.attempt > 1
							  ELSE c.operation_id IS NOT NULL AND pg_catalog.lag(c.error_type) OVER in_step IS NOT NULL END AS is_retry,
		   CASE WHEN c.operation_id IS NOT NULL THEN pg_catalog.lag(c.error_type) OVER in_step END AS retry_error,
		   c.is_call AND COALESCE(c.attempt > 1, false)
		   AND (c.operation_id IS NULL OR pg_catalog.lag(c.error_type) OVER in_step IS NULL) AS failure_unlogged%s
	FROM (SELECT %s, a.cost, %s AS avoided_cost, a.cost_problem, %s AS attributes%s,
				 -- a tool call without usage of its own is no call of a provider
				 %s AS is_call
		  FROM %s AS a%s
		  WHERE (%s) AND (%s) AND (%s)
		  -- a fence: what an attempt cost is worked out once, however often it is read
		  OFFSET 0) AS c
	-- an operation is opened by a call, if it has one; among those of one time failures come first
	WINDOW in_operation AS (PARTITION BY c.operation_id ORDER BY c.is_call DESC, c.started_at, c.attempt, c.error_type, c.step, %s),
		   whole_operation AS (PARTITION BY c.operation_id),
		   in_step AS (PARTITION BY c.operation_id, c.step, c.kind ORDER BY c.started_at, c.attempt, c.error_type, %s),
		   in_conversation AS (PARTITION BY c.conversation_id ORDER BY c.started_at, c.attempt, c.error_type, %s)$sql$,
		reference, COALESCE(of_operation, ''),
		canonical,
		CASE WHEN 'avoided_cost' = ANY (llm_cost.column_names(source.relation)) OR source.from_item LIKE '(%' THEN 'a.avoided_cost' ELSE 'NULL::pg_catalog.numeric' END,
		COALESCE('a.' || source.cost_attributes, 'NULL::pg_catalog.jsonb'),
		COALESCE(', ' || dimensions, ''),
		CASE WHEN 'kind' = ANY (source.columns)
			 THEN '(a.kind IN (''tool'', ''execute_tool'') AND ' || (SELECT string_agg(format('%s IS NULL', CASE WHEN c = ANY (source.columns) THEN 'a.' || c ELSE 'NULL' END), ' AND ')
					FROM unnest(ARRAY['input_tokens', 'output_tokens', 'meters']) AS c) || ') IS NOT TRUE' ELSE 'true' END,
		source.from_item, children,
		llm_cost.period_predicate(attempts_query.usage, attempts_query.scanned, 'a'),
		llm_cost.filter_predicate(attempts_query.usage, CASE WHEN jsonb_typeof(attempts_query.filter) <> 'object' THEN attempts_query.filter ELSE attempts_query.filter - COALESCE(within_operation, '{}') END, 'a'), once, ties, ties, ties));
END
$$;
COMMENT ON FUNCTION llm_cost.attempts_query(regclass, tstzrange, text[], jsonb, timestamptz) IS
	'SQL that reads the attempts of a usage within a period, with all canonical columns, cost, reference_cost (at the prices of reference_at), the columns asked for as text (dimension_1, ...), and flags: is_call, unpriced, opens_operation, opens_conversation, conversation_pause (since the attempt before), is_retry, retry_error, failure_unlogged; and of its operation, whatever a filter leaves out: operation_attempts, operation_cost, operation_priced, operation_resolved, and as its first attempt has them, or the attempt itself where it names no operation, operation_began_at and the columns asked for (operation_dimension_1, ...). A parent span whose tokens are the sum of those of two spans below it or more, or of one of another kind, is left out.';

CREATE FUNCTION llm_cost.reference_expression(at text, price_book text, own_cost boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- where the model had no price then, its own
	SELECT format('CASE WHEN billable IS FALSE OR cost IS NULL THEN cost ELSE COALESCE(%s, cost) END',
		-- a cost from elsewhere is what it is; the price book says how prices changed
		CASE WHEN own_cost THEN format('trim_scale(cost * %s%s / NULLIF(%s%s, 0))', 'llm_cost.cost(model, input_tokens, output_tokens, ' || at, e.rest,
				'llm_cost.cost(model, input_tokens, output_tokens, started_at', e.rest)
			 ELSE 'llm_cost.cost(model, input_tokens, output_tokens, ' || at || e.rest END)
	FROM format(', cache_read_tokens => cache_read_tokens, cache_write_tokens => cache_write_tokens, cache_write_1h_tokens => cache_write_1h_tokens,
		reasoning_tokens => reasoning_tokens, meters => meters, provider => provider, service_tier => service_tier, region => region,
		price_book => %L, attributes => attributes)', price_book) AS e (rest);
END;
COMMENT ON FUNCTION llm_cost.reference_expression(text, text, boolean) IS
	'SQL for what an attempt would have cost at the prices of another time, itself an SQL expression. own_cost: its cost does not come from the price book, and changes as that does.';
