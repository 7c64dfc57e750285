# kill -9 of whoever is at work, at every point of a round: the session goes on
# by itself and ends in the same bytes as one that nobody disturbed.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Connection;
use PostgreSQL::Test::Utils;
use Test::More;

# Three slices, one per transaction, so that aggregation has a middle.
my $rounds = 4;
my $fed = FederatedTest->new(
	'main',
	parameters => 2 * 262_080 + 5_000,
	conf => "federated.aggregation_chunk = 1\nfederated.aggregator_workers = 1\nautovacuum = off");
my $session = $fed->start_session($fed->new_workload, $rounds);

$fed->play($session);
my $undisturbed = $fed->result($session);
like($undisturbed, qr/^completed\|[0-9a-f]{64}\|[0-9a-f]{64}$/, 'an undisturbed run completes');
is($fed->miscounted($session), 0, 'and counts every update once');

# Every Island sends its update for a round but does not commit it.
sub upload
{
	my ($round) = @_;
	my @task = $fed->tasks($session, $round);
	my @update;

	for my $island ($fed->islands)
	{
		my $update = $island->prepare(shift @task);
		$island->begin($update);
		$island->put($update, $_) for 0 .. 2;
		push @update, $update;
	}
	return @update;
}

sub commit_all
{
	my @update = @_;
	for my $island ($fed->islands)
	{
		is($island->commit(shift @update)->{status}, 'accepted', "island $island->{number} commits");
	}
	return;
}

sub last_round
{
	return $fed->sql("SELECT round_no, state, result_version_id,
		(SELECT count(*) FROM federated.slices s JOIN federated.model_versions v ON v.vector_id = s.vector_id
		 WHERE v.id = r.result_version_id)
		FROM federated.rounds r WHERE session_id = '$session' ORDER BY id DESC LIMIT 1");
}

sub disturb
{
	my ($name, $kill) = @_;

	$session = $fed->start_session($fed->new_workload, $rounds);

	# Round 1: between two slices, one of them not committed yet.
	my $island = $fed->island(2);
	my $update = $island->prepare(($fed->tasks($session, 1))[1]);
	$island->begin($update);
	is($island->put($update, 0)->{status}, 'stored', "$name: slice 0 is stored");
	$island->sql('BEGIN');
	is($island->put($update, 1)->{status}, 'stored', "$name: slice 1 is stored, not committed");
	$kill->($island->backend_pid);
	$island->connect;
	is_deeply($island->begin($update),
		{ status => 'uploading', update_id => $update->{id}, present => [0] },
		"$name during upload: what was committed is there, and nothing else");
	$fed->play_round($session, 1);

	# Round 2: everything is in, nothing is frozen.
	my @update = upload(2);
	my $holder = $fed->hold_session($session);
	commit_all(@update);
	$kill->();
	$fed->wait_for_round($session, 3);
	is($fed->sql("SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id
		WHERE session_id = '$session' AND round_no = 2 AND u.state = 'accepted'"),
		3, "$name before the freeze: the round closes without asking anybody again");

	# Round 3: one of three slices of the result is made.
	@update = upload(3);
	$holder = $fed->hold_slice(1);
	commit_all(@update);
	$fed->wait_for_held_worker($holder);
	my $before = last_round();
	like($before, qr/^3\|aggregating\|\d+\|1$/, "$name: aggregation is half-way");
	$kill->();
	$fed->wait_for_round($session, 4);
	my ($result) = $before =~ /aggregating\|(\d+)/;
	is($fed->sql("SELECT result_version_id FROM federated.rounds WHERE session_id = '$session' AND round_no = 3"),
		$result, "$name during aggregation: it is finished, not begun again");

	# Round 4: right after the last one was closed.
	commit_all(upload(4));
	$fed->wait_for("state = 'closed' FROM federated.rounds
		WHERE session_id = '$session' AND round_no = 4 AND kind = 'train'");
	$kill->();

	$fed->play($session);
	is($fed->result($session), $undisturbed, "$name: the same bytes");
	is($fed->miscounted($session), 0, "$name: every update is counted once");
	is($fed->events($session, 'update_accepted'), $rounds * 3, "$name: and was accepted once");
	is($fed->sql('SELECT count(*) FROM federated.rejections'), 0, "$name: nothing was refused");
	return;
}

disturb('worker killed', sub { $fed->kill_process($fed->worker_pid) });
disturb('backend killed',
	sub { $fed->kill_process($_[0] // FederatedTest::Connection->new($fed->node)->backend_pid) });

# Every other time it falls again while it is still coming back.
my $falls = 0;
disturb(
	'server killed',
	sub {
		$fed->restart_killed;
		$fed->restart_killed if ++$falls % 2;
	});

# An Island that missed the acknowledgement hands in the same update again.

my $island = $fed->island(1);
$session = $fed->start_session($fed->new_workload, 1);
my $update = $island->prepare(($fed->tasks($session, 1))[0]);
$island->send_update($update);
$fed->restart_killed;
$island->connect;
is($island->commit($update)->{status}, 'accepted', 'a commit repeated after a crash is answered the same');
is($island->send_update($update)->{status}, 'accepted', 'a whole update, too');
is($island->task($session), undef, 'and nobody asks for it again');

done_testing();
