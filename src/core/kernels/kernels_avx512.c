/*
 * kernels_avx512.c
 *		The kernels with AVX-512 (Foundation only), eight doubles at a time.
 */
#include "core/kernels/levels.h"

#if defined(__x86_64__) || defined(__i386__)

#include <immintrin.h>

#define LEVEL FED_SIMD_AVX512
#define LEVEL_NAME "avx512"
#define TARGET __attribute__((target("avx512f")))
#define VEC __m512d
#define VEC_WIDTH 8
#define VEC_SET(x) _mm512_set1_pd(x)
#define VEC_LOAD(p) _mm512_loadu_pd(p)
#define VEC_STORE(p, v) _mm512_storeu_pd(p, v)
#define VEC_WIDEN(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define VEC_NARROW(p, v) _mm256_storeu_ps(p, _mm512_cvtpd_ps(v))
#define VEC_MUL(a, b) _mm512_mul_pd(a, b)
#define VEC_ADD(a, b) _mm512_add_pd(a, b)
#define VEC_SUB(a, b) _mm512_sub_pd(a, b)
#define VEC_DIV(a, b) _mm512_div_pd(a, b)
#define VEC_TRUNC(v) _mm512_roundscale_pd(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)
#define FLT_BLOCK 16
#define FLT_BLOCK_FINITE(p) block_finite(p)
#define F16_BLOCK 16
#define F16_BLOCK_DECODE(out, p) \
	_mm512_storeu_ps(out, _mm512_cvtph_ps(_mm256_loadu_si256((const void *) (p))))
#define KEYS __m512i
#define KEYS_WIDTH 16
#define KEYS_SET(k) _mm512_set1_epi32(k)
#define KEYS_LOAD(p) _mm512_loadu_si512(p)
#define KEYS_STORE(p, v) _mm512_storeu_si512(p, v)
#define KEYS_MIN(a, b) _mm512_min_epi32(a, b)
#define KEYS_MAX(a, b) _mm512_max_epi32(a, b)
#define KEYS_TURN(v) turn(v)

TARGET static inline int
block_finite(const float *values)
{
	__m512i		exponent = _mm512_set1_epi32(0x7f800000);
	__m512i		bits = _mm512_loadu_si512(values);

	return _mm512_cmpeq_epi32_mask(_mm512_and_si512(bits, exponent),
								   exponent) == 0;
}

TARGET static inline __m512i
turn(__m512i keys)
{
	__m512i		signs = _mm512_srai_epi32(keys, 31);

	return _mm512_xor_si512(keys, _mm512_srli_epi32(signs, 1));
}

#include "core/kernels/kernels_body.h"

const FedKernels *const fed_kernels_avx512 = &table;

#else

const FedKernels *const fed_kernels_avx512 = NULL;

#endif
