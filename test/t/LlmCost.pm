# What the TAP tests share: clusters that find the extension where test/run
# installed it.  After "make install" nothing needs to be found.
package LlmCost;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(new_node);

# new_node(NAME, [install => FOLDER, init => {…}]): a running cluster.  FOLDER is
# a copy of the installation to use in its place, init goes to Cluster::init().
sub new_node
{
	my ($name, %params) = @_;
	my $conf = $ENV{LLM_COST_TEST_CONF} // '';

	$conf =~ s/\Q$ENV{LLM_COST_TEST_INSTALL}\E/$params{install}/g if $params{install};

	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ], %{ $params{init} // {} });
	$node->append_conf('postgresql.conf', $conf);
	$node->start;
	return $node;
}

1;
