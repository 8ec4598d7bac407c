/*
 * Rules and aliases that a user sets, in the override layer.
 */

/*
 * A rule or an alias without a start holds for all time, which must not
 * silently replace what was said before.
 */
CREATE FUNCTION llm_cost.set_timeless(
	target regclass, fact jsonb, valid_from timestamptz, valid_to timestamptz, name text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	within tstzrange := llm_cost.valid_range(set_timeless.valid_from, set_timeless.valid_to);
	slot uuid;
	believed jsonb;
BEGIN
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', set_timeless.target);
	SELECT s.slot_id INTO STRICT slot
	FROM llm_cost.belief_slots(set_timeless.target, jsonb_build_array(set_timeless.fact)) s;

	IF set_timeless.valid_from IS NULL THEN
		SELECT d.believed -> 0 INTO believed
		FROM llm_cost.belief_differences(set_timeless.target,
			jsonb_build_array(jsonb_build_object(
				'slot_id', slot, 'within', within, 'facts', jsonb_build_array(
					set_timeless.fact || jsonb_build_object('valid', within))))) d;
		IF believed IS NOT NULL THEN
			-- The same, only since a date, is what the caller wants.
			IF set_timeless.valid_to IS NULL
				AND llm_cost.same_belief(believed, set_timeless.fact)
				AND upper_inf((believed ->> 'valid')::tstzrange)
			THEN
				RETURN;
			END IF;
			RAISE EXCEPTION '% is already set', set_timeless.name
				USING ERRCODE = 'duplicate_object',
					  DETAIL = format('It is: %s.', believed - '{known,slot_id}'::text[]),
					  HINT = 'Give valid_from to change it from then on; -infinity to change it for all time.';
		END IF;
	END IF;
	PERFORM llm_cost.set_belief(set_timeless.target, set_timeless.fact, within);
END
$$;
COMMENT ON FUNCTION llm_cost.set_timeless(regclass, jsonb, timestamptz, timestamptz, text) IS
	'Believes a rule or alias from valid_from on; without valid_from for all time, which errors with 42710 when something else is believed already. "name" is for the message.';
REVOKE ALL ON FUNCTION llm_cost.set_timeless(regclass, jsonb, timestamptz, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION llm_cost.set_rule(
	rule text, kind text, factor numeric, price_book text DEFAULT 'list',
	provider text DEFAULT NULL, models text[] DEFAULT NULL, meters text[] DEFAULT NULL,
	service_tier text DEFAULT NULL, region text DEFAULT NULL, attributes jsonb DEFAULT NULL,
	of_book text DEFAULT NULL, stacking_order integer DEFAULT 100,
	valid_from timestamptz DEFAULT NULL, valid_to timestamptz DEFAULT NULL,
	note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fact jsonb;
BEGIN
	PERFORM llm_cost.lock_prices();
	IF coalesce(set_rule.rule, '') = '' OR set_rule.factor IS NULL THEN
		RAISE EXCEPTION 'name and factor of a rule must not be null'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF set_rule.kind IS NULL OR set_rule.kind NOT IN ('multiplier', 'fallback') THEN
		RAISE EXCEPTION 'invalid kind of rule "%"', set_rule.kind
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Kinds are multiplier and fallback.';
	END IF;
	IF set_rule.factor < 0 OR set_rule.factor > 1e9 OR set_rule.factor = 'NaN' THEN
		RAISE EXCEPTION 'factor of a rule out of range'
			USING ERRCODE = 'numeric_value_out_of_range',
				  DETAIL = format('It is %s.', set_rule.factor),
				  HINT = '0.5 halves, 0.88 takes 12 % off.';
	END IF;
	-- A null or blank element matches nothing: the rule would never apply.
	IF EXISTS (SELECT FROM unnest(set_rule.models || set_rule.meters) e(name)
			   WHERE coalesce(llm_cost.clean_name(e.name), '') = '')
	THEN
		RAISE EXCEPTION 'models and meters of a rule must not contain null or blank names'
			USING ERRCODE = 'null_value_not_allowed',
				  DETAIL = format('Models: %L, meters: %L.', set_rule.models, set_rule.meters),
				  HINT = 'Leave the whole argument out for any model or meter.';
	END IF;
	IF set_rule.kind = 'fallback'
		AND (coalesce(set_rule.service_tier, '') <> '') = (coalesce(set_rule.region, '') <> '')
	THEN
		RAISE EXCEPTION 'a fallback names either a service tier or a region'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'It says what stands in for a service tier, or a region, without price of its own.';
	END IF;
	IF coalesce(set_rule.of_book, '') <> '' THEN
		PERFORM llm_cost.check_price_book(set_rule.of_book);
	END IF;

	fact := jsonb_build_object(
		'price_book', llm_cost.check_price_book(coalesce(set_rule.price_book, 'list')),
		'rule', set_rule.rule,
		'kind', set_rule.kind,
		'stacking_order', coalesce(set_rule.stacking_order, 100),
		'factor', trim_scale(set_rule.factor),
		'provider', llm_cost.canonical_provider(coalesce(set_rule.provider, '')),
		'models', ARRAY(SELECT llm_cost.clean_name(e.name) FROM unnest(set_rule.models) WITH ORDINALITY e(name, nth) ORDER BY e.nth),
		'meters', ARRAY(SELECT llm_cost.clean_name(e.name) FROM unnest(set_rule.meters) WITH ORDINALITY e(name, nth) ORDER BY e.nth),
		'service_tier', lower(coalesce(set_rule.service_tier, '') COLLATE "C"),
		'region', lower(coalesce(set_rule.region, '') COLLATE "C"),
		'attributes', llm_cost.check_attributes(set_rule.attributes),
		'of_book', coalesce(set_rule.of_book, ''),
		'assumed', set_rule.valid_from IS NULL,
		'source', 'set_rule',
		'note', set_rule.note);
	PERFORM llm_cost.set_timeless('llm_cost.rule_override', fact, set_rule.valid_from,
		set_rule.valid_to, format('rule "%s"', set_rule.rule));
END
$$;
COMMENT ON FUNCTION llm_cost.set_rule(text, text, numeric, text, text, text[], text[], text, text, jsonb, text, integer, timestamptz, timestamptz, text) IS
	'Sets a rule of a price book. kind multiplier: scales the prices it matches; kind fallback: the named service tier, or region, takes the standard, or regionless, price times the factor. provider, models (a trailing * is a prefix), meters, service_tier, region, attributes, of_book: what it applies to, NULL any. A rule of the same name in a catalogue is replaced. Rules apply by stacking_order. valid_from NULL: always. Errors: 42710 when a rule of this name is set already and valid_from is NULL, 42704 for an unknown price book, 22004 for a null or blank name, 22003 and 22023 for values that cannot be.';
REVOKE ALL ON FUNCTION llm_cost.set_rule(text, text, numeric, text, text, text[], text[], text, text, jsonb, text, integer, timestamptz, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION llm_cost.drop_rule(
	rule text, price_book text DEFAULT 'list', valid_from timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ends_at timestamptz := coalesce(drop_rule.valid_from, clock_timestamp());
	book text;
BEGIN
	PERFORM llm_cost.lock_prices();
	book := llm_cost.check_price_book(coalesce(drop_rule.price_book, 'list'));
	LOCK TABLE llm_cost.rule_override IN SHARE ROW EXCLUSIVE MODE;
	IF NOT EXISTS (
		SELECT FROM llm_cost.rule_override r
		WHERE r.price_book = book AND r.rule = drop_rule.rule
			AND upper_inf(r.known) AND r.valid && llm_cost.valid_range(ends_at, NULL))
	THEN
		RAISE EXCEPTION 'rule "%" is not set in price book "%"', drop_rule.rule, book
			USING ERRCODE = 'undefined_object',
				  DETAIL = format('There is no rule of this name in llm_cost.rule_override from %s on.', ends_at),
				  HINT = 'A rule that came with a catalogue is replaced with llm_cost.set_rule() under the same name, for example by one with factor 1.';
	END IF;
	PERFORM llm_cost.set_belief('llm_cost.rule_override',
		jsonb_build_object('price_book', book, 'rule', drop_rule.rule),
		llm_cost.valid_range(ends_at, NULL), ends => true);
END
$$;
COMMENT ON FUNCTION llm_cost.drop_rule(text, text, timestamptz) IS
	'Ends a rule made with set_rule() at valid_from (NULL: now; -infinity: as if it had never held). A catalogue''s rule of the same name speaks again. Errors with 42704 when the rule is not set then.';
REVOKE ALL ON FUNCTION llm_cost.drop_rule(text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION llm_cost.add_alias(
	pattern text, model text DEFAULT NULL, provider text DEFAULT NULL,
	to_provider text DEFAULT NULL, kind text DEFAULT 'exact', tenant text DEFAULT NULL,
	region text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
	valid_to timestamptz DEFAULT NULL, note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	alias_kind text := coalesce(add_alias.kind, 'exact');
	target_model text := lower(coalesce(add_alias.model, '') COLLATE "C");
	target_provider text;
	-- In a regular expression \S is not \s.
	own_pattern text := CASE WHEN add_alias.kind = 'pattern' THEN add_alias.pattern
						ELSE lower(add_alias.pattern COLLATE "C") END;
BEGIN
	PERFORM llm_cost.lock_prices();
	target_provider := llm_cost.canonical_provider(coalesce(add_alias.to_provider, ''));
	IF coalesce(own_pattern, '') = '' THEN
		RAISE EXCEPTION 'pattern of an alias must not be empty'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF alias_kind NOT IN ('exact', 'prefix', 'pattern', 'wrapper', 'snapshot', 'provider') THEN
		RAISE EXCEPTION 'invalid kind of alias "%"', alias_kind
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Kinds are exact, prefix, pattern, wrapper, snapshot and provider.';
	END IF;
	IF (target_model <> '') <> (alias_kind IN ('exact', 'prefix', 'pattern')) THEN
		RAISE EXCEPTION 'an alias of kind % % a model', alias_kind,
						CASE WHEN target_model = '' THEN 'needs' ELSE 'does not name' END
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF alias_kind = 'provider' AND (target_provider = '' OR coalesce(add_alias.region, '') <> '') THEN
		RAISE EXCEPTION 'an alias of kind provider names to_provider and no region'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'For example add_alias(''bedrock'', kind => ''provider'', to_provider => ''aws.bedrock'').';
	END IF;

	IF alias_kind = 'pattern' THEN
		PERFORM llm_cost.check_pattern(own_pattern);
		IF regexp_replace(own_pattern, '\\.', '', 'g') ~ '[A-Z]' THEN
			RAISE EXCEPTION 'pattern "%" can never match', own_pattern
				USING ERRCODE = 'invalid_parameter_value',
					  HINT = 'Names are compared in lower case: write the pattern in lower case.';
		END IF;
	END IF;

	-- A misspelt target would leave every request of this name without price.
	IF target_model <> '' AND NOT (alias_kind = 'pattern' AND target_model ~ '\\')
		AND NOT EXISTS (
			SELECT FROM llm_cost.price p
			WHERE upper_inf(p.known) AND p.model = target_model
				AND (target_provider = '' OR p.provider = target_provider))
	THEN
		RAISE EXCEPTION 'model "%" has no price', target_model
			USING ERRCODE = 'undefined_object',
				  DETAIL = format('No price book has it%s.',
								  CASE WHEN target_provider <> ''
								  THEN format(' from provider "%s"', target_provider) ELSE '' END),
				  HINT = 'SELECT DISTINCT provider, model FROM llm_cost.price lists models; set_price() prices a new one.';
	END IF;

	PERFORM llm_cost.set_timeless('llm_cost.alias_override',
		jsonb_build_object(
			'kind', alias_kind,
			'pattern', own_pattern,
			'tenant', coalesce(add_alias.tenant, ''),
			'provider', llm_cost.canonical_provider(coalesce(add_alias.provider, '')),
			'to_provider', target_provider,
			'to_model', target_model,
			'to_region', lower(coalesce(add_alias.region, '') COLLATE "C"),
			'assumed', add_alias.valid_from IS NULL,
			'source', 'add_alias',
			'note', add_alias.note),
		add_alias.valid_from, add_alias.valid_to, format('alias "%s"', own_pattern));
END
$$;
COMMENT ON FUNCTION llm_cost.add_alias(text, text, text, text, text, text, text, timestamptz, timestamptz, text) IS
	'Says which model a name in the log stands for. kind: exact, prefix (longest wins), pattern (regular expression over the whole name, \1 in model), wrapper (leading text to ignore), snapshot (trailing text to ignore, # is a digit) or provider (another spelling of a provider''s name). provider, tenant: only for requests with these. to_provider, region: what the name implies; NULL: as logged. valid_from NULL: always. An alias that is already believed is left alone. Errors: 42704 when no price book has the model, 42710 when the name stands for something else already and valid_from is NULL, 2201B for an invalid regular expression, 22023 for the rest.';
REVOKE ALL ON FUNCTION llm_cost.add_alias(text, text, text, text, text, text, text, timestamptz, timestamptz, text) FROM PUBLIC;
