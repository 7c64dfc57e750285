# kill -9 in the middle of aggregation, of whoever is at it: others go on where
# it stopped, and the result is the definition's to the last bit.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Reference;
use FederatedTest::Repeated qw(repeated_workload upload_repeated send_repeated expected_digest);
use PostgreSQL::Test::Utils;
use Test::More;

my $slices = 40;
my $parameters = 262_080 * ($slices - 1) + 4321;
my $fed = FederatedTest->new('main',
	conf => "federated.aggregation_chunk = 1\nfederated.aggregator_workers = 1\nautovacuum = off\n"
	  . "federated.update_durability = logged\nshared_buffers = 128MB\nmax_wal_size = 2GB");
my $expected;

sub start_round
{
	my $session = $fed->start_session(repeated_workload($fed, $parameters), 1);
	$fed->wait_for_round($session, 1);
	return $session;
}

# Processes that have made a chunk so far.
sub makers
{
	my ($session) = @_;
	return "(SELECT count(DISTINCT c.pid) FROM federated.chunks c JOIN federated.rounds r ON r.id = c.round_id
		WHERE r.session_id = '$session' AND r.state = 'aggregating')";
}

# Each time when a process has made its first chunk, so that its others are under
# way. The round tells afterwards how many processes it took: one more than were
# killed, for those who made nothing were not waited for.
sub killed_at_work
{
	my ($name, $kill, $kills) = @_;
	my $session = start_round();

	send_repeated($session, $fed->islands);
	for my $n (1 .. $kills)
	{
		$fed->wait_for(makers($session) . " >= $n");
		$kill->();
	}
	$fed->connect_islands;
	$fed->play($session);
	is($fed->digest($session), $expected, "$name: the bits of the definition");
	is($fed->sql("SELECT timings ->> 'processes' FROM federated.rounds WHERE session_id = '$session' AND kind = 'train'"),
		$kills + 1, "$name: each kill met a process at work");
	is($fed->miscounted($session), 0, "$name: every update is counted once");
	return;
}

# At a place that is known: so many slices are made, the next one cannot be stored.
sub killed_at_slice
{
	my ($name, $kill, $slice) = @_;
	my $session = start_round();
	my @updates = upload_repeated($session, $fed->islands);
	my $holder = $fed->hold_slice($slice);

	$_->commit(shift @updates) for $fed->islands;
	ok($fed->wait_for_held_worker($holder), "$name: the worker is at slice $slice");
	is($fed->sql("SELECT count(*) FROM federated.chunks c JOIN federated.rounds r ON r.id = c.round_id WHERE r.session_id = '$session'"),
		$slice, "$name: those before are made");
	$kill->();
	$fed->connect_islands;
	$fed->play($session);
	is($fed->digest($session), $expected, "$name at slice $slice: the bits of the definition");
	return;
}

my %kill = (
	'worker killed' => sub { $fed->kill_process($fed->worker_pid) },
	# the worker at the same moment, which would go on for a while
	'server killed' => sub { $fed->restart_killed($fed->worker_pid) });

for my $encoding (FederatedTest::Reference::encodings())
{
	$_->{encoding} = $encoding for $fed->islands;
	$expected = expected_digest($parameters, 1, $fed->islands);
	killed_at_work("$encoding, $_", $kill{$_}, $encoding eq 'f32' ? 3 : 1) for sort keys %kill;
}
for my $name (sort keys %kill)
{
	killed_at_slice($name, $kill{$name}, $_) for 0, $slices - 1;
}
is($fed->sql('SELECT count(*) FROM federated.rejections'), 0, 'nothing was refused');

done_testing();
