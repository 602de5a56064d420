"""What a host does for uploads: reads a volume at one moment and brings it to an image."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cloudweb import process
from cloudweb.agent import Function
from cloudweb.driver import DiskFull, Work
from cloudweb.files import make_directory
from cloudweb.image_sending import send
from cloudweb.rpc import Method
from volume import rpc
from volume.backups.on_host import HostBackups, progress
from volume.backups.taking import Source
from volume.drivers.serving import served
from volume.uploads.objects import ImageFormat, UploadRequest, VolumeUploaded

#: Read, and sent, at once.
PIECE = 4 * 1024**2
#: The kernel cuts the paths of sockets at 107 characters, and their names take some.
LONGEST = 85
#: What is made here before it is sent -> what QEMU calls it, and how it makes one that has the size
#: that was asked for, in one file.
_MADE: dict[ImageFormat, tuple[str, tuple[str, ...]]] = {
    "qcow2": ("qcow2", ()),
    "vdi": ("vdi", ()),
    "vhd": ("vpc", ("-o", "force_size=on")),
    "vhdx": ("vhdx", ()),
    "vmdk": ("vmdk", ("-o", "subformat=monolithicSparse")),
}


class HostUploads:
    """The uploads of one host; ``directory`` is where disks are made that are no copy byte by byte."""

    def __init__(self, points: HostBackups, directory: Path) -> None:
        self._points, self._directory = points, directory

    def methods(self) -> dict[Method[UploadRequest], Function]:
        """Return what does the uploads' method."""
        return {rpc.UPLOAD: self.upload}

    def clear(self) -> None:
        """Remove what an earlier process was making."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def upload(self, request: UploadRequest, work: Work) -> VolumeUploaded:
        """Bring the volume; after a crash the same moment once more, from its beginning."""
        point = request.point
        driver = self._points.hold(point, work)
        with driver.reading(point) as source:
            if request.format == "raw":
                content = _pieces(source, progress(work, source.size))
                send(request.url, content, size=source.size)
                size = source.size
            else:
                size = self._make_and_send(request, source, work)
        self._points.release(point, work)
        return VolumeUploaded(id=point.id, size=size)

    def _make_and_send(self, request: UploadRequest, source: Source, work: Work) -> int:
        path = make_directory(self._directory) / f"{request.point.id}.{request.format}"
        path.unlink(missing_ok=True)
        try:
            self._make(path, request.format, source, progress(work, source.size))
            size = path.stat().st_size
            with path.open("rb") as file:
                send(request.url, _checked(iter(lambda: file.read(PIECE), b""), work), size=size)
        finally:
            path.unlink(missing_ok=True)
        return size

    def _make(
        self, path: Path, kind: ImageFormat, source: Source, tell: Callable[[int], None]
    ) -> None:
        """Copy what is not zeros into a new disk."""
        name, options = _MADE[kind]
        if shutil.disk_usage(path.parent).free < source.size // 100:
            raise DiskFull
        process.run("qemu-img", "create", "-q", "-f", name, *options, str(path), str(source.size))
        with (
            _short(self._directory) as sockets,
            served(str(path), name, sockets=sockets, read_only=False) as target,
        ):
            offset = source.data_after(0)
            while offset < source.size:
                length = min(PIECE, source.size - offset)
                data = source.read(offset, length)
                if data.count(0) != length:
                    target.write(offset, data)
                tell(offset)
                offset = source.data_after(offset + length)
            target.flush()


@contextmanager
def _short(directory: Path) -> Iterator[Path]:
    """Give a directory whose sockets' paths the kernel takes."""
    with ExitStack() as held:
        if len(str(directory)) > LONGEST:
            directory = Path(held.enter_context(tempfile.TemporaryDirectory()))
        yield directory


def _pieces(source: Source, tell: Callable[[int], None]) -> Iterator[bytes]:
    """Give all bytes in turn; what is zeros is not read."""
    zeros, offset = bytes(PIECE), 0
    while offset < source.size:
        data_at = min(source.data_after(offset), source.size)
        while offset < data_at:
            length = min(PIECE, data_at - offset)
            yield zeros[:length]
            offset += length
            tell(offset)
        if offset < source.size:
            length = min(PIECE, source.size - offset)
            yield source.read(offset, length)
            offset += length
            tell(offset)


def _checked(pieces: Iterator[bytes], work: Work) -> Iterator[bytes]:
    for piece in pieces:
        work.checkpoint()
        yield piece
