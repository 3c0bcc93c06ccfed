#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rendezvous over a real broker: sites find each other, whatever happens to the
# broker and whoever else writes to it.  What a message does is seen by its
# answer: who asks for a service that there is not is told so by the peer.
#
# Needs no module.

. "$(dirname "$0")/lab/natpunchd.sh"
find_mosquitto
plan 45

site_make a
site_make b
site_make c

# usage: id SITE
id()
{
	ctl "$1" site show | sed -n 's/^id: *//p'
}

# usage: peers SITE...; what its configuration says of others
peers()
{
	local peer list=

	for peer; do
		list+="{ name = \"$peer\"; key = \"${key[$peer]}\"; }, "
	done
	echo "peers = ( ${list%, } );"
}

brokers='brokers = ( { host = "127.0.0.1:1883"; } );'

# usage: asked FROM TO; a fresh request gets the answer that there is no such
# service
asked()
{
	port=$((${port:-2000} + 1))
	ctl "$1" connect "$2/none$port" --listen "127.0.0.1:$port" &&
		soon refusal "$1" &&
		ctl "$1" connection del "127.0.0.1:$port"
}

# shellcheck disable=SC2317 # soon calls it
refusal()
{
	ctl "$1" -j connection show | tr '{' '\n' >"$out"
	grep -F "\"listen\":\"127.0.0.1:$port\"" "$out" |
		grep -qF "no such service"
}

# usage: refused SITE TEXT [TIMES]
refused()
{
	ctl "$1" site show >"$out" 2>&1
	[ "$(sed -nE "s/^refused: ([0-9]+) times: .*$2.*/\1/p" "$out")" \
		-ge "${3:-1}" ] 2>/dev/null
}

# shellcheck disable=SC2317 # soon calls it
cut_off()
{
	shows '"over_limit":' "$1" -j site show &&
		! grep -q '"over_limit":0' "$out"
}

# --- two sites -------------------------------------------------------------

broker_start m 1883
site_conf a "$brokers" "$(peers b)"
site_conf b "$brokers" "$(peers a)"
site_start a
result $? "a site starts"
site_start b
soon shows online a peer show
result $? "a sees b come online"
soon shows online b peer show
result $? "b sees a, which was there before"
asked b a
result $? "a message and its answer pass"
shows '1 ms' b site show
result $? "the round trip to the broker is measured"
id_a=$(id a) id_b=$(id b)

# --- who else is at the broker ----------------------------------------------

in_a=natpunch/v1/$id_a/in presence_b=natpunch/v1/$id_b/presence
timeout 20 mosquitto_sub -h 127.0.0.1 -t "$in_a" -N -C 1 >"$dir/kept" 2>"$dir/kept.err" &
sub=$!
pids+=("$sub")
sleep 0.5
asked b a
wait $sub
! grep -qaE 'offer|session|none' "$dir/kept" && [ -s "$dir/kept" ]
result $? "the broker can not read a message"
mosquitto_pub -h 127.0.0.1 -t "$in_a" -f "$dir/kept"
soon refused a 'seen before'
result $? "a message that the broker repeats is refused"
stop a KILL
site_start a
soon shows online a peer show
mosquitto_pub -h 127.0.0.1 -t "$in_a" -f "$dir/kept"
soon refused a 'seen before'
result $? "... also when we were killed in between"
stop a
site_start a
soon shows online a peer show

# usage: flip FILE OFFSET; another byte there, whatever it was
flip()
{
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %x $((byte ^ 1)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

cp "$dir/kept" "$dir/flipped"
flip "$dir/flipped" 100
mosquitto_pub -h 127.0.0.1 -t "$in_a" -f "$dir/flipped"
soon refused a 'garbled'
result $? "one that it changes is refused"
head -c 60 "$dir/kept" >"$dir/cut"
mosquitto_pub -h 127.0.0.1 -t "$in_a" -f "$dir/cut"
soon refused a 'no message of natpunch'
result $? "... one that it cuts, too"
mosquitto_pub -h 127.0.0.1 -t "natpunch/v1/$id_b/in" -f "$dir/kept"
soon refused b 'garbled'
result $? "... and one that it delivers to another"
mosquitto_pub -h 127.0.0.1 -t "$in_a" -n
mosquitto_pub -h 127.0.0.1 -t "$in_a" -m '{"v":1,"type":"offer"}'
for size in 1 300 12466 12467 20000 300000; do
	head -c $size /dev/urandom >"$dir/noise"
	mosquitto_pub -h 127.0.0.1 -t "$in_a" -f "$dir/noise"
done
mosquitto_pub -h 127.0.0.1 -r -t "natpunch/v1/not-a-site/presence" -m x
mosquitto_pub -h 127.0.0.1 -t "natpunch/v1/$id_a/in/deeper" -m x
asked b a
result $? "noise of any size changes nothing"
head -c 100 /dev/urandom >"$dir/noise"
mosquitto_pub -h 127.0.0.1 -t "$in_a" -f "$dir/noise" --repeat 2000
soon cut_off a
result $? "a flood is cut off"
sleep 1
asked b a
result $? "... and over"

# Presence is signed, and dated.
mosquitto_pub -h 127.0.0.1 -r -t "$presence_b" -m '{"v":1,"boot":9999999999999,"online":false}'
mosquitto_sub -h 127.0.0.1 -t "natpunch/v1/$id_a/presence" -N -C 1 >"$dir/presence_a"
mosquitto_pub -h 127.0.0.1 -r -t "$presence_b" -f "$dir/presence_a"
sleep 0.3
shows online a peer show && ! grep -q offline "$out"
result $? "nobody else can say that b is gone"
stop b
soon shows offline a peer show
result $? "b says goodbye"
site_start b
soon shows online a peer show
mosquitto_sub -h 127.0.0.1 -t "$presence_b" -N -C 1 >"$dir/presence_b"
stop b KILL
soon shows offline a peer show
result $? "b dies: the broker says so"
mosquitto_pub -h 127.0.0.1 -r -t "$presence_b" -f "$dir/presence_b"
sleep 0.3
shows offline a peer show
result $? "nobody can say that it is back but b"
site_start b
soon shows online a peer show
result $? "b comes back"

# Who is no peer.
site_conf c "$brokers" "$(peers a)"
site_start c
ctl c connect a/ssh --listen 127.0.0.1:1999
soon refused a 'not among the peers' && logged a "${key[c]} is not among the peers"
result $? "a stranger is refused, and named"
shows 'offered' c connection show
result $? "... and told nothing"
stop c

# --- sleepers --------------------------------------------------------------

stop a
soon shows offline b peer show
ctl b connect a/none --listen 127.0.0.1:3000
soon shows offered b connection show
result $? "an offer to a sleeping site is left at the broker"
sent=$(ctl b -j site show | grep -o '"messages_out":[0-9]*')
site_start a
port=3000
soon refusal b
result $? "... and comes when it wakes up"
[ "$(ctl b -j site show | grep -o '"messages_out":[0-9]*')" = "$sent" ]
result $? "... without being sent again"
ctl b connection del 127.0.0.1:3000

# --- broken brokers --------------------------------------------------------

stop m KILL
soon shows waiting a site show
result $? "the broker dies: it is noticed"
shows offline a peer show
result $? "... and nobody counts as online"
ctl b connect a/none --listen 127.0.0.1:3001
soon shows 'no broker is connected' b connection show
result $? "a connection waits, and says for what"
broker_start m 1883
port=3001
soon refusal b
result $? "the broker is back: so is everything"
ctl b connection del 127.0.0.1:3001

# A broker that hangs is one that is gone.
site_conf a 'keepalive = 5;' "$brokers" "$(peers b)"
stop a
site_start a
soon shows connected a site show
kill -STOP "$(<"$dir/m.pid")"
sleep 7
soon logged a 'it has fallen silent'
result $? "a broker that hangs is given up"
kill -CONT "$(<"$dir/m.pid")"
soon shows connected a site show
result $? "... and found again"

# --- several brokers -------------------------------------------------------

broker_start n 1884
both='brokers = ( { host = "127.0.0.1:1883"; }, { host = "127.0.0.1:1884"; } );'
site_conf a "$both" "$(peers b)"
site_conf b "$both" "$(peers a)"
before=$(grep -c 'connected after' "$dir/a.log")
reload a
reload b
soon logged a ':1884: connected'
result $? "SIGHUP adds a broker"
soon logged b ':1884: connected'
[ "$(grep -c 'connected after' "$dir/a.log")" = $((before + 1)) ]
result $? "... and leaves the other connection alone"
sleep 0.5
asked b a && refused a 'seen before'
result $? "a message goes by both, and counts once"
stop m KILL
asked b a
result $? "one broker dies: the other carries on"
broker_start m 1883
site_conf b 'brokers = ( { host = ( "127.0.0.1:1", "127.0.0.1:1884" ); } );' "$(peers a)"
reload b
soon logged b ':1884: connected' 2 && asked b a
result $? "a node of a cluster that is down is passed over"

# --- SIGHUP ----------------------------------------------------------------

echo 'brokres = ();' >>"$dir/a/conf"
reload a
soon logged a "did you mean 'brokers'?" && logged a 'stays as it was' &&
	asked b a
result $? "a wrong configuration is told, and not taken over"
ctl b connect a/none --listen 127.0.0.1:3002
site_conf b "$both"
reload b
soon shows 'no peers' b peer show
shows 'no connections' b connection show
result $? "a peer that is gone takes its connections along"
site_conf a "$both" "$(peers b)"
reload a
site_conf b "$both" "$(peers a)"
reload b
soon shows online b peer show
asked b a
result $? "it comes back as well"
stop a
stop b
stop m
stop n

# --- passwords and certificates ----------------------------------------------

touch "$dir/passwords"
mosquitto_passwd -b "$dir/passwords" siteA secret 2>/dev/null
broker_start p 1885 'allow_anonymous false' "password_file $dir/passwords"
login='brokers = ( { host = "127.0.0.1:1885"; user = "siteA"; password_file = "'$dir'/pw"; } );'
site_conf a "$login" "$(peers b)"
echo wrong >"$dir/pw"
site_start a
soon logged a ':1885: it refuses us: '
result $? "a wrong password is told"
echo secret >"$dir/pw"
soon logged a ':1885: connected'
result $? "... the right one is taken"
stop a
stop p

# usage: cert NAME SUBJECT [CA]; self-signed without one
cert()
{
	local options=(-x509)

	[ $# -lt 3 ] || options=(-x509 -CA "$dir/$3.pem" -CAkey "$dir/$3.key")
	openssl req "${options[@]}" -newkey rsa:2048 -nodes -days 2 \
		-subj "/CN=$2" -keyout "$dir/$1.key" -out "$dir/$1.pem" \
		${3:+-addext "subjectAltName=IP:127.0.0.1"} 2>"$out"
}

cert ca right && cert other wrong && cert server localhost ca &&
	cert client siteA ca
result $? "certificates are made"
broker_start t 8883 'allow_anonymous true' "cafile $dir/ca.pem" \
	"certfile $dir/server.pem" "keyfile $dir/server.key" \
	'require_certificate true'
tls='host = "127.0.0.1"; tls = true'
client="cert = \"$dir/client.pem\"; cert_key = \"$dir/client.key\""
site_conf a "brokers = ( { $tls; ca = \"$dir/other.pem\"; $client; } );"
site_start a
soon logged a 'certificate verify failed'
result $? "a broker with a foreign certificate is not spoken to"
stop a
site_conf a "brokers = ( { $tls; ca = \"$dir/ca.pem\"; } );"
site_start a
soon logged a ':8883: ' 2 && ! logged a ':8883: connected'
result $? "without a certificate of ours we are not let in"
stop a
site_conf a "brokers = ( { $tls; ca = \"$dir/ca.pem\"; $client; } );"
site_start a
soon logged a ':8883: connected'
result $? "with both all is well"
stop a
site_conf a "brokers = ( { $tls; ca = \"$dir/missing.pem\"; $client; } );"
site_start a
soon logged a 'certificate files'
result $? "certificate files that are missing are told"

finish
