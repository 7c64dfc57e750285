/*
 * secagg.c
 *		Secure aggregation in memory, for Python to call: what one Island does
 *		in an attempt, what the server does, and AES-256-CTR alone.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/secagg/envelope.h"
#include "core/secagg/mask.h"
#include "core/secagg/quantiser.h"
#include "core/secagg/shamir.h"

#define MOST FED_SECAGG_MAX_COHORT
#define PAGE_VALUES 2016		/* pages/layout.h */
#define FLOOR_BYTES 16384		/* at a time: it stays in the first cache */

typedef struct Cohort
{
	uint32_t	n;
	uint32_t	t;
	uint8_t		ctx[FED_CTX_BYTES];
	uint8_t		b[MOST][FED_KEY_BYTES];
	uint8_t		c_sk[MOST][FED_KEY_BYTES];
	uint8_t		m_sk[MOST][FED_KEY_BYTES];
	uint8_t		c_pk[MOST][FED_KEY_BYTES];
	uint8_t		m_pk[MOST][FED_KEY_BYTES];
	uint8_t		inbox[MOST][FED_ENVELOPE_BYTES];	/* to Island 1 */
	FedSecaggSet all;
} Cohort;

void		bench_secagg_free(Cohort *cohort);
Cohort	   *bench_secagg_new(uint32_t n);
bool		bench_secagg_floor(uint64_t bytes);
bool		bench_secagg_island(Cohort *cohort, const float *x, uint32_t *q, size_t d);
bool		bench_secagg_server(Cohort *cohort, uint32_t dropped, const uint8_t *wire, double *mean, size_t d);

void
bench_secagg_free(Cohort *cohort)
{
	free(cohort);
}

/* The envelope from Island u to Island 1; the shares in it do not matter. */
static bool
fill_inbox(Cohort *cohort, uint32_t u)
{
	uint8_t		key[FED_KEY_BYTES];

	return fed_share_key(cohort->c_sk[u - 1], cohort->c_pk[0], cohort->ctx, u, 1, key, NULL) &&
		fed_envelope_seal(key, cohort->ctx, u, 1, NULL, cohort->b[u - 1], cohort->b[u - 1], cohort->inbox[u - 1], NULL);
}

Cohort *
bench_secagg_new(uint32_t n)
{
	Cohort	   *cohort = calloc(1, sizeof(Cohort));
	bool		ok = cohort != NULL && n <= MOST;

	for (uint32_t i = 0; ok && i < n; i++)
	{
		ok = fed_secret_fresh(cohort->b[i], NULL) && fed_secret_fresh(cohort->c_sk[i], NULL) &&
			fed_secret_fresh(cohort->m_sk[i], NULL) && fed_x25519_public(cohort->c_sk[i], cohort->c_pk[i], NULL) &&
			fed_x25519_public(cohort->m_sk[i], cohort->m_pk[i], NULL);
		fed_set_add(&cohort->all, i + 1);
	}
	for (uint32_t u = 2; ok && u <= n; u++)
		ok = fill_inbox(cohort, u);
	if (!ok)
	{
		bench_secagg_free(cohort);
		return NULL;
	}
	cohort->n = n;
	cohort->t = fed_secagg_threshold(FED_SECAGG_ACTIVE, n);
	return cohort;
}

/* So many bytes of key stream, with the largest calls that still are in cache. */
bool
bench_secagg_floor(uint64_t bytes)
{
	static const uint8_t zeros[FLOOR_BYTES];
	static uint8_t out[FLOOR_BYTES];
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	bool		ok = aes != NULL && EVP_EncryptInit_ex(aes, EVP_aes_256_ctr(), NULL, zeros, zeros) == 1;
	int			len;

	for (uint64_t done = 0; ok && done < bytes; done += FLOOR_BYTES)
		ok = EVP_EncryptUpdate(aes, out, &len, zeros, bytes - done < FLOOR_BYTES ? (int) (bytes - done) : FLOOR_BYTES) == 1;
	EVP_CIPHER_CTX_free(aes);
	return ok;
}

/* New keys, two sharings, all envelopes out and in. */
static bool
exchange_shares(Cohort *cohort)
{
	static FedShare coefficients[MOST];
	static FedShare sk[MOST];
	static FedShare b[MOST];
	uint8_t		key[FED_KEY_BYTES];
	uint8_t		envelope[FED_ENVELOPE_BYTES];
	FedX25519  *own = fed_x25519_new(cohort->c_sk[0]);
	bool		ok = fed_x25519_public(cohort->c_sk[0], cohort->c_pk[0], NULL) &&
		fed_x25519_public(cohort->m_sk[0], cohort->m_pk[0], NULL) &&
		fed_shamir_fresh(coefficients, cohort->t, NULL) &&
		fed_shamir_deal(cohort->m_sk[0], coefficients, cohort->t, cohort->n, sk, NULL) &&
		fed_shamir_fresh(coefficients, cohort->t, NULL) &&
		fed_shamir_deal(cohort->b[0], coefficients, cohort->t, cohort->n, b, NULL);

	for (uint32_t v = 2; ok && v <= cohort->n; v++)
		ok = fed_share_key_as(own, cohort->c_pk[v - 1], cohort->ctx, 1, v, key, NULL) &&
			fed_envelope_seal(key, cohort->ctx, 1, v, NULL, sk[v - 1], b[v - 1], envelope, NULL) &&
			fed_share_key_as(own, cohort->c_pk[v - 1], cohort->ctx, v, 1, key, NULL) &&
			fed_envelope_open(key, cohort->ctx, v, 1, cohort->inbox[v - 1], sk[v - 1], b[v - 1], NULL);
	fed_x25519_free(own);
	return ok;
}

/* Island 1, from its keys to its masked update in q. */
bool
bench_secagg_island(Cohort *cohort, const float *x, uint32_t *q, size_t d)
{
	FedQuantiser quantiser = {.R = 1, .Q = fed_quantiser_levels(cohort->n), .W = 12345, .W_cap = FED_W_CAP};
	uint64_t	clamped = 0;
	FedMask    *mask = NULL;
	bool		ok = exchange_shares(cohort) &&
		(mask = fed_mask_of_island(1, cohort->b[0], cohort->m_sk[0], cohort->ctx, cohort->m_pk, cohort->n,
								   &cohort->all, NULL)) != NULL;

	/* page by page, so that a page is quantised and masked while it is in cache */
	for (size_t first = 0; ok && first < d; first += PAGE_VALUES)
	{
		size_t		count = d - first < PAGE_VALUES ? d - first : PAGE_VALUES;

		ok = fed_quantise(&quantiser, x + first, count, first, q + first, &clamped, NULL) &&
			fed_mask_apply(mask, FED_STREAM_DELTA, first, q + first, count, NULL);
	}
	fed_mask_free(mask);
	return ok;
}

/* The secrets of all, from t shares each; the shares themselves do not matter. */
static bool
combine_all(const Cohort *cohort)
{
	static FedShare shares[MOST];
	uint8_t		x[MOST];
	FedShare	out;

	for (uint32_t i = 0; i < cohort->t; i++)
		x[i] = (uint8_t) (i + 1);
	for (uint32_t u = 1; u <= cohort->n; u++)
		if (!fed_shamir_combine(x, shares, cohort->t, 0, out, NULL))
			return false;
	return true;
}

/*
 * The server, one process: the secrets, then page by page the sum of the
 * uploads of those who stayed, without masks, and its mean. All uploads are the
 * same bytes, `wire`, as memory for all of them is what a pass over pages has not.
 */
bool
bench_secagg_server(Cohort *cohort, uint32_t dropped, const uint8_t *wire, double *mean, size_t d)
{
	static uint8_t secrets[MOST][FED_KEY_BYTES];
	FedQuantiser quantiser = {.R = 1, .Q = fed_quantiser_levels(cohort->n), .W = 1, .W_cap = FED_W_CAP};
	FedSecaggSet u3 = {{0, 0}};
	uint32_t	sum[PAGE_VALUES];
	FedMask    *mask = NULL;
	bool		ok = combine_all(cohort);

	for (uint32_t u = 1; u <= cohort->n; u++)
	{
		memcpy(secrets[u - 1], u > dropped ? cohort->b[u - 1] : cohort->m_sk[u - 1], FED_KEY_BYTES);
		if (u > dropped)
			fed_set_add(&u3, u);
	}
	ok = ok && (mask = fed_mask_of_sum(secrets, cohort->ctx, cohort->m_pk, cohort->n, &cohort->all, &u3, NULL)) != NULL;
	for (size_t first = 0; ok && first < d; first += PAGE_VALUES)
	{
		size_t		count = d - first < PAGE_VALUES ? d - first : PAGE_VALUES;

		memset(sum, 0, sizeof(sum));
		for (uint32_t u = dropped; u < cohort->n; u++)
			fed_mask_sum(sum, wire + 4 * first, count);
		ok = fed_mask_apply(mask, FED_STREAM_DELTA, first, sum, count, NULL);
		fed_quantiser_mean(&quantiser, sum, count, 1, mean + first);
	}
	fed_mask_free(mask);
	return ok;
}
