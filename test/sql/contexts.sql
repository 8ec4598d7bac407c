--
-- contexts(): sizes of prompts, what of them is fixed, and how they grow
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA regress_contexts;
SET search_path = regress_contexts;
-- Prices that make arithmetic easy: a token of input costs 10, read from cache
-- 1, written for five minutes 12, for an hour 20, of output 50.  Above 100,000
-- tokens of input everything costs double.
INSERT INTO llm_cost.price_override (price_book, provider, model, meter, amount, per, tier_from, valid, known, source)
SELECT 'list', 'regress-c', 'regress-context', meter, amount * factor, 1, tier_from, '[2026-01-01,)', '[2025-01-01,)', 'test'
FROM (VALUES ('input', 10), ('cache_read', 1), ('cache_write_5m', 12), ('cache_write_1h', 20), ('output', 50)) AS p (meter, amount),
	(VALUES (0, 1), (100000, 2)) AS t (tier_from, factor);

CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint,
	cache_write_1h_tokens bigint, output_tokens bigint, system_tokens bigint, billable boolean, operation_id text, conversation_id text,
	turn bigint, prompt_hash text, workflow text, kind text);
SELECT llm_cost.attach('call') AS usage \gset
\set period 'tstzrange(''2026-03-02'', ''2026-03-09'')'

-- What a cut takes.  Each line: a prompt of 10,000 tokens, what is fixed, read,
-- written and written for an hour.  By hand, with limits 500 and 2,000:
INSERT INTO call (started_at, model, output_tokens, input_tokens, system_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, workflow, billable) VALUES
	-- nothing cached: fixed excess 2,500 x 10, dynamic excess 5,000 x 10
	('2026-03-02', 'regress-context', 7, 10000, 3000, NULL, NULL, NULL, 'a plain', NULL),
	-- all of it read, but for the newest 1,000: 2,500 x 1, 5,000 x 1
	('2026-03-02', 'regress-context', 7, 10000, 3000, 9000, 0, 0, 'b read', NULL),
	-- 1,000 read, 4,000 written for 1 h, 3,000 for 5 min, 2,000 plain; fixed [500,3000): 500 x 1 + 2,000 x 20 = 40,500
	-- dynamic [3000,8000): 2,000 x 20 + 3,000 x 12 = 76,000
	('2026-03-02', 'regress-context', 7, 10000, 3000, 1000, 7000, 4000, 'c written', NULL),
	-- within the limits, exactly: nothing
	('2026-03-02', 'regress-context', 7, 2500, 500, 0, 0, 0, 'd exact', NULL),
	-- one over each: 10, 10
	('2026-03-02', 'regress-context', 7, 2502, 501, 0, 0, 0, 'e one over', NULL),
	-- 150,000 tokens at the double price, output too; without the fixed excess of 2,500 still double: 2,500 x 20;
	-- without the dynamic excess of 145,000 the rest is cheap: 150,000 x 20 + 7 x 100 - 5,000 x 10 - 7 x 50 = 2,950,350
	('2026-03-02', 'regress-context', 7, 150000, 3000, 0, 0, 0, 'f tier', NULL),
	-- the provider billed nothing
	('2026-03-02', 'regress-context', 7, 10000, 3000, 0, 0, 0, 'g free', false),
	-- a system prompt that claims to be larger than the whole: all is fixed
	('2026-03-02', 'regress-context', 7, 1000, 3000, 0, 0, 0, 'h claims', NULL),
	-- no price, no count, a count that cannot be
	('2026-03-02', 'regress-nobody', 7, 10000, 3000, 0, 0, 0, 'i unpriced', NULL),
	('2026-03-02', 'regress-context', 7, NULL, 3000, 0, 0, 0, 'j no input', NULL),
	('2026-03-02', 'regress-context', 7, -1, 3000, 0, 0, 0, 'j no input', NULL),
	-- no system prompt reported
	('2026-03-02', 'regress-context', 7, 10000, NULL, 0, 0, 0, 'k unsplit', NULL);
SELECT scope ->> 'workflow' AS workflow, cost, fixed_mean, dynamic_mean, over_fixed, over_fixed_tokens, over_fixed_cost,
	   over_dynamic, over_dynamic_tokens, over_dynamic_cost, note
FROM llm_cost.contexts(period => :period) ORDER BY 1;
-- other limits: of 'c' 10,000 - 3,000 - 7,500 is below zero; fixed [2000,3000) is written for 1 h
SELECT over_fixed_cost, over_dynamic_cost FROM llm_cost.contexts(period => :period, fixed_limit => 2000, dynamic_limit => 7500, filter => '{"workflow": "c written"}');
-- NULL is the default
SELECT over_fixed_cost, over_dynamic_cost FROM llm_cost.contexts(NULL, :period, NULL, '{"workflow": "c written"}', NULL, NULL, NULL, NULL, NULL);
-- everything together is the sum
SELECT scope, attempts, unreported_attempts, unpriced_attempts, input_tokens, over_fixed, over_fixed_cost, over_dynamic, over_dynamic_cost
FROM llm_cost.contexts('{}', :period);
SELECT sum(over_fixed), sum(over_fixed_cost), sum(over_dynamic), sum(over_dynamic_cost) FROM llm_cost.contexts(period => :period);
TRUNCATE call;

-- Distribution now and before: 1 to 100 in each of four weeks, then 2 to 200 by
-- twos and one of 10,000; recomputed in SQL.
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens)
SELECT '2026-02-02'::timestamptz + w * interval '7 days' + g * interval '1 hour', 'regress-context', 'w', CASE w WHEN 4 THEN 2 ELSE 1 END * g, 1
FROM generate_series(0, 4) w, generate_series(1, 100) g;
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens) VALUES ('2026-03-03', 'regress-context', 'w', 10000, 1);
SELECT c.attempts, c.p50_tokens = x.p[1] AS p50, c.p90_tokens = x.p[2] AS p90, c.p99_tokens = x.p[3] AS p99, c.max_tokens, c.mean_tokens = x.mean::float8 AS mean,
	   c.attempts_before, round(c.p50_before::numeric) AS p50_before, round(c.p90_before::numeric) AS p90_before, c.max_before, c.mean_before,
	   c.p50_tokens, c.spikes, round(c.spike_share::numeric, 6) AS spike_share, round(10000 / x.total, 6) AS spike_share_by_hand
FROM llm_cost.contexts(period => :period) c,
	 (SELECT percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY input_tokens) AS p, avg(input_tokens) AS mean, sum(input_tokens) AS total
	  FROM call WHERE started_at >= '2026-03-02') x;
-- the only prompt above 5 x the median; above 1.5 x there are more
SELECT c.spikes, (SELECT count(*) FROM call WHERE started_at >= '2026-03-02' AND input_tokens > 1.5 * c.p50_tokens) AS by_hand
FROM llm_cost.contexts(period => :period, spike_factor => 1.5) c;
-- a baseline of one week, and of a range
SELECT attempts_before, mean_before, trend_pct FROM llm_cost.contexts(period => :period, baseline => '1 week');
SELECT attempts_before, mean_before FROM llm_cost.contexts(period => :period, baseline => '[2026-02-02,2026-02-16)');
TRUNCATE call;

-- Trend: 10 % a week, the mean of each week exact, more attempts in some weeks;
-- over a period of two weeks with a baseline of four; flat; and too few weeks.
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens)
SELECT '2026-02-02'::timestamptz + w * interval '7 days' + (g * 7) % 160 * interval '1 hour', 'regress-context', x.workflow, x.tokens, 1
FROM generate_series(0, 4) w, LATERAL (VALUES ('rising', (100000 * 1.1 ^ w)::bigint), ('flat', 500), ('new', CASE WHEN w > 2 THEN 500 END)) AS x (workflow, tokens),
	 LATERAL generate_series(1, 3 + 2 * w) g
WHERE x.tokens IS NOT NULL;
SELECT scope ->> 'workflow' AS workflow, round(trend_pct::numeric, 4) AS trend_pct, attempts, attempts_before FROM llm_cost.contexts(period => :period) ORDER BY 1;
SELECT scope ->> 'workflow' AS workflow, round(trend_pct::numeric, 4) AS trend_pct, attempts, attempts_before
FROM llm_cost.contexts(period => tstzrange('2026-02-23', '2026-03-09'), baseline => '4 weeks') ORDER BY 1;
-- weighted: by hand with the formula of a weighted slope, from the rows
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens) SELECT '2026-02-10', 'regress-context', 'rising', 400000, 1 FROM generate_series(1, 4);
SELECT round(c.trend_pct::numeric, 6) AS trend_pct, round(x.pct::numeric, 6) AS by_hand
FROM llm_cost.contexts(period => :period, filter => '{"workflow": "rising"}') c,
	 (SELECT 100 * (exp(regr_slope(y, week)) - 1) AS pct
	  FROM (SELECT week, ln(avg(input_tokens) OVER (PARTITION BY week)) AS y
			FROM (SELECT (started_at::date - '2026-02-02'::date) / 7 AS week, input_tokens FROM call WHERE workflow = 'rising') q) q) x;
TRUNCATE call;

-- Growth over turns.  Conversation a starts at 1,000 and adds 100 a turn for
-- ten turns; b starts at 5,000, adds 300, and has five.  Slope within: (a) sxx
-- 82.5, (b) sxx 10: (8250 + 3000) / 92.5 = 121.62.  Turn 1: (1000 + 5000) / 2.
-- Only a has a turn 10: 1,900 to 1,000.
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens, conversation_id, turn)
SELECT '2026-03-02'::timestamptz + t * interval '1 minute', 'regress-context', 'chat', 1000 + 100 * (t - 1), 1, 'a', t FROM generate_series(1, 10) t
UNION ALL SELECT '2026-03-03'::timestamptz + t * interval '1 minute', 'regress-context', 'chat', 5000 + 300 * (t - 1), 1, 'b', t FROM generate_series(1, 5) t
UNION ALL SELECT '2026-03-03'::timestamptz, 'regress-context', 'single', 700, 1, 'c', 1
UNION ALL SELECT '2026-03-03'::timestamptz, 'regress-context', 'none', 700, 1, 'd', NULL;
SELECT scope ->> 'workflow' AS workflow, turn_1_tokens, turn_5_tokens, turn_10_tokens, round(tokens_per_turn::numeric, 2) AS tokens_per_turn,
	   round(turn_ratio::numeric, 4) AS turn_ratio, note
FROM llm_cost.contexts(period => :period) ORDER BY 1;
TRUNCATE call;

-- Repeated prompts.  The first operation with a prompt pays; a retry within it
-- repeats nothing; the prompts of o2 and o3 do, and what they have read already
-- cannot be saved again.  o4 and o9 have another size: a size that two share is chance.
INSERT INTO call (started_at, model, workflow, input_tokens, cache_read_tokens, output_tokens, operation_id, prompt_hash) VALUES
	('2026-03-02 10:00', 'regress-context', 'w', 1000, 0, 2, 'o1', 'h'),
	('2026-03-02 10:01', 'regress-context', 'w', 1000, 0, 2, 'o1', 'h'),
	('2026-03-02 11:00', 'regress-context', 'w', 1000, 0, 2, 'o2', 'h'),	-- paid 10,100, cached 1,100: saves 9,000
	('2026-03-02 12:00', 'regress-context', 'w', 1000, 400, 2, 'o3', 'h'),	-- paid 6,500, cached 1,100: saves 5,400
	('2026-03-02 12:00', 'regress-context', 'w', 1001, 0, 2, 'o4', 'h'),
	('2026-03-02 12:00', 'regress-context', 'w', 1001, 0, 2, 'o9', 'h'),
	('2026-03-02 12:00', 'regress-context', 'w', 1000, 0, 2, 'o5', NULL),
	('2026-03-02 12:00', 'regress-context', 'w', 1000, 0, 2, NULL, 'h'),
	('2026-03-02 12:00', 'regress-context', 'no repeats', 1000, 0, 2, 'o6', 'h');
SELECT scope ->> 'workflow' AS workflow, duplicates, duplicate_share = 2000 / 8002::float8 AS share, duplicate_cost, duplicate_saving, note
FROM llm_cost.contexts(period => :period) ORDER BY 1;
-- without workflows o6 repeats o1
SELECT duplicates, duplicate_cost, duplicate_saving FROM llm_cost.contexts('{}', :period);
-- Ten operations at each of 200 sizes are chance; thirty at one of them are not.
-- More than 2 + 10 + 5 sqrt(10) = 27.8 there: all but 1 + 10 repeat.
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens, operation_id, prompt_hash)
SELECT '2026-03-02', 'regress-context', 'dense', 500 + g / 10, 2, 'd' || g, 'h' FROM generate_series(0, 1999) g;
SELECT duplicates, duplicate_saving FROM llm_cost.contexts(period => :period, filter => '{"workflow": "dense"}');
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens, operation_id, prompt_hash)
SELECT '2026-03-02', 'regress-context', 'dense', 600, 2, 'e' || g, 'h' FROM generate_series(1, 17) g;
SELECT duplicates FROM llm_cost.contexts(period => :period, filter => '{"workflow": "dense"}');
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens, operation_id, prompt_hash)
SELECT '2026-03-02', 'regress-context', 'dense', 600, 2, 'f' || g, 'h' FROM generate_series(1, 3) g;
-- paid 6,100, cached 700
SELECT duplicates, duplicate_cost / 6100 AS paid, duplicate_saving / 5400 AS saved FROM llm_cost.contexts(period => :period, filter => '{"workflow": "dense"}');
-- a prompt without a price is said to be one
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens, operation_id, prompt_hash) VALUES ('2026-03-02 13:00', 'regress-nobody', 'w', 1000, 2, 'o7', 'h');
SELECT duplicates, duplicate_cost, duplicate_saving, note FROM llm_cost.contexts('{workflow}', :period, filter => '{"workflow": "w"}');
SELECT duplicates, duplicate_cost, duplicate_saving, note FROM llm_cost.contexts('{model}', :period, filter => '{"model": "regress-nobody"}');
TRUNCATE call;

-- Nothing there: no rows.  One row; NULL dimensions; a tool call is no prompt; weeks of a zone.
SELECT count(*) FROM llm_cost.contexts(period => :period);
SELECT count(*) FROM llm_cost.contexts('{}', :period);
SELECT count(*) FROM llm_cost.contexts('{}', '[2026-05-04,2026-05-11)');
INSERT INTO call (started_at, model, input_tokens, output_tokens) VALUES ('2026-03-02', 'regress-context', 100, 1);
INSERT INTO call (started_at, model, kind) VALUES ('2026-03-02', 'regress-context', 'tool');
SELECT * FROM llm_cost.contexts('{workflow,model}', :period);
-- a count of nothing has no ratios
UPDATE call SET input_tokens = 0 WHERE kind IS NULL;
SELECT mean_tokens, p50_tokens, trend_pct, spikes, spike_share, duplicate_share FROM llm_cost.contexts('{}', :period);
-- the change to summer time: two weeks before Monday 00:00 in Berlin is 23:00 UTC, not 22:00
INSERT INTO call (started_at, model, input_tokens, output_tokens) SELECT t, 'regress-context', 100, 1
FROM unnest('{2026-03-22 22:30,2026-03-22 23:30,2026-04-05 22:30}'::timestamptz[]) t;
SELECT attempts, attempts_before FROM llm_cost.contexts('{}', tstzrange('2026-04-06 00:00+02', '2026-04-13 00:00+02'), '2 weeks', time_zone => 'Europe/Berlin');
-- however the session writes its dates
SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Kolkata';
SELECT attempts, attempts_before FROM llm_cost.contexts('{}', tstzrange('2026-04-06 00:00+02', '2026-04-13 00:00+02'), '2 weeks', time_zone => 'Europe/Berlin');
SET datestyle = 'ISO'; SET timezone = 'UTC';
-- the weeks: five of them, one an hour short; with gaps; of a range
SELECT upper(scanned) - lower(scanned) AS scanned, cardinality(bounds), weeks
FROM llm_cost.week_slices(tstzrange('2026-04-06 00:00+02', '2026-04-13 00:00+02'), NULL, 'Europe/Berlin');
SELECT weeks FROM llm_cost.week_slices(tstzrange('2026-03-02', '2026-03-05'), '2 weeks', 'UTC');
SELECT weeks FROM llm_cost.week_slices(tstzrange('2026-03-02', '2026-03-22'), '[2026-01-01,2026-01-10)', 'UTC');

-- Usage that does not report: an error for what is needed, a note for the rest.
CREATE TABLE bare (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint);
INSERT INTO bare VALUES ('2026-03-02', 'regress-context', 100, 1);
SELECT attempts, over_fixed, over_fixed_tokens, over_fixed_cost, over_dynamic, over_dynamic_tokens, over_dynamic_cost, turn_1_tokens, tokens_per_turn, duplicates, duplicate_saving, note
FROM llm_cost.contexts(period => :period, usage => 'bare');
CREATE TABLE hashed AS SELECT *, 'h' AS prompt_hash FROM bare;
SELECT duplicates, note FROM llm_cost.contexts(period => :period, usage => 'hashed');
CREATE TABLE blind (started_at timestamptz, model text);
SELECT * FROM llm_cost.contexts(usage => 'blind');
SELECT * FROM llm_cost.contexts('{wrokflow}', :period);
SELECT * FROM llm_cost.contexts(period => :period, fixed_limit => -1);
SELECT * FROM llm_cost.contexts(period => :period, spike_factor => 1);
SELECT * FROM llm_cost.contexts(period => :period, spike_factor => 'NaN');
SELECT * FROM llm_cost.contexts(period => :period, baseline => 'plan');
SELECT * FROM llm_cost.contexts(period => :period, baseline => '[2026-03-01,2026-03-05)');

-- Each sees what he may see.
TRUNCATE call;
INSERT INTO call (started_at, model, workflow, input_tokens, output_tokens) VALUES
	('2026-03-02', 'regress-context', 'open', 100, 1), ('2026-03-02', 'regress-context', 'secret', 900, 1);
CREATE ROLE regress_contexts_reader;
GRANT USAGE ON SCHEMA regress_contexts TO regress_contexts_reader;
GRANT SELECT ON call, call_usage TO regress_contexts_reader;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader ON call TO regress_contexts_reader USING (workflow = 'open');
SET ROLE regress_contexts_reader;
SELECT scope, attempts, max_tokens FROM llm_cost.contexts(period => :period);
BEGIN READ ONLY;
SELECT attempts, max_tokens FROM llm_cost.contexts('{}', :period);
ROLLBACK;
RESET ROLE;
SELECT attempts, max_tokens FROM llm_cost.contexts('{}', :period);

SET client_min_messages = warning;
SET search_path = public;
DROP SCHEMA regress_contexts CASCADE;
DROP ROLE regress_contexts_reader;
DELETE FROM llm_cost.price_override WHERE provider = 'regress-c';
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_contexts';
