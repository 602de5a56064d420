"""Copies of simulated guests' disks: names in a guest's record, and disks with nothing in them."""

from __future__ import annotations

import io
import struct
import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.faults import Faults
from compute.drivers.base import SnapshotNotFound, Snapshots
from compute.objects import GuestRef, PowerState

_CLUSTER_BITS = 16
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")


class HasSnapshots(Protocol):
    """A guest as far as its copies go."""

    power_state: PowerState
    disk: int
    snapshots: list[str]


class FakeSnapshots(Snapshots):
    """What the fake driver does about copies of disks."""

    faults: Faults
    _lock: threading.RLock

    @abstractmethod
    def _with_snapshots(self, guest_id: str) -> HasSnapshots:
        """Return a guest; raise GuestNotFound."""

    @abstractmethod
    def _note(self, guest_id: str, line: str) -> None:
        """Keep what was changed of a guest."""

    def take_snapshot(
        self,
        ref: GuestRef,
        snapshot: str,
        *,
        still: Callable[[], AbstractContextManager[None]],
        work: Work,
    ) -> int:
        """Note the copy."""
        with self.faults.around("take_snapshot", work):
            guest = self._with_snapshots(ref.id)
            if not guest.disk:
                raise DriverError("The guest has no disk of its own.")
            if snapshot not in guest.snapshots:
                work.checkpoint()
                if guest.power_state in ("running", "paused"):
                    with still():
                        self._keep(ref.id, snapshot)
                else:
                    self._keep(ref.id, snapshot)
            return len(empty_qcow2(guest.disk))

    def _keep(self, guest_id: str, snapshot: str) -> None:
        with self._lock:
            self._with_snapshots(guest_id).snapshots.append(snapshot)
            self._note(guest_id, f"fake-guest: copied as {snapshot}")

    def open_snapshot(self, ref: GuestRef, snapshot: str) -> BinaryIO:
        """Return an empty disk of the guest's size."""
        with self.faults.around("open_snapshot", Unguarded()):
            guest = self._with_snapshots(ref.id)
            if snapshot not in guest.snapshots:
                raise SnapshotNotFound
            return io.BytesIO(empty_qcow2(guest.disk))

    def drop_snapshot(self, ref: GuestRef, snapshot: str, *, work: Work) -> None:
        """Forget the copy."""
        with self.faults.around("drop_snapshot", work):
            if snapshot not in self.snapshots_of(ref.id):
                return
            work.checkpoint()
            with self._lock:
                self._with_snapshots(ref.id).snapshots.remove(snapshot)
                self._note(ref.id, f"fake-guest: copy {snapshot} dropped")

    @abstractmethod
    def snapshots_of(self, guest_id: str) -> list[str]:
        """Return the names of a guest's copies; none of a guest that is gone."""


def empty_qcow2(size: int) -> bytes:
    """Return a QCOW2 disk (version 2) with nothing in it: header, reference counts, first-level table."""
    cluster = 1 << _CLUSTER_BITS
    entries = -(-size // (cluster * (cluster // 8)))
    table = -(-8 * entries // cluster)  # clusters of the first-level table
    header = _HEADER.pack(
        b"QFI\xfb", 2, 0, 0, _CLUSTER_BITS, size, 0, entries, 3 * cluster, cluster, 1, 0, 0
    )
    counts = struct.pack(">Q", 2 * cluster)
    counted = struct.pack(">H", 1) * (3 + table)
    parts = (header, counts, counted)
    return b"".join(part.ljust(cluster, b"\0") for part in parts) + bytes(table * cluster)
