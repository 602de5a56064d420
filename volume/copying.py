"""What a host does to copy a volume to where another one is: at rest block by block, in use as a mirror.

``<directory>/<volume id>.json`` says how far the volume's copy is: ``whole`` (nothing was written since),
or ``followed`` (whoever had the volume has the copy). An order that comes again goes on from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cloudweb.agent import Function
from cloudweb.driver import DriverError, TransientDriverError, Work
from cloudweb.files import make_directory, write_atomically
from cloudweb.records import forget, read_record
from cloudweb.rpc import Method
from volume import rpc
from volume.backups.driving import Backups
from volume.backups.objects import BackupPoint
from volume.blocks import copy_blocks, progress
from volume.drivers.base import CopiesInUse, MirrorBroken, VolumeDriver, opened
from volume.drivers.reaching import Reaching
from volume.objects import CopyRequest, VolumeRef

Locked = Callable[..., AbstractContextManager[Any]]
#: How often it is looked how far a mirror is. Seconds.
LOOK = 0.2
WHOLE, FOLLOWED = "whole", "followed"


class HostCopies:
    """The copies that one host makes. ``locked`` keeps all other work from a volume; not while one is mirrored."""

    def __init__(
        self,
        driver: Callable[[VolumeRef], VolumeDriver],
        locked: Locked,
        in_use: Callable[[str], bool],
        directory: Path,
    ) -> None:
        self._driver_of, self._locked, self._in_use = driver, locked, in_use
        self._directory = directory
        self._reaching = Reaching(directory.parent.parent / "credentials" / "tls")

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the copies' methods."""
        return {rpc.COPY: self.copy, rpc.FOLLOW: self.follow, rpc.END_COPY: self.end}

    # Orders

    def copy(self, request: CopyRequest, work: Work) -> None:
        """Let the target hold what the volume does; return when nothing is missing."""
        volume_id = request.volume.id
        with self._locked(volume_id):
            work.checkpoint()
            if self._state(request) is not None:
                return
            if not self._in_use(volume_id):
                self._copy_at_rest(request, work)
                return
            self._check_served(request.volume)
            self._mirrors(request.volume).mirror(request, work=work)
        self._wait(request, work)

    def follow(self, request: CopyRequest, work: Work) -> None:
        """Let who has the volume go over to the copy; what is missing is copied first."""
        volume_id = request.volume.id
        while True:
            try:
                self.copy(request, work)
            except MirrorBroken:
                if not self._in_use(volume_id):
                    continue
                raise
            with self._locked(volume_id):
                work.checkpoint()
                if not self._in_use(volume_id):
                    if self._state(request) is None:  # they let go meanwhile
                        self._copy_at_rest(request, work)
                    return
                driver = self._mirrors(request.volume)
                try:
                    driver.follow(request, decided=lambda: self._note(request, FOLLOWED), work=work)
                except MirrorBroken:
                    self.forget(volume_id)
                else:
                    return

    def end(self, request: CopyRequest, work: Work) -> None:
        """Write to the copy no more."""
        driver = self._driver_of(request.volume)
        with self._locked(request.volume.id):
            work.checkpoint()
            if self._state(request) == FOLLOWED:
                raise DriverError("The volume's server has gone over to the copy already.")
            if isinstance(driver, CopiesInUse):
                driver.end_mirror(request, work=work)
            self.forget(request.volume.id)

    # What the agent says of its volumes

    def written(self, volume_id: str) -> None:
        """Note that somebody may write to a volume: a copy of it is whole no more."""
        if (read_record(self._path(volume_id), _parse) or ("", ""))[1] == WHOLE:
            self.forget(volume_id)

    def forget(self, volume_id: str) -> None:
        """Forget how far a copy of a volume is."""
        forget(self._path(volume_id))

    # Inside

    def _copy_at_rest(self, request: CopyRequest, work: Work) -> None:
        driver = self._driver_of(request.volume)
        if not isinstance(driver, Backups):
            raise DriverError("This volume's back end cannot copy volumes.")
        if isinstance(driver, CopiesInUse):
            driver.end_mirror(request, work=work)  # who had it is gone, perhaps in the middle
        point = BackupPoint(id=request.id, source=request.volume)
        driver.hold_point(point, work=work)
        try:
            with (
                opened(driver, request.volume, request.passphrase),
                driver.reading(point) as source,
                self._reaching.open(request.target) as target,
            ):
                copy_blocks(source, target, on_piece=progress(work, source.size))
        finally:
            driver.release_point(point, work=work)
        self._note(request, WHOLE)

    def _wait(self, request: CopyRequest, work: Work) -> None:
        driver, told = self._mirrors(request.volume), -1
        while True:
            work.checkpoint()
            done, total = driver.mirrored(request)
            if (percent := done * 100 // max(1, total)) != told:
                told = percent
                work.progress(percent, f"{done // 1024**2} of {total // 1024**2} MiB")
            if done >= total:
                return
            time.sleep(LOOK)

    def _check_served(self, volume: VolumeRef) -> None:
        """Wait with a volume that guests have and nothing serves just now."""
        if volume.id not in self._driver_of(volume).exports().values():
            raise TransientDriverError("The volume is not served to its server just now.")

    def _mirrors(self, volume: VolumeRef) -> CopiesInUse:
        driver = self._driver_of(volume)
        if not isinstance(driver, CopiesInUse):
            raise DriverError("This volume's back end cannot copy volumes in use.")
        return driver

    def _state(self, request: CopyRequest) -> str | None:
        known = read_record(self._path(request.volume.id), _parse)
        return known[1] if known is not None and known[0] == request.id else None

    def _note(self, request: CopyRequest, state: str) -> None:
        make_directory(self._directory)
        record = json.dumps({"copy": request.id, "state": state})
        write_atomically(self._path(request.volume.id), record)

    def _path(self, volume_id: str) -> Path:
        return self._directory / f"{volume_id}.json"


def _parse(record: dict[str, Any]) -> tuple[str, str]:
    return str(record["copy"]), str(record["state"])
