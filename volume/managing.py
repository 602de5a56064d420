"""What a host does to let volumes that others made be ours, and to leave ours to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from cloudweb.agent import Function
from cloudweb.driver import DriverError, Work
from cloudweb.rpc import Method
from volume import rpc
from volume.drivers.base import Manages, ManagesSnapshots, VolumeDriver, VolumeInUse
from volume.objects import (
    ManageableFound,
    ManageableRequest,
    ManageRequest,
    SnapshotManageRequest,
    SnapshotState,
    UnmanageRequest,
    VolumeRef,
    VolumeState,
)

Locked = Callable[..., AbstractContextManager[Any]]
#: So much is told in one answer.
PAGE = 500


class HostManaging:
    """Volumes and snapshots that become ours, or nobody's; ``forget`` drops what is known of a volume."""

    def __init__(
        self,
        driver: Callable[[VolumeRef], VolumeDriver],
        locked: Locked,
        in_use: Callable[[str], bool],
        forget: Callable[[str], None],
    ) -> None:
        self._driver_of, self._locked, self._in_use, self._forget = driver, locked, in_use, forget

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the methods."""
        return {
            rpc.MANAGEABLE: self.manageable,
            rpc.MANAGE: self.manage,
            rpc.UNMANAGE: self.unmanage,
            rpc.MANAGE_SNAPSHOT: self.manage_snapshot,
            rpc.UNMANAGE_SNAPSHOT: self.unmanage_snapshot,
        }

    def manageable(self, request: ManageableRequest) -> ManageableFound:
        """Return what is nobody's, some of it; change nothing."""
        where = VolumeRef(id="none", backend=request.backend, pool=request.pool)
        if request.snapshots:
            found = self._snapshots(where).manageable_snapshots(request.pool, request.volume_id)
            found = [one for one in found if request.name in ("", one.name)]
        else:
            found = self._volumes(where).manageable(request.pool, request.name)
        rows = sorted(found, key=lambda one: (one.name, one.volume_id))
        left = [one for one in rows if f"{one.name}\0{one.volume_id}" > request.after]
        return ManageableFound(found=tuple(left[:PAGE]), more=len(left) > PAGE)

    def manage(self, request: ManageRequest, work: Work) -> VolumeState:
        """Let it be a volume."""
        driver = self._volumes(request.volume)
        with self._locked(request.volume.id):
            work.checkpoint()
            return driver.manage(request, work=work)

    def unmanage(self, request: UnmanageRequest, work: Work) -> None:
        """Let a volume be nobody's, and forget who used it."""
        driver = self._volumes(request.volume)
        with self._locked(request.volume.id):
            work.checkpoint()
            if self._in_use(request.volume.id):
                raise VolumeInUse
            driver.unmanage(request, work=work)
            self._forget(request.volume.id)

    def manage_snapshot(self, request: SnapshotManageRequest, work: Work) -> SnapshotState:
        """Let it be a snapshot."""
        driver = self._snapshots(request.snapshot.volume)
        with self._locked(request.snapshot.volume.id):
            work.checkpoint()
            return driver.manage_snapshot(request, work=work)

    def unmanage_snapshot(self, request: SnapshotManageRequest, work: Work) -> None:
        """Let a snapshot be nobody's."""
        driver = self._snapshots(request.snapshot.volume)
        with self._locked(request.snapshot.volume.id):
            work.checkpoint()
            driver.unmanage_snapshot(request, work=work)

    def _volumes(self, ref: VolumeRef) -> Manages:
        driver = self._driver_of(ref)
        if not isinstance(driver, Manages):
            raise DriverError("Volumes of this back end can neither be managed nor unmanaged.")
        return driver

    def _snapshots(self, ref: VolumeRef) -> ManagesSnapshots:
        driver = self._driver_of(ref)
        if not isinstance(driver, ManagesSnapshots):
            raise DriverError("Snapshots of this back end can neither be managed nor unmanaged.")
        return driver
