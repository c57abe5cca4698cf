# Which tests there are and how they are built. Unit tests name their objects in
# tests/unit/<room>/tests.mk ("test_x: room/x.o $(BASE)"), so a test that needs more than its module and
# the floors below shows it.

BASE  = $(B)/lib/base.a
CODEC = $(B)/lib/codec.a $(BASE)
PROTO = $(B)/lib/proto.a $(CODEC)
HTTP  = $(B)/lib/http.a $(BASE)

UNIT_ROOMS := $(if $(ROOM),$(ROOM),$(patsubst tests/unit/%/tests.mk,%,$(wildcard tests/unit/*/tests.mk)))
UNIT_TESTS :=

# "test_x: a.o b.o" becomes the dependencies of $(B)/test/unit/<room>/test_x.
define UNIT_TEST
UNIT_TESTS += $(B)/test/unit/$(1)/$(2)
$(B)/test/unit/$(1)/$(2): $(B)/obj/tests/unit/$(1)/$(2).o $(3)
endef
test_line = $(eval $(call UNIT_TEST,$(1),$(firstword $(subst :, ,$(2))),$(foreach o,$(wordlist 2,99,$(subst :, ,$(2))),$(if $(filter %.a,$(o)),$(o),$(B)/obj/$(o)))))
space := $(subst ,, )
empty :=
define newline


endef
lines_of = $(subst $(newline),|,$(subst $(space),~,$(file <$(1))))
$(foreach r,$(UNIT_ROOMS),$(foreach l,$(filter test_%,$(subst |, ,$(call lines_of,tests/unit/$(r)/tests.mk))),$(call test_line,$(r),$(subst $$(BASE),$(BASE),$(subst $$(CODEC),$(CODEC),$(subst $$(PROTO),$(PROTO),$(subst $$(HTTP),$(HTTP),$(subst ~, ,$(l)))))))))

# It plays older kernels.
$(B)/test/unit/base/test_sandbox_abi: LDFLAGS += -Wl,--wrap=syscall
# It plays other machines.
$(B)/test/unit/base/test_sandbox_arch: LDFLAGS += -Wl,--wrap=seccomp_init,--wrap=seccomp_load
$(UNIT_TESTS):
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(ALL_LIBS) -lcmocka

SERVICE_TESTS := $(patsubst tests/service/%.c,$(B)/test/service/%,$(wildcard tests/service/test_*.c))
SERVICE_HELP  := $(patsubst tests/service/%.c,$(B)/obj/tests/service/%.o,$(filter-out tests/service/test_% tests/service/fake_% tests/service/raw.c,$(wildcard tests/service/*.c)))
SERVICE_FAKES := $(patsubst tests/service/%.c,$(B)/test/service/%,$(wildcard tests/service/fake_*.c))
# The walls around a service are those of the product.
SERVICE_WALLS := $(patsubst %,$(B)/obj/supervisor/%.o,roster walls config config_value config_table nearest)
$(SERVICE_TESTS): $(B)/test/service/%: $(B)/obj/tests/service/%.o $(SERVICE_HELP) $(SERVICE_WALLS) $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(ALL_LIBS) $(LDLIBS) -lcmocka
# A neighbour that shares no code with the house.
$(B)/test/service/test_bus: LDLIBS += $(call pkg,libczmq)
# The raw peer is made of the transport's own protocol cores.
$(patsubst %,$(B)/test/service/test_transport_%,raw limits leave): $(B)/obj/tests/service/raw.o \
    $(patsubst %,$(B)/obj/svc-transport/%.o,multistream noise record yamux yamux_output yamux_queue yamux_frame)
$(SERVICE_FAKES): $(B)/test/service/%: $(B)/obj/tests/service/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(ALL_LIBS)

# Fuzz targets: "fuzz_x: a.o" in tests/fuzz/fuzz.mk. The normal run replays the saved corpus through
# the same code; `make fuzz` looks for more.
FUZZ_LINES := $(if $(wildcard tests/fuzz/fuzz.mk),$(filter fuzz_%,$(subst |, ,$(call lines_of,tests/fuzz/fuzz.mk))))
FUZZ_NAMES :=
define FUZZ_TARGET
FUZZ_NAMES += $(1)
$(B)/test/fuzz/$(1): $(B)/obj/tests/fuzz/$(1).o $(if $(FUZZ),,$(B)/obj/tests/fuzz/replay.o) $(2)
endef
fuzz_line = $(eval $(call FUZZ_TARGET,$(firstword $(subst :, ,$(1))),$(foreach o,$(wordlist 2,99,$(subst :, ,$(1))),$(if $(filter %.a,$(o)),$(o),$(B)/obj/$(o)))))
$(foreach l,$(FUZZ_LINES),$(call fuzz_line,$(subst $$(BASE),$(BASE),$(subst $$(CODEC),$(CODEC),$(subst $$(PROTO),$(PROTO),$(subst $$(HTTP),$(HTTP),$(subst ~, ,$(l))))))))
FUZZ_TESTS := $(FUZZ_NAMES:%=$(B)/test/fuzz/%)
$(FUZZ_TESTS):
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(FUZZ),-fsanitize=fuzzer) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(ALL_LIBS)

# How many run at a time. Those of services and of whole peers wait more than they work, and each has its own folder
# and ports or networks; beside one another they still get enough of a small machine.
JOBS  := $(shell nproc)
PAIRS := $(if $(filter 1,$(JOBS)),1,2)

unit: $(UNIT_TESTS) $(if $(ROOM),,$(FUZZ_TESTS))
	@JOBS=$(JOBS) tests/run.sh unit $(UNIT_TESTS) $(if $(ROOM),,$(FUZZ_TESTS))

service: $(PROGRAMS:%=$(B)/bin/%) $(SERVICE_TESTS) $(SERVICE_FAKES)
	@JOBS=$(PAIRS) tests/run.sh service $(SERVICE_TESTS)

# What tests/system/walls.sh needs beside the product.
$(B)/test/tool/without: $(B)/obj/tests/misbehave/without.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS_base)
walls-tools: all $(B)/test/tool/without
	@$(MAKE) -s --no-print-directory MISBEHAVE=1 all

system: walls-tools
	@JOBS=$(PAIRS) tests/run.sh system $(sort $(wildcard tests/torture/*.sh)) $(sort $(filter-out %/lib.sh,$(wildcard tests/system/*.sh)))

interop: all
	@tests/interop/run.sh

browser: all
	@tests/browser/run.sh

check:
	@tests/check.sh

fuzz:
	@$(MAKE) --no-print-directory FUZZ=1 fuzz-targets
	@tests/fuzz/run.sh $(if $(TARGET),$(TARGET),$(FUZZ_NAMES))
fuzz-targets: $(FUZZ_TESTS)

bench: all
	@tests/bench/run.sh

test: deps-test
	@tests/all.sh

.PHONY: fuzz-targets walls-tools unit service system interop browser check fuzz bench test

# The measuring stick of `make bench`.
$(B)/bench/raw_client: $(B)/obj/tests/bench/raw_client.o $(patsubst %.c,$(B)/obj/%.o,$(wildcard svc-transport/yamux*.c)) \
    $(B)/obj/svc-transport/multistream.o $(B)/obj/svc-transport/noise.o $(B)/obj/svc-transport/record.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(ALL_LIBS)

# Its load generators for the rendezvous server.
BENCH_LOAD := $(patsubst %,$(B)/bench/%,sse_clients rdv_sim publishes)
$(BENCH_LOAD): $(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/obj/tests/bench/load.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(ALL_LIBS)
bench-load: $(BENCH_LOAD)
.PHONY: bench-load
