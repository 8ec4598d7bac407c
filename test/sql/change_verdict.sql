--
-- change_verdict(): each verdict, its cause, and what earlier periods do to it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
\set SHOW_CONTEXT never
\pset null NULL

-- An estimate as paired_change() would give it, of 100 users unless said otherwise
CREATE FUNCTION pg_temp.estimate(change float8, error float8, df float8 = 1e7, units bigint = 100, effective float8 = 80,
								 matched_before float8 = 0.9, matched_after float8 = 0.9, rose bigint = 50, fell bigint = 50,
								 smallest float8 = -0.2, largest float8 = 0.3, kind text = 'ratio') RETURNS paired_change_result
RETURN ROW(kind, change, NULL, NULL, NULL, error, df, units, effective, matched_before, matched_after, rose, fell, smallest, largest, units, 0)::paired_change_result;

-- With 10 million degrees of freedom, 1.96 and 2.58 errors are what counts.
-- +10 % is ln 1.1 = 0.0953; a margin of 5 % is from -0.0513 to 0.0488
SELECT change, error, v.verdict, v.cause, round(v.p_value::numeric, 4) AS p
FROM (VALUES (0.10, 0.0365), (0.10, 0.0375), (-0.10, 0.04), (-0.10, 0.042), (0.03, 0.005), (0.03, 0.0074), (0.0, 0.09), (0.0, 0.094), (0.5, 0.01), (0.0, 0.0), (0.06, 0.0), (0.01, 0.0)) AS t (change, error),
	 change_verdict(pg_temp.estimate(change, error)) AS v;
-- the interval is that of 95 %
SELECT abs(ln(1 + v.low) - (ln(1.1) - 1.959964 * 0.03)) < 1e-6 AS low, abs(ln(1 + v.high) - (ln(1.1) + 1.959964 * 0.03)) < 1e-6 AS high, v.placebo_larger, v.placebo_windows
FROM change_verdict(pg_temp.estimate(0.1, 0.03)) AS v;
-- a margin of its own
SELECT margin, v.verdict, v.cause
FROM unnest('{0,0.001,0.12,0.13}'::float8[]) AS margin, change_verdict(pg_temp.estimate(0.1, 0.01), margin => margin) AS v;
-- points
SELECT change, error, v.verdict, v.cause
FROM (VALUES (-0.05, 0.008), (-0.05, 0.02), (0.003, 0.001), (0.0, 0.02)) AS t (change, error), change_verdict(pg_temp.estimate(change, error, kind => 'difference')) AS v;

-- Few units: what they did, and for them only
SELECT v.verdict, v.cause, v.low IS NULL AS no_interval
FROM (VALUES (1, pg_temp.estimate(NULL, NULL, units => 0)),
			 (2, pg_temp.estimate(0.3, NULL, units => 1, effective => 1, rose => 1, fell => 0, smallest => 0.3, largest => 0.3)),
			 (3, pg_temp.estimate(0.2, 0.05, 4, 5, 4.5, rose => 5, fell => 0, smallest => 0.12, largest => 0.31)),
			 (4, pg_temp.estimate(-0.2, 0.05, 4, 5, 4.5, rose => 1, fell => 4, smallest => -0.31, largest => 0.02)),
			 (5, pg_temp.estimate(0.2, 0.05, 4, 300, 6.5, rose => 200, fell => 100)),
			 (6, pg_temp.estimate(NULL, NULL, rose => 50, fell => 50, smallest => NULL, largest => NULL)),
			 (7, NULL)) AS t (n, e), change_verdict(e) AS v ORDER BY n;
SELECT cause FROM change_verdict(pg_temp.estimate(0.2, 0.05, 4, 5, 4.5, rose => 5, fell => 0, smallest => 0.12, largest => 0.31), unit => 'tenant');

-- Unpriced attempts, and spend of users who were not on both sides
SELECT v.verdict, v.cause FROM change_verdict(pg_temp.estimate(0.5, 0.01), NULL, 0.02, 0.001) AS v
UNION ALL SELECT v.verdict, v.cause FROM change_verdict(pg_temp.estimate(0.5, 0.01), NULL, 0.01, 0.01) AS v
UNION ALL SELECT v.verdict, v.cause FROM change_verdict(NULL, unpriced_before => 1, unpriced_after => 1) AS v
UNION ALL SELECT v.verdict, v.cause FROM change_verdict(pg_temp.estimate(0.5, 0.01, matched_before => 0.69)) AS v
UNION ALL SELECT v.verdict, v.cause FROM change_verdict(pg_temp.estimate(0.5, 0.01, matched_after => 0.4)) AS v;

-- Earlier periods.  Quiet ones change nothing but the wording
SELECT v.verdict, v.cause, v.placebo_larger, v.placebo_windows, a.low = v.low AS same
FROM change_verdict(pg_temp.estimate(0.1, 0.03)) AS a, change_verdict(pg_temp.estimate(0.1, 0.03), '{0.01,-0.02,0.03,NULL,-0.01,0.02,-0.03,0.01,-0.04}') AS v;
-- restless ones of 0.08 each, by turns: SE = 0.08, df = 8 / (1 - (3/8)^2)
SELECT v.verdict, v.cause, v.placebo_larger, v.placebo_windows
FROM change_verdict(pg_temp.estimate(0.1, 0.03), ARRAY(SELECT exp(0.08 * (-1) ^ i) - 1 FROM generate_series(1, 8) i)) AS v;
-- of 9.3090909 degrees of freedom; as an estimate with that error and no earlier periods
SELECT abs(a.low - b.low) < 1e-12 AS low, abs(a.high - b.high) < 1e-12 AS high, abs(a.p_value - b.p_value) < 1e-12 AS p
FROM change_verdict(pg_temp.estimate(0.1, 0.03), ARRAY(SELECT exp(0.08 * (-1) ^ i) - 1 FROM generate_series(1, 8) i)) AS a,
	 change_verdict(pg_temp.estimate(0.1, 0.08, 8 / (1 - 9 / 64.0))) AS b;
-- fewer than four widen the error but leave its degrees of freedom
SELECT abs(a.low - b.low) < 1e-12 AS low, a.placebo_windows
FROM change_verdict(pg_temp.estimate(0.1, 0.03), ARRAY[exp(0.08) - 1, exp(-0.08) - 1]) AS a, change_verdict(pg_temp.estimate(0.1, 0.08)) AS b;
-- an error of exactly nothing is no certainty if weeks differ
SELECT v.verdict, v.cause FROM change_verdict(pg_temp.estimate(0.1, 0), ARRAY(SELECT exp(0.08 * (-1) ^ i) - 1 FROM generate_series(1, 8) i)) AS v;

-- A step of 30 % three weeks ago: weeks of 3/4 and 1/2 of it follow, as long
-- as the baseline reaches over it.  It must not hide another one
CREATE TEMP TABLE step AS
	SELECT ARRAY[exp(0.5 * s) - 1, exp(0.75 * s) - 1, exp(s) - 1, 0.01, -0.02, 0.015, -0.01, 0.02] AS earlier FROM (SELECT ln(1.3) AS s) AS t;
SELECT v.verdict, v.cause FROM step, change_verdict(pg_temp.estimate(0.3, 0.03), earlier) AS v;
SELECT v.verdict, v.cause FROM step, change_verdict(pg_temp.estimate(0.02, 0.03), earlier) AS v;
-- where nothing of it can remain, these are three restless weeks
SELECT v.verdict, v.cause FROM step, change_verdict(pg_temp.estimate(0.3, 0.03), earlier, baseline_periods => 1) AS v;
SELECT v.verdict, v.cause FROM step, change_verdict(pg_temp.estimate(0.3, 0.03), '{0.01,0.3,-0.02,0.01,-0.02,0.015,-0.01,0.02}', baseline_periods => 1) AS v;

-- A trend: +5 % every time
SELECT change, v.verdict, v.cause
FROM unnest('{0.05,0.08,0.4,-0.01,-0.3}'::float8[]) AS change, change_verdict(pg_temp.estimate(change, 0.02), '{0.05,0.06,0.04,0.055,0.045,0.05,0.06,0.04}') AS v;
-- too little of one to speak of
SELECT v.verdict, v.cause FROM change_verdict(pg_temp.estimate(0.002, 0.0001), '{0.002,0.0021,0.0019,0.002,0.002,0.0019}') AS v;

-- From the data: five tenants
SELECT v.verdict, v.cause
FROM (SELECT paired_change('tenant ' || i, 100 * i, 50, (112 + 4.75 * (i - 1)) * i, 50) AS c FROM generate_series(1, 5) i) AS t, change_verdict(c, unit => 'tenant') AS v;

-- NULL means the default
SELECT a = b AS same FROM change_verdict(pg_temp.estimate(0.1, 0.03)) AS a, change_verdict(pg_temp.estimate(0.1, 0.03), NULL, NULL, NULL, NULL, NULL, NULL) AS b;
-- A change that is none, or not a number, is no earlier period
SELECT placebo_windows FROM change_verdict(pg_temp.estimate(0.1, 0.03), '{NaN,Infinity,-1,-7,NULL,0.01}');
-- Settings that cannot be
\set VERBOSITY terse
SELECT change_verdict(pg_temp.estimate(0.1, 0.03), unpriced_before => 1.1);
SELECT change_verdict(pg_temp.estimate(0.1, 0.03), unpriced_after => 'NaN');
SELECT change_verdict(pg_temp.estimate(0.1, 0.03), baseline_periods => 0);
SELECT change_verdict(pg_temp.estimate(0.1, 0.03), margin => 5);
