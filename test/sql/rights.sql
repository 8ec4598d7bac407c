--
-- What an ordinary role may do, and what it may not.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
DROP ROLE IF EXISTS regress_llm_cost_analyst, regress_llm_cost_pricing;
CREATE ROLE regress_llm_cost_analyst;
CREATE ROLE regress_llm_cost_pricing;
SET timezone = 'UTC';

SET ROLE regress_llm_cost_analyst;
SELECT llm_cost.cost('gpt-4o', 10000, 2000, '2026-07-01', 6000),
	   llm_cost.cost_problem('no such', 1, 1, '2026-07-01');
SELECT meter, amount FROM llm_cost.cost_breakdown('gpt-4o', 10000, 2000, '2026-07-01', 6000);
SELECT count(*) > 1000 AS prices FROM llm_cost.price;
SELECT count(*) > 10 AS rules FROM llm_cost.price_rule;
SELECT count(*) > 100 AS aliases FROM llm_cost.model_alias;
-- nothing that changes prices
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', provider => 'p');
SELECT llm_cost.correct_price('m', 'input', 1, '2026-01-01', provider => 'p');
SELECT llm_cost.add_alias('m', 'gpt-4o');
SELECT llm_cost.add_price_book('mine');
SELECT llm_cost.import_prices('{}', 'litellm', 'litellm');
INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, valid, known, source)
	VALUES ('list', 'p', 'm', 'input', 1, '(,)', '(,)', 's');
UPDATE llm_cost.price_version SET version = gen_random_uuid();
DELETE FROM llm_cost.imported_price;
TRUNCATE llm_cost.bundled_price;
RESET ROLE;

-- Which functions PUBLIC may not call, and which tables it may change
SELECT p.proname AS not_for_public
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	 JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'llm_cost'
WHERE NOT has_function_privilege('regress_llm_cost_analyst', p.oid, 'EXECUTE') ORDER BY 1;

-- A role that keeps the prices: rights on the tables and functions, none on price_version
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA llm_cost TO regress_llm_cost_pricing;
GRANT SELECT, INSERT, UPDATE ON llm_cost.price_override TO regress_llm_cost_pricing;
SET ROLE regress_llm_cost_pricing;
SELECT llm_cost.set_price('kept', 'input', 3, '2026-01-01', provider => 'keeper') IS NOT NULL AS set;
SELECT llm_cost.cost('kept', 1000000, 0, '2026-06-01');
SELECT llm_cost.set_price('kept', 'input', 4, '2026-05-01', provider => 'keeper') IS NOT NULL AS set;
SELECT llm_cost.cost('kept', 1000000, 0, '2026-06-01'), llm_cost.cost('kept', 1000000, 0, '2026-04-01') AS before;
RESET ROLE;
DELETE FROM llm_cost.price_override WHERE provider = 'keeper';

-- SELECT on the price tables is checked for each statement, for the role that asks
BEGIN;
REVOKE SELECT ON llm_cost.imported_price FROM PUBLIC;
SELECT llm_cost.cost('gpt-4o', 10000, 2000, '2026-07-01', 6000);
SET ROLE regress_llm_cost_analyst;
SELECT llm_cost.cost('gpt-4o', 10000, 2000, '2026-07-01', 6000);
ROLLBACK;
SET ROLE regress_llm_cost_analyst;
SELECT llm_cost.cost('gpt-4o', 10000, 2000, '2026-07-01', 6000);
RESET ROLE;

DROP OWNED BY regress_llm_cost_pricing;
DROP ROLE regress_llm_cost_analyst, regress_llm_cost_pricing;
