/*
 * What demo/run --real plays: the calls of a coding agent, from two files that
 * psql variables name (calls, errors), as they come, and the report of the last
 * week that can be compared with four before it.
 */
\pset null '∅'
\pset footer off
\pset linestyle ascii
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION llm_cost CASCADE;
CREATE SCHEMA coding;
SET search_path = coding;

\echo
\echo '--- One row for each answer of the API, tokens only, and one for each error.'
CREATE TABLE answer (repo text, developer text, session text, interaction text, request text, ts_first timestamptz, ts_last timestamptz,
	model text, client_version text, is_sidechain integer, agent text, service_tier text, input_tokens bigint, cache_creation_input_tokens bigint,
	cache_creation_5m bigint, cache_creation_1h bigint, cache_read_input_tokens bigint, output_tokens bigint, output_chars bigint,
	stop_reason text, n_tool_calls integer, n_log_lines integer);
CREATE TABLE error (repo text, session text, interaction text, ts timestamptz, kind text, status integer, error_class text, retry_attempt integer,
	max_retries integer, retry_in_ms float8, version text, is_sidechain integer);
COPY answer FROM :'calls' WITH (FORMAT csv, HEADER match);
COPY error FROM :'errors' WITH (FORMAT csv, HEADER match);
SELECT count(*) AS answers, (SELECT count(*) FROM error) AS errors, count(DISTINCT repo) AS repositories, count(DISTINCT developer) AS developers,
	   count(DISTINCT session) AS sessions, count(DISTINCT interaction) AS interactions, min(ts_first)::date AS first_day, max(ts_first)::date AS last_day
FROM answer;

\echo '--- An interaction is one prompt of a person and all calls it caused: an operation. The version of the client is the'
\echo '    release. An error was not billed. input_tokens is without the cache here, which attach() has to know.'
CREATE TABLE attempt AS
	SELECT request AS attempt_id, ts_first AS started_at, 'anthropic' AS provider, model, service_tier, input_tokens,
		   cache_read_input_tokens AS cache_read_tokens, cache_creation_input_tokens AS cache_write_tokens, cache_creation_1h AS cache_write_1h_tokens,
		   output_tokens, interaction AS operation_id, session AS conversation_id, developer AS user_id, repo AS team, client_version AS release,
		   NULL::text AS error_type, NULL::boolean AS billable
	FROM answer
	UNION ALL
	SELECT NULL, ts, 'anthropic', NULL, NULL, NULL, NULL, NULL, NULL, NULL, interaction, session,
		   (SELECT min(a.developer) FROM answer AS a WHERE a.session = error.session), repo, version, error_class, false
	FROM error;
CREATE INDEX ON attempt (started_at);
ANALYZE attempt;
SELECT llm_cost.attach('attempt', input_excludes_cache => true) AS usage;

\echo '--- What doctor() does not like about it:'
SELECT status, check_name, detail FROM llm_cost.doctor('attempt_usage') WHERE status <> 'ok';

\echo '--- The weeks. The report is on the last one that has four before it, and at least half as many calls as they have.'
\echo '    Older clients logged answers before they had come: placeholder_pct have 5 tokens or less. Where that ends, spend'
\echo '    rises because of the log and not of the model; input and cache are sound.'
CREATE VIEW week AS
	SELECT date_trunc('week', started_at) AS week, count(*) AS calls, count(DISTINCT operation_id) AS interactions, count(DISTINCT user_id) AS developers,
		   sum(cost) AS usd, avg((output_tokens <= 5)::integer) AS placeholders, avg(count(*)) OVER before AS calls_before, count(*) OVER before AS weeks_before
	FROM attempt_usage
	GROUP BY 1
	WINDOW before AS (ORDER BY date_trunc('week', started_at) RANGE BETWEEN INTERVAL '28 days' PRECEDING AND INTERVAL '7 days' PRECEDING);
SELECT tstzrange(week, week + INTERVAL '7 days') AS period, tstzrange(week - INTERVAL '28 days', week + INTERVAL '7 days') AS recent
FROM week
ORDER BY weeks_before = 4 AND calls >= calls_before / 2 DESC, week DESC
LIMIT 1 \gset
SELECT week::date, calls, interactions, developers, round(usd, 2) AS usd, round(100 * placeholders) AS placeholder_pct, CASE WHEN week = lower(:'period'::tstzrange) THEN 'this one' ELSE '' END AS report
FROM week
WHERE usd > 0
ORDER BY 1;

\echo '--- Where the money went, by model: who came and went, and what it costs the same people. The verdict is about'
\echo '    users; so few of them prove nothing, and it says so.'
SELECT replace(scope, 'model=', '') AS model, round(spend_usd, 2) AS spend, round(change_usd, 2) AS change, round(from_volume_usd, 2) AS volume,
	   round(from_new_users_usd, 2) AS new_users, round(from_unit_cost_usd, 2) AS unit_cost, like_for_like_pct AS pct, verdict,
	   rtrim(regexp_replace(cause, '(.{1,40}[^ ])( |$)', E'\\1\n', 'g'), E'\n') AS cause
FROM llm_cost.overview('attempt_usage', :'period', by => '{model}')
WHERE spend_usd <> 0 OR change_usd <> 0;

\echo '--- Calls for an interaction, prompts, and who spends. Before: the four weeks before.'
SELECT c.operations AS interactions, round(c.calls_per_operation, 2) AS calls_each, round(c.calls_per_operation_before, 2) AS before, c.p99_calls AS p99, c.max_calls AS most,
	   round(x.mean_tokens) AS prompt_tokens, round(x.mean_before) AS before,
	   (100 * h.value)::numeric(4,1) AS cached_pct, (100 * h.value_before)::numeric(4,1) AS before,
	   s.units AS developers, (100 * s.max_cost / s.cost)::numeric(4,1) AS dearest_has_pct
FROM llm_cost.calls('{}', :'period', usage => 'attempt_usage') AS c, llm_cost.contexts('{}', :'period', usage => 'attempt_usage') AS x,
	 llm_cost.drift('hit_ratio', '{}', :'period', usage => 'attempt_usage') AS h, llm_cost.skew('{}', period => :'period', usage => 'attempt_usage') AS s;

\echo '--- Errors of these five weeks: what was retried, and whether that helped.'
SELECT scope ->> 'error_type' AS error, transient, failures, retries, round(retry_cost, 4) AS retry_usd, recovered_steps || ' of ' || retried_steps AS recovered
FROM llm_cost.retries(period => :'recent', usage => 'attempt_usage')
WHERE failures > 0;

\echo '--- Releases of the client in the week: when they came, and how far they got.'
SELECT release, kind, to_char(first_started_at, 'Dy DD Mon HH24:MI') AS first_seen, to_char(reached_half_at, 'Dy DD Mon HH24:MI') AS half_of_calls, attempts
FROM llm_cost.detect_releases(period => :'recent', usage => 'attempt_usage')
WHERE first_started_at >= lower(:'period'::tstzrange)
ORDER BY first_started_at;

\echo '--- The report of the week, by repository if there are several, else by model: as text ...'
SELECT CASE WHEN count(DISTINCT team) > 1 THEN '{team}' ELSE '{model}' END AS by FROM attempt_usage WHERE started_at <@ :'period'::tstzrange \gset
CALL llm_cost.write_report(:'period', '{coding.attempt_usage}', by => :'by') \g /dev/null
\pset format unaligned
\pset tuples_only on
SELECT llm_cost.report_text();
\o :report
SELECT llm_cost.report_html();
\o
\echo '--- ... and as a page.'
