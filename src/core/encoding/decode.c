/*
 * decode.c
 *		Values from bytes that somebody sent.
 *
 * Apart from encoding.c because it needs the vectorised kernels, which only the
 * server has.
 */
#include "core/encoding/encoding.h"

#include "core/kernels/kernels.h"

FedDecodeResult
fed_decode(FedEncoding encoding, const uint8_t *bytes, size_t length,
		   float *out, size_t n_values, size_t *bad)
{
	const FedKernels *kernels = fed_kernels_active();
	size_t		expected;
	size_t		finite;

	if ((unsigned) encoding >= FED_ENCODINGS ||
		!fed_encoded_length(encoding, n_values, &expected) || length != expected)
		return FED_DECODE_LENGTH;

	switch (encoding)
	{
		case FED_ENCODING_F32:
			fed_decode_plain(encoding, bytes, out, n_values);
			break;
		case FED_ENCODING_F16:
			kernels->decode_f16(out, bytes, n_values);
			break;
		case FED_ENCODING_BF16:
			kernels->decode_bf16(out, bytes, n_values);
			break;
		case FED_ENCODING_UINT32:	/* refused above */
			break;
	}

	finite = kernels->first_nonfinite(out, n_values);
	if (finite == n_values)
		return FED_DECODE_OK;
	*bad = finite;
	return FED_DECODE_NONFINITE;
}
