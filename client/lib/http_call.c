/*
 * http_call.c
 *		One request over HTTP: sent, waited for, its answer collected.
 *
 * One handle serves all requests of a FedHttp, so that its connection is kept.
 * Proxies are libcurl's business: HTTPS_PROXY and NO_PROXY. Redirects are not
 * followed: a token goes to the server that it was meant for, or nowhere.
 */
#include "lib/http_call.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "lib/stop.h"
#include "lib/url.h"

#define CONNECT_SECONDS 10L
/*
 * Longer than nginx waits for an ordinary answer and than the database works on
 * a request by default: their words for it come first.
 */
#define STALLED_SECONDS 130L

struct FedHttp
{
	CURL	   *curl;			/* NULL: not used yet */
	char	   *url;			/* without "/" at its end */
	char	   *ca_file;
	bool		insecure;
	bool		local;
};

static char *
copy_or_null(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

/* libcurl's command honours these, the library does not. */
static const char *
ca_file_of_environment(void)
{
	const char *file = getenv("CURL_CA_BUNDLE");

	if (file == NULL || file[0] == '\0')
		file = getenv("SSL_CERT_FILE");
	return file == NULL || file[0] == '\0' ? NULL : file;
}

FedHttp *
fed_http_open(const FedHttpServer *server)
{
	const char *ca_file = server->ca_file != NULL ? server->ca_file : ca_file_of_environment();
	FedHttp    *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return NULL;
	http->url = strdup(server->url);
	http->ca_file = copy_or_null(ca_file);
	http->insecure = server->insecure;
	http->local = fed_url_is_local(server->url);
	if (http->url == NULL || (ca_file != NULL && http->ca_file == NULL))
	{
		fed_http_close(http);
		return NULL;
	}
	for (size_t len = strlen(http->url); len > 0 && http->url[len - 1] == '/'; len--)
		http->url[len - 1] = '\0';
	return http;
}

void
fed_http_disconnect(FedHttp *http)
{
	curl_easy_cleanup(http->curl);
	http->curl = NULL;
}

void
fed_http_close(FedHttp *http)
{
	if (http == NULL)
		return;
	fed_http_disconnect(http);
	free(http->url);
	free(http->ca_file);
	free(http);
}

/* The body that arrives */
typedef struct Collected
{
	char	   *data;
	size_t		len;
	size_t		size;
	size_t		max;
	bool		too_long;
} Collected;

static bool
make_room(Collected *c, size_t more)
{
	size_t		size = c->size == 0 ? 4096 : c->size;
	char	   *data;

	if (more > c->max - c->len)
	{
		c->too_long = true;
		return false;
	}
	while (size < c->len + more + 1)
		size *= 2;
	if (size == c->size)
		return true;
	data = realloc(c->data, size);
	if (data == NULL)
		return false;
	c->data = data;
	c->size = size;
	return true;
}

static size_t
collect(char *data, size_t unit, size_t n, void *arg)
{
	Collected  *c = arg;

	(void) unit;				/* always 1 */
	if (!make_room(c, n))
		return CURL_WRITEFUNC_ERROR;
	memcpy(c->data + c->len, data, n);
	c->len += n;
	c->data[c->len] = '\0';
	return n;
}

/* Called about once a second, and when a signal ends the waiting. */
static int
look_up(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	(void) arg;
	(void) down_total;
	(void) down;
	(void) up_total;
	(void) up;
	return fed_stop_requested();
}

static bool
append(struct curl_slist **list, const char *name, const char *value)
{
	size_t		size = strlen(name) + strlen(value) + 1;
	char	   *line = malloc(size);
	struct curl_slist *longer = NULL;

	if (line != NULL)
	{
		snprintf(line, size, "%s%s", name, value);
		longer = curl_slist_append(*list, line);
	}
	free(line);
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static bool
make_headers(const FedHttpRequest *request, struct curl_slist **list)
{
	/* Without the second, libcurl asks before it sends a long body. */
	bool		ok = append(list, "Accept: ", request->accept) && append(list, "Expect:", "") &&
		(request->token == NULL || append(list, "Authorization: Bearer ", request->token)) &&
		(request->type == NULL || append(list, "Content-Type: ", request->type));

	for (int i = 0; ok && request->headers[i] != NULL; i++)
		ok = append(list, request->headers[i], "");
	return ok;
}

#define SET(option, value) (curl_easy_setopt(curl, CURLOPT_ ## option, (value)) == CURLE_OK)

static bool
set_limits(CURL *curl)
{
	return SET(NOSIGNAL, 1L) && SET(CONNECTTIMEOUT, CONNECT_SECONDS) && SET(LOW_SPEED_LIMIT, 1L) &&
		SET(LOW_SPEED_TIME, STALLED_SECONDS) && SET(TCP_KEEPALIVE, 1L) && SET(NOPROGRESS, 0L) &&
		SET(XFERINFOFUNCTION, look_up) && SET(FOLLOWLOCATION, 0L) && SET(PROTOCOLS_STR, "http,https");
}

/* A file of certificates replaces the system's directory of them too. */
static bool
set_trust(CURL *curl, const FedHttp *http)
{
	return SET(SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) && SET(SSL_VERIFYPEER, http->insecure ? 0L : 1L) &&
		SET(SSL_VERIFYHOST, http->insecure ? 0L : 2L) &&
		(http->ca_file == NULL || (SET(CAINFO, http->ca_file) && SET(CAPATH, NULL))) &&
		(!http->local || SET(PROXY, ""));
}

static bool
set_request(CURL *curl, const FedHttp *http, const FedHttpRequest *request, struct curl_slist *headers)
{
	size_t		size = strlen(http->url) + strlen(request->path) + 1;
	char	   *url = malloc(size);
	bool		ok = url != NULL;

	if (ok)
	{
		snprintf(url, size, "%s%s", http->url, request->path);
		ok = SET(URL, url) && SET(USERAGENT, "fed/" FED_VERSION) && SET(HTTPHEADER, headers);
	}
	free(url);
	if (ok && request->type != NULL)
		ok = SET(POST, 1L) && SET(POSTFIELDSIZE_LARGE, (curl_off_t) request->len) && SET(POSTFIELDS, request->body);

	/* On a kept connection that breaks, libcurl sends again by itself. */
	return ok && SET(FRESH_CONNECT, request->once ? 1L : 0L);
}

/* Why there is no answer. Texts with times in them would be new at every attempt. */
static bool
transfer_error(const FedHttp *http, const Collected *c, CURLcode code, const char *text, FedError *err)
{
	switch (code)
	{
		case CURLE_ABORTED_BY_CALLBACK:
			return fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
		case CURLE_WRITE_ERROR:
			if (!c->too_long)
				return fed_error_memory(err);
			return fed_error_set(err, FED_ERR_PROTOCOL, "%s: the answer is longer than %zu bytes", http->url, c->max);
		case CURLE_OUT_OF_MEMORY:
			return fed_error_memory(err);
		case CURLE_SSL_CACERT_BADFILE:
			return fed_error_set(err, FED_ERR_LOCAL, "\"%s\" holds no certificates that can be read",
								 http->ca_file == NULL ? "the system's file" : http->ca_file);
		case CURLE_PEER_FAILED_VERIFICATION:
			fed_error_set(err, FED_ERR_CONNECTION, "%s: %s", http->url, text);
			return fed_error_hint(err, "--ca-file names the certificate of a private authority");
		case CURLE_COULDNT_CONNECT:
		case CURLE_OPERATION_TIMEDOUT:
			text = "";
			/* FALLTHROUGH */
		default:
			return fed_error_set(err, FED_ERR_CONNECTION, "%s: %s", http->url,
								 text[0] == '\0' ? curl_easy_strerror(code) : text);
	}
}

static bool
perform(FedHttp *http, Collected *c, FedHttpAnswer *out, FedError *err)
{
	char		text[CURL_ERROR_SIZE] = "";
	CURL	   *curl = http->curl;
	CURLcode	code;
	curl_off_t	retry_after = 0;

	if (!SET(ERRORBUFFER, text) || !SET(WRITEFUNCTION, collect) || !SET(WRITEDATA, c) || !make_room(c, 0))
		return fed_error_memory(err);
	c->data[0] = '\0';
	code = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK)
		return transfer_error(http, c, code, text, err);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
	out->retry_after = (double) retry_after;
	out->body = c->data;
	out->len = c->len;
	return true;
}

bool
fed_http_call(FedHttp *http, const FedHttpRequest *request, FedHttpAnswer *out, FedError *err)
{
	Collected	c = {.max = request->max_bytes};
	struct curl_slist *headers = NULL;
	bool		ok;

	memset(out, 0, sizeof(*out));
	if (http->curl == NULL && (http->curl = curl_easy_init()) == NULL)
		return fed_error_memory(err);
	curl_easy_reset(http->curl);	/* keeps connections */
	ok = (make_headers(request, &headers) && set_limits(http->curl) && set_trust(http->curl, http) &&
		  set_request(http->curl, http, request, headers)) ||
		fed_error_set(err, FED_ERR_LOCAL, "libcurl does not take the request");
	ok = ok && perform(http, &c, out, err);
	if (!ok)
		free(c.data);
	curl_slist_free_all(headers);
	return ok;
}
