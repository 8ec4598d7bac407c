/*
 * Skew: who, or what, the money is spent on.
 *
 * skew() asks how unequal units are (users, calls, operations, conversations),
 * tail() which few of many kinds of call are dear.
 */

CREATE FUNCTION llm_cost.skew(
	by text[] DEFAULT '{}', unit text DEFAULT 'user', period tstzrange DEFAULT NULL, filter jsonb DEFAULT NULL,
	usage regclass DEFAULT NULL, time_zone text DEFAULT NULL, whale_factor float8 DEFAULT 40,
	OUT scope jsonb, OUT units bigint, OUT cost numeric, OUT p50_cost float8, OUT p90_cost float8, OUT p99_cost float8, OUT max_cost numeric,
	OUT p99_to_p50 float8, OUT max_to_p50 float8, OUT top_1_share float8, OUT top_5_share float8, OUT top_10_share float8, OUT gini float8, OUT lorenz float8[],
	OUT whales bigint, OUT whale_ids text[], OUT whale_costs numeric[], OUT whale_share float8,
	OUT automated bigint, OUT automated_ids text[], OUT automated_signs text[], OUT automated_costs numeric[], OUT automated_share float8,
	OUT unattributed_attempts bigint, OUT unattributed_cost numeric, OUT unpriced_units bigint, OUT unpriced_attempts bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 100 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	zone		text := llm_cost.checked_zone(skew.time_zone);
	whole		tstzrange := llm_cost.checked_period(skew.period, zone);
	dimensions	text[] := COALESCE(skew.by, '{}');
	id_column	text;
	keys		text;
	attempt_sql text;
	unit_sql	text;
BEGIN
	skew.whale_factor := COALESCE(skew.whale_factor, 40);
	IF NOT (skew.whale_factor > 1 AND skew.whale_factor <= 1e9) THEN
		RAISE EXCEPTION 'whale_factor must be more than 1, and at most a billion'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('whale_factor: %s.', skew.whale_factor),
				HINT = 'A whale is a unit that costs at least so many times as much as the median.';
	END IF;
	SELECT * INTO source FROM llm_cost.usage_source(skew.usage);
	skew.unit := COALESCE(skew.unit, 'user');
	id_column := CASE skew.unit WHEN 'user' THEN 'user_id' WHEN 'operation' THEN 'operation_id' WHEN 'conversation' THEN 'conversation_id' WHEN 'attempt' THEN 'attempt_id' END;
	IF id_column IS NULL THEN
		RAISE EXCEPTION 'unknown unit "%"', skew.unit
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Units: user, attempt, operation, conversation.';
	ELSIF skew.unit <> 'attempt' THEN
		PERFORM llm_cost.require_columns(source.relation, ARRAY[id_column], format('skew(unit => %L)', skew.unit));
	END IF;
	keys := COALESCE((SELECT string_agg('a.dimension_' || i || ', ', '' ORDER BY i) FROM generate_series(1, cardinality(dimensions)) AS i), '');
	attempt_sql := format('SELECT a.* FROM (%s) AS a WHERE %s',
		llm_cost.attempts_query(source.relation, CASE skew.unit WHEN 'operation' THEN llm_cost.with_operations(whole) ELSE whole END, dimensions, skew.filter, NULL),
		CASE skew.unit WHEN 'operation' THEN 'true' ELSE 'a.is_call AND ' || llm_cost.within(whole, 'a.started_at') END);

	-- key: the values of "by", as an array because arrays compare NULLs
	unit_sql := CASE skew.unit
	WHEN 'attempt' THEN format($sql$
		SELECT ARRAY[%1$s]::text[] AS key, a.attempt_id AS id, a.started_at, true AS attributed, a.cost, 1 AS attempts, a.unpriced::integer AS unpriced, NULL::text AS signs
		FROM (%2$s) AS a$sql$,
		rtrim(keys, ', '), attempt_sql)
	WHEN 'operation' THEN format($sql$
		-- an operation belongs where its first attempt does; attempts without one are added up where they are
		SELECT ARRAY[%1$s]::text[] AS key, a.operation_id AS id, min(a.started_at) AS started_at, a.operation_id IS NOT NULL AS attributed,
			   CASE WHEN a.operation_id IS NULL OR bool_or(a.unpriced) IS NOT TRUE THEN sum(a.cost) FILTER (WHERE a.is_call) END AS cost,
			   count(*) FILTER (WHERE a.is_call) AS attempts, count(*) FILTER (WHERE a.unpriced) AS unpriced, NULL::text AS signs
		FROM (%2$s) AS a
		WHERE a.operation_id IS NOT NULL OR a.is_call AND %3$s
		GROUP BY a.operation_id%4$s
		HAVING %5$s AND count(*) FILTER (WHERE a.is_call) > 0$sql$,
		(SELECT string_agg(format('min(a.operation_dimension_%s)', i), ', ' ORDER BY i)
		 FROM generate_series(1, cardinality(dimensions)) AS i),
		attempt_sql, llm_cost.within(whole, 'a.started_at'),
		(SELECT string_agg(format(', CASE WHEN a.operation_id IS NULL THEN a.dimension_%s END', i), '' ORDER BY i) FROM generate_series(1, cardinality(dimensions)) AS i),
		llm_cost.within(whole, 'min(a.operation_began_at)'))
	WHEN 'conversation' THEN format($sql$
		SELECT ARRAY[%1$s]::text[] AS key, a.conversation_id AS id, min(a.started_at) AS started_at, a.conversation_id IS NOT NULL AS attributed,
			   sum(a.cost) AS cost, count(*) AS attempts, count(*) FILTER (WHERE a.unpriced) AS unpriced, NULL::text AS signs
		FROM (%2$s) AS a
		GROUP BY %3$s a.conversation_id$sql$,
		rtrim(keys, ', '), attempt_sql, keys)
	ELSE format($sql$
		SELECT ARRAY[%1$s]::text[] AS key, a.user_id AS id, min(a.started_at) AS started_at, a.user_id IS NOT NULL AS attributed,
			   sum(a.cost) AS cost, count(*) AS attempts, count(*) FILTER (WHERE a.unpriced) AS unpriced,
			   CASE WHEN a.user_id IS NOT NULL THEN NULLIF(concat_ws(', ',
					CASE WHEN bit_count(bit_or(1 << date_part('hour', timezone(%4$L, a.started_at))::integer)::bit(24)) >= 20 THEN 'round the clock' END,
					CASE WHEN count(*) >= 20 AND count(*) FILTER (WHERE a.repeats) * 2 >= count(*) THEN 'same prompt' END,
					-- the variance of pauses is below a sixteenth of their squared mean
					CASE WHEN count(a.pause) >= 50 AND sum(a.pause) > 0 AND sum(a.pause ^ 2) * count(a.pause) <= 1.0625 * sum(a.pause) ^ 2 THEN 'steady' END), '') END AS signs
		FROM (SELECT %3$s a.user_id, a.started_at, a.cost, a.unpriced,
					 a.prompt_hash = lag(a.prompt_hash) OVER of_user AND a.input_tokens = lag(a.input_tokens) OVER of_user AS repeats,
					 -- longer ones are no part of a pace
					 CASE WHEN a.started_at - lag(a.started_at) OVER of_user <= INTERVAL '1 hour'
						  THEN date_part('epoch', a.started_at - lag(a.started_at) OVER of_user) END AS pause
			  FROM (%2$s) AS a
			  WINDOW of_user AS (PARTITION BY %3$s a.user_id ORDER BY a.started_at)) AS a
		GROUP BY %3$s a.user_id$sql$,
		rtrim(keys, ', '), attempt_sql, keys, zone)
	END;

	RETURN QUERY EXECUTE format($sql$
	WITH unit AS MATERIALIZED (%1$s
	), spread AS (
		SELECT u.key, count(u.cost) FILTER (WHERE u.attributed) AS units, sum(u.cost) FILTER (WHERE u.attributed) AS cost, max(u.cost) FILTER (WHERE u.attributed) AS max_cost,
			   llm_cost.distribution(u.cost) FILTER (WHERE u.attributed) AS costs,
			   COALESCE(sum(u.attempts) FILTER (WHERE NOT u.attributed), 0)::bigint AS unattributed_attempts,
			   CASE WHEN bool_and(u.attributed) THEN 0 ELSE sum(u.cost) FILTER (WHERE NOT u.attributed) END AS unattributed_cost,
			   count(*) FILTER (WHERE u.attributed AND u.cost IS NULL) AS unpriced_units, sum(u.unpriced)::bigint AS unpriced_attempts
		FROM unit u
		GROUP BY u.key
	), threshold AS (
		SELECT s.key, (%2$s * NULLIF(llm_cost.percentile(s.costs, 0.5), 0))::numeric AS cost FROM spread s
	), whale AS (
		SELECT w.key, count(*) AS units, sum(w.cost) AS cost,
			   array_agg(w.id ORDER BY w.rank) FILTER (WHERE w.rank <= 5) AS ids, array_agg(w.cost ORDER BY w.rank) FILTER (WHERE w.rank <= 5) AS costs
		FROM (SELECT u.key, COALESCE(u.id, u.started_at::text) AS id, u.cost, row_number() OVER (PARTITION BY u.key ORDER BY u.cost DESC, u.id, u.started_at) AS rank
			  FROM unit u JOIN threshold t ON t.key = u.key AND u.cost >= t.cost
			  WHERE u.attributed) AS w
		GROUP BY w.key
	), machine AS (
		SELECT m.key, count(*) AS units, sum(m.cost) AS cost,
			   array_agg(m.id ORDER BY m.rank) FILTER (WHERE m.rank <= 5) AS ids, array_agg(m.cost ORDER BY m.rank) FILTER (WHERE m.rank <= 5) AS costs,
			   array_agg(m.signs ORDER BY m.rank) FILTER (WHERE m.rank <= 5) AS signs
		FROM (SELECT u.key, u.id, u.cost, u.signs, row_number() OVER (PARTITION BY u.key ORDER BY u.cost DESC NULLS LAST, u.id) AS rank
			  FROM unit u WHERE u.signs IS NOT NULL) AS m
		GROUP BY m.key
	)
	SELECT %3$s, s.units, s.cost, llm_cost.percentile(s.costs, 0.5), llm_cost.percentile(s.costs, 0.9), llm_cost.percentile(s.costs, 0.99), s.max_cost,
		   llm_cost.percentile(s.costs, 0.99) / NULLIF(llm_cost.percentile(s.costs, 0.5), 0), s.max_cost::float8 / NULLIF(llm_cost.percentile(s.costs, 0.5), 0),
		   llm_cost.top_share(s.costs, 0.01), llm_cost.top_share(s.costs, 0.05), llm_cost.top_share(s.costs, 0.1), llm_cost.gini(s.costs),
		   llm_cost.distribution_lorenz_shares(s.costs, 10),
		   CASE WHEN t.cost IS NOT NULL THEN COALESCE(w.units, 0) END, w.ids, w.costs, CASE WHEN t.cost IS NOT NULL THEN COALESCE(w.cost / NULLIF(s.cost, 0), 0) END::float8,
		   CASE WHEN %4$s AND s.units + s.unpriced_units > 0 THEN COALESCE(m.units, 0) END, m.ids, m.signs, m.costs,
		   CASE WHEN %4$s THEN COALESCE(m.cost, CASE WHEN m.key IS NULL THEN 0 END) / NULLIF(s.cost, 0) END::float8,
		   s.unattributed_attempts, s.unattributed_cost, s.unpriced_units, s.unpriced_attempts
	FROM spread s
		 JOIN threshold t ON t.key = s.key
		 LEFT JOIN whale w ON w.key = s.key
		 LEFT JOIN machine m ON m.key = s.key
	ORDER BY s.cost DESC NULLS LAST, 1$sql$,
		unit_sql, skew.whale_factor,
		CASE WHEN cardinality(dimensions) > 0
			 THEN (SELECT format('jsonb_build_object(%s)', string_agg(format('%L, s.key[%s]', d.name, d.rank), ', ' ORDER BY d.rank)) FROM unnest(dimensions) WITH ORDINALITY AS d (name, rank))
			 ELSE '''{}''::jsonb' END,
		CASE skew.unit WHEN 'user' THEN 'true' ELSE 'false' END);
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, skew.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.skew(text[], text, tstzrange, jsonb, regclass, text, float8) IS
	'How unequally the cost of a period (NULL: the last full week) falls on units: user, attempt, operation or conversation; by columns, dearest first. Percentiles of the cost of a unit, shares of the dearest 1, 5 and 10 % of units, Gini, the Lorenz curve at 0, 10, ... 100 % of units; whales, units that cost whale_factor medians or more, the five dearest by name (an attempt without attempt_id by its start), and the share of all whales; automated, users who look like programs: active in 20 or more hours of the day (round the clock), half or more of at least 20 calls with prompt_hash and size of the call before (same prompt), or 50 pauses of up to an hour that hardly differ, their standard deviation within a quarter of their mean (steady). Signs, not proof. Cost is exact; percentiles and shares are exact up to 128 units, then as a distribution. NULL where the median is 0 or nothing has a price. Attempts that name no unit are counted apart, as are units without cost: an operation with an unpriced attempt, a user or conversation with none that is priced. An operation counts whole, where and when it began; of a user or conversation, what falls into period and scope. Needs user_id, operation_id or conversation_id.';

CREATE FUNCTION llm_cost.tail(
	by text[] DEFAULT '{intent}', within text[] DEFAULT '{workflow}', period tstzrange DEFAULT NULL, filter jsonb DEFAULT NULL,
	usage regclass DEFAULT NULL, time_zone text DEFAULT NULL, min_ratio numeric DEFAULT 2, min_spend_share numeric DEFAULT 0.01,
	OUT scope jsonb, OUT attempts bigint, OUT cost numeric, OUT attempt_cost numeric, OUT attempt_share float8, OUT spend_share float8, OUT ratio float8,
	OUT excess_cost numeric, OUT running_attempt_share float8, OUT running_spend_share float8, OUT unpriced_attempts bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 20 COST 100000
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET jit = off
AS $$
DECLARE
	source		record;
	whole		tstzrange := llm_cost.checked_period(tail.period, llm_cost.checked_zone(tail.time_zone));
	dimensions	text[] := COALESCE(tail.by, '{intent}');
	wholes		text;
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(tail.usage);
	IF cardinality(dimensions) = 0 THEN
		RAISE EXCEPTION 'tail() needs columns to tell calls apart'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example by => ''{intent}''.';
	END IF;
	PERFORM llm_cost.require_columns(source.relation,
		ARRAY(SELECT d.name FROM unnest(dimensions) AS d (name) JOIN llm_cost.usage_columns() u ON u.usage_column = d.name), 'tail()');
	-- compared are the groups of one whole with each other
	tail.within := ARRAY(SELECT d FROM unnest(COALESCE(tail.within, '{workflow}')) AS d WHERE d <> ALL (dimensions));
	wholes := COALESCE((SELECT string_agg(format('s.scope -> %L', d), ', ') FROM unnest(tail.within) AS d), 'true');
	dimensions := tail.within || dimensions;
	RETURN QUERY EXECUTE format($sql$
	SELECT r.scope, r.attempts, r.cost, r.cost / r.attempts, r.attempt_share::float8, r.spend_share::float8, (r.spend_share / r.attempt_share)::float8,
		   r.excess, (sum(r.attempt_share) OVER listed)::float8, (sum(r.spend_share) OVER listed)::float8, r.unpriced
	FROM (SELECT s.*, ARRAY[%6$s] AS whole, s.attempts / sum(s.attempts) OVER whole AS attempt_share, s.cost / NULLIF(sum(s.cost) OVER whole, 0) AS spend_share,
				 s.cost - sum(s.cost) OVER whole * s.attempts / sum(s.attempts) OVER whole AS excess
		  FROM (SELECT %1$s AS scope, count(a.cost) AS attempts, sum(a.cost) AS cost, count(*) FILTER (WHERE a.unpriced) AS unpriced
				FROM (%2$s) AS a
				WHERE a.is_call
				GROUP BY %3$s) AS s
		  WHERE s.attempts > 0
		  WINDOW whole AS (PARTITION BY %6$s)) AS r
	WHERE r.spend_share >= r.attempt_share * %4$L::numeric AND r.spend_share >= %5$L::numeric
	WINDOW listed AS (PARTITION BY r.whole ORDER BY r.excess DESC, r.scope ROWS UNBOUNDED PRECEDING)
	ORDER BY sum(r.excess) OVER (PARTITION BY r.whole) DESC, r.whole, r.excess DESC, r.scope$sql$,
		llm_cost.scope_expression(dimensions, 'a'),
		llm_cost.attempts_query(source.relation, whole, dimensions, tail.filter, NULL),
		(SELECT string_agg('a.dimension_' || i, ', ' ORDER BY i) FROM generate_series(1, cardinality(dimensions)) AS i),
		COALESCE(tail.min_ratio, 2), COALESCE(tail.min_spend_share, 0.01), wholes);
	IF NOT FOUND THEN
		PERFORM llm_cost.tell_if_no_usage(source.relation, whole, tail.filter);
	END IF;
END
$$;
COMMENT ON FUNCTION llm_cost.tail(text[], text[], tstzrange, jsonb, regclass, text, numeric, numeric) IS
	'The dear kinds of call: groups by the columns "by", compared with the others that have the same "within" (workflow, unless it is in "by"; {}: all calls), whose calls cost at least min_ratio times the mean and whose spend is at least min_spend_share of it, by excess_cost, what they cost beyond as many average calls. attempt_share and spend_share read "5 % of calls, 30 % of spend"; ratio is one by the other; the running shares add up the rows of a group so far. Attempts without a cost leave both sides. min_ratio => 0, min_spend_share => 0 lists all. Needs the columns "by".';
