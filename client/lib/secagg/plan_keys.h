/*
 * plan_keys.h
 *		Keys of a task text: which there are, and what one of them says.
 *
 * Each of these refuses with C2 and names the key.
 */
#ifndef FED_CLIENT_SECAGG_PLAN_KEYS_H
#define FED_CLIENT_SECAGG_PLAN_KEYS_H

#include "core/secagg/task_text.h"
#include "lib/error.h"

#define FED_PLAN_BOUNDS "secagg_metric_bounds."
#define FED_PLAN_CHOICES 4

/* No key that this program does not know, outside the trainer's own parameters. */
extern bool fed_plan_check_names(const FedTaskText *text, FedError *err);

/* The entry of this name and type; NULL, and err filled, if there is none. */
extern const FedTaskEntry *fed_plan_need(const FedTaskText *text, const char *name, FedTaskType type, FedError *err);

/* A whole number from least to most. */
extern bool fed_plan_number(const FedTaskText *text, const char *name, int64_t least, int64_t most, uint32_t *out,
							FedError *err);

/* A real number above 0. */
extern bool fed_plan_positive(const FedTaskText *text, const char *name, double *out, FedError *err);

/* One of names (NULL: no choice), whose number is given back. */
extern bool fed_plan_choice(const FedTaskText *text, const char *name, const char *const names[FED_PLAN_CHOICES], int *out,
							FedError *err);

#endif							/* FED_CLIENT_SECAGG_PLAN_KEYS_H */
