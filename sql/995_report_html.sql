/*
 * The report as one page: HTML that is XML, so that whatever somebody logged
 * is escaped because it passes through xmlelement().  No script, nothing that
 * is loaded from elsewhere.  An element without content would not be closed
 * for a browser, so there is none but those that never have any.
 */

CREATE FUNCTION llm_cost.html_style() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN $css$
:root{color-scheme:light dark;--page:#fff;--ink:#1b1c1e;--soft:#5a5f66;--rule:#dcdee1;--panel:#f6f5f2;--accent:#a33b14;--tint:#f4ded3;--grey:#8b9097;--dark:#3c4046}
@media (prefers-color-scheme:dark){:root{--page:#15171a;--ink:#e9e8e5;--soft:#a9aeb5;--rule:#33373c;--panel:#1d2023;--accent:#f0905f;--tint:#4b2c1d;--grey:#7c828a;--dark:#c5c9ce}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1160px;padding:24px 20px 48px;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:27px;line-height:1.15;letter-spacing:-.01em;margin:2px 0 12px}
h2{font-size:17px;line-height:1.25;margin:0 0 8px}
h3{font-size:14px;margin:10px 0 4px;color:var(--soft);font-weight:600}
p{margin:0 0 8px}
.soft,.about,caption,figcaption,footer,dt,.tick{color:var(--soft)}
.over{font-size:13px;margin:0;color:var(--soft)}
.about,caption,figcaption,footer,.small{font-size:13px}
dl{margin:0}dd{margin:0}
.trust{display:flex;flex-wrap:wrap;gap:4px 32px;padding:9px 0;border-top:2px solid var(--ink);border-bottom:1px solid var(--rule)}
.trust div{display:flex;gap:8px}
.trust dt{font-size:14px}.trust dd{font-size:14px;font-weight:600}
.figures{display:grid;grid-template-columns:repeat(3,1fr);gap:0 32px;padding:14px 0 12px;border-bottom:1px solid var(--rule)}
.figures dt{font-size:14px}
.figures .figure{font-size:30px;line-height:1.15;font-weight:650;letter-spacing:-.015em;white-space:nowrap}
.figures .up{color:var(--accent)}
.pair{display:grid;grid-template-columns:5fr 7fr;gap:0 44px}
.pair.even{grid-template-columns:1fr 1fr}
.answer{grid-template-rows:auto auto 1fr}
.answer section:nth-child(2){grid-row:1 / 3;grid-column:2}
.answer section:nth-child(3){grid-row:2 / 4;grid-column:1}
.found{grid-row:3;grid-column:2}
section{padding:16px 0 10px;min-width:0}
.answer section{border-bottom:0}
ol,ul{margin:0;padding:0;list-style:none}
.lines li{display:grid;grid-template-columns:5.2em 1fr;gap:0 14px;padding:5px 0;border-top:1px solid var(--rule)}
.lines li:first-child{border-top:0;padding-top:0}
.usd{text-align:right;font-weight:650;white-space:nowrap}
.first .usd{color:var(--accent)}
a{color:inherit}
.about{display:block}
.detail{margin-top:20px;border-top:2px solid var(--ink)}
.detail section{border-bottom:1px solid var(--rule);padding:20px 0}
figure{margin:0}
figcaption{margin-top:6px}
svg{display:block}
.chart{overflow:visible}
.chart text{font-size:13px;fill:var(--ink);paint-order:stroke;stroke:var(--page);stroke-width:3px;stroke-linejoin:round}
.chart .tick{font-size:12px;fill:var(--soft)}
.chart .mark{font-weight:600;font-size:12px}
.chart .strong{font-weight:650}
.chart .end{text-anchor:end}.chart .middle{text-anchor:middle}
.grid,.axis,.thread,.change{stroke:var(--rule);stroke-width:1;vector-effect:non-scaling-stroke;fill:none}
.axis{stroke:var(--grey)}.thread{stroke:var(--grey);stroke-dasharray:2 2}
.change{stroke:var(--accent);stroke-width:1.5}
.when,.band{fill:var(--tint)}
.curve{fill:none;stroke:var(--accent);stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.thin{stroke-width:1}
.more{fill:var(--accent)}.less{fill:var(--grey)}.whole{fill:var(--dark)}
.release{fill:var(--page);stroke:var(--dark);stroke-width:1.5}
.scroll{overflow-x:auto;max-width:100%}
figure+.scroll,.scroll+.scroll{margin-top:16px}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:14px;overflow-wrap:break-word}
caption{text-align:left;padding:0 0 6px}
th,td{text-align:left;vertical-align:top;padding:5px 14px 5px 0;border-top:1px solid var(--rule);font-weight:400}
thead th{border-top:0;border-bottom:1px solid var(--grey);color:var(--soft);font-size:13px;vertical-align:bottom}
th:last-child,td:last-child{padding-right:0}
.n{text-align:right;white-space:nowrap}
.i{white-space:nowrap}
.bars{width:30%;min-width:110px;vertical-align:middle}
.words{min-width:11em}
tbody th{min-width:8em}
.narrow{max-width:560px}
code{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;white-space:pre-wrap}
footer{padding-top:18px}
@media screen and (max-width:760px){.answer{display:block}.first li{grid-template-columns:1fr}.first .usd{text-align:left}body{padding:16px 20px 32px;font-size:16px}.pair,.pair.even,.figures{grid-template-columns:minmax(0,1fr)}.figures{gap:10px}.trust{display:block}.trust div{justify-content:space-between}.trust dd{text-align:right}h1{font-size:24px}}
@media print{:root{color-scheme:light;--page:#fff;--ink:#000;--soft:#444;--rule:#bbb;--panel:#fff;--accent:#8f3210;--tint:#eedfd8;--grey:#777;--dark:#333}@page{margin:14mm}body{max-width:none;padding:0;font-size:8.5pt}h1{font-size:17pt}h2{font-size:11pt}h3,.trust dt,.trust dd,.figures dt{font-size:8.5pt}.figures .figure{font-size:17pt}.about,caption,figcaption,footer,.small,thead th{font-size:7.5pt}section{padding:8pt 0 4pt}.lines li{padding:3pt 0}tr,li,figure{break-inside:avoid}.chart text,.chart .tick,.chart .mark{font-size:7.5pt}h2{break-after:avoid}.scroll{overflow:visible}table{font-size:7.5pt}th,td{padding-right:8px}.words,tbody th{min-width:0}.i{white-space:normal}.pair{gap:0 24px}svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
$css$;
COMMENT ON FUNCTION llm_cost.html_style() IS 'How the report looks: CSS without <, > and &, for light, dark, narrow and printed pages.';

CREATE FUNCTION llm_cost.html_row(cells text[], align text, bar xml DEFAULT NULL) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME tr,
	(SELECT xmlagg(CASE WHEN c.place = 1 THEN xmlelement(NAME th, xmlattributes('row' AS scope), COALESCE(NULLIF(c.said, ''), '–'))
						ELSE xmlelement(NAME td, xmlattributes(CASE substr(align, c.place::integer, 1) WHEN 'r' THEN 'n' WHEN 'i' THEN 'i' WHEN 'w' THEN 'words' END AS class), COALESCE(NULLIF(c.said, ''), '–')) END
				   ORDER BY c.place) FROM unnest(cells) WITH ORDINALITY AS c (said, place)),
	CASE WHEN bar IS NOT NULL THEN xmlelement(NAME td, xmlattributes('bars' AS class), bar) END);
COMMENT ON FUNCTION llm_cost.html_row(text[], text, xml) IS 'A row of a table; align has a letter for each cell: l, r (figures), i (in one line) or w (words). bar: one more cell.';

CREATE FUNCTION llm_cost.html_table(about text, headings text[], align text, body xml) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN body IS NOT NULL THEN
	xmlelement(NAME div, xmlattributes('scroll' AS class, 'region' AS role, '0' AS tabindex, about AS "aria-label"),
		xmlelement(NAME "table", xmlelement(NAME caption, about),
			xmlelement(NAME thead, xmlelement(NAME tr,
				(SELECT xmlagg(xmlelement(NAME th, xmlattributes('col' AS scope, CASE substr(align, h.place::integer, 1) WHEN 'r' THEN 'n' WHEN 'i' THEN 'i' WHEN 'w' THEN 'words' END AS class), h.said) ORDER BY h.place)
				 FROM unnest(headings) WITH ORDINALITY AS h (said, place)))),
			xmlelement(NAME tbody, body))) END;
COMMENT ON FUNCTION llm_cost.html_table(text, text[], text, xml) IS 'A table with caption and headings, which scrolls by itself where the page is too narrow; NULL without rows.';

CREATE FUNCTION llm_cost.html_section(name text, heading text, content xml, nothing text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME section, xmlattributes(name || '-heading' AS "aria-labelledby"),
	xmlelement(NAME h2, xmlattributes(name || '-heading' AS id), heading),
	COALESCE(content, xmlelement(NAME p, xmlattributes('soft' AS class), nothing)))::text || E'\n';
COMMENT ON FUNCTION llm_cost.html_section(text, text, xml, text) IS 'A section of the page; nothing: what it says without content.';

CREATE FUNCTION llm_cost.html_line(dollars text, sentence text, about text DEFAULT NULL) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN xmlelement(NAME li, xmlelement(NAME span, xmlattributes('usd' AS class), COALESCE(NULLIF(dollars, ''), '–')),
	-- one cell, and the direction of what somebody logged stays inside
	xmlelement(NAME span, xmlelement(NAME bdi, replace(sentence, ' %', chr(160) || '%')),
		CASE WHEN about <> '' THEN xmlelement(NAME span, xmlattributes('about' AS class), replace(about, ' %', chr(160) || '%')) END));
COMMENT ON FUNCTION llm_cost.html_line(text, text, text) IS 'Dollars, a sentence, and in small print what else is known.';

-- ------------------------------------------------------------------ the first screen

CREATE FUNCTION llm_cost.html_first_screen(document jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
	page		text;
	counted		record;
BEGIN
	page := xmlelement(NAME header,
			xmlelement(NAME p, xmlattributes('over' AS class), concat_ws(', ', 'LLM spend', llm_cost.report_clean(document #>> '{report,usage}'), 'revision ' || (document #>> '{report,revision}'))),
			xmlelement(NAME h1, llm_cost.report_heading(document)),
			(SELECT xmlelement(NAME dl, xmlattributes('trust' AS class), xmlagg(xmlelement(NAME div, xmlelement(NAME dt, t.label), xmlelement(NAME dd, t.figure)) ORDER BY t.place))
			 FROM llm_cost.shown_trust(html_first_screen.document) AS t))::text
		|| E'\n<main>\n'
		|| (SELECT xmlelement(NAME dl, xmlattributes('figures' AS class),
				xmlagg(xmlelement(NAME div, xmlelement(NAME dt, f.label),
					xmlelement(NAME dd, xmlelement(NAME div, xmlattributes(CASE WHEN f.place = 2 AND (html_first_screen.document #>> '{spend,change}')::numeric > 0 THEN 'figure up' ELSE 'figure' END AS class), f.figure),
						CASE WHEN f.about <> '' THEN xmlelement(NAME span, xmlattributes('about' AS class), f.about) END)) ORDER BY f.place))
			FROM llm_cost.shown_figures(html_first_screen.document) AS f)::text;

	page := page || E'\n<div class="pair answer">\n'
		|| llm_cost.html_section('bridge', 'Why it changed', xmlconcat(llm_cost.chart_bridge(document),
			CASE WHEN llm_cost.shown_doubt(document) IS NOT NULL THEN xmlelement(NAME p, xmlattributes('about' AS class), llm_cost.shown_doubt(document)) END), 'There is nothing to compare.');
	SELECT f.all_findings, f.all_urgent INTO counted FROM llm_cost.shown_findings(document, 1) AS f;
	page := page || llm_cost.html_section('findings', 'What to look at, dollars a week',
		CASE WHEN counted.all_findings > 0 THEN xmlconcat(
			(SELECT xmlelement(NAME ol, xmlattributes('lines first' AS class), xmlagg(llm_cost.html_line(f.dollars, f.sentence, f.about) ORDER BY f.place))
			 FROM llm_cost.shown_findings(html_first_screen.document, 5) AS f WHERE f.urgent HAVING count(*) > 0),
			CASE WHEN counted.all_findings > LEAST(counted.all_urgent, 5)
				 THEN xmlelement(NAME p, xmlattributes('about' AS class), xmlelement(NAME a, xmlattributes('#all-heading' AS href), format('All %s findings', llm_cost.report_number(counted.all_findings))),
					CASE WHEN counted.all_findings > counted.all_urgent THEN format(', %s of them snoozed or resolved', llm_cost.report_number(counted.all_findings - counted.all_urgent)) END) END) END,
		llm_cost.report_quiet(html_first_screen.document));

	page := page || llm_cost.html_section('expected', 'Expected, or not to be judged', xmlconcat(
			xmlelement(NAME h3, 'Declared; dollars a week beyond that'),
			COALESCE((SELECT xmlelement(NAME ul, xmlattributes('lines' AS class), xmlagg(llm_cost.html_line(d.dollars, d.sentence) ORDER BY d.place))
					  FROM llm_cost.shown_declared(html_first_screen.document) AS d WHERE d.place <= 5 HAVING count(*) > 0), xmlelement(NAME p, xmlattributes('soft' AS class), llm_cost.report_nothing(html_first_screen.document, 'declared', 'Nothing was declared.'))),
			xmlelement(NAME h3, 'Cannot be judged; spend'),
			COALESCE((SELECT xmlelement(NAME ul, xmlattributes('lines' AS class), xmlagg(llm_cost.html_line(u.dollars, u.sentence) ORDER BY u.place))
					  FROM llm_cost.shown_undecided(html_first_screen.document) AS u WHERE u.place <= 5 HAVING count(*) > 0), xmlelement(NAME p, xmlattributes('soft' AS class), llm_cost.report_nothing(html_first_screen.document, 'undecided', 'Everything could be judged.')))), NULL);

	page := page || E'<div class="found">\n'
		|| llm_cost.html_section('savings', 'Savings found, dollars a week',
			(SELECT xmlelement(NAME ul, xmlattributes('lines' AS class), xmlagg(llm_cost.html_line(s.dollars, s.sentence) ORDER BY s.place))
			 FROM llm_cost.shown_savings(html_first_screen.document) AS s WHERE s.place <= 5 HAVING count(*) > 0), llm_cost.report_nothing(html_first_screen.document, 'savings', 'None.'))
		|| llm_cost.html_section('resolved', 'Cost per resolved',
			(SELECT xmlelement(NAME ul, xmlattributes('lines' AS class), xmlagg(llm_cost.html_line(o.dollars, o.sentence) ORDER BY o.place))
			 FROM llm_cost.shown_outcomes(html_first_screen.document) AS o WHERE o.place <= 5 HAVING count(*) > 0), llm_cost.report_nothing(html_first_screen.document, 'outcomes', 'No outcomes are known.'))
		|| E'</div>\n</div>\n';
	RETURN page;
END
$$;
COMMENT ON FUNCTION llm_cost.html_first_screen(jsonb) IS 'What answers the question before one scrolls; leaves the element main open.';

-- ------------------------------------------------------------------------ the details

CREATE FUNCTION llm_cost.html_details(document jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
	currency	text := document #>> '{report,currency}';
	zone		text := document #>> '{report,time_zone}';
	chart		xml;
	page		text := '';
BEGIN
	chart := llm_cost.chart_daily(document);
	page := page || llm_cost.html_section('unit-cost', 'Unit cost by day', CASE WHEN chart IS NOT NULL THEN xmlconcat(
		xmlelement(NAME figure, chart, xmlelement(NAME figcaption, 'Line: like for like against its mean, where users are known; band: 95 % interval. Circles: releases. Upright lines: change points, with the days on which it may have been.')),
		(SELECT llm_cost.html_table('Change points', '{Day,Change,May have been,Near release}', 'lrll', xmlagg(llm_cost.html_row(ARRAY[c.day, c.change, c.days, c.near_release], 'lrll') ORDER BY c.place))
		 FROM llm_cost.shown_change_points(html_details.document) AS c),
		(SELECT llm_cost.html_table('Releases', '{Day,Released}', 'lw', xmlagg(llm_cost.html_row(ARRAY[llm_cost.report_day(r.day), r.what], 'lw') ORDER BY r.day DESC))
		 FROM (SELECT llm_cost.report_time(e.at, zone)::date AS day, string_agg(DISTINCT llm_cost.report_release(e.release, e.scope), ', ') AS what
			   FROM jsonb_to_recordset(llm_cost.report_rows(html_details.document, 'releases')) AS e (release text, at text, scope text) GROUP BY 1 ORDER BY 1 DESC LIMIT 10) AS r)) END,
		'There are no days to show.');

	page := page || llm_cost.html_section('effects', 'Effects on spend', (
		SELECT llm_cost.html_table('What changed spend, adding up to ' || llm_cost.report_money(sum(e.amount), currency, true), '{Effect,Amount,95 % interval,What is behind it,Size}', 'lriwl',
			xmlagg(llm_cost.html_row(ARRAY[e.effect, e.dollars, e.band, e.detail], 'lriw',
				llm_cost.chart_bar(e.least, e.most, e.upto - e.amount, e.upto, CASE WHEN e.amount > 0 THEN 'more' ELSE 'less' END)) ORDER BY e.place))
		FROM (SELECT b.*, LEAST(0, min(b.upto) OVER ()) AS least, GREATEST(max(b.upto) OVER (), 0.000001) AS most
			  FROM (SELECT s.*, sum(COALESCE(s.amount, 0)) OVER (ORDER BY s.place) AS upto FROM llm_cost.shown_effects(html_details.document) AS s) AS b) AS e), 'There is nothing to compare.');

	chart := llm_cost.chart_episodes(document);
	page := page || llm_cost.html_section('episodes', 'Cache hits and other ratios: when they were off', CASE WHEN chart IS NOT NULL THEN xmlconcat(xmlelement(NAME figure, chart),
		(SELECT llm_cost.html_table('Episodes', '{Scope,Metric,Opened,Closed,Before,During,Wasted,Near release}', 'llilrrrl', xmlagg(llm_cost.html_row(ARRAY[e.scope, e.metric,
				llm_cost.report_moment(e.opened), COALESCE(llm_cost.report_moment(e.closed), 'still open'), e.before, e.during, e.wasted, e.near_release], 'llilrrrl') ORDER BY e.place))
		 FROM llm_cost.shown_episodes(html_details.document) AS e)) END,
		llm_cost.report_nothing(document, 'episodes', 'No episode in this time.'));

	chart := llm_cost.chart_percentiles(document);
	page := page || llm_cost.html_section('percentiles', 'Percentiles of the cost of a call', CASE WHEN chart IS NOT NULL THEN xmlelement(NAME figure, chart,
		xmlelement(NAME figcaption, (SELECT xmlelement(NAME span, format('On %s half of all calls cost less than %s, one in ten more than %s, one in a hundred more than %s. The scale is logarithmic.', llm_cost.report_day(d.day),
				llm_cost.report_money(d.p50, currency), llm_cost.report_money(d.p90, currency), llm_cost.report_money(d.p99, currency)))
			FROM jsonb_to_recordset(llm_cost.report_rows(html_details.document, 'percentiles')) AS d (day date, p50 numeric, p90 numeric, p99 numeric)
			WHERE d.p50 > 0 AND d.p90 > 0 AND d.p99 > 0 ORDER BY d.day DESC LIMIT 1))) END,
		'There are no days to show.');

	chart := llm_cost.chart_lorenz(document);
	page := page || llm_cost.html_section('lorenz', 'Who spends', CASE WHEN chart IS NOT NULL THEN xmlelement(NAME div, xmlattributes('pair even' AS class),
		xmlelement(NAME figure, chart, xmlelement(NAME figcaption, 'Share of spend of the users up to there. On the dashed line all would spend the same.')),
		xmlelement(NAME div, llm_cost.html_table('Top shares of spend' || COALESCE(' of ' || llm_cost.report_number((document #>> '{lorenz,users}')::numeric) || ' users', ''), '{Users,Share of spend}', 'lr',
			(SELECT xmlagg(llm_cost.html_row(ARRAY[t.who, llm_cost.report_percent(100 * t.share, decimals => 1)], 'lr') ORDER BY t.place)
			 FROM (VALUES (1, 'Top 1 %', 100, (html_details.document #>> '{lorenz,top_1}')::numeric), (2, 'Top 5 %', 20, (html_details.document #>> '{lorenz,top_5}')::numeric),
						  (3, 'Top 10 %', 10, (html_details.document #>> '{lorenz,top_10}')::numeric)) AS t (place, who, least, share)
			 -- a hundredth of seven users is nobody
			 WHERE ((html_details.document #>> '{lorenz,users}')::numeric < t.least) IS NOT TRUE)),
			CASE WHEN document #>> '{lorenz,gini}' IS NOT NULL THEN xmlelement(NAME p, xmlattributes('about' AS class),
				format('Gini coefficient %s; 0: all spend the same, 1: one spends everything.', llm_cost.report_number((document #>> '{lorenz,gini}')::numeric, 2))) END)) END,
		'Users are not known.');

	page := page || llm_cost.html_section('retries', 'Retries by class of error', (
		SELECT llm_cost.html_table('Failed calls and what their repetition cost', '{Error,Failures,Retries,Cost,Share of spend,Size}', 'lrrrrl',
			xmlagg(llm_cost.html_row(ARRAY[r.error, r.failures, r.retries, r.dollars, r.share], 'lrrrr', llm_cost.chart_bar(0, r.most, 0, COALESCE(r.amount, 0), 'more')) ORDER BY r.place))
		FROM (SELECT s.*, GREATEST(max(s.amount) OVER (), 0.000001) AS most FROM llm_cost.shown_retries(html_details.document) AS s) AS r),
		llm_cost.report_nothing(document, 'retries', 'No call failed, or failures are not logged.'));

	page := page || llm_cost.html_section('unpriced', 'Models without a price', (
		SELECT llm_cost.html_table('Calls whose cost is in no figure above', '{Model,Calls,Why}', 'lrw', xmlagg(llm_cost.html_row(ARRAY[u.model, u.calls, u.why], 'lrw') ORDER BY u.place))
		FROM llm_cost.shown_unpriced(html_details.document) AS u),
		llm_cost.report_nothing(document -> 'trust', 'unpriced', 'Every call has a price.'));

	page := page || llm_cost.html_section('movers', 'Movers', (
		SELECT llm_cost.html_table('Where spend moved, adding up to the total', '{Scope,Spend,Change,Volume,New users,Prices,Unit cost,Like for like,95 % interval,Verdict,Near release}', 'lrrrrrrriwi',
			xmlagg(llm_cost.html_row(ARRAY[m.scope, m.spend, m.change, m.volume, m.new_users, m.price, m.unit_cost, m.like_for_like, m.band,
				concat_ws(': ', m.verdict, NULLIF(m.cause, '')), m.near_release], 'lrrrrrrriwi') ORDER BY m.place))
		FROM llm_cost.shown_movers(html_details.document) AS m),
		'There is nothing to compare.');

	page := page || llm_cost.html_section('all', 'All findings', (
		SELECT xmlconcat(llm_cost.html_table('Findings, the dearest first', '{Finding,A week,What is known,Next question}', 'wrww',
				xmlagg(xmlelement(NAME tr, xmlelement(NAME th, xmlattributes('row' AS scope, 'words' AS class), xmlelement(NAME bdi, f.sentence)), xmlelement(NAME td, xmlattributes('n' AS class), f.dollars),
					xmlelement(NAME td, xmlattributes('words' AS class), COALESCE(NULLIF(f.about, ''), '–')),
					xmlelement(NAME td, xmlattributes('words' AS class), COALESCE(xmlelement(NAME code, NULLIF(f.next_sql, '')), '–'))) ORDER BY f.place)),
			CASE WHEN max(f.all_findings) > 100 THEN xmlelement(NAME p, xmlattributes('about' AS class), format('And %s more: SELECT * FROM llm_cost.findings.', llm_cost.report_number(max(f.all_findings) - 100))) END)
		FROM llm_cost.shown_findings(html_details.document) AS f HAVING count(*) > 0), llm_cost.report_nothing(document, 'findings', 'There are none.'));

	RETURN page || llm_cost.html_section('notes', 'How it was computed', (
		SELECT xmlelement(NAME ul, xmlattributes('small' AS class), xmlagg(xmlelement(NAME li, llm_cost.report_clean(n.note)) ORDER BY n.place))
		FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(html_details.document -> 'notes') = 'array' THEN html_details.document -> 'notes' ELSE '[]' END) WITH ORDINALITY AS n (note, place)
		WHERE n.note <> '' HAVING count(*) > 0), 'See the guide.');
END
$$;
COMMENT ON FUNCTION llm_cost.html_details(jsonb) IS 'What comes below the first screen.';

CREATE FUNCTION llm_cost.report_html_of(document jsonb) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100000
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	IF jsonb_typeof(document) <> 'object' THEN
		RAISE EXCEPTION 'a report document must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is of type %s.', jsonb_typeof(document)),
				HINT = 'Documents are in the column document of llm_cost.report_run.';
	END IF;
	document := document || '{}';	-- decompressed once; nor do generic plans copy it
	RETURN concat(E'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n<meta name="viewport" content="width=device-width, initial-scale=1"/>\n',
		xmlelement(NAME title, concat_ws(', ', 'LLM spend', llm_cost.report_heading(document), llm_cost.report_clean(document #>> '{report,usage}'))),
		E'\n<style>', llm_cost.html_style(), E'</style>\n</head>\n<body>\n',
		llm_cost.html_first_screen(document),
		E'<div class="detail">\n', llm_cost.html_details(document), E'</div>\n</main>\n',
		xmlelement(NAME footer, concat_ws(' ', 'Written by llm_cost from', llm_cost.report_clean(document #>> '{report,usage}') || ',',
			'revision ' || (document #>> '{report,revision}') || ',', 'prices as known on ' || llm_cost.report_moment(llm_cost.report_time(document #>> '{report,known_at}', document #>> '{report,time_zone}')) || ',',
			'amounts in ' || llm_cost.report_clean(document #>> '{report,currency}') || '.')),
		E'\n</body>\n</html>\n');
END
$$;
COMMENT ON FUNCTION llm_cost.report_html_of(jsonb) IS
	'A report document as one self-contained HTML page (which is XML too): no script, nothing loaded from elsewhere, light and dark, for screens from 390 pixels on and for paper. What the document lacks, the page says. NULL for NULL. Errors: 22023 when the document is no object; needs a server with libxml, as packages are. Write it to a file in UTF-8.';
