--
-- bench/distribution: errors against exact answers, and bytes, on data of
-- six shapes with five seeds each; then what was promised and what came out.
--
\pset footer off
SELECT count(*) > 0 AS has_tdigest FROM pg_extension WHERE extname = 'tdigest' \gset
CREATE TABLE shape (n int, name text, x text, rest text);
INSERT INTO shape VALUES
	(1, 'lognormal', 'exp(1.5 * gauss() - 6)', ''),
	(2, 'Pareto', '0.001 * (1 - random()) ^ (-1 / 1.2)', ''),
	(3, 'sorted', 'exp(1.5 * gauss() - 6)', 'ORDER BY x'),
	(4, 'reversed', 'exp(1.5 * gauss() - 6)', 'ORDER BY x DESC'),
	-- free, a price for each request, or tokens at a price
	(5, 'discrete', 'CASE WHEN which < 0.4 THEN 0 WHEN which < 0.7 THEN 0.0021
		ELSE greatest(round(1200 * exp(gauss())), 1) * 3 / 1e6 END', ''),
	-- small requests, some of a usual size, and few that are large
	(6, 'mixture', 'CASE WHEN which < 0.553 THEN exp(0.5 * gauss() - 6) WHEN which < 0.884 THEN 0.02 + 0.001 * gauss()
		ELSE 0.1 * (1 - random()) ^ (-1 / 1.5) END', '');

CREATE UNLOGGED TABLE datum (part int, x float8);
CREATE TABLE exact (shape int, seed int, kind text, p float8, value float8);
CREATE TABLE stored (shape int, seed int, engine text, d distribution);
\if :has_tdigest
CREATE TABLE stored_tdigest (shape int, seed int, engine text, d tdigest);
\endif

CREATE PROCEDURE fill_datum(shape int, seed int, rows int) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(seed / 1e6);
	TRUNCATE datum;
	EXECUTE (SELECT format('INSERT INTO datum SELECT ((row_number() OVER () - 1) * 1000 / %1$s)::int, x FROM
			(SELECT (%2$s)::float8 AS x FROM (SELECT random() AS which FROM generate_series(1, %1$s)) q %3$s) q',
			rows, x, rest) FROM shape WHERE n = fill_datum.shape);
END
$$;

CREATE PROCEDURE ask_exact(shape int, seed int) LANGUAGE plpgsql AS $$
DECLARE
	-- every per cent is for information
	ps float8[] := ARRAY[0.5, 0.9, 0.99, 0.999, 0.9999]
		|| ARRAY(SELECT i / 100.0 FROM generate_series(51, 98) i WHERE i <> 90) || 0.995::float8;
BEGIN
	INSERT INTO exact SELECT shape, seed, 'percentile', p, value
		FROM (SELECT percentile_cont(ps) WITHIN GROUP (ORDER BY x) AS percentiles FROM datum) q,
			 unnest(ps, percentiles) AS u(p, value);
	-- i: from the smallest; of the last one in a top only a part may belong to it
	WITH o AS MATERIALIZED (SELECT x, row_number() OVER (ORDER BY x) AS i FROM datum),
		 s AS (SELECT count(*)::float8 AS n, sum(x) AS total FROM datum)
	INSERT INTO exact
		SELECT shape, seed, 'top_share', top, sum(x * least(top * n - n + i, 1)) / min(total)
		FROM o, s, unnest('{0.01, 0.05, 0.1}'::float8[]) top WHERE i > n - top * n GROUP BY top
		UNION ALL
		SELECT shape, seed, 'gini', NULL, 2 * sum(i * x) / (min(n) * min(total)) - (min(n) + 1) / min(n) FROM o, s;
END
$$;

CREATE PROCEDURE ask(into_table text, shape int, seed int, engine text, build text, merge text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I SELECT $1, $2, $3, %s FROM datum', into_table, build) USING shape, seed, engine;
	-- parts are stored, and so compact, before they are merged
	EXECUTE format('CREATE UNLOGGED TABLE part AS SELECT %s AS d FROM datum GROUP BY part', build);
	EXECUTE format('INSERT INTO %I SELECT $1, $2, $3, %s FROM part', into_table, merge)
		USING shape, seed, engine || ' of 1,000 parts';
	DROP TABLE part;
END
$$;

SELECT format('CALL fill_datum(%1$s, %2$s, %3$s);
	CALL ask_exact(%1$s, %2$s);
	CALL ask(''stored'', %1$s, %2$s, ''distribution'', ''distribution(x)'', ''combine(d)'')', n, s, :data_rows),
	CASE WHEN :'has_tdigest' THEN
		format('CALL ask(''stored_tdigest'', %s, %s, ''tdigest 100'', ''tdigest(x, 100)'', ''tdigest(d)'')', n, s) END
FROM shape, generate_series(1, 5) i, LATERAL (SELECT (:seed + 5 * n + i) % 1000000 AS s) s ORDER BY n, i \gexec

CREATE TABLE answer AS
	SELECT shape, seed, engine, kind, p, value AS exact,
		   CASE kind WHEN 'percentile' THEN percentile(d, p) WHEN 'top_share' THEN top_share(d, p) ELSE gini(d) END AS got
	FROM stored JOIN exact USING (shape, seed);
CREATE TABLE size AS
	SELECT shape, engine, pg_column_size(d) AS bytes, array_length(d::float8[], 1) AS centroids FROM stored;
\if :has_tdigest
INSERT INTO answer
	SELECT shape, seed, engine, kind, p, value, tdigest_percentile(d, p)
	FROM stored_tdigest JOIN exact USING (shape, seed) WHERE kind = 'percentile' GROUP BY shape, seed, engine, kind, p, value
	UNION ALL
	SELECT shape, seed, engine, kind, p, value, 1 - tdigest_digest_sum(d, 0, 1 - p) / tdigest_digest_sum(d)
	FROM stored_tdigest JOIN exact USING (shape, seed) WHERE kind = 'top_share';
INSERT INTO size SELECT shape, engine, pg_column_size(d) FROM stored_tdigest;
\endif
CREATE VIEW worst AS
	SELECT *
	FROM (SELECT shape, engine,
				 max(error) FILTER (WHERE p = 0.5) AS p50, max(error) FILTER (WHERE p = 0.9) AS p90,
				 max(error) FILTER (WHERE p = 0.99) AS p99, max(error) FILTER (WHERE p = 0.999) AS p999,
				 max(error) FILTER (WHERE p = 0.9999) AS p9999,
				 max(error) FILTER (WHERE kind = 'percentile' AND p <= 0.999) AS every,
				 max(error) FILTER (WHERE kind = 'top_share') AS top_shares, max(error) FILTER (WHERE kind = 'gini') AS gini
		  FROM answer, LATERAL (SELECT worst_error(ARRAY[got], ARRAY[exact]) * 100 AS error) e GROUP BY shape, engine) a
		 JOIN (SELECT shape, engine, max(bytes) AS bytes, max(bytes::float8 / centroids) AS bytes_a_centroid
			   FROM size GROUP BY shape, engine) s USING (shape, engine);

\echo
\echo worst error in per cent, five seeds, :data_rows rows each (every: each per cent from p50 to p99, p99.5 and p99.9)
SELECT name, engine, shown(p50) AS p50, shown(p90) AS p90, shown(p99) AS p99, shown(p999) AS "p99.9", shown(p9999) AS "p99.99",
	   shown(every) AS every, shown(top_shares) AS "top 1, 5, 10 %", shown(gini) AS gini, bytes,
	   shown(bytes_a_centroid) AS "a centroid"
FROM worst JOIN shape ON n = shape ORDER BY n, engine;

CREATE TABLE ten AS SELECT distribution(x) AS d FROM (SELECT x FROM sample LIMIT 10) q;
INSERT INTO result (what, measured, unit, sign, target)
	SELECT 'worst error p50 p90 p99 p99.9', max(greatest(p50, p90, p99, p999)), ' %', '≤', 0.25
	FROM worst WHERE engine = 'distribution'
	UNION ALL SELECT '  p99.99', max(p9999), ' %', '≤', 1.5 FROM worst WHERE engine = 'distribution'
	UNION ALL SELECT '  every per cent from p50 to p99, p99.5, p99.9', max(every), ' %', NULL, NULL
	FROM worst WHERE engine = 'distribution'
	UNION ALL SELECT '  in bytes', max(bytes), ' B', '≤', 1200 FROM worst WHERE engine = 'distribution'
	UNION ALL SELECT '  of tdigest 100, p50 p90 p99 p99.9', max(greatest(p50, p90, p99, p999)), ' %', NULL, NULL
	FROM worst WHERE engine = 'tdigest 100'
	UNION ALL SELECT '  over the rows timed', max(worst_error(d.answer, e.answer)) * 100, ' %', NULL, NULL
	FROM run d, run e WHERE (d.test, d.n, e.test, e.n) = ('one group', 2, 'one group', 7)
	UNION ALL SELECT 'combined of 1,000 stored parts', max(greatest(p50, p90, p99, p999)), ' %', '≤', 0.25
	FROM worst WHERE engine = 'distribution of 1,000 parts'
	UNION ALL SELECT '  p99.99', max(p9999), ' %', NULL, NULL FROM worst WHERE engine = 'distribution of 1,000 parts'
	UNION ALL SELECT '  over the rows timed, parts of 2,000', worst_error(percentiles(d, '{0.5, 0.9, 0.99, 0.999}'), answer) * 100, ' %', NULL, NULL
	FROM run, (SELECT combine(d) AS d FROM part_2000) q WHERE (test, n, round) = ('one group', 7, 1)
	UNION ALL SELECT 'top share 1 % 5 % 10 %', max(top_shares), ' %', '≤', 0.1 FROM worst WHERE engine = 'distribution'
	UNION ALL SELECT 'Gini', max(gini), ' %', '≤', 0.1 FROM worst WHERE engine = 'distribution'
	UNION ALL SELECT 'bytes a centroid', max(bytes_a_centroid), ' B', '≤', 7 FROM worst
	UNION ALL SELECT 'ten values', pg_column_size(d), ' B', '≤', 120 FROM ten;

\echo :rows rows, seed :seed; errors over :data_rows rows; a target that is missed says NO
SELECT what, shown(measured) || unit AS measured, sign || ' ' || target AS target,
	   CASE WHEN target IS NULL THEN '' WHEN measured IS NULL THEN 'not measured'
			WHEN CASE sign WHEN '≤' THEN measured <= target ELSE measured >= target END THEN 'yes' ELSE 'NO' END AS met
FROM result WHERE measured IS NOT NULL OR target IS NOT NULL ORDER BY n;
