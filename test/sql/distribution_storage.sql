--
-- Distributions in tables, in files, in indexes and on the wire.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET search_path = public, llm_cost;
SET jit = off;
SET datestyle = 'ISO';
\set SHOW_CONTEXT never

-- One value to a hundred thousand, both signs, 20 to 2,000 centroids
SELECT setseed(0.4) IS NOT NULL AS seeded;
CREATE TABLE stored (id int PRIMARY KEY, d distribution);
INSERT INTO stored
	SELECT s, distribution(x, (ARRAY[175, 175, 20, 2000])[1 + s % 4])
	FROM generate_series(1, 60) s, LATERAL (SELECT CASE s % 3 WHEN 0 THEN exp(2 * random()) WHEN 1 THEN random() - 0.5 ELSE round((random() * 10)::numeric, 2) END AS x FROM generate_series(1, floor(1.1986 ^ s)::int)) AS r GROUP BY s;
INSERT INTO stored
	SELECT 100 + s, distribution(x) FROM generate_series(0, 40) s, LATERAL (SELECT s * 1.5 + i AS x FROM generate_series(0, s % 20) i) AS r GROUP BY s
	UNION ALL SELECT 200, weighted_distribution(0.0021::numeric, 1000000)
	UNION ALL SELECT 201, distribution(x) FROM unnest('{5e-324,-5e-324,0,1e300,-1e300}'::float8[]) x
	UNION ALL SELECT 202, distribution(x, 2000) FROM (SELECT (-1) ^ i * 2.0 ^ (i % 60 - 30) * (1 + i % 97 / 97.0) AS x FROM generate_series(1, 20000) i) AS r
	UNION ALL SELECT 203, NULL;
SELECT count(*), min(num_values(d)), max(num_values(d)) > 50000 AS many, min(pg_column_size(d)) < 20 AS short, max(pg_column_size(d)) > 2000 AS toasted FROM stored;

-- As text and back, which is lossless
SELECT bool_and(d::text::distribution = d) AS text, bool_and(d::text::distribution::text = d::text) AS same_text, bool_and(d::text ~ '^([0-9a-f]{2})+$') AS hexadecimal,
	   bool_and(decode(d::text, 'hex') = distribution_send(d)) AS "sent are the same bytes", bool_and(d::json::text = d::text::distribution::json::text) AS json FROM stored;
-- small: ten values in at most 120 bytes, centroids in at most 7 each
SELECT max(pg_column_size(d)) <= 120 AS "ten values", count(*) FROM stored WHERE num_values(d) <= 10;
SELECT max((octet_length(distribution_send(d)) - 40.0) / array_length(d::float8[], 1)) <= 7 AS "a centroid", count(*) > 20 AS some FROM stored WHERE num_values(d) > 128 AND id < 100;

-- Through files, text and binary
SELECT current_setting('data_directory') || '/regress_distribution' AS file \gset
CREATE TABLE copied (LIKE stored);
COPY stored TO :'file' (FORMAT binary);
COPY copied FROM :'file' (FORMAT binary);
SELECT count(*), bool_and(s.d = c.d) AS same, bool_and(s.d::text = c.d::text) AS same_text, count(*) FILTER (WHERE s.d IS NULL AND c.d IS NULL) AS nulls FROM stored s FULL JOIN copied c USING (id);
TRUNCATE copied;
COPY stored TO :'file';
COPY copied FROM :'file';
SELECT count(*), bool_and(s.d = c.d) AS same, bool_and(s.d::text = c.d::text) AS same_text, count(*) FILTER (WHERE s.d IS NULL AND c.d IS NULL) AS nulls FROM stored s FULL JOIN copied c USING (id);
TRUNCATE copied;
COPY stored TO :'file' (FORMAT csv, FORCE_QUOTE *);
COPY copied FROM :'file' (FORMAT csv);
SELECT count(*), bool_and(s.d = c.d) AS same FROM stored s FULL JOIN copied c USING (id);
\set forget 'rm ' :file
COPY copied FROM PROGRAM :'forget';

-- Bytes that are no distribution do not come in by the binary way either.
-- A header, a row of one field, its length, and the field
CREATE TABLE received (d distribution);
\set header 'printf ''PGCOPY\\n\\377\\r\\n\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\001\\000\\000\\000\\'
\set ending '\\377\\377'''
\set one :header '013\\001\\240\\001\\000\\000\\000\\000\\000\\000\\370\\077' :ending
COPY received FROM PROGRAM :'one' (FORMAT binary);
SELECT d::float8[] FROM received;
\set none :header '000' :ending
COPY received FROM PROGRAM :'none' (FORMAT binary);
\set half :header '007\\001\\240\\001\\000\\000\\000\\000' :ending
COPY received FROM PROGRAM :'half' (FORMAT binary);
\set more :header '014\\001\\240\\001\\000\\000\\000\\000\\000\\000\\370\\077\\000' :ending
COPY received FROM PROGRAM :'more' (FORMAT binary);
\set nan :header '013\\001\\240\\001\\000\\000\\000\\000\\000\\000\\370\\177' :ending
COPY received FROM PROGRAM :'nan' (FORMAT binary);
\set state :header '013\\201\\240\\001\\000\\000\\000\\000\\000\\000\\370\\077' :ending
COPY received FROM PROGRAM :'state' (FORMAT binary);
SELECT count(*) FROM received;
DROP TABLE received;

-- Equal distributions are equal whatever made them, and are found as such
INSERT INTO copied SELECT 1000 + id, d::text::distribution FROM stored;
SELECT count(*) = 3 * (SELECT count(*) FROM stored) AS rows, count(DISTINCT d) = (SELECT count(d) FROM stored) AS different, (SELECT count(*) FROM (SELECT d FROM (TABLE stored UNION ALL TABLE copied) AS b GROUP BY d) AS g) - count(DISTINCT d) AS "and NULL" FROM (TABLE stored UNION ALL TABLE copied) AS b;
SELECT bool_and(distribution_hash(s.d) = distribution_hash(c.d) AND distribution_hash_extended(s.d, 7) = distribution_hash_extended(c.d, 7)) AS same, count(DISTINCT distribution_hash(s.d)) > 100 AS spread,
	   bool_or(distribution_hash_extended(s.d, 7) <> distribution_hash_extended(s.d, 8)) AS seeded FROM stored s JOIN copied c ON c.id = s.id + 1000;
-- numbers that compare the same way as -1, 0 and 1, whichever operator is asked
SELECT bool_and((a.d < b.d) = (c < 0) AND (a.d <= b.d) = (c <= 0) AND (a.d = b.d) = (c = 0) AND (a.d <> b.d) = (c <> 0) AND (a.d >= b.d) = (c >= 0) AND (a.d > b.d) = (c > 0)) AS operators,
	   bool_and(sign(c) = -sign(distribution_cmp(b.d, a.d))) AS antisymmetric, bool_and((c = 0) = (a.d::text = b.d::text)) AS "0 if equal", count(*) > 10000 AS pairs
FROM stored a, stored b, LATERAL distribution_cmp(a.d, b.d) c;
SELECT bool_and(d >= previous) AS ordered, count(*) FROM (SELECT d, lag(d) OVER (ORDER BY d) AS previous FROM stored WHERE d IS NOT NULL) AS t WHERE previous IS NOT NULL;
CREATE FUNCTION joins(kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	n bigint;
BEGIN
	PERFORM set_config('enable_hashjoin', (kind = 'Hash Join')::text, true), set_config('enable_mergejoin', (kind = 'Merge Join')::text, true), set_config('enable_nestloop', (kind = 'Nested Loop')::text, true);
	FOR line IN EXPLAIN (COSTS OFF) SELECT count(*) FROM stored s JOIN copied c ON s.d = c.d LOOP
		IF line LIKE '%' || kind || '%' THEN
			SELECT count(*) INTO n FROM stored s JOIN copied c ON s.d = c.d AND c.id = s.id + 1000;
			RETURN kind || ': ' || n;
		END IF;
	END LOOP;
END
$$;
BEGIN;
SELECT joins('Hash Join'), joins('Merge Join'), joins('Nested Loop');
ROLLBACK;
SELECT count(*) FROM (SELECT d FROM stored INTERSECT SELECT d FROM copied) AS in_both;
SELECT count(*) FROM (SELECT d FROM stored EXCEPT SELECT d FROM copied) AS in_one;
-- indexes, unique ones and partitions; a btree holds what is shorter than 2,704 bytes
DELETE FROM copied WHERE octet_length(distribution_send(d)) > 2600;
CREATE INDEX copied_btree ON copied (d);
CREATE INDEX copied_hash ON copied USING hash (d);
SET enable_seqscan = off;
SELECT count(*) = (SELECT count(d) FROM copied WHERE id > 1000) AS found, count(*) > 90 AS some FROM stored s WHERE EXISTS (SELECT FROM copied c WHERE c.d = s.d AND c.id > 1000);
DROP INDEX copied_btree;
SELECT count(*) = (SELECT count(d) FROM copied WHERE id > 1000) AS found, count(*) > 90 AS some FROM stored s WHERE EXISTS (SELECT FROM copied c WHERE c.d = s.d AND c.id > 1000);
RESET enable_seqscan;
CREATE UNIQUE INDEX ON copied (d) WHERE id > 1000;
INSERT INTO copied SELECT 2000, distribution(1.5 * 3 + i) FROM generate_series(0, 3) i ON CONFLICT (d) WHERE id > 1000 DO NOTHING;
SELECT count(*) AS "was there" FROM copied WHERE id = 2000;
CREATE TABLE parted (id int, d distribution) PARTITION BY HASH (d);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT * FROM stored;
SELECT count(*) AS rows, count(*) FILTER (WHERE tableoid = 'parted_0'::regclass) BETWEEN 20 AND 80 AS halves FROM parted;
SELECT count(*) AS found FROM stored s JOIN parted p ON p.d = s.d AND p.id = s.id;

-- Wherever a value can be: arrays, rows, expressions, defaults, parameters, materialized views
SELECT array_agg(s.d ORDER BY s.id) = array_agg(c.d ORDER BY s.id) AS arrays, array_agg(s.d ORDER BY s.id)::text::distribution[] = array_agg(c.d ORDER BY s.id) AS array_text FROM stored s JOIN copied c ON c.id = s.id + 1000;
SELECT bool_and(ROW(s.id, s.d) = ROW(c.id - 1000, c.d)) AS rows, bool_and(s::text::stored = s) AS row_text, bool_and(to_jsonb(s) -> 'd' = s.d::jsonb) AS "in JSON as the cast" FROM stored s JOIN copied c ON c.id = s.id + 1000 WHERE s.d IS NOT NULL;
CREATE TABLE daily (day date, costs distribution DEFAULT add(NULL, 0) CHECK (num_values(costs) < 1000), p95 float8 GENERATED ALWAYS AS (percentile(costs, 0.95)) STORED);
INSERT INTO daily (day) VALUES ('2026-03-01'), ('2026-03-02');
UPDATE daily SET costs = costs || (SELECT distribution(i) FROM generate_series(1, 100) i) WHERE day = '2026-03-02';
SELECT day, num_values(costs), p95 FROM daily ORDER BY day;
\set VERBOSITY terse
UPDATE daily SET costs = costs || (SELECT distribution(i) FROM generate_series(1, 900) i) WHERE day = '2026-03-02';
\set VERBOSITY default
CREATE MATERIALIZED VIEW all_days AS SELECT combine(costs) AS costs FROM daily;
SELECT num_values(costs), percentile(costs, 0.5), max_value(costs) FROM all_days;
PREPARE rank(distribution, float8) AS SELECT percentile_rank($1, $2);
SELECT costs FROM all_days \gset
EXECUTE rank(:'costs', 49);
DEALLOCATE rank;

-- Long ones leave the row and come back, in every way of storing them; they
-- are not compressed, as nothing would be gained
SELECT typstorage, typalign, typlen FROM pg_type WHERE oid = 'distribution'::regtype;
CREATE TABLE toasted (id int, d distribution);
INSERT INTO toasted SELECT id, d FROM stored WHERE id = 202;
SELECT pg_column_size(t.d) > 2000 AS long, pg_relation_size(reltoastrelid) > 0 AS apart FROM toasted t, pg_class WHERE oid = 'toasted'::regclass;
ALTER TABLE toasted ALTER d SET STORAGE extended;
INSERT INTO toasted SELECT id + 1, d FROM stored WHERE id = 202;
ALTER TABLE toasted ALTER d SET STORAGE plain;
INSERT INTO toasted SELECT id + 2, d FROM stored WHERE id = 202;
ALTER TABLE toasted ALTER d SET STORAGE main;
INSERT INTO toasted SELECT id + 3, d FROM stored WHERE id IN (1, 202);
UPDATE toasted SET id = id + 0;
SELECT count(*), count(DISTINCT d) AS different, bool_and(d = (SELECT d FROM stored WHERE stored.id IN (1, 202) AND num_values(stored.d) = num_values(toasted.d))) AS same, num_values(combine(d)) AS together FROM toasted;

-- Nothing turns into a distribution, or one into something else, unasked
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast WHERE 'distribution'::regtype IN (castsource, casttarget) ORDER BY 2::text;

DROP MATERIALIZED VIEW all_days;
DROP TABLE stored, copied, parted, daily, toasted;
DROP FUNCTION joins;
