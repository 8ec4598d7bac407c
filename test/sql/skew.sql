--
-- skew() and tail(): who, and what, the money is spent on
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_skew;
SET search_path = regress_skew;
-- A relation with a cost of its own is usage as it is.
CREATE TABLE call (started_at timestamptz, model text DEFAULT 'm', cost numeric, cost_problem text, operation_id text, attempt_id text, conversation_id text,
	user_id text, workflow text, intent text, kind text, prompt_hash text, input_tokens bigint, output_tokens bigint, meters jsonb);
\set period 'tstzrange(''2026-03-02'', ''2026-03-09'')'

-- 99 users who cost 1, 1.01, ... 1.98, and one who costs 100: in SQL, from the rows.
INSERT INTO call (started_at, user_id, cost, attempt_id, operation_id, conversation_id)
SELECT '2026-03-02 08:00'::timestamptz + g * interval '1 hour', 'u' || to_char(g, 'FM00'), 1 + (g - 1) / 100.0, 'a' || g, 'o' || g, 'c' || g FROM generate_series(1, 99) g
UNION ALL SELECT '2026-03-03', 'whale', 60, 'a100', 'o100', 'c100' UNION ALL SELECT '2026-03-04', 'whale', 40, 'a101', 'o101', 'c100';
CREATE VIEW by_user AS
	SELECT user_id, sum(cost) AS cost, row_number() OVER (ORDER BY sum(cost)) AS rank FROM call WHERE user_id IS NOT NULL AND cost IS NOT NULL GROUP BY 1;
SELECT s.scope, s.units, s.cost, s.max_cost, round(s.p50_cost::numeric, 6) = round(p.p[1]::numeric, 6) AS p50, round(s.p90_cost::numeric, 6) = round(p.p[2]::numeric, 6) AS p90,
	   round(s.p99_cost::numeric, 6) = round(p.p[3]::numeric, 6) AS p99, round(s.p99_to_p50::numeric, 6) = round((p.p[3] / p.p[1])::numeric, 6) AS ratio
FROM llm_cost.skew(period => :period, usage => 'call') s,
	 (SELECT percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY cost) AS p FROM by_user) p;
-- shares, Gini by its textbook formula, Lorenz points by running sums
SELECT round(s.top_1_share::numeric, 9) = round((SELECT sum(cost) FILTER (WHERE rank > 99) / sum(cost) FROM by_user), 9) AS top_1,
	   round(s.top_5_share::numeric, 9) = round((SELECT sum(cost) FILTER (WHERE rank > 95) / sum(cost) FROM by_user), 9) AS top_5,
	   round(s.top_10_share::numeric, 9) = round((SELECT sum(cost) FILTER (WHERE rank > 90) / sum(cost) FROM by_user), 9) AS top_10,
	   round(s.gini::numeric, 9) = round((SELECT 2 * sum(rank * cost) / (100 * sum(cost)) - 101 / 100.0 FROM by_user), 9) AS gini,
	   (SELECT array_agg(round(l::numeric, 9)) FROM unnest(s.lorenz) l)
	   = ARRAY(SELECT round(COALESCE((SELECT sum(cost) FROM by_user WHERE rank <= g * 10), 0) / (SELECT sum(cost) FROM by_user), 9) FROM generate_series(0, 10) g) AS lorenz
FROM llm_cost.skew(period => :period, usage => 'call') s;
-- the whale: 100 is 66.9 x 1.495, above 30 and 40 and not 70
SELECT whales, whale_ids, whale_costs, round(max_to_p50::numeric, 2) AS max_to_p50, round(whale_share::numeric, 6) AS whale_share, round(100 / cost, 6) AS by_hand
FROM llm_cost.skew(period => :period, usage => 'call', whale_factor => 40);
SELECT whales FROM llm_cost.skew(period => :period, usage => 'call');
SELECT whales, whale_ids, whale_costs, whale_share FROM llm_cost.skew(period => :period, usage => 'call', whale_factor => 70);
-- more than five: all are counted, the dearest are named
SELECT whales, whale_ids, whale_costs, whale_share > 0.5 AS most FROM llm_cost.skew(period => :period, usage => 'call', whale_factor => 1.2);
-- the same money by other units: 101 calls, 101 operations, 100 conversations
SELECT u.unit, s.units, s.cost, s.max_cost, s.whale_ids, s.automated, s.automated_share
FROM unnest('{attempt,operation,conversation,user}'::text[]) AS u (unit), LATERAL llm_cost.skew(unit => u.unit, period => :period, usage => 'call') s;
-- exactly 40 medians is a whale, less is none
UPDATE call SET cost = 40 WHERE attempt_id = 'a100'; UPDATE call SET cost = 1 WHERE user_id <> 'whale'; DELETE FROM call WHERE attempt_id = 'a101';
SELECT whales, whale_costs FROM llm_cost.skew(period => :period, usage => 'call', whale_factor => 40);
UPDATE call SET cost = 39.99 WHERE attempt_id = 'a100';
SELECT whales, whale_costs, whale_share FROM llm_cost.skew(period => :period, usage => 'call', whale_factor => 40);
TRUNCATE call;

-- An operation counts whole, where and when it began; its user where the money went.
INSERT INTO call (started_at, user_id, cost, operation_id, conversation_id, workflow, kind) VALUES
	('2026-03-01 23:00', 'a', 1, 'before', 'c1', 'x', NULL),	-- began before the period
	('2026-03-02 00:30', 'a', 2, 'before', 'c1', 'x', NULL),
	('2026-03-02 08:00', 'a', 4, 'first', 'c1', 'x', NULL),		-- x and y: belongs to x, 12 in all
	('2026-03-02 08:01', 'a', 8, 'first', 'c2', 'y', NULL),
	('2026-03-02 08:02', 'a', NULL, 'first', 'c2', 'y', 'tool'),	-- no call, no price needed
	('2026-03-08 23:59', 'b', 16, 'last', 'c3', 'y', NULL),		-- ends after the period
	('2026-03-09 00:01', 'b', 32, 'last', 'c3', 'y', NULL);
SELECT u.unit, s.scope, s.units, s.cost, s.max_cost
FROM unnest('{attempt,operation,conversation,user}'::text[]) AS u (unit), LATERAL llm_cost.skew('{workflow}', u.unit, :period, usage => 'call') s ORDER BY 1, 2;
TRUNCATE call;

-- What names no unit, what has no price: apart, and never zero.
INSERT INTO call (started_at, user_id, cost, operation_id, workflow) VALUES
	('2026-03-02', 'a', 3, 'o1', 'w'), ('2026-03-02', 'a', NULL, 'o1', 'w'),	-- a counts with 3; o1 has no cost
	('2026-03-02', 'b', NULL, 'o2', 'w'),										-- neither has
	('2026-03-02', NULL, 5, NULL, 'w'), ('2026-03-02', NULL, NULL, NULL, 'w'),
	('2026-03-02', 'c', 0, 'o3', 'free'), ('2026-03-02', NULL, NULL, NULL, 'dark');
SELECT scope ->> 'workflow' AS workflow, units, cost, p50_cost, p99_to_p50, round(top_1_share::numeric, 4) AS top_1_share, gini, cardinality(lorenz) AS points, whales, whale_share, automated, automated_share,
	   unattributed_attempts, unattributed_cost, unpriced_units, unpriced_attempts
FROM llm_cost.skew('{workflow}', period => :period, usage => 'call') ORDER BY 1;
SELECT scope ->> 'workflow' AS workflow, units, cost, unattributed_attempts, unattributed_cost, unpriced_units, unpriced_attempts
FROM llm_cost.skew('{workflow}', 'operation', period => :period, usage => 'call') ORDER BY 1;
SELECT scope ->> 'workflow' AS workflow, units, cost, unattributed_attempts, unattributed_cost, unpriced_units, unpriced_attempts
FROM llm_cost.skew('{workflow}', 'attempt', period => :period, usage => 'call') ORDER BY 1;
-- an attempt without attempt_id is named by its start
SELECT whale_ids, whale_costs FROM llm_cost.skew(unit => 'attempt', period => :period, usage => 'call', whale_factor => 1.6, filter => '{"workflow": ["w", "free"]}');
TRUNCATE call;

-- Signs of a program.  Each person here has four calls a day from 9 to 17, at
-- irregular times; each machine has one sign.
INSERT INTO call (started_at, user_id, cost, prompt_hash, input_tokens)
SELECT '2026-03-02'::timestamptz + d * interval '1 day' + (9 + n * 2) * interval '1 hour' + abs(hashint4(p * 1000 + d * 10 + n) % 3600) * interval '1 second',
	   'person ' || p, 1, 'h', 100 + d * 4 + n
FROM generate_series(1, 5) p, generate_series(0, 6) d, generate_series(0, 3) n
-- twenty hours of the day; nineteen, where 3:10 and 3:40 are in two hours of Kolkata
UNION ALL SELECT '2026-03-02'::timestamptz + h * interval '1 hour', 'night and day', 3, NULL, h FROM generate_series(2, 21) h
UNION ALL SELECT '2026-03-02 00:40'::timestamptz + h * interval '1 hour', 'long day', 3, NULL, h FROM generate_series(3, 21) h
UNION ALL SELECT '2026-03-02 03:10', 'long day', 3, NULL, 0
-- 10 of 20 as the one before, 9 of 20, 10 of 19; half the same but never in a row
UNION ALL SELECT '2026-03-02 10:00'::timestamptz + n ^ 2 * interval '1 minute', 'takes turns', 4, 'h', CASE WHEN n % 2 = 0 THEN 7 ELSE n * 1000 END FROM generate_series(1, 20) n
UNION ALL SELECT '2026-03-02 10:00'::timestamptz + n ^ 2 * interval '1 minute', 'repeats half', 4, 'h', CASE WHEN n <= 11 THEN 7 ELSE n * 1000 END FROM generate_series(1, 20) n
UNION ALL SELECT '2026-03-02 10:00'::timestamptz + n ^ 2 * interval '1 minute', 'repeats less', 4, 'h', CASE WHEN n <= 10 THEN 7 ELSE n * 1000 END FROM generate_series(1, 20) n
UNION ALL SELECT '2026-03-02 10:00'::timestamptz + n ^ 2 * interval '1 minute', 'too few', 4, 'h', CASE WHEN n <= 11 THEN 7 ELSE n * 1000 END FROM generate_series(1, 19) n
-- 50 pauses of 60 and 90 s in turn: mean 75, standard deviation 15, a fifth of it
UNION ALL SELECT '2026-03-02 10:00'::timestamptz + (n * 75 + n % 2 * 15) * interval '1 second' * 0.999, 'steady', 5, NULL, n FROM generate_series(0, 50) n
-- 40 and 110 s in turn: 75 and 35
UNION ALL SELECT '2026-03-02 10:00'::timestamptz + (n * 75 + n % 2 * 35) * interval '1 second', 'unsteady', 5, NULL, n FROM generate_series(0, 50) n
-- 49 pauses; 50 of two hours; 50 calls at one moment
UNION ALL SELECT '2026-03-02 10:00'::timestamptz + n * interval '75 seconds', 'steady but few', 5, NULL, n FROM generate_series(0, 49) n
UNION ALL SELECT '2026-03-02 09:00'::timestamptz + n / 4 * interval '1 day' + n % 4 * interval '2 hours', 'seldom', 5, NULL, n FROM generate_series(0, 27) n
UNION ALL SELECT '2026-03-02 10:00'::timestamptz, 'bulk', 5, NULL, n FROM generate_series(0, 99) n;
SELECT units, automated, automated_ids, automated_signs, automated_costs, round(automated_share::numeric, 6) AS share,
	   round((SELECT sum(cost) FILTER (WHERE user_id IN ('night and day', 'repeats half', 'steady')) / sum(cost) FROM call), 6) AS by_hand
FROM llm_cost.skew(period => :period, usage => 'call');
-- hours are those of the zone
SELECT automated_ids FROM llm_cost.skew(period => :period, usage => 'call', filter => '{"user_id": "long day"}', time_zone => 'Asia/Kolkata');
TRUNCATE call;

-- tail(): 95 calls of 1 and 5 that cost 8.1 times as much are 5 % and 29.9 %.
INSERT INTO call (started_at, intent, cost) SELECT '2026-03-02'::timestamptz, CASE WHEN g <= 60 THEN 'common' ELSE 'other' END, 1 FROM generate_series(1, 95) g
UNION ALL SELECT '2026-03-02', CASE WHEN g <= 2 THEN 'rare' ELSE NULL END, 8.1 FROM generate_series(1, 5) g
UNION ALL SELECT '2026-03-02', 'rare', NULL;
SELECT scope, attempts, cost, attempt_cost::numeric(10,4), attempt_share, round(spend_share::numeric, 6) AS spend_share, round(ratio::numeric, 6) AS ratio,
	   round(excess_cost, 4) AS excess_cost, round(running_attempt_share::numeric, 4) AS running_attempt_share, round(running_spend_share::numeric, 6) AS running_spend_share,
	   round(40.5 / 135.5, 6) AS by_hand, unpriced_attempts
FROM llm_cost.tail(period => :period, usage => 'call');
-- all of it sums to one; nothing is dear where all cost the same, or is worth little
SELECT scope, round(excess_cost, 4) AS excess_cost, round(running_attempt_share::numeric, 6) AS running_attempt_share, round(running_spend_share::numeric, 6) AS running_spend_share
FROM llm_cost.tail(period => :period, usage => 'call', min_ratio => 0, min_spend_share => 0);
SELECT count(*) FROM llm_cost.tail(period => :period, usage => 'call', filter => '{"intent": ["common", "other"]}');
SELECT scope FROM llm_cost.tail(period => :period, usage => 'call', min_spend_share => 0.15);
-- within workflows: what is dear in "a" is cheap in "b", where one call in ten is dear; then of all
TRUNCATE call;
INSERT INTO call (started_at, workflow, intent, cost) SELECT '2026-03-02'::timestamptz, 'a', CASE WHEN g = 1 THEN 'x' ELSE 'y' END, CASE WHEN g = 1 THEN 11 ELSE 1 END FROM generate_series(1, 10) g
UNION ALL SELECT '2026-03-02', 'b', CASE WHEN g = 1 THEN 'z' ELSE 'x' END, CASE WHEN g = 1 THEN 910 ELSE 10 END FROM generate_series(1, 10) g;
SELECT scope, attempt_share, spend_share, excess_cost::numeric(10,2), running_spend_share FROM llm_cost.tail(period => :period, usage => 'call');
SELECT scope, attempt_share, spend_share::numeric(10,6), excess_cost::numeric(10,2) FROM llm_cost.tail('{workflow,intent}', period => :period, usage => 'call');
SELECT scope, attempt_share, spend_share::numeric(10,6), excess_cost::numeric(10,2) FROM llm_cost.tail('{workflow}', period => :period, usage => 'call', min_ratio => 1.9);
SELECT scope, attempt_share, spend_share::numeric(10,6), excess_cost::numeric(10,2) FROM llm_cost.tail(within => '{}', period => :period, usage => 'call');
TRUNCATE call;

-- Nothing, one, the future, the default week, all of it unpriced or free.
SELECT count(*) FROM llm_cost.skew(period => :period, usage => 'call');
SELECT count(*) FROM llm_cost.skew(period => tstzrange('2026-05-04', '2026-05-11'), usage => 'call');
SELECT count(*) FROM llm_cost.tail(period => :period, usage => 'call');
INSERT INTO call (started_at, user_id, cost, intent) VALUES ('2026-03-02', 'only', 7, 'i');
SELECT jsonb_pretty(to_jsonb(s) - '{lorenz,top_1_share,top_5_share,top_10_share}'::text[]) FROM llm_cost.skew(period => :period, usage => 'call') s;
SELECT count(*) FROM llm_cost.skew(period => tstzrange('2999-01-01', '2999-01-08'), usage => 'call');
SELECT count(*) FROM llm_cost.tail(period => :period, usage => 'call');
SELECT * FROM llm_cost.tail(period => :period, usage => 'call', min_ratio => 1);
UPDATE call SET cost = 0;
SELECT p50_cost, p99_to_p50, gini, lorenz, whales, whale_share, automated, automated_share FROM llm_cost.skew(period => :period, usage => 'call');
SELECT count(*) FROM llm_cost.tail(period => :period, usage => 'call', min_ratio => 0, min_spend_share => 0);
UPDATE call SET cost = NULL;
SELECT units, cost, p50_cost, whales, automated, automated_share, unattributed_cost, unpriced_units, unpriced_attempts FROM llm_cost.skew(period => :period, usage => 'call');
SELECT count(*) FROM llm_cost.tail(period => :period, usage => 'call', min_ratio => 0, min_spend_share => 0);

-- Bad settings.
CREATE TABLE bare (started_at timestamptz, model text, cost numeric, cost_problem text);
SELECT * FROM llm_cost.skew(usage => 'bare');
SELECT * FROM llm_cost.skew(unit => 'operation', usage => 'bare');
SELECT * FROM llm_cost.skew(unit => 'conversation', usage => 'bare');
SELECT count(*) FROM llm_cost.skew(unit => 'attempt', period => :period, usage => 'bare');
SELECT * FROM llm_cost.skew(unit => 'team', usage => 'call');
SELECT * FROM llm_cost.skew(usage => 'call', whale_factor => 1);
SELECT * FROM llm_cost.tail(usage => 'bare');
SELECT * FROM llm_cost.tail('{}', usage => 'call');

-- Each sees what he may see, and a standby can answer.
TRUNCATE call;
INSERT INTO call (started_at, user_id, cost, intent) VALUES ('2026-03-02', 'open', 7, 'i'), ('2026-03-02', 'hidden', 900, 'j');
CREATE ROLE regress_skew_reader;
GRANT USAGE ON SCHEMA regress_skew TO regress_skew_reader;
GRANT SELECT ON call TO regress_skew_reader;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader ON call TO regress_skew_reader USING (user_id = 'open');
SET ROLE regress_skew_reader;
BEGIN READ ONLY;
SELECT units, cost, max_cost FROM llm_cost.skew(period => :period, usage => 'call');
SELECT scope, spend_share FROM llm_cost.tail(period => :period, usage => 'call', min_ratio => 0);
ROLLBACK;
RESET ROLE;
SELECT units, cost, max_cost FROM llm_cost.skew(period => :period, usage => 'call');

SET client_min_messages = warning;
SET search_path = public;
DROP SCHEMA regress_skew CASCADE;
DROP ROLE regress_skew_reader;
