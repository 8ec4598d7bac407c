--
-- attach(): mapping, types, options, indexes
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_attach;
SET search_path = regress_attach;
INSERT INTO llm_cost.price_override
	(price_book, provider, model, meter, amount, per, valid, known, source)
SELECT 'list', 'regress', 'regress-model', meter, amount, 1000000, '[2025-01-01,)', '[2025-01-01,)', 'test'
FROM (VALUES ('input', 3.00), ('cache_read', 0.30), ('cache_write_5m', 3.75), ('output', 15.00)) AS p (meter, amount);

-- The canonical columns are a fixed list; cost follows them.
SELECT string_agg(usage_column || ' ' || data_type, ', ' ORDER BY "position") FROM llm_cost.usage_columns();

CREATE TABLE calls (id int, started_at timestamptz, model text, input_tokens int, output_tokens smallint,
	cache_read_tokens int, cost numeric, comment text);
INSERT INTO calls VALUES
	(1, '2026-03-01 12:00+00', 'regress-model', 1000, 100, 400, 99, 'a'),
	(2, '2026-03-02 12:00+00', 'regress-model', 1000, 100, NULL, 99, 'b'),
	(3, '2026-03-03 12:00+00', 'no such model', 1000, 100, NULL, 99, 'c');
SELECT llm_cost.attach('calls');
SELECT (SELECT array_agg(attname::text || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'calls_usage'::regclass AND attnum <= 36)
	 = (SELECT array_agg(usage_column || ' ' || data_type ORDER BY "position") FROM llm_cost.usage_columns()) AS canonical,
	   (SELECT array_agg(attname::text || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'calls_usage'::regclass AND attnum > 36) AS further,
	   (SELECT reloptions FROM pg_class WHERE oid = 'calls_usage'::regclass);
-- 600 × 3 + 400 × 0.3 + 100 × 15 = 3,420; 1,000 × 3 + 100 × 15 = 4,500, per million
SELECT started_at, cost, avoided_cost, cost_problem, billable, user_id FROM calls_usage ORDER BY started_at;
SELECT obj_description('calls_usage'::regclass);
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
WHERE attrelid = 'calls_usage'::regclass AND attname IN ('started_at', 'region', 'cost', 'avoided_cost', 'cost_problem') ORDER BY attnum;
SELECT count(*) AS without_comment FROM pg_attribute
WHERE attrelid = 'calls_usage'::regclass AND attnum > 0 AND col_description(attrelid, attnum) IS NULL;
SELECT schema_name, view_name, relation_schema, relation_name, profile, mapping, price_book, time_column, base_column, time_zone
FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach';

-- Again: only under another name, or after detach().
SELECT llm_cost.attach('calls');
SELECT llm_cost.attach('calls', view_name => 'calls');
SELECT llm_cost.attach('calls', view_name => '"Second view"');
SELECT llm_cost.attach('calls', view_name => 'a.b.c');
SELECT llm_cost.attach('calls', view_name => 'no_such_schema.v');
SELECT llm_cost.attach('calls', view_name => repeat('x', 64));
SELECT llm_cost.detach('"Second view"');
SELECT llm_cost.detach('calls_usage');
SELECT llm_cost.attach('calls');

-- The view pins what it reads; detach() frees it.
ALTER TABLE calls ALTER input_tokens TYPE bigint;
SELECT llm_cost.detach('calls_usage');
ALTER TABLE calls ALTER input_tokens TYPE bigint;

-- A table with other names: nothing is guessed.
CREATE TYPE kinds AS ENUM ('chat', 'embedding');
CREATE DOMAIN tokens AS integer CHECK (VALUE >= 0);
CREATE TABLE events (created_at timestamp, model_name varchar(40), prompt_tokens tokens, completion_tokens bigint,
	spend float8, spend4 real, customer int, kind kinds, trace uuid, took interval, labels text[], meta jsonb, raw json,
	epoch_ms bigint, tokens_n numeric, success boolean, paid money);
INSERT INTO events VALUES ('2026-03-29 03:30', 'regress-model', 10, 20, 0.1, 0.1, 7, 'chat', '00000000-0000-0000-0000-000000000001',
	'1.5 s', '{a,b}', '{"in": 10, "feature": "x", "fast": true}', '{"a": 1}', 1774755000000, 12.5, true, 1);
SELECT llm_cost.attach('events');
SELECT llm_cost.attach('events', mapping => '{"started_at": "created_at"}');
SELECT llm_cost.attach('events', mapping => '{"started_at": "created_at", "model": "model_name",
	"input_tokens": "prompt_tokens", "output_tokens": {"column": "completion_tokens"}, "recorded_cost": "spend",
	"user_id": "customer", "operation_id": "trace", "duration_ms": "took", "tags": "labels",
	"feature": {"sql": "meta ->> ''feature'' -- a comment"}, "workflow": {"sql": "source.raw ->> ''a''"},
	"meters": {"sql": "raw::text::jsonb"}, "kind": null, "team": {"sql": "NULL"}}');
SELECT started_at, model, input_tokens, output_tokens, recorded_cost, user_id, operation_id, duration_ms, tags, feature, workflow, meters, kind, team
FROM events_usage;
SELECT pg_typeof(recorded_cost), recorded_cost = 0.1 AS exact FROM events_usage;
SELECT llm_cost.detach('events_usage');
SELECT llm_cost.attach('events', mapping => '{"started_at": "created_at", "model": "model_name", "recorded_cost": "spend4",
	"input_tokens": {"sql": "llm_cost.token_count(meta ->> ''in'')"}}');
SELECT recorded_cost, input_tokens, kind FROM events_usage;
SELECT llm_cost.detach('events_usage');

-- What cannot be cast safely for every row is refused.
CREATE FUNCTION try(mapping jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	hint text; detail text; state text;
BEGIN
	PERFORM llm_cost.attach('regress_attach.events', mapping => '{"started_at": "created_at", "model": "model_name"}'::jsonb || mapping);
	RAISE NOTICE 'attached';
	PERFORM llm_cost.detach('regress_attach.events_usage');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL, state = RETURNED_SQLSTATE;
	RAISE NOTICE E'% %\n  DETAIL: %\n  HINT: %', state, SQLERRM, detail, hint;
END $$;
SELECT try('{"input_tokens": "tokens_n"}');
SELECT try('{"started_at": "epoch_ms"}');
SELECT try('{"started_at": {"sql": "to_timestamp(epoch_ms / 1000.0)"}}');
SELECT try('{"meters": "model_name"}');
SELECT try('{"billable": "customer"}');
SELECT try('{"billable": "success"}');
SELECT try('{"user_id": "meta"}');
SELECT try('{"tags": "raw"}');
SELECT try('{"tags": {"sql": "ARRAY[raw]"}}');
SELECT try('{"recorded_cost": "paid"}');
SELECT try('{"user_id": "custmer"}');
SELECT try('{"input_token": "prompt_tokens"}');
SELECT try('{"user_id": {"expression": "x"}}');
SELECT try('{"user_id": 7}');
SELECT try('{"user_id": {"sql": "no_such_column"}}');
SELECT try('{"user_id": {"sql": "customer +"}}');
SELECT try('{"user_id": {"sql": "1); DROP TABLE regress_attach.events; SELECT (1"}}');
SELECT try('{"user_id": {"sql": "count(*)"}}');
SELECT try('{"user_id": {"sql": "''a'', ''b''"}}');
SELECT try('{"output_tokens": {"sql": "completion_tokens / 0.5"}}');
SELECT try('{"model": null}');
SELECT llm_cost.attach('events', mapping => '[]');
SELECT llm_cost.attach('events', 'no_such_profile');
SELECT llm_cost.attach('events', price_book => 'no_such_book');
SELECT llm_cost.attach('events', mapping => '{"started_at": "created_at", "model": "model_name"}', time_zone => 'Mars/Olympus');
SELECT llm_cost.attach(NULL);
CREATE TEMP TABLE temporary_calls (started_at timestamptz, model text);
SELECT llm_cost.attach('temporary_calls');
CREATE SEQUENCE no_table;
SELECT llm_cost.attach('no_table');

-- A column with a canonical name and a useless type must be dealt with.
CREATE TABLE misnamed (started_at timestamptz, model text, tags text, turn text, cost text, period int);
SELECT llm_cost.attach('misnamed');
SELECT llm_cost.attach('misnamed', mapping => '{"tags": null, "turn": {"sql": "llm_cost.token_count(turn)"}}');
SELECT tags, turn, cost FROM misnamed_usage;

-- Partitioned tables, views and materialized views are as good as tables.
CREATE TABLE parts (started_at timestamptz, model text, input_tokens bigint) PARTITION BY RANGE (started_at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW looked_at AS SELECT * FROM parts;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM parts;
SELECT llm_cost.attach('parts'), llm_cost.attach('looked_at'), llm_cost.attach('stored');

-- Input counted apart from cached tokens.
CREATE TABLE apart (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint);
INSERT INTO apart VALUES ('2026-03-01', 'regress-model', 100, 10, 1000, 50), ('2026-03-02', 'regress-model', 100, 10, NULL, NULL),
	('2026-03-03', 'regress-model', NULL, 10, 5, NULL), ('2026-03-04', 'regress-model', 9223372036854775807, 10, 9223372036854775807, 1),
	('2026-03-05', 'regress-model', 100, 10, -5, NULL);
SELECT llm_cost.attach('apart', input_excludes_cache => true);
-- 100 × 3 + 1000 × 0.3 + 50 × 3.75 + 10 × 15 = 937.5 per million
SELECT input_tokens, cache_read_tokens, cost, cost_problem FROM apart_usage ORDER BY started_at;
SELECT value, llm_cost.token_count(value) FROM unnest(ARRAY['12', ' 7 ', '12.0', '12.5', '1e3', '-4', '999999999999999999',
	'1000000000000000000', '', 'many', '0x10', NULL]) AS value;
SELECT llm_cost.finite('NaN'::numeric), llm_cost.finite('-Infinity'::numeric), llm_cost.finite(0.1::float8), llm_cost.finite('NaN'::float8), llm_cost.finite('Infinity'::float8);

-- attributes price without being a column.  They are data here: what cost()
-- would refuse as a setting is ignored, and no row kills the query.
ALTER TABLE apart ADD billable boolean, ADD who text, ADD more jsonb;
UPDATE apart SET billable = input_tokens IS DISTINCT FROM 100;
SELECT llm_cost.attach('apart', view_name => 'with_tenant', mapping => '{"attributes": {"sql": "jsonb_build_object(''tenant'', who)"}, "billable": "billable"}');
SELECT cost, avoided_cost, cost_problem FROM with_tenant WHERE cache_read_tokens IS NULL;
SELECT llm_cost.attach('apart', view_name => 'odd_attributes', mapping => '{"attributes": "more", "billable": null}');
UPDATE apart SET more = v.more
FROM (VALUES ('2026-03-01'::date, '{"foo": 1}'::jsonb), ('2026-03-02', '[1]'), ('2026-03-03', '"x"'), ('2026-03-04', '{"speed": {"a": 1}}'),
	('2026-03-05', 'null')) v (day, more) WHERE started_at = v.day;
INSERT INTO apart (started_at, model, input_tokens, output_tokens, more) VALUES ('2026-03-06', 'regress-model', 1000000, 0, '{"speed": "ludicrous", "foo": 1}');
SELECT more, cost, cost_problem FROM odd_attributes JOIN apart USING (started_at) ORDER BY started_at;
SELECT a, llm_cost.known_attributes(a) FROM unnest('{NULL,"{}","{\"tenant\": 7, \"speed\": null, \"resolution\": true, \"foo\": \"bar\"}"}'::jsonb[]) a;

-- Values at the ends of their types kill no query either.
CREATE TABLE extremes (started_at timestamp, model text, duration_ms numeric);
INSERT INTO extremes VALUES ('294276-12-31 23:00', 'regress-model', 1e400), ('4713-01-01 BC', 'regress-model', -1e400), ('infinity', 'regress-model', 1e-400),
	('2026-03-01', 'regress-model', 'NaN'), ('2026-03-01', 'regress-model', 1.5), (NULL, 'regress-model', NULL);
SELECT llm_cost.attach('extremes', time_zone => 'America/New_York'), llm_cost.attach('extremes', view_name => 'extremes_tokyo', time_zone => 'Asia/Tokyo'),
	   llm_cost.attach('extremes', view_name => 'extremes_utc');
SELECT started_at, duration_ms, cost_problem FROM extremes_usage;
SELECT started_at FROM extremes_tokyo;
SELECT started_at FROM extremes_utc;

-- Indexes on time stay useful, whatever the type.
CREATE FUNCTION uses_index(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found := found OR line ~ 'Index (Only )?(Scan|Cond)';
	END LOOP;
	RETURN found;
END $$;
CREATE TABLE zoned (started_at timestamptz, model text, input_tokens bigint);
CREATE TABLE naive (started_at timestamp, model text, input_tokens bigint);
INSERT INTO zoned SELECT '2026-01-01'::timestamptz + g * interval '1 minute', 'regress-model', 1 FROM generate_series(1, 20000) g;
INSERT INTO naive SELECT '2026-03-20'::timestamp + g * interval '1 minute', 'regress-model', 1 FROM generate_series(1, 20000) g;
CREATE INDEX ON zoned (started_at);
CREATE INDEX ON naive (started_at);
ANALYZE zoned, naive;
SELECT llm_cost.attach('zoned'), llm_cost.attach('naive'), llm_cost.attach('naive', view_name => 'berlin', time_zone => 'Europe/Berlin');
SELECT llm_cost.period_predicate('zoned_usage', '[2026-01-03,2026-01-04)');
SELECT llm_cost.period_predicate('naive_usage', '[2026-03-28,2026-03-30)', 'u');
SELECT llm_cost.period_predicate('berlin', '(2026-03-28 12:00+00,2026-03-30]');
SELECT llm_cost.period_predicate('zoned_usage', 'empty'), llm_cost.period_predicate('zoned_usage', '(,)'),
	   llm_cost.period_predicate('zoned_usage', NULL), llm_cost.period_predicate('zoned_usage', '[2026-01-03,)', 'odd name');
SELECT v.name, uses_index(format('SELECT sum(cost) FROM %s AS u WHERE %s', v.name, llm_cost.period_predicate(v.name::regclass, '[2026-03-28,2026-03-29)', 'u')))
FROM unnest(ARRAY['zoned_usage', 'naive_usage', 'berlin']) AS v (name);
-- the condition and the plain comparison agree, over the night the clocks go forward too
CREATE FUNCTION rows_in(usage regclass, condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; BEGIN EXECUTE format('SELECT count(*) FROM %s WHERE %s', usage, condition) INTO n; RETURN n; END $$;
SELECT v.name, p.period, rows_in(v.name::regclass, llm_cost.period_predicate(v.name::regclass, p.period)) AS by_predicate,
	   rows_in(v.name::regclass, format('started_at <@ %L::tstzrange', p.period)) AS by_range
FROM unnest(ARRAY['naive_usage', 'berlin']) AS v (name),
	 unnest(ARRAY['[2026-03-28 23:30+00,2026-03-29 02:00+00)', '(2026-03-29 01:00+00,2026-03-29 01:05+00]', '[2026-03-22,2026-03-23)']::tstzrange[]) AS p (period);
-- the other way for a time without zone: an index on the expression
SELECT uses_index($$SELECT sum(cost) FROM naive_usage WHERE started_at >= '2026-03-28' AND started_at < '2026-03-28 01:00'$$) AS before;
CREATE INDEX ON naive ((started_at AT TIME ZONE 'UTC'));
ANALYZE naive;
SELECT uses_index($$SELECT sum(cost) FROM naive_usage WHERE started_at >= '2026-03-28' AND started_at < '2026-03-28 01:00'$$) AS after;
-- a plain table in canonical columns needs no attach()
SELECT llm_cost.period_predicate('zoned', '[2026-01-03,2026-01-04)');

SET client_min_messages = warning;
DROP SCHEMA regress_attach CASCADE;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach';
DELETE FROM llm_cost.price_override WHERE provider = 'regress';
