/*
 * noise.c
 *		Central differential privacy: a discrete Gaussian on the sum, then the mean.
 *
 * The sum is one of integers, the noise is N_Z(0, noise_variance) on each of
 * them (Canonne, Kamath and Steinke 2020), and only then both become
 * floating-point values: (sum + noise) * grid / divisor. All values of a page
 * get noise, also those behind the end of the model, which are not written.
 *
 * A pass has a stream of its own, with a key that the operating system gives
 * and that nothing keeps: a chunk that is computed again after a crash gets
 * other noise, and what the first try wrote was never visible. The one thing
 * that can make noise again is the setting dp_test_seed, for tests, where the
 * round's charge owns up to it; the stream is then one per page, so that the
 * result does not depend on chunks.
 */
#include "postgres.h"

#include "aggregate/stages.h"
#include "base/settings.h"
#include "core/digest.h"
#include "core/dp/discrete_gaussian.h"

typedef struct Noise
{
	int64		variance;
	double		factor;			/* from steps to the mean */
	const char *seed;			/* NULL: the operating system's randomness */
	int			round_no;
	FedNoise   *stream;			/* malloc'd; NULL while there is none */
	int64_t		steps[FED_PAGE_VALUES];
} Noise;

/* Also after an error: neither the key nor what came from it stays in memory. */
static void
forget(void *arg)
{
	Noise	   *noise = arg;

	if (noise->stream != NULL)
		fed_noise_free(noise->stream);
	noise->stream = NULL;
	explicit_bzero(noise->steps, sizeof(noise->steps));
}

/* A stream of this key, or of one from the operating system if it is NULL. */
static void
start_stream(Noise *noise, const uint8 *key)
{
	noise->stream = fed_noise_new(key);
	if (noise->stream == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not start a stream of noise"),
				 errdetail("The operating system gives no randomness, or there is no memory.")));
}

/* The stream of a page, from the test seed. */
static void
start_test_stream(Noise *noise, int page_no)
{
	char	   *text = psprintf("federated test noise %d %d %s", noise->round_no, page_no, noise->seed);
	uint8		key[FED_SHA256_BYTES];

	if (!fed_sha256(text, strlen(text), key))
		elog(ERROR, "could not compute SHA-256");
	pfree(text);
	forget(noise);
	start_stream(noise, key);
}

static void *
prepare(const FedPlan *plan)
{
	const FedPrivacy *privacy = plan->privacy;
	Noise	   *noise = palloc0(sizeof(Noise));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	noise->variance = privacy->noise_variance;
	noise->factor = privacy->grid / privacy->divisor;
	noise->round_no = privacy->round_no;
	callback->func = forget;
	callback->arg = noise;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	if (privacy->insecure_seed && fed_setting_dp_test_seed[0] != '\0')
		noise->seed = pstrdup(fed_setting_dp_test_seed);
	else
		start_stream(noise, NULL);
	return noise;
}

static void
run(void *prepared, FedPageWork *work)
{
	Noise	   *noise = prepared;
	int			i;

	if (noise->seed != NULL)
		start_test_stream(noise, work->page_no);
	if (!fed_noise_fill(noise->stream, noise->steps, FED_PAGE_VALUES, (uint64_t) noise->variance))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not draw noise of variance " INT64_FORMAT, noise->variance)));
	for (i = 0; i < FED_PAGE_VALUES; i++)
		work->sum[i] = (work->sum[i] + (double) noise->steps[i]) * noise->factor;
}

const FedStage fed_noise = {"noise", prepare, run};
