/*-------------------------------------------------------------------------
 *
 * release_impact.c
 *		How often release_impact() and what names releases are wrong.  See
 *		bench/release_impact.
 *
 *		release_impact REPETITIONS SEED PROCESSES
 *
 * Does what sql/95_release_impact.sql and sql/83_near_release.sql do, with
 * users made up by statistics_world.h: a canary of five days, Wednesday to
 * Sunday, at 5, 25, 50, 50, 50 %, in which 30 % of calls carry no version; the
 * same, given to users instead of calls, the dearest first; a release to all, a
 * week against the four before; and eight weeks, or five, in which one of ten
 * releases brought a change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

/* those of the C library, as bench/release_impact links nothing else */
#undef printf
#undef fprintf

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/attribution.h"
#include "../src/cost_index.h"
#include "../src/paired_change.h"
#include "../src/student_t.h"
#include "../src/verdict.h"
#include "statistics_world.h"
#include "workers.h"

#define CANARY_DAYS	5
#define FEW_GROUPS	30
#define PLACEBO		8
#define BASELINE	4			/* weeks */
#define DAYS		56
#define FIVE_WEEKS	35
#define RELEASES	10

static const double canary_share[CANARY_DAYS] = {0.05, 0.25, 0.5, 0.5, 0.5};

typedef enum Scenario
{
	CANARY_NOTHING,
	CANARY_CALLS_X3,
	CANARY_SHOCKS,
	CANARY_WHALE,
	CANARY_CHURN,
	CANARY_PLUS_10,
	CANARY_PLUS_20,
	CANARY_PLUS_30,
	GIVEN_NOTHING,
	GIVEN_SHOCKS,
	GIVEN_PLUS_10,
	GIVEN_PLUS_20,
	GIVEN_PLUS_30,
	WEEK_NOTHING,
	WEEK_CALLS_X3,
	WEEK_SHOCKS,
	WEEK_WHALE,
	WEEK_CHURN,
	WEEK_PLUS_10,
	WEEK_PLUS_20,
	WEEK_PLUS_30,
	TEN_PLUS_10,
	TEN_PLUS_20,
	TEN_PLUS_20_MIDDAY,
	TEN_LAST_WEEK,
	TEN_NO_RELEASE,
	NUM_SCENARIOS
} Scenario;

static const char *const scenario_names[] = {
	"canary, nothing changed", "canary, three times the calls", "canary, shocks of 5 % a day for all",
	"canary, the largest user makes 5 times the calls", "canary, half of the users came in the middle",
	"canary, +10 %", "canary, +20 %", "canary, +30 %",
	"given to the dearest users, nothing changed", "given to the dearest, shocks of 5 % a day for all",
	"given to the dearest users, +10 %", "given to the dearest users, +20 %", "given to the dearest users, +30 %",
	"week, nothing changed", "week, three times the calls", "week, shocks of 3 % a week for all",
	"week, the largest user makes 5 times the calls", "week, 10 % of users in turn: new ones twice as dear",
	"week, +10 %", "week, +20 %", "week, +30 %",
	"one of ten releases, +10 %", "one of ten releases, +20 %", "one of ten releases, +20 % from noon",
	"one of ten releases, +20 %, in the last week",
	"+20 % with none of ten releases"
};

typedef enum Count
{
	COUNT_INCREASED,
	COUNT_DECREASED,
	COUNT_COVERED,
	COUNT_WIDE_COVERED,			/* by the final interval */
	COUNT_USABLE,				/* canary: side by side was enough */
	COUNT_GIVEN,				/* canary: taken for given to users */
	COUNT_TOTALS,				/* week: totals 20 % above the baseline */
	COUNT_TOTALS_NEWS,			/* and beyond what earlier weeks did */
	COUNT_RIGHT,				/* ten: likelier than the other nine */
	COUNT_MOST_LIKELY,			/* and than none; or none is likeliest */
	COUNT_NAMED,
	COUNT_WRONG,				/* another one named */
	NUM_COUNTS
} Count;

typedef struct Tally
{
	double		repetitions;
	double		count[NUM_COUNTS];
	double		change;
} Tally;

typedef Tally Tallies[2][NUM_SCENARIOS];

static double
true_factor(Scenario scenario)
{
	switch (scenario)
	{
		case CANARY_PLUS_10:
		case GIVEN_PLUS_10:
		case WEEK_PLUS_10:
		case TEN_PLUS_10:
			return 1.1;
		case CANARY_PLUS_20:
		case GIVEN_PLUS_20:
		case WEEK_PLUS_20:
		case TEN_PLUS_20:
		case TEN_PLUS_20_MIDDAY:
		case TEN_LAST_WEEK:
		case TEN_NO_RELEASE:
			return 1.2;
		case CANARY_PLUS_30:
		case GIVEN_PLUS_30:
		case WEEK_PLUS_30:
			return 1.3;
		default:
			return 1;
	}
}

static void
judge(Scenario scenario, const PairedChange *estimate, const double *placebo, int nplacebo, Tally *tally)
{
	double		theta = log(true_factor(scenario));
	VerdictInput input = {
		.estimate = estimate, .placebo = placebo, .nplacebo = nplacebo, .unit = "user",
		.baseline_periods = 4,
		.margin = VERDICT_RATIO_MARGIN,
	};
	VerdictResult result;

	change_verdict(&input, &result);
	tally->repetitions++;
	tally->count[COUNT_INCREASED] += result.verdict == VERDICT_INCREASED;
	tally->count[COUNT_DECREASED] += result.verdict == VERDICT_DECREASED;
	tally->count[COUNT_COVERED] += estimate->low <= theta && theta <= estimate->high;
	tally->count[COUNT_WIDE_COVERED] += result.low <= theta && theta <= result.high;
	tally->count[COUNT_USABLE] += estimate->effective_units >= 10 && estimate->matched_before >= 0.7 &&
		estimate->matched_after >= 0.7;
	tally->change += paired_fraction(PAIRED_RATIO, estimate->theta);
}

/* ---- side by side ---- */

/* Days on which the same share of calls was new are one stratum. */
static int
stratum_of(double share)
{
	return (int) floor(2 * log(share / (1 - share)) + 0.5);
}

/*
 * Days of the same stratum as this one, if it is the first of them.
 */
static int
days_of_stratum(const int stratum[CANARY_DAYS], int first, bool days[CANARY_DAYS])
{
	int			n = 0;

	for (int day = 0; day < CANARY_DAYS; day++)
	{
		days[day] = stratum[first] != INT_MAX && stratum[day] == stratum[first];
		if (days[day] && day < first)
			return 0;
		n += days[day];
	}
	return n;
}

/*
 * Do so few users meet both versions that calls cannot have got them by lot?
 */
static bool
given_to_users(Sums sides[CANARY_DAYS][USERS][NUM_SIDES], const int stratum[CANARY_DAYS])
{
	double		likely = 0;
	int			met = 0;

	for (int first = 0; first < CANARY_DAYS; first++)
	{
		bool		days[CANARY_DAYS];

		if (days_of_stratum(stratum, first, days) == 0)
			continue;
		for (int i = 0; i < USERS; i++)
		{
			double		all_old = 1;
			double		all_new = 1;
			double		n[2] = {0, 0};

			for (int day = first; day < CANARY_DAYS; day++)
			{
				double		total[2] = {0, 0};

				if (!days[day])
					continue;
				for (int u = 0; u < USERS; u++)
					for (int side = 0; side < 2; side++)
						total[side] += sides[day][u][side].n;
				for (int side = 0; side < 2; side++)
				{
					n[side] += sides[day][i][side].n;
					all_old *= pow(total[0] / (total[0] + total[1]), sides[day][i][side].n);
					all_new *= pow(total[1] / (total[0] + total[1]), sides[day][i][side].n);
				}
			}
			if (n[0] + n[1] > 0)
				likely += 1 - all_old - all_new;
			met += n[0] > 0 && n[1] > 0;
		}
	}
	return met <= 0.5 * likely;
}

static void
run_canary(const World *world, Scenario scenario, Tally *tally)
{
	static Sums sides[CANARY_DAYS][USERS][NUM_SIDES];
	static PairedCell cells[(USERS + FEW_GROUPS) * CANARY_DAYS];
	static double scratch[(USERS + FEW_GROUPS) * CANARY_DAYS];
	double		both[USERS] = {0};	/* calls of the rarer version to be expected */
	double		shock[CANARY_DAYS];
	int			stratum[CANARY_DAYS];
	int			ncells = 0;
	int			strata = 0;
	int			groups;
	double		few = 0;
	PairedChange estimate;

	for (int day = 0; day < CANARY_DAYS; day++)
	{
		double		n[2] = {0, 0};

		shock[day] = scenario == CANARY_SHOCKS ? exp(0.05 * gauss()) : 1;
		for (int i = 0; i < USERS; i++)
		{
			double		volume = scenario == CANARY_CALLS_X3 ? 3 : scenario == CANARY_WHALE && i == world->whale ? 5 : 1;

			if (scenario == CANARY_CHURN && (i % 2 == 0) != (day < 3))
				volume = 0;
			make_day(world, i, day >= 3, volume, canary_share[day], 0.3, sides[day][i]);
			for (int side = 0; side < 2; side++)
				n[side] += sides[day][i][side].n;
		}
		stratum[day] = n[0] > 0 && n[1] > 0 ? stratum_of(n[1] / (n[0] + n[1])) : INT_MAX;
		for (int i = 0; i < USERS; i++)
			both[i] += (sides[day][i][0].n + sides[day][i][1].n) * fmin(n[0], n[1]) / fmax(1, n[0] + n[1]);
	}
	for (int day = 0; day < CANARY_DAYS; day++)
	{
		bool		again = stratum[day] == INT_MAX;

		for (int earlier = 0; earlier < day; earlier++)
			again |= stratum[earlier] == stratum[day];
		strata += !again;
	}
	for (int i = 0; i < USERS; i++)
		few += both[i] < 3 * strata ? both[i] : 0;
	groups = fmin(FEW_GROUPS, fmax(14, floor(few / (3 * strata))));
	for (int first = 0; first < CANARY_DAYS; first++)
	{
		PairedCell *cell = &cells[ncells];
		bool		again = stratum[first] == INT_MAX;

		for (int day = 0; day < first; day++)
			again |= stratum[day] == stratum[first];
		if (again)
			continue;
		/* the groups come after the users */
		memset(cell, 0, (USERS + FEW_GROUPS) * sizeof(PairedCell));
		for (int day = first; day < CANARY_DAYS; day++)
			for (int i = 0; stratum[day] == stratum[first] && i < USERS; i++)
			{
				int			at = both[i] >= 3 * strata ? i : USERS + i % groups;

				cell[at].unit = at;
				cell[at].y1 += sides[day][i][SIDE_OLD].y * shock[day];
				cell[at].n1 += sides[day][i][SIDE_OLD].n;
				cell[at].y2 += sides[day][i][SIDE_NEW].y * shock[day] * true_factor(scenario);
				cell[at].n2 += sides[day][i][SIDE_NEW].n;
			}
		ncells += USERS + FEW_GROUPS;
	}
	paired_change(PAIRED_RATIO, cells, ncells, scratch, &estimate);
	judge(scenario, &estimate, NULL, 0, tally);
	tally->count[COUNT_GIVEN] += given_to_users(sides, stratum);
}

/* ---- given to users ---- */

/* What they did in the weeks before, the latest first. */
typedef Sums Weeks[USERS][PLACEBO + BASELINE + 1];

static void
make_weeks(const World *world, Weeks weeks)
{
	for (int i = 0; i < USERS; i++)
		for (int w = 0; w <= PLACEBO + BASELINE; w++)
		{
			weeks[i][w] = (Sums) {0, 0};
			for (int day = 0; day < 7; day++)
			{
				Sums		sides[NUM_SIDES];

				make_day(world, i, day >= 5, 1, 0, 0, sides);
				weeks[i][w].y += sides[SIDE_OLD].y;
				weeks[i][w].n += sides[SIDE_OLD].n;
			}
		}
}

static Sums
baseline(const Weeks weeks, int user, int from)
{
	Sums		sums = {0, 0};

	for (int w = from; w < from + BASELINE; w++)
	{
		sums.y += weeks[user][w].y;
		sums.n += weeks[user][w].n;
	}
	return sums;
}

static PairedChange
change_of(PairedCell *cells, int ncells)
{
	static double scratch[USERS * CANARY_DAYS];
	PairedChange change;

	paired_change(PAIRED_RATIO, cells, ncells, scratch, &change);
	return change;
}

static void
run_given(const World *world, const Weeks weeks, Scenario scenario, Tally *tally)
{
	static Sums sides[CANARY_DAYS][USERS][NUM_SIDES];
	static PairedCell got[USERS * CANARY_DAYS];
	int			rank[USERS];
	int			stratum[CANARY_DAYS];
	bool		seen[USERS] = {false};
	bool		taker[USERS] = {false};
	int			ngot = 0;
	double		total = 0;
	double		others = 0;
	double		df = INFINITY;
	double		placebo[PLACEBO];
	double		e2;
	double		s2 = 0;
	PairedChange estimate;

	for (int i = 0; i < USERS; i++)
	{
		rank[i] = 0;
		for (int k = 0; k < USERS; k++)
			rank[i] += world->level[k] > world->level[i];
	}
	for (int day = 0; day < CANARY_DAYS; day++)
	{
		double		n[2] = {0, 0};
		double		shock = scenario == GIVEN_SHOCKS ? exp(0.05 * gauss()) : 1;

		for (int i = 0; i < USERS; i++)
		{
			bool		new = rank[i] < canary_share[day] * USERS;
			Sums	   *s = sides[day][i];

			make_day(world, i, day >= 3, 1, new, 0.3, s);
			s[SIDE_OLD].y *= shock;
			s[SIDE_NEW].y *= shock * true_factor(scenario);
			for (int side = 0; side < 2; side++)
				n[side] += s[side].n;
		}
		stratum[day] = n[0] > 0 && n[1] > 0 ? stratum_of(n[1] / (n[0] + n[1])) : INT_MAX;
	}
	for (int first = 0; first < CANARY_DAYS; first++)
	{
		bool		days[CANARY_DAYS];
		PairedCell	kept[USERS];
		int			nkept = 0;
		int			from = ngot;
		double		n_after = 0;
		PairedChange stayed;

		if (days_of_stratum(stratum, first, days) == 0)
			continue;
		for (int i = 0; i < USERS; i++)
		{
			Sums		before = baseline(weeks, i, 0);
			Sums		after[2] = {{0, 0}, {0, 0}};
			int			side;

			for (int day = first; day < CANARY_DAYS; day++)
				for (int k = 0; days[day] && k < 2; k++)
				{
					after[k].y += sides[day][i][k].y;
					after[k].n += sides[day][i][k].n;
				}
			if ((after[0].n > 0) == (after[1].n > 0))
				continue;
			side = after[1].n > 0;
			seen[i] = true;
			taker[i] |= side;
			*(side ? &got[ngot++] : &kept[nkept++]) = (PairedCell) {
				.unit = i, .y1 = before.y, .n1 = before.n, .y2 = after[side].y, .n2 = after[side].n
			};
			n_after += side ? after[1].n : 0;
		}
		stayed = change_of(kept, nkept);
		if (isnan(stayed.standard_error))
		{
			ngot = from;
			continue;
		}
		for (int c = from; c < ngot; c++)
			got[c].y1 *= exp(stayed.theta);
		total += n_after;
		s2 += pow(n_after * stayed.standard_error, 2);
		others += n_after * stayed.effective_units;
		df = fmin(df, stayed.df);
	}
	estimate = change_of(got, ngot);
	e2 = pow(estimate.standard_error, 2);
	s2 /= total * total;
	estimate.standard_error = sqrt(e2 + s2);
	estimate.df = pow(e2 + s2, 2) / (e2 * e2 / estimate.df + s2 * s2 / df);
	estimate.effective_units = fmin(estimate.effective_units, others / total);
	estimate.low = estimate.theta - student_t_critical(0.05, estimate.df) * estimate.standard_error;
	estimate.high = estimate.theta + student_t_critical(0.05, estimate.df) * estimate.standard_error;
	for (int k = 0; k < PLACEBO; k++)
	{
		PairedCell	cells[2][USERS];
		int			n[2] = {0, 0};

		for (int i = 0; i < USERS; i++)
		{
			Sums		before = baseline(weeks, i, k + 1);

			if (seen[i])
				cells[taker[i]][n[taker[i]]++] = (PairedCell) {
					.unit = i, .y1 = before.y, .n1 = before.n, .y2 = weeks[i][k].y, .n2 = weeks[i][k].n
				};
		}
		placebo[k] = change_of(cells[1], n[1]).theta - change_of(cells[0], n[0]).theta;
	}
	judge(scenario, &estimate, placebo, PLACEBO, tally);
	tally->count[COUNT_GIVEN] += given_to_users(sides, stratum);
}

/* ---- before and after ---- */

/* Change of the plain ratio of totals. */
static double
log_total(const PairedCell cells[USERS])
{
	PairedCell	sum = {0};

	for (int i = 0; i < USERS; i++)
	{
		sum.y1 += cells[i].y1;
		sum.n1 += cells[i].n1;
		sum.y2 += cells[i].y2;
		sum.n2 += cells[i].n2;
	}
	return log(sum.y2 / sum.n2) - log(sum.y1 / sum.n1);
}

static void
run_week(const World *world, Scenario scenario, Tally *tally)
{
	PairedChange change[PLACEBO + 1];
	double		placebo[PLACEBO];
	double		shock[WEEKS];
	double		total[PLACEBO + 1];
	double		squares = 0;

	for (int w = 0; w < WEEKS; w++)
		shock[w] = scenario == WEEK_SHOCKS ? exp(0.03 * gauss()) : 1;
	for (int k = 0; k <= PLACEBO; k++)
	{
		PairedCell	cells[USERS];
		double		scratch[USERS];

		for (int i = 0; i < USERS; i++)
		{
			bool		churns = scenario == WEEK_CHURN && i % 10 == 0;
			bool		comes = i / 10 % 2 == 0;

			cells[i] = (PairedCell) {.unit = i};
			for (int w = k; w < k + 5; w++)
			{
				Sums		sums = world->week[i][w];

				if (w == 0 && scenario == WEEK_CALLS_X3)
					for (int m = 0; m < 2; m++)
					{
						sums.y += world->more[i][m].y;
						sums.n += world->more[i][m].n;
					}
				if (w == 0 && scenario == WEEK_WHALE && i == world->whale)
				{
					sums.y += world->burst.y;
					sums.n += world->burst.n;
				}
				if (churns && comes != (w == 0))
					continue;
				sums.y *= shock[w] * (w == 0 ? true_factor(scenario) : 1) * (churns && comes ? 2 : 1);
				if (w == k)
				{
					cells[i].y2 = sums.y;
					cells[i].n2 = sums.n;
				}
				else
				{
					cells[i].y1 += sums.y;
					cells[i].n1 += sums.n;
				}
			}
		}
		total[k] = log_total(cells);
		paired_change(PAIRED_RATIO, cells, USERS, scratch, &change[k]);
		if (k > 0)
			placebo[k - 1] = change[k].theta;
	}
	judge(scenario, &change[0], placebo, PLACEBO, tally);
	for (int k = 1; k <= PLACEBO; k++)
		squares += total[k] * total[k];
	if (total[0] >= log(1.2))
	{
		tally->count[COUNT_TOTALS]++;
		tally->count[COUNT_TOTALS_NEWS] += student_t_p_value(total[0] / sqrt(squares / PLACEBO), PLACEBO) / 2 <= 0.005;
	}
}

/* ---- which of ten ---- */

static int
below(int n)
{
	/* a number from a normal one, which is all the world gives */
	return (int) (n * fmin(0.5 * erfc(-gauss() / sqrt(2)), 0.999999));
}

static void
no_interrupts(void)
{
}

/*
 * The cost index: what a call costs on each day, for the same users.  Effects
 * of weekdays stay, attribution knows of them.
 */
static void
measure_days(const Sums day[USERS][DAYS], int ndays, double *value, double *weight)
{
	static IndexCell cells[USERS * DAYS];
	static double weigh[USERS * DAYS];
	static void *room;
	IndexBucket bucket[DAYS];
	int			n = 0;

	for (int i = 0; i < USERS; i++)
		for (int d = 0; d < ndays; d++)
			if (day[i][d].n > 0 && day[i][d].y > 0)
				cells[n++] = (IndexCell) {i, d, log(day[i][d].y / day[i][d].n), day[i][d].n};
	if (room == NULL)
		room = malloc(cost_index_room(USERS * DAYS, USERS, DAYS));
	weigh_cells(cells, n, weigh);
	cost_index_fit(cells, n, USERS, ndays, bucket, NULL, room, no_interrupts);
	for (int d = 0; d < ndays; d++)
	{
		value[d] = bucket[d].value;
		weight[d] = 1 / (bucket[d].uncertainty * bucket[d].uncertainty + 0.0004);
	}
}

static void
never_interrupted(void)
{
}

static void
run_ten(const World *world, Scenario scenario, Tally *tally)
{
	static Sums day[USERS][DAYS];
	double		value[DAYS];
	double		weight[DAYS];
	int			weekday[DAYS];
	double		exposure[RELEASES * DAYS];
	double		prior[RELEASES];
	double		probability[RELEASES + 1];
	double		room[5 * DAYS];
	int			at[RELEASES];
	bool		taken[DAYS] = {false};
	bool		late = scenario == TEN_LAST_WEEK;
	int			ndays = late ? FIVE_WEEKS : DAYS;
	int			change_day = late ? 28 + below(5) : 14 + below(29);
	int			right = scenario == TEN_NO_RELEASE ? RELEASES : 0;
	double		from = scenario == TEN_PLUS_20_MIDDAY ? 0.5 : 1;
	int			best = 0;
	bool		first = true;
	AttributionInput input = {
		.ndays = ndays, .value = value, .weight = weight, .weekday = weekday, .nreleases = RELEASES,
		.exposure = exposure,
		.prior = prior,
		.prior_none = 3,
		.direction = 1,
		.check_interrupts = never_interrupted,
	};

	taken[change_day] = true;
	for (int r = 0; r < RELEASES; r++)
	{
		at[r] = change_day;
		if (r != right)
			do
				at[r] = 1 + below(ndays - 1);
			while (taken[at[r]]);
		taken[at[r]] = true;
		prior[r] = 1;
		for (int d = 0; d < ndays; d++)
			exposure[r * ndays + d] = d > at[r] ? 1 : d == at[r] ? (r == right ? from : 1) : 0;
	}
	for (int i = 0; i < USERS; i++)
		for (int d = 0; d < ndays; d++)
		{
			Sums		sides[NUM_SIDES];

			make_day(world, i, d % 7 >= 5, 1, d == change_day ? from : d > change_day, 0, sides);
			day[i][d] = (Sums) {
				sides[SIDE_OLD].y + sides[SIDE_NEW].y * true_factor(scenario), sides[SIDE_OLD].n + sides[SIDE_NEW].n
			};
		}
	for (int d = 0; d < ndays; d++)
		weekday[d] = d % 7;
	measure_days(day, ndays, value, weight);
	attribute_change(&input, probability, room);
	for (int r = 1; r <= RELEASES; r++)
		if (probability[r] > probability[best])
			best = r;
	for (int r = 1; r < RELEASES; r++)
		first &= probability[r] <= probability[0];
	tally->repetitions++;
	tally->count[COUNT_RIGHT] += first;
	tally->count[COUNT_MOST_LIKELY] += best == right;
	tally->count[COUNT_NAMED] += best == right && right < RELEASES && probability[best] >= 0.9;
	tally->count[COUNT_WRONG] += best != right && best < RELEASES && probability[best] >= 0.9;
}

static void
repetition(uint64_t seed, int64_t number, void *tally)
{
	Tally(*tallies)[NUM_SCENARIOS] = tally;
	static World world;
	static Weeks weeks;

	for (int type = 0; type < 2; type++)
	{
		random_seed(seed, 2 * number + type);
		make_users(&world, type);
		for (int s = CANARY_NOTHING; s < GIVEN_NOTHING; s++)
			run_canary(&world, s, &tallies[type][s]);
		for (int s = TEN_PLUS_10; s < NUM_SCENARIOS; s++)
			run_ten(&world, s, &tallies[type][s]);
		random_seed(seed + 2, 2 * number + type);
		make_weeks(&world, weeks);
		for (int s = GIVEN_NOTHING; s < WEEK_NOTHING; s++)
			run_given(&world, weeks, s, &tallies[type][s]);
		random_seed(seed + 1, 2 * number + type);
		make_world(&world, type);
		for (int s = WEEK_NOTHING; s < TEN_PLUS_10; s++)
			run_week(&world, s, &tallies[type][s]);
	}
}

/* ---- the report ---- */

typedef struct Claim
{
	Scenario	scenario;
	Count		count;
	const char *what;
	double		low;			/* 0 and 1: told for information */
	double		high;
} Claim;

static const Claim claims[] = {
	{CANARY_NOTHING, COUNT_INCREASED, "increased", 0, 0.015},
	{CANARY_NOTHING, COUNT_DECREASED, "decreased", 0, 0.015},
	{CANARY_CALLS_X3, COUNT_INCREASED, "increased", 0, 0.015},
	{CANARY_CALLS_X3, COUNT_DECREASED, "decreased", 0, 0.015},
	{CANARY_SHOCKS, COUNT_INCREASED, "increased", 0, 0.015},
	{CANARY_SHOCKS, COUNT_DECREASED, "decreased", 0, 0.015},
	{CANARY_WHALE, COUNT_INCREASED, "increased", 0, 0.015},
	{CANARY_WHALE, COUNT_DECREASED, "decreased", 0, 0.015},
	{CANARY_CHURN, COUNT_INCREASED, "increased", 0, 0.015},
	{CANARY_CHURN, COUNT_DECREASED, "decreased", 0, 0.015},
	{CANARY_PLUS_10, COUNT_INCREASED, "increased", 0, 1},
	{CANARY_PLUS_20, COUNT_INCREASED, "increased", 0, 1},
	{CANARY_PLUS_30, COUNT_INCREASED, "increased", 0, 1},
	{CANARY_NOTHING, COUNT_COVERED, "covered", 0.94, 0.96},
	{CANARY_PLUS_20, COUNT_COVERED, "covered", 0.94, 0.96},
	{CANARY_NOTHING, COUNT_USABLE, "side by side is enough", 0, 1},
	{CANARY_NOTHING, COUNT_GIVEN, "taken for given to users", 0, 0.001},
	{CANARY_PLUS_20, COUNT_GIVEN, "taken for given to users", 0, 0.001},
	{CANARY_CHURN, COUNT_GIVEN, "taken for given to users", 0, 0.001},
	{GIVEN_NOTHING, COUNT_GIVEN, "taken for given to users", 0.999, 1},
	{GIVEN_NOTHING, COUNT_INCREASED, "increased", 0, 0.015},
	{GIVEN_NOTHING, COUNT_DECREASED, "decreased", 0, 0.015},
	{GIVEN_SHOCKS, COUNT_INCREASED, "increased", 0, 0.015},
	{GIVEN_SHOCKS, COUNT_DECREASED, "decreased", 0, 0.015},
	{GIVEN_PLUS_10, COUNT_INCREASED, "increased", 0, 1},
	{GIVEN_PLUS_20, COUNT_INCREASED, "increased", 0, 1},
	{GIVEN_PLUS_30, COUNT_INCREASED, "increased", 0, 1},
	{GIVEN_NOTHING, COUNT_COVERED, "covered, users alone", 0.94, 0.97},
	{GIVEN_PLUS_20, COUNT_WIDE_COVERED, "covered", 0.94, 1},
	{GIVEN_NOTHING, COUNT_USABLE, "others are enough", 0, 1},
	{WEEK_NOTHING, COUNT_INCREASED, "increased", 0, 0.015},
	{WEEK_NOTHING, COUNT_DECREASED, "decreased", 0, 0.015},
	{WEEK_CALLS_X3, COUNT_INCREASED, "increased", 0, 0.015},
	{WEEK_CALLS_X3, COUNT_DECREASED, "decreased", 0, 0.015},
	{WEEK_SHOCKS, COUNT_INCREASED, "increased", 0, 0.015},
	{WEEK_SHOCKS, COUNT_DECREASED, "decreased", 0, 0.015},
	{WEEK_WHALE, COUNT_INCREASED, "increased", 0, 0.015},
	{WEEK_WHALE, COUNT_DECREASED, "decreased", 0, 0.015},
	{WEEK_CHURN, COUNT_INCREASED, "increased", 0, 0.015},
	{WEEK_CHURN, COUNT_DECREASED, "decreased", 0, 0.015},
	{WEEK_PLUS_10, COUNT_INCREASED, "increased", 0, 1},
	{WEEK_PLUS_20, COUNT_INCREASED, "increased", 0.8, 1},
	{WEEK_PLUS_30, COUNT_INCREASED, "increased", 0.99, 1},
	{WEEK_NOTHING, COUNT_COVERED, "covered, users alone", 0.94, 0.96},
	{WEEK_PLUS_20, COUNT_COVERED, "covered, users alone", 0.94, 0.96},
	{WEEK_PLUS_20, COUNT_WIDE_COVERED, "covered", 0.94, 1},
	{WEEK_SHOCKS, COUNT_WIDE_COVERED, "covered", 0.94, 1},
	{WEEK_NOTHING, COUNT_TOTALS, "totals rise by 20 %", 0, 1},
	{WEEK_NOTHING, COUNT_TOTALS_NEWS, "and beyond earlier weeks", 0, 0.015},
	{WEEK_WHALE, COUNT_TOTALS, "totals rise by 20 %", 0, 1},
	{WEEK_WHALE, COUNT_TOTALS_NEWS, "and beyond earlier weeks", 0, 1},
	{WEEK_PLUS_30, COUNT_TOTALS, "totals rise by 20 %", 0, 1},
	{WEEK_PLUS_30, COUNT_TOTALS_NEWS, "and beyond earlier weeks", 0, 1},
	{TEN_PLUS_10, COUNT_RIGHT, "the right one of ten", 0, 1},
	{TEN_PLUS_20, COUNT_RIGHT, "the right one of ten", 0.98, 1},
	{TEN_PLUS_20_MIDDAY, COUNT_RIGHT, "the right one of ten", 0, 1},
	{TEN_LAST_WEEK, COUNT_RIGHT, "the right one of ten", 0, 1},
	{TEN_PLUS_10, COUNT_MOST_LIKELY, "the right one is most likely", 0, 1},
	{TEN_PLUS_10, COUNT_NAMED, "the right one is named", 0, 1},
	{TEN_PLUS_10, COUNT_WRONG, "a wrong one is named", 0, 0.05},
	{TEN_PLUS_20, COUNT_MOST_LIKELY, "the right one is most likely", 0, 1},
	{TEN_PLUS_20, COUNT_NAMED, "the right one is named", 0, 1},
	{TEN_PLUS_20, COUNT_WRONG, "a wrong one is named", 0, 0.01},
	{TEN_PLUS_20_MIDDAY, COUNT_MOST_LIKELY, "the right one is most likely", 0, 1},
	{TEN_PLUS_20_MIDDAY, COUNT_NAMED, "the right one is named", 0, 1},
	{TEN_PLUS_20_MIDDAY, COUNT_WRONG, "a wrong one is named", 0, 0.01},
	{TEN_LAST_WEEK, COUNT_MOST_LIKELY, "the right one is most likely", 0, 1},
	{TEN_LAST_WEEK, COUNT_NAMED, "the right one is named", 0, 1},
	{TEN_LAST_WEEK, COUNT_WRONG, "a wrong one is named", 0, 0.05},
	{TEN_NO_RELEASE, COUNT_MOST_LIKELY, "none is most likely", 0, 1},
	{TEN_NO_RELEASE, COUNT_WRONG, "a wrong one is named", 0, 0.05},
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

static void
report(Tallies tallies)
{
	int			missed = 0;

	printf("%-50s %-5s %-29s %8s  %-17s %s\n", "scenario", "users", "what", "rate", "95 % bounds", "promise");
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++)
		for (int type = 0; type < 2; type++)
		{
			const Claim *claim = &claims[i];
			const Tally *tally = &tallies[type][claim->scenario];
			double		rate = tally->count[claim->count] / tally->repetitions;
			double		low;
			double		high;
			const char *judged = "";

			bounds(rate, tally->repetitions, &low, &high);
			if (rate < claim->low || rate > claim->high)
			{
				judged = "missed";
				missed++;
			}
			else if (claim->low > 0 || claim->high < 1)
				judged = low >= claim->low && high <= claim->high ? "met" : "near";
			printf("%-50s %-5s %-29s %8.4f  %.4f to %.4f  %.3f to %.3f %s\n", scenario_names[claim->scenario],
				   type ? "B" : "A", claim->what, rate, low, high, claim->low, claim->high, judged);
		}
	for (int s = CANARY_PLUS_10; s <= WEEK_PLUS_30; s++)
		printf("%-50s mean change %+.1f %% of users A, %+.1f %% of users B\n", scenario_names[s],
			   100 * tallies[0][s].change / tallies[0][s].repetitions,
			   100 * tallies[1][s].change / tallies[1][s].repetitions);
	printf("%d promises missed\n", missed);
}

int
main(int argc, char **argv)
{
	WorkerArguments arguments = worker_arguments(argc, argv, 3000);
	Tallies	   *tallies = run_workers(argv[0], &arguments, sizeof(Tallies), repetition);

	for (int i = 1; i < arguments.processes; i++)
		for (int type = 0; type < 2; type++)
			for (int s = 0; s < NUM_SCENARIOS; s++)
			{
				tallies[0][type][s].repetitions += tallies[i][type][s].repetitions;
				tallies[0][type][s].change += tallies[i][type][s].change;
				for (int c = 0; c < NUM_COUNTS; c++)
					tallies[0][type][s].count[c] += tallies[i][type][s].count[c];
			}
	printf("%lld repetitions for each line, seed %llu\n", (long long) arguments.repetitions, (unsigned long long) arguments.seed);
	report(tallies[0]);
	return 0;
}
