/*
 * release_impact: what a release did to unit cost.
 *
 * Where old and new version ran side by side, users are compared with
 * themselves on days on which about the same share was new (strata of the
 * propensity, half a logit wide), or hours, where that changed during the day.  Whoever gives a call to the new version does
 * so without looking at its cost, so in a stratum each call of a user is as
 * likely to have it as any other: the comparison is unbiased, however few they
 * are.  Users with too few calls to have met both versions are put into 14 to
 * 30 groups, by nothing but their name, and a group counts as one.  Days with one
 * version say nothing.
 *
 * Unless the version is given to users: then whoever has the new one is somebody
 * else than who has the old one, and may always have been dearer.  It shows in
 * how many users of a stratum meet both versions, against how many would if
 * each call were given one by lot.  If less than half do, those who got it are
 * compared with themselves in the weeks before, and by how much more that is
 * than what, on the same days, those who did not get it changed by (difference
 * in differences; O. Ashenfelter, Rev. Econ. Statistics 60, 1978).
 *
 * Otherwise the days since the release are compared with the same weekdays of
 * the weeks before, and earlier comparisons of that shape say how much such a
 * figure moves by itself.
 *
 * P. Rosenbaum and D. Rubin, "The central role of the propensity score in
 * observational studies for causal effects", Biometrika 70, 1983.
 */

CREATE FUNCTION llm_cost.less_others(
	estimate llm_cost.paired_change_result, error float8, degrees_of_freedom float8, effective_units float8) RETURNS llm_cost.paired_change_result
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW((estimate).kind, (estimate).change, NULL, NULL, NULL, sqrt((estimate).standard_error ^ 2 + error ^ 2),
	-- F. Satterthwaite's
	((estimate).standard_error ^ 2 + error ^ 2) ^ 2 / NULLIF((estimate).standard_error ^ 4 / (estimate).degrees_of_freedom + error ^ 4 / degrees_of_freedom, 0),
	(estimate).units, LEAST((estimate).effective_units, effective_units), (estimate).matched_before,
	(estimate).matched_after, (estimate).rose, (estimate).fell, (estimate).smallest_change, (estimate).largest_change,
	(estimate).cells, (estimate).bad_cells)::llm_cost.paired_change_result;
COMMENT ON FUNCTION llm_cost.less_others(llm_cost.paired_change_result, float8, float8, float8) IS
	'The estimate of a change from which that of others has been subtracted already, with the error of both: theirs has this standard error and these degrees of freedom, from so many units of equal weight.';

CREATE FUNCTION llm_cost.release_query(
	usage regclass, release text, version_column text, dimensions text[], released jsonb, carried boolean, unit text,
	baseline_weeks integer, filter jsonb, scanned tstzrange, time_zone text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	target		record;
	chosen		record;
	version		text := 'NULL::text';
	few			jsonb;
	first_at	timestamptz;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(release_query.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, 'unit_cost', release_query.unit, release_query.dimensions);
	IF release_query.carried THEN
		version := format('a.%I', release_query.version_column);
		IF chosen.chosen_unit <> 'attempt' AND 'operation_id' = ANY (source.columns) THEN
			-- an operation has met the release as soon as one of its attempts has
			version := format('CASE WHEN a.operation_id IS NULL THEN %1$s WHEN bool_or(%1$s = %2$L) OVER of_operation THEN %2$L ELSE max(%1$s) OVER of_operation END',
				version, release_query.release);
		END IF;
	END IF;

	SELECT min(r.released_at) INTO first_at FROM jsonb_to_recordset(release_query.released) AS r (released_at timestamptz);
	-- nothing but the scopes that have it need be read
	IF jsonb_array_length(release_query.released) <= 100 THEN
		SELECT jsonb_object_agg(v.key, v.choices) INTO few
		FROM (SELECT e.key, jsonb_agg(DISTINCT e.value) AS choices
			  FROM jsonb_array_elements(release_query.released) AS r, LATERAL jsonb_each(r -> 'scope') AS e GROUP BY e.key) AS v;
	END IF;

	RETURN format($sql$
	WITH released AS (
		SELECT r.scope, r.released_at, r.local_start, r.length, r.lag, r.step, GREATEST(1, %1$s * 604800 / r.step) AS windows_before
		FROM jsonb_to_recordset(%2$L) AS r (scope jsonb, released_at timestamptz, local_start timestamp, length integer, lag integer, step integer)
	), cell AS MATERIALIZED (
		SELECT c.*, c.%3$s::numeric AS y, (%4$s)::numeric AS n, c.attempts - c.unpriced_attempts AS priced_attempts,
			   c.cacheable_tokens - c.cache_read_tokens AS uncached_tokens
		FROM (%5$s) AS c
	), version AS (
		SELECT c.scope, c.version, min(c.first_started_at) AS first_at,
			   -- a few rows before it came, as of somebody who tried it, make no version old
			   min(c.first_started_at) < r.released_at AND sum(c.attempts) FILTER (WHERE c.day IS NULL) >= 0.02 * sum(c.attempts) AS old
		FROM cell c JOIN released r USING (scope) WHERE c.version IS NOT NULL GROUP BY c.scope, c.version, r.released_at
	), begun AS (
		SELECT c.scope, min(c.first_started_at) AS at,
			   -- without versions before, all of it was old
			   2 * sum(c.n) FILTER (WHERE c.version IS NOT NULL AND c.day IS NULL) >= sum(c.n) FILTER (WHERE c.day IS NULL) AS versioned
		FROM cell c GROUP BY c.scope
	), sided AS (
		SELECT c.scope, c.user_id, c.team, COALESCE(c.user_id, c.team) AS member, c.turns, c.bucket AS window_no, c.day, c.slot, c.rolling, c.y, c.n, c.attempts, c.unpriced_attempts AS unpriced, c.cost,
			   c.priced_attempts, c.input_tokens, c.output_tokens, c.uncached_tokens, c.cacheable_tokens, c.retries,
			   CASE WHEN NOT %6$L THEN CASE WHEN c.day IS NULL THEN 'old' ELSE 'new' END
					WHEN c.version = %7$L THEN 'new'
					WHEN c.version IS NULL THEN CASE WHEN c.day IS NULL AND b.versioned IS NOT TRUE THEN 'old' ELSE 'unknown' END
					WHEN v.old THEN 'old' WHEN c.day IS NOT NULL THEN 'later' END AS side
		FROM cell c JOIN released r USING (scope) JOIN begun b USING (scope) LEFT JOIN version v USING (scope, version)
	), slot AS (
		SELECT s.scope, s.slot, round(2 * ln(sum(s.n) FILTER (WHERE s.side = 'new') / sum(s.n) FILTER (WHERE s.side = 'old'))) AS stratum,
			   LEAST(sum(s.n) FILTER (WHERE s.side = 'new'), sum(s.n) FILTER (WHERE s.side = 'old')) / sum(s.n) AS rare
		FROM sided s WHERE s.day IS NOT NULL AND s.side IN ('new', 'old')
		GROUP BY s.scope, s.slot
		HAVING sum(s.n) FILTER (WHERE s.side = 'new') > 0 AND sum(s.n) FILTER (WHERE s.side = 'old') > 0
	), stratum AS (
		SELECT s.scope, s.day, round(2 * ln(sum(s.n) FILTER (WHERE s.side = 'new') / sum(s.n) FILTER (WHERE s.side = 'old'))) AS stratum,
			   (sum(s.n) FILTER (WHERE s.side = 'new') / sum(s.n))::double precision AS share
		FROM sided s WHERE s.day IS NOT NULL AND s.side IN ('new', 'old')
		GROUP BY s.scope, s.day
		HAVING sum(s.n) FILTER (WHERE s.side = 'new') > 0 AND sum(s.n) FILTER (WHERE s.side = 'old') > 0
	), user_stratum AS (
		-- whether a user met both versions, and how likely that was if each call had one by lot
		SELECT s.scope, t.stratum, s.member, COALESCE(sum(s.n) FILTER (WHERE s.side = 'new'), 0) > 0 AS got, COALESCE(sum(s.n) FILTER (WHERE s.side = 'old'), 0) > 0 AS kept,
			   1 - exp(GREATEST(sum(s.n::double precision * ln(t.share)), -700)) - exp(GREATEST(sum(s.n::double precision * ln(1 - t.share)), -700)) AS likely
		FROM sided s JOIN stratum t USING (scope, day)
		WHERE s.side IN ('new', 'old') AND s.member IS NOT NULL AND s.n > 0
		GROUP BY s.scope, t.stratum, s.member
	), given AS (
		SELECT u.scope FROM user_stratum u GROUP BY u.scope
		HAVING count(*) FILTER (WHERE u.got AND u.kept) <= 0.5 * sum(u.likely)
	), arm AS (
		-- who had one version all the while
		SELECT u.scope, u.member, u.stratum, u.got, bool_or(u.got) OVER (PARTITION BY u.scope, u.member) AS got_ever
		FROM user_stratum u JOIN given g USING (scope) WHERE u.got <> u.kept
	), compared_as AS (
		-- before and after only who has got it by now; earlier also who got it side by side, and who did not
		SELECT DISTINCT s.scope, s.member, 0 AS arm FROM sided s JOIN given g USING (scope) WHERE s.side = 'new' AND s.window_no = 0 AND s.member IS NOT NULL
		UNION ALL
		SELECT DISTINCT a.scope, a.member, CASE WHEN a.got_ever THEN 100 ELSE 200 END FROM arm a
	), met AS (
		-- how often a user can be expected to have met the rarer version, and in how many places
		SELECT s.scope, s.user_id, sum(s.n * t.rare) >= 3 * k.places AS busy, k.strata, sum(s.n * t.rare) AS rare
		FROM sided s JOIN slot t USING (scope, slot)
			 JOIN (SELECT t.scope, count(DISTINCT (s.turns, t.stratum)) AS places, count(DISTINCT t.stratum) AS strata FROM sided s JOIN slot t USING (scope, slot) GROUP BY t.scope) AS k USING (scope)
		WHERE s.side IN ('new', 'old') AND s.user_id IS NOT NULL
		GROUP BY s.scope, s.user_id, k.places, k.strata
	), pooled AS (
		SELECT m.scope, LEAST(30, GREATEST(14, floor(sum(m.rare) / (3 * m.strata))))::integer AS groups FROM met m WHERE NOT m.busy GROUP BY m.scope, m.strata
	), regular AS (
		-- users whose calls of a week can be told apart by turn
		SELECT s.scope, s.user_id FROM sided s JOIN released r USING (scope)
		WHERE s.window_no BETWEEN -r.windows_before AND 0 AND s.user_id IS NOT NULL
		GROUP BY s.scope, s.user_id, r.windows_before HAVING sum(s.n) >= 10 * (r.windows_before + 1)
	), compared AS (
		-- pair -1: side by side; 0: after and before; 1, 2, ...: the same, earlier;
		-- -2, -3: those who were given it, those who were not; 101, ..., 201, ...: the same, earlier
		SELECT s.scope, -1 AS pair, s.side = 'new' AS after, t.stratum,
			   CASE WHEN m.busy OR s.user_id IS NULL THEN s.user_id
					ELSE format('few calls, group %%s', ('x' || left(md5(s.user_id), 4))::bit(16)::integer %% p.groups) END AS user_id, NULL AS team,
			   CASE WHEN m.busy THEN s.turns END AS turns, s.y, s.n, s.attempts, s.unpriced, s.cost, s.priced_attempts, s.input_tokens, s.output_tokens, s.uncached_tokens, s.cacheable_tokens, s.retries
		FROM sided s JOIN slot t USING (scope, slot) LEFT JOIN met m ON m.scope = s.scope AND m.user_id = s.user_id LEFT JOIN pooled p ON p.scope = s.scope
		WHERE s.side IN ('new', 'old') AND s.scope NOT IN (SELECT g.scope FROM given g)
		UNION ALL
		-- what came before counts in each stratum, as what came after is compared with it
		SELECT s.scope, CASE WHEN a.got THEN -2 ELSE -3 END, s.day IS NOT NULL, a.stratum, s.user_id, s.team, CASE WHEN u.user_id IS NOT NULL THEN s.turns END,
			   s.y, s.n, s.attempts, s.unpriced, s.cost, s.priced_attempts, s.input_tokens, s.output_tokens, s.uncached_tokens, s.cacheable_tokens, s.retries
		FROM sided s JOIN released r USING (scope) JOIN arm a ON a.scope = s.scope AND a.member = s.member LEFT JOIN stratum t ON t.scope = s.scope AND t.day = s.day
			 LEFT JOIN regular u ON u.scope = s.scope AND u.user_id = s.user_id
		WHERE s.side = CASE WHEN a.got AND s.day IS NOT NULL THEN 'new' ELSE 'old' END
		  AND (t.stratum = a.stratum OR s.day IS NULL AND s.window_no BETWEEN -r.windows_before AND -1)
		UNION ALL
		SELECT s.scope, p.pair + COALESCE(x.arm, 0), s.window_no = -p.pair, NULL, s.user_id, s.team, CASE WHEN u.user_id IS NOT NULL THEN s.turns END, s.y, s.n, s.attempts, s.unpriced, s.cost,
			   s.priced_attempts, s.input_tokens, s.output_tokens, s.uncached_tokens, s.cacheable_tokens, s.retries
		FROM sided s JOIN released r USING (scope) JOIN begun b USING (scope) LEFT JOIN regular u ON u.scope = s.scope AND u.user_id = s.user_id
			 LEFT JOIN given g ON g.scope = s.scope LEFT JOIN compared_as x ON x.scope = g.scope AND x.member = s.member, generate_series(0, 8) AS p (pair)
		WHERE s.window_no BETWEEN -p.pair - r.windows_before AND -p.pair
		  AND s.side = CASE WHEN p.pair = 0 AND s.window_no = 0 THEN 'new' ELSE 'old' END
		  AND (g.scope IS NULL OR x.arm = 0 OR x.arm > 0 AND p.pair > 0)
		  -- the days on which it came are not those on which the rest did
		  AND (g.scope IS NOT NULL OR NOT s.rolling)
		  -- windows before the first attempt say nothing
		  AND (p.pair = 0 OR r.local_start - make_interval(secs => (p.pair + r.windows_before) * r.step::double precision) + INTERVAL '1 day' >= timezone(%8$L, b.at))
	), by_unit AS (
		SELECT c.scope, c.pair, c.user_id, c.team, c.turns, c.stratum,
			   sum(c.y) FILTER (WHERE NOT c.after) AS cost_before, sum(c.n) FILTER (WHERE NOT c.after) AS units_before,
			   sum(c.y) FILTER (WHERE c.after) AS cost_after, sum(c.n) FILTER (WHERE c.after) AS units_after,
			   sum(c.attempts) FILTER (WHERE NOT c.after) AS attempts_before, sum(c.attempts) FILTER (WHERE c.after) AS attempts_after,
			   sum(c.unpriced) FILTER (WHERE NOT c.after) AS unpriced_before, sum(c.unpriced) FILTER (WHERE c.after) AS unpriced_after,
			   sum(c.priced_attempts) FILTER (WHERE NOT c.after) AS calls_before, sum(c.priced_attempts) FILTER (WHERE c.after) AS calls_after,
			   sum(c.input_tokens) FILTER (WHERE NOT c.after) AS input_before, sum(c.input_tokens) FILTER (WHERE c.after) AS input_after,
			   sum(c.output_tokens) FILTER (WHERE NOT c.after) AS output_before, sum(c.output_tokens) FILTER (WHERE c.after) AS output_after,
			   sum(c.uncached_tokens) FILTER (WHERE NOT c.after) AS uncached_before, sum(c.uncached_tokens) FILTER (WHERE c.after) AS uncached_after,
			   sum(c.cacheable_tokens) FILTER (WHERE NOT c.after) AS cacheable_before, sum(c.cacheable_tokens) FILTER (WHERE c.after) AS cacheable_after,
			   sum(c.retries) FILTER (WHERE NOT c.after) AS retries_before, sum(c.retries) FILTER (WHERE c.after) AS retries_after
		FROM compared c GROUP BY c.scope, c.pair, c.user_id, c.team, c.turns, c.stratum
	), stayed AS (
		-- what on the same days those changed by who were not given it
		SELECT u.scope, u.stratum,
			   llm_cost.paired_change(u.user_id, u.cost_before::double precision, u.units_before::double precision, u.cost_after::double precision, u.units_after::double precision) AS by_user,
			   llm_cost.paired_change(u.team, u.cost_before::double precision, u.units_before::double precision, u.cost_after::double precision, u.units_after::double precision) AS by_team
		FROM by_unit u WHERE u.pair = -3 GROUP BY u.scope, u.stratum
	), besides AS (
		-- the error of that, as strata count
		SELECT k.scope, sqrt(sum((n.n * (k.by_user).standard_error) ^ 2)) / sum(n.n) AS user_error, min((k.by_user).degrees_of_freedom) AS user_df,
			   sum(n.n * (k.by_user).effective_units) / sum(n.n) AS user_others,
			   sqrt(sum((n.n * (k.by_team).standard_error) ^ 2)) / sum(n.n) AS team_error, min((k.by_team).degrees_of_freedom) AS team_df,
			   sum(n.n * (k.by_team).effective_units) / sum(n.n) AS team_others, bool_and((k.by_team).standard_error IS NOT NULL) AS all_teams
		FROM stayed k JOIN (SELECT u.scope, u.stratum, sum(u.units_after)::double precision AS n FROM by_unit u WHERE u.pair = -2 GROUP BY u.scope, u.stratum) AS n USING (scope, stratum)
		WHERE COALESCE((k.by_user).standard_error, (k.by_team).standard_error) IS NOT NULL GROUP BY k.scope
	), estimated AS (
		SELECT u.scope, u.pair,
			   llm_cost.paired_change(u.user_id, u.cost_before::double precision * COALESCE(1 + (k.by_user).change, 1), u.units_before::double precision, u.cost_after::double precision, u.units_after::double precision) AS by_user,
			   llm_cost.paired_change(u.team, u.cost_before::double precision * COALESCE(1 + (k.by_team).change, 1), u.units_before::double precision, u.cost_after::double precision, u.units_after::double precision) AS by_team,
			   count(DISTINCT u.user_id) FILTER (WHERE u.units_before > 0 AND u.units_after > 0) AS users,
			   count(DISTINCT u.team) FILTER (WHERE u.units_before > 0 AND u.units_after > 0) AS teams,
			   count(u.user_id) + count(u.team) > 0 AS anybody,
			   sum(u.cost_before) / NULLIF(sum(u.units_before), 0) AS value_before, sum(u.cost_after) / NULLIF(sum(u.units_after), 0) AS value_after,
			   sum(u.units_before) AS n_before, sum(u.units_after) AS n_after,
			   (sum(u.unpriced_before) / NULLIF(sum(u.attempts_before), 0))::double precision AS unpriced_before,
			   (sum(u.unpriced_after) / NULLIF(sum(u.attempts_after), 0))::double precision AS unpriced_after,
			   llm_cost.factors_of(sum(u.calls_before), sum(u.calls_after), sum(u.units_before), sum(u.units_after), sum(u.input_before), sum(u.input_after),
					sum(u.output_before), sum(u.output_after), sum(u.uncached_before), sum(u.uncached_after), sum(u.cacheable_before), sum(u.cacheable_after),
					sum(u.retries_before), sum(u.retries_after), NULL, NULL, NULL, NULL) AS factors
		FROM by_unit u LEFT JOIN stayed k ON u.pair = -2 AND k.scope = u.scope AND k.stratum = u.stratum
		-- nobody who stayed: nothing to compare with
		WHERE u.pair <> -2 OR COALESCE((k.by_user).standard_error, (k.by_team).standard_error) IS NOT NULL
		GROUP BY u.scope, u.pair
	), sampled AS (
		SELECT e.*, b.user_error, b.user_df, b.user_others, b.team_error, b.team_df, b.team_others, CASE WHEN e.users > e.teams AND (e.by_team).effective_units >= 10 AND (e.pair <> -2 OR b.all_teams AND b.team_others >= 10) THEN 'team'
					WHEN e.users > 0 THEN 'user' WHEN e.teams > 0 THEN 'team'
					WHEN e.anybody THEN 'user' ELSE 'window' END AS sampling_unit
		FROM estimated e LEFT JOIN besides b USING (scope) WHERE e.pair BETWEEN -2 AND 0
	), told AS (
		SELECT s.*, CASE WHEN s.pair = -2 AND s.sampling_unit = 'team' THEN llm_cost.less_others(s.by_team, s.team_error, s.team_df, s.team_others)
						 WHEN s.pair = -2 THEN llm_cost.less_others(s.by_user, s.user_error, s.user_df, s.user_others)
						 WHEN s.sampling_unit = 'team' THEN s.by_team WHEN s.sampling_unit = 'user' THEN s.by_user END AS estimate
		FROM sampled s
	), ranked AS (
		-- side by side, if enough of it was; how dear anything was does not matter here
		SELECT DISTINCT ON (t.scope) t.*
		FROM told t
		ORDER BY t.scope, CASE WHEN t.pair < 0 AND (t.estimate).effective_units >= 10 AND (t.estimate).matched_before >= 0.7 AND (t.estimate).matched_after >= 0.7 THEN 0
			WHEN t.pair = 0 AND (t.estimate).effective_units >= 10 THEN 1 WHEN t.pair = -2 AND (t.estimate).units >= 2 THEN 2
			WHEN t.pair = 0 AND (t.estimate).units >= 2 THEN 3 WHEN (t.estimate).units >= 2 THEN 4 WHEN t.n_before > 0 AND t.n_after > 0 THEN 5 ELSE 6 END, t.pair DESC
	), said AS (
		SELECT llm_cost.release_label(d.release, d.service) AS name, d.* FROM (%9$s) AS d
	), others AS (
		SELECT r.scope, string_agg(DISTINCT o.name || ', ' || CASE WHEN timezone(%8$L, o.at)::date = timezone(%8$L, r.released_at)::date THEN 'same day'
				ELSE to_char(timezone(%8$L, o.at), 'YYYY-MM-DD HH24:MI') END, '; ') AS names
		FROM released r, LATERAL (
			SELECT v.version AS name, v.first_at AS at FROM version v JOIN begun b USING (scope)
			WHERE v.scope = r.scope AND v.version <> %7$L AND v.first_at > b.at + INTERVAL '1 day'
			UNION ALL
			SELECT d.name, d.released_at FROM said d
			WHERE llm_cost.scopes_meet(d.scope, r.scope) AND %7$L NOT IN (d.release, d.name)
			  AND NOT EXISTS (SELECT FROM version v WHERE v.scope = r.scope AND v.version = d.release)) AS o
		WHERE o.at >= r.released_at - INTERVAL '1 day' AND o.at < r.released_at + INTERVAL '1 day'
		GROUP BY r.scope
	), volume AS (
		SELECT s.scope, sum(s.n) FILTER (WHERE s.window_no = 0) AS n, sum(s.n) FILTER (WHERE s.day IS NOT NULL) AS since,
			   sum(s.n) FILTER (WHERE s.day IS NOT NULL AND s.side = 'unknown') AS unknown, sum(s.n) FILTER (WHERE s.day IS NOT NULL AND s.side = 'new') AS exposed,
			   sum(s.n) FILTER (WHERE s.side = 'old') AS old,
			   COALESCE(sum(s.y) FILTER (WHERE s.window_no = 0 AND s.side = 'new'), 0) AS new_cost, COALESCE(sum(s.y) FILTER (WHERE s.window_no = 0 AND s.side IS DISTINCT FROM 'new'), 0) AS other_cost
		FROM sided s GROUP BY s.scope
	), placebo AS (
		SELECT e.scope, array_agg(((1 + CASE k.sampling_unit WHEN 'team' THEN (e.by_team).change ELSE (e.by_user).change END)
					/ (1 + CASE k.sampling_unit WHEN 'team' THEN (o.by_team).change ELSE (o.by_user).change END) - 1)::double precision ORDER BY e.pair) AS changes
		FROM estimated e JOIN ranked k USING (scope) JOIN estimated o ON o.scope = e.scope AND o.pair = e.pair + 100
		WHERE k.pair = -2 AND e.pair BETWEEN 101 AND 108 GROUP BY e.scope
		UNION ALL
		SELECT e.scope, array_agg(CASE k.sampling_unit WHEN 'team' THEN (e.by_team).change WHEN 'user' THEN (e.by_user).change
					ELSE (e.value_after / NULLIF(e.value_before, 0) - 1)::double precision END ORDER BY e.pair) AS changes
		FROM estimated e JOIN ranked k USING (scope) WHERE k.pair <> -2 AND e.pair BETWEEN 1 AND 8 GROUP BY e.scope
	), excused AS (
		SELECT r.*, k.sampling_unit, k.pair, k.value_before, k.value_after, k.n_before, k.n_after, k.unpriced_before, k.unpriced_after, k.estimate,
			   (k.value_after / NULLIF(k.value_before, 0) - 1)::double precision AS headline, d.cancelled, d.says
		FROM released r LEFT JOIN ranked k USING (scope)
			 LEFT JOIN LATERAL llm_cost.declared_part(%10$L, %11$L, %12$L || r.scope,
				-- the old version side by side is what it was lately; what is declared from the day on that it came is declared of all of it
				tstzrange(r.released_at - make_interval(secs => CASE k.pair WHEN -1 THEN 604800 ELSE r.windows_before * r.step::double precision END), date_trunc('day', r.released_at, %8$L)),
				tstzrange(r.released_at, r.released_at + make_interval(secs => r.length)),
				'unit_cost', CASE k.sampling_unit WHEN 'window' THEN (k.value_after / NULLIF(k.value_before, 0) - 1)::double precision ELSE (k.estimate).change END, k.factors) AS d ON true
	)
	SELECT e.scope, CASE e.pair WHEN -2 THEN 'difference_in_differences' WHEN -1 THEN 'concurrent' WHEN 0 THEN 'before_after' END AS method, e.released_at,
		   100 * v.exposed / NULLIF(v.since - COALESCE(v.unknown, 0), 0) AS exposure, e.value_before, e.value_after, 100 * e.headline AS headline,
		   100 * (e.estimate).change AS change, 100 * (j.low + COALESCE(e.cancelled, 0)) AS low, 100 * (j.high + COALESCE(e.cancelled, 0)) AS high,
		   -- who was given it is dearer or cheaper than the others, so theirs is not everybody's unit cost
		   CASE WHEN g.scope IS NULL THEN (e.value_after - e.value_before) * v.n
				ELSE (v.new_cost / NULLIF(1 + x.effect, 0) + v.other_cost) * x.effect END * 604800 / e.length AS weekly, e.n_after AS n,
		   CASE WHEN g.scope IS NOT NULL THEN 'assigned ' ELSE '' END || e.sampling_unit AS sampling_unit, (e.estimate).units AS units,
		   100 * (e.estimate).matched_after AS matched, 100 * COALESCE(v.unknown, 0) / NULLIF(v.since, 0) AS unknown,
		   j.placebo_windows, j.placebo_larger,
		   CASE WHEN e.length < 86400 OR v.old IS NULL OR v.exposed IS NULL OR e.pair IS NULL THEN 'insufficient' ELSE j.verdict END AS verdict,
		   CASE WHEN e.length < 86400 THEN format('seen for %%s hours only; a day at least is needed', GREATEST(0, e.length / 3600))
				WHEN v.exposed IS NULL THEN 'no usage since the release'
				WHEN v.old IS NULL THEN 'nothing to compare with: usage begins with this release'
				WHEN e.pair IS NULL THEN 'no usage of the old version to compare with'
				WHEN w.alone AND w.quiet < 4 THEN format('no users to compare, and %%s, fewer than 4', llm_cost.counted(w.quiet, 'earlier window'))
				ELSE concat_ws('; ', CASE WHEN e.cancelled <> 0 THEN 'beyond what was declared: ' ELSE '' END || j.cause,
					CASE WHEN v.unknown > 0 AND %6$L THEN format('%%s %%%% carry no version and are left out', round(100 * v.unknown / v.since)) END,
					CASE WHEN e.pair = -2 THEN format('the version was given to %%ss and not to calls: those who got it, beyond what the others changed by', e.sampling_unit)
						 WHEN g.scope IS NOT NULL THEN format('the version was given to %%ss and not to calls: those who got it, before and after', e.sampling_unit) END,
					CASE WHEN e.pair = 0 AND o.names IS NOT NULL AND j.verdict IN ('increased', 'decreased') THEN 'days alone cannot tell it from what else was deployed' END) END AS cause,
		   e.says, 'also deployed: ' || o.names AS near
	FROM excused e LEFT JOIN volume v USING (scope) LEFT JOIN others o USING (scope) LEFT JOIN placebo p USING (scope) LEFT JOIN given g USING (scope),
		 LATERAL (SELECT CASE e.pair WHEN -2 THEN (e.estimate).change ELSE e.headline END::numeric AS effect) AS x,
		 -- nobody to compare with himself: the quiet windows are all there is to judge by
		 LATERAL (SELECT e.pair = 0 AND e.sampling_unit = 'window' AS alone, COALESCE(cardinality(array_remove(p.changes, NULL)), 0) AS quiet) AS w,
		 LATERAL llm_cost.change_verdict(CASE WHEN w.alone AND w.quiet >= 4 AND e.headline IS NOT NULL
				THEN ROW('ratio', e.headline - COALESCE(e.cancelled, 0), NULL, NULL, NULL, 1e-9, 1e6, e.windows_before + 1, 1e6, 1, 1, NULL, NULL, NULL, NULL, NULL, 0)::llm_cost.paired_change_result
				ELSE llm_cost.beyond_declared(e.estimate, e.cancelled) END, CASE WHEN e.pair IN (-2, 0) THEN p.changes END,
			COALESCE(e.unpriced_before, 0), COALESCE(e.unpriced_after, 0), e.windows_before, NULL, COALESCE(e.sampling_unit, 'user')) AS j$sql$,
		release_query.baseline_weeks, release_query.released, chosen.numerator, regexp_replace(chosen.denominator, '(\w+)', 'c.\1', 'g'),
		-- a change of prices is none of the release's
		replace(replace(llm_cost.cells_query(
			format($attempt$
				SELECT a.*,
					   CASE WHEN a.started_at >= r.released_at AND o.seconds < 0 THEN NULL
							WHEN o.seconds - floor(o.seconds / r.step) * r.step < r.length THEN floor(o.seconds / r.step)::integer END AS window_no,
					   o.seconds - floor(o.seconds / r.step) * r.step < r.lag AS rolling,
					   CASE WHEN a.started_at >= r.released_at AND o.seconds >= 0 THEN floor(o.seconds / 86400)::integer END AS day,
					   CASE WHEN a.started_at >= r.released_at AND o.seconds >= 0
							THEN CASE WHEN floor(o.seconds / 86400)::integer = ANY (r.moving) THEN floor(o.seconds / 3600)::integer ELSE -1 - floor(o.seconds / 86400)::integer END END AS slot
				FROM (SELECT a.*, %s AS scope, %s AS version, pg_catalog.sum(a.reference_cost) OVER of_operation AS operation_reference_cost FROM (%s) AS a WINDOW of_operation AS (PARTITION BY a.operation_id)) AS a
					 JOIN jsonb_to_recordset(%L) AS r (scope jsonb, released_at timestamptz, local_start timestamp, length integer, lag integer, step integer, moving integer[]) USING (scope),
					 LATERAL (SELECT EXTRACT(epoch FROM timezone(%L, a.started_at) - r.local_start) AS seconds) AS o
				WHERE NOT (a.started_at >= r.released_at AND o.seconds < 0)
				  AND (o.seconds < 28 * 86400 OR o.seconds < r.length)$attempt$,
				llm_cost.scope_expression(release_query.dimensions, 'a'), version,
				llm_cost.attempts_query(source.relation, release_query.scanned, release_query.dimensions,
					COALESCE(release_query.filter, '{}') || COALESCE(few, '{}'), first_at),
				release_query.released, release_query.time_zone),
			'window_no',
			ARRAY['scope', 'user_id', 'team', 'version', 'day', 'slot', 'rolling', 'CASE WHEN turn = 1 THEN 1 WHEN turn > 1 THEN 2 ELSE 0 END AS turns'],
			ARRAY(SELECT m.measure FROM llm_cost.cell_measures() m
				  WHERE m.measure IN ('attempts', 'unpriced_attempts', 'cost', 'first_started_at', 'input_tokens', 'output_tokens', 'cache_read_tokens', 'cacheable_tokens', 'retries')
					 OR concat_ws(' ', chosen.numerator, chosen.denominator) ~ ('\m' || m.measure || '\M'))),
			'pg_catalog.sum(cost)', 'pg_catalog.sum(reference_cost)'), 'pg_catalog.sum(operation_cost)', 'pg_catalog.sum(operation_reference_cost)'),
		release_query.carried, release_query.release, release_query.time_zone, llm_cost.declared_releases_query(source.relation, release_query.scanned),
		target.schema_name, target.relation_name, COALESCE(release_query.filter, '{}'));
END
$$;
COMMENT ON FUNCTION llm_cost.release_query(regclass, text, text, text[], jsonb, boolean, text, integer, jsonb, tstzrange, text) IS
	'SQL behind release_impact(): one row for each scope that has the release, with both versions, the estimate and the verdict.';

CREATE FUNCTION llm_cost.release_impact(
	release text, by text[] DEFAULT NULL, unit text DEFAULT NULL, filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL,
	time_zone text DEFAULT NULL, baseline_weeks integer DEFAULT 4, warmup interval DEFAULT '30 minutes', follow interval DEFAULT '7 days',
	version_column text DEFAULT 'release', as_of timestamptz DEFAULT NULL,
	OUT scope jsonb, OUT method text, OUT released_at timestamptz, OUT exposure_pct numeric, OUT unit_cost_before numeric,
	OUT unit_cost_after numeric, OUT headline_pct numeric, OUT like_for_like_pct numeric, OUT low_pct numeric, OUT high_pct numeric,
	OUT weekly_usd numeric, OUT sample_size numeric, OUT sampling_unit text, OUT sampling_units bigint, OUT matched_spend_pct numeric,
	OUT unversioned_pct numeric, OUT quiet_windows integer, OUT quiet_windows_larger integer, OUT verdict text, OUT cause text,
	OUT declared text, OUT near_release text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 5 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(release_impact.time_zone);
	source		record;
	dimensions	text[];
	column_name text := COALESCE(release_impact.version_column, 'release');
	wait		interval := COALESCE(release_impact.warmup, '30 minutes');
	longest		interval := COALESCE(release_impact.follow, '7 days');
	weeks		integer := COALESCE(release_impact.baseline_weeks, 4);
	ends_at		timestamptz := COALESCE(release_impact.as_of, now());
	last_at		timestamptz;
	starts_at	timestamptz;
	found_in	jsonb;
	stays		jsonb;
	released	jsonb;
	carried		boolean := false;
	announced_at timestamptz;
	announced_in jsonb;
	scopes		text;
BEGIN
	IF COALESCE(release_impact.release, '') = '' THEN
		RAISE EXCEPTION 'release must be named'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'llm_cost.detect_releases() lists them.';
	ELSIF column_name NOT IN ('release', 'prompt_version') THEN
		RAISE EXCEPTION 'unknown version column "%"', column_name
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Versions are in the columns release and prompt_version of usage.';
	ELSIF release_impact.unit = 'user' THEN
		RAISE EXCEPTION 'release_impact() has no unit "user"'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Units: operation, attempt, conversation, outcome.';
	ELSIF weeks NOT BETWEEN 1 AND 520 THEN
		RAISE EXCEPTION 'baseline_weeks must be between 1 and 520'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('baseline_weeks: %s.', weeks), HINT = 'Four weeks are usual.';
	ELSIF wait < '0' OR wait > '90 days' OR longest < '1 day' OR longest > make_interval(weeks => weeks) THEN
		RAISE EXCEPTION 'warmup must be at most 90 days, and follow between a day and the baseline'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('warmup: %s. follow: %s. baseline_weeks: %s.', wait, longest, weeks),
				HINT = 'For example warmup => ''30 minutes'', follow => ''7 days''.';
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(release_impact.usage);
	PERFORM llm_cost.require_attempts(source.relation);
	dimensions := COALESCE(release_impact.by, llm_cost.default_scopes(source.columns));

	-- where the time column is indexed this is one look
	EXECUTE format('SELECT max(a.started_at) FROM %s AS a WHERE a.started_at < %L', source.from_item, ends_at) INTO last_at;
	scopes := format('SELECT %1$s AS scope, a.started_at, a.version FROM (SELECT %2$s AS version, a.started_at%3$s FROM %4$s AS a WHERE a.started_at < %5$L AND (%6$s)) AS a',
		llm_cost.scope_expression(dimensions, 'a'),
		CASE WHEN column_name = ANY (source.columns) THEN format('a.%I', column_name) ELSE 'NULL::text' END,
		(SELECT string_agg(format(', %s AS dimension_%s', llm_cost.column_expression(source.relation, d.name, 'a'), d.rank), '' ORDER BY d.rank)
		 FROM unnest(dimensions) WITH ORDINALITY AS d (name, rank)),
		source.from_item, ends_at, llm_cost.filter_predicate(source.relation, release_impact.filter, 'a'));
	-- a row from before the rollout is of somebody who tried it
	EXECUTE format($sql$
		WITH hour AS (
			SELECT s.scope, date_trunc('hour', s.started_at, %2$L) AS hour, count(*)::double precision AS n, (count(*) FILTER (WHERE s.version = %3$L))::double precision AS own,
				   min(s.started_at) FILTER (WHERE s.version = %3$L) AS at, max(s.started_at) FILTER (WHERE s.version = %3$L) AS last_at
			FROM (%1$s) AS s WHERE s.version IS NOT NULL GROUP BY 1, 2
		), day AS (
			SELECT h.scope, (row_number() OVER (PARTITION BY h.scope ORDER BY date_trunc('day', h.hour, %2$L)))::integer AS day, sum(h.n) AS n, sum(h.own) AS own, min(h.at) AS at
			FROM hour h GROUP BY h.scope, date_trunc('day', h.hour, %2$L)
		), began AS (
			SELECT d.scope, llm_cost.rollout_began(array_agg(d.day ORDER BY d.day) FILTER (WHERE d.own > 0), array_agg(d.own / d.n ORDER BY d.day) FILTER (WHERE d.own > 0),
						array_agg(d.at ORDER BY d.day) FILTER (WHERE d.own > 0), max(d.day)) AS at
			FROM day d GROUP BY d.scope
		), followed AS (
			SELECT h.scope, h.hour, sum(h.own) OVER up_to AS own, sum(h.n) OVER up_to AS n, max(h.last_at) OVER up_to AS last_at,
				   sum(h.own) OVER (PARTITION BY h.scope) AS all_own, sum(h.n) OVER (PARTITION BY h.scope) AS all_n
			FROM hour h JOIN began b USING (scope) WHERE h.hour > b.at - INTERVAL '1 hour' AND h.hour < b.at + %4$L::interval
			WINDOW up_to AS (PARTITION BY h.scope ORDER BY h.hour)
		), parted AS (
			-- what tells its rows from the others best: it before, they afterwards
			SELECT DISTINCT ON (f.scope) f.* FROM followed f ORDER BY f.scope, f.own / f.all_own - (f.n - f.own) / NULLIF(f.all_n - f.all_own, 0) DESC NULLS LAST, f.hour
		), gone AS (
			-- taken back, or replaced: a tenth is left of what should have come
			SELECT p.scope, p.hour, p.last_at FROM parted p WHERE (p.all_n - p.n) * p.own >= 20 * p.n AND p.all_own - p.own <= 0.1 * (p.all_n - p.n) * p.own / p.n
		), stayed AS (
			SELECT f.scope, f.hour, f.own, f.n, last_value(f.own) OVER whole AS all_own, last_value(f.n) OVER whole AS all_n
			FROM followed f LEFT JOIN gone g USING (scope) WHERE f.hour <= COALESCE(g.hour, 'infinity')
			WINDOW whole AS (PARTITION BY f.scope ORDER BY f.hour ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
		), arrived AS (
			-- the others before, and it afterwards, if that leaves a tenth of the others
			SELECT a.scope, a.hour + INTERVAL '1 hour' AS at
			FROM (SELECT DISTINCT ON (s.scope) s.* FROM stayed s ORDER BY s.scope, (s.n - s.own) / NULLIF(s.all_n - s.all_own, 0) - s.own / s.all_own DESC NULLS LAST, s.hour) AS a
			WHERE a.n - a.own >= 0.1 * a.n AND a.n - a.own >= 20 AND a.all_n > a.n AND (a.all_n - a.n) - (a.all_own - a.own) <= 0.1 * (a.all_n - a.n)
		), spread AS (
			-- of the rows of a day, how many came up to an hour, those that carry it and the others
			SELECT h.scope, h.day, sum(h.own) OVER up_to / NULLIF(sum(h.own) OVER whole, 0) AS of_own, sum(h.n - h.own) OVER up_to / NULLIF(sum(h.n - h.own) OVER whole, 0) AS of_others,
				   1 / NULLIF(sum(h.own) OVER whole, 0) + 1 / NULLIF(sum(h.n - h.own) OVER whole, 0) AS noise
			FROM (SELECT h.scope, h.hour, h.own, h.n, GREATEST(0, floor(EXTRACT(epoch FROM timezone(%2$L, h.hour) - timezone(%2$L, b.at + %5$L::interval)) / 86400))::integer AS day
				  FROM hour h JOIN began b USING (scope) WHERE h.hour > b.at + %5$L::interval - INTERVAL '1 hour' AND h.hour < b.at + %5$L::interval + INTERVAL '28 days') AS h
			WINDOW whole AS (PARTITION BY h.scope, h.day), up_to AS (PARTITION BY h.scope, h.day ORDER BY h.hour)
		), moving AS (
			-- had they other hours, nights would be compared with days (A. Kolmogorov and N. Smirnov)
			SELECT d.scope, jsonb_agg(d.day ORDER BY d.day) AS days
			FROM (SELECT s.scope, s.day FROM spread s GROUP BY s.scope, s.day HAVING max(abs(s.of_own - s.of_others)) > GREATEST(0.15, 2 * sqrt(max(s.noise)))) AS d GROUP BY d.scope
		)
		SELECT jsonb_object_agg(b.scope::text, b.at), min(b.at),
			   jsonb_object_agg(b.scope::text, jsonb_build_object('arrived', a.at, 'gone', g.last_at, 'moving', COALESCE(m.days, '[]')))
		FROM began b LEFT JOIN gone g USING (scope) LEFT JOIN arrived a USING (scope) LEFT JOIN moving m USING (scope)
		WHERE b.at IS NOT NULL$sql$, scopes, zone, release_impact.release, wait + longest, wait) INTO found_in, starts_at, stays;
	carried := found_in IS NOT NULL;
	IF NOT carried THEN
		EXECUTE format('SELECT d.released_at AS at, d.scope FROM (%s) AS d WHERE %L IN (d.release, llm_cost.release_label(d.release, d.service)) AND d.version_column = %L ORDER BY d.released_at, d.scope LIMIT 1',
			llm_cost.declared_releases_query(source.relation, NULL), release_impact.release, column_name) INTO announced_at, announced_in;
		IF announced_at < ends_at THEN
			EXECUTE format('SELECT jsonb_object_agg(s.scope::text, %1$L::timestamptz) FROM (SELECT DISTINCT s.scope FROM (%2$s) AS s WHERE s.started_at >= %3$L) AS s WHERE llm_cost.scopes_meet(s.scope, %4$L)',
				announced_at, scopes, announced_at - INTERVAL '28 days', announced_in) INTO found_in;
			starts_at := announced_at;
		END IF;
	END IF;
	IF found_in IS NULL THEN
		scope := '{}';
		verdict := 'insufficient';
		released_at := announced_at;
		cause := CASE WHEN announced_at >= ends_at THEN format('it will be released at %s', announced_at)
					  WHEN announced_at IS NOT NULL THEN 'no usage in its scope'
					  WHEN column_name <> ALL (source.columns) THEN format('usage reports no %s, and nobody declared it', column_name)
					  ELSE 'no row carries it, and nobody declared it' END;
		RETURN NEXT;
		RETURN;
	END IF;
	SELECT jsonb_agg(jsonb_build_object('scope', f.key::jsonb, 'released_at', f.value, 'local_start', timezone(zone, f.at + wait),
			'length', l.seconds, 'step', 604800 * GREATEST(1, ceil(l.seconds / 604800.0))::integer,
			-- a day at least is left
			'lag', CASE WHEN l.lag BETWEEN 0 AND l.seconds - 86400 THEN l.lag ELSE 0 END, 'moving', COALESCE(stays -> f.key -> 'moving', '[]')))
	INTO released
	FROM (SELECT e.key, e.value, e.value::timestamptz AS at FROM jsonb_each_text(found_in) AS e) AS f,
		 LATERAL (SELECT GREATEST(0, LEAST(EXTRACT(epoch FROM longest), EXTRACT(epoch FROM LEAST(last_at, (stays -> f.key ->> 'gone')::timestamptz) - f.at - wait)))::integer AS seconds,
				EXTRACT(epoch FROM (stays -> f.key ->> 'arrived')::timestamptz - f.at - wait)::integer AS lag) AS l;

	RETURN QUERY EXECUTE format($sql$
		SELECT r.scope, r.method, r.released_at, round(r.exposure, 1), llm_cost.shown_number(r.value_before), llm_cost.shown_number(r.value_after),
			   round(r.headline::numeric, 2), round(r.change::numeric, 2), round(r.low::numeric, 2), round(r.high::numeric, 2), round(r.weekly, 2),
			   r.n, r.sampling_unit, r.units, round(r.matched::numeric, 1), round(r.unknown, 1), r.placebo_windows, r.placebo_larger,
			   r.verdict, r.cause, r.says, r.near
		FROM (%s) AS r
		ORDER BY abs(r.weekly) DESC NULLS LAST, r.scope$sql$,
		llm_cost.release_query(source.relation, release_impact.release, column_name, dimensions, released, carried, release_impact.unit, weeks, release_impact.filter,
			tstzrange(starts_at - make_interval(days => 2 + 7 * (weeks + 8 * GREATEST(1, ceil(EXTRACT(epoch FROM longest) / 604800))::integer)),
				LEAST(ends_at, (SELECT max(f.value::timestamptz) FROM jsonb_each_text(found_in) AS f) + GREATEST(longest, '28 days') + wait + INTERVAL '1 day')),
			zone));
END
$$;
COMMENT ON FUNCTION llm_cost.release_impact(text, text[], text, jsonb, regclass, text, integer, interval, interval, text, timestamptz) IS
	'What a release did to unit cost, for each scope that has it (by: NULL, the workflow where it is reported). method concurrent: on days when old and new version ran side by side, users are compared with themselves on days with about the same share of it (hours, where its share moved during the day), first turns of conversations apart from later ones, and users with few calls in 14 to 30 groups that count as one each; taken where this covers 70 % of the spend of both sides on those days and counts like ten users or more. difference_in_differences: if the version is given to users and not to calls (sampling_unit assigned user, or assigned team; less than half of the users meet both versions of those who would by chance), nobody can be compared with himself side by side; then those who got it are compared with their own baseline_weeks before, like_for_like_pct is what they changed by beyond what those did on the same days who did not get it, and weekly_usd is that, of the spend of a week. before_after: as long as follow after the release, less the warmup, without the days or hours in which it replaced others, and until it was taken back or replaced itself, against the same weekdays and hours of the baseline_weeks before, also within users and, for those with ten calls a week or more, turns, and never surer than quiet_windows earlier comparisons of that shape. headline_pct is the exact change of the totals compared, like_for_like_pct that within users, low_pct to high_pct its 95 % interval. All costs are at the prices of the time of the release. weekly_usd: headline times the usage of a week, as if all of it had the release, in the currency of the price book. Rows that carry no version (unversioned_pct, since the release) are left out on both sides; exposure_pct is the release''s share of the others. A release that no row carries is taken from declare_release() or attach_releases(), and all that follows is new. verdict and cause as in drift(), of what is beyond a declared change (declared). near_release: what else was deployed within a day. Verdict insufficient, and why: never seen, in the future, nothing before it, less than a day, fewer than two users. Without users it is judged by earlier windows alone (sampling_unit window), four at least. unit: operation, attempt, conversation or outcome. as_of: look no later than that.';
