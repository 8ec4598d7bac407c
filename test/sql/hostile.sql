--
-- Arguments that nobody means: each is an error that says what to do, or is left
-- out; none gives a number out of nothing.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_hostile;
RESET client_min_messages;
SET search_path = regress_hostile, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
DELETE FROM llm_cost.attached_usage;
CREATE TABLE call AS
SELECT '2026-05-18 08:00'::timestamptz + make_interval(days => d, mins => u) AS started_at, 'regress-hostile' AS model, 1000 * u AS input_tokens, 10 AS output_tokens,
	   format('%s-%s', u, d) AS operation_id, 'u' || u AS user_id, 'w' || u % 2 AS workflow, CASE WHEN d >= 35 THEN 'new' ELSE 'old' END AS release
FROM generate_series(1, 24) AS u, generate_series(0, 41) AS d;
SELECT llm_cost.attach('call', view_name => 'usage');
\set week '[2026-06-22, 2026-06-29)'

-- What a statement says: its SQLSTATE, and whether there is a hint; or that it answered.
CREATE FUNCTION said(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state		text;
	message		text;
	hint		text;
BEGIN
	EXECUTE statement;
	RETURN 'answered';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN format('%s %s%s', state, message, CASE hint WHEN '' THEN ' (no hint)' ELSE '' END);
END
$$;

-- Periods without a date, or so long that windows before them have none.
SELECT p.period, said(format(f.statement, p.period)) AS said, count(*) AS functions
FROM (VALUES ('(,)'), ('empty'), ('[-infinity,infinity)'), ('[2026-06-22,infinity)'), ('[294276-01-01,294276-12-31)'), ('[4713-01-01 BC,4712-01-01 BC)'),
		('[1901-01-01,2026-06-29)')) AS p (period),
	 (VALUES ('SELECT * FROM llm_cost.attribute_change(period => %L)'), ('SELECT * FROM llm_cost.detect_releases(%L)'), ('SELECT * FROM llm_cost.regressions(%L)'),
		('SELECT * FROM llm_cost.distribution_shift(period => %L)'), ('SELECT * FROM llm_cost.explain(%L)'), ('SELECT * FROM llm_cost.drift(period => %L)')) AS f (statement)
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT said(format('SELECT * FROM llm_cost.explain(%L)', p.period)), p.period FROM (VALUES ('[1900-01-01,2000-01-01)'), ('[2999-12-01,3000-01-01)')) AS p (period);
SELECT * FROM llm_cost.drift(period => '[1800-01-01,1800-01-08)');
SELECT said(format('SELECT * FROM llm_cost.attribute_change(period => %L, baseline => %L)', :'week', b.baseline)) AS said, b.baseline
FROM (VALUES ('[4713-01-01 BC,2026-01-01)'), ('[-infinity,2026-01-01)'), ('0 weeks'), ('[2026-06-22,2026-06-29)')) AS b (baseline) ORDER BY 2;

-- Filters and scopes that are none.
SELECT v.filter, said(format(f.statement, v.filter)) AS said, count(*) AS functions
FROM (VALUES ('[]'), ('null'), ('"x"'), ('1'), ('["workflow"]'), ('{"workflow": {}}'), ('{"workflow": [["w0"]]}'), ('{"": ""}')) AS v (filter),
	 (VALUES ('SELECT * FROM llm_cost.attribute_change(%L, ''[2026-06-22,2026-06-29)'')'), ('SELECT * FROM llm_cost.detect_releases(''[2026-06-22,2026-06-29)'', filter => %L)'),
		('SELECT * FROM llm_cost.release_impact(''new'', filter => %L, as_of => ''2026-06-29'')'), ('SELECT * FROM llm_cost.regressions(''[2026-06-22,2026-06-29)'', filter => %L)'),
		('SELECT * FROM llm_cost.distribution_shift(period => ''[2026-06-22,2026-06-29)'', filter => %L)'), ('SELECT * FROM llm_cost.explain(''[2026-06-22,2026-06-29)'', filter => %L)'),
		('SELECT llm_cost.declare_release(''x'', ''2026-06-16'', %L)'), ('SELECT llm_cost.declare_change(%L, 10, ''[2026-06-22,)'', ''why'')')) AS f (statement)
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM llm_cost.attribute_change('[]');

-- Times and intervals without end.
SELECT * FROM llm_cost.release_impact('new', warmup => '178000000 years', as_of => '2026-06-29');
SELECT v.argument, said(format('SELECT * FROM llm_cost.release_impact(''new'', %s)', v.argument)) AS said
FROM (VALUES ('warmup => ''2147483647 hours'''), ('warmup => ''-1 second'''), ('warmup => ''90 days'''), ('follow => ''178000000 years'''), ('follow => ''0'''), ('baseline_weeks => 2147483647'),
		('as_of => ''infinity'''), ('as_of => ''-infinity''')) AS v (argument) ORDER BY 1;
SELECT DISTINCT verdict FROM llm_cost.release_impact('new', as_of => '-infinity');
SELECT said(format('SELECT llm_cost.declare_release(''x'', %L)', t.at)) AS release, said(format('SELECT llm_cost.declare_change(''{}'', 10, tstzrange(%L, NULL), ''why'')', t.at)) AS change, t.at
FROM (VALUES ('infinity'), ('-infinity'), (NULL)) AS t (at) ORDER BY 3;
SELECT said(format('SELECT * FROM llm_cost.regressions(%L, threshold_pct => %s)', :'week', t.threshold)) AS said, count(*)
FROM (VALUES ('''NaN'''), ('''infinity'''), ('-1'), ('0'), ('1e30')) AS t (threshold) GROUP BY 1;

-- Numbers near the ends of double precision.  A level is a logarithm, so it is no thousand.
SELECT c.*, c.value IS NULL AND c.uncertainty IS NULL AS nothing
FROM (VALUES (1e308), (1e307), (1001), (-1001)) AS v (level),
	 LATERAL (SELECT (llm_cost.cost_index_append(CASE WHEN i % 2 = 0 THEN v.level ELSE -v.level END, i, 1)).* FROM generate_series(1, 5) AS i) AS c;
CREATE FUNCTION finite(VARIADIC numbers float8[]) RETURNS boolean LANGUAGE sql RETURN (SELECT bool_and(abs(n) < 'infinity') FROM unnest(numbers) AS n);
SELECT bool_and(finite(value, uncertainty)) AS finite, count(value), round((max(value) - min(value))::numeric) AS rose, round((ln(1.7e308::float8) - ln(3e-308::float8))::numeric) AS about
FROM (SELECT (unnest(llm_cost.cost_index('u' || u, '2026-01-01'::timestamptz + make_interval(days => d), CASE WHEN d > 3 THEN 1.7e308 ELSE 1e-308 * u END, 9223372036854775807))).*
	  FROM generate_series(1, 5) AS u, generate_series(0, 6) AS d) AS p;
-- beyond 1e305 are gaps, 1e305 itself is a value
SELECT bucket, earliest, latest, round((value_before / 1e305)::numeric, 6) AS before, round((value_after / 1e305)::numeric, 6) AS after, round((change / 1e305)::numeric, 6) AS change, p_value
FROM (SELECT (unnest(llm_cost.change_points('2026-01-01'::timestamptz + make_interval(days => i), CASE WHEN i < 15 THEN 1e305 ELSE -1e305 END))).* FROM generate_series(0, 29) AS i) AS p;
SELECT llm_cost.change_points('2026-01-01'::timestamptz + make_interval(days => i), CASE WHEN i < 15 THEN 1.1e305 ELSE -1.7e308 END) IS NULL AS gaps FROM generate_series(0, 29) AS i;
SELECT (unnest(llm_cost.change_points('2026-01-01'::timestamptz + make_interval(days => i), CASE WHEN i < 15 THEN 5e-324 ELSE 5e-323 END))).change FROM generate_series(0, 29) AS i;
SELECT count(*) > 0 AS any, bool_and(finite(value_before, value_after, slope_before, slope_after)) AS finite
FROM (SELECT (unnest(llm_cost.trend_change_points(CASE WHEN i < 6 THEN '4713-01-01 BC'::timestamptz + make_interval(secs => i * 1e-6) ELSE '2026-01-01'::timestamptz + make_interval(years => 1000 * i) END,
		1e304 * CASE WHEN i < 6 THEN i - 3 ELSE 0 END / 3))).* FROM generate_series(0, 20) AS i) AS p;
SELECT bool_and(finite(m.difference)) AS finite, count(m.low), bool_and((m.low IS NULL) = (m.high IS NULL)) AS both, bool_and(finite(m.low, m.high)) AS bounds
FROM (SELECT (unnest(llm_cost.change_monitor('2026-01-01'::timestamptz + make_interval(days => i), 1e304 * sin(i), '2026-01-06'::timestamptz))).* FROM generate_series(0, 29) AS i) AS m;
SELECT llm_cost.change_monitor('2026-01-01'::timestamptz + make_interval(days => i), i, 'infinity') = '{}' AS nothing_since,
	   llm_cost.change_monitor('2026-01-01'::timestamptz + make_interval(days => i), i, '-infinity') IS NULL AS nothing_before FROM generate_series(0, 29) AS i;

-- Sums that differ by eight orders of magnitude decompose; those that differ by more than double
-- precision has digits say so, and there is nothing beyond 1e60.
CREATE FUNCTION scattered(orders integer, seed integer) RETURNS llm_cost.decomposition_effect[] LANGUAGE sql AS $$
	SELECT llm_cost.decomposition('u' || u, 'known', 'c' || u % 2, 'p' || u % 3, u % 5 = 0, after, 0, x.o, x.n, x.t, x.t, 0, 0, x.a, x.b, 0, 0, x.a, x.b, x.b)
	FROM generate_series(1, 8) AS u, (VALUES (false), (true)) AS s (after),
		 LATERAL (SELECT max(v) FILTER (WHERE k = 'o') AS o, max(v) FILTER (WHERE k = 'n') AS n, max(v) FILTER (WHERE k = 't') AS t, max(v) FILTER (WHERE k = 'a') AS a, max(v) FILTER (WHERE k = 'b') AS b
				  FROM unnest('{o,n,t,a,b}'::text[]) AS k, LATERAL (SELECT 10.0::float8 ^ (hashtext(concat(seed, u, after, k)) % orders) AS v) AS p) AS x
$$;
SELECT count(DISTINCT k) AS cases, bool_and(finite(d.amount)) AS finite FROM generate_series(1, 100) AS k, unnest(scattered(5, k)) AS d;
SELECT said(format('SELECT scattered(59, %s)', k)), count(*) > 0 AS some FROM generate_series(1, 100) AS k GROUP BY 1 ORDER BY 1;
SELECT bool_and(finite(d.amount)) AS finite FROM generate_series(1, 100) AS k, unnest(CASE said(format('SELECT scattered(59, %s)', k)) WHEN 'answered' THEN scattered(59, k) END) AS d;
SELECT llm_cost.decomposition('u', 'known', 'c', 'p', false, true, 0, 1, 1, 1, 0, 0, 0, 1e61, 0, 0, 0, 0, 0, 0);
SELECT d.effect, d.amount FROM (SELECT llm_cost.decomposition('u', 'known', 'c', 'p', false, after, 0, CASE WHEN after THEN 5e-324 ELSE 1 END, 1, 1, 0, 0, 0, 1, 0, 0, 0, 5e-324, 0, 0) AS found
	FROM (VALUES (false), (true)) AS s (after)) AS q, unnest(q.found) AS d WHERE d.amount <> 0;

-- Values and weights of any size; shares that are none; more than anybody has.
SELECT llm_cost.release_probabilities(v.value, v.weight, '{0,1,2,3,4,5}', '{0,0,0,1,1,1,0,0,0,0,1,1}', '{1,1}', 1, 1) = llm_cost.release_probabilities('{1,1.1,0.9,2,2.1,2.2}', '{1,1,1,1,1,1}', '{0,1,2,3,4,5}', '{0,0,0,1,1,1,0,0,0,0,1,1}', '{1,1}', 1, 1) AS the_same
FROM (SELECT array_agg(x * 2.0::float8 ^ 1000 ORDER BY n) AS value, array_agg(2.0::float8 ^ 1000) AS weight FROM unnest('{1,1.1,0.9,2,2.1,2.2}'::float8[]) WITH ORDINALITY AS u (x, n)
	  UNION ALL SELECT array_agg(x * 2.0::float8 ^ -1000 ORDER BY n), array_agg(2.0::float8 ^ -1000) FROM unnest('{1,1.1,0.9,2,2.1,2.2}'::float8[]) WITH ORDINALITY AS u (x, n)) AS v;
SELECT llm_cost.release_probabilities('{1,1,1,2,2,3}', '{1,1,1,1,1,1}', '{0,1,2,3,4,5}', '{0,0,0,1,1,7}', '{1}', 1, 1);
SELECT llm_cost.release_probabilities('{1,1,1,2,2,3}', '{1,1,1,1,1,1}', '{0,1,2,3,4,5}', '{0,0,0,1,1,-infinity}', '{1}', 1, 1);
SELECT llm_cost.release_probabilities(array_fill(1::float8, ARRAY[1]), '{1}', '{1}', array_fill(1::float8, ARRAY[10000001]), '{1}', 1, 1);
-- a thousand years by day took minutes when it was quadratic; it can be interrupted
SET statement_timeout = '60s';
SELECT round(p[1]::numeric, 3) AS first, round(p[2]::numeric, 3) AS second, round(p[3]::numeric, 3) AS none
FROM (SELECT llm_cost.release_probabilities(array_agg((d >= 200000)::int + 0.1 * sin(d::float8 * d) ORDER BY d), array_agg(1::float8), array_agg((d % 7)::float8 ORDER BY d),
		array_agg((d >= 200000)::int::float8 ORDER BY d) || array_agg((d >= 200007)::int::float8 ORDER BY d), '{1,1}', 3, 1) AS p
	  FROM generate_series(1, 365000) AS d) AS q;
RESET statement_timeout;
SELECT llm_cost.shift_of_shares('u' || u, 'l' || u, CASE WHEN u = 1 THEN -1e308 ELSE 1e308 END, u = 2, 1, 9) FROM generate_series(1, 2) AS u;

SET client_min_messages = warning;
DELETE FROM llm_cost.declared_release WHERE schema_name = 'regress_hostile';
DELETE FROM llm_cost.declared_change WHERE schema_name = 'regress_hostile';
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_hostile';
DROP SCHEMA regress_hostile CASCADE;
