"""Guests that QEMU halted because a disk of theirs found no room: they go on when there is some.

The request that found none is repeated then; without room it halts the guest again, so trying costs little.
What a tenant pauses meanwhile says so in the running domain's metadata, which end with it.
"""

from __future__ import annotations

import libvirt
import structlog

from compute.drivers.libvirt import xml
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.domains import Domains

log = structlog.get_logger(__name__)
_ORDERED = f"{xml.NAMESPACE}/paused"
_WHERE = (libvirt.VIR_DOMAIN_METADATA_ELEMENT, _ORDERED, libvirt.VIR_DOMAIN_AFFECT_LIVE)


class Stalls:
    """The halted ones among our domains."""

    def __init__(self, connection: Connection, domains: Domains) -> None:
        self._connection, self._domains = connection, domains

    def end(self) -> None:
        """Let all go on that nobody wants to be paused."""
        for guest in self._domains.all():
            domain = self._domains.find(guest.id) if guest.power_state == "paused" else None
            if domain is not None and self._is_stalled(domain) and not self._is_ordered(domain):
                log.warning("a guest that found no room on a disk tries again", guest=guest.id)
                self._domains.resume(guest.id)

    def keep(self, guest_id: str) -> None:
        """Note that a guest which is halted already is to be paused from now on."""
        domain = self._domains.find(guest_id)
        if domain is not None and self._is_stalled(domain):
            self._note(domain, "<ordered/>")

    def forget(self, guest_id: str) -> None:
        """Note that it is not any more."""
        domain = self._domains.find(guest_id)
        if domain is not None and self._is_ordered(domain):
            self._note(domain, None)

    def _is_stalled(self, domain: libvirt.virDomain) -> bool:
        with self._connection.use():
            return domain.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR]

    def _is_ordered(self, domain: libvirt.virDomain) -> bool:
        with self._connection.use():
            try:
                return bool(domain.metadata(*_WHERE))
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
                    return False
                raise

    def _note(self, domain: libvirt.virDomain, text: str | None) -> None:
        kind, place, flags = _WHERE
        with self._connection.use():
            domain.setMetadata(kind, text, "paused", place, flags)
