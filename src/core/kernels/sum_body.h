/*
 * sum_body.h
 *		Weighted sums of streams, also of whole numbers, and the step they make;
 *		see kernels_body.h.
 */

/*
 * Streams read side by side. More would outrun what the CPU's prefetchers
 * follow, and the pointers would no longer stay near.
 */
#define GROUP 16

/* Vectors of accumulators in registers: enough to hide the adder's latency. */
#define UNROLL 8
#define STRIDE (UNROLL * VEC_WIDTH)

/* Floats in a line of the cache. */
#define LINE 16

/* What a value adds to its sum. */
INLINE VEC
sum_term(bool whole, VEC weight, VEC value)
{
	VEC			product = VEC_MUL(weight, value);

	return whole ? VEC_TRUNC(product) : product;
}

/*
 * Adds n <= GROUP streams, in order, to acc; whole: each product cut to an
 * integer. As many of the n_next streams
 * after them come as far as the second cache meanwhile: page by page, a
 * prefetcher sees each stream too briefly to run ahead of it.
 */
INLINE void
sum_group(double *acc, const float *const *streams, const double *weights,
		  size_t n, size_t n_next, size_t n_values, bool whole)
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
								 sum_term(whole, w, VEC_WIDEN(x + u * VEC_WIDTH)));
			if (k < n_next)
				for (int u = 0; u < STRIDE; u += LINE)
					__builtin_prefetch(streams[n + k] + i + u, 0, 2);
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

			sum += whole ? trunc(product) : product;
		}
		acc[i] = sum;
	}
}

/* The sums over all streams, a group at a time. */
INLINE void
sum_streams(double *acc, const float *const *streams, const double *weights,
			size_t n_streams, size_t n_values, bool whole)
{
	/*
	 * acc holds doubles, as the registers do, so going through memory between
	 * two groups rounds nothing.
	 */
	for (size_t k = 0; k < n_streams; k += GROUP)
	{
		size_t		n = n_streams - k < GROUP ? n_streams - k : GROUP;

		sum_group(acc, streams + k, weights + k, n, n_streams - k - n, n_values, whole);
	}
}

TARGET static void
weighted_sum(double *acc, const float *const *streams, const double *weights,
			 size_t n_streams, size_t n_values)
{
	sum_streams(acc, streams, weights, n_streams, n_values, false);
}

TARGET static void
clipped_sum(double *acc, const float *const *streams, const double *scales,
			size_t n_streams, size_t n_values)
{
	sum_streams(acc, streams, scales, n_streams, n_values, true);
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
