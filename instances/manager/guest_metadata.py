"""Which server asks, and what it is told."""

from __future__ import annotations

from cloudweb.manager import Manager
from cloudweb.policy import policy
from instances.guest_metadata import GuestMetadata
from instances.models import Instance
from network.manager import PortManager


class GuestMetadataManager(Manager):
    """Answers hosts on behalf of their guests."""

    @policy("compute:servers:guest_metadata")
    def document(self, *, host: str, network_id: str, address: str, path: str) -> bytes | None:
        """Return what stands at the path for the server at this address of this network.

        None when there is no such server on that host, or nothing at the path.
        """
        port = PortManager(self.context).find_at(network_id, address, host=host)
        instance = Instance.objects.find_owner(port) if port is not None else None
        if instance is None or instance.host != host:
            return None
        cards = [card for card in instance.ports.all() if card.port_id is not None]
        ports = PortManager(self.context).pictures([str(card.port_id) for card in cards])
        disks = instance.block_devices.all()
        return GuestMetadata(instance, ports, cards=cards, disks=disks).document(path)
