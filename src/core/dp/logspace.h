/*
 * logspace.h
 *		Numbers by their logarithm, where they or their differences from 1 are
 *		out of a double's reach. -INFINITY is the logarithm of 0.
 */
#ifndef FED_CORE_DP_LOGSPACE_H
#define FED_CORE_DP_LOGSPACE_H

#include <math.h>

/* ln(e^a + e^b) */
static inline double
log_add(double a, double b)
{
	double		hi = fmax(a, b);
	double		lo = fmin(a, b);

	return lo == -INFINITY ? hi : hi + log1p(exp(lo - hi));
}

/* ln(e^a - e^b), a >= b */
static inline double
log_subtract(double a, double b)
{
	return b == -INFINITY ? a : a + log(-expm1(b - a));
}

/* ln(1 + e^a) */
static inline double
log_add_one(double a)
{
	return a > 0 ? a + log1p(exp(-a)) : log1p(exp(a));
}

/* ln(e^x - 1), x > 0 */
static inline double
log_expm1(double x)
{
	return x > 1 ? x + log1p(-exp(-x)) : log(expm1(x));
}

/*
 * ln erfc(x), also where erfc underflows: from 20 on by its asymptotic series
 * (Abramowitz, Stegun, 7.1.23), eight terms of which are exact to 10^-17.
 */
static inline double
log_erfc(double x)
{
	double		sum = 1;
	double		term = 1;

	if (x < 20)
		return log(erfc(x));
	for (int k = 1; k <= 8; k++)
	{
		term *= -(2 * k - 1) / (2 * x * x);
		sum += term;
	}
	return -x * x - log(x * sqrt(acos(-1))) + log(sum);
}

#endif							/* FED_CORE_DP_LOGSPACE_H */
