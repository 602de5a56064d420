"""Which server asks, and what it is told."""

from __future__ import annotations

import re

from cloudweb.exceptions import BadRequest
from cloudweb.manager import Manager
from cloudweb.policy import policy
from instances.exceptions import PostedPasswordStays
from instances.guest_metadata import GuestMetadata
from instances.models import Instance
from network.manager import PortManager

#: Of characters, as Nova takes them: an RSA key of 4096 bits makes 684.
PASSWORD_LIMIT = 1020
_ENCRYPTED = re.compile(r"[A-Za-z0-9+/=\s]+")


class GuestMetadataManager(Manager):
    """Answers hosts on behalf of their guests."""

    @policy("compute:servers:guest_metadata")
    def post_password(self, *, host: str, network_id: str, address: str, password: bytes) -> bool:
        """Keep what the server at this address made; return False where there is no such server.

        Raises BadRequest for what cannot be one, PostedPasswordStays where one was told before.
        """
        found = self._server(host, network_id, address)
        if found is None:
            return False
        text = password.decode("ascii", "replace").strip()
        if not text or len(text) > PASSWORD_LIMIT or not _ENCRYPTED.fullmatch(text):
            raise BadRequest("A password is posted encrypted, in base64.")
        rows = Instance.objects.alive().filter(id=found.id, posted_password="")
        if not rows.update(posted_password=text):
            raise PostedPasswordStays
        return True

    @policy("compute:servers:guest_metadata")
    def server_at(self, *, host: str, network_id: str, address: str) -> Instance | None:
        """Return the server whose port this host has at this address."""
        return self._server(host, network_id, address)

    def _server(self, host: str, network_id: str, address: str) -> Instance | None:
        port = PortManager(self.context).find_at(network_id, address, host=host)
        instance = Instance.objects.find_owner(port) if port is not None else None
        return instance if instance is not None and instance.host == host else None

    @policy("compute:servers:guest_metadata")
    def document(self, *, host: str, network_id: str, address: str, path: str) -> bytes | None:
        """Return what stands at the path for the server at this address of this network.

        None when there is no such server on that host, or nothing at the path.
        """
        instance = self._server(host, network_id, address)
        if instance is None:
            return None
        cards = [card for card in instance.ports.all() if card.port_id is not None]
        ports = PortManager(self.context).pictures([str(card.port_id) for card in cards])
        disks = instance.block_devices.all()
        return GuestMetadata(instance, ports, cards=cards, disks=disks).document(path)
