"""Networks and ports as the control plane would describe them to a host."""

from __future__ import annotations

import uuid
from typing import Any

from network.objects import (
    FixedAddress,
    GroupMembers,
    GroupRule,
    NetworkWiring,
    PortRef,
    PortWiring,
    SecurityRule,
    SubnetWiring,
    tap_name,
)


def new_id() -> str:
    """Return a fresh id."""
    return str(uuid.uuid4())


def make_subnet(**overrides: Any) -> SubnetWiring:
    """Return 10.5.0.0/24 with its gateway at .1, which also answers DHCP."""
    values: dict[str, Any] = {
        "id": new_id(),
        "ip_version": 4,
        "cidr": "10.5.0.0/24",
        "gateway_ip": "10.5.0.1",
        "dhcp_server_ip": "10.5.0.1",
    }
    return SubnetWiring(**{**values, **overrides})


def make_subnet6(**overrides: Any) -> SubnetWiring:
    """Return fd05::/64 with its gateway at ::1, whose guests get their addresses by DHCP."""
    values: dict[str, Any] = {
        "ip_version": 6,
        "cidr": "fd05::/64",
        "gateway_ip": "fd05::1",
        "dhcp_server_ip": "fd05::1",
        "ipv6_ra_mode": "dhcpv6-stateful",
        "ipv6_address_mode": "dhcpv6-stateful",
    }
    return make_subnet(**{**values, **overrides})


def make_network(**overrides: Any) -> NetworkWiring:
    """Return an isolated network with one IPv4 subnet, at revision 1."""
    values: dict[str, Any] = {
        "id": new_id(),
        "project_id": "p1",
        "revision": 1,
        "kind": "isolated",
        "subnets": (make_subnet(),),
    }
    return NetworkWiring(**{**values, **overrides})


def make_port(network: NetworkWiring, address: str = "10.5.0.11", **overrides: Any) -> PortWiring:
    """Return a port with one address per subnet family of ``address``, and no rule but free egress."""
    port_id = overrides.pop("id", None) or new_id()
    digits = port_id.replace("-", "")
    family = 6 if ":" in address else 4
    subnets = [subnet.id for subnet in network.subnets if subnet.ip_version == family]
    values: dict[str, Any] = {
        "id": port_id,
        "project_id": network.project_id,
        "revision": 1,
        "mac": ":".join(("fa", "16", "3e", digits[0:2], digits[2:4], digits[4:6])),
        "tap": tap_name(port_id),
        "hostname": f"vm-{digits[:6]}",
        "addresses": (FixedAddress(subnet_id=subnets[0], ip_address=address),),
        "rules": free_egress(),
        "network": network,
    }
    return PortWiring(**{**values, **overrides})


def free_egress() -> tuple[SecurityRule, ...]:
    """Return the egress rules of a fresh security group."""
    return (
        SecurityRule(direction="egress", ethertype="IPv4"),
        SecurityRule(direction="egress", ethertype="IPv6"),
    )


def allow(protocol: str | None = None, **values: Any) -> SecurityRule:
    """Return an ingress rule."""
    return SecurityRule(
        **{"direction": "ingress", "ethertype": "IPv4", "protocol": protocol, **values}
    )


def from_group(group_id: str, protocol: str | None = None, **values: Any) -> GroupRule:
    """Return an ingress rule for the members of a group."""
    entering = {"direction": "ingress", "ethertype": "IPv4", "protocol": protocol}
    return GroupRule(**{**entering, "group_id": group_id, **values})


def members(network: NetworkWiring, group_id: str, generation: int, *blocks: str) -> GroupMembers:
    """Return a group's set on a network."""
    return GroupMembers(
        network_id=network.id, group_id=group_id, generation=generation, members=blocks
    )


def port_ref(port: PortWiring) -> PortRef:
    """Return what an unplug order names."""
    return PortRef(id=port.id, network_id=port.network.id, tap=port.tap)
