# Models and updates as bytes over HTTP: what is sent arrives whole or not at
# all, may be sent again, and is refused with the right status.

use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use FederatedTest;
use FederatedTest::Http;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

use constant SLICE => FederatedTest::Island::SLICE_BYTES;

my $parameters = 2 * 262_080 + 1000;
my $fed = FederatedTest->new('main', parameters => $parameters);
my $http = FederatedTest::Http->new($fed);
my $alice = $http->client('alice', 'creator');
my @client = map { $http->client("island-$_", 'island') } 1 .. 3;

sub answer
{
	my ($answer) = @_;
	return join ' ', $answer->{status}, grep { defined } @{ $answer->{json} }{qw(status reason)};
}

sub rejections { return $fed->sql('SELECT count(*) FROM federated.rejections') }

# A model, in one request and slice by slice

my $file = FederatedTest::model($parameters);
my $workload = $alice->post('create_workload', { name => 'over http' })->{json}{id};
is(answer($alice->send_bytes('import_model', $file, Workload => $workload)), '201', 'a model is imported');
my $exported = $alice->get_bytes('export_model', workload_id => $workload);
is("$exported->{status} $exported->{headers}{'content-type'}", '200 application/octet-stream', 'and exported');
ok($exported->{content} eq $file, 'byte for byte');

my $length = unpack('Q<', $file);
my $import = $alice->post('begin_import',
	{ workload_id => $workload, header => substr($file, 8, $length), data_bytes => length($file) - 8 - $length });
is($import->{status}, 200, 'another import is begun');
my $version = $import->{json}{version_id};
my $base = $alice->post('find_version', { workload_id => $workload })->{json};
for my $section (qw(vector frozen))
{
	for my $slice (0 .. $import->{json}{"${section}_slices"} - 1)
	{
		my $bytes = $alice->get_bytes('model_slice', version_id => $base, slice => $slice, section => $section)->{content};
		my @where = (Version => $version, Section => $section, Slice => $slice);
		is(answer($alice->send_bytes('put_model_slice', $bytes, @where, Digest => sha256_hex('other'))), '400', "$section $slice: not with another digest");
		is(answer($alice->send_bytes('put_model_slice', $bytes, @where, Digest => sha256_hex($bytes))), '200 stored', "$section $slice: stored") for 1, 2;
	}
}
is($alice->post('commit_import', { version_id => $version })->{json}{version}, 2, 'it is complete');
ok($alice->get_bytes('export_model', workload_id => $workload)->{content} eq $file, 'and the same file');
is(answer($alice->send_bytes('put_model_slice', 'x', Version => $version, Section => 'vector', Slice => 0, Digest => sha256_hex('x'))), '409', 'nothing is added to it');
is($alice->get_bytes('model_header', version_id => $version)->{content}, substr($file, 8, $length), 'its header is there');
is($client[0]->get_bytes('model_slice', version_id => $version, slice => 0)->{status}, 403, 'an Island that has no part in it does not get it');
is($alice->get_bytes('model_slice', version_id => $version, slice => 3)->{status}, 400, 'a slice that it does not have');

# A round

is($_->post('accept_workload', { workload_id => $workload })->{json}{status}, 'accepted', 'an Island accepts') for @client;
my $session = $alice->post('create_session',
	{ name => 'by hand', base_workload_id => $workload, total_rounds => 2, config => { min_participants => 3, round_timeout => 600, heartbeat_timeout => 600, seed => 1 } })->{json}{id};
$fed->wait_for_round($session, 1);
my @task = map { $_->post('next_task', {})->{json} } @client;
is($_->{round}, 1, 'an Island has a task') for @task;
my $slice = $client[0]->get_bytes('model_slice', version_id => $task[0]{version_id}, slice => 1);
is(sha256_hex($slice->{content}), $fed->sql("SELECT encode(sha256(federated_model_slice($task[0]{version_id}, 1)), 'hex')"), 'and gets its model');

my @update = map { $fed->island($_)->prepare($task[ $_ - 1 ]) } 1 .. 3;

sub begin
{
	my ($island) = @_;
	my $answer = $client[$island]->post('begin_update', { round_id => $task[$island]{round_id}, digest => $update[$island]{digest} });
	$update[$island]{id} = $answer->{json}{update_id} // $update[$island]{id};
	return $answer;
}

sub put
{
	my ($island, $slice, %given) = @_;
	my $bytes = $given{bytes} // $update[$island]{slices}[$slice];
	return $client[$island]->send_bytes('put_slice', $bytes, Update => $update[$island]{id}, Slice => $slice,
		Digest => $given{digest} // sha256_hex($bytes));
}

sub hand_in
{
	my ($island, %given) = @_;
	return $client[$island]->post('commit_update', { update_id => $update[$island]{id}, digest => $update[$island]{digest},
		num_samples => 100 * ($island + 1), metrics => { evaluation => { accuracy => 0.5 } }, %given });
}

is(answer(begin(0)), '200 uploading', 'an update is begun');
my $refused = rejections();
my $nan = pack('f<', 'NaN') . substr($update[0]{slices}[0], 4);
is(answer(put(0, 0, bytes => $nan)), '400 rejected non_finite', 'NaN is refused');
is(answer(put(0, 0, bytes => 'short')), '400 rejected wrong_length', 'and a slice that is too short');
is(answer(put(0, 0, bytes => 'x' x (SLICE + 4))), '400 rejected wrong_length', 'or too long');
is(answer(put(0, 0, digest => sha256_hex('other'))), '400 rejected wrong_digest', 'or not what its digest says');
is(answer(put(0, 9, bytes => 'x')), '400 rejected wrong_length', 'or none of the vector');
is(rejections() - $refused, 5, 'each is written down');
my $said = put(0, 0, bytes => 'short')->{json};
is_deeply([ sort keys %$said ], [qw(code detail details hint message reason status)], 'a refusal has the keys of an answer and of an error');
is(answer(hand_in(0)), '400 rejected incomplete', 'an update without its slices is not handed in');

is(answer(put(0, 0)), '200 stored', 'a slice is stored') for 1, 2;
is_deeply(begin(0)->{json}{present}, [0], 'an upload goes on where it was');

# A connection that is cut in the middle of a slice stores nothing
my $bytes = $update[0]{slices}[1];
my $head = "POST /rpc/put_slice HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $client[0]{token}\r\nContent-Type: application/octet-stream\r\n"
  . "X-Federated-Update: $update[0]{id}\r\nX-Federated-Slice: 1\r\nX-Federated-Digest: " . sha256_hex($bytes) . "\r\nContent-Length: " . length($bytes) . "\r\n\r\n";
$http->raw($head . substr($bytes, 0, 300_000));
is_deeply(begin(0)->{json}{present}, [0], 'half a slice is none');
is(answer(put(0, $_)), '200 stored', "slice $_ comes later") for 1, 2;
is(answer($client[1]->post('commit_update', { update_id => $update[0]{id}, digest => $update[0]{digest}, num_samples => 1 })), '404', 'nobody else hands it in');
is(answer(hand_in(0)), '200 accepted', 'it is handed in') for 1, 2;
is($fed->sql("SELECT count(*) FROM federated.updates WHERE round_id = $task[0]{round_id} AND state = 'accepted'"), 1, 'and counts once');
is(answer($client[0]->post('begin_update', { round_id => $task[0]{round_id}, digest => sha256_hex('other') })), '409 rejected conflicting_update', 'another one is refused');
is($client[0]->post('next_task', {})->{content}, 'null', 'there is nothing to do');

for my $island (1, 2)
{
	begin($island);
	put($island, $_) for 0 .. 2;
	is(answer(hand_in($island)), '200 accepted', 'the others hand in theirs');
}
$fed->wait_for_round($session, 2);
is(answer($client[0]->post('begin_update', { round_id => $task[0]{round_id}, digest => sha256_hex('other') })), '409 rejected stale_round', 'the round is over');
is(answer(hand_in(0)), '200 accepted', 'what was accepted stays accepted');
is($alice->get('session', id => $session)->{json}{participants}[0]{rounds_completed}, 1, 'and is in the document');
is($alice->post('cancel_session', { id => $session, reason => 'enough' })->{json}{reason}, 'enough', 'the session is cancelled');

# Other encodings

my $small = $alice->post('create_workload', { name => 'small' })->{json}{id};
$alice->send_bytes('import_model', FederatedTest::model(1000), Workload => $small);
$_->post('accept_workload', { workload_id => $small }) for @client;
my $round = $alice->post('create_session', { name => 'narrow', base_workload_id => $small, total_rounds => 1, config => { min_participants => 3, update_encoding => 'f16' } })->{json}{id};
$fed->wait_for_round($round, 1);
my $narrow = $client[0]->post('next_task', { session_id => $round })->{json};
is($narrow->{config}{update_encoding}, 'f16', 'the task says which encoding is asked for');
for my $encoding (qw(f16 bf16))
{
	my $half = $client[0]->get_bytes('model_slice', version_id => $narrow->{version_id}, slice => 0, encoding => $encoding);
	is("$half->{status} " . unpack('H*', $half->{content}),
		'200 ' . $fed->sql("SELECT encode(federated_model_slice($narrow->{version_id}, 0, 'vector', '$encoding'), 'hex')"), "the model as $encoding");
	is(length($half->{content}), 2000, 'is half as long');
}
is($client[0]->get_bytes('model_slice', version_id => $narrow->{version_id}, slice => 0, encoding => 'f8')->{status}, 400, 'not in an unknown encoding');
is($client[0]->get_bytes('model_slice', version_id => $narrow->{version_id}, slice => 0, section => 'frozen', encoding => 'f16')->{status}, 400, 'frozen bytes are as they are');
is($client[0]->post('begin_update', { round_id => $narrow->{round_id}, digest => sha256_hex('x'), encoding => 'f8' })->{status}, 400, 'nor an update');
is(answer($client[0]->post('begin_update', { round_id => $narrow->{round_id}, digest => sha256_hex('x'), encoding => 'bf16' })), '200 uploading', 'one is begun as bf16');
my @whole = (Round => $narrow->{round_id}, Samples => 10, Metrics => '{}');
is(answer($client[0]->send_bytes('submit_update', "\0" x 4000, @whole, Encoding => 'f16')), '400 rejected wrong_length', 'float32 is too long for f16');
is($client[0]->send_bytes('submit_update', "\0" x 2000, @whole, Encoding => 'f8')->{status}, 400, 'an unknown encoding is refused');
is(answer($client[0]->send_bytes('submit_update', "\x00\x3c" x 1000, @whole, Encoding => 'f16')), '200 accepted', 'f16 is taken');
is($fed->sql("SELECT v.encoding || ' ' || v.bytes FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id WHERE u.round_id = $narrow->{round_id} AND u.state = 'accepted'"),
	'f16 2000', 'and kept as it came');
$alice->post('cancel_session', { id => $round });

# A small model in one call, and its evaluation

$session = $alice->post('create_session', { name => 'small', base_workload_id => $small, total_rounds => 1, config => { min_participants => 3, seed => 1 } })->{json}{id};
$fed->wait_for_round($session, 1);
for my $island (0 .. 2)
{
	my $task = $client[$island]->post('next_task', { session_id => $session })->{json};
	my $delta = FederatedTest::Island::delta($island + 1, 1, 1000);
	is(answer($client[$island]->send_bytes('submit_update', $delta, Round => $task->{round_id}, Samples => 10, Metrics => '{"training": 1}')),
		'400 rejected bad_metrics', 'metrics that are none are refused') unless $island;
	is(answer($client[$island]->send_bytes('submit_update', $delta, Round => $task->{round_id}, Samples => 10, Metrics => '{}')), '200 accepted', 'an update in one call');
}
$fed->wait_for("EXISTS (SELECT FROM federated.rounds WHERE session_id = '$session' AND kind = 'evaluate' AND state = 'open')");
for my $client (@client)
{
	my $task = $client->post('next_task', {})->{json};
	is($task->{kind}, 'evaluate', 'its result is evaluated');
	is(answer($client->post('submit_evaluation', { round_id => $task->{round_id}, num_samples => 5, metrics => { evaluation => { loss => 0.25 } } })), '200 accepted', 'and that is handed in');
}
ok($fed->wait_for_status($session, 'completed'), 'the session completes');

# Figures

sub per_second
{
	my ($n, $what) = @_;
	my $start = time();
	my $good = grep { $what->()->{status} == 200 } 1 .. $n;
	is($good, $n, 'all of them are answered');
	return $n / (time() - $start);
}
my $requests = per_second(200, sub { $alice->get('session', id => $session) });
my $down = per_second(30, sub { $alice->get_bytes('model_slice', version_id => $version, slice => 0) });
my $again = $alice->post('create_workload', { name => 'figures' })->{json}{id};
my $big = $alice->post('begin_import', { workload_id => $again, header => '{"w":{"dtype":"F32","shape":[7862400],"data_offsets":[0,31449600]}}', data_bytes => 31_449_600 })->{json};
my $number = 0;
my $up = per_second(30, sub { $alice->send_bytes('put_model_slice', $bytes, Version => $big->{version_id}, Section => 'vector', Slice => $number++, Digest => sha256_hex($bytes)) });
diag(sprintf('figure: %s, one connection: %.0f session documents/s, slices %.0f MB/s down, %.0f MB/s up',
	$http->name, $requests, $down * SLICE / 1e6, $up * SLICE / 1e6));

$http->stop;
done_testing();
