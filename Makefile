# federated: PostgreSQL extension and Island client.
#   make                builds both            make install    installs both
#   make dashboard      builds the training dashboard (needs npm); make install then takes it along
#   make installcheck   regression and isolation tests against a running server
#   scripts/test        everything, on a server of its own

EXTENSION  = federated
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" federated.control)

MODULE_big = federated
OBJS       = $(filter-out src/webhook/%,$(sort $(patsubst %.c,%.o,$(wildcard src/*.c src/*/*.c src/core/*/*.c))))
PKG_CONFIG ?= pkg-config
PG_CPPFLAGS = -I$(srcdir)/src -DFED_VERSION='"$(EXTVERSION)"' $(shell $(PKG_CONFIG) --cflags jansson libcrypto)
PG_CFLAGS  = $(FED_CFLAGS)
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs jansson libcrypto)

DATA       = $(wildcard sql/upgrade/federated--*--*.sql)
DATA_built = federated--$(EXTVERSION).sql
EXTRA_CLEAN = federated--*.sql $(HTTP_LIB) $(HTTP_OBJS)

# What sends webhooks: a library of its own, so that nothing else of the server has libcurl.
HTTP_LIB   = federated_http$(DLSUFFIX)
HTTP_OBJS  = $(patsubst %.c,%.o,$(wildcard src/webhook/*.c)) src/core/net/address.o

REGRESS      = setup $(filter-out setup,$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
ISOLATION    = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=output_iso --load-extension=pgcrypto --load-extension=federated

# Bitcode would only serve inlining into JIT code, which nothing here gains
# from; without it the build needs no clang.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Vectorised, and the same bits on every machine: no fused multiply-add.
src/core/kernels/%.o src/core/encoding/%.o src/core/optim/%.o src/core/secagg/%.o src/core/dp/%.o: CFLAGS += -O3 -ffp-contract=off

federated--$(EXTVERSION).sql: $(sort $(wildcard sql/install/*.sql))
	cat $^ > $@

# A changed header rebuilds what may include it.
$(OBJS) $(HTTP_OBJS): $(wildcard src/*.h src/*/*.h src/core/*/*.h)

# The functions of ours that it calls are in the library that the server has preloaded.
$(HTTP_LIB): $(HTTP_OBJS)
	$(CC) $(CFLAGS) $^ $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $(shell $(PKG_CONFIG) --libs libcurl)
all: $(HTTP_LIB)
install: install-http-lib
install-http-lib: $(HTTP_LIB)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_SHLIB) $(HTTP_LIB) '$(DESTDIR)$(pkglibdir)/'
uninstall: uninstall-http-lib
uninstall-http-lib:
	rm -f '$(DESTDIR)$(pkglibdir)/$(HTTP_LIB)'

.PHONY: install-http-lib uninstall-http-lib client install-client clean-client dashboard install-http clean-dashboard
all: client
client:
	$(MAKE) -C client
install: install-client
install-client: client
	$(MAKE) -C client install BINDIR='$(DESTDIR)$(bindir)'
clean: clean-client
clean-client:
	$(MAKE) -C client clean

# Static files for a web server, beside its and PostgREST's configuration.
httpdir = $(datadir)/federated
dashboard:
	cd http/dashboard && npm ci --no-audit --no-fund && npm run build
install: install-http
install-http:
	mkdir -p '$(DESTDIR)$(httpdir)/http'
	install -m 644 http/*.conf http/*.service http/grafana-dashboard.json '$(DESTDIR)$(httpdir)/http/'
	if [ -d http/dashboard/dist ]; then \
		rm -rf '$(DESTDIR)$(httpdir)/dashboard' && cp -r http/dashboard/dist '$(DESTDIR)$(httpdir)/dashboard'; fi
clean: clean-dashboard
clean-dashboard:
	rm -rf http/dashboard/dist http/dashboard/build
