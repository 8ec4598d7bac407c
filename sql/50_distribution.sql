/*
 * The type distribution: a mergeable sketch of a value, a t-digest on disk.
 */
CREATE TYPE llm_cost.distribution;

CREATE FUNCTION llm_cost.distribution_in(cstring) RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION llm_cost.distribution_out(llm_cost.distribution) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION llm_cost.distribution_recv(internal) RETURNS llm_cost.distribution
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION llm_cost.distribution_send(llm_cost.distribution) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

COMMENT ON FUNCTION llm_cost.distribution_in(cstring) IS 'Input of the type distribution.';
COMMENT ON FUNCTION llm_cost.distribution_out(llm_cost.distribution) IS 'Output of the type distribution: its bytes in hexadecimal, lossless.';
COMMENT ON FUNCTION llm_cost.distribution_recv(internal) IS 'Binary input of the type distribution.';
COMMENT ON FUNCTION llm_cost.distribution_send(llm_cost.distribution) IS 'Binary output of the type distribution: the same bytes on every machine.';

CREATE TYPE llm_cost.distribution (
	INPUT = llm_cost.distribution_in, OUTPUT = llm_cost.distribution_out,
	RECEIVE = llm_cost.distribution_recv, SEND = llm_cost.distribution_send,
	INTERNALLENGTH = variable, ALIGNMENT = int4, STORAGE = external);

COMMENT ON TYPE llm_cost.distribution IS
	'How values are distributed, in about a kilobyte: a t-digest. Up to 128 values are kept themselves and every answer is exact; beyond that count, total, smallest and largest value are exact, and percentiles from the 50th to the 99.9th are mostly within 0.3 % of the value. Made by distribution(), weighted_distribution() and combine(). Text and binary form are lossless and the same on every machine. Equal values in equal numbers, aggregated in one go, make equal distributions; their order means nothing.';

/* ---- casts ---- */

CREATE FUNCTION llm_cost.distribution_to_json(llm_cost.distribution)
RETURNS json
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'distribution_to_json';

COMMENT ON FUNCTION llm_cost.distribution_to_json(llm_cost.distribution) IS
	'The cast from distribution to json.';

CREATE FUNCTION llm_cost.distribution_to_jsonb(llm_cost.distribution)
RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 200
RETURN llm_cost.distribution_to_json($1)::jsonb;

COMMENT ON FUNCTION llm_cost.distribution_to_jsonb(llm_cost.distribution) IS
	'The cast from distribution to jsonb.';

CREATE FUNCTION llm_cost.distribution_to_array(llm_cost.distribution)
RETURNS float8[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'distribution_to_array';

COMMENT ON FUNCTION llm_cost.distribution_to_array(llm_cost.distribution) IS
	'The cast from distribution to float8[].';

CREATE CAST (llm_cost.distribution AS json) WITH FUNCTION llm_cost.distribution_to_json(llm_cost.distribution);
COMMENT ON CAST (llm_cost.distribution AS json) IS
	'num_values, total, mean, min_value, max_value, compression, and centroids as pairs of mean and count.';

CREATE CAST (llm_cost.distribution AS jsonb) WITH FUNCTION llm_cost.distribution_to_jsonb(llm_cost.distribution);
COMMENT ON CAST (llm_cost.distribution AS jsonb) IS
	'num_values, total, mean, min_value, max_value, compression, and centroids as pairs of mean and count.';

CREATE CAST (llm_cost.distribution AS float8[]) WITH FUNCTION llm_cost.distribution_to_array(llm_cost.distribution);
COMMENT ON CAST (llm_cost.distribution AS float8[]) IS
	'The centroids, ascending, as an array of {mean, count}.';

/* ---- comparison: DISTINCT, GROUP BY, REPLICA IDENTITY FULL ---- */

CREATE FUNCTION llm_cost.distribution_lt(llm_cost.distribution, llm_cost.distribution)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_lt';

COMMENT ON FUNCTION llm_cost.distribution_lt(llm_cost.distribution, llm_cost.distribution) IS
	'Implementation of the < operator.';

CREATE FUNCTION llm_cost.distribution_le(llm_cost.distribution, llm_cost.distribution)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_le';

COMMENT ON FUNCTION llm_cost.distribution_le(llm_cost.distribution, llm_cost.distribution) IS
	'Implementation of the <= operator.';

CREATE FUNCTION llm_cost.distribution_eq(llm_cost.distribution, llm_cost.distribution)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_eq';

COMMENT ON FUNCTION llm_cost.distribution_eq(llm_cost.distribution, llm_cost.distribution) IS
	'Implementation of the = operator.';

CREATE FUNCTION llm_cost.distribution_ne(llm_cost.distribution, llm_cost.distribution)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_ne';

COMMENT ON FUNCTION llm_cost.distribution_ne(llm_cost.distribution, llm_cost.distribution) IS
	'Implementation of the <> operator.';

CREATE FUNCTION llm_cost.distribution_ge(llm_cost.distribution, llm_cost.distribution)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_ge';

COMMENT ON FUNCTION llm_cost.distribution_ge(llm_cost.distribution, llm_cost.distribution) IS
	'Implementation of the >= operator.';

CREATE FUNCTION llm_cost.distribution_gt(llm_cost.distribution, llm_cost.distribution)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_gt';

COMMENT ON FUNCTION llm_cost.distribution_gt(llm_cost.distribution, llm_cost.distribution) IS
	'Implementation of the > operator.';

CREATE FUNCTION llm_cost.distribution_cmp(llm_cost.distribution, llm_cost.distribution)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_cmp';

COMMENT ON FUNCTION llm_cost.distribution_cmp(llm_cost.distribution, llm_cost.distribution) IS
	'Order of distributions, for btree. It means nothing.';

CREATE FUNCTION llm_cost.distribution_hash(llm_cost.distribution)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_hash';

COMMENT ON FUNCTION llm_cost.distribution_hash(llm_cost.distribution) IS
	'Hash of a distribution.';

CREATE FUNCTION llm_cost.distribution_hash_extended(llm_cost.distribution, bigint)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'distribution_hash_extended';

COMMENT ON FUNCTION llm_cost.distribution_hash_extended(llm_cost.distribution, bigint) IS
	'Hash of a distribution, with a seed.';

CREATE OPERATOR llm_cost.< (
	FUNCTION = llm_cost.distribution_lt, LEFTARG = llm_cost.distribution, RIGHTARG = llm_cost.distribution,
	COMMUTATOR = OPERATOR(llm_cost.>), NEGATOR = OPERATOR(llm_cost.>=), RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel);

CREATE OPERATOR llm_cost.<= (
	FUNCTION = llm_cost.distribution_le, LEFTARG = llm_cost.distribution, RIGHTARG = llm_cost.distribution,
	COMMUTATOR = OPERATOR(llm_cost.>=), NEGATOR = OPERATOR(llm_cost.>), RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel);

CREATE OPERATOR llm_cost.= (
	FUNCTION = llm_cost.distribution_eq, LEFTARG = llm_cost.distribution, RIGHTARG = llm_cost.distribution,
	COMMUTATOR = OPERATOR(llm_cost.=), NEGATOR = OPERATOR(llm_cost.<>), RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES, MERGES);

CREATE OPERATOR llm_cost.<> (
	FUNCTION = llm_cost.distribution_ne, LEFTARG = llm_cost.distribution, RIGHTARG = llm_cost.distribution,
	COMMUTATOR = OPERATOR(llm_cost.<>), NEGATOR = OPERATOR(llm_cost.=), RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel);

CREATE OPERATOR llm_cost.>= (
	FUNCTION = llm_cost.distribution_ge, LEFTARG = llm_cost.distribution, RIGHTARG = llm_cost.distribution,
	COMMUTATOR = OPERATOR(llm_cost.<=), NEGATOR = OPERATOR(llm_cost.<), RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel);

CREATE OPERATOR llm_cost.> (
	FUNCTION = llm_cost.distribution_gt, LEFTARG = llm_cost.distribution, RIGHTARG = llm_cost.distribution,
	COMMUTATOR = OPERATOR(llm_cost.<), NEGATOR = OPERATOR(llm_cost.<=), RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel);

COMMENT ON OPERATOR llm_cost.< (llm_cost.distribution, llm_cost.distribution) IS 'An order for sorting; it means nothing.';

COMMENT ON OPERATOR llm_cost.<= (llm_cost.distribution, llm_cost.distribution) IS 'An order for sorting; it means nothing.';

COMMENT ON OPERATOR llm_cost.= (llm_cost.distribution, llm_cost.distribution) IS 'Do both hold the same?';

COMMENT ON OPERATOR llm_cost.<> (llm_cost.distribution, llm_cost.distribution) IS 'Do both hold something different?';

COMMENT ON OPERATOR llm_cost.>= (llm_cost.distribution, llm_cost.distribution) IS 'An order for sorting; it means nothing.';

COMMENT ON OPERATOR llm_cost.> (llm_cost.distribution, llm_cost.distribution) IS 'An order for sorting; it means nothing.';

CREATE OPERATOR CLASS llm_cost.distribution_ops DEFAULT FOR TYPE llm_cost.distribution USING btree AS
	OPERATOR 1 llm_cost.<, OPERATOR 2 llm_cost.<=, OPERATOR 3 llm_cost.=,
	OPERATOR 4 llm_cost.>=, OPERATOR 5 llm_cost.>,
	FUNCTION 1 llm_cost.distribution_cmp(llm_cost.distribution, llm_cost.distribution);
CREATE OPERATOR CLASS llm_cost.distribution_ops DEFAULT FOR TYPE llm_cost.distribution USING hash AS
	OPERATOR 1 llm_cost.=,
	FUNCTION 1 llm_cost.distribution_hash(llm_cost.distribution),
	FUNCTION 2 llm_cost.distribution_hash_extended(llm_cost.distribution, bigint);
COMMENT ON OPERATOR FAMILY llm_cost.distribution_ops USING btree IS 'Sorting and DISTINCT.';
COMMENT ON OPERATOR FAMILY llm_cost.distribution_ops USING hash IS 'Hashing: GROUP BY, DISTINCT, joins.';
COMMENT ON OPERATOR CLASS llm_cost.distribution_ops USING btree IS 'Sorting and DISTINCT.';
COMMENT ON OPERATOR CLASS llm_cost.distribution_ops USING hash IS 'Hashing: GROUP BY, DISTINCT, joins.';
