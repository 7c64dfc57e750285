/*
 * secagg_answers_test.c
 *		What a server answers in secure aggregation, in every wrong form: each is read, or ends in an error that names it.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/json.h"
#include "lib/secagg/messages.h"
#include "lib/secagg/offer.h"
#include "odd_json.h"

#define ADV "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f" \
	"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SIGNATURE KEY KEY
#define ENVELOPE KEY KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"

static FedError err;
static const char *document;	/* that the server answers */

static bool
answer(FedTransport *t, const FedNamedCall *call, char **out, FedError *why)
{
	(void) t;
	(void) call;
	(void) why;
	*out = strdup(document);
	return true;
}

static bool
connects(FedTransport *t, FedError *why)
{
	(void) t;
	(void) why;
	return true;
}

static bool
is_connected(FedTransport *t)
{
	(void) t;
	return true;
}

static const FedTransportOps ops = {.connect = connects, .is_connected = is_connected, .named_call = answer};
static FedTransport transport = {.ops = &ops};
static const FedAttemptId id = {"5f1d3a52-0c4e-4a77-9b1e-2d6c8f00a101", 1, 1};

/* The readers, of which each takes a document and leaves what it read. */

static FedRoster roster;
static FedInbox inbox;
static FedAgreements agreements;

static bool
read_roster(void)
{
	return fed_ask_roster(&transport, &id, &roster, &err);
}

static bool
read_inbox(void)
{
	return fed_ask_inbox(&transport, &id, &inbox, &err);
}

static bool
read_sets(void)
{
	return fed_ask_sets(&transport, &id, &agreements, &err);
}

static bool
read_agreements(void)
{
	return fed_ask_agreements(&transport, &id, &agreements, &err);
}

/* The part of a task, which comes as JSON that was read already. */
static bool
read_offer(void)
{
	json_t	   *part = fed_json_parse(document, "the task", FED_ERR_PROTOCOL, &err);
	FedOffer   *offer = part == NULL ? NULL : fed_offer_parse(part, &err);
	bool		ok = offer != NULL;

	fed_offer_free(offer);
	json_decref(part);
	return ok;
}

#define MEMBER "{\"u\": 1, \"adv\": \"" ADV "\", \"identity_pk\": \"" KEY "\", \"signature\": \"" SIGNATURE "\"}"
#define OFFER(due, text, vectors, Q, clip) "{\"round\": 1, \"attempt\": 1, \"state\": \"advertise\", \"due\": " due \
	", \"mode\": \"active\", \"weights\": \"declared\", \"metrics\": \"none\", \"max_attempts\": 3, \"min_updates\": 3, " \
	"\"task_text\": " text ", \"vectors\": " vectors ", \"aux_len\": 3, \"slice_values\": 262080, \"Q\": " Q \
	", \"W_cap\": 1048576, \"n_cap\": 100, \"n_max\": 3, \"clip\": " clip ", \"noise_var\": 0, \"aux_noise_var\": 0}"
#define VECTORS "[{\"stream\": 0, \"d\": 50, \"R\": 1.0}]"

static const struct
{
	bool		(*read) (void);
	const char *valid;
}			documents[] = {
	{read_roster, "{\"members\": [" MEMBER ", " MEMBER "]}"},
	{read_inbox, "{\"u2\": [1, 2, 3], \"envelopes\": [{\"owner\": 2, \"envelope\": \"" ENVELOPE "\"}, {\"owner\": 3, \"envelope\": \""
	ENVELOPE "\"}]}"},
	{read_sets, "{\"u2\": [1, 2, 3], \"u3\": [1, 2, 3]}"},
	{read_agreements, "{\"u2\": [1, 2, 3], \"u3\": [1, 2, 3], \"signatures\": [{\"u\": 1, \"signature\": \"" SIGNATURE "\"}]}"},
	{read_offer, OFFER("\"advertise\"", "\"YT1iOjEK\"", VECTORS, "715827882", "0")},
};

#define N_DOCUMENTS (sizeof(documents) / sizeof(*documents))

/* names: what the error must have in it; NULL: there is none, and a check is to see to it. */
static const struct
{
	bool		(*read) (void);
	const char *document;
	const char *names;
	const char *what;
}			cases[] = {
	{read_roster, "", "not valid JSON", "no document"},
	{read_roster, "[]", "not a JSON object", "a list for a document"},
	{read_roster, "{\"members\": [" MEMBER "]", "not valid JSON", "half a document"},
	{read_roster, "{\"members\": [], \"members\": []}", "not valid JSON", "a member of a document twice"},
	{read_roster, "{}", "\"members\"", "a roster without members"},
	{read_roster, "{\"members\": null}", "\"members\"", "members that are null"},
	{read_roster, "{\"members\": {\"0\": " MEMBER "}}", "\"members\"", "members that are no list"},
	{read_roster, "{\"members\": [1, 2]}", "\"members\"", "members that are numbers"},
	{read_roster, "{\"members\": [[]]}", "\"members\"", "members that are lists"},
	{read_roster, "{\"members\": [{\"adv\": \"" ADV "\"}]}", "\"members\"", "a member without its index"},
	{read_roster, "{\"members\": [{\"u\": \"1\", \"adv\": \"" ADV "\"}]}", "\"members\"", "an index in text"},
	{read_roster, "{\"members\": [{\"u\": 1.0, \"adv\": \"" ADV "\"}]}", "\"members\"", "an index with a point"},
	{read_roster, "{\"members\": [{\"u\": 18446744073709551617, \"adv\": \"" ADV "\"}]}", "\"members\"", "an index of 65 bits"},
	{read_roster, "{\"members\": [{\"u\": 1e400, \"adv\": \"" ADV "\"}]}", "not valid JSON", "a number that is none"},
	{read_roster, "{\"members\": [{\"u\": 1, \"adv\": null}]}", "\"members\"", "a member without its message"},
	{read_roster, "{\"members\": [{\"u\": 1, \"adv\": \"x" ADV "\"}]}", "\"members\"", "a message of an odd number of digits"},
	{read_roster, "{\"members\": [{\"u\": 1, \"adv\": \"\\u0000\"}]}", "not valid JSON", "a byte 0 in a text"},
	{read_roster, "{\"members\": [{\"u\": -1, \"adv\": \"" ADV "\"}]}", NULL, "an index below 0"},
	{read_roster, "{\"members\": [{\"u\": 1, \"adv\": \"00\"}]}", NULL, "a message that is too short"},
	{read_roster, "{\"members\": [{\"u\": 1, \"adv\": \"" ADV "\", \"identity_pk\": \"zz\", \"signature\": 1}]}", NULL,
	"an identity that is not hexadecimal"},
	{read_inbox, "{\"envelopes\": []}", "\"u2\"", "an inbox without U2"},
	{read_inbox, "{\"u2\": [1, 2, 3]}", "\"envelopes\"", "an inbox without envelopes"},
	{read_inbox, "{\"u2\": \"1, 2, 3\", \"envelopes\": []}", "\"u2\"", "a U2 in text"},
	{read_inbox, "{\"u2\": [1, null, 3], \"envelopes\": []}", "\"u2\"", "a U2 with a hole"},
	{read_inbox, "{\"u2\": [1, 2.5], \"envelopes\": []}", "\"u2\"", "a U2 with half an Island"},
	{read_inbox, "{\"u2\": [1, true], \"envelopes\": []}", "\"u2\"", "a U2 with a truth in it"},
	{read_inbox, "{\"u2\": [9999999999999999999999], \"envelopes\": []}", "\"u2\"", "a U2 with a number of 74 bits"},
	{read_inbox, "{\"u2\": [-1, 0, 4294967297], \"envelopes\": []}", NULL, "a U2 of numbers that are no indices"},
	{read_inbox, "{\"u2\": [1], \"envelopes\": [{\"envelope\": \"" ENVELOPE "\"}]}", "\"envelopes\"", "an envelope of nobody"},
	{read_inbox, "{\"u2\": [1], \"envelopes\": [7]}", "\"envelopes\"", "an envelope that is a number"},
	{read_inbox, "{\"u2\": [1], \"envelopes\": [{\"owner\": 1}, {\"owner\": 1, \"envelope\": \"00\"}]}", NULL,
	"envelopes that are missing or too short, and one owner's twice"},
	{read_sets, "{\"u2\": [1, 2, 3]}", "\"u3\"", "sets without U3"},
	{read_sets, "{\"u3\": [1, 2, 3]}", "\"u2\"", "sets without U2"},
	{read_sets, "{\"u2\": [], \"u3\": {}}", "\"u3\"", "a U3 that is no list"},
	{read_sets, "{\"u2\": [], \"u3\": []}", NULL, "sets of nobody"},
	{read_agreements, "{\"u2\": [], \"u3\": []}", "\"signatures\"", "agreements without signatures"},
	{read_agreements, "{\"u2\": [], \"u3\": [], \"signatures\": [{\"u\": 1}]}", "\"signatures\"", "a signature that is missing"},
	{read_agreements, "{\"u2\": [], \"u3\": [], \"signatures\": [{\"u\": 1, \"signature\": \"" KEY "\"}]}", "\"signatures\"",
	"half a signature"},
	{read_agreements, "{\"u2\": [], \"u3\": [], \"signatures\": [{\"signature\": \"" SIGNATURE "\"}]}", "\"signatures\"",
	"a signature of nobody"},
	{read_agreements, "{\"u2\": [], \"u3\": [], \"signatures\": [{\"u\": -1, \"signature\": \"" SIGNATURE "\"}, "
	"{\"u\": -1, \"signature\": \"" SIGNATURE "\"}]}", NULL, "two signatures of an index below 0"},
	{read_offer, OFFER("\"explode\"", "\"YT1iOjEK\"", VECTORS, "1", "0"), "a step", "a step that does not exist"},
	{read_offer, OFFER("7", "\"YT1iOjEK\"", VECTORS, "1", "0"), NULL, "a step that is a number: none is due"},
	{read_offer, OFFER("null", "null", VECTORS, "1", "0"), "\"task_text\"", "no text"},
	{read_offer, OFFER("null", "7", VECTORS, "1", "0"), "\"task_text\"", "a text that is a number"},
	{read_offer, OFFER("null", "\"a=b:1\"", VECTORS, "1", "0"), "\"task_text\"", "a text that is not in base64"},
	{read_offer, OFFER("null", "\"YT1iOjE\"", VECTORS, "1", "0"), "\"task_text\"", "base64 that ends early"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", "null", "1", "0"), "\"vectors\"", "no vectors"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", "[1]", "1", "0"), "\"vectors\"", "vectors that are numbers"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", "[{\"stream\": 0, \"d\": 1, \"R\": 1}, {\"stream\": 1, \"d\": 1, \"R\": 1}, "
	"{\"stream\": 2, \"d\": 1, \"R\": 1}]", "1", "0"), "too many", "three vectors"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", "[{\"stream\": 0, \"d\": 1e300, \"R\": 1}]", "1", "0"), "\"vectors\"",
	"a vector of 1e300 values"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", "[{\"stream\": -1, \"d\": -1, \"R\": -1}]", "1", "0"), NULL,
	"a vector of numbers below 0"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", VECTORS, "\"1\"", "0"), "\"Q\"", "a number in text"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", VECTORS, "1.5", "0"), "\"Q\"", "a number with a part"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", VECTORS, "36893488147419103232", "0"), "\"Q\"", "a number of 65 bits"},
	{read_offer, OFFER("null", "\"YT1iOjEK\"", VECTORS, "1", "null"), "\"clip\"", "a clip that is null"},
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		bool		ok;

		document = cases[i].document;
		err = (FedError) {0};
		ok = cases[i].read();
		if (!check(cases[i].names == NULL ? ok : !ok && err.kind == FED_ERR_PROTOCOL && strstr(err.message, cases[i].names) != NULL,
				   cases[i].what))
			printf("# %s\n", err.message);
	}
}

static void
test_lengths(void)
{
	static char long_list[64 * 1024];
	char	   *to = long_list + sprintf(long_list, "{\"u2\": [1], \"u3\": [1");

	for (int i = 2; i <= 256; i++)
		to += sprintf(to, ", %d", i);
	strcpy(to, "]}");
	document = long_list;
	check(read_sets() && agreements.u3.n == 256 && agreements.u3.values[255] == 256, "a list of 256 is for a check to refuse");
	strcpy(to, ", 257]}");
	check(!read_sets() && err.kind == FED_ERR_PROTOCOL && strstr(err.message, "\"u3\"") != NULL, "one of 257 is not read");
}

/* Base64 of the longest text that a check must see, and of one that is longer. */
static void
test_long_texts(void)
{
	static char offer[300 * 1024];
	static char text[200 * 1024];

	for (int fits = 1; fits >= 0; fits--)
	{
		size_t		len = fits ? 2 * 65536 : 2 * 65536 + 4;

		text[0] = '"';
		memset(text + 1, 'A', len);
		strcpy(text + 1 + len, "\"");
		snprintf(offer, sizeof(offer), "%s%s%s", "{\"round\": 1, \"attempt\": 1, \"max_attempts\": 3, \"min_updates\": 3, \"vectors\": [], \"aux_len\": 3,"
				 "\"slice_values\": 1, \"Q\": 1, \"W_cap\": 1, \"n_cap\": 1, \"n_max\": 1, \"clip\": 0, \"noise_var\": 0, \"aux_noise_var\": 0,"
				 "\"task_text\": ", text, "}");
		document = offer;
		check(fits ? read_offer() : !read_offer() && strstr(err.message, "\"task_text\"") != NULL,
			  fits ? "a text of 96 KiB is for a check to refuse" : "a longer one is not read");
	}
}

/* Everything that a document consists of, in the place of which stands everything else. */
static void
test_odd(void)
{
	static const char *const names[] = {"roster", "inbox", "sets", "agreements", "offer"};

	for (size_t i = 0; i < N_DOCUMENTS; i++)
	{
		char		what[80];
		bool		ok = true;
		int			tried = 0;
		bool		more = true;

		document = documents[i].valid;
		ok = check(documents[i].read(), names[i]);
		for (int at = 0; more; at++)
		{
			for (size_t which = 0; more && which < N_ODD; which++)
			{
				json_t	   *changed = json_loads(documents[i].valid, 0, NULL);
				int			k = at;
				char	   *text;

				more = put_odd(changed, &k, which);
				document = text = json_dumps(changed, 0);
				err = (FedError) {0};
				ok = ok && (documents[i].read() || (err.kind == FED_ERR_PROTOCOL && err.message[0] != '\0'));
				free(text);
				json_decref(changed);
				tried++;
			}
		}
		snprintf(what, sizeof(what), "%s: any odd value in any place is read or named", names[i]);
		check(ok && tried > (int) N_ODD * 4, what);
	}
}

static void
test_damaged(void)
{
	uint64_t	seed = 4;
	int			named = 0;
	bool		ok = true;

	for (int i = 0; i < 20000; i++)
	{
		char	   *text = strdup(documents[i % N_DOCUMENTS].valid);

		damage(text, &seed);
		document = text;
		err = (FedError) {0};
		if (!documents[i % N_DOCUMENTS].read())
		{
			ok = ok && err.kind == FED_ERR_PROTOCOL && err.message[0] != '\0';
			named++;
		}
		free(text);
	}
	check(ok && named > 10000, "damaged documents are read or named");
}

int
main(void)
{
	test_cases();
	test_lengths();
	test_long_texts();
	test_odd();
	test_damaged();
	return checks_done();
}
