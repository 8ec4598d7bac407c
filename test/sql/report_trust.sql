--
-- Whose reports hold: a reader's are for himself, and hide nothing from others.
-- Reports that were asked in different ways do not follow each other.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
DELETE FROM llm_cost.attached_usage;
DELETE FROM llm_cost.report_run;
DELETE FROM llm_cost.report_writer;
TRUNCATE llm_cost.finding_state;
ALTER TABLE llm_cost.report_run ALTER COLUMN run_id RESTART;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
CREATE SCHEMA regress_trust;
GRANT USAGE ON SCHEMA regress_trust TO PUBLIC;
SET search_path = regress_trust;
CREATE ROLE regress_trust_owner;
CREATE ROLE regress_trust_job;
CREATE ROLE regress_trust_reader;
CREATE ROLE regress_trust_other;
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, workflow text);
ALTER TABLE call OWNER TO regress_trust_owner;
GRANT SELECT ON call TO regress_trust_job, regress_trust_reader, regress_trust_other;
-- A report as write_report() keeps one, of a week with the findings that are named.
CREATE PROCEDURE report(week date, findings text[], revision integer DEFAULT 1, zone text DEFAULT 'UTC', by_columns text[] DEFAULT '{workflow}', asked_by text[] DEFAULT NULL, rollup text DEFAULT NULL, usage text DEFAULT 'call')
LANGUAGE plpgsql AS $$
DECLARE
	run			bigint;
BEGIN
	INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, asked_by, revision, document)
	VALUES ('regress_trust', usage, tstzrange(timezone(zone, week::timestamp), timezone(zone, week + INTERVAL '7 days')), asked_by, revision,
		jsonb_build_object('report', jsonb_build_object('time_zone', zone, 'by', by_columns, 'rollup', rollup)))
	RETURNING run_id INTO run;
	INSERT INTO llm_cost.report_finding
	SELECT run, f.n, f.name, jsonb_build_object('kind', 'unit_cost', 'scope', jsonb_build_object('workflow', f.name), 'sentence', f.name || ' is dearer.', 'weekly_usd', 100 / f.n, 'weeks_open', 1)
	FROM unnest(findings) WITH ORDINALITY AS f (name, n);
END
$$;
CREATE VIEW shown AS SELECT period_start, fingerprint, weeks_open, status, went_away, is_current FROM llm_cost.findings ORDER BY period_start, run_id, place;
GRANT SELECT ON shown TO PUBLIC;
ALTER VIEW shown SET (security_invoker = true);
RESET client_min_messages;

SET ROLE regress_trust_owner;
CALL report('2026-06-15', '{dear}');
-- A reader writes what is not so: the next revision, and the week after.
SET ROLE regress_trust_reader;
CALL report('2026-06-15', '{}', 2);
CALL report('2026-06-22', '{forged}');
SELECT fingerprint FROM llm_cost.alerts;
SELECT llm_cost.run_document() -> 'findings' -> 0 ->> 'sentence' AS latest;
SET ROLE regress_trust_other;
SELECT fingerprint, run_id FROM llm_cost.alerts;
SELECT run_id, written_by FROM llm_cost.report_run ORDER BY 1;
SELECT fingerprint FROM llm_cost.bi_findings;
SELECT llm_cost.run_document() -> 'findings' -> 0 ->> 'sentence' AS latest;
SET ROLE regress_trust_owner;
SELECT fingerprint, run_id FROM llm_cost.alerts;
SELECT llm_cost.acknowledge_finding('forged');
-- who has no row security sees them all, and believes no more
RESET ROLE;
SELECT fingerprint, run_id FROM llm_cost.alerts;
SELECT count(*) AS reports FROM llm_cost.report_run;
SELECT llm_cost.run_document() -> 'findings' -> 0 ->> 'sentence' AS latest, llm_cost.run_document(3) -> 'findings' -> 0 ->> 'sentence' AS asked_for;
SELECT string_agg(run_id::text, ' ' ORDER BY run_id) AS trusted FROM llm_cost.trusted_report;
-- The owner goes on with his own: nobody took the number.
SET ROLE regress_trust_owner;
CALL report('2026-06-15', '{dear,second}', 2);
SELECT fingerprint, revision FROM llm_cost.findings;
-- Nobody acknowledges what is not there yet, or in another name.
SET ROLE regress_trust_reader;
INSERT INTO llm_cost.finding_state (usage_schema, usage_name, fingerprint, status, seen_in) VALUES ('regress_trust', 'call', 'dear', 'acknowledged', '[2099-01-05, 2099-01-12)');
INSERT INTO llm_cost.finding_state (usage_schema, usage_name, fingerprint, status, seen_in, who) VALUES ('regress_trust', 'call', 'dear', 'acknowledged', '[2026-06-15, 2026-06-22)', 'regress_trust_owner');
INSERT INTO llm_cost.finding_state (usage_schema, usage_name, fingerprint, status, seen_in, changed_at) VALUES ('regress_trust', 'call', 'dear', 'acknowledged', '[2026-06-15, 2026-06-22)', 'infinity');

-- A job that reads and nothing else: what it writes holds once the owner says so.
SET ROLE regress_trust_job;
CALL report('2026-06-22', '{of_job}');
SET ROLE regress_trust_other;
SELECT fingerprint FROM llm_cost.alerts;
SET ROLE regress_trust_owner;
GRANT SELECT ON call TO regress_trust_job WITH GRANT OPTION;
SET ROLE regress_trust_other;
SELECT fingerprint FROM llm_cost.alerts;
SET ROLE regress_trust_owner;
SELECT fingerprint FROM llm_cost.alerts;
REVOKE GRANT OPTION FOR SELECT ON call FROM regress_trust_job;
SELECT fingerprint FROM llm_cost.alerts;
RESET ROLE;
DELETE FROM llm_cost.report_run;

-- The same three weeks by two clocks: each follows its own, and alerts tell them once.
CALL report('2026-06-08', '{x}');
CALL report('2026-06-08', '{x}', zone => 'Europe/Berlin');
SELECT llm_cost.acknowledge_finding('x');
CALL report('2026-06-15', '{x}', zone => 'Europe/Berlin');
CALL report('2026-06-15', '{x,y}');
CALL report('2026-06-22', '{x,y}', zone => 'Europe/Berlin');
CALL report('2026-06-22', '{x,y}');
SELECT * FROM shown;
SELECT fingerprint, weeks_open, period_start FROM llm_cost.alerts;
-- One clock goes on: the other is no more current.
CALL report('2026-06-29', '{y}', zone => 'Europe/Berlin');
SELECT fingerprint, weeks_open, period_start FROM llm_cost.alerts;
-- written again later, the week before is still the week before
CALL report('2026-06-22', '{x,y,z}', 2);
SELECT fingerprint, weeks_open, period_start FROM llm_cost.alerts;
-- zones with one offset are two reports as well
CALL report('2026-06-29', '{y,paris}', zone => 'Europe/Paris');
SELECT fingerprint FROM llm_cost.alerts;
DELETE FROM llm_cost.report_run;
TRUNCATE llm_cost.finding_state;

-- By other columns, once: nothing is gone or added, and its alerts are there until they are old.
CALL report('2026-06-08', '{x}');
CALL report('2026-06-15', '{x}');
CALL report('2026-06-15', '{by_model}', by_columns => '{model}', asked_by => '{model}');
SELECT * FROM shown;
SELECT fingerprint, weeks_open FROM llm_cost.alerts ORDER BY 1;
CALL report('2026-06-22', '{x}');
SELECT fingerprint, weeks_open FROM llm_cost.alerts ORDER BY 1;
CALL report('2026-06-29', '{x}');
SELECT fingerprint, weeks_open FROM llm_cost.alerts ORDER BY 1;
-- Asked for the columns that are taken anyway: the same findings, told once.
CALL report('2026-06-29', '{x}', asked_by => '{workflow}');
SELECT fingerprint, weeks_open FROM llm_cost.alerts ORDER BY 1;
-- Other columns are taken than before, as rows come without a name: the same line.
CALL report('2026-06-29', '{x}', by_columns => '{model}', revision => 2);
CALL report('2026-07-06', '{x}', by_columns => '{model}');
CALL report('2026-07-06', '{}', by_columns => '{workflow}', revision => 2);
SELECT fingerprint, weeks_open, period_start FROM llm_cost.alerts ORDER BY 1;
SELECT fingerprint, weeks_open, went_away, is_current FROM shown WHERE period_start = '2026-06-29';
DELETE FROM llm_cost.report_run WHERE lower(period) >= '2026-07-06' OR asked_by IS NOT NULL OR revision = 2;
-- From a rollup: what was written last is told.
CALL report('2026-06-29', '{x,rolled}', rollup => 'regress_trust.daily');
SELECT fingerprint, weeks_open FROM llm_cost.alerts ORDER BY 1;
DELETE FROM llm_cost.report_run;

-- Row security asks once for a usage, however many reports there are.
SET client_min_messages = warning;
DO $$
DECLARE
	u			integer;
	w			integer;
	called		bigint;
	called_more	bigint;
BEGIN
	SET LOCAL track_functions = 'all';
	FOR u IN 1 .. 3 LOOP
		EXECUTE format('CREATE TABLE usage_%s (LIKE call)', u);
		EXECUTE format('GRANT SELECT ON usage_%s TO regress_trust_reader', u);
		CALL report('2026-06-29', '{x}', usage => 'usage_' || u);
	END LOOP;
	SET LOCAL ROLE regress_trust_reader;
	PERFORM FROM llm_cost.alerts HAVING count(*) = 3;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'alerts are missing';
	END IF;
	called := (SELECT calls FROM pg_stat_xact_user_functions WHERE schemaname = 'llm_cost' AND funcname = 'reads_whole');
	RESET ROLE;
	FOR u IN 1 .. 3 LOOP
		FOR w IN 1 .. 20 LOOP
			CALL report('2026-06-29'::date - 7 * w, '{x}', usage => 'usage_' || u);
		END LOOP;
	END LOOP;
	SET LOCAL ROLE regress_trust_reader;
	PERFORM FROM llm_cost.alerts HAVING count(*) = 3 AND max(weeks_open) = 21;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'alerts are wrong';
	END IF;
	called_more := (SELECT calls FROM pg_stat_xact_user_functions WHERE schemaname = 'llm_cost' AND funcname = 'reads_whole') - called;
	IF called_more > called OR called = 0 THEN
		RAISE EXCEPTION 'asked % times for 3 reports, % times for 63', called, called_more;
	END IF;
END
$$;

-- No two scopes have one text.
SELECT llm_cost.scope_text(s) FROM (VALUES (1, '{"a": "x, b=y"}'::jsonb), (2, '{"a": "x", "b": "y"}'), (3, '{"a": null}'), (4, '{"a": "∅"}'), (5, '{"a=b": "c"}'), (6, '{"a": "b=c"}'),
	(7, '{"a": "\"x, b=y\""}'), (8, '{}')) AS v (n, s) ORDER BY n;
-- So each finding has the owner and the spend of its own scope.
SELECT f -> 'scope' AS scope, f ->> 'owner' AS owner, f ->> 'weekly_usd' AS weekly_usd
FROM (SELECT jsonb_agg(jsonb_build_object('scope', s, 'verdict', 'new')) AS drift, jsonb_agg(jsonb_build_object('scope', llm_cost.scope_text(s), 'spend_usd', usd, 'owner', owner)) AS overview
	  FROM (VALUES ('{"team": "x, workflow=y", "workflow": "z"}'::jsonb, 5, 'one'), ('{"team": "x", "workflow": "y, workflow=z"}', 7, 'two')) AS v (s, usd, owner)) AS v,
	 jsonb_array_elements(llm_cost.report_findings(jsonb_build_object('unit_cost', jsonb_build_object('rows', drift), 'overview', jsonb_build_object('rows', overview)),
		'regress_trust', 'call', 'call', '[2026-06-15, 2026-06-22)', 'UTC', 'USD')) AS f;

DELETE FROM llm_cost.report_run;
DELETE FROM llm_cost.report_writer;
DROP SCHEMA regress_trust CASCADE;
DROP ROLE regress_trust_owner, regress_trust_job, regress_trust_reader, regress_trust_other;
