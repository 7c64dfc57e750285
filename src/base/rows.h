/*
 * rows.h
 *		The rows that belong to one id, and what stands in them.
 */
#ifndef FED_BASE_ROWS_H
#define FED_BASE_ROWS_H

#include "executor/spi.h"

extern SPITupleTable *fed_rows_of(const char *sql, int64 id);
extern Datum fed_row_value(SPITupleTable *rows, uint64 row, int column);

#endif							/* FED_BASE_ROWS_H */
