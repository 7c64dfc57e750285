/*
 * transcript.h
 *		The hashes and signatures that bind everything of an attempt: each covers
 *		what came before it, so two Islands that agree on one agree on all.
 *
 * Integers are little-endian, labels end with a zero byte, a session's UUID is
 * in network order. Both sides compute all of this themselves; none is taken
 * from a message.
 */
#ifndef FED_CORE_SECAGG_TRANSCRIPT_H
#define FED_CORE_SECAGG_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/digest.h"
#include "core/secagg/failure.h"
#include "core/secagg/hkdf.h"
#include "core/secagg/keys.h"
#include "core/secagg/sets.h"
#include "core/secagg/threshold.h"

#define FED_SECAGG_MAX_VECTORS 2
#define FED_SECAGG_SLICE_VALUES 262080	/* 130 pages of 2016 */
#define FED_ADV_BYTES 112
#define FED_SESSION_BYTES 16	/* as uuid_send gives it */

/*
 * base: what is trained on, out of the distributed vectors one after the other
 * (the model; with SCAFFOLD also the server's control variate).
 */
typedef struct FedSecaggBase FedSecaggBase;

extern FedSecaggBase *fed_base_new(uint32_t n_vectors);	/* NULL on failure */
extern bool fed_base_vector(FedSecaggBase *base, uint64_t n_values);

/* The next values of the vector; exactly n_values in any number of calls. */
extern bool fed_base_values(FedSecaggBase *base, const float *values,
							size_t count);

/* False, too, if vectors or values are missing or too many. */
extern bool fed_base_final(FedSecaggBase *base,
						   uint8_t hash[FED_SHA256_BYTES]);
extern void fed_base_free(FedSecaggBase *base); /* NULL is allowed */

/* One uploaded vector. */
typedef struct FedSecaggVector
{
	uint32_t	stream;
	uint64_t	n_values;		/* d */
	double		range;			/* R */
} FedSecaggVector;

/* All that is fixed before anybody advertises. */
typedef struct FedSecaggParams
{
	uint8_t		session[FED_SESSION_BYTES];
	uint32_t	round;
	uint32_t	attempt;
	FedSecaggMode mode;
	FedSecaggWeights weights;
	uint32_t	n_vectors;		/* k: 0 in an evaluation, 2 with SCAFFOLD */
	FedSecaggVector vectors[FED_SECAGG_MAX_VECTORS];	/* streams ascending */
	uint32_t	aux_len;		/* values */
	uint32_t	slice_values;
	uint64_t	Q;
	uint32_t	W_cap;
	uint32_t	n_cap;
	uint32_t	n_max;
	double		clip;			/* this and the next two 0 without DP */
	uint64_t	noise_var;
	uint64_t	aux_noise_var;
	uint8_t		base[FED_SHA256_BYTES];
	uint8_t		task[FED_SHA256_BYTES];	/* SHA-256 of the task text */
} FedSecaggParams;

extern bool fed_secagg_c0(const FedSecaggParams *params,
						  uint8_t c0[FED_SHA256_BYTES], FedSecaggError *err);

/* What an Island says of itself. */
typedef struct FedSecaggAdv
{
	uint8_t		pid[FED_PID_BYTES];
	uint8_t		c_pk[FED_KEY_BYTES];
	uint8_t		m_pk[FED_KEY_BYTES];
	uint8_t		commit[FED_SHA256_BYTES];
} FedSecaggAdv;

/* The commitment to b. */
extern bool fed_secagg_commit(const uint8_t c0[FED_SHA256_BYTES],
							  const uint8_t pid[FED_PID_BYTES],
							  const uint8_t b[FED_KEY_BYTES],
							  uint8_t commit[FED_SHA256_BYTES],
							  FedSecaggError *err);

extern void fed_adv_pack(const FedSecaggAdv *adv, uint8_t bytes[FED_ADV_BYTES]);
extern void fed_adv_unpack(const uint8_t bytes[FED_ADV_BYTES],
						   FedSecaggAdv *adv);

/*
 * Whether reconstructed secrets are those that adv commits to: b by the hash,
 * m_sk by its public key. In constant time. False on any failure.
 */
extern bool fed_adv_has_b(const FedSecaggAdv *adv,
						  const uint8_t c0[FED_SHA256_BYTES],
						  const uint8_t b[FED_KEY_BYTES]);
extern bool fed_adv_has_m_sk(const FedSecaggAdv *adv,
							 const uint8_t m_sk[FED_KEY_BYTES]);

/*
 * The rules for n messages in the order of u: 3 <= n <= n_max (at most 128),
 * pids strictly ascending, no key twice, be it as c_pk or m_pk, none of low
 * order. Signatures and identities are checked apart from it.
 */
extern bool fed_roster_check(const FedSecaggAdv *members, uint32_t n,
							 uint32_t n_max, FedSecaggError *err);

/* ctx: c0, n, t and all messages in the order of u, as they were sent. */
extern bool fed_secagg_ctx(const uint8_t c0[FED_SHA256_BYTES],
						   uint32_t n, uint32_t t,
						   const uint8_t (*advs)[FED_ADV_BYTES],
						   uint8_t ctx[FED_CTX_BYTES], FedSecaggError *err);

/*
 * manifest: what Island u uploads, by the hashes of its slices, vector by
 * vector with streams ascending, and of its aux bytes.
 */
typedef struct FedSecaggManifest FedSecaggManifest;

extern FedSecaggManifest *fed_upload_manifest_new(const uint8_t ctx[FED_CTX_BYTES],
												  uint32_t u,
												  uint32_t n_vectors);
extern bool fed_upload_manifest_vector(FedSecaggManifest *manifest,
									   uint32_t stream, uint32_t n_slices);
extern bool fed_upload_manifest_slice(FedSecaggManifest *manifest,
									  const uint8_t slice[FED_SHA256_BYTES]);

/*
 * Takes the masked aux bytes (len 0 if there are none). False, too, if vectors
 * or slices are missing or too many.
 */
extern bool fed_upload_manifest_final(FedSecaggManifest *manifest,
									  const uint8_t *aux, size_t len,
									  uint8_t hash[FED_SHA256_BYTES]);
extern void fed_upload_manifest_free(FedSecaggManifest *manifest);	/* or NULL */

/* sets: who shared (U2) and who committed (U3). */
extern bool fed_secagg_sets(const uint8_t ctx[FED_CTX_BYTES],
							const FedSecaggSet *u2, const FedSecaggSet *u3,
							uint8_t hash[FED_SHA256_BYTES],
							FedSecaggError *err);

/*
 * The three signatures of an active session, by the identity's seed and key:
 * of adv (with c0), of a manifest (upload) and of the sets (agree). Verifying
 * fails with FED_SECAGG_REFUSED.
 */
extern bool fed_sign_adv(const uint8_t seed[FED_KEY_BYTES],
						 const uint8_t c0[FED_SHA256_BYTES],
						 const uint8_t adv[FED_ADV_BYTES],
						 uint8_t signature[FED_SIGNATURE_BYTES],
						 FedSecaggError *err);
extern bool fed_verify_adv(const uint8_t identity_pk[FED_KEY_BYTES],
						   const uint8_t c0[FED_SHA256_BYTES],
						   const uint8_t adv[FED_ADV_BYTES],
						   const uint8_t signature[FED_SIGNATURE_BYTES],
						   FedSecaggError *err);
extern bool fed_sign_upload(const uint8_t seed[FED_KEY_BYTES],
							const uint8_t manifest[FED_SHA256_BYTES],
							uint8_t signature[FED_SIGNATURE_BYTES],
							FedSecaggError *err);
extern bool fed_verify_upload(const uint8_t identity_pk[FED_KEY_BYTES],
							  const uint8_t manifest[FED_SHA256_BYTES],
							  const uint8_t signature[FED_SIGNATURE_BYTES],
							  FedSecaggError *err);
extern bool fed_sign_agree(const uint8_t seed[FED_KEY_BYTES],
						   const uint8_t sets[FED_SHA256_BYTES],
						   uint8_t signature[FED_SIGNATURE_BYTES],
						   FedSecaggError *err);
extern bool fed_verify_agree(const uint8_t identity_pk[FED_KEY_BYTES],
							 const uint8_t sets[FED_SHA256_BYTES],
							 const uint8_t signature[FED_SIGNATURE_BYTES],
							 FedSecaggError *err);

#endif							/* FED_CORE_SECAGG_TRANSCRIPT_H */
