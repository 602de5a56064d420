"""What goes wrong with subnets. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict
from network.exceptions import Missing


class SubnetNotFound(Missing):
    """No such subnet."""

    code = "subnet_not_found"
    noun = "Subnet"


class SubnetInUse(Conflict):
    """Ports hold addresses of the subnet."""

    code = "subnet_in_use"

    def __init__(self, subnet_id: object) -> None:
        super().__init__(
            f"Unable to complete operation on subnet {subnet_id}: "
            "One or more ports have an IP allocation from this subnet."
        )


class GatewayConflictWithAllocationPools(Conflict):
    """A pool contains the gateway."""

    code = "gateway_conflict_with_allocation_pools"

    def __init__(self, *, pool: str, address: str) -> None:
        super().__init__(f"Gateway ip {address} conflicts with allocation pool {pool}.")


class InvalidAllocationPool(BadRequest):
    """A pool's ends are in the wrong order or of another IP version."""

    code = "invalid_allocation_pool"


class OutOfBoundsAllocationPool(BadRequest):
    """A pool reaches outside its subnet."""

    code = "out_of_bounds_allocation_pool"

    def __init__(self, *, pool: str, cidr: str) -> None:
        super().__init__(f"The allocation pool {pool} spans beyond the subnet cidr {cidr}.")


class OverlappingAllocationPools(Conflict):
    """Two pools share an address."""

    code = "overlapping_allocation_pools"

    def __init__(self, *, cidr: str) -> None:
        super().__init__(f"Found overlapping allocation pools for subnet {cidr}.")
