/*
 * tls.c
 *		Which connection strings are safe enough to use.
 */
#include "lib/tls.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

/* The value of a keyword, NULL if unset or empty. Borrowed. */
static const char *
option_value(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++)
	{
		if (strcmp(options->keyword, keyword) == 0)
			return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
	}
	return NULL;
}

static PQconninfoOption *
parse_conninfo(const char *conninfo, FedError *err)
{
	PQconninfoOption *options;

	/* What is neither a URI nor has a "=" is a database name to libpq. */
	if (conninfo == NULL || (strchr(conninfo, '=') == NULL &&
							 strstr(conninfo, "://") == NULL))
		conninfo = "";
	options = PQconninfoParse(conninfo, NULL);
	if (options == NULL)
		fed_error_set(err, FED_ERR_USAGE, "--dsn is not a valid connection string");
	return options;
}

bool
fed_conninfo_has_no_secret(const char *conninfo, FedError *err)
{
	PQconninfoOption *options = parse_conninfo(conninfo, err);
	bool		secret;

	if (options == NULL)
		return false;
	secret = option_value(options, "password") != NULL ||
		option_value(options, "sslpassword") != NULL;
	PQconninfoFree(options);
	if (!secret)
		return true;
	fed_error_set(err, FED_ERR_USAGE, "--dsn must not contain a password: other users of this machine could read it");
	return fed_error_hint(err, "put it into a password file (PGPASSFILE, ~/.pgpass) or a service file (PGSERVICEFILE)");
}

bool
fed_host_is_local(const char *host)
{
	return host[0] == '\0' || host[0] == '/' || host[0] == '@' ||
		strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
		(strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

/* Copies the next item of a comma-separated list; false at its end. */
static bool
next_item(const char **list, char *out, size_t size)
{
	size_t		len;

	if (*list == NULL)
		return false;
	len = strcspn(*list, ",");
	if (len >= size)
		len = size - 1;
	memcpy(out, *list, len);
	out[len] = '\0';
	*list = strchr(*list, ',');
	if (*list != NULL)
		(*list)++;
	return true;
}

char *
fed_unverified_host(const char *hosts, const char *hostaddrs,
					const char *sslmode)
{
	char		host[1024];
	char		address[1024];

	if (sslmode != NULL && strcmp(sslmode, "verify-full") == 0)
		return NULL;
	for (;;)
	{
		bool		has_host = next_item(&hosts, host, sizeof(host));
		bool		has_address = next_item(&hostaddrs, address, sizeof(address));
		const char *used = has_address && address[0] != '\0' ? address
			: has_host ? host : "";

		if (!has_host && !has_address)
			return NULL;
		if (!fed_host_is_local(used))
			return strdup(used);
	}
}

/*
 * libpq lets a string's own keywords win over its service, the service over the
 * environment. PQconndefaults does the latter two if the service is named in
 * the environment.
 */
static PQconninfoOption *
read_defaults(const PQconninfoOption *own)
{
	const char *service = option_value(own, "service");

	if (service != NULL)
		setenv("PGSERVICE", service, 1);
	return PQconndefaults();
}

static const char *
effective(const PQconninfoOption *own, const PQconninfoOption *defaults,
		  const char *keyword)
{
	const char *value = option_value(own, keyword);

	return value != NULL ? value : option_value(defaults, keyword);
}

static const char *
effective_sslmode(const PQconninfoOption *own, const PQconninfoOption *defaults)
{
	const char *root = effective(own, defaults, "sslrootcert");

	/* Since libpq 16 the system's certificates imply verification. */
	if (PQlibVersion() >= 160000 && root != NULL && strcmp(root, "system") == 0 &&
		option_value(own, "sslmode") == NULL && getenv("PGSSLMODE") == NULL)
		return "verify-full";
	return effective(own, defaults, "sslmode");
}

bool
fed_conninfo_is_safe(const char *conninfo, FedError *err)
{
	PQconninfoOption *own = parse_conninfo(conninfo, err);
	PQconninfoOption *defaults = own == NULL ? NULL : read_defaults(own);
	const char *sslmode;
	char	   *host;
	bool		safe;

	if (own == NULL)
		return false;
	sslmode = effective_sslmode(own, defaults);
	host = fed_unverified_host(effective(own, defaults, "host"),
							   effective(own, defaults, "hostaddr"), sslmode);
	safe = host == NULL;
	if (!safe)
	{
		fed_error_set(err, FED_ERR_POLICY,
					  "refusing to connect to \"%s\" with sslmode=%s: nothing would prove that it is the right server",
					  host, sslmode == NULL ? "prefer" : sslmode);
		fed_error_hint(err, "use sslmode=verify-full (and sslrootcert), or --insecure to accept the risk");
	}
	free(host);
	PQconninfoFree(own);
	PQconninfoFree(defaults);
	return safe;
}
