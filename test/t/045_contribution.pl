# What each update contributed: what its definition says, the same bits on every instruction set,
# in however many chunks and processes, and with a crash in between.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Reference qw(contributions repeat);
use FederatedTest::Repeated qw(repeated_workload send_repeated upload_repeated);
use JSON::PP ();
use Test::More;

my $fed = FederatedTest->new('main', islands => 17,
	conf => "federated.aggregation_chunk = 1\nfederated.aggregator_workers = 1\nautovacuum = off");
my @islands = $fed->islands;
my @levels = grep {
	my ($code) = $fed->node->psql('postgres', "SELECT federated.simd_level(); SET federated.simd = '$_'");
	$code == 0;
} qw(scalar auto avx2 avx512 neon);
cmp_ok(scalar @levels, '>=', 2, "levels: @levels");

sub start
{
	my ($parameters, $config, @here) = @_;
	my $session = $fed->start_session(repeated_workload($fed, $parameters, @here), 1,
		min_participants => scalar @here, server_learning_rate => 0.5, %$config);
	$fed->wait_for_round($session, 1);
	return $session;
}

sub train
{
	my ($parameters, $config, @here) = @_;
	my $session = start($parameters, $config, @here);
	send_repeated($session, reverse @here);
	$fed->play($session, @here);
	return $session;
}

sub by_host_id { return FederatedTest::Repeated::by_host_id(@_) }

# A row for each Island, in order of host_id.
sub rows
{
	my ($session, $columns) = @_;
	return split /\n/, $fed->sql("SELECT $columns FROM federated.contributions WHERE session_id = '$session' ORDER BY host_id COLLATE \"C\"");
}

sub bits { return join ' ', rows($_[0], 'float8send(cosine), float8send(norm_share), float8send(leave_one_out)') }

sub close_to
{
	my ($got, $wanted) = @_;
	return $got eq '' if !defined $wanted;
	return $got ne '' && abs($got - $wanted) <= 1e-9 * (abs($wanted) + 1e-3);
}

sub is_as_defined
{
	my ($session, $parameters, $what, @here) = @_;
	my %task = (round => 1, parameters => $parameters);
	my @wanted = contributions(map { [ $_->num_samples, repeat($_->sent_pattern(\%task), $parameters) ] } by_host_id(@here));
	my @got = map { [ split /\|/, $_, -1 ] } rows($session, 'cosine, norm_share, leave_one_out');
	my @wrong;

	for my $i (0 .. $#wanted)
	{
		push @wrong, "$i/$_: " . ($got[$i][$_] // 'missing') . ' instead of ' . ($wanted[$i][$_] // 'NULL')
		  for grep { !close_to($got[$i][$_] // 'missing', $wanted[$i][$_]) } 0 .. 2;
	}
	is(scalar @got, scalar @here, "$what: a row for each Island");
	is_deeply(\@wrong, [], "$what: as defined");
	return;
}

# Encodings and instruction sets -----------------------------------------------------------------

my $small = 3 * 2016 + 777;
my @encodings = FederatedTest::Reference::encodings();
for my $encoding (@encodings, 'mixed')
{
	$_->{encoding} = $encoding eq 'mixed' ? $encodings[ $_->{number} % @encodings ] : $encoding for @islands;
	for my $participants (1, 2, 17)
	{
		my @here = @islands[ 0 .. $participants - 1 ];
		my %seen;
		for my $level (@levels)
		{
			$fed->configure('federated.simd' => $level);
			my $session = train($small, {}, @here);
			is_as_defined($session, $small, "$encoding, $participants updates", @here) unless %seen;
			$seen{ bits($session) }++;
		}
		is(scalar keys %seen, 1, "$encoding, $participants updates: the same bits on every level");
	}
}
delete $_->{encoding} for @islands;

# Chunks, processes, crashes ---------------------------------------------------------------------

my $large = 262_080 * 5 + 777;
my @three = @islands[ 0 .. 2 ];
my $session = train($large, {}, @three);
my $bits = bits($session);
is_as_defined($session, $large, 'six slices', @three);
for my $setting ([ 1, 3 ], [ 1, 6 ], [ 2, 1 ], [ 4, 2 ])
{
	$fed->configure('federated.aggregator_workers' => $setting->[0], 'federated.aggregation_chunk' => $setting->[1]);
	is(bits(train($large, {}, @three)), $bits, "$setting->[0] processes, chunks of $setting->[1]: the same bits");
}

$fed->configure('federated.aggregator_workers' => 1, 'federated.aggregation_chunk' => 1);
$session = start($large, {}, @three);
my @updates = upload_repeated($session, @three);
my $holder = $fed->hold_slice(3);
$_->commit(shift @updates) for @three;
ok($fed->wait_for_held_worker($holder), 'the worker is in the middle of the slices');
$fed->restart_killed($fed->worker_pid);
$fed->connect_islands;
$fed->play($session, @three);
is(bits($session), $bits, 'with the server killed there: the same bits');

# What is not known ------------------------------------------------------------------------------

$session = train($small, { contribution => JSON::PP::false() }, @three);
is($fed->sql("SELECT count(*), count(coalesce(cosine, norm_share, leave_one_out)) FROM federated.contributions WHERE session_id = '$session'"),
	'3|0', 'nothing when the config says so');
is($fed->sql('SELECT count(*) FROM federated.slices s JOIN federated.model_versions v ON v.vector_id = s.vector_id
	JOIN federated.rounds r ON r.result_version_id = v.id JOIN federated.sessions e ON e.id = r.session_id
	WHERE (s.products IS NULL) <> (NOT (e.config -> \'contribution\')::boolean)'), 0, 'nor products of slices');

my @unweighted = rows(train($small, { aggregation => 'median' }, @three), 'cosine BETWEEN 0 AND 1, leave_one_out,
	abs(norm_share - norm / sum(norm) OVER (PARTITION BY session_id)) < 1e-12');
is("@unweighted", 't||t t||t t||t', 'the median has no weights, and nothing is left out of it');

# One sends nothing, one the opposite of two others.
my %scale = (1 => 1, 2 => 2, 3 => -1.5, 4 => 0);
my @four = @islands[ 0 .. 3 ];
@$_{qw(scale samples)} = ($scale{ $_->{number} }, 10) for @four;
is(join(' ', rows(train($small, {}, @four), 'round(cosine::numeric, 6), round(norm_share::numeric, 6)')),
	'1.000000|0.222222 1.000000|0.444444 -1.000000|0.333333 |0.000000', 'which Island pulled the other way, and which did not pull');
$_->{scale} = 0 for @four;
is(join(' ', rows(train($small, {}, @four), 'cosine, norm_share, leave_one_out')), '|| || || ||', 'of nothing at all nothing is known');

# Where it is seen --------------------------------------------------------------------------------

delete @$_{qw(scale samples)} for @four;
$session = train($small, {}, @three);
my ($first) = rows($session, 'cosine, norm_share, leave_one_out');
my $card = q{card ->> 'host_id', card -> 'contribution' ->> 'round', card -> 'contribution' ->> 'cosine',
	card -> 'contribution' ->> 'norm_share', card -> 'contribution' ->> 'leave_one_out'
	FROM json_array_elements(federated_session('} . $session . q{') -> 'participants') card};
is($fed->sql("SELECT $card LIMIT 1"), "island-1|1|$first", 'in the session document');
is($islands[1]->sql("SELECT DISTINCT host_id FROM federated.contributions"), 'island-2', 'an Island sees its own');

$fed->disconnect;
done_testing();
