"""What daemons write to: volumes that grow, layers that they follow to, and points that they hold."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from cloudweb.driver import TransientDriverError
from volume.drivers.file.daemon_exports import (
    BUSY,
    drop_point,
    export_words,
    is_exported,
    node_names,
    point_name,
    put_above,
    refuse_while_held,
    remove_attachment,
    written_node,
)
from volume.drivers.file.daemon_process import FORWARD, DaemonProcesses
from volume.drivers.file.daemon_record import Record
from volume.drivers.file.files import File
from volume.drivers.file.nodes import file_node
from volume.drivers.file.qmp import CommandRefused
from volume.objects import VolumeConnection


class DaemonFiles(DaemonProcesses):
    """The files, and what has come in their place, of one back end's daemons."""

    def resize(self, volume_id: str, file: File, size: int) -> None:
        """Make a volume in use larger: its clients are cut for a moment and find it so."""
        record = self.get(volume_id)
        assert record is not None
        self.follow(volume_id, file)
        with self.monitor(volume_id) as daemon:
            refuse_while_held(daemon)
        self.keep(replace(record, interrupted=True))  # who comes after a crash serves them again
        with self.monitor(volume_id) as daemon:
            for attachment_id in record.exports:
                remove_attachment(daemon, attachment_id)
            try:
                daemon.run("block_resize", node_name=file.node, size=size)
            except CommandRefused as error:
                raise TransientDriverError(BUSY, detail=error.detail) from error
            finally:
                for attachment_id, served in record.exports.items():
                    daemon.run("block-export-add", **export_words(file.node, attachment_id, served))
                self.keep(replace(record, interrupted=False))

    def reopen(self, volume_id: str, size: int) -> None:
        """Serve what a volume that went elsewhere is there now: larger; its clients come back, and find it so."""
        record = self.get(volume_id)
        if record is None or record.forward is None:
            return
        there = VolumeConnection.load({**record.forward}).model_copy(update={"size": size})
        record = self.keep(replace(record, forward=there.dump(), interrupted=True))
        if self.is_running(volume_id):
            _, node = self.forwarding(volume_id, there.dump())
            try:
                with self.monitor(volume_id) as daemon:
                    for attachment_id in record.exports:
                        remove_attachment(daemon, attachment_id)
                    daemon.run("blockdev-del", node_name=FORWARD)
                    daemon.run("blockdev-add", **node)
                    for attachment_id, served in record.exports.items():
                        daemon.run(
                            "block-export-add", **export_words(FORWARD, attachment_id, served)
                        )
            except CommandRefused as error:
                self._kill(volume_id)  # whoever serves it again opens it anew
                raise TransientDriverError(BUSY, detail=error.detail) from error
        self.keep(replace(record, interrupted=False))

    def size(self, volume_id: str, file: File) -> int:
        """Return the bytes that a daemon takes a file for."""
        with self.monitor(volume_id) as daemon:
            nodes = daemon.run("query-named-block-nodes", flat=True)
        return next(
            int(one["image"]["virtual-size"]) for one in nodes if one["node-name"] == file.node
        )

    def writes_to(self, volume_id: str, top: File) -> bool:
        """Tell whether a daemon has a file open; it has all that are below, too."""
        with self.monitor(volume_id) as daemon:
            return top.node in node_names(daemon)

    def follow(self, volume_id: str, top: File) -> None:
        """Let a daemon write to ``top``, a new file on that which it writes to, from one moment on."""
        with self.monitor(volume_id) as daemon:
            if top.node in node_names(daemon):
                return
            below = written_node(daemon)
            if below is None:  # it died over a resize; whoever serves the volume again starts above
                self._kill(volume_id)
                return
            put_above(daemon, top, below)

    def follow_together(self, tops: Mapping[str, File]) -> None:
        """Let daemons write to new files, each above its own, all from one moment on.

        Before the first does and until the last one did, nothing of what clients ask is done: they are
        cut off, and come again. So what one of them holds below was confirmed before what another holds
        above was asked for.
        """
        with ExitStack() as back:
            begun = {one: self._exports_away(one, top, back) for one, top in tops.items()}
            for volume_id, below in begun.items():
                if below is not None:
                    with self.monitor(volume_id) as daemon:
                        put_above(daemon, tops[volume_id], below)

    def _exports_away(self, volume_id: str, top: File, back: ExitStack) -> str | None:
        """Take a daemon's exports away until ``back`` ends; return the node that they were of.

        None for one that has nothing to follow: it writes to ``top``, or is ended, as in ``follow``.
        """
        record = self.get(volume_id)
        assert record is not None
        with self.monitor(volume_id) as daemon:
            refuse_while_held(daemon)
            below = written_node(daemon)
            if below is None:
                self._kill(volume_id)
                return None
            self.keep(replace(record, interrupted=True))  # after a crash they are served again
            back.callback(self._exports_back, record, top, below)
            for attachment_id in record.exports:
                remove_attachment(daemon, attachment_id)
            return None if top.node in node_names(daemon) else below

    def _exports_back(self, record: Record, top: File, below: str) -> None:
        with self.monitor(record.volume_id) as daemon:
            node = top.node if top.node in node_names(daemon) else below
            for attachment_id, served in record.exports.items():
                daemon.run("block-export-add", **export_words(node, attachment_id, served))
        self.keep(replace(record, interrupted=False))

    def merge(self, volume_id: str, top: File, layer: File, below: File | None, name: str) -> None:
        """Pull what is in ``layer`` up into ``top``, which a daemon writes to; ``name`` is ``below``'s."""
        job = f"merge-{secrets.token_hex(4)}"
        base: dict[str, Any] = (
            {} if below is None else {"base_node": below.node, "backing_file": name}
        )
        with self.monitor(volume_id, timeout=120) as daemon:
            daemon.run("block-stream", job_id=job, device=top.node, auto_dismiss=False, **base)
            daemon.wait_for_job(job)
            with suppress(CommandRefused):
                daemon.run("blockdev-del", node_name=layer.node)

    def holds_point(self, volume_id: str, point_id: str) -> bool:
        """Tell whether a daemon serves a volume as it was at a point."""
        with self.monitor(volume_id) as daemon:
            return is_exported(daemon, point_name(point_id))

    def hold_point(self, volume_id: str, top: File, spare: File, point_id: str) -> None:
        """Serve a volume as it is now, whoever writes to it; ``spare`` takes what is overwritten."""
        name = point_name(point_id)
        with self.monitor(volume_id) as daemon:
            drop_point(daemon, name)
            daemon.run(
                "blockdev-add",
                **{**file_node(spare, read_only=False), "node-name": name, "backing": top.node},
            )
            daemon.run("blockdev-backup", job_id=name, device=top.node, target=name, sync="none")
            export = {"type": "nbd", "id": name, "node-name": name, "name": name}
            daemon.run("block-export-add", **export, writable=False)

    def drop_bitmap(self, volume_id: str, file: File, name: str) -> bool:
        """Drop a bitmap from a file that a volume's daemon has open; tell whether it has."""
        if not self.is_running(volume_id):
            return False
        with self.monitor(volume_id) as daemon:
            if file.node not in node_names(daemon):
                return False
            daemon.run("block-dirty-bitmap-remove", node=file.node, name=name)
        return True

    def release_point(self, volume_id: str, point_id: str) -> None:
        """Serve it no more."""
        with self.monitor(volume_id) as daemon:
            drop_point(daemon, point_name(point_id))
