/*-------------------------------------------------------------------------
 *
 * label_set.h
 *		Texts as small numbers: each different one is kept once.
 *
 * What an aggregate sees again and again - users, models, intents - is given
 * a number when it first comes.  At the end label_set_ranks() renumbers in
 * the order of the bytes, so that what is computed from them does not depend
 * on the order in which rows came.
 *
 * NULL is a label like any other, and comes last.  Hashing with open
 * addressing (lib/simplehash.h); labels are copied to the set's memory
 * context.  Knows nothing of what the labels name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_LABEL_SET_H
#define LLM_COST_LABEL_SET_H

#include "c.h"

typedef struct LabelSet
{
	int32		n;
	int32		room;
	text	  **labels;			/* NULL: that of NULL */
	struct labels_hash *index;
	int32		null_number;	/* -1: has not come */
	MemoryContext context;
} LabelSet;

extern void label_set_init(LabelSet *set, MemoryContext context);
extern int32 label_set_number(LabelSet *set, const text *label);

/* rank[number] and, the other way round, in_order[rank]; both palloc'd */
extern void label_set_ranks(const LabelSet *set, int32 **rank, const text *const **in_order);

#endif							/* LLM_COST_LABEL_SET_H */
