/*
 * kernels.h
 *		The few loops that touch every parameter of every update.
 *
 * Each loop exists once per SIMD level, compiled from one body; which one runs
 * is chosen at run time from what the CPU and the operating system have, so a
 * binary built anywhere runs everywhere. All levels return the same bits: only
 * elementwise operations, each rounded on its own, in an order that does not
 * depend on the width of a vector. (The payload and the sign of a NaN are the
 * exception; non-finite updates never get here.)
 *
 * The kernels allocate nothing and cannot fail. Pointers need the alignment of
 * their type, 4 or 8 bytes, and no more.
 */
#ifndef FED_CORE_KERNELS_KERNELS_H
#define FED_CORE_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum FedSimdLevel
{
	FED_SIMD_SCALAR,
	FED_SIMD_AVX2,
	FED_SIMD_AVX512,
	FED_SIMD_NEON
} FedSimdLevel;

#define FED_SIMD_LEVELS 4

typedef struct FedKernels
{
	const char *name;			/* as fed_simd_level_name says it */
	FedSimdLevel level;

	/*
	 * acc[i] += sum over k = 0 .. n_streams - 1, strictly in that order, of
	 * weights[k] * (double) streams[k][i]. Product and sum are rounded
	 * separately (no fused multiply-add). No stream may overlap acc.
	 */
	void		(*weighted_sum) (double *acc, const float *const *streams,
								 const double *weights, size_t n_streams,
								 size_t n_values);

	/*
	 * out[i] = (float) ((double) base[i] + rate * acc[i]). out may be base.
	 */
	void		(*apply_delta) (float *out, const float *base,
								const double *acc, double rate,
								size_t n_values);

	/* The index of the first NaN or infinity, or n_values if there is none. */
	size_t		(*first_nonfinite) (const float *values, size_t n_values);
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
