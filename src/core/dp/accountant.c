/*
 * accountant.c
 *		What rounds with Gaussian noise cost in privacy, together.
 */
#include "core/dp/accountant.h"

#include <math.h>
#include <stddef.h>

#include "core/dp/gaussian_curve.h"

void
fed_accountant_start(FedAccountant *accountant)
{
	*accountant = (FedAccountant) {.empty = true};
}

void
fed_accountant_add(FedAccountant *accountant, double z, double q, FedSampling sampling, double rounds)
{
	double		counted = sampling == FED_SAMPLING_FIXED ? z / 2 : z;

	if (rounds <= 0)
		return;
	accountant->empty = false;
	accountant->mu_squared += rounds / counted / counted;
	fed_rdp_add(accountant->rdp, z, q, sampling, rounds);
}

/* Canonne, Kamath, Steinke 2020, proposition 12, solved for epsilon */
static double
epsilon_of_order(double rdp, double order, double delta)
{
	return rdp + log1p(-1 / order) - log(delta * order) / (order - 1);
}

FedEpsilon
fed_accountant_epsilon(const FedAccountant *accountant, double delta, bool allow_exact)
{
	FedEpsilon	best = {0, false, 0};
	double		exact;

	if (accountant->empty)
		return best;
	best.epsilon = INFINITY;
	for (int i = 0; i < FED_RDP_ORDERS; i++)
	{
		double		order = fed_rdp_order(i);
		double		epsilon = fmax(0, epsilon_of_order(accountant->rdp[i], order, delta));

		if (epsilon < best.epsilon)
			best = (FedEpsilon) {epsilon, false, order};
	}
	if (!allow_exact)
		return best;
	/* Sampling never gives more away: without it, this is a bound as well. */
	exact = fed_gaussian_epsilon(sqrt(accountant->mu_squared), delta);
	if (exact <= best.epsilon)
		best = (FedEpsilon) {exact, true, 0};
	return best;
}

static bool
is_enough(double z, double epsilon, double q, FedSampling sampling, double rounds, double delta)
{
	FedAccountant accountant;

	fed_accountant_start(&accountant);
	fed_accountant_add(&accountant, z, q, sampling, rounds);
	return fed_accountant_epsilon(&accountant, delta, true).epsilon <= epsilon;
}

double
fed_noise_multiplier(double epsilon, double q, FedSampling sampling, double rounds, double delta,
					 void (*keep_on) (void))
{
	double		lo = FED_LEAST_Z;
	double		hi = FED_MOST_Z;

	if (is_enough(lo, epsilon, q, sampling, rounds, delta) || !is_enough(hi, epsilon, q, sampling, rounds, delta))
		return NAN;
	while (hi > lo * (1 + 1e-9))
	{
		double		middle = sqrt(lo * hi);

		if (keep_on != NULL)
			keep_on();
		if (is_enough(middle, epsilon, q, sampling, rounds, delta))
			hi = middle;
		else
			lo = middle;
	}
	return hi;
}
