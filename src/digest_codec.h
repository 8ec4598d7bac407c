/*-------------------------------------------------------------------------
 *
 * digest_codec.h
 *		A digest as bytes, the same on every machine.
 *
 * These bytes are what a column stores, what the binary protocol carries and,
 * in hexadecimal, what is printed.  Equal digests have equal bytes.
 *
 *		format			1 byte
 *		compression		varint
 *
 * then, in format 1, the values themselves, in ascending order:
 *		value			8 bytes each, to the end
 *
 * and in format 2, centroids:
 *		total, smallest, largest value	8 bytes each
 *		centroids		varint
 *		the first one's and the last one's count	varints
 *		for each in between:
 *			2 × count + 1 if it is a point			varint
 *			its key above that of the one before	varint
 *			the dropped bits of its key				varint
 *				only of a point of several values: a price is kept exactly
 *
 * Eight-byte numbers are IEEE 754, least significant byte first; varints are
 * as in LEB128, seven bits a byte.  A key is a double's bits made to ascend
 * with its value, without its last bits: as many are dropped as are more than
 * 34 between the smallest and the largest, rounding to the nearest.  A
 * centroid takes some six bytes.
 *
 * Decoding trusts nothing.  Knows nothing of SQL, nor of where memory comes
 * from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_DIGEST_CODEC_H
#define LLM_COST_DIGEST_CODEC_H

#include "port/pg_bswap.h"
#include "tdigest.h"

/* First byte.  Numbers from 0x80 on are for states that are not encoded. */
#define DIGEST_VALUES		1
#define DIGEST_CENTROIDS	2

/* Most bytes that these take. */
#define DIGEST_VALUES_SIZE(n)		(4 + (Size) 8 * (n))
#define DIGEST_CENTROIDS_SIZE(n)	(64 + (Size) 24 * (n))

/*
 * Largest magnitude of count × value: sums, and what is reckoned with them,
 * stay finite.
 */
#define DIGEST_MAX_SUM	1e307

/*
 * So far may the total be from that of the centroids, relative to the sum of
 * magnitudes: means are rounded, and that of a price is the price.
 */
#define DIGEST_SLACK	(1.0 / 2048)

extern Size digest_encode_values(const double *sorted, int n, int compression,
								 uint8 *bytes);
extern Size digest_encode(const TDigest *digest, uint8 *bytes);
extern int	digest_values(const uint8 *bytes, Size size, double *values);
extern int	digest_compression(const uint8 *bytes);
extern int	digest_max_centroids(Size size);
extern const char *digest_decode(const uint8 *bytes, Size size, bool checked,
								 TDigest *digest, Centroid *centroids);

/* An eight-byte number. */
static inline void
digest_put_double(uint8 *bytes, double value)
{
	uint64		bits;

	memcpy(&bits, &value, sizeof(bits));
#ifdef WORDS_BIGENDIAN
	bits = pg_bswap64(bits);
#endif
	memcpy(bytes, &bits, sizeof(bits));
}

static inline void
digest_get_double(const uint8 *bytes, double *value)
{
	uint64		bits;

	memcpy(&bits, bytes, sizeof(bits));
#ifdef WORDS_BIGENDIAN
	bits = pg_bswap64(bits);
#endif
	memcpy(value, &bits, sizeof(bits));
}

#endif							/* LLM_COST_DIGEST_CODEC_H */
