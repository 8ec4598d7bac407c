# What a user loaded and set survives dump and restore exactly, also onto a
# newer bundled catalogue, and with pg_restore's parallel and data-only ways.

use strict;
use warnings;

use File::Basename;
use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $installed = $ENV{LLM_COST_TEST_INSTALL}
  or plan skip_all => 'needs an installation of its own; use test/run';

my $old = new_node('old');
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';

my @tables = qw(imported_price imported_rule imported_alias price_override rule_override alias_override);
my $facts = join ' UNION ALL ', map { "SELECT '$_ ' || t FROM llm_cost.$_ t" } @tables;
my $user_rows = "SELECT r FROM ($facts UNION ALL
	SELECT 'price_book ' || t FROM llm_cost.price_book t WHERE NOT bundled UNION ALL
	SELECT 'attribute ' || t FROM llm_cost.attribute t WHERE NOT bundled) q(r) ORDER BY r COLLATE \"C\"";
my $costs = q{SELECT concat_ws(' ', llm_cost.cost('gpt-4o', 1000, 100, '2026-06-01', provider => 'openai', price_book => 'contract'),
	llm_cost.cost('gpt-4o', 1000, 100, '2026-06-01', provider => 'openai', known_at => '2026-01-01'),
	llm_cost.cost('imported-model', 1000, 100, '2026-06-01'),
	llm_cost.cost('prod-chat', 1000, 100, '2026-06-01', provider => 'azure'),
	llm_cost.cost('imported-model', 1000, 100, '2026-06-01', attributes => '{"contract": "a"}'))};

$old->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE EXTENSION llm_cost CASCADE;
	SELECT llm_cost.add_price_book('contract', base_book => 'list');
	SELECT llm_cost.add_attribute('contract', must_match => false);
	SELECT llm_cost.set_rule('discount', 'multiplier', 0.88, price_book => 'contract', of_book => 'list');
	SELECT * FROM llm_cost.import_prices('{"imported-model": {"litellm_provider": "vendor",
		"input_cost_per_token": 2.9999900000000002e-06, "output_cost_per_token": 1e-05}}', 'litellm', 'litellm');
	SELECT * FROM llm_cost.import_prices('{"format": "llm_cost/1", "provider": "vendor", "source": "own", "models":
		{"imported-too": {"aliases": ["imported-2"], "prices": [{"valid_from": "2026-01-01", "per": 60, "input_second": 0.006}]}},
		"rules": [{"rule": "own", "kind": "fallback", "service_tier": "batch", "factor": 0.5, "stacking_order": 1}]}', 'llm_cost', 'own');
	SELECT llm_cost.set_price('gpt-4o', 'output', 9.99, '2026-02-01', provider => 'openai');
	SELECT llm_cost.set_price('gpt-4o', 'output', 9.49, '2026-05-01', provider => 'openai');
	SELECT llm_cost.correct_price('gpt-4o', 'output', 9.44, '2026-06-01', provider => 'openai');
	SELECT llm_cost.add_alias('prod-chat', 'gpt-4o', provider => 'azure', to_provider => 'openai');
});

# Distributions wherever a dump can meet them: exact ones, centroids, long and
# stored apart, indexed, computed from, in a view with its operator
$old->safe_psql('postgres', q{
	CREATE TABLE hourly (hour int PRIMARY KEY, costs llm_cost.distribution DEFAULT llm_cost.add(NULL, 0),
		p95 float8 GENERATED ALWAYS AS (llm_cost.percentile(costs, 0.95)) STORED);
	INSERT INTO hourly SELECT h, llm_cost.distribution(i * (i % 17 - 4) / 7.0, CASE WHEN h = 5 THEN 2000 END)
		FROM generate_series(1, 6) h, LATERAL generate_series(1, (10 ^ h / 2)::int) i GROUP BY h;
	INSERT INTO hourly VALUES (0, NULL), (7, DEFAULT);
	CREATE UNIQUE INDEX ON hourly USING btree (costs) WHERE hour <> 5;
	CREATE INDEX ON hourly USING hash (costs);
	CREATE VIEW two_hours AS SELECT a.hour, a.costs OPERATOR(llm_cost.||) b.costs AS costs FROM hourly a JOIN hourly b ON b.hour = a.hour + 1;
	CREATE MATERIALIZED VIEW all_hours AS SELECT llm_cost.combine(costs) AS costs FROM hourly;
	CREATE TABLE by_costs (costs llm_cost.distribution) PARTITION BY HASH (costs);
	CREATE TABLE by_costs_0 PARTITION OF by_costs FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE by_costs_1 PARTITION OF by_costs FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO by_costs SELECT costs FROM hourly;
});
my $distributions = q{
	SELECT 'hour ' || hour || ' ' || coalesce(costs::text, '-') || ' ' || coalesce(p95, 0) FROM hourly UNION ALL
	SELECT 'two ' || hour || ' ' || costs::text FROM two_hours UNION ALL
	SELECT 'all ' || costs::text FROM all_hours UNION ALL
	SELECT tableoid::regclass || ' ' || coalesce(costs::text, '-') FROM by_costs ORDER BY 1};
my $distributions_before = $old->safe_psql('postgres', $distributions);
cmp_ok(scalar(split /\n/, $distributions_before), '==', 8 + 7 + 1 + 8, 'there are distributions');

# A rollup whose calls are gone but for the last day
$old->safe_psql('postgres', q{
	CREATE TABLE call (started_at timestamptz, model text, provider text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, team text);
	INSERT INTO call SELECT '2026-06-01 12:00+00'::timestamptz + make_interval(days => d), 'gpt-4o', 'openai', 1000 * u, 100, 'o' || d || u, 'u' || u, 't' || u % 2
		FROM generate_series(0, 13) d, generate_series(1, 9) u;
	SELECT llm_cost.create_rollup('daily', '{team,model,provider}', 'call', time_zone => 'UTC');
	SELECT count(*) FROM llm_cost.refresh_rollup('daily');
	DELETE FROM call WHERE started_at < '2026-06-14';
	CREATE ROLE analyst;
	GRANT SELECT ON daily, daily_cell TO analyst;
	REVOKE SELECT ON daily_user_bi FROM PUBLIC;
	CREATE SCHEMA finance;
	GRANT USAGE ON SCHEMA finance TO analyst;
	SELECT llm_cost.create_rollup('moved', '{team}', 'call', time_zone => 'UTC', with_users => false);
	SELECT count(*) FROM llm_cost.refresh_rollup('moved');
	ALTER VIEW moved_bi SET SCHEMA finance;
	ALTER VIEW finance.moved_bi RENAME TO spend;
	CREATE VIEW dashboard AS SELECT bucket_date, sum(cost) AS cost FROM daily_bi GROUP BY 1;
});
my $rollup = q{SELECT to_jsonb(r) FROM llm_cost.rollup r UNION ALL SELECT to_jsonb(c) FROM daily_cell c UNION ALL SELECT to_jsonb(c) FROM daily_user_cell c UNION ALL SELECT to_jsonb(b) FROM daily b};
my $from_rollup = q{SELECT count(*), sum(value) FROM llm_cost.drift(by => '{team}', period => '[2026-06-08 00:00+00, 2026-06-15 00:00+00)', usage => 'daily', time_zone => 'UTC')};
my $rollup_before = $old->safe_psql('postgres', $rollup);
my $drift_before = $old->safe_psql('postgres', $from_rollup);
# What BI tools see, also of a view that was moved
my $bi = q{SELECT to_jsonb(b) FROM daily_bi b UNION ALL SELECT to_jsonb(u) FROM daily_user_bi u UNION ALL SELECT to_jsonb(s) FROM finance.spend s UNION ALL SELECT to_jsonb(d) FROM dashboard d UNION ALL
	SELECT to_jsonb(concat_ws(' ', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum), c.reloptions::text, has_table_privilege('analyst', c.oid, 'SELECT'), obj_description(c.oid)))
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'v' AND c.relname IN ('daily_bi', 'daily_user_bi', 'spend') AND a.attnum > 0 ORDER BY 1};
my $bi_before = $old->safe_psql('postgres', $bi);
cmp_ok(scalar(split /\n/, $bi_before), '>', 14 * (2 + 9 + 2 + 1), 'views for BI tools have rows and columns');
like($drift_before, qr/^2\|0\.0/, 'the rollup answers');

my $rows_before = $old->safe_psql('postgres', $user_rows);
my $costs_before = $old->safe_psql('postgres', $costs);
cmp_ok(scalar(split /\n/, $rows_before), '>=', 12, 'there are rows of every kind');
like($costs_before, qr/^\S+ \S+ \S+ \S+ \S+$/, 'every question has an answer');

$old->command_ok([ 'pg_dump', '-Fd', '-f', $dump, $old->connstr('postgres') ], 'dump');

# The same version
$old->safe_psql('postgres', 'CREATE DATABASE same');
$old->command_ok([ 'pg_restore', '--exit-on-error', '-j2', '-d', $old->connstr('same'), $dump ], 'restore');
is($old->safe_psql('same', $user_rows), $rows_before, 'rows of the user are the same');
is($old->safe_psql('same', $costs), $costs_before, 'answers are the same');
is($old->safe_psql('same', $distributions), $distributions_before, 'distributions are the same');
is($old->safe_psql('same', q{SET enable_seqscan = off;
	SELECT count(*) FROM hourly a WHERE EXISTS (SELECT FROM hourly b WHERE b.costs OPERATOR(llm_cost.=) a.costs)}), '7', 'and found by their indexes');
is($old->safe_psql('same', 'SELECT count(*) FROM llm_cost.bundled_price'),
	$old->safe_psql('postgres', 'SELECT count(*) FROM llm_cost.bundled_price'), 'bundled prices are there once');
is($old->safe_psql('same', $rollup), $rollup_before, 'rollups are the same');
is($old->safe_psql('same', $from_rollup), $drift_before, '... and answer');
is_deeply([ split /\n/, $old->safe_psql('same', $bi) ], [ split /\n/, $bi_before ], '... and their views, with types, comments and grants');
is($old->safe_psql('same', 'SET ROLE analyst; SELECT count(*) FROM daily_bi; SELECT count(*) FROM llm_cost.bi_releases'), "28\n0", '... for those who may read the tables');
$old->safe_psql('same', q{DROP VIEW dashboard, daily_bi; SELECT llm_cost.create_bi_views('daily')});
is($old->safe_psql('same', 'SELECT count(*), sum(cost) FROM daily_bi'), $old->safe_psql('postgres', 'SELECT count(*), sum(cost) FROM daily_bi'), '... which can be made again');
is($old->safe_psql('same', q{SELECT action, count(*) FROM llm_cost.refresh_rollup('daily', '(,)') GROUP BY 1 ORDER BY 1}),
	"kept: raw rows are gone|13\nkept: raw rows next to it are gone|1", '... and keep what has no calls any more');
$old->safe_psql('same', q{SELECT llm_cost.set_price('gpt-4o', 'output', 8, '2026-07-01', provider => 'openai')});
is($old->safe_psql('same', q{SELECT llm_cost.cost('gpt-4o', 0, 1000000, '2026-07-02', provider => 'openai')}), '8', 'the restored book can be changed');

# A newer bundled catalogue that also knows what the user had to import
my $install = PostgreSQL::Test::Utils::tempdir . '/i';
PostgreSQL::Test::RecursiveCopy::copypath($installed, $install);
my ($script) = glob "$install/usr/share/postgresql/*/extension/llm_cost--*.sql";
open(my $file, '>>', $script) or die $!;
print $file q{
	UPDATE llm_cost.bundled_price SET amount = 77 WHERE provider = 'openai' AND model = 'gpt-4o' AND meter = 'input';
	INSERT INTO llm_cost.bundled_price (price_book, provider, model, meter, amount, per, valid, known, source)
	VALUES ('list', 'vendor', 'imported-model', 'input', 55, 1000000, '(,)', '(,)', 'newer'),
		   ('list', 'vendor', 'new-model', 'input', 66, 1000000, '(,)', '(,)', 'newer');
};
close $file;

my $new = new_node('new', install => $install);
$new->safe_psql('postgres', 'CREATE ROLE analyst');
$new->command_ok([ 'pg_restore', '--exit-on-error', '-d', $new->connstr('postgres'), $dump ],
	'restore onto a newer bundled catalogue');
is($new->safe_psql('postgres', $user_rows), $rows_before, 'rows of the user are the same');
is($new->safe_psql('postgres', $distributions), $distributions_before, 'distributions are the same');
is($new->safe_psql('postgres', q{
	SELECT llm_cost.cost('new-model', 1000000, 0, '2026-06-01'), llm_cost.cost('gpt-4o', 1000000, 0, '2026-06-01', provider => 'openai'),
		   llm_cost.cost('imported-model', 1000000, 0, '2026-06-01'),
		   llm_cost.cost('gpt-4o', 0, 1000000, '2026-06-01', provider => 'openai')}),
	'66|77|2.99999|9.44', 'bundled prices are the newer ones, those of the user come first');

done_testing();
