/*
 * regressions: what of all that changed is worth a person's attention.
 */

CREATE FUNCTION llm_cost.regressions(
	period tstzrange DEFAULT NULL, by text[] DEFAULT NULL, metrics text[] DEFAULT NULL, threshold_pct numeric DEFAULT 20,
	unit text DEFAULT NULL, filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	OUT scope jsonb, OUT metric text, OUT grade text, OUT alert boolean, OUT headline_pct numeric, OUT like_for_like_pct numeric,
	OUT low_pct numeric, OUT high_pct numeric, OUT quarter_pct numeric, OUT weekly_usd numeric, OUT p_value double precision,
	OUT false_discovery_rate double precision, OUT standing_days bigint, OUT weeks_open integer, OUT near_release text, OUT declared text,
	OUT cause text, OUT comparisons bigint, OUT false_a_year numeric)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 10 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(regressions.time_zone);
	whole		tstzrange := llm_cost.checked_period(regressions.period, zone);
	source		record;
	target		record;
	chosen		record;
	dimensions	text[];
	wanted		text[];
	dimension	text;
	name		text;
	threshold	double precision := COALESCE(regressions.threshold_pct, 20) / 100;
	last		timestamp := timezone(zone, upper(whole));
	earlier		tstzrange;		-- the period before
	baseline	tstzrange;		-- and what that is compared with
	parts		text[] := ARRAY[]::text[];
BEGIN
	IF NOT (threshold > 0 AND threshold <= 1e6) THEN
		RAISE EXCEPTION 'threshold_pct must be positive, and at most 100 million'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('threshold_pct: %s.', regressions.threshold_pct),
				HINT = 'Twenty per cent more is 20.';
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(regressions.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	dimensions := COALESCE(regressions.by, llm_cost.default_scopes(source.columns));
	wanted := COALESCE(regressions.metrics, ARRAY(SELECT m.metric FROM llm_cost.metrics() m
		WHERE m.metric IN ('hit_ratio', 'calls_per_operation') AND m.needs <@ source.columns) || 'unit_cost'::text);
	wanted := ARRAY(SELECT w.name FROM unnest(wanted) WITH ORDINALITY AS w (name, n) WHERE w.name IS NOT NULL GROUP BY w.name ORDER BY min(w.n));
	dimensions := ARRAY(SELECT d.name FROM unnest(dimensions) WITH ORDINALITY AS d (name, n) WHERE d.name IS NOT NULL GROUP BY d.name ORDER BY min(d.n));
	IF wanted = '{}' THEN
		RAISE EXCEPTION 'no metric'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example metrics => ''{unit_cost}''.';
	END IF;
	SELECT w.during INTO earlier FROM llm_cost.comparison_windows(whole, NULL, zone, 1) w WHERE w.pair = 1 AND w.side = 'after';
	SELECT tstzrange(min(lower(w.during)), lower(earlier)) INTO baseline FROM llm_cost.comparison_windows(whole, NULL, zone, 1) w WHERE w.pair = 1;
	FOREACH name IN ARRAY wanted LOOP
		-- each column by itself; none is the whole
		FOREACH dimension IN ARRAY CASE WHEN dimensions = '{}' THEN ARRAY[NULL::text] ELSE dimensions END LOOP
			SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, name, CASE name WHEN 'unit_cost' THEN regressions.unit END,
				array_remove(ARRAY[dimension], NULL));
			parts := parts || format($sql$
				SELECT COALESCE(r.label, '{}') AS scope, %1$L AS metric, %2$L = 'points' AS in_points, %3$s AS worse, %1$L IN ('unit_cost', 'cost_per_outcome') AS is_cost,
					   r.headline, (r.estimate).change, r.low, r.high, COALESCE(r.cancelled, 0) AS cancelled, COALESCE(r.cumulative_cancelled, 0) AS quarter_cancelled, r.p_value, r.verdict, r.cause, r.at_stake, r.standing, CASE WHEN r.verdict IN ('increased', 'decreased', 'trend') THEN r.near_release END AS near_release, r.declared,
					   r.top_user, r.headline_without, (r.cumulative).change AS quarter, (r.cumulative).low AS quarter_low, (r.cumulative).p_value AS quarter_p, (r.cumulative).effective_units AS quarter_units,
					   GREATEST((r.estimate).standard_error, (SELECT sqrt(avg(ln(1 + q.change) ^ 2)) FROM unnest(r.quiet) AS q (change) WHERE q.change > -1)) AS error,
					   GREATEST((r.estimate).degrees_of_freedom, 1) AS df,
					   1 + (SELECT count(*)::integer FROM unnest(r.quiet, r.quiet_p) WITH ORDINALITY AS q (change, p, n)
							WHERE q.n < COALESCE((SELECT min(f.n) FROM unnest(r.quiet, r.quiet_p) WITH ORDINALITY AS f (change, p, n)
								WHERE (f.p < 0.01 AND sign(f.change) = sign((r.estimate).change)) IS NOT TRUE), 1000)) AS weeks_open,
					   r.quiet[1] AS week_before, r.quiet_factors AS week_before_factors,
					   (r.cumulative_before).change AS quarter_before, (r.cumulative_before).low AS quarter_before_low, r.cumulative_before_factors AS quarter_before_factors,
					   -- another scope's release of that name, of another day, is another one
					   (SELECT timezone(%5$L, (n.value ->> 'at')::timestamptz)::date FROM jsonb_array_elements(r.near_releases) AS n WHERE n.value ->> 'release' = r.near_release) AS near_day,
					   (SELECT count(*) FROM unnest(r.quiet_headlines) AS q (change) WHERE q.change > -1) AS quiet_totals,
					   (SELECT sqrt(avg(ln(1 + q.change) ^ 2)) FROM unnest(r.quiet_headlines) AS q (change) WHERE q.change > -1) AS total_error
				FROM (%4$s) AS r$sql$,
				name, chosen.method, CASE name WHEN 'hit_ratio' THEN -1 ELSE 1 END,
				llm_cost.comparison_query(source.relation, name, chosen.chosen_unit, array_remove(ARRAY[dimension], NULL), whole, NULL, regressions.filter, zone, scan => true), zone);
		END LOOP;
	END LOOP;

	RETURN QUERY EXECUTE format($sql$
	WITH compared AS MATERIALIZED (%1$s),
	test AS (
		-- Y. Benjamini and Y. Hochberg, JRSS B 57, 1995
		SELECT t.*, min(t.p * t.m / t.rank) OVER (ORDER BY t.rank DESC) AS q
		FROM (SELECT c.scope, c.metric, x.quarter, x.p, row_number() OVER (ORDER BY x.p, c.metric, c.scope, x.quarter) AS rank, count(*) OVER () AS m
			  FROM compared c, LATERAL (VALUES (false, c.p_value), (true, CASE WHEN c.is_cost THEN c.quarter_p END)) AS x (quarter, p) WHERE x.p IS NOT NULL) AS t
	), expected AS (
		-- if nothing ever changed: as large as that, and not for chance at one in a hundred
		SELECT COALESCE(sum(LEAST(0.005, llm_cost.student_t_p_value(ln(1 + %2$s) / NULLIF(c.error, 0), c.df) / 2)), 0) * 365.25 * 86400 / %3$s
			   + COALESCE(sum(LEAST(%4$s, llm_cost.student_t_p_value(ln(1 + %2$s) / NULLIF(c.total_error, 0), c.quiet_totals) / 2)), 0) * 365.25 * 86400 / %3$s AS a_year
		FROM compared c WHERE c.is_cost
	), graded AS (
		SELECT c.*, t.q, COALESCE(u.q, 1) AS quarter_q, x.surely, y.by_total, CASE
			WHEN c.is_cost AND x.surely AND c.change - c.cancelled >= %2$s AND COALESCE(c.standing, 2) >= 2 THEN 'regression'
			WHEN y.by_total AND (c.change - c.cancelled < %2$s OR x.surely IS NOT TRUE) AND c.headline_without - c.cancelled < %2$s AND 2 * (c.headline_without - c.cancelled) < c.headline - c.cancelled THEN 'single user'
			-- the same users pay less than half of it
			WHEN y.by_total AND 2 * (c.change - c.cancelled) < c.headline - c.cancelled THEN 'mix shift'
			-- they pay most of it, for sure or not; or they are too few to speak for others; or nobody says whose it is
			WHEN y.by_total THEN 'watch'
			WHEN c.verdict = CASE c.worse WHEN 1 THEN 'increased' ELSE 'decreased' END AND t.q <= 0.05 THEN 'watch'
			-- many small steps: none of them is large, all of them are
			WHEN c.is_cost AND c.quarter - c.quarter_cancelled >= %2$s AND c.quarter_low - c.quarter_cancelled > 0.05 AND u.q <= 0.05 AND c.quarter_units >= 10 THEN 'watch' END AS grade
		FROM compared c
			 -- totals that rise like this in earlier weeks by themselves are no news
			 CROSS JOIN LATERAL (SELECT c.is_cost AND c.headline - c.cancelled >= %2$s
				AND (c.quiet_totals < 4 OR COALESCE(c.total_error, 0) = 0 OR llm_cost.student_t_p_value(ln(1 + c.headline - c.cancelled) / c.total_error, c.quiet_totals) / 2 <= 0.005) AS by_total) AS y
			 LEFT JOIN test t ON t.scope = c.scope AND t.metric = c.metric AND NOT t.quarter
			 LEFT JOIN test u ON u.scope = c.scope AND u.metric = c.metric AND u.quarter
			 CROSS JOIN LATERAL (SELECT c.verdict = 'increased' AND t.q <= 0.05 AS surely) AS x
	), ordered AS (
		SELECT g.*, g.grade = 'watch' AND g.is_cost AND NOT g.by_total AND g.surely IS NOT TRUE AS creeping, row_number() OVER of_release AS in_release, first_value(g.scope) OVER of_release AS first_scope, row_number() OVER of_scope AS in_scope,
			   -- said before, and not much more than then
			   CASE WHEN g.grade = 'watch' AND g.is_cost AND NOT g.by_total AND g.surely IS NOT TRUE
					THEN g.quarter_before - COALESCE(q.cancelled, 0) >= %2$s AND g.quarter_before_low - COALESCE(q.cancelled, 0) > 0.05
					ELSE g.weeks_open > 1 AND g.worse * (g.change - g.cancelled) < g.worse * (g.week_before - COALESCE(w.cancelled, 0)) + 0.1
						AND (g.grade <> 'regression' OR g.week_before - COALESCE(w.cancelled, 0) >= %2$s) END AS cooling
		FROM graded g
			 -- what was declared of the week before was not said
			 LEFT JOIN LATERAL llm_cost.declared_part(%5$L, %6$L, %7$L || g.scope, %8$L, %9$L, g.metric, CASE WHEN NOT g.in_points THEN g.week_before END, g.week_before_factors) AS w ON true
			 LEFT JOIN LATERAL llm_cost.declared_part(%5$L, %6$L, %7$L || g.scope, %10$L, %9$L, g.metric, g.quarter_before, g.quarter_before_factors) AS q ON g.is_cost
		WHERE g.grade IS NOT NULL
		WINDOW of_scope AS (PARTITION BY g.scope ORDER BY g.is_cost DESC, g.at_stake DESC NULLS LAST, g.metric),
			   of_release AS (PARTITION BY COALESCE(g.near_release, g.scope::text), g.near_release IS NULL, g.near_day
				ORDER BY array_position('{regression,single user,mix shift,watch}', g.grade), g.is_cost DESC, g.at_stake DESC NULLS LAST, g.metric, g.scope)
	)
	SELECT o.scope, o.metric, o.grade, o.in_release = 1 AND o.in_scope = 1 AND NOT COALESCE(o.cooling, false) AND (o.surely IS TRUE OR NOT o.by_total OR o.quiet_totals >= 4), round((100 * o.headline)::numeric, 1), round((100 * o.change)::numeric, 1),
		   round((100 * o.low)::numeric, 1), round((100 * o.high)::numeric, 1), round((100 * o.quarter)::numeric, 1), round(o.at_stake, 2), o.p_value, o.q, o.standing, o.weeks_open,
		   o.near_release, o.declared,
		   concat_ws('; ', CASE WHEN o.creeping THEN format('%%s %%%% since the beginning of the quarter%%s', to_char(100 * o.quarter, 'SGFM999990'), CASE WHEN o.quarter_cancelled <> 0 THEN format(', of which %%s points were declared', to_char(100 * o.quarter_cancelled, 'FM999990.0')) END)
				WHEN o.grade = 'single user' THEN format('%%s; without user %%s it is %%s %%%%', o.cause, o.top_user, to_char(100 * o.headline_without, 'SGFM999990'))
				WHEN o.grade = 'mix shift' THEN format('the same users pay %%s %%%%, most of it is other users or other requests than before; %%s', to_char(round((100 * o.change)::numeric), 'SGFM999990'), o.cause)
				WHEN o.is_cost AND o.change IS NULL THEN format('the totals rose; without users nobody knows whether the same ones pay more; %%s', o.cause)
				WHEN o.by_total AND o.grade = 'watch' AND o.change < 0.9 * o.headline THEN format('the same users pay %%s of the %%s %%%%; %%s', to_char(round((100 * o.change)::numeric), 'SGFM999990'), to_char(100 * o.headline, 'SGFM999990'), o.cause)
				ELSE o.cause END,
				CASE WHEN o.by_total AND o.surely IS NOT TRUE AND o.quiet_totals < 4 THEN 'too few earlier weeks to say whether that is usual' END,
				CASE WHEN o.grade = 'watch' AND o.is_cost AND NOT o.creeping AND o.standing < 2 THEN 'not seen on two days in a row' END,
				CASE WHEN o.cooling AND o.creeping THEN 'already so the week before'
					 WHEN o.cooling THEN format('already so for %%s', llm_cost.counted(o.weeks_open - 1::bigint, 'week'))
					 WHEN o.in_release > 1 AND o.near_release IS NOT NULL AND o.first_scope <> o.scope THEN format('the same release as %%s', llm_cost.scope_text(o.first_scope))
					 WHEN o.in_scope > 1 OR o.in_release > 1 THEN 'the same scope as another metric' END),
		   (SELECT count(*) FROM test), round(e.a_year::numeric, 2)
	FROM ordered o, expected e
	UNION ALL
	SELECT '{}', NULL, 'none', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		   format('%%s of %%s, of which none is a finding', llm_cost.counted((SELECT count(*) FROM test), 'comparison'), llm_cost.counted((SELECT count(DISTINCT c.scope) FROM compared c), 'scope')),
		   (SELECT count(*) FROM test), round(e.a_year::numeric, 2)
	FROM expected e WHERE NOT EXISTS (SELECT FROM ordered)
	ORDER BY 4 DESC, 10 DESC NULLS LAST, 1, 2$sql$,
		array_to_string(parts, ' UNION ALL '), threshold, EXTRACT(epoch FROM upper(whole) - lower(whole)),
		-- totals have heavier tails than Student's t: one in a hundred where that says one in two hundred
		0.01,
		target.schema_name, target.relation_name, COALESCE(regressions.filter, '{}'), baseline, earlier,
		tstzrange(timezone(zone, last - INTERVAL '13 weeks'), timezone(zone, last - INTERVAL '9 weeks')));
END
$$;
COMMENT ON FUNCTION llm_cost.regressions(tstzrange, text[], text[], numeric, text, jsonb, regclass, text) IS
	'What of the changes of a period (NULL: the last full week) is worth attention: unit cost that rose by threshold_pct or more beyond what was declared, and metrics that got worse, each column of "by" by itself (NULL: the workflow; {}: the whole), metrics NULL: unit_cost, hit_ratio, calls_per_operation, as far as reported. grade: regression (the same users pay that much more, it has stood for two days, and it passes the false-discovery rate of 5 % over all comparisons), single user (the totals rose that much, and without one user they did not, nor by half of it), mix shift (the totals did, and the same users pay less than half of it), watch (it rose for sure, but by less or not for two days; or the totals rose that much, and the same users pay most of it but not for sure, or are too few to speak for others, or nobody says which they are; or, beyond what was declared, it rose by threshold_pct since the first four weeks of the quarter that the period ends, quarter_pct). alert is true once for each release and scope, and again only if a change that is already open grew by ten points beyond what was declared, or became a regression. Releases of one name in different scopes are one if they came on one day. false_discovery_rate: the share of findings that would be false if all as certain as this one were reported (Benjamini and Hochberg). Totals that rise by themselves in earlier weeks, too (not beyond Student''s t at one in two hundred of what the quiet windows did), are no finding, and with fewer than four of these no alert. near_release: only of what surely changed. false_a_year: regressions, and rises of totals, a year to be expected from chance alone with these comparisons, as often as the period is long. One row with grade none if nothing is found.';
