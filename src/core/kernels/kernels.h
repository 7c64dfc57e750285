/*
 * kernels.h
 *		The few loops that touch every parameter of every update.
 *
 * Each loop exists once per SIMD level, compiled from one body; which one runs
 * is chosen at run time from what the CPU and the operating system have, so a
 * binary built anywhere runs everywhere. All levels return the same bits: only
 * elementwise operations, each rounded on its own, in an order that does not
 * depend on the width of a vector. (The payload and the sign of a NaN are the
 * exception; only the scan and the decoders get to see one.)
 *
 * The kernels allocate nothing and cannot fail. Pointers need the alignment of
 * their type, 4 or 8 bytes, and no more.
 */
#ifndef FED_CORE_KERNELS_KERNELS_H
#define FED_CORE_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum FedSimdLevel
{
	FED_SIMD_SCALAR,
	FED_SIMD_AVX2,
	FED_SIMD_AVX512,
	FED_SIMD_NEON
} FedSimdLevel;

#define FED_SIMD_LEVELS 4

/*
 * Scratch of the order statistics: FED_ORDER_TILE keys of four bytes for each
 * stream and for those that would fill the last block of streams, and what
 * aligning them to a cache line may take.
 */
#define FED_ORDER_TILE 64
#define FED_ORDER_BLOCK 16

static inline size_t
fed_order_height(size_t n_streams)
{
	return (n_streams + FED_ORDER_BLOCK - 1) / FED_ORDER_BLOCK * FED_ORDER_BLOCK;
}

static inline size_t
fed_order_scratch_bytes(size_t n_streams)
{
	return fed_order_height(n_streams) * FED_ORDER_TILE * sizeof(float) + 63;
}

typedef struct FedKernels
{
	const char *name;			/* as fed_simd_level_name says it */
	FedSimdLevel level;

	/*
	 * n_values little-endian halves at any address, as floats: exact, with the
	 * bits that halffloat.h gives. bytes and out may not overlap.
	 */
	void		(*decode_f16) (float *out, const uint8_t *bytes, size_t n_values);
	void		(*decode_bf16) (float *out, const uint8_t *bytes, size_t n_values);

	/* The index of the first NaN or infinity, or n_values if there is none. */
	size_t		(*first_nonfinite) (const float *values, size_t n_values);

	/*
	 * acc[i] += sum over k = 0 .. n_streams - 1, strictly in that order, of
	 * weights[k] * (double) streams[k][i]. Product and sum are rounded
	 * separately (no fused multiply-add). No stream may overlap acc.
	 */
	void		(*weighted_sum) (double *acc, const float *const *streams,
								 const double *weights, size_t n_streams,
								 size_t n_values);

	/*
	 * acc[i] += sum over k of trunc(scales[k] * (double) streams[k][i]): each
	 * product is rounded and then cut toward zero to an integer. With integers
	 * in acc, and sums that stay below 2^53, all of it is exact and so does
	 * not depend on the order. No stream may overlap acc.
	 */
	void		(*clipped_sum) (double *acc, const float *const *streams,
								const double *scales, size_t n_streams,
								size_t n_values);

	/*
	 * out[i] = (float) ((double) base[i] + rate * acc[i]). out may be base.
	 */
	void		(*apply_delta) (float *out, const float *base,
								const double *acc, double rate,
								size_t n_values);

	/*
	 * Sums over the values of streams, for rules that weigh whole updates.
	 * Each call computes its sums from 0 and adds them to what is there, so
	 * they depend on how the values are cut into calls: cut them into pages,
	 * always the same. Within a call, value i belongs to partial sum i % 8, in
	 * order, and the partial sums are added up as ((0 + 4) + (2 + 6)) +
	 * ((1 + 5) + (3 + 7)). Terms are computed in double, each operation
	 * rounded on its own. Calls of more than some thousand values outgrow the
	 * CPU's caches.
	 */

	/*
	 * matrix[i * n_streams + j] += sum of (streams[i] - streams[j])^2 for
	 * i < j; the rest of the matrix stays. The differences are taken value by
	 * value: the identity |a|^2 + |b|^2 - 2 ab would cancel where updates are
	 * alike, which is where it matters.
	 */
	void		(*distances) (double *matrix, const float *const *streams,
							  size_t n_streams, size_t n_values);

	/* matrix[i * n_streams + j] += sum of streams[i] * streams[j], i <= j. */
	void		(*products) (double *matrix, const float *const *streams,
							 size_t n_streams, size_t n_values);

	/* sums[i] += sum of streams[i] * other; the bits of products. */
	void		(*dots) (double *sums, const float *const *streams,
						 size_t n_streams, const float *other,
						 size_t n_values);

	/* sums[i] += sum of streams[i]^2; the bits of the products' diagonal. */
	void		(*norms) (double *sums, const float *const *streams,
						  size_t n_streams, size_t n_values);

	/*
	 * sums[i] += sum of streams[i] * other, as dots, and sums[n_streams] += sum
	 * of other^2: of a sum that is still in double.
	 */
	void		(*wide_dots) (double *sums, const float *const *streams,
							  size_t n_streams, const double *other,
							  size_t n_values);

	/*
	 * Order statistics of each coordinate over n_streams >= 1 streams. The
	 * order is IEEE 754's totalOrder: -NaN, -infinity, ... -0, +0, ...
	 * infinity, NaN. Nothing may overlap; scratch is as long as
	 * fed_order_scratch_bytes says.
	 */

	/*
	 * out[i] = the middle one of streams[0 .. n_streams - 1][i], or, of two,
	 * (a + b) / 2 in double.
	 */
	void		(*median) (double *out, const float *const *streams,
						   size_t n_streams, size_t n_values, void *scratch);

	/*
	 * out[i] = the mean of the values that are left without the trim lowest
	 * and the trim highest, 2 * trim < n_streams: added up in double from the
	 * lowest to the highest, then divided. The median is trim =
	 * (n_streams - 1) / 2.
	 */
	void		(*trimmed_mean) (double *out, const float *const *streams,
								 size_t n_streams, size_t trim,
								 size_t n_values, void *scratch);

	/* sorted[r * n_values + i] = rank r, from 0, of streams[...][i]. */
	void		(*sorted_columns) (float *sorted, const float *const *streams,
								   size_t n_streams, size_t n_values,
								   void *scratch);
} FedKernels;

/* The kernels in use; never NULL. The best supported level unless selected. */
extern const FedKernels *fed_kernels_active(void);

/* Whether a level was compiled in and this CPU and operating system have it. */
extern bool fed_kernels_supported(FedSimdLevel level);

/* Uses a level from now on; false, and nothing changed, if not supported. */
extern bool fed_kernels_select(FedSimdLevel level);

/* Back to the best supported level. */
extern void fed_kernels_select_best(void);

/* "scalar", "avx2", "avx512", "neon"; "unknown" for anything else. */
extern const char *fed_simd_level_name(FedSimdLevel level);

/* The level of a name, exactly as above; false, and *out kept, if unknown. */
extern bool fed_simd_level_parse(const char *name, FedSimdLevel *out);

#endif							/* FED_CORE_KERNELS_KERNELS_H */
