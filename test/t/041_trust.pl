# What Islands and operators may rely on: acknowledgements, downtime, drop-outs, copies.
use strict;
use warnings;

use Federation;
use PostgreSQL::Test::Utils;
use Test::More;

my $f = Federation->new('trust');
my $node = $f->node;

# An acknowledged update is durable, whatever its sender has set.
$f->start(1, '{"min_participants": 3}');
my $round = $f->wait_for_round(1);
$f->sql('ALTER ROLE a SET synchronous_commit = off');
$f->send('a', $round, 1);
$node->stop('immediate');
$node->start;
is($f->sql("SELECT count(*) FROM federated.updates WHERE state = 'accepted'"), '1', 'synchronous_commit = off loses no acknowledged update');
$f->send('b', $round, 1, 'SET synchronous_commit = off;');
$f->send('c', $round, 1);
$f->evaluate(1);
ok($f->wait_for_status('completed'), 'and the session completes');

# Rounds close at once.
$f->start(20, '{"min_participants": 3, "keep_versions": "last"}');
ok($f->play(1, 20), 'twenty rounds');
my $gaps = $f->sql(<<SQL);
	SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY gap))::numeric * 1000, 1), round(max(gap) * 1000, 1)
	FROM (SELECT extract(epoch FROM n.at - u.last) AS gap
		  FROM (SELECT r.round_no, max(u.accepted_at) AS last FROM federated.rounds r JOIN federated.updates u ON u.round_id = r.id
				WHERE r.session_id = '$f->{session}' AND r.kind = 'train' GROUP BY 1) u
		  JOIN (SELECT (detail ->> 'round')::int AS round_no, at FROM federated.events
				WHERE session_id = '$f->{session}' AND kind = 'round_opened' AND detail ->> 'kind' = 'train') n
			ON n.round_no = u.round_no + 1) g
SQL
my ($median, $max) = split /\|/, $gaps;
note("last commit to next task: median $median ms, max $max ms");
cmp_ok($median, '<', 100, "a round closes within 100 ms of the last commit (median $median ms, max $max ms)");

# Downtime is nobody's fault.
$f->start(1, '{"min_participants": 3, "round_timeout": 4, "heartbeat_timeout": 3}');
$round = $f->wait_for_round(1);
$f->send('a', $round, 1);
$node->stop('immediate');
sleep 6;
$node->start;
ok($f->wait_until("EXISTS (SELECT FROM federated.events WHERE session_id = '$f->{session}' AND kind = 'downtime_credited')"), 'downtime is credited');
is($f->sql("SELECT count(*) FROM federated.tasks WHERE round_id = $round AND state = 'dropped'"), '0', 'nobody is dropped for it');
$f->send($_, $round, 1) for qw(b c);
$f->evaluate(1);
ok($f->wait_for_status('completed'), 'and the session completes');

# One of three gone for good: it completes. Two of three: it fails and says why.
$f->start(2, '{"min_participants": 3, "round_timeout": 2}');
$round = $f->wait_for_round(1);
$f->send($_, $round, 1) for qw(a b);
$round = $f->wait_for_round(2);
is($f->sql("SELECT string_agg(detail ->> 'reason', ',') FROM federated.events WHERE session_id = '$f->{session}' AND kind = 'participant_dropped'"),
	'missed the deadline', 'a straggler is dropped');
is($f->send('c', $round, 2), 'accepted', 'and is back in the next round');
$f->send($_, $round, 2) for qw(a b);
$f->evaluate(2);
ok($f->wait_for_status('completed'), 'the session completes');

$f->start(2, '{"min_participants": 3, "heartbeat_timeout": 2}');
$round = $f->wait_for_round(1);
$f->send('a', $round, 1);
ok($f->wait_for_status('failed', 20), 'two of three gone: the session fails');
like($f->value('reason'), qr/^2 of 3 participants have dropped out/, 'and says why');

# A copy waits for an operator.
$f->sql('SELECT federated_heartbeat()', $_) for qw(a b c);
$f->start(1, '{"min_participants": 3}');
$round = $f->wait_for_round(1);
$f->send('a', $round, 1);
my $dump = $node->basedir . '/copy.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'a running session is dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ], 'and restored');
my $copied = "SELECT status || ': ' || reason FROM federated.sessions WHERE id = '$f->{session}'";
$node->safe_psql('copy', "SELECT federated.advance('$f->{session}')");
like($node->safe_psql('copy', $copied), qr/^paused: this is another cluster or database/, 'the copy is paused and says why');
is($node->safe_psql('copy', 'SELECT md5(federated_export_model(1, 1))'), $f->sql('SELECT md5(federated_export_model(1, 1))'),
	'its models are the same');
$node->safe_psql('copy', "SELECT federated_resume_session('$f->{session}')");
is($node->safe_psql('copy', "SELECT status FROM federated.sessions WHERE id = '$f->{session}'"), 'training', 'an administrator resumes it');
$f->send($_, $round, 1) for qw(b c);
$f->evaluate(1);
ok($f->wait_for_status('completed'), 'the original goes on');

# Memory and storage are bounded.
my $many = $ENV{FEDERATED_TEST_SLOW} ? 1000 : 60;
$f->start($many, '{"min_participants": 3}');
my ($early, $late);
for my $number (1 .. $many)
{
	my $r = $f->wait_for_round($number);
	$f->send($_, $r, $number) for qw(a b c);
	$early = rss($f->worker_pid) if $number == int($many / 3);
}
$f->evaluate($many);
ok($f->wait_for_status('completed'), "$many rounds");
$late = rss($f->worker_pid);
cmp_ok($late, '<', $early + 2048, "the worker's memory is flat: $early kB, then $late kB");
ok($f->wait_until('(SELECT count(*) FROM federated.retired_tables) = 0', 90), 'retired tables are dropped');
cmp_ok($f->sql("SELECT count(*) FROM pg_class WHERE relname ~ '^(round|version|update)_[0-9]+\$' AND relkind = 'r'"), '<', 30, 'tables are bounded');
$node->stop;

sub rss
{
	my ($pid) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/;
	return $kb;
}

done_testing();
