/*
 * Reading LiteLLM's model_prices_and_context_window.json.
 *
 * An object of models; the key is [provider path/]name, the fields are prices
 * per single unit, in binary floating point.  The name of a field is built
 * from parts: what is priced, "_above_Nk_tokens" for a context tier and
 * "_priority", "_flex" or "_batches" for a service tier.  Nobody knows what the
 * next price will be called, so it is the fields that are no prices which are
 * listed here: any other number, object or array, and whatever has a price in
 * its name, is read or reported.
 */

CREATE FUNCTION llm_cost.litellm_provider(litellm_provider text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE litellm_provider.litellm_provider
		WHEN 'bedrock' THEN 'aws.bedrock'
		WHEN 'bedrock_converse' THEN 'aws.bedrock'
		WHEN 'azure' THEN 'azure.ai.openai'
		WHEN 'azure_text' THEN 'azure.ai.openai'
		WHEN 'azure_ai' THEN 'azure.ai.inference'
		WHEN 'gemini' THEN 'gcp.gemini'
		WHEN 'xai' THEN 'x_ai'
		WHEN 'mistral' THEN 'mistral_ai'
		WHEN 'watsonx' THEN 'ibm.watsonx.ai'
		WHEN 'cohere_chat' THEN 'cohere'
		WHEN 'fireworks_ai-embedding-models' THEN 'fireworks_ai'
		ELSE regexp_replace(
			regexp_replace(lower(litellm_provider.litellm_provider COLLATE "C"),
						   '^vertex_ai(-.*)?$', 'gcp.vertex_ai'),
			'^text-completion-', '') END;
END
$$;
COMMENT ON FUNCTION llm_cost.litellm_provider(text) IS
	'Seller that a litellm_provider stands for, as OpenTelemetry spells it; other names in lower case as they are.';

CREATE FUNCTION llm_cost.read_litellm(catalogue jsonb)
RETURNS SETOF llm_cost.catalogue_entry
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off SET jit = off
AS $$
DECLARE
	-- Any name that could be that of a price.
	price_like constant text := 'cost|price|pricing|multiplier|uplift|specific_entry|mtok|kcount|dbu|credit';
	-- Names of numbers, objects and arrays that are none.
	no_price constant text := '^(max_[a-z_]+|[rt]p[md]|output_vector_size|prompt_cache_min_tokens|tool_use_system_prompt_tokens|metadata|rules|supported_[a-z_]+)$';
	token_meters constant jsonb := jsonb '["input", "cache_read", "cache_write_5m", "cache_write_1h", "output",
		"reasoning", "input_audio", "input_image", "input_video", "output_audio", "output_image",
		"output_video", "cache_read_audio", "cache_read_image", "cache_write_audio"]';
	bad record;
BEGIN
	IF jsonb_typeof(read_litellm.catalogue) <> 'object' THEN
		RAISE EXCEPTION 'catalogue is not of format litellm'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It is a JSON %s.', jsonb_typeof(read_litellm.catalogue)),
				  HINT = 'LiteLLM''s catalogue is one JSON object with an entry for each model.';
	END IF;
	SELECT m.key, m.value INTO bad
	FROM jsonb_each(read_litellm.catalogue) m
	WHERE jsonb_typeof(m.value) <> 'object'
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry of catalogue is not a JSON object'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry "%s": %s.', bad.key, left(bad.value::text, 60)),
				  HINT = 'LiteLLM''s catalogue has an object for each model. Is the format right?';
	END IF;
	SELECT m.key, m.value -> 'litellm_provider' AS value INTO bad
	FROM jsonb_each(read_litellm.catalogue) m
	WHERE jsonb_typeof(m.value -> 'litellm_provider') NOT IN ('string', 'null')
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'provider in catalogue is not a string'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry "%s", field "litellm_provider": %s.', bad.key, left(bad.value::text, 60)),
				  HINT = 'Write the name of one seller.';
	END IF;
	SELECT m.key, f.key AS field INTO bad
	FROM jsonb_each(read_litellm.catalogue) m, jsonb_each(m.value) f
	WHERE f.key ~ price_like AND coalesce(m.value ->> 'litellm_provider', '') = ''
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry of catalogue has prices but no provider'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry "%s", field "%s".', bad.key, bad.field),
				  HINT = 'Add "litellm_provider": a price belongs to a seller.';
	END IF;

	RETURN QUERY
	WITH meter_of(field, meter, times, per) AS (VALUES
		('input_cost_per_token', 'input', 1000000, 1000000),
		('output_cost_per_token', 'output', 1000000, 1000000),
		('output_cost_per_reasoning_token', 'reasoning', 1000000, 1000000),
		('cache_read_input_token_cost', 'cache_read', 1000000, 1000000),
		('input_cost_per_token_cache_hit', 'cache_read', 1000000, 1000000),
		('cache_creation_input_token_cost', 'cache_write_5m', 1000000, 1000000),
		('cache_creation_input_token_cost_above_1hr', 'cache_write_1h', 1000000, 1000000),
		('cache_read_input_audio_token_cost', 'cache_read_audio', 1000000, 1000000),
		('cache_read_input_image_token_cost', 'cache_read_image', 1000000, 1000000),
		('cache_creation_input_audio_token_cost', 'cache_write_audio', 1000000, 1000000),
		('input_cost_per_audio_token', 'input_audio', 1000000, 1000000),
		('output_cost_per_audio_token', 'output_audio', 1000000, 1000000),
		('input_cost_per_image_token', 'input_image', 1000000, 1000000),
		('output_cost_per_image_token', 'output_image', 1000000, 1000000),
		('input_cost_per_video_token', 'input_video', 1000000, 1000000),
		('output_cost_per_video_token', 'output_video', 1000000, 1000000),
		('citation_cost_per_token', 'citation', 1000000, 1000000),
		('computer_use_input_cost_per_1k_tokens', 'computer_use_input', 1000, 1000000),
		('computer_use_output_cost_per_1k_tokens', 'computer_use_output', 1000, 1000000),
		('input_cost_per_image', 'submitted_image', 1, 1),
		('output_cost_per_image', 'generated_image', 1, 1),
		('input_cost_per_pixel', 'input_pixel', 1, 1),
		('output_cost_per_pixel', 'output_pixel', 1, 1),
		('input_cost_per_character', 'input_character', 1, 1),
		('output_cost_per_character', 'output_character', 1, 1),
		('input_cost_per_query', 'input_query', 1, 1),
		('input_cost_per_request', 'request', 1, 1),
		('input_cost_per_second', 'input_second', 1, 1),
		('output_cost_per_second', 'output_second', 1, 1),
		('input_cost_per_audio_per_second', 'input_audio_second', 1, 1),
		('input_cost_per_video_per_second', 'input_video_second', 1, 1),
		('output_cost_per_video_per_second', 'output_video_second', 1, 1),
		('ocr_cost_per_page', 'page', 1, 1),
		('annotation_cost_per_page', 'annotation_page', 1, 1),
		('ocr_cost_per_credit', 'credit', 1, 1),
		('code_interpreter_cost_per_session', 'code_session', 1, 1),
		('file_search_cost_per_1k_calls', 'file_search', 1, 1000),
		('file_search_cost_per_gb_per_day', 'file_search_gb_day', 1, 1),
		('vector_store_cost_per_gb_per_day', 'vector_store_gb_day', 1, 1)
	), entry AS MATERIALIZED (
		SELECT m.key, m.value AS info, m.value ->> 'litellm_provider' AS seller,
			   llm_cost.litellm_provider(m.value ->> 'litellm_provider') AS provider,
			   p.prefixed,
			   coalesce(r.parts[1], '') AS region,
			   coalesce(r.parts[2], p.rest) AS model
		FROM jsonb_each(read_litellm.catalogue) m,
			 -- The path begins with the provider, or what stands before the
			 -- first - or _ of it, in either spelling.
			 LATERAL (SELECT strpos(m.key, '/') > 0
							 AND (replace(m.value ->> 'litellm_provider', '-', '_') || '_')
								 LIKE replace(replace(split_part(m.key, '/', 1), '-', '_'), '_', '\_') || '\_%'
							 AS is_prefixed) i,
			 LATERAL (SELECT coalesce(i.is_prefixed, false) AS prefixed,
							 CASE WHEN i.is_prefixed
							 THEN regexp_replace(substr(m.key, strpos(m.key, '/') + 1), '^invoke/', '')
							 ELSE m.key END AS rest) p,
			 LATERAL (SELECT CASE WHEN p.prefixed AND m.value ->> 'litellm_provider' ~ '^(bedrock|azure)'
							 THEN regexp_match(p.rest,
							 '^([a-z]{2}(?:-gov)?-[a-z]+-\d+|us|eu|global|global-standard)/(.+)$') END AS parts) r
		WHERE m.key <> 'sample_spec'
	), found AS MATERIALIZED (
		-- Fields, those of context tiers, of search sizes and of special entries.
		SELECT e.*, f.key AS field, f.value, 0::numeric AS tier_from, NULL::text AS part
		FROM entry e, jsonb_each(e.info) f
		WHERE (f.key ~ price_like
			   OR jsonb_typeof(f.value) IN ('number', 'object', 'array') AND f.key !~ no_price)
			AND NOT (
			f.key IN ('search_context_cost_per_query', 'provider_specific_entry')
				AND jsonb_typeof(f.value) = 'object'
			OR f.key = 'tiered_pricing' AND jsonb_typeof(f.value) = 'array')
		UNION ALL
		SELECT e.*, f.key, f.value,
			   CASE WHEN jsonb_typeof(t.tier -> 'range' -> 0) = 'number'
			   THEN (t.tier -> 'range' ->> 0)::numeric END, 'tiered_pricing'
		FROM entry e,
			 jsonb_array_elements(CASE WHEN jsonb_typeof(e.info -> 'tiered_pricing') = 'array'
								  THEN e.info -> 'tiered_pricing' END) AS t(tier),
			 jsonb_each(CASE WHEN jsonb_typeof(t.tier) = 'object' THEN t.tier
						ELSE jsonb_build_object('entry', t.tier) END) f
		WHERE f.key ~ price_like
			OR jsonb_typeof(f.value) IN ('number', 'object', 'array')
				AND f.key NOT IN ('range', 'max_results_range')
		UNION ALL
		SELECT e.*, f.key, f.value, 0, p.part
		FROM entry e, (VALUES ('search_context_cost_per_query'), ('provider_specific_entry'), ('metadata')) p(part),
			 jsonb_each(CASE WHEN jsonb_typeof(e.info -> p.part) = 'object' THEN e.info -> p.part END) f
		-- original_pricing_per_… repeats a price of the entry in another unit
		WHERE p.part <> 'metadata' OR f.key ~ price_like AND f.key !~ '^original_pricing_per_[a-z]+$'
			AND jsonb_typeof(f.value) IN ('number', 'object', 'array')
	), parsed AS MATERIALIZED (
		SELECT f.*, s.parts[1] AS base, x.resolution,
			   CASE WHEN s.parts[2] IS NULL THEN f.tier_from ELSE s.parts[2]::numeric * 1000 END AS above,
			   CASE s.parts[3] WHEN 'batches' THEN 'batch' ELSE s.parts[3] END AS service_tier
		FROM found f,
			 LATERAL (SELECT regexp_match(f.field,
				'^(.*?)(?:_above_(\d+)k_tokens)?(?:_(priority|flex|batches))?$') AS parts) s,
			 LATERAL (SELECT substring(s.parts[1] FROM '_per_second_(\d+p|\dk)$') AS resolution) x
	), rules AS (
		-- One rule for all models of one factor. Multipliers of different names
		-- would stack, so the names are those of the bundled catalogue.
		SELECT min(u.key COLLATE "C") AS key, u.field, u.value, u.provider, u.speed, u.region,
			   jsonb_agg(DISTINCT lower(u.model COLLATE "C")) AS models,
			   concat_ws('-', u.provider, u.speed, 'region-' || u.region,
						 CASE jsonb_typeof(u.value) WHEN 'number'
						 THEN trim_scale(u.value::numeric) || 'x' END) AS rule
		FROM (SELECT f.key, f.field, f.value, f.provider, f.model,
					 CASE WHEN f.field = 'fast' THEN 'fast' END AS speed,
					 CASE WHEN f.field = 'us' THEN 'us'
					 ELSE substring(f.field FROM '^regional_processing_uplift_multiplier_([a-z]+)$') END AS region
			  FROM found f
			  WHERE jsonb_typeof(f.value) <> 'null'
				AND (f.field ~ '^regional_processing_uplift_multiplier_[a-z]+$' AND f.part IS NULL
					 OR f.part = 'provider_specific_entry' AND f.field IN ('fast', 'us')
						AND jsonb_typeof(f.value) = 'number')) u
		GROUP BY u.field, u.value, u.provider, u.speed, u.region
	)
	SELECT 'price', p.key, p.field, p.value, m.times::numeric,
		   jsonb_build_object('provider', p.provider, 'model', p.model, 'region', p.region,
			'meter', m.meter, 'per', m.per, 'tier_from', p.above,
			-- xAI's tiers begin at the threshold itself.
			'tier_inclusive', p.above > 0 AND p.seller = 'xai',
			'service_tier', coalesce(p.service_tier, 'standard'),
			'attributes', CASE WHEN p.resolution IS NULL THEN '{}'
						  ELSE jsonb_build_object('resolution', p.resolution) END),
		   NULL::timestamptz, NULL::timestamptz,
		   CASE WHEN p.prefixed THEN 0 ELSE 1 END
			+ CASE WHEN p.base LIKE '%\_cache\_hit' THEN 2 ELSE 0 END
	FROM parsed p JOIN meter_of m
		ON m.field = CASE WHEN p.resolution IS NULL THEN p.base
					 ELSE regexp_replace(p.base, '_' || p.resolution || '$', '') END
	WHERE p.part IS NULL OR p.part = 'tiered_pricing' AND p.above = trunc(p.above) AND p.above >= 0
	UNION ALL
	SELECT 'price', f.key, 'search_context_cost_per_query.' || f.field, f.value, 1,
		   jsonb_build_object('provider', f.provider, 'model', f.model, 'region', f.region,
			'meter', 'web_search', 'per', 1,
			'attributes', a.attributes),
		   NULL, NULL, CASE WHEN f.prefixed THEN 0 ELSE 1 END
	FROM found f,
		 LATERAL (
			SELECT jsonb_build_object('search_context_size', replace(f.field, 'search_context_size_', ''))
			UNION ALL
			-- A request that does not say gets the medium size.
			SELECT '{}' WHERE f.field = 'search_context_size_medium') a(attributes)
	WHERE f.part = 'search_context_cost_per_query'
		AND f.field IN ('search_context_size_low', 'search_context_size_medium', 'search_context_size_high')
		-- One price for all three sizes needs no condition.
		AND (a.attributes = '{}' OR NOT (
			SELECT count(DISTINCT s.value) = 1 AND count(*) = 3
			FROM jsonb_each(f.info -> 'search_context_cost_per_query') s
			WHERE s.key ~ '^search_context_size_(low|medium|high)$'))
	UNION ALL
	-- An uplift is on tokens; tool fees cost the same everywhere.
	SELECT 'rule', r.key, r.field, k.factor, 1,
		   jsonb_build_object(
			'rule', r.rule || k.suffix, 'kind', k.kind, 'stacking_order', k.place,
			'provider', r.provider, 'models', r.models, 'meters', k.meters,
			'region', coalesce(r.region, ''),
			'attributes', CASE WHEN r.speed IS NULL THEN '{}' ELSE jsonb_build_object('speed', r.speed) END),
		   NULL, NULL, 0
	FROM rules r, LATERAL (
		SELECT 'multiplier', '', 40, token_meters, r.value WHERE r.speed IS NOT NULL
		UNION ALL
		SELECT 'fallback', '', 20, token_meters, r.value WHERE r.region IS NOT NULL
		UNION ALL
		SELECT 'fallback', '-fees', 20, '[]', '1' WHERE r.region IS NOT NULL)
		k(kind, suffix, place, meters, factor)
	UNION ALL
	SELECT 'not_understood', p.key, concat_ws('.', p.part, p.field), p.value, NULL, NULL, NULL, NULL, NULL
	FROM parsed p
	WHERE jsonb_typeof(p.value) <> 'null'
		AND CASE coalesce(p.part, '')
			WHEN 'search_context_cost_per_query' THEN p.field NOT IN ('search_context_size_low',
				'search_context_size_medium', 'search_context_size_high')
			WHEN 'provider_specific_entry' THEN NOT (p.field IN ('fast', 'us')
				AND jsonb_typeof(p.value) = 'number')
			WHEN 'metadata' THEN true
			ELSE p.field !~ '^regional_processing_uplift_multiplier_[a-z]+$'
				AND (p.above IS NULL OR p.above <> trunc(p.above) OR p.above < 0
					 OR NOT EXISTS (SELECT FROM meter_of m WHERE m.field =
						CASE WHEN p.resolution IS NULL THEN p.base
						ELSE regexp_replace(p.base, '_' || p.resolution || '$', '') END)) END;
END
$$;
COMMENT ON FUNCTION llm_cost.read_litellm(jsonb) IS
	'Reader of LiteLLM''s model_prices_and_context_window.json. Numbers, objects and arrays that are neither read nor known to be no prices are reported. Errors with 22023 when it is not an object of objects, or a model with prices has no litellm_provider, or one that is not a string.';
