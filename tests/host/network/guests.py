"""Guests that are namespaces: the other end of a veth that the driver takes for the tap."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_address
from typing import TypeVar

from cloudweb import process
from network.drivers.linuxbridge import namespaces
from network.objects import PortWiring
from tests.infrastructure import PATIENCE

T = TypeVar("T")
ETH_P_ALL = 0x0003
BROADCAST = b"\xff" * 6


class Guest:
    """A port's guest. ``address`` is configured by hand unless it asks by DHCP."""

    def __init__(self, port: PortWiring, *, configure: bool = True, name: str = "") -> None:
        self.port = port
        self.mac = bytes.fromhex(port.mac.replace(":", ""))
        self.address = port.addresses[0].ip_address
        self.namespace = f"guest-{name or port.id[:13]}"
        namespaces.ensure(self.namespace)
        peer = ("peer", "name", "eth0", "netns", self.namespace, "address", port.mac)
        process.run("ip", "link", "add", port.tap, "type", "veth", *peer)
        for path in ("default", "eth0"):
            self.inside(
                lambda path=path: namespaces.write_sysctl(f"net/ipv6/conf/{path}/accept_dad", "0")
            )
        self.ip("link", "set", "eth0", "up")
        if configure:
            for address in port.addresses:
                self.configure(address.ip_address)

    def configure(self, address: str) -> None:
        """Give the guest an address, and the network's gateway as its own when it is the first."""
        version = ip_address(address).version
        subnet = next(sub for sub in self.port.network.subnets if sub.ip_version == version)
        length = subnet.cidr.partition("/")[2]
        extra = ("nodad",) if version == 6 else ()
        self.ip("addr", "add", f"{address}/{length}", "dev", "eth0", *extra)
        if subnet.gateway_ip:
            self.ip(f"-{version}", "route", "replace", "default", "via", subnet.gateway_ip)

    def ip(self, *words: str) -> str:
        """Run ``ip`` in the guest."""
        return process.run("ip", "-n", self.namespace, *words).text

    def inside(self, action: Callable[[], T]) -> T:
        """Run a function in the guest."""
        return namespaces.inside(self.namespace, action)

    def pings(self, address: str, *, source: str | None = None) -> bool:
        """Tell whether an address answers."""
        extra = ("-I", source) if source else ()
        words = ("ping", "-n", "-c", "1", "-W", "1", *extra, address)
        return process.run(*namespaces.command(self.namespace, *words), check=False).returncode == 0

    def reaches(self, address: str, *, source: str | None = None) -> bool:
        """Tell whether an address answers, and give it time to."""
        return any(self.pings(address, source=source) for _ in range(20))

    @contextmanager
    def serving(self, port: int, *, text: str = "hello", address: str = "") -> Iterator[None]:
        """Answer TCP connections with a line while the block runs."""
        family = socket.AF_INET6 if ":" in (address or self.address) else socket.AF_INET
        listener = self.inside(lambda: socket.create_server((address, port), family=family))
        with listener, answering(listener, text):
            yield

    def connects(self, address: str, port: int) -> bool:
        """Tell whether a TCP connection is accepted and answered."""
        try:
            connection = self.inside(lambda: socket.create_connection((address, port), timeout=1.0))
        except OSError:
            return False
        with connection:
            connection.settimeout(PATIENCE)
            try:
                return bool(connection.recv(64))
            except OSError:  # accepted at the last moment before it was forbidden
                return False

    def packet_socket(self) -> socket.socket:
        """Return a socket for whole frames on the guest's card."""

        def opened() -> socket.socket:
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            raw.bind(("eth0", 0))
            return raw

        return self.inside(opened)

    def close(self) -> None:
        """Take the guest away; the driver takes the tap."""
        namespaces.delete(self.namespace)


@contextmanager
def answering(listener: socket.socket, text: str) -> Iterator[None]:
    """Answer each connection with a line until the block ends."""
    stopped = threading.Event()

    def answer() -> None:
        while not stopped.is_set():
            if select.select([listener], [], [], 0.05)[0]:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(f"{text}\n".encode())

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def checksum(data: bytes) -> int:
    """Return the Internet checksum."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_frame(
    *,
    source_mac: bytes,
    source: str,
    target: str,
    sport: int,
    dport: int,
    payload: bytes,
    target_mac: bytes = BROADCAST,
) -> bytes:
    """Return a whole IPv4 UDP frame (without UDP checksum, which is allowed)."""
    udp = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    ends = IPv4Address(source).packed + IPv4Address(target).packed
    summed = head[:10] + struct.pack("!H", checksum(head + ends)) + ends
    return target_mac + source_mac + b"\x08\x00" + summed + udp


def arp_frame(
    *, source_mac: bytes, sender_mac: bytes, sender: str, target: str, reply: bool = True
) -> bytes:
    """Return an ARP frame to all."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2 if reply else 1)
    body += sender_mac + IPv4Address(sender).packed + BROADCAST + IPv4Address(target).packed
    return BROADCAST + source_mac + b"\x08\x06" + body


def frames_until(raw: socket.socket, mark: bytes, *, timeout: float = PATIENCE) -> list[bytes]:
    """Return all frames that came before the one that holds the mark; fail when it does not come."""
    seen: list[bytes] = []
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        raw.settimeout(left)
        try:
            frame = raw.recv(65_536)
        except TimeoutError:
            break
        if mark in frame:
            return seen
        seen.append(frame)
    raise AssertionError("the marked frame did not arrive")


def dhcp(guest: Guest, *, timeout: float = PATIENCE) -> dict[int, bytes]:
    """Get an address as a client does; return the options of the ACK, with the address under 0."""
    with guest.packet_socket() as raw:
        offer = _exchange(guest, raw, 1, {}, timeout)
        chosen = {50: offer[0], 54: offer[54]}
        return _exchange(guest, raw, 3, chosen, timeout)


def _exchange(
    guest: Guest, raw: socket.socket, kind: int, extra: dict[int, bytes], timeout: float
) -> dict[int, bytes]:
    number = b"\x12\x34\x56\x78"
    head = b"\x01\x01\x06\x00" + number + bytes(2) + b"\x80\x00" + bytes(16)
    head += guest.mac.ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63"
    options = {53: bytes([kind]), 55: bytes((1, 3, 6, 12, 15, 26, 121)), **extra}
    body = b"".join(bytes((code, len(value))) + value for code, value in options.items())
    raw.send(
        udp_frame(
            source_mac=guest.mac,
            source="0.0.0.0",
            target="255.255.255.255",
            sport=68,
            dport=67,
            payload=head + body + b"\xff",
        )
    )
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        raw.settimeout(left)
        try:
            frame = raw.recv(65_536)
        except TimeoutError:
            break
        is_answer = frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] == b"\x00\x44"
        if is_answer and frame[42] == 2 and frame[46:50] == number:
            return _options(frame[42:])
    raise AssertionError("no answer by DHCP")


def _options(message: bytes) -> dict[int, bytes]:
    found = {0: message[16:20]}
    rest = message[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def ask_dns(guest: Guest, server: str, name: str, *, kind: int = 1) -> tuple[int, list[bytes]]:
    """Return (response code, data of the answers) for a question to a DNS server."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0"
    question += struct.pack("!HH", kind, 1)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with guest.inside(lambda: socket.socket(family, socket.SOCK_DGRAM)) as asking:
        asking.settimeout(PATIENCE)
        asking.sendto(question, (server, 53))
        answer = asking.recv(4096)
    count = struct.unpack("!H", answer[6:8])[0]
    rest, found = answer[len(question) :], []
    for _ in range(count):
        length = struct.unpack("!H", rest[10:12])[0]
        found.append(rest[12 : 12 + length])
        rest = rest[12 + length :]
    return answer[3] & 0x0F, found
