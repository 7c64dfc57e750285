# A server with the extension preloaded, a workload, and Islands that are database roles:
# each test plays them by SQL. What an Island sends in a round depends on nothing but the two, so
# that an undisturbed run and a disturbed one must end in the same bytes.
package Federation;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

# new(NAME, parameters => N, islands => [...], conf => TEXT): a running federation.
sub new
{
	my ($class, $name, %args) = @_;
	my $self = bless {
		parameters => $args{parameters} // 3,
		islands => $args{islands} // [qw(a b c)],
	}, $class;
	my $node = $self->{node} = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf',
		"shared_preload_libraries = 'federated'\nmax_worker_processes = 16\nrestart_after_crash = on\n"
		  . ($args{conf} // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION federated CASCADE');
	$self->add_workload;
	return $self;
}

sub node { return $_[0]->{node}; }

sub sql
{
	my ($self, $sql, $role) = @_;
	return $self->node->safe_psql('postgres', $sql, $role ? (extra_params => [ '-U', $role ]) : ());
}

# A model of one float32 tensor, all zeros.
sub add_workload
{
	my ($self) = @_;
	my $bytes = 4 * $self->{parameters};
	my $header = sprintf '{"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}', $self->{parameters}, $bytes;
	$header .= ' ' x (-length($header) % 8);
	my $head = unpack 'H*', pack('Q<', length $header) . $header;

	$self->sql("SELECT federated_create_workload('w');"
		  . "SELECT federated_import_model(1, '\\x$head'::bytea || decode(repeat('00000000', $self->{parameters}), 'hex'))");
	for my $island (@{ $self->{islands} })
	{
		$self->sql("CREATE ROLE $island LOGIN IN ROLE federated_island; SELECT federated_register_island('island-$island', role_name => '$island')");
		$self->sql('SELECT federated_accept_workload(1)', $island);
	}
	return;
}

# start(ROUNDS, CONFIG JSON): a session; remembers its id.
sub start
{
	my ($self, $rounds, $config) = @_;
	$self->{session} = $self->sql("SELECT federated_start_session('s', 1, $rounds, '$config')");
	return $self->{session};
}

sub value { my ($self, $key) = @_; return $self->sql("SELECT federated_session('$self->{session}') ->> '$key'"); }

# wait_until(SQL condition, seconds): true as soon as it holds; survives restarts of the server.
sub wait_until
{
	my ($self, $condition, $seconds) = @_;
	my $until = time + ($seconds // 60);
	while (time < $until)
	{
		my ($code, $out) = $self->node->psql('postgres', "SELECT $condition");
		return 1 if defined $out && $out eq 't';
		sleep 0.02;
	}
	return 0;
}

sub wait_for_status
{
	my ($self, $status, $seconds) = @_;
	return $self->wait_until("(SELECT status FROM federated.sessions WHERE id = '$self->{session}') = '$status'", $seconds);
}

# wait_for_round(N, KIND): the round's id, once it is open.
sub wait_for_round
{
	my ($self, $number, $kind) = @_;
	my $where = "session_id = '$self->{session}' AND round_no = $number AND kind = '" . ($kind // 'train') . "' AND state = 'open'";
	$self->wait_until("EXISTS (SELECT FROM federated.rounds WHERE $where)") or die "round $number was not opened";
	return $self->sql("SELECT id FROM federated.rounds WHERE $where");
}

# reach_round(N): wait until the session is there, or further: real Islands do not wait for us.
sub reach_round
{
	my ($self, $number) = @_;
	return $self->wait_until("(SELECT current_round FROM federated.sessions WHERE id = '$self->{session}') >= $number")
	  || die "round $number was not reached";
}

# The delta of an Island in a round, as an SQL expression.
sub delta
{
	my ($self, $island, $number) = @_;
	my $hex = unpack 'H*', pack('f<', ord($island) / 7 + $number / 3);
	return "decode(repeat('$hex', $self->{parameters}), 'hex')";
}

# send(ISLAND, ROUND ID, NUMBER, SQL before): the answer's status.
sub send
{
	my ($self, $island, $round, $number, $before) = @_;
	return $self->sql(($before // '')
		  . "SELECT federated_submit_update($round, " . $self->delta($island, $number)
		  . ', ' . (10 * ord $island) . ") ->> 'status'", $island);
}

sub evaluate
{
	my ($self, $number) = @_;
	my $round = $self->wait_for_round($number, 'evaluate');
	$self->sql("SELECT federated_submit_evaluation($round, 10, '{\"evaluation\": {\"loss\": 0.5}}')", $_)
	  for @{ $self->{islands} };
	return;
}

# Plays every Island until the session is over.
sub play
{
	my ($self, $from, $to) = @_;
	for my $number ($from .. $to)
	{
		my $round = $self->wait_for_round($number);
		$self->send($_, $round, $number) for @{ $self->{islands} };
	}
	$self->evaluate($to);
	return $self->wait_for_status('completed');
}

sub digest
{
	my ($self) = @_;
	return $self->sql("SELECT encode(v.digest, 'hex') FROM federated.sessions s JOIN federated.model_versions v"
		  . " ON v.id = s.result_version_id WHERE s.id = '$self->{session}'");
}

# The server dies at once and starts again, as soon as its children have noticed.
sub crash
{
	my ($self) = @_;
	my $node = $self->node;
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my @children = split /\n/, `pgrep -P $postmaster`;

	$node->kill9;
	for (1 .. 200)
	{
		last unless grep { kill 0, $_ } @children;
		sleep 0.05;
	}
	$node->start;
	return;
}

# The one worker of this server's database.
sub worker_pid { my ($self) = @_; return $self->sql('SELECT worker_pid FROM federated.worker_status()'); }

1;
