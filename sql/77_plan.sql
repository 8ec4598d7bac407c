/*
 * The plan: what was expected of a usage, so that the drift of a forecast is
 * measured from its first day.
 */

CREATE FUNCTION llm_cost.may_read(schema_name text, relation_name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- by name: a cast to regclass fails on a schema the reader may not use
	SELECT EXISTS (
		SELECT FROM pg_class c
			 JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = may_read.schema_name AND c.relname = may_read.relation_name
		  AND has_table_privilege(c.oid, 'SELECT'));
END;
COMMENT ON FUNCTION llm_cost.may_read(text, text) IS
	'Whether the current user may read the relation of that name; false where there is none. For row security of what is kept about usages.';

CREATE TABLE llm_cost.usage_plan (
	schema_name	text COLLATE "C" NOT NULL,
	relation_name text COLLATE "C" NOT NULL,
	scope		jsonb NOT NULL,
	metric		text COLLATE "C" NOT NULL,
	unit		text COLLATE "C" NOT NULL,
	valid_from	timestamptz NOT NULL,
	value		numeric NOT NULL CHECK (value = 0 OR value BETWEEN 1e-30 AND 1e30),
	planned_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	planned_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (schema_name, relation_name, scope, metric, unit, valid_from, planned_by)
);
COMMENT ON TABLE llm_cost.usage_plan IS
	'What is expected of usages, as set_plan() wrote it. Row security: a user sees the plans of relations he may read, and changes his own.';
COMMENT ON COLUMN llm_cost.usage_plan.schema_name IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.usage_plan.relation_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.usage_plan.scope IS 'Columns and values that the plan is for; {}: the whole usage.';
COMMENT ON COLUMN llm_cost.usage_plan.metric IS 'Metric, one of metrics().';
COMMENT ON COLUMN llm_cost.usage_plan.unit IS 'Unit of the metric, one of metrics().';
COMMENT ON COLUMN llm_cost.usage_plan.valid_from IS 'From when on it is expected, until a later plan of the same scope and metric.';
COMMENT ON COLUMN llm_cost.usage_plan.value IS 'What is expected: a ratio, or an amount per week.';
COMMENT ON COLUMN llm_cost.usage_plan.planned_by IS 'Role that planned it.';
COMMENT ON COLUMN llm_cost.usage_plan.planned_at IS 'When it was planned.';
SELECT pg_catalog.pg_extension_config_dump('llm_cost.usage_plan', '');

ALTER TABLE llm_cost.usage_plan ENABLE ROW LEVEL SECURITY;
CREATE POLICY usage_plan_read ON llm_cost.usage_plan FOR SELECT
	USING (planned_by = CURRENT_USER OR llm_cost.may_read(schema_name, relation_name));
CREATE POLICY usage_plan_add ON llm_cost.usage_plan FOR INSERT
	WITH CHECK (planned_by = CURRENT_USER AND llm_cost.may_read(schema_name, relation_name));
CREATE POLICY usage_plan_remove ON llm_cost.usage_plan FOR DELETE USING (planned_by = CURRENT_USER);
COMMENT ON POLICY usage_plan_read ON llm_cost.usage_plan IS 'Plans of relations the user may read, and his own.';
COMMENT ON POLICY usage_plan_add ON llm_cost.usage_plan IS 'Only for relations the user may read, in his own name.';
COMMENT ON POLICY usage_plan_remove ON llm_cost.usage_plan IS 'Only what the user planned himself.';
GRANT SELECT, INSERT, DELETE ON llm_cost.usage_plan TO PUBLIC;

CREATE FUNCTION llm_cost.has_a_say(role_name text, schema_name text, relation_name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT EXISTS (
		SELECT FROM pg_class c
			 JOIN pg_namespace n ON n.oid = c.relnamespace
			 JOIN pg_roles r ON r.rolname = has_a_say.role_name
		WHERE n.nspname = has_a_say.schema_name AND c.relname = has_a_say.relation_name
		  AND (pg_has_role(r.oid, c.relowner, 'MEMBER') OR has_table_privilege(r.oid, c.oid, 'SELECT WITH GRANT OPTION')));
END;
COMMENT ON FUNCTION llm_cost.has_a_say(text, text, text) IS
	'Whether what a role says of a usage holds for everybody: it may act for the owner of the usage, or was granted SELECT on it WITH GRANT OPTION.';

CREATE FUNCTION llm_cost.speaks_for(role_name text, schema_name text, relation_name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN role_name = CURRENT_USER OR llm_cost.has_a_say(role_name, schema_name, relation_name);
COMMENT ON FUNCTION llm_cost.speaks_for(text, text, text) IS
	'Whether what a role said of a usage holds for the current user: he said it himself, or the role has_a_say(). What other readers of it say is theirs alone.';

CREATE FUNCTION llm_cost.planned_scope(scope jsonb, by text[], filter jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- a plan for all is none for what a filter leaves of it, nor one for a team a part of that for two
RETURN CASE WHEN ARRAY(SELECT jsonb_object_keys(scope)) @> by AND scope ?& ARRAY(SELECT jsonb_object_keys(filter))
				 AND by || ARRAY(SELECT jsonb_object_keys(filter)) @> ARRAY(SELECT jsonb_object_keys(scope))
				 AND NOT EXISTS (SELECT FROM jsonb_each(filter) AS f
					WHERE CASE WHEN jsonb_typeof(f.value) <> 'array' THEN f.value #>> '{}' IS DISTINCT FROM scope ->> f.key
							   ELSE NOT EXISTS (SELECT FROM jsonb_array_elements_text(f.value) AS v (value) WHERE v.value IS NOT DISTINCT FROM scope ->> f.key)
									OR jsonb_array_length(f.value) > 1 AND f.key <> ALL (by) END)
			THEN scope - ARRAY(SELECT k.k FROM jsonb_object_keys(scope) AS k (k) WHERE k.k <> ALL (by)) END;
COMMENT ON FUNCTION llm_cost.planned_scope(jsonb, text[], jsonb) IS
	'The row that a plan for a scope is for, in an answer by columns under a filter; NULL if for none. A plan for {"team": "a", "workflow": "b"} is for the row {"team": "a"} under the filter {"workflow": "b"}.';

CREATE FUNCTION llm_cost.set_plan(
	plan jsonb, scope jsonb DEFAULT '{}', valid_from timestamptz DEFAULT NULL, usage regclass DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	entry		record;
	chosen		record;
	target		record;
	wanted		jsonb := COALESCE(set_plan.scope, '{}');
	starts_at	timestamptz := COALESCE(set_plan.valid_from, '-infinity');
	planned		integer := 0;
	seen		text[] := ARRAY[]::text[];
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(set_plan.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	PERFORM llm_cost.filter_predicate(source.relation, wanted, 'a');	-- errors when it is no scope
	IF EXISTS (SELECT FROM jsonb_each(wanted) AS e WHERE jsonb_typeof(e.value) NOT IN ('string', 'null')) THEN
		RAISE EXCEPTION 'a scope has one value for each column'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Scope: %s.', wanted), HINT = 'Write values as text, and one plan for each.';
	END IF;
	IF jsonb_typeof(set_plan.plan) IS DISTINCT FROM 'object' OR set_plan.plan = '{}' THEN
		RAISE EXCEPTION 'plan must be a JSON object of metrics and values'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'For example {"users": 500, "operations": 20000, "unit_cost": 0.012, "hit_ratio": 0.8}.';
	END IF;
	FOR entry IN SELECT p.key, p.value FROM jsonb_each(set_plan.plan) AS p ORDER BY p.key LOOP
		IF NOT (CASE WHEN jsonb_typeof(entry.value) = 'number'
				THEN (entry.value #>> '{}')::numeric = 0 OR (entry.value #>> '{}')::numeric BETWEEN 1e-30 AND 1e30 ELSE false END) THEN
			RAISE EXCEPTION 'invalid plan for %: %', entry.key, entry.value
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Write 0, or a number from 1e-30 to 1e30.';
		END IF;
		-- unit_cost, or unit_cost:user
		SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, split_part(entry.key, ':', 1), NULLIF(split_part(entry.key, ':', 2), ''),
			ARRAY(SELECT jsonb_object_keys(wanted)));
		IF chosen.method = 'points' AND (entry.value #>> '{}')::numeric > 1 THEN
			RAISE EXCEPTION 'invalid plan for %: %', entry.key, entry.value
				USING ERRCODE = 'invalid_parameter_value', HINT = 'It is a share; write 0.8 for 80 %.';
		ELSIF format('%s:%s', split_part(entry.key, ':', 1), chosen.chosen_unit) = ANY (seen) THEN
			RAISE EXCEPTION 'two plans for % by %', split_part(entry.key, ':', 1), chosen.chosen_unit
				USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Plan: %s.', set_plan.plan);
		END IF;
		seen := seen || format('%s:%s', split_part(entry.key, ':', 1), chosen.chosen_unit);
		DELETE FROM llm_cost.usage_plan p
		WHERE p.schema_name = target.schema_name AND p.relation_name = target.relation_name AND p.scope = wanted
		  AND p.metric = split_part(entry.key, ':', 1) AND p.unit = chosen.chosen_unit AND p.valid_from = starts_at AND p.planned_by = CURRENT_USER;
		INSERT INTO llm_cost.usage_plan (schema_name, relation_name, scope, metric, unit, valid_from, value)
		VALUES (target.schema_name, target.relation_name, wanted, split_part(entry.key, ':', 1), chosen.chosen_unit, starts_at,
			(entry.value #>> '{}')::numeric);
		planned := planned + 1;
	END LOOP;
	RETURN planned;
END
$$;
COMMENT ON FUNCTION llm_cost.set_plan(jsonb, jsonb, timestamptz, regclass) IS
	'Says what is expected of a usage, or of a scope of it such as {"workflow": "support"}: an object of metrics (those of metrics(); metric:unit for another unit) and values, for example {"users": 500, "operations": 20000, "unit_cost": 0.012, "hit_ratio": 0.8}; amounts are per week. Holds from valid_from (NULL: always) until a later plan. drift(baseline => ''plan'') compares with it. Returns how many values were set.';
