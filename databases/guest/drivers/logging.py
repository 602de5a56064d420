"""A datastore whose log is kept as it is written, so that one can go back to any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from databases.guest.drivers.copying import CopyingDatastore
from databases.guest.failures import Refused


class LogGone(Refused):
    """What comes after a position is not there any more: the log begins anew."""


class LogPlace(NamedTuple):
    """Where a log begins: a position, and which history of the data it is of."""

    position: str
    history: str


class LogPiece(NamedTuple):
    """A stretch of a log: programs of which each reads the one before; ``sent`` once it is kept for good.

    ``until`` is a moment (RFC 3339) that it holds a commit after; "" where more of the log waits.
    """

    programs: tuple[Sequence[str], ...]
    position: str
    until: str
    sent: Callable[[], None]


class LoggingDatastore(CopyingDatastore):
    """What a datastore without such a log says."""

    def begin_log(self) -> LogPlace:
        """Have the log kept from now on until it was sent; raise Refused."""
        raise Refused("This datastore can go back to its backups alone.")

    def kept_log(self, position: str) -> LogPlace | None:
        """Return the place at a position, if the log from there on was kept all the time."""
        return None

    def end_log(self) -> None:
        """Keep it no longer."""

    def log_piece(self, begun: LogPlace) -> AbstractContextManager[LogPiece]:
        """Give what comes after a place; raise LogGone."""
        raise LogGone("This datastore can go back to its backups alone.", detail=begun.position)
