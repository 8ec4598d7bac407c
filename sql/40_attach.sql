/*
 * attach: a usage view over a table that is already there.
 *
 * attach() writes one view with the canonical columns in a fixed order and with
 * fixed types.  It copies nothing, changes nothing on the table, and the view
 * reads with the rights of whoever queries it.  What was attached is registered
 * by name, so that a dump restores it and a renamed OID cannot mislead it.
 */

CREATE FUNCTION llm_cost.usage_columns(
	OUT "position" integer, OUT usage_column text, OUT data_type text,
	OUT description text, OUT lost_without text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 36
BEGIN ATOMIC
	SELECT * FROM (VALUES
	(1, 'started_at', 'timestamp with time zone', 'When the attempt started.', 'everything: a price holds at a time'),
	(2, 'model', 'text', 'Model that served the attempt, else the one asked for.', 'everything: a price belongs to a model'),
	(3, 'provider', 'text', 'Seller, as OpenTelemetry gen_ai.provider.name or another spelling the price book knows.', 'models that several sellers price differently are ambiguous_model'),
	(4, 'region', 'text', 'Region the attempt was billed in; NULL: the price without region.', 'regional prices'),
	(5, 'service_tier', 'text', 'Service tier that served: standard, batch, flex, priority; NULL: standard.', 'batch, flex and priority calls are priced as standard'),
	(6, 'input_tokens', 'bigint', 'Whole prompt in tokens, including cache reads, cache writes, audio and images; NULL: not reported.', 'every cost: usage_missing'),
	(7, 'cache_read_tokens', 'bigint', 'Part of input_tokens read from the provider''s prompt cache; NULL: not reported.', 'cached input is billed at the full rate, and hit ratios are unknown'),
	(8, 'cache_write_tokens', 'bigint', 'Part of input_tokens written to the prompt cache, at any lifetime; NULL: not reported.', 'cache writes are billed at the input rate'),
	(9, 'cache_write_1h_tokens', 'bigint', 'Part of cache_write_tokens written for one hour.', 'one-hour cache writes are billed at the five-minute rate'),
	(10, 'output_tokens', 'bigint', 'Answer in tokens, including reasoning, audio and images; NULL: not reported.', 'output is not billed where input is known, else usage_missing'),
	(11, 'reasoning_tokens', 'bigint', 'Part of output_tokens spent on reasoning.', 'reasoning that has a price of its own is billed as output'),
	(12, 'meters', 'jsonb', 'Further quantities by meter, for example {"web_search": 2}.', 'audio, images, searches and other meters are not billed apart'),
	(13, 'recorded_cost', 'numeric', 'Cost that the source itself recorded, unchanged.', 'no comparison with what the gateway recorded'),
	(14, 'billable', 'boolean', 'False: the provider billed nothing (response-cache hit, refused request), so cost is 0.', 'response-cache hits and refused requests are priced as calls'),
	(15, 'operation_id', 'text', 'User-initiated request that the attempt belongs to.', 'calls per operation, retries and cost per operation'),
	(16, 'attempt_id', 'text', 'The attempt, or span, itself; parent_id of others refers to it.', 'spans that repeat the usage of their children are counted twice'),
	(17, 'parent_id', 'text', 'Attempt or step that caused this one.', 'trees of calls'),
	(18, 'conversation_id', 'text', 'Conversation or session.', 'cost per conversation and context growth'),
	(19, 'turn', 'bigint', 'Turn within the conversation, from 1.', 'like-for-like cache comparison by turn'),
	(20, 'attempt', 'bigint', 'Attempt number within its step; above 1: a retry.', 'retries are told only by errors'),
	(21, 'kind', 'text', 'chat, tool, embedding, retrieval, rerank, human, batch or another kind.', 'mix of kinds of call'),
	(22, 'step', 'text', 'Step within the workflow.', 'cost per step'),
	(23, 'error_type', 'text', 'Class of the error; NULL: the attempt succeeded.', 'retries and their cost by class of error'),
	(24, 'duration_ms', 'double precision', 'Duration in milliseconds.', 'latency beside cost'),
	(25, 'user_id', 'text', 'User that the attempt was made for.', 'users as sampling unit: skew, paired change, intervals'),
	(26, 'team', 'text', 'Team or tenant that pays.', 'cost per team'),
	(27, 'feature', 'text', 'Product feature.', 'cost per feature'),
	(28, 'workflow', 'text', 'Workflow.', 'cost per workflow'),
	(29, 'agent', 'text', 'Agent.', 'cost per agent'),
	(30, 'intent', 'text', 'Intent or task class of the request.', 'mix shift between intents'),
	(31, 'release', 'text', 'Version of the service that made the call.', 'release_impact(); releases must be declared or inferred'),
	(32, 'prompt_version', 'text', 'Version of the prompt.', 'changes of prompt as cause'),
	(33, 'prompt_hash', 'text', 'Hash of the fixed part of the prompt.', 'undeclared changes of prompt'),
	(34, 'outcome', 'text', 'resolved, unresolved, escalated or another outcome.', 'cost per outcome'),
	(35, 'system_tokens', 'bigint', 'Part of input_tokens that is the fixed system prompt.', 'growth of the fixed context'),
	(36, 'tags', 'jsonb', 'Further labels.', 'labels of your own')
	) AS c ("position", usage_column, data_type, description, lost_without);
END;
COMMENT ON FUNCTION llm_cost.usage_columns() IS
	'The canonical columns of usage in order: type, meaning, and what is lost without each. started_at and model are needed; all others are optional.';

CREATE TABLE llm_cost.attached_usage (
	schema_name	text COLLATE "C" NOT NULL,
	view_name	text COLLATE "C" NOT NULL,
	relation_schema text COLLATE "C" NOT NULL,
	relation_name text COLLATE "C" NOT NULL,
	profile		text COLLATE "C" NOT NULL,
	mapping		jsonb NOT NULL DEFAULT '{}',
	columns		text[] NOT NULL DEFAULT '{}',
	price_book	text COLLATE "C" NOT NULL,
	time_column	text COLLATE "C",
	base_column	text COLLATE "C" NOT NULL,
	time_zone	text COLLATE "C",
	input_excludes_cache boolean,
	attached_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	attached_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (schema_name, view_name)
);
COMMENT ON TABLE llm_cost.attached_usage IS
	'Views that attach() made, by name. Row security: a user sees the views he may read and those he attached, and adds or removes only rows of views he owns.';
COMMENT ON COLUMN llm_cost.attached_usage.schema_name IS 'Schema of the view.';
COMMENT ON COLUMN llm_cost.attached_usage.view_name IS 'Name of the view.';
COMMENT ON COLUMN llm_cost.attached_usage.relation_schema IS 'Schema of the attached relation.';
COMMENT ON COLUMN llm_cost.attached_usage.relation_name IS 'Name of the attached relation.';
COMMENT ON COLUMN llm_cost.attached_usage.profile IS 'Profile that was used: generic or litellm.';
COMMENT ON COLUMN llm_cost.attached_usage.mapping IS 'Mapping as given to attach(), over the profile''s own.';
COMMENT ON COLUMN llm_cost.attached_usage.columns IS 'Canonical columns that have a source; the others are always NULL.';
COMMENT ON COLUMN llm_cost.attached_usage.price_book IS 'Price book that cost is read from.';
COMMENT ON COLUMN llm_cost.attached_usage.time_column IS
	'Column of the relation that started_at comes from; NULL: an expression, which no index on a column can serve.';
COMMENT ON COLUMN llm_cost.attached_usage.base_column IS
	'Column of the view that is time_column itself and lets an index on it be used: started_at, or base_started_at for a timestamp without time zone.';
COMMENT ON COLUMN llm_cost.attached_usage.time_zone IS
	'Zone that a timestamp without time zone was read in; NULL: the column has a time zone.';
COMMENT ON COLUMN llm_cost.attached_usage.input_excludes_cache IS
	'True: the source counts cached tokens apart from input. False: within. NULL: the profile decides.';
COMMENT ON COLUMN llm_cost.attached_usage.attached_by IS 'Role that attached it.';
COMMENT ON COLUMN llm_cost.attached_usage.attached_at IS 'When it was attached.';
SELECT pg_catalog.pg_extension_config_dump('llm_cost.attached_usage', '');

/*
 * Ordinary users attach, so they write here; row security confines each to the
 * views that he owns.  pg_class is looked up by name, never through regclass:
 * a cast would fail, and with it every query, on a schema the reader may not
 * use.  A row whose view is gone belongs to the role that attached it.
 */
ALTER TABLE llm_cost.attached_usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY attached_usage_read ON llm_cost.attached_usage FOR SELECT
	USING (EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = view_name AND c.relkind = 'v'
		  AND (pg_catalog.has_table_privilege(c.oid, 'SELECT')
			   OR pg_catalog.pg_has_role(c.relowner, 'USAGE')))
		OR attached_by = CURRENT_USER);
CREATE POLICY attached_usage_add ON llm_cost.attached_usage FOR INSERT
	WITH CHECK (attached_by = CURRENT_USER AND EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = view_name AND c.relkind = 'v'
		  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')));
CREATE POLICY attached_usage_remove ON llm_cost.attached_usage FOR DELETE
	USING (EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = view_name AND c.relkind = 'v'
		  AND pg_catalog.pg_has_role(c.relowner, 'USAGE'))
		OR attached_by = CURRENT_USER AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = view_name AND c.relkind = 'v'));
COMMENT ON POLICY attached_usage_read ON llm_cost.attached_usage IS
	'Views the user may read or owns, and what he attached himself.';
COMMENT ON POLICY attached_usage_add ON llm_cost.attached_usage IS
	'Only for a view that the user owns, in his own name.';
COMMENT ON POLICY attached_usage_remove ON llm_cost.attached_usage IS
	'Rows of views the user owns, and rows he added whose view is gone.';
GRANT SELECT, INSERT, DELETE ON llm_cost.attached_usage TO PUBLIC;

-- Helpers that views call.  One expression each, so that they are inlined.

CREATE FUNCTION llm_cost.token_count(value text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- the regular expression takes ten times as long as this look at plain digits
RETURN CASE WHEN octet_length(value) BETWEEN 1 AND 18 AND translate(value, '0123456789', '') = '' THEN value::bigint
	   ELSE "substring"(value, '^\s*(-?\d{1,18})(?:\.0+)?\s*$')::bigint END;
COMMENT ON FUNCTION llm_cost.token_count(text) IS
	'A whole number of at most 18 digits written as text, as the ->> operator gives it; NULL for anything else, never an error.';

CREATE FUNCTION llm_cost.whole_input(
	input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN input_tokens < 1000000000000000000
		 AND COALESCE(cache_read_tokens, 0) < 1000000000000000000
		 AND COALESCE(cache_write_tokens, 0) < 1000000000000000000
		 AND LEAST(input_tokens, cache_read_tokens, cache_write_tokens) >= 0
	THEN input_tokens + COALESCE(cache_read_tokens, 0) + COALESCE(cache_write_tokens, 0)
	-- impossible counts must stay impossible, or cost() would believe them
	WHEN input_tokens IS NOT NULL THEN -1
END;
COMMENT ON FUNCTION llm_cost.whole_input(bigint, bigint, bigint) IS
	'The whole prompt of a source that counts cached tokens apart from input. NULL where input is not reported; -1, which cost() calls inconsistent_usage, where a count is negative or beyond 10^18.';

CREATE FUNCTION llm_cost.finite(value numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value > '-Infinity'::numeric AND value < 'Infinity'::numeric THEN value END;
COMMENT ON FUNCTION llm_cost.finite(numeric) IS
	'The value; NULL for NaN and infinities, which would spoil every sum.';

CREATE FUNCTION llm_cost.finite(value double precision) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
-- through text, because float8::numeric keeps 15 digits only
RETURN CASE WHEN value > '-Infinity'::float8 AND value < 'Infinity'::float8
	   THEN value::text::numeric END;
COMMENT ON FUNCTION llm_cost.finite(double precision) IS
	'The shortest decimal that reads back as the value (under the default extra_float_digits); NULL for NaN and infinities.';

CREATE FUNCTION llm_cost.finite_double(value numeric) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(value) < 1e-300 THEN 0 WHEN abs(value) < 1e308 THEN value::float8 END;
COMMENT ON FUNCTION llm_cost.finite_double(numeric) IS
	'The value in floating point; NULL for NaN, infinities and numbers of 10^308 or more, which a cast refuses, and 0 below 10^-300.';

CREATE FUNCTION llm_cost.time_in_zone(value timestamp, time_zone text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value > '4713-01-02 BC'::timestamp AND value < '294276-12-30'::timestamp
	   THEN value AT TIME ZONE time_zone END;
COMMENT ON FUNCTION llm_cost.time_in_zone(timestamp, text) IS
	'The value AT TIME ZONE time_zone; NULL for infinities and within two days of the ends of what a timestamp holds, where the shift may fail.';

CREATE FUNCTION llm_cost.zoned_expression(expression text, time_zone text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- without a shift nothing can leave the range, and an index on the plain expression serves
RETURN CASE WHEN upper(time_zone) IN ('UTC', 'GMT', 'ETC/UTC', 'ETC/GMT', 'ZULU')
	   THEN format('%s AT TIME ZONE %L', expression, time_zone)
	   ELSE format('llm_cost.time_in_zone(%s, %L)', expression, time_zone) END;
COMMENT ON FUNCTION llm_cost.zoned_expression(text, text) IS
	'SQL that reads a timestamp without time zone, a column or an expression in parentheses, in a zone and fails for no value.';

CREATE FUNCTION llm_cost.known_attributes(attributes jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(known_attributes.attributes) = 'object' THEN
		RETURN (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}')
				FROM jsonb_each(known_attributes.attributes) e
					 JOIN llm_cost.attribute a ON a.attribute = e.key
				WHERE jsonb_typeof(e.value) IN ('string', 'number', 'boolean'));
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION llm_cost.known_attributes(jsonb) IS
	'What cost() accepts of attributes that come from data: keys listed in llm_cost.attribute with text, a number or a boolean; NULL where there is no object. An unknown key in a query is an error, in a row it is ignored.';

CREATE FUNCTION llm_cost.usage_query(
	relation regclass, profile text, mapping jsonb, price_book text,
	time_zone text, input_excludes_cache boolean,
	OUT profile_used text, OUT query text, OUT described jsonb,
	OUT time_column text, OUT base_column text, OUT zone_used text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	from_item	text;
	relkind		"char";
	plan		jsonb;
	canonical	record;
	entry		record;
	source		jsonb;
	selected	text[] := ARRAY[]::text[];
	attributes	text := 'NULL::pg_catalog.jsonb';
	arguments	text;
	zone		text := COALESCE(usage_query.time_zone, 'UTC');
BEGIN
	SELECT format('%I.%I', n.nspname, c.relname), c.relkind INTO from_item, relkind
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = usage_query.relation AND c.relpersistence <> 't';
	IF relkind IS NULL OR relkind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE EXCEPTION 'cannot attach %', usage_query.relation
			USING ERRCODE = 'wrong_object_type',
				DETAIL = 'Only permanent tables, partitioned tables, foreign tables, views and materialized views can be attached.';
	END IF;
	IF NOT EXISTS (SELECT FROM llm_cost.price_book b WHERE b.price_book = usage_query.price_book) THEN
		RAISE EXCEPTION 'price book "%" does not exist', usage_query.price_book
			USING ERRCODE = 'undefined_object',
				HINT = format('Price books: %s.', (SELECT string_agg(b.price_book, ', ' ORDER BY b.price_book)
					FROM llm_cost.price_book b));
	END IF;
	IF usage_query.time_zone IS NOT NULL THEN
		PERFORM timezone(usage_query.time_zone, 'epoch'::timestamp);	-- errors when unknown
	END IF;
	usage_query.mapping := COALESCE(usage_query.mapping, '{}');
	IF jsonb_typeof(usage_query.mapping) <> 'object' THEN
		RAISE EXCEPTION 'mapping must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'For example {"user_id": "customer", "feature": {"sql": "meta ->> ''feature''"}}.';
	END IF;
	FOR entry IN SELECT m.key, m.value FROM jsonb_each(usage_query.mapping) AS m LOOP
		IF entry.key <> 'attributes'
		   AND NOT EXISTS (SELECT FROM llm_cost.usage_columns() u WHERE u.usage_column = entry.key) THEN
			RAISE EXCEPTION 'unknown canonical column "%" in mapping', entry.key
				USING ERRCODE = 'undefined_column',
					HINT = COALESCE('Perhaps you meant ' || llm_cost.near_names(entry.key,
							(SELECT array_agg(u.usage_column) FROM llm_cost.usage_columns() u)) || '. ', '')
						|| 'llm_cost.usage_columns() lists them all.';
		END IF;
		IF NOT COALESCE(jsonb_typeof(entry.value) IN ('string', 'null')
				OR jsonb_typeof(entry.value) = 'object'
				   AND (SELECT count(*) = 1 AND bool_and(k.key IN ('column', 'sql') AND jsonb_typeof(k.value) = 'string')
						FROM jsonb_each(CASE jsonb_typeof(entry.value) WHEN 'object' THEN entry.value ELSE '{}' END) AS k), false) THEN
			RAISE EXCEPTION 'invalid mapping of canonical column %: %', entry.key, entry.value
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'Write a column''s name, {"column": "name"}, {"sql": "expression"}, or null to leave the column out.';
		END IF;
	END LOOP;

	profile_used := COALESCE(usage_query.profile, llm_cost.recognised_profile(usage_query.relation));
	plan := CASE profile_used
		WHEN 'generic' THEN llm_cost.generic_profile(usage_query.relation, usage_query.input_excludes_cache)
		WHEN 'litellm' THEN llm_cost.litellm_profile(usage_query.relation, usage_query.input_excludes_cache)
	END;
	IF plan IS NULL THEN
		RAISE EXCEPTION 'unknown profile "%"', profile_used
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Profiles: generic, litellm.';
	END IF;
	base_column := 'started_at';
	described := '{}';

	FOR canonical IN
		SELECT u."position", u.usage_column, u.data_type FROM llm_cost.usage_columns() u
		UNION ALL SELECT 99, 'attributes', 'jsonb'
		ORDER BY 1
	LOOP
		source := CASE WHEN usage_query.mapping ? canonical.usage_column
				  THEN usage_query.mapping -> canonical.usage_column
				  ELSE plan -> 'columns' -> canonical.usage_column END;
		IF source IS NULL OR source = 'null' THEN
			IF canonical.usage_column IN ('started_at', 'model') THEN
				RAISE EXCEPTION 'no column for %', canonical.usage_column
					USING ERRCODE = 'undefined_column',
						DETAIL = format('The %s profile finds none in %s, and the mapping names none.', profile_used, usage_query.relation),
						HINT = format('Call llm_cost.attach(%L, mapping => ''{"%s": "your_column"}'').', from_item, canonical.usage_column)
							|| COALESCE(' ' || llm_cost.mapping_suggestion(usage_query.relation, canonical.usage_column), '');
			END IF;
			IF canonical."position" < 99 THEN
				selected := selected || format('NULL::%s AS %I', canonical.data_type, canonical.usage_column);
			END IF;
			CONTINUE;
		END IF;
		IF NOT usage_query.mapping ? canonical.usage_column AND source ? 'sql' THEN
			-- expressions of a profile see what its FROM clause adds
			source := source || jsonb_build_object('from', plan -> 'from');
		END IF;
		SELECT e.* INTO entry FROM llm_cost.mapped_expression(
			usage_query.relation, canonical.usage_column, canonical.data_type, source, zone) AS e;
		IF canonical."position" = 99 THEN
			-- cost() takes them for a setting, where what is unknown is an error;
			-- here they are data, and one row must not kill the query
			attributes := format('llm_cost.known_attributes(%s)', entry.expression);
			CONTINUE;
		END IF;
		IF canonical.usage_column = 'input_tokens' AND profile_used = 'generic' AND usage_query.input_excludes_cache THEN
			selected := selected || 'NULL AS input_tokens'::text;	-- written below, once its parts are known
			plan := plan || jsonb_build_object('input', entry.expression);
		ELSE
			selected := selected || format('%s AS %I', entry.expression, canonical.usage_column);
		END IF;
		described := described || jsonb_build_object(canonical.usage_column, entry.described);
		IF canonical.usage_column = 'started_at' THEN
			time_column := entry.plain_column;
			IF entry.plain_type = 'timestamp'::regtype THEN
				zone_used := zone;
				IF time_column IS NOT NULL THEN
					base_column := 'base_started_at';
				END IF;
			END IF;
		END IF;
	END LOOP;

	IF plan ? 'input' THEN
		selected[6] := format('llm_cost.whole_input(%s, %s, %s) AS input_tokens', plan ->> 'input',
			"left"(selected[7], -length(' AS cache_read_tokens')), "left"(selected[8], -length(' AS cache_write_tokens')));
	END IF;
	IF base_column <> 'started_at' THEN
		selected := selected || format('source.%I AS base_started_at', time_column);
	END IF;

	arguments := format('(model => u.model, input_tokens => u.input_tokens, output_tokens => u.output_tokens, at => u.started_at,
		cache_read_tokens => u.cache_read_tokens, cache_write_tokens => u.cache_write_tokens,
		cache_write_1h_tokens => u.cache_write_1h_tokens, reasoning_tokens => u.reasoning_tokens,
		meters => u.meters, provider => u.provider, service_tier => u.service_tier, region => u.region,
		price_book => %L, attributes => u.attributes)', usage_query.price_book);
	query := format('SELECT %s,
	CASE WHEN u.billable IS FALSE THEN 0::pg_catalog.numeric ELSE llm_cost.cost%s END AS cost,
	CASE WHEN u.billable IS FALSE THEN llm_cost.cost%s END AS avoided_cost,
	CASE WHEN u.billable IS NOT FALSE THEN llm_cost.cost_problem%s END AS cost_problem,
	u.attributes%s
FROM (SELECT %s,
	%s AS attributes
	FROM %s AS source%s) AS u',
		(SELECT string_agg(format('u.%I', u.usage_column), ', ' ORDER BY u."position") FROM llm_cost.usage_columns() u),
		arguments, arguments, arguments,
		CASE WHEN base_column <> 'started_at' THEN ', u.base_started_at' ELSE '' END,
		array_to_string(selected, E',\n\t'), attributes, from_item, COALESCE(plan ->> 'from', ''));
END
$$;
COMMENT ON FUNCTION llm_cost.usage_query(regclass, text, jsonb, text, text, boolean) IS
	'The query behind a usage view, and what was recognised on the way; attach() makes a view of it, doctor() runs it over a relation that is not attached.';

CREATE FUNCTION llm_cost.attach(
	relation regclass, profile text DEFAULT NULL, mapping jsonb DEFAULT NULL, view_name text DEFAULT NULL,
	price_book text DEFAULT 'list', time_zone text DEFAULT NULL, input_excludes_cache boolean DEFAULT NULL)
RETURNS regclass
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation_schema text;
	relation_name text;
	parts		text[];
	target_schema text;
	made		record;
	view_id		regclass;
	shown		text;
	canonical	record;
BEGIN
	SELECT n.nspname::text, c.relname::text INTO relation_schema, relation_name
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = attach.relation;
	IF relation_name IS NULL THEN
		RAISE EXCEPTION 'relation to attach must not be null'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	attach.price_book := COALESCE(attach.price_book, 'list');

	target_schema := relation_schema;
	IF attach.view_name IS NULL THEN
		-- cut by characters until the suffix fits, or the name would be the relation's own
		shown := relation_name;
		WHILE octet_length(shown) > 63 - length('_usage') LOOP
			shown := "left"(shown, -1);
		END LOOP;
		attach.view_name := shown || '_usage';
	ELSE
		parts := parse_ident(attach.view_name);
		IF cardinality(parts) > 2 THEN
			RAISE EXCEPTION 'invalid view name: %', attach.view_name
				USING ERRCODE = 'invalid_name', HINT = 'Write view or schema.view, quoted as in SQL.';
		END IF;
		attach.view_name := parts[cardinality(parts)];
		IF cardinality(parts) = 2 THEN
			target_schema := parts[1];
		END IF;
		IF octet_length(attach.view_name) > 63 THEN
			RAISE EXCEPTION 'view name "%" is longer than 63 bytes', attach.view_name
				USING ERRCODE = 'name_too_long';
		END IF;
	END IF;
	shown := format('%I.%I', target_schema, attach.view_name);
	IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			   WHERE n.nspname = target_schema AND c.relname = attach.view_name) THEN
		RAISE EXCEPTION 'relation % already exists', shown
			USING ERRCODE = 'duplicate_table',
				HINT = CASE WHEN EXISTS (SELECT FROM llm_cost.attached_usage a
						WHERE a.schema_name = target_schema AND a.view_name = attach.view_name)
					THEN format('Call llm_cost.detach(%L) first, or give another view_name.', shown)
					ELSE 'Give another view_name.' END;
	END IF;

	SELECT q.* INTO made FROM llm_cost.usage_query(attach.relation, attach.profile, attach.mapping,
		attach.price_book, attach.time_zone, attach.input_excludes_cache) AS q;
	EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS %s', shown, made.query);
	view_id := shown::regclass;

	EXECUTE format('COMMENT ON VIEW %s IS %L', shown, format(
		'LLM usage read from %I.%I (profile %s, price book %s), one row per attempt; made by llm_cost.attach(), removed by llm_cost.detach().',
		relation_schema, relation_name, made.profile_used, attach.price_book));
	FOR canonical IN
		SELECT u.usage_column, u.description
			|| COALESCE(' From ' || (made.described ->> u.usage_column) || '.', ' Not mapped: always NULL.') AS says
		FROM llm_cost.usage_columns() u
		UNION ALL
		SELECT x.usage_column, format(x.description, (SELECT b.currency FROM llm_cost.price_book b
				WHERE b.price_book = attach.price_book), attach.price_book)
		FROM (VALUES
			('cost', 'Cost of the attempt in %s by price book %s, exact; 0 where billable is false; NULL where it cannot be priced (cost_problem says why).'),
			('avoided_cost', 'What an attempt that was not billable would have cost, in %s by price book %s.'),
			('cost_problem', 'Why cost is NULL (%s, price book %s); NULL where there is a cost.'),
			('attributes', 'What cost() was told beyond the canonical columns (%s, price book %s).')
		) AS x (usage_column, description)
		UNION ALL
		SELECT 'base_started_at', format('Time column of the relation as it is, without time zone (%s); predicates on it use the relation''s index (see period_predicate()).', made.zone_used)
		WHERE made.base_column <> 'started_at'
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', shown, canonical.usage_column, canonical.says);
	END LOOP;

	-- the row of a view of this name that was dropped without detach()
	DELETE FROM llm_cost.attached_usage a
	WHERE a.schema_name = target_schema AND a.view_name = attach.view_name;
	INSERT INTO llm_cost.attached_usage (schema_name, view_name, relation_schema, relation_name, profile,
		mapping, columns, price_book, time_column, base_column, time_zone, input_excludes_cache)
	VALUES (target_schema, attach.view_name, relation_schema, relation_name, made.profile_used,
		COALESCE(attach.mapping, '{}'), ARRAY(SELECT jsonb_object_keys(made.described)), attach.price_book, made.time_column, made.base_column,
		made.zone_used, attach.input_excludes_cache);
	RETURN view_id;
END
$$;
COMMENT ON FUNCTION llm_cost.attach(regclass, text, jsonb, text, text, text, boolean) IS
	'Makes a usage view over a relation of LLM calls, with the canonical columns and cost, avoided_cost and cost_problem; copies nothing and leaves the relation alone. profile: generic (columns of the same name) or litellm; NULL recognises it. mapping: canonical column to a column''s name, {"sql": "expression"} or null, over the profile. view_name: default <relation>_usage in the same schema. time_zone: zone of a timestamp without time zone, default UTC. input_excludes_cache: true where the source counts cached tokens apart from input.';

CREATE FUNCTION llm_cost.detach(usage regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		record;
BEGIN
	SELECT n.nspname, c.relname, c.relkind INTO target
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = detach.usage;
	-- the row alone is no proof: its view may have been dropped and another made
	IF target.relkind IS DISTINCT FROM 'v'
	   OR NOT EXISTS (SELECT FROM llm_cost.attached_usage a
					  WHERE a.schema_name = target.nspname AND a.view_name = target.relname)
	   OR (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = detach.usage
		   AND a.attname IN ('started_at', 'model', 'avoided_cost', 'cost_problem')) <> 4 THEN
		RAISE EXCEPTION '% is not a view that attach() made', detach.usage
			USING ERRCODE = 'wrong_object_type',
				HINT = 'llm_cost.attached_usage lists the attached views that you may see.';
	END IF;
	-- the row first: who may remove it is who owns the view
	DELETE FROM llm_cost.attached_usage a
	WHERE a.schema_name = target.nspname AND a.view_name = target.relname;
	EXECUTE format('DROP VIEW %I.%I', target.nspname, target.relname);
END
$$;
COMMENT ON FUNCTION llm_cost.detach(regclass) IS
	'Drops a view that attach() made and forgets it; the relation behind it is untouched. Errors when other objects depend on the view.';

CREATE FUNCTION llm_cost.held_usage(usage regclass) RETURNS regclass
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN pg_catalog.to_regclass(pg_catalog.format('pg_temp.llm_cost_held_%s', usage::pg_catalog.oid));
COMMENT ON FUNCTION llm_cost.held_usage(regclass) IS
	'The copy of a usage that write_report() holds in this session while it works; NULL if there is none. Its comment says of which time it is.';

CREATE FUNCTION llm_cost.period_predicate(usage regclass, period tstzrange, qualifier text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
AS $$
DECLARE
	prefix		text := COALESCE(quote_ident(period_predicate.qualifier) || '.', '');
	base_column	text := 'started_at';
	zone		text;
	exact		boolean := false;	-- the condition on the base column says it all
	slack		interval;
	terms		text[] := ARRAY[]::text[];
BEGIN
	SELECT a.base_column, a.time_zone INTO base_column, zone
	FROM llm_cost.live_registration(period_predicate.usage) a;
	base_column := COALESCE(base_column, 'started_at');
	IF llm_cost.held_usage(period_predicate.usage) IS NOT NULL THEN
		IF obj_description(llm_cost.held_usage(period_predicate.usage), 'pg_class')::tstzrange @> period_predicate.period IS NOT TRUE THEN
			RAISE EXCEPTION 'a report reads % of %, which it does not hold', COALESCE(period_predicate.period::text, 'all'), period_predicate.usage
				USING ERRCODE = 'internal_error';
		END IF;
		base_column := 'started_at';
	END IF;
	IF period_predicate.period IS NULL THEN
		RETURN 'true';
	ELSIF isempty(period_predicate.period) THEN
		RETURN 'false';
	END IF;
	IF base_column = 'base_started_at' THEN
		exact := upper(zone) IN ('UTC', 'GMT', 'ETC/UTC', 'ETC/GMT', 'ZULU');
		-- Where clocks jump, local time is neither unique nor in order: leave a
		-- day of room for the index, and let started_at decide.
		slack := CASE WHEN exact THEN INTERVAL '0' ELSE INTERVAL '26 hours' END;
		IF NOT lower_inf(period_predicate.period) THEN
			terms := terms || format('%sbase_started_at %s %L::timestamp', prefix,
				CASE WHEN exact AND NOT lower_inc(period_predicate.period) THEN '>' ELSE '>=' END,
				timezone(zone, lower(period_predicate.period)) - slack);
		END IF;
		IF NOT upper_inf(period_predicate.period) THEN
			terms := terms || format('%sbase_started_at %s %L::timestamp', prefix,
				CASE WHEN exact AND NOT upper_inc(period_predicate.period) THEN '<' ELSE '<=' END,
				timezone(zone, upper(period_predicate.period)) + slack);
		END IF;
	END IF;
	IF NOT exact AND NOT lower_inf(period_predicate.period) THEN
		terms := terms || format('%sstarted_at %s %L::timestamptz', prefix,
			CASE WHEN lower_inc(period_predicate.period) THEN '>=' ELSE '>' END, lower(period_predicate.period));
	END IF;
	IF NOT exact AND NOT upper_inf(period_predicate.period) THEN
		terms := terms || format('%sstarted_at %s %L::timestamptz', prefix,
			CASE WHEN upper_inc(period_predicate.period) THEN '<=' ELSE '<' END, upper(period_predicate.period));
	END IF;
	RETURN COALESCE(NULLIF(array_to_string(terms, ' AND '), ''), 'true');
END
$$;
COMMENT ON FUNCTION llm_cost.period_predicate(regclass, tstzrange, text) IS
	'SQL condition for the rows of a usage view within a period, written so that an index on the relation''s own time column can be used; qualifier is the alias to put before column names.';
