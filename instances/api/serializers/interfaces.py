"""Network cards of servers, on the wire (contract 3.1)."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, IpAddress
from cloudweb.api.shown import Of
from cloudweb.api.versioned import leave_out
from cloudweb.exceptions import BadRequest
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since
from instances.api.serializers.server_bodies import Tag
from instances.build_request import NetworkRequest
from network.rows import PortCard


class FixedIpWanted(Body):
    """An address that a card shall have."""

    ip_address: IpAddress


class InterfaceCreate(Body):
    """The ``interfaceAttachment`` of a POST: a port, or a network; nothing is the project's only one."""

    net_id: UUID | None = None
    port_id: UUID | None = None
    fixed_ips: Annotated[list[FixedIpWanted] | None, Field(min_length=1, max_length=1)] = None
    tag: Annotated[Tag | None, since(49)] = None

    def wanted(self) -> NetworkRequest:
        """Return what is asked for; raise BadRequest where it is said in two ways."""
        if self.net_id and self.port_id:
            raise BadRequest("Must not input both network_id and port_id")
        if self.fixed_ips and not self.net_id:
            raise BadRequest("Must input network_id when request IP address")
        return NetworkRequest(
            network_id=str(self.net_id) if self.net_id else None,
            port_id=str(self.port_id) if self.port_id else None,
            fixed_ip=self.fixed_ips[0].ip_address if self.fixed_ips else None,
            tag=self.tag,
        )


class FixedIpShown(Answer):
    """An address of a card."""

    subnet_id: str
    ip_address: str


class InterfaceShown(Answer):
    """A card of a server: its port."""

    port_id: str
    net_id: str
    mac_addr: str
    port_state: str
    fixed_ips: list[FixedIpShown]
    tag: Annotated[str | None, since(70)]


class VirtualInterface(Answer):
    """A card of a server in the words of old: its port."""

    id: str
    mac_address: str
    net_id: Annotated[str, since(12), Of("network_id")]


def interface(port: PortCard, tag: str | None, version: Microversion) -> dict[str, Any]:
    """Return a card of a server as this version shows it."""
    data = {
        "port_id": port.id,
        "net_id": port.network_id,
        "mac_addr": port.mac_address,
        "port_state": port.status,
        "fixed_ips": [
            {"subnet_id": address.subnet_id, "ip_address": address.ip_address}
            for address in port.addresses
        ],
        "tag": tag or None,
    }
    return leave_out(InterfaceShown, version, data)
