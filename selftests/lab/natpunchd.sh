# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of natpunchd on the host: KTAP, a real mosquitto, sites.  Sourced; all
# it starts and writes is gone when the test ends.  Brokers and daemons live in a
# network namespace of their own, so no port is ever taken.

set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
natpunchd=${NATPUNCHD:-$top/build/selftests/natpunchd_signalling}
dir=$(mktemp -d)
out=$dir/out
pids=()
declare -A key=()
count=0 failed=0
export LC_ALL=C.UTF-8

cleanup()
{
	[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

PATH=$PATH:/usr/sbin

have_mosquitto()
{
	command -v mosquitto mosquitto_pub >/dev/null
}

mosquitto_tree()
{
	"$top/scripts/debtree" mosquitto bookworm,-security mosquitto \
		mosquitto-clients
}

[ -x "$natpunchd" ] ||
	skip_all "natpunchd was left out of the build: its libraries are missing"
if [ "${IN_NETNS:-}" != 1 ]; then
	unshare -n true 2>/dev/null || skip_all "no network namespace: not root"
	trap - EXIT
	rm -rf "$dir"
	# It can only be fetched from here.
	have_mosquitto || mosquitto_tree >/dev/null
	IN_NETNS=1 exec unshare -n bash "$0" "$@"
fi
ip link set lo up

# usage: plan N
plan()
{
	planned=$1
	echo "KTAP version 1"
	echo "1..$1"
}

# usage: result STATUS NAME; what is in $out explains a failure
result()
{
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count $2"
	else
		failed=$((failed + 1))
		echo "not ok $count $2"
		sed 's/^/# /' "$out" 2>/dev/null | cut -c 1-300 | tail -n 15
	fi
}

finish()
{
	echo "# Totals: pass:$((count - failed)) fail:$failed xfail:0 xpass:0 skip:0 error:0"
	[ $failed -eq 0 ] && [ $count -eq "$planned" ]
	exit
}

# usage: soon COMMAND...; true as soon as it is, within 10 s
soon()
{
	local i

	for ((i = 0; i < 100; i++)); do
		! "$@" >"$out" 2>&1 || return 0
		sleep 0.1
	done
	return 1
}

# --- brokers ---------------------------------------------------------------

# Debian's mosquitto, installed or not.
find_mosquitto()
{
	local tree

	! have_mosquitto || return 0
	tree=$(mosquitto_tree) || skip_all "no mosquitto can be had"
	PATH=$PATH:$tree/usr/sbin:$tree/usr/bin
	LD_LIBRARY_PATH=$(echo "$tree"/usr/lib/*-linux-gnu)
	export LD_LIBRARY_PATH
}

# usage: broker_start NAME PORT [CONFIGURATION LINE]...
broker_start()
{
	local name=$1 port=$2

	shift 2
	mkdir -p "$dir/$name"
	printf '%s\n' "listener $port 127.0.0.1" "user root" \
		"persistence true" "persistence_location $dir/$name/" "$@" \
		>"$dir/$name.conf"
	[ $# != 0 ] || echo "allow_anonymous true" >>"$dir/$name.conf"
	mosquitto -c "$dir/$name.conf" >>"$dir/$name.log" 2>&1 &
	pids+=($!)
	echo $! >"$dir/$name.pid"
	soon listens "$port"
}

listens()
{
	: 2>/dev/null <"/dev/tcp/127.0.0.1/$1"
}

# usage: stop NAME [SIGNAL]; a broker or a site, and wait until it is gone
stop()
{
	local pid

	pid=$(<"$dir/$1.pid")
	kill "-${2:-TERM}" "$pid"
	wait "$pid" 2>/dev/null
}

# --- sites -----------------------------------------------------------------

# usage: site_make NAME; its key and directory; the public key is in key[NAME]
site_make()
{
	mkdir -p "$dir/$1"
	# shellcheck disable=SC2034 # for those who source this
	key[$1]=$("$natpunchd" --make-key "$dir/$1/key")
}

# usage: site_conf NAME [LINE]...; its configuration
site_conf()
{
	local name=$1

	shift
	printf '%s\n' "site = \"$name\"; key = \"$dir/$name/key\";" \
		"socket = \"$dir/$name/sock\"; state = \"$dir/$name/state\";" \
		"log_level = \"debug\";" "$@" >"$dir/$name/conf"
}

# usage: site_start NAME
site_start()
{
	"$natpunchd" --config "$dir/$1/conf" >>"$dir/$1.log" 2>&1 &
	pids+=($!)
	echo $! >"$dir/$1.pid"
	soon ctl "$1" site key
}

reload()
{
	kill -HUP "$(<"$dir/$1.pid")"
}

# usage: ctl SITE ARGUMENT...
ctl()
{
	local site=$1

	shift
	NATPUNCHD_SOCKET=$dir/$site/sock "$top/build/natpunchctl" "$@"
}

# usage: logged SITE TEXT [TIMES]
logged()
{
	cat "$dir/$1.log" >"$out"
	[ "$(grep -cF -- "$2" "$dir/$1.log")" -ge "${3:-1}" ]
}

# usage: shows TEXT SITE ARGUMENT...; natpunchctl prints the text
shows()
{
	local text=$1

	shift
	ctl "$@" >"$out" 2>&1
	grep -qF -- "$text" "$out"
}
