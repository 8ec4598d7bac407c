/*
 * Views for BI tools: flat, of plain types, every column explained.
 *
 * A tool that builds its own SQL, and a driver that asks for precision and scale,
 * take numeric only with a size, no NaN, no type that they never heard of, no
 * jsonb.  So money is numeric(20,9), tokens are bigint, ratios double precision, and
 * what a column cannot hold, such as the tokens of a row gone wrong, is NULL: it
 * never fails the query.  The views of a rollup lie beside its tables and read
 * them with the rights of who asks, so that whoever may read the tables may read
 * the views, and no others; nothing is joined or computed for columns that a
 * question leaves out.
 */

-- Inlined where the argument is a column, and called where it is dear, so that it is computed once.
CREATE FUNCTION llm_cost.bi_money(amount numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(round(amount, 9)) < 100000000000 THEN amount END;
COMMENT ON FUNCTION llm_cost.bi_money(numeric) IS 'An amount, if numeric(20,9) can hold it; NULL if not, or if it is NaN.';

CREATE FUNCTION llm_cost.bi_tokens(tokens numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(tokens) <= 9223372036854775807 THEN tokens END::bigint;
COMMENT ON FUNCTION llm_cost.bi_tokens(numeric) IS 'A sum of tokens, if bigint can hold it; NULL if not.';

CREATE FUNCTION llm_cost.bi_columns(
	distributions boolean, currency text, OUT "position" bigint, OUT column_name text, OUT expression text, OUT description text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 50
BEGIN ATOMIC
	WITH measure AS (
		SELECT 1 AS part, m."position" AS n, m.measure AS name, m.measure AS value, m.description,
			   CASE WHEN m.data_type <> 'numeric' THEN 'as it is' WHEN m.measure LIKE '%\_tokens' THEN 'tokens' ELSE 'money' END AS kind
		FROM llm_cost.cell_measures() m
		UNION ALL
		-- a conversation may have begun weeks before, and users are not in every rollup
		SELECT 2, row_number() OVER (ORDER BY m.metric <> 'unit_cost', m.metric, m.unit), CASE m.metric WHEN 'unit_cost' THEN 'cost_per_' || m.unit ELSE m.metric END,
			   CASE m.metric WHEN 'retry_share' THEN 'CASE WHEN grouped_attempts > 0 THEN COALESCE(retry_cost, 0) END' ELSE m.numerator || '::numeric' END || format(' / NULLIF(%s, 0)', m.denominator),
			   format('%s Of this row; of several: sum(%s) / sum(%s).', m.description, m.numerator, m.denominator),
			   CASE m.metric WHEN 'unit_cost' THEN 'money' ELSE 'ratio' END
		FROM llm_cost.metrics() m
		WHERE m.method IN ('ratio', 'points') AND m.unit NOT IN ('conversation', 'user') AND m.metric <> 'cost_per_outcome'
		UNION ALL
		SELECT 3, 10 * d.n + p.n, format('%s_p%s', d.name, p.percent), format('llm_cost.percentile(%s_distribution, 0.%s)%s', d.name, p.percent, d.cast_to),
			   format('%s %s. Percentiles of several rows are neither added nor averaged; combine() the distributions of the cells.', p.says, d.says), d.kind
		FROM (VALUES (1, 'cost', 'of the cost of an attempt', '::numeric', 'money'), (2, 'context', 'of input tokens per attempt', '', 'ratio')) AS d (n, name, says, cast_to, kind),
			 (VALUES (1, 50, 'Median'), (2, 90, '90th percentile'), (3, 99, '99th percentile')) AS p (n, percent, says)
		WHERE bi_columns.distributions
	)
	SELECT row_number() OVER (ORDER BY m.part, m.n), m.name,
		   CASE m.kind WHEN 'money' THEN format('llm_cost.bi_money(%s)::numeric(20,9)', m.value)
					   WHEN 'tokens' THEN format('llm_cost.bi_tokens(%s)', m.value)
					   WHEN 'ratio' THEN format('(%s)::double precision', m.value) ELSE m.value END,
		   m.description || CASE m.kind WHEN 'money' THEN format(' In %s.', bi_columns.currency) ELSE '' END
	FROM measure m;
END;
COMMENT ON FUNCTION llm_cost.bi_columns(boolean, text) IS
	'The columns of a view for BI tools that are computed from those of cells: all measures, the ratios of metrics(), and percentiles where there are distributions; with the SQL that computes each, and its comment. currency: that of the price book.';

CREATE FUNCTION llm_cost.bi_views(target llm_cost.rollup) RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
	-- one of that name that reads other things is somebody else's
	SELECT v.oid::regclass
	FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace
	WHERE n.nspname = (target).schema_name AND v.relkind = 'v' AND v.relname IN ((target).rollup_name || '_bi', (target).rollup_name || '_user_bi')
	  AND EXISTS (SELECT FROM pg_rewrite r
						 JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
						 JOIN pg_class t ON t.oid = d.refobjid
				  WHERE r.ev_class = v.oid AND t.relnamespace = n.oid AND t.relname IN ((target).rollup_name || '_cell', (target).rollup_name || '_user_cell'))
	ORDER BY v.relname;
END;
COMMENT ON FUNCTION llm_cost.bi_views(llm_cost.rollup) IS
	'The views of a rollup for BI tools, as far as they are there, under their names and in its schema.';

CREATE FUNCTION llm_cost.create_bi_views(name text) RETURNS SETOF regclass
LANGUAGE plpgsql VOLATILE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		llm_cost.rollup := llm_cost.named_rollup(create_bi_views.name);
	currency	text := COALESCE((SELECT b.currency FROM llm_cost.price_book b WHERE b.price_book = target.price_book), 'the currency of the price book');
	existing	regclass[] := ARRAY(SELECT v FROM llm_cost.bi_views(target) AS v);
	made		record;
	taken		text[];
	label		text;
	labels		text[];
	shown		text;
	described	record;
BEGIN
	IF NOT pg_has_role(target.created_by, 'USAGE') THEN
		RAISE EXCEPTION 'rollup %.% is not yours', quote_ident(target.schema_name), quote_ident(target.rollup_name)
			USING ERRCODE = 'insufficient_privilege', HINT = format('Make its views as a member of %I, who owns its tables.', target.created_by);
	END IF;
	FOR made IN
		SELECT v.suffix, v.cells, v.columns, v.says, v.distributions
		FROM (VALUES ('_bi', '_cell', target.by_columns, 'columns', true),
					 ('_user_bi', '_user_cell', target.user_columns, 'columns and user', false)) AS v (suffix, cells, columns, says, distributions)
		WHERE v.columns <> '{}' OR v.distributions
	LOOP
		shown := format('%I.%I', target.schema_name, target.rollup_name || made.suffix);
		-- tools do not tell names apart by case
		taken := '{bucket_date,bucket_start,known_at,refreshed_at}'::text[] || ARRAY(SELECT b.column_name FROM llm_cost.bi_columns(true, currency) b);
		labels := ARRAY[]::text[];
		FOREACH label IN ARRAY made.columns LOOP
			WHILE lower(label) = ANY (taken) LOOP
				label := 'dimension_' || label;
			END LOOP;
			taken := taken || lower(label);
			labels := labels || label;
		END LOOP;

		EXECUTE format('CREATE%s VIEW %s WITH (security_invoker = true) AS SELECT c.bucket_date, c.bucket_start%s, %s, b.known_at, b.refreshed_at
			FROM %I.%I AS c LEFT JOIN (SELECT bucket_start AS of_bucket, known_at, refreshed_at FROM %I.%I) AS b ON b.of_bucket = c.bucket_start',
			CASE WHEN to_regclass(shown) = ANY (existing) THEN ' OR REPLACE' ELSE '' END, shown,
			(SELECT COALESCE(string_agg(format(', c.%I AS %I', d.name, labels[d.n]), '' ORDER BY d.n), '') FROM unnest(made.columns) WITH ORDINALITY AS d (name, n)),
			(SELECT string_agg(format('%s AS %I', b.expression, b.column_name), ', ' ORDER BY b."position") FROM llm_cost.bi_columns(made.distributions, currency) b),
			target.schema_name, target.rollup_name || made.cells, target.schema_name, target.rollup_name);
		IF to_regclass(shown) = ANY (existing) IS NOT TRUE THEN
			EXECUTE format('GRANT SELECT ON %s TO PUBLIC', shown);	-- the tables say who reads
			IF CURRENT_USER <> target.created_by THEN
				EXECUTE format('ALTER VIEW %s OWNER TO %I', shown, target.created_by);
			END IF;
		END IF;
		EXECUTE format('COMMENT ON VIEW %s IS %L', shown, format(
			'Rollup %s for BI tools: a row per %s and %s. Money in %s. Add up counts, money and tokens; ratios and percentiles are of one row. Made by llm_cost.create_rollup(), removed by llm_cost.drop_rollup().',
			target.rollup_name, target.bucket, made.says, currency));
		FOR described IN
			SELECT x.column_name, x.says
			FROM (VALUES ('bucket_date', format('Date of bucket_start in %s.', target.time_zone)),
						 ('bucket_start', format('Start of the %s in %s. Tools show it in the time zone of the session.', target.bucket, target.time_zone)),
						 ('known_at', 'As of when prices were believed.'),
						 ('refreshed_at', 'When the row was computed.')) AS x (column_name, says)
			UNION ALL
			SELECT b.column_name, b.description FROM llm_cost.bi_columns(made.distributions, currency) b
			UNION ALL
			SELECT labels[d.n], COALESCE(col_description(a.attrelid, a.attnum), format('Column %s of the usage.', d.name))
			FROM unnest(made.columns) WITH ORDINALITY AS d (name, n)
				 JOIN pg_attribute a ON a.attrelid = format('%I.%I', target.schema_name, target.rollup_name || made.cells)::regclass AND a.attname = d.name
		LOOP
			EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', shown, described.column_name, described.says);
		END LOOP;
		RETURN NEXT shown::regclass;
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.create_bi_views(text) IS
	'Makes the views of a rollup for BI tools, name_bi and, if it keeps users, name_user_bi: what create_rollup() does, for one whose views were dropped. Those that are there get their definition and comments anew, and keep their grants. They read the tables with the rights of who asks; everybody may name them. A column of the usage that is called as one of the view is dimension_ and its name. Returns the views. Errors when something else has the name.';

CREATE VIEW llm_cost.bi_findings WITH (security_invoker = true) AS
	SELECT f.usage, r.first_date, r.last_date, f.period_start, f.period_end, f.is_current, f.status, f.is_current AND f.status = 'open' AND COALESCE(f.weekly_usd, 1) > 0 AS is_alert,
		   f.place, f.fingerprint, f.kind, f.scope, f.sentence,
		   llm_cost.bi_money(f.weekly_usd)::numeric(20,9) AS weekly_usd, llm_cost.bi_money(f.low_usd)::numeric(20,9) AS low_usd, llm_cost.bi_money(f.high_usd)::numeric(20,9) AS high_usd,
		   f.verdict, f.cause, f.near_release, f.declared, f.owner, f.first_seen, f.weeks_open, f.went_away, f.until AS snoozed_until, f.who, f.note, f.changed_at,
		   f.run_id, f.revision, f.next_sql
	FROM llm_cost.findings f JOIN llm_cost.report_run r ON r.run_id = f.run_id;
COMMENT ON VIEW llm_cost.bi_findings IS
	'Findings of reports for BI tools: findings in plain types, for those for whom the reports hold.';
COMMENT ON COLUMN llm_cost.bi_findings.usage IS 'The usage.';
COMMENT ON COLUMN llm_cost.bi_findings.first_date IS 'First day of the period of the report, in its time zone.';
COMMENT ON COLUMN llm_cost.bi_findings.last_date IS 'Last day of it.';
COMMENT ON COLUMN llm_cost.bi_findings.period_start IS 'Start of the period.';
COMMENT ON COLUMN llm_cost.bi_findings.period_end IS 'Its end, exclusive.';
COMMENT ON COLUMN llm_cost.bi_findings.is_current IS 'Whether it is in the latest report on the usage, of its length (day, week, month, longer) and by its columns; not if reports by others are more than a period ahead.';
COMMENT ON COLUMN llm_cost.bi_findings.status IS 'open, acknowledged, snoozed or resolved.';
COMMENT ON COLUMN llm_cost.bi_findings.is_alert IS 'Whether it is in the view alerts: current, open, and not saving money.';
COMMENT ON COLUMN llm_cost.bi_findings.place IS 'Place in the report; 1 is the dearest.';
COMMENT ON COLUMN llm_cost.bi_findings.fingerprint IS 'What it is known by from report to report.';
COMMENT ON COLUMN llm_cost.bi_findings.kind IS 'Kind of finding.';
COMMENT ON COLUMN llm_cost.bi_findings.scope IS 'What it is about: columns and values.';
COMMENT ON COLUMN llm_cost.bi_findings.sentence IS 'The finding in words.';
COMMENT ON COLUMN llm_cost.bi_findings.weekly_usd IS 'What it costs a week, in the currency of the price book; negative is saved, NULL unknown. Of different weeks not to be added.';
COMMENT ON COLUMN llm_cost.bi_findings.low_usd IS 'Lower end of its 95 % interval; NULL where the amount is counted, not estimated.';
COMMENT ON COLUMN llm_cost.bi_findings.high_usd IS 'Upper end of it.';
COMMENT ON COLUMN llm_cost.bi_findings.verdict IS 'Verdict of the analysis.';
COMMENT ON COLUMN llm_cost.bi_findings.cause IS 'Its cause.';
COMMENT ON COLUMN llm_cost.bi_findings.near_release IS 'Release near it, if any.';
COMMENT ON COLUMN llm_cost.bi_findings.declared IS 'What was declared of it beforehand; the amount is of what is beyond that.';
COMMENT ON COLUMN llm_cost.bi_findings.owner IS 'The team, if one alone uses the scope.';
COMMENT ON COLUMN llm_cost.bi_findings.first_seen IS 'When it began, as far as known.';
COMMENT ON COLUMN llm_cost.bi_findings.weeks_open IS 'In how many reports in a row it has been, or for how many weeks the analysis sees it, if that is more.';
COMMENT ON COLUMN llm_cost.bi_findings.went_away IS 'Whether the next report, if there is one and it did not fail, does not have it any more.';
COMMENT ON COLUMN llm_cost.bi_findings.snoozed_until IS 'Until when it is or was snoozed.';
COMMENT ON COLUMN llm_cost.bi_findings.who IS 'Who said something of it last.';
COMMENT ON COLUMN llm_cost.bi_findings.note IS 'What.';
COMMENT ON COLUMN llm_cost.bi_findings.changed_at IS 'When.';
COMMENT ON COLUMN llm_cost.bi_findings.run_id IS 'The report.';
COMMENT ON COLUMN llm_cost.bi_findings.revision IS 'Its revision.';
COMMENT ON COLUMN llm_cost.bi_findings.next_sql IS 'The next question to ask.';
GRANT SELECT ON llm_cost.bi_findings TO PUBLIC;

CREATE VIEW llm_cost.bi_releases WITH (security_invoker = true) AS
	WITH latest AS (
		SELECT DISTINCT ON (r.usage_schema, r.usage_name, r.period, r.time_zone, r.asked_by, r.rollup) r.run_id, r.usage_schema, r.usage_name, r.period, r.time_zone,
			   r.document -> 'releases' AS releases
		FROM llm_cost.trusted_report r
		ORDER BY r.usage_schema, r.usage_name, r.period, r.time_zone, r.asked_by, r.rollup, r.run_id DESC
	), reported AS (
		-- the same release is in the reports of some weeks
		SELECT DISTINCT ON (l.usage_schema, l.usage_name, x.release, x.scope) l.usage_schema, l.usage_name, x.release, x.scope, x.kind, x.at,
			   pg_catalog.timezone(l.time_zone, x.at)::date AS released_date, l.run_id
		FROM latest l, LATERAL pg_catalog.jsonb_to_recordset(COALESCE(l.releases, '[]')) AS x (release text, scope text, kind text, at timestamptz)
		ORDER BY l.usage_schema, l.usage_name, x.release, x.scope, pg_catalog.upper(l.period) DESC, l.run_id DESC, x.at
	), told AS (
		SELECT d.*, pg_catalog.timezone(COALESCE((SELECT l.time_zone FROM latest l WHERE l.usage_schema = d.usage_schema AND l.usage_name = d.usage_name ORDER BY l.run_id DESC LIMIT 1), 'UTC'),
			   d.released_at)::date AS released_date
		FROM (SELECT DISTINCT ON (d.schema_name, d.relation_name, d.release, d.scope) d.schema_name AS usage_schema, d.relation_name AS usage_name, d.release,
					 llm_cost.scope_text(d.scope) AS scope, d.released_at, d.note, d.declared_by
			  FROM llm_cost.declared_release d
			  WHERE llm_cost.speaks_for(d.declared_by, d.schema_name, d.relation_name)
			  ORDER BY d.schema_name, d.relation_name, d.release, d.scope, d.declared_at DESC) AS d
	)
	SELECT pg_catalog.format('%I.%I', r.usage_schema, r.usage_name) AS usage, r.release, r.scope, r.kind, r.released_date, r.at AS released_at, t.note, t.declared_by, r.run_id
	FROM reported r
		 LEFT JOIN told t ON t.usage_schema = r.usage_schema AND t.usage_name = r.usage_name AND t.release = r.release AND t.scope = r.scope
	UNION ALL
	SELECT pg_catalog.format('%I.%I', t.usage_schema, t.usage_name), t.release, t.scope, 'declared', t.released_date, t.released_at, t.note, t.declared_by, NULL
	FROM told t
	WHERE NOT EXISTS (SELECT FROM reported r WHERE r.usage_schema = t.usage_schema AND r.usage_name = t.usage_name AND r.release = t.release AND r.scope IN (t.scope, 'all'));
COMMENT ON VIEW llm_cost.bi_releases IS
	'Releases for BI tools: those of the reports that hold for the user, as the latest report that shows one tells of it, and those that were declared and are in no report. Deploys of attached tables come with the reports.';
COMMENT ON COLUMN llm_cost.bi_releases.usage IS 'The usage.';
COMMENT ON COLUMN llm_cost.bi_releases.release IS 'The release, after its service if no scope of the usage has that.';
COMMENT ON COLUMN llm_cost.bi_releases.scope IS 'What it is of: columns and values; all: the whole usage, or several scopes.';
COMMENT ON COLUMN llm_cost.bi_releases.kind IS 'seen: rows of usage carry it; declared; inferred: from prompts that changed.';
COMMENT ON COLUMN llm_cost.bi_releases.released_date IS 'Day of released_at in the time zone of the report; of UTC, where the usage has none.';
COMMENT ON COLUMN llm_cost.bi_releases.released_at IS 'When it went out: its first row, or what was declared.';
COMMENT ON COLUMN llm_cost.bi_releases.note IS 'What was said of it when it was declared.';
COMMENT ON COLUMN llm_cost.bi_releases.declared_by IS 'Role that declared it; NULL: nobody did, for this scope.';
COMMENT ON COLUMN llm_cost.bi_releases.run_id IS 'The report that has it; NULL: none.';
GRANT SELECT ON llm_cost.bi_releases TO PUBLIC;
