/*-------------------------------------------------------------------------
 *
 * price_book.h
 *		The price tables as one snapshot sees them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_PRICE_BOOK_H
#define LLM_COST_PRICE_BOOK_H

/* How often this backend has read llm_cost.price_version. */
extern uint64 price_version_reads;

#endif							/* LLM_COST_PRICE_BOOK_H */
