"""What a datastore can do with another of its kind: be followed by it, follow it, take its place.

Whom it follows is in a file beside the data (``<data>.following``), so a restart changes nothing about
it: while that file is there, the datastore takes no writes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from databases.guest import files
from databases.guest.drivers.base import Row
from databases.guest.drivers.logging import LoggingDatastore


class ReplicatingDatastore(LoggingDatastore):
    """A datastore with its replicas."""

    @abstractmethod
    def admit(self, user: str, password: str, slot: str) -> None:
        """Let a replica come as this user, and keep for it what it has not read (``slot``)."""

    def keep_slots(self, slots: Sequence[str]) -> None:
        """Keep for nobody but those who come by these what they have not read."""

    @abstractmethod
    def seed(self, source: Row) -> None:
        """Make the data of another datastore, and follow it; ``is_initialised`` is true only then."""

    @abstractmethod
    def follow(self, source: Row | None) -> None:
        """Take no writes any more and follow another, or nobody; what it has more than that is given up."""

    @abstractmethod
    def promote(self) -> None:
        """Take writes, once all that was received is there."""

    def stands_still(self) -> bool:
        """Tell whether it follows on only after a restart."""
        return False

    @abstractmethod
    def position(self) -> str:
        """Return how far it is, in its own words."""

    def timeline(self) -> int:
        """Return which promotion its position counts from; 0 where the position says that itself."""
        return 0

    def is_following(self) -> bool:
        """Tell whether it takes no writes."""
        return self._following.exists()

    def _authority_of(self, source: Row) -> Path | None:
        """Return the file of who signed the source's certificate; None where it has none."""
        if not source.get("authority"):
            return None
        path = self.place.data.with_name(f"{self.place.data.name}.source-authority.pem")
        self._write(path, str(source["authority"]))
        return path

    @property
    def _following(self) -> Path:
        return self.place.data.with_name(f"{self.place.data.name}.following")

    @property
    def _source(self) -> Row:
        return files.read_json(self._following)

    def _keep_source(self, source: Row | None) -> None:
        """Write down whom it follows, without the password."""
        told = {name: value for name, value in (source or {}).items() if name != "password"}
        files.write_json(self._following, told)
