/*
 * json.h
 *		Reading JSON members with a message that names what is wrong.
 *
 * The few helpers that every document of this library needs on top of jansson.
 */
#ifndef FED_CLIENT_JSON_H
#define FED_CLIENT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/error.h"
#include "lib/slices.h"

/*
 * Parses an object. what ("the task") begins the message; kind is the error's.
 * NULL, and err filled, if the text is not one JSON object.
 */
extern json_t *fed_json_parse(const char *text, const char *what,
							  FedErrorKind kind, FedError *err);

/* The same, for any value: a number and a string too. */
extern json_t *fed_json_value(const char *text, const char *what,
							  FedErrorKind kind, FedError *err);

/* A whole number in a member; false if it is missing or something else. */
extern bool fed_json_int(const json_t *object, const char *key, int64_t *out);

/* A finite number in a member. */
extern bool fed_json_number(const json_t *object, const char *key, double *out);

/* A string in a member, NULL if missing or something else. Borrowed. */
extern const char *fed_json_text(const json_t *object, const char *key);

/*
 * Copies a string member into a buffer; a missing or null one gives "".
 * Longer ones are cut.
 */
extern void fed_json_copy(const json_t *object, const char *key, char *out,
						  size_t size);

/*
 * Reads array `key` of slice numbers into a set that has its size already.
 * Anything that is no number of a slice is passed over.
 */
extern void fed_json_slices(const json_t *array, FedSliceSet *set);

/*
 * A message as a string. One that was cut in the middle of a character is not
 * UTF-8: it loses all that is not ASCII. NULL if there is no memory.
 */
extern json_t *fed_json_message(const char *message);

/*
 * Adds a member whose value is an object in JSON text, as it stands: what went
 * through json_t would come out with other digits. object is compact text, and
 * is freed. what begins the message (FED_ERR_USAGE) if value is no object.
 * malloc'd; NULL, and err filled, on failure.
 */
extern char *fed_json_insert(char *object, const char *key, const char *value,
							 const char *what, FedError *err);

#endif							/* FED_CLIENT_JSON_H */
