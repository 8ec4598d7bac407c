/*
 * Prints docs/reference.md from the catalogue: every object of the extension
 * with its COMMENT.  Run by docs/generate.
 */
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset recordsep '\n'
SET search_path = pg_catalog;

CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid,
		   obj_description(d.objid, (SELECT relname FROM pg_class WHERE oid = d.classid)) AS comment
	FROM pg_depend d
		 JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'llm_cost'
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	  -- row and array types come with their tables and types; from PostgreSQL 17 they are members too
	  AND NOT (d.classid = 'pg_type'::regclass
			   AND EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
						   WHERE t.oid = d.objid AND (t.typcategory = 'A' OR c.relkind <> 'c')));

-- One argument a line where there are many; defaults without their casts.
CREATE FUNCTION pg_temp.signature(function oid) RETURNS text
RETURN (
	SELECT format(CASE WHEN cardinality(p.proargnames) > 3 THEN E'%s(\n    %s)' ELSE '%s(%s)' END,
				  p.oid::regproc,
				  regexp_replace(
					  regexp_replace(pg_get_function_arguments(p.oid),
									 '::(timestamp with time zone|[a-z]+(\[\])?)', '', 'g'),
					  ', (?=\w+ \w)', CASE WHEN cardinality(p.proargnames) > 3 THEN E',\n    ' ELSE ', ' END, 'g'))
		   || coalesce(' → ' || CASE WHEN p.prokind <> 'p' AND p.prorettype <> 'record'::regtype
									 THEN pg_get_function_result(p.oid) END, '')
	FROM pg_proc p
	WHERE p.oid = function);

-- The functions that people call; all others serve these.
CREATE TEMP TABLE for_users (name name PRIMARY KEY);
INSERT INTO for_users VALUES
	('cost'), ('cost_problem'), ('cost_parts'), ('cost_breakdown'), ('meters'),
	('set_price'), ('correct_price'), ('set_rule'), ('drop_rule'), ('add_alias'),
	('add_price_book'), ('add_attribute'), ('import_prices'),
	('attach'), ('detach'), ('doctor'), ('period_predicate'), ('usage_columns'),
	('calls'), ('retries'), ('runaway'), ('is_transient_error'),
	('distribution'), ('weighted_distribution'), ('combine'), ('approx_percentile'),
	('add'), ('distribution_from_histogram'),
	('num_values'), ('total'), ('mean'), ('min_value'), ('max_value'),
	('percentile'), ('percentiles'), ('percentile_rank'), ('histogram'),
	('trimmed_total'), ('trimmed_mean'), ('top_share'), ('share_above'), ('gini'), ('lorenz'),
	('last_week'), ('operations'), ('cells'), ('hit_ratio'), ('paired_change'), ('paired_difference'), ('change_verdict'),
	('metrics'), ('drift'), ('overview'), ('drift_windows'), ('set_plan'), ('cell_measures'),
	('declare_release'), ('attach_releases'), ('detach_releases'), ('detect_releases'), ('release_impact'),
	('attribute_change'), ('declare_change'), ('regressions'),
	('create_rollup'), ('refresh_rollup'), ('reprice'), ('drop_rollup'), ('create_bi_views'),
	('contexts'), ('skew'), ('tail'), ('cost_per_outcome'), ('compare_outcomes'),
	('explain'), ('distribution_shift'), ('decomposition'), ('shift_of_shares'),
	('report_document'), ('write_report'), ('run_document'), ('acknowledge_finding'), ('snooze_finding'), ('resolve_finding'), ('reopen_finding'), ('month_end'), ('schedule_report'), ('unschedule_report'),
	('report_html'), ('report_text'), ('report_html_of'), ('report_text_of'), ('sparkline');

CREATE FUNCTION pg_temp.functions(kinds text) RETURNS SETOF text
BEGIN ATOMIC
	SELECT format(E'\n### %s\n\n```\n%s\n```\n\n%s', p.proname, pg_temp.signature(p.oid), m.comment)
	FROM member m
		 JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
		 JOIN for_users u ON u.name = p.proname
	WHERE kinds ~ p.prokind::text
	ORDER BY p.proname COLLATE "C", p.oid::regprocedure::text COLLATE "C";
END;

CREATE FUNCTION pg_temp.relations(kinds text) RETURNS SETOF text
BEGIN ATOMIC
	SELECT format(E'\n### %s\n\n%s\n\n| column | type | |\n|---|---|---|\n%s', c.relname, m.comment,
				  (SELECT string_agg(format('| `%s` | %s | %s |', a.attname,
											format_type(a.atttypid, a.atttypmod),
											replace(coalesce(col_description(c.oid, a.attnum), ''), '|', '\|')),
									 E'\n' ORDER BY a.attnum)
				   FROM pg_attribute a
				   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
	FROM member m
		 JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
	WHERE kinds ~ c.relkind::text
	ORDER BY c.relname COLLATE "C";
END;

\qecho '# Reference'
\qecho
\qecho 'Generated from the comments in the catalogue by `docs/generate`; do not edit.'
\qecho 'In a database: `\\df+ llm_cost.*`, `\\d+ llm_cost.price`.'

\qecho
\qecho '## Functions'
SELECT pg_temp.functions('[fpw]');

SELECT count(*) > 0 AS have_aggregates FROM member m JOIN pg_proc p ON p.oid = m.objid
WHERE m.classid = 'pg_proc'::regclass AND p.prokind = 'a' \gset
\if :have_aggregates
\qecho
\qecho '## Aggregates'
SELECT pg_temp.functions('a');
\endif

SELECT count(*) > 0 AS have_types FROM member m WHERE m.classid = 'pg_type'::regclass \gset
\if :have_types
\qecho
\qecho '## Types'
SELECT format(E'\n### %s\n\n%s', t.typname, m.comment)
FROM member m
	 JOIN pg_type t ON t.oid = m.objid AND m.classid = 'pg_type'::regclass
ORDER BY t.typname COLLATE "C";
\endif

SELECT count(*) > 0 AS have_operators FROM member m WHERE m.classid = 'pg_operator'::regclass \gset
\if :have_operators
\qecho
\qecho '## Operators and casts'
\qecho
SELECT format('- `%s`: %s', replace(m.objid::regoperator::text, 'llm_cost.', ''), m.comment)
FROM member m
WHERE m.classid = 'pg_operator'::regclass
ORDER BY m.objid::regoperator::text COLLATE "C";
SELECT format('- `%s::%s`: %s', c.castsource::regtype, c.casttarget::regtype, m.comment)
FROM member m
	 JOIN pg_cast c ON c.oid = m.objid AND m.classid = 'pg_cast'::regclass
ORDER BY 1;
\endif

\qecho
\qecho '## Views'
SELECT pg_temp.relations('v');

\qecho
\qecho '## Tables'
SELECT pg_temp.relations('[rp]');

\qecho
\qecho '## Functions that serve these'
\qecho
\qecho 'Not for direct use; they may change with any version.'
\qecho
SELECT format('- `%s`: %s', regexp_replace(p.oid::regprocedure::text, '^llm_cost\.', ''), m.comment)
FROM member m
	 JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
WHERE NOT EXISTS (SELECT FROM for_users u WHERE u.name = p.proname)
ORDER BY p.oid::regprocedure::text COLLATE "C";
