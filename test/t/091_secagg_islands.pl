# Secure aggregation among real Islands: processes of "fed island run" with identities and pinned
# keys. The model that comes out is, bit for bit, the weighted mean of the quantised updates of those
# that count, whoever is killed on the way.
use strict;
use warnings;

use FederatedTest;
use FederatedTest::Http;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
	PARAMETERS => 1000,
	SAMPLE_CAP => 100,
	W_CAP => 1 << 20,
};

my $fed = FederatedTest->new('masked', islands => 0, parameters => PARAMETERS);
my $node = $fed->node;
my $http = FederatedTest::Http->new($fed);
my $base = $node->basedir;
my (%pids, %keys);

# A session of three warns that it survives no loss.
$fed->sql("SET client_min_messages = error");
$fed->add_island($_) for 1 .. 5;
# The others accept it when they are started.
my $workload = $fed->new_workload(map { $fed->island($_) } 1 .. 3);
my $name = $fed->sql("SELECT name FROM federated.workloads WHERE id = $workload");

# A delta that each side of the test can work out; Islands with a file "hold-N" wait while it is there.
my $trainer = "$base/trainer.py";
append_to_file($trainer, <<'PYTHON');
import json, os, struct, sys, time
raw = open(os.environ["FED_MODEL"], "rb").read()
start = 8 + struct.unpack("<Q", raw[:8])[0]
island = int(os.environ["FED_HOST_ID"].split("-")[1])
while os.path.exists("%s/hold-%d" % (sys.argv[1], island)):
    time.sleep(0.05)
task = json.load(open(os.environ["FED_TASK"]))
assert task["config"]["protocol"] == "fsa1" and task["config"]["hyperparameters"]["warmup"] == 0.25
n = (len(raw) - start) // 4
values = [((i * 37 + island * 11) % 201 - 100) / 128 for i in range(n)]
if task["kind"] == "train":
    open(os.environ["FED_UPDATE"], "wb").write(raw[:start] + struct.pack("<%df" % n, *values))
json.dump({"num_samples": 10 * island, "update": "delta", "evaluation": {"loss": island / 4}}, open(os.environ["FED_RESULT"], "w"))
PYTHON

sub hold { append_to_file("$base/hold-$_[0]", ''); return; }
sub release { unlink "$base/hold-$_[0]"; return; }

# run(NUMBER, OPTION...): an Island in the background.
sub run
{
	my ($island, @identity) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		$ENV{PGHOST} = $node->host;
		$ENV{PGPORT} = $node->port;
		$ENV{PGUSER} = "island_$island";
		$ENV{PGDATABASE} = 'postgres';
		open STDERR, '>>', "$base/$island.log";
		open STDOUT, '>&', \*STDERR;
		exec 'fed', 'island', 'run', '--host-id', "island-$island", '--train', "/usr/bin/python3 $trainer $base",
		  '--state-dir', "$base/state-$island", '--heartbeat', '0.5', '--accept', "$name:1000",
		  @identity, '--journal', "$base/$island.journal";
	}
	$pids{$island} = $pid;
	return;
}

END { kill 'KILL', values %pids; }

sub known { return ('--identity', "$base/$_[0].identity", '--trust', "$base/trust"); }

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

sub keys_left { return scalar(() = glob("$base/state-*/secagg/*/secrets")); }

# The vector of a version, as numbers.
sub vector
{
	my ($version_id) = @_;
	my $hex = $fed->sql("SELECT encode(federated.read_slice(w.relation, w.id, 0, federated.slice_length(w.bytes, 0)), 'hex')"
		  . " FROM federated.model_versions v JOIN federated.vectors w ON w.id = v.vector_id WHERE v.id = $version_id");
	return unpack 'f<*', pack 'H*', $hex;
}

# What the formulas make of a model and the updates of so many Islands: float32 bytes in hexadecimal.
sub expected
{
	my ($cohort, $before, @islands) = @_;
	my $levels = int(2147483647 / $cohort);
	my %weight = map { $_ => int((2 * 10 * $_ * W_CAP + SAMPLE_CAP) / (2 * SAMPLE_CAP)) } @islands;
	my $weights = 0;
	$weights += $_ for values %weight;
	my @after;

	for my $i (0 .. $#$before)
	{
		my $sum = 0;
		for my $island (@islands)
		{
			my $x = (($i * 37 + $island * 11) % 201 - 100) / 128;
			$sum += POSIX::rint(($x * ($weight{$island} / W_CAP)) * ($levels / 1));
		}
		push @after, $before->[$i] + $sum * (1 / $levels) * W_CAP / $weights;
	}
	return unpack 'H*', pack 'f<*', @after;
}

# Whether each round of a session is exactly what it should be; $who->(ROUND) are the Islands in it.
sub exact
{
	my ($session, $who) = @_;
	my $cohort = $fed->sql("SELECT config ->> 'secagg_max_cohort' FROM federated.sessions WHERE id = '$session'");
	my @rounds = split /\n/, $fed->sql("SELECT round_no || ' ' || base_version_id || ' ' || result_version_id FROM federated.rounds"
		  . " WHERE session_id = '$session' AND kind = 'train' ORDER BY round_no");
	for (@rounds)
	{
		my ($number, $from, $to) = split / /;
		my $is = unpack 'H*', pack 'f<*', vector($to);
		return "round $number differs" if $is ne expected($cohort, [ vector($from) ], $who->($number));
	}
	return scalar @rounds;
}

sub start
{
	my ($rounds, %config) = @_;
	return $fed->start_session($workload, $rounds,
		secure_aggregation => \1, secagg_sample_cap => SAMPLE_CAP, hyperparameters => { warmup => 0.25 },
		$config{secagg_metrics} ? () : (secagg_metric_bounds => { evaluation => { loss => 10 } }), contribution => \0, min_updates => 3,
		keep_versions => 'all', %config);
}

sub state
{
	my ($session) = @_;
	return "(SELECT a.state FROM federated.secagg_attempts a WHERE a.session_id = '$session' ORDER BY a.id DESC LIMIT 1)";
}

sub accepted
{
	my ($session) = @_;
	return "(SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
	  . " WHERE r.session_id = '$session' AND r.kind = 'train' AND u.state = 'accepted')";
}

for my $island (1 .. 5)
{
	my ($out, $err) = run_command([ 'fed', 'island', 'keygen', "$base/$island.identity" ]);
	($keys{$island}) = $out =~ /^([0-9a-f]{64})$/m;
	$fed->sql("SELECT federated_enroll_identity('island-$island', '\\x$keys{$island}')");
	run_command([ 'fed', 'island', 'trust', "$base/trust", "island-$island", $keys{$island} ]);
}
is((run_command([ 'fed', 'island', 'trust', "$base/trust", '--list' ]))[0] =~ tr/\n//, 4, 'five Islands know each other');

# Three Islands, two rounds
run($_, known($_)) for 1 .. 3;
my $session = start(2, min_participants => 3, max_participants => 3);
ok($fed->wait_for_status($session, 'completed'), 'a session of three completes') or diag($fed->reason($session));
is(exact($session, sub { return 1 .. 3 }), 2, 'each round is exactly the weighted mean of the quantised updates');
is($fed->sql("SELECT mode || ' ' || n || ' ' || t FROM federated.secagg_attempts WHERE session_id = '$session' ORDER BY id LIMIT 1"),
	'active 3 3', 'in active mode');

# The same without identities, for those who trust the server; sizes are nobody's business
end('TERM', 1 .. 3);
run($_) for 1 .. 3;
$session = start(1, min_participants => 3, max_participants => 3, secagg_mode => 'semi_honest', secagg_weights => 'hidden',
	secagg_metrics => 'visible');
ok($fed->wait_for_status($session, 'completed'), 'a session of mode semi_honest completes') or diag($fed->reason($session));
is(exact($session, sub { return 1 .. 3 }), 1, 'its result is exact');
is($fed->sql("SELECT count(u.num_samples) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
	. " WHERE r.session_id = '$session' AND r.kind = 'train'"), 0, 'and the server knows no sample counts');
end('TERM', 1 .. 3);
run($_, known($_)) for 1 .. 3;

# Five, of which one comes over HTTP, and one is killed after it has shared
append_to_file("$base/token", $http->token('island-4', 'island'));
chmod 0600, "$base/token";
run(4, known(4), '--url', "http://127.0.0.1:$http->{port}", '--token-file', "$base/token", '--poll', '0.2');
run(5, known(5));
hold(5);
$session = start(1, min_participants => 5, heartbeat_timeout => 3);
ok($fed->wait_for(state($session) . " = 'mask' AND " . accepted($session) . ' = 4'), 'shares are sent while the trainer runs');
end('KILL', 5);
ok($fed->wait_for("count(*) = 1 FROM federated.rounds WHERE session_id = '$session' AND kind = 'train' AND state = 'closed'"),
	'a round of five survives one that is killed after sharing') or diag($fed->reason($session));
is(exact($session, sub { return 1 .. 4 }), 1, 'its result is exactly that of the four');
release(5);
run(5, known(5));
ok($fed->wait_for_status($session, 'completed'), 'and the session completes') or diag($fed->reason($session));

# Five, one of them killed after its commit
hold(1);
$session = start(1, min_participants => 5);
ok($fed->wait_for(accepted($session) . ' = 4'), 'four hand in their updates');
end('KILL', 5);
release(1);
ok($fed->wait_for("count(*) = 1 FROM federated.rounds WHERE session_id = '$session' AND kind = 'train' AND state = 'closed'"),
	'a round of five survives one that is killed after its commit') or diag($fed->reason($session));
is(exact($session, sub { return 1 .. 5 }), 1, 'its update counts');
run(5, known(5));
ok($fed->wait_for_status($session, 'completed'), 'and the session completes') or diag($fed->reason($session));

# An Island whose trainer is busy with another session signs and reveals all the same.
end('TERM', 4, 5);
hold($_) for 2, 3;
$session = start(1, min_participants => 3, max_participants => 3);
ok($fed->wait_for(accepted($session) . ' = 1'), 'one of three hands in its update');
hold(1);
my $other = start(1, min_participants => 3, max_participants => 3);
ok($fed->wait_for("count(*) = 1 FROM federated.secagg_members m JOIN federated.secagg_attempts a ON a.id = m.attempt_id"
	. " WHERE a.session_id = '$other'"), 'and goes on with another session');
release($_) for 2, 3;
ok($fed->wait_for("count(*) = 1 FROM federated.rounds WHERE session_id = '$session' AND kind = 'train' AND state = 'closed'"),
	'the first session has its sum while that trains') or diag($fed->reason($session));
is($fed->sql("SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id JOIN federated.islands i ON i.id = u.island_id"
	. " WHERE r.session_id = '$other' AND i.host_id = 'island-1'"), 0, 'and it does train');
release(1);
ok($fed->wait_for_status($_, 'completed'), 'and it completes') or diag($fed->reason($_)) for $session, $other;

# An Island that refuses what one session asks for, a day long, is there for others.
hold(2);
$session = start(1, min_participants => 3, max_participants => 3);
ok($fed->wait_for(accepted($session) . ' = 2'), 'two of three hand in their updates');
end('KILL', 1);
run_log([ 'rm', '-r', "$base/state-1" ]);
release(2);
ok($fed->wait_for(state($session) . " = 'agree'"), 'one of them has lost its state');
run(1, known(1));
$other = start(1, min_participants => 3, max_participants => 3);
ok($fed->wait_for_status($other, 'completed'), 'it refuses to sign, and takes part in another session') or diag($fed->reason($other));
is($fed->sql('SELECT ' . state($session)), 'agree', 'while the first still waits for it');
like(slurp_file("$base/1.log"), qr/has masked nothing in this attempt|C14|C16|C19/, 'and it says why');
$fed->sql("SELECT federated_cancel_session('$session')");
run(4, known(4), '--url', "http://127.0.0.1:$http->{port}", '--token-file', "$base/token", '--poll', '0.2');
run(5, known(5));

# Whoever was not needed at the end finds out when it asks for the next task.
my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;
select(undef, undef, undef, 0.05) while keys_left() > 0 && time() < $deadline;
is(keys_left(), 0, 'no keys are left behind');
end('TERM', 1 .. 5);
like(slurp_file("$base/1.journal"), qr/"message":"reveal"/, 'the journal says what was sent');

$node->stop;
done_testing();
