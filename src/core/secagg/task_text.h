/*
 * task_text.h
 *		The canonical text of a task: what is hashed is what is parsed.
 *
 * UTF-8, at most 64 KiB, one line `name=value` LF per key, names strictly
 * ascending by bytes. Values: `b:0` or `b:1`; `i:` and a decimal int64 without
 * `+`, leading zeros or `-0`; `f:` and the 16 lower-case hexadecimal digits of
 * a finite binary64, zero without a sign; `s:` and bytes without control
 * characters. Objects and arrays are flattened into names: segments of
 * [a-z0-9_]{1,63} joined by dots; an object's keys begin with a letter, an
 * array's indices are decimal and without gaps. So each content has one text.
 */
#ifndef FED_CORE_SECAGG_TASK_TEXT_H
#define FED_CORE_SECAGG_TASK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"

#define FED_TASK_TEXT_BYTES 65536
#define FED_TASK_SEGMENT 63

typedef enum FedTaskType
{
	FED_TASK_BOOLEAN,
	FED_TASK_INTEGER,
	FED_TASK_REAL,
	FED_TASK_STRING
} FedTaskType;

typedef struct FedTaskEntry
{
	const char *name;			/* terminated */
	FedTaskType type;
	bool		boolean;		/* the one of the type counts */
	int64_t		integer;
	double		real;
	const char *string;			/* terminated in what a parser returns */
	size_t		string_len;
} FedTaskEntry;

typedef struct FedTaskText FedTaskText;

/*
 * Builds the text of entries, in any order, and checks it as the parser does.
 * *text is malloc'd, for the caller to free, and terminated by a NUL that *len
 * does not count. Strings must hold no NUL.
 */
extern bool fed_task_text_build(const FedTaskEntry *entries, size_t n,
								char **text, size_t *len,
								FedSecaggError *err);

/*
 * Parses and checks a text; NULL if any rule is broken. The result owns copies
 * of everything.
 */
extern FedTaskText *fed_task_text_parse(const char *text, size_t len,
										FedSecaggError *err);

/* Entries in the order of names. */
extern size_t fed_task_text_count(const FedTaskText *task);
extern const FedTaskEntry *fed_task_text_entry(const FedTaskText *task,
											   size_t i);

/* The entry of this name, or NULL. */
extern const FedTaskEntry *fed_task_text_find(const FedTaskText *task,
											  const char *name);

extern void fed_task_text_free(FedTaskText *task);	/* NULL is allowed */

#endif							/* FED_CORE_SECAGG_TASK_TEXT_H */
