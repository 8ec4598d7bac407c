--
-- attach(): hostile names
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
BEGIN;
CREATE SCHEMA "Regress $$ ""; DROP";
CREATE SCHEMA "source";
CREATE TABLE "Regress $$ ""; DROP"."'; DROP TABLE x; --" (
	"started at" timestamptz, "Model""s name" text, "select" int, "a'b" bigint, "cost" numeric, "u" text,
	"source" text, "tokens $$ %I %s" int, "Ünï çødé ☃" text, "{""sql"": ""x""}" text, "back\slash" text);
INSERT INTO "Regress $$ ""; DROP"."'; DROP TABLE x; --"
VALUES ('2026-03-01', 'm', 1, 2, 3, 'u', 'src', 4, 'snow', 'json', 'b\s');
SELECT llm_cost.attach('"Regress $$ ""; DROP"."''; DROP TABLE x; --"', mapping => jsonb_build_object(
	'started_at', 'started at', 'model', 'Model"s name', 'input_tokens', 'select', 'output_tokens', 'a''b',
	'recorded_cost', 'cost', 'user_id', 'u', 'team', 'source', 'system_tokens', 'tokens $$ %I %s',
	'feature', 'Ünï çødé ☃', 'workflow', '{"sql": "x"}', 'agent', jsonb_build_object('sql', '"back\slash" || ''$$'''),
	'intent', jsonb_build_object('sql', 'source.u')));
SELECT started_at, model, input_tokens, output_tokens, recorded_cost, user_id, team, system_tokens, feature, workflow, agent, intent
FROM "Regress $$ ""; DROP"."'; DROP TABLE x; --_usage";
SELECT schema_name, view_name, relation_name, mapping, time_column FROM llm_cost.attached_usage WHERE schema_name LIKE 'Regress%' \gx
SELECT llm_cost.period_predicate('"Regress $$ ""; DROP"."''; DROP TABLE x; --_usage"', '[2026-03-01,2026-03-02)', 'a"b');
SELECT check_name, fix FROM llm_cost.doctor('"Regress $$ ""; DROP"."''; DROP TABLE x; --_usage"') WHERE check_name = 'time index';
SELECT llm_cost.detach('"Regress $$ ""; DROP"."''; DROP TABLE x; --_usage"');

-- 63 bytes, ASCII and not: the view's name is cut, and differs from the table's.
DO $$
BEGIN
	EXECUTE format('CREATE TABLE "source".%I (started_at timestamptz, model text)', repeat('x', 63));
	EXECUTE format('CREATE TABLE "source".%I (started_at timestamptz, model text, %I text)', repeat('é', 31), repeat('ü', 31));
END $$;
SELECT llm_cost.attach(('"source".' || repeat('x', 63))::regclass);
SELECT llm_cost.attach(('"source".' || repeat('é', 31))::regclass, mapping => jsonb_build_object('user_id', repeat('ü', 31)));
SELECT octet_length(view_name) FROM llm_cost.attached_usage WHERE schema_name = 'source' ORDER BY 1;

-- Columns that are called like what the view is made of.
CREATE TABLE "source".clash (started_at timestamptz, model text, llm_cost_prompt int, attributes jsonb, base_started_at timestamp,
	cost_problem text, avoided_cost numeric, source int, u int);
INSERT INTO "source".clash (started_at, base_started_at, model, attributes, source) VALUES ('2026-03-01', '2026-03-02', 'm', '{"anything": "goes"}', 7);
SELECT llm_cost.attach('"source".clash', mapping => '{"user_id": "source"}');
SELECT started_at, user_id, cost, cost_problem FROM "source".clash_usage;
SELECT llm_cost.detach('"source".clash_usage');
SELECT llm_cost.attach('"source".clash', mapping => '{"started_at": "base_started_at"}', view_name => '"source"."Günther''s ""view"" $x$"');
SELECT started_at, base_started_at FROM "source"."Günther's ""view"" $x$";
ROLLBACK;
