#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# natpunchd --check: what is right passes; what is wrong is named with its file
# and line, and with what would be right; nothing crashes on any file.
#
# Needs no module.

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
natpunchd=$top/build/natpunchd
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
conf=$dir/natpunchd.conf
out=$dir/out
export LC_ALL=C.UTF-8

if [ ! -x "$natpunchd" ]; then
	echo "1..0 # SKIP natpunchd was left out of the build: its libraries are missing"
	exit 4
fi

plan=84 count=0 failed=0
key_b=npk-$("$natpunchd" --make-key "$dir/b.key" | sed 's/^npk-//')
key_c=$("$natpunchd" --make-key "$dir/c.key")

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

check()
{
	"$natpunchd" --check --config "$conf" >"$out" 2>&1
}

# usage: right NAME <FILE
right()
{
	cat >"$conf"
	check
	result $? "$1"
}

# usage: wrong TEXT LINE [NAME] <FILE; TEXT is told, for LINE of the file
wrong()
{
	local status

	cat >"$conf"
	check
	status=$?
	[ "$status" = 1 ] && grep -qF -- "$1" "$out" &&
		{ [ -z "$2" ] || grep -q "^$conf:$2: " "$out"; }
	result $? "${3:-$1}"
}

echo "KTAP version 1"
echo "1..$plan"

[[ $key_b =~ ^npk-[A-Za-z0-9_-]{43}$ ]] && [ "$key_b" != "$key_c" ]
result $? "keys are made"

right "an empty file is right: all has a default" </dev/null
right "everything at once" <<END
# comment
site = "siteA"; key = "$dir/b.key"; user = "nobody"; group = "nogroup";
socket = "/run/natpunch/x.sock"; state = "/var/lib/natpunch";
notify = "/etc/natpunch/notify"; log = "syslog"; log_level = "debug";
prefix = "fleet/7"; keepalive = 300; offer_life = 86400;
punch_rate = 100; wan = ("eth0", "wwan0"); portmap = ["pcp", "nat-pmp", "upnp"];
brokers = ( { host = "b.example.net"; },
	{ host = ["b1.example.net:8883", "b2.example.net", "[2001:db8::1]:8883"];
	  tls = true; ca = "/etc/ssl/ca.pem"; cert = "c.pem"; cert_key = "k.pem";
	  user = "siteA"; password_file = "/etc/natpunch/pw"; } );
peers = ( { name = "siteB"; key = "$key_b"; }, { name = "siteC"; key = "$key_c"; } );
services = ( { name = "ssh"; to = "10.1.0.2:22"; allow = ("siteB", "siteC"); },
	{ name = "dns"; to = "[fd00::2]:53"; proto = "udp"; allow = "siteB"; } );
connect = ( { service = "siteB/ssh"; listen = "10.2.0.1:2222"; },
	{ service = "siteB/dns"; listen = "10.2.0.1:2222"; proto = "udp"; } );
stun = ( { host = "stun.example.net:3478"; } );
relays = ( { host = "turn.example.net"; tls = true; user = "u"; password_file = "p"; } );
END

# Words.
wrong "did you mean 'brokers'" 1 <<<'brokres = ();'
wrong "there are site, key" 2 <<<$'\nfrobnicate = 1;'
wrong "did you mean 'host'" 2 <<<$'brokers = (\n{ hots = "x"; host = "x"; } );'
wrong "'host' is missing" 1 <<<'brokers = ( { } );'
wrong "'key' is missing" 1 <<<'peers = ( { name = "b"; } );'
wrong "did you mean 'syslog'" 1 <<<'log = "sylsog";'
wrong "one of error, warning, info, debug" 1 <<<'log_level = "loud";'
wrong "unknown word 'natpmp', did you mean 'nat-pmp': one of pcp, nat-pmp, upnp" 1 <<<'portmap = "natpmp";'
wrong "'upnp' is there twice" 2 <<<$'\nportmap = ( "upnp", "pcp", "upnp" );'
wrong "nothing but strings" 1 "portmap: nothing but words" <<<'portmap = ( "pcp", true );'
wrong "it must be a string, or a list of them" 1 "portmap: no truth" <<<'portmap = true;'
right "portmap: one word alone" <<<'portmap = "upnp";'
right "portmap: an empty list" <<<'portmap = ();'
wrong "one of tcp, udp" 1 <<<'services = ( { name = "s"; to = "10.0.0.2:1"; proto = "sctp"; allow = (); } );'

# Types and ranges.
wrong "it must be a string" 1 <<<'site = 5;'
wrong "it is empty" 1 <<<'site = "";'
wrong "it must be a whole number, 5 to 65535" 1 <<<'keepalive = "60";'
wrong "4 is out of range" 1 <<<'keepalive = 4;'
wrong "65536 is out of range" 1 <<<'keepalive = 65536;'
wrong "9 is out of range: 10 to 10000" 1 <<<'punch_rate = 9;'
wrong "604801 is out of range: 30 to 604800" 1 <<<'offer_life = 604801;'
wrong "user and password go together" 1 <<<'relays = ( { host = "t"; user = "u"; } );'
wrong "user and password go together" 1 <<<'relays = ( { host = "t"; password_file = "p"; } );'
wrong "both a password and a password_file" 1 <<<'relays = ( { host = "t"; user = "u"; password = "x"; password_file = "p"; } );'
wrong "it has a ca, but tls is not true" 1 <<<'relays = ( { host = "t"; ca = "c.pem"; tcp = true; } );'
wrong "it must be true or false" 1 <<<'brokers = ( { host = "b"; tls = 1; } );'
wrong "it must be a list of groups" 1 <<<'brokers = { host = "b"; };'
wrong "must be a list of groups" 1 "a list of strings is no list of groups" <<<'brokers = ( "b" );'
wrong "list of them" 1 <<<'wan = 5;'
wrong "nothing but strings" 1 <<<'wan = ( "eth0", 5 );'
wrong "the list is empty" 1 <<<'brokers = ( { host = (); } );'
wrong "there may be 8" 1 <<<"brokers = ( $(printf '{ host = "b"; }, %.0s' {1..8}) { host = \"b\"; } );"

# Values.
wrong "is no name" 1 <<<'site = "site A";'
wrong "is no name" 1 "33 characters are no name" <<<"site = \"$(printf 'x%.0s' {1..33})\";"
wrong "is no name" 1 "a name begins with a letter or digit" <<<'site = "-a";'
wrong "is no host" 1 <<<'brokers = ( { host = "b:"; } );'
wrong "is no host" 1 "port 0 is no port" <<<'brokers = ( { host = "b:0"; } );'
wrong "is no host" 1 "port 65536 is no port" <<<'brokers = ( { host = "b:65536"; } );'
wrong "is no host" 1 "a bracket must close" <<<'brokers = ( { host = "[::1"; } );'
wrong "can not begin a topic" 1 <<<'prefix = "a/#";'
wrong "can not begin a topic" 1 "a topic does not end with a slash" <<<'prefix = "a/";'
wrong "not an endpoint" 1 <<<'services = ( { name = "s"; to = "10.0.0.2"; allow = (); } );'
wrong "not an endpoint" 1 "a port is at most 65535" <<<'services = ( { name = "s"; to = "10.0.0.2:65536"; allow = (); } );'
wrong "not an endpoint" 1 "an endpoint has an address" <<<'services = ( { name = "s"; to = "host:22"; allow = (); } );'
wrong "not a site's public key" 1 <<<'peers = ( { name = "b"; key = "npk-abc"; } );'
wrong "as siteA/ssh" 1 <<<'connect = ( { service = "ssh"; listen = "10.0.0.1:1"; } );'
wrong "as siteA/ssh" 1 "one slash is enough" <<<'connect = ( { service = "a/b/c"; listen = "10.0.0.1:1"; } );'

# What belongs together.
wrong "two peers 'b'" 2 <<END
peers = ( { name = "b"; key = "$key_b"; },
	{ name = "b"; key = "$key_c"; } );
END
wrong "has the key of 'b'" 2 <<END
peers = ( { name = "b"; key = "$key_b"; },
	{ name = "c"; key = "$key_b"; } );
END
wrong "did you mean 'siteB'" 2 <<END
peers = ( { name = "siteB"; key = "$key_b"; } );
services = ( { name = "s"; to = "10.0.0.2:1"; allow = "stieB"; } );
END
wrong "is not among the peers" 1 <<<'services = ( { name = "s"; to = "10.0.0.2:1"; allow = "b"; } );'
wrong "two services 's'" 1 <<<'services = ( { name = "s"; to = "10.0.0.2:1"; allow = (); }, { name = "s"; to = "10.0.0.2:1"; allow = (); } );'
wrong "site 'siteX' is not among" 1 <<<'connect = ( { service = "siteX/ssh"; listen = "10.0.0.1:1"; } );'
wrong "the same endpoint" 3 <<END
peers = ( { name = "b"; key = "$key_b"; } );
connect = ( { service = "b/x"; listen = "10.0.0.1:1"; },
	{ service = "b/y"; listen = "10.0.0.1:1"; } );
END
wrong "cert and cert_key" 1 <<<'brokers = ( { host = "b"; tls = true; cert = "c"; } );'
wrong "tls is not true" 1 <<<'brokers = ( { host = "b"; ca = "c"; } );'
wrong "no user" 1 <<<'brokers = ( { host = "b"; password_file = "c"; } );'
wrong "both a password" 1 <<<'brokers = ( { host = "b"; user = "u"; password = "p"; password_file = "c"; } );'

# A password for everybody to read.
umask 022
wrong "chmod o=" '' <<<'brokers = ( { host = "b"; user = "u"; password = "p"; } );'
chmod o= "$conf"
check
result $? "... for its owner and group alone it is right"
rm -f "$conf"

# All that is wrong is told, but not for ever.
cat >"$conf" <<<$'a = 1;\nb = 2;\nc = 3;'
check
[ "$(grep -c "^$conf:[123]: " "$out")" = 3 ]
result $? "all mistakes are told at once"
for i in {1..50}; do echo "x$i = 1;"; done >"$conf"
check
[ "$(wc -l <"$out")" -le 22 ] && grep -q 'and so on' "$out"
result $? "... but not for ever"

# No configuration at all.
wrong "syntax error" 2 <<<$'\nsite = ;'
wrong "duplicate setting name" 2 <<<$'site = "a";\nsite = "b";'
rm -f "$conf"
check
[ $? = 1 ] && grep -qF "$conf: No such file" "$out"
result $? "a missing file"
mkdir "$conf"
check
[ $? = 1 ] && grep -qF "$conf: it is not a file" "$out"
result $? "a directory"
rmdir "$conf"
# What libconfig would end the whole daemon for, or never come back from.
for what in "$dir" /dev/zero; do
	printf '# here\n  @include "%s"\n' "$what" >"$conf"
	check
	[ $? = 1 ] && grep -qF "$what: it is not a file" "$out"
	result $? "... and $what included"
done
printf '@include "%s"\n@include "%s"\n' "$conf" "$conf" >"$conf"
check
[ $? = 1 ] && [ -s "$out" ]
result $? "one that includes itself"
printf '\n@include "%s/none"\n' "$dir" >"$conf"
check
[ $? = 1 ] && grep -qF "$conf:2: cannot open include file" "$out"
result $? "one that is not there"
echo 'site = "included";' >"$dir/included"
right "a part of it elsewhere" <<-EOF
	@include "$dir/included"
	keepalive = 5;
EOF
truncate -s 2M "$conf"
check
[ $? = 1 ] && grep -q 'more than' "$out"
result $? "a file far too long"
head -c 5000 /dev/urandom >"$conf"
check
[ $? = 1 ]
result $? "random bytes"

# Every beginning of a right file ends in a message or in silence, never in a
# crash.
cat >"$dir/whole" <<END
peers = ( { name = "siteB"; key = "$key_b"; } );
services = ( { name = "ssh"; to = "10.1.0.2:22"; allow = ("siteB"); } );
END
bad=0
for ((n = 0; n < $(wc -c <"$dir/whole"); n += 7)); do
	head -c "$n" "$dir/whole" >"$conf"
	check
	[ $? -le 1 ] || bad=$((bad + 1))
done
result $bad "no truncated file makes it crash"

# The files that Documentation/howto.rst shows, with our keys and files in them.
for name in password turn.password fleet-ca.pem unit.pem unit.key; do
	(umask 077; echo secret >"$dir/$name")
done
awk -v out="$dir/howto" '
	/^    site = / { shown = out "." ++n }
	!/^    / { shown = "" }
	shown { print >shown }' "$top/Documentation/howto.rst"
for shown in "$dir"/howto.*; do
	sed -e "s/npk-\.\.\./$key_c/; s|/etc/natpunch/|$dir/|" "$shown" >"$conf"
	chmod o= "$conf"
	check
	result $? "the howto's file of $(sed -n 's/^ *site = //p' "$conf")"
	rm -f "$conf"
done

"$natpunchd" --chekc >"$out" 2>&1
[ $? = 2 ] && grep -q -- "--check" "$out"
result $? "a wrong option is told, with status 2"

echo "# Totals: pass:$((count - failed)) fail:$failed xfail:0 xpass:0 skip:0 error:0"
[ $failed -eq 0 ] && [ $count -eq $plan ]
