# Goop2 in C. `make demo` shows two peers meeting; `make test` runs every test; `make help` lists the rest.

ifeq ($(origin CC),default)
CC := gcc
endif
VERSION := 0.1.0
# V=1 shows each command.
Q := $(if $(V),,@)

# SAN=1 builds everything a second time, under AddressSanitizer and UndefinedBehaviorSanitizer; FUZZ=1 a third
# time, with clang, for libFuzzer.
B := build$(if $(SAN),/san)$(if $(FUZZ),/fuzz)
# MISBEHAVE=1: programs of the same objects that try what they must not, for tests/system/walls.sh.
BIN := $(B)$(if $(MISBEHAVE),/misbehave)/bin
ifdef FUZZ
CC       := clang
SANITIZE := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
# The macros of seccomp.h, which gcc lets pass.
CLANG_WARN := -Wno-missing-field-initializers
endif
ifdef SAN
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif
# Made from schemas and pages; the same for every build.
G := build/gen

WARN    := -Wall -Wextra -Werror -Wmissing-prototypes -Wshadow -Wstrict-prototypes -Wpointer-arith -Wundef $(CLANG_WARN)
OPT     := $(if $(SANITIZE),-O1 -fno-omit-frame-pointer $(SANITIZE),-O2 -D_FORTIFY_SOURCE=2)
CFLAGS  += -std=gnu11 -g $(OPT) $(WARN) -fstack-protector-strong -fPIE -ffunction-sections -fdata-sections
CPPFLAGS += -D_GNU_SOURCE -DGOOP_VERSION='"$(VERSION)"' -I. -I$(G)
LDFLAGS += $(SANITIZE) -pie -rdynamic -Wl,--as-needed -Wl,--gc-sections -Wl,-z,relro,-z,now

# One line a room: the libraries that its files may need. --as-needed keeps what a program really
# uses, so `ldd` shows the architecture.
# Quiet on a machine that has no pkg-config yet: `make demo` and `make test` install it and call make again.
pkg = $(shell pkg-config --libs $(1) 2>/dev/null)
LIBS_base   := $(call pkg,libuv libseccomp)
LIBS_codec  := $(call pkg,libsodium libcrypto libprotobuf-c libcjson)
LIBS_proto  := $(call pkg,libzmq)
LIBS_http   := $(call pkg,libmicrohttpd)
LIBS_supervisor     :=
LIBS_svc-transport  :=
LIBS_svc-discovery  := -lldns
LIBS_svc-viewer     := $(LIBS_http)
LIBS_svc-db         := $(call pkg,sqlite3)
LIBS_svc-rendezvous := $(LIBS_http) $(call pkg,sqlite3 libqrencode)

FLOORS   := base codec proto http
SERVICES := svc-transport svc-discovery svc-viewer svc-db svc-rendezvous
PROGRAMS := goop-supervisor $(SERVICES)
ALL_LIBS := $(foreach r,$(SERVICES),$(LIBS_$(r))) $(foreach f,$(FLOORS),$(LIBS_$(f))) -lm

all: $(PROGRAMS:%=$(BIN)/%)

# --- generated code ---------------------------------------------------------------------------

PB_C := $(patsubst codec/%.proto,$(G)/codec/%.pb-c.c,$(wildcard codec/*.proto))
$(G)/codec/%.pb-c.c $(G)/codec/%.pb-c.h: codec/%.proto
	@mkdir -p $(G)
	$(Q)protoc-c --c_out=$(G) $<

-include svc-viewer/ui.mk
-include svc-rendezvous/ui.mk

# --- objects and rooms ------------------------------------------------------------------------

$(B)/obj/%.o: %.c | $(PB_C)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
# The generated files are not ours to warn about.
$(B)/obj/gen/%.o: $(G)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -Werror -Wundef,$(CFLAGS)) -MMD -MP -c -o $@ $<

objects = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)/*.c)) $(patsubst $(G)/%.c,$(B)/obj/gen/%.o,$($(1)_GEN))
codec_GEN := $(PB_C)

define ARCHIVE
$(B)/lib/$(1).a: $$(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)ar rcsD $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call ARCHIVE,$(f))))
ARCHIVES := $(foreach f,$(FLOORS),$(B)/lib/$(f).a)

ifdef MISBEHAVE
$(SERVICES:%=$(BIN)/%): $(patsubst %,$(B)/obj/tests/misbehave/%.o,misbehave claim)
LDFLAGS += -Wl,--wrap=service_main
endif
define PROGRAM
$(BIN)/$(1): $$(call objects,$(2)) $(ARCHIVES)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS_$(2)) $$(foreach f,$(FLOORS),$$(LIBS_$$(f))) -lm
endef
$(foreach s,$(SERVICES),$(eval $(call PROGRAM,$(s),$(s))))
$(eval $(call PROGRAM,goop-supervisor,supervisor))

# The site of `init` is part of the program.
$(B)/obj/supervisor/init_site.o: $(wildcard supervisor/site/*)

# --- tests ------------------------------------------------------------------------------------

include tests/tests.mk

# --- the rest ---------------------------------------------------------------------------------

deps:
	@packaging/deps.sh build
deps-test:
	@packaging/deps.sh build test

demo: deps
	@$(MAKE) -s --no-print-directory all
	@packaging/demo.sh

# docs/PROTOCOL.md is printed from the lists in proto/.
$(B)/tool/make_protocol: $(B)/obj/docs/make_protocol.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/lib/proto.a $(B)/lib/base.a
docs: $(B)/tool/make_protocol
	$(B)/tool/make_protocol > docs/PROTOCOL.md

PREFIX ?= /usr/local
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/goop $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/goop
	install $(B)/bin/goop-supervisor $(DESTDIR)$(PREFIX)/bin/
	install $(SERVICES:%=$(B)/bin/%) $(DESTDIR)$(PREFIX)/libexec/goop/
	install -m 644 docs/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 docs/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 packaging/completion/goop-supervisor.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/goop-supervisor
	install -m 644 packaging/completion/goop-supervisor.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_goop-supervisor
	install -m 644 packaging/completion/goop-supervisor.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/
	for unit in packaging/systemd/*; do sed 's|/usr/local|$(PREFIX)|g' $$unit \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; done
	install -m 644 packaging/caddy/Caddyfile packaging/nginx/goop.conf $(DESTDIR)$(PREFIX)/share/goop/

# A Debian package, build/goop_VERSION_ARCHITECTURE.deb.
deb: all
	@rm -rf build/deb
	@$(MAKE) -s --no-print-directory install DESTDIR=build/deb/debian/goop PREFIX=/usr
	@packaging/deb.sh $(VERSION) $$(dpkg --print-architecture)

clean:
	rm -rf build

help:
	@echo "make             build everything into build/bin"
	@echo "make demo        install what the build needs, build, run two peers that find each other"
	@echo "make test        install what the tests need, build, run all tests"
	@echo "make unit        unit tests; ROOM=codec for one room; SAN=1 under the sanitizers"
	@echo "make service     each service among puppets; SAN=1 under the sanitizers"
	@echo "make system      whole peers in network namespaces (root)"
	@echo "make interop     against js-libp2p"
	@echo "make browser     in headless Chromium"
	@echo "make check       arrows between rooms, format, clang-tidy, cppcheck"
	@echo "make fuzz        libFuzzer targets, FUZZ_SECONDS=60 each"
	@echo "make bench       speed against the comparators, into tests/bench/RESULTS.md"
	@echo "make docs        docs/PROTOCOL.md from the lists in proto/"
	@echo "make install     PREFIX=/usr/local DESTDIR="
	@echo "make deb         a Debian package, build/goop_$(VERSION)_ARCHITECTURE.deb"

.PHONY: all deps deps-test demo docs install deb clean help
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
