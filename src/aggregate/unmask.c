/*
 * unmask.c
 *		The masks that are left on a sum, out of the shares that Islands revealed.
 *
 * Of whoever is in the sum the own mask is put together, of whoever dropped out
 * the masks that it shared with the others (Bonawitz et al. 2017, section 4).
 * Secrets and the keys that follow from them are in the memory of the process
 * that works with them, and nowhere else: not in tables, logs or messages. Each
 * process makes them itself, and they are wiped with its memory context. What is
 * not wiped are rows as SPI has read them: they hold single shares, which stand
 * in a table until the round ends anyway.
 */
#include "postgres.h"

#include "aggregate/unmask.h"
#include "base/compat.h"
#include "base/rows.h"
#include "base/secagg.h"
#include "catalog/pg_type_d.h"
#include "core/secagg/shamir.h"
#include "core/secagg/transcript.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(federated_secagg_recover);
PG_FUNCTION_INFO_V1(federated_secagg_unmask_aux);

/* Shares of one secret, and what they must make. */
typedef struct Owner
{
	uint32		n_shares;
	uint8		x[FED_SECAGG_MAX_COHORT];
	FedShare	shares[FED_SECAGG_MAX_COHORT];
	bool		deviates[FED_SECAGG_MAX_COHORT];
} Owner;

/* An attempt whose sets are frozen. Everything by index u - 1. */
typedef struct Attempt
{
	uint32		n;
	uint32		t;
	uint8		c0[FED_SHA256_BYTES];
	uint8		ctx[FED_CTX_BYTES];
	FedSecaggSet u2;
	FedSecaggSet u3;
	FedSecaggAdv members[FED_SECAGG_MAX_COHORT];
	uint8		m_pk[FED_SECAGG_MAX_COHORT][FED_KEY_BYTES];
	Owner		owners[FED_SECAGG_MAX_COHORT];
	bool		doubtful[FED_SECAGG_MAX_COHORT];	/* whose share of some secret was not on its polynomial */
	uint32		tries;			/* subsets of shares that may still be looked at, for all secrets together */
	uint8		secrets[FED_SECAGG_MAX_COHORT][FED_KEY_BYTES];
} Attempt;

/* An index u that a row holds, as place in arrays. */
static int
place(const Attempt *attempt, SPITupleTable *rows, uint64 row, int number)
{
	int32		u = DatumGetInt32(fed_row_value(rows, row, number));

	if (u < 1 || u > (int32) attempt->n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("Island %d is not one of %u", u, attempt->n)));
	return u - 1;
}

static const uint8 *
bytes_in(SPITupleTable *rows, uint64 row, int number, Size length)
{
	return fed_bytes(DatumGetByteaPP(fed_row_value(rows, row, number)), length, "stored");
}

static void
load_attempt(Attempt *attempt, int64 attempt_id)
{
	SPITupleTable *rows = fed_rows_of("SELECT a.n, a.t, a.c0, a.ctx FROM federated.secagg_attempts a WHERE a.id = $1", attempt_id);

	if (rows->numvals != 1)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("attempt " INT64_FORMAT " does not exist", attempt_id)));
	attempt->n = DatumGetInt32(fed_row_value(rows, 0, 1));
	attempt->t = DatumGetInt32(fed_row_value(rows, 0, 2));
	memcpy(attempt->c0, bytes_in(rows, 0, 3, FED_SHA256_BYTES), FED_SHA256_BYTES);
	memcpy(attempt->ctx, bytes_in(rows, 0, 4, FED_CTX_BYTES), FED_CTX_BYTES);
	SPI_freetuptable(rows);
}

static void
load_members(Attempt *attempt, int64 attempt_id)
{
	SPITupleTable *rows = fed_rows_of("SELECT m.u, m.adv FROM federated.secagg_members m"
								" WHERE m.attempt_id = $1 AND m.u IS NOT NULL", attempt_id);
	uint64		i;

	for (i = 0; i < rows->numvals; i++)
	{
		int			u = place(attempt, rows, i, 1);

		fed_adv_unpack(bytes_in(rows, i, 2, FED_ADV_BYTES), &attempt->members[u]);
		memcpy(attempt->m_pk[u], attempt->members[u].m_pk, FED_KEY_BYTES);
	}
	SPI_freetuptable(rows);
}

static void
load_owners(Attempt *attempt, int64 attempt_id)
{
	SPITupleTable *rows = fed_rows_of("SELECT o.owner, o.disposition = 'b' FROM federated.secagg_owners o WHERE o.attempt_id = $1",
								attempt_id);
	uint64		i;

	for (i = 0; i < rows->numvals; i++)
	{
		int			u = place(attempt, rows, i, 1);

		fed_set_add(&attempt->u2, u + 1);
		if (DatumGetBool(fed_row_value(rows, i, 2)))
			fed_set_add(&attempt->u3, u + 1);
	}
	SPI_freetuptable(rows);
}

static void
load_shares(Attempt *attempt, int64 attempt_id)
{
	SPITupleTable *rows = fed_rows_of("SELECT r.owner, r.revealer, r.share FROM federated.secagg_reveals r"
								" WHERE r.attempt_id = $1 ORDER BY r.owner, r.revealer", attempt_id);
	uint64		i;

	for (i = 0; i < rows->numvals; i++)
	{
		Owner	   *owner = &attempt->owners[place(attempt, rows, i, 1)];
		int			revealer = place(attempt, rows, i, 2);

		owner->x[owner->n_shares] = revealer + 1;
		memcpy(owner->shares[owner->n_shares], bytes_in(rows, i, 3, FED_SHARE_BYTES), FED_SHARE_BYTES);
		owner->n_shares++;
	}
	SPI_freetuptable(rows);
}

static void
wipe(void *attempt)
{
	explicit_bzero(attempt, sizeof(Attempt));
}

/* In the current memory context, which wipes it when it goes. */
static Attempt *
load(int64 attempt_id)
{
	Attempt    *attempt = palloc0(sizeof(Attempt));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = wipe;
	callback->arg = attempt;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	attempt->tries = FED_SHAMIR_TRIES;
	load_attempt(attempt, attempt_id);
	load_members(attempt, attempt_id);
	load_owners(attempt, attempt_id);
	load_shares(attempt, attempt_id);
	return attempt;
}

/* What a candidate for a secret is held against. */
typedef struct Promise
{
	const Attempt *attempt;
	int			u;				/* from 0 */
} Promise;

static bool
keeps_promise(const FedShare candidate, void *arg)
{
	const Promise *promise = arg;
	const FedSecaggAdv *adv = &promise->attempt->members[promise->u];

	CHECK_FOR_INTERRUPTS();
	return fed_set_has(&promise->attempt->u3, promise->u + 1)
		? fed_adv_has_b(adv, promise->attempt->c0, candidate)
		: fed_adv_has_m_sk(adv, candidate);
}

static void
swap_shares(Owner *owner, uint32 i, uint32 j)
{
	uint8		x = owner->x[i];
	FedShare	share;

	memcpy(share, owner->shares[i], sizeof(share));
	owner->x[i] = owner->x[j];
	memcpy(owner->shares[i], owner->shares[j], sizeof(share));
	owner->x[j] = x;
	memcpy(owner->shares[j], share, sizeof(share));
	explicit_bzero(share, sizeof(share));
}

/* Who has lied once is believed last: a revealer that lies about all secrets is searched for in one. */
static void
put_doubtful_last(Owner *owner, const bool *doubtful)
{
	uint32		end = owner->n_shares;
	uint32		i = 0;

	while (i < end)
	{
		if (doubtful[owner->x[i] - 1])
			swap_shares(owner, i, --end);
		else
			i++;
	}
}

/*
 * Put the secret of one owner together; false if its shares do not make it. One
 * subset is looked at whatever the others have cost. The same shares give the
 * same answer in every process.
 */
static bool
recover(Attempt *attempt, int u)
{
	Owner	   *owner = &attempt->owners[u];
	Promise		promise = {attempt, u};
	FedSecaggError error = {0};
	uint32		tries = attempt->tries + 1;
	bool		ok;
	uint32		i;

	if (owner->n_shares < attempt->t)
		return false;
	put_doubtful_last(owner, attempt->doubtful);
	ok = fed_shamir_recover(owner->x, owner->shares, owner->n_shares, attempt->t, keeps_promise, &promise,
							attempt->secrets[u], owner->deviates, &tries, &error);
	attempt->tries = Min(attempt->tries, tries);
	for (i = 0; ok && i < owner->n_shares; i++)
		attempt->doubtful[owner->x[i] - 1] |= owner->deviates[i];
	if (!ok && error.code == FED_SECAGG_FAILED)
		fed_secagg_raise(&error);
	return ok;
}

/* Revealers whose share is not on the polynomial, ascending. */
static ArrayType *
deviating(const Owner *owner)
{
	bool		deviates[FED_SECAGG_MAX_COHORT] = {false};
	Datum		revealers[FED_SECAGG_MAX_COHORT];
	int			n = 0;
	uint32		i;

	for (i = 0; i < owner->n_shares; i++)
		deviates[owner->x[i] - 1] = owner->deviates[i];
	for (i = 0; i < FED_SECAGG_MAX_COHORT; i++)
	{
		if (deviates[i])
			revealers[n++] = Int32GetDatum((int32) i + 1);
	}
	return construct_array(revealers, n, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

/*
 * federated.secagg_recover(attempt_id bigint)
 * returns setof (owner int, shares int, recovered boolean, deviating int[])
 *
 * Whether the shares of each Island that shared make the secret that it has
 * committed to, and whose share is not on its polynomial. No secret is returned.
 * The caller holds locks that others wait for: it takes about a second at most,
 * as all secrets share FED_SHAMIR_TRIES, and can be interrupted.
 */
Datum
federated_secagg_recover(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Attempt    *attempt;
	uint32		u;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	attempt = load(PG_GETARG_INT64(0));
	for (u = 0; u < attempt->n; u++)
	{
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		if (!fed_set_has(&attempt->u2, u + 1))
			continue;
		values[0] = Int32GetDatum((int32) u + 1);
		values[1] = Int32GetDatum((int32) attempt->owners[u].n_shares);
		values[2] = BoolGetDatum(recover(attempt, u));
		values[3] = PointerGetDatum(deviating(&attempt->owners[u]));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}

static void
free_mask(void *mask)
{
	fed_mask_free(mask);
}

/*
 * fed_unmask_open makes what turns the sum of the masked updates of an attempt
 * into the plain sum (fed_mask_apply). The caller is connected to SPI; the mask
 * is wiped and freed with the current memory context. XX001 if the shares do not
 * make the secrets, which was seen to before the attempt came to its sum.
 */
FedMask *
fed_unmask_open(int64 attempt_id)
{
	Attempt    *attempt = load(attempt_id);
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));
	FedSecaggError error = {0};
	FedMask    *mask;
	uint32		u;

	for (u = 0; u < attempt->n; u++)
	{
		if (fed_set_has(&attempt->u2, u + 1) && !recover(attempt, u))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the shares of Island %u do not make its secret", u + 1)));
	}
	mask = fed_mask_of_sum((const uint8 (*)[FED_KEY_BYTES]) attempt->secrets, attempt->ctx,
						   (const uint8 (*)[FED_KEY_BYTES]) attempt->m_pk, attempt->n, &attempt->u2, &attempt->u3, &error);
	wipe(attempt);
	if (mask == NULL)
		fed_secagg_raise(&error);
	callback->func = free_mask;
	callback->arg = mask;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return mask;
}

/* The sum of the masked aux values of all updates, n of them each. */
static uint32 *
sum_aux(int64 attempt_id, int n)
{
	SPITupleTable *rows = fed_rows_of("SELECT x.aux FROM federated.secagg_aux x"
								" JOIN federated.secagg_owners o ON o.attempt_id = x.attempt_id AND o.owner = x.u AND o.disposition = 'b'"
								" WHERE x.attempt_id = $1", attempt_id);
	uint32	   *sum = palloc0(mul_size(n + 1, sizeof(uint32)));
	uint64		i;

	for (i = 0; i < rows->numvals; i++)
		fed_mask_sum(sum, bytes_in(rows, i, 1, (Size) n * sizeof(uint32)), n);
	SPI_freetuptable(rows);
	return sum;
}

/*
 * federated.secagg_unmask_aux(attempt_id bigint, aux_len int) returns bigint[]
 *
 * The plain sum of the aux values, each 0 to 2^32 - 1.
 */
Datum
federated_secagg_unmask_aux(PG_FUNCTION_ARGS)
{
	int64		attempt_id = PG_GETARG_INT64(0);
	int			n = PG_GETARG_INT32(1);
	Datum	   *values = palloc(mul_size(n + 1, sizeof(Datum)));
	FedSecaggError error = {0};
	uint32	   *sum;
	int			i;

	SPI_connect();
	sum = sum_aux(attempt_id, n);
	if (!fed_mask_apply(fed_unmask_open(attempt_id), FED_STREAM_AUX, 0, sum, n, &error))
		fed_secagg_raise(&error);
	for (i = 0; i < n; i++)
		values[i] = Int64GetDatum((int64) sum[i]);
	SPI_finish();
	PG_RETURN_ARRAYTYPE_P(construct_array(values, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
