/*
 * sums.h
 *		What an aggregate over pages has summed up so far, and its serial form.
 *
 * All aggregates are sums in float64, so that two partial ones are put together
 * by adding them up. Which sums there are depends on the kind:
 *
 *	weighted	the weights; then, for each value of a page, weight * value
 *	norm		a * a
 *	dot			a * b
 *	cosine		a * a, a * b, b * b
 *
 * Partial sums travel between processes as bytes, least significant first:
 *
 *	 0	4	"FEDs"
 *	 4	2	version of the form, 1
 *	 6	2	kind
 *	 8	4	values per page; 0 unless weighted
 *	12	8	rows that were summed up, from 1
 *	20	8	each sum, IEEE 754 binary64, finite; nothing behind the last
 *
 * The bytes come from a process of the same server, and are checked as if they
 * did not.
 */
#ifndef FED_CORE_INSPECT_SUMS_H
#define FED_CORE_INSPECT_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FED_SUMS_MAX_VALUES 2016	/* of a page */

/* From 1, so that zeros are no state. */
typedef enum FedSumsKind
{
	FED_SUMS_WEIGHTED = 1,
	FED_SUMS_NORM = 2,
	FED_SUMS_DOT = 3,
	FED_SUMS_COSINE = 4
} FedSumsKind;

typedef struct FedSums
{
	FedSumsKind kind;
	uint32_t	n_values;
	uint64_t	rows;
	double		sums[];
} FedSums;

/* Bytes of memory for sums of a kind; 0 if there are none such. */
extern size_t fed_sums_size(FedSumsKind kind, size_t n_values);

/* Nothing summed up yet; sums has fed_sums_size bytes, aligned for a double. */
extern void fed_sums_init(FedSums *sums, FedSumsKind kind, size_t n_values);

/* Adds from to sums; false, and nothing changed, unless both are alike. */
extern bool fed_sums_add(FedSums *sums, const FedSums *from);

/* Whether every sum is finite. */
extern bool fed_sums_finite(const FedSums *sums);

/* Length of the serial form. */
extern size_t fed_sums_packed_length(const FedSums *sums);

/* Writes fed_sums_packed_length bytes, at any address. */
extern void fed_sums_pack(const FedSums *sums, uint8_t *out);

/*
 * Why bytes, at any address, are no serial form; NULL, and *size the memory
 * that fed_sums_unpack needs, if they are one.
 */
extern const char *fed_sums_problem(const uint8_t *bytes, size_t len,
									size_t *size);

/* Reads what fed_sums_problem has found sound. */
extern void fed_sums_unpack(const uint8_t *bytes, FedSums *out);

#endif							/* FED_CORE_INSPECT_SUMS_H */
