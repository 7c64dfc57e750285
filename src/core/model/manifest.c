/*
 * manifest.c
 *		From tensors read one by one to a model, and back to nothing.
 *
 * What only shows when all tensors are known is checked here: that no name is
 * given twice, and that the tensors cover the data section exactly once. The
 * format asks for the latter because bytes that belong to two tensors, or to
 * none, are where one file hides another.
 */
#include "core/model/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const FedTensor *) a)->name, ((const FedTensor *) b)->name);
}

/* By place; an empty tensor comes before the one that begins there. */
static int
compare_places(const void *a, const void *b)
{
	const FedTensor *ta = *(const FedTensor *const *) a;
	const FedTensor *tb = *(const FedTensor *const *) b;

	if (ta->begin != tb->begin)
		return ta->begin < tb->begin ? -1 : 1;
	if (ta->end != tb->end)
		return ta->end < tb->end ? -1 : 1;
	return strcmp(ta->name, tb->name);
}

static bool
check_names(const FedModel *model, FedModelError *err)
{
	for (size_t i = 1; i < model->n_tensors; i++)
	{
		if (compare_names(&model->tensors[i - 1], &model->tensors[i]) == 0)
			return fed_model_fail(err, FED_MODEL_BAD_NAME,
								  "tensor \"%.*s\" is given twice",
								  SHOW(model->tensors[i].name));
	}
	return true;
}

/* Walks the tensors by place: each must begin where the one before ended. */
static bool
check_places(const FedModel *model, const FedTensor *const *by_place,
			 FedModelError *err)
{
	uint64_t	covered = 0;

	for (size_t i = 0; i < model->n_tensors; i++)
	{
		const FedTensor *t = by_place[i];

		if (t->begin > covered)
			return fed_model_fail(err, FED_MODEL_BAD_COVERAGE,
								  "hole in the data section: bytes %" PRIu64 " to %" PRIu64 ", before tensor \"%.*s\", belong to no tensor",
								  covered, t->begin - 1, SHOW(t->name));
		if (t->begin < covered)
			return fed_model_fail(err, FED_MODEL_BAD_COVERAGE,
								  "tensors \"%.*s\" and \"%.*s\" overlap: one ends at byte %" PRIu64 ", the other begins at byte %" PRIu64,
								  SHOW(by_place[i - 1]->name), SHOW(t->name),
								  covered, t->begin);
		covered = t->end;
	}
	if (covered != model->data_bytes)
		return fed_model_fail(err, FED_MODEL_BAD_COVERAGE,
							  "hole in the data section: the tensors end at byte %" PRIu64 " of %" PRIu64,
							  covered, model->data_bytes);
	return true;
}

static bool
check_coverage(const FedModel *model, FedModelError *err)
{
	const FedTensor **by_place = malloc(sizeof(FedTensor *) *
										(model->n_tensors + 1));
	bool		good;

	if (by_place == NULL)
		return fed_model_fail(err, FED_MODEL_NO_MEMORY,
							  "out of memory while checking a model's header");
	for (size_t i = 0; i < model->n_tensors; i++)
		by_place[i] = &model->tensors[i];
	qsort(by_place, model->n_tensors, sizeof(FedTensor *), compare_places);
	good = check_places(model, by_place, err);
	free(by_place);
	return good;
}

bool
fed_model_complete(FedModel *model, FedModelError *err)
{
	size_t		order_bytes = sizeof(uint32_t) * (model->n_tensors + 1);

	if (model->n_tensors > 0)
		qsort(model->tensors, model->n_tensors, sizeof(FedTensor),
			  compare_names);
	if (!check_names(model, err) || !check_coverage(model, err))
		return false;

	model->vector_order = malloc(order_bytes);
	model->frozen_order = malloc(order_bytes);
	if (model->vector_order == NULL || model->frozen_order == NULL)
		return fed_model_fail(err, FED_MODEL_NO_MEMORY,
							  "out of memory while laying out a model");
	fed_model_layout(model);
	return true;
}

void
fed_model_free(FedModel *model)
{
	if (model == NULL)
		return;
	for (size_t i = 0; i < model->n_tensors; i++)
	{
		free((void *) model->tensors[i].name);
		free((void *) model->tensors[i].shape);
	}
	free(model->tensors);
	free(model->vector_order);
	free(model->frozen_order);
	free(model);
}

FedTensor *
fed_model_find(const FedModel *model, const char *name)
{
	FedTensor	key = {.name = name};

	if (model->n_tensors == 0)
		return NULL;
	return bsearch(&key, model->tensors, model->n_tensors, sizeof(FedTensor),
				   compare_names);
}

bool
fed_model_set_trainable(FedModel *model, const char *name, bool trainable)
{
	FedTensor  *tensor = fed_model_find(model, name);

	if (tensor == NULL || (trainable && !fed_dtype_is_trainable(tensor->dtype)))
		return false;
	tensor->trainable = trainable;
	return true;
}
