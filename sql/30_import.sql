/*
 * Importing catalogues.
 *
 * A reader for each format turns its JSON into rows of one shape,
 * catalogue_entry; everything after that is common: checking, one timeline for
 * each slot, comparison with what is believed, the report, the change.  Nothing
 * is half imported, and a dry run does all but the last step.
 */

CREATE TYPE llm_cost.catalogue_entry AS (
	target		text,			-- price, rule or alias; not_understood or aliases_skipped: reported only
	entry		text,			-- where it stands, in the catalogue's own words
	field		text,
	value		jsonb,			-- the number as the catalogue has it
	times		numeric,		-- what it is multiplied by to become amount or factor
	fact		jsonb,			-- the other columns; those left out have their default
	valid_from	timestamptz,	-- NULL: not dated
	valid_to	timestamptz,
	preference	integer			-- of two entries for one slot the lower one speaks
);
COMMENT ON TYPE llm_cost.catalogue_entry IS
	'One price, rule or alias as a reader found it in a catalogue, or a field that it could not read.';

CREATE FUNCTION llm_cost.canonical_provider(provider text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(
		(SELECT a.to_provider
		 FROM llm_cost.model_alias a
		 WHERE a.kind = 'provider' AND a.pattern = lower(canonical_provider.provider COLLATE "C")
			AND a.provider = '' AND a.tenant = ''
			AND upper_inf(a.known) AND a.valid @> statement_timestamp()
		 ORDER BY array_position('{override,imported,bundled}', a.layer)
		 LIMIT 1),
		lower(canonical_provider.provider COLLATE "C"));
END
$$;
COMMENT ON FUNCTION llm_cost.canonical_provider(text) IS
	'Name under which a provider''s prices are stored: in lower case, other spellings replaced as aliases of kind provider say. NULL for NULL.';

CREATE FUNCTION llm_cost.catalogue_time(at text, field text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
BEGIN
	IF catalogue_time.at ~ '^\d{4}-\d\d-\d\d$' THEN
		RETURN (catalogue_time.at || ' 00:00:00+00')::timestamptz;
	ELSIF catalogue_time.at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$' THEN
		RETURN catalogue_time.at::timestamptz;
	ELSIF catalogue_time.at IS NOT NULL THEN
		RAISE EXCEPTION 'invalid time "%" in catalogue', catalogue_time.at
			USING ERRCODE = 'invalid_datetime_format',
				  DETAIL = format('Field "%s".', catalogue_time.field),
				  HINT = 'Write a date (midnight UTC) or a time with its zone: 2026-01-31 or 2026-01-31T16:30:00Z.';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION llm_cost.catalogue_time(text, text) IS
	'Time in a catalogue: a date means midnight UTC, a time needs its zone, whatever the session''s settings are; NULL for NULL. Errors with 22007 for anything else; "field" is for the message.';

CREATE FUNCTION llm_cost.check_pattern(pattern text, entry text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql STABLE	-- catches errors, which a parallel worker may not
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- The first catches a ")(" that the group around it would balance, the
	-- second is what names are matched with.
	PERFORM '' ~ check_pattern.pattern;
	PERFORM '' ~ ('^(?:' || check_pattern.pattern || ')$');
EXCEPTION WHEN invalid_regular_expression THEN
	RAISE EXCEPTION 'invalid pattern "%"', check_pattern.pattern
		USING ERRCODE = 'invalid_regular_expression',
			  DETAIL = concat_ws(' ', SQLERRM || '.', 'Entry "' || check_pattern.entry || '".'),
			  HINT = 'A pattern is a regular expression over the whole name, without options such as (?i) or ***= before it; names are compared in lower case.';
END
$$;
COMMENT ON FUNCTION llm_cost.check_pattern(text, text) IS
	'Errors with 2201B unless the pattern of an alias is a regular expression that can stand inside ^(?:…)$. entry: where it stands in a catalogue, for the message.';

CREATE FUNCTION llm_cost.check_catalogue(entries llm_cost.catalogue_entry[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bad record;
BEGIN
	PERFORM llm_cost.check_pattern(e.fact ->> 'pattern', e.entry)
	FROM unnest(check_catalogue.entries) e
	WHERE e.target = 'alias' AND e.fact ->> 'kind' = 'pattern';

	SELECT e.target, e.entry, e.field, e.value,
		   CASE WHEN jsonb_typeof(e.value) <> 'number' THEN 'not a number'
				WHEN e.value < '0' THEN 'negative'
				WHEN (e.value::numeric) * e.times > 1e18 THEN 'too large'
				WHEN e.target = 'price' AND min_scale(e.value::numeric * e.times) > 30 THEN 'too fine'
				WHEN e.target = 'price' AND coalesce(llm_cost.clean_name(e.fact ->> 'model'), '') = '' THEN 'nameless'
				WHEN e.target = 'price' AND greatest(length(e.fact ->> 'model'), length(e.fact ->> 'meter'),
					length(e.fact ->> 'provider')) > 256 THEN 'long'
				WHEN e.target = 'price' AND (e.fact ->> 'tier_from')::numeric > 1e15 THEN 'far tier'
				WHEN e.valid_from >= e.valid_to THEN 'empty' END AS problem
	INTO bad
	FROM unnest(check_catalogue.entries) e
	WHERE e.target IN ('price', 'rule', 'alias')
		AND (e.target <> 'alias'
			 AND (jsonb_typeof(e.value) <> 'number'
				  OR CASE WHEN jsonb_typeof(e.value) = 'number'
					 THEN e.value < '0' OR (e.value::numeric) * e.times > 1e18 END)
			 OR e.target = 'price' AND (
				coalesce(llm_cost.clean_name(e.fact ->> 'model'), '') = ''
				OR CASE WHEN jsonb_typeof(e.value) = 'number'
				   THEN min_scale(e.value::numeric * e.times) > 30 END
				OR greatest(length(e.fact ->> 'model'), length(e.fact ->> 'meter'),
					length(e.fact ->> 'provider')) > 256
				OR (e.fact ->> 'tier_from')::numeric > 1e15)
			 OR e.valid_from >= e.valid_to)
	LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;

	CASE bad.problem
		WHEN 'not a number' THEN
			RAISE EXCEPTION '% in catalogue is not a number', bad.target
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = format('Entry "%s", field "%s": %s.', bad.entry, bad.field, bad.value),
					  HINT = 'Write a JSON number; leave the field out, or null, where there is none.';
		WHEN 'negative' THEN
			RAISE EXCEPTION '% in catalogue is negative', bad.target
				USING ERRCODE = 'numeric_value_out_of_range',
					  DETAIL = format('Entry "%s", field "%s": %s.', bad.entry, bad.field, bad.value),
					  HINT = 'Write discounts as a lower price or as a rule.';
		WHEN 'too large' THEN
			RAISE EXCEPTION '% in catalogue is too large', bad.target
				USING ERRCODE = 'numeric_value_out_of_range',
					  DETAIL = format('Entry "%s", field "%s": %s.', bad.entry, bad.field,
									  left(bad.value::text, 40)),
					  HINT = 'A price lies between 0 and 1e18.';
		WHEN 'too fine' THEN
			RAISE EXCEPTION '% in catalogue is too small', bad.target
				USING ERRCODE = 'numeric_value_out_of_range',
					  DETAIL = format('Entry "%s", field "%s": %s.', bad.entry, bad.field,
									  left(bad.value::text, 40)),
					  HINT = 'A price has at most 30 digits after the point.';
		WHEN 'long' THEN
			RAISE EXCEPTION 'name in catalogue is longer than 256 characters'
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = format('Entry "%s", field "%s".', left(bad.entry, 60), left(bad.field, 60)),
					  HINT = 'Is the format right?';
		WHEN 'far tier' THEN
			RAISE EXCEPTION 'context tier in catalogue is out of range'
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = format('Entry "%s", field "%s".', bad.entry, bad.field),
					  HINT = 'A context tier begins at 10^15 tokens at most.';
		WHEN 'nameless' THEN
			RAISE EXCEPTION 'model in catalogue has no name'
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = format('Entry "%s", field "%s": %s.', bad.entry, bad.field, bad.value),
					  HINT = 'Give the model a name, or remove the entry.';
		ELSE
			RAISE EXCEPTION '% in catalogue ends before it begins', bad.target
				USING ERRCODE = 'invalid_parameter_value',
					  DETAIL = format('Entry "%s", field "%s".', bad.entry, bad.field),
					  HINT = 'The end is exclusive and must be later than the start.';
	END CASE;
END
$$;
COMMENT ON FUNCTION llm_cost.check_catalogue(llm_cost.catalogue_entry[]) IS
	'Errors for the first entry that cannot be a fact: 22003 for a negative, too large or too small number, 22023 for anything else than a number, a missing or too long name, a context tier beyond 10^15 or an empty range, 2201B for a pattern that is no regular expression.';

/*
 * Entries of one target become facts: all columns, names in lower case, exact
 * amounts, and one timeline without overlap for each slot.
 *
 * Other catalogues went through binary floating point; the 16th and 17th digit
 * of a number there is noise.  Our own format is decimal and taken as it is.
 */
CREATE FUNCTION llm_cost.catalogue_facts(
	entries llm_cost.catalogue_entry[], target text, relation regclass,
	price_book text, source text, float_noise boolean,
	OUT slot_id uuid, OUT dated boolean, OUT fact jsonb,
	OUT entry text, OUT field text, OUT value jsonb, OUT passed_over boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET enable_nestloop = off SET jit = off
AS $$
DECLARE
	columns jsonb := CASE catalogue_facts.target
		WHEN 'price' THEN '{"service_tier": "standard", "region": "", "tier_from": 0,
			"tier_inclusive": false, "time_window": "", "attributes": {}, "note": null}'
		WHEN 'rule' THEN '{"stacking_order": 100, "provider": "", "models": [], "meters": [],
			"service_tier": "", "region": "", "attributes": {}, "of_book": "", "note": null}'
		ELSE '{"tenant": "", "provider": "", "to_provider": "", "to_model": "",
			"to_region": "", "note": null}' END::jsonb;
	bad record;
	placed jsonb;
BEGIN
	IF catalogue_facts.target <> 'alias' THEN
		columns := columns || jsonb_build_object('price_book', catalogue_facts.price_book);
	END IF;

	WITH read AS MATERIALIZED (
		SELECT row_number() OVER () AS n, e.*
		FROM unnest(catalogue_facts.entries) e
		WHERE e.target = catalogue_facts.target
	), seller AS MATERIALIZED (
		SELECT s.name, llm_cost.canonical_provider(llm_cost.clean_name(s.name)) AS provider
		FROM (SELECT r.fact ->> 'provider' AS name FROM read r
			  UNION
			  SELECT r.fact ->> 'to_provider' FROM read r) s
		WHERE s.name <> ''
	), exact AS (
		SELECT r.n, trim_scale(CASE WHEN catalogue_facts.float_noise AND d.significant > 15
			THEN round(d.number, scale(d.number) - (d.significant - 15)) ELSE d.number END
			* r.times) AS number
		FROM read r,
			 LATERAL (SELECT t.number,
							 length(ltrim(replace(t.number::text, '.', ''), '0')) AS significant
					  FROM (SELECT trim_scale(r.value::numeric)) t(number)) d
		WHERE r.target <> 'alias'
	), complete AS (
		SELECT r.n, columns || r.fact
			|| jsonb_strip_nulls(jsonb_build_object(
				'provider', p.provider,
				'to_provider', t.provider,
				'model', llm_cost.clean_name(r.fact ->> 'model'),
				'to_model', llm_cost.clean_name(r.fact ->> 'to_model'),
				'meter', llm_cost.clean_name(r.fact ->> 'meter'),
				'pattern', CASE WHEN r.fact ->> 'kind' <> 'pattern'
						   THEN lower(r.fact ->> 'pattern' COLLATE "C") END,
				'service_tier', lower(nullif(r.fact ->> 'service_tier', '') COLLATE "C"),
				'region', lower(r.fact ->> 'region' COLLATE "C"),
				-- 32000.0 is 32000.
				'tier_from', trim_scale((r.fact ->> 'tier_from')::numeric),
				'stacking_order', trim_scale((r.fact ->> 'stacking_order')::numeric),
				'per', trim_scale((r.fact ->> 'per')::numeric),
				'attributes', CASE WHEN r.target <> 'alias'
							  THEN llm_cost.check_attributes(r.fact -> 'attributes') END,
				CASE WHEN r.target = 'rule' THEN 'factor' ELSE 'amount' END, x.number))
			-- The argument names the catalogue; where in it a fact comes from is a remark.
			|| CASE WHEN catalogue_facts.source IS NULL
			   THEN jsonb_build_object('source', coalesce(r.fact ->> 'source', 'bundled'))
			   ELSE jsonb_build_object(
				   'source', catalogue_facts.source,
				   'note', nullif(concat_ws('; ', r.fact ->> 'note', r.fact ->> 'source'), '')) END
			AS fact
		FROM read r
		LEFT JOIN exact x ON x.n = r.n
		LEFT JOIN seller p ON p.name = r.fact ->> 'provider'
		LEFT JOIN seller t ON t.name = r.fact ->> 'to_provider'
	), slot AS (
		SELECT s.ordinality AS n, s.slot_id
		FROM llm_cost.belief_slots(catalogue_facts.relation,
			(SELECT coalesce(jsonb_agg(c.fact ORDER BY c.n), '[]') FROM complete c)) s
	), compared AS (
		SELECT r.n, s.slot_id, c.fact, r.entry, r.field, r.value, r.valid_from, r.valid_to,
			   coalesce(r.preference, 0) AS preference,
			   min(coalesce(r.preference, 0)) OVER (PARTITION BY s.slot_id) AS preferred,
			   first_value(r.n) OVER same_start AS first_n
		FROM read r JOIN complete c ON c.n = r.n JOIN slot s ON s.n = r.n
		WINDOW same_start AS (PARTITION BY s.slot_id, r.valid_from
							  ORDER BY coalesce(r.preference, 0), r.n)
	), judged AS (
		SELECT c.*, f.entry AS first_entry, f.field AS first_field, f.value AS first_value,
			   CASE WHEN c.n <> c.first_n AND llm_cost.same_belief(c.fact, f.fact)
						AND c.valid_to IS NOT DISTINCT FROM f.valid_to THEN 'duplicate'
					WHEN c.preference > c.preferred THEN 'passed over'
					WHEN c.n <> c.first_n THEN 'tie'
					ELSE 'taken' END AS verdict
		FROM compared c JOIN compared f ON f.n = c.first_n
	), timed AS (
		SELECT j.*, lead(j.valid_from) OVER slot_time AS next_from,
			   lead(j.entry) OVER slot_time AS next_entry,
			   bool_or(j.valid_from IS NOT NULL OR j.valid_to IS NOT NULL)
				   OVER (PARTITION BY j.slot_id, j.verdict) AS dated
		FROM judged j
		WHERE j.verdict <> 'duplicate'
		WINDOW slot_time AS (PARTITION BY j.slot_id, j.verdict
							 ORDER BY j.valid_from NULLS FIRST)
	)
	SELECT jsonb_agg(jsonb_build_object(
		'n', t.n, 'slot_id', t.slot_id, 'dated', t.dated, 'verdict', t.verdict,
		'entry', t.entry, 'field', t.field, 'value', t.value,
		'first_entry', t.first_entry, 'first_field', t.first_field, 'first_value', t.first_value,
		'runs_into', CASE WHEN t.verdict = 'taken' AND t.valid_to > t.next_from THEN t.next_entry END,
		'fact', t.fact || CASE WHEN t.dated AND t.verdict = 'taken'
			THEN jsonb_build_object(
				'valid', tstzrange(t.valid_from, coalesce(t.valid_to, t.next_from)),
				'assumed', t.valid_from IS NULL)
			ELSE '{}' END))
	INTO placed
	FROM timed t;

	SELECT p.* INTO bad
	FROM jsonb_to_recordset(placed) AS p(n bigint, verdict text, entry text, field text, value jsonb,
		first_entry text, first_field text, first_value jsonb, runs_into text, fact jsonb)
	WHERE p.verdict = 'tie' OR p.runs_into IS NOT NULL
	ORDER BY p.n LIMIT 1;
	IF bad.verdict = 'tie' THEN
		RAISE EXCEPTION 'catalogue says two things about one %', catalogue_facts.target
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry "%s", field "%s": %s; entry "%s", field "%s": %s.',
					bad.first_entry, bad.first_field, bad.first_value,
					bad.entry, bad.field, bad.value),
				  HINT = 'Remove one of them, or give them different dates. Letter case does not tell names apart.';
	ELSIF bad.runs_into IS NOT NULL THEN
		RAISE EXCEPTION 'dates of one % overlap in catalogue', catalogue_facts.target
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry "%s", field "%s": it ends at %s, after the next one in entry "%s" begins.',
					bad.entry, bad.field, upper((bad.fact ->> 'valid')::tstzrange), bad.runs_into),
				  HINT = 'Leave valid_to out: a price ends where the next one begins.';
	END IF;

	RETURN QUERY
	SELECT p.slot_id, p.dated, p.fact, p.entry, p.field, p.value, p.verdict = 'passed over'
	FROM jsonb_to_recordset(placed) AS p(slot_id uuid, dated boolean, fact jsonb,
		entry text, field text, value jsonb, verdict text);
END
$$;
COMMENT ON FUNCTION llm_cost.catalogue_facts(llm_cost.catalogue_entry[], text, regclass, text, text, boolean) IS
	'Facts of one target (price, rule, alias) among the entries of a catalogue, as jsonb objects with the columns of the relation; "valid" only where dated. source: name of the catalogue; NULL: as each entry says. float_noise: round to 15 significant digits. passed_over: another entry was preferred for the slot. Errors with 22023 when entries contradict each other.';

CREATE FUNCTION llm_cost.read_catalogue(catalogue jsonb, format text)
RETURNS llm_cost.catalogue_entry[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	entries llm_cost.catalogue_entry[];
BEGIN
	CASE read_catalogue.format
		WHEN 'litellm' THEN
			SELECT array_agg(e) INTO entries FROM llm_cost.read_litellm(read_catalogue.catalogue) e;
		WHEN 'genai-prices' THEN
			SELECT array_agg(e) INTO entries FROM llm_cost.read_genai_prices(read_catalogue.catalogue) e;
		WHEN 'langfuse' THEN
			SELECT array_agg(e) INTO entries FROM llm_cost.read_langfuse(read_catalogue.catalogue) e;
		WHEN 'llm_cost' THEN
			SELECT array_agg(e) INTO entries FROM llm_cost.read_llm_cost(read_catalogue.catalogue) e;
		ELSE
			RAISE EXCEPTION 'unknown catalogue format "%"', read_catalogue.format
				USING ERRCODE = 'invalid_parameter_value',
					  HINT = 'Formats are litellm, genai-prices, langfuse and llm_cost.';
	END CASE;

	-- null says that there is no price.
	SELECT array_agg(e) INTO entries
	FROM unnest(entries) e
	WHERE e.target = 'alias' OR jsonb_typeof(e.value) <> 'null';
	PERFORM llm_cost.check_catalogue(entries);
	RETURN coalesce(entries, '{}');
END
$$;
COMMENT ON FUNCTION llm_cost.read_catalogue(jsonb, text) IS
	'Entries of a catalogue in one of the formats litellm, genai-prices, langfuse and llm_cost; errors with 22023 for another format and for a catalogue that is not of that format.';
