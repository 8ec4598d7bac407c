/*-------------------------------------------------------------------------
 *
 * change_point.c
 *		When did the level of a series change?  With false alarms controlled.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "change_point.h"
#include "student.h"

/* What of alpha is given to splits; the rest is for windows. */
#define SPLIT_SHARE 0.9

/* What bounds the 95 % set of positions, in variances. */
#define LOCATION_BOUND 7.35

typedef struct Search
{
	double	   *value;			/* without spikes */
	int			n;
	double		rounding;		/* smaller standard deviations are none */
	double		nsplits;		/* alternatives in the whole series */
	double		nwindows;
	double		alpha;
	int		   *cut;			/* changes so far, between 0 and n */
	int			ncuts;			/* with both ends */
	double	   *sum;			/* of a stretch, see prepare() */
	double	   *residual;
	double	   *room;
	CheckInterrupts check_interrupts;
} Search;

/* The best split of a stretch, or the best window in it. */
typedef struct Split
{
	int			ncuts;			/* 0 if there is none, else 1 or 2 */
	int			cut[2];
	double		p_value;
} Split;

/* Of residuals: what a difference between two means is measured by. */
typedef struct Noise
{
	double		variance;		/* inflated by autocorrelation */
	double		df;
} Noise;

/* ---- statistics ---- */

/* Window lengths grow by a quarter. */
static inline int
next_length(int length)
{
	return length + Max(length / 4, 1);
}

/* What surrounds a window has at least MIN_SEGMENT values on either side. */
static inline int
longest_window(int n)
{
	return n - 2 * MIN_SEGMENT;
}

static double
count_windows(int n)
{
	double		count = 0;

	for (int length = MIN_SEGMENT; length <= longest_window(n); length = next_length(length))
		count += longest_window(n) - length + 1;
	return count;
}

/*
 * Residuals of the stretch [start, end) whose mean changes at each of the
 * cuts.
 */
static Noise
measure_noise(Search *s, int start, int end, const int *cut, int ncuts)
{
	int			n = end - start;
	int			from = start;
	double		square = 0;
	double		inflation = 1;
	Noise		noise;

	for (int k = 0; k <= ncuts; k++)
	{
		int			to = k < ncuts ? cut[k] : end;
		double		mean = 0;

		for (int i = from; i < to; i++)
			mean += s->value[i];
		mean /= to - from;
		for (int i = from; i < to; i++)
		{
			double		residual = s->value[i] - mean;

			s->residual[i - start] = residual;
			square += residual * residual;
		}
		from = to;
	}
	if (square > n * s->rounding * s->rounding)
	{
		double		r = series_autocorrelation(s->residual, s->value + start, n, s->room);

		inflation = (1 + r) / (1 - r);
	}
	noise.variance = square / Max(n - ncuts - 1, 1) * inflation;
	noise.variance = Max(noise.variance, s->rounding * s->rounding);
	noise.df = Max(n / inflation - ncuts - 1, 1);
	return noise;
}

/* The p-value of one alternative that explains a sum of squares. */
static double
p_value_of(double explained, const Noise *noise)
{
	return student_two_sided(sqrt(explained / noise->variance), noise->df);
}

/*
 * How many independent alternatives are all splits together?  Neighbouring
 * ones are nearly the same, which Bonferroni does not know.  With b the
 * largest t of a Brownian bridge, it is b^2 / 2 for each unit of the logarithm
 * of odds that splits range over, and two for the ends; t becomes b by its
 * likelihood ratio.
 */
static double
effective_splits(const Search *s, double explained, const Noise *noise)
{
	double		b_square = (noise->df + 1) * log1p(explained / noise->variance / noise->df);
	double		log_odds = 2 * log((double) (s->n - MIN_SEGMENT) / MIN_SEGMENT);

	return Min(s->nsplits, b_square * log_odds / 2 + 2);
}

static double
split_p_value(const Search *s, double explained, const Noise *noise)
{
	double		p = p_value_of(explained, noise) / SPLIT_SHARE;

	return p > 0 ? Min(p * effective_splits(s, explained, noise), 1) : 0;
}

/* Sums of the values of a stretch, less their mean, up to each position. */
static void
prepare(Search *s, int start, int end)
{
	int			n = end - start;
	double		mean = 0;

	for (int i = start; i < end; i++)
		mean += s->value[i];
	mean /= n;
	s->sum[0] = 0;
	for (int i = 0; i < n; i++)
		s->sum[i + 1] = s->sum[i] + (s->value[start + i] - mean);
}

/*
 * What is explained by giving the values [a, b) of a prepared stretch of n
 * their own mean, and one to all others.
 */
static inline double
explained_by(const Search *s, int n, int a, int b)
{
	double		sum = s->sum[b] - s->sum[a];

	return sum * sum * n / ((double) (b - a) * (n - (b - a)));
}

static double
best_split(const Search *s, int n, int *split)
{
	double		best = -1;

	*split = MIN_SEGMENT;
	for (int i = MIN_SEGMENT; i <= n - MIN_SEGMENT; i++)
	{
		double		explained = explained_by(s, n, i, n);

		if (explained > best)
		{
			best = explained;
			*split = i;
		}
	}
	return best;
}

static double
best_window(const Search *s, int n, int *a, int *b)
{
	double		best = -1;

	*a = *b = MIN_SEGMENT;
	for (int length = MIN_SEGMENT; length <= longest_window(n); length = next_length(length))
	{
		s->check_interrupts();
		for (int i = MIN_SEGMENT; i + length <= n - MIN_SEGMENT; i++)
		{
			double		explained = explained_by(s, n, i, i + length);

			if (explained > best)
			{
				best = explained;
				*a = i;
				*b = i + length;
			}
		}
	}
	return best;
}

/* Either end of the window where it is best, given the other one. */
static void
adjust_window(const Search *s, int n, int *a, int *b)
{
	for (int round = 0; round < 2; round++)
	{
		double		best = explained_by(s, n, *a, *b);
		int			from = *a;
		int			to = *b;

		for (int i = MIN_SEGMENT; i + MIN_SEGMENT <= to; i++)
			if (explained_by(s, n, i, to) > best)
				best = explained_by(s, n, *a = i, to);
		from = *a;
		for (int i = from + MIN_SEGMENT; i <= n - MIN_SEGMENT; i++)
			if (explained_by(s, n, from, i) > best)
				best = explained_by(s, n, from, *b = i);
	}
}

/* ---- finding ---- */

static Split
examine(Search *s, int start, int end)
{
	int			n = end - start;
	Split		split = {0, {0, 0}, 1};
	Split		window = {0, {0, 0}, 1};
	double		explained;
	Noise		noise;

	if (n < 2 * MIN_SEGMENT)
		return split;
	prepare(s, start, end);

	explained = best_split(s, n, &split.cut[0]);
	split.cut[0] += start;
	noise = measure_noise(s, start, end, split.cut, 1);
	split.ncuts = 1;
	split.p_value = split_p_value(s, explained, &noise);

	if (longest_window(n) < MIN_SEGMENT)
		return split;
	explained = best_window(s, n, &window.cut[0], &window.cut[1]);
	window.cut[0] += start;
	window.cut[1] += start;
	noise = measure_noise(s, start, end, window.cut, 2);
	window.p_value = Min(p_value_of(explained, &noise) * s->nwindows / (1 - SPLIT_SHARE), 1);
	if (window.p_value >= split.p_value)
		return split;
	window.cut[0] -= start;
	window.cut[1] -= start;
	adjust_window(s, n, &window.cut[0], &window.cut[1]);
	window.cut[0] += start;
	window.cut[1] += start;
	window.ncuts = 2;
	return window;
}

static void
insert_cut(Search *s, int position)
{
	int			k = s->ncuts++;

	for (; s->cut[k - 1] > position; k--)
		s->cut[k] = s->cut[k - 1];
	s->cut[k] = position;
}

static void
remove_cut(Search *s, int k)
{
	s->ncuts--;
	for (; k < s->ncuts; k++)
		s->cut[k] = s->cut[k + 1];
}

/* Splits stretches from left to right until none is worth it. */
static void
find_cuts(Search *s)
{
	int			k = 0;

	while (k + 1 < s->ncuts)
	{
		Split		split = examine(s, s->cut[k], s->cut[k + 1]);

		s->check_interrupts();
		if (split.ncuts == 0 || split.p_value > s->alpha)
		{
			k++;
			continue;
		}
		for (int i = 0; i < split.ncuts; i++)
			insert_cut(s, split.cut[i]);
	}
}

/* Every cut where it is best between its neighbours. */
static void
adjust_cuts(Search *s)
{
	bool		moved = true;

	for (int round = 0; round < 5 && moved; round++)
	{
		moved = false;
		for (int k = 1; k < s->ncuts - 1; k++)
		{
			int			start = s->cut[k - 1];
			int			split;

			s->check_interrupts();
			prepare(s, start, s->cut[k + 1]);
			best_split(s, s->cut[k + 1] - start, &split);
			moved |= start + split != s->cut[k];
			s->cut[k] = start + split;
		}
	}
}

static double
test_cut(Search *s, int k, const Noise *noise)
{
	int			start = s->cut[k - 1];
	int			n = s->cut[k + 1] - start;

	prepare(s, start, start + n);
	return split_p_value(s, explained_by(s, n, s->cut[k] - start, n), noise);
}

/* Removes the least significant cut until all are significant. */
static Noise
weed_cuts(Search *s)
{
	Noise		noise;

	for (;;)
	{
		int			weakest = 0;
		double		largest = s->alpha;

		s->check_interrupts();
		noise = measure_noise(s, 0, s->n, s->cut + 1, s->ncuts - 2);
		for (int k = 1; k < s->ncuts - 1; k++)
		{
			double		p = test_cut(s, k, &noise);

			if (p > largest)
			{
				largest = p;
				weakest = k;
			}
		}
		if (weakest == 0)
			return noise;
		remove_cut(s, weakest);
		adjust_cuts(s);
	}
}

/* ---- what is told of a change ---- */

static void
describe(Search *s, int k, const Noise *noise, ChangePoint *change)
{
	int			start = s->cut[k - 1];
	int			cut = s->cut[k] - start;
	int			n = s->cut[k + 1] - start;
	double		enough;

	change->p_value = test_cut(s, k, noise);
	change->index = cut;
	enough = explained_by(s, n, cut, n) - LOCATION_BOUND * noise->variance;
	change->earliest = change->latest = cut;
	for (int i = 1; i < n; i++)
		if (explained_by(s, n, i, n) >= enough)
		{
			change->earliest = Min(change->earliest, i);
			change->latest = Max(change->latest, i);
		}
	change->index += start;
	change->earliest += start;
	change->latest += start;

	change->before = change->after = 0;
	for (int i = 0; i < n; i++)
		if (i < cut)
			change->before += s->value[start + i] / cut;
		else
			change->after += s->value[start + i] / (n - cut);
}


Size
change_points_room(int n)
{
	return sizeof(double) * (5 * (Size) n + 1) + sizeof(int) * ((Size) n + n / MIN_SEGMENT + 2);
}

int
change_points(const double *value, int n, double alpha, ChangePoint *found, void *room,
			  CheckInterrupts check_interrupts)
{
	Search		s;
	double	   *value_kept = room;
	double	   *sum = value_kept + n;
	double	   *residual = sum + n + 1;
	double	   *scratch = residual + n;
	int		   *kept = (int *) (scratch + 2 * (Size) n);
	int		   *cut = kept + n;
	Noise		noise;

	s.n = series_without_spikes(value, n, kept, scratch);
	if (s.n < 2 * MIN_SEGMENT)
		return 0;
	for (int i = 0; i < s.n; i++)
		value_kept[i] = value[kept[i]];
	s.value = value_kept;
	s.rounding = series_rounding(value_kept, s.n);
	s.nsplits = s.n - 2 * MIN_SEGMENT + 1;
	s.nwindows = count_windows(s.n);
	s.alpha = alpha;
	s.cut = cut;
	s.cut[0] = 0;
	s.cut[1] = s.n;
	s.ncuts = 2;
	s.sum = sum;
	s.residual = residual;
	s.room = scratch;
	s.check_interrupts = check_interrupts;

	find_cuts(&s);
	if (s.ncuts == 2)
		return 0;
	adjust_cuts(&s);
	noise = weed_cuts(&s);
	for (int k = 1; k < s.ncuts - 1; k++)
	{
		ChangePoint *change = &found[k - 1];

		describe(&s, k, &noise, change);
		change->index = kept[change->index];
		change->earliest = kept[change->earliest];
		change->latest = kept[change->latest];
	}
	return s.ncuts - 2;
}
