/*
 * transport.h
 *		The calls an Island or a creator makes, whatever carries them.
 *
 * A transport is a table of calls (FedTransportOps). transport_pq.c fills it
 * for a PostgreSQL connection, transport_http.c for HTTPS; nothing above this
 * header knows of libpq or libcurl.
 *
 * The functions below call through the table and do what every carrier needs:
 * they connect when there is no connection, and when one is lost or the server
 * is busy they come back with exponential back-off, as long as the transport's
 * patience lasts. So all calls that go this way must be ones that may be
 * repeated, and they are; fed_start_session and fed_create_workload, which are
 * not, are tried once.
 *
 * All return false with err filled on failure. One transport serves one thread.
 */
#ifndef FED_CLIENT_TRANSPORT_H
#define FED_CLIENT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/encoding/encoding.h"
#include "lib/backoff.h"
#include "lib/error.h"
#include "lib/http_call.h"
#include "lib/manifest.h"
#include "lib/named_call.h"
#include "lib/reply.h"
#include "lib/session.h"
#include "lib/slices.h"
#include "lib/task.h"

/* Bytes that a transport received; release them with fed_bytes_free. */
typedef struct FedBytes
{
	const uint8_t *data;
	size_t		len;
	void		(*release) (void *owner);
	void	   *owner;
} FedBytes;

extern void fed_bytes_free(FedBytes *bytes);

/* The two parts of a model. */
typedef enum FedSection
{
	FED_SECTION_VECTOR,
	FED_SECTION_FROZEN
} FedSection;

extern const char *fed_section_name(FedSection section);

/* Whom the server takes us for. */
typedef struct FedHello
{
	char		host_id[256];
	char		extension_version[32];
} FedHello;

typedef struct FedTransport FedTransport;

/*
 * A carrier moves documents as they are, JSON text in malloc'd memory; what
 * they say is read in one place, transport.c.
 */
typedef struct FedTransportOps
{
	bool		(*connect) (FedTransport *t, FedError *err);
	bool		(*is_connected) (FedTransport *t);
	void		(*disconnect) (FedTransport *t);
	void		(*destroy) (FedTransport *t);
	bool		(*wait) (FedTransport *t, double seconds, bool *announced,
						 FedError *err);
	void		(*keep_token) (FedTransport *t);	/* NULL: has none */
	void		(*take_in) (FedTransport *t);	/* NULL: nothing comes unasked */

	/* Island */
	bool		(*heartbeat) (FedTransport *t, const char *capabilities,
							  char **document, FedError *err);
	bool		(*accept_workload) (FedTransport *t, int64_t workload_id,
									int64_t num_samples, FedError *err);
	bool		(*next_task) (FedTransport *t, const char *session_id,
							  char **document, FedError *err);
	bool		(*decline_task) (FedTransport *t, int64_t round_id,
								 const char *reason, FedError *err);
	bool		(*begin_update) (FedTransport *t, int64_t round_id,
								 const uint8_t *digest, FedEncoding encoding,
								 char **document, FedError *err);
	bool		(*put_slice) (FedTransport *t, int64_t update_id,
							  uint64_t slice, const uint8_t *hash,
							  const void *data, size_t len, char **document,
							  FedError *err);
	bool		(*commit_update) (FedTransport *t, int64_t update_id,
								  const uint8_t *digest, int64_t num_samples,
								  const char *metrics, char **document,
								  FedError *err);
	bool		(*submit_evaluation) (FedTransport *t, int64_t round_id,
									  int64_t num_samples, const char *metrics,
									  char **document, FedError *err);

	/* models */
	bool		(*find_workload) (FedTransport *t, const char *name,
								  int64_t *out, FedError *err);
	bool		(*create_workload) (FedTransport *t, const char *name,
									const char *trainable, int64_t *out,
									FedError *err);
	bool		(*find_version) (FedTransport *t, int64_t workload_id,
								 int64_t version, int64_t *out, FedError *err);
	bool		(*model) (FedTransport *t, int64_t version_id,
						  char **document, FedError *err);
	bool		(*model_header) (FedTransport *t, int64_t version_id,
								 FedBytes *out, FedError *err);
	bool		(*model_slice) (FedTransport *t, int64_t version_id,
								FedSection section, uint64_t slice,
								uint64_t following, FedEncoding encoding,
								FedBytes *out, FedError *err);
	bool		(*begin_import) (FedTransport *t, int64_t workload_id,
								 const char *header, size_t header_len,
								 uint64_t data_bytes, char **document,
								 FedError *err);
	bool		(*put_model_slice) (FedTransport *t, int64_t version_id,
									FedSection section, uint64_t slice,
									const uint8_t *hash, const void *data,
									size_t len, FedError *err);
	bool		(*commit_import) (FedTransport *t, int64_t version_id,
								  int64_t *version, FedError *err);

	/* sessions */
	bool		(*start_session) (FedTransport *t, const char *name,
								  int64_t workload_id, int64_t rounds,
								  const char *config, char **id, FedError *err);
	bool		(*session) (FedTransport *t, const char *id, char **document,
							FedError *err);
	bool		(*list_sessions) (FedTransport *t, char **document,
								  FedError *err);
	bool		(*cancel_session) (FedTransport *t, const char *id,
								   const char *reason, FedError *err);

	/* secure aggregation */
	bool		(*named_call) (FedTransport *t, const FedNamedCall *call,
							   char **document, FedError *err);
} FedTransportOps;

struct FedTransport
{
	const FedTransportOps *ops;

	/*
	 * Seconds during which a call that fails for want of a server is repeated:
	 * 0 tries once, FED_FOREVER never gives up.
	 */
	double		patience;

	/*
	 * What the caller of fed_put_slice can do until the answer is there; NULL:
	 * nothing. A carrier that can calls it once the slice is sent; it may also
	 * be never called, or again when a call is repeated.
	 */
	void		(*meanwhile) (void *arg);
	void	   *meanwhile_arg;

	/*
	 * What the server says beside its answers: a WARNING or NOTICE, with DETAIL
	 * and HINT on lines of their own, as psql shows it. NULL: nobody listens. A
	 * carrier that has none never calls it.
	 */
	void		(*heard) (const char *text);

	FedBackoff	backoff;
	double		failing_since;	/* fed_now() of the first failure; 0: none */
	char		last_complaint[640];	/* so that each is logged once */
};

#define FED_FOREVER (-1.0)

/*
 * A transport over libpq. Nothing is connected yet. conninfo may be NULL (the
 * environment decides). listen: announcements of tasks are wanted. The rules
 * of tls.h are the caller's business. NULL if there is no memory.
 */
extern FedTransport *fed_transport_pq(const char *conninfo, bool listen);

/*
 * A transport over HTTPS, as the bearer of the token in token_file. Nothing is
 * announced there: a wait ends after poll seconds, as if something had been.
 * The rules of url.h are the caller's business. NULL if there is no memory.
 */
extern FedTransport *fed_transport_http(const FedHttpServer *server,
										const char *token_file, double poll);
extern void fed_transport_free(FedTransport *t);

/*
 * Waits for an announcement, at most so long; *announced says whether one came.
 * A lost connection ends the wait without an error; it shows at the next call.
 * False only if a stop is wished (FED_ERR_STOPPED).
 */
extern bool fed_transport_wait(FedTransport *t, double seconds,
							   bool *announced, FedError *err);

/*
 * For an Island, now and then: renews a token, in its file too, once half of
 * its lifetime is over. What fails is logged and tried again later.
 */
extern void fed_keep_token(FedTransport *t);

/*
 * For whoever works on one slice while the next is on its way: takes in what
 * has arrived, without waiting, so that the sender can go on. What fails shows
 * at the next call.
 */
extern void fed_transport_take_in(FedTransport *t);

/* capabilities: JSON text or NULL (unchanged); out may be NULL. */
extern bool fed_heartbeat(FedTransport *t, const char *capabilities,
						  FedHello *out, FedError *err);

/* num_samples < 0: not stated. */
extern bool fed_accept_workload(FedTransport *t, int64_t workload_id,
								int64_t num_samples, FedError *err);

/* *out is NULL if there is nothing to do. session_id may be NULL: any. */
extern bool fed_next_task(FedTransport *t, const char *session_id,
						  FedTask **out, FedError *err);
extern bool fed_decline_task(FedTransport *t, int64_t round_id,
							 const char *reason, FedError *err);

/* present must have its size; the slices that are there are added. */
extern bool fed_begin_update(FedTransport *t, int64_t round_id,
							 const uint8_t *digest, FedEncoding encoding,
							 FedReply *out, FedSliceSet *present,
							 FedError *err);
extern bool fed_put_slice(FedTransport *t, int64_t update_id, uint64_t slice,
						  const uint8_t *hash, const void *data, size_t len,
						  FedReply *out, FedError *err);
extern bool fed_commit_update(FedTransport *t, int64_t update_id,
							  const uint8_t *digest, int64_t num_samples,
							  const char *metrics, FedReply *out,
							  FedError *err);
extern bool fed_submit_evaluation(FedTransport *t, int64_t round_id,
								  int64_t num_samples, const char *metrics,
								  FedReply *out, FedError *err);

/* *out is 0 if there is none of that name. All digits may also be an id. */
extern bool fed_find_workload(FedTransport *t, const char *name, int64_t *out,
							  FedError *err);

/* trainable: a regular expression on tensor names, or NULL. Tried once. */
extern bool fed_create_workload(FedTransport *t, const char *name,
								const char *trainable, int64_t *out,
								FedError *err);

/* version < 0: the current one. */
extern bool fed_find_version(FedTransport *t, int64_t workload_id,
							 int64_t version, int64_t *out, FedError *err);
extern bool fed_model(FedTransport *t, int64_t version_id, FedManifest **out,
					  FedError *err);
extern bool fed_model_header(FedTransport *t, int64_t version_id,
							 FedBytes *out, FedError *err);

/*
 * The same values in every encoding; frozen bytes have none but f32. following:
 * how many slices behind this one will be asked for next, in their order; a
 * carrier may have them sent in advance.
 */
extern bool fed_model_slice(FedTransport *t, int64_t version_id,
							FedSection section, uint64_t slice,
							uint64_t following, FedEncoding encoding,
							FedBytes *out, FedError *err);
extern bool fed_begin_import(FedTransport *t, int64_t workload_id,
							 const char *header, size_t header_len,
							 uint64_t data_bytes, FedManifest **out,
							 FedError *err);
extern bool fed_put_model_slice(FedTransport *t, int64_t version_id,
								FedSection section, uint64_t slice,
								const uint8_t *hash, const void *data,
								size_t len, FedError *err);
extern bool fed_commit_import(FedTransport *t, int64_t version_id,
							  int64_t *version, FedError *err);

/* *id is malloc'd. Tried once. */
extern bool fed_start_session(FedTransport *t, const char *name,
							  int64_t workload_id, int64_t rounds,
							  const char *config, char **id, FedError *err);

/* *document: JSON text, malloc'd. */
extern bool fed_session(FedTransport *t, const char *id, char **document,
						FedError *err);

/* *document: a JSON array of objects, newest first, malloc'd. */
extern bool fed_list_sessions(FedTransport *t, char **document, FedError *err);
extern bool fed_cancel_session(FedTransport *t, const char *id,
							   const char *reason, FedError *err);

/* *document: JSON text, malloc'd. */
extern bool fed_named_call(FedTransport *t, const FedNamedCall *call,
						   char **document, FedError *err);

#endif							/* FED_CLIENT_TRANSPORT_H */
