"""Guests in memory that change their size or their host: what they wrote goes with their disks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudweb.driver import Work
from cloudweb.faults import Faults
from compute.drivers.base import GuestNotFound, GuestRuns, Resize
from compute.objects import DiskSource, GuestRef, GuestSpec, GuestState
from compute.resize_objects import (
    DiskChoice,
    DiskOffer,
    OfferedDisk,
    OfferRequest,
    ReceiveRequest,
)

if TYPE_CHECKING:
    from compute.drivers.fake import FakeGuest

OFF = ("shutdown", "crashed")


class FakeResizing(Resize):
    """What the fake driver does of it; the rest of it gives what is named here."""

    faults: Faults
    _lock: threading.RLock
    _guests: dict[str, FakeGuest]

    if TYPE_CHECKING:

        def _find(self, guest_id: str) -> FakeGuest: ...
        def _save(self, guest: FakeGuest) -> None: ...
        def _set(self, guest: FakeGuest, power_state: Any, *lines: str) -> None: ...
        def _state(self, guest: FakeGuest) -> GuestState: ...
        def _new(self, guest_id: str, name: str, ram: int) -> FakeGuest: ...

    def offer_disks(self, request: OfferRequest, *, work: Work) -> DiskOffer:
        """Note to whom; the offer itself holds what the guest wrote."""
        with self.faults.around("offer_disks", work):
            guest = self._guests.get(request.id)
            if guest is None:
                raise GuestNotFound
            if guest.power_state not in OFF:
                raise GuestRuns
            work.checkpoint()
            with self._lock:
                guest.offered_to = request.to_host
                self._save(guest)
            source = DiskSource(kind="fake", export=guest.written)
            size = guest.disk // max(1, len(request.disks))
            return DiskOffer(
                id=guest.id,
                disks=tuple(
                    OfferedDisk(name=name, size=size, source=source) for name in request.disks
                ),
            )

    def withdraw_disks(self, ref: GuestRef, *, work: Work) -> None:
        """Forget to whom."""
        with self.faults.around("withdraw_disks", work):
            guest = self._guests.get(ref.id)
            if guest is not None and guest.offered_to:
                work.checkpoint()
                with self._lock:
                    guest.offered_to = ""
                    self._save(guest)

    def receive_disks(self, request: ReceiveRequest, *, work: Work) -> None:
        """Have the disks, with what was written on them."""
        with self.faults.around("receive_disks", work):
            work.checkpoint()
            with self._lock:
                guest = self._new(request.id, request.name, 0)
                guest.disks = [disk.name for disk in request.disks]
                guest.disk = sum(disk.size for disk in request.disks)
                guest.written = "".join({disk.source.export for disk in request.disks})
                self._save(guest)

    def choose_disks(self, choice: DiskChoice, *, work: Work) -> bool:
        """Exchange what the guest has and what it had."""
        with self.faults.around("choose_disks", work):
            guest = self._guests.get(choice.id)
            if guest is None:
                raise GuestNotFound
            work.checkpoint()
            with self._lock:
                if choice.use == "new" and not guest.other and not choice.forget:
                    guest.other = {"is": "new", "disk": guest.disk, "written": guest.written}
                swaps = guest.other.get("is") == choice.use
                if swaps:
                    had = {"disk": guest.disk, "written": guest.written}
                    guest.disk, guest.written = guest.other["disk"], guest.other["written"]
                    guest.other = {**had, "is": "old" if choice.use == "new" else "new"}
                    if guest.power_state not in OFF:
                        self._set(guest, "shutdown", "fake-guest: plug pulled")
                if choice.forget:
                    guest.other = {}
                self._save(guest)
            return swaps

    def resize(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Note its size."""
        with self.faults.around("resize", work):
            guest = self._guests.get(spec.id)
            if guest is None:
                raise GuestNotFound
            if guest.power_state in OFF:
                work.checkpoint()
                with self._lock:
                    own = sum(disk.size for disk in spec.disks if disk.source is None)
                    guest.disk, guest.ram = max(guest.disk, own), spec.ram
                    guest.taps = [interface.tap for interface in spec.interfaces]
                    guest.defined = True
                    self._set(guest, "shutdown", f"fake-guest: {spec.vcpus} vCPUs, {spec.ram} MiB")
            return self._state(guest)

    def write(self, guest_id: str, text: str) -> None:
        """Let a guest write on its disks."""
        guest = self._find(guest_id)
        guest.written = text
        self._save(guest)

    def read(self, guest_id: str) -> str:
        """Return what a guest wrote."""
        return self._find(guest_id).written

    def left_over(self) -> list[str]:
        """Return what stands open: disks kept from before a resize, and offers."""
        guests = self._guests.values()
        kept = [f"{guest.id} keeps {guest.other['is']}" for guest in guests if guest.other]
        return [*kept, *(f"{guest.id} is offered" for guest in guests if guest.offered_to)]
