# Contexts, skew and cost per outcome of real usage, from the folder
# LLM_COST_DATA, against plain SQL over the files; skipped where there is none.

use strict;
use warnings;

use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{LLM_COST_DATA} // '';
-d $data or plan skip_all => 'LLM_COST_DATA names no folder';

my $node = new_node('real_contexts');
sub query { return $node->safe_psql('postgres', @_) }
my $period = q{tstzrange('2026-01-05', '2026-03-02')};

query(q{SET client_min_messages = warning; CREATE EXTENSION llm_cost CASCADE; ALTER DATABASE postgres SET timezone = 'UTC'});

# Tasks that agents solved or not, with what each cost.
query(qq{
	CREATE TABLE instance (section text, directory text, agent_name text, agent_version text, model text, benchmark text,
		submission_time timestamptz, instance_id text, cost numeric, resolved bool);
	COPY instance FROM PROGRAM 'gzip -dc $data/openhands_index_instances.csv.gz' CSV HEADER;
	CREATE VIEW task AS SELECT submission_time AS started_at, model, cost, NULL::text AS cost_problem, benchmark AS workflow,
		directory || '/' || benchmark || '/' || instance_id AS operation_id,
		CASE WHEN resolved THEN 'resolved' WHEN NOT resolved THEN 'unresolved' END AS outcome
	FROM instance;});
my $all = q{tstzrange('2026-01-01', '2026-07-01')};
is(query(qq{
	SELECT c.operations, c.resolved, c.unresolved, c.unknown, c.unpriced_operations, c.cost = x.cost, c.cost_per_resolved = x.cost / x.resolved
	FROM llm_cost.cost_per_outcome('{}', $all, usage => 'task') c,
		(SELECT sum(cost) AS cost, count(*) FILTER (WHERE resolved) AS resolved FROM instance WHERE resolved IS NOT NULL AND cost IS NOT NULL) x}),
	query(q{
	SELECT count(*), count(*) FILTER (WHERE resolved AND cost IS NOT NULL), count(*) FILTER (WHERE NOT resolved AND cost IS NOT NULL),
		count(*) FILTER (WHERE resolved IS NULL AND cost IS NOT NULL), count(*) FILTER (WHERE cost IS NULL), true, true FROM instance}),
	'OpenHands: every task is counted once, and cost per resolved is that of plain SQL');
note 'OpenHands: cost per resolved ' . query(qq{SELECT round(cost_per_resolved, 4) FROM llm_cost.cost_per_outcome('{}', $all, usage => 'task')})
	. ', with tasks of unknown outcome ' . query(q{SELECT round(sum(cost) / count(*) FILTER (WHERE resolved), 4) FROM instance});
is(query(qq{
	SELECT count(*), bool_and(c.cost_per_resolved = x.per_resolved AND c.success_rate = x.rate)
	FROM llm_cost.cost_per_outcome('{model}', $all, usage => 'task') c
		JOIN (SELECT model, sum(cost) / count(*) FILTER (WHERE resolved) AS per_resolved, count(*) FILTER (WHERE resolved)::float8 / count(*) AS rate
			  FROM instance WHERE resolved IS NOT NULL AND cost IS NOT NULL GROUP BY 1) x ON x.model = c.scope ->> 'model'}),
	query(q{SELECT count(DISTINCT model), true FROM instance}), 'OpenHands: … and for each model');
# At the break-even two models cost the same for each resolved task.
is(query(qq{
	SELECT count(*) > 100, bool_and(abs((a.cost + b.break_even_failure_cost * a.unresolved) / a.resolved - (d.cost + b.break_even_failure_cost * d.unresolved) / d.resolved) < 1e-9)
	FROM (SELECT * FROM llm_cost.compare_outcomes(period => $all, usage => 'task') WHERE break_even_failure_cost > 0) b,
		(SELECT * FROM llm_cost.cost_per_outcome('{model}', $all, usage => 'task')) a, (SELECT * FROM llm_cost.cost_per_outcome('{model}', $all, usage => 'task')) d
	WHERE a.scope ->> 'model' = b.cheap AND d.scope ->> 'model' = b.dear}),
	't|t', 'OpenHands: break-even between any two models');

# Coding sessions with the real behaviour of a prompt cache.
query(qq{
	CREATE TABLE weka (trace_id text, duplicate_of text, seq int, user_turn int, agent_id text, helper_type text, helper_status text, t float8, type text,
		model text, "in" bigint, "out" bigint, stop text, api_time float8, think_time float8, ttft float8, input_types text, output_types text,
		block_size int, n_blocks int, cached_blocks int, cached_tokens bigint, cached_prev bigint, tool_tokens bigint, system_tokens bigint);
	COPY weka FROM PROGRAM 'gzip -dc $data/weka_claude_code_requests.csv.gz' CSV HEADER;
	CREATE VIEW session AS SELECT '2026-01-05'::timestamptz + t * interval '1 second' AS started_at, model, 'anthropic'::text AS provider,
		"in" AS input_tokens, cached_tokens AS cache_read_tokens, "out" AS output_tokens, trace_id AS conversation_id, user_turn::bigint AS turn, system_tokens
	FROM weka;});
is(query(qq{
	SELECT c.attempts, c.unpriced_attempts, c.input_tokens, c.max_tokens, round(c.mean_tokens::numeric, 6), round(c.turn_1_tokens::numeric, 6), round(c.turn_5_tokens::numeric, 6), round(c.turn_10_tokens::numeric, 6)
	FROM llm_cost.contexts('{}', $period, usage => 'session') c}),
	query(q{
	SELECT count(*), count(*) FILTER (WHERE model = 'claude-opus-4-6'), sum("in"), max("in"), round(avg("in"), 6), round(avg("in") FILTER (WHERE user_turn = 1), 6), round(avg("in") FILTER (WHERE user_turn = 5), 6),
		round(avg("in") FILTER (WHERE user_turn = 10), 6) FROM weka}),
	'WEKA: sizes of prompts, by turn too; a model that came later has no price then');
is(query(qq{
	SELECT round(c.tokens_per_turn::numeric, 4), round(c.turn_ratio::numeric, 6) FROM llm_cost.contexts('{}', $period, usage => 'session') c}),
	query(q{
	SELECT (SELECT round((regr_slope(y, x))::numeric, 4)
			FROM (SELECT "in" - avg("in") OVER (PARTITION BY trace_id) AS y, user_turn - avg(user_turn) OVER (PARTITION BY trace_id) AS x FROM weka WHERE user_turn IS NOT NULL) q),
		(SELECT round(avg("in") FILTER (WHERE user_turn = 10) / avg("in") FILTER (WHERE user_turn = 1), 6) FROM weka
		 WHERE trace_id IN (SELECT trace_id FROM weka WHERE user_turn = 1 INTERSECT SELECT trace_id FROM weka WHERE user_turn = 10))}),
	'WEKA: growth within conversations');
note 'WEKA: tokens at turn 1, 5, 10, per turn, ratio: '
	. query(qq{SELECT turn_1_tokens::int, turn_5_tokens::int, turn_10_tokens::int, tokens_per_turn::numeric(9,1), turn_ratio::numeric(9,3) FROM llm_cost.contexts('{}', $period, usage => 'session')});
is(query(q{SELECT round(llm_cost.hit_ratio(cache_read_tokens, input_tokens)::numeric, 4) FROM session}), '0.9580', 'WEKA: 95.8 % of input cached');
# Opus 4.5 has no context tiers: 5 and, from cache, 0.5 per million.
is(query(qq{SELECT over_fixed_tokens, trim_scale(over_fixed_cost), over_dynamic_tokens, trim_scale(over_dynamic_cost)
	FROM llm_cost.contexts('{}', $period, usage => 'session', filter => '{"model": "claude-opus-4-5-20251101"}')}),
	query(q{
	SELECT sum(fixed), trim_scale(sum(fixed * 5 - 4.5 * (least(cached, 500 + fixed) - least(cached, 500))) / 1000000), sum(dynamic),
		trim_scale(sum(dynamic * 5 - 4.5 * (least(cached, system + dynamic) - least(cached, system))) / 1000000)
	FROM (SELECT cached_tokens AS cached, system_tokens AS system, greatest(system_tokens - 500, 0) AS fixed, greatest("in" - system_tokens - 2000, 0) AS dynamic
		  FROM weka WHERE model = 'claude-opus-4-5-20251101') q}),
	'WEKA: cost over the limits, cached tokens at their price');
note 'WEKA: spend, over the fixed and the dynamic limit: '
	. query(qq{SELECT round(cost, 2), round(over_fixed_cost, 2), round(over_dynamic_cost, 2) FROM llm_cost.contexts('{}', $period, usage => 'session')});

# An hour of a chat service.
query(qq{
	CREATE TABLE mooncake (row_id int, ms bigint, input_length bigint, output_length bigint, hash_ids text, n_blocks int, cached_blocks int, cached_tokens bigint);
	COPY mooncake FROM PROGRAM 'gzip -dc $data/mooncake_fast25_conversation.csv.gz' CSV HEADER;
	CREATE VIEW chat AS SELECT '2026-01-05'::timestamptz + ms * interval '1 millisecond' AS started_at, 'claude-haiku-4-5'::text AS model, 'anthropic'::text AS provider,
		input_length AS input_tokens, cached_tokens AS cache_read_tokens, output_length AS output_tokens
	FROM mooncake;});
is(query(q{SELECT round(llm_cost.hit_ratio(cache_read_tokens, input_tokens)::numeric, 6), round(sum(cache_read_tokens) / sum(input_tokens), 6) FROM chat}),
	'0.373624|0.373624', 'Mooncake: 37.4 % of input cached');
is(query(qq{
	SELECT abs(c.p50_tokens / x.p[1] - 1) < 0.005, abs(c.p90_tokens / x.p[2] - 1) < 0.005, abs(c.p99_tokens / x.p[3] - 1) < 0.005, c.max_tokens = x.largest,
		abs(c.spikes - (SELECT count(*) FROM mooncake WHERE input_length > 5 * x.p[1])) <= 0.01 * c.spikes, c.note
	FROM llm_cost.contexts('{}', $period, usage => 'chat') c,
		(SELECT percentile_cont('{0.5,0.9,0.99}'::float8[]) WITHIN GROUP (ORDER BY input_length) AS p, max(input_length) AS largest FROM mooncake) x}),
	't|t|t|t|t|not reported: system_tokens, turn, prompt_hash', 'Mooncake: percentiles and spikes, and what is not reported');

# A coding assistant that logged its own costs.
query(qq{
	CREATE TABLE aider (row_id int, time_utc timestamptz, time bigint, user_id text, launch_no int, event text, main_model text, weak_model text, editor_model text,
		edit_format text, prompt_tokens bigint, completion_tokens bigint, total_tokens bigint, cost numeric, total_cost float8, aider_version text, exception_class text, exit_reason text);
	COPY aider FROM PROGRAM 'gzip -dc $data/aider_analytics_events.csv.gz' CSV HEADER;
	CREATE VIEW message AS SELECT time_utc AS started_at, main_model AS model, cost, NULL::text AS cost_problem, user_id, edit_format AS workflow, row_id::text AS attempt_id
	FROM aider WHERE event = 'message_send';});
my $years = q{tstzrange('2024-01-01', '2027-01-01')};
is(query(qq{
	SELECT s.units, s.cost = x.cost, s.max_cost = x.largest, abs(s.p50_cost / x.p[1] - 1) < 0.005, abs(s.p99_cost / x.p[2] - 1) < 0.005, abs(s.top_1_share - x.top) < 0.005
	FROM llm_cost.skew(unit => 'attempt', period => $years, usage => 'message') s,
		(SELECT sum(cost) AS cost, max(cost) AS largest, percentile_cont('{0.5,0.99}'::float8[]) WITHIN GROUP (ORDER BY cost) AS p,
				sum(cost) FILTER (WHERE rank <= n * 0.01) / sum(cost) AS top
		 FROM (SELECT cost, row_number() OVER (ORDER BY cost DESC) AS rank, count(*) OVER () AS n FROM aider WHERE event = 'message_send' AND cost IS NOT NULL) q) x}),
	query(q{SELECT count(cost), true, true, true, true, true FROM aider WHERE event = 'message_send'}), 'aider: skew of the cost of messages');
note 'aider: p50, p99:p50, top 1 %, Gini, whales and their share: '
	. query(qq{SELECT p50_cost::numeric(9,5), p99_to_p50::numeric(9,1), top_1_share::numeric(9,3), gini::numeric(9,3), whales, whale_share::numeric(9,3)
		FROM llm_cost.skew(unit => 'attempt', period => $years, usage => 'message')});
is(query(qq{SELECT bool_and(t.ratio::numeric(20,6) = (x.spend / x.calls)::numeric(20,6)), count(*) > 0, max(running_spend_share) < 1
	FROM llm_cost.tail('{model}', '{}', $years, usage => 'message') t
		JOIN (SELECT main_model, sum(cost) / (SELECT sum(cost) FROM aider WHERE event = 'message_send') AS spend,
					 count(cost)::numeric / (SELECT count(cost) FROM aider WHERE event = 'message_send') AS calls
			  FROM aider WHERE event = 'message_send' GROUP BY 1) x ON x.main_model IS NOT DISTINCT FROM t.scope ->> 'model'}),
	't|t|t', 'aider: models that are dear for their share of messages');
note query(qq{SELECT string_agg(format('%s: %s %% of messages, %s %% of spend', scope ->> 'model', round(100 * attempt_share::numeric, 1), round(100 * spend_share::numeric, 1)), '; ')
	FROM llm_cost.tail('{model}', '{}', $years, usage => 'message')});

done_testing();
