/*
 * Comparing a catalogue with what is believed, and import_prices().
 */

/*
 * What a catalogue changes.  A dated slot has its whole timeline in the
 * catalogue.  An undated one says what holds from now on, or always when the
 * slot was unknown.  A slot that the source had and now lacks ends.
 */
CREATE FUNCTION llm_cost.import_changes(
	target regclass, facts jsonb, source text, price_book text, valid_from timestamptz)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET enable_nestloop = off SET jit = off
AS $$
DECLARE
	changes jsonb;
BEGIN
	EXECUTE format($sql$
		WITH fact AS MATERIALIZED (
			SELECT f.slot_id, f.dated, f.fact
			FROM jsonb_to_recordset($1) AS f(slot_id uuid, dated boolean, fact jsonb)
		), believed AS MATERIALIZED (
			SELECT b.slot_id,
				   bool_or(b.source = $2 AND b.valid && r.from_now
						   AND coalesce(to_jsonb(b) ->> 'price_book', $3) = $3) AS ours
			FROM %s b, (SELECT tstzrange(coalesce($4, clock_timestamp()), NULL)) r(from_now)
			WHERE upper_inf(b.known)
			GROUP BY b.slot_id
		), moment AS MATERIALIZED (
			SELECT tstzrange(nullif(coalesce($4, clock_timestamp()), '-infinity'), NULL) AS from_now,
				   tstzrange(nullif($4, '-infinity'), NULL) AS since
		), change AS (
			SELECT f.slot_id, '(,)'::tstzrange AS within,
				   jsonb_agg(f.fact ORDER BY (f.fact ->> 'valid')::tstzrange) AS facts
			FROM fact f WHERE f.dated
			GROUP BY f.slot_id
			UNION ALL
			SELECT f.slot_id,
				   CASE WHEN b.slot_id IS NULL THEN '(,)' ELSE m.from_now END,
				   jsonb_build_array(f.fact || jsonb_build_object(
					   'valid', CASE WHEN b.slot_id IS NULL THEN m.since ELSE m.from_now END,
					   'assumed', $4 IS NULL))
			FROM fact f LEFT JOIN believed b ON b.slot_id = f.slot_id, moment m
			WHERE NOT f.dated
			UNION ALL
			SELECT b.slot_id, m.from_now, '[]'
			FROM believed b, moment m
			WHERE b.ours AND NOT EXISTS (SELECT FROM fact f WHERE f.slot_id = b.slot_id)
		)
		SELECT jsonb_agg(jsonb_build_object(
			'slot_id', c.slot_id, 'within', c.within, 'facts', c.facts))
		FROM change c
		$sql$, import_changes.target)
	USING import_changes.facts, import_changes.source, import_changes.price_book,
		  import_changes.valid_from
	INTO changes;
	RETURN coalesce(changes, '[]');
END
$$;
COMMENT ON FUNCTION llm_cost.import_changes(regclass, jsonb, text, text, timestamptz) IS
	'Changes, as revise_beliefs() takes them, that a catalogue makes to a table of imported facts: its own slots, and the end of those that the source no longer has. Changes nothing.';

CREATE FUNCTION llm_cost.fact_text(fact jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f jsonb := fact_text.fact;
BEGIN
	RETURN CASE
		WHEN f ? 'meter' THEN
			concat_ws(' ', (f ->> 'provider') || '/' || (f ->> 'model'), f ->> 'meter',
				nullif(f ->> 'service_tier', 'standard'), nullif(f ->> 'region', ''),
				'>' || nullif(f ->> 'tier_from', '0'), nullif(f ->> 'time_window', ''),
				nullif(f ->> 'attributes', '{}'))
		WHEN f ? 'rule' THEN f ->> 'rule'
		ELSE concat_ws(' ', f ->> 'kind', nullif(f ->> 'provider', ''), f ->> 'pattern') END;
END
$$;
COMMENT ON FUNCTION llm_cost.fact_text(jsonb) IS
	'What a price, rule or alias is about, for people to read: provider/model, meter and conditions.';

CREATE FUNCTION llm_cost.import_prices(
	catalogue jsonb, format text, source text DEFAULT NULL, price_book text DEFAULT 'list',
	valid_from timestamptz DEFAULT NULL, dry_run boolean DEFAULT false,
	OUT action text, OUT prices bigint, OUT example text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE ROWS 20
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET timezone = 'UTC'
AS $$
DECLARE
	book text;
	named text := coalesce(nullif(import_prices.source, ''), import_prices.format);
	foreign_format boolean := import_prices.format <> 'llm_cost';
	book_currency text;
	other_currency text;
	entries llm_cost.catalogue_entry[];
	not_read jsonb := jsonb '[]';
	target record;
	facts jsonb;
	changes jsonb;
	own_slots bigint;
	counts record;
BEGIN
	-- A dry run neither waits nor writes: it works with SELECT only and on a standby.
	IF NOT coalesce(import_prices.dry_run, false) THEN
		PERFORM llm_cost.lock_prices();
	END IF;
	book := llm_cost.check_price_book(coalesce(import_prices.price_book, 'list'));
	IF import_prices.catalogue IS NULL OR import_prices.format IS NULL THEN
		RAISE EXCEPTION 'catalogue and format must not be null'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM llm_cost.valid_range(import_prices.valid_from, NULL);	-- infinity is an error
	entries := llm_cost.read_catalogue(import_prices.catalogue, import_prices.format);

	SELECT b.currency INTO STRICT book_currency
	FROM llm_cost.price_book b WHERE b.price_book = book;
	SELECT c INTO other_currency
	FROM unnest(CASE WHEN foreign_format THEN '{USD}'
				ELSE llm_cost.catalogue_currencies(import_prices.catalogue) END) c
	WHERE c <> book_currency LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'catalogue is in %, price book "%" in %', other_currency, book, book_currency
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Import it into a price book of its currency; llm_cost.add_price_book() makes one.';
	END IF;

	IF NOT EXISTS (SELECT FROM unnest(entries) e WHERE e.target IN ('price', 'rule', 'alias')) THEN
		RAISE EXCEPTION 'catalogue has no prices'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Nothing was changed. Was the download complete, and is the format right?';
	END IF;

	IF NOT coalesce(import_prices.dry_run, false) THEN
		LOCK TABLE llm_cost.imported_price, llm_cost.imported_rule, llm_cost.imported_alias
			IN SHARE ROW EXCLUSIVE MODE;
	END IF;

	FOR target IN
		SELECT * FROM (VALUES ('price', 'llm_cost.imported_price'::regclass, ''),
							  ('rule', 'llm_cost.imported_rule', 'rules '),
							  ('alias', 'llm_cost.imported_alias', 'aliases ')) v(name, relation, prefix)
	LOOP
		SELECT coalesce(jsonb_agg(to_jsonb(f)) FILTER (WHERE NOT f.passed_over), '[]'),
			   not_read || coalesce(jsonb_agg(to_jsonb(f) - 'fact') FILTER (WHERE f.passed_over), '[]')
		INTO facts, not_read
		FROM llm_cost.catalogue_facts(entries, target.name, target.relation, book, named,
									  foreign_format) f;
		changes := llm_cost.import_changes(target.relation, facts, named, book,
										   import_prices.valid_from);

		SELECT count(*) FILTER (WHERE d.believed = '[]') AS added,
			   min(llm_cost.fact_text(d.revised -> 0) COLLATE "C") FILTER (WHERE d.believed = '[]') AS added_example,
			   count(*) FILTER (WHERE d.believed <> '[]' AND d.revised <> '[]') AS changed,
			   min(llm_cost.fact_text(d.revised -> 0)
				   || CASE WHEN d.revised -> 0 ? 'amount' THEN
					  format(': %s per %s -> %s per %s',
						d.believed -> p.place ->> 'amount', d.believed -> p.place ->> 'per',
						d.revised -> p.place ->> 'amount', d.revised -> p.place ->> 'per')
					  ELSE '' END COLLATE "C")
				   FILTER (WHERE d.believed <> '[]' AND d.revised <> '[]') AS changed_example,
			   count(*) FILTER (WHERE d.revised = '[]') AS closed,
			   min(llm_cost.fact_text(d.believed -> 0) COLLATE "C") FILTER (WHERE d.revised = '[]') AS closed_example,
			   count(*) FILTER (WHERE o.slot_id IS NOT NULL AND d.revised <> '[]') AS overridden,
			   min(llm_cost.fact_text(d.revised -> 0) COLLATE "C")
				   FILTER (WHERE o.slot_id IS NOT NULL AND d.revised <> '[]') AS overridden_example,
			   jsonb_agg(jsonb_build_object(
				   'slot_id', d.slot_id, 'within', d.within, 'facts', d.revised)) AS differing
		INTO counts
		FROM llm_cost.belief_differences(target.relation, changes) d
			 -- Where the example shows the difference: at the start, else at the end.
			 CROSS JOIN LATERAL (SELECT CASE WHEN llm_cost.same_belief(d.believed -> 0, d.revised -> 0)
							 THEN -1 ELSE 0 END) AS p(place)
			 -- The same slot has the same id in every layer, and an override comes first.
			 LEFT JOIN (SELECT DISTINCT p.slot_id FROM llm_cost.price_override p
						WHERE target.name = 'price' AND upper_inf(p.known)
							AND p.valid && tstzrange(clock_timestamp(), NULL)) o ON o.slot_id = d.slot_id;

		-- A download cut short must not end every price.
		IF target.name = 'price' AND import_prices.valid_from IS NULL THEN
			SELECT count(DISTINCT p.slot_id) INTO own_slots
			FROM llm_cost.imported_price p
			WHERE p.price_book = book AND p.source = named AND upper_inf(p.known)
				AND p.valid @> clock_timestamp();
			IF counts.closed * 2 > own_slots THEN
				RAISE EXCEPTION 'catalogue lacks % of the % prices that source "%" had',
								counts.closed, own_slots, named
					USING ERRCODE = 'invalid_parameter_value',
						  DETAIL = format('For example %s. Nothing was changed.', counts.closed_example),
						  HINT = 'If the vendors really withdrew them, say from when: valid_from => now(). If this is another catalogue, give it another source.';
			END IF;
		END IF;

		IF NOT coalesce(import_prices.dry_run, false) AND counts.differing IS NOT NULL THEN
			PERFORM llm_cost.revise_beliefs(target.relation, counts.differing);
		END IF;

		IF target.name = 'price' OR changes <> '[]' THEN
			RETURN QUERY
			SELECT target.prefix || a.action, a.number, a.example
			FROM (VALUES (1, 'added', counts.added, counts.added_example),
						 (2, 'changed', counts.changed, counts.changed_example),
						 (3, 'closed', counts.closed, counts.closed_example),
						 (4, 'unchanged', jsonb_array_length(changes)
							 - counts.added - counts.changed - counts.closed, NULL),
						 (5, 'overridden', counts.overridden, counts.overridden_example))
				AS a(place, action, number, example)
			WHERE a.action <> 'overridden' OR a.number > 0
			ORDER BY a.place;
		END IF;
	END LOOP;

	RETURN QUERY
	SELECT r.action, count(*), min(r.entry || ': ' || r.field || ' = ' || left(r.value::text, 80))
	FROM (SELECT CASE e.target WHEN 'aliases_skipped' THEN 'aliases skipped'
				 ELSE 'not_understood' END AS action, e.entry, e.field, e.value
		  FROM unnest(entries) e WHERE e.target NOT IN ('price', 'rule', 'alias')
		  UNION ALL
		  SELECT 'not_understood', p.entry, p.field, p.value
		  FROM jsonb_to_recordset(not_read) AS p(entry text, field text, value jsonb)) r
	GROUP BY r.action, r.field
	ORDER BY r.action, r.field;
END
$$;
COMMENT ON FUNCTION llm_cost.import_prices(jsonb, text, text, text, timestamptz, boolean) IS
	'Imports a price catalogue into a price book. format: litellm, genai-prices, langfuse or llm_cost. source: names the catalogue, not its version; keep it the same from import to import (NULL: the format''s name). valid_from: when undated changes take effect (NULL: now; unknown prices then hold from the beginning, marked assumed). Prices that the source had and the catalogue lacks end. dry_run: report only; needs nothing but SELECT. Returns how many prices were added, changed, closed and unchanged, the same for rules and aliases where there are any, how many of the added and changed prices are overridden (a price that was set holds for the same thing now or later, so cost() does not see the import there; only where there are any), and for each field that looks like a price but was not understood the number of occurrences and an example. Errors, with nothing imported: 22023 for a catalogue that is not of the format, contradicts itself, is empty or lacks more than half of the source''s prices while valid_from is NULL; 22003 for a price out of range; 42704 for an unknown price book.';
REVOKE ALL ON FUNCTION llm_cost.import_prices(jsonb, text, text, text, timestamptz, boolean) FROM PUBLIC;
