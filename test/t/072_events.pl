# The chain of events: computed here once more from what the manual says of its bytes, kept by
# many who log at once, and broken by somebody who may do everything.

use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use FederatedTest;
use FederatedTest::Connection;
use JSON::PP qw(decode_json);
use Test::More;

my $fed = FederatedTest->new('main', islands => 3);
my $session = $fed->start_session($fed->new_workload, 2);
$fed->play($session);
is($fed->status($session), 'completed', 'a session has run');

# One row for each chain, as session|ok|verified|position|event|problem.
sub verify { return $fed->sql('SELECT * FROM federated_verify_events()') }

sub all_right
{
	my ($what) = @_;
	is($fed->sql('SELECT bool_and(v.ok) AND sum(v.verified) = (SELECT count(*) FROM federated.events) FROM federated_verify_events() v'),
		't', $what) or diag(verify());
	return;
}
all_right('every event of every chain is verified');
is($fed->sql("SELECT count(*) = count(DISTINCT position) AND max(position) = count(*) AND min(position) = 1
	FROM federated.events WHERE session_id = '$session'"), 't', 'positions count from 1');

# In another language ---------------------------------------------------------------------------

sub event_bytes
{
	my ($previous, $event) = @_;
	my ($position, $id, $uuid, $microseconds, @text) = @$event;
	my $head = pack('C a32 q> q>', 1, $previous, $position, $id);
	my $session_bytes = $uuid eq '' ? pack('C', 0) : pack('C H32', 1, $uuid =~ tr/-//dr);

	return $head . $session_bytes . pack('q>', $microseconds) . join '', map { pack('N/a*', pack('H*', $_)) } @text;
}

# Texts come as hexadecimal UTF-8; 2000-01-01 is 946684800 seconds after 1970-01-01.
my ($computed, $differs, %hash) = (0, 0);
for my $row (split /\n/, $fed->sql(q{SELECT position, id, session_id, ((extract(epoch FROM at) - 946684800) * 1000000)::bigint,
		encode(convert_to(actor, 'UTF8'), 'hex'), encode(convert_to(kind, 'UTF8'), 'hex'),
		encode(convert_to(detail::text, 'UTF8'), 'hex'), encode(hash, 'hex')
		FROM federated.events ORDER BY session_id, position}))
{
	my @event = split /\|/, $row;
	my $stored = pop @event;
	my $previous = $event[0] == 1 ? "\0" x 32 : $hash{ $event[2] };
	$hash{ $event[2] } = sha256(event_bytes($previous, \@event));
	$computed++;
	$differs++ if unpack('H*', $hash{ $event[2] }) ne $stored;
}
cmp_ok($computed, '>', 20, "$computed events are hashed here");
is($differs, 0, 'all of them to the hash that is stored');

my $anchors = $fed->sql('SELECT federated_event_anchors()');
my $decoded = decode_json($anchors);
is_deeply({ map { $_->{session_id} // '' => $_->{hash} } @{ $decoded->{chains} } }, { map { $_ => unpack('H*', $hash{$_}) } keys %hash },
	'anchors are the hashes that the chains end with');
is($decoded->{digest}, sha256_hex("\1" . join '', map { pack('H32 q> H64', ($_->{session_id} // '0' x 32) =~ tr/-//dr, @$_{qw(position hash)}) }
	@{ $decoded->{chains} }), 'and their digest is what the manual says');

sub anchored
{
	return $fed->sql("SELECT bool_and(c.ok), min(c.problem) FROM federated_check_anchors('$anchors') c");
}
is(anchored(), 't|', 'the anchors hold');

# Broken by a superuser, triggers off ------------------------------------------------------------
# Each time undone before the next.

my ($middle, $last) = split /\|/, $fed->sql("SELECT max(position) / 2, max(position) FROM federated.events WHERE session_id = '$session'");
my $mine = "session_id = '$session'";
my $next = $middle + 1;

# Chains that are not right, as position|problem; of federated_check_anchors() too.
sub after
{
	my ($damage) = @_;
	my $wrong = 'SELECT coalesce(v.session::text, \'none\'), v.position, v.problem FROM %s v WHERE NOT v.ok ORDER BY 1';
	$fed->sql('BEGIN');
	$fed->sql("SET LOCAL session_replication_role = replica; $damage");
	my @found = map { $fed->sql(sprintf $wrong, $_) } 'federated_verify_events()', "federated_check_anchors('$anchors')";
	$fed->sql('ROLLBACK');
	return @found;
}

sub broken
{
	my ($what, $damage, $place, $problem) = @_;
	my ($verified, $checked) = after($damage);
	like($verified, qr/(?:^|\n)$session\|$place\|$problem/, "$what: found");
	like($checked, qr/(?:^|\n)$session\|/, "$what: found with anchors as well");
	return;
}

my $at_middle = "WHERE $mine AND position = $middle";
broken('another detail', "UPDATE federated.events SET detail = detail || '{\"x\": 1}' $at_middle", $middle, 'hash differs');
broken('another kind', "UPDATE federated.events SET kind = kind || ' ' $at_middle", $middle, 'hash differs');
broken('another actor', "UPDATE federated.events SET actor = 'nobody' $at_middle", $middle, 'hash differs');
broken('another time', "UPDATE federated.events SET at = at + interval '1 microsecond' $at_middle", $middle, 'hash differs');
broken('no time at all', "UPDATE federated.events SET at = 'infinity' $at_middle", $middle, 'hash differs');
broken('another session', "UPDATE federated.events SET session_id = NULL $at_middle", $next, "gap: the event of position $middle is missing");
broken('a hash', "UPDATE federated.events SET hash = sha256('x') $at_middle", $middle, 'hash differs');
broken('first event gone', "DELETE FROM federated.events WHERE $mine AND position = 1", 2, 'gap: the event of position 1 is missing');
broken('middle event gone', "DELETE FROM federated.events $at_middle", $next, "gap: the event of position $middle is missing");
broken('two events gone', "DELETE FROM federated.events WHERE $mine AND position IN ($middle, $next)", $next + 1,
	"gap: events of position $middle to $next are missing");
broken('last event gone', "DELETE FROM federated.events WHERE $mine AND position = $last", $last - 1, "tail missing: the head says $last");
broken('two events changed places', "UPDATE federated.events SET position = $middle + $next - position WHERE $mine AND position IN ($middle, $next)",
	$middle, 'hash differs');
broken('an event put in', "INSERT INTO federated.events (session_id, actor, kind, position, hash)
	SELECT session_id, actor, 'forged', position, hash FROM federated.events $at_middle", $middle, "position $middle is there twice");
broken('an event put at the end', "INSERT INTO federated.events (session_id, actor, kind, position, hash)
	VALUES ('$session', 'worker', 'forged', $last + 1, sha256('x'))", $last + 1, 'hash differs');
broken('head further on', "UPDATE federated.event_chains SET position = position + 1 WHERE chain = '$session'", $last, 'tail missing');
broken('head further back', "UPDATE federated.event_chains SET position = position - 1 WHERE chain = '$session'", $last, 'events beyond the head');
broken('another hash in the head', "UPDATE federated.event_chains SET hash = sha256('x') WHERE chain = '$session'", $last, 'head differs');
broken('head gone', "DELETE FROM federated.event_chains WHERE chain = '$session'", $last, 'head missing');
broken('events gone', "DELETE FROM federated.events WHERE $mine", '', 'tail missing');
broken('the whole chain gone', "DELETE FROM federated.events WHERE $mine; DELETE FROM federated.event_chains WHERE chain = '$session'",
	'', 'head missing');
like((after("DELETE FROM federated.events WHERE session_id IS NULL AND position = 2"))[0], qr/^none\|3\|gap/,
	'events without a session have a chain, too');
is((after('SELECT 1'))[0], '', 'and without any damage nothing is found');

# What only anchors show: a chain that is consistent in itself, and not the one that was.

my $recompute = "DO \$\$
	DECLARE
		event federated.events;
		previous bytea;
	BEGIN
		SELECT hash INTO previous FROM federated.events WHERE $mine AND position = $middle - 1;
		FOR event IN SELECT * FROM federated.events WHERE $mine AND position >= $middle ORDER BY position
		LOOP
			previous := federated.event_hash(event, previous);
			UPDATE federated.events SET hash = previous WHERE id = event.id;
		END LOOP;
		UPDATE federated.event_chains SET position = event.position, hash = previous WHERE chain = '$session';
	END \$\$";
my @found = after("UPDATE federated.events SET actor = 'nobody' $at_middle; $recompute");
is($found[0], '', 'a tail that was computed anew looks right');
like($found[1], qr/^$session\|$last\|rewritten: the event of position $last/, 'but the anchors show it');
@found = after("DELETE FROM federated.events WHERE $mine AND position > $middle + 1; $recompute");
is($found[0], '', 'so does a chain that was cut');
like($found[1], qr/^$session\|$last\|cut: it had $last events when it was anchored, and has $next/, 'but the anchors show it');
@found = after("DELETE FROM federated.events WHERE $mine; DELETE FROM federated.event_chains WHERE chain = '$session';
	DELETE FROM federated.sessions WHERE id = '$session'");
is($found[0], '', 'nobody misses a session that is gone without a trace');
like($found[1], qr/^$session\|$last\|vanished: it had $last events/, 'but the anchors do');
@found = after("UPDATE federated.events SET position = $middle + $next - position WHERE $mine AND position IN ($middle, $next); $recompute");
like($found[0], qr/^$session\|$next\|wrong order/, 'events in another order show by their numbers');

# Many at once -----------------------------------------------------------------------------------

my @writer = map { FederatedTest::Connection->new($fed->node) } 1 .. 8;
my $new = '11111111-1111-4111-8111-111111111111';
for my $n (0 .. $#writer)
{
	my $to = $n % 3 ? "'$new'" : 'NULL';
	my $call = qq{SELECT federated.log_event($to, 'tested', '{"writer": $n}')};
	$writer[$n]->ask(join ";\n", map { $_ % 5 ? $call : ('BEGIN', $call, 'ROLLBACK') } 1 .. 50);
}
my $second = $fed->start_session($fed->new_workload, 1);
$fed->play($second);
for my $connection (@writer)
{
	defined $connection->answer or diag($connection->{error});
	$connection->close;
}
all_right('eight logged at once, beside a session: every chain is right');
is($fed->sql("SELECT verified FROM federated_verify_events() WHERE session = '$new'"), 5 * 40, 'with every event of a chain that five of them began');
is(anchored(), 't|', 'chains that grew, and new ones, are no matter for the anchors');

# What does not come back after a crash was not there.
$fed->node->stop('immediate');
$fed->node->start;
$fed->wait_for('true');
all_right('after a crash');
is(anchored(), 't|', 'and the anchors hold');

$fed->disconnect;
done_testing();
