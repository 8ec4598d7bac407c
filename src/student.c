/*-------------------------------------------------------------------------
 *
 * student.c
 *		Student's t distribution.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "student.h"

/* lgamma() sets a global variable, this does not (J. Stirling, x > 0). */
static double
log_gamma(double x)
{
	double		shift = 0;
	double		square;

	while (x < 12)
		shift += log(x++);
	square = 1 / (x * x);
	return (x - 0.5) * log(x) - x + 0.91893853320467274178 - shift +
		(1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) / x;
}

/* The continued fraction of the incomplete beta function (J. Lentz). */
static double
beta_fraction(double a, double b, double x)
{
	static const double tiny = 1e-300;
	double		c = 1;
	double		d = 1 - (a + b) * x / (a + 1);
	double		h;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	h = d;
	for (int m = 1; m <= 10000; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double		factor;

		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		h *= d * c;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		factor = d * c;
		h *= factor;
		if (fabs(factor - 1) < 1e-15)
			break;
	}
	return h;
}

/* The regularized incomplete beta function; y is 1 - x, without its error. */
static double
incomplete_beta(double a, double b, double x, double y)
{
	double		front;

	if (x <= 0)
		return 0;
	if (y <= 0)
		return 1;
	front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(y));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, y) / b;
}

double
student_two_sided(double t, double df)
{
	double		square = t * t;

	if (isinf(square))
		return 0;
	return incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square));
}
