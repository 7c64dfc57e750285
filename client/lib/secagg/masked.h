/*
 * masked.h
 *		The update as it is sent: integers under masks, and their manifest.
 */
#ifndef FED_CLIENT_SECAGG_MASKED_H
#define FED_CLIENT_SECAGG_MASKED_H

#include "lib/file.h"
#include "lib/secagg/kept.h"
#include "lib/secagg/state.h"

/* Ready to be sent: hashes has one SHA-256 per slice. */
typedef struct FedMasked
{
	FedMapping	values;			/* empty for an evaluation */
	uint8_t    *hashes;
} FedMasked;

/*
 * Masks what is kept for the attempt's ctx and U2, writes it to the session's
 * file, and puts manifest and masked aux into the state, which is not saved here.
 */
extern bool fed_masked_make(const char *dir, const FedKept *kept, const FedSecrets *secrets, FedState *state, FedError *err);

/* Opens what was made. False, without an error, if it is not what the manifest in the state says. */
extern bool fed_masked_open(const char *dir, const FedState *state, bool evaluation, FedMasked *out);
extern void fed_masked_close(FedMasked *masked);

#endif							/* FED_CLIENT_SECAGG_MASKED_H */
