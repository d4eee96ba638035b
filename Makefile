# Makefile: builds everything under build/<mode>/. `make help` lists the targets.
# MODE: release | debug | asan | tsan
MODE ?= release
B := build/$(MODE)
CC ?= gcc
Q := $(if $(V),,@)

OPT_release := -O3 -g1 -DNDEBUG
OPT_debug := -O0 -g3
OPT_asan := -O1 -g2 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan := -O1 -g2 -fsanitize=thread
ifeq ($(OPT_$(MODE)),)
$(error MODE must be release, debug, asan or tsan, not '$(MODE)')
endif

ARCH := $(shell $(CC) -dumpmachine)
X86 := $(filter x86_64%,$(ARCH))
ISAS := scalar $(if $(X86),avx2 avx512)
FLAGS_scalar :=
FLAGS_avx2 := -mavx2 -mfma -mf16c
FLAGS_avx512 := -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma -mprefer-vector-width=512

# Debian's serial OpenBLAS: all flavours share one soname, so a RUNPATH to it decides.
BLAS_DIR ?= $(firstword $(wildcard /usr/lib/*/openblas-serial))
BLAS_INC ?= $(firstword $(wildcard /usr/include/*/openblas-serial))
LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
  -Wundef -Wvla -Wformat=2 -Wno-unused-parameter $(WERROR)
BASE_CPPFLAGS := -Iruntime/include -D_GNU_SOURCE $(if $(BLAS_INC),-isystem $(BLAS_INC)) -isystem /usr/include/stb
BASE_CFLAGS := -std=c11 -ffp-contract=fast -fno-math-errno -fno-trapping-math -fopenmp-simd -fPIC -fvisibility=hidden -pthread $(WARN) $(OPT_$(MODE))
ALL_CFLAGS = $(BASE_CPPFLAGS) $(CPPFLAGS) $(BASE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(filter -fsanitize%,$(OPT_$(MODE))) $(LDFLAGS)
LIBS = $(if $(BLAS_DIR),-L$(BLAS_DIR) -Wl,-rpath,$(BLAS_DIR)) -lopenblas -lz -lm

ROOMS := base tensor ops autograd net optim io data
CORE_SRC := $(sort $(foreach r,$(ROOMS),$(wildcard runtime/$(r)/*.c))) runtime/kernels/dispatch.c
KERNEL_SRC := $(filter-out runtime/kernels/dispatch.c,$(sort $(wildcard runtime/kernels/*.c)))
BIND_SRC := $(sort $(wildcard runtime/bind/*.c))
CLI_SRC := $(sort $(wildcard runtime/cli/*.c))
CORE_OBJ := $(CORE_SRC:%.c=$(B)/%.o) $(foreach i,$(ISAS),$(KERNEL_SRC:%.c=$(B)/%_$(i).o))
BIND_OBJ := $(BIND_SRC:%.c=$(B)/%.o) $(B)/embedded.o
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
LUA_SRC := $(shell find lua/scion -name '*.lua' 2>/dev/null | sort)

.DELETE_ON_ERROR:
.PHONY: all FORCE
all: $(B)/scion $(B)/scion.so

$(B)/flags: FORCE
	@mkdir -p $(B) && echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

$(B)/runtime/bind/%.o $(B)/runtime/cli/%.o: BASE_CPPFLAGS += $(LUA_CFLAGS)
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
define isa_rule
$(B)/runtime/kernels/%_$(1).o: runtime/kernels/%.c $(B)/flags
	@mkdir -p $$(@D)
	$(Q)$(CC) $$(ALL_CFLAGS) $$(FLAGS_$(1)) -DSCION_ISA=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

-include $(shell find $(B) -name '*.d' 2>/dev/null)
