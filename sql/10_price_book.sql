/*
 * Price books: the tables.
 *
 * A price book is three layers deep: bundled (shipped with the extension),
 * imported (catalogues a user loaded) and override (prices a user set).  The
 * layers never touch each other's rows; which one speaks is decided when a
 * price is looked up (docs/guide/prices.md).
 *
 * Prices, rules and aliases are bitemporal facts.  "valid" is when the vendor
 * charged it, "known" is when we believed it.  A slot is what a fact is about;
 * its key is hashed into slot_id, so that the exclusion constraint compares
 * one uuid and the same slot has the same id in every database.  Nothing is
 * updated in place except that "known" is closed: what was answered once can
 * be answered again.
 */

-- Stable content hash: 128 bits of SHA-256 over the key's parts.
CREATE FUNCTION llm_cost.content_id(VARIADIC parts text[]) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'llm_cost_content_id';
COMMENT ON FUNCTION llm_cost.content_id(text[]) IS
	'Stable 128-bit content hash (SHA-256, truncated) of a list of key parts; equal parts give equal ids in every database. NULL elements hash as NULL.';

CREATE TABLE llm_cost.price_book (
	price_book	text COLLATE "C" PRIMARY KEY CHECK (price_book <> ''),
	currency	text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	base_book	text COLLATE "C",
	note		text,
	bundled		boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE llm_cost.price_book IS
	'Price books: list (bundled) and those made with add_price_book().';
COMMENT ON COLUMN llm_cost.price_book.price_book IS 'Name: list, contracted, any.';
COMMENT ON COLUMN llm_cost.price_book.currency IS 'ISO 4217 currency of every amount in the book.';
COMMENT ON COLUMN llm_cost.price_book.base_book IS
	'Book that supplies what this one does not price itself; same currency. NULL: stands alone.';
COMMENT ON COLUMN llm_cost.price_book.note IS 'Free text.';
COMMENT ON COLUMN llm_cost.price_book.bundled IS 'Shipped with the extension, not dumped.';

CREATE TABLE llm_cost.bundled_price (
	price_book	text COLLATE "C" NOT NULL,
	provider	text COLLATE "C" NOT NULL CHECK (provider <> '' AND provider = pg_catalog.lower(provider)),
	model		text COLLATE "C" NOT NULL CHECK (model <> '' AND model = pg_catalog.lower(model)
			   AND pg_catalog.length(model) <= 256),
	meter		text COLLATE "C" NOT NULL CHECK (meter <> ''),
	service_tier text COLLATE "C" NOT NULL DEFAULT 'standard' CHECK (service_tier <> ''),
	region		text COLLATE "C" NOT NULL DEFAULT '',
	tier_from	bigint NOT NULL DEFAULT 0 CHECK (tier_from BETWEEN 0 AND 1000000000000000),
	tier_inclusive boolean NOT NULL DEFAULT false,
	time_window	text COLLATE "C" NOT NULL DEFAULT ''
		CHECK (time_window ~ '^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$'),
	attributes	jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(attributes) = 'object'),
	amount		numeric NOT NULL
		CHECK (amount >= 0 AND amount <= 1e18 AND pg_catalog.min_scale(amount) <= 30),
	per			numeric NOT NULL DEFAULT 1
		CHECK (per > 0 AND per <= 1e18 AND pg_catalog.min_scale(per) <= 30),
	valid		tstzrange NOT NULL
		CHECK (NOT pg_catalog.isempty(valid) AND NOT pg_catalog.upper_inc(valid)
			   AND pg_catalog.lower_inc(valid) <> pg_catalog.lower_inf(valid)
			   AND pg_catalog.isfinite(pg_catalog.lower(valid)) IS NOT FALSE),
	known		tstzrange NOT NULL
		CHECK (NOT pg_catalog.isempty(known) AND NOT pg_catalog.upper_inc(known)
			   AND pg_catalog.lower_inc(known) <> pg_catalog.lower_inf(known)),
	assumed		boolean NOT NULL DEFAULT false,
	source		text NOT NULL CHECK (source <> ''),
	note		text,
	slot_id		uuid NOT NULL GENERATED ALWAYS AS (llm_cost.content_id(
		price_book, provider, model, meter, service_tier, region,
		tier_from::pg_catalog.text, time_window, attributes::pg_catalog.text)) STORED,
	price_id	uuid NOT NULL GENERATED ALWAYS AS (llm_cost.content_id(
		price_book, provider, model, meter, service_tier, region,
		tier_from::pg_catalog.text, tier_inclusive::pg_catalog.text, time_window,
		attributes::pg_catalog.text,
		pg_catalog.trim_scale(amount)::pg_catalog.text,
		pg_catalog.trim_scale(per)::pg_catalog.text,
		EXTRACT(epoch FROM pg_catalog.timezone('UTC', pg_catalog.lower(valid)))::pg_catalog.text)) STORED,
	-- Lookups go by model; no generated column, which would bar logical replication.
	PRIMARY KEY (model, provider, meter, price_book, service_tier, region,
				 tier_from, time_window, attributes, valid, known),
	EXCLUDE USING gist (slot_id WITH =, valid WITH &&, known WITH &&)
		DEFERRABLE INITIALLY IMMEDIATE
);
COMMENT ON TABLE llm_cost.bundled_price IS
	'Prices shipped with the extension. Immutable; never dumped; replaced by a newer version of the extension.';
COMMENT ON COLUMN llm_cost.bundled_price.price_book IS 'Price book the price belongs to; its currency applies.';
COMMENT ON COLUMN llm_cost.bundled_price.provider IS 'Seller, lower case, as OpenTelemetry gen_ai.provider.name.';
COMMENT ON COLUMN llm_cost.bundled_price.model IS 'Model name as the seller writes it, lower case.';
COMMENT ON COLUMN llm_cost.bundled_price.meter IS 'What is priced: input, cache_read, output, web_search, … (see meters()).';
COMMENT ON COLUMN llm_cost.bundled_price.service_tier IS 'standard, batch, flex, priority, …';
COMMENT ON COLUMN llm_cost.bundled_price.region IS 'Region the price is for; empty: the price without region.';
COMMENT ON COLUMN llm_cost.bundled_price.tier_from IS
	'Context tier: applies when total input tokens, cache included, exceed this; 0: base tier.';
COMMENT ON COLUMN llm_cost.bundled_price.tier_inclusive IS 'The context tier begins at tier_from itself, not above it.';
COMMENT ON COLUMN llm_cost.bundled_price.time_window IS
	'Daily UTC window HH:MM-HH:MM, end exclusive, may pass midnight; empty: all day.';
COMMENT ON COLUMN llm_cost.bundled_price.attributes IS
	'Further conditions as key and value, for example {"speed": "fast"}; all must hold.';
COMMENT ON COLUMN llm_cost.bundled_price.amount IS 'Price of "per" units, exact decimal, in the book''s currency. 0 is a price.';
COMMENT ON COLUMN llm_cost.bundled_price.per IS 'Units that "amount" buys: 1000000 for a price per million tokens.';
COMMENT ON COLUMN llm_cost.bundled_price.valid IS 'When the vendor charged it, end exclusive.';
COMMENT ON COLUMN llm_cost.bundled_price.known IS 'When it was believed, end exclusive; unbounded end: still believed.';
COMMENT ON COLUMN llm_cost.bundled_price.assumed IS 'True when the start of "valid" is not documented but assumed.';
COMMENT ON COLUMN llm_cost.bundled_price.source IS 'Where the price comes from.';
COMMENT ON COLUMN llm_cost.bundled_price.note IS 'Remark, for example where catalogues disagree.';
COMMENT ON COLUMN llm_cost.bundled_price.slot_id IS 'Content hash of what is priced, without amount and time.';
COMMENT ON COLUMN llm_cost.bundled_price.price_id IS
	'Content hash of the price: slot, amount, per, start. Stable; rollups and reports freeze it.';

/*
 * Rules.  A multiplier scales prices that it matches.  A fallback lets a
 * service tier or region without a price of its own take the standard or
 * regionless one, times a factor.  Without such a rule there is no price.
 */
CREATE TABLE llm_cost.bundled_rule (
	price_book	text COLLATE "C" NOT NULL,
	rule		text COLLATE "C" NOT NULL CHECK (rule <> ''),
	kind		text COLLATE "C" NOT NULL CHECK (kind IN ('multiplier', 'fallback')),
	stacking_order integer NOT NULL,
	factor		numeric NOT NULL
		CHECK (factor >= 0 AND factor <= 1e18 AND pg_catalog.min_scale(factor) <= 30),
	provider	text COLLATE "C" NOT NULL DEFAULT '',
	models		text[] COLLATE "C" NOT NULL DEFAULT '{}'
		CHECK (pg_catalog.array_position(models, NULL) IS NULL),
	meters		text[] COLLATE "C" NOT NULL DEFAULT '{}'
		CHECK (pg_catalog.array_position(meters, NULL) IS NULL),
	service_tier text COLLATE "C" NOT NULL DEFAULT '',
	region		text COLLATE "C" NOT NULL DEFAULT '',
	attributes	jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(attributes) = 'object'),
	of_book		text COLLATE "C" NOT NULL DEFAULT '',
	valid		tstzrange NOT NULL
		CHECK (NOT pg_catalog.isempty(valid) AND NOT pg_catalog.upper_inc(valid)
			   AND pg_catalog.lower_inc(valid) <> pg_catalog.lower_inf(valid)
			   AND pg_catalog.isfinite(pg_catalog.lower(valid)) IS NOT FALSE),
	known		tstzrange NOT NULL
		CHECK (NOT pg_catalog.isempty(known) AND NOT pg_catalog.upper_inc(known)
			   AND pg_catalog.lower_inc(known) <> pg_catalog.lower_inf(known)),
	assumed		boolean NOT NULL DEFAULT false,
	source		text NOT NULL CHECK (source <> ''),
	note		text,
	slot_id		uuid NOT NULL GENERATED ALWAYS AS (llm_cost.content_id(price_book, rule)) STORED,
	PRIMARY KEY (rule, price_book, valid, known),
	EXCLUDE USING gist (slot_id WITH =, valid WITH &&, known WITH &&)
		DEFERRABLE INITIALLY IMMEDIATE,
	CONSTRAINT bundled_rule_fallback_check
		CHECK (kind <> 'fallback' OR (service_tier <> '') <> (region <> ''))
);
COMMENT ON TABLE llm_cost.bundled_rule IS
	'Multipliers and fallbacks shipped with the extension. Immutable; never dumped.';
COMMENT ON COLUMN llm_cost.bundled_rule.price_book IS 'Price book the rule belongs to; books based on it inherit the rule.';
COMMENT ON COLUMN llm_cost.bundled_rule.rule IS
	'Name. A rule of the same name in a higher layer, or in a book nearer to the one asked for, replaces this one.';
COMMENT ON COLUMN llm_cost.bundled_rule.kind IS
	'multiplier: scales matching prices. fallback: the named service tier or region takes the standard or regionless price times the factor.';
COMMENT ON COLUMN llm_cost.bundled_rule.stacking_order IS 'Rules apply in this order; ties by name.';
COMMENT ON COLUMN llm_cost.bundled_rule.factor IS 'Exact decimal: 0.5 halves, 0.88 takes 12 % off.';
COMMENT ON COLUMN llm_cost.bundled_rule.provider IS 'Seller it applies to; empty: any.';
COMMENT ON COLUMN llm_cost.bundled_rule.models IS 'Models it applies to, a trailing * is a prefix; empty: any.';
COMMENT ON COLUMN llm_cost.bundled_rule.meters IS 'Meters it applies to; empty: any.';
COMMENT ON COLUMN llm_cost.bundled_rule.service_tier IS 'Service tier of the request it applies to; * any but standard; empty: any.';
COMMENT ON COLUMN llm_cost.bundled_rule.region IS 'Region of the request it applies to; * any but none; empty: any.';
COMMENT ON COLUMN llm_cost.bundled_rule.attributes IS 'Attributes of the request that must hold.';
COMMENT ON COLUMN llm_cost.bundled_rule.of_book IS 'Only prices that come from this book, for example a discount off list; empty: any.';
COMMENT ON COLUMN llm_cost.bundled_rule.valid IS 'When the vendor applied it, end exclusive.';
COMMENT ON COLUMN llm_cost.bundled_rule.known IS 'When it was believed, end exclusive.';
COMMENT ON COLUMN llm_cost.bundled_rule.assumed IS 'True when the start of "valid" is not documented but assumed.';
COMMENT ON COLUMN llm_cost.bundled_rule.source IS 'Where the rule comes from.';
COMMENT ON COLUMN llm_cost.bundled_rule.note IS 'Remark.';
COMMENT ON COLUMN llm_cost.bundled_rule.slot_id IS 'Content hash of book and name.';

/*
 * Aliases: how names in logs become models of a price book.
 *
 *   exact     the whole name
 *   prefix    the longest wins; only for names a person declared to be one model
 *   pattern   regular expression over the whole name, \1 … in to_model
 *   wrapper   leading text that is not part of the model's name (models/, eu.)
 *   snapshot  trailing text that does not change the price: # is any digit
 *   provider  another spelling of a provider's name
 */
CREATE TABLE llm_cost.bundled_alias (
	kind		text COLLATE "C" NOT NULL
		CHECK (kind IN ('exact', 'prefix', 'pattern', 'wrapper', 'snapshot', 'provider')),
	-- as it will be compiled: a pattern that does not is refused here
	pattern		text COLLATE "C" NOT NULL
		CHECK (pattern <> '' AND (kind <> 'pattern' OR '' ~ ('^(?:' || pattern || ')$') IS NOT NULL)),
	tenant		text COLLATE "C" NOT NULL DEFAULT '',
	provider	text COLLATE "C" NOT NULL DEFAULT '',
	to_provider	text COLLATE "C" NOT NULL DEFAULT '',
	to_model	text COLLATE "C" NOT NULL DEFAULT '',
	to_region	text COLLATE "C" NOT NULL DEFAULT '',
	valid		tstzrange NOT NULL DEFAULT '(,)'
		CHECK (NOT pg_catalog.isempty(valid) AND NOT pg_catalog.upper_inc(valid)
			   AND pg_catalog.lower_inc(valid) <> pg_catalog.lower_inf(valid)
			   AND pg_catalog.isfinite(pg_catalog.lower(valid)) IS NOT FALSE),
	known		tstzrange NOT NULL
		CHECK (NOT pg_catalog.isempty(known) AND NOT pg_catalog.upper_inc(known)
			   AND pg_catalog.lower_inc(known) <> pg_catalog.lower_inf(known)),
	assumed		boolean NOT NULL DEFAULT false,
	source		text NOT NULL CHECK (source <> ''),
	note		text,
	slot_id		uuid NOT NULL GENERATED ALWAYS AS (
		llm_cost.content_id(kind, pattern, tenant, provider)) STORED,
	PRIMARY KEY (kind, pattern, tenant, provider, valid, known),
	EXCLUDE USING gist (slot_id WITH =, valid WITH &&, known WITH &&)
		DEFERRABLE INITIALLY IMMEDIATE,
	CONSTRAINT bundled_alias_target_check CHECK (
		CASE WHEN kind IN ('exact', 'prefix', 'pattern') THEN to_model <> ''
			 WHEN kind = 'provider' THEN to_provider <> '' AND to_model = '' AND to_region = ''
			 ELSE to_model = '' END)
);
COMMENT ON TABLE llm_cost.bundled_alias IS
	'Names in logs that stand for models, shipped with the extension. Immutable; never dumped.';
COMMENT ON COLUMN llm_cost.bundled_alias.kind IS 'exact, prefix, pattern, wrapper, snapshot or provider.';
COMMENT ON COLUMN llm_cost.bundled_alias.pattern IS 'What the name in the log looks like, lower case.';
COMMENT ON COLUMN llm_cost.bundled_alias.tenant IS 'Only for requests with this tenant attribute; empty: any.';
COMMENT ON COLUMN llm_cost.bundled_alias.provider IS
	'Only for requests with this provider (a catalogue''s alias also for those without one, since it says how this seller names the model); empty: any.';
COMMENT ON COLUMN llm_cost.bundled_alias.to_provider IS 'Seller it stands for; empty: the one logged.';
COMMENT ON COLUMN llm_cost.bundled_alias.to_model IS 'Model it stands for.';
COMMENT ON COLUMN llm_cost.bundled_alias.to_region IS 'Region it implies; empty: the one logged.';
COMMENT ON COLUMN llm_cost.bundled_alias.valid IS 'When the name stood for this model, end exclusive.';
COMMENT ON COLUMN llm_cost.bundled_alias.known IS 'When it was believed, end exclusive.';
COMMENT ON COLUMN llm_cost.bundled_alias.assumed IS 'True when the start of "valid" is assumed.';
COMMENT ON COLUMN llm_cost.bundled_alias.source IS 'Where the alias comes from.';
COMMENT ON COLUMN llm_cost.bundled_alias.note IS 'Remark.';
COMMENT ON COLUMN llm_cost.bundled_alias.slot_id IS 'Content hash of kind, pattern, tenant and provider.';

/*
 * The other two layers are the same tables.  No foreign keys: a parallel
 * pg_restore does not keep to their order for tables of an extension.  Who
 * writes checks the book, and a price in a book that is not there is never
 * asked for.
 */
CREATE TABLE llm_cost.imported_price (LIKE llm_cost.bundled_price INCLUDING ALL);
CREATE TABLE llm_cost.imported_rule (LIKE llm_cost.bundled_rule INCLUDING ALL);
CREATE TABLE llm_cost.imported_alias (LIKE llm_cost.bundled_alias INCLUDING ALL);
COMMENT ON TABLE llm_cost.imported_price IS
	'Prices that import_prices() loaded. Dumped whole. Speaks for a whole model from the first price it has for it.';
COMMENT ON TABLE llm_cost.imported_rule IS
	'Multipliers and fallbacks that import_prices() loaded. Dumped whole.';
COMMENT ON TABLE llm_cost.imported_alias IS
	'Aliases that import_prices() loaded. Dumped whole.';

CREATE TABLE llm_cost.price_override (LIKE llm_cost.bundled_price INCLUDING ALL);
CREATE TABLE llm_cost.rule_override (LIKE llm_cost.bundled_rule INCLUDING ALL);
CREATE TABLE llm_cost.alias_override (LIKE llm_cost.bundled_alias INCLUDING ALL);
COMMENT ON TABLE llm_cost.price_override IS
	'Prices set with set_price() and correct_price(). Dumped whole. Speaks for one slot while valid.';
COMMENT ON TABLE llm_cost.rule_override IS
	'Multipliers and fallbacks set with set_rule(). Dumped whole.';
COMMENT ON TABLE llm_cost.alias_override IS
	'Aliases set with add_alias(). Dumped whole. Come before the model names of catalogues.';

/*
 * Keys that the attributes argument of cost() accepts.
 */
CREATE TABLE llm_cost.attribute (
	attribute	text COLLATE "C" PRIMARY KEY CHECK (attribute <> ''),
	default_value text COLLATE "C" NOT NULL DEFAULT '',
	must_match	boolean NOT NULL,
	note		text,
	bundled		boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE llm_cost.attribute IS
	'Keys that the attributes argument of cost() and set_price() accepts; others are an error. Own keys: add_attribute().';
COMMENT ON COLUMN llm_cost.attribute.attribute IS 'Key.';
COMMENT ON COLUMN llm_cost.attribute.default_value IS 'Value that means the same as leaving the key out.';
COMMENT ON COLUMN llm_cost.attribute.must_match IS
	'A request with another value than the default has no price unless a price or rule names that value.';
COMMENT ON COLUMN llm_cost.attribute.note IS 'What it says.';
COMMENT ON COLUMN llm_cost.attribute.bundled IS 'Shipped with the extension, not dumped.';

/*
 * The version of everything above, as seen by a snapshot.  Triggers replace
 * the one row whenever a row of a price table changes; the price cache of a
 * backend is good for exactly the version it was loaded under.  Because the
 * version obeys MVCC, so does the cache: own changes, rollback, savepoints,
 * old snapshots, parallel workers, standbys and logical replication need no
 * code of their own.
 */
CREATE TABLE llm_cost.price_version (
	version		uuid NOT NULL,
	only_row	boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
COMMENT ON TABLE llm_cost.price_version IS
	'One row that every change of prices, rules, aliases, books or attributes replaces: tells sessions which prices their snapshot sees.';
COMMENT ON COLUMN llm_cost.price_version.version IS 'Random; never used twice.';
COMMENT ON COLUMN llm_cost.price_version.only_row IS 'Always true: there is one row.';
INSERT INTO llm_cost.price_version VALUES (pg_catalog.gen_random_uuid());

CREATE FUNCTION llm_cost.note_price_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION llm_cost.note_price_change() IS
	'Trigger: replaces the row of price_version, so that every session notices the change with the first snapshot that sees it.';
CREATE FUNCTION llm_cost.refuse_bundled_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION llm_cost.refuse_bundled_change() IS
	'Trigger: bundled rows change only while the extension is created or updated; errors with 55000 otherwise.';

DO $$
DECLARE
	price_table text;
BEGIN
	FOREACH price_table IN ARRAY ARRAY[
		'price_book', 'attribute',
		'bundled_price', 'imported_price', 'price_override',
		'bundled_rule', 'imported_rule', 'rule_override',
		'bundled_alias', 'imported_alias', 'alias_override']
	LOOP
		-- Rows, not statements: logical replication fires no statement triggers
		-- but for TRUNCATE. ALWAYS: also under session_replication_role = replica.
		EXECUTE pg_catalog.format($sql$
			CREATE TRIGGER note_price_change AFTER INSERT OR UPDATE OR DELETE ON llm_cost.%1$I
				FOR EACH ROW EXECUTE FUNCTION llm_cost.note_price_change();
			CREATE TRIGGER note_price_truncate AFTER TRUNCATE ON llm_cost.%1$I
				FOR EACH STATEMENT EXECUTE FUNCTION llm_cost.note_price_change();
			ALTER TABLE llm_cost.%1$I ENABLE ALWAYS TRIGGER note_price_change;
			ALTER TABLE llm_cost.%1$I ENABLE ALWAYS TRIGGER note_price_truncate;
			GRANT SELECT ON llm_cost.%1$I TO PUBLIC$sql$, price_table);
		IF price_table LIKE 'bundled%' THEN
			EXECUTE pg_catalog.format($sql$
				CREATE TRIGGER refuse_bundled_change
					BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON llm_cost.%1$I
					FOR EACH STATEMENT EXECUTE FUNCTION llm_cost.refuse_bundled_change()$sql$,
				price_table);
		END IF;
	END LOOP;
END
$$;
GRANT SELECT ON llm_cost.price_version TO PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('llm_cost.price_book', 'WHERE NOT bundled');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.attribute', 'WHERE NOT bundled');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.imported_price', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.price_override', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.imported_rule', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.rule_override', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.imported_alias', '');
SELECT pg_catalog.pg_extension_config_dump('llm_cost.alias_override', '');

INSERT INTO llm_cost.price_book VALUES
	('list', 'USD', NULL, 'Published list prices.', true);
INSERT INTO llm_cost.attribute VALUES
	('speed', 'standard', true, 'Speed mode of the vendor: fast.', true),
	('serving_scope', '', true, 'Where the request may be served, where that has a price: global, regional.', true),
	('tenant', '', false, 'Customer whose contract or deployment names apply.', true),
	('search_context_size', '', false, 'Web search context: low, medium, high.', true),
	('resolution', '', false, 'Resolution of generated video.', true);

CREATE VIEW llm_cost.price WITH (security_invoker = true) AS
	SELECT layer, p.price_book, provider, model, meter, service_tier, region,
		   tier_from, tier_inclusive, time_window, attributes, amount, per, currency,
		   valid, known, assumed, source, p.note, slot_id, price_id
	FROM (SELECT 'bundled' COLLATE "C" AS layer, * FROM llm_cost.bundled_price
		  UNION ALL
		  SELECT 'imported', * FROM llm_cost.imported_price
		  UNION ALL
		  SELECT 'override', * FROM llm_cost.price_override) p
		 LEFT JOIN llm_cost.price_book b ON b.price_book OPERATOR(pg_catalog.=) p.price_book;
COMMENT ON VIEW llm_cost.price IS
	'All prices of all layers, past and present. WHERE upper_inf(known) shows what is believed now.';
CREATE VIEW llm_cost.price_rule WITH (security_invoker = true) AS
	SELECT 'bundled' COLLATE "C" AS layer, * FROM llm_cost.bundled_rule
	UNION ALL
	SELECT 'imported', * FROM llm_cost.imported_rule
	UNION ALL
	SELECT 'override', * FROM llm_cost.rule_override;
COMMENT ON VIEW llm_cost.price_rule IS 'All multipliers and fallbacks of all layers, past and present.';
CREATE VIEW llm_cost.model_alias WITH (security_invoker = true) AS
	SELECT 'bundled' COLLATE "C" AS layer, * FROM llm_cost.bundled_alias
	UNION ALL
	SELECT 'imported', * FROM llm_cost.imported_alias
	UNION ALL
	SELECT 'override', * FROM llm_cost.alias_override;
COMMENT ON VIEW llm_cost.model_alias IS 'All aliases of all layers, past and present.';
GRANT SELECT ON llm_cost.price, llm_cost.price_rule, llm_cost.model_alias TO PUBLIC;

-- A column of these views means what it means in the tables below them.
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN
		SELECT v.relation, a.attname,
			   CASE a.attname WHEN 'layer' THEN 'bundled, imported or override.'
					WHEN 'currency' THEN 'ISO 4217 currency of the amount.'
					ELSE pg_catalog.col_description(b.attrelid, b.attnum) END AS comment
		FROM (VALUES ('llm_cost.price'::pg_catalog.regclass, 'llm_cost.bundled_price'::pg_catalog.regclass),
					 ('llm_cost.price_rule', 'llm_cost.bundled_rule'),
					 ('llm_cost.model_alias', 'llm_cost.bundled_alias')) v(relation, base)
			 JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) v.relation
			 LEFT JOIN pg_catalog.pg_attribute b
				ON b.attrelid OPERATOR(pg_catalog.=) v.base AND b.attname OPERATOR(pg_catalog.=) a.attname
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', c.relation, c.attname, c.comment);
	END LOOP;
END
$$;
