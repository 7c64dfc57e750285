/*
 * momentum.c
 *		Momentum of the server's optimisers.
 */
#include "core/optim/momentum.h"

void
fed_momentum(double *direction, float *after, const float *before, double mu,
			 size_t n_values)
{
	for (size_t i = 0; i < n_values; i++)
	{
		if (before != NULL)
			direction[i] = mu * (double) before[i] + direction[i];
		after[i] = (float) direction[i];
	}
}
