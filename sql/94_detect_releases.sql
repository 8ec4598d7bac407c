/*
 * detect_releases: what went out in a period, from rows, from declarations, and
 * from prompts that changed without either.
 */

CREATE FUNCTION llm_cost.default_scopes(columns text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN 'workflow' = ANY (columns) THEN '{workflow}' ELSE '{}' END::text[];
COMMENT ON FUNCTION llm_cost.default_scopes(text[]) IS
	'Columns that releases are told apart by, if nobody says otherwise: the workflow, where the usage reports it.';

CREATE FUNCTION llm_cost.detect_releases(
	period tstzrange DEFAULT NULL, by text[] DEFAULT NULL, filter jsonb DEFAULT NULL, usage regclass DEFAULT NULL, time_zone text DEFAULT NULL,
	OUT release text, OUT kind text, OUT version_column text, OUT scope jsonb, OUT first_started_at timestamptz, OUT reached_half_at timestamptz,
	OUT reached_most_at timestamptz, OUT first_day_pct numeric, OUT attempts bigint, OUT unversioned_pct numeric, OUT evidence text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 50 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(detect_releases.time_zone);
	whole		tstzrange := llm_cost.checked_period(detect_releases.period, zone);
	source		record;
	dimensions	text[];
	columns		text[];
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(detect_releases.usage);
	IF detect_releases.period IS NULL THEN
		whole := tstzrange(timezone(zone, timezone(zone, lower(whole)) - INTERVAL '21 days'), upper(whole));
	END IF;
	dimensions := COALESCE(detect_releases.by, llm_cost.default_scopes(source.columns));
	columns := ARRAY(SELECT 'dimension_' || i FROM generate_series(1, cardinality(dimensions)) AS i)
		|| '{release,prompt_version,prompt_hash,system_tokens,step}'::text[];

	RETURN QUERY EXECUTE format($sql$
	WITH cell AS MATERIALIZED (
		SELECT c.*, %1$s AS scope FROM (%2$s) AS c WHERE c.attempts > 0
	), spelled AS (
		SELECT c.scope, v.version_column, v.part, v.version, c.bucket, sum(c.attempts) AS n, min(c.first_started_at) AS first_at
		FROM cell c, LATERAL (VALUES ('release', NULL, c.release), ('prompt_version', c.step, c.prompt_version), ('prompt_hash', c.step, c.prompt_hash)) AS v (version_column, part, version)
		WHERE v.version IS NOT NULL
		GROUP BY 1, 2, 3, 4, 5
	), version_day AS (
		SELECT s.scope, s.version_column, s.part, s.version, sum(s.n) AS n, min(s.first_at) AS first_at,
			   sum(sum(s.n)) OVER (PARTITION BY s.scope, s.version_column, s.part, date_trunc('day', s.bucket, %4$L)) AS day_n,
			   dense_rank() OVER (PARTITION BY s.scope, s.version_column, s.part ORDER BY date_trunc('day', s.bucket, %4$L))::integer AS day
		FROM spelled s WHERE s.version_column <> 'prompt_hash'
		GROUP BY s.scope, s.version_column, s.part, s.version, date_trunc('day', s.bucket, %4$L)
	), rolled_out AS (
		SELECT d.scope, d.version_column, d.part, d.version, min(d.first_at) AS first_at,
			   llm_cost.rollout_began(array_agg(d.day ORDER BY d.day), array_agg((d.n / d.day_n)::double precision ORDER BY d.day), array_agg(d.first_at ORDER BY d.day),
					max(max(d.day)) OVER (PARTITION BY d.scope, d.version_column, d.part)) AS began_at
		FROM version_day d GROUP BY d.scope, d.version_column, d.part, d.version
	), followed AS (
		-- of an hour, and of the 24 from it on
		SELECT s.*, sum(s.n) OVER (PARTITION BY s.scope, s.version_column, s.part, s.bucket) AS hour_n,
			   sum(s.n) OVER (PARTITION BY s.scope, s.version_column, s.part ORDER BY s.bucket RANGE BETWEEN CURRENT ROW AND INTERVAL '23 hours' FOLLOWING) AS day_n,
			   sum(s.n) OVER (PARTITION BY s.scope, s.version_column, s.part, s.version ORDER BY s.bucket RANGE BETWEEN CURRENT ROW AND INTERVAL '23 hours' FOLLOWING) AS own_day_n,
			   min(s.first_at) OVER (PARTITION BY s.scope, s.version_column, s.part) AS scope_first_at,
			   COALESCE(r.began_at, min(s.first_at) OVER (PARTITION BY s.scope, s.version_column, s.part, s.version)) AS version_first_at,
			   r.first_at AS tried_at
		FROM spelled s LEFT JOIN rolled_out r ON r.scope = s.scope AND r.version_column = s.version_column AND r.part IS NOT DISTINCT FROM s.part AND r.version = s.version
	), taken AS (
		SELECT f.scope, f.version_column, f.part, f.version, f.version_first_at AS first_at, min(f.tried_at) AS tried_at, sum(f.n) AS n,
			   min(f.bucket) FILTER (WHERE 2 * f.n >= f.hour_n AND 2 * f.own_day_n >= f.day_n) AS half_bucket,
			   min(f.bucket) FILTER (WHERE f.n >= 0.95 * f.hour_n AND f.own_day_n >= 0.95 * f.day_n) AS most_bucket,
			   (array_agg(f.own_day_n / f.day_n ORDER BY f.bucket))[1] AS first_day
		FROM followed f
		WHERE f.version_first_at >= %3$L AND f.version_first_at > f.scope_first_at AND f.bucket > f.version_first_at - INTERVAL '1 hour'
		GROUP BY f.scope, f.version_column, f.part, f.version, f.version_first_at
	), version AS (
		-- a prompt of several steps is one
		SELECT t.scope, t.version_column, t.version, min(t.first_at) AS first_at, min(t.tried_at) AS tried_at,
			   CASE WHEN count(t.half_bucket) > 0 THEN GREATEST(min(t.half_bucket), min(t.first_at)) END AS half_at,
			   CASE WHEN count(t.most_bucket) = count(*) THEN GREATEST(max(t.most_bucket), min(t.first_at)) END AS most_at,
			   max(t.first_day) AS first_day, sum(t.n) AS n, string_agg(t.part, ', ' ORDER BY t.part) AS parts
		FROM taken t GROUP BY t.scope, t.version_column, t.version
	), size AS (
		SELECT DISTINCT ON (m.scope, m.part, m.day) m.scope, m.part, m.day, m.tokens
		FROM (SELECT c.scope, c.step AS part, date_trunc('day', c.bucket, %4$L) AS day, c.system_tokens AS tokens, sum(c.attempts) AS n
			  FROM cell c WHERE c.system_tokens > 0 GROUP BY 1, 2, 3, 4) AS m
		ORDER BY m.scope, m.part, m.day, m.n DESC, m.tokens
	), jump AS (
		-- the usual size of a day, that of the day before, and whether it stays
		SELECT j.scope, j.part, j.before, j.tokens,
			   (SELECT min(c.first_started_at) FROM cell c
				WHERE c.scope = j.scope AND c.step IS NOT DISTINCT FROM j.part AND c.bucket >= j.day_before AND c.bucket < j.day + INTERVAL '25 hours'
				  AND abs(ln(c.system_tokens::double precision / j.tokens)) < abs(ln(c.system_tokens::double precision / j.before))) AS first_at
		FROM (SELECT s.*, lag(s.tokens) OVER days AS before, lag(s.tokens, 2) OVER days AS earlier, lag(s.day) OVER days AS day_before, lead(s.tokens) OVER days AS after
			  FROM size s WINDOW days AS (PARTITION BY s.scope, s.part ORDER BY s.day)) AS j
		WHERE abs(ln(j.tokens::double precision / j.before)) >= ln(1.1) AND abs(ln(j.after::double precision / j.tokens)) < ln(1.05)
		  AND (j.earlier IS NULL OR abs(ln(j.before::double precision / j.earlier)) < ln(1.05))
	), fresh AS (
		-- hashes of the day that were never seen before it
		SELECT d.*, lag(d.share) OVER days AS before, lag(d.share, 2) OVER days AS earlier
		FROM (SELECT f.scope, f.part, date_trunc('day', f.bucket, %4$L) AS day, min(f.first_at) FILTER (WHERE f.is_new) AS first_at,
					 COALESCE(sum(f.n) FILTER (WHERE f.is_new), 0) / sum(f.n) AS share
			  FROM (SELECT g.*, date_trunc('day', g.version_first_at, %4$L) = date_trunc('day', g.bucket, %4$L) AS is_new FROM followed g WHERE g.version_column = 'prompt_hash') AS f
			  GROUP BY 1, 2, 3) AS d
		WINDOW days AS (PARTITION BY d.scope, d.part ORDER BY d.day)
	), guessed AS (
		SELECT v.scope, v.version_column, v.version, v.first_at, v.half_at, v.most_at, v.first_day, v.n,
			   format('prompt hash %%s took over%%s', v.version, ' in ' || v.parts) AS says
		-- a few calls at a quiet hour are no rollout
		FROM version v WHERE v.version_column = 'prompt_hash' AND v.half_at IS NOT NULL AND v.n >= 20
		UNION ALL
		SELECT j.scope, 'system_tokens', format('%%s system tokens', j.tokens), j.first_at, NULL, NULL, NULL, NULL,
			   format('system prompt of %%s tokens became one of %%s%%s', j.before, j.tokens, ' in ' || j.part)
		FROM jump j WHERE j.first_at >= %3$L
		UNION ALL
		SELECT f.scope, 'prompt_hash', 'prompts that are never the same', f.first_at, NULL, NULL, NULL, NULL,
			   format('%%s %%%% of the attempts had a prompt hash never seen before the day, after %%s %%%%%%s', round(100 * f.share), round(100 * f.before), ' in ' || f.part)
		FROM fresh f WHERE f.share >= 0.8 AND f.before < 0.5 AND f.earlier < 0.5 AND f.first_at >= %3$L
	), inferred AS (
		-- one change of a prompt shows in more than one way
		SELECT g.scope, g.first_at, (array_agg(g.version_column ORDER BY g.rank))[1] AS version_column,
			   (array_agg(g.version ORDER BY g.rank))[1] AS version, min(g.half_at) AS half_at, max(g.most_at) AS most_at,
			   max(g.first_day) AS first_day, max(g.n) AS n, string_agg(g.says, '; ' ORDER BY g.rank) AS says
		FROM (SELECT g.scope, g.version_column, g.version, g.half_at, g.most_at, g.first_day, g.n, g.says,
					 min(g.first_at) OVER near_by AS first_at, row_number() OVER near_by AS rank
			  FROM guessed g WINDOW near_by AS (PARTITION BY g.scope, date_trunc('day', g.first_at, %4$L) ORDER BY g.first_at, g.version)) AS g
		GROUP BY g.scope, g.first_at
	), said AS (
		SELECT llm_cost.release_label(d.release, d.service) AS release, d.release AS version, d.version_column, d.scope, d.released_at, d.note
		FROM (%5$s) AS d WHERE llm_cost.scopes_meet(d.scope, %7$L)
	), of_scope AS (
		SELECT c.scope, 1 - sum(c.attempts) FILTER (WHERE c.release IS NOT NULL) / sum(c.attempts) AS no_release,
			   1 - sum(c.attempts) FILTER (WHERE c.prompt_version IS NOT NULL) / sum(c.attempts) AS no_prompt_version
		FROM cell c WHERE c.first_started_at >= %3$L GROUP BY c.scope
	), listed AS (
		SELECT v.version AS release, 'seen' AS kind, v.version_column, v.scope, v.first_at, v.half_at, v.most_at, v.first_day, v.n,
			   concat_ws('; ', CASE WHEN v.tried_at < v.first_at THEN format('rolled out from then on; a first row at %%s', v.tried_at) ELSE 'first row that carries it' END,
					CASE WHEN v.half_at IS NULL THEN 'less than half of the attempts so far' END,
					(SELECT format('declared at %%s%%s', min(d.released_at), ': ' || min(d.note)) FROM said d
					 WHERE d.version = v.version AND d.version_column = v.version_column AND llm_cost.scopes_meet(d.scope, v.scope) HAVING count(*) > 0),
					(SELECT 'with prompt_version ' || string_agg(p.version, ', ' ORDER BY p.version) FROM version p
					 WHERE v.version_column = 'release' AND p.version_column = 'prompt_version' AND p.scope = v.scope AND p.first_at BETWEEN v.first_at - INTERVAL '1 day' AND v.first_at + INTERVAL '1 day'),
					(SELECT 'with ' || min(i.says) FROM inferred i
					 WHERE v.version_column = 'release' AND i.scope = v.scope AND i.first_at BETWEEN v.first_at - INTERVAL '1 day' AND v.first_at + INTERVAL '1 day')) AS evidence
		FROM version v
		WHERE v.version_column = 'release'
		   OR v.version_column = 'prompt_version' AND NOT EXISTS (SELECT FROM version r
				WHERE r.version_column = 'release' AND r.scope = v.scope AND v.first_at BETWEEN r.first_at - INTERVAL '1 day' AND r.first_at + INTERVAL '1 day')
		UNION ALL
		SELECT d.release, 'declared', d.version_column, d.scope, d.released_at, NULL, NULL, NULL, NULL, concat_ws('; ', 'no row carries it', min(d.note))
		FROM said d
		WHERE d.released_at >= %3$L AND d.released_at < %6$L
		  AND NOT EXISTS (SELECT FROM followed v WHERE v.version = d.version AND v.version_column = d.version_column AND llm_cost.scopes_meet(d.scope, v.scope))
		GROUP BY d.release, d.version_column, d.scope, d.released_at
		UNION ALL
		SELECT i.version, 'inferred', i.version_column, i.scope, i.first_at, i.half_at, i.most_at, i.first_day, i.n, 'no version changed, but ' || i.says
		FROM inferred i
		WHERE NOT EXISTS (SELECT FROM version v WHERE v.version_column <> 'prompt_hash' AND v.scope = i.scope
						  AND i.first_at BETWEEN v.first_at - INTERVAL '1 day' AND v.first_at + INTERVAL '1 day')
		  AND NOT EXISTS (SELECT FROM said d WHERE llm_cost.scopes_meet(d.scope, i.scope)
						  AND i.first_at BETWEEN d.released_at - INTERVAL '1 day' AND d.released_at + INTERVAL '1 day')
	)
	SELECT l.release, l.kind, l.version_column, l.scope, l.first_at, l.half_at, l.most_at, round(100 * l.first_day, 1), l.n::bigint,
		   CASE WHEN l.kind = 'seen' THEN trunc(100 * CASE l.version_column WHEN 'release' THEN o.no_release ELSE o.no_prompt_version END, 1) END, l.evidence
	FROM listed l LEFT JOIN of_scope o USING (scope)
	ORDER BY l.first_at, l.release, l.scope$sql$,
		llm_cost.scope_expression(dimensions, 'c'),
		llm_cost.cells_query(
			format('SELECT * FROM (%s) AS a WHERE %s',
				llm_cost.attempts_query(source.relation, tstzrange(lower(whole) - INTERVAL '28 days', upper(whole)), dimensions, detect_releases.filter, NULL),
				llm_cost.within(tstzrange(lower(whole) - INTERVAL '28 days', upper(whole)), 'a.started_at')),
			format('date_trunc(''hour'', started_at, %L)', zone), columns, '{attempts,first_started_at}'),
		lower(whole), zone, llm_cost.declared_releases_query(source.relation, tstzrange(lower(whole) - INTERVAL '28 days', upper(whole))), upper(whole),
		COALESCE(detect_releases.filter, '{}'));
END
$$;
COMMENT ON FUNCTION llm_cost.detect_releases(tstzrange, text[], jsonb, regclass, text) IS
	'Releases of a period (NULL: the last four full weeks), for each scope (by: NULL, the workflow where it is reported), by time. kind: seen (rows of usage carry it in version_column, and it was not rolled out in the four weeks before the period), declared (by declare_release() or a relation of attach_releases(), and no row carries it), or inferred (no version changed within a day, but a prompt hash took over, hashes began to differ from call to call, or the system prompt grew or shrank by a tenth). first_started_at is the first row of the rollout: one that was tried for a day long before is told in evidence; reached_half_at and reached_most_at are the hours from which on half and 95 % of the attempts that carry a version, in the hour and in the day that follows, carry this one (NULL: not yet, or unknown); first_day_pct its share on its first day. The first version of a scope is none: nothing was before it. unversioned_pct: attempts of the period that carry no version.';
