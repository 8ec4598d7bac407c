--
-- Rollups whose rows change what others count, and whose usage changes its price book.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_rows;
SET search_path = regress_rows;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
SELECT count(*) FROM (VALUES ('input', 2.0), ('output', 10.0)) AS p (meter, amount), LATERAL llm_cost.set_price('regress-r', p.meter, p.amount, '2026-01-01', 'regress') \gset
CREATE TABLE span (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, attempt_id text, parent_id text, kind text);
SELECT llm_cost.create_rollup('daily', '{model}', 'span') \gset
CREATE VIEW tie AS SELECT (SELECT ROW(sum(attempts), sum(cost)) FROM daily_cell) = (SELECT ROW(sum(attempts)::numeric, sum(cost)) FROM llm_cost.cells(period => '[2026-06-01, 2026-07-01)', usage => 'span')) AS ties;

-- Shortly before midnight a span, alone on its day.
INSERT INTO span VALUES ('2026-06-01 23:59', 'regress-r', 1000, 100, 'o', 'root', NULL, 'agent');
SELECT bucket_start, action, attempts, cost FROM llm_cost.refresh_rollup('daily');
-- After midnight come the calls that it is the sum of: their cost counts once.
INSERT INTO span VALUES ('2026-06-02 00:01', 'regress-r', 600, 50, 'o', 'c1', 'root', 'chat'), ('2026-06-02 00:02', 'regress-r', 400, 50, 'o', 'c2', 'root', 'chat');
SELECT bucket_start, action, attempts, cost FROM llm_cost.refresh_rollup('daily');
SELECT bucket_start, found_rows, attempts, cost FROM daily;
SELECT * FROM tie;
-- A row that is gone is seen, though none of its cells is: what is left is kept.
INSERT INTO span VALUES ('2026-06-01 12:00', 'regress-r', 10, 10, 'q', 'q', NULL, 'chat');
SELECT bucket_start, action, attempts, cost FROM llm_cost.refresh_rollup('daily');
DELETE FROM span WHERE attempt_id IN ('q', 'root');
INSERT INTO span VALUES ('2026-06-01 13:00', 'regress-r', 10, 10, 'r', 'r', NULL, 'chat');
SELECT bucket_start, action FROM llm_cost.refresh_rollup('daily');

-- Another price book is not mixed with the first.
CREATE TABLE call AS SELECT d + INTERVAL '1 hour' AS started_at, 'regress-r' AS model, 500000 AS input_tokens, 0 AS output_tokens FROM generate_series('2026-05-01'::timestamptz, '2026-06-30', INTERVAL '1 day') d;
SELECT llm_cost.attach('call') \gset
SELECT llm_cost.create_rollup('of_call', '{model}', 'call_usage') \gset
SELECT action, count(*), sum(cost) FROM llm_cost.refresh_rollup('of_call') GROUP BY 1;
SELECT llm_cost.detach('call_usage'), llm_cost.add_price_book('regress_half', base_book => 'list'), llm_cost.set_rule('discount', 'multiplier', 0.5, price_book => 'regress_half') \gset
SELECT llm_cost.attach('call', price_book => 'regress_half') \gset
SELECT * FROM llm_cost.refresh_rollup('of_call');
SELECT * FROM llm_cost.reprice('of_call', '[2026-06-30, 2026-07-01)', dry_run => false);
SELECT action, count(*), sum(difference) FROM llm_cost.reprice('of_call') GROUP BY 1;
SELECT action, count(*), sum(cost) FROM llm_cost.refresh_rollup('of_call', '(,)') GROUP BY 1;
SELECT price_book FROM llm_cost.rollup WHERE rollup_name = 'of_call';
SELECT count(*) AS buckets FROM llm_cost.refresh_rollup('of_call');

-- None is made where it would be gone with the session.
SELECT llm_cost.create_rollup('pg_temp.gone', '{model}', 'call_usage');
CREATE TEMP TABLE short_lived AS SELECT * FROM call;
SELECT llm_cost.create_rollup('gone', '{model}', 'short_lived');
SELECT count(*) AS left FROM llm_cost.rollup WHERE rollup_name = 'gone';

DROP VIEW tie;
SELECT llm_cost.drop_rollup('of_call'), llm_cost.drop_rollup('daily') \gset
DELETE FROM llm_cost.attached_usage;
DROP SCHEMA regress_rows CASCADE;
