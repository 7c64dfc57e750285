# The worker of one database: how it comes, is woken, fails, ends and returns.
#
# The state machine is replaced by a table of sessions that take a number of
# steps, or raise an error, so that what is tested is the process.

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
restart_after_crash = on
max_prepared_transactions = 2
});
$node->start;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub status
{
	return sql("SELECT $_[0] FROM federated.worker_status()");
}

sub wait_until
{
	my ($condition, $name) = @_;
	ok($node->poll_query_until('postgres', "SELECT $condition"), $name);
}

# It takes part as soon as the extension is there.

is( sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'federated launcher'"),
	'1', 'the launcher runs');
is( sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'federated worker'"),
	'0', 'no worker without the extension');

sql('CREATE EXTENSION federated CASCADE');
wait_until(
	"state = 'idle' AND turns > 0 FROM federated.worker_status()",
	'CREATE EXTENSION brings a worker');
is( sql(q{SELECT w.preloaded, w.launcher_pid IS NOT NULL, w.last_error IS NULL,
			a.application_name, a.backend_type
		FROM federated.worker_status() w JOIN pg_stat_activity a ON a.pid = w.worker_pid}),
	't|t|t|federated worker|federated worker', 'the worker says who it is');

# The sessions of this test.

sql(q{
CREATE TABLE toy_session (id uuid PRIMARY KEY, left_over int NOT NULL,
	statement text, failures int DEFAULT 0, retry_at timestamptz DEFAULT '-infinity',
	moved_at timestamptz, last_failure text);
CREATE TABLE toy_start (at timestamptz DEFAULT clock_timestamp());

CREATE OR REPLACE FUNCTION federated.worker_start() RETURNS void LANGUAGE sql
AS 'INSERT INTO public.toy_start DEFAULT VALUES';

CREATE OR REPLACE FUNCTION federated.due_sessions() RETURNS SETOF uuid LANGUAGE sql
AS 'SELECT id FROM public.toy_session WHERE left_over > 0 AND retry_at <= clock_timestamp()';

CREATE OR REPLACE FUNCTION federated.next_due() RETURNS timestamptz LANGUAGE sql
AS 'SELECT min(retry_at) FROM public.toy_session WHERE left_over > 0 AND isfinite(retry_at)';

CREATE OR REPLACE FUNCTION federated.advance(session_id uuid) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
	toy public.toy_session;
BEGIN
	UPDATE public.toy_session SET left_over = left_over - 1, moved_at = clock_timestamp()
		WHERE id = session_id AND left_over > 0 RETURNING * INTO toy;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	IF toy.statement IS NOT NULL THEN
		EXECUTE toy.statement;
	END IF;
	RETURN 'moved';
END
$$;

CREATE OR REPLACE FUNCTION federated.record_failure(session_id uuid, sqlstate text, message text)
RETURNS void LANGUAGE sql
AS $$
	UPDATE public.toy_session SET failures = failures + 1, last_failure = $2 || ' ' || $3,
		retry_at = clock_timestamp() + interval '300 ms' WHERE id = $1
$$;
});

my $toy = '00000000-0000-0000-0000-000000000001';

sub start_worker_again
{
	sql('SELECT federated.worker_restart()');
	wait_until("state = 'idle' FROM federated.worker_status()", $_[0]);
}

# It is woken by a commit, not before and not by anything else.

start_worker_again('the worker comes back for the toy sessions');
sql("INSERT INTO toy_session VALUES ('$toy', 0)");
usleep(300_000);

my $turns = status('turns');
sql('BEGIN; SELECT federated.wake_worker(); ROLLBACK');
sql(q{BEGIN; SELECT federated.wake_worker(); PREPARE TRANSACTION 'p'});
sql(q{COMMIT PREPARED 'p'});
usleep(300_000);
is(status('turns'), $turns, 'neither ROLLBACK nor PREPARE wakes');

my @latency;
for my $i (1 .. 20)
{
	sql(qq{
BEGIN;
SAVEPOINT inner_one;
UPDATE toy_session SET left_over = left_over + 1, retry_at = clock_timestamp();
SELECT federated.wake_worker();
RELEASE inner_one;
COMMIT;
});
	usleep(50_000);
	push @latency,
	  sql("SELECT round(1000 * extract(epoch FROM moved_at - retry_at)) FROM toy_session");
}
@latency = sort { $a <=> $b } @latency;
note("milliseconds from wake to step: @latency");
cmp_ok($latency[10], '<', 250, 'COMMIT wakes at once');
is(sql('SELECT left_over FROM toy_session'), '0', 'all steps were done');

# A session that fails does not hold up the others.

sql(qq{
INSERT INTO toy_session VALUES (gen_random_uuid(), 1, 'SELECT 1/0');
INSERT INTO toy_session SELECT gen_random_uuid(), 200 FROM generate_series(1, 3);
SELECT federated.wake_worker();
});
wait_until("sum(left_over) = 1 FROM toy_session", 'sound sessions go on');
wait_until("max(failures) > 2 FROM toy_session", 'the failing one is tried again');
is(sql('SELECT DISTINCT last_failure FROM toy_session WHERE failures > 0'),
	'22012 division by zero', 'its failure is recorded');
is(status('last_error'), 'division by zero', 'and shown');
is(status('worker_pid IS NOT NULL'), 't', 'the process lives through it');
sql('UPDATE toy_session SET statement = NULL');
wait_until("sum(left_over) = 0 FROM toy_session", 'mended, it goes on');

# Nor does one whose failure cannot even be recorded; here because its row is
# locked, by a prepared transaction as that needs no second connection.

sql("ALTER FUNCTION federated.advance(uuid) SET lock_timeout = '50ms';
	ALTER FUNCTION federated.record_failure(uuid, text, text) SET lock_timeout = '50ms'");
my $log = -s $node->logfile;
sql("UPDATE toy_session SET left_over = 1, retry_at = now() WHERE id = '$toy'");
sql("BEGIN; SELECT FROM toy_session WHERE id = '$toy' FOR UPDATE;
	PREPARE TRANSACTION 'locker'");
sql('INSERT INTO toy_session VALUES (gen_random_uuid(), 50);
	SELECT federated.wake_worker()');
wait_until("sum(left_over) = 0 FROM toy_session WHERE id <> '$toy'",
	'a locked session holds up nobody');
$node->wait_for_log(qr/could not record the failure of session $toy/, $log);
sql("COMMIT PREPARED 'locker'");
sql("DELETE FROM toy_session WHERE id = '$toy'");
$toy = '00000000-0000-0000-0000-000000000002';
sql("INSERT INTO toy_session VALUES ('$toy', 0)");

# Memory does not grow with work done.

sub memory
{
	my $offset = -s $node->logfile;
	sql('SELECT pg_log_backend_memory_contexts(worker_pid) FROM federated.worker_status()');
	$node->wait_for_log(qr/Grand total: \d+ bytes/, $offset);
	my $log = slurp_file($node->logfile, $offset);
	return $log =~ /Grand total: (\d+) bytes/ ? $1 : 0;
}

sub work
{
	sql(qq{UPDATE toy_session SET left_over = $_[0], retry_at = now() WHERE id = '$toy';
		SELECT federated.wake_worker()});
	wait_until("sum(left_over) = 0 FROM toy_session", "$_[0] steps are done");
}

work(200);
my $before = memory();
work(3000);
my $after = memory();
note("bytes before $before, after $after");
cmp_ok($after - $before, '<', 100_000, 'memory is flat over 3,000 steps');

# It can be told to idle, and time spent so is time without a worker.

my $starts = sql('SELECT count(*) FROM toy_start');
$node->append_conf('postgresql.conf', 'federated.worker = off');
$node->reload;
wait_until("current_setting('federated.worker') = 'off'", 'the setting is read');
usleep(200_000);
sql("UPDATE toy_session SET left_over = 1, retry_at = now() WHERE id = '$toy';
	SELECT federated.wake_worker()");
usleep(300_000);
is(sql('SELECT sum(left_over) FROM toy_session'), '1', 'switched off, it does nothing');
$node->append_conf('postgresql.conf', 'federated.worker = on');
$node->reload;
wait_until("sum(left_over) = 0 FROM toy_session", 'switched on, it goes on');
is(sql('SELECT count(*) FROM toy_start'), $starts + 1, 'and counts as started');

# Library and extension of different versions do not work together.

$log = -s $node->logfile;
my $version = sql("SELECT extversion FROM pg_extension WHERE extname = 'federated'");
sql("UPDATE pg_extension SET extversion = '0.0.0' WHERE extname = 'federated';
	SELECT federated.wake_worker()");
wait_until("state = 'version_mismatch' FROM federated.worker_status()",
	'another version idles');
like(
	slurp_file($node->logfile, $log),
	qr/The extension is version 0\.0\.0, the library is version/,
	'and says so');
sql("UPDATE toy_session SET left_over = 1, retry_at = now() WHERE id = '$toy';
	SELECT federated.wake_worker()");
usleep(200_000);
is(sql('SELECT sum(left_over) FROM toy_session'), '1', 'without touching a session');
sql("UPDATE pg_extension SET extversion = '$version' WHERE extname = 'federated';
	SELECT federated.wake_worker()");
wait_until("sum(left_over) = 0 FROM toy_session", 'the same version works again');

# However it ends, another follows.

my $pid = status('worker_pid');
is(sql('SELECT federated.worker_restart()'), 't', 'worker_restart finds it');
wait_until("state = 'idle' AND worker_pid <> $pid FROM federated.worker_status()",
	'and another one follows');

$pid = status('worker_pid');
sql("SELECT pg_cancel_backend($pid)");
usleep(100_000);
is(status('worker_pid'), $pid, 'a cancel while idle is ignored');

sql("SELECT pg_terminate_backend($pid)");
wait_until("state = 'idle' AND worker_pid <> $pid FROM federated.worker_status()",
	'terminated, it comes back after a delay');

$pid = status('worker_pid');
sql('SELECT pg_terminate_backend(launcher_pid) FROM federated.worker_status()');
wait_until("launcher_pid IS NULL FROM federated.worker_status()", 'the launcher can end');
is(status('worker_pid'), $pid, 'and its workers do not');

sql("UPDATE toy_session SET left_over = 50, retry_at = now() WHERE id = '$toy'");
for my $victim ('first', 'second')
{
	$node->poll_query_until('postgres',
		"SELECT worker_pid IS NOT NULL FROM federated.worker_status()");
	PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', status('worker_pid'));
	$node->poll_query_until('postgres', "SELECT 1", '1');
}
wait_until("state = 'idle' FROM federated.worker_status()", 'killed twice, it comes back');
wait_until("sum(left_over) = 0 FROM toy_session", 'and goes on');

# It does not make anybody wait.

my $start = time();
$node->stop('fast');
cmp_ok(time() - $start, '<', 10, 'a fast shutdown is fast');

$node->start;
wait_until("state = 'idle' FROM federated.worker_status()", 'it starts with the server');

sql('DROP EXTENSION federated CASCADE');
wait_until("count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'federated worker'",
	'DROP EXTENSION ends it');
sql('CREATE EXTENSION federated CASCADE; DROP EXTENSION federated; CREATE EXTENSION federated');
wait_until("state = 'idle' FROM federated.worker_status()", 'and CREATE EXTENSION brings it back');

$node->stop;
done_testing();
