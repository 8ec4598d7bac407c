/*-------------------------------------------------------------------------
 *
 * cost.c
 *		The SQL functions cost(), cost_problem(), cost_parts(),
 *		cost_breakdown(), meters().
 *
 * They take the same arguments.  Settings (price book, service tier, region,
 * known_at, attributes) make an asker, the model and the time an offer, and
 * the quantities a bill.  Data that cannot be priced has a problem, in words;
 * a bad setting is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "bill.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "money.h"
#include "nodes/primnodes.h"
#include "price_book.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(llm_cost_cost);
PG_FUNCTION_INFO_V1(llm_cost_cost_problem);
PG_FUNCTION_INFO_V1(llm_cost_cost_parts);
PG_FUNCTION_INFO_V1(llm_cost_cost_breakdown);
PG_FUNCTION_INFO_V1(llm_cost_meters);

/* The arguments, in the order of the SQL functions. */
enum
{
	ARG_MODEL,
	ARG_INPUT_TOKENS,
	ARG_OUTPUT_TOKENS,
	ARG_AT,
	ARG_CACHE_READ_TOKENS,
	ARG_CACHE_WRITE_TOKENS,
	ARG_CACHE_WRITE_1H_TOKENS,
	ARG_REASONING_TOKENS,
	ARG_METERS,
	ARG_PROVIDER,
	ARG_SERVICE_TIER,
	ARG_REGION,
	ARG_PRICE_BOOK,
	ARG_KNOWN_AT,
	ARG_ATTRIBUTES
};

static const char default_service_tier[] = "standard";
static const char default_price_book[] = "list";

/* Longer settings are looked up anew for every row. */
#define MAX_REMEMBERED 64

typedef struct RememberedText
{
	bool		isnull;
	int			len;
	char		bytes[MAX_REMEMBERED];
} RememberedText;

/*
 * What a call site keeps from row to row: the asker, which is almost always
 * the same as for the row before.
 */
typedef struct CallSite
{
	uint64		generation;		/* of the price book, when asker was found */
	const Asker *asker;			/* NULL: none */
	bool		fixed;			/* the settings are constants of the query */
	TupleDesc	parts;			/* the row of cost_parts() */
	RememberedText service_tier;
	RememberedText region;
	RememberedText price_book;
} CallSite;

/*
 * Only constants are: get_fn_expr_arg_stable() also accepts parameters, which
 * change under a call site that plpgsql keeps.
 */
static bool
settings_are_fixed(FmgrInfo *flinfo)
{
	Node	   *call = flinfo->fn_expr;

	if (call == NULL || !IsA(call, FuncExpr))
		return false;
	for (int arg = ARG_SERVICE_TIER; arg <= ARG_ATTRIBUTES; arg++)
		if (!IsA(list_nth(((FuncExpr *) call)->args, arg), Const))
			return false;
	return true;
}

static bool
text_remembered(FunctionCallInfo fcinfo, int arg, const RememberedText *remembered)
{
	text	   *value;

	if (PG_ARGISNULL(arg) || remembered->isnull)
		return PG_ARGISNULL(arg) && remembered->isnull;
	value = PG_GETARG_TEXT_PP(arg);
	return VARSIZE_ANY_EXHDR(value) == remembered->len &&
		memcmp(VARDATA_ANY(value), remembered->bytes, remembered->len) == 0;
}

static void
remember_text(FunctionCallInfo fcinfo, int arg, RememberedText *remembered)
{
	text	   *value = PG_ARGISNULL(arg) ? NULL : PG_GETARG_TEXT_PP(arg);

	remembered->isnull = value == NULL;
	remembered->len = -1;		/* equals nothing */
	if (value != NULL && VARSIZE_ANY_EXHDR(value) <= MAX_REMEMBERED)
	{
		remembered->len = VARSIZE_ANY_EXHDR(value);
		memcpy(remembered->bytes, VARDATA_ANY(value), remembered->len);
	}
}

static const char *
text_or_default(FunctionCallInfo fcinfo, int arg, const char *otherwise)
{
	return PG_ARGISNULL(arg) ? otherwise : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static const Asker *
find_call_asker(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	const Asker *asker;
	TimestampTz known_at;

	refresh_price_book();

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		site->fixed = settings_are_fixed(fcinfo->flinfo);
		fcinfo->flinfo->fn_extra = site;
	}
	else if (site->asker != NULL && site->generation == price_book_generation &&
			 (site->fixed ||
			  (PG_ARGISNULL(ARG_KNOWN_AT) && PG_ARGISNULL(ARG_ATTRIBUTES) &&
			   text_remembered(fcinfo, ARG_SERVICE_TIER, &site->service_tier) &&
			   text_remembered(fcinfo, ARG_REGION, &site->region) &&
			   text_remembered(fcinfo, ARG_PRICE_BOOK, &site->price_book))))
		return site->asker;

	/* Not to be taken for the next row's, should the search below fail. */
	site->asker = NULL;
	if (!PG_ARGISNULL(ARG_KNOWN_AT))
		known_at = PG_GETARG_TIMESTAMPTZ(ARG_KNOWN_AT);
	asker = find_asker(text_or_default(fcinfo, ARG_PRICE_BOOK, default_price_book),
					   text_or_default(fcinfo, ARG_SERVICE_TIER, default_service_tier),
					   text_or_default(fcinfo, ARG_REGION, NULL),
					   PG_ARGISNULL(ARG_KNOWN_AT) ? NULL : &known_at,
					   PG_ARGISNULL(ARG_ATTRIBUTES) ? NULL : PG_GETARG_JSONB_P(ARG_ATTRIBUTES));

	/* known_at and attributes are not remembered: keep no asker that has them. */
	if (site->fixed || (PG_ARGISNULL(ARG_KNOWN_AT) && PG_ARGISNULL(ARG_ATTRIBUTES)))
	{
		remember_text(fcinfo, ARG_SERVICE_TIER, &site->service_tier);
		remember_text(fcinfo, ARG_REGION, &site->region);
		remember_text(fcinfo, ARG_PRICE_BOOK, &site->price_book);
		site->asker = asker;
		site->generation = price_book_generation;
	}
	return asker;
}

static inline int64
bigint_or_zero(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT64(arg);
}

/* Quantities of further meters; false if they are no such thing. */
static bool
read_meters(Jsonb *meters, Usage *usage)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	const char *meter = NULL;

	if (!JB_ROOT_IS_OBJECT(meters))
		return false;
	usage->extra = palloc(sizeof(ExtraQuantity) * (JB_ROOT_COUNT(meters) + 1));
	it = JsonbIteratorInit(&meters->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			meter = pnstrdup(v.val.string.val, v.val.string.len);
		else if (token == WJB_VALUE && v.type != jbvNull)
		{
			if (v.type != jbvNumeric)
				return false;
			usage->extra[usage->nextra++] = (ExtraQuantity) {meter, v.val.numeric};
		}
	}
	return true;
}

static const char *
read_usage(FunctionCallInfo fcinfo, Usage *usage)
{
	usage->has_input = !PG_ARGISNULL(ARG_INPUT_TOKENS);
	usage->has_output = !PG_ARGISNULL(ARG_OUTPUT_TOKENS);
	usage->input = bigint_or_zero(fcinfo, ARG_INPUT_TOKENS);
	usage->output = bigint_or_zero(fcinfo, ARG_OUTPUT_TOKENS);
	usage->cache_read = bigint_or_zero(fcinfo, ARG_CACHE_READ_TOKENS);
	usage->cache_write = bigint_or_zero(fcinfo, ARG_CACHE_WRITE_TOKENS);
	usage->cache_write_1h = bigint_or_zero(fcinfo, ARG_CACHE_WRITE_1H_TOKENS);
	usage->reasoning = bigint_or_zero(fcinfo, ARG_REASONING_TOKENS);
	usage->nextra = 0;
	usage->extra = NULL;
	if (!PG_ARGISNULL(ARG_METERS) && !read_meters(PG_GETARG_JSONB_P(ARG_METERS), usage))
		return "inconsistent_usage";
	return NULL;
}

/* What the price book offers, or a problem that comes before any price. */
static const char *
find_call_offer(FunctionCallInfo fcinfo, const Asker *asker, const Offer **offer)
{
	text	   *model;
	text	   *provider;

	*offer = NULL;
	if (PG_ARGISNULL(ARG_MODEL))
		return "unknown_model";
	if (PG_ARGISNULL(ARG_AT))
		return "no_price_at_time";

	model = PG_GETARG_TEXT_PP(ARG_MODEL);
	provider = PG_ARGISNULL(ARG_PROVIDER) ? NULL : PG_GETARG_TEXT_PP(ARG_PROVIDER);
	*offer = find_offer(asker,
						provider ? VARDATA_ANY(provider) : "",
						provider ? VARSIZE_ANY_EXHDR(provider) : 0,
						VARDATA_ANY(model), VARSIZE_ANY_EXHDR(model),
						PG_GETARG_TIMESTAMPTZ(ARG_AT));
	return (*offer)->problem;
}

/* The total by one tariff. */
static const char *
price_usage(const Tariff *tariff, const Usage *usage, Numeric *total)
{
	Bill		bill;

	if (likely(bill_core(tariff, usage, total)))
		return NULL;
	bill_lines(tariff, usage, &bill);
	*total = bill.total;
	return bill.problem;
}

/*
 * The total by what the price book offers.  Sellers that differ in their
 * rates may still agree on this attempt.
 */
static const char *
price_offer(const Offer *offer, const Usage *usage, Numeric *total)
{
	const char *problem = price_usage(offer->tariff, usage, total);

	for (int i = 1; i < offer->ntariffs; i++)
	{
		Numeric		other_total;
		const char *other = price_usage(offer->tariffs[i], usage, &other_total);

		if (problem != NULL && other != NULL && strcmp(problem, other) == 0)
			continue;
		if (problem != NULL || other != NULL || money_compare(*total, other_total) != 0)
			return "ambiguous_model";
	}
	return problem;
}

/* What is asked to be priced, and by what; or a problem. */
static inline const char *
read_call(FunctionCallInfo fcinfo, const Offer **offer, Usage *usage)
{
	const Asker *asker = find_call_asker(fcinfo);
	const char *problem = find_call_offer(fcinfo, asker, offer);

	return problem != NULL ? problem : read_usage(fcinfo, usage);
}

/* The cost, or why there is none. */
static const char *
price_call(FunctionCallInfo fcinfo, Numeric *total)
{
	const Offer *offer;
	Usage		usage;
	const char *problem = read_call(fcinfo, &offer, &usage);

	return problem != NULL ? problem : price_offer(offer, &usage, total);
}

Datum
llm_cost_cost(PG_FUNCTION_ARGS)
{
	Numeric		total;

	if (price_call(fcinfo, &total) != NULL)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(total);
}

Datum
llm_cost_cost_problem(PG_FUNCTION_ARGS)
{
	Numeric		total;
	const char *problem = price_call(fcinfo, &total);

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

Datum
llm_cost_cost_parts(PG_FUNCTION_ARGS)
{
	const Offer *offer;
	Usage		usage;
	CallSite   *site;
	Numeric		total;
	Numeric		parts[NUM_BILL_PARTS];
	Datum		values[NUM_BILL_PARTS];
	bool		nulls[NUM_BILL_PARTS] = {0};

	if (read_call(fcinfo, &offer, &usage) != NULL)
		PG_RETURN_NULL();
	/* sellers that differ in their rates have to agree on the total */
	if (offer->ntariffs > 1 && price_offer(offer, &usage, &total) != NULL)
		PG_RETURN_NULL();
	if (bill_parts(offer->tariff, &usage, parts) != NULL)
		PG_RETURN_NULL();
	for (int part = 0; part < NUM_BILL_PARTS; part++)
		values[part] = NumericGetDatum(parts[part]);

	site = fcinfo->flinfo->fn_extra;
	if (site->parts == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	row;

		if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		site->parts = BlessTupleDesc(CreateTupleDescCopy(row));
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(site->parts, values, nulls)));
}

/* Result columns of cost_breakdown(). */
enum
{
	COL_METER,
	COL_QUANTITY,
	COL_UNIT_PRICE,
	COL_PER,
	COL_AMOUNT,
	COL_PRICE_ID,
	COL_TIER_FROM,
	COL_MATCHED_BY,
	COL_PROBLEM,
	NUM_BREAKDOWN_COLS
};

static void
put_text(Datum *values, bool *nulls, int col, const char *value)
{
	nulls[col] = value == NULL;
	if (value != NULL)
		values[col] = CStringGetTextDatum(value);
}

static void
put_problem(ReturnSetInfo *rsinfo, const char *matched_by, const char *problem)
{
	Datum		values[NUM_BREAKDOWN_COLS] = {0};
	bool		nulls[NUM_BREAKDOWN_COLS];

	memset(nulls, true, sizeof(nulls));
	put_text(values, nulls, COL_MATCHED_BY, matched_by);
	put_text(values, nulls, COL_PROBLEM, problem);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_line(ReturnSetInfo *rsinfo, const char *matched_by, const BillLine *line)
{
	Datum		values[NUM_BREAKDOWN_COLS] = {0};
	bool		nulls[NUM_BREAKDOWN_COLS];
	const char *derivation = "";

	memset(nulls, true, sizeof(nulls));
	put_text(values, nulls, COL_METER, line->meter);
	values[COL_QUANTITY] = NumericGetDatum(line->quantity);
	nulls[COL_QUANTITY] = false;
	if (line->amount != NULL)
	{
		const Rate *rate = line->rate;

		values[COL_UNIT_PRICE] = NumericGetDatum(rate->unit_price);
		values[COL_PER] = NumericGetDatum(rate->price->per);
		values[COL_AMOUNT] = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(line->amount));
		values[COL_PRICE_ID] = UUIDPGetDatum(&rate->price->price_id);
		values[COL_TIER_FROM] = Int64GetDatum(rate->price->tier_from);
		nulls[COL_UNIT_PRICE] = nulls[COL_PER] = nulls[COL_AMOUNT] = false;
		nulls[COL_PRICE_ID] = nulls[COL_TIER_FROM] = false;

		derivation = rate->derivation;
		if (strcmp(rate->meter, line->meter) != 0)
			derivation = psprintf("; as %s%s", rate->meter, derivation);
	}
	put_text(values, nulls, COL_MATCHED_BY, psprintf("%s%s", matched_by, derivation));
	put_text(values, nulls, COL_PROBLEM, line->problem);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static const char *
list_sellers(const Offer *offer)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, "%s; sold by ", offer->matched_by);
	for (int i = 0; i < offer->ntariffs; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", offer->tariffs[i]->provider);
	return list.data;
}

Datum
llm_cost_cost_breakdown(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const Asker *asker = find_call_asker(fcinfo);
	const Offer *offer;
	const char *problem;
	Usage		usage;
	Numeric		total;
	Bill		bill;

	InitMaterializedSRF(fcinfo, 0);

	if ((problem = find_call_offer(fcinfo, asker, &offer)) != NULL ||
		(problem = read_usage(fcinfo, &usage)) != NULL)
	{
		put_problem(rsinfo, offer ? offer->matched_by : NULL, problem);
		return (Datum) 0;
	}

	problem = price_offer(offer, &usage, &total);
	if (offer->ntariffs > 1 && problem != NULL)
	{
		put_problem(rsinfo, list_sellers(offer), problem);
		return (Datum) 0;
	}

	bill_lines(offer->tariff, &usage, &bill);
	for (int i = 0; i < bill.nlines; i++)
		put_line(rsinfo, offer->matched_by, &bill.lines[i]);
	if (bill.nlines == 0 && bill.problem != NULL)
		put_problem(rsinfo, offer->matched_by, bill.problem);
	return (Datum) 0;
}

Datum
llm_cost_meters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < num_standard_meters; i++)
	{
		const Meter *meter = &standard_meters[i];
		Datum		values[4];
		bool		nulls[4] = {false};

		put_text(values, nulls, 0, meter->name);
		put_text(values, nulls, 1, meter->parent);
		put_text(values, nulls, 2, meter->unit);
		put_text(values, nulls, 3, meter->description);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
