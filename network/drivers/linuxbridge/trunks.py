"""Ports that another port carries: VLANs of its tap, each on the bridge of its own network.

The kernel gives a frame with a VLAN's number to that VLAN before the tap's own bridge sees it, and what the
VLAN's bridge sends there reaches the guest with the number. So filters, limits and DHCP are those of any port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cloudweb import process
from cloudweb.driver import TransientDriverError
from network.drivers.base import NOT_CARRIED
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.links import Link, Links
from network.objects import PortWiring, TrunkPlace


def can_carry(probe: str) -> bool:
    """Tell whether this kernel has VLANs; tried in a namespace of that name, which is gone then."""
    namespaces.ensure(probe)
    try:
        for words in (
            ("add", "probe0", "type", "bridge"),
            ("add", "link", "probe0", "name", "probe1", "type", "vlan", "id", "9"),
        ):
            if process.run(
                *namespaces.command(probe, "ip", "link", *words), check=False
            ).returncode:
                return False
    finally:
        namespaces.delete(probe)
    return True


def ensure_carried(links: Links, port: PortWiring, place: TrunkPlace) -> int:
    """Make the VLAN be there; return how large its packets may be: no larger than the tap's."""
    carrier = links.find(place.tap)
    if carrier is None:
        raise TransientDriverError(NOT_CARRIED, detail=place.tap)
    links.ensure_trunk_vlan(port.tap, parent=place.tap, number=place.segmentation_id)
    return min(port.network.mtu, carrier.mtu)


def lost(links: Mapping[str, Link], ports: Iterable[PortWiring]) -> set[str]:
    """Return the networks whose VLANs went with a tap that is there again: it was made anew."""
    return {
        port.network.id
        for port in ports
        if port.carried is not None and port.tap not in links and port.carried.tap in links
    }
