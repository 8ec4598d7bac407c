/*-------------------------------------------------------------------------
 *
 * numeric_float.c
 *		A numeric as the nearest double, quickly.
 *
 * The layout of a numeric is private to the server's numeric.c, but it is
 * what lies on disk, and so has been the same since PostgreSQL 9.1.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "numeric_float.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#define NUMERIC_DIGIT_BASE		10000
#define NUMERIC_DIGIT_DECIMALS	4
#define NUMERIC_KIND			0xC000
#define NUMERIC_NEGATIVE		0x4000
#define NUMERIC_SHORT			0x8000
#define NUMERIC_SPECIAL			0xC000
#define NUMERIC_SHORT_NEGATIVE	0x2000
#define NUMERIC_SHORT_WEIGHT_SIGN	0x0040
#define NUMERIC_SHORT_WEIGHT	0x003F

/* So many base-10000 digits stay below 2^63. */
#define MAX_DIGITS	4

/* Integers up to this, and powers of ten up to 10^22, are exact doubles. */
#define MAX_EXACT	(UINT64CONST(1) << 53)
#define MAX_POWER	22

static const double power_of_ten[MAX_POWER + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

/* May lie at an odd address. */
static inline uint16
read_uint16(const char *p)
{
	uint16		value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/*
 * Multiplying or dividing one exact double by another rounds once, so the
 * result is the nearest (W. Clinger, "How to read floating point numbers
 * accurately", 1990).  True if that is all it takes.
 */
static bool
read_directly(const struct varlena *number, double *value)
{
	const char *p = VARDATA_ANY(number);
	const char *end = p + VARSIZE_ANY_EXHDR(number);
	uint16		header = read_uint16(p);
	bool		negative;
	int			weight;
	int			ndigits;
	int			power;
	uint64		mantissa = 0;

	p += sizeof(uint16);
	if ((header & NUMERIC_KIND) == NUMERIC_SPECIAL)
		return false;
	if ((header & NUMERIC_KIND) == NUMERIC_SHORT)
	{
		negative = (header & NUMERIC_SHORT_NEGATIVE) != 0;
		weight = header & NUMERIC_SHORT_WEIGHT;
		if (header & NUMERIC_SHORT_WEIGHT_SIGN)
			weight |= ~NUMERIC_SHORT_WEIGHT;
	}
	else
	{
		negative = (header & NUMERIC_KIND) == NUMERIC_NEGATIVE;
		weight = (int16) read_uint16(p);
		p += sizeof(int16);
	}

	ndigits = (end - p) / sizeof(int16);
	if (ndigits > MAX_DIGITS)
		return false;
	for (; p < end; p += sizeof(int16))
		mantissa = mantissa * NUMERIC_DIGIT_BASE + read_uint16(p);

	power = (weight + 1 - ndigits) * NUMERIC_DIGIT_DECIMALS;
	if (mantissa > MAX_EXACT || power > MAX_POWER || power < -MAX_POWER)
		return false;
	*value = power < 0 ? mantissa / power_of_ten[-power] : mantissa * power_of_ten[power];
	if (negative)
		*value = -*value;
	return true;
}

double
numeric_to_float(Datum number)
{
	struct varlena *packed = (struct varlena *) DatumGetPointer(number);
	double		value;

	/* mostly it is neither, and this is called for every row */
	if (VARATT_IS_EXTERNAL(packed) || VARATT_IS_COMPRESSED(packed))
		packed = pg_detoast_datum_packed(packed);

	if (!read_directly(packed, &value))
		value = DatumGetFloat8(DirectFunctionCall1(numeric_float8, PointerGetDatum(packed)));
	if ((Pointer) packed != DatumGetPointer(number))
		pfree(packed);
	return value;
}
