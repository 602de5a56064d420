"""Guests that come to this host while they run: what is made ready for them, kept, or taken back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import structlog

from cloudweb.driver import DriverError, TransientDriverError, Work
from compute.drivers.base import GuestNotFound, GuestRuns
from compute.drivers.libvirt.daemon import MACHINE_SOCKETS, Daemon, answers
from compute.drivers.libvirt.files import GuestFiles
from compute.drivers.libvirt.live_state import Journey, LiveState
from compute.drivers.libvirt.offers import wire_of
from compute.live_objects import LiveOffer, OwnDisk, PrepareRequest, RunsHere
from compute.objects import GuestDisk, GuestRef, GuestSpec
from compute.tunnels.domains import reaches

log = structlog.get_logger(__name__)
#: The group of processes that libvirt puts guests in.
PARTITION = "/machine"
USERFAULTS = Path("/proc/sys/vm/unprivileged_userfaultfd")
WHOLE = ("running", "paused")


class LibvirtArriving(LiveState):
    """What the libvirt driver does of it on the new host."""

    daemon: Daemon

    def pre_live_migration(
        self, request: PrepareRequest, *, images: Mapping[str, Path], work: Work
    ) -> LiveOffer:
        """Make empty disks for those that are copied, all else as for a start, and open the tunnel's exit."""
        spec, copied = request.spec, [disk for disk in request.disks if disk.copied]
        ref = GuestRef(id=spec.id, name=spec.name)
        with self._watcher.order(spec.id):
            self._clear_the_way(ref, work)
            if not self.storage.may_be_shared:  # others may be asked about the same directory
                self._drop_tokens()
            work.checkpoint()
            self.storage.check_room()
            files = self.storage.files(spec.id)
            if copied and files.home.exists():
                raise DriverError(
                    "The host has files of this server already; they may be those that it runs from.",
                    detail=str(files.home),
                )
            self._note(spec.id, Journey(leaves=False, shared=self.storage.is_others(files)))
            self.storage.make_home(files)
            for disk in copied:
                work.checkpoint()
                self._make_empty(files, disk)
            self._write_boot_files(spec, files, images)
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
        self._check_known(found)
        if found.state in WHOLE:
            raise GuestRuns
        if known is None and found.state != "absent":
            raise DriverError("The host has a guest of this id already.", detail=found.state)
        if known is not None:
            self._leave_no_trace(ref, known, work)

    def _make_empty(self, files: GuestFiles, disk: OwnDisk) -> None:
        """Make a disk as large as the guest's, and nothing in it."""
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
            files = self.storage.files(spec.id)
            self.storage.claim(files)
            found = self.who_runs(GuestRef(id=spec.id, name=spec.name))
            self._check_known(found)
            if found.state not in WHOLE:  # it came, and died
                self.end_journey(spec.id)
                raise GuestNotFound
            work.checkpoint()
            spec = self.entries.through(spec)
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
            if self.who_runs(ref).state in WHOLE:
                self._has_it(ref)
            if said := self.tunnels.log(ref.id):
                log.warning("a guest did not come", guest=ref.id, tunnel=said)
            self.tunnels.close(ref.id)
            self._settle(ref, until=lambda found: found.state != "paused_incoming", seconds=2.0)
            found = self.who_runs(ref)
            if found.state in WHOLE:
                self._has_it(ref)
            self._check_known(found)
            if known is not None and not known.leaves:
                self._leave_no_trace(ref, known, work)

    @staticmethod
    def _check_known(found: RunsHere) -> None:
        if found.state == "unknown":  # it may run, while its libvirt is away
            raise TransientDriverError("The host cannot tell now whether it has the guest.")

    def _has_it(self, ref: GuestRef) -> NoReturn:
        """Raise GuestRuns: from now on who loses the guest, too, sees that the files which it shares are ours."""
        self.storage.claim(self.storage.files(ref.id))
        raise GuestRuns


def _faults_are_allowed() -> bool:
    """Tell whether QEMU, which is not root, may fetch memory when the guest asks for it."""
    with suppress(OSError):
        return USERFAULTS.read_text().strip() == "1"
    return False
