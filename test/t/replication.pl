# Prices change under sessions of a hot standby and of a logical subscriber,
# where no statement of that server changes them.

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

done_testing();
