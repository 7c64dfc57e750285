# A round of secure aggregation goes on after its server has died in each of its states, with the
# same sets and to the exact sum; and its log, talkative as it is, holds no share.

use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $fed = FederatedTest->new('main', islands => 0,
	conf => "federated.aggregation_chunk = 1\nfederated.aggregator_workers = 0\nlog_min_messages = debug1\n"
	  . "log_statement = all\nlog_parameter_max_length = 0");
my $node = $fed->node;
my ($bin) = split /\n/, `$ENV{PG_CONFIG} --bindir` if $ENV{PG_CONFIG};
chomp($bin = `pg_config --bindir`) if !$bin;

local %ENV = (
	%ENV,
	PGHOST => $node->host,
	PGPORT => $node->port,
	PGDATABASE => 'postgres',
	PGUSER => scalar getpwuid($<),
	PGDATA => $node->data_dir,
	PG_CTL => "$bin/pg_ctl");
my $said = '';
IPC::Run::run([ '/usr/bin/python3', '-B', 'test/secagg/crash.py' ], '>', \$said, '2>&1');
my @lines = $said =~ /^((?:not )?ok \d+ - .*)$/mg;
is(scalar @lines, 11, 'the play came to its end') or diag($said);
for my $line (@lines)
{
	my ($verdict, $name) = $line =~ /^((?:not )?ok) \d+ - (.*)$/;
	is($verdict, 'ok', $name);
}

# Shares travel as parameters of statements, whose values nothing logs.
my $log = slurp_file($node->logfile) . slurp_file($node->data_dir . '/crash.log');
like($log, qr/federated_secagg_reveal/, 'the log is talkative');
ok($log !~ qr/[0-9a-f]{76}/, 'but holds no message');

done_testing();
