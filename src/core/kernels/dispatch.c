/*
 * dispatch.c
 *		Chooses the SIMD level at run time.
 *
 * Nothing here is compiled for more than the architecture's baseline, so
 * asking is safe on any CPU. A server selects before it forks and every
 * process inherits the choice; a process that never selects gets the best
 * level on first use. The pointer is atomic because a client may use the
 * kernels from several threads.
 */
#include "core/kernels/levels.h"

#include <stdatomic.h>
#include <string.h>

static const char *const level_names[FED_SIMD_LEVELS] = {
	[FED_SIMD_SCALAR] = "scalar",
	[FED_SIMD_AVX2] = "avx2",
	[FED_SIMD_AVX512] = "avx512",
	[FED_SIMD_NEON] = "neon"
};

static _Atomic(const FedKernels *) active = NULL;

/*
 * __builtin_cpu_supports looks at the CPU's features and, for the wide
 * registers, at whether the operating system saves them (XGETBV).
 */
static bool
cpu_has(FedSimdLevel level)
{
	switch (level)
	{
#if defined(__x86_64__) || defined(__i386__)
		case FED_SIMD_AVX2:
			__builtin_cpu_init();
			return __builtin_cpu_supports("avx2");
		case FED_SIMD_AVX512:
			__builtin_cpu_init();
			return __builtin_cpu_supports("avx512f");
#endif
		default:
			/* What was compiled in is the architecture's baseline. */
			return true;
	}
}

static const FedKernels *
compiled_in(FedSimdLevel level)
{
	switch (level)
	{
		case FED_SIMD_SCALAR:
			return fed_kernels_scalar;
		case FED_SIMD_AVX2:
			return fed_kernels_avx2;
		case FED_SIMD_AVX512:
			return fed_kernels_avx512;
		case FED_SIMD_NEON:
			return fed_kernels_neon;
	}
	return NULL;
}

bool
fed_kernels_supported(FedSimdLevel level)
{
	return compiled_in(level) != NULL && cpu_has(level);
}

bool
fed_kernels_select(FedSimdLevel level)
{
	if (!fed_kernels_supported(level))
		return false;
	atomic_store(&active, compiled_in(level));
	return true;
}

void
fed_kernels_select_best(void)
{
	static const FedSimdLevel by_preference[] = {
		FED_SIMD_AVX512, FED_SIMD_AVX2, FED_SIMD_NEON, FED_SIMD_SCALAR
	};
	size_t		i = 0;

	while (!fed_kernels_select(by_preference[i]))
		i++;
}

const FedKernels *
fed_kernels_active(void)
{
	if (atomic_load(&active) == NULL)
		fed_kernels_select_best();
	return atomic_load(&active);
}

const char *
fed_simd_level_name(FedSimdLevel level)
{
	if ((unsigned) level >= FED_SIMD_LEVELS)
		return "unknown";
	return level_names[level];
}

bool
fed_simd_level_parse(const char *name, FedSimdLevel *out)
{
	for (int i = 0; i < FED_SIMD_LEVELS; i++)
	{
		if (strcmp(name, level_names[i]) == 0)
		{
			*out = (FedSimdLevel) i;
			return true;
		}
	}
	return false;
}
