# Real usage and real catalogues, from the folder LLM_COST_DATA; skipped where
# there is none.

use strict;
use warnings;

use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{LLM_COST_DATA} // '';
-d $data or plan skip_all => 'LLM_COST_DATA names no folder';

my $node = new_node('real');
sub query { return $node->safe_psql('postgres', @_) }

query(q{SET client_min_messages = warning; CREATE EXTENSION llm_cost CASCADE});

# Logs of a coding agent that recorded its own cost by component, in binary
# floating point: equal to twelve digits after the point.
query(qq{
	CREATE TABLE call (session text, user_turn int, ts timestamptz, provider text, api text, model text,
		input bigint, output bigint, cache_read bigint, cache_write bigint, cost_input float8, cost_output float8,
		cost_cache_read float8, cost_cache_write float8, cost_total float8, stop_reason text, error_class text, n_tool_calls int);
	COPY call FROM PROGRAM 'gzip -dc $data/pi_mono_agent_calls.csv.gz' CSV HEADER;});
my $bill = q{
	SELECT c.*, b.*
	FROM (SELECT row_number() OVER () AS n, * FROM call WHERE model LIKE 'claude%') c,
		 LATERAL (SELECT llm_cost.cost(model, input + cache_read + cache_write, output, ts, cache_read, cache_write,
				  provider => provider) AS cost) a,
		 LATERAL (SELECT coalesce(sum(amount) FILTER (WHERE meter = 'input'), 0) AS i,
						 coalesce(sum(amount) FILTER (WHERE meter = 'output'), 0) AS o,
						 coalesce(sum(amount) FILTER (WHERE meter = 'cache_read'), 0) AS r,
						 coalesce(sum(amount) FILTER (WHERE meter = 'cache_write_5m'), 0) AS w,
						 a.cost
				  FROM llm_cost.cost_breakdown(model, input + cache_read + cache_write, output, ts, cache_read,
					cache_write, provider => provider)) b};
is(query(qq{SELECT count(*), count(*) FILTER (WHERE abs(i - cost_input::numeric) < 1e-12),
		count(*) FILTER (WHERE abs(o - cost_output::numeric) < 1e-12),
		count(*) FILTER (WHERE abs(r - cost_cache_read::numeric) < 1e-12),
		count(*) FILTER (WHERE abs(w - cost_cache_write::numeric) < 1e-12),
		count(*) FILTER (WHERE abs(cost - cost_total::numeric) < 1e-12)
	FROM ($bill) q}),
	'1658|1658|1658|1658|1658|1658', 'four components and the total of every call');
# Opus 4.5: 5 / 25 / 0.5 / 6.25, Sonnet 4.5: 3 / 15 / 0.3 / 3.75
is(query(qq{SELECT sum(cost) = sum(CASE WHEN model LIKE '%opus%'
		THEN 5 * input + 25 * output + 0.5 * cache_read + 6.25 * cache_write
		ELSE 3 * input + 15 * output + 0.3 * cache_read + 3.75 * cache_write END) / 1000000 FROM ($bill) q}),
	't', 'the sum is exactly that of plain arithmetic');
note 'total: ' . query(qq{SELECT sum(cost) FROM ($bill) q});

# The catalogues: every import is complete, and the second changes nothing.
my %catalogues = (
	'litellm' => 'litellm_prices.json',
	'genai-prices' => 'genai_prices_v2.json',
	'langfuse' => 'langfuse_prices.json');
foreach my $format (sort keys %catalogues)
{
	query(qq{CREATE TABLE "$format" AS SELECT pg_read_file('$data/$catalogues{$format}')::jsonb AS c});
	my $import = qq{SELECT action, sum(prices) FROM llm_cost.import_prices((SELECT c FROM "$format"), '$format', '$format'%s)
		GROUP BY 1 ORDER BY 1};
	my $dry_run = query(sprintf $import, ', dry_run => true');
	is(query('SELECT count(*) FROM llm_cost.imported_price'), 0, "$format: a dry run imports nothing");
	my $first = query(sprintf $import, '');
	is($first, $dry_run, "$format: a dry run says what an import does");
	note "$format: " . $first =~ s/\n/, /gr;
	my ($added) = $first =~ /^added\|(\d+)$/m;
	is(query('SELECT count(DISTINCT slot_id) FROM llm_cost.imported_price'), $added, "$format: as many prices as it says");
	my $second = query(sprintf $import, '');
	like($second, qr/^added\|0$/m, "$format: the second import adds nothing");
	like($second, qr/^unchanged\|$added$/m, "$format: … and leaves all unchanged");
	is(query('SELECT count(DISTINCT slot_id) FROM llm_cost.imported_price'), $added, "$format: … indeed");
	query('TRUNCATE llm_cost.imported_price, llm_cost.imported_rule, llm_cost.imported_alias');
}

# Every number, object or array in LiteLLM's map is imported or listed, but for
# those that are no prices; the list is spelt out, so that a new field shows.
query(q{CREATE TABLE report AS SELECT * FROM llm_cost.import_prices((SELECT c FROM litellm), 'litellm', 'litellm')});
is(query(q{
	WITH field AS (
		SELECT m.key AS model, f.key AS field, f.value
		FROM litellm, jsonb_each(c) m, jsonb_each(m.value) f
		WHERE m.key <> 'sample_spec' AND f.key NOT IN ('max_tokens', 'max_input_tokens',
				'max_output_tokens', 'rpm', 'tpm', 'output_vector_size', 'prompt_cache_min_tokens', 'metadata', 'rules',
				'supported_endpoints', 'supported_modalities', 'supported_output_modalities', 'supported_regions')
			AND jsonb_typeof(f.value) IN ('number', 'object', 'array'))
	SELECT count(*) FROM field
	WHERE NOT EXISTS (SELECT FROM report WHERE action = 'not_understood' AND example LIKE '%' || field.field || '%')
		AND NOT EXISTS (SELECT FROM llm_cost.imported_price p
						WHERE p.model = lower(regexp_replace(field.model, '^.*?/', '')) OR p.model = lower(field.model)
							OR lower(field.model) LIKE '%/' || p.model)}),
	0, 'no field that may be a price belongs to a model without an imported price');
# Spot checks against the file itself, with plain arithmetic on its numbers.
is(query(q{
	SELECT bool_and(llm_cost.cost(model, 1000000, 0, now(), provider => provider) = (c -> key ->> 'input_cost_per_token')::numeric * 1000000
		AND llm_cost.cost(model, 0, 1000000, now(), provider => provider) = (c -> key ->> 'output_cost_per_token')::numeric * 1000000
		AND llm_cost.cost(model, 100000, 0, now(), 100000, provider => provider) =
			coalesce((c -> key ->> 'cache_read_input_token_cost')::numeric, (c -> key ->> 'input_cost_per_token')::numeric) * 100000)
	FROM litellm, (VALUES ('gpt-4.1', 'gpt-4.1', 'openai'), ('claude-opus-4-5', 'claude-opus-4-5', 'anthropic'),
		('azure/gpt-4o', 'gpt-4o', 'azure'), ('gpt-5-mini', 'gpt-5-mini', 'openai'), ('deepseek-chat', 'deepseek-chat', 'deepseek'),
		('openrouter/anthropic/claude-sonnet-4.5', 'anthropic/claude-sonnet-4.5', 'openrouter')) v(key, model, provider)
	WHERE c ? key AND (c -> key ->> 'input_cost_per_token_above_200k_tokens') IS NULL}),
	't', 'imported prices are the numbers of the file');

done_testing();
