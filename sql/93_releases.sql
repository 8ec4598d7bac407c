/*
 * Releases: what went out when.  Rows of usage that carry a version know best;
 * people declare what rows do not say, or have a table of deploys; and a prompt
 * that changes without either is inferred.
 */

CREATE TABLE llm_cost.declared_release (
	schema_name	text COLLATE "C" NOT NULL,
	relation_name text COLLATE "C" NOT NULL,
	release		text COLLATE "C" NOT NULL CHECK (release <> ''),
	version_column text COLLATE "C" NOT NULL CHECK (version_column IN ('release', 'prompt_version')),
	scope		jsonb NOT NULL,
	released_at	timestamptz NOT NULL CHECK (pg_catalog.isfinite(released_at)),
	note		text,
	declared_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	declared_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (schema_name, relation_name, scope, version_column, release, declared_by)
);
COMMENT ON TABLE llm_cost.declared_release IS
	'Releases that declare_release() was told of. Row security: a user sees those of relations he may read, and changes his own.';
COMMENT ON COLUMN llm_cost.declared_release.schema_name IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.declared_release.relation_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.declared_release.release IS 'Its name, as rows carry it, if they do.';
COMMENT ON COLUMN llm_cost.declared_release.version_column IS 'Column of usage that carries it: release or prompt_version.';
COMMENT ON COLUMN llm_cost.declared_release.scope IS 'Columns and values that it is for; {}: the whole usage.';
COMMENT ON COLUMN llm_cost.declared_release.released_at IS 'When it went out.';
COMMENT ON COLUMN llm_cost.declared_release.note IS 'Whatever is worth knowing of it; NULL: nothing.';
COMMENT ON COLUMN llm_cost.declared_release.declared_by IS 'Role that declared it.';
COMMENT ON COLUMN llm_cost.declared_release.declared_at IS 'When it was declared.';
SELECT pg_catalog.pg_extension_config_dump('llm_cost.declared_release', '');

CREATE TABLE llm_cost.release_source (
	schema_name	text COLLATE "C" NOT NULL,
	relation_name text COLLATE "C" NOT NULL,
	source_schema text COLLATE "C" NOT NULL,
	source_name	text COLLATE "C" NOT NULL,
	version		text COLLATE "C" NOT NULL,
	released_at	text COLLATE "C" NOT NULL,
	service		text COLLATE "C",
	scope_column text COLLATE "C" NOT NULL,
	attached_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	PRIMARY KEY (schema_name, relation_name, source_schema, source_name, attached_by)
);
COMMENT ON TABLE llm_cost.release_source IS
	'Relations of deploys, as attach_releases() registered them. They are read with the rights of whoever asks, if he attached them himself or somebody did who may act for the owner of the usage. Row security: a user sees those of relations he may read, and changes his own.';
COMMENT ON COLUMN llm_cost.release_source.schema_name IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.release_source.relation_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.release_source.source_schema IS 'Schema of the relation of deploys.';
COMMENT ON COLUMN llm_cost.release_source.source_name IS 'Name of the relation of deploys.';
COMMENT ON COLUMN llm_cost.release_source.version IS 'Its column with the version.';
COMMENT ON COLUMN llm_cost.release_source.released_at IS 'Its column with the time.';
COMMENT ON COLUMN llm_cost.release_source.service IS 'Its column with the service; NULL: there is but one.';
COMMENT ON COLUMN llm_cost.release_source.scope_column IS 'Column of usage that has the name of the service.';
COMMENT ON COLUMN llm_cost.release_source.attached_by IS 'Role that attached it.';
SELECT pg_catalog.pg_extension_config_dump('llm_cost.release_source', '');

ALTER TABLE llm_cost.declared_release ENABLE ROW LEVEL SECURITY;
ALTER TABLE llm_cost.release_source ENABLE ROW LEVEL SECURITY;
CREATE POLICY declared_release_read ON llm_cost.declared_release FOR SELECT
	USING (declared_by = CURRENT_USER OR llm_cost.may_read(schema_name, relation_name));
CREATE POLICY declared_release_add ON llm_cost.declared_release FOR INSERT
	WITH CHECK (declared_by = CURRENT_USER AND llm_cost.may_read(schema_name, relation_name));
CREATE POLICY declared_release_remove ON llm_cost.declared_release FOR DELETE USING (declared_by = CURRENT_USER);
CREATE POLICY release_source_read ON llm_cost.release_source FOR SELECT
	USING (attached_by = CURRENT_USER OR llm_cost.may_read(schema_name, relation_name));
CREATE POLICY release_source_add ON llm_cost.release_source FOR INSERT
	WITH CHECK (attached_by = CURRENT_USER AND llm_cost.may_read(schema_name, relation_name));
CREATE POLICY release_source_remove ON llm_cost.release_source FOR DELETE USING (attached_by = CURRENT_USER);
COMMENT ON POLICY declared_release_read ON llm_cost.declared_release IS 'Releases of relations the user may read, and his own.';
COMMENT ON POLICY declared_release_add ON llm_cost.declared_release IS 'Only for relations the user may read, in his own name.';
COMMENT ON POLICY declared_release_remove ON llm_cost.declared_release IS 'Only what the user declared himself.';
COMMENT ON POLICY release_source_read ON llm_cost.release_source IS 'Sources for relations the user may read, and his own.';
COMMENT ON POLICY release_source_add ON llm_cost.release_source IS 'Only for relations the user may read, in his own name.';
COMMENT ON POLICY release_source_remove ON llm_cost.release_source IS 'Only what the user attached himself.';
GRANT SELECT, INSERT, DELETE ON llm_cost.declared_release, llm_cost.release_source TO PUBLIC;

CREATE FUNCTION llm_cost.relation_parts(relation regclass, OUT schema_name text, OUT relation_name text)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- what is said of a usage holds, whichever way that is read
	SELECT r.usage_schema, r.usage_name INTO schema_name, relation_name FROM llm_cost.live_rollup(relation_parts.relation) r;
	IF NOT FOUND THEN
		SELECT n.nspname, c.relname INTO schema_name, relation_name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation_parts.relation;
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.relation_parts(regclass) IS
	'Schema and name of a relation, as which plans and declarations are kept; for a rollup, those of the usage that it is of.';

CREATE FUNCTION llm_cost.declare_release(
	release text, released_at timestamptz, scope jsonb DEFAULT '{}', version_column text DEFAULT 'release',
	note text DEFAULT NULL, usage regclass DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	target		record;
	wanted		jsonb := COALESCE(declare_release.scope, '{}');
	carried_by	text := COALESCE(declare_release.version_column, 'release');
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(declare_release.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	PERFORM llm_cost.filter_predicate(source.relation, wanted, 'a');	-- errors when it is no scope
	IF COALESCE(declare_release.release, '') = '' OR declare_release.released_at IS NULL OR NOT isfinite(declare_release.released_at) THEN
		RAISE EXCEPTION 'a release has a name and a time'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Release: %L, released at %L.', declare_release.release, declare_release.released_at),
				HINT = 'For example declare_release(''2.1.0'', ''2026-06-17 10:00+02'', ''{"workflow": "support"}'').';
	ELSIF carried_by NOT IN ('release', 'prompt_version') THEN
		RAISE EXCEPTION 'unknown version column "%"', carried_by
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Versions are in the columns release and prompt_version of usage.';
	END IF;
	DELETE FROM llm_cost.declared_release d
	WHERE d.schema_name = target.schema_name AND d.relation_name = target.relation_name AND d.scope = wanted
	  AND d.version_column = carried_by AND d.release = declare_release.release AND d.declared_by = CURRENT_USER;
	INSERT INTO llm_cost.declared_release (schema_name, relation_name, release, version_column, scope, released_at, note)
	VALUES (target.schema_name, target.relation_name, declare_release.release, carried_by, wanted, declare_release.released_at, declare_release.note);
END
$$;
COMMENT ON FUNCTION llm_cost.declare_release(text, timestamptz, jsonb, text, text, regclass) IS
	'Says that a release went out, for a scope such as {"workflow": "support"} or the whole usage. Rows of usage that carry the release say better when it came and to whom; this is for what they do not carry, and for plans. version_column: release or prompt_version, where rows carry it. Declared again it replaces what the same role declared before. Errors: no name, no time, a scope of columns that do not exist.';

CREATE FUNCTION llm_cost.attach_releases(
	relation regclass, mapping jsonb DEFAULT NULL, scope_column text DEFAULT 'workflow', usage regclass DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	target		record;
	deploys		record;
	present		text[] := llm_cost.column_names(attach_releases.relation);
	wanted		jsonb := jsonb_build_object('version', 'version', 'released_at', 'deployed_at', 'service', 'service');
	entry		record;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(attach_releases.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	SELECT * INTO deploys FROM llm_cost.relation_parts(attach_releases.relation);
	IF deploys.relation_name IS NULL THEN
		RAISE EXCEPTION 'there is no relation of releases'
			USING ERRCODE = 'undefined_table', HINT = 'Name a table or view with one row for each deploy.';
	END IF;
	PERFORM llm_cost.column_expression(source.relation, COALESCE(attach_releases.scope_column, 'workflow'), 'a');
	IF jsonb_typeof(COALESCE(attach_releases.mapping, '{}')) <> 'object'
	   OR NOT wanted ?& ARRAY(SELECT jsonb_object_keys(attach_releases.mapping)) THEN
		RAISE EXCEPTION 'invalid mapping'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Mapping: %s.', attach_releases.mapping),
				HINT = 'Columns of yours for version, released_at and service, for example {"version": "tag", "released_at": "at", "service": null}.';
	END IF;
	wanted := wanted || COALESCE(attach_releases.mapping, '{}');
	FOR entry IN SELECT w.key, w.value FROM jsonb_each_text(wanted) AS w ORDER BY w.key LOOP
		IF entry.value = ANY (present) IS NOT TRUE AND NOT (entry.key = 'service' AND entry.value IS NULL) THEN
			RAISE EXCEPTION 'column "%" of relation % does not exist', entry.value, attach_releases.relation
				USING ERRCODE = 'undefined_column',
					HINT = format('Map it: mapping => ''{"%s": "your_column"}''. There are: %s.', entry.key, array_to_string(present, ', '));
		END IF;
	END LOOP;
	IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = attach_releases.relation AND a.attname = wanted ->> 'released_at'
				   AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)) THEN
		RAISE EXCEPTION 'column "%" of relation % is no time', wanted ->> 'released_at', attach_releases.relation
			USING ERRCODE = 'datatype_mismatch', HINT = 'Attach a view that makes it a timestamp.';
	END IF;
	DELETE FROM llm_cost.release_source s
	WHERE s.schema_name = target.schema_name AND s.relation_name = target.relation_name
	  AND s.source_schema = deploys.schema_name AND s.source_name = deploys.relation_name AND s.attached_by = CURRENT_USER;
	INSERT INTO llm_cost.release_source (schema_name, relation_name, source_schema, source_name, version, released_at, service, scope_column)
	VALUES (target.schema_name, target.relation_name, deploys.schema_name, deploys.relation_name, wanted ->> 'version',
		wanted ->> 'released_at', wanted ->> 'service', COALESCE(attach_releases.scope_column, 'workflow'));
END
$$;
COMMENT ON FUNCTION llm_cost.attach_releases(regclass, jsonb, text, regclass) IS
	'Takes releases from a table or view of deploys, read where it is whenever they are asked for. mapping: its columns for version, released_at and service, by default version, deployed_at and service; service null if there is but one. A time without time zone is UTC. scope_column: column of usage with the name of the service; a service that never occurs there stands before all of them. Errors when a column does not exist.';

CREATE FUNCTION llm_cost.detach_releases(relation regclass, usage regclass DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	target		record;
	deploys		record;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(detach_releases.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	SELECT * INTO deploys FROM llm_cost.relation_parts(detach_releases.relation);
	DELETE FROM llm_cost.release_source s
	WHERE s.schema_name = target.schema_name AND s.relation_name = target.relation_name
	  AND s.source_schema = deploys.schema_name AND s.source_name = deploys.relation_name AND s.attached_by = CURRENT_USER;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION llm_cost.detach_releases(regclass, regclass) IS
	'Forgets that releases come from this relation. Whether the role had attached it.';

CREATE FUNCTION llm_cost.declared_releases_query(usage regclass, period tstzrange) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	target		record;
	deploys		record;
	relation_id regclass;
	parts		text[];
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(declared_releases_query.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	parts := ARRAY[format('SELECT d.release, d.version_column, d.scope, NULL::text AS service, d.released_at, d.note
		FROM llm_cost.declared_release d WHERE d.schema_name = %L AND d.relation_name = %L AND llm_cost.speaks_for(d.declared_by, d.schema_name, d.relation_name)', target.schema_name, target.relation_name)];
	FOR deploys IN
		SELECT DISTINCT s.source_schema, s.source_name, s.version, s.released_at, s.service, s.scope_column
		FROM llm_cost.release_source s
		WHERE s.schema_name = target.schema_name AND s.relation_name = target.relation_name
		  -- whoever reads a relation runs what its owner put there
		  AND llm_cost.speaks_for(s.attached_by, s.schema_name, s.relation_name)
		ORDER BY s.source_schema, s.source_name, s.version, s.released_at, s.service, s.scope_column
	LOOP
		relation_id := to_regclass(format('%I.%I', deploys.source_schema, deploys.source_name));
		-- gone, or not for this user: then he does not know of them
		CONTINUE WHEN relation_id IS NULL OR NOT has_table_privilege(relation_id, 'SELECT')
			OR NOT llm_cost.column_names(relation_id) @> array_remove(ARRAY[deploys.version, deploys.released_at, deploys.service], NULL)
			OR NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation_id AND a.attname = deploys.released_at
						   AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype))
			OR deploys.scope_column <> ALL (ARRAY(SELECT u.usage_column FROM llm_cost.usage_columns() u) || llm_cost.column_names(source.relation))
			OR NOT llm_cost.rollup_has(source.relation, 'near_release by ' || deploys.source_name, ARRAY[deploys.scope_column], 'week');
		parts := parts || format($sql$SELECT d.release, 'release', CASE WHEN d.own THEN jsonb_build_object(%1$L, d.service) ELSE '{}' END,
				CASE WHEN d.own THEN NULL ELSE d.service END, d.released_at, NULL
			FROM (SELECT t.%2$I::text AS release, %3$s AS service, %4$s AS released_at,
						 %3$s IN (SELECT %5$s FROM %6$s AS u WHERE (%7$s) AND %5$s IS NOT NULL) AS own
				  FROM %8$I.%9$I AS t WHERE t.%2$I IS NOT NULL AND t.%10$I IS NOT NULL) AS d$sql$,
			deploys.scope_column, deploys.version,
			CASE WHEN deploys.service IS NULL THEN 'NULL::text' ELSE format('t.%I::text', deploys.service) END,
			CASE (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = relation_id AND a.attname = deploys.released_at)
				WHEN 'timestamp'::regtype THEN format('timezone(''UTC'', t.%I)', deploys.released_at)
				ELSE format('t.%I::timestamptz', deploys.released_at) END,
			llm_cost.column_expression(source.relation, deploys.scope_column, 'u'),
			-- of a rollup, its cells say which services there were
			COALESCE(source.from_item, (SELECT format('%I.%I', r.schema_name, r.rollup_name || '_cell') FROM llm_cost.live_rollup(source.relation) r)),
			CASE WHEN source.from_item IS NULL AND declared_releases_query.period IS NOT NULL THEN llm_cost.within(declared_releases_query.period, 'u.bucket_start')
				 WHEN source.from_item IS NULL THEN 'true' ELSE llm_cost.period_predicate(source.relation, declared_releases_query.period, 'u') END,
			deploys.source_schema, deploys.source_name, deploys.released_at);
	END LOOP;
	RETURN format('SELECT d.* FROM (%s) AS d%s', array_to_string(parts, ' UNION ALL '),
		CASE WHEN declared_releases_query.period IS NOT NULL THEN ' WHERE ' || llm_cost.within(declared_releases_query.period, 'd.released_at') ELSE '' END);
END
$$;
COMMENT ON FUNCTION llm_cost.declared_releases_query(regclass, tstzrange) IS
	'SQL that reads the releases of a period (NULL: ever) that were declared for a usage, and those of the relations of deploys attached to it: release, version_column, scope, service, released_at, note. A service that occurs in its column of the usage in the period is the scope; one that does not stands before all scopes and is told by name.';

CREATE FUNCTION llm_cost.release_label(release text, service text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat_ws(' ', service, release);
COMMENT ON FUNCTION llm_cost.release_label(text, text) IS
	'What a release is called: its name, after that of its service if no scope of usage has it.';

CREATE FUNCTION llm_cost.rollout_began(day integer[], share float8[], first_at timestamptz[], last_day integer) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH seen AS (
		SELECT s.*, count(*) OVER (ORDER BY s.day RANGE BETWEEN CURRENT ROW AND 2 FOLLOWING) AS first_days,
			   count(*) OVER week AS days, sum(s.share) OVER week AS shares, LEAST(7, rollout_began.last_day - s.day + 1) AS followed,
			   first_value(s.day) OVER (ORDER BY s.share DESC, s.day) AS fullest_day
		FROM unnest(rollout_began.day, rollout_began.share, rollout_began.first_at) AS s (day, share, first_at)
		WINDOW week AS (ORDER BY s.day RANGE BETWEEN CURRENT ROW AND 6 FOLLOWING)
	)
	SELECT COALESCE((SELECT s.first_at FROM seen s WHERE s.first_days >= LEAST(2, s.followed) AND 2 * s.days > s.followed AND s.shares >= 0.02 * s.followed ORDER BY s.day LIMIT 1),
		-- it never stayed for a week: as it did the most
		(SELECT s.first_at FROM seen s WHERE s.day > s.fullest_day - 7 ORDER BY s.day LIMIT 1));
END;
COMMENT ON FUNCTION llm_cost.rollout_began(integer[], float8[], timestamptz[], integer) IS
	'When a version began to be rolled out: its first row on the first day that it was seen on, and on two of three days, most of seven, and with 2 % of the rows of these on average. A row before that is of somebody who tried it. A version that never stayed so long began in the week before the day on which it had most. day: numbers of the days, of those with usage, on which the version was seen; share: of the rows of the day; first_at: its first row of the day; last_day: number of the last day of all. NULL for none.';
