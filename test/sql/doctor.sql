--
-- doctor(): what it finds, and the statements that mend it
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_doctor;
SET search_path = regress_doctor;
INSERT INTO llm_cost.price_override
	(price_book, provider, model, meter, amount, per, valid, known, source)
SELECT 'list', provider, model, meter, amount, 1000000, '[2026-01-01,)', '[2025-01-01,)', 'test'
FROM (VALUES ('regress-a', 'regress-model', 'input', 3.00), ('regress-a', 'regress-model', 'cache_read', 0.30), ('regress-a', 'regress-model', 'output', 15.00),
	('regress-a', 'regress-both', 'input', 1.00), ('regress-a', 'regress-both', 'output', 2.00),
	('regress-b', 'regress-both', 'input', 1.50), ('regress-b', 'regress-both', 'output', 2.00),
	('regress-a', 'regress-inputs', 'input', 1.00)) AS p (provider, model, meter, amount);

-- A healthy table says so.
CREATE TABLE healthy (started_at timestamptz, model text, provider text, service_tier text, input_tokens bigint, cache_read_tokens bigint,
	cache_write_tokens bigint, output_tokens bigint, recorded_cost numeric, operation_id text, error_type text, attempt int, user_id text, release text);
INSERT INTO healthy
SELECT '2026-03-01'::timestamptz + g * interval '1 minute', 'regress-model', 'regress-a', 'standard', 1000, 400, 0, 100, 0.00342,
	   'op' || g / 3, CASE WHEN g % 100 = 0 THEN 'timeout' END, 1 + g % 3, 'u' || g % 50, '1.' || g / 500
FROM generate_series(1, 1000) g;
CREATE INDEX healthy_time ON healthy (started_at);
ANALYZE healthy;
SELECT llm_cost.attach('healthy');
SELECT * FROM llm_cost.doctor('healthy_usage');
SELECT check_name, detail FROM llm_cost.doctor('healthy_usage', 10) WHERE check_name IN ('rows looked at', 'clock');

-- It writes nothing, so it runs on a standby.
BEGIN READ ONLY;
SELECT count(*) > 0 AS runs FROM llm_cost.doctor('healthy_usage');
SELECT count(*) > 0 AS runs FROM llm_cost.doctor('healthy');
ROLLBACK;

-- Everything wrong at once.
CREATE TABLE ailing (started_at timestamp, model text, provider text, input_tokens bigint, cache_read_tokens bigint, output_tokens bigint,
	recorded_cost float8, session_id text, user_id text);
INSERT INTO ailing
SELECT '2026-03-01'::timestamp + g * interval '1 minute', 'regress-model', 'regress-a', 100, 1000, 100, 0.01, 's', CASE WHEN g < 190 THEN 'default' ELSE 'u' || g END
FROM generate_series(1, 200) g;
INSERT INTO ailing VALUES
	('2026-03-02', 'zzqq/kkww-regress-modex', NULL, 1000, 0, 100, 2.5, NULL, 'x'), ('2026-03-02', 'zzqq/kkww-regress-modex', NULL, 1000, 0, 101, 2.5, NULL, 'x'),
	('2026-03-03', 'Regress-Both', NULL, 1000000, 0, 100, 1, NULL, 'x'),
	('2026-03-03', 'regress-inputs', 'regress-a', 100, 0, 100, 0.5, NULL, 'x'),
	('2025-03-03', 'regress-model', 'regress-a', 100, 0, 100, NULL, NULL, 'x'),
	('2026-03-04', 'regress-model', 'regress-a', NULL, NULL, NULL, NULL, NULL, 'x'),
	('2026-03-04', 'regress-model', 'regress-a', -1, NULL, 5, NULL, NULL, 'x'),
	('2026-03-05', 'regress-model', 'regress-a', 100, 0, 50, NULL, NULL, 'x'), ('2026-03-05', 'regress-model', 'regress-a', 100, 0, 50, NULL, NULL, 'x'),
	('2999-01-01', 'regress-model', 'regress-a', 100, 0, 100, NULL, NULL, 'x'), (NULL, 'regress-model', 'regress-a', 100, 0, 100, NULL, NULL, 'x');
SELECT llm_cost.attach('ailing');
SELECT check_name, status, detail, fix FROM llm_cost.doctor('ailing_usage') WHERE check_name <> 'optional columns';
-- the fixes are statements: those for the mapping, as printed
SELECT fix AS apart FROM llm_cost.doctor('ailing_usage') WHERE check_name = 'cached tokens in input' \gset
:apart
SELECT status, detail FROM llm_cost.doctor('ailing_usage') WHERE check_name IN ('cached tokens in input');
SELECT count(cost) FROM ailing_usage;
SELECT string_agg(fix, ' ') AS indexes FROM llm_cost.doctor('ailing_usage') WHERE check_name = 'time index' \gset
:indexes
SELECT status, detail, fix FROM llm_cost.doctor('ailing_usage') WHERE check_name = 'time index';

-- A relation that is not attached: what attach() would recognise, or what it lacks.
CREATE TABLE foreign_words (created_at timestamptz, model_name text, prompt_tokens int, completion_tokens int, customer_id text, trace_id text);
SELECT check_name, status, detail, fix FROM llm_cost.doctor('foreign_words');
SELECT fix AS mapping FROM llm_cost.doctor('foreign_words') WHERE check_name = 'mapping' \gset
:mapping
SELECT check_name, status, detail, fix FROM llm_cost.doctor('foreign_words_usage') WHERE status <> 'ok';
SELECT check_name, status, fix FROM llm_cost.doctor('healthy') WHERE check_name IN ('recognised', 'priced');

-- A column renamed after attach(): the view follows, the mapping is stale.
ALTER TABLE foreign_words RENAME customer_id TO client_id;
SELECT check_name, status, detail FROM llm_cost.doctor('foreign_words_usage') WHERE check_name = 'mapping';

-- Partitioned tables take no CONCURRENTLY.
CREATE TABLE parts (started_at timestamptz, model text) PARTITION BY RANGE (started_at);
SELECT fix FROM llm_cost.doctor('parts') WHERE check_name = 'time index';

-- What a price is missing for: the model of the price book, not the name in the
-- log; the seller that was logged; each meter up to its first price.
INSERT INTO llm_cost.price_override
	(price_book, provider, model, meter, amount, per, valid, known, source)
SELECT 'list', provider, 'regress-snap', meter, amount, 1000000, '[2026-01-01,)', '[2025-01-01,)', 'test'
FROM (VALUES ('openai', 'input', 3.00), ('openai', 'output', 15.00), ('anthropic', 'input', 4.00), ('anthropic', 'output', 15.00)) AS p (provider, meter, amount);
CREATE TABLE snapshots (started_at timestamptz, model text, provider text, service_tier text, region text,
	input_tokens bigint, output_tokens bigint, meters jsonb, error jsonb);
INSERT INTO snapshots VALUES
	('2025-06-01', 'openai/regress-snap-2025-08-07', 'OpenAI', NULL, NULL, 10, 10, NULL),
	('2026-06-01', 'openai/regress-snap-2025-08-07', 'OpenAI', 'scale', NULL, 10, 10, NULL),
	('2026-06-01', 'openai/regress-snap-2025-08-07', 'OpenAI', NULL, NULL, 10, 10, '{"regress_minute": 1}'),
	('2026-06-01', 'regress-snap', 'OpenAI', NULL, 'mars', 10, 10, NULL),
	('2026-06-01', 'regress-snap-2025-08-07', NULL, NULL, NULL, 10, 10, NULL);
SELECT llm_cost.attach('snapshots', mapping => '{"meters": "meters"}');
SELECT detail, fix FROM llm_cost.doctor('snapshots_usage') WHERE check_name = 'unpriced model' ORDER BY fix;
-- a name that all but exists, at a type that does not fit, is no fix
SELECT detail, fix FROM llm_cost.doctor('snapshots_usage') WHERE detail LIKE 'error_type%';

-- Where no seller is logged and several ask the same, none is as good as the other.
SELECT * FROM llm_cost.resolved_model('regress-snap', 'openai', 'list', '2026-06-01');
UPDATE llm_cost.price_override SET amount = 3 WHERE model = 'regress-snap' AND meter = 'input';
SELECT * FROM llm_cost.resolved_model('regress-snap-2025-08-07', NULL, 'list', '2026-06-01');
SELECT * FROM llm_cost.resolved_model('regress-model', NULL, 'list', '2026-06-01');
UPDATE llm_cost.price_override SET amount = 4 WHERE model = 'regress-snap' AND meter = 'input' AND provider = 'anthropic';

-- A name from a log cannot get out of the comment.
UPDATE snapshots SET model = E'x\n; DROP TABLE snapshots; --\r' WHERE region = 'mars';
SELECT fix FROM llm_cost.doctor('snapshots_usage') WHERE fix ILIKE '%DROP TABLE%';

-- Every fix runs as it is printed, unless it is a template: that is a comment.
\set ON_ERROR_STOP 1
SELECT DISTINCT d.fix
FROM unnest('{ailing_usage,snapshots_usage,healthy_usage,ailing,healthy,snapshots,foreign_words_usage,parts}'::regclass[]) r,
	 llm_cost.doctor(r) d
WHERE d.fix IS NOT NULL AND NOT d.fix LIKE '-- fill in: %' ORDER BY 1 \gexec
SELECT bool_and(line LIKE '-- fill in: %' AND line LIKE '%‹%') AS harmless
FROM unnest('{ailing_usage,snapshots_usage,healthy}'::regclass[]) r, llm_cost.doctor(r) d,
	 regexp_split_to_table(d.fix, E'\n') line
WHERE d.fix LIKE '-- fill in: %';
\set ON_ERROR_STOP 0

-- A registration whose view is somebody else's, or another, is not believed.
CREATE ROLE regress_doctor_other;
GRANT CREATE, USAGE ON SCHEMA regress_doctor TO regress_doctor_other;
ALTER VIEW snapshots_usage OWNER TO regress_doctor_other;
SELECT check_name, status, detail FROM llm_cost.doctor('snapshots_usage') WHERE check_name IN ('recognised', 'stale registration');
DROP VIEW snapshots_usage;
CREATE VIEW snapshots_usage AS SELECT started_at, model FROM snapshots;
SELECT check_name, status, detail, fix FROM llm_cost.doctor('snapshots_usage') WHERE check_name = 'stale registration';

SET client_min_messages = warning;
DROP SCHEMA regress_doctor CASCADE;
DROP ROLE regress_doctor_other;
DELETE FROM llm_cost.price_override WHERE model = 'regress-snap';
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_doctor';
DELETE FROM llm_cost.price_override WHERE provider IN ('regress-a', 'regress-b');
