/*
 * privacy_test.c
 *		What local differential privacy makes of an update: clipped exactly,
 *		noised as it is said to be.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/privacy.h"

#define MOST 100000

typedef unsigned __int128 Wide;

/* The same samples on every run of the test. */
static const uint8_t key[FED_STREAM_KEY_BYTES] = "a key that the tests give away..";

static float vector[MOST];

static bool
read_vector(void *arg, uint64_t first, size_t n, float *out, FedError *err)
{
	(void) err;
	memcpy(out, (const float *) arg + first, n * sizeof(float));
	return true;
}

static bool
read_nothing(void *arg, uint64_t first, size_t n, float *out, FedError *err)
{
	(void) arg;
	(void) n;
	(void) out;
	return first < 20000 || fed_error_set(err, FED_ERR_TRAINER, "there is a NaN");
}

/* Standard deviations are rounded up to the next variance, never down. */
static void
test_variance(void)
{
	bool		exact = true;
	bool		fine = true;

	srand48(1);
	for (int i = 0; i < 20000; i++)
	{
		double		z = exp(drand48() * log(1e5)) / 100;	/* 0.01 to 1000 */
		FedPrivacy	p;
		FedError	err = {0};
		bool		begun = fed_privacy_begin(&p, 1 + drand48(), z, &err);
		double		sigma = ldexp(z, p.bits);
		Wide		fixed = (Wide) ldexp(sigma, 29);

		exact = exact && begun && p.variance == (uint64_t) ((fixed * fixed + (((Wide) 1 << 58) - 1)) >> 58);
		fine = fine && (p.bits == FED_PRIVACY_MOST_BITS || sigma > 8388608) && sigma <= 16777216;
		fed_privacy_end(&p);
	}
	check(exact, "the variance is the square of the noise multiplier in steps, rounded up");
	check(fine, "the grid is the finest that the sampler takes");
}

static void
test_refusals(void)
{
	static const double bad[][2] = {{1, 1e-10}, {1, 1e8}, {1, INFINITY}, {1, NAN}, {0, 1}, {-1, 1}, {INFINITY, 1}, {NAN, 1}, {1e-320, 1}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		FedPrivacy	p;
		FedError	err = {0};
		char		what[80];

		snprintf(what, sizeof(what), "clip norm %g with noise multiplier %g is refused", bad[i][0], bad[i][1]);
		check(!fed_privacy_begin(&p, bad[i][0], bad[i][1], &err) && err.kind == FED_ERR_PROTOCOL, what);
		fed_privacy_end(&p);
	}
}

/* The norm of the first n values of vector is within the clip norm, in integers, and not far below what it can be. */
static bool
clipped(size_t n, double clip_norm, double noise_multiplier)
{
	FedPrivacy	p;
	FedError	err = {0};
	bool		ok = fed_privacy_begin(&p, clip_norm, noise_multiplier, &err) &&
		fed_privacy_prepare(&p, read_vector, vector, n, &err);
	Wide		steps = 0;
	long double squares = 0;
	long double best;

	for (size_t i = 0; ok && i < n; i++)
	{
		int64_t		step = fed_privacy_steps(&p, vector[i]);

		ok = fabs((double) step) <= fabs((double) vector[i] * p.scale);
		steps += (Wide) step * (Wide) step;
		squares += (long double) vector[i] * vector[i];
	}
	best = ldexpl(1, p.bits) * fminl(1 / (long double) clip_norm, 1 / sqrtl(squares));
	ok = ok && steps <= (Wide) 1 << (2 * p.bits) && p.scale <= best * (1 + 1e-12L) && p.scale >= best * (1 - 1e-12L);
	fed_privacy_end(&p);
	return ok;
}

static void
fill(size_t n, float value)
{
	for (size_t i = 0; i < n; i++)
		vector[i] = value;
}

static void
test_clipping(void)
{
	bool		ok = true;

	fill(MOST, 0);
	check(clipped(1000, 0.5, 1), "a vector of zeros stays what it is");
	fill(MOST, 3.4e38f);
	check(clipped(MOST, 1, 0.5), "the largest values there are");
	fill(MOST, 1e-45f);
	check(clipped(MOST, 1e-30, 2), "the smallest");
	vector[0] = 3;
	vector[1] = -4;
	check(clipped(2, 5, 1) && clipped(2, 4.9999999, 1), "a norm that is just the clip norm, and one that is just above");
	/* In double, 1 + 2^-56 is 1: only integers see that this norm is above 1. */
	fill(MOST, 0x1p-28f);
	vector[0] = 1;
	check(clipped(MOST, 1, 0x1p-16), "a norm above the clip norm by less than a sum in double can show");
	srand48(2);
	for (int i = 0; i < 300; i++)
	{
		size_t		n = 1 + (size_t) (drand48() * 3000);
		double		spread = exp((drand48() - 0.5) * 40);

		for (size_t j = 0; j < n; j++)
			vector[j] = (float) ((drand48() - 0.5) * spread);
		ok = ok && clipped(n, exp((drand48() - 0.5) * 10), exp(drand48() * 15 - 9));
	}
	check(ok, "random vectors, clip norms and noise multipliers");
}

/* n zeros noised; what is in vector then is noise alone. */
static void
noise_alone(size_t n, double clip_norm, double noise_multiplier, bool secret)
{
	FedPrivacy	p;
	FedError	err = {0};

	fill(n, 0);
	if (!fed_privacy_begin(&p, clip_norm, noise_multiplier, &err))
		exit(1);
	if (!secret)
	{
		fed_noise_free(p.noise);
		p.noise = fed_noise_new(key);
	}
	if (!fed_privacy_prepare(&p, read_vector, vector, n, &err) || !fed_privacy_apply(&p, vector, n, &err))
		exit(1);
	fed_privacy_end(&p);
}

/* Within five standard errors of what a Gaussian has. */
static void
test_noise(void)
{
	static const double settings[][2] = {{1, 1}, {0.5, 4}, {3, 1000}, {1, 0.01}};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
	{
		double		sigma = settings[i][0] * settings[i][1];
		double		sum = 0;
		double		squares = 0;
		int			beyond = 0;
		char		what[100];

		noise_alone(MOST, settings[i][0], settings[i][1], false);
		for (size_t j = 0; j < MOST; j++)
		{
			sum += vector[j] / sigma;
			squares += vector[j] / sigma * (vector[j] / sigma);
			beyond += fabs(vector[j]) > 2 * sigma;
		}
		snprintf(what, sizeof(what), "noise of standard deviation %g: mean, variance, share beyond twice that", sigma);
		check(fabs(sum) < 5 * sqrt(MOST) && fabs(squares - MOST) < 5 * sqrt(2.0 * MOST) &&
			  fabs(beyond - 0.0455003 * MOST) < 5 * sqrt(0.0455 * 0.9545 * MOST), what);
	}
	noise_alone(100, 1, 1, true);
	{
		static float first[100];

		memcpy(first, vector, sizeof(first));
		noise_alone(100, 1, 1, true);
		check(memcmp(first, vector, sizeof(first)) != 0, "another update has other noise");
	}
}

/* The noise sits around the clipped values: with little of it, they can be seen. */
static void
test_signal(void)
{
	FedPrivacy	p;
	FedError	err = {0};
	float		values[2] = {30, -40};

	if (!fed_privacy_begin(&p, 1, 1e-5, &err) || !fed_privacy_prepare(&p, read_vector, values, 2, &err) ||
		!fed_privacy_apply(&p, values, 2, &err))
		exit(1);
	check(fabs(values[0] - 0.6) < 1e-3 && fabs(values[1] + 0.8) < 1e-3, "values are scaled to the clip norm before the noise");
	check(!fed_privacy_prepare(&p, read_nothing, NULL, 50000, &err) && err.kind == FED_ERR_TRAINER,
		  "what cannot be read ends it");
	fed_privacy_end(&p);
}

int
main(void)
{
	test_variance();
	test_refusals();
	test_clipping();
	test_noise();
	test_signal();
	return checks_done();
}
