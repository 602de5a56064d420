"""What a server may be given as one more network card."""

from __future__ import annotations

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.networks import OFFERED, Choices
from instances.build_request import NetworkRequest
from network.manager import NetworkManager, PortManager

PORT = "port:"


def interfaces_offered(context: RequestContext) -> Choices:
    """Return the networks that a port can be made on, then the project's ports that nobody has."""
    networks = NetworkManager(context).usable_by_servers()[:OFFERED]
    free = Q(project_id=context.project_id, device_id="")
    ports = PortManager(context).list(Listing(where=free, limit=OFFERED)).rows
    found = [(str(one.id), f"A new port on {one.name or one.id}") for one in networks]
    for port in ports:
        at = ", ".join(address.ip_address for address in port.addresses) or port.mac_address
        found.append((f"{PORT}{port.id}", f"Port {port.name or port.id} · {at}"))
    return found


def interface_of(choice: str) -> NetworkRequest:
    """Return what one of the offered is asked for by."""
    if choice.startswith(PORT):
        return NetworkRequest(port_id=choice.removeprefix(PORT))
    return NetworkRequest(network_id=choice)
