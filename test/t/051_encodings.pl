# Real Islands that send and fetch in every encoding, over libpq and over HTTP, in one session; and
# what does not fit.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FederatedTest;
use FederatedTest::Http;
use JSON::PP qw(decode_json);
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use Test::More;

# Three slices of a model, of an update three or, narrow, two.
my $parameters = 530_000;
my $fed = FederatedTest->new('encodings', parameters => $parameters);
$fed->add_island(4);
my $node = $fed->node;
my $http = FederatedTest::Http->new($fed);
my $workload = $fed->new_workload;
my %pids;

# A trainer that adds ADD to every weight and keeps what it was given first.
my $trainer = $node->basedir . '/trainer';
append_to_file($trainer, <<'PERL');
open my $in, '<:raw', $ENV{FED_MODEL} or die;
my $file = do { local $/; <$in> };
my $header = substr($file, 0, 8 + unpack('Q<', $file));
open my $out, '>:raw', $ENV{FED_UPDATE} or die;
print {$out} $header, pack('f<*', map { $_ + $ENV{ADD} } unpack('f<*', substr($file, length $header)));
unless (-e "$ENV{KEEP}.received")
{
	open my $kept, '>:raw', "$ENV{KEEP}.received" or die;
	print {$kept} substr($file, length $header);
}
open my $result, '>', $ENV{FED_RESULT} or die;
print {$result} '{"num_samples": 10, "evaluation": {"loss": 0.5}}';
PERL

sub state_of { return $node->basedir . "/state-$_[0]"; }

sub log_of { return slurp_file($node->basedir . "/$_[0].log"); }

# run(NUMBER, WHAT TO ADD, OPTION...): an Island in the background.
sub run
{
	my ($island, $add, @options) = @_;
	my $state = state_of($island);
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, "island_$island", 'postgres');
		@ENV{qw(ADD KEEP)} = ($add, $state);
		open STDERR, '>>', $node->basedir . "/$island.log";
		open STDOUT, '>&', \*STDERR;
		exec 'fed', 'island', 'run', '--host-id', "island-$island", '--train', "$^X $trainer", '--state-dir', $state,
		  '--heartbeat', '0.5', '--journal', "$state.journal", @options;
	}
	$pids{$island} = $pid;
	return;
}

sub end
{
	my @islands = @_;
	kill 'TERM', @pids{@islands};
	waitpid delete $pids{$_}, 0 for @islands;
	return;
}

# A model version as the server gives it: bytes of all its slices.
sub weights
{
	my ($version, $encoding) = @_;
	return join '', map { pack 'H*', $fed->sql("SELECT encode(federated_model_slice($version, $_, 'vector', '$encoding'), 'hex')") } 0 .. 2;
}

sub f16
{
	my ($half) = @_;
	my ($sign, $exponent, $fraction) = ($half & 0x8000 ? -1 : 1, $half >> 10 & 31, $half & 1023);
	return $sign * ($exponent ? (1024 + $fraction) * 2**($exponent - 25) : $fraction * 2**-24);
}

my %decode = (
	f32 => sub { return $_[0] },
	f16 => sub { return pack 'f<*', map { f16($_) } unpack 'S<*', $_[0] },
	bf16 => sub { return pack 'L<*', map { $_ << 16 } unpack 'S<*', $_[0] }
);

# The sendings that an Island's journal speaks of.
sub journal
{
	my ($island) = @_;
	return map { "$_->{encoding} $_->{bytes}" } grep { $_->{event} eq 'sending' && defined $_->{encoding} }
	  map { decode_json($_) } split /\n/, slurp_file(state_of($island) . '.journal');
}

# Why an Island did not do its task.
sub reason_of
{
	my ($session, $island) = @_;
	return $fed->sql("SELECT t.reason FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id"
		  . " JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$session' AND i.host_id = 'island-$island'"
		  . " AND t.state = 'declined' ORDER BY r.id LIMIT 1");
}

my $token = $node->basedir . '/token';
append_to_file($token, $http->token('island-4', 'island'));
chmod 0600, $token;
my @over_http = ('--url', "http://127.0.0.1:$http->{port}", '--token-file', $token, '--poll', '0.2');

# Islands 1 and 4 do as they are asked, the others as they like.
my %download = (1 => 'f16', 2 => 'bf16', 3 => 'f32', 4 => 'f16');
my %update = (1 => 'bf16', 2 => 'f32', 3 => 'f16', 4 => 'bf16');
run(1, 0.5);
run($_, 0.5, '--update-encoding', $update{$_}, '--download-encoding', $download{$_}) for 2, 3;
run(4, 0.5, @over_http);
my $base = $fed->sql("SELECT federated_find_version($workload)");
my $session = $fed->start_session($workload, 1, update_encoding => 'bf16', download_encoding => 'f16');
ok($fed->wait_for_status($session, 'completed'), 'a session of Islands that send and fetch in different encodings');
for my $island (1 .. 4)
{
	my $bytes = $parameters * ($update{$island} eq 'f32' ? 4 : 2);

	ok(slurp_file(state_of($island) . '.received') eq $decode{ $download{$island} }->(weights($base, $download{$island})),
		"Island $island: the trainer got the model as $download{$island}");
	is_deeply([ journal($island) ], ["$update{$island} $bytes"], "and what was sent is $bytes bytes as $update{$island}");
	like(log_of($island), qr/accepted, 10 samples, $bytes bytes as $update{$island}, /, 'which the log says');
}

# Each added 0.5 to what it had received, rounded or not: that is what came out, but for float32.
my $result = $fed->sql("SELECT result_version_id FROM federated.sessions WHERE id = '$session'");
my @before = unpack 'f<*', weights($base, 'f32');
my @after = unpack 'f<*', weights($result || $base, 'f32');
my $off = max map { abs($after[$_] - $before[$_] - 0.5) } 0 .. $#before;
cmp_ok($off, '<', 2e-7, 'the mean of the updates is what was trained');

# An update that the encoding does not reach
end(3);
run(3, 70000, '--update-encoding', 'f16');
$session = $fed->start_session($workload, 1, update_encoding => 'bf16');
ok($fed->wait_for("EXISTS (SELECT FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = '$session' AND t.state = 'declined')"),
	'an Island whose update does not fit does not send it');
is(reason_of($session, 3), 'parameter 0 of the update, in tensor "b", is 70000, too large for encoding f16; f32 or bf16 would take it', 'and says why');
ok($fed->wait_for_status($session, 'completed'), 'the others go on');
end(3);

# A model that it does not reach
my $large = $fed->sql(q{SELECT federated_create_workload('large')});
my $header = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
$fed->sql("SELECT federated_import_model($large, '\\x" . unpack('H*', pack('Q<', length $header) . $header . pack('f<2', 1, 1e6)) . "')");
$fed->island($_)->sql("SELECT federated_accept_workload($large)") for 1, 2, 3, 4;
end(1, 4);
run(1, 0.5, '--download-encoding', 'bf16');
run(3, 0.5);
run(4, 0.5, @over_http, '--download-encoding', 'f32');
$session = $fed->start_session($large, 1, download_encoding => 'f16');
ok($fed->wait_for_status($session, 'completed'), 'a model that does not fit f16 is trained by those who fetch it otherwise');
like(reason_of($session, 3), qr/^parameter 1 does not fit encoding f16/, 'and not by the one that did as it was asked');
end(1 .. 4);

# A connection that is lost while slices are on their way as rows of one statement: the second run is of
# slices 1 and 2, and the server ends with the first of them sent.
$fed->sql(q{CREATE SEQUENCE public.interruptions;
	ALTER FUNCTION federated.readable_vector(bigint, integer, text, text) RENAME TO readable_vector_before;
	CREATE FUNCTION federated.readable_vector(version_id bigint, slice integer, section text, encoding text) RETURNS federated.vectors
		LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
	BEGIN
		IF slice = 2 AND nextval('public.interruptions') = 1 THEN
			PERFORM pg_terminate_backend(pg_backend_pid());
		END IF;
		RETURN federated.readable_vector_before(version_id, slice, section, encoding);
	END $$});
my $copy = $node->basedir . '/copy.safetensors';
{
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, $ENV{PGUSER} // scalar getpwuid($<), 'postgres');

	ok(IPC::Run::run([qw(fed model export), $workload, $copy]), 'an export whose connection was lost goes on');
	ok(IPC::Run::run([qw(fed model export), $workload, "$copy.again"]), 'another one is not disturbed');
}
is($fed->sql('SELECT last_value FROM public.interruptions'), 3, 'the last slice was asked for once more than it was received');
ok(slurp_file($copy) eq slurp_file("$copy.again"), 'and both have every slice');
like(slurp_file($copy), qr/"federated\.session":"[-0-9a-f]{36}"/, 'the file says which session made the model');
is(sha256_hex(slurp_file($copy)), $fed->sql("SELECT encode(sha256(federated_export_model($workload)), 'hex')"),
	'and is byte for byte what the server would write');

my ($out, $err);
ok(!IPC::Run::run([qw(fed island run --host-id x --train true --update-encoding f8)], '>', \$out, '2>', \$err), 'an unknown encoding is refused');
is($err, qq(fed: --update-encoding must be one of f32 f16 bf16, not "f8"\n), 'with those that there are');
$node->stop;

done_testing();

END
{
	kill 'KILL', $_ for values %pids;
}
