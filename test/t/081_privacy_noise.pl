# The noise of differential privacy as real workers add it: of the distribution
# that was charged, charged before it is made, and never the same twice, whoever
# is killed on the way.

use strict;
use warnings;

use FederatedTest;
use List::Util qw(sum);
use POSIX qw(erf);
use Test::More;

use constant SLICE => 262_080;

# Updates of zeros on a model of zeros: what comes out is noise alone.
my $parameters = 3 * SLICE + 213_760;
my %private = (dp_sigma => 1.5, dp_clip_norm => 0.8);
my $deviation = 1.5 * 0.8 / 3;
my $fed = FederatedTest->new('main', parameters => $parameters,
	conf => "federated.aggregation_chunk = 1\nfederated.aggregator_workers = 1\nautovacuum = off\n"
	  . "federated.update_durability = logged\nshared_buffers = 128MB\nmax_wal_size = 2GB");
$_->{zeros} = 1 for $fed->islands;

{
	no warnings 'redefine';
	my $bytes = \&FederatedTest::Island::update_bytes;
	*FederatedTest::Island::update_bytes = sub {
		my ($self, $task) = @_;
		return $self->{zeros} ? "\0" x (4 * $task->{parameters}) : $bytes->($self, $task);
	};
}

sub new_workload
{
	my $name = 'zeros ' . ++$fed->{workloads};
	my $bytes = 4 * $parameters;
	my $header = qq({"w":{"dtype":"F32","shape":[$parameters],"data_offsets":[0,$bytes]}});
	my $id = $fed->sql("SELECT federated_create_workload('$name')");

	$fed->connect_islands;
	my $length = unpack 'H*', pack 'Q<', length $header;
	$fed->sql("SELECT federated_import_model($id, decode('$length', 'hex') || convert_to('$header', 'UTF8') || decode(repeat('00', $bytes), 'hex'))");
	$_->sql("SELECT federated_accept_workload($id)") for $fed->islands;
	return $id;
}

sub start_round
{
	my (%config) = @_;
	my $session = $fed->start_session(new_workload(), 1, %private, %config);
	$fed->wait_for_round($session, 1);
	return $session;
}

# A round whose worker has made so many slices, and cannot store the next.
sub held_round
{
	my ($slice) = @_;
	my $session = start_round();
	my @updates = map { $_->prepare($_->task($session)) } $fed->islands;

	for my $island ($fed->islands)
	{
		my $update = $updates[ $island->{number} - 1 ];
		$island->begin($update);
		$island->put($update, $_) for 0 .. $#{ $update->{slices} };
	}
	my $holder = $fed->hold_slice($slice);
	$_->commit($updates[ $_->{number} - 1 ]) for $fed->islands;
	ok($fed->wait_for_held_worker($holder), "the worker is at slice $slice");
	return ($session, $holder);
}

# The table of a session's result.
sub relation
{
	my ($session) = @_;
	return 'federated.' . $fed->sql(
		"SELECT w.relation FROM federated.rounds r JOIN federated.model_versions v ON v.id = r.result_version_id
		 JOIN federated.vectors w ON w.id = v.vector_id WHERE r.session_id = '$session' AND r.kind = 'train'");
}

sub charges
{
	my ($session) = @_;
	return $fed->sql("SELECT count(*) FROM federated.privacy_charges WHERE session_id = '$session'");
}

# How many of the values are below each of some bounds, against what a normal
# distribution has there: chi-square.
sub chi_square
{
	my ($session) = @_;
	my @bounds = map { $_ / 5 } -15 .. 15;
	my @below = (0, (map { (1 + erf($_ / sqrt 2)) / 2 } @bounds), 1);
	my $array = join ',', map { $_ * $deviation } @bounds;
	my %count = map { split /\|/ } split /\n/, $fed->sql(
		"SELECT width_bucket(x::float8, '{$array}'::float8[]), count(*) FROM " . relation($session)
		  . " p, unnest(p.data::real[]) WITH ORDINALITY v (x, i) WHERE p.page_no * 2016::bigint + i <= $parameters GROUP BY 1");
	return sum map {
		my $expected = ($below[ $_ + 1 ] - $below[$_]) * $parameters;
		(($count{$_} // 0) - $expected)**2 / $expected
	} 0 .. @bounds;
}

# Pairs of pages that have more in common than chance gives to one pair in
# millions: of neighbours, and of those at the same place of two slices.
sub repeated_pages
{
	my ($session) = @_;
	my $relation = relation($session);
	my $pages = int(($parameters + 2015) / 2016) - 1;    # the last is mostly filling
	return $fed->sql(
		"SELECT count(*) FROM (
			SELECT federated_cosine(a.data, b.data) AS cosine
			FROM $relation a JOIN $relation b ON b.page_no - a.page_no IN (1, 130, 260, 390)
			WHERE b.page_no < $pages GROUP BY a.page_no, b.page_no) pair
		 WHERE abs(cosine) > 6 / sqrt(2016)");
}

sub check_noise
{
	my ($session, $name) = @_;
	my $relation = relation($session);
	my ($norm, $sum) = split /\|/, $fed->sql(
		"SELECT federated_norm(data), federated_dot(data, decode(repeat('0000803f', 2016), 'hex')) FROM $relation");

	# five and a half standard deviations of what so many values say
	cmp_ok(abs($norm**2 / $parameters / $deviation**2 - 1), '<', 5.5 * sqrt(2 / $parameters), "$name: variance");
	cmp_ok(abs($sum / $parameters), '<', 5.5 * $deviation / sqrt($parameters), "$name: mean");
	is(repeated_pages($session), 0, "$name: no two pages have the same noise");
	return;
}

# One process, and then several
my $alone = start_round();
$fed->play($alone);
check_noise($alone, 'one process');
my $chi_square = chi_square($alone);
cmp_ok($chi_square, '<', 31 + 5.5 * sqrt(2 * 31), "normal in every part (chi-square $chi_square, 31 degrees of freedom)");
is(charges($alone), 1, 'one round, one charge');
is($fed->sql("SELECT c.charged_at > r.frozen_at AND c.charged_at < (SELECT min(e.at) FROM federated.events e
	WHERE e.session_id = r.session_id AND e.kind = 'round_closed') FROM federated.privacy_charges c JOIN federated.rounds r ON r.id = c.round_id
	WHERE c.session_id = '$alone'"), 't', 'between the freeze and the close');
$fed->configure('federated.aggregator_workers' => 4);
my $together = start_round();
$fed->play($together);
check_noise($together, 'several processes');

# With the test seed the result does not depend on who makes which chunk
$fed->configure('federated.dp_test_seed' => 'tap');
my @seeded = map {
	$fed->configure('federated.aggregator_workers' => $_);
	my $session = start_round();
	$fed->play($session);
	$session
} 1, 4;
is($fed->digest($seeded[0]), $fed->digest($seeded[1]), 'a test seed makes the same noise in any chunks');
is($fed->sql("SELECT count(*) FROM federated.privacy_charges WHERE insecure_seed"), 2, 'and the charges say so');
check_noise($seeded[0], 'test seed');
$fed->configure('federated.dp_test_seed' => '', 'federated.aggregator_workers' => 1);

# Killed when it is about to charge: charged once, by who comes after
my $session = start_round();
my $holder = FederatedTest::Connection->new($fed->node, undef, 'postgres');
$holder->sql('BEGIN; LOCK TABLE federated.privacy_charges IN SHARE MODE');
$_->perform($_->task($session)) for $fed->islands;
ok($fed->wait_for_held_worker($holder), 'the worker is about to charge');
is($fed->sql("SELECT count(*) FROM " . relation($session)), 0, 'and has made nothing');
$fed->restart_killed($fed->worker_pid);
$fed->connect_islands;
$fed->play($session);
is(charges($session), 1, 'killed while charging: charged once');

# Killed in the middle of the noise: what it wrote is gone, the charge is not
($session, $holder) = held_round(2);
is(charges($session), 1, 'for which it was charged');
my $kept = 'SELECT federated_sum(data, page_no + 1) FROM ' . relation($session) . ' WHERE page_no < 260';
my $before = $fed->sql($kept);
$fed->kill_process($fed->worker_pid);
$fed->connect_islands;
$fed->play($session);
is(charges($session), 1, 'killed while making noise: the same freeze is not charged again');
is($fed->sql($kept), $before, 'slices that were made stay');
check_noise($session, 'after a crash');

# The updates lost with it: frozen again, charged again, noised anew
$fed->configure('federated.update_durability' => 'unlogged');
($session, $holder) = held_round(1);
$fed->kill_process($fed->worker_pid);
$fed->connect_islands;
$fed->play($session);
is($fed->sql("SELECT string_agg(v.status, ' ' ORDER BY c.id) FROM federated.privacy_charges c JOIN federated.model_versions v ON v.id = c.version_id
	WHERE c.session_id = '$session'"), 'abandoned ready', 'updates lost: each freeze is charged, and the first result given up');
check_noise($session, 'after a second freeze');
is($fed->status($session), 'completed', 'it ends well');
is($fed->sql(q{SELECT count(*) FROM federated.worker_status() WHERE last_error <> ''}), 0, 'no step failed');

done_testing();
