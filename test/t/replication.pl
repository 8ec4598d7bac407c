# Prices change under sessions of a hot standby and of a logical subscriber,
# where no statement of that server changes them.  Distributions arrive at both
# as they were.

use strict;
use warnings;

use LlmCost;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $create = 'SET client_min_messages = warning; CREATE EXTENSION llm_cost CASCADE';
my $insert = q{
	INSERT INTO llm_cost.price_override
		(price_book, provider, model, meter, amount, valid, known, source)
	VALUES ('list', 'vendor', 'model', 'input', 1, '(,)', '(,)', 'test')};
my $cost = q{llm_cost.cost('model', 1, 0, '2026-06-01')};

my $primary = new_node('primary', init => { allows_streaming => 'logical' });
$primary->safe_psql('postgres', $_) foreach $create, $insert;

# Rows that only their distribution tells apart, and that have no key: small
# ones, centroids, and one that is stored apart
my $create_hourly = q{
	CREATE TABLE hourly (costs llm_cost.distribution, note text);
	ALTER TABLE hourly REPLICA IDENTITY FULL};
my $insert_hourly = q{
	INSERT INTO hourly SELECT llm_cost.distribution(i * h / 7.0, CASE WHEN h = 4 THEN 2000 END), 'new'
		FROM generate_series(1, 4) h, LATERAL generate_series(1, (10 ^ h)::int) i GROUP BY h};
my $hourly = q{SELECT string_agg(llm_cost.num_values(costs) || ' ' || md5(costs::text) || ' ' || note, E'\\n' ORDER BY llm_cost.num_values(costs), costs) FROM hourly};
$primary->safe_psql('postgres', $_) foreach $create_hourly, $insert_hourly;

# A session that has looked at the first price, then waits for the second to
# show: the same expression of one block, so the same call site.
sub start_waiting
{
	my ($node, $price) = @_;
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', qq{
			DO \$\$
			BEGIN
				RAISE NOTICE 'before: %', $cost;
				FOR i IN 1 .. 600 LOOP
					EXIT WHEN $cost IS NOT DISTINCT FROM $price;
					PERFORM pg_catalog.pg_sleep(0.1);
				END LOOP;
				RAISE NOTICE 'after: %', coalesce($cost, -1);
			END
			\$\$;} ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(120));
	$session->pump until $err =~ /before/;
	return sub { $session->finish; return join ' ', $err =~ /NOTICE:  (\w+: \S+)/g; };
}

# Hot standby
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

is($standby->safe_psql('postgres', "SELECT $cost"), '1', 'standby prices');
my $session = start_waiting($standby, 2);
$primary->safe_psql('postgres', 'UPDATE llm_cost.price_override SET amount = 2');
is($session->(), 'before: 1 after: 2', 'a session of the standby notices a change');
$session = start_waiting($standby, 'NULL');
$primary->safe_psql('postgres', 'TRUNCATE llm_cost.price_override');
is($session->(), 'before: 2 after: -1', 'a session of the standby notices TRUNCATE');
is($standby->safe_psql('postgres', q{SELECT llm_cost.cost_problem('model', 1, 0, '2026-06-01')}),
	'unknown_model', 'problems on the standby');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $hourly), $primary->safe_psql('postgres', $hourly), 'distributions on the standby');
is($standby->safe_psql('postgres', q{SELECT llm_cost.num_values(llm_cost.combine(costs)), llm_cost.max_value(llm_cost.combine(costs)) > 5000,
	llm_cost.percentile(llm_cost.distribution(i), 0.5) FROM hourly, generate_series(1, 3) i}), '33330|t|2', 'the standby aggregates');
$standby->stop;

# Logical replication: the apply worker fires no statement triggers
my $subscriber = new_node('subscriber');
my $publisher = $primary->connstr(q{postgres}) =~ s{'}{''}gr;
$primary->safe_psql('postgres', $_)
  foreach $insert, 'CREATE PUBLICATION prices FOR TABLE llm_cost.price_override';
$subscriber->safe_psql('postgres', $_)
  foreach $create, "CREATE SUBSCRIPTION prices CONNECTION '$publisher' PUBLICATION prices";
$subscriber->poll_query_until('postgres', "SELECT $cost = 1")
  or die 'the initial copy did not arrive';

$session = start_waiting($subscriber, 3);
$primary->safe_psql('postgres', 'UPDATE llm_cost.price_override SET amount = 3');
is($session->(), 'before: 1 after: 3', 'a session of the subscriber notices an update');
$session = start_waiting($subscriber, 'NULL');
$primary->safe_psql('postgres', 'DELETE FROM llm_cost.price_override');
is($session->(), 'before: 3 after: -1', 'a session of the subscriber notices a deletion');
$primary->safe_psql('postgres', $insert);
$subscriber->poll_query_until('postgres', "SELECT $cost = 1") or die;
$session = start_waiting($subscriber, 'NULL');
$primary->safe_psql('postgres', 'TRUNCATE llm_cost.price_override');
is($session->(), 'before: 1 after: -1', 'a session of the subscriber notices TRUNCATE');

# Distributions, as text and in binary.  Rows to change are found by equality.
foreach my $binary ('false', 'true')
{
	my $name = "hourly_$binary";

	$primary->safe_psql('postgres', $_) foreach 'TRUNCATE hourly', $insert_hourly, "CREATE PUBLICATION $name FOR TABLE hourly";
	$subscriber->safe_psql('postgres', $_)
	  foreach 'DROP TABLE IF EXISTS hourly', $create_hourly, "CREATE SUBSCRIPTION $name CONNECTION '$publisher' PUBLICATION $name WITH (binary = $binary)";
	$subscriber->wait_for_subscription_sync($primary, $name);
	is($subscriber->safe_psql('postgres', $hourly), $primary->safe_psql('postgres', $hourly), "distributions are copied, binary = $binary");

	$primary->safe_psql('postgres', $_) foreach
	  q{UPDATE hourly SET note = 'changed' WHERE llm_cost.num_values(costs) IN (10, 10000)},
	  q{UPDATE hourly SET costs = llm_cost.add(costs, -1) WHERE llm_cost.num_values(costs) IN (100, 10000)},
	  q{DELETE FROM hourly WHERE llm_cost.num_values(costs) = 1000},
	  q{INSERT INTO hourly SELECT llm_cost.combine(costs), 'all' FROM hourly};
	$primary->wait_for_catchup($name);
	my $expected = $primary->safe_psql('postgres', $hourly);
	is($subscriber->safe_psql('postgres', $hourly), $expected, "… and changed, binary = $binary");
	is(join(' ', $expected =~ /^(\d+)/mg), '10 101 10001 10112', 'to what was expected');
	$subscriber->safe_psql('postgres', "DROP SUBSCRIPTION $name");
}

done_testing();
