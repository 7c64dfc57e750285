/*
 * transfer.c
 *		One request to a receiver, as libcurl makes it.
 *
 * The receiver is not trusted, nor is whoever named it. Each socket is opened
 * by us, after the name was resolved, to an address that was checked: what a
 * name resolves to later, or resolved to before, does not matter. Redirects are
 * not followed, proxies and .netrc are not looked at, and nothing but HTTPS (or
 * HTTP, if the operator says so) is spoken. Of the answer only the status
 * counts; its body is read as far as it is short, so that the connection can be
 * used again, and thrown away.
 *
 * Nothing that the receiver says gets into tables or logs but that number.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/compat.h"
#include "base/settings.h"
#include "core/net/address.h"
#include "utils/builtins.h"
#include "webhook/transfer.h"

#define MAX_ANSWER_BYTES	(64 * 1024)
#define MAX_HEADER_BYTES	(16 * 1024)
#define MAX_CONNECT_MS		5000

/* 7.85: protocols by name */
#if LIBCURL_VERSION_NUM < 0x075500
#error "federated needs libcurl 7.85 or newer"
#endif

struct FedTransfer
{
	CURL	   *easy;
	struct curl_slist *headers;
	pg_uuid_t	delivery;
	int			attempt;
	size_t		header_bytes;
	size_t		answer_bytes;
	const char *special;		/* what an address was that we did not connect to */
};

/* What an address is that no request may go to; NULL if one may. */
static const char *
special_address(int family, const void *address)
{
	if (fed_setting_webhook_allow_private)
		return NULL;
	if (family == AF_INET)
		return fed_address_v4_special(address);
	if (family == AF_INET6)
		return fed_address_v6_special(address);
	return "of an unknown kind";
}

static const char *
special_sockaddr(const struct curl_sockaddr *address)
{
	const void *in = NULL;

	if (address->family == AF_INET)
		in = &((const struct sockaddr_in *) &address->addr)->sin_addr;
	else if (address->family == AF_INET6)
		in = &((const struct sockaddr_in6 *) &address->addr)->sin6_addr;
	return special_address(in != NULL ? address->family : AF_UNSPEC, in);
}

/* libcurl asks for a socket for every address that it is about to try. */
static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	FedTransfer *transfer = data;
	const char *special = special_sockaddr(address);

	if (special != NULL)
	{
		transfer->special = special;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * libcurl is about to send on a connection, which may be an old one, made when
 * the settings were others.
 */
static int
check_connection(void *data, char *remote, char *local, int remote_port, int local_port)
{
	FedTransfer *transfer = data;
	uint8_t		address[16];
	int			family = strchr(remote, ':') != NULL ? AF_INET6 : AF_INET;
	const char *special;

	if (inet_pton(family, remote, address) != 1)
		family = AF_UNSPEC;
	special = special_address(family, address);
	if (special == NULL)
		return CURL_PREREQFUNC_OK;
	transfer->special = special;
	return CURL_PREREQFUNC_ABORT;
}

/* A count other than what came ends the transfer. */
static size_t
count_answer(char *bytes, size_t size, size_t n, void *data)
{
	FedTransfer *transfer = data;

	transfer->answer_bytes += size * n;
	return transfer->answer_bytes <= MAX_ANSWER_BYTES ? size * n : 0;
}

static size_t
count_header(char *bytes, size_t size, size_t n, void *data)
{
	FedTransfer *transfer = data;

	transfer->header_bytes += size * n;
	return transfer->header_bytes <= MAX_HEADER_BYTES ? size * n : 0;
}

/* An option that this libcurl does not take is our bug, and may be one of safety. */
static void
check(CURLcode code)
{
	if (code != CURLE_OK)
		elog(ERROR, "could not set up a request: %s", curl_easy_strerror(code));
}

static void
add_header(FedTransfer *transfer, const char *header)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, header);

	if (longer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	transfer->headers = longer;
}

static void
add_headers(FedTransfer *transfer, const FedRequest *request)
{
	Datum		id = UUIDPGetDatum(&request->delivery);

	add_header(transfer, "Content-Type: application/json");
	add_header(transfer, "Accept:");
	add_header(transfer, "Expect:");	/* no waiting for 100 Continue */
	add_header(transfer, psprintf("Federated-Delivery: %s", DatumGetCString(DirectFunctionCall1(uuid_out, id))));
	add_header(transfer, psprintf("Federated-Attempt: %d", request->attempt));
	add_header(transfer, psprintf("Federated-Timestamp: " INT64_FORMAT, request->stamp));
	add_header(transfer, psprintf("Federated-Signature: %s", request->signature));
	check(curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers));
}

/* Where it may go and what is not followed. */
static void
set_limits(FedTransfer *transfer)
{
	CURL	   *easy = transfer->easy;

	check(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, fed_setting_webhook_allow_http ? "https,http" : "https"));
	check(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
	check(curl_easy_setopt(easy, CURLOPT_PROXY, ""));
	check(curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED));
	check(curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket));
	check(curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer));
	check(curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, check_connection));
	check(curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer));
	check(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L));
	check(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L));
	check(curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2));
	if (fed_setting_webhook_ca_file != NULL && fed_setting_webhook_ca_file[0] != '\0')
		check(curl_easy_setopt(easy, CURLOPT_CAINFO, fed_setting_webhook_ca_file));
	check(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) fed_setting_webhook_timeout));
	check(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) Min(fed_setting_webhook_timeout, MAX_CONNECT_MS)));
	check(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
#if LIBCURL_VERSION_NUM >= 0x075700
	/* 7.87: does not wait for a thread that still resolves a name */
	check(curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L));
#endif
}

static void
set_answer(FedTransfer *transfer)
{
	CURL	   *easy = transfer->easy;

	check(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_answer));
	check(curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer));
	check(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, count_header));
	check(curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer));
	check(curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer));
}

/*
 * fed_transfer_new prepares a request, which is copied.
 *
 * It lives until fed_transfer_free, in TopMemoryContext. An error leaves things
 * behind; it ends the process.
 */
FedTransfer *
fed_transfer_new(const FedRequest *request)
{
	FedTransfer *transfer = MemoryContextAllocZero(TopMemoryContext, sizeof(FedTransfer));

	transfer->delivery = request->delivery;
	transfer->attempt = request->attempt;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));

	check(curl_easy_setopt(transfer->easy, CURLOPT_URL, request->url));
	check(curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1));
	check(curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, "federated/" FED_VERSION));
	check(curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L));
	check(curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length));
	check(curl_easy_setopt(transfer->easy, CURLOPT_COPYPOSTFIELDS, request->body));
	add_headers(transfer, request);
	set_limits(transfer);
	set_answer(transfer);
	return transfer;
}

/* fed_transfer_handle is what a multi handle is given. */
CURL *
fed_transfer_handle(FedTransfer *transfer)
{
	return transfer->easy;
}

/* Why an attempt failed, in words that nobody else chose. */
static const char *
describe(const FedTransfer *transfer, CURLcode code, long status)
{
	if (status >= 200 && status <= 299)
		return "";
	if (status >= 300 && status <= 399)
		return "the receiver redirects, which is not followed";
	if (status != 0)
		return "the receiver answered with an error";
	if (transfer->header_bytes > MAX_HEADER_BYTES)
		return "the header of the answer is too long";
	if (transfer->special != NULL)
		return psprintf("its address is %s, which is not allowed", transfer->special);
	if (code == CURLE_OK)
		return "the answer has no status";
	return curl_easy_strerror(code);
}

/*
 * fed_transfer_finish says what became of a request that has ended.
 *
 * A receiver that has sent its status has answered, whatever it does with the
 * rest: 2xx is delivered.
 */
void
fed_transfer_finish(FedTransfer *transfer, CURLcode code, FedOutcome *outcome)
{
	long		status = 0;

	(void) curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	/* one that says 100 Continue and no more has not answered, nor one with endless headers */
	if (status < 200 || status > 999 || transfer->header_bytes > MAX_HEADER_BYTES)
		status = 0;
	outcome->delivery = transfer->delivery;
	outcome->attempt = transfer->attempt;
	outcome->status = (int) status;
	strlcpy(outcome->error, describe(transfer, code, status), sizeof(outcome->error));
}

/* fed_transfer_free gives everything back; not to be called inside of a multi handle. */
void
fed_transfer_free(FedTransfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	pfree(transfer);
}
