/*-------------------------------------------------------------------------
 *
 * tariff.h
 *		The rates of one model, as one seller charges one asker at one time.
 *
 * A tariff is what remains when precedence of layers and books, specificity,
 * service tier, region, daily windows, fallbacks and multipliers have been
 * settled.  It says for which span of time it holds, so that it can be kept.
 *
 * How a rate is found, for a meter at a context tier (see find_rate):
 *
 *	1.	An imported catalogue speaks for a whole model from the first price it
 *		has for it, the bundled one before that.  An override speaks for one
 *		slot while it is valid; a slot of the book asked comes before the same
 *		slot of a book that it is based on.  More specific slots (attributes,
 *		daily window) come before less specific ones.
 *	2.	The price of the service tier and region asked; where there is none, a
 *		fallback rule may name the price without region, or of the standard
 *		tier, or both, times a factor.
 *	3.	The same one context tier lower, and so on down to the base tier.
 *	4.	The same for the meter that this one is part of.
 *	5.	Multipliers scale what was found, in stacking order.
 *
 * Knows nothing of tables, snapshots, model names or quantities.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_TARIFF_H
#define LLM_COST_TARIFF_H

#include "meter.h"
#include "price.h"

/* The rate of one meter in one context tier. */
typedef struct Rate
{
	const char *meter;
	const Price *price;			/* what it was derived from; NULL: problem */
	Numeric		unit_price;		/* for price->per units, all factors applied */
	const char *derivation;		/* fallbacks and multipliers taken, or "" */
	const char *problem;
} Rate;

/*
 * The core rates of a context tier as integers of one scale, where they can
 * be written so.
 */
typedef struct CoreRates
{
	bool		usable;
	int			scale;
	int64		per_unit[NUM_CORE_METERS];
	int64		per_request;
	uint8		missing;		/* bit i: core meter i has no rate */
} CoreRates;

typedef struct ContextTier
{
	int64		from;			/* total input tokens above this */
	bool		inclusive;		/* … or equal to it */
	int			nrates;
	Rate	   *rates;			/* the core meters first */
	CoreRates	core;
} ContextTier;

typedef struct Tariff
{
	const char *provider;
	const char *model;
	const char *problem;		/* no_price_at_time, or NULL */
	int			ntiers;
	ContextTier *tiers;			/* ascending; the first is the base tier */
} Tariff;

extern Tariff *build_tariff(const Asker *asker, const char *provider,
							const char *model, const Price *const *prices,
							int nprices, const Rule *rules, int nrules,
							TimestampTz at, Span *span);
extern bool same_tariff(const Tariff *a, const Tariff *b);
extern Rate *tier_rate(const ContextTier *tier, const char *meter);

/*
 * One decision per attempt: the highest context tier that the total input,
 * cache included, reaches.
 */
static inline const ContextTier *
context_tier(const Tariff *tariff, int64 input_tokens)
{
	int			i = tariff->ntiers - 1;

	while (i > 0 && !(input_tokens > tariff->tiers[i].from ||
					  (tariff->tiers[i].inclusive &&
					   input_tokens == tariff->tiers[i].from)))
		i--;
	return &tariff->tiers[i];
}

#endif							/* LLM_COST_TARIFF_H */
