"""Guests of libvirt that go to another host while they run.

libvirt speaks to the other host's libvirt, and QEMU to the other QEMU, through a tunnel (``tunnels.py``). The
guest's definition stays transient on the new host until the control plane said that it is its guest: so a guest
that comes, and one that goes, are told apart whatever was killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import libvirt
import structlog

from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from compute.drivers.base import GuestNotFound, GuestRuns
from compute.drivers.libvirt.connection import translated
from compute.drivers.libvirt.live_arriving import WHOLE, LibvirtArriving
from compute.drivers.libvirt.live_definition import arriving, targets
from compute.drivers.libvirt.live_job import Course, LiveJob, is_moving
from compute.drivers.libvirt.live_ladder import Ladder
from compute.drivers.libvirt.live_state import Journey
from compute.drivers.libvirt.offers import disk_file
from compute.drivers.live import LiveMigrate, OtherHostKnows
from compute.live_objects import LiveRequest, LiveResult, RunsHere
from compute.live_progress import LiveProgress
from compute.objects import GuestRef

log = structlog.get_logger(__name__)

#: A libvirt that was started anew lets a guest go on that is still its own, within so many seconds.
HALTED = 5.0
FAILED = "The server could not be brought to the other host."


class LibvirtLive(LibvirtArriving, LiveMigrate):
    """What the libvirt driver does of it; the rest of the driver gives what is named here."""

    #: What operators asked for of guests on their way: "force", "abort".
    _asked: dict[str, str]

    def live_migrate(
        self, request: LiveRequest, *, progress: Callable[[LiveProgress], None], work: Work
    ) -> LiveResult:
        """Begin it, or follow what is under way; then find out what became of the guest."""
        guest_id = request.spec.id
        ref = GuestRef(id=guest_id, name=request.spec.name)
        with self._watcher.order(guest_id):
            domain = self._domains.find(guest_id)
            known = self._journey(guest_id)
            if domain is None:
                if known is None:
                    raise GuestNotFound
                return LiveResult(id=guest_id, outcome="completed")
            job, tunnels = LiveJob(self.connection, domain), self.tunnels
            stats = job.stats()
            attempt = f"{request.offer.address}:{request.offer.port}"
            if is_moving(stats):
                job.began -= int(stats.get("time_elapsed", 0)) / 1000
            elif (known and known.offer == attempt) or not self._domains.is_active(domain):
                return self._outcome(ref, None, "", job)
            else:
                work.checkpoint()
                self._asked.pop(guest_id, None)
                self._begin(request, domain, job, attempt)
            ladder = Ladder(
                job,
                request,
                post_copy=request.post_copy and "post-copy" in request.offer.uri,
                asked=lambda: self._asked.get(guest_id, ""),
                on_hold=lambda: self._note_held(guest_id),
                is_lost=lambda: tunnels.is_held(guest_id),
            )
            try:
                ladder.climb(progress, work)
            except BaseException:
                with suppress(DriverError):
                    self._outcome(ref, job.error, "asked", job)
                raise
            return self._outcome(ref, job.error, ladder.reason, job)

    def _begin(
        self, request: LiveRequest, domain: libvirt.virDomain, job: LiveJob, attempt: str
    ) -> None:
        guest_id, offer = request.spec.id, request.offer
        place, _, options = offer.uri.removeprefix("unix://").partition("?")
        tunnels = self.tunnels
        if place != str(tunnels.place(guest_id)):
            raise DriverError(
                "The other host offers no way that this host knows.", detail=offer.uri
            )
        with self.connection.use(FAILED):
            live = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
            paused = domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED
        files = self.storage.files(guest_id)
        shared = any(not disk.copied for disk in request.disks)
        self._note(guest_id, Journey(leaves=True, shared=shared, offer=attempt, paused=paused))
        tunnels.open_entrance(
            guest_id,
            to_host=offer.tls_name,
            address=offer.address,
            port=offer.port,
            uid=self.storage.owner(files),
        )
        sockets, known = tunnels.sockets(guest_id), targets(live)
        copied = [
            known[disk_file(files, disk.name).path.name] for disk in request.disks if disk.copied
        ]
        parameters: dict[str, Any] = {
            libvirt.VIR_MIGRATE_PARAM_URI: f"unix://{sockets['memory']}",
            libvirt.VIR_MIGRATE_PARAM_DEST_XML: arriving(live, offer.definition),
        }
        flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
        if copied:
            flags |= libvirt.VIR_MIGRATE_NON_SHARED_DISK
            parameters[libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = copied
            parameters[libvirt.VIR_MIGRATE_PARAM_DISKS_URI] = f"unix://{sockets['disks']}"
        if shared:  # that they share it was seen; libvirt goes by the kind of file system
            flags |= libvirt.VIR_MIGRATE_UNSAFE
        if request.post_copy and options:
            flags |= libvirt.VIR_MIGRATE_POSTCOPY
        if request.bandwidth:
            mib = max(1, request.bandwidth // 1024**2)
            parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = mib
        job.begin(Course(f"qemu+unix:///system?socket={sockets['libvirt']}", parameters, flags))

    def _outcome(
        self,
        ref: GuestRef,
        error: libvirt.libvirtError | None,
        reason: Literal["", "asked", "deadline"],
        job: LiveJob,
    ) -> LiveResult:
        """Tell what became of the guest; raises what ``live_migrate`` does."""
        known, lost = self._journey(ref.id), self.tunnels.is_held(ref.id)
        found = self._settle(ref, until=Settled(lost=lost))
        stays = error is not None and error.get_error_code() == libvirt.VIR_ERR_OPERATION_ABORTED
        if found.state == "paused_outgoing" and stays and known is not None and known.held:
            self.resume_source(ref, work=Unguarded())
            found = self.who_runs(ref)
        if found.state == "paused_outgoing" and (lost or not found.moving):
            raise OtherHostKnows(detail=str(error or found.state))
        if found.moving or found.state == "unknown":
            raise TransientDriverError(FAILED, detail=str(error or found.state))
        if error is not None:
            log.warning(
                "a guest did not go to the other host",
                guest=ref.id, detail=str(error), tunnel=self.tunnels.log(ref.id),
            )  # fmt: skip
        self._close_tunnel(ref.id)
        seconds = round(time.monotonic() - job.began, 2)
        if found.state == "absent" or self._went_over(ref.id):
            return LiveResult(
                id=ref.id, outcome="completed", seconds=seconds, downtime=job.downtime()
            )
        asked: Literal["asked", "deadline", "error"] = reason or (
            "asked" if self._asked.pop(ref.id, "") == "abort" else "error"
        )
        if found.state in WHOLE:  # one that died may run there: its disks stay known as shared
            self._drop_note(ref.id)
        return LiveResult(
            id=ref.id,
            outcome="aborted",
            reason=asked,
            sentence=_sentence(asked, error, found.state),
            seconds=seconds,
        )

    def _went_over(self, guest_id: str) -> bool:
        domain = self._domains.find(guest_id)
        if domain is None:
            return True
        with self.connection.use():
            return tuple(domain.state()) == (
                libvirt.VIR_DOMAIN_SHUTOFF,
                libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED,
            )

    def abort_live(self, ref: GuestRef) -> None:
        """Abort libvirt's job, whoever watches it."""
        domain = self._domains.find(ref.id)
        if domain is None or not self.who_runs(ref).moving:
            return
        self._asked[ref.id] = "abort"
        with self.connection.use("The server is on its new host already."):
            try:
                domain.abortJob()
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_OPERATION_UNSUPPORTED:  # post-copy
                    raise
                if domain.state()[1:] == [libvirt.VIR_DOMAIN_PAUSED_POSTCOPY]:
                    raise

    def force_complete_live(self, ref: GuestRef) -> None:
        """Let the ladder go to its end."""
        if not self.who_runs(ref).moving:
            raise DriverError("The guest is not on its way to another host.")
        self._asked[ref.id] = "force"

    def post_live_migration(self, ref: GuestRef, *, work: Work) -> None:
        """Make the guest absent; shared disks stay."""
        with self._watcher.order(ref.id):
            known, found = self._journey(ref.id), self.who_runs(ref)
            self._check_known(found)
            if found.state in WHOLE:
                raise GuestRuns
            work.checkpoint()
            self._leave_no_trace(ref, known or Journey(leaves=True, shared=False), work)

    def resume_source(self, ref: GuestRef, *, work: Work) -> None:
        """Let the guest go on, as its user had it; end what is left of the attempt."""
        with self._watcher.order(ref.id):
            domain = self._domains.find(ref.id)
            known = self._journey(ref.id)
            found = self.who_runs(ref)
            if domain is not None and found.state == "paused_outgoing":
                work.checkpoint()
                LiveJob(self.connection, domain).abort()
                self._close_tunnel(ref.id)  # a libvirt that waits lets it go on by itself
                found = self._settle(ref, until=lambda one: not one.moving)
                if found.state == "paused_outgoing" and not (known and known.paused):
                    work.checkpoint()
                    self._domains.resume(ref.id)
            self._check_known(found)  # its note says that it is to go on
            self._close_tunnel(ref.id)
            self._drop_note(ref.id)


class Settled:
    """Tells whether what libvirt says of a guest that went is its last word."""

    def __init__(self, *, lost: bool) -> None:
        self._lost = lost
        self._halted_at: float | None = None

    def __call__(self, found: RunsHere) -> bool:
        if self._lost:
            return True
        if found.moving or found.state == "unknown":
            self._halted_at = None
            return False
        if found.state != "paused_outgoing":
            return True
        now = time.monotonic()
        if self._halted_at is None:
            self._halted_at = now
        return now - self._halted_at > HALTED


def _sentence(reason: str, error: libvirt.libvirtError | None, state: str) -> str:
    if reason == "asked":
        return "It was aborted."
    if reason == "deadline":
        return "It was not over by its deadline."
    if state == "off":
        return "The server stopped on its way."
    if error is None:
        return "It was interrupted; the server stays where it is."
    return translated(error, FAILED).message
