/*
 * environment.c
 *		Settings that our processes rely on.
 */
#include "postgres.h"

#include "base/compat.h"
#include "utils/guc.h"
#include "worker/environment.h"

/*
 * fed_environment_force sets what a process of ours relies on, whatever the
 * cluster's, the database's or the role's own settings say.
 */
void
fed_environment_force(const char *application_name)
{
	const char *const forced[][2] = {
		{"application_name", application_name},
		{"default_transaction_deferrable", "off"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"lock_timeout", "5s"},
		{"search_path", "pg_catalog, pg_temp"},
		{"statement_timeout", "0"},
		{"transaction_timeout", "0"},	/* since 17 */
	};

	for (int i = 0; i < lengthof(forced); i++)
	{
		if (GetConfigOption(forced[i][0], true, false) != NULL)
			SetConfigOption(forced[i][0], forced[i][1], PGC_SUSET, PGC_S_SESSION);
	}
}
