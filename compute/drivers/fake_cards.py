"""Network cards of simulated guests: names of taps in their records."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloudweb.driver import DriverError, Work
from cloudweb.faults import Faults
from compute.drivers.base import InterfaceHotPlug, InterfaceInUse
from compute.objects import GuestInterface, GuestRef, PowerState

if TYPE_CHECKING:
    from compute.drivers.fake import FakeGuest

#: As many as a real guest has places for.
PLACES = 16


class FakeCards(InterfaceHotPlug):
    """Cards that come and go at once, unless the guest runs and keeps one."""

    faults: Faults
    _lock: threading.RLock

    @abstractmethod
    def _find(self, guest_id: str) -> FakeGuest: ...

    @abstractmethod
    def _set(self, guest: FakeGuest, power_state: PowerState, *lines: str) -> None: ...

    def attach_interface(self, ref: GuestRef, interface: GuestInterface, *, work: Work) -> None:
        """Give the guest a card."""
        with self.faults.around("attach_interface", work):
            self._find(ref.id)
            work.checkpoint()
            with self._lock:
                guest = self._find(ref.id)
                if interface.tap in guest.taps:
                    return
                if len(guest.taps) >= PLACES:
                    raise DriverError("The guest has no free place for another network card.")
                guest.taps.append(interface.tap)
                self._set(guest, guest.power_state, f"fake-guest: card {interface.mac} came")

    def detach_interface(self, ref: GuestRef, tap: str, *, timeout: float, work: Work) -> None:
        """Take the card away."""
        with self.faults.around("detach_interface", work):
            self._find(ref.id)
            work.checkpoint()
            with self._lock:
                guest = self._find(ref.id)
                if tap in guest.keeps and guest.power_state != "shutdown":
                    raise InterfaceInUse
                if tap in guest.taps:
                    guest.taps.remove(tap)
                    self._set(guest, guest.power_state, f"fake-guest: card {tap} went")

    def interfaces(self, guest_id: str) -> Sequence[str]:
        """Return the taps of a guest's cards."""
        return tuple(self._find(guest_id).taps)
