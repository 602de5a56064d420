"""Serving other hosts: on which ports, by which certificates, and who is let in."""

from __future__ import annotations

import json
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError, TransientDriverError

ORGANIZATION = "cloudweb"  # in hosts' certificates
_WAITING = 16  # clients that are not taken yet
TLS, AUTHZ = "tls0", "authz0"  # what QEMU's programs call credentials and the list of who is let in


@dataclass(frozen=True, slots=True)
class Wire:
    """Where daemons listen for other hosts: an address, ports from first to last, and certificates."""

    address: str
    ports: range
    certificates: Path


def tls_creds(wire: Wire) -> str:
    """Return the object that holds a host's certificate; raise DriverError where it has none."""
    if not (wire.certificates / "server-cert.pem").exists():
        raise DriverError(
            "This host has no certificate yet; it cannot serve disks to other hosts.",
            detail=str(wire.certificates),
        )
    return f"tls-creds-x509,id={TLS},dir={wire.certificates},endpoint=server,verify-peer=on"


def authz_list(hosts: Collection[str]) -> str:
    """Return the object that lets in these hosts alone."""
    return json.dumps(
        {"qom-type": "authz-list", "id": AUTHZ, "policy": "deny", "rules": rules(hosts)}
    )


def rules(hosts: Collection[str]) -> list[dict[str, Any]]:
    """Return what lets in these hosts; their names as certificates spell them."""
    return [
        {"match": f"O={ORGANIZATION},CN={host}", "policy": "allow", "format": "exact"}
        for host in sorted(hosts)
    ]


@contextmanager
def listener(wire: Wire, port: int) -> Iterator[int]:
    """Give a program that serves other hosts the socket to listen on; raise TransientDriverError.

    What it sends goes out at once. QEMU before 8.1 does not ask for that itself: each answer that is
    not the first one waited up to 40 ms for the other side to confirm the one before.
    """
    family = socket.AF_INET6 if ":" in wire.address else socket.AF_INET
    try:
        made = socket.create_server((wire.address, port), family=family, backlog=_WAITING)
    except OSError as error:
        raise TransientDriverError(
            "The volume cannot be served to another host now.",
            detail=f"{wire.address}:{port}: {error}",
        ) from error
    with made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
        yield made.fileno()


def listening() -> set[int]:
    """Return the TCP ports that somebody listens on here."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                place, _, state = line.split()[1:4]
                if state == "0A":
                    found.add(int(place.rpartition(":")[2], 16))
    return found
