-- A report that was written, as a page and as text: the latest or the one that
-- is asked for, with what has been said of its findings since.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
DELETE FROM llm_cost.attached_usage;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
CREATE SCHEMA regress_page;
SET search_path = regress_page;
RESET client_min_messages;

-- 40 users, one workflow, an operation a day each for ten weeks, of two calls instead of one from the ninth on.
SELECT $$<b title="x">O'Neil & Söhne</b> 🤖$$ AS odd \gset
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, workflow text);
INSERT INTO call
SELECT '2026-04-27'::timestamptz + make_interval(days => d, hours => 9, mins => u, secs => c), 'gpt-4o', 1000 + 10 * u + 100 * ((7 * d + 3 * u) % 5), 100 + (5 * d + u) % 7,
	   format('%s-%s', d, u), 'u' || u, :'odd'
FROM generate_series(0, 69) d, generate_series(1, 40) u, generate_series(0, 1) c WHERE c = 0 OR d >= 56;
SELECT llm_cost.attach('call') \gset

SET client_min_messages = warning;
CALL llm_cost.write_report('[2026-06-15, 2026-06-22)') \g /dev/null
CALL llm_cost.write_report('[2026-06-22, 2026-06-29)') \g /dev/null
RESET client_min_messages;
SELECT min(run_id) AS first_run, max(run_id) AS last_run FROM llm_cost.report_run \gset

CREATE TABLE page AS SELECT run_id, xmlparse(DOCUMENT llm_cost.report_html(run_id)) AS xml, llm_cost.report_text(run_id, 80) AS text FROM llm_cost.report_run;
SELECT (xpath('string(//h1)', xml))[1] AS h1, substring(text FROM '(WEEK.*?)\n') AS heading, (xpath('count(//section)', xml))[1] AS sections,
	   -- the finding names the workflow as it is, in the row and in the sentence
	   (xpath('count(//ol/li)', xml))[1]::text::integer > 0 AS has_findings, position('O''Neil &amp; Söhne&lt;/b&gt; 🤖' IN (xpath('//ol', xml))[1]::text) > 0 IS TRUE AS is_escaped,
	   (SELECT max(llm_cost.text_width(l)) <= 80 FROM regexp_split_to_table(text, E'\n') AS l) AS fits
FROM page ORDER BY run_id;
-- What spend is on the page is what the calls cost.
SELECT (xpath('string(//dl[@class = "figures"]/div[1]/dd/div)', xml))[1]::text = to_char((SELECT sum(cost) FROM call_usage WHERE started_at >= '2026-06-22' AND started_at < '2026-06-29'), 'FM"$"990.00') AS spend
FROM page WHERE run_id = :last_run;
SELECT llm_cost.report_html() = llm_cost.report_html(:last_run) AS latest, llm_cost.report_html() <> llm_cost.report_html(:first_run) AS another, llm_cost.report_text() = llm_cost.report_text(:last_run, 100) AS latest_text;

-- What is said later is on it.
SELECT fingerprint FROM llm_cost.findings WHERE run_id = :last_run ORDER BY place LIMIT 1 \gset
SELECT llm_cost.report_text() ~ 'acknowledged' AS before;
SELECT llm_cost.acknowledge_finding(:'fingerprint') \g /dev/null
SELECT llm_cost.report_text() ~ 'acknowledged' AS after, llm_cost.report_html() ~ 'acknowledged' AS on_the_page;
SELECT llm_cost.report_text(0);
SELECT llm_cost.report_text(NULL, 10);

SET client_min_messages = warning;
DELETE FROM llm_cost.report_run;
SELECT llm_cost.detach('call_usage') \g /dev/null
DROP SCHEMA regress_page CASCADE;
