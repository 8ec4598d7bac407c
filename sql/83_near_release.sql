/*
 * near_release: which release a change is near, by the days it spans.
 *
 * A change that drift() finds is looked at day by day, within the same users.
 * Rows say how much of each day had a release; a declared one holds from its
 * time on.  What explains the days best is what the change came with, unless a
 * step on any other day does as well (attribution.h).
 */

CREATE FUNCTION llm_cost.factors_of(
	calls_before numeric, calls_after numeric, units_before numeric, units_after numeric, input_before numeric, input_after numeric,
	output_before numeric, output_after numeric, uncached_before numeric, uncached_after numeric, cacheable_before numeric, cacheable_after numeric,
	retries_before numeric, retries_after numeric, cost_before numeric, cost_after numeric, reference_before numeric, reference_after numeric)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_strip_nulls(jsonb_build_object(
	'calls', (calls_after / NULLIF(units_after, 0)) / NULLIF(calls_before / NULLIF(units_before, 0), 0),
	'input_tokens', (input_after / NULLIF(calls_after, 0)) / NULLIF(input_before / NULLIF(calls_before, 0), 0),
	'output', (output_after / NULLIF(calls_after, 0)) / NULLIF(output_before / NULLIF(calls_before, 0), 0),
	'cache', (uncached_after / NULLIF(cacheable_after, 0)) / NULLIF(uncached_before / NULLIF(cacheable_before, 0), 0),
	'retries', (1 + retries_after / NULLIF(calls_after, 0)) / NULLIF(1 + retries_before / NULLIF(calls_before, 0), 0),
	'price', (cost_after / NULLIF(reference_after, 0)) / NULLIF(cost_before / NULLIF(reference_before, 0), 0)));
COMMENT ON FUNCTION llm_cost.factors_of(numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
	'What effects of declare_change() work through, after divided by before: calls per unit, input and output tokens per call, uncached share of input, attempts per call that is no retry, cost over cost at the prices of one time. Unknown ones are left out.';

CREATE FUNCTION llm_cost.near_release_query(
	usage regclass, period tstzrange, baseline text, time_zone text, cuts timestamptz[], method text, numerator text, denominator text,
	dimensions text[], filter jsonb, near_scope jsonb, scan boolean, OUT query text, OUT edges timestamptz[], OUT version_column text[])
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	target		record;
	column_name text;
	days		timestamptz[];
	dates		date[];
	starts_at	timestamptz;
	first_day	timestamptz;
	by_index	text;
	scope		text := llm_cost.scope_expression(near_release_query.dimensions, 'c');
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(near_release_query.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	edges := near_release_query.cuts;
	version_column := ARRAY[]::text[];
	query := ' SELECT a.*, NULL::text AS near_release, NULL::jsonb AS near_releases, NULL::bigint AS standing, NULL::text AS top_user, NULL::double precision AS headline_without, NULL::llm_cost.paired_change_result AS cumulative, NULL::double precision AS cumulative_headline, NULL::double precision AS cumulative_cancelled, NULL::llm_cost.paired_change_result AS cumulative_before, NULL::jsonb AS cumulative_before_factors FROM answered a';
	SELECT v.name INTO column_name FROM unnest('{release,prompt_version}'::text[]) WITH ORDINALITY AS v (name, rank)
	WHERE v.name = ANY (source.columns) ORDER BY v.rank LIMIT 1;
	SELECT min(lower(w.during)) INTO starts_at
	FROM llm_cost.comparison_windows(near_release_query.period, near_release_query.baseline, near_release_query.time_zone, 0) w;
	first_day := timezone(near_release_query.time_zone, date_trunc('day', timezone(near_release_query.time_zone, starts_at)));
	IF near_release_query.method NOT IN ('ratio', 'points', 'total') OR near_release_query.numerator = 'users' OR near_release_query.denominator = 'users'
	   OR upper(near_release_query.period) - starts_at > INTERVAL '200 days'
	   OR column_name IS NULL AND NOT near_release_query.scan
		  AND NOT EXISTS (SELECT FROM llm_cost.declared_release d WHERE d.schema_name = target.schema_name AND d.relation_name = target.relation_name
					  AND llm_cost.speaks_for(d.declared_by, d.schema_name, d.relation_name))
		  AND NOT EXISTS (SELECT FROM llm_cost.release_source s WHERE s.schema_name = target.schema_name AND s.relation_name = target.relation_name
					  AND llm_cost.speaks_for(s.attached_by, s.schema_name, s.relation_name)) THEN
		RETURN;
	ELSIF NOT llm_cost.rollup_has(source.relation, 'near_release', ARRAY[column_name], 'day') THEN
		RETURN;
	END IF;

	SELECT array_agg(timezone(near_release_query.time_zone, d.local_day) ORDER BY d.local_day) INTO days
	FROM generate_series(timezone(near_release_query.time_zone, first_day), timezone(near_release_query.time_zone, upper(near_release_query.period)), INTERVAL '1 day') AS d (local_day);
	edges := ARRAY(SELECT DISTINCT e.at FROM unnest(edges || days) AS e (at) ORDER BY 1);
	-- the day of each segment
	dates := ARRAY(SELECT timezone(near_release_query.time_zone, e.at)::date FROM unnest(edges) WITH ORDINALITY AS e (at, n) ORDER BY e.n);
	version_column := ARRAY[CASE WHEN column_name IS NULL THEN 'NULL::text AS version' ELSE format('%I AS version', column_name) END];

	-- the cost index, all days against each other; what weekdays do is left to the attribution
	by_index := $sql$
		SELECT d.rank, d.day, i.value + i.weekday_effect AS value, i.value + i.weekday_effect AS paired, i.uncertainty AS error, d.y, d.n
		FROM (SELECT d.rank, d.day, sum(d.y) AS y, sum(d.n) AS n FROM user_day d GROUP BY d.rank, d.day) AS d
			 LEFT JOIN index_point i ON i.rank = d.rank AND i.bucket = timezone('UTC', d.day::timestamp)$sql$;

	query := format($sql$, suspect AS (
		SELECT a.rank, a.label, a.sampling_unit, CASE a.verdict WHEN 'increased' THEN 1 WHEN 'decreased' THEN -1 ELSE 0 END AS direction
		FROM answered a WHERE (a.verdict IN ('increased', 'decreased') OR a.label = %1$L%18$s) AND a.label IS NOT NULL
	), touched AS (
		SELECT s.rank, s.label, (%2$L::date[])[c.bucket] AS day, c.bucket, c.user_id, c.version, c.attempts, c.first_started_at, c.%3$s::numeric AS y, (%4$s)::numeric AS n
		FROM suspect s JOIN (SELECT c.*, %5$s AS scope FROM cell c) AS c ON c.scope = s.label
	), version_day AS (
		SELECT t.rank, t.version, t.day, sum(t.attempts) FILTER (WHERE t.bucket BETWEEN %6$s AND %8$s) AS near_attempts,
			   sum(t.attempts) AS attempts, min(t.first_started_at) AS at, sum(sum(t.attempts)) OVER (PARTITION BY t.rank, t.day) AS all_attempts,
			   dense_rank() OVER (PARTITION BY t.rank ORDER BY t.day)::integer AS number
		FROM touched t WHERE t.version IS NOT NULL GROUP BY t.rank, t.version, t.day
	), version_began AS (
		SELECT v.rank, v.version, llm_cost.rollout_began(array_agg(v.number ORDER BY v.number), array_agg(COALESCE(v.attempts / NULLIF(v.all_attempts, 0), 0)::double precision ORDER BY v.number),
					array_agg(v.at ORDER BY v.number), max(max(v.number)) OVER (PARTITION BY v.rank)) AS at,
			   sum(v.attempts) AS attempts, min(min(v.at)) OVER (PARTITION BY v.rank) AS all_began_at,
			   array_agg(v.day) AS days, array_agg(v.near_attempts) AS near_attempts
		FROM version_day v GROUP BY v.rank, v.version
	), user_day AS (
		-- with what the user's baseline adds up to, every day
		SELECT t.rank, t.day, t.user_id, sum(t.y)::double precision AS y, sum(t.n)::double precision AS n, max(t.level_y) AS level_y, max(t.level_n) AS level_n
		FROM (SELECT t.*, (sum(t.y) FILTER (WHERE t.bucket < %7$s) OVER of_user)::double precision AS level_y,
					 (sum(t.n) FILTER (WHERE t.bucket < %7$s) OVER of_user)::double precision AS level_n
			  FROM touched t WHERE t.bucket BETWEEN %6$s AND %8$s WINDOW of_user AS (PARTITION BY t.rank, t.user_id)) AS t
		GROUP BY t.rank, t.day, t.user_id
	), index_point AS MATERIALIZED (
		SELECT x.rank, p.bucket, p.value, p.weekday_effect, p.uncertainty
		FROM (SELECT d.rank, llm_cost.cost_index(d.user_id, timezone('UTC', d.day::timestamp), d.y, d.n::bigint) AS index FROM user_day d WHERE %12$L GROUP BY d.rank) AS x, unnest(x.index) AS p
	), estimated_day AS MATERIALIZED (%9$s
	), told_day AS (
		SELECT d.rank, d.day, CASE WHEN s.sampling_unit = 'window' THEN CASE WHEN d.%10$s > 0 AND d.y > 0 THEN %11$s END ELSE d.value END AS value,
			   CASE WHEN s.sampling_unit = 'window' THEN CASE WHEN d.%10$s > 0 AND d.y > 0 THEN %11$s END ELSE d.paired END AS paired,
			   CASE WHEN s.sampling_unit = 'window' THEN 1 ELSE 1 / (d.error ^ 2 + %13$s ^ 2) END AS weight
		FROM estimated_day d JOIN suspect s USING (rank)
	), said AS (
		SELECT d.* FROM (%14$s) AS d
	), candidate AS (
		SELECT v.rank, v.version AS name, v.at, 1.0::double precision AS prior, true AS seen
		FROM (SELECT v.*, row_number() OVER (PARTITION BY v.rank ORDER BY v.attempts DESC, v.version) AS number FROM version_began v
			  -- the first version of all is none that came
			  WHERE v.at >= %15$L AND v.at > v.all_began_at + INTERVAL '1 day') AS v
		WHERE v.number <= 50
		UNION ALL
		-- what no row carries, and what stands before all scopes, is less likely to be it
		SELECT DISTINCT s.rank, llm_cost.release_label(d.release, d.service), d.released_at, CASE WHEN d.scope = '{}' THEN 0.5 ELSE 1 END, false
		FROM suspect s JOIN said d ON llm_cost.scopes_meet(d.scope, %16$L || s.label)
		WHERE NOT EXISTS (SELECT FROM version_began v WHERE v.rank = s.rank AND v.version = d.release)
	), carried AS (
		-- arrays, as the planner cannot know how many rows a join by day would go through
		SELECT c.rank, c.name, x.day, sum(x.attempts) FILTER (WHERE v.at >= c.at) / NULLIF(sum(x.attempts), 0) AS share
		FROM candidate c JOIN version_began v USING (rank), LATERAL unnest(v.days, v.near_attempts) AS x (day, attempts)
		WHERE c.seen AND x.attempts IS NOT NULL GROUP BY c.rank, c.name, x.day
	), exposed AS (
		SELECT c.rank, c.name, c.at, c.prior, array_agg(COALESCE((x.shares ->> d.day::text)::double precision, CASE WHEN c.seen THEN 0 END,
				LEAST(1, GREATEST(0, EXTRACT(epoch FROM timezone(%17$L, (d.day + 1)::timestamp) - c.at) / 86400)))::double precision ORDER BY d.day) AS exposure
		FROM candidate c JOIN (SELECT d.rank, array_agg(d.day) AS days FROM told_day d GROUP BY d.rank) AS t USING (rank)
			 LEFT JOIN (SELECT x.rank, x.name, jsonb_object_agg(x.day, x.share) AS shares FROM carried x GROUP BY x.rank, x.name) AS x USING (rank, name),
			 LATERAL unnest(t.days) AS d (day)
		GROUP BY c.rank, c.name, c.at, c.prior
	), probable AS (
		SELECT s.rank, e.names, e.times, llm_cost.release_probabilities(d.value, d.weight, d.weekday, COALESCE(e.exposures, '{}'), COALESCE(e.priors, '{}'), 3, s.direction) AS p
		FROM suspect s
			 JOIN (SELECT d.rank, array_agg(d.value ORDER BY d.day) AS value, array_agg(d.weight ORDER BY d.day) AS weight,
						  array_agg(EXTRACT(dow FROM d.day)::double precision ORDER BY d.day) AS weekday
				   FROM told_day d GROUP BY d.rank) AS d USING (rank)
			 LEFT JOIN (SELECT e.rank, array_agg(e.name ORDER BY e.at, e.name) AS names, array_agg(e.at ORDER BY e.at, e.name) AS times, array_agg(e.prior ORDER BY e.at, e.name) AS priors,
							   array_agg(e.exposure ORDER BY e.at, e.name) AS exposures
						FROM exposed e GROUP BY e.rank) AS e USING (rank)
	), near AS (
		SELECT p.rank, CASE WHEN max(r.probability) >= 0.9 THEN max(r.name) FILTER (WHERE r.probability >= 0.9)
							WHEN p.p[cardinality(p.p)] < 0.5 THEN 'near ' || string_agg(r.name, ' or ' ORDER BY r.probability DESC, r.name) FILTER (WHERE r.probability >= 0.05 AND r.number <= 3) END AS near_release,
			   COALESCE(jsonb_agg(jsonb_build_object('release', r.name, 'at', r.at, 'probability', round(r.probability::numeric, 4)) ORDER BY r.probability DESC, r.name) FILTER (WHERE r.name IS NOT NULL), '[]')
			   || jsonb_build_object('release', NULL, 'at', NULL, 'probability', round(p.p[cardinality(p.p)]::numeric, 4)) AS near_releases
		FROM probable p LEFT JOIN LATERAL (
			SELECT x.*, row_number() OVER (ORDER BY x.probability DESC, x.name) AS number
			FROM unnest(p.names, p.times, p.p[:cardinality(p.names)]) AS x (name, at, probability)) AS r ON true
		GROUP BY p.rank, p.p
	)%20$s
	SELECT a.*, n.near_release, n.near_releases, %19$s$sql$,
		near_release_query.near_scope, dates, near_release_query.numerator,
		CASE near_release_query.denominator WHEN 'windows' THEN '1' ELSE regexp_replace(near_release_query.denominator, '(\w+)', 'c.\1', 'g') END,
		scope, array_position(edges, first_day), array_position(edges, lower(near_release_query.period)),
		array_position(edges, upper(near_release_query.period)) - 1,
		CASE WHEN near_release_query.method = 'ratio' AND NOT near_release_query.scan THEN by_index ELSE format($sql$
		SELECT u.rank, u.day, %s, u.y, u.n
		FROM (SELECT d.rank, d.day, llm_cost.%s(d.user_id, d.level_y, d.level_n, d.y, d.n) AS estimate, sum(d.y) AS y, sum(d.n) AS n
			  FROM user_day d GROUP BY d.rank, d.day) AS u%s$sql$,
			CASE near_release_query.method WHEN 'ratio' THEN 'i.value, CASE WHEN (u.estimate).change > -1 THEN ln(1 + (u.estimate).change) END AS paired, i.error'
				ELSE '(u.estimate).change AS value, (u.estimate).change AS paired, (u.estimate).standard_error AS error' END,
			CASE near_release_query.method WHEN 'points' THEN 'paired_difference' ELSE 'paired_change' END,
			CASE near_release_query.method WHEN 'ratio' THEN ' LEFT JOIN (SELECT i.rank, timezone(''UTC'', i.bucket)::date AS day, i.value + i.weekday_effect AS value, i.uncertainty AS error FROM index_point i) AS i USING (rank, day)' ELSE '' END) END,
		'n', CASE near_release_query.method WHEN 'points' THEN 'd.y / d.n' WHEN 'total' THEN 'ln(d.y)' ELSE 'ln(d.y / d.n)' END,
		near_release_query.method = 'ratio',
		CASE near_release_query.method WHEN 'points' THEN '0.005' ELSE '0.02' END,
		llm_cost.declared_releases_query(source.relation, tstzrange(first_day, upper(near_release_query.period))), first_day,
		COALESCE(near_release_query.filter, '{}'), near_release_query.time_zone,
		CASE WHEN near_release_query.scan THEN ' OR a.headline >= 0.1' ELSE '' END,
		CASE WHEN near_release_query.scan THEN format($sql$COALESCE(o.standing, 0) AS standing,
			w.user_id AS top_user, (((a.y_after - w.y_after) / NULLIF(a.n_after - w.n_after, 0)) / NULLIF((a.y_before - w.y_before) / NULLIF(a.n_before - w.n_before, 0), 0) - 1)::double precision AS headline_without,
			q.estimate AS cumulative, q.headline AS cumulative_headline,
			-- of the quarter, what was declared since its beginning
			(SELECT p.cancelled FROM llm_cost.declared_part(%1$L, %2$L, %3$L || a.label, %4$L, %5$L, 'unit_cost', (q.estimate).change, q.factors) AS p) AS cumulative_cancelled,
			b.estimate AS cumulative_before, b.factors AS cumulative_before_factors
			FROM answered a LEFT JOIN near n USING (rank) LEFT JOIN stood o USING (rank)
				 LEFT JOIN (SELECT DISTINCT ON (l.rank) l.rank, l.user_id, COALESCE(sum(l.y_before), 0) AS y_before, COALESCE(sum(l.n_before), 0) AS n_before,
								   COALESCE(sum(l.y_after), 0) AS y_after, COALESCE(sum(l.n_after), 0) AS n_after
							FROM labelled l JOIN windows w USING (pair) WHERE l.pair = 0 AND l.user_id IS NOT NULL
							GROUP BY l.rank, l.user_id
							ORDER BY l.rank, COALESCE(sum(l.cost_after), 0) - COALESCE(sum(l.cost_before), 0) / NULLIF(max(w.windows_before), 0) DESC NULLS LAST, l.user_id) AS w USING (rank)
				 LEFT JOIN changed q ON q.rank = a.rank AND q.pair = 99 LEFT JOIN changed b ON b.rank = a.rank AND b.pair = 98$sql$,
				target.schema_name, target.relation_name, COALESCE(near_release_query.filter, '{}'),
				tstzrange(timezone(near_release_query.time_zone, timezone(near_release_query.time_zone, upper(near_release_query.period)) - INTERVAL '13 weeks'),
					timezone(near_release_query.time_zone, timezone(near_release_query.time_zone, upper(near_release_query.period)) - INTERVAL '9 weeks')),
				near_release_query.period)
			 ELSE 'NULL::bigint AS standing, NULL::text AS top_user, NULL::double precision AS headline_without, NULL::llm_cost.paired_change_result AS cumulative, NULL::double precision AS cumulative_headline, NULL::double precision AS cumulative_cancelled, NULL::llm_cost.paired_change_result AS cumulative_before, NULL::jsonb AS cumulative_before_factors FROM answered a LEFT JOIN near n USING (rank)' END,
		CASE WHEN near_release_query.scan THEN format($sql$, usual_weekday AS (
		SELECT d.rank, EXTRACT(dow FROM d.day) AS weekday, avg(d.paired) AS value FROM told_day d WHERE d.day < %1$L GROUP BY 1, 2
	), stood AS (
		-- the last days in a row that show half of it or more, weekdays compared with themselves
		SELECT d.rank, count(*) FILTER (WHERE d.day > d.last_below) AS standing
		FROM (SELECT d.rank, d.day, COALESCE(max(d.day) FILTER (WHERE NOT d.off) OVER (PARTITION BY d.rank), '-infinity') AS last_below
			  FROM (SELECT d.rank, d.day, sign(a.headline) * (d.paired - COALESCE(u.value, 0)) >= 0.5 * %2$s AS off
					FROM told_day d JOIN answered a USING (rank) LEFT JOIN usual_weekday u ON u.rank = d.rank AND u.weekday = EXTRACT(dow FROM d.day)
					WHERE d.day >= %1$L AND d.paired IS NOT NULL) AS d) AS d
		GROUP BY d.rank
	)$sql$, timezone(near_release_query.time_zone, lower(near_release_query.period))::date,
				CASE near_release_query.method WHEN 'points' THEN 'abs(a.headline)' ELSE 'CASE WHEN a.headline > -1 THEN abs(ln(1 + a.headline)) END' END)
			 ELSE '' END);
	IF near_release_query.method = 'total' THEN
		query := replace(query, 'c.user_id, c.version', 'NULL::text AS user_id, c.version');
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.near_release_query(regclass, tstzrange, text, text, timestamptz[], text, text, text, text[], jsonb, jsonb, boolean) IS
	'SQL that follows the last part of comparison_query() and adds near_release and near_releases (each release with its probability, the last one without a name: none) to scopes that rose or fell; and what it needs of the cells: time cut at midnight, and the version as a column. Where the usage has no versions and nobody declared releases, it adds NULL.';

CREATE FUNCTION llm_cost.attribute_change(
	filter jsonb DEFAULT NULL, period tstzrange DEFAULT NULL, metric text DEFAULT 'unit_cost', baseline text DEFAULT NULL,
	unit text DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	OUT release text, OUT first_started_at timestamptz, OUT probability numeric, OUT named boolean, OUT verdict text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 10 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(attribute_change.time_zone);
	source		record;
	chosen		record;
	wanted		text := COALESCE(attribute_change.metric, 'unit_cost');
	columns		text[];
	wanted_scope jsonb;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(attribute_change.usage);
	PERFORM llm_cost.filter_predicate(source.relation, attribute_change.filter, 'a');	-- errors when it is none
	-- releases of other scopes are told apart by comparing all of them
	SELECT array_agg(f.key ORDER BY f.key), jsonb_object_agg(f.key, f.value #>> '{}') INTO columns, wanted_scope
	FROM jsonb_each(attribute_change.filter) AS f WHERE jsonb_typeof(f.value) <> 'array';
	SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, wanted, attribute_change.unit, COALESCE(columns, '{}'));
	RETURN QUERY EXECUTE format($sql$
		SELECT n.value ->> 'release', (n.value ->> 'at')::timestamptz, (n.value ->> 'probability')::numeric,
			   (n.value ->> 'probability')::numeric >= 0.9 AND n.value ->> 'release' IS NOT NULL, r.verdict
		FROM (%s) AS r, LATERAL jsonb_array_elements(r.near_releases) AS n
		WHERE r.label = %L
		ORDER BY 3 DESC, 1$sql$,
		llm_cost.comparison_query(source.relation, wanted, chosen.chosen_unit, COALESCE(columns, '{}'), llm_cost.checked_period(attribute_change.period, zone),
			attribute_change.baseline, attribute_change.filter - COALESCE(columns, '{}'), zone, near_scope => COALESCE(wanted_scope, '{}')),
		COALESCE(wanted_scope, '{}'));
END
$$;
COMMENT ON FUNCTION llm_cost.attribute_change(jsonb, tstzrange, text, text, text, regclass, text) IS
	'Which release a change of a metric came with: each release of the period (NULL: the last full week) and its baseline with its probability, given that there was a change; release NULL: with none of them. filter: the scope. From the share of each day that had the release, day by day within the same users; named at 0.9 or more. verdict: whether drift() finds a change at all; without one the probabilities mean little. No rows where the usage has no versions and nobody declared a release, or for metrics that days do not add up to (users, percentiles).';
