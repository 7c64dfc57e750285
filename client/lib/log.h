/*
 * log.h
 *		What the user is told: text on stderr, or JSON lines on stdout.
 *
 * A message has the prefix "fed: ", before it a time stamp if wanted. In JSON
 * mode every message is also one JSON object on stdout with the keys time,
 * level, event, message, and more by event; stderr stays as it is.
 */
#ifndef FED_CLIENT_LOG_H
#define FED_CLIENT_LOG_H

#include "lib/error.h"

struct json_t;

extern void fed_log_configure(bool timestamps, bool json);

extern void fed_log_info(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern void fed_log_warning(const char *format,...)
			__attribute__((format(printf, 1, 2)));

/* Prints the error and its hint. context ("could not …") may be NULL. */
extern void fed_log_error(const char *context, const FedError *err);

/*
 * Something happened that programs want to know. fields is an object whose
 * members are added to the JSON line; the reference is stolen; may be NULL.
 */
extern void fed_log_event(const char *event, struct json_t *fields,
						  const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* The current time as "2030-01-31T12:00:00.123Z". */
#define FED_TIMESTAMP_LEN 32
extern void fed_timestamp(char out[FED_TIMESTAMP_LEN]);

#endif							/* FED_CLIENT_LOG_H */
