-- The report as a page and as text: the same document, nothing unescaped,
-- nothing wider than asked for, and words for what is not known.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET search_path = public, llm_cost;
SET timezone = 'America/St_Johns';
SET datestyle = 'SQL, DMY';

\getenv input PG_ABS_SRCDIR
\set file :input '/report_sample.json'
\set document `cat :'file'`
CREATE TABLE sample AS SELECT :'document'::jsonb AS document;

-- How things are written.
SELECT amount, report_money(amount) AS usd, report_money(-amount, 'EUR', true) AS less_eur, report_money(amount, 'CHF', true, 0) AS whole_chf
FROM unnest('{0,46790.4,999.994,999.996,127.4,1,0.99996,0.0123,0.00012345,0.4}'::numeric[]) AS amount;
SELECT report_money(NULL) = '' AS no_money, report_percent(NULL) = '' AS no_percent, report_day(NULL) IS NULL AS no_day, report_moment(NULL) IS NULL AS no_moment, report_between('', '') IS NULL AS no_interval;
SELECT percent, report_percent(percent) AS plain, report_percent(percent, true) AS signed FROM unnest('{0,0.004,0.05,1.25,-9.94,9.96,-281.4,12345}'::numeric[]) AS percent;
SELECT report_between('−2 %', '+5 %'), report_between('', '+5 %'), report_between('$1', ''), report_between('$1', '$1');
SELECT report_days('2026-06-22', '2026-06-28'), report_days('2026-06-29', '2026-07-05'), report_days('2026-12-28', '2027-01-03'), report_days('2026-06-22', '2026-06-22'), report_day('2026-06-02', true);
SELECT report_moment(report_time('2026-06-22T00:00:00+00:00', 'Asia/Kolkata')) AS in_kolkata;
SELECT report_name('{"workflow": "support", "model": null}') AS object, report_name('"workflow=support, team=a=b"') AS scope_text, report_name('{}') AS empty, report_name('null') IS NULL AS none, report_name(NULL) IS NULL AS nothing;
SELECT sparkline('{1,2,3,4,5,6,7,8}') AS all_eight, sparkline('{5,5}') AS same, replace(sparkline('{0,NULL,1}'), ' ', '_') AS gap, sparkline('{}') IS NULL AS none;
SELECT chart_ticks(0, 1) AS t1, chart_ticks(-30, 47000) AS t2, chart_ticks(0.86, 1.5) AS t3, chart_ticks(2, 2) AS t4;
SELECT chart_path('{0,50,100}', '{1,NULL,3}') AS broken_off, chart_area('{0,100}', '{10,20}', '{5,6}') AS area, chart_area('{0}', '{10}', '{5}') IS NULL AS no_area;

-- The four lines of the first page add up to the change, from twelve effects.
SELECT place, effect, amount FROM sample, shown_bridge(document);
SELECT sum(amount) = (max(document #>> '{spend,change}'))::numeric AS adds_up FROM sample, shown_bridge(document);
SELECT effect, amount FROM shown_bridge('{"spend": {"change": 10}, "bridge": [{"effect": "volume", "amount": 3}, {"effect": "new_features", "amount": 2}, {"effect": "total", "amount": 10}]}');

-- What could as well have the other sign is said below: -60 - 10 to 20 + 5 of volume and mix; not the price, nor what is a little of it.
CREATE TABLE doubt AS SELECT '{"spend": {"before": 100, "now": 190, "change": 90}, "bridge": [{"effect": "volume", "amount": -5, "low": -10, "high": 5}, {"effect": "intent_mix", "amount": -10, "low": -60, "high": 20},
	{"effect": "price", "amount": 5, "low": 4, "high": 6}, {"effect": "calls", "amount": 110, "low": 5, "high": 200}, {"effect": "output", "amount": -10, "low": -11, "high": 2}]}'::jsonb AS document;
SELECT effect, amount, low, high FROM doubt, shown_bridge(document);
SELECT shown_doubt(document) AS doubt, position(shown_doubt(document) IN report_text_of(document)) > 0 AS in_text, position(shown_doubt(document) IN report_html_of(document)) > 0 AS on_page, shown_doubt('{}') IS NULL AS none FROM doubt;
DROP TABLE doubt;
-- A band that a day of few users makes wide is cut off, as it would leave the line flat; the chart says so.
SELECT (xpath('string(//text[contains(., "Band")])', c.chart))[1] AS said, (xpath('count(//text[contains(., "mean") or contains(., "%")])', c.chart))[1] AS ticks,
	   (xpath('string(//path[@class = "curve"]/@d)', c.chart))[1] AS curve, (xpath('string(//path[@class = "band"]/@d)', c.chart))[1] AS band
FROM (VALUES (1, 15), (2, 1.7)) AS v (n, high), LATERAL chart_daily(jsonb_build_object('daily', jsonb_build_array(jsonb_build_object('day', '2026-06-22', 'index', 0.9, 'low', 0.8, 'high', 1.1),
	jsonb_build_object('day', '2026-06-23', 'index', 1.3, 'low', 1.2, 'high', v.high), jsonb_build_object('day', '2026-06-24', 'index', 1.1, 'low', 1, 'high', 1.2)))) AS c (chart) ORDER BY n;

-- The page is XML, and has its sections in order.
CREATE TABLE page AS SELECT report_html_of(document) AS html, xmlparse(DOCUMENT report_html_of(document)) AS xml FROM sample;
SELECT h.place, h.heading FROM page, unnest(xpath('//h2/text()', xml)::text[]) WITH ORDINALITY AS h (heading, place);
SELECT (xpath('string(/html/@lang)', xml))[1] AS lang, (xpath('string(/html/head/title)', xml))[1] AS title, (xpath('string(//h1)', xml))[1] AS h1, (xpath('count(//script|//@onclick|//link|//img)', xml))[1] AS scripts,
	   (xpath('count(//section)', xml))[1] AS sections, (xpath('count(//section[@aria-labelledby = h2/@id])', xml))[1] AS labelled,
	   (xpath('count(//*[local-name() = "svg" and @role = "img"])', xml))[1] AS charts,
	   (xpath('count(//*[local-name() = "svg" and @role = "img" and *[1][local-name() = "title"] != "" and *[2][local-name() = "desc"] != "" and @aria-labelledby = concat(*[1]/@id, " ", *[2]/@id)])', xml))[1] AS described,
	   (xpath('count(//table)', xml))[1] AS tables, (xpath('count(//table[caption != "" and count(thead/tr/th[@scope = "col"]) = count(thead/tr/*) and count(tbody/tr/th[@scope = "row"]) = count(tbody/tr)])', xml))[1] AS marked_up,
	   (xpath('count(//table[count(tbody/tr/*) = count(tbody/tr) * count(thead/tr/th)])', xml))[1] AS rectangular,
	   (xpath('count(//@id)', xml))[1]::text::integer = (SELECT count(DISTINCT id::text) FROM unnest(xpath('//@id', xml)) AS id) AS ids_are_unique
FROM page;
-- A browser takes <p/> for <p>: only what never has content may be empty.
SELECT DISTINCT e.name FROM page, unnest(xpath('//*[not(node()) and not(ancestor-or-self::*[local-name() = "svg"])]', xml)) AS n (node), LATERAL (SELECT substring(n.node::text FROM '^<(\w+)') AS name) AS e;
SELECT unnest(xpath('//dl[1]//dd//text()', xml)) AS first_line FROM page;
SELECT unnest(xpath('//ol/li/span[1]/text()', xml)) AS dollars, unnest(xpath('//ol/li/span[2]/bdi/text()', xml)) AS sentence, unnest(xpath('//ol/li/span[2]/span/text()', xml)) AS about FROM page;
SELECT unnest(xpath('//*[@role = "img"]/*[local-name() = "desc"]/text()', xml)) AS described FROM page;
-- Between dark on light and light on dark, nothing is placed outside a chart.
SELECT count(*) > 100 AS many, bool_and(x.value::numeric BETWEEN 0 AND 100) AS inside
FROM page, unnest(xpath('//@x|//@x1|//@x2|//@cx', xml)) AS a (at), LATERAL (SELECT rtrim(a.at::text, '%') AS value) AS x;

-- The contrast of text and background, light and dark, as WCAG reckons it: 4.5 at least.
WITH theme AS (
	SELECT t.place, v[1] AS name, v[2] AS hex FROM regexp_matches(html_style(), ':root\{[^}]*--page[^}]*\}', 'g') WITH ORDINALITY AS t (rule, place), regexp_matches(t.rule[1], '--(\w+):#(\w+)', 'g') AS v
), light AS (
	SELECT t.place, t.name, sum(w.weight * CASE WHEN c.level <= 0.03928 THEN c.level / 12.92 ELSE power((c.level + 0.055) / 1.055, 2.4) END) AS luminance
	FROM theme AS t, LATERAL (SELECT CASE length(t.hex) WHEN 3 THEN regexp_replace(t.hex, '(.)', '\1\1', 'g') ELSE t.hex END AS six) AS s,
		 (VALUES (0, 0.2126), (1, 0.7152), (2, 0.0722)) AS w (channel, weight),
		 LATERAL (SELECT get_byte(decode(s.six, 'hex'), w.channel) / 255.0 AS level) AS c
	GROUP BY t.place, t.name
)
SELECT a.place AS theme, a.name, (GREATEST(a.luminance, b.luminance) + 0.05) / (LEAST(a.luminance, b.luminance) + 0.05) >= 4.5 AS readable
FROM light AS a JOIN light AS b ON b.place = a.place AND b.name = 'page' WHERE a.name IN ('ink', 'soft', 'accent') ORDER BY 1, 2;

-- As text: no line wider than asked for.
SELECT w.width, max(char_length(l.line)) <= w.width AS fits, max(char_length(l.line)) > w.width - 12 AS used
FROM sample, (VALUES (60), (72), (100), (160)) AS w (width), regexp_split_to_table(report_text_of(document, w.width), E'\n') AS l (line) GROUP BY 1 ORDER BY 1;
\pset format unaligned
\pset tuples_only on
SELECT report_text_of(document) FROM sample;
\pset format aligned
\pset tuples_only off
SELECT report_text_of(document, 59) FROM sample;
SELECT report_text_of('[]'), report_html_of('{}') IS NULL;
SELECT report_html_of('"x"');
SELECT report_html_of(NULL) IS NULL AS no_page, report_text_of(NULL) IS NULL AS no_text, report_text_of('{}', NULL) = report_text_of('{}', 100) AS default_width;

-- Nothing is known, or nothing was found: that is not the same.
SELECT p.kind, unnest(xpath('//p[@class = "soft"]/text()', xmlparse(DOCUMENT report_html_of(p.document)))) AS said
FROM (VALUES ('empty', '{}'::jsonb), ('quiet', '{"findings": [], "declared": [], "undecided": [], "savings": [], "outcomes": [], "episodes": [], "retries": [], "trust": {"unpriced": []}}')) AS p (kind, document);
SELECT report_text_of('{}') !~ '[0-9$%]' AS no_figure;
-- Keys that are null, and arrays of something else.
SELECT xmlparse(DOCUMENT report_html_of(jsonb_object_agg(key, NULL))) IS DOCUMENT AS all_null, report_text_of(jsonb_object_agg(key, NULL)) = report_text_of('{}') AS same_text FROM sample, jsonb_each(document);
SELECT report_html_of(jsonb_object_agg(key, '[null, 1, "x", [], {}]'::jsonb)) IS NOT NULL AS odd_page, report_text_of(jsonb_object_agg(key, '[null, 1, "x", [], {}]'::jsonb)) IS NOT NULL AS odd_text FROM sample, jsonb_each(document);
-- Each object of each array, with all its values gone.
SELECT xmlparse(DOCUMENT report_html_of(gone)) IS DOCUMENT AS page, report_text_of(gone) <> '' AS text
FROM sample, LATERAL (SELECT jsonb_object_agg(key, CASE WHEN jsonb_typeof(value -> 0) = 'object'
	THEN (SELECT jsonb_agg((SELECT jsonb_object_agg(k, NULL) FROM jsonb_object_keys(e) AS k)) FROM jsonb_array_elements(value) AS e) ELSE value END) AS gone FROM jsonb_each(document)) AS g;

-- Names that somebody logged: quotes, markup, entities, a terminal's escapes,
-- right to left, emoji, overlong; in every text of the document.
CREATE TABLE hostile AS
	SELECT h.n AS place, h.name, report_html_of(d.document) AS html, report_text_of(d.document, 80) AS text
	FROM sample, (VALUES (1, $$O'Brien "the" <script>alert(1)</script> & co. &lt; ]]> --> {{x}} %s \$$), (2, U&'\05D0\05D1\05D2 \202E evil \2066 \0627\0644'), (3, U&'\+01F40B\+01F525 \6F22\5B57'),
		(4, E'\x1b[31mred\x07 line\nbreak\ttab'), (5, repeat('x', 2000)), (6, repeat('<', 300))) AS h (n, name),
		 LATERAL (SELECT replace(replace(sample.document::text, 'support', j.name), 'code-agent', j.name)::jsonb AS document FROM (SELECT trim('"' FROM to_json(h.name)::text) AS name) AS j) AS d;
SELECT h.place, position(replace(replace(replace(c.name, '&', '&amp;'), '<', '&lt;'), '>', '&gt;') IN h.html) > 0 AS is_escaped, h.html ~* '<script' AS is_script,
	   h.html ~ '[\u0001-\u0008\u000e-\u001f\u202e\u2066]' OR h.text ~ '[\u0001-\u0009\u000b-\u001f\u202e\u2066]' AS has_controls,
	   (xpath('count(//*)', xmlparse(DOCUMENT h.html)))[1]::text = (xpath('count(//*)', page.xml))[1]::text AS as_many_elements,
	   (SELECT max(text_width(l)) <= 80 FROM regexp_split_to_table(h.text, E'\n') AS l) AS fits
FROM hostile AS h, page, LATERAL (SELECT replace(report_clean(h.name), ' %', U&'\00A0%') AS name) AS c ORDER BY 1;
-- Widths of a terminal: a whale and fire and two ideograms take two columns each, a combining accent none.
SELECT text_width(U&'\+01F40B\+01F525 \6F22\5B57') AS wide, text_width(U&'e\0301') AS combined, text_cut(U&'\6F22\5B57\6F22\5B57', 6) AS cut, text_pad('ab', 5) || '|' AS padded, text_pad('abcdef', 5, true) AS padded_cut;
SELECT text_wrap('one two three 4 % abcdefghijklmnop', 9, '- ', '  ');

-- Ten thousand findings: five above, a hundred below, the rest counted.
CREATE TABLE many AS SELECT jsonb_set(document, '{findings}', (SELECT jsonb_agg(document #> '{findings,1}' || jsonb_build_object('fingerprint', lpad(i::text, 16, '0'), 'weekly_usd', i, 'status', CASE WHEN i > 9990 THEN 'snoozed' ELSE 'open' END)) FROM generate_series(1, 10000) AS i)) AS document FROM sample;
SELECT (xpath('count(//ol/li)', xml))[1] AS above, (xpath('string(//ol/li[1]/span[1])', xml))[1] AS first, (xpath('count(//section[h2 = "All findings"]//tbody/tr)', xml))[1] AS below,
	   (xpath('string(//section[h2 = "All findings"]/p)', xml))[1] AS more, (xpath('string(//section[ol]/p)', xml))[1] AS all_of_them
FROM many, LATERAL xmlparse(DOCUMENT report_html_of(document)) AS xml;

-- The same for everybody: nothing depends on how a session is set up.
RESET timezone;
RESET datestyle;
SET bytea_output = 'escape';
SET extra_float_digits = 0;
SELECT report_html_of(document) = html AS same_page FROM sample, page;
DROP TABLE sample, page, hostile, many;
