--
-- Rollups: the same answers as the usage gives, or an error that says what is
-- missing; and what a refresh does with rows that are late, gone, or priced anew.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_rollup;
RESET client_min_messages;
SET search_path = regress_rollup, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\set SHOW_CONTEXT never
DELETE FROM llm_cost.attached_usage;

-- Two models at $2 in, $0.5 cached, $10 out per million, from January on.
SELECT count(*) FROM (VALUES ('input', 2.0), ('cache_read', 0.5), ('output', 10.0)) AS p (meter, amount), (VALUES ('regress-a'), ('regress-b')) AS m (model),
	LATERAL llm_cost.set_price(model, meter, amount, '2026-01-01', 'regress');

-- Twelve users, thirteen weeks from Monday, 30 March 2026: operations of two or three attempts, some over midnight
-- of UTC, some over midnight of Kolkata (18:30 UTC), a tool call in some, a retry in some.
CREATE TABLE call (
	started_at timestamptz, model text, input_tokens bigint, cache_read_tokens bigint, output_tokens bigint, operation_id text, attempt_id text,
	conversation_id text, turn int, attempt int, kind text, error_type text, user_id text, team text, workflow text, release text, outcome text, plan text);
INSERT INTO call
SELECT '2026-03-30'::timestamptz + make_interval(weeks => w, days => (o + u) % 7, hours => CASE o WHEN 1 THEN 23 WHEN 2 THEN 18 ELSE u END, mins => 20 + 15 * c + u),
	   CASE WHEN c = 3 THEN NULL WHEN c = 2 AND o = 4 THEN 'regress-b' WHEN o % 2 = 0 THEN 'regress-a' ELSE 'regress-b' END,
	   CASE WHEN c < 3 THEN 1000 + 37 * u + 100 * ((u * 7 + o * 3 + w) % 5) + CASE WHEN w = 12 AND o % 3 = 0 THEN 700 ELSE 0 END END,
	   CASE WHEN c < 3 THEN CASE WHEN w = 12 AND o % 3 > 0 THEN 100 ELSE 800 END END, CASE WHEN c < 3 THEN 100 + 10 * ((u + o) % 3) END,
	   format('o-%s-%s-%s', w, u, o), format('a-%s-%s-%s-%s', w, u, o, c), format('c-%s-%s-%s', w, u, o), c, CASE WHEN c = 2 AND o = 5 THEN 2 WHEN c < 3 THEN 1 END,
	   CASE WHEN c = 3 THEN 'tool' ELSE 'chat' END, CASE WHEN c = 1 AND o = 5 THEN 'timeout' END, 'u' || u, 't' || u % 3,
	   CASE o % 3 WHEN 0 THEN 'search' ELSE 'chat' END, CASE WHEN w < 12 THEN '1' ELSE '2' END,
	   CASE WHEN (u + o) % 4 > 0 THEN 'resolved' WHEN u % 2 = 0 THEN 'escalated' END, CASE WHEN u < 4 THEN 'paid' ELSE 'free' END
FROM generate_series(0, 12) AS w, generate_series(1, 12) AS u, generate_series(1, 6) AS o, generate_series(1, 3) AS c
WHERE c < 3 OR o = 3;
-- Ten without a price, one without user and operation, one long ago
INSERT INTO call SELECT '2026-06-24 12:00+00'::timestamptz + make_interval(mins => i), 'regress-unknown', 10, 0, 10, 'x' || i, 'x' || i, NULL, NULL, 1, 'chat', NULL, 'u1', 't1', 'chat', '2', NULL, 'paid' FROM generate_series(1, 10) i;
INSERT INTO call (started_at, model, input_tokens, output_tokens, kind, workflow) VALUES ('2026-06-25 12:00+00', 'regress-a', 500, 5, 'chat', 'search'), ('2024-02-29 12:00+00', 'regress-a', 500, 5, 'chat', 'search');
SELECT llm_cost.attach('call', mapping => '{"tags": {"sql": "jsonb_build_object(''plan'', plan)"}}');

SELECT llm_cost.create_rollup('daily', '{team,workflow,release,model,tags.plan}'), llm_cost.create_rollup('kolkata', '{workflow,team,model,release}', time_zone => 'Asia/Kolkata'),
	   llm_cost.create_rollup('hourly', '{workflow,model,release}', bucket => 'hour', operation_age => '3 hours', with_users => false);
SELECT by_columns, user_columns, bucket, time_zone, lateness, operation_age, refreshed_at FROM llm_cost.rollup WHERE schema_name = 'regress_rollup' ORDER BY rollup_name;
SELECT count(*) AS without_comment FROM pg_attribute WHERE attrelid IN ('daily'::regclass, 'daily_cell'::regclass, 'daily_user_cell'::regclass) AND attnum > 0 AND col_description(attrelid, attnum) IS NULL;
-- Nothing was refreshed yet.
SELECT * FROM llm_cost.cells(period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.reprice('daily');
\set VERBOSITY terse
SELECT action, count(*) AS buckets, sum(attempts) AS attempts FROM llm_cost.refresh_rollup('daily') GROUP BY 1;
SET client_min_messages = warning;
-- in steps: until May, May, and what is left with five days before it
SELECT action, count(*) AS buckets, sum(attempts) AS attempts FROM llm_cost.refresh_rollup('regress_rollup.kolkata', '(,2026-04-30 18:30+00)') GROUP BY 1;
SELECT action, count(*) AS buckets, sum(attempts) AS attempts FROM llm_cost.refresh_rollup('kolkata', '[2026-04-30 18:30+00, 2026-05-31 18:30+00)') GROUP BY 1;
SELECT * FROM llm_cost.cells(period => '[2026-05-25 18:30+00, 2026-06-01 18:30+00)', usage => 'kolkata', time_zone => 'Asia/Kolkata');
SELECT action, count(*) AS buckets, sum(attempts) AS attempts FROM llm_cost.refresh_rollup('kolkata') GROUP BY 1 ORDER BY 1;
SELECT covered * '{(, 2026-06-29)}' AS covered, refreshed_at IS NOT NULL AS refreshed FROM llm_cost.rollup WHERE rollup_name = 'kolkata';
SELECT action, count(*) AS buckets, sum(attempts) AS attempts FROM llm_cost.refresh_rollup('hourly') GROUP BY 1;
RESET client_min_messages;
\set VERBOSITY default

-- Both grains add up to the usage, and operations over midnight are one.
SELECT (SELECT ROW(sum(attempts), sum(tool_calls), sum(operations), sum(cost), sum(input_tokens), sum(unpriced_attempts)) FROM daily_cell)
	   = (SELECT ROW(count(*) FILTER (WHERE kind <> 'tool')::numeric, count(*) FILTER (WHERE kind = 'tool')::numeric, count(DISTINCT operation_id)::numeric, sum(cost), sum(input_tokens), count(*) FILTER (WHERE cost IS NULL AND kind <> 'tool')::numeric) FROM call_usage) AS cells_tie,
	   (SELECT ROW(sum(attempts), sum(operations), sum(cost), sum(input_tokens)) FROM daily_cell) = (SELECT ROW(sum(attempts), sum(operations), sum(cost), sum(input_tokens)) FROM daily_user_cell) AS grains_tie,
	   (SELECT ROW(sum(attempts), sum(operations), sum(cost)) FROM daily_cell) = (SELECT ROW(sum(attempts), sum(operations), sum(cost)) FROM kolkata_cell) AS zones_tie,
	   (SELECT ROW(sum(attempts), sum(operations), sum(cost)) FROM daily_cell) = (SELECT ROW(sum(attempts), sum(operations), sum(cost)) FROM hourly_cell) AS hours_tie,
	   (SELECT ROW(sum(attempts), sum(cost)) FROM daily) = (SELECT ROW(sum(attempts), sum(cost)) FROM daily_cell) AS buckets_tie;
SELECT count(*) AS days_that_differ FROM (SELECT bucket_date, sum(cost) FROM kolkata_cell GROUP BY 1 EXCEPT SELECT bucket_date, sum(cost) FROM daily_cell GROUP BY 1) q \gset
SELECT :days_that_differ > 80 AS days_of_kolkata_are_others,
	   (SELECT count(*) FROM (SELECT timezone('Asia/Kolkata', started_at)::date, sum(cost) FROM call_usage WHERE kind <> 'tool' GROUP BY 1 EXCEPT SELECT bucket_date, sum(cost) FROM kolkata_cell GROUP BY 1) q) AS unlike_plain_sql;

-- The same question of the usage and of the rollup: rows that only one of them gives.
CREATE FUNCTION differences(question text, usage text, rollup text) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	n			bigint;
BEGIN
	EXECUTE format('WITH u AS (SELECT to_jsonb(q) - ''{cost_distribution,context_distribution,next_sql,near_release}''::text[] AS j FROM (%s) AS q), r AS (SELECT to_jsonb(q) - ''{cost_distribution,context_distribution,next_sql,near_release}''::text[] AS j FROM (%s) AS q)
		SELECT (SELECT count(*) FROM (SELECT * FROM u EXCEPT ALL SELECT * FROM r) AS q) + (SELECT count(*) FROM (SELECT * FROM r EXCEPT ALL SELECT * FROM u) AS q) + CASE WHEN EXISTS (SELECT FROM u) THEN 0 ELSE 1000 END',
		format(question, usage), format(question, rollup)) INTO n;
	RETURN n;
END
$$;
CREATE TABLE question (number serial, question text);
INSERT INTO question (question)
SELECT format('SELECT * FROM llm_cost.cells(%L, ''[2026-05-04, 2026-06-29)'', %L, %L, %L, usage => %%L)', by, grain, bucket, filter)
FROM (VALUES ('{}'), ('{team}'), ('{workflow,tags.plan}'), ('{feature,model}')) AS b (by), (VALUES ('user'), ('dimension')) AS g (grain),
	 (VALUES ('day', NULL), ('week', '{"team": ["t0", "t2"], "tags.plan": "free"}'), ('month', '{"team": null}'), ('period', '{"feature": "x", "workflow": "chat"}')) AS s (bucket, filter);
-- a filter that nothing passes gives nothing
SET client_min_messages = warning;
SELECT question LIKE '%feature": "x%' AS passes_nothing, count(*) AS questions, sum(differences(question, 'call_usage', 'daily') % 1000) AS differences FROM question GROUP BY 1;
RESET client_min_messages;
INSERT INTO question (question)
SELECT format('SELECT * FROM llm_cost.drift(%L, %L, ''[2026-06-22, 2026-06-29)'', unit => %L, usage => %%L)', m.metric, by, m.unit)
FROM llm_cost.metrics() m, (VALUES ('{}'), ('{workflow}'), ('{team,release}')) AS b (by) WHERE m.unit <> 'conversation' AND m.method <> 'percentile';
INSERT INTO question (question)
SELECT format('SELECT * FROM llm_cost.drift(''unit_cost'', ''{workflow}'', %L, %L, ''operation'', %L, usage => %%L)', period, baseline, filter)
FROM (VALUES ('[2026-06-22, 2026-06-29)', NULL, '{"tags.plan": "paid"}'), ('[2026-06-25, 2026-06-27)', '2 weeks', NULL), ('[2026-06-24, 2026-06-25)', '[2026-06-01, 2026-06-05)', '{"user_id": ["u3", "u4", "u5"]}'),
			 ('[2026-06-15, 2026-06-29)', '6 weeks', '{"release": "1"}')) AS q (period, baseline, filter);
INSERT INTO question (question)
SELECT format('SELECT * FROM llm_cost.overview(%%L, ''[2026-06-22, 2026-06-29)'', by => %L, in_units_of => %L, filter => %L)', by, unit, filter)
FROM (VALUES (NULL, NULL, NULL), ('{team}', 'attempt', NULL), ('{model}', NULL, NULL), ('{user_id}', 'operation', NULL), ('{workflow,team}', 'user', '{"tags.plan": "free"}')) AS q (by, unit, filter);
INSERT INTO question (question)
SELECT format('SELECT * FROM llm_cost.drift_windows(%L, %L, %L, bucket => %L, usage => %%L)', metric, by, '[2026-06-01, 2026-06-29)', bucket)
FROM (VALUES ('hit_ratio'), ('calls_per_operation'), ('retry_share')) AS m (metric), (VALUES ('{}'), ('{workflow}')) AS b (by), (VALUES ('day'), ('week')) AS s (bucket);
SELECT substring(question, 'llm_cost\.(\w+)') AS analysis, count(*) AS questions, sum(differences(question, 'call_usage', 'daily')
	-- where there is no episode there is no row
	% CASE WHEN question LIKE '%drift_windows%' THEN 1000 ELSE 1000000 END) AS differences
FROM question WHERE question NOT LIKE '%cells%' GROUP BY 1 ORDER BY 1;
SELECT sum(differences(question, 'call_usage', 'daily')) AS differences, sum(rows) > 0 AS there_are_some
FROM (VALUES ('SELECT * FROM llm_cost.regressions(''[2026-06-22, 2026-06-29)'', usage => %L)'),
			 ('SELECT * FROM llm_cost.attribute_change(''{"workflow": "search"}'', ''[2026-06-22, 2026-06-29)'', usage => %L)')) AS v (question),
	 LATERAL (SELECT count(*) AS rows FROM llm_cost.regressions('[2026-06-22, 2026-06-29)', usage => 'daily')) AS r;
-- What was declared of the usage holds for its rollups, and so do tables of releases.
CREATE TABLE deploy (service text, version text, deployed_at timestamptz);
INSERT INTO deploy VALUES ('search', '2.1', '2026-06-22 00:30+00'), ('chat', '2.1', '2026-06-22 00:30+00'), ('gateway', '9', '2026-06-24 10:00+00');
SELECT llm_cost.attach_releases('deploy', '{"version": "version", "released_at": "deployed_at", "service": "service"}', usage => 'call_usage');
SELECT llm_cost.declare_change('{"workflow": "search"}', 10, '[2026-06-22, 2026-07-06)', 'longer prompts', usage => 'daily');
SELECT sum(differences(format('SELECT * FROM llm_cost.drift(%L, ''{workflow}'', ''[2026-06-22, 2026-06-29)'', usage => %%L)', m), 'call_usage', 'daily')) AS differences FROM unnest('{unit_cost,spend,hit_ratio}'::text[]) AS m;
SELECT scope, verdict, near_release, declared FROM llm_cost.drift(by => '{workflow}', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
DELETE FROM llm_cost.declared_change WHERE schema_name = 'regress_rollup';
SELECT count(*) > 0 AS there_are_episodes FROM llm_cost.drift_windows(period => '[2026-06-01, 2026-06-29)', usage => 'daily_user_cell');
-- In weeks; and in days of Santiago, where Saturday, 4 April has 25 hours.
SET client_min_messages = warning;
SELECT llm_cost.create_rollup('weekly', '{workflow,model}', bucket => 'week'), llm_cost.create_rollup('santiago', '{workflow,model}', time_zone => 'America/Santiago');
SELECT 'weeks', count(*), sum(attempts) FROM llm_cost.refresh_rollup('weekly') UNION ALL SELECT 'days', count(*), sum(attempts) FROM llm_cost.refresh_rollup('santiago');
RESET client_min_messages;
-- (a week does not tell the day on which a release came)
SET client_min_messages = warning;
SELECT sum(differences(format('SELECT to_jsonb(q) - ''{near_release,next_sql}''::text[] FROM (%s) AS q', question), 'call_usage', 'weekly')) AS weekly FROM question WHERE question LIKE '%overview%NULL%NULL%NULL%' OR question LIKE '%drift(%workflow%2026-06-22, 2026-06-29%' AND question NOT LIKE '%plan%';
RESET client_min_messages;
SELECT differences('SELECT * FROM llm_cost.cells(''{workflow}'', ''[2026-04-03 03:00, 2026-04-10 04:00)'', ''user'', time_zone => ''America/Santiago'', usage => %L)', 'call_usage', 'santiago') AS santiago;
SELECT bucket_start, bucket_date FROM santiago WHERE bucket_date BETWEEN '2026-04-03' AND '2026-04-06' ORDER BY 1;
SELECT * FROM llm_cost.cells(period => '[2026-06-22, 2026-06-29)', bucket => 'month', usage => 'weekly');
SELECT count(*) AS answers FROM llm_cost.drift(by => '{workflow}', period => '[2026-06-22, 2026-06-29)', usage => 'weekly');
SELECT llm_cost.drop_rollup('weekly'), llm_cost.drop_rollup('santiago');
-- In hours, and in days of Kolkata; the first question in Kolkata's days is not that in UTC's.
SELECT sum(differences(format('SELECT * FROM llm_cost.cells(''{workflow}'', ''[2026-06-01 05:00, 2026-06-03 20:00)'', bucket => %L, usage => %%L)', bucket), 'call_usage', 'hourly')) AS hourly FROM unnest('{hour,day,period}'::text[]) AS bucket;
SET timezone = 'Asia/Kolkata';
SELECT sum(differences(question, 'call_usage', 'kolkata')) AS kolkata FROM question WHERE question !~ 'plan|release' AND question LIKE '%drift(%'
	-- none of its bounds is midnight here but those that are read here
	AND question LIKE '%2026-06-22, 2026-06-29%';
SELECT sum(differences(format('SELECT * FROM llm_cost.cells(''{team}'', ''[2026-05-04, 2026-06-29)'', bucket => %L, usage => %%L)', bucket), 'call_usage', 'kolkata')) AS kolkata FROM unnest('{day,week,month,period}'::text[]) AS bucket;
SET timezone = 'UTC';

-- Distributions: same numbers in, totals exact, percentiles within a per cent.
SELECT count(*) AS cells, bool_and(llm_cost.num_values(u.cost_distribution) = llm_cost.num_values(r.cost_distribution)
		AND llm_cost.num_values(u.context_distribution) = u.attempts
		AND abs(llm_cost.total(u.cost_distribution) - llm_cost.total(r.cost_distribution)) <= 1e-12 * llm_cost.total(u.cost_distribution)
		AND llm_cost.max_value(u.context_distribution) = llm_cost.max_value(r.context_distribution)
		AND abs(llm_cost.percentile(u.cost_distribution, 0.5) / llm_cost.percentile(r.cost_distribution, 0.5) - 1) < 0.01
		AND abs(llm_cost.percentile(u.context_distribution, 0.99) / llm_cost.percentile(r.context_distribution, 0.99) - 1) < 0.01) AS alike
FROM llm_cost.cells('{workflow}', '[2026-04-06, 2026-06-29)', bucket => 'month', usage => 'call_usage') AS u
	 JOIN llm_cost.cells('{workflow}', '[2026-04-06, 2026-06-29)', bucket => 'month', usage => 'daily') AS r USING (bucket_start, scope);
SELECT m AS metric, max(abs(u.value / r.value - 1)) < 0.01 AND max(abs(u.value_before / r.value_before - 1)) < 0.01 AS alike
FROM unnest('{context_p50,context_p99}'::text[]) AS m, LATERAL llm_cost.drift(m, '{workflow}', '[2026-06-22, 2026-06-29)', usage => 'call_usage') AS u
	 JOIN LATERAL llm_cost.drift(m, '{workflow}', '[2026-06-22, 2026-06-29)', usage => 'daily') AS r USING (scope) GROUP BY m ORDER BY m;

-- A plan of the usage is that of its rollups.
SELECT llm_cost.set_plan('{"unit_cost": 0.004, "operations": 60}', usage => 'daily'), llm_cost.set_plan('{"unit_cost": 0.005}', '{"workflow": "search"}', usage => 'call_usage');
SELECT sum(differences(format('SELECT * FROM llm_cost.drift(%L, %L, ''[2026-06-22, 2026-06-29)'', ''plan'', usage => %%L)', m, b), 'call_usage', 'daily')) AS differences
FROM unnest('{unit_cost,operations}'::text[]) AS m, unnest('{"{}","{workflow}"}'::text[]) AS b;

-- A table that says nothing of users, and is not attached.
CREATE TABLE plain AS SELECT started_at, model, input_tokens, output_tokens, operation_id, team FROM call;
SELECT llm_cost.create_rollup('of_plain', '{team,model}', usage => 'plain');
SET client_min_messages = warning;
SELECT count(*) AS buckets FROM llm_cost.refresh_rollup('of_plain');
RESET client_min_messages;
SELECT sum(differences(replace(q, 'WEEK', '''[2026-06-22, 2026-06-29)'''), 'plain', 'of_plain')) AS differences
FROM (VALUES ('SELECT * FROM llm_cost.drift(by => ''{team}'', period => WEEK, usage => %L)'), ('SELECT * FROM llm_cost.drift(''spend'', ''{user_id}'', WEEK, usage => %L)'),
			 ('SELECT * FROM llm_cost.overview(%L, WEEK)'), ('SELECT * FROM llm_cost.cells(''{user_id}'', WEEK, ''user'', usage => %L)')) AS v (q);
SELECT llm_cost.drop_rollup('of_plain');

-- What a rollup lacks, it says; first, what has come since.
UPDATE llm_cost.rollup SET covered = '{(, 2026-06-28 03:00+00)}' WHERE rollup_name = 'daily';
\set VERBOSITY terse
SELECT * FROM llm_cost.drift(period => '[2026-06-22, 2026-06-29)', usage => 'daily');
\set VERBOSITY default
SELECT count(*) AS answers FROM llm_cost.drift(period => '[2026-06-15, 2026-06-22)', usage => 'daily');
UPDATE llm_cost.rollup SET covered = '{(, 2026-06-29)}' WHERE rollup_name = 'daily';
SELECT scope, value FROM llm_cost.drift(by => '{step}', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.drift(by => '{outcome}', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.drift(filter => '{"kind": "chat"}', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.drift(period => '[2026-06-22, 2026-06-29)', by => '{workflow}', usage => 'hourly');
SELECT * FROM llm_cost.drift('context_p99', filter => '{"user_id": "u1"}', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.drift(unit => 'conversation', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.drift(period => '[2026-06-22 12:00, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.drift(time_zone => 'Asia/Kolkata', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.cells(bucket => 'hour', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.operations('[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.create_rollup('again', usage => 'daily_cell');
-- Some operations use both models: a filter on an attempt's own columns leaves operations as they are.
SELECT differences('SELECT * FROM llm_cost.drift(''calls_per_operation'', filter => ''{"model": "regress-a"}'', period => ''[2026-06-22, 2026-06-29)'', usage => %L)', 'call_usage', 'daily') AS calls_per_operation,
	   differences('SELECT * FROM llm_cost.cells(''{workflow}'', filter => ''{"model": "regress-b"}'', period => ''[2026-06-22, 2026-06-29)'', usage => %L)', 'call_usage', 'daily') AS cells;
SELECT differences('SELECT * FROM llm_cost.drift(''unit_cost'', unit => ''attempt'', filter => ''{"model": "regress-a"}'', period => ''[2026-06-22, 2026-06-29)'', usage => %L)', 'call_usage', 'daily');
-- One whose attempts are of two workflows, in one week: that week cannot be filtered by workflow, others can.
INSERT INTO call SELECT '2026-06-26 12:00+00'::timestamptz + make_interval(mins => c), 'regress-a', 1000, 0, 100, 'both', 'both' || c, NULL, NULL, 1, 'chat', NULL, 'u1', 't1', w, '2', NULL, 'paid' FROM (VALUES (1, 'chat'), (2, 'search')) AS v (c, w);

-- That row is late, and so is one of April, which only a refresh that names April takes.
INSERT INTO call SELECT '2026-04-06 12:00+00', 'regress-a', 1000, 0, 100, 'late', 'late', NULL, NULL, 1, 'chat', NULL, 'u1', 't1', 'chat', '1', NULL, 'paid';
SELECT bucket_start, action, attempts_before, attempts, cost - cost_before AS difference FROM llm_cost.refresh_rollup('daily');
SELECT * FROM llm_cost.drift(unit => 'operation', filter => '{"workflow": "chat"}', period => '[2026-06-22, 2026-06-29)', usage => 'daily');
SELECT differences('SELECT * FROM llm_cost.drift(filter => ''{"workflow": "chat"}'', period => ''[2026-06-15, 2026-06-22)'', usage => %L)', 'call_usage', 'daily') AS other_week,
	   differences('SELECT * FROM llm_cost.drift(by => ''{workflow}'', period => ''[2026-06-22, 2026-06-29)'', usage => %L)', 'call_usage', 'daily') AS by_workflow,
	   differences('SELECT * FROM llm_cost.cells(period => ''[2026-04-06, 2026-04-07)'', usage => %L)', 'call_usage', 'daily') AS april;
SELECT bucket_start, action, attempts_before, attempts, cost - cost_before AS difference FROM llm_cost.refresh_rollup('daily', '[2026-04-06, 2026-04-06 00:00:01)');
SELECT differences('SELECT * FROM llm_cost.cells(period => ''[2026-04-06, 2026-04-07)'', usage => %L)', 'call_usage', 'daily') AS april;
SELECT * FROM llm_cost.refresh_rollup('daily', 'empty');
SELECT * FROM llm_cost.refresh_rollup('weekly');

-- Prices change in the last week but one.  What the weeks before would have cost at the prices of the last, the
-- rollup cannot know, until it is told to look.
SELECT count(*) FROM llm_cost.set_price('regress-a', 'output', 20.0, '2026-06-17', 'regress');
SELECT scope, from_price_usd FROM llm_cost.overview('daily', '[2026-06-15, 2026-06-22)') LIMIT 0;
SELECT * FROM llm_cost.overview('daily', '[2026-06-22, 2026-06-29)');
SELECT count(*) AS cells, count(reference_cost) AS with_reference FROM llm_cost.cells(period => '[2026-06-15, 2026-06-29)', usage => 'daily');
SELECT count(*) AS cells, count(reference_cost) AS with_reference FROM llm_cost.cells(period => '[2026-06-22, 2026-06-29)', usage => 'daily');
\set VERBOSITY terse
SELECT action, count(*) FROM llm_cost.refresh_rollup('daily', '[2026-05-25, 2026-06-29)', reference_at => '2026-06-22') GROUP BY 1;
\set VERBOSITY default
SELECT differences('SELECT * FROM llm_cost.overview(%L, ''[2026-06-22, 2026-06-29)'')', 'call_usage', 'daily') AS overview,
	   (SELECT sum(abs(from_price_usd)) > 0 FROM llm_cost.overview('daily', '[2026-06-22, 2026-06-29)')) AS prices_are_seen;

-- Prune: rows before 1 June go, one of 2 June and the first attempt of an operation over midnight of 3 June.
CREATE TABLE copy AS SELECT * FROM daily_cell;
CREATE TABLE copy_user AS SELECT * FROM daily_user_cell;
CREATE TABLE copy_bucket AS SELECT * FROM daily;
SELECT sum(spend_usd) AS spend FROM llm_cost.overview('daily', '[2026-05-11, 2026-05-18)') \gset
DELETE FROM call WHERE started_at < '2026-06-01';
DELETE FROM call WHERE attempt_id = (SELECT min(attempt_id) FROM call WHERE started_at >= '2026-06-04' AND started_at < '2026-06-05');
SELECT action, count(*), min(bucket_start), max(bucket_start), sum(attempts_before) AS attempts_before, sum(attempts) AS attempts FROM llm_cost.refresh_rollup('daily', '(,)') GROUP BY 1 ORDER BY 1;
-- Kept cells are the very same; the old total is what it was, and in the days of UTC as in those of Kolkata.
SELECT (SELECT count(*) FROM (SELECT to_jsonb(c) FROM copy c WHERE bucket_start < '2026-06-02' EXCEPT ALL SELECT to_jsonb(c) FROM daily_cell c) q) AS cells_lost,
	   (SELECT count(*) FROM (SELECT to_jsonb(c) FROM copy_user c WHERE bucket_start < '2026-06-02' EXCEPT ALL SELECT to_jsonb(c) FROM daily_user_cell c) q) AS user_cells_lost,
	   (SELECT sum(spend_usd) = :spend FROM llm_cost.overview('daily', '[2026-05-11, 2026-05-18)')) AS old_total_intact,
	   (SELECT ROW(sum(attempts), sum(operations)) FROM daily_cell) = (SELECT ROW(sum(attempts), sum(operations)) FROM copy) AS nothing_counted_twice;
SET client_min_messages = warning;
SELECT action, count(*) FROM llm_cost.refresh_rollup('kolkata', '(,)') GROUP BY 1 ORDER BY 1;
RESET client_min_messages;
-- (kolkata never saw the two late rows, and one of them is pruned)
SELECT (SELECT sum(attempts) FROM daily_cell) - (SELECT sum(attempts) FROM kolkata_cell) AS differ_by;
SELECT action, attempts_before, attempts FROM llm_cost.refresh_rollup('daily', '[2026-06-04, 2026-06-05)', force => true);

-- Correct: regress-b cost $3 in all along.  The usage knows at once, the rollup when it is told.
SELECT sum(cost) AS old_cost FROM daily_cell \gset
SELECT pg_sleep(0.01);
SELECT count(*) FROM llm_cost.correct_price('regress-b', 'input', 3.0, '2026-03-01', 'regress');
\set VERBOSITY terse
SELECT action, count(*), sum(difference) AS difference, sum(attempts_before) - sum(attempts) AS attempts FROM llm_cost.reprice('daily', '[2026-05-25, 2026-06-29)') GROUP BY 1 ORDER BY 1;
SELECT bucket_start, action, difference, known_before < now() AS believed_before FROM llm_cost.reprice('daily', '[2026-06-23, 2026-06-25)');
\set VERBOSITY default
SELECT sum(cost) = :old_cost AS nothing_written FROM daily_cell;
-- What was believed then, is what it cost with prices as of known_at.
SELECT count(*) AS buckets, count(*) FILTER (WHERE b.cost = (SELECT sum(llm_cost.cost(u.model, u.input_tokens, u.output_tokens, u.started_at, cache_read_tokens => u.cache_read_tokens, known_at => b.known_at)) FROM call_usage u WHERE u.started_at >= b.bucket_start AND u.started_at < b.bucket_start + INTERVAL '1 day')) AS as_believed,
	   count(*) FILTER (WHERE b.cost = (SELECT sum(u.cost) FROM call_usage u WHERE u.started_at >= b.bucket_start AND u.started_at < b.bucket_start + INTERVAL '1 day')) AS as_believed_now
FROM daily b WHERE b.bucket_start >= '2026-06-02';
SET client_min_messages = warning;
SELECT action, count(*), sum(difference) > 0 AS dearer FROM llm_cost.reprice('daily', dry_run => false) GROUP BY 1 ORDER BY 1;
RESET client_min_messages;
SELECT sum(cost) FILTER (WHERE bucket_start >= '2026-06-06') = (SELECT sum(cost) FROM call_usage WHERE started_at >= '2026-06-06') AS repriced,
	   (SELECT sum(cost) FROM copy_bucket WHERE bucket_start < '2026-06-01') = sum(cost) FILTER (WHERE bucket_start < '2026-06-01') AS old_total_intact,
	   (SELECT count(*) FROM daily b JOIN copy_bucket c USING (bucket_start) WHERE b.known_at = c.known_at) = count(*) FILTER (WHERE bucket_start < '2026-06-02') AS known_as_before
FROM daily;

-- Rows that nobody believes: of the year 5 and of never.  And names that need quotes.
INSERT INTO call (started_at, model, input_tokens, output_tokens, workflow, user_id) VALUES ('0005-01-01', 'regress-a', 1, 1, 'chat', 'u1'), ('infinity', 'regress-a', 1, 1, 'chat', 'u1'), (NULL, 'regress-a', 1, 1, 'chat', 'u1'),
	('2026-06-28 12:00+00', 'regress-a', 1, 1, E'it''s "🦊" <b>' || repeat('long ', 1000), E'u''"; --');
SELECT llm_cost.create_rollup('regress_rollup."Od''d ""name"""', '{workflow,team,model}', lateness => '0');
\set VERBOSITY terse
SELECT action, count(*) FROM llm_cost.refresh_rollup('"Od''d ""name"""') GROUP BY 1;
\set VERBOSITY default
SELECT differences('SELECT * FROM llm_cost.cells(''{workflow}'', ''[2026-06-27, 2026-06-29)'', ''user'', usage => %L)', 'call_usage', '"Od''d ""name"""') AS differences;
SELECT llm_cost.drop_rollup('"Od''d ""name"""');
SELECT llm_cost.drop_rollup('"Od''d ""name"""');

-- Bad settings.
SELECT llm_cost.create_rollup('r', bucket => 'month');
SELECT llm_cost.create_rollup('r', '{cost}');
SELECT llm_cost.create_rollup('r', '{team,team}');
SELECT llm_cost.create_rollup('r', '{temperature}');
SELECT llm_cost.create_rollup('r', lateness => '-1 day');
SELECT llm_cost.create_rollup('a.b.c');
SELECT llm_cost.create_rollup('daily');
SELECT llm_cost.create_rollup('r', time_zone => 'Mars/Olympus');

-- Rights: a rollup is its owner's until he grants it, and who sees some of the rows does not refresh it.
CREATE ROLE regress_rollup_owner;
CREATE ROLE regress_rollup_reader;
GRANT ALL ON SCHEMA regress_rollup TO regress_rollup_owner;
GRANT USAGE ON SCHEMA regress_rollup TO regress_rollup_reader;
GRANT SELECT ON call, call_usage TO regress_rollup_owner;
SET ROLE regress_rollup_owner;
SELECT llm_cost.create_rollup('own', '{team,workflow,model,release}', usage => 'call_usage');
\set VERBOSITY terse
SELECT sum(attempts) > 0 AS refreshed FROM llm_cost.refresh_rollup('own');
SELECT * FROM llm_cost.refresh_rollup('daily');
\set VERBOSITY default
RESET ROLE;
ALTER TABLE call ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_team ON call USING (team = 't1');
SET ROLE regress_rollup_owner;
SELECT * FROM llm_cost.refresh_rollup('own');
SHOW row_security;
SELECT count(*) > 0 AS still_there FROM own_cell;
SET ROLE regress_rollup_reader;
SELECT count(*) FROM own_cell;
SELECT * FROM llm_cost.refresh_rollup('own');
RESET ROLE;
GRANT SELECT ON own, own_cell, own_user_cell TO regress_rollup_reader;
SET ROLE regress_rollup_reader;
SELECT count(*) > 0 AS answers FROM llm_cost.drift(period => '[2026-06-22, 2026-06-29)', usage => 'own');
SELECT * FROM llm_cost.refresh_rollup('own');
UPDATE llm_cost.rollup SET refreshed_at = now() WHERE rollup_name = 'own';
INSERT INTO llm_cost.rollup (schema_name, rollup_name, usage_schema, usage_name, usage_columns, price_book, by_columns, user_columns, bucket, time_zone, lateness, operation_age)
VALUES ('regress_rollup', 'copy', 'x', 'y', '{}', 'list', '{}', '{}', 'day', 'UTC', '0', '0');
RESET ROLE;
BEGIN READ ONLY;
SELECT * FROM llm_cost.refresh_rollup('daily');
ROLLBACK;
-- The usage may go, its rollup stays readable.
SELECT llm_cost.detach('call_usage');
SELECT sum(attempts) > 0 AS answers FROM llm_cost.cells(period => '[2026-04-06, 2026-06-29)', usage => 'daily');
SELECT * FROM llm_cost.refresh_rollup('daily');

SET client_min_messages = warning;
SELECT llm_cost.drop_rollup(format('%I.%I', schema_name, rollup_name)) FROM llm_cost.rollup WHERE schema_name = 'regress_rollup';
DELETE FROM llm_cost.usage_plan WHERE schema_name = 'regress_rollup';
DELETE FROM llm_cost.release_source WHERE schema_name = 'regress_rollup';
DELETE FROM llm_cost.price_override WHERE model LIKE 'regress-_';
DROP SCHEMA regress_rollup CASCADE;
DROP ROLE regress_rollup_owner, regress_rollup_reader;
