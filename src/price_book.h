/*-------------------------------------------------------------------------
 *
 * price_book.h
 *		Prices as the active snapshot sees them, ready to be used.
 *
 * Everything is kept per backend, and good for exactly one version of the
 * price tables: the one row of llm_cost.price_version, which triggers replace
 * with every change.  Whenever the snapshot may differ from the one last
 * looked through, that row is read again (one index probe per statement); if
 * it is another version, everything is forgotten.  No invalidation callback
 * is involved: the version obeys MVCC, and so does what is kept under it.
 * Reading the version in every transaction also lets SERIALIZABLE notice a
 * concurrent change of prices.
 *
 * Facts are loaded model by model, when a name is first asked for, names that
 * lead nowhere included.  When more than PRICE_CACHE_LIMIT is kept, beyond the
 * rules and aliases that are always needed, all of it is forgotten.
 *
 * Knows nothing of usage and quantities.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_PRICE_BOOK_H
#define LLM_COST_PRICE_BOOK_H

#include "tariff.h"
#include "utils/jsonb.h"

#define PRICE_CACHE_LIMIT (32 * 1024 * 1024)

/* What the price book answers to a name, for a span of time. */
typedef struct Offer
{
	const char *problem;		/* unknown_model, ambiguous_model, or NULL */
	int			ntariffs;		/* more than one: sellers that differ */
	Tariff	  **tariffs;
	const Tariff *tariff;		/* the first */
	const char *matched_by;
} Offer;

/* How often this backend has read llm_cost.price_version. */
extern uint64 price_version_reads;

/*
 * Changes whenever pointers that were given out before are no longer good.
 * Call refresh_price_book() first, then compare.
 */
extern uint64 price_book_generation;

extern void refresh_price_book(void);
extern const Asker *find_asker(const char *price_book, const char *service_tier,
							   const char *region, const TimestampTz *known_at,
							   Jsonb *attributes);
extern const Offer *find_offer(const Asker *asker, const char *provider, int provider_len,
							   const char *model, int model_len, TimestampTz at);

#endif							/* LLM_COST_PRICE_BOOK_H */
