--
-- What distributions refuse: values, arguments, and bytes that are none.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
\set SHOW_CONTEXT never
-- an error with its SQLSTATE
\set VERBOSITY sqlstate

-- Values are finite: 22003 for each type, wherever they come from
SELECT distribution('NaN'::float8);
SELECT distribution('Infinity'::float8);
SELECT distribution('-Infinity'::float8);
SELECT distribution('NaN'::numeric);
SELECT distribution('Infinity'::numeric);
SELECT distribution('-Infinity'::numeric);
SELECT distribution('NaN'::real);
SELECT distribution('NaN'::float8, 100);
SELECT weighted_distribution('Infinity'::float8, 2);
SELECT weighted_distribution('NaN'::numeric, 2);
SELECT approx_percentile('NaN'::float8, 0.5);
SELECT approx_percentile('-Infinity'::numeric, 0.5);
SELECT add(NULL, 'NaN');
SELECT add(distribution(1::float8), 'Infinity');
SELECT distribution_from_histogram('{1,Infinity}', '{1,1,0}');
SELECT distribution_from_histogram('{NaN}', '{1,1}');
SELECT distribution_from_histogram('{1}', '{1,1}', '-Infinity');
SELECT distribution_from_histogram('{1}', '{1,1}', 0, 'Infinity');
-- also among many others, and where nothing of the value counts
SELECT distribution(CASE WHEN i = 5000 THEN 'NaN' ELSE i::float8 END) FROM generate_series(1, 6000) i;
SELECT weighted_distribution('NaN'::float8, 0) IS NULL AS left_out;
-- and not beyond what a float8 can hold
SELECT distribution(1e309::numeric);
SELECT distribution(1e-400::numeric);
SELECT distribution(x) FROM unnest('{1e307,1e307}'::float8[]) x;
SELECT distribution((1.7e308 / i)::float8) FROM generate_series(1, 2000) i;
SELECT weighted_distribution(1e300::float8, 100000000);
SELECT combine(d) FROM (SELECT weighted_distribution(1e304::float8, 600) AS d FROM generate_series(1, 3) i GROUP BY i) AS t;
SELECT add(distribution(9e306::float8), -9e306);
SELECT a || a FROM (SELECT distribution(9e306::float8) AS a) AS t;

-- Fractions, 22023
SELECT percentile(distribution(1::float8), -0.0001);
SELECT percentile(distribution(1::float8), 99);
SELECT percentile(distribution(1::float8), 'NaN');
SELECT percentiles(distribution(1::float8), '{0.5,1.5}');
SELECT approx_percentile(1::float8, 1.01);
SELECT approx_percentile(1::float8, 'NaN');
SELECT trimmed_mean(distribution(1::float8), 0.6, 0.4);
SELECT trimmed_total(distribution(1::float8), 0, 2);
SELECT trimmed_total(distribution(1::float8), -1, 1);
SELECT top_share(distribution(1::float8), 5);
SELECT top_share(distribution(1::float8), 'NaN');
SELECT * FROM lorenz((SELECT distribution(1::float8)), 0);
SELECT * FROM lorenz((SELECT distribution(1::float8)), 10001);
-- of a group there is one: 22004 NULL, 22023 another
SELECT approx_percentile(1::float8, NULL);
SELECT approx_percentile(x, p) FROM (VALUES (1::float8, 0.5), (2, 0.6)) AS t (x, p);
SELECT approx_percentile(x, p) FROM (VALUES (1::float8, 0.5), (2, NULL)) AS t (x, p);
SELECT approx_percentile(x, p) AS "left out" FROM (VALUES (1::float8, 0.5), (NULL, NULL), (NULL, 7)) AS t (x, p);

-- Compressions
SELECT distribution(1::float8, 19);
SELECT distribution(1::float8, 2001);
SELECT distribution(1::numeric, -1);
SELECT distribution(1::bigint, 0);
SELECT distribution(x, c) FROM (VALUES (1::float8, 100), (2, 101)) AS t (x, c);
SELECT distribution(x, c) FROM (VALUES (1::float8, 100), (2, NULL)) AS t (x, c);
SELECT distribution(x, c) FROM (VALUES (1::float8, NULL), (2, 20)) AS t (x, c);
SELECT distribution(x, c) = distribution(x) FILTER (WHERE x IS NOT NULL) AS "not of NULL" FROM (VALUES (1::float8, NULL), (NULL, 20), (2, 175)) AS t (x, c);

-- Weights
SELECT weighted_distribution(1::float8, -1);
SELECT weighted_distribution(1::numeric, '-9223372036854775808');
SELECT num_values(weighted_distribution(1::bigint, 17592186044415)) = 2::bigint ^ 44 - 1 AS "the most";
SELECT weighted_distribution(1::float8, 17592186044416);
SELECT weighted_distribution(1::float8, w) FROM unnest('{17592186044415,1}'::bigint[]) w;
SELECT weighted_distribution(1::float8, 9223372036854775807);
SELECT combine(d) FROM (SELECT weighted_distribution(1::float8, 10000000000000) AS d FROM generate_series(1, 2) i GROUP BY i) AS t;
SELECT d || d FROM (SELECT weighted_distribution(1::float8, 10000000000000) AS d) AS t;
SELECT add(weighted_distribution(1::float8, 17592186044415), 1);

-- Histograms
SELECT distribution_from_histogram('{1,2}', '{1,2}');
SELECT distribution_from_histogram('{}', '{1}');
SELECT distribution_from_histogram('{2,1}', '{1,1,1}');
SELECT distribution_from_histogram('{1,1}', '{1,1,1}');
SELECT distribution_from_histogram('{1,NULL}', '{1,1,1}');
SELECT distribution_from_histogram('{1}', '{1,NULL}');
SELECT distribution_from_histogram('{{1,2}}', '{1,1,1}');
SELECT distribution_from_histogram('{1}', '{-1,1}');
SELECT distribution_from_histogram('{1}', '{9223372036854775807,9223372036854775807}');
SELECT distribution_from_histogram('{1}', '{1,1}', 2);
SELECT distribution_from_histogram('{1}', '{1,1}', 0, 0.5);
SELECT histogram(distribution(1::float8), '{2,1}');
SELECT histogram(distribution(1::float8), '{1,1}');
SELECT histogram(distribution(1::float8), '{NULL}');
SELECT histogram(distribution(1::float8), '{{1,2}}');
SELECT histogram(distribution(1::float8), '{NaN,1}');

-- Functions that serve aggregates alone
SELECT distribution_add_value(NULL, 1::float8);
SELECT distribution_add_value(distribution(1::float8), 1::numeric, 100);
SELECT distribution_add_value(NULL, NULL::bigint);
SELECT distribution_add_weighted(distribution(1::float8), 1::float8, 1);
SELECT approx_percentile_add(distribution(1::float8), 1::float8, 0.5);
SELECT distribution_combine(a, a) FROM (SELECT distribution(1::float8) AS a) AS t;
SELECT distribution_combine(NULL, NULL);
SELECT approx_percentile_final(distribution(1::float8));
SELECT distribution_final(d) = d AS "which changes nothing" FROM (SELECT distribution(1::float8) AS d) AS t;

-- How the most usual of them read
\set VERBOSITY default
SELECT distribution(x) FROM unnest('{1,NaN}'::float8[]) x;
SELECT distribution('-Infinity'::numeric);
SELECT distribution(x) FROM unnest('{1e307,1e307}'::float8[]) x;
SELECT percentile(distribution(1::float8), 99);
SELECT top_share(distribution(1::float8), 5);
SELECT distribution(1::float8, 10000);
SELECT distribution(x, 100 + i::int) FROM unnest('{1,2}'::float8[]) WITH ORDINALITY AS t (x, i);
SELECT approx_percentile(x, x / 10) FROM unnest('{1,2}'::float8[]) x;
SELECT weighted_distribution(1::float8, -3);
SELECT weighted_distribution(1::float8, 17592186044416);
SELECT distribution_from_histogram('{1,2}', '{1,2}');
SELECT distribution_from_histogram('{2,1}', '{1,2,3}');
SELECT distribution_add_value(NULL, 1::float8);
SELECT 'null'::distribution;
SELECT ''::distribution;
SELECT repeat('g', 1000)::distribution;
SELECT '03000000000000f03f'::distribution;

-- Text that is no distribution, and what is wrong with it. Whatever is read is
-- printed as it was, and everything can be asked of it.
CREATE FUNCTION pg_temp.problem(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d distribution;
BEGIN
	BEGIN
		d := value;
	EXCEPTION WHEN invalid_text_representation OR invalid_binary_representation THEN
		RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '".*"', '…');
	END;
	IF d::text <> value THEN
		RETURN 'changed';
	END IF;
	IF num_values(d) < 1 OR NOT percentile(d, 0.5) BETWEEN min_value(d) AND max_value(d) OR percentile_rank(d, max_value(d)) <> 1
		OR abs(total(d)) = 'Infinity' OR mean(d) = 'NaN' OR gini(d) = 'NaN' OR top_share(d, 0.1) = 'NaN' OR share_above(d, 0) = 'NaN'
		OR trimmed_mean(d, 0.1, 0.2) = 'NaN' OR histogram(d, '{0}') IS NULL OR d::json IS NULL OR d::float8[] IS NULL
		OR (SELECT count(*) FROM lorenz(d) WHERE share = 'NaN') > 0 THEN
		RETURN 'cannot be used';
	END IF;
	BEGIN
		IF num_values(add(d || d, 1)) <> 2 * num_values(d) + 1 THEN
			RETURN 'cannot be combined';
		END IF;
	EXCEPTION WHEN numeric_value_out_of_range THEN
		NULL;	-- too many values, or too large
	END;
	RETURN 'none';
END
$$;
SELECT what, pg_temp.problem(value) FROM (VALUES
	('one value', '01af01000000000000f03f'),
	('odd number of digits', '01af01000000000000f03'),
	('upper case', '01A001000000000000F03F'),
	('no hexadecimal digits', '01af010000000000!0f03f'),
	('blank', ' 01af01000000000000f03f'),
	('\x', '\x01af01000000000000f03f'),
	('nothing', ''),
	('no format', '00af01000000000000f03f'),
	('a format to come', '04af01000000000000f03f'),
	('a state of an aggregate', '8100a000000000000000f0bf0100000000000000000000000000f03f'),
	('bins of an aggregate', '8200a000000000000000f0bf'),
	('only a format', '01'),
	('no end of a number', '01a0'),
	('compression 19', '0113000000000000f03f'),
	('compression 2001', '01d10f000000000000f03f'),
	('2^64 − 1', '01ffffffffffffffffff01000000000000f03f'),
	('2^64', '0180808080808080808002000000000000f03f'),
	('eleven bytes', '01ffffffffffffffffffff01000000000000f03f'),
	('a zero too many', '01a08100000000000000f03f'),
	('no value', '01af01'),
	('half a value', '01af0100000000'),
	('one and a half', '01af01000000000000f03f00000000'),
	('128 values', '01af01' || repeat('000000000000f03f', 128)),
	('129 values', '01af01' || repeat('000000000000f03f', 129)),
	('descending', '01af010000000000000040000000000000f03f'),
	('NaN', '01af01000000000000f87f'),
	('Infinity', '01af01000000000000f07f'),
	('-Infinity', '01af01000000000000f0ff'),
	('-0', '01af010000000000000080'),
	('too large', '01af01ffffffffffffef7f'),
	('percentile of nothing', '03000000000000e03f'),
	('percentile NaN', '03000000000000f87f01af01000000000000f03f'),
	('percentile 2', '03000000000000004001af01000000000000f03f'),
	('percentile twice', '03000000000000e03f03000000000000e03f01af01000000000000f03f')) AS t (what, value);

-- 100 × 1, 20 × 1.5 and 80 × 2, in parts
CREATE FUNCTION pg_temp.bytes(number float8) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(substr(encode(float8send(number), 'hex'), 15 - 2 * i, 2), '' ORDER BY i) FROM generate_series(0, 7) i $$;
CREATE FUNCTION pg_temp.three(compression text DEFAULT 'af01', total float8 DEFAULT 290, smallest float8 DEFAULT 1, largest float8 DEFAULT 2, centroids text DEFAULT '03',
	first text DEFAULT '64', last text DEFAULT '50', middle text DEFAULT '29', key text DEFAULT '8080808010', dropped text DEFAULT '808010', ending text DEFAULT '') RETURNS text
LANGUAGE sql AS $$ SELECT '02' || compression || pg_temp.bytes(total) || pg_temp.bytes(smallest) || pg_temp.bytes(largest) || centroids || first || last || middle || key || dropped || ending $$;
SELECT weighted_distribution(x, w)::text = pg_temp.three() AS three FROM (VALUES (1::float8, 100), (1.5, 20), (2, 80)) AS t (x, w);
SELECT what, pg_temp.problem(value) FROM (VALUES
	('nothing', pg_temp.three()),
	('one byte more', pg_temp.three(ending => '00')),
	('compression 0', pg_temp.three(compression => '00')),
	('total', pg_temp.three(total => 291)),
	('total of the other sign', pg_temp.three(total => -290)),
	('total NaN', pg_temp.three(total => 'NaN')),
	('total −0', pg_temp.three(total => '-0')),
	('smallest NaN', pg_temp.three(smallest => 'NaN')),
	('largest NaN', pg_temp.three(largest => 'NaN')),
	('largest Infinity', pg_temp.three(largest => 'Infinity')),
	('smallest above largest', pg_temp.three(smallest => 3)),
	('smallest is largest', pg_temp.three(smallest => 2)),
	('no centroids', pg_temp.three(centroids => '00')),
	('one centroid of different values', pg_temp.three(centroids => '01')),
	('four centroids', pg_temp.three(centroids => '04')),
	('2,001 centroids', pg_temp.three(centroids => 'd10f') || repeat('00', 10000)),
	('2^63 centroids', pg_temp.three(centroids => '80808080808080808001')),
	('2^64 − 1 centroids', pg_temp.three(centroids => 'ffffffffffffffffff01')),
	('first count 0', pg_temp.three(first => '00')),
	('last count 0', pg_temp.three(last => '00')),
	('first count 2^63', pg_temp.three(first => '80808080808080808001')),
	('first count 2^63 − 1', pg_temp.three(first => 'ffffffffffffffff7f')),
	('middle count 0', pg_temp.three(middle => '01')),
	('middle count 0, no point', pg_temp.three(middle => '00', dropped => '')),
	('middle count 1, no point', pg_temp.three(middle => '02', total => 261.5, dropped => '')),
	('middle count 2^63 − 1', pg_temp.three(middle => 'ffffffffffffffffff01')),
	('key beyond the largest', pg_temp.three(key => '8180808020', total => 300)),
	('key beyond 2^64', pg_temp.three(key => 'ffffffffffffffffff01')),
	('more dropped than is left', pg_temp.three(dropped => '808020')),
	('much more dropped', pg_temp.three(dropped => 'ffffffffffffffffff01')),
	('too few values', pg_temp.three(total => 30, first => '05', last => '05', middle => '15')),
	('two centroids', pg_temp.three(centroids => '02', total => 260, middle => '', key => '', dropped => '')),
	('too large for sums', pg_temp.three(centroids => '02', total => -2e307, smallest => -1e306, largest => 1e306, middle => '', key => '', dropped => '')),
	('a gigabyte to come', pg_temp.three(centroids => 'ffffffff03'))) AS t (what, value);

-- Every piece of some distributions, and every byte of them with each bit
-- turned: an error, or another distribution
CREATE TEMP TABLE valid (what text, value text);
INSERT INTO valid
	SELECT 'values', distribution(x, 2000)::text FROM unnest('{-1e300,-1,0,1,5e-324}'::float8[]) x
	UNION ALL SELECT 'one price', weighted_distribution(0.0021::float8, 1000)::text
	UNION ALL SELECT 'points', weighted_distribution(x, 100)::text FROM unnest('{-2,0,0.0021,7}'::float8[]) x
	UNION ALL SELECT 'centroids', distribution(x ^ 3 - 1000, 20)::text FROM generate_series(-50, 5000) x
	UNION ALL SELECT 'many', distribution((1 + x * x) * 1e-5)::text FROM generate_series(1, 3000) x
	UNION ALL SELECT 'percentile', '03000000000000e03f' || distribution(x)::text FROM generate_series(1, 3) x;
SELECT what, bool_and(pg_temp.problem(value) = 'none') AS valid FROM valid GROUP BY what ORDER BY what;
SELECT what, count(*) = max(length(value)) / 2 AS pieces, bool_and(problem LIKE '22P03 invalid distribution: %' OR problem = 'none') AS checked, string_agg(size::text, ' ' ORDER BY size) FILTER (WHERE problem = 'none') AS read
FROM valid, generate_series(0, length(value) / 2 - 1) size, LATERAL (SELECT pg_temp.problem(left(value, 2 * size)) AS problem) AS p GROUP BY what ORDER BY what;
SELECT what, count(*) AS changes, count(*) FILTER (WHERE problem <> 'none' AND problem NOT LIKE '22P03 invalid distribution: %') AS wrong, count(*) FILTER (WHERE problem <> 'none') > 4 AS "some are refused", count(*) FILTER (WHERE problem = 'none') > 4 AS "some are not"
FROM valid, generate_series(0, length(value) * 4 - 1) bit,
	 LATERAL (SELECT pg_temp.problem(encode(set_bit(decode(value, 'hex'), bit, 1 - get_bit(decode(value, 'hex'), bit)), 'hex')) AS problem) AS p GROUP BY what ORDER BY what;
SELECT what, count(*) AS changes, count(*) FILTER (WHERE problem <> 'none' AND problem NOT LIKE '22P03 invalid distribution: %') AS wrong
FROM valid, generate_series(0, length(value) / 2 - 1) byte, unnest('{0,127,128,255}'::int[]) put,
	 LATERAL (SELECT pg_temp.problem(encode(set_byte(decode(value, 'hex'), byte, put), 'hex')) AS problem) AS p GROUP BY what ORDER BY what;
-- bytes by chance
SELECT setseed(0.1) IS NOT NULL AS seeded;
SELECT count(*) AS tried, count(*) FILTER (WHERE problem <> 'none' AND problem NOT LIKE '22P03 invalid distribution: %') AS wrong
FROM generate_series(1, 5000) i,
	 LATERAL (SELECT string_agg(lpad(to_hex(floor(random() ^ 3 * 256)::int), 2, '0'), '') AS noise FROM generate_series(1, 1 + i % 60)) AS r,
	 LATERAL (SELECT pg_temp.problem('0' || (1 + i % 2) || 'af01' || CASE WHEN i % 4 = 1 THEN pg_temp.bytes(random()) || pg_temp.bytes(0) || pg_temp.bytes(1) ELSE '' END || noise) AS problem) AS p;
