/*
 * url.c
 *		Which URLs are safe enough to use.
 *
 * URLs are read by libcurl's own parser: what is judged here is what it will
 * connect to.
 */
#include "lib/url.h"

#include <string.h>

#include <curl/curl.h>

#include "lib/tls.h"

static CURLU *
parse(const char *url)
{
	CURLU	   *parsed = curl_url();

	if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK)
	{
		curl_url_cleanup(parsed);
		parsed = NULL;
	}
	return parsed;
}

static bool
has(CURLU *url, CURLUPart part)
{
	char	   *value;
	bool		found = curl_url_get(url, part, &value, 0) == CURLUE_OK;

	if (found)
		curl_free(value);
	return found;
}

static bool
has_scheme(CURLU *url, const char *scheme)
{
	char	   *value;
	bool		same;

	if (curl_url_get(url, CURLUPART_SCHEME, &value, 0) != CURLUE_OK)
		return false;
	same = strcmp(value, scheme) == 0;
	curl_free(value);
	return same;
}

/* An IPv6 address stands in brackets. */
static bool
has_local_host(CURLU *url)
{
	char	   *host;
	size_t		len;
	bool		local;

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	len = strlen(host);
	if (len > 2 && host[0] == '[')
	{
		host[len - 1] = '\0';
		local = fed_host_is_local(host + 1);
	}
	else
		local = len > 0 && fed_host_is_local(host);
	curl_free(host);
	return local;
}

bool
fed_url_is_valid(const char *url, FedError *err)
{
	CURLU	   *parsed = parse(url);
	bool		secret = parsed != NULL && (has(parsed, CURLUPART_USER) || has(parsed, CURLUPART_PASSWORD));
	bool		valid = parsed != NULL && (has_scheme(parsed, "https") || has_scheme(parsed, "http")) &&
		!has(parsed, CURLUPART_QUERY) && !has(parsed, CURLUPART_FRAGMENT);

	curl_url_cleanup(parsed);
	if (secret)
	{
		fed_error_set(err, FED_ERR_USAGE, "--url must not contain a user or password: other users of this machine could read it");
		return fed_error_hint(err, "a token in a file says who is calling: --token-file");
	}
	return valid || fed_error_set(err, FED_ERR_USAGE, "--url is not of the form https://HOST[:PORT][/PATH]");
}

bool
fed_url_is_local(const char *url)
{
	CURLU	   *parsed = parse(url);
	bool		local = parsed != NULL && has_local_host(parsed);

	curl_url_cleanup(parsed);
	return local;
}

bool
fed_url_is_safe(const char *url, FedError *err)
{
	CURLU	   *parsed = parse(url);
	bool		encrypted = parsed != NULL && has_scheme(parsed, "https");

	curl_url_cleanup(parsed);
	if (encrypted || fed_url_is_local(url))
		return true;
	fed_error_set(err, FED_ERR_POLICY,
				  "refusing to connect to %s: everybody on the way could read the token, and nothing would prove that it is the right server",
				  url);
	return fed_error_hint(err, "use https://, or --insecure to accept the risk");
}

char *
fed_url_escape(const char *text)
{
	char	   *escaped = curl_easy_escape(NULL, text, 0);
	char	   *copy = escaped == NULL ? NULL : strdup(escaped);

	curl_free(escaped);
	return copy;
}
