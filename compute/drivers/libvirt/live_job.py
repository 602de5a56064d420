"""One guest's migration as libvirt does it: begun in a thread, watched, pushed, ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import libvirt

from compute.drivers.libvirt.connection import Connection
from compute.live_progress import LivePhase, LiveProgress

MIB = 1024**2
#: libvirt's words for jobs that bring a guest elsewhere, or here.
MOVES = (
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT,
    libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN,
)


@dataclass(frozen=True, slots=True)
class Course:
    """What libvirt is told: where to, and how."""

    uri: str
    parameters: Mapping[str, Any]
    flags: int


class LiveJob:
    """A migration that this process began, or found."""

    def __init__(self, connection: Connection, domain: libvirt.virDomain) -> None:
        self._connection, self._domain = connection, domain
        self.error: libvirt.libvirtError | None = None
        self.began = time.monotonic()
        self._over: threading.Event | None = None
        self._seen = False

    def begin(self, course: Course) -> None:
        """Begin it."""
        over = self._over = threading.Event()

        def run() -> None:
            try:
                self._domain.migrateToURI3(course.uri, dict(course.parameters), course.flags)
            except libvirt.libvirtError as error:
                self.error = error
            finally:
                over.set()

        threading.Thread(target=run, name="live migration", daemon=True).start()

    @property
    def is_ours(self) -> bool:
        """Tell whether this process began it."""
        return self._over is not None

    def wait(self, seconds: float) -> bool:
        """Wait for its end for so long at most; tell whether it ended."""
        if self._over is not None:
            return self._over.wait(seconds)
        time.sleep(seconds)
        return not is_moving(self.stats())

    def stats(self) -> Mapping[str, Any]:
        """Return what libvirt tells of it; nothing while it tells nothing."""
        with suppress(libvirt.libvirtError):
            return dict(self._domain.jobStats())
        return {}

    def progress(self, guest_id: str, phase: LivePhase) -> LiveProgress:
        """Return how far it is."""
        return seen(guest_id, phase, self.stats(), time.monotonic() - self.began)

    def push(self, downtime: int) -> None:
        """Let the guest be held still for so many milliseconds at the end."""
        with suppress(libvirt.libvirtError):  # it ends just now
            self._domain.migrateSetMaxDowntime(downtime)

    def hold_still(self) -> None:
        """Halt the guest, so that it changes nothing any more."""
        with suppress(libvirt.libvirtError):
            self._domain.suspend()

    def go_over(self) -> bool:
        """Let the guest run on the new host and fetch the rest; tell whether that could be."""
        try:
            self._domain.migrateStartPostCopy()
        except libvirt.libvirtError:
            return False
        return True

    def abort(self) -> None:
        """Let the guest stay."""
        with suppress(libvirt.libvirtError):
            self._domain.abortJob()

    def downtime(self) -> int:
        """Return for how long the guest was held still, of one that ended."""
        with suppress(libvirt.libvirtError):
            said = self._domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
            return int(said.get("downtime", 0))
        return 0


def is_moving(stats: Mapping[str, Any]) -> bool:
    """Tell whether a job brings a guest elsewhere, or here."""
    active = stats.get("type", libvirt.VIR_DOMAIN_JOB_NONE) in (
        libvirt.VIR_DOMAIN_JOB_BOUNDED,
        libvirt.VIR_DOMAIN_JOB_UNBOUNDED,
    )
    return active and stats.get("operation") in MOVES


def seen(guest_id: str, phase: LivePhase, stats: Mapping[str, Any], elapsed: float) -> LiveProgress:
    """Return libvirt's numbers as ours; time to go is what is left, less what is written meanwhile."""
    said = {key: int(value) for key, value in stats.items() if isinstance(value, int)}
    page = said.get("memory_page_size", 4096)
    disk = said.get("disk_remaining", 0)
    memory = said.get("memory_remaining", 0)
    speed = said.get("disk_bps", 0) if disk else said.get("memory_bps", 0)
    dirty = said.get("memory_dirty_rate", 0) * page
    gain, left = speed - (0 if disk else dirty), memory + disk
    if phase == "preparing" and said.get("disk_total"):
        phase = "disks" if disk else "memory"
    elif phase == "preparing" and memory:
        phase = "memory"
    return LiveProgress(
        id=guest_id,
        phase=phase,
        memory_total=said.get("memory_total", 0),
        memory_processed=said.get("memory_processed", 0),
        memory_remaining=memory,
        disk_total=said.get("disk_total", 0),
        disk_processed=said.get("disk_processed", 0),
        disk_remaining=disk,
        speed=speed,
        dirty_rate=dirty,
        downtime=said.get("downtime", 0),
        seconds=left // gain if gain > 0 else None,
        elapsed=round(elapsed, 2),
    )
