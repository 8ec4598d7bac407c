/*-------------------------------------------------------------------------
 *
 * tariff.h
 *		The rates of one model, as one seller charges one asker at one time.
 *
 * A tariff is what remains when precedence of layers and books, specificity,
 * service tier, region, daily windows, fallbacks and multipliers have been
 * settled.  It says for which span of time it holds, so that it can be kept.
 *
 * How a rate is found, for a meter at a context tier:
 *
 *	1.	The price that applies at this context tier (price_search.h).
 *	2.	The same one context tier lower, and so on down to the base tier.
 *	3.	The same for the meter that this one is part of.
 *	4.	Multipliers scale what was found, in stacking order.
 *
 * Knows nothing of tables, snapshots, model names or quantities.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_TARIFF_H
#define LLM_COST_TARIFF_H

#include "meter.h"
#include "money.h"
#include "price.h"

/* The rate of one meter in one context tier. */
typedef struct Rate
{
	const char *meter;
	const Price *price;			/* what it was derived from; NULL: problem */
	Numeric		unit_price;		/* for price->per units, all factors applied */
	UnitPrice	per_unit;		/* the same for one unit */
	const char *derivation;		/* fallbacks and multipliers taken, or "" */
	const char *problem;
	uint64		unnamed;		/* keys of the asker that nothing named */
	bool		elsewhere;		/* no rate here, but for another tier, region, … */
} Rate;

/*
 * One context tier: all that the usual attempt needs, in little room.  The
 * core rates are integers of one scale, where they can be written so.
 */
typedef struct CoreRates
{
	int64		at;				/* from this much input on */
	bool		usable;			/* the rates are integers */
	uint8		missing;		/* bit i: core meter i has no rate */
	int			scale;
	int64		per_request;
	int64		per_unit[NUM_CORE_METERS];
} CoreRates;

/* The rates of all meters in one context tier, the core meters first. */
typedef struct TierRates
{
	int			n;
	Rate	   *rates;
} TierRates;

typedef struct Tariff
{
	const char *problem;		/* no_price_at_time, or NULL */
	int			ntiers;			/* ascending; the first is the base tier */
	CoreRates  *core;
	TierRates  *tiers;
	const char *provider;
	const char *model;
} Tariff;

extern Tariff *build_tariff(const Asker *asker, const char *provider,
							const char *model, const Price *const *prices,
							int nprices, const Rule *rules, int nrules,
							TimestampTz at, Span *span);
extern bool same_tariff(const Tariff *a, const Tariff *b);
extern const Rate *tier_rate(const TierRates *tier, const char *meter);

/*
 * One decision per attempt: the highest context tier that the total input,
 * cache included, reaches.
 */
static inline int
context_tier(const Tariff *tariff, int64 input_tokens)
{
	int			tier = tariff->ntiers - 1;

	while (tier > 0 && input_tokens < tariff->core[tier].at)
		tier--;
	return tier;
}

#endif							/* LLM_COST_TARIFF_H */
