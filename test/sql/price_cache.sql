--
-- What a session keeps of prices is right whatever happens to the tables.
-- (Concurrency: test/specs; standby and subscriber: test/t.)
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
SET timezone = 'UTC';
\pset null '(null)'
\set SHOW_CONTEXT never

CREATE PROCEDURE set_test_price(amount numeric) LANGUAGE sql BEGIN ATOMIC
	DELETE FROM llm_cost.price_override WHERE provider = 'test';
	INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, valid, known, source)
	VALUES ('list', 'test', 'cached', 'input', amount, '(,)', '(,)', 'test');
END;
CALL set_test_price(1);
PREPARE ask AS SELECT llm_cost.cost('cached', 1, 0, '2026-06-15');

-- One call site that lives across statements: a simple expression of plpgsql
DO $$
DECLARE
	seen text := '';
BEGIN
	FOR i IN 1 .. 4 LOOP
		seen := seen || ' ' || llm_cost.cost('cached', 1, 0, '2026-06-15');
		CALL set_test_price(i + 1);
		seen := seen || ' ' || llm_cost.cost('cached', 1, 0, '2026-06-15');
		IF i = 3 THEN
			BEGIN
				CALL set_test_price(99);
				seen := seen || ' [' || llm_cost.cost('cached', 1, 0, '2026-06-15') || ']';
				RAISE EXCEPTION USING ERRCODE = 'P0099';
			EXCEPTION WHEN SQLSTATE 'P0099' THEN
				seen := seen || ' ' || llm_cost.cost('cached', 1, 0, '2026-06-15');
			END;
		END IF;
	END LOOP;
	RAISE WARNING 'seen:%', seen;
END
$$;

-- … and with settings that change from row to row under it: batch is half,
-- an unknown tier has no price, an unknown book is an error
CREATE TABLE priced (n int PRIMARY KEY, tier text, price_book text, known_at timestamptz, attributes jsonb, cost numeric);
CREATE FUNCTION price_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.cost := llm_cost.cost('gpt-4o', 1000000, 0, '2026-06-15', provider => 'openai', service_tier => NEW.tier,
							  price_book => NEW.price_book, known_at => NEW.known_at, attributes => NEW.attributes);
	RETURN NEW;
END
$$;
CREATE TRIGGER price_row BEFORE INSERT ON priced FOR EACH ROW EXECUTE FUNCTION price_row();
INSERT INTO llm_cost.price_book (price_book, currency, base_book) VALUES ('cached_half', 'USD', 'list');
INSERT INTO llm_cost.rule_override (price_book, rule, kind, stacking_order, factor, valid, known, source)
VALUES ('cached_half', 'half', 'multiplier', 1, 0.5, '(,)', '[2026-06-01,)', 'test');
INSERT INTO priced (n, tier, price_book, known_at, attributes) VALUES
	(1, 'batch', 'list', NULL, NULL), (2, 'standard', 'list', NULL, NULL), (3, 'nonsense', 'list', NULL, NULL),
	(4, 'standard', 'cached_half', NULL, NULL), (5, 'standard', 'cached_half', '2026-05-01', NULL),
	(6, 'standard', 'cached_half', '2026-07-01', NULL), (7, 'standard', 'list', NULL, '{"speed": "fast"}'),
	(8, 'standard', 'list', NULL, '{}'), (9, NULL, NULL, NULL, NULL);
SELECT n, tier, price_book, known_at, attributes, cost FROM priced ORDER BY n;
INSERT INTO priced (n, tier, price_book) VALUES (10, 'standard', 'list'), (11, 'standard', 'no such');
DELETE FROM llm_cost.rule_override WHERE price_book = 'cached_half';
DELETE FROM llm_cost.price_book WHERE price_book = 'cached_half';
DROP TABLE priced;
DROP FUNCTION price_row();

-- A snapshot between two changes of one transaction sees one of them; what it
-- leaves behind must not be taken for both
BEGIN;
CALL set_test_price(21);
DECLARE between CURSOR FOR SELECT llm_cost.cost('cached', 1, 0, '2026-06-15');
CALL set_test_price(22);
FETCH between;
EXECUTE ask;
COMMIT;
EXECUTE ask;
CREATE FUNCTION change_price(amount numeric) RETURNS numeric LANGUAGE sql VOLATILE BEGIN ATOMIC
	UPDATE llm_cost.price_override SET amount = change_price.amount WHERE provider = 'test' RETURNING amount;
END;
BEGIN;
SELECT change_price(23);
SELECT change_price(24), llm_cost.cost('cached', 1, 0, '2026-06-15') AS own_snapshot;
EXECUTE ask;
COMMIT;
EXECUTE ask;
-- a statement that changes many rows, and looks while it does
BEGIN;
INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, valid, known, source)
SELECT 'list', 'test', 'cached-' || n, 'input', change_price(30 + n) + llm_cost.cost('cached', 1, 0, '2026-06-15'),
	   '(,)', '(,)', 'test'
FROM generate_series(1, 3) n;
SELECT model, llm_cost.cost(model, 1, 0, '2026-06-15') = amount AS as_in_the_table
FROM llm_cost.price_override WHERE provider = 'test' ORDER BY model;
ROLLBACK;
DROP FUNCTION change_price(numeric);
CALL set_test_price(5);

-- Parallel workers see the leader's uncommitted change
BEGIN;
CREATE TABLE many AS SELECT 1::bigint AS tokens FROM generate_series(1, 10000);
ANALYZE many;
CALL set_test_price(7);
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off)
	SELECT count(*), sum(llm_cost.cost('cached', tokens, 0, '2026-06-15')) FROM many;
SET LOCAL parallel_leader_participation = off;
SELECT count(*), sum(llm_cost.cost('cached', tokens, 0, '2026-06-15')) FROM many;
SAVEPOINT s;
CALL set_test_price(8);
SELECT count(*), sum(llm_cost.cost('cached', tokens, 0, '2026-06-15')) FROM many;
ROLLBACK TO s;
SELECT count(*), sum(llm_cost.cost('cached', tokens, 0, '2026-06-15')) FROM many;
ROLLBACK;

-- COPY, and a rule, an alias, a book
EXECUTE ask;
BEGIN;
DELETE FROM llm_cost.price_override WHERE provider = 'test';
COPY llm_cost.price_override (price_book, provider, model, meter, amount, valid, known, source) FROM stdin;
list	test	cached	input	11	(,)	(,)	test
\.
EXECUTE ask;
INSERT INTO llm_cost.rule_override (price_book, rule, kind, stacking_order, factor, provider, valid, known, source)
VALUES ('list', 'test', 'multiplier', 1, 10, 'test', '(,)', '(,)', 'test');
EXECUTE ask;
SELECT llm_cost.cost('other-name', 1, 0, '2026-06-15');
INSERT INTO llm_cost.alias_override (kind, pattern, to_provider, to_model, known, source)
VALUES ('exact', 'other-name', 'test', 'cached', '(,)', 'test');
SELECT llm_cost.cost('other-name', 1, 0, '2026-06-15');
ROLLBACK;
SELECT llm_cost.cost('other-name', 1, 0, '2026-06-15');

-- An error while prices are loaded leaves nothing half loaded
BEGIN;
ALTER TABLE llm_cost.price_override DROP CONSTRAINT bundled_price_time_window_check;
UPDATE llm_cost.price_override SET time_window = 'noon', amount = 12 WHERE provider = 'test';
SAVEPOINT s;
EXECUTE ask;
ROLLBACK TO s;
EXECUTE ask;
ROLLBACK TO s;
UPDATE llm_cost.price_override SET time_window = '' WHERE provider = 'test';
EXECUTE ask;
ROLLBACK;
EXECUTE ask;

-- Triggers off, and on again: the one way to change prices behind a session's
-- back; the next change that is noticed makes it right again
BEGIN;
ALTER TABLE llm_cost.price_override DISABLE TRIGGER note_price_change;
UPDATE llm_cost.price_override SET amount = 13 WHERE provider = 'test';
EXECUTE ask;
ALTER TABLE llm_cost.price_override ENABLE ALWAYS TRIGGER note_price_change;
UPDATE llm_cost.price_override SET note = 'noticed' WHERE provider = 'test';
EXECUTE ask;
ROLLBACK;

-- More names than fit: forgotten, and right all the same
SELECT count(*) AS names, count(cost) AS priced, count(*) FILTER (WHERE cost = 5 * n) AS right_price
FROM (SELECT n, llm_cost.cost(CASE WHEN n % 100 = 0 THEN 'cached' ELSE 'no-such-model-' || n END, n, 0, '2026-06-15') AS cost
	  FROM generate_series(1, 30000) n) q;

-- … also where the settings are what grows; by the size of the context
SELECT count(llm_cost.cost(NULL, 1, 1, now(), attributes => jsonb_build_object('tenant', i::text))) AS priced
FROM generate_series(1, 100000) i;
SELECT count(*) AS lines, count(problem) AS problems
FROM generate_series(1, 20000) i, LATERAL llm_cost.cost_breakdown('gpt-4o', 1, 1, '2026-01-01', provider => 'openai', service_tier => 't' || i);
SELECT sum(total_bytes) < 48 * 1024 * 1024 AS bounded FROM pg_backend_memory_contexts WHERE name = 'llm_cost price book';
EXECUTE ask;

-- The extension itself goes and comes, in one session
EXECUTE ask;
DROP PROCEDURE set_test_price;
DROP EXTENSION llm_cost;
EXECUTE ask;
SELECT llm_cost.cost('cached', 1, 0, '2026-06-15');
BEGIN;
CREATE EXTENSION llm_cost;
SELECT llm_cost.cost('cached', 1, 0, '2026-06-15'), llm_cost.cost('gpt-4o', 1000000, 0, '2026-06-15') AS bundled;
ROLLBACK;
CREATE EXTENSION llm_cost;
EXECUTE ask;
SELECT llm_cost.cost('cached', 1, 0, '2026-06-15'), llm_cost.cost('gpt-4o', 1000000, 0, '2026-06-15') AS bundled;

-- A schema that somebody made beforehand is not used
DROP EXTENSION llm_cost;
CREATE SCHEMA llm_cost;
CREATE EXTENSION llm_cost;
DROP SCHEMA llm_cost;
CREATE EXTENSION llm_cost;
