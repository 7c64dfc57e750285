# However many processes aggregate a round, and whatever becomes of them, the
# result is the same bytes.

use strict;
use warnings;

use FederatedTest;
use Test::More;
use Time::HiRes qw(usleep);

my $fed = FederatedTest->new('main', parameters => 262_080 * 24 + 777,
	conf => "federated.aggregator_workers = 1\nfederated.aggregation_chunk = 1\nshared_buffers = 256MB\nmax_wal_size = 4GB");

sub processes
{
	my ($session) = @_;
	return $fed->sql("SELECT timings ->> 'processes' FROM federated.rounds WHERE session_id = '$session' AND kind = 'train'");
}

# Start a session of one round, whose updates are all there when this returns.
sub start_round
{
	my $session = $fed->start_session($fed->new_workload, 1);
	$fed->play_round($session, 1);
	return $session;
}

sub helpers
{
	return split /\n/, $fed->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'federated aggregator'");
}

sub wait_for_helper
{
	my @pids;
	for (1 .. 1000)
	{
		return @pids if @pids = helpers();
		usleep(2_000);
	}
	return;
}

my $alone = start_round();
$fed->play($alone);
my $expected = $fed->result($alone);
like($expected, qr/^completed/, 'one process aggregates');
is(processes($alone), 1, 'it is alone');

for my $wanted (2, 4)
{
	$fed->configure('federated.aggregator_workers' => $wanted);
	my $session = start_round();
	$fed->play($session);
	is($fed->result($session), $expected, "$wanted processes make the same bytes");
	my $took_part = processes($session);
	cmp_ok($took_part, '>', 1, "others took part ($took_part)");
	cmp_ok($took_part, '<=', $wanted, 'not more than were wanted');
}
is($fed->sql('SELECT count(*) FROM federated.chunks'), 0, 'a closed round leaves no chunks');
my $timings = $fed->sql(q{SELECT bool_and((timings ->> k)::numeric > 0) FROM federated.rounds,
	unnest('{collecting,closing,aggregating,writing}'::text[]) k WHERE kind = 'train'});
is($timings, 't', 'every phase has taken its time');

# Progress can be watched, by those who see the session.
my $watched = start_round();
ok($fed->wait_for("EXISTS (SELECT FROM federated.aggregation_progress WHERE session_id = '$watched' AND pages_done BETWEEN 1 AND pages_total - 1
	AND updates = 3 AND gb_per_second > 0 AND eta > '0')"), 'progress is shown');
$fed->play($watched);
is($fed->result($watched), $expected, 'and harms nothing');

# Helpers that are told to end, or die, leave their chunk to others.
my $ended = start_round();
my @pids = wait_for_helper();
ok(@pids > 0, 'helpers are at work');
kill('TERM', @pids);
$fed->play($ended);
is($fed->result($ended), $expected, 'helpers that were ended are not missed');

my $killed = start_round();
@pids = wait_for_helper();
ok(@pids > 0, 'helpers are at work again');
$fed->kill_process($pids[0]);
$fed->connect_islands;
$fed->play($killed);
is($fed->result($killed), $expected, 'nor one that was killed');

# A session that is cancelled or paused stops them.
my $paused = start_round();
ok(wait_for_helper() > 0, 'helpers are at work for the next');
$fed->sql("SELECT federated_pause_session('$paused')");
ok($fed->wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'federated aggregator')"), 'a pause sends them away');
is($fed->status($paused), 'paused', 'the session is paused');
$fed->sql("SELECT federated_resume_session('$paused')");
$fed->play($paused);
is($fed->result($paused), $expected, 'resumed, it ends in the same bytes');

my $cancelled = start_round();
ok(wait_for_helper() > 0, 'helpers are at work for the last');
$fed->sql("SELECT federated_cancel_session('$cancelled')");
is($fed->status($cancelled), 'cancelled', 'the session is cancelled');
ok($fed->wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'federated aggregator')"), 'and they are gone');
is($fed->sql(q{SELECT count(*) FROM federated.worker_status() WHERE last_error <> ''}), 0, 'no step failed');

done_testing();
