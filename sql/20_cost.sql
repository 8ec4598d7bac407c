/*
 * The cost of one attempt.
 */
CREATE FUNCTION llm_cost.cost(
	model text, input_tokens bigint, output_tokens bigint, at timestamptz,
	cache_read_tokens bigint DEFAULT 0, cache_write_tokens bigint DEFAULT 0,
	cache_write_1h_tokens bigint DEFAULT 0, reasoning_tokens bigint DEFAULT 0,
	meters jsonb DEFAULT NULL, provider text DEFAULT NULL,
	service_tier text DEFAULT 'standard', region text DEFAULT NULL,
	price_book text DEFAULT 'list', known_at timestamptz DEFAULT NULL,
	attributes jsonb DEFAULT NULL)
RETURNS numeric
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'llm_cost_cost';

CREATE FUNCTION llm_cost.cost_problem(
	model text, input_tokens bigint, output_tokens bigint, at timestamptz,
	cache_read_tokens bigint DEFAULT 0, cache_write_tokens bigint DEFAULT 0,
	cache_write_1h_tokens bigint DEFAULT 0, reasoning_tokens bigint DEFAULT 0,
	meters jsonb DEFAULT NULL, provider text DEFAULT NULL,
	service_tier text DEFAULT 'standard', region text DEFAULT NULL,
	price_book text DEFAULT 'list', known_at timestamptz DEFAULT NULL,
	attributes jsonb DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'llm_cost_cost_problem';

CREATE TYPE llm_cost.cost_by_part AS (
	input numeric, cache_read numeric, cache_write_5m numeric, cache_write_1h numeric, output numeric, other numeric
);
COMMENT ON TYPE llm_cost.cost_by_part IS 'The cost of an attempt by what was paid for, in the currency of the price book. The parts add up to the cost.';
COMMENT ON COLUMN llm_cost.cost_by_part.input IS 'Input tokens that were neither read from nor written to a cache, audio and images included.';
COMMENT ON COLUMN llm_cost.cost_by_part.cache_read IS 'Input tokens read from a prompt cache.';
COMMENT ON COLUMN llm_cost.cost_by_part.cache_write_5m IS 'Input tokens written to a prompt cache for five minutes.';
COMMENT ON COLUMN llm_cost.cost_by_part.cache_write_1h IS 'Input tokens written to a prompt cache for one hour.';
COMMENT ON COLUMN llm_cost.cost_by_part.output IS 'Output tokens, reasoning, audio and images included.';
COMMENT ON COLUMN llm_cost.cost_by_part.other IS 'What is priced beside tokens: requests, searches, any other meter.';

CREATE FUNCTION llm_cost.cost_parts(
	model text, input_tokens bigint, output_tokens bigint, at timestamptz,
	cache_read_tokens bigint DEFAULT 0, cache_write_tokens bigint DEFAULT 0,
	cache_write_1h_tokens bigint DEFAULT 0, reasoning_tokens bigint DEFAULT 0,
	meters jsonb DEFAULT NULL, provider text DEFAULT NULL,
	service_tier text DEFAULT 'standard', region text DEFAULT NULL,
	price_book text DEFAULT 'list', known_at timestamptz DEFAULT NULL,
	attributes jsonb DEFAULT NULL)
RETURNS llm_cost.cost_by_part
LANGUAGE c STABLE PARALLEL SAFE COST 12 AS 'MODULE_PATHNAME', 'llm_cost_cost_parts';

CREATE FUNCTION llm_cost.cost_breakdown(
	model text, input_tokens bigint, output_tokens bigint, at timestamptz,
	cache_read_tokens bigint DEFAULT 0, cache_write_tokens bigint DEFAULT 0,
	cache_write_1h_tokens bigint DEFAULT 0, reasoning_tokens bigint DEFAULT 0,
	meters jsonb DEFAULT NULL, provider text DEFAULT NULL,
	service_tier text DEFAULT 'standard', region text DEFAULT NULL,
	price_book text DEFAULT 'list', known_at timestamptz DEFAULT NULL,
	attributes jsonb DEFAULT NULL,
	OUT meter text, OUT quantity numeric, OUT unit_price numeric, OUT per numeric,
	OUT amount numeric, OUT price_id uuid, OUT tier_from bigint,
	OUT matched_by text, OUT problem text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL SAFE COST 100 ROWS 4 AS 'MODULE_PATHNAME', 'llm_cost_cost_breakdown';

COMMENT ON FUNCTION llm_cost.cost(text, bigint, bigint, timestamptz, bigint, bigint, bigint, bigint, jsonb, text, text, text, text, timestamptz, jsonb) IS
	'Cost of one attempt in the currency of the price book: exact decimal, nothing rounded. input_tokens is the whole prompt including cache reads, cache writes and audio or image input; output_tokens includes reasoning. Priced with what was charged at "at", as believed at "known_at" (NULL: now). NULL where it cannot be priced, never a silent zero; cost_problem() says why. Errors: an unknown price book or attribute.';
COMMENT ON FUNCTION llm_cost.cost_problem(text, bigint, bigint, timestamptz, bigint, bigint, bigint, bigint, jsonb, text, text, text, text, timestamptz, jsonb) IS
	'Why cost() with the same arguments is NULL: unknown_model, ambiguous_model, no_price:METER, no_price_at_time, no_price_for_tier:TIER, no_price_for_region:REGION, no_price_for_attribute:KEY, inconsistent_usage, usage_missing or overflow. NULL when there is a cost.';
COMMENT ON FUNCTION llm_cost.cost_parts(text, bigint, bigint, timestamptz, bigint, bigint, bigint, bigint, jsonb, text, text, text, text, timestamptz, jsonb) IS
	'cost() with the same arguments by what was paid for: input read anew, cache reads, cache writes for five minutes and for one hour, output with reasoning, and what is priced beside tokens. Audio and images count as what they are part of. The parts add up to cost() exactly; NULL where it is NULL.';
COMMENT ON FUNCTION llm_cost.cost_breakdown(text, bigint, bigint, timestamptz, bigint, bigint, bigint, bigint, jsonb, text, text, text, text, timestamptz, jsonb) IS
	'The lines that cost() with the same arguments adds up: quantity of each meter not counted in another, unit price for "per" units after all rules, amount, the price it came from, the context tier, how model and price were found (aliases, fallbacks and multipliers taken), and the problem where a line has no amount.';

CREATE FUNCTION llm_cost.meters(
	OUT meter text, OUT parent text, OUT unit text, OUT description text)
RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10 ROWS 40 AS 'MODULE_PATHNAME', 'llm_cost_meters';
COMMENT ON FUNCTION llm_cost.meters() IS
	'The standard meters: what each measures and which meter it is part of. A part without its own price is billed at its parent''s rate. Any other name is a meter in addition.';
