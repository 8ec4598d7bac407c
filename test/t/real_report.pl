# demo/real.sql over a coding agent's real use, from the folder LLM_COST_DATA;
# skipped where there is none.  What the report says is computed again in plain
# SQL over the files as they are, at prices written down here.

use strict;
use warnings;

use Encode;
use IPC::Run;
use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{LLM_COST_DATA} // '';
-d $data or plan skip_all => 'LLM_COST_DATA names no folder';
my %file = map { $_ => "$data/entire_claude_code_$_.csv.gz" } qw(calls api_errors);
-r $file{calls} && -r $file{api_errors} or plan skip_all => 'LLM_COST_DATA has no calls of Claude Code';

my $node = new_node('real_report');
my $dir = PostgreSQL::Test::Utils::tempdir();
sub query { return $node->safe_psql('postgres', "SET timezone = 'UTC'; SET search_path = coding; $_[0]") }

IPC::Run::run([ 'gzip', '-dc', $file{$_} ], '>', "$dir/$_.csv") or die "could not read $file{$_}" foreach keys %file;
my ($said, $errors) = ('', '');
ok(IPC::Run::run([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-v', "report=$dir/report.html", '-v', "calls=$dir/calls.csv", '-v', "errors=$dir/api_errors.csv",
	'-d', $node->connstr('postgres'), '-f', 'demo/real.sql' ], '>', \$said, '2>', \$errors), 'demo/real.sql runs through') or diag $errors;
is($errors, '', '… and says nothing on the side');
is((grep { length(decode('UTF-8', $_)) > 150 } split /\n/, $said), 0, '… in lines that fit');
like(slurp_file("$dir/report.html"), qr{^<!DOCTYPE html>.*</html>\s*\z}s, '… and leaves a page');

# Dollars for a million tokens: input, output, cache read, written for 5 minutes and for 1 hour.
query(q{
	CREATE VIEW bill AS
		SELECT a.*, (i * input_tokens + o * output_tokens + r * cache_read_input_tokens + w5 * cache_creation_5m + w1 * cache_creation_1h) / 1000000 AS usd
		FROM answer a JOIN (VALUES ('opus', 5, 25, 0.5, 6.25, 10), ('sonnet', 3, 15, 0.3, 3.75, 6), ('haiku', 1, 5, 0.1, 1.25, 2)) p (family, i, o, r, w5, w1)
			 ON a.model LIKE 'claude-' || family || '-%';
	CREATE VIEW report AS SELECT period, document AS d, lower(period) AS begins, upper(period) AS ends, lower(period) - INTERVAL '28 days' AS since FROM llm_cost.report_run;
	CREATE VIEW now AS SELECT b.* FROM bill b, report WHERE ts_first >= begins AND ts_first < ends;
	CREATE VIEW before AS SELECT b.* FROM bill b, report WHERE ts_first >= since AND ts_first < begins});
is(query('SELECT count(*), max(input_tokens + cache_read_input_tokens + cache_creation_input_tokens) <= 200000 FROM bill'), query('SELECT count(*), true FROM answer'),
	'the prices here are those of all calls');
note 'report on ' . query('SELECT period FROM report');

# The week that the report is on: plain counts, by the rule that is printed above them.
is(query('SELECT begins FROM report'), query(q{
	WITH w AS (SELECT date_trunc('week', at) AS week, count(*) AS n FROM (SELECT ts_first AS at FROM answer UNION ALL SELECT ts FROM error) x GROUP BY 1)
	SELECT max(w.week) FROM w WHERE (SELECT count(*) = 4 AND avg(b.n) / 2 <= w.n FROM w b WHERE b.week < w.week AND b.week >= w.week - INTERVAL '28 days')}), 'the last week that can be compared');

is(query(q{SELECT d #>> '{trust,attempts}', trim_scale((d #>> '{spend,now}')::numeric), round((d #>> '{spend,before}')::numeric, 6), round((d #>> '{spend,change}')::numeric, 6) FROM report}),
	query(q{SELECT (SELECT count(*) FROM now) + (SELECT count(*) FROM error, report WHERE ts >= begins AND ts < ends), trim_scale(n.usd), round(b.usd / 4, 6), round(n.usd - b.usd / 4, 6)
		FROM (SELECT sum(usd) AS usd FROM now) n, (SELECT sum(usd) AS usd FROM before) b}), 'calls, spend to the last digit, spend before and the change');
is(query(q{SELECT sum((b ->> 'amount')::numeric) = (d #>> '{spend,change}')::numeric FROM report, jsonb_array_elements(d -> 'bridge') b GROUP BY d}), 't', 'the effects add up to the change');
is(query(q{SELECT m ->> 'scope', trim_scale((m ->> 'spend_usd')::numeric), round((m ->> 'change_usd')::numeric, 5) FROM report, jsonb_array_elements(d -> 'movers') m ORDER BY 1}),
	query(q{SELECT 'model=' || model, trim_scale(coalesce(n.usd, 0)), round(coalesce(n.usd, 0) - coalesce(b.usd, 0) / 4, 5)
		FROM (SELECT model, sum(usd) AS usd FROM now GROUP BY 1) n FULL JOIN (SELECT model, sum(usd) AS usd FROM before GROUP BY 1) b USING (model) ORDER BY 1}), '… by model');
is(query(q{SELECT x ->> 'day', trim_scale((x ->> 'spend')::numeric) FROM report, jsonb_array_elements(d -> 'daily') x WHERE (x ->> 'spend')::numeric > 0 ORDER BY 1}),
	query(q{SELECT ts_first::date, trim_scale(sum(usd)) FROM bill, report WHERE ts_first >= begins - INTERVAL '56 days' AND ts_first < ends GROUP BY 1 ORDER BY 1}), '… by day');

# New users, and operations of the others: an answer that names no interaction is one of its own.
is(query(q{SELECT b ->> 'effect', substring(b ->> 'detail' FROM '^(\d+) users first seen|^operations of known users: (?:\S+ before, \d+ now)') IS NOT NULL,
		(regexp_match(b ->> 'detail', '^(?:operations of known users: )?(\d+)'))[1] FROM report, jsonb_array_elements(d -> 'bridge') b WHERE b ->> 'effect' = 'new_users'}),
	query(q{SELECT 'new_users', true, count(DISTINCT developer) FROM now WHERE developer NOT IN (SELECT developer FROM bill, report WHERE ts_first < begins)}), 'users who came');
is(query(q{SELECT (regexp_match(b ->> 'detail', 'known users: ([\d.,]+) before'))[1], (regexp_match(b ->> 'detail', 'before, ([\d.,]+) now'))[1] FROM report, jsonb_array_elements(d -> 'bridge') b WHERE b ->> 'effect' = 'volume'}),
	query(q{
		WITH o AS (SELECT min(ts_first) AS at, min(developer) AS developer FROM answer GROUP BY coalesce(interaction, request))
		SELECT round(count(*) FILTER (WHERE at < begins) / 4.0), count(*) FILTER (WHERE at >= begins AND developer IN (SELECT developer FROM answer WHERE ts_first < begins))
		FROM o, report WHERE at >= since AND at < ends GROUP BY begins}), 'operations of users who were there before');

# The month: each day to come as its weekday in the last four weeks, 8, 4, 2 and 1 to 15.
is(query(q{SELECT round((d #>> '{spend,month,to_date}')::numeric, 6), round((d #>> '{spend,month,run_rate}')::numeric, 2), d #>> '{spend,month,days_left}' FROM report}),
	query(q{
		WITH day AS (SELECT ts_first::date AS day, sum(usd) AS usd FROM bill GROUP BY 1),
			last AS (SELECT (ends - INTERVAL '1 day')::date AS day, date_trunc('month', ends - INTERVAL '1 day')::date AS first FROM report),
			left_over AS (SELECT generate_series(last.day + 1, last.first + INTERVAL '1 month' - INTERVAL '1 day', '1 day')::date AS day FROM last)
		SELECT round(m.usd, 6), round(m.usd + sum(e.usd), 2), count(*)
		FROM (SELECT sum(day.usd) AS usd FROM day, last WHERE day.day BETWEEN last.first AND last.day) m, left_over l,
			 -- the weekday in the last week that is over, and in the three before
			 LATERAL (SELECT coalesce(sum(day.usd * w.weight), 0) / 15 AS usd FROM last, (VALUES (0, 8), (1, 4), (2, 2), (3, 1)) w (back, weight), day
					  WHERE day.day = last.day - 6 + (l.day - last.day - 1) % 7 - 7 * w.back) e
		GROUP BY m.usd}), 'the month to date, and its end');

# Who spends.
is(query(q{SELECT d #>> '{lorenz,users}', (d #>> '{lorenz,gini}')::numeric(6,4), (d #>> '{lorenz,points,9}')::numeric(6,4) FROM report}),
	query(q{
		WITH u AS (SELECT sum(usd) AS usd, row_number() OVER (ORDER BY sum(usd)) AS n, count(*) OVER () AS users FROM now GROUP BY developer)
		SELECT max(users), (2 * sum(n * usd) / (max(users) * sum(usd)) - (max(users) + 1.0) / max(users))::numeric(6,4),
			   -- nine tenths of them: all but the dearest, and of him what is missing
			   (sum(usd * least(1, greatest(0, 0.9 * users - n + 1))) / sum(usd))::numeric(6,4) FROM u}), 'users, Gini, and the share of the last tenth');
is(query(q{SELECT p ->> 'day', (p ->> 'p50')::numeric - q.p50 BETWEEN -0.02 * q.p50 AND 0.02 * q.p50, (p ->> 'p90')::numeric - q.p90 BETWEEN -0.05 * q.p90 AND 0.05 * q.p90
		FROM report, jsonb_array_elements(d -> 'percentiles') p JOIN (SELECT ts_first::date AS day, percentile_cont(0.5) WITHIN GROUP (ORDER BY usd)::numeric AS p50, percentile_cont(0.9) WITHIN GROUP (ORDER BY usd)::numeric AS p90
			FROM bill GROUP BY 1 HAVING count(*) > 100) q ON q.day = (p ->> 'day')::date WHERE (p ->> 'day')::date >= begins ORDER BY 1}),
	query(q{SELECT ts_first::date, true, true FROM now GROUP BY 1 HAVING count(*) > 100 ORDER BY 1}), 'median and 90th percentile of a call, day by day');

# Versions of the client: from the first row of a day on, most of them from their very first.
is(query(q{SELECT count(*) > 5, bool_and((r ->> 'at')::timestamptz = ANY (f.starts)), count(*) FILTER (WHERE (r ->> 'at')::timestamptz = f.starts[1]) * 2 > count(*) FROM report, jsonb_array_elements(d -> 'releases') r
		JOIN (SELECT release, array_agg(at ORDER BY at) AS starts
			  FROM (SELECT release, min(at) AS at FROM (SELECT client_version AS release, ts_first AS at FROM answer UNION ALL SELECT version, ts FROM error) v GROUP BY release, at::date) d GROUP BY 1) f ON f.release = r ->> 'release'}),
	't|t|t', 'releases came with a first call of the day');

# Seven people in one repository: an honest report says that it cannot tell.
is(query(q{SELECT jsonb_array_length(d -> 'findings'), jsonb_array_length(d -> 'undecided') > 0 FROM report}), '0|t', 'no finding, and what cannot be judged');
is(query(q{SELECT bool_and(u ->> 'cause' ~ 'users? (rose|was seen|were seen)') FROM report, jsonb_array_elements(d -> 'undecided') u}), 't', '… for want of users');
note $_ foreach split /\n/, query(q{SELECT u ->> 'scope', u ->> 'spend', u ->> 'cause' FROM report, jsonb_array_elements(d -> 'undecided') u});

# What the demo prints beside the report.
my @calls = split /\|/, query(q{WITH i AS (SELECT interaction, min(at) AS at, count(*) AS n FROM (SELECT interaction, ts_first AS at FROM answer UNION ALL SELECT interaction, ts FROM error) a WHERE interaction IS NOT NULL GROUP BY 1)
	SELECT count(*), round(avg(n), 2), max(n) FROM i, report WHERE at >= begins AND at < ends});
like($said, qr/^ +$calls[0] \| +\Q$calls[1]\E \|.*\| +$calls[2] \|/m, 'calls for an interaction');
my $hit = query(q{SELECT (100.0 * sum(cache_read_input_tokens) / sum(input_tokens + cache_read_input_tokens + cache_creation_input_tokens))::numeric(4,1) FROM now});
like($said, qr/\| +\Q$hit\E \| +[\d.]+ \| +\d+ \|/, 'prompt tokens from the cache');

# Again: nothing is written.
query(q{SET client_min_messages = warning; DO $$ DECLARE p tstzrange; ids bigint[]; BEGIN SELECT period INTO p FROM report; CALL llm_cost.write_report(p, '{coding.attempt_usage}', by => '{model}', run_ids => ids); END $$});
is(query('SELECT count(*), max(revision) FROM llm_cost.report_run'), '1|1', 'written again, it is the same report');

done_testing();
