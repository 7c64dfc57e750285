# Which tokens count: not one that is forged, expired, revoked, used up, or
# signed with a secret that is gone; and what is secret is written nowhere.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha512);
use FederatedTest;
use FederatedTest::Http;
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $fed = FederatedTest->new('main', conf => 'log_statement = all');
my $http = FederatedTest::Http->new($fed);
my $json = JSON::PP->new->canonical;

sub claims { return $json->decode(decode_base64url((split /\./, $_[0])[1])) }

sub secret
{
	my ($hex) = reverse split /\n/, $fed->sql(q{SELECT encode(secret, 'hex') FROM federated.token_secrets ORDER BY id});
	return pack 'H*', $hex;
}

# A token as somebody who knows a secret would make it.
sub make_token
{
	my ($claims, %option) = @_;
	my $header = $option{header} // { alg => 'HS256', typ => 'JWT', kid => $fed->sql('SELECT max(id) FROM federated.token_secrets') };
	my $text = join '.', map { encode_base64url($json->encode($_)) } $header, $claims;
	my $sign = $option{sign} // \&hmac_sha256;
	return $text . '.' . encode_base64url($sign->($text, $option{secret} // secret()));
}

sub status { return $http->bearer($_[0])->list('sessions')->{status} }

my $token = $http->token('alice', 'creator');
my $claims = claims($token);
is(status($token), 200, 'a token is accepted');
is(status(make_token($claims)), 200, 'and so is the same one made by whoever knows the secret');
is($http->anybody->list('sessions')->{status}, 401, 'nothing is not');
is($http->anybody->post('enroll', {})->{status}, 401, 'not even to enrol');

# Forged

my ($head, $body, $signature) = split /\./, $token;
my $wrong = $signature;
substr($wrong, 5, 1) = substr($wrong, 5, 1) eq 'A' ? 'B' : 'A';
my %forged = (
	'another signature' => "$head.$body.$wrong",
	'no signature' => "$head.$body.",
	'another secret' => make_token($claims, secret => 'x' x 32),
	'alg none' => make_token($claims, header => { alg => 'none', typ => 'JWT' }, sign => sub { '' }),
	'alg HS512' => make_token($claims, header => { alg => 'HS512', typ => 'JWT' }, sign => \&hmac_sha512),
	'an unknown key' => make_token($claims, header => { alg => 'HS256', typ => 'JWT', kid => '999' }),
	'no token at all' => 'x',
	'other claims under the same signature' => join('.', $head, encode_base64url($json->encode({ %$claims, role => 'federated_admin' })), $signature)
);
is(status($forged{$_}), 401, "$_: refused") for sort keys %forged;

# Signed, and not ours: whoever has the secret but no row

sub without { my %rest = %$claims; delete $rest{$_} for @_; return \%rest }
my %foreign = (
	'no exp' => without('exp'),
	'no aud' => without('aud'),
	'no jti' => without('jti'),
	'no sub' => without('sub'),
	'another aud' => { %$claims, aud => 'elsewhere' },
	'an unknown jti' => { %$claims, jti => '00000000-0000-4000-8000-000000000000' },
	'another subject' => { %$claims, sub => 'bob' },
	'another role' => { %$claims, role => 'federated_admin' },
	'a host' => { %$claims, host_id => 'island-1' },
	'expired' => { %$claims, exp => time() - 100 }
);
is(status(make_token($foreign{$_})), 401, "$_: refused") for sort keys %foreign;
for my $role (qw(postgres pg_read_all_data federated_authenticator nobody))
{
	my $status = status(make_token({ %$claims, role => $role }));
	ok($status == 401 || $status == 403, "role $role: refused ($status)");
}

# Expired, by the clock and by its row

my $short = $http->token('late', 'viewer');
is(status($short), 200, 'a token counts');
$fed->sql(q{UPDATE federated.tokens SET expires_at = now() WHERE subject = 'late'});
is(status($short), 401, 'until its row is over, whatever it says itself');

# Revoked, with what it was renewed to

my $island = $http->token('island-1', 'island');
my $renewed = $http->bearer($island)->post('renew_token', {})->{json}{token};
is($http->bearer($_)->post('heartbeat', {})->{json}{host_id}, 'island-1', 'an Island and its renewed token') for $island, $renewed;
my $admin = $http->client('anne', 'admin');
is($admin->post('revoke_token', { jti => claims($island)->{jti} })->{status}, 200, 'a token is revoked');
is($http->bearer($_)->post('heartbeat', {})->{status}, 401, 'neither is accepted any more') for $island, $renewed;
is($http->client('island-2', 'island')->post('heartbeat', {})->{json}{host_id}, 'island-2', 'others are');
is($http->bearer($island)->post('renew_token', {})->{status}, 401, 'a revoked one is not renewed');

# Nobody acts for another host

my $session = $fed->start_session($fed->new_workload, 1);
my ($task) = $fed->tasks($session, 1);
my $update = $fed->island(1)->prepare($task);
$fed->island(1)->begin($update);
my $second = $http->client('island-2', 'island');
is($second->send_bytes('put_slice', $update->{slices}[0], Update => $update->{id}, Slice => 0, Digest => Digest::SHA::sha256_hex($update->{slices}[0]))->{status},
	404, 'an Island cannot add to the update of another');
is($second->post('commit_update', { update_id => $update->{id}, digest => $update->{digest}, num_samples => 1 })->{status}, 404, 'nor hand it in');

# An invitation counts once, also for two who come at the same moment

my $invite = $admin->post('invite_island', { host_id => 'island-new' });
is($invite->{status}, 201, 'a host is invited');
my $code = $invite->{json}{invite};
is($http->bearer($code)->list('workloads')->{status}, 403, 'an invitation reads nothing');
my @pid;
pipe(my $reader, my $writer) or die;
for (1 .. 4)
{
	push @pid, my $pid = fork // die;
	next if $pid;
	my $answer = $http->bearer($code)->post('enroll', {});
	syswrite($writer, "$answer->{status}\n");
	require POSIX;
	POSIX::_exit(0);
}
close $writer;
waitpid($_, 0) for @pid;
is_deeply([ sort map { chomp; $_ } <$reader> ], [ 201, 401, 401, 401 ], 'of four who use it at once one gets in');
is($fed->sql(q{SELECT count(*) FROM federated.tokens WHERE host_id = 'island-new' AND role = 'federated_island'}), 1, 'with one token');
is($http->bearer($code)->post('enroll', {})->{status}, 401, 'nobody after that');
my $expired = $admin->post('invite_island', { host_id => 'island-late', ttl => '1 second' })->{json}{invite};
$fed->wait_for(q{expires_at < now() FROM federated.tokens WHERE host_id = 'island-late'});
is($http->bearer($expired)->post('enroll', {})->{status}, 401, 'nor with one that has expired');

# Rotation

my $old_secret = secret();
is($admin->post('rotate_token_secret', {})->{status}, 200, 'the secret is rotated');
isnt(secret(), $old_secret, 'there is another one');
my $fresh = $http->token('carol', 'creator');
sub wait_for_key
{
	my ($of) = @_;
	for (1 .. 200) { return 1 if status($of) == 200; usleep(50_000); }
	return 0;
}
ok(wait_for_key($fresh), 'PostgREST learns of it by itself');
is(status($token), 200, 'what was signed before still counts');
$fed->sql('SELECT federated_rotate_token_secret(keep_old => false)');
ok(wait_for_key($http->token('dave', 'creator')), 'it learns of a rotation that keeps nothing');
is(status($_), 401, 'which ends what was signed before') for $token, $fresh;

# A token that nobody has is in no list and no log

my $listed = $http->client('anne', 'admin')->list('tokens');
is($listed->{status}, 200, 'tokens are listed');
unlike($listed->{content}, qr/eyJ|secret/, 'without themselves or what signs them');
my $written = slurp_file($fed->node->logfile) . $http->log;
for my $secret ($signature, (split /\./, $renewed)[2], (split /\./, $code)[2], unpack('H*', $old_secret), encode_base64url($old_secret))
{
	is(index($written, $secret), -1, 'no log has a signature or a secret');
}

$http->stop;
done_testing();
