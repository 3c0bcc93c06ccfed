#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# natpunchd's control socket and what natpunchctl makes of it: services and
# connections, offers by copy and paste, restarts, and requests that are wrong
# in every way.
#
# Needs no module.

. "$(dirname "$0")/lab/natpunchd.sh"
plan 78

site_make a
site_make b
site_conf a "peers = ( { name = \"b\"; key = \"${key[b]}\"; } );" \
	'services = ( { name = "fixed"; to = "10.1.0.9:9"; allow = "b"; } );'
site_conf b "peers = ( { name = \"a\"; key = \"${key[a]}\"; } );"

# usage: refused STATUS TEXT SITE ARGUMENT...
refused()
{
	local status=$1 text=$2 got

	shift 2
	ctl "$@" >/dev/null 2>"$out"
	got=$?
	[ "$got" = "$status" ] && grep -qF -- "$text" "$out"
	result $? "'${*:2}': status $status, '$text'"
}

# usage: ask TEXT REQUEST; the answer to a request as it stands has the text
ask()
{
	printf '%s\n' "$2" | timeout 10 nc -N -U "$dir/a/sock" >"$out" 2>&1
	grep -qF -- "$1" "$out"
	result $? "${3:-${2:0:60}: $1}"
}

refused 1 'natpunchd is not running' a peer show
site_start a
result $? "it starts without a broker"
logged a 'no broker is configured'
result $? "... and says so"
site_start b

# Words.
refused 2 'add, del, show' a service frob x
refused 2 'endpoint is missing' a service add x
refused 2 'lacks the port' a service add x 10.0.0.2 --allow b
refused 2 '--allow SITE is missing' a service add x 10.0.0.2:22
refused 2 'tcp, udp' a service add x 10.0.0.2:22 --allow b --proto sctp
refused 2 "unknown protocol 'sctp'" a service add x 10.0.0.2:22/sctp --allow b
refused 2 'did you mean' a service add x 10.0.0.2:22/upd --allow b
refused 2 '10.0.0.2:53/udp is not --proto tcp' a service add x 10.0.0.2:53/udp --allow b --proto tcp
refused 2 'lacks the port' a service add x 10.0.0.2/udp --allow b
refused 2 'lacks the site' a connect ssh --listen 10.0.0.1:22
refused 2 '--listen ADDR:PORT is missing' a connect b/ssh
refused 2 'port 0' a connect b/ssh --listen 10.0.0.1:0
refused 2 'one word too many' a peer show all

# Services.
ctl a service add ssh 10.1.0.2:22 --allow b >"$out" 2>&1
result $? "a service is added"
ctl a service add dns '[fd00::2]:53' --proto udp --allow b 2>"$out"
shows 'udp    [fd00::2]:53' a service show
result $? "... and shown"
ctl a service add dns '[fd00::3]:53/udp' --proto udp --allow b 2>"$out"
shows 'udp    [fd00::3]:53' a service show
result $? "... with the protocol in the endpoint"
ctl a service add ssh 10.1.0.3:22 --allow b 2>"$out"
shows '10.1.0.3:22' a service show && ! grep -q '10.1.0.2:22' "$out"
result $? "... and replaced"
refused 1 "'c' is not among the peers" a service add x 10.0.0.2:22 --allow b,c
refused 1 'needs name' a service add 'x y' 10.0.0.2:22 --allow b
refused 1 'in the configuration file' a service add fixed 10.0.0.2:22 --allow b
refused 1 'in the configuration file' a service del fixed
refused 1 "no service 'nope'" a service del nope

# Connections.
ctl b connect a/ssh --listen 127.0.0.1:2222 2>"$out"
result $? "a connection is wished for"
soon shows 'no broker is connected' b connection show
result $? "... and says what it lacks"
refused 1 'listens at 127.0.0.1:2222 already' b connect a/dns --listen 127.0.0.1:2222
ctl b connect a/ssh --listen 127.0.0.1:2223 2>"$out"
refused 1 'are 2 connections' b connection del a/ssh
ctl b connection del 127.0.0.1:2223 2>"$out"
result $? "one of two is deleted by its endpoint"
refused 1 "'c' is not among the peers" b connect c/ssh --listen 127.0.0.1:2224
refused 1 'no service of a site' b connect 'a/s h' --listen 127.0.0.1:2224
refused 1 'no connection' b connection del nope

# By hand, over a channel of their own.
ip route add 192.0.2.0/24 dev lo src 127.0.0.1
line=$(ctl b offer a/ssh --listen 127.0.0.1:2230)
[[ $line == natpunch:* ]] && [ "$(wc -l <<<"$line")" = 1 ]
result $? "an offer is a line"
refused 1 'garbled' a accept "${line%????}AAAA"
refused 1 'for another site' b accept "$line"
answer=$(fold -w 60 <<<"$line" | sed 's/^/> /' | ctl a accept -)
[[ $answer == natpunch:* ]]
result $? "it is accepted, broken and quoted; so is the answer a line"
refused 1 'seen before' a accept "$line"
ctl b accept "$answer" 2>"$out"
result $? "the answer is accepted"
shows '"by_hand":' b -j peer show && soon shows '"by_hand":' a -j peer show
result $? "... and the sites have found each other"
soon shows 'built without a way' b connection show &&
	soon logged a 'built without a way'
result $? "... and agree on the connection"
refused 1 'seen before' b accept "$answer"
refused 1 'not a whole one' a accept 'natpunch:AAAA'
refused 1 'not a whole one' a accept 'what is this'
late=$(ctl b offer a/fixed --listen 127.0.0.1:2231)
answer=$(ctl a accept "$late")
ctl b connection del 127.0.0.1:2231
refused 1 'no offer that still stands' b accept "$answer"
late=$(ctl b offer a/fixed --listen 127.0.0.1:2231)
answer=$(ctl a accept "$late")
late=$(ctl b offer a/fixed --listen 127.0.0.1:2231)
refused 1 'no offer that still stands' b accept "$answer"
ctl b connection del 127.0.0.1:2231
line=$(ctl b offer a/none --listen 127.0.0.1:2232)
refused 1 'no such service' a accept "$line"
line=$(ctl b offer a/dns --listen 127.0.0.1:2233)
refused 1 'connect with --proto udp' a accept "$line"

# Over restarts, also without a goodbye.
for how in TERM KILL; do
	stop a $how
	site_start a
	shows '10.1.0.3:22' a service show
	result $? "services are there after SIG$how"
	stop b $how
	site_start b
	shows '127.0.0.1:2222' b connection show
	result $? "connections are there after SIG$how"
	soon shows '"by_hand":' b -j peer show
	result $? "... and the way by hand"
done
for port in 2230 2232 2233; do
	ctl b connection del 127.0.0.1:$port
done
soon logged a 'b has ended it' && ! shows '"by_hand":' b -j peer show
result $? "... which is gone with its last connection"
echo '{"version":1,"services":[{"name":5},{"name":"x","to":"y","allow":[]},3],"sessions":[1,{"id":"a"},{"id":"12345678901234567890","role":"asks","peer":"b","service":"x","state":"direct"}]}' \
	>"$dir/a/state/garbled"
stop a
mv "$dir/a/state/garbled" "$dir/a/state/state.json"
site_start a
shows fixed a service show
result $? "a garbled state file is passed over"
stop a
head -c 2000 /dev/urandom >"$dir/a/state/state.json"
site_start a
shows fixed a service show && logged a 'state.json:'
result $? "... and one that is noise"

# Another one, and one that was killed.
timeout 5 "$natpunchd" --config "$dir/a/conf" >"$out" 2>&1
[ $? = 1 ] && grep -q 'Address already in use' "$out"
result $? "a second daemon does not take the socket away"
shows fixed a service show
result $? "... the first one goes on"

# Who may not.
chmod 755 "$dir" "$dir/a"
cp "$top/build/natpunchctl" "$dir/natpunchctl"
NATPUNCHD_SOCKET=$dir/a/sock setpriv --reuid 65534 --regid 65534 \
	--clear-groups "$dir/natpunchctl" service del ssh 2>"$out"
[ $? = 1 ] && grep -qF 'only root and the configured group' "$out"
result $? "who is nobody may ask for nothing"
site_conf a 'group = "nogroup";'
reload a
sleep 0.5
NATPUNCHD_SOCKET=$dir/a/sock setpriv --reuid 65533 --regid 65533 \
	--groups 65534 "$dir/natpunchctl" peer show >"$out" 2>&1
result $? "who is in the group may"

# Requests that no natpunchctl makes.
ask 'no JSON' 'hello'
ask 'no JSON' '' 'an empty line'
ask 'no JSON' '{"do":"peer-show"'
ask "string 'do'" '[1,2]'
ask "string 'do'" '{"do":5}'
ask 'knows no request' '{"do":"peer-shoot"}'
ask 'no JSON' '{"do":"peer-show","do":"site-show"}' 'a member twice'
ask 'service-add needs' '{"do":"service-add","name":"x","to":"1.2.3.4:5","allow":"b"}'
ask 'service-add needs' "{\"do\":\"service-add\",\"name\":\"x\",\"to\":\"1.2.3.4:5\",\"allow\":[$(printf '"b",%.0s' {1..64})\"b\"]}" \
	'more peers than there may be'
ask 'a request has at most' "$(head -c 40000 /dev/zero | tr '\0' x)" \
	'a line without end'
printf '{"do":"site-key"}\n{"do":"peer-show"}\n' |
	timeout 10 nc -N -U "$dir/a/sock" >"$out"
[ "$(grep -c '"ok":true' "$out")" = 2 ]
result $? "two requests in a row get two answers"
for i in {1..40}; do
	sleep 4 | nc -N -U "$dir/a/sock" >"$dir/client$i" 2>&1 &
	pids+=($!)
done
sleep 1
cat "$dir"/client* >"$out"
grep -q 'too many clients' "$out"
result $? "too many clients are turned away"
soon ctl a peer show
result $? "... and the next ones served"

# --- privileges, systemd, the program for events ---------------------------

stop a
cat >"$dir/notify" <<'END'
#!/bin/sh
echo "$NATPUNCH_EVENT $NATPUNCH_PEER/$NATPUNCH_SERVICE $NATPUNCH_STATE $(grep CapEff /proc/self/status)" \
	>>"${0%/*}/a/state/events"
END
chmod 755 "$dir/notify"
chmod 640 "$dir/a/conf" "$dir/a/key"
rm -rf "$dir/a/state"
site_conf a 'user = "nobody";' "notify = \"$dir/notify\";" \
	"peers = ( { name = \"b\"; key = \"${key[b]}\"; } );"
chgrp nogroup "$dir/a/conf"
mkdir -p "$dir/a/run-natpunch"
sed -i "s|$dir/a/sock|$dir/a/run-natpunch/sock|" "$dir/a/conf"
ln -sfn run-natpunch/sock "$dir/a/sock"
python3 -u -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
	print(s.recv(4096).decode())' "$dir/ready" >"$dir/told" 2>&1 &
pids+=($!)
soon test -S "$dir/ready"
chmod 666 "$dir/ready"
export NOTIFY_SOCKET=$dir/ready WATCHDOG_USEC=1000000
site_start a
unset NOTIFY_SOCKET WATCHDOG_USEC
cp "/proc/$(<"$dir/a.pid")/status" "$out"
grep -q "^Uid:$(printf '\t65534%.0s' {1..4})$" "$out" &&
	grep -q '^CapEff:.0000000000003000$' "$out" &&
	grep -q '^CapPrm:.0000000000003000$' "$out" &&
	grep -q '^CapBnd:.0000000000000000$' "$out" &&
	grep -q '^NoNewPrivs:.1$' "$out"
result $? "it is nobody, with CAP_NET_ADMIN and CAP_NET_RAW and no more"
soon grep -q 'WATCHDOG=1' "$dir/told" && grep -q 'READY=1' "$dir/told"
result $? "systemd is told that it is ready, and alive"
ctl a service add ssh 10.1.0.2:22 --allow b 2>"$out"
stop a KILL
rm -f "$dir/a/run-natpunch/sock"
site_start a
shows ssh a service show
result $? "... and keeps its state"
sed -i 's/level = "debug"/level = "error"/' "$dir/a/conf"
reload a
sleep 0.3
ctl a connect b/ssh --listen 127.0.0.1:2240 2>"$out"
soon grep -q 'connection b/ssh idle' "$dir/a/state/events"
grep -q 'CapEff:.0000000000000000$' "$dir/a/state/events"
result $? "events are told to a program, which has no privileges"

finish
