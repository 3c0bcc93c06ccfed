#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
For netlink_ynl.sh: all commands of the spec by way of the kernel's YNL library,
and one by its command line client. One process, because in a VM Python takes
seconds to start.
"""

import json
import subprocess
import sys

top = sys.argv[1]
spec = f"{top}/Documentation/netlink/specs/natpunch.yaml"
sys.path.insert(0, f"{top}/scripts/ynl/pyynl")

# pylint: disable=wrong-import-position
from lib import YnlFamily, NlError

PLAN = 27
results = []


def result(good, name, seen=None):
    """ One line of KTAP. """
    results.append(good)
    if not good:
        print(f"# {seen}")
    print("ok" if good else "not ok", len(results), name, flush=True)


def has(reply, **expected):
    """ Does the reply have these values? An underscore stands for a hyphen. """
    return all(reply.get(key.replace("_", "-")) == value
               for key, value in expected.items())


def ip(text):
    """ An IPv4 address as the spec has it, binary. """
    return bytes(int(byte) for byte in text.split("."))


def make_device():
    for command in ("link add wan0 type dummy", "link set wan0 up",
                    "addr add 203.0.113.2/24 dev wan0",
                    "addr add 203.0.113.3/24 dev wan0"):
        subprocess.run(["ip", *command.split()], check=True)


def test_wans(ynl):
    """ wan-new, wan-get and wan-set. """
    addrs = [ip("203.0.113.2"), ip("203.0.113.3")]
    internal = [{"addr": ip("10.0.0.0"), "len": 8},
                {"addr": ip("192.168.0.0"), "len": 16}]
    ynl.do("wan-new", {"dev": "wan0", "filter": "eif", "port-min": 2000,
                       "port-max": 60000, "addr": addrs,
                       "internal": internal, "udp-timeout": 600})
    wan = ynl.do("wan-get", {"dev": "wan0"})
    result(has(wan, dev="wan0") and wan["ifindex"] > 0,
           "wan-get: the device", wan)
    result(has(wan, filter="eif"), "wan-get: an enum", wan)
    result(has(wan, port_min=2000, port_max=60000),
           "wan-get: big-endian numbers", wan)
    result(has(wan, addr=addrs), "wan-get: a list of addresses", wan)
    result(has(wan, internal=internal), "wan-get: a list of nests", wan)
    result(has(wan, udp_timeout=600, icmp_timeout=60, tcp_timeout=7440,
               tcp_transitory=240, nat66=0, inbound_refresh=1,
               host_ports=65536),
           "wan-get: what was given, and defaults", wan)
    result(sorted(wan["ext-addr"]) == addrs and wan["mappings"] == 0,
           "wan-get: what it is like at present", wan)

    ynl.do("wan-set", {"dev": "wan0", "filter": "apdf", "addr": [b""]})
    wans = ynl.dump("wan-get", {})
    result(len(wans) == 1 and has(wans[0], dev="wan0"), "wan-get dump", wans)
    result(has(wans[0], filter="apdf") and "addr" not in wans[0],
           "wan-set changes what is given", wans)
    result(has(wans[0], udp_timeout=600, internal=internal),
           "wan-set leaves the rest", wans)


def test_reservations(ynl, endpoint):
    """ reservation-new and reservation-get. """
    r = ynl.do("reservation-new", {**endpoint, "ext-port": 40000,
                                   "filter": "adf", "lifetime": 1000})
    result(has(r, **{key.replace("-", "_"): value
                     for key, value in endpoint.items()}),
           "reservation-new replies with the endpoint", r)
    result(has(r, ext_port=40000, filter="adf") and
           900 < r["lifetime"] <= 1000,
           "reservation-new replies with what was granted", r)
    r = ynl.do("reservation-get", endpoint)
    result(has(r, wan="wan0", ext_port=40000), "reservation-get", r)
    r = ynl.dump("reservation-get", {})
    result(len(r) == 1 and has(r[0], ext_port=40000),
           "reservation-get dump", r)


def test_mappings(ynl, endpoint):
    """ mapping-get, mapping-flush, stats-get. """
    m = ynl.do("mapping-get", endpoint)
    ext_addr = m["ext-addr"]
    result(has(m, ext_port=40000, filter="adf", zone=0, flows=0),
           "mapping-get by the internal endpoint", m)
    m = ynl.do("mapping-get", {"l4proto": 17, "ext-addr": ext_addr,
                               "ext-port": 40000})
    result(has(m, wan="wan0", int_addr=ip("10.0.0.2"), int_port=5000),
           "mapping-get by the external endpoint", m)
    result(has(m, reserved=True), "mapping-get: a flag", m)
    m = ynl.dump("mapping-get", {})
    result(len(m) == 1 and has(m[0], int_port=5000), "mapping-get dump", m)
    m = ynl.dump("mapping-get", {"int-port": 5001})
    result(m == [], "mapping-get dump, filtered", m)
    stats = ynl.do("stats-get", {})
    result(has(stats, mappings=1, mappings_new=1, flows_out=0,
               no_memory=0) and stats["mappings-max"] > 1,
           "stats-get: numbers of 32 and of 64 bits", stats)
    n = ynl.do("mapping-flush", {"l4proto": 6})
    result(list(n.values()) == [0], "mapping-flush", n)


def test_ends(ynl, endpoint):
    """ reservation-del and wan-del. """
    ynl.do("reservation-del", endpoint)
    r = ynl.dump("reservation-get", {})
    result(r == [], "reservation-del", r)
    ynl.do("wan-del", {"dev": "wan0"})
    wans = ynl.dump("wan-get", {})
    result(wans == [], "wan-del", wans)


def test_refusal(ynl):
    """ Errors reach the client with message and attribute. """
    try:
        ynl.do("wan-get", {"dev": "wan0"})
        error = None
    except NlError as e:
        error = e
    result(error is not None, "a refusal is an error to the client")
    extack = error.nl_msg.extack if error else {}
    result(extack.get("msg"), "with a message", extack)
    result(extack.get("bad-attr") == ".dev", "and the attribute at fault",
           extack)


def test_client():
    """ The command line, as an admin would use it. """
    out = subprocess.run(
        ["/usr/bin/python3", "-B", f"{top}/scripts/ynl/pyynl/cli.py",
         "--spec", spec, "--no-schema", "--output-json",
         "--dump", "wan-get"], stdout=subprocess.PIPE, check=False).stdout
    result(out and json.loads(out)[0]["dev"] == "wan0",
           "the command line client lists the WANs", out)


def main():
    """ Everything in the network namespace that we are in. """
    endpoint = {"wan": "wan0", "l4proto": 17, "int-addr": ip("10.0.0.2"),
                "int-port": 5000}

    print("KTAP version 1")
    print(f"1..{PLAN}", flush=True)
    make_device()
    ynl = YnlFamily(spec, schema="")
    test_wans(ynl)
    test_reservations(ynl, endpoint)
    test_mappings(ynl, endpoint)
    test_client()
    test_ends(ynl, endpoint)
    test_refusal(ynl)
    failed = results.count(False)
    print(f"# Totals: pass:{len(results) - failed} fail:{failed}"
          " xfail:0 xpass:0 skip:0 error:0")
    return 1 if failed or len(results) != PLAN else 0


sys.exit(main())
