/*
 * rdp.h
 *		Renyi differential privacy of the Gaussian mechanism, with and without a
 *		sampled cohort.
 *
 * z is the noise multiplier: the standard deviation of the noise on the sum, in
 * units of the norm to which each participant's part was clipped.
 */
#ifndef FED_CORE_DP_RDP_H
#define FED_CORE_DP_RDP_H

/*
 * FED_SAMPLING_NONE	everybody who might take part is assumed to
 * FED_SAMPLING_POISSON	each takes part with a probability of q, on its own
 * FED_SAMPLING_FIXED	a share q of all, all such cohorts alike
 *
 * Neighbours differ by one more or one less participant. A cohort of a fixed
 * size has to fill the place, so there one is replaced by another, which moves
 * the sum by twice the norm: z counts half.
 */
typedef enum FedSampling
{
	FED_SAMPLING_NONE,
	FED_SAMPLING_POISSON,
	FED_SAMPLING_FIXED
} FedSampling;

#define FED_RDP_ORDERS 156

/*
 * The orders: 1.1 to 10.9 by tenths, 11 to 63, 128, 256, 512, 1024.
 * 0 <= i < FED_RDP_ORDERS.
 */
extern double fed_rdp_order(int i);

/*
 * Adds the divergence of one round, times rounds, to sums, one for each order.
 * z > 0, 0 < q <= 1. An order for which no trustworthy value can be had becomes
 * infinite; 2 and greater integers never do.
 */
extern void fed_rdp_add(double sums[FED_RDP_ORDERS], double z, double q, FedSampling sampling, double rounds);

/* (order - 1) times the divergence; rdp_poisson.c. 0 < q < 1, order > 1. */
extern double fed_rdp_poisson(double z, double q, double order);

/* The same of integers below 64 and of powers of 2, in values[order]; rdp_fixed.c. */
#define FED_RDP_MOST 1024
extern void fed_rdp_fixed(double values[FED_RDP_MOST + 1], double z, double q);

#endif							/* FED_CORE_DP_RDP_H */
