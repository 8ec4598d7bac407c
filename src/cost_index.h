/*-------------------------------------------------------------------------
 *
 * cost_index.h
 *		What a call costs over time, for the same users: two-way fixed effects.
 *
 * The mean cost of calls moves when users come and go, or are busy on other
 * days.  The index does not: it compares every user with himself only.
 *
 * Model.  The logarithm of the unit cost of user u in bucket t, a cell, is
 *
 *		l(u,t) = m(u) + b(t) + noise
 *
 * Noise is independent between users, and has heavy tails.  b, centered, is
 * the index: differences are logarithms of ratios, 0.095 is 10 %.  A change
 * that new users bring, who were not there before, is not in it, nor is one
 * that goes to a few users: it is the
 * change that most continuing users see.
 *
 * Method.  Cells are weighted by how little they vary (cell_noise.h) given
 * their number of calls, which counts up to its ninth decile only, so that
 * nobody outvotes all others.  Minimized is the sum of weights times P.
 * Huber's loss of the noise: a problem of least squares with new weights, four
 * times over.  Each is solved for b by conjugate gradients, users eliminated:
 * a step is one pass through the cells, as for the usual alternating means.
 * These are far from done after eight passes where each user is there for a
 * short time only: if for a quarter of it, they show half of a change.
 *
 * What can be compared.  Only users seen in two buckets or more say something,
 * and only buckets with two such users or more are told of, both meant
 * together; and if what remains falls apart into sets of buckets without a
 * common user, only the set with most cells.  Elsewhere the index is NaN.
 *
 * Uncertainty is a standard error: the spread of weighted residuals in the
 * bucket, each allowing for what it has itself moved (its leverage).
 *
 * Weekdays.  Where buckets are days, costs of Sundays are of other calls.
 * What weekdays are away from a running median of seven days is known after
 * four weeks, as a median for each; it is taken from the index.
 *
 * A day more does not need a new fit: with the levels m(u) of the last fit
 * it is one location estimate over the cells of that day.
 *
 * Complexity.  O(cells) a pass, some 20 passes where most users are there most
 * of the time, at most 200 a problem; memory O(cells), the caller's.
 *
 * References.  J. Abowd, F. Kramarz and D. Margolis, "High wage workers and
 * high wage firms", Econometrica 67, 1999; S. Guimaraes and P. Portugal, "A
 * simple feasible procedure to fit models with high-dimensional fixed
 * effects", Stata J. 10, 2010.
 *
 * Knows nothing of time but the order of buckets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_COST_INDEX_H
#define LLM_COST_COST_INDEX_H

#include "series.h"

/* Weeks until effects of weekdays are known. */
#define WEEKS_FOR_WEEKDAYS 4

typedef struct IndexCell
{
	int			user;			/* from 0 */
	int			bucket;			/* from 0 */
	double		log_cost;		/* of a call */
	double		weight;			/* its number of calls, see weigh_cells() */
} IndexCell;

typedef struct IndexBucket
{
	double		value;			/* NaN if it cannot be told */
	double		uncertainty;	/* standard error, NaN with the value */
	int			cells;			/* that say something */
	double		weekday;		/* what has been taken from the value */
} IndexBucket;

typedef struct IndexUser
{
	double		level;			/* m(u), NaN if unknown */
	int			cells;
} IndexUser;

/* Caps numbers of calls at their ninth decile.  Room for so many doubles. */
extern void weigh_cells(IndexCell *cells, int ncells, double *room);

/* Bytes of memory that a fit takes. */
extern Size cost_index_room(int ncells, int nusers, int nbuckets);

/*
 * Fits the model to cells that are in order of users, each pair of user and
 * bucket once; users may be NULL.
 */
extern void cost_index_fit(const IndexCell *cells, int ncells, int nusers, int nbuckets,
						   IndexBucket *buckets, IndexUser *users, void *room,
						   CheckInterrupts check_interrupts);

/* Takes weekday effects from days, whose numbers ascend.  Room for 2 n doubles. */
extern void remove_weekdays(const int *day, IndexBucket *buckets, int n, double *room);

/*
 * One bucket more: the location of what cells exceed the levels of their
 * users by, which the caller has subtracted.  Room for 3 n doubles.
 */
extern IndexBucket cost_index_append(const IndexCell *cells, int n, double *room);

#endif							/* LLM_COST_COST_INDEX_H */
