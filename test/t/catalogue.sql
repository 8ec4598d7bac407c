/*
 * What an installation of the extension consists of, one line per fact:
 * equal lines, equal installations.  No OIDs, and no order of columns, which
 * an upgrade that adds one cannot choose.
 */
CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid, o.type, o.identity
	FROM pg_depend d
		 JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'llm_cost',
		 LATERAL pg_identify_object(d.classid, d.objid, 0) o
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	  -- row and array types come with their tables and types; from PostgreSQL 17 they are members too
	  AND NOT (d.classid = 'pg_type'::regclass
			   AND EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
						   WHERE t.oid = d.objid AND (t.typcategory = 'A' OR c.relkind <> 'c')));

CREATE TEMP VIEW member_relation AS
	SELECT m.identity, c.*
	FROM member m
		 JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass;

SELECT concat_ws(' | ', kind, object, fact) COLLATE "C" AS line
FROM (
	SELECT 'member' AS kind, type || ' ' || identity AS object,
		   obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) AS fact
	FROM member
UNION ALL
	SELECT 'function', m.identity,
		   CASE WHEN p.prokind = 'a'
				THEN (SELECT (to_jsonb(a) - 'aggfnoid' - 'aggtranstype' - 'aggmtranstype' - 'aggsortop')::text
					  FROM pg_aggregate a WHERE a.aggfnoid = p.oid)
				ELSE pg_get_functiondef(p.oid) END || ' ' || coalesce(p.proacl::text, '')
	FROM member m
		 JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
UNION ALL
	SELECT 'relation', r.identity,
		   concat_ws(' ', r.relkind, r.relpersistence, r.reloptions, r.relacl, r.relrowsecurity, r.relforcerowsecurity,
					 CASE WHEN r.relkind = 'v' THEN pg_get_viewdef(r.oid) END)
	FROM member_relation r
UNION ALL
	SELECT 'column', r.identity || '.' || a.attname,
		   concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull,
					 a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attacl,
					 col_description(r.oid, a.attnum))
	FROM member_relation r
		 JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
		 LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
	SELECT 'constraint', r.identity || '.' || c.conname, pg_get_constraintdef(c.oid)
	FROM member_relation r
		 JOIN pg_constraint c ON c.conrelid = r.oid
UNION ALL
	SELECT 'index', r.identity, pg_get_indexdef(i.indexrelid)
	FROM member_relation r
		 JOIN pg_index i ON i.indrelid = r.oid
UNION ALL
	SELECT 'trigger', r.identity || '.' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
	FROM member_relation r
		 JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
	SELECT 'policy', r.identity || '.' || p.polname,
		   concat_ws(' ', p.polcmd, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
	FROM member_relation r
		 JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
	SELECT 'type', m.identity,
		   concat_ws(' ', t.typlen, t.typtype, t.typcategory, t.typstorage, t.typinput, t.typoutput, t.typreceive,
					 t.typsend, t.typmodin, t.typnotnull, t.typdefault, t.typacl)
	FROM member m
		 JOIN pg_type t ON t.oid = m.objid AND m.classid = 'pg_type'::regclass
UNION ALL
	SELECT 'dumped', conf.relation::regclass::text, e.extcondition[conf.n]
	FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY conf (relation, n)
	WHERE e.extname = 'llm_cost'
) facts
ORDER BY line;
