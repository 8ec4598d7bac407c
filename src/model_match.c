/*-------------------------------------------------------------------------
 *
 * model_match.c
 *		Finds the model a name stands for.  See model_match.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "model_match.h"
#include "regex/regex.h"
#include "utils/builtins.h"

/* How many remainders of a name to try. */
#define MAX_READINGS 64

typedef struct Matcher
{
	const Asker *asker;
	const ModelAlias *aliases;	/* all but the exact ones */
	int			naliases;
	NameLookup	lookup;
	TimestampTz at;
	Span	   *span;
	ModelMatch *match;
} Matcher;

/* One way to read a name in a log. */
typedef struct Reading
{
	const char *name;
	const char *provider;		/* empty: any */
	const char *region;
	const char *how;			/* what was taken off, or "" */
} Reading;

static inline bool
streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Lower case, ASCII only, as the tables require. */
const char *
fold_name(const char *name, int len)
{
	char	   *folded = pnstrdup(name, len);

	for (char *c = folded; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	return folded;
}

/*
 * Does the alias hold for this asker at this time?  A catalogue's alias says
 * how a seller names a model, so it holds also where the log names no seller;
 * a user's alias means what it says.  Narrows the span.
 */
static bool
alias_holds(const Matcher *matcher, const ModelAlias *alias, const char *provider)
{
	if (!believes(matcher->asker, &alias->known) ||
		(alias->tenant[0] && !streq(alias->tenant, matcher->asker->tenant)) ||
		(alias->provider[0] && !streq(alias->provider, provider) &&
		 (provider[0] || alias->layer == LAYER_OVERRIDE)))
		return false;
	narrow_span(matcher->span, &alias->valid, matcher->at);
	return span_contains(&alias->valid, matcher->at);
}

/* A user's before a catalogue's, a tenant's before everybody's, and so on. */
static int
alias_rank(const ModelAlias *alias)
{
	return alias->layer * 4 + (alias->tenant[0] ? 2 : 0) + (alias->provider[0] ? 1 : 0);
}

/*
 * Add everybody who has a price for a model of that name, in the asker's
 * books.  Returns false if there is nobody.
 */
static bool
add_sellers(const Matcher *matcher, const NamedFacts *facts, const Reading *reading)
{
	ModelMatch *match = matcher->match;
	bool		any = false;

	match->sellers = match->sellers == NULL ? palloc(sizeof(Seller) * (facts->nprices + 1))
		: repalloc(match->sellers, sizeof(Seller) * (match->nsellers + facts->nprices + 1));
	for (int i = 0; i < facts->nprices; i++)
	{
		const Price *price = &facts->prices[i];
		bool		skip = reading->provider[0] && !streq(reading->provider, price->provider);
		bool		in_book = false;

		for (int b = 0; b < matcher->asker->books.n && !in_book; b++)
			in_book = streq(matcher->asker->books.items[b], price->price_book);
		if (skip || !in_book || !believes(matcher->asker, &price->known))
			continue;

		any = true;
		for (int s = 0; s < match->nsellers && !skip; s++)
			skip = streq(match->sellers[s].provider, price->provider);
		if (!skip)
			match->sellers[match->nsellers++] =
				(Seller) {price->provider, reading->region, facts};
	}
	return any;
}

static bool
follow_alias(const Matcher *matcher, const ModelAlias *alias, const Reading *reading)
{
	Reading		target = *reading;

	target.name = alias->to_model;
	if (alias->to_provider[0])
		target.provider = alias->to_provider;
	if (alias->to_region[0])
		target.region = alias->to_region;
	return add_sellers(matcher, matcher->lookup(alias->to_model), &target);
}

/*
 * Follow the exact aliases of the user, or of catalogues: for each provider
 * that they are for, the one that ranks highest.
 */
static const ModelAlias *
follow_exact_aliases(const Matcher *matcher, const NamedFacts *facts,
					 const Reading *reading, bool of_user)
{
	const ModelAlias *followed = NULL;

	for (int i = 0; i < facts->naliases; i++)
	{
		const ModelAlias *alias = &facts->aliases[i];
		bool		outranked = (alias->layer == LAYER_OVERRIDE) != of_user ||
			!alias_holds(matcher, alias, reading->provider);

		for (int j = 0; j < facts->naliases && !outranked; j++)
		{
			const ModelAlias *other = &facts->aliases[j];

			outranked = alias_rank(other) > alias_rank(alias) &&
				(of_user || streq(other->provider, alias->provider)) &&
				alias_holds(matcher, other, reading->provider);
		}
		/* What a user says stands, also where it leads nowhere. */
		if (!outranked && (follow_alias(matcher, alias, reading) || of_user))
			followed = alias;
	}
	return followed;
}

static bool
try_reading(const Matcher *matcher, const Reading *reading)
{
	const NamedFacts *facts = matcher->lookup(reading->name);
	const ModelAlias *alias = follow_exact_aliases(matcher, facts, reading, true);
	const char *by = "exact";

	if (alias == NULL && !add_sellers(matcher, facts, reading) &&
		(alias = follow_exact_aliases(matcher, facts, reading, false)) == NULL)
		return false;

	if (alias != NULL)
		by = psprintf("alias %s", alias->pattern);
	matcher->match->matched_by = reading->how[0] == '\0' ? by
		: alias == NULL ? reading->how : psprintf("%s, %s", reading->how, by);
	return true;
}

/* Length of the snapshot suffix at the end of the name: # is any digit. */
static int
snapshot_length(const char *name, const char *mask)
{
	int			len = strlen(mask);
	int			rest = (int) strlen(name) - len;

	if (rest <= 0)
		return 0;
	for (int i = 0; i < len; i++)
	{
		char		c = name[rest + i];

		if (mask[i] == '#' ? c < '0' || c > '9' : c != mask[i])
			return 0;
	}
	return len;
}

/* What is left of a reading without what this alias takes off, if anything. */
static bool
shorten(const Matcher *matcher, const Reading *reading, const ModelAlias *alias,
		Reading *shorter)
{
	int			len = strlen(alias->pattern);

	*shorter = *reading;
	if (alias->kind == ALIAS_WRAPPER)
	{
		/* A gateway's prefix names a seller: it must not contradict the log. */
		if (strncmp(reading->name, alias->pattern, len) != 0 || reading->name[len] == '\0' ||
			(alias->to_provider[0] && reading->provider[0] &&
			 !streq(alias->to_provider, reading->provider)))
			return false;
		shorter->name = reading->name + len;
	}
	else if (alias->kind == ALIAS_SNAPSHOT)
	{
		len = snapshot_length(reading->name, alias->pattern);
		if (len == 0)
			return false;
		shorter->name = pnstrdup(reading->name, strlen(reading->name) - len);
	}
	else
		return false;

	if (!alias_holds(matcher, alias, reading->provider))
		return false;
	if (alias->to_provider[0])
		shorter->provider = alias->to_provider;
	if (alias->to_region[0])
		shorter->region = alias->to_region;
	shorter->how = psprintf("%s%swithout %s", reading->how, reading->how[0] ? ", " : "",
							alias->kind == ALIAS_WRAPPER ? alias->pattern
							: reading->name + strlen(reading->name) - len);
	return true;
}

static bool
same_reading(const Reading *a, const Reading *b)
{
	return streq(a->name, b->name) && streq(a->provider, b->provider) &&
		streq(a->region, b->region);
}

/* Longest remainder first; stable, so that fewer steps come first. */
static void
sort_readings(Reading *readings, int n)
{
	for (int i = 1; i < n; i++)
	{
		Reading		moved = readings[i];
		int			j = i;

		while (j > 0 && strlen(readings[j - 1].name) < strlen(moved.name))
		{
			readings[j] = readings[j - 1];
			j--;
		}
		readings[j] = moved;
	}
}

/* The name as it is, and everything that wrappers and snapshots leave of it. */
static bool
try_readings(const Matcher *matcher, const Reading *whole)
{
	Reading		readings[MAX_READINGS];
	bool		known = false;
	int			n = 0;

	readings[n++] = *whole;
	if (try_reading(matcher, whole))
		return true;

	for (int i = 0; i < n; i++)
		for (int a = 0; a < matcher->naliases && n < MAX_READINGS; a++)
		{
			bool		seen = false;

			if (!shorten(matcher, &readings[i], &matcher->aliases[a], &readings[n]))
				continue;
			for (int j = 0; j < n && !seen; j++)
				seen = same_reading(&readings[j], &readings[n]);
			if (!seen)
				n++;
		}

	/* The longest remainder that is known decides; all of its sellers count. */
	sort_readings(readings, n);
	for (int i = 0; i < n && !known; i++)
	{
		if (same_reading(&readings[i], whole) || !try_reading(matcher, &readings[i]))
			continue;
		known = true;
		for (int j = i + 1; j < n && streq(readings[i].name, readings[j].name); j++)
			(void) try_reading(matcher, &readings[j]);
	}
	return known;
}

/* The longest prefix alias; of equal ones, the one that ranks highest. */
static bool
try_prefixes(const Matcher *matcher, const Reading *reading)
{
	const ModelAlias *best = NULL;

	for (int i = 0; i < matcher->naliases; i++)
	{
		const ModelAlias *alias = &matcher->aliases[i];
		int			longer;

		if (alias->kind != ALIAS_PREFIX ||
			strncmp(reading->name, alias->pattern, strlen(alias->pattern)) != 0 ||
			!alias_holds(matcher, alias, reading->provider))
			continue;
		longer = best == NULL ? 1 : (int) strlen(alias->pattern) - (int) strlen(best->pattern);
		if (longer > 0 || (longer == 0 && alias_rank(alias) > alias_rank(best)))
			best = alias;
	}
	if (best == NULL || !follow_alias(matcher, best, reading))
		return false;
	matcher->match->matched_by = psprintf("prefix %s", best->pattern);
	return true;
}

/* What a pattern makes of the whole name, or NULL where it does not match. */
static const char *
apply_pattern(const ModelAlias *alias, const char *name)
{
	text	   *pattern = cstring_to_text(psprintf("^(?:%s)$", alias->pattern));
	Datum		subject = CStringGetTextDatum(name);

	if (!DatumGetBool(DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID, subject,
											  PointerGetDatum(pattern))))
		return NULL;
	return TextDatumGetCString(DirectFunctionCall3Coll(textregexreplace_noopt,
													   C_COLLATION_OID, subject,
													   PointerGetDatum(pattern),
													   CStringGetTextDatum(alias->to_model)));
}

/*
 * Patterns of the highest rank that match must agree on the model.  What a
 * pattern makes of the name may itself carry a snapshot suffix.
 */
static bool
try_patterns(const Matcher *matcher, const Reading *reading)
{
	const ModelAlias *best = NULL;
	const char *best_model = NULL;
	Reading		target = *reading;

	for (int i = 0; i < matcher->naliases; i++)
	{
		const ModelAlias *alias = &matcher->aliases[i];
		const char *to_model;

		if (alias->kind != ALIAS_PATTERN ||
			(best != NULL && alias_rank(alias) < alias_rank(best)) ||
			!alias_holds(matcher, alias, reading->provider) ||
			(to_model = apply_pattern(alias, reading->name)) == NULL)
			continue;
		if (best != NULL && alias_rank(alias) == alias_rank(best) &&
			!(streq(to_model, best_model) && streq(alias->to_provider, best->to_provider)))
		{
			matcher->match->tie = true;
			matcher->match->matched_by = psprintf("pattern %s, pattern %s",
												  best->pattern, alias->pattern);
			return true;
		}
		best = alias;
		best_model = to_model;
	}
	if (best == NULL)
		return false;

	target.name = best_model;
	target.how = psprintf("pattern %s", best->pattern);
	if (best->to_provider[0])
		target.provider = best->to_provider;
	if (best->to_region[0])
		target.region = best->to_region;
	return try_readings(matcher, &target);
}

/* The usual spelling of a provider's name. */
static const char *
canonical_provider(const Matcher *matcher, const char *provider)
{
	const ModelAlias *best = NULL;

	for (int i = 0; i < matcher->naliases; i++)
	{
		const ModelAlias *alias = &matcher->aliases[i];

		if (alias->kind == ALIAS_PROVIDER && streq(alias->pattern, provider) &&
			alias_holds(matcher, alias, provider) &&
			(best == NULL || alias_rank(alias) > alias_rank(best)))
			best = alias;
	}
	return best != NULL ? best->to_provider : provider;
}

/*
 * Find the sellers of the model that "name", folded, stands for.  "provider"
 * is folded too; empty: any.  Narrows "span", which contains "at", to where
 * the answer holds.
 */
void
match_model(const Asker *asker, const char *provider, const char *name,
			const ModelAlias *aliases, int naliases, NameLookup lookup,
			TimestampTz at, Span *span, ModelMatch *match)
{
	Matcher		matcher = {asker, aliases, naliases, lookup, at, span, match};
	Reading		whole = {name, "", asker->region, ""};

	memset(match, 0, sizeof(ModelMatch));
	if (provider[0])
		whole.provider = canonical_provider(&matcher, provider);
	if (!try_readings(&matcher, &whole) &&
		!try_prefixes(&matcher, &whole))
		(void) try_patterns(&matcher, &whole);
	if (match->matched_by == NULL)
		match->nsellers = 0;
}
