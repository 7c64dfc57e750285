# A copy of a database, however it was made, has every model in it and runs
# nothing until an operator says so. Making one raises no error, also while the
# copy's own worker looks at it.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Connection;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fed = FederatedTest->new('main', parameters => 262_080 + 5_000);
my $dir = PostgreSQL::Test::Utils::tempdir;

# A finished session, one of whose page tables waits to be dropped since
# somebody reads it.

my $finished = $fed->start_session($fed->new_workload, 2);
my ($task) = $fed->tasks($finished, 1);
my $reader = FederatedTest::Connection->new($fed->node);
$reader->sql("BEGIN; SELECT count(*) FROM federated.round_$task->{round_id}");
$fed->play($finished);
my $model = $fed->result($finished);
like($model, qr/^completed/, 'a session is finished');

# Its workload's current version moves back and forth; a tag, lineage.

$fed->sql("SELECT federated_rollback(workload_id, v), federated_tag_version(workload_id, v, 'kept') FROM federated.sessions, unnest('{1,3}'::integer[]) v
	WHERE id = '$finished' ORDER BY v");
my $products = "SELECT string_agg(format('%s %s %s %s', direction, version, tags, current), ', ' ORDER BY depth) || ' ' || (SELECT string_agg(m.reason, ' ' ORDER BY m.id)
	FROM federated.head_moves m JOIN federated.sessions s USING (workload_id) WHERE s.id = '$finished')
	FROM federated_lineage((SELECT result_version_id FROM federated.sessions WHERE id = '$finished'))";
my $lineage = $fed->sql($products);
is($lineage, 'ancestor 1 {} f, ancestor 2 {} f, self 3 {kept} t imported trained rolled_back rolled_back', 'it has a lineage, a tag and a history');

# A running one: an update accepted, another half there.

my $running = $fed->start_session($fed->new_workload, 2, price => { per_round => 1.5 }, max_participants => 4);
$fed->sql("SELECT federated_approve_samples('island-3', 5000)");
my @task = $fed->tasks($running, 1);
my $half = $fed->island(2)->prepare($task[1]);
$fed->island(1)->perform($task[0]);
$fed->island(2)->begin($half);
$fed->island(2)->put($half, 1);

# A subscription, and an event that is to be sent to it later.
$fed->sql("SELECT count(*) FROM federated_subscribe('https://receiver.example/', '{test}', '$running')");
$fed->sql("BEGIN; SELECT federated.log_event('$running', 'test');
	UPDATE federated.webhook_deliveries SET due_at = now() + interval '1 day'; COMMIT");
is($fed->sql('SELECT count(*) FROM federated.live_webhooks'), '1', 'a webhook waits');
is($fed->sql('SELECT count(*) > 0 FROM federated.retired_tables'), 't', 'a table waits to be dropped');

my $anchors = $fed->sql('SELECT federated_event_anchors()');
$fed->node->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", $fed->node->connstr('postgres') ], 'pg_dump');
$fed->node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", $fed->node->connstr('postgres') ], 'pg_dump -Fc');

# A restore that takes its time: the worker is woken after each of these tables
# and may do something about what it finds.
my $text = slurp_file("$dir/plain.sql");
my $pauses = ($text =~ s/^(COPY federated\.(?:retired_tables|sessions) .*?^\\\.\n)/$1SELECT federated.wake_worker();\nSELECT pg_sleep(2.5);\n/gms);
is($pauses, 2, 'a slow restore is made');
append_to_file("$dir/slow.sql", $text);

# Credits, what the auditor has against them, and the approved samples.
sub books
{
	my ($of) = @_;
	return $of->sql("SELECT kind, credits FROM federated.balances WHERE kind <> 'system' ORDER BY kind, holder") . "\n"
	  . $of->sql("SELECT (SELECT count(*) FROM federated_audit_ledger()) || ' wrong, ' || (SELECT sum(max_samples) FROM federated.sample_ceilings)");
}
my $books = books($fed);
like($books, qr/^escrow\|12$/m, 'it has reserved what it can cost');

sub check_events
{
	my ($name, $copy) = @_;
	is($copy->sql('SELECT bool_and(ok) AND sum(verified) = (SELECT count(*) FROM federated.events) FROM federated_verify_events()'),
		't', "$name: the chains of events are whole");
	is($copy->sql("SELECT bool_and(ok) AND count(*) = 3 FROM federated_check_anchors('$anchors')"), 't',
		"$name: and lead through the anchors of the original");
	return;
}

sub check_copy
{
	my ($name, $node, $dbname) = @_;
	my $copy = FederatedTest->attach($node, $dbname, known => 3, parameters => $fed->{parameters});

	is($copy->result($finished), $model, "$name: the finished model is the same");
	check_events($name, $copy);
	is($copy->sql($products), $lineage, "$name: and so are its lineage, tag and history");
	$copy->sql("SELECT federated_rollback(workload_id, 1), federated_rollback(workload_id, 3) FROM federated.sessions WHERE id = '$finished'");
	is($copy->sql("SELECT count(*) FROM federated.head_moves m JOIN federated.sessions s USING (workload_id) WHERE s.id = '$finished'"), 6,
		"$name: which goes on");
	is($copy->island(1)->task, undef, "$name: no Island has a task");
	is($copy->island(2)->put($half, 0)->{status}, 'rejected', "$name: no update is taken");
	ok($copy->wait_for_status($running, 'paused'), "$name: the running session is paused");
	like($copy->reason($running), qr/^this is another cluster or database than the one it ran in/, "$name: and says why");
	is($copy->sql(q{SELECT ok, detail FROM federated.health() WHERE "check" = 'cluster'}),
		'f|1 sessions are paused because they come from another cluster', "$name: health() says so");

	is(books($copy), $books, "$name: balances are the same, and right");
	is($copy->sql("SELECT w.url, d.state, d.attempts FROM federated.webhooks w JOIN federated.webhook_deliveries d ON d.webhook_id = w.id"),
		'https://receiver.example/|pending|0', "$name: so is a subscription, and what is to be sent");
	is($copy->sql('SELECT (SELECT count(*) FROM federated.live_webhooks), federated.next_webhook()'), '0|', "$name: which is not sent from here");

	my $session = $copy->start_session($copy->new_workload, 1);
	$copy->play($session);
	is($copy->status($session), 'completed', "$name: a new session runs");
	is($copy->status($running), 'paused', "$name: the old one waits");

	$copy->sql("SELECT federated_resume_session('$running')");
	is_deeply($copy->island(2)->begin($half)->{present}, [1], "$name: what was sent is still there");
	$copy->play($running);
	is($copy->miscounted($running), 0, "$name: resumed, it completes with every update");
	is(books($copy), "escrow|0\nisland|3\nisland|3\nisland|3\nowner|-9\n0 wrong, 5000", "$name: and pays for them");
	is($copy->events($running, 'step_failed'), 0, "$name: no step failed");
	is($copy->sql("SELECT last_error FROM federated.worker_status()"), '', "$name: the worker had no trouble");
	check_events("$name, later", $copy);
	my $result = $copy->result($running);
	$copy->disconnect;
	return $result;
}

my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', "shared_preload_libraries = 'federated'\nmax_worker_processes = 16\nlog_statement = none");
$other->start;
$other->safe_psql('postgres', 'CREATE ROLE federated_island');
$other->safe_psql('postgres', "CREATE ROLE island_$_ LOGIN IN ROLE federated_island") for 1 .. 3;
$other->safe_psql('postgres', "CREATE DATABASE $_") for qw(plain custom slow);

my %result;
my @psql = ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1');
$other->command_ok([ @psql, '-f', "$dir/plain.sql", $other->connstr('plain') ], 'plain restore');
$result{plain} = check_copy('plain', $other, 'plain');
$other->command_ok([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('custom'), "$dir/custom" ], 'pg_restore');
$result{custom} = check_copy('custom', $other, 'custom');
$other->command_ok([ @psql, '-f', "$dir/slow.sql", $other->connstr('slow') ], 'a restore that the worker looks into');
$result{slow} = check_copy('slow', $other, 'slow');

# Beside the original.

$fed->sql('CREATE DATABASE beside');
$fed->node->command_ok([ @psql, '-f', "$dir/plain.sql", $fed->node->connstr('beside') ], 'restore into a second database');
$result{beside} = check_copy('second database', $fed->node, 'beside');

$reader->close;
$fed->disconnect;
$fed->node->safe_psql('template1', 'CREATE DATABASE clone TEMPLATE postgres');
$result{clone} = check_copy('clone', $fed->node, 'clone');

# The original has gone on all the time, and ends as they all did.

$fed->connect_islands;
is($fed->status($running), 'training', 'the original was not disturbed');
$fed->play($running);
like($fed->result($running), qr/^completed/, 'it completes');
is($result{$_}, $fed->result($running), "$_: ended in the same bytes") for sort keys %result;
ok($fed->wait_for('NOT EXISTS (SELECT FROM federated.retired_tables)'), 'the table that was read is dropped');

done_testing();
