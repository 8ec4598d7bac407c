/*-------------------------------------------------------------------------
 *
 * tariff.c
 *		Settles which rates hold for one asker at one time.  See tariff.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "price_search.h"
#include "tariff.h"

static inline bool
streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void
append_rule(StringInfo derivation, const char *what, const Rule *rule)
{
	appendStringInfo(derivation, "; %s x %s (%s)", what,
					 numeric_normalize(rule->factor), rule->name);
}

/* Steps 2 and 3 of the head comment. */
static bool
find_price(const Search *search, const char *meter, const Tariff *tariff,
		   int tier, Found *found)
{
	for (const char *as_meter = meter; as_meter; as_meter = meter_parent(as_meter))
		for (int t = tier; t >= 0; t--)
			if (find_in_tier(search, as_meter, tariff->core[t].at, found))
				return true;
	return false;
}

/*
 * Of the asker's keys that a price or rule must name, as a bitmap, those that
 * these attributes do not name.  That their values agree is known.
 */
#define ALL_KEYS (~UINT64CONST(0))

static uint64
unnamed_keys(const Asker *asker, const Attributes *attributes, uint64 unnamed)
{
	uint64		rest = 0;

	for (int i = 0; i < asker->must_match.n; i++)
	{
		uint64		bit = UINT64CONST(1) << (i % 64);
		bool		named = false;

		for (int j = 0; j < attributes->n && !named; j++)
			named = streq(attributes->items[j].key, asker->must_match.items[i].key);
		if (!named)
			rest |= unnamed & bit;
	}
	return rest;
}

/* Turn what was found into a rate: apply factors, and say so. */
static void
settle_rate(const Search *search, Rate *rate, const Found *found)
{
	const Price *price = found->price;
	uint64		unnamed = unnamed_keys(search->asker, &price->attributes, ALL_KEYS);
	StringInfoData derivation;

	initStringInfo(&derivation);
	rate->price = price;
	rate->unit_price = price->amount;

	if (!streq(found->as_meter, rate->meter))
		appendStringInfo(&derivation, "; as %s", found->as_meter);
	if (!streq(price->price_book, search->asker->books.items[0]))
		appendStringInfo(&derivation, "; from book %s", price->price_book);
	if (found->region_rule)
	{
		append_rule(&derivation, "price without region", found->region_rule);
		rate->unit_price = money_multiply(rate->unit_price, found->region_rule->factor);
		unnamed = unnamed_keys(search->asker, &found->region_rule->attributes, unnamed);
	}
	if (found->tier_rule)
	{
		append_rule(&derivation, "standard tier", found->tier_rule);
		rate->unit_price = money_multiply(rate->unit_price, found->tier_rule->factor);
		unnamed = unnamed_keys(search->asker, &found->tier_rule->attributes, unnamed);
	}

	/* search->rules is in stacking order */
	for (int i = 0; i < search->nrules; i++)
	{
		const Rule *rule = search->rules[i];

		if (rule->fallback ||
			!(rule_applies(search, rule, found->as_meter) ||
			  rule_applies(search, rule, rate->meter)) ||
			(rule->of_book[0] && !streq(rule->of_book, price->price_book)))
			continue;
		/* A price for fast mode is not made faster. */
		if (rule->attributes.n > 0 &&
			attributes_hold(&rule->attributes, &price->attributes))
			continue;
		append_rule(&derivation, "multiplier", rule);
		rate->unit_price = money_multiply(rate->unit_price, rule->factor);
		unnamed = unnamed_keys(search->asker, &rule->attributes, unnamed);
	}
	rate->per_unit = money_unit_price(rate->unit_price, price->per);
	rate->unnamed = unnamed;
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

/* Every context tier among the prices, ascending, that leads to a rate. */
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

		if (price->tier_at == 0 ||
			!find_in_tier(search, price->meter, price->tier_at, &found))
			continue;
		while (tariff->core[t - 1].at > price->tier_at)
			t--;
		if (tariff->core[t - 1].at == price->tier_at)
			continue;
		memmove(&tariff->core[t + 1], &tariff->core[t],
				sizeof(CoreRates) * (tariff->ntiers - t));
		tariff->core[t].at = price->tier_at;
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

/*
 * An attribute that changes prices elsewhere must not be ignored here: the
 * rate of every token has to name it.  A fee may go without, where tokens do.
 */
static void
check_attributes(const Asker *asker, TierRates *tier)
{
	bool		named = false;

	for (int m = 0; m < tier->n; m++)
		named |= tier->rates[m].price != NULL && tier->rates[m].unnamed == 0;
	for (int m = 0; m < tier->n; m++)
	{
		Rate	   *rate = &tier->rates[m];
		int			key = 0;

		if (rate->price == NULL || rate->unnamed == 0 ||
			(named && core_meter(rate->meter) < 0 && meter_parent(rate->meter) == NULL))
			continue;
		while ((rate->unnamed >> key & 1) == 0)
			key++;
		rate->price = NULL;
		rate->elsewhere = true;
		rate->problem = psprintf("no_price_for_attribute:%s", asker->must_match.items[key].key);
	}
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

	tariff->provider = provider;
	tariff->model = model;

	if (!start_search(&search, prices, nprices, rules, nrules, span))
	{
		tariff->problem = "no_price_at_time";
		return tariff;
	}

	find_tiers(&search, tariff);
	meters = find_meters(&search);

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
				rate->problem = missing_problem(&search, rate->meter, &rate->elsewhere);
		}
		check_attributes(asker, tier);
		compute_core_rates(tier, &tariff->core[t]);
	}

	end_search(&search);
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

		if (a->core[t].at != b->core[t].at || ta->n != tb->n)
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
