/*-------------------------------------------------------------------------
 *
 * paired_change.c
 *		How much did a ratio of sums change, within the same users?
 *		See paired_change.h.
 *
 *-------------------------------------------------------------------------
 */
#include "paired_change.h"

#include <math.h>
#include <stdlib.h>

#include "student_t.h"

/* No factor is beyond e^30, about 10^13. */
#define MAX_THETA	30.0

/* What is less is rounding. */
#define NOTHING		1e-12

/* Cells, all that were compared or those of one unit. */
typedef struct Cells
{
	PairedMode	mode;
	double		half;			/* calls that count half */
	const PairedCell *cell;
	size_t		n;
} Cells;

double
paired_fraction(PairedMode mode, double theta)
{
	return mode == PAIRED_RATIO ? expm1(theta) : theta;
}

double
paired_theta(PairedMode mode, double fraction)
{
	if (mode == PAIRED_DIFFERENCE)
		return fraction;
	return fraction > -1 ? log1p(fraction) : NAN;
}

/* ---- cells ---- */

static inline int
compare(double a, double b)
{
	return (a > b) - (a < b);
}

static int
compare_cells(const void *left, const void *right)
{
	const PairedCell *a = left;
	const PairedCell *b = right;
	int			order = (a->unit > b->unit) - (a->unit < b->unit);

	if (order == 0)
		order = compare(a->y1, b->y1);
	if (order == 0)
		order = compare(a->n1, b->n1);
	if (order == 0)
		order = compare(a->y2, b->y2);
	if (order == 0)
		order = compare(a->n2, b->n2);
	return order;
}

static int
compare_doubles(const void *a, const void *b)
{
	return compare(*(const double *) a, *(const double *) b);
}

static inline bool
good(double x)
{
	/* also false for NAN */
	return x >= 0 && x <= PAIRED_MAX;
}

/* Can this cell be compared with itself? */
static bool
matched(PairedMode mode, const PairedCell *cell)
{
	if (cell->unknown)
		return false;
	return cell->n1 > 0 && cell->n2 > 0 &&
		(mode == PAIRED_DIFFERENCE || cell->y1 + cell->y2 > 0);
}

/*
 * What is compared goes to the front, and totals say how much of all that is.
 */
static size_t
select_matched(PairedMode mode, PairedCell *cells, size_t ncells, PairedChange *result)
{
	size_t		n = 0;
	size_t		kept = 0;
	double		before = 0;
	double		after = 0;
	double		matched_before = 0;
	double		matched_after = 0;

	for (size_t i = 0; i < ncells; i++)
		if (good(cells[i].y1) && good(cells[i].n1) && good(cells[i].y2) && good(cells[i].n2))
			cells[kept++] = cells[i];
	result->bad_cells = ncells - kept;
	qsort(cells, kept, sizeof(PairedCell), compare_cells);

	for (size_t i = 0; i < kept; i++)
	{
		double		size1 = mode == PAIRED_RATIO ? cells[i].y1 : cells[i].n1;
		double		size2 = mode == PAIRED_RATIO ? cells[i].y2 : cells[i].n2;

		before += size1;
		after += size2;
		if (matched(mode, &cells[i]))
		{
			matched_before += size1;
			matched_after += size2;
			cells[n++] = cells[i];
		}
	}
	result->cells = n;
	result->matched_before = before > 0 ? matched_before / before : NAN;
	result->matched_after = after > 0 ? matched_after / after : NAN;
	return n;
}

/* The n that the fraction PAIRED_HALF of cells do not exceed. */
static double
half_weight(const PairedCell *cells, size_t n, double *scratch)
{
	double		position = PAIRED_HALF * (n - 1);
	size_t		below = (size_t) position;

	for (size_t i = 0; i < n; i++)
		scratch[i] = cells[i].n1 + cells[i].n2;
	qsort(scratch, n, sizeof(double), compare_doubles);
	if (below + 1 >= n)
		return scratch[n - 1];
	return scratch[below] + (position - below) * (scratch[below + 1] - scratch[below]);
}

/* How much a cell counts, whatever its calls are divided into. */
static inline double
cell_size(const Cells *cells, const PairedCell *cell)
{
	double		n = cell->n1 + cell->n2;

	return n / (1 + n / cells->half);
}

/* And how much it tells about a difference. */
static inline double
weight(const Cells *cells, const PairedCell *cell)
{
	double		n = cell->n1 + cell->n2;

	return cell_size(cells, cell) * (cell->n1 / n) * (cell->n2 / n);
}

/* ---- the estimate ---- */

/* What a cell says against theta, and how strongly that depends on theta. */
typedef struct Evidence
{
	double		balance;
	double		slope;
} Evidence;

/* factor is e^theta for ratios */
static inline Evidence
cell_evidence(const Cells *cells, const PairedCell *cell, double theta, double factor)
{
	double		p;
	double		q;
	double		v;

	if (cells->mode == PAIRED_DIFFERENCE)
	{
		double		w = weight(cells, cell);

		return (Evidence) {w * (cell->y2 / cell->n2 - cell->y1 / cell->n1 - theta), w};
	}

	p = cell->n2 / (cell->n1 + cell->n2);
	q = cell->y2 > 0 ? 1 / (1 + cell->y1 / cell->y2 * factor) : 0;
	v = cell_size(cells, cell);
	return (Evidence) {v * (q - p), v * q * (1 - q)};
}

static Evidence
evidence(const Cells *cells, double theta)
{
	Evidence	sum = {0, 0};
	double		factor = cells->mode == PAIRED_RATIO ? exp(theta) : 1;

	for (size_t i = 0; i < cells->n; i++)
	{
		Evidence	one = cell_evidence(cells, &cells->cell[i], theta, factor);

		sum.balance += one.balance;
		sum.slope += one.slope;
	}
	return sum;
}

/*
 * The theta at which the balance is zero; infinite where it is beyond all
 * factors, as if y is on one side only, and NAN where it is on one side of some cells and on the other side
 * of others, so that no factor helps.
 */
static double
solve(const Cells *cells)
{
	double		low = -MAX_THETA;
	double		high = MAX_THETA;
	double		theta = 0;
	Evidence	at_low;
	Evidence	at_high;

	if (cells->mode == PAIRED_DIFFERENCE)
	{
		Evidence	at_zero = evidence(cells, 0);

		return at_zero.balance / at_zero.slope;
	}
	if (cells->n == 1)
	{
		const PairedCell *cell = cells->cell;

		theta = log(cell->y2 / cell->n2) - log(cell->y1 / cell->n1);
		return fabs(theta) <= MAX_THETA ? theta : copysign(INFINITY, theta);
	}

	at_low = evidence(cells, low);
	at_high = evidence(cells, high);
	if (at_low.balance <= 0 && at_high.balance >= 0)
		return NAN;
	if (at_low.balance <= 0)
		return -INFINITY;
	if (at_high.balance >= 0)
		return INFINITY;

	/* Newton's steps, as long as they stay between what is known */
	for (int i = 0; i < 200; i++)
	{
		Evidence	here = evidence(cells, theta);
		double		next = theta + here.balance / here.slope;
		bool		newton;

		if (here.balance > 0)
			low = theta;
		else
			high = theta;
		newton = next >= low && next <= high;
		if (!newton)
			next = low + (high - low) / 2;
		/* the error after a step is about its square */
		if (newton ? fabs(next - theta) <= 1e-9 : high - low <= NOTHING)
			return next;
		theta = next;
	}
	return theta;
}

/* ---- its error ---- */

static size_t
unit_end(const PairedCell *cells, size_t n, size_t start)
{
	size_t		end = start + 1;

	while (end < n && cells[end].unit == cells[start].unit)
		end++;
	return end;
}

/* How each unit changed on its own. */
static void
compare_units(const Cells *cells, PairedChange *result)
{
	double		total = 0;
	double		squares = 0;
	size_t		end;

	for (size_t start = 0; start < cells->n; start = end)
	{
		double		sum = 0;
		double		theta;
		Cells		unit = *cells;

		end = unit_end(cells->cell, cells->n, start);
		unit.cell += start;
		unit.n = end - start;
		for (size_t i = start; i < end; i++)
			sum += weight(cells, &cells->cell[i]);
		total += sum;
		squares += sum * sum;

		theta = solve(&unit);
		result->units++;
		result->rose += theta > NOTHING;
		result->fell += theta < -NOTHING;
		if (fabs(theta) <= PAIRED_MAX)
		{
			result->smallest = fmin(result->smallest, theta);
			result->largest = fmax(result->largest, theta);
		}
	}
	result->effective_units = total * (total / squares);
}

/*
 * Degrees of freedom are 2 E(S)^2 / Var(S) of the sum S of z^2, as a multiple
 * of chi squared has them.  If all z are normal and of one size, that is the
 * number of units; a few that dominate, by size or by heavy tails, make it
 * small.
 */
static void
measure_error(const Cells *cells, PairedChange *result)
{
	double		factor = cells->mode == PAIRED_RATIO ? exp(result->theta) : 1;
	double		slope = evidence(cells, result->theta).slope;
	double		squares = 0;
	double		fourth = 0;
	double		reach;
	size_t		end;

	if (result->units < 2 || !(slope > 0))
		return;
	for (size_t start = 0; start < cells->n; start = end)
	{
		Evidence	unit = {0, 0};
		double		z;

		end = unit_end(cells->cell, cells->n, start);
		for (size_t i = start; i < end; i++)
		{
			Evidence	one = cell_evidence(cells, &cells->cell[i], result->theta, factor);

			unit.balance += one.balance;
			unit.slope += one.slope;
		}
		if (!(unit.slope < slope))
			return;
		z = unit.balance / (slope - unit.slope);
		squares += z * z;
		fourth += (z * z) * (z * z);
	}

	result->standard_error = sqrt(squares);
	result->df = result->units - 1;
	if (result->standard_error < NOTHING)
		result->standard_error = 0;
	else
	{
		/* how uneven z^2 are, beyond what an even share would be */
		double		uneven = fourth / (squares * squares) - 1.0 / result->units;

		if (uneven > 0)
			result->df = fmax(1, fmin(result->df, 2 / uneven));
	}

	if (result->standard_error == 0)
		result->p_value = result->theta == 0;
	else
		result->p_value = student_t_p_value(result->theta / result->standard_error, result->df);
	reach = student_t_critical(0.05, result->df) * result->standard_error;
	result->low = result->theta - reach;
	result->high = result->theta + reach;
}

void
paired_change(PairedMode mode, PairedCell *cells, size_t ncells,
			  double *scratch, PairedChange *result)
{
	Cells		all = {.mode = mode, .cell = cells};

	*result = (PairedChange) {
		.mode = mode,
		.theta = NAN,
		.low = NAN,
		.high = NAN,
		.p_value = NAN,
		.standard_error = NAN,
		.df = NAN,
		.smallest = NAN,
		.largest = NAN,
	};
	all.n = select_matched(mode, cells, ncells, result);
	if (all.n == 0)
		return;

	all.half = half_weight(cells, all.n, scratch);
	compare_units(&all, result);
	result->theta = solve(&all);
	/* NAN neither */
	if (!(fabs(result->theta) <= PAIRED_MAX))
	{
		result->theta = NAN;
		return;
	}
	if (fabs(result->theta) < NOTHING)
		result->theta = 0;
	measure_error(&all, result);
}
