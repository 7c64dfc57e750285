/*
 * kernels_body.h
 *		The kernels themselves, written once, included once per SIMD level.
 *
 * The including file first defines the level and its vectors, all of whose
 * loads and stores are unaligned:
 *
 *	LEVEL, LEVEL_NAME		the FedSimdLevel and its name
 *	TARGET					attribute that lets a function use the level
 *	VEC, VEC_WIDTH			a vector of doubles, and how many it holds; divides 8
 *	VEC_SET(x)				all elements x
 *	VEC_LOAD(p), VEC_STORE(p, v)	doubles
 *	VEC_WIDEN(p)			loads VEC_WIDTH floats as doubles
 *	VEC_NARROW(p, v)		rounds to floats and stores them
 *	VEC_ADD(a, b), VEC_SUB, VEC_MUL, VEC_DIV	each rounded on its own
 *	VEC_TRUNC(v)			the integer part, with the sign of v even if it is zero
 *	FLT_BLOCK				floats per test for non-finite values
 *	FLT_BLOCK_FINITE(p)		whether that many floats are all finite
 *	F16_BLOCK				if the level has it: f16 values that
 *	F16_BLOCK_DECODE(out, p)	converts at once
 *	KEYS, KEYS_WIDTH		a vector of int32, and how many; VEC_WIDTH divides it
 *	KEYS_SET(k)				all elements k
 *	KEYS_LOAD(p), KEYS_STORE(p, v)	the bits of floats
 *	KEYS_MIN(a, b), KEYS_MAX(a, b)	of signed integers
 *	KEYS_TURN(v)			v, all bits but the sign inverted where v < 0
 *
 * Compile with -ffp-contract=off. Otherwise the compiler may fuse VEC_MUL and
 * VEC_ADD on the levels that can, and only there: the results would depend on
 * the machine. The pragmas repeat it for compilers that listen.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/kernels/levels.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize ("fp-contract=off")
#endif

/* A function that is only worth something with its arguments folded in. */
#define INLINE TARGET static inline __attribute__((always_inline))

#include "core/kernels/arrival_body.h"
#include "core/kernels/sum_body.h"
#include "core/kernels/pairs_body.h"
#include "core/kernels/sort_body.h"
#include "core/kernels/order_body.h"

static const FedKernels table = {
	.name = LEVEL_NAME,
	.level = LEVEL,
	.decode_f16 = decode_f16,
	.decode_bf16 = decode_bf16,
	.first_nonfinite = first_nonfinite,
	.weighted_sum = weighted_sum,
	.clipped_sum = clipped_sum,
	.apply_delta = apply_delta,
	.distances = distances,
	.products = products,
	.dots = dots,
	.norms = norms,
	.wide_dots = wide_dots,
	.median = median,
	.trimmed_mean = trimmed_mean,
	.sorted_columns = sorted_columns
};
