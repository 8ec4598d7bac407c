/*-------------------------------------------------------------------------
 *
 * distribution_shift.c
 *		Distances of two distributions, and swaps of units.  See
 *		distribution_shift.h.
 *
 *-------------------------------------------------------------------------
 */
#include "distribution_shift.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* What rounding may take from a distance that is the same, or make of none. */
#define TIE(distance)	((1 - 1e-9) * (distance) - 1e-12)

/* How scratch is divided. */
typedef struct Scratch
{
	double	   *share[2];		/* by bin */
	double	   *middle;			/* mean of both */
	double	   *difference;		/* of shares, after a swap */
	double	   *spare;			/* by bin */
	double	   *excess;			/* by unit: its share of all, after less before */
	double	   *sign;			/* by unit */
} Scratch;

static Scratch
divide(const Shift *shift)
{
	double	   *s = shift->scratch;
	int32_t		n = shift->nbins;

	return (Scratch) {
		.share = {s, s + n}, .middle = s + 2 * (size_t) n, .difference = s + 3 * (size_t) n,
		.spare = s + 4 * (size_t) n,
		.excess = s + 5 * (size_t) n,
		.sign = s + 5 * (size_t) n + shift->nunits
	};
}

static double
wasserstein(const Shift *shift, const double *difference)
{
	double		cumulated = 0;
	double		distance = 0;

	for (int32_t i = 0; i + 1 < shift->nbins; i++)
	{
		cumulated += difference[i];
		distance += fabs(cumulated) * (shift->position[i + 1] - shift->position[i]);
	}
	return distance;
}

static double
entropy_term(double p, double middle)
{
	return p > 0 ? p * log2(p / middle) : 0;
}

/* In bits; of shares that add up to one. */
static double
jensen_shannon(const double *p, const double *q, int32_t n)
{
	double		divergence = 0;

	for (int32_t i = 0; i < n; i++)
		divergence += entropy_term(p[i], (p[i] + q[i]) / 2) + entropy_term(q[i], (p[i] + q[i]) / 2);
	return divergence > 0 ? divergence / 2 : 0;
}

/* The same of bins with about equal shares before. */
static double
coarse_jensen_shannon(const Scratch *s, int32_t n)
{
	double		p[SHIFT_COARSE_BINS] = {0};
	double		q[SHIFT_COARSE_BINS] = {0};
	double		cumulated = 0;

	for (int32_t i = 0; i < n; i++)
	{
		int			coarse = (int) ((cumulated + s->share[0][i] / 2) * SHIFT_COARSE_BINS);

		if (coarse >= SHIFT_COARSE_BINS)
			coarse = SHIFT_COARSE_BINS - 1;
		p[coarse] += s->share[0][i];
		q[coarse] += s->share[1][i];
		cumulated += s->share[0][i];
	}
	return jensen_shannon(p, q, SHIFT_COARSE_BINS);
}

void
shift_measure(const Shift *shift, ShiftResult *result)
{
	Scratch		s = divide(shift);

	*result = (ShiftResult) {
		.wasserstein = NAN, .mean_shift = NAN, .jensen_shannon = NAN, .bin = -1
	};
	memset(shift->scratch, 0, sizeof(double) * (5 * (size_t) shift->nbins + 2 * (size_t) shift->nunits));
	for (int64_t i = 0; i < shift->nrows; i++)
		result->n[shift->rows[i].after] += shift->rows[i].n;
	if (!(result->n[0] > 0 && result->n[1] > 0))
		return;

	for (int64_t i = 0; i < shift->nrows; i++)
	{
		const ShiftRow *row = &shift->rows[i];
		double		share = row->n / result->n[row->after];

		s.share[row->after][row->bin] += share;
		s.excess[row->unit] += row->after ? share : -share;
	}
	result->mean_shift = 0;
	for (int32_t bin = 0; bin < shift->nbins; bin++)
	{
		double		change = s.share[1][bin] - s.share[0][bin];

		s.middle[bin] = (s.share[0][bin] + s.share[1][bin]) / 2;
		s.difference[bin] = change;
		if (shift->position)
			result->mean_shift += shift->position[bin] * change;
		if (result->bin < 0 || fabs(change) > fabs(result->share[1] - result->share[0]))
		{
			result->bin = bin;
			result->share[0] = s.share[0][bin];
			result->share[1] = s.share[1][bin];
		}
	}
	if (shift->position)
	{
		result->wasserstein = wasserstein(shift, s.difference);
		result->jensen_shannon = coarse_jensen_shannon(&s, shift->nbins);
	}
	else
	{
		result->mean_shift = NAN;
		result->jensen_shannon = jensen_shannon(s.share[0], s.share[1], shift->nbins);
	}
}

/* Shares that differ so much, with the middle of both where it was. */
static double
swapped_divergence(const Shift *shift, const Scratch *s)
{
	double		sum[2] = {0};

	/* what a swap takes below zero is not there */
	for (int32_t i = 0; i < shift->nbins; i++)
	{
		double		half = s->difference[i] / 2;

		s->spare[i] = fmax(s->middle[i] - half, 0);
		s->difference[i] = fmax(s->middle[i] + half, 0);
		sum[0] += s->spare[i];
		sum[1] += s->difference[i];
	}
	for (int32_t i = 0; i < shift->nbins; i++)
	{
		s->spare[i] /= sum[0];
		s->difference[i] /= sum[1];
	}
	return jensen_shannon(s->spare, s->difference, shift->nbins);
}

bool
shift_swap(const Shift *shift, const ShiftResult *result, PrivateRandom *random)
{
	Scratch		s = divide(shift);
	double		excess = 0;
	uint64_t	bits = 0;

	for (int32_t unit = 0; unit < shift->nunits; unit++)
	{
		if (unit % 64 == 0)
			bits = random_bits(random);
		s.sign[unit] = bits & 1 ? 1 : -1;
		bits >>= 1;
		excess += s.sign[unit] * s.excess[unit];
	}
	for (int32_t bin = 0; bin < shift->nbins; bin++)
		s.difference[bin] = -s.middle[bin] * excess;
	for (int64_t i = 0; i < shift->nrows; i++)
	{
		const ShiftRow *row = &shift->rows[i];

		s.difference[row->bin] += s.sign[row->unit] *
			(row->after ? row->n / result->n[1] : -row->n / result->n[0]);
	}
	if (shift->position)
		return wasserstein(shift, s.difference) >= TIE(result->wasserstein);
	return swapped_divergence(shift, &s) >= TIE(result->jensen_shannon);
}
