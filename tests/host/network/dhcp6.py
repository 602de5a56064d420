"""Asking by DHCPv6 as a client does (RFC 8415), from a guest's own stack."""

from __future__ import annotations

import socket
import struct
import time

from tests.host.network.guests import Guest
from tests.infrastructure import PATIENCE

SOLICIT, ADVERTISE, REQUEST, REPLY, INFORMATION = 1, 2, 3, 7, 11
CLIENT_ID, SERVER_ID, IA_NA, ADDRESS, WANTED, DNS = 1, 2, 3, 5, 6, 23
ALL_SERVERS = "ff02::1:2"
Options = dict[int, bytes]


def lease(guest: Guest) -> tuple[str, Options]:
    """Return the address that a guest gets, and the options that came with it."""
    offer = _ask(guest, SOLICIT, {IA_NA: _association()}, ADVERTISE)
    chosen = {SERVER_ID: offer[SERVER_ID], IA_NA: offer[IA_NA]}
    reply = _ask(guest, REQUEST, chosen, REPLY)
    inner = _options(reply[IA_NA][12:])
    return socket.inet_ntop(socket.AF_INET6, inner[ADDRESS][:16]), reply


def information(guest: Guest) -> Options:
    """Return the options that a guest gets which has an address already."""
    return _ask(guest, INFORMATION, {}, REPLY)


def _association() -> bytes:
    return b"\x00\x00\x00\x01" + bytes(8)


def _ask(guest: Guest, kind: int, extra: Options, answer: int) -> Options:
    number = b"\x12\x34\x56"
    duid = b"\x00\x03\x00\x01" + guest.mac
    options = {CLIENT_ID: duid, WANTED: struct.pack("!HH", DNS, 24), **extra}
    message = bytes([kind]) + number
    for code, value in options.items():
        message += struct.pack("!HH", code, len(value)) + value

    def opened() -> tuple[socket.socket, int]:
        asking = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        asking.bind(("::", 546))
        return asking, socket.if_nametoindex("eth0")

    asking, index = guest.inside(opened)
    with asking:
        deadline = time.monotonic() + PATIENCE
        asking.settimeout(1.0)
        while time.monotonic() < deadline:
            try:
                asking.sendto(message, (ALL_SERVERS, 547, 0, index))
                found = asking.recv(4096)
            except OSError:  # its own link-local address is not there yet, or nobody answered
                time.sleep(0.02)
                continue
            if found[0] == answer and found[1:4] == number:
                return _options(found[4:])
    raise AssertionError("no answer by DHCPv6")


def _options(data: bytes) -> Options:
    found = {}
    while data:
        code, length = struct.unpack("!HH", data[:4])
        found[code] = data[4 : 4 + length]
        data = data[4 + length :]
    return found
