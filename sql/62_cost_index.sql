/*
 * The cost index: what a call costs over time, for the same users.
 */

CREATE TYPE llm_cost.cost_index_point AS (
	bucket timestamptz,
	value float8,
	uncertainty float8,
	cells integer,
	weekday_effect float8);

COMMENT ON TYPE llm_cost.cost_index_point IS
	'A bucket of cost_index().';
COMMENT ON COLUMN llm_cost.cost_index_point.bucket IS 'Start of the bucket, as given.';
COMMENT ON COLUMN llm_cost.cost_index_point.value IS
	'Natural logarithm of what a call costs, for the same users, less the mean over all buckets: between two buckets, exp(difference) - 1 is the relative change. NULL if the bucket cannot be compared with the others.';
COMMENT ON COLUMN llm_cost.cost_index_point.uncertainty IS 'Standard error of value. NULL with it.';
COMMENT ON COLUMN llm_cost.cost_index_point.cells IS 'Users of the bucket that say something about it; 0 if value is NULL.';
COMMENT ON COLUMN llm_cost.cost_index_point.weekday_effect IS
	'What has been subtracted from value because of the weekday; 0 unless buckets are days of four weeks or more. NULL with value.';

CREATE TYPE llm_cost.cost_index_user AS (
	user_key text,
	level float8,
	cells integer);

COMMENT ON TYPE llm_cost.cost_index_user IS 'A user of cost_index_users().';
COMMENT ON COLUMN llm_cost.cost_index_user.user_key IS 'The user, as given.';
COMMENT ON COLUMN llm_cost.cost_index_user.level IS
	'Natural logarithm of what a call of this user costs where the cost index, before weekday effects, is zero.';
COMMENT ON COLUMN llm_cost.cost_index_user.cells IS 'Buckets the level has been estimated from.';

CREATE TYPE llm_cost.cost_index_value AS (
	value float8,
	uncertainty float8,
	cells integer);

COMMENT ON TYPE llm_cost.cost_index_value IS 'A bucket more of the cost index, from cost_index_append().';
COMMENT ON COLUMN llm_cost.cost_index_value.value IS
	'As in cost_index_point, but with the effect of the weekday. NULL with fewer than two cells.';
COMMENT ON COLUMN llm_cost.cost_index_value.uncertainty IS 'Standard error of value. NULL with it.';
COMMENT ON COLUMN llm_cost.cost_index_value.cells IS 'Users it has been estimated from.';

CREATE FUNCTION llm_cost.cost_index_add(internal, text, timestamptz, float8, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cost_index_add_float8';

COMMENT ON FUNCTION llm_cost.cost_index_add(internal, text, timestamptz, float8, bigint) IS
	'Transition function of cost_index() and cost_index_users().';

CREATE FUNCTION llm_cost.cost_index_add(internal, text, timestamptz, numeric, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cost_index_add_numeric';

COMMENT ON FUNCTION llm_cost.cost_index_add(internal, text, timestamptz, numeric, bigint) IS
	'Transition function of cost_index() and cost_index_users().';

CREATE FUNCTION llm_cost.cost_index_final(internal)
RETURNS llm_cost.cost_index_point[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME', 'cost_index_final';

COMMENT ON FUNCTION llm_cost.cost_index_final(internal) IS
	'Final function of cost_index().';

CREATE FUNCTION llm_cost.cost_index_users_final(internal)
RETURNS llm_cost.cost_index_user[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME', 'cost_index_users_final';

COMMENT ON FUNCTION llm_cost.cost_index_users_final(internal) IS
	'Final function of cost_index_users().';

CREATE AGGREGATE llm_cost.cost_index(text, timestamptz, float8, bigint) (
	SFUNC = llm_cost.cost_index_add, STYPE = internal, SSPACE = 16384,
	FINALFUNC = llm_cost.cost_index_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.cost_index(text, timestamptz, float8, bigint) IS
	'What a call costs over time, for the same users: arguments are user, bucket, cost and number of calls; returns an array with a cost_index_point for each bucket, by time. Users are compared with themselves only, so that new users, lost users and busy days do not move it; users who cost a lot do not outvote the others. Rows of the same user and bucket are added up. Left out: rows with a NULL, with a cost that is not finite or with n < 1, and users that cost nothing or less in a bucket. value is NULL where there is nothing to compare: fewer than two users who were also there in other buckets, or none in common with them. Effects of weekdays are taken out where buckets are days, over four weeks or more. Assumed: the logarithm of what a call of a user costs is his level plus that of the bucket plus noise, independent between users; it is the change that most continuing users see. Two-way fixed effects as in J. Abowd, F. Kramarz and D. Margolis, High wage workers and high wage firms, Econometrica 67, 1999, with P. Huber''s loss. NULL without rows. Memory: 24 bytes a row while rows are read, some 80 in the end. Error: an infinite bucket.';

CREATE AGGREGATE llm_cost.cost_index(text, timestamptz, numeric, bigint) (
	SFUNC = llm_cost.cost_index_add, STYPE = internal, SSPACE = 16384,
	FINALFUNC = llm_cost.cost_index_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.cost_index(text, timestamptz, numeric, bigint) IS
	'The same for numeric costs.';

CREATE AGGREGATE llm_cost.cost_index_users(text, timestamptz, float8, bigint) (
	SFUNC = llm_cost.cost_index_add, STYPE = internal, SSPACE = 16384,
	FINALFUNC = llm_cost.cost_index_users_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.cost_index_users(text, timestamptz, float8, bigint) IS
	'What a call of each user costs, from the same model as cost_index() and with the same arguments: an array with a cost_index_user for each user who is in the index, by user_key. Kept in a table, cost_index_append() needs nothing else. NULL without rows.';

CREATE AGGREGATE llm_cost.cost_index_users(text, timestamptz, numeric, bigint) (
	SFUNC = llm_cost.cost_index_add, STYPE = internal, SSPACE = 16384,
	FINALFUNC = llm_cost.cost_index_users_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.cost_index_users(text, timestamptz, numeric, bigint) IS
	'The same for numeric costs.';

/* ---- one bucket more ---- */

CREATE FUNCTION llm_cost.cost_index_append_add(internal, float8, float8, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cost_index_append_add';

COMMENT ON FUNCTION llm_cost.cost_index_append_add(internal, float8, float8, bigint) IS
	'Transition function of cost_index_append().';

CREATE FUNCTION llm_cost.cost_index_append_final(internal)
RETURNS llm_cost.cost_index_value
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'cost_index_append_final';

COMMENT ON FUNCTION llm_cost.cost_index_append_final(internal) IS
	'Final function of cost_index_append().';

CREATE AGGREGATE llm_cost.cost_index_append(float8, float8, bigint) (
	SFUNC = llm_cost.cost_index_append_add, STYPE = internal, SSPACE = 4096,
	FINALFUNC = llm_cost.cost_index_append_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.cost_index_append(float8, float8, bigint) IS
	'The cost index of one bucket more, without a new fit: one row for each user of the bucket, arguments are the level of the user from cost_index_users(), cost and number of calls. Users without a level say nothing. The effect of the weekday is still in it: subtract weekday_effect of the same weekday. Left out: rows with a NULL, with n < 1, whose cost is not above zero, or whose level cannot be the logarithm of a cost (beyond 1000 from 0). NULL without rows; value is NULL with fewer than two.';
