# A refresh that is killed, cancelled, or asked of a hot standby: what was
# stored before stays, nothing is lost, nothing is there twice.

use strict;
use warnings;

use LlmCost;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seed = $ENV{LLM_COST_TEST_SEED} // int(rand(1_000_000));
srand($seed);
note "seed $seed";

my $primary = new_node('primary', init => { allows_streaming => 1 });
$primary->append_conf('postgresql.conf', 'restart_after_crash = on');
$primary->restart;
$primary->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE EXTENSION llm_cost CASCADE;
	CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, team text);
	INSERT INTO call
	SELECT '2026-05-01 00:00+00'::timestamptz + make_interval(secs => i * 130), 'gpt-4o', 1000 + i % 977, 100 + i % 31, 'o' || i / 3, 'u' || i % 97, 't' || i % 5
	FROM generate_series(0, 39999) i;
	CREATE INDEX ON call (started_at);
	ANALYZE call;
	SELECT llm_cost.create_rollup('daily', '{team,model}', 'call', time_zone => 'UTC');
	SELECT llm_cost.create_rollup('clean', '{team,model}', 'call', time_zone => 'UTC');});

my $refresh = q{SELECT count(*) FROM llm_cost.refresh_rollup('daily', '(,)')};
my $stored = q{SELECT count(*), sum(attempts), sum(cost) FROM daily};

# Buckets, cells and user cells tell the same
my $torn = q{
	SELECT count(*)
	FROM daily b
		 FULL JOIN (SELECT bucket_start, sum(attempts) AS attempts, sum(cost) AS cost, sum(llm_cost.num_values(cost_distribution)) AS priced FROM daily_cell GROUP BY 1) c USING (bucket_start)
		 FULL JOIN (SELECT bucket_start, sum(attempts) AS attempts, sum(cost) AS cost FROM daily_user_cell GROUP BY 1) u USING (bucket_start)
	WHERE (b.attempts, b.cost, b.attempts) IS DISTINCT FROM (c.attempts, c.cost, c.priced) OR (b.attempts, b.cost) IS DISTINCT FROM (u.attempts, u.cost)};

sub start_refresh
{
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $primary->connstr('postgres'), '-c', "SELECT 'pid ' || pg_backend_pid()", '-c', $refresh ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(180));
	$session->pump until $out =~ /pid (\d+)/;
	my ($pid) = $out =~ /pid (\d+)/;
	return ($pid, sub { $session->finish; return ($session->full_result(0) == 0, $err); });
}

my $started = time;
$primary->safe_psql('postgres', $refresh);
my $duration = time - $started;
note "a refresh takes $duration seconds";
my $before = $primary->safe_psql('postgres', $stored);
is($before, $primary->safe_psql('postgres', 'SELECT 61, count(*), sum(llm_cost.cost(model, input_tokens, output_tokens, started_at)) FROM call'), 'the first refresh has everything');

# Every round adds a row to every day, then kills the backend at a random point.
my ($killed, $wrong, $torn_buckets) = (0, 0, 0);
for my $round (1 .. 12)
{
	$primary->safe_psql('postgres', "INSERT INTO call SELECT '2026-05-01 12:00+00'::timestamptz + make_interval(days => i), 'gpt-4o', $round, 1, 'late$round', 'u1', 't1' FROM generate_series(0, 59) i");
	my ($pid, $finish) = start_refresh();
	usleep(1e6 * rand($duration));
	kill 'KILL', $pid;
	my ($done) = $finish->();
	$primary->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the server did not come back';
	my $after = $primary->safe_psql('postgres', $stored);
	$killed++ unless $done;
	$wrong++ if !$done && $after ne $before;
	$torn_buckets += $primary->safe_psql('postgres', $torn);
	$before = $after;
}
cmp_ok($killed, '>=', 6, "$killed of 12 refreshes were killed before they ended");
is($wrong, 0, 'they left what was there before');
is($torn_buckets, 0, '... whole');

# Cancelled: the same, and nobody holds a lock afterwards
my $cancelled = 0;
for my $round (1 .. 3)
{
	my ($pid, $finish) = start_refresh();
	usleep(1e6 * rand($duration / 2));
	$primary->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my ($done, $err) = $finish->();
	$cancelled++ if $err =~ /canceling statement due to user request/;
	is($primary->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'no lock is left') if $done == 0;
}
cmp_ok($cancelled, '>=', 1, "$cancelled of 3 were cancelled");
is($primary->safe_psql('postgres', $torn), '0', '... and left whole buckets');

# What comes of it all is what a clean refresh gives
$primary->safe_psql('postgres', $refresh);
$primary->safe_psql('postgres', q{SELECT count(*) FROM llm_cost.refresh_rollup('clean')});
my $columns = q{to_jsonb(c) - '{cost_distribution,context_distribution}'::text[], llm_cost.num_values(cost_distribution), llm_cost.num_values(context_distribution), llm_cost.max_value(cost_distribution)};
is($primary->safe_psql('postgres', qq{SELECT count(*) FROM (SELECT $columns FROM daily_cell c EXCEPT ALL SELECT $columns FROM clean_cell c) q}) . ' ' .
   $primary->safe_psql('postgres', qq{SELECT count(*) FROM (SELECT $columns FROM clean_cell c EXCEPT ALL SELECT $columns FROM daily_cell c) q}), '0 0', 'cells are those of a clean refresh');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM (SELECT to_jsonb(c) FROM daily_user_cell c EXCEPT ALL SELECT to_jsonb(c) FROM clean_user_cell c) q}) . ' ' .
   $primary->safe_psql('postgres', q{SELECT count(*) FROM (SELECT to_jsonb(c) FROM clean_user_cell c EXCEPT ALL SELECT to_jsonb(c) FROM daily_user_cell c) q}), '0 0', 'user cells, too');
is($primary->safe_psql('postgres', 'SELECT sum(attempts), sum(cost) FROM daily'),
   $primary->safe_psql('postgres', 'SELECT count(*), sum(llm_cost.cost(model, input_tokens, output_tokens, started_at)) FROM call'), 'and the sums are those of the calls');

# Hot standby: refused in plain words; analyses read the rollup
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
my ($result, $out, $err) = $standby->psql('postgres', $refresh);
like($err, qr/cannot refresh rollup public\.daily in a read-only transaction.*refresh them on the primary/s, 'a standby does not refresh');
for my $question (
	q{SELECT count(*), min(value), min(value_before), min(verdict) FROM llm_cost.drift(by => '{team}', period => '[2026-06-22 00:00+00, 2026-06-29 00:00+00)', usage => 'daily', time_zone => 'UTC')},
	q{SELECT count(*), sum(spend_usd), sum(change_usd) FROM llm_cost.overview('daily', '[2026-06-22 00:00+00, 2026-06-29 00:00+00)', time_zone => 'UTC')},
	q{SELECT count(*), sum(cost), max(llm_cost.max_value(cost_distribution)) FROM llm_cost.cells(period => '[2026-05-04 00:00+00, 2026-06-29 00:00+00)', usage => 'daily', time_zone => 'UTC')})
{
	my $answer = $primary->safe_psql('postgres', $question);
	isnt($answer, '', 'the primary answers');
	is($standby->safe_psql('postgres', $question), $answer, 'and so does the standby');
}
like($standby->safe_psql('postgres', q{SELECT count(*) FROM llm_cost.reprice('daily')}), qr/^61$/, 'a trial of reprice() runs on a standby');

done_testing();
