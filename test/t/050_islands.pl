# Real Islands: processes of "fed island run", each as its own database role, with trainers that
# work, fail, hang, write nonsense, or are too slow; and Islands that are killed.
use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $fed = FederatedTest->new('islands', islands => 0);
my $node = $fed->node;
my $workload = $fed->new_workload;
my $name = $fed->sql("SELECT name FROM federated.workloads WHERE id = $workload");
my ($session, %pids);
$fed->add_island($_) for 1 .. 3;

# What a trainer does that learns nothing: the weights it got, and how many samples.
my $good = 'cp "$FED_MODEL" "$FED_UPDATE"; echo \'{"num_samples": 10, "evaluation": {"loss": 0.5}}\' > "$FED_RESULT"';

# run(NUMBER, TRAINER, OPTION...): an Island in the background.
sub run
{
	my ($island, $trainer, @options) = @_;
	my $state = state_of($island);
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		$ENV{PGHOST} = $node->host;
		$ENV{PGPORT} = $node->port;
		$ENV{PGUSER} = "island_$island";
		$ENV{PGDATABASE} = 'postgres';
		open STDERR, '>>', $node->basedir . "/$island.log";
		open STDOUT, '>&', \*STDERR;
		exec 'fed', 'island', 'run', '--host-id', "island-$island", '--train', $trainer, '--state-dir', $state,
		  '--heartbeat', '0.5', '--accept', "$name:10", '--journal', "$state.journal", @options;
	}
	$pids{$island} = $pid;
	return;
}

# end(SIGNAL, ISLAND...): and wait until they are gone.
sub end
{
	my ($signal, @islands) = @_;
	for my $island (@islands)
	{
		kill $signal, $pids{$island};
		waitpid delete $pids{$island}, 0;
	}
	return;
}

sub state_of { return $node->basedir . "/state-$_[0]"; }

sub log_of { return slurp_file($node->basedir . "/$_[0].log"); }

# Real Islands do not wait for us: the session may be further already.
sub reach_round
{
	my ($number) = @_;
	return $fed->wait_for("current_round >= $number FROM federated.sessions WHERE id = '$session'");
}

# Updates that count in the session, under one more condition.
sub updates
{
	my ($condition) = @_;
	return $fed->sql("SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
		  . " JOIN federated.islands i ON i.id = u.island_id WHERE r.session_id = '$session' AND r.kind = 'train'"
		  . " AND u.state = 'accepted' AND $condition");
}

sub reason_of
{
	my ($island) = @_;
	return $fed->sql("SELECT t.reason FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id"
		  . " JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$session' AND i.host_id = 'island-$island'"
		  . " AND t.state IN ('declined', 'dropped') ORDER BY r.id LIMIT 1");
}

# One is killed in the middle of training and comes back.
run($_, "sleep 0.3; $good") for 1 .. 3;
# (PostgreSQL writes that hyperparameter as an integer of 301 digits.)
$session = $fed->start_session($workload, 4, hyperparameters => { huge => 1e300 });
reach_round(2);
end('KILL', 2);
run(2, $good);
ok($fed->wait_for_status($session, 'completed'), 'an Island that was killed and came back is in');
is(updates('true'),
	'12', 'with every round of every Island, once each');
like(slurp_file(state_of(1) . '.journal'), qr/"event":"sending".*"digest"/, 'what was sent is in the journal');

# The server restarts under them.
$session = $fed->start_session($workload, 3);
reach_round(2);
$node->restart;
ok($fed->wait_for_status($session, 'completed'), 'a restart of the server is survived');

# Trainers that fail, hang or write nonsense: declined, with the reason.
end('TERM', 1 .. 3);
my %broken = (
	'exit 7' => qr/exited with status 7/,
	'sleep 60' => qr/took longer than 1 s/,
	'echo "{}" > "$FED_RESULT"' => qr/num_samples/,
	'echo nonsense > "$FED_UPDATE"; echo \'{"num_samples": 1}\' > "$FED_RESULT"' => qr/safetensors|truncated|shorter|short|header/i,
);
run(1, $good);
run(2, $good);
for my $trainer (sort keys %broken)
{
	run(3, $trainer, '--train-timeout', '1');
	$session = $fed->start_session($workload, 1);
	ok($fed->wait_for_status($session, 'completed'), "a session completes beside the trainer: $trainer");
	like(reason_of(3), $broken{$trainer}, 'whose reason is in the books');
	end('TERM', 3);
}

# Too slow: dropped at the deadline, back in the next round.
run(3, "[ \$FED_ROUND = 1 ] && sleep 4; $good");
$session = $fed->start_session($workload, 2, round_timeout => 2);
ok($fed->wait_for_status($session, 'completed'), 'a session completes without a straggler');
is(reason_of(3), 'missed the deadline', 'which is dropped');
is(updates("r.round_no = 2 AND i.host_id = 'island-3'"),
	'1', 'and is back in the next round');

# Two of three gone: failed, with the reason.
$session = $fed->start_session($workload, 1000, heartbeat_timeout => 2);
reach_round(2);
end('KILL', 2, 3);
ok($fed->wait_for_status($session, 'failed'), 'two of three Islands gone: the session fails');
like($fed->reason($session), qr/^2 of 3 participants have dropped out/, 'and says why');
end('TERM', 1);
unlike(log_of(1), qr/password/i, 'no log speaks of passwords');
$node->stop;

done_testing();

END
{
	kill 'KILL', $_ for values %pids;
}
