#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# selftests/check says at once what it can't run, and does not wait for a check that
# is running. (Whoever runs this is one.)
#
# Needs no module.

set -u

check=$(cd "$(dirname "$0")" && pwd)/check
out=$(mktemp)
trap 'rm -f "$out"' EXIT

plan=10 count=0 failed=0

# usage: says STATUS TEXT KERNELS WORD...
says()
{
	local status=$1 text=$2 kernels=$3 got

	shift 3
	KERNELS=$kernels timeout -k 5 60 "$check" "$@" >"$out" 2>&1 </dev/null
	got=$?
	count=$((count + 1))
	if [ "$got" = "$status" ] && grep -qF -- "$text" "$out"; then
		echo "ok $count '$*': status $status, '$text'"
	else
		failed=$((failed + 1))
		echo "not ok $count '$*': status $got instead of $status, '$text'"
		sed 's/^/# /' "$out"
	fi
}

echo "KTAP version 1"
echo "1..$plan"

says 0 'check [NAME...]' '' --help
says 0 'check [NAME...]' '' -h
says 2 'check [NAME...]' '' --everything
says 2 "no test is called 'hold_limit'" 6.1 hold_limit
says 2 'hold_limits' 6.1 hold_limit
says 2 "no test is called 'no_such_test'" 6.1 sctp no_such_test
says 2 "no test is called 'bench'" 6.1 bench
says 2 "no test is called 'lab/flow'" 6.1 lab/flow
says 2 "'budget' is for 6.1" '6.12 7.3' budget
HOST=no says 2 "'host_stun' is no test of a kernel" 6.1 host_stun

echo "# Totals: pass:$((count - failed)) fail:$failed xfail:0 xpass:0 skip:0 error:0"
[ $failed -eq 0 ] && [ $count -eq $plan ]
