/*
 * named_call.h
 *		A call of a function of the server, its arguments given by name.
 *
 * For calls that only secure aggregation makes: the function is public function
 * federated_NAME over libpq and endpoint /rpc/NAME over HTTPS, and takes the same
 * arguments in both. fed_named_call (transport.h) sends one and gives back the
 * document that it returns. Each may be repeated.
 */
#ifndef FED_CLIENT_NAMED_CALL_H
#define FED_CLIENT_NAMED_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum FedArgumentType
{
	FED_ARGUMENT_NUMBER,		/* bigint */
	FED_ARGUMENT_INTEGER,		/* integer */
	FED_ARGUMENT_UUID,
	FED_ARGUMENT_TEXT,
	FED_ARGUMENT_JSON,			/* an object in text */
	FED_ARGUMENT_BYTES,			/* bytea */
	FED_ARGUMENT_DIGEST,		/* bytea, which endpoints that plain updates use too take as hexadecimal text */
	FED_ARGUMENT_INTEGERS		/* integer[] */
} FedArgumentType;

typedef struct FedArgument
{
	const char *name;
	FedArgumentType type;
	int64_t		number;			/* NUMBER, INTEGER */
	const void *value;			/* text, bytes or int32_t's; NULL is null */
	size_t		len;			/* of bytes, or how many int32_t's */
	bool		null;			/* NUMBER, INTEGER: none */
} FedArgument;

#define FED_MAX_ARGUMENTS 8

typedef struct FedNamedCall
{
	const char *function;		/* "secagg_advertise" */
	int			n;
	FedArgument arguments[FED_MAX_ARGUMENTS];
} FedNamedCall;

#endif							/* FED_CLIENT_NAMED_CALL_H */
