--
-- attach() with profile litellm: the rows that LiteLLM really writes
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
BEGIN;

-- A few prices of invented models, so that no catalogue matters here.
INSERT INTO llm_cost.price_book VALUES ('regress_eur', 'EUR');
INSERT INTO llm_cost.price_override
	(price_book, provider, model, meter, service_tier, region, amount, per, valid, known, source)
SELECT book, provider, model, meter, tier, region, amount, 1000000, '[2025-01-01,)', '[2025-01-01,)', 'test'
FROM (VALUES
	('list', 'openai', 'testgpt', 'input', 'standard', '', 2.50),
	('list', 'openai', 'testgpt', 'cache_read', 'standard', '', 1.25),
	('list', 'openai', 'testgpt', 'output', 'standard', '', 10.00),
	('list', 'openai', 'testgpt', 'input', 'batch', '', 1.25),
	('list', 'openai', 'testgpt', 'output', 'batch', '', 5.00),
	('list', 'openai', 'testembed', 'input', 'standard', '', 0.13),
	('list', 'anthropic', 'testclaude', 'input', 'standard', '', 3.00),
	('list', 'anthropic', 'testclaude', 'cache_read', 'standard', '', 0.30),
	('list', 'anthropic', 'testclaude', 'cache_write_5m', 'standard', '', 3.75),
	('list', 'anthropic', 'testclaude', 'cache_write_1h', 'standard', '', 6.00),
	('list', 'anthropic', 'testclaude', 'output', 'standard', '', 15.00),
	('list', 'aws.bedrock', 'anthropic.testclaude-v1:0', 'input', 'standard', 'eu', 3.30),
	('list', 'aws.bedrock', 'anthropic.testclaude-v1:0', 'output', 'standard', 'eu', 16.50),
	('regress_eur', 'openai', 'testgpt', 'input', 'standard', '', 2.30),
	('regress_eur', 'openai', 'testgpt', 'cache_read', 'standard', '', 1.15),
	('regress_eur', 'openai', 'testgpt', 'output', 'standard', '', 9.20)
) AS p (book, provider, model, meter, tier, region, amount);
INSERT INTO llm_cost.alias_override (kind, pattern, provider, to_provider, to_model, to_region, known, source)
VALUES ('provider', 'bedrock', '', 'aws.bedrock', '', '', '[2025-01-01,)', 'test'),
	   ('wrapper', 'eu.', 'aws.bedrock', '', '', 'eu', '[2025-01-01,)', 'test');
-- An Azure deployment has any name its owner likes.
SELECT llm_cost.add_alias('azure/our-deployment', model => 'testgpt', to_provider => 'openai');

CREATE SCHEMA regress_litellm;
\getenv inputs PG_ABS_SRCDIR
\set table :inputs /litellm_table.sql
SET LOCAL search_path = regress_litellm;
\i :table
SET LOCAL search_path = public;
CREATE TABLE regress_litellm."LiteLLM_TeamTable" (team_id text PRIMARY KEY, team_alias text, spend float8);
CREATE TABLE regress_litellm."LiteLLM_VerificationToken" (token text PRIMARY KEY, key_alias text, spend float8);
INSERT INTO regress_litellm."LiteLLM_TeamTable" VALUES ('t-1', 'Support'), ('t-2', 'Search');
INSERT INTO regress_litellm."LiteLLM_VerificationToken" VALUES ('k1', 'support-bot'), ('k2', 'search-bot');

INSERT INTO regress_litellm."LiteLLM_SpendLogs"
	(request_id, call_type, api_key, spend, prompt_tokens, completion_tokens, "startTime", "endTime",
	 request_duration_ms, model, model_group, custom_llm_provider, "user", end_user, team_id,
	 cache_hit, session_id, status, metadata)
SELECT id, call_type, api_key, spend, prompt, completion,
	   '2026-03-01'::timestamp + n * interval '1 hour', '2026-03-01'::timestamp + n * interval '1 hour' + interval '1.5 s',
	   duration, model, split_part(model, '/', -1), provider, 'default_user_id', end_user, team,
	   hit, 's' || n / 3, status, metadata::jsonb
FROM (VALUES
	-- a plain call: 6,000 of 10,000 prompt tokens cached
	(1, '01 call', 'acompletion', 'k1', 0.0375, 10000, 2000, 900, 'testgpt', 'openai', 'ada', 't-1', 'False', 'success',
	 '{"usage_object": {"prompt_tokens_details": {"cached_tokens": 6000}, "completion_tokens_details": {"reasoning_tokens": 500}},
	   "user_api_key_team_alias": "Support (then)", "spend_logs_metadata": {"feature": "triage", "release": "2.4.0"}, "attempted_retries": 0}'),
	-- answered from LiteLLM's response cache: the tokens are replayed, nothing was bought
	(2, '02 response-cache hit', 'acompletion', 'k1', 0, 10000, 2000, 3, 'testgpt', 'openai', 'ada', 't-1', 'True', 'success',
	 '{"usage_object": {"prompt_tokens_details": {"cached_tokens": 6000}}}'),
	-- refused with 429; newer versions estimate the prompt's tokens
	(3, '03 refused 429', 'acompletion', 'k1', 0, 2900, 0, 0, 'testgpt', 'openai', 'ada', 't-1', '', 'failure',
	 '{"status": "failure", "error_information": {"error_code": "429", "error_class": "RateLimitError"}}'),
	(4, '04 refused, no tokens', 'acompletion', 'k1', 0, 0, 0, 0, 'testgpt', '', '', '', '', 'failure',
	 '{"status": "failure", "error_information": {"error_code": "401", "error_class": "ProxyException"}}'),
	-- the client went away before the usage chunk of the stream
	(5, '05 aborted stream', 'acompletion', 'k1', 0, 0, 0, 700, 'testgpt', 'openai', 'ada', 't-1', 'None', 'success', '{}'),
	-- an older version: Anthropic's own counts, cached tokens beside prompt_tokens
	(6, '06 native anthropic', 'acompletion', 'k1', 0.01, 31, 467, 800, 'testclaude', 'anthropic', 'bob', 't-2', 'None', 'success',
	 '{"additional_usage_values": {"cache_creation_input_tokens": 1253, "cache_read_input_tokens": 0, "prompt_tokens_details": {"cached_tokens": 0}}}'),
	-- two thirds of the cache write are kept for an hour
	(7, '07 one-hour cache write', 'anthropic_messages', 'k1', 0.02, 12000, 500, 800, 'testclaude', 'anthropic', 'bob', 't-2', 'None', 'success',
	 '{"usage_object": {"cache_read_input_tokens": 8000, "cache_creation_input_tokens": 3000, "prompt_tokens_details":
	   {"cached_tokens": 8000, "cache_creation_tokens": 3000, "cache_creation_token_details": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 2000}}}}'),
	-- a batch: looked at while running, then retrieved twice; the hash ids differ
	(8, '08 batch, running', 'aretrieve_batch', 'k2', 0, 0, 0, 100, 'testgpt', 'openai', '', 't-2', 'None', 'success', '{}'),
	(9, '09 batch, done', 'aretrieve_batch', 'k2', 2.25, 1000000, 200000, 100, 'testgpt', 'openai', '', 't-2', 'None', 'success', '{}'),
	(10, '10 batch, done, again', 'aretrieve_batch', 'k2', 2.25, 1000000, 200000, 100, 'testgpt', 'openai', '', 't-2', 'None', 'success', '{}'),
	-- newer versions write one row a batch, so equal counts are two batches
	(11, 'batch_a_batch_cost', 'aretrieve_batch', 'k2', 0.000055, 20, 6, 100, 'testgpt', 'openai', '', 't-2', 'None', 'success', '{}'),
	(12, 'batch_b_batch_cost', 'aretrieve_batch', 'k2', 0.000055, 20, 6, 100, 'testgpt', 'openai', '', 't-2', 'None', 'success', '{}'),
	(13, '13 unknown model', 'acompletion', 'k2', 0, 10, 10, 100, 'testnobody', 'openai', 'cy', 't-2', 'None', 'success', '{}'),
	(14, '14 embedding', 'aembedding', 'k2', 0.00065, 5000, 0, 50, 'testembed', 'openai', 'cy', 't-2', 'None', 'success', '{}'),
	(15, '15 azure deployment', 'acompletion', 'k2', 0, 1000, 100, 300, 'azure/our-deployment', 'azure', 'cy', 't-2', 'None', 'success', '{}'),
	(16, '16 bedrock regional id', 'acompletion', 'k2', 0, 1000, 100, NULL, 'eu.anthropic.testclaude-v1:0', 'bedrock', 'cy', 't-2', 'None', 'success', '{}'),
	-- timed out after it was sent: the vendor bills it, whatever spend says
	(17, '17 timeout with tokens', 'acompletion', 'k2', 0, 2000, 100, 600000, 'testgpt', 'openai', 'cy', 't-2', 'None', 'failure',
	 '{"status": "failure", "attempted_retries": 1, "error_information": {"error_code": "408", "error_class": "Timeout"}}'),
	(18, '18 retry of 17', 'acompletion', 'k2', 0.006, 2000, 100, 700, 'testgpt', 'openai', 'cy', 't-2', 'None', 'success',
	 '{"attempted_retries": 2}'),
	-- numbers that are none must not end the query
	(19, '19 hostile numbers', 'acompletion', 'k2', 'NaN', 1000, 100, 700, 'testgpt', 'openai', 'cy', 'unknown', 'None', 'success',
	 '{"usage_object": {"prompt_tokens_details": {"cached_tokens": 1e30, "audio_tokens": "many"}, "completion_tokens_details": {"reasoning_tokens": 12.5},
	   "cache_creation_input_tokens": [1], "service_tier": "default"}, "attempted_retries": "x", "spend_logs_metadata": {"turn": {}}}'),
	(20, '20 metadata no object', 'acompletion', 'k2', 'Infinity', 1000, 100, 700, 'testgpt', 'openai', 'cy', 't-2', 'None', 'success', '"text"'),
	(21, '21 impossible count', 'acompletion', 'k2', 0, -5, 100, 700, 'testgpt', 'openai', 'cy', 't-2', 'None', 'success', '[]'),
	(22, '22 file upload', 'acreate_file', 'k2', 0, 0, 0, 700, '', 'openai', '', 't-2', 'None', 'success', '{}'),
	-- a stored response, read again
	(23, '23 response', 'aresponses', 'k2', 0.0043025, 121, 400, 700, 'testgpt', 'openai', 'cy', 't-2', 'None', 'success', '{}'),
	(24, '24 response, read again', 'aget_responses', 'k2', 0.0043025, 121, 400, 20, 'testgpt', 'openai', 'cy', 't-2', 'None', 'success', '{}'),
	-- 2025: prompt_tokens holds cache reads, but not the writes, which the details do not name
	(25, '25 writes apart, shown', 'acompletion', 'k2', 0.1, 5031, 100, 700, 'testclaude', 'anthropic', 'cy', 't-2', 'None', 'success',
	 '{"usage_object": {"cache_creation_input_tokens": 6000, "cache_read_input_tokens": 5000, "prompt_tokens_details": {"cached_tokens": 5000}}}'),
	(26, '26 writes apart, unnamed', 'acompletion', 'k2', 0.1, 20000, 100, 700, 'testclaude', 'anthropic', 'cy', 't-2', 'None', 'success',
	 '{"usage_object": {"cache_creation_input_tokens": 1000, "cache_read_input_tokens": 5000, "prompt_tokens_details": {"cached_tokens": 5000, "cache_creation_tokens": null}}}'),
	-- a raw count: neither
	(27, '27 both apart', 'pass_through_endpoint', 'k2', 0.1, 10, 100, 700, 'testclaude', 'anthropic', 'cy', 't-2', 'None', 'success',
	 '{"usage_object": {"cache_creation_input_tokens": 100, "cache_read_input_tokens": 500}}')
) AS l (n, id, call_type, api_key, spend, prompt, completion, duration, model, provider, end_user, team, hit, status, metadata);

SELECT llm_cost.attach('regress_litellm."LiteLLM_SpendLogs"');
SELECT profile, price_book, time_column, base_column, time_zone FROM llm_cost.attached_usage
WHERE schema_name = 'regress_litellm';

-- The view has no id of its own; the start is one here.
CREATE TEMP VIEW priced AS
	SELECT l.request_id, v.*
	FROM regress_litellm."LiteLLM_SpendLogs_usage" v
		 JOIN regress_litellm."LiteLLM_SpendLogs" l ON l."startTime" = v.base_started_at;

-- An amount or a reason for each.
SELECT request_id, kind, billable, cost, avoided_cost, cost_problem FROM priced ORDER BY started_at;
SELECT request_id, input_tokens AS input, cache_read_tokens AS read, cache_write_tokens AS write,
	   cache_write_1h_tokens AS write_1h, output_tokens AS output, reasoning_tokens AS reasoning, service_tier, recorded_cost
FROM priced ORDER BY started_at;
SELECT request_id, attempt, error_type, duration_ms, user_id, team, feature, release, operation_id
FROM priced ORDER BY started_at;

-- The same by hand, in dollars per million.
SELECT sum(cost) AS total, sum(cost) = (
	(4000 * 2.5 + 6000 * 1.25 + 2000 * 10)						-- 01
	+ (31 * 3.0 + 1253 * 3.75 + 467 * 15)						-- 06
	+ (1000 * 3.0 + 8000 * 0.3 + 1000 * 3.75 + 2000 * 6 + 500 * 15)	-- 07
	+ (1000000 * 1.25 + 200000 * 5.0)							-- 09, but not 10
	+ 2 * (20 * 1.25 + 6 * 5.0)									-- two small batches
	+ 5000 * 0.13												-- 14
	+ (1000 * 2.5 + 100 * 10)									-- 15
	+ (1000 * 3.3 + 100 * 16.5)									-- 16
	+ 2 * (2000 * 2.5 + 100 * 10)								-- 17, 18
	+ 2 * (1000 * 2.5 + 100 * 10)								-- 19, 20
	+ (121 * 2.5 + 400 * 10)									-- 23, but not 24
	+ (31 * 3.0 + 5000 * 0.3 + 6000 * 3.75 + 100 * 15)			-- 25
	+ (15000 * 3.0 + 5000 * 0.3 + 1000 * 3.75 + 100 * 15)		-- 26
	+ (10 * 3.0 + 500 * 0.3 + 100 * 3.75 + 100 * 15)			-- 27
	) / 1000000 AS exact,
	count(*) AS attempts, count(*) FILTER (WHERE cost IS NULL) AS unpriced
FROM priced;

-- What doctor says of batches; its index changes the speed, not the answer.
SELECT status, fix FROM llm_cost.doctor('regress_litellm."LiteLLM_SpendLogs_usage"') WHERE check_name = 'batches';
SELECT replace(fix, 'CONCURRENTLY ', '') AS fix FROM llm_cost.doctor('regress_litellm."LiteLLM_SpendLogs_usage"') WHERE check_name = 'batches' \gset
:fix
SELECT status, fix FROM llm_cost.doctor('regress_litellm."LiteLLM_SpendLogs_usage"') WHERE check_name = 'batches';
SET LOCAL enable_seqscan = off;
SET LOCAL jit = off;
SELECT sum(cost) FROM regress_litellm."LiteLLM_SpendLogs_usage";
RESET enable_seqscan;
RESET jit;

-- Another book: the same rows in euros.  (4000 × 2.3 + 6000 × 1.15 + 2000 × 9.2) / 10⁶
SELECT llm_cost.attach('regress_litellm."LiteLLM_SpendLogs"', view_name => 'regress_litellm.in_euro', price_book => 'regress_eur');
SELECT cost, cost = (4000 * 2.3 + 6000 * 1.15 + 2000 * 9.2) / 1000000 AS exact
FROM regress_litellm.in_euro WHERE input_tokens = 10000 AND billable;
SELECT pg_catalog.col_description('regress_litellm.in_euro'::regclass, 37);

-- Claims about how the source counts cached tokens can be forced either way.
SELECT llm_cost.attach('regress_litellm."LiteLLM_SpendLogs"', view_name => 'forced', input_excludes_cache => true);
SELECT input_tokens, cache_read_tokens FROM regress_litellm.forced WHERE release = '2.4.0';
SELECT llm_cost.detach('regress_litellm.forced');
SELECT llm_cost.attach('regress_litellm."LiteLLM_SpendLogs"', view_name => 'forced', input_excludes_cache => false);
SELECT input_tokens, cache_write_tokens, cost, cost_problem FROM regress_litellm.forced WHERE cache_write_tokens = 1253;

-- The joins cannot multiply rows, are left out where a reader of the log may
-- not read the names, and vanish from a plan that does not need them.
CREATE FUNCTION pg_temp.plan_mentions(query text, what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found := found OR position(what IN line) > 0;
	END LOOP;
	RETURN found;
END $$;
SELECT pg_temp.plan_mentions('SELECT team FROM regress_litellm."LiteLLM_SpendLogs_usage"', 'TeamTable') AS joined,
	   pg_temp.plan_mentions('SELECT cost FROM regress_litellm."LiteLLM_SpendLogs_usage"', 'TeamTable') AS removed_is_false;
CREATE ROLE regress_litellm_reader;
GRANT SELECT ON regress_litellm."LiteLLM_SpendLogs" TO regress_litellm_reader;
SELECT llm_cost.attach('regress_litellm."LiteLLM_SpendLogs"', view_name => 'without_names');
SELECT pg_temp.plan_mentions('SELECT team, feature FROM regress_litellm.without_names', 'TeamTable') AS joined;
SELECT DISTINCT team, feature FROM regress_litellm.without_names ORDER BY 1, 2;
GRANT USAGE ON SCHEMA regress_litellm TO regress_litellm_reader;
GRANT SELECT ON regress_litellm.without_names TO regress_litellm_reader;
SET ROLE regress_litellm_reader;
SELECT sum(cost) FROM regress_litellm.without_names;
RESET ROLE;

-- A much older table: no session, status, provider or duration.
CREATE SCHEMA regress_litellm_old;
CREATE TABLE regress_litellm_old."LiteLLM_SpendLogs" (
	request_id text PRIMARY KEY, call_type text NOT NULL, api_key text NOT NULL DEFAULT '',
	spend double precision NOT NULL DEFAULT 0.0, total_tokens integer NOT NULL DEFAULT 0,
	prompt_tokens integer NOT NULL DEFAULT 0, completion_tokens integer NOT NULL DEFAULT 0,
	"startTime" timestamp(3) NOT NULL, "endTime" timestamp(3) NOT NULL, model text NOT NULL DEFAULT '',
	"user" text NOT NULL DEFAULT '', metadata jsonb NOT NULL DEFAULT '{}', cache_hit text NOT NULL DEFAULT '',
	cache_key text NOT NULL DEFAULT '', request_tags jsonb NOT NULL DEFAULT '[]');
INSERT INTO regress_litellm_old."LiteLLM_SpendLogs"
	(request_id, call_type, spend, prompt_tokens, completion_tokens, "startTime", "endTime", model, "user")
VALUES ('a', 'completion', 0.0035, 1000, 100, '2026-03-01', '2026-03-01 00:00:02.5', 'testgpt', 'ada');
SELECT llm_cost.attach('regress_litellm_old."LiteLLM_SpendLogs"');
SELECT started_at, model, provider, input_tokens, cache_read_tokens, output_tokens, recorded_cost, billable,
	   operation_id, kind, error_type, duration_ms, user_id, team, cost
FROM regress_litellm_old."LiteLLM_SpendLogs_usage";

-- Not that table.
CREATE TABLE regress_litellm.other (model text, at timestamptz);
SELECT llm_cost.attach('regress_litellm.other', 'litellm');
ROLLBACK;
