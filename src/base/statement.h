/*
 * statement.h
 *		A statement that a process runs again and again.
 */
#ifndef FED_BASE_STATEMENT_H
#define FED_BASE_STATEMENT_H

#include "executor/spi.h"

#define FED_STATEMENT_ARGS 4

/* Static, with the first three filled in: the plan is kept as long as the process lives. */
typedef struct FedStatement
{
	const char *sql;			/* a SELECT */
	int			n_args;
	Oid			types[FED_STATEMENT_ARGS];
	SPIPlanPtr	plan;
} FedStatement;

extern PGDLLEXPORT void fed_statement_run(FedStatement *statement, Datum *args, const char *nulls, bool read_only);

#endif							/* FED_BASE_STATEMENT_H */
