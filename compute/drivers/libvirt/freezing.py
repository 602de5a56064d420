"""File systems of guests held still, by QEMU's agent in the guest."""

from __future__ import annotations

import libvirt

from cloudweb.driver import TransientDriverError
from compute.drivers.base import GuestNotFound, NotFrozen
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.domains import Domains

#: Nobody is there to be asked: no way in, no agent behind it, or no guest.
NOBODY = (
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
    libvirt.VIR_ERR_OPERATION_INVALID,
)
REFUSED = "The server's guest agent could not hold the file systems still."


class FileSystems:
    """The file systems of our domains' guests."""

    def __init__(self, connection: Connection, domains: Domains) -> None:
        self._connection, self._domains = connection, domains

    def freeze(self, guest_id: str, *, timeout: int) -> None:
        """Freeze all of them; raise GuestNotFound, NotFrozen, TransientDriverError for one that is silent."""
        domain = self._domain(guest_id)
        with self._connection.use(REFUSED):
            try:
                domain.agentSetResponseTimeout(timeout)
                domain.fsFreeze()
            except libvirt.libvirtError as error:
                if error.get_error_code() in NOBODY:
                    raise NotFrozen(
                        "The server has no guest agent that answers.", detail=str(error)
                    ) from error
                raise

    def thaw(self, guest_id: str, *, timeout: int) -> int:
        """Thaw all of them; return how many were frozen."""
        domain = self._domain(guest_id)
        if not self._domains.is_active(domain):
            return 0
        with self._connection.use("The server's guest agent does not answer."):
            try:
                domain.agentSetResponseTimeout(timeout)
                return domain.fsThaw()
            except libvirt.libvirtError as error:
                code = error.get_error_code()
                if code in NOBODY and not self._domains.is_active(domain):
                    return 0
                if code in (
                    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
                    libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
                ):  # it never had a way in
                    return 0
                raise TransientDriverError(
                    "The server's guest agent does not answer.", detail=str(error)
                ) from error

    def _domain(self, guest_id: str) -> libvirt.virDomain:
        domain = self._domains.find(guest_id)
        if domain is None:
            raise GuestNotFound
        return domain
