/*-------------------------------------------------------------------------
 *
 * bins.c
 *		Log-linear bins: counts and exact sums of very many values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "bins.h"
#include "port/pg_bitutils.h"

#define MANTISSA_BITS	52
#define PAGE_BITS		5		/* of BINS_PER_PAGE */
#define SIGN_BIT		(UINT64CONST(1) << 63)
#define LOW_BITS(n)		((UINT64CONST(1) << (n)) - 1)

/* shift at which a bin is an octave */
#define MAX_SHIFT		MANTISSA_BITS

static inline uint64
bits_of(double value)
{
	uint64		bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline double
value_of(uint64 bits)
{
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

void
bins_init(Bins *bins, int shift, int max_pages)
{
	memset(bins, 0, offsetof(Bins, page));
	bins->min = INFINITY;
	bins->max = -INFINITY;
	bins->shift = shift;
	bins->max_pages = max_pages;
}

/* ---- pages ---- */

static BinPage *
add_page(Bins *bins, uint64 key)
{
	BinPage	   *page = &bins->page[bins->npages];
	int			h = BINS_SLOT(key);

	Assert(bins->npages < bins->max_pages);
	memset(page, 0, sizeof(BinPage));
	page->key = key;
	while (bins->slot[h] != 0)
		h = (h + 1) % BINS_ALL_PAGES;
	bins->slot[h] = ++bins->npages;
	return page;
}

static BinPage *
find_or_add_page(Bins *bins, uint64 key)
{
	BinPage	   *page = bins_find_page(bins, key);

	return page != NULL ? page : add_page(bins, key);
}

/* How many keys of pages differ once their last bits are gone? */
static int
distinct_keys(const uint64 *keys, int nkeys, int without)
{
	int			distinct = 0;

	for (int i = 0; i < nkeys; i++)
	{
		int			j = 0;

		while (j < i && keys[j] >> without != keys[i] >> without)
			j++;
		if (j == i)
			distinct++;
	}
	return distinct;
}

/* By how many bits must bins become coarser for these pages? */
static int
bits_to_drop(const uint64 *keys, int nkeys, int shift)
{
	int			drop = 0;

	while (shift + drop < MAX_SHIFT &&
		   distinct_keys(keys, nkeys, drop) > BINS_MAX_PAGES)
		drop++;
	return drop;
}

/* The shift that bins of these values have, and how many pages they need. */
int
bins_shift_for(const double *sorted, int n, int *npages)
{
	int			parting[64] = {0};	/* neighbours that differ first in bit i */
	int			shift = MAX_SHIFT;

	for (int i = 1; i < n; i++)
	{
		uint64		difference = bits_of(sorted[i - 1]) ^ bits_of(sorted[i]);

		if (difference != 0)
			parting[pg_leftmost_one_pos64(difference)]++;
	}

	*npages = 1;
	for (int i = MAX_SHIFT + PAGE_BITS; i < 64; i++)
		*npages += parting[i];
	while (shift > 0 && *npages + parting[shift - 1 + PAGE_BITS] <= BINS_MAX_PAGES)
		*npages += parting[--shift + PAGE_BITS];
	return shift;
}

/* ---- adding ---- */

static inline void
bin_join(Bin *bin, uint64 count, uint128 sum, uint32 only)
{
	if (bin->count == 0)
		bin->only = only;
	else if (bin->only != only)
		bin->only = BIN_MIXED;
	bin->count += count;
	sum += bin->sum;
	bin->sum = (uint64) sum;
	bin->carry += (uint32) (sum >> 64);
}

/* Add what another bin holds; its shift may have been finer. */
static void
add_bin(Bins *bins, uint64 number, const Bin *other, int shift)
{
	int			drop = bins->shift - shift;
	uint64		dropped = (number & LOW_BITS(drop)) << shift;
	uint64		here = number >> drop;
	BinPage	   *page = find_or_add_page(bins, here / BINS_PER_PAGE);
	uint32		only = other->only;

	if (only != BIN_MIXED)
		only |= bin_only(dropped);
	bin_join(&page->bin[here % BINS_PER_PAGE], other->count,
			 ((uint128) other->carry << 64) + other->sum + (uint128) other->count * dropped,
			 only);
}

/* Add what the pages hold, which were filled at a finer or equal shift. */
static void
add_pages(Bins *bins, const BinPage *pages, int npages, int shift)
{
	Assert(bins->shift >= shift);
	for (const BinPage *page = pages; page < pages + npages; page++)
		for (int i = 0; i < BINS_PER_PAGE; i++)
			if (page->bin[i].count > 0)
				add_bin(bins, page->key * BINS_PER_PAGE + i, &page->bin[i], shift);
}

static void
coarsen(Bins *bins, int drop)
{
	BinPage		pages[BINS_MAX_PAGES];
	int			npages = bins->npages;

	if (drop == 0)
		return;
	Assert(npages <= BINS_MAX_PAGES);
	memcpy(pages, bins->page, npages * sizeof(BinPage));
	memset(bins->slot, 0, sizeof(bins->slot));
	bins->npages = 0;
	bins->shift += drop;
	add_pages(bins, pages, npages, bins->shift - drop);
}

/*
 * Make the page that a value needs, whatever becomes coarser by that.  False:
 * it takes more memory.
 */
bool
bins_make_room(Bins *bins, double value)
{
	uint64		keys[BINS_MAX_PAGES + 1];
	uint64		bits;
	int			npages = bins->npages;

	memcpy(&bits, &value, sizeof(bits));
	if (bins_find_page(bins, (bits >> bins->shift) / BINS_PER_PAGE) != NULL)
		return true;
	if (npages == BINS_MAX_PAGES && bins->shift < MAX_SHIFT)
	{
		for (int i = 0; i < npages; i++)
			keys[i] = bins->page[i].key;
		keys[npages] = (bits >> bins->shift) / BINS_PER_PAGE;
		coarsen(bins, bits_to_drop(keys, npages + 1, bins->shift));
		if (bins_find_page(bins, (bits >> bins->shift) / BINS_PER_PAGE) != NULL)
			return true;
	}
	if (bins->npages == bins->max_pages)
		return false;
	add_page(bins, (bits >> bins->shift) / BINS_PER_PAGE);
	return true;
}

/*
 * Add values in ascending order, up to one that bins_make_room() is needed
 * for; returns how many.  Neighbours are mostly on one page.
 */
int
bins_add_sorted(Bins *bins, const double *values, int n)
{
	int			shift = bins->shift;
	int			i;

	for (i = 0; i < n; i++)
	{
		uint64		bits = bits_of(values[i]);
		uint64		number = bits >> shift;
		BinPage	   *page = bins_find_page(bins, number / BINS_PER_PAGE);

		if (unlikely(page == NULL))
			break;
		bin_add(page, number, bits, shift);
	}
	if (i > 0)
	{
		bins->count += i;
		bins->min = Min(bins->min, values[0]);
		bins->max = Max(bins->max, values[i - 1]);
	}
	return i;
}

/*
 * Add a value many times, as far as count stays in range; if they are only
 * said to be about this one, they are no point.  False: bins_make_room()
 * first.
 */
bool
bins_add_many(Bins *bins, double value, int64 count, bool point)
{
	uint64		bits = bits_of(value);
	uint64		number = bits >> bins->shift;
	uint64		rest = bits - (number << bins->shift);
	BinPage	   *page = bins_find_page(bins, number / BINS_PER_PAGE);

	if (page == NULL)
		return false;
	bin_join(&page->bin[number % BINS_PER_PAGE], count, (uint128) count * rest,
			 point ? bin_only(rest) : BIN_MIXED);
	bins->count += count;
	bins->min = Min(bins->min, value);
	bins->max = Max(bins->max, value);
	return true;
}

/*
 * Split a cell into parts, one for so many bins that it crosses, but of one
 * value at least; each stands for as many values, and they add up to what the
 * cell does.
 */
int
bins_split_cell(const Bins *bins, const Cell *cell, int width, Centroid *parts)
{
	uint64		low = bits_of(cell->low) >> bins->shift;
	uint64		high = bits_of(cell->high) >> bins->shift;
	uint64		crossed = low < high ? high - low : low - high;
	int			nparts = Min(Min(crossed / width + 1, (uint64) cell->count), BINS_CELL_PARTS);
	double		total = 0;
	int64		count = 0;

	if (nparts == 1)
	{
		parts[0] = (Centroid) {cell->mean, cell->count, cell->low == cell->high};
		return 1;
	}
	for (int i = 0; i < nparts; i++)
	{
		/* so written that it cannot overflow */
		int64		next_count = i + 1 == nparts ? cell->count : cell->count / nparts * (i + 1) +
			cell->count % nparts * (i + 1) / nparts;
		double		next_total = cell_total(cell, next_count / (double) cell->count);
		double		mean = (next_total - total) * (cell->count / (double) (next_count - count));

		mean = Min(Max(mean, cell->low), cell->high) + 0.0; /* no -0 */
		parts[i] = (Centroid) {mean, next_count - count, false};
		total = next_total;
		count = next_count;
	}
	return nparts;
}

/*
 * How coarse do both become together, and how many pages is that?
 */
static int
together(const Bins *bins, const Bins *other, int *npages)
{
	uint64		keys[2 * BINS_ALL_PAGES];
	int			nkeys = 0;
	int			shift = Max(bins->shift, other->shift);
	int			drop;

	for (int i = 0; i < bins->npages; i++)
		keys[nkeys++] = bins->page[i].key >> (shift - bins->shift);
	for (int i = 0; i < other->npages; i++)
		keys[nkeys++] = other->page[i].key >> (shift - other->shift);
	drop = bits_to_drop(keys, nkeys, shift);
	*npages = distinct_keys(keys, nkeys, drop);
	return shift + drop;
}

/* How many pages must there be room for, to add the other? */
int
bins_pages_with(const Bins *bins, const Bins *other)
{
	int			npages;

	together(bins, other, &npages);
	return Max(npages, bins->npages);
}

void
bins_add_bins(Bins *bins, const Bins *other)
{
	int			npages;

	coarsen(bins, together(bins, other, &npages) - bins->shift);
	add_pages(bins, other->page, other->npages, other->shift);
	bins->count += other->count;
	double_sum_add(&bins->missing, other->missing.hi);
	double_sum_add(&bins->missing, other->missing.lo);
	bins->min = Min(bins->min, other->min);
	bins->max = Max(bins->max, other->max);
}

/* ---- reading ---- */

/* x × 2^exponent */
static inline double
scale(double x, int exponent)
{
	if (exponent < -1022)
		return ldexp(x, exponent);
	return x * value_of((uint64) (exponent + 1023) << MANTISSA_BITS);
}

/* The bin as a centroid; its sum is added to the total. */
static Centroid
bin_centroid(const Bins *bins, const BinPage *page, int i, DoubleSum *total)
{
	const Bin  *bin = &page->bin[i];
	uint64		bits = (page->key * BINS_PER_PAGE + i) << bins->shift;
	uint128		sum = ((uint128) bin->carry << 64) + bin->sum;
	uint64		mantissa = bits & LOW_BITS(MANTISSA_BITS);
	int			exponent = (bits & ~SIGN_BIT) >> MANTISSA_BITS;
	uint64		quotient = bin->carry == 0 ? bin->sum / bin->count : (uint64) (sum / bin->count);
	double		unit;
	double		mean;
	double		hi;

	if (exponent > 0)
		mantissa |= UINT64CONST(1) << MANTISSA_BITS;
	else
		exponent = 1;
	exponent -= 1023 + MANTISSA_BITS;
	unit = scale(bits & SIGN_BIT ? -1 : 1, exponent);

	/* first what is exact: all of it, if the values are one and the same */
	mean = (double) (mantissa + quotient) +
		(double) (uint64) (sum - (uint128) quotient * bin->count) / bin->count;

	sum += (uint128) bin->count * mantissa;
	hi = (double) sum;
	double_sum_add(total, hi * unit);
	double_sum_add(total, (double) (int128) (sum - (uint128) hi) * unit);
	return (Centroid) {mean * unit, bin->count, bin->count == 1 || bin->only != BIN_MIXED};
}

/*
 * Among so few neighbours a bin is compared, and it must hold so many times
 * what they hold together, to be taken for one value with little beside it.
 */
#define NEIGHBOURS		6
#define DOMINANCE		4

/* What a bin of fewer values has in common is hardly a price. */
#define MIN_PRICE_COUNT 64

/* The mean of a bin is not moved further, relative to itself. */
#define MAX_MOVE		(1.0 / 4096)

/*
 * Nor do all moves, with those made before the digests that are in these bins
 * were stored, change the sum by more of it: half of DIGEST_SLACK.
 */
#define MAX_MOVES		(1.0 / 4096)

/* The decimal with the fewest digits that is so near. */
static double
shortest_decimal(double value, double tolerance)
{
	int			lead = (int) floor(log10(fabs(value)));

	/* powers of ten are exact up to 10^22, and so what is divided once */
	for (int digits = 0; digits < 15 && abs(digits - lead) <= 22; digits++)
	{
		int			power = digits - lead;
		double		scale = pow(10, abs(power));
		double		decimal = power < 0 ? rint(value / scale) * scale : rint(value * scale) / scale;

		if (fabs(decimal - value) <= tolerance)
			return decimal;
	}
	return value;
}

/*
 * Find the bins that hold one value and little else: a price that many calls
 * cost, among others.  Their mean is a trifle off that value, so that one
 * would count none of the calls up to the price, or all of those below it.
 * Prices are short decimals: the shortest one is taken that the others, as
 * many as there are in bins around, leave possible.
 */
static void
find_points(const Bins *bins, Centroid *centroids, int n, const uint64 *number)
{
	double		moved = double_sum(&bins->missing);
	double		size = 0;

	for (int i = 0; i < n; i++)
		size += fabs(centroids[i].mean) * centroids[i].count;
	for (int i = 0; i < n; i++)
	{
		Centroid   *c = &centroids[i];
		int64		around = 0;
		double		move;
		double		width = ldexp(fabs(c->mean), bins->shift - MANTISSA_BITS);
		double		tolerance;
		double		price;

		if (c->point)
			continue;
		for (int j = i - 1; j >= 0 && number[i] - number[j] <= NEIGHBOURS; j--)
			around += centroids[j].count;
		for (int j = i + 1; j < n && number[j] - number[i] <= NEIGHBOURS; j++)
			around += centroids[j].count;
		if (around >= c->count / DOMINANCE)
			continue;

		c->point = true;
		/* the smallest and the largest value are known anyway */
		if (c->count < MIN_PRICE_COUNT || c->mean == 0 || i == 0 || i == n - 1)
			continue;
		tolerance = width * (around / NEIGHBOURS + 8) / c->count;
		price = shortest_decimal(c->mean, Min(tolerance, fabs(c->mean) * MAX_MOVE));
		/* the others have their own bins, and stay in order */
		if (bits_of(price) >> bins->shift != bits_of(c->mean) >> bins->shift)
			continue;
		move = (c->mean - price) * c->count;
		if (fabs(moved + move) <= size * MAX_MOVES)
		{
			c->mean = price;
			moved += move;
		}
	}
}

/* Split the smallest (or largest) value off its bin. */
static int
split_off(Centroid *centroids, int n, int i, double value)
{
	Centroid   *c = &centroids[i];
	bool		first = i == 0;

	if (c->count == 1 || (c->point && c->mean == value))
	{
		c->mean = value;
		c->point = true;
		return n;
	}
	c->mean += (c->mean - value) / (c->count - 1);
	c->point |= --c->count == 1;
	memmove(&centroids[i + 1], &centroids[i], (n - i) * sizeof(Centroid));
	centroids[first ? i : i + 1] = (Centroid) {value, 1, true};
	return n + 1;
}

/*
 * The bins as centroids in ascending order, at most BINS_PER_PAGE a page and
 * two; the first and the last are the smallest and the largest value.
 */
int
bins_centroids(const Bins *bins, Centroid *centroids, double *total)
{
	const BinPage *pages[BINS_ALL_PAGES];
	uint64		number[BINS_ALL_PAGES * BINS_PER_PAGE]; /* of bins, ascending */
	DoubleSum	sum = bins->missing;
	int			n = 0;
	int			npositive = 0;

	for (int i = 0; i < bins->npages; i++)
	{
		int			j = i;

		for (; j > 0 && pages[j - 1]->key > bins->page[i].key; j--)
			pages[j] = pages[j - 1];
		pages[j] = &bins->page[i];
		if (!((bins->page[i].key * BINS_PER_PAGE) << bins->shift & SIGN_BIT))
			npositive++;
	}

	/* keys of negative values are the largest, the most negative value's last */
	for (int p = bins->npages - 1; p >= npositive; p--)
		for (int i = BINS_PER_PAGE - 1; i >= 0; i--)
			if (pages[p]->bin[i].count > 0)
			{
				number[n] = SIGN_BIT - ((pages[p]->key * BINS_PER_PAGE + i) & (~SIGN_BIT >> bins->shift));
				centroids[n++] = bin_centroid(bins, pages[p], i, &sum);
			}
	for (int p = 0; p < npositive; p++)
		for (int i = 0; i < BINS_PER_PAGE; i++)
			if (pages[p]->bin[i].count > 0)
			{
				number[n] = SIGN_BIT + pages[p]->key * BINS_PER_PAGE + i;
				centroids[n++] = bin_centroid(bins, pages[p], i, &sum);
			}
	find_points(bins, centroids, n, number);

	*total = double_sum(&sum);
	n = split_off(centroids, n, 0, bins->min);
	return split_off(centroids, n, n - 1, bins->max);
}
