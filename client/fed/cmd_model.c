/*
 * cmd_model.c
 *		fed model import and export.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/download.h"
#include "lib/log.h"
#include "lib/upload.h"
#include "options.h"
#include "server.h"

static const char import_usage[] =
"usage: fed model import WORKLOAD FILE [--create] [--trainable RE]\n"
"  Sends a safetensors file of any size; it becomes the workload's current version.\n"
"  Interrupted, the same command goes on where it stopped.\n"
"  --create         create the workload if there is none of that name\n"
"  --trainable RE   with --create: regular expression on the names of tensors that are trained\n"
FED_COMMON_USAGE;

static const char export_usage[] =
"usage: fed model export WORKLOAD FILE [--version N]\n"
"  Writes a version as a safetensors file with every tensor's own type.\n"
"  --version N      not the current version but this one\n"
FED_COMMON_USAGE;

/* A percentage on a terminal, nothing elsewhere. */
static bool
show_progress(void *arg, uint64_t done, uint64_t total, FedError *err)
{
	(void) arg;
	(void) err;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%3.0f %% of %.1f MB%s", total == 0 ? 100.0 : 100.0 * (double) done / (double) total,
				(double) total / 1e6, done >= total ? "\n" : "");
	return true;
}

static const FedStep progress = {show_progress, NULL};

static bool
find_or_create(FedTransport *t, const char *name, bool create, const char *trainable, int64_t *id, FedError *err)
{
	if (!fed_find_workload(t, name, id, err))
		return false;
	if (*id != 0)
		return true;
	if (create)
		return fed_create_workload(t, name, trainable, id, err);
	fed_error_set(err, FED_ERR_SERVER, "there is no workload \"%s\"", name);
	return fed_error_hint(err, "--create makes one");
}

int
fed_cmd_model_import(int argc, char **argv)
{
	FedCommon	common = {0};
	bool		create = false;
	const char *trainable = NULL;
	const char *names[2];
	const FedOption options[] = {
		{"--create", NULL, &create, NULL, NULL}, {"--trainable", &trainable, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}
	};
	FedModelFile file;
	FedTransport *t;
	FedError	err = {0};
	int64_t		workload;
	int64_t		version;
	int			code = FED_EXIT_OK;

	fed_options_parse(argc, argv, import_usage, options, &common, names, 2);
	fed_log_configure(false, common.json);
	t = fed_open_transport(&common, 0, &code);
	if (t == NULL)
		return code;
	t->patience = 30;
	if (!fed_model_file_open(names[1], FED_ERR_LOCAL, &file, &err))
		code = fed_fail(names[1], &err);
	else
	{
		if (!find_or_create(t, names[0], create, trainable, &workload, &err) ||
			!fed_upload_model(t, workload, &file, &progress, &version, &err))
			code = fed_fail("could not import the model", &err);
		else
			fed_log_event("imported", NULL, "%s is version %" PRId64 " of workload \"%s\"", names[1], version, names[0]);
		fed_model_file_close(&file);
	}
	fed_transport_free(t);
	return code;
}

static bool
export_version(FedTransport *t, const char *name, int64_t number, const char *path, FedError *err)
{
	FedManifest *manifest = NULL;
	int64_t		workload;
	int64_t		version_id;
	bool		ok = find_or_create(t, name, false, NULL, &workload, err) &&
		fed_find_version(t, workload, number, &version_id, err) && fed_model(t, version_id, &manifest, err) &&
		fed_download_model(t, manifest, path, &progress, err);

	if (ok)
		fed_log_event("exported", NULL, "version %" PRId64 " of workload \"%s\" is in %s", manifest->version, name, path);
	fed_manifest_free(manifest);
	return ok;
}

int
fed_cmd_model_export(int argc, char **argv)
{
	FedCommon	common = {0};
	const char *version = NULL;
	const char *names[2];
	const FedOption options[] = {{"--version", &version, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
	FedTransport *t;
	FedError	err = {0};
	int64_t		number;
	int			code = FED_EXIT_OK;

	fed_options_parse(argc, argv, export_usage, options, &common, names, 2);
	fed_log_configure(false, common.json);
	number = fed_option_int("--version", version, 1, -1);
	t = fed_open_transport(&common, 0, &code);
	if (t == NULL)
		return code;
	t->patience = 30;
	if (!export_version(t, names[0], number, names[1], &err))
		code = fed_fail("could not export the model", &err);
	fed_transport_free(t);
	return code;
}
