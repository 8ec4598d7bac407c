/*
 * plpgsql_check must find nothing in any plpgsql function of the extension,
 * apart from its guess that an OUT column is never set where it cannot know,
 * because a generated statement returns the rows; from pg_cron where that is
 * not installed; and from what is STABLE because it shall see one snapshot.
 */
CREATE EXTENSION plpgsql_check;

DO $$
DECLARE
	findings text;
BEGIN
	SELECT string_agg(format('%s line %s: %s', f.function, c.lineno,
							 concat_ws(E'\n\t', c.message, c.detail, c.hint, c.query, c.context)), E'\n')
	INTO findings
	FROM (SELECT p.oid::regprocedure AS function, trigger_on.relation
		  FROM pg_depend d
			   JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'llm_cost'
			   JOIN pg_proc p ON p.oid = d.objid
			   JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
			   -- a trigger function is checked against each table it is on
			   LEFT JOIN LATERAL (SELECT DISTINCT t.tgrelid::regclass AS relation
								  FROM pg_trigger t WHERE t.tgfoid = p.oid) trigger_on ON true
		  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.deptype = 'e' AND p.prorettype <> 'event_trigger'::regtype) f,
		 LATERAL plpgsql_check_function_tb(f.function, coalesce(f.relation, 0), fatal_errors => false) c
	WHERE NOT (c.message LIKE 'OUT variable % is maybe unmodified' AND c.detail LIKE '%dynamic SQL')
	  AND NOT (c.sqlstate IN ('3F000', '42P01') AND c.message ~ '"cron[".]')
	  AND NOT (f.function::text LIKE 'llm_cost.report_or_failure(%' AND c.message LIKE 'routine is marked as STABLE%');

	IF findings IS NOT NULL THEN
		RAISE EXCEPTION E'plpgsql_check:\n%', findings;
	END IF;
END
$$;
