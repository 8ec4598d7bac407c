/*
 * doctor: what was recognised in a relation of LLM calls, what is missing, what
 * is wrong with its rows, and the statement that mends each.
 */

CREATE FUNCTION llm_cost.percent_of(part numeric, whole numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- cut, not rounded: 100 % must mean all
RETURN CASE WHEN whole <> 0 THEN trunc(100 * part / whole, 1)::text || ' %' ELSE '–' END;
COMMENT ON FUNCTION llm_cost.percent_of(numeric, numeric) IS
	'A share as text with one decimal, cut and not rounded, so that 100 % means all.';

CREATE FUNCTION llm_cost.counted(n bigint, thing text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN n::text || ' ' || thing || CASE WHEN n = 1 THEN '' ELSE 's' END;
COMMENT ON FUNCTION llm_cost.counted(bigint, text) IS 'A number of things in words: 1 attempt, 2 attempts.';

CREATE FUNCTION llm_cost.attach_statement(
	relation_schema text, relation_name text, profile text, mapping jsonb,
	view_schema text, view_name text, price_book text, time_zone text, input_excludes_cache boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- one statement: should attaching fail, the view is still there
	SELECT CASE WHEN view_name IS NULL THEN 'SELECT '
		   ELSE format('SELECT llm_cost.detach(%L), ', format('%I.%I', view_schema, view_name)) END
		|| format('llm_cost.attach(%s);', concat_ws(', ',
			quote_literal(format('%I.%I', relation_schema, relation_name)),
			'profile => ' || quote_literal(profile),
			'mapping => ' || quote_literal(NULLIF(mapping, '{}')::text),
			'view_name => ' || quote_literal(quote_ident(view_schema) || '.' || quote_ident(view_name)),
			'price_book => ' || quote_literal(NULLIF(price_book, 'list')),
			'time_zone => ' || quote_literal(NULLIF(time_zone, 'UTC')),
			'input_excludes_cache => ' || input_excludes_cache::text));
END;
COMMENT ON FUNCTION llm_cost.attach_statement(text, text, text, jsonb, text, text, text, text, boolean) IS
	'The statement that attaches a relation this way, after detaching the view if one is named; for the fixes of doctor().';

CREATE FUNCTION llm_cost.doctor_row(place integer, check_name text, status text, detail text, fix text DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object('place', place, 'check_name', check_name, 'status', status, 'detail', detail, 'fix', fix);
COMMENT ON FUNCTION llm_cost.doctor_row(integer, text, text, text, text) IS
	'One line of doctor()''s answer; place orders lines of equal status.';

CREATE FUNCTION llm_cost.template(statement text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- A comment, so that pasting it as it is does nothing.  Names come from logs,
-- where anybody may have written them: a line break would end the comment.
RETURN '-- fill in: ' || regexp_replace(statement, '[\n\r]+', '‹line break›', 'g');
COMMENT ON FUNCTION llm_cost.template(text) IS
	'A statement that somebody has to complete: what stands in ‹› is for him to say. It is a comment until he does.';

CREATE FUNCTION llm_cost.resolved_model(
	model text, provider text, price_book text, near timestamptz,
	OUT resolved text, OUT seller text, OUT sellers text[])
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/*
	 * What a name stands for is asked of the pricing itself: the price that it
	 * takes, now or when it was logged, belongs to the model.
	 */
	SELECT p.model, p.provider, ARRAY[p.provider] INTO resolved, seller, sellers
	FROM unnest(ARRAY[now(), resolved_model.near]) WITH ORDINALITY AS moment (at, nth),
		 llm_cost.cost_breakdown(resolved_model.model, 1, 1, moment.at,
			provider => resolved_model.provider, price_book => resolved_model.price_book) AS line
		 JOIN llm_cost.price p ON p.price_id = line.price_id
	ORDER BY moment.nth, upper_inf(p.known) DESC LIMIT 1;
	IF FOUND AND resolved_model.provider IS NULL THEN
		-- the price may be any seller's, as long as all ask the same
		SELECT CASE WHEN count(DISTINCT p.provider) = 1 THEN seller END, array_agg(DISTINCT p.provider)
		INTO seller, sellers
		FROM llm_cost.price p WHERE p.model = resolved AND upper_inf(p.known);
	ELSIF resolved_model.provider IS NULL THEN
		-- several sellers: the model, if all mean the same
		SELECT CASE WHEN count(DISTINCT p.model) = 1 THEN min(p.model) END, array_agg(DISTINCT p.provider)
		INTO resolved, sellers
		FROM (SELECT DISTINCT a.provider FROM llm_cost.price a WHERE upper_inf(a.known)) AS asked,
			 llm_cost.cost_breakdown(resolved_model.model, 1, 1, COALESCE(resolved_model.near, now()),
				provider => asked.provider, price_book => resolved_model.price_book) AS line
			 JOIN llm_cost.price p ON p.price_id = line.price_id;
	END IF;
	IF sellers IS NULL THEN
		-- a model without a price for input or output
		SELECT min(p.model), CASE WHEN count(DISTINCT p.provider) = 1 THEN min(p.provider) END, array_agg(DISTINCT p.provider)
		INTO resolved, seller, sellers
		FROM llm_cost.price p
		WHERE p.model = lower(resolved_model.model COLLATE "C") AND upper_inf(p.known)
		  AND p.provider = COALESCE(llm_cost.canonical_provider(resolved_model.provider), p.provider);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.resolved_model(text, text, text, timestamptz) IS
	'Model and seller in the price book that a logged name stands for, wrappers, snapshots and aliases followed; NULL where no price tells. sellers: all that it may be from.';

CREATE FUNCTION llm_cost.price_templates(entry jsonb, price_book text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD' SET timezone = 'UTC'
AS $$
DECLARE
	problem		text := price_templates.entry ->> 'problem';
	logged		text := lower(price_templates.entry ->> 'model' COLLATE "C");
	since		timestamptz := (price_templates.entry ->> 'first')::timestamptz;
	found_model	record;
	model_text	text;
	provider_text text;
	book_text	text := CASE WHEN price_templates.price_book <> 'list'
					THEN format(', price_book => %L', price_templates.price_book) ELSE '' END;
BEGIN
	IF logged IS NULL OR problem IN ('usage_missing', 'inconsistent_usage', 'overflow') THEN
		RETURN NULL;
	ELSIF problem = 'unknown_model' THEN
		RETURN llm_cost.template(format('SELECT llm_cost.add_alias(pattern => %L, model => ‹its name in the price book›);', logged));
	END IF;

	SELECT * INTO found_model FROM llm_cost.resolved_model(price_templates.entry ->> 'model',
		price_templates.entry ->> 'provider', price_templates.price_book, since);
	model_text := COALESCE(quote_literal(found_model.resolved), '‹its name in the price book›');
	-- never the first seller that comes along: a price of another one would not be found
	provider_text := COALESCE(quote_literal(COALESCE(found_model.seller,
			llm_cost.canonical_provider(price_templates.entry ->> 'provider'))),
		format('‹seller%s›', COALESCE(': one of ' || array_to_string(found_model.sellers, ', '), '')));

	IF problem = 'ambiguous_model' THEN
		RETURN llm_cost.template(format('SELECT llm_cost.add_alias(pattern => %L, model => %s, to_provider => %s);',
			logged, model_text, provider_text));
	ELSIF problem LIKE 'no\_price\_for\_tier:%' THEN
		RETURN llm_cost.template(format('SELECT llm_cost.set_rule(rule => %L, kind => ''fallback'', factor => ‹factor on the standard price›%s, provider => %s, models => ARRAY[%s], service_tier => %L);',
			concat_ws(' ', found_model.seller, found_model.resolved, substr(problem, 19)), book_text, provider_text, model_text, substr(problem, 19)));
	ELSIF problem LIKE 'no\_price\_for\_region:%' THEN
		RETURN llm_cost.template(format('SELECT llm_cost.set_rule(rule => %L, kind => ''fallback'', factor => ‹factor on the price without region›%s, provider => %s, models => ARRAY[%s], region => %L);',
			concat_ws(' ', found_model.seller, found_model.resolved, substr(problem, 21)), book_text, provider_text, model_text, substr(problem, 21)));
	ELSIF since IS NULL THEN
		RETURN NULL;	-- no price holds at no time
	ELSIF problem = 'no_price_at_time' THEN
		-- each meter that has a price later, up to where that begins
		RETURN COALESCE((
			SELECT string_agg(llm_cost.template(format(
				'SELECT llm_cost.set_price(model => %s, meter => %L, amount => ‹amount›, per => %s, valid_from => %L, provider => %s, valid_to => %L%s);',
				model_text, later.meter, later.per, since, provider_text, later.begins, book_text)), E'\n' ORDER BY later.meter)
			FROM (SELECT DISTINCT ON (p.meter) p.meter, p.per, lower(p.valid) AS begins
				  FROM llm_cost.price p
				  WHERE p.model = found_model.resolved AND p.provider = found_model.seller AND upper_inf(p.known)
					AND p.service_tier = 'standard' AND p.region = '' AND p.tier_from = 0
					AND p.time_window = '' AND p.attributes = '{}'
				  ORDER BY p.meter, lower(p.valid) NULLS FIRST) later
			WHERE later.begins > since),
			llm_cost.template(format('SELECT llm_cost.set_price(model => %s, meter => ‹meter›, amount => ‹amount per million›, valid_from => %L, provider => %s%s);',
				model_text, since, provider_text, book_text)));
	END IF;
	RETURN llm_cost.template(format('SELECT llm_cost.set_price(model => %s, meter => %s, amount => ‹amount per million›, valid_from => %L, provider => %s%s%s);',
		model_text,
		CASE WHEN problem LIKE 'no\_price:%' THEN quote_literal(substr(problem, 10)) ELSE '‹meter›' END,
		since, provider_text, book_text,
		CASE WHEN problem LIKE 'no\_price\_for\_attribute:%'
			THEN format(', attributes => %L', jsonb_build_object(substr(problem, 24), '‹value›')) ELSE '' END));
END
$$;
COMMENT ON FUNCTION llm_cost.price_templates(jsonb, text) IS
	'What would give a group of attempts a cost, as templates, one a line: an alias, a price for each missing meter, or a rule for a service tier or region. NULL where no price can.';

CREATE FUNCTION llm_cost.doctor_rows(facts jsonb, price_book text, attach_apart text) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f			jsonb := doctor_rows.facts;
	n			numeric := (f ->> 'attempts')::numeric;
	billable	numeric := (f ->> 'billable')::numeric;
	priced		numeric := (f ->> 'priced')::numeric;
	currency	text := (SELECT b.currency FROM llm_cost.price_book b WHERE b.price_book = doctor_rows.price_book);
	entry		jsonb;
	sellers		text;
	fix			text;
	ours		numeric := (f ->> 'both_ours')::numeric;
	recorded	numeric := (f ->> 'both_recorded')::numeric;
	named		text;
	candidates	text[] := ARRAY[]::text[];
BEGIN
	IF n = 0 THEN
		RETURN NEXT llm_cost.doctor_row(20, 'rows', 'unknown', 'There are no rows (or none that you may see), so nothing can be said about them.');
		RETURN;
	END IF;

	-- prices
	RETURN NEXT llm_cost.doctor_row(30, 'priced', CASE
			WHEN billable = 0 THEN 'unknown' WHEN priced < 0.9 * billable THEN 'fail' WHEN priced < 0.99 * billable THEN 'warn' ELSE 'ok' END,
		format('%s of %s billable attempts have a cost (%s): %s %s in all. %s not billable, at cost 0.%s',
			priced, billable, llm_cost.percent_of(priced, billable), COALESCE(trim_scale(round((f ->> 'spend')::numeric, 6))::text, 'unknown'), currency,
			llm_cost.counted((n - billable)::bigint, 'attempt'),
			COALESCE(' Without one: ' || (SELECT string_agg(format('%s %s', p.value, p.key), ', ' ORDER BY p.value::text::numeric DESC, p.key)
				FROM jsonb_each(NULLIF(f -> 'problems', 'null')) AS p) || '. Above 1 % without, comparisons are inconclusive.', '')));
	FOR entry IN SELECT m.value FROM jsonb_array_elements(NULLIF(f -> 'models', 'null')) AS m LOOP
		SELECT array_to_string(m.sellers, ', ') INTO sellers
		FROM llm_cost.resolved_model(entry ->> 'model', entry ->> 'provider', doctor_rows.price_book,
			(entry ->> 'first')::timestamptz) m
		WHERE entry ->> 'problem' = 'ambiguous_model';
		fix := llm_cost.price_templates(entry, doctor_rows.price_book);
		RETURN NEXT llm_cost.doctor_row(31, 'unpriced model', CASE WHEN (entry ->> 'attempts')::numeric > 0.01 * billable THEN 'fail' ELSE 'warn' END,
			format('%s%s: %s without a cost (%s), %s tokens%s.%s%s',
				COALESCE(quote_ident(entry ->> 'model'), 'No model'), COALESCE(' at ' || (entry ->> 'provider'), ''),
				llm_cost.counted((entry ->> 'attempts')::bigint, 'attempt'), entry ->> 'problem', entry ->> 'tokens',
				CASE WHEN (entry ->> 'recorded')::numeric > 0 THEN format(', %s recorded by the source', trim_scale(round((entry ->> 'recorded')::numeric, 6)))
					WHEN (entry ->> 'at_stake')::numeric > 0 THEN format(', about %s %s at the average price of the others', trim_scale(round((entry ->> 'at_stake')::numeric, 6)), currency)
					ELSE '' END,
				CASE entry ->> 'problem'
					WHEN 'unknown_model' THEN COALESCE(' Similar names in the price book: ' || llm_cost.near_names(lower(entry ->> 'model'),
						(SELECT array_agg(DISTINCT p.model) FROM llm_cost.price p WHERE upper_inf(p.known))) || '.', '')
					WHEN 'ambiguous_model' THEN COALESCE(format(' Sold by %s at different prices: map provider, or say which it is.', sellers), '')
					WHEN 'usage_missing' THEN ' The source reported no tokens, for example because a stream was cut; no price can mend that.'
					WHEN 'inconsistent_usage' THEN ' Token counts contradict each other or are negative.'
					ELSE '' END,
				CASE WHEN fix LIKE '-- fill in: %' THEN ' The fix is a template: say what stands in ‹› and take the -- away.' ELSE '' END),
			fix);
	END LOOP;
	IF f -> 'problems' ? 'no_price_at_time' THEN
		RETURN NEXT llm_cost.doctor_row(32, 'before the first price', 'warn', format(
			'%s attempts ran at a time for which their model has no price: before the first one known, or without a time.', f -> 'problems' ->> 'no_price_at_time'));
	END IF;
	RETURN NEXT CASE
		WHEN recorded IS NULL THEN llm_cost.doctor_row(33, 'recorded cost', 'unknown', 'No recorded_cost to compare with.')
		ELSE llm_cost.doctor_row(33, 'recorded cost', CASE WHEN abs(ours - recorded) > 0.01 * GREATEST(ours, recorded) THEN 'warn' ELSE 'ok' END,
			format('The source recorded %s, we compute %s %s for the same attempts (%s%s).%s%s',
				trim_scale(round(recorded, 6)), trim_scale(round(ours, 6)), currency, CASE WHEN ours >= recorded THEN '+' ELSE '' END,
				CASE WHEN recorded <> 0 THEN llm_cost.percent_of(ours - recorded, recorded) ELSE 'it recorded nothing' END,
				COALESCE(' Largest differences: ' || (SELECT string_agg(format('%s%s %s against %s', g.value ->> 'model', COALESCE(' at ' || (g.value ->> 'provider'), ''),
						trim_scale(round((g.value ->> 'ours')::numeric, 6)), trim_scale(round((g.value ->> 'recorded')::numeric, 6))), '; ')
					FROM jsonb_array_elements(NULLIF(f -> 'gaps', 'null')) AS g) || '.', ''),
				CASE WHEN (f ->> 'free_recorded')::numeric > 0 THEN format(' It also recorded %s for attempts that are not billable.',
					trim_scale(round((f ->> 'free_recorded')::numeric, 6))) ELSE '' END)) END;

	-- tokens
	RETURN NEXT llm_cost.doctor_row(40, 'token counts', CASE WHEN (f ->> 'negative')::numeric > 0 THEN 'fail'
			WHEN (f ->> 'no_input')::numeric > 0.01 * billable THEN 'warn' ELSE 'ok' END,
		format('Of %s, %s lack input and %s lack output tokens; negative counts: %s.', llm_cost.counted(billable::bigint, 'billable attempt'), f ->> 'no_input', f ->> 'no_output', f ->> 'negative'));
	RETURN NEXT CASE
		WHEN doctor_rows.attach_apart IS NULL THEN llm_cost.doctor_row(41, 'cached tokens in input',
			CASE WHEN (f ->> 'apart')::numeric > 0 THEN 'warn' ELSE 'ok' END, format(
			'The view brings cached tokens into input where the source counts them apart; more cached than input tokens afterwards: %s.',
			llm_cost.counted((f ->> 'apart')::bigint, 'attempt')))
		WHEN (f ->> 'apart')::numeric > 0 THEN llm_cost.doctor_row(41, 'cached tokens in input', 'fail', format(
			'%s with more cached tokens than input tokens, of %s with any: the source counts them apart from input, as Anthropic''s own API does. The other rows do not tell, but most sources count one way; if this one is mixed, convert it in the mapping.',
			llm_cost.counted((f ->> 'apart')::bigint, 'attempt'), f ->> 'cached'), doctor_rows.attach_apart)
		WHEN (f ->> 'cached')::numeric >= 100 THEN llm_cost.doctor_row(41, 'cached tokens in input', 'ok', format(
			'Input includes cached tokens, it seems: none of %s attempts with cached tokens has more of them than input.', f ->> 'cached'))
		ELSE llm_cost.doctor_row(41, 'cached tokens in input', 'unknown', format(
			'%s with cached tokens: too few to tell whether input includes them. It is taken to include them.', llm_cost.counted((f ->> 'cached')::bigint, 'attempt'))) END;
	RETURN NEXT llm_cost.doctor_row(42, 'cache reported', CASE WHEN (f ->> 'cache_reported')::numeric = 0 THEN 'warn'
			WHEN (f ->> 'cache_reported')::numeric < 0.9 * (f ->> 'with_input')::numeric THEN 'warn' ELSE 'ok' END,
		format('%s of attempts with input say how much of it was read from cache. Where it is not reported, input is billed at the full rate and hit ratios are unknown.',
			llm_cost.percent_of((f ->> 'cache_reported')::numeric, (f ->> 'with_input')::numeric)));

	-- operations, releases, failures
	RETURN NEXT llm_cost.doctor_row(50, 'operations', CASE WHEN (f ->> 'in_operation')::numeric = 0 THEN 'warn'
			WHEN (f ->> 'long')::numeric > 0.05 * (f ->> 'operations')::numeric THEN 'warn' WHEN (f ->> 'in_operation')::numeric < 0.9 * n THEN 'warn' ELSE 'ok' END,
		CASE WHEN (f ->> 'in_operation')::numeric = 0 THEN 'No attempt names its operation, so every attempt counts as one: calls per operation and cost per operation are unknown.'
			ELSE format('%s of attempts name their operation: %s operations, %s attempts each on average, %s at most.%s',
				llm_cost.percent_of((f ->> 'in_operation')::numeric, n), f ->> 'operations',
				round((f ->> 'in_operation')::numeric / (f ->> 'operations')::numeric, 2), f ->> 'largest',
				CASE WHEN (f ->> 'long')::numeric > 0.05 * (f ->> 'operations')::numeric
					THEN format(' %s last more than an hour: operation_id looks like a conversation.', llm_cost.percent_of((f ->> 'long')::numeric, (f ->> 'operations')::numeric)) ELSE '' END) END);
	RETURN NEXT llm_cost.doctor_row(51, 'releases', CASE WHEN (f ->> 'with_release')::numeric < 0.5 * n THEN 'warn' ELSE 'ok' END,
		format('%s of attempts name a release.%s', llm_cost.percent_of((f ->> 'with_release')::numeric, n),
			CASE WHEN (f ->> 'with_release')::numeric < 0.5 * n THEN ' Without it, releases must be declared or inferred.' ELSE '' END));
	RETURN NEXT llm_cost.doctor_row(52, 'failed attempts', CASE WHEN (f ->> 'failed')::numeric = 0 AND n >= 1000 THEN 'warn' WHEN (f ->> 'failed')::numeric = 0 THEN 'unknown' ELSE 'ok' END,
		CASE WHEN (f ->> 'failed')::numeric = 0 THEN 'No failed attempt is logged. Either none failed, or failures are not logged and retries cost more than shown.'
			ELSE format('%s failed (%s); known retries: %s.', llm_cost.counted((f ->> 'failed')::bigint, 'attempt'), llm_cost.percent_of((f ->> 'failed')::numeric, n), f ->> 'retried') END);
	RETURN NEXT llm_cost.doctor_row(53, 'duplicates', CASE WHEN f ->> 'extra' IS NULL THEN 'ok' ELSE 'warn' END,
		CASE WHEN f ->> 'extra' IS NULL THEN 'No two billable attempts have the same time, model, tokens, user and operation.'
			ELSE format('%s billable attempts repeat another''s time, model, tokens, user and operation; they cost %s %s.',
				f ->> 'extra', COALESCE(trim_scale(round((f ->> 'duplicate_cost')::numeric, 6))::text, 'an unknown amount in'), currency) END);

	-- units
	FOR entry IN SELECT jsonb_build_object('dimension', u.key) || u.value FROM jsonb_each(f -> 'units') AS u ORDER BY u.key DESC LOOP
		named := entry ->> 'dimension';
		IF (entry ->> 'top_spend')::numeric > 0.5 * (entry ->> 'spend')::numeric AND (entry ->> 'ids')::numeric > 1 THEN
			RETURN NEXT llm_cost.doctor_row(60, 'sampling unit', 'warn', format('One %s (%s) has %s of the cost, so %s is no sampling unit: it may be an automation or a default.',
				named, entry ->> 'top', llm_cost.percent_of((entry ->> 'top_spend')::numeric, (entry ->> 'spend')::numeric), named));
		ELSIF (entry ->> 'ids')::numeric >= 20 AND COALESCE((entry ->> 'without')::numeric, 0) < 0.1 * n THEN
			candidates := candidates || format('%s (%s)', named, entry ->> 'ids');
		END IF;
	END LOOP;
	RETURN NEXT llm_cost.doctor_row(61, 'sampling unit', CASE WHEN cardinality(candidates) = 0 THEN 'warn' ELSE 'ok' END,
		CASE WHEN cardinality(candidates) = 0 THEN 'No column tells at least 20 users, teams or conversations apart on 90 % of attempts with none holding half of the cost: comparisons will have no honest interval.'
			ELSE 'Can serve as sampling unit: ' || array_to_string(candidates, ', ') || '.' END);

	-- clock
	RETURN NEXT llm_cost.doctor_row(70, 'clock', CASE WHEN (f ->> 'future')::numeric + (f ->> 'timeless')::numeric > 0 THEN 'warn' ELSE 'ok' END,
		format('Attempts from %s to %s; %s start in the future and %s have no time.%s',
			to_char((f ->> 'first')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), to_char((f ->> 'last')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC'),
			f ->> 'future', f ->> 'timeless', CASE WHEN (f ->> 'future')::numeric > 0 THEN ' If all are shifted, the time zone is wrong.' ELSE '' END));
END
$$;
COMMENT ON FUNCTION llm_cost.doctor_rows(jsonb, text, text) IS
	'What the facts of doctor_facts() mean, in words.';

CREATE FUNCTION llm_cost.doctor(relation regclass, max_rows bigint DEFAULT 1000000)
RETURNS TABLE (check_name text, status text, detail text, fix text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_rows	jsonb[] := ARRAY[]::jsonb[];
	important	constant text[] := ARRAY['provider', 'service_tier', 'input_tokens', 'cache_read_tokens', 'cache_write_tokens',
					'output_tokens', 'operation_id', 'error_type', 'user_id', 'release'];
	att			llm_cost.attached_usage;
	attached	boolean;
	base		oid := doctor.relation::oid;
	base_kind	"char";
	base_name	text;
	made		record;
	attach_apart text;
	column_list	text;
	canonical	record;
	index_name	text;
	estimate	real;
	newest_by	text;
	facts		jsonb;
	message		text;
	hint		text;
	mend		text;
BEGIN
	doctor.max_rows := GREATEST(COALESCE(doctor.max_rows, 1000000), 1);
	SELECT a.* INTO att FROM llm_cost.live_registration(doctor.relation) a;
	attached := att.view_name IS NOT NULL;
	IF attached THEN
		SELECT c.oid INTO base FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = att.relation_schema AND c.relname = att.relation_name;
	ELSE
		SELECT n.nspname::text, c.relname::text INTO att.relation_schema, att.relation_name
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = doctor.relation;
		att.price_book := 'list';
	END IF;
	SELECT c.reltuples, c.relkind INTO estimate, base_kind FROM pg_class c WHERE c.oid = base;
	base_name := format('%I.%I', att.relation_schema, att.relation_name);

	SELECT NULL::text AS query, NULL::text AS profile_used, NULL::jsonb AS described,
		   NULL::text AS time_column, NULL::text AS base_column, NULL::text AS zone_used INTO made;
	-- what is recognised; a column renamed since attach() makes the mapping stale, not the view
	BEGIN
		SELECT q.* INTO made FROM llm_cost.usage_query(base::regclass, att.profile, att.mapping,
			att.price_book, att.time_zone, att.input_excludes_cache) AS q;
	EXCEPTION WHEN undefined_column OR undefined_table OR datatype_mismatch OR undefined_object OR wrong_object_type THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
		found_rows := found_rows || llm_cost.doctor_row(10, 'mapping', 'fail', CASE WHEN attached
				THEN format('The mapping no longer fits %s: %s.', base_name, message)
				ELSE format('%s cannot be attached as it is: %s. %s', base_name, message, hint) END,
			CASE WHEN NOT attached THEN llm_cost.attach_statement(att.relation_schema, att.relation_name, 'generic',
				(SELECT jsonb_object_agg(u.usage_column, COALESCE((SELECT s.name FROM unnest(llm_cost.synonym(u.usage_column)) WITH ORDINALITY AS s (name, rank)
						WHERE s.name = ANY (llm_cost.column_names(base::regclass)) ORDER BY s.rank LIMIT 1), '‹column›'))
				 FROM llm_cost.usage_columns() u
				 WHERE NOT u.usage_column = ANY (llm_cost.column_names(base::regclass))
				   AND (u.usage_column IN ('started_at', 'model') OR llm_cost.mapping_suggestion(base::regclass, u.usage_column) IS NOT NULL)),
				NULL, NULL, NULL, NULL, NULL) END);
		-- what only the user knows makes it a template
		IF found_rows[1] ->> 'fix' LIKE '%‹%' THEN
			found_rows[1] := found_rows[1] || jsonb_build_object('fix', llm_cost.template(found_rows[1] ->> 'fix'));
		END IF;
	END;

	IF made.query IS NOT NULL THEN
		SELECT string_agg(format('%s (%s)', u.usage_column, made.described ->> u.usage_column), ', ' ORDER BY u."position") INTO column_list
		FROM llm_cost.usage_columns() u WHERE made.described ? u.usage_column;
		IF att.input_excludes_cache IS NOT TRUE AND made.profile_used = 'generic' THEN
			attach_apart := llm_cost.attach_statement(att.relation_schema, att.relation_name, made.profile_used, att.mapping,
				att.schema_name, att.view_name, att.price_book, att.time_zone, true);
		END IF;
		found_rows := found_rows || llm_cost.doctor_row(10, 'recognised', CASE WHEN attached THEN 'ok' ELSE 'warn' END,
			format('%s, profile %s, price book %s. Mapped: %s.',
				CASE WHEN attached THEN format('%I.%I reads %s', att.schema_name, att.view_name, base_name)
					ELSE format('%s is not attached; this is what attach() would recognise', base_name) END,
				made.profile_used, att.price_book, column_list),
			CASE WHEN NOT attached THEN llm_cost.attach_statement(att.relation_schema, att.relation_name, made.profile_used, NULL,
				NULL, NULL, NULL, NULL, NULL) END);
		FOR canonical IN
			SELECT u.usage_column, u.data_type, u.lost_without, llm_cost.mapping_suggestion(base::regclass, u.usage_column) AS suggestion,
				   (SELECT s.name FROM unnest(llm_cost.synonym(u.usage_column)) WITH ORDINALITY AS s (name, rank)
					WHERE s.name = ANY (llm_cost.column_names(base::regclass)) ORDER BY s.rank LIMIT 1) AS likely
			FROM llm_cost.usage_columns() u
			WHERE NOT made.described ? u.usage_column
			  AND (u.usage_column = ANY (important) OR llm_cost.mapping_suggestion(base::regclass, u.usage_column) IS NOT NULL)
			ORDER BY u."position"
		LOOP
			message := NULL;
			IF canonical.likely IS NOT NULL THEN
				mend := llm_cost.attach_statement(att.relation_schema, att.relation_name, made.profile_used,
					COALESCE(att.mapping, '{}') || jsonb_build_object(canonical.usage_column, canonical.likely),
					att.schema_name, att.view_name, att.price_book, att.time_zone, att.input_excludes_cache);
				BEGIN
					PERFORM llm_cost.mapped_expression(base::regclass, canonical.usage_column, canonical.data_type,
						to_jsonb(canonical.likely), 'UTC');
				EXCEPTION WHEN datatype_mismatch THEN
					GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
					mend := NULL;
				END;
			ELSE
				mend := NULL;
			END IF;
			found_rows := found_rows || llm_cost.doctor_row(11, 'missing column', CASE WHEN canonical.usage_column LIKE '%put_tokens' THEN 'fail' ELSE 'warn' END,
				format('%s is not mapped. Lost: %s.%s%s', canonical.usage_column, canonical.lost_without, COALESCE(' ' || canonical.suggestion, ''),
					CASE WHEN message IS NULL THEN '' ELSE format(' But: %s. %s', message, hint) END),
				mend);
		END LOOP;
		SELECT string_agg(format('%s (%s)', u.usage_column, u.lost_without), ', ' ORDER BY u."position") INTO column_list
		FROM llm_cost.usage_columns() u
		WHERE NOT made.described ? u.usage_column AND NOT u.usage_column = ANY (important)
		  AND llm_cost.mapping_suggestion(base::regclass, u.usage_column) IS NULL;
		IF column_list IS NOT NULL THEN
			found_rows := found_rows || llm_cost.doctor_row(12, 'optional columns', 'ok', format('Not mapped, and what that costs: %s.', column_list));
		END IF;
		att.time_column := made.time_column;
		att.base_column := made.base_column;
		att.time_zone := made.zone_used;
	END IF;

	-- index on time
	IF base_kind IN ('r', 'p', 'm') AND (attached OR made.query IS NOT NULL) THEN
		index_name := llm_cost.time_index(base::regclass, att.time_column);
		found_rows := found_rows || CASE
			WHEN index_name IS NOT NULL THEN llm_cost.doctor_row(80, 'time index', 'ok', format('%s serves periods of time.%s', index_name,
				CASE WHEN att.base_column = 'base_started_at' THEN ' Conditions on started_at alone do not use it; those on base_started_at do, as analyses write them (period_predicate()). For your own queries on started_at there is the index on the expression.' ELSE '' END),
				CASE WHEN att.base_column = 'base_started_at' THEN format('CREATE INDEX%s ON %s ((%s));',
					CASE WHEN base_kind = 'p' THEN '' ELSE ' CONCURRENTLY' END, base_name,
					llm_cost.zoned_expression(quote_ident(att.time_column), att.time_zone)) END)
			WHEN att.time_column IS NULL THEN llm_cost.doctor_row(80, 'time index', 'unknown', 'started_at is an expression; only an index on that very expression can serve periods of time.')
			ELSE llm_cost.doctor_row(80, 'time index', CASE WHEN estimate > 100000 THEN 'fail' ELSE 'warn' END,
				format('No index on %I: every analysis reads all of %s%s.', att.time_column, base_name,
					CASE WHEN estimate >= 0 THEN format(' (about %s rows)', estimate::bigint) ELSE '' END),
				format('CREATE INDEX%s ON %s (%I);', CASE WHEN base_kind = 'p' THEN '' ELSE ' CONCURRENTLY' END, base_name, att.time_column)) END;
	END IF;
	IF att.time_zone IS NOT NULL THEN
		found_rows := found_rows || llm_cost.doctor_row(71, 'time zone', CASE WHEN attached OR made.profile_used = 'litellm' THEN 'ok' ELSE 'warn' END,
			format('%s has no time zone and is read as %s. If that is wrong, every price change and every day is shifted.',
				COALESCE(quote_ident(att.time_column), 'started_at'), att.time_zone));
	END IF;

	-- the rows; the newest ones only where that takes no sort of a large table
	IF attached OR made.query IS NOT NULL THEN
		newest_by := CASE WHEN index_name IS NOT NULL OR COALESCE(estimate, 0) <= doctor.max_rows THEN COALESCE(att.base_column, 'started_at') END;
		facts := llm_cost.doctor_facts(CASE WHEN attached THEN format('SELECT * FROM %I.%I', att.schema_name, att.view_name) ELSE made.query END,
			newest_by, doctor.max_rows);
		found_rows := found_rows || llm_cost.doctor_row(20, 'rows looked at', CASE WHEN newest_by IS NULL THEN 'warn' ELSE 'ok' END,
			format('%s rows%s.', facts ->> 'attempts', CASE
				WHEN (facts ->> 'attempts')::bigint < doctor.max_rows THEN ', all that you may see'
				WHEN newest_by IS NULL THEN ', the first as stored, because without an index on time finding the newest means sorting the table'
				ELSE format(', the newest (max_rows => %s)', doctor.max_rows) END));
		found_rows := found_rows || ARRAY(SELECT r FROM llm_cost.doctor_rows(facts, att.price_book, attach_apart) AS r);
		IF made.profile_used = 'litellm' AND (facts ->> 'batches')::bigint + (facts ->> 'batch_polls')::bigint > 0 THEN
			index_name := (SELECT i.indexrelid::regclass::text FROM pg_index i
				WHERE i.indrelid = base AND i.indisvalid AND pg_get_expr(i.indpred, i.indrelid) LIKE '%retrieve_batch%' LIMIT 1);
			found_rows := found_rows || llm_cost.doctor_row(54, 'batches', CASE WHEN index_name IS NULL THEN 'warn' ELSE 'ok' END, format(
				'%s priced. %s only look at a batch, or retrieve it again within 30 days with the same key and tokens, and cost 0. Rows of older versions do not name their batch, so each is looked up among earlier ones%s.',
				llm_cost.counted((facts ->> 'batches')::bigint, 'batch row'), llm_cost.counted((facts ->> 'batch_polls')::bigint, 'row'),
				CASE WHEN index_name IS NULL THEN '; without an index that reads 30 days of the log for each' ELSE format(', by %s', index_name) END),
				CASE WHEN index_name IS NULL THEN format('CREATE INDEX%s ON %s (prompt_tokens, completion_tokens, "startTime") WHERE call_type IN (''aretrieve_batch'', ''retrieve_batch'', ''aresponses'', ''responses'', ''aget_responses'', ''get_responses'');',
					CASE WHEN base_kind = 'p' THEN '' ELSE ' CONCURRENTLY' END, base_name) END);
		END IF;
	END IF;

	-- where the view's own name is taken, only the user knows another
	IF NOT attached AND to_regclass(format('%I.%I', att.relation_schema, att.relation_name || '_usage')) IS NOT NULL THEN
		found_rows := ARRAY(
			SELECT CASE WHEN r ->> 'fix' LIKE 'SELECT llm\_cost.attach(%' THEN r || jsonb_build_object(
					   'fix', llm_cost.template(regexp_replace(r ->> 'fix', '\);$', ', view_name => ‹another name›);')),
					   'detail', format('%s The name %I is taken.', r ->> 'detail', att.relation_name || '_usage'))
				   ELSE r END
			FROM unnest(found_rows) WITH ORDINALITY AS u (r, nth) ORDER BY nth);
	END IF;

	-- views dropped without detach(), or no longer what was attached
	FOR canonical IN
		SELECT a.schema_name, a.view_name, c.oid IS NULL AS gone
		FROM llm_cost.attached_usage a
			 LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
				ON n.nspname = a.schema_name AND c.relname = a.view_name AND c.relkind = 'v'
		WHERE c.oid IS NULL OR NOT EXISTS (SELECT FROM llm_cost.live_registration(c.oid::regclass))
		ORDER BY 1, 2
	LOOP
		found_rows := found_rows || llm_cost.doctor_row(90, 'stale registration', 'warn',
			format(CASE WHEN canonical.gone THEN '%I.%I is registered but was dropped or renamed.'
				ELSE '%I.%I is registered, but is not the view that was attached: replaced, or of another owner. The registration is ignored.' END,
				canonical.schema_name, canonical.view_name),
			format('DELETE FROM llm_cost.attached_usage WHERE schema_name = %L AND view_name = %L;', canonical.schema_name, canonical.view_name));
	END LOOP;

	RETURN QUERY
		SELECT r ->> 'check_name', r ->> 'status', r ->> 'detail', r ->> 'fix'
		FROM unnest(found_rows) WITH ORDINALITY AS u (r, nth)
		ORDER BY array_position('{fail,warn,unknown,ok}', r ->> 'status'), (r ->> 'place')::integer, nth;
END
$$;
COMMENT ON FUNCTION llm_cost.doctor(regclass, bigint) IS
	'Examines an attached view, or a relation as attach() would see it: what is recognised, what is missing and lost, how much is priced, grouped and attributed, and what looks wrong; failures first, each with the statement that mends it where there is one; a fix that begins with "-- fill in:" is a template, with what only you know in ‹›. Looks at no more than max_rows rows (the newest, given an index on time) in one pass; writes nothing.';
