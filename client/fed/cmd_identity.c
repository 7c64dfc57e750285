/*
 * cmd_identity.c
 *		fed island keygen, fed island trust: who an Island is, and whom it believes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/secagg/identity.h"
#include "lib/secagg/trust.h"
#include "options.h"

static const char keygen_usage[] =
"usage: fed island keygen FILE [--json]\n"
"  Makes this Island's identity key for secure aggregation and prints its public half. The administrator\n"
"  enrols the public key; tell the fingerprint to the other Islands by another way than the coordinator.\n"
"  FILE   where the secret half goes, mode 0600; must not exist yet\n"
"  --json one JSON object on standard output\n";

static const char trust_usage[] =
"usage: fed island trust FILE HOST KEY [--json]\n"
"       fed island trust FILE --list [--json]\n"
"       fed island trust FILE --remove HOST [--json]\n"
"  Keeps the identity keys of other Islands that you have verified yourself.\n"
"  FILE           the trust file, for fed island run --trust\n"
"  HOST KEY       pin this Island's public key, as its fed island keygen printed it\n"
"  --list         what is pinned, with fingerprints\n"
"  --remove HOST  believe this Island no more\n"
"  --json         JSON on standard output\n";

int
fed_cmd_island_keygen(int argc, char **argv)
{
	FedCommon	common = {0};
	const FedOption options[] = {{NULL, NULL, NULL, NULL, NULL}};
	const char *path;
	FedIdentity identity;
	FedError	err = {0};
	char		key[2 * FED_KEY_BYTES + 1];
	char		fingerprint[FED_FINGERPRINT_LEN];

	fed_options_parse(argc, argv, keygen_usage, options, &common, &path, 1);
	fed_log_configure(false, common.json);
	if (!fed_identity_create(path, &identity, &err) || !fed_fingerprint(identity.public_key, fingerprint, &err))
		return fed_fail(NULL, &err);
	fed_hex_encode(identity.public_key, FED_KEY_BYTES, key);
	fed_identity_wipe(&identity);
	fed_log_event("identity", json_pack("{s:s, s:s, s:s}", "file", path, "public_key", key, "fingerprint", fingerprint),
				  "the identity key is in %s; its fingerprint is %s", path, fingerprint);
	if (!common.json)
		puts(key);
	return FED_EXIT_OK;
}

/* One pinned key, for people or for programs. */
static bool
show(void *arg, const char *name, const uint8_t public_key[FED_KEY_BYTES])
{
	const bool *json = arg;
	char		key[2 * FED_KEY_BYTES + 1];
	char		fingerprint[FED_FINGERPRINT_LEN];
	json_t	   *row;

	fed_hex_encode(public_key, FED_KEY_BYTES, key);
	if (!fed_fingerprint(public_key, fingerprint, NULL))
		return false;
	if (!*json)
		return printf("%s  %s  %s\n", key, fingerprint, name) > 0;
	row = json_pack("{s:s, s:s, s:s}", "host_id", name, "public_key", key, "fingerprint", fingerprint);
	json_dumpf(row, stdout, JSON_COMPACT);
	json_decref(row);
	return putchar('\n') != EOF;
}

int
fed_cmd_island_trust(int argc, char **argv)
{
	FedCommon	common = {0};
	bool		list = false;
	const char *removed = NULL;
	const FedOption options[] = {
		{"--list", NULL, &list, NULL, NULL}, {"--remove", &removed, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}
	};
	const char *arguments[3];
	FedError	err = {0};
	FedTrust   *trust;
	bool		changes = true;
	bool		ok;

	for (int i = 0; i < argc; i++)
		changes = changes && strcmp(argv[i], "--list") != 0 && strcmp(argv[i], "--remove") != 0;
	fed_options_parse(argc, argv, trust_usage, options, &common, arguments, changes ? 3 : 1);
	fed_log_configure(false, common.json);
	trust = fed_trust_load(arguments[0], !list, &err);
	if (list)
		ok = trust != NULL && fed_trust_each(trust, show, &common.json);
	else
		ok = trust != NULL &&
			(removed != NULL ? fed_trust_remove(trust, removed, &err)
			 : fed_trust_add(trust, arguments[1], arguments[2], &err)) && fed_trust_save(trust, arguments[0], &err);
	fed_trust_free(trust);
	return ok ? FED_EXIT_OK : fed_fail(arguments[0], &err);
}
