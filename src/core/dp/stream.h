/*
 * stream.h
 *		Random words from AES-256 in counter mode.
 *
 * One stream per chunk of work, under a key of its own from the operating
 * system, or one that is given. libcrypto may refuse: then the stream has
 * failed, for good. It goes on giving words so that nobody needs to check
 * each, but they are not random: who loops until words please must look at
 * failed in the loop, and nobody may use a result when it is set.
 */
#ifndef FED_CORE_DP_STREAM_H
#define FED_CORE_DP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FED_STREAM_KEY_BYTES 32
#define FED_STREAM_WORDS 1024	/* of a buffer: 8 kB, which stays in the first cache */

typedef struct FedStream
{
	void	   *cipher;			/* EVP_CIPHER_CTX */
	size_t		at;				/* the next word; FED_STREAM_WORDS: none is left */
	bool		failed;
	uint64_t	words[FED_STREAM_WORDS];
} FedStream;

/*
 * Starts the stream of a key; NULL: a key that RAND_priv_bytes gives and
 * nobody keeps. False, and the stream has failed, if libcrypto refuses. End it
 * in either case.
 */
extern bool fed_stream_start(FedStream *stream, const uint8_t key[FED_STREAM_KEY_BYTES]);

/* Overwrites and frees everything that depends on the key. */
extern void fed_stream_end(FedStream *stream);

/* Fills the buffer with the next words. */
extern void fed_stream_refill(FedStream *stream);

/* The next 64 bits, in the order of bytes that the machine has. */
static inline uint64_t
fed_stream_next(FedStream *stream)
{
	if (stream->at == FED_STREAM_WORDS)
		fed_stream_refill(stream);
	return stream->words[stream->at++];
}

#endif							/* FED_CORE_DP_STREAM_H */
