/*-------------------------------------------------------------------------
 *
 * distribution_state.c
 *		Filling, combining and freezing distributions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "distribution.h"
#include "float_sort.h"

/* Pages that bins get beyond those that are needed. */
#define SPARE_PAGES 2

/* A digest with fewer values than this part of all is added roughly. */
#define SMALL_PART	16

/* ---- making states ---- */

/* Whatever is no value of it comes from another state. */
static void
init_state(State *state, Size size, uint8 format, const State *like)
{
	*state = *like;
	SET_VARSIZE(state, size);
	state->format = format;
}

static ValuesState *
make_values(const State *like, int n)
{
	Size		size = MIN_VALUES_SIZE;
	ValuesState *state;

	Assert(n <= MAX_VALUES);
	while (VALUES_CAPACITY(size) < n)
		size *= 2;
	/* a state may be stored as it is, and then shows what was there before */
	state = palloc0(size);
	init_state(&state->head, size, STATE_VALUES, like);
	state->n = 0;
	state->unused = 0;
	return state;
}

static BinsState *
make_bins(const State *like, int shift, int pages)
{
	Size		size = offsetof(BinsState, bins) + BINS_SIZE(pages);
	BinsState  *state = palloc0(size);

	init_state(&state->head, size, STATE_BINS, like);
	bins_init(&state->bins, shift, pages);
	return state;
}

/* The same bins with room for more pages. */
static BinsState *
enlarge_bins(const BinsState *state, int pages)
{
	Size		size = offsetof(BinsState, bins) + BINS_SIZE(pages);
	Size		used = offsetof(BinsState, bins) + BINS_SIZE(state->bins.npages);
	BinsState  *larger = palloc(size);

	memcpy(larger, state, used);
	memset((char *) larger + used, 0, size - used);
	SET_VARSIZE(larger, size);
	larger->bins.max_pages = pages;
	return larger;
}

Distribution *
state_create(int compression, double percentile)
{
	State		like = {.compression = compression, .percentile = percentile};

	return (Distribution *) make_values(&like, 0);
}

static void
check_count(int64 count, int64 more)
{
	if (more > TDIGEST_MAX_COUNT - count)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("distribution would hold too many values"),
				 errdetail("There are " INT64_FORMAT " and " INT64_FORMAT " more, and at most " INT64_FORMAT ".",
						   count, more, TDIGEST_MAX_COUNT)));
}

/* ---- adding to bins ---- */

static BinsState *
bins_room_for(BinsState *state, double value)
{
	while (!bins_make_room(&state->bins, value))
		state = enlarge_bins(state, state->bins.npages + SPARE_PAGES);
	return state;
}

static BinsState *
add_to_bins(BinsState *state, double value, int64 count, bool point)
{
	check_count(state->bins.count, count);
	while (!bins_add_many(&state->bins, value, count, point))
		state = bins_room_for(state, value);
	return state;
}

static BinsState *
add_sorted_to_bins(BinsState *state, const double *sorted, int n)
{
	int			added = 0;

	check_count(state->bins.count, n);
	while ((added += bins_add_sorted(&state->bins, sorted + added, n - added)) < n)
		state = bins_room_for(state, sorted[added]);
	return state;
}

static BinsState *
add_values_to_bins(BinsState *state, const double *values, int n)
{
	check_count(state->bins.count, n);
	for (int i = 0; i < n; i++)
		while (!bins_add(&state->bins, values[i]))
			state = bins_room_for(state, values[i]);
	return state;
}

/* Two arrays of values, together too many for a state of values. */
static BinsState *
bins_of_values(const State *head, const double *a, int na, const double *b, int nb)
{
	double	   *sorted = palloc(2 * (na + nb) * sizeof(double));
	int			shift;
	int			pages;
	BinsState  *state;

	memcpy(sorted, a, na * sizeof(double));
	memcpy(sorted + na, b, nb * sizeof(double));
	float_sort(sorted, na + nb, sorted + na + nb);
	shift = bins_shift_for(sorted, na + nb, &pages);
	state = make_bins(head, shift, pages + SPARE_PAGES);
	state = add_sorted_to_bins(state, sorted, na + nb);
	pfree(sorted);
	return state;
}

/*
 * Spread the cells of a digest over the bins; roughly, if it is but a small
 * part of all.
 */
static BinsState *
add_digest_to_bins(BinsState *state, const TDigest *digest)
{
	int			n = digest->ncentroids;
	Curve		curve = {digest};
	Cell	   *cells = palloc(n * sizeof(Cell));
	DoubleSum	missing = {digest->total, 0};
	int			width = state->bins.count / SMALL_PART > digest->count ? 4 : 1;

	curve_cells(&curve, cells);
	for (int i = 0; i < n; i++)
	{
		Centroid	part[BINS_CELL_PARTS];
		int			nparts = bins_split_cell(&state->bins, &cells[i], width, part);

		for (int j = 0; j < nparts; j++)
		{
			state = add_to_bins(state, part[j].mean, part[j].count, part[j].point);
			double_sum_add_product(&missing, part[j].mean, -(double) part[j].count);
		}
	}
	double_sum_add(&state->bins.missing, missing.hi);
	double_sum_add(&state->bins.missing, missing.lo);
	pfree(cells);
	return state;
}

static BinsState *
bins_of_digest(const State *like, const TDigest *digest)
{
	double	   *means = palloc(digest->ncentroids * sizeof(double));
	int			shift;
	int			pages;

	for (int i = 0; i < digest->ncentroids; i++)
		means[i] = digest->centroids[i].mean;
	shift = bins_shift_for(means, digest->ncentroids, &pages);
	pfree(means);
	return add_digest_to_bins(make_bins(like, shift, pages + SPARE_PAGES), digest);
}

/* ---- adding to a state ---- */

/* The state has no room for the value, or is a digest. */
Distribution *
state_grow_and_add(Distribution *state, double value)
{
	if (distribution_format(state) == STATE_VALUES)
	{
		ValuesState *old = (ValuesState *) state;

		if (old->n < MAX_VALUES)
		{
			ValuesState *new = make_values(&old->head, old->n + 1);

			memcpy(new->value, old->value, old->n * sizeof(double));
			new->n = old->n;
			new->value[new->n++] = value;
			return (Distribution *) new;
		}
		return (Distribution *) bins_of_values(&old->head, old->value, old->n, &value, 1);
	}
	if (distribution_format(state) == STATE_BINS)
		return (Distribution *) add_values_to_bins((BinsState *) state, &value, 1);
	return state_add(distribution_thaw(state), value);
}

/* Values that are only said to be about this one are not a point. */
Distribution *
state_add_many(Distribution *state, double value, int64 count, bool point)
{
	ValuesState *values = (ValuesState *) state;
	BinsState  *bins;

	if (distribution_format(state) == STATE_BINS)
		return (Distribution *) add_to_bins((BinsState *) state, value, count, point);
	if (distribution_format(state) != STATE_VALUES)
		return state_add_many(distribution_thaw(state), value, count, point);

	check_count(values->n, count);
	if (count <= MAX_VALUES - values->n)
	{
		for (; count > 0; count--)
			state = state_add(state, value);
		return state;
	}
	/* so that it chooses its resolution for all values that there are */
	bins = bins_of_values(&values->head, values->value, values->n, &value, 1);
	if (count > 1)
		bins = add_to_bins(bins, value, count - 1, point);
	return (Distribution *) bins;
}

/* ---- combining ---- */

/* An argument that must be the same throughout a group. */
void
changing_argument(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same for all rows of a group", name),
			 errhint("Pass a constant, or group by it.")));
}

/*
 * The state takes as coarse a compression as the other has; but parts of one
 * aggregate must have been asked for the same.
 */
static void
meet(State *state, const State *other)
{
	if (state->chosen && other->chosen && state->compression != other->compression)
		changing_argument("compression");
	if (state->percentile == NO_PERCENTILE)
		state->percentile = other->percentile;
	else if (other->percentile != NO_PERCENTILE && state->percentile != other->percentile)
		changing_argument("the percentile");
	state->compression = Min(state->compression, other->compression);
}

static Distribution *
combine_values(ValuesState *state, const double *values, int n)
{
	if (state->n + n > MAX_VALUES)
		return (Distribution *) bins_of_values(&state->head, state->value, state->n, values, n);
	if (state->n + n > VALUES_CAPACITY(VARSIZE(state)))
	{
		ValuesState *larger = make_values(&state->head, state->n + n);

		memcpy(larger->value, state->value, state->n * sizeof(double));
		larger->n = state->n;
		state = larger;
	}
	memcpy(state->value + state->n, values, n * sizeof(double));
	state->n += n;
	return (Distribution *) state;
}

static BinsState *
combine_bins(BinsState *state, const BinsState *other)
{
	int			pages = bins_pages_with(&state->bins, &other->bins);

	check_count(state->bins.count, other->bins.count);
	if (pages > state->bins.max_pages)
		state = enlarge_bins(state, pages);
	bins_add_bins(&state->bins, &other->bins);
	return state;
}

/*
 * Add the other distribution to the state, which may be changed in place;
 * neither is NULL, the other is left as it is.
 */
Distribution *
state_combine(Distribution *state, Distribution *other)
{
	double		buffer[TDIGEST_EXACT];
	const double *values = buffer;
	int			n = 0;
	TDigest		digest;
	State	   *head;

	state = distribution_thaw(state);
	head = (State *) state;

	switch (distribution_format(other))
	{
		case STATE_BINS:
			{
				BinsState  *bins = (BinsState *) other;

				meet(head, &bins->head);
				if (head->format == STATE_VALUES)
				{
					ValuesState *mine = (ValuesState *) state;

					bins = enlarge_bins(bins, bins->bins.max_pages);
					init_state(&bins->head, VARSIZE(bins), STATE_BINS, head);
					return (Distribution *) add_values_to_bins(bins, mine->value, mine->n);
				}
				return (Distribution *) combine_bins((BinsState *) state, bins);
			}

		case DIGEST_CENTROIDS:
			distribution_digest(other, &digest);
			meet(head, &(State) {.compression = digest.compression, .percentile = NO_PERCENTILE});
			if (head->format == STATE_VALUES)
			{
				ValuesState *mine = (ValuesState *) state;
				BinsState  *bins;

				bins = bins_of_digest(head, &digest);
				state = (Distribution *) add_values_to_bins(bins, mine->value, mine->n);
			}
			else
				state = (Distribution *) add_digest_to_bins((BinsState *) state, &digest);
			pfree(digest.centroids);
			return state;

		case STATE_VALUES:
			values = ((ValuesState *) other)->value;
			n = ((ValuesState *) other)->n;
			meet(head, (State *) other);
			break;

		default:
			n = digest_values((uint8 *) VARDATA_ANY(other), VARSIZE_ANY_EXHDR(other), buffer);
			meet(head, &(State) {

				 .compression = digest_compression((uint8 *) VARDATA_ANY(other)),
				 .percentile = NO_PERCENTILE
				 });
			if (head->format == STATE_BINS)
				return (Distribution *) add_sorted_to_bins((BinsState *) state, values, n);
			break;
	}

	if (head->format == STATE_VALUES)
		return combine_values((ValuesState *) state, values, n);
	return (Distribution *) add_values_to_bins((BinsState *) state, values, n);
}

/* ---- between states and digests ---- */

/*
 * The distribution in memory, where a state's parts are aligned; if asked, in
 * memory of its own.
 */
Distribution *
distribution_plain(Datum datum, bool copy)
{
	Distribution *packed = PG_DETOAST_DATUM_PACKED(datum);
	Distribution *plain;

	if (distribution_format(packed) < STATE_VALUES ||
		(!VARATT_IS_SHORT(packed) && packed == (Distribution *) MAXALIGN(packed)))
		if (!copy || (Pointer) packed != DatumGetPointer(datum))
			return packed;

	plain = palloc(VARSIZE_ANY_EXHDR(packed) + VARHDRSZ);
	SET_VARSIZE(plain, VARSIZE_ANY_EXHDR(packed) + VARHDRSZ);
	memcpy(VARDATA(plain), VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed));
	return plain;
}

/* A state that goes on from here; a state itself is returned as it is. */
Distribution *
distribution_thaw(Distribution *distribution)
{
	TDigest		digest;
	double		values[TDIGEST_EXACT];
	int			n;
	State		like = {.percentile = NO_PERCENTILE};
	BinsState  *bins;

	if (distribution_format(distribution) >= STATE_VALUES)
		return distribution;

	n = digest_values((uint8 *) VARDATA_ANY(distribution),
					  VARSIZE_ANY_EXHDR(distribution), values);
	if (n > 0)
	{
		ValuesState *state;

		like.compression = digest_compression((uint8 *) VARDATA_ANY(distribution));
		state = make_values(&like, n);
		memcpy(state->value, values, n * sizeof(double));
		state->n = n;
		return (Distribution *) state;
	}

	distribution_digest(distribution, &digest);
	like.compression = digest.compression;
	bins = bins_of_digest(&like, &digest);
	pfree(digest.centroids);
	return (Distribution *) bins;
}

static Centroid *
centroids_of_values(const double *sorted, int n, int *ncentroids, double *total)
{
	Centroid   *centroids = palloc(n * sizeof(Centroid));
	Centroid   *c = centroids;
	DoubleSum	sum = {0, 0};

	for (int i = 0; i < n; i++)
	{
		double_sum_add(&sum, sorted[i]);
		if (i > 0 && sorted[i] == sorted[i - 1])
			c[-1].count++;
		else
			*c++ = (Centroid) {sorted[i], 1, true};
	}
	*ncentroids = c - centroids;
	*total = double_sum(&sum);
	return centroids;
}

/* Sums must stay finite, with room to reckon. */
void
check_range(double smallest, double largest, int64 count)
{
	double		size = Max(fabs(smallest), fabs(largest));

	if (!(size * count <= DIGEST_MAX_SUM))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("values are too large to be added up"),
				 errdetail("There are " INT64_FORMAT " values up to %g, and the product must not exceed %g.",
						   count, size, DIGEST_MAX_SUM)));
}

static double *
sorted_values(const ValuesState *state)
{
	double	   *sorted = palloc(2 * state->n * sizeof(double));

	memcpy(sorted, state->value, state->n * sizeof(double));
	float_sort(sorted, state->n, sorted + state->n);
	check_range(sorted[0], sorted[state->n - 1], state->n);
	return sorted;
}

/* The digest of a distribution of either kind; centroids are palloc'd. */
void
distribution_digest(Distribution *distribution, TDigest *digest)
{
	State	   *head = (State *) distribution;
	double	   *room;

	if (distribution_format(distribution) < STATE_VALUES)
	{
		const uint8 *bytes = (const uint8 *) VARDATA_ANY(distribution);
		Size		size = VARSIZE_ANY_EXHDR(distribution);
		Centroid   *centroids = palloc(digest_max_centroids(size) * sizeof(Centroid));
		const char *problem = digest_decode(bytes, size, true, digest, centroids);

		if (problem != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored distribution is damaged: %s", problem)));
		return;
	}

	*digest = (TDigest) {.compression = head->compression};
	if (head->format == STATE_VALUES)
	{
		ValuesState *state = (ValuesState *) distribution;
		double	   *sorted = sorted_values(state);

		digest->count = state->n;
		digest->centroids = centroids_of_values(sorted, state->n, &digest->ncentroids,
												&digest->total);
		pfree(sorted);
		if (digest->count <= TDIGEST_EXACT)
			return;
	}
	else
	{
		Bins	   *bins = &((BinsState *) distribution)->bins;

		check_range(bins->min, bins->max, bins->count);
		digest->count = bins->count;
		digest->centroids = palloc(BINS_CENTROIDS(bins->npages) * sizeof(Centroid));
		digest->ncentroids = bins_centroids(bins, digest->centroids, &digest->total);
	}

	room = palloc(digest->ncentroids * sizeof(double));
	digest->ncentroids = tdigest_cluster(digest->centroids, digest->ncentroids,
										 digest->compression, room);
	pfree(room);
}

/* The curve of a distribution, in memory of the current context. */
void
distribution_curve(Distribution *distribution, Curve *curve)
{
	TDigest	   *digest = palloc(sizeof(TDigest));

	/* of a state, what a column would hold of it */
	distribution_digest(distribution_freeze(distribution), digest);
	curve_init(curve, digest, palloc(digest->ncentroids * sizeof(int64)),
			   palloc(digest->ncentroids * sizeof(double)));
}

/* A digest at rest. */
Distribution *
distribution_freeze(Distribution *distribution)
{
	ValuesState *state = (ValuesState *) distribution;
	Distribution *result;
	Size		size;

	if (distribution_format(distribution) < STATE_VALUES)
		return distribution;

	if (state->head.format == STATE_VALUES && state->n <= TDIGEST_EXACT)
	{
		double	   *sorted = sorted_values(state);

		result = palloc(VARHDRSZ + DIGEST_VALUES_SIZE(state->n));
		size = digest_encode_values(sorted, state->n, state->head.compression,
									(uint8 *) VARDATA(result));
		pfree(sorted);
	}
	else
	{
		TDigest		digest;

		distribution_digest(distribution, &digest);
		result = palloc(VARHDRSZ + DIGEST_CENTROIDS_SIZE(digest.ncentroids));
		size = digest_encode(&digest, (uint8 *) VARDATA(result));
		pfree(digest.centroids);
	}
	SET_VARSIZE(result, VARHDRSZ + size);
	return result;
}
