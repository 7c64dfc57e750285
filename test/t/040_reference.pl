# A round's result is what the definition says, to the last bit: with every
# encoding of updates and every instruction set, however many processes make it,
# in whatever order updates arrive.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Reference;
use FederatedTest::Repeated qw(repeated_workload send_repeated expected_digest);
use PostgreSQL::Test::Utils;
use Test::More;

my $rate = 0.9;
my $fed = FederatedTest->new('main', islands => 17, conf => "federated.aggregation_chunk = 1\nautovacuum = off");
my @islands = $fed->islands;

# Encodings that updates may be sent in, and some Islands in each. Those that
# cancel each other have the same one.
my @encodings = (FederatedTest::Reference::encodings(), 'mixed');

sub choose_encoding
{
	my ($encoding) = @_;
	my @all = FederatedTest::Reference::encodings();
	$_->{encoding} = $encoding eq 'mixed' ? $all[ int(($_->{number} + 1) / 2) % @all ] : $encoding for @islands;
	return;
}

# Settings that this processor takes; "scalar" and "auto" always.
my @levels = grep {
	my ($code) = $fed->node->psql('postgres', "SELECT federated.simd_level(); SET federated.simd = '$_'");
	$code == 0;
} qw(scalar auto avx2 avx512 neon);
note("levels: @levels");
cmp_ok(scalar @levels, '>=', 2, 'there is something to compare');

my @orders = (
	[ ascending => sub { @_ } ],
	[ descending => sub { reverse @_ } ],
	[ interleaved => sub { @_[ map({ 2 * $_ } 0 .. $#_ / 2), map({ 2 * $_ + 1 } 0 .. $#_ / 2 - 0.5) ] } ]);

# Pairs of Islands send what adds up to nothing but the rounding errors on the
# way, which the order of the sum decides. In half floats it fits, too.
sub cancel_each_other
{
	for my $island (@islands)
	{
		my $pair = int(($island->{number} + 1) / 2);
		$island->{samples} = 10;
		$island->{scale} = $island->{number} == 17 ? 0 : 3e4 * (1 + $pair / 17) * ($island->{number} % 2 ? 1 : -1);
	}
	return;
}

# Sums whose last bits are lost in float32.
sub differ
{
	delete @$_{qw(samples scale)} for @islands;
	return;
}

# What a session of one round made of a model.
sub train
{
	my ($parameters, $order, @here) = @_;
	my $session = $fed->start_session(repeated_workload($fed, $parameters, @here), 1,
		min_participants => scalar @here, server_learning_rate => $rate);

	$fed->wait_for_round($session, 1);
	my @answers = send_repeated($session, $order->(@here));
	is("@answers", join(' ', ('accepted') x @here), 'all updates are in');
	$fed->play($session, @here);
	return $session;
}

# That other orders give other bits: without it nothing would be proved.
sub order_shows
{
	my ($encoding) = @_;
	my %task = (round => 1, parameters => 2016);
	my $base = FederatedTest::Repeated::base_pattern(2016);
	my ($by_number, $by_host_id) = map { FederatedTest::Reference::new_model($base, $rate, map { [ 10, $_->sent_pattern(\%task) ] } @$_) }
	  \@islands, [ FederatedTest::Repeated::by_host_id(@islands) ];

	ok($by_number ne $by_host_id, "$encoding: the order of the sum shows in its bits");
	return;
}

# More than a page, and a tail that fills no vector register.
my $small = 3 * 2016 + 777;
for my $encoding (@encodings)
{
	choose_encoding($encoding);
	for my $participants (1, 2, 17)
	{
		if ($participants < 17) { differ() } else { cancel_each_other() }
		order_shows($encoding) if $participants == 17;
		my @here = @islands[ 0 .. $participants - 1 ];
		my $expected = expected_digest($small, $rate, @here);
		for my $level (@levels)
		{
			$fed->configure('federated.simd' => $level);
			for my $order ($participants == 17 ? @orders : $orders[1])
			{
				is($fed->digest(train($small, $order->[1], @here)), $expected,
					"$encoding, $level, $participants participants, $order->[0]");
			}
		}
	}
}

# Slices that several processes make beside each other.
differ();
my $large = 262_080 * 6 + 777;
my @four = @islands[ 0 .. 3 ];
my $turn = 0;
for my $encoding (@encodings)
{
	choose_encoding($encoding);
	my $expected = expected_digest($large, $rate, @four);
	for my $workers (1, 2, 4)
	{
		for my $level (@levels)
		{
			my ($name, $order) = @{ $orders[ $turn++ % @orders ] };
			$fed->configure('federated.simd' => $level, 'federated.aggregator_workers' => $workers);
			my $session = train($large, $order, @four);
			is($fed->digest($session), $expected, "$encoding, $level, $workers processes, $name");
			my $took_part = $fed->sql("SELECT timings ->> 'processes' FROM federated.rounds WHERE session_id = '$session' AND kind = 'train'");
			cmp_ok($took_part, '<=', $workers, "$took_part took part");
		}
	}
}

# A whole session, with a model of several tensors and types: what a round makes
# is what the next one starts from.
delete $_->{encoding} for @islands;
$fed->{parameters} = 5000;
my @two = @islands[ 0, 1 ];
my $session = $fed->start_session($fed->new_workload(@two), 3, min_participants => 2, server_learning_rate => $rate);
$fed->play($session, @two);
my $model = pack('f<2', 0.1, -0.2) . FederatedTest::Island::delta(0, 0, 4998);
for my $round (1 .. 3)
{
	$model = FederatedTest::Reference::new_model($model, $rate,
		map { [ $_->num_samples, FederatedTest::Island::delta($_->{number}, $round, 5000) ] } @two);
}
my $version = $fed->sql("SELECT result_version_id FROM federated.sessions WHERE id = '$session'");
is($fed->sql("SELECT encode(federated_model_slice($version, 0), 'hex')"), unpack('H*', $model), 'three rounds, value by value');
is($fed->digest($session), FederatedTest::Reference::vector_digest($model), 'and its digest');

done_testing();
