/*
 * gaussian_curve.c
 *		What the Gaussian mechanism gives away, exactly.
 *
 * delta(epsilon) = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu).
 * The difference cancels where mu is small or the arguments are far out. With
 * x = epsilon/mu - mu/2 it is also the integral of phi(t) (1 - e^(-mu (t - x)))
 * from x on, the mean of what the privacy loss is above epsilon, and nothing
 * cancels there.
 */
#include "core/dp/gaussian_curve.h"

#include <math.h>

#include "core/dp/logspace.h"

#define STEPS 200				/* of bisection: until doubles are next to each other */

/*
 * ln of the integral from 0 on of e^(-x v - v^2/2) (1 - e^(-mu v)), x >= -1.
 * Double exponential quadrature, v = exp(w - exp(-w)) (Takahasi, Mori 1974):
 * what lies beyond the ends and between the steps is less than 10^-14 of it.
 */
static double
log_tail(double x, double mu)
{
	const double step = 1.0 / 32;
	double		sum = 0;

	for (double w = -4; w <= 2.75; w += step)
	{
		double		v = exp(w - exp(-w));

		sum += exp(-x * v - v * v / 2) * -expm1(-mu * v) * v * (1 + exp(-w));
	}
	return log(sum * step);
}

/* ln delta at epsilon = mu (x + mu/2) */
static double
log_delta(double x, double mu)
{
	const double root_half = sqrt(0.5);

	if (x >= -1)
		return log_tail(x, mu) - x * x / 2 - log(2 * acos(-1)) / 2;
	/* Then mu is above 2, and the second of the two terms is well below the first. */
	return log_subtract(log_erfc(x * root_half), mu * (x + mu / 2) + log_erfc((x + mu) * root_half)) - log(2);
}

double
fed_gaussian_epsilon(double mu, double delta)
{
	double		target = log(delta);
	double		lo = 0;			/* epsilon / mu */
	double		hi = mu / 2 + 40;	/* delta is below 10^-340 there */

	if (mu <= 0 || log_delta(-mu / 2, mu) <= target)
		return 0;
	for (int i = 0; i < STEPS; i++)
	{
		double		middle = lo + (hi - lo) / 2;

		if (middle <= lo || middle >= hi)
			break;
		if (log_delta(middle - mu / 2, mu) > target)
			lo = middle;
		else
			hi = middle;
	}
	return mu * hi;
}
