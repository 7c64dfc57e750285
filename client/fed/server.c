/*
 * server.c
 *		Which server the options mean, and whether it is safe to talk to.
 */
#include "server.h"

#include <stdlib.h>

#include "lib/tls.h"
#include "lib/url.h"

static FedTransport *
open_postgres(const FedCommon *common, bool listen, FedError *err)
{
	FedTransport *t;

	if (!fed_conninfo_has_no_secret(common->dsn, err) || (!common->insecure && !fed_conninfo_is_safe(common->dsn, err)))
		return NULL;
	t = fed_transport_pq(common->dsn, listen);
	if (t == NULL)
		fed_error_memory(err);
	return t;
}

bool
fed_find_server(const FedCommon *common, FedHttpServer *out, FedError *err)
{
	*out = (FedHttpServer) {common->url, common->ca_file, common->insecure};
	return fed_url_is_valid(common->url, err) && (common->insecure || fed_url_is_safe(common->url, err));
}

static FedTransport *
open_http(const FedCommon *common, double poll, FedError *err)
{
	const char *token_file = common->token_file != NULL ? common->token_file : getenv("FED_TOKEN_FILE");
	FedHttpServer server;
	FedTransport *t;

	if (!fed_find_server(common, &server, err))
		return NULL;
	if (token_file == NULL || token_file[0] == '\0')
	{
		fed_error_set(err, FED_ERR_USAGE, "--url needs a token: --token-file FILE, or FED_TOKEN_FILE");
		fed_error_hint(err, "an Island gets its token by fed island enroll, others by SELECT federated_issue_token(...)");
		return NULL;
	}
	t = fed_transport_http(&server, token_file, poll);
	if (t == NULL)
		fed_error_memory(err);
	return t;
}

FedTransport *
fed_open_transport(const FedCommon *common, double poll, int *exit_code)
{
	FedError	err = {0};
	FedTransport *t = common->url != NULL ? open_http(common, poll, &err) : open_postgres(common, poll > 0, &err);

	if (t == NULL)
		*exit_code = fed_fail(NULL, &err);
	return t;
}
