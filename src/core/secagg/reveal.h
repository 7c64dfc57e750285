/*
 * reveal.h
 *		The message in which an Island gives away the shares it holds: for each
 *		owner either of b or of m_sk, never both.
 */
#ifndef FED_CORE_SECAGG_REVEAL_H
#define FED_CORE_SECAGG_REVEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"
#include "core/secagg/sets.h"
#include "core/secagg/shamir.h"

#define FED_REVEAL_BYTES 38		/* per owner: le32 owner, kind, x, share */

typedef enum FedRevealKind
{
	FED_REVEAL_B = 1,			/* the owner is in U3 */
	FED_REVEAL_SK = 2			/* the owner is in U2 but not in U3 */
} FedRevealKind;

typedef struct FedReveal
{
	uint32_t	owner;
	FedRevealKind kind;
	uint8_t		x;				/* the revealer */
	FedShare	share;
} FedReveal;

/* Writes count entries, FED_REVEAL_BYTES each. */
extern void fed_reveal_pack(const FedReveal *entries, size_t count,
							uint8_t *bytes);

/*
 * Reads at most FED_SECAGG_MAX_COHORT entries: whole ones, owners ascending
 * without repeats among 1 … n, kinds that exist, x = revealer.
 */
extern bool fed_reveal_parse(const uint8_t *bytes, size_t len,
							 uint32_t revealer, uint32_t n,
							 FedReveal entries[FED_SECAGG_MAX_COHORT],
							 size_t *count, FedSecaggError *err);

/*
 * Whether parsed entries are what the frozen sets ask for: every owner of U2
 * but those in `without` (whose envelopes the revealer complained of; may be
 * NULL), each with the kind that its set gives.
 */
extern bool fed_reveal_check(const FedReveal *entries, size_t count,
							 const FedSecaggSet *u2, const FedSecaggSet *u3,
							 const FedSecaggSet *without,
							 FedSecaggError *err);

#endif							/* FED_CORE_SECAGG_REVEAL_H */
