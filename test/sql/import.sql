--
-- What importing a catalogue changes, whatever its format.
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
SELECT llm_cost.add_price_book('test');
CREATE VIEW pg_temp.believed AS
	SELECT model, meter, amount, per, valid, assumed, source
	FROM llm_cost.imported_price WHERE price_book = 'test' AND upper_inf(known)
	ORDER BY model, meter, lower(valid) NULLS FIRST;
-- {"model": {prices}, …} as a catalogue
CREATE FUNCTION pg_temp.catalogue(models jsonb, more jsonb DEFAULT '{}') RETURNS jsonb
RETURN (SELECT jsonb_build_object('format', 'llm_cost/1', 'provider', 'vendor', 'models', jsonb_object_agg(key,
		jsonb_build_object('prices', CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END)))
	FROM jsonb_each(models)) || more;
CREATE FUNCTION pg_temp.import(models jsonb, source text DEFAULT 'a', valid_from timestamptz DEFAULT NULL,
	dry_run boolean DEFAULT false, OUT action text, OUT prices bigint, OUT example text) RETURNS SETOF record
BEGIN ATOMIC
	SELECT i.action, i.prices, i.example
	FROM llm_cost.import_prices(pg_temp.catalogue(import.models), 'llm_cost', import.source, 'test',
		import.valid_from, import.dry_run) i;
END;

-- An unknown price begins at the beginning, assumed; the report of a dry run is that of the import.
SELECT * FROM pg_temp.import('{"A": {"per": 1000000, "input": 3, "output": 15}, "b": {"per": 1000, "web_search": 10}}', dry_run => true);
TABLE pg_temp.believed;
SELECT * FROM pg_temp.import('{"A": {"per": 1000000, "input": 3, "output": 15}, "b": {"per": 1000, "web_search": 10}}');
TABLE pg_temp.believed;
SELECT string_agg(price_id::text || known, '' ORDER BY slot_id) AS ids FROM llm_cost.imported_price WHERE price_book = 'test' \gset
-- Again, however it is spelt: nothing changes, price_id and known stay.
SELECT * FROM pg_temp.import('{"a": {"input": 0.000003, "output": 0.000015}, "b": {"web_search": 0.01}}');
SELECT string_agg(price_id::text || known, '' ORDER BY slot_id) = :'ids' AS untouched FROM llm_cost.imported_price WHERE price_book = 'test';

-- A change takes effect at valid_from, else now; what the catalogue lacks ends.
SELECT * FROM pg_temp.import('{"a": {"per": 1000000, "input": 2, "output": 15}, "c": {"per": 1000000, "input": 1}}', valid_from => '2026-02-01');
TABLE pg_temp.believed;
SELECT * FROM pg_temp.import('{"a": {"per": 1000000, "input": 1, "output": 15}, "c": {"per": 1000000, "input": 1}}');
SELECT amount, upper(valid) BETWEEN now() AND clock_timestamp() AS ends_now, lower(valid) BETWEEN now() AND clock_timestamp() AS begins_now, assumed
FROM llm_cost.imported_price WHERE price_book = 'test' AND upper_inf(known) AND model = 'a' AND meter = 'input' ORDER BY valid;
-- What ended comes back from now on.
SELECT * FROM pg_temp.import('{"a": {"per": 1000000, "input": 1, "output": 15}, "c": {"per": 1000000, "input": 1}, "b": {"per": 1000, "web_search": 10}}', valid_from => '2026-03-01');
SELECT valid FROM pg_temp.believed WHERE model = 'b';

-- Dated entries are the slot's whole timeline; a price ends where the next begins.
SELECT * FROM pg_temp.import('{"a": [{"per": 1000000, "input": 8, "valid_from": "2025-06-01"}, {"per": 1000000, "input": 7, "valid_from": "2026-01-01T12:00:00+02"},
	{"per": 1000000, "input": 9, "valid_from": "2025-01-01", "valid_to": "2025-03-01"}], "d": {"per": 1000000, "input": 0}}', 'dated');
SELECT * FROM pg_temp.believed WHERE source = 'dated';
SELECT llm_cost.cost('a', 1000000, 0, '2025-04-01', price_book => 'test') AS gap,
	   llm_cost.cost('a', 1000000, 0, '2026-01-01 09:59:59', price_book => 'test') AS eight,
	   llm_cost.cost('a', 1000000, 0, '2026-01-01 10:00', price_book => 'test') AS seven,
	   llm_cost.cost('d', 1000000, 0, '2026-01-01', price_book => 'test') AS free;
-- Another source closes only what is its own.
SELECT * FROM pg_temp.import('{"e": {"input": 1}}', 'other');
SELECT count(*) AS still_there FROM pg_temp.believed WHERE source = 'dated' AND upper_inf(valid);

-- An override that goes on is remarked on: the import will not be seen there.
SELECT llm_cost.set_price('o', 'input', 9, '2019-01-01', 'vendor', per => 1, price_book => 'test') IS NOT NULL,
	   llm_cost.set_price('past', 'input', 9, '2019-01-01', 'vendor', per => 1, price_book => 'test', valid_to => '2020-01-01') IS NOT NULL;
SELECT * FROM pg_temp.import('{"o": {"input": 1}, "past": {"input": 1}, "e": {"input": 1}}', 'other') WHERE prices > 0;
SELECT * FROM pg_temp.import('{"o": {"input": 1}, "past": {"input": 1}, "e": {"input": 1}}', 'other') WHERE prices > 0;

-- Nothing is half imported.
SELECT * FROM pg_temp.import('{"good": {"input": 1}, "bad": {"input": "free"}}');
SELECT * FROM pg_temp.import('{"bad": {"input": true}}');
SELECT * FROM pg_temp.import('{"bad": {"input": -0.5}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1e19}}');
SELECT * FROM pg_temp.import('{"bad": {"inptu": 1}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1, "per": 0}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1, "tier_from": 1.5}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1, "region": 7}}');
SELECT * FROM pg_temp.import('{"bad": {"valid_from": "2026-01-01"}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1, "valid_from": "1 May 2026"}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1, "valid_from": "2026-02-01", "valid_to": "2026-02-01"}}');
SELECT * FROM pg_temp.import('{"bad": [{"input": 1, "valid_from": "2026-01-01", "valid_to": "2026-03-01"}, {"input": 2, "valid_from": "2026-02-01"}]}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1, "attributes": {"sped": "fast"}}}');
SELECT * FROM pg_temp.import('{"tie": {"input": 1}, "TIE": {"input": 2}}');
SELECT * FROM pg_temp.import('{"": {"input": 1}}');
SELECT * FROM pg_temp.import('{" ": {"input": 1}}');
SELECT * FROM pg_temp.import(jsonb_build_object(repeat('m', 257), jsonb '{"input": 1}'));
SELECT * FROM pg_temp.import('{"bad": {"input": 1e-31}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1, "tier_from": 1000000000000001}}');
SELECT * FROM pg_temp.import('{"bad": {"input": 1}}', valid_from => 'infinity');
SELECT * FROM llm_cost.import_prices(pg_temp.catalogue('{"bad": {"input": 1}}',
	'{"rules": [{"rule": "r", "kind": "multiplier", "factor": 2, "models": ["bad", null]}]}'), 'llm_cost', price_book => 'test');
SELECT * FROM llm_cost.import_prices(pg_temp.catalogue('{"bad": {"input": 1}}',
	'{"rules": [{"rule": "r", "kind": "multiplier", "factor": 2, "meters": [{"input": 1}]}]}'), 'llm_cost', price_book => 'test');
SELECT * FROM llm_cost.import_prices(pg_temp.catalogue('{"bad": {"input": 1}}',
	'{"aliases": [{"kind": "pattern", "pattern": "(?i)foo.*", "to_model": "bad"}]}'), 'llm_cost', price_book => 'test');
SELECT * FROM pg_temp.import('{"bad": 7}');
SELECT * FROM pg_temp.import('{"bad": {"input": null}}');
SELECT count(*) FROM llm_cost.imported_price WHERE model IN ('good', 'bad', 'tie');
SELECT * FROM llm_cost.import_prices('{}', 'csv');
SELECT * FROM llm_cost.import_prices('[]', 'llm_cost');
SELECT * FROM llm_cost.import_prices('7', 'llm_cost');
SELECT * FROM llm_cost.import_prices(pg_temp.catalogue('{"a": {"input": 1}}'), 'llm_cost', price_book => 'nope');
SELECT * FROM llm_cost.import_prices(pg_temp.catalogue('{"a": {"input": 1}}', '{"currency": "EUR"}'), 'llm_cost', price_book => 'test');
SELECT * FROM llm_cost.import_prices(pg_temp.catalogue('{"a": {"input": 1}}', '{"pries": 1}'), 'llm_cost', price_book => 'test');
-- Names that differ in letter case only may agree.
SELECT * FROM pg_temp.import('{"same": {"input": 1}, "SAME": {"input": 1.0}}', 'case');

-- A download cut short must not end every price; said on purpose, it may.
SELECT * FROM pg_temp.import('{"a": {"input": 1}, "b": {"input": 1}, "c": {"input": 1}, "d": {"input": 1}}', 'cut', '2026-01-01') WHERE prices > 0;
SELECT * FROM pg_temp.import('{"a": {"input": 1}}', 'cut');
SELECT * FROM pg_temp.import('{"a": {"input": 1}}', 'cut', '2026-06-01') WHERE prices > 0;

-- Rules, aliases, meters of one's own; the same again is no change.
SELECT pg_temp.catalogue('{"m1": {"per": 1, "gpu_hour": 2.5, "request": 0.01}}', '{"custom_meters": ["gpu_hour"],
		"rules": [{"rule": "m-batch", "kind": "fallback", "service_tier": "batch", "factor": 0.5, "models": ["M1"]}],
		"aliases": [{"kind": "exact", "pattern": "M-one", "to_model": "m1"}, {"kind": "pattern", "pattern": "m-\\d\\S*", "to_model": "m1", "provider": ""}]}') AS all_kinds \gset
SELECT * FROM llm_cost.import_prices(:'all_kinds', 'llm_cost', 'all', 'test') WHERE prices > 0;
SELECT rule, kind, factor, provider, models, service_tier, valid, source FROM llm_cost.imported_rule WHERE price_book = 'test';
SELECT kind, pattern, provider, to_provider, to_model FROM llm_cost.imported_alias WHERE source = 'all' ORDER BY pattern;
SELECT llm_cost.cost('m-one', 0, 0, '2026-01-01', meters => '{"gpu_hour": 2}', price_book => 'test', service_tier => 'batch');
SELECT * FROM llm_cost.import_prices(pg_temp.catalogue('{"m1": {"per": 1, "gpu_hour": 2.5, "request": 0.01}}', '{"custom_meters": ["gpu_hour"],
	"rules": [{"rule": "m-batch", "kind": "fallback", "service_tier": "batch", "factor": 0.6, "models": ["M1"]}]}'), 'llm_cost', 'all', 'test', '2026-01-01') WHERE prices > 0;

-- Fifty random imports in a row: believed once, closed before believed anew, and a second import changes nothing.
DO $$
DECLARE
	models jsonb;
	changed bigint := 0;
BEGIN
	PERFORM setseed(0.25);
	FOR i IN 1 .. 50 LOOP
		SELECT jsonb_object_agg('r' || n, jsonb_build_object('input', floor(random() * 3))) INTO models
		FROM generate_series(1, 10) n WHERE random() < 0.8;
		PERFORM pg_temp.import(models, 'random', '2026-01-01'::timestamptz + i * interval '1 day');
		SELECT changed + sum(r.prices) INTO changed
		FROM pg_temp.import(models, 'random', '2026-01-01'::timestamptz + i * interval '1 day') r WHERE r.action <> 'unchanged';
	END LOOP;
	RAISE NOTICE 'changed by second imports: %; models priced wrongly: %', changed,
		(SELECT count(*) FROM generate_series(1, 10) n
		 WHERE models -> ('r' || n) ->> 'input' IS DISTINCT FROM llm_cost.cost('r' || n, 1, 0, '2026-12-31', price_book => 'test')::text);
END
$$;
SELECT count(*) AS known_overlaps
FROM llm_cost.imported_price a JOIN llm_cost.imported_price b
	ON a.slot_id = b.slot_id AND a.ctid < b.ctid AND a.valid && b.valid AND a.known && b.known;

-- load_bundled() is for the extension's script alone.
SELECT llm_cost.load_bundled(pg_temp.catalogue('{"a": {"input": 1}}'));

-- A dry run asks for SELECT only.
CREATE ROLE regress_reader;
GRANT EXECUTE ON FUNCTION llm_cost.import_prices TO regress_reader;
SET ROLE regress_reader;
SELECT action, prices FROM llm_cost.import_prices('{"m": {"litellm_provider": "v", "input_cost_per_token": 1}}', 'litellm', 'none', dry_run => true) WHERE prices > 0;
SELECT action, prices FROM llm_cost.import_prices('{"m": {"litellm_provider": "v", "input_cost_per_token": 1}}', 'litellm', 'none');
RESET ROLE;
ROLLBACK;

-- It writes nothing, so it works where nothing can be written.
BEGIN READ ONLY;
SELECT action, prices FROM llm_cost.import_prices('{"m": {"litellm_provider": "v", "input_cost_per_token": 1}}', 'litellm', 'none', dry_run => true) WHERE prices > 0;
ROLLBACK;
