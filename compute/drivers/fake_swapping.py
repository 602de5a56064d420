"""Disks of simulated guests, exchanged while they run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cloudweb.driver import Work
from cloudweb.faults import Faults
from compute.drivers.base import DiskNotFound, GuestIsOff, NotMirrored, SwapDisks
from compute.objects import GuestDisk, GuestRef

if TYPE_CHECKING:
    from compute.drivers.fake import FakeGuest


class FakeSwapDisks(SwapDisks):
    """What the fake driver has of it: a guest notes what its disks are, and what they are mirrored to."""

    faults: Faults
    _lock: threading.RLock
    _find: Callable[[str], FakeGuest]
    _set: Callable[..., None]

    def mirror_disk(self, ref: GuestRef, disk: GuestDisk, *, work: Work) -> None:
        """Note that the disk is mirrored."""
        with self.faults.around("mirror_disk", work):
            self._running(ref.id, disk.serial)
            work.checkpoint()
            with self._lock:
                guest = self._running(ref.id, disk.serial)
                if guest.beneath.get(disk.serial, disk.serial) != disk.name:
                    guest.mirrors[disk.serial] = disk.name
                    self._set(guest, guest.power_state, f"fake-guest: disk {disk.serial} mirrored")

    def swap_disk(
        self, ref: GuestRef, disk: GuestDisk, *, decided: Callable[[], None], work: Work
    ) -> None:
        """Note what the disk is now."""
        with self.faults.around("swap_disk", work):
            self._find(ref.id)
            work.checkpoint()
            with self._lock:
                guest = self._find(ref.id)
                if disk.serial not in guest.volumes:
                    raise DiskNotFound
                if guest.beneath.get(disk.serial, disk.serial) != disk.name:
                    if guest.mirrors.get(disk.serial) != disk.name:
                        raise NotMirrored
                    decided()
                guest.mirrors.pop(disk.serial, None)
                guest.take(disk)
                self._set(guest, guest.power_state, f"fake-guest: disk {disk.serial} swapped")

    def end_mirror(self, ref: GuestRef, serial: str, target: str, *, work: Work) -> None:
        """Note that it is mirrored no more."""
        with self.faults.around("end_mirror", work):
            self._find(ref.id)
            work.checkpoint()
            with self._lock:
                guest = self._find(ref.id)
                if guest.mirrors.pop(serial, None) is not None:
                    self._set(guest, guest.power_state, f"fake-guest: disk {serial} alone")

    def beneath(self, guest_id: str) -> Mapping[str, str]:
        """Return what is under each attached disk, by its serial."""
        guest = self._find(guest_id)
        return {serial: guest.beneath.get(serial, serial) for serial in guest.volumes}

    def mirrored(self, guest_id: str) -> Mapping[str, str]:
        """Return to what the disks are mirrored that are."""
        return dict(self._find(guest_id).mirrors)

    def _running(self, guest_id: str, serial: str) -> FakeGuest:
        guest = self._find(guest_id)
        if guest.power_state not in ("running", "paused"):
            raise GuestIsOff
        if serial not in guest.volumes:
            raise DiskNotFound
        return guest
