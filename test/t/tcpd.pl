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
dataset(early => [ map { $_ < 20 ? 1 : 2 } 0 .. 44 ]);
# an episode of three values is two changes, however near to each other
dataset(episode => [ map { $_ < 20 || $_ > 22 ? 1 : 5 } 0 .. 44 ]);
# half of two dimensions, and one of three; the same change in two of three
dataset(two => [ map { $_ < 30 ? 1 : 2 } 0 .. 44 ], [ (1) x 45 ]);
dataset(three => [ map { $_ < 30 ? 1 : 2 } 0 .. 44 ], [ map { $_ < 34 ? 3 : 1 } 0 .. 44 ], [ map { $_ < 12 ? 3 : 1 } 0 .. 44 ]);
dataset(unmarked => [ 1 .. 10 ]);
like(score(), qr/has no annotations\.json/, 'without annotations');

write_json("$folder/annotations.json", {
	step => { 1 => [ 10, 20 ], 2 => [ 10 ], 3 => [ 0, 5 ] },
	level => { 6 => [], 7 => [ 10 ], 8 => [ 40 ] },
	uk_coal_employ => { 6 => [ 20, 28 ] },
	early => { 6 => [ 26 ], 7 => [ 15, 25 ], 8 => [] },
	episode => { 6 => [ 20, 23 ] },
	two => { 6 => [ 30 ], 7 => [] },
	three => { 6 => [ 30 ] },
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
# Found: 20, six from 26 and five from both 15 and 25.  Precision 2/2: of the
# union 0, 15, 25, 26 the found 0 and 20 serve 0 and 15.  Recall of 1/2, 2/3,
# 1/1 is 13/18: F1 is 26/31.  Segments 0-20-45 cover 0-26-45 by
# (26 * 20/26 + 19 * 19/25)/45, 0-15-25-45 by (15 * 15/20 + 10 * 5/25 + 20 * 20/25)/45,
# 0-45 by 25/45.
like($scores, qr/^early +45 +1 +0\.839 +0\.657$/m, 'margin, and an annotator who marks nothing');
# Found: 20 and 23.
like($scores, qr/^episode +45 +2 +1\.000 +1\.000$/m, 'changes near to each other');
# Found: 30, which one of two dimensions has.  Precision 2/2, recall of 2/2 and
# 1/1: F1 is 1.  Covering is the mean of 1 and 30/45.
like($scores, qr/^two +45 +1 +1\.000 +0\.833$/m, 'half of the dimensions');
# Found: 30 and 34, one change at 30; 12 is in one of three and does not count.
like($scores, qr/^three +45 +1 +1\.000 +1\.000$/m, 'most of the dimensions');
like($scores, qr/^mean of univariate +5 +0\.831 +0\.771$/m, 'mean');
like($scores, qr/^mean as in TCPDBench v3 +4 +0\.838 +0\.788$/m, 'mean of what TCPDBench has in its table');
like($scores, qr/^mean of multivariate +2 +1\.000 +0\.917$/m, 'mean of several dimensions');
like($scores, qr/^left out: unmarked \(not annotated\)$/m, 'left out');
like($scores, qr/^annotated, but not there: gone$/m, 'not there');

done_testing();
