/*
 * strips.c
 *		The positive half of a discrete Gaussian, cut into strips.
 *
 * All numbers are enclosed: lo <= x * 2^digits <= hi. Whatever is rounded is
 * rounded outwards, so no error needs to be estimated.
 */
#include "core/dp/strips.h"

#include <stdlib.h>

#include <openssl/bn.h>

#define GUARD_DIGITS 64			/* beyond those of the number that is compared */
#define MOST_WEIGHTS 65536		/* at least four thousand sigma, which no number will ever need */

typedef struct Enclosure
{
	BIGNUM	   *lo;
	BIGNUM	   *hi;
} Enclosure;

/* Weights of the strips, exp(-k^2 t^2 / (2 variance)), added up to each; at last all there are. */
typedef struct Sums
{
	int			digits;
	int			count;
	Enclosure  *upto;			/* of count */
	Enclosure	total;
	BN_CTX	   *scratch;
} Sums;

static bool
enclosure_new(Enclosure *x)
{
	x->lo = BN_new();
	x->hi = BN_new();
	return x->lo != NULL && x->hi != NULL;
}

static void
enclosure_free(Enclosure *x)
{
	BN_free(x->lo);
	BN_free(x->hi);
}

static bool
copy(Enclosure *x, const Enclosure *y)
{
	return BN_copy(x->lo, y->lo) != NULL && BN_copy(x->hi, y->hi) != NULL;
}

static bool
set_one(Enclosure *x, int digits)
{
	return BN_one(x->lo) && BN_lshift(x->lo, x->lo, digits) && BN_copy(x->hi, x->lo) != NULL;
}

static bool
add(Enclosure *x, const Enclosure *y)
{
	return BN_add(x->lo, x->lo, y->lo) && BN_add(x->hi, x->hi, y->hi);
}

static bool
subtract(Enclosure *x, const Enclosure *y)
{
	return BN_sub(x->lo, x->lo, y->hi) && BN_sub(x->hi, x->hi, y->lo);
}

/* Makes room for a remainder of at most so many units on either side. */
static bool
widen(Enclosure *x, BN_ULONG units)
{
	return BN_sub_word(x->lo, units) && BN_add_word(x->hi, units);
}

static bool
multiply(Enclosure *x, const Enclosure *y, int digits, BN_CTX *scratch)
{
	return BN_mul(x->lo, x->lo, y->lo, scratch) && BN_rshift(x->lo, x->lo, digits)
		&& BN_mul(x->hi, x->hi, y->hi, scratch) && BN_rshift(x->hi, x->hi, digits) && BN_add_word(x->hi, 1);
}

/* times n / d, n and d of 64 bits */
static bool
scale(Enclosure *x, BN_ULONG n, BN_ULONG d)
{
	return BN_mul_word(x->lo, n) && BN_div_word(x->lo, d) != (BN_ULONG) -1
		&& BN_mul_word(x->hi, n) && BN_div_word(x->hi, d) != (BN_ULONG) -1 && BN_add_word(x->hi, 1);
}

/*
 * x = exp(-n / d), n / d <= 1/2. Terms of the series alternate and shrink, so
 * what follows a term is less than it.
 */
static bool
exp_minus(Enclosure *x, Enclosure *term, BN_ULONG n, BN_ULONG d, int digits)
{
	if (!set_one(x, digits) || !set_one(term, digits))
		return false;
	for (BN_ULONG j = 1; BN_num_bits(term->hi) > 2; j++)
	{
		if (!scale(term, n, d * j) || !(j % 2 == 1 ? subtract(x, term) : add(x, term)))
			return false;
	}
	return widen(x, 4);
}

static bool
append(Sums *sums, int *room)
{
	if (sums->count == *room)
	{
		int			more = *room == 0 ? 256 : 2 * *room;
		Enclosure  *grown = realloc(sums->upto, more * sizeof(Enclosure));

		if (grown == NULL)
			return false;
		sums->upto = grown;
		*room = more;
	}
	if (!enclosure_new(&sums->upto[sums->count++]))
		return false;
	return copy(&sums->upto[sums->count - 1], &sums->total);
}

/*
 * Adds weights until they are no more than four units. Each is the one before
 * times a ratio which itself is the one before times exp(-2 rate). From there
 * on the ratio is below 0.45 (rate is at least 1/512, and k^2 rate at least
 * ln 2 * 126), so all that is left is less than eight units.
 */
static bool
add_weights(Sums *sums, Enclosure *weight, Enclosure *ratio, const Enclosure *step)
{
	int			room = 0;

	while (sums->count < MOST_WEIGHTS)
	{
		if (BN_num_bits(weight->hi) <= 2)
			return BN_add_word(sums->total.hi, 8);
		if (!add(&sums->total, weight) || !append(sums, &room)
			|| !multiply(weight, ratio, sums->digits, sums->scratch)
			|| !multiply(ratio, step, sums->digits, sums->scratch))
			return false;
	}
	return false;
}

static void
sums_free(Sums *sums)
{
	for (int k = 0; k < sums->count; k++)
		enclosure_free(&sums->upto[k]);
	free(sums->upto);
	enclosure_free(&sums->total);
	BN_CTX_free(sums->scratch);
}

/* False: no memory. Free the sums in either case. */
static bool
sums_make(Sums *sums, uint64_t variance, int shift, int digits)
{
	Enclosure	weight;
	Enclosure	ratio;
	Enclosure	step;
	bool		made;

	sums->digits = digits;
	sums->count = 0;
	sums->upto = NULL;
	sums->scratch = BN_CTX_new();
	/* All of them, so that each may be freed. */
	made = enclosure_new(&sums->total) & enclosure_new(&weight) & enclosure_new(&ratio) & enclosure_new(&step)
		&& sums->scratch != NULL
		&& exp_minus(&ratio, &weight, (BN_ULONG) 1 << (2 * shift), 2 * variance, digits)
		&& copy(&step, &ratio) && multiply(&step, &ratio, digits, sums->scratch)
		&& set_one(&weight, digits)
		&& add_weights(sums, &weight, &ratio, &step);
	enclosure_free(&weight);
	enclosure_free(&ratio);
	enclosure_free(&step);
	return made;
}

/*
 * ends[k] = floor(2^64 lo / hi): the width of all the enclosures is far less
 * than half a unit of that, so the true value is below ends[k] + 2.
 */
static bool
find_ends(FedStrips *strips, Sums *sums)
{
	BIGNUM	   *end = BN_new();
	uint8_t		bytes[8];
	bool		done = end != NULL && sums->count <= FED_STRIPS_MAX;

	for (int k = 0; done && k < sums->count; k++)
	{
		done = BN_lshift(end, sums->upto[k].lo, 64)
			&& BN_div(end, NULL, end, sums->total.hi, sums->scratch)
			&& BN_bn2binpad(end, bytes, sizeof(bytes)) == sizeof(bytes);
		strips->ends[k] = 0;
		for (size_t i = 0; i < sizeof(bytes); i++)
			strips->ends[k] = strips->ends[k] << 8 | bytes[i];
	}
	strips->count = sums->count;
	BN_free(end);
	return done;
}

/* The first strip that may hold a number with such bits, count for none. */
static int
first_candidate(const FedStrips *strips, uint64_t head)
{
	int			k = 0;

	/* head >= ends[k] + 2, without overflow */
	while (k < strips->count && head > strips->ends[k] && head - strips->ends[k] >= 2)
		k++;
	return k;
}

static void
make_guide(FedStrips *strips)
{
	const uint64_t cell = UINT64_C(1) << (64 - FED_STRIPS_INDEX_BITS);

	for (int i = 0; i < 1 << FED_STRIPS_INDEX_BITS; i++)
	{
		uint64_t	last = i * cell + (cell - 1);
		int			k = first_candidate(strips, i * cell);

		strips->guide[i] = k < strips->count && last < strips->ends[k] ? k : FED_STRIPS_SPLIT;
	}
}

bool
fed_strips_cut(FedStrips *strips, uint64_t variance)
{
	Sums		sums;
	bool		cut;

	strips->variance = variance;
	strips->shift = 0;
	while (variance >> (2 * strips->shift) >= 256)
		strips->shift++;
	cut = sums_make(&sums, variance, strips->shift, 64 + GUARD_DIGITS) && find_ends(strips, &sums);
	sums_free(&sums);
	if (cut)
		make_guide(strips);
	return cut;
}

int
fed_strips_find(const FedStrips *strips, FedStream *stream, uint64_t head)
{
	int			k = first_candidate(strips, head);

	if (k < strips->count && head < strips->ends[k])
		return k;
	return fed_strips_find_slowly(strips, stream, head, 64);
}

int
fed_strips_find_from(const FedStrips *strips, FedStream *stream, uint64_t index)
{
	uint64_t	rest = fed_stream_next(stream) >> FED_STRIPS_INDEX_BITS;

	return fed_strips_find(strips, stream, index << (64 - FED_STRIPS_INDEX_BITS) | rest);
}

/* Whether a * b <= c * 2^bits; -1: no memory */
static int
product_fits(const BIGNUM *a, const BIGNUM *b, const BIGNUM *c, int bits, BIGNUM *left, BIGNUM *right, BN_CTX *scratch)
{
	if (!BN_mul(left, a, b, scratch) || !BN_lshift(right, c, bits))
		return -1;
	return BN_cmp(left, right) <= 0;
}

#define UNDECIDED (-2)

/*
 * The strip of a number in [head, head + 1) / 2^bits: the first one with
 * (head + 1) / 2^bits <= its end, if head / 2^bits is not below the end before.
 */
static int
decide(const Sums *sums, const BIGNUM *head, const BIGNUM *next, int bits)
{
	BIGNUM	   *left = BN_new();
	BIGNUM	   *right = BN_new();
	int			found = left == NULL || right == NULL ? -1 : UNDECIDED;

	for (int k = 0; found == UNDECIDED && k < sums->count; k++)
	{
		int			inside = product_fits(next, sums->total.hi, sums->upto[k].lo, bits, left, right, sums->scratch);
		bool		possible = inside == 0 && BN_mul(left, head, sums->total.lo, sums->scratch)
			&& BN_lshift(right, sums->upto[k].hi, bits) && BN_cmp(left, right) < 0;

		if (inside < 0)
			found = -1;
		else if (inside)
			found = k;
		else if (possible)
			break;
	}
	BN_free(left);
	BN_free(right);
	return found;
}

/* head = head * 2^64 + word, next = head + 1 */
static bool
extend(BIGNUM *head, BIGNUM *next, uint64_t word)
{
	return BN_lshift(head, head, 64) && BN_add_word(head, word) && BN_copy(next, head) != NULL && BN_add_word(next, 1);
}

/* decide by bounds of as many digits as the number has */
static int
decide_to(const FedStrips *strips, const BIGNUM *head, const BIGNUM *next, int bits)
{
	Sums		sums;
	int			found = sums_make(&sums, strips->variance, strips->shift, bits + GUARD_DIGITS)
		? decide(&sums, head, next, bits) : -1;

	sums_free(&sums);
	return found;
}

int
fed_strips_find_slowly(const FedStrips *strips, FedStream *stream, uint64_t head, int bits)
{
	BIGNUM	   *number = BN_new();
	BIGNUM	   *next = BN_new();
	int			found = UNDECIDED;

	if (number == NULL || next == NULL || (bits > 0 && !extend(number, next, head)))
		found = -1;
	while (found == UNDECIDED)
	{
		bits += 64;
		if (!extend(number, next, fed_stream_next(stream)) || stream->failed)
			found = -1;
		else
			found = decide_to(strips, number, next, bits);
	}
	BN_clear_free(number);
	BN_clear_free(next);
	return found;
}
