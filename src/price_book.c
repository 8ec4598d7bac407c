/*-------------------------------------------------------------------------
 *
 * price_book.c
 *		Prices as the active snapshot sees them.  See price_book.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "model_match.h"
#include "price_book.h"
#include "price_table.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Things found by name: facts of a model, askers. */
typedef struct NamedEntry
{
	const char *key;
	const void *value;
	uint32		hash;
	char		status;
} NamedEntry;

#define SH_PREFIX named
#define SH_ELEMENT_TYPE NamedEntry
#define SH_KEY_TYPE const char *
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What an asker asks for: bytes as they stand in the log. */
typedef struct OfferKey
{
	const Asker *asker;
	const char *provider;
	const char *model;
	int			provider_len;
	int			model_len;
} OfferKey;

typedef struct DatedOffer
{
	Span		span;			/* the offer holds throughout */
	const Offer *offer;
} DatedOffer;

/* All offers to an asker for a name that were asked for so far. */
typedef struct OfferEntry
{
	OfferKey	key;
	int			noffers;
	DatedOffer *offers;			/* ascending, disjoint */
	uint32		hash;
	char		status;
} OfferEntry;

/*
 * Called for every priced row, so cheaper than hash_bytes(): eight bytes at a
 * time, the last eight overlapping those before.
 */
static inline uint64
mix_chunk(uint64 hash, uint64 chunk)
{
	hash = (hash ^ chunk) * UINT64CONST(0x9E3779B97F4A7C15);
	return hash ^ hash >> 32;
}

static inline uint64
mix_bytes(uint64 hash, const char *bytes, int len)
{
	uint64		chunk = 0;

	if (len >= sizeof(chunk))
	{
		for (int i = 0; i < len - (int) sizeof(chunk); i += sizeof(chunk))
		{
			memcpy(&chunk, bytes + i, sizeof(chunk));
			hash = mix_chunk(hash, chunk);
		}
		memcpy(&chunk, bytes + len - sizeof(chunk), sizeof(chunk));
	}
	else
		for (int i = 0; i < len; i++)
			chunk = chunk << 8 | (unsigned char) bytes[i];
	return mix_chunk(hash, chunk + len);
}

static inline uint32
hash_offer_key(const OfferKey *key)
{
	return (uint32) mix_bytes(mix_bytes((uint64) (uintptr_t) key->asker,
										key->model, key->model_len),
							  key->provider, key->provider_len);
}

static inline bool
same_offer_key(const OfferKey *a, const OfferKey *b)
{
	return a->asker == b->asker && a->model_len == b->model_len &&
		a->provider_len == b->provider_len &&
		memcmp(a->model, b->model, a->model_len) == 0 &&
		memcmp(a->provider, b->provider, a->provider_len) == 0;
}

#define SH_PREFIX offer
#define SH_ELEMENT_TYPE OfferEntry
#define SH_KEY_TYPE OfferKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_offer_key(&(key))
#define SH_EQUAL(tb, a, b) same_offer_key(&(a), &(b))
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A look at the version: under which snapshot, by whom. */
typedef struct Look
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
	uint64		completions;
	LocalTransactionId lxid;
	SubTransactionId subid;
	Oid			userid;
} Look;

static Look last_look;

/* Everything kept, all of it in one memory context; NULL: nothing is. */
static struct
{
	MemoryContext context;
	Size		size;			/* of what is always needed */
	pg_uuid_t	version;
	PriceTables tables;
	int			nbooks;
	PriceBook  *books;
	int			nkeys;
	AttributeKey *keys;
	int			nrules;
	Rule	   *rules;
	int			naliases;
	ModelAlias *aliases;		/* all but the exact ones */
	named_hash *names;
	named_hash *askers;
	offer_hash *offers;
}			kept;

uint64		price_version_reads = 0;
uint64		price_book_generation = 0;

static void
forget_prices(void)
{
	MemoryContext context = kept.context;

	memset(&kept, 0, sizeof(kept));
	price_book_generation++;
	if (context != NULL)
		MemoryContextDelete(context);
}

/*
 * Load what is small and always needed.  If this fails half way, nothing is
 * kept.
 */
static void
load_prices(const PriceTables *tables, const pg_uuid_t *version)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "llm_cost price book",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	kept.tables = *tables;
	kept.version = *version;
	kept.nbooks = read_price_books(tables, &kept.books);
	kept.nkeys = read_attribute_keys(tables, &kept.keys);
	kept.nrules = read_rules(tables, &kept.rules);
	kept.naliases = read_other_aliases(tables, &kept.aliases);
	kept.names = named_create(context, 64, NULL);
	kept.askers = named_create(context, 16, NULL);
	kept.offers = offer_create(context, 64, NULL);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, CacheMemoryContext);
	kept.size = MemoryContextMemAllocated(context, true);
	kept.context = context;
}

/* Is more kept than should be, beyond what is always needed? */
static bool
too_much_kept(void)
{
	return MemoryContextMemAllocated(kept.context, true) - kept.size > PRICE_CACHE_LIMIT;
}

static inline Look
look(Snapshot snapshot)
{
	Look		now = {
		.xmin = snapshot->xmin,
		.xmax = snapshot->xmax,
		.xcnt = snapshot->xcnt,
		.subxcnt = snapshot->subxcnt,
		.curcid = snapshot->curcid,
		.completions = snapshot->snapXactCompletionCount,
#if PG_VERSION_NUM >= 170000
		.lxid = MyProc->vxid.lxid,
#else
		.lxid = MyProc->lxid,
#endif
		.subid = GetCurrentSubTransactionId(),
		.userid = GetUserId(),
	};

	return now;
}

static inline bool
same_look(const Look *a, const Look *b)
{
	return a->xmin == b->xmin && a->xmax == b->xmax && a->xcnt == b->xcnt &&
		a->subxcnt == b->subxcnt && a->curcid == b->curcid &&
		a->completions == b->completions && a->lxid == b->lxid &&
		a->subid == b->subid && a->userid == b->userid;
}

static void
look_again(const Look *now)
{
	PriceTables tables;
	pg_uuid_t	version;

	/* Until all is well, every call looks again. */
	memset(&last_look, 0, sizeof(last_look));

	find_price_tables(&tables);
	check_price_rights(&tables);
	read_price_version(&tables, &version);
	price_version_reads++;

	if (kept.context == NULL ||
		memcmp(&version, &kept.version, sizeof(version)) != 0 ||
		too_much_kept())
	{
		forget_prices();
		load_prices(&tables, &version);
	}
	last_look = *now;
}

/*
 * Make sure that what is kept is what the active snapshot sees.  Two
 * snapshots of one transaction (lxid) at one point of it (command, and
 * subtransaction, because a rollback to a savepoint changes what is seen but
 * not the command) that no transaction completed between see the same.
 */
void
refresh_price_book(void)
{
	Look		now;

	if (unlikely(!ActiveSnapshotSet()))
		elog(ERROR, "cannot look up prices without an active snapshot");

	now = look(GetActiveSnapshot());
	if (likely(same_look(&now, &last_look) && kept.context != NULL))
		return;
	look_again(&now);
}

/* Pointers given out by this call must stay good: forget with the next one. */
static void
forget_soon(void)
{
	if (too_much_kept())
		memset(&last_look, 0, sizeof(last_look));
}

static const NamedFacts *
lookup_name(const char *name)
{
	NamedEntry *entry = named_lookup(kept.names, name);
	NamedFacts *facts;
	bool		found;

	if (entry != NULL)
		return entry->value;

	facts = palloc(sizeof(NamedFacts));
	facts->name = pstrdup(name);
	facts->nprices = read_prices(&kept.tables, name, &facts->prices);
	facts->naliases = read_exact_aliases(&kept.tables, name, &facts->aliases);

	entry = named_insert(kept.names, facts->name, &found);
	entry->value = facts;
	return facts;
}

/* The book asked for, then those it is based on. */
static Names
book_chain(const char *price_book)
{
	Names		chain = {0, palloc(sizeof(char *) * (kept.nbooks + 1))};

	while (price_book != NULL && chain.n < kept.nbooks)
	{
		const PriceBook *book = NULL;

		for (int i = 0; i < kept.nbooks && book == NULL; i++)
			if (strcmp(kept.books[i].price_book, price_book) == 0)
				book = &kept.books[i];
		if (book == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("price book \"%s\" does not exist", price_book),
					 errhint("Make it with add_price_book(), or see llm_cost.price_book for those that exist.")));
		chain.items[chain.n++] = book->price_book;
		price_book = book->base_book;
	}
	return chain;
}

static void
set_attributes(Asker *asker, Jsonb *object)
{
	Attributes	given;
	const char *bad_key;

	if (!attributes_from_jsonb(object, &given, &bad_key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 bad_key == NULL ? errmsg("attributes must be a JSON object")
				 : errmsg("value of attribute \"%s\" must be text, a number or a boolean", bad_key),
				 errdetail("The value is %s.",
						   JsonbToCString(NULL, &object->root, VARSIZE(object))),
				 errhint("Write for example '{\"speed\": \"fast\"}'.")));

	for (int i = 0; i < given.n; i++)
	{
		bool		exists = false;

		for (int k = 0; k < kept.nkeys && !exists; k++)
			exists = strcmp(kept.keys[k].key, given.items[i].key) == 0;
		if (!exists)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("attribute \"%s\" does not exist", given.items[i].key),
					 errhint("See llm_cost.attribute for those that do, or make it with add_attribute().")));
	}

	/* A key left out has its default value. */
	asker->attributes.items = palloc(sizeof(Attribute) * (kept.nkeys + 1));
	asker->must_match.items = palloc(sizeof(Attribute) * (kept.nkeys + 1));
	for (int k = 0; k < kept.nkeys; k++)
	{
		const AttributeKey *key = &kept.keys[k];
		Attribute	item = {key->key, key->default_value};

		for (int i = 0; i < given.n; i++)
			if (strcmp(given.items[i].key, key->key) == 0)
				item.value = given.items[i].value;
		if (strcmp(key->key, "tenant") == 0)
			asker->tenant = item.value;
		if (item.value[0] != '\0')
			asker->attributes.items[asker->attributes.n++] = item;
		if (key->must_match && strcmp(item.value, key->default_value) != 0)
			asker->must_match.items[asker->must_match.n++] = item;
	}
}

/*
 * The asker with these settings.  NULL region, known_at, attributes: none.
 * An unknown price book or attribute is an error: it is a setting, not data.
 */
const Asker *
find_asker(const char *price_book, const char *service_tier, const char *region,
		   const TimestampTz *known_at, Jsonb *attributes)
{
	StringInfoData key;
	NamedEntry *entry;
	Asker	   *asker;
	MemoryContext old;
	bool		found;

	/* Lengths, so that no two lists of settings make the same key. */
	initStringInfo(&key);
	appendStringInfo(&key, "%zu %zu %zu %s %s %s", strlen(price_book), strlen(service_tier),
					 strlen(region ? region : ""), price_book, service_tier,
					 region ? region : "");
	if (known_at != NULL)
		appendStringInfo(&key, " @" INT64_FORMAT, *known_at);
	if (attributes != NULL)
		appendStringInfo(&key, " %s", JsonbToCString(NULL, &attributes->root, VARSIZE(attributes)));

	entry = named_lookup(kept.askers, key.data);
	if (entry != NULL)
		return entry->value;

	old = MemoryContextSwitchTo(kept.context);
	asker = palloc0(sizeof(Asker));
	asker->books = book_chain(price_book);
	asker->service_tier = fold_name(service_tier, strlen(service_tier));
	asker->region = region ? fold_name(region, strlen(region)) : "";
	asker->tenant = "";
	asker->known_now = known_at == NULL;
	asker->known_at = known_at ? *known_at : 0;
	set_attributes(asker, attributes ? attributes
				   : DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))));
	entry = named_insert(kept.askers, pstrdup(key.data), &found);
	entry->value = asker;
	MemoryContextSwitchTo(old);

	forget_soon();
	return asker;
}

/*
 * Sellers that charge the same are one, and one that has no price at that
 * time does not sell then, if another does.
 */
static void
settle_sellers(Offer *offer)
{
	int			n = 0;
	bool		any = false;

	for (int i = 0; i < offer->ntariffs; i++)
		any |= offer->tariffs[i]->problem == NULL;
	if (!any)
	{
		offer->ntariffs = 1;
		return;
	}
	for (int i = 0; i < offer->ntariffs; i++)
	{
		bool		drop = offer->tariffs[i]->problem != NULL;

		for (int j = 0; j < n && !drop; j++)
			drop = same_tariff(offer->tariffs[j], offer->tariffs[i]);
		if (!drop)
			offer->tariffs[n++] = offer->tariffs[i];
	}
	offer->ntariffs = n;
}

static const Offer *
make_offer(const OfferKey *key, TimestampTz at, Span *span)
{
	Offer	   *offer = palloc0(sizeof(Offer));
	ModelMatch	match;

	*span = ALL_TIME;
	match_model(key->asker, fold_name(key->provider, key->provider_len),
				fold_name(key->model, key->model_len), kept.aliases, kept.naliases,
				lookup_name, at, span, &match);
	offer->matched_by = match.matched_by;
	if (match.tie || match.nsellers == 0)
	{
		offer->problem = match.tie ? "ambiguous_model" : "unknown_model";
		return offer;
	}

	offer->tariffs = palloc(sizeof(Tariff *) * match.nsellers);
	for (int s = 0; s < match.nsellers; s++)
	{
		const Seller *seller = &match.sellers[s];
		Asker	   *asker = palloc(sizeof(Asker));
		const Price **prices = palloc(sizeof(Price *) * seller->model->nprices);
		int			nprices = 0;

		*asker = *key->asker;
		asker->region = seller->region;
		for (int i = 0; i < seller->model->nprices; i++)
			if (strcmp(seller->model->prices[i].provider, seller->provider) == 0)
				prices[nprices++] = &seller->model->prices[i];
		offer->tariffs[offer->ntariffs++] =
			build_tariff(asker, seller->provider, seller->model->name, prices, nprices,
						 kept.rules, kept.nrules, at, span);
	}
	settle_sellers(offer);
	offer->tariff = offer->tariffs[0];
	return offer;
}

static const Offer *
add_offer(OfferEntry *entry, TimestampTz at)
{
	DatedOffer	made;
	int			i = entry->noffers;

	made.offer = make_offer(&entry->key, at, &made.span);
	entry->offers = entry->offers == NULL ? palloc(sizeof(DatedOffer))
		: repalloc(entry->offers, sizeof(DatedOffer) * (entry->noffers + 1));
	while (i > 0 && entry->offers[i - 1].span.from > at)
	{
		entry->offers[i] = entry->offers[i - 1];
		i--;
	}
	entry->offers[i] = made;
	entry->noffers++;
	return made.offer;
}

/*
 * The offer that holds at that time, if it has been made.  Times come in any
 * order, so the bisection is written to need no branch that depends on them.
 */
static inline const Offer *
offer_at(const OfferEntry *entry, TimestampTz at)
{
	const DatedOffer *candidate = entry->offers;

	for (int n = entry->noffers; n > 1; n -= n / 2)
		candidate += candidate[n / 2].span.from <= at ? n / 2 : 0;
	return span_contains(&candidate->span, at) ? candidate->offer : NULL;
}

/*
 * What the price book answers.  The result is good until the next
 * refresh_price_book().
 */
const Offer *
find_offer(const Asker *asker, const char *provider, int provider_len,
		   const char *model, int model_len, TimestampTz at)
{
	static const Offer too_long = {.problem = "unknown_model"};

	OfferKey	key = {asker, provider, model, provider_len, model_len};
	OfferEntry *entry;
	const Offer *offer;
	MemoryContext old;

	if (unlikely(model_len > MAX_MODEL_NAME || provider_len > MAX_MODEL_NAME))
		return &too_long;

	entry = offer_lookup(kept.offers, key);
	if (likely(entry != NULL) && (offer = offer_at(entry, at)) != NULL)
		return offer;

	old = MemoryContextSwitchTo(kept.context);
	if (entry == NULL)
	{
		OfferEntry	made = {.key = key};
		bool		found;

		made.key.provider = pnstrdup(provider, provider_len);
		made.key.model = pnstrdup(model, model_len);
		offer = add_offer(&made, at);

		/* Only now: an error above must not leave an entry without offers. */
		entry = offer_insert(kept.offers, made.key, &found);
		entry->noffers = made.noffers;
		entry->offers = made.offers;
	}
	else
		offer = add_offer(entry, at);
	MemoryContextSwitchTo(old);

	forget_soon();
	return offer;
}
