/*
 * task_text_fuzz.c
 *		libFuzzer target: canonical texts of tasks. What is taken must be the only
 *		text of its entries: building them again, in another order, gives the
 *		same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/secagg/task_text.h"

int			LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition) \
	do { if (!(condition)) abort(); } while (0)

static void
rebuild(const FedTaskText *task, const uint8_t *input, size_t len)
{
	size_t		n = fed_task_text_count(task);
	FedTaskEntry *entries = calloc(n, sizeof(FedTaskEntry));
	char	   *text;
	size_t		text_len;

	CHECK(n > 0 && entries != NULL);
	for (size_t i = 0; i < n; i++)
	{
		entries[n - 1 - i] = *fed_task_text_entry(task, i);
		CHECK(fed_task_text_find(task, fed_task_text_entry(task, i)->name) == fed_task_text_entry(task, i));
	}
	CHECK(fed_task_text_build(entries, n, &text, &text_len, NULL));
	CHECK(text_len == len && memcmp(text, input, len) == 0);
	free(text);
	free(entries);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	FedSecaggError err = {0};
	FedTaskText *task = fed_task_text_parse((const char *) input, len, &err);

	if (task == NULL)
	{
		CHECK(err.code == FED_SECAGG_MALFORMED && err.message[0] != '\0');
		return 0;
	}
	rebuild(task, input, len);
	fed_task_text_free(task);
	return 0;
}
