/*
 * The story that demo/run plays: what a call costs, and then ten weeks of a
 * company in which eleven things go wrong.
 */
\pset null '∅'
\pset footer off
\pset linestyle ascii
SET client_min_messages = warning;
SET timezone = 'UTC';

\echo
\echo '--- One statement installs it, prices included. btree_gist comes along.'
\echo '    CREATE EXTENSION llm_cost CASCADE;'
CREATE EXTENSION llm_cost CASCADE;

\echo
\echo '--- A call costs what was charged when it ran. One input token more than 200,000 moves the whole request to'
\echo '    the dearer tier; what cannot be priced is NULL and says why, never silently zero.'
SELECT model, input_tokens, llm_cost.cost(model, input_tokens, 4000, '2026-06-01', cache_read_tokens => 80000) AS usd,
	   llm_cost.cost_problem(model, input_tokens, 4000, '2026-06-01', cache_read_tokens => 80000) AS problem
FROM (VALUES ('claude-sonnet-4-5', 200000), ('claude-sonnet-4-5', 200001), ('our-own-model', 200001)) AS request (model, input_tokens);

\echo '--- A table of calls as somebody might log them. attach() makes a view with canonical columns; nothing is copied.'
CREATE SCHEMA shop;
SET search_path = shop;
CREATE TABLE shop.llm_log (called_at timestamptz, model_name text, prompt_tokens integer, cached_tokens integer, answer_tokens integer, customer text);
INSERT INTO shop.llm_log VALUES
	('2026-06-01 09:02+00', 'gpt-4o', 2400, 1024, 500, 'anna'),
	('2026-06-01 09:10+00', 'gpt-4o-2024-08-06', 5000, 4096, 700, 'anna'),
	('2026-06-01 11:30+00', 'claude-sonnet-4-5', 240000, 200000, 1500, 'ben'),
	('2026-06-02 08:30+00', 'our-own-model', 1000, 0, 200, 'dora'),
	('2026-06-02 09:05+00', 'gpt-4o', 500, 900, 100, 'dora');	-- more cached than sent
SELECT llm_cost.attach('llm_log', mapping => '{
	"started_at": "called_at", "model": "model_name", "input_tokens": "prompt_tokens",
	"cache_read_tokens": "cached_tokens", "output_tokens": "answer_tokens", "user_id": "customer"}') AS usage;
SELECT model, count(*) AS calls, sum(cost) AS usd, count(*) FILTER (WHERE cost IS NULL) AS unpriced, string_agg(DISTINCT cost_problem, ', ') AS why
FROM llm_log_usage
GROUP BY model
ORDER BY usd DESC NULLS LAST;

\echo '--- The mean hides who spends. 20,000 calls of 400 users, summed into one distribution per user, a kilobyte each,'
\echo '    which combine again:'
SET search_path = shop, llm_cost;
SELECT setseed(0.2) \g /dev/null
CREATE TABLE shop.user_cell AS
	SELECT CASE WHEN u <= 8 THEN 'agents' ELSE 'chat' END AS team, u AS user_id,
		   distribution(round((0.004 * exp(CASE WHEN u <= 8 THEN 2.6 ELSE 0 END + 1.1 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())))::numeric, 6)) AS d
	FROM (SELECT 1 + floor(400 * random() ^ 2)::int AS u FROM generate_series(1, 20000)) q
	GROUP BY 1, 2;
SELECT coalesce(team, 'all') AS team, count(*) AS users, num_values(combine(d)) AS calls, mean(combine(d))::numeric(8,4) AS mean_usd,
	   percentile(combine(d), 0.5)::numeric(8,4) AS p50, percentile(combine(d), 0.99)::numeric(8,4) AS p99,
	   round(top_share(combine(d), 0.01)::numeric, 3) AS top_1pct_share, round(gini(combine(d))::numeric, 3) AS gini
FROM user_cell
GROUP BY ROLLUP (team)
ORDER BY team;
RESET search_path;

\echo '=== THE STORY'
\echo '    A company launched eleven uses of language models ten weeks ago: 300 people, 190,000 calls, a release every'
\echo '    Sunday. It planned $450 a week. This is what goes wrong until Monday, 29 June; nobody tells llm_cost:'
\set schema company
\set faults '{all}'
\set weeks 10
\o /dev/null
\ir generate.sql
\o
RESET search_path;
SET timezone = 'UTC';
SET client_min_messages = warning;
SELECT workflow, to_char(starts_at, 'Dy DD Mon HH24:MI') AS since, what FROM company.truth ORDER BY starts_at, workflow;

CREATE TABLE company.call AS
	SELECT c.*, o.outcome FROM company.llm_call AS c LEFT JOIN company.outcome AS o USING (operation_id);
CREATE INDEX ON company.call (started_at);
ANALYZE company.call;

\echo '--- Attached like any table; what became of the requests is a column of it.'
SELECT llm_cost.attach('company.call') AS usage;

\echo '--- Three things are told: the plan, a change that a team announced (mails will cost 10 % more), and the new'
\echo '    prices of a vendor with the day they hold from. Calls before that day keep their price.'
\echo '    SELECT llm_cost.set_plan(''{"spend": 450}'');'
\echo '    SELECT llm_cost.declare_change(''{"workflow": "mail"}'', 10, ''[2026-06-22,)'', ''mails explain the terms of return'');'
\echo '    SELECT llm_cost.set_price(''claude-haiku-4-5'', ''input'', 0.80, ''2026-06-24'', ...);'
SELECT llm_cost.set_plan('{"spend": 450}', usage => 'company.call_usage') \g /dev/null
SELECT llm_cost.declare_change('{"workflow": "mail"}', 10, '[2026-06-22,)', 'mails explain the terms of return', usage => 'company.call_usage') \g /dev/null
SELECT llm_cost.set_price(model, meter, amount, valid_from, provider, per) FROM company.price_change \g /dev/null

\echo
\echo '--- overview(): where did the money of the week go? Dollars against the mean of the four weeks before, and what they'
\echo '    come from; then, in per cent, what the same users pay for the same now, its 95 % interval, and the verdict.'
SELECT replace(scope, 'workflow=', '') AS workflow, round(spend_usd, 2) AS spend, round(change_usd, 2) AS change, round(from_volume_usd, 2) AS volume,
	   round(from_new_users_usd, 2) AS new_users, round(from_price_usd, 2) AS price, round(from_unit_cost_usd, 2) AS unit_cost,
	   like_for_like_pct AS pct, low_pct AS low, high_pct AS high, verdict,
	   CASE WHEN near_release LIKE 'near % or %' THEN 'one of several' ELSE near_release END AS release
FROM llm_cost.overview('company.call_usage', '[2026-06-22, 2026-06-29)', max_rows => 12);

\echo '--- month_end(): where will the month end, and what was planned? Early on, low to high says how little is known.'
SELECT month_from, spend_to_date::numeric(9,2), days_left, run_rate::numeric(9,2), low::numeric(9,2), high::numeric(9,2), plan::numeric(9,2), verdict
FROM llm_cost.month_end(usage => 'company.call_usage', as_of => '2026-06-29');

\echo '--- release_impact(): was it the release? 2.0.0 went out in steps, so old and new are compared on the same days.'
SELECT scope ->> 'workflow' AS workflow, method, released_at::date, exposure_pct, headline_pct, like_for_like_pct AS pct, low_pct AS low, high_pct AS high,
	   round(weekly_usd, 2) AS weekly_usd, verdict
FROM llm_cost.release_impact('2.0.0', filter => '{"workflow": "assistant"}', usage => 'company.call_usage', as_of => '2026-06-29');

\echo '--- write_report(), as a scheduled job calls it, looks at all that and more. Its findings are all eleven, dearest'
\echo '    first, each cause once; of what was declared, only the excess counts. A saving is a finding, too.'
CALL llm_cost.write_report('[2026-06-22, 2026-06-29)', '{company.call_usage}') \g /dev/null
SELECT weekly_usd, kind, rtrim(regexp_replace(sentence, '(.{1,88}[^ ])( |$)', E'\\1\n', 'g'), E'\n') AS sentence, owner,
	   CASE WHEN near_release NOT LIKE 'near % or %' THEN near_release END AS release
FROM llm_cost.findings
ORDER BY place;

\echo '--- The report as text, for psql and mail ...'
\pset format unaligned
\pset tuples_only on
SELECT llm_cost.report_text();
\o :report
SELECT llm_cost.report_html();
\o
\echo '--- ... and as a page.'
