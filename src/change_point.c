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
#include "student_t.h"

/* What of alpha is given to splits; the rest is for windows. */
#define SPLIT_SHARE 0.9

/* What bounds the 95 % set of positions, in variances. */
#define LOCATION_BOUND 7.35

/* Changes that may hide each other. */
#define MAX_AHEAD 4

/* Rounds of moving cuts; hardly ever more than two. */
#define MAX_ADJUSTMENTS 5

typedef struct Search
{
	double	   *value;			/* without spikes */
	int			n;
	double		rounding;		/* smaller standard deviations are none */
	double		nsplits;		/* alternatives in the whole series */
	double		nwindows;
	double		alpha;
	double	   *sum;			/* of a stretch, see prepare() */
	double	   *residual;
	double	   *room;
	CheckInterrupts check_interrupts;
} Search;

/* Ascending positions, with both ends of what they cut. */
typedef struct Cuts
{
	int			n;
	int		   *at;
} Cuts;

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
	double		rounding;		/* a sum of squares that means nothing */
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
	noise.rounding = n * s->rounding * s->rounding;
	if (square <= noise.rounding)
		square = 0;
	else
	{
		double		r = series_autocorrelation(s->residual, s->value + start, n, ncuts + 1, s->room);

		inflation = (1 + r) / (1 - r);
	}
	noise.variance = square / Max(n - ncuts - 1, 1) * inflation;
	noise.df = Max(n / inflation - ncuts - 1, 1);
	return noise;
}

/* The p-value of one alternative that explains a sum of squares. */
static double
p_value_of(double explained, const Noise *noise)
{
	if (noise->variance == 0)
		return explained > noise->rounding ? 0 : 1;
	return student_t_p_value(sqrt(explained / noise->variance), noise->df);
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
	double		b_square;
	double		log_odds;

	if (noise->variance == 0)
		return s->nsplits;
	b_square = (noise->df + 1) * log1p(explained / noise->variance / noise->df);
	log_odds = 2 * log((double) (s->n - MIN_SEGMENT) / MIN_SEGMENT);
	return Min(s->nsplits, b_square * log_odds / 2 + 2);
}

static double
split_p_value(const Search *s, double explained, const Noise *noise)
{
	double		p = p_value_of(explained, noise) / SPLIT_SHARE;

	return Min(p * effective_splits(s, explained, noise), 1);
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
insert_cut(Cuts *cuts, int position)
{
	int			k = cuts->n++;

	for (; cuts->at[k - 1] > position; k--)
		cuts->at[k] = cuts->at[k - 1];
	cuts->at[k] = position;
}

static void
remove_cut(Cuts *cuts, int k)
{
	cuts->n--;
	for (; k < cuts->n; k++)
		cuts->at[k] = cuts->at[k + 1];
}

/* Every cut where it is best between its neighbours. */
static void
adjust_cuts(Search *s, Cuts *cuts)
{
	bool		moved = true;

	for (int round = 0; round < MAX_ADJUSTMENTS && moved; round++)
	{
		moved = false;
		for (int k = 1; k < cuts->n - 1; k++)
		{
			int			start = cuts->at[k - 1];
			int			split;

			s->check_interrupts();
			prepare(s, start, cuts->at[k + 1]);
			best_split(s, cuts->at[k + 1] - start, &split);
			moved |= start + split != cuts->at[k];
			cuts->at[k] = start + split;
		}
	}
}

static Noise
noise_of(Search *s, const Cuts *cuts)
{
	return measure_noise(s, cuts->at[0], cuts->at[cuts->n - 1], cuts->at + 1, cuts->n - 2);
}

static double
test_cut(Search *s, const Cuts *cuts, int k, const Noise *noise)
{
	int			start = cuts->at[k - 1];
	int			n = cuts->at[k + 1] - start;

	prepare(s, start, start + n);
	return split_p_value(s, explained_by(s, n, cuts->at[k] - start, n), noise);
}

/* The least significant cut, and its p-value. */
static int
weakest_cut(Search *s, const Cuts *cuts, const Noise *noise, double *p_value)
{
	int			weakest = 0;

	*p_value = -1;
	for (int k = 1; k < cuts->n - 1; k++)
	{
		double		p = test_cut(s, cuts, k, noise);

		if (p > *p_value)
		{
			*p_value = p;
			weakest = k;
		}
	}
	return weakest;
}

/*
 * Several changes may hide each other: each is noise to a test of one of them.
 * So splits that are not significant are made all the same, some in
 * succession, until all are as significant as a window would have to be: there
 * are as many ways to choose two splits, or more.
 */
static bool
look_ahead(Search *s, Cuts *cuts, int start, int end)
{
	int			at[MAX_AHEAD + 2] = {start, end};
	Cuts		ahead = {2, at};
	double		enough;

	if (s->nwindows == 0)
		return false;
	enough = s->alpha * (1 - SPLIT_SHARE) / s->nwindows * s->nsplits / SPLIT_SHARE;
	while (ahead.n < MAX_AHEAD + 2)
	{
		double		best = -1;
		int			cut = 0;
		double		p;
		Noise		noise;

		s->check_interrupts();
		for (int k = 0; k + 1 < ahead.n; k++)
		{
			int			n = at[k + 1] - at[k];
			int			split;
			double		explained;

			if (n < 2 * MIN_SEGMENT)
				continue;
			prepare(s, at[k], at[k + 1]);
			explained = best_split(s, n, &split);
			if (explained > best)
			{
				best = explained;
				cut = at[k] + split;
			}
		}
		if (best < 0)
			break;
		insert_cut(&ahead, cut);
		adjust_cuts(s, &ahead);
		noise = noise_of(s, &ahead);
		weakest_cut(s, &ahead, &noise, &p);
		if (ahead.n == 3 || p > enough)
			continue;
		for (int k = 1; k < ahead.n - 1; k++)
			insert_cut(cuts, at[k]);
		return true;
	}
	return false;
}

/* Splits stretches from left to right until none is worth it. */
static void
find_cuts(Search *s, Cuts *cuts)
{
	int			k = 0;

	while (k + 1 < cuts->n)
	{
		int			start = cuts->at[k];
		int			end = cuts->at[k + 1];
		Split		split = examine(s, start, end);

		s->check_interrupts();
		if (split.ncuts > 0 && split.p_value <= s->alpha)
			for (int i = 0; i < split.ncuts; i++)
				insert_cut(cuts, split.cut[i]);
		else if (split.ncuts == 0 || !look_ahead(s, cuts, start, end))
			k++;
	}
}

/* Removes the least significant cut until all are significant. */
static Noise
weed_cuts(Search *s, Cuts *cuts)
{
	for (;;)
	{
		Noise		noise = noise_of(s, cuts);
		double		p;
		int			weakest = weakest_cut(s, cuts, &noise, &p);

		s->check_interrupts();
		if (p <= s->alpha)
			return noise;
		remove_cut(cuts, weakest);
		adjust_cuts(s, cuts);
	}
}

/* ---- what is told of a change ---- */

static void
describe(Search *s, const Cuts *cuts, int k, const Noise *noise, ChangePoint *change)
{
	int			start = cuts->at[k - 1];
	int			cut = cuts->at[k] - start;
	int			n = cuts->at[k + 1] - start;
	double		enough;

	change->p_value = test_cut(s, cuts, k, noise);
	change->index = cut;
	enough = explained_by(s, n, cut, n) - Max(LOCATION_BOUND * noise->variance, noise->rounding);
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
			change->before += s->value[start + i];
		else
			change->after += s->value[start + i];
	change->before /= cut;
	change->after /= n - cut;
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
	Cuts		cuts = {2, kept + n};
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
	s.sum = sum;
	s.residual = residual;
	s.room = scratch;
	s.check_interrupts = check_interrupts;

	cuts.at[0] = 0;
	cuts.at[1] = s.n;
	find_cuts(&s, &cuts);
	if (cuts.n == 2)
		return 0;
	adjust_cuts(&s, &cuts);
	noise = weed_cuts(&s, &cuts);
	for (int k = 1; k < cuts.n - 1; k++)
	{
		ChangePoint *change = &found[k - 1];

		describe(&s, &cuts, k, &noise, change);
		change->index = kept[change->index];
		change->earliest = kept[change->earliest];
		change->latest = kept[change->latest];
	}
	return cuts.n - 2;
}
