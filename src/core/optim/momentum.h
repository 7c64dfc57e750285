/*
 * momentum.h
 *		Momentum of the server's optimisers.
 */
#ifndef FED_CORE_OPTIM_MOMENTUM_H
#define FED_CORE_OPTIM_MOMENTUM_H

#include <stddef.h>

/*
 * direction[i] = mu * before[i] + direction[i], each operation rounded on its
 * own, and after[i] the same rounded to float32; before may be NULL (all zero)
 * or after.
 */
extern void fed_momentum(double *direction, float *after, const float *before,
						 double mu, size_t n_values);

#endif							/* FED_CORE_OPTIM_MOMENTUM_H */
