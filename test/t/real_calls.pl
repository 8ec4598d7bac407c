# Calls per interaction, API errors and runaways of a coding agent's real use,
# from the folder LLM_COST_DATA; skipped where there is none.  Every number is
# computed again in plain SQL over the files as they are.

use strict;
use warnings;

use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{LLM_COST_DATA} // '';
-d $data or plan skip_all => 'LLM_COST_DATA names no folder';
my ($calls, $errors) = map { "$data/entire_claude_code_$_.csv.gz" } qw(calls api_errors);
-r $calls && -r $errors or plan skip_all => 'LLM_COST_DATA has no calls of Claude Code';

my $node = new_node('real_calls');
sub query { return $node->safe_psql('postgres', @_) }

query(q{SET client_min_messages = warning; CREATE EXTENSION llm_cost CASCADE; ALTER DATABASE postgres SET timezone = 'UTC'});
query(qq{
	CREATE TABLE answer (repo text, developer text, session text, interaction text, request text, ts_first timestamptz, ts_last timestamptz,
		model text, client_version text, is_sidechain int, agent text, service_tier text, input_tokens bigint, cache_creation_input_tokens bigint,
		cache_creation_5m bigint, cache_creation_1h bigint, cache_read_input_tokens bigint, output_tokens bigint, output_chars bigint,
		stop_reason text, n_tool_calls int, n_log_lines int);
	CREATE TABLE error (repo text, session text, interaction text, ts timestamptz, kind text, status int, error_class text, retry_attempt int,
		max_retries int, retry_in_ms float8, version text, is_sidechain int);
	COPY answer FROM PROGRAM 'gzip -dc $calls' CSV HEADER;
	COPY error FROM PROGRAM 'gzip -dc $errors' CSV HEADER;
	-- an interaction is one human prompt and all calls it caused; an error that was retried is an attempt that failed, not billed
	CREATE TABLE attempt AS
		SELECT ts_first AS started_at, 'anthropic' AS provider, model, input_tokens, cache_read_input_tokens AS cache_read_tokens,
			   cache_creation_input_tokens AS cache_write_tokens, cache_creation_1h AS cache_write_1h_tokens, output_tokens,
			   interaction AS operation_id, developer AS user_id, client_version AS release, NULL::text AS error_type, NULL::boolean AS billable
		FROM answer
		UNION ALL SELECT ts, 'anthropic', NULL, NULL, NULL, NULL, NULL, NULL, interaction, NULL, version, error_class, false FROM error;
	SELECT llm_cost.attach('attempt', input_excludes_cache => true)});

# Calls per interaction, over everything and week by week against the four weeks before.
my $everything = q{'[2026-01-05,2027-01-04)'};
is(query(qq{SELECT operations, calls_per_operation, median_calls, p90_calls, p99_calls, max_calls, ungrouped_calls, unpriced_attempts
		FROM llm_cost.calls('{}', $everything)}),
	query(q{WITH a AS (SELECT interaction, ts_first AS at FROM answer UNION ALL SELECT interaction, ts FROM error),
			i AS (SELECT interaction, count(*) AS n FROM a WHERE interaction IS NOT NULL GROUP BY 1)
		SELECT count(*), llm_cost.shown_number(avg(n)), llm_cost.shown_number(percentile_cont(0.5) WITHIN GROUP (ORDER BY n)::numeric),
			   llm_cost.shown_number(percentile_cont(0.9) WITHIN GROUP (ORDER BY n)::numeric), llm_cost.shown_number(percentile_cont(0.99) WITHIN GROUP (ORDER BY n)::numeric),
			   max(n), (SELECT count(*) FROM a WHERE interaction IS NULL), 0 FROM i}),
	'calls per interaction');
note 'operations, mean, p50, p90, p99, max: ' . query(qq{SELECT operations, calls_per_operation, median_calls, p90_calls, p99_calls, max_calls FROM llm_cost.calls('{}', $everything)});
my $weeks = q{generate_series('2026-01-12'::timestamptz, '2026-02-09', '7 days') AS week};
is(query(qq{SELECT week::date, operations, calls_per_operation, median_calls, p99_calls, operations_before, calls_per_operation_before, change_pct
		FROM $weeks, llm_cost.calls('{}', tstzrange(week, week + INTERVAL '7 days')) ORDER BY 1}),
	query(qq{WITH a AS (SELECT interaction, ts_first AS at FROM answer UNION ALL SELECT interaction, ts FROM error),
			i AS (SELECT interaction, min(at) AS at, count(*) AS n FROM a WHERE interaction IS NOT NULL GROUP BY 1)
		SELECT week::date, w.operations, llm_cost.shown_number(w.mean), llm_cost.shown_number(w.p50::numeric), llm_cost.shown_number(w.p99::numeric),
			   b.operations, llm_cost.shown_number(b.mean), round((w.mean / b.mean - 1) * 100, 1)
		FROM $weeks,
			 LATERAL (SELECT count(*) AS operations, avg(n) AS mean, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY n) AS p99
					  FROM i WHERE at >= week AND at < week + INTERVAL '7 days') w,
			 LATERAL (SELECT count(*) AS operations, avg(n) AS mean FROM i WHERE at >= week - INTERVAL '28 days' AND at < week) b ORDER BY 1}),
	'… week by week, and before');
is(query(qq{SELECT cost_per_operation = (SELECT llm_cost.shown_number(sum(cost) / count(DISTINCT operation_id)) FROM attempt_usage WHERE operation_id IS NOT NULL)
		FROM llm_cost.calls('{}', $everything)}), 't', 'cost per interaction is a ratio of exact sums');

# API errors, joined by interaction: what failed, and what came after it.
is(query(qq{SELECT scope ->> 'error_type', failures, retries, retried_steps, recovered_steps, retry_cost FROM llm_cost.retries(period => $everything) ORDER BY 1}),
	query(q{WITH a AS (
			SELECT interaction, ts_first AS at, NULL AS error_class, u.cost FROM answer
				 JOIN attempt_usage u ON u.operation_id IS NOT DISTINCT FROM interaction AND u.started_at = ts_first AND u.error_type IS NULL AND u.model = answer.model
					AND u.output_tokens = answer.output_tokens AND u.input_tokens = answer.input_tokens + cache_creation_input_tokens + cache_read_input_tokens
			WHERE interaction IN (SELECT interaction FROM error)
			UNION ALL SELECT interaction, ts, error_class, 0 FROM error),
		s AS (SELECT *, lead(error_class) OVER next AS then_class, lead(at) OVER next AS then_at, lead(cost) OVER next AS then_cost
			  FROM a WINDOW next AS (PARTITION BY interaction ORDER BY at))
		-- the last retry of an interaction in a row tells how it ended
		SELECT error_class, count(*), count(then_at) FILTER (WHERE interaction IS NOT NULL),
			   count(then_at) FILTER (WHERE then_class IS NULL) + count(*) FILTER (WHERE then_class IS NOT NULL AND NOT EXISTS (
					SELECT FROM a later WHERE later.interaction = s.interaction AND later.at > s.then_at)),
			   count(then_at) FILTER (WHERE then_class IS NULL), trim_scale(coalesce(sum(then_cost), 0))
		FROM s WHERE error_class IS NOT NULL GROUP BY 1 ORDER BY 1}),
	'failures, retries, and whether they paid, by class of error');
is(query(qq{SELECT sum(failures) FROM llm_cost.retries(period => $everything)}), query('SELECT count(*) FROM error'), 'every API error is a failure');
is(query(qq{SELECT string_agg(scope ->> 'error_type', ', ' ORDER BY scope) FROM llm_cost.retries(period => $everything) WHERE NOT transient}),
	'authentication_error', 'only a key that is wrong stays wrong');
note query(qq{SELECT scope ->> 'error_type', transient, failures, retries, retry_cost, recovered_steps || '/' || retried_steps FROM llm_cost.retries(period => $everything)});

# Seven developers, long tails: hardly a week with a finding.
cmp_ok(query(q{SELECT count(*) FROM generate_series('2026-01-05'::timestamptz, '2026-07-27', '7 days') AS week, llm_cost.runaway(tstzrange(week, week + INTERVAL '7 days'))}),
	'<=', 2, 'thirty weeks with at most two runaways');
note query(q{SELECT week::date, r.scope, r.finding, r.evidence FROM generate_series('2026-01-05'::timestamptz, '2026-07-27', '7 days') AS week, llm_cost.runaway(tstzrange(week, week + INTERVAL '7 days')) r});

done_testing();
