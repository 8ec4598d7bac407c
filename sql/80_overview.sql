/*
 * overview: the first table of the week.
 */

CREATE FUNCTION llm_cost.scope_text(scope jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- what could be read as two columns, or as nothing, is in quotes: no two scopes have one text
RETURN COALESCE((SELECT string_agg(format('%s=%s', CASE WHEN e.key ~ '=|, |^"' THEN to_json(e.key)::text ELSE e.key END,
			CASE WHEN e.value ~ ', |^"|^∅$' THEN to_json(e.value)::text ELSE COALESCE(e.value, '∅') END), ', ' ORDER BY e.key)
		FROM jsonb_each_text(scope) AS e), 'all');
COMMENT ON FUNCTION llm_cost.scope_text(jsonb) IS
	'A scope in words, each in its own: workflow=support, model=gpt-4o; team="Smith, John", as a comma parts columns; all for the empty one.';

CREATE FUNCTION llm_cost.main_column(usage regclass, period tstzrange) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
AS $$
DECLARE
	source		record;
	candidates	text[];
	named		bigint[];
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(main_column.usage);
	candidates := ARRAY(SELECT c.name FROM unnest('{workflow,feature,agent,team,intent,model}'::text[]) WITH ORDINALITY AS c (name, rank)
						WHERE c.name = ANY (source.columns) ORDER BY c.rank);
	IF source.from_item IS NULL OR cardinality(candidates) < 2 THEN
		RETURN candidates[1:1];
	END IF;
	EXECUTE format('SELECT ARRAY[%s] FROM %s AS a WHERE %s',
		(SELECT string_agg(format('count(a.%I)', c.name), ', ' ORDER BY c.rank) FROM unnest(candidates) WITH ORDINALITY AS c (name, rank)) || ', count(*)',
		source.from_item, llm_cost.period_predicate(source.relation, main_column.period, 'a')) INTO named;
	RETURN ARRAY(SELECT c.name FROM unnest(candidates) WITH ORDINALITY AS c (name, rank)
				 -- what half of the attempts name, else what any names
				 ORDER BY named[c.rank] * 2 < named[cardinality(named)], named[c.rank] = 0, c.rank LIMIT 1);
END
$$;
COMMENT ON FUNCTION llm_cost.main_column(regclass, tstzrange) IS
	'The column that a table of the week is by, where none was asked for: the first of workflow, feature, agent, team, intent, model that at least half of the attempts of the period name; else the first that any names. Empty where the usage has none of them.';

CREATE FUNCTION llm_cost.overview(
	usage regclass DEFAULT NULL, period tstzrange DEFAULT NULL, by text[] DEFAULT NULL, baseline text DEFAULT NULL,
	in_units_of text DEFAULT NULL, filter jsonb DEFAULT NULL, time_zone text DEFAULT NULL, max_rows integer DEFAULT 10,
	OUT scope text, OUT spend_usd numeric, OUT change_usd numeric, OUT from_volume_usd numeric, OUT from_new_users_usd numeric,
	OUT from_price_usd numeric, OUT from_unit_cost_usd numeric, OUT unit text, OUT unit_cost_usd numeric, OUT headline_pct numeric,
	OUT like_for_like_pct numeric, OUT low_pct numeric, OUT high_pct numeric, OUT verdict text, OUT cause text, OUT near_release text,
	OUT declared text, OUT weeks_open integer, OUT owner text, OUT priced_pct numeric, OUT matched_spend_pct numeric,
	OUT sampling_unit text, OUT next_sql text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 11 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	zone		text := llm_cost.checked_zone(overview.time_zone);
	whole		tstzrange := llm_cost.checked_period(overview.period, zone);
	source		record;
	chosen		record;
	dimensions	text[] := overview.by;
	next_column text;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(overview.usage);
	IF dimensions IS NULL THEN
		dimensions := llm_cost.main_column(source.relation, whole);
	END IF;
	IF COALESCE(overview.max_rows, 10) NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'max_rows must be between 1 and 1000'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_rows: %s.', overview.max_rows);
	END IF;
	SELECT * INTO chosen FROM llm_cost.chosen_metric(source.relation, 'unit_cost', overview.in_units_of, dimensions);
	SELECT d.name INTO next_column FROM unnest('{workflow,intent,step,model,user_id}'::text[]) WITH ORDINALITY AS d (name, rank)
	WHERE d.name = ANY (source.columns) AND d.name <> ALL (dimensions) ORDER BY d.rank LIMIT 1;

	RETURN QUERY EXECUTE format($sql$
		SELECT CASE WHEN r.label IS NULL THEN 'all other' ELSE llm_cost.scope_text(r.label) END,
			   b.spend, b.change, b.volume, b.new_users, b.price, b.change - b.volume - b.new_users - b.price, %2$L,
			   llm_cost.shown_number(r.value_after), round((100 * r.headline)::numeric, 1), round((100 * (r.estimate).change)::numeric, 1),
			   round((100 * r.low)::numeric, 1), round((100 * r.high)::numeric, 1), r.verdict, r.cause, r.near_release, r.declared,
			   -- earlier weeks in a row that changed the same way
			   CASE WHEN r.verdict IN ('increased', 'decreased') THEN 1 + (
				   SELECT count(*)::integer FROM unnest(r.quiet, r.quiet_p) WITH ORDINALITY AS q (change, p, n)
				   WHERE q.n < COALESCE((SELECT min(f.n) FROM unnest(r.quiet, r.quiet_p) WITH ORDINALITY AS f (change, p, n)
						WHERE (f.p < 0.01 AND sign(f.change) = sign((r.estimate).change)) IS NOT TRUE), 1000)) END,
			   r.sole_team, trunc(100 * (1 - r.unpriced_after / NULLIF(r.attempts_after, 0)), 1),
			   round((100 * (r.estimate).matched_after)::numeric, 1), r.sampling_unit,
			   CASE WHEN r.label IS NULL
					THEN format('SELECT * FROM llm_cost.overview(%%L, %%L, by => %%L%%s%%s, max_rows => 1000)', %3$L::text, %4$L::tstzrange, %5$L::text[],
						CASE WHEN %7$L <> '{}' THEN format(', filter => %%L', %7$L) ELSE '' END, %9$L)
					WHEN %6$L IS NOT NULL
					THEN format('SELECT * FROM llm_cost.overview(%%L, %%L, by => %%L, filter => %%L%%s)', %3$L::text, %4$L::tstzrange, ARRAY[%6$L], %7$L::jsonb || r.label, %9$L)
					WHEN %10$L
					THEN format('SELECT * FROM llm_cost.operations(%%L, filter => %%L, usage => %%L)', %4$L::tstzrange, %7$L::jsonb || r.label, %8$L::text)
			   END
		FROM (%1$s) AS r,
			 -- per period; what is known of before is the mean of the windows
			 -- where nothing has a price, spend is unknown and not nothing
			 LATERAL (SELECT CASE WHEN r.cost_after IS NOT NULL OR COALESCE(r.attempts_after, 0) = 0 THEN COALESCE(r.cost_after, 0) END AS spend, COALESCE(r.cost_before, 0) / GREATEST(r.windows_before, 1) AS spend_before,
							 COALESCE(r.reference_after, 0) - COALESCE(r.reference_new, 0) AS known_after,
							 COALESCE(r.reference_before, 0) / GREATEST(r.windows_before, 1) AS known_before,
							 COALESCE(r.n_after, 0) - COALESCE(r.n_new, 0) AS n_after,
							 COALESCE(r.n_before, 0)::numeric / GREATEST(r.windows_before, 1) AS n_before) AS a,
			 LATERAL (SELECT a.spend, CASE WHEN r.windows_before > 0 THEN a.spend - a.spend_before END AS change,
							 CASE WHEN r.windows_before > 0 THEN COALESCE(r.reference_new, 0) END AS new_users,
							 CASE WHEN r.windows_before > 0 THEN (a.spend - COALESCE(r.reference_after, 0)) - (a.spend_before - a.known_before) END AS price,
							 -- half at the unit cost of before, half at that of now
							 CASE WHEN r.windows_before > 0 THEN CASE WHEN a.n_after > 0 AND a.n_before > 0
								  THEN (a.n_after - a.n_before) * (a.known_after / a.n_after + a.known_before / a.n_before) / 2
								  ELSE a.known_after - a.known_before END END AS volume) AS x,
			 -- spend is exact; what comes of a division is not, and the last part takes the rest
			 LATERAL (SELECT trim_scale(x.spend) AS spend, trim_scale(x.spend - round(x.spend - x.change, 6)) AS change, round(x.new_users, 6) AS new_users,
							 round(x.price, 6) AS price, round(x.volume, 6) AS volume) AS b
		ORDER BY r.label IS NULL, abs(b.change) DESC NULLS LAST, b.spend DESC NULLS LAST, r.label$sql$,
		llm_cost.comparison_query(source.relation, 'unit_cost', chosen.chosen_unit, dimensions, whole, overview.baseline, overview.filter, zone,
			COALESCE(overview.max_rows, 10) - 1),
		chosen.chosen_unit, source.relation::text, whole, dimensions, next_column, COALESCE(overview.filter, '{}'),
		-- operations are in the usage, whatever the rest was read from
		(SELECT format(CASE WHEN pg_table_is_visible(source.relation) THEN '%2$I' ELSE '%1$I.%2$I' END, u.schema_name, u.relation_name)
		 FROM llm_cost.relation_parts(source.relation) u),
		concat(', baseline => ' || quote_literal(overview.baseline), ', in_units_of => ' || quote_literal(overview.in_units_of), ', time_zone => ' || quote_literal(overview.time_zone)),
		'operation_id' = ANY (source.columns));
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, overview.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.overview(regclass, tstzrange, text[], text, text, jsonb, text, integer) IS
	'Where spend moved in the period (NULL: the last full week) against the mean of the windows before (baseline as in drift()): the scopes with the largest changes, then all other, adding up to the total. change_usd is the sum of what came from volume (at the mean of both unit costs), from users never seen before, from prices (the same usage at the prices of the start of the period), and from unit cost. The columns from headline_pct to cause are those of drift(). by: NULL takes the first of workflow, feature, agent, team, intent, model that most attempts name. in_units_of: operation, attempt, conversation, user or outcome. weeks_open: for how many weeks in a row it has changed that way. owner: the team, if one alone uses the scope. next_sql: the next question to ask. Amounts are in the currency of the price book; NULL where no attempt has a price.';
