"""Which server asks, and what it is told."""

from __future__ import annotations

from cloudweb.exceptions import NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from instances.guest_metadata import GuestMetadata
from instances.models import Instance
from instances.operations.guest import wirings
from network.manager import PortManager


class GuestMetadataManager(Manager):
    """Answers hosts on behalf of their guests."""

    @policy("compute:servers:guest_metadata")
    def document(self, *, host: str, network_id: str, address: str, path: str) -> bytes | None:
        """Return what stands at the path for the server at this address of this network.

        None when there is no such server on that host, or nothing at the path.
        """
        try:
            device = PortManager(self.context).device_at(network_id, address)
        except NotFound:
            return None
        instance = Instance.objects.alive().filter(id=device, host=host).first() if device else None
        if instance is None:
            return None
        return GuestMetadata(instance, wirings(self.context, instance)).document(path)
