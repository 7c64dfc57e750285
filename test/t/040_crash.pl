# Killed anywhere, a session completes by itself, and its model has the bytes of an undisturbed run.
use strict;
use warnings;

use Federation;
use PostgreSQL::Test::Utils;
use Test::More;

# Five slices, one per aggregation transaction.
my %shape = (parameters => 1_100_000, conf => "federated.aggregation_chunk = 1\nautovacuum = off\n");
my $rounds = 3;

my $calm = Federation->new('calm', %shape);
$calm->start($rounds, '{"min_participants": 3}');
ok($calm->play(1, $rounds), 'an undisturbed session completes');
my $expected = $calm->digest;
$calm->node->stop;

my $f = Federation->new('killed', %shape);
my $node = $f->node;
$f->start($rounds, '{"min_participants": 3}');

# round 1: the server dies between two updates, and again between the last one and the freeze
my $round = $f->wait_for_round(1);
is($f->send('a', $round, 1), 'accepted', 'an update is acknowledged');
$node->stop('immediate');
$node->start;
is($f->send('a', $round, 1), 'accepted', 'sent again after a crash it is acknowledged again');
$f->send('b', $round, 1);
$f->send('c', $round, 1);
$f->crash;
ok($f->wait_for_round(2), 'a server that died after the last update goes on');

# round 2: the worker dies, then the server dies while the model is half made
$round = $f->wait_for_round(2);
kill 'KILL', $f->worker_pid;
ok($f->wait_until('(SELECT worker_pid IS NOT NULL FROM federated.worker_status())'), 'a killed worker is back');
$f->send($_, $round, 2) for qw(c a);
$f->send('b', $round, 2);
my $part = "(SELECT count(*) FROM federated.slices s JOIN federated.model_versions v ON v.vector_id = s.vector_id WHERE v.status = 'building')";
$f->wait_until("$part BETWEEN 1 AND 4 OR EXISTS (SELECT FROM federated.rounds WHERE round_no = 3)", 20);
$f->crash;

# round 3: a backend dies in the middle of an upload
$round = $f->wait_for_round(3);
my $upload = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'a' ]);
my $pid = $upload->query_safe('SELECT pg_backend_pid()');
$upload->query_safe("BEGIN; SELECT federated_begin_update($round, sha256('x'))");
kill 'KILL', $pid;
ok($f->wait_until('true'), 'the server is back after an uploading backend was killed');
$f->send($_, $round, 3) for qw(b a c);
$f->evaluate($rounds);

ok($f->wait_for_status('completed'), 'the session completes');
is($f->digest, $expected, 'its model has the bytes of the undisturbed run');
is($f->sql("SELECT count(*), count(DISTINCT (round_id, island_id)) FROM federated.updates WHERE state = 'accepted' AND vector_id IS NULL AND position IS NOT NULL"),
	'9|9', 'every update counted exactly once');
ok($f->wait_until("NOT EXISTS (SELECT FROM pg_class WHERE relname ~ '^update_')", 90), 'no table of an update is left');
$node->stop;

done_testing();
