/*-------------------------------------------------------------------------
 *
 * price_search.c
 *		Finds the price that applies.  See price_search.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "meter.h"
#include "price_search.h"

static const char standard_tier[] = "standard";

static inline bool
streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool
attributes_hold(const Attributes *conditions, const Attributes *given)
{
	for (int i = 0; i < conditions->n; i++)
	{
		bool		holds = false;

		for (int j = 0; j < given->n && !holds; j++)
			holds = streq(conditions->items[i].key, given->items[j].key) &&
				streq(conditions->items[i].value, given->items[j].value);
		if (!holds)
			return false;
	}
	return true;
}

/* How far the book is from the one asked for, or -1. */
static int
book_distance(const Asker *asker, const char *price_book)
{
	for (int i = 0; i < asker->books.n; i++)
		if (streq(asker->books.items[i], price_book))
			return i;
	return -1;
}

/*
 * Does the price's daily window contain the time?  Narrows the span to the
 * part of the day for which that is so.
 */
static bool
in_window(const Price *price, TimestampTz at, Span *span)
{
	int64		edges[] = {0, price->window_from, price->window_to, HOURS_PER_DAY * MINS_PER_HOUR};
	int64		day = at / USECS_PER_DAY;
	int64		midnight;
	int64		minute;

	if (price->window_from < 0)
		return true;
	if (TIMESTAMP_NOT_FINITE(at))
	{
		/* no time of day; and this says nothing of any other time */
		if (TIMESTAMP_IS_NOBEGIN(at))
			span->to = at + 1;
		else
			span->from = at;
		return false;
	}

	if (at % USECS_PER_DAY < 0)
		day--;
	midnight = day * USECS_PER_DAY;
	minute = (at - midnight) / USECS_PER_MINUTE;

	for (int i = 0; i < lengthof(edges); i++)
	{
		TimestampTz edge = midnight + edges[i] * USECS_PER_MINUTE;

		if (edge <= at)
			span->from = Max(span->from, edge);
		else
			span->to = Min(span->to, edge);
	}

	if (price->window_from < price->window_to)
		return minute >= price->window_from && minute < price->window_to;
	return minute >= price->window_from || minute < price->window_to;
}

/*
 * An imported catalogue speaks for the model in a book from its first price
 * on, also where it has closed all of them since: what a catalogue withdrew
 * must not come back from an older one.
 */
static bool
import_speaks(const Asker *asker, const char *price_book,
			  const Price *const *prices, int nprices, TimestampTz at)
{
	for (int i = 0; i < nprices; i++)
		if (prices[i]->layer == LAYER_IMPORTED &&
			streq(prices[i]->price_book, price_book) &&
			believes(asker, &prices[i]->known) && prices[i]->valid.from <= at)
			return true;
	return false;
}

/*
 * Reduce the prices to those that can apply.  Returns false if none is valid
 * at that time, whatever service tier, region and attributes it is for.
 */
static bool
select_prices(Search *search, const Price *const *prices, int nprices, Span *span)
{
	const Asker *asker = search->asker;
	bool		any = false;

	search->prices = palloc(sizeof(Price *) * nprices);
	for (int i = 0; i < nprices; i++)
	{
		const Price *price = prices[i];

		if (book_distance(asker, price->price_book) < 0 ||
			!believes(asker, &price->known))
			continue;
		narrow_span(span, &price->valid, search->at);
		if (!span_contains(&price->valid, search->at) ||
			(price->layer == LAYER_BUNDLED &&
			 import_speaks(asker, price->price_book, prices, nprices, search->at)))
			continue;
		any = true;

		if ((streq(price->service_tier, asker->service_tier) ||
			 streq(price->service_tier, standard_tier)) &&
			(streq(price->region, asker->region) || price->region[0] == '\0') &&
			attributes_hold(&price->attributes, &asker->attributes) &&
			in_window(price, search->at, span))
			search->prices[search->nprices++] = price;
	}
	return any;
}

bool
name_listed(const Names *names, const char *name)
{
	for (int i = 0; i < names->n; i++)
	{
		const char *item = names->items[i];
		size_t		len = strlen(item);

		if (len > 0 && item[len - 1] == '*' ? strncmp(item, name, len - 1) == 0
			: streq(item, name))
			return true;
	}
	return false;
}

/*
 * A rule of the same name in a nearer book or a higher layer replaces this
 * one, whatever it is for.
 */
static bool
rule_is_replaced(const Search *search, const Rule *rule, const Rule *rules, int nrules,
				 Span *span)
{
	int			distance = book_distance(search->asker, rule->price_book);
	bool		replaced = false;

	for (int i = 0; i < nrules; i++)
	{
		const Rule *other = &rules[i];
		int			other_distance;

		if (other == rule || !streq(other->name, rule->name) ||
			!believes(search->asker, &other->known))
			continue;
		other_distance = book_distance(search->asker, other->price_book);
		if (other_distance < 0 || other_distance > distance ||
			(other_distance == distance && other->layer <= rule->layer))
			continue;
		narrow_span(span, &other->valid, search->at);
		replaced |= span_contains(&other->valid, search->at);
	}
	return replaced;
}

/* Reduce the rules to those for this model whose other conditions hold. */
static void
select_rules(Search *search, const Rule *rules, int nrules, Span *span)
{
	const Asker *asker = search->asker;

	search->rules = palloc(sizeof(Rule *) * Max(nrules, 1));
	for (int i = 0; i < nrules; i++)
	{
		const Rule *rule = &rules[i];

		if ((rule->provider[0] != '\0' && !streq(rule->provider, search->provider)) ||
			(rule->models.n > 0 && !name_listed(&rule->models, search->model)) ||
			book_distance(asker, rule->price_book) < 0 ||
			!believes(asker, &rule->known) ||
			!attributes_hold(&rule->attributes, &asker->attributes))
			continue;
		narrow_span(span, &rule->valid, search->at);
		if (span_contains(&rule->valid, search->at) &&
			!rule_is_replaced(search, rule, rules, nrules, span))
			search->rules[search->nrules++] = rule;
	}
}

static int
compare_rules(const void *a, const void *b)
{
	const Rule *ra = *(const Rule *const *) a;
	const Rule *rb = *(const Rule *const *) b;

	if (ra->stacking_order != rb->stacking_order)
		return ra->stacking_order < rb->stacking_order ? -1 : 1;
	return strcmp(ra->name, rb->name);
}

/*
 * Reduce all prices that any book, layer and time has for the seller's model,
 * and all rules, to those that can have a say.  Narrows the span to where
 * that holds.  Returns false if no price is valid at that time.
 */
bool
start_search(Search *search, const Price *const *prices, int nprices,
			 const Rule *rules, int nrules, Span *span)
{
	select_rules(search, rules, nrules, span);
	qsort(search->rules, search->nrules, sizeof(Rule *), compare_rules);
	return select_prices(search, prices, nprices, span);
}

void
end_search(Search *search)
{
	pfree(search->prices);
	pfree(search->rules);
}

/* Is a price for a more specific case than another? */
static int
compare_specificity(const Search *search, const Price *a, const Price *b)
{
	if (a->attributes.n != b->attributes.n)
		return a->attributes.n - b->attributes.n;
	if ((a->window_from < 0) != (b->window_from < 0))
		return a->window_from < 0 ? -1 : 1;
	if (!streq(a->price_book, b->price_book))
		return book_distance(search->asker, b->price_book) -
			book_distance(search->asker, a->price_book);
	if (a->layer != b->layer)
		return (int) a->layer - (int) b->layer;
	/* Different windows or attributes that both hold: settle it the same way every time. */
	return memcmp(b->price_id.data, a->price_id.data, UUID_LEN);
}

static const Price *
best_price(const Search *search, const char *meter, int64 tier_at,
		   const char *service_tier, const char *region)
{
	const Price *best = NULL;

	for (int i = 0; i < search->nprices; i++)
	{
		const Price *price = search->prices[i];

		if (price->tier_at == tier_at && streq(price->meter, meter) &&
			streq(price->service_tier, service_tier) &&
			streq(price->region, region) &&
			(best == NULL || compare_specificity(search, price, best) > 0))
			best = price;
	}
	return best;
}

/* Does a rule's condition on service tier or region hold?  "*" is any but the base. */
static bool
condition_holds(const char *condition, const char *given, const char *base)
{
	return condition[0] == '\0' || streq(condition, given) ||
		(streq(condition, "*") && !streq(given, base));
}

/* Do the rule's conditions on service tier, region and meter hold? */
bool
rule_applies(const Search *search, const Rule *rule, const char *meter)
{
	return condition_holds(rule->service_tier, search->asker->service_tier, standard_tier) &&
		condition_holds(rule->region, search->asker->region, "") &&
		(rule->meters.n == 0 || name_listed(&rule->meters, meter));
}

/* The fallback for this meter's service tier (or region), the most special one. */
static const Rule *
fallback_rule(const Search *search, const char *meter, bool for_tier)
{
	const Rule *best = NULL;
	int			best_score = -1;

	for (int i = 0; i < search->nrules; i++)
	{
		const Rule *rule = search->rules[i];
		const char *condition = for_tier ? rule->service_tier : rule->region;
		int			score;

		if (!rule->fallback || condition[0] == '\0' || !rule_applies(search, rule, meter))
			continue;
		score = (rule->meters.n > 0 ? 8 : 0) + (streq(condition, "*") ? 0 : 4) +
			(rule->models.n > 0 ? 2 : 0) + (rule->provider[0] != '\0' ? 1 : 0);
		if (score > best_score ||
			(score == best_score &&
			 (rule->stacking_order < best->stacking_order ||
			  (rule->stacking_order == best->stacking_order &&
			   strcmp(rule->name, best->name) < 0))))
		{
			best = rule;
			best_score = score;
		}
	}
	return best;
}

/* A price of exactly this context tier: the one asked for, or by fallback. */
bool
find_in_tier(const Search *search, const char *meter, int64 tier_at, Found *found)
{
	const char *service_tier = search->asker->service_tier;
	const char *region = search->asker->region;
	const Rule *region_rule = region[0] ? fallback_rule(search, meter, false) : NULL;
	const Rule *tier_rule = streq(service_tier, standard_tier) ? NULL :
		fallback_rule(search, meter, true);

	found->as_meter = meter;
	for (int way = 0; way < 4; way++)
	{
		bool		without_region = (way & 1) != 0;
		bool		as_standard = (way & 2) != 0;

		if ((without_region && region_rule == NULL) || (as_standard && tier_rule == NULL))
			continue;
		found->region_rule = without_region ? region_rule : NULL;
		found->tier_rule = as_standard ? tier_rule : NULL;
		found->price = best_price(search, meter, tier_at,
								  as_standard ? standard_tier : service_tier,
								  without_region ? "" : region);
		if (found->price != NULL)
			return true;
	}
	return false;
}

/*
 * Why there is no price: because of the service tier, because of the region,
 * or at all.  "elsewhere": some tier or region has one.
 */
const char *
missing_problem(const Search *search, const char *meter, bool *elsewhere)
{
	const char *root = meter;
	const Price *lacks_region = NULL;
	const Price *lacks_tier = NULL;

	while (meter_parent(root))
		root = meter_parent(root);
	for (int i = 0; i < search->nprices; i++)
	{
		const Price *price = search->prices[i];

		if (!streq(price->meter, root) && !streq(price->meter, meter))
			continue;
		if (!streq(price->service_tier, search->asker->service_tier))
			lacks_tier = price;
		else if (!streq(price->region, search->asker->region))
			lacks_region = price;
	}
	*elsewhere = lacks_region != NULL || lacks_tier != NULL;
	if (lacks_region)
		return psprintf("no_price_for_region:%s", search->asker->region);
	if (lacks_tier)
		return psprintf("no_price_for_tier:%s", search->asker->service_tier);
	return psprintf("no_price:%s", meter);
}
