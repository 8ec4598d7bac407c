--
-- Exactness: random usages priced with random price books, against an
-- independent computation in plain numeric SQL. Equal means equal: no
-- tolerance anywhere.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';

BEGIN;
SELECT setseed(0.20261122) IS NOT NULL AS seeded;

-- A book of its own, and a contracted one: 12 % off what comes from it.
INSERT INTO llm_cost.price_book (price_book, currency, base_book) VALUES
	('exact', 'USD', NULL),
	('exact_contracted', 'USD', 'exact');

-- 120 models, two periods, two context tiers; scales up to 15 decimals.
CREATE TEMP TABLE p AS
	SELECT 'random-' || m AS model, meter, e AS period, tier_from,
		   round((random() * 10 ^ (random() * 3))::numeric, (random() * 15)::int) AS amount,
		   CASE WHEN meter IN ('input_second', 'gpu_hour') THEN
				(ARRAY[1, 60, 3600, 7, 12, 2.5])[1 + (random() * 5)::int]
				ELSE (ARRAY[1000000, 1000, 1, 1000000, 10])[1 + (random() * 4)::int] END AS per
	FROM generate_series(1, 120) m, generate_series(0, 1) e,
		 unnest(ARRAY['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output',
					  'reasoning', 'input_audio', 'output_image', 'request', 'web_search',
					  'input_second', 'gpu_hour']) meter,
		 unnest(ARRAY[0, 128000, 200000]::bigint[]) tier_from
	WHERE (tier_from = 0 AND (meter IN ('input', 'output', 'request', 'web_search', 'input_second', 'gpu_hour')
							  OR random() < 0.6))
	   OR (tier_from > 0 AND m % 3 = 0 AND meter NOT IN ('input_second', 'gpu_hour')
		   AND (meter IN ('input') OR random() < 0.5));
SELECT count(*) > 1500 AS enough, max(scale(amount)) AS largest_scale FROM p;

INSERT INTO llm_cost.price_override
	(price_book, provider, model, meter, tier_from, amount, per, valid, known, source)
SELECT 'exact', 'random', model, meter, tier_from, amount, per,
	   CASE period WHEN 0 THEN '(,2026-03-01)' ELSE '[2026-03-01,)' END::tstzrange,
	   '(,)', 'test'
FROM p;
-- Batch: half of every token price, fees as they are. And a surcharge by region.
INSERT INTO llm_cost.rule_override
	(price_book, rule, kind, stacking_order, factor, service_tier, region, meters, of_book, valid, known, source)
VALUES
	('exact', 'batch', 'fallback', 10, 0.5, 'batch', '', '{}', '', '(,)', '(,)', 'test'),
	('exact', 'fees', 'fallback', 10, 1, '*', '', '{request,web_search,input_second,gpu_hour}', '', '(,)', '(,)', 'test'),
	('exact', 'residency', 'fallback', 20, 1.1, '', 'eu', '{}', '', '(,)', '(,)', 'test'),
	('exact_contracted', 'discount', 'multiplier', 30, 0.88, '', '', '{}', 'exact', '(,)', '(,)', 'test');

CREATE TEMP TABLE u AS
	SELECT n, 'random-' || (1 + (random() * 119)::int) AS model,
		   '2026-02-01'::timestamptz + random() * interval '58 days' AS at,
		   i AS input, o AS output,
		   floor(i * r1)::bigint AS cache_read, floor(i * (1 - r1) * r2)::bigint AS cache_write,
		   floor(floor(i * (1 - r1) * r2) * random())::bigint AS cache_write_1h,
		   floor(o * random() * 0.8)::bigint AS reasoning,
		   CASE WHEN n % 4 = 0 THEN floor(i * (1 - r1) * (1 - r2) * 0.5)::bigint ELSE 0 END AS audio,
		   CASE WHEN n % 8 = 0 THEN floor(o * 0.1)::bigint ELSE 0 END AS image,
		   CASE WHEN n % 4 = 0 THEN (random() * 5)::int ELSE 0 END AS searches,
		   CASE WHEN n % 4 = 0 THEN round((random() * 100)::numeric, (random() * 6)::int) ELSE 0 END AS seconds,
		   CASE WHEN n % 8 = 0 THEN round((random() * 3)::numeric, 9) ELSE 0 END AS gpu,
		   (ARRAY['standard', 'batch'])[1 + (random() < 0.3)::int] AS service_tier,
		   CASE WHEN random() < 0.3 THEN 'eu' END AS region,
		   (ARRAY['exact', 'exact_contracted'])[1 + (random() < 0.5)::int] AS price_book
	FROM (SELECT n, (random() ^ 3 * 10 ^ (2 + random() * 4))::bigint AS i,
				 (random() * 8000)::bigint AS o, random() * 0.7 AS r1, random() AS r2
		  FROM generate_series(1, 100000) n) q;
-- The edges of the context tiers, and very large numbers.
UPDATE u SET input = (ARRAY[128000, 128001, 200000, 200001])[1 + n % 4],
	cache_read = 100, cache_write = 0, cache_write_1h = 0, audio = 0 WHERE n % 50 = 0;
UPDATE u SET input = 9000000000000000000, output = 9000000000000000000,
	audio = least(audio, 1) WHERE n % 5000 = 1;

-- Independent: the tier, the price of each meter or of what it is part of, the
-- quantities without their parts, one multiplication and one division a line.
CREATE TEMP TABLE level AS SELECT DISTINCT model, period, tier_from FROM p;
CREATE TEMP TABLE rate AS
WITH meter(meter, candidate, step) AS (
	VALUES ('input', 'input', 0), ('cache_read', 'cache_read', 0), ('cache_read', 'input', 1),
		   ('cache_write_5m', 'cache_write_5m', 0), ('cache_write_5m', 'input', 1),
		   ('cache_write_1h', 'cache_write_1h', 0), ('cache_write_1h', 'cache_write_5m', 1),
		   ('cache_write_1h', 'input', 2), ('output', 'output', 0), ('reasoning', 'reasoning', 0),
		   ('reasoning', 'output', 1), ('input_audio', 'input_audio', 0), ('input_audio', 'input', 1),
		   ('output_image', 'output_image', 0), ('output_image', 'output', 1), ('request', 'request', 0),
		   ('web_search', 'web_search', 0), ('input_second', 'input_second', 0), ('gpu_hour', 'gpu_hour', 0))
	SELECT DISTINCT ON (l.model, l.period, l.tier_from, m.meter)
		   l.model, l.period, l.tier_from AS level, m.meter, p.amount, p.per
	FROM level l CROSS JOIN meter m
		 JOIN p ON p.model = l.model AND p.period = l.period AND p.meter = m.candidate
				   AND p.tier_from <= l.tier_from
	ORDER BY l.model, l.period, l.tier_from, m.meter, m.step, p.tier_from DESC;
CREATE UNIQUE INDEX ON level (model, period, tier_from);
ANALYZE p, u, level, rate;
CREATE TEMP TABLE expected AS
WITH quantity AS (
	SELECT u.n, u.model, (u.at >= '2026-03-01')::int AS period, u.service_tier, u.region, u.price_book,
		   l.level, v.meter, v.quantity
	FROM u,
		 LATERAL (SELECT max(l.tier_from) AS level FROM level l
				  WHERE l.model = u.model AND l.period = (u.at >= '2026-03-01')::int
						AND (l.tier_from = 0 OR u.input > l.tier_from)) l,
		 LATERAL (VALUES
		('input', input::numeric - cache_read - cache_write - audio),
		('cache_read', cache_read), ('cache_write_5m', cache_write - cache_write_1h),
		('cache_write_1h', cache_write_1h), ('output', output::numeric - reasoning - image),
		('reasoning', reasoning), ('input_audio', audio), ('output_image', image),
		('request', 1), ('web_search', searches), ('input_second', seconds), ('gpu_hour', gpu))
		v(meter, quantity)),
line AS (
	SELECT q.n, q.quantity * r.amount
		   * CASE WHEN q.service_tier = 'batch'
					   AND q.meter NOT IN ('request', 'web_search', 'input_second', 'gpu_hour')
				  THEN 0.5 ELSE 1 END
		   * CASE q.region WHEN 'eu' THEN 1.1 ELSE 1 END
		   * CASE q.price_book WHEN 'exact_contracted' THEN 0.88 ELSE 1 END AS product, r.per
	FROM quantity q JOIN rate r USING (model, period, level, meter))
SELECT n, sum(CASE per WHEN 1 THEN product WHEN 10 THEN product * 0.1
					   WHEN 1000 THEN product * 0.001 WHEN 1000000 THEN product * 0.000001
					   ELSE div(2 * product * 1e24 + per, 2 * per) * 1e-24 END) AS cost
FROM line GROUP BY n;

CREATE TEMP TABLE actual AS
	SELECT n, llm_cost.cost(model, input, output, at, cache_read, cache_write, cache_write_1h,
							reasoning, CASE WHEN n % 4 = 0 THEN jsonb_build_object(
								'input_audio', audio, 'output_image', image, 'web_search', searches,
								'input_second', seconds, 'gpu_hour', gpu) END,
							provider => 'random', service_tier => service_tier, region => region,
							price_book => price_book) AS cost
	FROM u;
SELECT count(*) AS rows, count(a.cost) AS priced,
	   count(*) FILTER (WHERE a.cost = e.cost) AS equal,
	   sum(a.cost) = sum(e.cost) AS same_total,
	   max(scale(a.cost)) > 20 AS scales_are_large
FROM actual a JOIN expected e USING (n);
-- How many of these took which way, so that both are tested.
SELECT count(*) FILTER (WHERE n % 4 <> 0) AS core_columns_only,
	   count(*) FILTER (WHERE n % 4 = 0) AS with_meters
FROM u;

-- The lines of the breakdown add up to the cost, for a sample.
SELECT count(*) AS rows, count(*) FILTER (WHERE a.cost = b.total) AS equal
FROM (SELECT * FROM u WHERE n % 97 = 0) u JOIN actual a USING (n),
	 LATERAL (SELECT sum(amount) AS total, count(problem) AS problems
			  FROM llm_cost.cost_breakdown(model, input, output, at, cache_read, cache_write,
				   cache_write_1h, reasoning, CASE WHEN n % 4 = 0 THEN jsonb_build_object(
				   'input_audio', audio, 'output_image', image, 'web_search', searches,
				   'input_second', seconds, 'gpu_hour', gpu) END,
				   provider => 'random', service_tier => service_tier, region => region,
				   price_book => price_book)) b
WHERE b.problems = 0;
ROLLBACK;
