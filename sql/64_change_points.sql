/*
 * Changes in a series: when its level changed, its history, and whether it
 * has changed since a given moment.
 */

CREATE TYPE llm_cost.change_point AS (
	bucket timestamptz,
	earliest timestamptz,
	latest timestamptz,
	value_before float8,
	value_after float8,
	change float8,
	p_value float8);

COMMENT ON TYPE llm_cost.change_point IS 'A change of level that change_points() found.';
COMMENT ON COLUMN llm_cost.change_point.bucket IS 'The first bucket with the new level, most likely.';
COMMENT ON COLUMN llm_cost.change_point.earliest IS 'With 95 % probability the first bucket with the new level is this one or a later one.';
COMMENT ON COLUMN llm_cost.change_point.latest IS 'With 95 % probability the first bucket with the new level is this one or an earlier one.';
COMMENT ON COLUMN llm_cost.change_point.value_before IS 'Mean from the change before this one to this one, without spikes.';
COMMENT ON COLUMN llm_cost.change_point.value_after IS 'Mean from this change to the next one, without spikes.';
COMMENT ON COLUMN llm_cost.change_point.change IS 'value_after - value_before. For the cost index, exp(change) - 1 is the relative change.';
COMMENT ON COLUMN llm_cost.change_point.p_value IS
	'How likely noise alone would look like a change as clear as this one, anywhere in the series; 0 if there is no noise.';

CREATE TYPE llm_cost.trend_change_point AS (
	bucket timestamptz,
	value_before float8,
	value_after float8,
	slope_before float8,
	slope_after float8);

COMMENT ON TYPE llm_cost.trend_change_point IS 'A change of level or slope that trend_change_points() found.';
COMMENT ON COLUMN llm_cost.trend_change_point.bucket IS 'The first bucket of the new stretch.';
COMMENT ON COLUMN llm_cost.trend_change_point.value_before IS 'Fitted value of the last bucket before, without season.';
COMMENT ON COLUMN llm_cost.trend_change_point.value_after IS 'Fitted value of the first bucket of the new stretch, without season.';
COMMENT ON COLUMN llm_cost.trend_change_point.slope_before IS 'Slope before, a bucket of median length; 0 if level, NULL if beyond double precision.';
COMMENT ON COLUMN llm_cost.trend_change_point.slope_after IS 'Slope after, a bucket of median length; 0 if level, NULL if beyond double precision.';

CREATE TYPE llm_cost.monitor_reading AS (
	bucket timestamptz,
	difference float8,
	low float8,
	high float8,
	changed boolean);

COMMENT ON TYPE llm_cost.monitor_reading IS 'What change_monitor() knew after a bucket.';
COMMENT ON COLUMN llm_cost.monitor_reading.bucket IS 'The last bucket it knew.';
COMMENT ON COLUMN llm_cost.monitor_reading.difference IS 'Mean from the given moment to this bucket, less the mean before that moment.';
COMMENT ON COLUMN llm_cost.monitor_reading.low IS 'Lower end of the interval for difference; NULL if unbounded.';
COMMENT ON COLUMN llm_cost.monitor_reading.high IS 'Upper end of the interval for difference; NULL if unbounded.';
COMMENT ON COLUMN llm_cost.monitor_reading.changed IS 'Whether the intervals of two buckets in succession, until now, have been on the same side of zero.';

CREATE FUNCTION llm_cost.change_points_add(internal, timestamptz, float8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'change_points_add';

COMMENT ON FUNCTION llm_cost.change_points_add(internal, timestamptz, float8) IS
	'Transition function of change_points() and trend_change_points().';

CREATE FUNCTION llm_cost.change_points_add(internal, timestamptz, float8, float8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'change_points_add';

COMMENT ON FUNCTION llm_cost.change_points_add(internal, timestamptz, float8, float8) IS
	'Transition function of change_points() with alpha.';

CREATE FUNCTION llm_cost.change_points_final(internal)
RETURNS llm_cost.change_point[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10000 AS 'MODULE_PATHNAME', 'change_points_final';

COMMENT ON FUNCTION llm_cost.change_points_final(internal) IS
	'Final function of change_points().';

CREATE FUNCTION llm_cost.trend_change_points_final(internal)
RETURNS llm_cost.trend_change_point[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME', 'trend_change_points_final';

COMMENT ON FUNCTION llm_cost.trend_change_points_final(internal) IS
	'Final function of trend_change_points().';

CREATE FUNCTION llm_cost.change_monitor_add(internal, timestamptz, float8, timestamptz)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'change_monitor_add';

COMMENT ON FUNCTION llm_cost.change_monitor_add(internal, timestamptz, float8, timestamptz) IS
	'Transition function of change_monitor().';

CREATE FUNCTION llm_cost.change_monitor_add(internal, timestamptz, float8, timestamptz, float8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'change_monitor_add';

COMMENT ON FUNCTION llm_cost.change_monitor_add(internal, timestamptz, float8, timestamptz, float8) IS
	'Transition function of change_monitor() with alpha.';

CREATE FUNCTION llm_cost.change_monitor_final(internal)
RETURNS llm_cost.monitor_reading[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'change_monitor_final';

COMMENT ON FUNCTION llm_cost.change_monitor_final(internal) IS
	'Final function of change_monitor().';

CREATE AGGREGATE llm_cost.change_points(timestamptz, float8) (
	SFUNC = llm_cost.change_points_add, STYPE = internal, SSPACE = 1024,
	FINALFUNC = llm_cost.change_points_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.change_points(timestamptz, float8) IS
	'When the level of a series changed: arguments are bucket and value; returns an array of change_point by time, empty if there is no change. A series without changes has one percent chance of any. A change needs four values on either side. A value by itself that is far from all around it is no change and left out, also if it is the last. Buckets without a row, with NULL, NaN or a value beyond 1e305 are gaps. The order of rows means nothing. NULL with fewer than eight values: then nothing can be said. For logarithms of costs, such as the cost index, rather than for costs. Assumed: levels are constant between sudden changes, without trend or season, and noise has one variance, tails not much heavier than the normal''s and at most the autocorrelation of a first-order process; with less than a month of strongly autocorrelated values there are more false alarms (about five in a hundred at 0.5). Binary segmentation with Student''s t, p-values by Bonferroni or B. James, K. James and D. Siegmund, Tests for a change-point, Biometrika 74, 1987, whichever is less; location by Y. Yao, Approximating the distribution of the maximum likelihood estimate of the change-point, Ann. Statist. 15, 1987. Errors: two values for a bucket, an infinite bucket.';

CREATE AGGREGATE llm_cost.change_points(timestamptz, float8, float8) (
	SFUNC = llm_cost.change_points_add, STYPE = internal, SSPACE = 1024,
	FINALFUNC = llm_cost.change_points_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.change_points(timestamptz, float8, float8) IS
	'The same with another chance of a false alarm, alpha, as third argument: above 0, at most 0.5, and the same for all rows of a group; NULL is 0.01.';

CREATE AGGREGATE llm_cost.trend_change_points(timestamptz, float8) (
	SFUNC = llm_cost.change_points_add, STYPE = internal, SSPACE = 1024,
	FINALFUNC = llm_cost.trend_change_points_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.trend_change_points(timestamptz, float8) IS
	'The history of a series as stretches that are level or have a slope: arguments are bucket and value; returns an array of trend_change_point by time, empty if it is one stretch. It describes what is plain to see, and does not control false alarms; change_points() finds smaller changes. A stretch has three values or more. Gaps, spikes, order and errors are as in change_points(). A season, such as weekdays, is found and removed if it was there four times or more, of up to 400 buckets. Assumed: stretches are lines with noise of any size; the more neighbours resemble each other, the more a change has to be worth, but noise that wanders slowly still looks like changes. Least cost by dynamic programming, pruned exactly as in R. Killick, P. Fearnhead and I. Eckley, Optimal detection of changepoints with a linear computational cost, JASA 107, 2012. NULL with fewer than six values. Time grows with the square of the number of values where there are few changes: 8,760 take up to a second.';

CREATE AGGREGATE llm_cost.change_monitor(timestamptz, float8, timestamptz) (
	SFUNC = llm_cost.change_monitor_add, STYPE = internal, SSPACE = 1024,
	FINALFUNC = llm_cost.change_monitor_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.change_monitor(timestamptz, float8, timestamptz) IS
	'Whether the level of a series has changed since a given moment, as known after each bucket: arguments are bucket, value and the moment, the same for all rows of a group; returns an array with a monitor_reading for each bucket from that moment on. What came before is the baseline, of four values or more (NULL with fewer). However often one looks, without a change there is one percent chance that any reading ever says so. Assumed: before and after, values scatter normally around one level with one standard deviation and at most the autocorrelation of the baseline, which is estimated; no trend and no season. A confidence sequence: M. Perez-Ortiz, T. Lardy, R. de Heide and P. Grünwald, E-statistics, group invariance and anytime-valid testing, Ann. Statist. 52, 2024. Gaps, spikes, order and errors are as in change_points().';

CREATE AGGREGATE llm_cost.change_monitor(timestamptz, float8, timestamptz, float8) (
	SFUNC = llm_cost.change_monitor_add, STYPE = internal, SSPACE = 1024,
	FINALFUNC = llm_cost.change_monitor_final, PARALLEL = safe);

COMMENT ON AGGREGATE llm_cost.change_monitor(timestamptz, float8, timestamptz, float8) IS
	'The same with another chance of a false alarm, alpha, as fourth argument, as in change_points().';
