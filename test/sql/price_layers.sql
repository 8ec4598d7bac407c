--
-- Which layer speaks: bundled, imported or override, over time.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
SET timezone = 'UTC';
\pset null '(null)'
BEGIN;
-- bundled rows are immutable, but for a test that is rolled back
ALTER TABLE llm_cost.bundled_price DISABLE TRIGGER refuse_bundled_change;
INSERT INTO llm_cost.bundled_price (price_book, provider, model, meter, amount, tier_from, valid, known, source) VALUES
	('list', 'vendor', 'layered', 'input', 1, 0, '(,)', '(,)', 'test'),
	('list', 'vendor', 'layered', 'input', 2, 1000, '(,)', '(,)', 'test'),
	('list', 'vendor', 'layered', 'cache_read', 0.5, 0, '(,)', '(,)', 'test'),
	('list', 'vendor', 'layered', 'output', 10, 0, '(,)', '(,)', 'test');
-- an import knows the model from March, has no context tier and no cache price,
-- changes in May and withdraws the model in July
INSERT INTO llm_cost.imported_price (price_book, provider, model, meter, amount, valid, known, source) VALUES
	('list', 'vendor', 'layered', 'input', 3, '[2026-03-01,2026-05-01)', '[2026-03-01,)', 'test'),
	('list', 'vendor', 'layered', 'input', 4, '[2026-05-01,2026-07-01)', '[2026-03-01,)', 'test'),
	('list', 'vendor', 'layered', 'output', 30, '[2026-03-01,2026-07-01)', '[2026-03-01,)', 'test');
-- an override of one slot for April, and one for ever of another meter
INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, per, valid, known, source) VALUES
	('list', 'vendor', 'layered', 'output', 99, 1, '[2026-04-01,2026-05-01)', '(,)', 'test'),
	('list', 'vendor', 'layered', 'web_search', 7, 1, '[2026-02-01,)', '(,)', 'test');

SELECT at::date, known_at::date, input,
	   llm_cost.cost('layered', input, 1, at, 100, meters => meters, known_at => known_at) AS cost,
	   llm_cost.cost_problem('layered', input, 1, at, 100, meters => meters, known_at => known_at) AS problem,
	   (SELECT string_agg(meter || ' ' || unit_price || coalesce(nullif(regexp_replace(matched_by, '^exact;?', ''), ''), ''), ', ')
		FROM llm_cost.cost_breakdown('layered', input, 1, at, 100, meters => meters, known_at => known_at)) AS unit_prices
FROM (VALUES
	('2026-02-15'::timestamptz, NULL::timestamptz, 1000, NULL::jsonb),
	('2026-02-15', NULL, 1001, NULL),
	('2026-03-15', NULL, 1001, NULL),
	('2026-04-15', NULL, 1001, NULL),
	('2026-05-15', NULL, 1001, '{"web_search": 1}'),
	('2026-05-15', '2026-01-01', 1001, NULL),	-- before the import was known
	('2026-07-15', NULL, 1001, NULL),
	('2026-07-15', '2026-01-01', 1001, NULL)) v(at, known_at, input, meters);

-- a book based on list: its own slots, then those of list, whichever layer they are in
SELECT llm_cost.add_price_book('nearer', base_book => 'list');
INSERT INTO llm_cost.imported_price (price_book, provider, model, meter, amount, valid, known, source)
	VALUES ('nearer', 'vendor', 'layered', 'output', 20, '(,)', '(,)', 'test');
SELECT at::date, meter, unit_price, matched_by
FROM (VALUES ('2026-02-15'::timestamptz), ('2026-04-15')) v(at),
	 LATERAL llm_cost.cost_breakdown('layered', 10, 1, at, price_book => 'nearer');
ROLLBACK;
