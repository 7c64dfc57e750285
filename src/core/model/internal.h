/*
 * internal.h
 *		What the files of core/model share and nobody else needs.
 */
#ifndef FED_CORE_MODEL_INTERNAL_H
#define FED_CORE_MODEL_INTERNAL_H

#include "core/model/model.h"

/* How much of a name a message shows. */
#define NAME_SHOWN 128

/* For "%.*s": a name, and a JSON text that is not terminated. */
#define SHOW(name) NAME_SHOWN, (name)
#define SHOW_SPAN(span) \
	((span).len < NAME_SHOWN ? (int) (span).len : NAME_SHOWN), (span).text

/* A piece of the header's text. */
typedef struct FedSpan
{
	const char *text;
	size_t		len;
} FedSpan;

/* A walk over the members of the header's outermost object. */
typedef struct FedMembers
{
	const char *start;
	const char *pos;
	const char *end;
	bool		first;
} FedMembers;

typedef enum FedMembersStep
{
	FED_MEMBERS_ERROR,
	FED_MEMBERS_FOUND,
	FED_MEMBERS_DONE
} FedMembersStep;

/*
 * Fills err, if there is one. Whatever went into the message comes out as
 * UTF-8 without control characters. Always false, to be returned.
 */
extern bool fed_model_fail(FedModelError *err, FedModelErrorCode code,
						   const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* Finds the object; false, and err filled, if the text doesn't start as one. */
extern bool fed_members_open(FedMembers *members, const char *text,
							 size_t len, FedModelError *err);

/*
 * The next member: the text of its key, quotes included, and of its value. A
 * value that is no object has length 0, and the walk can't go on after it.
 * Objects that nest deeper than those of a header are an error.
 */
extern FedMembersStep fed_members_next(FedMembers *members, FedSpan *key,
									   FedSpan *value, FedModelError *err);

/* The number of elements and bytes of a tensor; false if one overflows. */
extern bool fed_tensor_size(FedDtype dtype, size_t rank, const uint64_t *shape,
							uint64_t *count, uint64_t *bytes);

/*
 * From tensors read one by one to a model: sorts them, checks that names are
 * unique and that the data section is covered exactly once, makes the layout.
 */
extern bool fed_model_complete(FedModel *model, FedModelError *err);

#endif							/* FED_CORE_MODEL_INTERNAL_H */
