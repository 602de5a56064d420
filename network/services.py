"""What people call ports: services by protocol and port, and which of them nobody opens to the world by intent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from network.protocols import PROTOCOLS

ETHERTYPES = ("IPv4", "IPv6")


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its name: a protocol ("" for any) with the ports from first to last, none for all.

    ``inner`` is one that belongs inside a private network.
    """

    name: str
    text: str
    protocol: str
    first: int | None = None
    last: int | None = None
    inner: bool = False

    @property
    def label(self) -> str:
        """How a list of choices calls it."""
        return f"{self.text} (port {self.first})" if self.first is not None else self.text

    def ports(self) -> Mapping[str, Any]:
        """Return protocol and ports as rules are asked for."""
        return {
            "protocol": self.protocol,
            "port_range_min": self.first,
            "port_range_max": self.last or self.first,
        }


#: In the order in which they are offered.
SERVICES: Mapping[str, Service] = {
    one.name: one
    for one in (
        Service("ssh", "SSH", "tcp", 22),
        Service("http", "HTTP", "tcp", 80),
        Service("https", "HTTPS", "tcp", 443),
        Service("ping", "ping", "icmp"),
        Service("dns", "DNS", "udp", 53),
        Service("postgresql", "PostgreSQL", "tcp", 5432, inner=True),
        Service("mysql", "MySQL or MariaDB", "tcp", 3306, inner=True),
        Service("mssql", "SQL Server", "tcp", 1433, inner=True),
        Service("oracle", "Oracle", "tcp", 1521, inner=True),
        Service("mongodb", "MongoDB", "tcp", 27017, inner=True),
        Service("redis", "Redis", "tcp", 6379, inner=True),
        Service("rdp", "Remote Desktop", "tcp", 3389, inner=True),
        Service("smtp", "SMTP", "tcp", 25),
        Service("all_tcp", "all TCP ports", "tcp", inner=True),
        Service("all_udp", "all UDP ports", "udp", inner=True),
        Service("all", "everything", "", inner=True),
    )
}
#: Further ones that are known by their names but not offered.
_KNOWN = (
    Service("telnet", "Telnet", "tcp", 23, inner=True),
    Service("smb", "SMB", "tcp", 445, inner=True),
    Service("ldap", "LDAP", "tcp", 389, inner=True),
    Service("docker", "Docker", "tcp", 2375, inner=True),
    Service("etcd", "etcd", "tcp", 2379, inner=True),
    Service("nfs", "NFS", "tcp", 2049, inner=True),
    Service("vnc", "VNC", "tcp", 5900, inner=True),
    Service("elasticsearch", "Elasticsearch", "tcp", 9200, inner=True),
    Service("memcached", "Memcached", "tcp", 11211, inner=True),
    Service("memcached_udp", "Memcached", "udp", 11211, inner=True),
    Service("dns_tcp", "DNS", "tcp", 53),
    Service("submission", "mail submission", "tcp", 587),
    Service("imaps", "IMAPS", "tcp", 993),
    Service("ntp", "NTP", "udp", 123),
    Service("wireguard", "WireGuard", "udp", 51820),
)
BY_PORT: Mapping[tuple[int, int], Service] = {
    (PROTOCOLS[one.protocol], one.first): one
    for one in (*_KNOWN, *SERVICES.values())
    if one.first is not None
}


def inner_between(protocol: int, first: int, last: int) -> Sequence[Service]:
    """Return the services within a row of ports that belong inside, the lowest port first."""
    found = [
        one
        for (number, port), one in BY_PORT.items()
        if number == protocol and first <= port <= last and one.inner
    ]
    return sorted(found, key=lambda one: one.first or 0)
