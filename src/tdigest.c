/*-------------------------------------------------------------------------
 *
 * tdigest.c
 *		The t-digest: a distribution in some hundred centroids.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "double_sum.h"
#include "tdigest.h"

/* ---- making centroids ---- */

/* The search for so many centroids is content with a few less. */
#define ENOUGH_CENTROIDS(compression)	((compression) - (compression) / 32)

/*
 * How much room does each centroid deserve?
 *
 * Two lengths matter: how far it moves the scale function k2, the logarithm
 * of q / (1 - q), and how far it moves the logarithm of the value.  Where
 * only one of them grows - a rare stretch between two modes, or the thick
 * middle of a narrow distribution - the curve is easily drawn, so the room
 * is their geometric mean; and a little of either, so that neither is
 * forgotten.  (Weights from 1/50 to 1 make little difference.)  The largest
 * values get three times the room of the smallest: they are what is asked
 * for, and what totals are made of.
 */
static double
measure_room(const Centroid *centroids, int n, double *room)
{
	static const double either = 0.1;
	double		count = 0;
	double		below = 0;
	double		sum = 0;

	for (int i = 0; i < n; i++)
		count += centroids[i].count;
	for (int i = 0; i < n; i++)
	{
		const Centroid *c = &centroids[i];
		double		here = c->count;
		double		q = (below + here / 2) / count;
		double		ends = here / count / (q * (1 - q));
		double		span = 0;

		if (i > 0)
		{
			double		size = fabs(c[-1].mean) + fabs(c->mean);

			if (size > 0)
				span = 2 * (c->mean - c[-1].mean) / size;
		}
		room[i] = (0.5 + q) * (sqrt(ends * span) + either * (ends + span));
		below += here;
		sum += room[i];
	}
	return sum;
}

/* The end of a cluster that starts at a centroid and stays within a limit. */
static inline int
cluster_end(const double *room, int n, int start, double limit)
{
	double		sum = room[start];
	int			end = start + 1;

	/* the smallest and the largest value stay alone */
	if (start == 0)
		return end;
	while (end < n - 1 && (sum += room[end]) <= limit)
		end++;
	return end;
}

static int
count_clusters(const double *room, int n, double limit)
{
	int			clusters = 0;

	for (int i = 0; i < n; i = cluster_end(room, n, i, limit))
		clusters++;
	return clusters;
}

/*
 * The smallest limit, nearly, that makes no more clusters than wanted.  sum is
 * all room there is, and would be one cluster.
 */
static double
choose_limit(const double *room, int n, double sum, int wanted)
{
	double		too_small = 0;
	double		fits = sum;
	double		limit = 1.1 * sum / wanted;

	for (int tries = 0; tries < 12; tries++)
	{
		int			clusters = count_clusters(room, n, limit);
		double		guess = limit * clusters / wanted;

		if (clusters > wanted)
			too_small = limit;
		else
		{
			fits = limit;
			if (clusters >= ENOUGH_CENTROIDS(wanted))
				break;
		}
		limit = guess > too_small && guess < fits ? guess : (too_small + fits) / 2;
	}
	return fits;
}

/*
 * Merge neighbours until there are at most as many as the compression says;
 * returns how many.  room is memory for as many numbers as there are centroids.
 */
int
tdigest_cluster(Centroid *centroids, int ncentroids, int compression, double *room)
{
	int			n = 0;
	double		limit;

	if (ncentroids <= compression)
		return ncentroids;

	limit = measure_room(centroids, ncentroids, room);
	limit = choose_limit(room, ncentroids, limit, compression);
	for (int start = 0, end; start < ncentroids; start = end)
	{
		int64		count = 0;
		double		mean = centroids[start].mean;

		end = cluster_end(room, ncentroids, start, limit);
		if (end == start + 1)
		{
			centroids[n++] = centroids[start];
			continue;
		}
		for (int i = start; i < end; i++)
			count += centroids[i].count;
		/* what is common to all is left out of the sum, for precision */
		for (int i = start + 1; i < end; i++)
			mean += (centroids[i].mean - centroids[start].mean) *
				(centroids[i].count / (double) count);
		centroids[n++] = (Centroid) {mean, count, false};
	}
	return n;
}

/* ---- a cell of the curve ---- */

double
cell_value(const Cell *cell, double x)
{
	double		value = cell->low +
		x * (cell->high - cell->low + cell_bend(cell) * (1 - x));

	return Min(Max(value, cell->low), cell->high);
}

/* The x of a value from low to high, where low < high. */
double
cell_position(const Cell *cell, double value)
{
	/* by the width, so that squares stay in range */
	double		width = cell->high - cell->low;
	double		a = cell_bend(cell) / width;
	double		b = 1 + a;
	double		c = (value - cell->low) / width;
	double		root = b * b - 4 * a * c;
	double		denominator = b + (root > 0 ? sqrt(root) : 0);

	return denominator > 0 ? Min(Max(2 * c / denominator, 0), 1) : 0;
}

/* cell_total() averaged over x. */
static double
cell_total_mean(const Cell *cell)
{
	return cell->low / 2 + (cell->high - cell->low) / 6 + cell_bend(cell) / 12;
}

/* ---- the curve ---- */

void
curve_init(Curve *curve, const TDigest *digest, int64 *below, double *total_below)
{
	int64		count = 0;
	DoubleSum	total = {0, 0};

	for (int i = 0; i < digest->ncentroids; i++)
	{
		const Centroid *c = &digest->centroids[i];

		below[i] = count;
		total_below[i] = double_sum(&total);
		count += c->count;
		double_sum_add_product(&total, c->mean, c->count);
	}
	*curve = (Curve) {digest, below, total_below};
}

/* A point takes no part in how its neighbours bend. */
static inline double
width(const Centroid *c)
{
	return c->point ? 0 : c->count;
}

/*
 * Colella and Woodward (1.7) and (1.8): by how much c changes; at most twice
 * as steeply as towards its neighbours.  (They compare differences without the
 * widths, which lets a small cell beside a gap bend into it.)
 */
static double
steepness(const Centroid *c)
{
	double		before = c->mean - c[-1].mean;
	double		after = c[1].mean - c->mean;
	double		w = width(c);
	double		w_before = width(c - 1);
	double		w_after = width(c + 1);
	double		change = w / (w_before + w + w_after) *
		((2 * w_before + w) / (w_after + w) * after +
		 (w + 2 * w_after) / (w_before + w) * before);

	return Min(change, 4 * w * Min(before / (w_before + w), after / (w + w_after)));
}

/*
 * Colella and Woodward (1.6): the value where c ends and the next begins,
 * given how much both change.  Neither is a point.
 */
static double
edge(const Centroid *c, double steep, double steep_next)
{
	double		change = c[1].mean - c->mean;
	double		w = width(c);
	double		w_next = width(c + 1);
	double		left = (width(c - 1) + w) / (2 * w + w_next);
	double		right = (width(c + 2) + w_next) / (2 * w_next + w);
	double		value = c->mean + w / (w + w_next) * change +
		(2 * w_next * w / (w + w_next) * (left - right) * change
		 - w * left * steep_next + w_next * right * steep) /
		(width(c - 1) + w + w_next + width(c + 2));

	return Min(Max(value, c->mean), c[1].mean);
}

/* A cell with the given edges, except towards points. */
static Cell
cell_within(const Centroid *c, double low, double high)
{
	double		before;
	double		after;

	/*
	 * Next to a point there is nothing to interpolate with, so the curve
	 * goes on as on the other side; but not beyond the point.
	 */
	low = c[-1].point ? c[-1].mean : low;
	high = c[1].point ? c[1].mean : high;
	before = c->mean - low;
	after = high - c->mean;
	if (c[-1].point && before > after)
		before = after;
	else if (c[1].point && after > before)
		after = before;

	/* more than twice would bend back; rounding must not go further */
	return (Cell) {
		.low = Max(low, c->mean - Min(before, 2 * after)),
		.high = Min(high, c->mean + Min(after, 2 * before)),
		.mean = c->mean,
		.count = c->count
	};
}

/* One cell.  As the first and the last are points, others have neighbours. */
Cell
curve_cell(const Curve *curve, int i)
{
	const Centroid *c = &curve->digest->centroids[i];
	double		steep;
	double		low = 0;
	double		high = 0;

	if (c->point)
		return (Cell) {c->mean, c->mean, c->mean, c->count};
	steep = steepness(c);
	if (!c[-1].point)
		low = edge(c - 1, steepness(c - 1), steep);
	if (!c[1].point)
		high = edge(c, steep, steepness(c + 1));
	return cell_within(c, low, high);
}

/* All cells; what neighbours share is reckoned once. */
void
curve_cells(const Curve *curve, Cell *cells)
{
	double		low = 0;
	double		steep = 0;

	for (int i = 0; i < curve->digest->ncentroids; i++)
	{
		const Centroid *c = &curve->digest->centroids[i];
		double		high = 0;

		if (c->point)
		{
			cells[i] = (Cell) {c->mean, c->mean, c->mean, c->count};
			continue;
		}
		if (c[-1].point)
			steep = steepness(c);
		if (!c[1].point)
		{
			double		steep_next = steepness(c + 1);

			high = edge(c, steep, steep_next);
			steep = steep_next;
		}
		cells[i] = cell_within(c, low, high);
		low = high;
	}
}

/* The last centroid with at most so many values below it. */
static int
find_rank(const Curve *curve, double rank)
{
	int			low = 0;
	int			high = curve->digest->ncentroids - 1;

	while (low < high)
	{
		int			middle = (low + high + 1) / 2;

		if (curve->below[middle] <= rank)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Of the values of a cell in order, the k-th from 0, evenly placed. */
static inline double
cell_kth(const Cell *cell, double k)
{
	return cell_value(cell, (k + 0.5) / cell->count);
}

/*
 * The k-th of all values, counted from 0, has rank k, and the percentile p is
 * at rank p (n - 1).  Between ranks, also of different cells, lies a straight
 * line.
 */
double
curve_percentile(const Curve *curve, double p)
{
	const TDigest *digest = curve->digest;
	double		rank = p * (digest->count - 1);
	int			i = find_rank(curve, rank);
	Cell		cell = curve_cell(curve, i);
	double		last = cell.count - 1;
	Cell		next;
	double		value;

	rank -= curve->below[i];
	if (rank <= last || i + 1 == digest->ncentroids)
		return cell_kth(&cell, Min(rank, last));
	next = curve_cell(curve, i + 1);
	value = cell_kth(&cell, last);
	return value + (rank - last) * (cell_kth(&next, 0) - value);
}

/* The sum of the lowest p × count values; of one that is cut, a part. */
double
curve_total_below(const Curve *curve, double p)
{
	const TDigest *digest = curve->digest;
	double		rank = p * digest->count;
	int			i = find_rank(curve, rank);
	Cell		cell = curve_cell(curve, i);

	if (p >= 1)
		return digest->total;
	return curve->total_below[i] +
		cell.count * cell_total(&cell, (rank - curve->below[i]) / cell.count);
}

/* How many values are up to this one, and what is their sum? */
void
curve_up_to(const Curve *curve, double value, double *count, double *total)
{
	const TDigest *digest = curve->digest;
	int			i = -1;
	int			above = digest->ncentroids;
	Cell		cell;
	double		x = 0;

	/* i becomes the last whose mean is not above the value */
	while (above - i > 1)
	{
		int			middle = (i + above) / 2;

		if (digest->centroids[middle].mean <= value)
			i = middle;
		else
			above = middle;
	}

	/* the value may lie in the upper part of that cell, or in the next one */
	if (i >= 0 && value < (cell = curve_cell(curve, i)).high)
		x = cell_position(&cell, value);
	else if (++i < digest->ncentroids && value > (cell = curve_cell(curve, i)).low)
		x = cell_position(&cell, value);
	else if (i == digest->ncentroids)
	{
		*count = digest->count;
		*total = digest->total;
		return;
	}
	*count = curve->below[i] + x * cell.count;
	*total = curve->total_below[i] + cell.count * cell_total(&cell, x);
}

/*
 * One minus twice the area below the Lorenz curve, which ends at the sum of
 * the centroids.
 */
double
curve_gini(const Curve *curve)
{
	const TDigest *digest = curve->digest;
	double		area = 0;
	double		total = 0;

	for (int i = 0; i < digest->ncentroids; i++)
	{
		Cell		cell = curve_cell(curve, i);

		area += cell.count / (double) digest->count *
			(curve->total_below[i] + cell.count * cell_total_mean(&cell));
		total = curve->total_below[i] + cell.count * cell.mean;
	}
	return 1 - 2 * area / total;
}
