--
-- Reading LiteLLM's catalogue: every field that looks like a price is read or reported.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\pset null '(null)'
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never

BEGIN;
SELECT llm_cost.add_price_book('test');
SELECT $${
"sample_spec": {"litellm_provider": "one of …", "input_cost_per_token": 0.0, "max_tokens": "text"},
"fallback_generalizations": {"rules": []},
"gpt-a": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 8192, "supports_vision": true,
	"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06,
	"input_cost_per_token_batches": 1.25e-06, "input_cost_per_token_priority": 5e-06, "input_cost_per_token_flex": 1.25e-06,
	"input_cost_per_token_above_272k_tokens": 5e-06, "input_cost_per_token_above_272k_tokens_priority": 1e-05,
	"input_cost_per_audio_token": 4e-05, "output_cost_per_reasoning_token": null,
	"search_context_cost_per_query": {"search_context_size_low": 0.025, "search_context_size_medium": 0.0275, "search_context_size_high": 0.03},
	"regional_processing_uplift_multiplier_eu": 1.1, "input_cost_per_teapot": 3},
"claude-a": {"litellm_provider": "anthropic", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
	"cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
	"cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
	"provider_specific_entry": {"us": 1.1, "fast": 6.0, "schema": "v2"},
	"search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.01, "search_context_size_high": 0.01}},
"xai/grok-a": {"litellm_provider": "xai", "input_cost_per_token": 3e-06, "input_cost_per_token_above_128k_tokens": 6e-06},
"dashscope/qwen-a": {"litellm_provider": "dashscope", "tiered_pricing": [
	{"input_cost_per_token": 3e-07, "output_cost_per_token": 1.5e-06, "range": [0, 32000.0]},
	{"input_cost_per_token": 5e-07, "output_cost_per_token": 2.5e-06, "range": [32000.0, 128000.0]}]},
"exa_ai/search": {"litellm_provider": "exa_ai", "tiered_pricing": [{"input_cost_per_query": 0.005, "max_results_range": [0, 25]}]},
"databricks/dbrx": {"litellm_provider": "databricks", "input_cost_per_token": 2.9999900000000002e-06, "input_dbu_cost_per_token": 4.3e-05},
"azure/eu/gpt-a": {"litellm_provider": "azure", "input_cost_per_token": 2.75e-06},
"azure/gpt-a": {"litellm_provider": "azure", "input_cost_per_token": 2.5e-06},
"bedrock/us-gov-west-1/amazon.nova": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 1e-06},
"us.amazon.nova": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 2e-06},
"openrouter/anthropic/claude-a": {"litellm_provider": "openrouter", "input_cost_per_token": 3e-06, "cache_read_input_token_cost": 0},
"vertex_ai/claude-a@20250101": {"litellm_provider": "vertex_ai-anthropic_models", "input_cost_per_token": 3e-06},
"gemini/veo": {"litellm_provider": "gemini", "output_cost_per_second": 0.05, "output_cost_per_second_1080p": 0.08},
"gemini/gem": {"litellm_provider": "gemini", "input_cost_per_token": 1e-06}, "Gem": {"litellm_provider": "gemini", "input_cost_per_token": 4e-06, "output_cost_per_token": 5e-06},
"deepseek/ds": {"litellm_provider": "deepseek", "input_cost_per_token_cache_hit": 2.8e-08, "cache_read_input_token_cost": 2.8e-08},
"1024-x-1024/dall-e": {"litellm_provider": "openai", "input_cost_per_pixel": 1.9e-08},
"computer": {"litellm_provider": "openai", "computer_use_input_cost_per_1k_tokens": 0.003, "file_search_cost_per_1k_calls": 2.5, "input_cost_per_video_per_second_above_15s_interval": 0.002}
}$$ AS catalogue \gset
SELECT * FROM llm_cost.import_prices(:'catalogue', 'litellm', price_book => 'test');
SELECT provider, model, region, meter, service_tier AS tier, tier_from, tier_inclusive AS incl, attributes, amount, per
FROM llm_cost.imported_price WHERE price_book = 'test'
ORDER BY provider, model, region, meter, service_tier, tier_from, attributes;
SELECT rule, kind, factor, models, cardinality(meters) AS meters, region, attributes, stacking_order
FROM llm_cost.imported_rule WHERE price_book = 'test' ORDER BY rule COLLATE "C";
SELECT action, prices FROM llm_cost.import_prices(:'catalogue', 'litellm', price_book => 'test') WHERE action !~ 'not';

-- 1M tokens, 100k of them written for an hour: above 200k the hour costs 12; fast is six times, in the US 1.1 times that, searches cost the same.
SELECT llm_cost.cost('claude-a', 1000000, 0, '2026-01-01', cache_write_tokens => 100000, cache_write_1h_tokens => 100000,
		provider => 'anthropic', price_book => 'test') AS standard,		-- 900k × 3 + 100k × 12
	   llm_cost.cost('claude-a', 1000000, 0, '2026-01-01', cache_write_tokens => 100000, cache_write_1h_tokens => 100000,
		provider => 'anthropic', price_book => 'test', region => 'us', attributes => '{"speed": "fast"}', meters => '{"web_search": 2}') AS fast_us;	-- 3.9 × 6 × 1.1 + 2 × 0.01
SELECT llm_cost.cost('gpt-a', 0, 0, '2026-01-01', provider => 'openai', price_book => 'test', meters => '{"web_search": 1}') AS medium,
	   llm_cost.cost('gpt-a', 0, 0, '2026-01-01', provider => 'openai', price_book => 'test', meters => '{"web_search": 1}', attributes => '{"search_context_size": "high"}') AS high;
SELECT llm_cost.cost('grok-a', 128000, 0, '2026-01-01', provider => 'x_ai', price_book => 'test') AS at_threshold;	-- 128k × 6: inclusive

-- What is not known to be no price is reported, whatever it is called and wherever it stands.
SELECT action, prices, example FROM llm_cost.import_prices('{"m": {"litellm_provider": "p", "input_cost_per_token": 1e-6,
	"fee": 3, "surcharges": {"eu": 1}, "levies": [1], "note": "text", "supports_fees": true, "max_tokens": 1, "max_input_tokens": 1, "max_output_tokens": 1,
	"rpm": 1, "tpm": 1, "output_vector_size": 1, "prompt_cache_min_tokens": 1, "metadata": {"notes": "x", "extra_price": 1, "input_cost_per_token": 2},
	"rules": [], "supported_regions": [], "supported_endpoints": [],
	"tiered_pricing": [{"input_cost_per_token": 2e-6, "range": [1000, 2000], "fee": 4}, 7]}}', 'litellm', price_book => 'test', valid_from => '2026-01-01', dry_run => true)
WHERE action IN ('added', 'not_understood');
SELECT * FROM llm_cost.import_prices('{"m": {"litellm_provider": ["p"], "input_cost_per_token": 1}}', 'litellm');
SELECT * FROM llm_cost.import_prices('[]', 'litellm');
SELECT * FROM llm_cost.import_prices('{"m": [1]}', 'litellm');
SELECT * FROM llm_cost.import_prices('{"m": {"input_cost_per_token": 1}}', 'litellm');
SELECT * FROM llm_cost.import_prices('{"m": {"litellm_provider": "p", "input_cost_per_token": "1e-6"}}', 'litellm');
SELECT * FROM llm_cost.import_prices('{"m": {"litellm_provider": "p", "input_cost_per_token": 1e-6}, "M": {"litellm_provider": "p", "input_cost_per_token": 2e-6}}', 'litellm');
ROLLBACK;
