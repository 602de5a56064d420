"""A file that a backup is restored into to see that it can be; it takes room for what is not zeros."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class ScratchFile:
    """A sparse file of a size, gone when it is left."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size

    def __enter__(self) -> Self:
        self._descriptor = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        self.path.unlink()  # whatever ends this process ends the file
        os.ftruncate(self._descriptor, self.size)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def write(self, offset: int, data: bytes) -> None:
        """Write these bytes."""
        view = memoryview(data)
        while view:
            done = os.pwrite(self._descriptor, view, offset)
            view, offset = view[done:], offset + done

    def zero(self, offset: int, length: int) -> None:
        """They are, in a new file."""

    def data_after(self, offset: int) -> int:
        """Return where, from there on, something was written."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return self.size

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes."""
        found = bytearray()
        while len(found) < length:
            piece = os.pread(self._descriptor, length - len(found), offset + len(found))
            if not piece:
                raise EOFError(f"{self.path} ends before {offset + length}")
            found += piece
        return bytes(found)
