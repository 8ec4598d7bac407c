--
-- What an attempt costs, and why it has no cost.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';
\pset null '(null)'

-- Worked examples with bundled prices, checked by hand:
-- 4k × 2.50 + 6k × 1.25 + 2k × 10.00 a million
SELECT llm_cost.cost('gpt-4o', 10000, 2000, '2026-07-01', 6000);
-- 120k × 3 + 80k × 0.30 + 4k × 15; one token more, and the whole request is of the higher tier:
-- 120,001 × 6 + 80k × 0.60 + 4k × 22.50
SELECT llm_cost.cost('claude-sonnet-4-5', 200000, 4000, '2025-12-01', 80000) AS at_threshold,
	   llm_cost.cost('claude-sonnet-4-5', 200001, 4000, '2025-12-01', 80000) AS above;

BEGIN;
-- A book of our own, so that every number below can be seen here.
INSERT INTO llm_cost.price_book (price_book, currency) VALUES ('test', 'EUR');
CREATE FUNCTION pg_temp.price(model text, meter text, amount numeric, provider text DEFAULT 'vendor',
	service_tier text DEFAULT 'standard', region text DEFAULT '', tier_from bigint DEFAULT 0,
	tier_inclusive boolean DEFAULT false, time_window text DEFAULT '', attributes jsonb DEFAULT '{}',
	valid tstzrange DEFAULT '(,)', known tstzrange DEFAULT '(,)', per numeric DEFAULT 1000000,
	price_book text DEFAULT 'test') RETURNS void
LANGUAGE sql BEGIN ATOMIC
	INSERT INTO llm_cost.price_override (model, meter, amount, provider, service_tier, region,
		tier_from, tier_inclusive, time_window, attributes, valid, known, per, price_book, source)
	VALUES (model, meter, amount, provider, service_tier, region, tier_from, tier_inclusive,
		time_window, attributes, valid, known, per, price_book, 'test');
END;
CREATE FUNCTION pg_temp.rule(rule text, kind text, factor numeric, service_tier text DEFAULT '',
	region text DEFAULT '', attributes jsonb DEFAULT '{}', models text[] DEFAULT '{}',
	meters text[] DEFAULT '{}', price_book text DEFAULT 'test', of_book text DEFAULT '',
	valid tstzrange DEFAULT '(,)') RETURNS void
LANGUAGE sql BEGIN ATOMIC
	INSERT INTO llm_cost.rule_override (rule, kind, factor, service_tier, region, attributes, models,
		meters, price_book, of_book, stacking_order, valid, known, source)
	VALUES (rule, kind, factor, service_tier, region, attributes, models, meters, price_book, of_book,
		10, valid, '(,)', 'test');
END;
-- Cost and problem with defaults that suit this file.
CREATE FUNCTION pg_temp.ask(model text, input bigint, output bigint, at timestamptz DEFAULT '2026-06-15 12:00',
	cache_read bigint DEFAULT 0, cache_write bigint DEFAULT 0, cache_write_1h bigint DEFAULT 0,
	reasoning bigint DEFAULT 0, meters jsonb DEFAULT NULL, provider text DEFAULT NULL,
	service_tier text DEFAULT NULL, region text DEFAULT NULL, price_book text DEFAULT 'test',
	known_at timestamptz DEFAULT NULL, attributes jsonb DEFAULT NULL,
	OUT cost numeric, OUT problem text)
LANGUAGE sql BEGIN ATOMIC
	SELECT llm_cost.cost(model, input, output, at, cache_read, cache_write, cache_write_1h, reasoning,
						 meters, provider, service_tier, region, price_book, known_at, attributes),
		   llm_cost.cost_problem(model, input, output, at, cache_read, cache_write, cache_write_1h, reasoning,
						 meters, provider, service_tier, region, price_book, known_at, attributes);
END;

SELECT pg_temp.price('m', meter, amount)
FROM (VALUES ('input', 1), ('cache_read', 0.1), ('cache_write_5m', 1.25), ('output', 10),
			 ('output_audio', 40)) v(meter, amount) \g /dev/null

-- Parts and wholes: 1h writes at the 5m rate, reasoning at the output rate, audio in at the input rate.
SELECT meter, quantity, unit_price, per, amount, tier_from, matched_by, problem
FROM llm_cost.cost_breakdown('m', 1000, 500, '2026-06-15', 400, 300, 100, 200,
	'{"input_audio": 50, "output_audio": 7}', price_book => 'test');
SELECT * FROM pg_temp.ask('m', 1000, 500, cache_read => 400, cache_write => 300, cache_write_1h => 100,
	reasoning => 200, meters => '{"input_audio": 50, "output_audio": 7}');
-- the same by hand: 250 + 50 at 1; 400 at 0.1; 200 + 100 at 1.25; 293 + 200 at 10; 7 at 40
SELECT (250 + 50 + 40 + 300 * 1.25 + 493 * 10 + 280) / 1000000;
-- Zero tokens cost zero, and that is a cost.
SELECT * FROM pg_temp.ask('m', 0, 0);
SELECT * FROM llm_cost.cost_breakdown('m', 0, 0, '2026-06-15', price_book => 'test');

-- Usage that contradicts itself, or is not there
SELECT what, (pg_temp.ask('m', input, output, cache_read => r, cache_write => w, cache_write_1h => w1, reasoning => re, meters => meters)).*
FROM (VALUES
	('negative', -1::bigint, 1::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, NULL::jsonb),
	('negative part', 1, 1, -1, 0, 0, 0, NULL),
	('cache > input', 10, 1, 11, 0, 0, 0, NULL),
	('cache + write > input', 10, 1, 6, 5, 0, 0, NULL),
	('1h > write', 10, 1, 0, 5, 6, 0, NULL),
	('reasoning > output', 10, 1, 0, 0, 0, 2, NULL),
	('audio > rest of input', 10, 1, 6, 0, 0, 0, '{"input_audio": 5}'),
	('sum beyond bigint', 9223372036854775807, 1, 9223372036854775807, 9223372036854775807, 0, 0, NULL),
	('core meter twice', 10, 1, 0, 0, 0, 0, '{"output": 5}'),
	('meters is an array', 10, 1, 0, 0, 0, 0, '[1]'),
	('meters is a number', 10, 1, 0, 0, 0, 0, '1'),
	('quantity is text', 10, 1, 0, 0, 0, 0, '{"input_audio": "NaN"}'),
	('quantity is Infinity', 10, 1, 0, 0, 0, 0, '{"input_audio": "Infinity"}'),
	('quantity is an object', 10, 1, 0, 0, 0, 0, '{"input_audio": {}}'),
	('quantity is negative', 10, 1, 0, 0, 0, 0, '{"input_audio": -1}'),
	('quantity is null', 10, 1, 0, 0, 0, 0, '{"input_audio": null}'),
	('quantity too large', 10, 1, 0, 0, 0, 0, '{"input_audio": 1e30}'),
	('quantity too fine', 10, 1, 0, 0, 0, 0, '{"input_audio": 1e-31}'),
	('no price for the meter', 10, 1, 0, 0, 0, 0, '{"web_search": 1}'),
	('none of a meter without price', 10, 1, 0, 0, 0, 0, '{"web_search": 0}'),
	('input not reported', NULL, 1, 0, 0, 0, 0, NULL),
	('output not reported', 1, NULL, 0, 0, 0, 0, NULL),
	('nothing reported', NULL, NULL, 0, 0, 0, 0, NULL),
	('nothing reported, empty meters', NULL, NULL, 0, 0, 0, 0, '{}'),
	('parts not reported', 10, 1, NULL, NULL, NULL, NULL, NULL),
	('10^18 tokens', 1000000000000000000, 1000000000000000000, 0, 0, 0, 0, NULL)) v(what, input, output, r, w, w1, re, meters);

-- Models, times, tiers and regions that nobody has a price for
SELECT what, (pg_temp.ask(model, 1, 1, at, service_tier => service_tier, region => region)).*
FROM (VALUES
	('unknown model', 'n', '2026-06-15'::timestamptz, NULL, NULL),
	('a longer name is another model', 'm-mini', '2026-06-15', NULL, NULL),
	('no model', NULL, '2026-06-15', NULL, NULL),
	('empty model', '', '2026-06-15', NULL, NULL),
	('no time', 'm', NULL, NULL, NULL),
	('the end of time', 'm', 'infinity', NULL, NULL),
	('the beginning of time', 'm', '-infinity', NULL, NULL),
	('tier without price', 'm', '2026-06-15', 'flex', NULL),
	('unknown tier', 'm', '2026-06-15', 'no such', NULL),
	('region without price', 'm', '2026-06-15', NULL, 'eu')) v(what, model, at, service_tier, region);
SELECT length(name) AS name_length, (pg_temp.ask(name, 1, 1)).*
FROM (VALUES (repeat('m', 257)), (repeat('m', 10000000))) v(name);
-- a known model that had no price yet, or has none any more
SELECT pg_temp.price('dated', 'input', 2, valid => '[2026-01-01,2026-02-01)');
SELECT pg_temp.price('dated', 'input', 3, valid => '[2026-02-01,2026-03-01)');
SELECT at, (pg_temp.ask('dated', 1000000, NULL, at)).*
FROM unnest(ARRAY['2025-12-31 23:59:59.999999', '2026-01-01', '2026-01-31 23:59:59.999999',
				  '2026-02-01', '2026-03-01']::timestamptz[]) at;

-- An embedding has no output, and an explicit 0 is a price
SELECT pg_temp.price('embed', 'input', 0.02), pg_temp.price('free', 'input', 0), pg_temp.price('free', 'output', 0) \g /dev/null
SELECT model, (pg_temp.ask(model, input, NULL)).*
FROM (VALUES ('embed', 100), ('free', 100), ('free', NULL)) v(model, input);
-- A fee for each request, once; given, it is what is given.
SELECT pg_temp.price('rerank', 'request', 2, per => 1000) \g /dev/null
SELECT (pg_temp.ask('rerank', NULL, NULL)).*, (pg_temp.ask('rerank', NULL, NULL, meters => '{"request": 3}')).cost AS three;
-- A price for seconds, and for something of our own: 12.5 s at 0.006 / 60 s, rounded at 24 digits
SELECT pg_temp.price('whisper', 'input_second', 0.006, per => 60), pg_temp.price('whisper', 'gpu_hour', 3, per => 7) \g /dev/null
SELECT (pg_temp.ask('whisper', NULL, NULL, meters => '{"input_second": 12.5}')).*,
	   (pg_temp.ask('whisper', NULL, NULL, meters => '{"gpu_hour": 1}')).cost AS three_sevenths,
	   (pg_temp.ask('whisper', NULL, NULL)).problem AS nothing_reported,
	   (pg_temp.ask('whisper', NULL, NULL, meters => '{"page": 0}')).problem AS none_of_another_meter,
	   (pg_temp.ask('whisper', NULL, NULL, meters => '{"input_second": 0}')).cost AS none;

-- Context tiers: by the whole input, strictly above unless the price says from
SELECT pg_temp.price('tiers', 'input', amount, tier_from => tier_from, tier_inclusive => inclusive)
FROM (VALUES (1, 0, false), (2, 1000, false), (4, 2000, true)) v(amount, tier_from, inclusive) \g /dev/null
SELECT pg_temp.price('tiers', 'cache_read', 0.1), pg_temp.price('tiers', 'output', 10), pg_temp.price('tiers', 'output', 20, tier_from => 1000) \g /dev/null
SELECT input, (pg_temp.ask('tiers', input, 10, cache_read => 500)).cost * 1000000 AS millionths,
	   (SELECT string_agg(meter || ' ' || unit_price || ' from ' || tier_from, ', ')
		FROM llm_cost.cost_breakdown('tiers', input, 10, '2026-06-15', 500, price_book => 'test')) AS unit_prices
FROM unnest(ARRAY[999, 1000, 1001, 1999, 2000, 2001]) input;

-- Service tier and region: own prices; else only what a rule says
SELECT pg_temp.price('tiered', 'input', 1), pg_temp.price('tiered', 'output', 10),
	   pg_temp.price('tiered', 'cache_read', 0.1), pg_temp.price('tiered', 'web_search', 10, per => 1000),
	   pg_temp.price('tiered', 'input', 2, tier_from => 1000),
	   pg_temp.price('tiered', 'input', 0.4, service_tier => 'batch'),
	   pg_temp.price('tiered', 'input', 3, service_tier => 'priority'),
	   pg_temp.price('tiered', 'output', 30, service_tier => 'priority'),
	   pg_temp.price('tiered', 'output', 12, region => 'eu') \g /dev/null
SELECT (pg_temp.ask('tiered', 100, 10, service_tier => 'batch')).problem AS without_rule,
	   (pg_temp.ask('tiered', 100, 10, service_tier => 'priority', cache_read => 50)).cost * 1000000 AS own_prices,
	   (pg_temp.ask('tiered', 100, 10, service_tier => 'priority', meters => '{"web_search": 1}')).problem AS fee_of_tier;
SELECT pg_temp.rule('batch', 'fallback', 0.5, service_tier => 'batch'),
	   pg_temp.rule('fees', 'fallback', 1, service_tier => '*', meters => '{web_search,request}'),
	   pg_temp.rule('residency', 'fallback', 1.1, region => 'eu') \g /dev/null
-- own price first; the rule holds for every meter and context tier; fees are as they are
SELECT meter, quantity, unit_price, tier_from, matched_by
FROM llm_cost.cost_breakdown('tiered', 100, 10, '2026-06-15', 50, service_tier => 'Batch', meters => '{"web_search": 1}', price_book => 'test');
SELECT meter, unit_price, tier_from, matched_by
FROM llm_cost.cost_breakdown('tiered', 1001, 10, '2026-06-15', 50, service_tier => 'batch', price_book => 'test');
SELECT meter, unit_price, tier_from, matched_by
FROM llm_cost.cost_breakdown('tiered', 100, 10, '2026-06-15', service_tier => 'batch', region => 'EU', price_book => 'test');
SELECT (pg_temp.ask('tiered', 100, 10, region => 'us')).problem;

-- Usage that is not reported is not free where only the tier or region lacks a price
SELECT what, (pg_temp.ask('tiered', input, output, meters => meters, service_tier => service_tier, region => region, attributes => attributes)).*
FROM (VALUES
	('tier', NULL::bigint, NULL::bigint, NULL::jsonb, 'flex', NULL, NULL::jsonb),
	('region', NULL, NULL, NULL, NULL, 'mars', NULL),
	('attribute', NULL, NULL, NULL, NULL, NULL, '{"speed": "fast"}'),
	('a meter, none of it', NULL, NULL, '{"web_search": 0}', 'flex', NULL, NULL),
	('output only', NULL, 10, NULL, 'flex', NULL, NULL),
	('input only', 10, NULL, NULL, 'flex', NULL, NULL)) v(what, input, output, meters, service_tier, region, attributes);
-- … nor is a model that has prices for other regions only
SELECT pg_temp.price('elsewhere', 'input', 1, region => 'eu') \g /dev/null
SELECT (pg_temp.ask('elsewhere', NULL, NULL)).problem AS unreported, (pg_temp.ask('elsewhere', 1, NULL)).problem AS reported;

-- Thresholds that are inclusive for one meter and not for another: each is as it says
SELECT pg_temp.price('edges', 'input', 1), pg_temp.price('edges', 'output', 10),
	   pg_temp.price('edges', 'input', 2, tier_from => 100, tier_inclusive => true),
	   pg_temp.price('edges', 'output', 20, tier_from => 100) \g /dev/null
SELECT input, (SELECT string_agg(meter || ' ' || unit_price, ', ')
			   FROM llm_cost.cost_breakdown('edges', input, 1, '2026-06-15', price_book => 'test')) AS unit_prices
FROM unnest(ARRAY[99, 100, 101]) input;

-- A multiplier of the meter that stands in holds for the part as well
SELECT pg_temp.price('parts', 'input', 1), pg_temp.rule('half of input', 'multiplier', 0.5, models => '{parts}', meters => '{input}') \g /dev/null
SELECT meter, unit_price, matched_by
FROM llm_cost.cost_breakdown('parts', 10, NULL, '2026-06-15', 2, meters => '{"input_audio": 3}', price_book => 'test');

-- Attributes: a price for it, a multiplier for it, or none
SELECT pg_temp.price('fast', 'input', 1), pg_temp.price('fast', 'output', 10),
	   pg_temp.price('fast', 'output', 99, attributes => '{"speed": "fast", "serving_scope": "global"}') \g /dev/null
SELECT pg_temp.rule('fast', 'multiplier', 6, attributes => '{"speed": "fast"}', models => '{fas*}') \g /dev/null
SELECT attributes, (pg_temp.ask('fast', 100, 10, attributes => attributes)).*,
	   (pg_temp.ask('m', 100, 10, attributes => attributes)).problem AS of_another_model
FROM (VALUES ('{}'::jsonb), ('{"speed": "standard"}'), ('{"speed": "fast"}'),
			 ('{"speed": "fast", "serving_scope": "global"}'), ('{"speed": "slow"}'), ('{"tenant": "acme"}')) v(attributes);

-- tokens have to name it one by one; a fee may go without where tokens do
SELECT pg_temp.price('fees', 'input', 1), pg_temp.price('fees', 'web_search', 5, per => 1000),
	   pg_temp.price('fees', 'web_search', 7, per => 1000, attributes => '{"speed": "fast"}'),
	   pg_temp.price('fees-too', 'input', 1), pg_temp.price('fees-too', 'web_search', 5, per => 1000),
	   pg_temp.rule('fast tokens', 'multiplier', 6, attributes => '{"speed": "fast"}', models => '{fees-too}', meters => '{input}') \g /dev/null
SELECT (pg_temp.ask('fees', 10, NULL, meters => '{"web_search": 1}', attributes => '{"speed": "fast"}')).*,
	   (pg_temp.ask('fees-too', 10, NULL, meters => '{"web_search": 1}', attributes => '{"speed": "fast"}')).cost AS tokens_and_fee;

-- Daily windows, over midnight
SELECT pg_temp.price('window', 'input', 2), pg_temp.price('window', 'input', 1, time_window => '16:30-00:30') \g /dev/null
SELECT at::time, (pg_temp.ask('window', 1000000, NULL, at)).cost
FROM unnest(ARRAY['2026-06-15 00:00', '2026-06-15 00:29:59.999999', '2026-06-15 00:30', '2026-06-15 16:29:59.999999',
				  '2026-06-15 16:30', '2026-06-15 23:59:59.999999']::timestamptz[]) at;
SELECT count(*) FILTER (WHERE cost = CASE WHEN at::time >= '16:30' OR at::time < '00:30' THEN 1 ELSE 2 END) AS right_price, count(*)
FROM (SELECT at, (pg_temp.ask('window', 1000000, NULL, at)).cost
	  FROM generate_series('1999-12-25'::timestamptz, '2000-01-08', '7 min') at) q;

-- the end of time has no time of day, and says nothing of today
SELECT at, (pg_temp.ask('window', 1000000, NULL, at)).cost
FROM (VALUES (1, 'infinity'::timestamptz), (2, '2026-06-15 18:00'), (3, '-infinity'), (4, '2026-06-16 18:00'), (5, '2026-06-16 12:00')) v(n, at) ORDER BY n;

-- What we believed: a correction changes the answer, and not the old one
SELECT pg_temp.price('corrected', 'input', 5, known => '[2026-01-01,2026-02-01)'),
	   pg_temp.price('corrected', 'input', 6, known => '[2026-02-01,)') \g /dev/null
SELECT known_at, (pg_temp.ask('corrected', 1000000, NULL, known_at => known_at)).*
FROM unnest(ARRAY[NULL, '2025-12-31', '2026-01-15', '2026-02-15']::timestamptz[]) known_at;

-- Books: one based on another, with a discount on what comes from there
INSERT INTO llm_cost.price_book (price_book, currency, base_book) VALUES ('contract', 'EUR', 'test');
SELECT pg_temp.rule('discount', 'multiplier', 0.88, price_book => 'contract', of_book => 'test'),
	   pg_temp.price('m', 'output', 8, price_book => 'contract') \g /dev/null
SELECT meter, unit_price, matched_by
FROM llm_cost.cost_breakdown('m', 100, 10, '2026-06-15', price_book => 'contract');
-- a rule of the same name in the nearer book replaces the one of the base
SELECT pg_temp.rule('batch', 'fallback', 0.4, service_tier => 'batch', price_book => 'contract') \g /dev/null
SELECT meter, unit_price, matched_by
FROM llm_cost.cost_breakdown('m', 100, 10, '2026-06-15', service_tier => 'batch', price_book => 'contract');

-- Sellers: without a provider they must agree, about this attempt
SELECT pg_temp.price('sold', 'input', 1, 'one'), pg_temp.price('sold', 'output', 2, 'one'),
	   pg_temp.price('sold', 'input', 1, 'two'), pg_temp.price('sold', 'output', 3, 'two') \g /dev/null
SELECT provider, (pg_temp.ask('sold', 100, output, provider => provider)).*
FROM (VALUES (NULL, 10), (NULL, 0), ('one', 10), ('TWO', 10), ('three', 10)) v(provider, output);
SELECT * FROM llm_cost.cost_breakdown('sold', 100, 10, '2026-06-15', price_book => 'test');

-- A bad setting is an error, whatever the data
\set VERBOSITY default
SAVEPOINT s;
SELECT llm_cost.cost(NULL, NULL, NULL, NULL, price_book => 'no such');
ROLLBACK TO s;
SELECT llm_cost.cost('m', 1, 1, now(), attributes => '{"sped": "fast"}');
ROLLBACK TO s;
SELECT llm_cost.cost('m', 1, 1, now(), attributes => '{"speed": {"a": 1}}');
ROLLBACK TO s;
SELECT llm_cost.cost('m', 1, 1, now(), attributes => '"fast"');
ROLLBACK TO s;
-- NULL for a setting means its default
SELECT llm_cost.cost('gpt-4o', 1000000, 0, '2026-07-01', service_tier => NULL, price_book => NULL, attributes => NULL);
ROLLBACK;

-- The vocabulary
SELECT count(*) > 30 AS many, count(*) FILTER (WHERE parent NOT IN (SELECT meter FROM llm_cost.meters())) AS orphans
FROM llm_cost.meters();
