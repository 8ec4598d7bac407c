/*-------------------------------------------------------------------------
 *
 * change_points.c
 *		Simulates usage, and counts how often changes of cost are found where
 *		there are some, and where there are none.
 *
 *	change_points REPETITIONS SEED
 *
 * Called by bench/change_points.  Usage is that of bench/statistics_world.h,
 * by day: 300 users with Pareto(1.5) activity, of whom 15 make forty times the
 * median's calls (type A) or pay forty times as much a call (type B); calls
 * cost lognormal(1), one in a hundred Pareto(1.5); every user's day has its own
 * volume and cost, and three in a hundred are bursts, five times the calls at
 * twice the cost; weekends have a third of the calls, and they are cheaper.
 *
 * Beside change_points() run, on the same series, what Apache Otava documents
 * (E-divisive in windows of 50, t-tests at 0.001, merging of weak changes) and
 * PELT with a squared error and a penalty of 5 ln n.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include <math.h>
#include <time.h>

#include "change_monitor.h"
#include "change_point.h"
#include "cost_index.h"
#include "student_t.h"
#include "trend.h"

#undef printf
#undef fprintf

#define MAX_DAYS 400
#define MAX_USERS 300
#define HIT 2					/* days a change may be off */

static int	repetitions;

static void
no_interrupts(void)
{
}

/* ---- random numbers: xoshiro256++ (D. Blackman and S. Vigna) ---- */

static uint64 random_state[4];

static uint64
rotate(uint64 x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64
random_bits(void)
{
	uint64	   *s = random_state;
	uint64		result = rotate(s[0] + s[3], 23) + s[0];
	uint64		t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

static void
random_seed(uint64 seed)
{
	for (int i = 0; i < 4; i++)
	{
		uint64		z = (seed += UINT64CONST(0x9e3779b97f4a7c15));

		z = (z ^ z >> 30) * UINT64CONST(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64CONST(0x94d049bb133111eb);
		random_state[i] = z ^ z >> 31;
	}
}

/* between 0 and 1, neither */
static double
uniform(void)
{
	return ((random_bits() >> 12) + 0.5) * 0x1p-52;
}

static double
normal(void)
{
	static double spare;
	static bool has_spare;
	double		x;
	double		y;
	double		square;

	if (has_spare)
	{
		has_spare = false;
		return spare;
	}
	do
	{
		x = 2 * uniform() - 1;
		y = 2 * uniform() - 1;
		square = x * x + y * y;
	} while (square >= 1);
	square = sqrt(-2 * log(square) / square);
	spare = y * square;
	has_spare = true;
	return x * square;
}

static int
poisson(double mean)
{
	double		limit;
	double		product;
	int			n = 0;

	if (mean > 30)
		return Max(0, (int) floor(mean + sqrt(mean) * normal() + 0.5));
	limit = exp(-mean);
	for (product = uniform(); product > limit; product *= uniform())
		n++;
	return n;
}

static double
pareto(double shape)
{
	return pow(uniform(), -1 / shape);
}

/* ---- usage ---- */

typedef struct Scenario
{
	int			days;
	bool		dear_users;		/* type B */
	int			change_day;		/* 0 for none */
	double		change;			/* relative */
} Scenario;

typedef struct User
{
	double		activity;
	double		cost;
} User;

static IndexCell cells[MAX_USERS * MAX_DAYS];
static double ratio[MAX_DAYS];	/* headline: cost of all calls over their number */

/* Cells of a scenario. */
static int
simulate(const Scenario *scenario)
{
	User		user[MAX_USERS];
	double		cost[MAX_DAYS] = {0};
	double		calls[MAX_DAYS] = {0};
	int			n = 0;
	int			first_weekday = random_bits() % 7;
	/* 1,500 calls a day on average */
	double		unit = 1500 * 7 / 5.7 / 1.12 /
		(3 * MAX_USERS + (scenario->dear_users ? 0 : (40 * cbrt(4) - 3) * (MAX_USERS / 20)));

	for (int u = 0; u < MAX_USERS; u++)
	{
		bool		heavy = u < MAX_USERS / 20;

		/* a Pareto(1.5) has the mean 3 and the median 2^(2/3) */
		user[u].activity = heavy && !scenario->dear_users ? 40 * cbrt(4) : pareto(1.5);
		user[u].cost = exp(0.5 * normal()) * (heavy && scenario->dear_users ? 40 : 1);
	}
	for (int u = 0; u < MAX_USERS; u++)
		for (int day = 0; day < scenario->days; day++)
		{
			bool		weekend = (day + first_weekday) % 7 >= 5;
			bool		burst = uniform() < 0.03;
			int			count = poisson(user[u].activity * unit * exp(0.5 * normal() - 0.125) *
										(weekend ? 0.35 : 1) * (burst ? 5 : 1));
			double		level = user[u].cost * exp(0.3 * normal()) * (weekend ? 0.85 : 1) * (burst ? 2 : 1);
			double		sum = 0;

			if (count == 0)
				continue;
			if (scenario->change_day > 0 && day >= scenario->change_day)
				level *= 1 + scenario->change;
			for (int i = 0; i < count; i++)
				sum += uniform() < 0.01 ? 5 * pareto(1.5) : exp(normal());
			cells[n].user = u;
			cells[n].bucket = day;
			cells[n].log_cost = log(sum * level / count);
			cells[n++].weight = count;
			cost[day] += sum * level;
			calls[day] += count;
		}
	for (int day = 0; day < scenario->days; day++)
		ratio[day] = log(cost[day] / calls[day]);
	return n;
}

/* The cost index of a scenario. */
static void
simulate_index(const Scenario *scenario, double *value)
{
	static IndexBucket bucket[MAX_DAYS];
	static double scratch[MAX_USERS * MAX_DAYS];
	static void *room;
	int			number[MAX_DAYS];
	int			n = simulate(scenario);

	if (room == NULL)
		room = malloc(cost_index_room(MAX_USERS * MAX_DAYS, MAX_USERS, MAX_DAYS));
	weigh_cells(cells, n, scratch);
	cost_index_fit(cells, n, MAX_USERS, scenario->days, bucket, NULL, room, no_interrupts);
	for (int day = 0; day < scenario->days; day++)
		number[day] = day;
	remove_weekdays(number, bucket, scenario->days, scratch);
	for (int day = 0; day < scenario->days; day++)
		value[day] = bucket[day].value;
}

/* ---- what others do ---- */

typedef struct Changes
{
	int			n;
	int			at[MAX_DAYS];
} Changes;

/* two-sided p of a t-test with equal variances */
static double
t_test(const double *value, int start, int cut, int end)
{
	double		mean[2] = {0};
	double		square = 0;
	double		n1 = cut - start;
	double		n2 = end - cut;

	if (n1 + n2 <= 2)
		return 1;
	for (int i = start; i < end; i++)
		mean[i >= cut] += value[i] / (i < cut ? n1 : n2);
	for (int i = start; i < end; i++)
		square += (value[i] - mean[i >= cut]) * (value[i] - mean[i >= cut]);
	return student_t_p_value((mean[1] - mean[0]) /
							 sqrt(square / (n1 + n2 - 2) * (1 / n1 + 1 / n2)), n1 + n2 - 2);
}

/* Where the energy distance between both parts is largest (E-divisive). */
static int
energy_split(const double *value, int start, int end)
{
	double		best = -1;
	int			cut = -1;

	for (int tau = start + 1; tau < end; tau++)
		for (int kappa = tau + 1; kappa <= end; kappa++)
		{
			/* grown by one value of the second part */
			static double between;
			static double within_1;
			static double within_2;
			double		n = tau - start;
			double		m = kappa - tau;
			double		q;

			if (kappa == tau + 1)
			{
				between = within_1 = within_2 = 0;
				for (int i = start; i < tau; i++)
					for (int j = start; j < i; j++)
						within_1 += fabs(value[i] - value[j]);
			}
			for (int i = start; i < tau; i++)
				between += fabs(value[i] - value[kappa - 1]);
			for (int i = tau; i < kappa - 1; i++)
				within_2 += fabs(value[i] - value[kappa - 1]);
			q = 2 * between / (n * m);
			if (n > 1)
				q -= 2 * within_1 / (n * (n - 1));
			if (m > 1)
				q -= 2 * within_2 / (m * (m - 1));
			q *= n * m / (n + m);
			if (q > best)
			{
				best = q;
				cut = tau;
			}
		}
	return cut;
}

static void
energy_divide(const double *value, int start, int end, double p_value, Changes *found)
{
	int			cut = end - start < 3 ? -1 : energy_split(value, start, end);

	if (cut < 0 || t_test(value, start, cut, end) >= p_value)
		return;
	energy_divide(value, start, cut, p_value, found);
	found->at[found->n++] = cut;
	energy_divide(value, cut, end, p_value, found);
}

static int
compare_ints(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

#undef qsort
static void
otava(const double *value, int n, Changes *changes)
{
	static const int window = 50;

	changes->n = 0;
	for (int start = 0; start < n;)
	{
		Changes		found = {0};
		int			last;

		energy_divide(value, start, Min(start + window, n), 0.01, &found);
		last = found.n > 0 ? found.at[found.n - 1] : 0;
		for (int i = 0; i < found.n; i++)
		{
			bool		known = false;

			for (int k = 0; k < changes->n; k++)
				known |= changes->at[k] == found.at[i];
			if (!known)
				changes->at[changes->n++] = found.at[i];
		}
		start = Max(last, start + window / 2);
	}
	qsort(changes->at, changes->n, sizeof(int), compare_ints);
	while (changes->n > 0)
	{
		double		weakest = -1;
		int			k = 0;

		for (int i = 0; i < changes->n; i++)
		{
			double		p = t_test(value, i > 0 ? changes->at[i - 1] : 0, changes->at[i],
								   i + 1 < changes->n ? changes->at[i + 1] : n);

			if (p > weakest)
			{
				weakest = p;
				k = i;
			}
		}
		if (weakest < 0.001)
			break;
		changes->n--;
		memmove(changes->at + k, changes->at + k + 1, (changes->n - k) * sizeof(int));
	}
}

static double
squared_error(const double *value, int start, int end)
{
	double		mean = 0;
	double		square = 0;

	for (int i = start; i < end; i++)
		mean += value[i] / (end - start);
	for (int i = start; i < end; i++)
		square += (value[i] - mean) * (value[i] - mean);
	return square;
}

static void
pelt(const double *value, int n, Changes *changes)
{
	double		step[MAX_DAYS];
	double		cost[MAX_DAYS + 1];
	int			start[MAX_DAYS + 1];
	double		deviation;

	for (int i = 1; i < n; i++)
		step[i - 1] = value[i] - value[i - 1];
	deviation = series_median(step, n - 1);
	for (int i = 1; i < n; i++)
		step[i - 1] = fabs(value[i] - value[i - 1] - deviation);
	deviation = 1.4826 * series_median(step, n - 1) / sqrt(2);
	cost[0] = 0;
	for (int end = 1; end <= n; end++)
	{
		cost[end] = INFINITY;
		for (int s = 0; s < end; s++)
		{
			double		with = cost[s] + squared_error(value, s, end) +
				(s > 0 ? 5 * log(n) * deviation * deviation : 0);

			if (with < cost[end])
			{
				cost[end] = with;
				start[end] = s;
			}
		}
	}
	changes->n = 0;
	for (int end = n; start[end] > 0; end = start[end])
		changes->at[changes->n++] = start[end];
}

static ChangePoint ours[MAX_DAYS];

static void
find_ours(const double *value, int n, Changes *changes)
{
	static double room[16 * MAX_DAYS];

	changes->n = change_points(value, n, 0.01, ours, room, no_interrupts);
	for (int i = 0; i < changes->n; i++)
		changes->at[i] = ours[i].index;
}

static void
find_trend(const double *value, int n, Changes *changes)
{
	static TrendChange found[MAX_DAYS];
	static double room[16 * (MAX_DAYS + 1)];
	double		time[MAX_DAYS];

	for (int i = 0; i < n; i++)
		time[i] = i;
	changes->n = trend_changes(time, value, n, found, room, no_interrupts);
	for (int i = 0; i < changes->n; i++)
		changes->at[i] = found[i].index;
}

/* ---- counting ---- */

/* The limit of C. Clopper and E. Pearson: P(at most k of n) is 2.5 %. */
static double
limit_above(int k, int n)
{
	double		low = (double) k / n;
	double		high = 1;

	if (k == n)
		return 1;
	for (int round = 0; round < 60; round++)
	{
		double		p = (low + high) / 2;
		double		term = n * log1p(-p);
		double		total = exp(term);

		for (int i = 1; i <= k; i++)
		{
			term += log((double) (n - i + 1) / i) + log(p) - log1p(-p);
			total += exp(term);
		}
		if (total > 0.025)
			low = p;
		else
			high = p;
	}
	return low;
}

/* prints a proportion with its 95 % limits, in percent */
static void
print_share(int k, int n)
{
	printf(" %6.2f (%5.2f-%6.2f)", 100.0 * k / n,
		   100 * (1 - limit_above(n - k, n)), 100 * limit_above(k, n));
}

static bool
is_hit(const Changes *changes, int day)
{
	for (int i = 0; i < changes->n; i++)
		if (abs(changes->at[i] - day) <= HIT)
			return true;
	return false;
}

typedef void (*Detector) (const double *value, int n, Changes *changes);

static const struct
{
	const char *name;
	Detector	find;
}			detector[] = {
	{"change_points", find_ours},
	{"trend_change_points", find_trend},
	{"Otava, E-divisive", otava},
	{"PELT-l2, 5 ln n", pelt},
};

static void
on_the_index(void)
{
	static const double change[] = {0, 0.1, 0.2};

	printf("\nThe cost index of 300 users, 56 days: in percent, with 95 %% limits\n"
		   "quiet: any change found; hit: found within %d days; other: another one as well\n", HIT);
	for (int type = 0; type < 2; type++)
		for (int c = 0; c < lengthof(change); c++)
		{
			int			any[lengthof(detector)] = {0};
			int			hit[lengthof(detector)] = {0};
			int			other[lengthof(detector)] = {0};
			int			on_ratio[lengthof(detector)] = {0};
			int			found = 0;
			int			covered = 0;
			double		width = 0;

			for (int r = 0; r < repetitions; r++)
			{
				Scenario	scenario = {56, type == 1, 0, change[c]};
				double		value[MAX_DAYS];
				Changes		changes;

				if (change[c] > 0)
					scenario.change_day = 14 + random_bits() % 29;
				simulate_index(&scenario, value);
				for (int d = 0; d < lengthof(detector); d++)
				{
					detector[d].find(value, scenario.days, &changes);
					any[d] += changes.n > 0;
					hit[d] += is_hit(&changes, scenario.change_day);
					other[d] += changes.n > is_hit(&changes, scenario.change_day);
					if (d == 0 && changes.n == 1)
					{
						found++;
						covered += ours[0].earliest <= scenario.change_day &&
							ours[0].latest >= scenario.change_day;
						width += ours[0].latest - ours[0].earliest + 1;
					}
					detector[d].find(ratio, scenario.days, &changes);
					on_ratio[d] += change[c] == 0 ? changes.n > 0 :
						is_hit(&changes, scenario.change_day);
				}
			}
			printf("\ntype %c, %s%.0f %%\n", 'A' + type, change[c] > 0 ? "+" : "", 100 * change[c]);
			for (int d = 0; d < lengthof(detector); d++)
			{
				printf("  %-22s %s", detector[d].name, change[c] == 0 ? "quiet" : "hit  ");
				print_share(change[c] == 0 ? any[d] : hit[d], repetitions);
				if (change[c] > 0)
				{
					printf("   other");
					print_share(other[d], repetitions);
				}
				printf("   on the ratio of sums");
				print_share(on_ratio[d], repetitions);
				printf("\n");
			}
			if (found > 0 && change[c] > 0)
			{
				printf("  location set covers   ");
				print_share(covered, found);
				printf(", %.1f days on average\n", width / found);
			}
		}
}

/* ---- noise of other kinds ---- */

typedef enum Noise
{
	NORMAL,
	HEAVY,						/* Student's t with 3 degrees of freedom */
	ALIKE_3,					/* autocorrelation 0.3 */
	ALIKE_5,
	SPIKY,						/* one value in 30 is 20 standard deviations off */
	NOISES
} Noise;

static const char *noise_name[] = {"normal", "t, 3 df", "AR 0.3", "AR 0.5", "spikes"};

static void
noise_series(Noise noise, double *value, int n)
{
	double		last = normal();

	for (int i = 0; i < n; i++)
	{
		double		x = normal();

		if (noise == HEAVY)
		{
			double		square = 0;

			for (int k = 0; k < 3; k++)
			{
				double		y = normal();

				square += y * y;
			}
			x /= sqrt(square / 3);
		}
		else if (noise == ALIKE_3 || noise == ALIKE_5)
		{
			double		r = noise == ALIKE_3 ? 0.3 : 0.5;

			x = last = r * last + sqrt(1 - r * r) * x;
		}
		else if (noise == SPIKY && uniform() < 1.0 / 30)
			x += random_bits() % 2 ? 20 : -20;
		value[i] = x;
	}
}

static void
on_noise(void)
{
	static const int length[] = {14, 28, 56, 90, 365};

	printf("\nchange_points on noise without a change, any found, in percent\n%-8s", "");
	for (int i = 0; i < lengthof(length); i++)
		printf("  %12d values  ", length[i]);
	for (Noise noise = 0; noise < NOISES; noise++)
	{
		printf("\n%-8s", noise_name[noise]);
		for (int i = 0; i < lengthof(length); i++)
		{
			int			any = 0;

			for (int r = 0; r < repetitions; r++)
			{
				double		value[MAX_DAYS];
				Changes		changes;

				noise_series(noise, value, length[i]);
				find_ours(value, length[i], &changes);
				any += changes.n > 0;
			}
			print_share(any, repetitions);
		}
	}
	printf("\n");
}

/* A step, one taken back, a staircase; sizes in standard deviations. */
static void
on_shapes(void)
{
	printf("\nchange_points on 90 normal values with changes, in percent\n");
	for (int shape = 0; shape < 4; shape++)
	{
		static const char *name[] = {"1.5 up at 45", "3 up at 40, down at 50",
			"1.5 up at 20, 40, 60", "2 up at 30, 2 down at 60"};
		static const int at[4][4] = {{45}, {40, 50}, {20, 40, 60}, {30, 60}};
		static const double size[4][4] = {{1.5}, {3, -3}, {1.5, 1.5, 1.5}, {2, -2}};
		int			right = 0;
		int			some = 0;

		for (int r = 0; r < repetitions; r++)
		{
			double		value[MAX_DAYS];
			Changes		changes;
			int			n = 0;

			noise_series(NORMAL, value, 90);
			for (int k = 0; k < 4 && at[shape][k] > 0; k++, n++)
				for (int i = at[shape][k]; i < 90; i++)
					value[i] += size[shape][k];
			find_ours(value, 90, &changes);
			some += changes.n > 0;
			if (changes.n == n)
			{
				bool		all = true;

				for (int k = 0; k < n; k++)
					all &= abs(changes.at[k] - at[shape][k]) <= 4;
				right += all;
			}
		}
		printf("  %-26s all, within 4", name[shape]);
		print_share(right, repetitions);
		printf("   any");
		print_share(some, repetitions);
		printf("\n");
	}
}

/* Histories: level, or with a step of three standard deviations. */
static void
on_histories(void)
{
	static const int length[] = {28, 90, 365};
	static const struct
	{
		const char *name;
		double		r;			/* autocorrelation */
		double		weekend;	/* lower by so many standard deviations */
	}			kind[] = {
		{"normal", 0, 0},
		{"AR 0.5", 0.5, 0},
		{"AR 0.8", 0.8, 0},
		{"weekdays", 0, 4},
		{"weekdays, AR 0.5", 0.5, 4},
	};

	printf("\ntrend_change_points, in percent: any change found in a level; a step found within %d days, other: another one as well\n", HIT);
	for (int k = 0; k < lengthof(kind); k++)
		for (int l = 0; l < lengthof(length); l++)
		{
			int			n = length[l];
			int			any = 0;
			int			hit = 0;
			int			other = 0;

			for (int r = 0; r < repetitions; r++)
			{
				double		value[MAX_DAYS];
				double		last = normal();
				int			day = n / 4 + random_bits() % (n / 2);
				Changes		changes;

				for (int i = 0; i < n; i++)
				{
					last = kind[k].r * last + sqrt(1 - kind[k].r * kind[k].r) * normal();
					value[i] = last - (i % 7 >= 5 ? kind[k].weekend : 0);
				}
				find_trend(value, n, &changes);
				any += changes.n > 0;
				for (int i = day; i < n; i++)
					value[i] += 3;
				find_trend(value, n, &changes);
				hit += is_hit(&changes, day);
				other += changes.n > is_hit(&changes, day);
			}
			printf("  %-17s %4d values   any", kind[k].name, n);
			print_share(any, repetitions);
			printf("   step");
			print_share(hit, repetitions);
			printf("   other");
			print_share(other, repetitions);
			printf("\n");
		}
}

/* ---- the monitor ---- */

static void
monitoring(void)
{
	static const double change[] = {0, 0.1, 0.2};

	printf("\nchange_monitor, 28 days before, 60 looks after, alpha 0.01: ever a change, in percent\n");
	for (int source = 0; source < 4; source++)
		for (int c = 0; c < (source < 2 ? 3 : 1); c++)
		{
			static const char *name[] = {"index, type A", "index, type B", "normal", "AR 0.3"};
			static int	delay[100000];
			int			changed = 0;
			int			covered = 0;

			for (int r = 0; r < repetitions; r++)
			{
				double		value[MAX_DAYS];
				double		room[4 * MAX_DAYS];
				ChangeMonitor monitor;
				bool		ever = false;
				bool		inside = true;

				if (source < 2)
				{
					Scenario	scenario = {88, source == 1, change[c] > 0 ? 28 : 0, change[c]};

					simulate_index(&scenario, value);
				}
				else
					noise_series(source == 2 ? NORMAL : ALIKE_3, value, 88);
				monitor_begin(&monitor, value, 28, 0.01, room);
				for (int i = 28; i < 88; i++)
				{
					MonitorReading reading = monitor_look(&monitor, value[i]);

					inside &= reading.low <= log1p(change[c]) && reading.high >= log1p(change[c]);
					if (!ever && reading.changed)
					{
						ever = true;
						delay[changed++] = i - 28 + 1;
					}
				}
				covered += inside;
			}
			qsort(delay, changed, sizeof(int), compare_ints);
			printf("  %-14s %s%2.0f %%", name[source], change[c] > 0 ? "+" : " ", 100 * change[c]);
			print_share(changed, repetitions);
			printf("   intervals all have the truth");
			print_share(covered, repetitions);
			if (c > 0 && changed > 0)
				printf("   days until then: median %d, nine in ten %d",
					   delay[changed / 2], delay[changed * 9 / 10]);
			printf("\n");
		}
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	repetitions = Min(atoi(argv[1]), 100000);
	random_seed(strtoull(argv[2], NULL, 10));
	if (argc < 4 || strchr(argv[3], 'n'))
		on_noise();
	if (argc < 4 || strchr(argv[3], 's'))
		on_shapes();
	if (argc < 4 || strchr(argv[3], 'i'))
		on_the_index();
	if (argc < 4 || strchr(argv[3], 'm'))
		monitoring();
	if (argc < 4 || strchr(argv[3], 'h'))
		on_histories();
	return 0;
}
