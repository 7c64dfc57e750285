# Distributed differential privacy among real Islands: they clip and add the noise together, under
# masks. What comes out is the mean of clipped updates with the noise of all of them; what it costs
# is charged before anybody gives shares away; and an owner's lifetime budget ends what an Island does.
use strict;
use warnings;

use FederatedTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use constant PARAMETERS => 100_000;

my $fed = FederatedTest->new('distributed', islands => 0, parameters => PARAMETERS);
my $node = $fed->node;
my $base = $node->basedir;
$fed->sql('SET client_min_messages = error'); # so little noise is warned of
$fed->add_island($_) for 1 .. 4;
my $workload = $fed->new_workload;
my $name = $fed->sql("SELECT name FROM federated.workloads WHERE id = $workload");
my %pids;

# Three Islands with a delta that is far longer than the clip norm, which leaves 1 of each value; the
# fourth has 0.5 everywhere, which is within it.
my $clip_norm = sqrt(PARAMETERS);
my $script = "$base/trainer.py";
append_to_file($script, <<'PY');
import json, os, struct
with open(os.environ["FED_MODEL"], "rb") as file:
    length = struct.unpack("<Q", file.read(8))[0]
    header = file.read(length)
    values = len(file.read()) // 4
task = json.load(open(os.environ["FED_TASK"]))
assert task["config"]["dp_mode"] == "distributed" and task["config"]["secagg_weights"] == "unit"
delta = 0.5 if os.environ["FED_HOST_ID"] == "island-4" else 5
if task["kind"] == "train":
    with open(os.environ["FED_UPDATE"], "wb") as file:
        file.write(struct.pack("<Q", length) + header + struct.pack("<f", delta) * values)
with open(os.environ["FED_RESULT"], "w") as file:
    file.write('{"num_samples": 10, "update": "delta", "evaluation": {"loss": 1}}')
PY

# run(NUMBER, OPTION...): an Island in the background.
sub run
{
	my ($island, @options) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, "island_$island", 'postgres');
		open STDERR, '>>', "$base/$island.log";
		open STDOUT, '>&', \*STDERR;
		exec 'fed', 'island', 'run', '--host-id', "island-$island", '--train', "/usr/bin/python3 $script",
		  '--state-dir', "$base/state-$island", '--heartbeat', '0.5', '--accept', "$name:10",
		  '--journal', "$base/$island.journal", @options;
	}
	$pids{$island} = $pid;
	return;
}

# Whatever a test dies of, no Island is left.
END { kill 'KILL', values %pids; }

sub known { return ('--identity', "$base/$_[0].identity", '--trust', "$base/trust"); }

sub end
{
	for my $island (@_)
	{
		kill 'TERM', $pids{$island};
		waitpid delete $pids{$island}, 0;
	}
	return;
}

sub start
{
	my ($rounds, %config) = @_;
	return $fed->start_session($workload, $rounds, secure_aggregation => \1, min_updates => 3, keep_versions => 'all', %config);
}

# Mean and variance of what version B has beyond version A.
sub difference
{
	my ($from, $to) = @_;
	return split /\|/, $fed->sql(<<"SQL");
SELECT avg(d), var_pop(d) FROM (
	SELECT unnest(b.data::real[])::float8 - unnest(a.data::real[])::float8 AS d
	FROM federated_version_pages($from) a JOIN federated_version_pages($to) b USING (page_no)) s
SQL
}

sub versions
{
	my ($session, $round) = @_;
	return split /\|/, $fed->sql("SELECT base_version_id, result_version_id FROM federated.rounds"
		  . " WHERE session_id = '$session' AND kind = 'train' AND round_no = $round");
}

# The variance of a value of the mean over so many updates, when three honest ones would have
# noise multiplier z on the sum, of a clip norm of C, divided by D.
sub variance_of
{
	my ($updates, $z, $C, $D) = @_;
	return $updates / 3 * ($z * $C / $D)**2;
}

# Within seven standard errors: one run in 10^11 is beyond them.
sub is_noised
{
	my ($what, $session, $round, $mean, $variance) = @_;
	my ($is_mean, $is_variance) = difference(versions($session, $round));
	cmp_ok(abs($is_mean - $mean), '<', 7 * sqrt($variance / PARAMETERS), "$what: the mean of clipped updates ($mean, found $is_mean)");
	cmp_ok(abs($is_variance / $variance - 1), '<', 7 * sqrt(2 / PARAMETERS),
		"$what: with the noise of all of them and no more ($variance, found $is_variance)");
	return;
}

# Epsilon of so many rounds with one noise multiplier by Renyi divergence, worked out here.
sub renyi
{
	my ($rounds, $z, $delta) = @_;
	my ($least) = sort { $a <=> $b } map { $rounds * $_ / (2 * $z * $z) + log(1 - 1 / $_) - log($delta * $_) / ($_ - 1) }
	  ((map { 1 + $_ / 10 } 1 .. 99), 11 .. 63, 128, 256, 512, 1024);
	return $least;
}

sub spent { return split /\|/, $fed->sql("SELECT epsilon, delta, method, mode FROM federated.privacy_spent WHERE session_id = '$_[0]'"); }

# Charges and openings of reveals in the order in which they were committed.
sub order_of
{
	my ($session) = @_;
	return $fed->sql("SELECT string_agg(CASE kind WHEN 'privacy_charged' THEN 'charge' ELSE 'reveal' END, ' ' ORDER BY id) FROM federated.events"
		  . " WHERE session_id = '$session' AND (kind = 'privacy_charged' OR kind = 'secagg_stage' AND detail ->> 'state' = 'reveal')");
}

sub sending
{
	my ($island, $session) = @_;
	return grep { $_->{event} eq 'sending' && $_->{session_id} eq $session } map { decode_json($_) } split /\n/, slurp_file("$base/$island.journal");
}

for my $island (1 .. 4)
{
	my ($out, $err) = run_command([ 'fed', 'island', 'keygen', "$base/$island.identity" ]);
	my ($key) = $out =~ /^([0-9a-f]{64})$/m;
	$fed->sql("SELECT federated_enroll_identity('island-$island', '\\x$key')");
	run_command([ 'fed', 'island', 'trust', "$base/trust", "island-$island", $key ]);
}
run($_, known($_)) for 1 .. 4;

# A fixed clip norm, four Islands, two rounds
my $z = 0.01;
my $session = start(2, dp_sigma => $z, dp_clip_norm => $clip_norm);
ok($fed->wait_for_status($session, 'completed'), 'a session with a fixed clip norm completes') or diag($fed->reason($session));
is_noised("round $_", $session, $_, 3.5 / 4, variance_of(4, $z, $clip_norm, 4)) for 1, 2;
is($fed->sql("SELECT string_agg(concat_ws(' ', mechanism, noise_multiplier, cohort, divisor, sampling_rate), ',' ORDER BY round_no) FROM federated.privacy_charges WHERE session_id = '$session'"),
	'distributed 0.01 4 4 1,distributed 0.01 4 4 1', 'each is charged as distributed');
is(order_of($session), 'charge reveal charge reveal', 'before a share is given away');
my ($epsilon, $delta, $method, $mode) = spent($session);
cmp_ok(abs($epsilon / renyi(2, $z, $delta) - 1), '<', 1e-9, 'epsilon is that of Renyi divergence');
is("$method $mode", 'rdp distributed', 'which the report says');
is($fed->sql("SELECT count(u.num_samples) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id WHERE r.session_id = '$session'"),
	0, 'nobody says how many samples it has');
my @sent = sending(1, $session);
is(scalar @sent, 2, 'the journal has both updates');
is(join(' ', map { $_->{distributed_noise_multiplier} } @sent), '0.01 0.01', 'with the noise that they had');
ok(!grep({ exists $_->{num_samples} || exists $_->{epsilon} } @sent), 'and neither samples nor what the server says it costs');
my ($watched) = run_command([ 'fed', 'session', 'watch', $session, '--dsn', $node->connstr('postgres') ]);
like($watched, qr/noise added by the Islands together/, 'fed session watch says who adds the noise');

# What somebody who starts a session is warned of is not lost on the way; standard output has the id alone
my ($started, $said) = run_command([ 'fed', 'session', 'start', 'Warned', '--workload', $name, '--rounds', '1', '--config',
	'{"secure_aggregation": true, "dp_sigma": 0.25, "min_participants": 20}', '--dsn', $node->connstr('postgres') ]);
like($started, qr/\A[0-9a-f-]{36}\n?\z/, 'fed session start prints an id');
like($said, qr/^WARNING:  differential privacy of this session: no meaningful guarantee\nDETAIL:  Its 1 rounds spend .*\nHINT:  More noise/m,
	'and on standard error what the server warns of');
like($said, qr/^NOTICE:  any 3 of a round's 20 Islands must add noise enough/m, 'among it how much noise so many Islands make');
like($said, qr/^NOTICE:  the Islands add the noise together: it protects them from the coordinator/m, 'and its notices');
$fed->sql("SELECT federated_cancel_session('$_')") for $started =~ /(\S+)/;

# Adaptive clipping: one of four is within the first clip norm, and the second follows from that
$session = start(2, dp_sigma => $z, dp_adaptive_clip => { initial => $clip_norm, quantile => 0.5, learning_rate => 0.2 },
	secagg_metrics => 'visible');
ok($fed->wait_for_status($session, 'completed'), 'a session with adaptive clipping completes') or diag($fed->reason($session));
my @rounds = map { [ split /\|/ ] } split /\n/, $fed->sql("SELECT clip_norm, update_noise_multiplier, count_noise, released_fraction FROM federated.privacy_charges"
	  . " WHERE session_id = '$session' ORDER BY round_no");
is(scalar @rounds, 2, 'of two rounds');
my $z_delta = 1 / sqrt(1 / $z**2 - 1 / 0.4**2);
cmp_ok(abs($rounds[0][1] / $z_delta - 1), '<', 1e-12, 'its updates have more noise, as the count is released, too');
is($rounds[0][2], 0.2, 'the count has a twentieth of the divisor');
cmp_ok(abs($rounds[0][3] - 0.25), '<=', 7 * 0.2 * sqrt(4 / 3) / 4, "a quarter was within the clip norm, with noise (found $rounds[0][3])");
cmp_ok(abs($rounds[1][0] / ($clip_norm * exp(-0.2 * ($rounds[0][3] - 0.5))) - 1), '<', 1e-12, 'the next clip norm follows from that');
for my $round (1, 2)
{
	my $C = $rounds[ $round - 1 ][0];
	my $clipped = $C / sqrt(PARAMETERS);
	is_noised("adaptive, round $round", $session, $round, (3 * $clipped + ($clipped < 0.5 ? $clipped : 0.5)) / 4, variance_of(4, $z_delta, $C, 4));
}
is(order_of($session), 'charge reveal charge reveal', 'charged before a share is given away');
is( $fed->sql("SELECT string_agg(DISTINCT concat_ws(' ', r.kind, u.metrics -> 'evaluation'), ',') FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
		  . " WHERE r.session_id = '$session' AND u.state = 'accepted'"),
	'evaluate {"loss": 1},train {"loss": 1}', 'metrics are sent where the session has them visible, also of the last version');
ok(!grep({ exists $_->{num_samples} } sending(1, $session)), 'without saying of how many samples they are');
is(scalar sending(1, $session), 3, 'the last evaluation included');
($epsilon, $delta) = spent($session);
cmp_ok(abs($epsilon / renyi(2, $z, $delta) - 1), '<', 1e-9, 'epsilon is that of vector and count together');

# One owner's budget is good for one update with noise multiplier 1 (4.7285) beside what it has sent
# before, but not for two; another's policy forbids the clip norm.
end(1, 2);
unlink "$base/1.journal";
append_to_file("$base/policy", '{"require": ["differential_privacy", "secure_aggregation"], "min_noise_multiplier": 1, "lifetime_epsilon": 4.8}');
append_to_file("$base/short", '{"max_clip_norm": 1}');
run(1, known(1), '--policy', "$base/policy");
run(2, known(2));
$session = start(2, dp_sigma => 1, dp_clip_norm => 2);
ok($fed->wait_for_status($session, 'completed'), 'a session goes on without an Island whose budget is spent') or diag($fed->reason($session));
is($fed->sql("SELECT string_agg(cohort::text, ',' ORDER BY round_no) FROM federated.privacy_charges WHERE session_id = '$session'"), '4,3',
	'it was in one round');
is(scalar sending(1, $session), 1, 'and sent one update');
my $reasons = "SELECT string_agg(t.reason, ',') FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id"
  . " WHERE r.kind = 'train' AND t.reason IS NOT NULL AND r.session_id =";
like($fed->sql("$reasons '$session'"), qr/C6: the lifetime epsilon of 4\.8 is spent: 4\.7285\d* so far, 2\.348\d+ in this round/, 'and says why it does no more');
is_noised('without it', $session, 2, 3 * 2 / $clip_norm / 4, variance_of(3, 1, 2, 4));
end(2);
run(2, known(2), '--policy', "$base/short");
$session = start(1, dp_sigma => 2, dp_clip_norm => 2, min_participants => 3);
ok($fed->wait_for("EXISTS (SELECT FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$session' AND t.reason LIKE '%C6: the round''s clip norm is 2; the policy allows 1%')"),
	'nor is one there whose policy bounds the clip norm');
$fed->sql("SELECT federated_cancel_session('$session')");
end(sort keys %pids);

# Without identities, for those who trust the server: the charge still comes first
run($_) for 1 .. 4;
$session = start(1, dp_sigma => $z, dp_clip_norm => $clip_norm, secagg_mode => 'semi_honest');
ok($fed->wait_for_status($session, 'completed'), 'a session of mode semi_honest completes') or diag($fed->reason($session));
is(order_of($session), 'charge reveal', 'charged before a share is given away');
is_noised('semi_honest', $session, 1, 3.5 / 4, variance_of(4, $z, $clip_norm, 4));
end(sort keys %pids);

$node->stop;
done_testing();
