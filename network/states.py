"""Statuses that clients see (contract 10.3)."""

from __future__ import annotations

ACTIVE = "ACTIVE"
ALLOCATING = "ALLOCATING"
BUILD = "BUILD"
DOWN = "DOWN"
DEGRADED = "DEGRADED"
ERROR = "ERROR"

PORT_STATUSES = (ACTIVE, BUILD, DOWN, ERROR)
TRUNK_STATUSES = (ACTIVE, BUILD, DEGRADED, DOWN, ERROR)

#: The owner of the port that holds a network's DHCP and metadata addresses.
DHCP_OWNER = "network:dhcp"
#: Owners of ports that routers and floating IPs have.
INTERFACE_OWNER = "network:router_interface"
GATEWAY_OWNER = "network:router_gateway"
FLOATING_OWNER = "network:floatingip"
#: The owner of ports that are in a trunk, and what ports of a trunk are to it.
SUBPORT_OWNER = "trunk:subport"
PARENT, SUBPORT = "parent", "subport"
#: Ports that a router has.
ROUTER_OWNERS = (INTERFACE_OWNER, GATEWAY_OWNER)
#: Ports that no guest has, so nobody makes an address of their MAC addresses; a router's are its gateways.
UNADDRESSED_OWNERS = (DHCP_OWNER, INTERFACE_OWNER, FLOATING_OWNER)
#: Ports that go with what they belong to, and by no other way.
SERVICE_OWNERS = (DHCP_OWNER, INTERFACE_OWNER, GATEWAY_OWNER, FLOATING_OWNER)
#: Ports that nobody asked for.
UNASKED_OWNERS = (DHCP_OWNER, GATEWAY_OWNER, FLOATING_OWNER)
#: Owners with this prefix belong to the cloud; tenants may not set them.
CLOUD_OWNERS = "network:"
#: In a port's ``binding_profile``, as Neutron says it: the host that its guest is on its way to.
GOES_TO = "migrating_to"
