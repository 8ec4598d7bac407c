/*
 * The change of spend as an exact sum of effects (decompose.h).
 */
CREATE TYPE llm_cost.decomposition_effect AS (
	effect text,
	amount float8,
	low float8,
	high float8,
	unit_key text,
	unit_amount float8,
	cell text,
	cell_amount float8,
	part text,
	part_amount float8
);

COMMENT ON TYPE llm_cost.decomposition_effect IS
	'One effect that decomposition() found. Amounts are in the money that came in, per window.';
COMMENT ON COLUMN llm_cost.decomposition_effect.effect IS 'volume, new_users, lost_users, price, intent_mix (mix of cells), model_mix (mix of parts), calls, retries, input_tokens, output, cache, other: these add up to total. cache_read, cache_write_5m and cache_write_1h add up to cache.';
COMMENT ON COLUMN llm_cost.decomposition_effect.amount IS 'What spend changed by for this reason.';
COMMENT ON COLUMN llm_cost.decomposition_effect.low IS 'Lower end of its 95 % interval, units drawn with replacement. NULL with fewer than ten units, or without resamples.';
COMMENT ON COLUMN llm_cost.decomposition_effect.high IS 'Upper end of its 95 % interval, units drawn with replacement. NULL with fewer than ten units, or without resamples.';
COMMENT ON COLUMN llm_cost.decomposition_effect.unit_key IS 'Of the ten units whose spend changed most, the one without which the effect would be furthest from what it is, towards zero. NULL where there is none, or where it has no key.';
COMMENT ON COLUMN llm_cost.decomposition_effect.unit_amount IS 'So much less the effect would be without that unit. NULL where there is none.';
COMMENT ON COLUMN llm_cost.decomposition_effect.cell IS 'The cell with the largest part of the effect. NULL where the effect has no cells.';
COMMENT ON COLUMN llm_cost.decomposition_effect.cell_amount IS 'Its part of the effect. NULL where the effect has no cells.';
COMMENT ON COLUMN llm_cost.decomposition_effect.part IS 'The part with the largest part of the effect. NULL where the effect has no parts.';
COMMENT ON COLUMN llm_cost.decomposition_effect.part_amount IS 'Its part of the effect. NULL where the effect has no parts.';

CREATE FUNCTION llm_cost.decomposition_add(
	internal, text, text, text, text, boolean, boolean, integer, float8, float8, float8, float8, float8, float8,
	float8, float8, float8, float8, float8, float8, float8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.decomposition_add(internal, text, text, text, text, boolean, boolean, integer, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8) IS
	'Transition function of decomposition().';

CREATE FUNCTION llm_cost.decomposition_final(internal)
RETURNS llm_cost.decomposition_effect[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.decomposition_final(internal) IS
	'Final function of decomposition().';

CREATE AGGREGATE llm_cost.decomposition(
	unit_key text, standing text, cell text, part text, failed boolean, after boolean, resamples integer,
	operations float8, calls float8, uncached_tokens float8, cache_read_tokens float8, cache_write_5m_tokens float8, cache_write_1h_tokens float8,
	uncached_cost float8, cache_read_cost float8, cache_write_5m_cost float8, cache_write_1h_cost float8, output_cost float8, other_cost float8,
	price float8) (
	SFUNC = llm_cost.decomposition_add, STYPE = internal, SSPACE = 65536,
	FINALFUNC = llm_cost.decomposition_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.decomposition(text, text, text, text, boolean, boolean, integer, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8) IS
	'Why spend changed, as effects that add up to the change. Rows are sums per window, after or before, of what a unit (a user; standing known, new or lost) did in a cell (an intent) with a part (a model), in calls that failed or did not. Costs are at reference prices, input tokens and costs by how they are billed, price is cost less cost at reference prices. resamples: for the intervals, 0 or 40 to 10000, NULL 200. NULL sums are 0. The order of rows means nothing. NULL without rows. Amounts closer to 0 than 1e-60 are 0. Errors: negative counts, amounts that are not finite or beyond 1e60. Takes 136 bytes a row, twice that at the end.';
