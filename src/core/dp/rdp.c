/*
 * rdp.c
 *		Orders, and whose formula it is.
 */
#include "core/dp/rdp.h"

#include <math.h>

double
fed_rdp_order(int i)
{
	if (i < 99)
		return (11 + i) / 10.0;
	if (i < 152)
		return 11 + (i - 99);
	return ldexp(128, i - 152);
}

/* Mironov 2017, proposition 7 */
static double
gaussian(double z, double order)
{
	return order / 2 / z / z;
}

/*
 * Between integers a line: (order - 1) times the divergence is convex in the
 * order, so that it lies below (Wang, Balle, Kasiviswanathan 2019, section 3.3).
 */
static double
interpolate(const double *values, double order)
{
	int			below = (int) floor(order);
	double		part = order - below;

	return part == 0 ? values[below] : values[below] * (1 - part) + values[below + 1] * part;
}

static void
add_fixed(double *sums, double z, double q, double rounds)
{
	double		values[FED_RDP_MOST + 1];

	fed_rdp_fixed(values, z, q);
	for (int i = 0; i < FED_RDP_ORDERS; i++)
	{
		double		order = fed_rdp_order(i);

		/* A cohort that is known gives no less away, and for q near 1 the bound is above that. */
		sums[i] += rounds * fmin(interpolate(values, order) / (order - 1), gaussian(z, order));
	}
}

void
fed_rdp_add(double sums[FED_RDP_ORDERS], double z, double q, FedSampling sampling, double rounds)
{
	if (sampling == FED_SAMPLING_FIXED)
		z /= 2;
	if (sampling == FED_SAMPLING_FIXED && q < 1)
	{
		add_fixed(sums, z, q, rounds);
		return;
	}
	for (int i = 0; i < FED_RDP_ORDERS; i++)
	{
		double		order = fed_rdp_order(i);

		sums[i] += rounds * (sampling == FED_SAMPLING_POISSON && q < 1
							 ? fed_rdp_poisson(z, q, order) / (order - 1) : gaussian(z, order));
	}
}
