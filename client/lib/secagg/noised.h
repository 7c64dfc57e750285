/*
 * noised.h
 *		An update as integers that are clipped and noised on the Island
 *		(distributed discrete Gaussian, Kairouz, Liu, Steinke 2021).
 *
 * The integers' norm is at most Q exactly, which stands for the clip norm; each
 * then gets a sample of the discrete Gaussian. Other Islands' noise is added to
 * it in the sum: alone it is not as much as the session promises, so what is made
 * here leaves under masks only.
 */
#ifndef FED_CLIENT_SECAGG_NOISED_H
#define FED_CLIENT_SECAGG_NOISED_H

#include "core/dp/discrete_gaussian.h"
#include "lib/file.h"
#include "lib/secagg/plan_privacy.h"

typedef struct FedNoised
{
	FedNoiseTerms terms;
	FedDpScale	scale;			/* once written */
	FedNoise   *noise;
} FedNoised;

/* Opens a stream of noise under a key that nobody keeps. End it in either case. */
extern bool fed_noised_begin(FedNoised *noised, const FedNoiseTerms *terms, FedError *err);

/*
 * Writes the integers of a delta (float32 values as on the wire), once. It is read
 * as often as the search for the scale needs, a slice at most in memory.
 * FED_ERR_TRAINER for NaN and infinity.
 */
extern bool fed_noised_write(FedNoised *noised, const FedMapping *delta, int fd, const char *path, FedError *err);

/* Whether what was written was within the clip norm, noised: the count of adaptive clipping. */
extern bool fed_noised_aux(FedNoised *noised, uint32_t *aux, FedError *err);

extern void fed_noised_end(FedNoised *noised);

#endif							/* FED_CLIENT_SECAGG_NOISED_H */
