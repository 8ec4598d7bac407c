/*
 * How the report writes things: names, money, percentages, dates, intervals.
 *
 * Nothing here looks at lc_numeric, lc_time or DateStyle: a report that was
 * mailed from one server and rendered on another reads the same.
 */

-- ---------------------------------------------------------------------- the document

CREATE FUNCTION llm_cost.report_rows(document jsonb, key text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(document -> key) = 'array'
			THEN (SELECT COALESCE(jsonb_agg(a.element ORDER BY a.place), '[]')
				  FROM jsonb_array_elements(document -> key) WITH ORDINALITY AS a (element, place) WHERE jsonb_typeof(a.element) = 'object')
			ELSE '[]' END;
COMMENT ON FUNCTION llm_cost.report_rows(jsonb, text) IS 'The objects in an array of a report document; an empty array where there is none.';

CREATE FUNCTION llm_cost.report_nothing(document jsonb, key text, said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(document -> key) = 'array' THEN said ELSE 'Not known.' END;
COMMENT ON FUNCTION llm_cost.report_nothing(jsonb, text, text) IS 'What an empty array in a report document means; where there is no array, nothing is known.';

CREATE FUNCTION llm_cost.report_quiet(document jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN llm_cost.report_nothing(document, 'findings', CASE WHEN document #>> '{undecided,0}' IS NULL THEN 'Nothing: no change that is more than chance.'
	ELSE 'Nothing that can be told from chance; what cannot be judged is listed apart.' END);
COMMENT ON FUNCTION llm_cost.report_quiet(jsonb) IS 'What it means that a report document has no finding.';

CREATE FUNCTION llm_cost.report_time(at text, time_zone text) RETURNS timestamp
LANGUAGE sql STABLE PARALLEL SAFE
RETURN at::timestamptz AT TIME ZONE COALESCE(time_zone, 'UTC');
COMMENT ON FUNCTION llm_cost.report_time(text, text) IS 'A time of a report document, on the clock of that time zone (NULL: UTC).';

-- ----------------------------------------------------------------------------- names

CREATE FUNCTION llm_cost.report_clean(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN btrim(regexp_replace(regexp_replace(said, '[\u0001-\u0008\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+', '', 'g'), '\s+', ' ', 'g'));
COMMENT ON FUNCTION llm_cost.report_clean(text) IS
	'Text that somebody logged, on one line, without what terminals obey, XML forbids or turns the direction of the text around it.';

CREATE FUNCTION llm_cost.report_name(scope jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN llm_cost.report_clean(CASE jsonb_typeof(scope)
	WHEN 'null' THEN NULL
	WHEN 'object' THEN COALESCE((SELECT string_agg(concat(e.key, ' ', COALESCE(e.value, 'not said')), ', ' ORDER BY e.key) FROM jsonb_each_text(scope) AS e), 'all')
	ELSE regexp_replace(scope #>> '{}', '(^|, )(\w+)=', '\1\2 ', 'g') END);
COMMENT ON FUNCTION llm_cost.report_name(jsonb) IS 'A scope in words, from an object or from scope_text(): workflow support, model gpt-4o; all for the empty object.';

CREATE FUNCTION llm_cost.report_release(said text, scope text DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN NULLIF(llm_cost.report_clean(concat_ws(' ', NULLIF(llm_cost.report_name(to_jsonb(scope)), 'all'), regexp_replace(said, '^near ', ''))), '');
COMMENT ON FUNCTION llm_cost.report_release(text, text) IS 'A release, without a "near" that stands before it; with the scope it went to, unless that is all; NULL for neither.';

CREATE FUNCTION llm_cost.report_effect(effect text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE effect
	WHEN 'volume' THEN 'Volume' WHEN 'new_users' THEN 'New users' WHEN 'lost_users' THEN 'Lost users' WHEN 'price' THEN 'Prices'
	WHEN 'intent_mix' THEN 'Mix of uses' WHEN 'model_mix' THEN 'Mix of models' WHEN 'calls' THEN 'Calls per operation'
	WHEN 'retries' THEN 'Failed calls' WHEN 'input_tokens' THEN 'Prompt length' WHEN 'output' THEN 'Answer length'
	WHEN 'cache' THEN 'Prompt cache' WHEN 'other' THEN 'Beside tokens' WHEN 'unit_cost' THEN 'Unit cost'
	ELSE llm_cost.report_clean(concat(upper(left(effect, 1)), replace(substr(effect, 2), '_', ' '))) END;
COMMENT ON FUNCTION llm_cost.report_effect(text) IS 'The heading of an effect of explain(), or of any other word with underscores.';

CREATE FUNCTION llm_cost.shown_bridge(document jsonb, OUT place integer, OUT effect text, OUT amount numeric, OUT low numeric, OUT high numeric)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	WITH part AS (
		-- many cheap operations more are volume and mix, which take back from each other
		SELECT CASE WHEN b.effect IN ('volume', 'intent_mix') THEN 1 WHEN b.effect ~ '(new|lost)' THEN 2 WHEN b.effect = 'price' THEN 3 ELSE 4 END AS place,
			   b.effect, COALESCE(b.amount, 0) AS amount, b.low, b.high
		FROM jsonb_to_recordset(llm_cost.report_rows(document, 'bridge')) AS b (effect text, amount numeric, low numeric, high numeric)
		WHERE b.effect <> 'total'
	), whole AS (
		SELECT p.place, CASE p.place WHEN 1 THEN 'Volume and mix' WHEN 2 THEN CASE WHEN bool_or(p.effect ~ 'feature|scope') THEN 'New users, features' ELSE 'New and lost users' END
									 WHEN 3 THEN 'Prices' ELSE 'Unit cost' END AS effect,
			   sum(p.amount) AS amount,
			   -- as wide as can be: what one user did is in several of them
			   CASE WHEN count(p.low) > 0 THEN sum(COALESCE(p.low, p.amount)) END AS low, CASE WHEN count(p.high) > 0 THEN sum(COALESCE(p.high, p.amount)) END AS high
		FROM part AS p GROUP BY p.place
	)
	SELECT w.place, w.effect, w.amount, w.low, w.high FROM whole AS w
	UNION ALL
	SELECT 5, 'Not explained', d.missing, NULL, NULL
	FROM (SELECT (document #>> '{spend,change}')::numeric - (SELECT sum(w.amount) FROM whole AS w) AS missing) AS d
	WHERE abs(d.missing) >= 0.005
	ORDER BY 1;
END;
COMMENT ON FUNCTION llm_cost.shown_bridge(jsonb) IS
	'The effects of a report document in the four lines of the first page: volume with the mix of uses, users (and features) that are new or gone, prices, unit cost; a fifth where they do not add up to the change. low to high is at least the 95 % interval.';

-- ------------------------------------------------------------------------- numbers

CREATE FUNCTION llm_cost.report_number(amount numeric, decimals integer DEFAULT 0, signed boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat(CASE WHEN round(amount, decimals) < 0 THEN '−' WHEN signed AND round(amount, decimals) > 0 THEN '+' END,
			  CASE WHEN amount IS NOT NULL
				   THEN to_char(abs(round(amount, decimals)), 'FM999,999,999,999,999,990' || CASE WHEN decimals > 0 THEN '.' || repeat('0', decimals) ELSE '' END) END);
COMMENT ON FUNCTION llm_cost.report_number(numeric, integer, boolean) IS
	'A number with thousands and so many decimals: 46,790; −1,234.5; empty for NULL. signed: with a plus sign above zero.';

CREATE FUNCTION llm_cost.report_decimals(largest numeric) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(largest) >= 999.995 THEN 0 WHEN abs(largest) >= 0.99995 OR largest = 0 THEN 2 WHEN abs(largest) >= 0.01 THEN 4
			WHEN largest IS NULL THEN 2 ELSE LEAST(12, 1 - floor(log(abs(largest)))::integer) END;
COMMENT ON FUNCTION llm_cost.report_decimals(numeric) IS
	'How many decimals money has in the report: none from 1,000 on, two from 1 on, four from 0.01 on, below that what shows two digits. Of a column: those of its largest amount.';

CREATE FUNCTION llm_cost.report_money(amount numeric, currency text DEFAULT 'USD', signed boolean DEFAULT false, decimals integer DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN amount IS NULL THEN ''
	ELSE concat(
		-- nothing that was spent reads as nothing
		CASE WHEN amount <> 0 AND round(amount, COALESCE(decimals, llm_cost.report_decimals(amount))) = 0 THEN '< '
			 WHEN amount < 0 THEN '−' WHEN signed AND amount > 0 THEN '+' END,
		CASE COALESCE(upper(currency), 'USD') WHEN 'USD' THEN '$' WHEN 'EUR' THEN '€' WHEN 'GBP' THEN '£' ELSE llm_cost.report_clean(currency) || ' ' END,
		llm_cost.report_number(CASE WHEN amount <> 0 AND round(amount, COALESCE(decimals, llm_cost.report_decimals(amount))) = 0
									THEN power(10::numeric, -COALESCE(decimals, llm_cost.report_decimals(amount))) ELSE abs(amount) END,
							   CASE WHEN amount = 0 THEN COALESCE(decimals, 0) ELSE COALESCE(decimals, llm_cost.report_decimals(amount)) END)) END;
COMMENT ON FUNCTION llm_cost.report_money(numeric, text, boolean, integer) IS
	'Money as the report writes it: $46,790; −$127.40; $0.0123; < $1 where the decimals show nothing of it; empty for NULL. signed: with a plus sign above zero. decimals: NULL takes report_decimals() of the amount.';

CREATE FUNCTION llm_cost.report_percent(percent numeric, signed boolean DEFAULT false, decimals integer DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN percent IS NULL THEN ''
	WHEN percent <> 0 AND abs(percent) < 0.005 AND decimals IS NULL THEN '< 0.01 %'
	ELSE llm_cost.report_number(percent, COALESCE(decimals, CASE WHEN percent = 0 OR abs(percent) >= 9.95 THEN 0 WHEN abs(percent) >= 0.095 THEN 1 ELSE 2 END), signed) || ' %' END;
COMMENT ON FUNCTION llm_cost.report_percent(numeric, boolean, integer) IS '12 %; +1.5 %; −0.04 %; < 0.01 % for less that is not nothing; empty for NULL.';

CREATE FUNCTION llm_cost.report_between(low text, high text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN low = high THEN 'about ' || NULLIF(low, '') WHEN low <> '' AND high <> '' THEN concat('between ', low, ' and ', high)
			WHEN low <> '' THEN 'at least ' || low WHEN high <> '' THEN 'at most ' || high END;
COMMENT ON FUNCTION llm_cost.report_between(text, text) IS 'An interval in words: between −2 % and +5 %; NULL without ends.';

CREATE FUNCTION llm_cost.report_interval(low numeric, high numeric, currency text, signed boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- with the decimals of the larger end, at least those that show something of it
RETURN (SELECT llm_cost.report_between(llm_cost.report_money(low, currency, signed, CASE WHEN round(low, d.decimals) <> 0 OR low = 0 THEN d.decimals END),
									   llm_cost.report_money(high, currency, signed, CASE WHEN round(high, d.decimals) <> 0 OR high = 0 THEN d.decimals END))
		FROM (SELECT llm_cost.report_decimals(GREATEST(abs(low), abs(high))) AS decimals) AS d);
COMMENT ON FUNCTION llm_cost.report_interval(numeric, numeric, text, boolean) IS 'An interval of money in words: between −$984 and +$36,278.';

CREATE FUNCTION llm_cost.shown_doubt(document jsonb) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT 'Uncertain: ' || string_agg(concat(b.effect, ', ', llm_cost.report_interval(b.low, b.high, document #>> '{report,currency}', true)), '; ' ORDER BY b.place) || '.'
		FROM (SELECT s.*, max(abs(s.amount)) OVER () AS most FROM llm_cost.shown_bridge(document) AS s) AS b
		-- its opposite may be a tenth as large, and is worth a line
		WHERE b.low < 0 AND b.high > 0 AND CASE WHEN b.amount > 0 THEN -b.low ELSE b.high END >= abs(b.amount) / 10 AND abs(b.amount) >= b.most / 100);
COMMENT ON FUNCTION llm_cost.shown_doubt(jsonb) IS
	'Which lines of the first page could as well have the other sign, and in which interval they are; NULL if none.';

-- --------------------------------------------------------------------------- dates

CREATE FUNCTION llm_cost.report_day(day date, short boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN extract(day FROM day) || ' '
	|| CASE WHEN short THEN ('{Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec}'::text[])[extract(month FROM day)::integer]
			ELSE ('{January,February,March,April,May,June,July,August,September,October,November,December}'::text[])[extract(month FROM day)::integer]
				|| ' ' || extract(year FROM day) END;
COMMENT ON FUNCTION llm_cost.report_day(date, boolean) IS '22 June 2026, or short: 22 Jun.';

CREATE FUNCTION llm_cost.report_moment(at timestamp) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN llm_cost.report_day(at::date) || ', ' || lpad(extract(hour FROM at)::text, 2, '0') || ':' || lpad(extract(minute FROM at)::text, 2, '0');
COMMENT ON FUNCTION llm_cost.report_moment(timestamp) IS '22 June 2026, 14:00.';

CREATE FUNCTION llm_cost.report_days(first_day date, last_day date) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN first_day IS NULL OR last_day IS NULL THEN NULL
	WHEN first_day >= last_day THEN llm_cost.report_day(last_day)
	WHEN date_trunc('month', first_day::timestamp) = date_trunc('month', last_day::timestamp)
	THEN concat(extract(day FROM first_day), ' to ', llm_cost.report_day(last_day))
	WHEN extract(year FROM first_day) = extract(year FROM last_day)
	THEN concat(regexp_replace(llm_cost.report_day(first_day), ' \d+$', ''), ' to ', llm_cost.report_day(last_day))
	ELSE concat(llm_cost.report_day(first_day), ' to ', llm_cost.report_day(last_day)) END;
COMMENT ON FUNCTION llm_cost.report_days(date, date) IS '22 to 28 June 2026; both ends included, a day alone where they are the same.';

CREATE FUNCTION llm_cost.report_heading(document jsonb) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT COALESCE(CASE WHEN p.last_day - p.first_day = 6 THEN 'Week of ' ELSE '' END || llm_cost.report_days(p.first_day, p.last_day), 'No period')
		FROM (SELECT llm_cost.report_time(document #>> '{report,period,0}', document #>> '{report,time_zone}')::date AS first_day,
					 (llm_cost.report_time(document #>> '{report,period,1}', document #>> '{report,time_zone}') - interval '1 microsecond')::date AS last_day) AS p);
COMMENT ON FUNCTION llm_cost.report_heading(jsonb) IS 'The period of a report document: Week of 22 to 28 June 2026.';

-- ------------------------------------------------------------- sentences of several places

CREATE FUNCTION llm_cost.shown_findings(document jsonb, max_rows integer DEFAULT 100, OUT place bigint, OUT urgent boolean, OUT all_findings bigint, OUT all_urgent bigint,
	OUT dollars text, OUT sentence text, OUT about text, OUT next_sql text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
	SELECT r.place, r.urgent, r.all_findings, r.all_urgent,
		   COALESCE(NULLIF(llm_cost.report_money(f.weekly_usd, document #>> '{report,currency}', decimals => llm_cost.report_decimals(r.largest)), ''), 'unknown'),
		   COALESCE(llm_cost.report_clean(f.sentence), concat_ws(' of ', llm_cost.report_effect(f.kind), llm_cost.report_name(f.scope))),
		   concat_ws(' · ',
			   llm_cost.report_interval(f.low, f.high, document #>> '{report,currency}') || ' a week',
			   CASE WHEN f.verdict IN ('inconclusive', 'insufficient', 'trend') THEN f.verdict END,
			   'near release ' || llm_cost.report_release(f.near_release),
			   'declared: ' || llm_cost.report_clean(f.declared),
			   'owner ' || llm_cost.report_clean(f.owner),
			   -- it may have begun before anybody reported it
			   CASE WHEN f.weeks_open <= 1 AND llm_cost.report_time(f.first_seen, 'UTC') < llm_cost.report_time(document #>> '{report,period,0}', 'UTC') THEN 'since ' || llm_cost.report_day(llm_cost.report_time(f.first_seen, document #>> '{report,time_zone}')::date)
					WHEN f.weeks_open <= 1 THEN 'new this week' ELSE 'open for ' || f.weeks_open || ' weeks' END,
			   CASE WHEN f.status <> 'open' THEN llm_cost.report_clean(f.status) END),
		   llm_cost.report_clean(f.next_sql)
	-- ranked by what they are sorted by alone: there may be thousands
	FROM (SELECT k.*, count(*) OVER () AS all_findings, count(*) FILTER (WHERE k.urgent) OVER () AS all_urgent, max(k.weekly) OVER () AS largest,
				 row_number() OVER (ORDER BY k.urgent DESC, k.weekly DESC NULLS LAST, k.fingerprint, k.index) AS place
		  FROM (SELECT COALESCE(a.element ->> 'status', 'open') IN ('open', 'acknowledged') AS urgent, abs((a.element ->> 'weekly_usd')::numeric) AS weekly,
					   a.element ->> 'fingerprint' AS fingerprint, a.place AS index
				FROM jsonb_array_elements(CASE WHEN jsonb_typeof(document -> 'findings') = 'array' THEN document -> 'findings' ELSE '[]' END) WITH ORDINALITY AS a (element, place)
				WHERE jsonb_typeof(a.element) = 'object') AS k) AS r,
		 jsonb_array_elements(CASE WHEN jsonb_typeof(document -> 'findings') = 'array' THEN document -> 'findings' ELSE '[]' END) WITH ORDINALITY AS e (element, place),
		 LATERAL jsonb_to_record(e.element) AS f
			(kind text, scope jsonb, sentence text, weekly_usd numeric, low numeric, high numeric, verdict text, near_release text, declared text,
			 owner text, weeks_open integer, first_seen text, status text, next_sql text)
	WHERE r.place <= max_rows AND e.place = r.index;
END;
COMMENT ON FUNCTION llm_cost.shown_findings(jsonb, integer) IS
	'The first findings of a report document by dollars a week, those that are open or acknowledged (urgent) before the others, as text: dollars, the sentence, and what is known about it (interval, release, owner, age); and how many there are.';

CREATE FUNCTION llm_cost.shown_declared(document jsonb, OUT place bigint, OUT dollars text, OUT sentence text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY abs(d.excess_usd) DESC NULLS LAST, llm_cost.report_name(d.scope), d.effect),
		   CASE WHEN d.excess_usd > 0 THEN llm_cost.report_money(d.excess_usd, document #>> '{report,currency}', decimals => llm_cost.report_decimals(max(d.excess_usd) OVER ())) ELSE '' END,
		   concat(concat_ws(', ', llm_cost.report_name(d.scope), llm_cost.report_clean(replace(d.effect, '_', ' '))), ': announced',
				  ' as ' || NULLIF(llm_cost.report_percent(d.change_pct, true), ''), ', came as ' || NULLIF(llm_cost.report_percent(d.came_as_pct, true), ''),
				  ' (' || llm_cost.report_clean(d.reason) || ')', '.')
	FROM jsonb_to_recordset(llm_cost.report_rows(document, 'declared')) AS d
		(scope jsonb, effect text, change_pct numeric, reason text, came_as_pct numeric, excess_usd numeric);
END;
COMMENT ON FUNCTION llm_cost.shown_declared(jsonb) IS 'The declared changes of a report document as sentences; dollars: a week beyond what was announced.';

CREATE FUNCTION llm_cost.shown_undecided(document jsonb, OUT place bigint, OUT dollars text, OUT sentence text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY abs(u.spend) DESC NULLS LAST, llm_cost.report_name(u.scope)),
		   llm_cost.report_money(u.spend, document #>> '{report,currency}', decimals => llm_cost.report_decimals(max(abs(u.spend)) OVER ())),
		   concat(COALESCE(llm_cost.report_name(u.scope), 'all'), ': ' || llm_cost.report_clean(u.cause), '.')
	FROM jsonb_to_recordset(llm_cost.report_rows(document, 'undecided')) AS u (scope jsonb, spend numeric, cause text);
END;
COMMENT ON FUNCTION llm_cost.shown_undecided(jsonb) IS 'What a report document cannot judge, as sentences; dollars: the spend of it.';

CREATE FUNCTION llm_cost.shown_savings(document jsonb, OUT place bigint, OUT dollars text, OUT sentence text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY s.weekly_usd DESC NULLS LAST, s.sentence), llm_cost.report_money(s.weekly_usd, document #>> '{report,currency}', decimals => llm_cost.report_decimals(max(abs(s.weekly_usd)) OVER ())),
		   COALESCE(llm_cost.report_clean(s.sentence), llm_cost.report_effect(s.kind))
	FROM jsonb_to_recordset(llm_cost.report_rows(document, 'savings')) AS s (kind text, weekly_usd numeric, sentence text);
END;
COMMENT ON FUNCTION llm_cost.shown_savings(jsonb) IS 'The savings of a report document, the largest first, as sentences; dollars: a week.';

CREATE FUNCTION llm_cost.shown_outcomes(document jsonb, OUT place bigint, OUT dollars text, OUT sentence text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY o.resolved DESC NULLS LAST, llm_cost.report_name(o.scope)), llm_cost.report_money(o.cost_per_resolved, document #>> '{report,currency}'),
		   concat(COALESCE(llm_cost.report_name(o.scope), 'all'), COALESCE(', was ' || NULLIF(llm_cost.report_money(o.before, document #>> '{report,currency}'), ''), ', not known before'),
				  '; ' || NULLIF(llm_cost.report_number(o.resolved), '') || ' resolved')
	FROM jsonb_to_recordset(llm_cost.report_rows(document, 'outcomes')) AS o (scope jsonb, resolved numeric, cost_per_resolved numeric, before numeric);
END;
COMMENT ON FUNCTION llm_cost.shown_outcomes(jsonb) IS 'Cost per resolved operation in a report document, those resolved most often first; dollars: each.';

CREATE FUNCTION llm_cost.shown_figures(document jsonb, OUT place integer, OUT label text, OUT figure text, OUT about text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3
BEGIN ATOMIC
	SELECT v.place, v.label, COALESCE(NULLIF(v.figure, ''), 'not known'), v.about
	FROM (SELECT document #>> '{report,currency}' AS currency, document -> 'spend' AS spend, document #> '{spend,month}' AS month,
				 ' (baseline: ' || llm_cost.report_clean(document #>> '{report,baseline}') || ')' AS baseline) AS s,
		 LATERAL (SELECT (s.spend ->> 'now')::numeric AS now, (s.spend ->> 'before')::numeric AS before, (s.spend ->> 'change')::numeric AS change,
						 (s.spend ->> 'change_pct')::numeric AS percent, (s.month ->> 'run_rate')::numeric AS run_rate, (s.month ->> 'plan')::numeric AS plan,
						 (s.month ->> 'to_date')::numeric AS to_date,
						 llm_cost.report_interval((s.month ->> 'low')::numeric, (s.month ->> 'high')::numeric, s.currency) AS band) AS n,
		 LATERAL (VALUES
			(1, 'Spend', llm_cost.report_money(n.now, s.currency), 'before: ' || NULLIF(llm_cost.report_money(n.before, s.currency), '')),
			(2, 'Change', llm_cost.report_money(n.change, s.currency, true),
				CASE WHEN n.percent >= 900 AND n.before > 0 THEN concat(llm_cost.report_number(n.now / n.before), ' times as much', s.baseline)
					 ELSE NULLIF(llm_cost.report_percent(n.percent, true), '') || COALESCE(s.baseline, '') END),
			(3, COALESCE(split_part(llm_cost.report_day((s.month ->> 'from')::date), ' ', 2) || ', at month-end', 'Month-end'), llm_cost.report_money(n.run_rate, s.currency),
				CASE WHEN n.run_rate IS NOT NULL
					 THEN concat_ws('; ', CASE WHEN n.plan > 0 AND n.run_rate / n.plan >= 10 THEN concat(llm_cost.report_number(n.run_rate / n.plan), ' times the plan of ', llm_cost.report_money(n.plan, s.currency))
									  WHEN n.plan > 0 AND n.run_rate >= n.plan THEN concat(llm_cost.report_percent(100 * (n.run_rate / n.plan - 1)), ' above the plan of ', llm_cost.report_money(n.plan, s.currency))
									  WHEN n.plan > 0 THEN concat(llm_cost.report_percent(100 * (1 - n.run_rate / n.plan)), ' below the plan of ', llm_cost.report_money(n.plan, s.currency))
									  ELSE 'no plan' END,
									  n.band, NULLIF(llm_cost.report_money(n.to_date, s.currency), '') || ' so far') END)) AS v (place, label, figure, about);
END;
COMMENT ON FUNCTION llm_cost.shown_figures(jsonb) IS 'Spend, its change, and the month-end estimate against the plan, as text.';

CREATE FUNCTION llm_cost.shown_trust(document jsonb, OUT place integer, OUT label text, OUT figure text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 4
BEGIN ATOMIC
	SELECT v.place, v.label, COALESCE(NULLIF(v.figure, ''), 'not known')
	FROM (SELECT document #>> '{report,currency}' AS currency, document #>> '{report,time_zone}' AS zone, document -> 'trust' AS trust) AS s,
		 LATERAL (SELECT (s.trust ->> 'gap_usd')::numeric AS gap, (s.trust ->> 'recorded_usd')::numeric AS recorded, (s.trust ->> 'attempts')::numeric AS attempts) AS n,
		 LATERAL (VALUES
			(1, 'Time zone', llm_cost.report_clean(s.zone)),
			(2, 'Data through', (SELECT CASE WHEN t.at = t.at::date AND t.at = llm_cost.report_time(document #>> '{report,period,1}', s.zone) THEN 'the end of ' || llm_cost.report_day(t.at::date - 1) ELSE llm_cost.report_moment(t.at) END
								 FROM (SELECT llm_cost.report_time(document #>> '{report,data_through}', s.zone) AS at) AS t)),
			-- rounded down: 100 % means all of them
			(3, 'Priced', llm_cost.report_percent(trunc((s.trust ->> 'priced_pct')::numeric, 1), decimals => 1)
				|| COALESCE(' of ' || NULLIF(llm_cost.report_number(n.attempts), '') || ' calls', '')),
			(4, 'Gap to recorded cost', CASE WHEN n.gap IS NULL THEN 'none recorded'
				ELSE concat(llm_cost.report_money(n.gap, s.currency, true), ' (' || llm_cost.report_percent(100 * n.gap / NULLIF(n.recorded, 0), true) || ')') END)) AS v (place, label, figure);
END;
COMMENT ON FUNCTION llm_cost.shown_trust(jsonb) IS 'How far the figures of a report can be trusted, as text: time zone, data through, priced share, gap to what the gateway recorded.';

-- ------------------------------------------------------------------ tables of several places

CREATE FUNCTION llm_cost.shown_effects(document jsonb, OUT place bigint, OUT effect text, OUT amount numeric, OUT dollars text, OUT band text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 12
BEGIN ATOMIC
	SELECT a.place, llm_cost.report_effect(b.effect), b.amount,
		   llm_cost.report_money(b.amount, document #>> '{report,currency}', true, llm_cost.report_decimals(max(abs(b.amount)) OVER ())),
		   llm_cost.report_interval(b.low, b.high, document #>> '{report,currency}', true), llm_cost.report_clean(b.detail)
	FROM jsonb_array_elements(llm_cost.report_rows(document, 'bridge')) WITH ORDINALITY AS a (row, place),
		 LATERAL jsonb_to_record(a.row) AS b (effect text, amount numeric, low numeric, high numeric, detail text)
	WHERE b.effect <> 'total';
END;
COMMENT ON FUNCTION llm_cost.shown_effects(jsonb) IS 'All effects on spend of a report document, as text; amount: the number, band: its interval.';

CREATE FUNCTION llm_cost.shown_change_points(document jsonb, OUT place bigint, OUT day text, OUT change text, OUT days text, OUT near_release text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY c.at), llm_cost.report_day(llm_cost.report_time(c.at, s.zone)::date), llm_cost.report_percent(c.change_pct, true),
		   llm_cost.report_days(llm_cost.report_time(c.earliest, s.zone)::date, llm_cost.report_time(c.latest, s.zone)::date), llm_cost.report_release(c.near_release)
	FROM jsonb_to_recordset(llm_cost.report_rows(document, 'change_points')) AS c (at text, earliest text, latest text, change_pct numeric, near_release text),
		 (SELECT document #>> '{report,time_zone}' AS zone) AS s;
END;
COMMENT ON FUNCTION llm_cost.shown_change_points(jsonb) IS 'The change points of unit cost in a report document, as text; days: when it may have been.';

CREATE FUNCTION llm_cost.shown_episodes(document jsonb, OUT place bigint, OUT scope text, OUT metric text, OUT opened timestamp, OUT closed timestamp,
	OUT before text, OUT during text, OUT wasted text, OUT near_release text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY e.wasted_usd DESC NULLS LAST, e.opened, llm_cost.report_name(e.scope)), llm_cost.report_name(e.scope), replace(llm_cost.report_clean(e.metric), '_', ' '),
		   llm_cost.report_time(e.opened, document #>> '{report,time_zone}'), llm_cost.report_time(e.closed, document #>> '{report,time_zone}'),
		   -- shares in per cent, calls as they are
		   CASE WHEN e.metric ~ '_(ratio|share)$' THEN llm_cost.report_percent(100 * e.before) ELSE llm_cost.report_number(e.before, 2) END,
		   CASE WHEN e.metric ~ '_(ratio|share)$' THEN llm_cost.report_percent(100 * e.during) ELSE llm_cost.report_number(e.during, 2) END,
		   llm_cost.report_money(e.wasted_usd, document #>> '{report,currency}'), llm_cost.report_release(e.near_release)
	FROM jsonb_to_recordset(llm_cost.report_rows(document, 'episodes')) AS e
		(metric text, scope jsonb, opened text, closed text, before numeric, during numeric, wasted_usd numeric, near_release text);
END;
COMMENT ON FUNCTION llm_cost.shown_episodes(jsonb) IS 'The episodes of a report document, the dearest first, as text, opened and closed on the clock of the report; closed: NULL if it is not.';

CREATE FUNCTION llm_cost.shown_retries(document jsonb, OUT place bigint, OUT error text, OUT failures text, OUT retries text, OUT amount numeric, OUT dollars text, OUT share text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY r.cost DESC NULLS LAST, r.failures DESC, r.error_type), COALESCE(replace(llm_cost.report_clean(r.error_type), '_', ' '), 'not said'),
		   llm_cost.report_number(r.failures), llm_cost.report_number(r.retries), r.cost,
		   llm_cost.report_money(r.cost, document #>> '{report,currency}', decimals => llm_cost.report_decimals(max(r.cost) OVER ())), llm_cost.report_percent(r.share_pct)
	FROM jsonb_to_recordset(llm_cost.report_rows(document, 'retries')) AS r (error_type text, failures numeric, retries numeric, cost numeric, share_pct numeric);
END;
COMMENT ON FUNCTION llm_cost.shown_retries(jsonb) IS 'Failures and retries by class of error in a report document, the dearest first, as text; amount: the cost as a number.';

CREATE FUNCTION llm_cost.shown_unpriced(document jsonb, OUT place bigint, OUT model text, OUT calls text, OUT why text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY u.attempts DESC NULLS LAST, u.model, u.problem), llm_cost.report_clean(u.model), llm_cost.report_number(u.attempts),
		   replace(llm_cost.report_clean(u.problem), '_', ' ')
	FROM jsonb_to_recordset(llm_cost.report_rows(document -> 'trust', 'unpriced')) AS u (model text, attempts numeric, problem text);
END;
COMMENT ON FUNCTION llm_cost.shown_unpriced(jsonb) IS 'The models without a price in a report document, those called most often first, as text.';

CREATE FUNCTION llm_cost.shown_movers(document jsonb, OUT place bigint, OUT scope text, OUT spend text, OUT change text, OUT volume text, OUT new_users text, OUT price text,
	OUT unit_cost text, OUT like_for_like text, OUT band text, OUT verdict text, OUT cause text, OUT near_release text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
	SELECT m.place, llm_cost.report_name(to_jsonb(m.scope)), llm_cost.report_money(m.spend_usd, m.currency, decimals => m.decimals),
		   llm_cost.report_money(m.change_usd, m.currency, true, m.decimals), llm_cost.report_money(m.from_volume_usd, m.currency, true, m.decimals),
		   llm_cost.report_money(m.from_new_users_usd, m.currency, true, m.decimals), llm_cost.report_money(m.from_price_usd, m.currency, true, m.decimals),
		   llm_cost.report_money(m.from_unit_cost_usd, m.currency, true, m.decimals), llm_cost.report_percent(m.like_for_like_pct, true),
		   concat_ws(' to ', NULLIF(llm_cost.report_percent(m.low_pct, true), ''), NULLIF(llm_cost.report_percent(m.high_pct, true), '')),
		   replace(m.verdict, '_', ' '), llm_cost.report_clean(m.cause), llm_cost.report_release(m.near_release)
	FROM (SELECT a.place, o.*, document #>> '{report,currency}' AS currency, llm_cost.report_decimals(max(abs(o.spend_usd)) OVER ()) AS decimals
		  FROM jsonb_array_elements(llm_cost.report_rows(document, 'movers')) WITH ORDINALITY AS a (row, place),
			   LATERAL jsonb_to_record(a.row) AS o (scope text, spend_usd numeric, change_usd numeric, from_volume_usd numeric, from_new_users_usd numeric, from_price_usd numeric,
				from_unit_cost_usd numeric, like_for_like_pct numeric, low_pct numeric, high_pct numeric, verdict text, cause text, near_release text)) AS m;
END;
COMMENT ON FUNCTION llm_cost.shown_movers(jsonb) IS 'The scopes of overview() in a report document, as text, in its order.';
