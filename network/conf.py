"""Settings of networks, read from the environment."""

from __future__ import annotations

from cloudweb.conf import env

#: The zones that networks may ask for in their hints.
ZONES: list[str] = env.list("AVAILABILITY_ZONES", default=["nova"])
#: The wires of the provider that a flat network may take.
PHYSICAL_NETWORKS: list[str] = env.list("NETWORK_PHYSICAL", default=["public"])
#: Whether hosts translate what leaves a flat network; switch it off where the wire has a router.
FLAT_NAT: bool = env.bool("NETWORK_FLAT_NAT", default=True)
MTU: int = env.int("NETWORK_MTU", default=1500)
