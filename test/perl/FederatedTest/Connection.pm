# A psql that stays connected: a statement in, its output back.
#
# Unlike PostgreSQL::Test::BackgroundPsql it takes a lost server as an answer
# and not as the end of the test, can be asked and listened to separately, and
# does not print what it sends, which here may be megabytes.

package FederatedTest::Connection;

use strict;
use warnings;

use IPC::Open3;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time);

# $user and $dbname may be left out. Connects, or is dead.
sub new
{
	my ($class, $node, $user, $dbname) = @_;
	my $self = bless {
		connstr => $node->connstr($dbname || 'postgres') . ($user ? " user=$user" : ''),
		asked => 0
	}, $class;
	$self->connect;
	return $self;
}

# Returns whether the server answers.
sub connect
{
	my ($self) = @_;
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';

	$self->close;
	my ($in, $out);
	$self->{pid} = open3($in, $out, undef, 'psql', '-XAtq', '-d', $self->{connstr});
	@$self{qw(in out buffer)} = ($in, $out, '');
	$in->autoflush(1);
	return defined $self->query('SELECT 1');
}

sub alive { return defined $_[0]->{pid} }

sub close
{
	my ($self) = @_;

	return unless $self->alive;
	close $self->{in};
	close $self->{out};
	waitpid($self->{pid}, 0);
	undef $self->{pid};
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local $?;
	$self->close;
	return;
}

# Send statements without waiting for what they answer.
sub ask
{
	my ($self, $sql) = @_;
	local $SIG{PIPE} = 'IGNORE';

	$self->{asked}++;
	print { $self->{in} } "$sql\n;\\echo done $self->{asked}\n" if $self->alive;
	return;
}

# The answer to ask(); undef after an error or when the server is gone, and
# then "error" says what was said.
sub answer
{
	my ($self) = @_;
	my $end = qr/(?:^|\n)done $self->{asked}\n\z/;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	return $self->fail('not connected') unless $self->alive;
	until ($self->{buffer} =~ $end)
	{
		my $ready = '';
		vec($ready, fileno($self->{out}), 1) = 1;
		die "no answer from psql: $self->{buffer}" if time() > $deadline;
		next unless select($ready, undef, undef, 1) > 0;
		next if sysread($self->{out}, $self->{buffer}, 1 << 20, length $self->{buffer});
		my $said = $self->{buffer};
		$self->close;
		return $self->fail($said);
	}
	my $said = $self->{buffer};
	$self->{buffer} = '';
	$said =~ s/$end//;
	return $said =~ /^(?:ERROR|FATAL|PANIC):/m ? $self->fail($said) : $said;
}

sub fail
{
	my ($self, $message) = @_;
	$self->{error} = $message;
	return;
}

sub query
{
	my ($self, $sql) = @_;
	$self->ask($sql);
	return $self->answer;
}

sub error { return $_[0]->{error} }

# For statements that must succeed.
sub sql
{
	my ($self, $sql) = @_;
	my $answer = $self->query($sql);
	die 'failed: ' . substr($sql, 0, 200) . "\n$self->{error}" unless defined $answer;
	return $answer;
}

sub backend_pid { return $_[0]->sql('SELECT pg_backend_pid()') }

1;
