# A refresh whose tablespace gets full: it fails as a full disk does, leaves
# what was stored before, and goes through once there is room.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Find qw(find);
use IPC::Run qw(run);
use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my ($compiler) = grep { -x } map { my $name = $_; map { "$_/$name" } split /:/, $ENV{PATH} } qw(cc gcc clang);
$compiler or plan skip_all => 'no C compiler is installed';

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $disk = "$tempdir/disk";
my $preload = "$tempdir/small_disk.so";
my $problem;
run([ $compiler, qw(-Wall -Werror -O1 -U_FORTIFY_SOURCE -fPIC -shared -o), $preload, dirname(__FILE__) . '/../clients/small_disk.c', '-ldl' ], '2>', \$problem) or BAIL_OUT($problem);
mkdir $disk or die "$disk: $!";

my $node = new_node('full');
$node->append_conf('postgresql.conf', "autovacuum = off\nfull_page_writes = off");
$node->stop;
{
	local @ENV{qw(LD_PRELOAD SMALL_DISK)} = ($preload, $disk);
	$node->start;
}

sub limit
{
	open(my $file, '>', "$disk/limit") or die $!;
	print $file @_;
	close $file;
}

# Bytes of all files but that one
sub used
{
	my $used = 0;
	find({ no_chdir => 1, wanted => sub { $used += -s if -f && !m{/limit$} } }, $disk);
	return $used;
}
$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk'");
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE EXTENSION llm_cost CASCADE;
	CREATE TABLE call (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint, operation_id text, user_id text, team text);
	INSERT INTO call
	SELECT '2026-05-01 00:00+00'::timestamptz + make_interval(secs => i * 260), 'gpt-4o', 1000 + i % 977, 100 + i % 31, 'o' || i / 3, 'u' || i % 97, 't' || i % 5
	FROM generate_series(0, 9999) i;
	SET default_tablespace = small;
	SELECT llm_cost.create_rollup('daily', '{team,model}', 'call', time_zone => 'UTC');
	RESET default_tablespace;
	SELECT llm_cost.create_rollup('clean', '{team,model}', 'call', time_zone => 'UTC');});
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_tables WHERE tablespace = 'small'}), '3', 'the rollup is in the small tablespace');

my $refresh = q{SELECT count(*) FROM llm_cost.refresh_rollup('daily', '(,)')};
my $rows = sub {
	my ($rollup) = @_;
	my $cells = q{to_jsonb(c) - '{cost_distribution,context_distribution}'::text[] || jsonb_build_object('n', llm_cost.num_values(cost_distribution), 'max', llm_cost.max_value(cost_distribution), 'p', llm_cost.percentile(context_distribution, 0.5))};
	return $node->safe_psql('postgres', qq{SELECT md5(string_agg(r::text, ';' ORDER BY r::text)) FROM (
		SELECT to_jsonb(b) - '{known_at,refreshed_at}'::text[] AS r FROM $rollup b UNION ALL SELECT $cells FROM ${rollup}_cell c UNION ALL SELECT to_jsonb(u) FROM ${rollup}_user_cell u) AS q});
};
my $registered = q{SELECT covered, refreshed_at FROM llm_cost.rollup WHERE rollup_name = 'daily'};

# Full at once, and in the midst of it: there is room for some of the batches
sub refresh_fails
{
	my ($what) = @_;
	my ($result, $out, $err) = $node->psql('postgres', $refresh, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	is($result, 3, "$what: it fails");
	like($err, qr/ERROR:  53100: could not extend file .*No space left on device/, '... for the disk is full');
	return $err;
}

limit(used() + 65536);
refresh_fails('a first refresh');
is($node->safe_psql('postgres', 'SELECT count(*) FROM daily_cell'), '0', '... and nothing is stored');
is($node->safe_psql('postgres', $registered), '{}|', '... nor said to be');

limit(100_000_000);
is($node->safe_psql('postgres', $refresh), '31', 'with room it goes through');
is($node->safe_psql('postgres', q{SELECT count(*) FROM llm_cost.refresh_rollup('clean', '(,)')}), '31', 'so does one elsewhere');
my $good = $rows->('daily');
is($good, $rows->('clean'), '... and they are the same');

$node->safe_psql('postgres', q{
	INSERT INTO call SELECT '2026-05-01 12:00+00'::timestamptz + make_interval(days => i), 'gpt-4o', 5000, 1, 'late', 'u1', 't1' FROM generate_series(0, 30) i});
my $state = $node->safe_psql('postgres', $registered);
foreach my $room (0, 300_000, 600_000)
{
	limit(used() + $room);
	my $err = refresh_fails("$room bytes of room");
	like($err, qr/NOTICE: .*of 31 buckets/, '... after some batches') if $room > 500_000;
	is($rows->('daily'), $good, '... and the last good state is there');
	is($node->safe_psql('postgres', $registered), $state, '... and said to be');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM llm_cost.cells(period => '[2026-05-04 00:00+00, 2026-05-11 00:00+00)', usage => 'daily', time_zone => 'UTC')}), '7', '... and answers');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', '... and nothing is locked');
}

limit(100_000_000);
is($node->safe_psql('postgres', $refresh), '31', 'after room is made it goes through');
isnt($rows->('daily'), $good, 'with the late rows');
$node->safe_psql('postgres', q{SELECT count(*) FROM llm_cost.refresh_rollup('clean', '(,)')});
is($rows->('daily'), $rows->('clean'), 'and is what a refresh elsewhere makes of them');
is($node->safe_psql('postgres', 'SELECT sum(attempts), sum(cost) FROM daily'), $node->safe_psql('postgres', 'SELECT count(*), sum(llm_cost.cost(model, input_tokens, output_tokens, started_at)) FROM call'), '... of all calls');

done_testing();
