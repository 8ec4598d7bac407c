/*-------------------------------------------------------------------------
 *
 * price_search.h
 *		Finds the price that applies to a meter, for one asker at one time.
 *
 * Which layer speaks: an imported catalogue speaks for a whole model from the
 * first price it has for it on, the bundled one before that.  An override
 * speaks for one slot while it is valid, and a slot of the book asked comes
 * before the same slot of a book that it is based on.
 *
 * Which slot speaks: more specific ones (attributes, daily window) come before
 * less specific ones.  Where the service tier and region asked have no price,
 * a fallback rule may name the price without region, or of the standard tier,
 * or both, times a factor.  Without such a rule there is no price.
 *
 * Knows nothing of rates and tariffs, which are made of what it finds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_PRICE_SEARCH_H
#define LLM_COST_PRICE_SEARCH_H

#include "price.h"

/* The question, and the facts that can have a say in its answer. */
typedef struct Search
{
	const Asker *asker;
	const char *provider;
	const char *model;
	TimestampTz at;
	const Price **prices;		/* believed, valid, attributes hold, … */
	int			nprices;
	const Rule **rules;			/* believed, valid, for this model, … */
	int			nrules;
} Search;

/* A price, and the fallback rules that led to it. */
typedef struct Found
{
	const Price *price;
	const Rule *region_rule;
	const Rule *tier_rule;
	const char *as_meter;		/* found for this meter */
} Found;

extern bool start_search(Search *search, const Price *const *prices, int nprices,
						 const Rule *rules, int nrules, Span *span);
extern void end_search(Search *search);
extern bool find_in_tier(const Search *search, const char *meter, int64 tier_at,
						 Found *found);
extern bool attributes_hold(const Attributes *conditions, const Attributes *given);
extern bool name_listed(const Names *names, const char *name);
extern bool rule_applies(const Search *search, const Rule *rule, const char *meter);
extern const char *missing_problem(const Search *search, const char *meter,
								   bool *elsewhere);

#endif							/* LLM_COST_PRICE_SEARCH_H */
