/*-------------------------------------------------------------------------
 *
 * cost_index_agg.c
 *		The aggregates cost_index() and cost_index_users().
 *
 * Their state has the rows as they came, with users and buckets
 * numbered.  In the end rows of the same cell are added up, and users and
 * buckets put in order, so that the order of rows means nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "common/hashfn.h"
#include "cost_index.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "numeric_float.h"
#include "record_array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Buckets that are a day apart, but for summer time. */
#define IS_DAYS(microseconds) \
	((microseconds) % USECS_PER_DAY <= USECS_PER_HOUR || \
	 (microseconds) % USECS_PER_DAY >= USECS_PER_DAY - USECS_PER_HOUR)

/* ---- numbers for users and buckets ---- */

typedef struct UserKey
{
	const char *bytes;
	int			length;
} UserKey;

typedef struct UserEntry
{
	UserKey		key;
	uint32		hash;
	int			number;
	char		status;
} UserEntry;

static inline bool
same_user(UserKey a, UserKey b)
{
	return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

#define SH_PREFIX users
#define SH_ELEMENT_TYPE UserEntry
#define SH_KEY_TYPE UserKey
#define SH_KEY key
#define SH_HASH_KEY(table, k) hash_bytes((const unsigned char *) (k).bytes, (k).length)
#define SH_EQUAL(table, a, b) same_user(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct BucketEntry
{
	int64		key;
	int			number;
	char		status;
} BucketEntry;

#define SH_PREFIX buckets
#define SH_ELEMENT_TYPE BucketEntry
#define SH_KEY_TYPE int64
#define SH_KEY key
#define SH_HASH_KEY(table, k) murmurhash32((uint32) ((k) ^ (k) >> 32))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* ---- the state ---- */

typedef struct Row
{
	int			user;
	int			bucket;
	double		cost;
	double		calls;
} Row;

typedef struct CellsState
{
	MemoryContext context;
	users_hash *users;
	buckets_hash *buckets;
	UserKey	   *user;			/* by number */
	TimestampTz *bucket;
	Size		user_capacity;
	Size		bucket_capacity;
	Row		   *row;
	Size		nrows;
	Size		row_capacity;
} CellsState;

static void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

static CellsState *
cells_create(MemoryContext context)
{
	CellsState *state = MemoryContextAllocZero(context, sizeof(CellsState));

	state->context = context;
	state->users = users_create(context, 64, NULL);
	state->buckets = buckets_create(context, 64, NULL);
	state->user_capacity = state->bucket_capacity = state->row_capacity = 64;
	state->user = MemoryContextAlloc(context, state->user_capacity * sizeof(UserKey));
	state->bucket = MemoryContextAlloc(context, state->bucket_capacity * sizeof(TimestampTz));
	state->row = MemoryContextAlloc(context, state->row_capacity * sizeof(Row));
	return state;
}

/* Numbers of cells are integers, and so are numbers of everything else. */
static void *
grow(void *array, Size *capacity, Size size)
{
	if (*capacity * 2 > INT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many cells"),
				 errdetail("There are more than %zu.", *capacity),
				 errhint("Make buckets longer, or aggregate by user and bucket first.")));
	*capacity *= 2;
	return repalloc_huge(array, *capacity * size);
}

static int
user_number(CellsState *state, text *user_key)
{
	UserKey		key = {VARDATA_ANY(user_key), VARSIZE_ANY_EXHDR(user_key)};
	UserEntry  *entry;
	char	   *copy;
	bool		found;

	entry = users_insert(state->users, key, &found);
	if (found)
		return entry->number;
	entry->number = state->users->members - 1;
	copy = MemoryContextAlloc(state->context, Max(key.length, 1));
	memcpy(copy, key.bytes, key.length);
	entry->key.bytes = copy;
	if (entry->number == state->user_capacity)
		state->user = grow(state->user, &state->user_capacity, sizeof(UserKey));
	state->user[entry->number] = entry->key;
	return entry->number;
}

static int
bucket_number(CellsState *state, TimestampTz bucket)
{
	BucketEntry *entry;
	bool		found;

	/* rows often come by time */
	if (state->nrows > 0 && state->bucket[state->row[state->nrows - 1].bucket] == bucket)
		return state->row[state->nrows - 1].bucket;
	entry = buckets_insert(state->buckets, bucket, &found);
	if (found)
		return entry->number;
	entry->number = state->buckets->members - 1;
	if (entry->number == state->bucket_capacity)
		state->bucket = grow(state->bucket, &state->bucket_capacity, sizeof(TimestampTz));
	state->bucket[entry->number] = bucket;
	return entry->number;
}

static Datum
add_row(FunctionCallInfo fcinfo, bool numeric)
{
	MemoryContext context;
	CellsState *state;
	text	   *user_key;
	double		cost;
	Row			row;

	if (AggCheckCallContext(fcinfo, &context) == 0)
		elog(ERROR, "aggregate function called in non-aggregate context");
	state = PG_ARGISNULL(0) ? cells_create(context) : (CellsState *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		PG_RETURN_POINTER(state);
	cost = numeric ? numeric_to_float(PG_GETARG_DATUM(3)) : PG_GETARG_FLOAT8(3);
	if (!isfinite(cost) || PG_GETARG_INT64(4) <= 0)
		PG_RETURN_POINTER(state);
	if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(2)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("bucket must be finite")));

	user_key = PG_GETARG_TEXT_PP(1);
	row.user = user_number(state, user_key);
	row.bucket = bucket_number(state, PG_GETARG_TIMESTAMPTZ(2));
	row.cost = cost;
	row.calls = PG_GETARG_INT64(4);
	PG_FREE_IF_COPY(user_key, 1);
	if (state->nrows == state->row_capacity)
		state->row = grow(state->row, &state->row_capacity, sizeof(Row));
	state->row[state->nrows++] = row;
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(cost_index_add_float8);
Datum
cost_index_add_float8(PG_FUNCTION_ARGS)
{
	return add_row(fcinfo, false);
}

PG_FUNCTION_INFO_V1(cost_index_add_numeric);
Datum
cost_index_add_numeric(PG_FUNCTION_ARGS)
{
	return add_row(fcinfo, true);
}

/* ---- in order ---- */

/* Cells in order of users and then of buckets, both in their own order. */
typedef struct Cells
{
	int			ncells;
	int			nusers;
	int			nbuckets;
	IndexCell  *cell;
	UserKey	   *user;
	TimestampTz *bucket;
} Cells;

typedef struct NumberedUser
{
	UserKey		key;
	int			number;
} NumberedUser;

typedef struct NumberedBucket
{
	TimestampTz bucket;
	int			number;
} NumberedBucket;

static int
compare_users(const void *a, const void *b)
{
	UserKey		x = ((const NumberedUser *) a)->key;
	UserKey		y = ((const NumberedUser *) b)->key;
	int			order = memcmp(x.bytes, y.bytes, Min(x.length, y.length));

	return order != 0 ? order : x.length - y.length;
}

static int
compare_buckets(const void *a, const void *b)
{
	TimestampTz x = ((const NumberedBucket *) a)->bucket;
	TimestampTz y = ((const NumberedBucket *) b)->bucket;

	return x < y ? -1 : x > y;
}

static int
compare_rows(const void *a, const void *b)
{
	const Row  *x = a;
	const Row  *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? -1 : 1;
	return x->calls < y->calls ? -1 : x->calls > y->calls;
}

static inline void *
allocate(Size n, Size size)
{
	return palloc_extended(Max(n, 1) * size, MCXT_ALLOC_HUGE);
}

/* What place each user has in order, by number. */
static int *
order_users(const CellsState *state, Cells *cells)
{
	NumberedUser *sorted;
	int		   *place;

	cells->nusers = state->users->members;
	sorted = allocate(cells->nusers, sizeof(NumberedUser));
	place = allocate(cells->nusers, sizeof(int));
	cells->user = allocate(cells->nusers, sizeof(UserKey));
	for (int u = 0; u < cells->nusers; u++)
	{
		sorted[u].key = state->user[u];
		sorted[u].number = u;
	}
	qsort(sorted, cells->nusers, sizeof(NumberedUser), compare_users);
	for (int u = 0; u < cells->nusers; u++)
	{
		place[sorted[u].number] = u;
		cells->user[u] = sorted[u].key;
	}
	pfree(sorted);
	return place;
}

static int *
order_buckets(const CellsState *state, Cells *cells)
{
	NumberedBucket *sorted;
	int		   *place;

	cells->nbuckets = state->buckets->members;
	sorted = allocate(cells->nbuckets, sizeof(NumberedBucket));
	place = allocate(cells->nbuckets, sizeof(int));
	cells->bucket = allocate(cells->nbuckets, sizeof(TimestampTz));
	for (int t = 0; t < cells->nbuckets; t++)
	{
		sorted[t].bucket = state->bucket[t];
		sorted[t].number = t;
	}
	qsort(sorted, cells->nbuckets, sizeof(NumberedBucket), compare_buckets);
	for (int t = 0; t < cells->nbuckets; t++)
	{
		place[sorted[t].number] = t;
		cells->bucket[t] = sorted[t].bucket;
	}
	pfree(sorted);
	return place;
}

/* Rows by the place of their bucket, or of their user; equal ones as before. */
static void
counting_sort(const Row *from, Row *to, Size n, bool by_user, const int *place, int nplaces)
{
	Size	   *next = allocate(nplaces + 1, sizeof(Size));

	memset(next, 0, (nplaces + 1) * sizeof(Size));
	for (Size i = 0; i < n; i++)
		next[place[by_user ? from[i].user : from[i].bucket] + 1]++;
	for (int k = 0; k < nplaces; k++)
		next[k + 1] += next[k];
	for (Size i = 0; i < n; i++)
		to[next[place[by_user ? from[i].user : from[i].bucket]]++] = from[i];
	pfree(next);
}

/* Rows of a cell added up; a cell that costs nothing has no logarithm. */
static void
add_up(Row *row, Size nrows, const int *user_place, const int *bucket_place, Cells *cells)
{
	cells->cell = allocate(nrows, sizeof(IndexCell));
	cells->ncells = 0;
	for (Size start = 0, end; start < nrows; start = end)
	{
		double		cost = 0;
		double		calls = 0;

		for (end = start + 1; end < nrows && row[end].user == row[start].user &&
			 row[end].bucket == row[start].bucket;
			 end++)
			;
		if (end - start > 2)
			qsort(row + start, end - start, sizeof(Row), compare_rows);
		for (Size i = start; i < end; i++)
		{
			cost += row[i].cost;
			calls += row[i].calls;
		}
		if (cost > 0 && isfinite(cost))
		{
			IndexCell  *cell = &cells->cell[cells->ncells++];

			cell->user = user_place[row[start].user];
			cell->bucket = bucket_place[row[start].bucket];
			cell->log_cost = log(cost) - log(calls);
			cell->weight = calls;
		}
	}
}

static Cells
in_order(const CellsState *state)
{
	Cells		cells;
	int		   *user_place = order_users(state, &cells);
	int		   *bucket_place = order_buckets(state, &cells);
	Row		   *by_bucket = allocate(state->nrows, sizeof(Row));
	Row		   *by_user = allocate(state->nrows, sizeof(Row));
	double	   *scratch;

	CHECK_FOR_INTERRUPTS();
	counting_sort(state->row, by_bucket, state->nrows, false, bucket_place, cells.nbuckets);
	counting_sort(by_bucket, by_user, state->nrows, true, user_place, cells.nusers);
	pfree(by_bucket);
	CHECK_FOR_INTERRUPTS();
	add_up(by_user, state->nrows, user_place, bucket_place, &cells);
	pfree(by_user);
	pfree(user_place);
	pfree(bucket_place);
	scratch = allocate(cells.ncells, sizeof(double));
	weigh_cells(cells.cell, cells.ncells, scratch);
	pfree(scratch);
	return cells;
}

static IndexBucket *
fit(const Cells *cells, IndexUser *users)
{
	IndexBucket *buckets = allocate(cells->nbuckets, sizeof(IndexBucket));
	void	   *room = allocate(cost_index_room(cells->ncells, cells->nusers, cells->nbuckets), 1);

	cost_index_fit(cells->cell, cells->ncells, cells->nusers, cells->nbuckets,
				   buckets, users, room, check_interrupts);
	pfree(room);
	return buckets;
}

/* ---- cost_index(user_key, bucket, cost, n) ---- */

/* Takes weekdays out if every bucket is some days after the first one. */
static void
allow_for_weekdays(const Cells *cells, IndexBucket *buckets)
{
	int		   *day = allocate(cells->nbuckets, sizeof(int));
	double	   *room = allocate(cells->nbuckets, 2 * sizeof(double));

	for (int t = 0; t < cells->nbuckets; t++)
	{
		uint64		since_first = (uint64) cells->bucket[t] - (uint64) cells->bucket[0];

		if (!IS_DAYS(since_first))
			return;
		day[t] = (since_first + USECS_PER_DAY / 2) / USECS_PER_DAY;
	}
	/* weeks, or a day each week, have no weekdays */
	if (cells->nbuckets > 1 && day[cells->nbuckets - 1] / (cells->nbuckets - 1) > 2)
		return;
	remove_weekdays(day, buckets, cells->nbuckets, room);
}

PG_FUNCTION_INFO_V1(cost_index_final);
Datum
cost_index_final(PG_FUNCTION_ARGS)
{
	Cells		cells;
	IndexBucket *buckets;
	RecordArray result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	cells = in_order((CellsState *) PG_GETARG_POINTER(0));
	buckets = fit(&cells, NULL);
	allow_for_weekdays(&cells, buckets);
	record_array_begin(&result, fcinfo, cells.nbuckets);
	for (int t = 0; t < cells.nbuckets; t++)
	{
		bool		unknown = isnan(buckets[t].value);
		Datum		values[] = {
			TimestampTzGetDatum(cells.bucket[t]),
			Float8GetDatum(buckets[t].value),
			Float8GetDatum(buckets[t].uncertainty),
			Int32GetDatum(buckets[t].cells),
			Float8GetDatum(buckets[t].weekday)
		};
		bool		nulls[lengthof(values)] = {false, unknown, unknown, false, unknown};

		record_array_add(&result, values, nulls);
	}
	PG_RETURN_DATUM(record_array_end(&result));
}

/* ---- cost_index_users(user_key, bucket, cost, n) ---- */

PG_FUNCTION_INFO_V1(cost_index_users_final);
Datum
cost_index_users_final(PG_FUNCTION_ARGS)
{
	Cells		cells;
	IndexUser  *users;
	RecordArray result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	cells = in_order((CellsState *) PG_GETARG_POINTER(0));
	users = allocate(cells.nusers, sizeof(IndexUser));
	fit(&cells, users);
	record_array_begin(&result, fcinfo, cells.nusers);
	for (int u = 0; u < cells.nusers; u++)
		if (users[u].cells > 0)
		{
			Datum		values[] = {
				PointerGetDatum(cstring_to_text_with_len(cells.user[u].bytes, cells.user[u].length)),
				Float8GetDatum(users[u].level),
				Int32GetDatum(users[u].cells)
			};
			bool		nulls[lengthof(values)] = {false};

			record_array_add(&result, values, nulls);
		}
	PG_RETURN_DATUM(record_array_end(&result));
}
