/*-------------------------------------------------------------------------
 *
 * verdict.c
 *		What an estimated change means.  See verdict.h.
 *
 *-------------------------------------------------------------------------
 */
#include "verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "student_t.h"

/* What earlier periods did. */
typedef struct Placebo
{
	int			n;
	double		theta[VERDICT_MAX_PLACEBO];
	double		size;			/* root mean square */
	bool		step;			/* that one of them was has been taken out */
	bool		drifts;
	double		drift;			/* their mean */
	double		spread;			/* standard deviation around it */
} Placebo;

const char *
verdict_name(Verdict verdict)
{
	static const char *const names[] = {
		"increased", "decreased", "no_large_change", "trend", "inconclusive", "insufficient"
	};

	return names[verdict];
}

/* ---- words ---- */

static void __attribute__((format(printf, 2, 3)))
say(VerdictResult *result, const char *format, ...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(result->cause, sizeof(result->cause), format, args);
	va_end(args);
}

typedef struct Text
{
	char		s[80];
} Text;

/* as "+12 %", "-0.5 points"; without a sign if it is a size */
static Text
amount(PairedMode mode, double theta, bool size)
{
	static const double most = 1e6;
	Text		text;
	double		percent = 100 * paired_fraction(mode, theta);
	bool		beyond = fabs(percent) > most;

	if (beyond)
		percent = copysign(most, percent);
	if (size)
		percent = fabs(percent);
	snprintf(text.s, sizeof(text.s), size ? "%s%.*f %s" : "%s%+.*f %s",
			 beyond ? "beyond " : "", fabs(percent) < 9.95 ? 1 : 0, percent,
			 mode == PAIRED_RATIO ? "%" : "points");
	return text;
}

/* ---- earlier periods ---- */

static double
p_value(double theta, double error, double df)
{
	return error > 0 ? student_t_p_value(theta / error, df) : theta == 0;
}

static double
mean_square(const double *x, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sum / n;
}

/*
 * Takes out the step that the largest earlier change was, if it was one.
 */
static void
take_out_step(const VerdictInput *input, int n, Placebo *placebo)
{
	double		rest[VERDICT_MAX_PLACEBO];
	int			nrest = 0;
	int			at = -1;
	double		error;

	for (int i = 0; i < n; i++)
		if (!isnan(input->placebo[i]) &&
			(at < 0 || fabs(input->placebo[i]) > fabs(input->placebo[at])))
			at = i;
	for (int i = 0; i < n; i++)
	{
		double		x = input->placebo[i];
		int			later = at - i;

		if (i == at || isnan(x))
			continue;
		if (later > 0 && later < input->baseline_periods)
			x -= input->placebo[at] * (1 - (double) later / input->baseline_periods);
		rest[nrest++] = x;
	}
	error = fmax(sqrt(mean_square(rest, nrest)), input->estimate->standard_error);
	if (student_t_p_value(input->placebo[at] / error, nrest) >= VERDICT_LEVEL / (nrest + 1))
		return;
	placebo->step = true;
	placebo->n = nrest;
	for (int i = 0; i < nrest; i++)
		placebo->theta[i] = rest[i];
}

/*
 * Do changes have a mean?  The one in question counts too, though how large
 * the trend is, earlier ones say.
 */
static void
find_drift(const VerdictInput *input, Placebo *placebo)
{
	int			n = placebo->n;
	double		now = input->estimate->theta;
	double		sum = 0;
	double		squares = 0;
	double		mean;
	double		spread;

	for (int i = 0; i < n; i++)
		sum += placebo->theta[i];
	placebo->drift = sum / n;
	for (int i = 0; i < n; i++)
		squares += pow(placebo->theta[i] - placebo->drift, 2);
	placebo->spread = sqrt(squares / (n - 1));

	mean = (sum + now) / (n + 1);
	/* with one value more, their squares grow by this */
	squares += pow(now - placebo->drift, 2) * n / (n + 1);
	spread = fmax(sqrt(squares / n), input->estimate->standard_error);
	placebo->drifts = mean * placebo->drift > 0 &&
		p_value(mean, spread / sqrt(n + 1), n) < VERDICT_LEVEL;
}

static void
look_back(const VerdictInput *input, Placebo *placebo, VerdictResult *result)
{
	int			n = input->nplacebo < VERDICT_MAX_PLACEBO ? input->nplacebo : VERDICT_MAX_PLACEBO;

	placebo->n = 0;
	placebo->step = placebo->drifts = false;
	placebo->size = 0;
	for (int i = 0; i < n; i++)
	{
		if (isnan(input->placebo[i]))
			continue;
		placebo->theta[placebo->n++] = input->placebo[i];
		result->placebo_larger += fabs(input->placebo[i]) >= fabs(input->estimate->theta);
	}
	result->placebo_windows = placebo->n;
	if (placebo->n > VERDICT_MIN_PLACEBO)
		take_out_step(input, n, placebo);
	if (placebo->n >= VERDICT_MIN_PLACEBO)
		find_drift(input, placebo);
	if (placebo->n > 0)
		placebo->size = sqrt(mean_square(placebo->theta, placebo->n));
}

/* ---- the verdict ---- */

/* The final error, and what follows from it. */
static void
measure(const PairedChange *estimate, const Placebo *placebo, VerdictResult *result)
{
	double		floor = placebo->drifts ? placebo->spread : placebo->size;
	double		reach;

	result->standard_error = estimate->standard_error;
	result->df = estimate->df;
	if (floor > estimate->standard_error)
	{
		/* the share of the variance that only earlier periods tell of */
		double		common = 1 - pow(estimate->standard_error / floor, 2);

		result->standard_error = floor;
		if (placebo->n >= VERDICT_MIN_PLACEBO)
			result->df = fmin(result->df, placebo->n / common);
	}
	reach = student_t_critical(0.05, result->df) * result->standard_error;
	result->low = estimate->theta - reach;
	result->high = estimate->theta + reach;
	result->p_value = p_value(estimate->theta, result->standard_error, result->df);
}

/* Says why, if units are too few to speak for others. */
static bool
insufficient(const VerdictInput *input, VerdictResult *result)
{
	const PairedChange *e = input->estimate;
	Text		smallest = amount(e->mode, e->smallest, false);
	Text		largest = amount(e->mode, e->largest, false);
	char		range[2 * sizeof(Text) + 10] = "";

	if (e->units == 0)
		say(result, "no %s was seen in both periods", input->unit);
	else if (e->units == 1)
	{
		if (isnan(e->smallest))
			say(result, "only one %s was seen in both periods", input->unit);
		else
			say(result, "only one %s was seen in both periods: %s", input->unit, smallest.s);
	}
	else if (e->effective_units < VERDICT_MIN_EFFECTIVE_UNITS)
	{
		const char *word = e->rose >= e->fell ? "rose" : "fell";
		int64_t		most = e->rose >= e->fell ? e->rose : e->fell;

		if (!isnan(e->smallest))
			snprintf(range, sizeof(range), ", %s to %s", smallest.s, largest.s);
		if (e->units < VERDICT_MIN_EFFECTIVE_UNITS)
			say(result, "%d of %d %ss %s%s; this holds for these only",
				(int) most, (int) e->units, input->unit, word, range);
		else
			say(result, "%d of %d %ss %s%s; a few of them are most of it, so this holds for these only",
				(int) most, (int) e->units, input->unit, word, range);
	}
	else if (isnan(e->theta) || isnan(e->standard_error))
		say(result, "no factor describes the change: too many %ss have a zero on one side", input->unit);
	else
		return false;
	result->verdict = VERDICT_INSUFFICIENT;
	return true;
}

/* What is known of earlier periods, to follow a sentence. */
static Text
looking_back(const Placebo *placebo, const VerdictResult *result)
{
	Text		text = {""};

	if (result->placebo_windows > 0)
		snprintf(text.s, sizeof(text.s), "; larger in %d of %d earlier periods%s",
				 result->placebo_larger, result->placebo_windows,
				 placebo->step ? " (one was a step)" : "");
	return text;
}

void
change_verdict(const VerdictInput *input, VerdictResult *result)
{
	const PairedChange *e = input->estimate;
	Placebo		placebo = {0};
	double		reach;
	double		beyond;
	double		before = e->matched_before;
	double		after = e->matched_after;
	double		least = paired_theta(e->mode, -input->margin);
	double		most = paired_theta(e->mode, input->margin);
	double		low;
	double		high;
	bool		trivial;

	*result = (VerdictResult) {
		.standard_error = NAN, .df = NAN, .low = NAN, .high = NAN, .p_value = NAN,
	};

	/* an error of the estimate that is NAN is no reason to know nothing */
	if (!isnan(e->theta) && !isnan(e->standard_error))
	{
		look_back(input, &placebo, result);
		measure(e, &placebo, result);
	}

	if (input->unpriced_before > VERDICT_MAX_UNPRICED || input->unpriced_after > VERDICT_MAX_UNPRICED)
	{
		result->verdict = VERDICT_INCONCLUSIVE;
		say(result, "%.1f %% before and %.1f %% after have no price; above %g %% nothing can be said",
			100 * input->unpriced_before, 100 * input->unpriced_after, 100 * VERDICT_MAX_UNPRICED);
		return;
	}
	if (insufficient(input, result))
		return;
	if (before < VERDICT_MIN_MATCHED || after < VERDICT_MIN_MATCHED)
	{
		result->verdict = VERDICT_INCONCLUSIVE;
		say(result, "%ss seen in both periods are only %.0f %% of what was before and %.0f %% of what came after",
			input->unit, 100 * before, 100 * after);
		return;
	}

	reach = student_t_critical(VERDICT_LEVEL, result->df) * result->standard_error;
	trivial = e->theta - reach > least && e->theta + reach < most;

	if (placebo.drifts)
	{
		beyond = p_value(e->theta - placebo.drift,
						 result->standard_error * sqrt(1 + 1.0 / placebo.n), result->df);
		if (beyond >= VERDICT_LEVEL && e->theta * placebo.drift > 0 && !trivial &&
			fabs(placebo.drift) >= most / 5)
		{
			result->verdict = VERDICT_TREND;
			say(result, "%s; earlier periods moved by %s on average",
				amount(e->mode, e->theta, false).s, amount(e->mode, placebo.drift, false).s);
			return;
		}
		result->p_value = fmax(result->p_value, beyond);
	}

	if (result->p_value < VERDICT_LEVEL && !trivial)
	{
		result->verdict = e->theta > 0 ? VERDICT_INCREASED : VERDICT_DECREASED;
		say(result, "%s, between %s and %s%s", amount(e->mode, e->theta, false).s,
			amount(e->mode, result->low, false).s, amount(e->mode, result->high, false).s,
			looking_back(&placebo, result).s);
		return;
	}

	low = fabs(paired_fraction(e->mode, result->low));
	high = fabs(paired_fraction(e->mode, result->high));
	if (fmax(low, high) <= VERDICT_LARGE * input->margin)
	{
		result->verdict = VERDICT_NO_LARGE_CHANGE;
		say(result, "no change larger than %s%s",
			amount(e->mode, low > high ? result->low : result->high, true).s,
			looking_back(&placebo, result).s);
		return;
	}
	result->verdict = VERDICT_INCONCLUSIVE;
	say(result, "anything from %s to %s is possible%s", amount(e->mode, result->low, false).s,
		amount(e->mode, result->high, false).s, looking_back(&placebo, result).s);
}
