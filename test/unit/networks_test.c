/*
 * networks_test.c
 *		The sorting networks sort.
 *
 * By the 0-1 principle a network that sorts every sequence of zeros and ones
 * sorts everything, so all of them are tried: bit i of a number is element i.
 */
#include "support.h"

#include "core/kernels/networks.h"

/* A comparison of two bits: the smaller is their and, the larger their or. */
#define COMPARE(i, j) \
	if ((j) < n) \
	{ \
		uint32_t	a = bits >> (i) & 1; \
		uint32_t	b = bits >> (j) & 1; \
		assert_true((i) < (j)); \
		bits &= ~(1u << (i) | 1u << (j)); \
		bits |= (a & b) << (i) | (a | b) << (j); \
	}

static uint32_t
sort_bits(uint32_t bits, unsigned n)
{
	NETWORK_SORT(COMPARE)
	return bits;
}

static uint32_t
unbend_bits(uint32_t bits, unsigned n)
{
	NETWORK_UNBEND(COMPARE)
	return bits;
}

/* As many ones as bits has, at the end of n. */
static uint32_t
sorted_bits(uint32_t bits, unsigned n)
{
	unsigned	ones = (unsigned) __builtin_popcount(bits);

	return ((1u << ones) - 1) << (n - ones);
}

static void
sort_sorts_every_size(void **state)
{
	(void) state;
	for (unsigned n = 1; n <= NETWORK_SIZE; n++)
	{
		for (uint32_t bits = 0; bits < 1u << n; bits++)
			assert_int_equal(sort_bits(bits, n), sorted_bits(bits, n));
	}
}

/* Bitonic zeros and ones are one run of ones, or of zeros, at any place. */
static void
unbend_sorts_what_is_bitonic(void **state)
{
	const unsigned n = NETWORK_SIZE;
	const uint32_t all = (1u << NETWORK_SIZE) - 1;

	(void) state;
	for (unsigned begin = 0; begin <= n; begin++)
	{
		for (unsigned end = begin; end <= n; end++)
		{
			uint32_t	run = ((1u << end) - 1) & ~((1u << begin) - 1);

			assert_int_equal(unbend_bits(run, n), sorted_bits(run, n));
			assert_int_equal(unbend_bits(all & ~run, n), sorted_bits(all & ~run, n));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sort_sorts_every_size),
		cmocka_unit_test(unbend_sorts_what_is_bitonic)
	};

	return RUN_TESTS(tests);
}
