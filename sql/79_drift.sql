/*
 * drift: one shape for every metric.
 */

CREATE FUNCTION llm_cost.drift(
	metric text DEFAULT 'unit_cost', by text[] DEFAULT '{}', period tstzrange DEFAULT NULL, baseline text DEFAULT NULL,
	unit text DEFAULT NULL, filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	OUT scope jsonb, OUT value numeric, OUT value_before numeric, OUT change_in text, OUT change numeric, OUT like_for_like numeric,
	OUT low numeric, OUT high numeric, OUT at_stake_usd numeric, OUT sample_size numeric, OUT sampling_unit text, OUT sampling_units bigint,
	OUT matched_spend_pct numeric, OUT priced_pct numeric, OUT quiet_windows integer, OUT quiet_windows_larger integer,
	OUT verdict text, OUT cause text, OUT near_release text, OUT declared text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 20 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(drift.time_zone);
	whole		tstzrange := llm_cost.checked_period(drift.period, zone);
	source		record;
	chosen		record;
	dimensions	text[] := COALESCE(drift.by, '{}');
	wanted		text := COALESCE(drift.metric, 'unit_cost');
	planned		boolean := COALESCE(lower(btrim(drift.baseline)) = 'plan', false);
	compared	text;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(drift.usage);
	SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, wanted, drift.unit, dimensions);
	compared := llm_cost.comparison_query(source.relation, wanted, chosen.chosen_unit, dimensions, whole,
		CASE WHEN NOT planned THEN drift.baseline END, drift.filter, zone);
	IF planned THEN
		compared := llm_cost.plan_comparison_query(compared, source.relation, wanted, chosen.chosen_unit, chosen.method,
			COALESCE(chosen.dollars, 'NULL::numeric'), dimensions, drift.filter, whole);
	END IF;
	RETURN QUERY EXECUTE format($sql$
		SELECT COALESCE(r.label, '{}'), llm_cost.shown_number(r.value_after), llm_cost.shown_number(r.value_before), %1$L,
			   round((100 * r.headline)::numeric, 2), round((100 * (r.estimate).change)::numeric, 2),
			   round((100 * r.low)::numeric, 2), round((100 * r.high)::numeric, 2), round(r.at_stake, 2),
			   r.n_after::numeric, r.sampling_unit, (r.estimate).units, round((100 * (r.estimate).matched_after)::numeric, 1),
			   trunc(100 * (1 - r.unpriced_after / NULLIF(r.attempts_after, 0)), 1),
			   r.placebo_windows, r.placebo_larger, r.verdict, r.cause, r.near_release, r.declared
		FROM (%2$s) AS r
		ORDER BY abs(r.at_stake) DESC NULLS LAST, r.cost_after DESC NULLS LAST, r.label$sql$,
		CASE chosen.method WHEN 'points' THEN 'points' ELSE '%' END, compared);
	IF NOT FOUND THEN
		scope := '{}';
		verdict := 'insufficient';
		cause := CASE WHEN planned THEN 'neither a plan nor usage' ELSE 'no usage in the period, nor in the windows before it' END;
		RETURN NEXT;
	END IF;
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, drift.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.drift(text, text[], tstzrange, text, text, jsonb, regclass, text) IS
	'How a metric (metrics() lists them) changed, by any columns of the usage: value in the period (NULL: the last full week) and before (baseline: NULL, the four such windows before; ''N weeks''; a range; or ''plan'', see set_plan()). change is that of the totals, like_for_like that of users compared with themselves, low to high its 95 % interval, in per cent or points (change_in). The interval is no narrower than what earlier comparisons of the same shape showed, quiet_windows of them, of which quiet_windows_larger changed as much. at_stake_usd: what the change costs a week, in the currency of the price book; negative is saved. sample_size: what the metric divides by. Verdicts: increased, decreased, no_large_change, trend, new, inconclusive, insufficient; cause says why in words. Attempts without a cost are on neither side of unit costs; priced_pct says how many are. near_release: the release that the change came with, if its probability is 0.9 or more, else "near A or B"; NULL if it most likely came with none (attribute_change() has the probabilities). declared: what declare_change() was told of it; verdict and cause are then of what is beyond that. context_p50 and context_p99 are not like for like. An operation counts whole, where and when its first attempt ran; a filter leaves attempts out of what is counted by attempt, and keeps the operations whose first attempt passes it; one on user_id, team, feature, workflow, intent or conversation_id takes attempts out of operations, too, if those of one differ in it. Largest stake first.';

CREATE FUNCTION llm_cost.plan_comparison_query(
	compared text, usage regclass, metric text, unit text, method text, dollars text, dimensions text[], filter jsonb, period tstzrange) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	target		record;
BEGIN
	SELECT * INTO target FROM llm_cost.relation_parts(plan_comparison_query.usage);
	RETURN format($sql$
		WITH plan AS (
			SELECT DISTINCT ON (s.scope) s.scope, p.value * %1$s AS value
			FROM llm_cost.usage_plan p, LATERAL (SELECT llm_cost.planned_scope(p.scope, %7$L, %15$L) AS scope) AS s
			WHERE p.schema_name = %2$L AND p.relation_name = %3$L AND p.metric = %4$L AND p.unit = %5$L AND p.valid_from < %6$L
			  AND llm_cost.speaks_for(p.planned_by, p.schema_name, p.relation_name) AND s.scope IS NOT NULL
			ORDER BY s.scope, p.valid_from DESC, p.planned_at DESC
		), seen AS (
			SELECT COALESCE(c.label, p.scope) AS label, p.value AS value_before, c.value_after, c.n_after, c.cost_after, c.attempts_after,
				   c.unpriced_after, c.unlogged_after, c.price, c.placebo, c.sampling_unit, c.groups_after, c.yy, c.yn, c.nn,
				   %8$s AS headline
			FROM (%9$s) AS c FULL JOIN plan p ON p.scope = COALESCE(c.label, '{}')
		), estimated AS (
			-- users are a sample; the plan is a number
			SELECT s.*, CASE WHEN s.headline IS NOT NULL AND s.groups_after > 1 AND s.nn > 0 AND %14$s
				THEN ROW(%10$L, s.headline, NULL, NULL, NULL,
					sqrt(GREATEST(s.groups_after / (s.groups_after - 1.0) * (s.yy - 2 * s.value_after * s.yn + s.value_after ^ 2 * s.nn), 1e-18)) / s.n_after %11$s,
					s.groups_after - 1, s.groups_after, s.n_after ^ 2 / s.nn, 1, 1, NULL, NULL, NULL, NULL, s.groups_after, 0)::llm_cost.paired_change_result
				WHEN s.headline IS NOT NULL AND cardinality(array_remove(s.placebo, NULL)) >= 4 AND s.yy IS NULL
				THEN llm_cost.known_change(%10$L, s.headline)
				END AS judged_by
			FROM seen s
		)
		SELECT e.*, NULL::llm_cost.paired_change_result AS estimate, NULL::text AS near_release, NULL::text AS declared, v.low, v.high, v.placebo_windows, v.placebo_larger,
			   (e.value_after - e.value_before) * e.n_after * (%12$s) * 604800 / %13$s AS at_stake,
			   CASE WHEN e.value_before IS NULL THEN 'insufficient' WHEN e.attempts_after IS NULL THEN 'insufficient'
					WHEN e.unlogged_after > 0 THEN 'insufficient'
					ELSE v.verdict END AS verdict,
			   CASE WHEN e.value_before IS NULL THEN 'no plan' WHEN e.attempts_after IS NULL THEN 'no usage in the period'
					WHEN e.unlogged_after > 0 THEN format('not measurable: %%s without a log of what failed', llm_cost.counted(e.unlogged_after::bigint, 'attempt'))
					WHEN e.headline IS NULL AND v.verdict = 'insufficient' THEN CASE WHEN e.value_before = 0 THEN 'of a plan of 0 there are no per cent' ELSE 'nothing of that in the period' END
					WHEN e.judged_by IS NULL AND e.yy IS NULL AND v.verdict = 'insufficient' THEN format('%%s to judge by, fewer than 4', llm_cost.counted(COALESCE(cardinality(array_remove(e.placebo, NULL)), 0), 'earlier window'))
					-- a plan has no attempts
					ELSE regexp_replace(v.cause, '^0\.0 %% before and (.*) after have', '\1 have') END AS cause
		FROM estimated e, LATERAL llm_cost.change_verdict(e.judged_by, e.placebo, 0,
			CASE WHEN %16$s THEN (e.unpriced_after / NULLIF(e.attempts_after, 0))::double precision END, 4, NULL, e.sampling_unit) AS v$sql$,
		CASE plan_comparison_query.method WHEN 'total'
			 THEN EXTRACT(epoch FROM upper(plan_comparison_query.period) - lower(plan_comparison_query.period)) / 604800 ELSE 1 END,
		target.schema_name, target.relation_name, plan_comparison_query.metric, plan_comparison_query.unit,
		upper(plan_comparison_query.period), plan_comparison_query.dimensions,
		CASE plan_comparison_query.method WHEN 'points' THEN '(c.value_after - p.value)::double precision'
			 ELSE '(c.value_after / NULLIF(p.value, 0) - 1)::double precision' END,
		plan_comparison_query.compared,
		CASE plan_comparison_query.method WHEN 'points' THEN 'difference' ELSE 'ratio' END,
		CASE plan_comparison_query.method WHEN 'points' THEN '' ELSE '/ s.value_after::double precision' END,
		regexp_replace(plan_comparison_query.dollars, '\mt\.', 'e.', 'g'),
		EXTRACT(epoch FROM upper(plan_comparison_query.period) - lower(plan_comparison_query.period)),
		-- a logarithm needs more than nothing
		CASE plan_comparison_query.method WHEN 'points' THEN 'true' ELSE 's.value_after > 0' END,
		plan_comparison_query.filter,
		-- what has no price concerns money only
		CASE WHEN EXISTS (SELECT FROM llm_cost.metrics() m WHERE m.metric = plan_comparison_query.metric AND m.unit = plan_comparison_query.unit AND m.numerator LIKE '%cost')
			 THEN 'true' ELSE 'false' END);
END
$$;
COMMENT ON FUNCTION llm_cost.plan_comparison_query(text, regclass, text, text, text, text, text[], jsonb, tstzrange) IS
	'SQL that puts the plan where comparison_query() has the baseline. The interval is that of a ratio of sums with users as the sample (delta method), no narrower than what earlier windows did.';

CREATE FUNCTION llm_cost.shown_number(value numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- nine significant digits, more than any ratio here is known to
RETURN CASE WHEN value = 0 THEN 0 ELSE trim_scale(round(value, GREATEST(0, 8 - floor(log(abs(value)))::integer))) END;
COMMENT ON FUNCTION llm_cost.shown_number(numeric) IS
	'The number rounded to nine significant digits, without trailing zeros. NULL for NULL.';
