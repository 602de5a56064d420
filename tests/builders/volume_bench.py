"""Volume drivers on their machines, which a test can restart, write to and count."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cloudweb import process
from cloudweb.image_cache.source import ImageSource
from cloudweb.wire import Wire
from volume.drivers.base import VolumeDriver
from volume.drivers.fake import FakeVolumeDriver
from volume.drivers.file import FileDriver
from volume.drivers.file.config import FileConfig
from volume.objects import (
    ExportRequest,
    SnapshotRef,
    UnexportRequest,
    VolumeConnection,
    VolumeRef,
    VolumeSpec,
)

MIB = 1024**2
SIZE = 8 * MIB
_epochs = itertools.count(1)


class VolumeBench(Protocol):
    """A driver on its machine. What a volume holds is a word, at its first byte."""

    driver: Any
    host: str
    #: What is broken off at each checkpoint, by name; nothing stands for all.
    drilled: tuple[str, ...]
    #: Bytes in which the back end knows that nothing was written.
    grain: int

    def spec(self, **overrides: Any) -> VolumeSpec:
        """Return an empty volume this driver can make."""

    def image(self, word: str) -> tuple[ImageSource, Path | None]:
        """Return an image that holds a word, and its file."""

    def restart(self) -> None:
        """Let a new process take over: another driver object over the same state."""

    def write(self, ref: VolumeRef, word: str) -> None:
        """Write to a volume that nobody uses."""

    def read(self, ref: VolumeRef) -> str:
        """Read a volume that nobody uses."""

    def write_through(self, connection: VolumeConnection, word: str) -> bool:
        """Write as a guest that is attached would; tell whether it went through."""

    def census(self) -> Sequence[str]:
        """Return everything that is left of any volume, by whatever name."""

    def close(self) -> None:
        """Take all away."""


def ref(spec: VolumeSpec) -> VolumeRef:
    return spec.ref


def new_ref(driver: VolumeDriver, **overrides: Any) -> VolumeRef:
    return VolumeRef(id=str(uuid.uuid4()), backend=driver.backend, **overrides)  # type: ignore[attr-defined]


def snapshot_of(spec: VolumeSpec) -> SnapshotRef:
    return SnapshotRef(id=str(uuid.uuid4()), volume=spec.ref)


def export_of(spec: VolumeSpec, host: str, **overrides: Any) -> ExportRequest:
    values: dict[str, Any] = {
        "volume": spec.ref,
        "attachment_id": str(uuid.uuid4()),
        "epoch": next(_epochs),
        "to_host": host,
    }
    return ExportRequest(**{**values, **overrides})


def unexport_of(request: ExportRequest) -> UnexportRequest:
    return UnexportRequest(
        volume=request.volume, attachment_id=request.attachment_id, epoch=request.epoch
    )


class FakeVolumeBench:
    """The fake driver with its state in a directory."""

    host = "h1"
    drilled: tuple[str, ...] = ()
    grain = MIB

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self.restart()

    def restart(self) -> None:
        self.driver = FakeVolumeDriver(self._state_dir, self.host)
        self.driver.start()

    def spec(self, **overrides: Any) -> VolumeSpec:
        return VolumeSpec(**{"ref": new_ref(self.driver), "size": SIZE, **overrides})

    def image(self, word: str) -> tuple[ImageSource, Path | None]:
        return make_source(word, MIB, 1, "raw"), None

    def write(self, ref: VolumeRef, word: str) -> None:
        self.driver.write(ref.id, word)

    def read(self, ref: VolumeRef) -> str:
        return self.driver.read(ref.id).removeprefix("image ")

    def write_through(self, connection: VolumeConnection, word: str) -> bool:
        if connection.attachment_id not in self.driver.exports() or connection.read_only:
            return False
        self.driver.write(connection.volume_id, word)
        return True

    def census(self) -> Sequence[str]:
        return self.driver.census()

    def close(self) -> None:
        self.driver.stop()


class FileBench:
    """Files and daemons in a directory of a short name: a socket's path has 107 characters."""

    host = "h1"
    drilled: tuple[str, ...] = ()
    grain = MIB

    def __init__(self, certificates: Path | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="vol", dir="/tmp"))
        self.certificates = certificates or self.directory / "tls"
        wire = Wire("127.0.0.1", range(21900, 22100), self.certificates)
        self._config = FileConfig(self.directory / "pool", wire)
        self.restart()

    def restart(self) -> None:
        self.driver = FileDriver(self.directory / "state", self.host, config=self._config)
        self.driver.start()

    def spec(self, **overrides: Any) -> VolumeSpec:
        return VolumeSpec(**{"ref": new_ref(self.driver), "size": SIZE, **overrides})

    def image(self, word: str) -> tuple[ImageSource, Path | None]:
        path = self.directory / f"image-{word}"
        if not path.exists():
            raw = self.directory / f"raw-{word}"
            raw.write_bytes(word.encode().ljust(MIB, b"\0"))
            process.run("qemu-img", "convert", "-O", "qcow2", str(raw), str(path))
            path.chmod(0o444)
        return make_source(word, MIB, path.stat().st_size, "qcow2"), path

    def write(self, ref: VolumeRef, word: str) -> None:
        file = self.driver.files.get(ref.id)
        _io(f"-f {file.format} {file.path}".split(), word, self.directory)

    def read(self, ref: VolumeRef) -> str:
        file = self.driver.files.get(ref.id)
        plain = self.directory / "read"
        process.run("qemu-img", "dd", "-f", file.format, "-O", "raw", f"if={file.path}",
                    f"of={plain}", "bs=512", "count=1")  # fmt: skip
        found = plain.read_bytes()[:512].rstrip(b"\0").decode()
        plain.unlink()
        return found

    def write_through(self, connection: VolumeConnection, word: str) -> bool:
        return self.write_to(self.client(connection), word)

    def write_to(self, target: list[str], word: str) -> bool:
        """Write as a client that opens ``target``; tell whether it went through."""
        kind = [] if "--image-opts" in target else ["-f", "raw"]
        return _io([*kind, *target], word, self.directory, check=False)

    def client(self, connection: VolumeConnection, certificates: Path | None = None) -> list[str]:
        """Return what qemu-io is told to open as a client."""
        if connection.kind == "nbd_unix":
            return [f"nbd+unix:///{connection.export}?socket={connection.path}"]
        creds = f"tls-creds-x509,id=c,dir={certificates},endpoint=client"
        where = f"driver=nbd,host={connection.address},port={connection.port}"
        names = f"export={connection.export},tls-creds=c,tls-hostname={connection.tls_name}"
        return ["--object", creds, "--image-opts", f"{where},{names}"]

    def census(self) -> Sequence[str]:
        return self.driver.census()

    def close(self) -> None:
        self.driver.delete_everything()
        shutil.rmtree(self.directory)


def make_source(word: str, virtual: int, size: int, kind: str) -> ImageSource:
    """Return what names an image that no server has."""
    return ImageSource(
        id=word,
        url="http://127.0.0.1/",
        sha512="0" * 128,
        size=size,
        disk_format=kind,
        virtual_size=virtual,
    )


def _io(target: list[str], word: str, directory: Path, *, check: bool = True) -> bool:
    """Write 512 bytes, flushed, by qemu-io, which exits with 0 whatever comes of it."""
    pattern = directory / "pattern"
    pattern.write_bytes(word.encode().ljust(512, b"\0"))
    done = process.run(
        "qemu-io",
        *target,
        "-c",
        f"write -s {pattern} 0 512",
        "-c",
        "flush",
        check=False,
        timeout=30,
    )
    through = done.returncode == 0 and b"wrote 512/512" in done.stdout
    assert through or not check, (done.stdout, done.stderr)
    return through
