/*-------------------------------------------------------------------------
 *
 * seeds.c
 *		Writes digests of many shapes into a folder, for the target codec to
 *		start from.
 *
 *		seeds FOLDER
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#undef snprintf

/* A number from 0 to 1 that looks random, and one about as a bell. */
static double
even(int i)
{
	return fmod((i + 1) * 0.6180339887498949, 1);
}

static double
bell(int i)
{
	return even(i) + even(7919 * i + 1) + even(104729 * i + 2) - 1.5;
}

static double
lognormal(int i)
{
	return exp(3 * bell(i) - 6);
}

static double
normal(int i)
{
	return bell(i);
}

static double
pareto(int i)
{
	return pow(1 - even(i), -1 / 1.2);
}

static double
discrete(int i)
{
	return even(i) < 0.4 ? 0 : even(i) < 0.7 ? 0.0021 : lognormal(i);
}

static double
two_modes(int i)
{
	return i % 3 > 0 ? 1e-6 + 1e-8 * bell(i) : 1e3 + 10 * bell(i);
}

static double
one_price(int i)
{
	return i > 0 ? 0.25 : -0.25;
}

static double
neighbours(int i)
{
	return 1 + DBL_EPSILON * (i % 5000);
}

static double
denormal(int i)
{
	return DBL_TRUE_MIN * (i % 3000 - 500) + 0.0;
}

static double
all_magnitudes(int i)
{
	return (i % 2 ? 1 : -1) * ldexp(1 + even(i), i % 2000 - 1020) + 0.0;
}

static double
huge(int i)
{
	return 1e300 * (1 + even(i));
}

static double
same(int i)
{
	return 42;
}

typedef double (*Shape) (int i);

static const Shape shape[] = {
	lognormal, normal, pareto, discrete, two_modes, one_price, neighbours,
	denormal, all_magnitudes, huge, same
};

int
main(int argc, char **argv)
{
	static const int counts[] = {1, 2, 127, 129, 1000, 20000};
	static const int compressions[] = {20, 160, 2000};

	if (argc != 2)
		return 2;
	for (int s = 0; s < lengthof(shape); s++)
		for (int n = 0; n < lengthof(counts); n++)
		{
			int			compression = compressions[(s + n) % lengthof(compressions)];
			Bins	   *bins = bins_create(0, 1);
			TDigest		digest;
			uint8	   *bytes;
			Size		size;
			char		path[MAXPGPATH];
			FILE	   *file;

			for (int i = 0; i < counts[n]; i++)
				bins = bins_put(bins, shape[s](i), 1, true);
			/* few values are not clustered */
			bins_digest(bins, counts[n] > TDIGEST_EXACT ? compression : TDIGEST_MAX_COMPRESSION, &digest);
			digest.compression = compression;
			check_digest(&digest);
			if (counts[n] > TDIGEST_EXACT)
				check_written(&digest);
			bytes = digest_bytes(&digest, &size);

			snprintf(path, sizeof(path), "%s/%d-%d", argv[1], s, counts[n]);
			file = fopen(path, "wb");
			if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
				return 1;
			free(bytes);
			free(digest.centroids);
			free(bins);
		}
	return 0;
}
