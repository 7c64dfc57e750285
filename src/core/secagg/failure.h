/*
 * failure.h
 *		What went wrong in secure aggregation.
 *
 * Functions that can refuse return false and fill a FedSecaggError, which may
 * be NULL. Messages never hold secrets, nor bytes of a stranger: they name
 * indices, lengths and names that have passed the rules for names.
 */
#ifndef FED_CORE_SECAGG_FAILURE_H
#define FED_CORE_SECAGG_FAILURE_H

#include <stdbool.h>

typedef enum FedSecaggErrorCode
{
	FED_SECAGG_NO_ERROR = 0,
	FED_SECAGG_FAILED,			/* out of memory, or libcrypto refused to work */
	FED_SECAGG_MALFORMED,		/* not of the form that the protocol gives */
	FED_SECAGG_REFUSED,			/* of the form, but a check of keys, signatures
								 * or shares failed */
	FED_SECAGG_OUT_OF_RANGE		/* numbers for which no safe parameters exist */
} FedSecaggErrorCode;

typedef struct FedSecaggError
{
	FedSecaggErrorCode code;
	char		message[256];
} FedSecaggError;

/* Fills err, unless it is NULL; always false, for `return fed_secagg_fail(…)`. */
extern bool fed_secagg_fail(FedSecaggError *err, FedSecaggErrorCode code,
							const char *format,...)
			__attribute__((format(printf, 3, 4)));

#endif							/* FED_CORE_SECAGG_FAILURE_H */
