/*-------------------------------------------------------------------------
 *
 * llm_cost.c
 *		The module itself.
 *
 * Where to look, from the ground up; nothing below knows of anything above:
 *
 *		meter		the vocabulary: which meter is part of which
 *		money		exact decimal arithmetic
 *		price		what a price book is made of: prices and rules
 *		tariff		prices and rules into the rates of one model for one asker
 *		bill		quantities times rates
 *		price_book	reads the tables, keeps what it read, finds models by name
 *		cost		the SQL functions
 *		price_guard	the triggers on the tables, and the content hash
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
