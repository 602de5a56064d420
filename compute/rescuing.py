"""What a host does to rescue a guest and to rebuild it; every method is idempotent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cloudweb.agent import Function
from cloudweb.driver import DriverError, Work
from cloudweb.rpc import Method
from compute import rpc
from compute.drivers.base import Hypervisor, Rebuild, Rescue
from compute.objects import GuestRef, GuestSpec, GuestState, WipeRequest


class Keep(Protocol):
    """Notes what a guest was told and whether it shall run after a reboot of the machine."""

    def __call__(self, spec: GuestSpec, *, runs: bool) -> None:
        """Write it down."""


@dataclass(frozen=True, slots=True)
class Rescues:
    """The guests of a host that are rescued or rebuilt; the rest is the agent's."""

    driver: Hypervisor
    fetch: Callable[[GuestSpec, Work], Mapping[str, Path]]
    keep: Keep
    kept: Callable[[str], GuestSpec | None]
    told_if_it_fails: Callable[[str], AbstractContextManager[None]]

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of these methods."""
        return {rpc.RESCUE: self.rescue, rpc.UNRESCUE: self.unrescue, rpc.WIPE: self.wipe}

    def rescue(self, spec: GuestSpec, work: Work) -> GuestState:
        """Fetch what the guest is rescued with, and start it from there."""
        if not isinstance(self.driver, Rescue):
            raise DriverError("This server's hypervisor rescues no guests.")
        images = self.fetch(spec.model_copy(update={"disks": (), "direct_boot": None}), work)
        with self.told_if_it_fails(spec.id):
            state = self.driver.rescue(spec, images=images, work=work)
        self.keep(spec, runs=True)
        return state

    def unrescue(self, ref: GuestRef, work: Work) -> GuestState:
        """End the guest; from before that on it is the one of its own disks, and started unasked by nobody."""
        if not isinstance(self.driver, Rescue):
            raise DriverError("This server's hypervisor rescues no guests.")
        spec = self.kept(ref.id)
        if spec is not None:
            self.keep(spec.model_copy(update={"rescue": None}), runs=False)
        with self.told_if_it_fails(ref.id):
            return self.driver.unrescue(ref, work=work)

    def wipe(self, request: WipeRequest, work: Work) -> None:
        """Have all at hand that the guest shall be made from, before anything of it goes."""
        if not isinstance(self.driver, Rebuild):
            raise DriverError("This server's hypervisor rebuilds no guests.")
        self.fetch(request.spec, work)
        self.keep(request.spec, runs=False)
        work.checkpoint()
        ref = GuestRef(id=request.id, name=request.name)
        self.driver.wipe(ref, keep=request.keep, work=work)
