"""What a daemon is asked about its exports, their nodes and the points that it holds, in QMP."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from cloudweb.driver import TransientDriverError
from volume.drivers.file.daemon_record import Served
from volume.drivers.file.files import File
from volume.drivers.file.nodes import file_node
from volume.drivers.file.qmp import CommandRefused, DaemonSilent, Monitor

BUSY = "The volume is busy, perhaps with a backup."
_PATIENCE = 10.0
_POINT = "p-"


def refuse_while_held(daemon: Monitor) -> None:
    """Raise where a point is held: what is written past it would be missing there."""
    if any(job["id"].startswith(_POINT) for job in daemon.run("query-jobs")):
        raise TransientDriverError(BUSY)


def written_node(daemon: Monitor) -> str | None:
    """Return the node that a daemon's clients write to; None where it has no clients."""
    exports = daemon.run("query-block-exports")
    written = {one["node-name"] for one in exports if not one["id"].startswith(_POINT)}
    (node,) = written or (None,)
    return node


def put_above(daemon: Monitor, top: File, below: str) -> None:
    """Let whoever writes to ``below`` write to ``top`` from one moment on."""
    daemon.run("blockdev-add", **{**file_node(top, read_only=False), "backing": None})
    actions = [{"type": "blockdev-snapshot", "data": {"node": below, "overlay": top.node}}]
    try:
        daemon.run("transaction", actions=actions)
    except CommandRefused as error:
        daemon.run("blockdev-del", node_name=top.node)
        raise TransientDriverError(BUSY, detail=error.detail) from error


def node_names(daemon: Monitor) -> Collection[str]:
    return {one["node-name"] for one in daemon.run("query-named-block-nodes", flat=True)}


def export_id(attachment_id: str) -> str:
    return f"a-{attachment_id}"


def export_words(node: str, attachment_id: str, served: Served) -> dict[str, Any]:
    return {
        "type": "nbd",
        "id": export_id(attachment_id),
        "node-name": node,
        "name": attachment_id,
        "writable": not served.read_only,
    }


def point_name(point_id: str) -> str:
    """Return what a daemon calls a point: its node, its job and its export."""
    return f"{_POINT}{point_id[:28]}"


def drop_point(daemon: Monitor, name: str) -> None:
    """Take away what is there of a point, the newest first."""
    remove_export(daemon, name)
    if any(job["id"] == name for job in daemon.run("query-jobs")):
        with suppress(CommandRefused):  # it ended by itself
            daemon.run("job-cancel", id=name)
    limit = time.monotonic() + _PATIENCE
    while any(job["id"] == name for job in daemon.run("query-jobs")):
        if time.monotonic() > limit:
            raise DaemonSilent(detail=f"{name} does not end")
        time.sleep(0.002)
    if name in node_names(daemon):
        daemon.run("blockdev-del", node_name=name)


def is_exported(daemon: Monitor, name: str) -> bool:
    return name in {one["id"] for one in daemon.run("query-block-exports")}


def remove_attachment(daemon: Monitor, attachment_id: str) -> None:
    """Take an attachment's export away at once, and see that it is gone."""
    remove_export(daemon, export_id(attachment_id))


def remove_export(daemon: Monitor, name: str) -> None:
    if is_exported(daemon, name):
        daemon.run("block-export-del", id=name, mode="hard")
    limit = time.monotonic() + _PATIENCE
    while is_exported(daemon, name):
        if time.monotonic() > limit:
            raise DaemonSilent(detail=f"{name} does not go")
        time.sleep(0.002)
