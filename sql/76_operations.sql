/*
 * Operations: what one request of a user set off, as one row.
 */

CREATE FUNCTION llm_cost.operations(
	period tstzrange DEFAULT NULL, filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL,
	outcomes regclass DEFAULT NULL, outcome_key text DEFAULT 'operation_id', outcome_column text DEFAULT 'outcome',
	time_zone text DEFAULT NULL,
	OUT operation_id text, OUT first_started_at timestamptz, OUT last_started_at timestamptz,
	OUT user_id text, OUT team text, OUT workflow text, OUT intent text, OUT release text,
	OUT attempts bigint, OUT tool_calls bigint, OUT retries bigint, OUT retry_errors text[], OUT depth integer,
	OUT models text[], OUT input_tokens numeric, OUT cache_read_tokens numeric, OUT cache_write_tokens numeric,
	OUT output_tokens numeric, OUT reasoning_tokens numeric, OUT cost numeric, OUT retry_cost numeric,
	OUT failed_cost numeric, OUT avoided_cost numeric, OUT unpriced_attempts bigint, OUT outcome text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 10000 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
-- nothing is known of how many rows the joined parts have, and all of them may be many
SET enable_nestloop = off
AS $$
DECLARE
	source		record;
	whole		tstzrange := llm_cost.checked_period(operations.period, llm_cost.checked_zone(operations.time_zone));
	deep		boolean;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(operations.usage);
	PERFORM llm_cost.require_columns(source.relation, '{operation_id}', 'operations()');
	deep := source.columns @> '{attempt_id,parent_id}';
	RETURN QUERY EXECUTE format($sql$
	WITH %s attempt AS %s (%s), operation AS (
		SELECT a.operation_id, min(a.started_at) AS first_started_at, max(a.started_at) AS last_started_at, min(a.operation_began_at) AS began_at,
			   -- what the first attempt says holds for the operation, whatever a filter leaves of it
			   min(a.operation_dimension_1) FILTER (WHERE a.operation_id IS NOT NULL) AS user_id, min(a.operation_dimension_2) FILTER (WHERE a.operation_id IS NOT NULL) AS team,
			   min(a.operation_dimension_3) FILTER (WHERE a.operation_id IS NOT NULL) AS workflow, min(a.operation_dimension_4) FILTER (WHERE a.operation_id IS NOT NULL) AS intent,
			   min(a.operation_dimension_5) FILTER (WHERE a.operation_id IS NOT NULL) AS release,
			   count(*) FILTER (WHERE a.is_call) AS attempts, count(*) FILTER (WHERE NOT a.is_call) AS tool_calls,
			   count(*) FILTER (WHERE a.is_retry) AS retries,
			   array_agg(a.retry_error ORDER BY a.started_at) FILTER (WHERE a.is_retry) AS retry_errors,
			   array_agg(DISTINCT a.model) FILTER (WHERE a.is_call) AS models,
			   sum(a.input_tokens) AS input_tokens, sum(a.cache_read_tokens) AS cache_read_tokens,
			   sum(a.cache_write_tokens) AS cache_write_tokens, sum(a.output_tokens) AS output_tokens,
			   sum(a.reasoning_tokens) AS reasoning_tokens,
			   CASE WHEN bool_or(a.unpriced) IS NOT TRUE THEN COALESCE(sum(a.cost), 0) END AS cost,
			   -- where failures are not logged nobody knows what they cost
			   CASE WHEN bool_or(a.failure_unlogged OR a.is_retry AND a.unpriced) IS NOT TRUE THEN COALESCE(sum(a.cost) FILTER (WHERE a.is_retry), 0) END AS retry_cost,
			   CASE WHEN bool_or(a.failure_unlogged OR a.error_type IS NOT NULL AND a.unpriced) IS NOT TRUE THEN COALESCE(sum(a.cost) FILTER (WHERE a.error_type IS NOT NULL), 0) END AS failed_cost,
			   COALESCE(sum(a.avoided_cost), 0) AS avoided_cost,
			   count(*) FILTER (WHERE a.unpriced) AS unpriced_attempts,
			   (array_agg(a.outcome ORDER BY a.started_at DESC) FILTER (WHERE a.outcome IS NOT NULL))[1] AS outcome
		FROM attempt a
		WHERE a.operation_id IS NOT NULL OR %s
		GROUP BY a.operation_id
	)%s
	SELECT o.operation_id, o.first_started_at, o.last_started_at, o.user_id, o.team, o.workflow, o.intent, o.release,
		   o.attempts, o.tool_calls, o.retries, o.retry_errors, %s, o.models, o.input_tokens, o.cache_read_tokens,
		   o.cache_write_tokens, o.output_tokens, o.reasoning_tokens, o.cost, o.retry_cost, o.failed_cost, o.avoided_cost,
		   o.unpriced_attempts, %s
	FROM operation o%s%s
	WHERE %s
	ORDER BY o.cost DESC NULLS LAST, o.operation_id$sql$,
		CASE WHEN deep THEN 'RECURSIVE' ELSE '' END, CASE WHEN deep THEN 'MATERIALIZED' ELSE 'NOT MATERIALIZED' END,
		llm_cost.attempts_query(source.relation, llm_cost.with_operations(whole), '{user_id,team,workflow,intent,release}', operations.filter, NULL),
		llm_cost.within(whole, 'a.started_at'),
		CASE WHEN deep THEN $sql$, level (operation_id, attempt_id, n) AS (
			SELECT a.operation_id, a.attempt_id, 1 FROM attempt a
			WHERE a.operation_id IS NOT NULL AND NOT EXISTS (SELECT FROM attempt p WHERE p.operation_id = a.operation_id AND p.attempt_id = a.parent_id)
			-- not ALL: of spans that were delivered twice, one
			UNION
			-- spans that are each other's parents have no first level
			SELECT a.operation_id, a.attempt_id, l.n + 1 FROM level l
				 JOIN attempt a ON a.operation_id = l.operation_id AND a.parent_id = l.attempt_id AND a.attempt_id <> a.parent_id
			WHERE l.n < 1000
		), deepest AS (
			SELECT l.operation_id, max(l.n) AS depth FROM level l GROUP BY l.operation_id
		)$sql$ ELSE '' END,
		CASE WHEN deep THEN 'd.depth' ELSE 'NULL::integer' END,
		CASE WHEN operations.outcomes IS NULL THEN 'o.outcome' ELSE 'COALESCE(late.outcome, o.outcome)' END,
		CASE WHEN deep THEN ' LEFT JOIN deepest d ON d.operation_id = o.operation_id' ELSE '' END,
		llm_cost.outcome_join(operations.outcomes, COALESCE(operations.outcome_key, 'operation_id'), COALESCE(operations.outcome_column, 'outcome'), 'o.operation_id'),
		llm_cost.within(whole, 'o.began_at'));
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, operations.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.operations(tstzrange, jsonb, regclass, regclass, text, text, text) IS
	'One row per operation whose first attempt ran in the period (NULL: the last full week), by cost: calls, retries with the error that caused each (NULL where it was not logged), depth of the tree of calls, tokens, cost, cost of retries and of failures (NULL, not 0, where failed attempts were not logged or not priced), outcome from the usage or, joined late, from the relation "outcomes". cost is NULL when an attempt has none. Attempts that name no operation are one row without operation_id. Needs operation_id.';

CREATE FUNCTION llm_cost.outcome_join(outcomes regclass, outcome_key text, outcome_column text, joined text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted		text;
	present		text[];
BEGIN
	IF outcome_join.outcomes IS NULL THEN
		RETURN '';
	END IF;
	present := llm_cost.column_names(outcome_join.outcomes);
	FOREACH wanted IN ARRAY ARRAY[outcome_join.outcome_key, outcome_join.outcome_column] LOOP
		IF wanted = ANY (present) IS NOT TRUE THEN
			RAISE EXCEPTION 'column "%" of relation % does not exist', wanted, outcome_join.outcomes
				USING ERRCODE = 'undefined_column',
					HINT = format('outcome_key names the column with operations, outcome_column the one with outcomes; there are: %s.', array_to_string(present, ', '));
		END IF;
	END LOOP;
	RETURN format(' LEFT JOIN (SELECT t.%1$I::text AS operation_id, min(t.%2$I::text) AS outcome, count(DISTINCT t.%2$I::text) AS outcomes FROM %3$s AS t GROUP BY 1) AS late ON late.operation_id = %4$s',
		outcome_join.outcome_key, outcome_join.outcome_column,
		(SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = outcome_join.outcomes),
		outcome_join.joined);
END
$$;
COMMENT ON FUNCTION llm_cost.outcome_join(regclass, text, text, text) IS
	'SQL that joins outcomes of operations, kept in a relation of their own, as late.outcome; empty where there is none. Errors when a column does not exist.';
