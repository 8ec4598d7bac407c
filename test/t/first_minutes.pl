# The first ten minutes of the README, word for word, over a log as LiteLLM
# writes it, of weeks that end with the last one.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use LlmCost;

my ($minutes) = slurp_file('README.md') =~ /^## First ten minutes\n(.*?)^## /ms;
my @blocks = $minutes =~ /^```sql\n(.*?)^```/msg;
# what a query printed stands below it
s/^ .*?\n-+\+.*?\n(?: .*\n)*\n?//mg foreach @blocks;

my $node = new_node('primary');
my $monday = $node->safe_psql('postgres', q{SELECT date_trunc('week', now() AT TIME ZONE 'UTC')::date});
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-v', 'schema=shop', '-v', 'faults={cache_bust,added_step,retry_storm}',
	'-v', 'size=small', '-v', "last_monday=$monday", '-c', 'CREATE EXTENSION llm_cost CASCADE', '-f', 'demo/generate.sql', '-f', 'test/litellm_log.sql',
	# most logs have no such metadata
	'-c', q{UPDATE public."LiteLLM_SpendLogs" SET metadata = metadata - 'spend_logs_metadata'; DROP SCHEMA shop CASCADE; DROP EXTENSION llm_cost CASCADE} ],
	'a log of LiteLLM');

my @printed = map { $node->safe_psql('postgres', "SET timezone = 'UTC';\n$_") } @blocks;
is(scalar @printed, 6, 'every block runs');
is($printed[0], '"LiteLLM_SpendLogs_usage"', 'the view');
unlike($printed[1], qr/\|fail\|/, 'doctor() has nothing against it');
my ($calls, $usd, $recorded, $unpriced) = (0) x 4;
foreach (split /\n/, $printed[2])
{
	my @row = split /\|/;
	$calls += $row[1]; $usd += $row[2]; $recorded += $row[3]; $unpriced += $row[4];
}
ok($calls > 10000 && $usd > 100 && $unpriced == 0, "$calls calls for \$$usd, none without a price");
is($usd, $recorded, 'what the proxy wrote down');
like($printed[3], qr/^feature=help centre\|.*\|increased$/m, 'overview() names what lost its cache');
like($printed[3], qr/^feature=back office\|.*\|increased$/m, '... and what has a step more');
my $week = $node->safe_psql('postgres', "SELECT date '$monday' - 7");
like($printed[4], qr/^\{"feature": "help centre"\}\|$week 00:00:00\+00\|0\.7\d+\|0\.\d+\|[1-9]/m, 'why: the cache');
like($printed[4], qr/^\{"feature": "back office"\}\|1\.\d+\|3\.\d+\|/m, '... the calls');
like($printed[4], qr/^\{"error_type": "timeout"\}\|/m, '... the retries');
like($printed[4], qr/^total\|/m, '... and the whole');
like($printed[5], qr/WHAT TO LOOK AT.*help centre reads.*<html.*help centre reads/s, 'the report, as text and as a page');

done_testing();
