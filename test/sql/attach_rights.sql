--
-- attach(): whose rights hold
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
DROP ROLE IF EXISTS regress_attach_owner, regress_attach_analyst, regress_attach_stranger;
RESET client_min_messages;
CREATE ROLE regress_attach_owner;
CREATE ROLE regress_attach_analyst;
CREATE ROLE regress_attach_stranger;
CREATE SCHEMA regress_attach_rights AUTHORIZATION regress_attach_owner;
GRANT USAGE ON SCHEMA regress_attach_rights TO regress_attach_analyst, regress_attach_stranger;

-- An ordinary user attaches his own table; row security sits on the table.
SET ROLE regress_attach_owner;
CREATE TABLE regress_attach_rights.calls (started_at timestamptz, model text, input_tokens int, team text);
INSERT INTO regress_attach_rights.calls VALUES
	('2026-03-01', 'm', 10, 'regress_attach_analyst'), ('2026-03-02', 'm', 20, 'somebody else');
ALTER TABLE regress_attach_rights.calls ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON regress_attach_rights.calls FOR SELECT TO regress_attach_analyst USING (team = current_user);
SELECT llm_cost.attach('regress_attach_rights.calls');
GRANT SELECT ON regress_attach_rights.calls TO regress_attach_analyst;
GRANT SELECT ON regress_attach_rights.calls_usage TO regress_attach_analyst, regress_attach_stranger;
SELECT sum(input_tokens) AS owner_sees FROM regress_attach_rights.calls_usage;
SELECT attached_by FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';

SET ROLE regress_attach_analyst;
SELECT sum(input_tokens) AS analyst_sees FROM regress_attach_rights.calls_usage;
SELECT view_name FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';
SELECT llm_cost.period_predicate('regress_attach_rights.calls_usage', '[2026-03-01,2026-03-02)');
SELECT check_name, status FROM llm_cost.doctor('regress_attach_rights.calls_usage') WHERE check_name IN ('recognised', 'rows looked at') ORDER BY 1;
SELECT llm_cost.detach('regress_attach_rights.calls_usage');
SELECT llm_cost.attach('regress_attach_rights.calls', view_name => 'mine');
-- nobody can pretend to have attached what he does not own
INSERT INTO llm_cost.attached_usage (schema_name, view_name, relation_schema, relation_name, profile, price_book, base_column)
VALUES ('regress_attach_rights', 'other', 'x', 'x', 'generic', 'list', 'started_at');
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';
UPDATE llm_cost.attached_usage SET price_book = 'list';
SELECT count(*) AS still_there FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';

-- The view gives nobody rights on the table.
SET ROLE regress_attach_stranger;
SELECT sum(input_tokens) FROM regress_attach_rights.calls_usage;
RESET ROLE;
REVOKE SELECT ON regress_attach_rights.calls_usage FROM regress_attach_stranger;
SET ROLE regress_attach_stranger;
SELECT count(*) AS visible FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';
SELECT llm_cost.detach('regress_attach_rights.calls_usage');

-- A schema the reader may not use does not get in the way.
RESET ROLE;
REVOKE USAGE ON SCHEMA regress_attach_rights FROM regress_attach_stranger;
SET ROLE regress_attach_stranger;
SELECT count(*) AS visible FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';

-- detach() takes only what attach() made; not even after the view was replaced.
SET ROLE regress_attach_owner;
CREATE VIEW regress_attach_rights.plain AS SELECT 1 AS one;
SELECT llm_cost.detach('regress_attach_rights.plain');
SELECT llm_cost.detach('regress_attach_rights.calls');
SELECT llm_cost.attach('regress_attach_rights.calls', view_name => 'replaced');
DROP VIEW regress_attach_rights.replaced;
CREATE VIEW regress_attach_rights.replaced AS SELECT 1 AS one;
SELECT llm_cost.detach('regress_attach_rights.replaced');
DROP VIEW regress_attach_rights.replaced;
-- the row left behind: doctor says so, and attach() replaces it
SELECT check_name, status, detail, fix FROM llm_cost.doctor('regress_attach_rights.calls_usage') WHERE check_name = 'stale registration';
SELECT llm_cost.attach('regress_attach_rights.calls', view_name => 'replaced');
SELECT count(*) FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';
-- what depends on the view is not dropped behind anybody's back
CREATE VIEW regress_attach_rights.on_top AS SELECT sum(cost) FROM regress_attach_rights.replaced;
SELECT llm_cost.detach('regress_attach_rights.replaced');
SELECT count(*) FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';
DROP VIEW regress_attach_rights.on_top;
SELECT llm_cost.detach('regress_attach_rights.replaced');
RESET ROLE;

-- Dumped whole, by an owner whom row security does not stop.
SELECT relname, relrowsecurity, relforcerowsecurity, u.condition = '' AS whole
FROM pg_extension e, unnest(extconfig, extcondition) AS u (config, condition) JOIN pg_class c ON c.oid = u.config
WHERE extname = 'llm_cost' AND relname = 'attached_usage';

SET client_min_messages = warning;
DROP SCHEMA regress_attach_rights CASCADE;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_attach_rights';
DROP ROLE regress_attach_owner, regress_attach_analyst, regress_attach_stranger;
