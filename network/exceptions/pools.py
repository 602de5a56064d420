"""What goes wrong with subnet pools and address scopes; clients see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict, QuotaExceeded
from network.exceptions import Missing


class SubnetPoolNotFound(Missing):
    """No such pool, or none the caller may see."""

    code = "subnet_pool_not_found"
    noun = "Subnet pool"


class AddressScopeNotFound(Missing):
    """No such scope, or none the caller may see."""

    code = "address_scope_not_found"
    noun = "Address scope"


class EmptySubnetPoolPrefixList(BadRequest):
    """A pool has at least one prefix."""

    code = "empty_subnet_pool_prefix_list"
    default_message = "Empty subnet pool prefix list."


class PrefixVersionMismatch(BadRequest):
    """A pool is of one IP version."""

    code = "prefix_version_mismatch"
    default_message = "Cannot mix IPv4 and IPv6 prefixes in a subnet pool."


class IllegalSubnetPoolPrefixBounds(BadRequest):
    """The lengths of prefixes contradict each other, or the IP version."""

    code = "illegal_subnet_pool_prefix_bounds"

    def __init__(self, name: str, length: int, *, base: str, limit: int) -> None:
        super().__init__(f"Illegal prefix bounds: {name}={length}, {base}={limit}.")


class IllegalSubnetPoolPrefixUpdate(BadRequest):
    """A prefix cannot be taken out of a pool."""

    code = "illegal_subnet_pool_prefix_update"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Illegal update to prefixes: {reason}.")


class SubnetPoolDeleteError(BadRequest):
    """Subnets are from the pool."""

    code = "subnet_pool_delete_error"
    default_message = "Unable to delete subnet pool: Subnet pool has existing allocations."


class SubnetAllocationError(Conflict):
    """The pool has no such room."""

    code = "subnet_allocation_error"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Failed to allocate subnet: {reason}.")


class MinPrefixSubnetAllocationError(BadRequest):
    """A block that is larger than the pool gives."""

    code = "min_prefix_subnet_allocation_error"

    def __init__(self, length: int, *, limit: int) -> None:
        super().__init__(
            f"Unable to allocate subnet with prefix length {length}, "
            f"minimum allowed prefix is {limit}."
        )


class MaxPrefixSubnetAllocationError(BadRequest):
    """A block that is smaller than the pool gives."""

    code = "max_prefix_subnet_allocation_error"

    def __init__(self, length: int, *, limit: int) -> None:
        super().__init__(
            f"Unable to allocate subnet with prefix length {length}, "
            f"maximum allowed prefix is {limit}."
        )


class SubnetPoolQuotaExceeded(QuotaExceeded):
    """The project has of the pool what it may have."""


class NetworkSubnetPoolAffinityError(BadRequest):
    """A network's subnets of one IP version are all from one pool, or from none."""

    code = "network_subnet_pool_affinity_error"
    default_message = (
        "Subnets hosted on the same network must be allocated from the same subnet pool."
    )


class IllegalSubnetPoolAssociationToAddressScope(BadRequest):
    """The scope is of the other IP version."""

    code = "illegal_subnet_pool_association"

    def __init__(self, *, version: int) -> None:
        super().__init__(
            f"Illegal subnetpool association: the address scope is not of IPv{version}."
        )


class AddressScopePrefixConflict(Conflict):
    """Pools of one scope would have addresses in common."""

    code = "address_scope_prefix_conflict"
    default_message = (
        "Failed to associate address scope: subnetpools within an address scope must have unique "
        "prefixes."
    )


class AddressScopeInUse(Conflict):
    """Pools are in the scope."""

    code = "address_scope_in_use"

    def __init__(self, scope_id: object) -> None:
        super().__init__(
            f"Unable to complete operation on address scope {scope_id}. There are one or more "
            "subnet pools in use on the address scope."
        )
