/*
 * rdp_poisson.c
 *		Renyi divergence of the Gaussian mechanism whose participants are drawn,
 *		each on its own (Mironov, Talwar, Zhang 2019).
 *
 * (a - 1) times the divergence of order a is ln A, where
 *
 *		A = E (1 + u)^a,  u = q (e^(t/z - 1/(2 z^2)) - 1),  t standard normal.
 *
 * A may be 1 and 10^-14, or e^10000; so it is A - 1 that is computed, by terms
 * that are all positive, and the logarithms of those.
 */
#include <math.h>
#include <stdbool.h>

#include "core/dp/logspace.h"
#include "core/dp/rdp.h"

/* From here up the integral takes few points; below, the series few terms. */
#define LEAST_Z_TO_INTEGRATE 0.25

/*
 * For an integer a, equation 6 of the paper without what adds up to 1: the sum
 * over i >= 2 of C(a, i) (1 - q)^(a - i) q^i (e^((i^2 - i) / (2 z^2)) - 1).
 */
static double
by_binomials(double z, double q, int a)
{
	double		log_q = log(q);
	double		log_rest = log1p(-q);
	double		log_choose = log(a);	/* C(a, i - 1), at first of i = 2 */
	double		sum = -INFINITY;

	for (int i = 2; i <= a; i++)
	{
		log_choose += log((a - i + 1.0) / i);
		sum = log_add(sum, log_choose + (a - i) * log_rest + i * log_q
					  + log_expm1((double) i * (i - 1) / 2 / z / z));
	}
	return log_add_one(sum);
}

/*
 * ln((1 + u)^a - 1 - a u). E u = 0, so the mean of this is A - 1, and it is
 * positive, because (1 + u)^a is convex.
 */
static double
log_excess(double u, double a)
{
	double		power;

	if (fabs(a * u) < 0.1)
	{
		/* The binomial series from u^2 on; its terms shrink at least by a third each. */
		double		term = a * (a - 1) / 2;
		double		sum = 0;

		for (int k = 2; k < 40; k++)
		{
			sum += term;
			term *= u * (a - k) / (k + 1);
		}
		return u == 0 ? -INFINITY : log(sum) + 2 * log(fabs(u));
	}
	power = a * log1p(u);
	if (power < 1)
		return log(expm1(power) - a * u);
	return power + log1p(-exp(log1p(a * u) - power));
}

/*
 * By the trapezoidal rule, whose error falls exponentially with the number of
 * points where the function can be continued into the plane: to a distance of
 * pi z, where 1 + u = 0. Half of z a step leaves e^(-4 pi^2) of it.
 */
static double
by_integral(double z, double q, double a)
{
	double		step = fmin(z / 2, 0.4);
	double		last = a / z + 9;
	double		sum = -INFINITY;

	for (double t = -9; t < last; t += step)
		sum = log_add(sum, log_excess(q * expm1(t / z - 1 / (2 * z * z)), a) - t * t / 2);
	return log_add_one(sum + log(step) - log(2 * acos(-1)) / 2);
}

/* Sums of an alternating series' positive and negative terms, by their logarithms. */
typedef struct Signed
{
	double		plus;
	double		minus;
} Signed;

static void
add_term(Signed *sum, double term, bool negative)
{
	double	   *side = negative ? &sum->minus : &sum->plus;

	*side = log_add(*side, term);
}

#define MOST_TERMS 50000
#define SMALL_TERM (-30)		/* its logarithm, in proportion to the sum */

/*
 * Section 3.3 of the paper: the integral is cut where 1 - q = q e^(...), and
 * the binomial series on either side of it is integrated term by term. Beyond
 * i = a the binomial coefficients alternate, and so do the terms. Half of the
 * last one leaves an error that is a small part of it. NAN if they do not
 * become small, or if the sum is not positive.
 */
static double
by_series(double z, double q, double a)
{
	double		cut = z * z * (log1p(-q) - log(q)) + 0.5;
	double		log_choose = 0;
	bool		negative = false;
	Signed		sum = {-INFINITY, -INFINITY};

	for (int i = 0; i < MOST_TERMS; i++)
	{
		double		j = a - i;
		double		left = log_choose + i * log(q) + j * log1p(-q) + i * (i - 1.0) / 2 / z / z
			+ log_erfc((i - cut) / z * sqrt(0.5)) - log(2);
		double		right = log_choose + j * log(q) + i * log1p(-q) + j * (j - 1) / 2 / z / z
			+ log_erfc((cut - j) / z * sqrt(0.5)) - log(2);
		double		term = log_add(left, right);
		bool		last = i > a + 1 && term < sum.plus + SMALL_TERM;

		add_term(&sum, last ? term - log(2) : term, negative);
		if (last)
			return sum.plus > sum.minus ? log_subtract(sum.plus, sum.minus) : NAN;
		log_choose += log(fabs(j) / (i + 1));
		negative ^= j < 0;
	}
	return NAN;
}

/*
 * Whether a value can be ln A: it is convex in a, so it lies below the line
 * between its neighbours at integers and above those through two to the right
 * or to the left of it.
 */
static bool
is_plausible(double value, double z, double q, double a)
{
	int			below = (int) floor(a);
	double		part = a - below;
	double		at[4];			/* below - 1 to below + 2 */
	double		slack;

	for (int i = 0; i < 4; i++)
		at[i] = below - 1 + i > 1 ? by_binomials(z, q, below - 1 + i) : 0;
	slack = 1e-9 * at[3] + 1e-13;
	return value <= at[1] * (1 - part) + at[2] * part + slack
		&& value >= at[2] - (at[3] - at[2]) * (1 - part) - slack
		&& value >= at[1] + (at[1] - at[0]) * part - slack;
}

double
fed_rdp_poisson(double z, double q, double order)
{
	double		value;

	if (order == floor(order))
		return by_binomials(z, q, (int) order);
	if (z >= LEAST_Z_TO_INTEGRATE)
		return by_integral(z, q, order);
	value = by_series(z, q, order);
	return is_plausible(value, z, q, order) ? value : INFINITY;
}
