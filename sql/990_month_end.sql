/*
 * month_end: what the month will have cost, against the plan.
 *
 * A day that is still to come costs what its weekday cost in the last four
 * weeks, the last one counting twice as much as the one before, and so on.
 * How wrong that is, the weeks before tell: for each of up to eight of them the
 * same forecast is made of as many days (seven at most) from what was known
 * then.  The band is the 95 % interval of the logarithm of actual by forecast,
 * with Student's t, its mean taken for zero; over w weeks it is the square root
 * of w times as wide, which is more than enough for errors that add up and for
 * levels that wander.
 */

CREATE FUNCTION llm_cost.month_end(
	by text[] DEFAULT '{}', usage regclass DEFAULT NULL, as_of timestamptz DEFAULT NULL, filter jsonb DEFAULT NULL, time_zone text DEFAULT NULL,
	OUT scope jsonb, OUT month_from date, OUT days_left integer, OUT spend_to_date numeric, OUT run_rate numeric, OUT low numeric, OUT high numeric,
	OUT plan numeric, OUT verdict text, OUT unpriced_attempts bigint, OUT weeks_checked integer)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 20 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(month_end.time_zone);
	source		record;
	target		record;
	-- the first day that is not over; at midnight of the first that is still the month before
	today		date;
	ends		date;
	whole		tstzrange;
	dimensions	text[] := COALESCE(month_end.by, '{}');
	last_day	date;
BEGIN
	IF NOT isfinite(month_end.as_of) THEN
		RAISE EXCEPTION 'as_of must be a time'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('as_of: %s.', month_end.as_of), HINT = 'For example ''2026-06-15''; NULL is now.';
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(month_end.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	today := timezone(zone, COALESCE(month_end.as_of, now()))::date;
	month_from := date_trunc('month', timezone(zone, COALESCE(month_end.as_of, now()) - INTERVAL '1 microsecond'))::date;
	ends := (month_from + INTERVAL '1 month')::date;
	days_left := ends - today;
	-- twelve weeks, or since the month began
	whole := tstzrange(timezone(zone, LEAST(month_from, today - 84)::timestamp), timezone(zone, today::timestamp));
	last_day := today - 1;
	RETURN QUERY EXECUTE format($sql$
	WITH cell AS (
		SELECT %3$s AS scope, timezone(%1$L, c.bucket)::date AS day, COALESCE(c.cost, 0) AS cost, c.unpriced_attempts AS unpriced FROM (%6$s) AS c
	), begun AS (
		SELECT min(c.day) AS day FROM cell c
	), spent AS (
		SELECT s.scope, d.day::date AS day, COALESCE(c.cost, 0) AS cost
		FROM (SELECT DISTINCT c.scope FROM cell c) AS s
			 CROSS JOIN generate_series((SELECT b.day FROM begun b)::timestamp, %7$L::date::timestamp, INTERVAL '1 day') AS d (day)
			 LEFT JOIN cell c ON c.scope = s.scope AND c.day = d.day::date
	), origin AS (
		-- 0 is now, 1 a week ago, ...: the forecast starts from there
		SELECT k.n, %4$L::date - 7 * k.n AS first_day FROM generate_series(0, 8) AS k (n), begun b
		WHERE k.n = 0 OR %4$L::date - 7 * k.n - 28 >= b.day
	), ahead AS (
		SELECT o.n, o.first_day, o.first_day + h.i AS day, o.first_day + h.i %% 7 AS like_day
		FROM origin o, generate_series(0, CASE WHEN o.n = 0 THEN %8$s ELSE LEAST(%8$s, 7) END - 1) AS h (i)
	), forecast AS (
		SELECT s.scope, a.n, a.day, sum(s.cost * w.weight) / sum(w.weight) AS expected
		FROM ahead a
			 CROSS JOIN (VALUES (1, 8), (2, 4), (3, 2), (4, 1)) AS w (weeks, weight)
			 JOIN spent s ON s.day = a.like_day - 7 * w.weeks
		GROUP BY s.scope, a.n, a.day
	), error AS (
		SELECT f.scope, f.n, ln(sum(s.cost) / sum(f.expected)) AS log_error
		FROM forecast f JOIN spent s ON s.scope = f.scope AND s.day = f.day
		WHERE f.n > 0
		GROUP BY f.scope, f.n
		HAVING sum(s.cost) > 0 AND sum(f.expected) > 0
	), doubt AS (
		SELECT e.scope, count(*)::integer AS weeks,
			   -- Student's t for 4 to 8 degrees of freedom
			   CASE WHEN count(*) >= 4 THEN LEAST(20, ('{2.776,2.571,2.447,2.365,2.306}'::numeric[])[count(*) - 3] * sqrt(avg(e.log_error ^ 2)) * sqrt(GREATEST(%8$s / 7.0, 1))) END AS width
		FROM error e GROUP BY e.scope
	), due AS (
		-- in the first week some weekdays were not seen yet: they cost what a day does
		SELECT m.scope, sum(COALESCE(f.expected, m.cost)) AS expected
		FROM (SELECT s.scope, avg(s.cost) AS cost FROM spent s GROUP BY s.scope) AS m
			 CROSS JOIN (SELECT a.day FROM ahead a WHERE a.n = 0) AS a
			 LEFT JOIN forecast f ON f.scope = m.scope AND f.n = 0 AND f.day = a.day
		GROUP BY m.scope
	), planned AS (
		SELECT p.scope, sum(p.value / 7) AS plan
		FROM generate_series(%9$L::date::timestamp, %10$L::date::timestamp - INTERVAL '1 day', INTERVAL '1 day') AS d (day),
			 LATERAL (SELECT DISTINCT ON (s.scope) s.scope, u.value
					  FROM llm_cost.usage_plan u, LATERAL (SELECT llm_cost.planned_scope(u.scope, %2$L, %5$L) AS scope) AS s
					  WHERE u.schema_name = %11$L AND u.relation_name = %12$L AND u.metric = 'spend' AND u.valid_from <= timezone(%1$L, d.day)
						AND llm_cost.speaks_for(u.planned_by, u.schema_name, u.relation_name) AND s.scope IS NOT NULL
					  ORDER BY s.scope, u.valid_from DESC, u.planned_at DESC) AS p
		GROUP BY p.scope
	), summed AS (
		SELECT s.scope, COALESCE(sum(s.cost) FILTER (WHERE s.day >= %9$L::date), 0) AS to_date FROM spent s GROUP BY s.scope
	), ended AS (
		SELECT COALESCE(s.scope, p.scope) AS scope, COALESCE(s.to_date, 0) AS to_date, COALESCE(d.expected, 0) AS due,
			   CASE WHEN %8$s <= 0 THEN 0 ELSE x.width END AS width, p.plan, x.weeks
		FROM summed s
			 FULL JOIN planned p ON p.scope = s.scope
			 LEFT JOIN due d ON d.scope = s.scope
			 LEFT JOIN doubt x ON x.scope = s.scope
	)
	SELECT e.scope, %9$L::date, GREATEST(%8$s, 0), trim_scale(e.to_date), llm_cost.shown_number(e.to_date + e.due),
		   llm_cost.shown_number(e.to_date + e.due * exp(-e.width)), llm_cost.shown_number(e.to_date + e.due * exp(e.width)), llm_cost.shown_number(e.plan),
		   CASE WHEN e.plan IS NULL THEN 'no plan'
				WHEN e.to_date > e.plan THEN 'over the plan'
				WHEN e.width IS NULL THEN 'too early to tell'
				WHEN e.to_date + e.due * exp(-e.width) > e.plan THEN 'will be over the plan'
				WHEN e.to_date + e.due * exp(e.width) <= e.plan THEN 'within the plan'
				ELSE 'may be over the plan' END,
		   COALESCE((SELECT sum(c.unpriced) FROM cell c WHERE c.scope = e.scope AND c.day >= %9$L::date), 0)::bigint, COALESCE(e.weeks, 0)
	FROM ended e
	ORDER BY e.to_date + e.due DESC, e.scope$sql$,
		zone, dimensions, llm_cost.scope_expression(dimensions, 'c'), today, month_end.filter,
		llm_cost.summed_query(source.relation, whole, dimensions, month_end.filter, NULL, format('date_trunc(''day'', started_at, %L)', zone),
			ARRAY(SELECT 'dimension_' || i FROM generate_series(1, cardinality(dimensions)) AS i), '{cost,unpriced_attempts}', false, 'day', zone,
			ARRAY[lower(whole), upper(whole)], NULL),
		last_day, days_left, month_from, ends,
		target.schema_name, target.relation_name);
END
$$;
COMMENT ON FUNCTION llm_cost.month_end(text[], regclass, timestamptz, jsonb, text) IS
	'What the month of as_of (NULL: now; at midnight, the day before) will have cost, by columns, dearest first: spend_to_date, of the local days that are over, and run_rate, with each day still to come at what its weekday cost in the last four weeks, weighted 8, 4, 2, 1 from the last one back (in the first week of all, a weekday not seen yet at the mean of the days). low to high is the 95 % interval that the same forecast, made in up to eight weeks before (weeks_checked), would have needed; NULL where fewer than four of them can be looked at. plan: what set_plan() expects as spend of just this scope (columns that filter gives one value belong to it), a seventh of its week for each day of the month that has one; NULL where none has. verdict: over the plan, will be over, may be over, within, too early to tell, no plan. Attempts of the month without a price are in no sum; unpriced_attempts counts them. Amounts are in the currency of the price book. Errors: 22023 when as_of is infinite.';
