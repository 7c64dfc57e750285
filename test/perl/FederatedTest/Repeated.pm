# Vectors of any length: models and updates that repeat a pattern.
#
# Gigabytes do not go through psql. The session that sends a vector makes its
# slices itself, out of the pattern; what it then calls is what every Island and
# every client calls, a slice at a time.

package FederatedTest::Repeated;

use strict;
use warnings;

use Exporter qw(import);
use FederatedTest::Island;
use FederatedTest::Reference;
use List::Util qw(min);

our @EXPORT_OK = qw(repeated_workload upload_repeated send_repeated expected_digest);

use constant SLICE_BYTES => FederatedTest::Reference::SLICE_BYTES;
use constant SLICES_AT_ONCE => 128;    # of one transaction

# An item of FROM: the numbers and the data of some slices of a vector.
sub slices
{
	my ($pattern, $bytes, $first, $last) = @_;
	my $length = length $pattern;
	my $copies = 2 + int(min($bytes, SLICE_BYTES) / $length);
	my $hex = unpack 'H*', $pattern;
	my $slice = SLICE_BYTES;

	return qq{(WITH block AS MATERIALIZED (SELECT decode(repeat('$hex', $copies), 'hex') AS bytes)
		SELECT s AS slice,
			substr(bytes, (s::bigint * $slice % $length)::integer + 1, least($slice, $bytes - s::bigint * $slice)::integer) AS data
		FROM block, generate_series($first, $last) s OFFSET 0) slices};
}

# The statements that send all of a vector, of which each slice is $call.
sub send_sql
{
	my ($call, $pattern, $bytes) = @_;
	my $last = int(($bytes - 1) / SLICE_BYTES);
	my @statements;

	for (my $first = 0; $first <= $last; $first += SLICES_AT_ONCE)
	{
		my $slices = slices($pattern, $bytes, $first, min($last, $first + SLICES_AT_ONCE - 1));
		push @statements, "SELECT count($call) FROM $slices";
	}
	return @statements;
}

# The statement that says what a vector's digest is.
sub digest_sql
{
	my ($pattern, $bytes) = @_;
	my $slices = slices($pattern, $bytes, 0, int(($bytes - 1) / SLICE_BYTES));
	return "SELECT encode(sha256(string_agg(sha256(data), '' ORDER BY slice)), 'hex') FROM $slices";
}

# What a base model repeats. Smaller than updates by far: where those cancel each
# other, the rounding errors of their sum are left to see.
sub base_pattern
{
	my ($parameters) = @_;
	my $delta = FederatedTest::Island::delta(0, 0, min($parameters, FederatedTest::Island::PATTERN_VALUES));
	return pack 'f<*', map { $_ / 16384 } unpack 'f<*', $delta;
}

# A workload of one tensor of float32, which the Islands (all, or those given) accept.
sub repeated_workload
{
	my ($fed, $parameters, @islands) = @_;
	my $bytes = 4 * $parameters;
	my $name = "repeated $$ " . ++$fed->{workloads};
	my $header = qq({"w":{"dtype":"F32","shape":[$parameters],"data_offsets":[0,$bytes]}});
	my $id = $fed->sql("SELECT federated_create_workload('$name')");
	my $version = $fed->sql("SELECT federated_begin_import($id, '$header', $bytes) ->> 'version_id'");

	$fed->connect_islands;
	$fed->sql($_)
	  for send_sql("federated_put_model_slice($version, 'vector', slice, sha256(data), data)", base_pattern($parameters), $bytes);
	$fed->sql("SELECT federated_commit_import($version)");
	$_->sql("SELECT federated_accept_workload($id)") for @islands ? @islands : $fed->islands;
	return $id;
}

# All the Islands given at the same time; whose updates were accepted, in their order.
sub together
{
	my ($statement, @islands) = @_;
	$_->ask($statement->($_)) for @islands;
	return map { $_->answer // die "island $_->{number}: " . $_->error } @islands;
}

# The updates of some Islands, sent beside each other and not committed.
sub upload_repeated
{
	my ($session, @islands) = @_;
	my %update = map { ($_->{number} => start_update($_, $_->task($session))) } @islands;
	my @digests = together(sub { $update{ $_[0]{number} }{digest_sql} }, @islands);
	for my $island (@islands)
	{
		my $update = $update{ $island->{number} };
		$update->{digest} = shift @digests;
		$island->begin($update)->{status} eq 'uploading' or die "island $island->{number} cannot begin";
		$update->{sql} = [
			send_sql("nullif(federated_put_slice($update->{id}, slice, sha256(data), data) ->> 'status', 'rejected')",
				@$update{qw(pattern bytes)}) ];
	}
	while (my @left = grep { @{ $update{ $_->{number} }{sql} } } @islands)
	{
		together(sub { shift @{ $update{ $_[0]{number} }{sql} } }, @left);
	}
	return map { $update{ $_->{number} } } @islands;
}

# The same, then committed one after the other; what each was answered.
sub send_repeated
{
	my ($session, @islands) = @_;
	my @updates = upload_repeated($session, @islands);
	return map { $_->commit(shift @updates)->{status} } @islands;
}

sub start_update
{
	my ($island, $task) = @_;
	my $pattern = FederatedTest::Reference::encoded($island->{encoding} // 'f32', $island->pattern($task));
	my $width = ($island->{encoding} // 'f32') eq 'f32' ? 4 : 2;
	my $bytes = $width * $task->{parameters};

	return { task => $task, pattern => $pattern, bytes => $bytes, digest_sql => digest_sql($pattern, $bytes) };
}

# The order that sums have.
sub by_host_id
{
	my (@islands) = @_;
	return sort { "island-$a->{number}" cmp "island-$b->{number}" } @islands;
}

# The digest that the result of a first round with these Islands must have.
sub expected_digest
{
	my ($parameters, $rate, @islands) = @_;
	my %task = (round => 1, parameters => $parameters);
	my $pattern = FederatedTest::Reference::new_model(base_pattern($parameters), $rate,
		map { [ $_->num_samples, $_->sent_pattern(\%task) ] } by_host_id(@islands));

	return FederatedTest::Reference::vector_digest($pattern, $parameters);
}

1;
