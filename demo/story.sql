/*
 * The story that demo/run plays.
 */
\pset null '∅'
\pset footer off
\pset linestyle ascii
SET client_min_messages = warning;
SET timezone = 'UTC';

\echo
\echo '--- One statement installs it. btree_gist comes along.'
\echo '    CREATE EXTENSION llm_cost CASCADE;'
CREATE EXTENSION llm_cost CASCADE;

\echo
\echo '--- Prices come with it, each with the time it was charged and its source.'
SELECT count(*) AS prices, count(DISTINCT (provider, model)) AS models, count(DISTINCT provider) AS providers
FROM llm_cost.price;

\echo '--- A call costs what was charged when it ran: 10,000 tokens in, 6,000 of them'
\echo '    from the prompt cache, 2,000 out.'
SELECT llm_cost.cost('gpt-4o', 10000, 2000, '2026-06-01', cache_read_tokens => 6000) AS usd;

\echo '--- One input token more than 200,000, and the whole request moves to the dearer tier.'
SELECT input_tokens,
	   llm_cost.cost('claude-sonnet-4-5', input_tokens, 4000, '2026-06-01', cache_read_tokens => 80000) AS usd
FROM (VALUES (200000), (200001)) AS request (input_tokens);

\echo '--- The bill, line by line.'
SELECT meter, quantity, unit_price, per, amount, tier_from, matched_by
FROM llm_cost.cost_breakdown('claude-sonnet-4-5', 200001, 4000, '2026-06-01', cache_read_tokens => 80000);

\echo '--- What cannot be priced is NULL and says why; it is never silently zero.'
SELECT model, llm_cost.cost(model, 1000, 100, '2026-06-01') AS usd,
	   llm_cost.cost_problem(model, 1000, 100, '2026-06-01') AS problem
FROM (VALUES ('gpt-4o'), ('our-own-model')) AS call (model);

\echo '--- A table of calls as a shop might log them: its own column names, twelve rows.'
CREATE SCHEMA shop;
SET search_path = shop;
CREATE TABLE shop.llm_log (
	id			integer PRIMARY KEY,
	called_at	timestamptz NOT NULL,
	model_name	text,
	prompt_tokens integer,
	cached_tokens integer,
	answer_tokens integer,
	customer	text
);
INSERT INTO shop.llm_log VALUES
	(1, '2026-06-01 09:00+00', 'gpt-4o', 1200, 0, 300, 'anna'),
	(2, '2026-06-01 09:02+00', 'gpt-4o', 2400, 1024, 500, 'anna'),
	(3, '2026-06-01 09:10+00', 'gpt-4o-2024-08-06', 5000, 4096, 700, 'anna'),
	(4, '2026-06-01 10:00+00', 'claude-sonnet-4-5', 8000, 0, 900, 'ben'),
	(5, '2026-06-01 10:01+00', 'claude-sonnet-4-5', 9000, 8000, 400, 'ben'),
	(6, '2026-06-01 11:30+00', 'claude-sonnet-4-5', 240000, 200000, 1500, 'ben'),
	(7, '2026-06-02 08:00+00', 'gpt-4o-mini', 700, 0, 120, 'carla'),
	(8, '2026-06-02 08:01+00', 'gpt-4o-mini', 650, 0, 90, 'carla'),
	-- no such model, a stream that broke off, more cached than sent
	(9, '2026-06-02 08:30+00', 'our-own-model', 1000, 0, 200, 'dora'),
	(10, '2026-06-02 09:00+00', 'gpt-4o', NULL, NULL, NULL, 'dora'),
	(11, '2026-06-02 09:05+00', 'gpt-4o', 500, 900, 100, 'dora'),
	(12, '2026-06-02 09:10+00', 'gpt-4o', 1500, 0, 250, 'dora');
TABLE shop.llm_log;

\echo '--- attach() makes a view with the canonical columns; nothing is copied.'
SELECT llm_cost.attach('llm_log', mapping => '{
	"started_at": "called_at", "model": "model_name", "input_tokens": "prompt_tokens",
	"cache_read_tokens": "cached_tokens", "output_tokens": "answer_tokens", "user_id": "customer"}') AS usage;

\echo '--- Spend by model, with what it does not contain.'
SELECT model, count(*) AS calls, sum(cost) AS usd,
	   count(*) FILTER (WHERE cost IS NULL) AS unpriced,
	   string_agg(DISTINCT cost_problem, ', ') AS why
FROM llm_log_usage
GROUP BY model
ORDER BY usd DESC NULLS LAST;

\echo '--- The mean hides who spends. 20,000 calls of 400 users, a few of them heavy:'
SET search_path = shop, llm_cost;
SELECT setseed(0.2) \g /dev/null
CREATE TABLE shop.agent_call AS
	SELECT CASE WHEN u <= 8 THEN 'agents' ELSE 'chat' END AS team, u AS user_id,
		   round((0.004 * exp(CASE WHEN u <= 8 THEN 2.6 ELSE 0 END + 1.1 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())))::numeric, 6) AS cost
	FROM (SELECT 1 + floor(400 * random() ^ 2)::int AS u FROM generate_series(1, 20000)) q;
SELECT coalesce(team, 'all') AS team, num_values(d) AS calls, mean(d)::numeric(8,4) AS mean_usd,
	   percentile(d, 0.5)::numeric(8,4) AS p50, percentile(d, 0.99)::numeric(8,4) AS p99, max_value(d)::numeric(8,4) AS max,
	   round(top_share(d, 0.01)::numeric, 3) AS top_1pct_share, round(gini(d)::numeric, 3) AS gini
FROM (SELECT team, distribution(cost) AS d FROM agent_call GROUP BY ROLLUP (team)) q
ORDER BY team;

\echo '--- A distribution is a value of about a kilobyte. Stored by day or user, it combines again.'
CREATE TABLE shop.user_cell AS SELECT team, user_id, distribution(cost) AS d FROM agent_call GROUP BY 1, 2;
SELECT team, count(*) AS users, num_values(combine(d)) AS calls, percentile(combine(d), 0.99)::numeric(8,4) AS p99
FROM user_cell GROUP BY team ORDER BY team;

\echo '--- doctor() looks at the table, says what is missing, and how to mend it. What failed:'
\pset format unaligned
\pset tuples_only on
SELECT format(E'%s: %s%s', check_name, detail, E'\n    ' || fix)
FROM llm_cost.doctor('llm_log_usage')
WHERE status = 'fail';

\pset format aligned
\pset tuples_only off
\echo
\echo '--- Thirteen weeks of a company: eleven uses, 300 people, 240,000 calls. In the last week'
\echo '    a timestamp got into a system prompt, a step was added, a provider timed out, ...'
\set schema company
\set faults '{cache_bust,added_step,retry_storm,whale,long_tail,context_growth}'
\o /dev/null
\ir generate.sql
\o
RESET search_path;
SET timezone = 'UTC';
SET client_min_messages = warning;
SELECT llm_cost.attach('company.llm_call') AS usage;

\echo '--- The table of the week: what changed, what came from volume, new users and unit cost,'
\echo '    and whether that is more than chance.'
SELECT scope, round(spend_usd, 2) AS spend, round(change_usd, 2) AS change, round(from_volume_usd, 2) AS volume, round(from_new_users_usd, 2) AS newcomers,
	   round(from_unit_cost_usd, 2) AS unit_cost, like_for_like_pct AS pct, low_pct AS low, high_pct AS high, verdict
FROM llm_cost.overview('company.llm_call_usage', '[2026-06-22, 2026-06-29)');

\echo '--- Cache hits that got lost: since when, from what to what, what it costs, and the release near it.'
SELECT scope, opened_at::date AS opened, closed_at::date AS closed, round(value_before, 3) AS before, round(value_during, 3) AS during, wasted_usd, near_release
FROM llm_cost.drift_windows('hit_ratio', '{workflow}', '[2026-06-01, 2026-06-29)', usage => 'company.llm_call_usage');

\echo '--- The report of the week, as a scheduled job writes it: once as text ...'
CALL llm_cost.write_report('[2026-06-22, 2026-06-29)', '{company.llm_call_usage}');
\pset format unaligned
\pset tuples_only on
SELECT llm_cost.report_text();
\o :report
SELECT llm_cost.report_html();
\o
\echo '--- ... and once as a page.'
