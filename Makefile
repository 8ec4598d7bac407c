EXTENSION = llm_cost
# The version lives in the control file alone.
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" llm_cost.control)

MODULE_big = llm_cost
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c))
SCRIPT = llm_cost--$(EXTVERSION).sql
DATA = $(wildcard sql/llm_cost--*--*.sql)
DATA_built = $(SCRIPT)

# pg_regress of PostgreSQL 15 cannot be told where expected output lives, so
# test/expected is a link to expected/.
REGRESS = $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql))
REGRESS_OPTS = --inputdir=test --outputdir=test
ISOLATION = $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec))
ISOLATION_OPTS = --inputdir=test --outputdir=test
TAP_TESTS = $(if $(wildcard test/t/*.pl),1)

PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -std=gnu11 -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-cast-function-type
EXTRA_CLEAN = $(SCRIPT) src/*.gcno src/*.gcda test/expected test/results

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS refuses "make check"; here it runs every suite in a throw-away cluster.
check:
	test/run

FRAGMENTS = $(wildcard sql/[0-9]*.sql)
CATALOGUE = $(wildcard catalogue/*.json)

# sql/NN_topic.sql in order; sql/90_bundled.sql is followed by the catalogue.
$(SCRIPT): $(FRAGMENTS) $(CATALOGUE) llm_cost.control Makefile
	@for f in $(sort $(FRAGMENTS)); do \
		cat $$f; echo; \
		case $$f in *_bundled.sql) \
			for c in $(sort $(CATALOGUE)); do \
				echo 'SELECT llm_cost.load_bundled($$llm_cost_catalogue$$'; \
				cat $$c; \
				echo '$$llm_cost_catalogue$$);'; \
			done;; \
		esac; \
	done > $@.tmp
	@mv $@.tmp $@

test/expected:
	ln -s ../expected $@

installcheck: test/expected

.PHONY: demo bench format
demo:
	demo/run

bench:
	bench/run

format:
	clang-format-14 -i src/*.c src/*.h
