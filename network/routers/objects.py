"""What the control plane tells a host about routers.

A RouterWiring is a level: the router on this host is now this, with exactly these ports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Part, VersionedObject, unless_used
from network.objects import (
    BandwidthLimit,
    HostRoute,
    PortRef,
    PortStatus,
    PortWiring,
    without_domain,
    without_modes,
    without_places,
    without_qos,
    without_segment,
    without_trunk,
    without_ways,
)


class FloatingWiring(Part):
    """An address outside that stands for one inside."""

    floating_ip: str
    fixed_ip: str


class ForwardingWiring(Part):
    """Ports of an address outside, ``first`` to ``last``, that lead to as many inside, or all to one."""

    floating_ip: str
    protocol: Literal["tcp", "udp", "sctp", "dccp"]
    first: int = Field(ge=1, le=65535)
    last: int = Field(ge=1, le=65535)
    fixed_ip: str
    fixed_first: int = Field(ge=1, le=65535)
    fixed_last: int = Field(ge=1, le=65535)


class AddressLimit(Part):
    """What an address outside is held to: ``ingress`` is what comes in to it."""

    address: str
    ingress: BandwidthLimit | None = None
    egress: BandwidthLimit | None = None


class RouterWiring(VersionedObject):
    """A router on one host.

    ``interfaces`` are its ports on tenants' networks, ``gateway`` the one outside, ``next_hops`` the
    addresses it sends there what is nowhere else. With ``snat`` what leaves by the gateway has the
    gateway's address, unless it has a floating one or is of the ``untranslated`` blocks (IPv4), which are reached
    from outside as they are. ``limits`` hold for floating addresses and the gateway's.
    """

    VERSION: ClassVar[str] = "1.7"
    DOWNGRADES: ClassVar[Any] = {
        7: lambda data: _each_port(data, without_ways),
        6: lambda data: _translating(data),
        5: lambda data: _each_port(data, without_trunk),
        4: lambda data: _each_port(data, without_domain),
        3: lambda data: _each_port(data, without_modes),
        2: lambda data: _on_one_host(data),
        1: lambda data: _unlimited(data),
    }

    id: str
    project_id: str
    revision: int = Field(ge=0)
    admin_up: bool = True
    interfaces: tuple[PortWiring, ...] = ()
    gateway: PortWiring | None = None
    next_hops: tuple[str, ...] = ()
    snat: bool = True
    routes: tuple[HostRoute, ...] = ()
    floating: tuple[FloatingWiring, ...] = ()
    forwardings: tuple[ForwardingWiring, ...] = ()
    limits: tuple[AddressLimit, ...] = ()
    untranslated: tuple[str, ...] = ()

    @property
    def ports(self) -> tuple[PortWiring, ...]:
        """All its ports."""
        return (*self.interfaces, *((self.gateway,) if self.gateway is not None else ()))


class RouterRef(VersionedObject):
    """Names a router, and the ports it had, in an order that takes it away.

    One that is there at a later revision stays.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    revision: int = Field(ge=0)
    ports: tuple[PortRef, ...] = ()


class RouterConfirmation(VersionedObject):
    """A router that is on the host, at which revision, with its ports."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[Any] = {1: lambda data: without_places(data, "ports")}

    id: str
    revision: int = Field(ge=0)
    ports: tuple[PortStatus, ...] = ()


def _translating(router: dict[str, Any]) -> dict[str, Any]:
    """Return a router as release 1.5 reads it: it translates what leaves, whatever scope that is of."""
    return {name: value for name, value in router.items() if name != "untranslated"}


def _on_one_host(router: dict[str, Any]) -> dict[str, Any]:
    """Return a router as release 1.1 reads it; refuse to say it of a network that spans hosts."""
    return _each_port(router, without_segment)


def _unlimited(router: dict[str, Any]) -> dict[str, Any]:
    """Return a router as release 1.0 reads it; refuse to say it without a limit that it has."""
    return unless_used("limits", [])(_each_port(router, without_qos))


def _each_port(
    router: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    interfaces = [change(port) for port in router["interfaces"]]
    gateway = router["gateway"] and change(router["gateway"])
    return {**router, "interfaces": interfaces, "gateway": gateway}


def leg_name(port_id: str) -> str:
    """Return what a router's end of a port's wire is called inside: within the kernel's 15 characters."""
    return f"leg-{port_id.replace('-', '')[:11]}"
