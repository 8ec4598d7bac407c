/*
 * Rollups: cells that are kept, in ordinary tables of the user's schema.
 *
 * A rollup NAME is three tables: NAME says for each bucket what it holds and
 * which prices were believed, NAME_cell has sums and distributions by columns,
 * NAME_user_cell has sums by columns and user.  They belong to whoever made them,
 * are no members of the extension, and are registered by name, as attached views
 * are.  refresh_rollup() fills them, every analysis of cells reads them, and so do
 * the views beside them that create_bi_views() makes for BI tools.
 */

CREATE TABLE llm_cost.rollup (
	schema_name	text COLLATE "C" NOT NULL,
	rollup_name	text COLLATE "C" NOT NULL,
	usage_schema text COLLATE "C" NOT NULL,
	usage_name	text COLLATE "C" NOT NULL,
	usage_columns text[] NOT NULL,
	price_book	text COLLATE "C" NOT NULL,
	by_columns	text[] NOT NULL,
	user_columns text[] NOT NULL,
	bucket		text COLLATE "C" NOT NULL CHECK (bucket IN ('hour', 'day', 'week')),
	time_zone	text COLLATE "C" NOT NULL,
	lateness	interval NOT NULL,
	operation_age interval NOT NULL,
	covered		tstzmultirange NOT NULL DEFAULT '{}',
	refreshed_at timestamptz,
	created_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (schema_name, rollup_name)
);
COMMENT ON TABLE llm_cost.rollup IS
	'Rollups that create_rollup() made, by name. Row security: a user sees those he may read and those he made, and adds, changes or removes only those he owns.';
COMMENT ON COLUMN llm_cost.rollup.schema_name IS 'Schema of the tables.';
COMMENT ON COLUMN llm_cost.rollup.rollup_name IS 'Name of the rollup and of its table of buckets; those of cells end in _cell and _user_cell.';
COMMENT ON COLUMN llm_cost.rollup.usage_schema IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.rollup.usage_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.rollup.usage_columns IS 'Canonical columns that the usage had a source for when the rollup was made; the others are NULL here as there.';
COMMENT ON COLUMN llm_cost.rollup.price_book IS 'Price book of the usage.';
COMMENT ON COLUMN llm_cost.rollup.by_columns IS 'Columns of the cells.';
COMMENT ON COLUMN llm_cost.rollup.user_columns IS 'Columns of the user cells, user_id among them; {}: there are none.';
COMMENT ON COLUMN llm_cost.rollup.bucket IS 'Bucket: hour, day or week of local time.';
COMMENT ON COLUMN llm_cost.rollup.time_zone IS 'Time zone of the buckets.';
COMMENT ON COLUMN llm_cost.rollup.lateness IS 'How late a row may arrive: what is recomputed by every refresh.';
COMMENT ON COLUMN llm_cost.rollup.operation_age IS 'How long an operation may last: what is read around a bucket to see operations whole.';
COMMENT ON COLUMN llm_cost.rollup.covered IS 'Time that has been refreshed. A bucket there without a row had no usage.';
COMMENT ON COLUMN llm_cost.rollup.refreshed_at IS 'When it was last refreshed without naming a period.';
COMMENT ON COLUMN llm_cost.rollup.created_by IS 'Role that made it.';
COMMENT ON COLUMN llm_cost.rollup.created_at IS 'When it was made.';
SELECT pg_catalog.pg_extension_config_dump('llm_cost.rollup', '');

-- As for attached_usage: each is confined to the tables that he owns.
ALTER TABLE llm_cost.rollup ENABLE ROW LEVEL SECURITY;
CREATE POLICY rollup_read ON llm_cost.rollup FOR SELECT
	USING (created_by = CURRENT_USER OR EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = rollup_name AND c.relkind IN ('r', 'p')
		  AND (pg_catalog.has_table_privilege(c.oid, 'SELECT')
			   OR pg_catalog.pg_has_role(c.relowner, 'USAGE'))));
CREATE POLICY rollup_add ON llm_cost.rollup FOR INSERT
	WITH CHECK (created_by = CURRENT_USER AND EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = rollup_name AND c.relkind IN ('r', 'p')
		  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')));
CREATE POLICY rollup_change ON llm_cost.rollup FOR UPDATE
	USING (EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = rollup_name AND c.relkind IN ('r', 'p')
		  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')));
CREATE POLICY rollup_remove ON llm_cost.rollup FOR DELETE
	USING (EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = rollup_name AND c.relkind IN ('r', 'p')
		  AND pg_catalog.pg_has_role(c.relowner, 'USAGE'))
		OR created_by = CURRENT_USER AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = rollup_name AND c.relkind IN ('r', 'p')));
COMMENT ON POLICY rollup_read ON llm_cost.rollup IS 'Rollups the user may read or owns, and what he made himself.';
COMMENT ON POLICY rollup_add ON llm_cost.rollup IS 'Only for tables that the user owns, in his own name.';
COMMENT ON POLICY rollup_change ON llm_cost.rollup IS 'Rollups whose tables the user owns; the columns that a refresh writes.';
COMMENT ON POLICY rollup_remove ON llm_cost.rollup IS 'Rollups whose tables the user owns, and rows he added whose tables are gone.';
GRANT SELECT, INSERT, DELETE ON llm_cost.rollup TO PUBLIC;
GRANT UPDATE (covered, refreshed_at, usage_columns, price_book) ON llm_cost.rollup TO PUBLIC;

CREATE FUNCTION llm_cost.live_rollup(usage regclass) RETURNS SETOF llm_cost.rollup
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
	-- as live_registration(): the row alone is no proof
	SELECT r.*
	FROM llm_cost.rollup r
		 JOIN pg_namespace n ON n.nspname = r.schema_name
		 JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
			AND (c.relname IN (r.rollup_name, r.rollup_name || '_cell') OR c.relname = r.rollup_name || '_user_cell' AND r.user_columns <> '{}')
	WHERE c.oid = usage AND pg_get_userbyid(c.relowner) = r.created_by;
END;
COMMENT ON FUNCTION llm_cost.live_rollup(regclass) IS
	'The rollup that a relation is a table of, if it still belongs to the role that made it; no row otherwise.';

CREATE FUNCTION llm_cost.named_rollup(name text) RETURNS llm_cost.rollup
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parts		text[] := parse_ident(named_rollup.name);
	found_row	llm_cost.rollup;
	candidates	text[];
BEGIN
	SELECT array_agg(format('%I.%I', r.schema_name, r.rollup_name) ORDER BY r.schema_name) INTO candidates
	FROM llm_cost.rollup r
		 JOIN pg_namespace n ON n.nspname = r.schema_name
		 JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = r.rollup_name
		 JOIN LATERAL llm_cost.live_rollup(c.oid) l ON true
	WHERE r.rollup_name = parts[cardinality(parts)] AND (cardinality(parts) = 1 OR r.schema_name = parts[1]);
	IF candidates IS NULL OR cardinality(parts) > 2 THEN
		RAISE EXCEPTION 'rollup % does not exist', COALESCE(named_rollup.name, 'NULL')
			USING ERRCODE = 'undefined_table',
				HINT = COALESCE('Rollups: ' || (SELECT string_agg(format('%I.%I', r.schema_name, r.rollup_name), ', ' ORDER BY r.schema_name, r.rollup_name) FROM llm_cost.rollup r) || '.',
					'llm_cost.create_rollup() makes one.');
	ELSIF cardinality(candidates) > 1 THEN
		RAISE EXCEPTION 'more than one rollup is named %', named_rollup.name
			USING ERRCODE = 'ambiguous_parameter', HINT = format('Name the schema: %s.', array_to_string(candidates, ' or '));
	END IF;
	parts := parse_ident(candidates[1]);
	SELECT r.* INTO found_row FROM llm_cost.rollup r WHERE r.schema_name = parts[1] AND r.rollup_name = parts[2];
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION llm_cost.named_rollup(text) IS
	'The rollup of that name, with or without its schema. Errors when there is none, or several.';

CREATE FUNCTION llm_cost.create_rollup(
	name text, by text[] DEFAULT NULL, usage regclass DEFAULT NULL, bucket text DEFAULT 'day', time_zone text DEFAULT NULL,
	lateness interval DEFAULT '3 days', operation_age interval DEFAULT '1 day', with_users boolean DEFAULT true)
RETURNS regclass
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	target		record;
	parts		text[] := parse_ident(create_rollup.name);
	zone		text := llm_cost.checked_zone(create_rollup.time_zone);
	step		text := COALESCE(create_rollup.bucket, 'day');
	late		interval := COALESCE(create_rollup.lateness, '3 days');
	age			interval := COALESCE(create_rollup.operation_age, '1 day');
	dimensions	text[] := create_rollup.by;
	by_user		text[] := ARRAY[]::text[];
	reserved	text[];
	wrong		text;
	shown		text;
	made		record;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(create_rollup.usage);
	IF source.from_item IS NULL THEN
		RAISE EXCEPTION '% is a rollup itself', source.relation
			USING ERRCODE = 'wrong_object_type', HINT = 'Name the usage: usage => ''relation''.';
	ELSIF parts IS NULL OR cardinality(parts) > 2 OR octet_length(parts[cardinality(parts)]) > 63 - length('_user_cell') THEN
		RAISE EXCEPTION 'invalid name of a rollup: %', COALESCE(quote_literal(create_rollup.name), 'NULL')
			USING ERRCODE = 'invalid_name', HINT = 'Write name or schema.name, quoted as in SQL; the name has at most 53 bytes.';
	ELSIF step NOT IN ('hour', 'day', 'week') THEN
		RAISE EXCEPTION 'unknown bucket "%"', step
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Buckets: hour, day, week. Months are sums of days.';
	ELSIF NOT (late >= INTERVAL '0' AND late < INTERVAL '10 years') OR NOT (age >= INTERVAL '0' AND age <= INTERVAL '31 days') THEN
		RAISE EXCEPTION 'lateness and operation_age must not be negative, nor longer than 10 years and 31 days'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('lateness: %s, operation_age: %s.', late, age);
	END IF;
	SELECT n.nspname::text AS schema_name, c.relname::text AS relation_name INTO target
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = source.relation;

	IF dimensions IS NULL THEN
		dimensions := ARRAY(SELECT d.name FROM unnest('{team,feature,workflow,agent,intent,release,model,provider,service_tier,region}'::text[]) WITH ORDINALITY AS d (name, rank)
			WHERE d.name = ANY (source.columns) ORDER BY d.rank);
	END IF;
	reserved := '{started_at,bucket_start,bucket_date,cell,turn,user_id,cost_distribution,context_distribution}'::text[]
		|| ARRAY(SELECT m.measure FROM llm_cost.cell_measures() m);
	SELECT d.name INTO wrong FROM unnest(dimensions) AS d (name)
	WHERE d.name IS NULL OR d.name = ANY (reserved) OR octet_length(d.name) > 63 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'column % cannot be among those of the cells', COALESCE(quote_ident(wrong), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('by: %s.', dimensions),
				HINT = 'User cells have user_id and turn; quantities are sums, not columns to group by.';
	ELSIF cardinality(dimensions) <> (SELECT count(DISTINCT d.name) FROM unnest(dimensions) AS d (name)) THEN
		RAISE EXCEPTION 'a column is named twice'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('by: %s.', dimensions);
	END IF;
	PERFORM llm_cost.column_expression(source.relation, d.name, 'a') FROM unnest(dimensions) AS d (name);	-- errors when there is none
	IF COALESCE(create_rollup.with_users, true) AND 'user_id' = ANY (source.columns) THEN
		-- teams are a sampling unit, and first turns are compared with first turns
		by_user := dimensions || ARRAY(SELECT c FROM unnest('{team,user_id,turn}'::text[]) AS c
			WHERE c = ANY (source.columns) AND c <> ALL (dimensions));
	END IF;

	IF cardinality(parts) = 1 THEN
		parts := target.schema_name || parts;
	END IF;
	IF parts[1] LIKE 'pg\_temp%' THEN
		RAISE EXCEPTION 'a rollup cannot be temporary'
			USING ERRCODE = 'invalid_table_definition', HINT = 'Name a schema: create_rollup(''schema.name'', ...).';
	END IF;
	shown := format('%I.%I', parts[1], parts[2]);
	EXECUTE format('CREATE TABLE %s (bucket_start timestamptz PRIMARY KEY, bucket_date date NOT NULL, found_rows bigint NOT NULL, attempts bigint NOT NULL, tool_calls bigint NOT NULL,
		unpriced_attempts bigint NOT NULL, cost numeric, known_at timestamptz NOT NULL, reference_at timestamptz, refreshed_at timestamptz NOT NULL, split_by text[] NOT NULL)', shown);
	EXECUTE format('COMMENT ON TABLE %s IS %L', shown, format(
		'Buckets of rollup %s: %s of %s, from usage %I.%I. Made by llm_cost.create_rollup(), filled by llm_cost.refresh_rollup(), removed by llm_cost.drop_rollup().',
		parts[2], step, zone, target.schema_name, target.relation_name));
	FOR made IN
		SELECT c.suffix, c.columns, c.says, c.distributions
		FROM (VALUES ('_cell', dimensions, 'exact sums, and distributions of cost and context, by columns', true),
					 ('_user_cell', by_user, 'exact sums by columns and user', false)) AS c (suffix, columns, says, distributions)
		WHERE c.suffix = '_cell' OR by_user <> '{}'
	LOOP
		EXECUTE format('CREATE TABLE %I.%I (bucket_start timestamptz NOT NULL, cell integer NOT NULL, bucket_date date NOT NULL%s, %s%s, PRIMARY KEY (bucket_start, cell))',
			parts[1], parts[2] || made.suffix,
			COALESCE((SELECT string_agg(format(', %I %s', d.name, CASE d.name WHEN 'turn' THEN 'smallint' ELSE 'text COLLATE "C"' END), '' ORDER BY d.rank)
					  FROM unnest(made.columns) WITH ORDINALITY AS d (name, rank)), ''),
			(SELECT string_agg(format('%I %s%s', m.measure, m.data_type, CASE m.data_type WHEN 'bigint' THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY m."position") FROM llm_cost.cell_measures() m),
			CASE WHEN made.distributions THEN ', cost_distribution llm_cost.distribution, context_distribution llm_cost.distribution' ELSE '' END);
		EXECUTE format('COMMENT ON TABLE %I.%I IS %L', parts[1], parts[2] || made.suffix, format('Cells of rollup %s: %s.', parts[2], made.says));
	END LOOP;
	PERFORM llm_cost.comment_rollup(parts[1], parts[2], zone);

	DELETE FROM llm_cost.rollup r WHERE r.schema_name = parts[1] AND r.rollup_name = parts[2];
	INSERT INTO llm_cost.rollup (schema_name, rollup_name, usage_schema, usage_name, usage_columns, price_book, by_columns, user_columns,
		bucket, time_zone, lateness, operation_age)
	VALUES (parts[1], parts[2], target.schema_name, target.relation_name, source.columns, source.price_book, dimensions, by_user, step, zone, late, age);
	PERFORM llm_cost.create_bi_views(shown);
	RETURN shown::regclass;
END
$$;
COMMENT ON FUNCTION llm_cost.create_rollup(text, text[], regclass, text, text, interval, interval, boolean) IS
	'Makes the tables of a rollup, empty; refresh_rollup() fills them. name: of the table of buckets, in the schema of the usage unless it says another; cells are in name_cell and name_user_cell, and BI tools read the views name_bi and name_user_bi. by: columns of the usage, or labels such as tags.plan; NULL takes those of team, feature, workflow, agent, intent, release, model, provider, service_tier and region that the usage reports. bucket: hour, day or week in time_zone (NULL: that of the session). lateness: how long after the fact rows may still arrive. operation_age: how long an operation may last. with_users: user cells too, where the usage reports user_id, with team and turn (1 first, 2 later); most comparisons need them. The tables belong to the caller and do not inherit row security. Returns the table of buckets.';

CREATE FUNCTION llm_cost.comment_rollup(schema_name text, rollup_name text, time_zone text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	described	record;
BEGIN
	FOR described IN
		SELECT n.nspname, c.relname, a.attname, COALESCE(
			(SELECT m.description FROM llm_cost.cell_measures() m WHERE m.measure = a.attname),
			x.description,
			(SELECT u.description FROM llm_cost.usage_columns() u WHERE u.usage_column = a.attname),
			'Column ' || a.attname || ' of the usage.') AS says
		FROM pg_class c
			 JOIN pg_namespace n ON n.oid = c.relnamespace
			 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			 LEFT JOIN (VALUES
				('bucket_start', format('Start of the bucket in %s.', comment_rollup.time_zone)),
				('bucket_date', format('Date of the bucket in %s.', comment_rollup.time_zone)),
				('cell', 'Number of the cell within the bucket.'),
				('turn', 'Turn within the conversation: 1 first, 2 later; NULL: not reported.'),
				('known_at', 'As of when prices were believed.'),
				('found_rows', 'Rows of the usage that it was made of, with spans that repeat those below them; with fewer, the bucket is kept.'),
				('reference_at', 'Time whose prices reference_cost has.'),
				('refreshed_at', 'When the bucket was computed.'),
				('split_by', 'Columns in which attempts of one operation differ; a filter on them would cut operations in two.'),
				('cost_distribution', 'Distribution of the cost of an attempt.'),
				('context_distribution', 'Distribution of input tokens per attempt.')) AS x (column_name, description) ON x.column_name = a.attname
		WHERE n.nspname = comment_rollup.schema_name
		  AND c.relname IN (comment_rollup.rollup_name, comment_rollup.rollup_name || '_cell', comment_rollup.rollup_name || '_user_cell')
	LOOP
		EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', described.nspname, described.relname, described.attname, described.says);
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.comment_rollup(text, text, text) IS
	'Writes the comments of the columns of a rollup''s tables.';

CREATE FUNCTION llm_cost.drop_rollup(name text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		llm_cost.rollup := llm_cost.named_rollup(drop_rollup.name);
	view		regclass;
BEGIN
	FOR view IN SELECT v FROM llm_cost.bi_views(target) AS v LOOP
		EXECUTE format('DROP VIEW %s', view);
	END LOOP;
	-- the row first: who may remove it is who owns the tables
	DELETE FROM llm_cost.rollup r WHERE r.schema_name = target.schema_name AND r.rollup_name = target.rollup_name;
	IF target.user_columns <> '{}' THEN
		EXECUTE format('DROP TABLE %1$I.%2$I', target.schema_name, target.rollup_name || '_user_cell');
	END IF;
	EXECUTE format('DROP TABLE %1$I.%2$I, %1$I.%3$I', target.schema_name, target.rollup_name, target.rollup_name || '_cell');
END
$$;
COMMENT ON FUNCTION llm_cost.drop_rollup(text) IS
	'Drops the tables of a rollup and its views, and forgets it; the usage is untouched. Errors when other objects depend on them, a view that was renamed or moved to another schema among them.';
