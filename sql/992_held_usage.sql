/*
 * Held usage: what a report asks some thirty questions of is read once.
 *
 * The attempts of all usages, as far back as a report looks, are copied in one
 * statement, and so from one snapshot, into temporary tables, with their costs
 * worked out.  Analyses of that session read a copy instead of the usage while
 * there is one (usage_source()), and may not ask it for a time that it does not
 * hold (period_predicate()).
 */

CREATE FUNCTION llm_cost.held_span(period tstzrange) RETURNS tstzrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- twelve comparisons back, or a quarter, and two days on both sides for operations and time zones
RETURN tstzrange(LEAST(lower(period) - 12 * 7 * ceil(EXTRACT(epoch FROM upper(period) - lower(period)) / 604800) * INTERVAL '1 day',
		upper(period) - INTERVAL '119 days') - INTERVAL '2 days', upper(period) + INTERVAL '2 days');
COMMENT ON FUNCTION llm_cost.held_span(tstzrange) IS
	'What a report on a period reads, at most.';

CREATE FUNCTION llm_cost.hold_usages(usages regclass[], period tstzrange) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET client_min_messages = warning
AS $$
DECLARE
	one			regclass;
	source		record;
	held		text;
	span		tstzrange := llm_cost.held_span(hold_usages.period);
	copies		text := '';
	security	text := current_setting('row_security');
	tables		text[] := ARRAY[]::text[];
BEGIN
	FOREACH one IN ARRAY hold_usages.usages LOOP
		SELECT * INTO source FROM llm_cost.usage_source(one);
		held := format('llm_cost_held_%s', source.relation::oid);
		-- a rollup is read as it is, and so is a table that has no cost
		CONTINUE WHEN source.from_item IS NULL OR source.from_item LIKE '(%' OR held = ANY (tables);
		EXECUTE format('DROP TABLE IF EXISTS pg_temp.%1$I; CREATE TEMPORARY TABLE %1$I ON COMMIT DROP AS SELECT * FROM %2$s WITH NO DATA', held, source.from_item);
		EXECUTE format('COMMENT ON TABLE pg_temp.%I IS %L', held, span);
		copies := copies || format('%s %I AS (INSERT INTO pg_temp.%2$I SELECT a.* FROM %3$s AS a WHERE %4$s)', CASE WHEN copies = '' THEN 'WITH' ELSE ',' END,
			held, source.from_item, llm_cost.period_predicate(source.relation, span, 'a'));
		tables := tables || held;
	END LOOP;
	IF tables = '{}' THEN
		RETURN;
	END IF;
	-- Costs are of the copy, and prices to compare with are looked up after: until
	-- the report is written both are to be what is believed now.
	PERFORM llm_cost.await_pricing();
	-- what row security hides must not pass for nothing
	PERFORM set_config('row_security', 'off', true);
	EXECUTE copies || ' SELECT';
	PERFORM set_config('row_security', security, true);
	FOREACH held IN ARRAY tables LOOP
		EXECUTE format('CREATE INDEX ON pg_temp.%1$I (started_at); ANALYZE pg_temp.%1$I', held);
	END LOOP;
EXCEPTION WHEN OTHERS THEN
	-- then the questions read the usages themselves, and say what is wrong
	IF SQLSTATE ~ '^(25|40|57|XX)' THEN
		RAISE;
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.hold_usages(regclass[], tstzrange) IS
	'Copies what a report on a period reads of usages into temporary tables of the session, which are gone at the end of the transaction. Until then prices do not change: who changes them waits. Without the right or the room to do so nothing is copied.';

CREATE FUNCTION llm_cost.release_usages() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	held		text;
BEGIN
	FOR held IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = pg_my_temp_schema() AND c.relname ~ '^llm_cost_held_\d+$' LOOP
		EXECUTE format('DROP TABLE pg_temp.%I', held);
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.release_usages() IS
	'Drops the copies of hold_usages() before the transaction ends.';
