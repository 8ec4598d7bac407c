/*
 * The report as text, for psql and mail: the same in the same order, in lines
 * that are never wider than asked for.  Widths are those of a terminal, where
 * an ideogram or emoji takes two columns and a combining mark none.
 */

CREATE FUNCTION llm_cost.text_width(said text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN char_length(regexp_replace(regexp_replace(said, '[\u0300-\u036f\u200b-\u200f\u20d0-\u20ff\ufe00-\ufe0e]', '', 'g'),
	'[\u1100-\u115f\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf\u2b1b-\u2b55\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe0f\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\U0001f000-\U0001faff\U00020000-\U0003fffd]', 'xx', 'g'));
COMMENT ON FUNCTION llm_cost.text_width(text) IS 'How many columns of a terminal the text takes, at most.';

CREATE FUNCTION llm_cost.text_cut(said text, width integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kept		text := left(said, width);
BEGIN
	IF llm_cost.text_width(text_cut.said) <= width THEN
		RETURN text_cut.said;
	END IF;
	WHILE kept <> '' AND llm_cost.text_width(kept) >= width LOOP
		kept := left(kept, -1);
	END LOOP;
	RETURN kept || '…';
END
$$;
COMMENT ON FUNCTION llm_cost.text_cut(text, integer) IS 'The text, or its beginning and … where it is wider than that.';

CREATE FUNCTION llm_cost.text_pad(said text, width integer, to_the_right boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT CASE WHEN to_the_right THEN repeat(' ', width - llm_cost.text_width(c.cut)) || c.cut ELSE c.cut || repeat(' ', width - llm_cost.text_width(c.cut)) END
		FROM (SELECT llm_cost.text_cut(COALESCE(said, ''), width) AS cut) AS c);
COMMENT ON FUNCTION llm_cost.text_pad(text, integer, boolean) IS 'The text at exactly that width.';

CREATE FUNCTION llm_cost.text_wrap(said text, width integer, first text DEFAULT '', rest text DEFAULT '') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	word		text;
	line		text := first;
	fresh		boolean := true;
	lines		text := '';
	piece		text;
BEGIN
	FOREACH word IN ARRAY regexp_split_to_array(btrim(COALESCE(text_wrap.said, '')), '\s+(?!%)') LOOP
		IF NOT fresh AND llm_cost.text_width(line) + 1 + llm_cost.text_width(word) > width THEN
			lines := lines || line || E'\n';
			line := rest;
			fresh := true;
		END IF;
		-- a word longer than a line goes on in the next
		WHILE llm_cost.text_width(line) + llm_cost.text_width(word) > width AND fresh LOOP
			piece := left(word, GREATEST(width - llm_cost.text_width(line), 1));
			WHILE char_length(piece) > 1 AND llm_cost.text_width(line || piece) > width LOOP
				piece := left(piece, -1);
			END LOOP;
			lines := lines || line || piece || E'\n';
			word := substr(word, char_length(piece) + 1);
			line := rest;
		END LOOP;
		line := line || CASE WHEN fresh THEN '' ELSE ' ' END || word;
		fresh := false;
	END LOOP;
	RETURN lines || rtrim(line) || E'\n';
END
$$;
COMMENT ON FUNCTION llm_cost.text_wrap(text, integer, text, text) IS 'The text in lines no wider than that, a per cent sign with its number; first and rest are put before the first line and the others.';

CREATE FUNCTION llm_cost.sparkline("values" numeric[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT string_agg(CASE WHEN v.value IS NULL THEN ' ' WHEN v.high = v.low THEN '▄'
							   ELSE substr('▁▂▃▄▅▆▇█', LEAST(8, 1 + floor(8 * (v.value - v.low) / (v.high - v.low))::integer), 1) END, '' ORDER BY v.place)
		FROM (SELECT u.value, u.place, min(u.value) OVER () AS low, max(u.value) OVER () AS high FROM unnest("values") WITH ORDINALITY AS u (value, place)) AS v);
COMMENT ON FUNCTION llm_cost.sparkline(numeric[]) IS 'The values as a line of blocks, ▁ the least and █ the greatest; a blank for NULL, ▄ where all are the same, NULL without values.';

CREATE FUNCTION llm_cost.text_bar(amount numeric, most numeric, width integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN amount <> 0 AND most > 0 THEN COALESCE(NULLIF(repeat('█', floor(width * abs(amount) / most)::integer), ''), '▏') ELSE '' END;
COMMENT ON FUNCTION llm_cost.text_bar(numeric, numeric, integer) IS 'A bar of blocks, as long as the amount is large beside the greatest.';

CREATE FUNCTION llm_cost.text_table(headings text[], align text, body jsonb, width integer) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	widths		integer[];
	columns		integer := cardinality(headings);
	place		integer;
BEGIN
	IF text_table.body IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT array_agg(GREATEST(llm_cost.text_width(h.said), COALESCE((SELECT max(llm_cost.text_width(r.row ->> (h.place::integer - 1))) FROM jsonb_array_elements(text_table.body) AS r (row)), 0)) ORDER BY h.place)
	INTO widths FROM unnest(text_table.headings) WITH ORDINALITY AS h (said, place);
	-- words give way, the widest first, names least; then the last columns do
	WHILE columns > 1 AND 2 * columns + (SELECT sum(w.wide) FROM unnest(widths[:columns]) AS w (wide)) > width LOOP
		SELECT w.place INTO place FROM unnest(widths[:columns]) WITH ORDINALITY AS w (wide, place)
		WHERE substr(text_table.align, w.place::integer, 1) = 'l' AND w.wide > CASE w.place WHEN 1 THEN 24 ELSE 14 END ORDER BY w.wide DESC, w.place DESC LIMIT 1;
		IF FOUND THEN
			widths[place] := widths[place] - 1;
		ELSE
			columns := columns - 1;
		END IF;
	END LOOP;
	widths[1] := LEAST(widths[1], width - 2);

	RETURN (SELECT string_agg(rtrim(l.line) || E'\n', '' ORDER BY l.place)
			FROM (SELECT r.place, '  ' || string_agg(llm_cost.text_pad(c.said, widths[c.place], substr(text_table.align, c.place::integer, 1) = 'r'), '  ' ORDER BY c.place) AS line
				  FROM (SELECT 0 AS place, to_jsonb(text_table.headings) AS row
						UNION ALL SELECT b.place, b.row FROM jsonb_array_elements(text_table.body) WITH ORDINALITY AS b (row, place)) AS r,
					   jsonb_array_elements_text(r.row) WITH ORDINALITY AS c (said, place)
				  WHERE c.place <= columns GROUP BY r.place) AS l);
END
$$;
COMMENT ON FUNCTION llm_cost.text_table(text[], text, jsonb, integer) IS
	'A table in aligned columns, no wider than that: words are cut, and where that does not do, the last columns left out. align has l or r for each; body is an array of arrays, NULL makes no table.';

CREATE FUNCTION llm_cost.text_lines(body jsonb, width integer, nothing text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE((SELECT string_agg(llm_cost.text_wrap(l.line ->> 1, width, '  ' || llm_cost.text_pad(l.line ->> 0, l.wide, true) || '  ', repeat(' ', l.wide + 4))
			|| CASE WHEN l.line ->> 2 <> '' THEN llm_cost.text_wrap(l.line ->> 2, width, repeat(' ', l.wide + 4), repeat(' ', l.wide + 4)) ELSE '' END, '' ORDER BY l.place)
		FROM (SELECT e.line, e.place, LEAST(14, GREATEST(7, max(llm_cost.text_width(e.line ->> 0)) OVER ())) AS wide
			  FROM jsonb_array_elements(body) WITH ORDINALITY AS e (line, place)) AS l), llm_cost.text_wrap(nothing, width, '  ', '  '));
COMMENT ON FUNCTION llm_cost.text_lines(jsonb, integer, text) IS 'Dollars and sentences, from an array of arrays of dollars, sentence and what else is known; nothing: what it says without any.';

CREATE FUNCTION llm_cost.report_text_of(document jsonb, width integer DEFAULT 100) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100000
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	wide		integer := COALESCE(report_text_of.width, 100);
	currency	text := document #>> '{report,currency}';
	page		text;
BEGIN
	IF wide NOT BETWEEN 60 AND 1000 THEN
		RAISE EXCEPTION 'width must be between 60 and 1000'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('width: %s.', wide);
	ELSIF jsonb_typeof(document) <> 'object' THEN
		RAISE EXCEPTION 'a report document must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is of type %s.', jsonb_typeof(document)),
				HINT = 'Documents are in the column document of llm_cost.report_run.';
	ELSIF document IS NULL THEN
		RETURN NULL;
	END IF;

	document := document || '{}';	-- decompressed once; nor do generic plans copy it
	page := llm_cost.text_wrap(concat_ws(', ', 'LLM spend', llm_cost.report_clean(document #>> '{report,usage}'), 'revision ' || (document #>> '{report,revision}')), wide)
		|| llm_cost.text_wrap(upper(llm_cost.report_heading(document)), wide)
		|| (SELECT llm_cost.text_wrap(string_agg(concat(t.label, ' ', t.figure), ' · ' ORDER BY t.place), wide) FROM llm_cost.shown_trust(report_text_of.document) AS t)
		|| E'\n'
		|| (SELECT string_agg(llm_cost.text_wrap(f.about, wide, concat('  ', llm_cost.text_pad(f.label, 22), llm_cost.text_pad(f.figure, 12, true), '  '), repeat(' ', 6)), '' ORDER BY f.place)
			FROM llm_cost.shown_figures(report_text_of.document) AS f)
		|| COALESCE((SELECT llm_cost.text_wrap(concat(llm_cost.report_day((array_agg(d.day ORDER BY d.day))[1], true), ' ', translate(llm_cost.sparkline(array_agg(d.spend ORDER BY d.day)), ' ', '·'), ' ',
							llm_cost.report_day((array_agg(d.day ORDER BY d.day DESC))[1], true)), wide, '  ' || llm_cost.text_pad('Spend by day', 22) || '  ', repeat(' ', 6))
					 FROM (SELECT e.day, e.spend FROM jsonb_to_recordset(llm_cost.report_rows(report_text_of.document, 'daily')) AS e (day date, spend numeric)
						   WHERE e.day IS NOT NULL ORDER BY e.day DESC LIMIT wide - 42) AS d HAVING count(d.spend) > 1), '')

		|| E'\nWHY IT CHANGED\n'
		|| COALESCE((SELECT string_agg(concat('  ', llm_cost.text_pad(b.effect, 20), llm_cost.text_pad(llm_cost.report_money(b.amount, currency, b.signed, b.decimals), 14, true), rtrim('  ' || llm_cost.text_bar(b.amount, b.most, wide - 38)), E'\n'), '' ORDER BY b.place)
					 FROM (SELECT s.*, max(abs(s.amount)) OVER () AS most, llm_cost.report_decimals(max(abs(s.amount)) OVER ()) AS decimals
						   FROM (SELECT 0 AS place, 'Before' AS effect, (report_text_of.document #>> '{spend,before}')::numeric AS amount, false AS signed
								 UNION ALL SELECT e.place, e.effect, e.amount, true FROM llm_cost.shown_bridge(report_text_of.document) AS e
								 UNION ALL SELECT 9, 'Now', (report_text_of.document #>> '{spend,now}')::numeric, false) AS s WHERE s.amount IS NOT NULL) AS b),
			E'  There is nothing to compare.\n')
		|| COALESCE((SELECT llm_cost.text_wrap(d.doubt, wide, '  ', '  ') FROM llm_cost.shown_doubt(report_text_of.document) AS d (doubt) WHERE d.doubt IS NOT NULL), '')

		|| E'\nWHAT TO LOOK AT, DOLLARS A WEEK\n'
		|| (SELECT llm_cost.text_lines(COALESCE(jsonb_agg(jsonb_build_array(f.dollars, f.sentence, f.about) ORDER BY f.place) FILTER (WHERE f.urgent), '[]'), wide, llm_cost.report_quiet(report_text_of.document))
				|| CASE WHEN max(f.all_findings) > LEAST(5, max(f.all_urgent)) THEN llm_cost.text_wrap(format('All %s: SELECT * FROM llm_cost.findings', llm_cost.report_number(max(f.all_findings))), wide, '  ', '  ') ELSE '' END
			FROM llm_cost.shown_findings(report_text_of.document, 5) AS f)

		|| E'\nDECLARED, DOLLARS A WEEK BEYOND THAT\n'
		|| (SELECT llm_cost.text_lines(COALESCE(jsonb_agg(jsonb_build_array(d.dollars, d.sentence) ORDER BY d.place) FILTER (WHERE d.place <= 5), '[]'), wide, llm_cost.report_nothing(report_text_of.document, 'declared', 'Nothing was declared.')) FROM llm_cost.shown_declared(report_text_of.document) AS d)
		|| E'\nCANNOT BE JUDGED, SPEND\n'
		|| (SELECT llm_cost.text_lines(COALESCE(jsonb_agg(jsonb_build_array(u.dollars, u.sentence) ORDER BY u.place) FILTER (WHERE u.place <= 5), '[]'), wide, llm_cost.report_nothing(report_text_of.document, 'undecided', 'Everything could be judged.')) FROM llm_cost.shown_undecided(report_text_of.document) AS u)
		|| E'\nSAVINGS FOUND, DOLLARS A WEEK\n'
		|| (SELECT llm_cost.text_lines(COALESCE(jsonb_agg(jsonb_build_array(s.dollars, s.sentence) ORDER BY s.place) FILTER (WHERE s.place <= 5), '[]'), wide, llm_cost.report_nothing(report_text_of.document, 'savings', 'None.')) FROM llm_cost.shown_savings(report_text_of.document) AS s)
		|| E'\nCOST PER RESOLVED\n'
		|| (SELECT llm_cost.text_lines(COALESCE(jsonb_agg(jsonb_build_array(o.dollars, o.sentence) ORDER BY o.place), '[]'), wide, llm_cost.report_nothing(report_text_of.document, 'outcomes', 'No outcomes are known.')) FROM llm_cost.shown_outcomes(report_text_of.document) AS o);

	page := page || E'\nBY DAY\n'
		|| COALESCE((SELECT string_agg(llm_cost.text_cut(concat('  ', llm_cost.text_pad(l.label, 22), llm_cost.text_pad(l.least, 10, true), ' ', translate(l.line, ' ', '·'), ' ', l.most), wide) || E'\n', '' ORDER BY l.place)
					 FROM (SELECT v.place, v.label, v.least, v.most, v.line
						   FROM (SELECT array_agg(e.unit_cost ORDER BY e.day) AS costs, min(e.unit_cost) AS low, max(e.unit_cost) AS high,
										array_agg(e.index ORDER BY e.day) AS indices, min(e.index) AS low_index, max(e.index) AS high_index
								 FROM (SELECT d.* FROM jsonb_to_recordset(llm_cost.report_rows(report_text_of.document, 'daily')) AS d (day date, unit_cost numeric, index numeric)
									   ORDER BY d.day DESC LIMIT wide - 38 - 10) AS e) AS q,
								LATERAL (VALUES (1, 'Unit cost', llm_cost.report_money(q.low, currency), llm_cost.report_money(q.high, currency), llm_cost.sparkline(q.costs)),
									(2, 'Like for like, to mean', llm_cost.report_percent(100 * (q.low_index - 1), true), llm_cost.report_percent(100 * (q.high_index - 1), true), llm_cost.sparkline(q.indices))) AS v (place, label, least, most, line)
						   UNION ALL
						   SELECT 3 + p.place, p.label, llm_cost.report_money(min(p.value), currency), llm_cost.report_money(max(p.value), currency), llm_cost.sparkline(array_agg(p.value ORDER BY p.day))
						   FROM (SELECT d.day, v.* FROM (SELECT r.* FROM jsonb_to_recordset(llm_cost.report_rows(report_text_of.document, 'percentiles')) AS r (day date, p50 numeric, p90 numeric, p99 numeric) ORDER BY r.day DESC LIMIT wide - 38 - 10) AS d,
									  LATERAL (VALUES (1, 'Median cost of a call', d.p50), (2, '90th percentile', d.p90), (3, '99th percentile', d.p99)) AS v (place, label, value)) AS p
						   GROUP BY p.place, p.label) AS l
					 WHERE l.least <> ''), E'  There are no days to show.\n')
		|| COALESCE((SELECT string_agg(llm_cost.text_wrap(concat(c.change, ' on ', c.day, ' (' || c.days || ')', ', near release ' || c.near_release), wide, '  Change point: ', '    '), '' ORDER BY c.place)
					 FROM llm_cost.shown_change_points(report_text_of.document) AS c), '')

		|| COALESCE((SELECT E'\nEFFECTS ON SPEND\n' || llm_cost.text_table('{Effect,Amount,95 % interval,What is behind it}', 'lrll', jsonb_agg(jsonb_build_array(e.effect, e.dollars,
							COALESCE(replace(replace(e.band, 'between ', ''), ' and ', ' to '), ''), COALESCE(e.detail, '')) ORDER BY e.place), wide)
					 FROM llm_cost.shown_effects(report_text_of.document) AS e), '')
		|| COALESCE((SELECT E'\nEPISODES\n' || llm_cost.text_table('{Scope,Metric,Wasted,Opened,Closed,Near release}', 'llrlll', jsonb_agg(jsonb_build_array(e.scope, e.metric, e.wasted,
							llm_cost.report_day(e.opened::date), COALESCE(llm_cost.report_day(e.closed::date), 'still open'), COALESCE(e.near_release, '')) ORDER BY e.place), wide)
					 FROM llm_cost.shown_episodes(report_text_of.document) AS e), '')
		|| COALESCE((SELECT E'\nWHO SPENDS\n' || llm_cost.text_wrap(concat_ws(' · ', NULLIF(llm_cost.report_number(l.users), '') || ' users', 'top 1 %: ' || CASE WHEN l.users < 100 THEN NULL ELSE l.top_1 END, 'top 5 %: ' || CASE WHEN l.users < 20 THEN NULL ELSE l.top_5 END,
							'top 10 %: ' || CASE WHEN l.users < 10 THEN NULL ELSE l.top_10 END, 'Gini ' || l.gini), wide, '  ', '  ')
					 -- a hundredth of seven users is nobody
					 FROM (SELECT (report_text_of.document #>> '{lorenz,users}')::numeric AS users, llm_cost.report_percent(100 * (report_text_of.document #>> '{lorenz,top_1}')::numeric) AS top_1, llm_cost.report_percent(100 * (report_text_of.document #>> '{lorenz,top_5}')::numeric) AS top_5,
								  llm_cost.report_percent(100 * (report_text_of.document #>> '{lorenz,top_10}')::numeric) AS top_10, llm_cost.report_number((report_text_of.document #>> '{lorenz,gini}')::numeric, 2) AS gini) AS l
					 WHERE l.top_1 <> ''), '')
		|| COALESCE((SELECT E'\nRETRIES\n' || llm_cost.text_table('{Error,Failures,Retries,Cost,Share of spend}', 'lrrrr',
							jsonb_agg(jsonb_build_array(r.error, r.failures, r.retries, r.dollars, r.share) ORDER BY r.place), wide)
					 FROM llm_cost.shown_retries(report_text_of.document) AS r), '')
		|| COALESCE((SELECT E'\nMODELS WITHOUT A PRICE\n' || llm_cost.text_table('{Model,Calls,Why}', 'lrl',
							jsonb_agg(jsonb_build_array(COALESCE(u.model, ''), u.calls, COALESCE(u.why, '')) ORDER BY u.place), wide)
					 FROM llm_cost.shown_unpriced(report_text_of.document) AS u), '')
		|| COALESCE((SELECT E'\nMOVERS\n' || llm_cost.text_table('{Scope,Spend,Change,Like for like,Verdict,Unit cost,Volume,New users,Prices}', 'lrrrlrrrr',
							jsonb_agg(jsonb_build_array(m.scope, m.spend, m.change, m.like_for_like, COALESCE(m.verdict, ''), m.unit_cost, m.volume, m.new_users, m.price) ORDER BY m.place), wide)
					 FROM llm_cost.shown_movers(report_text_of.document) AS m), '')
		|| COALESCE((SELECT E'\nHOW IT WAS COMPUTED\n' || string_agg(llm_cost.text_wrap(llm_cost.report_clean(n.note), wide, '  ', '    '), '' ORDER BY n.place)
					 FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(report_text_of.document -> 'notes') = 'array' THEN report_text_of.document -> 'notes' ELSE '[]' END) WITH ORDINALITY AS n (note, place) WHERE n.note <> ''), '');
	RETURN page;
END
$$;
COMMENT ON FUNCTION llm_cost.report_text_of(jsonb, integer) IS
	'A report document as text for psql and mail, in the order of the page, no line wider than width (NULL: 100). Blocks draw the days. NULL for NULL. Errors: 22023 for a width outside 60 to 1000, or when the document is no object.';
