"""Untrusted disks: what the bytes really are, found out before any tool opens them.

The detection and the first safety rules of each format are oslo.utils' format inspectors, which
read the stream as it comes in; ``cloudweb/disks`` then walks the structure of the stored file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import IO, BinaryIO, Protocol, cast

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import FileInspector, InspectWrapper

from cloudweb.disks import iso, qcow2, signatures, vdi, vhd, vhdx, vmdk
from cloudweb.disks.reading import BrokenDisk, Disk
from image.exceptions import ImageEmpty, ImageRefused
from image.formats import KERNEL_FORMATS

# Every inspector is shown every file, and says loudly that it is not of its own format.
logging.getLogger(format_inspector.__name__).setLevel(logging.CRITICAL)

#: declared disk format -> what its content may be detected as ("gpt" is any partitioned raw disk).
_CONTENT = {
    "raw": {"raw", "gpt"},
    "iso": {"iso", "gpt"},
    **{name: {"raw", "gpt"} for name in KERNEL_FORMATS},
    **{name: {name} for name in ("qcow2", "vmdk", "vhd", "vhdx", "vdi")},
}
#: Formats that state the size of the disk inside.
_SIZED = frozenset({"qcow2", "vmdk", "vhd", "vhdx", "vdi"})
#: Containers that wrap the disk in something else -> whether the data is that.
_WRAPPING: dict[str, Callable[[bytes], bool]] = {
    "ova": signatures.is_archive,
    "docker": signatures.is_archive,
    "compressed": signatures.is_compressed,
}
_STRUCTURES: dict[str, Callable[[Disk], None]] = {
    "qcow2": qcow2.check,
    "vmdk": vmdk.check,
    "vdi": vdi.check,
    "vhd": vhd.check,
    "vhdx": vhdx.check,
    "iso": iso.check,
}
#: Inspectors look at whole headers, so a shorter file is shown to them with zeros behind it.
_LEAST = 1024
_CHUNK = 1024 * 1024

_REASONS = {
    "backing_file": "it has a backing file",
    "data_file": "it names an external data file",
    "unknown_features": "it uses unknown or unsupported features",
    "descriptor": "its descriptor is unsafe or of an unsupported kind (external extents)",
    "footer": "its footer contradicts its header",
    "mbr": "its partition table is invalid",
    "version": "its version is not supported",
    "banned": "the format is not allowed",
}


class Readable(Protocol):
    """A stream of image data; b"" is its end."""

    def read(self, size: int, /) -> bytes: ...


#: What is inspected at once: a VHDX whose first piece ends where its metadata begin shows no size.
PIECE = 1024 * 1024


class _Source:
    """The stream as inspectors see it: padded when it is shorter than any header."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.total = 0
        self.padding = 0
        self.front = b""
        self.back = b""

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self.total += len(chunk)
        if len(self.front) < signatures.FRONT:
            self.front += chunk[: signatures.FRONT - len(self.front)]
        self.back = (self.back + chunk[-vhd.FOOTER :])[-vhd.FOOTER :]
        if not chunk and self.total + self.padding < _LEAST:
            self.padding = _LEAST - self.total
            return bytes(self.padding)
        return chunk


class InspectedStream:
    """Reads image data while inspecting it; ``read`` raises ImageRefused as early as it can tell.

    At the end ``virtual_size`` is the disk's size in bytes.
    """

    def __init__(
        self, stream: Readable, *, disk_format: str, container_format: str, max_virtual_size: int
    ) -> None:
        self._source = _Source(stream)
        self._inspector = InspectWrapper(cast("IO[bytes]", self._source))
        self._disk_format = disk_format
        self._container_format = container_format
        self._max_virtual_size = max_virtual_size
        self._decided = False
        self._ended = False
        self._virtual_size: int | None = None

    @property
    def total(self) -> int:
        """Bytes read so far."""
        return self._source.total

    @property
    def virtual_size(self) -> int:
        """The size of the disk inside; the file's own where the format has none."""
        return self.total if self._virtual_size is None else self._virtual_size

    def read(self, size: int) -> bytes:
        """Return the next bytes, b"" at the end; raise ImageRefused when they are not acceptable."""
        if self._ended:
            return b""
        size = min(size, PIECE)
        chunk = self._source.read(size) if self._decided else self._inspector.read(size)
        if self._source.padding:
            chunk = b""
        if not chunk:
            self._ended = True
            self._inspector.close()
            if not self.total:
                raise ImageEmpty
        if not self._decided:
            found = self._inspector.formats
            if found is not None:
                self._decide(found)
        if self._ended and self._container_format not in _WRAPPING:
            self._check_end()
        return chunk

    def _decide(self, found: list[FileInspector]) -> None:
        self._decided = True
        names = {inspector.NAME for inspector in found}
        hidden = signatures.refused(self._source.front)
        is_wrapping = _WRAPPING.get(self._container_format)
        if is_wrapping is not None:
            if names != {"raw"} or hidden or not is_wrapping(self._source.front):
                raise self._wrong_content(hidden or _listed(names))
            return
        if hidden and self._disk_format != "vmdk":  # of which the inspector has more to say
            raise self._wrong_content(hidden)
        allowed = _CONTENT[self._disk_format]
        if self._disk_format == "vhd":  # a fixed one shows at its end that it is one
            allowed = allowed | {"raw", "gpt"}
        if not names <= allowed:
            raise self._wrong_content(_listed(names))
        for inspector in found:
            if self._disk_format not in KERNEL_FORMATS:  # a kernel only looks like a boot sector
                _check_safety(inspector)
            if inspector.NAME in _SIZED:
                self._virtual_size = self._size_of(inspector)
        self._check_size()

    def _size_of(self, inspector: FileInspector) -> int:
        if inspector.NAME != "vhd":
            return inspector.virtual_size
        found = vhd.footer(self._source.front)
        if found is None:
            raise ImageRefused("The image data was refused: it is not a sound vhd file.")
        return found.size

    def _check_end(self) -> None:
        """Look for a fixed VHD, which is a raw disk with a footer."""
        found = vhd.footer(self._source.back)
        is_fixed = found is not None and found.is_fixed
        if self._disk_format == "vhd":
            if found is not None and is_fixed:
                self._virtual_size = found.size
            elif self._virtual_size is None:
                raise self._wrong_content(_listed({"raw"}))
        elif is_fixed and self._virtual_size is None:
            raise self._wrong_content("a fixed vhd")
        self._check_size()

    def _check_size(self) -> None:
        if self.virtual_size > self._max_virtual_size:
            raise ImageRefused(
                f"The image data was refused: its virtual size of {self.virtual_size} bytes is over "
                f"the limit of {self._max_virtual_size}."
            )

    def _wrong_content(self, content: str) -> ImageRefused:
        return ImageRefused(
            f"The image data was refused: it was declared as {self._disk_format} in a "
            f"{self._container_format} container, but its content is {content}."
        )


def check_stored(file: BinaryIO, *, disk_format: str, container_format: str) -> None:
    """Check what needs the whole file; raise ImageRefused."""
    check = _STRUCTURES.get(disk_format)
    if check is None or container_format in _WRAPPING:
        return
    try:
        check(Disk(file))
    except BrokenDisk as error:
        raise ImageRefused(f"The image data was refused: {error}.") from error


def inspect_file(
    file: BinaryIO, *, disk_format: str, container_format: str, max_virtual_size: int
) -> int:
    """Make all checks on a file that is there already; return the disk's size in bytes.

    Raises ImageRefused. What an upload passes through while it comes in, an import asks for at once.
    """
    file.seek(0)
    stream = InspectedStream(
        file,
        disk_format=disk_format,
        container_format=container_format,
        max_virtual_size=max_virtual_size,
    )
    while stream.read(_CHUNK):
        pass
    check_stored(file, disk_format=disk_format, container_format=container_format)
    return stream.virtual_size


def _check_safety(inspector: FileInspector) -> None:
    try:
        inspector.safety_check()
    except format_inspector.SafetyCheckFailed as error:
        reasons = [_REASONS.get(name.removeprefix("inner_"), name) for name in error.failures]
        raise ImageRefused(
            f"The image data was refused: {'; '.join(sorted(reasons))}.", detail=str(error)
        ) from error
    except format_inspector.ImageFormatError as error:
        raise ImageRefused(
            f"The image data was refused: it is not a complete {inspector.NAME} file.",
            detail=str(error),
        ) from error


def _listed(names: set[str]) -> str:
    shown = {"gpt": "a partitioned raw disk", "raw": "of no disk format (raw)"}
    return " and ".join(sorted(shown.get(name, name) for name in names))
