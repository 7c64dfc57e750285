# A server with the extension preloaded, Islands, and models to train.
#
#   my $fed = FederatedTest->new('main', islands => 3);
#   my $session = $fed->start_session($fed->new_workload, 5);
#   $fed->play($session);
#   is($fed->status($session), 'completed');

package FederatedTest;

use strict;
use warnings;

use FederatedTest::Connection;
use FederatedTest::Island;
use JSON::PP qw(encode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

use constant POLL_MICROSECONDS => 5_000;

# Options: islands (3), parameters (1000), conf (lines for postgresql.conf).
sub new
{
	my ($class, $name, %given) = @_;
	my %option = (islands => 3, conf => '', %given);
	my $node = PostgreSQL::Test::Cluster->new($name);

	# Megabytes of parameters are not for the log.
	$node->init;
	$node->append_conf('postgresql.conf',
			"shared_preload_libraries = 'federated'\nmax_worker_processes = 16\nrestart_after_crash = on\n"
		  . "log_statement = none\nlog_min_duration_statement = -1\nlog_min_error_statement = panic\n"
		  . "shared_buffers = 32MB\nmax_connections = 60\n$option{conf}\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION federated CASCADE');
	my $self = $class->attach($node, 'postgres', %option);
	$self->add_island($_) for 1 .. $option{islands};
	return $self;
}

# Take over a database that has the extension and knows Islands 1 to "known".
sub attach
{
	my ($class, $node, $dbname, %option) = @_;
	my $self = bless {
		node => $node,
		dbname => $dbname,
		parameters => $option{parameters} || 1000,
		workloads => 0
	}, $class;

	$self->{admin} = FederatedTest::Connection->new($node, undef, $dbname);
	$self->{islands} = [ map { FederatedTest::Island->new($node, $_, $dbname) } 1 .. $option{known} || 0 ];
	return $self;
}

sub node { return $_[0]->{node} }
sub island { return $_[0]->{islands}[ $_[1] - 1 ] }
sub islands { return @{ $_[0]->{islands} } }

# Islands are numbered from 1; host_id is island-N, its role island_N.
sub add_island
{
	my ($self, $number) = @_;

	$self->sql("CREATE ROLE island_$number LOGIN IN ROLE federated_island");
	$self->sql("SELECT federated_register_island('island-$number', role_name => 'island_$number')");
	$self->{islands}[ $number - 1 ] = FederatedTest::Island->new($self->{node}, $number, $self->{dbname});
	return $self->island($number);
}

# After a crash: those whose connection is gone.
sub connect_islands
{
	my ($self) = @_;
	$_->connect for grep { !$_->alive } $self->islands;
	return;
}

sub disconnect
{
	my ($self) = @_;
	$_->close for $self->{admin}, $self->islands;
	return;
}

# As superuser; waits for a server that is just coming back.
sub sql
{
	my ($self, $sql) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	until ($self->{admin}->alive || $self->{admin}->connect)
	{
		die "no connection: $self->{admin}{error}" if time() > $deadline;
		usleep(50_000);
	}
	return $self->{admin}->sql($sql);
}

# Wait until a condition holds, also over a restart of the server.
sub wait_for
{
	my ($self, $condition) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $deadline)
	{
		my $answer = $self->{admin}->query("SELECT $condition");
		return 1 if defined $answer && $answer eq 't';
		$self->{admin}->connect unless $self->{admin}->alive;
		usleep(POLL_MICROSECONDS);
	}
	diag("waited in vain for: $condition");
	return 0;
}

# Models and sessions

# A safetensors file: a float32 tensor and a float64 one, which are trained,
# and one of integers, which is not.
sub model
{
	my ($parameters) = @_;
	my $n = $parameters - 2;
	my $bytes = 4 * $n;
	my $header = sprintf(
		'{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]},'
		  . '"b":{"dtype":"F64","shape":[2],"data_offsets":[%d,%d]},'
		  . '"steps":{"dtype":"I64","shape":[1],"data_offsets":[%d,%d]}}',
		$n, $bytes, $bytes, $bytes + 16, $bytes + 16, $bytes + 24);
	$header .= ' ' x (-length($header) % 8);
	my $weights = FederatedTest::Island::delta(0, 0, $n);
	return pack('Q<', length $header) . $header . $weights . pack('d<2 q<', 0.1, -0.2, 7);
}

# A workload with that model which the Islands (all, or those given) accept.
sub new_workload
{
	my ($self, @islands) = @_;
	my $name = "workload $$ $self->{dbname} " . ++$self->{workloads};
	my $id = $self->sql("SELECT federated_create_workload('$name')");
	my $model = unpack('H*', model($self->{parameters}));

	$self->connect_islands;
	@islands = $self->islands unless @islands;
	$self->sql("SELECT federated_import_model($id, '\\x$model')");
	$_->sql("SELECT federated_accept_workload($id)") for @islands;
	return $id;
}

# Every Island has to be there, and nobody runs out of time, unless the config
# says otherwise.
sub start_session
{
	my ($self, $workload, $rounds, %config) = @_;
	my $json = encode_json(
		{
			min_participants => scalar($self->islands),
			round_timeout => 600,
			heartbeat_timeout => 600,
			seed => 1,
			%config
		});

	return $self->sql("SELECT federated_start_session('test', $workload, $rounds, '$json')");
}

sub status
{
	my ($self, $session) = @_;
	return $self->sql("SELECT status FROM federated.sessions WHERE id = '$session'");
}

sub reason
{
	my ($self, $session) = @_;
	return $self->sql("SELECT reason FROM federated.sessions WHERE id = '$session'");
}

sub wait_for_status
{
	my ($self, $session, $status) = @_;
	return $self->wait_for("status = '$status' FROM federated.sessions WHERE id = '$session'");
}

sub wait_for_round
{
	my ($self, $session, $round) = @_;
	return $self->wait_for("EXISTS (SELECT FROM federated.rounds WHERE session_id = '$session'"
		  . " AND round_no = $round AND state = 'open')");
}

# Let the Islands (all, or those given) work until the session has ended, or no
# step is taken in it because it is paused.
sub play
{
	my ($self, $session, @islands) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	@islands = $self->islands unless @islands;
	while (time() < $deadline)
	{
		my $worked = 0;
		$worked += $_->work($session) for @islands;
		next if $worked;
		return 1 unless $self->status($session) =~ /recruiting|training/;
		usleep(POLL_MICROSECONDS);
	}
	diag('the session does not end: ' . $self->sql("SELECT federated_session('$session')"));
	return 0;
}

# The same for one round, whose end is not waited for.
sub play_round
{
	my ($self, $session, $round) = @_;

	$self->wait_for_round($session, $round);
	$self->connect_islands;
	for my $island ($self->islands)
	{
		my $task = $island->task($session);
		$island->perform($task) if $task && $task->{round} == $round;
	}
	return;
}

# A session that somebody holds is not advanced: the time between the last
# commit and the freeze becomes as long as is wanted. Ends with what it returns.
sub hold_session
{
	my ($self, $session) = @_;
	my $holder = FederatedTest::Connection->new($self->node, undef, $self->{dbname});
	$holder->sql("BEGIN; SELECT FROM federated.sessions WHERE id = '$session' FOR UPDATE");
	return $holder;
}

# The row that says that a slice of the next result is made is there already,
# uncommitted: with chunks of one slice, and alone, the worker makes those before
# it and waits.
sub hold_slice
{
	my ($self, $slice) = @_;
	my $holder = FederatedTest::Connection->new($self->node, undef, $self->{dbname});
	my $next = $self->sql('SELECT last_value + 1 FROM federated.vectors_id_seq');
	$holder->sql("SET session_replication_role = replica; BEGIN;
		INSERT INTO federated.slices VALUES ($next, $slice, sha256(''))");
	return $holder;
}

# Until the worker has met what hold_slice() returned. It may wait for others a moment before.
sub wait_for_held_worker
{
	my ($self, $holder) = @_;
	my $pid = $holder->backend_pid;
	return $self->wait_for("count(*) = 1 FROM pg_stat_activity
		WHERE backend_type = 'federated worker' AND $pid = ANY (pg_blocking_pids(pid))");
}

# The task of every Island in a round that has just been opened.
sub tasks
{
	my ($self, $session, $round) = @_;

	$self->wait_for_round($session, $round);
	$self->connect_islands;
	return map { $_->task($session) // die "island $_->{number} has no task in round $round" } $self->islands;
}

# What a finished session made: the digest of its vector and of its file's data, whose header names the session.
sub result
{
	my ($self, $session) = @_;
	return $self->sql(
		"SELECT s.status, encode(v.digest, 'hex'),
				encode(sha256(substr(federated_export_model(s.workload_id, v.version),
									 9 + octet_length(federated_model_header(v.id)))), 'hex')
		 FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.result_version_id
		 WHERE s.id = '$session'");
}

# The digest of what the last round of training made, where its pages really have it; else what is wrong.
sub digest
{
	my ($self, $session) = @_;
	return eval { $self->sql(
		"SELECT CASE sha256(string_agg(sha256(federated.read_slice(w.relation, w.id, s, federated.slice_length(w.bytes, s))), '' ORDER BY s))
			WHEN v.digest THEN encode(v.digest, 'hex') ELSE 'pages of version ' || v.id || ' have another digest' END
		 FROM (SELECT * FROM federated.rounds WHERE session_id = '$session' AND kind = 'train' ORDER BY id DESC LIMIT 1) r
		 JOIN federated.model_versions v ON v.id = r.result_version_id
		 JOIN federated.vectors w ON w.id = v.vector_id
		 CROSS JOIN generate_series(0, federated.slice_count(v.parameters * 4) - 1) s
		 GROUP BY v.id, v.digest") } // $@;
}

# Rounds that did not count exactly one update of every Island.
sub miscounted
{
	my ($self, $session) = @_;
	my $islands = $self->islands;
	my $samples = 0;

	$samples += $_->num_samples for $self->islands;
	return $self->sql(
		"SELECT count(*) FROM (
			SELECT FROM federated.rounds r
			LEFT JOIN federated.updates u ON u.round_id = r.id AND u.state = 'accepted'
			WHERE r.session_id = '$session'
			GROUP BY r.id
			HAVING count(u.id) <> $islands OR count(DISTINCT u.island_id) <> $islands
				OR sum(u.num_samples) <> $samples OR r.total_samples <> $samples
				OR r.state <> 'closed') wrong");
}

# How often something happened in a session.
sub events
{
	my ($self, $session, $kind) = @_;
	return $self->sql("SELECT count(*) FROM federated.events WHERE session_id = '$session' AND kind = '$kind'");
}

# Settings of postgresql.conf, reloaded.
sub configure
{
	my ($self, %setting) = @_;

	$self->node->append_conf('postgresql.conf', "$_ = '$setting{$_}'") for keys %setting;
	$self->node->reload;
	$self->sql("SELECT federated.setting('worker')");    # loads the library
	$self->wait_for("current_setting('$_') = '$setting{$_}'") for keys %setting;
	return;
}

# Bytes of disk that the server has left.
sub free_disk
{
	my ($self) = @_;
	my $data = $self->node->data_dir;
	my (undef, $numbers) = split /\n/, `df -Pk '$data'`;
	return 1024 * (split ' ', $numbers)[3];
}

# Processes

sub worker_pid
{
	my ($self) = @_;
	$self->wait_for('worker_pid IS NOT NULL FROM federated.worker_status()');
	return $self->sql('SELECT worker_pid FROM federated.worker_status()');
}

# kill -9 of a backend or a worker, after which the postmaster throws out
# everybody and recovers.
sub kill_process
{
	my ($self, $pid) = @_;

	kill('KILL', $pid) or die "no process $pid";
	while ($self->{admin}->alive)
	{
		$self->{admin}->query('SELECT 1');
	}
	$_->close for $self->islands;
	$self->wait_for('NOT pg_is_in_recovery()');
	return;
}

# kill -9 of the postmaster and of the given children; the others find out by
# themselves. No start before the last one is gone.
sub kill_server
{
	my ($self, @victims) = @_;
	my $postmaster = slurp_file($self->node->data_dir . '/postmaster.pid');
	my @children = children($postmaster =~ /^(\d+)/);

	$self->node->kill9;
	kill('KILL', @victims);
	usleep(10_000) while grep { kill(0, $_) } @children;
	$self->disconnect;
	return;
}

sub children
{
	my ($parent) = @_;
	my @found;

	for my $stat (glob '/proc/[0-9]*/stat')
	{
		open(my $file, '<', $stat) or next;
		my $line = <$file>;
		push @found, $1 if defined $line && $line =~ /^(\d+) \(.*\) \S $parent /;
	}
	return @found;
}

sub restart_killed
{
	my ($self, @victims) = @_;
	$self->kill_server(@victims);
	$self->node->start;
	return;
}

1;
