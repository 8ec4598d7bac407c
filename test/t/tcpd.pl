# bench/tcpd reads the layout of the Turing Change Point Dataset and scores as
# TCPDBench does: series whose change is plain, so that scores follow by hand.

use strict;
use warnings;

use JSON::PP;
use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('tcpd');
my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/datasets";

sub write_json
{
	my ($file, $json) = @_;
	open my $out, '>', $file or die "$file: $!";
	my $text = encode_json($json);
	$text =~ s/"NaN"/NaN/g;
	print $out $text;
	close $out;
}

sub dataset
{
	my ($name, @raw) = @_;
	mkdir "$folder/datasets/$name";
	write_json("$folder/datasets/$name/$name.json", {
		name => $name, longname => $name, n_obs => scalar @{ $raw[0] }, n_dim => scalar @raw,
		time => { index => [ 0 .. $#{ $raw[0] } ] },
		series => [ map { { label => 'V', type => 'float', raw => $_ } } @raw ]
	});
}

sub score
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres');
	return `perl bench/tcpd.pl "$folder" 2>&1`;
}

dataset(step => [ map { $_ < 20 ? 1 : 2 } 0 .. 44 ]);
dataset(level => [ map { $_ == 7 ? undef : $_ == 30 ? 'NaN' : 1 } 0 .. 44 ]);
dataset(uk_coal_employ => [ map { $_ < 24 ? 1 : 2 } 0 .. 44 ]);
dataset(two => [ 1 .. 10 ], [ 1 .. 10 ]);
dataset(unmarked => [ 1 .. 10 ]);
like(score(), qr/has no annotations\.json/, 'without annotations');

write_json("$folder/annotations.json", {
	step => { 1 => [ 10, 20 ], 2 => [ 10 ], 3 => [ 0, 5 ] },
	level => { 6 => [], 7 => [ 10 ], 8 => [ 40 ] },
	uk_coal_employ => { 6 => [ 20, 28 ] },
	two => { 6 => [] },
	gone => { 6 => [] }
});
my $scores = score();

# Found: 20.  Precision 2/2 (0 and 20); recall of 2/3, 1/2, 1/2 is 5/9: F1 is
# 10/14.  Segments 0-20-45 cover 0-10-20-45 by (10/2 + 10/2 + 25)/45 = 35/45,
# 0-10-45 by (10/2 + 35 * 25/35)/45 = 30/45, 0-5-45 by (5/4 + 40 * 25/40)/45.
like($scores, qr/^step +45 +1 +0\.714 +0\.676$/m, 'one change');
# None found: precision 1, recall of 1, 1/2, 1/2 is 2/3.  One segment covers
# 45/45, (10 * 10/45 + 35 * 35/45)/45, (40 * 40/45 + 5 * 5/45)/45.
like($scores, qr/^level +45 +0 +0\.800 +0\.819$/m, 'no change, values missing');
# Found: 24, within 5 of both 20 and 28, but serves one: precision 2/2, recall
# 2/3.  Segments 0-24-45 cover 0-20-28-45 by
# (20 * 20/24 + 8 * 4/25 + 17 * 17/21)/45.
like($scores, qr/^uk_coal_employ +45 +1 +0\.800 +0\.705$/m, 'a change serves once');
like($scores, qr/^mean of all +3 +0\.771 +0\.733$/m, 'mean');
like($scores, qr/^mean as in TCPDBench v3 +2 +0\.757 +0\.747$/m, 'mean of what TCPDBench has in its table');
like($scores, qr/^left out: two \(multivariate\), unmarked \(not annotated\)$/m, 'left out');
like($scores, qr/^annotated, but not there: gone$/m, 'not there');

done_testing();
