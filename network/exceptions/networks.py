"""What goes wrong with networks. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import Conflict
from network.exceptions import Missing


class NetworkNotFound(Missing):
    """No such network, or none the caller may see."""

    code = "network_not_found"
    noun = "Network"


class AutoAllocatedTopologyNotFound(Missing):
    """The project has none."""

    code = "auto_allocated_topology_not_found"
    noun = "Auto allocated topology of project"


class AutoAllocationFailure(Conflict):
    """The operator has not said what projects' networks are made of."""

    code = "auto_allocation_failure"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Deployment error: {reason}.")


class NetworkInUse(Conflict):
    """Ports are left on the network."""

    code = "network_in_use"

    def __init__(self, network_id: object) -> None:
        super().__init__(
            f"Unable to complete operation on network {network_id}. "
            "There are one or more ports still in use on the network."
        )


class ExternalNetworkInUse(Conflict):
    """Routers or floating IPs lead outside by the network."""

    code = "external_network_in_use"

    def __init__(self, network_id: object) -> None:
        super().__init__(
            f"External network {network_id} cannot be updated to be made non-external, "
            "since it has existing gateway ports."
        )


class FlatNetworkInUse(Conflict):
    """The physical network already carries a flat network."""

    code = "flat_network_in_use"
