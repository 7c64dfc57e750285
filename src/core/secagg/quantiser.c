/*
 * quantiser.c
 *		Updates as integers whose sum cannot wrap, and the weighted mean again.
 *
 * The loops are elementwise, each operation rounded on its own (the file is
 * compiled without contraction): the same integers on every machine.
 */
#include "core/secagg/quantiser.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/secagg/bytes.h"

#define BLOCK 1024				/* values between two looks for NaN */

/*
 * rint() of a double below 2^31 by the sum with 1.5 * 2^52, whose last bit is
 * a one (Knuth's magic constant): the addition rounds, half to even, and leaves
 * the integer in the low bits, negative ones in two's complement. Unlike
 * rint() it needs no instruction that only newer processors have.
 */
static inline uint32_t
rounded(double value)
{
	double		shifted = value + 0x1.8p52;
	uint64_t	bits;

	memcpy(&bits, &shifted, sizeof(bits));
	return (uint32_t) bits;
}

static inline double
clamped_to(double value, double limit)
{
	value = value < -limit ? -limit : value;
	return value > limit ? limit : value;
}

uint64_t
fed_quantiser_levels(uint32_t n_max)
{
	return INT32_MAX / n_max;
}

uint32_t
fed_quantiser_weight(uint64_t samples, uint32_t n_cap, uint32_t W_cap)
{
	uint64_t	counted = samples < n_cap ? samples : n_cap;
	/* counted * W_cap is below 2^64; twice it need not be */
	uint64_t	product = counted * W_cap;
	uint64_t	whole = product / n_cap;
	uint64_t	rest = product % n_cap;
	uint64_t	weight = whole + (2 * rest >= n_cap);

	return weight < 1 ? 1 : (uint32_t) weight;
}

/* Whether any of n values is NaN or infinite. */
static bool
any_special(const float *x, size_t n)
{
	uint32_t	special = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		special |= (bits & 0x7f800000) == 0x7f800000;
	}
	return special != 0;
}

static bool
refuse_special(const float *x, size_t n, uint64_t first, FedSecaggError *err)
{
	size_t		i = 0;

	while (i < n && isfinite(x[i]))
		i++;
	return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
						   "value %" PRIu64 " is %s", first + i,
						   i < n && isnan(x[i]) ? "NaN" : "infinite");
}

static void
quantise_block(const FedQuantiser *quantiser, const float *restrict x,
			   size_t n, uint32_t *restrict q)
{
	double		limit = quantiser->R;
	double		weight = (double) quantiser->W / quantiser->W_cap;
	double		scale = (double) quantiser->Q / quantiser->R;

	for (size_t i = 0; i < n; i++)
		q[i] = rounded(clamped_to(x[i], limit) * weight * scale);
}

static uint32_t
count_clamped(double limit, const float *x, size_t n)
{
	uint32_t	count = 0;

	for (size_t i = 0; i < n; i++)
		count += fabs((double) x[i]) > limit;
	return count;
}

bool
fed_quantise(const FedQuantiser *quantiser, const float *x, size_t n,
			 uint64_t first, uint32_t *q, uint64_t *clamped,
			 FedSecaggError *err)
{
	for (size_t done = 0; done < n; done += BLOCK)
	{
		size_t		len = n - done < BLOCK ? n - done : BLOCK;

		if (any_special(x + done, len))
			return refuse_special(x + done, len, first + done, err);
		quantise_block(quantiser, x + done, len, q + done);
		if (clamped != NULL)
			*clamped += count_clamped(quantiser->R, x + done, len);
	}
	return true;
}

void
fed_quantiser_mean(const FedQuantiser *quantiser, const uint32_t *sum,
				   size_t n, uint32_t weights, double *mean)
{
	double		step = quantiser->R / (double) quantiser->Q;
	double		cap = quantiser->W_cap;
	double		total = weights;

	for (size_t i = 0; i < n; i++)
		mean[i] = (double) (int32_t) sum[i] * step * cap / total;
}

void
fed_quantiser_plain_mean(const FedQuantiser *quantiser, const uint32_t *sum,
						 size_t n, uint32_t updates, double *mean)
{
	double		step = quantiser->R / (double) quantiser->Q;
	double		total = updates;

	for (size_t i = 0; i < n; i++)
		mean[i] = (double) (int32_t) sum[i] * step / total;
}

uint32_t
fed_aux_clamped(uint64_t clamped, uint32_t n_max)
{
	uint32_t	most = UINT32_MAX / n_max;

	return clamped < most ? (uint32_t) clamped : most;
}

bool
fed_aux_metric(const FedQuantiser *quantiser, const double *value,
			   uint32_t pair[2], FedSecaggError *err)
{
	double		weight = (double) quantiser->W / quantiser->W_cap;
	double		scale = (double) quantiser->Q / quantiser->R;

	pair[0] = pair[1] = 0;
	if (value == NULL)
		return true;
	if (!isfinite(*value))
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "the metric is not a finite number");
	pair[0] = rounded(clamped_to(*value, quantiser->R) * weight * scale);
	pair[1] = quantiser->W;
	return true;
}

double
fed_aux_metric_mean(const FedQuantiser *quantiser, const uint32_t pair[2])
{
	double		mean;

	if (pair[1] == 0)
		return NAN;
	fed_quantiser_mean(quantiser, &pair[0], 1, pair[1], &mean);
	return mean;
}

void
fed_words_pack(const uint32_t *values, size_t n, uint8_t *bytes)
{
	for (size_t i = 0; i < n; i++)
		fed_store_le32(bytes + i * sizeof(uint32_t), values[i]);
}

void
fed_words_unpack(const uint8_t *bytes, size_t n, uint32_t *values)
{
	for (size_t i = 0; i < n; i++)
		values[i] = fed_load_le32(bytes + i * sizeof(uint32_t));
}
