--
-- retries(): failures and the retries they caused, by class of error
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_retries;
SET search_path = regress_retries;
-- a call of 1,000 input tokens costs $1
SELECT llm_cost.set_price('regress-retries', 'input', 1, '2025-01-01', 'regress', per => 1000) IS NOT NULL AS priced;

-- Names as vendors, gateways and people write them.
SELECT llm_cost.is_transient_error(n) AS transient, string_agg(n, ', ' ORDER BY i)
FROM unnest(ARRAY['rate_limit', 'RateLimitError', 'litellm.RateLimitError', 'rate_limit_exceeded', '429', 'HTTP 429', '429 Too Many Requests', 'ThrottlingException',
	'RESOURCE_EXHAUSTED', 'overloaded_error', '529', 'timeout', 'Timeout', 'APITimeoutError', 'request timed out', 'DEADLINE_EXCEEDED', '408', '504',
	'api_error', 'APIConnectionError', 'ECONNRESET', 'ConnectionRefused', 'server_error', 'InternalServerError', 'internal_server_error', '500', '503', 'ServiceUnavailableError',
	'BadGatewayError', '502', 'ModelNotReadyException', 'ModelTimeoutException', '409', '520',
	'AuthenticationError', 'authentication_error', '401', '403', 'permission_error', 'PermissionDeniedError', 'AccessDeniedException', 'invalid_api_key', 'UNAUTHENTICATED',
	'insufficient_quota', '429 insufficient_quota', 'billing_error', 'BudgetExceededError', '402', 'invalid_request_error', 'BadRequestError', '400', '422',
	'UnprocessableEntityError', 'INVALID_ARGUMENT', 'ValidationException', 'not_found_error', 'model_not_found', '404', 'request_too_large', '413',
	'context_length_exceeded', 'ContextWindowExceededError', 'content_filter', 'ContentPolicyViolationError', 'safety_filter', 'refusal', 'UnsupportedParamsError', '501',
	'invalid_output', 'malformed_json', 'json_schema', 'cancelled', 'my own error', '42', '20060', '']) WITH ORDINALITY AS u (n, i)
GROUP BY 1 ORDER BY 1;
SELECT llm_cost.is_transient_error(NULL);

CREATE TABLE call (started_at timestamptz, model text, input_tokens int, operation_id text, workflow text, step text, kind text, attempt int,
	error_type text, billable boolean, duration_ms int, user_id text);
INSERT INTO call VALUES
	-- refused and not billed, refused again half a second after that, then well
	('2026-06-02 10:00:00', 'regress-retries', NULL, 'o1', 'chat', 'answer', 'chat', 1, 'rate_limit', false, 100, 'ann'),
	('2026-06-02 10:00:00.6', 'regress-retries', NULL, 'o1', 'chat', 'answer', 'chat', 2, 'rate_limit', false, 100, 'ann'),
	('2026-06-02 10:00:05', 'regress-retries', 1000, 'o1', 'chat', 'answer', 'chat', 3, NULL, NULL, 100, 'ann'),
	-- timed out after 30 s; half a second later, with more context, too much of it; the same again
	('2026-06-02 11:00:00', 'regress-retries', 2000, 'o2', 'chat', 'answer', 'chat', 1, 'timeout', NULL, 30000, 'bob'),
	('2026-06-02 11:00:30.5', 'regress-retries', 3000, 'o2', 'chat', 'answer', 'chat', 2, 'context_length_exceeded', NULL, NULL, 'bob'),
	('2026-06-02 11:00:40', 'regress-retries', 3000, 'o2', 'chat', 'answer', 'chat', 3, 'context_length_exceeded', NULL, NULL, 'bob'),
	-- the third attempt; the first two were not logged
	('2026-06-03 10:00:00', 'regress-retries', 1000, 'o3', 'mail', 'answer', 'chat', 3, NULL, NULL, 100, 'ann'),
	-- a word of one's own, then a model without a price
	('2026-06-03 11:00:00', 'regress-retries', 1000, 'o4', 'mail', 'answer', 'chat', 1, 'my own error', NULL, 100, 'bob'),
	('2026-06-03 11:00:09', 'no such model', 1000, 'o4', 'mail', 'answer', 'chat', 2, NULL, NULL, 100, 'bob'),
	-- a tool that fails is no attempt
	('2026-06-03 12:00:00', NULL, NULL, 'o5', 'chat', 'lookup', 'tool', 1, 'timeout', NULL, 100, 'ann');
-- 11 attempts without trouble, $14: 20 attempts in all, $25
INSERT INTO call SELECT '2026-06-04 10:00+00'::timestamptz + i * INTERVAL '1 hour', 'regress-retries', CASE i WHEN 11 THEN 4000 ELSE 1000 END, 'p' || i, 'chat', 'answer', 'chat', 1, NULL, NULL, 100, 'ann'
FROM generate_series(1, 11) AS i;
-- before: 100 attempts, one timeout, two refused
INSERT INTO call SELECT '2026-05-04 10:00+00'::timestamptz + i * INTERVAL '6 hours', 'regress-retries', 1000, 'b' || i, 'chat', 'answer', 'chat', 1,
	CASE WHEN i = 7 THEN 'timeout' WHEN i IN (20, 50) THEN 'rate_limit' END, NULL, 100, 'ann'
FROM generate_series(1, 100) AS i;
SELECT llm_cost.attach('call');

\pset null '(null)'
\x
-- context_length: $6 failed twice, one retry at $3 for nothing.  timeout: $2, and $3 for a retry that failed too.
-- rate_limit: nothing billed, retries $0 and $1.  Of $25: 24 %, 8 %, 0 %.  Per 1,000 of 20 attempts: 100, 50, 100.
SELECT * FROM llm_cost.retries(period => '[2026-06-01,2026-06-08)');
-- By workflow: chat failed 5 times for $8; two of its steps were retried to the end, one well.
SELECT * FROM llm_cost.retries('{workflow}', '[2026-06-01,2026-06-08)');
\x
-- The causes once more by plain SQL.
SELECT cause, count(*) AS retries, sum(cost) AS retry_cost
FROM (SELECT CASE WHEN attempt > 1 THEN coalesce(lag(error_type) OVER (PARTITION BY operation_id, step ORDER BY started_at), 'not logged') END AS cause, attempt, cost
	  FROM call_usage WHERE kind = 'chat' AND started_at BETWEEN '2026-06-01' AND '2026-06-08') q
WHERE cause IS NOT NULL GROUP BY 1
EXCEPT
SELECT scope ->> 'error_type', retries, retry_cost FROM llm_cost.retries(period => '[2026-06-01,2026-06-08)');
-- What rows by class add up to is what cells say, and shares add up to those of all.
SELECT sum(r.failures) = min(c.failures) AS failures, sum(r.retries) = min(c.retries) AS retries, sum(r.failed_cost) = min(c.failed_cost) AS failed_cost,
	   sum(r.retry_cost) = min(c.retry_cost) AS retry_cost, sum(r.failed_share) = min(c.failed_cost / c.cost) AS failed_share
FROM llm_cost.retries(period => '[2026-06-01,2026-06-08)') r, llm_cost.cells('{}', '[2026-06-01,2026-06-08)', bucket => 'period') c;

-- In all; by two columns; bursts within ten seconds; against another range; without attempts before.
SELECT scope, transient, failures, failed_cost, retries, retry_cost, needless_retries, recovered_share, note FROM llm_cost.retries('{}', '[2026-06-01,2026-06-08)');
SELECT scope, failures, failures_per_1000, retries_per_1000 FROM llm_cost.retries('{error_type,workflow}', '[2026-06-01,2026-06-08)') ORDER BY scope;
SELECT scope, burst_retries FROM llm_cost.retries(period => '[2026-06-01,2026-06-08)', burst_within => '10 seconds') ORDER BY scope;
SELECT scope, failures_per_1000, failures_per_1000_before, change_pct FROM llm_cost.retries(period => '[2026-06-01,2026-06-08)', baseline => '[2026-05-04,2026-05-11)', max_rows => 2) ORDER BY scope;
SELECT scope, failures, failures_per_1000_before, change_pct FROM llm_cost.retries(period => '[2026-05-04,2026-05-11)');
-- Monday in Kolkata begins at 18:30 UTC on Sunday.
INSERT INTO call VALUES ('2026-06-07 18:29+00', 'regress-retries', 1000, 'k1', 'kolkata', 'answer', 'chat', 1, 'sunday', NULL, 100, 'ann'),
	('2026-06-07 18:31+00', 'regress-retries', 1000, 'k2', 'kolkata', 'answer', 'chat', 1, 'monday', NULL, 100, 'ann');
SELECT scope, failures FROM llm_cost.retries(period => tstzrange('2026-06-01 00:00+05:30', '2026-06-08 00:00+05:30'), time_zone => 'Asia/Kolkata', filter => '{"workflow": "kolkata"}');
SELECT scope, failures FROM llm_cost.retries(period => '[2026-06-01,2026-06-08)', filter => '{"workflow": "kolkata"}');

-- One row; nothing; nothing priced; no numbers of attempts.
SELECT scope, failures, failed_cost, wasted_tokens, retries, retry_cost, failed_share, recovered_share FROM llm_cost.retries(period => '[2026-06-02 11:00+00,2026-06-02 11:00:01+00)');
SELECT count(*) FROM llm_cost.retries(period => '[2030-01-07,2030-01-14)');
CREATE TABLE unpriced AS SELECT started_at, 'no such model' AS model, input_tokens, operation_id, workflow, step, error_type FROM call WHERE kind = 'chat' AND error_type IS DISTINCT FROM 'rate_limit';
SELECT llm_cost.attach('unpriced');
SELECT scope, failures, failed_cost, retries, retry_cost, failed_share, needless_cost, unpriced_attempts, note FROM llm_cost.retries(period => '[2026-06-02,2026-06-03)', usage => 'unpriced_usage');

-- Only numbers of attempts: no failure is logged.  Only errors: what was retried is not known.  Neither: an error.
CREATE TABLE only_attempt AS SELECT started_at, model, input_tokens, operation_id, attempt FROM call WHERE kind = 'chat';
SELECT llm_cost.attach('only_attempt');
SELECT scope, failures, failed_cost, retries, retry_cost, note FROM llm_cost.retries(period => '[2026-06-01,2026-06-08)', usage => 'only_attempt_usage');
CREATE TABLE only_error AS SELECT started_at, model, input_tokens, error_type FROM call WHERE kind = 'chat';
SELECT llm_cost.attach('only_error');
SELECT scope, failures, failed_cost, retries, retry_cost, burst_retries, retried_steps, note FROM llm_cost.retries(period => '[2026-06-02,2026-06-03)', usage => 'only_error_usage');
CREATE TABLE bare AS SELECT started_at, model, input_tokens FROM call;
SELECT llm_cost.attach('bare');
SELECT * FROM llm_cost.retries(usage => 'bare_usage');
SELECT * FROM llm_cost.retries('{error}', usage => 'call_usage');
SELECT * FROM llm_cost.retries(usage => 'call_usage', burst_within => '-1 second');
SELECT * FROM llm_cost.retries(usage => 'call_usage', baseline => 'plan');
SELECT * FROM llm_cost.retries(usage => 'call_usage', max_rows => -1);
SELECT count(*) FROM llm_cost.retries(NULL, '[2026-06-01,2026-06-08)', NULL, NULL, 'call_usage', NULL, NULL, NULL);

-- Hidden rows are not counted.
CREATE ROLE regress_retries_reader;
GRANT USAGE ON SCHEMA regress_retries TO regress_retries_reader;
GRANT SELECT ON call, call_usage TO regress_retries_reader;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON call FOR SELECT TO regress_retries_reader USING (user_id = 'bob');
SET ROLE regress_retries_reader;
SELECT scope, failures, failed_cost, failed_share FROM llm_cost.retries(period => '[2026-06-02,2026-06-08)', usage => 'call_usage');
RESET ROLE;

SET client_min_messages = warning;
DELETE FROM llm_cost.price_override WHERE model = 'regress-retries';
DROP SCHEMA regress_retries CASCADE;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_retries';
DROP ROLE regress_retries_reader;
