# Real Islands: processes of "fed island run", each as its own database role, with trainers that
# work, fail, hang, write nonsense, or are too slow; and Islands that are killed.
use strict;
use warnings;

use Federation;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $f = Federation->new('islands');
my $node = $f->node;
my %pids;

# What a trainer does that learns nothing: the weights it got, and how many samples.
my $good = 'cp "$FED_MODEL" "$FED_UPDATE"; echo \'{"num_samples": 10, "evaluation": {"loss": 0.5}}\' > "$FED_RESULT"';

# run(ISLAND, TRAINER, OPTION...): an Island in the background.
sub run
{
	my ($island, $trainer, @options) = @_;
	my $state = $node->basedir . "/state-$island";
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		$ENV{PGHOST} = $node->host;
		$ENV{PGPORT} = $node->port;
		$ENV{PGUSER} = $island;
		$ENV{PGDATABASE} = 'postgres';
		open STDERR, '>>', $node->basedir . "/$island.log";
		open STDOUT, '>&', \*STDERR;
		exec 'fed', 'island', 'run', '--host-id', "island-$island", '--train', $trainer, '--state-dir', $state,
		  '--heartbeat', '0.5', '--accept', 'w:10', '--journal', "$state.journal", @options;
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

sub log_of { return slurp_file($node->basedir . "/$_[0].log"); }

sub reason_of
{
	my ($island) = @_;
	return $f->sql("SELECT t.reason FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id"
		  . " JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$f->{session}' AND i.host_id = 'island-$island'"
		  . " AND t.state IN ('declined', 'dropped') ORDER BY r.id LIMIT 1");
}

# One is killed in the middle of training and comes back.
run($_, "sleep 0.3; $good") for qw(a b c);
# (PostgreSQL writes that hyperparameter as an integer of 301 digits.)
$f->start(4, '{"min_participants": 3, "hyperparameters": {"huge": 1e300}}');
$f->reach_round(2);
end('KILL', 'b');
run('b', $good);
ok($f->wait_for_status('completed', 60), 'an Island that was killed and came back is in');
is($f->sql("SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id WHERE r.session_id = '$f->{session}' AND r.kind = 'train' AND u.state = 'accepted'"),
	'12', 'with every round of every Island, once each');
like(slurp_file($node->basedir . '/state-a.journal'), qr/"event":"sending".*"digest"/, 'what was sent is in the journal');

# The server restarts under them.
$f->start(3, '{"min_participants": 3}');
$f->reach_round(2);
$node->restart;
ok($f->wait_for_status('completed', 60), 'a restart of the server is survived');

# Trainers that fail, hang or write nonsense: declined, with the reason.
end('TERM', qw(a b c));
my %broken = (
	'exit 7' => qr/exited with status 7/,
	'sleep 60' => qr/took longer than 1 s/,
	'echo "{}" > "$FED_RESULT"' => qr/num_samples/,
	'echo nonsense > "$FED_UPDATE"; echo \'{"num_samples": 1}\' > "$FED_RESULT"' => qr/safetensors|truncated|shorter|short|header/i,
);
run('a', $good);
run('b', $good);
for my $trainer (sort keys %broken)
{
	run('c', $trainer, '--train-timeout', '1');
	$f->start(1, '{"min_participants": 3, "round_timeout": 60}');
	ok($f->wait_for_status('completed', 60), "a session completes beside the trainer: $trainer");
	like(reason_of('c'), $broken{$trainer}, 'whose reason is in the books');
	end('TERM', 'c');
}

# Too slow: dropped at the deadline, back in the next round.
run('c', "[ \$FED_ROUND = 1 ] && sleep 4; $good");
$f->start(2, '{"min_participants": 3, "round_timeout": 2}');
ok($f->wait_for_status('completed', 60), 'a session completes without a straggler');
is(reason_of('c'), 'missed the deadline', 'which is dropped');
is($f->sql("SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id JOIN federated.islands i ON i.id = u.island_id WHERE r.session_id = '$f->{session}' AND r.round_no = 2 AND r.kind = 'train' AND i.host_id = 'island-c'"),
	'1', 'and is back in the next round');

# Two of three gone: failed, with the reason.
$f->start(1000, '{"min_participants": 3, "heartbeat_timeout": 2}');
$f->reach_round(2);
end('KILL', qw(b c));
ok($f->wait_for_status('failed', 30), 'two of three Islands gone: the session fails');
like($f->value('reason'), qr/^2 of 3 participants have dropped out/, 'and says why');
end('TERM', 'a');
unlike(log_of('a'), qr/password/i, 'no log speaks of passwords');
$node->stop;

done_testing();

END
{
	kill 'KILL', $_ for values %pids;
}
