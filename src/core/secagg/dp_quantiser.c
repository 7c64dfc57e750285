/*
 * dp_quantiser.c
 *		Updates as integers of bounded norm, for noise that Islands add.
 */
#include "core/secagg/dp_quantiser.h"

#include <inttypes.h>
#include <math.h>

#include "core/secagg/threshold.h"

#define LEAST_EXPONENT 10
#define MOST_EXPONENT 24
#define LEAST_VARIANCE (UINT64_C(1) << 20)
#define MOST_VARIANCE (UINT64_C(1) << 48)

/* Steps of the norm's search. */
#define SHRINK (1 - 0x1p-20)

/* Values that are looked at together: their squares, of up to 2^24 + 1, fit into 64 bits, and they onto any stack. */
#define BLOCK (1 << 12)

__extension__ typedef unsigned __int128 uint128;

static uint32_t
smallest_sum(uint32_t min_updates)
{
	return min_updates > FED_SECAGG_MIN_COHORT ? min_updates : FED_SECAGG_MIN_COHORT;
}

uint32_t
fed_dp_max_colluding(uint32_t min_updates)
{
	return (smallest_sum(min_updates) + 2) / 3 - 1;
}

/* floor(sqrt(value)), exactly. */
static uint64_t
integer_root(uint64_t value)
{
	uint64_t	root = (uint64_t) sqrt((double) value);

	while (root * root > value)
		root--;
	while ((root + 1) * (root + 1) <= value)
		root++;
	return root;
}

/* floor(scaled / h) + 1, or 0 if that is above the largest variance. */
static uint64_t
variance_of(double scaled, uint32_t honest)
{
	double		share = floor(scaled / honest);

	return share < (double) MOST_VARIANCE ? (uint64_t) share + 1 : 0;
}

/* Whether n_max values of at most `most`, each with this noise, fit an int32. */
static bool
has_room(uint32_t n_max, uint64_t most, uint64_t variance)
{
	uint64_t	noise = 12 * (integer_root(n_max * variance) + 1);

	return n_max * most + noise <= INT32_MAX;
}

static bool
check_request(const FedDpRequest *request, FedSecaggError *err)
{
	if (!(request->z > 0) || !isfinite(request->z))
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "the noise multiplier must be above 0");
	if (request->adaptive && (!(request->divisor > 0) || !isfinite(request->divisor)))
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "the divisor must be above 0");
	if (request->n_max < FED_SECAGG_MIN_COHORT || request->n_max > FED_SECAGG_MAX_COHORT)
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "a cohort of %" PRIu32 " is not %d to %d", request->n_max,
							   FED_SECAGG_MIN_COHORT, FED_SECAGG_MAX_COHORT);
	if (request->max_colluding > fed_dp_max_colluding(request->min_updates))
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "%" PRIu32 " colluding Islands, at most %" PRIu32 " of %" PRIu32 " updates",
							   request->max_colluding,
							   fed_dp_max_colluding(request->min_updates),
							   smallest_sum(request->min_updates));
	return true;
}

/* The largest e with a variance that fits; its limits below are looked at after. */
static bool
choose_exponent(const FedDpRequest *request, FedDpGrid *grid,
				FedSecaggError *err)
{
	for (uint32_t e = MOST_EXPONENT; e >= LEAST_EXPONENT; e--)
	{
		uint64_t	variance = variance_of(ldexp(grid->zz, 2 * e), grid->honest);
		uint64_t	Q = UINT64_C(1) << e;

		if (variance == 0 || !has_room(request->n_max, Q, variance))
			continue;
		grid->exponent = e;
		grid->Q = Q;
		grid->noise_var = variance;
		if (variance >= LEAST_VARIANCE)
			return true;
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "noise of variance %" PRIu64 " is too little for a cohort of %" PRIu32 ": the noise multiplier %g must be larger",
							   variance, request->n_max, request->z);
	}
	return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
						   "no grid has room for a cohort of %" PRIu32 " and the noise multiplier %g",
						   request->n_max, request->z);
}

bool
fed_dp_grid(const FedDpRequest *request, FedDpGrid *grid, FedSecaggError *err)
{
	double		z = request->z;
	double		spread;

	if (!check_request(request, err))
		return false;
	*grid = (FedDpGrid) {
		.honest = smallest_sum(request->min_updates) - request->max_colluding,
		.zz = z * z
	};
	if (!request->adaptive)
		return choose_exponent(request, grid, err);

	grid->sigma_b = fmax(request->divisor / 20, z);
	spread = 2 * grid->sigma_b * (2 * grid->sigma_b);
	grid->zz = 1 / (1 / (z * z) - 1 / spread);
	grid->aux_noise_var = variance_of(ldexp(spread, 32), grid->honest);
	if (grid->aux_noise_var < LEAST_VARIANCE ||
		!has_room(request->n_max, FED_AUX_FRACTION_UNIT, grid->aux_noise_var))
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "no grid has room for the noise of the count (standard deviation %g)",
							   grid->sigma_b);
	return choose_exponent(request, grid, err);
}

/* An update that is gone over from its beginning, block by block. */
typedef struct Walk
{
	FedDpReader read;
	void	   *arg;
	uint64_t	n;
	uint64_t	next;
	size_t		len;
	float		block[BLOCK];
} Walk;

/* The next block; len is 0 behind the last one. */
static bool
walk_on(Walk *walk, FedSecaggError *err)
{
	walk->next += walk->len;
	walk->len = walk->n - walk->next < BLOCK ? (size_t) (walk->n - walk->next) : BLOCK;
	return walk->len == 0 || walk->read(walk->arg, walk->next, walk->len, walk->block) ||
		fed_secagg_fail(err, FED_SECAGG_FAILED, "the update cannot be read");
}

static bool
walk_begin(Walk *walk, FedSecaggError *err)
{
	walk->next = 0;
	walk->len = 0;
	return walk_on(walk, err);
}

/* The L2 norm in double, summed in order; not finite if any value is not. */
static bool
find_norm(Walk *walk, double *norm, FedSecaggError *err)
{
	double		sum = 0;
	bool		ok;

	for (ok = walk_begin(walk, err); ok && walk->len > 0; ok = walk_on(walk, err))
	{
		for (size_t i = 0; i < walk->len; i++)
			sum += (double) walk->block[i] * walk->block[i];
	}
	*norm = sqrt(sum);
	return ok;
}

/* The exact sum of squares in steps. */
static bool
sum_steps(Walk *walk, double factor, uint128 *total, FedSecaggError *err)
{
	bool		ok;

	*total = 0;
	for (ok = walk_begin(walk, err); ok && walk->len > 0; ok = walk_on(walk, err))
	{
		uint64_t	sum = 0;

		for (size_t i = 0; i < walk->len; i++)
		{
			int64_t		value = (int32_t) (walk->block[i] * factor);

			sum += (uint64_t) (value * value);
		}
		*total += sum;
	}
	return ok;
}

bool
fed_dp_scale(FedDpReader read, void *arg, uint64_t n, double C, uint64_t Q, FedDpScale *scale, FedSecaggError *err)
{
	Walk		walk = {.read = read, .arg = arg, .n = n};
	double		norm;
	uint128		total;
	bool		ok;

	if (!(C > 0) || !isfinite(C) || Q < 1 || Q > UINT64_C(1) << MOST_EXPONENT ||
		!isfinite((double) Q / C))
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "no grid of %" PRIu64 " steps up to a norm of %g",
							   Q, C);
	if (!find_norm(&walk, &norm, err))
		return false;
	if (!isfinite(norm))
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "the update holds NaN or infinity");
	scale->within = norm <= C;
	scale->factor = scale->within ? (double) Q / C : (double) Q / norm;
	for (ok = sum_steps(&walk, scale->factor, &total, err); ok && total > (uint128) Q * Q;
		 ok = sum_steps(&walk, scale->factor, &total, err))
		scale->factor *= SHRINK;
	return ok;
}

void
fed_dp_steps(const FedDpScale *scale, const float *x, size_t n, uint32_t *q)
{
	for (size_t i = 0; i < n; i++)
		q[i] = (uint32_t) (int32_t) (x[i] * scale->factor);
}

void
fed_dp_mean(const uint32_t *sum, size_t n, double C, uint64_t Q, double D,
			double *mean)
{
	double		step = C / (double) Q;

	for (size_t i = 0; i < n; i++)
		mean[i] = (double) (int32_t) sum[i] * step / D;
}

uint32_t
fed_dp_aux(bool within)
{
	return (uint32_t) (within ? FED_AUX_FRACTION_UNIT : -FED_AUX_FRACTION_UNIT);
}

double
fed_dp_fraction(uint32_t aux, double D)
{
	double		fraction = 0.5 + (double) (int32_t) aux / 0x1p17 / D;

	return fmin(fmax(fraction, 0), 1);
}
