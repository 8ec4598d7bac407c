EXTENSION = llm_cost
# The version lives in the control file alone.
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" llm_cost.control)

MODULE_big = llm_cost
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
SCRIPT = llm_cost--$(EXTVERSION).sql
DATA = $(wildcard sql/llm_cost--*--*.sql)
DATA_built = $(SCRIPT)

# pg_regress of PostgreSQL 15 cannot be told where expected output lives, so
# test/expected is a link to expected/.
REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=test
TAP_TESTS = $(if $(wildcard test/t/*.pl),1)
PROVE_TESTS = test/t/*.pl

PG_CPPFLAGS = -Isrc
# Fused operations would round otherwise, and distributions have the same bytes
# on every machine.
PG_CFLAGS = -std=gnu11 -ffp-contract=off -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-cast-function-type
EXTRA_CLEAN = $(SCRIPT) src/*.gcno src/*.gcda test/expected test/results \
	test/output_iso build llm_cost-$(EXTVERSION).zip

# Every suite, in a throw-away cluster.  PGXS refuses "make check", and would
# complain about another one on every run.
ifeq ($(MAKECMDGOALS),check)
check:
	test/run
else
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
endif
# Makefile.global sets it to nothing.
PROVE_FLAGS += -I test/t

# PGXS keeps no track of headers.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h)

# sql/NN_topic.sql in order, then what fills the bundled tables.
FRAGMENTS = $(filter-out sql/90_bundled.sql,$(sort $(wildcard sql/[0-9]*.sql)))
CATALOGUE = $(sort $(wildcard catalogue/*.json))

define print_bundled
cat sql/90_bundled.sql; \
echo 'SELECT llm_cost.load_bundled($$llm_cost_catalogue$$['; \
separator=; \
for c in $(CATALOGUE); do \
	echo "$$separator"; cat $$c; separator=,; \
done; \
echo ']$$llm_cost_catalogue$$);'
endef

$(SCRIPT): $(FRAGMENTS) sql/90_bundled.sql $(CATALOGUE) llm_cost.control Makefile
	@{ for f in $(FRAGMENTS); do cat $$f; echo; done; $(print_bundled); } > $@.tmp
	@mv $@.tmp $@

# Prints what an upgrade script ends with: bundled rows are replaced as a whole.
upgrade-bundled:
	@for t in bundled_price bundled_rule bundled_alias; do \
		echo "DELETE FROM llm_cost.$$t;"; \
	done; \
	$(print_bundled)

test/expected:
	ln -sfn ../expected $@

installcheck: test/expected

.PHONY: upgrade-bundled check demo bench format docs dist

demo:
	demo/run

bench:
	bench/run

format:
	test/indent src/*.[ch] test/fuzz/*.[ch]

docs:
	docs/generate

# What PGXN takes.
dist:
	git archive --format=zip --prefix=llm_cost-$(EXTVERSION)/ \
		-o llm_cost-$(EXTVERSION).zip HEAD
