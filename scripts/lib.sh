# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts share: where the sources and the cache are, how to speak to
# the user, how to lock.  Sourced, never run.

set -euo pipefail
export LC_ALL=C

# shellcheck disable=SC2034 # all these are for those who source this
{
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/natpunch

# Days for which a cached tree is used without asking apt for news, and after
# which a tree that nobody used is deleted.
FRESH_DAYS=7
KEEP_DAYS=14
}

# Nothing fails silently.
set -E
trap 'echo "${BASH_SOURCE[0]##*/}:$LINENO: failed: $BASH_COMMAND" >&2' ERR

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	say "$@"
	exit 1
}

# usage: usage_from_header; prints the comment that opens the script
usage_from_header()
{
	sed -n '3,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"
}

# usage: lock NAME; one at a time, until this process ends
lock()
{
	local fd

	mkdir -p "$CACHE"
	exec {fd}>"$CACHE/.lock-$1"
	flock "$fd"
}

# usage: finds_mistakes KERNEL; is it one of debug-kernel's?
finds_mistakes()
{
	[[ $1 = *-* ]]
}

# usage: in_chroot TREE DIR COMMAND...; DIR becomes /mnt.  The mounts are in a
# namespace of their own and vanish with the command, however it ends.
in_chroot()
{
	local flags=(--mount)

	[ "$(id -u)" = 0 ] || flags+=(--map-root-user)
	# In a chroot the root is no mount whose propagation could be changed,
	# so mounts may be seen outside: that is what umount is for.
	mountpoint -q / || flags+=(--propagation unchanged)
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare "${flags[@]}" bash -ec '
		tree=$1 dir=$2
		shift 2
		trap "umount -l \"\$tree\"/{mnt,proc,dev}" EXIT
		mount --rbind /dev "$tree/dev"
		mount --rbind /proc "$tree/proc"
		mount --bind "$dir" "$tree/mnt"
		chroot "$tree" /usr/bin/env -i PATH=/usr/sbin:/usr/bin \
			LC_ALL=C "$@"' bash "$@" </dev/null
}
