/*
 * levels.h
 *		What tests of the kernels share: values worth trying, and every level.
 *
 * Buffers are exactly as long as they need to be and start at an address that
 * is aligned to the element and to nothing more, so that a sanitizer sees any
 * step beyond them. NaNs are compared as such, not by their payload.
 */
#ifndef FED_TEST_UNIT_LEVELS_H
#define FED_TEST_UNIT_LEVELS_H

#include "support.h"

#include <float.h>
#include <math.h>

#include "core/kernels/kernels.h"

static const float extremes[] = {
	0.0f, -0.0f, FLT_TRUE_MIN, -FLT_TRUE_MIN, FLT_MIN, -FLT_MIN, FLT_MAX,
	-FLT_MAX, FLT_EPSILON, 1.0f, -1.0f, 1e-40f, 3.0e38f, 16777217.0f
};

typedef enum Mix
{
	MIX_SMALL,					/* as deltas are */
	MIX_BITS,					/* any finite float */
	MIX_EXTREME,
	MIX_DENORMAL,
	MIX_TIED,					/* few different ones */
	MIX_NONFINITE
} Mix;

#define MIXES 6

static inline float
random_float(uint64_t *random, Mix mix)
{
	uint32_t	r = (uint32_t) next_random(random);

	switch (mix)
	{
		case MIX_SMALL:
			return ((int32_t) r) * 0x1p-40f;
		case MIX_EXTREME:
			return extremes[r % LENGTH(extremes)];
		case MIX_DENORMAL:
			return float_of_bits(r & 0x807fffffu);
		case MIX_TIED:
			return (float) (r % 5) * 0.5f - 1.0f;
		case MIX_NONFINITE:
			return float_of_bits(r % 8 == 0 ? r | 0x7f800000u : r);
		case MIX_BITS:
			break;
	}
	while ((r & 0x7f800000u) == 0x7f800000u)
		r = (uint32_t) next_random(random);
	return float_of_bits(r);
}

static inline double
random_double(uint64_t *random, Mix mix)
{
	double		factor = (double) (int64_t) next_random(random) * 0x1p-60;

	return mix == MIX_SMALL ? factor : factor * random_float(random, mix);
}

/* n floats in an own block, aligned to 4 bytes and not to 8. */
typedef struct Floats
{
	void	   *block;
	float	   *values;
} Floats;

static inline Floats
new_floats(uint64_t *random, Mix mix, size_t n)
{
	Floats		f;

	f.block = malloc((n + 1) * sizeof(float));
	assert_non_null(f.block);
	f.values = (float *) f.block + 1;
	for (size_t i = 0; i < n; i++)
		f.values[i] = random_float(random, mix);
	return f;
}

static inline double *
new_doubles(uint64_t *random, Mix mix, size_t n)
{
	double	   *values = malloc((n + 1) * sizeof(double));

	assert_non_null(values);
	for (size_t i = 0; i < n; i++)
		values[i] = random_double(random, mix);
	return values;
}

/* Says which level differs, and how. */
static inline void
assert_same_double(double got, double expected)
{
	if (isnan(expected) ? !isnan(got)
		: bits_of_double(got) != bits_of_double(expected))
		fail_msg("%s gives %a instead of %a", fed_kernels_active()->name,
				 got, expected);
}

static inline void
assert_same_float(float got, float expected)
{
	if (isnan(expected) ? !isnan(got)
		: bits_of_float(got) != bits_of_float(expected))
		fail_msg("%s gives %a instead of %a", fed_kernels_active()->name,
				 (double) got, (double) expected);
}

/* Runs check with each level's kernels. */
static inline void
on_every_level(void (*check) (const FedKernels *, uint64_t *random))
{
	int			levels = 0;

	for (int level = 0; level < FED_SIMD_LEVELS; level++)
	{
		uint64_t	random = 42;

		if (!fed_kernels_select((FedSimdLevel) level))
			continue;
		levels++;
		check(fed_kernels_active(), &random);
	}
	assert_true(levels > 0);
	fed_kernels_select_best();
}

#endif							/* FED_TEST_UNIT_LEVELS_H */
