"""Thin volumes that others left in the pool become volumes, and volumes are left to others, by another name.

Ours are those with our tags. Who becomes ours gets its name first, then the tags; who is left to others loses the
tags first. So one that has our name alone is half way, and either call goes on from there.
"""

from __future__ import annotations

import re
import secrets
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from cloudweb.driver import DriverError, Work
from volume.drivers.base import Manages, NoSuchPool, VolumeInUse
from volume.drivers.file.daemon import Daemons
from volume.drivers.lvm.group import Group, LogicalVolume
from volume.objects import Manageable, ManageRequest, UnmanageRequest, VolumeRef, VolumeState

POOL = "default"
#: What LVM takes for a name (lvm(8)), but for the words that are its own.
_NAME = re.compile(r"^(?!snapshot|pvmove)(?!.*_[cmrt](data|meta|image|log))[A-Za-z0-9_+][\w+.-]{0,126}\Z",
                   re.ASCII)  # fmt: skip


class LvmManaging(Manages):
    """Its part of the driver of LVM."""

    group: Group
    daemons: Daemons

    def manageable(self, pool: str, name: str = "") -> Sequence[Manageable]:
        """Return the thin volumes of the pool that are none of ours."""
        self._check(pool)
        others = self.group.others()
        return [_shown(one) for key, one in sorted(others.items()) if name in ("", key)]

    def manage(self, request: ManageRequest, *, work: Work) -> VolumeState:
        """Give it our name and tags, and the size."""
        ref, name = request.volume, self._called(request.volume)
        self._check(ref.pool)
        if self.group.find(name) is None:
            others = self.group.others()
            if name not in others:
                self._take(request, others, work)
            work.checkpoint()
            self.group.tag(name, volume_id=ref.id)
        known = self.group.find(name)
        if known is not None and known.size < request.size:
            work.checkpoint()
            self.group.extend(name, request.size)
        return self.get(ref)

    def _take(
        self, request: ManageRequest, others: Mapping[str, LogicalVolume], work: Work
    ) -> None:
        if request.name not in others:
            raise DriverError(f"There is no thin volume of others' called {request.name}.")
        if problem := _shown(others[request.name]).problem:
            raise DriverError(problem, detail=request.name)
        work.checkpoint()
        self.group.rename(request.name, self._called(request.volume))

    def unmanage(self, request: UnmanageRequest, *, work: Work) -> None:
        """Take our tags and name away."""
        ref, name = request.volume, self._called(request.volume)
        found, _ = self.group.look()
        known = found.get(name)
        if known is not None:
            if known.header:
                raise DriverError("An encrypted volume cannot be left to others: its key is ours.")
            of_it = [one.name for one in found.values() if one.volume_id == ref.id]
            if self.daemons.is_running(ref.id) or of_it != [name]:
                raise VolumeInUse
            work.checkpoint()
            self.group.untag(name, volume_id=ref.id)
        if name in self.group.others():
            work.checkpoint()
            self.group.rename(name, self._free(ref, request.name))

    def _free(self, ref: VolumeRef, wanted: str) -> str:
        """Return what it can be called so that nothing of the same name is there."""
        taken = self.group.names()
        names = (wanted, f"unmanaged-{ref.id}", f"unmanaged-{ref.id}-{secrets.token_hex(4)}")
        return next(
            one
            for one in names
            if _NAME.match(one) and one not in taken and one != self._called(ref)
        )

    # What the driver has

    @abstractmethod
    def get(self, ref: VolumeRef) -> VolumeState: ...

    @abstractmethod
    def _called(self, ref: VolumeRef) -> str: ...

    def _check(self, pool: str) -> None:
        if pool != POOL:
            raise NoSuchPool(detail=pool)


def _shown(one: LogicalVolume) -> Manageable:
    problem = "It is in use." if one.opened else ""
    if not one.writable:
        problem = "It is read only: lvchange --permission rw makes it writable."
    return Manageable(name=one.name, size=one.size, problem=problem, format="raw")
