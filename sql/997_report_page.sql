/*
 * A report that write_report() kept, as a page and as text.
 */

CREATE FUNCTION llm_cost.report_html(run_id bigint DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 100000
RETURN llm_cost.report_html_of(llm_cost.run_document(run_id));
COMMENT ON FUNCTION llm_cost.report_html(bigint) IS
	'A report (NULL: the latest) as one self-contained HTML page, with what has been said of its findings since; as report_html_of() renders it. For a file: psql -XAtc "SELECT llm_cost.report_html()" -o report.html. Errors: P0002 when there is none that the user may see.';

CREATE FUNCTION llm_cost.report_text(run_id bigint DEFAULT NULL, width integer DEFAULT 100) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 100000
RETURN llm_cost.report_text_of(llm_cost.run_document(run_id), width);
COMMENT ON FUNCTION llm_cost.report_text(bigint, integer) IS
	'A report (NULL: the latest) as text for psql and mail, with what has been said of its findings since; as report_text_of() renders it. In psql: \pset format unaligned. Errors: P0002 when there is none that the user may see, 22023 for a width outside 60 to 1000.';
