--
-- Aggregates that somebody puts together from the functions of ours, without
-- being a superuser.  Their states may have lain in a table.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
CREATE ROLE llm_cost_tinkerer;
GRANT CREATE ON SCHEMA public TO llm_cost_tinkerer;
SET ROLE llm_cost_tinkerer;

CREATE AGGREGATE unfinished(float8) (sfunc = distribution_add_value, stype = distribution);
CREATE TABLE state AS
	SELECT n, unfinished(x) AS s, distribution(x) AS d
	FROM unnest('{1,3,13,14,200,1021,1022,5000}'::int[]) n, LATERAL generate_series(1, n) x GROUP BY n;

-- what was stored reads as if it had been finished
SELECT n, s = d AS same, percentile(s, 0.3) = percentile(d, 0.3) AS percentile, s::text = d::text AS text,
	   num_values(add(s, 0)) = n + 1 AS added, num_values(s || d) = 2 * n AS combined
FROM state ORDER BY n;

-- as a state: short, unaligned, of any form; and changed by none of this
CREATE FUNCTION pick(distribution, distribution) RETURNS distribution LANGUAGE sql IMMUTABLE AS 'SELECT $2';
CREATE AGGREGATE pick_and_add(float8 ORDER BY distribution) (sfunc = pick, stype = distribution, finalfunc = distribution_add_value);
CREATE AGGREGATE concat_and_add(float8 ORDER BY distribution) (sfunc = distribution_concat, stype = distribution, finalfunc = distribution_add_value);
CREATE AGGREGATE pick_and_combine(distribution ORDER BY distribution) (sfunc = pick, stype = distribution, finalfunc = distribution_combine);
SELECT n, num_values(pick_and_add(5) WITHIN GROUP (ORDER BY s)) = n + 1 AS add_to_state,
	   num_values(pick_and_add(5) WITHIN GROUP (ORDER BY d)) = n + 1 AS add_to_digest,
	   num_values(concat_and_add(5) WITHIN GROUP (ORDER BY s)) = n + 1 AS add_to_one,
	   num_values(pick_and_combine(distribution) WITHIN GROUP (ORDER BY s)) = n + 2 AS combine
FROM state, (SELECT distribution(x) FROM generate_series(1, 2) x) AS two
GROUP BY n, distribution ORDER BY n;
SELECT bool_and(s = d) AS unchanged FROM state;

-- parts of one aggregate were asked for the same, in whatever process
CREATE TABLE parted (k int, x float8, p float8, c int) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO parted SELECT 1 + i % 2, i, 0.5 + 0.4 * (i % 2), 100 + 100 * (i % 2) FROM generate_series(1, 20000) i;
SET enable_partitionwise_aggregate = on;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT approx_percentile(x, p) FROM parted;
SELECT distribution(x, c) FROM parted;
SELECT approx_percentile(x, 0.5) = percentile(distribution(x), 0.5) AS same FROM parted;
-- stored ones may differ
SELECT (combine(d)::jsonb -> 'compression')::int AS smaller FROM (SELECT distribution(x, c) AS d FROM parted GROUP BY c) AS by_c;

-- text that is cut within a character
SELECT ('z' || repeat('é', 30))::distribution;

DROP TABLE state, parted;
DROP AGGREGATE unfinished(float8), pick_and_add(float8 ORDER BY distribution),
	concat_and_add(float8 ORDER BY distribution), pick_and_combine(distribution ORDER BY distribution);
DROP FUNCTION pick;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM llm_cost_tinkerer;
DROP ROLE llm_cost_tinkerer;
