#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# natpunchctl's command line, as far as it goes without the module: help
# everywhere, abbreviations, and messages that name the wrong word and the right
# one, with the exit status that scripts rely on.
#
# Needs no module.

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
ctl=$top/build/natpunchctl
out=$(mktemp)
trap 'rm -f "$out"' EXIT
export LC_ALL=C.UTF-8

plan=104 count=0 failed=0

# usage: result STATUS NAME
result()
{
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count $2"
	else
		failed=$((failed + 1))
		echo "not ok $count $2"
		sed 's/^/# /' "$out"
	fi
}

# usage: helps ARGUMENT...; help goes to stdout, whole, and is no error
helps()
{
	"$ctl" "$@" >"$out" 2>&1
	result $(( $? != 0 )) "'$*' is no error"
	"$ctl" "$@" >"$out" 2>/dev/null
	grep -qi 'natpunchctl' "$out"
	result $? "'$*' helps on stdout"
	awk 'length > 95 { exit 1 }' "$out"
	result $? "'$*' fits a terminal"
}

# usage: refused STATUS TEXT ARGUMENT...; TEXT must be in the message on stderr
refused()
{
	local status=$1 text=$2 got

	shift 2
	"$ctl" "$@" 2>"$out" >/dev/null
	got=$?
	[ "$got" = "$status" ] && grep -qF -- "$text" "$out"
	result $? "'$*': status $status, '$text'"
}

# usage: understood ARGUMENT...; the command line is right: whatever fails is
# not that
understood()
{
	local status

	timeout -s INT 5 "$ctl" "$@" >"$out" 2>&1
	status=$?
	[ "$status" != 2 ]
	result $? "'$*' is understood"
}

# No namespace of this name exists, so nothing is changed by what is understood.
nowhere=(-n natpunch-no-such-netns)

echo "KTAP version 1"
echo "1..$plan"

helps --help
helps help
helps -h
helps wan --help
helps wan help
helps wan add --help
helps wan set -h
helps mapping show --help
helps reserve add --help
helps monitor --help
helps check --help
helps help reserve add
for verb in 'wan add' 'wan set' 'wan del' 'wan show' 'mapping show' \
	    'mapping flush' 'reserve add' 'reserve del' 'reserve show' \
	    'upstream show' predict stats monitor check; do
	read -ra words <<<"$verb"
	"$ctl" "${words[@]}" --help >"$out" 2>&1 &&
		grep -q "^Usage: natpunchctl $verb" "$out"
	result $? "'$verb --help' shows its usage"
done
"$ctl" --version >"$out" && grep -qE '^natpunchctl [0-9]' "$out"
result $? "--version"

# Words.
refused 2 'OBJECT VERB'
refused 2 "did you mean 'wan'" wna
refused 2 'wan, mapping, reserve, hold, crafted, upstream, predict, stats, monitor, check' frobnicate
refused 2 'mapping, monitor' m
refused 2 "did you mean 'flush'" mapping flsh
refused 2 'add, set, del, show' wan eth0
refused 2 "'--filter'" wan add eth0 --fliter eif
refused 2 '--internal, --inbound-refresh' wan add eth0 --in 10.0.0.0/8
refused 2 'eif, adf, apdf' wan add eth0 --filter full-cone
refused 2 'adf, apdf' wan add eth0 --filter a
refused 2 'set, show' w s
refused 2 'needs a value' wan add eth0 --ports
refused 2 'takes no value' --json=yes stats
refused 2 '-x' -x
refused 2 'one word too many' wan del eth0 eth1
refused 2 'device is missing' wan del
refused 2 'endpoint is missing' reserve add eth0 udp
refused 2 'nothing to change' wan set eth0
refused 2 'auto, always, never' --color=blue stats

# Values.
refused 2 '10.0.0.0/8' wan add eth0 --internal 10.1.2.3/8
refused 2 '0 to 32' wan add eth0 --internal 10.0.0.0/33
refused 2 'fd00::/129' wan add eth0 --internal fd00::/129
refused 2 '1024-65535' wan add eth0 --ports 1024
refused 2 'empty range' wan add eth0 --ports 2000-1000
refused 2 '65536' wan add eth0 --ports 1-65536
refused 2 '10.0.0.256' wan add eth0 --address 10.0.0.256
refused 2 "'5x'" wan add eth0 --udp-timeout 5x
refused 2 'off, on' wan add eth0 --nat66=perhaps
refused 2 'lacks the port' reserve add eth0 udp 10.0.0.2
refused 2 'lacks the port' reserve add eth0 udp fd00::2
refused 2 'tcp, udp, sctp' reserve add eth0 icmp 10.0.0.2:5
refused 2 'port 0' reserve add eth0 udp 10.0.0.2:5 --external 0
refused 2 '1 to 65535' wan add eth0 --stun-ports 3478,stun
refused 2 '1 to 1024' predict 10.0.0.2:5 --to 192.0.2.1 --flows 2000
refused 2 'not a probability' predict 10.0.0.2:5 --to 192.0.2.1 --wanted 0
refused 2 '--to is missing' predict 10.0.0.2:5
refused 2 '1 to 15 characters' wan add interface-of-mine

# What is right, also when shortened and wherever common options stand.
understood "${nowhere[@]}" wan
understood "${nowhere[@]}" w a eth0 --filt eif --nat66 --port 1-2
understood w sh "${nowhere[@]}" -j
understood "${nowhere[@]}" -jp ma s --proto 17 --internal '[fd00::2]:5'
understood "${nowhere[@]}" ma f --external :5
understood "${nowhere[@]}" ma f --external 192.0.2.1
understood "${nowhere[@]}" up
understood "${nowhere[@]}" pr 10.0.0.2:5 --to 192.0.2.1:7 --flows 3 --within 9
understood "${nowhere[@]}" r a eth0 t '[fd00::2]:5' --external '[2001:db8::1]:6'
understood "${nowhere[@]}" wan set eth0 --udp-timeout 2h4m --internal default
refused 1 'ip netns' "${nowhere[@]}" wan show
refused 1 'not a network namespace' -n /proc/self/ns/uts wan show
refused 1 'not a network namespace' -n "$out" wan show

# The module is not loaded where nothing can load it. This system's kernel may
# well have it, but a kernel can not have it by another name.
if [ -e /sys/module/natpunch ]; then
	count=$((count + 2))
	echo "ok $((count - 1)) a missing module # SKIP it is loaded"
	echo "ok $count a missing module # SKIP it is loaded"
else
	refused 1 'modprobe natpunch' wan show
	refused 1 'modprobe natpunch' -j monitor
fi
"$ctl" --help >/dev/full 2>"$out"
result $(( $? != 1 )) "a full disk is not overlooked"

echo "# Totals: pass:$((count - failed)) fail:$failed xfail:0 xpass:0 skip:0 error:0"
[ $failed -eq 0 ] && [ $count -eq $plan ]
