/*
 * kernels_neon.c
 *		The kernels with Advanced SIMD, two doubles at a time.
 *
 * For 64-bit ARM, where every CPU has it; the 32-bit kind has no vectors of
 * doubles.
 */
#include "core/kernels/levels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#define LEVEL FED_SIMD_NEON
#define LEVEL_NAME "neon"
#define TARGET
#define VEC float64x2_t
#define VEC_WIDTH 2
#define VEC_SET(x) vdupq_n_f64(x)
#define VEC_LOAD(p) vld1q_f64(p)
#define VEC_STORE(p, v) vst1q_f64(p, v)
#define VEC_WIDEN(p) vcvt_f64_f32(vld1_f32(p))
#define VEC_NARROW(p, v) vst1_f32(p, vcvt_f32_f64(v))
#define VEC_MUL(a, b) vmulq_f64(a, b)
#define VEC_ADD(a, b) vaddq_f64(a, b)
#define VEC_SUB(a, b) vsubq_f64(a, b)
#define VEC_DIV(a, b) vdivq_f64(a, b)
#define VEC_TRUNC(v) vrndq_f64(v)
#define FLT_BLOCK 4
#define FLT_BLOCK_FINITE(p) block_finite(p)
#define KEYS int32x4_t
#define KEYS_WIDTH 4
#define KEYS_SET(k) vdupq_n_s32(k)
#define KEYS_LOAD(p) vreinterpretq_s32_f32(vld1q_f32(p))
#define KEYS_STORE(p, v) vst1q_f32(p, vreinterpretq_f32_s32(v))
#define KEYS_MIN(a, b) vminq_s32(a, b)
#define KEYS_MAX(a, b) vmaxq_s32(a, b)
#define KEYS_TURN(v) turn(v)

static inline int
block_finite(const float *values)
{
	uint32x4_t	exponent = vdupq_n_u32(0x7f800000);
	uint32x4_t	bits = vreinterpretq_u32_f32(vld1q_f32(values));

	return vmaxvq_u32(vceqq_u32(vandq_u32(bits, exponent), exponent)) == 0;
}

static inline int32x4_t
turn(int32x4_t keys)
{
	uint32x4_t	signs = vreinterpretq_u32_s32(vshrq_n_s32(keys, 31));

	return veorq_s32(keys, vreinterpretq_s32_u32(vshrq_n_u32(signs, 1)));
}

#include "core/kernels/kernels_body.h"

const FedKernels *const fed_kernels_neon = &table;

#else

const FedKernels *const fed_kernels_neon = NULL;

#endif
