# Time in which the server, or its worker, did not run is nobody's fault: no
# deadline passes in it and nobody counts as silent.

use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $fed = FederatedTest->new('main');
my %impatient = (heartbeat_timeout => 2, round_timeout => 3);

sub away
{
	my ($seconds) = @_;
	$fed->kill_server;
	sleep $seconds;
	$fed->node->start;
	return;
}

sub nobody_dropped
{
	my ($session, $name) = @_;
	is($fed->events($session, 'participant_dropped'), 0, "$name: nobody was dropped");
	return;
}

# In the middle of a round, longer than an Island may be silent and than the
# round may last.

my $session = $fed->start_session($fed->new_workload, 2, %impatient);
my @task = $fed->tasks($session, 1);
$fed->island(1)->perform($task[0]);
away(4);
$fed->connect_islands;
ok($fed->wait_for("EXISTS (SELECT FROM federated.events
		WHERE session_id = '$session' AND kind = 'downtime_credited' AND (detail ->> 'seconds')::float8 BETWEEN 3 AND 30)"),
	'a server that was down says for how long');
is($fed->sql("SELECT count(*) FROM federated.tasks WHERE round_id = $task[0]{round_id} AND state = 'assigned'"),
	2, 'those who had a task have it still');
is($fed->sql("SELECT deadline > now() FROM federated.rounds WHERE id = $task[0]{round_id}"), 't', 'and time for it');
$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');
is($fed->miscounted($session), 0, 'with every update');
nobody_dropped($session, 'down in a round');

# Everything is in, but the server falls before it has noticed; the Islands have
# nothing to do, so that nobody has heard of them since.

$session = $fed->start_session($fed->new_workload, 2, %impatient);
@task = $fed->tasks($session, 1);
my $holder = $fed->hold_session($session);
$_->perform($task[ $_->{number} - 1 ]) for $fed->islands;
away(4);
ok($fed->wait_for_round($session, 2), 'the round is closed and the next one opened');
is($fed->sql("SELECT count(*) FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id
		WHERE r.session_id = '$session' AND r.round_no = 2"), 3, 'with everybody in it');
$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');
nobody_dropped($session, 'down before the freeze');

# While Islands are sought.

my $workload = $fed->new_workload;
$session = $fed->start_session($workload, 1, %impatient, min_participants => 4, recruit_timeout => 3);
away(4);
$fed->connect_islands;
$fed->add_island(4)->sql("SELECT federated_accept_workload($workload)");
$_->heartbeat for $fed->islands;
$fed->play($session);
is($fed->status($session), 'completed', 'the search for Islands is not over, either');
nobody_dropped($session, 'down while recruiting');

# A paused session.

$session = $fed->start_session($fed->new_workload, 1, %impatient);
@task = $fed->tasks($session, 1);
$fed->island(1)->perform($task[0]);
$fed->sql("SELECT federated_pause_session('$session')");
is($fed->island(2)->task($session), undef, 'a paused session has no tasks');
is($fed->island(3)->perform($task[2])->{status}, 'accepted', 'but takes the update of one');
sleep 4;
is($fed->status($session), 'paused', 'and waits');
$fed->sql("SELECT federated_resume_session('$session')");
$fed->play($session);
is($fed->status($session), 'completed', 'resumed, it goes on');
nobody_dropped($session, 'paused');

# The worker is switched off, the server is not.

$session = $fed->start_session($fed->new_workload, 1, %impatient);
@task = $fed->tasks($session, 1);
$fed->configure('federated.worker' => 'off');
sleep 4;
$fed->configure('federated.worker' => 'on');
$fed->play($session);
is($fed->status($session), 'completed', 'nor does the time count in which the worker was off');
nobody_dropped($session, 'worker off');

# A machine that slept, as far as the worker can tell.

SKIP:
{
	skip 'slow', 2 unless $ENV{FEDERATED_TEST_SLOW};
	$session = $fed->start_session($fed->new_workload, 1, %impatient);
	@task = $fed->tasks($session, 1);
	my $worker = $fed->worker_pid;
	kill('STOP', $worker);
	sleep 20;
	kill('CONT', $worker);
	$fed->play($session);
	is($fed->status($session), 'completed', 'a worker that was stopped was away');
	nobody_dropped($session, 'worker stopped');
}

done_testing();
