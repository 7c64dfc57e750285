/*
 * sort_body.h
 *		Sorting rows of keys, column by column; see kernels_body.h.
 *
 * A row is a vector of integers; networks of min and max between rows sort all
 * its columns at once. Up to NETWORK_SIZE rows stay in registers. More are
 * sorted in blocks of that size, which are merged two by two.
 */
#include "core/kernels/networks.h"

INLINE void
exchange(KEYS *low, KEYS *high)
{
	KEYS		a = *low;
	KEYS		b = *high;

	*low = KEYS_MIN(a, b);
	*high = KEYS_MAX(a, b);
}

/*
 * These two run a network over x[0 .. n - 1], n <= NETWORK_SIZE known to the
 * compiler: it keeps the rows in registers, and what nobody reads is not
 * computed.
 */
#define EXCHANGE(i, j) if ((j) < n) exchange(x + (i), x + (j));

INLINE void
run_sort(KEYS *x, size_t n)
{
	NETWORK_SORT(EXCHANGE)
}

INLINE void
run_unbend(KEYS *x, size_t n)
{
	NETWORK_UNBEND(EXCHANGE)
}

#define FOR_EACH_SIZE(DO) \
	DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) \
	DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15) DO(16)

/* Sorts x[0 .. n - 1], n <= NETWORK_SIZE. */
TARGET static void
sort_block(KEYS *x, size_t n)
{
#define SORT(size) case size: run_sort(x, size); break;
	switch (n)
	{
		FOR_EACH_SIZE(SORT)
	}
#undef SORT
}

/* Sorts x[0 .. NETWORK_SIZE - 1], which is bitonic. */
TARGET static void
unbend_block(KEYS *x)
{
	run_unbend(x, NETWORK_SIZE);
}

/* The ranks first .. end - 1, from 0 for the smallest. */
typedef struct Ranks
{
	size_t		first;
	size_t		end;
} Ranks;

/* Two blocks, row against row. */
INLINE void
exchange_blocks(KEYS *low, KEYS *high)
{
	for (int i = 0; i < NETWORK_SIZE; i++)
		exchange(low + i, high + i);
}

/* The same with the second block upside down. */
INLINE void
exchange_across(KEYS *low, KEYS *high)
{
	for (int i = 0; i < NETWORK_SIZE; i++)
		exchange(low + i, high + NETWORK_SIZE - 1 - i);
}

/* Sorts two blocks that are bitonic together. */
TARGET static void
unbend_pair(KEYS *low, KEYS *high)
{
	exchange_blocks(low, high);
	run_unbend(low, NETWORK_SIZE);
	run_unbend(high, NETWORK_SIZE);
}

/* Sorts two blocks each of which is sorted. */
TARGET static void
merge_pair(KEYS *low, KEYS *high)
{
	exchange_across(low, high);
	run_unbend(low, NETWORK_SIZE);
	run_unbend(high, NETWORK_SIZE);
}

#define BLOCK(x, b) ((x) + (b) * NETWORK_SIZE)

/*
 * Merges the first `half` of n blocks with the others, each side sorted, 1 <
 * half < n <= 2 half, so far that the wanted ranks are in their places.
 *
 * Blocks from n to 2 half count as larger than all others. Exchanging across
 * the middle, outermost pair first, leaves the smaller rows below it and the
 * larger ones above, each half bitonic; exchanging at half the distance does
 * the same to each half, and so on (Batcher, Sorting networks and their
 * applications, 1968). Parts without a wanted rank are dropped on the way.
 */
TARGET static void
merge(KEYS *x, size_t half, size_t n, Ranks wanted)
{
	size_t		first = wanted.first / NETWORK_SIZE;
	size_t		last = (wanted.end - 1) / NETWORK_SIZE;

	for (size_t b = 2 * half - n; b < half; b++)
		exchange_across(BLOCK(x, b), BLOCK(x, 2 * half - 1 - b));

	for (size_t apart = half / 2; apart > 1; apart /= 2)
	{
		size_t		part = 2 * apart;
		size_t		end = last / part * part + part;

		for (size_t b = first / part * part; b < end && b + apart < n; b++)
			if (b / apart % 2 == 0)
				exchange_blocks(BLOCK(x, b), BLOCK(x, b + apart));
	}

	for (size_t b = first / 2 * 2; b <= last; b += 2)
	{
		if (b + 1 < n)
			unbend_pair(BLOCK(x, b), BLOCK(x, b + 1));
		else
			unbend_block(BLOCK(x, b));
	}
}

/*
 * Sorts the n rows of x so far that the wanted ranks are in their places. The
 * rows that fill up the last block are as large as can be, and stay.
 */
TARGET static void
sort_rows(KEYS *x, size_t n, Ranks wanted)
{
	size_t		blocks = (n + NETWORK_SIZE - 1) / NETWORK_SIZE;

	for (size_t b = 0; b < blocks - 1; b++)
		sort_block(BLOCK(x, b), NETWORK_SIZE);
	sort_block(BLOCK(x, blocks - 1), n - (blocks - 1) * NETWORK_SIZE);

	for (size_t b = 0; b + 1 < blocks; b += 2)
		merge_pair(BLOCK(x, b), BLOCK(x, b + 1));

	for (size_t half = 2; half < blocks; half *= 2)
	{
		for (size_t b = 0; b + half < blocks; b += 2 * half)
		{
			size_t		size = blocks - b < 2 * half ? blocks - b : 2 * half;
			Ranks		all = {0, size * NETWORK_SIZE};

			merge(BLOCK(x, b), half, size, 2 * half < blocks ? all : wanted);
		}
	}
}
