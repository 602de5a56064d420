"""Network cards that come and go: in a running domain, and in its definition for the next start."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

import libvirt

from cloudweb.driver import Work
from compute.drivers.base import InterfaceHotPlug, InterfaceInUse
from compute.drivers.libvirt.devices import CONFIG, LIVE, Devices, no_place
from compute.drivers.libvirt.interfaces import Card, cards_in, interface_element
from compute.drivers.libvirt.watcher import Watcher
from compute.objects import GuestInterface, GuestRef

REFUSED = "The hypervisor could not attach the network card."
KEPT = "The hypervisor could not detach the network card."


class Cards(Devices):
    """Network cards of our domains, each known by its tap."""

    def plug(self, guest_id: str, interface: GuestInterface, *, work: Work) -> None:
        """Put the card into the definition and, where the guest runs, into the guest.

        The guest first: one without a free place for it must not get it at its next start either.
        """
        domain = self._domain(guest_id)
        text = ET.tostring(interface_element(interface), encoding="unicode")
        for flag in reversed(self._places(domain)):
            if self._found(domain, flag, interface.tap) is not None:
                continue
            work.checkpoint()
            with self._connection.use(REFUSED), no_place("network card"):
                domain.attachDeviceFlags(text, flag)

    def unplug(self, guest_id: str, tap: str, *, timeout: float, work: Work) -> None:
        """Take the card out of the definition, then ask the guest until it is gone; raise InterfaceInUse."""
        domain = self._domain(guest_id)
        self._take_out(
            domain,
            lambda flag: self._found(domain, flag, tap),
            timeout=timeout,
            work=work,
            refused=KEPT,
            kept=InterfaceInUse,
        )

    def taps(self, guest_id: str) -> Sequence[str]:
        """Return the taps of the cards that the guest has, or gets at its start."""
        domain = self._domain(guest_id)
        flag = LIVE if self._domains.is_active(domain) else CONFIG
        return [card.tap for card in cards_in(self._xml(domain, flag))]

    def _found(self, domain: libvirt.virDomain, flag: int, tap: str) -> Card | None:
        return next((card for card in cards_in(self._xml(domain, flag)) if card.tap == tap), None)


class PluggedCards(InterfaceHotPlug):
    """The libvirt driver's orders about cards."""

    _cards: Cards
    _watcher: Watcher

    def attach_interface(self, ref: GuestRef, interface: GuestInterface, *, work: Work) -> None:
        """Plug the card in."""
        with self._watcher.order(ref.id):
            self._cards.plug(ref.id, interface, work=work)

    def detach_interface(self, ref: GuestRef, tap: str, *, timeout: float, work: Work) -> None:
        """Ask the guest for the card until it lets go of it."""
        with self._watcher.order(ref.id):
            self._cards.unplug(ref.id, tap, timeout=timeout, work=work)

    def interfaces(self, guest_id: str) -> Sequence[str]:
        """Return the taps of the domain's cards."""
        return self._cards.taps(guest_id)
