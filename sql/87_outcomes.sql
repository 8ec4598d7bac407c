/*
 * Outcomes: what it costs to get something done.
 *
 * The cheapest model is not the one with the lowest price.  What counts is
 *
 *		(what all operations cost + failures x what one costs) / successes
 *
 * in which a failure costs what people then do by hand: an amount that no log
 * knows, declared by whoever asks.  Operations whose outcome is not known yet,
 * or that cannot be priced, are on neither side.
 */

CREATE FUNCTION llm_cost.cost_per_outcome(
	by text[] DEFAULT '{workflow}', period tstzrange DEFAULT NULL, filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	success text[] DEFAULT '{resolved,approved,answered}', escalation text[] DEFAULT '{escalated}',
	failure_cost numeric DEFAULT 0, human_minute_cost numeric DEFAULT NULL,
	outcomes regclass DEFAULT NULL, outcome_key text DEFAULT 'operation_id', outcome_column text DEFAULT 'outcome',
	OUT scope jsonb, OUT operations bigint, OUT resolved bigint, OUT unresolved bigint, OUT escalated bigint, OUT unknown bigint, OUT unpriced_operations bigint,
	OUT success_rate float8, OUT cost numeric, OUT human_cost numeric, OUT retry_cost numeric, OUT escalated_cost numeric, OUT unresolved_cost numeric,
	OUT cost_per_operation numeric, OUT cost_per_resolved numeric, OUT unknown_cost numeric,
	OUT ungrouped_attempts bigint, OUT ungrouped_cost numeric, OUT note text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 100 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	whole		tstzrange := llm_cost.checked_period(cost_per_outcome.period, llm_cost.checked_zone(cost_per_outcome.time_zone));
	dimensions	text[] := COALESCE(cost_per_outcome.by, '{workflow}');
	attempt_sql text;
	operation_sql text;
BEGIN
	cost_per_outcome.failure_cost := COALESCE(cost_per_outcome.failure_cost, 0);
	IF NOT (cost_per_outcome.failure_cost >= 0 AND cost_per_outcome.failure_cost < 'Infinity') THEN
		RAISE EXCEPTION 'failure_cost must be an amount of money'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('failure_cost: %s.', cost_per_outcome.failure_cost);
	ELSIF NOT COALESCE(cost_per_outcome.human_minute_cost >= 0 AND cost_per_outcome.human_minute_cost < 'Infinity', true) THEN
		RAISE EXCEPTION 'human_minute_cost must be an amount of money'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('human_minute_cost: %s.', cost_per_outcome.human_minute_cost);
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(cost_per_outcome.usage);
	PERFORM llm_cost.require_columns(source.relation, '{operation_id}', 'cost_per_outcome()');
	IF cost_per_outcome.outcomes IS NULL THEN
		PERFORM llm_cost.require_columns(source.relation, '{outcome}', 'cost_per_outcome() without a relation of outcomes');
	END IF;

	-- minutes of people are a meter: in the cost of an attempt if it has one, else at the declared price
	attempt_sql := llm_cost.attempts_query(source.relation, llm_cost.with_operations(whole), dimensions, cost_per_outcome.filter, NULL);
	IF 'meters' = ANY (source.columns) THEN
		attempt_sql := format($sql$
			SELECT a.*, CASE WHEN a.cost IS NULL AND a.minutes >= 0 THEN a.other_cost + %1$L::numeric * a.minutes ELSE a.cost END AS whole_cost,
				   CASE WHEN a.minutes IS NULL OR a.billable IS FALSE THEN 0 WHEN a.cost IS NULL THEN %1$L::numeric * GREATEST(a.minutes, 0) ELSE a.cost - a.other_cost END AS human_cost
			FROM (SELECT a.*, CASE WHEN a.minutes IS NULL THEN NULL
								   WHEN COALESCE(a.input_tokens, a.output_tokens) IS NULL AND a.meters - 'human_review_minute' = '{}' THEN 0
								   ELSE %2$s END AS other_cost
				  FROM (SELECT a.*, CASE WHEN jsonb_typeof(a.meters -> 'human_review_minute') = 'number' THEN (a.meters ->> 'human_review_minute')::numeric END AS minutes
						FROM (%3$s) AS a) AS a) AS a$sql$,
			cost_per_outcome.human_minute_cost,
			llm_cost.cost_expression(source.price_book, 'a.input_tokens', 'a.cache_read_tokens', 'a.cache_write_tokens', 'a.cache_write_1h_tokens',
				'a.meters - ''human_review_minute'''),
			attempt_sql);
	ELSE
		attempt_sql := format('SELECT a.*, a.cost AS whole_cost, 0::numeric AS human_cost FROM (%s) AS a', attempt_sql);
	END IF;

	-- attempts of no operation are one row for each scope
	operation_sql := format($sql$
		SELECT a.operation_id, %1$s
			   CASE WHEN a.operation_id IS NULL THEN sum(a.whole_cost) WHEN bool_and(a.whole_cost IS NOT NULL OR NOT a.is_call) THEN COALESCE(sum(a.whole_cost), 0) END AS cost,
			   COALESCE(sum(a.human_cost), 0) AS human_cost, COALESCE(sum(a.whole_cost) FILTER (WHERE a.is_retry), 0) AS retry_cost,
			   bool_or(a.failure_unlogged) AS failure_unlogged, count(*) FILTER (WHERE a.is_call) AS attempts,
			   (array_agg(a.outcome ORDER BY a.started_at DESC) FILTER (WHERE a.operation_id IS NOT NULL AND a.outcome IS NOT NULL))[1] AS outcome
		FROM (%2$s) AS a
		WHERE a.operation_id IS NOT NULL OR a.is_call AND %3$s
		GROUP BY a.operation_id%4$s
		HAVING %5$s$sql$,
		(SELECT string_agg(format('min(a.operation_dimension_%1$s) AS dimension_%1$s, ', i), '' ORDER BY i)
		 FROM generate_series(1, cardinality(dimensions)) AS i),
		attempt_sql, llm_cost.within(whole, 'a.started_at'),
		(SELECT string_agg(format(', CASE WHEN a.operation_id IS NULL THEN a.dimension_%s END', i), '' ORDER BY i) FROM generate_series(1, cardinality(dimensions)) AS i),
		llm_cost.within(whole, 'min(a.operation_began_at)'));

	RETURN QUERY EXECUTE format($sql$
	WITH operation AS (%1$s
	), judged AS (
		SELECT o.*, CASE WHEN o.operation_id IS NULL THEN 'ungrouped' WHEN o.cost IS NULL THEN 'unpriced' WHEN o.contradicts OR o.outcome IS NULL THEN 'unknown'
						 WHEN o.outcome = ANY (%2$L::text[]) THEN 'resolved' WHEN o.outcome = ANY (%3$L::text[]) THEN 'escalated' ELSE 'unresolved' END AS state
		FROM (SELECT %4$s, o.operation_id, o.cost, o.human_cost, o.retry_cost, o.failure_unlogged, o.attempts, %5$s
			  FROM operation o%6$s) AS o
	), summed AS (
		SELECT %7$s AS scope, count(a.operation_id) AS operations,
			   count(*) FILTER (WHERE a.state = 'resolved') AS resolved, count(*) FILTER (WHERE a.state IN ('unresolved', 'escalated')) AS unresolved,
			   count(*) FILTER (WHERE a.state = 'escalated') AS escalated, count(*) FILTER (WHERE a.state = 'unknown') AS unknown,
			   count(*) FILTER (WHERE a.state = 'unpriced') AS unpriced,
			   sum(a.cost) FILTER (WHERE a.state IN ('resolved', 'unresolved', 'escalated')) AS cost,
			   sum(a.human_cost) FILTER (WHERE a.state IN ('resolved', 'unresolved', 'escalated')) AS human_cost,
			   sum(a.retry_cost) FILTER (WHERE a.state IN ('resolved', 'unresolved', 'escalated')) AS retry_cost,
			   count(*) FILTER (WHERE a.state IN ('resolved', 'unresolved', 'escalated') AND a.failure_unlogged) AS unlogged,
			   COALESCE(sum(a.cost) FILTER (WHERE a.state = 'escalated'), 0) AS escalated_cost,
			   COALESCE(sum(a.cost) FILTER (WHERE a.state = 'unknown'), 0) AS unknown_cost,
			   count(*) FILTER (WHERE a.contradicts) AS contradictions,
			   COALESCE(sum(a.attempts) FILTER (WHERE a.state = 'ungrouped'), 0)::bigint AS ungrouped,
			   CASE WHEN bool_or(a.state = 'ungrouped') THEN sum(a.cost) FILTER (WHERE a.state = 'ungrouped') ELSE 0 END AS ungrouped_cost
		FROM judged a
		GROUP BY %8$s
	)
	SELECT s.scope, s.operations, s.resolved, s.unresolved, s.escalated, s.unknown, s.unpriced, s.resolved::float8 / NULLIF(s.resolved + s.unresolved, 0),
		   s.cost, s.human_cost, CASE WHEN s.unlogged = 0 THEN s.retry_cost END, CASE WHEN s.cost IS NOT NULL THEN s.escalated_cost END,
		   CASE WHEN s.cost IS NOT NULL THEN %9$L::numeric * s.unresolved END,
		   s.cost / NULLIF(s.resolved + s.unresolved, 0), (s.cost + %9$L::numeric * s.unresolved) / NULLIF(s.resolved, 0),
		   s.unknown_cost, s.ungrouped, s.ungrouped_cost,
		   NULLIF(concat_ws('; ',
				CASE WHEN s.unlogged > 0 THEN 'retry cost not measurable, operations with failed attempts that are not logged: ' || s.unlogged END,
				CASE WHEN s.contradictions > 0 THEN 'operations with more than one outcome: ' || s.contradictions END), '')
	FROM summed s
	ORDER BY s.cost DESC NULLS LAST, s.scope$sql$,
		operation_sql, COALESCE(cost_per_outcome.success, '{resolved,approved,answered}'), COALESCE(cost_per_outcome.escalation, '{escalated}'),
		COALESCE((SELECT string_agg('o.dimension_' || i, ', ' ORDER BY i) FROM generate_series(1, cardinality(dimensions)) AS i), 'NULL AS no_dimension'),
		CASE WHEN cost_per_outcome.outcomes IS NULL THEN 'o.outcome, false AS contradicts'
			 ELSE 'COALESCE(late.outcome, o.outcome) AS outcome, COALESCE(late.outcomes > 1, false) AS contradicts' END,
		llm_cost.outcome_join(cost_per_outcome.outcomes, COALESCE(cost_per_outcome.outcome_key, 'operation_id'), COALESCE(cost_per_outcome.outcome_column, 'outcome'), 'o.operation_id'),
		llm_cost.scope_expression(dimensions, 'a'),
		COALESCE((SELECT string_agg('a.dimension_' || i, ', ' ORDER BY i) FROM generate_series(1, cardinality(dimensions)) AS i), '() HAVING count(*) > 0'),
		cost_per_outcome.failure_cost);
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, cost_per_outcome.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.cost_per_outcome(text[], tstzrange, jsonb, regclass, text, text[], text[], numeric, numeric, regclass, text, text) IS
	'What an operation costs that ends well, by columns (as the operation''s first attempt has them), dearest first. operations = resolved (outcome in "success") + unresolved (any other, escalated among them) + unknown (no outcome, or several) + unpriced_operations (an attempt without cost). Rates and costs are of those resolved and unresolved: cost, and in it human_cost (meter human_review_minute), retry_cost (NULL where failed attempts are not logged) and escalated_cost; in addition unresolved_cost = failure_cost x unresolved. cost_per_resolved = (cost + unresolved_cost) / resolved, NULL where nothing was resolved. Declared, not measured: failure_cost, what people then do for each unresolved operation; human_minute_cost, a minute of people in attempts that have no cost otherwise. The outcome is the last the usage reports, or that of the relation "outcomes". A rate is of the operations there were: it describes and tests nothing. Needs operation_id, and outcome where "outcomes" is not given.';

CREATE FUNCTION llm_cost.compare_outcomes(
	versus text DEFAULT 'model', by text[] DEFAULT '{}', period tstzrange DEFAULT NULL, filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	success text[] DEFAULT '{resolved,approved,answered}', escalation text[] DEFAULT '{escalated}',
	failure_cost numeric DEFAULT 0, human_minute_cost numeric DEFAULT NULL,
	outcomes regclass DEFAULT NULL, outcome_key text DEFAULT 'operation_id', outcome_column text DEFAULT 'outcome',
	OUT scope jsonb, OUT cheap text, OUT dear text, OUT cheap_operations bigint, OUT dear_operations bigint, OUT cheap_success_rate float8, OUT dear_success_rate float8,
	OUT cheap_cost_per_operation numeric, OUT dear_cost_per_operation numeric, OUT cheap_cost_per_resolved numeric, OUT dear_cost_per_resolved numeric,
	OUT break_even_failure_cost numeric, OUT better text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 100 COST 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	compare_outcomes.versus := COALESCE(compare_outcomes.versus, 'model');
	IF compare_outcomes.versus = ANY (compare_outcomes.by) THEN
		RAISE EXCEPTION 'column "%" cannot be both compared and held fixed', compare_outcomes.versus
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out of "by".';
	END IF;
	RETURN QUERY
	WITH side AS MATERIALIZED (
		SELECT c.scope - compare_outcomes.versus AS common, c.scope ->> compare_outcomes.versus AS name, c.cost, c.resolved, c.unresolved, c.resolved + c.unresolved AS operations,
			   c.success_rate, c.cost_per_operation, c.cost_per_resolved
		FROM llm_cost.cost_per_outcome(COALESCE(compare_outcomes.by, '{}') || compare_outcomes.versus, compare_outcomes.period, compare_outcomes.filter,
				compare_outcomes.usage, compare_outcomes.time_zone, compare_outcomes.success, compare_outcomes.escalation, compare_outcomes.failure_cost,
				compare_outcomes.human_minute_cost, compare_outcomes.outcomes, compare_outcomes.outcome_key, compare_outcomes.outcome_column) c
		WHERE c.resolved + c.unresolved > 0
	)
	SELECT c.common, c.name, d.name, c.operations, d.operations, c.success_rate, d.success_rate, c.cost_per_operation, d.cost_per_operation,
		   c.cost_per_resolved, d.cost_per_resolved,
		   -- where (cost + f x unresolved) / resolved is the same for both; none where the dear one fails as often
		   CASE WHEN c.unresolved * d.resolved > d.unresolved * c.resolved
				THEN GREATEST(0, (d.cost * c.resolved - c.cost * d.resolved) / (c.unresolved * d.resolved - d.unresolved * c.resolved)) END,
		   CASE WHEN c.cost_per_resolved <= d.cost_per_resolved OR d.cost_per_resolved IS NULL AND c.cost_per_resolved IS NOT NULL THEN c.name
				WHEN d.cost_per_resolved IS NOT NULL THEN d.name END
	FROM side c
		 JOIN side d ON d.common = c.common AND (c.cost_per_operation, c.name) < (d.cost_per_operation, d.name)
	ORDER BY c.cost + d.cost DESC, 1, 2, 3;
END
$$;
COMMENT ON FUNCTION llm_cost.compare_outcomes(text, text[], tstzrange, jsonb, regclass, text, text[], text[], numeric, numeric, regclass, text, text) IS
	'Each two values of a column (models, prompt versions, ...) side by side, within the columns "by": the one that is cheap for each operation and the one that is dear, with success rates and cost_per_resolved as cost_per_outcome() gives them. break_even_failure_cost: what an unresolved operation must cost at least for the dear one to be the cheaper for each resolved one; 0 where it is already, NULL where it fails as often or more. better: the one with the lower cost_per_resolved at the given failure_cost. It assumes that both got the same kind of work and that a failure costs the same in both; it tests nothing.';
