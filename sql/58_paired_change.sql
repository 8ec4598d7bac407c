/*
 * How much a ratio of sums changed within the same users, and what that means.
 */
CREATE TYPE llm_cost.paired_change_result AS (
	kind text,
	change float8,
	low float8,
	high float8,
	p_value float8,
	standard_error float8,
	degrees_of_freedom float8,
	units bigint,
	effective_units float8,
	matched_before float8,
	matched_after float8,
	rose bigint,
	fell bigint,
	smallest_change float8,
	largest_change float8,
	cells bigint,
	bad_cells bigint
);

COMMENT ON TYPE llm_cost.paired_change_result IS
	'What paired_change() and paired_difference() found out. NULL, never NaN, where there is no answer. A unit is what is sampled: a user, a team or a tenant.';
COMMENT ON COLUMN llm_cost.paired_change_result.kind IS 'ratio: changes are fractions of what was before, 0.1 is 10 % more. difference: changes are added to a share, 0.1 is ten points more.';
COMMENT ON COLUMN llm_cost.paired_change_result.change IS 'The change within the same units, as a fraction. NULL where no unit was on both sides, or where no common factor describes the change (zeros on one side).';
COMMENT ON COLUMN llm_cost.paired_change_result.low IS 'Lower end of its 95 % interval, if units are independent. NULL with fewer than two units.';
COMMENT ON COLUMN llm_cost.paired_change_result.high IS 'Upper end of its 95 % interval, if units are independent. NULL with fewer than two units.';
COMMENT ON COLUMN llm_cost.paired_change_result.p_value IS 'Probability of a change at least as large if there was none and units are independent; two-sided. NULL with fewer than two units.';
COMMENT ON COLUMN llm_cost.paired_change_result.standard_error IS 'Standard error of ln(1 + change) for a ratio, of the change for a difference. NULL with fewer than two units.';
COMMENT ON COLUMN llm_cost.paired_change_result.degrees_of_freedom IS 'Of Student''s t distribution that interval and p_value come from. Few where few units dominate.';
COMMENT ON COLUMN llm_cost.paired_change_result.units IS 'Units that were compared.';
COMMENT ON COLUMN llm_cost.paired_change_result.effective_units IS 'As many units of equal weight.';
COMMENT ON COLUMN llm_cost.paired_change_result.matched_before IS 'Share of all y before, 0 to 1, that belongs to cells that were compared; of n for a difference. NULL if there was none.';
COMMENT ON COLUMN llm_cost.paired_change_result.matched_after IS 'Share of all y after, 0 to 1, that belongs to cells that were compared; of n for a difference. NULL if there was none.';
COMMENT ON COLUMN llm_cost.paired_change_result.rose IS 'Units that rose.';
COMMENT ON COLUMN llm_cost.paired_change_result.fell IS 'Units that fell.';
COMMENT ON COLUMN llm_cost.paired_change_result.smallest_change IS 'The change of the unit that fell most or rose least. Units with a zero on one side are left out.';
COMMENT ON COLUMN llm_cost.paired_change_result.largest_change IS 'The change of the unit that rose most or fell least. Units with a zero on one side are left out.';
COMMENT ON COLUMN llm_cost.paired_change_result.cells IS 'Rows that were compared.';
COMMENT ON COLUMN llm_cost.paired_change_result.bad_cells IS 'Rows left out because a number is negative, not finite, or above 1e100.';

CREATE FUNCTION llm_cost.paired_change_add(internal, text, float8, float8, float8, float8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.paired_change_add(internal, text, float8, float8, float8, float8) IS
	'Transition function of paired_change() and paired_difference().';

CREATE FUNCTION llm_cost.paired_change_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.paired_change_combine(internal, internal) IS
	'Combine function of paired_change() and paired_difference().';

CREATE FUNCTION llm_cost.paired_change_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.paired_change_serialize(internal) IS
	'Serialization function of paired_change() and paired_difference().';

CREATE FUNCTION llm_cost.paired_change_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.paired_change_deserialize(bytea, internal) IS
	'Deserialization function of paired_change() and paired_difference().';

CREATE FUNCTION llm_cost.paired_change_final(internal)
RETURNS llm_cost.paired_change_result
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.paired_change_final(internal) IS
	'Final function of paired_change().';

CREATE FUNCTION llm_cost.paired_difference_final(internal)
RETURNS llm_cost.paired_change_result
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.paired_difference_final(internal) IS
	'Final function of paired_difference().';

CREATE AGGREGATE llm_cost.paired_change(unit_key text, y_before float8, n_before float8, y_after float8, n_after float8) (
	SFUNC = llm_cost.paired_change_add, STYPE = internal, SSPACE = 4096,
	FINALFUNC = llm_cost.paired_change_final, COMBINEFUNC = llm_cost.paired_change_combine,
	SERIALFUNC = llm_cost.paired_change_serialize, DESERIALFUNC = llm_cost.paired_change_deserialize,
	PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.paired_change(text, float8, float8, float8, float8) IS
	'The relative change of y by n (cost by calls, say) within the same units, with an interval that knows that the calls of a user are no independent sample. One row a unit, or several where it has parts: pairs are rows, the error clusters by unit_key. Rows with n on both sides and some y are compared; the others, those with a NULL unit_key included, only count in matched_before and matched_after. A row counts by its n, but less than in proportion: N K / (N + K), N being n of both sides and K the 90th percentile of N. NULL amounts are 0. Rows with a negative or infinite amount or NaN are left out and counted. Their order means nothing. NULL without rows. Takes 48 bytes a row, freed at the end.';

CREATE AGGREGATE llm_cost.paired_difference(unit_key text, y_before float8, n_before float8, y_after float8, n_after float8) (
	SFUNC = llm_cost.paired_change_add, STYPE = internal, SSPACE = 4096,
	FINALFUNC = llm_cost.paired_difference_final, COMBINEFUNC = llm_cost.paired_change_combine,
	SERIALFUNC = llm_cost.paired_change_serialize, DESERIALFUNC = llm_cost.paired_change_deserialize,
	PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.paired_difference(text, float8, float8, float8, float8) IS
	'The additive change of a share y by n (cached by input tokens, retries by attempts) within the same units; 0.05 is five points. Like paired_change() otherwise; rows with n on both sides are compared.';

CREATE FUNCTION llm_cost.change_verdict(
	estimate llm_cost.paired_change_result,
	placebo float8[] DEFAULT NULL,
	unpriced_before float8 DEFAULT 0,
	unpriced_after float8 DEFAULT 0,
	baseline_periods integer DEFAULT 4,
	margin float8 DEFAULT NULL,
	unit text DEFAULT 'user',
	OUT low float8,
	OUT high float8,
	OUT p_value float8,
	OUT verdict text,
	OUT cause text,
	OUT placebo_larger integer,
	OUT placebo_windows integer)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'change_verdict_sql';

COMMENT ON FUNCTION llm_cost.change_verdict(llm_cost.paired_change_result, float8[], float8, float8, integer, float8, text) IS
	'What an estimated change means: increased, decreased, no_large_change, trend, inconclusive or insufficient, and the cause in words. placebo are the changes of earlier periods, each measured like the estimate but one period earlier, then two, and so on (NULL elements: unknown, or known to hold something); the 95 % interval low to high and p_value are never narrower than what those did (p_value also is of going beyond a trend, if there is one), and placebo_larger of placebo_windows were at least as large. unpriced_before and unpriced_after are shares of attempts without a price, 0 to 1; above 0.01 all is inconclusive. baseline_periods: how many periods the baseline is long. margin: a change surely within it is of no interest, and no_large_change means at most four of it; 0.05 of a ratio and 0.01 (a point) of a difference by default. unit: what causes call a unit. A NULL estimate is insufficient, NULL arguments mean their default. Errors: shares outside 0 to 1, baseline_periods below 1, margin outside 0 to 1.';
