--
-- What a session keeps of prices is right whatever happens to the tables.
-- (Concurrency: test/specs; standby and subscriber: test/t.)
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
SET timezone = 'UTC';
\pset null '(null)'

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
