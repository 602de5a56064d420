"""A file that a backup is restored into to see that it can be; it takes room for what is not zeros.

What lies on the disk is a cipher's, with a key that is in memory alone: a volume may have been encrypted,
or its backup, and control machines keep nothing of what is in volumes.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

_CIPHER_BLOCK = 16


class ScratchFile:
    """A sparse file of a size, gone when it is left."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size
        self._key = AES256(secrets.token_bytes(32))

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
        """Write these bytes; a place is written once."""
        view = memoryview(self._crossed(offset, data))
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
        return self._crossed(offset, bytes(found))

    def _crossed(self, offset: int, data: bytes) -> bytes:
        """Return the cipher's bytes of plain ones, and the other way around."""
        count, rest = divmod(offset, _CIPHER_BLOCK)
        assert not rest
        stream = Cipher(self._key, CTR(count.to_bytes(_CIPHER_BLOCK))).encryptor()
        return stream.update(data)
