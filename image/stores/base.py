"""What a store of image data must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol


class Incoming(Protocol):
    """Data on its way into the store: written in order, then kept or dropped as a whole."""

    path: Path

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end. Raises StoreFull."""

    def sync(self) -> None:
        """Have all that was written on disk. Raises StoreFull."""

    def keep(self) -> None:
        """Make the data readable under its key, durably."""

    def drop(self) -> None:
        """Leave nothing behind; absent is fine."""


class Store(ABC):
    """Keeps each image's data under a key; a key is written once and never changed."""

    @abstractmethod
    def receive(self, key: str, *, expected: int | None) -> Incoming:
        """Begin to write ``key``; ``expected`` bytes must find room. Raises StoreFull."""

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """Return the data as a seekable file with a file descriptor. Raises FileNotFoundError."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Make the data absent."""

    @abstractmethod
    def reap(self, keep: Collection[str], *, older_than: timedelta) -> list[str]:
        """Remove data of other keys that nothing touched for that long; return what was removed."""
