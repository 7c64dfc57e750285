/*
 * bernoulli.c
 *		Coins that fall with a rational probability, or with exp of one.
 */
#include "core/dp/bernoulli.h"

typedef unsigned __int128 Wide;

/*
 * A uniform number's first bits say that it lies in [head, head + 1) / 2^bits.
 * Below n / d: all of it if (head + 1) * d <= n * 2^bits, nothing of it if
 * head * d >= n * 2^bits. Otherwise what is left is the same question again,
 * of the bits to come and of (n * 2^bits - head * d) / d, which is below 1.
 */
static bool
below(FedStream *stream, uint64_t head, int bits, uint64_t n, uint64_t d)
{
	while (!stream->failed)
	{
		Wide		scaled = (Wide) n << bits;
		Wide		used = (Wide) head * d;

		if (used >= scaled)
			return false;
		if (scaled - used >= d)
			return true;
		n = (uint64_t) (scaled - used);
		head = fed_stream_next(stream);
		bits = 64;
	}
	return false;
}

bool
fed_bernoulli(FedStream *stream, uint64_t n, uint64_t d)
{
	if (n >= d)
		return true;
	return below(stream, fed_stream_next(stream), 64, n, d);
}

/*
 * Algorithm 1 for n <= d: the number of the first trial that fails, the k-th
 * one succeeding with probability (n / d) / k, is odd. first: how the first
 * trial went.
 */
static bool
first_failure_is_odd(FedStream *stream, bool first, uint64_t n, uint64_t d)
{
	uint64_t	k = 1;

	if (!first)
		return true;
	do
		k++;
	while (fed_bernoulli(stream, n, d) && fed_bernoulli(stream, 1, k) && !stream->failed);
	return k % 2 == 1;
}

bool
fed_bernoulli_exp(FedStream *stream, uint64_t n, uint64_t d)
{
	/* exp(-n / d) is exp(-1) as often as d goes into n, and the rest. */
	for (; n > d; n -= d)
	{
		if (!first_failure_is_odd(stream, true, 1, 1))
			return false;
		if (stream->failed)
			return false;
	}
	return first_failure_is_odd(stream, fed_bernoulli(stream, n, d), n, d);
}

bool
fed_bernoulli_exp_from(FedStream *stream, uint64_t head, int bits, uint64_t n, uint64_t d)
{
	/* Then the first comparison has another probability, and head says nothing. */
	if (n > d)
		return fed_bernoulli_exp(stream, n, d);
	return first_failure_is_odd(stream, below(stream, head, bits, n, d), n, d);
}
