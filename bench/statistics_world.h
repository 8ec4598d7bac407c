/*-------------------------------------------------------------------------
 *
 * statistics_world.h
 *		Made-up users and what they did in 20 weeks.
 *
 * A world is 300 users.  Activity is Pareto(1.5).  Of type A, 5 % of users
 * make forty times the median's calls; of type B, 5 % pay forty times as much
 * a call; C is A with bursts that are dear, too.  Calls cost lognormal(1)
 * around the user's level (lognormal(0.5)), 1 % of them Pareto(1.5) from five
 * times that.  A user's day has its own volume and cost (lognormal 0.5 and
 * 0.3), and three days in a hundred are bursts, five times the calls; of type
 * C, at twice the cost.  Weekends have 0.35 of the calls at 0.85 of the cost.
 * About 84,000 calls in eight weeks.
 *
 * The same users also have conversations, whose turns find part of their
 * input in a cache.
 *
 * Everything follows from a seed and the number of the world.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_STATISTICS_WORLD_H
#define LLM_COST_STATISTICS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#define USERS		300
#define HEAVY		15			/* 5 % */
#define WEEKS		20			/* week 0 is the latest */
#define CALLS_A_DAY	1500

typedef enum UserType
{
	BUSY_USERS,					/* A */
	DEAR_USERS,					/* B */
	DEAR_BURSTS,				/* C */
	NUM_TYPES
} UserType;

typedef struct Sums
{
	double		y;
	double		n;
} Sums;

typedef struct World
{
	UserType	type;
	double		activity[USERS];	/* calls on a weekday */
	double		level[USERS];	/* cost of a usual call */
	Sums		week[USERS][WEEKS];
	Sums		more[USERS][2]; /* what week 0 would be twice again */
	Sums		burst;			/* four times more of the whale in week 0 */
	int			whale;
	/* hit ratio: input tokens and those from the cache, less with a fault */
	Sums		tokens[USERS][WEEKS];
	Sums		faulty[USERS][2];	/* weeks 0 and 1, when 5 points are lost */
} World;

extern void random_seed(uint64_t seed, uint64_t stream);
extern double gauss(void);

/* users alone, and all that they did */
extern void make_users(World *world, UserType type);
extern void make_world(World *world, UserType type);

typedef enum Side
{
	SIDE_OLD,
	SIDE_NEW,
	SIDE_UNKNOWN,
	NUM_SIDES
} Side;

extern void make_day(const World *world, int user, bool weekend, double volume,
					 double share, double unknown, Sums sides[NUM_SIDES]);

#endif							/* LLM_COST_STATISTICS_WORLD_H */
