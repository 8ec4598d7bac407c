/*-------------------------------------------------------------------------
 *
 * bill.h
 *		The bill of one attempt: quantities times rates.
 *
 * Usage counts inclusively: input_tokens is the whole prompt, cache reads,
 * cache writes and audio or images included; output_tokens includes
 * reasoning.  A bill counts exclusively: every unit on one line, that of the
 * most special meter.  A usage whose parts are larger than their whole is
 * inconsistent; one that does not report a total that costs something is
 * missing usage.  Neither has a cost.
 *
 * There are two ways to the total.  bill_core() serves the usual attempt, six
 * token counts at rates that are integers of one scale, in a few nanoseconds.
 * bill_lines() serves every attempt, in numeric, and says how it got there.
 * Both are exact, so they agree.  bill_parts() splits the total by what was
 * paid for.
 *
 * Knows nothing of where tariffs come from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_BILL_H
#define LLM_COST_BILL_H

#include "tariff.h"

typedef struct ExtraQuantity
{
	const char *meter;
	Numeric		quantity;
} ExtraQuantity;

typedef struct Usage
{
	bool		has_input;
	bool		has_output;
	int64		input;
	int64		output;
	int64		cache_read;
	int64		cache_write;	/* all of it … */
	int64		cache_write_1h; /* … of which kept one hour */
	int64		reasoning;
	int			nextra;			/* quantities of other meters */
	ExtraQuantity *extra;
} Usage;

typedef struct BillLine
{
	const char *meter;
	Numeric		quantity;
	const Rate *rate;			/* NULL: no price names the meter */
	Numeric		amount;			/* NULL: problem */
	const char *problem;
} BillLine;

typedef struct Bill
{
	const char *problem;		/* why there is no total */
	Numeric		total;
	int			nlines;
	BillLine   *lines;
} Bill;

/*
 * What was paid for.  A modality is part of what it is part of in usage, so
 * audio in the prompt counts as input; fees and meters in addition are other.
 */
typedef enum BillPart
{
	PART_INPUT,
	PART_CACHE_READ,
	PART_CACHE_WRITE_5M,
	PART_CACHE_WRITE_1H,
	PART_OUTPUT,
	PART_OTHER,
	NUM_BILL_PARTS
} BillPart;

extern bool bill_core(const Tariff *tariff, const Usage *usage, Numeric *total);
extern void bill_lines(const Tariff *tariff, const Usage *usage, Bill *bill);
extern const char *bill_parts(const Tariff *tariff, const Usage *usage, Numeric *parts);

#endif							/* LLM_COST_BILL_H */
