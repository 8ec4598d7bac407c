/*
 * drift_windows: when a ratio left its baseline, and when it came back.
 *
 * Every bucket of the period is compared with the weeks before the period,
 * within the same users, first turns apart from later ones: sessions that get
 * shorter, or many new ones, start with a cold cache and are no drift.  A window
 * opens with the first bucket that is off by the threshold and closes when two
 * in a row are within it; what no bucket of it shows beyond doubt is dropped.
 */

CREATE FUNCTION llm_cost.drift_windows(
	metric text DEFAULT 'hit_ratio', by text[] DEFAULT '{}', period tstzrange DEFAULT NULL, threshold numeric DEFAULT NULL,
	baseline_weeks integer DEFAULT 4, bucket text DEFAULT 'day', filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL,
	time_zone text DEFAULT NULL,
	OUT scope jsonb, OUT opened_at timestamptz, OUT closed_at timestamptz, OUT value_before numeric, OUT value_during numeric,
	OUT change_in text, OUT change numeric, OUT low numeric, OUT high numeric, OUT wasted_usd numeric, OUT sampling_unit text,
	OUT sampling_units bigint, OUT priced_pct numeric, OUT verdict text, OUT cause text, OUT near_release text, OUT release_lag interval)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 10 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(drift_windows.time_zone);
	whole		tstzrange;
	source		record;
	chosen		record;
	dimensions	text[] := COALESCE(drift_windows.by, '{}');
	wanted		text := COALESCE(drift_windows.metric, 'hit_ratio');
	step		text := COALESCE(drift_windows.bucket, 'day');
	weeks		integer := COALESCE(drift_windows.baseline_weeks, 4);
	starts_at	timestamptz;
	limit_at	double precision;
	buckets		bigint;
	price		text := 'NULL::numeric';
	columns		text[];
	released	boolean;
BEGIN
	IF wanted NOT IN ('hit_ratio', 'retry_share', 'calls_per_operation') THEN
		RAISE EXCEPTION 'drift_windows() does not know the metric "%"', wanted
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Metrics: hit_ratio, retry_share, calls_per_operation.';
	ELSIF step NOT IN ('hour', 'day', 'week') THEN
		RAISE EXCEPTION 'unknown bucket "%"', step
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Buckets: hour, day, week.';
	ELSIF weeks NOT BETWEEN 1 AND 520 THEN
		RAISE EXCEPTION 'baseline_weeks must be between 1 and 520'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('baseline_weeks: %s.', weeks);
	ELSIF NOT (drift_windows.threshold > 0 AND drift_windows.threshold <= 1000000 AND drift_windows.threshold >= 0.000001) THEN
		RAISE EXCEPTION 'threshold must be positive, and at most a million'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('threshold: %s.', drift_windows.threshold),
				HINT = 'Write points of a share, or per cent of calls_per_operation; 5 and 20 are the defaults.';
	END IF;
	-- four weeks, of which the last is the last full one
	whole := llm_cost.checked_period(drift_windows.period, zone);
	IF drift_windows.period IS NULL THEN
		whole := tstzrange(timezone(zone, timezone(zone, lower(whole)) - INTERVAL '21 days'), upper(whole));
	END IF;
	starts_at := timezone(zone, timezone(zone, lower(whole)) - make_interval(weeks => weeks));
	SELECT * INTO source FROM llm_cost.usage_source(drift_windows.usage);
	SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, wanted, NULL, dimensions);
	PERFORM llm_cost.require_columns(source.relation, '{user_id}', 'drift_windows()');
	released := 'release' = ANY (source.columns);
	limit_at := COALESCE(drift_windows.threshold, CASE chosen.method WHEN 'points' THEN 5 ELSE 20 END) / 100;
	buckets := GREATEST(1, ceil(EXTRACT(epoch FROM upper(whole) - lower(whole)) / CASE step WHEN 'hour' THEN 3600 WHEN 'day' THEN 86400 ELSE 604800 END));
	columns := ARRAY(SELECT 'dimension_' || i FROM generate_series(1, cardinality(dimensions)) AS i)
		|| 'user_id'::text || 'CASE WHEN turn = 1 THEN 1 WHEN turn > 1 THEN 2 ELSE 0 END AS turns'::text
		|| CASE WHEN released THEN 'release' ELSE 'NULL::text AS release' END;
	IF chosen.price IS NOT NULL THEN
		columns := columns || '{model,provider,service_tier,region}'::text[];
		price := llm_cost.price_expression(chosen.price, lower(whole), source.price_book);
	END IF;

	RETURN QUERY EXECUTE format($sql$
	WITH cell AS MATERIALIZED (
		SELECT c.*, %1$s AS scope, %2$s AS price, c.%3$s::numeric AS y, c.%4$s::numeric AS n FROM (%5$s) AS c
	), part AS (
		SELECT c.scope, c.bucket, c.user_id, c.turns, sum(c.y) AS y, sum(c.n) AS n, sum(c.cost) AS cost, sum(c.n * c.price) AS priced_n,
			   sum(c.attempts) AS attempts, sum(c.unpriced_attempts) AS unpriced%15$s
		FROM cell c GROUP BY 1, 2, 3, 4
	), before AS (
		SELECT a.scope, COALESCE(sum(a.y), 0) / NULLIF(sum(a.n), 0) AS value FROM part a WHERE a.bucket = '-infinity' GROUP BY a.scope
	), daily AS (
		-- a difference, as it asks less of a user and a day than a ratio
		SELECT a.scope, a.bucket, llm_cost.paired_difference(a.user_id, b.y::double precision, b.n::double precision, a.y::double precision, a.n::double precision) AS estimate,
			   -- how many retries the baseline lets expect
			   COALESCE(sum(a.y), 0) AS y, sum(b.retries * a.attempts / NULLIF(b.attempts, 0)) AS expected
		FROM part a LEFT JOIN part b ON b.bucket = '-infinity' AND b.scope = a.scope AND b.user_id = a.user_id AND b.turns = a.turns
		WHERE a.bucket > '-infinity' AND a.n > 0
		GROUP BY a.scope, a.bucket
	), told AS (
		-- buckets that tell something: surely off, or near
		SELECT d.scope, d.bucket, sign((d.estimate).change) AS direction, abs((d.estimate).change) >= l.threshold AS off,
			   -- where nothing happened nothing differs between users, and chance must be told by how much was to be expected
			   (d.estimate).p_value < 0.01 / %7$s AND (d.y = 0 AND d.expected < ln(100 * %7$s)) IS NOT TRUE AS beyond_doubt,
			   row_number() OVER (PARTITION BY d.scope ORDER BY d.bucket) AS number
		FROM daily d JOIN before f USING (scope), LATERAL (SELECT %8$s::double precision AS threshold) AS l
		WHERE abs((d.estimate).change) < l.threshold OR (d.estimate).p_value < 0.05
	), beyond AS (
		SELECT t.*, lag(t.number) OVER (PARTITION BY t.scope, t.direction ORDER BY t.number) AS number_before, max(t.last) OVER (PARTITION BY t.scope) AS last_number
		FROM (SELECT t.*, max(t.number) OVER (PARTITION BY t.scope) AS last FROM told t) AS t
		WHERE t.off
	), numbered AS (
		-- two buckets back within the threshold close a window
		SELECT b.*, count(*) FILTER (WHERE b.number_before IS NULL OR b.number - b.number_before > 2) OVER (PARTITION BY b.scope, b.direction ORDER BY b.number) AS episode
		FROM beyond b
	), episode AS (
		SELECT n.scope, n.direction, n.episode, min(n.bucket) AS opened_at, max(n.bucket) AS last_bucket,
			   max(n.number) AS last_number, max(n.last_number) AS last_of_all
		FROM numbered n GROUP BY n.scope, n.direction, n.episode HAVING bool_or(n.beyond_doubt)
	), during AS (
		SELECT e.scope, e.direction, e.episode, a.user_id, a.turns, sum(a.y) AS y, sum(a.n) AS n, sum(a.cost) AS cost, sum(a.priced_n) AS priced_n,
			   sum(a.attempts) AS attempts, sum(a.unpriced) AS unpriced, sum(a.unlogged) AS unlogged
		FROM episode e JOIN part a ON a.scope = e.scope AND a.bucket BETWEEN e.opened_at AND e.last_bucket
		GROUP BY 1, 2, 3, 4, 5
	), compared AS (
		SELECT d.scope, d.direction, d.episode, sum(d.y) AS y, sum(d.n) AS n, sum(d.cost) AS cost, sum(d.priced_n) / NULLIF(sum(d.n), 0) AS price,
			   sum(d.attempts) AS attempts, sum(d.unpriced) AS unpriced, COALESCE(sum(d.unlogged), 0) + COALESCE(sum(b.unlogged), 0) AS unlogged,
			   llm_cost.%6$s(d.user_id, b.y::double precision, b.n::double precision, d.y::double precision, d.n::double precision) AS estimate
		FROM during d LEFT JOIN part b ON b.bucket = '-infinity' AND b.scope = d.scope AND b.user_id = d.user_id AND b.turns = d.turns
		GROUP BY d.scope, d.direction, d.episode
	), release AS (
		-- those that are new in the period
		SELECT c.scope, c.release, min(c.first_started_at) AS first_started_at FROM cell c WHERE c.release IS NOT NULL
		GROUP BY c.scope, c.release HAVING min(c.bucket) > '-infinity'
	)
	SELECT e.scope, e.opened_at, (SELECT t.bucket FROM told t WHERE t.scope = e.scope AND t.number = e.last_number + 1 AND e.last_of_all >= e.last_number + 2),
		   llm_cost.shown_number(b.value), llm_cost.shown_number(COALESCE(c.y, 0) / NULLIF(c.n, 0)), %9$L, round((100 * (c.estimate).change)::numeric, 2),
		   round((100 * (c.estimate).low)::numeric, 2), round((100 * (c.estimate).high)::numeric, 2), round(%10$s, 2),
		   'user', (c.estimate).units, trunc(100 * (1 - c.unpriced / NULLIF(c.attempts, 0)), 1),
		   CASE WHEN c.unlogged > 0 THEN 'insufficient' ELSE v.verdict END,
		   CASE WHEN c.unlogged > 0 THEN format('not measurable: %%s without a log of what failed', llm_cost.counted(c.unlogged::bigint, 'attempt')) ELSE v.cause END,
		   r.release, e.opened_at - r.first_started_at
	FROM episode e JOIN compared c USING (scope, direction, episode) LEFT JOIN before b USING (scope)
		 LEFT JOIN LATERAL (SELECT r.release, r.first_started_at FROM release r
			WHERE r.scope = e.scope AND r.first_started_at >= e.opened_at - %11$L::interval AND r.first_started_at < e.opened_at + %12$L::interval
			ORDER BY abs(EXTRACT(epoch FROM e.opened_at - r.first_started_at)), r.release LIMIT 1) AS r ON true,
		 LATERAL llm_cost.change_verdict(c.estimate, NULL, 0, (c.unpriced / NULLIF(c.attempts, 0))::double precision, %13$s, %14$s) AS v
	-- a day may stand out where the whole does not
	WHERE v.verdict <> 'no_large_change'
	ORDER BY abs(%10$s) DESC NULLS LAST, e.opened_at, e.scope$sql$,
		llm_cost.scope_expression(dimensions, 'c'), price, chosen.numerator, chosen.denominator,
		llm_cost.summed_query(source.relation, tstzrange(starts_at, upper(whole)), dimensions, drift_windows.filter, NULL,
			format('CASE WHEN started_at < %1$L THEN ''-infinity'' ELSE GREATEST(date_trunc(%2$L, started_at, %3$L), %1$L) END', lower(whole), step, zone),
			columns, ARRAY['attempts', 'unpriced_attempts', 'cost', 'first_started_at', chosen.numerator, chosen.denominator]
				|| CASE wanted WHEN 'retry_share' THEN '{retries,unlogged_failures}' ELSE '{}' END::text[],
			false, step, zone, ARRAY[starts_at, lower(whole), upper(whole)], NULL),
		CASE chosen.method WHEN 'points' THEN 'paired_difference' ELSE 'paired_change' END,
		buckets,
		CASE chosen.method WHEN 'points' THEN limit_at::text ELSE format('%s * f.value', limit_at) END,
		CASE chosen.method WHEN 'points' THEN 'points' ELSE '%' END,
		CASE wanted WHEN 'hit_ratio' THEN '(-(c.estimate).change)::numeric * c.n * c.price'
					WHEN 'retry_share' THEN '(c.estimate).change::numeric * c.n'
					ELSE '((c.estimate).change / (1 + (c.estimate).change))::numeric * c.cost' END,
		-- days before, or within the first bucket
		CASE step WHEN 'week' THEN '7 days' ELSE '2 days' END, '1 ' || step, weeks, limit_at,
		CASE wanted WHEN 'retry_share' THEN ', sum(c.retries) AS retries, sum(c.unlogged_failures) AS unlogged' ELSE ', NULL::numeric AS retries, 0::numeric AS unlogged' END);
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, drift_windows.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.drift_windows(text, text[], tstzrange, numeric, integer, text, jsonb, regclass, text) IS
	'Episodes in which a ratio (hit_ratio, retry_share, calls_per_operation) was away from its baseline, the baseline_weeks before the period (NULL: the last four full weeks). Each bucket (hour, day, week of local time) is compared within users, first turns apart from later ones, weighted by what the ratio divides by. An episode opens with the first bucket that is threshold or more away, p below 0.05 (points of a share, default 5; per cent of calls_per_operation, default 20), closes when two in a row are nearer (closed_at NULL: it has not; buckets that are off but not surely count neither way), and is shown if a bucket of it is beyond doubt (p below 0.01 divided by the number of buckets; without any retry, that also for so few as the baseline lets expect) and the whole is not a change that does not matter. change is like for like, low to high its 95 % interval; value_before and value_during are plain ratios of sums. wasted_usd: lost cache hits at the price difference, retries beyond the baseline''s share, or calls beyond the baseline''s number; negative is saved. near_release: the release first seen within two days before the opening, or in its bucket, and release_lag by how much the opening bucket begins after it. Needs user_id, and what the metric needs. Dearest first.';

CREATE FUNCTION llm_cost.price_expression(wanted text, at timestamptz, price_book text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- a thousand tokens, below every context tier
RETURN format(CASE wanted WHEN 'output' THEN 'llm_cost.cost(model, 0, 1000%1$s) / 1000'
			  ELSE '(llm_cost.cost(model, 1000, 0%1$s) - llm_cost.cost(model, 1000, 0%1$s, cache_read_tokens => 1000)) / 1000' END,
	   format(', %L, provider => provider, service_tier => service_tier, region => region, price_book => %L', at, price_book));
COMMENT ON FUNCTION llm_cost.price_expression(text, timestamptz, text) IS
	'SQL for a price of the columns model, provider, service_tier and region at a time: of an output token (output), or what an input token saves when it is read from the cache (saved).';
