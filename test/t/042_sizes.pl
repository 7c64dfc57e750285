# Models that just fill a page or a slice, or just do not, and any number of
# updates: each result is the definition's, to the last bit.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Island;
use FederatedTest::Reference;
use FederatedTest::Repeated qw(repeated_workload send_repeated expected_digest);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use constant PAGE => 2016;
use constant SLICE => 130 * PAGE;

my $slow = $ENV{FEDERATED_TEST_SLOW};
my $most = 1000;
my $fed = FederatedTest->new('main', islands => 17,
	conf => "federated.update_durability = unlogged\nautovacuum = off\nmax_wal_size = 4GB\nshared_buffers = 256MB");

# Few Islands, each on its own connection, in slices.
sub few
{
	my ($parameters, $n) = @_;
	my @islands = ($fed->islands)[ 0 .. $n - 1 ];
	my $session = $fed->start_session(repeated_workload($fed, $parameters, @islands), 1, min_participants => $n);

	$fed->wait_for_round($session, 1);
	send_repeated($session, @islands);
	$fed->play($session, @islands);
	is($fed->digest($session), expected_digest($parameters, 1, @islands),
		"$parameters parameters, $n updates as " . ($islands[0]{encoding} // 'f32'));
	return;
}

# Islands without a connection: somebody speaks for one after the other. Those
# from 18 on have no FederatedTest::Island.
my $voice = FederatedTest::Connection->new($fed->node);

sub speak
{
	my ($n, $statement) = @_;
	my $sql = join '', map { "SET SESSION AUTHORIZATION island_$_; SELECT " . $statement->($_) . ";\n" } 1 .. $n;
	return $voice->sql("${sql}RESET SESSION AUTHORIZATION");
}

sub samples { return 1 + $_[0] * $_[0] % 997 }

sub many
{
	my ($workload, $parameters, $n, $deltas) = @_;
	my $session = $fed->start_session($workload, 1, min_participants => $n, max_participants => $n);
	my $start = time();

	$fed->wait_for_round($session, 1);
	my $round = $fed->sql("SELECT max(id) FROM federated.rounds WHERE session_id = '$session'");
	my $answers = speak($n, sub { sprintf q{federated_submit_update(%d, '\x%s', %d) ->> 'status'},
			$round, unpack('H*', substr $deltas->[ $_[0] ], 0, 4 * $parameters), samples($_[0]) });
	my $accepted = () = $answers =~ /^accepted$/mg;
	is($accepted, $n, "$parameters parameters: $n updates are accepted");
	ok($fed->wait_for("state = 'open' AND kind = 'evaluate' FROM federated.rounds WHERE session_id = '$session' ORDER BY id DESC LIMIT 1"),
		'and aggregated');
	diag(sprintf('%d updates of %d parameters: %.1f s', $n, $parameters, time() - $start));

	my $model = FederatedTest::Reference::new_model(FederatedTest::Repeated::base_pattern($parameters), 1,
		map { [ samples($_), substr $deltas->[$_], 0, 4 * $parameters ] } sort { "island-$a" cmp "island-$b" } 1 .. $n);
	is($fed->digest($session), FederatedTest::Reference::vector_digest($model), "$parameters parameters, $n updates");
	$fed->sql("SELECT federated_cancel_session('$session')");
	return;
}

for my $n (1, 2, 17)
{
	few($_, $n) for 1, PAGE - 1, PAGE, PAGE + 1, SLICE - 1, SLICE, SLICE + 1;
}

for my $encoding (grep { $_ ne 'f32' } FederatedTest::Reference::encodings())
{
	$_->{encoding} = $encoding for $fed->islands;
	few($_, 2) for 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE, 2 * SLICE + 1;
}
delete $_->{encoding} for $fed->islands;

# More than 2^28 parameters: of base, two updates and result each 1.2 GB.
SKIP:
{
	skip 'slow', 1 unless $slow;
	skip 'needs 8 GB of disk', 1 if $fed->free_disk < 8 * 2**30;
	few(300_000_000, 2);
}

# More Islands than have a connection.
$fed->sql("CREATE ROLE island_$_ LOGIN IN ROLE federated_island; SELECT federated_register_island('island-$_', role_name => 'island_$_')")
  for 18 .. $most;
my @deltas = map { FederatedTest::Island::delta($_, 1, PAGE + 1) } 0 .. $most;
for my $n (100, $most)
{
	for my $parameters ($n < $most || $slow ? (1, PAGE - 1, PAGE, PAGE + 1) : PAGE + 1)
	{
		my $workload = repeated_workload($fed, $parameters, $fed->islands);
		speak($n, sub { "federated_accept_workload($workload)" });
		many($workload, $parameters, $n, \@deltas);
	}
}

done_testing();
