# A standby is quiet; promoted, it drives by itself. A fast shutdown is fast
# even while the worker's commit waits for a synchronous standby that is gone.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', q{shared_preload_libraries = 'federated'});
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION federated CASCADE');
ok( $primary->poll_query_until(
		'postgres', q{SELECT state = 'idle' FROM federated.worker_status()}),
	'the primary has a worker');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

is( $standby->safe_psql(
		'postgres',
		q{SELECT preloaded, launcher_pid, worker_pid, state FROM federated.worker_status()}),
	't|||absent', 'the standby has no processes');
is( $standby->safe_psql(
		'postgres',
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'federated%'}),
	'0', 'none at all');
$standby->safe_psql('postgres', 'SELECT federated.wake_worker()');
pass('waking there does nothing');

# A worker whose commit waits for a standby: the one of its last transaction
# before it sleeps, after which nothing else would look at signals.

$primary->safe_psql(
	'postgres', q{
CREATE TABLE toy_session (id uuid, left_over int);
CREATE TABLE toy_seen (at timestamptz DEFAULT clock_timestamp());
CREATE OR REPLACE FUNCTION federated.worker_seen() RETURNS void LANGUAGE sql
AS 'INSERT INTO public.toy_seen DEFAULT VALUES';
CREATE OR REPLACE FUNCTION federated.due_sessions() RETURNS SETOF uuid LANGUAGE sql
AS 'SELECT id FROM public.toy_session WHERE left_over > 0';
CREATE OR REPLACE FUNCTION federated.next_due() RETURNS timestamptz LANGUAGE sql
AS 'SELECT NULL::timestamptz';
CREATE OR REPLACE FUNCTION federated.advance(session_id uuid) RETURNS text LANGUAGE sql
AS $$UPDATE public.toy_session SET left_over = left_over - 1 WHERE id = session_id RETURNING 'moved'$$;
});
$primary->wait_for_catchup($standby);

my $waits = q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'federated worker' AND wait_event = 'SyncRep'};
sub set_standby_names
{
	my ($names) = @_;
	$primary->append_conf('postgresql.conf', "synchronous_standby_names = '$names'");
	$primary->reload;
	ok( $primary->poll_query_until('postgres',
			"SELECT current_setting('synchronous_standby_names') = '$names'"),
		"synchronous_standby_names is '$names'");
}

set_standby_names('nobody');
$primary->safe_psql('postgres', 'SELECT federated.wake_worker()');
ok($primary->poll_query_until('postgres', $waits), 'the worker waits for a standby');

# The wait takes the latch away, and with it what the next commit says.
$primary->safe_psql(
	'postgres', q{
SET synchronous_commit = local;
INSERT INTO toy_session VALUES (gen_random_uuid(), 3);
SELECT federated.wake_worker();
});
set_standby_names('');
my $start = time();
ok( $primary->poll_query_until('postgres', 'SELECT sum(left_over) = 0 FROM toy_session'),
	'the worker goes on with the sessions');
cmp_ok(time() - $start, '<', 15, 'woken while it waited, it does not sleep');

set_standby_names('nobody');
$primary->safe_psql('postgres', 'SELECT federated.wake_worker()');
ok($primary->poll_query_until('postgres', $waits), 'the worker waits again');
$primary->psql(
	'postgres', q{
SET synchronous_commit = local;
INSERT INTO toy_session VALUES (gen_random_uuid(), 3);
});
$start = time();
$primary->stop('fast');
cmp_ok(time() - $start, '<', 15, 'and yet a fast shutdown is fast');

$standby->promote;
ok( $standby->poll_query_until(
		'postgres', q{SELECT state = 'idle' FROM federated.worker_status()}),
	'the promoted standby has a worker');
ok( $standby->poll_query_until('postgres', 'SELECT sum(left_over) = 0 FROM toy_session'),
	'which goes on with the sessions');

$standby->stop;
done_testing();
