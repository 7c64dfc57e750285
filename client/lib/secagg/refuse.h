/*
 * refuse.h
 *		How an Island's checks of secure aggregation say no.
 *
 * Every check has a number, C1 to C20, under which the manual has it. A refusal
 * is FED_ERR_POLICY: nothing was sent, and nothing that is kept has changed.
 */
#ifndef FED_CLIENT_SECAGG_REFUSE_H
#define FED_CLIENT_SECAGG_REFUSE_H

#include "core/secagg/failure.h"
#include "lib/error.h"

/* "secure aggregation C14: …". Always false. */
extern bool fed_refuse(FedError *err, int check, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* The same, with what the core found. Where it could not work at all, that is FED_ERR_LOCAL and no refusal. */
extern bool fed_refuse_core(FedError *err, int check, const FedSecaggError *why);

/* For calls that refuse nothing: what the core could not do (FED_ERR_LOCAL). Always false. */
extern bool fed_core_failed(FedError *err, const FedSecaggError *why);

#endif							/* FED_CLIENT_SECAGG_REFUSE_H */
