/*
 * reveal.c
 *		The message in which an Island gives away the shares it holds.
 */
#include "core/secagg/reveal.h"

#include <inttypes.h>
#include <string.h>

#include "core/secagg/bytes.h"

void
fed_reveal_pack(const FedReveal *entries, size_t count, uint8_t *bytes)
{
	for (size_t i = 0; i < count; i++, bytes += FED_REVEAL_BYTES)
	{
		fed_store_le32(bytes, entries[i].owner);
		bytes[4] = (uint8_t) entries[i].kind;
		bytes[5] = entries[i].x;
		memcpy(bytes + 6, entries[i].share, FED_SHARE_BYTES);
	}
}

/* One entry; `before` is the owner of the entry before it, or 0. */
static bool
parse_entry(const uint8_t *bytes, uint32_t revealer, uint32_t n,
			uint32_t before, FedReveal *entry, FedSecaggError *err)
{
	uint32_t	owner = fed_load_le32(bytes);

	if (owner < 1 || owner > n)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "reveal: owner %" PRIu32 " is not one of 1 to %" PRIu32,
							   owner, n);
	if (owner <= before)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "reveal: owner %" PRIu32 " comes after %" PRIu32,
							   owner, before);
	if (bytes[4] != FED_REVEAL_B && bytes[4] != FED_REVEAL_SK)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "reveal: kind %u of owner %" PRIu32 " is not 1 or 2",
							   bytes[4], owner);
	if (bytes[5] != revealer)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "reveal: a share of holder %u from Island %" PRIu32,
							   bytes[5], revealer);
	entry->owner = owner;
	entry->kind = (FedRevealKind) bytes[4];
	entry->x = bytes[5];
	memcpy(entry->share, bytes + 6, FED_SHARE_BYTES);
	return true;
}

bool
fed_reveal_parse(const uint8_t *bytes, size_t len, uint32_t revealer,
				 uint32_t n, FedReveal entries[FED_SECAGG_MAX_COHORT],
				 size_t *count, FedSecaggError *err)
{
	size_t		found = len / FED_REVEAL_BYTES;

	if (len % FED_REVEAL_BYTES != 0 || found > FED_SECAGG_MAX_COHORT)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "reveal: %zu bytes are not at most %d entries of %d",
							   len, FED_SECAGG_MAX_COHORT, FED_REVEAL_BYTES);
	for (size_t i = 0; i < found; i++)
	{
		if (!parse_entry(bytes + i * FED_REVEAL_BYTES, revealer, n,
						 i == 0 ? 0 : entries[i - 1].owner, &entries[i], err))
			return false;
	}
	*count = found;
	return true;
}

bool
fed_reveal_check(const FedReveal *entries, size_t count,
				 const FedSecaggSet *u2, const FedSecaggSet *u3,
				 const FedSecaggSet *without, FedSecaggError *err)
{
	size_t		next = 0;

	for (uint32_t v = 1; v <= FED_SECAGG_MAX_COHORT; v++)
	{
		bool		there = next < count && entries[next].owner == v;
		bool		due = fed_set_has(u2, v) &&
			!(without != NULL && fed_set_has(without, v));
		FedRevealKind kind = fed_set_has(u3, v) ? FED_REVEAL_B : FED_REVEAL_SK;

		if (there != due)
			return fed_secagg_fail(err, FED_SECAGG_REFUSED,
								   due ? "reveal: no share of owner %" PRIu32 :
								   "reveal: a share of owner %" PRIu32 ", which is not due",
								   v);
		if (there && entries[next++].kind != kind)
			return fed_secagg_fail(err, FED_SECAGG_REFUSED,
								   "reveal: kind of owner %" PRIu32 " must be %d",
								   v, kind);
	}
	if (next != count)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "reveal: owners are not ascending");
	return true;
}
