/*
 * result.h
 *		What a trainer wrote, checked before anything of it is believed.
 */
#ifndef FED_CLIENT_RESULT_H
#define FED_CLIENT_RESULT_H

#include "core/encoding/encoding.h"
#include "lib/manifest.h"
#include "lib/modelfile.h"
#include "lib/policy.h"
#include "lib/privacy.h"
#include "lib/task.h"

typedef struct FedResult
{
	int64_t		num_samples;
	bool		is_delta;		/* FED_UPDATE holds the delta, not the weights */
	char	   *metrics;		/* JSON text of what may leave */
} FedResult;

/*
 * Reads FED_RESULT; metrics that the policy does not let out are left out.
 * False, and err filled (FED_ERR_TRAINER), if it is missing or nonsense.
 */
extern bool fed_result_read(const char *path, const FedPolicy *policy, FedResult *out, FedError *err);
extern void fed_result_free(FedResult *result);

/*
 * The delta is against what was received, not against what a trainer made of
 * it: whether FED_MODEL still has the digest that it was given with. False, and
 * err filled (FED_ERR_TRAINER), if not.
 */
extern bool fed_result_check_model(const FedModelFile *received, const uint8_t digest[FED_SHA256_BYTES],
								   const FedStep *step, FedError *err);

/*
 * Reads FED_UPDATE and writes the delta, trained minus received, encoded to
 * delta_path; digest is that of these bytes. With privacy, which has begun, what
 * is encoded is the delta clipped and noised; NULL: as it is. False, and err
 * filled (FED_ERR_TRAINER), if tensors are missing, too many, of another shape,
 * not finite, or if a value does not fit the encoding. step is called between
 * slices.
 */
extern bool fed_result_delta(const char *update_path, const FedResult *result, const FedManifest *manifest,
							 const FedModelFile *received, FedPrivacy *privacy, FedEncoding encoding,
							 const char *delta_path, uint8_t digest[FED_SHA256_BYTES], const FedStep *step, FedError *err);

#endif							/* FED_CLIENT_RESULT_H */
