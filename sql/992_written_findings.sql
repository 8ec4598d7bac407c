/*
 * Findings as people work with them: how long they have been open, what was
 * said of them, whether they went away.
 */

CREATE VIEW llm_cost.findings WITH (security_invoker = true) AS
	WITH latest AS (
		SELECT DISTINCT ON (r.usage_schema, r.usage_name, r.period, r.time_zone, r.asked_by, r.rollup) r.run_id, r.usage_schema, r.usage_name, r.period, r.time_zone, r.asked_by, r.by_columns, r.rollup,
			   r.revision, r.written_at, (upper(r.period) - lower(r.period)) / 2 AS half,
			   -- days, weeks and months follow each other, not one another
			   CASE WHEN upper(r.period) - lower(r.period) < INTERVAL '36 hours' THEN 'day' WHEN upper(r.period) - lower(r.period) < INTERVAL '10 days' THEN 'week'
					WHEN upper(r.period) - lower(r.period) < INTERVAL '45 days' THEN 'month' ELSE 'longer' END AS length
		FROM llm_cost.trusted_report r
		ORDER BY r.usage_schema, r.usage_name, r.period, r.time_zone, r.asked_by, r.rollup, r.run_id DESC
	), found AS (
		-- once: row security looks at every report for it
		SELECT x.run_id, x.place, x.fingerprint, x.finding FROM llm_cost.report_finding x
	), lined AS (
		-- a line is of reports that can be compared, and has the number of its first
		SELECT l.*, min(l.run_id) OVER (PARTITION BY l.usage_schema, l.usage_name, l.length, l.time_zone, l.asked_by, l.rollup) AS line,
			   max(lower(l.period)) OVER (PARTITION BY l.usage_schema, l.usage_name, l.length, l.by_columns) AS newest_by,
			   max(lower(l.period)) OVER (PARTITION BY l.usage_schema, l.usage_name, l.length) AS newest,
			   l.run_id IN (SELECT x.run_id FROM found x WHERE x.finding ->> 'kind' = 'failed_usage') AS failed
		FROM latest l
	), sided AS (
		SELECT l.*, lead(lower(l.period)) OVER of_line AS next_from, lag(upper(l.period)) OVER of_line AS last_until
		FROM lined l
		WINDOW of_line AS (PARTITION BY l.line ORDER BY lower(l.period))
	), numbered AS (
		-- one that failed neither has a finding nor lacks it: it takes no number
		SELECT l.*, count(*) FILTER (WHERE l.last_until IS DISTINCT FROM lower(l.period)) OVER of_line AS series, count(*) FILTER (WHERE NOT l.failed) OVER of_line AS number,
			   -- of the same week in two time zones, or from a rollup too, what was written last; by other columns, what is no more than a period behind
			   l.is_newest AND l.run_id = max(l.run_id) FILTER (WHERE l.is_newest) OVER (PARTITION BY l.usage_schema, l.usage_name, l.length, l.by_columns) AS is_current
		FROM (SELECT s.*, s.next_from IS NULL AND upper(s.period) - s.half > s.newest_by AND upper(s.period) + s.half > s.newest AS is_newest FROM sided s) AS l
		WINDOW of_line AS (PARTITION BY l.line ORDER BY lower(l.period))
	), followed AS (
		SELECT n.*, max(n.number) OVER (PARTITION BY n.line, n.series) > n.number AS is_followed FROM numbered n
	), seen AS (
		SELECT f.*, x.place, x.fingerprint, x.finding,
			   (lag(f.series) OVER of_finding = f.series AND lag(f.number) OVER of_finding = f.number - CASE WHEN f.failed THEN 0 ELSE 1 END) IS NOT TRUE AS begins
		FROM followed f JOIN found x ON x.run_id = f.run_id
		WINDOW of_finding AS (PARTITION BY f.line, x.fingerprint ORDER BY lower(f.period))
	), streaked AS (
		SELECT s.*, count(*) FILTER (WHERE s.begins) OVER (PARTITION BY s.line, s.fingerprint ORDER BY lower(s.period)) AS streak
		FROM seen s
	), open AS (
		SELECT n.*, row_number() OVER of_streak AS reports, first_value(lower(n.period)) OVER of_streak AS streak_from, lead(n.run_id) OVER of_streak IS NULL AS is_last,
			   min((n.finding ->> 'first_seen')::timestamptz) OVER of_streak AS first_seen
		FROM streaked n
		WINDOW of_streak AS (PARTITION BY n.line, n.fingerprint, n.streak ORDER BY lower(n.period))
	), said AS (
		SELECT DISTINCT ON (s.usage_schema, s.usage_name, s.fingerprint) s.* FROM llm_cost.finding_state s
		ORDER BY s.usage_schema, s.usage_name, s.fingerprint, s.changed_at DESC
	)
	SELECT pg_catalog.format('%I.%I', o.usage_schema, o.usage_name) AS usage, lower(o.period) AS period_start, upper(o.period) AS period_end, o.is_current,
		   o.run_id, o.revision, o.place, o.fingerprint, o.finding ->> 'kind' AS kind, llm_cost.scope_text(o.finding -> 'scope') AS scope,
		   o.finding ->> 'sentence' AS sentence, (o.finding ->> 'weekly_usd')::numeric AS weekly_usd, (o.finding ->> 'low')::numeric AS low_usd,
		   (o.finding ->> 'high')::numeric AS high_usd, o.finding ->> 'verdict' AS verdict, o.finding ->> 'cause' AS cause,
		   o.finding ->> 'near_release' AS near_release, o.finding ->> 'declared' AS declared, o.finding ->> 'owner' AS owner, o.first_seen,
		   GREATEST(o.reports, (o.finding ->> 'weeks_open')::integer)::integer AS weeks_open,
		   CASE WHEN s.status = 'acknowledged' AND o.streak_from <= lower(s.seen_in) OR s.status = 'snoozed' AND s.until > pg_catalog.now()
				  OR s.status = 'resolved' AND lower(o.period) < GREATEST(s.changed_at, upper(s.seen_in)) THEN s.status ELSE 'open' END AS status,
		   s.until, s.who, s.note, s.changed_at,
		   o.is_last AND o.is_followed AS went_away,
		   o.finding ->> 'next_sql' AS next_sql
	FROM open o
		 LEFT JOIN said s ON s.usage_schema = o.usage_schema AND s.usage_name = o.usage_name AND s.fingerprint = o.fingerprint;
COMMENT ON VIEW llm_cost.findings IS
	'Findings of all reports that hold for the user (trusted_report), each in its latest revision. Reports follow each other that were asked in the same way: time zone, columns, from the usage or from a rollup. An acknowledgement holds as long as the finding is in one report after the other (one that failed does not count), a snooze until its time; one that is resolved and still in a report that begins later is open again.';
COMMENT ON COLUMN llm_cost.findings.usage IS 'The usage.';
COMMENT ON COLUMN llm_cost.findings.period_start IS 'Start of the period of the report.';
COMMENT ON COLUMN llm_cost.findings.period_end IS 'Its end, exclusive.';
COMMENT ON COLUMN llm_cost.findings.is_current IS 'Whether it is in the latest report on the usage, of its length (day, week, month, longer) and by its columns; not if reports by others are more than a period ahead.';
COMMENT ON COLUMN llm_cost.findings.run_id IS 'The report.';
COMMENT ON COLUMN llm_cost.findings.revision IS 'Its revision.';
COMMENT ON COLUMN llm_cost.findings.place IS 'Place in the report; 1 is the dearest.';
COMMENT ON COLUMN llm_cost.findings.fingerprint IS 'What it is known by from report to report.';
COMMENT ON COLUMN llm_cost.findings.kind IS 'runaway, skew, price, retry_share, calls_per_operation, hit_ratio, context, unit_cost, mix_shift, spend_growth, new_scope, unpriced, no_usage, failed_usage.';
COMMENT ON COLUMN llm_cost.findings.scope IS 'What it is about: columns and values.';
COMMENT ON COLUMN llm_cost.findings.sentence IS 'The finding in words.';
COMMENT ON COLUMN llm_cost.findings.weekly_usd IS 'What it costs a week, in the currency of the price book; negative is saved, NULL unknown.';
COMMENT ON COLUMN llm_cost.findings.low_usd IS 'Lower end of its 95 % interval; NULL where the amount is counted, not estimated.';
COMMENT ON COLUMN llm_cost.findings.high_usd IS 'Upper end of it.';
COMMENT ON COLUMN llm_cost.findings.verdict IS 'Verdict of the analysis.';
COMMENT ON COLUMN llm_cost.findings.cause IS 'Its cause.';
COMMENT ON COLUMN llm_cost.findings.near_release IS 'Release near it, if any.';
COMMENT ON COLUMN llm_cost.findings.declared IS 'What was declared of it beforehand; the amount is of what is beyond that.';
COMMENT ON COLUMN llm_cost.findings.owner IS 'The team, if one alone uses the scope; of a user, his.';
COMMENT ON COLUMN llm_cost.findings.first_seen IS 'When it began, as far as known.';
COMMENT ON COLUMN llm_cost.findings.weeks_open IS 'In how many reports in a row it has been, or for how many weeks the analysis sees it, if that is more.';
COMMENT ON COLUMN llm_cost.findings.status IS 'open, acknowledged, snoozed or resolved.';
COMMENT ON COLUMN llm_cost.findings.until IS 'Until when it is or was snoozed.';
COMMENT ON COLUMN llm_cost.findings.who IS 'Who said so last.';
COMMENT ON COLUMN llm_cost.findings.note IS 'Why.';
COMMENT ON COLUMN llm_cost.findings.changed_at IS 'When.';
COMMENT ON COLUMN llm_cost.findings.went_away IS 'Whether the next report that did not fail, if there is one, does not have it any more.';
COMMENT ON COLUMN llm_cost.findings.next_sql IS 'The next question to ask.';
GRANT SELECT ON llm_cost.findings TO PUBLIC;

CREATE VIEW llm_cost.alerts WITH (security_invoker = true) AS
	SELECT f.usage, f.period_start, f.period_end, f.fingerprint, f.kind, f.scope, f.sentence, f.weekly_usd, f.low_usd, f.high_usd, f.near_release, f.declared,
		   f.owner, f.first_seen, f.weeks_open, f.run_id, f.next_sql
	FROM llm_cost.findings f
	WHERE f.is_current AND f.status = 'open' AND COALESCE(f.weekly_usd, 1) > 0
	ORDER BY f.weekly_usd DESC NULLS LAST, f.usage, f.place, f.run_id;
COMMENT ON VIEW llm_cost.alerts IS
	'Findings of the latest reports that cost money, dearest first, and that nobody has acknowledged, snoozed or resolved. What was declared is in none of them, only what is beyond it.';
COMMENT ON COLUMN llm_cost.alerts.usage IS 'The usage.';
COMMENT ON COLUMN llm_cost.alerts.period_start IS 'Start of the period of the report.';
COMMENT ON COLUMN llm_cost.alerts.period_end IS 'Its end, exclusive.';
COMMENT ON COLUMN llm_cost.alerts.fingerprint IS 'What it is known by: acknowledge_finding(), snooze_finding() and resolve_finding() take it.';
COMMENT ON COLUMN llm_cost.alerts.kind IS 'Kind of finding.';
COMMENT ON COLUMN llm_cost.alerts.scope IS 'What it is about: columns and values.';
COMMENT ON COLUMN llm_cost.alerts.sentence IS 'The finding in words.';
COMMENT ON COLUMN llm_cost.alerts.weekly_usd IS 'What it costs a week, in the currency of the price book; NULL unknown.';
COMMENT ON COLUMN llm_cost.alerts.low_usd IS 'Lower end of its 95 % interval; NULL where the amount is counted.';
COMMENT ON COLUMN llm_cost.alerts.high_usd IS 'Upper end of it.';
COMMENT ON COLUMN llm_cost.alerts.near_release IS 'Release near it, if any.';
COMMENT ON COLUMN llm_cost.alerts.declared IS 'What was declared of it beforehand.';
COMMENT ON COLUMN llm_cost.alerts.owner IS 'The team, if one alone uses the scope; of a user, his.';
COMMENT ON COLUMN llm_cost.alerts.first_seen IS 'When it began, as far as known.';
COMMENT ON COLUMN llm_cost.alerts.weeks_open IS 'In how many reports in a row it has been.';
COMMENT ON COLUMN llm_cost.alerts.run_id IS 'The report.';
COMMENT ON COLUMN llm_cost.alerts.next_sql IS 'The next question to ask.';
GRANT SELECT ON llm_cost.alerts TO PUBLIC;

CREATE FUNCTION llm_cost.say_of_finding(fingerprint text, status text, until timestamptz, note text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	seen		record;
	said		integer := 0;
BEGIN
	FOR seen IN
		SELECT DISTINCT ON (r.usage_schema, r.usage_name) r.usage_schema, r.usage_name, r.period
		FROM llm_cost.report_finding f JOIN llm_cost.trusted_report r ON r.run_id = f.run_id
		WHERE f.fingerprint = say_of_finding.fingerprint
		ORDER BY r.usage_schema, r.usage_name, lower(r.period) DESC
	LOOP
		INSERT INTO llm_cost.finding_state (usage_schema, usage_name, fingerprint, status, until, seen_in, note)
		VALUES (seen.usage_schema, seen.usage_name, say_of_finding.fingerprint, say_of_finding.status, say_of_finding.until, seen.period, say_of_finding.note);
		said := said + 1;
	END LOOP;
	IF said = 0 THEN
		RAISE EXCEPTION 'no finding has the fingerprint "%"', say_of_finding.fingerprint
			USING ERRCODE = 'no_data_found', HINT = 'SELECT fingerprint, sentence FROM llm_cost.alerts lists those that are open.';
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.say_of_finding(text, text, timestamptz, text) IS 'Adds what somebody says of a finding to finding_state. Errors when no report that holds for the user has it.';

CREATE FUNCTION llm_cost.acknowledge_finding(fingerprint text, note text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
RETURN llm_cost.say_of_finding(fingerprint, 'acknowledged', NULL, note);
COMMENT ON FUNCTION llm_cost.acknowledge_finding(text, text) IS
	'Says that somebody knows of a finding: it is no alert as long as it is in one report after the other, and one again if it comes back after it went away. Errors when no report that holds for the user has it.';

CREATE FUNCTION llm_cost.snooze_finding(fingerprint text, until timestamptz, note text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF snooze_finding.until IS NULL OR snooze_finding.until <= now() THEN
		RAISE EXCEPTION 'until must be in the future'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('until: %s.', COALESCE(snooze_finding.until::text, 'NULL')), HINT = 'For example now() + INTERVAL ''2 weeks''.';
	END IF;
	PERFORM llm_cost.say_of_finding(snooze_finding.fingerprint, 'snoozed', snooze_finding.until, snooze_finding.note);
END
$$;
COMMENT ON FUNCTION llm_cost.snooze_finding(text, timestamptz, text) IS
	'Keeps a finding from the alerts until a time. Errors when that is past, or no report that holds for the user has the finding.';

CREATE FUNCTION llm_cost.resolve_finding(fingerprint text, note text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
RETURN llm_cost.say_of_finding(fingerprint, 'resolved', NULL, note);
COMMENT ON FUNCTION llm_cost.resolve_finding(text, text) IS
	'Says that the cause of a finding is gone: it is no alert, unless a report has it that begins later. Errors when no report that holds for the user has it.';

CREATE FUNCTION llm_cost.reopen_finding(fingerprint text, note text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
RETURN llm_cost.say_of_finding(fingerprint, 'open', NULL, note);
COMMENT ON FUNCTION llm_cost.reopen_finding(text, text) IS 'Takes back what was said of a finding. Errors when no report that holds for the user has it.';

CREATE FUNCTION llm_cost.run_document(run_id bigint DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
	run			record;
	latest		bigint := run_document.run_id;
	said		jsonb;
BEGIN
	IF latest IS NULL THEN
		latest := (SELECT max(r.run_id) FROM llm_cost.trusted_report r);
	END IF;
	SELECT r.run_id, r.usage_schema, r.usage_name, r.period, r.time_zone, r.asked_by, r.rollup, r.document INTO run FROM llm_cost.report_run r WHERE r.run_id = latest;
	IF NOT FOUND THEN
		RAISE EXCEPTION '%', concat_ws(' ', 'there is no report', run_document.run_id)
			USING ERRCODE = 'no_data_found', HINT = 'CALL llm_cost.write_report() writes one; SELECT run_id FROM llm_cost.report_run lists those that you may see.';
	END IF;
	-- of an older revision, what is said of the finding in the latest one
	latest := (SELECT max(r.run_id) FROM llm_cost.trusted_report r
			   WHERE r.usage_schema = run.usage_schema AND r.usage_name = run.usage_name AND r.period = run.period
				 AND r.time_zone = run.time_zone AND r.asked_by IS NOT DISTINCT FROM run.asked_by AND r.rollup = run.rollup);
	-- looked up by name: the planner takes ten thousand findings for one
	said := (SELECT jsonb_object_agg(f.fingerprint, jsonb_build_object('status', f.status, 'weeks_open', f.weeks_open, 'first_seen', f.first_seen, 'who', f.who, 'note', f.note))
			 FROM llm_cost.findings f WHERE f.run_id = latest);
	RETURN run.document || jsonb_build_object('findings', (
		SELECT COALESCE(jsonb_agg(x.finding || COALESCE(said -> x.fingerprint, '{}') ORDER BY x.place), '[]')
		FROM llm_cost.report_finding x WHERE x.run_id = run.run_id));
END
$$;
COMMENT ON FUNCTION llm_cost.run_document(bigint) IS
	'The document of a report (NULL: the latest that holds for the user), with the status, the weeks open and the first sight of each finding as they are now. Errors when there is none that the user may see.';
