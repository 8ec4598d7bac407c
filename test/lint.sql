/*
 * Rules that every object of the extension obeys, read from the catalogue.
 * Raises one error that lists all offenders.
 */
CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid, o.type, o.schema, o.identity
	FROM pg_depend d
		 JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'llm_cost',
		 LATERAL pg_identify_object(d.classid, d.objid, 0) o
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	  -- row and array types come with their tables and types; from PostgreSQL 17 they are members too
	  AND NOT (d.classid = 'pg_type'::regclass
			   AND EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
						   WHERE t.oid = d.objid AND (t.typcategory = 'A' OR c.relkind <> 'c')));

CREATE TEMP VIEW member_function AS
	SELECT m.identity, l.lanname, p.*
	FROM member m
		 JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
		 JOIN pg_language l ON l.oid = p.prolang;

CREATE TEMP VIEW member_relation AS
	SELECT m.identity, m.type, c.*
	FROM member m
		 JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass;

-- What PUBLIC may do beyond reading, as "relation: PRIVILEGE".
CREATE TEMP TABLE allowed_to_public (grant_line text PRIMARY KEY);
INSERT INTO allowed_to_public VALUES
	-- row security: everyone registers and forgets his own views only
	('llm_cost.attached_usage: INSERT'),
	('llm_cost.attached_usage: DELETE'),
	('llm_cost.usage_plan: INSERT'),
	('llm_cost.usage_plan: DELETE'),
	('llm_cost.declared_release: INSERT'),
	('llm_cost.declared_release: DELETE'),
	('llm_cost.release_source: INSERT'),
	('llm_cost.release_source: DELETE'),
	('llm_cost.declared_change: INSERT'),
	('llm_cost.declared_change: DELETE'),
	('llm_cost.rollup: INSERT'),
	('llm_cost.rollup: DELETE'),
	('llm_cost.report_run: DELETE'),
	('llm_cost.report_run.usage_schema: INSERT'), ('llm_cost.report_run.usage_name: INSERT'), ('llm_cost.report_run.period: INSERT'),
	('llm_cost.report_run.revision: INSERT'), ('llm_cost.report_run.document: INSERT'), ('llm_cost.report_run.difference: INSERT'), ('llm_cost.report_run.asked_by: INSERT'),
	('llm_cost.report_writer.usage_schema: INSERT'), ('llm_cost.report_writer.usage_name: INSERT'), ('llm_cost.report_writer.written_by: INSERT'),
	('llm_cost.report_finding: INSERT'),
	('llm_cost.finding_state.usage_schema: INSERT'), ('llm_cost.finding_state.usage_name: INSERT'), ('llm_cost.finding_state.fingerprint: INSERT'),
	('llm_cost.finding_state.status: INSERT'), ('llm_cost.finding_state.until: INSERT'), ('llm_cost.finding_state.seen_in: INSERT'), ('llm_cost.finding_state.note: INSERT'),
	-- what a refresh says of itself
	('llm_cost.rollup.covered: UPDATE'),
	('llm_cost.rollup.refreshed_at: UPDATE'),
	('llm_cost.rollup.usage_columns: UPDATE'), ('llm_cost.rollup.price_book: UPDATE');

CREATE TEMP VIEW offence (rule, object) AS
	SELECT 'every object lives in schema llm_cost', format('%s %s', type, identity)
	FROM member
	WHERE schema IS DISTINCT FROM 'llm_cost'
	  AND NOT (type = 'schema' AND identity = 'llm_cost')
	  AND type <> 'cast'
UNION ALL
	SELECT 'every object has a comment', format('%s %s', type, identity)
	FROM member
	WHERE obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
UNION ALL
	SELECT 'every column has a comment', format('%s of %s', a.attname, r.identity)
	FROM member_relation r
		 JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE r.relkind <> 'S' AND col_description(r.oid, a.attnum) IS NULL
UNION ALL
	SELECT 'no function is SECURITY DEFINER', identity
	FROM member_function
	WHERE prosecdef
UNION ALL
	SELECT 'a plpgsql function sets search_path to pg_catalog, pg_temp', identity
	FROM member_function
	WHERE lanname = 'plpgsql'
	  AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
UNION ALL
	SELECT 'an SQL function is parsed when it is created (BEGIN ATOMIC or RETURN)', identity
	FROM member_function
	WHERE lanname = 'sql' AND prosqlbody IS NULL
UNION ALL
	SELECT 'a view is security_invoker', identity
	FROM member_relation
	WHERE relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)
UNION ALL
	SELECT 'PUBLIC may only read', g.grant_line
	FROM (SELECT format('%s: %s', r.identity, x.privilege_type) AS grant_line
		  FROM member_relation r, LATERAL aclexplode(r.relacl) x
		  WHERE x.grantee = 0 AND x.privilege_type NOT IN ('SELECT', 'USAGE')
		  UNION ALL
		  SELECT format('%s.%s: %s', r.identity, a.attname, x.privilege_type)
		  FROM member_relation r
			   JOIN pg_attribute a ON a.attrelid = r.oid, LATERAL aclexplode(a.attacl) x
		  WHERE x.grantee = 0 AND x.privilege_type <> 'SELECT') g
	WHERE g.grant_line NOT IN (SELECT grant_line FROM allowed_to_public);

DO $$
DECLARE
	offences text;
BEGIN
	-- a rule that looks at nothing would always hold
	IF (SELECT count(*) < 10 FROM member) THEN
		RAISE EXCEPTION 'the extension has no members';
	END IF;

	SELECT string_agg(format('%s: %s', rule, object), E'\n' ORDER BY rule, object)
	INTO offences
	FROM offence;
	IF offences IS NOT NULL THEN
		RAISE EXCEPTION E'rules broken:\n%', offences;
	END IF;
END
$$;
