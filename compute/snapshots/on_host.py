"""What a host does for images of servers: copies a guest's disk, brings the copy, drops it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from cloudweb.agent import Function
from cloudweb.driver import DriverError, Work
from cloudweb.image_sending import send
from cloudweb.rpc import Method
from compute import rpc
from compute.drivers.base import Hypervisor, Snapshots
from compute.freezing import Freezes
from compute.objects import FreezeRequest, GuestRef, ThawRequest
from compute.snapshots.objects import (
    GuestSnapshotRef,
    GuestSnapshotRequest,
    GuestSnapshotTaken,
    GuestSnapshotUpload,
)

#: Read, and sent, at once.
PIECE = 4 * 1024**2


class HostSnapshots:
    """The copies of one host's guests; ``freezes`` sees that no guest stays frozen."""

    def __init__(self, driver: Hypervisor, freezes: Freezes) -> None:
        self._driver, self._freezes = driver, freezes

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the snapshots' methods."""
        return {
            rpc.SNAPSHOT: self.take,
            rpc.UPLOAD_SNAPSHOT: self.upload,
            rpc.DROP_SNAPSHOT: self.drop,
        }

    def take(self, request: GuestSnapshotRequest, work: Work) -> GuestSnapshotTaken:
        """Copy the guest's disk; a copy that is whole is there already, one that broke off is made anew."""
        driver, ref = self._able(), GuestRef(id=request.id, name=request.name)
        moment = _Moment(self._freezes, request, work)
        size = driver.take_snapshot(ref, request.snapshot, still=moment.held, work=work)
        return GuestSnapshotTaken(
            id=request.id,
            size=size,
            frozen=moment.frozen,
            off=not moment.passed,
            reason=moment.reason,
        )

    def upload(self, request: GuestSnapshotUpload, work: Work) -> None:
        """Bring the copy to its image; whole, or the image has nothing. It is dropped by another order."""
        driver, ref = self._able(), GuestRef(id=request.id, name=request.name)
        work.checkpoint()
        with driver.open_snapshot(ref, request.snapshot) as file:
            digest, size = hashlib.sha512(), 0
            for piece in _pieces(file, work):
                digest.update(piece)
                size += len(piece)
            file.seek(0)
            content = _told(_pieces(file, work), size, work)
            send(request.url, content, size=size, sha512=digest.digest())

    def drop(self, request: GuestSnapshotRef, work: Work) -> None:
        """Make the copy absent, whole or not; a guest that is gone has none."""
        if isinstance(self._driver, Snapshots):
            ref = GuestRef(id=request.id, name=request.name)
            self._driver.drop_snapshot(ref, request.snapshot, work=work)

    def _able(self) -> Snapshots:
        if not isinstance(self._driver, Snapshots):
            raise DriverError("This server's hypervisor makes no images of servers.")
        return self._driver


class _Moment:
    """The moment that a copy is of, and whether the guest's file systems were held still around it."""

    def __init__(self, freezes: Freezes, request: GuestSnapshotRequest, work: Work) -> None:
        self._freezes, self._request, self._work = freezes, request, work
        self.passed = self.frozen = False
        self.reason = ""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the file systems still, where that was asked for; the block begins the copy."""
        request, self.passed = self._request, True
        if not (request.freeze or request.must_freeze):
            yield
            return
        wish = {"id": request.id, "name": request.name, "wish": request.snapshot}
        state = self._freezes.freeze(FreezeRequest(**wish, seconds=request.seconds), self._work)
        if not state.held:
            self._give_up(state.reason)
            yield
            return
        try:
            yield
        finally:
            state = self._freezes.thaw(ThawRequest(**wish))
        self.frozen, self.reason = state.held, state.reason
        if not state.held:
            self._give_up(state.reason)

    def _give_up(self, reason: str) -> None:
        self.reason = reason
        if self._request.must_freeze:
            raise DriverError(f"The image asks for file systems that are held still. {reason}")


def _pieces(file: BinaryIO, work: Work) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        work.checkpoint()
        yield piece


def _told(pieces: Iterator[bytes], size: int, work: Work) -> Iterator[bytes]:
    sent = 0
    for piece in pieces:
        yield piece
        sent += len(piece)
        work.progress(100 * sent // size, "the image is being brought")
