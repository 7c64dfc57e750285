/*
 * cmd_enroll.c
 *		fed island enroll: an Island's first token, for an invite.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/token.h"
#include "lib/token_call.h"
#include "server.h"

static const char usage[] =
"usage: fed island enroll --url URL --invite INVITE [OPTION]...\n"
"  Exchanges an invite, which is good for this once, for the Island's token.\n"
"  --url URL             the coordinator over HTTPS, https://HOST[:PORT][/PATH]\n"
"  --invite INVITE       \"-\" reads it from standard input, @FILE from a file. Prefer these: other\n"
"                        users of this machine can read command lines\n"
"  --token-file FILE     where the token goes, mode 0600 (default: ./fed-H.token, H the Island's name)\n"
"  --capabilities JSON   what the Island says of itself\n"
"  --ca-file FILE        certificates of a private authority; else CURL_CA_BUNDLE, SSL_CERT_FILE, the system's\n"
FED_OTHER_USAGE;

#define INVITE_SIZE (FED_TOKEN_MAX + 2)

static bool
read_line(FILE *from, const char *name, char invite[INVITE_SIZE], FedError *err)
{
	return (from != NULL && fgets(invite, INVITE_SIZE, from) != NULL) ||
		fed_error_set(err, FED_ERR_USAGE, "no invite could be read from %s", name);
}

static bool
read_argument(const char *argument, char invite[INVITE_SIZE], FedError *err)
{
	FILE	   *file;
	bool		ok;

	if (strcmp(argument, "-") == 0)
		return read_line(stdin, "standard input", invite, err);
	if (argument[0] != '@')
		return snprintf(invite, INVITE_SIZE, "%s", argument) < INVITE_SIZE ||
			fed_error_set(err, FED_ERR_USAGE, "this is not an invite");
	file = fopen(argument + 1, "re");
	ok = read_line(file, argument + 1, invite, err);
	if (file != NULL)
		fclose(file);
	return ok;
}

static bool
read_invite(const char *argument, char invite[INVITE_SIZE], FedError *err)
{
	return read_argument(argument, invite, err) &&
		(fed_token_trim(invite) || fed_error_set(err, FED_ERR_USAGE, "this is not an invite"));
}

/* The file is named after the Island before the server is asked, so after what the invite says. */
static char *
token_file(const char *given, const char *invite, FedError *err)
{
	json_t	   *claims = fed_token_claims(invite);
	const char *host_id = fed_json_text(claims, "host_id");
	char	   *encoded = host_id == NULL ? NULL : fed_path_encode(host_id);
	char	   *file = NULL;

	if (given == NULL && host_id == NULL)
		fed_error_set(err, FED_ERR_USAGE, "this is not an invite: it names no Island");
	else if (given != NULL ? asprintf(&file, "%s", given) < 0
			 : encoded == NULL || asprintf(&file, "./fed-%s.token", encoded) < 0)
	{
		fed_error_memory(err);
		file = NULL;
	}
	free(encoded);
	json_decref(claims);
	return file;
}

/* In single quotes: whatever is in it, the printed command can be pasted into a shell. */
static void
print_argument(const char *option, const char *value)
{
	printf(" %s '", option);
	for (; *value != '\0'; value++)
	{
		if (*value == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*value);
	}
	putchar('\'');
}

static void
report(const FedCommon *common, const char *file, json_t *answer)
{
	char		host_id[256];
	char		expires_at[64];

	fed_json_copy(answer, "host_id", host_id, sizeof(host_id));
	fed_json_copy(answer, "expires_at", expires_at, sizeof(expires_at));
	fed_log_event("enrolled", json_pack("{s:s, s:s, s:s}", "host_id", host_id, "token_file", file, "expires_at", expires_at),
				  "Island \"%s\" is enrolled; its token is in %s and good until %s", host_id, file, expires_at);
	if (common->json)
		return;
	printf("fed island run");
	print_argument("--url", common->url);
	print_argument("--token-file", file);
	if (common->ca_file != NULL)
		print_argument("--ca-file", common->ca_file);
	if (common->insecure)
		printf(" --insecure");
	print_argument("--host-id", host_id);
	puts(" --train CMD");
}

static bool
enroll(const FedCommon *common, const char *invite, const char *capabilities, FedError *err)
{
	FedHttpServer server;
	FedHttp    *http = NULL;
	char	   *file = NULL;
	char	   *arguments = NULL;
	json_t	   *answer = NULL;
	bool		ok = fed_find_server(common, &server, err) &&
		(file = token_file(common->token_file, invite, err)) != NULL &&
		((arguments = strdup("{}")) != NULL || fed_error_memory(err)) &&
		(capabilities == NULL ||
		 (arguments = fed_json_insert(arguments, "capabilities", capabilities, "capabilities", err)) != NULL) &&
		((http = fed_http_open(&server)) != NULL || fed_error_memory(err)) &&
		fed_token_call(http, "/rpc/enroll", arguments, invite, file, &answer, err);

	if (ok)
		report(common, file, answer);
	json_decref(answer);
	fed_http_close(http);
	free(arguments);
	free(file);
	return ok;
}

int
fed_cmd_island_enroll(int argc, char **argv)
{
	FedCommon	common = {0};
	const char *argument = NULL;
	const char *capabilities = NULL;
	const FedOption options[] = {
		{"--invite", &argument, NULL, NULL, NULL}, {"--capabilities", &capabilities, NULL, NULL, NULL},
		{NULL, NULL, NULL, NULL, NULL}
	};
	FedError	err = {0};
	char		invite[INVITE_SIZE];

	fed_options_parse(argc, argv, usage, options, &common, NULL, 0);
	fed_log_configure(false, common.json);
	if (common.url == NULL || argument == NULL)
	{
		fprintf(stderr, "fed: --url and --invite are needed\n%s", usage);
		return FED_EXIT_USAGE;
	}
	if (read_invite(argument, invite, &err) && enroll(&common, invite, capabilities, &err))
		return FED_EXIT_OK;
	return fed_fail("could not enroll", &err);
}
