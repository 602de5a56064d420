"""A volume as its host serves it: one storage daemon, one export on a Unix socket."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from cloudweb import process
from compute.objects import DiskSource, GuestDisk

PROGRAM = "qemu-storage-daemon"


class Volume:
    """A raw file that a storage daemon of its own exports; both can be taken away and come back."""

    patience = 60.0

    def __init__(self, size: int) -> None:
        self.id = str(uuid.uuid4())
        self.home = Path(tempfile.mkdtemp(prefix="cw-nbd-", dir="/var/tmp"))
        self.home.chmod(0o711)
        self.size = size
        self.file = self.home / "pool" / "volume.raw"
        self.file.parent.mkdir()
        self.path, self._monitor = self.home / "nbd.sock", self.home / "qmp.sock"
        with self.file.open("wb") as file:
            file.truncate(size)
        self.start()

    @property
    def disk(self) -> GuestDisk:
        """The disk as a guest is told of it."""
        source = DiskSource(kind="nbd_unix", path=str(self.path), export=self.id)
        return GuestDisk(name=self.id, size=self.size, source=source, serial=self.id)

    def start(self) -> None:
        """Serve; the new socket belongs to whom the old one did."""
        owner = self.path.lstat() if self.path.exists() else None
        for left in (self.path, self._monitor):
            left.unlink(missing_ok=True)
        self.pid = process.start_detached(
            PROGRAM,
            *("--chardev", f"socket,id=m,path={self._monitor},server=on,wait=off"),
            *("--monitor", "chardev=m"),
            *("--blockdev", self._below()),
            *("--blockdev", "driver=raw,node-name=v,file=f"),
            *("--nbd-server", f"addr.type=unix,addr.path={self.path}"),
            *("--export", f"type=nbd,id=e,node-name=v,name={self.id},writable=on"),
            log=self.home / "log",
            pid_file=self.home / "pid",
        )
        deadline = time.monotonic() + self.patience
        while not (self.path.exists() and self._monitor.exists()):
            assert time.monotonic() < deadline, (self.home / "log").read_text()
            time.sleep(0.02)
        if owner is not None:
            os.chown(self.path, owner.st_uid, owner.st_gid, follow_symlinks=False)
            self.path.chmod(0o600)

    def _below(self) -> str:
        """Return what it serves, in QEMU's words."""
        return f"driver=file,node-name=f,filename={self.file}"

    def stop(self) -> None:
        """Serve no more; what was written is in the file."""
        pid = process.read_pid(self.home / "pid")
        if pid is not None:
            process.stop(pid, exe=PROGRAM)

    def grow(self, size: int) -> None:
        """Make the volume larger while it is served: its export goes and comes back."""
        self._tell("block-export-del", id="e", mode="hard")
        deadline = time.monotonic() + 60
        while self._tell("query-block-exports"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self._tell("block_resize", **{"node-name": "v", "size": size})
        self._tell(
            "block-export-add",
            **{"type": "nbd", "id": "e", "node-name": "v", "name": self.id, "writable": True},
        )
        self.size = size

    def close(self) -> None:
        """Take all away."""
        self.stop()
        self.file.unlink()
        shutil.rmtree(self.home)

    def _tell(self, command: str, **arguments: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(60)
            monitor.connect(str(self._monitor))
            with monitor.makefile("rwb") as file:
                file.readline()
                for said in ("qmp_capabilities", command):
                    message = {"execute": said}
                    if said == command:
                        message["arguments"] = arguments  # type: ignore[assignment]
                    file.write(json.dumps(message).encode() + b"\n")
                    file.flush()
                    while "event" in (answer := json.loads(file.readline())):
                        continue
                    assert "error" not in answer, answer
                return answer["return"]


class FromAfar(Volume):
    """What is served is what a port of this machine leads to; there is somebody behind it in time."""

    patience = 300.0

    def __init__(self, size: int, port: int) -> None:
        self.port = port
        super().__init__(size)

    def _below(self) -> str:
        where = f"server.type=inet,server.host=127.0.0.1,server.port={self.port}"
        return f"driver=nbd,node-name=f,{where},open-timeout={self.patience:.0f}"
