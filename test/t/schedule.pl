# schedule_report() with pg_cron: one job for each name and role, which writes
# the report.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use LlmCost;

my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
plan skip_all => 'pg_cron is not packaged here' unless -f "$sharedir/extension/pg_cron.control";

my $node = new_node('primary');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\ncron.host = '" . $node->host . "'\n");
$node->restart;
$node->safe_psql('postgres', q{
	CREATE EXTENSION llm_cost CASCADE;
	CREATE SCHEMA "the shop";
	CREATE TABLE "the shop"."llm ""call""" (started_at timestamptz, model text, input_tokens bigint, output_tokens bigint);
	SELECT llm_cost.attach('"the shop"."llm ""call"""');
	CREATE ROLE reporter;});

like(($node->psql('postgres', 'SELECT llm_cost.schedule_report()'))[2], qr/pg_cron is not installed in this database.*crontab:.*systemd:/s, 'without the extension, other ways are told');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
my $job = $node->safe_psql('postgres', 'SELECT llm_cost.schedule_report()');
is($node->safe_psql('postgres', q{SELECT llm_cost.schedule_report('30 6 * * 1', (SELECT array_agg(format('%I.%I', schema_name, view_name)::regclass) FROM llm_cost.attached_usage), 'Asia/Kolkata')}), $job, 'the same job, replaced');
is($node->safe_psql('postgres', q{SELECT count(*), min(schedule), min(jobname) FROM cron.job}), '1|30 6 * * 1|llm_cost report', '... is one job');
$node->safe_psql('postgres', $node->safe_psql('postgres', 'SELECT command FROM cron.job'));
is($node->safe_psql('postgres', q{SELECT usage_name, period = llm_cost.last_week('Asia/Kolkata'), document -> 'findings' FROM llm_cost.report_run}), 'llm "call"_usage|t|[]', 'what it runs writes the report');
$node->safe_psql('postgres', q{SELECT llm_cost.schedule_report(job_name => 'by model', by => '{model}')});
$node->safe_psql('postgres', $node->safe_psql('postgres', q{SELECT command FROM cron.job WHERE jobname = 'by model'}));
is($node->safe_psql('postgres', q{SELECT document #>> '{report,by}' FROM llm_cost.report_run ORDER BY run_id DESC LIMIT 1}), '["model"]', 'a job writes reports by the columns asked for');
is($node->safe_psql('postgres', q{SELECT llm_cost.unschedule_report('by model')}), 't', '... until it is unscheduled');
like(($node->psql('postgres', 'SET ROLE reporter; SELECT llm_cost.schedule_report()'))[2], qr/permission denied for schema cron.*GRANT USAGE ON SCHEMA cron TO reporter/s, 'who may not use pg_cron is told what to grant');
is($node->safe_psql('postgres', 'SELECT llm_cost.unschedule_report(), llm_cost.unschedule_report(), (SELECT count(*) FROM cron.job)'), 't|f|1', 'unscheduled once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), '0', '... and gone');

done_testing();
