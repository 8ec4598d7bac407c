/*-------------------------------------------------------------------------
 *
 * statistics_scan.c
 *		How many findings of a scan are false: 5,000 comparisons, of which 100
 *		have changed, judged as regressions() judges them.  See
 *		bench/statistics.
 *
 *		statistics_scan SCANS SEED PROCESSES
 *
 * A scan is 186 worlds of 300 users, six workflows of 50 users each, and three
 * teams that have two workflows each.  For all nine, cost by operation, hit
 * ratio and calls by operation of the last week are compared with the four
 * weeks before; and as regressions() has it, cost is also compared with the
 * first four weeks of the quarter.  So comparisons depend on each other: cost
 * and calls share their operations, a team has the users of its workflows, and
 * the last week is in all of them.
 *
 * Of one workflow in 44 worlds something got worse in the last week, by 20 %
 * or 5 points.  That is true of its team, too, which changed by about half as
 * much; and who makes more calls pays more.  Users change the same way in all
 * that they do.
 *
 * Findings are what got worse by its verdict, at a false-discovery rate (Y.
 * Benjamini and Y. Hochberg, JRSS B 57, 1995) of at most 5 %, and costs that
 * crept up since the beginning of the quarter.  Grades that rest on totals
 * alone, mix shift and single user, are arithmetic and not tested.
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

#define PAIRS		5000
#define WORKFLOWS	6
#define TEAMS		3
#define SCOPES		(WORKFLOWS + TEAMS)
#define WORLDS		186			/* enough for all pairs */
#define PLACEBO		8
#define RATE		0.05
#define THRESHOLD	0.2

/* worlds with a change: so that 20 + 18 + 2 x 6 workflows, and their teams, make 100 pairs */
#define DEARER		20
#define MISSES		18
#define MORE_CALLS	6

typedef enum Metric
{
	UNIT_COST,
	HIT_RATIO,
	CALLS,
	NUM_METRICS
} Metric;

typedef enum Story
{
	NOTHING,
	HUNDRED,
	HUNDRED_AND_SHOCKS,
	HUNDRED_30,
	NUM_STORIES
} Story;

typedef struct Pair
{
	double		p;
	bool		creeping;		/* since the quarter began */
	bool		grave;			/* enough to be a finding, if it is certain */
	bool		differs;		/* by its verdict, in either direction */
	bool		changed;
	bool		whole;			/* all of its users changed */
} Pair;

/* The share of each scan, added up. */
typedef struct Tally
{
	int			scans;
	double		comparisons;
	double		findings;
	double		rate;
	double		rate_squared;
	double		either;			/* the same of what differs in either direction */
	double		either_squared;
	double		power;
	double		power_squared;
	double		power_whole;
	double		power_whole_squared;
	int			any_false;
} Tally;

typedef Tally Tallies[NUM_STORIES];

typedef struct Users
{
	Sums		sums[NUM_METRICS][USERS][WEEKS];
} Users;

/* Calls are made in operations: fewer than calls, and of each user his own share. */
static void
group_calls(const World *world, double operations[USERS][WEEKS])
{
	for (int i = 0; i < USERS; i++)
	{
		double		share = 0.75 + 0.08 * gauss();

		for (int w = 0; w < WEEKS; w++)
		{
			double		calls = world->week[i][w].n;
			double		p = fmin(0.97, fmax(0.3, share * exp(0.05 * gauss())));

			operations[i][w] = fmin(calls, fmax(calls > 0, floor(calls * p + sqrt(calls * p * (1 - p)) * gauss() + 0.5)));
		}
	}
}

/* What is changed of the users of the first workflow. */
static bool
has_changed(int number, Metric metric, Story story)
{
	if (story == NOTHING)
		return false;
	if (number < DEARER)
		return metric == UNIT_COST;
	if (number < DEARER + MISSES)
		return metric == HIT_RATIO;
	return number < DEARER + MISSES + MORE_CALLS && metric != HIT_RATIO;
}

static void
observe(const World *world, double operations[USERS][WEEKS], const double shock[WEEKS], int number, Story story, Users *users)
{
	double		factor = story == HUNDRED_30 ? 1.3 : 1.2;

	for (int i = 0; i < USERS; i++)
		for (int w = 0; w < WEEKS; w++)
		{
			bool		touched = w == 0 && i % WORKFLOWS == 0;
			bool		calls = touched && has_changed(number, CALLS, story);
			double		n = operations[i][w] / (calls ? factor : 1);
			double		y = world->week[i][w].y * (story == HUNDRED_AND_SHOCKS ? shock[w] : 1);

			if (touched && !calls && has_changed(number, UNIT_COST, story))
				y *= factor;
			users->sums[UNIT_COST][i][w] = (Sums) {y, n};
			users->sums[CALLS][i][w] = (Sums) {world->week[i][w].n, n};
			users->sums[HIT_RATIO][i][w] = touched && has_changed(number, HIT_RATIO, story) ? world->faulty[i][w] : world->tokens[i][w];
		}
}

static bool
in_scope(int user, int scope)
{
	return scope < WORKFLOWS ? user % WORKFLOWS == scope : user % TEAMS == scope - WORKFLOWS;
}

/* One week against the four from "before" on. */
static void
compare(const Users *users, Metric metric, int scope, int week, int before, PairedChange *change)
{
	PairedCell	cells[USERS];
	double		scratch[USERS];
	int			n = 0;

	for (int i = 0; i < USERS; i++)
	{
		PairedCell *cell = &cells[n];

		if (!in_scope(i, scope))
			continue;
		n++;
		*cell = (PairedCell) {.unit = i, .y2 = users->sums[metric][i][week].y, .n2 = users->sums[metric][i][week].n};
		for (int w = before; w < before + 4; w++)
		{
			cell->y1 += users->sums[metric][i][w].y;
			cell->n1 += users->sums[metric][i][w].n;
		}
	}
	paired_change(metric == HIT_RATIO ? PAIRED_DIFFERENCE : PAIRED_RATIO, cells, n, scratch, change);
}

static void
judge(const Users *users, Metric metric, int scope, Pair *pair)
{
	PairedChange estimate;
	PairedChange earlier;
	double		placebo[PLACEBO];
	VerdictInput input = {
		.estimate = &estimate, .placebo = placebo, .nplacebo = PLACEBO, .unit = "user", .baseline_periods = 4,
		.margin = metric == HIT_RATIO ? VERDICT_DIFFERENCE_MARGIN : VERDICT_RATIO_MARGIN,
	};
	VerdictResult result;

	compare(users, metric, scope, 0, 1, &estimate);
	for (int k = 0; k < PLACEBO; k++)
	{
		compare(users, metric, scope, k + 1, k + 2, &earlier);
		placebo[k] = earlier.theta;
	}
	change_verdict(&input, &result);
	pair->p = result.p_value;
	pair->creeping = false;
	pair->grave = result.verdict == (metric == HIT_RATIO ? VERDICT_DECREASED : VERDICT_INCREASED);
	pair->differs = result.verdict == VERDICT_INCREASED || result.verdict == VERDICT_DECREASED;
}

/* The last week against the first four of the quarter. */
static void
judge_quarter(const Users *users, int scope, Pair *pair)
{
	PairedChange estimate;

	compare(users, UNIT_COST, scope, 0, 9, &estimate);
	pair->p = estimate.p_value;
	pair->creeping = true;
	pair->grave = pair->differs = paired_fraction(PAIRED_RATIO, estimate.theta) >= THRESHOLD &&
		paired_fraction(PAIRED_RATIO, estimate.low) > 0.05 && estimate.effective_units >= VERDICT_MIN_EFFECTIVE_UNITS;
}

static int
compare_pairs(const void *a, const void *b)
{
	double		x = ((const Pair *) a)->p;
	double		y = ((const Pair *) b)->p;

	return x < y ? -1 : x > y;
}

/* A share and its square. */
static void
add_share(double share, double *sum, double *squared)
{
	*sum += share;
	*squared += share * share;
}

static void
count(Pair *pairs, int n, Tally *tally)
{
	int			found = 0;
	int			wrong = 0;
	int			differ = 0;
	int			wrongly = 0;
	int			right = 0;
	int			right_whole = 0;
	int			changed = 0;
	int			changed_whole = 0;
	int			last = -1;

	qsort(pairs, n, sizeof(Pair), compare_pairs);
	for (int i = 0; i < n; i++)
	{
		if (pairs[i].p <= RATE * (i + 1) / n)
			last = i;
		changed += pairs[i].changed && !pairs[i].creeping;
		changed_whole += pairs[i].changed && pairs[i].whole && !pairs[i].creeping;
	}
	for (int i = 0; i <= last; i++)
	{
		const Pair *pair = &pairs[i];

		differ += pair->differs;
		wrongly += pair->differs && !pair->changed;
		if (!pair->grave)
			continue;
		found++;
		wrong += !pair->changed;
		right += pair->changed && !pair->creeping;
		right_whole += pair->changed && pair->whole && !pair->creeping;
	}
	tally->scans++;
	tally->comparisons += n;
	tally->findings += found;
	tally->any_false += wrong > 0;
	add_share(found > 0 ? wrong / (double) found : 0, &tally->rate, &tally->rate_squared);
	add_share(differ > 0 ? wrongly / (double) differ : 0, &tally->either, &tally->either_squared);
	if (changed == 0)
		return;
	add_share(right / (double) changed, &tally->power, &tally->power_squared);
	add_share(right_whole / (double) changed_whole, &tally->power_whole, &tally->power_whole_squared);
}

static void
scan(uint64_t seed, int64_t number, void *tally)
{
	Tally	   *tallies = tally;
	static World world;
	static Users users;
	static double operations[USERS][WEEKS];
	static Pair pairs[NUM_STORIES][2 * PAIRS];
	static Pair judged[NUM_STORIES][SCOPES][NUM_METRICS][2];
	int			npairs[NUM_STORIES] = {0};
	int			ncompared[NUM_STORIES] = {0};

	for (int i = 0; i < WORLDS; i++)
	{
		double		shock[WEEKS];

		random_seed(seed, (uint64_t) number * WORLDS + i);
		make_world(&world, i % NUM_TYPES);
		group_calls(&world, operations);
		for (int w = 0; w < WEEKS; w++)
			shock[w] = exp(0.03 * gauss());
		for (Story story = 0; story < NUM_STORIES; story++)
		{
			observe(&world, operations, shock, i, story, &users);
			for (int scope = 0; scope < SCOPES; scope++)
				for (Metric metric = 0; metric < NUM_METRICS; metric++)
				{
					bool		touched = scope == 0 || scope == WORKFLOWS;
					Pair	   *pair = judged[story][scope][metric];

					if (story != NOTHING && story != HUNDRED_AND_SHOCKS && !(touched && i < DEARER + MISSES + MORE_CALLS))
						memcpy(pair, judged[NOTHING][scope][metric], 2 * sizeof(Pair));
					else
					{
						judge(&users, metric, scope, &pair[0]);
						if (metric == UNIT_COST)
							judge_quarter(&users, scope, &pair[1]);
					}
					for (int k = 0; k <= (metric == UNIT_COST) && ncompared[story] < PAIRS; k++)
					{
						pair[k].changed = touched && has_changed(i, metric, story);
						pair[k].whole = scope == 0;
						if (!isnan(pair[k].p))
							pairs[story][npairs[story]++] = pair[k];
					}
					ncompared[story]++;
				}
		}
	}
	for (Story story = 0; story < NUM_STORIES; story++)
		count(pairs[story], npairs[story], &tallies[story]);
}

/* ---- the report ---- */

static const char *const story_names[] = {
	[NOTHING] = "nothing changed",
	[HUNDRED] = "100 changed, by 20 % or 5 points",
	[HUNDRED_AND_SHOCKS] = "the same, weekly shocks of 3 % for the users of a world",
	[HUNDRED_30] = "100 changed, by 30 % or 5 points",
};

static int
report_line(const char *story, const char *what, double sum, double squared, int n, double most)
{
	double		mean = sum / n;
	double		reach = 1.96 * sqrt(fmax(0, squared / n - mean * mean) / fmax(1, n - 1));
	const char *judged = mean > most ? "missed" : mean + reach > most ? "near" : "met";
	char		promise[20] = "";

	if (most < 1)
		snprintf(promise, sizeof(promise), "<= %.3f", most);
	printf("%-56s %-44s %.4f (%.4f to %.4f) %-12s %s\n", story, what, mean, mean - reach, mean + reach,
		   promise, most < 1 ? judged : "");
	return most < 1 && mean > most;
}

static int
report(Tallies tallies)
{
	int			missed = 0;

	printf("%-56s %-44s %-25s %s\n", "5,000 comparisons", "what, mean of scans", "95 % bounds", "promise");
	for (Story story = 0; story < NUM_STORIES; story++)
	{
		const Tally *t = &tallies[story];
		const char *name = story_names[story];

		missed += report_line(name, "findings that are false", t->rate, t->rate_squared, t->scans, RATE);
		missed += report_line(name, "false of what differs in either direction", t->either, t->either_squared, t->scans, RATE);
		if (story != NOTHING)
		{
			report_line(name, "found of what changed", t->power, t->power_squared, t->scans, 1);
			report_line(name, "found of workflows, that changed as a whole", t->power_whole, t->power_whole_squared, t->scans, 1);
		}
		printf("%-56s %.0f p values, %.1f findings a scan, a false one in %d of %d scans\n", name,
			   t->comparisons / t->scans, t->findings / t->scans, t->any_false, t->scans);
	}
	printf("%d promises of scans missed\n", missed);
	return missed;
}

int
main(int argc, char **argv)
{
	WorkerArguments arguments = worker_arguments(argc, argv, 30);
	Tallies	   *tallies = run_workers(argv[0], &arguments, sizeof(Tallies), scan);

	for (int i = 1; i < arguments.processes; i++)
		for (Story story = 0; story < NUM_STORIES; story++)
		{
			Tally	   *sum = &tallies[0][story];
			const Tally *more = &tallies[i][story];

			sum->scans += more->scans;
			sum->comparisons += more->comparisons;
			sum->findings += more->findings;
			sum->rate += more->rate;
			sum->rate_squared += more->rate_squared;
			sum->either += more->either;
			sum->either_squared += more->either_squared;
			sum->power += more->power;
			sum->power_squared += more->power_squared;
			sum->power_whole += more->power_whole;
			sum->power_whole_squared += more->power_whole_squared;
			sum->any_false += more->any_false;
		}
	printf("%lld scans, seed %llu\n", (long long) arguments.repetitions, (unsigned long long) arguments.seed);
	report(tallies[0]);
	return 0;
}
