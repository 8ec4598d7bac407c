/*
 * Failures and retries by class of error: what failed attempts cost, what the
 * retries cost that they caused, and whether retrying paid.
 *
 * A failure belongs to the class of its own error, a retry to the class of the
 * failure before it in the same step of its operation.  Where that failure was
 * not logged, nobody knows what it cost: such retries are a row of their own,
 * whose failed_cost is NULL, never 0.
 */

CREATE FUNCTION llm_cost.is_transient_error(error_type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 20
RETURN CASE
	-- the request is at fault, or the account: the next attempt fails as well
	WHEN regexp_replace(lower(error_type), '[^a-z]+', '', 'g') ~
		('insufficientquota|billing|payment|creditbalance|budget|authenti|unauthori|permission|forbidden|accessdenied|apikey|invalidrequest|invalidargument'
		 '|invalidparam|badrequest|unprocessable|validationexception|notfound|doesnotexist|deprecated|toolarge|toolong|contextlength|contextwindow|maxlength'
		 '|contentfilter|contentpolicy|contentmanagement|policyviolation|prohibitedcontent|recitation|safety|moderation|guardrail|blocked|refusal|rejected'
		 '|unsupported|notimplemented|unimplemented|failedprecondition|imagefetch')
	THEN false
	-- the provider or the way to it: it may pass
	WHEN regexp_replace(lower(error_type), '[^a-z]+', '', 'g') ~
		('ratelimit|toomanyrequests|throttl|resourceexhausted|slowdown|overload|capacity|timeout|timedout|deadline|connection|econn|network|socket|unreachable'
		 '|unavailable|servererror|serverexception|internal|apierror|badgateway|gatewayerror|notready|modelerror|streamerror|midstream|conflict|tryagain|hangup')
	THEN true
	-- else an HTTP status
	WHEN error_type ~ '(^|\D)(408|409|424|425|429|50[0234689]|5[1-9]\d)(\D|$)' THEN true
	WHEN error_type ~ '(^|\D)(4\d\d|50[15])(\D|$)' THEN false
END;
COMMENT ON FUNCTION llm_cost.is_transient_error(text) IS
	'Whether a class of error is worth a retry: true for rate limits, overload, timeouts, connections and server errors (HTTP 408, 409, 424, 425, 429 and 5xx but 501 and 505), false for what fails again: authentication, permission, quota and billing, invalid requests, unknown models, context length, content filters, unsupported features (other 4xx). Read by words in the names that OpenAI, Anthropic, Google, Bedrock, LiteLLM and gRPC use, in any spelling, then by HTTP status. NULL where neither says: malformed output, cancelled, a word of your own.';

CREATE FUNCTION llm_cost.retries(
	by text[] DEFAULT '{error_type}', period tstzrange DEFAULT NULL, baseline text DEFAULT NULL, filter jsonb DEFAULT NULL,
	usage regclass DEFAULT NULL, time_zone text DEFAULT NULL, burst_within interval DEFAULT '1 second', max_rows integer DEFAULT 100,
	OUT scope jsonb, OUT transient boolean, OUT failures bigint, OUT failed_cost numeric, OUT wasted_tokens numeric,
	OUT retries bigint, OUT retry_cost numeric, OUT failed_share numeric, OUT retry_share numeric,
	OUT failures_per_1000 numeric, OUT failures_per_1000_before numeric, OUT change_pct numeric,
	OUT retries_per_1000 numeric, OUT retries_per_1000_before numeric,
	OUT burst_retries bigint, OUT needless_retries bigint, OUT needless_cost numeric,
	OUT retried_steps bigint, OUT recovered_steps bigint, OUT recovered_share numeric,
	OUT unpriced_attempts bigint, OUT note text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 20 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	windows		record;
	zone		text := llm_cost.checked_zone(retries.time_zone);
	whole		tstzrange := llm_cost.checked_period(retries.period, zone);
	dimensions	text[] := COALESCE(retries.by, '{error_type}');
	others		text[] := array_remove(dimensions, 'error_type');
	tells_retries boolean;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(retries.usage);
	IF NOT 'attempt' = ANY (source.columns) THEN
		PERFORM llm_cost.require_columns(source.relation, '{error_type}', 'retries()');
	END IF;
	tells_retries := source.columns && '{attempt,operation_id}';
	IF COALESCE(retries.burst_within, '1 second') NOT BETWEEN INTERVAL '0' AND INTERVAL '1 year' THEN
		RAISE EXCEPTION 'burst_within must be between 0 and a year'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('burst_within: %s.', retries.burst_within);
	END IF;
	SELECT * INTO windows FROM llm_cost.compared_windows(whole, retries.baseline, zone);

	RETURN QUERY EXECUTE format($sql$
	WITH cell AS MATERIALIZED (
		SELECT %1$s AS others, %2$s AS now, a.error_type,
			   CASE WHEN a.is_retry THEN COALESCE(a.retry_error, 'not logged') END AS cause, a.is_retry AND a.retry_error IS NULL AS unlogged,
			   count(*) AS attempts, sum(a.cost) AS cost, count(*) FILTER (WHERE a.unpriced) AS unpriced,
			   sum(COALESCE(a.input_tokens, 0)::numeric + COALESCE(a.output_tokens, 0)) FILTER (WHERE a.input_tokens IS NOT NULL OR a.output_tokens IS NOT NULL) AS tokens,
			   count(*) FILTER (WHERE a.started_at < a.failed_at + %3$L::interval) AS bursts,
			   -- the last retry of a step tells how the step ended
			   count(*) FILTER (WHERE a.ends_step) AS steps
		FROM (SELECT a.*, CASE WHEN a.retry_error IS NOT NULL
						  THEN lag(a.started_at + CASE WHEN a.duration_ms > 0 AND a.duration_ms < 1e9 THEN a.duration_ms ELSE 0 END * INTERVAL '1 millisecond') OVER in_step END AS failed_at,
					 a.operation_id IS NOT NULL AND a.is_retry AND lead(a.is_retry) OVER in_step IS NOT TRUE AS ends_step
			  FROM (%4$s) AS a
			  WINDOW in_step AS (PARTITION BY a.operation_id, a.step, a.kind ORDER BY a.started_at, a.attempt)) AS a
		WHERE a.is_call
		GROUP BY 1, 2, 3, 4, 5
	), all_attempts AS (
		SELECT c.others, sum(c.attempts) FILTER (WHERE c.now) AS attempts, sum(c.attempts) FILTER (WHERE NOT c.now) AS attempts_before
		FROM cell c GROUP BY c.others
	), event AS (
		SELECT c.others, c.now, false AS unlogged, c.error_type AS class, c.attempts AS failures, c.cost AS failed_cost, c.tokens, c.unpriced, c.unpriced AS attempts_unpriced,
			   0::bigint AS retries, NULL::numeric AS retry_cost, 0::bigint AS retries_unpriced, 0::bigint AS bursts, 0::bigint AS steps, 0::bigint AS recovered
		FROM cell c WHERE c.error_type IS NOT NULL
		UNION ALL
		SELECT c.others, c.now, c.unlogged, c.cause, 0, NULL, NULL, 0,
			   -- an attempt that is both is one attempt
			   CASE WHEN c.error_type IS NULL%11$s THEN c.unpriced ELSE 0 END, c.attempts, c.cost, c.unpriced, c.bursts, c.steps,
			   CASE WHEN c.error_type IS NULL THEN c.steps ELSE 0 END
		FROM cell c WHERE c.cause IS NOT NULL
	), classified AS (
		SELECT e.*, t.transient
		FROM event e
			 -- a regular expression per class, not per row
			 LEFT JOIN (SELECT d.class, llm_cost.is_transient_error(d.class) AS transient FROM (SELECT DISTINCT e.class FROM event e) AS d) AS t ON t.class = e.class
	), added AS (
		SELECT e.others, %5$s AS class, %6$s AS unlogged_only,
			   CASE WHEN count(*) FILTER (WHERE e.now AND e.unlogged) > 0 THEN sum(e.retries) FILTER (WHERE e.now AND e.unlogged) END AS unlogged,
			   bool_and(e.transient) FILTER (WHERE NOT e.unlogged) AS all_transient, bool_or(e.transient) FILTER (WHERE NOT e.unlogged) AS any_transient,
			   count(*) FILTER (WHERE NOT e.unlogged AND e.transient IS NULL) AS unknown,
			   COALESCE(sum(e.failures) FILTER (WHERE e.now), 0) AS failures, COALESCE(sum(e.failures) FILTER (WHERE NOT e.now), 0) AS failures_before,
			   sum(e.failed_cost) FILTER (WHERE e.now) AS failed_cost, COALESCE(sum(e.unpriced) FILTER (WHERE e.now), 0) AS failed_unpriced,
			   COALESCE(sum(e.attempts_unpriced) FILTER (WHERE e.now), 0) AS unpriced,
			   sum(e.tokens) FILTER (WHERE e.now) AS tokens,
			   COALESCE(sum(e.retries) FILTER (WHERE e.now), 0) AS retries, COALESCE(sum(e.retries) FILTER (WHERE NOT e.now), 0) AS retries_before,
			   sum(e.retry_cost) FILTER (WHERE e.now) AS retry_cost, COALESCE(sum(e.retries_unpriced) FILTER (WHERE e.now), 0) AS retries_unpriced,
			   COALESCE(sum(e.bursts) FILTER (WHERE e.now), 0) AS bursts,
			   COALESCE(sum(e.retries) FILTER (WHERE e.now AND NOT e.transient AND NOT e.unlogged), 0) AS needless,
			   COALESCE(sum(e.retries_unpriced) FILTER (WHERE e.now AND NOT e.transient AND NOT e.unlogged), 0) AS needless_unpriced,
			   sum(e.retry_cost) FILTER (WHERE e.now AND NOT e.transient AND NOT e.unlogged) AS needless_cost,
			   COALESCE(sum(e.steps) FILTER (WHERE e.now), 0) AS steps, COALESCE(sum(e.recovered) FILTER (WHERE e.now), 0) AS recovered
		FROM classified e
		WHERE e.now IS NOT NULL
		GROUP BY 1, 2, 3
	), said AS (
		SELECT d.*, b.attempts, b.attempts_before, total.cost AS total_cost,
			   -- nothing happened: 0; it happened and has no price: NULL
			   CASE WHEN d.unlogged IS NULL AND (d.failures = 0 OR d.failures > d.failed_unpriced) THEN COALESCE(d.failed_cost, 0) END AS known_failed_cost,
			   CASE WHEN %7$L::boolean AND (d.retries = 0 OR d.retries > d.retries_unpriced) THEN COALESCE(d.retry_cost, 0) END AS known_retry_cost
		FROM added d
			 JOIN all_attempts b ON b.others = d.others,
			 (SELECT sum(c.cost) FILTER (WHERE c.now) AS cost FROM cell c) AS total
	)
	SELECT %8$s, CASE WHEN NOT s.unlogged_only AND s.unknown = 0 AND s.all_transient = s.any_transient THEN s.all_transient END,
		   CASE WHEN NOT s.unlogged_only THEN s.failures::bigint END, trim_scale(s.known_failed_cost),
		   CASE WHEN s.unlogged IS NULL THEN CASE WHEN s.failures = 0 THEN 0 ELSE s.tokens END END,
		   CASE WHEN %7$L::boolean THEN s.retries::bigint END, trim_scale(s.known_retry_cost),
		   trim_scale(round(s.known_failed_cost / NULLIF(s.total_cost, 0), 6)), trim_scale(round(s.known_retry_cost / NULLIF(s.total_cost, 0), 6)),
		   r.now, r.before, llm_cost.ratio_change(r.now, r.before), r.retries, r.retries_before,
		   CASE WHEN %7$L::boolean AND %9$L::boolean AND NOT s.unlogged_only THEN s.bursts::bigint END,
		   CASE WHEN %7$L::boolean AND NOT s.unlogged_only THEN s.needless::bigint END,
		   CASE WHEN %7$L::boolean AND NOT s.unlogged_only AND (s.needless = 0 OR s.needless > s.needless_unpriced) THEN trim_scale(COALESCE(s.needless_cost, 0)) END,
		   CASE WHEN %9$L::boolean THEN s.steps::bigint END, CASE WHEN %9$L::boolean THEN s.recovered::bigint END,
		   CASE WHEN %9$L::boolean THEN trim_scale(round(s.recovered / NULLIF(s.steps, 0), 4)) END,
		   s.unpriced::bigint,
		   NULLIF(concat_ws('; ',
				CASE WHEN s.unlogged_only THEN 'the failures before these retries are not logged: what they cost is not measurable'
					 WHEN s.unlogged > 0 THEN format('the failures before %%s of %%s retries are not logged: failed_cost is not measurable', s.unlogged, s.retries) END,
				CASE WHEN NOT %7$L::boolean THEN 'the usage reports neither operation_id nor attempt: retries are not measurable' END,
				CASE WHEN s.unpriced > 0 THEN format('attempts without a price, in no cost: %%s', s.unpriced) END), '')
	FROM said s,
		 LATERAL (SELECT CASE WHEN NOT s.unlogged_only THEN trim_scale(round(s.failures * 1000 / NULLIF(s.attempts, 0), 3)) END AS now,
						 CASE WHEN NOT s.unlogged_only THEN trim_scale(round(s.failures_before * 1000 / NULLIF(s.attempts_before, 0), 3)) END AS before,
						 CASE WHEN %7$L::boolean THEN trim_scale(round(s.retries * 1000 / NULLIF(s.attempts, 0), 3)) END AS retries,
						 CASE WHEN %7$L::boolean THEN trim_scale(round(s.retries_before * 1000 / NULLIF(s.attempts_before, 0), 3)) END AS retries_before) AS r
	ORDER BY COALESCE(s.known_failed_cost, 0) + COALESCE(s.known_retry_cost, 0) DESC, s.failures + s.retries DESC, 1
	LIMIT %10$s$sql$,
		llm_cost.scope_expression(others, 'a'),
		llm_cost.side_expression(whole, windows.before, 'a.started_at'),
		COALESCE(retries.burst_within, '1 second'),
		llm_cost.attempts_query(source.relation, llm_cost.with_operations(windows.scanned), others, retries.filter, NULL),
		CASE WHEN cardinality(others) < cardinality(dimensions) THEN 'e.class' ELSE 'NULL::text' END,
		CASE WHEN cardinality(others) < cardinality(dimensions) THEN 'e.unlogged' ELSE 'false' END,
		tells_retries,
		CASE WHEN cardinality(others) < cardinality(dimensions) THEN 's.others || jsonb_build_object(''error_type'', s.class)' ELSE 's.others' END,
		'operation_id' = ANY (source.columns), llm_cost.checked_rows(retries.max_rows, 100),
		CASE WHEN cardinality(others) < cardinality(dimensions) THEN ' OR c.unlogged OR c.error_type <> c.cause' ELSE '' END);
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, retries.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.retries(text[], tstzrange, text, jsonb, regclass, text, interval, integer) IS
	'Failed attempts and the retries they caused, by the columns "by", in the period (NULL: the last full week). error_type is for a failure its own class, for a retry that of the failure before it in the same step; retries whose failure was not logged have the error_type "not logged", and what failed is NULL there. failed_cost and wasted_tokens (input and output): of the attempts that failed. retry_cost: of the retries, those that failed again included, so never add the two. Shares are of all cost of the period; rates are failures and retries per 1,000 attempts of the scope without its error_type, now and in the windows before (baseline as in comparison_windows()). burst_retries started less than burst_within after the failure ended (or started, without duration_ms). needless_retries follow an error for which is_transient_error() is false. retried_steps: steps whose last retry the class caused; recovered: that retry succeeded. transient is NULL where unknown or mixed. Costs are of the priced attempts, NULL where none is; note says what is missing. By cost, at most max_rows. Needs error_type or attempt; retries are NULL without both attempt and operation_id.';
