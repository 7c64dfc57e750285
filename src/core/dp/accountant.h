/*
 * accountant.h
 *		What rounds with Gaussian noise cost in privacy, together.
 *
 * Discrete Gaussian noise is counted like continuous noise of the same standard
 * deviation: without sampling that is what it is worth or more (Canonne, Kamath,
 * Steinke 2020, theorem 7), with sampling it is common practice.
 */
#ifndef FED_CORE_DP_ACCOUNTANT_H
#define FED_CORE_DP_ACCOUNTANT_H

#include <stdbool.h>

#include "core/dp/rdp.h"

typedef struct FedAccountant
{
	bool		empty;
	double		rdp[FED_RDP_ORDERS];
	double		mu_squared;		/* as if nothing had been sampled; gaussian_curve.h */
} FedAccountant;

typedef struct FedEpsilon
{
	double		epsilon;
	bool		exact;			/* by the exact curve, which takes every rate to be 1 */
	double		order;			/* otherwise: the order that gave it; 0 without rounds */
} FedEpsilon;

extern void fed_accountant_start(FedAccountant *accountant);

/*
 * Adds rounds that are alike. 1e-9 <= z <= 1e9, 0 < q <= 1 (q is 1 without
 * sampling), rounds >= 0; the sum of rounds below 1e19. In milliseconds,
 * however many rounds.
 */
extern void fed_accountant_add(FedAccountant *accountant, double z, double q, FedSampling sampling, double rounds);

/*
 * Epsilon for 0 < delta < 1: the least that an order gives, or, where it is
 * allowed, the exact curve if that gives less; it is 0 without rounds.
 */
extern FedEpsilon fed_accountant_epsilon(const FedAccountant *accountant, double delta, bool allow_exact);

#define FED_LEAST_Z 1e-3
#define FED_MOST_Z 1e6

/*
 * The least noise multiplier with which rounds cost no more than epsilon, to a
 * billionth of it and never too small; NAN if it is not within FED_LEAST_Z and
 * FED_MOST_Z. epsilon > 0, rounds > 0. keep_on, if not NULL, is called between
 * steps.
 */
extern double fed_noise_multiplier(double epsilon, double q, FedSampling sampling, double rounds, double delta,
								   void (*keep_on) (void));

#endif							/* FED_CORE_DP_ACCOUNTANT_H */
