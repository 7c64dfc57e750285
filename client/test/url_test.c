/*
 * url_test.c
 *		Which URLs are safe, as the library that connects reads them.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/url.h"

static bool
valid(const char *url)
{
	return fed_url_is_valid(url, NULL);
}

static bool
refused(const char *url, const char *secret)
{
	FedError	err = {0};

	return !fed_url_is_valid(url, &err) && err.kind == FED_ERR_USAGE && strstr(err.message, secret) == NULL &&
		strstr(err.hint, secret) == NULL;
}

static bool
unsafe(const char *url)
{
	FedError	err = {0};

	return !fed_url_is_safe(url, &err) && err.kind == FED_ERR_POLICY;
}

static bool
escapes(const char *text, const char *expected)
{
	char	   *escaped = fed_url_escape(text);
	bool		same = escaped != NULL && strcmp(escaped, expected) == 0;

	free(escaped);
	return same;
}

int
main(void)
{
	check(valid("https://fed.example.org") && valid("https://fed.example.org:8443/prefix/"), "a host, a port, a path");
	check(!valid("fed.example.org") && !valid("ftp://fed.example.org") && !valid("file:///etc/passwd") && !valid("https://") &&
		  !valid(""), "anything else is no server");
	check(!valid("https://fed.example.org/?a=b") && !valid("https://fed.example.org/#a"), "nor has one a query or a fragment");
	check(refused("https://me:hush@fed.example.org", "hush") && refused("https://hush@fed.example.org", "hush"),
		  "a password or user is refused and not repeated");
	check(fed_url_is_safe("https://fed.example.org", NULL) && fed_url_is_safe("HTTPS://fed.example.org", NULL), "https is safe");
	check(fed_url_is_safe("http://localhost:3000/", NULL) && fed_url_is_safe("http://127.0.0.9", NULL) &&
		  fed_url_is_safe("http://[::1]:3000", NULL), "so is this machine without it");
	check(unsafe("http://fed.example.org") && unsafe("http://192.0.2.1") && unsafe("http://[2001:db8::1]") &&
		  unsafe("http://0.0.0.0"), "another machine without it is not");
	check(unsafe("http://localhost.example.org") && unsafe("http://127.0.0.1.example.org") &&
		  unsafe("http://127.0.0.1@fed.example.org/"), "nor one that looks like this machine");
	check(!fed_url_is_local("https://fed.example.org") && fed_url_is_local("https://localhost"), "https or not, local is local");
	check(escapes("support-bot_1.0~x", "support-bot_1.0~x"), "plain names stay as they are");
	check(escapes("a b&c=d,e(\"f\")/ü%", "a%20b%26c%3Dd%2Ce%28%22f%22%29%2F%C3%BC%25"), "whatever else is escaped");
	return checks_done();
}
