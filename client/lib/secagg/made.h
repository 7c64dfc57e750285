/*
 * made.h
 *		The models of a session for which this Island has made its integers.
 *
 * A file of lines in the session's directory, a hash of a model (base) each. They
 * are made once: another update for the same model, or other noise on the same
 * one, would tell more than one sum may. So what was made and is gone is never
 * made again, whatever rounds came since.
 */
#ifndef FED_CLIENT_SECAGG_MADE_H
#define FED_CLIENT_SECAGG_MADE_H

#include "core/digest.h"
#include "lib/error.h"

/* Whether they were made for this model. C19 if the file cannot be read. */
extern bool fed_made_find(const char *dir, const uint8_t base[FED_SHA256_BYTES], bool *found, FedError *err);

/* Remembers it, durably; again is fine. */
extern bool fed_made_add(const char *dir, const uint8_t base[FED_SHA256_BYTES], FedError *err);

#endif							/* FED_CLIENT_SECAGG_MADE_H */
