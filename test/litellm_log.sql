/*
 * The generated company's calls as LiteLLM would have logged them: in a table of
 * its shape, "LiteLLM_SpendLogs" of schema public.  Read after
 * demo/generate.sql; :schema is where that put them.
 */
SET search_path = public;
\ir litellm_table.sql
INSERT INTO public."LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens,
	"startTime", "endTime", request_duration_ms, model, model_group, custom_llm_provider, end_user, team_id, cache_hit, session_id, status, metadata)
SELECT c.attempt_id, CASE c.kind WHEN 'embedding' THEN 'aembedding' ELSE 'acompletion' END, 'key of ' || c.team,
	   COALESCE(llm_cost.cost(c.model, c.input_tokens, c.output_tokens, c.started_at, c.cache_read_tokens, c.cache_write_tokens, provider => c.provider), 0),
	   c.input_tokens + COALESCE(c.output_tokens, 0), c.input_tokens, COALESCE(c.output_tokens, 0),
	   c.started_at AT TIME ZONE 'UTC', (c.started_at AT TIME ZONE 'UTC') + make_interval(secs => c.duration_ms / 1000), c.duration_ms,
	   c.model, c.model, c.provider, c.user_id, c.team, 'None', c.operation_id, CASE WHEN c.error_type IS NULL THEN 'success' ELSE 'failure' END,
	   jsonb_strip_nulls(jsonb_build_object('user_api_key_team_alias', c.team, 'user_api_key_alias', c.feature,
			'attempted_retries', c.attempt - 1, 'status', CASE WHEN c.error_type IS NULL THEN 'success' ELSE 'failure' END,
			'error_information', CASE WHEN c.error_type IS NOT NULL THEN jsonb_build_object('error_class', c.error_type,
				'error_code', CASE c.error_type WHEN 'timeout' THEN '408' WHEN 'rate_limit_exceeded' THEN '429' ELSE '500' END) END,
			'usage_object', jsonb_build_object('cache_read_input_tokens', c.cache_read_tokens, 'cache_creation_input_tokens', c.cache_write_tokens,
				'prompt_tokens_details', jsonb_build_object('cached_tokens', c.cache_read_tokens, 'cache_creation_tokens', c.cache_write_tokens),
				'completion_tokens_details', jsonb_build_object('reasoning_tokens', c.reasoning_tokens)),
			'spend_logs_metadata', jsonb_build_object('workflow', c.workflow, 'step', c.step, 'release', c.release, 'turn', c.turn, 'conversation_id', c.conversation_id)))
FROM :"schema".llm_call c
WHERE c.input_tokens IS NOT NULL;
CREATE INDEX ON public."LiteLLM_SpendLogs" ("startTime");
ANALYZE public."LiteLLM_SpendLogs";
