/*
 * tls_test.c
 *		Which servers must prove who they are, and that no password stands on a command line.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/tls.h"

static bool
unverified(const char *hosts, const char *addresses, const char *mode, const char *expected)
{
	char	   *host = fed_unverified_host(hosts, addresses, mode);
	bool		same = expected == NULL ? host == NULL : host != NULL && strcmp(host, expected) == 0;

	free(host);
	return same;
}

int
main(void)
{
	FedError	err = {0};

	check(unverified(NULL, NULL, "prefer", NULL), "the default is a socket");
	check(unverified("/run/postgresql", NULL, NULL, NULL), "a socket directory");
	check(unverified("localhost,127.0.0.1", NULL, "disable", NULL), "this machine");
	check(unverified("db.example.org", NULL, "require", "db.example.org"), "sslmode=require proves nothing");
	check(unverified("db.example.org", NULL, "verify-full", NULL), "sslmode=verify-full does");
	check(unverified("localhost,db.example.org", NULL, "prefer", "db.example.org"), "one of several");
	check(unverified("localhost", "192.0.2.1", "prefer", "192.0.2.1"), "a hostaddr decides over its host");
	check(!fed_conninfo_has_no_secret("host=localhost password=x", &err) && strstr(err.message, "=x") == NULL,
		  "a password is refused and not repeated");
	check(fed_conninfo_has_no_secret("host=localhost", &err), "a string without one is not");
	return checks_done();
}
