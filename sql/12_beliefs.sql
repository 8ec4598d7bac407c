/*
 * Changing what is believed.
 *
 * Every table of facts (price, rule, alias; imported or override) is changed
 * in one way only: within a range of valid time the timeline of a slot becomes
 * what the caller says, outside it stays.  Rows in the way are closed in
 * "known" and their parts outside the range are believed anew, so what was
 * answered with an earlier known_at can be answered again.  A slot whose
 * timeline already is what the caller says is left alone: its price_id and its
 * "known" stay.
 *
 * Facts travel as jsonb objects with the columns of the table as keys: one
 * implementation serves all tables, and numbers stay exact.  A change is
 *
 *   {"slot_id": uuid, "within": range, "facts": [{columns…, "valid": range}, …]}
 *
 * with facts in order of time, without overlap, each inside "within"; a slot
 * appears in one change at most.
 *
 * The planner cannot know how many elements a jsonb array has and takes it for
 * a short one; nested loops over a whole catalogue would take minutes instead
 * of a second.  Hence "enable_nestloop = off" (and no JIT for the costs that
 * this makes the planner see) on the functions that join such arrays.
 */

/*
 * A transaction may set a price and then a rule, another a rule and then a
 * price: with a lock for each table they would wait for each other for ever.
 * So whoever changes prices takes this one lock before anything else, and
 * keeps it to the end of the transaction.  It needs no privilege; the table
 * locks stay, against those who write to the tables directly.
 */
CREATE FUNCTION llm_cost.lock_prices()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
-- any constant that nobody else uses: the eight bytes of "llm_cost"
RETURN pg_advisory_xact_lock(7812739710038537076);
COMMENT ON FUNCTION llm_cost.lock_prices() IS
	'Makes the transaction the only one that changes prices, rules, aliases, price books or attributes; others wait for its end. Every function that changes them calls it first. Readers do not wait.';
REVOKE ALL ON FUNCTION llm_cost.lock_prices() FROM PUBLIC;

CREATE FUNCTION llm_cost.await_pricing()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN pg_advisory_xact_lock_shared(7812739710038537076);
COMMENT ON FUNCTION llm_cost.await_pricing() IS
	'Waits until no transaction has lock_prices(), and lets none have it until the end of this transaction or subtransaction, for what must see prices stand still. Any number of sessions may have it at once.';

-- What a slot is, only the table knows: its generated column is the definition.
CREATE FUNCTION llm_cost.belief_slots(target regclass, facts jsonb)
RETURNS TABLE (ordinality bigint, slot_id uuid)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	slot_expression text;
BEGIN
	SELECT pg_get_expr(d.adbin, d.adrelid) INTO STRICT slot_expression
	FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
	WHERE a.attrelid = belief_slots.target AND a.attname = 'slot_id';

	FOR ordinality, slot_id IN EXECUTE format($sql$
		SELECT e.ordinality, slot.id
		FROM jsonb_array_elements($1) WITH ORDINALITY AS e(fact, ordinality),
			 LATERAL (SELECT %2$s AS id FROM jsonb_populate_record(NULL::%1$s, e.fact)) slot
		$sql$, belief_slots.target, slot_expression)
	USING belief_slots.facts
	LOOP
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.belief_slots(regclass, jsonb) IS
	'Slot of each fact in a jsonb array, as the generated column slot_id of the target table defines it; by position in the array, from 1.';

/*
 * Where a fact comes from, and remarks, are not what it says; a price of 2.5
 * per 1000000 is a price of 0.0000025 per 1.
 */
CREATE FUNCTION llm_cost.same_belief(one jsonb, other jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 50
RETURN (one OPERATOR(pg_catalog.-) '{valid,known,slot_id,price_id,assumed,source,note,amount,per}'::pg_catalog.text[])
	OPERATOR(pg_catalog.=)
	(other OPERATOR(pg_catalog.-) '{valid,known,slot_id,price_id,assumed,source,note,amount,per}'::pg_catalog.text[])
	AND (one OPERATOR(pg_catalog.->>) 'amount')::pg_catalog.numeric
		OPERATOR(pg_catalog.*) (other OPERATOR(pg_catalog.->>) 'per')::pg_catalog.numeric
		IS NOT DISTINCT FROM
		(other OPERATOR(pg_catalog.->>) 'amount')::pg_catalog.numeric
		OPERATOR(pg_catalog.*) (one OPERATOR(pg_catalog.->>) 'per')::pg_catalog.numeric;
COMMENT ON FUNCTION llm_cost.same_belief(jsonb, jsonb) IS
	'Whether two facts, as jsonb, say the same: all columns but time, ids, assumed, source and note; prices are compared per unit.';

CREATE FUNCTION llm_cost.same_timeline(one jsonb, other jsonb)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 500
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_array_length(same_timeline.one) <> jsonb_array_length(same_timeline.other) THEN
		RETURN false;
	END IF;
	FOR i IN 0 .. jsonb_array_length(same_timeline.one) - 1 LOOP
		IF (same_timeline.one -> i ->> 'valid')::tstzrange
			<> (same_timeline.other -> i ->> 'valid')::tstzrange
			OR NOT llm_cost.same_belief(same_timeline.one -> i, same_timeline.other -> i)
		THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION llm_cost.same_timeline(jsonb, jsonb) IS
	'Whether two jsonb arrays of facts, each in order of time, say the same at all times.';

CREATE FUNCTION llm_cost.belief_differences(target regclass, changes jsonb)
RETURNS TABLE (slot_id uuid, within tstzrange, believed jsonb, revised jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET enable_nestloop = off SET jit = off
AS $$
BEGIN
	FOR slot_id, within, believed, revised IN EXECUTE format($sql$
		WITH change AS MATERIALIZED (
			SELECT c.slot_id, c.within, c.facts
			FROM jsonb_to_recordset($1) AS c(slot_id uuid, within tstzrange, facts jsonb)
		), believed AS (
			SELECT b.slot_id,
				   jsonb_agg(to_jsonb(b) || jsonb_build_object('valid', b.valid * c.within)
							 ORDER BY b.valid) AS facts
			FROM %s b JOIN change c ON b.slot_id = c.slot_id
			WHERE upper_inf(b.known) AND b.valid && c.within
			GROUP BY b.slot_id
		)
		SELECT c.slot_id, c.within, coalesce(b.facts, '[]'), c.facts
		FROM change c LEFT JOIN believed b ON b.slot_id = c.slot_id
		WHERE NOT llm_cost.same_timeline(coalesce(b.facts, '[]'), c.facts)
		$sql$, belief_differences.target)
	USING belief_differences.changes
	LOOP
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.belief_differences(regclass, jsonb) IS
	'Of the given changes, those that say something else than the table now believes: the facts believed inside the range, clipped to it, and the facts to be believed. Changes nothing.';

/*
 * One instant serves all slots of a call.  It lies after every "known" of the
 * slots concerned, so that no range is empty: neither for two corrections
 * within a microsecond nor when the clock has been set back.
 */
CREATE FUNCTION llm_cost.revise_beliefs(target regclass, changes jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET enable_nestloop = off SET jit = off
AS $$
DECLARE
	column_list text;
	revised bigint;
BEGIN
	-- Writers queue here, and the next statement's snapshot sees what the one
	-- before has done.
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', revise_beliefs.target);

	SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO column_list
	FROM pg_attribute a
	WHERE a.attrelid = revise_beliefs.target AND a.attnum > 0
		AND NOT a.attisdropped AND a.attgenerated = '';

	-- Closing and believing anew is one statement: the exclusion constraint is
	-- checked at its end.
	EXECUTE format($sql$
		WITH change AS MATERIALIZED (
			SELECT d.slot_id, d.within, d.revised
			FROM llm_cost.belief_differences($1, $2) d
		), moment AS MATERIALIZED (
			SELECT greatest(clock_timestamp(),
							max(lower(b.known)) + interval '1 microsecond',
							max(upper(b.known))) AS now
			FROM %1$s b JOIN change c ON b.slot_id = c.slot_id
		), closed AS (
			UPDATE %1$s b SET known = tstzrange(lower(b.known), m.now)
			FROM change c, moment m
			WHERE b.slot_id = c.slot_id AND upper_inf(b.known) AND b.valid && c.within
		), stays AS (
			SELECT to_jsonb(b) || jsonb_build_object('valid', piece) AS fact
			FROM %1$s b JOIN change c ON b.slot_id = c.slot_id,
				 unnest(tstzmultirange(b.valid) - tstzmultirange(c.within)) AS piece
			WHERE upper_inf(b.known) AND b.valid && c.within
		), anew AS (
			INSERT INTO %1$s (%2$s)
			SELECT %2$s
			FROM moment m,
				 LATERAL (SELECT s.fact FROM stays s
						  UNION ALL
						  SELECT e.fact FROM change c, jsonb_array_elements(c.revised) AS e(fact)) n,
				 LATERAL jsonb_populate_record(NULL::%1$s,
					n.fact || jsonb_build_object('known', tstzrange(m.now, NULL)))
		)
		SELECT count(*) FROM change
		$sql$, revise_beliefs.target, column_list)
	USING revise_beliefs.target, revise_beliefs.changes
	INTO revised;

	RETURN revised;
END
$$;
COMMENT ON FUNCTION llm_cost.revise_beliefs(regclass, jsonb) IS
	'Makes the given changes to a table of prices, rules or aliases and returns the number of slots that changed. Each change is an object {slot_id, within, facts}: inside the range "within" the slot is believed to be exactly the facts. Nothing is overwritten: rows in the way are closed in "known".';
REVOKE ALL ON FUNCTION llm_cost.revise_beliefs(regclass, jsonb) FROM PUBLIC;

CREATE FUNCTION llm_cost.set_belief(
	target regclass, fact jsonb, within tstzrange, ends boolean DEFAULT false)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	slot uuid;
BEGIN
	SELECT s.slot_id INTO STRICT slot
	FROM llm_cost.belief_slots(set_belief.target, jsonb_build_array(set_belief.fact)) s;

	PERFORM llm_cost.revise_beliefs(set_belief.target, jsonb_build_array(jsonb_build_object(
		'slot_id', slot,
		'within', set_belief.within,
		'facts', CASE WHEN coalesce(set_belief.ends, false) THEN '[]'
				 ELSE jsonb_build_array(
					set_belief.fact || jsonb_build_object('valid', set_belief.within)) END)));
	RETURN slot;
END
$$;
COMMENT ON FUNCTION llm_cost.set_belief(regclass, jsonb, tstzrange, boolean) IS
	'Believes one fact, an object with the columns of the table, for a range of valid time, or, with "ends", that nothing holds there. Returns the slot.';
REVOKE ALL ON FUNCTION llm_cost.set_belief(regclass, jsonb, tstzrange, boolean) FROM PUBLIC;

CREATE FUNCTION llm_cost.valid_range(valid_from timestamptz, valid_to timestamptz)
RETURNS tstzrange
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF valid_range.valid_from >= valid_range.valid_to THEN
		RAISE EXCEPTION 'valid_to must be later than valid_from'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('From %s to %s.', valid_range.valid_from, valid_range.valid_to),
				  HINT = 'The end is exclusive. Leave valid_to out where no end is known.';
	END IF;
	IF valid_range.valid_from = 'infinity' OR valid_range.valid_to = '-infinity' THEN
		RAISE EXCEPTION 'nothing holds from infinity on, or until -infinity'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Give a point in time; valid_from -infinity means always, valid_to infinity without end.';
	END IF;
	-- An unbounded range and one that ends at infinity must not be two things.
	RETURN tstzrange(nullif(valid_range.valid_from, '-infinity'),
					 nullif(valid_range.valid_to, 'infinity'));
END
$$;
COMMENT ON FUNCTION llm_cost.valid_range(timestamptz, timestamptz) IS
	'Range from valid_from to valid_to, end exclusive; NULL or infinity: unbounded. Errors with 22023 when it would be empty or begin at infinity.';
