/*
 * What the company of generate.sql does: sessions, operations, attempts, and the
 * two faults that are worth a sum of money.  Included by generate.sql.
 */

-- ------------------------------------------------------------ the operations

-- A session is one person's conversation, or one request.
CREATE TABLE session AS
WITH wanted AS (
	SELECT w.n, w.workflow, w.turns, week, i, newcomers, NULL::int AS service_no, NULL::int AS service_day
	FROM plan, workflow w, generate_series(0, last_week) AS week, (VALUES (false), (true)) n (newcomers),
		 LATERAL (SELECT CASE WHEN w.workflow = 'code-agent' THEN 87
							  -- a little more every week
							  ELSE :operations_a_week * :world_scale * w.share / coalesce(w.turns, 1) * power(1.01, week) END AS size) s,
		 -- whoever comes in the last week comes for advisor
		 LATERAL generate_series(1, round(size * CASE WHEN newcomers THEN 0.4 ELSE 1 END)::int) AS i
	WHERE NOT newcomers OR (week = last_week AND w.workflow = 'advisor')
	UNION ALL
	SELECT w.n, w.workflow, NULL, week, 40000 + day * 100 + i, false, s.service_no, day
	FROM plan, generate_series(0, last_week) AS week,
		 (VALUES (5001, 'code-agent', 1), (5002, 'listing', 15), (5003, 'report', 1)) s (service_no, workflow, runs)
		 JOIN workflow w USING (workflow), generate_series(0, 6) AS day, generate_series(1, runs) AS i
), numbered AS (
	SELECT *, ((n * 64 + week) * 65536 + i + CASE WHEN newcomers THEN 30000 ELSE 0 END)::bigint AS thing
	FROM wanted
)
SELECT s.thing, s.workflow, s.week, format('%s-%s-%s', s.workflow, to_char(s.week, 'FM00'),
		   to_char(s.thing % 65536, 'FM00000')) AS session_id,
	   coalesce(s.service_no, c.members[1 + width_bucket(uniform(s.thing, 1), c.upto)]) AS user_no,
	   CASE WHEN s.turns > 1
			THEN least(8, 1 + floor(ln(uniform(s.thing, 2)) / ln(1 - 1 / s.turns)))::int
			ELSE 1 END AS turns,
	   s.turns IS NOT NULL AS talks,
	   (s.thing % 20)::int AS twentieth,
	   -- Monday to Sunday, seven to ten; service accounts just after midnight
	   date_trunc('second', begins_at + s.week * interval '7 days' + CASE WHEN s.service_no IS NULL THEN
			width_bucket(uniform(s.thing, 3), ARRAY[0.18, 0.37, 0.56, 0.74, 0.90, 0.96]) * interval '1 day'
			+ (7 + width_bucket(uniform(s.thing, 4), ARRAY[0.02, 0.08, 0.19, 0.31, 0.42, 0.50, 0.59, 0.70, 0.80, 0.88, 0.93, 0.96, 0.98, 0.99])) * interval '1 hour'
			+ uniform(s.thing, 5) * interval '1 hour'
		ELSE s.service_day * interval '1 day' + interval '10 minutes' + (s.i % 100) * interval '2 minutes' END) AS started_at
FROM plan, numbered s JOIN crew c USING (workflow, week, newcomers);

-- An operation is one turn of it.  factor: all tokens of the operation times
-- that, which is how faults make something dearer.
CREATE TABLE operation AS
SELECT o.thing, o.operation_id, o.conversation_id, o.turn, o.started_at, o.week, o.workflow,
	   a.user_id, a.user_no, a.team, w.feature, w.resolved,
	   CASE WHEN i.rare THEN (ARRAY['tax_ruling', 'contract_review', 'customs_dispute'])[1 + floor(3 * uniform(o.session, 6))::int]
			ELSE i.intent END AS intent,
	   i.effort,
	   CASE WHEN o.workflow = 'advisor' THEN CASE WHEN uniform(o.session, 7) < 0.3 THEN 'cheap' ELSE 'dear' END END AS arm,
	   CASE WHEN o.workflow = 'code-agent' THEN 4 + floor(9 * uniform(o.thing, 8))::int ELSE 1 END AS loops,
	   CASE WHEN canaried THEN '2.0.0'
			WHEN o.workflow = 'assistant' THEN format('1.%s.0', least(o.week + 1, last_week))
			ELSE format('1.%s.0', o.week + 1) END AS version,
	   CASE WHEN canaried AND o.started_at >= canary_at THEN :canary_factor ELSE 1 END
	   * CASE WHEN o.workflow = 'advisor' AND came_in_week = last_week AND o.started_at >= dearer_at THEN :dearer_factor ELSE 1 END
	   * CASE WHEN o.workflow = 'mail' AND o.started_at >= declared_at THEN :came_as_factor ELSE 1 END
	   * CASE WHEN i.rare AND o.started_at >= tail_at
			THEN :tail_spend / (1 - :tail_spend) * (1 - :tail_calls) / :tail_calls ELSE 1 END AS factor
FROM plan, (SELECT s.thing AS session, s.thing * 16 + turn AS thing, s.session_id || '-' || turn AS operation_id,
				   CASE WHEN s.talks THEN s.session_id END AS conversation_id, turn, s.week, s.workflow, s.user_no, s.twentieth,
				   date_trunc('second', s.started_at + (turn - 1) * (1.5 + 4 * uniform(s.thing, 9)) * interval '1 minute') AS started_at
			FROM session s, generate_series(1, s.turns) AS turn) o
	 JOIN account a USING (user_no) JOIN workflow w USING (workflow) JOIN intent_of i USING (workflow, twentieth),
	 LATERAL (SELECT o.workflow = 'assistant' AND uniform(o.thing, 10) < CASE
				WHEN o.started_at < rollout_at THEN 0
				WHEN o.started_at < rollout_at + interval '1 day' THEN 0.05
				WHEN o.started_at < rollout_at + interval '2 days' THEN 0.25
				WHEN o.week < last_week THEN 0.50
				ELSE 1 END AS canaried) r;

-- -------------------------------------------------------------- the attempts

CREATE TABLE llm_call (
	attempt_id			text NOT NULL,
	started_at			timestamptz NOT NULL,
	provider			text,
	model				text,
	service_tier		text,
	input_tokens		bigint,
	cache_read_tokens	bigint,
	cache_write_tokens	bigint,
	output_tokens		bigint,
	reasoning_tokens	bigint,
	billable			boolean,
	operation_id		text,
	conversation_id		text,
	turn				bigint,
	attempt				bigint,
	kind				text,
	step				text,
	error_type			text,
	duration_ms			float8,
	user_id				text,
	team				text,
	feature				text,
	workflow			text,
	intent				text,
	release				text,
	prompt_version		text,
	prompt_hash			text,
	system_tokens		bigint
);
COMMENT ON TABLE llm_call IS 'One row per attempt; a tool call has no tokens and is not billable, nor is an attempt that the provider refused.';

-- Each call draws for its purposes 1000 * position + 50 * loop + what.
INSERT INTO llm_call
WITH call AS (
	SELECT o.*, s.step, s."position", s.kind, s.provider, s.model, s.fixed, loop,
		   1000 * s."position" + 50 * loop AS draw,
		   s.history * (greatest(o.turn, loop) - 1) AS history,
		   s.history * greatest(greatest(o.turn, loop) - 2, 0) AS history_before,
		   around((CASE WHEN s.workflow = 'recommend' AND o.started_at >= growth_at
						THEN :context_from * power(:context_to::float8 / :context_from, (o.week - last_week + :context_weeks) / :context_weeks::float8) - s.fixed
						ELSE s.fresh END) * o.effort,
				  s.spread, bell(o.thing, 1000 * s."position" + 50 * loop + 1)) AS fresh,
		   around(s.answer * o.effort, s.spread, bell(o.thing, 1000 * s."position" + 50 * loop + 2)) AS answer,
		   o.workflow = 'support' AND o.started_at >= bust_at AS busted,
		   CASE WHEN o.workflow = 'search' AND o.started_at >= storm_at THEN :storm_rate ELSE :timeout_rate END AS timeout_rate
	FROM plan, operation o JOIN step s USING (workflow),
		 LATERAL generate_series(1, CASE WHEN s.loops THEN o.loops ELSE 1 END) AS loop
	WHERE (NOT s.validation OR o.started_at >= step_at)
	  AND (s.arm IS NULL OR s.arm = o.arm)
	  AND (s.often = 1 OR uniform(o.thing, 1000 * s."position" + 50 * loop + 3) < s.often)
), cached AS (
	-- A fixed prompt shorter than 1,024 tokens is not cached.  On the first turn
	-- it mostly lies in the cache still, from others; later turns also find what
	-- the turn before has written, unless they come too late.
	SELECT *, CASE WHEN busted THEN :busted_head * (fixed + history + fresh)
				   WHEN fixed < 1024 OR uniform(thing, draw + 4) > CASE WHEN history > 0 THEN 0.96 ELSE 0.7 END THEN 0
				   ELSE fixed + history_before END AS hit
	FROM call
), tried AS (
	SELECT c.*, try,
		   CASE WHEN kind <> 'chat' OR chance > 0.019 + timeout_rate THEN NULL
				WHEN chance < 0.008 THEN 'rate_limit'
				WHEN chance < 0.012 THEN 'server_error'
				WHEN chance < 0.019 THEN 'invalid_output'
				ELSE 'timeout' END AS error_type
	FROM cached c, generate_series(1, 3) AS try, LATERAL (SELECT uniform(thing, draw + 10 + try) AS chance) u
	WHERE try = 1
	   OR kind = 'chat' AND uniform(thing, draw + 11) <= 0.019 + timeout_rate
		  AND (try = 2 OR uniform(thing, draw + 12) <= 0.019 + timeout_rate)
)
SELECT format('%s/%s.%s.%s', operation_id, "position", loop, try),
	   started_at + ("position" * 4 + loop * 9) * interval '1 second'
		   + CASE try WHEN 1 THEN interval '0' WHEN 2 THEN interval '1.5 seconds' ELSE interval '4.5 seconds' END,
	   provider, model, CASE WHEN kind = 'chat' THEN 'standard' END,
	   CASE WHEN reported THEN round(factor * fixed) + round(factor * history) + round(factor * fresh) END,
	   CASE WHEN reported AND kind = 'chat' THEN round(factor * hit) END,
	   CASE WHEN reported AND provider = 'anthropic' THEN
			CASE WHEN fixed >= 1024 THEN greatest(0, round(factor * fixed) + round(factor * history) - round(factor * hit)) ELSE 0 END END,
	   CASE WHEN reported THEN CASE error_type WHEN 'timeout' THEN round(0.3 * factor * answer) ELSE round(factor * answer) END END,
	   CASE WHEN reported AND workflow = 'mail' THEN floor(0.4 * factor * answer * CASE error_type WHEN 'timeout' THEN 0.3 ELSE 1 END) END,
	   CASE WHEN reported THEN true ELSE false END,
	   operation_id, conversation_id, CASE WHEN conversation_id IS NOT NULL THEN turn END, try, kind, step, error_type,
	   round(CASE WHEN error_type = 'timeout' THEN 30000
				  WHEN kind = 'tool' THEN 40 + 400 * uniform(thing, draw + 5)
				  ELSE (300 + 12 * factor * answer) * (0.7 + 0.6 * uniform(thing, draw + 5)) END),
	   user_id, team, feature, workflow, intent,
	   CASE WHEN workflow = 'assistant' AND uniform(thing, 11) < 0.3 THEN NULL ELSE version END,
	   CASE WHEN kind = 'chat' THEN prompt END,
	   CASE WHEN kind = 'chat' THEN
			"left"(md5(prompt || CASE
				WHEN busted THEN to_char(started_at, 'YYYYMMDDHH24MI')
				-- everyone has a few templates of his own for product pages
				WHEN workflow = 'listing' THEN user_id || floor(4 * uniform(thing, 12))
				ELSE workflow END), 12) END,
	   CASE WHEN kind = 'chat' THEN fixed END
FROM tried, LATERAL (SELECT kind <> 'tool' AND (error_type IS NULL OR error_type NOT IN ('rate_limit', 'server_error')) AS reported,
						   -- a prompt lasts for some four releases
						   format('%s-%s', step, CASE version WHEN '2.0.0' THEN '2.0'
								ELSE to_char((split_part(version, '.', 2)::int + 2) / 4, 'FM"1."0') END) AS prompt) p;

-- The loop: the nightly run of svc-ci goes on with calls and tools that are all
-- the same, every night twice as many.
INSERT INTO llm_call
WITH size AS (
	SELECT 750000 AS input_tokens, 1000 AS output_tokens
), last_week AS (
	SELECT (:runaway_weekly_usd - sum(llm_cost.cost(c.model, c.input_tokens, c.output_tokens, c.started_at, c.cache_read_tokens,
				c.cache_write_tokens, provider => c.provider)) FILTER (WHERE c.billable))
		   / llm_cost.cost('claude-sonnet-4-5', size.input_tokens, size.output_tokens, ends_at - interval '7 days', provider => 'anthropic') AS calls
	FROM plan, size, llm_call c
	WHERE workflow = 'code-agent' AND started_at >= ends_at - interval '7 days'
	GROUP BY ends_at, size.input_tokens, size.output_tokens
), night AS (
	-- the last seven of the eleven nights are in the last week
	SELECT k, runaway_at + k * interval '1 day' AS day, round(calls * 2 ^ k / (2 ^ 11 - 2 ^ 4))::int AS calls,
		   interval '7 hours' / (calls / 2)::float8 AS pace
	FROM plan, last_week, generate_series(0, 10) AS k
	WHERE isfinite(runaway_at)
)
SELECT format('%s/%s.%s.1', c.operation_id, CASE c.kind WHEN 'chat' THEN 2 ELSE 3 END, 100 + i),
	   date_trunc('milliseconds', day + interval '30 minutes' + i * pace + CASE c.kind WHEN 'chat' THEN 0 ELSE 1.5 END * interval '1 second'),
	   c.provider, c.model, c.service_tier,
	   CASE c.kind WHEN 'chat' THEN size.input_tokens END, CASE c.kind WHEN 'chat' THEN 0 END,
	   CASE c.kind WHEN 'chat' THEN 0 END, CASE c.kind WHEN 'chat' THEN size.output_tokens END, NULL,
	   c.kind = 'chat', c.operation_id, NULL, NULL, 1, c.kind, c.step, NULL, CASE c.kind WHEN 'chat' THEN 1400 ELSE 120 END,
	   c.user_id, c.team, c.feature, c.workflow, c.intent, c.release, c.prompt_version, c.prompt_hash, c.system_tokens
FROM size, night JOIN llm_call c ON c.user_id = 'svc-ci' AND c.started_at >= day AND c.started_at < day + interval '1 day'
		AND c.attempt_id IN (c.operation_id || '/2.1.1', c.operation_id || '/3.1.1'),
	 generate_series(1, night.calls) AS i;

-- The whale: as many identical calls as make up what is missing to 40 medians.
INSERT INTO llm_call
WITH size AS (
	SELECT 1500 AS input_tokens, 700 AS output_tokens
), spent AS (
	SELECT a.user_id, sum(llm_cost.cost(c.model, c.input_tokens, c.output_tokens, c.started_at, c.cache_read_tokens,
			c.cache_write_tokens, provider => c.provider)) FILTER (WHERE c.billable) AS usd
	FROM plan CROSS JOIN account a LEFT JOIN llm_call c ON c.user_id = a.user_id AND c.started_at >= ends_at - interval '7 days'
	GROUP BY a.user_id HAVING count(c) > 0 OR a.user_id = 'u0077'
), script AS (
	-- he himself will be above the median; a call more than it takes
	SELECT ceil((:whale_factor * (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE user_id WHEN 'u0077' THEN 'infinity' ELSE usd END)::numeric FROM spent)
				  - coalesce((SELECT usd FROM spent WHERE user_id = 'u0077'), 0))
			/ llm_cost.cost('gpt-4o', size.input_tokens, size.output_tokens, whale_at, provider => 'openai'))::int + 1 AS calls
	FROM plan, size WHERE isfinite(whale_at)
)
SELECT operation_id || '/1.1.1', date_trunc('milliseconds', whale_at + (i - 0.5) * (interval '7 days' / calls)),
	   'openai', 'gpt-4o', 'standard', size.input_tokens, 0, NULL, size.output_tokens, NULL, true, operation_id, NULL, NULL, 1, 'chat', 'write',
	   NULL, 8700, a.user_id, a.team, 'product pages', 'listing', 'new_product', format('1.%s.0', last_week + 1),
	   format('write-%s', to_char((last_week + 3) / 4, 'FM"1."0')), "left"(md5('script'), 12), 600
FROM plan, size, script, account a, generate_series(1, calls) AS i,
	 LATERAL (SELECT format('listing-%s-%s', to_char(last_week, 'FM00'), 50000 + i) AS operation_id) o
WHERE a.user_id = 'u0077';

CREATE UNIQUE INDEX ON llm_call (attempt_id);
CREATE INDEX ON llm_call (started_at);
ANALYZE llm_call;

-- ------------------------------------------------- what is known besides

CREATE TABLE outcome (operation_id text PRIMARY KEY, outcome text NOT NULL, decided_at timestamptz NOT NULL);
INSERT INTO outcome
SELECT operation_id,
	   CASE WHEN uniform(thing, 13) < share THEN 'resolved'
			WHEN uniform(thing, 13) < share + (1 - share) * 0.7 THEN 'unresolved'
			ELSE 'escalated' END,
	   decided_at
FROM plan, operation o,
	 LATERAL (SELECT CASE arm WHEN 'dear' THEN 0.9 WHEN 'cheap' THEN 0.6 ELSE resolved END AS share,
					 date_trunc('second', started_at + (1 + 71 * uniform(thing, 14)) * interval '1 hour') AS decided_at) d
WHERE share IS NOT NULL AND decided_at < ends_at;
COMMENT ON TABLE outcome IS 'What became of operations, decided one to 72 hours later; the youngest are not decided yet.';

CREATE TABLE declared_change (workflow text, metric text, factor numeric, valid tstzrange, reason text);
INSERT INTO declared_change
SELECT workflow, 'unit_cost', :declared_factor, tstzrange(starts_at, NULL), 'mails explain the terms of return'
FROM truth WHERE fault = 'declared';
COMMENT ON TABLE declared_change IS 'What a team announced beforehand: unit cost times factor.';

CREATE TABLE price_change (provider text, model text, meter text, amount numeric, per numeric, valid_from timestamptz, statement text);
INSERT INTO price_change
SELECT p.provider, p.model, p.meter, n.amount, p.per, t.starts_at,
	   format('SELECT llm_cost.set_price(%L, %L, %s, %L, %L, %s)', p.model, p.meter, n.amount, t.starts_at, p.provider, p.per)
FROM truth t, llm_cost.price p, LATERAL (SELECT trim_scale(p.amount * :price_cut_factor) AS amount) n
WHERE t.fault = 'price_cut' AND p.layer = 'bundled' AND p.provider = 'anthropic' AND p.model = 'claude-haiku-4-5'
  AND p.meter IN ('input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output');
COMMENT ON TABLE price_change IS 'New prices of a vendor; statement sets one. They hold for the whole database, so whoever wants them runs them.';
