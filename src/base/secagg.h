/*
 * secagg.h
 *		What SQL hands to the core of secure aggregation, and its refusals as errors.
 */
#ifndef FED_BASE_SECAGG_H
#define FED_BASE_SECAGG_H

#include "core/secagg/failure.h"
#include "core/secagg/sets.h"
#include "core/secagg/threshold.h"
#include "utils/array.h"

extern void fed_secagg_raise(const FedSecaggError *error) pg_attribute_noreturn();
extern const uint8 *fed_bytes(bytea *given, Size expected, const char *argument);
extern bytea *fed_new_bytea(const void *bytes, Size length);
extern void fed_set_of_array(ArrayType *array, uint32 n, const char *argument, FedSecaggSet *set);
extern Datum *fed_bytea_elements(ArrayType *array, const char *argument, int *n);
extern FedSecaggMode fed_secagg_mode(const text *name);

#endif							/* FED_BASE_SECAGG_H */
