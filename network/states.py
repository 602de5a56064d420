"""Statuses that clients see (contract 10.3)."""

from __future__ import annotations

ACTIVE = "ACTIVE"
BUILD = "BUILD"
DOWN = "DOWN"
ERROR = "ERROR"

PORT_STATUSES = (ACTIVE, BUILD, DOWN, ERROR)

#: The owner of the port that holds a network's DHCP and metadata addresses.
DHCP_OWNER = "network:dhcp"
#: Owners with this prefix belong to the cloud; tenants may not set them.
CLOUD_OWNERS = "network:"
