"""What goes wrong with routers and floating IPs. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict, NotFound
from network.exceptions import Missing


class RouterNotFound(Missing):
    """No such router, or none the caller may see."""

    code = "router_not_found"
    noun = "Router"


class FloatingIPNotFound(Missing):
    """No such floating IP, or none the caller may see."""

    code = "floating_ip_not_found"
    noun = "Floating IP"


class PortForwardingNotFound(Missing):
    """The floating IP has no such port forwarding."""

    code = "port_forwarding_not_found"
    noun = "Port Forwarding"


class RouterInUse(Conflict):
    """The router still has interfaces."""

    code = "router_in_use"

    def __init__(self, router_id: object) -> None:
        super().__init__(f"Router {router_id} still has ports.")


class RouterInterfaceNotFound(NotFound):
    """The port is none of the router's interfaces."""

    code = "router_interface_not_found"

    def __init__(self, router_id: object, *, port_id: object) -> None:
        super().__init__(f"Router {router_id} does not have an interface with id {port_id}.")


class RouterInterfaceNotFoundForSubnet(NotFound):
    """The router has no interface on the subnet."""

    code = "router_interface_not_found_for_subnet"

    def __init__(self, router_id: object, *, subnet_id: object) -> None:
        super().__init__(f"Router {router_id} has no interface on subnet {subnet_id}.")


class RouterInterfaceInUseByFloatingIP(Conflict):
    """Floating IPs lead through the interface."""

    code = "router_interface_in_use_by_floating_ip"

    def __init__(self, router_id: object, *, subnet_id: object) -> None:
        super().__init__(
            f"Router interface for subnet {subnet_id} on router {router_id} cannot be deleted, "
            "as it is required by one or more floating IPs."
        )


class RouterInterfaceInUseByRoute(Conflict):
    """A route's next hop is on the interface's subnet."""

    code = "router_interface_in_use_by_route"

    def __init__(self, router_id: object, *, subnet_id: object) -> None:
        super().__init__(
            f"Router interface for subnet {subnet_id} on router {router_id} cannot be deleted, "
            "as it is required by one or more routes."
        )


class RouterExternalGatewayInUseByFloatingIp(Conflict):
    """Floating IPs lead through the gateway."""

    code = "router_external_gateway_in_use_by_floating_ip"

    def __init__(self, router_id: object, *, network_id: object) -> None:
        super().__init__(
            f"Gateway cannot be updated for router {router_id}, since a gateway to external network "
            f"{network_id} is required by one or more floating IPs."
        )


class RouterPortConflict(BadRequest):
    """The router's ports cannot be together: twice the same subnet, or blocks that overlap."""

    code = "router_port_conflict"


class InvalidRoutes(BadRequest):
    """A route leads nowhere."""

    code = "invalid_routes"

    def __init__(self, routes: object, *, reason: str) -> None:
        super().__init__(f"Invalid format for routes: {routes}, {reason}.")


class ExternalGatewayForFloatingIPNotFound(NotFound):
    """No router joins the port's subnet to the external network."""

    code = "external_gateway_for_floating_ip_not_found"

    def __init__(self, *, subnet_id: object, network_id: object, port_id: object) -> None:
        super().__init__(
            f"External network {network_id} is not reachable from subnet {subnet_id}. Therefore, "
            f"cannot associate Port {port_id} with a Floating IP."
        )


class FloatingIPPortAlreadyAssociated(Conflict):
    """The port's address has a floating IP of that network already."""

    code = "floating_ip_port_already_associated"

    def __init__(self, *, address: str, port_id: object, fixed_ip: str) -> None:
        super().__init__(
            f"Cannot associate floating IP {address} with port {port_id} using fixed IP {fixed_ip}, "
            "as that fixed IP already has a floating IP on the external network."
        )


class FloatingIpInUseByPortForwarding(Conflict):
    """The floating IP leads on by ports, so it cannot lead to one port."""

    code = "floating_ip_in_use_by_port_forwarding"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Floating IP {address} has port forwarding entries, so it cannot be associated with a port."
        )


class FloatingIpAssociated(Conflict):
    """The floating IP leads to one port, so none of its ports can lead elsewhere."""

    code = "floating_ip_associated"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Floating IP {address} is associated with a port, so it cannot have port forwardings."
        )


class PortForwardingExists(Conflict):
    """These ports of the floating IP lead somewhere already."""

    code = "port_forwarding_exists"

    def __init__(self, address: str, *, protocol: str, ports: str) -> None:
        super().__init__(
            f"A port forwarding of floating IP {address} for {protocol} {ports} exists already."
        )
