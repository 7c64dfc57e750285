/*
 * vectors.h
 *		Which table holds a vector, and how long it is.
 */
#ifndef FED_PAGES_VECTORS_H
#define FED_PAGES_VECTORS_H

#include "core/encoding/encoding.h"
#include "executor/spi.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

typedef struct FedVector
{
	int64		id;
	NameData	relation;		/* table in schema federated */
	int64		bytes;			/* without the filling of the last page */
	FedEncoding encoding;		/* of its parameters, as stored */
} FedVector;

/* Columns of federated.vectors, called v, that make one. */
#define FED_VECTOR_COLUMNS "v.id, v.relation, v.bytes, v.encoding"

extern FedVector fed_vector_lookup(int64 id);
extern FedVector fed_vector_in_row(SPITupleTable *rows, uint64 row);
extern Relation fed_vector_open_table(const char *relation, LOCKMODE lockmode);
extern Relation fed_vector_open_index(Relation table, LOCKMODE lockmode);
extern int	fed_vector_value_bytes(const FedVector *vector);
extern int64 fed_vector_values(const FedVector *vector);
extern int	fed_vector_slice_count(const FedVector *vector);
extern int	fed_vector_slice_length(const FedVector *vector, int slice);

#endif							/* FED_PAGES_VECTORS_H */
