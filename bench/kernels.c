/*
 * kernels.c
 *		The kernels of src/core over arrays in memory, for Python to call.
 *
 * Whole vectors are gone through a page at a time, as the extension does: what
 * a kernel adds up stays in the first cache. Nothing here is called by two
 * threads with the same output.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/kernels/kernels.h"

#define PAGE_VALUES 2016		/* pages/layout.h */
#define MAX_STREAMS 1024

/* Half a cache line of integers, which a compiler makes vectors of any level of. */
typedef uint64_t Words __attribute__((vector_size(32), aligned(4), may_alias));

#define STEP 8					/* of them at a time: four lines */

#if defined(__x86_64__)
#define EVERY_LEVEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EVERY_LEVEL
#endif

const char *
bench_level(void)
{
	return fed_kernels_active()->name;
}

/* One step of a mere read. */
static inline __attribute__((always_inline)) void
look_at(Words sum[STEP], const float *values)
{
	const Words *words = (const Words *) values;

	for (int u = 0; u < STEP; u++)
		sum[u] += words[u];
}

#define STEP_VALUES (STEP * sizeof(Words) / sizeof(float))

/*
 * The least that anything can do which looks at every byte: streams one after
 * the other, or side by side, which some processors' prefetchers like better.
 * The results are of no use.
 */
EVERY_LEVEL uint64_t
bench_read(const float *const *streams, size_t n_streams, size_t n_values)
{
	Words		sum[STEP] = {{0}};
	uint64_t	total = 0;

	for (size_t k = 0; k < n_streams; k++)
		for (size_t i = 0; i + STEP_VALUES <= n_values; i += STEP_VALUES)
			look_at(sum, streams[k] + i);
	for (int u = 0; u < STEP; u++)
		total += sum[u][0] + sum[u][1] + sum[u][2] + sum[u][3];
	return total;
}

EVERY_LEVEL uint64_t
bench_read_side_by_side(const float *const *streams, size_t n_streams, size_t n_values)
{
	Words		sum[STEP] = {{0}};
	uint64_t	total = 0;

	for (size_t i = 0; i + STEP_VALUES <= n_values; i += STEP_VALUES)
		for (size_t k = 0; k < n_streams; k++)
			look_at(sum, streams[k] + i);
	for (int u = 0; u < STEP; u++)
		total += sum[u][0] + sum[u][1] + sum[u][2] + sum[u][3];
	return total;
}

static size_t
page_at(const float **page, const float *const *streams, size_t n_streams, size_t at, size_t n_values)
{
	for (size_t k = 0; k < n_streams; k++)
		page[k] = streams[k] + at;
	return n_values - at < PAGE_VALUES ? n_values - at : PAGE_VALUES;
}

/*
 * Weighted sums in float64. out, if not NULL, receives them as float32;
 * otherwise each page's sums overwrite the last one's.
 */
void
bench_sum(float *out, const float *const *streams, const double *weights, size_t n_streams, size_t n_values)
{
	static const float zeros[PAGE_VALUES];
	const FedKernels *kernels = fed_kernels_active();
	const float *page[MAX_STREAMS];
	double		acc[PAGE_VALUES];

	for (size_t at = 0; at < n_values; at += PAGE_VALUES)
	{
		size_t		n = page_at(page, streams, n_streams, at, n_values);

		memset(acc, 0, n * sizeof(double));
		kernels->weighted_sum(acc, page, weights, n_streams, n);
		if (out != NULL)
			kernels->apply_delta(out + at, zeros, acc, 1.0, n);
	}
}

/* Sums of whole numbers, as for noise; each page's overwrite the last one's. */
void
bench_clipped_sum(const float *const *streams, const double *scales, size_t n_streams, size_t n_values)
{
	const FedKernels *kernels = fed_kernels_active();
	const float *page[MAX_STREAMS];
	double		acc[PAGE_VALUES];

	for (size_t at = 0; at < n_values; at += PAGE_VALUES)
	{
		size_t		n = page_at(page, streams, n_streams, at, n_values);

		memset(acc, 0, n * sizeof(double));
		kernels->clipped_sum(acc, page, scales, n_streams, n);
	}
}

/* out is float32, as numpy's is. scratch: bench_scratch_bytes. */
void
bench_median(float *out, const float *const *streams, size_t n_streams, size_t n_values, void *scratch)
{
	static const float zeros[PAGE_VALUES];
	const FedKernels *kernels = fed_kernels_active();
	const float *page[MAX_STREAMS];
	double		middle[PAGE_VALUES];

	for (size_t at = 0; at < n_values; at += PAGE_VALUES)
	{
		size_t		n = page_at(page, streams, n_streams, at, n_values);

		kernels->median(middle, page, n_streams, n, scratch);
		kernels->apply_delta(out + at, zeros, middle, 1.0, n);
	}
}

size_t
bench_scratch_bytes(size_t n_streams)
{
	return fed_order_scratch_bytes(n_streams);
}

/* Adds squared distances of all pairs to the upper half of a matrix. */
void
bench_distances(double *matrix, const float *const *streams, size_t n_streams, size_t n_values)
{
	const FedKernels *kernels = fed_kernels_active();
	const float *page[MAX_STREAMS];

	for (size_t at = 0; at < n_values; at += PAGE_VALUES)
	{
		size_t		n = page_at(page, streams, n_streams, at, n_values);

		kernels->distances(matrix, page, n_streams, n);
	}
}
