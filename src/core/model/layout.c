/*
 * layout.c
 *		Where each tensor lies in the vector and in the frozen bytes.
 *
 * Both follow the order of names, not that of the file: two files of one model
 * share a layout however their writers placed the data.
 */
#include "core/model/internal.h"

void
fed_model_layout(FedModel *model)
{
	uint64_t	values = 0;
	uint64_t	frozen = 0;

	model->n_vector = 0;
	model->n_frozen = 0;
	for (size_t i = 0; i < model->n_tensors; i++)
	{
		FedTensor  *t = &model->tensors[i];

		t->vector_offset = FED_NO_OFFSET;
		t->frozen_offset = FED_NO_OFFSET;
		if (t->trainable)
		{
			t->vector_offset = values;
			values += t->count;
			if (t->count > 0)
				model->vector_order[model->n_vector++] = (uint32_t) i;
		}
		if (!t->trainable || t->dtype == FED_DTYPE_F64)
		{
			t->frozen_offset = frozen;
			frozen += t->end - t->begin;
			if (t->count > 0)
				model->frozen_order[model->n_frozen++] = (uint32_t) i;
		}
	}
	model->vector_values = values;
	model->frozen_bytes = frozen;
}
