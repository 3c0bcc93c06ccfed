#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The generated files of the netlink ABI are what the spec makes, and
# scripts/gen-uapi --check notices when they are not.
#
# Needs no module. Works on a copy, so a failure leaves nothing behind.

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
spec=Documentation/netlink/specs/natpunch.yaml
header=include/uapi/linux/natpunch.h
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

count=0 failed=0

# usage: result STATUS NAME
result()
{
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count $2"
	else
		failed=$((failed + 1))
		echo "not ok $count $2"
	fi
}

# A pristine copy of what gen-uapi reads and writes.
fresh_copy()
{
	rm -rf "${copy:?}"/*
	mkdir -p "$copy/kernel"
	cp -r "$top/Documentation" "$top/include" "$top/scripts" "$copy/"
	cp "$top"/kernel/netlink-gen.[ch] "$copy/kernel/"
}

check()
{
	"$copy/scripts/gen-uapi" --check
}

# usage: notices WHAT FILE; FILE has been edited in the copy
notices()
{
	local before out

	before=$(sha256sum "$copy/$2")
	out=$(check 2>&1)
	result $(( $? != 1 )) "--check fails after an edit of $1"
	grep -q "^--- $2" <<<"$out"
	result $? "--check shows the difference after an edit of $1"
	[ "$before" = "$(sha256sum "$copy/$2")" ]
	result $? "--check changes nothing after an edit of $1"
}

echo "KTAP version 1"
echo "1..14"

"$top/scripts/gen-uapi" --check | sed 's/^/# /'
result "${PIPESTATUS[0]}" "the committed files are current"

fresh_copy
check >/dev/null
result $? "--check passes on an untouched copy"

sed -i 's/name: eif$/name: eifx/' "$copy/$spec"
notices "the spec" "$header"
"$copy/scripts/gen-uapi" && check >/dev/null
result $? "the edited spec generates"
grep -q 'NATPUNCH_FILTER_EIFX' "$copy/$header"
result $? "the header follows the edited spec"

fresh_copy
sed -i 's/NATPUNCH_MAX_ADDRESSES\t\t16/NATPUNCH_MAX_ADDRESSES\t\t17/' \
	"$copy/$header"
notices "the header" "$header"

fresh_copy
sed -i 's/GENL_UNS_ADMIN_PERM/0/' "$copy/kernel/netlink-gen.c"
notices "the policies" kernel/netlink-gen.c

"$copy/scripts/gen-uapi" --chekc 2>/dev/null
result $(( $? != 2 )) "an unknown option is a usage error"

echo "# Totals: pass:$((count - failed)) fail:$failed xfail:0 xpass:0 skip:0 error:0"
[ $failed -eq 0 ] && [ $count -eq 14 ]
