/*-------------------------------------------------------------------------
 *
 * student_t.c
 *		Student's t distribution.  See student_t.h.
 *
 *-------------------------------------------------------------------------
 */
#include "student_t.h"

#include <float.h>
#include <math.h>

#define MAX_DF	1e7

/* The continued fraction of the incomplete beta function. */
static double
beta_fraction(double a, double b, double x)
{
	double		c = 1;
	double		d = 1 - (a + b) * x / (a + 1);
	double		fraction;

	if (d == 0)
		d = DBL_MIN;
	d = 1 / d;
	fraction = d;
	for (int m = 1; m <= 20000; m++)
	{
		double		before = fraction;

		for (int odd = 0; odd <= 1; odd++)
		{
			double		k;

			if (odd)
				k = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
			else
				k = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
			d = 1 + k * d;
			c = 1 + k / c;
			if (d == 0)
				d = DBL_MIN;
			if (c == 0)
				c = DBL_MIN;
			d = 1 / d;
			fraction *= d * c;
		}
		if (fabs(fraction - before) <= 1e-15 * fabs(fraction))
			break;
	}
	return fraction;
}

/* The regularized incomplete beta function of x, where y = 1 - x. */
static double
incomplete_beta(double a, double b, double x, double y)
{
	double		front;

	if (x <= 0)
		return 0;
	if (y <= 0)
		return 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, y) / b;
}

double
student_t_p_value(double t, double df)
{
	df = fmin(fmax(df, 1), MAX_DF);
	t = fabs(t);
	if (isinf(t))
		return 0;
	/* of t the square might overflow */
	if (t > 1)
	{
		double		r = df / t / t;

		return incomplete_beta(df / 2, 0.5, r / (1 + r), 1 / (1 + r));
	}
	return incomplete_beta(df / 2, 0.5, df / (df + t * t), t * t / (df + t * t));
}

double
student_t_critical(double p, double df)
{
	double		low = 0;
	double		high = 1;

	if (p >= 1)
		return 0;
	while (student_t_p_value(high, df) > p && high < 1e300)
	{
		low = high;
		high *= 2;
	}
	for (int i = 0; i < 100; i++)
	{
		double		middle = low + (high - low) / 2;

		if (middle <= low || middle >= high)
			break;
		if (student_t_p_value(middle, df) > p)
			low = middle;
		else
			high = middle;
	}
	return low + (high - low) / 2;
}
