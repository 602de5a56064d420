"""Copies of volumes in use: the daemon that serves one writes to another place as well, and then there alone.

It goes on serving whoever has the volume, under the same names; only what is below its exports is
exchanged. The volume's own files go then. What is recorded of the daemon says where the volume is
now, so that one that is started again serves that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from cloudweb.driver import TransientDriverError, Work
from volume.drivers.base import MirrorBroken
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.daemon_exports import BUSY
from volume.drivers.file.daemon_process import FORWARD
from volume.drivers.file.files import Files
from volume.drivers.file.layers import Layers
from volume.drivers.file.qmp import CommandRefused, Monitor
from volume.objects import CopyRequest, VolumeConnection

NO_COPY = "The volume cannot be copied to where it shall be now."
#: So long the last step may take: all is there already. Seconds.
_LAST = 60.0


class Mirrors:
    """The copies of one pool's volumes in use; callers hold the volume's lock, except to ask how far one is."""

    def __init__(
        self, files: Files, daemons: Daemons, layers: Layers, graph: threading.RLock
    ) -> None:
        self._files, self._daemons = files, daemons
        self._layers, self._graph = layers, graph

    def moved(self, volume_id: str) -> VolumeConnection | None:
        """Return where a volume that is still served here is now; None for one that did not go."""
        record = self._daemons.get(volume_id)
        if record is None or record.forward is None:
            return None
        return VolumeConnection.load({**record.forward})

    def begin(self, request: CopyRequest, work: Work) -> None:
        """Begin to copy, unless that is under way."""
        volume_id = request.volume.id
        if self.moved(volume_id) is not None:
            return
        top = self._files.get(volume_id)
        work.checkpoint()
        with self._daemons.monitor(volume_id) as daemon:
            if _job(daemon, request) is not None:
                return
            _clear(daemon)
            if top.node not in _nodes(daemon):
                raise TransientDriverError(BUSY)
            objects, node = self._daemons.forwarding(volume_id, request.target.dump())
            for one in objects:
                daemon.run("object-add", **one)
            try:
                daemon.run("blockdev-add", **node)
                daemon.run(
                    "blockdev-mirror",
                    job_id=_name(request),
                    device=top.node,
                    target=FORWARD,
                    sync="full",
                    copy_mode="write-blocking",
                    auto_dismiss=False,
                )
            except CommandRefused as error:
                _clear(daemon)
                raise TransientDriverError(NO_COPY, detail=error.detail) from error

    def progress(self, request: CopyRequest) -> tuple[int, int]:
        """Return bytes done, and bytes in all; raise MirrorBroken."""
        moved = self.moved(request.volume.id)
        if moved is not None:
            return moved.size, moved.size
        with self._daemons.monitor(request.volume.id) as daemon:
            job = _job(daemon, request)
            if job is None or job["status"] in ("concluded", "aborting", "null"):
                raise MirrorBroken(detail=str((job or {}).get("error", "no such job")))
            total = max(1, job["total-progress"])
            done = total if job["status"] == "ready" else min(job["current-progress"], total - 1)
            return done, total

    def follow(self, request: CopyRequest, decided: Callable[[], None], work: Work) -> None:
        """Serve the copy alone; raise MirrorBroken where it is not all there."""
        volume_id = request.volume.id
        work.checkpoint()
        if self.moved(volume_id) is None:
            done, total = self.progress(request)
            if done < total:
                raise MirrorBroken(detail="not all is there yet")
            record = self._daemons.get(volume_id)
            assert record is not None
            # from here on both are the same, whichever of the two a daemon that is started again has
            there = request.target.model_copy(update={"passphrase": ""})  # that is not for a disk
            self._daemons.keep(replace(record, forward=there.dump()))
            decided()
        if self._daemons.is_running(volume_id):
            self._go_over(request)
        self._drop_files(volume_id)

    def end(self, request: CopyRequest, work: Work) -> None:
        """Copy no more, whatever became of it."""
        volume_id = request.volume.id
        if self.moved(volume_id) is not None or not self._daemons.is_running(volume_id):
            return
        work.checkpoint()
        with self._daemons.monitor(volume_id) as daemon:
            _clear(daemon)

    def _go_over(self, request: CopyRequest) -> None:
        volume_id = request.volume.id
        with self._daemons.monitor(volume_id, timeout=_LAST) as daemon:
            job = _job(daemon, request)
            if job is not None:
                with suppress(CommandRefused):  # it was told so already
                    daemon.run("job-complete", id=_name(request))
                with suppress(CommandRefused):  # what it serves then says more
                    daemon.wait_for_job(_name(request), timeout=_LAST)
            exports = daemon.run("query-block-exports")
            if any(one["node-name"] != FORWARD for one in exports):
                self._stay(volume_id)
                raise MirrorBroken(detail="the daemon did not go over")
            _drop_others(daemon)

    def _stay(self, volume_id: str) -> None:
        """Record that the volume is still here: its files were written to, and the copy was not."""
        record = self._daemons.get(volume_id)
        if record is not None:
            self._daemons.keep(replace(record, forward=None))

    def _drop_files(self, volume_id: str) -> None:
        with self._graph:
            self._files.unlink(volume_id)
            for file in self._files.of(volume_id):
                self._layers.drop_unused(file)


def _name(request: CopyRequest) -> str:
    return f"copy-{request.id[:36]}"


def _job(daemon: Monitor, request: CopyRequest) -> dict[str, Any] | None:
    jobs = daemon.run("query-jobs")
    return next((one for one in jobs if one["id"] == _name(request)), None)


def _nodes(daemon: Monitor) -> set[str]:
    return {one["node-name"] for one in daemon.run("query-named-block-nodes", flat=True)}


def _clear(daemon: Monitor) -> None:
    """End every copy, and forget where it went."""
    for job in daemon.run("query-jobs"):
        if job["id"].startswith("copy-"):
            with suppress(CommandRefused):  # it ended by itself
                daemon.run("job-cancel", id=job["id"])
            with suppress(CommandRefused):  # it says that it was cancelled
                daemon.wait_for_job(job["id"], timeout=_LAST)
    if FORWARD in _nodes(daemon):
        daemon.run("blockdev-del", node_name=FORWARD)
    for name in (f"tls-{FORWARD}", f"key-{FORWARD}"):
        with suppress(CommandRefused):  # it has none
            daemon.run("object-del", id=name)


def _drop_others(daemon: Monitor) -> None:
    """Close the files that nothing is below any more, from the top down."""
    while True:
        gone = 0
        for node in _nodes(daemon) - {FORWARD}:
            with suppress(CommandRefused):  # something is above it still, or it is no node of ours
                daemon.run("blockdev-del", node_name=node)
                gone += 1
        if not gone:
            return
