/*
 * Prices, rules and aliases that a user sets.  They go into the override
 * layer, which comes before imported and bundled facts when a price is looked
 * up and never touches their rows.
 */

CREATE FUNCTION llm_cost.check_price_book(price_book text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM llm_cost.price_book b
				   WHERE b.price_book = check_price_book.price_book) THEN
		RAISE EXCEPTION 'price book "%" does not exist', check_price_book.price_book
			USING ERRCODE = 'undefined_object',
				  HINT = 'Create it with llm_cost.add_price_book(). SELECT price_book FROM llm_cost.price_book lists those that exist.';
	END IF;
	RETURN check_price_book.price_book;
END
$$;
COMMENT ON FUNCTION llm_cost.check_price_book(text) IS
	'Returns the name of a price book as it is; errors with 42704 when there is no such book.';

/*
 * A key that is unknown would never match a request, and a value that is the
 * default means the same as leaving the key out: both would make a slot that
 * nobody asks for.
 */
CREATE FUNCTION llm_cost.check_attributes(attributes jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	unknown_key text;
	result jsonb;
BEGIN
	IF check_attributes.attributes IS NULL OR check_attributes.attributes = '{}' THEN
		RETURN jsonb '{}';
	END IF;
	IF jsonb_typeof(check_attributes.attributes) <> 'object' THEN
		RAISE EXCEPTION 'attributes must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('They are: %s.', check_attributes.attributes),
				  HINT = 'Write for example {"speed": "fast"}.';
	END IF;

	SELECT e.key INTO unknown_key
	FROM jsonb_each(check_attributes.attributes) e
	WHERE NOT EXISTS (SELECT FROM llm_cost.attribute a WHERE a.attribute = e.key)
	ORDER BY e.key LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'attribute "%" does not exist', unknown_key
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'SELECT * FROM llm_cost.attribute lists the attributes; llm_cost.add_attribute() adds one.';
	END IF;

	SELECT e.key INTO unknown_key
	FROM jsonb_each(check_attributes.attributes) e
	WHERE jsonb_typeof(e.value) IN ('object', 'array')
	ORDER BY e.key LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'value of attribute "%" must be text, a number or a boolean', unknown_key
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It is: %s.', check_attributes.attributes -> unknown_key);
	END IF;

	SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO result
	FROM jsonb_each_text(check_attributes.attributes) e
	JOIN llm_cost.attribute a ON a.attribute = e.key
	WHERE e.value <> a.default_value;
	RETURN result;
END
$$;
COMMENT ON FUNCTION llm_cost.check_attributes(jsonb) IS
	'Attributes without those that have their default value; {} for NULL. Errors with 22023 for a key that table attribute does not list, or a value that is an object or array.';

CREATE FUNCTION llm_cost.add_price_book(
	price_book text, currency text DEFAULT 'USD', base_book text DEFAULT NULL,
	note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	base_currency text;
	own_currency text := coalesce(add_price_book.currency, 'USD');
BEGIN
	PERFORM llm_cost.lock_prices();
	IF add_price_book.price_book IS NULL OR add_price_book.price_book = '' THEN
		RAISE EXCEPTION 'name of the price book must not be empty'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF own_currency !~ '^[A-Z]{3}$' THEN
		RAISE EXCEPTION 'invalid currency "%"', own_currency
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Use the three capital letters of ISO 4217, for example USD.';
	END IF;

	-- A base must exist first and a book is never given another one: no cycle.
	IF add_price_book.base_book IS NOT NULL THEN
		PERFORM llm_cost.check_price_book(add_price_book.base_book);
		SELECT b.currency INTO STRICT base_currency
		FROM llm_cost.price_book b WHERE b.price_book = add_price_book.base_book;
		IF base_currency <> own_currency THEN
			RAISE EXCEPTION 'currency of price book "%" differs from that of its base book',
							add_price_book.price_book
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = format('Book "%s" is in %s, not %s.', add_price_book.base_book,
									  base_currency, own_currency);
		END IF;
	END IF;

	INSERT INTO llm_cost.price_book AS b (price_book, currency, base_book, note)
	VALUES (add_price_book.price_book, own_currency, add_price_book.base_book, add_price_book.note)
	ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'price book "%" already exists', add_price_book.price_book
			USING ERRCODE = 'duplicate_object';
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.add_price_book(text, text, text, text) IS
	'Creates a price book, for example for contracted prices. currency: ISO 4217, of every amount in the book. base_book: supplies what the new book does not price itself; same currency; NULL: none. Errors: 42710 when the book exists, 42704 when the base book does not, 22023 for another currency than that of the base.';
REVOKE ALL ON FUNCTION llm_cost.add_price_book(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION llm_cost.add_attribute(
	attribute text, default_value text DEFAULT '', must_match boolean DEFAULT true,
	note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM llm_cost.lock_prices();
	IF add_attribute.attribute IS NULL OR add_attribute.attribute = '' THEN
		RAISE EXCEPTION 'name of the attribute must not be empty'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO llm_cost.attribute AS a (attribute, default_value, must_match, note)
	VALUES (add_attribute.attribute, coalesce(add_attribute.default_value, ''),
			coalesce(add_attribute.must_match, true), add_attribute.note)
	ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'attribute "%" already exists', add_attribute.attribute
			USING ERRCODE = 'duplicate_object';
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.add_attribute(text, text, boolean, text) IS
	'Adds a key that the attributes of prices, rules and requests may use. default_value: what leaving the key out means. must_match: a request with another value has no price unless a price or rule names the value; false: it falls back to the price without the key. Errors with 42710 when the key exists.';
REVOKE ALL ON FUNCTION llm_cost.add_attribute(text, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION llm_cost.clean_name(name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(regexp_replace(name, '^\s+|\s+$', '', 'g') COLLATE "C");
COMMENT ON FUNCTION llm_cost.clean_name(text) IS
	'A name as price books keep it: in lower case, without white space around it.';

/*
 * What set_price() and correct_price() have in common: the columns of a price
 * but its amount and time, spelled as the tables want them.
 */
CREATE FUNCTION llm_cost.price_slot(
	price_book text, provider text, model text, meter text, service_tier text,
	region text, tier_from bigint, time_window text, attributes jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names jsonb := jsonb_build_object(
		'model', llm_cost.clean_name(price_slot.model),
		'meter', llm_cost.clean_name(price_slot.meter),
		'provider', llm_cost.clean_name(price_slot.provider));
	missing text := CASE
		WHEN coalesce(names ->> 'model', '') = '' THEN 'model'
		WHEN coalesce(names ->> 'meter', '') = '' THEN 'meter'
		WHEN coalesce(names ->> 'provider', '') = '' THEN 'provider' END;
	long_name record;
BEGIN
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION '% of a price must not be empty', missing
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT n.key, n.value INTO long_name FROM jsonb_each_text(names) n
	WHERE length(n.value) > 256 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '% of a price is longer than 256 characters', long_name.key
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It begins with "%s".', left(long_name.value, 60));
	END IF;
	IF price_slot.tier_from NOT BETWEEN 0 AND 1000000000000000 THEN
		RAISE EXCEPTION 'tier_from must lie between 0 and 10^15'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It is %s.', price_slot.tier_from);
	END IF;
	IF price_slot.time_window !~ '^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$' THEN
		RAISE EXCEPTION 'invalid time window "%"', price_slot.time_window
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Write a daily window in UTC, end exclusive: 16:30-00:30.';
	END IF;

	RETURN jsonb_build_object(
		'price_book', llm_cost.check_price_book(coalesce(price_slot.price_book, 'list')),
		'provider', llm_cost.canonical_provider(names ->> 'provider'),
		'model', names ->> 'model',
		'meter', names ->> 'meter',
		'service_tier', lower(coalesce(nullif(price_slot.service_tier, ''), 'standard') COLLATE "C"),
		'region', lower(coalesce(price_slot.region, '') COLLATE "C"),
		'tier_from', coalesce(price_slot.tier_from, 0),
		'time_window', coalesce(price_slot.time_window, ''),
		'attributes', llm_cost.check_attributes(price_slot.attributes));
END
$$;
COMMENT ON FUNCTION llm_cost.price_slot(text, text, text, text, text, text, bigint, text, jsonb) IS
	'The columns that say what a price is for, as a jsonb object, names in lower case and trimmed, defaults filled in. Errors: 22004 for a missing model, meter or provider, 42704 for an unknown price book, 22023 for the rest.';

CREATE FUNCTION llm_cost.check_price(amount numeric, per numeric)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF check_price.amount IS NULL OR check_price.per IS NULL THEN
		RAISE EXCEPTION 'amount of a price must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				  HINT = 'An explicit 0 is a price.';
	END IF;
	IF check_price.amount < 0 OR check_price.amount > 1e18 OR check_price.amount = 'NaN' THEN
		RAISE EXCEPTION 'price out of range'
			USING ERRCODE = 'numeric_value_out_of_range',
				  DETAIL = format('The amount is %s.', check_price.amount),
				  HINT = 'A price lies between 0 and 1e18.';
	END IF;
	-- Whoever multiplies such a price must still hold it in a numeric.
	IF min_scale(check_price.amount) > 30 OR min_scale(check_price.per) > 30 THEN
		RAISE EXCEPTION 'price out of range'
			USING ERRCODE = 'numeric_value_out_of_range',
				  DETAIL = 'It has more than 30 digits after the point.',
				  HINT = 'Give the price of more units: "per" says of how many.';
	END IF;
	IF check_price.per <= 0 OR check_price.per > 1e18 OR check_price.per = 'NaN' THEN
		RAISE EXCEPTION '"per" of a price out of range'
			USING ERRCODE = 'numeric_value_out_of_range',
				  DETAIL = format('It is %s.', check_price.per),
				  HINT = 'Give the number of units that the amount buys: 1000000 for a price per million tokens.';
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.check_price(numeric, numeric) IS
	'Errors with 22004 or 22003 unless amount and per can be those of a price: an amount between 0 and 1e18, with at most 30 digits after the point, for more than 0 units.';

CREATE FUNCTION llm_cost.set_price(
	model text, meter text, amount numeric, valid_from timestamptz, provider text,
	per numeric DEFAULT 1000000, price_book text DEFAULT 'list',
	valid_to timestamptz DEFAULT NULL, service_tier text DEFAULT 'standard',
	region text DEFAULT NULL, tier_from bigint DEFAULT 0, tier_inclusive boolean DEFAULT false,
	time_window text DEFAULT NULL, attributes jsonb DEFAULT NULL,
	source text DEFAULT 'set_price', note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fact jsonb;
	slot uuid;
	ends_at timestamptz := set_price.valid_to;
	set_id uuid;
BEGIN
	PERFORM llm_cost.lock_prices();
	fact := llm_cost.price_slot(
		set_price.price_book, set_price.provider, set_price.model, set_price.meter,
		set_price.service_tier, set_price.region, set_price.tier_from,
		set_price.time_window, set_price.attributes);
	PERFORM llm_cost.check_price(set_price.amount, coalesce(set_price.per, 1000000));
	IF set_price.valid_from IS NULL THEN
		RAISE EXCEPTION 'valid_from must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				  HINT = 'Give the time from which the vendor charges this price; -infinity where it always has.';
	END IF;

	-- Any name may be a meter, so a misspelt one can only be remarked on.
	IF NOT EXISTS (SELECT FROM llm_cost.meters() m WHERE m.meter = fact ->> 'meter')
		AND NOT EXISTS (SELECT FROM llm_cost.price p WHERE p.meter = fact ->> 'meter')
	THEN
		RAISE NOTICE '"%" is a new meter of your own', fact ->> 'meter'
			USING HINT = 'SELECT * FROM llm_cost.meters() lists the standard meters.';
	END IF;

	-- A price without an end holds until the next one that was set: stating an
	-- earlier price must not silently take back a later one.
	IF ends_at IS NULL THEN
		LOCK TABLE llm_cost.price_override IN SHARE ROW EXCLUSIVE MODE;
		SELECT min(lower(p.valid)) INTO ends_at
		FROM llm_cost.belief_slots('llm_cost.price_override', jsonb_build_array(fact)) s
			 JOIN llm_cost.price_override p ON p.slot_id = s.slot_id
		WHERE upper_inf(p.known) AND lower(p.valid) > set_price.valid_from;
	END IF;

	slot := llm_cost.set_belief(
		'llm_cost.price_override',
		fact || jsonb_build_object(
			'amount', trim_scale(set_price.amount),
			'per', trim_scale(coalesce(set_price.per, 1000000)),
			'tier_inclusive', coalesce(set_price.tier_inclusive, false),
			'assumed', false,
			'source', coalesce(nullif(set_price.source, ''), 'set_price'),
			'note', set_price.note),
		llm_cost.valid_range(set_price.valid_from, ends_at));

	SELECT p.price_id INTO STRICT set_id
	FROM llm_cost.price_override p
	WHERE p.slot_id = slot AND upper_inf(p.known)
		AND (p.valid @> set_price.valid_from
			 OR set_price.valid_from = '-infinity' AND lower_inf(p.valid));
	RETURN set_id;
END
$$;
COMMENT ON FUNCTION llm_cost.set_price(text, text, numeric, timestamptz, text, numeric, text, timestamptz, text, text, bigint, boolean, text, jsonb, text, text) IS
	'Says what the vendor charges: from valid_from to valid_to "per" units of the meter cost "amount" in the currency of the price book. valid_to NULL: until the next price that was set for the same thing begins, if there is one; infinity: without end, replacing what was set for later. Comes before imported and bundled prices; what was set for other times stays. Names are stored in lower case, without white space around them. Returns the price_id; a price that already holds is left alone. Errors: 22004 when a required argument is null, 22003 for an amount out of range, 42704 for an unknown price book, 22023 for an unknown attribute, an empty range, valid_from infinity or a name longer than 256 characters. To put right a price that was wrong all along use correct_price().';
REVOKE ALL ON FUNCTION llm_cost.set_price(text, text, numeric, timestamptz, text, numeric, text, timestamptz, text, text, bigint, boolean, text, jsonb, text, text) FROM PUBLIC;

CREATE FUNCTION llm_cost.correct_price(
	model text, meter text, amount numeric, at timestamptz, provider text,
	per numeric DEFAULT NULL, price_book text DEFAULT 'list',
	service_tier text DEFAULT 'standard', region text DEFAULT NULL,
	tier_from bigint DEFAULT 0, time_window text DEFAULT NULL,
	attributes jsonb DEFAULT NULL, note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	slot_columns jsonb;
	slot uuid;
	wrong llm_cost.price;
	within tstzrange;
	corrected_id uuid;
BEGIN
	PERFORM llm_cost.lock_prices();
	slot_columns := llm_cost.price_slot(
		correct_price.price_book, correct_price.provider, correct_price.model,
		correct_price.meter, correct_price.service_tier, correct_price.region,
		correct_price.tier_from, correct_price.time_window, correct_price.attributes);
	IF correct_price.at IS NULL OR NOT isfinite(correct_price.at) THEN
		RAISE EXCEPTION '"at" must be a point in time'
			USING ERRCODE = 'null_value_not_allowed',
				  HINT = 'Give a time at which the wrong price holds.';
	END IF;
	SELECT s.slot_id INTO STRICT slot
	FROM llm_cost.belief_slots('llm_cost.price_override', jsonb_build_array(slot_columns)) s;

	-- Writers first: what is corrected must not change meanwhile.
	LOCK TABLE llm_cost.price_override IN SHARE ROW EXCLUSIVE MODE;
	SELECT p.* INTO wrong
	FROM llm_cost.price p
	WHERE p.slot_id = slot AND upper_inf(p.known) AND p.valid @> correct_price.at
	ORDER BY array_position('{override,imported,bundled}', p.layer)
	LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no price to correct'
			USING ERRCODE = 'undefined_object',
				  DETAIL = format('At %s there is no price for %s.', correct_price.at, slot_columns),
				  HINT = 'Use llm_cost.set_price() to set one; SELECT * FROM llm_cost.price shows all prices.';
	END IF;
	PERFORM llm_cost.check_price(correct_price.amount, coalesce(correct_price.per, wrong.per));

	-- A catalogue's price is corrected where nothing was set over it.
	within := wrong.valid;
	IF wrong.layer <> 'override' THEN
		SELECT piece INTO STRICT within
		FROM unnest(tstzmultirange(wrong.valid) - coalesce(
			(SELECT range_agg(o.valid) FROM llm_cost.price_override o
			 WHERE o.slot_id = slot AND upper_inf(o.known)), '{}')) AS piece
		WHERE piece @> correct_price.at;
	END IF;

	PERFORM llm_cost.set_belief(
		'llm_cost.price_override',
		slot_columns || jsonb_build_object(
			'amount', trim_scale(correct_price.amount),
			'per', trim_scale(coalesce(correct_price.per, wrong.per)),
			'tier_inclusive', wrong.tier_inclusive,
			'assumed', wrong.assumed,
			'source', 'correct_price',
			'note', correct_price.note),
		within);

	SELECT p.price_id INTO STRICT corrected_id
	FROM llm_cost.price_override p
	WHERE p.slot_id = slot AND upper_inf(p.known) AND p.valid @> correct_price.at;
	RETURN corrected_id;
END
$$;
COMMENT ON FUNCTION llm_cost.correct_price(text, text, numeric, timestamptz, text, numeric, text, text, text, bigint, text, jsonb, text) IS
	'Puts right a price that we had wrong: the price that holds at time "at" gets another amount for the same time, as if it had always been so; what was answered before stays reproducible with known_at. A catalogue''s price is corrected by an override over the time it holds. per NULL: that of the wrong price. Returns the price_id. Errors: 42704 when there is nothing to correct, 22003 for an amount out of range. For a change by the vendor use set_price().';
REVOKE ALL ON FUNCTION llm_cost.correct_price(text, text, numeric, timestamptz, text, numeric, text, text, text, bigint, text, jsonb, text) FROM PUBLIC;
