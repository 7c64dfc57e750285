/*
 * offer.c
 *		What a task says of its attempt at secure aggregation.
 */
#include "lib/secagg/offer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/secagg/task_text.h"
#include "lib/json.h"

static bool
parse_due(const json_t *secagg, FedDue *out, FedError *err)
{
	static const char *const names[] = {
		[FED_DUE_ADVERTISE] = "advertise",
		[FED_DUE_SHARE] = "share",
		[FED_DUE_UPLOAD] = "upload",
		[FED_DUE_AGREE] = "agree",
		[FED_DUE_REVEAL] = "reveal",
	};
	const char *name = fed_json_text(secagg, "due");

	*out = FED_DUE_NOTHING;
	for (int i = FED_DUE_ADVERTISE; name != NULL && i <= FED_DUE_REVEAL; i++)
	{
		if (strcmp(name, names[i]) == 0)
			*out = (FedDue) i;
	}
	return name == NULL || *out != FED_DUE_NOTHING ||
		fed_error_set(err, FED_ERR_PROTOCOL, "the task asks for a step of secure aggregation that does not exist");
}

/* Base64, with or without line ends, of at most so many bytes; malloc'd, terminated. */
static bool
decode_text(const char *base64, char **out, size_t *len, FedError *err)
{
	size_t		size = base64 == NULL ? 0 : strlen(base64);
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	int			used = 0;
	int			rest = 0;
	bool		ok = base64 != NULL && size <= 2 * FED_TASK_TEXT_BYTES;

	*out = malloc(ok ? size + 64 : 1);
	if (ctx == NULL || *out == NULL)
	{
		EVP_ENCODE_CTX_free(ctx);
		return fed_error_memory(err);
	}
	EVP_DecodeInit(ctx);
	ok = ok && EVP_DecodeUpdate(ctx, (unsigned char *) *out, &used, (const unsigned char *) base64, (int) size) >= 0 &&
		EVP_DecodeFinal(ctx, (unsigned char *) *out + used, &rest) == 1;
	EVP_ENCODE_CTX_free(ctx);
	*len = ok ? (size_t) (used + rest) : 0;
	(*out)[*len] = '\0';
	return ok || fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"task_text\" is missing, too long or not base64");
}

static bool
parse_vectors(const json_t *secagg, FedOffer *out, FedError *err)
{
	const json_t *list = json_object_get(secagg, "vectors");

	out->n_vectors = json_array_size(list);
	if (!json_is_array(list) || out->n_vectors > FED_SECAGG_MAX_VECTORS)
		return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"vectors\" are missing or too many");
	for (size_t i = 0; i < out->n_vectors; i++)
	{
		const json_t *vector = json_array_get(list, i);

		if (!fed_json_int(vector, "stream", &out->vectors[i].stream) || !fed_json_int(vector, "d", &out->vectors[i].n_values) ||
			!fed_json_number(vector, "R", &out->vectors[i].range))
			return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"vectors\" lack \"stream\", \"d\" or \"R\"");
	}
	return true;
}

static bool
parse_numbers(const json_t *secagg, FedOffer *out, FedError *err)
{
	const struct
	{
		const char *key;
		int64_t    *to;
	}			numbers[] = {
		{"round", &out->round}, {"attempt", &out->attempt}, {"max_attempts", &out->max_attempts}, {"min_updates", &out->min_updates},
		{"aux_len", &out->aux_len}, {"slice_values", &out->slice_values}, {"Q", &out->Q}, {"W_cap", &out->W_cap},
		{"n_cap", &out->n_cap}, {"n_max", &out->n_max}, {"noise_var", &out->noise_var}, {"aux_noise_var", &out->aux_noise_var},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
	{
		if (!fed_json_int(secagg, numbers[i].key, numbers[i].to))
			return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"%s\" of secure aggregation is missing or no whole number",
								 numbers[i].key);
	}
	return fed_json_number(secagg, "clip", &out->clip) ||
		fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"clip\" of secure aggregation is missing");
}

FedOffer *
fed_offer_parse(const json_t *secagg, FedError *err)
{
	FedOffer   *offer = calloc(1, sizeof(*offer));

	if (offer == NULL)
	{
		fed_error_memory(err);
		return NULL;
	}
	fed_json_copy(secagg, "state", offer->state, sizeof(offer->state));
	fed_json_copy(secagg, "mode", offer->mode, sizeof(offer->mode));
	fed_json_copy(secagg, "weights", offer->weights, sizeof(offer->weights));
	fed_json_copy(secagg, "metrics", offer->metrics, sizeof(offer->metrics));
	if (parse_due(secagg, &offer->due, err) && parse_numbers(secagg, offer, err) && parse_vectors(secagg, offer, err) &&
		decode_text(fed_json_text(secagg, "task_text"), &offer->task_text, &offer->task_text_len, err))
		return offer;
	fed_offer_free(offer);
	return NULL;
}

void
fed_offer_free(FedOffer *offer)
{
	if (offer == NULL)
		return;
	free(offer->task_text);
	free(offer);
}
