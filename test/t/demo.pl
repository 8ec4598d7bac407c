# What demo/run says to what it does not understand; that it runs is seen by
# running it.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my $empty = PostgreSQL::Test::Utils::tempdir();
foreach my $case (
	[ 'an unknown option', 'unknown option --rael', '--rael', $empty ],
	[ 'one too many', 'unknown option more', '--real', $empty, 'more' ],
	[ 'no folder', '--real needs a folder', '--real' ],
	[ 'a folder that is not there', "there is no folder $empty/none", '--real', "$empty/none" ],
	[ 'a folder without calls', "there is no $empty/entire_claude_code_calls.csv.gz", '--real', $empty ])
{
	my ($name, $message, @arguments) = @$case;
	my ($said, $errors);

	append_to_file("$empty/entire_claude_code_$_.csv.gz", '') foreach $name eq 'one too many' ? qw(calls api_errors) : ();
	my $result = IPC::Run::run([ 'demo/run', @arguments ], '>', \$said, '2>', \$errors);
	is($? >> 8, 2, "$name: exit status 2");
	is($errors, "$message\nusage: demo/run [--real DIR]\n", "$name: the message");
	is($said, '', "$name: nothing is done");
	unlink glob("$empty/*.gz");
}
command_like([ 'demo/run', '--help' ], qr/^usage: demo\/run \[--real DIR\]$/, '--help');

done_testing();
