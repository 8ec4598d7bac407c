/*
 * Which release a change is near.
 */

CREATE FUNCTION llm_cost.release_probabilities(
	value float8[], weight float8[], weekday float8[], exposure float8[], prior float8[], prior_none float8, direction integer)
RETURNS float8[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500 AS 'MODULE_PATHNAME', 'release_probabilities';
COMMENT ON FUNCTION llm_cost.release_probabilities(float8[], float8[], float8[], float8[], float8[], float8, integer) IS
	'The probability of each release that a change of a daily series came with it, then that it came with none of them. value and weight of each day (NULL: unknown); weekday 0 to 6; exposure: the share of each day that had the first release (0 to 1, NULL is 0), then those of the second, and so on; prior: how likely each is beforehand, and none (prior_none). direction: 1 if the series rose, -1 if it fell, 0 if unknown. A release is to be named at 0.9 or more. Takes time in proportion to days by releases. Errors: lengths that do not fit, more than ten million numbers, exposures not between 0 and 1, priors below 0 or above a million. NULL for NULL.';

CREATE FUNCTION llm_cost.student_t_p_value(t float8, degrees_of_freedom float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'student_t_tail';
COMMENT ON FUNCTION llm_cost.student_t_p_value(float8, float8) IS
	'The probability that Student''s t is at least as far from 0 as t. NULL for NULL, NaN, or fewer degrees of freedom than one.';
