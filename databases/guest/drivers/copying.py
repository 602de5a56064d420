"""What a datastore can do with all of its data at once: be backed up, and be made from backups."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from databases.guest import commands
from databases.guest.drivers.base import Datastore, Row


def _nothing() -> None:
    return None


class Dump(NamedTuple):
    """How a backup is made: programs of which each reads the one before; ``position`` once they have ended.

    ``sent`` is called when all of it has been taken.
    """

    programs: tuple[Sequence[str], ...]
    user: str
    kind: str
    position: Callable[[], str]
    sent: Callable[[], None] = _nothing


#: Unpacks one backup of a chain by a program that reads it; raises where it is not what was sent.
Unpack = Callable[[Row, Sequence[str]], None]


class CopyingDatastore(Datastore):
    """A datastore with its backups."""

    @abstractmethod
    def dump(self, since: str) -> AbstractContextManager[Dump]:
        """Give what makes a backup of all, or of what is new since a position; raise Refused."""

    @abstractmethod
    def restore(self, told: Row, unpack: Unpack) -> None:
        """Make the data of a restore point; ``is_initialised`` is true only once all are there."""

    @abstractmethod
    def verify(self) -> str:
        """Look through all data; return the program that did. Raises Damaged."""

    @property
    def _draft(self) -> Path:
        """Where data are put together that are not yet whole."""
        return self.place.data.with_name(f"{self.place.data.name}.new")

    def _begin_draft(self) -> Path:
        self._remove(self._draft)
        self._directory(self._draft)
        return self._draft

    def _keep_draft(self) -> None:
        """Let the draft be the data, at one moment."""
        self._remove(self.place.data)
        self._draft.rename(self.place.data)

    def _remove(self, path: Path) -> None:
        commands.run("rm", "-rf", "--", str(path), timeout=600)
