/*
 * kept.c
 *		The plain integers of a round, before they are masked.
 */
#include "lib/secagg/kept.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/secagg/quantiser.h"
#include "lib/json.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/noised.h"
#include "lib/secagg/refuse.h"
#include "lib/slices.h"

#define VALUES_NAME "kept"
#define JSON_NAME "kept.json"
#define MAX_JSON 1048576

/* How integers are made: weighted and clamped, or, where the Island adds noise, clipped and noised. */
typedef struct Making
{
	const FedPlan *plan;
	FedQuantiser quantiser;
	uint64_t	clamped;
	FedNoised	noised;
} Making;

static bool
quantise_slice(const FedQuantiser *quantiser, const uint8_t *delta, uint64_t first, size_t n, float *x, uint32_t *q,
			   uint8_t *out, uint64_t *clamped, FedError *err)
{
	FedSecaggError why;

	memcpy(x, delta + 4 * first, 4 * n);
	fed_floats_to_wire(x, n);
	if (!fed_quantise(quantiser, x, n, first, q, clamped, &why))
		return fed_error_set(err, why.code == FED_SECAGG_FAILED ? FED_ERR_LOCAL : FED_ERR_TRAINER, "%s", why.message);
	fed_words_pack(q, n, out);
	return true;
}

static bool
write_weighted(const FedQuantiser *quantiser, const FedMapping *delta, int fd, const char *path, uint64_t *clamped,
			   FedError *err)
{
	float	   *x = malloc(FED_SLICE_BYTES);
	uint32_t   *q = malloc(FED_SLICE_BYTES);
	uint8_t    *out = malloc(FED_SLICE_BYTES);
	bool		ok = (x != NULL && q != NULL && out != NULL) || fed_error_memory(err);

	for (uint64_t slice = 0; ok && slice < fed_slice_count(delta->len); slice++)
	{
		uint64_t	at = slice * FED_SLICE_BYTES;
		size_t		bytes = fed_slice_length(delta->len, slice);

		ok = quantise_slice(quantiser, delta->data, at / 4, bytes / 4, x, q, out, clamped, err) &&
			fed_write_at(fd, out, bytes, at, path, err);
	}
	free(x);
	free(q);
	free(out);
	return ok;
}

static bool
write_values(Making *making, const FedMapping *delta, int fd, const char *path, FedError *err)
{
	if (making->plan->privacy.on)
		return fed_noised_write(&making->noised, delta, fd, path, err);
	return write_weighted(&making->quantiser, delta, fd, path, &making->clamped, err);
}

static bool
keep_values(Making *making, const char *delta_path, const char *path, FedError *err)
{
	FedMapping	delta;
	int			fd;
	bool		ok;

	if (!fed_map_file(delta_path, &delta, err))
		return false;
	fd = fed_replace_begin(path, err);
	ok = fd >= 0 && write_values(making, &delta, fd, path, err) && fed_alive("kept", err);
	fed_unmap(&delta);
	if (ok)
		return fed_replace_finish(fd, path, err);
	if (fd >= 0)
		fed_replace_abandon(fd, path);
	return false;
}

/* Where a name leads: "evaluation.accuracy"; one without a dot may be of either. */
static bool
metric_value(const json_t *metrics, const char *name, double *out)
{
	const char *dot = strchr(name, '.');
	char		part[FED_TASK_SEGMENT + 1];

	if (dot == NULL)
		return fed_json_number(json_object_get(metrics, "evaluation"), name, out) ||
			fed_json_number(json_object_get(metrics, "training"), name, out);
	snprintf(part, sizeof(part), "%.*s", (int) (dot - name), name);
	return fed_json_number(json_object_get(metrics, part), dot + 1, out);
}

static bool
fill_weighted_aux(const FedPlan *plan, const FedQuantiser *quantiser, uint64_t clamped, const char *metrics, uint32_t *aux,
				  FedError *err)
{
	json_t	   *values = fed_json_parse(metrics, "the metrics", FED_ERR_TRAINER, err);
	FedSecaggError why;
	bool		ok = values != NULL;

	aux[FED_AUX_WEIGHT] = quantiser->W;
	aux[FED_AUX_COUNT] = 1;
	aux[FED_AUX_CLAMPED] = fed_aux_clamped(clamped, plan->n_max);
	for (size_t i = 0; ok && plan->metrics == FED_METRICS_MASKED && i < plan->n_bounded; i++)
	{
		FedQuantiser of_metric = *quantiser;
		double		value;
		bool		reported = metric_value(values, plan->bounded[i].name, &value);

		of_metric.R = plan->bounded[i].bound;
		ok = fed_aux_metric(&of_metric, reported ? &value : NULL, aux + FED_AUX_METRICS + 2 * i, &why) ||
			fed_core_failed(err, &why);
	}
	json_decref(values);
	return ok;
}

static bool
fill_aux(Making *making, const char *metrics, uint32_t *aux, FedError *err)
{
	if (!making->plan->privacy.on)
		return fill_weighted_aux(making->plan, &making->quantiser, making->clamped, metrics, aux, err);
	return !making->plan->privacy.adaptive || fed_noised_aux(&making->noised, aux, err);
}

/* Numbers stay exact in JSON. */
static bool
put_terms(json_t *record, const FedNoiseTerms *terms)
{
	return json_object_set_new(record, "clip", json_real(terms->clip)) == 0 &&
		json_object_set_new(record, "Q", json_integer((json_int_t) terms->Q)) == 0 &&
		json_object_set_new(record, "noise_var", json_integer((json_int_t) terms->noise_var)) == 0 &&
		json_object_set_new(record, "aux_noise_var", json_integer((json_int_t) terms->aux_noise_var)) == 0;
}

static bool
save_record(const char *dir, const Making *making, const uint8_t *base, const uint8_t *digest, const uint32_t *aux,
			const FedOutcome *outcome, FedError *err)
{
	char		base_hex[FED_SHA256_HEX + 1];
	char		digest_hex[FED_SHA256_HEX + 1];
	json_t	   *list = json_array();
	json_t	   *record;
	char	   *path = fed_path_join(dir, JSON_NAME);
	char	   *text;
	bool		ok;

	for (uint32_t i = 0; i < fed_plan_aux_len(making->plan); i++)
		json_array_append_new(list, json_integer(aux[i]));
	fed_hex_encode(base, FED_SHA256_BYTES, base_hex);
	fed_hex_encode(digest, FED_SHA256_BYTES, digest_hex);
	record = json_pack("{s:s, s:s, s:b, s:I, s:s, s:o}", "base", base_hex, "digest", digest_hex, "evaluation",
					   outcome->delta_path == NULL, "num_samples", (json_int_t) outcome->num_samples, "metrics",
					   making->plan->metrics == FED_METRICS_VISIBLE ? outcome->metrics : "{}", "aux", list);
	text = record == NULL || !put_terms(record, &making->noised.terms) ? NULL : json_dumps(record, JSON_INDENT(1));
	ok = ((path != NULL && text != NULL) || fed_error_memory(err)) && fed_alive("kept.json", err) &&
		fed_write_file(path, text, strlen(text), err) && fed_alive("kept.json", err);
	free(text);
	free(path);
	json_decref(record);
	return ok;
}

static bool
hash_values(const char *path, uint8_t digest[FED_SHA256_BYTES], FedError *err)
{
	FedMapping	q;
	bool		ok = fed_map_file(path, &q, err);

	if (!ok)
		return false;
	ok = fed_hash_vector(q.data, q.len, digest, NULL, err);
	fed_unmap(&q);
	return ok;
}

static bool
begin_making(Making *making, const FedPlan *plan, const FedNoiseTerms *terms, int64_t num_samples, FedError *err)
{
	*making = (Making) {.plan = plan};
	if (plan->privacy.on)
		return fed_noised_begin(&making->noised, terms, err);
	making->quantiser = (FedQuantiser) {plan->range, fed_quantiser_levels(plan->n_max),
	fed_quantiser_weight((uint64_t) num_samples, plan->n_cap, FED_W_CAP), FED_W_CAP};
	return true;
}

bool
fed_kept_make(const char *dir, const FedPlan *plan, const FedNoiseTerms *terms, const uint8_t base[FED_SHA256_BYTES],
			  const FedOutcome *outcome, FedError *err)
{
	Making		making;
	uint32_t	aux[FED_MAX_AUX] = {0};
	uint8_t		digest[FED_SHA256_BYTES] = {0};
	char	   *path = fed_path_join(dir, VALUES_NAME);
	bool		ok = begin_making(&making, plan, terms, outcome->num_samples, err) && (path != NULL || fed_error_memory(err));

	if (ok)
		fed_kept_drop(dir);
	if (ok && outcome->delta_path != NULL)
		ok = keep_values(&making, outcome->delta_path, path, err) && hash_values(path, digest, err);
	ok = ok && fill_aux(&making, outcome->metrics, aux, err) && save_record(dir, &making, base, digest, aux, outcome, err);
	fed_noised_end(&making.noised);
	free(path);
	return ok;
}

static bool
read_aux(const json_t *record, FedKept *out)
{
	const json_t *list = json_object_get(record, "aux");

	out->aux_len = (uint32_t) json_array_size(list);
	if (out->aux_len > FED_MAX_AUX)
		return false;
	for (uint32_t i = 0; i < out->aux_len; i++)
		out->aux[i] = (uint32_t) json_integer_value(json_array_get(list, i));
	return true;
}

static bool
read_terms(const json_t *record, FedNoiseTerms *out)
{
	int64_t		numbers[3];

	if (!fed_json_number(record, "clip", &out->clip) || !fed_json_int(record, "Q", &numbers[0]) ||
		!fed_json_int(record, "noise_var", &numbers[1]) || !fed_json_int(record, "aux_noise_var", &numbers[2]))
		return false;
	out->Q = (uint64_t) numbers[0];
	out->noise_var = (uint64_t) numbers[1];
	out->aux_noise_var = (uint64_t) numbers[2];
	return true;
}

static bool
is_for(const json_t *record, const uint8_t *base)
{
	const char *hex = fed_json_text(record, "base");
	uint8_t		of[FED_SHA256_BYTES];

	return hex != NULL && fed_hex_decode(hex, of, sizeof(of)) && memcmp(of, base, sizeof(of)) == 0;
}

static bool
read_record(const char *dir, const json_t *record, FedKept *out)
{
	const char *digest_hex = fed_json_text(record, "digest");
	const char *metrics = fed_json_text(record, "metrics");
	uint8_t		digest[FED_SHA256_BYTES];
	uint8_t		now[FED_SHA256_BYTES];
	char	   *path;
	bool		ok = digest_hex != NULL && fed_hex_decode(digest_hex, digest, sizeof(digest)) && metrics != NULL &&
		fed_json_int(record, "num_samples", &out->num_samples) && read_terms(record, &out->terms) && read_aux(record, out) &&
		(out->metrics = strdup(metrics)) != NULL;

	if (!ok || json_is_true(json_object_get(record, "evaluation")))
		return ok;
	path = fed_path_join(dir, VALUES_NAME);
	ok = path != NULL && fed_map_file(path, &out->q, NULL) &&
		fed_hash_vector(out->q.data, out->q.len, now, NULL, NULL) && memcmp(now, digest, sizeof(now)) == 0;
	free(path);
	return ok;
}

/* The record if it is for this base, or NULL. */
static json_t *
load_record(const char *dir, const uint8_t *base)
{
	char	   *path = fed_path_join(dir, JSON_NAME);
	char	   *text = path == NULL || access(path, R_OK) != 0 ? NULL : fed_read_file(path, MAX_JSON, NULL, NULL);
	json_t	   *record = text == NULL ? NULL : fed_json_parse(text, "the kept integers", FED_ERR_LOCAL, NULL);

	free(text);
	free(path);
	if (record == NULL || is_for(record, base))
		return record;
	json_decref(record);
	return NULL;
}

bool
fed_kept_terms(const char *dir, const uint8_t base[FED_SHA256_BYTES], FedNoiseTerms *out)
{
	json_t	   *record = load_record(dir, base);
	bool		ok = record != NULL && read_terms(record, out);

	json_decref(record);
	return ok;
}

bool
fed_kept_load(const char *dir, const uint8_t base[FED_SHA256_BYTES], FedKept *out)
{
	json_t	   *record = load_record(dir, base);
	bool		ok;

	memset(out, 0, sizeof(*out));
	ok = record != NULL && read_record(dir, record, out);
	if (!ok)
		fed_kept_close(out);
	json_decref(record);
	return ok;
}

void
fed_kept_close(FedKept *kept)
{
	free(kept->metrics);
	fed_unmap(&kept->q);
	memset(kept, 0, sizeof(*kept));
}

/* Also what a crash left half written. */
static void
drop_file(const char *dir, const char *name)
{
	char	   *path = fed_path_join(dir, name);

	if (path == NULL)
		return;
	(void) unlink(path);
	fed_replace_abandon(-1, path);
	free(path);
}

/* The record first: without it the values are nothing. */
void
fed_kept_drop(const char *dir)
{
	drop_file(dir, JSON_NAME);
	drop_file(dir, VALUES_NAME);
}
