/*
 * shamir.h
 *		Shamir's secret sharing of 32 bytes, byte by byte over GF(2^8) with the
 *		polynomial 0x11B (Shamir 1979).
 *
 * A secret is f(0) of a polynomial of degree t - 1, holder x = 1 … 128 gets
 * f(x); any t of them make the secret, t - 1 say nothing. Time and memory
 * accesses depend on t, n and the holders' indices only.
 */
#ifndef FED_CORE_SECAGG_SHAMIR_H
#define FED_CORE_SECAGG_SHAMIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"

#define FED_SHARE_BYTES 32
#define FED_SHAMIR_TRIES 10000	/* subsets that are looked at for wrong shares */

typedef uint8_t FedShare[FED_SHARE_BYTES];

/* a * b in GF(2^8), in constant time. */
extern uint8_t fed_gf256_multiply(uint8_t a, uint8_t b);

/* t - 1 fresh coefficients, from libcrypto's generator for private values. */
extern bool fed_shamir_fresh(FedShare *coefficients, uint32_t t,
							 FedSecaggError *err);

/*
 * The shares of holders 1 … n: shares[x - 1] = f(x), coefficients[m - 1] being
 * that of x^m, m = 1 … t - 1. 1 <= t <= n <= 128.
 */
extern bool fed_shamir_deal(const FedShare secret, const FedShare *coefficients,
							uint32_t t, uint32_t n, FedShare *shares,
							FedSecaggError *err);

/*
 * f(at) of the polynomial through t shares; at 0 this is the secret. Refuses
 * t = 0 and indices that are 0, above 128 or repeated. shares[i] is of holder
 * x[i].
 */
extern bool fed_shamir_combine(const uint8_t *x, const FedShare *shares,
							   uint32_t t, uint8_t at, FedShare out,
							   FedSecaggError *err);

/*
 * Whether a candidate is the secret, by what its owner committed to. It may
 * also not return: nothing is held meanwhile, and nothing secret is anywhere but
 * in `secret` of fed_shamir_recover.
 */
typedef bool (*FedShamirCheck) (const FedShare candidate, void *arg);

/*
 * The secret out of k >= t shares, of which some may be wrong: subsets of t are
 * tried, those next to each other in the order of the shares first, until
 * `check` knows the secret. tries: how many subsets may be looked at, and then
 * how many are left of them; FED_SHAMIR_TRIES, unless several secrets share them.
 * deviates[i], for each of the k shares, is then whether it does not lie on the
 * polynomial that gave the secret: dealer or holder lied, the numbers cannot tell
 * which. FED_SECAGG_REFUSED if no subset gives the secret.
 */
extern bool fed_shamir_recover(const uint8_t *x, const FedShare *shares,
							   uint32_t k, uint32_t t,
							   FedShamirCheck check, void *arg,
							   FedShare secret, bool *deviates,
							   uint32_t *tries, FedSecaggError *err);

#endif							/* FED_CORE_SECAGG_SHAMIR_H */
