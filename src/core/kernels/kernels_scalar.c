/*
 * kernels_scalar.c
 *		The kernels in plain C, for every machine.
 *
 * A vector is one double here; the compiler may use what the target's baseline
 * has (SSE2, say) as long as it keeps to single roundings. That excludes the
 * x87 unit of 32-bit x86, which carries products wider than a double.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__i386__) && defined(__clang__)
#define TARGET __attribute__((target("sse2")))
#elif defined(__i386__)
#define TARGET __attribute__((target("sse2,fpmath=sse")))
#else
#define TARGET
#endif

#define LEVEL FED_SIMD_SCALAR
#define LEVEL_NAME "scalar"
#define VEC double
#define VEC_WIDTH 1
#define VEC_SET(x) (x)
#define VEC_LOAD(p) (*(p))
#define VEC_STORE(p, v) (*(p) = (v))
#define VEC_WIDEN(p) ((double) *(p))
#define VEC_NARROW(p, v) (*(p) = (float) (v))
#define VEC_MUL(a, b) ((a) * (b))
#define VEC_ADD(a, b) ((a) + (b))
#define VEC_SUB(a, b) ((a) - (b))
#define VEC_DIV(a, b) ((a) / (b))
#define VEC_TRUNC(v) trunc_double(v)
#define FLT_BLOCK 16
#define FLT_BLOCK_FINITE(p) block_finite(p)
#define KEYS int32_t
#define KEYS_WIDTH 1
#define KEYS_SET(k) (k)
#define KEYS_LOAD(p) load_key(p)
#define KEYS_STORE(p, v) store_key(p, v)
#define KEYS_MIN(a, b) ((a) < (b) ? (a) : (b))
#define KEYS_MAX(a, b) ((a) < (b) ? (b) : (a))
#define KEYS_TURN(v) turn(v)

/* Without a way out of the loop, so that the compiler can vectorise it. */
static bool
block_finite(const float *values)
{
	uint32_t	bits[FLT_BLOCK];
	int			nonfinite = 0;

	memcpy(bits, values, sizeof(bits));
	for (int i = 0; i < FLT_BLOCK; i++)
		nonfinite |= (bits[i] & 0x7f800000u) == 0x7f800000u;
	return nonfinite == 0;
}

/*
 * Toward zero, -0 for what lies between -1 and 0. Without the call that trunc()
 * is where the baseline has no instruction for it: adding 2^52 rounds to an
 * integer, which is one too many if it rounded up.
 */
static inline double
trunc_double(double v)
{
	double		size = fabs(v);
	double		whole = (size + 0x1p52) - 0x1p52;

	whole -= whole > size ? 1.0 : 0.0;
	return copysign(size < 0x1p52 ? whole : size, v);
}

static inline int32_t
load_key(const float *p)
{
	int32_t		key;

	memcpy(&key, p, sizeof(key));
	return key;
}

static inline void
store_key(float *p, int32_t key)
{
	memcpy(p, &key, sizeof(key));
}

static inline int32_t
turn(int32_t key)
{
	return key < 0 ? key ^ INT32_MAX : key;
}

#include "core/kernels/kernels_body.h"

const FedKernels *const fed_kernels_scalar = &table;
