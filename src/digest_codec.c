/*-------------------------------------------------------------------------
 *
 * digest_codec.c
 *		A digest as bytes, the same on every machine.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "digest_codec.h"
#include "double_sum.h"
#include "port/pg_bitutils.h"

/* So many bits tell the keys of a digest apart. */
#define KEY_BITS	34

#define SIGN_BIT		(UINT64CONST(1) << 63)
#define LOW_BITS(n)		((UINT64CONST(1) << (n)) - 1)

/* ---- keys: the order of doubles as the order of integers ---- */

static inline uint64
key_of(double value)
{
	uint64		bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

static inline double
value_of(uint64 key)
{
	uint64		bits = key & SIGN_BIT ? key & ~SIGN_BIT : ~key;
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* How many low bits of the keys between two values are left out? */
static int
bits_to_drop(double smallest, double largest)
{
	uint64		range = key_of(largest) - key_of(smallest);
	int			bits = range == 0 ? 0 : pg_leftmost_one_pos64(range) + 1;

	return Max(bits - KEY_BITS, 0);
}

/*
 * Short keys are rounded, so that numbers with few digits come back as they
 * were.  What rounding adds before it cuts off:
 */
static inline uint64
half_unit(int drop)
{
	return drop > 0 ? UINT64CONST(1) << (drop - 1) : 0;
}

/* Of these the whole key is kept. */
static inline bool
is_exact(const Centroid *c)
{
	return c->point && c->count > 1;
}

/* ---- writing ---- */

static uint8 *
put_varint(uint8 *p, uint64 value)
{
	for (; value >= 0x80; value >>= 7)
		*p++ = (uint8) (value | 0x80);
	*p++ = (uint8) value;
	return p;
}

static inline uint8 *
put_double(uint8 *p, double value)
{
	digest_put_double(p, value);
	return p + sizeof(value);
}

/* At most TDIGEST_EXACT values, ascending.  Returns how many bytes it is. */
Size
digest_encode_values(const double *sorted, int n, int compression, uint8 *bytes)
{
	uint8	   *p = bytes;

	*p++ = DIGEST_VALUES;
	p = put_varint(p, compression);
	for (int i = 0; i < n; i++)
		p = put_double(p, sorted[i]);
	return p - bytes;
}

/* More values than that.  Returns how many bytes it is. */
Size
digest_encode(const TDigest *digest, uint8 *bytes)
{
	const Centroid *first = digest->centroids;
	const Centroid *last = first + digest->ncentroids - 1;
	uint8	   *p = bytes;
	uint64		previous;
	int			drop;

	Assert(digest->count > TDIGEST_EXACT);
	*p++ = DIGEST_CENTROIDS;
	p = put_varint(p, digest->compression);
	drop = bits_to_drop(first->mean, last->mean);
	p = put_double(p, digest->total);
	p = put_double(p, first->mean);
	p = put_double(p, last->mean);
	p = put_varint(p, digest->ncentroids);
	p = put_varint(p, first->count);
	if (last > first)
		p = put_varint(p, last->count);

	previous = (key_of(first->mean) + half_unit(drop)) >> drop;
	for (const Centroid *c = first + 1; c < last; c++)
	{
		uint64		key = key_of(c->mean) + half_unit(drop);

		p = put_varint(p, 2 * (uint64) c->count + c->point);
		p = put_varint(p, (key >> drop) - previous);
		if (is_exact(c))
			p = put_varint(p, key & LOW_BITS(drop));
		previous = key >> drop;
	}
	return p - bytes;
}

/* ---- reading ---- */

/* What is left to read; once something was wrong, nothing. */
typedef struct Reader
{
	const uint8 *next;
	const uint8 *end;
	const char *problem;
} Reader;

static uint64
fail(Reader *reader, const char *problem)
{
	if (reader->problem == NULL)
		reader->problem = problem;
	reader->next = reader->end;
	return 0;
}

static uint64
get_varint(Reader *reader)
{
	uint64		value = 0;

	for (int shift = 0; reader->next < reader->end; shift += 7)
	{
		uint8		byte = *reader->next++;

		if (shift == 63 && byte > 1)
			return fail(reader, "a number has more than 64 bits");
		value |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80)
		{
			if (byte == 0 && shift > 0)
				return fail(reader, "a number is longer than it need be");
			return value;
		}
	}
	return fail(reader, "it ends too early");
}

static int64
get_count(Reader *reader)
{
	uint64		count = get_varint(reader);

	if (reader->problem == NULL && (count == 0 || count > PG_INT64_MAX))
		fail(reader, "a count is out of range");
	return count;
}

static double
get_double(Reader *reader)
{
	double		value;

	if (reader->end - reader->next < sizeof(value))
		return fail(reader, "it ends too early");
	digest_get_double(reader->next, &value);
	reader->next += sizeof(value);
	if (!isfinite(value) || (value == 0 && signbit(value)))
		return fail(reader, "a value is not finite, or is -0");
	return value;
}

static void
get_values(Reader *reader, TDigest *digest)
{
	Centroid   *c = digest->centroids - 1;
	DoubleSum	total = {0, 0};

	if (reader->next == reader->end ||
		reader->end - reader->next > TDIGEST_EXACT * sizeof(double))
		fail(reader, "it has no value, or too many");
	while (reader->next < reader->end)
	{
		double		value = get_double(reader);

		if (c >= digest->centroids && value < c->mean)
			fail(reader, "values are not in ascending order");
		else if (c >= digest->centroids && value == c->mean)
			c->count++;
		else
			*++c = (Centroid) {value, 1, true};
		double_sum_add(&total, value);
		digest->count++;
	}
	digest->ncentroids = c + 1 - digest->centroids;
	digest->total = double_sum(&total);
}

static void
get_centroids(Reader *reader, bool checked, TDigest *digest)
{
	double		total = get_double(reader);
	double		smallest = get_double(reader);
	double		largest = get_double(reader);
	uint64		n = get_varint(reader);
	Centroid   *first = digest->centroids;
	Centroid   *last;
	int			drop;
	uint64		previous;
	double		exact = smallest;	/* the last mean that is */
	double		sum = 0;
	double		size = 0;

	if (reader->problem == NULL &&
		(smallest > largest || (smallest == largest) != (n == 1)))
		fail(reader, "the smallest and the largest value are wrong");
	if (n > TDIGEST_MAX_CENTROIDS || n > reader->end - reader->next)
		fail(reader, "the number of centroids is out of range");
	if (reader->problem != NULL)
		return;

	last = first + n - 1;
	*first = (Centroid) {smallest, get_count(reader), true};
	if (last > first)
		*last = (Centroid) {largest, get_count(reader), true};

	drop = bits_to_drop(smallest, largest);
	previous = (key_of(smallest) + half_unit(drop)) >> drop;
	for (Centroid *c = first + 1; c < last; c++)
	{
		uint64		count = get_varint(reader);
		uint64		key = previous + get_varint(reader);
		uint64		dropped = half_unit(drop);

		c->point = count & 1;
		c->count = count / 2;
		if (is_exact(c))
			dropped = get_varint(reader);
		if (reader->problem != NULL)
			return;
		if (c->count == 0 || (c->count == 1 && !c->point))
			fail(reader, "a count is out of range");
		if (key < previous || key > (key_of(largest) + half_unit(drop)) >> drop || dropped > LOW_BITS(drop))
			fail(reader, "a mean is out of range");
		previous = key;

		c->mean = value_of((key << drop) + dropped - half_unit(drop));
		if (c->mean == 0 && signbit(c->mean))
			fail(reader, "a mean is -0");

		/* what was dropped must not bring them out of order; an exact one stays */
		if (!is_exact(c))
			c->mean = Min(Max(c->mean, exact), largest);
		else if (c->mean < exact || c->mean > largest)
			fail(reader, "a mean is out of range");
		else
		{
			exact = c->mean;
			for (Centroid *b = c - 1; b > first && !is_exact(b) && b->mean > exact; b--)
				b->mean = exact;
		}
	}

	for (Centroid *c = first; c <= last && reader->problem == NULL; c++)
	{
		if (c->count > TDIGEST_MAX_COUNT - digest->count)
		{
			fail(reader, "a count is out of range");
			return;
		}
		digest->count += c->count;
		sum += c->mean * c->count;
		size += fabs(c->mean) * c->count;
	}
	if (reader->problem == NULL && digest->count <= TDIGEST_EXACT)
		fail(reader, "it has centroids for too few values");
	/* means have been rounded: prices to decimals, denormals to units of what is kept */
	if (reader->problem == NULL && !checked &&
		!(fabs(total - sum) <= DIGEST_SLACK * size + ldexp(digest->count, drop + 10 - 1074)))
		fail(reader, "the total is not that of the centroids");
	digest->ncentroids = n;
	digest->total = total;
}

/*
 * The values, if that is what it holds: at most TDIGEST_EXACT.  Otherwise 0.
 * The bytes are known to be right.
 */
int
digest_values(const uint8 *bytes, Size size, double *values)
{
	Size		start = 1;

	if (bytes[0] != DIGEST_VALUES)
		return 0;
	while (bytes[start++] >= 0x80)
		;
	memcpy(values, bytes + start, size - start);
#ifdef WORDS_BIGENDIAN
	for (Size i = start; i < size; i += sizeof(double))
		digest_get_double(bytes + i, values++);
#endif
	return (size - start) / sizeof(double);
}

/* The bytes are known to be right: at most two bytes of varint. */
int
digest_compression(const uint8 *bytes)
{
	return bytes[1] < 0x80 ? bytes[1] : (bytes[1] & 0x7F) | bytes[2] << 7;
}

/* How many centroids may so many bytes hold? */
int
digest_max_centroids(Size size)
{
	return Min(size, TDIGEST_MAX_CENTROIDS);
}

/*
 * Returns what is wrong with the bytes, or NULL.  The centroids are memory
 * for digest_max_centroids() of them.  Bytes that have been checked before may
 * have moved away from their total a little in what was done with them.
 */
const char *
digest_decode(const uint8 *bytes, Size size, bool checked,
			  TDigest *digest, Centroid *centroids)
{
	Reader		reader = {bytes, bytes + size, NULL};
	int			format = size > 0 ? *reader.next++ : 0;
	uint64		compression;

	if (size > 0 && format != DIGEST_VALUES && format != DIGEST_CENTROIDS)
		fail(&reader, "the format is not known to this version");
	compression = get_varint(&reader);
	if (reader.problem == NULL &&
		(compression < TDIGEST_MIN_COMPRESSION || compression > TDIGEST_MAX_COMPRESSION))
		fail(&reader, "the compression is out of range");
	*digest = (TDigest) {.compression = compression, .centroids = centroids};

	if (format == DIGEST_VALUES)
		get_values(&reader, digest);
	else
		get_centroids(&reader, checked, digest);

	if (reader.problem == NULL && reader.next < reader.end)
		fail(&reader, "it goes on after its end");
	if (reader.problem == NULL &&
		!(Max(fabs(centroids[0].mean), fabs(centroids[digest->ncentroids - 1].mean)) *
		  digest->count <= DIGEST_MAX_SUM))
		fail(&reader, "values are too large");
	return reader.problem;
}
