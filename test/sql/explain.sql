--
-- explain() and distribution_shift(): a bridge against plain SQL, who is new
-- or lost, what cannot be told, bad input.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_explain;
RESET client_min_messages;
SET search_path = regress_explain, public;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
\set SHOW_CONTEXT never

-- The parts of a cost add up to it, whatever is priced and however.
SELECT count(*) FROM (VALUES ('input', 2.0), ('cache_read', 0.2), ('cache_write_5m', 2.5), ('cache_write_1h', 4.0), ('output', 10.0), ('web_search', 10000.0), ('input_audio', 40.0)) AS p (meter, amount),
	LATERAL llm_cost.set_price('regress-explain', meter, amount, '2026-01-01', 'regress');
SELECT (p).*, (p).input + (p).cache_read + (p).cache_write_5m + (p).cache_write_1h + (p).output + (p).other = c AS adds_up
FROM (VALUES (NULL::jsonb), ('{"web_search": 3, "input_audio": 40, "output_image": 7}')) AS v (meters),
	 LATERAL (SELECT llm_cost.cost_parts('regress-explain', 1000, 500, '2026-06-01', 300, 200, 50, 20, meters) AS p,
		llm_cost.cost('regress-explain', 1000, 500, '2026-06-01', 300, 200, 50, 20, meters) AS c) AS q;
SELECT llm_cost.cost_parts('no such model', 1000, 500, '2026-06-01') IS NULL AS unknown_model,
	   llm_cost.cost_parts('regress-explain', NULL, NULL, '2026-06-01') IS NULL AS usage_missing,
	   llm_cost.cost_parts('regress-explain', 1000, 500, '2026-06-01', meters => '{"gpu_hour": 1}') IS NULL AS no_price;
SELECT count(*) AS models, count(DISTINCT p IS NULL) AS kinds, bool_and((p).input + (p).cache_read + (p).cache_write_5m + (p).cache_write_1h + (p).output + (p).other IS NOT DISTINCT FROM c) AS all_add_up
FROM (SELECT DISTINCT provider, model FROM llm_cost.price) AS m,
	 LATERAL (SELECT llm_cost.cost_parts(model, 300001, 5000, '2026-06-01', 100000, 50000, 20000, 100, provider => provider) AS p,
		llm_cost.cost(model, 300001, 5000, '2026-06-01', 100000, 50000, 20000, 100, provider => provider) AS c) AS q;

-- The bridge.  Fourteen people, five weeks, two workflows.  In the last week the price of input
-- falls by a fifth on Wednesday, chat loses its cache, mail writes longer by a quarter
-- (announced was a tenth), two dear people come, one has gone.
CREATE TABLE call (
	started_at timestamptz, model text, input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, cache_write_1h_tokens bigint, output_tokens bigint,
	operation_id text, user_id text, workflow text, error_type text, attempt int);
INSERT INTO call
SELECT '2026-05-25'::timestamptz + make_interval(weeks => w, days => o % 7, hours => u % 20, mins => o), 'regress-explain', s.input, s.read, s.written, s.written / 2, s.output,
	   format('%s-%s-%s-%s', flow, w, u, o), 'u' || u, flow, NULL, 1
FROM generate_series(0, 4) AS w, generate_series(1, 16) AS u, generate_series(1, 9) AS o, (VALUES ('chat'), ('mail')) AS f (flow),
	 LATERAL (SELECT CASE WHEN w = 4 AND u > 14 THEN 9000 ELSE 3000 END + 37 * u + 100 * ((u * 7 + o * 3 + w) % 5) AS input,
		CASE WHEN flow = 'mail' OR w = 4 THEN 0 ELSE 2000 END AS read, CASE WHEN flow = 'mail' THEN 0 WHEN w = 4 THEN 1000 ELSE 200 END AS written,
		CASE WHEN flow = 'mail' AND w = 4 THEN 500 WHEN flow = 'mail' THEN 400 ELSE 150 END + 10 * (u % 3) AS output) AS s
WHERE CASE WHEN u > 14 THEN w = 4 WHEN u = 14 THEN w < 4 ELSE o <= 7 + (u + w) % 3 END;
SELECT count(*) FROM llm_cost.set_price('regress-explain', 'input', 1.6, '2026-06-24', 'regress');
SELECT llm_cost.attach('call', mapping => '{"tags": null}');
CREATE TABLE bridge AS SELECT * FROM llm_cost.explain('[2026-06-22, 2026-06-29)', by => '{workflow}', usage => 'call_usage');
SELECT effect, amount_usd, share, detail FROM bridge;
SELECT sum(amount_usd) FILTER (WHERE effect <> 'total') = sum(amount_usd) FILTER (WHERE effect = 'total') AS adds_up,
	   sum(amount_usd) FILTER (WHERE effect = 'total') = (SELECT sum(change_usd) FROM llm_cost.overview('call_usage', '[2026-06-22, 2026-06-29)', by => '{workflow}')) AS as_overview,
	   bool_and(low_usd <= amount_usd AND amount_usd <= high_usd) AS inside
FROM bridge;

-- The same by hand: one model and one call an operation leave workflows, tokens, cache and answers.
CREATE FUNCTION log_mean(a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN CASE WHEN a = b THEN a ELSE (a - b) / ln(a / b) END;
CREATE VIEW by_hand AS
WITH priced AS (
	SELECT c.*, started_at >= '2026-06-22' AS now, CASE WHEN user_id IN ('u15', 'u16') THEN 'new' WHEN user_id = 'u14' THEN 'lost' ELSE 'known' END AS who,
		   ((input_tokens - cache_read_tokens - cache_write_tokens) * 2.0 + cache_read_tokens * 0.2 + (cache_write_tokens - cache_write_1h_tokens) * 2.5 + cache_write_1h_tokens * 4 + output_tokens * 10) / 1e6 AS reference,
		   ((input_tokens - cache_read_tokens - cache_write_tokens) * CASE WHEN started_at >= '2026-06-24' THEN 1.6 ELSE 2 END
			+ cache_read_tokens * 0.2 + (cache_write_tokens - cache_write_1h_tokens) * 2.5 + cache_write_1h_tokens * 4 + output_tokens * 10) / 1e6 AS cost
	FROM call c
), flow AS (
	SELECT workflow, now, count(*) / max(k) AS n, sum(input_tokens) / max(k) AS t, sum(cache_read_tokens) / max(k) AS r, sum(cache_write_tokens - cache_write_1h_tokens) / max(k) AS w5,
		   sum(cache_write_1h_tokens) / max(k) AS w1, sum(output_tokens) * 1e-5 / max(k) AS o, sum(reference)::float8 / max(k) AS c
	FROM priced, LATERAL (SELECT CASE WHEN now THEN 1.0 ELSE 4.0 END::float8 AS k) AS k WHERE who = 'known' GROUP BY 1, 2
), sides AS (
	SELECT a.workflow, a.n AS n1, b.n AS n0, a.c / a.n AS u1, b.c / b.n AS u0, (a.c - a.o) / a.n AS i1, (b.c - b.o) / b.n AS i0, a.o / a.n AS o1, b.o / b.n AS o0,
		   a.t / a.n AS t1, b.t / b.n AS t0, a.r / a.t - b.r / b.t AS read, a.w5 / a.t - b.w5 / b.t AS w5, a.w1 / a.t - b.w1 / b.t AS w1,
		   sum(a.n) OVER () AS nn1, sum(b.n) OVER () AS nn0, sum(a.c) OVER () AS c1, sum(b.c) OVER () AS c0
	FROM flow a JOIN flow b USING (workflow) WHERE a.now AND NOT b.now
), opened AS (
	SELECT *, log_mean(c1, c0) / log_mean(c1 / nn1, c0 / nn0) AS scale, (n1 / nn1 + n0 / nn0) / 2 AS share, n1 / nn1 - n0 / nn0 AS moved FROM sides
), effects AS (
	SELECT max(log_mean(c1, c0) * ln(nn1 / nn0)) AS volume, sum(scale * ((u1 + u0) / 2 - (c1 / nn1 + c0 / nn0) / 2) * moved) AS mix,
		   sum(scale * share * log_mean(i1, i0) * ln(t1 / t0)) AS input_tokens, sum(scale * share * (o1 - o0)) AS output,
		   sum(scale * share * log_mean(i1, i0) / log_mean(i1 / t1, i0 / t0) * (read * (0.2 - 2) + w5 * (2.5 - 2) + w1 * (4 - 2)) / 1e6) AS cache
	FROM opened
), exact AS (
	SELECT sum(cost) FILTER (WHERE now) - sum(cost) FILTER (WHERE NOT now) / 4 AS change, sum(cost - reference) FILTER (WHERE now) AS price,
		   sum(reference) FILTER (WHERE now AND who = 'new') AS new, -sum(reference) FILTER (WHERE NOT now AND who = 'lost') / 4 AS lost FROM priced
)
SELECT v.effect, v.amount FROM effects e, exact x, LATERAL (VALUES
	('volume', e.volume), ('new_users', x.new), ('lost_users', x.lost), ('price', x.price), ('intent_mix', e.mix), ('input_tokens', e.input_tokens),
	('output', e.output), ('cache', e.cache), ('total', x.change)) AS v (effect, amount);
SELECT effect, round(h.amount::numeric, 6) AS by_hand, abs(b.amount_usd - h.amount) < 0.000002 AS to_the_cent FROM by_hand h LEFT JOIN bridge b USING (effect);
SELECT count(*) AS nothing_else FROM bridge WHERE effect NOT IN (SELECT effect FROM by_hand) AND abs(amount_usd) > 0.000002;

-- Rows in another order: the same to the last digit, intervals included.
CREATE TABLE shuffled AS SELECT * FROM call ORDER BY md5(call::text);
TRUNCATE call;
INSERT INTO call SELECT * FROM shuffled;
SELECT count(*) AS rows, count(*) FILTER (WHERE b = e) AS same FROM bridge b JOIN llm_cost.explain('[2026-06-22, 2026-06-29)', by => '{workflow}', usage => 'call_usage') e USING (effect);

-- A user who comes every other week is neither new nor lost; one who stays away longer than ever is.
CREATE TABLE visit AS
SELECT '2026-03-30'::timestamptz + make_interval(weeks => w, hours => u) AS started_at, 'regress-explain' AS model, 1000 AS input_tokens, 100 AS output_tokens, v.user_id
FROM generate_series(0, 12) AS w, generate_series(1, 3) AS u,
	 LATERAL (VALUES ('always', true), ('odd weeks', w % 2 = 1), ('even weeks', w % 2 = 0), ('once a month', w IN (1, 5, 9)), ('left', w < 10), ('came', w = 12), ('came back', w IN (2, 12)), ('came and went', w IN (9, 10))) AS v (user_id, here)
WHERE here;
SELECT effect, amount_usd, regexp_replace(detail, ';.*', '') AS detail, substring(detail, '; (.*)') AS who FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'visit') WHERE effect IN ('volume', 'new_users', 'lost_users', 'total');
-- What the two lost ones spent in the mean week of the baseline.
SELECT user_id, count(*) FILTER (WHERE started_at >= '2026-05-25' AND started_at < '2026-06-22') / 4.0 * llm_cost.cost('regress-explain', 1000, 100, '2026-06-22') AS before FROM visit WHERE user_id IN ('left', 'came and went') GROUP BY 1 ORDER BY 1;

-- What is not reported is no zero.
SELECT effect, amount_usd, detail FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'visit') WHERE amount_usd IS NULL;
CREATE VIEW nobody AS SELECT started_at, model, input_tokens, output_tokens, operation_id FROM call;
SELECT effect, amount_usd IS NULL AS absent, low_usd, detail FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'nobody') WHERE effect IN ('volume', 'new_users', 'lost_users', 'intent_mix', 'calls', 'retries', 'cache', 'total');
-- Five tenants: dollars, no intervals.
SELECT effect, amount_usd IS NOT NULL AS dollars, low_usd FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'call_usage', filter => '{"user_id": ["u1", "u2", "u3", "u4", "u5"]}') WHERE effect IN ('cache', 'total');
SELECT detail FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'call_usage', filter => '{"user_id": ["u1", "u2", "u3", "u4", "u5"]}') WHERE effect = 'total';

-- Unpriced attempts are on neither side, and said; what had no price then counts at its own.
INSERT INTO call SELECT '2026-06-22'::timestamptz + make_interval(mins => i), 'no such model', 1000, 0, 0, 0, 100, 'x' || i, 'u1', 'chat', NULL, 1 FROM generate_series(1, 5) AS i;
INSERT INTO call VALUES ('2026-06-23', 'regress-explain', 1000, 2000, 0, 0, 100, 'y', 'u1', 'chat', NULL, 1);
SELECT b.effect, b.amount_usd = e.amount_usd AS same, regexp_replace(e.detail, '^.*?;', '') AS detail
FROM bridge b JOIN llm_cost.explain('[2026-06-22, 2026-06-29)', by => '{workflow}', usage => 'call_usage', resamples => 0) e USING (effect) WHERE effect IN ('volume', 'cache', 'total');
DELETE FROM call WHERE model = 'no such model' OR operation_id = 'y';
SELECT count(*) FROM (VALUES ('input', 1.0), ('output', 5.0)) AS p (meter, amount), LATERAL llm_cost.set_price('regress-later', meter, amount, '2026-06-25', 'regress');
INSERT INTO call VALUES ('2026-06-26', 'regress-later', 1000000, 0, 0, 0, 0, 'z', 'u1', 'chat', NULL, 1);
SELECT e.effect, e.amount_usd, e.detail FROM llm_cost.explain('[2026-06-22, 2026-06-29)', by => '{}', usage => 'call_usage', filter => '{"user_id": "u1"}') e WHERE effect IN ('price', 'model_mix');
DELETE FROM call WHERE operation_id = 'z';

-- A baseline of one's own, three weeks, counts a third.
SELECT effect, amount_usd, detail FROM llm_cost.explain('[2026-06-15, 2026-06-22)', baseline => '[2026-05-25, 2026-06-15)', usage => 'call_usage', by => '{workflow}') WHERE effect IN ('new_users', 'cache', 'total');
SELECT round(sum(cost) FILTER (WHERE started_at >= '2026-06-15') - sum(cost) FILTER (WHERE started_at < '2026-06-15') / 3, 6) AS change FROM call_usage WHERE started_at < '2026-06-22';

-- Nothing to compare.
SELECT * FROM llm_cost.explain('[2026-05-25, 2026-06-01)', usage => 'call_usage');
SELECT * FROM llm_cost.explain('[2027-05-24, 2027-05-31)', usage => 'call_usage');
SELECT effect, amount_usd, detail FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'call_usage', filter => '{"user_id": "u15"}') WHERE effect IN ('volume', 'new_users', 'total');
SELECT effect, amount_usd, detail FROM llm_cost.explain('[2026-06-22, 2026-06-29)', usage => 'call_usage', filter => '{"user_id": "u14"}') WHERE effect IN ('volume', 'lost_users', 'total');

-- Bad input.
SELECT * FROM llm_cost.explain(by => '{workflwo}', usage => 'call_usage');
SELECT * FROM llm_cost.explain(baseline => 'plan', usage => 'call_usage');
SELECT * FROM llm_cost.explain(resamples => 5, period => '[2026-06-22, 2026-06-29)', usage => 'call_usage');
SELECT * FROM llm_cost.explain(period => 'empty', usage => 'call_usage');
SELECT * FROM llm_cost.explain(filter => '[1]', usage => 'call_usage');
SELECT * FROM llm_cost.explain(usage => 'pg_catalog.pg_class');
SELECT * FROM llm_cost.distribution_shift('no_such_column', usage => 'call_usage');
SELECT * FROM llm_cost.distribution_shift(baseline => 'plan', usage => 'call_usage');

-- Costs move up in mail a little, in chat a lot: the change of the geometric mean, by hand.
SELECT scope, wasserstein, mean_shift_pct, round(h.pct::numeric, 0) = round(mean_shift_pct, 0) AS by_hand, p_value, users, sample_size, sample_size_before, detail
FROM llm_cost.distribution_shift(by => '{workflow}', period => '[2026-06-22, 2026-06-24)', usage => 'call_usage') s
	 JOIN (SELECT workflow, 100 * (exp(avg(ln(cost)) FILTER (WHERE started_at >= '2026-06-22' AND started_at < '2026-06-24')
				- avg(ln(cost)) FILTER (WHERE started_at < '2026-06-22' AND extract(isodow FROM started_at) < 3)) - 1) AS pct FROM call_usage GROUP BY 1) h ON h.workflow = s.scope ->> 'workflow';
SELECT scope, wasserstein, jensen_shannon, p_value, detail FROM llm_cost.distribution_shift('workflow', period => '[2026-06-22, 2026-06-29)', usage => 'call_usage');
SELECT * FROM llm_cost.distribution_shift('workflow', period => '[2026-06-22, 2026-06-29)', usage => 'nobody');
SELECT * FROM llm_cost.distribution_shift('model', period => '[2026-06-22, 2026-06-29)', usage => 'nobody');
SELECT * FROM llm_cost.distribution_shift(period => '[2027-06-21, 2027-06-28)', usage => 'call_usage');

-- A cost that is not of the price book, but 12 % below it, for twice the calls when prices have
-- doubled: the old calls cost $49.28 a week more, as many new ones twice that.
SELECT count(*) FROM (VALUES (1000.0, '2026-01-01'), (2000.0, '2026-06-22')) AS p (amount, since), LATERAL llm_cost.set_price('regress-below', 'input', amount, since::timestamptz, 'regress');
CREATE TABLE below AS
SELECT at AS started_at, CASE WHEN u % 5 = 0 THEN 'no such model' ELSE 'regress-below' END AS model, CASE WHEN at < '2026-06-22' THEN 0.88 ELSE 1.76 END AS cost, NULL::text AS cost_problem,
	   'u' || u AS user_id, 'o' || d || '-' || u || '-' || c AS operation_id, 1000 AS input_tokens, 0 AS output_tokens
FROM generate_series(0, 34) AS d, generate_series(1, 10) AS u, LATERAL (SELECT '2026-05-25'::timestamptz + make_interval(days => d, hours => u) AS at) AS t,
	 generate_series(1, CASE WHEN at < '2026-06-22' THEN 1 ELSE 2 END) AS c;
SELECT scope, spend_usd, change_usd, from_volume_usd AS volume, from_price_usd AS price, from_unit_cost_usd AS unit_cost
FROM llm_cost.overview('below', '[2026-06-22, 2026-06-29)', '{model}');
SELECT bucket_start, cost, reference_cost FROM llm_cost.cells(period => '[2026-06-15, 2026-06-29)', bucket => 'week', reference_at => '2026-06-22', filter => '{"model": "regress-below"}', usage => 'below');
SELECT effect, amount_usd FROM llm_cost.explain('[2026-06-22, 2026-06-29)', filter => '{"model": "regress-below"}', usage => 'below') WHERE amount_usd <> 0;

SET client_min_messages = warning;
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_explain';
DELETE FROM llm_cost.price_override WHERE model IN ('regress-explain', 'regress-later', 'regress-below');
DROP SCHEMA regress_explain CASCADE;
