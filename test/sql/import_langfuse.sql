--
-- Reading Langfuse's catalogue.
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
SELECT $$[
{"modelName": "gpt-a", "matchPattern": "(?i)^(gpt-a)$", "pricingTiers": [
	{"name": "Standard", "isDefault": true, "conditions": [], "prices": {"input": 2.5e-06, "input_cached_tokens": 1.25e-06, "input_cache_read": 1.25e-06, "output": 1e-05, "output_reasoning": 1e-05}},
	{"name": "Fast", "conditions": [{"source": "model_parameters", "key": "service_tier", "operator": "in", "values": ["fast", "priority"]}], "prices": {"input": 4.25e-06}},
	{"name": "Flex long", "conditions": [{"source": "model_parameters", "key": "service_tier", "operator": "in", "values": ["flex"]},
		{"usageDetailPattern": "(input)", "operator": "gt", "value": 272000, "caseSensitive": false}], "prices": {"input": 2.5e-06}},
	{"name": "Weekend", "conditions": [{"source": "model_parameters", "key": "day", "operator": "in", "values": ["sunday"]}], "prices": {"input": 1e-06}}]},
{"modelName": "claude-a", "pricingTiers": [
	{"name": "Standard", "conditions": [], "prices": {"input": 5e-06, "input_tokens": 5.5e-06, "input_cache_creation_5m": 6.25e-06, "input_cache_creation_1h": 1e-05, "moonbeams": 3}},
	{"name": "Fast", "conditions": [{"source": "model_parameters", "key": "speed", "operator": "in", "values": ["fast"]}], "prices": {"input": 3e-05}}]},
{"modelName": "gemini-a", "pricingTiers": [{"name": "Standard", "conditions": [], "prices": {"input": 1e-06, "grounding_queries": 0.014, "webSearchQueries": 0.014}}]},
{"modelName": "text-embedding-a", "pricingTiers": [{"name": "Standard", "conditions": [], "prices": {"total": 1e-07}}]},
{"modelName": "my-llama", "pricingTiers": [{"name": "Standard", "conditions": [], "prices": {"input": 1e-07, "total": 1e-07}}]}
]$$ AS catalogue \gset
SELECT * FROM llm_cost.import_prices(:'catalogue', 'langfuse', price_book => 'test');
SELECT provider, model, meter, service_tier AS tier, tier_from, attributes, amount, per
FROM llm_cost.imported_price WHERE price_book = 'test' ORDER BY provider, model, meter, service_tier, tier_from, attributes;
SELECT action, prices FROM llm_cost.import_prices(:'catalogue', 'langfuse', price_book => 'test') WHERE action ~ 'changed|closed|added';
-- The price of all tokens is that of tokens in and out.
SELECT llm_cost.cost('text-embedding-a', 1000000, 0, '2026-01-01', provider => 'openai', price_book => 'test');

SELECT * FROM llm_cost.import_prices('{}', 'langfuse');
SELECT * FROM llm_cost.import_prices('[{"modelName": "m", "prices": {"input": 1}}]', 'langfuse');
SELECT * FROM llm_cost.import_prices('[{"modelName": "m", "pricingTiers": [{"prices": {"input": "1"}}]}]', 'langfuse');
ROLLBACK;
