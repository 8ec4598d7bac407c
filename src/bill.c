/*-------------------------------------------------------------------------
 *
 * bill.c
 *		The bill of one attempt.  See bill.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "bill.h"
#include "money.h"
#include "utils/builtins.h"

/*
 * The core rates that hold for an attempt that reports both token totals and
 * nothing beyond the core meters, and its quantities, not counted twice.
 * NULL where any of that does not hold, where the rates do not fit integers,
 * or where there is a problem: bill_lines() will say.
 */
static inline const CoreRates *
core_usage(const Tariff *tariff, const Usage *usage, int64 *quantity)
{
	const CoreRates *core;
	uint8		charged = 0;

	if (tariff->problem || !usage->has_input || !usage->has_output || usage->nextra > 0)
		return NULL;

	/* Each part must fit what is left of its whole; then no sum overflows. */
	quantity[METER_CACHE_READ] = usage->cache_read;
	quantity[METER_CACHE_WRITE_1H] = usage->cache_write_1h;
	quantity[METER_CACHE_WRITE_5M] = usage->cache_write - usage->cache_write_1h;
	quantity[METER_REASONING] = usage->reasoning;
	if ((usage->input | usage->output | usage->cache_read | usage->cache_write |
		 usage->cache_write_1h | usage->reasoning) < 0 ||
		usage->cache_write_1h > usage->cache_write ||
		usage->cache_read > usage->input ||
		usage->cache_write > usage->input - usage->cache_read ||
		usage->reasoning > usage->output)
		return NULL;
	quantity[METER_INPUT] = usage->input - usage->cache_read - usage->cache_write;
	quantity[METER_OUTPUT] = usage->output - usage->reasoning;

	core = &tariff->core[context_tier(tariff, usage->input)];
	if (!core->usable)
		return NULL;
	for (int i = 0; i < NUM_CORE_METERS; i++)
		charged |= (quantity[i] > 0) << i;
	return charged & core->missing ? NULL : core;
}

static inline uint128
core_amount(const CoreRates *core, const int64 *quantity, CoreMeter meter)
{
	return (uint128) (uint64) quantity[meter] * (uint64) core->per_unit[meter];
}

/* The total, if core_usage() can; false if not. */
bool
bill_core(const Tariff *tariff, const Usage *usage, Numeric *total)
{
	int64		quantity[NUM_CORE_METERS];
	const CoreRates *core = core_usage(tariff, usage, quantity);
	uint128		sum;

	if (core == NULL)
		return false;
	sum = core->per_request;
	for (int i = 0; i < NUM_CORE_METERS; i++)
		sum += core_amount(core, quantity, i);
	*total = money_from_uint128(sum, core->scale);
	return true;
}

static const ExtraQuantity *
find_extra(const Usage *usage, const char *meter)
{
	for (int i = 0; i < usage->nextra; i++)
		if (strcmp(usage->extra[i].meter, meter) == 0)
			return &usage->extra[i];
	return NULL;
}

static bool
is_zero(Numeric num)
{
	return money_compare(num, int64_to_numeric(0)) == 0;
}

/* Does, or might, a quantity of this meter cost anything? */
static bool
may_charge(const Rate *rate)
{
	return rate != NULL &&
		(rate->price != NULL ? !is_zero(rate->unit_price) : rate->elsewhere);
}

/*
 * Is a total missing that would have cost something?  Nothing reported at all
 * is missing usage, unless the rates that there are charge nothing but the
 * request itself.  None of a meter that has no rate is no report.
 */
static bool
usage_is_missing(const TierRates *tier, const Usage *usage)
{
	bool		reported = usage->has_input || usage->has_output;
	bool		any_rate = false;

	for (int i = 0; i < usage->nextra && !reported; i++)
		reported = tier_rate(tier, usage->extra[i].meter) != NULL ||
			!is_zero(usage->extra[i].quantity);
	if (reported)
		return (!usage->has_input && may_charge(tier_rate(tier, "input"))) ||
			(!usage->has_output && may_charge(tier_rate(tier, "output")));

	for (int i = 0; i < tier->n; i++)
	{
		any_rate |= tier->rates[i].price != NULL;
		if (strcmp(tier->rates[i].meter, METER_REQUEST) != 0 && may_charge(&tier->rates[i]))
			return true;
	}
	return !any_rate;
}

static void
add_line(Bill *bill, const TierRates *tier, const char *meter, Numeric quantity)
{
	BillLine   *line = &bill->lines[bill->nlines++];
	const char *as_meter = meter;

	line->meter = meter;
	line->quantity = quantity;
	line->amount = NULL;
	line->problem = NULL;

	/* A part that no price names costs what its whole costs. */
	while ((line->rate = tier_rate(tier, as_meter)) == NULL &&
		   meter_parent(as_meter) != NULL)
		as_meter = meter_parent(as_meter);

	if (line->rate == NULL)
		line->problem = psprintf("no_price:%s", meter);
	else if (line->rate->price == NULL)
		line->problem = line->rate->problem;
	else
		line->amount = money_line(quantity, &line->rate->per_unit);
}

/*
 * Exclusive quantities of the core meters: what usage reports for each, less
 * what it reports for the parts of it.  NULL: none.  Returns false if one is
 * negative, or if a core meter is reported twice.
 */
static bool
core_quantities(const Usage *usage, Numeric *quantity)
{
	int64		reported[NUM_CORE_METERS] = {
		usage->input, usage->cache_read, usage->cache_write,
		usage->cache_write_1h, usage->output, usage->reasoning
	};

	for (int i = 0; i < NUM_CORE_METERS; i++)
		if (reported[i] < 0 || find_extra(usage, standard_meters[i].name) != NULL)
			return false;

	for (int i = 0; i < NUM_CORE_METERS; i++)
	{
		int64		rest = reported[i];

		for (int part = 0; part < NUM_CORE_METERS; part++)
			if (standard_meters[part].parent != NULL &&
				core_meter(standard_meters[part].parent) == i)
			{
				if (reported[part] > rest)
					return false;
				rest -= reported[part];
			}
		quantity[i] = rest > 0 ? int64_to_numeric(rest) : NULL;
	}

	/* modalities: what a part is part of is always a core meter */
	for (int i = 0; i < usage->nextra; i++)
	{
		const ExtraQuantity *extra = &usage->extra[i];
		const char *parent = meter_parent(extra->meter);
		int			whole = parent != NULL ? core_meter(parent) : -1;
		int			sign;

		if (whole < 0 || is_zero(extra->quantity))
			continue;
		if (quantity[whole] == NULL)
			return false;
		quantity[whole] = money_subtract(quantity[whole], extra->quantity);
		sign = money_compare(quantity[whole], int64_to_numeric(0));
		if (sign < 0)
			return false;
		if (sign == 0)
			quantity[whole] = NULL;
	}
	return true;
}

/*
 * Every line of the bill, and the total if all of them have an amount.
 */
void
bill_lines(const Tariff *tariff, const Usage *usage, Bill *bill)
{
	Numeric		quantity[NUM_CORE_METERS];
	const TierRates *tier;

	memset(bill, 0, sizeof(Bill));
	bill->problem = tariff->problem;
	if (bill->problem)
		return;

	for (int i = 0; i < usage->nextra; i++)
	{
		if (money_compare(usage->extra[i].quantity, int64_to_numeric(0)) < 0)
			bill->problem = "inconsistent_usage";
		else if (!quantity_in_range(usage->extra[i].quantity))
			bill->problem = "overflow";
		if (bill->problem)
			return;
	}

	tier = &tariff->tiers[context_tier(tariff, usage->input)];
	if (usage_is_missing(tier, usage))
	{
		bill->problem = "usage_missing";
		return;
	}
	if (!core_quantities(usage, quantity))
	{
		bill->problem = "inconsistent_usage";
		return;
	}

	bill->lines = palloc(sizeof(BillLine) * (NUM_CORE_METERS + usage->nextra + 1));
	for (int i = 0; i < NUM_CORE_METERS; i++)
		if (quantity[i] != NULL)
			add_line(bill, tier, standard_meters[i].name, quantity[i]);
	for (int i = 0; i < usage->nextra; i++)
		if (!is_zero(usage->extra[i].quantity))
			add_line(bill, tier, usage->extra[i].meter, usage->extra[i].quantity);
	if (find_extra(usage, METER_REQUEST) == NULL && tier_rate(tier, METER_REQUEST) != NULL)
		add_line(bill, tier, METER_REQUEST, int64_to_numeric(1));

	bill->total = int64_to_numeric(0);
	for (int i = 0; i < bill->nlines && bill->problem == NULL; i++)
	{
		bill->problem = bill->lines[i].problem;
		if (bill->problem == NULL)
			bill->total = money_add(bill->total, bill->lines[i].amount);
	}
	if (bill->problem)
		bill->total = NULL;
	else
		bill->total = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
														  NumericGetDatum(bill->total)));
}

static const BillPart part_of_meter[NUM_CORE_METERS] = {
	[METER_INPUT] = PART_INPUT,
	[METER_CACHE_READ] = PART_CACHE_READ,
	[METER_CACHE_WRITE_5M] = PART_CACHE_WRITE_5M,
	[METER_CACHE_WRITE_1H] = PART_CACHE_WRITE_1H,
	[METER_OUTPUT] = PART_OUTPUT,
	[METER_REASONING] = PART_OUTPUT,
};

/*
 * The total by what was paid for.  Returns the problem if there is no total.
 */
const char *
bill_parts(const Tariff *tariff, const Usage *usage, Numeric *parts)
{
	int64		quantity[NUM_CORE_METERS];
	const CoreRates *core = core_usage(tariff, usage, quantity);
	Bill		bill;

	if (likely(core != NULL))
	{
		uint128		sums[NUM_BILL_PARTS] = {0};

		sums[PART_OTHER] = core->per_request;
		for (int i = 0; i < NUM_CORE_METERS; i++)
			sums[part_of_meter[i]] += core_amount(core, quantity, i);
		for (int part = 0; part < NUM_BILL_PARTS; part++)
			parts[part] = money_from_uint128(sums[part], core->scale);
		return NULL;
	}

	bill_lines(tariff, usage, &bill);
	if (bill.problem)
		return bill.problem;
	for (int part = 0; part < NUM_BILL_PARTS; part++)
		parts[part] = int64_to_numeric(0);
	for (int i = 0; i < bill.nlines; i++)
	{
		const char *meter = bill.lines[i].meter;
		const char *parent = meter_parent(meter);
		int			core_one = core_meter(meter);
		BillPart	part;

		if (core_one < 0 && parent != NULL)
			core_one = core_meter(parent);
		part = core_one < 0 ? PART_OTHER : part_of_meter[core_one];
		parts[part] = money_add(parts[part], bill.lines[i].amount);
	}
	return NULL;
}
