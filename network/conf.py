"""Settings of networks, read from the environment."""

from __future__ import annotations

from cloudweb.conf import env
from network.backend import is_ovn

#: The zones that networks may ask for in their hints.
ZONES: list[str] = env.list("AVAILABILITY_ZONES", default=["nova"])
#: The wires of the provider that a flat network may take.
PHYSICAL_NETWORKS: list[str] = env.list("NETWORK_PHYSICAL", default=["public"])
#: Whether hosts translate what leaves a flat network; switch it off where the wire has a router.
FLAT_NAT: bool = env.bool("NETWORK_FLAT_NAT", default=True)
#: What a network is made of whose maker does not say: each type in turn, while one has numbers left.
TENANT_TYPES: list[str] = env.list(
    "NETWORK_TENANT_TYPES", default=["geneve" if is_ovn() else "local"]
)
#: So long, in seconds, a host has said nothing before its routers go to others; no less than it takes to be down.
ROUTER_FAILOVER: float = env.float("NETWORK_ROUTER_FAILOVER", default=30.0)
#: Numbers of VXLANs, as first:last.
VXLAN_RANGES: list[str] = env.list("NETWORK_VXLAN_RANGES", default=["1:4000"])
#: Numbers of VLANs, as wire:first:last.
VLAN_RANGES: list[str] = env.list("NETWORK_VLAN_RANGES", default=[])
#: What the wires between hosts carry, in bytes of IP.
MTU: int = env.int("NETWORK_MTU", default=1500)
