"""What a host does about guests that change their size or their host: all of it while they are off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cloudweb.agent import Function
from cloudweb.driver import DriverError, Work
from cloudweb.image_cache.cache import ImageCache
from cloudweb.rpc import Method
from compute import rpc
from compute.boot_images import boot_images
from compute.drivers.base import Hypervisor, Resize
from compute.objects import GuestRef, GuestSpec, GuestState
from compute.resize_objects import DiskChoice, DiskOffer, OfferRequest, ReceiveRequest


class Keep(Protocol):
    """Keep what a guest was last told."""

    def __call__(self, spec: GuestSpec, *, runs: bool) -> None: ...


class NoteRuns(Protocol):
    """Keep whether a guest shall run after a reboot of the machine."""

    def __call__(self, guest_id: str, *, runs: bool) -> None: ...


class Resizes:
    """The resizes of one host's guests; what a guest is told is kept as for any start."""

    def __init__(
        self, driver: Hypervisor, images: ImageCache, *, keep: Keep, note_runs: NoteRuns
    ) -> None:
        self._hypervisor, self._images = driver, images
        self._keep, self._note_runs = keep, note_runs

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of its methods."""
        return {
            rpc.OFFER_DISKS: self.offer,
            rpc.WITHDRAW_DISKS: self.withdraw,
            rpc.RECEIVE_DISKS: self.receive,
            rpc.CHOOSE_DISKS: self.choose,
            rpc.RESIZE: self.resize,
        }

    def offer(self, request: OfferRequest, work: Work) -> DiskOffer:
        """Let another host read the disks; from before that on nothing starts the guest unasked."""
        self._note_runs(request.id, runs=False)
        return self._driver().offer_disks(request, work=work)

    def withdraw(self, ref: GuestRef, work: Work) -> None:
        """Let nobody read them any more; a driver that offers none has nothing to withdraw."""
        if isinstance(self._hypervisor, Resize):
            self._hypervisor.withdraw_disks(ref, work=work)

    def receive(self, request: ReceiveRequest, work: Work) -> None:
        """Copy the disks of another host's guest; it is no guest of this host's before its resize."""
        self._driver().receive_disks(request, work=work)

    def choose(self, choice: DiskChoice, work: Work) -> None:
        """Let the guest have its disks of before or their copies."""
        if self._driver().choose_disks(choice, work=work):
            self._note_runs(choice.id, runs=False)

    def resize(self, spec: GuestSpec, work: Work) -> GuestState:
        """Let the guest be of this size; its start is an order of its own."""
        driver = self._driver()
        images = boot_images(spec, self._hypervisor, self._images, work)
        state = driver.resize(spec, images=images, work=work)
        self._keep(spec, runs=state.power_state == "running")
        return state

    def _driver(self) -> Resize:
        if not isinstance(self._hypervisor, Resize):
            raise DriverError("This server's hypervisor resizes no guests.")
        return self._hypervisor
