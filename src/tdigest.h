/*-------------------------------------------------------------------------
 *
 * tdigest.h
 *		The t-digest: a distribution in some hundred centroids.
 *
 * A centroid stands for neighbouring values by their count and mean.
 * Following T. Dunning and O. Ertl, "Computing extremely accurate quantiles
 * using t-digests" (arXiv:1902.04023), centroids are small at the ends and
 * large in the middle (scale function k2).  Three things differ:
 *
 *	 - Centroids are made once, from values that are already in order, so
 *	   they never overlap.
 *	 - Room is given not only to the ends of the distribution but also to
 *	   wide ranges of values, since what is promised is the relative error of
 *	   values, not of ranks.
 *	 - Values of equal size (a price, zero) are kept apart as a "point".
 *
 * So the centroids are averages of consecutive stretches of the quantile
 * function, and it is read back as a piecewise parabolic curve that is
 * monotone and has just these averages (P. Colella and P. Woodward, "The
 * piecewise parabolic method", J. Comput. Phys. 54, 1984).  Percentiles,
 * ranks, trimmed sums and the Lorenz curve are all read from that curve.
 *
 * Up to TDIGEST_EXACT values each is its own centroid, and every reader gives
 * the exact answer.  Ranks follow percentile_cont: the k-th of n values is
 * at (k - 1) / (n - 1), with straight lines between.
 *
 * Knows nothing of SQL, storage, or where memory comes from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_TDIGEST_H
#define LLM_COST_TDIGEST_H

/* Up to so many values a digest holds the values themselves. */
#define TDIGEST_EXACT	128

/* The compression is a number of centroids that is not exceeded. */
#define TDIGEST_MIN_COMPRESSION		20
#define TDIGEST_MAX_COMPRESSION		2000
#define TDIGEST_DEFAULT_COMPRESSION 160

/* Whatever the compression, there are never more. */
#define TDIGEST_MAX_CENTROIDS	TDIGEST_MAX_COMPRESSION

/* Nor more values: exact sums of bins have room for so many. */
#define TDIGEST_MAX_COUNT	((INT64CONST(1) << 44) - 1)

typedef struct Centroid
{
	double		mean;
	int64		count;			/* > 0 */
	bool		point;			/* all its values are (nearly) the mean */
} Centroid;

typedef struct TDigest
{
	int			compression;
	int			ncentroids;		/* > 0 */
	int64		count;			/* of all values */
	double		total;			/* their sum */
	Centroid   *centroids;		/* ascending; the first and the last are
								 * points, the smallest and largest value */
} TDigest;

/* The quantile function of a digest. */
typedef struct Curve
{
	const TDigest *digest;
	int64	   *below;			/* values in lower centroids */
	double	   *total_below;	/* their sum */
} Curve;

/* The stretch of the curve that belongs to a centroid. */
typedef struct Cell
{
	double		low;			/* its ends */
	double		high;
	double		mean;
	int64		count;
} Cell;

extern int	tdigest_cluster(Centroid *centroids, int ncentroids,
							int compression, double *room);

extern void curve_init(Curve *curve, const TDigest *digest,
					   int64 *below, double *total_below);
extern Cell curve_cell(const Curve *curve, int i);
extern double cell_value(const Cell *cell, double x);
extern double cell_position(const Cell *cell, double value);
extern double cell_total(const Cell *cell, double x);
extern double curve_percentile(const Curve *curve, double p);
extern double curve_total_below(const Curve *curve, double p);
extern void curve_up_to(const Curve *curve, double value,
						double *count, double *total);
extern double curve_gini(const Curve *curve);

#endif							/* LLM_COST_TDIGEST_H */
