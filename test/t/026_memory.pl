# Neither the worker nor the database grows with the number of rounds.

use strict;
use warnings;

use FederatedTest;
use List::Util qw(min);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $rounds = $ENV{FEDERATED_TEST_SLOW} ? 1000 : 200;
my $fed = FederatedTest->new('main', parameters => 5000);

# Bytes that a process uses in its memory contexts at this moment.
sub memory_contexts
{
	my ($pid) = @_;
	my $offset = -s $fed->node->logfile;
	$fed->sql("SELECT pg_log_backend_memory_contexts($pid)");
	$fed->node->wait_for_log(qr/Grand total: .* used/, $offset);
	my ($used) = slurp_file($fed->node->logfile, $offset) =~ /Grand total: .*; (\d+) used/;
	return $used;
}

# Bytes that the worker keeps in its memory contexts, and, where /proc tells, the
# size of its own pages. In the middle of a step it uses more than it keeps: the
# least of some looks counts.
sub worker_memory
{
	my $pid = $fed->worker_pid;
	my $used = min(map { usleep(20_000); memory_contexts($pid) } 1 .. 5);
	my $pages = 0;
	if (open(my $status, '<', "/proc/$pid/status"))
	{
		($pages) = map { /^RssAnon:\s+(\d+)/ ? 1024 * $1 : () } <$status>;
	}
	return { used => $used, pages => $pages };
}

sub database_size
{
	return $fed->sql(q{
		SELECT sum(pg_total_relation_size(oid)) FROM pg_class
		WHERE relnamespace = 'federated'::regnamespace AND relkind = 'r' AND relname ~ '^(round|version|update)_[0-9]+$'});
}

# Page tables that are there while nobody is working.
sub page_tables
{
	$fed->wait_for('NOT EXISTS (SELECT FROM federated.retired_tables)');
	return $fed->sql(q{
		SELECT count(*) FROM pg_class
		WHERE relnamespace = 'federated'::regnamespace AND relkind = 'r' AND relname ~ '^(round|version|update)_[0-9]+$'});
}

sub play_rounds
{
	my ($session, $from, $to) = @_;
	$fed->play_round($session, $_) for $from .. $to;
	$fed->wait_for_round($session, $to + 1);
	return;
}

my $session = $fed->start_session($fed->new_workload, $rounds + 1, keep_versions => 'best');
my $start = time();
my @memory;
for my $quarter (1 .. 4)
{
	play_rounds($session, ($quarter - 1) * $rounds / 4 + 1, $quarter * $rounds / 4);
	push @memory, worker_memory();
	diag(sprintf('after %d rounds the worker uses %d kB, its pages are %d kB, page tables %d kB',
		$quarter * $rounds / 4, $memory[-1]{used} / 1024, $memory[-1]{pages} / 1024, database_size() / 1024));
}
diag(sprintf('%.1f ms per round', 1000 * (time() - $start) / $rounds));

# A byte per byte of the caches that come and go, but none per round.
cmp_ok($memory[3]{used} - $memory[0]{used}, '<', 512 * 1024 + 512 * $rounds, 'the worker keeps nothing of a round in memory');
cmp_ok($memory[3]{pages} - $memory[0]{pages}, '<', 2048 * 1024, 'nor does it grow otherwise');

# The base, the best, the last and the round that is open.
my $tables = page_tables();
diag("page tables after $rounds rounds: $tables");
cmp_ok($tables, '<=', 4, 'page tables do not pile up');

$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');
is($fed->miscounted($session), 0, 'every update of every round is counted once');
cmp_ok(page_tables(), '<=', 3, 'base, best and last remain');
is($fed->sql('SELECT count(*) FROM federated.vectors v WHERE to_regclass(format($$federated.%I$$, v.relation)) IS NULL'),
	0, 'no vector is without its table');
is($fed->sql(q{SELECT count(*) FROM pg_class c WHERE relnamespace = 'federated'::regnamespace AND relkind = 'r'
		AND relname ~ '^(round|version|update)_[0-9]+$'
		AND NOT EXISTS (SELECT FROM federated.vectors v WHERE v.relation = c.relname)}),
	0, 'no table is without its vectors');

done_testing();
