--
-- The generator of usage with planted faults (demo/generate.sql): every fault
-- has the size that truth promises, and its clean twin differs in nothing else.
-- Read by plain GROUP BYs over the attached tables.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- The clean world, half of the faults, the other half, and all; not echoed.
\set ECHO none
-- ANALYZE is not what is tested
SET default_statistics_target = 1;
\getenv input PG_ABS_SRCDIR
\set generate :input /../demo/generate.sql
\set scale 0.1
\set weeks 9
\set schema regress_shop_clean
\set faults {}
\i :generate
\set schema regress_shop_one
\set faults {cache_bust,retry_storm,long_tail,runaway,dearer_users,price_cut}
\i :generate
\set schema regress_shop_other
\set faults {added_step,whale,context_growth,canary,declared}
\i :generate
\set schema regress_shop_all
\set faults {all}
\i :generate
-- once more, by other plans
SET enable_hashjoin = off;
SET enable_hashagg = off;
\set schema regress_shop_again
\i :generate
RESET enable_hashjoin;
RESET enable_hashagg;
RESET default_statistics_target;
\set ECHO all
\pset format unaligned

-- All attempts of all worlds, with their cost; week 0 is the last full one.
CREATE TEMP TABLE world AS
SELECT substr(nspname, length('regress_shop_') + 1) AS world, quote_ident(nspname) AS schema
FROM pg_namespace WHERE nspname LIKE 'regress\_shop\_%';
SELECT count(llm_cost.attach((schema || '.llm_call')::regclass)) AS attached FROM world;
CREATE TEMP TABLE seen AS
SELECT NULL::text AS world, 0 AS week, * FROM regress_shop_clean.llm_call_usage LIMIT 0;
\set ECHO none
SELECT format($$INSERT INTO seen SELECT %L, -floor(extract(epoch FROM timestamptz '2026-06-28 23:59:59.999999' - started_at) / 604800), *
	FROM %s.llm_call_usage$$, world, schema) FROM world WHERE world <> 'again' \gexec
\set ECHO all
CREATE INDEX ON seen (world, workflow);
ANALYZE seen;

-- The same everywhere, and whatever the plan.
SELECT count(*), count(DISTINCT operation_id) AS operations, sum(input_tokens) AS input_tokens, sum(cache_read_tokens) AS cache_read_tokens,
	   sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens, round(sum(cost), 2) AS usd
FROM seen WHERE world = 'clean';
SELECT count(*) = (SELECT count(*) FROM regress_shop_all.llm_call) AS all_there, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS different
FROM regress_shop_all.llm_call a FULL JOIN regress_shop_again.llm_call b USING (attempt_id);

-- The clean world is a plausible one: nobody near 40 medians, nothing unpriced, ...
SELECT count(*) FILTER (WHERE cost IS NULL) AS unpriced, count(*) - count(DISTINCT attempt_id) AS repeated,
	   count(DISTINCT user_id) >= 100 AS enough_users, min(started_at) >= '2026-04-27' AND max(started_at) < '2026-06-29' AS in_calendar
FROM seen WHERE world = 'clean';
SELECT max(medians) < 25 AS nobody_dear
FROM (SELECT max(usd) / percentile_disc(0.5) WITHIN GROUP (ORDER BY usd) AS medians
	  FROM (SELECT week, user_id, sum(cost) AS usd FROM seen
			-- which in a world as small as this is all there is
			WHERE world = 'clean' AND workflow <> 'code-agent' GROUP BY 1, 2) q GROUP BY week) q;
-- ... quieter at weekends and at night, with conversations whose context and cache reads grow, ...
SELECT round(avg((extract(isodow FROM started_at) >= 6)::int), 1) AS weekend_share,
	   round(avg((extract(hour FROM started_at) BETWEEN 8 AND 18)::int), 1) AS office_hours_share
FROM seen WHERE world = 'clean' AND user_id NOT LIKE 'svc%';
SELECT turn, round(avg(input_tokens), -3) AS input_tokens, round(sum(cache_read_tokens) / sum(input_tokens), 2) AS hit_ratio
FROM seen WHERE world = 'clean' AND workflow = 'support' AND turn <= 4 AND input_tokens > 0 GROUP BY turn ORDER BY turn;
-- ... with retries, where only errors are retried, refused attempts are free and the others are not, ...
SELECT error_type, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent, round(avg((cost > 0)::int), 1) AS billed
FROM seen WHERE world = 'clean' AND kind = 'chat' GROUP BY error_type ORDER BY error_type NULLS FIRST;
SELECT count(*) FILTER (WHERE attempt > 1) AS retries, count(*) FILTER (WHERE attempt > 1 AND before IS NULL) AS of_success
FROM (SELECT attempt, lag(error_type) OVER (PARTITION BY regexp_replace(attempt_id, '\.\d$', '') ORDER BY attempt) AS before
	  FROM regress_shop_clean.llm_call) q;
-- ... with a release of every service every week, which every row knows but some of assistant's.
SELECT count(*) AS deploys, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM seen s
	WHERE world = 'clean' AND s.workflow = d.service AND s.release = d.version AND s.started_at >= d.deployed_at)) AS unseen,
	(SELECT round(avg((release IS NULL)::int), 1) FROM seen WHERE world = 'clean' AND workflow = 'assistant') AS without_version,
	(SELECT count(*) FROM seen WHERE world = 'clean' AND workflow <> 'assistant' AND release IS NULL) AS elsewhere
FROM regress_shop_clean.deploy d WHERE service <> 'gateway';
SELECT arm, round(avg((outcome = 'resolved')::int), 1) AS resolved, bool_and(decided_at > started_at) AS later
FROM regress_shop_clean.outcome JOIN (SELECT operation_id, max(model) AS arm, max(started_at) AS started_at FROM seen
	WHERE world = 'clean' AND workflow = 'advisor' GROUP BY 1) o USING (operation_id)
GROUP BY arm ORDER BY arm;

-- What is in two worlds, but not the same; and what one has in addition.
CREATE TEMP TABLE difference AS
SELECT NULL::text AS world, NULL::text AS change, c.* FROM regress_shop_clean.llm_call c LIMIT 0;
\set ECHO none
SELECT format($$INSERT INTO difference
	SELECT %1$L, CASE WHEN c IS NULL THEN 'added' ELSE 'changed' END, f.*
	FROM %2$s.llm_call f LEFT JOIN regress_shop_clean.llm_call c USING (attempt_id) WHERE c IS DISTINCT FROM f
	UNION ALL
	SELECT %1$L, 'lost', c.* FROM regress_shop_clean.llm_call c
	WHERE NOT EXISTS (SELECT FROM %2$s.llm_call f WHERE f.attempt_id = c.attempt_id)$$, world, schema)
FROM world WHERE world NOT IN ('clean', 'again') \gexec
\set ECHO all
-- Nothing is lost; all differences are in a fault's workflow and time.
CREATE TEMP TABLE planted AS
SELECT 'one' AS world, * FROM regress_shop_one.truth UNION ALL SELECT 'other', * FROM regress_shop_other.truth
UNION ALL SELECT 'all', * FROM regress_shop_all.truth;
SELECT world, coalesce(fault, d.workflow) AS fault, change, count(*) > 3 AS some, bool_and(started_at >= starts_at) AS in_its_time,
	   date_trunc('day', min(started_at)) = date_trunc('day', max(starts_at)) AS from_the_first_day
FROM difference d LEFT JOIN planted p USING (world, workflow)
WHERE world <> 'all'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT (SELECT count(*) FROM regress_shop_clean.truth) AS clean, (SELECT count(*) FROM regress_shop_all.truth) AS all_faults,
	   (SELECT count(*) FROM difference WHERE change = 'lost') AS lost;
-- All at once are the sum of both halves.  (The whale is 40 medians of a dearer world.)
SELECT count(*) AS not_alone
FROM ((SELECT attempt_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, error_type FROM difference
	   WHERE world = 'all' AND workflow <> 'listing')
	  EXCEPT
	  (SELECT attempt_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, error_type FROM difference
	   WHERE world <> 'all')) q;
-- What people, releases and outcomes are does not depend on faults.
SELECT count(*) AS different FROM (
	SELECT 'account', a::text FROM regress_shop_all.account a EXCEPT SELECT 'account', a::text FROM regress_shop_clean.account a
	UNION ALL SELECT 'deploy', a::text FROM regress_shop_all.deploy a EXCEPT SELECT 'deploy', a::text FROM regress_shop_clean.deploy a
	UNION ALL SELECT 'outcome', a::text FROM regress_shop_all.outcome a EXCEPT SELECT 'outcome', a::text FROM regress_shop_clean.outcome a) q;

-- The sizes: in the last full week, where the fault is on, in the clean twin
-- and in the four weeks before.
CREATE TEMP TABLE measured AS
SELECT world, week, 'cache_bust' AS fault, sum(cache_read_tokens) / sum(input_tokens) AS value
FROM seen WHERE workflow = 'support' AND cache_read_tokens IS NOT NULL GROUP BY 1, 2
UNION ALL
SELECT world, week, 'added_step', count(DISTINCT (operation_id, step))::numeric / count(DISTINCT operation_id)
FROM seen WHERE workflow = 'report' AND kind = 'chat' GROUP BY 1, 2
UNION ALL
SELECT world, week, 'retry_storm', avg((error_type IS NOT DISTINCT FROM 'timeout')::int)
FROM seen WHERE workflow = 'search' AND step = 'answer' AND (week < 0 OR started_at >= '2026-06-23 14:00') GROUP BY 1, 2
UNION ALL
SELECT world, week, 'whale', sum(usd) FILTER (WHERE user_id = 'u0077') / percentile_cont(0.5) WITHIN GROUP (ORDER BY usd)::numeric
FROM (SELECT world, week, user_id, sum(cost) AS usd FROM seen GROUP BY 1, 2, 3) q GROUP BY 1, 2
UNION ALL
SELECT world, week, 'long_tail', sum(cost) FILTER (WHERE intent IN ('tax_ruling', 'contract_review', 'customs_dispute')) / sum(cost)
FROM seen WHERE workflow = 'documents' GROUP BY 1, 2
UNION ALL
SELECT world, week, 'context_growth', avg(input_tokens) FROM seen WHERE workflow = 'recommend' GROUP BY 1, 2
UNION ALL
SELECT world, week, 'runaway', sum(cost) FROM seen WHERE workflow = 'code-agent' GROUP BY 1, 2
UNION ALL
-- the same operations against those of the clean world
SELECT f.world, f.week, x.fault, sum(f.usd) / sum(c.usd)
FROM (SELECT world, week, workflow, user_id, operation_id, sum(cost) AS usd FROM seen
	  WHERE workflow IN ('assistant', 'advisor', 'mail') GROUP BY 1, 2, 3, 4, 5) f
	 JOIN (SELECT operation_id, sum(cost) AS usd FROM seen WHERE world = 'clean' GROUP BY 1) c USING (operation_id)
	 JOIN (VALUES ('canary', 'assistant'), ('dearer_users', 'advisor'), ('declared', 'mail')) x (fault, workflow) USING (workflow)
WHERE x.fault <> 'dearer_users' OR user_id IN (SELECT user_id FROM regress_shop_clean.account WHERE came_in_week = 8)
GROUP BY 1, 2, 3;
SELECT fault, before, after, size,
	   round(max(value) FILTER (WHERE m.world = 'clean' AND week = 0), 3) AS clean,
	   round(avg(value) FILTER (WHERE m.world = p.world AND week BETWEEN -4 AND -1), 3) AS weeks_before,
	   round(max(value) FILTER (WHERE m.world = p.world AND week = 0), 3) AS planted,
	   round(max(value) FILTER (WHERE m.world = 'all' AND week = 0), 3) AS with_all,
	   -- within what chance does to a hundred attempts a week, where chance is in it
	   max(abs(value / after - 1)) FILTER (WHERE m.world IN (p.world, 'all') AND week = 0)
		   < CASE fault WHEN 'retry_storm' THEN 0.25 WHEN 'long_tail' THEN 0.2 WHEN 'whale' THEN 0.01 ELSE 0.02 END AS as_promised,
	   max(abs(value / before - 1)) FILTER (WHERE m.world NOT IN (p.world, 'all'))
		   < CASE fault WHEN 'whale' THEN 3 WHEN 'retry_storm' THEN 2 WHEN 'long_tail' THEN 0.5 ELSE 0.12 END AS twin_quiet
FROM planted p JOIN measured m USING (fault)
WHERE p.world <> 'all' GROUP BY fault, before, after, size ORDER BY fault;

-- Calls are 5 % rare, whatever they cost.
SELECT world, round(avg((intent IN ('tax_ruling', 'contract_review', 'customs_dispute'))::int), 3) AS rare_calls
FROM seen WHERE world IN ('clean', 'one') AND workflow = 'documents' AND week = 0 GROUP BY world ORDER BY world;
-- Context grows by the same factor every week.
SELECT string_agg(round(value, -1)::text, ' ' ORDER BY week) AS input_tokens FROM measured WHERE world = 'other' AND fault = 'context_growth';
-- The loop: nights of which each has twice the calls of the one before; identical calls in few operations.
SELECT date_trunc('day', started_at)::date AS night, count(*) FILTER (WHERE kind = 'chat') AS calls, count(*) FILTER (WHERE kind = 'tool') AS tools,
	   count(DISTINCT operation_id) AS operations, count(DISTINCT (prompt_hash, input_tokens)) FILTER (WHERE kind = 'chat') AS different, max(started_at)::time < '08:00' AS till_morning
FROM difference WHERE world = 'one' AND workflow = 'code-agent' GROUP BY 1 ORDER BY 1;
-- The whale: all hours, one prompt.
SELECT count(DISTINCT extract(hour FROM started_at)) AS hours, count(DISTINCT date_trunc('day', started_at)) AS days, count(DISTINCT prompt_hash) AS prompts,
	   count(DISTINCT user_id) AS users
FROM difference WHERE world = 'other' AND workflow = 'listing';
-- The rollout happens in every world: nobody, then some, then all who say.
SELECT world, stage, round(avg((release = '2.0.0')::int), 1) AS share, min(release)
FROM (SELECT world, release, CASE WHEN started_at < '2026-06-17 10:00' THEN 1 WHEN week < 0 THEN 2 ELSE 3 END AS stage
	  FROM seen WHERE world IN ('clean', 'other') AND workflow = 'assistant' AND started_at >= '2026-06-15') q
GROUP BY 1, 2 ORDER BY 1, 2;
-- Announced as 10 %, and in no other world.
SELECT workflow, factor, valid FROM regress_shop_other.declared_change;
SELECT count(*) AS elsewhere FROM regress_shop_clean.declared_change;

-- The price: a fifth less from Wednesday on.
BEGIN;
\set ECHO none
\o /dev/null
SELECT statement FROM regress_shop_one.price_change \gexec
\o
\set ECHO all
SELECT sum(v.cost) / sum(s.cost) AS from_wednesday, bool_and(v.cost = 0.8 * s.cost) AS every_attempt
FROM regress_shop_one.llm_call_usage v JOIN seen s USING (attempt_id)
WHERE s.world = 'one' AND s.workflow = 'translate' AND s.started_at >= '2026-06-24';
SELECT bool_and(v.cost = s.cost) AS before_as_it_was
FROM regress_shop_one.llm_call_usage v JOIN seen s USING (attempt_id)
WHERE s.world = 'one' AND s.workflow = 'translate' AND s.started_at < '2026-06-24';
ROLLBACK;

\set ECHO none
SET client_min_messages = warning;
SELECT format('DROP SCHEMA %s CASCADE', schema) FROM world \gexec
DELETE FROM llm_cost.attached_usage WHERE schema_name LIKE 'regress\_shop\_%';
