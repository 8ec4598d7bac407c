/*-------------------------------------------------------------------------
 *
 * price_table.c
 *		Reads the price tables.  See price_table.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "price_table.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

/* Columns, in the order of sql/10_price_book.sql. */
enum
{
	Anum_price_price_book = 1,
	Anum_price_provider,
	Anum_price_model,
	Anum_price_meter,
	Anum_price_service_tier,
	Anum_price_region,
	Anum_price_tier_from,
	Anum_price_tier_inclusive,
	Anum_price_time_window,
	Anum_price_attributes,
	Anum_price_amount,
	Anum_price_per,
	Anum_price_valid,
	Anum_price_known,
	Anum_price_assumed,
	Anum_price_source,
	Anum_price_note,
	Anum_price_slot_id,
	Anum_price_price_id,
	Natts_price = Anum_price_price_id
};

enum
{
	Anum_rule_price_book = 1,
	Anum_rule_rule,
	Anum_rule_kind,
	Anum_rule_stacking_order,
	Anum_rule_factor,
	Anum_rule_provider,
	Anum_rule_models,
	Anum_rule_meters,
	Anum_rule_service_tier,
	Anum_rule_region,
	Anum_rule_attributes,
	Anum_rule_of_book,
	Anum_rule_valid,
	Anum_rule_known,
	Anum_rule_assumed,
	Anum_rule_source,
	Anum_rule_note,
	Anum_rule_slot_id,
	Natts_rule = Anum_rule_slot_id
};

enum
{
	Anum_alias_kind = 1,
	Anum_alias_pattern,
	Anum_alias_tenant,
	Anum_alias_provider,
	Anum_alias_to_provider,
	Anum_alias_to_model,
	Anum_alias_to_region,
	Anum_alias_valid,
	Anum_alias_known,
	Anum_alias_assumed,
	Anum_alias_source,
	Anum_alias_note,
	Anum_alias_slot_id,
	Natts_alias = Anum_alias_slot_id
};

enum
{
	Anum_book_price_book = 1,
	Anum_book_currency,
	Anum_book_base_book,
	Anum_book_note,
	Anum_book_bundled,
	Natts_book = Anum_book_bundled
};

enum
{
	Anum_attribute_attribute = 1,
	Anum_attribute_default_value,
	Anum_attribute_must_match,
	Anum_attribute_note,
	Anum_attribute_bundled,
	Natts_attribute = Anum_attribute_bundled
};

#define MAX_NATTS 32
#define MAX_KEYS 2

static const char *const alias_kinds[NUM_ALIAS_KINDS] = {
	"exact", "prefix", "pattern", "wrapper", "snapshot", "provider"
};

/* An array that grows as rows are read. */
typedef struct Rows
{
	Size		row_size;
	int			n;
	int			allocated;
	char	   *items;
} Rows;

/* Turns one row into a fact; false: leave it out. */
typedef bool (*RowReader) (void *row, PriceLayer layer, const Datum *values, const bool *nulls);

static void
read_table(Rows *rows, Oid relid, Oid index, const ScanKeyData *keys, int nkeys,
		   RowReader reader, PriceLayer layer)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	ScanKeyData scan_keys[MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		values[MAX_NATTS];
	bool		nulls[MAX_NATTS];

	/* systable_beginscan() may write its own column numbers into the keys */
	if (nkeys > 0)
		memcpy(scan_keys, keys, sizeof(ScanKeyData) * nkeys);
	scan = systable_beginscan(rel, index, OidIsValid(index), GetActiveSnapshot(),
							  nkeys, scan_keys);
	if (desc->natts > MAX_NATTS)
		elog(ERROR, "unexpected number of columns in \"%s\"", RelationGetRelationName(rel));

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CHECK_FOR_INTERRUPTS();
		if (rows->n == rows->allocated)
		{
			rows->allocated = Max(16, 2 * rows->allocated);
			rows->items = rows->items == NULL ? palloc(rows->row_size * rows->allocated)
				: repalloc(rows->items, rows->row_size * rows->allocated);
		}
		heap_deform_tuple(tuple, desc, values, nulls);
		if (reader(rows->items + rows->row_size * rows->n, layer, values, nulls))
			rows->n++;
	}

	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static const char *
text_column(const Datum *values, int attnum)
{
	return TextDatumGetCString(values[attnum - 1]);
}

static Numeric
numeric_column(const Datum *values, int attnum)
{
	return DatumGetNumericCopy(values[attnum - 1]);
}

static Span
range_column(const Datum *values, int attnum)
{
	TypeCacheEntry *type = lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	Span		span;

	range_deserialize(type, DatumGetRangeTypeP(values[attnum - 1]), &lower, &upper, &empty);
	span.from = lower.infinite ? DT_NOBEGIN : DatumGetTimestampTz(lower.val);
	span.to = upper.infinite ? DT_NOEND : DatumGetTimestampTz(upper.val);
	return span;
}

static Names
array_column(const Datum *values, int attnum)
{
	Names		names;
	Datum	   *items;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(values[attnum - 1]), TEXTOID, -1, false,
					  TYPALIGN_INT, &items, &nulls, &n);
	names.n = 0;
	names.items = palloc(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			names.items[names.n++] = TextDatumGetCString(items[i]);
	return names;
}

/*
 * The keys and values of an object whose values are all scalars.  Otherwise
 * false, with the offending key, or NULL where it is not an object.
 */
bool
attributes_from_jsonb(Jsonb *object, Attributes *attributes, const char **bad_key)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	int			n = 0;

	*bad_key = NULL;
	attributes->n = 0;
	attributes->items = NULL;
	if (!JB_ROOT_IS_OBJECT(object))
		return false;

	attributes->items = palloc(sizeof(Attribute) * (JB_ROOT_COUNT(object) + 1));
	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		Attribute  *item = &attributes->items[n];

		if (token == WJB_KEY)
			item->key = pnstrdup(v.val.string.val, v.val.string.len);
		else if (token == WJB_VALUE)
		{
			switch (v.type)
			{
				case jbvString:
					item->value = pnstrdup(v.val.string.val, v.val.string.len);
					break;
				case jbvNumeric:
					item->value = numeric_normalize(v.val.numeric);
					break;
				case jbvBool:
					item->value = v.val.boolean ? "true" : "false";
					break;
				default:
					*bad_key = item->key;
					return false;
			}
			n++;
		}
	}
	attributes->n = n;
	return true;
}

static Attributes
attributes_column(const Datum *values, int attnum)
{
	Attributes	attributes;
	const char *bad_key;

	/* What cannot be asked for never holds: leave such a price unreachable. */
	if (!attributes_from_jsonb(DatumGetJsonbP(values[attnum - 1]), &attributes, &bad_key))
	{
		attributes.n = 1;
		attributes.items = palloc(sizeof(Attribute));
		attributes.items[0] = (Attribute) {"", ""};
	}
	return attributes;
}

static bool
read_price_row(void *row, PriceLayer layer, const Datum *values, const bool *nulls)
{
	Price	   *price = row;
	const char *window = text_column(values, Anum_price_time_window);

	price->layer = layer;
	price->price_book = text_column(values, Anum_price_price_book);
	price->provider = text_column(values, Anum_price_provider);
	price->meter = text_column(values, Anum_price_meter);
	price->service_tier = text_column(values, Anum_price_service_tier);
	price->region = text_column(values, Anum_price_region);
	price->tier_from = DatumGetInt64(values[Anum_price_tier_from - 1]);
	price->tier_at = price->tier_from == 0 ? 0
		: price->tier_from + !DatumGetBool(values[Anum_price_tier_inclusive - 1]);
	price->window_from = price->window_to = -1;
	if (window[0])
	{
		int			h1,
					m1,
					h2,
					m2;

		if (sscanf(window, "%d:%d-%d:%d", &h1, &m1, &h2, &m2) != 4)
			elog(ERROR, "malformed time window \"%s\"", window);
		price->window_from = h1 * MINS_PER_HOUR + m1;
		price->window_to = h2 * MINS_PER_HOUR + m2;
	}
	price->attributes = attributes_column(values, Anum_price_attributes);
	price->amount = numeric_column(values, Anum_price_amount);
	price->per = numeric_column(values, Anum_price_per);
	price->valid = range_column(values, Anum_price_valid);
	price->known = range_column(values, Anum_price_known);
	price->price_id = *DatumGetUUIDP(values[Anum_price_price_id - 1]);
	return true;
}

static bool
read_rule_row(void *row, PriceLayer layer, const Datum *values, const bool *nulls)
{
	Rule	   *rule = row;

	rule->layer = layer;
	rule->price_book = text_column(values, Anum_rule_price_book);
	rule->name = text_column(values, Anum_rule_rule);
	rule->fallback = strcmp(text_column(values, Anum_rule_kind), "fallback") == 0;
	rule->stacking_order = DatumGetInt32(values[Anum_rule_stacking_order - 1]);
	rule->factor = numeric_column(values, Anum_rule_factor);
	rule->provider = text_column(values, Anum_rule_provider);
	rule->models = array_column(values, Anum_rule_models);
	rule->meters = array_column(values, Anum_rule_meters);
	rule->service_tier = text_column(values, Anum_rule_service_tier);
	rule->region = text_column(values, Anum_rule_region);
	rule->attributes = attributes_column(values, Anum_rule_attributes);
	rule->of_book = text_column(values, Anum_rule_of_book);
	rule->valid = range_column(values, Anum_rule_valid);
	rule->known = range_column(values, Anum_rule_known);
	return true;
}

static bool
read_alias_row(void *row, PriceLayer layer, const Datum *values, const bool *nulls)
{
	ModelAlias *alias = row;
	const char *kind = text_column(values, Anum_alias_kind);

	alias->layer = layer;
	for (alias->kind = 0; alias->kind < NUM_ALIAS_KINDS; alias->kind++)
		if (strcmp(alias_kinds[alias->kind], kind) == 0)
			break;
	alias->pattern = text_column(values, Anum_alias_pattern);
	alias->tenant = text_column(values, Anum_alias_tenant);
	alias->provider = text_column(values, Anum_alias_provider);
	alias->to_provider = text_column(values, Anum_alias_to_provider);
	alias->to_model = text_column(values, Anum_alias_to_model);
	alias->to_region = text_column(values, Anum_alias_to_region);
	alias->valid = range_column(values, Anum_alias_valid);
	alias->known = range_column(values, Anum_alias_known);
	return true;
}

static bool
read_book_row(void *row, PriceLayer layer, const Datum *values, const bool *nulls)
{
	PriceBook  *book = row;

	book->price_book = text_column(values, Anum_book_price_book);
	book->base_book = nulls[Anum_book_base_book - 1] ? NULL
		: text_column(values, Anum_book_base_book);
	return true;
}

static bool
read_attribute_row(void *row, PriceLayer layer, const Datum *values, const bool *nulls)
{
	AttributeKey *key = row;

	key->key = text_column(values, Anum_attribute_attribute);
	key->default_value = text_column(values, Anum_attribute_default_value);
	key->must_match = DatumGetBool(values[Anum_attribute_must_match - 1]);
	return true;
}

static void
key_equals(ScanKey key, AttrNumber attnum, const char *value)
{
	ScanKeyInit(key, attnum, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(value));
}

int
read_price_books(const PriceTables *tables, PriceBook **books)
{
	Rows		rows = {sizeof(PriceBook)};

	read_table(&rows, tables->price_book, InvalidOid, NULL, 0, read_book_row, 0);
	*books = (PriceBook *) rows.items;
	return rows.n;
}

int
read_attribute_keys(const PriceTables *tables, AttributeKey **keys)
{
	Rows		rows = {sizeof(AttributeKey)};

	read_table(&rows, tables->attribute, InvalidOid, NULL, 0, read_attribute_row, 0);
	*keys = (AttributeKey *) rows.items;
	return rows.n;
}

int
read_rules(const PriceTables *tables, Rule **rules)
{
	Rows		rows = {sizeof(Rule)};

	for (int layer = 0; layer < NUM_PRICE_LAYERS; layer++)
		read_table(&rows, tables->rule[layer], InvalidOid, NULL, 0, read_rule_row, layer);
	*rules = (Rule *) rows.items;
	return rows.n;
}

/* All prices of all books, sellers and times for a model of that name. */
int
read_prices(const PriceTables *tables, const char *model, Price **prices)
{
	Rows		rows = {sizeof(Price)};
	ScanKeyData key;

	key_equals(&key, Anum_price_model, model);
	for (int layer = 0; layer < NUM_PRICE_LAYERS; layer++)
		read_table(&rows, tables->price[layer], tables->price_index[layer], &key, 1,
				   read_price_row, layer);
	*prices = (Price *) rows.items;
	return rows.n;
}

static void
read_aliases(Rows *rows, const PriceTables *tables, AliasKind kind, const char *pattern)
{
	ScanKeyData keys[MAX_KEYS];

	key_equals(&keys[0], Anum_alias_kind, alias_kinds[kind]);
	if (pattern != NULL)
		key_equals(&keys[1], Anum_alias_pattern, pattern);
	for (int layer = 0; layer < NUM_PRICE_LAYERS; layer++)
		read_table(rows, tables->alias[layer], tables->alias_index[layer], keys,
				   pattern != NULL ? 2 : 1, read_alias_row, layer);
}

int
read_exact_aliases(const PriceTables *tables, const char *pattern, ModelAlias **aliases)
{
	Rows		rows = {sizeof(ModelAlias)};

	read_aliases(&rows, tables, ALIAS_EXACT, pattern);
	*aliases = (ModelAlias *) rows.items;
	return rows.n;
}

/* All but the exact ones, of which there may be very many. */
int
read_other_aliases(const PriceTables *tables, ModelAlias **aliases)
{
	Rows		rows = {sizeof(ModelAlias)};

	for (int kind = ALIAS_EXACT + 1; kind < NUM_ALIAS_KINDS; kind++)
		read_aliases(&rows, tables, kind, NULL);
	*aliases = (ModelAlias *) rows.items;
	return rows.n;
}

void
read_price_version(const PriceTables *tables, pg_uuid_t *version)
{
	Relation	rel = table_open(tables->version, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	/* version and only_row: the index spares us dead rows, not the live one */
	ScanKeyInit(&key, 2, BTEqualStrategyNumber, F_BOOLEQ, BoolGetDatum(true));
	scan = systable_beginscan(rel, tables->version_index, true, GetActiveSnapshot(), 1, &key);
	memset(version, 0, sizeof(*version));
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;

		*version = *DatumGetUUIDP(heap_getattr(tuple, 1, RelationGetDescr(rel), &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static Oid
find_relation(Oid schema, const char *name)
{
	Oid			relid = get_relname_relid(name, schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"llm_cost.%s\" does not exist", name),
				 errhint("The extension's library and its tables do not belong together; run ALTER EXTENSION llm_cost UPDATE.")));
	return relid;
}

void
find_price_tables(PriceTables *tables)
{
	static const char *const price_names[] = {"bundled_price", "imported_price", "price_override"};
	static const char *const rule_names[] = {"bundled_rule", "imported_rule", "rule_override"};
	static const char *const alias_names[] = {"bundled_alias", "imported_alias", "alias_override"};
	Oid			schema = get_namespace_oid("llm_cost", false);

	tables->version = find_relation(schema, "price_version");
	tables->version_index = find_relation(schema, "price_version_pkey");
	tables->price_book = find_relation(schema, "price_book");
	tables->attribute = find_relation(schema, "attribute");
	for (int layer = 0; layer < NUM_PRICE_LAYERS; layer++)
	{
		tables->price[layer] = find_relation(schema, price_names[layer]);
		tables->price_index[layer] = find_relation(schema, psprintf("%s_pkey", price_names[layer]));
		tables->rule[layer] = find_relation(schema, rule_names[layer]);
		tables->alias[layer] = find_relation(schema, alias_names[layer]);
		tables->alias_index[layer] = find_relation(schema, psprintf("%s_pkey", alias_names[layer]));
	}
}

static void
check_select(Oid relid)
{
	AclResult	result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE, get_rel_name(relid));
}

void
check_price_rights(const PriceTables *tables)
{
	check_select(tables->version);
	check_select(tables->price_book);
	check_select(tables->attribute);
	for (int layer = 0; layer < NUM_PRICE_LAYERS; layer++)
	{
		check_select(tables->price[layer]);
		check_select(tables->rule[layer]);
		check_select(tables->alias[layer]);
	}
}
