"""A guest's serial line and its screen: QEMU's sockets."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from compute.drivers.base import GuestNotFound, SerialConsole, VncConsole
from compute.drivers.libvirt.domains import Domains
from compute.drivers.libvirt.files import GuestFiles
from compute.drivers.libvirt.storage import Storage
from compute.objects import GuestRef


class LibvirtConsoles(SerialConsole, VncConsole):
    """What a driver with ``storage`` does for who looks at its guests."""

    storage: Storage
    _domains: Domains

    def connect_serial(self, ref: GuestRef) -> socket.socket:
        """Connect to QEMU's socket, which takes one client at a time."""
        return _connected(self._files_of(ref).console_socket)

    def connect_vnc(self, ref: GuestRef) -> socket.socket:
        """Connect to the socket that QEMU made in the guest's home.

        What is there is the guest's to choose: a link of its own leads nowhere, and a socket of another
        user's, that it gave its name to, is not its screen.
        """
        files = self._files_of(ref)
        found = os.open(files.screen_socket, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            facts = os.fstat(found)
            if not stat.S_ISSOCK(facts.st_mode) or facts.st_uid != self.storage.owner(files):
                raise ConnectionRefusedError(f"{files.screen_socket} is not the guest's screen")
            return _connected(Path(f"/proc/self/fd/{found}"))
        finally:
            os.close(found)

    def _files_of(self, ref: GuestRef) -> GuestFiles:
        if self._domains.find(ref.id) is None:
            raise GuestNotFound
        return self.storage.files(ref.id)


def _connected(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(str(path))
    except OSError:
        line.close()
        raise
    return line
