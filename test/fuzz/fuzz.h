/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *		What the fuzz targets share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_FUZZ_H
#define LLM_COST_FUZZ_H

#include "postgres_fe.h"

#include <float.h>
#include <math.h>

#include "bins.h"
#include "digest_codec.h"
#include "float_sort.h"

/* of libpgport, which is not linked */
#undef fprintf
#undef qsort

/* The codec lets pass a total that is wrong by this, and a little less. */
#define TOTAL_MISMATCH(count, size) (1.01 * DIGEST_SLACK * (size) + ldexp((count), 41 - 1074))

/* What must always be true; otherwise the values are printed. */
#define property(condition, ...) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			fprintf(stderr, "with " __VA_ARGS__); \
			fprintf(stderr, "\n"); \
			abort(); \
		} \
	} while (0)

/* LLVMFuzzer...: called by libFuzzer */
extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);
extern size_t LLVMFuzzerCustomMutator(uint8 *data, size_t size, size_t max_size,
									  unsigned int seed);
extern size_t LLVMFuzzerMutate(uint8 *data, size_t size, size_t max_size);

/* state.c: what src/distribution_state.c does, in memory of exact size */
extern Bins *bins_create(int shift, int pages);
extern Bins *bins_put(Bins *bins, double value, int64 count, bool point);
extern Bins *bins_put_sorted(Bins *bins, const double *sorted, int n);
extern Bins *bins_put_digest(Bins *bins, const TDigest *digest);
extern Bins *bins_merge(Bins *bins, const Bins *other);
extern bool bins_in_range(const Bins *bins);
extern void bins_digest(const Bins *bins, int compression, TDigest *digest);
extern uint8 *digest_bytes(const TDigest *digest, Size *size);

/* check.c: what must be true of every digest */
extern void check_digest(const TDigest *digest);
extern void check_curve(const TDigest *digest);
extern void check_written(const TDigest *digest);

#endif							/* LLM_COST_FUZZ_H */
