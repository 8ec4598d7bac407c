/*-------------------------------------------------------------------------
 *
 * distribution.h
 *		The SQL type: a digest at rest, or one that is being filled.
 *
 * Both are a varlena whose first byte tells which (digest_codec.h).  What our
 * functions give to a column is a digest as bytes.  What an aggregate fills is one of
 *
 *		values	up to MAX_VALUES of them as they came, in memory that doubles
 *		bins	more (bins.h), or what digests with centroids add up to
 *
 * VARSIZE of these is their capacity.  They are modified in place and
 * returned by the same pointer, which makes them as quick as "internal" and
 * yet plain values: a partial aggregate can be sent to another process as it
 * is, or, as text, to another machine.  To grow, a state is copied into
 * larger memory of the current context, and left alone: the executor
 * copies the result to where it keeps states and frees the former one.
 *
 * Either form depends only on the set of values, so that any plan gives the
 * same result; what stored digests add up to also depends on their order,
 * within the errors of a digest.
 *
 * Callers pass values that are finite and not -0 (finite_value()).
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_DISTRIBUTION_H
#define LLM_COST_DISTRIBUTION_H

#include "bins.h"
#include "digest_codec.h"
#include "fmgr.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* First byte of a state.  Of a digest: DIGEST_VALUES, DIGEST_CENTROIDS. */
#define STATE_VALUES	0x81
#define STATE_BINS		0x82

/* No percentile has been asked for. */
#define NO_PERCENTILE	(-1.0)

typedef struct State
{
	int32		vl_len_;		/* varlena header */
	uint8		format;
	bool		chosen;			/* compression is an argument of the aggregate */
	int16		compression;
	double		percentile;		/* what approx_percentile() is to return */
} State;

typedef struct ValuesState
{
	State		head;
	int32		n;
	int32		unused;
	double		value[FLEXIBLE_ARRAY_MEMBER];
} ValuesState;

typedef struct BinsState
{
	State		head;
	Bins		bins;
} BinsState;

/* The smallest and the largest state of values, powers of two. */
#define MIN_VALUES_SIZE 64
#define MAX_VALUES_SIZE 8192

#define VALUES_CAPACITY(size) \
	((int) (((size) - offsetof(ValuesState, value)) / sizeof(double)))
#define MAX_VALUES		VALUES_CAPACITY(MAX_VALUES_SIZE)

typedef struct varlena Distribution;

/* distribution_state.c */
extern Distribution *state_create(int compression, double percentile);
extern Distribution *state_grow_and_add(Distribution *state, double value);
extern Distribution *state_add_many(Distribution *state, double value, int64 count,
									bool point);
extern _Noreturn void changing_argument(const char *name);
extern void check_range(double smallest, double largest, int64 count);
extern Distribution *state_combine(Distribution *state, Distribution *other);
extern Distribution *distribution_plain(Datum datum, bool copy);
extern Distribution *distribution_thaw(Distribution *distribution);
extern Distribution *distribution_freeze(Distribution *distribution);
extern void distribution_digest(Distribution *distribution, TDigest *digest);
extern void distribution_curve(Distribution *distribution, Curve *curve);

/* distribution.c */
extern double finite_value(double value);
extern double check_fraction(double fraction, const char *name);
extern int	check_compression(int compression);
extern Datum *array_argument(FunctionCallInfo fcinfo, int arg, Oid type,
							 const char *name, int *n);
extern double *bounds_argument(FunctionCallInfo fcinfo, int arg, int *n);

static inline uint8
distribution_format(const Distribution *distribution)
{
	return *(const uint8 *) VARDATA_ANY(distribution);
}

/* Add a value to a state of an aggregate. */
static inline Distribution *
state_add(Distribution *state, double value)
{
	if (distribution_format(state) == STATE_VALUES)
	{
		ValuesState *s = (ValuesState *) state;

		if (s->n < VALUES_CAPACITY(VARSIZE(s)))
		{
			s->value[s->n++] = value;
			return state;
		}
	}
	else if (distribution_format(state) == STATE_BINS &&
			 bins_add(&((BinsState *) state)->bins, value))
		return state;
	return state_grow_and_add(state, value);
}

#endif							/* LLM_COST_DISTRIBUTION_H */
