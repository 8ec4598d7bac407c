/*
 * How the columns of a relation become the canonical ones.
 *
 * A mapping entry is a column's name or an SQL expression; usage_cast() allows
 * only casts that cannot fail for any row, because one bad row must not kill a
 * query.  A profile is the mapping for a known kind of table: {"columns": a
 * mapping, "from": what its expressions need beside the relation itself}.
 */

CREATE FUNCTION llm_cost.near_names(wanted text, names text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- share of common letter pairs: good enough for a hint, and needs no extension
	WITH pair AS MATERIALIZED (
		SELECT DISTINCT substr(lower(wanted), i, 2) AS letters FROM generate_series(1, length(wanted) - 1) AS i
	), liked AS (
		SELECT candidate, 2.0 * count(*) / (length(wanted) + length(candidate)) AS likeness
		FROM unnest(names) AS candidate JOIN pair ON position(letters IN lower(candidate)) > 0
		GROUP BY candidate
	), best AS (
		SELECT candidate, likeness FROM liked WHERE likeness >= 0.4 ORDER BY likeness DESC, candidate LIMIT 3
	)
	SELECT string_agg(format('"%s"', candidate), ', ' ORDER BY likeness DESC, candidate) FROM best;
END;
COMMENT ON FUNCTION llm_cost.near_names(text, text[]) IS
	'Up to three of the names that look like the one wanted, quoted and separated by commas, for hints; NULL when none does.';

CREATE FUNCTION llm_cost.usage_cast(
	expression text, source_type regtype, target_type text, time_zone text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	base_type	oid := usage_cast.source_type::oid;
	category	"char";
BEGIN
	WHILE EXISTS (SELECT FROM pg_type t WHERE t.oid = base_type AND t.typtype = 'd') LOOP
		SELECT t.typbasetype INTO base_type FROM pg_type t WHERE t.oid = base_type;
	END LOOP;
	SELECT t.typcategory INTO category FROM pg_type t WHERE t.oid = base_type;

	RETURN CASE
		WHEN usage_cast.source_type = usage_cast.target_type::regtype
			THEN CASE WHEN usage_cast.target_type = 'numeric'
				 THEN format('llm_cost.finite(%s)', usage_cast.expression)
				 ELSE usage_cast.expression END
		WHEN base_type = 'unknown'::regtype
			 OR base_type = usage_cast.target_type::regtype AND usage_cast.target_type <> 'numeric'
			THEN format('(%s)::%s', usage_cast.expression, usage_cast.target_type)
		WHEN usage_cast.target_type = 'timestamp with time zone' AND base_type = 'timestamp'::regtype
			THEN llm_cost.zoned_expression(format('(%s)', usage_cast.expression), usage_cast.time_zone)
		WHEN usage_cast.target_type = 'text'
			 AND (category IN ('S', 'N', 'B', 'E') OR base_type = 'uuid'::regtype)
			THEN format('(%s)::text', usage_cast.expression)
		WHEN usage_cast.target_type = 'bigint' AND base_type IN ('smallint'::regtype, 'integer'::regtype)
			THEN format('(%s)::bigint', usage_cast.expression)
		WHEN usage_cast.target_type = 'numeric'
			 AND base_type IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
			THEN format('(%s)::numeric', usage_cast.expression)
		WHEN usage_cast.target_type = 'numeric' AND base_type = 'numeric'::regtype
			THEN format('llm_cost.finite((%s)::numeric)', usage_cast.expression)
		WHEN usage_cast.target_type = 'numeric' AND base_type = 'double precision'::regtype
			THEN format('llm_cost.finite((%s)::double precision)', usage_cast.expression)
		WHEN usage_cast.target_type = 'numeric' AND base_type = 'real'::regtype
			-- shortest text of the float4; widening it first would show binary noise
			THEN format('llm_cost.finite((%s)::text::double precision)', usage_cast.expression)
		WHEN usage_cast.target_type = 'double precision'
			 AND base_type IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'real'::regtype)
			THEN format('(%s)::double precision', usage_cast.expression)
		WHEN usage_cast.target_type = 'double precision' AND base_type = 'numeric'::regtype
			THEN format('llm_cost.finite_double((%s)::numeric)', usage_cast.expression)
		WHEN usage_cast.target_type = 'double precision' AND base_type = 'interval'::regtype
			THEN format('(EXTRACT(epoch FROM %s) * 1000)::double precision', usage_cast.expression)
		-- not json: jsonb refuses \u0000 and numbers beyond numeric, which json keeps
		WHEN usage_cast.target_type = 'jsonb' AND category = 'A'
			 AND EXISTS (SELECT FROM pg_type t JOIN pg_type e ON e.oid = t.typelem
						 WHERE t.oid = base_type AND (e.typcategory IN ('S', 'N', 'B', 'E', 'D')
							OR e.oid IN ('uuid'::regtype, 'jsonb'::regtype)))
			THEN format('pg_catalog.to_jsonb(%s)', usage_cast.expression)
	END;
END
$$;
COMMENT ON FUNCTION llm_cost.usage_cast(text, regtype, text, text) IS
	'SQL that turns an expression of a type into a canonical column''s type; NULL when no cast is safe for every row.';

CREATE FUNCTION llm_cost.mapped_expression(
	relation regclass, canonical text, target_type text, source jsonb, time_zone text,
	OUT expression text, OUT described text, OUT plain_column text, OUT plain_type regtype)
RETURNS record
LANGUAGE plpgsql STABLE	-- catches errors, which a parallel worker may not
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	from_item	text;
	column_names text[];
	message		text;
	state		text;
BEGIN
	SELECT format('%I.%I', n.nspname, c.relname) INTO from_item
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = mapped_expression.relation;

	IF jsonb_typeof(mapped_expression.source) = 'string' THEN
		mapped_expression.source := jsonb_build_object('column', mapped_expression.source);
	END IF;

	IF mapped_expression.source ? 'column' THEN
		SELECT a.attname::text, a.atttypid::regtype INTO plain_column, plain_type
		FROM pg_attribute a
		WHERE a.attrelid = mapped_expression.relation AND a.attnum > 0 AND NOT a.attisdropped
		  AND a.attname = mapped_expression.source ->> 'column';
		IF NOT FOUND THEN
			SELECT array_agg(a.attname::text) INTO column_names
			FROM pg_attribute a
			WHERE a.attrelid = mapped_expression.relation AND a.attnum > 0 AND NOT a.attisdropped;
			RAISE EXCEPTION 'column "%" of relation % does not exist',
					mapped_expression.source ->> 'column', mapped_expression.relation
				USING ERRCODE = 'undefined_column',
					DETAIL = format('It is mapped to the canonical column %s.', mapped_expression.canonical),
					HINT = COALESCE('Columns with a similar name: '
							|| llm_cost.near_names(mapped_expression.source ->> 'column', column_names) || '. ', '')
						|| 'An SQL expression is written {"sql": "…"}.';
		END IF;
		expression := format('source.%I', plain_column);
		described := format('column %I', plain_column);
	ELSE
		expression := format(E'(%s\n)', mapped_expression.source ->> 'sql');
		described := COALESCE(mapped_expression.source ->> 'described',
			format('expression %s', mapped_expression.source ->> 'sql'));
		-- Only the type is wanted: the false condition keeps the expression from
		-- running, a cursor refuses a second statement, and WHERE refuses
		-- aggregates and set-returning functions.
		BEGIN
			FOR plain_type IN EXECUTE format(
				'SELECT pg_catalog.pg_typeof((SELECT %1$s FROM %2$s AS source%3$s WHERE false AND %1$s IS NULL))',
				expression, from_item, mapped_expression.source ->> 'from')
			LOOP
				NULL;
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
			RAISE EXCEPTION 'cannot use the SQL expression mapped to %: %', mapped_expression.canonical, message
				USING ERRCODE = state,
					DETAIL = format('Canonical column %s, expression: %s',
						mapped_expression.canonical, mapped_expression.source ->> 'sql'),
					HINT = 'The expression sees the columns of the relation (also as source.column); other names outside pg_catalog must be schema-qualified.';
		END;
	END IF;

	message := llm_cost.usage_cast(expression, plain_type,
		mapped_expression.target_type, mapped_expression.time_zone);
	IF message IS NULL THEN
		RAISE EXCEPTION 'cannot use % of type % as %', described, plain_type, mapped_expression.canonical
			USING ERRCODE = 'datatype_mismatch',
				DETAIL = format('%s is %s, and no cast from %s is safe for every row.',
					mapped_expression.canonical, mapped_expression.target_type, plain_type),
				HINT = CASE
					WHEN plain_column IS NULL THEN
						'Write the cast in the expression so that it cannot fail for any row.'
					ELSE format('Map an expression, for example %s%s.',
						jsonb_build_object(mapped_expression.canonical, jsonb_build_object('sql',
							CASE mapped_expression.target_type
								WHEN 'timestamp with time zone' THEN format('pg_catalog.to_timestamp(%I / 1000.0)', plain_column)
								WHEN 'bigint' THEN format('llm_cost.token_count(%I::text)', plain_column)
								WHEN 'boolean' THEN format('%I::text IN (''t'', ''true'', ''1'')', plain_column)
								WHEN 'jsonb' THEN format(CASE WHEN plain_type = 'json'::regtype
									-- jsonb_build_object() of a json would parse it as well
									THEN 'CASE WHEN %2$I::text !~ ''\\u(0000|[dD][89a-fA-F])|[eE][+-]?[0-9]{5}|[0-9]{1000}'' THEN %2$I::jsonb END'
									ELSE 'pg_catalog.jsonb_build_object(''%s'', %I)' END, mapped_expression.canonical, plain_column)
								ELSE format('%I::%s', plain_column, mapped_expression.target_type)
							END)),
						CASE WHEN mapped_expression.canonical IN ('started_at', 'model') THEN ''
							 ELSE ', or null to leave the column out' END)
				END;
	END IF;
	expression := message;
END
$$;
COMMENT ON FUNCTION llm_cost.mapped_expression(regclass, text, text, jsonb, text) IS
	'The SQL expression, with the canonical type, for one entry of a mapping; errors name the canonical column.';

CREATE FUNCTION llm_cost.column_names(relation regclass) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT array_agg(a.attname::text ORDER BY a.attnum)
	FROM pg_attribute a
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
END;
COMMENT ON FUNCTION llm_cost.column_names(regclass) IS 'Names of a relation''s columns, in order.';

CREATE FUNCTION llm_cost.recognised_profile(relation regclass) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
	WHEN llm_cost.column_names(relation) @> '{request_id,call_type,api_key,spend,prompt_tokens,completion_tokens,startTime,model}'
	THEN 'litellm' ELSE 'generic' END;
COMMENT ON FUNCTION llm_cost.recognised_profile(regclass) IS
	'litellm when the relation has the columns that every version of LiteLLM_SpendLogs has, else generic.';

CREATE FUNCTION llm_cost.synonym(canonical text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE canonical
	WHEN 'started_at' THEN '{start_time,created_at,timestamp,time,ts,requested_at,occurred_at,logged_at,startTime,createdAt,date}'
	WHEN 'model' THEN '{response_model,model_name,served_model,request_model,model_id,provided_model_name}'
	WHEN 'provider' THEN '{provider_name,system,gen_ai_system,custom_llm_provider,vendor}'
	WHEN 'input_tokens' THEN '{prompt_tokens,tokens_in,input_token_count,prompt_token_count,promptTokens}'
	WHEN 'output_tokens' THEN '{completion_tokens,tokens_out,output_token_count,completion_token_count,completionTokens}'
	WHEN 'cache_read_tokens' THEN '{cache_read_input_tokens,cached_tokens,input_cached_tokens,cached_input_tokens}'
	WHEN 'cache_write_tokens' THEN '{cache_creation_input_tokens,cache_write_input_tokens,cache_creation_tokens}'
	WHEN 'reasoning_tokens' THEN '{reasoning_output_tokens,thinking_tokens,thoughts_token_count}'
	WHEN 'recorded_cost' THEN '{cost,cost_usd,spend,total_cost,price,calculated_total_cost}'
	WHEN 'operation_id' THEN '{request_group_id,trace_id,request_id,traceId}'
	WHEN 'attempt_id' THEN '{span_id,call_id,event_id,request_id,id}'
	WHEN 'conversation_id' THEN '{session_id,thread_id,chat_id,sessionId}'
	WHEN 'user_id' THEN '{user,end_user,customer_id,account_id,userId,client_id}'
	WHEN 'team' THEN '{team_id,tenant_id,organization_id,org_id,project_id,workspace_id}'
	WHEN 'duration_ms' THEN '{latency_ms,request_duration_ms,latency,elapsed_ms}'
	WHEN 'release' THEN '{service_version,version,app_version,git_sha,deployment}'
	WHEN 'error_type' THEN '{error,error_code,error_class,status}'
	WHEN 'service_tier' THEN '{tier}'
	WHEN 'kind' THEN '{operation_name,call_type,type}'
	WHEN 'feature' THEN '{prompt_name,use_case,route,endpoint}'
	WHEN 'workflow' THEN '{workflow_name}'
	WHEN 'agent' THEN '{agent_name,agent_id}'
	ELSE '{}' END::text[];
COMMENT ON FUNCTION llm_cost.synonym(text) IS
	'Names that a canonical column often has in other tables, likeliest first. Suggested by doctor(), never assumed by attach().';

CREATE FUNCTION llm_cost.mapping_suggestion(relation regclass, canonical text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('Column "%s" may be it.', s.name)
	FROM unnest(llm_cost.synonym(canonical)) WITH ORDINALITY AS s (name, rank)
	WHERE s.name = ANY (llm_cost.column_names(relation))
	ORDER BY s.rank LIMIT 1;
END;
COMMENT ON FUNCTION llm_cost.mapping_suggestion(regclass, text) IS
	'A sentence naming a column that may be the canonical one under another name; NULL when there is none.';

CREATE FUNCTION llm_cost.generic_profile(relation regclass, input_excludes_cache boolean) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- strictly the same name: a wrong guess would be a wrong bill
	SELECT jsonb_build_object('columns',
		COALESCE(jsonb_object_agg(u.usage_column, u.usage_column), '{}'))
	FROM llm_cost.usage_columns() u
	WHERE u.usage_column = ANY (llm_cost.column_names(relation));
END;
COMMENT ON FUNCTION llm_cost.generic_profile(regclass, boolean) IS
	'Profile generic: every column that has a canonical name, nothing else.';

/*
 * LiteLLM.  "LiteLLM_SpendLogs" grew over its versions, so each column is looked
 * up and replaced by a typed NULL where it is missing.  What the tokens really
 * were is in the JSON of metadata: usage_object (since 2025), and before that
 * additional_usage_values, as the vendor sent it.
 */
CREATE FUNCTION llm_cost.litellm_name_join(
	relation regclass, table_name text, key_name text, label_name text, log_column text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	/*
	 * Joined only where the key is unique, so that no row can multiply, and
	 * where whoever may read the log may read the two columns: the view reads
	 * with the rights of its user, and a join he may not make would take the
	 * whole view away from him.
	 */
	SELECT format(E'\n\tLEFT JOIN (SELECT %1$I AS llm_cost_%1$s, %2$I AS llm_cost_%2$s FROM %3$I.%4$I) AS llm_cost_%2$s_of\n\t\tON llm_cost_%2$s_of.llm_cost_%1$s = source.%5$I',
		key_name, label_name, n.nspname, named.relname, log_column)
	FROM pg_class log
		 JOIN pg_namespace n ON n.oid = log.relnamespace
		 JOIN pg_class named ON named.relnamespace = log.relnamespace
			AND named.relname = table_name AND named.relkind IN ('r', 'p')
	WHERE log.oid = relation
	  AND (SELECT count(*) = 2 FROM pg_attribute a
		   WHERE a.attrelid = named.oid AND NOT a.attisdropped
			 AND a.attname IN (key_name, label_name) AND a.atttypid = 'text'::regtype)
	  AND EXISTS (SELECT FROM pg_index i
				  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
				  WHERE i.indrelid = named.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
					AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = key_name)
	  AND NOT EXISTS (
		  SELECT FROM (
			  SELECT acl.grantee, acl.privilege_type
			  FROM aclexplode(COALESCE(log.relacl, acldefault('r', log.relowner))) AS acl
			  UNION
			  SELECT acl.grantee, acl.privilege_type
			  FROM pg_attribute a, aclexplode(a.attacl) AS acl
			  WHERE a.attrelid = relation) granted
		  WHERE granted.privilege_type = 'SELECT'
			AND NOT CASE granted.grantee
				WHEN 0 THEN has_column_privilege('public', named.oid, key_name, 'SELECT')
							AND has_column_privilege('public', named.oid, label_name, 'SELECT')
				ELSE has_column_privilege(granted.grantee, named.oid, key_name, 'SELECT')
					 AND has_column_privilege(granted.grantee, named.oid, label_name, 'SELECT') END);
END;
COMMENT ON FUNCTION llm_cost.litellm_name_join(regclass, text, text, text, text) IS
	'LEFT JOIN that turns a key in a LiteLLM log into its readable name; NULL where the table, its unique key, or the readers'' rights on it are missing.';

CREATE FUNCTION llm_cost.litellm_repeated(
	log regclass, is_batch boolean, api_key text, prompt_tokens bigint, completion_tokens bigint,
	started timestamp, request_id text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
	repeated	boolean;
BEGIN
	-- a function, because few rows ask, and the planner would charge all of them for the subquery
	EXECUTE format($sql$
		SELECT EXISTS (
			SELECT FROM %s AS earlier
			WHERE earlier.call_type IN (%s)
			  AND earlier.prompt_tokens = $1 AND earlier.completion_tokens = $2 AND earlier.api_key = $3
			  AND earlier."startTime" >= $4 - interval '30 days' AND earlier."startTime" <= $4
			  AND (earlier."startTime", earlier.request_id) < ($4, $5))$sql$,
		litellm_repeated.log,
		CASE WHEN litellm_repeated.is_batch THEN $$'aretrieve_batch', 'retrieve_batch'$$
			 ELSE $$'aresponses', 'responses', 'aget_responses', 'get_responses'$$ END)
	INTO repeated
	USING litellm_repeated.prompt_tokens, litellm_repeated.completion_tokens, litellm_repeated.api_key,
		litellm_repeated.started, litellm_repeated.request_id;
	RETURN repeated;
END
$body$;
COMMENT ON FUNCTION llm_cost.litellm_repeated(regclass, boolean, text, bigint, bigint, timestamp, text) IS
	'Whether a LiteLLM log has an earlier row, of the last 30 days, for the same batch or stored response: same key and token counts. The log does not name the batch, so this is as sure as those counts are unlikely to recur.';

CREATE FUNCTION llm_cost.litellm_profile(relation regclass, input_excludes_cache boolean) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	log_name	text;
	present		jsonb;
	from_clause	text;
	team_join	text;
	key_join	text;
BEGIN
	SELECT format('%I.%I', n.nspname, c.relname) INTO log_name
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = litellm_profile.relation;

	-- name → the column, or a NULL of its type where this version lacks it
	SELECT jsonb_object_agg(k.name, CASE WHEN a.attname IS NULL
			THEN format('NULL::%s', k.type) ELSE format('source.%I', k.name) END) INTO present
	FROM (VALUES ('request_id', 'text'), ('call_type', 'text'), ('api_key', 'text'), ('spend', 'float8'),
			('prompt_tokens', 'int'), ('completion_tokens', 'int'), ('startTime', 'timestamp'),
			('endTime', 'timestamp'), ('request_duration_ms', 'int'), ('model', 'text'), ('model_group', 'text'),
			('custom_llm_provider', 'text'), ('user', 'text'), ('end_user', 'text'), ('metadata', 'jsonb'),
			('cache_hit', 'text'), ('request_tags', 'jsonb'), ('team_id', 'text'), ('session_id', 'text'),
			('status', 'text'), ('agent_id', 'text')) AS k (name, type)
		 LEFT JOIN pg_attribute a ON a.attrelid = litellm_profile.relation
			AND a.attname = k.name AND NOT a.attisdropped
			AND (k.type <> 'jsonb' OR a.atttypid = 'jsonb'::regtype);
	IF (SELECT count(*) < 4 FROM pg_attribute a WHERE a.attrelid = litellm_profile.relation
		AND a.attname IN ('startTime', 'model', 'prompt_tokens', 'completion_tokens') AND NOT a.attisdropped) THEN
		RAISE EXCEPTION '% does not look like "LiteLLM_SpendLogs"', litellm_profile.relation
			USING ERRCODE = 'undefined_column',
				DETAIL = 'Profile litellm needs the columns "startTime", model, prompt_tokens and completion_tokens.',
				HINT = 'Use profile generic with a mapping.';
	END IF;

	IF present ->> 'team_id' LIKE 'source.%' THEN
		team_join := llm_cost.litellm_name_join(litellm_profile.relation,
			'LiteLLM_TeamTable', 'team_id', 'team_alias', 'team_id');
	END IF;
	IF present ->> 'api_key' LIKE 'source.%' THEN
		key_join := llm_cost.litellm_name_join(litellm_profile.relation,
			'LiteLLM_VerificationToken', 'token', 'key_alias', 'api_key');
	END IF;

	/*
	 * Steps inside one lateral subquery, each behind OFFSET 0: metadata is
	 * detoasted a few times a row, not forty, and what a query does not ask for
	 * is not computed.  The relation itself stays outside, so that conditions
	 * on it still find its indexes.  Names that a column could have are avoided
	 * by a prefix.
	 */
	from_clause := format($from$%2$s%3$s
	CROSS JOIN LATERAL (SELECT llm_cost_row.*,
		NOT llm_cost_repeated AND llm_cost_reported AS llm_cost_counted,
		CASE
			WHEN llm_cost_hit OR llm_cost_repeated THEN false
			-- refused: the vendor charges nothing, whatever the log estimates; timeouts (408) and aborts (499) may be charged
			WHEN llm_cost_failed AND llm_cost_error_code ~ '^4\d\d$' AND llm_cost_error_code NOT IN ('408', '499')
				 AND COALESCE(%13$s, 0) = 0 THEN false
			WHEN llm_cost_failed AND NOT llm_cost_reported
				 AND COALESCE(llm_cost_error_code, '') NOT IN ('408', '499') THEN false
			-- management calls: looking at a batch, a file or a response consumes nothing
			WHEN NOT llm_cost_reported
				 AND %6$s ~ '^a?(create_(batch|file|fine_tuning_job)|(retrieve|list|cancel|delete|get)_\w+|file_\w+)$' THEN false
			ELSE true
		END AS llm_cost_billable
		FROM (SELECT llm_cost_tokens.*,
			COALESCE(llm_cost_prompt, 0) <> 0 OR COALESCE(llm_cost_completion, 0) <> 0
				OR COALESCE(llm_cost_pages, llm_cost_searches) IS NOT NULL AS llm_cost_reported,
			CASE WHEN (llm_cost_batch OR %6$s ~ '^a?get_responses$') AND (llm_cost_prompt <> 0 OR llm_cost_completion <> 0)
					  -- newer versions write one row a batch, named after it
					  AND %12$s NOT LIKE '%%\_batch\_cost'
				 THEN llm_cost.litellm_repeated(%1$L::regclass, llm_cost_batch, %10$s, llm_cost_prompt, llm_cost_completion, %11$s, %12$s)
			END IS TRUE AS llm_cost_repeated
			FROM (SELECT
				(%8$s)::bigint AS llm_cost_prompt,
				(%9$s)::bigint AS llm_cost_completion,
				GREATEST(llm_cost.token_count(p ->> 'cached_tokens'), llm_cost.token_count(u ->> 'cache_read_input_tokens'),
					llm_cost.token_count(xp ->> 'cached_tokens'), llm_cost.token_count(x ->> 'cache_read_input_tokens')) AS llm_cost_read,
				GREATEST(llm_cost.token_count(p ->> 'cache_creation_tokens'), llm_cost.token_count(p ->> 'cache_write_tokens'),
					llm_cost.token_count(u ->> 'cache_creation_input_tokens'), llm_cost.token_count(xp ->> 'cache_creation_tokens'),
					llm_cost.token_count(x ->> 'cache_creation_input_tokens')) AS llm_cost_write,
				GREATEST(llm_cost.token_count(p -> 'cache_creation_token_details' ->> 'ephemeral_1h_input_tokens'),
					llm_cost.token_count(u -> 'cache_creation' ->> 'ephemeral_1h_input_tokens'),
					llm_cost.token_count(xp -> 'cache_creation_token_details' ->> 'ephemeral_1h_input_tokens'),
					llm_cost.token_count(x -> 'cache_creation' ->> 'ephemeral_1h_input_tokens')) AS llm_cost_write_1h,
				p ? 'cached_tokens' AND p ->> 'cache_creation_tokens' IS NULL AND p ->> 'cache_write_tokens' IS NULL
					AND llm_cost.token_count(u ->> 'cache_creation_input_tokens') > 0 AS llm_cost_write_unnamed,
				GREATEST(llm_cost.token_count(c ->> 'reasoning_tokens'), llm_cost.token_count(xc ->> 'reasoning_tokens')) AS llm_cost_reasoning,
				NULLIF(llm_cost.token_count(COALESCE(p ->> 'audio_tokens', xp ->> 'audio_tokens')), 0) AS llm_cost_audio_in,
				NULLIF(llm_cost.token_count(COALESCE(c ->> 'audio_tokens', xc ->> 'audio_tokens')), 0) AS llm_cost_audio_out,
				NULLIF(llm_cost.token_count(COALESCE(p ->> 'image_tokens', xp ->> 'image_tokens')), 0) AS llm_cost_image_in,
				NULLIF(llm_cost.token_count(COALESCE(c ->> 'image_tokens', xc ->> 'image_tokens')), 0) AS llm_cost_image_out,
				NULLIF(GREATEST(llm_cost.token_count(u -> 'server_tool_use' ->> 'web_search_requests'),
					llm_cost.token_count(p ->> 'web_search_requests'),
					llm_cost.token_count(x -> 'server_tool_use' ->> 'web_search_requests')), 0) AS llm_cost_searches,
				NULLIF(llm_cost.token_count(COALESCE(u ->> 'pages_processed', x ->> 'pages_processed')), 0) AS llm_cost_pages,
				pg_catalog.lower(COALESCE(u ->> 'service_tier', x ->> 'service_tier')) AS llm_cost_tier,
				llm_cost_label,
				e ->> 'error_code' AS llm_cost_error_code,
				e ->> 'error_class' AS llm_cost_error_class,
				COALESCE(NULLIF(%5$s, ''), %4$s ->> 'status') = 'failure' AS llm_cost_failed,
				%6$s ~ '^a?retrieve_batch$' AS llm_cost_batch,
				pg_catalog.lower(%7$s) = 'true' AS llm_cost_hit
				FROM (SELECT u, x, llm_cost_label, e,
					COALESCE(u -> 'prompt_tokens_details', u -> 'input_tokens_details') AS p,
					COALESCE(u -> 'completion_tokens_details', u -> 'output_tokens_details') AS c,
					x -> 'prompt_tokens_details' AS xp,
					x -> 'completion_tokens_details' AS xc
					FROM (SELECT
						%4$s -> 'usage_object' AS u,
						%4$s -> 'additional_usage_values' AS x,
						%4$s -> 'spend_logs_metadata' AS llm_cost_label,
						%4$s -> 'error_information' AS e
						OFFSET 0) AS parts
					OFFSET 0) AS details
				OFFSET 0) AS llm_cost_tokens
			OFFSET 0) AS llm_cost_row
		OFFSET 0) AS llm_cost_verdict$from$,
		log_name, team_join, key_join, present ->> 'metadata', present ->> 'status', present ->> 'call_type',
		present ->> 'cache_hit', present ->> 'prompt_tokens', present ->> 'completion_tokens',
		present ->> 'api_key', present ->> 'startTime', present ->> 'request_id', present ->> 'spend');
	RETURN jsonb_build_object('from', from_clause, 'columns',
		llm_cost.litellm_columns(present, team_join IS NOT NULL, key_join IS NOT NULL,
			litellm_profile.input_excludes_cache));
END
$$;
COMMENT ON FUNCTION llm_cost.litellm_profile(regclass, boolean) IS
	'Profile litellm: what the columns of a "LiteLLM_SpendLogs" of any version mean.';

CREATE FUNCTION llm_cost.litellm_columns(
	present jsonb, with_team boolean, with_key boolean, input_excludes_cache boolean) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns		jsonb;
	label		text;
	written		text := 'GREATEST(llm_cost_write, llm_cost_write_1h)';
	/*
	 * What prompt_tokens holds of an Anthropic prompt has changed: everything
	 * (late 2024), cache reads but no writes (2025; the details then name no
	 * writes), everything again.  A raw count holds neither.  Where a row shows
	 * which it is, follow it; otherwise take prompt_tokens as it is.
	 */
	input		text := CASE litellm_columns.input_excludes_cache
					WHEN true THEN format('llm_cost.whole_input(llm_cost_prompt, llm_cost_read, %s)', written)
					WHEN false THEN 'llm_cost_prompt'
					ELSE format($sql$CASE
						WHEN llm_cost_read > llm_cost_prompt THEN llm_cost.whole_input(llm_cost_prompt, llm_cost_read, %1$s)
						WHEN llm_cost_write_unnamed OR %1$s > llm_cost_prompt - COALESCE(llm_cost_read, 0)
							THEN llm_cost.whole_input(llm_cost_prompt, NULL, %1$s)
						ELSE llm_cost_prompt END$sql$, written) END;
BEGIN
	SELECT jsonb_object_agg(c.name, jsonb_build_object('sql', c.sql, 'described', c.described)) INTO columns
	FROM (VALUES
		('model', format('COALESCE(NULLIF(%s, ''''), NULLIF(%s, ''''))', litellm_columns.present ->> 'model', litellm_columns.present ->> 'model_group'),
			'model, else model_group'),
		('provider', format('NULLIF(%s, '''')', litellm_columns.present ->> 'custom_llm_provider'), 'custom_llm_provider'),
		('service_tier', $sql$CASE WHEN llm_cost_batch THEN 'batch'
			WHEN llm_cost_tier NOT IN ('', 'default', 'auto', 'on_demand', 'standard') THEN llm_cost_tier END$sql$,
			'service_tier in the usage of metadata, NULL where standard; batch for a retrieved batch'),
		('input_tokens', format('CASE WHEN llm_cost_counted THEN %s END', input),
			'prompt_tokens, plus cache reads or writes where the row shows that it counts them apart'),
		('cache_read_tokens', 'CASE WHEN llm_cost_counted THEN llm_cost_read END', 'cached tokens in the usage of metadata'),
		('cache_write_tokens', format('CASE WHEN llm_cost_counted THEN %s END', written), 'cache creation tokens in the usage of metadata'),
		('cache_write_1h_tokens', 'CASE WHEN llm_cost_counted THEN llm_cost_write_1h END', 'one-hour cache creation tokens in the usage of metadata'),
		('output_tokens', $sql$CASE WHEN llm_cost_counted THEN CASE WHEN llm_cost_reasoning > llm_cost_completion
			THEN llm_cost.whole_input(llm_cost_completion, llm_cost_reasoning, NULL) ELSE llm_cost_completion END END$sql$,
			'completion_tokens; reasoning is added where it exceeds it, which shows that the row counts it apart'),
		('reasoning_tokens', 'CASE WHEN llm_cost_counted THEN llm_cost_reasoning END', 'reasoning tokens in the usage of metadata'),
		('meters', $sql$CASE WHEN llm_cost_counted AND COALESCE(llm_cost_audio_in, llm_cost_audio_out, llm_cost_image_in,
				llm_cost_image_out, llm_cost_searches, llm_cost_pages) IS NOT NULL
			THEN pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
				'input_audio', llm_cost_audio_in, 'output_audio', llm_cost_audio_out, 'input_image', llm_cost_image_in,
				'output_image', llm_cost_image_out, 'web_search', llm_cost_searches, 'page', llm_cost_pages)) END$sql$,
			'audio, image, web search and page counts in the usage of metadata'),
		('recorded_cost', litellm_columns.present ->> 'spend', 'spend'),
		('billable', 'llm_cost_billable', 'cache_hit, status, error code, and call_type; false also for a batch retrieved again'),
		('operation_id', format('COALESCE(NULLIF(llm_cost_label ->> ''operation_id'', ''''), NULLIF(%s, ''''))', litellm_columns.present ->> 'session_id'),
			'operation_id in spend_logs_metadata, else session_id, which retries share'),
		('attempt_id', litellm_columns.present ->> 'request_id', 'request_id'),
		('conversation_id', format('COALESCE(NULLIF(llm_cost_label ->> ''conversation_id'', ''''), NULLIF(%s, ''''))', litellm_columns.present ->> 'session_id'),
			'conversation_id in spend_logs_metadata, else session_id'),
		('attempt', format('llm_cost.token_count(%s ->> ''attempted_retries'') + 1', litellm_columns.present ->> 'metadata'), 'attempted_retries in metadata, plus one'),
		('turn', 'llm_cost.token_count(llm_cost_label ->> ''turn'')', 'turn in spend_logs_metadata'),
		('kind', format($sql$CASE
			WHEN llm_cost_batch THEN CASE WHEN llm_cost_counted THEN 'batch' ELSE 'batch_poll' END
			WHEN %1$s ~ '^a?embedding' THEN 'embedding'
			WHEN %1$s ~ '^a?rerank' THEN 'rerank'
			WHEN %1$s ~ '^call_mcp_tool' THEN 'tool'
			WHEN %1$s ~ 'search' THEN 'retrieval'
			WHEN %1$s ~ '^(a?(text_)?completion|a?responses|anthropic_messages|a?generate_content.*)$' THEN 'chat'
			ELSE NULLIF(%1$s, '') END$sql$, litellm_columns.present ->> 'call_type'), 'call_type'),
		('error_type', 'CASE WHEN llm_cost_failed THEN COALESCE(NULLIF(llm_cost_error_class, ''''), NULLIF(llm_cost_error_code, ''''), ''failure'') END',
			'status, and error_information in metadata'),
		('duration_ms', format('COALESCE((%s)::double precision, (EXTRACT(epoch FROM %s - %s) * 1000)::double precision)',
			litellm_columns.present ->> 'request_duration_ms', litellm_columns.present ->> 'endTime', litellm_columns.present ->> 'startTime'),
			'request_duration_ms, else "endTime" less "startTime"'),
		('user_id', format('COALESCE(NULLIF(%s, ''''), NULLIF(%s, ''''))', litellm_columns.present ->> 'end_user', litellm_columns.present ->> 'user'),
			'end_user, else "user"'),
		('team', format('COALESCE(NULLIF(%s ->> ''user_api_key_team_alias'', ''''), %sNULLIF(%s, ''''))', litellm_columns.present ->> 'metadata',
			CASE WHEN litellm_columns.with_team THEN 'llm_cost_team_alias, ' ELSE '' END, litellm_columns.present ->> 'team_id'),
			'team alias in metadata, else in "LiteLLM_TeamTable" where all readers may read it, else team_id'),
		('feature', format('COALESCE(NULLIF(llm_cost_label ->> ''feature'', ''''), NULLIF(%s ->> ''user_api_key_alias'', '''')%s)', litellm_columns.present ->> 'metadata',
			CASE WHEN litellm_columns.with_key THEN ', llm_cost_key_alias' ELSE '' END),
			'feature in spend_logs_metadata, else the alias of the key'),
		('agent', format('COALESCE(NULLIF(llm_cost_label ->> ''agent'', ''''), NULLIF(%s, ''''))', litellm_columns.present ->> 'agent_id'),
			'agent in spend_logs_metadata, else agent_id'),
		('tags', litellm_columns.present ->> 'request_tags', 'request_tags')
	) AS c (name, sql, described);
	-- what a caller may send along with a request, under the canonical name
	FOREACH label IN ARRAY ARRAY['parent_id', 'step', 'workflow', 'intent', 'release', 'prompt_version', 'prompt_hash', 'outcome'] LOOP
		columns := columns || jsonb_build_object(label, jsonb_build_object(
			'sql', format('NULLIF(llm_cost_label ->> %L, '''')', label),
			'described', format('%s in spend_logs_metadata', label)));
	END LOOP;
	RETURN columns || '{"started_at": "startTime"}';
END
$$;
COMMENT ON FUNCTION llm_cost.litellm_columns(jsonb, boolean, boolean, boolean) IS
	'The mapping of profile litellm, given which columns are present and which joins can be made.';
