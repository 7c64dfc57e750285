/*
 * halffloat.h
 *		Conversions between float32 and its two 16-bit relatives.
 *
 * f16 is IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits); bf16 is the
 * upper half of a float32. Both directions work on bit patterns, in integer
 * arithmetic only: the results are the same on every machine, and no floating
 * point unit gets the chance to quieten a NaN on the way.
 */
#ifndef FED_CORE_KERNELS_HALFFLOAT_H
#define FED_CORE_KERNELS_HALFFLOAT_H

#include <stdint.h>

/* Exact, NaN payloads included. */
extern uint32_t fed_f16_to_f32_bits(uint16_t half);
extern uint32_t fed_bf16_to_f32_bits(uint16_t half);

/*
 * Rounded to nearest, ties to even; beyond the largest value to infinity. A
 * NaN stays one and keeps the upper bits of its payload.
 */
extern uint16_t fed_f32_bits_to_f16(uint32_t bits);
extern uint16_t fed_f32_bits_to_bf16(uint32_t bits);

#endif							/* FED_CORE_KERNELS_HALFFLOAT_H */
