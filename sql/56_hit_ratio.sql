/*
 * The share of input tokens that came from the prompt cache.
 */
CREATE FUNCTION llm_cost.hit_ratio_add(bigint[], bigint, bigint)
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.hit_ratio_add(bigint[], bigint, bigint) IS
	'Transition function of hit_ratio().';

CREATE FUNCTION llm_cost.hit_ratio_subtract(bigint[], bigint, bigint)
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.hit_ratio_subtract(bigint[], bigint, bigint) IS
	'Inverse transition function of hit_ratio().';

CREATE FUNCTION llm_cost.hit_ratio_combine(bigint[], bigint[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.hit_ratio_combine(bigint[], bigint[]) IS
	'Combine function of hit_ratio().';

CREATE FUNCTION llm_cost.hit_ratio_final(bigint[])
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.hit_ratio_final(bigint[]) IS
	'Final function of hit_ratio().';

CREATE AGGREGATE llm_cost.hit_ratio(cache_read_tokens bigint, input_tokens bigint) (
	SFUNC = llm_cost.hit_ratio_add, STYPE = bigint[], SSPACE = 64, INITCOND = '{0,0,0,0}',
	FINALFUNC = llm_cost.hit_ratio_final, COMBINEFUNC = llm_cost.hit_ratio_combine,
	MSFUNC = llm_cost.hit_ratio_add, MINVFUNC = llm_cost.hit_ratio_subtract,
	MSTYPE = bigint[], MSSPACE = 64, MINITCOND = '{0,0,0,0}', MFINALFUNC = llm_cost.hit_ratio_final,
	PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.hit_ratio(bigint, bigint) IS
	'The share of input tokens read from the prompt cache, 0 to 1: sum of cache_read_tokens by sum of input_tokens (which include them), so that long prompts count by their length. The sums are exact, also in moving windows. A row in which either is NULL reports nothing and is left out; so is one that contradicts itself (a negative count, or more tokens read than there were). NULL without a row that reports both, or without any input token.';
