# Makefile: builds everything under build/<mode>/. `make help` lists the targets.
#
# Libraries: libscion (the engine, no Lua), libscion-lua (the binding and the Lua files; takes lua_* from
# its process), scion.so (the Lua module: nothing but a link to libscion-lua). The program and the module
# share one libscion, so a process never has two. The user's CFLAGS and LDFLAGS come last and win.

# MODE: release | debug | asan | tsan | fuzz
MODE ?= release
PREFIX ?= /usr/local
B := build/$(MODE)
comma := ,
SO := 0
VERSION := $(shell sed -n 's/^.define SCION_VERSION "\(.*\)"/\1/p' runtime/include/scion.h)
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
Q := $(if $(V),,@)
SAY := $(if $(V),@:,@echo)

# Both processors work unless a -j was given.
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

OPT_release := -O3 -g1 -DNDEBUG
OPT_debug := -O0 -g3
OPT_asan := -O1 -g2 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan := -O1 -g2 -fsanitize=thread
OPT_fuzz := $(OPT_asan)
ifeq ($(OPT_$(MODE)),)
$(error MODE must be release, debug, asan, tsan or fuzz, not '$(MODE)')
endif

ARCH := $(shell $(CC) -dumpmachine 2>/dev/null)
X86 := $(filter x86_64%,$(ARCH))
ISAS := scalar $(if $(X86),avx2 avx512)
FLAGS_scalar :=
FLAGS_avx2 := -mavx2 -mfma -mf16c
FLAGS_avx512 := -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma -mprefer-vector-width=512

# Debian's serial OpenBLAS: all flavours share one soname, so a RUNPATH to it decides.
BLAS_DIR ?= $(firstword $(wildcard /usr/lib/*/openblas-serial))
BLAS_INC ?= $(firstword $(wildcard /usr/include/*/openblas-serial))
LUA_CFLAGS ?= $(firstword $(patsubst %,-I%,$(wildcard /usr/include/lua5.4)) $(shell pkg-config --cflags lua5.4 2>/dev/null))
LUA_LIBS ?= -llua5.4

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
  -Wundef -Wvla -Wformat=2 -Wno-unused-parameter $(WERROR)
BASE_CPPFLAGS := -Iruntime/include -D_GNU_SOURCE $(if $(BLAS_INC),-isystem $(BLAS_INC)) -isystem /usr/include/stb
BASE_CFLAGS := -std=c11 -ffp-contract=fast -fno-math-errno -fno-trapping-math -fopenmp-simd -fPIC -fvisibility=hidden -pthread $(WARN) $(OPT_$(MODE))
ALL_CFLAGS = $(BASE_CPPFLAGS) $(CPPFLAGS) $(BASE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(filter -fsanitize%,$(OPT_$(MODE))) $(LDFLAGS)
BLAS_LIBS := $(if $(BLAS_DIR),-L$(BLAS_DIR) -Wl$(comma)-rpath$(comma)$(BLAS_DIR)) -lopenblas
LIBS = $(BLAS_LIBS) -lsvm -lz -lm

ROOMS := base tensor ops autograd net optim io data
CORE_SRC := $(sort $(foreach r,$(ROOMS),$(wildcard runtime/$(r)/*.c))) runtime/kernels/dispatch.c
KERNEL_SRC := $(filter-out runtime/kernels/dispatch.c,$(sort $(wildcard runtime/kernels/*.c)))
BIND_SRC := $(sort $(wildcard runtime/bind/*.c))
CLI_SRC := $(sort $(wildcard runtime/cli/*.c))
HOST_SRC := $(sort $(wildcard scripts/embed/*.c scripts/bench/*.c spec/hosts/*.c))
CORE_OBJ := $(CORE_SRC:%.c=$(B)/%.o) $(foreach i,$(ISAS),$(KERNEL_SRC:%.c=$(B)/%_$(i).o))
BIND_OBJ := $(BIND_SRC:%.c=$(B)/%.o) $(B)/embedded.o
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
LUA_SRC := $(shell find lua/scion -name '*.lua' 2>/dev/null | LC_ALL=C sort)
HOSTS := $(addprefix $(B)/hosts/,$(notdir $(HOST_SRC:.c=)))

.DELETE_ON_ERROR:
.PHONY: all setup demo test run-demo run-test check bench fuzz hosts install uninstall clean help FORCE
all: $(B)/scion $(B)/scion.so $(B)/libscion.a

# ---- objects ----------------------------------------------------------------------------------

# Touched only when the command line changes, so that everything is built again with the new one.
$(B)/flags: FORCE
	@mkdir -p $(B) && echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

$(B)/runtime/bind/%.o $(B)/runtime/cli/%.o: BASE_CPPFLAGS += $(LUA_CFLAGS)
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(SAY) "  cc   $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
# stb_image copies nothing from nowhere and shifts into the sign, both harmless.
$(B)/runtime/io/image.o: BASE_CFLAGS += $(if $(findstring undefined,$(OPT_$(MODE))),-fno-sanitize=nonnull-attribute$(comma)shift)
# The fuzzer learns from coverage what damage leads to new code in the readers and below them.
ifeq ($(MODE),fuzz)
$(foreach r,base tensor net io,$(B)/runtime/$(r)/%.o): BASE_CFLAGS += -fsanitize-coverage=trace-pc
$(B)/hosts/fuzz: spec/hosts/fuzz.c $(B)/libscion.a
	@mkdir -p $(@D)
	$(SAY) "  cc   $<"
	$(Q)$(CC) -Iruntime/include -D_GNU_SOURCE $(BASE_CFLAGS) $(CFLAGS) -o $@ $< $(B)/libscion.a $(ALL_LDFLAGS) $(LIBS)
endif
define isa_rule
$(B)/runtime/kernels/%_$(1).o: runtime/kernels/%.c $(B)/flags
	@mkdir -p $$(@D)
	$(SAY) "  cc   $$< ($(1))"
	$(Q)$(CC) $$(ALL_CFLAGS) $$(FLAGS_$(1)) -DSCION_ISA=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

# The Lua files as C strings. The list is a prerequisite too: a removed file counts as a change.
$(B)/lua_files: FORCE
	@mkdir -p $(B) && echo '$(LUA_SRC)' | cmp -s - $@ || echo '$(LUA_SRC)' > $@
$(B)/embedded.c: $(LUA_SRC) runtime/bind/embed.awk $(B)/lua_files
	$(SAY) "  gen  $@"
	$(Q)LC_ALL=C awk -f runtime/bind/embed.awk $(LUA_SRC) > $@
$(B)/embedded.o: $(B)/embedded.c $(B)/flags
	$(Q)$(CC) $(ALL_CFLAGS) -Iruntime/bind -O0 -g0 -c -o $@ $<

# ---- libraries and programs -------------------------------------------------------------------

# $(call origins,a b): a RUNPATH of places relative to the file itself
origins = $(foreach p,$(1),-Wl,-rpath,'$$ORIGIN$(p)')

# Calls of the library's own functions go straight to them: through the linkage table every op would pay for a dozen.
$(B)/libscion.so.$(SO): $(CORE_OBJ)
	$(SAY) "  ld   $@"
	$(Q)$(CC) -shared -Wl,-Bsymbolic-functions -Wl,-soname,$(@F) -Wl,--no-undefined $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
	@ln -sf $(@F) $(B)/libscion.so
$(B)/libscion.a: $(CORE_OBJ)
	$(SAY) "  ar   $@"
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/libscion-lua.so.$(SO): $(BIND_OBJ) $(B)/libscion.so.$(SO)
	$(SAY) "  ld   $@"
	$(Q)$(CC) -shared -Wl,-soname,$(@F) $(ALL_LDFLAGS) $(call origins,/.) -o $@ $(BIND_OBJ) -L$(B) -lscion -lm
	@ln -sf $(@F) $(B)/libscion-lua.so
# `require` looks luaopen_scion up in the module and in what it needs, which is libscion-lua.
$(B)/scion.so: $(B)/libscion-lua.so.$(SO)
	$(SAY) "  ld   $@"
	$(Q)$(CC) -shared $(ALL_LDFLAGS) $(call origins,/. /../..) -Wl,--no-as-needed -o $@ -L$(B) -lscion-lua -lscion
$(B)/scion: $(CLI_OBJ) $(B)/libscion-lua.so.$(SO)
	$(SAY) "  ld   $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,-E $(call origins,/. /../lib) -o $@ $(CLI_OBJ) -L$(B) -lscion-lua -lscion $(LUA_LIBS) -ledit

# Hosts: the examples of scripts/embed and the test programs of spec/hosts, linked as a user would.
hosts: $(HOSTS)
HOST_LINK = $(ALL_LDFLAGS) $(call origins,/..) -L$(B) $(if $(findstring lua.h,$(shell cat $<)),-lscion-lua -lscion $(LUA_LIBS),-lscion) -lm
vpath %.c scripts/embed scripts/bench spec/hosts
$(B)/hosts/%: %.c $(B)/libscion-lua.so.$(SO) $(B)/flags
	@mkdir -p $(@D)
	$(SAY) "  cc   $<"
	$(Q)$(CC) -Iruntime/include $(LUA_CFLAGS) -D_GNU_SOURCE $(BASE_CFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(HOST_LINK)

# ---- what people run --------------------------------------------------------------------------

setup:
	@sh scripts/setup.sh

# A second make, because the first one looked for libraries before they were installed.
demo test: setup
	+$(Q)$(MAKE) --no-print-directory all hosts
	+$(Q)$(MAKE) --no-print-directory run-$@

run-demo:
	@$(B)/scion scripts/demo.lua $(ARGS)

# Foreign leaks and false alarms are listed in spec/asan.supp and spec/tsan.supp, with reasons.
SANITIZE = ASAN_OPTIONS=detect_stack_use_after_return=0:allocator_may_return_null=1:$$ASAN_OPTIONS \
  LSAN_OPTIONS=suppressions=spec/asan.supp:print_suppressions=0 UBSAN_OPTIONS=print_stacktrace=1 \
  TSAN_OPTIONS=suppressions=spec/tsan.supp:$$TSAN_OPTIONS
run-test:
	@$(SANITIZE) SCION_BUILD=$(B) $(B)/scion test $(ARGS)

check: all hosts
	@sh scripts/check.sh $(B) '$(CC)' '$(LUA_CFLAGS)'

bench: all hosts
	@$(B)/scion scripts/bench/run.lua $(ARGS)

# Damaged files into each reader: scripts/fuzz.lua makes seeds and drives spec/hosts/fuzz.c. N: how many inputs per reader.
N ?= 20000
fuzz: all
	+$(Q)$(MAKE) --no-print-directory MODE=fuzz build/fuzz/hosts/fuzz
	@$(SANITIZE) $(B)/scion scripts/fuzz.lua --inputs $(N) $(ARGS)

# ---- installing -------------------------------------------------------------------------------

BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCDIR ?= $(PREFIX)/include
LUA_CDIR ?= $(LIBDIR)/lua/5.4
DATADIR ?= $(PREFIX)/share/scion
HEADERS := $(sort $(wildcard runtime/include/*.h))

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR) $(DESTDIR)$(LUA_CDIR) $(DESTDIR)$(DATADIR)/meta
	install -m 755 $(B)/scion $(DESTDIR)$(BINDIR)/scion
	install -m 644 $(B)/libscion.so.$(SO) $(B)/libscion-lua.so.$(SO) $(B)/libscion.a $(DESTDIR)$(LIBDIR)
	ln -sf libscion.so.$(SO) $(DESTDIR)$(LIBDIR)/libscion.so
	ln -sf libscion-lua.so.$(SO) $(DESTDIR)$(LIBDIR)/libscion-lua.so
	install -m 644 $(HEADERS) $(DESTDIR)$(INCDIR)
	install -m 755 $(B)/scion.so $(DESTDIR)$(LUA_CDIR)/scion.so
	install -m 644 $(wildcard lua/meta/*) $(DESTDIR)$(DATADIR)/meta
	sh scripts/pkgconfig.sh scion $(VERSION) $(PREFIX) $(LIBDIR) $(INCDIR) '$(BLAS_DIR)' > $(DESTDIR)$(LIBDIR)/pkgconfig/scion.pc
	sh scripts/pkgconfig.sh scion-lua $(VERSION) $(PREFIX) $(LIBDIR) $(INCDIR) '$(BLAS_DIR)' > $(DESTDIR)$(LIBDIR)/pkgconfig/scion-lua.pc

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/scion $(DESTDIR)$(LIBDIR)/libscion.* $(DESTDIR)$(LIBDIR)/libscion-lua.* $(DESTDIR)$(LUA_CDIR)/scion.so
	rm -f $(addprefix $(DESTDIR)$(INCDIR)/,$(notdir $(HEADERS))) $(DESTDIR)$(LIBDIR)/pkgconfig/scion.pc $(DESTDIR)$(LIBDIR)/pkgconfig/scion-lua.pc
	rm -rf $(DESTDIR)$(DATADIR)

clean:
	rm -rf build

help:
	@echo "make             build the program and the libraries into build/release"
	@echo "make demo        set up, build, and run the main job on real data (about two minutes)"
	@echo "make test        set up, build, and run every spec; ARGS=path/to_spec.lua runs one"
	@echo "make check       rules of the house: symbols, layers, headers, syntax, lengths"
	@echo "make bench       speed beside PyTorch and ONNX Runtime, where they are installed"
	@echo "make fuzz        damaged files into every reader; N=20000 inputs each"
	@echo "make install     PREFIX=/usr/local DESTDIR=; uninstall takes it away again"
	@echo "make clean       remove build/"
	@echo "variables        MODE=release|debug|asan|tsan|fuzz  V=1  CC=gcc  CFLAGS=  LDFLAGS=  JOBS=2"

-include $(shell find $(B) -name '*.d' 2>/dev/null)
