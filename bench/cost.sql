--
-- Sum of cost over :rows rows of 200 models with four price periods, every
-- fourth model with a context tier; and what else gives that answer.
--
\pset footer off
SET timezone = 'UTC';
SET jit = off;
SET work_mem = '256MB';
SET max_parallel_workers_per_gather = 0;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;

CREATE TABLE rate AS
	SELECT 'bench-model-' || m || '-large' AS model,
		   CASE e WHEN 0 THEN '-infinity' ELSE '2026-01-01'::timestamptz + e * interval '1 month' END AS valid_from,
		   CASE e WHEN 3 THEN 'infinity' ELSE '2026-01-01'::timestamptz + (e + 1) * interval '1 month' END AS valid_to,
		   t.above, coalesce(lead(t.above) OVER (PARTITION BY m, e ORDER BY t.above), 1e18::bigint) AS up_to,
		   (0.25 * f)::numeric(20,6) AS input, (0.025 * f)::numeric(20,6) AS cache_read,
		   (0.3125 * f)::numeric(20,6) AS cache_write, (1.25 * f)::numeric(20,6) AS output
	FROM generate_series(1, 200) m, generate_series(0, 3) e, (VALUES (-1::bigint), (200000)) t(above),
		 LATERAL (SELECT (1 + m % 7) * (e + 1) * CASE WHEN t.above > 0 THEN 2 ELSE 1 END AS f) f
	WHERE t.above < 0 OR m % 4 = 0;
CREATE INDEX ON rate (model);
INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, per, tier_from, valid, known, source)
	SELECT 'list', 'bench', model, meter, amount, 1000000, greatest(above, 0),
		   tstzrange(nullif(valid_from, '-infinity'), nullif(valid_to, 'infinity')), '(,)', 'bench'
	FROM rate, LATERAL (VALUES ('input', input), ('cache_read', cache_read),
							   ('cache_write_5m', cache_write), ('output', output)) v(meter, amount);

SELECT setseed(0.5) \g /dev/null
CREATE TABLE usage AS
	SELECT 'bench-model-' || 1 + floor(random() * 200)::int || '-large' AS model,
		   i AS input_tokens, (random() * 2000)::bigint AS output_tokens,
		   '2026-01-15'::timestamptz + random() * interval '105 days' AS started_at,
		   floor(i * 0.6)::bigint AS cache_read_tokens, floor(i * 0.1)::bigint AS cache_write_tokens,
		   NULL::numeric AS stored
	FROM (SELECT (random() ^ 2 * 300000)::bigint AS i FROM generate_series(1, :rows)) q;
INSERT INTO usage
	SELECT model, input_tokens, output_tokens, started_at, cache_read_tokens, cache_write_tokens,
		   llm_cost.cost(model, input_tokens, output_tokens, started_at, cache_read_tokens, cache_write_tokens)
	FROM usage;
DELETE FROM usage WHERE stored IS NULL;
VACUUM (FULL, ANALYZE) usage;
ANALYZE rate;

CREATE TEMP TABLE query (n int, name text, sql text);
INSERT INTO query VALUES
	(1, 'sum(stored numeric column)', 'SELECT sum(stored) FROM usage'),
	(2, 'sum(cost(…))', 'SELECT sum(llm_cost.cost(model, input_tokens, output_tokens, started_at,
		cache_read_tokens, cache_write_tokens)) FROM usage'),
	(3, 'join by row, numeric', 'SELECT sum(((input_tokens - cache_read_tokens - cache_write_tokens) * r.input
		+ cache_read_tokens * r.cache_read + cache_write_tokens * r.cache_write
		+ output_tokens * r.output) * 0.000001)
		FROM usage u JOIN rate r ON r.model = u.model AND u.started_at >= r.valid_from
			AND u.started_at < r.valid_to AND u.input_tokens > r.above AND u.input_tokens <= r.up_to'),
	(4, 'aggregate, then join', 'WITH q AS (SELECT model, input_tokens > 200000 AS high,
			CASE WHEN started_at < ''2026-02-01'' THEN ''-infinity''::timestamptz
				 WHEN started_at < ''2026-03-01'' THEN ''2026-02-01''
				 WHEN started_at < ''2026-04-01'' THEN ''2026-03-01'' ELSE ''2026-04-01'' END AS valid_from,
			sum(input_tokens - cache_read_tokens - cache_write_tokens) AS i, sum(cache_read_tokens) AS cr,
			sum(cache_write_tokens) AS cw, sum(output_tokens) AS o
			FROM usage GROUP BY 1, 2, 3)
		SELECT sum((i * r.input + cr * r.cache_read + cw * r.cache_write + o * r.output) * 0.000001)
		FROM q JOIN rate r USING (model, valid_from)
		WHERE CASE WHEN q.high THEN r.up_to > 200000 ELSE r.above < 0 END');

CREATE TEMP TABLE run (n int, workers int, ms float8, answer numeric);
CREATE PROCEDURE measure(rounds int, which int[], workers int) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	start timestamptz;
	answer numeric;
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, false);
	FOR round IN 0 .. rounds LOOP
		FOR q IN SELECT * FROM query WHERE n = ANY (which) ORDER BY n LOOP
			start := clock_timestamp();
			EXECUTE q.sql INTO answer;
			IF round > 0 THEN
				INSERT INTO run VALUES (q.n, workers, extract(epoch FROM clock_timestamp() - start) * 1000, answer);
			END IF;
		END LOOP;
	END LOOP;
	PERFORM set_config('max_parallel_workers_per_gather', '0', false);
END
$$;
CALL measure(7, '{1,2,3,4}', 0);
\echo
SELECT name, round(m.ms::numeric) AS median_ms, round((m.ms * 1e6 / (SELECT count(*) FROM usage))::numeric) AS ns_a_row,
	   round((m.ms / first_value(m.ms) OVER (ORDER BY n))::numeric, 2) AS ratio_to_stored,
	   m.answer = first_value(m.answer) OVER (ORDER BY n) AS same_answer
FROM query JOIN (SELECT n, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms, min(answer) AS answer
				 FROM run WHERE workers = 0 GROUP BY n) m USING (n) ORDER BY n;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET parallel_leader_participation = off;
CALL measure(7, '{1,2}', 1);
CALL measure(7, '{1,2}', 2);
SELECT name, round((one / two)::numeric, 2) AS speed_up_of_second_worker,
	   round((one / two / (first_value(one / two) OVER (ORDER BY n)))::numeric, 2) AS relative_to_stored
FROM query JOIN (SELECT n, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE workers = 1) AS one,
						percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE workers = 2) AS two
				 FROM run GROUP BY n) m USING (n) WHERE n <= 2 ORDER BY n;

-- 3,000 models, 15,000 prices
CREATE TEMP TABLE catalogue AS
	SELECT jsonb_build_object('format', 'llm_cost/1', 'provider', 'bench', 'currency', 'USD', 'source', 'bench',
		'models', jsonb_object_agg('bench-import-' || m, jsonb_build_object('prices', jsonb_build_array(
			jsonb_build_object('valid_from', '2026-01-01', 'per', 1000000, 'input', m * 0.01, 'cache_read', m * 0.001,
				'cache_write_5m', m * 0.0125, 'cache_write_1h', m * 0.02, 'output', m * 0.05))))) AS c
	FROM generate_series(1, 3000) m;
SELECT clock_timestamp() AS start \gset
SELECT * FROM llm_cost.import_prices((SELECT c FROM catalogue), 'llm_cost', 'bench') \g /dev/null
SELECT 'import of ' || count(*) || ' prices: ' || round(extract(epoch FROM clock_timestamp() - :'start'::timestamptz), 2) || ' s' AS " "
FROM llm_cost.imported_price \g (tuples_only=on)
SELECT clock_timestamp() AS start \gset
SELECT * FROM llm_cost.import_prices((SELECT c FROM catalogue), 'llm_cost', 'bench') \g /dev/null
SELECT 'again, unchanged: ' || round(extract(epoch FROM clock_timestamp() - :'start'::timestamptz), 2) || ' s' AS " " \g (tuples_only=on)
VACUUM ANALYZE llm_cost.imported_price;
