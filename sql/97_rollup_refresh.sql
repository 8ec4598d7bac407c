/*
 * Refresh: cells are computed again, whole buckets at a time.
 *
 * All of a refresh is one transaction: until it commits, everybody sees what was
 * there before, and what is interrupted has not happened.  Within it buckets are
 * computed in batches, each by one statement, so that the raw rows that cells are
 * made of are the ones that decide whether the cells stored before may go:
 *
 *	a bucket without raw rows keeps its cells;
 *	a bucket with fewer raw rows than its cells were made of keeps them;
 *	so does one that has such a neighbour within the age of an operation, for an
 *	operation that began there would seem to begin here.
 */

CREATE FUNCTION llm_cost.bucket_end(bucket_start timestamptz, bucket text, time_zone text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
-- days and weeks are of local time, hours are not
RETURN CASE bucket WHEN 'hour' THEN bucket_start + INTERVAL '1 hour'
	   ELSE timezone(time_zone, timezone(time_zone, bucket_start) + CASE bucket WHEN 'day' THEN INTERVAL '1 day' ELSE INTERVAL '7 days' END) END;
COMMENT ON FUNCTION llm_cost.bucket_end(timestamptz, text, text) IS
	'When a bucket (hour, day, week of a time zone) that begins then ends.';

CREATE FUNCTION llm_cost.half_open(period tstzrange) RETURNS tstzrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN upper_inc(period) THEN tstzrange(lower(period), upper(period) + INTERVAL '1 microsecond') ELSE period END;
COMMENT ON FUNCTION llm_cost.half_open(tstzrange) IS 'The period with its end exclusive.';

CREATE FUNCTION llm_cost.rollup_batch_query(
	target llm_cost.rollup, usage regclass, batch tstzrange, reference_at timestamptz, force boolean, known_at timestamptz, write boolean) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	stored		text[] := (rollup_batch_query.target).by_columns || ARRAY(
		SELECT c FROM unnest((rollup_batch_query.target).user_columns) AS c WHERE c <> 'turn' AND c <> ALL ((rollup_batch_query.target).by_columns));
	step		text := (rollup_batch_query.target).bucket;
	zone		text := (rollup_batch_query.target).time_zone;
	age			interval := (rollup_batch_query.target).operation_age;
	scanned		tstzrange;
	measures	text;
	writes		text := '';
	made		record;
	repeats		boolean;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(rollup_batch_query.usage);
	repeats := source.columns @> '{attempt_id,parent_id,operation_id}';
	-- whole buckets, whose rows can be counted
	scanned := tstzrange(date_trunc(step, lower(rollup_batch_query.batch) - age, zone), CASE WHEN age > INTERVAL '0'
		THEN llm_cost.bucket_end(date_trunc(step, upper(rollup_batch_query.batch) + age - INTERVAL '1 microsecond', zone), step, zone)
		ELSE upper(rollup_batch_query.batch) END);
	SELECT string_agg(format('%I', m.measure), ', ' ORDER BY m."position") INTO measures FROM llm_cost.cell_measures() m;

	IF rollup_batch_query.write THEN
		FOR made IN
			SELECT c.number, c.table_name, c.columns, c.distributions,
				   ARRAY(SELECT CASE d.name WHEN 'turn' THEN 'turn' ELSE 'dimension_' || array_position(stored, d.name) END
						 FROM unnest(c.columns) WITH ORDINALITY AS d (name, rank) ORDER BY d.rank) AS expressions
			FROM (VALUES (1, (rollup_batch_query.target).rollup_name || '_cell', (rollup_batch_query.target).by_columns, true),
						 (2, (rollup_batch_query.target).rollup_name || '_user_cell', (rollup_batch_query.target).user_columns, false)) AS c (number, table_name, columns, distributions)
			WHERE c.number = 1 OR c.columns <> '{}'
		LOOP
			-- the old cells of a bucket are gone before the new ones come
			writes := writes || format($sql$, deleted_%1$s AS (
				DELETE FROM %2$I.%3$I AS c USING changed t
				WHERE c.bucket_start = t.bucket_start AND %4$s
				RETURNING 1
			), written_%1$s AS (
				INSERT INTO %2$I.%3$I (bucket_start, cell, bucket_date%5$s, %6$s%7$s)
				SELECT c.bucket, row_number() OVER (PARTITION BY c.bucket%8$s), timezone(%9$L, c.bucket)::date%10$s, %6$s%7$s
				FROM (%11$s) AS c
				WHERE (SELECT count(*) FROM deleted_%1$s) >= 0
			)$sql$,
				made.number, (rollup_batch_query.target).schema_name, made.table_name, llm_cost.within(rollup_batch_query.batch, 'c.bucket_start'),
				COALESCE((SELECT string_agg(format(', %I', d.name), '' ORDER BY d.rank) FROM unnest(made.columns) WITH ORDINALITY AS d (name, rank)), ''),
				measures, CASE WHEN made.distributions THEN ', cost_distribution, context_distribution' ELSE '' END,
				CASE WHEN made.expressions <> '{}' THEN ' ORDER BY c.' || array_to_string(made.expressions, ', c.') ELSE '' END, zone,
				CASE WHEN made.expressions <> '{}' THEN ', c.' || array_to_string(made.expressions, ', c.') ELSE '' END,
				llm_cost.cells_query('SELECT * FROM attempt WHERE bucket_start IN (SELECT t.bucket_start FROM changed t)', 'bucket_start',
					made.expressions, NULL, made.distributions));
		END LOOP;
		writes := writes || format($sql$, written AS (
			INSERT INTO %1$I.%2$I AS b (bucket_start, bucket_date, found_rows, attempts, tool_calls, unpriced_attempts, cost, known_at, reference_at, refreshed_at, split_by)
			SELECT t.bucket_start, timezone(%3$L, t.bucket_start)::date, t.found_rows, t.attempts, t.tool_calls, t.unpriced_attempts, t.cost,
				   %4$L::timestamptz, %5$s, clock_timestamp(), t.split_by
			FROM changed t
			ON CONFLICT (bucket_start) DO UPDATE SET found_rows = excluded.found_rows, attempts = excluded.attempts, tool_calls = excluded.tool_calls,
				unpriced_attempts = excluded.unpriced_attempts, cost = excluded.cost, known_at = excluded.known_at,
				reference_at = excluded.reference_at, refreshed_at = excluded.refreshed_at, split_by = excluded.split_by
		)$sql$, (rollup_batch_query.target).schema_name, (rollup_batch_query.target).rollup_name, zone, rollup_batch_query.known_at,
			CASE WHEN rollup_batch_query.reference_at IS NULL THEN format('date_trunc(''week'', t.bucket_start, %L)', zone)
				 ELSE format('%L::timestamptz', rollup_batch_query.reference_at) END);
	END IF;

	RETURN format($sql$
	WITH attempt AS MATERIALIZED (
		SELECT date_trunc(%1$L, a.started_at, %2$L) AS bucket_start%3$s, CASE WHEN a.turn = 1 THEN 1 WHEN a.turn > 1 THEN 2 END::smallint AS turn,
			   a.started_at, a.is_call, a.unpriced, a.operation_id, a.opens_operation, a.operation_attempts, a.operation_cost, a.operation_priced, a.operation_resolved,
			   -- as far back as may be read, and not as far as happens to be
			   a.opens_conversation OR a.conversation_pause > %4$L::interval AS opens_conversation,
			   a.is_retry, a.failure_unlogged, a.error_type, a.billable, a.cost, a.avoided_cost, a.recorded_cost,
			   a.input_tokens, a.cache_read_tokens, a.cache_write_tokens, a.cache_write_1h_tokens, a.output_tokens, a.reasoning_tokens, %5$s AS reference_cost
		FROM (%6$s) AS a
	), seen AS (
		SELECT bucket_start, %14$s AS found_rows, COALESCE(a.attempts, 0) AS attempts, COALESCE(a.tool_calls, 0) AS tool_calls,
			   COALESCE(a.unpriced_attempts, 0) AS unpriced_attempts, a.cost, COALESCE(a.split_by, '{}') AS split_by
		FROM (SELECT a.bucket_start, count(*) AS counted_rows, count(*) FILTER (WHERE a.is_call) AS attempts, count(*) FILTER (WHERE NOT a.is_call) AS tool_calls,
					 count(*) FILTER (WHERE a.unpriced) AS unpriced_attempts, sum(a.cost) AS cost, %7$s AS split_by
			  FROM attempt a GROUP BY a.bucket_start) AS a%15$s
	), stored AS (
		SELECT b.* FROM %8$I.%9$I AS b WHERE %10$s
	), shrunk AS (
		SELECT s.bucket_start FROM stored s LEFT JOIN seen n USING (bucket_start)
		WHERE s.found_rows > COALESCE(n.found_rows, 0)
	), target AS (
		SELECT bucket_start, n.found_rows, n.attempts, n.tool_calls, n.unpriced_attempts, n.cost, n.split_by, s.attempts AS attempts_before, s.cost AS cost_before, s.known_at AS known_before,
			   CASE WHEN n.found_rows IS NULL THEN 'kept: raw rows are gone'
					WHEN s.bucket_start IS NULL THEN 'created'
					WHEN %11$L THEN 'replaced'
					WHEN EXISTS (SELECT FROM shrunk g WHERE g.bucket_start = s.bucket_start) THEN 'kept: some raw rows are gone'
					WHEN EXISTS (SELECT FROM shrunk g
								 WHERE g.bucket_start >= date_trunc(%1$L, s.bucket_start - %4$L::interval, %2$L)
								   AND g.bucket_start < llm_cost.bucket_end(s.bucket_start, %1$L, %2$L) + %4$L::interval) THEN 'kept: raw rows next to it are gone'
					ELSE 'replaced' END AS action
		FROM seen n FULL JOIN stored s USING (bucket_start)
		WHERE %12$s
	), changed AS MATERIALIZED (
		SELECT t.* FROM target t WHERE t.action IN ('created', 'replaced')
	)%13$s
	SELECT t.bucket_start, t.action, t.attempts_before, t.attempts, t.cost_before, t.cost, t.known_before FROM target t ORDER BY t.bucket_start$sql$,
		step, zone,
		COALESCE((SELECT string_agg(format(', a.dimension_%1$s, a.operation_dimension_%1$s', d.rank), '' ORDER BY d.rank) FROM unnest(stored) WITH ORDINALITY AS d (name, rank)), ''),
		age,
		CASE WHEN rollup_batch_query.write
			 THEN llm_cost.reference_expression(CASE WHEN rollup_batch_query.reference_at IS NULL THEN format('date_trunc(''week'', started_at, %L)', zone)
				ELSE quote_literal(rollup_batch_query.reference_at) END, source.price_book, source.own_cost)
			 ELSE 'NULL::numeric' END,
		llm_cost.attempts_query(rollup_batch_query.usage, scanned, stored, NULL, NULL),
		COALESCE((SELECT format('array_remove(ARRAY[%s]::text[], NULL)', string_agg(format('CASE WHEN bool_or(a.dimension_%1$s IS DISTINCT FROM a.operation_dimension_%1$s) THEN %2$L END', d.rank, d.name), ', ' ORDER BY d.rank))
				  FROM unnest(stored) WITH ORDINALITY AS d (name, rank)), '''{}''::text[]'),
		(rollup_batch_query.target).schema_name, (rollup_batch_query.target).rollup_name, llm_cost.within(scanned, 'b.bucket_start'),
		rollup_batch_query.force, llm_cost.within(rollup_batch_query.batch, 'bucket_start'), writes,
		-- a span that repeats those below it may come to do so later, and is a row all the same
		CASE WHEN repeats THEN 'r.found_rows' ELSE 'a.counted_rows' END,
		CASE WHEN repeats THEN format(' RIGHT JOIN (SELECT date_trunc(%L, a.started_at, %L) AS bucket_start, count(*) AS found_rows FROM %s AS a WHERE %s GROUP BY 1) AS r USING (bucket_start)',
				step, zone, source.from_item, llm_cost.period_predicate(rollup_batch_query.usage, scanned, 'a')) ELSE '' END);
END
$$;
COMMENT ON FUNCTION llm_cost.rollup_batch_query(llm_cost.rollup, regclass, tstzrange, timestamptz, boolean, timestamptz, boolean) IS
	'SQL that computes the buckets of a rollup within a range that begins and ends with buckets, and, if it is to write, puts them in place of the stored ones. A row for each bucket says what was done, or would be.';

CREATE FUNCTION llm_cost.recompute_rollup(
	target llm_cost.rollup, period tstzrange, force boolean, reference_at timestamptz, write boolean,
	OUT bucket_start timestamptz, OUT action text, OUT attempts_before bigint, OUT attempts bigint,
	OUT cost_before numeric, OUT cost numeric, OUT known_before timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE ROWS 30
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	shown		text := format('%I.%I', (recompute_rollup.target).schema_name, (recompute_rollup.target).rollup_name);
	raw			text := format('%I.%I', (recompute_rollup.target).usage_schema, (recompute_rollup.target).usage_name);
	step		text := (recompute_rollup.target).bucket;
	zone		text := (recompute_rollup.target).time_zone;
	security	text := current_setting('row_security');
	span		interval;
	usage		regclass;
	source		record;
	whole		tstzrange;
	query		text;
	buckets		timestamptz[];
	counts		bigint[];
	total		numeric;
	done		numeric := 0;
	known		timestamptz;
	first		integer := 1;
	last		integer;
	actions		text[] := ARRAY[]::text[];
	starts		timestamptz[] := ARRAY[]::timestamptz[];
	kept		record;
BEGIN
	usage := to_regclass(raw);
	IF usage IS NULL THEN
		RAISE EXCEPTION 'usage % of rollup % does not exist', raw, shown
			USING ERRCODE = 'undefined_table', HINT = 'Attach it again under that name. What is stored can be read without it.';
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(usage);
	IF recompute_rollup.write AND source.price_book <> (recompute_rollup.target).price_book AND NOT (lower_inf(recompute_rollup.period) AND upper_inf(recompute_rollup.period)) THEN
		RAISE EXCEPTION 'usage % has price book %, and rollup % was made with %', raw, quote_ident(source.price_book), shown, quote_ident((recompute_rollup.target).price_book)
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'Buckets of two price books would be added up.',
				HINT = format('Compute all of it anew: SELECT * FROM llm_cost.refresh_rollup(%L, ''(,)'').', shown);
	END IF;
	-- what year 5 or 200,000 says of itself is no time of usage
	whole := tstzrange(GREATEST(date_trunc(step, lower(recompute_rollup.period), zone), '0010-01-01'::timestamptz),
		LEAST(CASE WHEN isfinite(upper(recompute_rollup.period)) AND NOT upper_inf(recompute_rollup.period)
			  THEN llm_cost.bucket_end(date_trunc(step, upper(recompute_rollup.period) - INTERVAL '1 microsecond', zone), step, zone) END, '9990-01-01'::timestamptz));

	-- sums over the rows that this role happens to see would pass for the whole
	BEGIN
		PERFORM set_config('row_security', 'off', true);
		EXECUTE format('SELECT FROM %s AS a LIMIT 0', source.from_item);
		PERFORM set_config('row_security', security, true);
	EXCEPTION WHEN insufficient_privilege THEN
		RAISE EXCEPTION 'cannot read all of % to refresh rollup %', raw, shown
			USING ERRCODE = 'insufficient_privilege', DETAIL = format('%s.', SQLERRM),
				HINT = 'Refresh as a role that may read every row: the owner of the table, or one with BYPASSRLS.';
	END;
	query := format($sql$
		SELECT array_agg(b.bucket ORDER BY b.bucket), array_agg(b.found ORDER BY b.bucket), sum(b.found)
		FROM (SELECT COALESCE(n.bucket, s.bucket_start) AS bucket, COALESCE(n.found, 0) AS found
			  FROM (SELECT date_trunc(%1$L, a.started_at, %2$L) AS bucket, count(*) AS found FROM %3$s AS a WHERE %4$s GROUP BY 1) AS n
				   FULL JOIN (SELECT b.bucket_start FROM %5$s AS b WHERE %6$s) AS s ON s.bucket_start = n.bucket) AS b$sql$,
		step, zone, source.from_item, llm_cost.period_predicate(usage, whole, 'a'), shown, llm_cost.within(whole, 'b.bucket_start'));
	PERFORM set_config('row_security', 'off', true);
	EXECUTE query INTO buckets, counts, total;
	PERFORM set_config('row_security', security, true);

	-- what is read around a batch should be little beside it
	span := 7 * GREATEST((recompute_rollup.target).operation_age, ('1 ' || step)::interval);
	WHILE first <= cardinality(buckets) LOOP
		last := first;
		WHILE last < cardinality(buckets) AND buckets[last + 1] < buckets[first] + span LOOP
			last := last + 1;
		END LOOP;
		-- Whoever is changing prices has dated them already: let him commit, and do
		-- not hold up the next one.
		BEGIN
			IF recompute_rollup.write THEN
				PERFORM llm_cost.await_pricing();
			END IF;
			known := clock_timestamp();
			RAISE EXCEPTION USING ERRCODE = 'LC001';
		EXCEPTION WHEN SQLSTATE 'LC001' THEN
			NULL;	-- and with it the lock
		END;
		query := llm_cost.rollup_batch_query(recompute_rollup.target, usage, tstzrange(buckets[first], llm_cost.bucket_end(buckets[last], step, zone)),
			recompute_rollup.reference_at, recompute_rollup.force, known, recompute_rollup.write);
		-- for the usage alone: the tables of the extension have row security, too
		PERFORM set_config('row_security', 'off', true);
		FOR bucket_start, action, attempts_before, attempts, cost_before, cost, known_before IN EXECUTE query LOOP
			actions := actions || action;
			starts := starts || bucket_start;
			RETURN NEXT;
		END LOOP;
		PERFORM set_config('row_security', security, true);
		done := done + (SELECT sum(c.n) FROM unnest(counts[first:last]) AS c (n));
		RAISE NOTICE 'rollup %: % of % buckets, % of % raw rows', shown, last, cardinality(buckets), done, total;
		first := last + 1;
	END LOOP;

	FOR kept IN
		SELECT a.action, count(*) AS n, min(a.at) AS first_at, max(a.at) AS last_at
		FROM unnest(actions, starts) AS a (action, at) WHERE a.action LIKE 'kept%' GROUP BY a.action ORDER BY a.action
	LOOP
		RAISE NOTICE 'rollup %: % %, from % to %', shown, llm_cost.counted(kept.n, 'bucket'), kept.action,
			timezone(zone, kept.first_at), timezone(zone, kept.last_at);
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.recompute_rollup(llm_cost.rollup, tstzrange, boolean, timestamptz, boolean) IS
	'Computes the buckets of a rollup that a period touches (an unbounded end: all there are), and stores them if it is to write. What refresh_rollup() and reprice() do once they have the lock.';

CREATE FUNCTION llm_cost.lock_rollup(target llm_cost.rollup, automatic boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown		text := format('%I.%I', (lock_rollup.target).schema_name, (lock_rollup.target).rollup_name);
	key			bigint := hashtextextended('llm_cost.rollup ' || shown, 0);
	automatic_key bigint := hashtextextended('llm_cost.rollup ' || shown, 1);
BEGIN
	IF pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean THEN
		RAISE EXCEPTION 'cannot refresh rollup % in a read-only transaction', shown
			USING ERRCODE = 'read_only_sql_transaction',
				HINT = 'On a hot standby rollups can be read; refresh them on the primary.';
	ELSIF NOT pg_has_role((lock_rollup.target).created_by, 'USAGE') THEN
		RAISE EXCEPTION 'rollup % is not yours', shown
			USING ERRCODE = 'insufficient_privilege', HINT = format('Refresh it as a member of %I, who owns its tables.', (lock_rollup.target).created_by);
	ELSIF lock_rollup.automatic AND NOT pg_try_advisory_xact_lock(automatic_key) THEN
		RAISE NOTICE 'rollup % is being refreshed by another session', shown;
		RETURN false;
	ELSIF NOT pg_try_advisory_xact_lock(key) THEN
		RAISE NOTICE 'rollup % is being refreshed by another session, waiting', shown;
		PERFORM pg_advisory_xact_lock(key);
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION llm_cost.lock_rollup(llm_cost.rollup, boolean) IS
	'Keeps others from refreshing a rollup until the transaction ends, after waiting for whoever does. automatic: it is to be refreshed without a period; false at once if somebody does just that already. Errors where nothing can be written, and for who is no member of the owner.';

CREATE FUNCTION llm_cost.refresh_rollup(
	name text, period tstzrange DEFAULT NULL, force boolean DEFAULT false, reference_at timestamptz DEFAULT NULL,
	OUT bucket_start timestamptz, OUT action text, OUT attempts_before bigint, OUT attempts bigint, OUT cost_before numeric, OUT cost numeric, OUT known_before timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE ROWS 30
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		llm_cost.rollup := llm_cost.named_rollup(refresh_rollup.name);
	automatic	boolean := refresh_rollup.period IS NULL;
	wanted		tstzrange := llm_cost.half_open(refresh_rollup.period);
	newest		timestamptz;
	started		timestamptz;
	since		timestamptz;
BEGIN
	IF NOT llm_cost.lock_rollup(target, automatic) THEN
		RETURN;
	END IF;
	target := llm_cost.named_rollup(refresh_rollup.name);
	started := clock_timestamp();
	EXECUTE format('SELECT max(b.bucket_start) FROM %I.%I AS b', target.schema_name, target.rollup_name) INTO newest;
	IF automatic THEN
		-- what was refreshed from the beginning on ends here; NULL: all there is
		SELECT LEAST(upper(c), target.refreshed_at, newest, now()) - target.lateness - target.operation_age INTO since
		FROM unnest(target.covered) AS c WHERE lower_inf(c);
		wanted := tstzrange(since, NULL);
	ELSIF isempty(wanted) THEN
		RAISE EXCEPTION 'period is empty'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example tstzrange(''2026-06-01'', ''2026-06-08''), or ''(,)'' for all.';
	END IF;

	FOR bucket_start, action, attempts_before, attempts, cost_before, cost, known_before IN
		SELECT r.*
		FROM llm_cost.recompute_rollup(target, wanted, COALESCE(refresh_rollup.force, false), refresh_rollup.reference_at, true) AS r
	LOOP
		RETURN NEXT;
	END LOOP;

	wanted := tstzrange(date_trunc(target.bucket, lower(wanted), target.time_zone),
		CASE WHEN isfinite(upper(wanted)) THEN llm_cost.bucket_end(date_trunc(target.bucket, upper(wanted) - INTERVAL '1 microsecond', target.time_zone), target.bucket, target.time_zone) END);
	UPDATE llm_cost.rollup r
	SET covered = r.covered + tstzmultirange(wanted * tstzrange(NULL, started)),
		refreshed_at = CASE WHEN automatic THEN started ELSE r.refreshed_at END,
		(usage_columns, price_book) = (SELECT s.columns, s.price_book FROM llm_cost.usage_source(to_regclass(format('%I.%I', target.usage_schema, target.usage_name))) s)
	WHERE r.schema_name = target.schema_name AND r.rollup_name = target.rollup_name;
END
$$;
COMMENT ON FUNCTION llm_cost.refresh_rollup(text, tstzrange, boolean, timestamptz) IS
	'Computes cells of a rollup again from its usage, with the prices believed now, and puts them in place of the stored ones in one transaction. Without a period: all there is, if it is the first time; then every bucket since lateness plus operation_age before the last refresh, or before its newest bucket if that is earlier, or from where named periods, the first of them without a beginning, have come to. With one: the buckets that it touches, ''(,)'' for all. Cells of buckets whose raw rows are gone, all or some, or next to such, are kept, and a notice says so; force => true, for rows that should never have been there, keeps only those that have no raw row left. reference_at: time whose prices reference_cost takes; NULL: the start of each bucket''s week. A row for each bucket: created, replaced, or kept and why. Progress is reported by notices. While another session refreshes it a call waits, but for one without a period while another such one runs: that returns at once. Errors when row security would hide rows of the usage, and when the usage was attached anew with another price book, unless the period is all.';

CREATE FUNCTION llm_cost.reprice(
	name text, period tstzrange DEFAULT NULL, dry_run boolean DEFAULT true,
	OUT bucket_start timestamptz, OUT action text, OUT attempts_before bigint, OUT attempts bigint,
	OUT cost_before numeric, OUT cost numeric, OUT difference numeric, OUT known_before timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE ROWS 30
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		llm_cost.rollup := llm_cost.named_rollup(reprice.name);
	wanted		tstzrange := llm_cost.half_open(reprice.period);
BEGIN
	IF isempty(wanted) THEN
		RAISE EXCEPTION 'period is empty'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example tstzrange(''2026-06-01'', ''2026-06-08''), or NULL for all that is stored.';
	ELSIF wanted IS NULL THEN
		EXECUTE format('SELECT tstzrange(min(b.bucket_start), max(b.bucket_start), ''[]'') FROM %I.%I AS b HAVING count(*) > 0', target.schema_name, target.rollup_name)
		INTO wanted;
		IF wanted IS NULL THEN
			RETURN;
		END IF;
		wanted := tstzrange(lower(wanted), llm_cost.bucket_end(upper(wanted), target.bucket, target.time_zone));
	END IF;
	IF reprice.dry_run IS FALSE THEN
		FOR bucket_start, action, attempts_before, attempts, cost_before, cost, known_before IN
			SELECT r.* FROM llm_cost.refresh_rollup(reprice.name, wanted) AS r
		LOOP
			difference := CASE WHEN action LIKE 'kept%' THEN 0 ELSE COALESCE(cost, 0) - COALESCE(cost_before, 0) END;
			RETURN NEXT;
		END LOOP;
	ELSE
		FOR bucket_start, action, attempts_before, attempts, cost_before, cost, known_before IN
			SELECT r.* FROM llm_cost.recompute_rollup(target, wanted, false, NULL, false) AS r
		LOOP
			difference := CASE WHEN action LIKE 'kept%' THEN 0 ELSE COALESCE(cost, 0) - COALESCE(cost_before, 0) END;
			action := regexp_replace(action, '^(replaced|created)$', 'would be \1');
			RETURN NEXT;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.reprice(text, tstzrange, boolean) IS
	'What the stored buckets of a rollup (within a period; NULL: all) cost with the prices believed now, beside what is stored and was believed at known_before. attempts and cost are what raw rows give now; a bucket whose raw rows are gone, all or some, is kept as it is and differs by 0. Nothing is written unless dry_run => false, which does what refresh_rollup() does for that period.';
