"""What others left in a fake back end: volumes by their names, and snapshots of ours."""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote, unquote

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.faults import Faults
from cloudweb.records import read_record
from volume.drivers.base import Manages, ManagesSnapshots, NoSuchSnapshot, VolumeInUse
from volume.drivers.fake_records import FakeSnapshot, FakeVolume, parse
from volume.objects import (
    Manageable,
    ManageRequest,
    SnapshotManageRequest,
    SnapshotState,
    UnmanageRequest,
    VolumeRef,
    VolumeState,
)


class FakeManaging(Manages, ManagesSnapshots):
    """Its part of the fake driver."""

    faults: Faults
    _home: Path | None
    _lock: threading.RLock
    _volumes: dict[str, FakeVolume]
    _foreign: dict[str, FakeVolume]

    def manageable(self, pool: str, name: str = "") -> Sequence[Manageable]:
        """Return the volumes that are nobody's."""
        with self.faults.around("manageable", Unguarded()), self._lock:
            return [
                Manageable(name=key, size=one.size, format=one.format)
                for key, one in self._foreign.items()
                if name in ("", key)
            ]

    def manage(self, request: ManageRequest, *, work: Work) -> VolumeState:
        """Keep it under our name, then no more under its own."""
        with self.faults.around("manage", work):
            known, left = self._volumes.get(request.volume.id), self._foreign.get(request.name)
            if known is None:
                if left is None:
                    raise DriverError(f"There is no {request.name} in the back end.")
                work.checkpoint()
                with self._lock:
                    left.id = request.volume.id
                    known = self._volumes[left.id] = left
                    self._save(known)
            work.checkpoint()
            with self._lock:
                if left is not None and left.id == known.id:
                    self._drop_foreign(request.name)
                known.size = max(known.size, request.size)
                self._save(known)
            return self._state(known)

    def unmanage(self, request: UnmanageRequest, *, work: Work) -> None:
        """Keep it under a name that is none of ours, then no more under ours."""
        with self.faults.around("unmanage", work):
            known = self._volumes.get(request.volume.id)
            if known is None:
                return
            if known.exports or known.snapshots:
                raise VolumeInUse
            self._find(request.volume)
            work.checkpoint()
            with self._lock:
                left = self._foreign.get(request.name)
                taken = left is not None and left.id != known.id
                self._keep_foreign(f"unmanaged-{known.id}" if taken else request.name, known)
            work.checkpoint()
            with self._lock:
                self._drop(known.id)

    def manageable_snapshots(self, pool: str, volume_id: str = "") -> Sequence[Manageable]:
        """Return the snapshots of our volumes that are nobody's."""
        with self.faults.around("manageable_snapshots", Unguarded()), self._lock:
            return [
                Manageable(name=name, size=held.size, volume_id=one.id)
                for one in self._volumes.values()
                for name, held in one.others.items()
                if volume_id in ("", one.id)
            ]

    def manage_snapshot(self, request: SnapshotManageRequest, *, work: Work) -> SnapshotState:
        """Give it our name."""
        with self.faults.around("manage_snapshot", work):
            known, key = self._find(request.snapshot.volume), request.snapshot.id
            if key not in known.snapshots:
                if request.name not in known.others:
                    raise NoSuchSnapshot
                work.checkpoint()
                with self._lock:
                    known.snapshots[key] = known.others.pop(request.name)
                    self._save(known)
            return SnapshotState(id=key, volume_id=known.id, size=known.snapshots[key].size)

    def unmanage_snapshot(self, request: SnapshotManageRequest, *, work: Work) -> None:
        """Give it a name that is none of ours."""
        with self.faults.around("unmanage_snapshot", work):
            known, key = self._volumes.get(request.snapshot.volume.id), request.snapshot.id
            work.checkpoint()
            if known is not None and key in known.snapshots:
                name = f"unmanaged-{key}" if request.name in known.others else request.name
                with self._lock:
                    known.others[name] = known.snapshots.pop(key)
                    self._save(known)

    # For tests

    def leave(self, name: str, *, size: int, content: str = "") -> None:
        """Let there be a volume that others left."""
        with self._lock:
            self._keep_foreign(name, FakeVolume("", "qcow2", size, content=content, whole=True))

    def leave_snapshot(self, volume_id: str, name: str) -> None:
        """Let there be a snapshot of a volume of ours that others took."""
        with self._lock:
            known = self._volumes[volume_id]
            known.others[name] = FakeSnapshot(known.size, known.content)
            self._save(known)

    def left(self) -> dict[str, str]:
        """Return what is nobody's, and what it holds."""
        return {name: one.content for name, one in sorted(self._foreign.items())}

    # Records

    def _find_foreign(self) -> None:
        found = {} if self._home is None else {
            unquote(path.stem): read_record(path, parse) for path in (self._home / "foreign").glob("*.json")
        }  # fmt: skip
        self._foreign = {name: one for name, one in found.items() if one is not None}

    def _keep_foreign(self, name: str, one: FakeVolume) -> None:
        self._foreign[name] = one
        if (path := self._foreign_path(name)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".new")
            draft.write_text(json.dumps(asdict(one)))
            draft.replace(path)

    def _drop_foreign(self, name: str) -> None:
        self._foreign.pop(name, None)
        if (path := self._foreign_path(name)) is not None:
            path.unlink(missing_ok=True)

    def _foreign_path(self, name: str) -> Path | None:
        return None if self._home is None else self._home / "foreign" / f"{quote(name, '')}.json"

    # What the driver has

    @abstractmethod
    def _find(self, ref: VolumeRef) -> FakeVolume: ...

    @abstractmethod
    def _state(self, one: FakeVolume) -> VolumeState: ...

    @abstractmethod
    def _save(self, one: FakeVolume) -> None: ...

    @abstractmethod
    def _drop(self, volume_id: str) -> None: ...
