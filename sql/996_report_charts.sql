/*
 * The charts of the report: inline SVG without a script.
 *
 * A chart is as wide as the page and as high as it says.  Across, everything
 * is placed in per cent; lines and areas, which cannot be, are in a nested
 * drawing 1,000 units wide that stretches.  So text keeps its size on a
 * telephone.  Every chart has a title and a sentence for who cannot see it.
 */

CREATE FUNCTION llm_cost.chart(name text, title text, description text, height integer, content xml) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME svg, xmlattributes('chart' AS class, '100%' AS width, height, 'img' AS role, name || '-title ' || name || '-about' AS "aria-labelledby"),
	xmlelement(NAME title, xmlattributes(name || '-title' AS id), title),
	xmlelement(NAME "desc", xmlattributes(name || '-about' AS id), description), content);
COMMENT ON FUNCTION llm_cost.chart(text, text, text, integer, xml) IS 'An SVG drawing of that height in pixels, with title and description for screen readers. name: its id on the page.';

CREATE FUNCTION llm_cost.chart_canvas(height numeric, content xml) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME svg, xmlattributes('100%' AS width, height, '0 0 1000 ' || height AS "viewBox", 'none' AS "preserveAspectRatio"), content);
COMMENT ON FUNCTION llm_cost.chart_canvas(numeric, xml) IS 'Lines and areas, 1,000 units across, stretched over the chart.';

CREATE FUNCTION llm_cost.chart_text(x numeric, y numeric, class text, said text) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME text, xmlattributes(round(x, 2) || '%' AS x, round(y, 1) AS y, class), said);
COMMENT ON FUNCTION llm_cost.chart_text(numeric, numeric, text, text) IS 'Text in a chart, x in per cent.';

CREATE FUNCTION llm_cost.chart_line(x1 numeric, y1 numeric, x2 numeric, y2 numeric, class text) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME line, xmlattributes(round(x1, 2) || '%' AS x1, round(y1, 1) AS y1, round(x2, 2) || '%' AS x2, round(y2, 1) AS y2, class));
COMMENT ON FUNCTION llm_cost.chart_line(numeric, numeric, numeric, numeric, text) IS 'A line in a chart, x in per cent.';

CREATE FUNCTION llm_cost.chart_box(x1 numeric, x2 numeric, y numeric, height numeric, class text, said text DEFAULT NULL) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- at least as wide as can be seen, and inside
RETURN xmlelement(NAME rect, xmlattributes(round(LEAST(x1, x2, 99.5), 2) || '%' AS x, round(GREATEST(abs(x2 - x1), 0.5), 2) || '%' AS width, round(y, 1) AS y, round(height, 1) AS height, class),
	CASE WHEN said IS NOT NULL THEN xmlelement(NAME title, said) END);
COMMENT ON FUNCTION llm_cost.chart_box(numeric, numeric, numeric, numeric, text, text) IS 'A bar from x1 to x2 per cent. said: what a browser shows when one points at it.';

CREATE FUNCTION llm_cost.chart_path(x numeric[], y numeric[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT string_agg(concat(CASE WHEN p.last IS NULL THEN 'M' ELSE 'L' END, round(10 * p.x, 1), ' ', round(p.y, 1)), ' ' ORDER BY p.place)
		FROM (SELECT u.*, lag(u.y) OVER (ORDER BY u.place) AS last FROM unnest(x, y) WITH ORDINALITY AS u (x, y, place)) AS p
		WHERE p.y IS NOT NULL);
COMMENT ON FUNCTION llm_cost.chart_path(numeric[], numeric[]) IS 'The path through these points, x in per cent; it breaks off where y is NULL.';

CREATE FUNCTION llm_cost.chart_area(x numeric[], low numeric[], high numeric[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT concat('M', string_agg(concat(round(10 * p.x, 1), ' ', round(p.high, 1)), ' L' ORDER BY p.place), ' L',
					  string_agg(concat(round(10 * p.x, 1), ' ', round(p.low, 1)), ' L' ORDER BY p.place DESC), ' Z')
		FROM unnest(x, low, high) WITH ORDINALITY AS p (x, low, high, place)
		WHERE p.low IS NOT NULL AND p.high IS NOT NULL HAVING count(*) > 1);
COMMENT ON FUNCTION llm_cost.chart_area(numeric[], numeric[], numeric[]) IS 'The area between two paths, x in per cent.';

CREATE FUNCTION llm_cost.chart_ticks(low numeric, high numeric) RETURNS numeric[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN low = high THEN ARRAY[low]
	ELSE (SELECT ARRAY(SELECT trim_scale(s.step * g.i) FROM generate_series(ceil(low / s.step)::bigint, floor(high / s.step)::bigint) AS g (i))
		  FROM (SELECT m.factor * power(10::numeric, d.digits) AS step
				FROM (SELECT floor(log((high - low) / 4)) AS digits) AS d, (VALUES (1), (2), (5), (10)) AS m (factor)
				WHERE m.factor * power(10::numeric, d.digits) >= (high - low) / 4 ORDER BY m.factor LIMIT 1) AS s) END;
COMMENT ON FUNCTION llm_cost.chart_ticks(numeric, numeric) IS 'Two to five round numbers between the ends.';

CREATE FUNCTION llm_cost.chart_days(first_day date, last_day date, y numeric) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT xmlagg(llm_cost.chart_text(100 * g.i / 4.0, y, CASE g.i WHEN 0 THEN 'tick' WHEN 4 THEN 'tick end' ELSE 'tick middle' END,
			llm_cost.report_day(first_day + round((last_day - first_day) * g.i / 4.0)::integer, true)) ORDER BY g.i)
		FROM generate_series(0, 4) AS g (i) WHERE last_day - first_day >= 4 OR g.i IN (0, 4) AND (g.i = 0 OR last_day > first_day));
COMMENT ON FUNCTION llm_cost.chart_days(date, date, numeric) IS 'The dates under a chart.';

CREATE FUNCTION llm_cost.chart_bar(low numeric, high numeric, amount_from numeric, amount_to numeric, class text) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME svg, xmlattributes('100%' AS width, '14' AS height, 'bar' AS class, 'true' AS "aria-hidden"),
	llm_cost.chart_line(100 * (0 - low) / NULLIF(high - low, 0), 0, 100 * (0 - low) / NULLIF(high - low, 0), 14, 'axis'),
	CASE WHEN amount_from <> amount_to
		 THEN llm_cost.chart_box(100 * (amount_from - low) / NULLIF(high - low, 0), 100 * (amount_to - low) / NULLIF(high - low, 0), 2, 10, class) END);
COMMENT ON FUNCTION llm_cost.chart_bar(numeric, numeric, numeric, numeric, text) IS 'The bar in a row of a table, on a scale from low to high; the row says the same in figures.';

-- ---------------------------------------------------------------------- the charts

CREATE FUNCTION llm_cost.chart_bridge(document jsonb) RETURNS xml
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH step AS (
		SELECT 0 AS place, 'Before' AS effect, s.before AS amount, 0::numeric AS bottom, s.before AS top, 'whole' AS class, false AS signed
		FROM (SELECT (document #>> '{spend,before}')::numeric AS before) AS s WHERE s.before IS NOT NULL
		UNION ALL
		SELECT b.place, b.effect, b.amount, COALESCE((document #>> '{spend,before}')::numeric, 0) + sum(b.amount) OVER (ORDER BY b.place) - b.amount,
			   COALESCE((document #>> '{spend,before}')::numeric, 0) + sum(b.amount) OVER (ORDER BY b.place),
			   CASE WHEN b.amount > 0 THEN 'more' ELSE 'less' END, true
		FROM llm_cost.shown_bridge(document) AS b
		UNION ALL
		SELECT 9, 'Now', s.now, 0, s.now, 'whole', false
		FROM (SELECT (document #>> '{spend,now}')::numeric AS now) AS s WHERE s.now IS NOT NULL
	), placed AS (
		SELECT s.*, row_number() OVER (ORDER BY s.place) - 1 AS row,
			   LEAST(0, min(LEAST(s.bottom, s.top)) OVER ()) AS low, GREATEST(max(GREATEST(s.bottom, s.top)) OVER (), 0.000001) AS high,
			   llm_cost.report_decimals(max(abs(s.amount)) OVER ()) AS decimals
		FROM step AS s
	)
	SELECT llm_cost.chart('bridge', 'From the spend before to the spend now',
			string_agg(concat(p.effect, ' ', llm_cost.report_money(p.amount, document #>> '{report,currency}', p.signed, p.decimals)), ', ' ORDER BY p.row) || '.',
			(30 * count(*) + 4)::integer,
			xmlagg(xmlconcat(
				llm_cost.chart_text(0, 30 * p.row + 20, CASE WHEN p.signed THEN 'label' ELSE 'label strong' END, p.effect),
				CASE WHEN p.amount <> 0 THEN llm_cost.chart_box(37 + 40 * (p.bottom - p.low) / (p.high - p.low), 37 + 40 * (p.top - p.low) / (p.high - p.low), 30 * p.row + 6, 19, p.class) END,
				CASE WHEN p.place < 9 THEN llm_cost.chart_line(37 + 40 * (p.top - p.low) / (p.high - p.low), 30 * p.row + 25, 37 + 40 * (p.top - p.low) / (p.high - p.low), 30 * p.row + 36, 'thread') END,
				llm_cost.chart_text(100, 30 * p.row + 20, CASE WHEN p.signed THEN 'label end' ELSE 'label strong end' END,
					llm_cost.report_money(p.amount, document #>> '{report,currency}', p.signed, p.decimals))) ORDER BY p.row))
	FROM placed AS p HAVING count(*) > 0;
END;
COMMENT ON FUNCTION llm_cost.chart_bridge(jsonb) IS 'The waterfall of the first page; NULL when nothing is known.';

CREATE FUNCTION llm_cost.chart_daily(document jsonb) RETURNS xml
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
	zone		text := COALESCE(document #>> '{report,time_zone}', 'UTC');
	currency	text := document #>> '{report,currency}';
	s			record;
	bottom		numeric;
	top			numeric;
	cut			text;
BEGIN
	-- the index where there is one: it compares like with like
	SELECT count(v.value) AS days, v.indexed, min(d.day) AS first_day, max(d.day) AS last_day, min(v.value) AS low, max(v.value) AS high, min(v.low) AS band_low, max(v.high) AS band_high,
		   (array_agg(v.value ORDER BY d.day DESC) FILTER (WHERE v.value IS NOT NULL))[1] AS latest
	INTO s
	FROM jsonb_to_recordset(llm_cost.report_rows(chart_daily.document, 'daily')) AS d (day date, unit_cost numeric, index numeric, low numeric, high numeric),
		 (SELECT bool_or(e.value ->> 'index' IS NOT NULL) AS indexed FROM jsonb_array_elements(llm_cost.report_rows(chart_daily.document, 'daily')) AS e) AS i,
		 LATERAL (SELECT CASE WHEN i.indexed THEN d.index ELSE d.unit_cost END AS value, CASE WHEN i.indexed THEN d.low END AS low,
						 CASE WHEN i.indexed THEN d.high END AS high, i.indexed) AS v
	GROUP BY v.indexed;
	IF s.days IS NULL OR s.days < 2 OR s.first_day = s.last_day THEN
		RETURN NULL;
	END IF;
	-- a band that a day of few users makes wide would leave the line flat
	bottom := GREATEST(LEAST(s.low, s.band_low), s.low - GREATEST(s.high - s.low, abs(s.high) / 4));
	top := LEAST(GREATEST(s.high, s.band_high), s.high + GREATEST(s.high - s.low, abs(s.high) / 4));
	cut := 'Band to ' || concat_ws(' and ', CASE WHEN s.band_low < bottom THEN llm_cost.report_percent(100 * (s.band_low - 1), true) END,
		CASE WHEN s.band_high > top THEN llm_cost.report_percent(100 * (s.band_high - 1), true) END) || ', cut off';
	IF cut = 'Band to , cut off' THEN
		cut := NULL;
	END IF;
	SELECT bottom - (top - bottom) * 0.08, top + (top - bottom) * 0.2 INTO bottom, top;
	IF bottom = top THEN
		bottom := bottom - 1;
		top := top + 1;
	END IF;

	RETURN (
		WITH point AS (
			SELECT 100.0 * (d.day - s.first_day) / (s.last_day - s.first_day) AS x,
				   200 * (top - v.value) / (top - bottom) AS y, LEAST(200, 200 * (top - v.low) / (top - bottom)) AS y_low, GREATEST(0, 200 * (top - v.high) / (top - bottom)) AS y_high, d.day
			FROM jsonb_to_recordset(llm_cost.report_rows(chart_daily.document, 'daily')) AS d (day date, unit_cost numeric, index numeric, low numeric, high numeric),
				 LATERAL (SELECT CASE WHEN s.indexed THEN d.index ELSE d.unit_cost END AS value, CASE WHEN s.indexed THEN d.low END AS low,
								 CASE WHEN s.indexed THEN d.high END AS high) AS v
			WHERE d.day IS NOT NULL
		), released AS (
			SELECT r.day, llm_cost.report_day(r.day, true) || ': ' || string_agg(r.what, ', ' ORDER BY r.what) AS what
			FROM (SELECT DISTINCT llm_cost.report_time(e.at, zone)::date AS day, llm_cost.report_release(e.release, e.scope) AS what
				  FROM jsonb_to_recordset(llm_cost.report_rows(chart_daily.document, 'releases')) AS e (release text, at text, scope text)) AS r
			WHERE r.day BETWEEN s.first_day AND s.last_day GROUP BY r.day
		), changed AS (
			SELECT LEAST(100, GREATEST(0, c.x)) AS x, LEAST(100, GREATEST(0, c.x1)) AS x1, LEAST(100, GREATEST(0, c.x2)) AS x2, c.change_pct
			FROM (SELECT 100 * extract(epoch FROM llm_cost.report_time(p.at, zone) - s.first_day::timestamp) / (86400 * (s.last_day - s.first_day)) AS x,
						 100 * extract(epoch FROM llm_cost.report_time(p.earliest, zone) - s.first_day::timestamp) / (86400 * (s.last_day - s.first_day)) AS x1,
						 100 * extract(epoch FROM llm_cost.report_time(p.latest, zone) - s.first_day::timestamp) / (86400 * (s.last_day - s.first_day)) AS x2, p.change_pct
				  FROM jsonb_to_recordset(llm_cost.report_rows(chart_daily.document, 'change_points')) AS p (at text, earliest text, latest text, change_pct numeric)) AS c
			WHERE c.x IS NOT NULL
		)
		SELECT llm_cost.chart('daily', 'Unit cost by day',
			concat(CASE WHEN s.indexed THEN 'Index of unit cost, like for like, against its mean: ' ELSE 'Unit cost: ' END,
				CASE WHEN s.indexed THEN llm_cost.report_percent(100 * (s.latest - 1), true) ELSE llm_cost.report_money(s.latest, currency) END, ' on the last of ', s.days, ' days. Change points: ',
				(SELECT count(*) FROM changed), '; days with releases: ', (SELECT count(*) FROM released), '.', ' ' || cut || '.'), 240,
			xmlconcat(
				(SELECT xmlagg(llm_cost.chart_box(c.x1, c.x2, 0, 200, 'when')) FROM changed AS c WHERE c.x1 IS NOT NULL AND c.x2 IS NOT NULL),
				(SELECT xmlagg(llm_cost.chart_line(0, 200 * (top - t.v) / (top - bottom), 100, 200 * (top - t.v) / (top - bottom), CASE WHEN t.v = 1 AND s.indexed THEN 'axis' ELSE 'grid' END))
				 FROM unnest(llm_cost.chart_ticks(bottom, top)) AS t (v)),
				llm_cost.chart_canvas(200, xmlconcat(
					(SELECT xmlelement(NAME path, xmlattributes(llm_cost.chart_area(array_agg(p.x ORDER BY p.day), array_agg(p.y_low ORDER BY p.day), array_agg(p.y_high ORDER BY p.day)) AS d, 'band' AS class)) FROM point AS p HAVING count(p.y_low) > 1),
					(SELECT xmlelement(NAME path, xmlattributes(llm_cost.chart_path(array_agg(p.x ORDER BY p.day), array_agg(p.y ORDER BY p.day)) AS d, 'curve' AS class)) FROM point AS p))),
				(SELECT xmlagg(xmlconcat(llm_cost.chart_line(c.x, 0, c.x, 200, 'change'),
						llm_cost.chart_text(c.x + CASE WHEN c.x > 50 THEN -1 ELSE 1 END, 13, CASE WHEN c.x > 50 THEN 'mark end' ELSE 'mark' END, llm_cost.report_percent(c.change_pct, true))))
				 FROM changed AS c),
				(SELECT xmlagg(xmlelement(NAME circle, xmlattributes(round(100.0 * (r.day - s.first_day) / (s.last_day - s.first_day), 2) || '%' AS cx, 209 AS cy, 4 AS r, 'release' AS class),
						xmlelement(NAME title, r.what)) ORDER BY r.day) FROM released AS r),
				(SELECT xmlagg(llm_cost.chart_text(0, 200 * (top - t.v) / (top - bottom) - 4, 'tick',
						CASE WHEN NOT s.indexed THEN llm_cost.report_money(t.v, currency) WHEN t.v = 1 THEN 'mean' ELSE llm_cost.report_percent(100 * (t.v - 1), true) END))
				 FROM unnest(llm_cost.chart_ticks(bottom, top)) AS t (v)),
				CASE WHEN cut IS NOT NULL THEN llm_cost.chart_text(100, 196, 'tick end', cut) END,
				llm_cost.chart_days(s.first_day, s.last_day, 234))));
END
$$;
COMMENT ON FUNCTION llm_cost.chart_daily(jsonb) IS 'Unit cost, or its index with the band, by day, with release marks and change points; what of the band is far outside of the line is cut off, and the chart says so. NULL with fewer than two days.';

CREATE FUNCTION llm_cost.chart_percentiles(document jsonb) RETURNS xml
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
	currency	text := document #>> '{report,currency}';
	s			record;
	bottom		numeric;
	top			numeric;
BEGIN
	SELECT count(*) AS days, min(d.day) AS first_day, max(d.day) AS last_day, min(d.p50) AS low, max(GREATEST(d.p50, d.p90, d.p99)) AS high INTO s
	FROM jsonb_to_recordset(llm_cost.report_rows(chart_percentiles.document, 'percentiles')) AS d (day date, p50 numeric, p90 numeric, p99 numeric)
	WHERE d.day IS NOT NULL AND d.p50 > 0;
	IF s.days < 2 OR s.first_day = s.last_day THEN
		RETURN NULL;
	END IF;
	-- by factors: a hundredth of the calls costs many times the median
	bottom := log(s.low) - 0.15;
	top := log(s.high) + 0.15;

	RETURN (
		WITH point AS (
			SELECT 100.0 * (d.day - s.first_day) / (s.last_day - s.first_day) AS x, d.day, d.p50, d.p90, d.p99,
				   200 * (top - log(d.p50)) / (top - bottom) AS y50, 200 * (top - log(d.p90)) / (top - bottom) AS y90, 200 * (top - log(d.p99)) / (top - bottom) AS y99
			FROM jsonb_to_recordset(llm_cost.report_rows(chart_percentiles.document, 'percentiles')) AS d (day date, p50 numeric, p90 numeric, p99 numeric)
			WHERE d.day IS NOT NULL AND d.p50 > 0 AND d.p90 > 0 AND d.p99 > 0
		), tick AS (
			SELECT v.at, 200 * (top - log(v.at)) / (top - bottom) AS y
			FROM generate_series(floor(bottom)::integer, ceil(top)::integer) AS e (digits), (VALUES (1), (3)) AS m (factor), LATERAL (SELECT m.factor * power(10::numeric, e.digits) AS at) AS v
			WHERE log(v.at) BETWEEN bottom AND top AND (top - bottom < 2.5 OR m.factor = 1)
		), latest AS (
			SELECT p.* FROM point AS p ORDER BY p.day DESC LIMIT 1
		)
		SELECT llm_cost.chart('percentiles', 'Percentiles of the cost of a call by day',
			format('On %s half of all calls cost less than %s, one in ten more than %s, one in a hundred more than %s.', llm_cost.report_day(l.day),
				llm_cost.report_money(l.p50, currency), llm_cost.report_money(l.p90, currency), llm_cost.report_money(l.p99, currency)), 230,
			xmlconcat(
				(SELECT xmlagg(llm_cost.chart_line(0, t.y, 100, t.y, 'grid')) FROM tick AS t),
				llm_cost.chart_canvas(200, (SELECT xmlconcat(
					xmlelement(NAME path, xmlattributes(llm_cost.chart_area(array_agg(p.x ORDER BY p.day), array_agg(p.y50 ORDER BY p.day), array_agg(p.y99 ORDER BY p.day)) AS d, 'band' AS class)),
					xmlelement(NAME path, xmlattributes(llm_cost.chart_path(array_agg(p.x ORDER BY p.day), array_agg(p.y99 ORDER BY p.day)) AS d, 'curve thin' AS class)),
					xmlelement(NAME path, xmlattributes(llm_cost.chart_path(array_agg(p.x ORDER BY p.day), array_agg(p.y90 ORDER BY p.day)) AS d, 'curve thin' AS class)),
					xmlelement(NAME path, xmlattributes(llm_cost.chart_path(array_agg(p.x ORDER BY p.day), array_agg(p.y50 ORDER BY p.day)) AS d, 'curve' AS class))) FROM point AS p)),
				llm_cost.chart_text(100, l.y99 - 6, 'mark end', '99 % below'), llm_cost.chart_text(100, GREATEST(l.y90 - 6, l.y99 + 10), 'mark end', '90 % below'),
				llm_cost.chart_text(100, GREATEST(l.y50 - 6, l.y90 + 10, l.y99 + 26), 'mark end', 'median'),
				(SELECT xmlagg(llm_cost.chart_text(0, t.y - 4, 'tick', llm_cost.report_money(t.at, currency, decimals => CASE WHEN t.at >= 1 THEN 0 ELSE -floor(log(t.at))::integer END))) FROM tick AS t),
				llm_cost.chart_days(s.first_day, s.last_day, 222)))
		FROM latest AS l);
END
$$;
COMMENT ON FUNCTION llm_cost.chart_percentiles(jsonb) IS 'Median, 90th and 99th percentile of the cost of a call by day, on a logarithmic scale; NULL with fewer than two days.';

CREATE FUNCTION llm_cost.chart_lorenz(document jsonb) RETURNS xml
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT llm_cost.chart('lorenz', 'Who spends', format('Users from the one who spends least to the one who spends most, and the share of spend of all up to there. The last tenth has %s.',
				llm_cost.report_percent(100 * (1 - (array_agg(p.share ORDER BY p.place DESC))[2]))), 260,
			xmlconcat(
				xmlagg(llm_cost.chart_line(0, 230 - 220 * g.i, 100, 230 - 220 * g.i, CASE WHEN g.i = 0 THEN 'axis' ELSE 'grid' END)) FILTER (WHERE g.i IS NOT NULL),
				llm_cost.chart_canvas(230, xmlconcat(
					xmlelement(NAME path, xmlattributes('M0 230 L1000 10' AS d, 'thread' AS class)),
					xmlelement(NAME path, xmlattributes(llm_cost.chart_area(array_agg(p.x ORDER BY p.place), array_agg(230 - 220 * p.share ORDER BY p.place), array_agg(230 - 220 * p.x / 100 ORDER BY p.place)) AS d, 'band' AS class)),
					xmlelement(NAME path, xmlattributes(llm_cost.chart_path(array_agg(p.x ORDER BY p.place), array_agg(230 - 220 * p.share ORDER BY p.place)) AS d, 'curve' AS class)))),
				xmlagg(llm_cost.chart_text(0, 226 - 220 * g.i, 'tick', llm_cost.report_percent(100 * g.i))) FILTER (WHERE g.i > 0),
				llm_cost.chart_text(0, 250, 'tick', 'who spend least'), llm_cost.chart_text(100, 250, 'tick end', 'who spend most')))
	FROM (SELECT e.share::numeric AS share, e.place, 100.0 * (e.place - 1) / NULLIF(count(*) OVER () - 1, 0) AS x
		  FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(document #> '{lorenz,points}') = 'array' THEN document #> '{lorenz,points}' ELSE '[]' END)
			   WITH ORDINALITY AS e (share, place)) AS p
		 LEFT JOIN (VALUES (1, 0::numeric), (2, 0.25), (3, 0.5), (4, 0.75), (5, 1)) AS g (place, i) USING (place)
	HAVING count(p.share) > 2;
END;
COMMENT ON FUNCTION llm_cost.chart_lorenz(jsonb) IS 'The Lorenz curve; NULL without points.';

CREATE FUNCTION llm_cost.chart_episodes(document jsonb) RETURNS xml
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH episode AS (
		SELECT row_number() OVER (ORDER BY e.wasted_usd DESC NULLS LAST, e.opened, e.scope) - 1 AS row, llm_cost.report_name(e.scope) AS scope, replace(e.metric, '_', ' ') AS metric,
			   llm_cost.report_time(e.opened, document #>> '{report,time_zone}') AS opened, llm_cost.report_time(e.closed, document #>> '{report,time_zone}') AS closed
		FROM jsonb_to_recordset(llm_cost.report_rows(document, 'episodes')) AS e (metric text, scope jsonb, opened text, closed text, wasted_usd numeric)
		WHERE e.opened IS NOT NULL
	), span AS (
		SELECT LEAST(min(e.opened), min(d.day)::timestamp) AS begins,
			   GREATEST(llm_cost.report_time(document #>> '{report,period,1}', document #>> '{report,time_zone}'), max(e.closed), max(e.opened) + interval '1 day') AS ends
		FROM episode AS e LEFT JOIN jsonb_to_recordset(llm_cost.report_rows(document, 'daily')) AS d (day date) ON true
	)
	SELECT llm_cost.chart('episodes', 'When it was off',
			string_agg(concat(e.metric, ' of ', e.scope, ' from ', llm_cost.report_day(e.opened::date), COALESCE(' to ' || llm_cost.report_day(e.closed::date), ', still open')), '; ' ORDER BY e.row) || '.',
			(38 * count(*) + 26)::integer,
			xmlconcat(
				xmlagg(xmlconcat(
					llm_cost.chart_text(p.x1, 38 * e.row + 14, CASE WHEN p.x1 > 60 THEN 'label end' ELSE 'label' END, concat_ws(', ', e.scope, e.metric)),
					llm_cost.chart_line(0, 38 * e.row + 26, 100, 38 * e.row + 26, 'grid'),
					llm_cost.chart_box(p.x1, p.x2, 38 * e.row + 20, 12, CASE WHEN e.closed IS NULL THEN 'more' ELSE 'less' END)) ORDER BY e.row),
				llm_cost.chart_days(min(s.begins)::date, (min(s.ends) - interval '1 microsecond')::date, 38 * count(*) + 20)))
	FROM episode AS e, span AS s,
		 LATERAL (SELECT (100 * extract(epoch FROM e.opened - s.begins) / extract(epoch FROM s.ends - s.begins))::numeric AS x1,
						 (100 * extract(epoch FROM COALESCE(e.closed, s.ends) - s.begins) / extract(epoch FROM s.ends - s.begins))::numeric AS x2) AS p
	WHERE e.row < 20
	HAVING count(*) > 0;
END;
COMMENT ON FUNCTION llm_cost.chart_episodes(jsonb) IS 'When each of the twenty dearest episodes lasted; NULL without any.';
