# Upgrades: an installation that came from an older version step by step is
# the same as a fresh one, keeps the user's prices and has the new bundled ones.

use strict;
use warnings;

use File::Basename;
use File::Copy;
use FindBin;
use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $installed = $ENV{LLM_COST_TEST_INSTALL}
  or plan skip_all => 'needs an installation of its own; use test/run';

# Scripts are added to a copy of the installation.
my $install = PostgreSQL::Test::Utils::tempdir;
PostgreSQL::Test::RecursiveCopy::copypath($installed, "$install/i");
$install = "$install/i";
my ($control) = glob "$install/usr/share/postgresql/*/extension/llm_cost.control";
my $scripts = dirname($control);
my ($current) = slurp_file($control) =~ /^default_version = '(.*)'/m;

my $node = new_node('upgrade', install => $install);
my $catalogue = "\\i $FindBin::RealBin/catalogue.sql";

sub write_script
{
	my ($versions, @parts) = @_;

	open(my $file, '>', "$scripts/llm_cost--$versions.sql") or die $!;
	print $file join("\n", @parts);
	close $file;
}

sub query { return $node->safe_psql(@_) }

sub create_database
{
	my ($name, $version) = @_;

	query('postgres', "CREATE DATABASE $name");
	query($name, "SET client_min_messages = warning; CREATE EXTENSION llm_cost VERSION '$version' CASCADE");
}

# Prices of every layer, except that a bundled row may be known from another
# moment.
my $prices = 'SELECT layer, price_id FROM llm_cost.price ORDER BY 1, 2';
my $rules = 'SELECT layer, rule, factor FROM llm_cost.price_rule ORDER BY 1, 2, 3';
my $aliases = 'SELECT layer, kind, pattern, to_model FROM llm_cost.model_alias ORDER BY 1, 2, 3, 4';

create_database('fresh', $current);
my $fresh = query('fresh', $catalogue);

# Every released version.
foreach my $script (sort glob "$FindBin::RealBin/../old/llm_cost--*.sql")
{
	my ($version) = $script =~ /llm_cost--(.*)\.sql$/;
	next if $version eq $current;

	(my $database = "from_$version") =~ s/\W/_/g;
	copy($script, $scripts) or die $!;
	create_database($database, $version);
	my (undef, @steps) = split /--/, query($database,
		"SELECT path FROM pg_extension_update_paths('llm_cost') WHERE source = '$version' AND target = '$current'");
	ok(@steps > 0, "there is a path from $version to $current");
	query($database, "ALTER EXTENSION llm_cost UPDATE TO '$_'") foreach @steps;

	is(query($database, $catalogue), $fresh, "$version upgraded to $current is $current");
	is(query($database, $_), query('fresh', $_), "bundled rows of $version upgraded are those of $current")
	  foreach $prices, $rules, $aliases;
}

# The next version, which does not exist yet: only a bundled price changes.
my $next = "$current+next";
my $bundled_price = q{
	INSERT INTO llm_cost.bundled_price (price_book, provider, model, meter, amount, valid, known, source)
	VALUES ('list', 'vendor', 'bundled-model', 'input', %s, '(,)', '[2026-01-01 00:00+00,)', 'test');};
my $user_price = q{
	INSERT INTO llm_cost.%s (price_book, provider, model, meter, amount, valid, known, source)
	VALUES ('list', 'vendor', '%s', 'input', 7, '(,)', '[2026-01-01 00:00+00,)', 'test');};
my $cost = q{
	SELECT llm_cost.cost('bundled-model', 1, 0, '2026-06-01'), llm_cost.cost('imported-model', 1, 0, '2026-06-01'),
		   llm_cost.cost('own-model', 1, 0, '2026-06-01');};
my $user_rows = q{
	SELECT * FROM llm_cost.imported_price;
	SELECT * FROM llm_cost.price_override;};

my $script = slurp_file("$scripts/llm_cost--$current.sql");
my $upgrade = `make -s upgrade-bundled`;
is($?, 0, 'make prints the end of an upgrade script');

write_script($current, $script, sprintf($bundled_price, 1));
write_script("$current--$next", $upgrade, sprintf($bundled_price, 2));

create_database('old', $current);
query('old', sprintf($user_price, 'imported_price', 'imported-model')
	  . sprintf($user_price, 'price_override', 'own-model'));
my $before = query('old', $user_rows);
my $bundled = q{SELECT price_id FROM llm_cost.bundled_price WHERE model <> 'bundled-model' ORDER BY 1};
my $bundled_before = query('old', $bundled);

is(query('old', "$cost ALTER EXTENSION llm_cost UPDATE TO '$next'; $cost"), "1|7|7\n2|7|7",
	'a session sees the new bundled price at once, and the prices of the user');
is(query('old', 'SELECT extversion FROM pg_extension WHERE extname = $$llm_cost$$'), $next, 'version');
is(query('old', $user_rows), $before, 'rows of the user are untouched');
is(query('old', $bundled), $bundled_before, 'bundled rows that did not change have the same ids');
is(query('old', q{SELECT count(*), min(amount) FROM llm_cost.bundled_price WHERE model = 'bundled-model'}), '1|2',
	'the old bundled price is gone');
is(query('old', $catalogue), $fresh, 'nothing else has changed');

my ($status, undef, $error) = $node->psql('old', 'DELETE FROM llm_cost.bundled_price');
isnt($status, 0, 'bundled rows are immutable again');
like($error, qr/cannot change "bundled_price"/, '... and the error says so');

done_testing();
