/*
 * dp_accountant_test.c
 *		Epsilon against what mpmath computes from definitions (dp_reference.py),
 *		against published numbers, and in which direction it moves.
 */
#include "support.h"

#include <math.h>

#include "core/dp/accountant.h"
#include "core/dp/gaussian_curve.h"
#include "dp_reference.h"

static const double multipliers[] = {1e-9, 1e-3, 0.2, 0.2499, 0.25, 0.3, 0.7, 1, 8, 100, 1e9};
static const double rates[] = {1e-9, 1e-5, 0.003, 0.1, 0.5, 0.99, 1 - 1e-12, 1};
static const double rounds[] = {1, 1000, 1e6, 9e18};
static const double deltas[] = {1e-300, 1e-12, 1e-5, 0.1, 0.9};

static FedEpsilon
epsilon_of(double z, double q, FedSampling sampling, double times, double delta, bool allow_exact)
{
	FedAccountant accountant;

	fed_accountant_start(&accountant);
	fed_accountant_add(&accountant, z, q, sampling, times);
	return fed_accountant_epsilon(&accountant, delta, allow_exact);
}

static double
best(double z, double q, FedSampling sampling, double times, double delta)
{
	return epsilon_of(z, q, sampling, times, delta, true).epsilon;
}

static bool
is_near(double value, double expected, double relative)
{
	if (fabs(value - expected) <= relative * fabs(expected))
		return true;
	print_message("# %.17g, not %.17g\n", value, expected);
	return false;
}

static void
orders_are_those_of_other_accountants(void **state)
{
	(void) state;
	assert_true(fed_rdp_order(0) == 1.1 && fed_rdp_order(98) == 10.9);
	assert_true(fed_rdp_order(99) == 11 && fed_rdp_order(151) == 63);
	assert_true(fed_rdp_order(152) == 128 && fed_rdp_order(FED_RDP_ORDERS - 1) == 1024);
	for (int i = 1; i < FED_RDP_ORDERS; i++)
		assert_true(fed_rdp_order(i) > fed_rdp_order(i - 1));
}

/*
 * Orders below a z of 0.25 come from sums of both signs, which know A, not
 * A - 1: an absolute error of the last digit of 1 is what it can be.
 */
static void
divergences_are_right(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(divergences); i++)
	{
		double		value = fed_rdp_poisson(divergences[i].z, divergences[i].q, divergences[i].order);

		assert_true(fabs(value - divergences[i].value) < 1e-14 || is_near(value, divergences[i].value, 1e-10));
	}
}

static void
epsilons_are_right(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(epsilons); i++)
	{
		double		z = epsilons[i].z;
		double		q = epsilons[i].q;

		assert_true(is_near(epsilon_of(z, q, FED_SAMPLING_POISSON, epsilons[i].rounds, epsilons[i].delta, false).epsilon,
							epsilons[i].poisson, 1e-9));
		assert_true(is_near(epsilon_of(z, q, FED_SAMPLING_FIXED, epsilons[i].rounds, epsilons[i].delta, false).epsilon,
							epsilons[i].fixed, 1e-9));
	}
}

static void
the_curve_is_right(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(curve); i++)
		assert_true(is_near(fed_gaussian_epsilon(curve[i].mu, curve[i].delta), curve[i].epsilon, 1e-9));
}

/*
 * q = 0.01, z = 4, 10,000 steps, delta = 1e-5: 1.26 (Abadi et al. 2016), by the
 * conversion of Mironov 2017, proposition 3; that of 2020 gives less.
 */
static void
the_moments_accountant_gives_what_was_published(void **state)
{
	double		sums[FED_RDP_ORDERS] = {0};
	double		least = INFINITY;

	(void) state;
	fed_rdp_add(sums, 4, 0.01, FED_SAMPLING_POISSON, 10000);
	for (int i = 0; i < FED_RDP_ORDERS; i++)
		least = fmin(least, sums[i] + log(1e5) / (fed_rdp_order(i) - 1));
	assert_true(fabs(least - 1.26) < 0.005);
	assert_true(fabs(best(4, 0.01, FED_SAMPLING_POISSON, 10000, 1e-5) - 1.03549) < 1e-5);
}

/* A value, and the one that must not be greater, with room for the last digits. */
static void
at_most(double less, double more)
{
	assert_true(isfinite(less) && isfinite(more) && less >= 0);
	if (!(less <= more * (1 + 1e-9) + 1e-12))
		print_message("# %.17g > %.17g\n", less, more);
	assert_true(less <= more * (1 + 1e-9) + 1e-12);
}

typedef double Epsilons[LENGTH(rounds)][LENGTH(deltas)][2];

/* All of one kind of round, as if there had been so many; the last without and with the exact curve. */
static void
fill(Epsilons epsilons, double z, double q, FedSampling sampling)
{
	FedAccountant one;

	fed_accountant_start(&one);
	fed_accountant_add(&one, z, q, sampling, 1);
	for (size_t t = 0; t < LENGTH(rounds); t++)
	{
		FedAccountant many = one;

		for (int i = 0; i < FED_RDP_ORDERS; i++)
			many.rdp[i] *= rounds[t];
		many.mu_squared *= rounds[t];
		for (size_t d = 0; d < LENGTH(deltas); d++)
			for (int exact = 0; exact < 2; exact++)
				epsilons[t][d][exact] = fed_accountant_epsilon(&many, deltas[d], exact).epsilon;
	}
}

static void
at_most_everywhere(Epsilons less, Epsilons more)
{
	for (size_t t = 0; t < LENGTH(rounds); t++)
		for (size_t d = 0; d < LENGTH(deltas); d++)
			for (int exact = 0; exact < 2; exact++)
			{
				at_most(less[t][d][exact], more[t][d][exact]);
				if (t > 0)
					at_most(less[t - 1][d][exact], less[t][d][exact]);
				if (d > 0)
					at_most(less[t][d][exact], less[t][d - 1][exact]);
			}
}

/* Less noise, a greater share, more rounds, a smaller delta: never a smaller epsilon; always a number. */
static void
epsilon_moves_in_one_direction(void **state)
{
	static Epsilons table[LENGTH(multipliers)][LENGTH(rates)];

	(void) state;
	for (int sampling = FED_SAMPLING_POISSON; sampling <= FED_SAMPLING_FIXED; sampling++)
		for (size_t i = 0; i < LENGTH(multipliers); i++)
			for (size_t j = 0; j < LENGTH(rates); j++)
			{
				fill(table[i][j], multipliers[i], rates[j], sampling);
				if (i > 0)
					at_most_everywhere(table[i][j], table[i - 1][j]);
				if (j > 0)
					at_most_everywhere(table[i][j - 1], table[i][j]);
			}
}

/* Both ways to the same divergence, on either side of where one takes over. */
static void
methods_meet(void **state)
{
	(void) state;
	for (size_t j = 0; j < LENGTH(rates) - 1; j++)
		for (int i = 0; i < 99; i++)
		{
			double		order = fed_rdp_order(i);
			double		below = fed_rdp_poisson(0.25 * (1 - 1e-9), rates[j], order);
			double		above = fed_rdp_poisson(0.25, rates[j], order);

			assert_true(fabs(below - above) < 1e-13 || is_near(below, above, 1e-6));
		}
}

static void
rounds_compose(void **state)
{
	FedAccountant accountant;
	FedEpsilon	two;

	(void) state;
	fed_accountant_start(&accountant);
	assert_true(fed_accountant_epsilon(&accountant, 1e-5, true).epsilon == 0);
	fed_accountant_add(&accountant, 1, 1, FED_SAMPLING_NONE, 0);
	assert_true(fed_accountant_epsilon(&accountant, 1e-5, false).epsilon == 0);

	/* 1/z^2 adds up: 1/9 + 1/16 = 1/2.4^2 */
	fed_accountant_add(&accountant, 3, 1, FED_SAMPLING_NONE, 1);
	fed_accountant_add(&accountant, 4, 1, FED_SAMPLING_NONE, 1);
	two = fed_accountant_epsilon(&accountant, 1e-5, true);
	assert_true(two.exact && two.order == 0);
	assert_true(is_near(two.epsilon, best(2.4, 1, FED_SAMPLING_NONE, 1, 1e-5), 1e-12));
	assert_true(is_near(fed_accountant_epsilon(&accountant, 1e-5, false).epsilon,
						epsilon_of(2.4, 1, FED_SAMPLING_POISSON, 1, 1e-5, false).epsilon, 1e-12));

	/* Divergences of different kinds add up, too. */
	fed_accountant_start(&accountant);
	fed_accountant_add(&accountant, 1, 0.01, FED_SAMPLING_POISSON, 300);
	fed_accountant_add(&accountant, 1, 0.01, FED_SAMPLING_POISSON, 700);
	assert_true(is_near(fed_accountant_epsilon(&accountant, 1e-5, true).epsilon,
						best(1, 0.01, FED_SAMPLING_POISSON, 1000, 1e-5), 1e-12));
	fed_accountant_add(&accountant, 3, 0.2, FED_SAMPLING_FIXED, 10);
	two = fed_accountant_epsilon(&accountant, 1e-5, false);
	assert_false(two.exact);
	assert_true(two.order > 1);
	assert_true(two.epsilon > best(1, 0.01, FED_SAMPLING_POISSON, 1000, 1e-5));
	assert_true(two.epsilon > best(3, 0.2, FED_SAMPLING_FIXED, 10, 1e-5));
}

/* Who is replaced moves the sum twice as far as who leaves. */
static void
a_fixed_cohort_counts_half_the_noise(void **state)
{
	(void) state;
	assert_true(best(2, 1, FED_SAMPLING_FIXED, 5, 1e-5) == best(1, 1, FED_SAMPLING_NONE, 5, 1e-5));
	assert_true(best(2, 0.1, FED_SAMPLING_FIXED, 5, 1e-5) < best(1, 1, FED_SAMPLING_NONE, 5, 1e-5));
	assert_true(best(2, 0.1, FED_SAMPLING_FIXED, 5, 1e-5) > best(2, 0.1, FED_SAMPLING_POISSON, 5, 1e-5));
}

static void
the_inverse_is_the_least_noise(void **state)
{
	static const double targets[] = {0.05, 0.5, 2, 8, 300};

	(void) state;
	for (size_t i = 0; i < LENGTH(targets); i++)
		for (int sampling = FED_SAMPLING_NONE; sampling <= FED_SAMPLING_FIXED; sampling++)
		{
			double		q = sampling == FED_SAMPLING_NONE ? 1 : 0.02;
			double		z = fed_noise_multiplier(targets[i], q, sampling, 500, 1e-5, NULL);

			assert_true(best(z, q, sampling, 500, 1e-5) <= targets[i]);
			assert_true(best(z * (1 - 1e-6), q, sampling, 500, 1e-5) > targets[i]);
		}
}

static int	steps;

static void
count_step(void)
{
	steps++;
}

static void
out_of_reach_is_said(void **state)
{
	(void) state;
	assert_true(isnan(fed_noise_multiplier(1e-9, 1, FED_SAMPLING_NONE, 1e12, 1e-12, NULL)));
	assert_true(isnan(fed_noise_multiplier(1e12, 1, FED_SAMPLING_NONE, 1, 1e-5, NULL)));
	assert_false(isnan(fed_noise_multiplier(1, 1, FED_SAMPLING_NONE, 1, 1e-5, count_step)));
	assert_in_range(steps, 10, 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_those_of_other_accountants),
		cmocka_unit_test(divergences_are_right),
		cmocka_unit_test(epsilons_are_right),
		cmocka_unit_test(the_curve_is_right),
		cmocka_unit_test(the_moments_accountant_gives_what_was_published),
		cmocka_unit_test(epsilon_moves_in_one_direction),
		cmocka_unit_test(methods_meet),
		cmocka_unit_test(rounds_compose),
		cmocka_unit_test(a_fixed_cohort_counts_half_the_noise),
		cmocka_unit_test(the_inverse_is_the_least_noise),
		cmocka_unit_test(out_of_reach_is_said),
	};

	return RUN_TESTS(tests);
}
