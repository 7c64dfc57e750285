/*
 * encodings.h
 *		Encodings by name, and values in them.
 */
#ifndef FED_PAGES_ENCODINGS_H
#define FED_PAGES_ENCODINGS_H

#include "core/encoding/encoding.h"

extern FedEncoding fed_get_encoding(const text *name);
extern bytea *fed_encode_values(const bytea *data, FedEncoding encoding, int64 first);

#endif							/* FED_PAGES_ENCODINGS_H */
