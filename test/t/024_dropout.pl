# Islands that fall silent, come late, decline or leave: the session goes on
# without them while at least half of the participants are left.

use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $fed = FederatedTest->new('main');
my ($one, $two, $three) = $fed->islands;

sub participant
{
	my ($session, $island) = @_;
	return $fed->sql("SELECT p.status, p.reason FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id
		WHERE p.session_id = '$session' AND i.host_id = 'island-$island->{number}'");
}

sub updates_of
{
	my ($session, $round) = @_;
	return $fed->sql("SELECT string_agg(i.host_id, ' ' ORDER BY i.host_id)
		FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id JOIN federated.islands i ON i.id = u.island_id
		WHERE r.session_id = '$session' AND r.round_no = $round AND r.kind = 'train' AND u.state = 'accepted'");
}

# Islands that are there but do nothing, until a condition holds.
sub stay_alive
{
	my ($condition, @islands) = @_;
	until ($fed->sql("SELECT $condition") eq 't')
	{
		$_->heartbeat for @islands;
		select(undef, undef, undef, 0.1);
	}
	return;
}

# One of three is silent for good.

my $session = $fed->start_session($fed->new_workload, 3, heartbeat_timeout => 1.5);
$fed->play($session, $one, $two);
is($fed->status($session), 'completed', 'one of three is gone: the session completes');
is(participant($session, $three), 'dropped|not heard from for more than 1.5 s', 'who is gone is dropped, with the reason');
is(updates_of($session, $_), 'island-1 island-2', "round $_ has the updates of the others") for 1 .. 3;
is($fed->events($session, 'participant_dropped'), 1, 'it was dropped once');

# Two of three.

$session = $fed->start_session($fed->new_workload, 3, heartbeat_timeout => 1.5);
$fed->play_round($session, 1);
$fed->play($session, $one);
is($fed->status($session), 'failed', 'two of three are gone: the session fails');
is($fed->reason($session),
	'2 of 3 participants have dropped out (island-2: not heard from for more than 1.5 s; island-3: not heard from for more than 1.5 s)',
	'and says why');
is(updates_of($session, 1), 'island-1 island-2 island-3', 'what was done stays in the books');
is($fed->sql("SELECT count(*) FROM federated.rounds WHERE session_id = '$session' AND state IN ('open', 'aggregating')"),
	0, 'no round stays open');

# A straggler misses the deadline, and is back in the next round.

$session = $fed->start_session($fed->new_workload, 2, round_timeout => 2);
my @task = $fed->tasks($session, 1);
my $update = $three->prepare($task[2]);
$three->begin($update);
$three->put($update, 0);
$_->perform($task[ $_->{number} - 1 ]) for $one, $two;
stay_alive("current_round = 2 FROM federated.sessions WHERE id = '$session'", $three);
is(updates_of($session, 1), 'island-1 island-2', 'a round closes at its deadline');
is($fed->sql("SELECT t.state, t.reason FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id
		WHERE t.round_id = $task[2]{round_id} AND i.host_id = 'island-3'"),
	'dropped|missed the deadline', 'the straggler is out of it');
my $late = $three->commit($update);
is("$late->{status} $late->{reason}", 'rejected stale_round', 'what comes late is refused');
like($late->{detail}, qr/closed/, 'with the reason');
is($three->task($session)->{round}, 2, 'it has a task in the next round');
is($fed->events($session, 'participant_returned'), 1, 'which is in the books as a return');
$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');
is(updates_of($session, 2), 'island-1 island-2 island-3', 'with its second update');

# A round with too few updates is extended, and keeps what it has.

$session = $fed->start_session($fed->new_workload, 1, round_timeout => 1.5, min_updates => 3);
@task = $fed->tasks($session, 1);
my @accepted = map { $_->perform($task[ $_->{number} - 1 ])->{update_id} } $one, $two;
stay_alive("extensions = 1 FROM federated.rounds WHERE id = $task[0]{round_id}", $three);
is($one->task($session), undef, 'who has handed in is not asked again');
is($three->perform($three->task($session))->{status}, 'accepted', 'who has not has more time');
$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');
is($fed->sql("SELECT array_agg(id ORDER BY id) FROM federated.updates
		WHERE round_id = $task[0]{round_id} AND id IN ($accepted[0], $accepted[1]) AND position IS NOT NULL"),
	"{$accepted[0],$accepted[1]}", 'with the updates that were there before');
is($fed->events($session, 'round_extended'), 1, 'the extension is in the books');

# Extended in vain.

$session = $fed->start_session($fed->new_workload, 1, round_timeout => 1, min_updates => 3, max_extensions => 1);
@task = $fed->tasks($session, 1);
$_->perform($task[ $_->{number} - 1 ]) for $one, $two;
stay_alive("status = 'failed' FROM federated.sessions WHERE id = '$session'", $three);
like($fed->reason($session), qr/^round 1 had 2 of 3 required updates/, 'not forever: the session fails and says why');

# Declining costs one round, leaving all of them.

$session = $fed->start_session($fed->new_workload, 3);
@task = $fed->tasks($session, 1);
$two->sql("SELECT federated_decline_task($task[1]{round_id}, 'no power')");
$_->perform($task[ $_->{number} - 1 ]) for $one, $three;
$fed->wait_for_round($session, 2);
is(updates_of($session, 1), 'island-1 island-3', 'a round does not wait for who has declined');
$three->sql("SELECT federated_leave('$session', 'enough')");
$_->work($session) for $one, $two;
$fed->wait_for_round($session, 3);
is(updates_of($session, 2), 'island-1 island-2', 'who declined is back, who left is not waited for');
$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');
is(updates_of($session, 3), 'island-1 island-2', 'without who has left');
is(participant($session, $three), 'dropped|enough', 'whose reason is kept');

done_testing();
