"""Guests that go to another host while they run: what both hosts' drivers do of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from cloudweb.driver import DriverError, Work
from compute.live_objects import (
    DestinationCheck,
    DestinationVerdict,
    LiveOffer,
    LiveRequest,
    LiveResult,
    PrepareRequest,
    RunsHere,
    SourceCheck,
    SourceVerdict,
)
from compute.live_progress import LiveProgress
from compute.objects import GuestRef, GuestSpec


class OtherHostKnows(DriverError):
    """The guest is held still here, and may run there: asking this host again will not help."""

    default_message = "The other host has to say whether it has the guest."


class LiveMigrate(ABC):
    """Capability ``live_migration``: in this order, all of it idempotent.

    Whatever dies, the guest is whole on one of both hosts. Which one ``who_runs`` tells: a whole guest on the
    new host ends the old host's, a whole guest on the old one ends what the new one has; where the old one's is
    held still and nobody runs it, it goes on when the new host said that it has none.
    """

    @abstractmethod
    def check_destination(self, request: DestinationCheck, *, work: Work) -> DestinationVerdict:
        """Tell whether this host may take the guest; what it leaves behind for that it removes in time."""

    @abstractmethod
    def check_source(self, request: SourceCheck, *, work: Work) -> SourceVerdict:
        """Tell whether the guest can go to that host, and what to expect. Raises GuestNotFound, GuestIsOff."""

    @abstractmethod
    def pre_live_migration(
        self, request: PrepareRequest, *, images: Mapping[str, Path], work: Work
    ) -> LiveOffer:
        """Make disks to copy to, files and a place that listens, on the new host.

        ``images`` has what its spec names to boot from beside its disks.
        Raises GuestRuns where a whole guest of this id is there already.
        """

    @abstractmethod
    def live_migrate(
        self, request: LiveRequest, *, progress: Callable[[LiveProgress], None], work: Work
    ) -> LiveResult:
        """Bring the guest there by the ladder; return when it ended, one way or the other.

        ``work.checkpoint()`` is asked all the time: once it raises, the migration is aborted where it still
        can be, ended where not, and the exception passes on. Called again after the death of its process,
        it follows what is under way, or reports what became of it. A guest that is not here any more has
        ``completed``. Raises GuestNotFound for one that never was, OtherHostKnows, and TransientDriverError
        where this host cannot tell now what it has.
        """

    @abstractmethod
    def abort_live(self, ref: GuestRef) -> None:
        """Let ``live_migrate`` end, the guest staying here; nothing happens where none is under way.

        Raises DriverError where it is too late (post-copy).
        """

    @abstractmethod
    def force_complete_live(self, ref: GuestRef) -> None:
        """Hold the guest still until it is over, or let it go over at once. Raises DriverError for none under way."""

    @abstractmethod
    def who_runs(self, ref: GuestRef) -> RunsHere:
        """Tell what this host has of the guest, on either side; it is never an error."""

    @abstractmethod
    def post_live_migration(self, ref: GuestRef, *, work: Work) -> None:
        """Make everything absent that the old host has of a guest which is whole on the new one.

        Disks that were copied too; what both hosts share stays. Raises GuestRuns where it is whole here.
        """

    @abstractmethod
    def post_live_migration_at_destination(self, spec: GuestSpec, *, work: Work) -> None:
        """Keep the guest that came, as after any start, and listen no more. Raises GuestNotFound."""

    @abstractmethod
    def rollback_live_migration_at_destination(self, ref: GuestRef, *, work: Work) -> None:
        """Make absent what was made ready for a guest that stays away, and listen no more.

        Raises GuestRuns, and touches nothing, where a whole guest is here.
        """

    @abstractmethod
    def resume_source(self, ref: GuestRef, *, work: Work) -> None:
        """Let a guest go on that was held still for the other host, which has none; one that runs does.

        A guest that is not here, or off, is no error.
        """
