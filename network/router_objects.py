"""What the control plane tells a host about routers.

A RouterWiring is a level: the router on this host is now this, with exactly these ports.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Part, VersionedObject
from network.objects import HostRoute, PortRef, PortStatus, PortWiring


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


class RouterWiring(VersionedObject):
    """A router on one host.

    ``interfaces`` are its ports on tenants' networks, ``gateway`` the one outside, ``next_hops`` the
    addresses it sends there what is nowhere else. With ``snat`` what leaves by the gateway has the
    gateway's address, unless it has a floating one.
    """

    VERSION: ClassVar[str] = "1.0"

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

    VERSION: ClassVar[str] = "1.0"

    id: str
    revision: int = Field(ge=0)
    ports: tuple[PortStatus, ...] = ()


def leg_name(port_id: str) -> str:
    """Return what a router's end of a port's wire is called inside: within the kernel's 15 characters."""
    return f"leg-{port_id.replace('-', '')[:11]}"
