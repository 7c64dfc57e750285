# Webhooks, sent over HTTPS to a receiver that runs here: what arrives, what does not, what is tried
# again, and who waits for whom.
use strict;
use warnings;

use Cwd qw(abs_path);
use Encode ();
use Digest::SHA qw(hmac_sha256_hex);
use FederatedTest;
use File::Basename qw(dirname);
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $receiver = abs_path(dirname(__FILE__) . '/../webhooks/receiver');
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my %pids;

# openssl makes an authority and a certificate for localhost; the other one is known to nobody.
sub certify
{
	my ($port, $authority) = @_;
	my @new = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-batch');
	my $quiet = "2>>$dir/openssl.log";
	unless (-f "$dir/$authority.crt")
	{
		system(join ' ', 'openssl req -x509', @new, "-subj /CN=$authority -days 2 -keyout $dir/$authority.key -out $dir/$authority.crt", $quiet) == 0
		  or die 'openssl';
	}
	append_to_file("$dir/$port.ext", 'subjectAltName = DNS:localhost, IP:127.0.0.1');
	system(join ' ', 'openssl req', @new, "-subj /CN=localhost -keyout $dir/$port.key -out $dir/$port.csr", $quiet) == 0 or die 'openssl';
	system("openssl x509 -req -in $dir/$port.csr -CA $dir/$authority.crt -CAkey $dir/$authority.key -set_serial $port -days 2"
		  . " -extfile $dir/$port.ext -out $dir/$port.crt $quiet") == 0
	  or die 'openssl';
	return;
}

sub receive
{
	my ($port, @options) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		open STDERR, '>>', "$dir/receiver.err";
		exec '/usr/bin/python3', '-B', $receiver, $dir, $port, @options;
	}
	$pids{$pid} = $$;
	for (1 .. 200)
	{
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
		usleep(50_000);
	}
	die 'the receiver does not listen';
}

my ($port, $false_port, $plain_port) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 3;
certify($port, 'ca');
certify($false_port, 'other');
receive($port, 'tls');
receive($false_port, 'tls');
receive($plain_port);

my $fed = FederatedTest->new('webhooks', islands => 1, conf => "federated.webhook_allow_private = on\n"
	  . "federated.webhook_ca_file = '$dir/ca.crt'\nfederated.webhook_retry_delay = 50\nfederated.webhook_timeout = 1500\n"
	  . "federated.webhook_max_attempts = 4\n");
my $node = $fed->node;
my $workload = $fed->new_workload;
my $session = $fed->start_session($workload, 1, min_participants => 1, recruit_timeout => 86400);
my %secret;

# subscribe(PATH, URL): to events of the kind that is the path's name.
sub subscribe
{
	my ($path, $base) = @_;
	my ($id, $secret) = split /\|/, $fed->sql('SELECT * FROM federated_subscribe('
		  . "'" . ($base || "https://localhost:$port") . "/$path', '{test_$path}', '$session')");
	$secret{$path} = $secret;
	return $id;
}

sub log_event
{
	my ($path, $detail) = @_;
	$fed->sql("SELECT federated.log_event('$session', 'test_$path', '" . ($detail || '{}') . "')");
	return;
}

# What a receiver noted down about a path.
sub noted
{
	my ($path, $at) = @_;
	my $file = "$dir/" . ($at || $port) . '.log';
	return () unless -f $file;
	return map { decode_json($_) } grep { index($_, qq({"path": "/$path")) == 0 && /\}$/ } split /\n/, slurp_file($file);
}

sub wait_for_state
{
	my ($hook, $state, $count) = @_;
	return $fed->wait_for('count(*) = ' . ($count // 1) . " FROM federated.webhook_deliveries WHERE webhook_id = $hook AND state = '$state'");
}

sub outcome_of
{
	my ($hook) = @_;
	return $fed->sql("SELECT state, attempts, status, error FROM federated.webhook_deliveries WHERE webhook_id = $hook ORDER BY event_id DESC LIMIT 1");
}

# Whether a receiver that knows the secret would believe a request.
sub believed
{
	my ($request, $secret) = @_;
	my $headers = $request->{headers};
	my $wanted = 'v1=' . hmac_sha256_hex("$headers->{'Federated-Timestamp'}.$request->{body}", $secret);
	return grep { $_ eq $wanted } split /,/, $headers->{'Federated-Signature'};
}

# One that arrives --------------------------------------------------------------------------------
my $ok = subscribe('ok');
log_event('ok', '{"what": "größer"}');
ok(wait_for_state($ok, 'delivered'), 'an event is delivered');
my ($request) = noted('ok');
my $body = decode_json(Encode::encode('UTF-8', $request->{body}));
ok(abs(time() - $request->{headers}{'Federated-Timestamp'}) < 30, 'with the time');
is($body->{id}, $request->{headers}{'Federated-Delivery'}, 'and an id, in the header and in the body');
is_deeply([ @$body{qw(event session_id workload_id)}, $body->{detail}{what} ], [ 'test_ok', $session, $workload, "gr\x{f6}\x{df}er" ],
	'about what has happened');
{
	local $request->{body} = Encode::encode('UTF-8', $request->{body});
	ok(believed($request, $secret{ok}), 'signed');
	ok(!believed($request, 'x' . $secret{ok}), 'by the secret and no other');
	local $request->{headers}{'Federated-Timestamp'} = $request->{headers}{'Federated-Timestamp'} + 1;
	ok(!believed($request, $secret{ok}), 'with the time it has');
}
is($request->{headers}{'User-Agent'}, 'federated/' . $fed->sql("SELECT extversion FROM pg_extension WHERE extname = 'federated'"), 'by us');
is($fed->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'federated webhook'"), '1', 'the process is in pg_stat_activity');

# Again -------------------------------------------------------------------------------------------
my $flaky = subscribe('flaky');
log_event('flaky');
ok(wait_for_state($flaky, 'delivered'), 'after errors a delivery arrives');
my @tries = noted('flaky');
is(scalar(@tries), 3, 'at the third attempt');
is_deeply([ map { $_->{headers}{'Federated-Attempt'} } @tries ], [ 1, 2, 3 ], 'which says so');
is(scalar(keys %{ { map { $_->{body} => 1, $_->{headers}{'Federated-Delivery'} => 1 } @tries } }), 2, 'with the same id and body');
my $reset = subscribe('reset');
log_event('reset');
ok(wait_for_state($reset, 'delivered'), 'so it does after a connection that was reset');
like(outcome_of($reset), qr/^delivered\|[234]\|204\|$/, 'and nothing is left of that');

# Not followed, not believed, not read -------------------------------------------------------------------
my $redirect = subscribe('redirect');
log_event('redirect');
ok(wait_for_state($redirect, 'dead'), 'a redirect is a failure');
is(outcome_of($redirect), 'dead|4|302|the receiver redirects, which is not followed', 'tried as often as is allowed');
is(scalar(noted('secret')), 0, 'and where it pointed to nobody went');
my $false = subscribe('false', "https://localhost:$false_port");
log_event('false');
ok(wait_for_state($false, 'dead'), 'a certificate of an unknown authority is a failure');
like(outcome_of($false), qr/^dead\|4\|\|.*(?:peer|certificate)/i, 'which says so');
is(scalar(noted('false', $false_port)), 0, 'and nothing was sent');
my $name = subscribe('name', "https://127.0.0.2:$port");
log_event('name');
ok(wait_for_state($name, 'dead'), 'so is a certificate for another name');
like(outcome_of($name), qr/^dead\|4\|\|.*(?:peer|certificate)/i, 'which says so');
is(scalar(noted('name')), 0, 'and nothing was sent');
my $huge = subscribe('huge');
log_event('huge');
ok(wait_for_state($huge, 'delivered'), 'a receiver that says 200 and talks on has received');
ok(poll(sub { noted('huge') > 1 }), 'and is hung up on');
my ($poured) = map { $_->{poured} // () } noted('huge');
cmp_ok($poured, '<', 16 << 20, "before it has sent much ($poured bytes)");
my $headers = subscribe('headers');
log_event('headers');
ok(wait_for_state($headers, 'dead'), 'endless headers are no answer');
like(outcome_of($headers), qr/too long|too large/i, 'which says so');
my $gone = subscribe('gone');
log_event('gone');
ok(wait_for_state($gone, 'dead'), '410 ends a subscription');
is($fed->sql("SELECT disabled_reason FROM federated.webhooks WHERE id = $gone"), 'the receiver answered 410 Gone', 'which says so');
is($fed->sql("SELECT actor FROM federated.events WHERE kind = 'webhook_disabled'"), 'worker', 'and so does an event');

# Dead, and alive again -----------------------------------------------------------------------------------
my $down = subscribe('down');
log_event('down');
ok(wait_for_state($down, 'dead'), 'what nobody takes is dead in the end');
like($fed->sql("SELECT ok, hint FROM federated.health() WHERE \"check\" = 'webhooks'"), qr/^f\|.*dead/, 'and federated.health() says so');
append_to_file("$dir/up", '');
is($fed->sql("SELECT federated_replay_dead_webhooks($down)"), '1', 'it is sent again');
ok(wait_for_state($down, 'delivered'), 'and arrives');
is(scalar(keys %{ { map { $_->{headers}{'Federated-Delivery'} => 1 } noted('down') } }), 1, 'with the id that it had');

# Secrets -------------------------------------------------------------------------------------------------------
my $fresh = $fed->sql("SELECT federated_rotate_webhook_secret($ok, '1 hour')");
log_event('ok');
ok(wait_for_state($ok, 'delivered', 2), 'after a change of secrets');
my $second = (noted('ok'))[-1];
ok(believed($second, $secret{ok}), 'the old one signs');
ok(believed($second, $fresh), 'and the new one as well');
$fresh = $fed->sql("SELECT federated_rotate_webhook_secret($ok, '0')");
log_event('ok');
ok(wait_for_state($ok, 'delivered', 3), 'without overlap');
my $third = (noted('ok'))[-1];
ok(believed($third, $fresh) && !believed($third, $secret{ok}), 'only the new one does');

# Nobody waits for somebody else's receiver -----------------------------------------------------------------------
receive(my $slow_port = PostgreSQL::Test::Cluster::get_free_port());
$fed->configure('federated.webhook_allow_http' => 'on');
my $hang = subscribe('hang', "http://127.0.0.1:$slow_port");
my $quick = subscribe('quick');
$fed->sql("SELECT federated.log_event('$session', 'test_hang') FROM generate_series(1, 500)");
ok(poll(sub { noted('hang', $slow_port) > 0 }), 'five hundred for a receiver that does not answer are on their way');
my $start = time();
log_event('quick');
ok(wait_for_state($quick, 'delivered'), 'one for another');
cmp_ok(time() - $start, '<', 1.4, 'arrives before the first of them is given up');
is($fed->sql("SELECT count(*) BETWEEN 1 AND 8 FROM federated.webhook_deliveries WHERE webhook_id = $hang AND state = 'sending'"), 't',
	'no more than the limit are under way there');
is($fed->sql("SELECT count(*), count(xact_start), count(backend_xmin) FROM pg_stat_activity WHERE backend_type = 'federated webhook'"),
	'1|0|0', 'and no transaction is open meanwhile');

# A stop does not wait for it, nor does a DROP ------------------------------------------------------------------------
sub quick
{
	my ($what, $do) = @_;
	my $began = time();
	$do->();
	my $took = time() - $began;
	cmp_ok($took, '<', 3, sprintf('%s is quick while a request hangs (%.2f s)', $what, $took));
	return;
}

# Until a request to the receiver that hangs is under way once more.
sub hanging
{
	$fed->sql("UPDATE federated.webhooks SET retry_after = NULL; SELECT federated.wake_webhook()");
	return $fed->wait_for("EXISTS (SELECT FROM federated.webhook_deliveries WHERE webhook_id = $hang AND state = 'sending' AND due_at > now() + interval '10 seconds')");
}
$fed->configure('federated.webhook_timeout' => '30s');
ok(hanging(), 'a request hangs');
quick('pg_terminate_backend', sub {
	my $pid = $fed->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'federated webhook'");
	$fed->sql("SELECT pg_terminate_backend($pid)");
	$fed->wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
});
log_event('quick');
ok(wait_for_state($quick, 'delivered', 2), 'the process that was ended is started again');

# Killed in the middle ---------------------------------------------------------------------------------------------------
$fed->sql("SELECT federated_unsubscribe($hang)");
$fed->configure('federated.webhook_timeout' => '1s', 'federated.webhook_max_attempts' => '100');
my $many = subscribe('many');
$fed->sql("SELECT federated.log_event('$session', 'test_many') FROM generate_series(1, 2000)");
ok($fed->wait_for("count(*) > 100 FROM federated.webhook_deliveries WHERE webhook_id = $many AND state = 'delivered'"), 'two thousand are on their way');
my $pid = $fed->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'federated webhook'");
kill 'KILL', $pid;
ok(wait_for_state($many, 'delivered', 2000), 'a process is killed, the server restarts, and all arrive');
my @arrived = map { $_->{headers}{'Federated-Delivery'} } noted('many');
is(scalar(keys %{ { map { $_ => 1 } @arrived } }), 2000, 'each of them, known by its id');
note(@arrived - 2000 . ' of them more than once');

# How many -------------------------------------------------------------------------------------------------------------------
my $count = $ENV{FEDERATED_TEST_SLOW} ? 10_000 : 3_000;
my $bulk = subscribe('bulk');
$fed->configure('federated.webhooks' => 'off');
$fed->wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'federated webhook')");
$fed->sql("SELECT federated.log_event('$session', 'test_bulk') FROM generate_series(1, $count)");
is($fed->sql("SELECT count(*) FROM federated.webhook_deliveries WHERE webhook_id = $bulk AND state = 'pending'"), $count, 'switched off, nothing is sent');
$fed->configure('federated.webhooks' => 'on');
$start = time();
usleep(100_000) while $fed->sql("SELECT EXISTS (SELECT FROM federated.webhook_deliveries WHERE webhook_id = $bulk AND state IN ('pending', 'sending'))") eq 't'
  && time() - $start < 180;
my $took = time() - $start;
ok(wait_for_state($bulk, 'delivered', $count), "$count queued events are delivered");
diag(sprintf('figure: %d webhooks to one receiver in %.1f s, %.0f a second', $count, $took, $count / $took));

# Nothing to do
SKIP:
{
	skip 'the idle time is only waited for with FEDERATED_TEST_SLOW', 1 unless $ENV{FEDERATED_TEST_SLOW};
	ok($fed->wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'federated webhook')"), 'without work the process leaves');
}

# Addresses that are not public ---------------------------------------------------------------------------------------------------
$fed->configure('federated.webhook_allow_private' => 'off', 'federated.webhook_max_attempts' => '1');
my %blocked = ("https://localhost:$port" => 'loopback', "https://127.0.0.1:$port" => 'loopback', "http://[::ffff:127.0.0.1]:$plain_port" => 'loopback',
	"http://2130706433:$plain_port" => 'loopback', 'https://169.254.169.254' => 'link-local', 'http://0.0.0.0:8080' => 'unspecified', 'https://10.0.0.1' => 'private');
my $kind = 0;
for my $base (sort keys %blocked)
{
	my $path = 'blocked' . ++$kind;
	my $hook = subscribe($path, $base);
	log_event($path);
	ok(wait_for_state($hook, 'dead'), "$base is not called");
	is(outcome_of($hook), "dead|1||its address is $blocked{$base}, which is not allowed", 'for what it is');
	is(scalar(noted($path)) + scalar(noted($path, $plain_port)), 0, 'and was not');
}

# DROP DATABASE, DROP EXTENSION ---------------------------------------------------------------------------------------------------------
$fed->configure('federated.webhook_allow_private' => 'on', 'federated.webhook_timeout' => '30s');
$hang = subscribe('hang', "http://127.0.0.1:$slow_port");
log_event('hang');
ok(hanging(), 'a request hangs');
quick('DROP EXTENSION', sub { $fed->sql('DROP EXTENSION federated CASCADE') });
ok($fed->wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'federated webhook')"), 'after which the process leaves');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION federated CASCADE');
$node->safe_psql('other', "SELECT federated_create_workload('w');
	SELECT count(*) FROM federated_subscribe('http://127.0.0.1:$slow_port/hang', '{webhook_subscribed}', workload_id => 1);
	SELECT count(*) FROM federated_subscribe('http://127.0.0.1:$slow_port/hang', '{*}', workload_id => 1)");
ok($fed->wait_for("EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'federated webhook' AND datname = 'other' AND query ~ '^sending')"),
	'a request hangs in another database');
quick('DROP DATABASE', sub { $node->safe_psql('postgres', 'DROP DATABASE other') });
quick('a fast shutdown', sub { $node->stop('fast') });
unlike(slurp_file($node->logfile), qr/\Q$secret{ok}\E|\Q$fresh\E/, 'no secret is in the server log');

done_testing();

sub poll
{
	my ($condition) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;
	while (time() < $deadline)
	{
		return 1 if $condition->();
		usleep(20_000);
	}
	return 0;
}

END
{
	local $?;
	kill 'KILL', grep { $pids{$_} == $$ } keys %pids;
}
