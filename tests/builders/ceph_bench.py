"""CephDriver on a small cluster; guests are clients that stay open, as QEMU's are."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import subprocess  # noqa: TID251  # its type and its pipes: a client is spoken to while it runs
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import Unguarded
from cloudweb.image_cache.source import ImageSource
from tests.builders.ceph import USER, CephCluster
from tests.builders.volume_bench import MIB, SIZE, make_source, new_ref
from tests.infrastructure import PATIENCE
from volume.drivers.ceph import CephDriver
from volume.drivers.ceph.cluster import CephConfig
from volume.drivers.luks import SECRET, named
from volume.drivers.reaching import Reaching
from volume.objects import VolumeConnection, VolumeRef, VolumeSpec

PROMPT = b"qemu-io> "


class CephClient:
    """Somebody who has an image open and writes when told to; ``enter`` is where it runs."""

    def __init__(self, connection: VolumeConnection, enter: Sequence[str] = ()) -> None:
        monitors = "\\;".join(one.replace(":", "\\:") for one in connection.monitors)
        location = (
            f"rbd:{connection.rbd_pool}/{connection.image}:id={connection.user}"
            f":key={connection.secret}:auth_supported=cephx:mon_host={monitors}"
        )
        self._greeted = False
        # who has no right to write waits for the image's lock for ever
        self._patience = 3.0 if connection.read_only else PATIENCE
        words = ["-f", "raw", location]
        if connection.encrypted:  # as a guest's QEMU has it
            disk = Reaching(Path("/")).node(connection, "disk")
            secrets = {
                "key-disk": f"data={connection.secret},format=base64",
                SECRET: f"data={connection.passphrase}",
            }
            objects = [f"secret,id={name},{said}" for name, said in secrets.items()]
            words = [*(word for one in objects for word in ("--object", one)), named(disk)]
        self._qemu = subprocess.Popen(
            (*enter, "qemu-io", *words),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def write(self, word: str, directory: Path) -> bool:
        """Write 512 bytes, flushed; tell whether it went through."""
        pattern = directory / "pattern"
        pattern.write_bytes(word.encode().ljust(512, b"\0"))
        return b"wrote 512/512" in (said := self._say(f"write -s {pattern} 0 512", "flush")) and (
            b"failed" not in said and b"error" not in said
        )

    def read(self) -> bytes:
        """Return what it says about the first bytes it reads."""
        return self._say("read -v 0 16")

    def begin_writing(self) -> None:
        """Write on and on, until that fails."""

        def go_on() -> None:
            while b"failed" not in self._last and b"error" not in self._last:
                self._last = self._say("write 0 4k")

        self._last = b""
        self._writing = threading.Thread(target=go_on)
        self._writing.start()

    def end_writing(self) -> bytes:
        """Return what it was told when that failed."""
        self._writing.join(PATIENCE)
        return self._last

    def signal(self, number: int) -> None:
        """Stop it, or let it go on."""
        self._qemu.send_signal(number)

    def _say(self, *commands: str) -> bytes:
        """Say one after the other, as it reads but a line at a time; return what it says to all."""
        assert self._qemu.stdin is not None
        said = b"" if self._greeted else self._hear()
        self._greeted = True
        for command in commands:
            with suppress(BrokenPipeError):
                self._qemu.stdin.write(f"{command}\n".encode())
                self._qemu.stdin.flush()
            said += self._hear()
        return said

    def _hear(self) -> bytes:
        assert self._qemu.stdout is not None
        said, deadline = b"", time.monotonic() + self._patience
        while not said.endswith(PROMPT):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._qemu.stdout], [], [], left)[0]:
                return said + b"error: it waits"
            if not (more := os.read(self._qemu.stdout.fileno(), 4096)):
                return said + b"error: it ended"
            said += more
        return said

    def kill(self) -> None:
        """Let it die as a host's does that loses power."""
        self._qemu.kill()
        self._qemu.communicate()


class CephBench:
    """The driver of the machine itself, as host h1."""

    host = "h1"
    grain = 4 * MIB
    drilled = ("clone", "revert")  # the others are one effect each, or two

    def __init__(self, cluster: CephCluster) -> None:
        self.cluster = cluster
        self.directory = Path(tempfile.mkdtemp(prefix="ceph", dir="/tmp"))
        self._config = CephConfig(str(cluster.conf), USER, ("default",))
        self._clients: dict[str, CephClient] = {}
        self.driver = self.make_driver()
        self.driver.start()

    def make_driver(self, host: str = host) -> CephDriver:
        """Return a host's driver that is not started."""
        return CephDriver(self.directory / host, host, config=self._config)

    def restart(self) -> None:
        self.driver.stop()
        self.driver = self.make_driver()
        self.driver.start()

    def spec(self, **overrides: Any) -> VolumeSpec:
        return VolumeSpec(**{"ref": new_ref(self.driver), "size": SIZE, **overrides})

    def image(self, word: str) -> tuple[ImageSource, Path | None]:
        path, raw = self.directory / f"image-{word}", self.directory / f"raw-{word}"
        if not path.exists():
            raw.write_bytes(word.encode().ljust(MIB, b"\0"))
            process.run("qemu-img", "convert", "-O", "qcow2", str(raw), str(path))
        return make_source(word, MIB, path.stat().st_size, "qcow2"), path

    def location(self, ref: VolumeRef) -> str:
        return self.driver.cluster.location(f"{ref.pool}/volume-{ref.id}")

    def write(self, ref: VolumeRef, word: str) -> None:
        pattern = self.directory / "pattern"
        pattern.write_bytes(word.encode().ljust(512, b"\0"))
        said = process.run(
            "qemu-io", "-f", "raw", self.location(ref), "-c", f"write -s {pattern} 0 512"
        )
        assert "wrote 512/512" in said.text, said

    def read(self, ref: VolumeRef) -> str:
        plain = self.directory / "read"
        process.run("qemu-img", "dd", "-f", "raw", "-O", "raw", f"if={self.location(ref)}",
                    f"of={plain}", "bs=512", "count=1")  # fmt: skip
        return plain.read_bytes()[:512].rstrip(b"\0").decode()

    def digest(self, ref: VolumeRef, length: int) -> str:
        """Return the MD5 of a volume's beginning, as ``md5sum`` says it."""
        plain = self.directory / "digested"
        process.run("qemu-img", "dd", "-f", "raw", "-O", "raw", f"if={self.location(ref)}",
                    f"of={plain}", f"bs={length}", "count=1")  # fmt: skip
        return hashlib.md5(plain.read_bytes()[:length], usedforsecurity=False).hexdigest()

    def client(self, connection: VolumeConnection, enter: Sequence[str] = ()) -> CephClient:
        """Return the one client that an attachment has on a host."""
        name = f"{connection.attachment_id} {enter}"
        if name not in self._clients:
            self._clients[name] = CephClient(connection, enter)
        return self._clients[name]

    def new_client(self, connection: VolumeConnection, enter: Sequence[str] = ()) -> CephClient:
        """Return one that opens the image anew, as a guest that is started again does."""
        made = CephClient(connection, enter)
        self._clients[f"{len(self._clients)}"] = made
        return made

    def write_through(self, connection: VolumeConnection, word: str) -> bool:
        return self.client(connection).write(word, self.directory)

    def census(self) -> Sequence[str]:
        records = [str(path) for path in self.directory.glob("*/*/*.json")]
        return [*self.cluster.census(), *self.cluster.users(), *records]

    def close(self) -> None:
        """Take all away, and prove it."""
        try:
            self.driver.delete_everything()
            self.driver.stop()
            for name in self.driver.images.names("default"):
                self.driver.images.remove(f"default/{name}", work=Unguarded())
            assert self.census() == []
        finally:
            for client in self._clients.values():
                client.kill()
            shutil.rmtree(self.directory)
