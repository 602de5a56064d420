"""What a guest must be given before it gets at a disk: its host's way there, the socket, the secret."""

from __future__ import annotations

from cloudweb.driver import Work
from compute.drivers.libvirt.entries import Entries
from compute.drivers.libvirt.plugging import Plugging
from compute.drivers.libvirt.storage import Storage
from compute.objects import GuestDisk


class Reach:
    """Of attached disks."""

    def __init__(self, entries: Entries, storage: Storage, plugging: Plugging) -> None:
        self.entries, self._storage, self._plugging = entries, storage, plugging

    def let_in(self, guest_id: str, disk: GuestDisk, *, work: Work) -> GuestDisk:
        """Let the guest reach the disk; return it as the guest is given it. Raises GuestNotFound."""
        self._plugging.check(guest_id)
        work.checkpoint()
        disk = self.entries.of(guest_id, disk)
        self._storage.let_in(self._storage.files(guest_id), disk)
        self._plugging.tell_secrets([disk])
        return disk
