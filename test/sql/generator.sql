--
-- The generator of usage with planted faults (demo/generate.sql): every fault
-- has the size that truth promises, and its clean twin differs in nothing else.
-- Read by plain GROUP BYs over the attached tables.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS llm_cost CASCADE;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- The clean world, each fault alone, and all of them; not echoed.
\set ECHO none
\set scale 0.1
\set schema regress_shop_clean
\set faults {}
\ir ../../demo/generate.sql
\set schema regress_shop_all
\set faults {all}
\ir ../../demo/generate.sql
\set schema regress_shop_cache_bust
\set faults {cache_bust}
\ir ../../demo/generate.sql
\set schema regress_shop_added_step
\set faults {added_step}
\ir ../../demo/generate.sql
\set schema regress_shop_retry_storm
\set faults {retry_storm}
\ir ../../demo/generate.sql
\set schema regress_shop_whale
\set faults {whale}
\ir ../../demo/generate.sql
\set schema regress_shop_long_tail
\set faults {long_tail}
\ir ../../demo/generate.sql
\set schema regress_shop_context_growth
\set faults {context_growth}
\ir ../../demo/generate.sql
\set schema regress_shop_runaway
\set faults {runaway}
\ir ../../demo/generate.sql
\set schema regress_shop_canary
\set faults {canary}
\ir ../../demo/generate.sql
\set schema regress_shop_dearer_users
\set faults {dearer_users}
\ir ../../demo/generate.sql
\set schema regress_shop_declared
\set faults {declared}
\ir ../../demo/generate.sql
\set schema regress_shop_price_cut
\set faults {price_cut}
\ir ../../demo/generate.sql
\set ECHO all
