# The views for BI tools through JDBC, ODBC and node-postgres, as a role that
# may read the tables of the rollup and no more: types and sizes in the driver's
# own catalogue calls, comments, and every value as psql has it.

use strict;
use warnings;

use File::Basename qw(dirname);
use IPC::Run qw(run timeout);
use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = dirname(__FILE__) . '/../clients';

# What a command prints, if it can be run.
sub output_of
{
	my @command = @_;
	my ($out, $err);
	return eval { run(\@command, '>', \$out, '2>', \$err) } ? $out : undef;
}

my $node = new_node('bi');
# pgjdbc has no Unix sockets
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\ntimezone = 'UTC'");
$node->restart;
my $port = $node->port;

$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE EXTENSION llm_cost CASCADE;
	CREATE SCHEMA "Finance";
	CREATE TABLE "Finance".call (started_at timestamptz, model text, input_tokens bigint, cache_read_tokens bigint, output_tokens bigint, operation_id text, user_id text, team text,
		tags jsonb, recorded_cost numeric, cost numeric, cost_problem text);
	-- days begin at 18:30 UTC; money of many digits, a team without prices, one with NaN and too much
	INSERT INTO "Finance".call
	SELECT '2026-05-01 17:00:00.123456+00'::timestamptz + make_interval(hours => i), 'regress', 1000 + 10 * i, CASE WHEN i % 5 > 0 THEN 100 * (i % 5) END, 100 + i, 'o' || i / 3, 'u' || i % 3,
		   (ARRAY['search', 'O''Brien & "Söhne" 🦊', NULL])[1 + i % 3], '{"plan": "gold"}', 12345678.901234567, 0.000000123456789 * (i + 1) + CASE WHEN i = 7 THEN 12345678901 ELSE 0 END, NULL
	FROM generate_series(0, 47) i;
	INSERT INTO "Finance".call SELECT '2026-05-02 12:00+00', 'regress', 10, NULL, 0, NULL, NULL, 'unpriced', NULL, NULL, NULL, 'unknown_model';
	INSERT INTO "Finance".call SELECT '2026-05-02 12:00+00', 'regress', 9223372036854775807, NULL, 0, NULL, NULL, 'wrong', NULL, 'NaN', 99999999999, NULL FROM generate_series(1, 2);
	SELECT llm_cost.create_rollup('"Finance"."Spend by team"', '{team,model,tags.plan}', '"Finance".call', time_zone => 'Asia/Kolkata');
	SELECT * FROM llm_cost.refresh_rollup('"Finance"."Spend by team"');
	INSERT INTO llm_cost.report_run (usage_schema, usage_name, period, revision, document)
	VALUES ('Finance', 'call', '[2026-04-26 18:30+00, 2026-05-03 18:30+00)', 1, '{"report": {"time_zone": "Asia/Kolkata"}, "releases": [{"release": "2.0", "scope": "all", "kind": "seen", "at": "2026-05-01T20:00:00.5+00:00"}]}');
	INSERT INTO llm_cost.report_finding SELECT run_id, n, 'f' || n, jsonb_build_object('kind', 'unit_cost', 'scope', '{"team": "🦊"}'::jsonb, 'sentence', 'Dearer.', 'weekly_usd', usd, 'low', NULL, 'high', NULL, 'weeks_open', 1)
		FROM llm_cost.report_run, (VALUES (1, 1234567.123456789), (2, NULL), (3, 'NaN')) AS v (n, usd);
	CREATE ROLE reader LOGIN;
	GRANT USAGE ON SCHEMA "Finance" TO reader;
	GRANT SELECT ON "Finance"."Spend by team", "Finance"."Spend by team_cell", "Finance"."Spend by team_user_cell", "Finance".call TO reader;});

my @views = ([ 'Finance', 'Spend by team_bi' ], [ 'Finance', 'Spend by team_user_bi' ], [ 'llm_cost', 'bi_findings' ], [ 'llm_cost', 'bi_releases' ]);

# What each driver should call a type: SQL_NUMERIC is 2, and so on; text has no
# length, and each driver its own word for that.
my %type_of = (
	jdbc => { text => 'VARCHAR', date => 'DATE', 'timestamp with time zone' => 'TIMESTAMP', numeric => 'NUMERIC', bigint => 'BIGINT', integer => 'INTEGER', smallint => 'SMALLINT', 'double precision' => 'DOUBLE', boolean => 'BIT' },
	odbc => { text => qr/^-(1|9|10)$/, date => qr/^91?$/, 'timestamp with time zone' => qr/^(11|93)$/, numeric => 2, bigint => -5, integer => 4, smallint => 5, 'double precision' => qr/^[68]$/, boolean => qr/^(-7|12|-9)$/ },
	node => { map { ($_ => $_) } 'text', 'date', 'timestamp with time zone', 'numeric', 'bigint', 'integer', 'smallint', 'double precision', 'boolean' });
my %result_type_of = (
	%type_of,
	node => { text => 25, date => 1082, 'timestamp with time zone' => 1184, numeric => 1700, bigint => 20, integer => 23, smallint => 21, 'double precision' => 701, boolean => 16 });

# The columns as the catalogue has them, and the rows as text: times in UTC, doubles by their bits.
sub expected
{
	my ($schema, $view) = @_;
	my @columns = map { [ split /\x1f/ ] } split /\n/, $node->safe_psql('postgres', qq{
		SELECT concat_ws(E'\\x1f', a.attname, a.atttypid::regtype, CASE a.atttypid WHEN 'numeric'::regtype THEN (a.atttypmod - 4) >> 16 ELSE 0 END, CASE a.atttypid WHEN 'numeric'::regtype THEN (a.atttypmod - 4) & 2047 ELSE 0 END,
			col_description(a.attrelid, a.attnum))
		FROM pg_attribute a WHERE a.attrelid = format('%I.%I', '$schema', '$view')::regclass AND a.attnum > 0 ORDER BY a.attnum});
	my $values = join ', ', map {
		my ($name, $type) = ($_->[0], $_->[1]);
		my $column = qq{"$name"};
		$column = $type =~ /^timestamp/ ? qq{to_char($column AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')} : $type eq 'double precision' ? "encode(float8send($column), 'hex')" : $type eq 'boolean' ? "$column\::text" : $column;
		"$column\::text" } @columns;
	my $query = join('', 'SELECT ', join(', ', map { qq{"$_->[0]"} } @columns), qq{ FROM "$schema"."$view" ORDER BY }, join(', ', 1 .. ($schema eq 'Finance' ? 7 : 10) - 2));
	my @rows = split /\n/, $node->safe_psql('postgres', "SELECT array_to_string(ARRAY[$values], E'\\x1f', 'NULL') FROM ($query) AS q");
	return (\@columns, $query, \@rows);
}

# Compares what a client printed with the catalogue and with psql.
sub check
{
	my ($driver, $schema, $view, $printed, $columns, $rows) = @_;
	my %seen;
	push @{ $seen{ $_->[0] } }, [ @$_[ 1 .. $#$_ ] ] foreach map { [ split /\x1f/ ] } split /\n/, $printed;

	is_deeply([ map { $_->[0] } @{ $seen{column} } ], [ map { $_->[0] } @$columns ], "$driver: columns of $view");
	my @wrong;
	foreach my $i (0 .. $#$columns)
	{
		my ($name, $type, $precision, $scale, $says) = @{ $columns->[$i] };
		my ($column, $result) = ($seen{column}[$i], $seen{result}[$i]);
		my ($in_catalogue, $in_result) = ($type_of{$driver}{$type}, $result_type_of{$driver}{$type});

		push @wrong, "$name is $column->[1], not $type" unless ref $in_catalogue ? $column->[1] =~ $in_catalogue : $column->[1] eq $in_catalogue;
		push @wrong, "$name of the result is $result->[1], not $type" unless ref $in_result ? $result->[1] =~ $in_result : $result->[1] eq $in_result;
		push @wrong, "$name has $column->[3],$column->[4], and $result->[3],$result->[4] in the result" if $type eq 'numeric' && "@$column[3,4] @$result[3,4]" ne '20 9 20 9';
		push @wrong, "$name has no comment: $column->[5]" unless $column->[5] eq $says;
	}
	is(join("\n", @wrong), '', "$driver: types, sizes and comments of $view");
	my $found = join "\n", sort map { join "\x1f", @$_ } @{ $seen{row} };
	my $wanted = join "\n", sort @$rows;
	is($found, $wanted, "$driver: all values of $view");
	unlike($found, qr/(^|\x1f)(nan|7ff8\w*)(\x1f|$)/im, "$driver: no NaN in $view");
}

my %expected = map { ("@$_" => [ expected(@$_) ]) } @views;
cmp_ok(scalar @{ $expected{'Finance Spend by team_bi'}[2] }, '==', 10, 'there are rows');
like(join("\n", @{ $expected{'Finance Spend by team_bi'}[2] }), qr/\b12345678901\.\d{9}\b/, '... with money of twenty digits');

SKIP:
{
	my ($jar) = grep { -e } '/usr/share/java/postgresql.jar';
	skip 'no JDK and libpostgresql-jdbc-java are installed', 1
	  unless $jar && (output_of(qw(java --list-modules)) // '') =~ /jdk\.compiler/;

	foreach (@views)
	{
		my ($columns, $query, $rows) = @{ $expected{"@$_"} };
		# a time zone that is none of the database's
		my ($out, $err);
		my $ok = run([ 'java', '-Duser.timezone=America/New_York', '-cp', $jar, "$clients/Jdbc.java", "jdbc:postgresql://127.0.0.1:$port/postgres", 'reader', @$_, $query ], '>', \$out, '2>', \$err, timeout(120));
		ok($ok, "jdbc: reads $_->[1]") or diag $err;
		check('jdbc', @$_, $out, $columns, $rows) if $ok;
	}
}

SKIP:
{
	skip 'no libdbd-odbc-perl and odbc-postgresql are installed', 1
	  unless eval { require DBI; require DBD::ODBC; 1 } && defined output_of('odbcinst', '-q', '-d', '-n', 'PostgreSQL Unicode');

	local $ENV{TZ} = 'America/New_York';
	my $db = DBI->connect("dbi:ODBC:Driver=PostgreSQL Unicode;Server=127.0.0.1;Port=$port;Database=postgres;UID=reader;BoolsAsChar=0", '', '', { RaiseError => 1, PrintError => 0, LongReadLen => 10000 });
	foreach (@views)
	{
		my ($columns, $query, $rows) = @{ $expected{"@$_"} };
		my @printed;
		my $about = $db->column_info(undef, @$_, '%');
		while (my $c = $about->fetchrow_hashref)
		{
			# psqlODBC leaves REMARKS empty
			my ($says) = $db->selectrow_array(qq{SELECT col_description(to_regclass('"$_->[0]"."$_->[1]"'), $c->{ORDINAL_POSITION})});
			push @printed, [ 'column', @$c{qw(COLUMN_NAME DATA_TYPE TYPE_NAME COLUMN_SIZE DECIMAL_DIGITS)}, $says ];
		}
		my $result = $db->prepare($query);
		$result->execute;
		push @printed, map { [ 'result', $result->{NAME}[$_], $result->{TYPE}[$_], '', $result->{PRECISION}[$_], $result->{SCALE}[$_] ] } 0 .. $#$columns;
		while (my $row = $result->fetchrow_arrayref)
		{
			push @printed, [ 'row', map {
				my ($value, $type) = ($row->[$_], $columns->[$_][1]);
				!defined $value ? 'NULL'
				  : $type eq 'double precision' ? unpack('H*', pack('d>', $value))
				  # the driver shows times in the time zone of the session
				  : $type =~ /^timestamp/ ? sprintf('%s.%06d', $value =~ s/ /T/r =~ s/\..*//r, 1e6 * ($value =~ /(\.\d+)$/ ? $1 : 0))
				  : $type eq 'boolean' ? ($value ? 'true' : 'false')
				  : $value } 0 .. $#$row ];
		}
		check('odbc', @$_, join("\n", map { my $line = $_; utf8::encode($line) if utf8::is_utf8($line); $line } map { join "\x1f", map { $_ // '' } @$_ } @printed), $columns, $rows);
	}
	$db->disconnect;
}

SKIP:
{
	skip 'no nodejs and node-pg are installed', 1 unless defined output_of('node', '-e', "require('pg')");

	local $ENV{TZ} = 'America/New_York';
	foreach (@views)
	{
		my ($columns, $query, $rows) = @{ $expected{"@$_"} };
		my ($out, $err);
		my $ok = run([ 'node', "$clients/node_postgres.js", "postgres://reader\@127.0.0.1:$port/postgres", @$_, $query ], '>', \$out, '2>', \$err, timeout(120));
		ok($ok, "node: reads $_->[1]") or diag $err;
		# a JavaScript Date has milliseconds
		check('node', @$_, $out, $columns, [ map { s/(T[0-9:]{8}\.\d{3})\d{3}/$1/gr } @$rows ]) if $ok;
	}
}

done_testing();
