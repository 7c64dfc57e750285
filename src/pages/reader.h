/*
 * reader.h
 *		Pages of one vector, in order, without copying.
 */
#ifndef FED_PAGES_READER_H
#define FED_PAGES_READER_H

#include "pages/vectors.h"
#include "storage/buf.h"

typedef struct FedPageReader FedPageReader;

extern FedPageReader *fed_page_reader_open(const FedVector *vector, int first_page,
										   BufferAccessStrategy strategy);
extern const void *fed_page_reader_next(FedPageReader *reader);
extern void fed_page_reader_close(FedPageReader *reader);

#endif							/* FED_PAGES_READER_H */
