/*-------------------------------------------------------------------------
 *
 * float_sort.c
 *		Sorts some hundreds of doubles at a time, quickly.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "float_sort.h"
#include "port/pg_bitutils.h"

#define ST_SORT quick_sort
#define ST_ELEMENT_TYPE double
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Fewer than this are sorted by comparing. */
#define MIN_RADIX_SORT	96

#define RADIX_BITS		8
#define RADIX			(1 << RADIX_BITS)
#define RADIX_PASSES	3

/* What a double's bits are to be inverted with, to ascend with its value. */
#define ORDER_MASK(bits) ((bits) >> 63 ? ~UINT64CONST(0) : UINT64CONST(1) << 63)

static inline uint64
key_of(double value)
{
	uint64		bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits ^ ORDER_MASK(bits);
}

static void
insertion_sort(double *values, int n)
{
	for (int i = 1; i < n; i++)
	{
		double		value = values[i];
		int			j = i;

		for (; j > 0 && values[j - 1] > value; j--)
			values[j] = values[j - 1];
		values[j] = value;
	}
}

/*
 * A radix sort by the 24 leading bits in which the values differ brings all
 * but a few into order, if they are spread at all.
 */
void
float_sort(double *values, int n, double *scratch)
{
	uint32		start[RADIX_PASSES][RADIX] = {0};
	double	   *from = values;
	double	   *to = scratch;
	uint64		first;
	uint64		differing = 0;
	int			low;
	int			inversions = 0;

	if (n < MIN_RADIX_SORT)
	{
		quick_sort(values, n);
		return;
	}

	first = key_of(values[0]);
	for (int i = 1; i < n; i++)
		differing |= key_of(values[i]) ^ first;
	if (differing == 0)
		return;
	low = Max(pg_leftmost_one_pos64(differing) + 1 - RADIX_PASSES * RADIX_BITS, 0);

	for (int i = 0; i < n; i++)
	{
		uint64		key = key_of(values[i]) >> low;

		for (int pass = 0; pass < RADIX_PASSES; pass++)
			start[pass][(key >> (pass * RADIX_BITS)) % RADIX]++;
	}
	for (int pass = 0; pass < RADIX_PASSES; pass++)
	{
		uint32		sum = 0;
		double	   *swap = from;

		for (int i = 0; i < RADIX; i++)
		{
			uint32		count = start[pass][i];

			start[pass][i] = sum;
			sum += count;
		}
		for (int i = 0; i < n; i++)
		{
			uint64		key = key_of(from[i]) >> low;

			to[start[pass][(key >> (pass * RADIX_BITS)) % RADIX]++] = from[i];
		}
		from = to;
		to = swap;
	}

	/* an odd number of passes ended in the scratch memory */
	memcpy(values, from, n * sizeof(double));
	for (int i = 1; i < n && low > 0; i++)
		inversions += values[i] < values[i - 1];
	if (inversions > n / 16)
		quick_sort(values, n);
	else if (inversions > 0)
		insertion_sort(values, n);
}
