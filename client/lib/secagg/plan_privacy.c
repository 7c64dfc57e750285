/*
 * plan_privacy.c
 *		What a task text says of noise that the Islands add themselves.
 */
#include "lib/secagg/plan_privacy.h"

#include <math.h>
#include <string.h>

#include "lib/secagg/plan_keys.h"
#include "lib/secagg/refuse.h"

/* Beginnings of names that only a text with distributed noise may have, and of those that it must not have. */
static const char *const of_noise[] = {"dp_", "secagg_max_colluding", NULL};
static const char *const of_weights[] = {"secagg_range", "secagg_sample_cap", FED_PLAN_BOUNDS, NULL};

static bool
has_none(const FedTaskText *text, const char *const *beginnings, const char *which, FedError *err)
{
	for (size_t i = 0; i < fed_task_text_count(text); i++)
	{
		const char *name = fed_task_text_entry(text, i)->name;

		for (const char *const *b = beginnings; *b != NULL; b++)
		{
			if (strncmp(name, *b, strlen(*b)) == 0)
				return fed_refuse(err, 2, "the task has \"%.80s\", which one %s noise of the Islands must not have", name, which);
		}
	}
	return true;
}

/* A key that has only one value. */
static bool
is_word(const FedTaskText *text, const char *name, const char *word, FedError *err)
{
	const char *const words[FED_PLAN_CHOICES] = {word};
	int			ignored;

	return fed_plan_choice(text, name, words, &ignored, err);
}

static bool
below_one(const FedTaskText *text, const char *name, FedError *err)
{
	double		value;

	return fed_plan_positive(text, name, &value, err) &&
		(value < 1 || fed_refuse(err, 2, "\"%s\" of the task is %g; it must be below 1", name, value));
}

/* Either a clip norm, or where it starts and how it moves. */
static bool
read_clipping(const FedTaskText *text, FedPlanPrivacy *out, FedError *err)
{
	double		ignored;

	out->adaptive = fed_task_text_find(text, "dp_clip_norm") == NULL;
	if (out->adaptive)
		return fed_plan_positive(text, "dp_adaptive_clip.initial", &ignored, err) &&
			fed_plan_positive(text, "dp_adaptive_clip.learning_rate", &ignored, err) &&
			below_one(text, "dp_adaptive_clip.quantile", err);
	return fed_plan_positive(text, "dp_clip_norm", &out->clip_norm, err) &&
		has_none(text, (const char *const[]) {"dp_adaptive_clip.", NULL}, "with \"dp_clip_norm\" and", err);
}

static bool
find_grid(const FedTaskText *text, FedDpRequest *request, FedPlanPrivacy *out, FedError *err)
{
	FedSecaggError why;

	request->z = out->noise_multiplier;
	request->adaptive = out->adaptive;
	return fed_plan_positive(text, "dp_divisor", &request->divisor, err) &&
		fed_plan_number(text, "secagg_max_colluding", 0, fed_dp_max_colluding(request->min_updates), &request->max_colluding, err) &&
		(fed_dp_grid(request, &out->grid, &why) || fed_refuse_core(err, 2, &why));
}

bool
fed_plan_read_privacy(const FedTaskText *text, uint32_t min_updates, uint32_t n_max, FedPlanPrivacy *out, FedError *err)
{
	FedDpRequest request = {.min_updates = min_updates, .n_max = n_max};

	memset(out, 0, sizeof(*out));
	out->on = fed_task_text_find(text, "dp_mode") != NULL;
	if (!out->on)
		return has_none(text, of_noise, "without", err);
	return has_none(text, of_weights, "with", err) && is_word(text, "dp_mode", "distributed", err) &&
		is_word(text, "dp_sampling", "none", err) && is_word(text, "dp_weighting", "uniform", err) &&
		below_one(text, "dp_delta", err) && fed_plan_positive(text, "dp_sigma", &out->noise_multiplier, err) &&
		read_clipping(text, out, err) && find_grid(text, &request, out, err);
}

bool
fed_plan_noise_terms(const FedPlanPrivacy *privacy, double offered, FedNoiseTerms *out, FedError *err)
{
	memset(out, 0, sizeof(*out));
	if (!privacy->on)
		return true;
	out->clip = privacy->adaptive ? offered : privacy->clip_norm;
	out->Q = privacy->grid.Q;
	out->noise_var = privacy->grid.noise_var;
	out->aux_noise_var = privacy->grid.aux_noise_var;
	return (out->clip > 0 && isfinite(out->clip) && isfinite((double) out->Q / out->clip)) ||
		fed_refuse(err, 3, "the clip norm of the round is %g; it must be a number above 0", out->clip);
}
