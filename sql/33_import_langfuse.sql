/*
 * Reading Langfuse's default-model-prices.json.
 *
 * An array of models with pricing tiers; each tier has conditions and prices
 * per single unit, under every key by which Langfuse may see the same usage.
 * The catalogue names no seller: it is inferred from the family of the name.
 */
CREATE FUNCTION llm_cost.read_langfuse(catalogue jsonb)
RETURNS SETOF llm_cost.catalogue_entry
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off SET jit = off
AS $$
DECLARE
	bad record;
BEGIN
	IF jsonb_typeof(read_langfuse.catalogue) <> 'array' THEN
		RAISE EXCEPTION 'catalogue is not of format langfuse'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('It is a JSON %s.', jsonb_typeof(read_langfuse.catalogue)),
				  HINT = 'Langfuse''s catalogue is one JSON array of models.';
	END IF;
	SELECT left(m.model::text, 60) AS entry INTO bad
	FROM jsonb_array_elements(read_langfuse.catalogue) AS m(model)
	LEFT JOIN LATERAL jsonb_array_elements(
		CASE WHEN jsonb_typeof(m.model -> 'pricingTiers') = 'array' THEN m.model -> 'pricingTiers' END)
		AS t(tier) ON true
	WHERE jsonb_typeof(m.model) <> 'object' OR coalesce(m.model ->> 'modelName', '') = ''
		OR jsonb_typeof(m.model -> 'pricingTiers') IS DISTINCT FROM 'array'
		OR t.tier IS NOT NULL AND (
			jsonb_typeof(t.tier) <> 'object'
			OR jsonb_typeof(t.tier -> 'prices') IS DISTINCT FROM 'object'
			OR jsonb_typeof(coalesce(t.tier -> 'conditions', '[]')) <> 'array')
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'entry of catalogue is not what Langfuse writes'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('Entry %s.', bad.entry),
				  HINT = 'A model is an object with modelName and pricingTiers, a tier one with prices.';
	END IF;

	RETURN QUERY
	-- Of two keys for one meter the one listed first speaks, should they differ.
	WITH meter_of AS MATERIALIZED (
		SELECT k.key, s.meter, row_number() OVER ()::integer AS place,
			   CASE WHEN s.meter = 'web_search' THEN 1 ELSE 1000000 END AS per
		FROM (VALUES
			('input', '{input,input_tokens,input_text_tokens,input_text,prompt_token_count,promptTokenCount,input_modality_1,total}'::text[]),
			('output', '{output,output_tokens,output_text_tokens,output_text,candidates_token_count,candidatesTokenCount,output_modality_1,total}'),
			('cache_read', '{input_cached_tokens,input_cache_read,cache_read_input_tokens,cached_content_token_count,input_cached_text_tokens}'),
			('cache_read_audio', '{input_cached_audio_tokens}'),
			('cache_write_5m', '{input_cache_creation_5m,input_cache_creation,cache_creation_input_tokens,cache_write_tokens}'),
			('cache_write_1h', '{input_cache_creation_1h}'),
			('reasoning', '{output_reasoning_tokens,output_reasoning,reasoning_tokens,thoughts_token_count,thoughtsTokenCount}'),
			('input_audio', '{input_audio_tokens,input_audio}'),
			('output_audio', '{output_audio_tokens,output_audio}'),
			('input_image', '{input_image_tokens,input_image}'),
			('web_search', '{web_search_queries,webSearchQueries,grounding_queries,groundingQueries}')
		) s(meter, keys), unnest(s.keys) AS k(key)
	), tier AS MATERIALIZED (
		SELECT m.model ->> 'modelName' AS model, t.tier -> 'prices' AS prices,
			   coalesce(t.tier -> 'conditions', '[]') AS conditions,
			   row_number() OVER () AS place
		FROM jsonb_array_elements(read_langfuse.catalogue) AS m(model),
			 jsonb_array_elements(m.model -> 'pricingTiers') AS t(tier)
	), condition AS (
		SELECT t.place, count(*) AS all_conditions,
			   count(CASE WHEN v.kind IS NOT NULL AND jsonb_typeof(v.said) = 'array'
							OR c.condition ->> 'operator' IN ('gt', 'gte')
								AND c.condition ->> 'usageDetailPattern' ~ 'input|prompt'
								AND jsonb_typeof(c.condition -> 'value') = 'number' THEN 1 END) AS understood,
			   -- A tier that lists two service tiers is the price of each.
			   jsonb_agg(v.said) FILTER (WHERE v.kind = 'service_tier') -> 0 AS service_tiers,
			   jsonb_agg(v.said) FILTER (WHERE v.kind = 'speed') -> 0 AS speeds,
			   max(CASE WHEN c.condition ->> 'operator' IN ('gt', 'gte')
							AND jsonb_typeof(c.condition -> 'value') = 'number'
				   THEN (c.condition ->> 'value')::numeric END) AS tier_from,
			   bool_or(c.condition ->> 'operator' = 'gte') AS tier_inclusive
		FROM tier t, jsonb_array_elements(t.conditions) AS c(condition),
			 LATERAL (SELECT c.condition ->> 'key', c.condition -> 'values'
					  WHERE c.condition ->> 'source' = 'model_parameters'
						AND c.condition ->> 'operator' = 'in'
						AND c.condition ->> 'key' IN ('service_tier', 'speed')
					  UNION ALL
					  SELECT NULL, NULL
					  WHERE c.condition ->> 'source' IS NULL) v(kind, said)
		GROUP BY t.place
	), field AS MATERIALIZED (
		SELECT t.model, f.key, f.value, t.conditions,
			   CASE WHEN t.conditions = '[]' THEN true
					ELSE coalesce(c.understood = jsonb_array_length(t.conditions), false) END AS understood,
			   coalesce(c.service_tiers, '["standard"]') AS service_tiers,
			   coalesce(c.speeds, '["standard"]') AS speeds,
			   coalesce(c.tier_from, 0) AS tier_from, coalesce(c.tier_inclusive, false) AS tier_inclusive,
			   -- The price of all tokens is that of tokens in and out.
			   (SELECT count(*) FROM jsonb_object_keys(t.prices)) AS all_keys
		FROM tier t LEFT JOIN condition c ON c.place = t.place, jsonb_each(t.prices) f
	)
	SELECT 'price', f.model, f.key, f.value, m.per::numeric,
		   jsonb_build_object('model', f.model,
			'provider', CASE
				WHEN f.model ~* '^(ft:)?(gpt|chatgpt|o\d|text-(ada|babbage|curie|davinci|embedding)|davinci|babbage|codex|dall-e|whisper|tts)' THEN 'openai'
				WHEN f.model ~* '^claude' THEN 'anthropic'
				WHEN f.model ~* '^gemini' THEN 'gcp.gemini'
				WHEN f.model ~* '^(text|chat|code|codechat|textembedding)-(bison|gecko|unicorn)' THEN 'gcp.vertex_ai'
				ELSE 'langfuse' END,
			'meter', m.meter, 'per', m.per, 'service_tier', s.service_tier,
			'tier_from', f.tier_from, 'tier_inclusive', f.tier_inclusive,
			'attributes', jsonb_build_object('speed', p.speed)),
		   NULL::timestamptz, NULL::timestamptz, m.place
	FROM field f JOIN meter_of m ON m.key = f.key,
		 jsonb_array_elements_text(f.service_tiers) AS s(service_tier),
		 jsonb_array_elements_text(f.speeds) AS p(speed)
	WHERE f.understood AND f.tier_from >= 0 AND f.tier_from = trunc(f.tier_from)
		AND (f.key <> 'total' OR f.all_keys = 1)
	UNION ALL
	SELECT 'aliases_skipped', m.model ->> 'modelName', 'matchPattern', m.model -> 'matchPattern',
		   NULL, NULL, NULL, NULL, NULL
	FROM jsonb_array_elements(read_langfuse.catalogue) AS m(model)
	WHERE m.model ? 'matchPattern'
	UNION ALL
	SELECT 'not_understood', f.model, f.key,
		   CASE WHEN f.understood THEN f.value
		   ELSE jsonb_build_object('conditions', f.conditions, 'price', f.value) END,
		   NULL, NULL, NULL, NULL, NULL
	FROM field f
	WHERE jsonb_typeof(f.value) <> 'null'
		AND NOT (f.understood AND f.tier_from >= 0 AND f.tier_from = trunc(f.tier_from)
				 AND (f.key <> 'total' OR f.all_keys = 1)
				 AND EXISTS (SELECT FROM meter_of m WHERE m.key = f.key));
END
$$;
COMMENT ON FUNCTION llm_cost.read_langfuse(jsonb) IS
	'Reader of Langfuse''s default-model-prices.json. The seller is inferred from the family of the name (gpt: openai, claude: anthropic, gemini: gcp.gemini and so on), else langfuse. matchPattern is not imported, since it may swallow another model. Errors with 22023 when it is not an array of models with pricingTiers.';
