"""Guests of libvirt that go to another host while they run.

libvirt speaks to the other host's libvirt, and QEMU to the other QEMU, through a tunnel (``tunnels.py``). The
guest's definition stays transient on the new host until the control plane said that it is its guest: so a guest
that comes, and one that goes, are told apart whatever was killed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import libvirt
import structlog

from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from cloudweb.files import make_directory, write_atomically
from cloudweb.records import forget, read_record
from compute.drivers.base import GuestNotFound, GuestRuns
from compute.drivers.libvirt.connection import translated
from compute.drivers.libvirt.daemon import MACHINE_SOCKETS, Daemon, answers
from compute.drivers.libvirt.entries import Entries
from compute.drivers.libvirt.files import GuestFiles, file_name
from compute.drivers.libvirt.live_checks import LiveChecks
from compute.drivers.libvirt.live_definition import arriving, targets
from compute.drivers.libvirt.live_job import Course, LiveJob, is_moving
from compute.drivers.libvirt.live_ladder import Ladder
from compute.drivers.libvirt.offers import disk_file, wire_of
from compute.drivers.libvirt.storage import host_errors
from compute.drivers.libvirt.tunnels import Tunnels
from compute.drivers.live import LiveMigrate
from compute.live_objects import (
    LiveOffer,
    LiveRequest,
    LiveResult,
    OwnDisk,
    PrepareRequest,
    RunsHere,
    RunsState,
)
from compute.live_progress import LiveProgress
from compute.objects import GuestDisk, GuestRef, GuestSpec
from compute.tunnels.domains import reaches

if TYPE_CHECKING:
    from compute.drivers.libvirt.plugging import Plugging
    from compute.drivers.libvirt.watcher import Watcher

log = structlog.get_logger(__name__)

FAILED = "The server could not be brought to the other host."
#: So long it is awaited that libvirt knows what became of a guest. Seconds.
SETTLE = 20.0
_AWAY = (
    libvirt.VIR_DOMAIN_PAUSED_MIGRATION,
    libvirt.VIR_DOMAIN_PAUSED_POSTCOPY,
    libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
)
_COMING = (libvirt.VIR_DOMAIN_PAUSED_MIGRATION, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)
#: The group of processes that libvirt puts guests in.
PARTITION = "/machine"
USERFAULTS = Path("/proc/sys/vm/unprivileged_userfaultfd")


@dataclass(frozen=True, slots=True)
class Journey:
    """What a host notes of a guest on its way; ``offer`` names the attempt on the old host.

    ``shared``: its disks are both hosts'. ``paused``: its user had it paused. ``held``: we did.
    """

    leaves: bool
    shared: bool
    offer: str = ""
    paused: bool = False
    held: bool = False


class LibvirtLive(LiveChecks, LiveMigrate):
    """What the libvirt driver does of it; the rest of the driver gives what is named here."""

    daemon: Daemon
    entries: Entries
    _watcher: Watcher
    _plugging: Plugging
    #: What operators asked for of guests on their way: "force", "abort".
    _asked: dict[str, str]

    if TYPE_CHECKING:

        def destroy(self, ref: GuestRef, *, work: Work) -> None: ...
        def _forget(self, guest_id: str, name: str) -> None: ...
        def _xml(self, spec: GuestSpec, files: GuestFiles, uid: int) -> str: ...
        def _write_boot_files(
            self, spec: GuestSpec, files: GuestFiles, images: Mapping[str, Path]
        ) -> None: ...

    @property
    def tunnels(self) -> Tunnels:
        """The tunnels of guests that come or go now."""
        return Tunnels(self.state_dir / "tunnels", wire_of(self.state_dir))

    # -- the new host

    def pre_live_migration(
        self,
        request: PrepareRequest,
        *,
        images: Mapping[str, Path] | None = None,
        work: Work,
    ) -> LiveOffer:
        """Make empty disks for those that are copied, all else as for a start, and open the tunnel's exit."""
        spec, copied = request.spec, [disk for disk in request.disks if disk.copied]
        ref = GuestRef(id=spec.id, name=spec.name)
        with self._watcher.order(spec.id):
            self._clear_the_way(ref, work)
            self._drop_tokens()
            work.checkpoint()
            self.storage.check_room()
            files = self.storage.files(spec.id)
            self._note(spec.id, Journey(leaves=False, shared=len(copied) < len(request.disks)))
            self.storage.make_home(files)
            for disk in copied:
                work.checkpoint()
                self._make_empty(files, disk)
            self._write_boot_files(spec, files, images or {})
            work.checkpoint()
            spec = self.entries.through(spec)
            uid = self.storage.hand_over(files, spec)
            self._plugging.tell_secrets(spec.disks)
            definition = self._xml(spec, files, uid)
            work.checkpoint()
            return self._offer(request.source_host, spec, definition, uid)

    def _offer(self, source_host: str, spec: GuestSpec, definition: str, uid: int) -> LiveOffer:
        tunnels, wire = self.tunnels, wire_of(self.state_dir)
        sockets = tunnels.sockets(spec.id)
        port = tunnels.open_exit(
            spec.id,
            from_host=source_host,
            libvirt=self._libvirt_socket(),
            uid=uid,
            reaches=reaches(
                *(definition, self._emulator(), PARTITION),
                *(f"unix://{path}" for path in sockets.values()),
            ),
        )
        follows = "?post-copy=yes" if uid == 0 or _faults_are_allowed() else ""
        return LiveOffer(
            id=spec.id,
            uri=f"unix://{tunnels.place(spec.id)}{follows}",
            address=wire.address,
            port=port,
            tls_name=self.host,
            definition=definition,
        )

    def _clear_the_way(self, ref: GuestRef, work: Work) -> None:
        """Take away what an earlier attempt left; raise GuestRuns for a guest that is whole here."""
        found = self.who_runs(ref)
        known = self._journey(ref.id)
        if found.state in ("running", "paused"):
            raise GuestRuns
        if known is None and found.state != "absent":
            raise DriverError("The host has a guest of this id already.", detail=found.state)
        if known is not None:
            self._leave_no_trace(ref, known, work)

    def _make_empty(self, files: GuestFiles, disk: OwnDisk) -> None:
        """Make a disk as large as the guest's, and nothing in it."""
        place = disk_file(files, disk.name).path
        with host_errors():
            place.unlink(missing_ok=True)
        self.storage.make_disk(files, GuestDisk(name=disk.name, size=disk.size), {})

    def _libvirt_socket(self) -> Path:
        if self.daemon.is_private():
            return self.daemon.socket
        found = next((path for path in MACHINE_SOCKETS if answers(path)), None)
        if found is None:
            raise TransientDriverError("The host's libvirt does not answer.")
        return found

    def _emulator(self) -> str:
        with self.connection.use() as connection:
            described = connection.getDomainCapabilities(None, "x86_64", "q35", self._virt)
        return described.partition("<path>")[2].partition("</path>")[0]

    def post_live_migration_at_destination(self, spec: GuestSpec, *, work: Work) -> None:
        """Define the guest that came, so that it outlives its QEMU."""
        with self._watcher.order(spec.id):
            found = self.who_runs(GuestRef(id=spec.id, name=spec.name))
            if found.state not in ("running", "paused"):
                raise GuestNotFound
            work.checkpoint()
            spec = self.entries.through(spec)
            files = self.storage.files(spec.id)
            self._domains.define(self._xml(spec, files, self.storage.owner(files)))
            self._plugging.hold_on(spec.id, spec.disks)
            work.checkpoint()
            self.tunnels.close(spec.id)
            self._drop_note(spec.id)

    def rollback_live_migration_at_destination(self, ref: GuestRef, *, work: Work) -> None:
        """Close the tunnel, so that nothing comes any more, then see what came."""
        with self._watcher.order(ref.id):
            work.checkpoint()
            known = self._journey(ref.id)
            if self.who_runs(ref).state in ("running", "paused"):
                raise GuestRuns
            if said := self.tunnels.log(ref.id):
                log.warning("a guest did not come", guest=ref.id, tunnel=said)
            self.tunnels.close(ref.id)
            self._settle(ref, until=lambda found: found.state != "paused_incoming", seconds=2.0)
            if self.who_runs(ref).state in ("running", "paused"):
                raise GuestRuns
            if known is not None and not known.leaves:
                self._leave_no_trace(ref, known, work)

    # -- the old host

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
        """Tell what became of the guest; raise TransientDriverError where the other host must be asked."""
        known, lost = self._journey(ref.id), self.tunnels.is_held(ref.id)
        found = self._settle(
            ref,
            until=lambda one: (
                lost or (not one.moving and one.state not in ("paused_outgoing", "unknown"))
            ),
        )
        stays = error is not None and error.get_error_code() == libvirt.VIR_ERR_OPERATION_ABORTED
        if found.state == "paused_outgoing" and stays and known is not None and known.held:
            self.resume_source(ref, work=Unguarded())
            found = self.who_runs(ref)
        if found.state in ("paused_outgoing", "unknown") or found.moving:
            raise TransientDriverError(
                "The other host has to say whether it has the guest.",
                detail=str(error or found.state),
            )
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
        self._drop_note(ref.id)
        return LiveResult(
            id=ref.id,
            outcome="aborted",
            reason=asked,
            sentence=_sentence(asked, error, found.state),
            seconds=seconds,
        )

    def end_journey(self, guest_id: str) -> None:
        """Let a guest come or go no more, which is taken away."""
        self.tunnels.close(guest_id)
        self._drop_note(guest_id)

    def _close_tunnel(self, guest_id: str) -> None:
        """End a guest's tunnel; that it cannot be ended just now is no failure of the migration."""
        with suppress(DriverError):
            self.tunnels.close(guest_id)

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
            known = self._journey(ref.id)
            if self.who_runs(ref).state in ("running", "paused"):
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
            self._close_tunnel(ref.id)
            self._drop_note(ref.id)

    # -- both

    def who_runs(self, ref: GuestRef) -> RunsHere:
        """Look at the domain: one that comes is transient, one that goes is not."""
        try:
            domain = self._domains.find(ref.id)
            if domain is None:
                return RunsHere(id=ref.id, state="absent")
            with self.connection.use():
                state, reason = domain.state()
                here = domain.isPersistent() == 1
            moving = is_moving(LiveJob(self.connection, domain).stats())
        except GuestNotFound:
            return RunsHere(id=ref.id, state="absent")
        except DriverError:
            return RunsHere(id=ref.id, state="unknown")
        said = self._state(ref.id, state, reason, here=here, moving=moving)
        return RunsHere(id=ref.id, state=said, moving=moving)

    def _state(
        self, guest_id: str, state: int, reason: int, *, here: bool, moving: bool
    ) -> RunsState:
        if state in (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED):
            return "off"
        if state != libvirt.VIR_DOMAIN_PAUSED:
            return "running"
        if not here:
            return "paused_incoming" if reason in _COMING or moving else "paused"
        known = self._journey(guest_id)
        held = known is not None and known.leaves and known.held
        return "paused_outgoing" if reason in _AWAY or held else "paused"

    def _settle(
        self, ref: GuestRef, *, until: Callable[[RunsHere], bool], seconds: float = SETTLE
    ) -> RunsHere:
        """Wait until libvirt knows what became of a guest, for so long at most."""
        deadline = time.monotonic() + seconds
        while not until(found := self.who_runs(ref)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def _leave_no_trace(self, ref: GuestRef, known: Journey, work: Work) -> None:
        """Take a guest away. Its QEMU ends before its tunnel: a libvirt that waits would let it go on."""
        if not known.shared:
            self.destroy(ref, work=work)
        else:
            domain = self._domains.find(ref.id)
            if domain is not None:
                name = self._domains.name(domain)
                work.checkpoint()
                self._domains.pull_plug(ref.id)
                self._forget(ref.id, name)
            self.entries.drop(ref.id)
            self.end_journey(ref.id)
            self.storage.remove_outside(self.storage.files(ref.id))

    # -- what is noted

    def _journey(self, guest_id: str) -> Journey | None:
        return read_record(self._noted(guest_id), lambda record: Journey(**record))

    def _note(self, guest_id: str, journey: Journey) -> None:
        make_directory(self.state_dir / "journeys")
        write_atomically(self._noted(guest_id), json.dumps(_said(journey)))

    def _note_held(self, guest_id: str) -> None:
        known = self._journey(guest_id)
        if known is not None and not known.paused:
            self._note(guest_id, replace(known, held=True))

    def _drop_note(self, guest_id: str) -> None:
        forget(self._noted(guest_id))

    def _noted(self, guest_id: str) -> Path:
        return self.state_dir / "journeys" / f"{file_name(guest_id)}.json"


def _said(journey: Journey) -> Mapping[str, Any]:
    return {name: getattr(journey, name) for name in Journey.__slots__}


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


def _faults_are_allowed() -> bool:
    """Tell whether QEMU, which is not root, may fetch memory when the guest asks for it."""
    with suppress(OSError):
        return USERFAULTS.read_text().strip() == "1"
    return False
