# Local differential privacy from end to end: real Islands clip their updates and add noise, the
# server sees nothing else, and an owner's budget ends what an Island does.

use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $parameters = 100_000;
my $fed = FederatedTest->new('local', islands => 0, parameters => $parameters);
$fed->sql('SET client_min_messages = error'); # so little noise is warned of
my $node = $fed->node;
my $workload = $fed->new_workload;
my $name = $fed->sql("SELECT name FROM federated.workloads WHERE id = $workload");
my %pids;
$fed->add_island($_) for 1 .. 3;

# A delta of 5 everywhere: far longer than the clip norm, which leaves 1 of each.
my $clip_norm = sqrt($parameters);
my $script = $node->basedir . '/trainer.py';
append_to_file($script, <<'PY');
import os, struct
with open(os.environ["FED_MODEL"], "rb") as file:
    length = struct.unpack("<Q", file.read(8))[0]
    header = file.read(length)
    values = len(file.read()) // 4
with open(os.environ["FED_UPDATE"], "wb") as file:
    file.write(struct.pack("<Q", length) + header + struct.pack("<f", 5) * values)
with open(os.environ["FED_RESULT"], "w") as file:
    file.write('{"num_samples": 10, "update": "delta"}')
PY

# run(NUMBER, JOURNAL, OPTION...): an Island in the background.
sub run
{
	my ($island, $journal, @options) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, "island_$island", 'postgres');
		open STDERR, '>>', $node->basedir . "/$island.log";
		open STDOUT, '>&', \*STDERR;
		exec 'fed', 'island', 'run', '--host-id', "island-$island", '--train', "/usr/bin/python3 $script", '--heartbeat', '0.5',
		  '--state-dir', $node->basedir . "/state-$island", '--accept', "$name:10", '--journal', $node->basedir . "/$journal",
		  @options;
	}
	$pids{$island} = $pid;
	return;
}

sub end
{
	for my $island (@_)
	{
		kill 'TERM', $pids{$island};
		waitpid delete $pids{$island}, 0;
	}
	return;
}

# Whatever a test dies of, no Island is left.
END { kill 'TERM', values %pids; }

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

sub train_round
{
	my ($session, $round) = @_;
	return split /\|/, $fed->sql("SELECT base_version_id, result_version_id FROM federated.rounds"
		  . " WHERE session_id = '$session' AND kind = 'train' AND round_no = $round");
}

run($_, "$_.journal") for 1 .. 3;
my $multiplier = 0.01;
my %private = (dp_mode => 'local', dp_clip_norm => $clip_norm, min_participants => 3);
my $session = $fed->start_session($workload, 1, %private, dp_sigma => $multiplier);
ok($fed->wait_for_status($session, 'completed'), 'a session with local noise');

# The mean of three updates: each of its values has a third of the variance.
my ($mean, $variance) = difference(train_round($session, 1));
my $expected = ($multiplier * $clip_norm)**2 / 3;
cmp_ok(abs($mean - 1), '<', 5 * sqrt($expected / $parameters), "the mean is that of clipped updates (1, found $mean)");
cmp_ok(abs($variance / $expected - 1), '<', 5 * sqrt(2 / $parameters),
	"the variance is that of the Islands' noise and no more ($expected, found $variance)");
is($fed->sql("SELECT string_agg(concat_ws(' ', mechanism, noise_multiplier, sampling_rate), ',') FROM federated.privacy_charges WHERE session_id = '$session'"),
	'local 0.01 1', 'the server charges it as local');

# One owner allows 4.4: a round with noise multiplier 1 costs 4.377, a second would make it 6.573.
end(1);
my $policy = $node->basedir . '/policy.json';
append_to_file($policy, '{"require": ["local_differential_privacy"], "min_noise_multiplier": 1, "lifetime_epsilon": 4.4}');
run(1, 'strict.journal', '--policy', $policy);
$session = $fed->start_session($workload, 2, %private, dp_sigma => 1, min_updates => 2);
ok($fed->wait_for_status($session, 'completed'), 'a session that goes on without an Island whose budget is spent');
is( $fed->sql("SELECT string_agg(i.host_id, ',' ORDER BY r.round_no, i.host_id) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
		  . " JOIN federated.islands i ON i.id = u.island_id WHERE r.session_id = '$session' AND r.kind = 'train' AND u.state = 'accepted'"),
	'island-1,island-2,island-3,island-2,island-3',
	'it took part in one round');
like($fed->sql("SELECT string_agg(t.reason, ',') FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$session' AND r.kind = 'train' AND t.reason IS NOT NULL"),
	qr/the lifetime epsilon of 4\.4 is spent: 4\.37\d+ so far, 2\.19\d+ in this round/, 'and says why it does no more');
like(slurp_file($node->basedir . '/strict.journal'), qr/"local_noise_multiplier":1\.0/, 'its journal has the noise');
$session = $fed->start_session($workload, 1, dp_sigma => 2, dp_clip_norm => 1, min_participants => 3, min_updates => 2);
ok($fed->wait_for_status($session, 'completed'), 'a session with central noise');
like($fed->sql("SELECT string_agg(t.reason, ',') FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$session' AND r.kind = 'train' AND t.reason IS NOT NULL"),
	qr/requires local differential privacy/, 'is not for an owner who requires local noise');
end(sort keys %pids);

done_testing();
