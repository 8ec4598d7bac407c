/*
 * Reading genai-prices (data.json of pydantic/genai-prices).
 *
 * An array of providers with models.  "prices" is an object of prices per
 * million tokens (_mtok) or per thousand (_kcount), or an array of such
 * objects with constraints, of which the last that holds is taken: from a
 * date on, or in a daily window in UTC.  A price is a number or {base, tiers}.
 */
CREATE FUNCTION llm_cost.read_genai_prices(catalogue jsonb)
RETURNS SETOF llm_cost.catalogue_entry
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET enable_nestloop = off SET jit = off
AS $$
DECLARE
	bad record;
BEGIN
	IF jsonb_typeof(read_genai_prices.catalogue) <> 'array' THEN
		RAISE EXCEPTION 'catalogue is not of format genai-prices'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It is a JSON %s.', jsonb_typeof(read_genai_prices.catalogue)),
				  HINT = 'The catalogue of genai-prices is one JSON array of providers.';
	END IF;
	SELECT coalesce(p.provider ->> 'id', left(p.provider::text, 60)) AS entry,
		   coalesce(m.model ->> 'id', left(m.model::text, 60)) AS model INTO bad
	FROM jsonb_array_elements(read_genai_prices.catalogue) AS p(provider)
	LEFT JOIN LATERAL jsonb_array_elements(
		CASE WHEN jsonb_typeof(p.provider -> 'models') = 'array' THEN p.provider -> 'models' END)
		AS m(model) ON true
	WHERE jsonb_typeof(p.provider) <> 'object'
		OR coalesce(p.provider ->> 'id', '') = ''
		OR jsonb_typeof(p.provider -> 'models') IS DISTINCT FROM 'array'
		OR m.model IS NOT NULL AND (
			jsonb_typeof(m.model) <> 'object' OR coalesce(m.model ->> 'id', '') = ''
			OR jsonb_typeof(m.model -> 'prices') NOT IN ('object', 'array'))
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry of catalogue is not what genai-prices writes'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Provider "%s", model "%s".', bad.entry, bad.model),
				  HINT = 'A provider is an object with id and models, a model one with id and prices.';
	END IF;

	RETURN QUERY
	WITH meter_of(field, meter) AS (VALUES
		('input_mtok', 'input'), ('output_mtok', 'output'), ('output_reasoning_mtok', 'reasoning'),
		('cache_read_mtok', 'cache_read'), ('cache_write_mtok', 'cache_write_5m'),
		('cache_write_5m_mtok', 'cache_write_5m'), ('cache_write_1h_mtok', 'cache_write_1h'),
		('input_audio_mtok', 'input_audio'), ('output_audio_mtok', 'output_audio'),
		('input_image_mtok', 'input_image'), ('output_image_mtok', 'output_image'),
		('input_video_mtok', 'input_video'), ('output_video_mtok', 'output_video'),
		('cache_audio_read_mtok', 'cache_read_audio'), ('cache_image_read_mtok', 'cache_read_image'),
		('cache_audio_write_mtok', 'cache_write_audio'), ('output_citation_mtok', 'citation'),
		('requests_kcount', 'request'), ('web_searches_kcount', 'web_search'),
		('file_searches_kcount', 'file_search'), ('pages_kcount', 'page')
	), model AS MATERIALIZED (
		SELECT (p.provider ->> 'id') || '/' || (m.model ->> 'id') AS entry,
			   CASE p.provider ->> 'id'
				   WHEN 'aws' THEN 'aws.bedrock' WHEN 'azure' THEN 'azure.ai.openai'
				   WHEN 'google' THEN 'gcp.gemini' WHEN 'mistral' THEN 'mistral_ai'
				   WHEN 'x-ai' THEN 'x_ai' ELSE p.provider ->> 'id' END AS provider,
			   m.model, row_number() OVER () AS place
		FROM jsonb_array_elements(read_genai_prices.catalogue) AS p(provider),
			 jsonb_array_elements(p.provider -> 'models') AS m(model)
	), variant AS MATERIALIZED (
		SELECT m.entry, m.provider, m.model ->> 'id' AS model, v.place,
			   coalesce(v.variant -> 'prices', 'null') AS prices, c.constrained,
			   llm_cost.catalogue_time(c.constrained ->> 'start_date', m.entry || ' start_date') AS valid_from,
			   CASE WHEN c.constrained ? 'start_time' THEN coalesce(
				   substring(c.constrained ->> 'start_time' FROM '^(\d\d:\d\d)(?::00)?Z$') || '-' ||
				   substring(c.constrained ->> 'end_time' FROM '^(\d\d:\d\d)(?::00)?Z$'), '?')
			   ELSE '' END AS time_window
		FROM model m,
			 jsonb_array_elements(CASE jsonb_typeof(m.model -> 'prices') WHEN 'array'
				THEN m.model -> 'prices'
				ELSE jsonb_build_array(jsonb_build_object('prices', m.model -> 'prices')) END)
				WITH ORDINALITY AS v(variant, place),
			 LATERAL (SELECT CASE jsonb_typeof(v.variant -> 'constraint') WHEN 'object'
							 THEN v.variant -> 'constraint' ELSE '{}' END) c(constrained)
	), dated AS (
		-- A new object of prices replaces the one before as a whole: what it
		-- does not list any more has no price any more.
		SELECT v.*, lead(v.valid_from) OVER (PARTITION BY v.entry, v.time_window ORDER BY v.place) AS valid_to,
			   v.time_window <> '?' AND jsonb_typeof(v.prices) = 'object'
				AND v.constrained - '{start_date,start_time,end_time}'::text[] = '{}' AS understood
		FROM variant v
	), amount AS (
		SELECT d.*, f.key AS field, t.value, t.tier_from
		FROM dated d,
			 jsonb_each(CASE WHEN d.understood THEN d.prices END) f,
			 LATERAL (
				SELECT f.value, 0::numeric WHERE jsonb_typeof(f.value) <> 'object'
				UNION ALL
				SELECT coalesce(f.value -> 'base', f.value), 0 WHERE jsonb_typeof(f.value) = 'object'
				UNION ALL
				SELECT coalesce(x.tier -> 'price', x.tier),
					   CASE WHEN jsonb_typeof(x.tier -> 'start') = 'number'
					   THEN (x.tier ->> 'start')::numeric ELSE -1 END
				FROM jsonb_array_elements(CASE WHEN jsonb_typeof(f.value -> 'tiers') = 'array'
										  THEN f.value -> 'tiers' END) AS x(tier)) t(value, tier_from)
	), match_part AS (
		WITH RECURSIVE part(entry, provider, model, place, condition) AS (
			SELECT m.entry, m.provider, m.model ->> 'id', m.place, m.model -> 'match' FROM model m
			UNION ALL
			SELECT p.entry, p.provider, p.model, p.place, o.condition
			FROM part p, jsonb_array_elements(CASE WHEN jsonb_typeof(p.condition -> 'or') = 'array'
											  THEN p.condition -> 'or' END) AS o(condition)
		)
		SELECT p.entry, p.provider, p.model, p.place, c.key, c.value
		FROM part p, jsonb_each(CASE WHEN jsonb_typeof(p.condition) = 'object' THEN p.condition END) c
		WHERE c.key <> 'or'
	)
	SELECT 'price', a.entry, a.field, a.value, 1::numeric,
		   jsonb_build_object('provider', a.provider, 'model', a.model, 'meter', m.meter,
			'per', CASE WHEN a.field LIKE '%\_mtok' THEN 1000000 ELSE 1000 END,
			'tier_from', a.tier_from, 'time_window', a.time_window),
		   a.valid_from, a.valid_to, 0
	FROM amount a JOIN meter_of m ON m.field = a.field
	WHERE a.tier_from >= 0 AND a.tier_from = trunc(a.tier_from)
	UNION ALL
	SELECT 'alias', p.entry, 'match.equals', 'null', NULL,
		   jsonb_build_object('kind', 'exact', 'pattern', p.value #>> '{}', 'provider', p.provider,
			'to_provider', p.provider, 'to_model', p.model),
		   NULL, NULL, p.place::integer
	FROM match_part p
	WHERE p.key = 'equals' AND jsonb_typeof(p.value) = 'string' AND p.value <> '""'
		AND lower(p.value #>> '{}' COLLATE "C") <> lower(p.model COLLATE "C")
		-- A model without prices needs no name.
		AND EXISTS (SELECT FROM amount a WHERE a.entry = p.entry)
	UNION ALL
	-- starts_with and the like may swallow another model.
	SELECT 'aliases_skipped', p.entry, 'match.' || p.key, p.value, NULL, NULL, NULL, NULL, NULL
	FROM match_part p WHERE p.key <> 'equals'
	UNION ALL
	SELECT 'not_understood', a.entry, a.field, a.value, NULL, NULL, NULL, NULL, NULL
	FROM amount a
	WHERE jsonb_typeof(a.value) <> 'null'
		AND (NOT EXISTS (SELECT FROM meter_of m WHERE m.field = a.field)
			 OR a.tier_from < 0 OR a.tier_from <> trunc(a.tier_from))
	UNION ALL
	-- keys beside base and tiers, in a tier beside start and price, and beside
	-- the prices and their constraint
	SELECT 'not_understood', x.entry, x.field, x.value, NULL, NULL, NULL, NULL, NULL
	FROM (SELECT d.entry, f.key || '.' || k.key, k.value
		  FROM dated d, jsonb_each(CASE WHEN d.understood THEN d.prices END) f,
			   jsonb_each(CASE WHEN jsonb_typeof(f.value) = 'object' THEN f.value END) k
		  WHERE k.key NOT IN ('base', 'tiers') OR k.key = 'tiers' AND jsonb_typeof(k.value) <> 'array'
		  UNION ALL
		  SELECT d.entry, f.key || '.tiers.' || k.key, k.value
		  FROM dated d, jsonb_each(CASE WHEN d.understood THEN d.prices END) f,
			   jsonb_array_elements(CASE WHEN jsonb_typeof(f.value -> 'tiers') = 'array'
									THEN f.value -> 'tiers' END) AS t(tier),
			   jsonb_each(CASE WHEN jsonb_typeof(t.tier) = 'object' THEN t.tier END) k
		  WHERE k.key NOT IN ('start', 'price')
		  UNION ALL
		  SELECT m.entry, k.key, k.value
		  FROM model m,
			   jsonb_array_elements(CASE WHEN jsonb_typeof(m.model -> 'prices') = 'array'
									THEN m.model -> 'prices' END) AS v(variant),
			   jsonb_each(CASE WHEN jsonb_typeof(v.variant) = 'object' THEN v.variant END) k
		  WHERE k.key NOT IN ('prices', 'constraint')) x(entry, field, value)
	WHERE jsonb_typeof(x.value) <> 'null'
	UNION ALL
	SELECT 'not_understood', d.entry, 'prices with constraint',
		   jsonb_build_object('constraint', d.constrained, 'prices', d.prices),
		   NULL, NULL, NULL, NULL, NULL
	FROM dated d WHERE NOT d.understood;
END
$$;
COMMENT ON FUNCTION llm_cost.read_genai_prices(jsonb) IS
	'Reader of genai-prices'' data.json. Names matched by "equals" become exact aliases for requests of that provider; other ways of matching are reported, since they may swallow another model. Errors with 22023 when it is not an array of providers with models.';
