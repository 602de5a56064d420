"""What is alike of all that comes and goes in a domain: now where it runs, and for its next start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import libvirt

from cloudweb.driver import DriverError, TransientDriverError, Work
from compute.drivers.base import GuestNotFound
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.domains import Domains

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
POLL = 0.1
#: A guest whose system is still booting does not hear that a device shall go; it is asked again.
ASK_AGAIN = 5.0
#: QEMU's and libvirt's words for a device that was asked for already, or has gone just now.
ASKED_ALREADY = (
    *("already in the process of unplug", "not found", "No such", "no target device"),
    "no matching network device",
)
NO_PLACE = ("No more available PCI slots", "no more available PCI")


class Found(Protocol):
    """A device as a domain has it."""

    @property
    def text(self) -> str:
        """Its element as libvirt takes it back."""


class Devices:
    """Devices of one kind in our domains."""

    def __init__(self, connection: Connection, domains: Domains) -> None:
        self._connection, self._domains = connection, domains

    def _domain(self, guest_id: str) -> libvirt.virDomain:
        domain = self._domains.find(guest_id)
        if domain is None:
            raise GuestNotFound
        return domain

    def _places(self, domain: libvirt.virDomain) -> list[int]:
        return [CONFIG, LIVE] if self._domains.is_active(domain) else [CONFIG]

    def _xml(self, domain: libvirt.virDomain, flag: int) -> str:
        with self._connection.use():
            return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE if flag == CONFIG else 0)

    def _take_out(
        self,
        domain: libvirt.virDomain,
        find: Callable[[int], Found | None],
        *,
        timeout: float,
        work: Work,
        refused: str,
        kept: type[DriverError],
    ) -> None:
        """Take a device out of the definition, then ask the guest until it is gone; raise ``kept``."""
        deadline, ask_at = time.monotonic() + timeout, 0.0
        while (found := find(CONFIG)) is not None:
            work.checkpoint()
            with self._connection.use(refused):
                domain.detachDeviceFlags(found.text, CONFIG)
        while self._domains.is_active(domain) and (found := find(LIVE)) is not None:
            current = time.monotonic()
            if current >= deadline:
                self._put_back(domain, found)
                raise kept
            if current >= ask_at:
                work.checkpoint()
                self._ask_for(domain, found, refused)
                ask_at = current + ASK_AGAIN
            time.sleep(POLL)

    def _ask_for(self, domain: libvirt.virDomain, found: Found, refused: str) -> None:
        try:
            with self._connection.use(refused):
                domain.detachDeviceFlags(found.text, LIVE)
        except TransientDriverError as error:
            # it is on its way, or went between our look and our word; the next look tells
            if not any(words in error.detail for words in ASKED_ALREADY):
                raise

    def _put_back(self, domain: libvirt.virDomain, found: Found) -> None:
        """Let the definition say again what the guest kept."""
        with suppress(DriverError), self._connection.use():
            domain.attachDeviceFlags(found.text, CONFIG)


@contextmanager
def no_place(noun: str) -> Iterator[None]:
    """Turn libvirt's words for a full bus into ours: no other try will do better."""
    try:
        yield
    except libvirt.libvirtError as error:
        if not any(words in str(error) for words in NO_PLACE):
            raise
        raise DriverError(
            f"The guest has no free place for another {noun}.", detail=str(error)
        ) from error
