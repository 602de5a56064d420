"""A guest's serial line: QEMU's socket, which takes one client at a time."""

from __future__ import annotations

import socket

from compute.drivers.base import GuestNotFound, SerialConsole
from compute.drivers.libvirt.domains import Domains
from compute.drivers.libvirt.storage import Storage
from compute.objects import GuestRef


class LibvirtConsoles(SerialConsole):
    """What a driver with ``storage`` does for who looks at its guests."""

    storage: Storage
    _domains: Domains

    def connect_serial(self, ref: GuestRef) -> socket.socket:
        """Connect to QEMU's socket."""
        if self._domains.find(ref.id) is None:
            raise GuestNotFound
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.connect(str(self.storage.files(ref.id).console_socket))
        except OSError:
            line.close()
            raise
        return line
