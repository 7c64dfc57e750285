# Aggregating takes no more memory for a large model than for a small one.
#
# What counts is the process's own memory, RssAnon of /proc/PID/status: pages of
# shared_buffers count as private in smaps_rollup as long as no other process has
# touched them, and belong to everybody.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Repeated qw(repeated_workload upload_repeated expected_digest);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

use constant MB => 1 << 20;
use constant MOST => 256 * MB;

plan skip_all => 'no /proc/PID/status that tells RssAnon' unless defined own_memory($$);

# With FEDERATED_TEST_SLOW a model of 2 GB: base, four updates, result, WAL.
my $slow = $ENV{FEDERATED_TEST_SLOW};
my @megabytes = $slow ? (100, 2048) : (10, 100);
my $fed = FederatedTest->new('main', islands => 4,
	conf => "federated.update_durability = unlogged\nfederated.aggregator_workers = 2\nfederated.aggregation_chunk = 4096\nautovacuum = off\n"
	  . "max_wal_size = 2GB\nshared_buffers = 512MB\nwal_level = minimal\nmax_wal_senders = 0");

my $needed = 9 * $megabytes[-1] * MB;
if ($fed->free_disk < $needed)
{
	plan skip_all => sprintf('needs %.0f GB of disk', $needed / 2**30);
}

# Bytes of a process's own memory; undef if it is gone or nobody tells.
sub own_memory
{
	my ($pid) = @_;
	open(my $file, '<', "/proc/$pid/status") or return;
	my ($kilobytes) = map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$file>;
	return defined $kilobytes ? 1024 * $kilobytes : undef;
}

# Let the round be aggregated; how much memory any of our processes had, as often
# as we looked, and how often that was.
sub watch_aggregation
{
	my ($session) = @_;
	my ($peak, $looks, $pids, $asked) = (0, 0, '', 0);
	my $deadline = time() + 600;

	until (($fed->sql("SELECT count(*) FROM federated.rounds WHERE session_id = '$session' AND state = 'closed'")) > 0)
	{
		die 'the aggregation does not end' if time() > $deadline;
		my @pids = split /\n/, $fed->sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'federated %'");
		for (1 .. 10)
		{
			for my $bytes (grep { defined } map { own_memory($_) } @pids)
			{
				$peak = $bytes if $bytes > $peak;
				$looks++;
			}
			usleep(2_000);
		}
	}
	return ($peak, $looks);
}

sub aggregate
{
	my ($megabytes) = @_;
	my $parameters = $megabytes * MB / 4;
	my $start = time();
	my $session = $fed->start_session(repeated_workload($fed, $parameters), 1, server_learning_rate => 0.9);

	$fed->wait_for_round($session, 1);
	my @updates = upload_repeated($session, $fed->islands);
	my $uploaded = time();
	is($_->commit(shift @updates)->{status}, 'accepted', "$megabytes MB: island $_->{number} commits") for $fed->islands;
	my ($peak, $looks) = watch_aggregation($session);
	my $closed = time();
	$fed->play($session);
	is($fed->digest($session), expected_digest($parameters, 0.9, $fed->islands), "$megabytes MB: the bits of the definition");
	diag(sprintf('%d MB × %d: %.0f s to send, %.1f s to aggregate, at most %.1f MB in a process (%d looks)',
			$megabytes, scalar $fed->islands, $uploaded - $start, $closed - $uploaded, $peak / MB, $looks));
	cmp_ok($looks, '>=', 20, "$megabytes MB: it was looked at while it ran");
	cmp_ok($peak, '<', MOST, "$megabytes MB: no process takes more than " . MOST / MB . ' MB');
	return $peak;
}

my ($small, $large) = map { aggregate($_) } @megabytes;
cmp_ok($large - $small, '<', 4 * MB, 'nor more for the larger model');

done_testing();
