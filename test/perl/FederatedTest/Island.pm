# An Island that trains nothing: its update is a function of its number and of
# the round, so that two runs that count the same updates end in the same bytes.
#
# It keeps to the protocol as a careful client does: begin, the slices that are
# not there yet, commit; and the same again whenever anything fails.

package FederatedTest::Island;

use strict;
use warnings;

use parent -norequire, 'FederatedTest::Connection';

use Digest::SHA qw(sha256 sha256_hex);
use FederatedTest::Connection;
use FederatedTest::Reference;
use JSON::PP qw(decode_json);

use constant SLICE_BYTES => 130 * 2016 * 4;
use constant PATTERN_VALUES => 10_007;    # prime: no two pages are alike

sub new
{
	my ($class, $node, $number, $dbname) = @_;
	my $self =
	  FederatedTest::Connection::new($class, $node, "island_$number", $dbname);
	$self->{number} = $number;
	return $self;
}

# Little-endian float32, irregular enough that any change in their weights shows.
sub delta
{
	my ($number, $round, $parameters) = @_;
	my $n = $parameters < PATTERN_VALUES ? $parameters : PATTERN_VALUES;
	my $step = 0.7 + $number / 7 + $round / 11;
	my $pattern =
	  pack('f<*', map { 0.01 * sin($step * $_) + 1e-6 * ($_ % 13) } 1 .. $n);

	return substr($pattern x (1 + $parameters / $n), 0, 4 * $parameters);
}

# What this Island sends for a task. A test may set "scale": then
# it is a multiple of the same values for every Island, which are 0.7 to 1.3.
sub update_bytes
{
	my ($self, $task) = @_;

	return delta($self->{number}, $task->{round}, $task->{parameters}) unless defined $self->{scale};
	return pack('f<*', map { $self->{scale} * (1 + 30 * $_) }
		  unpack('f<*', delta(0, $task->{round}, $task->{parameters})));
}

# What those bytes repeat, as far as the model is long enough.
sub pattern
{
	my ($self, $task) = @_;
	my $n = $task->{parameters} < PATTERN_VALUES ? $task->{parameters} : PATTERN_VALUES;
	return $self->update_bytes({ %$task, parameters => $n });
}

# A test may set "encoding": then updates are sent in that one, and this is what
# the server has to take them for.
sub sent_pattern
{
	my ($self, $task) = @_;
	my $encoding = $self->{encoding} // 'f32';
	return FederatedTest::Reference::decoded($encoding,
		FederatedTest::Reference::encoded($encoding, $self->pattern($task)));
}

sub num_samples { return $_[0]->{samples} // 100 * $_[0]->{number} + 17 }

sub metrics
{
	my ($self, $task) = @_;
	return sprintf('{"evaluation":{"accuracy":%.3f},"training":{"loss":%.3f}}',
		1 - 1 / (2 + $task->{round} + $self->{number} / 10), 1 / (1 + $task->{round}));
}

# The JSON that a call answered; undef for NULL or when it failed.
sub call
{
	my ($self, $sql) = @_;
	my $answer = $self->query("SELECT $sql");
	return defined $answer && $answer ne '' ? decode_json($answer) : undef;
}

sub heartbeat { return $_[0]->call('federated_heartbeat()') }

sub task
{
	my ($self, $session) = @_;
	return $self->call($session ? "federated_next_task('$session')" : 'federated_next_task()');
}

# The update for a task, cut up as it goes over the wire.
sub prepare
{
	my ($self, $task) = @_;
	my $bytes = FederatedTest::Reference::encoded($self->{encoding} // 'f32', $self->update_bytes($task));
	my @slices = unpack('(a' . SLICE_BYTES . ')*', $bytes);

	return {
		task => $task,
		slices => \@slices,
		digest => sha256_hex(join '', map { sha256($_) } @slices)
	};
}

sub begin
{
	my ($self, $update) = @_;
	my $encoding = defined $self->{encoding} ? ", '$self->{encoding}'" : '';
	my $answer = $self->call(
		"federated_begin_update($update->{task}{round_id}, '\\x$update->{digest}'$encoding)");
	$update->{id} = $answer->{update_id} if $answer && $answer->{update_id};
	return $answer;
}

sub put_sql
{
	my ($self, $update, $slice) = @_;
	my $data = $update->{slices}[$slice];
	return sprintf(q{federated_put_slice(%d, %d, '\x%s', '\x%s')},
		$update->{id}, $slice, sha256_hex($data), unpack('H*', $data));
}

sub put
{
	my ($self, $update, $slice) = @_;
	return $self->call($self->put_sql($update, $slice));
}

sub commit_sql
{
	my ($self, $update) = @_;
	return sprintf(q{federated_commit_update(%d, '\x%s', %d, '%s')},
		$update->{id}, $update->{digest}, $self->num_samples, $self->metrics($update->{task}));
}

sub commit
{
	my ($self, $update) = @_;
	return $self->call($self->commit_sql($update));
}

# Everything for one update that is not there yet; the last answer.
sub send_update
{
	my ($self, $update) = @_;
	my $answer = $self->begin($update);

	return $answer unless $answer && $answer->{status} eq 'uploading';
	my %present = map { $_ => 1 } @{ $answer->{present} };
	for my $slice (grep { !$present{$_} } 0 .. $#{ $update->{slices} })
	{
		$answer = $self->put($update, $slice);
		return $answer unless $answer && $answer->{status} eq 'stored';
	}
	return $self->commit($update);
}

sub submit_sql
{
	my ($self, $task) = @_;
	my $bytes = $self->update_bytes($task);
	return sprintf(q{federated_submit_update(%d, '\x%s', %d, '%s')},
		$task->{round_id}, unpack('H*', $bytes), $self->num_samples, $self->metrics($task));
}

sub evaluate
{
	my ($self, $task) = @_;
	return $self->call(sprintf(q{federated_submit_evaluation(%d, %d, '%s')},
		$task->{round_id}, $self->num_samples, $self->metrics($task)));
}

# Do a task, whatever its kind.
sub perform
{
	my ($self, $task) = @_;

	return $self->evaluate($task) if $task->{kind} eq 'evaluate';
	return $self->call($self->submit_sql($task)) if $task->{slices} == 1 && !defined $self->{encoding};
	return $self->send_update($self->prepare($task));
}

# Look for a task and do it; whether there was one. A lost server is tried
# again the next time.
sub work
{
	my ($self, $session) = @_;
	return 0 unless $self->alive || $self->connect;
	my $task = $self->task($session) or return 0;
	$self->perform($task);
	return 1;
}

1;
