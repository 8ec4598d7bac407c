--
-- Names as logs have them, and the models they stand for.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
SET timezone = 'UTC';
\pset null '(null)'

-- 4,000 tokens, 6,000 more from the cache, 2,000 out; expected by hand from
-- the list prices of input, cache read and output a million
WITH expected (name, provider, input, cache_read, output) AS (VALUES
	('gpt-4o', NULL, 2.5, 1.25, 10),
	('GPT-4o', 'OpenAI', 2.5, 1.25, 10),
	('gpt-4o-2024-08-06', NULL, 2.5, 1.25, 10),
	('openai/gpt-4o', NULL, 2.5, 1.25, 10),
	('azure/gpt-4o', NULL, 2.5, 1.25, 10),
	('gpt-4o', 'azure', 2.5, 1.25, 10),
	('azure/eu/gpt-4o-2024-08-06', NULL, 2.75, 1.375, 11),
	('gpt-4o-mini', NULL, 0.15, 0.075, 0.6),
	('gpt-4o-mini-2024-07-18', NULL, 0.15, 0.075, 0.6),
	('ft:gpt-4o-2024-08-06:our-org::abc123', NULL, 3.75, 1.875, 15),
	('ft:gpt-4o-mini-2024-07-18:our-org:name:1', NULL, 0.3, 0.15, 1.2),
	('o3', NULL, 2, 0.5, 8),
	('models/gemini-2.5-pro', NULL, 1.25, 0.125, 10),
	('gemini/gemini-2.5-pro', NULL, 1.25, 0.125, 10),
	('claude-sonnet-4-5', NULL, 3, 0.3, 15),
	('claude-sonnet-4-5-20250929', NULL, 3, 0.3, 15),
	('claude-sonnet-4-5@20250929', NULL, 3, 0.3, 15),
	('anthropic/claude-sonnet-4-5', NULL, 3, 0.3, 15),
	('vertex_ai/claude-opus-4-5@20251101', NULL, 5, 0.5, 25),
	('claude-opus-4-5-20251101', 'anthropic', 5, 0.5, 25),
	('openrouter/anthropic/claude-sonnet-4.5', NULL, 3, 0.3, 15),
	-- Bedrock: in the region and by geography 10 % more than global
	('anthropic.claude-sonnet-4-5-20250929-v1:0', NULL, 3.3, 0.33, 16.5),
	('eu.anthropic.claude-sonnet-4-5-20250929-v1:0', 'bedrock', 3.3, 0.33, 16.5),
	('global.anthropic.claude-sonnet-4-5-20250929-v1:0', NULL, 3, 0.3, 15),
	('bedrock/us.anthropic.claude-opus-4-6-v1', NULL, 5.5, 0.55, 27.5)),
answer AS (
	SELECT *, llm_cost.cost(name, 10000, 2000, '2026-05-01', 6000, provider => provider) AS cost,
		   llm_cost.cost_problem(name, 10000, 2000, '2026-05-01', 6000, provider => provider) AS problem,
		   (SELECT string_agg(DISTINCT matched_by, ' | ')
			FROM llm_cost.cost_breakdown(name, 10000, 2000, '2026-05-01', 6000, provider => provider)) AS matched_by
	FROM expected)
SELECT name, provider, cost, problem,
	   cost = (4000 * input + 6000 * cache_read + 2000 * output) / 1000000 AS as_expected, matched_by
FROM answer;

-- A name never stands for a shorter one, nor a seller for another
SELECT name, provider, llm_cost.cost_problem(name, 10, 10, '2026-05-01', provider => provider) AS problem
FROM (VALUES ('gpt-4o-mini-turbo', NULL), ('gpt-4-9999', NULL), ('gpt-4o-2024', NULL), ('gpt-4o:free', NULL),
			 ('claude-sonnet-4-5-2025092', NULL), ('claude-sonnet-4-5@', NULL), ('models/', NULL),
			 ('o', NULL), ('azure/gpt-4o', 'openai'), ('gpt-4o', 'anthropic'), ('gpt-4o', 'a gateway'),
			 ('openrouter/no/such', NULL), ('eu.gpt-4o', NULL)) v(name, provider);

BEGIN;
-- An Azure deployment named as somebody liked
SELECT llm_cost.add_alias('prod-chat', 'gpt-4o', provider => 'azure');
SELECT provider, llm_cost.cost('prod-chat', 1000000, 0, '2026-05-01', provider => provider) AS cost
FROM (VALUES ('azure'), ('azure.ai.openai'), ('openai'), (NULL)) v(provider);
-- … even with the name of another model: what a user says of a name comes first
SELECT llm_cost.add_alias('gpt-4o', 'gpt-4o-mini', provider => 'azure');
SELECT provider, llm_cost.cost('gpt-4o', 1000000, 0, '2026-05-01', provider => provider) AS cost
FROM (VALUES ('azure'), ('openai')) v(provider);
-- a deployment that was given another model one day
SELECT llm_cost.add_alias('prod-chat', 'gpt-4.1', provider => 'azure', valid_from => '2026-06-01');
SELECT at, llm_cost.cost('prod-chat', 1000000, 0, at, provider => 'azure') AS cost
FROM unnest(ARRAY['2026-05-31 23:59:59', '2026-06-01']::timestamptz[]) at;
-- one tenant's name, before everybody's
SELECT llm_cost.add_alias('chat', 'gpt-4o-mini', to_provider => 'openai');
SELECT llm_cost.add_alias('chat', 'gpt-4o', to_provider => 'openai', tenant => 'acme');
SELECT attributes, llm_cost.cost('chat', 1000000, 0, '2026-05-01', attributes => attributes) AS cost
FROM (VALUES (NULL::jsonb), ('{"tenant": "acme"}'), ('{"tenant": "other"}')) v(attributes);
-- prefixes: the longest; patterns: those that match must agree
SELECT llm_cost.add_alias('team-', 'gpt-4o', kind => 'prefix', to_provider => 'openai');
SELECT llm_cost.add_alias('team-cheap-', 'gpt-4o-mini', kind => 'prefix', to_provider => 'openai');
SELECT llm_cost.add_alias('^lab-(gpt.*)-v\d+$', '\1', kind => 'pattern', to_provider => 'openai');
SELECT llm_cost.add_alias('^lab-gpt-4o-.*$', 'gpt-4o', kind => 'pattern', to_provider => 'openai');
SELECT name, llm_cost.cost(name, 1000000, 0, '2026-05-01') AS cost, llm_cost.cost_problem(name, 1000000, 0, '2026-05-01') AS problem
FROM unnest(ARRAY['team-a', 'team-cheap-a', 'team', 'lab-gpt-4.1-v7', 'lab-gpt-4o-v7', 'lab-gpt-4o-mini-v7', 'lab-gpt-4.1-vx']) name;
-- what a user says stands, also where the book asked has no price for it
SELECT llm_cost.add_price_book('other');
INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, valid, known, source)
	VALUES ('other', 'azure.ai.openai', 'gpt-4o', 'input', 7, '(,)', '(,)', 'test');
SELECT llm_cost.cost_problem('gpt-4o', 1, NULL, '2026-05-01', provider => 'azure', price_book => 'other');
-- a mistake is an error at once
\set VERBOSITY terse
SAVEPOINT s;
SELECT llm_cost.add_alias('x', 'gpt-5o-typo');
ROLLBACK TO s;
SELECT llm_cost.add_alias('^(x', 'gpt-4o', kind => 'pattern');
ROLLBACK TO s;
SELECT llm_cost.add_alias('chat', 'gpt-4.1', to_provider => 'openai');
ROLLBACK TO s;
-- … also in the tables themselves: what does not compile inside ^(?: )$ would fail every query
INSERT INTO llm_cost.alias_override (kind, pattern, to_model, known, source) VALUES ('pattern', '(?i)foo.*', 'gpt-4o', '(,)', 'test');
ROLLBACK TO s;
INSERT INTO llm_cost.rule_override (price_book, rule, kind, stacking_order, factor, models, valid, known, source)
	VALUES ('list', 'r', 'multiplier', 1, 1, ARRAY[NULL]::text[], '(,)', '(,)', 'test');
ROLLBACK;
