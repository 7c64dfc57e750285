# How long a federation waits for its coordinator: from the last commit of a
# round to the task of the next being there, as a listening Island sees it.

use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $rounds = 25;
my $fed = FederatedTest->new('main');

# A listener that speaks the protocol itself: psql shows a notification only
# after its next statement.

sub send_message
{
	my ($socket, $type, $body) = @_;
	syswrite($socket, $type . pack('N', 4 + length $body) . $body);
	return;
}

sub read_bytes
{
	my ($socket, $length) = @_;
	my $bytes = '';
	while (length $bytes < $length)
	{
		sysread($socket, $bytes, $length - length $bytes, length $bytes)
		  or die 'connection lost';
	}
	return $bytes;
}

# Read messages until one of the given type; its body.
sub read_until
{
	my ($socket, $wanted) = @_;
	for (;;)
	{
		my ($type, $length) = unpack('a N', read_bytes($socket, 5));
		my $body = read_bytes($socket, $length - 4);
		die "server said: $body" if $type eq 'E';
		return $body if $type eq $wanted;
	}
}

sub listen_as
{
	my ($user) = @_;
	my $socket = $fed->node->raw_connect;
	send_message($socket, '', pack('N (Z*)5', 196608, 'user', $user, 'database', 'postgres', ''));
	read_until($socket, 'Z');
	send_message($socket, 'Q', "LISTEN federated_task\0");
	read_until($socket, 'Z');
	return $socket;
}

sub report
{
	my ($what, @milliseconds) = sort { $a <=> $b } @_[ 1 .. $#_ ];
	($what, @milliseconds) = ($_[0], $what, @milliseconds);
	diag(sprintf('%s: median %.1f ms, max %.1f ms of %d',
		$what, $milliseconds[ @milliseconds / 2 ], $milliseconds[-1], scalar @milliseconds));
	cmp_ok($milliseconds[-1], '<', 1000, "$what: never a second");
	return;
}

my $listener = listen_as('island_1');
my $session = $fed->start_session($fed->new_workload, $rounds);

my ($payload) = read_until($listener, 'A') =~ /^.{4}federated_task\0(.*)\0/s;
is($payload, $session, 'NOTIFY names the session whose round was opened');

# Each round: the first two Islands commit, then the last one; the clock runs
# from the moment the server has acknowledged that to the notification.

my (@woken, @committed);
for my $round (1 .. $rounds)
{
	my @task = map { $_->task($session) } $fed->islands;
	is(scalar(grep { $_ && $_->{round} == $round } @task), 3, "polling finds round $round once woken");

	$fed->island($_)->perform($task[ $_ - 1 ]) for 1, 2;
	my $start = time();
	my $answer = $fed->island(3)->perform($task[2]);
	my $acknowledged = time();
	read_until($listener, 'A');
	push @woken, 1000 * (time() - $acknowledged);
	push @committed, 1000 * ($acknowledged - $start);
	is($answer->{status}, 'accepted', "round $round: accepted");
}
report('last commit acknowledged to the next round\'s NOTIFY', @woken);
cmp_ok((sort { $a <=> $b } @woken)[ @woken / 2 ], '<', 100, 'a round closes within 100 ms of the last commit');
report('one call that hands in an update', @committed);

is($fed->island(1)->task($session)->{kind}, 'evaluate', 'after the last round there is an evaluation');
ok($fed->play($session), 'polling alone goes on to the end');
is($fed->status($session), 'completed', 'the session completes');

# The same from the books.

my @booked = split /\n/, $fed->sql(
	"SELECT extract(epoch FROM min(e.at) - r.committed) * 1000
	 FROM (SELECT r.round_no, max(u.accepted_at) AS committed
		   FROM federated.rounds r JOIN federated.updates u ON u.round_id = r.id AND u.state = 'accepted'
		   WHERE r.session_id = '$session' AND r.kind = 'train' GROUP BY r.round_no) r
	 JOIN federated.events e ON e.session_id = '$session' AND e.kind = 'round_opened' AND e.at > r.committed
	 GROUP BY r.round_no, r.committed ORDER BY r.round_no");
is(scalar @booked, $rounds, 'every round was followed by another');
report('accepted_at to round_opened', @booked);
is($fed->miscounted($session), 0, 'every update was counted once');

# Who never listens is not behind.

$session = $fed->start_session($fed->new_workload, $rounds);
my $start = time();
$fed->play($session);
my $seconds = time() - $start;
is($fed->status($session), 'completed', 'a session of Islands that only poll completes');
diag(sprintf('%.1f ms per round of three Islands that poll', 1000 * $seconds / ($rounds + 1)));

done_testing();
