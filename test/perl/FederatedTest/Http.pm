# The HTTP interface of a test's server: PostgREST with the configuration that we
# ship, and clients that come with a token.
#
#   my $http = FederatedTest::Http->new($fed);
#   my $alice = $http->client('alice', 'creator');
#   my $answer = $alice->post('create_workload', { name => 'digits' });
#   is($answer->{status}, 201);
#
# The server is the program that $POSTGREST names, else the stand-in beside it.

package FederatedTest::Http;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

use constant BYTES => 'application/octet-stream';

my $top = abs_path(dirname(__FILE__) . '/../../..');
my %running;    # process => who started it

# Further settings of PostgREST may be given as in its environment: DB_ANON_ROLE => '…'.
sub new
{
	my ($class, $fed, %settings) = @_;
	my $node = $fed->node;
	my $self = bless {
		fed => $fed,
		program => $ENV{POSTGREST} || "$top/test/http/postgrest-standin",
		port => PostgreSQL::Test::Cluster::get_free_port(),
		log => "$PostgreSQL::Test::Utils::log_path/" . $node->name . '_postgrest.log'
	}, $class;

	$fed->sql('ALTER ROLE federated_authenticator LOGIN');
	$self->{environment} = {
		DB_URI => 'postgresql:///' . $fed->{dbname} . '?host=' . $node->host . '&port=' . $node->port
		  . '&user=federated_authenticator',
		SERVER_HOST => '127.0.0.1',
		SERVER_PORT => $self->{port},
		ADMIN_SERVER_PORT => PostgreSQL::Test::Cluster::get_free_port(),
		%settings
	};
	$self->start;
	diag('HTTP is answered by ' . $self->name);
	return $self;
}

# By which figures of the real server and of its stand-in are told apart.
sub name
{
	my ($self) = @_;
	return $self->anybody->get('health')->{headers}{server};
}

sub start
{
	my ($self) = @_;

	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0)
	{
		$ENV{"PGRST_$_"} = $self->{environment}{$_} for keys %{ $self->{environment} };
		open(STDOUT, '>>', $self->{log}) && open(STDERR, '>&', \*STDOUT) or die "$self->{log}: $!";
		exec $self->{program}, "$top/http/postgrest.conf" or die "$self->{program}: $!";
	}
	$running{ $self->{pid} } = $$;
	$self->wait_until_loaded;
	return;
}

# It listens a while after its start, and before it knows functions and keys answers 503.
sub wait_until_loaded
{
	my ($self) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $deadline)
	{
		my $answer = eval { $self->anybody->get('health') };
		return if $answer && $answer->{status} < 500;
		usleep(50_000);
	}
	die 'no answer from ' . $self->{program} . ': ' . $self->log;
}

sub stop
{
	my ($self) = @_;
	end_process($self->{pid});
	return;
}

sub end_process
{
	my ($pid) = @_;
	kill('TERM', $pid);
	waitpid($pid, 0);
	delete $running{$pid};
	return;
}

END
{
	local $?;
	end_process($_) for grep { $running{$_} == $$ } keys %running;
}

# What the server wrote.
sub log
{
	my ($self) = @_;
	return slurp_file($self->{log});
}

# Tokens and clients

# A token for somebody in one of the roles admin, creator, island, viewer, auditor; for an Island the
# name is its host_id.
sub token
{
	my ($self, $subject, $role, $ttl) = @_;
	return $self->{fed}->sql("SELECT federated_issue_token('$subject', '$role', '" . ($ttl || '1 hour') . q{')});
}

sub client
{
	my ($self, @whom) = @_;
	return $self->bearer($self->token(@whom));
}

sub bearer
{
	my ($self, $token) = @_;
	return FederatedTest::Http::Client->new($self->{port}, $token);
}

sub anybody
{
	my ($self) = @_;
	return $self->bearer(undef);
}

# Bytes to the server, and whatever comes back until it closes: for requests that no client would make.
sub raw
{
	my ($self, $bytes) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 10)
	  or die "connect: $!";
	my $answer = '';

	print {$socket} $bytes;
	$socket->shutdown(1);
	while (sysread($socket, $answer, 1 << 16, length $answer)) { }
	return $answer;
}

package FederatedTest::Http::Client;

use Socket qw(IPPROTO_TCP TCP_NODELAY);

# Answers are what HTTP::Tiny returns, and "json", the body decoded, if that is what it is.
sub new
{
	my ($class, $port, $token) = @_;
	my $self = bless {
		base => "http://127.0.0.1:$port",
		token => $token,
		tiny => HTTP::Tiny->new(max_redirect => 0, timeout => 120, proxy => undef, http_proxy => undef)
	}, $class;
	return $self;
}

sub request
{
	my ($self, $method, $path, %option) = @_;
	my %headers = %{ $option{headers} || {} };

	$headers{Authorization} = "Bearer $self->{token}" if defined $self->{token};
	my $answer = $self->{tiny}->request($method, "$self->{base}$path",
		{ headers => \%headers, defined $option{content} ? (content => $option{content}) : () });
	die "$method $path: $answer->{content}" if $answer->{status} == 599;
	$self->send_at_once;
	$answer->{json} = eval { JSON::PP->new->utf8->allow_nonref->decode($answer->{content}) }
	  if ($answer->{headers}{'content-type'} || '') =~ m{^application/(?:vnd\.pgrst\.object\+)?json};
	return $answer;
}

# HTTP::Tiny writes head and body apart. On a connection that is kept, the body
# would wait for the head to be acknowledged, which takes 40 ms.
sub send_at_once
{
	my ($self) = @_;
	my $handle = $self->{tiny}{handle} or return;
	setsockopt($handle->{fh}, IPPROTO_TCP, TCP_NODELAY, 1);
	return;
}

# Call a function with a JSON object of arguments (a string is sent as it is).
sub post
{
	my ($self, $function, $arguments) = @_;
	my $content = ref $arguments ? JSON::PP->new->utf8->encode($arguments) : $arguments // '{}';

	return $self->request('POST', "/rpc/$function",
		headers => { 'Content-Type' => 'application/json' }, content => $content);
}

# Call a function whose arguments are in the query string.
sub get
{
	my ($self, $function, %arguments) = @_;
	return $self->request('GET', "/rpc/$function" . $self->query(%arguments));
}

# The same where the answer is bytes.
sub get_bytes
{
	my ($self, $function, %arguments) = @_;
	return $self->request('GET', "/rpc/$function" . $self->query(%arguments),
		headers => { Accept => FederatedTest::Http::BYTES });
}

# Call a function whose argument is the body; the others are headers: Update => 7 is X-Federated-Update.
sub send_bytes
{
	my ($self, $function, $bytes, %arguments) = @_;
	my %headers = map { ("X-Federated-$_" => $arguments{$_}) } keys %arguments;

	return $self->request('POST', "/rpc/$function",
		headers => { %headers, 'Content-Type' => FederatedTest::Http::BYTES }, content => $bytes);
}

# Read a view: list('sessions', status => 'eq.training').
sub list
{
	my ($self, $view, %filters) = @_;
	return $self->request('GET', "/$view" . $self->query(%filters));
}

sub query
{
	my ($self, %arguments) = @_;
	return %arguments ? '?' . $self->{tiny}->www_form_urlencode(\%arguments) : '';
}

1;
