/*-------------------------------------------------------------------------
 *
 * money.c
 *		Exact decimal arithmetic for amounts of money.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "money.h"
#include "utils/builtins.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * The short on-disk format of numeric (utils/adt/numeric.c).  It cannot
 * change without breaking pg_upgrade.  Going through the exported functions
 * instead costs several times as much as computing the amount.
 */
#define NUMERIC_DIGIT_BASE		10000
#define NUMERIC_DIGIT_DECIMALS	4
#define NUMERIC_SHORT_FLAG		0x8000
#define NUMERIC_SHORT_DSCALE_SHIFT	7
#define NUMERIC_SHORT_WEIGHT_SIGN	0x0040
#define NUMERIC_SHORT_WEIGHT		0x003F

typedef struct ShortNumeric
{
	int32		vl_len_;
	uint16		header;			/* flag, sign, display scale, weight */
	int16		digits[FLEXIBLE_ARRAY_MEMBER];	/* base 10000, highest first */
} ShortNumeric;

/* 2^128 has 39 decimal digits. */
#define MAX_DIGITS 10

/*
 * value × 10^-scale as a numeric without trailing zeros.  The scale is a
 * multiple of four, at most MONEY_MAX_SCALE.
 */
Numeric
money_from_uint128(uint128 value, int scale)
{
	int16		digits[MAX_DIGITS + 1];
	int			first = MAX_DIGITS;
	int			last = MAX_DIGITS;
	int			weight;
	int			dscale;
	Size		size;
	ShortNumeric *result;

	Assert(scale >= 0 && scale <= MONEY_MAX_SCALE && scale % NUMERIC_DIGIT_DECIMALS == 0);

	/* Digits from the lowest up; most amounts fit 64 bits. */
	while (unlikely(value > PG_UINT64_MAX))
	{
		digits[--first] = (int16) (value % NUMERIC_DIGIT_BASE);
		value /= NUMERIC_DIGIT_BASE;
	}
	for (uint64 rest = (uint64) value; rest != 0; rest /= NUMERIC_DIGIT_BASE)
		digits[--first] = (int16) (rest % NUMERIC_DIGIT_BASE);

	/* The weight of the first digit, in digits before the decimal point. */
	weight = MAX_DIGITS - first - scale / NUMERIC_DIGIT_DECIMALS - 1;

	while (last > first && digits[last - 1] == 0)
		last--;
	if (last == first)
		weight = 0;

	dscale = (last - first - 1 - weight) * NUMERIC_DIGIT_DECIMALS;
	if (last == first || dscale <= 0)
		dscale = 0;
	else
	{
		int16		lowest = digits[last - 1];

		if (lowest % 1000 == 0)
			dscale -= 3;
		else if (lowest % 100 == 0)
			dscale -= 2;
		else if (lowest % 10 == 0)
			dscale -= 1;
	}

	size = offsetof(ShortNumeric, digits) + (last - first) * sizeof(int16);
	result = (ShortNumeric *) palloc(size);
	SET_VARSIZE(result, size);
	result->header = NUMERIC_SHORT_FLAG
		| (dscale << NUMERIC_SHORT_DSCALE_SHIFT)
		| (weight < 0 ? NUMERIC_SHORT_WEIGHT_SIGN : 0)
		| (weight & NUMERIC_SHORT_WEIGHT);
	memcpy(result->digits, digits + first, (last - first) * sizeof(int16));

	return (Numeric) result;
}

/*
 * num = mantissa × 10^-scale with the smallest scale ≥ 0, if the mantissa is
 * below MONEY_MAX_RATE.  num is finite and not negative.
 */
bool
decimal_parts(Numeric num, int64 *mantissa, int *scale)
{
	char	   *text = numeric_normalize(num);
	bool		fraction = false;
	int64		m = 0;
	int			s = 0;

	for (const char *c = text; *c; c++)
	{
		if (*c == '.')
		{
			fraction = true;
			continue;
		}
		if (*c < '0' || *c > '9' || m >= MONEY_MAX_RATE / 10)
		{
			pfree(text);
			return false;
		}
		m = m * 10 + (*c - '0');
		if (fraction)
			s++;
	}
	pfree(text);
	*mantissa = m;
	*scale = s;
	return true;
}

/* Write mantissa × 10^-from with the larger scale "to", if it stays small. */
bool
decimal_rescale(int64 *mantissa, int from, int to)
{
	if (to > MONEY_MAX_SCALE)
		return false;
	for (; from < to; from++)
	{
		if (*mantissa >= MONEY_MAX_RATE / 10)
			return false;
		*mantissa *= 10;
	}
	return true;
}

/* k if num = 10^k, k ≥ 0; otherwise -1. */
static int
power_of_ten(Numeric num)
{
	int64		mantissa;
	int			scale;
	int			k = 0;

	if (!decimal_parts(num, &mantissa, &scale) || scale != 0 || mantissa == 0)
		return -1;
	while (mantissa % 10 == 0)
	{
		mantissa /= 10;
		k++;
	}
	return mantissa == 1 ? k : -1;
}

/* 10^k */
static Numeric
ten_to(int k)
{
	char		text[64];

	snprintf(text, sizeof(text), "1e%d", k);
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

/*
 * Is the quantity small and coarse enough (30 digits on either side of the
 * point) that no product with a price can leave the range of numeric?
 */
bool
quantity_in_range(Numeric quantity)
{
	static const int max_digits = 30;
	Datum		scale;

	/* Below 2^63 and without a fraction: the usual case, cheaply. */
	if (money_compare(quantity, int64_to_numeric(PG_INT64_MAX)) <= 0 &&
		DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(quantity))) == 0)
		return true;
	scale = DirectFunctionCall1(numeric_min_scale, NumericGetDatum(quantity));
	return DatumGetInt32(scale) <= max_digits &&
		money_compare(quantity, ten_to(max_digits)) < 0;
}

static Numeric
apply(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

Numeric
money_multiply(Numeric a, Numeric b)
{
	return apply(numeric_mul, a, b);
}

Numeric
money_add(Numeric a, Numeric b)
{
	return apply(numeric_add, a, b);
}

Numeric
money_subtract(Numeric a, Numeric b)
{
	return apply(numeric_sub, a, b);
}

int
money_compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a),
											 NumericGetDatum(b)));
}

/* amount / per, as far as that is exact. */
UnitPrice
money_unit_price(Numeric amount, Numeric per)
{
	int			k = power_of_ten(per);

	if (k >= 0)
		return (UnitPrice) {money_multiply(amount, ten_to(-k)), NULL};
	return (UnitPrice) {amount, per};
}

/*
 * quantity × unit price: exact, but where the unit price is a quotient,
 * rounded half up to MONEY_QUOTIENT_SCALE fraction digits.  The division is
 * the last step and the only one.
 */
Numeric
money_line(Numeric quantity, const UnitPrice *unit_price)
{
	Numeric		product = money_multiply(quantity, unit_price->price);
	Numeric		two;
	Numeric		quotient;

	if (unit_price->per == NULL)
		return product;

	/* floor((2 n + d) / 2 d) rounds n / d half up */
	two = int64_to_numeric(2);
	product = money_multiply(product, ten_to(MONEY_QUOTIENT_SCALE));
	quotient = apply(numeric_div_trunc,
					 money_add(money_multiply(product, two), unit_price->per),
					 money_multiply(unit_price->per, two));
	return money_multiply(quotient, ten_to(-MONEY_QUOTIENT_SCALE));
}
