/*-------------------------------------------------------------------------
 *
 * numeric_float.h
 *		A numeric as the nearest double, quickly.
 *
 * The server's own cast prints the number and reads the text, which costs
 * more than all else that an aggregate does with a row.  Here the digits are
 * read in place, also from behind a short varlena header.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LLM_COST_NUMERIC_FLOAT_H
#define LLM_COST_NUMERIC_FLOAT_H

extern double numeric_to_float(Datum number);

#endif							/* LLM_COST_NUMERIC_FLOAT_H */
