/*
 * Reading a rollup in place of its usage.
 *
 * The answer is the one that the usage gives, or an error that says what the
 * rollup lacks: a column, the users, buckets as short as those asked for, time
 * that was never refreshed, prices of another time, or whole operations.
 */

CREATE FUNCTION llm_cost.require_attempts(usage regclass) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		llm_cost.rollup;
BEGIN
	SELECT r.* INTO target FROM llm_cost.live_rollup(require_attempts.usage) r;
	IF FOUND THEN
		RAISE EXCEPTION 'rollup % has no attempts', require_attempts.usage
			USING ERRCODE = 'wrong_object_type',
				DETAIL = 'A rollup holds sums by bucket and columns; what was asked needs each attempt.',
				HINT = format('Ask its usage: usage => %L.', format('%I.%I', target.usage_schema, target.usage_name));
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.require_attempts(regclass) IS
	'Fails if a usage is a rollup, which has no attempts.';

CREATE FUNCTION llm_cost.rollup_column(rollup regclass, column_name text, qualifier text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		llm_cost.rollup;
	canonical	text;
BEGIN
	SELECT r.* INTO target FROM llm_cost.live_rollup(rollup_column.rollup) r;
	IF rollup_column.column_name = ANY (target.by_columns || array_remove(target.user_columns, 'turn')) THEN
		RETURN format('%I.%I', rollup_column.qualifier, rollup_column.column_name);
	END IF;
	SELECT u.usage_column INTO canonical FROM llm_cost.usage_columns() u WHERE u.usage_column = rollup_column.column_name;
	IF canonical <> ALL (target.usage_columns) THEN
		RETURN 'NULL::text';	-- as the usage has it
	ELSIF rollup_column.column_name = 'user_id' THEN
		RAISE EXCEPTION 'rollup % keeps no users', rollup_column.rollup
			USING ERRCODE = 'undefined_column', HINT = 'Make one with user cells: create_rollup(..., with_users => true), or ask the usage.';
	END IF;
	RAISE EXCEPTION 'rollup % has no column %', rollup_column.rollup, quote_ident(rollup_column.column_name)
		USING ERRCODE = 'undefined_column',
			DETAIL = format('Its columns: %s.', array_to_string(target.by_columns, ', ')),
			HINT = format('Make one that has it, create_rollup(..., by => %L), or ask the usage.', target.by_columns || rollup_column.column_name);
END
$$;
COMMENT ON FUNCTION llm_cost.rollup_column(regclass, text, text) IS
	'SQL that reads a column of a rollup as text; NULL for a canonical column that the usage does not report. Errors when the rollup does not have it.';

CREATE FUNCTION llm_cost.rollup_has(usage regclass, purpose text, needed text[], step text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target		llm_cost.rollup;
	lacking		text;
BEGIN
	SELECT r.* INTO target FROM llm_cost.live_rollup(rollup_has.usage) r;
	IF NOT FOUND THEN
		RETURN true;
	END IF;
	SELECT 'column ' || quote_ident(c) INTO lacking FROM unnest(rollup_has.needed) AS c
	WHERE c = ANY (target.usage_columns) AND c <> ALL (target.by_columns || target.user_columns) LIMIT 1;
	IF lacking IS NULL AND target.bucket = 'week' AND rollup_has.step <> 'week' THEN
		lacking := rollup_has.step || 's';
	END IF;
	IF lacking IS NOT NULL THEN
		RAISE NOTICE 'rollup % has no %: % is not known', rollup_has.usage, lacking, rollup_has.purpose;
	END IF;
	RETURN lacking IS NULL;
END
$$;
COMMENT ON FUNCTION llm_cost.rollup_has(regclass, text, text[], text) IS
	'Whether a usage, if it is a rollup, has columns and buckets as short as that; a notice says what part of an answer is left out for the want of them.';

CREATE FUNCTION llm_cost.price_signature(
	model text, provider text, service_tier text, region text, at timestamptz, price_book text, meters jsonb) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- small and large contexts, as a model may have a price for each
	SELECT string_agg(concat_ws(' ', size.tokens, b.meter, b.unit_price, b.per, b.tier_from, b.problem), ';' ORDER BY size.tokens, b.meter)
	FROM unnest('{1000,130000,201000,260000,530000,10000000}'::bigint[]) AS size (tokens),
		 LATERAL llm_cost.cost_breakdown(price_signature.model, size.tokens, 1000, price_signature.at, cache_read_tokens => 100, cache_write_tokens => 100, cache_write_1h_tokens => 50,
			reasoning_tokens => 100, meters => price_signature.meters, provider => price_signature.provider, service_tier => price_signature.service_tier,
			region => price_signature.region, price_book => price_signature.price_book) AS b;
END;
COMMENT ON FUNCTION llm_cost.price_signature(text, text, text, text, timestamptz, text, jsonb) IS
	'What a model cost at a time, as text to compare: unit prices of all meters at several sizes of context. meters: the further meters of the price book, each with a quantity.';

CREATE FUNCTION llm_cost.same_reference(target llm_cost.rollup, period tstzrange, reference_at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	buckets		text := format('%I.%I AS b WHERE %s', (same_reference.target).schema_name, (same_reference.target).rollup_name,
		llm_cost.within(same_reference.period, 'b.bucket_start'));
	keys		text[] := ARRAY(SELECT CASE WHEN k = ANY ((same_reference.target).by_columns) THEN format('c.%I', k) ELSE 'NULL::text' END
		FROM unnest('{model,provider,service_tier,region}'::text[]) WITH ORDINALITY AS k (k, n) ORDER BY k.n);
	meters		jsonb;
	same		boolean;
BEGIN
	EXECUTE format('SELECT bool_and(b.reference_at = %L) FROM %s', same_reference.reference_at, buckets) INTO same;
	IF same IS NOT FALSE THEN
		RETURN true;
	ELSIF EXISTS (SELECT FROM unnest('{model,provider,service_tier,region}'::text[]) AS k
				  WHERE k = ANY ((same_reference.target).usage_columns) AND k <> ALL ((same_reference.target).by_columns)) THEN
		RETURN false;
	END IF;
	-- prices of another time will do where they were the same
	SELECT jsonb_object_agg(p.meter, 1) INTO meters
	FROM (SELECT DISTINCT p.meter FROM llm_cost.price p WHERE p.price_book = (same_reference.target).price_book) AS p
	WHERE p.meter NOT IN ('input', 'output', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'reasoning', 'request');
	EXECUTE format($sql$
		SELECT bool_and(llm_cost.price_signature(p.model, p.provider, p.service_tier, p.region, p.reference_at, %1$L, %2$L)
					  = llm_cost.price_signature(p.model, p.provider, p.service_tier, p.region, %3$L, %1$L, %2$L))
		FROM (SELECT DISTINCT %4$s, b.reference_at
			  FROM (SELECT b.* FROM %5$s AND b.reference_at <> %3$L) AS b
				   JOIN %6$I.%7$I AS c ON c.bucket_start = b.bucket_start AND c.attempts > c.unpriced_attempts) AS p (model, provider, service_tier, region, reference_at)$sql$,
		(same_reference.target).price_book, meters, same_reference.reference_at, array_to_string(keys, ', '), buckets,
		(same_reference.target).schema_name, (same_reference.target).rollup_name || '_cell') INTO same;
	RETURN same IS NOT FALSE;
END
$$;
COMMENT ON FUNCTION llm_cost.same_reference(llm_cost.rollup, tstzrange, timestamptz) IS
	'Whether reference_cost in the cells of a period is what it would be at the prices of a time: those it was computed with are of that time, or no model had other ones.';

CREATE FUNCTION llm_cost.check_rollup_time(
	target llm_cost.rollup, period tstzrange, step text, time_zone text, edges timestamptz[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	shown		text := format('%I.%I', (check_rollup_time.target).schema_name, (check_rollup_time.target).rollup_name);
	has			text := (check_rollup_time.target).bucket;
	zone		text := (check_rollup_time.target).time_zone;
	utc			text[] := ARRAY['utc', 'gmt', 'etc/utc', 'etc/gmt', 'zulu', 'universal', 'etc/universal', 'uct', 'etc/uct'];
	wrong		timestamptz;
	needed		tstzmultirange;
BEGIN
	IF lower(check_rollup_time.time_zone) <> lower(zone) AND NOT (lower(check_rollup_time.time_zone) = ANY (utc) AND lower(zone) = ANY (utc)) THEN
		RAISE EXCEPTION 'rollup % has buckets of time zone %, not of %', shown, zone, check_rollup_time.time_zone
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Ask with time_zone => %L, or ask the usage.', zone);
	ELSIF check_rollup_time.step <> 'period' AND check_rollup_time.step <> has
		  AND NOT (has = 'hour' OR has = 'day' AND check_rollup_time.step IN ('week', 'month')) THEN
		RAISE EXCEPTION 'rollup % has one bucket a %, and cannot tell by %', shown, has, check_rollup_time.step
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Ask for longer buckets, or ask the usage.';
	END IF;
	SELECT e.at INTO wrong FROM unnest(check_rollup_time.edges) AS e (at) WHERE date_trunc(has, e.at, zone) <> e.at ORDER BY e.at LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '% does not fall on the border of a bucket of rollup %', wrong, shown
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Buckets: %s, of time zone %s.', has, zone),
				HINT = format('The bucket begins at %s. Choose a period of whole buckets, or ask the usage.', date_trunc(has, wrong, zone));
	END IF;
	-- the bucket that is running is as good as the last refresh
	needed := tstzmultirange(tstzrange(lower(check_rollup_time.period), GREATEST(lower(check_rollup_time.period),
		LEAST(upper(check_rollup_time.period), date_trunc(has, now(), zone))))) - (check_rollup_time.target).covered;
	IF NOT isempty(needed) THEN
		RAISE EXCEPTION 'rollup % lacks % to %', shown, lower(needed), upper(needed)
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = CASE WHEN (check_rollup_time.target).refreshed_at IS NULL THEN 'It was never refreshed as a whole.'
						 ELSE format('It was refreshed at %s.', (check_rollup_time.target).refreshed_at) END,
				HINT = format('Call llm_cost.refresh_rollup(%L), or name the period: refresh_rollup(%L, %L).', shown, shown,
					tstzrange(lower(needed), upper(needed)));
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.check_rollup_time(llm_cost.rollup, tstzrange, text, text, timestamptz[]) IS
	'Fails unless a rollup has what a period asks for: the time zone, buckets short enough, borders where the edges are, and every bucket refreshed.';

CREATE FUNCTION llm_cost.rollup_query(
	usage regclass, period tstzrange, by text[], filter jsonb, reference_at timestamptz, bucket text, columns text[], measures text[],
	distributions boolean, step text, time_zone text, edges timestamptz[], referenced tstzrange) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	target		llm_cost.rollup;
	shown		text;
	needs		text[];		-- canonical columns that expressions of columns name
	filtered	text[] := ARRAY(SELECT jsonb_object_keys(COALESCE(rollup_query.filter, '{}')));
	by_user		boolean;
	read_columns text;
	sums		text;
	no_reference boolean := false;
	splits		text;
BEGIN
	SELECT r.* INTO target FROM llm_cost.live_rollup(rollup_query.usage) r;
	shown := format('%I.%I', target.schema_name, target.rollup_name);
	PERFORM llm_cost.check_rollup_time(target, rollup_query.period, rollup_query.step, rollup_query.time_zone, rollup_query.edges);

	needs := ARRAY(SELECT u.usage_column FROM llm_cost.usage_columns() u
		WHERE array_to_string(rollup_query.columns, ' ') ~ ('\m' || u.usage_column || '\M') ORDER BY u."position");
	PERFORM llm_cost.rollup_column(rollup_query.usage, c, 'r') FROM unnest(rollup_query.by || filtered || array_remove(needs, 'turn')) AS c;	-- errors
	by_user := NOT target.by_columns @> ARRAY(SELECT c FROM unnest(rollup_query.by || filtered || needs) AS c
		WHERE c = ANY (target.by_columns || target.user_columns || target.usage_columns));
	IF by_user AND 'turn' = ANY (needs) AND 'turn' = ANY (target.usage_columns) AND 'turn' <> ALL (target.user_columns) THEN
		PERFORM llm_cost.rollup_column(rollup_query.usage, 'turn', 'r');
	ELSIF by_user AND rollup_query.distributions THEN
		RAISE EXCEPTION 'rollup % has no distributions by %', shown, (SELECT string_agg(quote_ident(c), ', ') FROM unnest(rollup_query.by || filtered || needs) AS c
				WHERE c <> ALL (target.by_columns) AND c = ANY (target.user_columns))
			USING ERRCODE = 'undefined_column', DETAIL = 'User cells have sums only.', HINT = 'Ask the usage.';
	ELSIF 'conversations' = ANY (rollup_query.measures) THEN
		RAISE EXCEPTION 'rollup % cannot tell whether a conversation is that of weeks before', shown
			USING ERRCODE = 'feature_not_supported',
				DETAIL = format('It counts conversations as far back as operation_age, %s.', target.operation_age), HINT = 'Ask the usage.';
	END IF;

	-- a filter on other columns than those of attempts takes operations as a whole, or not at all
	filtered := ARRAY(SELECT c FROM unnest(filtered) AS c WHERE NOT llm_cost.varies_in_operation(c));
	IF filtered <> '{}' AND (rollup_query.measures IS NULL
			OR rollup_query.measures && '{operations,priced_operations,resolved_operations,outcome_operations,conversations,retries,unlogged_failures,operation_cost,operation_attempts,retry_cost,outcome_cost}'::text[]) THEN
		EXECUTE format('SELECT min(s.name) FROM %s AS b, unnest(b.split_by) AS s (name) WHERE %s AND s.name = ANY (%L)', shown,
			llm_cost.within(tstzrange(lower(rollup_query.period) - target.operation_age, upper(rollup_query.period) + target.operation_age), 'b.bucket_start'), filtered)
		INTO splits;
		IF splits IS NOT NULL THEN
			RAISE EXCEPTION 'rollup % cannot tell operations apart by %', shown, quote_ident(splits)
				USING ERRCODE = 'feature_not_supported',
					DETAIL = 'Attempts of one operation differ in it, and a filter would count only the part of an operation that passes.',
					HINT = format('Ask the usage, or take %s into "by" and choose rows of the result, where operations count where they began.', quote_ident(splits));
		END IF;
	END IF;

	IF rollup_query.measures IS NULL OR 'reference_cost' = ANY (rollup_query.measures) THEN
		no_reference := NOT llm_cost.same_reference(target, COALESCE(rollup_query.referenced, rollup_query.period),
			COALESCE(rollup_query.reference_at, lower(rollup_query.period)));
		IF no_reference AND rollup_query.reference_at IS NOT NULL THEN
			RAISE EXCEPTION 'rollup % does not know what its attempts cost at the prices of %', shown, rollup_query.reference_at
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = COALESCE((SELECT format('It has those of other times, and no column %s to tell whether they were the same.', min(k))
						FROM unnest('{model,provider,service_tier,region}'::text[]) AS k
						WHERE k = ANY (target.usage_columns) AND k <> ALL (target.by_columns) HAVING count(*) > 0),
						'It has those of other times, and a price changed in between.'),
					HINT = format('Call llm_cost.refresh_rollup(%L, %L, reference_at => %L), or ask the usage.', shown, COALESCE(rollup_query.referenced, rollup_query.period), rollup_query.reference_at);
		END IF;
	END IF;

	SELECT string_agg(format('%s AS dimension_%s', llm_cost.rollup_column(rollup_query.usage, d.name, 'r'), d.rank), ', ' ORDER BY d.rank) INTO read_columns
	FROM unnest(rollup_query.by) WITH ORDINALITY AS d (name, rank);
	read_columns := concat_ws(', ', read_columns,
		(SELECT string_agg(format('%s AS %I', CASE WHEN n <> 'turn' THEN llm_cost.rollup_column(rollup_query.usage, n, 'r')
				WHEN 'turn' = ANY (target.user_columns) THEN 'r.turn' ELSE 'NULL::bigint' END, n), ', ')
		 FROM unnest(needs) AS n),
		(SELECT string_agg(CASE WHEN m.measure = 'reference_cost' AND no_reference THEN 'NULL::numeric AS reference_cost' ELSE format('r.%I', m.measure) END, ', ' ORDER BY m."position")
		 FROM llm_cost.cell_measures() m WHERE rollup_query.measures IS NULL OR m.measure = ANY (rollup_query.measures)),
		CASE WHEN rollup_query.distributions THEN 'r.cost_distribution, r.context_distribution' END);
	SELECT string_agg(format(CASE m.data_type WHEN 'timestamptz' THEN 'min(%1$I) AS %1$I' WHEN 'bigint' THEN 'sum(%1$I)::bigint AS %1$I' ELSE 'sum(%1$I) AS %1$I' END, m.measure),
			', ' ORDER BY m."position")
	INTO sums
	FROM llm_cost.cell_measures() m WHERE rollup_query.measures IS NULL OR m.measure = ANY (rollup_query.measures);
	RETURN format('SELECT %s AS bucket%s, %s%s FROM (SELECT r.bucket_start AS started_at, %s FROM %I.%I AS r WHERE %s AND (%s)) AS stored GROUP BY %s',
		rollup_query.bucket,
		COALESCE((SELECT string_agg(', ' || c, '' ORDER BY i) FROM unnest(rollup_query.columns) WITH ORDINALITY AS u (c, i)), ''),
		sums,
		CASE WHEN rollup_query.distributions THEN ', llm_cost.combine(cost_distribution) AS cost_distribution, llm_cost.combine(context_distribution) AS context_distribution' ELSE '' END,
		read_columns, target.schema_name, target.rollup_name || CASE WHEN by_user THEN '_user_cell' ELSE '_cell' END,
		llm_cost.within(rollup_query.period, 'r.bucket_start'), llm_cost.filter_predicate(rollup_query.usage, rollup_query.filter, 'r'),
		array_to_string(ARRAY(SELECT g::text FROM generate_series(1, 1 + cardinality(rollup_query.columns)) AS g), ', '));
END
$$;
COMMENT ON FUNCTION llm_cost.rollup_query(regclass, tstzrange, text[], jsonb, timestamptz, text, text[], text[], boolean, text, text, timestamptz[], tstzrange) IS
	'SQL that sums the cells of a rollup to what summed_query() is asked for, from user cells only where it takes users. Errors say what the rollup lacks.';
