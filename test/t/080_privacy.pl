# The books of differential privacy where they could have lost something: a
# standby that was behind and is promoted, a dump that is restored. And who may
# know what, over connections of their own.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Connection;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fed = FederatedTest->new('main', conf => "wal_level = replica\nmax_wal_senders = 5\nhot_standby = on");
my %private = (dp_sigma => 4, dp_clip_norm => 0.5, keep_versions => 'all');
my $spent = 'SELECT rounds, lost, round(epsilon::numeric, 9) FROM federated.privacy_spent WHERE session_id =';

sub charges
{
	my ($of, $session) = @_;
	return $of->sql("SELECT count(*) FROM federated.privacy_charges WHERE session_id = '$session'");
}

sub standby_of
{
	my ($primary, $name, $conf) = @_;
	$primary->backup("for_$name");
	my $standby = PostgreSQL::Test::Cluster->new($name);
	$standby->init_from_backup($primary, "for_$name", has_streaming => 1);
	$standby->append_conf('postgresql.conf', $conf);
	$standby->start;
	$primary->wait_for_catchup($standby);
	return $standby;
}

# A standby falls behind by a round, whose model is out, and is promoted.

my $session = $fed->start_session($fed->new_workload, 4, %private);
my $plain = $fed->start_session($fed->new_workload, 2);
$fed->play_round($session, 1);
$fed->wait_for_round($session, 2);
my $standby = standby_of($fed->node, 'standby', '');
$standby->stop;
$fed->play_round($session, 2);
$fed->wait_for_round($session, 3);
is(charges($fed, $session), 2, 'two rounds are charged');
$fed->disconnect;
$fed->node->stop('immediate');

$standby->start;
$standby->promote;
my $copy = FederatedTest->attach($standby, 'postgres', known => 3);
ok($copy->wait_for_status($session, 'paused'), 'the promoted standby pauses the private session');
like($copy->reason($session), qr/^a failover or recovery .* federated_charge_lost_rounds/, 'and says why');
is($copy->status($plain), 'training', 'one that spends nothing goes on');
is(charges($copy, $session), 1, 'its books have lost a charge');
is($copy->{admin}->query("SELECT federated_resume_session('$session')"), undef, 'nobody resumes it');
like($copy->{admin}{error}, qr/may have spent more privacy than its charges say/, 'while nobody has said what was lost');

$copy->sql("SELECT federated_charge_lost_rounds('$session', 1, 'the standby was a round behind')");
$copy->sql("SELECT federated_resume_session('$session')");
$copy->play($session);
$copy->play($plain);
is($copy->status($session), 'completed', 'then it goes on and completes');
is($copy->status($plain), 'completed', 'so does the other');
like($copy->sql("$spent '$session'"), qr/^5\|1\|/, 'four rounds and the lost one are charged');
is($copy->sql("SELECT string_agg(round(epsilon::numeric, 9)::text, ' ') FROM federated.participant_privacy WHERE session_id = '$session'"),
	join(' ', ($copy->sql("SELECT round(epsilon::numeric, 9) FROM federated.privacy_spent WHERE session_id = '$session'")) x 3),
	'every Island may have been in that');
is($copy->sql('SELECT bool_and(ok) FROM federated_verify_events()'), 't', 'the chains of events are whole');

# The operator's word that standbys have everything.

$copy->{workloads} = 100;
my $kept = $copy->start_session($copy->new_workload, 2, %private);
$copy->play_round($kept, 1);
$copy->wait_for_round($kept, 2);
my $second = standby_of($standby, 'second', 'federated.failover_keeps_books = on');
$copy->disconnect;
$standby->stop('immediate');
$second->promote;
my $last = FederatedTest->attach($second, 'postgres', known => 3);
$last->play($kept);
is($last->status($kept), 'completed', 'with federated.failover_keeps_books a failover pauses nothing');
is($last->events($kept, 'timeline_changed'), 1, 'though it is noticed');

# A dump has the charges and what they depend on; the copy waits all the same.

$last->{workloads} = 200;
my $running = $last->start_session($last->new_workload, 3, dp_sigma => 4, dp_adaptive_clip => {});
$last->play_round($running, 1);
$last->wait_for_round($running, 2);
my $books = "SELECT string_agg(c::text, ' ' ORDER BY c.id) || (SELECT string_agg(p::text, ' ' ORDER BY p) FROM federated.privacy_participants p)
	|| (SELECT string_agg(s::text, ' ' ORDER BY s) FROM federated.session_privacy s) FROM federated.privacy_charges c";
my $before = $last->sql($books);
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
$second->command_ok([ 'pg_dump', '-f', $dump, $second->connstr('postgres') ], 'pg_dump');
$last->sql('CREATE DATABASE restored');
$second->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $second->connstr('restored') ], 'it is restored');
my $restored = FederatedTest->attach($second, 'restored', known => 3);
is($restored->sql($books), $before, 'with every charge');
ok($restored->wait_for_status($running, 'paused'), 'the running session is paused');
is($restored->{admin}->query("SELECT federated_resume_session('$running')"), undef, 'and not resumed');
is($restored->{admin}->query('UPDATE federated.privacy_charges SET noise_multiplier = 100'), undef, 'charges are append-only here, too');
$restored->sql("SELECT federated_charge_lost_rounds('$running', 0, 'the dump is complete')");
$restored->sql("SELECT federated_resume_session('$running')");
$restored->play($running);
is($restored->status($running), 'completed', 'once that is said, it completes');
is(charges($restored, $running), 3, 'numbers of charges go on');
$restored->disconnect;

# Who was drawn, over connections of their own.

$last->sql("CREATE ROLE $_ LOGIN IN ROLE federated_$_") for qw(creator viewer auditor);
$last->sql('CREATE ROLE admin LOGIN IN ROLE federated_admin');
my $secret = $last->start_session($last->new_workload, 1, dp_sigma => 4, dp_sampling => 'poisson', participation_fraction => 1);
$last->play($secret);
is($last->status($secret), 'completed', 'a session that draws its Islands completes');
my %question = (
	tasks => "federated.tasks t JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$secret'",
	updates => "federated.updates u JOIN federated.rounds r ON r.id = u.round_id WHERE r.session_id = '$secret'",
	participants => "federated.participants WHERE session_id = '$secret'",
	'who was charged' => "federated.privacy_participants p JOIN federated.privacy_charges c ON c.id = p.charge_id WHERE c.session_id = '$secret'",
	'who was drawn' => "federated.events WHERE session_id = '$secret' AND kind = 'islands_drawn'",
	'what was sent' => "federated.events WHERE session_id = '$secret' AND kind IN ('update_accepted', 'evaluation_accepted')");
for my $role (qw(admin viewer auditor))
{
	my $reader = FederatedTest::Connection->new($second, $role, 'postgres');
	for my $what (sort keys %question)
	{
		my $count = $reader->sql("SELECT count(*) FROM $question{$what}");
		$role eq 'admin' ? cmp_ok($count, '>', 0, "admin sees $what") : is($count, 0, "$role does not see $what");
	}
	is($reader->sql("SELECT count(*) FROM federated.privacy_spent WHERE session_id = '$secret' AND epsilon > 0"), 1, "$role sees what was spent");
	$reader->close;
}
is($last->sql("SELECT sum((SELECT count(*) FROM federated.rounds r WHERE r.session_id = '$secret' AND r.kind = 'train' AND r.total_samples IS NULL AND r.evaluation = '{}'))"),
	1, 'a drawn round has no sums and no means');

$last->disconnect;
$second->stop;
done_testing();
