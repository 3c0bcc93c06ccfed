# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Whether KVM can be used.  A /dev/kvm which opens proves little: nested KVM
# is known to hang a guest or to kill it.  So a guest has to boot with it once.

# usage: kvm_works KERNEL-IMAGE; needs $CACHE
kvm_works()
{
	local boot answer

	[ -w /dev/kvm ] || return
	boot=$(cat /proc/sys/kernel/random/boot_id)
	answer=$CACHE/kvm-$boot
	if [ ! -e "$answer" ]; then
		rm -f "$CACHE"/kvm-*
		# It finds no root file system and panics: that will do.
		if timeout -k 1 20 qemu-system-x86_64 -nodefaults -no-reboot \
			-no-user-config -display none -machine pc -accel kvm \
			-cpu host -smp 2 -m 256 -kernel "$1" -serial stdio \
			-append "console=ttyS0 panic=-1 oops=panic" \
			</dev/null 2>&1 | grep -q 'Unable to mount root'; then
			echo yes >"$answer"
		else
			echo no >"$answer"
		fi
	fi
	[ "$(cat "$answer")" = yes ]
}
