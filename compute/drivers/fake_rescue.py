"""Simulated guests started from rescue disks, and rebuilt."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cloudweb.driver import Work
from cloudweb.faults import Faults
from compute.drivers.base import GuestNotFound, Rebuild, Rescue
from compute.objects import GuestRef, GuestSpec, GuestState, PowerState

if TYPE_CHECKING:
    from compute.drivers.fake import FakeGuest


class FakeRescue(Rescue, Rebuild):
    """What the fake driver has of it: names of disks that come and go."""

    faults: Faults
    _guests: dict[str, FakeGuest]

    def rescue(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Note what it is started from, and boot."""
        assert spec.rescue is not None
        with self.faults.around("rescue", work):
            guest = self._guests.get(spec.id)
            own = {disk.name for disk in spec.disks if disk.source is None}
            if guest is None or not own <= {*guest.disks}:
                raise GuestNotFound
            if guest.rescue != spec.rescue.image.id or guest.power_state != "running":
                work.checkpoint()
                guest.defined, guest.rescue = True, spec.rescue.image.id
                return self._boot(guest, spec)
            return self._state(guest)

    def unrescue(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Forget it, and be off."""
        with self.faults.around("unrescue", work):
            guest = self._find(ref.id)
            if guest.rescue or guest.power_state != "shutdown":
                work.checkpoint()
                guest.rescue = ""
                self._set(guest, "shutdown", "fake-guest: not rescued any more")
            return self._state(guest)

    def wipe(self, ref: GuestRef, *, keep: Collection[str], work: Work) -> None:
        """Forget its disks."""
        with self.faults.around("wipe", work):
            guest = self._guests.get(ref.id)
            if guest is not None:
                work.checkpoint()
                guest.disks = [name for name in guest.disks if name in keep]
                guest.disk = 0
                self._set(guest, "shutdown", "fake-guest: wiped")

    @abstractmethod
    def _find(self, guest_id: str) -> FakeGuest: ...

    @abstractmethod
    def _boot(self, guest: FakeGuest, spec: GuestSpec | None) -> GuestState: ...

    @abstractmethod
    def _set(self, guest: FakeGuest, power_state: PowerState, *lines: str) -> None: ...

    @abstractmethod
    def _state(self, guest: FakeGuest) -> GuestState: ...
