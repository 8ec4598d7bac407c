/*-------------------------------------------------------------------------
 *
 * price.h
 *		What a price book is made of: prices, rules and aliases, as facts.
 *
 * A fact is valid for a span of time and was believed for a span of time.
 * Strings are lower case and never NULL; an empty string means "none" or
 * "any" as the columns of the tables say (sql/10_price_book.sql).
 *
 * Knows nothing of how facts are stored, found or applied.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_PRICE_H
#define LLM_COST_PRICE_H

#include "datatype/timestamp.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

/* In order of precedence. */
typedef enum PriceLayer
{
	LAYER_BUNDLED,
	LAYER_IMPORTED,
	LAYER_OVERRIDE,
	NUM_PRICE_LAYERS
} PriceLayer;

/* A span of time, end exclusive; DT_NOBEGIN and DT_NOEND are unbounded. */
typedef struct Span
{
	TimestampTz from;
	TimestampTz to;
} Span;

#define ALL_TIME ((Span) {DT_NOBEGIN, DT_NOEND})

typedef struct Attribute
{
	const char *key;
	const char *value;
} Attribute;

typedef struct Attributes
{
	int			n;
	Attribute  *items;
} Attributes;

typedef struct Names
{
	int			n;
	const char **items;
} Names;

typedef struct Price
{
	PriceLayer	layer;
	const char *price_book;
	const char *provider;
	const char *meter;
	const char *service_tier;
	const char *region;
	int64		tier_from;		/* context tier, as it is written … */
	int64		tier_at;		/* … and the least input it applies to; 0: base */
	int			window_from;	/* minutes after midnight UTC; -1: all day */
	int			window_to;
	Attributes	attributes;
	Numeric		amount;
	Numeric		per;
	Span		valid;
	Span		known;
	pg_uuid_t	price_id;
} Price;

typedef struct Rule
{
	PriceLayer	layer;
	const char *price_book;
	const char *name;
	bool		fallback;		/* else a multiplier */
	int			stacking_order;
	Numeric		factor;
	const char *provider;
	Names		models;			/* a trailing * is a prefix */
	Names		meters;
	const char *service_tier;
	const char *region;
	Attributes	attributes;
	const char *of_book;
	Span		valid;
	Span		known;
} Rule;

typedef enum AliasKind
{
	ALIAS_EXACT,
	ALIAS_PREFIX,
	ALIAS_PATTERN,
	ALIAS_WRAPPER,
	ALIAS_SNAPSHOT,
	ALIAS_PROVIDER,
	NUM_ALIAS_KINDS
} AliasKind;

typedef struct ModelAlias
{
	PriceLayer	layer;
	AliasKind	kind;
	const char *pattern;
	const char *tenant;
	const char *provider;
	const char *to_provider;
	const char *to_model;
	const char *to_region;
	Span		valid;
	Span		known;
} ModelAlias;

/*
 * Who asks: everything about a request that is not its model, time and
 * quantities.
 */
typedef struct Asker
{
	Names		books;			/* the price book, then those it is based on */
	const char *service_tier;
	const char *region;
	const char *tenant;
	Attributes	attributes;		/* without those at their default value */
	Attributes	must_match;		/* the ones that a price or rule has to name */
	bool		known_now;		/* what is believed now, else at known_at */
	TimestampTz known_at;
} Asker;

static inline bool
span_contains(const Span *span, TimestampTz at)
{
	return span->from <= at && (at < span->to || span->to == DT_NOEND);
}

/* Does the asker believe a fact that was known for this span? */
static inline bool
believes(const Asker *asker, const Span *known)
{
	return asker->known_now ? known->to == DT_NOEND
		: span_contains(known, asker->known_at);
}

/*
 * Narrow "span", which contains "at", to where "fact" holds or does not hold
 * throughout, as it does at "at".
 */
static inline void
narrow_span(Span *span, const Span *fact, TimestampTz at)
{
	if (fact->from > at)
		span->to = Min(span->to, fact->from);
	else if (fact->to <= at && fact->to != DT_NOEND)
		span->from = Max(span->from, fact->to);
	else
	{
		span->from = Max(span->from, fact->from);
		span->to = Min(span->to, fact->to);
	}
}

#endif							/* LLM_COST_PRICE_H */
