/*
 * statement.c
 *		A statement that a process runs again and again.
 *
 * When the extension is dropped and made anew the plan cache finds the new
 * functions by itself.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/statement.h"

static void
prepare(FedStatement *statement)
{
	SPIPlanPtr	plan = SPI_prepare(statement->sql, statement->n_args, statement->types);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql, SPI_result_code_string(SPI_result));
	statement->plan = plan;
}

/*
 * fed_statement_run runs it; its rows are in SPI_tuptable, their number in
 * SPI_processed. The caller is connected to SPI. args and nulls as in
 * SPI_execute_plan.
 */
void
fed_statement_run(FedStatement *statement, Datum *args, const char *nulls, bool read_only)
{
	int			result;

	if (statement->plan == NULL)
		prepare(statement);
	result = SPI_execute_plan(statement->plan, args, nulls, read_only, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(result));
}
