/*-------------------------------------------------------------------------
 *
 * bins.c
 *		Fuzz target: values added to bins in every way, beside a plain list.
 *
 * The bytes are a program: each operation is a byte and what it takes.  It
 * fills two Bins.  In the end either, and both merged in either order, must
 * be what the list says, and the same, to the byte, as bins to which all was
 * added at once.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

/* of a program, so that it ends soon */
#define MAX_ENTRIES 2048

typedef struct Entry
{
	double		value;
	int64		count;
	bool		point;
} Entry;

typedef struct List
{
	int			n;
	Entry		entry[MAX_ENTRIES];
} List;

/* A sum in long double, with twice its precision. */
typedef struct LongSum
{
	long double hi;
	long double lo;
	long double size;			/* of magnitudes */
} LongSum;

static void
sum_add(LongSum *sum, long double x)
{
	long double hi = sum->hi + x;
	long double x_part = hi - sum->hi;

	sum->lo += (sum->hi - (hi - x_part)) + (x - x_part);
	sum->hi = hi;
}

/* value × count, which has more digits than a long double */
static void
sum_add_many(LongSum *sum, double value, int64 count)
{
	long double product = (long double) value * count;

	sum_add(sum, product);
	/* a long double has eleven digits more */
	if (count > 1 << 11)
		sum_add(sum, fmal(value, count, -product));
	sum->size += fabsl((long double) value) * count;
}

/* ---- the program ---- */

typedef struct Program
{
	const uint8 *next;
	const uint8 *end;
	double		last;			/* value used */
	Bins	   *bins[2];
	int			now;			/* which is being filled */
} Program;

/* what each holds, and both */
static List list[2];
static List all;

static uint8
take_byte(Program *p)
{
	return p->next < p->end ? *p->next++ : 0;
}

static uint64
take(Program *p, int bytes)
{
	uint64		value = 0;

	while (bytes-- > 0)
		value = value << 8 | take_byte(p);
	return value;
}

/* What values may be: finite, not -0, and so that many add up. */
static double
allowed(double value)
{
	if (!isfinite(value))
		return 0;
	return (fabs(value) > 1e300 ? copysign(1e300, value) : value) + 0.0;
}

static double
take_value(Program *p)
{
	uint8		kind = take_byte(p);
	double		value;
	uint64		bits;

	switch (kind % 6)
	{
		case 0:					/* any */
			bits = take(p, 8);
			memcpy(&value, &bits, sizeof(value));
			break;
		case 1:					/* any magnitude, few digits */
			bits = take(p, 2) << 48;
			memcpy(&value, &bits, sizeof(value));
			break;
		case 2:					/* near the last one */
			memcpy(&bits, &p->last, sizeof(bits));
			bits += (int8) take_byte(p);
			memcpy(&value, &bits, sizeof(value));
			break;
		case 3:					/* not so near */
			memcpy(&bits, &p->last, sizeof(bits));
			bits ^= UINT64CONST(1) << take_byte(p) % 64;
			memcpy(&value, &bits, sizeof(value));
			break;
		case 4:					/* denormal */
			value = DBL_TRUE_MIN * (int16) take(p, 2);
			break;
		default:				/* a price */
			value = take_byte(p) / 1000.0;
			break;
	}
	p->last = allowed(value);
	return p->last;
}

static void
put(Program *p, double value, int64 count, bool point)
{
	List	   *here = &list[p->now];
	int64		together = p->bins[0]->count + p->bins[1]->count;

	if (list[0].n + list[1].n == MAX_ENTRIES || count > TDIGEST_MAX_COUNT - together)
		return;
	p->bins[p->now] = bins_put(p->bins[p->now], value, count, point);
	here->entry[here->n++] = (Entry) {value, count, point};
}

static int
by_size(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Values that differ from one in some bits, sorted and added at once. */
static void
put_sorted(Program *p)
{
	List	   *here = &list[p->now];
	double		first = take_value(p);
	uint64		differing = take(p, 8);
	int			n = 4 * take_byte(p);
	double	   *values = malloc(n * sizeof(double));
	double	   *sorted = malloc(n * sizeof(double));
	double	   *scratch = malloc(n * sizeof(double));
	uint64		bits;

	n = Min(n, MAX_ENTRIES - list[0].n - list[1].n);
	if (n > TDIGEST_MAX_COUNT - p->bins[0]->count - p->bins[1]->count)
		n = 0;
	memcpy(&bits, &first, sizeof(bits));
	for (int i = 0; i < n; i++)
	{
		uint64		other = bits ^ (differing & (i * UINT64CONST(0x9E3779B97F4A7C15)));

		memcpy(&values[i], &other, sizeof(other));
		sorted[i] = values[i] = allowed(values[i]);
		here->entry[here->n++] = (Entry) {values[i], 1, true};
	}
	qsort(values, n, sizeof(double), by_size);
	float_sort(sorted, n, scratch);
	property(memcmp(values, sorted, n * sizeof(double)) == 0, "%d values", n);
	p->bins[p->now] = bins_put_sorted(p->bins[p->now], sorted, n);
	free(values);
	free(sorted);
	free(scratch);
}

/* A stretch of a curve, as curve_cell() makes them. */
static void
put_cell(Program *p)
{
	double		a = take_value(p);
	double		b = take_value(p);
	int64		count = 1 + take(p, take_byte(p) % 6) % TDIGEST_MAX_COUNT;
	Cell		cell = {.low = Min(a, b), .high = Max(a, b), .count = count};
	double		width = cell.high - cell.low;
	Centroid   *part = malloc(BINS_CELL_PARTS * sizeof(Centroid));
	double		total = 0;
	int64		parts_count = 0;
	int			nparts;

	/* from bent up to bent down */
	cell.mean = cell.low + width / 3 + width / 3 * (take_byte(p) / 255.0);
	cell.mean = Min(Max(cell.mean, cell.low), cell.high);
	nparts = bins_split_cell(p->bins[p->now], &cell, 1 + take_byte(p) % 4, part);
	property(nparts >= 1 && nparts <= BINS_CELL_PARTS, "%d parts", nparts);
	for (int i = 0; i < nparts; i++)
	{
		property(part[i].count > 0 && part[i].mean >= cell.low && part[i].mean <= cell.high,
				 "part %d of %d, %ld of mean %.17g in a cell from %.17g to %.17g",
				 i, nparts, (long) part[i].count, part[i].mean, cell.low, cell.high);
		parts_count += part[i].count;
		total += part[i].mean * (part[i].count / (double) count);
	}
	property(parts_count == count, "%ld, %ld", (long) parts_count, (long) count);
	property(fabs(total - cell.mean) <= 1e-6 * Max(fabs(cell.low), fabs(cell.high)) + 64 * DBL_TRUE_MIN,
			 "mean %.17g in a cell from %.17g to %.17g became %.17g", cell.mean, cell.low, cell.high, total);
	for (int i = 0; i < nparts; i++)
		put(p, part[i].mean, part[i].count, part[i].point);
	free(part);
}

static void
run(Program *p)
{
	while (p->next < p->end)
	{
		uint8		op = take_byte(p);
		double		value;
		int			n;

		switch (op % 9)
		{
			case 0:
			case 1:
				put(p, take_value(p), 1, true);
				break;
			case 2:				/* a weight */
				value = take_value(p);
				put(p, value, 1 + take(p, take_byte(p) % 6) % TDIGEST_MAX_COUNT, op & 8);
				break;
			case 3:				/* a geometric series */
				value = take_value(p);
				n = take_byte(p);
				for (double factor = 1 + take(p, 2) / 8192.0; n > 0; n--)
				{
					put(p, value, 1, true);
					value = allowed(value * factor);
				}
				break;
			case 4:				/* an arithmetic one */
				value = take_value(p);
				n = take_byte(p);
				for (double step = take_value(p); n > 0; n--)
				{
					put(p, value, 1, true);
					value = allowed(value + step);
				}
				break;
			case 5:
				put_cell(p);
				break;
			case 6:
				p->now = 1 - p->now;
				break;
			case 7:
				put_sorted(p);
				break;
			case 8:				/* nothing depends on where bytes lie */
				{
					Size		size = BINS_SIZE(p->bins[p->now]->max_pages);
					Bins	   *copy = malloc(size);

					memcpy(copy, p->bins[p->now], size);
					free(p->bins[p->now]);
					p->bins[p->now] = copy;
				}
				break;
		}
	}
}

/* ---- what must come out ---- */

static int
by_value(const void *a, const void *b)
{
	double		x = ((const Entry *) a)->value;
	double		y = ((const Entry *) b)->value;

	return x < y ? -1 : x > y;
}

/* A centroid holds the next so many values: they are its mean. */
static void
check_centroid(const Centroid *c, bool end, const Entry **entry, int64 *used)
{
	LongSum		sum = {0};
	double		first = (*entry)->value;
	double		slack;
	bool		same = true;
	bool		points = true;

	for (int64 left = c->count; left > 0;)
	{
		int64		here = Min(left, (*entry)->count - *used);

		sum_add_many(&sum, (*entry)->value, here);
		same &= (*entry)->value == first;
		points &= (*entry)->point;
		left -= here;
		*used += here;
		if (*used == (*entry)->count)
		{
			++*entry;
			*used = 0;
		}
	}

	slack = 4 * DBL_EPSILON * fabs(c->mean) + 2 * DBL_TRUE_MIN;
	/* a point among others may be a price */
	if (c->point && !(same && points))
		slack += fabs(c->mean) * DIGEST_SLACK / 2;
	property(fabsl((sum.hi + sum.lo) / c->count - c->mean) <= slack,
			 "mean of %ld from %.17g on is %.17g, not %.17Lg",
			 (long) c->count, first, c->mean, (sum.hi + sum.lo) / c->count);
	/* only beside the smallest and largest value may they be split off */
	if (same && points && !end)
		property(c->point && c->mean == first, "%ld of %.17g are %.17g", (long) c->count, first, c->mean);
}

/* Are these bins what the list says?  Sorts the list. */
static void
check_bins(const Bins *bins, List *of)
{
	Centroid   *centroids = malloc(BINS_CENTROIDS(bins->npages) * sizeof(Centroid));
	double	   *sorted = malloc(of->n * sizeof(double));
	LongSum		sum = {0};
	int64		count = 0;
	int64		used = 0;
	const Entry *entry = of->entry;
	double		total;
	int			npages;
	int			shift;
	int			n;

	qsort(of->entry, of->n, sizeof(Entry), by_value);
	for (int i = 0; i < of->n; i++)
	{
		sorted[i] = of->entry[i].value;
		count += of->entry[i].count;
		sum_add_many(&sum, sorted[i], of->entry[i].count);
	}
	property(bins->count == count, "%ld, %ld", (long) bins->count, (long) count);
	property(bins->min == sorted[0] && bins->max == sorted[of->n - 1], "%.17g to %.17g, %.17g to %.17g",
			 bins->min, bins->max, sorted[0], sorted[of->n - 1]);

	/* resolution follows from the values alone */
	shift = bins_shift_for(sorted, of->n, &npages);
	property(bins->shift == shift && bins->npages == npages, "shift %d, %d; pages %d, %d",
			 bins->shift, shift, bins->npages, npages);
	property(npages <= bins->max_pages && npages <= BINS_ALL_PAGES, "%d pages", npages);

	n = bins_centroids(bins, centroids, &total);
	property(n >= 1 && n <= BINS_CENTROIDS(npages), "%d centroids", n);
	property(centroids[0].mean == bins->min && centroids[n - 1].mean == bins->max, "%d centroids", n);
	count = 0;
	for (int i = 0; i < n; i++)
	{
		const Centroid *c = &centroids[i];

		property(c->count > 0 && c->count <= bins->count - count, "centroid %d: %ld", i, (long) c->count);
		property(i == 0 || c->mean >= c[-1].mean, "%d of %d: %.17g after %.17g", i, n, c->mean, c[-1].mean);
		count += c->count;
	}
	property(count == bins->count, "%ld, %ld", (long) count, (long) bins->count);
	for (int i = 0; i < n; i++)
		check_centroid(&centroids[i], i <= 1 || i >= n - 2, &entry, &used);

	property(fabsl(sum.hi + sum.lo - total) <=
			 DBL_EPSILON * fabsl(sum.hi) + 1e-25L * sum.size + DBL_TRUE_MIN,
			 "total %.17g, not %.21Lg, of %.3Lg", total, sum.hi + sum.lo, sum.size);
	free(sorted);
	free(centroids);
}

/* Do both become the same? */
static void
check_same(const Bins *a, const Bins *b)
{
	Centroid   *mine = malloc(BINS_CENTROIDS(a->npages) * sizeof(Centroid));
	Centroid   *others = malloc(BINS_CENTROIDS(b->npages) * sizeof(Centroid));
	double		my_total;
	double		other_total;
	int			n = bins_centroids(a, mine, &my_total);

	property(bins_centroids(b, others, &other_total) == n, "%d centroids", n);
	property(memcmp(&my_total, &other_total, sizeof(my_total)) == 0,
			 "total %.17g, %.17g", my_total, other_total);
	for (int i = 0; i < n; i++)
		property(memcmp(&mine[i].mean, &others[i].mean, sizeof(double)) == 0 &&
				 mine[i].count == others[i].count && mine[i].point == others[i].point,
				 "centroid %d of %d: %.17g x %ld %d, %.17g x %ld %d", i, n,
				 mine[i].mean, (long) mine[i].count, mine[i].point,
				 others[i].mean, (long) others[i].count, others[i].point);
	free(mine);
	free(others);
}

/* As a column would store it; of few values it would store them. */
static void
check_stored(const Bins *bins, int compression)
{
	TDigest		digest;

	bins_digest(bins, compression, &digest);
	check_digest(&digest);
	check_curve(&digest);
	check_written(&digest);
	free(digest.centroids);
}

static void
check_all(const Program *p, int compression)
{
	Bins	   *at_once = bins_create(0, 1);
	Bins	   *merged[2];

	all.n = 0;
	for (int which = 0; which < 2; which++)
	{
		const Bins *bins = p->bins[which];

		if (bins_in_range(bins) && bins->count > 0)
			check_bins(bins, &list[which]);
		memcpy(all.entry + all.n, list[which].entry, list[which].n * sizeof(Entry));
		all.n += list[which].n;

		merged[which] = bins_create(0, bins->max_pages);
		memcpy(merged[which], bins, BINS_SIZE(bins->npages));
		merged[which] = bins_merge(merged[which], p->bins[1 - which]);
	}
	/* in another order than they came, as lists have been sorted */
	for (int i = 0; i < all.n; i++)
		at_once = bins_put(at_once, all.entry[i].value, all.entry[i].count, all.entry[i].point);

	if (bins_in_range(at_once))
	{
		check_bins(at_once, &all);
		check_same(merged[0], at_once);
		check_same(merged[1], at_once);
		if (at_once->count > TDIGEST_EXACT)
			check_stored(at_once, compression);
	}
	free(merged[0]);
	free(merged[1]);
	free(at_once);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Program		p = {data, data + size, 1};
	int			compression = TDIGEST_MIN_COMPRESSION + take_byte(&p) % 10 * 20;

	for (int i = 0; i < 2; i++)
	{
		p.bins[i] = bins_create(0, 1);
		list[i].n = 0;
	}
	run(&p);
	if (list[0].n + list[1].n > 0)
		check_all(&p, compression);
	free(p.bins[0]);
	free(p.bins[1]);
	return 0;
}
