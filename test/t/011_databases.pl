# Many databases: each with the extension has a worker, and none is in the way.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'federated'
max_worker_processes = 12
});
$node->start;

sub sql
{
	my ($query, $database) = @_;
	return $node->safe_psql($database || 'postgres', $query);
}

my $workers = q{SELECT coalesce(string_agg(datname, ' ' ORDER BY datname), '')
	FROM pg_stat_activity WHERE backend_type = 'federated worker'};

sub workers_are
{
	my ($expected, $name) = @_;
	ok($node->poll_query_until('postgres', $workers, $expected), $name);
}

# Run a statement that needs a database without connections.
sub runs_quickly
{
	my ($statement) = @_;
	my $start = time();
	sql($statement);
	cmp_ok(time() - $start, '<', 4, $statement);
}

sub create
{
	my ($database) = @_;
	sql(qq{CREATE DATABASE "$database"});
	sql('CREATE EXTENSION federated CASCADE', $database);
}

create('red');
create('blue');
sql('CREATE DATABASE plain');
workers_are('blue red', 'one worker for each database that has the extension');

runs_quickly('CREATE DATABASE copy TEMPLATE red');
workers_are('blue copy red', 'a copy is found');
runs_quickly('ALTER DATABASE copy RENAME TO renamed');
workers_are('blue red renamed', 'a renamed database is driven on');
runs_quickly('DROP DATABASE renamed');
workers_are('blue red', 'a dropped one is forgotten');

my $place = PostgreSQL::Test::Utils::tempdir();
sql("CREATE TABLESPACE elsewhere LOCATION '$place'");
runs_quickly('ALTER DATABASE blue SET TABLESPACE elsewhere');
workers_are('blue red', 'a moved one is driven on');

sql('DROP EXTENSION federated', 'blue');
runs_quickly('DROP DATABASE blue');
workers_are('red', 'DROP EXTENSION, then DROP DATABASE');

# The worker is kept away until the transaction is over, however it ends.

sql('BEGIN; ALTER DATABASE red RENAME TO crimson; ROLLBACK');
workers_are('red', 'it returns after ROLLBACK');
is( $node->psql('postgres', 'BEGIN; DROP DATABASE red'),
	3, 'DROP DATABASE refuses to run in a transaction');
workers_are('red', 'it returns after an error');

# Only those who may run the statement can send the worker away.

sql('CREATE ROLE outsider LOGIN CREATEDB');
my $pid = sql('SELECT worker_pid FROM federated.worker_status()', 'red');
for my $statement (
	'DROP DATABASE red',
	'ALTER DATABASE red RENAME TO crimson',
	'CREATE DATABASE stolen TEMPLATE red')
{
	my ($code, $out, $err) =
	  $node->psql('postgres', $statement, extra_params => [ '-U', 'outsider' ]);
	like($err, qr/must be owner|permission denied/, "outsider: $statement");
}
is(sql('SELECT worker_pid FROM federated.worker_status()', 'red'),
	$pid, 'the worker was left in peace');

# A worker in the middle of something long is interrupted.

create('busy');
sql(q{
CREATE OR REPLACE FUNCTION federated.due_sessions() RETURNS SETOF uuid LANGUAGE sql
AS 'SELECT gen_random_uuid()';
CREATE OR REPLACE FUNCTION federated.advance(session_id uuid) RETURNS text LANGUAGE sql
AS 'SELECT pg_sleep(100)::text';
SELECT federated.wake_worker();
}, 'busy');
ok( $node->poll_query_until(
		'postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
			WHERE datname = 'busy' AND query LIKE 'advancing session%'}),
	'the worker is busy');
runs_quickly('DROP DATABASE busy');

# The operator can say which databases are driven.

create('Green');
workers_are('Green red', 'a second database');
$node->append_conf('postgresql.conf', q{federated.databases = '"Green", nowhere'});
$node->reload;
workers_are('Green', 'the list excludes the first');
$node->append_conf('postgresql.conf', q{federated.databases = ''});
$node->reload;
workers_are('Green red', 'an empty list excludes none');

# Two drops and creations in a row: no worker gets lost.

sql('DROP EXTENSION federated', 'red');
sql('CREATE EXTENSION federated', 'red');
workers_are('Green red', 'DROP and CREATE EXTENSION');

# A cluster that is too small says so, and goes on when there is room.

$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
my $log = -s $node->logfile;
$node->restart;
ok( $node->poll_query_until(
		'postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
			WHERE backend_type = 'federated worker'}),
	'one worker has room');
my $waiting = sql($workers) eq 'red' ? 'Green' : 'red';
my $running = $waiting eq 'red' ? 'Green' : 'red';
ok( $node->poll_query_until(
		$waiting, q{SELECT state = 'no_slot' FROM federated.worker_status()}),
	'the other says no_slot');
like(
	slurp_file($node->logfile, $log),
	qr/could not start a federated worker.*max_worker_processes/s,
	'and the log says what to do');
sql('DROP EXTENSION federated', $running);
workers_are($waiting, 'room that becomes free is used');

$node->stop;
done_testing();
