/*
 * encoding.h
 *		How the values of an update look on their way from an Island.
 *
 * An encoded run of n values is the values one after the other, in the order
 * of the vector, with nothing before, between or behind them. All bytes are
 * least significant first:
 *
 *	f32		4 bytes a value, value i at byte 4i: IEEE 754 binary32.
 *			4i		fraction, bits 0 - 7
 *			4i + 1	fraction, bits 8 - 15
 *			4i + 2	bits 0 - 6: fraction, bits 16 - 22; bit 7: exponent, bit 0
 *			4i + 3	bits 0 - 6: exponent, bits 1 - 7, bias 127; bit 7: sign
 *	f16		2 bytes a value, value i at byte 2i: IEEE 754 binary16.
 *			2i		fraction, bits 0 - 7
 *			2i + 1	bits 0 - 1: fraction, bits 8 - 9; bits 2 - 6: exponent, bias
 *					15; bit 7: sign
 *	bf16	2 bytes a value, value i at byte 2i: bytes 2 and 3 of the f32.
 *
 *			  1.0			-2.5			largest		smallest above 0
 *	f32		00 00 80 3f		00 00 20 c0		3.4e38		1.4e-45
 *	f16		00 3c			00 c1			65504		6.0e-8
 *	bf16	80 3f			20 c0			3.4e38		9.2e-41
 *
 * NaN and the infinities have bytes, but no update may contain them. Whoever
 * computes with the values does so in float32, which holds all of them exactly.
 *
 * Besides these there is uint32: 4 bytes a value, least significant first, the
 * masked integers of secure aggregation. It has a name and a length like the
 * others, but its bytes mean nothing to anybody alone: it is never encoded from
 * values nor decoded to any (core/secagg sums it).
 *
 * The numbers of the encodings may be stored; 4 and 5 are kept for int8 with a
 * scale per block, and for pairs of index and value.
 */
#ifndef FED_CORE_ENCODING_ENCODING_H
#define FED_CORE_ENCODING_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum FedEncoding
{
	FED_ENCODING_F32 = 0,
	FED_ENCODING_F16 = 1,
	FED_ENCODING_BF16 = 2,
	FED_ENCODING_UINT32 = 3
} FedEncoding;

#define FED_ENCODINGS 3			/* of values: f32, f16, bf16 */

typedef enum FedDecodeResult
{
	FED_DECODE_OK,
	FED_DECODE_LENGTH,			/* not the length of so many values */
	FED_DECODE_NONFINITE		/* a NaN or an infinity */
} FedDecodeResult;

/* "f32", "f16", "bf16", "uint32"; "unknown" for anything else. */
extern const char *fed_encoding_name(FedEncoding encoding);

/* The encoding of a name, exactly as above; false, and *out kept, if unknown. */
extern bool fed_encoding_parse(const char *name, FedEncoding *out);

/*
 * *bytes = the length of n_values; false, and *bytes kept, if no size_t holds
 * it.
 */
extern bool fed_encoded_length(FedEncoding encoding, size_t n_values,
							   size_t *bytes);

/*
 * Writes fed_encoded_length bytes to out, each value rounded to the nearest,
 * ties to even. Returns the index of the first value that is not finite, or not
 * any more because the encoding does not reach that far; n_values if all are.
 * In either case all values are written.
 */
extern size_t fed_encode(FedEncoding encoding, const float *values,
						 size_t n_values, uint8_t *out);

/*
 * Reads n_values from bytes that may be anything, at any address. If the length
 * is not right, nothing is read or written. If a value is not finite, its index
 * is in *bad, and out is of no use; otherwise *bad is kept. No length is right
 * for uint32.
 */
extern FedDecodeResult fed_decode(FedEncoding encoding, const uint8_t *bytes,
								  size_t length, float *out, size_t n_values,
								  size_t *bad);

/*
 * Reads n_values from as many bytes as they have, at any address, and looks at
 * none of them: NaNs and infinities are read as they are. For what needs no
 * check, or has only the scalar loops.
 */
extern void fed_decode_plain(FedEncoding encoding, const uint8_t *bytes,
							 float *out, size_t n_values);

#endif							/* FED_CORE_ENCODING_ENCODING_H */
