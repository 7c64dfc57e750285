/*
 * rdp_fixed.c
 *		Renyi divergence of the Gaussian mechanism whose cohort is a fixed share
 *		of all, drawn without replacement: Wang, Balle, Kasiviswanathan 2019,
 *		theorem 27.
 *
 * It bounds (a - 1) times the divergence of order a by ln(1 + sum over j = 2..a
 * of C(a, j) q^j c(j)), where
 *
 *		c(2) = min(4 (e^(1/z^2) - 1), 2 e^(1/z^2)),
 *		c(j) = min(4 sqrt(B(2 floor(j/2)) B(2 ceil(j/2))), 2 e^(j (j - 1) / (2 z^2))),
 *		B(l) = E (e^(t/z - 1/(2 z^2)) - 1)^l,  t standard normal.
 *
 * B is given as an alternating sum, which cancels; l is even, so the mean is one
 * of positive numbers.
 */
#include <math.h>

#include "core/dp/logspace.h"
#include "core/dp/rdp.h"

#define MOST_DIFFERENCES 256	/* orders above this one take the second bound, which is near by then */

/* ln E e^(l (t/z - 1/(2 z^2))) */
static double
log_moment(double z, int l)
{
	return (double) l * (l - 1) / 2 / z / z;
}

/*
 * ln B(l). From 4 B(l) >= 2 e^(l (l - 1) / (2 z^2)) on it does not matter, nor
 * for any greater l: the last two of its alternating terms say when.
 *
 * Trapezoidal rule: the Fourier transform of each term falls like e^(-w^2/2),
 * and what they add up to in magnitude is at most (2 + 2 z)^l times B.
 */
static double
log_difference(double z, int l)
{
	double		step;
	double		last;
	double		sum = -INFINITY;

	if (log(2 * l) < (l - 1) / z / z)
		return log_moment(z, l);
	step = 2 * acos(-1) / sqrt(2 * (l * log(2 + 2 * z) + 40));
	last = l / z + sqrt(l) + 1 / z + 9;
	for (double t = -sqrt(l) - 9; t < last; t += step)
	{
		double		ratio = fabs(expm1(t / z - 1 / (2 * z * z)));

		if (ratio > 0)
			sum = log_add(sum, l * log(ratio) - t * t / 2);
	}
	return sum + log(step) - log(2 * acos(-1)) / 2;
}

/* ln(1 + sum of C(a, j) q^j e^terms[j]) */
static double
bound(const double *terms, double log_q, int a)
{
	double		log_choose = log(a);
	double		sum = -INFINITY;

	for (int j = 2; j <= a; j++)
	{
		log_choose += log((a - j + 1.0) / j);
		sum = log_add(sum, log_choose + j * log_q + terms[j]);
	}
	return log_add_one(sum);
}

void
fed_rdp_fixed(double values[FED_RDP_MOST + 1], double z, double q)
{
	double		differences[MOST_DIFFERENCES + 1];	/* ln B at even places */
	double		terms[FED_RDP_MOST + 1];
	double		loose[FED_RDP_MOST + 1];
	double		second = 1 / z / z;

	for (int l = 2; l <= MOST_DIFFERENCES; l += 2)
		differences[l] = log_difference(z, l);
	terms[2] = loose[2] = fmin(log(4) + log_expm1(second), log(2) + second);
	for (int j = 3; j <= FED_RDP_MOST; j++)
	{
		terms[j] = loose[j] = log(2) + log_moment(z, j);
		if (j <= MOST_DIFFERENCES)
			terms[j] = fmin(terms[j], log(4) + (differences[j / 2 * 2] + differences[(j + 1) / 2 * 2]) / 2);
	}
	values[0] = values[1] = 0;
	for (int a = 2; a <= FED_RDP_MOST; a++)
	{
		if (a < 64 || (a & (a - 1)) == 0)
			values[a] = bound(a <= MOST_DIFFERENCES ? terms : loose, log(q), a);
	}
}
