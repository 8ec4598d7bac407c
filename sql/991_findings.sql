/*
 * report_findings: from the rows of the analyses to what a person should look at.
 *
 * One cause shows in many rows: an added step in calls per operation, unit cost
 * and spend; a script in calls, spend of its user and of its workflow.  So rows
 * become candidates, each with a scope and weekly dollars, and one after the
 * other, those that name a cause before those that only measure its effect, a
 * candidate is taken into a finding that was made of the same scope (or one
 * within the other) if that explains half of its dollars or more.  What is left
 * is ranked by dollars.  A finding keeps its fingerprint as long as usage, kind,
 * scope and direction stay.
 */

CREATE FUNCTION llm_cost.money_text(amount numeric, currency text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN currency = 'USD' THEN '$' ELSE currency || ' ' END
	|| CASE WHEN abs(amount) >= 1000 THEN ltrim(to_char(round(abs(amount)), '999,999,999,999,999,990'))
			WHEN abs(amount) >= 0.1 OR amount = 0 THEN ltrim(to_char(abs(amount), '999,999,999,999,999,990.00'))
			ELSE llm_cost.shown(abs(amount)) END;
COMMENT ON FUNCTION llm_cost.money_text(numeric, text) IS 'An amount without its sign, as it stands in a sentence: $1,234, $12.30, EUR 0.0012. NULL for NULL.';

CREATE FUNCTION llm_cost.shown_money(shown text, currency text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT CASE WHEN a.amount >= 10 THEN CASE WHEN currency = 'USD' THEN '$' ELSE currency || ' ' END || llm_cost.count_text(a.amount) ELSE llm_cost.money_text(a.amount, currency) END
		FROM (SELECT replace(shown, ',', '')::numeric AS amount) AS a);
COMMENT ON FUNCTION llm_cost.shown_money(text, text) IS 'A positive number of about three digits, as shown() says it, as money: no cents that are not known.';

CREATE FUNCTION llm_cost.scope_name(scope jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(NULLIF(concat_ws(' of ', 'user ' || (scope ->> 'user_id'),
	(SELECT string_agg(CASE WHEN e.key IN ('workflow', 'feature') THEN COALESCE(e.value, 'no ' || e.key) ELSE e.key || ' ' || COALESCE(e.value, '∅') END, ', '
		ORDER BY e.key NOT IN ('workflow', 'feature'), e.key) FROM jsonb_each_text(scope - 'user_id') AS e)), ''), 'all usage');
COMMENT ON FUNCTION llm_cost.scope_name(jsonb) IS 'What people call a scope: support; user anna of support; model gpt-4o; all usage for the empty one.';

CREATE FUNCTION llm_cost.scope_subject(scope jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT CASE WHEN scope ? 'user_id' OR COALESCE(scope ->> 'workflow', scope ->> 'feature') IS NULL THEN upper(left(n.name, 1)) || substr(n.name, 2) ELSE n.name END
		FROM (SELECT llm_cost.scope_name(scope) AS name) AS n);
COMMENT ON FUNCTION llm_cost.scope_subject(jsonb) IS 'What people call a scope, at the beginning of a sentence: User anna of support; names stay as they are.';

CREATE FUNCTION llm_cost.finding_fingerprint(schema_name text, relation_name text, kind text, scope jsonb, direction text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(encode(sha256(convert_to(jsonb_build_array(schema_name, relation_name, kind, scope, direction)::text, 'UTF8')), 'hex'), 16);
COMMENT ON FUNCTION llm_cost.finding_fingerprint(text, text, text, jsonb, text) IS
	'What a finding is known by from report to report: sixteen hexadecimal digits of usage, kind, scope and direction (up: costs more, down: less).';

CREATE FUNCTION llm_cost.finding_candidates(
	facts jsonb, period tstzrange, time_zone text, currency text,
	OUT rank integer, OUT kind text, OUT scope jsonb, OUT direction text, OUT weekly_usd numeric, OUT low numeric, OUT high numeric,
	OUT verdict text, OUT cause text, OUT near_release text, OUT declared text, OUT since timestamptz, OUT weeks_open integer, OUT sentence text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 100
-- nobody knows how many elements an array has, and the planner takes it for few
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET enable_nestloop = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	weekly		numeric := 604800 / EXTRACT(epoch FROM upper(finding_candidates.period) - lower(finding_candidates.period));
	unit		text := COALESCE(finding_candidates.facts #>> '{overview,rows,0,unit}', 'attempt');
	before		numeric := (SELECT sum((o ->> 'spend_usd')::numeric - (o ->> 'change_usd')::numeric) FROM jsonb_array_elements(finding_candidates.facts #> '{overview,rows}') AS o);
BEGIN
	RETURN QUERY
	WITH drift AS (
		SELECT m.metric, d.*, d.at_stake_usd / NULLIF(d.change, 0) AS a_point,
			   -- what was declared is no news; what is beyond it is
			   CASE WHEN d.declared ~ 'nothing beyond it$' THEN 0 ELSE substring(d.declared FROM '(-?[0-9.]+) points beyond it$')::numeric END AS beyond
		FROM unnest('{unit_cost,hit_ratio,calls_per_operation,retry_share}'::text[]) AS m (metric),
			 LATERAL jsonb_to_recordset(finding_candidates.facts #> ARRAY[m.metric, 'rows']) AS d (scope jsonb, value numeric, value_before numeric, change numeric, like_for_like numeric,
				low numeric, high numeric, at_stake_usd numeric, sample_size numeric, verdict text, cause text, near_release text, declared text)
	), changed AS (
		SELECT d.*, COALESCE(d.like_for_like, d.change) AS moved,
			   COALESCE(d.beyond / NULLIF(COALESCE(d.like_for_like, d.change), 0), 1) AS part,
			   COALESCE(COALESCE(d.like_for_like, d.change) - d.beyond, 0) AS expected
		FROM drift d
		WHERE d.verdict IN ('increased', 'decreased', 'trend')
	), dollars AS (
		-- the interval is of users compared with themselves, in dollars of the whole
		SELECT c.*, c.at_stake_usd * c.part AS usd, LEAST((c.low - c.expected) * c.a_point, (c.high - c.expected) * c.a_point) AS usd_low,
			   GREATEST((c.low - c.expected) * c.a_point, (c.high - c.expected) * c.a_point) AS usd_high
		FROM changed c
		WHERE abs(COALESCE(c.at_stake_usd * c.part, 0)) > 0
	), said AS (
		SELECT d.*, CASE WHEN d.usd >= d.usd_low AND d.usd <= d.usd_high THEN round(d.usd_low, 2) END AS shown_low,
			   CASE WHEN d.usd >= d.usd_low AND d.usd <= d.usd_high THEN round(d.usd_high, 2) END AS shown_high,
			   format('%s %s a week', llm_cost.money_text(d.usd, finding_candidates.currency), CASE WHEN d.usd > 0 THEN 'more' ELSE 'less' END) AS money,
			   llm_cost.scope_name(d.scope) AS name, llm_cost.scope_subject(d.scope) AS subject, CASE WHEN d.scope = '{}' THEN '' ELSE ' of ' || llm_cost.scope_name(d.scope) END AS of_name,
			   CASE WHEN d.beyond IS NOT NULL THEN format(', of which %s %s were declared; beyond that', trim_scale(round(d.expected, 1)), CASE WHEN d.metric IN ('hit_ratio', 'retry_share') THEN 'points' ELSE '%' END) ELSE '' END AS but
		FROM dollars d
	), context AS (
		SELECT c.* FROM jsonb_to_recordset(finding_candidates.facts #> '{contexts,rows}') AS c (scope jsonb, cost numeric, mean_tokens numeric, mean_before numeric, trend_pct numeric)
	), step AS (
		SELECT s.* FROM jsonb_to_recordset(finding_candidates.facts #> '{steps,rows}') AS s (scope jsonb, step_changes text)
	), failure AS (
		SELECT DISTINCT ON (f.of_scope) f.of_scope, f.class FROM (
			SELECT r.scope - 'error_type' AS of_scope, r.scope ->> 'error_type' AS class, r.failures_per_1000 - r.failures_per_1000_before AS growth
			FROM jsonb_to_recordset(finding_candidates.facts #> '{retries_by,rows}') AS r (scope jsonb, failures_per_1000 numeric, failures_per_1000_before numeric)) AS f
		WHERE f.growth > 0 ORDER BY f.of_scope, f.growth DESC, f.class
	), episode AS (
		SELECT m.metric, e.* FROM unnest('{hit_ratio,calls_per_operation,retry_share}'::text[]) AS m (metric),
			 LATERAL jsonb_to_recordset(finding_candidates.facts #> ARRAY['episodes_' || m.metric, 'rows']) AS e (scope jsonb, opened_at timestamptz, closed_at timestamptz,
				value_before numeric, value_during numeric, change numeric, wasted_usd numeric, verdict text, cause text, near_release text)
		WHERE e.verdict IN ('increased', 'decreased') AND COALESCE(e.closed_at, 'infinity') > lower(finding_candidates.period)
	), spent AS (
		SELECT o.* FROM jsonb_to_recordset(finding_candidates.facts #> '{overview,rows}') AS o (scope text, spend_usd numeric, change_usd numeric, from_new_users_usd numeric,
			from_price_usd numeric, from_unit_cost_usd numeric, weeks_open integer)
	), graded AS (
		SELECT r.* FROM jsonb_to_recordset(finding_candidates.facts #> '{regressions,rows}') AS r (scope jsonb, metric text, grade text, headline_pct numeric, like_for_like_pct numeric,
			low_pct numeric, high_pct numeric, quarter_pct numeric, weekly_usd numeric, weeks_open integer, near_release text, declared text, cause text)
		WHERE r.metric = 'unit_cost'
	), loop AS (
		SELECT r.* FROM jsonb_to_recordset(finding_candidates.facts #> '{runaway,rows}') AS r (scope jsonb, finding text, since timestamptz, excess_usd numeric, evidence text)
	), whale AS (
		SELECT s.scope || jsonb_build_object('user_id', w.id) AS scope, w.cost, s.cost AS of_cost, s.median, COALESCE(b.cost, 0) / 4 / weekly AS cost_before
		FROM jsonb_to_recordset(finding_candidates.facts #> '{skew,rows}') AS s (scope jsonb, cost numeric, median numeric, whale_ids text[], whale_costs numeric[])
			 CROSS JOIN LATERAL unnest(s.whale_ids, s.whale_costs) AS w (id, cost)
			 LEFT JOIN jsonb_to_recordset(finding_candidates.facts #> '{whales,rows}') AS b (scope jsonb, user_id text, cost numeric) ON b.scope = s.scope AND b.user_id = w.id
	)
	-- what runs away
	SELECT 10, 'runaway', l.scope, 'up', l.excess_usd * weekly, NULL::numeric, NULL::numeric, 'increased', l.evidence, NULL, NULL, l.since, NULL::integer,
		   format('%s runs away: %s. %s', llm_cost.scope_subject(l.scope), regexp_replace(l.evidence, '^[^:]* of one user: ', ''),
			COALESCE(llm_cost.money_text(l.excess_usd * weekly, finding_candidates.currency) || ' a week beyond the usual.', 'None of it has a price.'))
	FROM loop l WHERE l.finding <> 'spend_growth'
	UNION ALL
	-- who came to spend a tenth of a scope or more, and twice what he did
	SELECT 20, 'skew', w.scope, 'up', (w.cost - w.cost_before) * weekly, NULL, NULL, 'increased',
		   format('%s times the median user', llm_cost.shown(w.cost / NULLIF(w.median, 0))), NULL, NULL, lower(finding_candidates.period), NULL,
		   format('%s spends %s a week, %s %% of what %s costs and %s times the median user; %s before.', llm_cost.scope_subject(w.scope),
			llm_cost.money_text(w.cost * weekly, finding_candidates.currency), round(100 * w.cost / NULLIF(w.of_cost, 0)), llm_cost.scope_name(w.scope - 'user_id'), llm_cost.shown(w.cost / NULLIF(w.median, 0)),
			CASE WHEN w.cost_before = 0 THEN 'nothing' ELSE llm_cost.money_text(w.cost_before * weekly, finding_candidates.currency) END)
	FROM whale w WHERE w.cost >= 0.1 * w.of_cost AND w.cost >= 2 * w.cost_before
	UNION ALL
	-- a price is no matter of chance
	SELECT 30, 'price', jsonb_build_object('model', regexp_replace(p.scope, '^model=', '')), CASE WHEN p.from_price_usd > 0 THEN 'up' ELSE 'down' END, p.from_price_usd * weekly, NULL, NULL,
		   CASE WHEN p.from_price_usd > 0 THEN 'increased' ELSE 'decreased' END, 'price', NULL, NULL, lower(finding_candidates.period), NULL,
		   format('Prices of %s changed: the same usage costs %s a week %s than at the prices of the start of the period.', regexp_replace(p.scope, '^model=', ''),
			llm_cost.money_text(p.from_price_usd * weekly, finding_candidates.currency), CASE WHEN p.from_price_usd > 0 THEN 'more' ELSE 'less' END)
	FROM jsonb_to_recordset(finding_candidates.facts #> '{prices,rows}') AS p (scope text, spend_usd numeric, from_price_usd numeric)
	WHERE p.scope <> 'all other' AND abs(p.from_price_usd) >= 0.01 * p.spend_usd
	UNION ALL
	SELECT CASE s.metric WHEN 'retry_share' THEN 40 WHEN 'calls_per_operation' THEN 41 ELSE 42 END, s.metric, s.scope, CASE WHEN s.usd > 0 THEN 'up' ELSE 'down' END, s.usd, s.shown_low, s.shown_high,
		   s.verdict, s.cause, COALESCE(s.near_release, e.near_release), s.declared, e.opened_at, NULL,
		   CASE s.metric
			WHEN 'retry_share' THEN format('Retries take %s %% of what %s costs, %s %% before (%s to %s points)%s: %s.%s', llm_cost.shown(100 * s.value), s.name, llm_cost.shown(100 * s.value_before),
				to_char(s.low, 'SGFM9990'), to_char(s.high, 'SGFM9990'), s.but, s.money, CASE WHEN s.usd > 0 THEN COALESCE(format(' Mostly %s.', f.class), '') ELSE '' END)
			WHEN 'calls_per_operation' THEN format('%s makes %s calls for an operation, %s before (%s to %s %%)%s: %s.%s', s.subject, llm_cost.shown(s.value), llm_cost.shown(s.value_before),
				to_char(s.low, 'SGFM999990'), to_char(s.high, 'SGFM999990'), s.but, s.money, COALESCE(' Per operation: ' || regexp_replace(t.step_changes, ': (\S+) -> (\S+) per operation', ' \2 instead of \1', 'g') || '.', ''))
			ELSE format('%s reads %s %% of its prompts from the cache, %s %% before (%s to %s points)%s: %s%s.', s.subject, llm_cost.shown(100 * s.value), llm_cost.shown(100 * s.value_before),
				to_char(s.low, 'SGFM9990'), to_char(s.high, 'SGFM9990'), s.but, s.money,
				COALESCE(', since ' || to_char(timezone(finding_candidates.time_zone, e.opened_at), 'FMDD Mon YYYY'), '')) END
	FROM said s LEFT JOIN episode e ON e.metric = s.metric AND e.scope = s.scope AND e.closed_at IS NULL
		 LEFT JOIN step t ON s.metric = 'calls_per_operation' AND t.scope = s.scope
		 LEFT JOIN failure f ON s.metric = 'retry_share' AND f.of_scope = s.scope
	WHERE s.metric <> 'unit_cost'
	UNION ALL
	-- episodes too short for the week to tell
	SELECT 45, e.metric, e.scope, 'up', e.wasted_usd / GREATEST(1, EXTRACT(epoch FROM COALESCE(e.closed_at, upper(finding_candidates.period)) - e.opened_at) / 604800), NULL, NULL,
		   e.verdict, e.cause, e.near_release, NULL, e.opened_at, NULL,
		   format('%s of %s went from %s to %s on %s%s: %s lost.', CASE e.metric WHEN 'hit_ratio' THEN 'The cache-hit ratio' WHEN 'retry_share' THEN 'The share of retries' ELSE 'Calls per operation' END,
			llm_cost.scope_name(e.scope), llm_cost.shown(e.value_before), llm_cost.shown(e.value_during), to_char(timezone(finding_candidates.time_zone, e.opened_at), 'FMDD Mon YYYY'),
			COALESCE(' and back on ' || to_char(timezone(finding_candidates.time_zone, e.closed_at), 'FMDD Mon'), ''), llm_cost.money_text(e.wasted_usd, finding_candidates.currency))
	FROM episode e
	WHERE e.wasted_usd > 0 AND NOT EXISTS (SELECT FROM said s WHERE s.metric = e.metric AND s.scope = e.scope AND s.usd > 0)
	UNION ALL
	SELECT 50, CASE WHEN s.verdict = 'trend' AND s.usd > 0 AND ln(c.mean_tokens / c.mean_before) >= ln(s.value / s.value_before) / 2 THEN 'context' ELSE 'unit_cost' END,
		   s.scope, CASE WHEN s.usd > 0 THEN 'up' ELSE 'down' END, s.usd, s.shown_low, s.shown_high, s.verdict, s.cause, COALESCE(s.near_release, g.near_release), s.declared, NULL,
		   GREATEST(o.weeks_open, g.weeks_open),
		   format('An %s%s costs %s %% %s than in the weeks before (%s to %s %%)%s: %s.%s', unit, s.of_name, llm_cost.shown(abs(s.change)), CASE WHEN s.change > 0 THEN 'more' ELSE 'less' END,
			to_char(s.low, 'SGFM999990'), to_char(s.high, 'SGFM999990'), s.but, s.money,
			CASE WHEN s.usd > 0 AND c.mean_tokens >= 1.1 * c.mean_before THEN format(' Prompts have %s tokens, %s before%s.', llm_cost.shown(c.mean_tokens), llm_cost.shown(c.mean_before),
				CASE WHEN s.verdict = 'trend' AND c.trend_pct > 0 THEN format(', and grow by %s %% a week', llm_cost.shown(c.trend_pct)) ELSE '' END) ELSE '' END
			|| COALESCE((SELECT format(' %s of calls take %s of spend: %s.', llm_cost.shown(100 * sum(t.attempt_share)) || ' %', llm_cost.shown(100 * sum(t.spend_share)) || ' %',
					string_agg(llm_cost.scope_name(t.scope - ARRAY(SELECT jsonb_object_keys(s.scope))), ', ' ORDER BY t.spend_share DESC, t.scope))
				FROM jsonb_to_recordset(finding_candidates.facts #> '{tail,rows}') AS t (scope jsonb, attempt_share numeric, spend_share numeric)
				WHERE s.usd > 0 AND t.scope @> s.scope HAVING count(*) > 0), ''))
	FROM said s LEFT JOIN context c ON c.scope = s.scope AND c.mean_tokens > 0 AND c.mean_before > 0
		 LEFT JOIN graded g ON g.scope = s.scope LEFT JOIN spent o ON o.scope = llm_cost.scope_text(s.scope)
	WHERE s.metric = 'unit_cost' AND s.value > 0 AND s.value_before > 0
	  -- what prices did is said of prices
	  AND (o.from_price_usd * weekly / s.usd >= 0.5) IS NOT TRUE
	UNION ALL
	-- totals that rose though the same users pay less than half of it, or nobody knows
	SELECT 60, 'mix_shift', g.scope, 'up', g.weekly_usd, NULL, NULL, 'increased', g.cause, g.near_release, g.declared, NULL, g.weeks_open,
		   format('An %s of %s costs %s %% more than in the weeks before%s%s: %s more a week.', unit, llm_cost.scope_name(g.scope), llm_cost.shown(g.headline_pct),
			 CASE g.grade WHEN 'mix shift' THEN format(', most of it not for the same users (%s to %s %%)', to_char(g.low_pct, 'SGFM999990'), to_char(g.high_pct, 'SGFM999990'))
				WHEN 'watch' THEN format(' (%s)', g.cause) ELSE '' END,
			CASE WHEN g.grade = 'single user' THEN '; one user makes the difference' WHEN g.grade = 'watch' THEN '' WHEN o.from_new_users_usd >= g.weekly_usd / 2 / weekly THEN format('; new users spend %s', llm_cost.money_text(o.from_new_users_usd, finding_candidates.currency)) ELSE '' END,
			llm_cost.money_text(g.weekly_usd, finding_candidates.currency))
	FROM graded g LEFT JOIN spent o ON o.scope = llm_cost.scope_text(g.scope)
	-- nothing tests it, so small ones are left alone
	WHERE (g.grade IN ('mix shift', 'single user')
		   OR g.grade = 'watch' AND g.cause NOT LIKE '%since the beginning of the quarter%' AND NOT EXISTS (SELECT FROM said s WHERE s.metric = 'unit_cost' AND s.scope = g.scope)) AND g.weekly_usd >= 0.01 * before * weekly AND (o.from_price_usd * weekly / NULLIF(g.weekly_usd, 0) >= 0.5) IS NOT TRUE
	UNION ALL
	SELECT 65, 'unit_cost', g.scope, 'up', g.weekly_usd, NULL, NULL, 'trend', g.cause, g.near_release, g.declared, NULL, g.weeks_open,
		   format('An %s of %s costs %s %% more than at the beginning of the quarter: %s more a week than in the weeks before.', unit, llm_cost.scope_name(g.scope), llm_cost.shown(g.quarter_pct),
			llm_cost.money_text(g.weekly_usd, finding_candidates.currency))
	FROM graded g
	WHERE g.grade = 'watch' AND g.cause LIKE '%since the beginning of the quarter%' AND g.weekly_usd > 0 AND NOT EXISTS (SELECT FROM said s WHERE s.metric = 'unit_cost' AND s.scope = g.scope)
	UNION ALL
	SELECT 70, 'spend_growth', l.scope, 'up', l.excess_usd * weekly, NULL, NULL, 'increased', l.evidence, NULL, NULL, l.since, NULL,
		   COALESCE(format('%s spends far more than usual: %s on %s, %s in the week before; %s %s a week beyond the usual.', llm_cost.scope_subject(l.scope),
			llm_cost.shown_money(m.said[1], finding_candidates.currency), to_char(m.said[2]::date, 'FMDD Mon YYYY'),
			COALESCE(m.said[3] || ' times the ' || llm_cost.shown_money(m.said[4], finding_candidates.currency) || ' a day', 'nothing'),
			CASE WHEN m.said[5] <> m.said[2] THEN 'since ' || to_char(m.said[5]::date, 'FMDD Mon YYYY') ELSE 'since then' END, llm_cost.money_text(l.excess_usd * weekly, finding_candidates.currency)),
			format('%s spends far more than usual: %s.', llm_cost.scope_subject(l.scope), l.evidence))
	FROM loop l, LATERAL (SELECT regexp_match(l.evidence, '^([0-9.,]+) on (\S+), (?:([0-9.,]+) times the ([0-9.,]+) a day|nothing) in the week before (\S+)$') AS said) AS m
	WHERE l.finding = 'spend_growth'
	  -- a dear day after a poor week is no growth where the weeks before were dearer
	  AND NOT EXISTS (SELECT FROM spent o WHERE o.scope = llm_cost.scope_text(l.scope) AND o.change_usd < 0)
	UNION ALL
	SELECT 80, 'new_scope', d.scope, 'up', o.spend_usd * weekly, NULL, NULL, d.verdict, d.cause, d.near_release, d.declared, lower(finding_candidates.period), NULL,
		   format('%s is new: %s a week.', llm_cost.scope_subject(d.scope), llm_cost.money_text(o.spend_usd * weekly, finding_candidates.currency))
	FROM drift d JOIN spent o ON o.scope = llm_cost.scope_text(d.scope)
	WHERE d.metric = 'unit_cost' AND d.verdict = 'new' AND o.spend_usd > 0
	UNION ALL
	SELECT 90, 'unpriced', '{}', 'up', round(u.usd * weekly, 2), NULL, NULL, 'increased', u.why, NULL, NULL, lower(finding_candidates.period), NULL,
		   format('%s of %s attempts have no price (%s): at the mean cost of the others %s a week are missing from every sum.', llm_cost.count_text(u.unpriced), llm_cost.count_text(u.attempts), u.why,
			COALESCE(llm_cost.money_text(u.usd * weekly, finding_candidates.currency), 'an unknown amount'))
	FROM (SELECT (t ->> 'unpriced')::bigint AS unpriced, (t ->> 'attempts')::bigint AS attempts,
				 (t ->> 'unpriced')::numeric * (t ->> 'spend')::numeric / NULLIF((t ->> 'attempts')::numeric - (t ->> 'unpriced')::numeric, 0) AS usd,
				 COALESCE((SELECT string_agg(format('%s: %s', COALESCE(p ->> 'model', 'no model'), p ->> 'problem'), ', ' ORDER BY n)
					FROM jsonb_array_elements(finding_candidates.facts #> '{unpriced,rows}') WITH ORDINALITY AS p (p, n) WHERE n <= 3), 'reason unknown') AS why
		  FROM jsonb_array_elements(finding_candidates.facts #> '{daily,rows}') AS r, LATERAL (SELECT r -> 'trust' AS t) AS x) AS u
	WHERE u.unpriced > 0.01 * u.attempts
	UNION ALL
	-- silence is not thrift
	SELECT 95, 'no_usage', '{}', 'up', NULL, NULL, NULL, 'insufficient', 'no usage in the period', NULL, NULL, lower(finding_candidates.period), NULL,
		   format('Nothing was logged in the period; the last attempts before it are of %s.', max(d ->> 'day'))
	FROM jsonb_array_elements(finding_candidates.facts #> '{daily,rows}') AS r, jsonb_array_elements(CASE jsonb_typeof(r -> 'daily') WHEN 'array' THEN r -> 'daily' ELSE '[]' END) AS d
	WHERE COALESCE((r #>> '{trust,attempts}')::bigint, 0) = 0
	HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION llm_cost.finding_candidates(jsonb, tstzrange, text, text) IS
	'What the rows of the analyses (by section, as report_document() gathers them) say of a period, each by itself, in sentences; rank: those that name a cause before those that measure an effect. since: when it began, if known.';

CREATE FUNCTION llm_cost.report_findings(
	facts jsonb, schema_name text, relation_name text, usage text, period tstzrange, time_zone text, currency text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	candidate	record;
	-- four weeks, as the report looks for episodes
	recent		tstzrange := tstzrange(LEAST(lower(report_findings.period), timezone(report_findings.time_zone, timezone(report_findings.time_zone, upper(report_findings.period)) - INTERVAL '28 days')), upper(report_findings.period));
	made		jsonb[] := ARRAY[]::jsonb[];	-- all findings
	mine		integer[] := ARRAY[]::integer[];	-- of the columns and direction at hand
	alone		integer[] := ARRAY[]::integer[];	-- those of a user
	group_key	text;
	into_one	integer;
	explained	numeric;
	i			integer;
	started		timestamptz;
	owners		jsonb;
BEGIN
	FOR candidate IN
		SELECT c.*, (c.scope - 'user_id')::text || c.direction AS same, c.scope - 'user_id' = '{}' AND c.scope ? 'user_id' AS of_user
		FROM llm_cost.finding_candidates(report_findings.facts, report_findings.period, report_findings.time_zone, report_findings.currency) c
		ORDER BY c.scope - 'user_id' = '{}', (c.scope - 'user_id')::text || c.direction, c.rank, abs(c.weekly_usd) DESC NULLS LAST, c.scope
	LOOP
		IF candidate.same IS DISTINCT FROM group_key THEN
			mine := ARRAY[]::integer[];
			group_key := candidate.same;
		END IF;
		into_one := NULL;
		explained := 0;
		FOREACH i IN ARRAY CASE WHEN candidate.of_user THEN alone ELSE mine END LOOP
			-- a missing price and a changed one are causes of their own
			IF candidate.kind NOT IN ('price', 'unpriced', 'no_usage', 'new_scope') AND (made[i] -> 'scope' @> candidate.scope OR candidate.scope @> (made[i] -> 'scope')) AND made[i] ->> 'direction' = candidate.direction
			   -- a lost cache explains no calls, and calls no lost cache; retries are calls
			   AND (candidate.rank >= 45 OR candidate.rank < 40 OR (made[i] ->> 'rank')::integer < 40
					OR candidate.kind = 'calls_per_operation' AND made[i] ->> 'kind' = 'retry_share' OR candidate.kind = made[i] ->> 'kind') THEN
				explained := explained + COALESCE(abs((made[i] ->> 'weekly_usd')::numeric), 0);
				IF into_one IS NULL OR abs((made[i] ->> 'weekly_usd')::numeric) > abs((made[into_one] ->> 'weekly_usd')::numeric) THEN
					into_one := i;
				END IF;
			END IF;
		END LOOP;
		started := COALESCE(candidate.since, lower(report_findings.period));
		IF explained >= 0.5 * abs(COALESCE(candidate.weekly_usd, 0)) AND into_one IS NOT NULL THEN
			-- the dearest evidence counts, if one finding has all of it
			IF (made[into_one] ->> 'weekly_usd')::numeric = explained AND candidate.weekly_usd > explained AND candidate.rank <= 60 THEN
				made[into_one] := made[into_one] || jsonb_build_object('weekly_usd', round(candidate.weekly_usd, 2), 'low', candidate.low, 'high', candidate.high,
					'sentence', regexp_replace(made[into_one] ->> 'sentence', ': (\S+ )?\S+ more a week', format(': %s more a week', llm_cost.money_text(candidate.weekly_usd, report_findings.currency))));
			END IF;
			made[into_one] := made[into_one] || jsonb_build_object(
				'near_release', COALESCE(made[into_one] ->> 'near_release', candidate.near_release), 'declared', COALESCE(made[into_one] ->> 'declared', candidate.declared),
				'weeks_open', GREATEST((made[into_one] ->> 'weeks_open')::integer, candidate.weeks_open),
				'evidence', made[into_one] -> 'evidence' || jsonb_build_object('kind', candidate.kind, 'weekly_usd', round(candidate.weekly_usd, 2), 'sentence', candidate.sentence));
			CONTINUE;
		END IF;
		made := made || jsonb_build_object(
			'fingerprint', llm_cost.finding_fingerprint(report_findings.schema_name, report_findings.relation_name, candidate.kind, candidate.scope, candidate.direction),
			'kind', candidate.kind, 'scope', candidate.scope, 'direction', candidate.direction, 'rank', candidate.rank, 'sentence', candidate.sentence,
			'weekly_usd', round(candidate.weekly_usd, 2), 'low', candidate.low, 'high', candidate.high, 'verdict', candidate.verdict, 'cause', candidate.cause,
			'near_release', candidate.near_release, 'declared', candidate.declared, 'weeks_open', COALESCE(candidate.weeks_open, 1), 'status', 'open', 'first_seen', started,
			'next_sql', CASE
				WHEN candidate.kind IN ('runaway', 'skew', 'spend_growth')
				THEN format('SELECT * FROM llm_cost.operations(%L, filter => %L, usage => %L) ORDER BY cost DESC NULLS LAST LIMIT 20', report_findings.period, candidate.scope, report_findings.usage)
				WHEN candidate.kind IN ('hit_ratio', 'retry_share', 'calls_per_operation')
				THEN format('SELECT * FROM llm_cost.drift_windows(%L, period => %L, filter => %L, usage => %L, time_zone => %L)', candidate.kind, recent, candidate.scope, report_findings.usage, report_findings.time_zone)
				WHEN candidate.kind = 'context' THEN format('SELECT * FROM llm_cost.contexts(period => %L, filter => %L, usage => %L)', report_findings.period, candidate.scope, report_findings.usage)
				WHEN candidate.kind IN ('unpriced', 'no_usage') THEN format('SELECT * FROM llm_cost.doctor(%L)', report_findings.usage)
				ELSE format('SELECT * FROM llm_cost.explain(%L, filter => %L, usage => %L)', report_findings.period, candidate.scope, report_findings.usage) END,
			'evidence', '[]'::jsonb);
		mine := mine || cardinality(made);
		IF candidate.scope ? 'user_id' THEN
			alone := alone || cardinality(made);
		END IF;
	END LOOP;
	SELECT jsonb_object_agg(o.scope, o.owner) INTO owners
	FROM (SELECT o ->> 'scope' AS scope, o -> 'owner' AS owner FROM jsonb_array_elements(report_findings.facts #> '{overview,rows}') AS o
		  UNION ALL SELECT p ->> 'scope', p -> 'owner' FROM jsonb_array_elements(report_findings.facts #> '{prices,rows}') AS p
		  -- a user is of his team, wherever he calls
		  UNION ALL SELECT llm_cost.scope_text(jsonb_build_object('user_id', t ->> 'user_id')), t -> 'team' FROM jsonb_array_elements(report_findings.facts #> '{teams,rows}') AS t) AS o;
	RETURN COALESCE((SELECT jsonb_agg((f - 'rank') || jsonb_build_object('owner', CASE WHEN f -> 'scope' <> '{}' THEN COALESCE(CASE WHEN f -> 'scope' ? 'user_id' THEN owners ->> llm_cost.scope_text(jsonb_build_object('user_id', f -> 'scope' ->> 'user_id')) END,
							owners ->> llm_cost.scope_text((f -> 'scope') - 'user_id')) END)
						ORDER BY (f ->> 'weekly_usd')::numeric DESC NULLS LAST, f ->> 'fingerprint')
					 FROM unnest(made) AS f), '[]');
END
$$;
COMMENT ON FUNCTION llm_cost.report_findings(jsonb, text, text, text, tstzrange, text, text) IS
	'The findings of a report, dearest first, from the rows of the analyses: the candidates of finding_candidates(), of which those of one cause are one finding with the others as evidence.';
