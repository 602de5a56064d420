"""Untrusted disks: what the bytes really are, found out before any tool opens them.

The detection and the safety rules of each format are oslo.utils' format inspectors, which read the
stream as it comes in; ``image/qcow2.py`` then walks the structure of a stored qcow2.
"""

from __future__ import annotations

import logging
from typing import IO, BinaryIO, Protocol, cast

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import FileInspector, InspectWrapper

from image import qcow2
from image.exceptions import ImageRefused
from image.formats import KERNEL_FORMATS

# Every inspector is shown every file, and says loudly that it is not of its own format.
logging.getLogger(format_inspector.__name__).setLevel(logging.CRITICAL)

#: declared disk format -> what its content may be detected as ("gpt" is any partitioned raw disk).
_CONTENT = {
    "raw": {"raw", "gpt"},
    "ploop": {"raw"},
    "iso": {"iso", "gpt"},
    **{name: {"raw", "gpt"} for name in KERNEL_FORMATS},
    **{name: {name} for name in ("qcow2", "vmdk", "vhd", "vhdx", "vdi", "luks")},
}
#: Containers that wrap the disk in something else (an archive): no disk may show at the front.
_WRAPPING = frozenset({"ova", "docker", "compressed"})
#: Inspectors look at whole headers, so a shorter file is shown to them with zeros behind it.
_LEAST = 1024

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


class _Source:
    """The stream as inspectors see it: padded when it is shorter than any header."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.total = 0
        self.padding = 0

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self.total += len(chunk)
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
        chunk = self._source.read(size) if self._decided else self._inspector.read(size)
        if self._source.padding:
            chunk = b""
        if not chunk:
            self._ended = True
            self._inspector.close()
        if not self._decided:
            found = self._inspector.formats
            if found is not None:
                self._decide(found)
        return chunk

    def _decide(self, found: list[FileInspector]) -> None:
        self._decided = True
        names = {inspector.NAME for inspector in found}
        wrapping = self._container_format in _WRAPPING
        allowed = {"raw"} if wrapping else _CONTENT[self._disk_format]
        if not names <= allowed:
            raise ImageRefused(
                f"The image data was refused: it was declared as {self._disk_format} in a "
                f"{self._container_format} container, but its content is {_listed(names)}."
            )
        for inspector in found:
            if self._disk_format not in KERNEL_FORMATS:  # a kernel only looks like a boot sector
                _check_safety(inspector)
            if inspector.NAME in allowed - {"raw", "gpt", "iso", "luks"}:
                self._virtual_size = inspector.virtual_size
        if self.virtual_size > self._max_virtual_size:
            raise ImageRefused(
                f"The image data was refused: its virtual size of {self.virtual_size} bytes is over "
                f"the limit of {self._max_virtual_size}."
            )


def check_stored(file: BinaryIO, *, disk_format: str, container_format: str) -> None:
    """Check what needs the whole file; raise ImageRefused."""
    if disk_format != "qcow2" or container_format in _WRAPPING:
        return
    try:
        qcow2.check(file)
    except qcow2.BrokenQcow2 as error:
        raise ImageRefused(f"The image data was refused: {error}.") from error


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
