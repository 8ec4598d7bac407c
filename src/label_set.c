/*-------------------------------------------------------------------------
 *
 * label_set.c
 *		Texts as small numbers.  See label_set.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "label_set.h"
#include "utils/memutils.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

typedef struct LabelEntry
{
	const text *label;
	uint32		hash;
	int32		number;
	char		status;			/* of simplehash */
} LabelEntry;

static uint32
hash_label(const text *label)
{
	return hash_bytes((const unsigned char *) VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
}

static inline bool
same_label(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

#define SH_PREFIX labels
#define SH_ELEMENT_TYPE LabelEntry
#define SH_KEY_TYPE const text *
#define SH_KEY label
#define SH_HASH_KEY(tb, key) hash_label(key)
#define SH_EQUAL(tb, a, b) same_label(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

void
label_set_init(LabelSet *set, MemoryContext context)
{
	*set = (LabelSet) {.null_number = -1, .context = context};
	set->index = labels_create(context, 64, NULL);
}

static int32
append_label(LabelSet *set, text *label)
{
	if (set->n == set->room)
	{
		set->room = Max(2 * set->room, 16);
		set->labels = set->labels == NULL ?
			MemoryContextAllocHuge(set->context, set->room * sizeof(text *)) : repalloc_huge(set->labels, set->room * sizeof(text *));
	}
	set->labels[set->n] = label;
	return set->n++;
}

int32
label_set_number(LabelSet *set, const text *label)
{
	LabelEntry *entry;
	bool		found;

	if (label == NULL)
	{
		if (set->null_number < 0)
			set->null_number = append_label(set, NULL);
		return set->null_number;
	}
	entry = labels_insert(set->index, label, &found);
	if (!found)
	{
		text	   *copy = MemoryContextAlloc(set->context, VARSIZE_ANY(label));

		memcpy(copy, label, VARSIZE_ANY(label));
		entry->label = copy;
		entry->number = append_label(set, copy);
	}
	return entry->number;
}

typedef struct Ranked
{
	const text *label;
	int32		number;
} Ranked;

static int
compare_ranked(const void *a, const void *b)
{
	const text *left = ((const Ranked *) a)->label;
	const text *right = ((const Ranked *) b)->label;
	int			order;

	if (left == NULL || right == NULL)
		return (left == NULL) - (right == NULL);
	order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right),
				   Min(VARSIZE_ANY_EXHDR(left), VARSIZE_ANY_EXHDR(right)));
	if (order != 0)
		return order;
	return (VARSIZE_ANY_EXHDR(left) > VARSIZE_ANY_EXHDR(right)) -
		(VARSIZE_ANY_EXHDR(left) < VARSIZE_ANY_EXHDR(right));
}

void
label_set_ranks(const LabelSet *set, int32 **rank, const text *const **in_order)
{
	Ranked	   *ranked = MemoryContextAllocHuge(CurrentMemoryContext, Max(set->n, 1) * sizeof(Ranked));
	const text **labels = MemoryContextAllocHuge(CurrentMemoryContext, Max(set->n, 1) * sizeof(text *));

	for (int32 i = 0; i < set->n; i++)
		ranked[i] = (Ranked) {set->labels[i], i};
	qsort(ranked, set->n, sizeof(Ranked), compare_ranked);
	*rank = MemoryContextAllocHuge(CurrentMemoryContext, Max(set->n, 1) * sizeof(int32));
	for (int32 i = 0; i < set->n; i++)
	{
		labels[i] = ranked[i].label;
		(*rank)[ranked[i].number] = i;
	}
	*in_order = (const text *const *) labels;
	pfree(ranked);
}
