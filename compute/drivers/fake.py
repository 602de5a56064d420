"""Guests in memory: for ``DRIVERS=fake``, for tests, and to simulate thousands of hosts in a process."""

from __future__ import annotations

import json
import threading
from builtins import list as List  # noqa: N812  the class below has a method named list
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.faults import Faults
from compute import traits
from compute.drivers.base import (
    ConsoleLog,
    DiskInUse,
    DiskNotFound,
    Freeze,
    GuestIsOff,
    GuestListener,
    GuestNotFound,
    HotPlug,
    Hypervisor,
    NotFrozen,
    Pause,
    Suspend,
    capabilities,
)
from compute.drivers.cells import simulated
from compute.drivers.fake_cards import FakeCards
from compute.drivers.fake_consoles import FakeConsoles
from compute.drivers.fake_inside import FakeInside
from compute.drivers.fake_live import FakeLive
from compute.drivers.fake_rescue import FakeRescue
from compute.drivers.fake_resizing import FakeResizing
from compute.drivers.fake_snapshots import FakeSnapshots
from compute.drivers.fake_swapping import FakeSwapDisks
from compute.objects import (
    GuestDisk,
    GuestRef,
    GuestSpec,
    GuestState,
    HostInventory,
    HostLoad,
    PowerState,
    RebootRequest,
)

CONSOLE_LINES = 200
GIB = 1024**3


@dataclass(slots=True)
class FakeGuest:
    """What the fake host keeps of a guest; ``disks`` may be there before it is ``defined``."""

    id: str
    name: str
    ram: int  # MiB
    disk: int = 0  # bytes
    disks: List[str] = field(default_factory=List)
    images: List[str] = field(default_factory=List)  # that its disks were made from
    taps: List[str] = field(default_factory=List)
    volumes: dict[str, int] = field(default_factory=dict)  # serial -> size
    limits: dict[str, dict[str, int]] = field(default_factory=dict)  # serial -> its throttle
    beneath: dict[str, str] = field(default_factory=dict)  # serial -> what is under it
    mirrors: dict[str, str] = field(default_factory=dict)  # serial -> name
    snapshots: List[str] = field(default_factory=List)
    rescue: str = ""  # the image it was started from
    pins: List[int] = field(default_factory=List)  # processors of the host that it is kept on
    keeps: List[str] = field(default_factory=List)  # disks and cards it does not let go of
    written: str = ""  # on its own disks
    other: dict[str, Any] = field(default_factory=dict)  # disks that it has not, but may have again
    offered_to: str = ""
    incoming: bool = False  # expected from another host
    outgoing: bool = False  # held still for another host
    handed_over: bool = False  # only that one knows whether it came
    was: PowerState = "running"  # before it was held still
    agent: bool = False
    frozen: bool = False
    defined: bool = False
    power_state: PowerState = "shutdown"
    console: List[str] = field(default_factory=List)

    def say(self, *lines: str) -> None:
        """Print on the serial console, which keeps its newest lines."""
        self.console = [*self.console, *lines][-CONSOLE_LINES:]

    def take(self, disk: GuestDisk) -> None:
        """Have a disk, as it is said to be now."""
        self.volumes[disk.serial] = disk.size
        self.limits[disk.serial] = _limits(disk)
        self.beneath[disk.serial] = disk.name

    def lose(self, serial: str) -> bool:
        """Have a disk no more; tell whether it was there."""
        for known in (self.limits, self.beneath, self.mirrors):
            known.pop(serial, None)
        return self.volumes.pop(serial, None) is not None


class FakeDriver(
    FakeRescue,
    Hypervisor,
    ConsoleLog,
    HotPlug,
    FakeCards,
    Pause,
    Suspend,
    Freeze,
    FakeConsoles,
    FakeSnapshots,
    FakeSwapDisks,
    FakeInside,
    FakeResizing,
    FakeLive,
):
    """A host whose guests are records; with ``state_dir`` they outlive the process.

    ``faults`` orders delays, failures and hangs by method name, from code or through
    ``<state_dir>/faults.json``; ``crash`` lets a guest die by itself.
    """

    wants_images: ClassVar[bool] = False

    def __init__(
        self,
        state_dir: Path | None = None,
        host: str = "fake",
        *,
        vcpus: int = 64,
        ram: int = 256 * 1024,
        disk: int = 4096,
    ) -> None:
        self.host, self.vcpus, self.ram, self.disk = host, vcpus, ram, disk
        self.cells = simulated(cpus=vcpus, ram=ram)
        self.faults = Faults(None if state_dir is None else state_dir / "faults.json")
        self._home = None if state_dir is None else state_dir / "fake_guests"  # a file for each
        self._lock = threading.RLock()
        self._guests: dict[str, FakeGuest] = {}
        self._listener: GuestListener | None = None
        self._start_live()

    def start(self, listener: GuestListener) -> None:
        """Find the guests of an earlier run again."""
        with self.faults.around("start", Unguarded()), self._lock:
            if self._home is not None:
                found = [FakeGuest(**json.loads(path.read_text())) for path in self._records()]
                self._guests = {guest.id: guest for guest in found}
                self._expected = {guest.id for guest in found if guest.incoming}
            self._listener = listener

    def stop(self) -> None:
        """Tell nobody any more."""
        self._listener = None

    def spawn(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Make the guest exist and run."""
        with self.faults.around("spawn", work):
            with self._lock:
                guest = self._guests.get(spec.id)
            if guest is not None and guest.defined and guest.power_state == "running":
                return self._state(guest)
            work.checkpoint()
            with self._lock:
                guest = self._new(spec.id, spec.name, spec.ram)
                own = [disk for disk in spec.disks if disk.source is None]
                guest.disk = sum(disk.size for disk in own)
                guest.disks = [disk.name for disk in own]
                guest.images = [disk.image.id for disk in own if disk.image]
                guest.rescue = ""
                guest.taps = [interface.tap for interface in spec.interfaces]
                self._save(guest)
            work.checkpoint()
            with self._lock:
                guest.defined = True
                self._save(guest)
            work.progress(50, "defined")
            work.checkpoint()
            return self._boot(guest, spec)

    def destroy(self, ref: GuestRef, *, work: Work) -> None:
        """Forget the guest."""
        with self.faults.around("destroy", work):
            work.checkpoint()
            with self._lock:
                if ref.id in self._guests:
                    self._drop(ref.id)

    def power_on(self, spec: GuestSpec, *, work: Work) -> GuestState:
        """Make the guest run; define it again if only its disks are left."""
        with self.faults.around("power_on", work):
            guest = self._guests.get(spec.id)
            if guest is None:
                raise GuestNotFound
            if guest.power_state == "running":
                return self._state(guest)
            work.checkpoint()
            guest.defined = True
            return self._boot(guest, spec)

    def power_off(self, ref: GuestRef, *, timeout: float, work: Work) -> GuestState:
        """Stop the guest at once: simulated guests obey."""
        with self.faults.around("power_off", work):
            guest = self._find(ref.id)
            if guest.power_state != "shutdown":
                work.checkpoint()
                self._set(guest, "shutdown", "fake-guest: shutting down")
            return self._state(guest)

    def reboot(self, request: RebootRequest, *, work: Work) -> GuestState:
        """Boot the guest anew; hard, it may have been lost and is defined again from its spec."""
        with self.faults.around("reboot", work):
            guest = self._guests.get(request.id)
            lost = guest is None or not guest.defined
            if guest is None or (lost and (request.kind == "SOFT" or request.spec is None)):
                raise GuestNotFound
            work.checkpoint()
            guest.defined = True
            return self._boot(guest, request.spec)

    def pause(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Halt the guest."""
        return self._go(ref.id, "pause", "paused", {"running", "paused"}, work)

    def unpause(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Let it go on."""
        return self._go(ref.id, "unpause", "running", {"running", "paused"}, work)

    def suspend(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Note that it is suspended; what is on its console stays, as a real guest's would."""
        return self._go(ref.id, "suspend", "suspended", {"running", "paused", "suspended"}, work)

    def resume(self, spec: GuestSpec, *, work: Work) -> GuestState:
        """Let it go on; one that is off starts."""
        if self._find(spec.id).power_state in ("shutdown", "crashed"):
            return self.power_on(spec, work=work)
        return self._go(spec.id, "resume", "running", {"running", "paused", "suspended"}, work)

    def _go(
        self, guest_id: str, method: str, to: PowerState, where: Collection[str], work: Work
    ) -> GuestState:
        with self.faults.around(method, work):
            guest = self._find(guest_id)
            if guest.power_state not in where:
                raise GuestIsOff
            if guest.power_state != to:
                work.checkpoint()
                self._set(guest, to, f"fake-guest: {to}")
            return self._state(guest)

    def delete_everything(self) -> None:
        """Forget all guests."""
        with self._lock:
            for guest_id in [*self._guests]:
                del self._guests[guest_id]
                self._forget(guest_id)

    def get(self, guest_id: str) -> GuestState:
        """Return the guest."""
        with self.faults.around("get", Unguarded()):
            return self._state(self._find(guest_id))

    def list(self) -> Sequence[GuestState]:
        """Return all defined guests."""
        with self.faults.around("list", Unguarded()), self._lock:
            self._take_arrivals()
            guests = [guest for _, guest in sorted(self._guests.items()) if guest.defined]
            return [self._state(guest) for guest in guests]

    def traces(self) -> Sequence[str]:
        """Return all guests, those that are not defined too."""
        with self._lock:
            return [*self._guests]

    def inventory(self) -> HostInventory:
        """Return the capacity this host pretends to have."""
        with self.faults.around("inventory", Unguarded()):
            able, guests = capabilities(self), self._guests.values()
            return HostInventory(
                driver="fake",
                capabilities=able,
                hypervisor_type="fake",
                hypervisor_version=1000,
                cpu_model="fake",
                vcpus=self.vcpus,
                ram=self.ram,
                disk=self.disk,
                guests=tuple(self.list()),
                traits=tuple(sorted(traits.of_capabilities(able))),
                images=tuple(sorted({image for guest in guests for image in guest.images})),
                cells=self.cells,
            )

    def load(self) -> HostLoad:
        """Return what the guests leave free."""
        with self.faults.around("load", Unguarded()), self._lock:
            guests = self._guests.values()
            ram = sum(guest.ram for guest in guests if guest.power_state == "running")
            disk = -(-sum(guest.disk for guest in guests) // GIB)
            return HostLoad(
                ram_free=max(0, self.ram - ram),
                disk_free=max(0, self.disk - disk),
                guests=len(guests),
            )

    def console_output(self, ref: GuestRef, *, length: int | None) -> bytes:
        """Return the lines the simulated guest printed."""
        with self.faults.around("console_output", Unguarded()):
            lines = self._find(ref.id).console
        shown = lines if length is None else lines[len(lines) - min(length, len(lines)) :]
        return "".join(f"{line}\n" for line in shown).encode()

    def _name_of_running(self, ref: GuestRef) -> str:
        guest = self._find(ref.id)
        if guest.power_state != "running":
            raise ConnectionRefusedError
        return guest.name

    def attach_disk(self, ref: GuestRef, disk: GuestDisk, *, work: Work) -> None:
        """Give the guest a disk."""
        with self.faults.around("attach_disk", work):
            self._find(ref.id)
            work.checkpoint()
            with self._lock:
                guest = self._find(ref.id)
                guest.take(disk)
                self._set(guest, guest.power_state, f"fake-guest: disk {disk.serial} came")

    def detach_disk(self, ref: GuestRef, serial: str, *, timeout: float, work: Work) -> None:
        """Take the disk away, unless the guest runs and keeps it."""
        with self.faults.around("detach_disk", work):
            self._find(ref.id)
            work.checkpoint()
            with self._lock:
                guest = self._find(ref.id)
                if serial in guest.keeps and guest.power_state != "shutdown":
                    raise DiskInUse
                if guest.lose(serial):
                    self._set(guest, guest.power_state, f"fake-guest: disk {serial} went")

    def resize_disk(self, ref: GuestRef, serial: str, size: int, *, work: Work) -> None:
        """Note the new size."""
        with self.faults.around("resize_disk", work):
            self._find(ref.id)
            work.checkpoint()
            with self._lock:
                guest = self._find(ref.id)
                if serial not in guest.volumes:
                    raise DiskNotFound
                guest.volumes[serial] = size
                self._set(guest, guest.power_state, f"fake-guest: disk {serial} has {size} bytes")

    def freeze(self, ref: GuestRef, *, timeout: int, work: Work) -> None:
        """Note that nothing is written, where the guest runs and has an agent."""
        with self.faults.around("freeze", work):
            guest = self._find(ref.id)
            if guest.power_state != "running" or not guest.agent:
                raise NotFrozen
            work.checkpoint()
            with self._lock:
                guest.frozen = True
                self._set(guest, guest.power_state, "fake-guest: frozen")

    def thaw(self, ref: GuestRef, *, timeout: int) -> int:
        """Note that it goes on."""
        with self.faults.around("thaw", Unguarded()), self._lock:
            guest = self._find(ref.id)
            was, guest.frozen = guest.frozen, False
            if was:
                self._set(guest, guest.power_state, "fake-guest: thawed")
            return int(was)

    def is_frozen(self, guest_id: str) -> bool:
        """Tell whether a guest's file systems are held still."""
        return self._find(guest_id).frozen

    def attached_disks(self, guest_id: str) -> Mapping[str, int]:
        """Return the attached disks, all of them where a test looks at a guest that is off too."""
        return dict(self._find(guest_id).volumes)

    def throttles(self, guest_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return what the guest may ask of each attached disk."""
        return dict(self._find(guest_id).limits)

    def keep_device(self, guest_id: str, name: str) -> None:
        """Let a guest hold on to a disk (its serial) or a card (its tap) for as long as it runs."""
        self._find(guest_id).keeps.append(name)

    def crash(self, guest_id: str, power_state: PowerState = "crashed") -> None:
        """Let a guest die by itself (``crashed``) or power itself off (``shutdown``)."""
        self._set(self._find(guest_id), power_state, f"fake-guest: {power_state}")
        if self._listener is not None:
            self._listener(guest_id, power_state)

    def lose(self, guest_id: str) -> None:
        """Lose a guest's definition and keep its disks, as a host that was put up again does."""
        with self._lock:
            guest = self._find(guest_id)
            guest.defined, guest.power_state = False, "shutdown"
            self._save(guest)

    def census(self) -> Sequence[str]:
        """Return the ids of all there is anything of, half-made guests too."""
        return tuple(self._guests)

    def snapshots_of(self, guest_id: str) -> List[str]:
        """Return the names of a guest's copies."""
        guest = self._guests.get(guest_id)
        return [*guest.snapshots] if guest is not None else []

    def _with_snapshots(self, guest_id: str) -> FakeGuest:
        guest = self._guests.get(guest_id)
        if guest is None:
            raise GuestNotFound
        return guest

    def _note(self, guest_id: str, line: str) -> None:
        guest = self._guests[guest_id]
        self._set(guest, guest.power_state, line)

    def _new(self, guest_id: str, name: str, ram: int) -> FakeGuest:
        return self._guests.setdefault(guest_id, FakeGuest(id=guest_id, name=name, ram=ram))

    def _find(self, guest_id: str) -> FakeGuest:
        self._take_arrivals()
        guest = self._guests.get(guest_id)
        if guest is None or not guest.defined:
            raise GuestNotFound
        return guest

    def _boot(self, guest: FakeGuest, spec: GuestSpec | None) -> GuestState:
        if self._guests.get(guest.id) is not guest:
            raise DriverError("The guest was destroyed while it was being started.")
        guest.frozen = False
        if spec is not None:
            guest.taps = [interface.tap for interface in spec.interfaces]
            guest.pins = self._pins(guest.id, spec)
            guest.volumes, guest.limits, guest.beneath = {}, {}, {}
            for disk in spec.disks:
                if disk.source:
                    guest.take(disk)
            guest.keeps = []
            guest.agent = spec.guest_agent
        self._set(
            guest, "running", "fake-guest: userspace up", f"instance {guest.id}", "boot complete"
        )
        return self._state(guest)

    def _pins(self, guest_id: str, spec: GuestSpec) -> List[int]:
        """Return what the guest is pinned to; raise DriverError for what this host has not, or another guest has."""
        wanted = [pin for cell in spec.cells for pin in cell.pins]
        there = {cpu for cell in self.cells for cpu in cell.dedicated}
        others = [guest for guest in self._guests.values() if guest.id != guest_id]
        taken = {
            pin
            for guest in others
            if guest.power_state in ("running", "paused")
            for pin in guest.pins
        }
        if wrong := sorted({*wanted} - (there - taken)):
            raise DriverError(
                "The host has not the processors that the server is to be pinned to.",
                detail=f"{wrong} of {sorted(there)}, taken {sorted(taken)}",
            )
        return wanted

    def _set(self, guest: FakeGuest, power_state: PowerState, *lines: str) -> None:
        with self._lock:
            guest.frozen = guest.frozen and {guest.power_state, power_state} <= {
                "running",
                "paused",
            }
            guest.power_state = power_state
            if power_state not in ("running", "paused"):
                guest.mirrors = {}
            guest.say(*lines)
            self._save(guest)

    def _state(self, guest: FakeGuest) -> GuestState:
        return GuestState(id=guest.id, name=guest.name, power_state=guest.power_state)

    def _save(self, guest: FakeGuest) -> None:
        if self._home is None or self._guests.get(guest.id) is not guest:
            return
        self._home.mkdir(parents=True, exist_ok=True)
        draft = self._home / f"{guest.id}.new"
        draft.write_text(json.dumps(asdict(guest)))
        draft.replace(self._home / f"{guest.id}.json")

    def _forget(self, guest_id: str) -> None:
        if self._home is not None:
            (self._home / f"{guest_id}.json").unlink(missing_ok=True)

    def _records(self) -> Sequence[Path]:
        return sorted(self._home.glob("*.json")) if self._home is not None else ()


def _limits(disk: GuestDisk) -> dict[str, int]:
    said = disk.throttle.model_dump() if disk.throttle else {}
    return {name: limit for name, limit in said.items() if limit}
