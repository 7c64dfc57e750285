# What a single Island, reader or session does wrong is its own trouble.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Connection;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $fed = FederatedTest->new('main');
my ($one, $two, $three) = $fed->islands;

# Seconds that a session of some rounds takes.
sub seconds_of_session
{
	my ($rounds, @islands) = @_;
	my $session = $fed->start_session($fed->new_workload(@islands), $rounds, min_participants => scalar @islands);
	my $start = time();

	$fed->play($session, @islands);
	is($fed->status($session), 'completed', 'another session completes');
	return time() - $start;
}
my $usual = seconds_of_session(10, $one, $two);

# An Island hands in its update and does not end its transaction: the round is
# locked against its freeze.

my $session = $fed->start_session($fed->new_workload, 2, round_timeout => 2);
my @task = $fed->tasks($session, 1);
$_->perform($task[ $_->{number} - 1 ]) for $one, $two;
my $start = time();
$three->sql('BEGIN');
is($three->perform($task[2])->{status}, 'accepted', 'an Island hands in its update and goes idle');
sleep 2;
my $longest = 0;
while (time() - $start < 8)
{
	my $seconds = seconds_of_session(3, $one, $two);
	$longest = $seconds if $seconds > $longest;
}
diag(sprintf('10 rounds of another session: %.2f s; 3 rounds beside an idle transaction: at most %.2f s', $usual, $longest));
cmp_ok($longest, '<', 2 + $usual, 'no other session waits for it');
ok($fed->wait_for_round($session, 2), 'the session goes on');
my $held = time() - $start;
diag(sprintf('an idle transaction held its own session up for %.1f s', $held));
cmp_ok($held, '<', 16, 'within the time that an Island may be idle in a transaction');
ok(!defined $three->query('COMMIT'), 'whose connection is cut');
is($fed->sql("SELECT count(*) FROM federated.updates WHERE round_id = $task[0]{round_id} AND state = 'accepted'"),
	2, 'and whose update was not taken');
$fed->connect_islands;
$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');
is($fed->sql("SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id
		WHERE r.session_id = '$session' AND r.round_no = 2 AND r.kind = 'train' AND u.state = 'accepted'"),
	3, 'with that Island back');

# The same without an update: whoever only takes its task and goes idle.

$session = $fed->start_session($fed->new_workload, 2, round_timeout => 2);
$fed->wait_for_round($session, 1);
$_->perform($_->task($session)) for $one, $two;
$three->sql('BEGIN');
ok($three->task($session), 'an Island takes its task and goes idle');
sleep 2;
$start = time();
my $beside_idle = seconds_of_session(10, $one, $two);
diag(sprintf('10 rounds of another session beside it: %.2f s', $beside_idle));
cmp_ok($beside_idle, '<', 2 + 2 * $usual, 'no other session waits for it');
ok($fed->wait_for_round($session, 2), 'the session goes on');
cmp_ok(time() - $start, '<', 14, 'within the time that an Island may be idle in a transaction');
$three->connect;
$fed->play($session);
is($fed->status($session), 'completed', 'the session completes');

# Many connections that upload all the time do not keep a round open beyond its
# deadline.

my $busy = $fed->start_session($fed->new_workload, 1, round_timeout => 2);
@task = $fed->tasks($busy, 1);
$one->perform($task[0]);
$start = time();
while ($fed->sql("SELECT state = 'open' FROM federated.rounds WHERE id = $task[0]{round_id}") eq 't'
	&& time() - $start < 20)
{
	# both keep the round locked in turns, the update is never complete
	$_->ask("BEGIN; SELECT federated_submit_update($task[0]{round_id}, '\\x00', 1); SELECT pg_sleep(0.15); ROLLBACK") for $two, $three;
	$two->answer;
	$two->ask("BEGIN; SELECT federated_submit_update($task[0]{round_id}, '\\x00', 1); SELECT pg_sleep(0.15); ROLLBACK");
	$_->answer for $three, $two;
}
diag(sprintf('a round under constant fire closed %.1f s after its deadline', time() - $start - 2));
cmp_ok(time() - $start, '<', 15, 'a round under constant fire closes after its deadline');
$fed->play($busy);

# Nor do very many that hold the round for a moment each, one always before the
# last has let go: what forty Islands do that send at the same time.

$busy = $fed->start_session($fed->new_workload, 1, round_timeout => 2);
@task = $fed->tasks($busy, 1);
$_->perform($task[ $_->{number} - 1 ]) for $two, $three;
my $script = $fed->node->basedir . '/storm.sql';
append_to_file($script,
	"BEGIN;\nSELECT 1 FROM federated.share_round($task[0]{round_id});\n\\sleep 20 ms\nCOMMIT;\n");
my $storm = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 40, '-j', 2, '-T', 60, '-f', $script, '-U', $fed->sql('SELECT current_user'), '-h', $fed->node->host, '-p', $fed->node->port, 'postgres' ],
	'>', \my $out, '2>', \my $err);
ok($fed->wait_for("count(*) > 40 FROM pg_stat_activity WHERE backend_type = 'client backend'"), 'forty senders are there') or diag($err);
$start = time();
ok($fed->wait_for("state <> 'open' FROM federated.rounds WHERE id = $task[0]{round_id}"), 'a round in a storm of senders closes');
diag(sprintf('a round in a storm of 40 senders closed after %.1f s', time() - $start));
cmp_ok(time() - $start, '<', 10, 'soon after its deadline');
$storm->kill_kill;
$fed->play($busy);
is($fed->status($busy), 'completed', 'and the session completes');

# Somebody holds a session while a worker starts.

$busy = $fed->start_session($fed->new_workload, 1);
$fed->wait_for_round($busy, 1);
my $holder = FederatedTest::Connection->new($fed->node);
$holder->sql("BEGIN; SELECT federated_pause_session('$busy')");
$fed->sql('SELECT federated.worker_restart()');
my $beside_held = seconds_of_session(3, $one, $two);
cmp_ok($beside_held, '<', 4 + $usual, sprintf('other sessions go on after it has started (%.2f s)', $beside_held));
$holder->sql('ROLLBACK');
$fed->play($busy);
is($fed->status($busy), 'completed', 'and that one, too, once it is let go');
$holder->close;

# A session whose step always fails: the sum of its updates leaves the range of
# float32.

my $poisoned = $fed->start_session($fed->new_workload, 1, server_learning_rate => 1000);
@task = $fed->tasks($poisoned, 1);
my $huge = unpack('H*', pack('f<', 3e38)) x $fed->{parameters};
$_->sql("SELECT federated_submit_update($task[0]{round_id}, '\\x$huge', 10)") for $fed->islands;
ok($fed->wait_for("failures > 0 FROM federated.sessions WHERE id = '$poisoned'"), 'a session fails in each step');
my $beside = seconds_of_session(10, $one, $two);
diag(sprintf('10 rounds of another session beside it: %.2f s', $beside));
cmp_ok($beside, '<', 2 + 2 * $usual, 'no other session waits for it');
is($fed->sql("SELECT last_error FROM federated.sessions WHERE id = '$poisoned'"),
	'the aggregated model leaves the range of float32 (SQLSTATE 22003)', 'it says what is wrong');
is($fed->sql(q{SELECT ok FROM federated.health() WHERE "check" = 'sessions'}), 'f', 'health() says so, too');
ok($fed->wait_for("failures > 1 FROM federated.sessions WHERE id = '$poisoned'"), 'it is tried again');
$fed->sql("UPDATE federated.sessions SET failures = 9 WHERE id = '$poisoned'");
ok($fed->wait_for_status($poisoned, 'paused'), 'after ten times it waits for an operator');
like($fed->reason($poisoned), qr/^a step failed 10 times: the aggregated model leaves the range/, 'and says why');
$fed->sql("SELECT federated_cancel_session('$poisoned')");

# A long transaction reads what is retired meanwhile.

$session = $fed->start_session($fed->new_workload, 10, keep_versions => 'last');
@task = $fed->tasks($session, 1);
my $reader = FederatedTest::Connection->new($fed->node);
$reader->sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM federated.round_$task[0]{round_id}");
$three->sql("BEGIN; SELECT length(federated_model_slice($task[0]{version_id}, 0))");
$three->sql('COMMIT');
$start = time();
$fed->play($session);
is($fed->status($session), 'completed', 'a session goes on while its old tables are read');
cmp_ok(time() - $start, '<', 3 + 2 * $usual, 'and does not wait');
ok($fed->wait_for("count(*) = 1 FROM federated.retired_tables"), 'what nobody reads is dropped');
is($fed->sql('SELECT relation FROM federated.retired_tables'), "round_$task[0]{round_id}", 'what is read is there');
is($reader->sql("SELECT count(*) FROM federated.round_$task[0]{round_id}"), 0, 'and can be read');
$reader->close;
ok($fed->wait_for('NOT EXISTS (SELECT FROM federated.retired_tables)'), 'until it is not');

done_testing();
