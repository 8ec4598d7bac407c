# bench/tcpd: scores trend_change_points() on the Turing Change Point Dataset,
# with the metrics of G. van den Burg and C. Williams, "An evaluation of change
# point detection algorithms" (arXiv:2003.06222).
#
#	perl tcpd.pl FOLDER		libpq's environment tells which database
#
# Reads every JSON file below the folder that is a dataset (name, n_obs,
# series), and annotations.json: for each series, by annotator, the positions
# from 0 where a new segment begins; an empty list says that there is none.
# Values that are missing are gaps: they keep their positions, and a segment
# may begin at one.
#
# Of a series with several dimensions each is searched by itself.  Changes that
# are within the margin of the first of them are one, at their median, and it
# counts if half of the dimensions or more have it.  Their mean is a line of
# its own, as in TCPDBench.

use strict;
use warnings;

use File::Find;
use JSON::PP;
use List::Util qw(max sum0 uniqnum);

my $folder = shift // die "usage: $0 FOLDER\n";

# what may be between a change found and one annotated
my $margin = 5;

sub read_json
{
	my $file = shift;
	open my $in, '<:raw', $file or die "$file: $!\n";
	local $/;
	my $text = <$in>;
	# Python writes these, JSON has none of them
	$text =~ s/(?<![\w"])-?(?:NaN|Infinity)(?![\w"])/null/g;
	return eval { decode_json($text) } // die "$file: $@";
}

# ---- metrics ----

# How many of the positions have a change found within the margin, each found
# one serving once.  The nearest serves; positions are taken in order.
sub matches
{
	my ($positions, $found) = @_;
	my %free = map { $_ => 1 } @$found;
	my $matched = 0;
	for my $at (sort { $a <=> $b } @$positions)
	{
		my ($nearest) = sort { abs($a - $at) <=> abs($b - $at) || $a <=> $b }
		  grep { abs($_ - $at) <= $margin } keys %free;
		next unless defined $nearest;
		delete $free{$nearest};
		$matched++;
	}
	return $matched;
}

# Precision is over what any annotator marked, recall is the mean over
# annotators.  The beginning counts as a change for all of them.
sub f1
{
	my ($annotations, $found) = @_;
	my @found = uniqnum 0, @$found;
	my @annotated = map { [ uniqnum 0, @$_ ] } @$annotations;
	my $precision = matches([ uniqnum map { @$_ } @annotated ], \@found) / @found;
	my $recall = sum0(map { matches($_, \@found) / @$_ } @annotated) / @annotated;
	return 2 * $precision * $recall / ($precision + $recall);
}

# segments as pairs of beginning and end
sub segments
{
	my ($changes, $n) = @_;
	my @bounds = sort { $a <=> $b } uniqnum 0, $n, grep { $_ > 0 && $_ < $n } @$changes;
	return map { [ @bounds[ $_ - 1, $_ ] ] } 1 .. $#bounds;
}

# The mean over annotators of how well their segments are covered: for each
# value, the largest overlap (intersection over union) of its segment with one
# that was found.
sub covering
{
	my ($annotations, $found, $n) = @_;
	my @found = segments($found, $n);
	my $total = 0;
	for my $changes (@$annotations)
	{
		for my $segment (segments($changes, $n))
		{
			my ($begin, $end) = @$segment;
			$total += ($end - $begin) * max map {
				my $common = ($end < $_->[1] ? $end : $_->[1]) - ($begin > $_->[0] ? $begin : $_->[0]);
				$common <= 0 ? 0 : $common / ($end - $begin + $_->[1] - $_->[0] - $common)
			} @found;
		}
	}
	return $total / $n / @$annotations;
}

# Changes of several dimensions as those of one: see above.
sub common
{
	my @dimensions = @_;
	my @changes = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
	  map { my $d = $_; map { [ $_, $d ] } @{ $dimensions[$d] } } 0 .. $#dimensions;
	my @common;
	while (@changes)
	{
		my @same;
		push @same, shift @changes while @changes && (!@same || $changes[0][0] - $same[0][0] <= $margin);
		push @common, $same[ $#same / 2 ][0] if 2 * uniqnum(map { $_->[1] } @same) >= @dimensions;
	}
	return \@common;
}

# ---- data ----

my (%dataset, $annotations, @left_out);
find(
	{
		no_chdir => 1,
		wanted => sub {
			return unless -f && /\.json$/;
			my $json = read_json($_);
			return unless ref $json eq 'HASH';
			if (m{(?:^|/)annotations\.json$})
			{
				# the same may be there twice
				my $canonical = JSON::PP->new->canonical;
				die "$folder has annotations.json twice, and they differ\n"
				  if $annotations && $canonical->encode($annotations) ne $canonical->encode($json);
				$annotations = $json;
			}
			elsif (ref $json->{series} eq 'ARRAY' && defined $json->{name})
			{
				$dataset{ $json->{name} } = $json;
			}
		}
	},
	$folder);
die "$folder has no annotations.json\n" unless $annotations;

my %series;
for my $name (sort keys %dataset)
{
	my @dimensions = map { $_->{raw} } @{ $dataset{$name}{series} };
	if (!$annotations->{$name} || !%{ $annotations->{$name} }) { push @left_out, "$name (not annotated)"; next }
	die "$name: dimensions differ in length\n" if uniqnum(map { scalar @$_ } @dimensions) != 1;
	$series{$name} = \@dimensions;
}
die "$folder has no annotated series\n" unless %series;
my @missing = grep { !$dataset{$_} } sort keys %$annotations;

# ---- changes, as the extension finds them: days since 1970 are positions ----

my $sql = "SET client_min_messages = warning;\nCREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;\n"
  . "CREATE TEMP TABLE series (name text, dimension int, i int, value float8);\nCOPY series FROM stdin;\n";
for my $name (sort keys %series)
{
	for my $d (0 .. $#{ $series{$name} })
	{
		my $i = 0;
		for my $value (@{ $series{$name}[$d] })
		{
			my $number = defined $value && $value =~ /^-?[0-9.]+(?:[eE][-+]?[0-9]+)?$/ ? $value : '\N';
			$sql .= "$name\t$d\t" . $i++ . "\t$number\n";
		}
	}
}
$sql .= <<'END';
\.
SELECT name, dimension, coalesce((SELECT string_agg((extract(epoch FROM (c).bucket) / 86400)::int::text, ' ')
					   FROM unnest(found) c), '')
FROM (SELECT name, dimension, llm_cost.trend_change_points(to_timestamp(86400.0 * i), value) AS found
	  FROM series GROUP BY name, dimension) q;
END

# psql reads a pipe from us, and we one from it: the script goes by a file
use File::Temp;
my $script = File::Temp->new;
print $script $sql;
$script->flush;
open my $psql, '-|', 'psql', '-XqAt', '-F', "\t", '-v', 'ON_ERROR_STOP=1', '-f', "$script" or die "psql: $!\n";
my %found;
while (<$psql>)
{
	chomp;
	my ($name, $dimension, $changes) = split /\t/, $_, -1;
	$found{$name}[$dimension] = [ split ' ', $changes ];
}
close $psql or die "psql failed\n";

# ---- scores ----

sub mean_of
{
	my ($what, @scores) = @_;
	return unless @scores;
	printf "%-24s %7s %8d %7.3f %9.3f\n", $what, '', scalar @scores,
	  sum0(map { $_->[0] } @scores) / @scores, sum0(map { $_->[1] } @scores) / @scores;
}

printf "%-24s %7s %8s %7s %9s\n", 'series', 'values', 'changes', 'F1', 'covering';
my (@univariate, @benchmark, @multivariate);
for my $name (sort keys %series)
{
	my @annotated = map { $annotations->{$name}{$_} } sort keys %{ $annotations->{$name} };
	my $n = @{ $series{$name}[0] };
	my $changes = @{ $found{$name} } > 1 ? common(@{ $found{$name} }) : $found{$name}[0];
	my @score = (f1(\@annotated, $changes), covering(\@annotated, $changes, $n));
	printf "%-24s %7d %8d %7.3f %9.3f\n", $name, $n, scalar @$changes, @score;
	push @multivariate, \@score if @{ $series{$name} } > 1;
	next if @{ $series{$name} } > 1;
	push @univariate, \@score;
	push @benchmark, \@score unless $name =~ /^quality_control_|^uk_coal_employ$/;
}
print '-' x 59, "\n";
mean_of('mean of univariate', @univariate);
# its third version leaves these out of its table
mean_of('mean as in TCPDBench v3', @benchmark);
mean_of('mean of multivariate', @multivariate);
print "left out: ", join(', ', @left_out), "\n" if @left_out;
print "annotated, but not there: ", join(', ', @missing), "\n" if @missing;
