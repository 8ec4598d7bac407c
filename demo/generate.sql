/*
 * A web shop, its eleven uses of language models, and what goes wrong there.
 *
 *	psql -v faults='{cache_bust,whale}' -f demo/generate.sql
 *	\set size small
 *	\ir generate.sql
 *
 * makes a schema with
 *
 *	llm_call	one row per attempt in canonical columns: SELECT llm_cost.attach('shop.llm_call')
 *	outcome		operation_id, outcome, decided_at: known hours or days after the operation
 *	deploy		service, version, deployed_at; every workflow is a service of that name
 *	account		who uses it: user_id, team, when they came and went
 *	declared_change, price_change	what was announced, and by how much
 *	truth		what was planted: fault, workflow, starts_at, what, before, after, size
 *
 * psql variables, all optional:
 *
 *	schema		name of the schema to create (shop)
 *	faults		{} for the clean world, {all}, or an array of the names below ({})
 *	size		small: scale 0.4
 *	scale		1 is 300 people and some 210,000 attempts, 20 is as far as it goes; below
 *				0.4 there are still 120 people, and code-agent is as large at any scale
 *	last_monday	end of the data, exclusive, UTC (2026-06-29)
 *	weeks		how many weeks before that, at least 9 (13)
 *	seed		another company of the same kind (20260629)
 *
 * The company.  People of twelve teams use half of the workflows each, a few of
 * them a lot (activity falls with rank to the power 0.6), on weekdays more than
 * at weekends, by day more than by night.  Some come and go; some come in the
 * last week, above all for advisor.  Three service accounts work at night.
 * Every prompt has a fixed part that the provider caches, a history that grows
 * with the turn, and something new; sizes are lognormal.  Four classes of error,
 * two of them billed, lead to at most two retries.  A release train leaves every
 * Sunday at midnight and changes nothing that costs, and neither does the rollout
 * of assistant 2.0.0 from a Wednesday on; 30 % of assistant's operations do not
 * say their version.  Two models serve advisor side by side.
 *
 * The faults.  W is the last full week, from last_monday - 7 days.
 *
 *	cache_bust		a timestamp in the system prompt of support from W on: hit ratio 80 % to 4 %
 *	added_step		report validates from W on: 3 calls an operation become 7
 *	retry_storm		search's provider answers too slowly from Tuesday of W, 14:00, on:
 *					0.6 % of the attempts time out, then 25 %
 *	whale			from W on one person's script writes listings day and night, always with
 *					the same prompt: 40 x the median cost of a person in W
 *	long_tail		from W on three rare intents of documents fall through to the
 *					longest context: 5 % of the calls, 30 % of the spend
 *	context_growth	the prompt of recommend grows from 500 to 3,500 tokens in the
 *					last seven weeks, by the same factor every week
 *	runaway			from the 11th day before the end the nightly run of code-agent does
 *					not stop till morning, every night twice as long: the calls
 *					are all the same, and $127 a week become $47,000 in W
 *	canary			assistant 2.0.0 costs 20 % more: 5 % of the operations from Wednesday
 *					before W, 10:00, 25 % from Thursday, 50 % from Friday, all from W on.
 *					The gateway before all services is deployed the same Wednesday.
 *	dearer_users	who came in W sends advisor 2.5 times as much
 *	declared		mail writes longer from W on: announced as +10 %, it came as +25 %
 *	price_cut		the vendor takes 20 % off claude-haiku-4-5, which translate uses, from
 *					Wednesday of W on.  The rows stay as they are; price_change has
 *					the statements that change the price.
 *
 * A fault changes what it names and nothing else: people, operations and all
 * random numbers are those of the clean world, no row is lost, and each fault has
 * a workflow to itself.  Random numbers are hashes of seed, thing and purpose, so
 * the data are the same on every machine and PostgreSQL, whatever the plan.
 * (Sizes pass through exp() and are rounded; the last bit of libm could move one
 * token in some million worlds.)  Two faults ask for money, and so for prices:
 * how often the whale calls and the loop runs follows from llm_cost.cost() at the
 * time of generation.
 */
\if :{?schema} \else \set schema shop \endif
\if :{?faults} \else \set faults {} \endif
\if :{?seed} \else \set seed 20260629 \endif
\if :{?weeks} \else \set weeks 13 \endif
\if :{?last_monday} \else \set last_monday 2026-06-29 \endif
\if :{?size} \else \set size normal \endif
\if :{?scale}
\set world_scale :scale
\else
SELECT CASE :'size' WHEN 'small' THEN 0.4 ELSE 1 END AS world_scale \gset
\endif

-- How large the faults are.  What is written here is what happens.
\set operations_a_week 8000
\set busted_head 0.04
\set timeout_rate 0.006
\set storm_rate 0.25
\set whale_factor 40
\set tail_calls 0.05
\set tail_spend 0.30
\set context_from 500
\set context_to 3500
\set context_weeks 7
\set agent_weekly_usd 127
\set runaway_weekly_usd 47000
\set canary_factor 1.20
\set dearer_factor 2.5
\set declared_factor 1.10
\set came_as_factor 1.25
\set price_cut_factor 0.80

BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';
SET LOCAL client_min_messages = warning;
CREATE SCHEMA :"schema";
SET LOCAL search_path = :"schema";

-- ------------------------------------------------------------------ chance

-- Uniform in (0, 1).  Things are numbered below 2^32, which is what a hash of
-- an integer tells apart; the purpose keeps one thing's draws independent.
CREATE FUNCTION uniform(thing bigint, purpose bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((hashint8extended(thing, hashint8extended(purpose, :seed)) & 4503599627370495) + 0.5::float8) / 4503599627370496;

-- Standard normal.
CREATE FUNCTION bell(thing bigint, purpose bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sqrt(-2 * ln(uniform(thing, purpose))) * cos(2 * pi() * uniform(thing, -purpose));

-- Lognormal with that mean.
CREATE FUNCTION around(mean float8, spread float8, bell float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN mean * exp(spread * bell - spread * spread / 2);

-- ---------------------------------------------------- what is planted, and when

CREATE TABLE truth (
	fault		text,
	workflow	text,
	starts_at	timestamptz,
	metric		text,
	before		numeric,
	after		numeric,
	size		numeric GENERATED ALWAYS AS (round(after / before, 4)) STORED,
	what		text
);
COMMENT ON TABLE truth IS 'What was planted, computed from the parameters of the generator and not from what it made: size is after / before.';
INSERT INTO truth (fault, workflow, starts_at, metric, before, after, what)
SELECT t.*
FROM (SELECT :'last_monday'::timestamptz - interval '7 days' AS w) AS last_week,
	LATERAL (VALUES
	('cache_bust', 'support', w, 'hit_ratio', 0.80, :busted_head,
		'a timestamp in the system prompt leaves nothing but its head to the cache'),
	('added_step', 'report', w, 'calls_per_operation', 3, 7,
		'four validation steps: validate_numbers, validate_sources, validate_policy, validate_tone'),
	('retry_storm', 'search', w + interval '1 day 14 hours', 'timeouts_per_attempt', :timeout_rate, :storm_rate,
		'the provider of step answer lets attempts time out; the prompt is billed each time'),
	('whale', 'listing', w, 'cost_of_one_user_to_median_user', 1, :whale_factor,
		'user u0077 runs a script day and night, with one and the same prompt'),
	('long_tail', 'documents', w, 'share_of_spend_of_rare_intents', :tail_calls, :tail_spend,
		'tax_ruling, contract_review and customs_dispute are 5 % of the calls and fall through to the longest context'),
	('context_growth', 'recommend', w - (:context_weeks - 1) * interval '7 days', 'input_tokens_per_call', :context_from, :context_to,
		'the basket history in the prompt is never cut'),
	('runaway', 'code-agent', w - interval '4 days', 'usd_a_week', :agent_weekly_usd, :runaway_weekly_usd,
		'the nightly run of svc-ci repeats one call and one tool thousands of times until morning'),
	('canary', 'assistant', w - interval '4 days 14 hours', 'cost_per_operation', 1, :canary_factor,
		'release 2.0.0 of assistant at 5 %, 25 %, 50 %, then 100 % of the operations'),
	('dearer_users', 'advisor', w, 'cost_per_operation_of_new_users', 1, :dearer_factor,
		'who came in the last week sends and gets more'),
	('declared', 'mail', w, 'cost_per_operation', 1, :came_as_factor,
		'longer mails, announced as +10 %'),
	('price_cut', 'translate', w + interval '2 days', 'price', 1, :price_cut_factor,
		'the vendor takes 20 % off claude-haiku-4-5')
) AS t (fault, workflow, starts_at, metric, before, after, what);

CREATE FUNCTION check_faults(VARIADIC faults text[]) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	unknown_fault text;
BEGIN
	SELECT f INTO unknown_fault FROM unnest(faults) AS f
	WHERE f <> 'all' AND f NOT IN (SELECT fault FROM truth);
	IF FOUND THEN
		RAISE EXCEPTION 'unknown fault "%"', unknown_fault
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Faults: ' || (SELECT string_agg(fault, ', ') FROM truth) || ', or all.';
	END IF;
END
$$;
SELECT check_faults(VARIADIC :'faults'::text[]) \g /dev/null
DROP FUNCTION check_faults;
DELETE FROM truth WHERE fault <> ALL (:'faults'::text[]) AND 'all' <> ALL (:'faults'::text[]);

-- When each fault begins; infinity: never.  And the calendar.
CREATE TABLE plan AS
SELECT :'last_monday'::timestamptz AS ends_at,
	   :'last_monday'::timestamptz - :weeks * interval '7 days' AS begins_at,
	   :weeks - 1 AS last_week,
	   -- the rollout happens in the clean world too
	   :'last_monday'::timestamptz - interval '11 days 14 hours' AS rollout_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'cache_bust'), 'infinity') AS bust_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'added_step'), 'infinity') AS step_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'retry_storm'), 'infinity') AS storm_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'whale'), 'infinity') AS whale_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'long_tail'), 'infinity') AS tail_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'context_growth'), 'infinity') AS growth_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'runaway'), 'infinity') AS runaway_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'canary'), 'infinity') AS canary_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'dearer_users'), 'infinity') AS dearer_at,
	   coalesce(min(starts_at) FILTER (WHERE fault = 'declared'), 'infinity') AS declared_at
FROM truth;

-- ------------------------------------------------------------- the workflows

-- turns: mean length of a conversation, NULL where there is none.
-- resolved: share of operations with that outcome, NULL where nobody decides.
CREATE TABLE workflow (n int, workflow text PRIMARY KEY, share float8, turns float8, resolved float8, feature text);
INSERT INTO workflow VALUES
	( 1, 'search',		0.16, NULL, NULL, 'shop search'),
	( 2, 'support',		0.14, 3,	0.82, 'help centre'),
	( 3, 'assistant',	0.14, 3,	0.78, 'shopping assistant'),
	( 4, 'recommend',	0.10, NULL, NULL, 'you may also like'),
	( 5, 'listing',		0.08, NULL, NULL, 'product pages'),
	( 6, 'translate',	0.08, NULL, NULL, 'product pages'),
	( 7, 'documents',	0.09, NULL, 0.86, 'back office'),
	( 8, 'report',		0.06, NULL, 0.90, 'back office'),
	( 9, 'advisor',		0.07, NULL, NULL, 'gift advisor'),
	(10, 'mail',		0.08, NULL, NULL, 'help centre'),
	-- as many runs at every scale
	(11, 'code-agent',	NULL, NULL, 0.70, 'engineering');

-- One row per call that an operation makes, in order.  Tokens: the fixed
-- prompt, what each further turn (or loop) adds to the history, what is new
-- in the mean, and the answer.  often: share of operations that take the step.
CREATE TABLE step (
	workflow text, "position" int, step text, kind text, provider text, model text,
	fixed int, history int, fresh int, answer int, spread float8, often float8 DEFAULT 1,
	loops boolean DEFAULT false, validation boolean DEFAULT false, arm text
);
INSERT INTO step VALUES
	('search', 1, 'embed', 'embedding', 'openai', 'text-embedding-3-small', 0, 0, 14, 0, 0.4),
	('search', 2, 'vector_query', 'tool', NULL, NULL, 0, 0, 0, 0, 0),
	('search', 3, 'answer', 'chat', 'openai', 'gpt-4o', 1500, 0, 5500, 260, 0.5),
	('support', 1, 'order_lookup', 'tool', NULL, NULL, 0, 0, 0, 0, 0),
	('support', 2, 'answer', 'chat', 'anthropic', 'claude-sonnet-4-5', 24000, 1500, 1400, 700, 0.5),
	('assistant', 1, 'answer', 'chat', 'openai', 'gpt-4o', 6000, 1500, 1500, 500, 0.5),
	('assistant', 2, 'stock_lookup', 'tool', NULL, NULL, 0, 0, 0, 0, 0),
	('recommend', 1, 'rank', 'chat', 'openai', 'gpt-4o', 150, 0, 350, 120, 0.4),
	('listing', 1, 'write', 'chat', 'openai', 'gpt-4o', 600, 0, 900, 700, 0.4),
	('translate', 1, 'translate', 'chat', 'anthropic', 'claude-haiku-4-5', 500, 0, 1500, 1700, 0.6),
	('documents', 1, 'retrieve', 'tool', NULL, NULL, 0, 0, 0, 0, 0),
	('documents', 2, 'answer', 'chat', 'openai', 'gpt-4.1', 2000, 0, 10000, 700, 0.3),
	('report', 1, 'plan', 'chat', 'openai', 'gpt-4o', 2000, 0, 9000, 1200, 0.4),
	('report', 2, 'draft', 'chat', 'openai', 'gpt-4o', 2000, 0, 9000, 1200, 0.4),
	('report', 3, 'finish', 'chat', 'openai', 'gpt-4o', 2000, 0, 9000, 1200, 0.4),
	('report', 4, 'validate_numbers', 'chat', 'openai', 'gpt-4o', 2000, 0, 9000, 1200, 0.4),
	('report', 5, 'validate_sources', 'chat', 'openai', 'gpt-4o', 2000, 0, 9000, 1200, 0.4),
	('report', 6, 'validate_policy', 'chat', 'openai', 'gpt-4o', 2000, 0, 9000, 1200, 0.4),
	('report', 7, 'validate_tone', 'chat', 'openai', 'gpt-4o', 2000, 0, 9000, 1200, 0.4),
	-- two models side by side: the cheap one resolves 60 %, the dear one 90 %
	('advisor', 1, 'answer', 'chat', 'openai', 'gpt-4o', 2000, 0, 6000, 1000, 0.4),
	('advisor', 1, 'answer', 'chat', 'openai', 'gpt-4o-mini', 2000, 0, 6000, 1000, 0.4),
	('mail', 1, 'write', 'chat', 'openai', 'gpt-5', 1500, 0, 2500, 1100, 0.4),
	('code-agent', 1, 'plan', 'chat', 'anthropic', 'claude-sonnet-4-5', 32000, 0, 6000, 3000, 0.3),
	('code-agent', 2, 'act', 'chat', 'anthropic', 'claude-sonnet-4-5', 32000, 13500, 4000, 3500, 0.3),
	('code-agent', 3, 'run_tests', 'tool', NULL, NULL, 0, 0, 0, 0, 0),
	('code-agent', 4, 'summarise', 'chat', 'anthropic', 'claude-sonnet-4-5', 32000, 0, 6000, 2500, 0.3);
UPDATE step SET often = 0.5 WHERE step IN ('order_lookup', 'stock_lookup');
UPDATE step SET loops = true WHERE step IN ('act', 'run_tests');
UPDATE step SET validation = true WHERE step LIKE 'validate%';
UPDATE step SET arm = CASE model WHEN 'gpt-4o' THEN 'dear' ELSE 'cheap' END WHERE workflow = 'advisor';

-- Every twentieth of a workflow's operations has the same intent, so shares are
-- exact.  effort multiplies what is new and the answer.
CREATE TABLE intent (workflow text, intent text, twentieths int, effort float8);
INSERT INTO intent VALUES
	('search', 'find_product', 13, 1), ('search', 'compare', 5, 1), ('search', 'find_spare_part', 2, 1),
	('support', 'order_status', 9, 0.8), ('support', 'return', 6, 1), ('support', 'complaint', 4, 1.3), ('support', 'fraud', 1, 1.5),
	('assistant', 'browse', 11, 0.9), ('assistant', 'gift', 5, 1.1), ('assistant', 'size_advice', 4, 1.2),
	('recommend', 'basket', 12, 1), ('recommend', 'home_page', 8, 1),
	('listing', 'new_product', 15, 1), ('listing', 'rewrite', 5, 1),
	('translate', 'german', 8, 1), ('translate', 'french', 7, 1), ('translate', 'polish', 5, 1),
	('documents', 'invoice_question', 10, 1), ('documents', 'supplier_terms', 9, 1),
	('documents', 'rare', 1, 1),
	('report', 'sales', 14, 1), ('report', 'stock', 6, 1),
	('advisor', 'birthday', 12, 1), ('advisor', 'wedding', 8, 1),
	('mail', 'answer', 16, 1), ('mail', 'apology', 4, 1),
	('code-agent', 'fix', 11, 1), ('code-agent', 'upgrade', 9, 1);
CREATE TABLE intent_of AS
SELECT workflow, row_number() OVER (PARTITION BY workflow ORDER BY intent COLLATE "C") - 1 AS twentieth, intent, effort, intent = 'rare' AS rare
FROM intent, generate_series(1, twentieths);

-- ------------------------------------------------------------------ the people

CREATE TABLE account AS
SELECT format('u%s', to_char(no, 'FM0000')) AS user_id, no::int AS user_no,
	   (ARRAY['sales', 'support', 'logistics', 'finance', 'legal', 'marketing', 'purchasing', 'returns',
			  'platform', 'mobile', 'data', 'stores'])[1 + floor(12 * uniform(no, 10))::int] AS team,
	   power(no, -0.6) AS activity,
	   -- the busiest and the one who will be the whale stay; of the others
	   -- 8 % come in the last week, 10 % earlier, and 6 % go
	   CASE WHEN no <= 20 OR no = 77 THEN 0
			WHEN uniform(no, 11) < 0.08 THEN last_week
			WHEN uniform(no, 11) < 0.18 THEN 1 + floor(uniform(no, 12) * (last_week - 1))::int
			ELSE 0 END AS came_in_week,
	   CASE WHEN no > 20 AND no <> 77 AND uniform(no, 11) > 0.94
			THEN 3 + floor(uniform(no, 12) * (last_week - 3))::int END AS left_in_week,
	   -- who has code-agent
	   no % greatest(1, people / 40) = 0 AND no <> 77 AS engineer,
	   false AS service
FROM plan, (SELECT greatest(120, round(300 * :world_scale))::int AS people) p, generate_series(1, people) AS no
UNION ALL
SELECT user_id, user_no, team, 0, 0, NULL, false, true
FROM (VALUES ('svc-ci', 5001, 'platform'), ('svc-feed', 5002, 'stores'), ('svc-report', 5003, 'finance')) s (user_id, user_no, team);
COMMENT ON TABLE account IS 'Users of the shop''s workflows; user_no is their rank of activity, service their being no person.';

-- Who may be drawn, and how often, by workflow and week.
CREATE TABLE crew AS
SELECT workflow, week, newcomers, array_agg(user_no ORDER BY user_no) AS members,
	   array_agg(upto / total ORDER BY user_no) AS upto
FROM (SELECT *, max(upto) OVER (PARTITION BY workflow, week, newcomers) AS total
	  FROM (SELECT w.workflow, week, newcomers, user_no,
				   sum(CASE w.workflow WHEN 'code-agent' THEN 1 ELSE activity END)
					   OVER (PARTITION BY w.workflow, week, newcomers ORDER BY user_no) AS upto
			FROM plan, workflow w, account a, generate_series(0, last_week) AS week,
				 (VALUES (false), (true)) n (newcomers)
			WHERE NOT service AND came_in_week <= week AND (left_in_week IS NULL OR week < left_in_week)
			  AND CASE WHEN newcomers THEN came_in_week = last_week
					   WHEN w.workflow = 'code-agent' THEN engineer
					   ELSE uniform(user_no, 20 + w.n) < 0.5 END) q) q
GROUP BY workflow, week, newcomers;

-- -------------------------------------------------------------- the releases

CREATE TABLE deploy AS
SELECT workflow AS service, format('1.%s.0', week + 1) AS version, begins_at + week * interval '7 days' AS deployed_at,
	   'release train' AS note
FROM plan, workflow, generate_series(0, last_week) AS week
WHERE NOT (workflow = 'assistant' AND week = last_week)
UNION ALL
SELECT 'assistant', '2.0.0', rollout_at, 'rollout 5 %, 25 %, 50 %, 100 %' FROM plan
UNION ALL
SELECT 'gateway', '3.2.0', rollout_at + interval '5 hours', 'log format' FROM plan;
COMMENT ON TABLE deploy IS 'What was deployed when; a service is a workflow, or the gateway before all of them.';

\ir generate_calls.sql

DROP TABLE plan, workflow, step, intent, intent_of, crew, session, operation;
DROP FUNCTION around, bell, uniform;
COMMIT;
