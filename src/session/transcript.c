/*
 * transcript.c
 *		SQL functions for the hashes and signatures that bind an attempt of secure
 *		aggregation. What they are over stands in core/secagg/transcript.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/secagg.h"
#include "core/secagg/quantiser.h"
#include "core/secagg/transcript.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pages/layout.h"
#include "pages/values.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(federated_secagg_base);
PG_FUNCTION_INFO_V1(federated_secagg_c0);
PG_FUNCTION_INFO_V1(federated_secagg_levels);
PG_FUNCTION_INFO_V1(federated_secagg_weight);
PG_FUNCTION_INFO_V1(federated_secagg_threshold);
PG_FUNCTION_INFO_V1(federated_secagg_key_usable);
PG_FUNCTION_INFO_V1(federated_secagg_signed);
PG_FUNCTION_INFO_V1(federated_secagg_ctx);
PG_FUNCTION_INFO_V1(federated_secagg_manifest);
PG_FUNCTION_INFO_V1(federated_secagg_sets);

/* Objects of the core come from malloc; this frees one with the current memory context. */
static void
free_with_context(void (*release) (void *), void *object)
{
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	if (object == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	callback->func = release;
	callback->arg = object;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

static void
release_base(void *base)
{
	fed_base_free(base);
}

static void
release_manifest(void *manifest)
{
	fed_upload_manifest_free(manifest);
}

static void
require(bool ok)
{
	if (!ok)
		elog(ERROR, "could not compute a hash of secure aggregation");
}

/*
 * federated.secagg_base(vector_id bigint) returns bytea
 *
 * The hash of the model that is trained on, page by page.
 */
Datum
federated_secagg_base(PG_FUNCTION_ARGS)
{
	FedSecaggBase *base = fed_base_new(1);
	FedVector	vector;
	FedValueReader *reader;
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	uint8		hash[FED_SHA256_BYTES];
	int64		left;

	free_with_context(release_base, base);
	SPI_connect();
	vector = fed_vector_lookup(PG_GETARG_INT64(0));
	left = fed_vector_values(&vector);
	require(fed_base_vector(base, left));
	reader = fed_value_reader_open(&vector, 0, strategy);
	for (; left > 0; left -= FED_PAGE_VALUES)
	{
		CHECK_FOR_INTERRUPTS();
		require(fed_base_values(base, fed_value_reader_next(reader), Min(left, FED_PAGE_VALUES)));
	}
	fed_value_reader_close(reader);
	FreeAccessStrategy(strategy);
	SPI_finish();
	require(fed_base_final(base, hash));
	PG_RETURN_BYTEA_P(fed_new_bytea(hash, sizeof(hash)));
}

static FedSecaggWeights
weights_of(const text *name)
{
	char	   *given = text_to_cstring(name);

	if (strcmp(given, "unit") == 0)
		return FED_SECAGG_UNIT;
	return strcmp(given, "hidden") == 0 ? FED_SECAGG_HIDDEN : FED_SECAGG_DECLARED;
}

/*
 * federated.secagg_c0(session_id uuid, round int, attempt int, mode text, weights text, parameters bigint,
 *					   range float8, aux_len int, sample_cap bigint, max_cohort int, base bytea, task bytea,
 *					   levels bigint, clip float8, noise_var bigint, aux_noise_var bigint)
 * returns bytea
 *
 * parameters 0: no vector is uploaded. clip, noise_var and aux_noise_var are 0
 * without differential privacy.
 */
Datum
federated_secagg_c0(PG_FUNCTION_ARGS)
{
	FedSecaggParams params = {0};
	FedSecaggError error = {0};
	uint8		c0[FED_SHA256_BYTES];

	memcpy(params.session, PG_GETARG_UUID_P(0)->data, FED_SESSION_BYTES);
	params.round = PG_GETARG_INT32(1);
	params.attempt = PG_GETARG_INT32(2);
	params.mode = fed_secagg_mode(PG_GETARG_TEXT_PP(3));
	params.weights = weights_of(PG_GETARG_TEXT_PP(4));
	if (PG_GETARG_INT64(5) > 0)
	{
		params.n_vectors = 1;
		params.vectors[0].stream = 0;
		params.vectors[0].n_values = PG_GETARG_INT64(5);
		params.vectors[0].range = PG_GETARG_FLOAT8(6);
	}
	params.aux_len = PG_GETARG_INT32(7);
	params.slice_values = FED_SECAGG_SLICE_VALUES;
	params.W_cap = params.weights == FED_SECAGG_UNIT ? 1 : FED_W_CAP;
	params.n_cap = PG_GETARG_INT64(8);
	params.n_max = PG_GETARG_INT32(9);
	memcpy(params.base, fed_bytes(PG_GETARG_BYTEA_PP(10), FED_SHA256_BYTES, "base"), FED_SHA256_BYTES);
	memcpy(params.task, fed_bytes(PG_GETARG_BYTEA_PP(11), FED_SHA256_BYTES, "task"), FED_SHA256_BYTES);
	params.Q = (uint64) PG_GETARG_INT64(12);
	params.clip = PG_GETARG_FLOAT8(13);
	params.noise_var = (uint64) PG_GETARG_INT64(14);
	params.aux_noise_var = (uint64) PG_GETARG_INT64(15);
	if (!fed_secagg_c0(&params, c0, &error))
		fed_secagg_raise(&error);
	PG_RETURN_BYTEA_P(fed_new_bytea(c0, sizeof(c0)));
}

/*
 * federated.secagg_levels(max_cohort int) returns bigint
 */
Datum
federated_secagg_levels(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) fed_quantiser_levels(PG_GETARG_INT32(0)));
}

/*
 * federated.secagg_weight(samples bigint, sample_cap bigint) returns bigint
 */
Datum
federated_secagg_weight(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) fed_quantiser_weight(PG_GETARG_INT64(0), PG_GETARG_INT64(1), FED_W_CAP));
}

/*
 * federated.secagg_threshold(mode text, n int) returns int
 */
Datum
federated_secagg_threshold(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) fed_secagg_threshold(fed_secagg_mode(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1)));
}

/* Whether the core has refused; an error if it could not tell. */
static bool
accepted(bool ok, const FedSecaggError *error)
{
	if (!ok && error->code == FED_SECAGG_FAILED)
		fed_secagg_raise(error);
	return ok;
}

/*
 * federated.secagg_key_usable(public_key bytea) returns boolean
 *
 * Whether an X25519 key is not of low order.
 */
Datum
federated_secagg_key_usable(PG_FUNCTION_ARGS)
{
	FedSecaggError error = {0};

	PG_RETURN_BOOL(accepted(fed_x25519_check(fed_bytes(PG_GETARG_BYTEA_PP(0), FED_KEY_BYTES, "public_key"), &error), &error));
}

/*
 * federated.secagg_signed(what text, identity_pk bytea, context bytea, message bytea, signature bytea)
 * returns boolean
 *
 * Whether a signature holds: 'adv' (context c0, message adv), 'upload' (context
 * empty, message manifest), 'agree' (context empty, message sets).
 */
Datum
federated_secagg_signed(PG_FUNCTION_ARGS)
{
	char	   *what = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const uint8 *identity = fed_bytes(PG_GETARG_BYTEA_PP(1), FED_KEY_BYTES, "identity_pk");
	const uint8 *signature = fed_bytes(PG_GETARG_BYTEA_PP(4), FED_SIGNATURE_BYTES, "signature");
	bytea	   *message = PG_GETARG_BYTEA_PP(3);
	FedSecaggError error = {0};
	bool		ok;

	if (strcmp(what, "adv") == 0)
		ok = fed_verify_adv(identity, fed_bytes(PG_GETARG_BYTEA_PP(2), FED_SHA256_BYTES, "context"),
							fed_bytes(message, FED_ADV_BYTES, "message"), signature, &error);
	else if (strcmp(what, "upload") == 0)
		ok = fed_verify_upload(identity, fed_bytes(message, FED_SHA256_BYTES, "message"), signature, &error);
	else
		ok = fed_verify_agree(identity, fed_bytes(message, FED_SHA256_BYTES, "message"), signature, &error);
	PG_RETURN_BOOL(accepted(ok, &error));
}

/*
 * federated.secagg_ctx(c0 bytea, t int, max_cohort int, advs bytea[]) returns bytea
 *
 * The hash of a roster in the order of u; 22023 if the roster breaks a rule.
 */
Datum
federated_secagg_ctx(PG_FUNCTION_ARGS)
{
	const uint8 *c0 = fed_bytes(PG_GETARG_BYTEA_PP(0), FED_SHA256_BYTES, "c0");
	FedSecaggError error = {0};
	int			n;
	Datum	   *elements = fed_bytea_elements(PG_GETARG_ARRAYTYPE_P(3), "advs", &n);
	uint8		(*advs)[FED_ADV_BYTES] = palloc(mul_size(n + 1, FED_ADV_BYTES));
	FedSecaggAdv *members = palloc(mul_size(n + 1, sizeof(FedSecaggAdv)));
	uint8		ctx[FED_CTX_BYTES];
	int			i;

	for (i = 0; i < n; i++)
	{
		memcpy(advs[i], fed_bytes(DatumGetByteaPP(elements[i]), FED_ADV_BYTES, "advs"), FED_ADV_BYTES);
		fed_adv_unpack(advs[i], &members[i]);
	}
	if (!fed_roster_check(members, n, PG_GETARG_INT32(2), &error)
		|| !fed_secagg_ctx(c0, n, PG_GETARG_INT32(1), (const uint8 (*)[FED_ADV_BYTES]) advs, ctx, &error))
		fed_secagg_raise(&error);
	PG_RETURN_BYTEA_P(fed_new_bytea(ctx, sizeof(ctx)));
}

/*
 * federated.secagg_manifest(ctx bytea, u int, slices bytea[], aux bytea) returns bytea
 *
 * slices: the hashes of the slices of stream 0, in order; empty without a vector.
 */
Datum
federated_secagg_manifest(PG_FUNCTION_ARGS)
{
	const uint8 *ctx = fed_bytes(PG_GETARG_BYTEA_PP(0), FED_CTX_BYTES, "ctx");
	bytea	   *aux = PG_GETARG_BYTEA_PP(3);
	int			n;
	Datum	   *slices = fed_bytea_elements(PG_GETARG_ARRAYTYPE_P(2), "slices", &n);
	FedSecaggManifest *manifest = fed_upload_manifest_new(ctx, PG_GETARG_INT32(1), n > 0 ? 1 : 0);
	uint8		hash[FED_SHA256_BYTES];
	int			i;

	free_with_context(release_manifest, manifest);
	if (n > 0)
		require(fed_upload_manifest_vector(manifest, 0, n));
	for (i = 0; i < n; i++)
		require(fed_upload_manifest_slice(manifest, fed_bytes(DatumGetByteaPP(slices[i]), FED_SHA256_BYTES, "slices")));
	require(fed_upload_manifest_final(manifest, (const uint8 *) VARDATA_ANY(aux), VARSIZE_ANY_EXHDR(aux), hash));
	PG_RETURN_BYTEA_P(fed_new_bytea(hash, sizeof(hash)));
}

/*
 * federated.secagg_sets(ctx bytea, u2 int[], u3 int[]) returns bytea
 */
Datum
federated_secagg_sets(PG_FUNCTION_ARGS)
{
	FedSecaggError error = {0};
	FedSecaggSet u2;
	FedSecaggSet u3;
	uint8		hash[FED_SHA256_BYTES];

	fed_set_of_array(PG_GETARG_ARRAYTYPE_P(1), FED_SECAGG_MAX_COHORT, "u2", &u2);
	fed_set_of_array(PG_GETARG_ARRAYTYPE_P(2), FED_SECAGG_MAX_COHORT, "u3", &u3);
	if (!fed_secagg_sets(fed_bytes(PG_GETARG_BYTEA_PP(0), FED_CTX_BYTES, "ctx"), &u2, &u3, hash, &error))
		fed_secagg_raise(&error);
	PG_RETURN_BYTEA_P(fed_new_bytea(hash, sizeof(hash)));
}
