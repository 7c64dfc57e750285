/*
 * federated.c
 *		Module start. Everything else is in the folders beside this file;
 *		README.md there is the map.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "core/kernels/kernels.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "worker/worker.h"

FED_MODULE_MAGIC("federated");

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/* pg_upgrade moves data; nothing may run meanwhile. */
	if (IsBinaryUpgrade)
		return;

	fed_kernels_select_best();
	fed_settings_define();
	fed_worker_init();
}
