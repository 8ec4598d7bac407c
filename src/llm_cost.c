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
 *		price_search	which price applies to a meter, for one asker at one time
 *		tariff		what applies to all meters of a model: its rates
 *		bill		quantities times rates
 *		model_match	which model a name in a log stands for
 *		price_table	reads the tables
 *		price_book	keeps what was read, as far as the snapshot allows
 *		cost		the SQL functions
 *		price_guard	the triggers on the tables, and the content hash
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
