"""Where floating IPs lead: found, and taken back when what they lead to goes."""

from __future__ import annotations

from collections.abc import Collection

from cloudweb.database.locks import has_row_locks
from cloudweb.database.prepared import Given, Prepared
from network import news
from network.exceptions.routing import ExternalGatewayForFloatingIPNotFound
from network.models import FloatingIp, Network, Port, PortAddress, PortForwarding, Router


def router_between(network: Network, address: PortAddress) -> Router:
    """Return the router that joins an address's subnet to an external network.

    Of several the one that has the subnet's gateway. Raises ExternalGatewayForFloatingIPNotFound.
    """
    interfaces = PortAddress.objects.filter(
        subnet=address.subnet_id,
        port__router_port__is_gateway=False,
        port__router_port__router__router_ports__network=network,
        port__router_port__router__router_ports__is_gateway=True,
    )
    found = {
        row.port.router_port.router_id: row.ip_address == row.subnet.gateway_ip
        for row in interfaces.select_related("port__router_port", "subnet").order_by("id")
    }
    if not found:
        raise ExternalGatewayForFloatingIPNotFound(
            subnet_id=address.subnet_id, network_id=network.id, port_id=address.port_id
        )
    best = max(found, key=lambda router_id: found[router_id])
    return Router.objects.get(id=best)


def check_still_between(router: Router, network: Network, address: PortAddress) -> None:
    """Look again once the router's row is locked: its interface may have gone meanwhile, and then nothing leads.

    Raises ExternalGatewayForFloatingIPNotFound.
    """
    if has_row_locks() and router_between(network, address) != router:
        raise ExternalGatewayForFloatingIPNotFound(
            subnet_id=address.subnet_id, network_id=network.id, port_id=address.port_id
        )


_LED = Prepared(lambda: FloatingIp.objects.filter(fixed_port=Given("port")).values_list("id"))
_THROUGH = Prepared(
    lambda: PortForwarding.objects.filter(internal_port=Given("port")).values_list("id")
)


def release_floating(port: Port, addresses: Collection[str] | None = None) -> None:
    """Let the floating IPs of a port that goes, or loses addresses, lead nowhere; drop its forwardings."""
    if not _LED.rows(port=port.id) and not _THROUGH.rows(port=port.id):
        return
    led = FloatingIp.objects.filter(fixed_port=port)
    through = PortForwarding.objects.filter(internal_port=port)
    if addresses is not None:
        led = led.filter(fixed_ip_address__in=addresses)
        through = through.filter(internal_ip_address__in=addresses)
    pairs = [*led.values_list("id", "router_id")]
    pairs += through.values_list("floating_ip_id", "floating_ip__router_id")
    through.delete()
    led.touch(fixed_port=None, fixed_ip_address="", router=None)
    unused = FloatingIp.objects.filter(fixed_port=None, port_forwardings__isnull=True)
    unused.filter(id__in=[floating_id for floating_id, _ in pairs]).touch(router=None)
    news.routers_changed(*(router for _, router in pairs))
