/*
 * Two distributions compared, by user (distribution_shift.h).
 */
CREATE TYPE llm_cost.shift_result AS (
	wasserstein float8,
	mean_shift float8,
	jensen_shannon float8,
	p_value float8,
	units bigint,
	n_before float8,
	n_after float8,
	label text,
	share_before float8,
	share_after float8
);

COMMENT ON TYPE llm_cost.shift_result IS
	'What shift_of_shares() found out. NULL, never NaN, where there is no answer.';
COMMENT ON COLUMN llm_cost.shift_result.wasserstein IS 'How far the average unit of n moved along the axis. NULL without positions.';
COMMENT ON COLUMN llm_cost.shift_result.mean_shift IS 'How far the mean moved, with its sign. NULL without positions.';
COMMENT ON COLUMN llm_cost.shift_result.jensen_shannon IS 'Jensen-Shannon divergence in bits, 0 (the same shares) to 1 (nothing in common); with positions over about twenty bins of equal share before.';
COMMENT ON COLUMN llm_cost.shift_result.p_value IS 'Share of random swaps of the two windows of single units that are at least as far: by wasserstein with positions, else by jensen_shannon. NULL with fewer than two units.';
COMMENT ON COLUMN llm_cost.shift_result.units IS 'Units seen on either side.';
COMMENT ON COLUMN llm_cost.shift_result.n_before IS 'Sum of n before.';
COMMENT ON COLUMN llm_cost.shift_result.n_after IS 'Sum of n after.';
COMMENT ON COLUMN llm_cost.shift_result.label IS 'The label whose share changed most. NULL with positions.';
COMMENT ON COLUMN llm_cost.shift_result.share_before IS 'Its share before, 0 to 1. NULL with positions.';
COMMENT ON COLUMN llm_cost.shift_result.share_after IS 'Its share after, 0 to 1. NULL with positions.';

CREATE FUNCTION llm_cost.shift_of_shares_add(internal, text, text, float8, boolean, float8, integer)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.shift_of_shares_add(internal, text, text, float8, boolean, float8, integer) IS
	'Transition function of shift_of_shares().';

CREATE FUNCTION llm_cost.shift_of_shares_final(internal)
RETURNS llm_cost.shift_result
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.shift_of_shares_final(internal) IS
	'Final function of shift_of_shares().';

CREATE AGGREGATE llm_cost.shift_of_shares(unit_key text, label text, "position" float8, after boolean, n float8, permutations integer) (
	SFUNC = llm_cost.shift_of_shares_add, STYPE = internal, SSPACE = 16384,
	FINALFUNC = llm_cost.shift_of_shares_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.shift_of_shares(text, text, float8, boolean, float8, integer) IS
	'How the shares of labels changed between before and after, with a p value that knows that the calls of a unit (a user) are no independent sample. One row for each unit, label and side with its number n. position: where the label lies on an axis, NULL for mere labels. permutations: 0 to 100000, NULL 999. The order of rows means nothing. NULL without rows. Errors: negative or infinite n, a label with two positions.';
