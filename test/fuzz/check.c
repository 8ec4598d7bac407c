/*-------------------------------------------------------------------------
 *
 * check.c
 *		What must be true of every digest.
 *
 * Rounding is allowed for, little more: rank_slack and total_slack are what
 * the digest's own numbers, as doubles, leave open.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

typedef struct Examined
{
	const TDigest *digest;
	Curve		curve;
	double		count;
	double		size;			/* sum of magnitudes */
	double		rank_slack;
	double		total_slack;
	const Centroid *first;
	const Centroid *last;
} Examined;

/* Numbers computed from a and b may be off by this. */
static double
rounding(double a, double b)
{
	return 16 * DBL_EPSILON * Max(fabs(a), fabs(b)) + 16 * DBL_TRUE_MIN;
}

void
check_digest(const TDigest *digest)
{
	int			n = digest->ncentroids;
	int64		count = 0;

	property(n >= 1 && n <= TDIGEST_MAX_CENTROIDS, "%d centroids", n);
	property(isfinite(digest->total), "total %g", digest->total);
	property(digest->centroids[0].point && digest->centroids[n - 1].point, "%d centroids", n);
	for (int i = 0; i < n; i++)
	{
		const Centroid *c = &digest->centroids[i];

		property(isfinite(c->mean) && !(c->mean == 0 && signbit(c->mean)), "mean %d is %g", i, c->mean);
		property(c->count > 0, "count %d is %ld", i, (long) c->count);
		property(c->point || c->count > 1, "centroid %d", i);
		property(i == 0 || c->mean >= c[-1].mean,
				 "mean %d of %d is %.17g after %.17g", i, n, c->mean, c[-1].mean);
		property(c->count <= digest->count - count, "count %d is %ld", i, (long) c->count);
		count += c->count;
	}
	property(count == digest->count, "%ld instead of %ld", (long) count, (long) digest->count);
}

/* The cell that a rank lies in. */
static Cell
cell_of(const Examined *e, double rank, int *i)
{
	int			low = 0;
	int			high = e->digest->ncentroids - 1;

	while (low < high)
	{
		int			middle = (low + high + 1) / 2;

		if (e->curve.below[middle] <= rank)
			low = middle;
		else
			high = middle - 1;
	}
	*i = low;
	return curve_cell(&e->curve, low);
}

/* The rounding of what is read at a rank, from its cell or the next one. */
static double
rounding_at(const Examined *e, double rank)
{
	int			i;
	Cell		cell = cell_of(e, rank, &i);
	Cell		next = cell;

	if (i + 1 < e->digest->ncentroids)
		next = curve_cell(&e->curve, i + 1);
	return rounding(cell.low, cell.high) + rounding(next.low, next.high);
}

static void
check_cells(const Examined *e)
{
	Cell		before = {0};

	for (int i = 0; i < e->digest->ncentroids; i++)
	{
		Cell		cell = curve_cell(&e->curve, i);
		double		bend = 2 * cell.mean - cell.low - cell.high;

		property(isfinite(cell.low) && isfinite(cell.high) && cell.low <= cell.mean && cell.mean <= cell.high,
				 "cell %d: %.17g, %.17g, %.17g", i, cell.low, cell.mean, cell.high);
		property(cell.count == e->digest->centroids[i].count, "cell %d", i);
		/* else the parabola would turn back */
		property(fabs(bend) <= (cell.high - cell.low) / 3 + rounding(cell.low, cell.high),
				 "cell %d: %.17g, %.17g, %.17g", i, cell.low, cell.mean, cell.high);
		property(i == 0 || cell.low >= before.high - rounding(cell.low, cell.high) - rounding(before.low, before.high),
				 "cell %d is from %.17g, that before up to %.17g", i, cell.low, before.high);
		before = cell;
	}
}

/* percentile_cont of up to TDIGEST_EXACT values */
static double
exact_percentile(const Examined *e, double p)
{
	double		values[TDIGEST_EXACT];
	int			n = 0;
	double		rank = p * (e->count - 1);
	int			k = (int) rank;

	for (const Centroid *c = e->first; c <= e->last; c++)
		for (int64 i = 0; i < c->count; i++)
			values[n++] = c->mean;
	if (k + 1 >= n)
		return values[n - 1];
	return values[k] + (rank - k) * (values[k + 1] - values[k]);
}

/* A value that is a percentile: its rank must lead back to it. */
static void
check_rank(const Examined *e, double value, double value_before, double *count_before)
{
	double		count;
	double		total;
	double		lower;
	double		upper;
	double		slack;
	double		n = e->count;
	int			i;
	Cell		cell;

	curve_up_to(&e->curve, value, &count, &total);
	property(count >= 0 && count <= n, "%.17g values of %.17g", count, n);
	property(isfinite(total), "total up to %.17g is %g", value, total);
	property(value < value_before || count >= *count_before - e->rank_slack,
			 "%.17g values up to %.17g, and %.17g up to %.17g", count, value, *count_before, value_before);
	*count_before = count;
	property(value < e->last->mean || (count == n && total == e->digest->total),
			 "%.17g values up to the largest, total %.17g", count, total);

	/* the k-th of all values is at k + 0.5; between ranks are straight lines */
	lower = curve_percentile(&e->curve, Max(count - 1.5 - e->rank_slack, 0) / Max(n - 1, 1));
	upper = curve_percentile(&e->curve, Min(Min(count + 0.5 + e->rank_slack, n - 1) / Max(n - 1, 1), 1));
	cell = cell_of(e, Max(count - 1, 0), &i);
	slack = 1e-9 * Max(Max(fabs(cell.low), fabs(cell.high)), fabs(value)) + 64 * DBL_TRUE_MIN;
	property(value >= lower - slack && value <= upper + slack,
			 "%.17g, of which %.17g of %.17g are below, found between %.17g and %.17g",
			 value, count, n, lower, upper);

	if (count < n)
	{
		double		below = curve_total_below(&e->curve, count / n);

		cell = cell_of(e, count, &i);
		property(fabs(below - total) <= e->total_slack + e->rank_slack * Max(fabs(cell.low), fabs(cell.high)),
				 "total up to %.17g is %.17g, of as many %.17g", value, total, below);
	}
}

/* At ranks that ascend. */
static void
check_ranks(const Examined *e, const double *ranks, int nranks)
{
	double		n = e->count;
	double		value_before = e->first->mean;
	double		rounding_before = 0;
	double		count_before = 0;
	double		p_before = 0;
	double		total_before = 0;
	Cell		cell_before = {0};

	for (int k = 0; k < nranks; k++)
	{
		double		p = n > 1 ? Min(ranks[k] / (n - 1), 1) : 0;
		double		value = curve_percentile(&e->curve, p);
		double		total = curve_total_below(&e->curve, p);
		int			i;
		Cell		cell = cell_of(e, p * n, &i);
		double		slack;

		property(value >= e->first->mean && value <= e->last->mean,
				 "percentile %.17g is %.17g, outside %.17g to %.17g",
				 p, value, e->first->mean, e->last->mean);
		property(value >= value_before - rounding_at(e, p * (n - 1)) - rounding_before,
				 "percentile %.17g is %.17g, one before %.17g", p, value, value_before);
		if (n <= TDIGEST_EXACT)
			property(value == exact_percentile(e, p), "percentile %.17g is %.17g, not %.17g",
					 p, value, exact_percentile(e, p));
		check_rank(e, value, value_before, &count_before);

		/* what lies between two ranks is between their cells' ends */
		slack = e->total_slack + (p == 1 ? TOTAL_MISMATCH(n, e->size) : 0) +
			e->rank_slack * Max(Max(fabs(cell_before.low), fabs(cell.high)), Max(fabs(cell.low), fabs(cell_before.high)));
		if (k > 0)
			property(total - total_before >= (p - p_before) * n * cell_before.low - slack &&
					 total - total_before <= (p - p_before) * n * cell.high + slack,
					 "from %.17g to %.17g: total %.17g to %.17g, values %.17g to %.17g",
					 p_before, p, total_before, total, cell_before.low, cell.high);
		else
			property(total == 0 || p > 0, "the total of nothing is %.17g", total);
		value_before = value;
		rounding_before = rounding_at(e, p * (n - 1));
		p_before = p;
		total_before = total;
		cell_before = cell;
	}
	property(value_before == e->last->mean, "percentile 1 is %.17g", value_before);
	property(total_before == e->digest->total || n == 1, "all of the total is %.17g", total_before);
}

static void
check_gini(const Examined *e)
{
	double		gini = curve_gini(&e->curve);

	/* beside much larger parts, a total may be nothing but rounding */
	if (e->digest->total > 1e-12 * e->size)
		property(isfinite(gini), "Gini %g", gini);
	/* where it is denormal, there are no digits left to be precise in */
	if (e->first->mean >= 0 && e->digest->total > ldexp(e->count, 62 - 1074))
		property(gini >= -4e-3 && gini <= 1 + 4e-3, "Gini %.17g", gini);
}

/* Values that are there, between those, and outside. */
static void
check_values(const Examined *e)
{
	const Centroid *last = e->last;
	double		count_before = 0;
	double		count;
	double		total;
	double		between;

	curve_up_to(&e->curve, -INFINITY, &count, &total);
	property(count == 0 && total == 0, "%g, %g", count, total);
	curve_up_to(&e->curve, nextafter(e->first->mean, -INFINITY), &count, &total);
	property(count == 0 && total == 0, "%g, %g", count, total);
	curve_up_to(&e->curve, INFINITY, &count, &total);
	property(count == e->count && total == e->digest->total, "%g, %g", count, total);

	for (const Centroid *c = e->first; c <= last; c++)
	{
		double		below = e->curve.below[c - e->first];

		curve_up_to(&e->curve, c->mean, &count, &total);
		property(count >= count_before - e->rank_slack, "%.17g, %.17g", count, count_before);
		property(count >= below + (c->point ? c->count : 0), "%.17g, %.17g and %ld",
				 count, below, (long) c->count);
		count_before = count;
		if (c == last)
			break;
		between = c->mean + (c[1].mean - c->mean) / 2;
		if (between > c->mean && between < c[1].mean)
		{
			curve_up_to(&e->curve, between, &count, &total);
			property(count >= count_before - e->rank_slack, "%.17g, %.17g", count, count_before);
			property(count <= below + c->count + c[1].count, "%.17g, %.17g and %ld, %ld",
					 count, below, (long) c->count, (long) c[1].count);
			count_before = count;
		}
	}
}

/* What is read from the curve agrees with itself. */
void
check_curve(const TDigest *digest)
{
	int			n = digest->ncentroids;
	int64	   *below = malloc(n * sizeof(int64));
	double	   *total_below = malloc(n * sizeof(double));
	double	   *ranks = malloc((4 * n + 70) * sizeof(double));
	int			nranks = 0;
	Examined	e = {
		.digest = digest,
		.count = digest->count,
		.first = digest->centroids,
		.last = digest->centroids + n - 1
	};

	for (const Centroid *c = e.first; c <= e.last; c++)
		e.size += fabs(c->mean) * c->count;
	e.rank_slack = 64 * DBL_EPSILON * e.count;
	e.total_slack = 1e-11 * e.size + 64 * e.count * DBL_TRUE_MIN;
	curve_init(&e.curve, digest, below, total_below);

	check_cells(&e);

	/* around every centroid, then evenly */
	for (int i = 0; i < n; i++)
	{
		double		more = e.first[i].count - 1;

		ranks[nranks++] = below[i];
		ranks[nranks++] = below[i] + more / 3;
		ranks[nranks++] = below[i] + more;
		ranks[nranks++] = Min(below[i] + more + 0.5, e.count - 1);
	}
	check_ranks(&e, ranks, nranks);
	nranks = 0;
	for (int k = 0; k <= 64; k++)
		ranks[nranks++] = (e.count - 1) * (k / 64.0);
	check_ranks(&e, ranks, nranks);
	check_values(&e);
	check_gini(&e);

	free(below);
	free(total_below);
	free(ranks);
}

static bool
about(double a, double b)
{
	return fabs(a - b) <= ldexp(fabs(a), -22) + ldexp(1, 30 - 1074);
}

/* What was written can be read, and written again it is the same. */
void
check_written(const TDigest *digest)
{
	Size		size;
	uint8	   *bytes = digest_bytes(digest, &size);
	uint8	   *exact = malloc(size);
	Centroid   *centroids = malloc(digest_max_centroids(size) * sizeof(Centroid));
	TDigest		again;
	const char *problem;

	memcpy(exact, bytes, size);
	free(bytes);
	problem = digest_decode(exact, size, false, &again, centroids);
	property(problem == NULL, "what was written cannot be read: %s", problem);
	check_digest(&again);
	property(again.compression == digest->compression && digest_compression(exact) == digest->compression,
			 "compression %d, %d", again.compression, digest->compression);
	property(again.count == digest->count, "%ld, %ld", (long) again.count, (long) digest->count);
	if (digest->count > TDIGEST_EXACT)
		property(memcmp(&again.total, &digest->total, sizeof(double)) == 0,
				 "total %.17g, %.17g", again.total, digest->total);
	property(again.ncentroids == digest->ncentroids, "%d centroids, %d", again.ncentroids, digest->ncentroids);
	for (int i = 0; i < again.ncentroids; i++)
	{
		const Centroid *a = &digest->centroids[i];
		const Centroid *b = &centroids[i];
		bool		end = i == 0 || i == again.ncentroids - 1;

		property(a->count == b->count && a->point == b->point, "centroid %d", i);
		property(end || (a->point && a->count > 1) ? a->mean == b->mean : about(a->mean, b->mean),
				 "mean %d of %d is %.17g, was %.17g", i, again.ncentroids, b->mean, a->mean);
	}

	/* an exact one has the same total whatever it was written from */
	bytes = digest_bytes(&again, &size);
	property(memcmp(bytes, exact, size) == 0, "%zu bytes", (size_t) size);
	free(bytes);
	free(exact);
	free(centroids);
}
