# The HTTP interface: its documents, who may do what, its errors, and what nobody gets through it.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Connection;
use FederatedTest::Http;
use JSON::PP qw(decode_json encode_json);
use PostgreSQL::Test::Utils;
use Test::More;

my $fed = FederatedTest->new('main', islands => 3);
my $http = FederatedTest::Http->new($fed);
my $workload = $fed->new_workload;
my $workload_name = $fed->sql("SELECT name FROM federated.workloads WHERE id = $workload");
my $nobody = $http->anybody;
my $unknown = '00000000-0000-4000-8000-000000000000';
my $digest = '0' x 64;

# Who comes. An administrator is a creator, viewer and auditor too.
my %client = (
	admin => $http->client('root', 'admin'),
	creator => $http->client('alice', 'creator'),
	island => $http->client('island-1', 'island'),
	viewer => $http->client('vic', 'viewer'),
	auditor => $http->client('olga', 'auditor'),
	invited => $http->bearer($fed->sql("SELECT federated_invite_island('island-3')"))
);
my $alice = $client{creator};

sub is_error
{
	my ($answer, $status, $message, $what) = @_;
	is($answer->{status}, $status, $what) or diag($answer->{content});
	is_deeply([ sort keys %{ $answer->{json} || {} } ], [qw(code details hint message)], "$what: with the four keys");
	like($answer->{json}{message}, $message, "$what: and says so");
	return;
}

# Whatever the white space in it.
sub begins_with
{
	my ($json, $wanted, $what) = @_;
	$json =~ s/" : /":/g;
	$json =~ s/, "/,"/g;
	is(substr($json, 0, length $wanted), $wanted, $what);
	return;
}

# The three requests that users were promised --------------------------------------------------

my $request = {
	name => 'Customer support fine-tune',
	base_workload_id => $workload + 0,
	total_rounds => 2,
	config => {
		algorithm => 'fed_avg',
		local_epochs => 3,
		learning_rate => 0.001,
		batch_size => 32,
		min_participants => 3
	}
};
my $created = $alice->post('create_session', $request);
is($created->{status}, 201, 'a session is created') or diag($created->{content});
my $session = $created->{json}{id};
is($created->{headers}{location}, "/api/v1/federated/sessions/$session", 'the answer says where it is');
begins_with($created->{content}, qq({"id":"$session","name":"Customer support fine-tune","status":"recruiting",)
	  . q("current_round":0,"total_rounds":2,"participants":[]), 'and is its document');
is_deeply([ @{ $created->{json}{config} }{qw(algorithm local_epochs learning_rate batch_size)} ],
	[ 'fed_avg', 3, 0.001, 32 ], 'with the config that was asked for');

$fed->play($session);
my $document = $alice->get('session', id => $session);
is($document->{status}, 200, 'the document of a session is read');
begins_with($document->{content}, qq({"id":"$session","name":"Customer support fine-tune","status":"completed",)
	  . q("current_round":2,"total_rounds":2,"participants":[{"host_id":"island-1","status":"completed",)
	  . q("rounds_completed":2,"total_samples":117,), 'with exactly the promised keys first');
is($document->{content}, $fed->sql("SELECT federated_session('$session')"), 'it is the document that SQL answers');
is_deeply([ map { $_->{round} } @{ $document->{json}{rounds} } ], [ 1, 2, 2 ], 'with its rounds, and the evaluation of the last');

my $list = $alice->list('sessions', status => 'eq.completed', select => 'id,name,status,current_round,total_rounds');
is_deeply($list->{json}, [ { id => $session, name => $request->{name}, status => 'completed', current_round => 2, total_rounds => 2 } ],
	'sessions are listed and filtered');

# Who may call what ----------------------------------------------------------------------------
# name => [how it answers those that may call it, its arguments, who may]. Nothing that is named
# here exists, so that the answer tells whether the call got as far as to look for it.

my @everybody = qw(admin creator island viewer auditor);
my @without_island = qw(admin creator viewer auditor);
my @attempt = (session_id => $unknown, round => 1, attempt => 1);
my %function = (
	create_session => [ 404, { name => 'x', base_workload_id => 0, total_rounds => 1 }, qw(admin creator) ],
	session => [ 404, { id => $unknown }, @everybody ],
	pause_session => [ 404, { id => $unknown }, qw(admin creator) ],
	resume_session => [ 404, { id => $unknown }, qw(admin creator) ],
	cancel_session => [ 404, { id => $unknown }, qw(admin creator) ],
	create_workload => [ 409, { name => $workload_name }, qw(admin creator) ],
	find_version => [ 404, { workload_id => 0 }, qw(admin creator viewer island) ],
	model => [ 404, { version_id => 0 }, qw(admin creator island) ],
	model_header => [ 404, { version_id => 0 }, qw(admin creator island) ],
	model_slice => [ 404, { version_id => 0, slice => 0 }, qw(admin creator island) ],
	begin_import => [ 404, { workload_id => 0, header => '{}', data_bytes => 0 }, qw(admin creator) ],
	put_model_slice => [ 404, [ Version => 0, Section => 'vector', Slice => 0, Digest => $digest ], qw(admin creator) ],
	commit_import => [ 404, { version_id => 0 }, qw(admin creator) ],
	import_model => [ 404, [ Workload => 0 ], qw(admin creator) ],
	export_model => [ 404, { workload_id => 0 }, qw(admin creator) ],
	lineage => [ 404, { version_id => 0 }, @without_island ],
	diff => [ 404, { version_id => 0, other_version_id => 0 }, qw(admin creator island) ],
	model_card => [ 404, { version_id => 0 }, @everybody ],
	find_tag => [ 404, { workload_id => 0, tag => 'x' }, qw(admin creator viewer island) ],
	rollback => [ 404, { workload_id => 0, version => 1 }, qw(admin creator) ],
	tag_version => [ 404, { workload_id => 0, version => 1, tag => 'x' }, qw(admin creator) ],
	untag => [ 404, { workload_id => 0, tag => 'x' }, qw(admin creator) ],
	delete_version => [ 404, { workload_id => 0, version => 1 }, qw(admin creator) ],
	eligible_islands => [ 404, { workload_id => 0 }, qw(admin creator viewer) ],
	heartbeat => [ 200, {}, 'island' ],
	accept_workload => [ 404, { workload_id => 0 }, 'island' ],
	refuse_workload => [ 404, { workload_id => 0 }, 'island' ],
	next_task => [ 200, {}, 'island' ],
	decline_task => [ 404, { round_id => 0, reason => 'none' }, 'island' ],
	leave => [ 404, { session_id => $unknown }, 'island' ],
	begin_update => [ 409, { round_id => 0, digest => $digest }, 'island' ],
	put_slice => [ 404, [ Update => 0, Slice => 0, Digest => $digest ], 'island' ],
	commit_update => [ 404, { update_id => 0, digest => $digest, num_samples => 1 }, 'island' ],
	submit_update => [ 409, [ Round => 0, Samples => 1, Metrics => '{}' ], 'island' ],
	submit_evaluation => [ 409, { round_id => 0, num_samples => 1, metrics => {} }, 'island' ],
	secagg_advertise => [ 409, { @attempt, adv => '\\x' . '00' x 112 }, 'island' ],
	secagg_roster => [ 404, {@attempt}, 'island' ],
	secagg_share => [ 409, { @attempt, envelopes => '\\x' }, 'island' ],
	secagg_inbox => [ 404, {@attempt}, 'island' ],
	secagg_aux => [ 409, { @attempt, aux => '\\x' }, 'island' ],
	secagg_complain => [ 409, { @attempt, owners => [1] }, 'island' ],
	secagg_sets => [ 404, {@attempt}, 'island' ],
	secagg_agree => [ 409, { @attempt, signature => '\\x' . '00' x 64 }, 'island' ],
	secagg_agreements => [ 404, {@attempt}, 'island' ],
	secagg_reveal => [ 409, { @attempt, reveal => '\\x' }, 'island' ],
	renew_token => [ 200, {}, 'island' ],
	enroll => [ 201, {}, 'invited' ],
	register_island => [ 409, { host_id => 'island-1' }, 'admin' ],
	suspend_island => [ 404, { host_id => 'nobody', reason => 'none' }, 'admin' ],
	reinstate_island => [ 404, { host_id => 'nobody' }, 'admin' ],
	enroll_identity => [ 404, { host_id => 'nobody', identity_pk => '\\x' . '00' x 32 }, 'admin' ],
	invite_island => [ 400, { host_id => 'no host' }, 'admin' ],
	issue_token => [ 400, { subject => 'x', role => 'superuser' }, 'admin' ],
	revoke_token => [ 404, { jti => $unknown }, 'admin' ],
	rotate_token_secret => [ 200, {}, 'admin' ],
	subscribe => [ 404, { url => 'https://receiver.example/', events => ['round_closed'], session_id => $unknown }, qw(admin creator) ],
	unsubscribe => [ 404, { id => 0 }, qw(admin creator) ],
	rotate_webhook_secret => [ 404, { id => 0 }, qw(admin creator) ],
	replay_webhook => [ 404, { delivery => $unknown }, qw(admin creator) ],
	replay_dead_webhooks => [ 404, { id => 0 }, qw(admin creator) ],
	grant_credits => [ 404, { holder => 'nobody', amount => 1, note => 'none', kind => 'island' }, 'admin' ],
	set_price => [ 404, { workload_id => 0, price => {} }, qw(admin creator) ],
	approve_samples => [ 404, { host_id => 'nobody', max_samples => 1 }, 'admin' ],
	set_island_account => [ 404, { host_id => 'nobody', owner => 'x' }, 'admin' ],
	audit_ledger => [ 200, {}, qw(admin auditor) ],
	verify_events => [ 404, { session_id => $unknown }, qw(admin creator viewer auditor) ],
	event_anchors => [ 200, {}, qw(admin viewer auditor) ],
	check_anchors => [ 400, { anchors => {} }, qw(admin viewer auditor) ],
	plan_privacy => [ 400, { config => {}, participants => 1, rounds => 1 }, @everybody ],
	charge_lost_rounds => [ 404, { session_id => $unknown, rounds => 0, reason => 'x' }, 'admin' ],
	health => [ 200, {}, qw(admin viewer) ],
	worker_status => [ 200, {}, qw(admin viewer) ],
	metrics => [ 200, {}, qw(admin viewer) ]
);
my @in_get = qw(session find_version model model_header model_slice export_model eligible_islands lineage diff model_card find_tag audit_ledger
	verify_events event_anchors health worker_status metrics);

is_deeply([ split /\n/, $fed->sql(q{SELECT proname FROM pg_proc WHERE pronamespace = 'federated_api'::regnamespace
		GROUP BY proname ORDER BY proname COLLATE "C"}) ], [ sort keys %function ], 'every function of the interface is in the table');

sub call
{
	my ($client, $name) = @_;
	my $arguments = $function{$name}[1];
	return ref $arguments eq 'ARRAY' ? $client->send_bytes($name, 'data', @$arguments) : $client->post($name, $arguments);
}

sub verdict
{
	my ($answer) = @_;
	my $code = ref $answer->{json} eq 'HASH' ? $answer->{json}{code} // '' : '';
	return $answer->{status} . ($code eq '42501' ? ' 42501' : '');
}

# The invitation is used up at the end.
for my $name ((grep { $_ ne 'enroll' } sort keys %function), 'enroll')
{
	my ($status, undef, @allowed) = @{ $function{$name} };
	my (%wanted, %got);
	for my $role (sort keys %client)
	{
		$wanted{$role} = (grep { $_ eq $role } @allowed) ? $status : '403 42501';
		$got{$role} = verdict(call($client{$role}, $name));
	}
	$wanted{nobody} = 401;
	$got{nobody} = verdict(call($nobody, $name));
	is_deeply(\%got, \%wanted, "$name: who may call it") or diag(explain(\%got));
}
for my $name (@in_get)
{
	my ($status, $arguments, $role) = @{ $function{$name} };
	is($client{$role}->get($name, %$arguments)->{status}, $status, "$name answers GET");
	is($nobody->get($name, %$arguments)->{status}, 401, "$name: but not without a token");
}

# Views ----------------------------------------------------------------------------------------

my %view = (
	sessions => \@everybody,
	participants => \@everybody,
	rounds => \@everybody,
	contributions => \@everybody,
	workloads => \@everybody,
	tensors => \@everybody,
	versions => \@everybody,
	balances => \@everybody,
	statements => \@everybody,
	ledger => \@everybody,
	earnings => \@everybody,
	prices => \@everybody,
	privacy_spent => \@everybody,
	participant_privacy => \@everybody,
	privacy_charges => \@everybody,
	secagg_progress => \@without_island,
	cargos => \@without_island,
	version_tree => \@without_island,
	version_tags => \@everybody,
	head_moves => \@without_island,
	config_keys => \@everybody,
	algorithms => \@everybody,
	islands => [qw(admin island viewer auditor)],
	events => \@without_island,
	rejections => [qw(admin island auditor)],
	tokens => ['admin'],
	webhooks => [qw(admin creator)],
	webhook_deliveries => [qw(admin creator)]
);
is_deeply([ split /\n/, $fed->sql(q{SELECT relname FROM pg_class WHERE relnamespace = 'federated_api'::regnamespace
		AND relkind IN ('r', 'v', 'm', 'f', 'p', 'S') ORDER BY relname COLLATE "C"}) ], [ sort keys %view ], 'every view of the interface is in the table');

# Two sessions of different owners: bob's has only the first two Islands.
my $bob = $http->client('bob', 'creator');
my $other_workload = $fed->new_workload($fed->island(1), $fed->island(2));
my $other = $bob->post('create_session',
	{ name => 'other', base_workload_id => $other_workload, total_rounds => 1, config => { min_participants => 2 } })->{json}{id};
$fed->play($other);

my $rows = $fed->sql(q{SELECT string_agg(format('SELECT %L, count(*) FROM federated_api.%I', relname, relname), ' UNION ALL ')
	FROM pg_class WHERE relnamespace = 'federated_api'::regnamespace AND relkind = 'v'});

for my $name (sort keys %view)
{
	my (%wanted, %got, %wrote);
	for my $role (sort keys %client)
	{
		# Its invitation was used up above.
		$wanted{$role} = $role eq 'invited' ? 401 : (grep { $_ eq $role } @{ $view{$name} }) ? 200 : 403;
		$got{$role} = $client{$role}->list($name)->{status};
	}
	$wanted{nobody} = 401;
	$got{nobody} = $nobody->list($name)->{status};
	is_deeply(\%got, \%wanted, "$name: who may read it") or diag(explain(\%got));

	my $before = $fed->sql($rows);
	my $column = $fed->sql("SELECT attname FROM pg_attribute WHERE attrelid = 'federated_api.$name'::regclass AND attnum = 1");
	for my $client (values %client, $nobody)
	{
		for my $method (qw(POST PATCH DELETE PUT))
		{
			my $answer = $client->request($method, "/$name?$column=not.is.null",
				headers => { 'Content-Type' => 'application/json' }, content => encode_json({ $column => undef }));
			$wrote{$method} = $answer->{content} if $answer->{status} < 400;
		}
	}
	is_deeply(\%wrote, {}, "$name: nobody writes to it");
	is($fed->sql($rows), $before, "$name: and nothing is gone");
}

sub column
{
	my ($answer, $column) = @_;
	return [ sort map { $_->{$column} } @{ $answer->{json} } ];
}
is_deeply(column($alice->list('sessions'), 'id'), [$session], 'a creator sees its own sessions');
is_deeply(column($bob->list('sessions'), 'id'), [$other], 'and so does another');
is_deeply(column($client{viewer}->list('sessions'), 'id'), [ sort $session, $other ], 'a viewer sees all of them');
is_deeply(column($http->client('island-3', 'island')->list('sessions'), 'id'), [$session], 'an Island sees those that it is in');
is_deeply(column($client{island}->list('participants'), 'host_id'), [ ('island-1') x 2 ], 'and of the participants itself');
is_deeply(column($bob->list('participants'), 'host_id'), [qw(island-1 island-2)], 'a creator sees who takes part in its own');
is_deeply(column($client{island}->list('islands'), 'host_id'), ['island-1'], 'an Island sees nothing of the others');
is_deeply(column($client{island}->list('rounds'), 'session_id'), [ sort(($session) x 3, ($other) x 2) ], 'and the rounds of its sessions');
is($bob->get('session', id => $session)->{status}, 404, 'the document of another creator\'s session does not exist for a creator');
is($http->client('island-3', 'island')->get('session', id => $other)->{status}, 404, 'nor for an Island that is not in it');
is_error($bob->post('cancel_session', { id => $session }), 404, qr/does not exist/, 'nor can it be cancelled');

# The PostgREST way to filter
is_deeply(column($client{admin}->list('rounds', session_id => "eq.$session", order => 'round.desc', limit => 2, select => 'round'), 'round'),
	[ 2, 2 ], 'views can be filtered, ordered and cut');
my $counted = $client{admin}->request('GET', '/rounds?limit=1', headers => { Prefer => 'count=exact' });
is("$counted->{status} $counted->{headers}{'content-range'}", '206 0-0/5', 'and counted');

# The chain of events
my $verified = $client{auditor}->get('verify_events', session_id => $session)->{json};
my $events = scalar @{ $client{auditor}->list('events', session_id => "eq.$session")->{json} };
is_deeply($verified, [ { session => $session, ok => JSON::PP::true, verified => $events, position => undef, event_id => undef, problem => undef } ],
	"the events of a session are verified: $events of them");
my $anchors = $client{auditor}->get('event_anchors')->{json};
my $checked = $client{auditor}->post('check_anchors', { anchors => $anchors })->{json};
is(scalar @$checked, 3, 'anchors of all chains are checked');
is(scalar(grep { $_->{ok} } @$checked), 3, 'and hold');
$_->{hash} = '0' x 64 for @{ $anchors->{chains} };
is_error($client{auditor}->post('check_anchors', { anchors => $anchors }), 400, qr/has exported/, 'anchors that were changed are refused');
is($bob->get('verify_events', session_id => $session)->{status}, 404, 'a creator verifies its own sessions');
is($bob->get('verify_events')->{status}, 403, 'and not all');

# Credits --------------------------------------------------------------------------------------

my %grant = (holder => 'alice', amount => 12.5, note => 'contract', request_key => 'g1');
my $granted = $client{admin}->post('grant_credits', \%grant);
is($granted->{status}, 201, 'credits are granted');
is($client{admin}->post('grant_credits', \%grant)->{json}{entry_id}, $granted->{json}{entry_id}, 'once, however often it is asked for');
is($client{admin}->post('set_price', { workload_id => $workload + 0, price => { per_round => 2 } })->{status}, 200, 'a price is set');
is_deeply($client{island}->list('prices')->{json}, [ { workload_id => $workload + 0, workload => $workload_name, price => { per_round => 2 } } ],
	'and everybody may know it');
is($client{admin}->post('approve_samples', { host_id => 'island-2', max_samples => 9 })->{status}, 200, 'samples are approved');

$fed->configure('federated.credit_limit' => 0);
my %priced = (%$request, total_rounds => 1, config => { min_participants => 3, max_participants => 3 });
my $refused = $alice->post('create_session', { %priced, total_rounds => 3 });
is_error($refused, 402, qr/"alice" has not enough credits/, 'more than the account has');
like($refused->{json}{details}, qr/Balance 12.5, needed 18;/, 'the answer has the numbers');
my $paid = $alice->post('create_session', \%priced)->{json}{id};
$fed->configure('federated.credit_limit' => -1);
$fed->play($paid);
is_deeply($alice->get('session', id => $paid)->{json}{credits}, { reserved => 6, paid => 6, refunded => 0, left => 0 }, 'the session has paid');
my %ledger = map { $_ => scalar @{ $client{$_}->list('ledger', session_id => "eq.$paid")->{json} } } qw(admin auditor creator island viewer);
is_deeply(\%ledger, { admin => 4, auditor => 4, creator => 4, island => 1, viewer => 0 }, 'who sees its ledger: an Island what it earned');
is_deeply([ map { "$_->{host_id} $_->{updates} " . (0 + $_->{credits}) } @{ $alice->list('earnings', session_id => "eq.$paid", order => 'host_id')->{json} } ],
	[ map { "island-$_ 1 2" } 1 .. 3 ], 'and its creator what each Island earned');
is(scalar @{ $client{island}->list('earnings')->{json} }, 1, 'an Island what it earned itself');
is_deeply([ map { 0 + $_->{credits} } @{ $client{island}->list('balances')->{json} } ], [2], 'an Island sees its balance');
is_deeply([ map { 0 + $_->{balance} } @{ $alice->list('statements', holder => 'eq.alice', order => 'entry_id')->{json} } ], [ 12.5, 6.5 ],
	'and a creator its statement');
is_deeply($client{auditor}->get('audit_ledger')->{json}, [], 'the auditor finds nothing');
$client{admin}->post('set_price', { workload_id => $workload + 0 });

# Versions as products: the first session made version 3 of version 1, the paid one 4 of 3 ----------

my %version = map { $_->{version} => $_ } @{ $alice->list('versions', workload_id => "eq.$workload")->{json} };
is_deeply([ map { $version{3}{provenance}{$_} } qw(base_version algorithm participants updates) ], [ 1, 'fed_avg', 3, 6 ],
	'a version says what made it');
is($alice->post('tag_version', { workload_id => $workload, version => 1, tag => 'production' })->{status}, 403, 'only the workload\'s owner tags');
my $root = $client{admin};
is_deeply($root->post('tag_version', { workload_id => $workload, version => 1, tag => 'production' })->{json}{tags}, ['production'], 'a version is tagged');
is($alice->get('find_tag', workload_id => $workload, tag => 'production')->{json}, $version{1}{version_id}, 'and found by its tag');
is_deeply($alice->list('version_tags', workload_id => "eq.$workload", select => 'tag,version_id')->{json},
	[ { tag => 'production', version_id => $version{1}{version_id} } ], 'which is listed');
my $lineage = $client{viewer}->get('lineage', version_id => $version{3}{version_id});
is_deeply([ map { "$_->{direction} $_->{version}" } @{ $lineage->{json} } ], [ 'ancestor 1', 'ancestor 2', 'self 3', 'descendant 4' ], 'its lineage is told');
my $diff = $root->get('diff', version_id => $version{1}{version_id}, other_version_id => $version{3}{version_id});
is($diff->{status}, 200, 'versions are compared') or diag($diff->{content});
is($diff->{json}[0]{same}, JSON::PP::false, 'and differ');
my $card = $client{auditor}->request('GET', "/rpc/model_card?version_id=$version{3}{version_id}", headers => { Accept => 'text/plain' });
is($card->{status}, 200, 'a version has a model card');
like($card->{headers}{'content-type'}, qr{^text/plain}, 'which is text');
like($card->{content}, qr/^# \S.*, version 3\n.*Participants: island-1, island-2, island-3\n/s, 'of which it is the whole answer');
my $rolled = $root->post('rollback', { workload_id => $workload, version => 1 });
is("$rolled->{status} $rolled->{json}{version} $rolled->{json}{current}", '200 1 1', 'a workload is rolled back');
is_error($root->post('rollback', { workload_id => $workload, version => 1 }), 409, qr/current already/, 'to where it is not yet');
is_deeply([ map { "$_->{reason} $_->{moved_by}" } @{ $root->list('head_moves', workload_id => "eq.$workload", order => 'id.desc', limit => 1)->{json} } ],
	['rolled_back root'], 'and it is known by whom');
is_error($root->post('delete_version', { workload_id => $workload, version => 1 }), 409, qr/cannot be deleted/, 'the current version is not deleted');
is($root->post('delete_version', { workload_id => $workload, version => 3 })->{json}{status}, 'retired', 'another one is');
is_deeply([ map { $_->{status} } @{ $alice->list('cargos', workload_id => "eq.$workload", order => 'version')->{json} } ], [qw(ready retired ready)],
	'and stays in the list of what was published');
is_deeply($root->post('untag', { workload_id => $workload, tag => 'production' })->{json}{tags}, [], 'a tag is taken away');
is_error($root->post('untag', { workload_id => $workload, tag => 'production' }), 404, qr/"production"/, 'once');

# Secure aggregation, as those see it who look on ------------------------------------------------

my $masked = $alice->post('create_session', { %$request, config => { secure_aggregation => JSON::PP::true } })->{json}{id};
$_->heartbeat for $fed->islands;
$fed->wait_for("EXISTS (SELECT FROM federated.secagg_attempts WHERE session_id = '$masked')");
my @attempts = (session_id => "eq.$masked", select => 'round,kind,attempt,state,mode,n,advertised,committed,reason,ctx,ended_at');
my %begun = (round => 1, kind => 'train', attempt => 1, state => 'advertise', mode => 'semi_honest', n => undef, advertised => 0,
	committed => 0, reason => undef, ctx => undef, ended_at => undef);
is_deeply($_->list('secagg_progress', @attempts)->{json}, [ \%begun ], 'an attempt is seen by creator, viewer and auditor')
  for $alice, @client{qw(viewer auditor)};
my $bound = $alice->list('secagg_progress', session_id => "eq.$masked")->{json}[0];
is(join(' ', map { length($bound->{$_} // '') } qw(base c0 ctx sets)), '64 64 0 0', 'with the hashes that there are so far');
is_deeply($bob->list('secagg_progress')->{json}, [], 'but not by another creator');
$alice->post('cancel_session', { id => $masked, reason => 'seen enough' });
my ($ended) = @{ $alice->list('secagg_progress', session_id => "eq.$masked")->{json} };
is_deeply([ @$ended{qw(state reason)} ], [ 'aborted', 'seen enough' ], 'and why it ended');
ok($ended->{ended_at}, 'and when');

# Errors ---------------------------------------------------------------------------------------

is_error($alice->post('create_session', { %$request, colour => 1 }), 400, qr/"colour"/, 'an unknown argument');
is_error($alice->post('create_session', { name => 'x', total_rounds => 1 }), 400, qr/"base_workload_id"/, 'a missing argument');
is_error($alice->post('session', { session => $session }), 400, qr/"session"|"id"/, 'an unknown argument of a function that reads');
is_error($alice->post('worker_status', { x => 1 }), 404, qr/worker_status/, 'an argument of a function that has none');
is_error($client{admin}->post('rotate_token_secret', { x => 1 }), 400, qr/"x"/, 'an argument to one that is');
is_error($alice->post('create_session', { %$request, total_rounds => 'many' }), 400, qr/"many"/, 'a wrong type');
is_error($alice->post('create_session', { %$request, config => { learning_rate => -1 } }), 400, qr/"learning_rate"/, 'a bad value in the config');
is($alice->post('create_session', { %$request, config => { learning_rate => -1 } })->{json}{details},
	'Given -1; allowed: number above 0 to 1000.', 'which is told along with what is allowed');
is_error($alice->post('create_session', { %$request, config => { speed => 1 } }), 400, qr/"speed"/, 'an unknown key in the config');
is_error($alice->post('create_session', { %$request, config => [] }), 400, qr/config/, 'a config that is none');
is_error($alice->get('session', id => $unknown), 404, qr/does not exist/, 'an unknown session');
is_error($alice->get('session', id => 'x'), 400, qr/uuid/, 'an id that is none');
is_error($alice->post('resume_session', { id => $session }), 409, qr/./, 'a session in the wrong state');
is_error($alice->post('create_workload', { name => $workload_name }), 409, qr/exists/, 'a name that is taken');
is_error($alice->post('no_such_function', {}), 404, qr/no_such_function/, 'a function that does not exist');
is_error($alice->list('no_such_view'), 404, qr/no_such_view/, 'a view that does not exist');
is_error($alice->request('PUT', '/rpc/session'), 405, qr/PUT/, 'a method that no function has');
my $sessions = $fed->sql('SELECT count(*) FROM federated.sessions');
is_error($alice->get('create_session', name => 'x', base_workload_id => $workload, total_rounds => 1), 405, qr/read-only/, 'GET on a function that writes');
is($fed->sql('SELECT count(*) FROM federated.sessions'), $sessions, 'which does nothing');
for my $name (grep { my $name = $_; !grep { $_ eq $name } @in_get } sort keys %function)
{
	my ($status, $arguments, $role) = @{ $function{$name} };
	my %query = ref $arguments eq 'HASH' ? map { $_ => ref $arguments->{$_} ? '{}' : $arguments->{$_} } keys %$arguments : ();
	cmp_ok($client{$role}->get($name, %query)->{status}, '!=', 500, "$name: GET is no fault of the server");
}
is($alice->request('OPTIONS', '/rpc/session?id=' . $session)->{headers}{allow}, 'OPTIONS,GET,HEAD,POST', 'OPTIONS says what a function takes');
is($alice->request('HEAD', "/rpc/session?id=$session")->{status}, 200, 'HEAD of a document');
is($alice->request('HEAD', "/rpc/session?id=$unknown")->{status}, 404, 'HEAD of one that does not exist');

my $described = $alice->request('GET', '/', headers => { Accept => 'application/openapi+json' });
my $paths = decode_json($described->{content})->{paths};
ok($paths->{'/rpc/create_session'} && !$paths->{'/rpc/issue_token'}, 'the interface describes itself to each role');

# Malformed bodies and headers -----------------------------------------------------------------

my %malformed = (
	'nothing' => '',
	'half an object' => '{"name":',
	'a text' => '"text"',
	'null' => 'null',
	'an empty array' => '[]',
	'an array of arrays' => '[[1]]',
	'not a number' => '{"name":NaN}',
	'a NUL' => '{"name":"\u0000","base_workload_id":1,"total_rounds":1}',
	'half a surrogate pair' => '{"name":"\ud800","base_workload_id":1,"total_rounds":1}',
	'no UTF-8' => qq({"name":"\xff","base_workload_id":1,"total_rounds":1}),
	'a deep nest' => '[' x 100_000,
	'a number without end' => '{"name":"x","base_workload_id":' . '9' x 10_000 . ',"total_rounds":1}'
);
is_error($alice->post('create_session', $malformed{$_}), 400, qr/./, "a body of $_") for sort keys %malformed;
is_error($alice->request('POST', '/rpc/create_session', headers => { 'Content-Type' => 'text/html' }, content => '<p>'),
	400, qr/Content-Type/, 'a body of another type');
is_error($alice->send_bytes('create_session', 'bytes'), 404, qr/create_session/, 'bytes for a function that takes none');
my $large = $alice->post('create_session', { %$request, name => 'x' x 3_000_000 });
is_error($large, 400, qr/name/, 'a name of three megabytes');
is($fed->sql('SELECT count(*) FROM federated.sessions'), $sessions, 'none of which made a session');
for my $header ("\xff\xfe", "caf\xe9")
{
	my $answer = $http->raw("GET /sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer $alice->{token}\r\nX-Note: $header\r\n\r\n");
	like($answer, qr{^HTTP/1\.1 [45]}, 'a header that is not UTF-8 is refused');
}
is($alice->list('sessions')->{status}, 200, 'and the next request is answered as ever');

# A request that takes too long is given up, and may come again

$fed->configure('federated.request_timeout' => '1s');
my $holder = FederatedTest::Connection->new($fed->node);
$holder->sql('BEGIN; LOCK TABLE federated.workloads');
my $late = $alice->post('create_workload', { name => 'too late' });
is("$late->{status} $late->{json}{code}", '503 57014', 'a request is given up after federated.request_timeout');
like($late->{headers}{'retry-after'}, qr/^[0-9]+$/, 'and the answer says when to come again');
$holder->close;
is($alice->post('create_workload', { name => 'too late' })->{status}, 201, 'then it is done');
$fed->configure('federated.request_timeout' => '1min');

# Arguments of any kind, one at a time

my @any = (undef, '', 'x', [], {}, -1, 0, 1e300, '9223372036854775808', JSON::PP::true, "a\nb", 'x' x 100_000, 'infinity', 'NaN',
	'-1 day', { training => { x => 1e308 } }, { ('k' x 1000) => [ [ [] ] ] });
my @faults;
for my $name (grep { $_ ne 'rotate_token_secret' && ref $function{$_}[1] eq 'HASH' } sort keys %function)
{
	my (undef, $arguments, $role) = @{ $function{$name} };
	for my $argument (sort keys %$arguments)
	{
		for my $value (@any)
		{
			my $answer = $client{$role}->post($name, { %$arguments, $argument => $value });
			push @faults, "$name $argument $answer->{status} $answer->{content}"
			  if $answer->{status} >= 500 || $answer->{content} =~ /violates|PL.pgSQL/;
		}
	}
}
is_deeply(\@faults, [], 'no argument of any kind is an error of the server, or found out by a constraint only');

# Injection ------------------------------------------------------------------------------------

my @evil = (
	q{'; DROP TABLE federated.events; --},
	q{"; DROP TABLE federated.events; --},
	q{x') OR ('1'='1},
	q{\\'; SELECT pg_sleep(30); --},
	q{$$; DELETE FROM federated.events; $$},
	q{%s %I %L %1$I {} %(p0)s},
	q{1); DELETE FROM federated.sessions; --},
	"tab\tand \x{7f}"
);
my $state = 'SELECT (SELECT count(*) FROM federated.sessions), (SELECT count(*) FROM federated.islands),'
  . ' (SELECT count(*) FROM federated.tokens), (SELECT max(id) FROM federated.events)';
my $before = $fed->sql($state);
my @server_errors;
my $try = sub {
	my ($what, $answer) = @_;
	push @server_errors, "$what: $answer->{content}" if $answer->{status} >= 500 && $answer->{status} != 501;    # not implemented
	return $answer;
};
for my $evil (@evil)
{
	for my $column (qw(id name), $evil)
	{
		$try->("filter $column", $alice->list('sessions', $column => $_ . $evil)) for qw(eq. neq. like. gt. in. is. not.eq. cs. fts.), '', 'in.(';
	}
	$try->($_, $alice->list('sessions', $_ => $evil)) for qw(select order limit offset);
	$try->('select', $alice->list('sessions', select => "id::$evil"));
	$try->('order', $alice->list('sessions', order => "id.$evil"));
	$try->('session', $alice->get('session', id => $evil));
	$try->('model_slice', $alice->get('model_slice', version_id => 1, slice => 0, section => $evil));
	$try->('view', $alice->request('GET', '/' . $alice->{tiny}->www_form_urlencode([$evil => ''])));
	$try->('argument', $alice->post('create_session', { $evil => $evil }));
	$try->('config', $alice->post('create_session', { %$request, config => { $evil => $evil } }));
	$try->('algorithm', $alice->post('create_session', { %$request, config => { algorithm => $evil } }));
	$try->('role', $client{admin}->post('issue_token', { subject => 'x', role => $evil }));
	$try->('suspend', $client{admin}->post('suspend_island', { host_id => $evil, reason => $evil }));
	$try->('heartbeat', $client{island}->post('heartbeat', { capabilities => $evil }));
	$try->('digest', $client{island}->post('begin_update', { round_id => 1, digest => $evil }));
	(my $header = $evil) =~ tr/\t\x7f//d;
	$try->('Section', $alice->send_bytes('put_model_slice', 'data', Version => 1, Section => $header, Slice => 0, Digest => $digest));
	$try->('Update', $client{island}->send_bytes('put_slice', 'data', Update => $header, Slice => $header, Digest => $header));
	$try->('Metrics', $client{island}->send_bytes('submit_update', 'data', Round => 1, Samples => 1, Metrics => $header));
}
is_deeply(\@server_errors, [], 'nothing that is said is an error of the server');
is($fed->sql($state), $before, 'nothing that is said is taken for SQL');
for my $evil (@evil[ 0 .. 6 ])
{
	$alice->post('create_workload', { name => $evil });
	is_deeply(column($alice->list('workloads', name => "eq.$evil"), 'name'), [$evil], 'a name is what it is');
}

# Lines that would end a header -------------------------------------------------------------------

my $split = "x\r\nSet-Cookie: stolen=1\r\n\r\n<p>";
my $running = $alice->post('create_session', { %$request, name => 'to be paused', config => { min_participants => 3 } })->{json}{id};
my %splitting = (
	'a reason' => sub { $alice->post('pause_session', { id => $running, reason => $split }) },
	'a session\'s name' => sub { $alice->post('create_session', { %$request, name => $split }) },
	'a workload\'s name' => sub { $alice->post('create_workload', { name => $split }) },
	'an argument' => sub { $alice->post('create_session', { $split => 1 }) },
	'a config key' => sub { $alice->post('create_session', { %$request, config => { $split => 1 } }) },
	'a config value' => sub { $alice->post('create_session', { %$request, config => { algorithm => $split } }) },
	'a host' => sub { $client{admin}->post('suspend_island', { host_id => $split, reason => $split }) },
	'a new host' => sub { $client{admin}->post('register_island', { host_id => $split }) },
	'a role' => sub { $client{admin}->post('issue_token', { subject => $split, role => $split }) },
	'an id' => sub { $alice->get('session', id => $split) },
	'a section' => sub { $alice->get('model_slice', version_id => 1, slice => 0, section => $split) },
	'a digest' => sub { $client{island}->post('begin_update', { round_id => 1, digest => $split }) },
	'metrics' => sub { $client{island}->post('submit_evaluation', { round_id => 1, num_samples => 1, metrics => { $split => $split } }) },
	'a filter' => sub { $alice->list('sessions', id => "eq.$split") },
	'a column' => sub { $alice->list('sessions', $split => "eq.1") },
	'a function' => sub { $alice->request('GET', '/rpc/x%0d%0aSet-Cookie:%20stolen=1') },
	'a bearer token' => sub { $http->bearer("a.b.$split")->list('sessions') }
);
for my $where (sort keys %splitting)
{
	my $answer = eval { $splitting{$where}->() };
	unless ($answer)
	{
		is($where, 'a bearer token', 'a client that can be believed sends no such header');
		next;
	}
	ok(!exists $answer->{headers}{'set-cookie'}, "$where puts nothing into the headers");
	like($answer->{reason}, qr/\A[A-Za-z -]*\z/, "$where: nor into the status line");
	isnt($answer->{status}, 500, "$where: and is no error of the server") or diag($answer->{content});
}

$http->stop;
$fed->node->stop;
done_testing();
