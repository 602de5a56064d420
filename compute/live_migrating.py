"""What a host does about guests that go to another host while they run, or come from one.

From before its migration on nothing starts a guest unasked on its old host: it may run on the new one. What
the new one shall start after a reboot of the machine it keeps once the guest is whole there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import structlog

from cloudweb.agent import Function
from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from cloudweb.image_cache.cache import ImageCache
from cloudweb.rpc import Method
from compute import rpc
from compute.boot_images import boot_images
from compute.drivers.base import GuestNotFound, GuestRuns, Hypervisor, LiveMigrate
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
from compute.resizing import Keep, NoteRuns

log = structlog.get_logger(__name__)
#: Seconds between two reports for the sake of a guest on its way.
TOLD_EVERY = 2.0
WHOLE = frozenset({"running", "paused"})
NOBODY = Unguarded()


class Forget(Protocol):
    """Forget what a guest was last told."""

    def __call__(self, guest_id: str) -> None: ...


class LiveMigrations:
    """The live migrations of one host's guests, on either side."""

    def __init__(
        self,
        driver: Hypervisor,
        images: ImageCache,
        *,
        keep: Keep,
        note_runs: NoteRuns,
        forget: Forget,
        soon: Callable[[], None],
    ) -> None:
        self._hypervisor, self._images = driver, images
        self._keep, self._note_runs, self._forget, self._soon = keep, note_runs, forget, soon
        self._lock = threading.Lock()
        self._moving: dict[str, LiveProgress] = {}
        self._told_at = 0.0

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of its methods."""
        return {
            rpc.CHECK_DESTINATION: self.check_destination,
            rpc.CHECK_SOURCE: self.check_source,
            rpc.PRE_LIVE_MIGRATION: self.prepare,
            rpc.LIVE_MIGRATE: self.migrate,
            rpc.ABORT_LIVE: self.abort,
            rpc.FORCE_COMPLETE_LIVE: self.force_complete,
            rpc.WHO_RUNS: self.who_runs,
            rpc.POST_LIVE_MIGRATION: self.leave,
            rpc.POST_LIVE_MIGRATION_AT_DESTINATION: self.arrive,
            rpc.ROLLBACK_LIVE_MIGRATION_AT_DESTINATION: self.roll_back,
            rpc.RESUME_SOURCE: self.resume,
        }

    def progress(self) -> tuple[LiveProgress, ...]:
        """Return how far each guest is that leaves this host."""
        with self._lock:
            return tuple(one for _, one in sorted(self._moving.items()))

    # -- asked before

    def check_destination(
        self, request: DestinationCheck, work: Work = NOBODY
    ) -> DestinationVerdict:
        """Tell whether this host may take a guest."""
        return self._driver().check_destination(request, work=work)

    def check_source(self, request: SourceCheck, work: Work = NOBODY) -> SourceVerdict:
        """Tell whether one of this host may go to another."""
        return self._driver().check_source(request, work=work)

    # -- on the way

    def prepare(self, request: PrepareRequest, work: Work) -> LiveOffer:
        """Make ready for a guest; it is none of this host's before it came."""
        driver = self._driver()
        images = boot_images(request.spec, self._hypervisor, self._images, work)
        return driver.pre_live_migration(request, images=images, work=work)

    def migrate(self, request: LiveRequest, work: Work) -> LiveResult:
        """Bring a guest to another host; where it stays, it is started after a reboot as before."""
        driver, guest_id = self._driver(), request.spec.id
        self._note_runs(guest_id, runs=False)
        try:
            result = driver.live_migrate(
                request, progress=lambda seen: self._note(seen, work), work=work
            )
        finally:
            with self._lock:
                self._moving.pop(guest_id, None)
        if result.outcome == "aborted":
            self._stays(GuestRef(id=guest_id, name=request.spec.name))
        return result

    def _note(self, seen: LiveProgress, work: Work) -> None:
        with self._lock:
            self._moving[seen.id] = seen
            due = time.monotonic() >= self._told_at + TOLD_EVERY
            if due:
                self._told_at = time.monotonic()
        total = seen.memory_total + seen.disk_total
        left = seen.memory_remaining + seen.disk_remaining
        work.progress(100 * (total - left) // total if total else 0, seen.phase)
        if due:
            self._soon()

    def abort(self, ref: GuestRef, work: Work = NOBODY) -> RunsHere:
        """Let a guest stay, as far as it still can; tell what is here of it then."""
        if isinstance(self._hypervisor, LiveMigrate):
            self._hypervisor.abort_live(ref)
        return self.who_runs(ref)

    def force_complete(self, ref: GuestRef, work: Work = NOBODY) -> RunsHere:
        """Let it be over soon."""
        self._driver().force_complete_live(ref)
        return self.who_runs(ref)

    def who_runs(self, ref: GuestRef, work: Work = NOBODY) -> RunsHere:
        """Tell what is here of a guest; a driver that moves none knows nothing of halted copies."""
        return self._driver().who_runs(ref)

    # -- afterwards

    def leave(self, ref: GuestRef, work: Work) -> None:
        """Make a guest absent that went to another host, and forget it."""
        self._driver().post_live_migration(ref, work=work)
        self._forget(ref.id)

    def arrive(self, spec: GuestSpec, work: Work) -> RunsHere:
        """Keep a guest that came: a reboot of the machine starts it as any other that runs.

        One that came and died is kept, too: its disks are here, and it can be started.
        """
        with suppress(GuestNotFound):
            self._driver().post_live_migration_at_destination(spec, work=work)
        found = self.who_runs(GuestRef(id=spec.id, name=spec.name))
        self._keep(spec, runs=found.state == "running")
        return found

    def roll_back(self, ref: GuestRef, work: Work) -> RunsHere:
        """Make absent what was made ready; of a guest that came all the same, say so and touch nothing."""
        try:
            self._driver().rollback_live_migration_at_destination(ref, work=work)
        except GuestRuns:
            log.warning("a guest came although it was to stay away", guest=ref.id)
        found = self._driver().who_runs(ref)
        if found.state == "unknown":  # it may run
            raise TransientDriverError("The host cannot tell now whether it has the guest.")
        if found.state not in WHOLE:
            self._forget(ref.id)
        return found

    def resume(self, ref: GuestRef, work: Work) -> RunsHere:
        """Let a guest go on that the other host has not."""
        self._driver().resume_source(ref, work=work)
        return self._stays(ref)

    def _stays(self, ref: GuestRef) -> RunsHere:
        found = self._driver().who_runs(ref)
        if found.state == "running":
            self._note_runs(ref.id, runs=True)
        return found

    def _driver(self) -> LiveMigrate:
        if not isinstance(self._hypervisor, LiveMigrate):
            raise DriverError("This server's hypervisor brings no guest elsewhere while it runs.")
        return self._hypervisor
