/*-------------------------------------------------------------------------
 *
 * llm_cost.c
 *		The module itself.
 *
 * Where to look, from the ground up; nothing below knows of anything above:
 *
 *		meter		the vocabulary: which meter is part of which
 *		money		exact decimal arithmetic
 *		price		what a price book is made of: prices and rules
 *		price_search	which price applies to a meter, for one asker at one time
 *		tariff		what applies to all meters of a model: its rates
 *		bill		quantities times rates
 *		model_match	which model a name in a log stands for
 *		price_table	reads the tables
 *		price_book	keeps what was read, as far as the snapshot allows
 *		cost		the SQL functions
 *		price_guard	the triggers on the tables, and the content hash
 *
 * and, beside all that,
 *
 *		double_sum	sums that do not lose what is small
 *		tdigest		a distribution in some hundred centroids, and its curve
 *		bins		what very many values are gathered in before
 *		digest_codec	a digest as bytes
 *		float_sort	sorting doubles
 *		numeric_float	reading a numeric as a double
 *		distribution_state	filling, combining and freezing
 *		distribution	the SQL type; _agg: what fills it; _read: what reads it
 *
 *		hit_ratio	cached by all input tokens
 *		student_t	Student's t distribution
 *		paired_change	how much a ratio of sums changed within the same users
 *		verdict		what such a change means, in a word and a sentence
 *		paired_change_agg	both as SQL functions
 *
 *		series		spikes, gaps and neighbours that resemble each other
 *		change_point	when a level changed
 *		season		what repeats in a series
 *		trend		when a level or a trend changed, for a whole history
 *		change_monitor	whether it changed since, however often one looks
 *		cell_noise	how much a cell varies, and what it weighs
 *		cost_index	unit cost by time, whoever used it
 *		record_array	arrays of rows as results
 *		change_point_agg	the SQL functions; cost_index_agg, cost_index_append
 *
 *		label_set	texts as small numbers
 *		decompose	why a sum changed, as effects that add up; _sql: the aggregate
 *		distribution_shift	how far apart two distributions are, and whether by chance; _sql
 *		attribution	which of some releases a change came with; _sql
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
