"""What a host has of a guest that comes or goes, and what it notes of it.

A guest's definition is transient on its new host until the control plane said that it is its guest: so one that
comes and one that goes are told apart, whatever was killed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libvirt

from cloudweb.driver import DriverError, Work
from cloudweb.files import make_directory, write_atomically
from cloudweb.records import forget, read_record
from compute.drivers.base import GuestNotFound
from compute.drivers.libvirt.entries import Entries
from compute.drivers.libvirt.files import GuestFiles, file_name
from compute.drivers.libvirt.live_checks import LiveChecks
from compute.drivers.libvirt.live_job import LiveJob, is_moving
from compute.drivers.libvirt.offers import wire_of
from compute.drivers.libvirt.tunnels import Tunnels
from compute.live_objects import RunsHere, RunsState
from compute.objects import GuestRef, GuestSpec

if TYPE_CHECKING:
    from compute.drivers.libvirt.plugging import Plugging
    from compute.drivers.libvirt.watcher import Watcher

#: So long it is awaited that libvirt knows what became of a guest. Seconds.
SETTLE = 20.0
_AWAY = (
    libvirt.VIR_DOMAIN_PAUSED_MIGRATION,
    libvirt.VIR_DOMAIN_PAUSED_POSTCOPY,
    libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
)
_COMING = (libvirt.VIR_DOMAIN_PAUSED_MIGRATION, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)


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


class LiveState(LiveChecks):
    """What both sides have; the rest of the driver gives what is named here."""

    entries: Entries
    _watcher: Watcher
    _plugging: Plugging

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
                self._close_tunnel(ref.id)
                self._forget(ref.id, name)
            self.entries.drop(ref.id)
            self.end_journey(ref.id)
            files = self.storage.files(ref.id)
            self.storage.remove_outside(files)
            self.storage.give_up(files)

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

    def end_journey(self, guest_id: str) -> None:
        """Let a guest come or go no more, which is taken away."""
        self.tunnels.close(guest_id)
        self._drop_note(guest_id)

    def _close_tunnel(self, guest_id: str) -> None:
        """End a guest's tunnel; that it cannot be ended just now is no failure of the migration."""
        with suppress(DriverError):
            self.tunnels.close(guest_id)


def _said(journey: Journey) -> Mapping[str, Any]:
    return {name: getattr(journey, name) for name in Journey.__slots__}
