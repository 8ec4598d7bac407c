/*
 * schedule_report: the report every Monday, through pg_cron.
 *
 * pg_cron is looked for when it is used, and believed only as the extension of
 * that name: anybody may make a schema "cron".
 */

CREATE FUNCTION llm_cost.require_cron() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_extension e
						JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
						JOIN pg_proc p ON p.oid = d.objid AND p.proname = 'schedule'
						JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'cron'
				   WHERE e.extname = 'pg_cron') THEN
		RAISE EXCEPTION 'pg_cron is not installed in this database'
			USING ERRCODE = 'feature_not_supported',
				DETAIL = 'It is an extension that runs in one database of a cluster, cron.database_name.',
				HINT = format(E'Without it, let the system do it, as a role that may read the usages:\n'
					'  crontab:  0 7 * * 1  psql -XqAt -d %1$s -c "CALL llm_cost.write_report()"\n'
					'  systemd:  systemd-run --on-calendar="Mon 07:00" psql -XqAt -d %1$s -c "CALL llm_cost.write_report()"', current_database());
	ELSIF to_regnamespace('cron') IS NULL OR NOT has_schema_privilege('cron', 'USAGE') THEN
		RAISE EXCEPTION 'permission denied for schema cron'
			USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT USAGE ON SCHEMA cron TO %I', CURRENT_USER);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.require_cron() IS 'Fails where pg_cron is not installed or may not be used, and says what to do instead.';

CREATE FUNCTION llm_cost.schedule_report(
	cron text DEFAULT '0 7 * * 1', usages regclass[] DEFAULT NULL, time_zone text DEFAULT NULL, job_name text DEFAULT 'llm_cost report', by text[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job			bigint;
	zone		text := llm_cost.checked_zone(schedule_report.time_zone);
	wanted		regclass[] := array_remove(schedule_report.usages, NULL);
	one			regclass;
	column_name	text;
BEGIN
	IF wanted = '{}' THEN
		RAISE EXCEPTION 'usages has no usage'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Name some, or leave it out for all that are attached.';
	END IF;
	FOREACH one IN ARRAY COALESCE(wanted, '{}') LOOP
		FOREACH column_name IN ARRAY COALESCE(schedule_report.by, '{}') LOOP
			PERFORM llm_cost.column_expression(one, column_name, 'a');	-- errors when there is none
		END LOOP;
	END LOOP;
	PERFORM llm_cost.require_cron();
	EXECUTE format('SELECT %I.schedule($1, $2, $3)', 'cron') INTO job
	USING COALESCE(schedule_report.job_name, 'llm_cost report'), COALESCE(schedule_report.cron, '0 7 * * 1'),
		format('CALL llm_cost.write_report(usages => %L::regclass[], time_zone => %L%s)',
			-- by schema and name, as the job has a search_path of its own
			(SELECT array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY u.n)
			 FROM unnest(wanted) WITH ORDINALITY AS u (usage, n) JOIN pg_class c ON c.oid = u.usage JOIN pg_namespace n ON n.oid = c.relnamespace), zone,
			', by => ' || quote_literal(schedule_report.by));
	RETURN job;
END
$$;
COMMENT ON FUNCTION llm_cost.schedule_report(text, regclass[], text, text, text[]) IS
	'Has pg_cron write the report of the last full week of time_zone (NULL: that of the session) on the usages (NULL: all that are attached and the caller may read then), with findings by the columns "by" (NULL: those of report_document()), by default every Monday at seven by the clock of cron.timezone. The job runs as who calls this, and replaces his job of that name. Returns its number. Errors: 22023 when usages is empty; when a usage named lacks a column of by; where pg_cron is not installed, with what to do instead.';

CREATE FUNCTION llm_cost.unschedule_report(job_name text DEFAULT 'llm_cost report') RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done		boolean;
BEGIN
	PERFORM llm_cost.require_cron();
	EXECUTE format('SELECT bool_or(%1$I.unschedule(j.jobid)) FROM %1$I.job j WHERE j.jobname = $1 AND j.username = CURRENT_USER', 'cron') INTO done
	USING COALESCE(unschedule_report.job_name, 'llm_cost report');
	RETURN COALESCE(done, false);
END
$$;
COMMENT ON FUNCTION llm_cost.unschedule_report(text) IS
	'Takes the caller''s job of that name from pg_cron. Whether there was one. Errors where pg_cron is not installed.';
