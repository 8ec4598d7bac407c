/*-------------------------------------------------------------------------
 *
 * meter.h
 *		The vocabulary of meters: what a quantity measures and a price prices.
 *
 * Some meters are parts of others: a cached token is also an input token.
 * A quantity is billed on the most special meter only, and a part without a
 * price of its own at the rate of the meter it is part of, which is always a
 * core meter.  Any name that is not in the vocabulary is a meter in addition,
 * part of nothing.
 *
 * Knows nothing of prices, quantities or SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_METER_H
#define LLM_COST_METER_H

/* The meters that have a column of their own in usage, in table order. */
typedef enum CoreMeter
{
	METER_INPUT,
	METER_CACHE_READ,
	METER_CACHE_WRITE_5M,
	METER_CACHE_WRITE_1H,
	METER_OUTPUT,
	METER_REASONING,
	NUM_CORE_METERS
} CoreMeter;

#define METER_REQUEST "request"	/* counts one for every attempt */

typedef struct Meter
{
	const char *name;
	const char *parent;			/* NULL: part of nothing */
	const char *unit;
	const char *description;
} Meter;

extern const Meter standard_meters[];
extern const int num_standard_meters;

extern const Meter *find_meter(const char *name);
extern const char *meter_parent(const char *name);
extern int	core_meter(const char *name);

#endif							/* LLM_COST_METER_H */
