--
-- decomposition(): effects that add up, worked by hand and at random.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_decompose;
RESET client_min_messages;
SET search_path = regress_decompose, public;
\set SHOW_CONTEXT never

-- One row for a unit, cell, part, failed or not, before and after; costs in dollars.
CREATE TABLE sums (
	example text, unit_key text, standing text DEFAULT 'known', cell text DEFAULT 'c', part text DEFAULT 'p', failed boolean DEFAULT false, after boolean,
	operations float8, calls float8, uncached float8, read float8, write_5m float8, write_1h float8,
	uncached_cost float8, read_cost float8, write_5m_cost float8, write_1h_cost float8, output_cost float8, other_cost float8, price float8);
CREATE FUNCTION explained(example text, resamples integer DEFAULT 0) RETURNS SETOF llm_cost.decomposition_effect
LANGUAGE sql STABLE
RETURN unnest((SELECT llm_cost.decomposition(unit_key, standing, cell, part, failed, after, resamples, operations, calls, uncached, read, write_5m, write_1h,
			uncached_cost, read_cost, write_5m_cost, write_1h_cost, output_cost, other_cost, price)
			   FROM regress_decompose.sums s WHERE s.example = explained.example));
CREATE FUNCTION shown(example text, OUT effect text, OUT amount numeric, OUT cell text, OUT cell_amount numeric, OUT part text) RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT e.effect, round(e.amount::numeric, 6), e.cell, round(e.cell_amount::numeric, 6), e.part FROM explained(shown.example) e WHERE round(e.amount::numeric, 6) <> 0;
END;

-- Twice the operations, twice the calls for each, twice the tokens a call: $10 become $80,
-- and each doubling has a third of the $70.
INSERT INTO sums (example, unit_key, after, operations, calls, uncached, uncached_cost) VALUES
	('thirds', 'u', false, 100, 100, 100000, 10), ('thirds', 'u', true, 200, 400, 800000, 80);
SELECT * FROM shown('thirds');

-- Two intents of $1 and $3 an operation; half and half become a quarter and three quarters.
-- Means: $2 and $2.5, in the middle $2.25.  The cheap one has (1 - 2.25) * -0.25 * 100 = 31.25,
-- the dear one (3 - 2.25) * 0.25 * 100 = 18.75.
INSERT INTO sums (example, unit_key, cell, after, operations, calls, output_cost) VALUES
	('mix', 'u', 'cheap', false, 50, 50, 50), ('mix', 'u', 'dear', false, 50, 50, 150),
	('mix', 'u', 'cheap', true, 25, 25, 25), ('mix', 'u', 'dear', true, 75, 75, 225);
SELECT * FROM shown('mix');
-- The same with models: mix of parts.
INSERT INTO sums (example, unit_key, part, after, operations, calls, output_cost)
SELECT 'models', unit_key, cell, after, operations, calls, output_cost FROM sums WHERE example = 'mix';
SELECT * FROM shown('models');
-- An intent that is new, and one that vanished, are mix and nothing else.
INSERT INTO sums (example, unit_key, cell, after, operations, calls, output_cost) VALUES
	('came and went', 'u', 'old', false, 10, 20, 30), ('came and went', 'u', 'new', true, 10, 50, 80);
SELECT * FROM shown('came and went');

-- Cache: 10 million tokens at $3 a million, read $0.3, written $3.75 and $6.  Eight tenths were
-- read, none are; 4 % are written for five minutes and 1 % for an hour.
-- Reads saved 0.8 * 2.7 * 10 = 21.6; writes cost 0.04 * 0.75 * 10 = 0.3 and 0.01 * 3 * 10 = 0.3 extra.
INSERT INTO sums (example, unit_key, after, operations, calls, uncached, read, write_5m, write_1h, uncached_cost, read_cost, write_5m_cost, write_1h_cost) VALUES
	('cache', 'u', false, 1000, 1000, 2e6, 8e6, 0, 0, 6, 2.4, 0, 0),
	('cache', 'u', true, 1000, 1000, 9.5e6, 0, 4e5, 1e5, 28.5, 0, 1.5, 0.6);
SELECT * FROM shown('cache');

-- Failed calls: there were none, now there are 200 at $0.004.  Who was zero has it all.
INSERT INTO sums (example, unit_key, failed, after, operations, calls, output_cost) VALUES
	('failed', 'u', false, false, 1000, 1000, 10), ('failed', 'u', false, true, 1000, 1000, 10), ('failed', 'u', true, true, 0, 200, 0.8);
SELECT * FROM shown('failed');
-- Answers cost nothing, then something: the price of a call was zero, so output has it all.
INSERT INTO sums (example, unit_key, after, operations, calls, output_cost) VALUES
	('free', 'u', false, 100, 100, 0), ('free', 'u', true, 300, 600, 6);
SELECT * FROM shown('free');
-- A dearer context tier: the same tokens at twice the rate, counted as input.
INSERT INTO sums (example, unit_key, after, operations, calls, uncached, uncached_cost) VALUES
	('tier', 'u', false, 10, 10, 1e6, 3), ('tier', 'u', true, 10, 10, 1e6, 6);
SELECT * FROM shown('tier');
-- New and lost users with all they spend, price apart, and what is no token.
INSERT INTO sums (example, unit_key, standing, after, operations, calls, output_cost, other_cost, price) VALUES
	('users', 'a', 'known', false, 10, 10, 1, 0, 0), ('users', 'a', 'known', true, 10, 10, 1, 0.5, -0.25),
	('users', 'b', 'new', true, 5, 5, 2, 0, 0.125), ('users', 'c', 'lost', false, 5, 5, 3, 0, 0);
SELECT effect, amount, cell, part, unit_key, unit_amount FROM explained('users') WHERE amount <> 0;
-- Nobody stayed: all came or went.
INSERT INTO sums (example, unit_key, after, operations, calls, output_cost) VALUES ('came', 'u', true, 3, 3, 7), ('went', 'u', false, 3, 3, 7);
SELECT 'came', * FROM shown('came') UNION ALL SELECT 'went', * FROM shown('went');
-- The example of docs/guide/explain.md: $15.90 become $47.
INSERT INTO sums (example, unit_key, standing, after, operations, calls, uncached, read, uncached_cost, read_cost, output_cost, price) VALUES
	('guide', 'known', 'known', false, 1000, 1000, 2e6, 8e6, 6, 2.4, 7.5, 0),
	('guide', 'known', 'known', true, 1200, 1200, 12e6, 0, 36, 0, 9, -2),
	('guide', 'new', 'new', true, 100, 100, 0, 0, 0, 0, 4, 0);
SELECT effect, round(amount, 2) AS amount FROM shown('guide');
-- Calls of an operation that began before the window: as many operations as such calls would be.
INSERT INTO sums (example, unit_key, after, operations, calls, output_cost) VALUES ('began before', 'u', false, 4, 8, 16), ('began before', 'u', true, 0, 4, 8);
SELECT * FROM shown('began before');
-- Refunds make a factor negative; it still adds up.
INSERT INTO sums (example, unit_key, after, operations, calls, output_cost) VALUES ('refund', 'u', false, 4, 8, 16), ('refund', 'u', true, 8, 8, -2);
SELECT effect, round(amount::numeric, 6) FROM explained('refund') WHERE amount <> 0;

-- Ten thousand random cases: cells and models that come and go, zero calls, tokens and costs,
-- amounts from a millionth of a dollar to thousands.
CREATE FUNCTION uniform(thing bigint, purpose bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
RETURN ((hashint8extended(thing, purpose) & 4503599627370495) + 0.5::float8) / 4503599627370496;
CREATE TABLE random_sums AS
SELECT n / 36 AS case_no, 'u' || n % 3 AS unit_key, CASE n / 36 % 10 * 3 + n % 3 WHEN 1 THEN 'new' WHEN 2 THEN 'lost' ELSE 'known' END AS standing,
	   'c' || n / 3 % 3 AS cell, 'p' || n / 9 % 2 AS part, n / 18 % 2 = 1 AS after, uniform(n, 1) < 0.3 AS failed,
	   CASE WHEN uniform(n, 2) < 0.2 THEN 0 ELSE floor(100 * uniform(n, 3)) / 4 END AS operations,
	   CASE WHEN uniform(n, 4) < 0.1 THEN 0 ELSE 1 + floor(50 * uniform(n, 5)) END AS calls,
	   CASE WHEN uniform(n, 6) < 0.2 THEN 0 ELSE floor(1e6 * uniform(n, 7)) END AS uncached, CASE WHEN uniform(n, 8) < 0.4 THEN 0 ELSE floor(1e6 * uniform(n, 9)) END AS read,
	   CASE WHEN uniform(n, 10) < 0.6 THEN 0 ELSE floor(1e5 * uniform(n, 11)) END AS write_5m, CASE WHEN uniform(n, 12) < 0.8 THEN 0 ELSE floor(1e5 * uniform(n, 13)) END AS write_1h,
	   10 ^ (9 * uniform(n / 36, 14) - 6) AS size, uniform(n, 15) AS r, n
FROM generate_series(0::bigint, 359999) AS n
WHERE uniform(n, 16) < 0.6
  AND NOT (uniform(n / 36, 23) < 0.3 AND n / 3 % 3 = 2 AND n / 18 % 2 = 0) AND NOT (uniform(n / 36, 24) < 0.3 AND n / 3 % 3 = 1 AND n / 18 % 2 = 1);
CREATE TABLE random_costs AS
SELECT s.*, uncached * size * r AS uncached_cost, read * size * r * 0.1 AS read_cost, write_5m * size * r * 1.25 AS write_5m_cost, write_1h * size * r * 2 AS write_1h_cost,
	   CASE WHEN uniform(n, 17) < 0.2 THEN 0 ELSE 1e5 * size * uniform(n, 18) END AS output_cost, CASE WHEN uniform(n, 19) < 0.8 THEN 0 ELSE 1e5 * size * uniform(n, 20) END AS other_cost,
	   CASE WHEN uniform(n, 21) < 0.5 THEN 0 ELSE 1e4 * size * (uniform(n, 22) - 0.5) END AS price
FROM random_sums s;
CREATE TABLE outcome AS
SELECT case_no, llm_cost.decomposition(unit_key, standing, cell, part, failed, after, 0, operations, calls, uncached, read, write_5m, write_1h,
		uncached_cost, read_cost, write_5m_cost, write_1h_cost, output_cost, other_cost, price) AS effects,
	   sum(uncached_cost + read_cost + write_5m_cost + write_1h_cost + output_cost + other_cost + price) FILTER (WHERE after) AS now,
	   sum(uncached_cost + read_cost + write_5m_cost + write_1h_cost + output_cost + other_cost + price) FILTER (WHERE NOT after) AS before,
	   count(DISTINCT cell) FILTER (WHERE after AND standing = 'known') <> count(DISTINCT cell) FILTER (WHERE standing = 'known') AS a_cell_vanished,
	   count(DISTINCT cell) FILTER (WHERE NOT after AND standing = 'known') <> count(DISTINCT cell) FILTER (WHERE standing = 'known') AS a_cell_is_new,
	   bool_or(calls = 0 OR operations = 0 OR output_cost = 0) AS zeros
FROM random_costs GROUP BY case_no;
SELECT count(*) AS cases, count(*) FILTER (WHERE a_cell_vanished) > 1000 AS vanished, count(*) FILTER (WHERE a_cell_is_new) > 1000 AS new, count(*) FILTER (WHERE zeros) > 1000 AS zeros,
	   max(abs(r.sum - (COALESCE(now, 0) - COALESCE(before, 0))) / GREATEST(abs(now), abs(before))) <= 1e-12 AS no_residual,
	   bool_and(r.total = r.sum AND abs(r.cache - r.cache_parts) <= 1e-12 * r.largest) AS sums_of_parts
FROM outcome, LATERAL (
	SELECT sum(e.amount) FILTER (WHERE e.rank <= 12) AS sum, sum(e.amount) FILTER (WHERE e.effect = 'total') AS total, max(abs(e.amount)) AS largest,
		   sum(e.amount) FILTER (WHERE e.effect = 'cache') AS cache, sum(e.amount) FILTER (WHERE e.effect LIKE 'cache\__%') AS cache_parts
	FROM unnest(effects) WITH ORDINALITY AS e (effect, amount, low, high, unit_key, unit_amount, cell, cell_amount, part, part_amount, rank)) AS r;
-- The order of rows means nothing, to the last bit, intervals included.
INSERT INTO sums (example, unit_key, standing, cell, part, failed, after, operations, calls, uncached, uncached_cost, output_cost)
SELECT 'order', 'u' || case_no % 40, 'known', cell, part, failed, after, operations, calls, uncached, uncached_cost, output_cost FROM random_costs WHERE case_no < 200;
CREATE TABLE in_order AS SELECT * FROM explained('order', 100);
CREATE TABLE shuffled AS SELECT * FROM sums WHERE example = 'order' ORDER BY md5(sums::text);
DELETE FROM sums WHERE example = 'order';
INSERT INTO sums SELECT * FROM shuffled;
SELECT count(*) AS effects, count(*) FILTER (WHERE o = s) AS same FROM in_order o JOIN explained('order', 100) s USING (effect);
-- An interval contains what it is of, where users are many and alike; one whale makes it wide.
INSERT INTO sums (example, unit_key, after, operations, calls, output_cost)
SELECT e, 'u' || u, after, 10, 10 + CASE WHEN after THEN 1 + u % 3 ELSE 0 END, CASE WHEN after THEN 2 + u % 5 * 0.1 ELSE 1 END * CASE WHEN u = 7 AND after AND e = 'whale' THEN 100 ELSE 1 END
FROM generate_series(1, 30) AS u, (VALUES (false), (true)) AS s (after), (VALUES ('alike'), ('whale')) AS x (e);
SELECT x.e AS example, effect, round(amount::numeric, 2) AS amount, low < amount AND amount < high AS inside, (high - low) / amount < 0.5 AS narrow, unit_key, unit_amount / amount > 0.5 AS half
FROM (VALUES ('alike'), ('whale')) AS x (e), LATERAL explained(x.e, NULL) AS d WHERE effect IN ('output', 'total');
-- Nine users are too few for an interval.
INSERT INTO sums SELECT 'nine', (s).unit_key, (s).standing, (s).cell, (s).part, (s).failed, (s).after, (s).operations, (s).calls, 0, 0, 0, 0, 0, 0, 0, 0, (s).output_cost, 0, 0
FROM sums s WHERE example = 'alike' AND unit_key IN ('u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7', 'u8', 'u9');
SELECT count(*) AS effects, count(low) AS intervals FROM explained('nine', 200);

-- No rows, NULL labels, and what is not accepted.
SELECT llm_cost.decomposition('u', 'known', 'c', 'p', false, true, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0) IS NULL AS none FROM sums WHERE false;
SELECT (e[1]).amount, (e[1]).unit_key IS NULL AS nobody FROM (SELECT llm_cost.decomposition(NULL, NULL, NULL, NULL, NULL, true, NULL, 1, 1, 0, 0, 0, NULL, 0, 0, 0, 0, 5, 0, NULL) AS e) AS d;
SELECT llm_cost.decomposition('u', 'lodger', 'c', 'p', false, true, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0);
SELECT llm_cost.decomposition('u', 'known', 'c', 'p', false, NULL, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0);
SELECT llm_cost.decomposition('u', 'known', 'c', 'p', false, true, 0, -1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0);
SELECT llm_cost.decomposition('u', 'known', 'c', 'p', false, true, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 'NaN', 0, 0);
SELECT llm_cost.decomposition('u', 'known', 'c', 'p', false, true, 39, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0);

--
-- shift_of_shares(): distances worked by hand, and who is swapped.
--
-- Half of the mass moves from 1 to 3, so the average moves by 1.
CREATE TABLE share (unit_key text, label text, "position" float8, after boolean, n float8);
INSERT INTO share SELECT 'u' || u, l, p, a, n FROM generate_series(1, 20) AS u, (VALUES ('a', 1.0, false, 2), ('a', 1.0, true, 1), ('b', 3.0, true, 1)) AS v (l, p, a, n);
SELECT round(wasserstein::numeric, 9) AS wasserstein, round(mean_shift::numeric, 9) AS mean_shift, jensen_shannon BETWEEN 0.3112781 AND 0.3112782 AS as_by_hand, p_value, units, n_before, n_after, label
FROM (SELECT (llm_cost.shift_of_shares(unit_key, label, "position", after, n, NULL)).* FROM share) AS s;
SELECT wasserstein, round(jensen_shannon::numeric, 7) AS jensen_shannon, round((0.5 * (1 * log(2, 1 / 0.75) + 0.5 * log(2, 0.5 / 0.75) + 0.5 * log(2, 0.5 / 0.25)))::numeric, 7) AS by_hand, p_value, label, round(share_before::numeric, 9) AS share_before, round(share_after::numeric, 9) AS share_after
FROM (SELECT (llm_cost.shift_of_shares(unit_key, label, NULL, after, n, 999)).* FROM share) AS s;
-- One user of twenty moves: nothing that users do not do.  More calls of the same kind: nothing at all.
SELECT round(p_value::numeric, 1) >= 0.3 AS by_himself FROM (SELECT (llm_cost.shift_of_shares(unit_key, CASE WHEN unit_key = 'u1' THEN label ELSE 'a' END, NULL, after, n, 999)).* FROM share) AS s;
SELECT jensen_shannon, p_value FROM (SELECT (llm_cost.shift_of_shares(unit_key, 'a', NULL, after, n * CASE WHEN after THEN 100 ELSE 1 END, 999)).* FROM share) AS s;
-- The order of rows means nothing; one user has no p value; one side only has nothing.
SELECT count(DISTINCT s) FROM (
	SELECT llm_cost.shift_of_shares(unit_key, label, "position", after, n, 99) AS s FROM (SELECT * FROM share ORDER BY md5(share::text)) AS x
	UNION ALL SELECT llm_cost.shift_of_shares(unit_key, label, "position", after, n, 99) FROM share) AS both_orders;
SELECT (llm_cost.shift_of_shares('u', label, "position", after, n, 99)).p_value FROM share;
SELECT (llm_cost.shift_of_shares(unit_key, label, "position", true, n, 99)).* FROM share;
SELECT llm_cost.shift_of_shares('u', 'a', 1, true, -1, 99);
SELECT llm_cost.shift_of_shares('u', 'a', p, true, 1, 99) FROM (VALUES (1.0), (2.0)) AS v (p);
SELECT llm_cost.shift_of_shares('u', 'a', p, true, 1, 99) FROM (VALUES (1.0), (NULL)) AS v (p);
SELECT llm_cost.shift_of_shares('u', 'a', 1, NULL, 1, 99);
SELECT llm_cost.shift_of_shares('u', 'a', 1, true, 1, -1);

SET client_min_messages = warning;
DROP SCHEMA regress_decompose CASCADE;
