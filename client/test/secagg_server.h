/*
 * secagg_server.h
 *		A small server of secure aggregation in memory, and Islands that are the real ones.
 *
 * It keeps what a server keeps, moves from state to state when it is told to,
 * and at the end makes the sum out of masked updates and reveals with the core
 * alone. Whatever it answers can be changed on the way (`tamper`), as a server
 * that lies would. It counts what reaches it, so that a test can see that a
 * refusal sent nothing.
 */
#ifndef FED_TEST_SECAGG_SERVER_H
#define FED_TEST_SECAGG_SERVER_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/secagg/dp_quantiser.h"
#include "core/secagg/mask.h"
#include "core/secagg/quantiser.h"
#include "lib/file.h"
#include "lib/journal.h"
#include "lib/json.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/member.h"
#include "lib/secagg/messages.h"
#include "lib/secagg/revealed.h"
#include "lib/secagg/state.h"

#ifndef MAX_HOSTS
#define MAX_HOSTS 12
#endif
#define MAX_VALUES (FED_SLICE_VALUES + 21)

typedef struct Server Server;
typedef struct Host Host;

/* An Island and what the server has of it. `t` is first, so that a carrier is its host. */
struct Host
{
	FedTransport t;
	Server	   *server;
	int			number;			/* 0 … */
	bool		alive;
	char		root[64];
	char		delta_path[80];
	FedIdentity identity;
	FedTrust   *trust;
	FedPolicy  *policy;
	FedMember	member;
	float	   *model;			/* that it is given; not its own to free */
	double		scale;			/* of its update */
	int			trained;		/* how often */
	void		(*during) (Host *host); /* what happens while it trains */
	int			messages;		/* of secure aggregation that it sent, with slices and commits */

	/* of the attempt */
	bool		advertised;
	bool		doubted;		/* what it sent last is asked for again, to be compared */
	uint8_t		adv[FED_ADV_BYTES];
	uint8_t		key[FED_KEY_BYTES];
	uint8_t		signature[FED_SIGNATURE_BYTES];
	uint32_t	u;				/* 0: not on the roster */
	bool		shared;
	uint8_t		envelopes[MAX_HOSTS][FED_ENVELOPE_BYTES];	/* to v at [v - 1] */
	FedSecaggSet complained;
	uint8_t		manifest[FED_SHA256_BYTES];
	bool		has_slice[2];
	uint8_t    *update;
	uint8_t		aux[4 * FED_MAX_AUX];
	size_t		aux_len;
	bool		committed;
	int64_t		num_samples;
	char		metrics[256];
	bool		agreed;
	uint8_t		agreement[FED_SIGNATURE_BYTES];
	size_t		reveal_len;
	uint8_t		reveal[MAX_HOSTS * FED_REVEAL_BYTES];
	char		rejected[128];	/* what of it was another message than before */
};

typedef enum Stage
{
	STAGE_ADVERTISE,
	STAGE_SHARE,
	STAGE_MASK,
	STAGE_AGREE,
	STAGE_REVEAL,
	STAGE_DONE
} Stage;

struct Server
{
	char		session_id[FED_SESSION_ID_LEN + 1];
	int			n_hosts;
	Host		hosts[MAX_HOSTS];
	bool		active;
	bool		evaluation;
	bool		over;
	const char *weights;
	const char *metrics;
	int			min_updates;
	int			n_max;
	int			n_cap;
	int			total_rounds;
	double		sigma;			/* noise multiplier of distributed privacy; 0: none */
	bool		adaptive;
	double		clip;			/* norm of the round */
	double		divisor;
	uint64_t	n_values;
	float	   *model;
	float	   *other_model;	/* for a server that gives out two */
	char	   *text;			/* of the task */
	char		manifest_hex[FED_SHA256_HEX + 1];
	int64_t		round;
	int64_t		attempt;
	Stage		stage;
	uint32_t	n;				/* of the roster */
	uint32_t	t;
	int			by_u[MAX_HOSTS + 1];
	FedSecaggSet u2;
	FedSecaggSet u3;
	void		(*tamper) (Server *server, Host *to, const char *function, json_t *answer);
	char		declined[640];
};

static const char *const stage_names[] = {"advertise", "share", "mask", "agree", "reveal", "sum"};

/* The text */

static void
add_real(char *text, const char *name, double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	sprintf(text + strlen(text), "%s=f:%016llx\n", name, (unsigned long long) bits);
}

static void
write_noise(const Server *server, char *text)
{
	if (server->adaptive)
	{
		add_real(text, "dp_adaptive_clip.initial", 0.5);
		add_real(text, "dp_adaptive_clip.learning_rate", 0.25);
		add_real(text, "dp_adaptive_clip.quantile", 0.5);
	}
	else
		add_real(text, "dp_clip_norm", server->clip);
	add_real(text, "dp_delta", 1e-5);
	add_real(text, "dp_divisor", server->divisor);
	strcat(text, "dp_mode=s:distributed\ndp_sampling=s:none\n");
	add_real(text, "dp_sigma", server->sigma);
	strcat(text, "dp_weighting=s:uniform\n");
}

/* How an update weighs, and what of it is summed. */
static void
write_weighting(const Server *server, char *text)
{
	bool		private = server->sigma > 0;

	if (private)
		strcat(text, "secagg_max_colluding=i:0\n");
	else
	{
		add_real(text, "secagg_metric_bounds.evaluation.accuracy", 1);
		add_real(text, "secagg_metric_bounds.training.loss", 10);
	}
	sprintf(text + strlen(text), "secagg_metrics=s:%s\nsecagg_mode=s:%s\n", server->metrics,
			server->active ? "active" : "semi_honest");
	if (!private)
	{
		add_real(text, "secagg_range", 1);
		sprintf(text + strlen(text), "secagg_sample_cap=i:%d\n", server->n_cap);
	}
	sprintf(text + strlen(text), "secagg_weights=s:%s\n", server->weights);
}

static void
write_text(Server *server)
{
	char	   *text = server->text;

	text[0] = '\0';
	sprintf(text, "aggregation=s:mean\nalgorithm=s:fed_avg\nbatch_size=i:32\n");
	if (server->sigma > 0)
		write_noise(server, text);
	add_real(text, "hyperparameters.warmup", 0.25);
	add_real(text, "learning_rate", 0.001);
	sprintf(text + strlen(text), "local_epochs=i:3\nmanifest_sha256=s:%s\nmin_updates=i:%d\nprotocol=s:fsa1\n"
			"secagg_max_attempts=i:3\nsecagg_max_cohort=i:%d\n", server->manifest_hex, server->min_updates, server->n_max);
	write_weighting(server, text);
	sprintf(text + strlen(text), "secure_aggregation=b:1\ntotal_rounds=i:%d\nworkload=s:support-bot\n", server->total_rounds);
}

/* Two tensors, of which one is trained. */
static json_t *
model_document(const Server *server)
{
	return json_pack("{s:i, s:i, s:I, s:i, s:[{s:s, s:s, s:[I], s:b}, {s:s, s:s, s:[i,i], s:b}]}", "version_id", 5, "version", 1,
					 "parameters", (json_int_t) server->n_values, "frozen_bytes", 24, "tensors",
					 "name", "layer.weight", "dtype", "F32", "shape", (json_int_t) server->n_values, "trainable", 1,
					 "name", "frozen", "dtype", "F32", "shape", 2, 3, "trainable", 0);
}

static void
hash_manifest(Server *server)
{
	char		lines[256];
	uint8_t		hash[FED_SHA256_BYTES];

	snprintf(lines, sizeof(lines), "F32 0 2,3 6 frozen\nF32 1 %llu 12 layer.weight\n", (unsigned long long) server->n_values);
	fed_sha256(lines, strlen(lines), hash);
	fed_hex_encode(hash, sizeof(hash), server->manifest_hex);
}

/* What the server answers */

static char *
dump(json_t *answer)
{
	char	   *text = json_dumps(answer, JSON_COMPACT);

	json_decref(answer);
	return text;
}

static char *
base64(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t		len = strlen(text);
	char	   *out = malloc(4 * (len / 3 + 2));
	char	   *to = out;

	for (size_t i = 0; i < len; i += 3)
	{
		uint32_t	v = (uint32_t) (uint8_t) text[i] << 16 | (i + 1 < len ? (uint32_t) (uint8_t) text[i + 1] << 8 : 0) |
			(i + 2 < len ? (uint32_t) (uint8_t) text[i + 2] : 0);

		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*to = '\0';
	return out;
}

static const char *
due_of(const Server *server, const Host *host)
{
	bool		again = host->doubted;

	switch (server->stage)
	{
		case STAGE_ADVERTISE:
			return !host->advertised || again ? "advertise" : NULL;
		case STAGE_SHARE:
			return host->u > 0 && (!host->shared || again) ? "share" : NULL;
		case STAGE_MASK:
			return fed_set_has(&server->u2, host->u) && (!host->committed || again) ? "upload" : NULL;
		case STAGE_AGREE:
			return fed_set_has(&server->u3, host->u) && (!host->agreed || again) ? "agree" : NULL;
		case STAGE_REVEAL:
			return fed_set_has(&server->u3, host->u) && (host->reveal_len == 0 || again) ? "reveal" : NULL;
		default:
			return NULL;
	}
}

/* The grid that all Islands work out for themselves, too. */
static FedDpGrid
grid_of(const Server *server)
{
	FedDpRequest request = {server->sigma, server->adaptive, server->divisor, (uint32_t) server->min_updates, 0,
	(uint32_t) server->n_max};
	FedDpGrid	grid;

	if (!fed_dp_grid(&request, &grid, NULL))
		abort();
	return grid;
}

/* What is different in the part where Islands add noise. */
static void
put_noise(const Server *server, json_t *part)
{
	FedDpGrid	grid = grid_of(server);

	json_object_set_new(part, "aux_len", json_integer(server->adaptive ? 1 : 0));
	json_object_set_new(part, "Q", json_integer((json_int_t) grid.Q));
	json_object_set_new(part, "W_cap", json_integer(1));
	json_object_set_new(part, "n_cap", json_integer(1));
	json_object_set_new(part, "clip", json_real(server->clip));
	json_object_set_new(part, "noise_var", json_integer((json_int_t) grid.noise_var));
	json_object_set_new(part, "aux_noise_var", json_integer((json_int_t) grid.aux_noise_var));
}

static json_t *
config_of(const Server *server)
{
	json_t	   *config = json_pack("{s:b}", "secure_aggregation", 1);

	if (server->sigma > 0)
	{
		json_object_set_new(config, "dp_mode", json_string("distributed"));
		json_object_set_new(config, "dp_sigma", json_real(server->sigma));
		if (!server->adaptive)
			json_object_set_new(config, "dp_clip_norm", json_real(server->clip));
	}
	return config;
}

static json_t *
secagg_part(const Server *server, const Host *host)
{
	bool		masked = strcmp(server->metrics, "masked") == 0;
	char	   *text = base64(server->text);
	json_t	   *vectors = server->evaluation ? json_array()
		: json_pack("[{s:i, s:I, s:f}]", "stream", 0, "d", (json_int_t) server->n_values, "R", server->sigma > 0 ? server->clip : 1.0);
	json_t	   *part = json_pack("{s:I, s:I, s:s, s:s?, s:s, s:s, s:s, s:i, s:i, s:s, s:o, s:i, s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:i}",
								 "round", (json_int_t) server->round, "attempt", (json_int_t) server->attempt, "state", stage_names[server->stage], "due",
								 due_of(server, host), "mode", server->active ? "active" : "semi_honest", "weights", server->weights,
								 "metrics", server->metrics, "max_attempts", 3, "min_updates", server->min_updates, "task_text",
								 text, "vectors", vectors, "aux_len", masked ? 7 : 3, "slice_values", FED_SLICE_VALUES, "Q",
								 (json_int_t) (INT32_MAX / server->n_max), "W_cap", 1048576, "n_cap", server->n_cap, "n_max",
								 server->n_max, "clip", 0, "noise_var", 0, "aux_noise_var", 0);

	free(text);
	if (server->sigma > 0)
		put_noise(server, part);
	return part;
}

static bool
server_next_task(FedTransport *t, const char *session_id, char **document, FedError *err)
{
	Host	   *host = (Host *) t;
	Server	   *server = host->server;
	json_t	   *task;

	(void) session_id;
	(void) err;
	if (server->over || server->stage == STAGE_DONE)
	{
		*document = NULL;
		return true;
	}
	task = json_pack("{s:i, s:s, s:s, s:I, s:i, s:s, s:s, s:i, s:I, s:s, s:i, s:o, s:o}", "round_id", 100 + (int) server->round,
					 "session_id", server->session_id, "session", "test", "round", (json_int_t) server->round - server->evaluation, "total_rounds",
					 server->total_rounds, "kind", server->evaluation ? "evaluate" : "train", "workload", "support-bot",
					 "version_id", 5, "parameters", (json_int_t) server->n_values, "model_digest",
					 "0000000000000000000000000000000000000000000000000000000000000000", "participants", server->n_hosts,
					 "config", config_of(server), "secagg", secagg_part(server, host));
	if (server->tamper != NULL)
		server->tamper(server, host, "next_task", task);
	*document = dump(task);
	return true;
}

static const FedArgument *
argument(const FedNamedCall *call, const char *name)
{
	for (int i = 0; i < call->n; i++)
	{
		if (strcmp(call->arguments[i].name, name) == 0)
			return &call->arguments[i];
	}
	fprintf(stderr, "no argument %s in %s\n", name, call->function);
	abort();
}

static json_t *
status(const char *word)
{
	return json_pack("{s:s}", "status", word);
}

static json_t *
rejection(Host *host, const char *reason)
{
	snprintf(host->rejected, sizeof(host->rejected), "%s", reason);
	return json_pack("{s:s, s:s, s:s}", "status", "rejected", "reason", reason, "detail", "test");
}

/* Keeps bytes, or refuses others than those that are there. */
static json_t *
take_bytes(Host *host, bool there, void *at, const FedArgument *from, size_t len)
{
	if (from->len != len)
		return rejection(host, "secagg_bad_message");
	if (there && memcmp(at, from->value, len) != 0)
		return rejection(host, "secagg_conflict");
	memcpy(at, from->value, len);
	return status("accepted");
}

static bool
was_taken(const json_t *answer)
{
	return strcmp(fed_json_text(answer, "status"), "accepted") == 0;
}

static json_t *
take_advertise(Server *server, Host *host, const FedNamedCall *call)
{
	json_t	   *answer = take_bytes(host, host->advertised, host->adv, argument(call, "adv"), FED_ADV_BYTES);

	if (server->active && was_taken(answer))
	{
		memcpy(host->key, argument(call, "identity_pk")->value, FED_KEY_BYTES);
		json_decref(answer);
		answer = take_bytes(host, host->advertised, host->signature, argument(call, "signature"), FED_SIGNATURE_BYTES);
	}
	host->advertised = host->advertised || was_taken(answer);
	return answer;
}

static json_t *
take_share(Server *server, Host *host, const FedNamedCall *call)
{
	const FedArgument *envelopes = argument(call, "envelopes");
	const uint8_t *from = envelopes->value;

	if (envelopes->len != (server->n - 1) * (size_t) FED_ENVELOPE_BYTES)
		return rejection(host, "secagg_bad_message");
	for (uint32_t v = 1; v <= server->n; v++)
	{
		if (v == host->u)
			continue;
		if (host->shared && memcmp(host->envelopes[v - 1], from, FED_ENVELOPE_BYTES) != 0)
			return rejection(host, "secagg_conflict");
		memcpy(host->envelopes[v - 1], from, FED_ENVELOPE_BYTES);
		from += FED_ENVELOPE_BYTES;
	}
	host->shared = true;
	return status("accepted");
}

static json_t *
take_reveal(Server *server, Host *host, const FedNamedCall *call)
{
	const FedArgument *reveal = argument(call, "reveal");
	FedReveal	entries[FED_SECAGG_MAX_COHORT];
	size_t		count;

	if (host->reveal_len > 0)
		return reveal->len == host->reveal_len && memcmp(host->reveal, reveal->value, reveal->len) == 0 ? status("accepted")
			: rejection(host, "secagg_conflict");
	if (!fed_reveal_parse(reveal->value, reveal->len, host->u, server->n, entries, &count, NULL) ||
		!fed_reveal_check(entries, count, &server->u2, &server->u3, &host->complained, NULL))
		return rejection(host, "secagg_bad_message");
	memcpy(host->reveal, reveal->value, reveal->len);
	host->reveal_len = reveal->len;
	return status("accepted");
}

static json_t *
take_commit(Server *server, Host *host, const FedNamedCall *call)
{
	const FedArgument *samples = argument(call, "num_samples");

	if (memcmp(argument(call, "digest")->value, host->manifest, FED_SHA256_BYTES) != 0 && !server->evaluation)
		return rejection(host, "secagg_conflict");
	if (server->active && !fed_verify_upload(host->key, argument(call, "digest")->value, argument(call, "signature")->value, NULL))
		return rejection(host, "secagg_bad_signature");
	if (host->committed && (host->num_samples != (samples->null ? -1 : samples->number) ||
							strcmp(host->metrics, argument(call, "metrics")->value) != 0))
		return rejection(host, "secagg_conflict");
	host->num_samples = samples->null ? -1 : samples->number;
	snprintf(host->metrics, sizeof(host->metrics), "%s", (const char *) argument(call, "metrics")->value);
	host->committed = true;
	return status("accepted");
}

static json_t *
take_begin(Server *server, Host *host, const FedNamedCall *call)
{
	json_t	   *answer = json_pack("{s:s, s:i, s:[]}", "status", "uploading", "update_id", host->number + 1, "present");
	const uint8_t *digest = argument(call, "digest")->value;
	static const uint8_t none[FED_SHA256_BYTES];

	if (memcmp(host->manifest, none, sizeof(none)) != 0 && memcmp(host->manifest, digest, FED_SHA256_BYTES) != 0)
	{
		json_decref(answer);
		return rejection(host, "conflicting_update");
	}
	memcpy(host->manifest, digest, FED_SHA256_BYTES);
	for (int i = 0; i < 2; i++)
	{
		if (host->has_slice[i])
			json_array_append_new(json_object_get(answer, "present"), json_integer(i));
	}
	(void) server;
	return answer;
}

static json_t *
indices(const FedSecaggSet *set)
{
	json_t	   *list = json_array();

	for (uint32_t u = 1; u <= MAX_HOSTS; u++)
	{
		if (fed_set_has(set, u))
			json_array_append_new(list, json_integer(u));
	}
	return list;
}

static json_t *
hex(const void *bytes, size_t len)
{
	char		text[2 * 128 + 1];

	fed_hex_encode(bytes, len, text);
	return json_string(text);
}

static Host *
host_of(Server *server, uint32_t u)
{
	return &server->hosts[server->by_u[u]];
}

static json_t *
give_roster(Server *server)
{
	json_t	   *list = json_array();

	for (uint32_t u = 1; u <= server->n; u++)
	{
		Host	   *host = host_of(server, u);

		json_array_append_new(list, json_pack("{s:i, s:o, s:o, s:o}", "u", (int) u, "adv", hex(host->adv, FED_ADV_BYTES),
											  "identity_pk", server->active ? hex(host->key, FED_KEY_BYTES) : json_null(),
											  "signature", server->active ? hex(host->signature, FED_SIGNATURE_BYTES) : json_null()));
	}
	return json_pack("{s:o}", "members", list);
}

static json_t *
give_inbox(Server *server, Host *to)
{
	json_t	   *list = json_array();

	for (uint32_t u = 1; u <= server->n; u++)
	{
		if (u != to->u && fed_set_has(&server->u2, u))
			json_array_append_new(list, json_pack("{s:i, s:o}", "owner", (int) u, "envelope",
												  hex(host_of(server, u)->envelopes[to->u - 1], FED_ENVELOPE_BYTES)));
	}
	return json_pack("{s:o, s:o}", "u2", indices(&server->u2), "envelopes", list);
}

static json_t *
give_agreements(Server *server, bool signatures)
{
	json_t	   *answer = json_pack("{s:o, s:o}", "u2", indices(&server->u2), "u3", indices(&server->u3));
	json_t	   *list = json_array();

	for (uint32_t u = 1; u <= server->n; u++)
	{
		Host	   *host = host_of(server, u);

		if (host->agreed)
			json_array_append_new(list, json_pack("{s:i, s:o}", "u", (int) u, "signature", hex(host->agreement, FED_SIGNATURE_BYTES)));
	}
	if (signatures)
		json_object_set_new(answer, "signatures", list);
	else
		json_decref(list);
	return answer;
}

static json_t *
take_complaint(Host *host, const FedNamedCall *call)
{
	const FedArgument *owners = argument(call, "owners");
	FedSecaggSet set = {{0, 0}};

	for (size_t i = 0; i < owners->len; i++)
		fed_set_add(&set, (uint32_t) ((const int32_t *) owners->value)[i]);
	if (fed_set_size(&host->complained) > 0 && !fed_set_equal(&set, &host->complained))
		return rejection(host, "secagg_conflict");
	host->complained = set;
	return status("accepted");
}

static json_t *
take_aux(Host *host, const FedNamedCall *call)
{
	const FedArgument *aux = argument(call, "aux");
	json_t	   *answer = take_bytes(host, host->aux_len > 0, host->aux, aux, aux->len);

	host->aux_len = aux->len;
	return answer;
}

static json_t *
take_agree(Host *host, const FedNamedCall *call)
{
	json_t	   *answer = take_bytes(host, host->agreed, host->agreement, argument(call, "signature"), FED_SIGNATURE_BYTES);

	host->agreed = host->agreed || was_taken(answer);
	return answer;
}

static json_t *
dispatch(Server *server, Host *host, const FedNamedCall *call)
{
	const char *name = call->function;

	if (strcmp(name, "secagg_advertise") == 0)
		return take_advertise(server, host, call);
	if (strcmp(name, "secagg_share") == 0)
		return take_share(server, host, call);
	if (strcmp(name, "secagg_complain") == 0)
		return take_complaint(host, call);
	if (strcmp(name, "secagg_aux") == 0)
		return take_aux(host, call);
	if (strcmp(name, "secagg_agree") == 0)
		return take_agree(host, call);
	if (strcmp(name, "secagg_reveal") == 0)
		return take_reveal(server, host, call);
	if (strcmp(name, "begin_update") == 0)
		return take_begin(server, host, call);
	return take_commit(server, host, call);
}

static bool
server_named_call(FedTransport *t, const FedNamedCall *call, char **document, FedError *err)
{
	Host	   *host = (Host *) t;
	Server	   *server = host->server;
	const char *name = call->function;
	json_t	   *answer;

	(void) err;
	if (strcmp(name, "secagg_roster") == 0)
		answer = give_roster(server);
	else if (strcmp(name, "secagg_inbox") == 0)
		answer = give_inbox(server, host);
	else if (strcmp(name, "secagg_sets") == 0 || strcmp(name, "secagg_agreements") == 0)
		answer = give_agreements(server, name[7] == 'a');
	else
	{
		host->messages++;
		answer = dispatch(server, host, call);
		/* All that goes before the last message of a step is asked for again with it. */
		if (strcmp(name, "secagg_complain") != 0 && strcmp(name, "secagg_aux") != 0 && strcmp(name, "begin_update") != 0)
			host->doubted = false;
	}
	if (server->tamper != NULL)
		server->tamper(server, host, name, answer);
	*document = dump(answer);
	return true;
}

static bool
server_put_slice(FedTransport *t, int64_t update_id, uint64_t slice, const uint8_t *hash, const void *data, size_t len,
				 char **document, FedError *err)
{
	Host	   *host = (Host *) t;
	uint8_t		own[FED_SHA256_BYTES];
	uint8_t    *at = host->update + slice * FED_SLICE_BYTES;

	(void) update_id;
	(void) err;
	host->messages++;
	fed_sha256(data, len, own);
	if (memcmp(own, hash, sizeof(own)) != 0 || (host->has_slice[slice] && memcmp(at, data, len) != 0))
	{
		*document = dump(rejection(host, "secagg_conflict"));
		return true;
	}
	memcpy(at, data, len);
	host->has_slice[slice] = true;
	*document = dump(status("stored"));
	return true;
}

static bool
server_decline(FedTransport *t, int64_t round_id, const char *reason, FedError *err)
{
	(void) round_id;
	(void) err;
	snprintf(((Host *) t)->server->declined, sizeof(((Host *) t)->server->declined), "%s", reason);
	return true;
}

static bool
server_session(FedTransport *t, const char *id, char **document, FedError *err)
{
	Server	   *server = ((Host *) t)->server;

	(void) err;
	*document = dump(json_pack("{s:s, s:s, s:s, s:I, s:i, s:[]}", "id", id, "name", "test", "status",
							   server->over ? "completed" : "training", "current_round", (json_int_t) server->round, "total_rounds",
							   server->total_rounds, "participants"));
	return true;
}

static bool
always(FedTransport *t)
{
	(void) t;
	return true;
}

static bool
connects(FedTransport *t, FedError *err)
{
	(void) t;
	(void) err;
	return true;
}

static void
nothing(FedTransport *t)
{
	(void) t;
}

static const FedTransportOps server_ops = {
	.connect = connects,
	.is_connected = always,
	.disconnect = nothing,
	.destroy = nothing,
	.next_task = server_next_task,
	.decline_task = server_decline,
	.put_slice = server_put_slice,
	.session = server_session,
	.named_call = server_named_call,
};

#endif							/* FED_TEST_SECAGG_SERVER_H */
