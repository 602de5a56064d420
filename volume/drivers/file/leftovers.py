"""What lies in a pool only for somebody who is at work: points, bitmaps in files, locks of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cloudweb.driver import DriverError, Work
from volume.backups.objects import BackupPoint
from volume.drivers.base import OTHERS_HAVE_IT
from volume.drivers.file import qcow2
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.files import File, Files, volume_of
from volume.drivers.file.locking import is_open
from volume.drivers.file.points import Points
from volume.drivers.file.qemu_img import bitmaps_of, qemu_img
from volume.drivers.file.qmp import DaemonSilent
from volume.drivers.serving import end_leftovers
from volume.objects import Leftover, VolumeRef


class Leftovers:
    """They are found without any lock, and taken away under the volume's.

    This driver makes no bitmaps: backups compare digests. Those that are there are another program's.
    """

    def __init__(
        self, backend: str, files: Files, daemons: Daemons, points: Points, sockets: Path
    ) -> None:
        self._backend, self._sockets = backend, sockets
        self._files, self._daemons, self._points = files, daemons, points

    def found(self) -> Iterator[Leftover]:
        """Return all there is now."""
        for point_id in self._files.points():
            if (holder := self._holder(point_id)) is not None:
                yield Leftover(kind="point", volume=self._ref(holder), name=point_id)
        for file in self._files.all():
            for name in self._bitmaps(file):
                yield Leftover(kind="bitmap", volume=self._ref(volume_of(file)), name=name)
        for volume_id in self._files.volume_ids():
            if self._is_locked(volume_id):
                yield Leftover(kind="lock", volume=self._ref(volume_id))

    def clear(self, left: Leftover, work: Work) -> None:
        """Take one away; raise DriverError, which says why, where that is not ours to do."""
        volume_id = left.volume.id
        work.checkpoint()
        if left.kind == "lock":
            end_leftovers(self._sockets)
            if self._is_locked(volume_id):
                raise DriverError(OTHERS_HAVE_IT, detail=volume_id)
        elif left.kind == "bitmap":
            for file in self._files.of(volume_id):
                if left.name in self._bitmaps(file):
                    self._drop_bitmap(file, left.name)
        elif volume_id:
            self._points.release(BackupPoint(id=left.name, source=left.volume), work)
        else:  # whose daemon held it is gone
            self._files.held(left.name).path.unlink(missing_ok=True)

    def _ref(self, volume_id: str) -> VolumeRef:
        return VolumeRef(id=volume_id, backend=self._backend)

    def _holder(self, point_id: str) -> str | None:
        """Return the volume that a daemon serves as it was at a point; None while one that may do so is busy."""
        found: str | None = ""
        for volume_id in self._daemons.volume_ids():
            try:
                if self._daemons.is_running(volume_id) and self._daemons.holds_point(
                    volume_id, point_id
                ):
                    return volume_id
            except DaemonSilent:  # its monitor is somebody else's, or it just ended
                found = None
        return found

    def _is_locked(self, volume_id: str) -> bool:
        """Tell whether somebody has a volume open whom its daemon does not serve."""
        file = self._files.find(volume_id)
        if file is None or self._daemons.is_running(volume_id):
            return False
        try:
            return is_open(file.path)
        except FileNotFoundError:
            return False

    def _bitmaps(self, file: File) -> tuple[str, ...]:
        try:
            there = file.format == "qcow2" and qcow2.read_header(file.path).bitmaps
        except (FileNotFoundError, DriverError):
            return ()
        return bitmaps_of(file.path) if there else ()

    def _drop_bitmap(self, file: File, name: str) -> None:
        if not self._daemons.drop_bitmap(volume_of(file), file, name):
            qemu_img("bitmap", "--remove", "-f", "qcow2", str(file.path), name)
