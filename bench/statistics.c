/*-------------------------------------------------------------------------
 *
 * statistics.c
 *		How often verdicts are wrong: users are made up whose costs did what a
 *		scenario says, and the verdict is counted.  See bench/statistics.
 *
 *		statistics REPETITIONS SEED PROCESSES
 *
 * Scenarios of one repetition share a world, so they are not independent of
 * each other; repetitions are.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/paired_change.h"
#include "../src/verdict.h"
#include "statistics_world.h"
#include "workers.h"

#define TEAMS		15
#define PLACEBO		8

/* ---- scenarios ---- */

typedef enum Windows
{
	WEEK_AND_FOUR,				/* last week against the four before */
	FORTNIGHTS					/* 14 days against 14 days */
} Windows;

/* What happened to costs: a factor of each team and week. */
typedef struct Story
{
	double		factor[TEAMS][WEEKS];
} Story;

typedef enum Count
{
	COUNT_INCREASED,
	COUNT_DECREASED,
	COUNT_NO_LARGE_CHANGE,
	COUNT_TREND,
	COUNT_INCONCLUSIVE,
	COUNT_INSUFFICIENT,
	COUNT_PLAIN_INCREASED,		/* by the plain test, without earlier periods */
	COUNT_PLAIN_DECREASED,
	COUNT_COVERED,				/* by the plain 95 % interval */
	COUNT_COVERED_FINALLY,
	NUM_COUNTS
} Count;

typedef struct Tally
{
	int64_t		repetitions;
	int64_t		count[NUM_COUNTS];
	double		change;			/* sums, of all repetitions */
	double		change_squared;
	double		effective_units;
	double		error;
	char		cause[256];		/* of the first repetition */
} Tally;

typedef enum Scenario
{
	NOTHING_CHANGED,
	CALLS_X3,
	SHOCKS_3,
	SHOCKS_5,
	TEAMS_INDEPENDENT,
	TEAMS_WALK,
	TEAMS_WALK_BY_USER,
	WHALE_X5,
	CHURN_10,
	CHURN_30,
	TREND_2,
	TREND_3,
	FIVE_TENANTS,
	PLUS_20,
	PLUS_30,
	OLD_STEP,
	OLD_STEP_PLUS_30,
	FORTNIGHT_NOTHING,
	FORTNIGHT_PLUS_10,
	FORTNIGHT_PLUS_20,
	HITS_NOTHING,
	HITS_MINUS_5,
	HITS_FORTNIGHT_NOTHING,
	HITS_FORTNIGHT_MINUS_5,
	NUM_SCENARIOS
} Scenario;

/* The numbers of all processes, for each type of users. */
typedef Tally Tallies[NUM_TYPES][NUM_SCENARIOS];

static void
story_all(Story *story, int weeks, double factor)
{
	for (int team = 0; team < TEAMS; team++)
		for (int w = 0; w < weeks; w++)
			story->factor[team][w] *= factor;
}

static void
tell(Story *story, Scenario scenario)
{
	for (int team = 0; team < TEAMS; team++)
		for (int w = 0; w < WEEKS; w++)
			story->factor[team][w] = 1;

	switch (scenario)
	{
		case SHOCKS_3:
		case SHOCKS_5:
			for (int w = 0; w < WEEKS; w++)
			{
				double		shock = exp((scenario == SHOCKS_3 ? 0.03 : 0.05) * gauss());

				for (int team = 0; team < TEAMS; team++)
					story->factor[team][w] = shock;
			}
			break;
		case TEAMS_INDEPENDENT:
		case TEAMS_WALK:
		case TEAMS_WALK_BY_USER:
			for (int team = 0; team < TEAMS; team++)
			{
				double		level = 0;

				for (int w = WEEKS - 1; w >= 0; w--)
				{
					level = 0.15 * gauss() + (scenario == TEAMS_INDEPENDENT ? 0 : level);
					story->factor[team][w] = exp(level);
				}
			}
			break;
		case TREND_2:
		case TREND_3:
			for (int team = 0; team < TEAMS; team++)
				for (int w = 0; w < WEEKS; w++)
					story->factor[team][w] = pow(scenario == TREND_2 ? 1.02 : 1.03, -w);
			break;
		case FIVE_TENANTS:
		case PLUS_20:
			story_all(story, 1, 1.2);
			break;
		case PLUS_30:
			story_all(story, 1, 1.3);
			break;
		case OLD_STEP:
			story_all(story, 4, 1.3);
			break;
		case OLD_STEP_PLUS_30:
			story_all(story, 4, 1.3);
			story_all(story, 1, 1.3);
			break;
		case FORTNIGHT_PLUS_10:
			story_all(story, 2, 1.1);
			break;
		case FORTNIGHT_PLUS_20:
			story_all(story, 2, 1.2);
			break;
		default:
			break;
	}
}

/* What a user did in a week of the scenario. */
static Sums
observe(const World *world, const Story *story, Scenario scenario, int user, int week)
{
	Sums		sums = world->week[user][week];

	switch (scenario)
	{
		case HITS_MINUS_5:
		case HITS_FORTNIGHT_MINUS_5:
			if (week < (scenario == HITS_MINUS_5 ? 1 : 2))
				return world->faulty[user][week];
			return world->tokens[user][week];
		case HITS_NOTHING:
		case HITS_FORTNIGHT_NOTHING:
			return world->tokens[user][week];
		case CALLS_X3:
			if (week == 0)
				for (int k = 0; k < 2; k++)
				{
					sums.y += world->more[user][k].y;
					sums.n += world->more[user][k].n;
				}
			break;
		case WHALE_X5:
			if (week == 0 && user == world->whale)
			{
				sums.y += world->burst.y;
				sums.n += world->burst.n;
			}
			break;
		case CHURN_10:
		case CHURN_30:
			/* some leave; as many come, and are twice as dear */
			if (user % 10 < (scenario == CHURN_10 ? 1 : 3))
			{
				bool		comes = user / 10 % 2 == 0;

				if (comes != (week == 0))
					return (Sums) {0, 0};
				if (comes)
					sums.y *= 2;
			}
			break;
		default:
			break;
	}
	sums.y *= story->factor[user % TEAMS][week];
	return sums;
}

static bool
is_difference(Scenario scenario)
{
	return scenario >= HITS_NOTHING;
}

static Windows
windows_of(Scenario scenario)
{
	switch (scenario)
	{
		case FORTNIGHT_NOTHING:
		case FORTNIGHT_PLUS_10:
		case FORTNIGHT_PLUS_20:
		case HITS_FORTNIGHT_NOTHING:
		case HITS_FORTNIGHT_MINUS_5:
			return FORTNIGHTS;
		default:
			return WEEK_AND_FOUR;
	}
}

/* The change of week "first", against what came before it. */
static void
measure(const Sums observed[USERS][WEEKS], Scenario scenario, int period, PairedChange *change)
{
	bool		fortnights = windows_of(scenario) == FORTNIGHTS;
	int			first = fortnights ? 2 * period : period;
	int			after = fortnights ? 2 : 1;
	int			before = fortnights ? 2 : 4;
	int			users = scenario == FIVE_TENANTS ? 5 : USERS;
	PairedCell	cells[USERS];
	double		scratch[USERS];

	for (int i = 0; i < users; i++)
	{
		PairedCell *cell = &cells[i];
		bool		by_team = scenario == TEAMS_INDEPENDENT || scenario == TEAMS_WALK;

		*cell = (PairedCell) {.unit = by_team ? i % TEAMS : i};
		for (int w = first; w < first + after; w++)
		{
			cell->y2 += observed[i][w].y;
			cell->n2 += observed[i][w].n;
		}
		for (int w = first + after; w < first + after + before; w++)
		{
			cell->y1 += observed[i][w].y;
			cell->n1 += observed[i][w].n;
		}
	}
	paired_change(is_difference(scenario) ? PAIRED_DIFFERENCE : PAIRED_RATIO,
				  cells, users, scratch, change);
}

/* What the change truly is, of those that can be compared. */
static double
truth(Scenario scenario)
{
	switch (scenario)
	{
		case FIVE_TENANTS:
		case PLUS_20:
		case FORTNIGHT_PLUS_20:
			return log(1.2);
		case PLUS_30:
			return log(1.3);
		case FORTNIGHT_PLUS_10:
			return log(1.1);
		case HITS_MINUS_5:
		case HITS_FORTNIGHT_MINUS_5:
			return -0.05;
		default:
			return 0;
	}
}

static void
run(const World *world, Scenario scenario, Tally *tally)
{
	static Sums observed[USERS][WEEKS];
	Story		story;
	PairedChange estimate;
	PairedChange earlier;
	double		placebo[PLACEBO];
	double		true_theta = truth(scenario);
	VerdictInput input = {
		.estimate = &estimate, .placebo = placebo, .nplacebo = PLACEBO, .unit = "user",
		.baseline_periods = windows_of(scenario) == FORTNIGHTS ? 1 : 4,
		.margin = is_difference(scenario) ? VERDICT_DIFFERENCE_MARGIN : VERDICT_RATIO_MARGIN,
	};
	VerdictResult result;

	tell(&story, scenario);
	for (int i = 0; i < USERS; i++)
		for (int w = 0; w < WEEKS; w++)
			observed[i][w] = observe(world, &story, scenario, i, w);

	measure(observed, scenario, 0, &estimate);
	for (int k = 0; k < PLACEBO; k++)
	{
		measure(observed, scenario, k + 1, &earlier);
		placebo[k] = earlier.theta;
	}
	change_verdict(&input, &result);

	tally->repetitions++;
	tally->count[result.verdict]++;
	tally->change += paired_fraction(estimate.mode, estimate.theta);
	tally->change_squared += pow(paired_fraction(estimate.mode, estimate.theta), 2);
	tally->effective_units += estimate.effective_units;
	tally->error += estimate.standard_error;
	if (estimate.p_value < VERDICT_LEVEL)
		tally->count[estimate.theta > 0 ? COUNT_PLAIN_INCREASED : COUNT_PLAIN_DECREASED]++;
	tally->count[COUNT_COVERED] += estimate.low <= true_theta && true_theta <= estimate.high;
	tally->count[COUNT_COVERED_FINALLY] += result.low <= true_theta && true_theta <= result.high;
	if (tally->repetitions == 1)
		memcpy(tally->cause, result.cause, sizeof(tally->cause));
}

static void
repetition(uint64_t seed, int64_t number, void *tally)
{
	Tally(*tallies)[NUM_SCENARIOS] = tally;
	static World world;

	for (int type = 0; type < NUM_TYPES; type++)
	{
		random_seed(seed, NUM_TYPES * number + type);
		make_world(&world, type);
		for (int s = 0; s < NUM_SCENARIOS; s++)
			run(&world, s, &tallies[type][s]);
	}
}

/* ---- the report ---- */

static const char *const scenario_names[] = {
	[NOTHING_CHANGED] = "nothing changed",
	[CALLS_X3] = "three times the calls of every user",
	[SHOCKS_3] = "weekly shock for all, 3 %",
	[SHOCKS_5] = "weekly shock for all, 5 %",
	[TEAMS_INDEPENDENT] = "15 teams, each week +-15 % about a level; by team",
	[TEAMS_WALK] = "15 teams, steps of +-15 % a week; by team",
	[TEAMS_WALK_BY_USER] = "15 teams, steps of +-15 % a week; by user",
	[WHALE_X5] = "the largest user makes 5 times the calls",
	[CHURN_10] = "10 % of users in turn: new ones twice as dear",
	[CHURN_30] = "30 % of users in turn: new ones twice as dear",
	[TREND_2] = "trend, 2 % a week",
	[TREND_3] = "trend, 3 % a week",
	[FIVE_TENANTS] = "five tenants, +20 %",
	[PLUS_20] = "+20 % in the last week",
	[PLUS_30] = "+30 % in the last week",
	[OLD_STEP] = "+30 % three weeks ago: 6 % above the baseline",
	[OLD_STEP_PLUS_30] = "+30 % three weeks ago and again in the last week",
	[FORTNIGHT_NOTHING] = "14 v 14 days, nothing changed",
	[FORTNIGHT_PLUS_10] = "14 v 14 days, +10 %",
	[FORTNIGHT_PLUS_20] = "14 v 14 days, +20 %",
	[HITS_NOTHING] = "hit ratio, nothing changed",
	[HITS_MINUS_5] = "hit ratio, -5 points in the last week",
	[HITS_FORTNIGHT_NOTHING] = "hit ratio, 14 v 14 days, nothing changed",
	[HITS_FORTNIGHT_MINUS_5] = "hit ratio, 14 v 14 days, -5 points",
};

/* What is promised of a rate. */
typedef struct Claim
{
	Scenario	scenario;
	const char *what;
	Count		count;
	double		low;			/* 0 and 1: none, told for information */
	double		high;
} Claim;

static const Claim claims[] = {
	{NOTHING_CHANGED, "increased", COUNT_INCREASED, 0, 0.015},
	{NOTHING_CHANGED, "decreased", COUNT_DECREASED, 0, 0.015},
	{CALLS_X3, "increased", COUNT_INCREASED, 0, 0.015},
	{CALLS_X3, "decreased", COUNT_DECREASED, 0, 0.015},
	{SHOCKS_3, "increased", COUNT_INCREASED, 0, 0.015},
	{SHOCKS_3, "decreased", COUNT_DECREASED, 0, 0.015},
	{TEAMS_INDEPENDENT, "increased", COUNT_INCREASED, 0, 0.015},
	{TEAMS_INDEPENDENT, "decreased", COUNT_DECREASED, 0, 0.015},
	{TEAMS_WALK, "increased", COUNT_INCREASED, 0, 0.015},
	{TEAMS_WALK, "decreased", COUNT_DECREASED, 0, 0.015},
	{WHALE_X5, "increased", COUNT_INCREASED, 0, 0.015},
	{WHALE_X5, "decreased", COUNT_DECREASED, 0, 0.015},
	{CHURN_10, "increased", COUNT_INCREASED, 0, 0.015},
	{CHURN_10, "decreased", COUNT_DECREASED, 0, 0.015},
	{CHURN_30, "increased", COUNT_INCREASED, 0, 0.015},
	{CHURN_30, "decreased", COUNT_DECREASED, 0, 0.015},
	{FIVE_TENANTS, "insufficient", COUNT_INSUFFICIENT, 1, 1},
	{FORTNIGHT_NOTHING, "increased", COUNT_INCREASED, 0, 0.015},
	{FORTNIGHT_NOTHING, "decreased", COUNT_DECREASED, 0, 0.015},
	{FORTNIGHT_PLUS_10, "increased", COUNT_INCREASED, 0.8, 1},
	{FORTNIGHT_PLUS_10, "increased, plain test", COUNT_PLAIN_INCREASED, 0.8, 1},
	{FORTNIGHT_PLUS_20, "increased", COUNT_INCREASED, 0.99, 1},
	{HITS_NOTHING, "increased", COUNT_INCREASED, 0, 0.015},
	{HITS_NOTHING, "decreased", COUNT_DECREASED, 0, 0.015},
	{HITS_MINUS_5, "decreased", COUNT_DECREASED, 0.95, 1},
	{HITS_FORTNIGHT_NOTHING, "increased", COUNT_INCREASED, 0, 0.015},
	{HITS_FORTNIGHT_NOTHING, "decreased", COUNT_DECREASED, 0, 0.015},
	{HITS_FORTNIGHT_MINUS_5, "decreased", COUNT_DECREASED, 0.95, 1},
	{NOTHING_CHANGED, "covered by the 95 % interval", COUNT_COVERED, 0.94, 0.96},
	{FORTNIGHT_NOTHING, "covered by the 95 % interval", COUNT_COVERED, 0.94, 0.96},
	{FORTNIGHT_PLUS_20, "covered by the 95 % interval", COUNT_COVERED, 0.94, 0.96},
	{HITS_NOTHING, "covered by the 95 % interval", COUNT_COVERED, 0.94, 0.96},
	{TREND_2, "trend", COUNT_TREND, 0, 1},
	{TREND_2, "increased", COUNT_INCREASED, 0, 1},
	{TREND_3, "trend", COUNT_TREND, 0, 1},
	{TREND_3, "increased", COUNT_INCREASED, 0, 1},
	{NOTHING_CHANGED, "trend", COUNT_TREND, 0, 1},
	{NOTHING_CHANGED, "no_large_change", COUNT_NO_LARGE_CHANGE, 0, 1},
	{NOTHING_CHANGED, "covered by the final interval", COUNT_COVERED_FINALLY, 0, 1},
	{SHOCKS_3, "increased, plain test", COUNT_PLAIN_INCREASED, 0, 1},
	{SHOCKS_3, "covered by the final interval", COUNT_COVERED_FINALLY, 0, 1},
	{SHOCKS_3, "trend", COUNT_TREND, 0, 1},
	{SHOCKS_5, "increased", COUNT_INCREASED, 0, 1},
	{SHOCKS_5, "decreased", COUNT_DECREASED, 0, 1},
	{SHOCKS_5, "increased, plain test", COUNT_PLAIN_INCREASED, 0, 1},
	{TEAMS_INDEPENDENT, "insufficient", COUNT_INSUFFICIENT, 0, 1},
	{TEAMS_WALK, "trend", COUNT_TREND, 0, 1},
	{TEAMS_WALK_BY_USER, "increased", COUNT_INCREASED, 0, 1},
	{TEAMS_WALK_BY_USER, "increased, plain test", COUNT_PLAIN_INCREASED, 0, 1},
	{CHURN_30, "inconclusive", COUNT_INCONCLUSIVE, 0, 1},
	{PLUS_20, "increased", COUNT_INCREASED, 0, 1},
	{PLUS_30, "increased", COUNT_INCREASED, 0, 1},
	{OLD_STEP, "increased", COUNT_INCREASED, 0, 1},
	{OLD_STEP_PLUS_30, "increased", COUNT_INCREASED, 0, 1},
};

/* The mean change is no more than a point away from the truth. */
static const Scenario unbiased[] = {
	NOTHING_CHANGED, CALLS_X3, SHOCKS_3, TEAMS_INDEPENDENT, TEAMS_WALK, WHALE_X5, CHURN_10,
	PLUS_20, FORTNIGHT_NOTHING, FORTNIGHT_PLUS_10, FORTNIGHT_PLUS_20, HITS_NOTHING, HITS_MINUS_5
};

/* E. B. Wilson's interval */
static void
bounds(double rate, double n, double *low, double *high)
{
	double		z = 1.96;
	double		middle = (rate + z * z / (2 * n)) / (1 + z * z / n);
	double		reach = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n));

	*low = fmax(0, middle - reach);
	*high = fmin(1, middle + reach);
}

/*
 * Does it hold?  "met" if all of the interval says so, "near" if only the
 * estimate does.
 */
static const char *
judge(double value, double low, double high, double least, double most)
{
	if (least == 0 && most == 1)
		return "";
	if (value < least || value > most)
		return "missed";
	return (low >= least || least == 1) && high <= most ? "met" : "near";
}

static const char *
worse(const char *a, const char *b)
{
	static const char *const order[] = {"missed", "near", "met"};

	for (int i = 0; i < 3; i++)
		if (strcmp(a, order[i]) == 0 || strcmp(b, order[i]) == 0)
			return order[i];
	return "";
}

static int
report(Tallies tallies)
{
	static const char *const types[] = {"A", "B", "C"};
	int			missed = 0;
	double		alarms = 0;

	printf("%-56s %-29s %-24s %-24s %-24s %-12s\n",
		   "scenario", "what", "A: rate, 95 % bounds", "B", "C", "promise");
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++)
	{
		const Claim *claim = &claims[i];
		const char *worst = "";
		char		promise[30] = "";

		printf("%-56s %-29s", scenario_names[claim->scenario], claim->what);
		for (int type = 0; type < NUM_TYPES; type++)
		{
			const Tally *tally = &tallies[type][claim->scenario];
			double		rate = tally->count[claim->count] / (double) tally->repetitions;
			double		low;
			double		high;

			bounds(rate, tally->repetitions, &low, &high);
			printf(" %.4f (%.4f to %.4f)", rate, low, high);
			/* of dear bursts only few false alarms are promised */
			if (type != DEAR_BURSTS || claim->low == 0)
				worst = worse(worst, judge(rate, low, high, claim->low, claim->high));
		}
		if (claim->low > 0 && claim->high < 1)
			snprintf(promise, sizeof(promise), "%.2f to %.2f", claim->low, claim->high);
		else if (claim->low > 0)
			snprintf(promise, sizeof(promise), ">= %.2f", claim->low);
		else if (claim->high < 1)
			snprintf(promise, sizeof(promise), "<= %.3f", claim->high);
		printf(" %-12s %s\n", promise, worst);
		missed += strcmp(worst, "missed") == 0;
	}

	for (size_t i = 0; i < sizeof(unbiased) / sizeof(*unbiased); i++)
	{
		Scenario	scenario = unbiased[i];
		double		true_change = paired_fraction(is_difference(scenario) ? PAIRED_DIFFERENCE : PAIRED_RATIO,
												  truth(scenario));
		const char *worst = "";

		printf("%-56s %-29s", scenario_names[scenario], "mean change less the true one");
		for (int type = 0; type < NUM_TYPES; type++)
		{
			const Tally *tally = &tallies[type][scenario];
			double		n = tally->repetitions;
			double		mean = tally->change / n;
			double		reach = 1.96 * sqrt((tally->change_squared / n - mean * mean) / (n - 1));
			double		bias = mean - true_change;

			printf(" %+.4f (%+.4f, %+.4f)", bias, bias - reach, bias + reach);
			worst = worse(worst, judge(bias, bias - reach, bias + reach, -0.01, 0.01));
		}
		printf(" %-12s %s\n", "+-0.01", worst);
		missed += strcmp(worst, "missed") == 0;
	}

	for (int type = 0; type < NUM_TYPES; type++)
	{
		const Tally *tally = &tallies[type][NOTHING_CHANGED];

		alarms += (tally->count[COUNT_INCREASED] + tally->count[COUNT_DECREASED]) / ((double) NUM_TYPES * tally->repetitions);
		printf("users %s: standard error %.4f and %.1f effective units in the default windows, %.4f in 14 v 14 days, %.4f of the hit ratio\n",
			   types[type], tally->error / tally->repetitions, tally->effective_units / tally->repetitions,
			   tallies[type][FORTNIGHT_NOTHING].error / tally->repetitions,
			   tallies[type][HITS_NOTHING].error / tally->repetitions);
		printf("users %s: five tenants read \"%s\"\n", types[type], tallies[type][FIVE_TENANTS].cause);
	}
	printf("30 workflows by 5 metrics, looked at weekly: %.0f false increases and decreases a year\n",
		   alarms * 30 * 5 * 52);
	printf("%d promises missed\n", missed);
	return missed;
}

int
main(int argc, char **argv)
{
	WorkerArguments arguments = worker_arguments(argc, argv, 3000);
	Tallies	   *tallies = run_workers(argv[0], &arguments, sizeof(Tallies), repetition);

	for (int i = 1; i < arguments.processes; i++)
		for (int type = 0; type < NUM_TYPES; type++)
			for (int s = 0; s < NUM_SCENARIOS; s++)
			{
				Tally	   *sum = &tallies[0][type][s];
				const Tally *more = &tallies[i][type][s];

				sum->repetitions += more->repetitions;
				for (int c = 0; c < NUM_COUNTS; c++)
					sum->count[c] += more->count[c];
				sum->change += more->change;
				sum->change_squared += more->change_squared;
				sum->effective_units += more->effective_units;
				sum->error += more->error;
			}
	printf("%lld repetitions for each line, seed %llu\n", (long long) arguments.repetitions, (unsigned long long) arguments.seed);
	report(tallies[0]);
	return 0;
}
