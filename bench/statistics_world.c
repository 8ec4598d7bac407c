/*-------------------------------------------------------------------------
 *
 * statistics_world.c
 *		Made-up users and what they did.  See statistics_world.h.
 *
 *-------------------------------------------------------------------------
 */
#include "statistics_world.h"

#include <math.h>

/* ---- random numbers: xoshiro256++ (D. Blackman, S. Vigna) ---- */

static uint64_t random_state[4];
static double spare_gauss;
static bool have_spare_gauss;

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t	z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
random_seed(uint64_t seed, uint64_t stream)
{
	uint64_t	x = splitmix(&seed) ^ (stream * UINT64_C(0xd1342543de82ef95));

	for (int i = 0; i < 4; i++)
		random_state[i] = splitmix(&x);
	have_spare_gauss = false;
}

static uint64_t
random_bits(void)
{
	uint64_t   *s = random_state;
	uint64_t	sum = s[0] + s[3];
	uint64_t	result = ((sum << 23) | (sum >> 41)) + s[0];
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* between 0 and 1, neither of them */
static double
uniform(void)
{
	return ((random_bits() >> 11) + 0.5) * 0x1p-53;
}

/* G. Marsaglia's polar method */
double
gauss(void)
{
	double		x,
				y,
				r;

	if (have_spare_gauss)
	{
		have_spare_gauss = false;
		return spare_gauss;
	}
	do
	{
		x = 2 * uniform() - 1;
		y = 2 * uniform() - 1;
		r = x * x + y * y;
	} while (r >= 1 || r == 0);
	r = sqrt(-2 * log(r) / r);
	spare_gauss = y * r;
	have_spare_gauss = true;
	return x * r;
}

static double
pareto(double index)
{
	return pow(uniform(), -1 / index);
}

static int
poisson(double mean)
{
	double		product = 1;
	double		limit;
	int			n = 0;

	if (mean > 50)
		return (int) fmax(0, floor(mean + sqrt(mean) * gauss() + 0.5));
	limit = exp(-mean);
	while ((product *= uniform()) > limit)
		n++;
	return n;
}

/* ---- worlds ---- */

/*
 * A day of a user, on which a share of calls has the new version and not all
 * say what they have.
 */
void
make_day(const World *world, int user, bool weekend, double volume, double share, double unknown, Sums sides[NUM_SIDES])
{
	bool		burst = uniform() < 0.03;
	double		mean = volume * world->activity[user] * exp(0.5 * gauss() - 0.125) *
		(weekend ? 0.35 : 1) * (burst ? 5 : 1);
	double		level = world->level[user] * exp(0.3 * gauss()) *
		(weekend ? 0.85 : 1) * (burst && world->type == DEAR_BURSTS ? 2 : 1);
	int			calls = poisson(mean);

	for (int side = 0; side < NUM_SIDES; side++)
		sides[side] = (Sums) {0, 0};
	for (int i = 0; i < calls; i++)
	{
		Side		side = SIDE_OLD;
		double		x = exp(gauss());

		if (uniform() < 0.01)
			x = 5 * pareto(1.5);
		if (share > 0 && uniform() < share)
			side = SIDE_NEW;
		if (unknown > 0 && uniform() < unknown)
			side = SIDE_UNKNOWN;
		sides[side].y += level * x;
		sides[side].n++;
	}
}

static Sums
make_week(const World *world, int user, double volume)
{
	Sums		sums = {0, 0};

	for (int day = 0; day < 7; day++)
	{
		Sums		sides[NUM_SIDES];

		make_day(world, user, day >= 5, volume, 0, 0, sides);
		sums.y += sides[SIDE_OLD].y;
		sums.n += sides[SIDE_OLD].n;
	}
	return sums;
}

/*
 * A week of conversations: the first turn finds the prompt of the system at
 * most, later ones what went before.  A user has his own lengths and luck, a
 * day too.  lost is the share of turns whose cache is lost to a fault.
 */
static Sums
make_token_week(const World *world, int user, double lost, Sums *faulty)
{
	Sums		sums = {0, 0};

	*faulty = sums;
	for (int day = 0; day < 7; day++)
	{
		double		luck = 0.6 * world->level[user] + 0.3 * gauss();
		int			conversations = poisson(world->activity[user] / 4 * exp(0.5 * gauss() - 0.125) *
											(day >= 5 ? 0.35 : 1));

		for (int i = 0; i < conversations; i++)
		{
			int			turns = 1 + poisson(3 * exp(0.3 * world->level[user]));
			double		input = 2000 * exp(0.7 * gauss());

			for (int turn = 0; turn < turns; turn++)
			{
				double		hit = 1 / (1 + exp(-((turn > 0 ? 1.5 : -1.0) + luck + gauss())));

				sums.n += floor(input);
				sums.y += floor(input * hit);
				faulty->n += floor(input);
				if (uniform() >= lost)
					faulty->y += floor(input * hit);
				input += 500 * exp(gauss());
			}
		}
	}
	return sums;
}

/* Without sampling, how much of all tokens is read from the cache? */
#define USUAL_HIT_RATIO 0.74

void
make_users(World *world, UserType type)
{
	/* a Pareto(1.5) has the mean 3 and the median 2^(2/3) */
	bool		dear = type == DEAR_USERS;
	double		total = dear ? 3 * USERS : 3 * (USERS - HEAVY) + 40 * cbrt(4) * HEAVY;
	/* of calls a weekday, so that a week has 7 times the mean */
	double		unit = CALLS_A_DAY * 7 / 5.7 / total / 1.12;
	double		most = 0;

	world->type = type;
	for (int i = 0; i < USERS; i++)
	{
		bool		heavy = i < HEAVY;
		double		spend;

		world->activity[i] = unit * (heavy && !dear ? 40 * cbrt(4) : pareto(1.5));
		world->level[i] = exp(0.5 * gauss()) * (heavy && dear ? 40 : 1);
		spend = world->activity[i] * world->level[i];
		if (spend > most)
		{
			most = spend;
			world->whale = i;
		}
	}
}

void
make_world(World *world, UserType type)
{
	make_users(world, type);
	for (int i = 0; i < USERS; i++)
	{
		for (int w = 0; w < WEEKS; w++)
			world->week[i][w] = make_week(world, i, 1);
		for (int k = 0; k < 2; k++)
			world->more[i][k] = make_week(world, i, 1);
	}
	world->burst = make_week(world, world->whale, 4);

	/* the same users talk; their level is now that of their luck */
	for (int i = 0; i < USERS; i++)
	{
		Sums		ignored;

		world->level[i] = gauss();
		for (int w = 0; w < WEEKS; w++)
			world->tokens[i][w] = make_token_week(world, i, 0.05 / USUAL_HIT_RATIO,
												  w < 2 ? &world->faulty[i][w] : &ignored);
	}
}
