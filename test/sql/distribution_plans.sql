--
-- Whatever the plan, the same rows give the same distribution, to the last byte.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\set SHOW_CONTEXT never

-- Which of some words a plan contains, in the order of the words
CREATE FUNCTION plan_of(query text, VARIADIC words text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN (SELECT string_agg(word, ', ' ORDER BY i) FROM unnest(words) WITH ORDINALITY AS w (word, i) WHERE strpos(plan, word) > 0);
END
$$;

-- 90,000 calls of 30 users, partitioned; users have 1, 100, 1,000 … calls, from one price to
-- values of all sizes and both signs
CREATE TABLE calls (id int, account int, cost float8, exact numeric(20, 9), tokens bigint) PARTITION BY RANGE (id);
CREATE TABLE calls_1 PARTITION OF calls FOR VALUES FROM (0) TO (20000);
CREATE TABLE calls_2 PARTITION OF calls FOR VALUES FROM (20000) TO (70000);
CREATE TABLE calls_3 PARTITION OF calls FOR VALUES FROM (70000) TO (100000);
SELECT setseed(0.9) IS NOT NULL AS seeded;
INSERT INTO calls
	SELECT i, account, x, round(x::numeric, 9), (random() * 10000)::bigint
	FROM (SELECT i, account, CASE account % 6 WHEN 0 THEN exp(2 * z) WHEN 1 THEN 0.0021 WHEN 2 THEN (ARRAY[0, 0.0021, 0.5, 7])[1 + floor(u * 4)::int]
								 WHEN 3 THEN z WHEN 4 THEN (2 * (i % 2) - 1) * 2 ^ (u * 60 - 30) ELSE round((u * 100)::numeric, 2) END AS x
		  FROM (SELECT i, floor(30 * random() ^ 2)::int AS account, random() AS u, sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS z FROM generate_series(1, 90000) i) AS r) AS v;
INSERT INTO calls SELECT 0, -1, 1, 1, 1;
ANALYZE calls;
-- the only row of its group is in one partition, a group of nothing but NULL in another
INSERT INTO calls SELECT 99999, -2, NULL, NULL, NULL;

CREATE TABLE serial AS
	SELECT account, distribution(cost) AS d, distribution(exact) AS of_numeric, distribution(tokens, 40) AS of_bigint, weighted_distribution(cost, tokens % 5) AS weighted,
		   approx_percentile(cost, 0.9) AS percentile, count(cost) AS n, sum(tokens % 5) AS weights FROM calls GROUP BY account;
CREATE TABLE serial_all AS SELECT distribution(cost) AS d, distribution(exact) AS of_numeric, weighted_distribution(cost, tokens % 5) AS weighted, approx_percentile(cost, 0.9) AS percentile FROM calls;
SELECT count(*) AS groups, count(d) AS distributions, min(num_values(d)) = 1 AND max(num_values(d)) > 10000 AS sizes, bool_and(coalesce(num_values(d), 0) = n) AS count, bool_and(coalesce(num_values(weighted), 0) = coalesce(weights, 0)) AS weights,
	   bool_and(abs(percentile / percentile(d, 0.9) - 1) <= 1e-5) AS percentile FROM serial;

-- In parallel: workers send their states, some of them none
\set groups 'SELECT account, distribution(cost) AS d, distribution(exact) AS of_numeric, distribution(tokens, 40) AS of_bigint, weighted_distribution(cost, tokens % 5) AS weighted, approx_percentile(cost, 0.9) AS percentile FROM calls GROUP BY account'
\set all 'SELECT distribution(cost) AS d, distribution(exact) AS of_numeric, weighted_distribution(cost, tokens % 5) AS weighted, approx_percentile(cost, 0.9) AS percentile FROM calls'
\set differ 'num_nonnulls(nullif(a.d = b.d, true), nullif(a.of_numeric = b.of_numeric, true), nullif(a.weighted = b.weighted, true), nullif(a.percentile = b.percentile, true)) > 0 OR num_nulls(a.d, b.d) = 1 OR num_nulls(a.percentile, b.percentile) = 1'
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET enable_hashagg = off;
SELECT plan_of(:'groups', 'Finalize GroupAggregate', 'Finalize HashAggregate', 'Gather', 'Partial GroupAggregate', 'Partial HashAggregate', 'Parallel Seq Scan');
SELECT count(*) AS groups, count(*) FILTER (WHERE :differ OR NOT a.of_bigint = b.of_bigint) AS differ FROM serial a FULL JOIN (:groups) b USING (account);
SET enable_hashagg = on;
SET enable_sort = off;
SELECT plan_of(:'groups', 'Finalize GroupAggregate', 'Finalize HashAggregate', 'Gather', 'Partial GroupAggregate', 'Partial HashAggregate', 'Parallel Seq Scan');
SELECT count(*) AS groups, count(*) FILTER (WHERE :differ OR NOT a.of_bigint = b.of_bigint) AS differ FROM serial a FULL JOIN (:groups) b USING (account);
RESET enable_sort;
SELECT plan_of(:'all', 'Finalize Aggregate', 'Gather', 'Partial Aggregate', 'Parallel Append');
SELECT count(*) AS groups, count(*) FILTER (WHERE :differ) AS differ FROM serial_all a, (:all) b;
-- without the leader, and with workers that see no row
SET parallel_leader_participation = off;
SELECT count(*) AS groups, count(*) FILTER (WHERE :differ) AS differ FROM serial_all a, (:all) b;
SELECT plan_of('SELECT distribution(cost) FILTER (WHERE id = 77) FROM calls', 'Finalize Aggregate', 'Gather', 'Partial Aggregate'),
	   distribution(cost) FILTER (WHERE id = 77) = add(NULL, (SELECT cost FROM calls WHERE id = 77)) AS one_row, distribution(cost) FILTER (WHERE id < 0) IS NULL AS none FROM calls;
SELECT distribution(cost) IS NULL AS no_row, approx_percentile(cost, 0.5) IS NULL AS no_percentile, weighted_distribution(cost, 0) IS NULL AS no_weight FROM calls WHERE id < 0;
SELECT distribution(cost) IS NULL AS nothing_but_null FROM calls WHERE account = -2;
RESET parallel_leader_participation;
-- combine() of stored distributions too: the same sums, percentiles within its bound
CREATE TABLE part AS SELECT account, id % 50 AS part, distribution(cost) AS d FROM calls GROUP BY account, id % 50;
ANALYZE part;
SELECT plan_of('SELECT combine(d) FROM part', 'Finalize Aggregate', 'Gather', 'Partial Aggregate'), num_values(combined) = num_values(d) AS count, abs(total(combined) - total(d)) <= 1e-12 * size AS total, min_value(combined) = min_value(d) AS smallest, max_value(combined) = max_value(d) AS largest,
	   (SELECT max(abs(a / b - 1)) <= 0.01 FROM unnest(percentiles(combined, '{0.5,0.9,0.99}'), percentiles(d, '{0.5,0.9,0.99}')) AS pair (a, b)) AS percentiles
FROM (SELECT combine(d) AS combined FROM part) AS c, serial_all, (SELECT sum(abs(cost)) AS size FROM calls) AS s;
SELECT bool_and(a.d = b.d) AS "same up to 128 values each", count(*) > 20 AS some FROM (SELECT account, combine(d) AS d FROM part GROUP BY account HAVING max(num_values(d)) <= 128) a JOIN serial b USING (account);

-- Partition by partition
SET max_parallel_workers_per_gather = 0;
SET enable_partitionwise_aggregate = on;
SELECT plan_of(:'groups', 'Finalize', 'Append', 'Partial', 'Gather');
SELECT count(*) AS groups, count(*) FILTER (WHERE :differ OR NOT a.of_bigint = b.of_bigint) AS differ FROM serial a FULL JOIN (:groups) b USING (account);
SELECT plan_of(:'all', 'Finalize Aggregate', 'Append', 'Partial Aggregate');
SELECT count(*) AS groups, count(*) FILTER (WHERE :differ) AS differ FROM serial_all a, (:all) b;
RESET enable_partitionwise_aggregate;

-- In another order, and what decides how coarse bins become first or last
SELECT count(*) AS groups, count(*) FILTER (WHERE :differ OR NOT a.of_bigint = b.of_bigint) AS differ
FROM serial a FULL JOIN (SELECT account, distribution(cost ORDER BY random()) AS d, distribution(exact ORDER BY exact DESC) AS of_numeric, distribution(tokens, 40 ORDER BY tokens, id) AS of_bigint,
								weighted_distribution(cost, tokens % 5 ORDER BY tokens, cost) AS weighted, approx_percentile(cost, 0.9 ORDER BY abs(cost)) AS percentile FROM calls GROUP BY account) b USING (account);
SELECT s, d = a AND d = b AND d = c AND d = e AS same
FROM (SELECT s, distribution(x, 2000) AS d, distribution(x, 2000 ORDER BY x) AS a, distribution(x, 2000 ORDER BY abs(x) DESC) AS b, distribution(x, 2000 ORDER BY random()) AS c, distribution(x, 2000 ORDER BY x::text) AS e
	  FROM (SELECT s, CASE s WHEN 1 THEN 1 + i % 7 * 1e-15 + CASE WHEN i > 4000 THEN i ELSE 0 END
						   WHEN 2 THEN (ARRAY[1, -1])[1 + i % 2] * 2.0::float8 ^ (i % 2000 - 1000)
						   WHEN 3 THEN CASE WHEN i % 5 = 0 THEN 5e-324 * i ELSE i * 1e290 END
						   -- one bin that is fine enough to tell two values apart only if they come first
						   WHEN 4 THEN CASE WHEN i <= 1200 THEN 1.5 + i % 2 * 2.220446049250313e-16 WHEN i <= 1233 THEN 1.25 + (i - 1200) * 2 ^ -37
									   ELSE (1 + (i % 64 + (i % 64 = 32)::int) / 64.0::float8) * 2 ^ (i / 64 % 14) END END AS x
			FROM generate_series(1, 4) s, generate_series(1, 180000) i WHERE s = 4 OR i <= 60000) AS extreme GROUP BY s) AS o;

-- Windows: frames that grow, shrink and move, some of them empty, up to 1,500 rows
CREATE TABLE sequence AS SELECT row_number() OVER (ORDER BY id) AS i, id, cost FROM calls WHERE account % 6 IN (0, 3) AND account > 0 ORDER BY id LIMIT 1500;
SELECT count(*) AS rows, bool_and(d = (SELECT distribution(cost) FROM sequence s WHERE s.i <= w.i)) AS growing
FROM (SELECT i, distribution(cost) OVER (ORDER BY i) AS d FROM sequence) AS w;
SELECT count(*) AS rows, bool_and(d = (SELECT distribution(cost) FROM sequence s WHERE s.i >= w.i)) AS shrinking
FROM (SELECT i, distribution(cost) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS d FROM sequence) AS w;
SELECT count(*) AS rows, bool_and(w.d = e.d) AS moving, bool_and(percentile(w.d, 0.5) = exact) AS median, bool_and(approx = exact) AS one_step, bool_and(w.weighted = e.weighted) AS weighted
FROM (SELECT i, distribution(cost) OVER w AS d, approx_percentile(cost, 0.5) OVER w AS approx, weighted_distribution(cost, i % 3 + 1) OVER w AS weighted
	  FROM sequence WINDOW w AS (ORDER BY i ROWS BETWEEN 9 PRECEDING AND 3 FOLLOWING)) AS w,
	 LATERAL (SELECT distribution(cost), percentile_cont(0.5) WITHIN GROUP (ORDER BY cost), weighted_distribution(cost, s.i % 3 + 1) FROM sequence s WHERE s.i BETWEEN w.i - 9 AND w.i + 3) AS e (d, exact, weighted);
SELECT count(*) AS rows, count(*) FILTER (WHERE w.d IS NULL) AS empty, bool_and(w.d = e.d) AS before_it, bool_and(w.others = e.others) AS others
FROM (SELECT i, distribution(cost) OVER (ORDER BY i ROWS BETWEEN 5 PRECEDING AND 2 PRECEDING) AS d, distribution(cost) OVER (ORDER BY i / 10 GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS others FROM sequence) AS w,
	 LATERAL (SELECT distribution(cost) FILTER (WHERE s.i BETWEEN w.i - 5 AND w.i - 2), distribution(cost) FILTER (WHERE s.i / 10 BETWEEN w.i / 10 - 1 AND w.i / 10 + 1 AND s.i <> w.i) FROM sequence s) AS e (d, others);
-- the last seven of stored distributions
SELECT count(*) AS days, bool_and(week = e.d) AS weeks, max(num_values(week)) AS values
FROM (SELECT day, combine(d) OVER (ORDER BY day ROWS 6 PRECEDING) AS week FROM (SELECT i / 15 AS day, distribution(cost) AS d FROM sequence GROUP BY i / 15) AS days) AS w,
	 LATERAL (SELECT distribution(cost) FROM sequence s WHERE s.i / 15 BETWEEN w.day - 6 AND w.day) AS e (d);

-- Hashing more groups than memory holds, which goes to disk
CREATE TABLE many AS SELECT i, i % 4000 AS g, ((i * 7919::bigint) % 10007) / 8.0::float8 AS x FROM generate_series(1, 60000) i
	UNION ALL SELECT i, i % 2, i * 1.01 FROM generate_series(1, 10000) i;
ANALYZE many;
CREATE TABLE sorted AS SELECT g, distribution(x) AS d, weighted_distribution(x, 2) AS weighted, approx_percentile(x, 0.9) AS percentile FROM many GROUP BY g;
CREATE FUNCTION batches(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'HashAgg Batches';
END
$$;
SET work_mem = '64kB';
SET enable_sort = off;
SELECT batches('SELECT g, distribution(x) FROM many GROUP BY g') > 1 AS "to disk";
SELECT count(*) AS groups, bool_and(a.d = b.d AND a.weighted = b.weighted AND a.percentile = b.percentile) AS same
FROM sorted a FULL JOIN (SELECT g, distribution(x) AS d, weighted_distribution(x, 2) AS weighted, approx_percentile(x, 0.9) AS percentile FROM many GROUP BY g) b USING (g);
SELECT count(*) AS groups, bool_and(a.d = b.d) AS same FROM sorted a FULL JOIN (SELECT g, combine(d) AS d FROM (SELECT g, distribution(x) AS d FROM many GROUP BY g, i / 5000 LIMIT ALL) AS t GROUP BY g HAVING sum(num_values(d)) < 128) b USING (g) WHERE b.g IS NOT NULL;
RESET work_mem;
RESET enable_sort;

-- Grouping sets, and aggregates of all kinds in one query
SELECT count(*) AS groups, bool_and(r.d = e.d) AS same
FROM (SELECT a, b, grouping(a, b) AS level, distribution(x) AS d FROM (SELECT g % 3 AS a, i % 2 AS b, x FROM many) AS t GROUP BY CUBE (a, b)) AS r,
	 LATERAL (SELECT distribution(x) FROM many WHERE (level & 2 > 0 OR g % 3 = r.a) AND (level & 1 > 0 OR i % 2 = r.b)) AS e (d);
SELECT distribution(x) = distribution(x::numeric) AS "numeric", distribution(DISTINCT g) = distribution(g) FILTER (WHERE i BETWEEN 10001 AND 14000) AS of_distinct, combine(DISTINCT e.d) = e.d AS combined,
	   abs(approx_percentile(x, 0.5) / percentile(distribution(x), 0.5) - 1) <= 1e-7 AS one_step, distribution(x) = combine(e.d) FILTER (WHERE i = 60000) AS filtered, num_values(weighted_distribution(x, 0)) IS NULL AS weightless
FROM many, (SELECT distribution(x) AS d FROM many) AS e WHERE i > 0 GROUP BY e.d;
-- … computed once: the number of aggregates does not matter, as long as they are the same
SELECT percentile(distribution(x), 0.5) BETWEEN 600 AND 800 AS p50, percentile(distribution(x), 0.99) > percentile(distribution(x), 0.5) AS p99, top_share(distribution(x), 0.01) < 0.2 AS top, gini(distribution(x)) < 0.6 AS gini FROM many;

-- States that leave the server, as text or as they are: what a distributed
-- database does with partial aggregates
CREATE AGGREGATE partial_distribution(float8) (SFUNC = llm_cost.distribution_add_value, STYPE = llm_cost.distribution);
CREATE AGGREGATE partial_combine(llm_cost.distribution) (SFUNC = llm_cost.distribution_combine, STYPE = llm_cost.distribution);
CREATE AGGREGATE partial_percentile(float8, float8) (SFUNC = llm_cost.approx_percentile_add, STYPE = llm_cost.distribution);
CREATE AGGREGATE coordinate_percentile(llm_cost.distribution) (SFUNC = llm_cost.distribution_combine, STYPE = llm_cost.distribution, FINALFUNC = llm_cost.approx_percentile_final);
CREATE TABLE state AS SELECT account, id % 3 AS worker, partial_distribution(cost) AS d, partial_percentile(cost, 0.9) AS p, distribution(cost) AS final FROM calls GROUP BY account, id % 3;
SELECT count(d) > 80 AS states, bool_and(d = final) AS same, bool_and(d::text = final::text) AS text, bool_and(distribution_send(d) = distribution_send(final)) AS sent, bool_and(d::json::text = final::json::text) FILTER (WHERE num_values(d) <= 128) AS json,
	   bool_and(num_values(d) = num_values(final) AND total(d) = total(final)) AS sums, bool_and(abs(percentile(d, 0.9) - percentile(final, 0.9)) <= 1e-6 * (abs(min_value(d)) + abs(max_value(d)))) AS percentiles, max(pg_column_size(d)) > 8192 AS large FROM state;
SELECT count(*) = (SELECT count(DISTINCT final) FROM state) AS hashed FROM (SELECT d FROM state WHERE d IS NOT NULL UNION SELECT final FROM state WHERE d IS NOT NULL) AS t;
SELECT count(*) AS groups, bool_and(as_they_are = serial.d) AS as_they_are, bool_and(num_values(as_text) = n) AS as_text, bool_and(as_text = serial.d) FILTER (WHERE n <= 128) AS small, bool_and(percentile(as_text, 0.9) BETWEEN percentile(serial.d, 0.895) AND percentile(serial.d, 0.905)) AS percentile,
	   bool_and(one_step_as_is = serial.percentile) AS one_step_as_is, bool_and(one_step_text BETWEEN percentile(serial.d, 0.895) AND percentile(serial.d, 0.905)) AS one_step_text, bool_and(combined = serial.d) FILTER (WHERE n <= 128) AS combined
FROM (SELECT account, combine(d) AS as_they_are, combine(d::text::distribution) AS as_text, coordinate_percentile(p) AS one_step_as_is, coordinate_percentile(p::text::distribution) AS one_step_text,
			 partial_combine(d)::text::distribution AS combined FROM state GROUP BY account) AS c
	 JOIN serial USING (account) WHERE serial.d IS NOT NULL;

DROP TABLE calls, serial, serial_all, part, sequence, many, sorted, state CASCADE;
DROP AGGREGATE partial_distribution(float8), partial_combine(llm_cost.distribution), partial_percentile(float8, float8), coordinate_percentile(llm_cost.distribution);
DROP FUNCTION plan_of, batches;
