--
-- Reading the catalogue of genai-prices.
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
{"id": "anthropic", "name": "Anthropic", "models": [
	{"id": "opus-a", "match": {"or": [{"equals": "opus-a"}, {"equals": "Opus-A-Latest"}, {"starts_with": "opus-a-"}]}, "prices": [
		{"prices": {"input_mtok": {"base": 5, "tiers": [{"start": 200000, "price": 10}]}, "output_mtok": 25, "web_searches_kcount": 10}},
		{"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 5, "output_mtok": 20}}]},
	{"id": "free", "match": {"contains": "free"}, "prices": {}}]},
{"id": "deepseek", "models": [
	{"id": "ds", "match": {"equals": "deepseek-ds"}, "prices": [
		{"prices": {"input_mtok": 0.135}},
		{"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 0.27}},
		{"constraint": {"weekday": "sunday"}, "prices": {"input_mtok": 0.1}}]}]},
{"id": "google", "models": [{"id": "gem", "match": {"equals": "gem"}, "prices": {"input_mtok": 1, "cache_audio_read_mtok": 0.1, "input_teapots_mtok": 7}}]}
]$$ AS catalogue \gset
SELECT * FROM llm_cost.import_prices(:'catalogue', 'genai-prices', price_book => 'test');
SELECT provider, model, meter, tier_from, time_window, amount, per, valid, assumed
FROM llm_cost.imported_price WHERE price_book = 'test' ORDER BY provider, model, meter, tier_from, time_window, valid;
SELECT kind, pattern, provider, to_provider, to_model FROM llm_cost.imported_alias ORDER BY pattern;
SELECT action, prices FROM llm_cost.import_prices(:'catalogue', 'genai-prices', price_book => 'test') WHERE action ~ 'unchanged' OR prices > 0 AND action ~ 'changed|closed|added';
-- 300k input, 1k output: 300k × 10 + 25k; since the 13th of March 300k × 5 + 20k; the search has no price any more.
SELECT llm_cost.cost('opus-a', 300000, 1000, '2026-03-12 23:59:59', provider => 'anthropic', price_book => 'test') AS before,
	   llm_cost.cost('opus-a', 300000, 1000, '2026-03-13', provider => 'anthropic', price_book => 'test') AS after,
	   llm_cost.cost_problem('opus-a', 300000, 1000, '2026-03-13', provider => 'anthropic', price_book => 'test', meters => '{"web_search": 1}') AS no_search;
SELECT llm_cost.cost('deepseek-ds', 1000000, 0, '2026-01-01 00:29', provider => 'deepseek', price_book => 'test') AS night,
	   llm_cost.cost('deepseek-ds', 1000000, 0, '2026-01-01 00:30', provider => 'deepseek', price_book => 'test') AS day,
	   llm_cost.cost('deepseek-ds', 1000000, 0, '2026-01-01 16:30', provider => 'deepseek', price_book => 'test') AS evening;

-- Nothing in an object of prices is passed over.
SELECT action, prices, example FROM llm_cost.import_prices('[{"id": "p", "models": [{"id": "m", "prices": [{"fee": 3, "prices": {"surcharge": 2,
	"input_mtok": {"base": 5, "minimum": 1, "tiers": [{"start": 1000, "price": 6, "fee": 1}]}, "output_mtok": {"base": 5, "tiers": {"a": 1}}}}]}]}]',
	'genai-prices', price_book => 'test', valid_from => '2026-01-01', dry_run => true) WHERE action IN ('added', 'not_understood');
SELECT * FROM llm_cost.import_prices('{}', 'genai-prices');
SELECT * FROM llm_cost.import_prices('[{"id": "p", "models": [{"id": "m"}, {"prices": {}}]}]', 'genai-prices');
SELECT * FROM llm_cost.import_prices('[{"id": "p", "models": [{"id": "m", "prices": {"input_mtok": {"base": "5"}}}]}]', 'genai-prices');
SELECT * FROM llm_cost.import_prices('[{"id": "p", "models": [{"id": "m", "prices": [{"constraint": {"start_date": "soon"}, "prices": {"input_mtok": 5}}]}]}]', 'genai-prices');
SELECT * FROM llm_cost.import_prices('[{"id": "p", "models": [{"id": "m", "prices": [{"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": 5}}, {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 6}}]}]}]', 'genai-prices');
ROLLBACK;
