/*
 * plan.h
 *		What a session with secure aggregation asks of its Islands, as the task
 *		text says it.
 *
 * The text is the only source: its hash is bound into everything that is signed,
 * and so all Islands that can be summed with have been given the same.
 */
#ifndef FED_CLIENT_SECAGG_PLAN_H
#define FED_CLIENT_SECAGG_PLAN_H

#include "core/secagg/task_text.h"
#include "core/secagg/transcript.h"
#include "lib/error.h"
#include "lib/secagg/plan_privacy.h"

#define FED_MAX_METRICS 64
#define FED_MAX_AUX (3 + 2 * FED_MAX_METRICS)

typedef enum FedMetricsMode
{
	FED_METRICS_NONE,
	FED_METRICS_MASKED,
	FED_METRICS_VISIBLE
} FedMetricsMode;

/* A metric that is summed under masks. */
typedef struct FedBoundedMetric
{
	const char *name;			/* "evaluation.accuracy"; the text owns it */
	double		bound;
} FedBoundedMetric;

typedef struct FedPlan
{
	FedTaskText *text;
	uint8_t		hash[FED_SHA256_BYTES];
	FedSecaggMode mode;
	FedSecaggWeights weights;
	FedMetricsMode metrics;
	uint32_t	total_rounds;
	uint32_t	min_updates;
	uint32_t	n_max;
	uint32_t	n_cap;
	uint32_t	max_attempts;
	double		range;			/* R; 0 with privacy: the clip norm is it */
	FedPlanPrivacy privacy;		/* noise that the Islands add */
	uint8_t		manifest[FED_SHA256_BYTES];	/* of the tensors */
	size_t		n_bounded;
	FedBoundedMetric bounded[FED_MAX_METRICS];	/* in the order of the aux pairs */
} FedPlan;

/*
 * C2: reads a text. False, and err filled (FED_ERR_POLICY), if it is not
 * canonical, of another protocol, holds a key that this program does not know
 * outside the trainer's own parameters, lacks one, or has one out of its range.
 */
extern bool fed_plan_read(FedPlan *plan, const char *text, size_t len, FedError *err);
extern void fed_plan_free(FedPlan *plan);

/* Values of aux: 3, and two for each metric that is masked; with privacy the noised count of adaptive clipping, or none. */
extern uint32_t fed_plan_aux_len(const FedPlan *plan);

/*
 * What c0 binds, by the plan: base is left for the caller. evaluation: no
 * vector, else one of n_values. offered_clip is the server's word, read under
 * adaptive clipping alone; C3 if it is no clip norm.
 */
extern bool fed_plan_params(const FedPlan *plan, const char *session_id, uint32_t round, uint32_t attempt, bool evaluation,
							uint64_t n_values, double offered_clip, FedSecaggParams *out, FedError *err);

/*
 * The task as the trainer gets it (FED_TASK), out of the text alone but for the
 * session, the round and the kind. JSON, malloc'd.
 */
extern char *fed_plan_task(const FedPlan *plan, const char *session_id, uint32_t round, bool evaluation, FedError *err);

#endif							/* FED_CLIENT_SECAGG_PLAN_H */
