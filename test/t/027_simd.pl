# The same updates make the same bytes: with every instruction set, in whatever
# order they arrive, slice by slice or all at once.

use strict;
use warnings;

use FederatedTest;
use PostgreSQL::Test::Utils;
use Test::More;

# More than a page, and a tail that fills no vector register.
my $fed = FederatedTest->new('main', islands => 17, parameters => 3 * 2016 + 777);
my @islands = $fed->islands;

# Settings that this processor takes; "scalar" and "auto" always.
my @levels = grep {
	my ($code) = $fed->node->psql('postgres', "SELECT federated.simd_level(); SET federated.simd = '$_'");
	$code == 0;
} qw(scalar auto avx2 avx512 neon);
note("levels: @levels");
cmp_ok(scalar @levels, '>=', 2, 'there is something to compare');

my %orders = (
	ascending => sub { @_ },
	descending => sub { reverse @_ },
	interleaved => sub { @_[ map({ 2 * $_ } 0 .. $#_ / 2), map({ 2 * $_ + 1 } 0 .. $#_ / 2 - 0.5) ] });

# A session of two rounds; what it made.
sub train
{
	my ($participants, $order) = @_;
	my @here = @islands[ 0 .. $participants - 1 ];
	my $session = $fed->start_session($fed->new_workload(@here), 2, min_participants => $participants,
		server_learning_rate => 0.9);

	$fed->play($session, $orders{$order}->(@here));
	return $fed->result($session);
}

# Pairs of Islands send what adds up to nothing but the rounding errors on the
# way, which the order of the sum decides.
for my $island (@islands)
{
	my $pair = int(($island->{number} + 1) / 2);
	$island->{samples} = 10;
	$island->{scale} = $island->{number} == 17 ? 0 : 3e7 * (1 + $pair / 7) * ($island->{number} % 2 ? 1 : -1);
}

my %expected;
for my $level (@levels)
{
	$fed->configure('federated.simd' => $level);
	my $used = $fed->sql('SELECT federated.simd_level()');
	for my $participants (1, 2, 17)
	{
		for my $order ($participants == 17 ? sort keys %orders : $participants == 2 ? 'descending' : 'ascending')
		{
			my $result = train($participants, $order);
			$expected{$participants} //= $result;
			is($result, $expected{$participants}, "$level ($used), $participants participants, $order");
			like($result, qr/^completed/, 'the session completed');
		}
	}
}
is(scalar(keys %{ { reverse %expected } }), 3, 'other participants make another model');

delete @$_{qw(samples scale)} for @islands;

# Against arithmetic that knows nothing of the server: the first round with two
# Islands, value by value.

my $session = $fed->start_session($fed->new_workload(@islands[ 0, 1 ]), 1, min_participants => 2);
$fed->play($session, @islands[ 0, 1 ]);
my @sum = map { [ unpack 'f<*', FederatedTest::Island::delta($_->{number}, 1, $fed->{parameters}) ] } @islands[ 0, 1 ];
my ($first, $second) = map { $_->num_samples } @islands[ 0, 1 ];
my @weight = ($first / ($first + $second), $second / ($first + $second));
my @base = (0.1, -0.2, unpack('f<*', FederatedTest::Island::delta(0, 0, $fed->{parameters} - 2)));
my $expected = pack 'f<*',
  map { unpack('f<', pack('f<', $base[$_])) + ($weight[0] * $sum[0][$_] + $weight[1] * $sum[1][$_]) } 0 .. $#base;
my $version = $fed->sql("SELECT result_version_id FROM federated.sessions WHERE id = '$session'");
is($fed->sql("SELECT encode(federated_model_slice($version, 0), 'hex')"), unpack('H*', $expected),
	'the mean weighted by samples, as Perl computes it');

done_testing();
