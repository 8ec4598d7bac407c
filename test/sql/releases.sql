--
-- Releases: seen in rows, declared, read from a table of deploys, inferred from
-- prompts; and which of them a change is near.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
CREATE SCHEMA regress_releases;
RESET client_min_messages;
SET search_path = regress_releases, public;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
DELETE FROM llm_cost.attached_usage;
SELECT count(*) FROM (VALUES ('input', 1.0), ('output', 1.0)) AS p (meter, amount),
	LATERAL llm_cost.set_price('regress-releases', meter, amount, '2026-01-01', 'regress');

-- Five calls an hour.  chat: 2.0 at a quarter of the calls that carry a version from
-- Monday, 10:00, at half from Wednesday, at all from Thursday; a fifth carries none.
-- mail: another prompt on Saturday noon.  notes: a prompt of its own for each call
-- from the 23rd.  search: no versions at all.
CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, user_id text, workflow text,
	release text, prompt_version text, prompt_hash text, system_tokens bigint);
INSERT INTO call
SELECT at, 'regress-releases', 1000, 100, 'u' || k, w,
	CASE WHEN w = 'chat' AND k < 4 THEN CASE WHEN at >= '2026-06-18' OR at >= '2026-06-17' AND k < 2 OR at >= '2026-06-15 10:00' AND k = 0 THEN '2.0' ELSE '1.9' END END,
	CASE WHEN w = 'chat' THEN CASE WHEN at >= '2026-06-25' THEN 'p8' ELSE 'p7' END END,
	CASE w WHEN 'mail' THEN CASE WHEN at >= '2026-06-20 12:00' THEN 'new' ELSE 'old' END
		   WHEN 'notes' THEN CASE WHEN at >= '2026-06-23' THEN md5(at::text) ELSE 'same' END END,
	CASE w WHEN 'mail' THEN CASE WHEN at >= '2026-06-20 12:00' THEN 600 ELSE 500 END END
FROM (VALUES ('chat'), ('mail'), ('notes'), ('search')) AS f (w), generate_series(0, 4) AS k,
	 generate_series('2026-06-01'::timestamptz, '2026-06-28 23:00', '1 hour') AS h, LATERAL (SELECT h + make_interval(mins => 10 * k) AS at) AS t;
SELECT llm_cost.attach('call', view_name => 'usage');

SELECT llm_cost.declare_release('2.0', '2026-06-15 09:00', '{"workflow": "chat"}', note => 'shorter answers');
SELECT llm_cost.declare_release('s4', '2026-06-19', '{"workflow": "search"}');
SELECT llm_cost.declare_release('s4', '2026-06-19 06:00', '{"workflow": "search"}', note => 'later than planned');
SELECT llm_cost.declare_release('next', '2027-01-01');
CREATE TABLE rollout (what text, tag text, at timestamp);
INSERT INTO rollout VALUES ('chat', '2.0', '2026-06-15 09:30'), ('gateway', '9.1', '2026-06-15 12:00'), ('search', 's5', '2026-06-22'), ('search', NULL, '2026-06-22'), ('old', '0.1', '2020-01-01');
SELECT llm_cost.attach_releases('rollout', '{"version": "tag", "released_at": "at", "service": "what"}');
SELECT release, kind, version_column, scope, first_started_at, reached_half_at, reached_most_at, first_day_pct, attempts, unversioned_pct, evidence
FROM llm_cost.detect_releases('[2026-06-15, 2026-06-29)');
-- Without columns everything is one scope; the chat of one user is a scope like any other.
SELECT release, kind, first_day_pct FROM llm_cost.detect_releases('[2026-06-15, 2026-06-22)', by => '{}', filter => '{"workflow": "chat"}');
SELECT release, scope, reached_half_at, first_day_pct FROM llm_cost.detect_releases('[2026-06-15, 2026-06-22)', by => '{user_id}', filter => '{"workflow": "chat"}') WHERE kind = 'seen';
SELECT llm_cost.detach_releases('rollout'), llm_cost.detach_releases('rollout');
SELECT release, kind FROM llm_cost.detect_releases('[2026-06-15, 2026-06-22)') WHERE kind = 'declared';
SELECT count(*) FROM llm_cost.detect_releases('[2026-07-06, 2026-07-13)');

-- A step that begins with the second of two releases, a day that both share, and noise that repeats.
CREATE TABLE day AS
SELECT d, (d % 7)::float8 AS weekday, 0.2 * (d >= 28)::int + 0.01 * ((d * 5) % 7 - 3) + 0.1 * (d % 7 > 4)::int AS value,
	   (d >= 20)::int::float8 AS first, (d >= 28)::int::float8 AS second
FROM generate_series(0, 34) AS d;
CREATE FUNCTION probabilities(exposure float8[], prior float8[], direction integer) RETURNS numeric[]
LANGUAGE sql RETURN (SELECT array_agg(round(p::numeric, 3) ORDER BY n) FROM unnest(llm_cost.release_probabilities(
	(SELECT array_agg(value ORDER BY d) FROM day), (SELECT array_agg(1.0::float8) FROM day), (SELECT array_agg(weekday ORDER BY d) FROM day),
	exposure, prior, 3, direction)) WITH ORDINALITY AS x (p, n));
SELECT array_agg(first ORDER BY d) AS first, array_agg(second ORDER BY d) AS second FROM day \gset
SELECT probabilities(:'first'::float8[] || :'second'::float8[], '{1,1}', 1) AS the_second,
	   probabilities(:'second'::float8[] || :'second'::float8[], '{1,1}', 1) AS both,
	   probabilities(:'second'::float8[] || :'second'::float8[], '{1,0.5}', 1) AS two_to_one,
	   probabilities(:'first'::float8[], '{1}', 1) AS none_of_one,
	   probabilities('{}', '{}', 1) AS none, probabilities(:'second'::float8[], '{1}', -1) AS the_wrong_way;
-- The same in SQL: what the second release and steps on other days leave unexplained, weekdays apart.
WITH exposed AS (
	SELECT s.step, d.d, d.weekday, d.value, (d.d >= s.step)::int::float8 AS e FROM day d, generate_series(1, 34) AS s (step)
), apart AS (
	SELECT step, d, value - avg(value) OVER w AS v, e - avg(e) OVER w AS e FROM exposed WINDOW w AS (PARTITION BY step, weekday)
), fitted AS (
	SELECT step, sum(v * v) AS flat, sum(v * v) - CASE WHEN sum(v * e) > 0 THEN sum(v * e) ^ 2 / sum(e * e) ELSE 0 END AS rss FROM apart GROUP BY step
), best AS (
	SELECT min(rss) AS rss, max(flat) AS flat FROM fitted
), residual AS (
	SELECT d, v - e * (SELECT sum(v * e) / sum(e * e) FROM apart WHERE step = 28) AS r FROM apart WHERE step = 28
), correlated AS (
	SELECT GREATEST(0, sum(r * before) / sum(r * r)) AS rho FROM (SELECT r, lag(r) OVER (ORDER BY d) AS before FROM residual) AS x
), likely AS (
	SELECT f.step, (f.rss / b.rss) ^ (-0.5 * (35 - 8) * (1 - c.rho) / (1 + c.rho)) AS l, (b.flat / b.rss) ^ (-0.5 * 27 * (1 - c.rho) / (1 + c.rho)) AS nothing FROM fitted f, best b, correlated c
)
SELECT round(((SELECT l FROM likely WHERE step = 20) / t.total)::numeric, 3) AS first, round(((SELECT l FROM likely WHERE step = 28) / t.total)::numeric, 3) AS second,
	   round((t.none / t.total)::numeric, 3) AS none
FROM (SELECT n.none, n.none + sum(l) FILTER (WHERE step IN (20, 28)) AS total FROM likely, (SELECT 3 * (0.5 * min(nothing) + 0.5 / 34 * sum(l)) AS none FROM likely) AS n GROUP BY n.none) AS t;
SELECT llm_cost.release_probabilities('{1,2}', '{1,1}', '{0,1}', '{}', '{}', 1, 1) AS too_short,
	   llm_cost.release_probabilities('{1,1,1,1,1,1}', '{1,1,1,1,1,1}', '{0,1,2,3,4,5}', '{0,0,0,1,1,1}', '{1}', 1, 1) AS constant,
	   llm_cost.release_probabilities('{NULL,NaN,1,1,1,1}', '{1,1,1,1,1,0}', '{0,1,2,3,4,5}', '{0,0,0,1,1,1}', '{1}', 1, 1) AS unknown,
	   llm_cost.release_probabilities('{0,0,0,0,1,1,1,1}', '{1,1,1,1,1,1,1,1}', '{0,1,2,3,4,5,6,0}', '{0,0,0,0,1,1,1,1}', '{1}', 0, 1) AS without_noise;
SELECT llm_cost.release_probabilities('{1,2}', '{1}', '{0,1}', '{}', '{}', 1, 1);
SELECT llm_cost.release_probabilities('{1,2}', '{1,1}', '{0,1}', '{1}', '{1}', 1, 1);
SELECT llm_cost.release_probabilities('{1,2}', '{1,1}', '{0,1}', '{1,1}', '{-1}', 1, 1);
SELECT round(llm_cost.student_t_p_value(2.228, 10)::numeric, 3) AS t, llm_cost.student_t_p_value(1, 0.5) IS NULL AS no_df;

-- Declarations belong to who made them, and are for relations that one may read.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_releases_reader;
RESET client_min_messages;
CREATE ROLE regress_releases_reader;
GRANT USAGE ON SCHEMA regress_releases TO regress_releases_reader;
SET ROLE regress_releases_reader;
SELECT count(*) AS seen FROM llm_cost.declared_release;
SELECT llm_cost.declare_release('mine', '2026-06-16', usage => 'usage');
RESET ROLE;
GRANT SELECT ON call, usage TO regress_releases_reader;
SELECT llm_cost.attach_releases('rollout', '{"version": "tag", "released_at": "at", "service": "what"}');
SET ROLE regress_releases_reader;
SELECT count(*) AS seen FROM llm_cost.declared_release;
SELECT llm_cost.declare_release('mine', '2026-06-16', usage => 'usage');
DELETE FROM llm_cost.declared_release WHERE release = 's4' RETURNING release;
-- rollout is not for him, so he does not know of the gateway
SELECT release FROM llm_cost.detect_releases('[2026-06-15, 2026-06-22)', usage => 'usage') WHERE kind = 'declared' ORDER BY 1;
INSERT INTO llm_cost.declared_release (schema_name, relation_name, release, version_column, scope, released_at, declared_by)
VALUES ('regress_releases', 'usage', 'x', 'release', '{}', now(), 'postgres');
RESET ROLE;

-- Bad input.
SELECT llm_cost.declare_release('', '2026-06-16');
SELECT llm_cost.declare_release('x', 'infinity');
SELECT llm_cost.declare_release('x', NULL);
SELECT llm_cost.declare_release('x', '2026-06-16', '{"no_such_column": 1}');
SELECT llm_cost.declare_release('x', '2026-06-16', version_column => 'model');
SELECT llm_cost.attach_releases('rollout');
SELECT llm_cost.attach_releases('rollout', '{"version": "tag", "released_at": "at", "nonsense": "what"}');
SELECT llm_cost.attach_releases('rollout', '{"version": "tag", "released_at": "at", "service": null}', scope_column => 'no_such_column');
SELECT llm_cost.attach_releases(NULL);
SELECT * FROM llm_cost.detect_releases('empty');

SET client_min_messages = warning;
DELETE FROM llm_cost.declared_release WHERE schema_name = 'regress_releases';
DELETE FROM llm_cost.release_source WHERE schema_name = 'regress_releases';
DELETE FROM llm_cost.attached_usage WHERE schema_name = 'regress_releases';
DELETE FROM llm_cost.price_override WHERE model = 'regress-releases';
DROP SCHEMA regress_releases CASCADE;
DROP ROLE regress_releases_reader;
