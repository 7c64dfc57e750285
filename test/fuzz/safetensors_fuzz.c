/*
 * safetensors_fuzz.c
 *		libFuzzer target: any bytes as a safetensors file.
 *
 * What is refused must say why. What is accepted must keep the promises of
 * model.h: it can be taken apart and put together again, whole and in pieces,
 * bit for bit, and its header can be composed anew. Every block has its exact
 * size, so that AddressSanitizer sees a step beyond.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/model.h"

int			LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition) \
	do { if (!(condition)) abort(); } while (0)

static void
check_error(const FedModelError *err)
{
	CHECK(err->code != FED_MODEL_OK);
	CHECK(memchr(err->message, '\0', sizeof(err->message)) != NULL);
	CHECK(err->message[0] != '\0');
	for (const char *c = err->message; *c != '\0'; c++)
		CHECK((unsigned char) *c >= ' ' && *c != 0x7f);
}

/* Takes data apart and puts it together again, step values or bytes a time. */
static void
check_round_trip(const FedModel *model, const uint8_t *data, size_t step)
{
	size_t		bytes = (size_t) model->data_bytes;
	uint8_t    *copy = malloc(bytes + 1);

	CHECK(copy != NULL);
	memset(copy, 0x5a, bytes + 1);
	for (uint64_t first = 0; first < model->frozen_bytes; first += step)
	{
		uint64_t	left = model->frozen_bytes - first;
		size_t		n = left < step ? (size_t) left : step;
		uint8_t    *piece = malloc(n);

		CHECK(piece != NULL);
		fed_model_read_frozen(model, data, first, n, piece);
		fed_model_write_frozen(model, copy + 1, first, n, piece);
		free(piece);
	}
	for (uint64_t first = 0; first < model->vector_values; first += step)
	{
		uint64_t	left = model->vector_values - first;
		size_t		n = left < step ? (size_t) left : step;
		float	   *piece = malloc(n * sizeof(float));

		CHECK(piece != NULL);
		fed_model_read_vector(model, data, first, n, piece);
		fed_model_write_vector(model, copy + 1, first, n, piece);
		free(piece);
	}
	CHECK(memcmp(copy + 1, data, bytes) == 0);
	free(copy);
}

static int
compare_begins(const void *a, const void *b)
{
	const FedTensor *ta = *(const FedTensor *const *) a;
	const FedTensor *tb = *(const FedTensor *const *) b;

	if (ta->begin != tb->begin)
		return ta->begin < tb->begin ? -1 : 1;
	return (ta->end > tb->end) - (ta->end < tb->end);
}

/* A header composed of what was read describes the same data section. */
static void
check_compose(const FedModel *model)
{
	size_t		n = model->n_tensors;
	const FedTensor **order = malloc(sizeof(FedTensor *) * (n + 1));
	FedTensorSpec *specs = malloc(sizeof(FedTensorSpec) * (n + 1));
	FedModelError err;
	FedModel   *again;
	char	   *header;
	size_t		len;

	CHECK(order != NULL && specs != NULL);
	for (size_t i = 0; i < n; i++)
		order[i] = &model->tensors[i];
	qsort(order, n, sizeof(FedTensor *), compare_begins);
	for (size_t i = 0; i < n; i++)
		specs[i] = (FedTensorSpec) {order[i]->name, order[i]->dtype,
			order[i]->rank, order[i]->shape};

	header = fed_model_compose_header(specs, n, NULL, 0, &len, &err);
	CHECK(header != NULL && len % 8 == 0);
	again = fed_model_parse(header, len, model->data_bytes, &err);
	CHECK(again != NULL && again->n_tensors == n);
	CHECK(again->vector_values == model->vector_values);
	for (size_t i = 0; i < n; i++)
	{
		CHECK(strcmp(again->tensors[i].name, model->tensors[i].name) == 0);
		CHECK(again->tensors[i].begin == model->tensors[i].begin);
		CHECK(again->tensors[i].end == model->tensors[i].end);
	}
	fed_model_free(again);
	free(header);
	free(specs);
	free(order);
}

/* With metadata put in, the header describes the same tensors; and again. */
static void
check_metadata(const FedModel *model, const FedSafetensors *parts)
{
	const FedMetadata entries[] = {{"federated.version", "7"}, {"federated.note", "\"\n\u00fc"}};
	FedModelError err;
	FedModel   *again;
	char	   *header;
	char	   *twice;
	size_t		len;
	size_t		len_twice;

	header = fed_model_set_metadata(parts->header, parts->header_len, "federated.", entries, 2, &len, &err);
	CHECK(header != NULL && len % 8 == 0);
	again = fed_model_parse(header, len, model->data_bytes, &err);
	CHECK(again != NULL && again->n_tensors == model->n_tensors);
	for (size_t i = 0; i < model->n_tensors; i++)
	{
		CHECK(strcmp(again->tensors[i].name, model->tensors[i].name) == 0);
		CHECK(again->tensors[i].begin == model->tensors[i].begin && again->tensors[i].end == model->tensors[i].end);
	}
	twice = fed_model_set_metadata(header, len, "federated.", entries, 2, &len_twice, &err);
	CHECK(twice != NULL && len_twice == len && memcmp(header, twice, len) == 0);
	free(twice);
	free(header);
	fed_model_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	FedSafetensors parts;
	FedModelError err = {.code = FED_MODEL_OK};
	FedModel   *model;

	if (!fed_safetensors_split(input, len, &parts, &err))
	{
		check_error(&err);

		/* Else most inputs would end at their first 8 bytes. */
		parts.header = (const char *) input;
		parts.header_len = len;
		parts.data = input;
		parts.data_bytes = 0;
	}
	model = fed_model_parse(parts.header, parts.header_len, parts.data_bytes, &err);
	if (model == NULL)
	{
		check_error(&err);
		return 0;
	}

	CHECK(err.code == FED_MODEL_OK);
	check_compose(model);
	check_metadata(model, &parts);
	check_round_trip(model, parts.data, SIZE_MAX / 8);
	check_round_trip(model, parts.data, 7);
	for (size_t i = 0; i < model->n_tensors; i += 2)
	{
		CHECK(fed_model_find(model, model->tensors[i].name) == &model->tensors[i]);
		CHECK(fed_model_set_trainable(model, model->tensors[i].name, false));
	}
	fed_model_layout(model);
	check_round_trip(model, parts.data, 5);
	fed_model_free(model);
	return 0;
}
