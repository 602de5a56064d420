"""What is asked of the inside of simulated guests: passwords, interrupts, what they use."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from cloudweb.driver import Unguarded
from cloudweb.faults import Faults
from compute.drivers.base import (
    Diagnostics,
    GuestIsOff,
    Interrupt,
    Password,
    PasswordNotSet,
)
from compute.guest_use import CardUse, DiskUse, GuestUse
from compute.objects import GuestRef, PowerState

if TYPE_CHECKING:
    from compute.drivers.fake import FakeGuest


class FakeInside(Password, Interrupt, Diagnostics):
    """What the fake driver has of it: lines on the console, and nothing used."""

    faults: Faults

    def set_password(self, ref: GuestRef, *, user: str, password: str) -> None:
        """Say whose it is, where the guest runs and has an agent."""
        with self.faults.around("set_password", Unguarded()):
            guest = self._find(ref.id)
            if guest.power_state != "running" or not guest.agent:
                raise PasswordNotSet
            self._set(guest, guest.power_state, f"fake-guest: password of {user} set")

    def inject_nmi(self, ref: GuestRef) -> None:
        """Say so."""
        with self.faults.around("inject_nmi", Unguarded()):
            guest = self._find(ref.id)
            if guest.power_state not in ("running", "paused"):
                raise GuestIsOff
            self._set(guest, guest.power_state, "fake-guest: NMI received")

    def diagnose(self, ref: GuestRef) -> GuestUse:
        """Tell what it has, and that it used nothing of it."""
        with self.faults.around("diagnose", Unguarded()):
            guest = self._find(ref.id)
            if guest.power_state not in ("running", "paused"):
                raise GuestIsOff
            memory = guest.ram * 1024
            return GuestUse(
                driver="fake",
                hypervisor="fake",
                power_state=guest.power_state,
                processors=(0,),
                memory=memory,
                memory_actual=memory,
                disks=tuple(DiskUse(name=name) for name in (*guest.disks, *guest.volumes)),
                cards=tuple(CardUse(mac="", name=tap) for tap in guest.taps),
            )

    @abstractmethod
    def _find(self, guest_id: str) -> FakeGuest: ...

    @abstractmethod
    def _set(self, guest: FakeGuest, power_state: PowerState, *lines: str) -> None: ...
