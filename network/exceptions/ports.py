"""What goes wrong with ports and their addresses. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict
from network.exceptions import Missing


class PortNotFound(Missing):
    """No such port."""

    code = "port_not_found"
    noun = "Port"


class PortInUse(Conflict):
    """The port serves another device."""

    code = "port_in_use"

    def __init__(self, port_id: object) -> None:
        super().__init__(f"Port {port_id} is in use.")


class ServicePortInUse(Conflict):
    """The port belongs to the cloud itself."""

    code = "service_port_in_use"

    def __init__(self, port_id: object, *, owner: str) -> None:
        super().__init__(
            f"Port {port_id} cannot be deleted directly via the port API: has device owner {owner}."
        )


class IpAddressGenerationFailure(Conflict):
    """No free address is left in the allocation pools."""

    code = "ip_address_generation_failure"

    def __init__(self, network_id: object) -> None:
        super().__init__(f"No more IP addresses available on network {network_id}.")


class IpAddressAlreadyAllocated(Conflict):
    """Another port, or the gateway, has the address."""

    code = "ip_address_already_allocated"

    def __init__(self, address: str, *, subnet_id: object) -> None:
        super().__init__(f"IP address {address} already allocated in subnet {subnet_id}.")


class MacAddressInUse(Conflict):
    """Another port of the network has the MAC address."""

    code = "mac_address_in_use"

    def __init__(self, mac: str, *, network_id: object) -> None:
        super().__init__(
            f"Unable to complete operation for network {network_id}. The mac address {mac} is in use."
        )


class InvalidIpForNetwork(BadRequest):
    """The address is in none of the network's subnets."""

    code = "invalid_ip_for_network"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"IP address {address} is not a valid IP for any of the subnets on the specified network."
        )


class InvalidIpForSubnet(BadRequest):
    """The address is outside its subnet, or not one a port may have."""

    code = "invalid_ip_for_subnet"

    def __init__(self, address: str) -> None:
        super().__init__(f"IP address {address} is not a valid IP for the specified subnet.")


class AllocationOnAutoAddressSubnet(BadRequest):
    """Addresses of this subnet follow from the MAC address; none can be chosen."""

    code = "allocation_on_auto_address_subnet"

    def __init__(self, address: str, *, subnet_id: object) -> None:
        super().__init__(
            f"IPv6 address {address} cannot be directly assigned to a port on subnet {subnet_id} "
            "as the subnet is configured for automatic addresses."
        )


class PortSecurityAndIPRequiredForSecurityGroups(BadRequest):
    """Security groups need port security."""

    code = "port_security_required"
    default_message = (
        "Port security must be enabled and port must have an IP address "
        "in order to use security groups."
    )


class PortBound(Conflict):
    """MAC address and device of a port do not change while a host has it."""

    code = "port_bound"

    def __init__(self, port_id: object) -> None:
        super().__init__(f"Unable to complete operation on port {port_id}, port is already bound.")
