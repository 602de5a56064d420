"""What an operator may choose about a host's networking, and the names that follow from it."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cloudweb.conf import env, listen_url
from cloudweb.driver import DriverError

METADATA_ADDRESS = "169.254.169.254"
METADATA_SIX = "fe80::a9fe:a9fe"  # by IPv6, on the guest's own wire
SHARED = Path("/run/cloudweb-dhcp")
WAYS_OUT = ipaddress.IPv4Network("169.254.192.0/18")
_PREFIX = re.compile(r"^[a-z]{1,3}\Z")
_LINK = re.compile(r"^[A-Za-z0-9_.-]{1,15}\Z")
_HEX = re.compile(r"^[0-9a-f]{11,}\Z")


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """``prefix`` begins every interface name, so that two installations on one kernel do not meet.

    ``installation`` marks the interfaces: it follows from where the host keeps its state.
    ``way_out`` is the reserved range of the /30 networks between namespaces and the host, ``zones``
    the first connection-tracking zone (unless said, it follows from the range); each network takes
    one of both. ``metadata_url`` is the API's
    address as this host reaches it, ``host_key`` the file with the key that signs what is asked
    there; without both there is no metadata. ``tunnel`` is the IPv4 address that other hosts' tunnels
    lead to, or the interface that has it; ``interfaces`` by the provider's physical networks.
    """

    prefix: str = "cw"
    way_out: ipaddress.IPv4Network = WAYS_OUT
    zones: int = 4096
    installation: str = ""
    metadata_url: str = ""
    metadata_port: int = 9697
    host_key: Path | None = None
    tunnel: str = ""
    tunnel_port: int = 4789
    interfaces: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _PREFIX.match(self.prefix):
            raise DriverError("The prefix of interface names must be one to three small letters.")
        if not 16 <= self.way_out.prefixlen <= 28:
            raise DriverError("The range for ways out must be between a /16 and a /28.")
        for name in self.interfaces.values():
            if not _LINK.match(name):
                raise DriverError("NETWORK_INTERFACES names no interface.", detail=repr(name))

    @classmethod
    def from_env(cls, host_directory: Path) -> Self:
        """Read NETWORK_PREFIX, NETWORK_WAY_OUT, NETWORK_ZONES, METADATA_URL, METADATA_PORT, NETWORK_TUNNEL,
        NETWORK_TUNNEL_PORT and NETWORK_INTERFACES.

        The key is the one the host got when it joined; the API, unless told otherwise, this machine's.
        """
        defaults = cls()
        try:
            way_out = ipaddress.IPv4Network(
                env.str("NETWORK_WAY_OUT", default=str(defaults.way_out))
            )
        except ValueError as error:
            raise DriverError(f"NETWORK_WAY_OUT is not an IPv4 network: {error}.") from error
        return cls(
            prefix=env.str("NETWORK_PREFIX", default=defaults.prefix),
            way_out=way_out,
            zones=env.int("NETWORK_ZONES", default=_zones_of(way_out)),
            installation=installation_of(host_directory / "network"),
            metadata_url=env.str("METADATA_URL", default="") or listen_url(),
            metadata_port=env.int("METADATA_PORT", default=defaults.metadata_port),
            host_key=host_directory / "credentials" / "host.key",
            tunnel=env.str("NETWORK_TUNNEL", default="").strip(),
            tunnel_port=env.int("NETWORK_TUNNEL_PORT", default=defaults.tunnel_port),
            interfaces=env.dict("NETWORK_INTERFACES", default={}),
        )

    @property
    def slots(self) -> int:
        """Return how many networks this host can hold."""
        return min(self.way_out.num_addresses // 4, 65535 - self.zones)

    @property
    def table(self) -> str:
        """Return what the names of our nftables tables begin with."""
        return "cloudweb" if self.prefix == "cw" else f"cloudweb_{self.prefix}"

    def shared_directory(self, state: Path) -> Path:
        """Return where lies what an unprivileged server must read: the state is closed to it."""
        return SHARED / f"{self.table}-{hashlib.sha256(bytes(state)).hexdigest()[:12]}"

    def names(self, network_id: str) -> NetworkNames:
        """Return what the parts of a network are called on this host."""
        key = network_id.replace("-", "").lower()[:11]
        if not _HEX.match(key):
            raise DriverError("A network's id is not a UUID.", detail=repr(network_id))
        return NetworkNames(
            bridge=f"{self.prefix}b{key}",
            leg=f"{self.prefix}i{key}",
            host_leg=f"{self.prefix}h{key}",
            way_out=f"{self.prefix}o{key}",
            wire=f"{self.prefix}x{key}",
            namespace=f"{self.table}-{network_id}",
            filters=f"{self.table}_{key}",
            edge=f"{self.table}_edge_{key}",
            alias=self._mark("network", network_id),
            gateway_mac=steady_mac(network_id),
        )

    def router_namespace(self, router_id: str) -> str:
        """Return what the namespace of a router is called."""
        if not _HEX.match(router_id.replace("-", "").lower()):
            raise DriverError("A router's id is not a UUID.", detail=repr(router_id))
        return f"{self.table}-router-{router_id}"

    def port_alias(self, network_id: str, port_id: str) -> str:
        """Return how a tap is marked as ours, so that it is known again after a restart."""
        return self._mark("port", network_id, port_id)

    def limit_alias(self, network_id: str, port_id: str) -> str:
        """Return how the link is marked that what a port sends is held up in."""
        return self._mark("limit", network_id, port_id)

    def marked_limit(self, alias: str) -> tuple[str, str] | None:
        """Return network and port of such a link of ours by its mark, else None."""
        words = self._words(alias)
        return (words[1], words[2]) if words[:1] == ["limit"] and len(words) == 3 else None

    def marked_network(self, alias: str) -> str | None:
        """Return the network that an interface of ours belongs to by its mark, else None."""
        words = self._words(alias)
        return words[1] if words[:1] == ["network"] and len(words) == 2 else None

    def marked_port(self, alias: str) -> tuple[str, str] | None:
        """Return network and port that a tap of ours is marked with, else None."""
        words = self._words(alias)
        return (words[1], words[2]) if words[:1] == ["port"] and len(words) == 3 else None

    def _mark(self, *words: str) -> str:
        return " ".join(
            (self.prefix, *words, *([f"@{self.installation}"] * bool(self.installation)))
        )

    def _words(self, alias: str) -> list[str]:
        """Return a mark without prefix and installation; nothing for another installation's.

        A mark without an installation was made before there were several.
        """
        words = alias.split()
        if words[:1] != [self.prefix]:
            return []
        if words[-1].startswith("@"):
            return words[1:-1] if words[-1] == f"@{self.installation}" else []
        return words[1:]


def installation_of(state_dir: Path) -> str:
    """Return the word by which a host's installation is known: it follows from where it keeps its state."""
    return hashlib.sha256(bytes(state_dir.resolve())).hexdigest()[:12]


def _zones_of(way_out: ipaddress.IPv4Network) -> int:
    """Return a first zone that is another's for each range of 169.254.0.0/16."""
    apart = (int(way_out.network_address) - int(WAYS_OUT.network_address)) // 4
    return 4096 + apart % (65536 - 2 * 4096)


@dataclass(frozen=True, slots=True)
class NetworkNames:
    """The parts of one network.

    ``bridge`` holds the taps and ``leg``; the other end of ``leg`` is ``GATEWAY`` in ``namespace``,
    or ``host_leg`` in the root namespace for a flat network. ``way_out`` is the host's end of the
    namespace's ``OUT``. ``wire`` leads to other hosts: a VXLAN or VLAN device. ``filters`` and ``edge``
    are nftables tables.
    """

    bridge: str
    leg: str
    host_leg: str
    way_out: str
    wire: str
    namespace: str
    filters: str
    edge: str
    alias: str
    gateway_mac: str


def steady_mac(name: str) -> str:
    """Return the MAC of a gateway or bridge: the same after a reboot, so that guests' ARP caches stay right."""
    digest = hashlib.sha256(name.encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (0x02, *digest[:5]))


GATEWAY = "gw0"
OUT = "out0"
