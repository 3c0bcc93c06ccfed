#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# handshake.py HOST PORT TEXT
#
# Speaks TCP by hand, with Scapy: makes the handshake, says TEXT to the server
# and prints what that answers.  It sends and receives by a packet socket, so
# its own kernel does not know of the connection.  Exits 1 if that fails.

import random
import select
import sys
import time

from scapy.config import conf
from scapy.layers.inet import IP, TCP
import scapy.layers.l2  # noqa: F401 (Ethernet and ARP, to find the next hop)
from scapy.packet import Raw


class Connection:
    def __init__(self, host, port):
        self.ip = IP(dst=host)
        self.sport = random.randrange(20000, 30000)
        self.dport = port
        self.seq, self.ack = random.randrange(1 << 31), 0
        self.socket = conf.L3socket()

    def send(self, flags, data=b""):
        self.socket.send(self.ip / TCP(sport=self.sport, dport=self.dport,
                                       flags=flags, seq=self.seq,
                                       ack=self.ack) / data)
        self.seq += len(data) + ("S" in flags or "F" in flags)

    def is_mine(self, p):
        return (p is not None and TCP in p and p[IP].src == self.ip.dst and
                p[TCP].sport == self.dport and p[TCP].dport == self.sport)

    def receive(self, wanted, seconds=5):
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.socket], [], [], left)[0]:
                sys.exit("no answer")
            p = self.socket.recv()
            if not self.is_mine(p):
                continue
            if "R" in p[TCP].flags:
                sys.exit("connection reset")
            if wanted(p):
                return p


def main():
    c = Connection(sys.argv[1], int(sys.argv[2]))
    c.send("S")
    p = c.receive(lambda p: p[TCP].flags == "SA")
    c.ack = p[TCP].seq + 1
    c.send("A")
    c.send("PA", sys.argv[3].encode())
    p = c.receive(lambda p: Raw in p)
    answer = p[Raw].load
    c.ack = p[TCP].seq + len(answer)
    c.send("FA")
    c.receive(lambda p: p[TCP].ack == c.seq)
    print(answer.decode())


main()
