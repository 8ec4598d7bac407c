/*-------------------------------------------------------------------------
 *
 * codec.c
 *		Fuzz target: any bytes as a distribution.
 *
 * Most are refused.  Those that are not must be a digest that all readers
 * can do with, that can be written again, and that bins can take in.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

/* What was written as values comes back as these very bytes. */
static void
check_values(const TDigest *digest, const uint8 *bytes, Size size)
{
	double		values[TDIGEST_EXACT];
	uint8		again[DIGEST_VALUES_SIZE(TDIGEST_EXACT)];
	int			n = digest_values(bytes, size, values);
	long double total = 0;
	long double magnitudes = 0;

	property((n > 0) == (bytes[0] == DIGEST_VALUES), "%d values", n);
	if (n == 0)
	{
		property(digest->count > TDIGEST_EXACT, "%ld values", (long) digest->count);
		return;
	}
	property(n == digest->count, "%d, %ld", n, (long) digest->count);
	property(digest_encode_values(values, n, digest->compression, again) == size &&
			 memcmp(bytes, again, size) == 0,
			 "%d values", n);
	for (int i = 0; i < n; i++)
	{
		total += values[i];
		magnitudes += fabsl(values[i]);
	}
	property(fabsl(total - digest->total) <= DBL_EPSILON * fabsl(total) + n * LDBL_EPSILON * magnitudes,
			 "total %.17g, not %.17Lg", digest->total, total);
}

/* Bins take it in, and what they become can be stored. */
static void
check_bins(const TDigest *digest)
{
	const Centroid *first = digest->centroids;
	const Centroid *last = first + digest->ncentroids - 1;
	Bins	   *bins = bins_put_digest(bins_create(0, 1), digest);
	TDigest		result;
	double		sum = 0;
	double		size = 0;

	property(bins->count == digest->count, "%ld, %ld", (long) bins->count, (long) digest->count);
	property(bins->min == first->mean && bins->max == last->mean, "%.17g to %.17g, %.17g to %.17g",
			 bins->min, bins->max, first->mean, last->mean);
	bins_digest(bins, digest->compression, &result);
	check_digest(&result);
	for (const Centroid *c = first; c <= last; c++)
	{
		sum += c->mean * c->count;
		size += fabs(c->mean) * c->count;
	}
	property(fabs(result.total - digest->total) <= 1e-12 * size + 2 * DBL_EPSILON * fabs(digest->total),
			 "total %.17g, %.17g", result.total, digest->total);
	/* a total that was wrong by as much as passes may now be by more */
	if (fabs(digest->total - sum) <= 1e-7 * size + ldexp(digest->count, 4 - 1074))
		check_written(&result);
	free(result.centroids);
	free(bins);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Centroid   *centroids = malloc(digest_max_centroids(size) * sizeof(Centroid));
	TDigest		digest;

	if (digest_decode(data, size, false, &digest, centroids) == NULL)
	{
		check_digest(&digest);
		check_values(&digest, data, size);
		check_curve(&digest);
		check_written(&digest);
		if (data[0] == DIGEST_CENTROIDS)
			check_bins(&digest);
	}
	free(centroids);
	return 0;
}

/* ---- changing a digest rather than its bytes ---- */

static uint32
next_random(uint32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void
change_centroid(TDigest *digest, int i, uint32 *random)
{
	Centroid   *c = &digest->centroids[i];
	bool		end = i == 0 || i == digest->ncentroids - 1;

	switch (next_random(random) % 6)
	{
		case 0:
			c->count = (int64) 1 << next_random(random) % 44;
			break;
		case 1:
			c->count += next_random(random) % 3;
			break;
		case 2:
			c->point = !c->point;
			break;
		case 3:
			if (!end)
				c->mean = c[-1].mean + (c[1].mean - c[-1].mean) * (next_random(random) % 5 / 4.0);
			break;
		case 4:
			if (!end)
				c->mean = nextafter(c[-1].mean, c[1].mean);
			break;
		case 5:
			/* all, to another magnitude */
			for (int k = next_random(random) % 600 - 300, j = 0; j < digest->ncentroids; j++)
				digest->centroids[j].mean = ldexp(digest->centroids[j].mean, k) + 0.0;
			break;
	}
	c->point |= end || c->count == 1;
}

/*
 * Hardly any change of bytes leaves the total that of the centroids.  So, of
 * what is a digest, change the digest and have it written.
 */
size_t
LLVMFuzzerCustomMutator(uint8 *data, size_t size, size_t max_size, unsigned int seed)
{
	Centroid   *centroids = malloc(digest_max_centroids(size) * sizeof(Centroid));
	uint32		random = seed;
	TDigest		digest;

	if (next_random(&random) % 4 > 0 &&
		digest_decode(data, size, false, &digest, centroids) == NULL && data[0] == DIGEST_CENTROIDS)
	{
		uint8	   *bytes;
		double		total = 0;

		for (int changes = 1 + next_random(&random) % 4; changes > 0; changes--)
			change_centroid(&digest, next_random(&random) % digest.ncentroids, &random);
		digest.count = 0;
		for (int i = 0; i < digest.ncentroids; i++)
		{
			digest.count += centroids[i].count;
			total += centroids[i].mean * centroids[i].count;
		}
		if (next_random(&random) % 4 > 0)
			digest.total = total + 0.0;
		if (digest.count > TDIGEST_EXACT)
		{
			bytes = digest_bytes(&digest, &size);
			size = Min(size, max_size);
			memcpy(data, bytes, size);
			free(bytes);
			free(centroids);
			return size;
		}
	}
	free(centroids);
	return LLVMFuzzerMutate(data, size, max_size);
}
