/*
 * Declared reasons: what somebody said beforehand would change, by how much and
 * through what.  Exactly that is expected; the rest alarms.
 */

CREATE TABLE llm_cost.declared_change (
	schema_name	text COLLATE "C" NOT NULL,
	relation_name text COLLATE "C" NOT NULL,
	scope		jsonb NOT NULL CHECK (pg_catalog.jsonb_typeof(scope) = 'object'),
	effect		text COLLATE "C" NOT NULL
		CHECK (effect IN ('unit_cost', 'calls', 'input_tokens', 'output', 'cache', 'retries', 'model_mix', 'price')),
	change_pct	numeric NOT NULL CHECK (change_pct > -100 AND change_pct <= 1000000 AND abs(change_pct) >= 0.000001),
	valid		tstzrange NOT NULL CHECK (NOT pg_catalog.isempty(valid) AND NOT pg_catalog.lower_inf(valid) AND pg_catalog.isfinite(pg_catalog.lower(valid))),
	reason		text NOT NULL CHECK (reason <> ''),
	declared_by	text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
	declared_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (schema_name, relation_name, scope, effect, valid, declared_by)
);
COMMENT ON TABLE llm_cost.declared_change IS
	'What declare_change() was told of. Row security: a user sees what was declared of relations he may read, and changes his own.';
COMMENT ON COLUMN llm_cost.declared_change.schema_name IS 'Schema of the usage.';
COMMENT ON COLUMN llm_cost.declared_change.relation_name IS 'Name of the usage.';
COMMENT ON COLUMN llm_cost.declared_change.scope IS 'Columns and values that it is for; {}: the whole usage.';
COMMENT ON COLUMN llm_cost.declared_change.effect IS 'Through what unit cost changes: calls, input_tokens, output, cache, retries, model_mix, price; unit_cost: whatever it is.';
COMMENT ON COLUMN llm_cost.declared_change.change_pct IS 'By how many per cent unit cost changes through it.';
COMMENT ON COLUMN llm_cost.declared_change.valid IS 'From when on, and until when if it ends.';
COMMENT ON COLUMN llm_cost.declared_change.reason IS 'Why, in words.';
COMMENT ON COLUMN llm_cost.declared_change.declared_by IS 'Role that declared it.';
COMMENT ON COLUMN llm_cost.declared_change.declared_at IS 'When it was declared.';
SELECT pg_catalog.pg_extension_config_dump('llm_cost.declared_change', '');

ALTER TABLE llm_cost.declared_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY declared_change_read ON llm_cost.declared_change FOR SELECT
	USING (declared_by = CURRENT_USER OR llm_cost.may_read(schema_name, relation_name));
CREATE POLICY declared_change_add ON llm_cost.declared_change FOR INSERT
	WITH CHECK (declared_by = CURRENT_USER AND llm_cost.may_read(schema_name, relation_name));
CREATE POLICY declared_change_remove ON llm_cost.declared_change FOR DELETE USING (declared_by = CURRENT_USER);
COMMENT ON POLICY declared_change_read ON llm_cost.declared_change IS 'What is declared of relations the user may read, and his own.';
COMMENT ON POLICY declared_change_add ON llm_cost.declared_change IS 'Only for relations the user may read, in his own name.';
COMMENT ON POLICY declared_change_remove ON llm_cost.declared_change IS 'Only what the user declared himself.';
GRANT SELECT, INSERT, DELETE ON llm_cost.declared_change TO PUBLIC;

CREATE VIEW llm_cost.declared_changes WITH (security_invoker = true) AS
	SELECT pg_catalog.format('%I.%I', d.schema_name, d.relation_name) AS usage, d.scope, d.effect, d.change_pct,
		   lower(d.valid) AS valid_from, upper(d.valid) AS valid_until,
		   pg_catalog.now() <@ d.valid AS holds, d.reason, d.declared_by, d.declared_at
	FROM llm_cost.declared_change d;
COMMENT ON VIEW llm_cost.declared_changes IS 'Declared reasons for changes of unit cost that the user may see.';
COMMENT ON COLUMN llm_cost.declared_changes.usage IS 'The usage.';
COMMENT ON COLUMN llm_cost.declared_changes.scope IS 'Columns and values that it is for; {}: the whole usage.';
COMMENT ON COLUMN llm_cost.declared_changes.effect IS 'Through what unit cost changes.';
COMMENT ON COLUMN llm_cost.declared_changes.change_pct IS 'By how many per cent.';
COMMENT ON COLUMN llm_cost.declared_changes.valid_from IS 'From when on.';
COMMENT ON COLUMN llm_cost.declared_changes.valid_until IS 'Until when; NULL: for good.';
COMMENT ON COLUMN llm_cost.declared_changes.holds IS 'Whether it holds now.';
COMMENT ON COLUMN llm_cost.declared_changes.reason IS 'Why, in words.';
COMMENT ON COLUMN llm_cost.declared_changes.declared_by IS 'Role that declared it.';
COMMENT ON COLUMN llm_cost.declared_changes.declared_at IS 'When it was declared.';
GRANT SELECT ON llm_cost.declared_changes TO PUBLIC;

CREATE FUNCTION llm_cost.declare_change(
	scope jsonb, change_pct numeric, valid tstzrange, reason text, effect text DEFAULT 'unit_cost', usage regclass DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source		record;
	target		record;
	wanted		jsonb := COALESCE(declare_change.scope, '{}');
	known		text[] := ARRAY['unit_cost', 'calls', 'input_tokens', 'output', 'cache', 'retries', 'model_mix', 'price'];
	through		text := COALESCE(declare_change.effect, 'unit_cost');
BEGIN
	SELECT * INTO source FROM llm_cost.usage_source(declare_change.usage);
	SELECT * INTO target FROM llm_cost.relation_parts(source.relation);
	PERFORM llm_cost.filter_predicate(source.relation, wanted, 'a');	-- errors when it is no scope
	IF EXISTS (SELECT FROM jsonb_each(wanted) AS e WHERE jsonb_typeof(e.value) NOT IN ('string', 'null')) THEN
		RAISE EXCEPTION 'a scope has one value for each column'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Scope: %s.', wanted), HINT = 'Write values as text, and one declaration for each.';
	ELSIF through <> ALL (known) THEN
		RAISE EXCEPTION 'unknown effect "%"', through
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Effects: %s.', array_to_string(known, ', '));
	ELSIF declare_change.change_pct IS NULL OR declare_change.change_pct <= -100 OR abs(declare_change.change_pct) < 0.000001
		  OR declare_change.change_pct > 1000000 THEN
		RAISE EXCEPTION 'change_pct must be above -100, at most a million, and not 0'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('change_pct: %s.', declare_change.change_pct),
				HINT = 'Ten per cent more per operation is 10.';
	ELSIF declare_change.valid IS NULL OR isempty(declare_change.valid) OR lower_inf(declare_change.valid) OR NOT isfinite(lower(declare_change.valid)) THEN
		RAISE EXCEPTION 'valid must have a start'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('valid: %s.', declare_change.valid),
				HINT = 'For example tstzrange(''2026-06-22'', NULL).';
	ELSIF COALESCE(declare_change.reason, '') = '' THEN
		RAISE EXCEPTION 'a declared change has a reason'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Say in a few words why cost changes.';
	END IF;
	DELETE FROM llm_cost.declared_change d
	WHERE d.schema_name = target.schema_name AND d.relation_name = target.relation_name AND d.scope = wanted
	  AND d.effect = through AND d.valid = declare_change.valid AND d.declared_by = CURRENT_USER;
	INSERT INTO llm_cost.declared_change (schema_name, relation_name, scope, effect, change_pct, valid, reason)
	VALUES (target.schema_name, target.relation_name, wanted, through, declare_change.change_pct, declare_change.valid, declare_change.reason);
END
$$;
COMMENT ON FUNCTION llm_cost.declare_change(jsonb, numeric, tstzrange, text, text, regclass) IS
	'Says beforehand that unit cost of a scope, such as {"workflow": "mail"}, changes by change_pct per cent, from when on (and until when), why, and through what: calls (an operation makes more), input_tokens, output, cache, retries, model_mix, price, or unit_cost, whatever it is. It cancels that and no more: drift(), overview() and release_impact() judge what is beyond it, in points of the cost before, and at most as much is cancelled as calls, input, output, uncached share, retries or prices really changed by. Declared again for the same scope, effect and time it replaces what the role declared before.';

CREATE FUNCTION llm_cost.scopes_meet(one jsonb, other jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- a filter may have lists of values
RETURN NOT EXISTS (SELECT FROM jsonb_each(one) AS e WHERE other ? e.key AND NOT (other -> e.key @> e.value OR e.value @> (other -> e.key)));
COMMENT ON FUNCTION llm_cost.scopes_meet(jsonb, jsonb) IS
	'Whether something may be in both scopes: no column has another value there. {} meets all.';

CREATE FUNCTION llm_cost.share_covered(whole tstzrange, part tstzrange) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(EXTRACT(epoch FROM upper(whole * part) - lower(whole * part)) / NULLIF(EXTRACT(epoch FROM upper(whole) - lower(whole)), 0), 0);
COMMENT ON FUNCTION llm_cost.share_covered(tstzrange, tstzrange) IS 'Which share of a bounded time another one covers, 0 to 1.';

CREATE FUNCTION llm_cost.declared_part(
	schema_name text, relation_name text, scope jsonb, baseline tstzrange, period tstzrange, metric text, change double precision, factors jsonb,
	OUT cancelled double precision, OUT says text)
RETURNS record
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH asked AS (
		-- a list of one value is that value
		SELECT COALESCE(jsonb_object_agg(e.key, CASE WHEN jsonb_typeof(e.value) = 'array' THEN CASE WHEN jsonb_array_length(e.value) = 1 THEN e.value -> 0 ELSE e.value END ELSE e.value END), '{}') AS scope
		FROM jsonb_each(declared_part.scope) AS e
	), known AS (
		-- said twice, it counts once
		SELECT DISTINCT ON (d.scope, d.effect) d.effect, d.reason, d.change_pct, d.scope, d.declared_at,
			   -- what holds in part of the period counts in part, and what held before already is in the baseline
			   (d.change_pct / 100)::double precision * (llm_cost.share_covered(declared_part.period, d.valid)
					- llm_cost.share_covered(declared_part.baseline, d.valid)) AS part,
			   (declared_part.factors ->> d.effect)::double precision - 1 AS factor,
			   a.scope @> d.scope AND (declared_part.metric = 'unit_cost' OR declared_part.metric = 'calls_per_operation' AND d.effect = 'calls') AS whole,
			   a.scope @> d.scope AS within
		FROM llm_cost.declared_change d CROSS JOIN asked a
		WHERE d.schema_name = declared_part.schema_name AND d.relation_name = declared_part.relation_name
		  AND llm_cost.speaks_for(d.declared_by, d.schema_name, d.relation_name)
		  AND llm_cost.share_covered(declared_part.period, d.valid) > llm_cost.share_covered(declared_part.baseline, d.valid)
		  AND llm_cost.scopes_meet(d.scope, declared_part.scope)
		  AND (declared_part.metric IN ('unit_cost', 'cost_per_outcome', 'spend')
			   OR (declared_part.metric, d.effect) IN (('calls_per_operation', 'calls'), ('hit_ratio', 'cache'), ('retry_share', 'retries'),
				   ('output_ratio', 'output'), ('context_p50', 'input_tokens'), ('context_p99', 'input_tokens'), ('input_tokens', 'input_tokens'), ('output_tokens', 'output')))
		ORDER BY d.scope, d.effect, llm_cost.share_covered(declared_part.period, d.valid) DESC, d.declared_at DESC
	), bounded AS (
		-- no more than the factor did
		SELECT k.*, CASE WHEN NOT k.whole THEN 0 WHEN k.factor IS NULL THEN k.part
						 WHEN k.part > 0 THEN LEAST(k.part, GREATEST(k.factor, 0)) ELSE GREATEST(k.part, LEAST(k.factor, 0)) END AS cancels
		FROM known k
	), summed AS (
		SELECT sum(b.cancels) AS cancels, bool_or(b.whole) AS whole, string_agg(format('%s%s%s: %s%s', to_char(b.change_pct, 'SGFM999990.9'), ' %',
				concat(CASE WHEN b.effect <> 'unit_cost' THEN ' through ' || b.effect END, CASE WHEN NOT b.within THEN ' for ' || (SELECT string_agg(e.key || '=' || COALESCE(e.value, '∅'), ', ' ORDER BY e.key) FROM jsonb_each_text(b.scope) AS e) END),
				b.reason,
				CASE WHEN b.whole AND abs(b.cancels) < 0.9 * abs(b.part)
					 THEN format(' (%s changed by %s%s)', b.effect, to_char(100 * b.factor, 'SGFM999990.0'), ' %') END), '; ' ORDER BY b.declared_at, b.effect) AS reasons
		FROM bounded b
	), counted AS (
		-- and no more than there is
		SELECT s.*, CASE WHEN s.cancels > 0 THEN LEAST(s.cancels, GREATEST(declared_part.change, 0))
						 WHEN s.cancels < 0 THEN GREATEST(s.cancels, LEAST(declared_part.change, 0)) ELSE 0 END AS counts
		FROM summed s WHERE s.reasons IS NOT NULL
	)
	SELECT c.counts, 'declared ' || replace(c.reasons, '. %', ' %')
		|| CASE WHEN NOT c.whole OR declared_part.change IS NULL THEN ''
				WHEN c.counts = 0 AND c.cancels <> 0 THEN '; it did not come'
				WHEN abs(declared_part.change - c.counts) < 0.0005 THEN '; nothing beyond it'
				ELSE format('; %s points beyond it', to_char(100 * (declared_part.change - c.counts), 'FM999990.0')) END
	FROM counted c;
END;
COMMENT ON FUNCTION llm_cost.declared_part(text, text, jsonb, tstzrange, tstzrange, text, double precision, jsonb) IS
	'How much of a change (0.25: a quarter more) was declared for a scope, and in words; no row or NULL if nothing was. It counts by the share of the period that it holds in, less that of the baseline. factors: after / before of what effects work through, where known. What was declared for a part of the scope (for one of several values of a list, say), or for another metric, is told and cancels nothing; a list of one value is that value.';

CREATE FUNCTION llm_cost.beyond_declared(estimate llm_cost.paired_change_result, cancelled double precision) RETURNS llm_cost.paired_change_result
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN cancelled IS NULL OR cancelled = 0 OR estimate IS NULL THEN estimate
	ELSE ROW((estimate).kind, (estimate).change - cancelled, (estimate).low - cancelled, (estimate).high - cancelled, (estimate).p_value,
		(estimate).standard_error, (estimate).degrees_of_freedom, (estimate).units, (estimate).effective_units, (estimate).matched_before,
		(estimate).matched_after, (estimate).rose, (estimate).fell, (estimate).smallest_change, (estimate).largest_change,
		(estimate).cells, (estimate).bad_cells)::llm_cost.paired_change_result END;
COMMENT ON FUNCTION llm_cost.beyond_declared(llm_cost.paired_change_result, double precision) IS
	'The estimate less what was declared, in points of what was before.';
