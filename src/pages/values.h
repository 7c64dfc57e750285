/*
 * values.h
 *		Parameters of one vector as float32, whatever they are stored as.
 */
#ifndef FED_PAGES_VALUES_H
#define FED_PAGES_VALUES_H

#include "pages/vectors.h"
#include "storage/buf.h"

typedef struct FedValueReader FedValueReader;

extern FedValueReader *fed_value_reader_open(const FedVector *vector, int first_page,
											 BufferAccessStrategy strategy);
extern const float *fed_value_reader_next(FedValueReader *reader);
extern void fed_value_reader_close(FedValueReader *reader);

#endif							/* FED_PAGES_VALUES_H */
