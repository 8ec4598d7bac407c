/*
 * write_report: the report, kept.
 *
 * A report is a row for each usage, period and revision: rewriting it over the
 * same data changes nothing, over changed data adds a revision that says what
 * is different.  Asked in another way (time zone, columns, a rollup instead of
 * its usage) it is another report, as its findings cannot be compared.  What
 * people say of a finding is a log of its own, by fingerprint, and so outlives
 * revisions and weeks.  All that a call writes is one transaction.
 *
 * Whoever may read a usage may write a report on it, and nothing keeps him from
 * writing what is not so.  So a report holds for who wrote it, and for others if
 * the owner of the usage gave its writer a say: speaks_for().
 */

CREATE FUNCTION llm_cost.reads_whole(schema_name text, relation_name text) RETURNS boolean
LANGUAGE sql STABLE COST 1000
BEGIN ATOMIC
	-- a view of attach() looks through to tables with the rights of who asks, others with those of their owner
	WITH RECURSIVE part AS (
		SELECT c.oid, true AS asks FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = schema_name AND c.relname = relation_name
		UNION
		SELECT d.refobjid, p.asks AND EXISTS (SELECT FROM pg_class c, pg_options_to_table(c.reloptions) AS o
											  WHERE c.oid = p.oid AND o.option_name = 'security_invoker' AND o.option_value::boolean)
		FROM part p
			 JOIN pg_rewrite r ON r.ev_class = p.oid
			 JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> p.oid
	)
	SELECT COALESCE(bool_and(NOT row_security_active(p.oid) AND (NOT p.asks OR has_table_privilege(p.oid, 'SELECT'))), false) FROM part p;
END;
COMMENT ON FUNCTION llm_cost.reads_whole(text, text) IS
	'Whether the user may read a relation (and, where that is a view with the rights of who asks, what is below it), and row security hides no row of it from him: who sees nothing or parts must not see the sums of all. False if there is no such relation.';

CREATE TABLE llm_cost.report_run (
	run_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	usage_schema text COLLATE "C" NOT NULL,
	usage_name	text COLLATE "C" NOT NULL,
	period		tstzrange NOT NULL,
	revision	integer NOT NULL CHECK (revision > 0),
	document	jsonb NOT NULL,
	written_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	written_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	difference	jsonb,
	asked_by	text[] COLLATE "C",
	first_date	date GENERATED ALWAYS AS (pg_catalog.timezone(document #>> '{report,time_zone}', pg_catalog.lower(period))::date) STORED,
	last_date	date GENERATED ALWAYS AS ((pg_catalog.timezone(document #>> '{report,time_zone}', pg_catalog.upper(period)) - INTERVAL '1 microsecond')::date) STORED,
	time_zone	text COLLATE "C" GENERATED ALWAYS AS (COALESCE(document #>> '{report,time_zone}', 'UTC')) STORED,
	by_columns	jsonb GENERATED ALWAYS AS (COALESCE(document #> '{report,by}', '[]')) STORED,
	rollup		text COLLATE "C" GENERATED ALWAYS AS (COALESCE(document #>> '{report,rollup}', '')) STORED,
	CONSTRAINT report_run_revision UNIQUE NULLS NOT DISTINCT (usage_schema, usage_name, period, time_zone, asked_by, rollup, written_by, revision)
);
COMMENT ON TABLE llm_cost.report_run IS
	'Reports that write_report() wrote. Row security: a role sees its own, those of roles it is a member of, and, on usages all of whose rows it may read, those that hold for it (trusted_report), or all if it owns the usage; it deletes its own, and those on usages it owns.';
COMMENT ON COLUMN llm_cost.report_run.run_id IS 'Number of the report, which NOTIFY llm_cost_report tells.';
COMMENT ON COLUMN llm_cost.report_run.usage_schema IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.report_run.usage_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.report_run.period IS 'Period of the report.';
COMMENT ON COLUMN llm_cost.report_run.revision IS '1, and one more each time the data had changed when it was written again.';
COMMENT ON COLUMN llm_cost.report_run.document IS 'The report, as report_document() made it.';
COMMENT ON COLUMN llm_cost.report_run.written_by IS 'Role that wrote it.';
COMMENT ON COLUMN llm_cost.report_run.written_at IS 'When it was written.';
COMMENT ON COLUMN llm_cost.report_run.difference IS 'What is different from the revision before: spend, findings added, gone and changed, sections that differ. NULL for the first.';
COMMENT ON COLUMN llm_cost.report_run.asked_by IS 'Columns that were asked for; NULL: those that report_document() takes.';
COMMENT ON COLUMN llm_cost.report_run.first_date IS 'First day of the period in the time zone of the report.';
COMMENT ON COLUMN llm_cost.report_run.last_date IS 'Last day of it.';
COMMENT ON COLUMN llm_cost.report_run.time_zone IS 'Time zone of the report.';
COMMENT ON COLUMN llm_cost.report_run.by_columns IS 'Columns that its findings are by.';
COMMENT ON COLUMN llm_cost.report_run.rollup IS 'Rollup that it was made from; empty: from the usage.';

CREATE TABLE llm_cost.report_writer (
	usage_schema text COLLATE "C" NOT NULL,
	usage_name	text COLLATE "C" NOT NULL,
	written_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	since		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	-- two first reports at once need not wait for each other
	PRIMARY KEY (usage_schema, usage_name, written_by, since)
);
COMMENT ON TABLE llm_cost.report_writer IS
	'Who writes reports on which usage, so that row security asks once for each and not for every report. A role sees those whose reports it sees.';
COMMENT ON COLUMN llm_cost.report_writer.usage_schema IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.report_writer.usage_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.report_writer.written_by IS 'The role.';
COMMENT ON COLUMN llm_cost.report_writer.since IS 'When it wrote the first.';

CREATE TABLE llm_cost.report_finding (
	run_id		bigint NOT NULL REFERENCES llm_cost.report_run ON DELETE CASCADE,
	place		integer NOT NULL,
	fingerprint	text COLLATE "C" NOT NULL,
	finding		jsonb NOT NULL,
	PRIMARY KEY (run_id, place)
);
CREATE INDEX ON llm_cost.report_finding (fingerprint);
COMMENT ON TABLE llm_cost.report_finding IS 'The findings of reports, one by one. Row security: those of reports that the role sees.';
COMMENT ON COLUMN llm_cost.report_finding.run_id IS 'The report.';
COMMENT ON COLUMN llm_cost.report_finding.place IS 'Place in it; 1 is the dearest.';
COMMENT ON COLUMN llm_cost.report_finding.fingerprint IS 'What the finding is known by from report to report.';
COMMENT ON COLUMN llm_cost.report_finding.finding IS 'The finding, as the document has it.';

CREATE TABLE llm_cost.finding_state (
	usage_schema text COLLATE "C" NOT NULL,
	usage_name	text COLLATE "C" NOT NULL,
	fingerprint	text COLLATE "C" NOT NULL,
	status		text COLLATE "C" NOT NULL CHECK (status IN ('open', 'acknowledged', 'snoozed', 'resolved')),
	until		timestamptz CHECK ((until IS NOT NULL) = (status = 'snoozed')),
	seen_in		tstzrange NOT NULL,
	note		text,
	who			text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	changed_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (usage_schema, usage_name, fingerprint, changed_at)
);
COMMENT ON TABLE llm_cost.finding_state IS
	'What people said of findings, one row each time; the latest holds. Row security as for reports; a role adds in its own name, and nothing is changed.';
COMMENT ON COLUMN llm_cost.finding_state.usage_schema IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.finding_state.usage_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.finding_state.fingerprint IS 'The finding.';
COMMENT ON COLUMN llm_cost.finding_state.status IS 'acknowledged, snoozed, resolved, or open again.';
COMMENT ON COLUMN llm_cost.finding_state.until IS 'Until when it is snoozed; NULL otherwise.';
COMMENT ON COLUMN llm_cost.finding_state.seen_in IS 'Period of the last report that had the finding then.';
COMMENT ON COLUMN llm_cost.finding_state.note IS 'Why, in words.';
COMMENT ON COLUMN llm_cost.finding_state.who IS 'Role that said so.';
COMMENT ON COLUMN llm_cost.finding_state.changed_at IS 'When.';
COMMENT ON SEQUENCE llm_cost.report_run_run_id_seq IS 'Numbers of reports.';
SELECT pg_catalog.pg_extension_config_dump('llm_cost.report_writer', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.report_run', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.report_run_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.report_finding', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.finding_state', '');

CREATE VIEW llm_cost.trusted_report WITH (security_invoker = true) AS
	SELECT r.run_id, r.usage_schema, r.usage_name, r.period, r.time_zone, r.asked_by, r.by_columns, r.rollup, r.revision, r.written_by, r.written_at, r.document, r.difference
	FROM llm_cost.report_run r
	WHERE (r.usage_schema, r.usage_name, r.written_by) IN (
		SELECT w.usage_schema, w.usage_name, w.written_by
		-- asked once for each, not for every report
		FROM (SELECT DISTINCT d.usage_schema, d.usage_name, d.written_by FROM llm_cost.report_run d OFFSET 0) AS w
		WHERE llm_cost.speaks_for(w.written_by, w.usage_schema, w.usage_name));
COMMENT ON VIEW llm_cost.trusted_report IS
	'The reports that hold for the user: those that he wrote, and of those that he sees the ones of roles that may act for the owner of the usage or were granted SELECT on it WITH GRANT OPTION. Findings, alerts and the latest report are of these. The latest revision is that with the highest run_id.';
COMMENT ON COLUMN llm_cost.trusted_report.run_id IS 'Number of the report.';
COMMENT ON COLUMN llm_cost.trusted_report.usage_schema IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.trusted_report.usage_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.trusted_report.period IS 'Period of the report.';
COMMENT ON COLUMN llm_cost.trusted_report.time_zone IS 'Its time zone.';
COMMENT ON COLUMN llm_cost.trusted_report.asked_by IS 'Columns that were asked for; NULL: those that report_document() takes.';
COMMENT ON COLUMN llm_cost.trusted_report.by_columns IS 'Columns that its findings are by.';
COMMENT ON COLUMN llm_cost.trusted_report.rollup IS 'Rollup that it was made from; empty: from the usage.';
COMMENT ON COLUMN llm_cost.trusted_report.revision IS 'Its revision.';
COMMENT ON COLUMN llm_cost.trusted_report.written_by IS 'Role that wrote it.';
COMMENT ON COLUMN llm_cost.trusted_report.written_at IS 'When it was written.';
COMMENT ON COLUMN llm_cost.trusted_report.document IS 'The report, as report_document() made it.';
COMMENT ON COLUMN llm_cost.trusted_report.difference IS 'What is different from the revision before; NULL for the first.';
GRANT SELECT ON llm_cost.trusted_report TO PUBLIC;

CREATE FUNCTION llm_cost.next_revision(usage_schema text, usage_name text, period tstzrange, time_zone text, asked_by text[], rollup text) RETURNS integer
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT COALESCE(max(r.revision), 0) + 1 FROM llm_cost.trusted_report r
	WHERE r.usage_schema = next_revision.usage_schema AND r.usage_name = next_revision.usage_name AND r.period = next_revision.period
	  AND r.time_zone = next_revision.time_zone AND r.asked_by IS NOT DISTINCT FROM next_revision.asked_by AND r.rollup = next_revision.rollup;
END;
COMMENT ON FUNCTION llm_cost.next_revision(text, text, tstzrange, text, text[], text) IS
	'The revision that the next report on a usage and period, asked in that way, has for the user.';

ALTER TABLE llm_cost.report_writer ENABLE ROW LEVEL SECURITY;
CREATE POLICY report_writer_read ON llm_cost.report_writer FOR SELECT
	USING (written_by = CURRENT_USER
		   OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = written_by AND pg_catalog.pg_has_role(r.oid, 'USAGE'))
		   OR (llm_cost.speaks_for(written_by, usage_schema, usage_name) OR EXISTS (
				SELECT FROM pg_catalog.pg_class c
					 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				WHERE n.nspname = usage_schema AND c.relname = usage_name AND pg_catalog.pg_has_role(c.relowner, 'USAGE')))
			  AND llm_cost.reads_whole(usage_schema, usage_name));
CREATE POLICY report_writer_add ON llm_cost.report_writer FOR INSERT
	WITH CHECK (written_by = CURRENT_USER AND llm_cost.may_read(usage_schema, usage_name));
COMMENT ON POLICY report_writer_read ON llm_cost.report_writer IS 'Oneself, roles one is a member of, and, on usages that one reads without row security, roles that speak for the usage; all, if one owns it.';
COMMENT ON POLICY report_writer_add ON llm_cost.report_writer IS 'Oneself, on relations the user may read.';
GRANT SELECT, INSERT (usage_schema, usage_name, written_by) ON llm_cost.report_writer TO PUBLIC;

CREATE FUNCTION llm_cost.note_report_writer() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO llm_cost.report_writer (usage_schema, usage_name, written_by)
	SELECT NEW.usage_schema, NEW.usage_name, NEW.written_by
	WHERE NOT EXISTS (SELECT FROM llm_cost.report_writer w WHERE w.usage_schema = NEW.usage_schema AND w.usage_name = NEW.usage_name AND w.written_by = NEW.written_by);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION llm_cost.note_report_writer() IS 'Notes who wrote a report, if that is the first of his on the usage.';
CREATE TRIGGER note_writer AFTER INSERT ON llm_cost.report_run FOR EACH ROW EXECUTE FUNCTION llm_cost.note_report_writer();
COMMENT ON TRIGGER note_writer ON llm_cost.report_run IS 'Fills report_writer.';

ALTER TABLE llm_cost.report_run ENABLE ROW LEVEL SECURITY;
CREATE POLICY report_run_read ON llm_cost.report_run FOR SELECT
	USING (written_by = CURRENT_USER
		   OR (usage_schema, usage_name, written_by) IN (SELECT w.usage_schema, w.usage_name, w.written_by FROM llm_cost.report_writer w));
CREATE POLICY report_run_add ON llm_cost.report_run FOR INSERT
	WITH CHECK (written_by = CURRENT_USER AND pg_catalog.upper(period) <= pg_catalog.now() + INTERVAL '1 day'
				AND revision = llm_cost.next_revision(usage_schema, usage_name, period, time_zone, asked_by, rollup)
				AND llm_cost.may_read(usage_schema, usage_name));
CREATE POLICY report_run_remove ON llm_cost.report_run FOR DELETE
	USING (written_by = CURRENT_USER OR EXISTS (
		SELECT FROM pg_catalog.pg_class c
			 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = usage_schema AND c.relname = usage_name
		  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')));
COMMENT ON POLICY report_run_read ON llm_cost.report_run IS 'One''s own, and those of roles that one sees in report_writer.';
COMMENT ON POLICY report_run_add ON llm_cost.report_run IS 'Only on relations the user may read, in his own name, of what is over, as the next revision of what holds for him.';
COMMENT ON POLICY report_run_remove ON llm_cost.report_run IS 'What the user wrote himself, and what others wrote on usages that he owns.';
-- nobody writes numbers, names or times of his own
GRANT SELECT, DELETE, INSERT (usage_schema, usage_name, period, revision, document, difference, asked_by) ON llm_cost.report_run TO PUBLIC;

ALTER TABLE llm_cost.report_finding ENABLE ROW LEVEL SECURITY;
CREATE POLICY report_finding_read ON llm_cost.report_finding FOR SELECT
	USING (run_id IN (SELECT r.run_id FROM llm_cost.report_run r));
CREATE POLICY report_finding_add ON llm_cost.report_finding FOR INSERT
	WITH CHECK (EXISTS (SELECT FROM llm_cost.report_run r WHERE r.run_id = report_finding.run_id AND r.written_by = CURRENT_USER));
COMMENT ON POLICY report_finding_read ON llm_cost.report_finding IS 'Findings of reports that the user sees.';
COMMENT ON POLICY report_finding_add ON llm_cost.report_finding IS 'Only to reports that the user wrote himself.';
GRANT SELECT, INSERT ON llm_cost.report_finding TO PUBLIC;

ALTER TABLE llm_cost.finding_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY finding_state_read ON llm_cost.finding_state FOR SELECT
	USING (who = CURRENT_USER OR (usage_schema, usage_name) IN (SELECT r.usage_schema, r.usage_name FROM llm_cost.report_run r));
CREATE POLICY finding_state_add ON llm_cost.finding_state FOR INSERT
	WITH CHECK (who = CURRENT_USER AND EXISTS (SELECT FROM llm_cost.trusted_report r
		WHERE r.usage_schema = finding_state.usage_schema AND r.usage_name = finding_state.usage_name AND r.period = finding_state.seen_in));
COMMENT ON POLICY finding_state_read ON llm_cost.finding_state IS 'What was said of findings in reports that the user sees.';
COMMENT ON POLICY finding_state_add ON llm_cost.finding_state IS 'Only of findings in reports that hold for the user, in his own name.';
GRANT SELECT, INSERT (usage_schema, usage_name, fingerprint, status, until, seen_in, note) ON llm_cost.finding_state TO PUBLIC;

CREATE FUNCTION llm_cost.report_difference(before jsonb, after jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object(
		'spend', jsonb_build_object('before', before #> '{spend,now}', 'after', after #> '{spend,now}'),
		'findings', jsonb_build_object(
			'added', COALESCE(jsonb_agg(f.now ORDER BY f.n) FILTER (WHERE f.was IS NULL), '[]'),
			'gone', COALESCE(jsonb_agg(f.was ORDER BY f.n) FILTER (WHERE f.now IS NULL), '[]'),
			'changed', COALESCE(jsonb_agg(f.now || jsonb_build_object('weekly_usd_before', f.was -> 'weekly_usd') ORDER BY f.n) FILTER (WHERE f.now <> f.was), '[]')),
		'sections', (SELECT COALESCE(jsonb_agg(k.key ORDER BY k.key), '[]') FROM (SELECT jsonb_object_keys(before) AS key UNION SELECT jsonb_object_keys(after)) AS k
					 WHERE before -> k.key IS DISTINCT FROM after -> k.key AND k.key <> 'report'))
	FROM (SELECT COALESCE(a.n, b.n) AS n,
				 CASE WHEN a.f IS NOT NULL THEN jsonb_build_object('fingerprint', a.f -> 'fingerprint', 'sentence', a.f -> 'sentence', 'weekly_usd', a.f -> 'weekly_usd') END AS now,
				 CASE WHEN b.f IS NOT NULL THEN jsonb_build_object('fingerprint', b.f -> 'fingerprint', 'sentence', b.f -> 'sentence', 'weekly_usd', b.f -> 'weekly_usd') END AS was
		  FROM jsonb_array_elements(after -> 'findings') WITH ORDINALITY AS a (f, n)
			   FULL JOIN jsonb_array_elements(before -> 'findings') WITH ORDINALITY AS b (f, n) ON a.f ->> 'fingerprint' = b.f ->> 'fingerprint') AS f;
END;
COMMENT ON FUNCTION llm_cost.report_difference(jsonb, jsonb) IS
	'What is different between two documents of one period: spend before and after, findings added, gone and changed by fingerprint, and the sections that differ.';

CREATE FUNCTION llm_cost.report_or_failure(usage regclass, period tstzrange, time_zone text, by text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	target		record;
	security	text := current_setting('row_security');
	state		text;
	message		text;
	from_rollup	text := llm_cost.rollup_name(report_or_failure.usage);
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(report_or_failure.usage);
	-- sums of what row security leaves would pass for sums of all
	PERFORM set_config('row_security', 'off', true);
	EXECUTE format('SELECT FROM %s AS a LIMIT 0', source.relation);
	PERFORM set_config('row_security', security, true);
	RETURN llm_cost.report_document(report_or_failure.period, report_or_failure.usage, report_or_failure.time_zone, report_or_failure.by);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	-- a full disk or a server that stops is no matter of this usage
	IF state ~ '^(25|40|53|55P03|57|58|XX)' THEN
		RAISE;
	END IF;
	SELECT * INTO target FROM llm_cost.relation_parts(report_or_failure.usage);
	RAISE WARNING 'no report on %: %', report_or_failure.usage, message;
	RETURN jsonb_build_object(
		'report', jsonb_build_object('usage', format('%I.%I', target.schema_name, target.relation_name), 'revision', 1, 'time_zone', report_or_failure.time_zone,
			'by', COALESCE(to_jsonb(report_or_failure.by), '[]'), 'rollup', from_rollup, 'period', jsonb_build_array(to_jsonb(timezone('UTC', lower(report_or_failure.period))) #>> '{}' || '+00:00', to_jsonb(timezone('UTC', upper(report_or_failure.period))) #>> '{}' || '+00:00')),
		'findings', jsonb_build_array(jsonb_build_object(
			'fingerprint', llm_cost.finding_fingerprint(target.schema_name, target.relation_name, 'failed_usage', '{}', 'up'),
			'kind', 'failed_usage', 'scope', '{}'::jsonb, 'direction', 'up', 'sentence', format('There is no report on %I.%I: %s.', target.schema_name, target.relation_name, message),
			'weekly_usd', NULL, 'low', NULL, 'high', NULL, 'verdict', 'insufficient', 'cause', state, 'near_release', NULL, 'declared', NULL, 'owner', NULL, 'weeks_open', 1,
			'status', 'open', 'first_seen', to_jsonb(timezone('UTC', lower(report_or_failure.period))) #>> '{}' || '+00:00',
			'next_sql', format('SELECT * FROM llm_cost.doctor(%L)', report_or_failure.usage), 'evidence', '[]'::jsonb)),
		'notes', jsonb_build_array(format('Nothing could be computed: %s.', message)));
END
$$;
COMMENT ON FUNCTION llm_cost.report_or_failure(regclass, tstzrange, text, text[]) IS
	'The document of report_document(), or one whose only finding is that it failed, and why: also where row security would hide rows. Errors that are not of the usage (a full disk, a conflict, a shutdown) stay errors.';

CREATE PROCEDURE llm_cost.write_report(
	period tstzrange DEFAULT NULL, usages regclass[] DEFAULT NULL, time_zone text DEFAULT NULL, by text[] DEFAULT NULL, INOUT run_ids bigint[] DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(write_report.time_zone);
	whole		tstzrange := llm_cost.checked_period(write_report.period, zone);
	wanted		regclass[] := write_report.usages;
	free		regclass[] := ARRAY[]::regclass[];
	one			regclass;
	target		record;
	made		record;
	earlier		record;
	document	jsonb;
	from_rollup	text;
	next		integer;
	written		bigint;
BEGIN
	IF upper(whole) > now() + INTERVAL '1 day' THEN
		RAISE EXCEPTION 'the period is not over'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Period: %s.', whole),
				HINT = 'A report that is kept is of a period that is over; SELECT llm_cost.report_document() looks at any.';
	ELSIF pg_is_in_recovery() THEN
		RAISE EXCEPTION 'cannot write a report on a hot standby'
			USING ERRCODE = 'read_only_sql_transaction', HINT = 'Write it on the primary. SELECT llm_cost.report_document() gives the same document here, and stores nothing.';
	ELSIF current_setting('transaction_read_only')::boolean THEN
		RAISE EXCEPTION 'cannot write a report in a read-only transaction'
			USING ERRCODE = 'read_only_sql_transaction', HINT = 'SELECT llm_cost.report_document() gives the same document, and stores nothing.';
	END IF;
	IF wanted IS NULL THEN
		wanted := ARRAY(SELECT c.oid::regclass FROM llm_cost.attached_usage a JOIN pg_namespace n ON n.nspname = a.schema_name
							 JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.view_name AND c.relkind = 'v'
						WHERE has_table_privilege(c.oid, 'SELECT'));
		IF wanted = '{}' THEN
			RAISE EXCEPTION 'no usage is attached that % may read', CURRENT_USER
				USING ERRCODE = 'undefined_table', HINT = 'Call llm_cost.attach(''your_table''), grant SELECT, or name relations: usages => ''{relation}''.';
		END IF;
	END IF;
	run_ids := ARRAY[]::bigint[];
	FOR one IN SELECT DISTINCT ON (u.schema_name, u.relation_name, u.rollup) w.w
		FROM unnest(array_remove(wanted, NULL)) AS w (w), LATERAL (SELECT p.*, llm_cost.rollup_name(w.w) AS rollup FROM llm_cost.relation_parts(w.w) p) AS u
		ORDER BY u.schema_name, u.relation_name, u.rollup NULLS FIRST
	LOOP
		SELECT * INTO target FROM llm_cost.relation_parts(one);
		-- a rollup is read for its usage
		IF NOT has_table_privilege(one, 'SELECT') OR has_table_privilege(to_regclass(format('%I.%I', target.schema_name, target.relation_name)), 'SELECT') IS NOT TRUE THEN
			RAISE EXCEPTION 'permission denied for usage %', format('%I.%I', target.schema_name, target.relation_name)
				USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT SELECT ON %I.%I TO %I', target.schema_name, target.relation_name, CURRENT_USER);
		ELSIF pg_try_advisory_xact_lock(hashtextextended(format('llm_cost.report %I.%I %s %s %s %s', target.schema_name, target.relation_name, timezone('UTC', lower(whole)), zone, write_report.by, llm_cost.rollup_name(one)), 0)) THEN
			free := free || one;
		ELSE
			RAISE NOTICE 'the report on % is being written by another session', one;
		END IF;
	END LOOP;

	-- read in one statement, and so from one snapshot, and once
	PERFORM llm_cost.hold_usages(free, whole);
	FOR made IN
		SELECT u.one, u.n, llm_cost.report_or_failure(u.one, whole, zone, write_report.by) AS document FROM unnest(free) WITH ORDINALITY AS u (one, n)
	LOOP
		SELECT * INTO target FROM llm_cost.relation_parts(made.one);
		document := made.document;
		from_rollup := COALESCE(document #>> '{report,rollup}', '');
		SELECT r.run_id, r.document INTO earlier FROM llm_cost.trusted_report r
		WHERE r.usage_schema = target.schema_name AND r.usage_name = target.relation_name AND r.period = whole
		  AND r.time_zone = zone AND r.asked_by IS NOT DISTINCT FROM write_report.by AND r.rollup = from_rollup
		ORDER BY r.run_id DESC LIMIT 1;
		IF earlier.document #- '{report,revision}' #- '{report,known_at}' = document #- '{report,revision}' #- '{report,known_at}' THEN
			RAISE NOTICE 'report % on % (% of %) is unchanged', earlier.run_id, made.one, made.n, cardinality(free);
			run_ids := run_ids || earlier.run_id;
			CONTINUE;
		END IF;
		IF document #>> '{findings,0,kind}' = 'failed_usage' AND earlier.document #>> '{findings,0,kind}' IS DISTINCT FROM 'failed_usage' AND earlier.run_id IS NOT NULL THEN
			-- what was found is not gone because it cannot be looked for now
			RAISE NOTICE 'report % on % (% of %) is kept', earlier.run_id, made.one, made.n, cardinality(free);
			run_ids := run_ids || earlier.run_id;
			CONTINUE;
		END IF;
		next := llm_cost.next_revision(target.schema_name, target.relation_name, whole, zone, write_report.by, from_rollup);
		document := jsonb_set(document, '{report,revision}', to_jsonb(next));
		-- one that another transaction committed since a snapshot of ours is a conflict
		INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document, asked_by, difference)
		VALUES (target.schema_name, target.relation_name, whole, next, document, write_report.by,
			CASE WHEN earlier.run_id IS NOT NULL THEN llm_cost.report_difference(earlier.document, document) END)
		ON CONFLICT ON CONSTRAINT report_run_revision DO NOTHING
		RETURNING run_id INTO written;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'the report on % was written by another session meanwhile', made.one
				USING ERRCODE = 'serialization_failure', HINT = 'Call it again.';
		END IF;
		INSERT INTO llm_cost.report_finding (run_id, place, fingerprint, finding)
		SELECT written, f.n, f.f ->> 'fingerprint', f.f FROM jsonb_array_elements(document -> 'findings') WITH ORDINALITY AS f (f, n);
		RAISE NOTICE 'report % on % (% of %) is written: revision %, findings: %', written, made.one, made.n, cardinality(free), next,
			jsonb_array_length(document -> 'findings');
		IF NOT llm_cost.has_a_say(CURRENT_USER, target.schema_name, target.relation_name) THEN
			RAISE NOTICE 'report % holds for % alone', written, CURRENT_USER
				USING HINT = format('For others: GRANT SELECT ON %I.%I TO %I WITH GRANT OPTION', target.schema_name, target.relation_name, CURRENT_USER);
		END IF;
		PERFORM pg_notify('llm_cost_report', written::text);
		run_ids := run_ids || written;
	END LOOP;
	PERFORM llm_cost.release_usages();
END
$$;
COMMENT ON PROCEDURE llm_cost.write_report(tstzrange, regclass[], text, text[], bigint[]) IS
	'Writes the report on each usage (NULL: all that are attached and the user may read) for a period (NULL: the last full week), with the arguments of report_document(), in one transaction and from one snapshot. Over the same data nothing is written; over changed data the next revision, with its difference. Another time zone, other columns, or a rollup instead of its usage make a report of their own. A usage that cannot be reported on gets a report whose finding is failed_usage, and a warning; where there is a report on that period already, it is kept. While another session writes the report on the same usage and period, that one is left to it, with a notice. run_ids: the reports, new or unchanged. Each new one is told by NOTIFY llm_cost_report with its number. Errors: 22023 when the period ends more than a day from now; 25006 on a hot standby and in a read-only transaction.';
