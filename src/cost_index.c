/*-------------------------------------------------------------------------
 *
 * cost_index.c
 *		What a call costs over time, for the same users: two-way fixed effects.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "cell_noise.h"
#include "cost_index.h"

#define HUBER_ROUNDS 4			/* problems of least squares */
#define LOCATION_ROUNDS 20		/* for one bucket */

/* Remaining parts of the first error, squared: on the way, and at the end. */
#define ROUGH 1e-8
#define PRECISE 1e-18
#define MAX_STEPS 200

/* Residuals that their scale is estimated from. */
#define MAX_SAMPLE 16384

/* Leverages above are not believed. */
#define MAX_LEVERAGE 0.9

/* A room is cut up into arrays, those of doubles first. */
typedef struct Fit
{
	int			ncells;			/* those that say something */
	int			nusers;			/* likewise */
	int			nbuckets;		/* all */
	double	   *log_cost;		/* of cells */
	double	   *weight;
	double	   *robust;			/* weight, less for outliers */
	double	   *user_weight;	/* total of robust weights */
	double	   *level;			/* of users */
	double	   *value;			/* of buckets */
	double	   *diagonal;
	double	   *gradient;
	double	   *direction;
	double	   *curvature;		/* of the direction */
	double	   *sample;			/* absolute residuals */
	double	   *sample_weight;
	double	   *scratch;		/* as many */
	int		   *bucket;			/* of cells */
	int		   *start;			/* first cell of each user, and the end */
	int		   *original;		/* user number of the caller */
	int		   *user_degree;	/* of all users: cells that may say something */
	int		   *bucket_degree;
	int		   *set;			/* of buckets, see find_set() */
	int		   *set_size;
	double		first_error;
	CheckInterrupts check_interrupts;
} Fit;

Size
cost_index_room(int ncells, int nusers, int nbuckets)
{
	return sizeof(double) * (3 * (Size) ncells + 2 * (Size) nusers + 5 * (Size) nbuckets +
							 3 * Min(ncells, MAX_SAMPLE)) +
		sizeof(int) * ((Size) ncells + 3 * (Size) nusers + 1 + 3 * (Size) nbuckets);
}

static void
take_room(Fit *f, void *room, int ncells, int nusers, int nbuckets)
{
	f->log_cost = room;
	f->weight = f->log_cost + ncells;
	f->robust = f->weight + ncells;
	f->user_weight = f->robust + ncells;
	f->level = f->user_weight + nusers;
	f->value = f->level + nusers;
	f->diagonal = f->value + nbuckets;
	f->gradient = f->diagonal + nbuckets;
	f->direction = f->gradient + nbuckets;
	f->curvature = f->direction + nbuckets;
	f->sample = f->curvature + nbuckets;
	f->sample_weight = f->sample + Min(ncells, MAX_SAMPLE);
	f->scratch = f->sample_weight + Min(ncells, MAX_SAMPLE);
	f->bucket = (int *) (f->scratch + Min(ncells, MAX_SAMPLE));
	f->start = f->bucket + ncells;
	f->original = f->start + nusers + 1;
	f->user_degree = f->original + nusers;
	f->bucket_degree = f->user_degree + nusers;
	f->set = f->bucket_degree + nbuckets;
	f->set_size = f->set + nbuckets;
}

void
weigh_cells(IndexCell *cells, int ncells, double *room)
{
	double		cap;

	if (ncells == 0)
		return;
	for (int i = 0; i < ncells; i++)
		room[i] = cells[i].weight;
	cap = series_quantile(room, ncells, 0.9);
	for (int i = 0; i < ncells; i++)
		cells[i].weight = Min(cells[i].weight, cap);
}

/* ---- which cells say something ---- */

/*
 * Drops users and buckets with fewer than two cells, until all have two: those
 * dropped are left with a degree of zero.
 */
static void
drop_loners(Fit *f, const IndexCell *cells, int ncells, int nusers)
{
	int		   *in_user = f->original;
	int		   *in_bucket = f->set;
	bool		dropped = true;

	for (int u = 0; u < nusers; u++)
		f->user_degree[u] = 1;
	for (int t = 0; t < f->nbuckets; t++)
		f->bucket_degree[t] = 1;
	while (dropped)
	{
		f->check_interrupts();
		dropped = false;
		memset(in_user, 0, nusers * sizeof(int));
		memset(in_bucket, 0, f->nbuckets * sizeof(int));
		for (int i = 0; i < ncells; i++)
			if (f->user_degree[cells[i].user] > 0 && f->bucket_degree[cells[i].bucket] > 0)
			{
				in_user[cells[i].user]++;
				in_bucket[cells[i].bucket]++;
			}
		for (int u = 0; u < nusers; u++)
		{
			dropped |= f->user_degree[u] > 0 && in_user[u] < 2;
			f->user_degree[u] = in_user[u] < 2 ? 0 : in_user[u];
		}
		for (int t = 0; t < f->nbuckets; t++)
		{
			dropped |= f->bucket_degree[t] > 0 && in_bucket[t] < 2;
			f->bucket_degree[t] = in_bucket[t] < 2 ? 0 : in_bucket[t];
		}
	}
}

static int
find_set(int *set, int bucket)
{
	while (set[bucket] != bucket)
		bucket = set[bucket] = set[set[bucket]];
	return bucket;
}

/* The largest set of buckets that users connect; -1 if there is none. */
static int
largest_set(Fit *f, const IndexCell *cells, int ncells)
{
	int			largest = -1;

	for (int t = 0; t < f->nbuckets; t++)
	{
		f->set[t] = t;
		f->set_size[t] = 0;
	}
	for (int i = 0, last = -1; i < ncells; i++)
	{
		if (f->user_degree[cells[i].user] == 0 || f->bucket_degree[cells[i].bucket] == 0)
			continue;
		if (last >= 0 && cells[last].user == cells[i].user)
		{
			int			a = find_set(f->set, cells[last].bucket);
			int			b = find_set(f->set, cells[i].bucket);

			f->set[Max(a, b)] = Min(a, b);
		}
		last = i;
	}
	for (int t = 0; t < f->nbuckets; t++)
		f->set_size[find_set(f->set, t)] += f->bucket_degree[t];
	for (int t = 0; t < f->nbuckets; t++)
		if (f->set_size[t] > 0 && (largest < 0 || f->set_size[t] > f->set_size[largest]))
			largest = t;
	return largest;
}

/* Copies the cells of a set. */
static void
gather(Fit *f, const IndexCell *cells, int ncells, int set)
{
	int			last = -1;

	f->ncells = 0;
	f->nusers = 0;
	for (int i = 0; i < ncells; i++)
	{
		int			t = cells[i].bucket;

		if (f->user_degree[cells[i].user] == 0 || f->bucket_degree[t] == 0 ||
			find_set(f->set, t) != set)
			continue;
		if (cells[i].user != last)
		{
			last = cells[i].user;
			f->original[f->nusers] = last;
			f->start[f->nusers++] = f->ncells;
		}
		f->log_cost[f->ncells] = cells[i].log_cost;
		f->weight[f->ncells] = cells[i].weight;
		f->robust[f->ncells] = cells[i].weight;
		f->bucket[f->ncells++] = t;
	}
	f->start[f->nusers] = f->ncells;
}

/* ---- weighted least squares ---- */

/* Levels of users, what is left, and the diagonal of the problem. */
static void
start_solving(Fit *f)
{
	memset(f->gradient, 0, f->nbuckets * sizeof(double));
	memset(f->diagonal, 0, f->nbuckets * sizeof(double));
	for (int u = 0; u < f->nusers; u++)
	{
		double		weight = 0;
		double		total = 0;
		double		level;

		for (int i = f->start[u]; i < f->start[u + 1]; i++)
		{
			weight += f->robust[i];
			total += f->robust[i] * (f->log_cost[i] - f->value[f->bucket[i]]);
		}
		level = total / weight;
		f->user_weight[u] = weight;
		f->level[u] = level;
		for (int i = f->start[u]; i < f->start[u + 1]; i++)
		{
			int			t = f->bucket[i];

			f->gradient[t] += f->robust[i] * (f->log_cost[i] - f->value[t] - level);
			f->diagonal[t] += f->robust[i] * (1 - f->robust[i] / weight);
		}
	}
}

static void
apply_to_direction(Fit *f)
{
	memset(f->curvature, 0, f->nbuckets * sizeof(double));
	for (int u = 0; u < f->nusers; u++)
	{
		double		total = 0;
		double		mean;

		for (int i = f->start[u]; i < f->start[u + 1]; i++)
			total += f->robust[i] * f->direction[f->bucket[i]];
		mean = total / f->user_weight[u];
		for (int i = f->start[u]; i < f->start[u + 1]; i++)
			f->curvature[f->bucket[i]] += f->robust[i] * (f->direction[f->bucket[i]] - mean);
	}
}

/* The values that solve it, by preconditioned conjugate gradients. */
static void
solve(Fit *f, double tolerance)
{
	double		error = 0;

	start_solving(f);
	for (int t = 0; t < f->nbuckets; t++)
	{
		f->direction[t] = f->diagonal[t] > 0 ? f->gradient[t] / f->diagonal[t] : 0;
		error += f->gradient[t] * f->direction[t];
	}
	f->first_error = Max(f->first_error, error);
	for (int step = 0; step < MAX_STEPS && error > tolerance * f->first_error; step++)
	{
		double		product = 0;
		double		next = 0;
		double		length;

		f->check_interrupts();
		apply_to_direction(f);
		for (int t = 0; t < f->nbuckets; t++)
			product += f->direction[t] * f->curvature[t];
		if (product <= 0)
			break;
		length = error / product;
		for (int t = 0; t < f->nbuckets; t++)
		{
			f->value[t] += length * f->direction[t];
			f->gradient[t] -= length * f->curvature[t];
			if (f->diagonal[t] > 0)
				next += f->gradient[t] * f->gradient[t] / f->diagonal[t];
		}
		for (int t = 0; t < f->nbuckets; t++)
			if (f->diagonal[t] > 0)
				f->direction[t] = f->gradient[t] / f->diagonal[t] + next / error * f->direction[t];
		error = next;
	}
}

/* ---- robustness ---- */

static void
find_levels(Fit *f)
{
	for (int u = 0; u < f->nusers; u++)
	{
		double		weight = 0;
		double		total = 0;

		for (int i = f->start[u]; i < f->start[u + 1]; i++)
		{
			weight += f->robust[i];
			total += f->robust[i] * (f->log_cost[i] - f->value[f->bucket[i]]);
		}
		f->user_weight[u] = weight;
		f->level[u] = total / weight;
	}
}

/* Residuals of evenly spaced cells, and their weights. */
static int
take_sample(Fit *f)
{
	int			stride = (f->ncells - 1) / MAX_SAMPLE + 1;
	int			n = 0;

	for (int u = 0, i = 0; i < f->ncells; i += stride)
	{
		while (i >= f->start[u + 1])
			u++;
		f->sample[n] = fabs(f->log_cost[i] - f->value[f->bucket[i]] - f->level[u]);
		f->sample_weight[n++] = f->weight[i];
	}
	return n;
}

/* From calls to weights by which the variance of cells is the same. */
static void
weigh_by_variance(Fit *f)
{
	int			n;
	CellVariance variance;

	find_levels(f);
	n = take_sample(f);
	variance = cell_variance(f->sample, f->sample_weight, n, f->scratch);
	for (int i = 0; i < f->ncells; i++)
		f->weight[i] = cell_weight(&variance, f->weight[i]);
}

/* New weights by the size of residuals. */
static void
weigh_robustly(Fit *f)
{
	int			n;
	double		scale;

	find_levels(f);
	n = take_sample(f);
	for (int i = 0; i < n; i++)
		f->sample[i] *= sqrt(f->sample_weight[i]);
	scale = cell_noise_scale(f->sample, n);
	/* nothing but rounding */
	if (scale < 1e-12)
		return;
	for (int u = 0; u < f->nusers; u++)
		for (int i = f->start[u]; i < f->start[u + 1]; i++)
			f->robust[i] = f->weight[i] *
				huber_weight((f->log_cost[i] - f->value[f->bucket[i]] - f->level[u]) *
							 sqrt(f->weight[i]),
							 scale);
}

/* ---- results ---- */

/* The standard error of a bucket's value, from sums over its cells. */
static void
describe(Fit *f, IndexBucket *buckets)
{
	double	   *weight = f->diagonal;
	double	   *square = f->gradient;
	double		mean = 0;
	int			n = 0;

	memset(weight, 0, f->nbuckets * sizeof(double));
	memset(square, 0, f->nbuckets * sizeof(double));
	for (int i = 0; i < f->ncells; i++)
		weight[f->bucket[i]] += f->robust[i];
	for (int u = 0; u < f->nusers; u++)
		for (int i = f->start[u]; i < f->start[u + 1]; i++)
		{
			int			t = f->bucket[i];
			double		leverage = f->robust[i] / weight[t] + f->robust[i] / f->user_weight[u];
			double		residual = f->log_cost[i] - f->value[t] - f->level[u];
			double		moved = f->robust[i] * residual / (1 - Min(leverage, MAX_LEVERAGE));

			square[t] += moved * moved;
			buckets[t].cells++;
		}

	for (int t = 0; t < f->nbuckets; t++)
		if (buckets[t].cells > 0)
		{
			mean += f->value[t];
			n++;
		}
	mean /= n;
	for (int t = 0; t < f->nbuckets; t++)
		if (buckets[t].cells > 0)
		{
			buckets[t].value = f->value[t] - mean;
			buckets[t].uncertainty = sqrt(square[t]) / weight[t];
		}
	for (int u = 0; u < f->nusers; u++)
		f->level[u] += mean;
}

void
cost_index_fit(const IndexCell *cells, int ncells, int nusers, int nbuckets,
			   IndexBucket *buckets, IndexUser *users, void *room,
			   CheckInterrupts check_interrupts)
{
	Fit			f;
	int			set;

	f.nbuckets = nbuckets;
	f.first_error = 0;
	f.check_interrupts = check_interrupts;
	take_room(&f, room, ncells, nusers, nbuckets);
	for (int t = 0; t < nbuckets; t++)
	{
		buckets[t].value = buckets[t].uncertainty = NAN;
		buckets[t].cells = 0;
		buckets[t].weekday = 0;
	}
	if (users != NULL)
		for (int u = 0; u < nusers; u++)
		{
			users[u].level = NAN;
			users[u].cells = 0;
		}
	drop_loners(&f, cells, ncells, nusers);
	set = largest_set(&f, cells, ncells);
	if (set < 0)
		return;
	gather(&f, cells, ncells, set);

	memset(f.value, 0, nbuckets * sizeof(double));
	for (int round = 1; round <= HUBER_ROUNDS; round++)
	{
		solve(&f, round < HUBER_ROUNDS ? ROUGH : PRECISE);
		if (round == 1)
			weigh_by_variance(&f);
		if (round < HUBER_ROUNDS)
			weigh_robustly(&f);
	}
	find_levels(&f);
	describe(&f, buckets);
	if (users != NULL)
		for (int u = 0; u < f.nusers; u++)
		{
			users[f.original[u]].level = f.level[u];
			users[f.original[u]].cells = f.start[u + 1] - f.start[u];
		}
}

/* ---- weekdays ---- */

void
remove_weekdays(const int *day, IndexBucket *buckets, int n, double *room)
{
	double	   *away = room;	/* from the running median */
	double	   *same = room + n;	/* of one weekday */
	double		effect[7] = {0};
	double		mean = 0;
	int			nknown = 0;

	if (n == 0 || day[n - 1] - day[0] + 1 < 7 * WEEKS_FOR_WEEKDAYS)
		return;
	for (int i = 0; i < n; i++)
	{
		double		week[7];
		int			nweek = 0;

		away[i] = NAN;
		if (isnan(buckets[i].value) || day[i] - 3 < day[0] || day[i] + 3 > day[n - 1])
			continue;
		for (int j = Max(i - 3, 0); j < n && j <= i + 3; j++)
			if (abs(day[j] - day[i]) <= 3 && !isnan(buckets[j].value))
				week[nweek++] = buckets[j].value;
		away[i] = buckets[i].value - series_median(week, nweek);
	}
	for (int weekday = 0; weekday < 7; weekday++)
	{
		int			nsame = 0;

		for (int i = 0; i < n; i++)
			if ((day[i] - day[0]) % 7 == weekday && !isnan(away[i]))
				same[nsame++] = away[i];
		if (nsame >= WEEKS_FOR_WEEKDAYS - 1)
			effect[weekday] = series_median(same, nsame);
	}
	for (int i = 0; i < n; i++)
		if (!isnan(buckets[i].value))
		{
			mean += effect[(day[i] - day[0]) % 7];
			nknown++;
		}
	for (int i = 0; i < n; i++)
		if (!isnan(buckets[i].value))
		{
			buckets[i].weekday = effect[(day[i] - day[0]) % 7] - mean / nknown;
			buckets[i].value -= buckets[i].weekday;
		}
}

/* ---- one bucket more ---- */

IndexBucket
cost_index_append(const IndexCell *cells, int n, double *room)
{
	IndexBucket bucket = {NAN, NAN, n, 0};
	double	   *calls = room + n;
	double	   *scratch = room + 2 * n;
	CellVariance variance;
	double		scale;
	double		square = 0;
	double		weight = 0;

	if (n < 2)
		return bucket;
	for (int i = 0; i < n; i++)
		room[i] = cells[i].log_cost;
	bucket.value = series_median(room, n);
	for (int i = 0; i < n; i++)
		room[i] = fabs(cells[i].log_cost - bucket.value);
	for (int i = 0; i < n; i++)
		calls[i] = cells[i].weight;
	variance = cell_variance(room, calls, n, scratch);
	for (int i = 0; i < n; i++)
	{
		calls[i] = cell_weight(&variance, calls[i]);
		scratch[i] = room[i] * sqrt(calls[i]);
	}
	scale = cell_noise_scale(scratch, n);
	for (int round = 0; round < LOCATION_ROUNDS; round++)
	{
		double		total = 0;

		weight = square = 0;
		for (int i = 0; i < n; i++)
		{
			double		residual = cells[i].log_cost - bucket.value;
			double		robust = calls[i] * huber_weight(residual * sqrt(calls[i]), scale);

			weight += robust;
			total += robust * cells[i].log_cost;
			room[i] = robust;
		}
		bucket.value = total / weight;
	}
	for (int i = 0; i < n; i++)
	{
		double		moved = room[i] * (cells[i].log_cost - bucket.value) / (1 - Min(room[i] / weight, MAX_LEVERAGE));

		square += moved * moved;
	}
	bucket.uncertainty = sqrt(square) / weight;
	return bucket;
}
