"""Gratuitous ARP (RFC 5227), and for IPv6 unsolicited advertisements (RFC 4861, 7.2.6).

Who knew an address by another card learns the new one at once.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv6Address

import structlog

from cloudweb.addresses import parse_interface

log = structlog.get_logger(__name__)
ETH_P_ARP, SIOCGIFHWADDR = 0x0806, 0x8927
ALL_NODES = "ff02::1"
BROADCAST = b"\xff" * 6


def announce(name: str, addresses: Iterable[str]) -> None:
    """Say on a router's link, in the calling thread's namespace, that it has these (``10.0.0.1/24``).

    Nobody depends on it: who is not told asks when what he knew is too old.
    """
    wanted = [parse_interface(text).ip for text in addresses]
    four = [address.packed for address in wanted if address.version == 4]
    six = [address for address in wanted if isinstance(address, IPv6Address)]
    if not wanted:
        return
    try:
        mac = _mac(name)
        for address in six:
            _advertise(name, mac, address)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as raw:
            raw.bind((name, ETH_P_ARP))
            for packed in four:
                for operation in (1, 2):  # some learn from requests alone, others from replies
                    raw.send(frame(mac, packed, operation=operation))
    except OSError as error:
        log.info("addresses not announced", link=name, error=str(error))


def _advertise(name: str, mac: bytes, address: IPv6Address) -> None:
    index = socket.if_nametoindex(name)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.bind((str(address), 0, 0, index))
        raw.sendto(neighbour(mac, address), (ALL_NODES, 0, 0, index))


def neighbour(mac: bytes, address: IPv6Address) -> bytes:
    """Return a router's neighbour advertisement that replaces what was known; the kernel sums it."""
    return struct.pack("!BBHI", 136, 0, 0, 0xA0000000) + address.packed + b"\x02\x01" + mac


def frame(mac: bytes, address: bytes, *, operation: int) -> bytes:
    """Return an ARP frame to all in which sender and target are the address."""
    head = BROADCAST + mac + struct.pack("!H", ETH_P_ARP)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return head + body + mac + address + (BROADCAST if operation == 2 else bytes(6)) + address


def _mac(name: str) -> bytes:
    """Return a link's hardware address; /sys may be another namespace's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer = fcntl.ioctl(asking, SIOCGIFHWADDR, struct.pack("256s", name.encode()[:15]))
    return answer[18:24]
