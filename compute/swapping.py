"""What is under the disks of guests, exchanged while they run: first mirrored, then gone over to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from cloudweb.agent import Function
from cloudweb.driver import DriverError, Work
from cloudweb.rpc import Method
from compute import rpc
from compute.drivers.base import DiskNotFound, GuestNotFound, Hypervisor, NotMirrored, SwapDisks
from compute.objects import EndMirrorRequest, GuestDisk, GuestRef, SwapDiskRequest, SwapState

log = structlog.get_logger(__name__)

#: Notes the disk of a serial for a guest's next starts.
Keep = Callable[[str, str, GuestDisk | None], None]


class Swaps:
    """The swaps of one host. What a guest starts with next changes just before it goes over."""

    def __init__(self, driver: Hypervisor, keep: Keep) -> None:
        self._driver, self._keep = driver, keep

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the swaps' methods."""
        return {
            rpc.MIRROR_DISK: self.mirror,
            rpc.SWAP_DISK: self.swap,
            rpc.END_MIRROR: self.end,
        }

    def mirror(self, request: SwapDiskRequest, work: Work) -> None:
        """Copy, and go on copying what is written; return when nothing is missing."""
        self._able().mirror_disk(_ref(request), request.disk, work=work)

    def swap(self, request: SwapDiskRequest, work: Work) -> SwapState:
        """Let the guest go over; where it cannot, it starts with what it has.

        One that is gone from the host has nothing that is not in both.
        """

        def keep(disk: GuestDisk) -> None:
            self._keep(request.id, disk.serial, disk)

        try:
            self._able().swap_disk(
                _ref(request), request.disk, decided=lambda: keep(request.disk), work=work
            )
        except (NotMirrored, DiskNotFound) as error:
            keep(request.before)
            log.warning("a guest stays with its volume", guest=request.id, detail=error.detail)
            return SwapState(id=request.id, swapped=False)
        except GuestNotFound:
            pass
        keep(request.disk)
        return SwapState(id=request.id, swapped=True)

    def end(self, request: EndMirrorRequest, work: Work) -> None:
        """Copy no more."""
        with suppress(GuestNotFound, DiskNotFound):
            self._able().end_mirror(_ref(request), request.serial, request.target, work=work)

    def _able(self) -> SwapDisks:
        if not isinstance(self._driver, SwapDisks):
            raise DriverError("This server's hypervisor exchanges no disks of a guest that runs.")
        return self._driver


def _ref(request: SwapDiskRequest | EndMirrorRequest) -> GuestRef:
    return GuestRef(id=request.id, name=request.name)
