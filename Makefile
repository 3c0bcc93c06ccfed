# SPDX-License-Identifier: GPL-2.0
#
# natpunch: `make help` says what there is.  The module's objects are in Kbuild.

KERNELS		?= 6.1 6.12 7.3
KERNELS_DEBUG	?= 6.1-debug 6.1-kcsan
TESTS		?=
FUZZ_TIME	?= 60
FUZZ_KERNEL	?= 6.1-kasan
FUZZ_MESSAGES	?= 1000000
FUZZ_PACKETS	?= 5000000
FUZZ_SEED	?= 1
PREFIX		?= /usr/local
CFLAGS		?= -O2 -g
PKG_CONFIG	?= pkg-config

VERSION		:= $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# The kernel to build for: the running one, else the newest whose headers are
# here.
KDIR		?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
			$(shell ls -d /lib/modules/*/build \
				/usr/src/linux-headers-*-amd64 2>/dev/null | \
				sort -t- -k3 -rV | head -n 1))
KREL		= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
			$(KDIR)/include/generated/utsrelease.h 2>/dev/null)

B		:= build

.DEFAULT_GOAL	:= all
MAKEFLAGS	+= --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:

all: tools modules

help:
	@echo 'make              natpunch.ko and natpunch_policy.ko here, programs in build/'
	@echo '     modules        the modules alone (KDIR=... the kernel headers to use)'
	@echo '     tools          natpunchctl, libnatpunch and natpunchd alone'
	@echo 'make install      into the system, for the kernel of KDIR'
	@echo '     install-tools  all but the modules'
	@echo '     uninstall      undo that (PREFIX=/usr/local DESTDIR=)'
	@echo 'make demo         masquerade and natpunch side by side, in a VM'
	@echo 'make check        every test, in VMs; ends with "N passed, N failed"'
	@echo '                    KERNELS="$(KERNELS)"'
	@echo '                    TESTS="NAME..." only these'
	@echo '     check-debug    those of the kernel in kernels that find mistakes'
	@echo '                    KERNELS_DEBUG="$(KERNELS_DEBUG)"'
	@echo 'make fuzz-kernel  requests and packets as nobody sends them, in kernel'
	@echo '                    $(FUZZ_KERNEL); FUZZ_MESSAGES, FUZZ_PACKETS, FUZZ_SEED'
	@echo 'make bench        what natpunch costs, in instructions'
	@echo 'make bench-scale  a million mappings; two processors (KERNELS_SCALE="6.1")'
	@echo 'make bench-predict  how well mappings are predicted'
	@echo 'make bench-punch  which NATs two sites connect through, and how fast'
	@echo '                    TRIALS=1 PAIRS="SERVES/ASKS..." (adf/random, +1/, /eif)'
	@echo 'make bench-fleet  2000 sites at one broker, one of them at rest (mosquitto)'
	@echo 'make fuzz         the pure parts with libFuzzer (FUZZ_TIME=$(FUZZ_TIME) seconds each)'
	@echo '     fuzz-coverage  what of them its corpora reach'
	@echo 'make lint         checkpatch, sparse, shellcheck, cppcheck'
	@echo 'make clean        delete what was built (downloads stay in ~/.cache/natpunch)'
	@echo
	@echo 'demo, check, bench and lint install with apt what they miss, as root.'

# --- the modules -----------------------------------------------------------

modules:
ifeq ($(KDIR),)
	@echo 'No kernel headers here: apt-get install linux-headers-amd64 (and' \
		'`make tools` needs none).' >&2; false
else
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules
endif

# --- the library and the command -------------------------------------------

LIBS		:= libmnl jansson
LIB_CFLAGS	= $(shell $(PKG_CONFIG) --cflags $(LIBS))
LIB_LIBS	= $(shell $(PKG_CONFIG) --libs $(LIBS))

WARNINGS	:= -Wall -Wextra -Wshadow -Wstrict-prototypes \
		   -Wmissing-prototypes -Werror=implicit \
		   -Werror=incompatible-pointer-types $(if $(WERROR),-Werror)
ALL_CFLAGS	= -std=gnu11 $(WARNINGS) -MMD -MP -fPIC -Iinclude/uapi \
		  -Iuser/lib -Iuser/common $(LIB_CFLAGS) $(CFLAGS)

objects		= $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard $(1))))
lib_objects	:= $(call objects,user/lib/*.c)
ctl_objects	:= $(call objects,user/natpunchctl/*.c)
common_objects	:= $(call objects,user/common/*.c)
# What the module has in common with programs: pure C.
pure_objects	:= $(call objects,kernel/predict.c kernel/predict-ask.c \
			  kernel/stun.c)
stun_objects	:= $(call objects,user/stun/*.c)
# What signs STUN messages (user/stun/stun-auth.c) needs it, natpunchctl does not.
CRYPTO_LIBS	= $(shell $(PKG_CONFIG) --libs libcrypto)

$(ctl_objects): ALL_CFLAGS += -DNATPUNCH_VERSION='"$(VERSION)"'

tools: $(B)/natpunchctl $(B)/libnatpunch.a $(B)/libnatpunch.so natpunchd

$(B)/obj/%.o: %.c $(B)/.flags | $(B)/.have-libs
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(B)/libnatpunch.a: $(lib_objects)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/libpure.a: $(pure_objects)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/libstun.a: $(stun_objects)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/libnatpunch.so.0: $(lib_objects) user/lib/libnatpunch.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libnatpunch.so.0 \
		-Wl,--version-script,user/lib/libnatpunch.map -Wl,-z,defs \
		-o $@ $(lib_objects) $(shell $(PKG_CONFIG) --libs libmnl)

$(B)/libnatpunch.so: $(B)/libnatpunch.so.0
	ln -sf libnatpunch.so.0 $@

$(B)/natpunchctl: $(ctl_objects) $(common_objects) $(B)/libnatpunch.a \
		  $(B)/libstun.a $(B)/libpure.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(B)/.have-libs:
	@$(PKG_CONFIG) --exists $(LIBS) libcrypto || { echo 'Missing: apt-get install' \
		'pkg-config libmnl-dev libjansson-dev libssl-dev (or scripts/deps build)' >&2; \
		false; }
	@mkdir -p $(@D)
	@touch $@

# --- the daemon ------------------------------------------------------------

# The rest is of use without it, so it is left out where its libraries are not.
DAEMON_LIBS	:= libevent_core libevent_openssl libssl libmosquitto \
		   libsodium libconfig libcap-ng libcrypto \
		   libnftables libnetfilter_queue libnetfilter_conntrack \
		   miniupnpc
# libnatpmp has nothing for pkg-config.
DAEMON		:= $(shell $(PKG_CONFIG) --exists $(DAEMON_LIBS) && \
			$(CC) -E -x c -include natpmp.h /dev/null \
				>/dev/null 2>&1 && echo yes)
DAEMON_LDLIBS	= $(shell $(PKG_CONFIG) --libs $(DAEMON_LIBS)) -lnatpmp \
		  -pthread
daemon_objects	:= $(filter-out %/main.o,$(call objects,user/natpunchd/*.c))
daemon_archives	:= $(B)/libnatpunchd.a $(B)/libnatpunch.a $(B)/libstun.a \
		   $(B)/libpure.a

$(daemon_objects) $(B)/obj/user/natpunchd/main.o: \
	ALL_CFLAGS += -DNATPUNCH_VERSION='"$(VERSION)"' -pthread

ifeq ($(DAEMON),yes)
natpunchd: $(B)/natpunchd
else
natpunchd:
	@echo 'Left out: natpunchd, which needs $(DAEMON_LIBS), libnatpmp' \
		'(scripts/deps build)' >&2
endif

$(B)/libnatpunchd.a: $(daemon_objects) $(common_objects)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/natpunchd: $(B)/obj/user/natpunchd/main.o $(daemon_archives)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) $(DAEMON_LDLIBS) -lm

# Other flags, other objects.
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS)' >$@

include selftests/Makefile

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# --- tests -----------------------------------------------------------------

deps-%:
	@scripts/deps $*

demo: deps-vm
	@$(MAKE) -s tools selftests
	@selftests/demo_in_vm

check: deps-vm deps-lint
	@KERNELS='$(KERNELS)' selftests/check $(TESTS)

check-debug: deps-vm deps-lint
	@KERNELS='$(KERNELS_DEBUG)' HOST=no selftests/check $(TESTS)

# What make check does for seconds, for long, where mistakes are found.
fuzz-kernel: deps-vm
	@$(MAKE) -s tools selftests
	@selftests/vm/run $(FUZZ_KERNEL) --timeout 360000 -- \
		env FUZZ_SEED=$(FUZZ_SEED) FUZZ_MESSAGES=$(FUZZ_MESSAGES) \
		FUZZ_PACKETS=$(FUZZ_PACKETS) \
		selftests/vm/tests fuzz_netlink fuzz_packets

bench: deps-vm
	@$(MAKE) -s tools selftests
	@KERNELS="$(KERNELS)" scripts/bench

bench-scale: deps-vm
	@$(MAKE) -s tools selftests
	@scripts/bench-scale $(KERNELS_SCALE)

# What it prints is in Documentation/bench-punch.rst.
bench-punch: deps-vm
	@$(MAKE) -s tools selftests
	@TRIALS="$(TRIALS)" scripts/bench-punch $(PAIRS)

# What it prints is in Documentation/rendezvous.rst.
bench-fleet: deps-build
	@$(MAKE) -s tools selftests
	@scripts/bench-fleet

# Against the NAT zoo; what it prints is in Documentation/prediction.rst.
bench-predict: deps-build
	@$(MAKE) -s $(B)/bench-predict
	@$(B)/bench-predict -j $(B)/bench-predict.json

fuzz: deps-fuzz
	@$(MAKE) -s $(fuzzers)
	@FUZZ_TIME=$(FUZZ_TIME) scripts/fuzz $(fuzz_names)

# What of the parsers the corpora reach: those of the tree, and of runs since.
fuzz-coverage: deps-fuzz
	@$(MAKE) -s B=$(B)/coverage FUZZ_TELLS='-fsanitize=fuzzer-no-link \
		-fprofile-instr-generate -fcoverage-mapping' fuzzers
	@scripts/fuzz-coverage $(fuzz_names)

lint: deps-vm deps-lint
	@scripts/lint

# --- installation ----------------------------------------------------------

MODDIR		= $(DESTDIR)/lib/modules/$(KREL)/updates
DEST		= $(DESTDIR)$(PREFIX)
man_pages	= $(sort $(wildcard Documentation/man/*.[1-8]))
modprobe_d	= $(sort $(wildcard Documentation/modprobe.d/*.conf))

install: all install-tools
	install -D -m 644 -t '$(MODDIR)' natpunch.ko natpunch_policy.ko
	strip --strip-debug '$(MODDIR)/natpunch.ko' '$(MODDIR)/natpunch_policy.ko'
ifeq ($(DESTDIR),)
	depmod '$(KREL)'
endif

install-tools: tools
	install -D -m 755 -t '$(DEST)/bin' $(B)/natpunchctl
ifeq ($(DAEMON),yes)
	install -D -m 755 -t '$(DEST)/sbin' $(B)/natpunchd
	install -d '$(DEST)/lib/systemd/system'
	sed 's|@PREFIX@|$(PREFIX)|' dist/natpunchd.service \
		>'$(DEST)/lib/systemd/system/natpunchd.service'
	install -D -m 644 -t '$(DEST)/share/doc/natpunch' dist/natpunchd.conf \
		dist/natpunchd.init
endif
	install -D -m 644 -t '$(DEST)/lib' $(B)/libnatpunch.a $(B)/libnatpunch.so.0
	ln -sf libnatpunch.so.0 '$(DEST)/lib/libnatpunch.so'
	install -D -m 644 -t '$(DEST)/include' user/lib/natpunch.h
	install -D -m 644 -t '$(DEST)/include/linux' include/uapi/linux/natpunch.h
	install -D -m 644 -t '$(DEST)/share/bash-completion/completions' \
		user/completion/natpunchctl
	install -d '$(DEST)/lib/pkgconfig'
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' \
		scripts/libnatpunch.pc.in >'$(DEST)/lib/pkgconfig/libnatpunch.pc'
	$(foreach page,$(man_pages),install -D -m 644 -t \
		'$(DEST)/share/man/man$(subst .,,$(suffix $(page)))' $(page) &&) :
ifeq ($(DESTDIR),)
	ldconfig
endif

uninstall:
	rm -f '$(MODDIR)/natpunch.ko' '$(MODDIR)/natpunch_policy.ko' \
		'$(DEST)/bin/natpunchctl' '$(DEST)/lib/libnatpunch.a' \
		'$(DEST)'/lib/libnatpunch.so* '$(DEST)/include/natpunch.h' \
		'$(DEST)/include/linux/natpunch.h' \
		'$(DEST)/lib/pkgconfig/libnatpunch.pc' \
		'$(DEST)/share/bash-completion/completions/natpunchctl' \
		'$(DEST)/sbin/natpunchd' \
		'$(DEST)/lib/systemd/system/natpunchd.service' \
		'$(DEST)/share/doc/natpunch/natpunchd.conf' \
		'$(DEST)/share/doc/natpunch/natpunchd.init' \
		$(foreach page,$(man_pages),'$(DEST)/share/man/man$(subst \
			.,,$(suffix $(page)))/$(notdir $(page))')
ifeq ($(DESTDIR),)
	depmod '$(KREL)'
	ldconfig
endif

clean:
	rm -rf $(B)
	rm -f *.ko *.o *.mod *.mod.c .*.cmd Module.symvers modules.order \
		kernel/*.o kernel/.*.cmd

.PHONY: all help modules tools natpunchd selftests demo check check-debug bench \
	bench-scale bench-predict bench-punch bench-fleet fuzz fuzz-coverage \
	fuzz-kernel fuzzers lint install install-tools \
	uninstall clean FORCE
FORCE:
