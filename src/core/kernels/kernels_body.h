/*
 * kernels_body.h
 *		The kernels themselves, written once, included once per SIMD level.
 *
 * The including file first defines the level and its vectors:
 *
 *	LEVEL, LEVEL_NAME		the FedSimdLevel and its name
 *	TARGET					attribute that lets a function use the level
 *	VEC, VEC_WIDTH			a vector of doubles, and how many it holds
 *	VEC_SET(x)				all elements x
 *	VEC_LOAD(p), VEC_STORE(p, v)	doubles, unaligned
 *	VEC_WIDEN(p)			loads VEC_WIDTH floats, unaligned, as doubles
 *	VEC_NARROW(p, v)		rounds to floats and stores them, unaligned
 *	VEC_MUL(a, b), VEC_ADD(a, b)	each rounded on its own
 *	FLT_BLOCK				floats per test for non-finite values
 *	FLT_BLOCK_FINITE(p)		whether that many floats are all finite
 *
 * Compile with -ffp-contract=off. Otherwise the compiler may fuse VEC_MUL and
 * VEC_ADD on the levels that can, and only there: the results would depend on
 * the machine. The pragmas repeat it for compilers that listen.
 */
#include <stdint.h>
#include <string.h>

#include "core/kernels/levels.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize ("fp-contract=off")
#endif

/*
 * Streams read side by side. More would outrun what the CPU's prefetchers
 * follow, and the pointers would no longer stay near.
 */
#define GROUP 16

/* Vectors of accumulators in registers: enough to hide the adder's latency. */
#define UNROLL 8
#define STRIDE (UNROLL * VEC_WIDTH)

/* Adds n <= GROUP streams, in order, to acc. */
TARGET static void
sum_group(double *acc, const float *const *streams, const double *weights,
		  size_t n, size_t n_values)
{
	size_t		i = 0;

	for (; i + STRIDE <= n_values; i += STRIDE)
	{
		VEC			sum[UNROLL];

		for (int u = 0; u < UNROLL; u++)
			sum[u] = VEC_LOAD(acc + i + u * VEC_WIDTH);
		for (size_t k = 0; k < n; k++)
		{
			const float *x = streams[k] + i;
			VEC			w = VEC_SET(weights[k]);

			for (int u = 0; u < UNROLL; u++)
				sum[u] = VEC_ADD(sum[u],
								 VEC_MUL(w, VEC_WIDEN(x + u * VEC_WIDTH)));
		}
		for (int u = 0; u < UNROLL; u++)
			VEC_STORE(acc + i + u * VEC_WIDTH, sum[u]);
	}

	for (; i < n_values; i++)
	{
		double		sum = acc[i];

		for (size_t k = 0; k < n; k++)
		{
			double		product = weights[k] * (double) streams[k][i];

			sum += product;
		}
		acc[i] = sum;
	}
}

TARGET static void
weighted_sum(double *acc, const float *const *streams, const double *weights,
			 size_t n_streams, size_t n_values)
{
	/*
	 * acc holds doubles, as the registers do, so going through memory between
	 * two groups rounds nothing.
	 */
	for (size_t k = 0; k < n_streams; k += GROUP)
	{
		size_t		n = n_streams - k < GROUP ? n_streams - k : GROUP;

		sum_group(acc, streams + k, weights + k, n, n_values);
	}
}

TARGET static void
apply_delta(float *out, const float *base, const double *acc, double rate,
			size_t n_values)
{
	VEC			r = VEC_SET(rate);
	size_t		i = 0;

	for (; i + VEC_WIDTH <= n_values; i += VEC_WIDTH)
		VEC_NARROW(out + i, VEC_ADD(VEC_WIDEN(base + i),
									VEC_MUL(r, VEC_LOAD(acc + i))));
	for (; i < n_values; i++)
	{
		double		step = rate * acc[i];

		out[i] = (float) ((double) base[i] + step);
	}
}

TARGET static size_t
first_nonfinite(const float *values, size_t n_values)
{
	size_t		i = 0;

	while (i + FLT_BLOCK <= n_values && FLT_BLOCK_FINITE(values + i))
		i += FLT_BLOCK;
	for (; i < n_values; i++)
	{
		uint32_t	bits;

		memcpy(&bits, values + i, sizeof(bits));
		if ((bits & 0x7f800000u) == 0x7f800000u)
			break;
	}
	return i;
}

static const FedKernels table = {
	.name = LEVEL_NAME,
	.level = LEVEL,
	.weighted_sum = weighted_sum,
	.apply_delta = apply_delta,
	.first_nonfinite = first_nonfinite
};
