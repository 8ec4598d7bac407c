/*
 * What every analysis begins with: which usage, which period, which part of it,
 * by which columns.
 *
 * Static SQL cannot read a relation that it is told by name, so each analysis
 * writes one statement and runs it.  The pieces are made here, once: a relation
 * or column of the user's gets into a statement as a quoted name only, a value
 * as a quoted literal only.  The statement reads with the caller's rights.
 */

CREATE FUNCTION llm_cost.usage_source(
	usage regclass, OUT relation regclass, OUT from_item text, OUT columns text[], OUT price_book text, OUT cost_attributes text, OUT own_cost boolean)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attached	text[];
	present		text[];
BEGIN
	relation := usage_source.usage;
	IF relation IS NULL THEN
		SELECT array_agg(format('%I.%I', a.schema_name, a.view_name) ORDER BY a.schema_name, a.view_name), min(c.oid::bigint)::oid::regclass
		INTO attached, relation
		FROM llm_cost.attached_usage a
			 JOIN pg_namespace n ON n.nspname = a.schema_name
			 JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.view_name AND c.relkind = 'v';
		IF attached IS NULL THEN
			RAISE EXCEPTION 'no usage is attached'
				USING ERRCODE = 'undefined_table',
					HINT = 'Call llm_cost.attach(''your_table''), or name one: usage => ''relation''.';
		ELSIF cardinality(attached) > 1 THEN
			RAISE EXCEPTION 'more than one usage is attached'
				USING ERRCODE = 'ambiguous_parameter',
					DETAIL = format('Attached: %s.', array_to_string(attached, ', ')),
					HINT = format('Name one: usage => %L.', attached[1]);
		END IF;
	END IF;

	-- stored cells: no FROM item for attempts
	SELECT r.usage_columns, r.price_book INTO columns, price_book FROM llm_cost.live_rollup(relation) r;
	IF FOUND THEN
		RETURN;
	END IF;
	SELECT format('%I.%I', n.nspname, c.relname), a.columns, COALESCE(a.price_book, 'list')
	INTO from_item, columns, price_book
	FROM pg_class c
		 JOIN pg_namespace n ON n.oid = c.relnamespace
		 LEFT JOIN LATERAL llm_cost.live_registration(relation) a ON true
	WHERE c.oid = relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f');
	IF from_item IS NULL THEN
		RAISE EXCEPTION '% is not a relation of usage', relation
			USING ERRCODE = 'wrong_object_type',
				HINT = 'llm_cost.attach() makes one of a table of LLM calls.';
	END IF;
	present := llm_cost.column_names(relation);
	IF present @> '{started_at,model,cost,cost_problem}' THEN
		IF (SELECT t.typcategory = 'N' AND t.oid NOT IN ('float4'::regtype, 'float8'::regtype) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
			WHERE a.attrelid = relation AND a.attname = 'cost') IS NOT TRUE THEN
			RAISE EXCEPTION 'column cost of % must be numeric', relation
				USING ERRCODE = 'datatype_mismatch',
					DETAIL = format('It is %s.', (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = 'cost')),
					HINT = 'Money is exact: read it from a view that has cost::numeric, or let attach() compute it.';
		END IF;
		own_cost := columns IS NULL;
		IF own_cost THEN
			columns := ARRAY(SELECT u.usage_column FROM llm_cost.usage_columns() u WHERE u.usage_column = ANY (present));
		END IF;
		cost_attributes := CASE WHEN 'attributes' = ANY (present) THEN 'attributes' END;
		from_item := COALESCE(llm_cost.held_usage(relation)::text, from_item);
	ELSE
		-- canonical columns without cost: what attach() would make of them
		SELECT format('(%s)', q.query), ARRAY(SELECT jsonb_object_keys(q.described)), 'attributes'
		INTO from_item, columns, cost_attributes
		FROM llm_cost.usage_query(relation, 'generic', NULL, price_book, NULL, NULL) q;
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.usage_source(regclass) IS
	'How to read a usage: NULL is the only one attached (an error when there is none, or more). Gives what to select from, which canonical columns have a source, and the price book. A relation with canonical columns and without cost is read as attach() would read it; own_cost: it has a cost, of which the price book need know nothing. A table of a rollup has no from_item: only its cells can be read.';

CREATE FUNCTION llm_cost.require_columns(usage regclass, needed text[], purpose text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing		text;
	source		record;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(require_columns.usage);
	SELECT n.name INTO missing FROM unnest(require_columns.needed) WITH ORDINALITY AS n (name, rank)
	WHERE n.name <> ALL (source.columns) ORDER BY n.rank LIMIT 1;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION '% needs the column %, which % does not report', require_columns.purpose, missing, source.relation
			USING ERRCODE = 'undefined_column',
				DETAIL = format('%s: %s', missing, (SELECT u.description FROM llm_cost.usage_columns() u WHERE u.usage_column = missing)),
				HINT = format('Detach it and attach it again with mapping => ''{"%s": "your_column"}''.', missing);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.require_columns(regclass, text[], text) IS
	'Fails with the first of the canonical columns that the usage has no source for, and says what it is and how to map it.';

CREATE FUNCTION llm_cost.column_expression(usage regclass, column_name text, qualifier text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	canonical	text[];
	present		text[];
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(column_expression.usage);
	IF source.from_item IS NULL THEN
		RETURN llm_cost.rollup_column(source.relation, column_expression.column_name, column_expression.qualifier);
	END IF;
	canonical := ARRAY(SELECT u.usage_column FROM llm_cost.usage_columns() u);
	-- a subquery and a view of attach() have all of them, a relation with a cost of its own may not
	present := CASE WHEN source.from_item LIKE '(%' THEN canonical ELSE llm_cost.column_names(source.relation) END;
	IF column_expression.column_name LIKE 'tags.%' THEN
		IF 'tags' = ANY (present) AND source.own_cost
		   AND (SELECT a.atttypid NOT IN ('json'::regtype, 'jsonb'::regtype) FROM pg_attribute a WHERE a.attrelid = source.relation AND a.attname = 'tags') THEN
			RAISE EXCEPTION 'column tags of usage % has no labels', source.relation
				USING ERRCODE = 'datatype_mismatch',
					DETAIL = format('It is %s.', (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = source.relation AND a.attname = 'tags')),
					HINT = 'Labels are read from json or jsonb; a column of its own name is read as it is.';
		END IF;
		RETURN CASE WHEN 'tags' = ANY (present) THEN format('(%I.tags ->> %L)', column_expression.qualifier, substr(column_expression.column_name, 6))
			   ELSE 'NULL::text' END;
	ELSIF column_expression.column_name = ANY (present) THEN
		RETURN format('%I.%I::text', column_expression.qualifier, column_expression.column_name);
	ELSIF column_expression.column_name = ANY (canonical) THEN
		RETURN 'NULL::text';
	END IF;
	present := canonical || present;
	RAISE EXCEPTION 'column "%" of usage % does not exist', column_expression.column_name, source.relation
		USING ERRCODE = 'undefined_column',
			HINT = COALESCE('Perhaps you meant ' || llm_cost.near_names(column_expression.column_name, present) || '. ', '')
				|| 'A label in tags is written tags.label.';
END
$$;
COMMENT ON FUNCTION llm_cost.column_expression(regclass, text, text) IS
	'SQL that reads a column of a usage, or a label of its tags (tags.label), as text; NULL for a canonical column that it lacks. Errors when there is no such column.';

CREATE FUNCTION llm_cost.filter_predicate(usage regclass, filter jsonb, qualifier text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry		record;
	expression	text;
	terms		text[] := ARRAY[]::text[];
	choices		text[];
BEGIN
	IF jsonb_typeof(COALESCE(filter_predicate.filter, '{}')) <> 'object' THEN
		RAISE EXCEPTION 'filter must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Filter: %s.', filter_predicate.filter),
				HINT = 'For example {"workflow": "support", "model": ["gpt-4o", "gpt-4o-mini"], "team": null}.';
	END IF;
	FOR entry IN SELECT f.key, f.value FROM jsonb_each(filter_predicate.filter) AS f ORDER BY f.key LOOP
		expression := llm_cost.column_expression(filter_predicate.usage, entry.key, filter_predicate.qualifier);
		IF jsonb_typeof(entry.value) = 'object'
		   OR jsonb_typeof(entry.value) = 'array'
			  AND jsonb_path_exists(entry.value, 'strict $[*] ? (@.type() == "object" || @.type() == "array")') THEN
			RAISE EXCEPTION 'invalid filter on column %: %', entry.key, entry.value
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'Write a value, a list of values, or null.';
		END IF;
		choices := ARRAY(SELECT v.value #>> '{}'
						 FROM jsonb_array_elements(CASE jsonb_typeof(entry.value) WHEN 'array' THEN entry.value
												   ELSE jsonb_build_array(entry.value) END) AS v (value));
		terms := terms || format('(%s = ANY (%L::text[])%s)', expression, array_remove(choices, NULL),
			CASE WHEN array_position(choices, NULL) IS NULL THEN '' ELSE format(' OR %s IS NULL', expression) END);
	END LOOP;
	RETURN COALESCE(NULLIF(array_to_string(terms, ' AND '), ''), 'true');
END
$$;
COMMENT ON FUNCTION llm_cost.filter_predicate(regclass, jsonb, text) IS
	'SQL condition for a filter, an object of columns and the values they may have, compared as text: {"workflow": "support", "model": ["a", "b"], "team": null}. Errors when a column does not exist.';

CREATE FUNCTION llm_cost.tell_if_no_usage(usage regclass, period tstzrange, filter jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	present		boolean;
	hidden		text;
	ends_at		timestamptz;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(tell_if_no_usage.usage);
	IF source.from_item IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s AS a WHERE (%s) AND (%s) AND (%s))', source.from_item,
		llm_cost.period_predicate(source.relation, tell_if_no_usage.period, 'a'), llm_cost.within(tell_if_no_usage.period, 'a.started_at'),
		llm_cost.filter_predicate(source.relation, tell_if_no_usage.filter, 'a')) INTO present;
	IF present THEN
		RETURN;
	END IF;
	-- of the relation itself, and of those that a view reads, and the views it reads
	WITH RECURSIVE read (relation) AS (
		SELECT source.relation
		UNION
		SELECT d.refobjid::regclass FROM read v JOIN pg_rewrite r ON r.ev_class = v.relation
			 JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
	)
	SELECT string_agg(t.relation::text, ', ' ORDER BY t.relation::text) INTO hidden
	FROM read t
	WHERE row_security_active(t.relation::oid);
	EXECUTE format('SELECT max(a.started_at) FROM %s AS a', source.from_item) INTO ends_at;
	RAISE NOTICE 'no usage of % in %', source.relation, tell_if_no_usage.period
		USING DETAIL = concat_ws(' ', CASE WHEN ends_at IS NULL THEN 'You see no rows of it at all.' ELSE format('The last attempt you see is of %s.', ends_at) END,
				CASE WHEN tell_if_no_usage.filter <> '{}' THEN format('Filter: %s.', tell_if_no_usage.filter) END),
			HINT = CASE WHEN hidden IS NOT NULL THEN format('Row security of %s may hide it from you.', hidden)
				   WHEN tell_if_no_usage.filter <> '{}' THEN 'Look at the filter, or name another period.'
				   ELSE 'Name another period, for example tstzrange(now() - INTERVAL ''7 days'', now()).' END;
END
$$;
COMMENT ON FUNCTION llm_cost.tell_if_no_usage(regclass, tstzrange, jsonb) IS
	'What an analysis without a result calls: a NOTICE if the usage has no rows in the period that pass the filter, with the time of the last one there is, and with the tables whose row security may hide some.';

CREATE FUNCTION llm_cost.checked_zone(time_zone text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM timezone(checked_zone.time_zone, 'epoch'::timestamp);	-- errors when unknown
	RETURN COALESCE(checked_zone.time_zone, current_setting('TimeZone'));
END
$$;
COMMENT ON FUNCTION llm_cost.checked_zone(text) IS
	'The time zone, or that of the session for NULL. Errors when there is no such zone.';

CREATE FUNCTION llm_cost.last_week(time_zone text DEFAULT NULL, as_of timestamptz DEFAULT NULL) RETURNS tstzrange
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(last_week.time_zone);
	monday		timestamp := date_trunc('week', timezone(zone, COALESCE(last_week.as_of, now())));
BEGIN
	RETURN tstzrange(timezone(zone, monday - INTERVAL '7 days'), timezone(zone, monday));
END
$$;
COMMENT ON FUNCTION llm_cost.last_week(text, timestamptz) IS
	'The last full week, Monday to Monday, before as_of (NULL: now) in a time zone (NULL: that of the session).';

CREATE FUNCTION llm_cost.checked_period(period tstzrange, time_zone text) RETURNS tstzrange
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF checked_period.period IS NULL THEN
		RETURN llm_cost.last_week(checked_period.time_zone);
	ELSIF isempty(checked_period.period) OR lower_inf(checked_period.period) OR upper_inf(checked_period.period)
		  OR NOT isfinite(lower(checked_period.period)) OR NOT isfinite(upper(checked_period.period))
		  -- its end is exclusive, whatever is written
		  OR lower(checked_period.period) = upper(checked_period.period) THEN
		RAISE EXCEPTION 'period must have a start and an end'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Period: %s.', checked_period.period),
				HINT = 'For example tstzrange(''2026-06-01'', ''2026-06-08''), or llm_cost.last_week().';
	-- earlier windows of the same length must have a date, too
	ELSIF lower(checked_period.period) < '1900-01-01' OR upper(checked_period.period) > '3000-01-01'
		  OR upper(checked_period.period) - lower(checked_period.period) > INTERVAL '36525 days' THEN
		RAISE EXCEPTION 'period is out of range'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Period: %s.', checked_period.period),
				HINT = 'It begins in 1900 or later, ends before 3000, and lasts 100 years at most.';
	END IF;
	RETURN tstzrange(lower(checked_period.period), upper(checked_period.period));
END
$$;
COMMENT ON FUNCTION llm_cost.checked_period(tstzrange, text) IS
	'The period with its start and without its end; the last full week for NULL. Errors when it is empty, unbounded, before 1900, after 2999 or longer than 100 years.';

/*
 * A comparison is of windows: the period against windows before it that fall on
 * the same weekdays and hours of local time, and, to see what quiet times do,
 * earlier pairs of the same shape (pair 1, 2, ...).
 */
CREATE FUNCTION llm_cost.comparison_windows(
	period tstzrange, baseline text, time_zone text, quiet_pairs integer,
	OUT pair integer, OUT side text, OUT during tstzrange)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 45
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	first		timestamp := timezone(comparison_windows.time_zone, lower(comparison_windows.period));
	last		timestamp := timezone(comparison_windows.time_zone, upper(comparison_windows.period));
	-- whole weeks, the fewest that the period fits into
	step		integer := 7 * GREATEST(1, ceil(EXTRACT(epoch FROM last - first) / 604800)::integer);
	before		tstzrange;
	windows		integer := 4;
BEGIN
	IF lower(btrim(comparison_windows.baseline)) = 'plan' THEN
		RAISE EXCEPTION 'a plan is no range of time'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'llm_cost.drift() compares with a plan; here write ''4 weeks'' or a range such as ''[2026-05-04,2026-06-01)''.';
	ELSIF comparison_windows.baseline ~ '^\s*\d{1,4}\s*weeks?\s*$' THEN
		windows := substring(comparison_windows.baseline, '\d+')::integer * 7 / step;
		IF windows < 1 THEN
			RAISE EXCEPTION 'baseline is shorter than the period'
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = format('Baseline: %s. Period: %s.', comparison_windows.baseline, comparison_windows.period),
					HINT = format('Take ''%s weeks'' or more.', step / 7);
		END IF;
	ELSIF comparison_windows.baseline IS NOT NULL THEN
		BEGIN
			before := llm_cost.checked_period(comparison_windows.baseline::tstzrange, comparison_windows.time_zone);
		EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation THEN
			RAISE EXCEPTION 'invalid baseline: "%"', comparison_windows.baseline
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'Write ''4 weeks'', ''plan'', or a range such as ''[2026-05-04,2026-06-01)''.';
		END;
		IF upper(before) > lower(comparison_windows.period) THEN
			RAISE EXCEPTION 'baseline must end before the period begins'
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = format('Baseline: %s. Period: %s.', before, comparison_windows.period),
					HINT = 'Take an earlier range, or ''4 weeks''.';
		END IF;
	END IF;
	FOR k IN 0 .. comparison_windows.quiet_pairs LOOP
		pair := k;
		side := 'after';
		during := tstzrange(timezone(comparison_windows.time_zone, first - make_interval(days => k * step)),
			timezone(comparison_windows.time_zone, last - make_interval(days => k * step)));
		RETURN NEXT;
		side := 'before';
		IF before IS NULL THEN
			FOR i IN 1 .. windows LOOP
				during := tstzrange(timezone(comparison_windows.time_zone, first - make_interval(days => (k + i) * step)),
					timezone(comparison_windows.time_zone, last - make_interval(days => (k + i) * step)));
				RETURN NEXT;
			END LOOP;
		ELSE
			during := tstzrange(
				timezone(comparison_windows.time_zone, timezone(comparison_windows.time_zone, lower(before)) - make_interval(days => k * step)),
				timezone(comparison_windows.time_zone, timezone(comparison_windows.time_zone, upper(before)) - make_interval(days => k * step)));
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.comparison_windows(tstzrange, text, text, integer) IS
	'The windows of a comparison: pair 0 is the period (after) against its baseline (before), pairs 1, 2, ... are the same, whole weeks earlier each. baseline: NULL, four windows before; ''N weeks''; or a range. Windows keep local time and weekdays.';
