/*
 * noised.c
 *		An update as integers that are clipped and noised on the Island.
 */
#include "lib/secagg/noised.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/secagg/quantiser.h"
#include "lib/slices.h"

/* What a slice needs on its way. */
typedef struct Buffers
{
	float	   *x;
	uint32_t   *q;
	int64_t    *noise;
	uint8_t    *out;
} Buffers;

static bool
make_buffers(Buffers *buffers, FedError *err)
{
	buffers->x = malloc(FED_SLICE_BYTES);
	buffers->q = malloc(FED_SLICE_BYTES);
	buffers->noise = malloc(FED_SLICE_VALUES * sizeof(int64_t));
	buffers->out = malloc(FED_SLICE_BYTES);
	return (buffers->x != NULL && buffers->q != NULL && buffers->noise != NULL && buffers->out != NULL) || fed_error_memory(err);
}

/* With the noise known, so would be what it hides. */
static void
free_buffers(Buffers *buffers)
{
	if (buffers->noise != NULL)
		OPENSSL_cleanse(buffers->noise, FED_SLICE_VALUES * sizeof(int64_t));
	free(buffers->x);
	free(buffers->q);
	free(buffers->noise);
	free(buffers->out);
}

static bool
no_random_numbers(FedError *err)
{
	return fed_error_set(err, FED_ERR_LOCAL, "libcrypto gives no random numbers");
}

bool
fed_noised_begin(FedNoised *noised, const FedNoiseTerms *terms, FedError *err)
{
	memset(noised, 0, sizeof(*noised));
	noised->terms = *terms;
	noised->noise = fed_noise_new(NULL);
	return noised->noise != NULL || no_random_numbers(err);
}

void
fed_noised_end(FedNoised *noised)
{
	fed_noise_free(noised->noise);
	memset(noised, 0, sizeof(*noised));
}

static bool
read_delta(void *arg, uint64_t first, size_t n, float *out)
{
	const FedMapping *delta = arg;

	memcpy(out, delta->data + 4 * first, 4 * n);
	fed_floats_to_wire(out, n);
	return true;
}

/* Modulo 2^32, as everything that is summed. */
static bool
write_slice(FedNoised *noised, const FedMapping *delta, uint64_t slice, Buffers *buffers, int fd, const char *path,
			FedError *err)
{
	size_t		bytes = fed_slice_length(delta->len, slice);
	size_t		n = bytes / 4;

	if (!fed_noise_fill(noised->noise, buffers->noise, n, noised->terms.noise_var))
		return no_random_numbers(err);
	read_delta((void *) delta, slice * FED_SLICE_VALUES, n, buffers->x);
	fed_dp_steps(&noised->scale, buffers->x, n, buffers->q);
	for (size_t i = 0; i < n; i++)
		buffers->q[i] += (uint32_t) buffers->noise[i];
	fed_words_pack(buffers->q, n, buffers->out);
	return fed_write_at(fd, buffers->out, bytes, slice * FED_SLICE_BYTES, path, err);
}

bool
fed_noised_write(FedNoised *noised, const FedMapping *delta, int fd, const char *path, FedError *err)
{
	Buffers		buffers = {0};
	FedSecaggError why;
	bool		ok;

	if (!fed_dp_scale(read_delta, (void *) delta, delta->len / 4, noised->terms.clip, noised->terms.Q, &noised->scale, &why))
		return fed_error_set(err, why.code == FED_SECAGG_MALFORMED ? FED_ERR_TRAINER : FED_ERR_LOCAL, "%s", why.message);
	ok = make_buffers(&buffers, err);
	for (uint64_t slice = 0; ok && slice < fed_slice_count(delta->len); slice++)
		ok = write_slice(noised, delta, slice, &buffers, fd, path, err);
	free_buffers(&buffers);
	return ok;
}

bool
fed_noised_aux(FedNoised *noised, uint32_t *aux, FedError *err)
{
	int64_t		noise;
	bool		ok = fed_noise_fill(noised->noise, &noise, 1, noised->terms.aux_noise_var);

	if (ok)
		*aux = fed_dp_aux(noised->scale.within) + (uint32_t) noise;
	OPENSSL_cleanse(&noise, sizeof(noise));
	return ok || no_random_numbers(err);
}
