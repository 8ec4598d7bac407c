# Reports and what can go wrong: backends killed and canceled in the middle of
# write_report(), a hot standby, a dump.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);
use LlmCost;

my $primary = new_node('primary', init => { allows_streaming => 1 });
$primary->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\ntimezone = 'UTC'\n");
$primary->restart;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION llm_cost CASCADE;
	CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, workflow text);
	INSERT INTO call
	SELECT '2026-05-04'::timestamptz + make_interval(days => d, mins => u), 'gpt-4o', 1000 + 10 * u, CASE WHEN d >= 49 AND w = 1 THEN 400 ELSE 100 END, format('%s-%s-%s', w, d, u), 'u' || u, 'w' || w
	FROM generate_series(0, 55) d, generate_series(1, 30) u, generate_series(1, 3) w;
	CREATE TABLE other AS SELECT * FROM call;
	ANALYZE;
	SELECT llm_cost.attach('call');
	SELECT llm_cost.attach('other');});

my $write = q{CALL llm_cost.write_report('[2026-06-22, 2026-06-29)')};
my $kept = q{SELECT count(*), count(DISTINCT usage_name), max(revision), (SELECT count(*) FROM llm_cost.report_finding) FROM llm_cost.report_run};
# Every report has all its findings, and both usages are as far as each other
my $torn = q{
	SELECT (SELECT count(*) FROM llm_cost.report_run r WHERE jsonb_array_length(r.document -> 'findings') <> (SELECT count(*) FROM llm_cost.report_finding f WHERE f.run_id = r.run_id))
		 + (SELECT count(*) FROM (SELECT revision FROM llm_cost.report_run GROUP BY revision HAVING count(*) <> 2) q)};

sub start_report
{
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $primary->connstr('postgres'), '-c', "SELECT 'pid ' || pg_backend_pid()", '-c', $write ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(180));
	$session->pump until $out =~ /pid (\d+)/;
	my ($pid) = $out =~ /pid (\d+)/;
	return ($pid, sub { $session->finish; return ($session->full_result(0) == 0, $err); });
}

my $started = time;
$primary->safe_psql('postgres', $write);
my $duration = time - $started;
note sprintf('a report takes %.1f seconds', $duration);
is($primary->safe_psql('postgres', $kept), '2|2|1|2', 'two usages, a report each, and a finding each');
my $before = $primary->safe_psql('postgres', $kept);

# Every round changes both usages, then kills the backend at a random point.
my ($killed, $wrong, $torn_reports) = (0, 0, 0);
for my $round (1 .. 8)
{
	$primary->safe_psql('postgres', "UPDATE $_ SET output_tokens = output_tokens + 1 WHERE operation_id = '1-50-1'") for qw(call other);
	my ($pid, $finish) = start_report();
	usleep(1e6 * rand($duration));
	kill 'KILL', $pid;
	my ($done) = $finish->();
	$primary->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the server did not come back';
	my $after = $primary->safe_psql('postgres', $kept);
	$killed++ unless $done;
	$wrong++ if !$done && $after ne $before;
	$torn_reports += $primary->safe_psql('postgres', $torn);
	$before = $after;
}
cmp_ok($killed, '>=', 3, "$killed of 8 reports were killed before they ended");
is($wrong, 0, 'they left what was there before');
is($torn_reports, 0, '... whole');

# Canceled: the same, and nobody holds a lock afterwards
my $canceled = 0;
for my $round (1 .. 3)
{
	my ($pid, $finish) = start_report();
	usleep(1e6 * rand($duration / 2));
	$primary->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my ($done, $err) = $finish->();
	$canceled++ if $err =~ /canceling statement due to user request/;
	is($primary->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'no lock is left') unless $done;
}
cmp_ok($canceled, '>=', 1, "$canceled of 3 were canceled: no finding, an error");
is($primary->safe_psql('postgres', $torn), '0', '... and left whole reports');

# The next one is one revision more, and then there is nothing to write
my ($revision) = split /\|/, $primary->safe_psql('postgres', 'SELECT max(revision) FROM llm_cost.report_run');
$primary->safe_psql('postgres', "UPDATE $_ SET output_tokens = output_tokens + 1 WHERE operation_id = '1-50-1'") for qw(call other);
$primary->safe_psql('postgres', $write) for 1 .. 2;
is($primary->safe_psql('postgres', 'SELECT max(revision), count(*) = 2 * max(revision) FROM llm_cost.report_run'), ($revision + 1) . '|t', 'written again: one revision more');

# Hot standby: refused in plain words; the same document, and what was written can be read
$primary->safe_psql('postgres', q{SELECT llm_cost.acknowledge_finding(fingerprint, 'known') FROM llm_cost.alerts WHERE usage = 'public.call_usage'});
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
my ($result, $out, $err) = $standby->psql('postgres', $write);
like($err, qr/cannot write a report on a hot standby.*report_document\(\) gives the same document here/s, 'a standby writes no report');
for my $question (
	q{SELECT md5(llm_cost.report_document('[2026-06-22, 2026-06-29)', 'call_usage')::text)},
	q{SELECT usage, kind, scope, status, weeks_open, who FROM llm_cost.findings ORDER BY 1, 2, 3},
	q{SELECT md5(llm_cost.run_document()::text)})
{
	my $answer = $primary->safe_psql('postgres', $question);
	isnt($answer, '', 'the primary answers');
	is($standby->safe_psql('postgres', $question), $answer, 'and so does the standby');
}

# A dump keeps reports, what was said of them, and their numbers
$primary->run_log([ 'createdb', '-h', $primary->host, '-p', $primary->port, 'copy' ]);
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$primary->command_ok([ 'pg_dump', '-h', $primary->host, '-p', $primary->port, '-f', $dump, 'postgres' ], 'reports are dumped');
$primary->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $primary->connstr('copy'), '-f', $dump ], '... and restored');
for my $question ($kept, q{SELECT usage, kind, scope, status, who FROM llm_cost.findings ORDER BY 1, 2, 3},
	q{SELECT nextval('llm_cost.report_run_run_id_seq') > max(run_id) FROM llm_cost.report_run})
{
	is($primary->safe_psql('copy', $question), $primary->safe_psql('postgres', $question), 'the copy has them');
}

done_testing();
