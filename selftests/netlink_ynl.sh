#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own YNL client, which knows nothing of natpunch but the spec,
# talks to the family: what the spec says is what is on the wire.
#
# needs: kernel=6.1

top=$(cd "$(dirname "$0")/.." && pwd)

if ! /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
	echo "KTAP version 1"
	echo "1..0 # SKIP there is no python3 with the module yaml"
	exit 4
fi
# The client looks families up in a list, which loads none.
modprobe natpunch || exit 1
exec unshare --net /usr/bin/python3 -B "$top/selftests/netlink_ynl.py" "$top"
