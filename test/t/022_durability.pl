# An acknowledged update is on disk, whatever its sender did about
# synchronous_commit; where the operator chose unlogged updates, a crash loses
# them and they are asked for again.

use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Nothing but commits of their own may flush the log.
my $fed = FederatedTest->new(
	'main',
	islands => 7,
	parameters => 262_080 + 5_000,
	conf => "federated.worker = off\nautovacuum = off\nbgwriter_lru_maxpages = 0\n"
	  . "checkpoint_timeout = 1h\nwal_writer_delay = 10s");

$fed->sql('CREATE TABLE control (name text)');
my $session = $fed->start_session($fed->new_workload, 1);
1 while $fed->sql("SELECT federated.advance('$session')") ne 'round_opened';
my @task = $fed->tasks($session, 1);

# Hand in an update and kill the server at once. A row written later, and
# committed asynchronously, shows that the log was not flushed by chance.
sub survives
{
	my ($name, $number, $hand_in) = @_;
	my $island = $fed->island($number);
	my $update = $island->prepare($task[ $number - 1 ]);
	my $writer = $fed->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'");

	kill('STOP', $writer);
	like($hand_in->($island, $update), qr/"status" : "accepted"/, "$name: acknowledged");
	$fed->sql("SET synchronous_commit = off; INSERT INTO control VALUES ('$name')");
	$fed->restart_killed($writer);

	is($fed->sql('SELECT count(*) FROM control'), 0, "$name: what was not acknowledged is lost");
	is($fed->sql("SELECT u.state, federated.vector_complete(u.vector_id), federated.vector_digest(u.vector_id) = u.digest
			FROM federated.updates u WHERE u.id = $update->{id}"),
		'accepted|t|t', "$name: the update is there");
	$fed->connect_islands;
	return;
}

sub upload
{
	my ($island, $update) = @_;
	$island->begin($update);
	$island->put($update, $_) for 0 .. $#{ $update->{slices} };
	return;
}

# A whole update, committed among other statements; all answers.
sub hand_in
{
	my ($island, $update, $statements) = @_;
	upload($island, $update);
	my $commit = 'SELECT ' . $island->commit_sql($update);
	return $island->sql($statements =~ s/COMMIT_UPDATE/$commit/r);
}

survives('SET', 1,
	sub { $_[0]->sql('SET synchronous_commit = off'); hand_in(@_, 'COMMIT_UPDATE') });

$fed->sql('ALTER ROLE island_2 SET synchronous_commit = off');
$fed->island(2)->connect;
survives('ALTER ROLE', 2, sub { hand_in(@_, 'COMMIT_UPDATE') });

survives('SET LOCAL afterwards', 3,
	sub { hand_in(@_, 'BEGIN; COMMIT_UPDATE; SET LOCAL synchronous_commit = off; COMMIT') });

survives('next_task and heartbeat afterwards', 4,
	sub { hand_in(@_, 'BEGIN; COMMIT_UPDATE; SELECT federated_next_task(); SELECT federated_heartbeat(); COMMIT') });

survives('next_task and heartbeat before', 5,
	sub { hand_in(@_, 'BEGIN; SELECT federated_next_task(); SELECT federated_heartbeat(); COMMIT_UPDATE; COMMIT') });

survives('savepoints', 6,
	sub { hand_in(@_, 'BEGIN; SET LOCAL synchronous_commit = off; SAVEPOINT s; COMMIT_UPDATE; RELEASE s;
		SAVEPOINT s; SET LOCAL synchronous_commit = off; ROLLBACK TO s; COMMIT') });

survives('one call', 7,
	sub {
		my ($island, $update) = @_;
		$island->sql('SET synchronous_commit = off');
		my $answer = $island->sql('SELECT ' . $island->submit_sql($update->{task}));
		($update->{id}) = $answer =~ /"update_id" : (\d+)/;
		return $answer;
	});

$fed->configure('federated.worker' => 'on');
$fed->play($session);
my $logged = $fed->result($session);
like($logged, qr/^completed/, 'the session completes');
is($fed->miscounted($session), 0, 'with each update counted once');

# Unlogged updates. Island 1 has committed, Island 2 is complete but for the
# commit, Island 3 has only its second slice there.

$fed->configure('federated.update_durability' => 'unlogged');
$session = $fed->start_session($fed->new_workload, 1);
@task = $fed->tasks($session, 1);
my @update = map { $_->prepare(shift @task) } $fed->islands;
is($fed->sql("SELECT relpersistence FROM pg_class c JOIN federated.rounds r ON c.relname = r.relation
	WHERE r.session_id = '$session'"), 'u', 'updates are unlogged when the operator says so');
$fed->island(1)->send_update($update[0]);
upload($fed->island(2), $update[1]);
$fed->island(3)->begin($update[2]);
$fed->island(3)->put($update[2], 1);

$fed->restart_killed;

# Island 2 knows of no crash and goes on at once, perhaps before the worker has
# looked: what it sends may be lost as well, but is not mixed with what is.
$fed->connect_islands;
$fed->island(2)->put($update[1], 0);
$fed->island(2)->commit($update[1]);

ok($fed->wait_for("EXISTS (SELECT FROM federated.events WHERE session_id = '$session' AND kind = 'updates_lost')"),
	'after a crash their loss is noticed');
is($fed->sql("SELECT count(*) FROM federated.updates WHERE state = 'lost'"), 3, 'lost updates are marked so');
is_deeply($fed->island(3)->begin($update[2])->{present}, [], 'an upload begins anew');
$fed->play($session);
is($fed->result($session), $logged, 'the session completes with the same bytes');
is($fed->miscounted($session), 0, 'and each update counted once');
is($fed->sql("SELECT count(*) FROM federated.events WHERE session_id = '$session'
	AND kind IN ('participant_dropped', 'step_failed')"), 0, 'nobody was dropped for it, no step failed');

# An Island that had sent one slice and sends the other before anybody has
# noticed that the first is gone.

$session = $fed->start_session($fed->new_workload, 1);
my $island = $fed->island(1);
my $update = $island->prepare(($fed->tasks($session, 1))[0]);
$island->begin($update);
$island->put($update, 0);
$fed->configure('federated.worker' => 'off');
$fed->restart_killed;
$fed->connect_islands;
is_deeply($island->begin($update)->{present}, [0], 'before the loss is noticed an upload goes on');
$island->put($update, 1);
is($island->commit($update)->{status}, 'accepted', 'and is accepted');
$fed->configure('federated.worker' => 'on');
$fed->play($session);
is($fed->result($session), $logged, 'an Island that was faster than the worker spoils nothing');
is($fed->events($session, 'step_failed'), 0, 'no step failed');

# Lost again when they are half aggregated, and as often as an update may be
# begun.

$fed->configure('federated.aggregation_chunk' => 1, 'federated.aggregator_workers' => 1);
$session = $fed->start_session($fed->new_workload, 1);
for my $crash (1 .. 4)
{
	@task = $fed->tasks($session, 1);
	my @islands = $fed->islands;
	my $last = pop @islands;

	$_->perform(shift @task) for @islands;
	$update = $last->prepare(shift @task);
	upload($last, $update);
	my $holder = $fed->hold_slice(1);
	is($last->commit($update)->{status}, 'accepted', "crash $crash: all updates are in");
	ok($fed->wait_for_held_worker($holder), "crash $crash: half-way");
	$fed->restart_killed;
	$fed->wait_for("count(*) = $crash FROM federated.events WHERE session_id = '$session' AND kind = 'updates_lost'");
}
$fed->play($session);
is($fed->result($session), $logged, 'the same bytes after four crashes');
is($fed->miscounted($session), 0, 'and each update counted once');
is($fed->events($session, 'step_failed'), 0, 'no step failed');

done_testing();
