/*
 * llm_cost: exact cost, skew, drift and release-correlated change of LLM spend.
 *
 * The script makes its own schema and fails if it exists: a schema prepared by
 * somebody else could hold functions that capture the names used below.
 */
\echo Use "CREATE EXTENSION llm_cost" to load this file. \quit

CREATE SCHEMA llm_cost;
COMMENT ON SCHEMA llm_cost IS
	'Exact cost, skew, drift and release-correlated change of LLM spend.';
GRANT USAGE ON SCHEMA llm_cost TO PUBLIC;
