/*
 * kernels_avx2.c
 *		The kernels with AVX2, four doubles at a time.
 *
 * Only AVX2 is asked for, not FMA, which every CPU with AVX2 also has but which
 * rounds once where the other levels round twice.
 */
#include "core/kernels/levels.h"

#if defined(__x86_64__) || defined(__i386__)

#include <immintrin.h>

#define LEVEL FED_SIMD_AVX2
#define LEVEL_NAME "avx2"
#define TARGET __attribute__((target("avx2")))
#define VEC __m256d
#define VEC_WIDTH 4
#define VEC_SET(x) _mm256_set1_pd(x)
#define VEC_LOAD(p) _mm256_loadu_pd(p)
#define VEC_STORE(p, v) _mm256_storeu_pd(p, v)
#define VEC_WIDEN(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define VEC_NARROW(p, v) _mm_storeu_ps(p, _mm256_cvtpd_ps(v))
#define VEC_MUL(a, b) _mm256_mul_pd(a, b)
#define VEC_ADD(a, b) _mm256_add_pd(a, b)
#define VEC_SUB(a, b) _mm256_sub_pd(a, b)
#define VEC_DIV(a, b) _mm256_div_pd(a, b)
#define VEC_TRUNC(v) _mm256_round_pd(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)
#define FLT_BLOCK 8
#define FLT_BLOCK_FINITE(p) block_finite(p)
#define KEYS __m256i
#define KEYS_WIDTH 8
#define KEYS_SET(k) _mm256_set1_epi32(k)
#define KEYS_LOAD(p) _mm256_loadu_si256((const __m256i *) (p))
#define KEYS_STORE(p, v) _mm256_storeu_si256((__m256i *) (p), v)
#define KEYS_MIN(a, b) _mm256_min_epi32(a, b)
#define KEYS_MAX(a, b) _mm256_max_epi32(a, b)
#define KEYS_TURN(v) turn(v)

TARGET static inline int
block_finite(const float *values)
{
	__m256i		exponent = _mm256_set1_epi32(0x7f800000);
	__m256i		bits = _mm256_loadu_si256((const __m256i *) values);

	bits = _mm256_cmpeq_epi32(_mm256_and_si256(bits, exponent), exponent);
	return _mm256_testz_si256(bits, bits);
}

TARGET static inline __m256i
turn(__m256i keys)
{
	__m256i		signs = _mm256_srai_epi32(keys, 31);

	return _mm256_xor_si256(keys, _mm256_srli_epi32(signs, 1));
}

#include "core/kernels/kernels_body.h"

const FedKernels *const fed_kernels_avx2 = &table;

#else

const FedKernels *const fed_kernels_avx2 = NULL;

#endif
