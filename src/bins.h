/*-------------------------------------------------------------------------
 *
 * bins.h
 *		Log-linear bins: counts and exact sums of very many values.
 *
 * A bin holds the values that agree in sign, exponent and the leading bits
 * of the mantissa; it keeps how many they are, the sum of the mantissa bits
 * that follow, as an integer, and whether all of them are equal.  So adding a
 * value is a few integer additions, nothing is rounded, and the order of
 * values does not matter.  How many leading bits count is one number for all
 * bins, the finest for which the bins in use fit into BINS_MAX_PAGES pages; it
 * follows from the set of values alone.  A few distinct values keep a bin each
 * and stay exact; values over eighteen octaves get 64 bins for each.
 *
 * A stretch of a digest's curve can be added too, spread over the bins that
 * it crosses.  What is given up there is a rounding of the sum, which is kept.
 *
 * The memory is the caller's, flat and free of pointers: it may be copied as
 * bytes.  Values are finite and never -0.  Knows nothing of SQL, nor of where
 * memory comes from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_BINS_H
#define LLM_COST_BINS_H

#include "double_sum.h"
#include "tdigest.h"

#define BINS_PER_PAGE	32

/* Resolution is given up rather than more pages taken ... */
#define BINS_MAX_PAGES	40

/* ... until a bin is an octave.  Then this is all there can be. */
#define BINS_ALL_PAGES	128

typedef struct Bin
{
	uint64		count;
	uint64		sum;			/* modulo 2^64 */
	uint32		carry;			/* sum / 2^64 */
	uint32		only;			/* if all values are one: its leading bits */
} Bin;

#define BIN_MIXED	PG_UINT32_MAX	/* Bin.only: they are not */

typedef struct BinPage
{
	uint64		key;			/* what the values here share */
	Bin			bin[BINS_PER_PAGE];
} BinPage;

typedef struct Bins
{
	int64		count;			/* of all values */
	double		min;
	double		max;
	DoubleSum	missing;		/* from the sum of what the bins hold */
	int16		shift;			/* bits of a value that do not choose its bin */
	int16		npages;
	int16		max_pages;		/* that fit into this memory */
	uint8		slot[BINS_ALL_PAGES];	/* hash table: page number + 1, or 0 */
	BinPage		page[FLEXIBLE_ARRAY_MEMBER];
} Bins;

/* Where to look for a page first: multiplicative hashing into seven bits. */
#define BINS_SLOT(key)	((int) (((key) * UINT64CONST(0x9E3779B97F4A7C15)) >> 57))

#define BINS_SIZE(pages) \
	(offsetof(Bins, page) + (Size) (pages) * sizeof(BinPage))

/* Most centroids that bins can become. */
#define BINS_CENTROIDS(pages)	((pages) * BINS_PER_PAGE + 2)

/* Most parts that a cell is split into. */
#define BINS_CELL_PARTS 32

extern int	bins_shift_for(const double *sorted, int n, int *npages);
extern void bins_init(Bins *bins, int shift, int max_pages);
extern bool bins_make_room(Bins *bins, double value);
extern int	bins_add_sorted(Bins *bins, const double *values, int n);
extern bool bins_add_many(Bins *bins, double value, int64 count, bool point);
extern int	bins_split_cell(const Bins *bins, const Cell *cell, int width,
							Centroid *parts);
extern int	bins_pages_with(const Bins *bins, const Bins *other);
extern void bins_add_bins(Bins *bins, const Bins *other);
extern int	bins_centroids(const Bins *bins, Centroid *centroids, double *total);

static inline BinPage *
bins_find_page(Bins *bins, uint64 key)
{
	for (int h = BINS_SLOT(key); bins->slot[h] != 0; h = (h + 1) % BINS_ALL_PAGES)
	{
		BinPage	   *page = &bins->page[bins->slot[h] - 1];

		if (page->key == key)
			return page;
	}
	return NULL;
}

/*
 * What tells apart the values of a bin, for Bin.only: 31 bits.  Which ones
 * does not depend on the shift, or what is equal would depend on when bins
 * became coarser.
 */
static inline uint32
bin_only(uint64 rest)
{
	return rest >> 21;
}

/* One more value, of these bits, for the bin of this number on the page. */
static inline void
bin_add(BinPage *page, uint64 number, uint64 bits, int shift)
{
	Bin		   *bin = &page->bin[number % BINS_PER_PAGE];
	uint64		rest = bits - (number << shift);
	uint32		only = bin_only(rest);

	/* without branches, which nothing could predict */
	bin->only |= only | -(uint32) ((bin->count != 0) & (bin->only != only));
	bin->sum += rest;
	bin->carry += bin->sum < rest;
	bin->count++;
}

/* Add a value.  False: bins_make_room() first. */
static inline bool
bins_add(Bins *bins, double value)
{
	uint64		bits;
	uint64		number;
	BinPage	   *page;

	memcpy(&bits, &value, sizeof(bits));
	number = bits >> bins->shift;
	page = bins_find_page(bins, number / BINS_PER_PAGE);
	if (unlikely(page == NULL))
		return false;

	bin_add(page, number, bits, bins->shift);
	bins->count++;
	if (value < bins->min)
		bins->min = value;
	if (value > bins->max)
		bins->max = value;
	return true;
}

#endif							/* LLM_COST_BINS_H */
