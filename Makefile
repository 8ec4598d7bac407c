EXTENSION = llm_cost

# Builds from another folder too (make -f ../../Makefile), as packagers do.
SRC := $(dir $(firstword $(MAKEFILE_LIST)))
# Files of the source folder, relative to it.
files = $(patsubst $(SRC)%,%,$(sort $(wildcard $(addprefix $(SRC),$(1)))))

# The version lives in the control file alone.
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(SRC)llm_cost.control)

MODULE_big = llm_cost
OBJS = $(patsubst %.c,%.o,$(call files,src/*.c))
SCRIPT = llm_cost--$(EXTVERSION).sql
DATA = $(call files,sql/llm_cost--*--*.sql)
DATA_built = $(SCRIPT)

# pg_regress of PostgreSQL 15 cannot be told where expected output lives, so
# test/expected is a link to expected/.
REGRESS = $(patsubst test/sql/%.sql,%,$(call files,test/sql/*.sql))
REGRESS_OPTS = --inputdir=test --outputdir=test
ISOLATION = $(patsubst test/specs/%.spec,%,$(call files,test/specs/*.spec))
ISOLATION_OPTS = --inputdir=test --outputdir=test
TAP_TESTS = $(if $(call files,test/t/*.pl),1)
PROVE_TESTS = test/t/*.pl
PROVE_FLAGS = -I $(SRC)test/t

PG_CPPFLAGS = -I$(SRC)src
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-cast-function-type
EXTRA_CLEAN = $(SCRIPT) src/*.gcno src/*.gcda test/expected test/results \
	test/output_iso build llm_cost-$(EXTVERSION).zip

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS keeps no track of headers.
$(OBJS) $(OBJS:.o=.bc): $(addprefix $(SRC),$(call files,src/*.h))
# Objects go where make runs.
$(shell mkdir -p src)

# sql/NN_topic.sql in order, then what fills the bundled tables.
FRAGMENTS = $(addprefix $(SRC),$(filter-out sql/90_bundled.sql,$(call files,sql/[0-9]*.sql)))
CATALOGUE = $(addprefix $(SRC),$(call files,catalogue/*.json))

define print_bundled
cat $(SRC)sql/90_bundled.sql; \
echo 'SELECT llm_cost.load_bundled($$llm_cost_catalogue$$['; \
separator=; \
for c in $(CATALOGUE); do \
	echo "$$separator"; cat $$c; separator=,; \
done; \
echo ']$$llm_cost_catalogue$$);'
endef

$(SCRIPT): $(FRAGMENTS) $(SRC)sql/90_bundled.sql $(CATALOGUE) $(SRC)llm_cost.control $(SRC)Makefile
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

.PHONY: upgrade-bundled test demo bench format docs dist

# Every suite, in a throw-away cluster.
test:
	test/run

demo:
	demo/run

bench:
	bench/run

format:
	test/indent src/*.c src/*.h

docs:
	docs/generate

# What PGXN takes.
dist:
	git archive --format=zip --prefix=llm_cost-$(EXTVERSION)/ \
		-o llm_cost-$(EXTVERSION).zip HEAD
