# Without shared_preload_libraries all works but driving by itself.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

$node->safe_psql('postgres', 'CREATE EXTENSION federated CASCADE');
is( $node->safe_psql('postgres', 'SELECT * FROM federated.worker_status()'),
	'f|||absent||||', 'worker_status says that it is not preloaded');
is( $node->safe_psql(
		'postgres',
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'federated%'}),
	'0', 'there are no processes');

$node->safe_psql('postgres',
	'BEGIN; SELECT federated.wake_worker(), federated.launch_worker(); COMMIT');
pass('waking and launching do nothing');

my ($code, $out, $err) = $node->psql('postgres', 'SELECT federated.worker_restart()');
like($err, qr/there are no federated workers.*shared_preload_libraries/s,
	'worker_restart says why it cannot');

is($node->safe_psql('postgres', 'SELECT count(*) FROM federated.due_sessions()'),
	'0', 'the state machine is there to be called');

$node->safe_psql('postgres', 'CREATE DATABASE other TEMPLATE postgres');
$node->safe_psql('postgres', 'DROP DATABASE other');
$node->safe_psql('postgres', 'DROP EXTENSION federated');
pass('databases and the extension come and go as ever');

$node->stop;
done_testing();
