/*
 * What doctor() looks at.
 *
 * One statement gathers every fact about the rows, in one pass over at most
 * max_rows of them, the newest where an index on time can give them.  It reads
 * with the caller's rights and writes nothing, so it runs on a hot standby.
 */

CREATE FUNCTION llm_cost.doctor_facts(usage_query text, newest_by text, max_rows bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
-- many expressions, run once: compiling them takes longer than they do
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	facts		jsonb;
BEGIN
	EXECUTE format($sql$
	WITH attempt AS MATERIALIZED (
		SELECT v.started_at, v.model, v.provider, v.service_tier, v.input_tokens, v.cache_read_tokens, v.cache_write_tokens,
			   v.output_tokens, v.recorded_cost, v.billable IS FALSE AS free, v.operation_id, v.conversation_id,
			   v.attempt, v.error_type, v.user_id, v.team, v.release, v.kind, v.cost, v.cost_problem
		FROM (%s) AS v %s
		LIMIT %s
	), overall AS (
		SELECT count(*) AS attempts, count(*) FILTER (WHERE NOT free) AS billable,
			   min(started_at) AS first, max(started_at) AS last,
			   count(*) FILTER (WHERE started_at > pg_catalog.now() + interval '5 minutes') AS future,
			   count(*) FILTER (WHERE started_at IS NULL) AS timeless,
			   count(cost) FILTER (WHERE NOT free) AS priced, sum(cost) AS spend,
			   sum(cost) FILTER (WHERE recorded_cost IS NOT NULL AND NOT free) AS both_ours,
			   sum(recorded_cost) FILTER (WHERE cost IS NOT NULL AND NOT free) AS both_recorded,
			   sum(recorded_cost) FILTER (WHERE cost IS NOT NULL AND free) AS free_recorded,
			   sum(input_tokens::numeric + output_tokens) FILTER (WHERE cost IS NOT NULL AND NOT free) AS priced_tokens,
			   count(*) FILTER (WHERE input_tokens > 0) AS with_input,
			   count(cache_read_tokens) FILTER (WHERE input_tokens > 0) AS cache_reported,
			   count(*) FILTER (WHERE cache_read_tokens > 0 OR cache_write_tokens > 0) AS cached,
			   count(*) FILTER (WHERE (cache_read_tokens > 0 OR cache_write_tokens > 0) AND input_tokens >= 0
					AND COALESCE(cache_read_tokens, 0)::numeric + COALESCE(cache_write_tokens, 0) > input_tokens) AS apart,
			   count(*) FILTER (WHERE LEAST(input_tokens, output_tokens, cache_read_tokens, cache_write_tokens) < 0) AS negative,
			   count(*) FILTER (WHERE NOT free AND input_tokens IS NULL) AS no_input,
			   count(*) FILTER (WHERE NOT free AND output_tokens IS NULL) AS no_output,
			   count(error_type) AS failed, count(*) FILTER (WHERE attempt > 1) AS retried,
			   count(operation_id) AS in_operation, count(release) AS with_release,
			   count(*) FILTER (WHERE kind = 'batch_poll') AS batch_polls, count(*) FILTER (WHERE kind = 'batch') AS batches
		FROM attempt
	), problem AS (
		SELECT pg_catalog.jsonb_object_agg(cost_problem, n ORDER BY n DESC) AS problems
		FROM (SELECT cost_problem, count(*) AS n FROM attempt WHERE cost_problem IS NOT NULL GROUP BY 1) p
	), unpriced AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(u) ORDER BY u.at_stake DESC NULLS LAST, u.model) AS models
		FROM (SELECT model, provider, service_tier, cost_problem AS problem, count(*) AS attempts,
					 sum(recorded_cost) AS recorded, sum(COALESCE(input_tokens, 0)::numeric + COALESCE(output_tokens, 0)) AS tokens,
					 COALESCE(NULLIF(sum(recorded_cost), 0), sum(COALESCE(input_tokens, 0)::numeric + COALESCE(output_tokens, 0))
						* (SELECT spend / NULLIF(priced_tokens, 0) FROM overall)) AS at_stake,
					 min(started_at) AS first
			  FROM attempt WHERE cost_problem IS NOT NULL
			  GROUP BY 1, 2, 3, 4 ORDER BY at_stake DESC NULLS LAST, tokens DESC, model LIMIT 5) u
	), gap AS (
		SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(g) ORDER BY pg_catalog.abs(g.ours - g.recorded) DESC, g.model) AS gaps
		FROM (SELECT model, provider, sum(cost) AS ours, sum(recorded_cost) AS recorded
			  FROM attempt WHERE cost IS NOT NULL AND recorded_cost IS NOT NULL AND NOT free
			  GROUP BY 1, 2 HAVING sum(cost) <> sum(recorded_cost)
			  ORDER BY pg_catalog.abs(sum(cost) - sum(recorded_cost)) DESC, model LIMIT 3) g
	), duplicate AS (
		SELECT sum(n - 1) AS extra, sum(cost * (n - 1)) AS cost
		FROM (SELECT count(*) AS n, min(cost) AS cost FROM attempt WHERE NOT free AND input_tokens > 0
			  GROUP BY started_at, model, input_tokens, output_tokens, user_id, operation_id, attempt
			  HAVING count(*) > 1) d
	), operation AS (
		SELECT count(*) AS operations, max(n) AS largest, count(*) FILTER (WHERE span > interval '1 hour') AS long
		FROM (SELECT count(*) AS n, max(started_at) - min(started_at) AS span
			  FROM attempt WHERE operation_id IS NOT NULL GROUP BY operation_id) o
	), unit AS (
		SELECT pg_catalog.jsonb_object_agg(dimension, pg_catalog.to_jsonb(d) - 'dimension') AS units
		FROM (SELECT dimension, count(id) AS ids, sum(n) FILTER (WHERE id IS NULL) AS without,
					 max(spend) FILTER (WHERE id IS NOT NULL) AS top_spend, sum(spend) AS spend,
					 (pg_catalog.array_agg(id ORDER BY spend DESC NULLS LAST) FILTER (WHERE id IS NOT NULL))[1] AS top
			  FROM (SELECT dimension, id, count(*) AS n, sum(cost) AS spend
					FROM attempt, LATERAL (VALUES ('user_id', user_id), ('team', team), ('conversation_id', conversation_id)) AS x (dimension, id)
					GROUP BY 1, 2) each
			  GROUP BY 1) d
	)
	SELECT pg_catalog.to_jsonb(overall) || pg_catalog.to_jsonb(duplicate) - 'cost'
		|| pg_catalog.jsonb_build_object('duplicate_cost', duplicate.cost)
		|| pg_catalog.to_jsonb(operation) || pg_catalog.to_jsonb(problem) || pg_catalog.to_jsonb(unpriced)
		|| pg_catalog.to_jsonb(gap) || pg_catalog.to_jsonb(unit)
	FROM overall, duplicate, operation, problem, unpriced, gap, unit$sql$,
		doctor_facts.usage_query,
		COALESCE('ORDER BY v.' || quote_ident(doctor_facts.newest_by) || ' DESC', ''),
		doctor_facts.max_rows)
	INTO facts;
	RETURN facts;
END
$$;
COMMENT ON FUNCTION llm_cost.doctor_facts(text, text, bigint) IS
	'Everything doctor() wants to know of the rows, gathered in one pass over at most max_rows of them.';

CREATE FUNCTION llm_cost.time_index(relation regclass, time_column text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT i.indexrelid::regclass::text
	FROM pg_index i
		 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		 JOIN pg_class c ON c.oid = i.indexrelid
		 JOIN pg_am m ON m.oid = c.relam
	WHERE i.indrelid = relation AND i.indisvalid AND i.indpred IS NULL
	  AND a.attname = time_column AND m.amname IN ('btree', 'brin')
	ORDER BY m.amname DESC, i.indnkeyatts, i.indexrelid LIMIT 1;
END;
COMMENT ON FUNCTION llm_cost.time_index(regclass, text) IS
	'An index of the relation that leads with the column and covers all rows, a btree before a BRIN; NULL when there is none.';

CREATE FUNCTION llm_cost.live_registration(usage regclass) RETURNS SETOF llm_cost.attached_usage
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	/*
	 * The row alone is no proof: its view may have been dropped and another,
	 * of somebody else, made.  His mapping must not be planned as SQL of ours.
	 */
	SELECT a.*
	FROM llm_cost.attached_usage a
		 JOIN pg_namespace n ON n.nspname = a.schema_name
		 JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.view_name AND c.relkind = 'v'
	WHERE c.oid = usage AND pg_get_userbyid(c.relowner) = a.attached_by
	  AND (SELECT array_agg(t.attname::text ORDER BY t.attnum) FROM pg_attribute t
		   WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped)
		= (SELECT array_agg(u.usage_column ORDER BY u."position") FROM llm_cost.usage_columns() u)
		  || '{cost,avoided_cost,cost_problem,attributes}'::text[]
		  || CASE WHEN a.base_column = 'started_at' THEN '{}' ELSE ARRAY[a.base_column] END;
END;
COMMENT ON FUNCTION llm_cost.live_registration(regclass) IS
	'The row of attached_usage for a view that still is what attach() made, and of the role that attached it; no row otherwise.';
