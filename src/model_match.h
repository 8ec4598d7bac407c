/*-------------------------------------------------------------------------
 *
 * model_match.h
 *		Finds the model of a price book that a name in a log stands for.
 *
 * Matching is data: model names come with prices, everything else from
 * aliases.  A name is tried as it is, then without what wrappers and
 * snapshots say is not part of a model's name, longest remainder first.  For
 * each of them, in this order:
 *
 *		an alias that a user set for exactly this name
 *		a model of this name
 *		an alias that a catalogue has for exactly this name
 *
 * Then come prefix aliases, the longest first, and then patterns.  A model's
 * name by itself is never a prefix: "gpt-4o" does not swallow "gpt-4o-mini".
 *
 * Knows nothing of tables, tariffs or quantities.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_MODEL_MATCH_H
#define LLM_COST_MODEL_MATCH_H

#include "price.h"

/* A longer name is no model's name. */
#define MAX_MODEL_NAME 256

/* What the price book has under one name. */
typedef struct NamedFacts
{
	const char *name;
	int			nprices;
	Price	   *prices;
	int			naliases;
	ModelAlias *aliases;		/* exact ones */
} NamedFacts;

typedef const NamedFacts *(*NameLookup) (const char *name);

/* A seller of the model. */
typedef struct Seller
{
	const char *provider;
	const char *region;			/* asked for, or implied by the name */
	const NamedFacts *model;
} Seller;

typedef struct ModelMatch
{
	int			nsellers;		/* 0: unknown model */
	Seller	   *sellers;
	const char *matched_by;
	bool		tie;			/* patterns that disagree */
} ModelMatch;

extern const char *fold_name(const char *name, int len);
extern void match_model(const Asker *asker, const char *provider, const char *name,
						const ModelAlias *aliases, int naliases, NameLookup lookup,
						TimestampTz at, Span *span, ModelMatch *match);

#endif							/* LLM_COST_MODEL_MATCH_H */
