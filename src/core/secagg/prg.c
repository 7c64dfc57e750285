/*
 * prg.c
 *		AES-256-CTR key stream from any place, over libcrypto.
 */
#include "core/secagg/prg.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "core/secagg/bytes.h"

#define BLOCK_VALUES 4

struct FedPrg
{
	EVP_CIPHER_CTX *aes;
	uint64_t	stream;			/* where the cipher stands */
	uint64_t	next;
	bool		placed;			/* whether it stands anywhere yet */
};

/* What is encrypted: the key stream itself is left. */
static const uint8_t zeros[FED_PRG_CHUNK * sizeof(uint32_t)];

FedPrg *
fed_prg_new(const uint8_t key[FED_KEY_BYTES])
{
	FedPrg	   *prg = calloc(1, sizeof(FedPrg));

	if (prg == NULL)
		return NULL;
	prg->aes = EVP_CIPHER_CTX_new();
	if (prg->aes == NULL ||
		EVP_EncryptInit_ex(prg->aes, EVP_aes_256_ctr(), NULL, key, zeros) != 1)
	{
		fed_prg_free(prg);
		return NULL;
	}
	return prg;
}

/* Sets the counter, unless the cipher stands there already. */
static bool
place(FedPrg *prg, uint64_t stream, uint64_t first)
{
	uint8_t		counter[16];

	if (prg->placed && prg->stream == stream && prg->next == first)
		return true;
	fed_store_be64(counter, stream);
	fed_store_be64(counter + 8, first / BLOCK_VALUES);
	return EVP_EncryptInit_ex(prg->aes, NULL, NULL, NULL, counter) == 1;
}

bool
fed_prg_fill(FedPrg *prg, uint64_t stream, uint64_t first,
			 uint32_t *values, size_t count)
{
	int			len = (int) (count * sizeof(uint32_t));
	int			written;
	bool		ok;

	if (first % BLOCK_VALUES != 0 || count > FED_PRG_CHUNK)
		return false;
	ok = place(prg, stream, first) &&
		EVP_EncryptUpdate(prg->aes, (uint8_t *) values, &written, zeros, len) == 1 &&
		written == len;
	prg->placed = ok;
	prg->stream = stream;
	prg->next = first + count;
	for (size_t i = 0; i < count; i++)
		values[i] = FED_LE32(values[i]);
	return ok;
}

void
fed_prg_free(FedPrg *prg)
{
	if (prg == NULL)
		return;
	EVP_CIPHER_CTX_free(prg->aes);	/* cleanses the key schedule */
	free(prg);
}
