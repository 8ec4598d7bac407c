/*-------------------------------------------------------------------------
 *
 * price_table.h
 *		Reads the price tables, as the active snapshot sees them.
 *
 * Everything is allocated in the current memory context.  Reading goes
 * straight to the tables, so the right to SELECT is checked apart, once per
 * statement (check_price_rights), and row-level security on price tables is
 * not supported.
 *
 * Knows nothing of what the facts are read for, nor how long they are kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_PRICE_TABLE_H
#define LLM_COST_PRICE_TABLE_H

#include "price.h"
#include "utils/jsonb.h"

typedef struct PriceBook
{
	const char *price_book;
	const char *base_book;		/* NULL: none */
} PriceBook;

typedef struct AttributeKey
{
	const char *key;
	const char *default_value;
	bool		must_match;
} AttributeKey;

/* Where the tables are. */
typedef struct PriceTables
{
	Oid			version;
	Oid			version_index;
	Oid			price[NUM_PRICE_LAYERS];
	Oid			price_index[NUM_PRICE_LAYERS];
	Oid			rule[NUM_PRICE_LAYERS];
	Oid			alias[NUM_PRICE_LAYERS];
	Oid			alias_index[NUM_PRICE_LAYERS];
	Oid			price_book;
	Oid			attribute;
} PriceTables;

extern void find_price_tables(PriceTables *tables);
extern void check_price_rights(const PriceTables *tables);
extern void read_price_version(const PriceTables *tables, pg_uuid_t *version);

extern int	read_price_books(const PriceTables *tables, PriceBook **books);
extern int	read_attribute_keys(const PriceTables *tables, AttributeKey **keys);
extern int	read_rules(const PriceTables *tables, Rule **rules);
extern int	read_prices(const PriceTables *tables, const char *model, Price **prices);
extern int	read_exact_aliases(const PriceTables *tables, const char *pattern, ModelAlias **aliases);
extern int	read_other_aliases(const PriceTables *tables, ModelAlias **aliases);

extern bool attributes_from_jsonb(Jsonb *object, Attributes *attributes, const char **bad_key);

#endif							/* LLM_COST_PRICE_TABLE_H */
