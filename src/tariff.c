/*-------------------------------------------------------------------------
 *
 * tariff.c
 *		Settles which rates hold for one asker at one time.  See tariff.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "tariff.h"

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
	Names		used;			/* keys of attributes that something named */
} Search;

/* A price, and the fallback rules that led to it. */
typedef struct Found
{
	const Price *price;
	const Rule *region_rule;
	const Rule *tier_rule;
	const char *as_meter;		/* found for this meter */
} Found;

static const char standard_tier[] = "standard";

static inline bool
streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool
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
	int64		day = at / USECS_PER_DAY;
	int64		midnight;
	int64		minute;

	if (price->window_from < 0 || TIMESTAMP_NOT_FINITE(at))
		return price->window_from < 0;

	if (at % USECS_PER_DAY < 0)
		day--;
	midnight = day * USECS_PER_DAY;
	minute = (at - midnight) / USECS_PER_MINUTE;

	if (span != NULL)
	{
		int64		edges[] = {0, price->window_from, price->window_to, HOURS_PER_DAY * MINS_PER_HOUR};

		for (int i = 0; i < lengthof(edges); i++)
		{
			TimestampTz edge = midnight + edges[i] * USECS_PER_MINUTE;

			if (edge <= at)
				span->from = Max(span->from, edge);
			else
				span->to = Min(span->to, edge);
		}
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

static bool
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

/* Reduce the rules to those for this model whose other conditions hold. */
static void
select_rules(Search *search, const Rule *rules, int nrules, Span *span)
{
	const Asker *asker = search->asker;

	search->rules = palloc(sizeof(Rule *) * Max(nrules, 1));
	for (int i = 0; i < nrules; i++)
	{
		const Rule *rule = &rules[i];
		int			distance = book_distance(asker, rule->price_book);
		bool		replaced = false;

		if (distance < 0 || !believes(asker, &rule->known))
			continue;
		narrow_span(span, &rule->valid, search->at);
		if (!span_contains(&rule->valid, search->at))
			continue;

		/* A nearer book or a higher layer replaces the rule of that name. */
		for (int j = 0; j < nrules && !replaced; j++)
		{
			const Rule *other = &rules[j];
			int			other_distance = book_distance(asker, other->price_book);

			replaced = streq(other->name, rule->name) && other_distance >= 0 &&
				(other_distance < distance ||
				 (other_distance == distance && other->layer > rule->layer)) &&
				believes(asker, &other->known) &&
				span_contains(&other->valid, search->at);
		}

		if (!replaced &&
			(rule->provider[0] == '\0' || streq(rule->provider, search->provider)) &&
			(rule->models.n == 0 || name_listed(&rule->models, search->model)) &&
			attributes_hold(&rule->attributes, &asker->attributes))
			search->rules[search->nrules++] = rule;
	}
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
best_price(const Search *search, const char *meter, int64 tier_from,
		   const char *service_tier, const char *region)
{
	const Price *best = NULL;

	for (int i = 0; i < search->nprices; i++)
	{
		const Price *price = search->prices[i];

		if (price->tier_from == tier_from && streq(price->meter, meter) &&
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

static bool
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
static bool
find_in_tier(const Search *search, const char *meter, int64 tier_from, Found *found)
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
		found->price = best_price(search, meter, tier_from,
								  as_standard ? standard_tier : service_tier,
								  without_region ? "" : region);
		if (found->price != NULL)
			return true;
	}
	return false;
}

/* Steps 2 to 4 of the head comment. */
static bool
find_price(const Search *search, const char *meter, const Tariff *tariff,
		   int tier, Found *found)
{
	for (const char *as_meter = meter; as_meter; as_meter = meter_parent(as_meter))
		for (int t = tier; t >= 0; t--)
			if (find_in_tier(search, as_meter, tariff->core[t].from, found))
				return true;
	return false;
}

/* Why there is no price: because of the service tier, the region, or at all. */
static const char *
missing_problem(const Search *search, const char *meter)
{
	const char *root = meter;
	bool		region_lacks = false;
	bool		tier_lacks = false;

	while (meter_parent(root))
		root = meter_parent(root);
	for (int i = 0; i < search->nprices; i++)
	{
		const Price *price = search->prices[i];

		if (!streq(price->meter, root) && !streq(price->meter, meter))
			continue;
		if (streq(price->service_tier, search->asker->service_tier))
			region_lacks = true;
		else
			tier_lacks = true;
	}
	if (region_lacks && search->asker->region[0])
		return psprintf("no_price_for_region:%s", search->asker->region);
	if (tier_lacks)
		return psprintf("no_price_for_tier:%s", search->asker->service_tier);
	return psprintf("no_price:%s", meter);
}

static void
note_used(Search *search, const Attributes *attributes)
{
	for (int i = 0; i < attributes->n; i++)
		search->used.items[search->used.n++] = attributes->items[i].key;
}

static void
append_rule(StringInfo derivation, const char *what, const Rule *rule)
{
	appendStringInfo(derivation, "; %s x %s (%s)", what,
					 numeric_normalize(rule->factor), rule->name);
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

/* Turn what was found into a rate: apply factors, and say so. */
static void
settle_rate(Search *search, Rate *rate, const Found *found)
{
	const Price *price = found->price;
	StringInfoData derivation;

	initStringInfo(&derivation);
	rate->price = price;
	rate->unit_price = price->amount;
	note_used(search, &price->attributes);

	if (!streq(found->as_meter, rate->meter))
		appendStringInfo(&derivation, "; as %s", found->as_meter);
	if (!streq(price->price_book, search->asker->books.items[0]))
		appendStringInfo(&derivation, "; from book %s", price->price_book);
	if (found->region_rule)
	{
		append_rule(&derivation, "price without region", found->region_rule);
		rate->unit_price = money_multiply(rate->unit_price, found->region_rule->factor);
		note_used(search, &found->region_rule->attributes);
	}
	if (found->tier_rule)
	{
		append_rule(&derivation, "standard tier", found->tier_rule);
		rate->unit_price = money_multiply(rate->unit_price, found->tier_rule->factor);
		note_used(search, &found->tier_rule->attributes);
	}

	/* search->rules is in stacking order */
	for (int i = 0; i < search->nrules; i++)
	{
		const Rule *rule = search->rules[i];

		if (rule->fallback || !rule_applies(search, rule, rate->meter) ||
			(rule->of_book[0] && !streq(rule->of_book, price->price_book)))
			continue;
		append_rule(&derivation, "multiplier", rule);
		rate->unit_price = money_multiply(rate->unit_price, rule->factor);
		note_used(search, &rule->attributes);
	}
	rate->per_unit = money_unit_price(rate->unit_price, price->per);
	rate->derivation = derivation.len > 0 ? pstrdup(derivation.data) : "";
	pfree(derivation.data);
}

/*
 * The core rates as integers: everything in units of 10^-scale for one unit
 * of the meter.
 */
static void
compute_core_rates(const TierRates *tier, CoreRates *core)
{
	const Rate *rates[NUM_CORE_METERS + 1];
	int64		mantissa[NUM_CORE_METERS + 1] = {0};
	int			scale[NUM_CORE_METERS + 1] = {0};

	for (int i = 0; i < NUM_CORE_METERS; i++)
		rates[i] = &tier->rates[i];
	rates[NUM_CORE_METERS] = tier_rate(tier, METER_REQUEST);

	for (int i = 0; i <= NUM_CORE_METERS; i++)
	{
		if (rates[i] == NULL)
			continue;			/* no fee for the request */
		if (rates[i]->price == NULL)
		{
			if (i == NUM_CORE_METERS)
				return;
			core->missing |= 1 << i;
			continue;
		}
		if (rates[i]->per_unit.per != NULL ||
			!decimal_parts(rates[i]->per_unit.price, &mantissa[i], &scale[i]))
			return;
		core->scale = Max(core->scale, scale[i]);
	}

	core->scale = (core->scale + 3) / 4 * 4;
	for (int i = 0; i <= NUM_CORE_METERS; i++)
		if (!decimal_rescale(&mantissa[i], scale[i], core->scale))
			return;
	memcpy(core->per_unit, mantissa, sizeof(core->per_unit));
	core->per_request = mantissa[NUM_CORE_METERS];
	core->usable = true;
}

/* Every tier_from among the prices, ascending, that leads to a rate. */
static void
find_tiers(const Search *search, Tariff *tariff)
{
	tariff->core = palloc0(sizeof(CoreRates) * (search->nprices + 1));
	tariff->ntiers = 1;			/* the base tier is always there */

	for (int i = 0; i < search->nprices; i++)
	{
		const Price *price = search->prices[i];
		Found		found;
		int			t = tariff->ntiers;

		if (price->tier_from == 0 ||
			!find_in_tier(search, price->meter, price->tier_from, &found))
			continue;
		while (tariff->core[t - 1].from > price->tier_from)
			t--;
		if (tariff->core[t - 1].from == price->tier_from)
			continue;
		memmove(&tariff->core[t + 1], &tariff->core[t],
				sizeof(CoreRates) * (tariff->ntiers - t));
		tariff->core[t].from = price->tier_from;
		tariff->core[t].inclusive = found.price->tier_inclusive;
		tariff->ntiers++;
	}
}

/* The core meters, then every other meter that has a price. */
static Names
find_meters(const Search *search)
{
	Names		meters;

	meters.n = 0;
	meters.items = palloc(sizeof(char *) * (NUM_CORE_METERS + search->nprices));
	for (int i = 0; i < NUM_CORE_METERS; i++)
		meters.items[meters.n++] = standard_meters[i].name;
	for (int i = 0; i < search->nprices; i++)
	{
		bool		listed = false;

		for (int j = 0; j < meters.n && !listed; j++)
			listed = streq(meters.items[j], search->prices[i]->meter);
		if (!listed)
			meters.items[meters.n++] = search->prices[i]->meter;
	}
	return meters;
}

/* An attribute that changes prices elsewhere must not be ignored here. */
static const char *
unmatched_attribute(const Search *search)
{
	const Attributes *must_match = &search->asker->must_match;

	for (int i = 0; i < must_match->n; i++)
		if (!name_listed(&search->used, must_match->items[i].key))
			return must_match->items[i].key;
	return NULL;
}

/*
 * The tariff of one seller for one model.  "prices" are all that any book,
 * layer and time has for it.  Narrows "span", which contains "at", to where
 * the tariff holds.  The result points into the facts given.
 */
Tariff *
build_tariff(const Asker *asker, const char *provider, const char *model,
			 const Price *const *prices, int nprices,
			 const Rule *rules, int nrules, TimestampTz at, Span *span)
{
	Search		search = {.asker = asker, .provider = provider, .model = model, .at = at};
	Tariff	   *tariff = palloc0(sizeof(Tariff));
	Names		meters;
	const char *unmatched;
	Size		nused;

	tariff->provider = provider;
	tariff->model = model;

	select_rules(&search, rules, nrules, span);
	qsort(search.rules, search.nrules, sizeof(Rule *), compare_rules);
	if (!select_prices(&search, prices, nprices, span))
	{
		tariff->problem = "no_price_at_time";
		return tariff;
	}

	find_tiers(&search, tariff);
	meters = find_meters(&search);

	/* At most every key of every price and rule, for every rate. */
	nused = asker->attributes.n * (search.nrules + 1);
	search.used.items = palloc(sizeof(char *) *
							   (nused * meters.n * tariff->ntiers + 1));

	tariff->tiers = palloc(sizeof(TierRates) * tariff->ntiers);
	for (int t = 0; t < tariff->ntiers; t++)
	{
		TierRates  *tier = &tariff->tiers[t];

		tier->n = meters.n;
		tier->rates = palloc0(sizeof(Rate) * meters.n);
		for (int m = 0; m < meters.n; m++)
		{
			Rate	   *rate = &tier->rates[m];
			Found		found;

			rate->meter = meters.items[m];
			rate->derivation = "";
			if (find_price(&search, rate->meter, tariff, t, &found))
				settle_rate(&search, rate, &found);
			else
				rate->problem = missing_problem(&search, rate->meter);
		}
	}

	unmatched = unmatched_attribute(&search);
	for (int t = 0; t < tariff->ntiers; t++)
	{
		TierRates  *tier = &tariff->tiers[t];

		for (int m = 0; unmatched != NULL && m < tier->n; m++)
		{
			tier->rates[m].price = NULL;
			tier->rates[m].problem = psprintf("no_price_for_attribute:%s", unmatched);
		}
		compute_core_rates(tier, &tariff->core[t]);
	}
	pfree(search.prices);
	pfree(search.rules);
	pfree(search.used.items);
	return tariff;
}

/* The rate of a meter, or NULL where no price names the meter. */
const Rate *
tier_rate(const TierRates *tier, const char *meter)
{
	for (int i = 0; i < tier->n; i++)
		if (streq(tier->rates[i].meter, meter))
			return &tier->rates[i];
	return NULL;
}

static bool
same_rate(const Rate *a, const Rate *b)
{
	if (!streq(a->meter, b->meter) || (a->price == NULL) != (b->price == NULL))
		return false;
	return a->price == NULL ||
		(money_compare(a->unit_price, b->unit_price) == 0 &&
		 money_compare(a->price->per, b->price->per) == 0);
}

/* Do two sellers charge the same for everything? */
bool
same_tariff(const Tariff *a, const Tariff *b)
{
	if (a->problem || b->problem || a->ntiers != b->ntiers)
		return false;
	for (int t = 0; t < a->ntiers; t++)
	{
		const TierRates *ta = &a->tiers[t];
		const TierRates *tb = &b->tiers[t];

		if (a->core[t].from != b->core[t].from ||
			a->core[t].inclusive != b->core[t].inclusive || ta->n != tb->n)
			return false;
		for (int m = 0; m < ta->n; m++)
		{
			const Rate *rate = tier_rate(tb, ta->rates[m].meter);

			if (rate == NULL || !same_rate(&ta->rates[m], rate))
				return false;
		}
	}
	return true;
}
