--
-- Prices, rules and aliases that a user sets.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\pset null '(null)'
\set ON_ERROR_ROLLBACK on
\set SHOW_CONTEXT never

BEGIN;
SELECT llm_cost.add_price_book('test', 'EUR', note => 'for this test');
SELECT llm_cost.add_price_book('test');
SELECT llm_cost.add_price_book('child', base_book => 'test');
SELECT llm_cost.add_price_book('child', base_book => 'child');
SELECT llm_cost.add_price_book('child', 'euro');
SELECT llm_cost.add_price_book('child', 'EUR', 'test');

-- The vendor's changes: 3 from January, 2 from March, 1 in the second half of June only.
CREATE VIEW pg_temp.believed AS
	SELECT model, meter, amount, per, valid, source
	FROM llm_cost.price_override WHERE price_book = 'test' AND upper_inf(known)
	ORDER BY model, meter, lower(valid) NULLS FIRST;
CREATE FUNCTION pg_temp.million(at timestamptz, known_at timestamptz DEFAULT NULL) RETURNS numeric
RETURN llm_cost.cost('m', 1000000, 0, at, provider => 'vendor', price_book => 'test', known_at => known_at);

SELECT llm_cost.set_price('M', 'input', 3, '2026-01-01', 'Vendor', price_book => 'test') AS id_of_3 \gset
SELECT llm_cost.set_price('m', 'input', 2, '2026-03-01', 'vendor', price_book => 'test') AS id_of_2 \gset
SELECT clock_timestamp() AS before_june \gset
SELECT llm_cost.set_price('m', 'input', 1, '2026-06-15', 'vendor', price_book => 'test', valid_to => '2026-07-01') IS NOT NULL;
TABLE pg_temp.believed;
SELECT :'id_of_3' = price_id AS same_id FROM llm_cost.price_override
WHERE price_book = 'test' AND amount = 3 AND upper_inf(known);
SELECT pg_temp.million('2025-12-31') AS before, pg_temp.million('2026-02-28 23:59:59') AS january,
	   pg_temp.million('2026-03-01') AS march, pg_temp.million('2026-06-15') AS june,
	   pg_temp.million('2026-06-15', :'before_june') AS june_as_believed_before, pg_temp.million('2026-07-01') AS july;

-- What already holds is left alone.
SELECT count(*) AS rows_before FROM llm_cost.price_override \gset
SELECT llm_cost.set_price('m', 'input', 3.00, '2026-02-01', 'vendor', price_book => 'test', valid_to => '2026-02-10') = :'id_of_3' AS same_id;
SELECT llm_cost.set_price('m', 'input', 0.000002, '2026-07-01', 'vendor', per => 1, price_book => 'test') IS NOT NULL AS same_price;
SELECT count(*) = :rows_before AS untouched FROM llm_cost.price_override;

-- An earlier price ends where the next one begins, one that begins at the same
-- time is replaced, and valid_to => infinity says that nothing comes later.
SELECT llm_cost.set_price('e', 'input', 3, '2025-06-01', 'vendor', price_book => 'test') IS NOT NULL;
SELECT llm_cost.set_price('e', 'input', 2.5, '2025-01-01', 'vendor', price_book => 'test') IS NOT NULL;
SELECT amount, valid FROM pg_temp.believed WHERE model = 'e';
SELECT llm_cost.set_price('e', 'input', 2.6, '2025-01-01', 'vendor', price_book => 'test') IS NOT NULL;
SELECT llm_cost.set_price('e', 'input', 2, '-infinity', 'vendor', price_book => 'test') IS NOT NULL;
SELECT amount, valid FROM pg_temp.believed WHERE model = 'e';
SELECT llm_cost.set_price('e', 'input', 4, '2025-03-01', 'vendor', price_book => 'test', valid_to => 'infinity') IS NOT NULL;
SELECT amount, valid FROM pg_temp.believed WHERE model = 'e';
DELETE FROM llm_cost.price_override WHERE model = 'e';

-- Our correction takes the whole range; two in one transaction work, and the past stays.
SELECT clock_timestamp() AS before_correction \gset
SELECT llm_cost.correct_price('m', 'input', 2.5, '2026-04-01', 'vendor', price_book => 'test') IS NOT NULL;
SELECT llm_cost.correct_price('m', 'input', 2.4, '2026-04-01', 'vendor', price_book => 'test') IS NOT NULL;
TABLE pg_temp.believed;
SELECT pg_temp.million('2026-04-01') AS now, pg_temp.million('2026-04-01', :'before_correction') AS then;
SELECT bool_and(NOT isempty(known)) AS no_empty_range FROM llm_cost.price_override WHERE price_book = 'test';

-- A catalogue's price is corrected by an override over the time it holds, not over what was set.
SELECT llm_cost.set_price('gpt-4o', 'input', 9, '2026-06-01', 'openai') IS NOT NULL;
SELECT llm_cost.correct_price('gpt-4o', 'input', 7, '2026-01-01', 'openai') IS NOT NULL;
SELECT llm_cost.cost('gpt-4o', 1000000, 0, '2026-01-01', provider => 'openai') AS corrected,
	   llm_cost.cost('gpt-4o', 1000000, 0, '2026-06-01', provider => 'openai') AS as_set;
SELECT llm_cost.correct_price('m', 'output', 7, '2026-01-01', 'vendor', price_book => 'test');
SELECT llm_cost.correct_price('m', 'input', 7, 'infinity', 'vendor', price_book => 'test');

-- Against an oracle: a hundred random changes of a timeline of days.
DO $$
DECLARE
	day0 constant timestamptz := '2026-01-01';
	timeline numeric[] := array_fill(NULL::numeric, ARRAY[60]);
	first_day int;
	last_day int;
	wrong int;
BEGIN
	PERFORM setseed(0.5);
	FOR i IN 1 .. 100 LOOP
		first_day := 1 + floor(random() * 60);
		last_day := least(60, first_day + floor(random() * 20));
		FOR d IN first_day .. last_day LOOP
			timeline[d] := i % 7;
		END LOOP;
		PERFORM llm_cost.set_price('oracle', 'input', i % 7, day0 + (first_day - 1) * interval '1 day', 'vendor',
			price_book => 'test', valid_to => day0 + last_day * interval '1 day');
	END LOOP;
	SELECT count(*) INTO wrong
	FROM generate_series(1, 60) d
	WHERE timeline[d] IS DISTINCT FROM llm_cost.cost('oracle', 1000000, 0, day0 + (d - 0.5) * interval '1 day',
		provider => 'vendor', price_book => 'test');
	RAISE NOTICE 'wrong days: %', wrong;
END
$$;

-- Conditions; attributes with their default value are no condition.
SELECT llm_cost.set_price('n', 'web_search', 10, '-infinity', 'vendor', per => 1000, price_book => 'test',
	service_tier => 'Flex', region => 'EU', tier_from => 200000, tier_inclusive => true,
	time_window => '16:30-00:30', attributes => '{"speed": "standard", "tenant": "Acme"}') IS NOT NULL;
SELECT model, meter, service_tier, region, tier_from, tier_inclusive, time_window, attributes, amount, per, valid
FROM llm_cost.price_override WHERE model = 'n';

-- Errors.
SELECT llm_cost.set_price('m', 'input', -1, '2026-01-01', 'vendor');
SELECT llm_cost.set_price('m', 'input', 'NaN', '2026-01-01', 'vendor');
SELECT llm_cost.set_price('m', 'input', NULL, '2026-01-01', 'vendor');
SELECT llm_cost.set_price('m', 'input', 1, NULL, 'vendor');
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', NULL);
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', per => 0);
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', valid_to => '2026-01-01');
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', price_book => 'nope');
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', attributes => '{"sped": "fast"}');
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', attributes => '{"speed": []}');
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', time_window => '24:00-25:00');
SELECT llm_cost.set_price('m', 'input', 1, 'infinity', 'vendor');
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', valid_to => '-infinity');
SELECT llm_cost.set_price('m', 'input', 1e-31, '2026-01-01', 'vendor');
SELECT llm_cost.set_price('m', 'input', 1.0000000000000000000000000000001, '2026-01-01', 'vendor');
SELECT llm_cost.set_price('m', 'input', 1, '2026-01-01', 'vendor', tier_from => 1000000000000001);
SELECT llm_cost.set_price(repeat('m', 257), 'input', 1, '2026-01-01', 'vendor');
SELECT llm_cost.set_price(E' \t\n', 'input', 1, '2026-01-01', 'vendor');
SELECT llm_cost.set_price(E' W\n', ' Input ', 1e-30, '2026-01-01', ' Vendor ', price_book => 'test', tier_from => 1000000000000000) IS NOT NULL;
SELECT format('[%s] [%s] [%s]', provider, model, meter) FROM llm_cost.price_override WHERE model = 'w';
-- A new meter is remarked on once.
SELECT llm_cost.set_price('m', 'human_review_minute', 1, '2026-01-01', 'vendor', per => 1, price_book => 'test') IS NOT NULL;
SELECT llm_cost.set_price('m', 'human_review_minute', 2, '2026-02-01', 'vendor', per => 1, price_book => 'test') IS NOT NULL;
SELECT llm_cost.add_attribute('shift', 'day');
SELECT llm_cost.add_attribute('shift');
SELECT llm_cost.set_price('m', 'gpu_hour', 4, '2026-01-01', 'vendor', per => 1, price_book => 'test', attributes => '{"shift": "night"}') IS NOT NULL;

-- Rules.
SELECT llm_cost.set_rule('discount', 'multiplier', 0.9, 'test', valid_from => '2026-02-01');
SELECT pg_temp.million('2026-01-15') AS full_price, pg_temp.million('2026-02-15') AS discounted;
SELECT llm_cost.set_rule('discount', 'multiplier', 0.90, 'test');
SELECT llm_cost.set_rule('discount', 'multiplier', 0.8, 'test');
SELECT llm_cost.set_rule('discount', 'multiplier', 0.8, 'test', valid_from => '2026-02-10');
SELECT llm_cost.drop_rule('discount', 'test', '2026-02-20');
SELECT pg_temp.million('2026-02-05') AS a, pg_temp.million('2026-02-15') AS b, pg_temp.million('2026-02-20') AS c;
SELECT llm_cost.drop_rule('discount', 'test', '2026-02-20');
SELECT llm_cost.set_rule('r', 'fallback', 0.5, 'test');
SELECT llm_cost.set_rule('r', 'divider', 0.5, 'test');
SELECT llm_cost.set_rule('r', 'multiplier', -1, 'test');
SELECT llm_cost.set_rule('r', 'multiplier', 2, 'test', models => ARRAY['m', NULL]);
SELECT llm_cost.set_rule('r', 'multiplier', 2, 'test', meters => ARRAY[' ']);
SELECT llm_cost.set_rule('r', 'multiplier', 2, 'test', models => '{" M*"}', meters => '{Input}', provider => 'Vendor');
SELECT models, meters, provider FROM llm_cost.rule_override WHERE rule = 'r';

-- Aliases.
SELECT llm_cost.add_alias('my-deployment', 'M', to_provider => 'vendor');
SELECT llm_cost.add_alias('my-deployment', 'm', to_provider => 'vendor');
SELECT llm_cost.add_alias('my-deployment', 'n', to_provider => 'vendor');
SELECT llm_cost.add_alias('my-deployment', 'n', to_provider => 'vendor', valid_from => '2026-05-01');
SELECT pattern, to_model, valid FROM llm_cost.alias_override WHERE upper_inf(known) ORDER BY valid;
SELECT llm_cost.cost('my-deployment', 1000000, 0, '2026-01-15', price_book => 'test') AS by_alias;
SELECT llm_cost.add_alias('x', 'typo');
SELECT llm_cost.add_alias('x', 'm', to_provider => 'openai');
SELECT llm_cost.add_alias('(x', 'm', kind => 'pattern');
SELECT llm_cost.add_alias('(?i)foo.*', 'm', kind => 'pattern');
SELECT llm_cost.add_alias('***=foo', 'm', kind => 'pattern');
SELECT llm_cost.add_alias('a(', 'm', kind => 'pattern');
SELECT llm_cost.add_alias('a)(b', 'm', kind => 'pattern');
SELECT llm_cost.add_alias('X.*', 'm', kind => 'pattern');
SELECT llm_cost.add_alias('x-(\w+)', '\1', kind => 'pattern');
SELECT llm_cost.add_alias('x', 'm', kind => 'suffix');
SELECT llm_cost.add_alias('x/', 'm', kind => 'wrapper');
SELECT llm_cost.add_alias('x');
SELECT llm_cost.add_alias('x', kind => 'provider');
SELECT llm_cost.add_alias('acme', kind => 'provider', to_provider => 'vendor');
SELECT llm_cost.set_price('o', 'input', 1, '2026-01-01', 'ACME', price_book => 'test') IS NOT NULL;
SELECT provider FROM llm_cost.price_override WHERE model = 'o';
ROLLBACK;

-- Nobody but the owner may until it is granted.
SELECT count(DISTINCT p.oid) > 10 AS functions_that_change_prices, count(*) FILTER (WHERE a.grantee = 0) AS for_everyone
FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE p.pronamespace = 'llm_cost'::regnamespace AND p.provolatile = 'v' AND p.prorettype <> 'trigger'::regtype
	AND p.proname ~ '(^|_)(price|prices|rule|alias|book|attribute|bundled|belief|beliefs|facts)($|_)';
