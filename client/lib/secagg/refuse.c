/*
 * refuse.c
 *		How an Island's checks of secure aggregation say no.
 */
#include "lib/secagg/refuse.h"

#include <stdarg.h>
#include <stdio.h>

bool
fed_refuse(FedError *err, int check, const char *format,...)
{
	char		what[512];
	va_list		args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return fed_error_set(err, FED_ERR_POLICY, "secure aggregation C%d: %s", check, what);
}

bool
fed_refuse_core(FedError *err, int check, const FedSecaggError *why)
{
	return why->code == FED_SECAGG_FAILED ? fed_core_failed(err, why) : fed_refuse(err, check, "%s", why->message);
}

bool
fed_core_failed(FedError *err, const FedSecaggError *why)
{
	return fed_error_set(err, FED_ERR_LOCAL, "secure aggregation: %s", why->message);
}
