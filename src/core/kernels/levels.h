/*
 * levels.h
 *		The tables of kernels, one per SIMD level; for dispatch.c only.
 *
 * Each is defined by kernels_<level>.c, and NULL where the target architecture
 * does not know the level. Whether this very CPU has it is dispatch.c's
 * question.
 */
#ifndef FED_CORE_KERNELS_LEVELS_H
#define FED_CORE_KERNELS_LEVELS_H

#include "core/kernels/kernels.h"

extern const FedKernels *const fed_kernels_scalar;
extern const FedKernels *const fed_kernels_avx2;
extern const FedKernels *const fed_kernels_avx512;
extern const FedKernels *const fed_kernels_neon;

#endif							/* FED_CORE_KERNELS_LEVELS_H */
