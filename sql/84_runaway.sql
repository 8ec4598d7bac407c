/*
 * Runaways: loops and storms that cost money now, told early enough to stop
 * them.  Everything is measured against what is usual in the same workflow, so
 * an agent that always makes forty calls is left in peace.
 *
 * What is judged is the operation; where an attempt names none, what its
 * conversation, else its user, did within one hour of the clock.  One scan reads
 * the period and the eight days before it and adds them up to "part", one row
 * per such unit and day; everything else looks at parts only.
 */

CREATE FUNCTION llm_cost.runaway_parts(
	usage regclass, whole tstzrange, by text[], filter jsonb, time_zone text) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT format($sql$
		SELECT b.operation_id, b.hour_of, b.now, b.day, b.user_id%1$s, min(b.started_at) AS began, count(*) AS n,
			   count(*) FILTER (WHERE NOT b.is_call) AS tools, count(*) FILTER (WHERE b.repeats) AS repeats,
			   sum(b.cost) FILTER (WHERE b.repeats) AS repeats_cost, count(*) FILTER (WHERE b.is_retry) AS retries,
			   sum(b.cost) FILTER (WHERE b.is_retry) AS retry_cost, max(b.attempt) FILTER (WHERE b.is_retry) AS most_attempts,
			   sum(b.cost) AS cost, count(*) FILTER (WHERE b.unpriced) AS unpriced
		FROM (SELECT h.*, h.started_at >= %2$L::timestamptz AS now, timezone(%3$L, h.started_at)::date AS day,
					 -- equal to an earlier one in all that is logged of the question, and no retry; texts to embed are cut to one length
					 NOT h.is_retry AND (h.prompt_hash IS NOT NULL OR h.input_tokens IS NOT NULL AND h.kind IS DISTINCT FROM 'embedding')
					 AND row_number() OVER same > 1 AS repeats
			  FROM (SELECT a.*, CASE WHEN a.operation_id IS NULL THEN COALESCE('conversation ' || a.conversation_id, 'user ' || a.user_id)
								|| to_char(timezone(%3$L, date_trunc('hour', a.started_at, %3$L)), '", "YYYY-MM-DD HH24:00') END AS hour_of
					FROM (%4$s) AS a) AS h
			  WINDOW same AS (PARTITION BY h.operation_id, h.hour_of, h.is_call, h.step, h.model, h.prompt_hash, h.input_tokens ORDER BY h.started_at)) AS b
		GROUP BY b.operation_id, b.hour_of, b.now, b.day, b.user_id%1$s$sql$,
		COALESCE((SELECT string_agg(format(', b.dimension_%s', i), '' ORDER BY i) FROM generate_series(1, cardinality(by)) AS i), ''),
		lower(whole), time_zone,
		llm_cost.attempts_query(usage, tstzrange(timezone(time_zone, timezone(time_zone, lower(whole)) - INTERVAL '8 days'), upper(whole)), by, filter, NULL));
END;
COMMENT ON FUNCTION llm_cost.runaway_parts(regclass, tstzrange, text[], jsonb, text) IS
	'SQL that adds a period (now) and the eight days before it up by operation, or hour of a conversation or user without one, and day: calls, tool calls, calls that repeat an earlier one of the unit exactly, retries, cost.';

CREATE FUNCTION llm_cost.runaway_loops(
	by text[], min_calls integer, times_median numeric, min_identical integer, min_retries integer) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT format($sql$
	WITH unit AS (
		SELECT p.operation_id, p.hour_of, p.now, p.user_id%1$s, min(min(p.began)) OVER (PARTITION BY p.operation_id, p.hour_of) AS began,
			   sum(p.n) AS n, sum(p.tools) AS tools, sum(p.repeats) AS repeats, sum(p.repeats_cost) AS repeats_cost,
			   sum(p.retries) AS retries, sum(p.retry_cost) AS retry_cost, max(p.most_attempts) AS most_attempts,
			   sum(p.cost) AS cost, sum(p.unpriced) AS unpriced
		FROM part p
		WHERE p.operation_id IS NOT NULL OR p.hour_of IS NOT NULL
		GROUP BY p.operation_id, p.hour_of, p.now, p.user_id%1$s
	), peer AS (
		SELECT %2$s AS scope, p.operation_id IS NULL AS hourly, GROUPING(p.user_id) = 0 AS own, p.user_id, count(*) AS units, count(*) FILTER (WHERE NOT p.now) AS units_before,
			   max(count(*) FILTER (WHERE NOT p.now)) OVER (PARTITION BY p.operation_id IS NULL%1$s) AS all_before,
			   percentile_disc(0.5) WITHIN GROUP (ORDER BY p.n) AS calls, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.n) FILTER (WHERE NOT p.now) AS calls_before,
			   percentile_cont(0.9) WITHIN GROUP (ORDER BY p.n) FILTER (WHERE NOT p.now) AS p90_before,
			   percentile_disc(0.5) WITHIN GROUP (ORDER BY p.repeats) AS repeats, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.repeats) FILTER (WHERE NOT p.now) AS repeats_before,
			   percentile_disc(0.5) WITHIN GROUP (ORDER BY p.cost) AS cost, percentile_disc(0.5) WITHIN GROUP (ORDER BY p.cost) FILTER (WHERE NOT p.now) AS cost_before
		FROM unit p
		GROUP BY GROUPING SETS ((p.operation_id IS NULL%1$s), (p.operation_id IS NULL, p.user_id%1$s))
	), usual AS (
		-- in the days before, if there is enough of them; a single one is not usual
		SELECT p.scope, p.hourly, p.own, p.user_id, CASE WHEN p.units_before >= 20 THEN p.calls_before WHEN p.units > 1 THEN p.calls END::numeric AS calls,
			   -- some agents have long tails; what runs away now must not widen them
			   CASE WHEN p.units_before >= 20 THEN p.p90_before END::numeric AS p90,
			   CASE WHEN p.units_before >= 20 THEN p.repeats_before WHEN p.units > 1 THEN p.repeats END::numeric AS repeats,
			   CASE WHEN p.units_before >= 20 THEN p.cost_before WHEN p.units > 1 THEN p.cost END AS cost
		FROM peer p
		-- operations are compared within their workflow, hours of a user with his own as well, if there are any but new ones
		WHERE NOT p.own OR p.hourly AND (p.units_before >= 20 OR p.all_before < 20 AND p.units >= 20)
	), candidate AS (
		SELECT %3$s AS scope, u.* FROM unit u
		WHERE u.now AND (u.n > %4$L::integer OR u.repeats >= %6$L::integer OR u.retries >= %7$L::integer)
	), judged AS (
		SELECT c.*, COALESCE(c.operation_id, c.hour_of) AS name, w.calls AS usual_calls, w.cost AS usual_cost,
			   CASE WHEN c.retries >= %7$L::integer AND c.retries * 2 > c.n THEN 'layered_retries'
					WHEN c.repeats >= GREATEST(%6$L::integer, %5$L::numeric * w.repeats) THEN 'identical_calls'
					WHEN c.n > GREATEST(%4$L::integer, %5$L::numeric * COALESCE(w.calls, %4$L::integer), 5 * w.p90) THEN 'many_calls' END AS finding
		FROM candidate c
			 JOIN usual t ON NOT t.own AND t.hourly = (c.operation_id IS NULL) AND t.scope = c.scope
			 LEFT JOIN usual o ON o.own AND c.operation_id IS NULL AND o.scope = c.scope AND o.user_id = c.user_id,
			 LATERAL (SELECT GREATEST(t.calls, o.calls) AS calls, COALESCE(o.p90, t.p90) AS p90, GREATEST(t.repeats, o.repeats) AS repeats, GREATEST(t.cost, o.cost) AS cost) AS w
	), looped AS (
		SELECT j.*, CASE j.finding WHEN 'layered_retries' THEN j.retry_cost WHEN 'identical_calls' THEN j.repeats_cost
					ELSE GREATEST(j.cost - COALESCE(j.usual_cost, 0), 0 * j.cost) END AS excess
		FROM judged j
		WHERE j.finding IS NOT NULL
	), added AS (
		SELECT l.scope || CASE WHEN count(*) = count(l.user_id) AND min(l.user_id) = max(l.user_id) THEN jsonb_build_object('user_id', min(l.user_id)) ELSE '{}' END AS scope,
			   l.finding, min(l.began) AS since, (array_agg(l.name ORDER BY l.excess DESC NULLS LAST, l.n DESC, l.name))[1] AS example,
			   count(*) AS units, sum(l.n) AS calls, sum(l.tools) AS tools, sum(l.cost) AS cost, sum(l.excess) AS excess, sum(l.unpriced) AS unpriced,
			   bool_or(l.operation_id IS NULL) AS hourly, count(DISTINCT l.user_id) AS users, max(l.n) AS most, max(l.usual_calls) AS usual_calls,
			   sum(l.repeats) AS repeats, sum(l.retries) AS retries, max(l.most_attempts) AS most_attempts
		FROM looped l
		GROUP BY l.scope, l.finding
	)
	SELECT a.scope, a.finding, a.since, a.example, a.units, a.calls, a.tools, a.cost, a.cost - a.excess AS expected, a.excess, a.unpriced,
		   concat(llm_cost.count_text(a.units), CASE WHEN a.hourly THEN ' hour' ELSE ' operation' END, CASE WHEN a.units > 1 THEN 's' END,
				  CASE WHEN a.users = 1 THEN ' of one user' WHEN a.users > 1 THEN format(' of %%s users', llm_cost.count_text(a.users)) END, ': ',
				  CASE a.finding
				  WHEN 'layered_retries' THEN format('%%s of %%s calls are retries', llm_cost.count_text(a.retries), llm_cost.count_text(a.calls)) || COALESCE(', up to attempt ' || a.most_attempts, '')
				  WHEN 'identical_calls' THEN format('%%s of %%s calls repeat an earlier one exactly', llm_cost.count_text(a.repeats), llm_cost.count_text(a.calls))
				  ELSE format('%%s calls, %%s in one, ', llm_cost.count_text(a.calls), llm_cost.count_text(a.most)) || COALESCE('where ' || llm_cost.shown(a.usual_calls) || ' are usual', 'with nothing to compare') END) AS evidence
	FROM added a$sql$,
		COALESCE((SELECT string_agg(format(', p.dimension_%s', i), '' ORDER BY i) FROM generate_series(1, cardinality(by)) AS i), ''),
		llm_cost.scope_expression(by, 'p'), llm_cost.scope_expression(by, 'u'), min_calls, times_median, min_identical, min_retries);
END;
COMMENT ON FUNCTION llm_cost.runaway_loops(text[], integer, numeric, integer, integer) IS
	'SQL over the rows of runaway_parts(), as part, that finds units with too many calls, identical calls or retries, one row per scope and finding.';

CREATE FUNCTION llm_cost.runaway_growth(
	by text[], whole tstzrange, time_zone text, min_calls integer, spend_factor numeric) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT format($sql$
	WITH daily AS (
		SELECT %2$s, p.day, COALESCE(sum(p.cost), 0) AS cost, sum(p.n) AS calls, sum(p.tools) AS tools, sum(p.unpriced) AS unpriced
		FROM part p
		GROUP BY GROUPING SETS ((p.day%1$s)%8$s)
	), days AS (
		-- as far back as there are data; a list, whose length the planner knows
		SELECT u.day FROM unnest(%3$L::date[]) AS u (day) WHERE u.day >= (SELECT min(d.day) FROM daily d)
	), bill AS (
		-- a usual day of all together; less than three days before tell nothing
		SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY b.cost) AS cost
		FROM (SELECT days.day, COALESCE(sum(d.cost), 0) AS cost
			  FROM days LEFT JOIN daily d ON d.day = days.day AND NOT d.per_user
			  WHERE days.day < %4$L
			  GROUP BY days.day) AS b
		HAVING count(*) >= 3
	), series AS (
		SELECT s.scope, s.per_user, days.day, COALESCE(d.cost, 0) AS cost, COALESCE(d.calls, 0) AS calls, COALESCE(d.tools, 0) AS tools, COALESCE(d.unpriced, 0) AS unpriced
		FROM (SELECT DISTINCT d.scope, d.per_user FROM daily d, bill
			  -- the few who matter: a tenth of the usual bill in a day
			  WHERE d.day >= %4$L AND d.cost > bill.cost / 10 AND d.scope <> '{"user_id": null}') AS s
			 CROSS JOIN days
			 LEFT JOIN daily d ON d.day = days.day AND d.scope = s.scope AND d.per_user = s.per_user
	), lagged AS (
		SELECT s.*, lag(s.cost, 1) OVER past AS cost_1, lag(s.cost, 2) OVER past AS cost_2, lag(s.cost, 3) OVER past AS cost_3,
			   array_agg(s.cost) OVER (past ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING) AS week
		FROM series s
		WINDOW past AS (PARTITION BY s.scope ORDER BY s.day)
	), judged AS (
		SELECT t.*, u.base,
			   -- many calls, and above the usual a tenth of the bill, for one user a quarter, for who is seldom there all of it
			   (t.day >= %4$L AND t.calls > %7$L::integer AND t.cost - u.base > bill.cost * CASE WHEN u.active < 3 THEN 1 WHEN t.per_user THEN 0.25 ELSE 0.1 END
				-- so much more than usual; nobody spends evenly, so one user than on any day of the week before
				AND (t.cost > %5$L::numeric * CASE WHEN t.per_user THEN u.most ELSE u.base END
					 -- or grown by half three days on end, each above all days of the week before, as a Monday is not
					 OR t.cost_2 > u.most_earlier AND t.cost_2 >= 1.5 * t.cost_3 AND t.cost_1 >= 1.5 * t.cost_2 AND t.cost >= 1.5 * t.cost_1
						AND t.cost > CASE WHEN t.per_user THEN %5$L::numeric ELSE 3 END * u.base)) IS TRUE AS over
		FROM bill, lagged t,
			 -- the mean of days, idle ones among them, or the median if that is more
			 LATERAL (SELECT GREATEST(percentile_disc(0.5) WITHIN GROUP (ORDER BY w.cost), avg(w.cost)) AS base, max(w.cost) AS most, count(*) FILTER (WHERE w.cost > 0) AS active,
							 max(w.cost) FILTER (WHERE w.i <= cardinality(t.week) - 2) AS most_earlier
					  FROM unnest(t.week) WITH ORDINALITY AS w (cost, i)) AS u
	), grown AS (
		SELECT j.scope, min(j.day) AS since, sum(j.cost) AS cost, sum(j.calls) AS calls, sum(j.tools) AS tools, sum(j.unpriced) AS unpriced,
			   max(j.cost) AS most, (array_agg(j.day ORDER BY j.cost DESC, j.day))[1] AS most_on, min(f.base) AS base, llm_cost.shown_number(min(f.base) * count(*)) AS expected
		FROM judged j
			 JOIN (SELECT DISTINCT ON (o.scope) o.scope, o.day, o.base FROM judged o WHERE o.over ORDER BY o.scope, o.day) AS f ON f.scope = j.scope AND f.day <= j.day
		GROUP BY j.scope
	)
	SELECT g.scope, 'spend_growth', timezone(%6$L, g.since::timestamp), NULL, NULL::bigint, g.calls, g.tools, g.cost, g.expected, g.cost - g.expected, g.unpriced,
		   format('%%s on %%s, %%s in the week before %%s', llm_cost.shown(g.most), g.most_on,
				  COALESCE(llm_cost.shown(g.most / NULLIF(g.base, 0)) || ' times the ' || llm_cost.shown(g.base) || ' a day', 'nothing'), g.since)
	FROM grown g$sql$,
		COALESCE((SELECT string_agg(format(', p.dimension_%s', i), '' ORDER BY i) FROM generate_series(1, cardinality(by)) AS i), ''),
		CASE WHEN 'user_id' = ANY (by) THEN llm_cost.scope_expression(by, 'p') || ' AS scope, false AS per_user'
			 ELSE format('CASE WHEN GROUPING(p.user_id) = 0 THEN jsonb_build_object(''user_id'', p.user_id) ELSE %s END AS scope, GROUPING(p.user_id) = 0 AS per_user',
						 llm_cost.scope_expression(by, 'p')) END,
		ARRAY(SELECT generate_series(timezone(time_zone, lower(whole))::date - INTERVAL '8 days',
									 timezone(time_zone, upper(whole) - INTERVAL '1 microsecond'), INTERVAL '1 day')::date), timezone(time_zone, lower(whole))::date, spend_factor, time_zone, min_calls, CASE WHEN 'user_id' = ANY (by) THEN '' ELSE ', (p.day, p.user_id)' END);
END;
COMMENT ON FUNCTION llm_cost.runaway_growth(text[], tstzrange, text, integer, numeric) IS
	'SQL over the rows of runaway_parts(), as part, that finds scopes and users who spend far more a day than in the week before.';

CREATE FUNCTION llm_cost.runaway(
	period tstzrange DEFAULT NULL, by text[] DEFAULT '{workflow}', filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL,
	time_zone text DEFAULT NULL, min_calls integer DEFAULT 50, times_median numeric DEFAULT 20, min_identical integer DEFAULT 20,
	min_retries integer DEFAULT 10, spend_factor numeric DEFAULT 5, min_usd numeric DEFAULT 10, max_rows integer DEFAULT 50,
	OUT scope jsonb, OUT finding text, OUT since timestamptz, OUT example text, OUT operations bigint, OUT calls bigint,
	OUT cost numeric, OUT expected_cost numeric, OUT excess_usd numeric, OUT unpriced_attempts bigint, OUT evidence text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 20 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	setting		record;
	zone		text := llm_cost.checked_zone(runaway.time_zone);
	whole		tstzrange := llm_cost.checked_period(runaway.period, zone);
	dimensions	text[] := COALESCE(runaway.by, '{workflow}');
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(runaway.usage);
	IF NOT source.columns && '{operation_id,conversation_id,user_id}' THEN
		PERFORM llm_cost.require_columns(source.relation, '{operation_id}', 'runaway()');
	END IF;
	FOR setting IN SELECT * FROM (VALUES ('min_calls', runaway.min_calls::numeric, 1), ('times_median', runaway.times_median, 1),
			('min_identical', runaway.min_identical, 2), ('min_retries', runaway.min_retries, 1),
			('spend_factor', runaway.spend_factor, 1), ('min_usd', runaway.min_usd, 0)) AS s (name, value, least) LOOP
		IF setting.value < setting.least OR setting.value = 'NaN' THEN
			RAISE EXCEPTION '% must be at least %', setting.name, setting.least
				USING ERRCODE = 'invalid_parameter_value', DETAIL = format('%s: %s.', setting.name, setting.value);
		END IF;
	END LOOP;
	RETURN QUERY EXECUTE format($sql$
	WITH part AS MATERIALIZED (%s)
	SELECT f.scope, f.finding, f.since, f.example, f.units, f.calls::bigint, trim_scale(f.cost), trim_scale(f.expected), trim_scale(f.excess),
		   f.unpriced::bigint, f.evidence
	FROM ((%s) UNION ALL (%s)) AS f
	-- tool calls cost somebody something, even where no cost is logged
	WHERE f.excess IS NULL OR f.excess >= %L::numeric OR f.tools * 2 > f.calls
	ORDER BY f.excess DESC NULLS LAST, f.calls DESC, f.finding, f.scope
	LIMIT %s$sql$,
		llm_cost.runaway_parts(source.relation, whole, dimensions, runaway.filter, zone),
		llm_cost.runaway_loops(dimensions, COALESCE(runaway.min_calls, 50), COALESCE(runaway.times_median, 20),
			COALESCE(runaway.min_identical, 20), COALESCE(runaway.min_retries, 10)),
		llm_cost.runaway_growth(dimensions, whole, zone, COALESCE(runaway.min_calls, 50), COALESCE(runaway.spend_factor, 5)),
		COALESCE(runaway.min_usd, 10), llm_cost.checked_rows(runaway.max_rows, 50));
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, runaway.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.runaway(tstzrange, text[], jsonb, regclass, text, integer, numeric, integer, integer, numeric, numeric, integer) IS
	'What runs away in the period (NULL: the last full week; every hour: the last 24 hours), dearest first, at most max_rows. Judged are operations, and hours of a conversation or user where attempts name none, against others of the same columns "by" in the eight days before (in the period, where fewer than 20 are before; one alone is too many above times_median times min_calls). layered_retries: min_retries or more, and more than half of the calls; identical_calls: min_identical or more, and times_median times the median, repeat an earlier call of the unit in model, step, prompt_hash and input_tokens (an embedding only if its prompt_hash is known); many_calls: more than min_calls, times_median times the median, and five times the 90th percentile of the days before, tool calls among them; a unit is only the first of these. One row per scope and finding, with user_id where one user did it all; example: the worst unit. spend_growth: a scope with more than min_calls in a local day that costs more than spend_factor times the usual of the seven days before, or has grown by half three days on end to more than three times it, and by a tenth of everybody''s usual day; a user likewise, but more than spend_factor times his dearest day, and by a quarter (by all of it, if on less than three of the days before there was any cost). excess_usd is what the repeated calls or retries cost, else cost above expected_cost, NULL where nothing is priced; what is below min_usd is left out, unless most of it are tool calls. Loops and spend_growth show the same money twice: do not add them. Needs operation_id, conversation_id or user_id.';
