/*
 * Reading our own format (catalogue/README.md): the only one in which every
 * key must be known, since a misspelt key would become a meter.
 */

CREATE FUNCTION llm_cost.catalogue_currencies(catalogue jsonb)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(
		SELECT DISTINCT coalesce(f.file ->> 'currency', 'USD')
		FROM jsonb_array_elements(
			CASE jsonb_typeof(catalogue_currencies.catalogue) WHEN 'array'
			THEN catalogue_currencies.catalogue
			ELSE jsonb_build_array(catalogue_currencies.catalogue) END) AS f(file)
		ORDER BY 1);
END
$$;
COMMENT ON FUNCTION llm_cost.catalogue_currencies(jsonb) IS
	'Currencies of a catalogue in format llm_cost; USD where it names none.';

CREATE FUNCTION llm_cost.read_llm_cost(catalogue jsonb)
RETURNS SETOF llm_cost.catalogue_entry
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET jit = off
AS $$
DECLARE
	files jsonb := CASE jsonb_typeof(read_llm_cost.catalogue) WHEN 'array'
				   THEN read_llm_cost.catalogue
				   ELSE jsonb_build_array(read_llm_cost.catalogue) END;
	-- What each key must be: o object, a array, s string, n number, b boolean.
	file_keys constant jsonb := jsonb '{"format": "s", "provider": "s", "currency": "s", "source": "s",
		"checked": "s", "note": "s", "models": "o", "rules": "a", "aliases": "a", "custom_meters": "a"}';
	model_keys constant jsonb := jsonb '{"aliases": "a", "note": "s", "source": "s", "prices": "a"}';
	price_keys constant jsonb := jsonb '{"per": "n", "valid_from": "s", "valid_to": "s",
		"service_tier": "s", "region": "s", "tier_from": "n", "tier_inclusive": "b",
		"time_window": "s", "attributes": "o", "source": "s", "note": "s"}';
	rule_keys constant jsonb := jsonb '{"rule": "s", "kind": "s", "stacking_order": "n", "factor": "n",
		"provider": "s", "models": "a", "meters": "a", "service_tier": "s", "region": "s",
		"attributes": "o", "of_book": "s", "valid_from": "s", "valid_to": "s", "source": "s", "note": "s"}';
	alias_keys constant jsonb := jsonb '{"kind": "s", "pattern": "s", "tenant": "s", "provider": "s",
		"to_provider": "s", "to_model": "s", "to_region": "s", "valid_from": "s", "valid_to": "s",
		"source": "s", "note": "s"}';
	bad record;
BEGIN
	SELECT f.file INTO bad
	FROM jsonb_array_elements(files) AS f(file)
	WHERE f.file ->> 'format' IS DISTINCT FROM 'llm_cost/1'
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'catalogue is not of format llm_cost'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It begins with %s.', left(bad.file::text, 60)),
				  HINT = 'It is an object, or an array of objects, with "format": "llm_cost/1".';
	END IF;

	-- The shape from the outside in: each step relies on the one before.
	SELECT * INTO bad FROM llm_cost.wrong_keys(
		(SELECT jsonb_agg(jsonb_build_array(coalesce(f.file ->> 'provider', 'catalogue'), f.file))
		 FROM jsonb_array_elements(files) AS f(file)), file_keys);
	IF NOT FOUND THEN
		SELECT * INTO bad FROM llm_cost.wrong_keys(
			(SELECT jsonb_agg(jsonb_build_array(m.key, m.value))
			 FROM jsonb_array_elements(files) AS f(file), jsonb_each(f.file -> 'models') m),
			model_keys);
	END IF;
	IF NOT FOUND THEN
		SELECT * INTO bad FROM llm_cost.wrong_keys(
			(SELECT jsonb_agg(jsonb_build_array(m.key,
				CASE jsonb_typeof(p.price) WHEN 'object' THEN p.price - c.custom ELSE p.price END))
			 FROM jsonb_array_elements(files) AS f(file),
				  LATERAL (SELECT array_agg(x.meter) FROM (
						SELECT jsonb_array_elements_text(f.file -> 'custom_meters')
						UNION ALL SELECT s.meter FROM llm_cost.meters() s) x(meter)) c(custom),
				  jsonb_each(f.file -> 'models') m,
				  jsonb_array_elements(m.value -> 'prices') AS p(price)), price_keys);
	END IF;
	IF NOT FOUND THEN
		SELECT * INTO bad FROM llm_cost.wrong_keys(
			(SELECT jsonb_agg(jsonb_build_array(coalesce(r.rule ->> 'rule', 'rules'), r.rule))
			 FROM jsonb_array_elements(files) AS f(file),
				  jsonb_array_elements(f.file -> 'rules') AS r(rule)), rule_keys);
	END IF;
	IF NOT FOUND THEN
		SELECT * INTO bad FROM llm_cost.wrong_keys(
			(SELECT jsonb_agg(jsonb_build_array(coalesce(a.alias ->> 'pattern', 'aliases'), a.alias))
			 FROM jsonb_array_elements(files) AS f(file),
				  jsonb_array_elements(f.file -> 'aliases') AS a(alias)), alias_keys);
	END IF;
	IF FOUND THEN
		RAISE EXCEPTION 'unexpected "%" in catalogue', bad.field
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry "%s": %s is %s.', bad.entry, bad.field, bad.given),
				  HINT = bad.wanted;
	END IF;

	SELECT p.problem, p.entry INTO bad
	FROM (
		SELECT 'a catalogue with models needs a provider' AS problem,
			   left((f.file -> 'models')::text, 60) AS entry
		FROM jsonb_array_elements(files) AS f(file)
		WHERE coalesce(f.file ->> 'provider', '') = '' AND f.file -> 'models' <> '{}'
		UNION ALL
		SELECT 'a price needs at least one meter', m.key
		FROM jsonb_array_elements(files) AS f(file), jsonb_each(f.file -> 'models') m,
			 jsonb_array_elements(m.value -> 'prices') AS p(price)
		WHERE p.price - ARRAY(SELECT jsonb_object_keys(price_keys)) = '{}'
		UNION ALL
		SELECT '"per" must be greater than 0', m.key
		FROM jsonb_array_elements(files) AS f(file), jsonb_each(f.file -> 'models') m,
			 jsonb_array_elements(m.value -> 'prices') AS p(price)
		WHERE p.price -> 'per' <= '0'
		UNION ALL
		SELECT '"tier_from" must be a whole number, 0 or greater', m.key
		FROM jsonb_array_elements(files) AS f(file), jsonb_each(f.file -> 'models') m,
			 jsonb_array_elements(m.value -> 'prices') AS p(price)
		WHERE (p.price ->> 'tier_from')::numeric NOT BETWEEN 0 AND 9e18
			OR (p.price ->> 'tier_from')::numeric <> trunc((p.price ->> 'tier_from')::numeric)
		UNION ALL
		SELECT 'a rule needs a name, a kind and a factor', r.rule::text
		FROM jsonb_array_elements(files) AS f(file),
			 jsonb_array_elements(f.file -> 'rules') AS r(rule)
		WHERE NOT (coalesce(r.rule ->> 'rule', '') <> '' AND r.rule ? 'factor'
				   AND coalesce(r.rule ->> 'kind', '') IN ('multiplier', 'fallback'))
		UNION ALL
		SELECT format('"%s" of a rule must be an array of names', k.key), r.rule ->> 'rule'
		FROM jsonb_array_elements(files) AS f(file),
			 jsonb_array_elements(f.file -> 'rules') AS r(rule),
			 jsonb_each(r.rule) k,
			 jsonb_array_elements(CASE WHEN k.key IN ('models', 'meters') THEN k.value END) AS e(name)
		WHERE jsonb_typeof(e.name) <> 'string' OR llm_cost.clean_name(e.name #>> '{}') = ''
		UNION ALL
		SELECT 'an alias needs a pattern and a kind', a.alias::text
		FROM jsonb_array_elements(files) AS f(file),
			 jsonb_array_elements(f.file -> 'aliases') AS a(alias)
		WHERE NOT (coalesce(a.alias ->> 'pattern', '') <> '' AND coalesce(a.alias ->> 'kind', '') IN
				   ('exact', 'prefix', 'pattern', 'wrapper', 'snapshot', 'provider'))
	) p
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '%', bad.problem
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry "%s".', bad.entry),
				  HINT = 'catalogue/README.md describes the format.';
	END IF;

	RETURN QUERY
	SELECT 'price', m.key, v.key, v.value, 1::numeric,
		   p.price - ARRAY(SELECT meter.name FROM jsonb_object_keys(p.price) AS meter(name)
						   WHERE NOT price_keys ? meter.name) - '{valid_from,valid_to}'::text[]
			|| jsonb_strip_nulls(jsonb_build_object(
				'provider', f.file ->> 'provider', 'model', m.key, 'meter', v.key,
				'per', coalesce(p.price -> 'per', '1'),
				'source', coalesce(p.price ->> 'source', m.value ->> 'source', f.file ->> 'source'),
				'note', coalesce(p.price ->> 'note', m.value ->> 'note'))),
		   llm_cost.catalogue_time(p.price ->> 'valid_from', m.key || '.valid_from'),
		   llm_cost.catalogue_time(p.price ->> 'valid_to', m.key || '.valid_to'), 0
	FROM jsonb_array_elements(files) AS f(file), jsonb_each(f.file -> 'models') m,
		 jsonb_array_elements(m.value -> 'prices') AS p(price), jsonb_each(p.price) v
	WHERE NOT price_keys ? v.key;

	RETURN QUERY
	SELECT 'rule', r.rule ->> 'rule', 'factor', r.rule -> 'factor', 1::numeric,
		   jsonb_build_object('provider', coalesce(f.file ->> 'provider', ''))
			|| r.rule - '{factor,valid_from,valid_to}'::text[]
			|| jsonb_strip_nulls(jsonb_build_object(
				'source', coalesce(r.rule ->> 'source', f.file ->> 'source'),
				'models', lower((r.rule -> 'models')::text COLLATE "C")::jsonb,
				'meters', lower((r.rule -> 'meters')::text COLLATE "C")::jsonb)),
		   llm_cost.catalogue_time(r.rule ->> 'valid_from', (r.rule ->> 'rule') || '.valid_from'),
		   llm_cost.catalogue_time(r.rule ->> 'valid_to', (r.rule ->> 'rule') || '.valid_to'), 0
	FROM jsonb_array_elements(files) AS f(file),
		 jsonb_array_elements(f.file -> 'rules') AS r(rule);

	RETURN QUERY
	SELECT 'alias', a.alias ->> 'pattern', a.alias ->> 'kind', 'null'::jsonb, NULL::numeric,
		   CASE WHEN a.alias ->> 'kind' IN ('exact', 'prefix', 'pattern')
		   THEN jsonb_build_object('provider', coalesce(f.file ->> 'provider', ''),
								   'to_provider', coalesce(f.file ->> 'provider', '')) ELSE '{}' END
			|| a.alias - '{valid_from,valid_to}'::text[]
			|| jsonb_strip_nulls(jsonb_build_object(
				'source', coalesce(a.alias ->> 'source', f.file ->> 'source'))),
		   llm_cost.catalogue_time(a.alias ->> 'valid_from', (a.alias ->> 'pattern') || '.valid_from'),
		   llm_cost.catalogue_time(a.alias ->> 'valid_to', (a.alias ->> 'pattern') || '.valid_to'), 0
	FROM jsonb_array_elements(files) AS f(file),
		 jsonb_array_elements(
			coalesce(f.file -> 'aliases', '[]')
			|| (SELECT coalesce(jsonb_agg(jsonb_build_object(
					'kind', 'exact', 'pattern', n.name, 'to_model', m.key)), '[]')
				FROM jsonb_each(f.file -> 'models') m,
					 jsonb_array_elements_text(m.value -> 'aliases') AS n(name))) AS a(alias);
END
$$;
COMMENT ON FUNCTION llm_cost.read_llm_cost(jsonb) IS
	'Reader of format llm_cost, described in catalogue/README.md. Errors with 22023 for a key that the format does not have.';

CREATE FUNCTION llm_cost.wrong_keys(
	objects jsonb, allowed jsonb, OUT entry text, OUT field text, OUT given text, OUT wanted text)
RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT o.pair ->> 0, coalesce(k.key, 'entry'),
		   coalesce(left(k.value::text, 60), left((o.pair -> 1)::text, 60)),
		   CASE WHEN k.key IS NULL THEN 'It must be a JSON object.'
				WHEN wrong_keys.allowed ? k.key THEN 'It must be a JSON '
					|| (names.name ->> (wrong_keys.allowed ->> k.key)) || '.'
				ELSE 'Keys are ' || (SELECT string_agg(a.name, ', ' ORDER BY a.name COLLATE "C")
									 FROM jsonb_object_keys(wrong_keys.allowed) AS a(name))
					|| '; a meter of your own is listed in "custom_meters".' END
	FROM jsonb_array_elements(wrong_keys.objects) AS o(pair)
	CROSS JOIN (VALUES ('{"o": "object", "a": "array", "s": "string", "n": "number",
						  "b": "boolean"}'::jsonb)) AS names(name)
	LEFT JOIN LATERAL jsonb_each(
		CASE jsonb_typeof(o.pair -> 1) WHEN 'object' THEN o.pair -> 1 END) k ON true
	WHERE jsonb_typeof(o.pair -> 1) <> 'object'
		OR NOT wrong_keys.allowed ? k.key
		OR jsonb_typeof(k.value) <> names.name ->> (wrong_keys.allowed ->> k.key)
			-- null says the same as leaving the key out.
			AND (jsonb_typeof(k.value) <> 'null' OR wrong_keys.allowed ->> k.key IN ('o', 'a'))
	LIMIT 1;
END
$$;
COMMENT ON FUNCTION llm_cost.wrong_keys(jsonb, jsonb) IS
	'First key that is not allowed, or whose value has the wrong JSON type, in an array of [entry, object]; no row when all is right. allowed: key and first letter of its type.';

CREATE FUNCTION llm_cost.load_bundled(catalogue jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET enable_nestloop = off SET jit = off
AS $$
DECLARE
	entries llm_cost.catalogue_entry[] := llm_cost.read_catalogue(load_bundled.catalogue, 'llm_cost');
	target record;
	column_list text;
BEGIN
	FOR target IN
		SELECT * FROM (VALUES ('price', 'llm_cost.bundled_price'::regclass),
							  ('rule', 'llm_cost.bundled_rule'),
							  ('alias', 'llm_cost.bundled_alias')) v(name, relation)
	LOOP
		SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO column_list
		FROM pg_attribute a
		WHERE a.attrelid = target.relation AND a.attnum > 0
			AND NOT a.attisdropped AND a.attgenerated = '';

		-- Bundled facts were always known: what an older version of the
		-- extension said is gone with it.
		EXECUTE format($sql$
			INSERT INTO %1$s (%2$s)
			SELECT %2$s
			FROM llm_cost.catalogue_facts($1, $2, $3, 'list', NULL, false) f,
				 LATERAL jsonb_populate_record(NULL::%1$s,
					 '{"valid": "(,)", "assumed": true}' || f.fact || '{"known": "(,)"}') r
			$sql$, target.relation, column_list)
		USING entries, target.name, target.relation;
	END LOOP;
END
$$;
COMMENT ON FUNCTION llm_cost.load_bundled(jsonb) IS
	'Loads a catalogue in format llm_cost into the bundled layer; only while the extension is created or updated, errors with 55000 otherwise.';
REVOKE ALL ON FUNCTION llm_cost.load_bundled(jsonb) FROM PUBLIC;
