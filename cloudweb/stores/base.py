"""What a store of large data must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import BinaryIO, ClassVar, Protocol


class Incoming(Protocol):
    """Data on its way into the store: written in order, then kept or dropped as a whole.

    Two of the same key do not see each other; whoever keeps last is read from then on.
    """

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end. Raises StoreFull, StoreUnavailable."""

    def sync(self) -> None:
        """Have all that was written in the store, durably. Raises StoreFull, StoreUnavailable."""

    def open(self) -> BinaryIO:
        """Return what was written, after ``sync``, as a seekable file."""

    def keep(self) -> None:
        """Make the data readable under its key, durably."""

    def drop(self) -> None:
        """Leave nothing of this data behind, kept or not; absent is fine."""


class Store(ABC):
    """Keeps data under keys; what a key holds is never changed.

    A key may have slashes, which make folders of it. The stores of images and of backups are one place
    (``inside``), and images' keys have none.
    """

    #: The word clients know this kind of store by.
    kind: ClassVar[str]

    @abstractmethod
    def receive(self, key: str, *, expected: int | None) -> Incoming:
        """Begin to write ``key``; ``expected`` bytes must find room. Raises StoreFull."""

    def put(self, key: str, data: bytes) -> None:
        """Have a small piece of data under its key, durably. Raises StoreFull, StoreUnavailable."""
        incoming = self.receive(key, expected=len(data))
        try:
            incoming.write(data)
            incoming.sync()
            incoming.keep()
        except BaseException:
            incoming.drop()
            raise

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """Return the data as a seekable file. Raises FileNotFoundError, StoreUnavailable."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Make the data absent. Raises StoreUnavailable."""

    @abstractmethod
    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin so, in any order. Raises StoreUnavailable."""

    @abstractmethod
    def inside(self, folder: str) -> Store:
        """Return the store whose keys are in a folder of this one: nothing else here touches them."""

    @abstractmethod
    def reap(self, keep: Callable[[str], bool], *, older_than: timedelta) -> list[str]:
        """Remove what is that old and whose key nobody keeps, unfinished data too; return the keys.

        Keys with slashes are left alone.
        """

    @abstractmethod
    def url(self, key: str) -> str:
        """Return where the data is, as operators read it; nobody fetches it by this."""

    @abstractmethod
    def facts(self) -> Mapping[str, str]:
        """Return what operators are told about it: no secret."""
