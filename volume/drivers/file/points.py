"""Volumes as they were at one moment, for backups; and volumes that are written as a whole.

A volume that nobody uses is read as it is. Of one in use by guests of this host, its daemon keeps what
is overwritten in a file of the point's (a copy before each write) and serves the volume as it was; the
volume's own files are not touched. One that serves other hosts has only their encrypted port: there a
layer is frozen, as for a snapshot, and pulled up again later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from cloudweb.driver import Unguarded, Work
from volume.backups.objects import BackupPoint
from volume.drivers.base import NoSuchSnapshot, VolumeInUse
from volume.drivers.file import qcow2
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.daemon_exports import point_name
from volume.drivers.file.files import File, Files, Snapshot
from volume.drivers.file.layers import Layers
from volume.drivers.file.nodes import chain_node
from volume.drivers.luks import SECRET_OBJECT
from volume.drivers.nbd import NbdClient
from volume.drivers.serving import served
from volume.objects import SnapshotRef


class Points:
    """The points of one pool; callers hold the volume's lock, except while one is read."""

    def __init__(self, files: Files, daemons: Daemons, layers: Layers, sockets: Path) -> None:
        self._files, self._daemons, self._layers = files, daemons, layers
        self._sockets = sockets

    def hold(self, point: BackupPoint, work: Work) -> None:
        """Hold what a volume holds now; raise NoSuchVolume, NoSuchSnapshot."""
        if isinstance(point.source, SnapshotRef):
            self._snapshot_file(point.source.id)
            return
        volume_id = point.volume.id
        top = self._files.get(volume_id)
        if self._files.snapshot(point.id) is not None or not self._daemons.is_running(volume_id):
            return
        work.checkpoint()
        record = self._daemons.get(volume_id)
        if record is not None and record.port:
            layer = self._layers.freeze(volume_id, work)
            self._files.keep_snapshot(Snapshot(point.id, volume_id, layer.size(), layer.path.name))
        elif not self._daemons.holds_point(volume_id, point.id):
            spare = self._files.held(point.id)
            qcow2.make(spare.path, top.size(), luks=self._files.luks(top))
            self._daemons.hold_point(volume_id, top, spare, point.id)

    @contextmanager
    def reading(self, point: BackupPoint) -> Iterator[NbdClient]:
        """Open what is held."""
        volume_id = point.volume.id
        if isinstance(point.source, SnapshotRef):
            file = self._snapshot_file(point.source.id)
        elif self._files.snapshot(point.id) is not None:
            file = self._snapshot_file(point.id)
        elif self._daemons.is_running(volume_id):
            record = self._daemons.get(volume_id)
            assert record is not None
            with NbdClient(self._daemons.socket(record), point_name(point.id)) as client:
                yield client
            return
        else:
            file = self._files.get(volume_id)
        with self._served(volume_id, file, read_only=True) as client:
            yield client

    def release(self, point: BackupPoint, work: Work) -> None:
        """Hold it no longer."""
        volume_id = point.volume.id
        work.checkpoint()
        if self._daemons.is_running(volume_id):
            self._daemons.release_point(volume_id, point.id)
        self._files.held(point.id).path.unlink(missing_ok=True)
        known = self._files.snapshot(point.id)
        if known is not None:
            self._files.forget_snapshot(point.id)
            layer = self._files.snapshot_file(known)
            self._layers.dissolve(layer, within={volume_id}, work=Unguarded())

    @contextmanager
    def writing(self, volume_id: str) -> Iterator[NbdClient]:
        """Open a volume that nobody uses; raise VolumeInUse."""
        file = self._files.get(volume_id)
        if self._daemons.is_running(volume_id):
            raise VolumeInUse
        with self._served(volume_id, file, read_only=False) as client:
            yield client
            client.flush()

    def _snapshot_file(self, snapshot_id: str) -> File:
        known = self._files.snapshot(snapshot_id)
        if known is None:
            raise NoSuchSnapshot
        return self._files.snapshot_file(known)

    def _served(
        self, volume_id: str, file: File, *, read_only: bool
    ) -> AbstractContextManager[NbdClient]:
        if not file.encrypted:
            path = str(file.path)
            return served(path, file.format, sockets=self._sockets, read_only=read_only)
        node = chain_node([*self._files.chain(file)], read_only=read_only)
        return served(
            f"json:{json.dumps(node)}",
            None,
            sockets=self._sockets,
            read_only=read_only,
            words=SECRET_OBJECT,
            data=self._daemons.key(volume_id).encode(),
        )
