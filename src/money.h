/*-------------------------------------------------------------------------
 *
 * money.h
 *		Exact decimal arithmetic for amounts of money.
 *
 * Two representations of the same numbers.  numeric is used where speed does
 * not matter.  Where it does, an amount is an unsigned 128-bit integer that
 * counts units of 10^-scale; the scale is a multiple of four, so that such a
 * number turns into base-10000 digits of a numeric without a division by a
 * variable.  Nothing here is ever rounded, but for quotients with an
 * infinite decimal expansion (money_line), at a scale that is stated.
 *
 * Knows nothing of prices, meters or SQL functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_MONEY_H
#define LLM_COST_MONEY_H

#include "utils/numeric.h"

#ifndef HAVE_INT128
#error "llm_cost needs a compiler with 128-bit integers"
#endif

/* Fraction digits kept of a quotient such as 1 / 60, rounded half up. */
#define MONEY_QUOTIENT_SCALE 24

/* Largest scale of an integer amount. */
#define MONEY_MAX_SCALE 24

/*
 * Largest factor of an integer product.  Eight products of a factor below
 * this and a bigint add up to less than 2^127.
 */
#define MONEY_MAX_RATE (INT64CONST(1) << 60)

/*
 * A price for one unit: price, or price / per where that has no finite
 * decimal expansion that is worth taking apart (per is not a power of ten).
 */
typedef struct UnitPrice
{
	Numeric		price;
	Numeric		per;			/* NULL: one */
} UnitPrice;

extern Numeric money_from_uint128(uint128 value, int scale);

extern bool decimal_parts(Numeric num, int64 *mantissa, int *scale);
extern bool decimal_rescale(int64 *mantissa, int from, int to);

extern bool quantity_in_range(Numeric quantity);
extern Numeric money_multiply(Numeric a, Numeric b);
extern Numeric money_add(Numeric a, Numeric b);
extern Numeric money_subtract(Numeric a, Numeric b);
extern UnitPrice money_unit_price(Numeric amount, Numeric per);
extern Numeric money_line(Numeric quantity, const UnitPrice *unit_price);
extern int	money_compare(Numeric a, Numeric b);

#endif							/* LLM_COST_MONEY_H */
