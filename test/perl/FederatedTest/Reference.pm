# What a round must make, by arithmetic that knows nothing of the server:
# float64, one operation after the other, in the order of the updates given.
#
# Perl's numbers are doubles, its operations are rounded one by one, and pack
# 'f<' rounds to the nearest float32: no more is needed.

package FederatedTest::Reference;

use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use Exporter qw(import);

our @EXPORT_OK = qw(new_model contributions repeat vector_digest decoded encoded encodings);

use constant SLICE_BYTES => 130 * 2016 * 4;

# new = base + rate × sum of weight × update, with the weights n / sum of n.
# Updates are [ samples, little-endian float32 ] in bytewise order of host_id.
sub new_model
{
	my ($base, $rate, @updates) = @_;
	my $samples = 0;
	my @sum = (0) x (length($base) / 4);

	$samples += $_->[0] for @updates;
	for my $update (@updates)
	{
		my ($weight, $i) = ($update->[0] / $samples, 0);
		$sum[ $i++ ] += $weight * $_ for unpack 'f<*', $update->[1];
	}
	my $i = 0;
	return pack 'f<*', map { $_ + $rate * $sum[ $i++ ] } unpack 'f<*', $base;
}

# [ cosine, norm_share, leave_one_out ] of each update, by their definitions: the
# mean of the others is computed, and not concluded from products.
sub contributions
{
	my (@updates) = @_;
	my @values = map { [ unpack 'f<*', $_->[1] ] } @updates;
	my @all = mean(map { [ $updates[$_][0], $values[$_] ] } 0 .. $#updates);
	my $pulls = 0;

	$pulls += $updates[$_][0] * norm(@{ $values[$_] }) for 0 .. $#updates;
	return map {
		my $i = $_;
		my $x = $values[$i];
		my @others = mean(map { [ $updates[$_][0], $values[$_] ] } grep { $_ != $i } 0 .. $#updates);
		my $product = 0;
		$product += $all[$_] * $x->[$_] for 0 .. $#all;
		[
			$product / norm(@all) / norm(@$x),
			$updates[$i][0] * norm(@$x) / $pulls,
			@others ? norm(map { $all[$_] - $others[$_] } 0 .. $#all) / norm(@all) : undef
		]
	} 0 .. $#updates;
}

# Of [ weight, values ]; empty of none.
sub mean
{
	my (@weighted) = @_;
	my $weights = 0;
	my @sum;

	$weights += $_->[0] for @weighted;
	for my $update (@weighted)
	{
		$sum[$_] += $update->[0] / $weights * $update->[1][$_] for 0 .. $#{ $update->[1] };
	}
	return @sum;
}

sub norm
{
	my $square = 0;
	$square += $_ * $_ for @_;
	return sqrt $square;
}

# The first so many parameters of what repeats a pattern for ever.
sub repeat
{
	my ($pattern, $parameters) = @_;
	return substr($pattern x (1 + $parameters * 4 / length $pattern), 0, 4 * $parameters);
}

# The digest of a vector that repeats a pattern, which may be longer than memory.
sub vector_digest
{
	my ($pattern, $parameters) = @_;
	my $bytes = 4 * ($parameters // length($pattern) / 4);
	my $block = $pattern x (1 + (SLICE_BYTES + length $pattern) / length $pattern);
	my $digests = '';

	for (my $at = 0; $at < $bytes; $at += SLICE_BYTES)
	{
		my $left = $bytes - $at;
		$digests .= sha256(substr $block, $at % length $pattern, $left < SLICE_BYTES ? $left : SLICE_BYTES);
	}
	return sha256_hex($digests);
}

# Encodings

# Half floats by their definition: from the sign, the exponent's bits and the fraction's.
my %half = (f16 => [ 5, 10 ], bf16 => [ 8, 7 ]);
my %value_of;

sub encodings { return ('f32', sort keys %half) }

sub half_value
{
	my ($bits, $exponent_bits, $fraction_bits) = @_;
	my $bias = 2**($exponent_bits - 1) - 1;
	my $exponent = $bits >> $fraction_bits & 2**$exponent_bits - 1;
	my $fraction = ($bits & 2**$fraction_bits - 1) / 2**$fraction_bits;
	my $size = $exponent ? (1 + $fraction) * 2**($exponent - $bias) : $fraction * 2**(1 - $bias);

	return $bits & 0x8000 ? -$size : $size;
}

# What the server must take the bytes for, as little-endian float32.
sub decoded
{
	my ($encoding, $bytes) = @_;

	return $bytes if $encoding eq 'f32';
	my $table = $value_of{$encoding} //= [ map { half_value($_, @{ $half{$encoding} }) } 0 .. 65535 ];
	return pack 'f<*', map { $table->[$_] } unpack 'v*', $bytes;
}

# Bytes that an Island could send for float32 of at most 60000 in size: near enough, toward zero.
sub encoded
{
	my ($encoding, $floats) = @_;

	return $floats if $encoding eq 'f32';
	return pack 'v*', map { $_ >> 16 } unpack 'V*', $floats if $encoding eq 'bf16';
	return pack 'v*', map { f16_below($_) } unpack 'V*', $floats;
}

sub f16_below
{
	my ($bits) = @_;
	my $sign = $bits >> 16 & 0x8000;
	my $exponent = ($bits >> 23 & 255) - 112;
	my $fraction = $bits >> 13 & 1023;

	return $sign | $exponent << 10 | $fraction if $exponent > 0;
	return $exponent < -9 ? $sign : $sign | (1024 | $fraction) >> 1 - $exponent;
}

1;
