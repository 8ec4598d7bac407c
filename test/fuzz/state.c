/*-------------------------------------------------------------------------
 *
 * state.c
 *		What src/distribution_state.c does, without a server and in memory
 *		of exact size, so that a step outside is seen.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

Bins *
bins_create(int shift, int pages)
{
	Bins	   *bins = malloc(BINS_SIZE(pages));

	bins_init(bins, shift, pages);
	return bins;
}

static Bins *
enlarge(Bins *bins, int pages)
{
	Bins	   *larger = malloc(BINS_SIZE(pages));

	memcpy(larger, bins, BINS_SIZE(bins->npages));
	larger->max_pages = pages;
	free(bins);
	return larger;
}

static Bins *
room_for(Bins *bins, double value)
{
	while (!bins_make_room(bins, value))
		bins = enlarge(bins, bins->npages + 1);
	return bins;
}

/* The count stays within TDIGEST_MAX_COUNT. */
Bins *
bins_put(Bins *bins, double value, int64 count, bool point)
{
	if (count == 1 && point)
		while (!bins_add(bins, value))
			bins = room_for(bins, value);
	else
		while (!bins_add_many(bins, value, count, point))
			bins = room_for(bins, value);
	return bins;
}

Bins *
bins_put_sorted(Bins *bins, const double *sorted, int n)
{
	int			added = 0;

	while ((added += bins_add_sorted(bins, sorted + added, n - added)) < n)
		bins = room_for(bins, sorted[added]);
	return bins;
}

Bins *
bins_put_digest(Bins *bins, const TDigest *digest)
{
	int			n = digest->ncentroids;
	Cell	   *cells = malloc(n * sizeof(Cell));
	Curve		curve = {digest};
	DoubleSum	missing = {digest->total, 0};

	curve_cells(&curve, cells);
	for (int i = 0; i < n; i++)
	{
		Cell		cell = curve_cell(&curve, i);
		Centroid   *part = malloc(BINS_CELL_PARTS * sizeof(Centroid));
		int			nparts = bins_split_cell(bins, &cell, 1 + 3 * (i % 2), part);
		int64		count = 0;

		property(cells[i].low == cell.low && cells[i].high == cell.high,
				 "cell %d of all from %.17g to %.17g, alone from %.17g to %.17g", i,
				 cells[i].low, cells[i].high, cell.low, cell.high);

		property(nparts >= 1 && nparts <= BINS_CELL_PARTS, "%d parts", nparts);
		for (int j = 0; j < nparts; j++)
		{
			property(part[j].count > 0 && part[j].mean >= cell.low && part[j].mean <= cell.high,
					 "part %d of %d, %ld of mean %.17g in a cell from %.17g to %.17g", j, nparts,
					 (long) part[j].count, part[j].mean, cell.low, cell.high);
			count += part[j].count;
			bins = bins_put(bins, part[j].mean, part[j].count, part[j].point);
			double_sum_add_product(&missing, part[j].mean, -(double) part[j].count);
		}
		property(count == cell.count, "parts of %ld instead of %ld", (long) count, (long) cell.count);
		free(part);
	}
	double_sum_add(&bins->missing, missing.hi);
	double_sum_add(&bins->missing, missing.lo);
	free(cells);
	return bins;
}

Bins *
bins_merge(Bins *bins, const Bins *other)
{
	int			pages = bins_pages_with(bins, other);

	if (pages > bins->max_pages)
		bins = enlarge(bins, pages);
	bins_add_bins(bins, other);
	return bins;
}

/* Is nothing too large to be added up? */
bool
bins_in_range(const Bins *bins)
{
	return Max(fabs(bins->min), fabs(bins->max)) * bins->count <= DIGEST_MAX_SUM;
}

void
bins_digest(const Bins *bins, int compression, TDigest *digest)
{
	double	   *room;
	int			n;

	*digest = (TDigest) {.compression = compression, .count = bins->count};
	digest->centroids = malloc(BINS_CENTROIDS(bins->npages) * sizeof(Centroid));
	n = bins_centroids(bins, digest->centroids, &digest->total);
	room = malloc(n * sizeof(double));
	digest->ncentroids = tdigest_cluster(digest->centroids, n, compression, room);
	property(digest->ncentroids <= compression, "%d centroids of %d, compression %d",
			 digest->ncentroids, n, compression);
	free(room);
}

/* In format 1 or 2, as a column stores it. */
uint8 *
digest_bytes(const TDigest *digest, Size *size)
{
	double		values[TDIGEST_EXACT];
	int			n = 0;
	Size		room = digest->count > TDIGEST_EXACT ?
		DIGEST_CENTROIDS_SIZE(digest->ncentroids) : DIGEST_VALUES_SIZE(digest->count);
	uint8	   *bytes = malloc(room);

	if (digest->count > TDIGEST_EXACT)
		*size = digest_encode(digest, bytes);
	else
	{
		for (int i = 0; i < digest->ncentroids; i++)
			for (int64 k = 0; k < digest->centroids[i].count; k++)
				values[n++] = digest->centroids[i].mean;
		*size = digest_encode_values(values, n, digest->compression, bytes);
	}
	return bytes;
}
