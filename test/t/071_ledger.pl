# The books are right whatever happens: random sessions with random prices, in
# which Islands drop out, sessions are paused and cancelled, and the worker, a
# backend or the whole server dies in the middle. After each of them the ledger
# is held against what the rounds say, by the auditor's query and by hand.

use strict;
use warnings;

use FederatedTest;
use FederatedTest::Connection;
use JSON::PP qw(decode_json encode_json);
use List::Util qw(min sum0);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seed = $ENV{FEDERATED_TEST_SEED} || int(rand(2**31));
srand($seed);
diag("FEDERATED_TEST_SEED=$seed");    # the same dice again; who comes first is left to chance
my $seconds = $ENV{FEDERATED_TEST_SLOW} ? 240 : 20;

my $fed = FederatedTest->new('main', islands => 4, conf => "autovacuum = off\nfsync = off");
my %done;

sub chance { return rand() < $_[0] }
sub pick { return $_[ rand @_ ] }

# At most six decimals, as text: binary fractions have no part in this.
sub credits { return sprintf('%d.%06d', rand $_[0], rand 1_000_000) }

# Whole millionths of a number of credits.
sub micro
{
	my ($whole, $part) = split /\./, $_[0] // 0;
	return $whole * 1_000_000 + substr(($part // '') . '000000', 0, 6);
}

sub random_config
{
	my %price;
	$price{per_round} = credits(5) if chance(0.6);
	@price{qw(per_thousand_samples max_samples)} = (credits(3), 1 + int rand 600) if chance(0.5);
	@price{qw(contribution_pool contribution)} = (credits(20), pick(qw(cosine norm_share leave_one_out))) if chance(0.5) || !%price;
	my $json = join ',', map { "\"$_\":" . ($_ eq 'contribution' ? "\"$price{$_}\"" : $price{$_}) } sort keys %price;
	my %config = (
		min_participants => 1 + int rand 4,
		max_participants => 4,
		participation_fraction => pick(1, 1, 0.5),
		round_timeout => 1,
		max_extensions => 3,
		heartbeat_timeout => 600,
		seed => int rand 1000
	);
	my $text = join ',', "\"price\":{$json}", map { "\"$_\":$config{$_}" } sort keys %config;
	my $rounds = 1 + int rand 3;
	my $most = $fed->sql("SELECT federated.credits(federated.session_cost(federated.resolve_config('{$text}'), $rounds))");
	$text .= ',"budget":' . sprintf('%.6f', $most * (0.3 + rand)) if chance(0.4) && $most > 0.1;
	return ("{$text}", $rounds);
}

# A budget that does not pay one round is refused, and then another one is tried.
sub start_random
{
	my $workload = $fed->new_workload;
	while (1)
	{
		my ($config, $rounds) = random_config();
		my $id = eval { $fed->sql("SELECT federated_start_session('random', $workload, $rounds, '$config')") };
		return $id if $id;
		die $@ unless $@ =~ /"budget" is not valid/;
		$done{'budget refused'}++;
	}
}

my %crash = (
	'worker killed' => sub { $fed->kill_process($fed->worker_pid) },
	'backend killed' => sub { $fed->kill_process(FederatedTest::Connection->new($fed->node)->backend_pid) },
	'server stopped' => sub {
		$fed->node->stop('immediate');
		$fed->disconnect;
		$fed->node->start;
	},
	# before the first entry is written, and after the last but before the commit
	'killed before paying' => sub { kill_held("SELECT FROM federated.accounts WHERE kind IN ('island', 'escrow') FOR UPDATE", '=') },
	'killed after paying' => sub { kill_held('LOCK TABLE federated.retired_tables IN SHARE MODE', '>') });

# Islands work until the worker waits for what is held, with entries written or not.
sub kill_held
{
	my ($hold, $written) = @_;
	my $holder = FederatedTest::Connection->new($fed->node);
	my $last = $fed->sql('SELECT last_value FROM federated.ledger_id_seq');
	my $until = time() + 1;

	$holder->sql("BEGIN; $hold");
	while (time() < $until)
	{
		$_->alive && $_->work for $fed->islands;
		next unless $fed->sql("SELECT last_value $written $last FROM federated.ledger_id_seq, pg_stat_activity
			WHERE backend_type = 'federated worker' AND wait_event_type = 'Lock'") eq 't';
		$done{"met at it ($written)"}++;
		last;
	}
	$fed->kill_process($fed->worker_pid);
	return;
}

# What an Island does about its task, if it has one.
sub act
{
	my ($island) = @_;
	return unless $island->alive || $island->connect;
	my $task = $island->task or return;
	my $dice = rand;

	if ($dice < 0.8) { $island->perform($task) }
	elsif ($dice < 0.87) { $island->query("SELECT federated_decline_task($task->{round_id}, 'dice')") and $done{declined}++ }
	elsif ($dice < 0.9) { $island->query("SELECT federated_leave('$task->{session_id}', 'dice')"); $done{left}++ }
	return;
}

sub meddle
{
	my (@sessions) = @_;
	my $session = pick(@sessions);
	my $island = 1 + int rand 4;

	if (chance(0.03)) { $done{cancelled}++ if $fed->{admin}->query("SELECT 'x' || federated_cancel_session('$session')::text") }
	if (chance(0.05))
	{
		# NULL: somebody else's, and the answer of a session that has ended is an error
		my $paused = $fed->sql("SELECT federated.pause_session('$session', 'dice')");
		$done{paused}++ if $paused eq 't';
	}
	$fed->sql("SELECT federated_resume_session(id) FROM federated.sessions WHERE status = 'paused'") if chance(0.3);
	$fed->sql("SELECT federated_approve_samples('island-$island', " . pick('NULL', 1, 1 + int rand 500) . ')') if chance(0.1);
	$fed->sql("SELECT federated_set_island_account('island-$island', " . pick('NULL', q('hospital')) . ')') if chance(0.1);
	return;
}

sub play_random
{
	my (@sessions) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;
	my $list = join ',', map { "'$_'" } @sessions;

	while (time() < $deadline)
	{
		act($_) for $fed->islands;
		meddle(@sessions);
		if (chance(0.06))
		{
			my $name = pick(sort keys %crash);
			$crash{$name}->();
			$done{$name}++;
		}
		return 1 unless $fed->sql("SELECT count(*) FROM federated.sessions WHERE id IN ($list) AND finished_at IS NULL");
		usleep(10_000);
	}
	diag($fed->sql("SELECT federated_session(id) FROM federated.sessions WHERE id IN ($list)"));
	return 0;
}

# Rounds that were paid otherwise than their updates and the price say, worked out here.
sub mispaid
{
	my ($session) = @_;
	my $price = $fed->sql("SELECT config -> 'price' FROM federated.sessions WHERE id = '$session'");
	my %price = map { $_ => $price =~ /"$_": "?([^,"}]+)/ ? $1 : undef }
	  qw(per_round per_thousand_samples max_samples contribution_pool);
	my %wrong;
	my %rest;

	for my $row (split /\n/, $fed->sql("SELECT r.id, r.state, u.num_samples, u.counted_samples,
			coalesce((SELECT sum(l.amount) FROM federated.ledger l
					  WHERE l.kind = 'payment' AND l.round_id = r.id AND l.island_id = u.island_id), 0)
		FROM federated.rounds r JOIN federated.updates u ON u.round_id = r.id AND u.state = 'accepted'
		WHERE r.session_id = '$session' AND r.kind = 'train'"))
	{
		my ($round, $state, $samples, $counted, $paid) = split /\|/, $row;
		if ($state ne 'closed')
		{
			$wrong{$round} = "$state, and $paid was paid" if $paid;
			next;
		}
		my $fixed = micro($price{per_round});
		$fixed += int(micro($price{per_thousand_samples}) * min($counted, $price{max_samples}) / 1000) if $price{max_samples};
		$wrong{$round} = "paid $paid, expected $fixed" if $paid < $fixed || $counted > $samples;
		$rest{$round} += $paid - $fixed;
	}
	for my $round (keys %rest)
	{
		$wrong{$round} //= "$rest{$round} of the pool was shared" if $rest{$round} != micro($price{contribution_pool});
	}
	return join ', ', map { "round $_: $wrong{$_}" } sort keys %wrong;
}

# What must be true of the ledger at any time.
sub books_are_right
{
	my ($name) = @_;
	is_deeply(
		[ split /\n/, $fed->sql("
			SELECT 'entry out of balance', entry_id::text FROM federated.postings GROUP BY entry_id HAVING sum(amount) <> 0
			UNION ALL SELECT 'balances do not sum up to zero', sum(balance)::text FROM federated.accounts HAVING sum(balance) <> 0
			UNION ALL SELECT 'paid twice', min(id)::text FROM federated.ledger WHERE session_id IS NOT NULL
				GROUP BY session_id, kind, round_id, island_id HAVING count(*) > 1
			UNION ALL SELECT 'escrow below zero', entry_id::text
				FROM (SELECT a.kind, p.entry_id, sum(p.amount) OVER (PARTITION BY a.id ORDER BY p.entry_id) AS balance
					  FROM federated.postings p JOIN federated.accounts a ON a.id = p.account_id) x WHERE kind = 'escrow' AND balance < 0
			UNION ALL SELECT 'balance differs from postings', a.id::text
				FROM federated.accounts a LEFT JOIN federated.postings p ON p.account_id = a.id
				GROUP BY a.id HAVING a.balance <> coalesce(sum(p.amount), 0)
			UNION ALL SELECT 'escrow left at the end', a.holder
				FROM federated.accounts a JOIN federated.sessions s ON s.id::text = a.holder
				WHERE a.kind = 'escrow' AND a.balance <> 0 AND s.finished_at IS NOT NULL
			UNION ALL SELECT 'auditor: ' || problem, concat_ws(' ', account_kind, holder, session_id, round, host_id, expected, found)
				FROM federated_audit_ledger()") ],
		[], $name);
	return;
}

$fed->sql("SELECT federated_grant_credits('postgres', 10, 'to begin with', request_key => 'begin')");
my $until = time() + $seconds;
my $runs = 0;
while (time() < $until)
{
	$runs++;
	my @sessions = map { start_random() } 1 .. 2;
	ok(play_random(@sessions), "run $runs: both sessions end");
	# the answer may have been lost in a crash: the same request again
	$fed->sql("SELECT federated_grant_credits('postgres', 10, 'to begin with', request_key => 'begin')");
	books_are_right("run $runs: the books are right");
	is(mispaid($_), '', "run $runs: every round was paid by its price") for @sessions;
}
$done{$_} = $fed->sql("SELECT count(*) FROM federated.sessions WHERE status = '$_'") for qw(completed failed cancelled);
$done{'entries'} = $fed->sql('SELECT count(*) FROM federated.ledger');
$done{'ended by budget'} = $fed->sql("SELECT count(*) FROM federated.sessions WHERE reason LIKE '%budget does not pay%'");
is($fed->sql("SELECT count(*) FROM federated.ledger WHERE kind = 'grant'"), 1, 'what was granted again under its key was granted once');
is($fed->sql("SELECT string_agg(DISTINCT detail ->> 'message', ', ') FROM federated.events
	WHERE kind = 'step_failed' AND detail ->> 'sqlstate' <> '55P03'"), '', 'no step failed, but for accounts that were held');
diag(join ', ', map { "$_: $done{$_}" } sort keys %done);
ok($done{completed} && $done{entries} > 10, 'something was paid');

done_testing();
