"""What a hypervisor driver must do; more is a capability of its own.

Every method is idempotent (ensure and absent, never create and fail), takes one payload and raises
DriverError (final) or TransientDriverError (may work later). ``work.checkpoint()`` is called before
every effect outside. A capability is the fact of implementing its class; ``capabilities`` lists them.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, ClassVar

from cloudweb.driver import DriverError, Work
from compute.drivers.live import LiveMigrate as LiveMigrate
from compute.guest_use import GuestUse
from compute.objects import (
    GuestDisk,
    GuestInterface,
    GuestRef,
    GuestSpec,
    GuestState,
    HostInventory,
    HostLoad,
    RebootRequest,
)
from compute.resize_objects import DiskChoice, DiskOffer, OfferRequest, ReceiveRequest


class GuestNotFound(DriverError):
    """The hypervisor knows no such guest."""

    code = "guest_not_found"
    default_message = "The host has no such guest."


class GuestIsOff(DriverError):
    """The guest does not run, so there is nothing to halt."""

    code = "guest_is_off"
    default_message = "The guest does not run."


class GuestRuns(DriverError):
    """The guest runs, so its disks are its own alone."""

    code = "guest_runs"
    default_message = "The guest runs."


class HypervisorUnavailable(DriverError):
    """The hypervisor does not answer; the sentence says what an operator can do."""

    code = "hypervisor_unavailable"


class DiskInUse(DriverError):
    """The guest was asked for a disk again and again and kept it: it does not answer, or is paused."""

    code = "disk_in_use"
    default_message = (
        "The guest does not let go of the disk. It is still attached: unmount it there and detach it "
        "again, or stop the server first."
    )


class DiskNotFound(DriverError):
    """The guest has no such disk."""

    code = "disk_not_found"
    default_message = "The guest has no such disk."


class InterfaceInUse(DriverError):
    """The guest was asked for a card again and again and kept it: it does not answer, or is paused."""

    code = "interface_in_use"
    default_message = (
        "The guest does not let go of the network card. It is still attached: detach it again when the "
        "guest answers, or stop the server first."
    )


class NotFrozen(DriverError):
    """The guest's file systems cannot be held still: nobody in there does it, or the guest is off."""

    code = "not_frozen"
    default_message = "The server's guest agent does not answer."


class SnapshotNotFound(DriverError):
    """There is no such copy of the guest's disk."""

    code = "snapshot_not_found"
    default_message = "The copy of the server's disk is gone."


class NotMirrored(DriverError):
    """What a guest should go over to does not hold all that its disk does."""

    code = "not_mirrored"
    default_message = "The copy of the disk ended before the server could go over to it."


class PasswordNotSet(DriverError):
    """Nobody in the guest sets passwords, or it was refused there."""

    code = "password_not_set"
    default_message = "The server's guest agent does not answer."


#: Called with (guest id, new power state) when a guest changed by itself.
GuestListener = Callable[[str, str], None]


class Hypervisor(ABC):
    """The least that every driver does."""

    #: False for a driver that needs no image files (a simulated one); the agent then fetches none.
    wants_images: ClassVar[bool] = True

    @abstractmethod
    def start(self, listener: GuestListener) -> None:
        """Connect; tell ``listener`` from then on. Raises HypervisorUnavailable."""

    @abstractmethod
    def stop(self) -> None:
        """Disconnect; guests go on."""

    @abstractmethod
    def spawn(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Make the guest exist and run; ``images`` maps image ids to read-only local files."""

    @abstractmethod
    def destroy(self, ref: GuestRef, *, work: Work) -> None:
        """Make the guest and everything of it on this host (disks, logs) absent."""

    @abstractmethod
    def power_on(self, spec: GuestSpec, *, work: Work) -> GuestState:
        """Make the guest run; its disks are there already. Raises GuestNotFound when they are not."""

    @abstractmethod
    def power_off(self, ref: GuestRef, *, timeout: float, work: Work) -> GuestState:
        """Ask the guest to shut down, after ``timeout`` seconds pull the plug; keep its disks."""

    @abstractmethod
    def reboot(self, request: RebootRequest, *, work: Work) -> GuestState:
        """Reboot the guest, softly or hard."""

    @abstractmethod
    def delete_everything(self) -> None:
        """Take everything of this installation off the host, started or not (``make clean``)."""

    @abstractmethod
    def get(self, guest_id: str) -> GuestState:
        """Return the guest; raise GuestNotFound."""

    @abstractmethod
    def list(self) -> Sequence[GuestState]:
        """Return all guests of ours on this host (never foreign domains)."""

    @abstractmethod
    def traces(self) -> Sequence[str]:
        """Return the ids of all guests of ours that have anything here, known to the hypervisor or not."""

    @abstractmethod
    def inventory(self) -> HostInventory:
        """Return what the host has."""

    @abstractmethod
    def load(self) -> HostLoad:
        """Return what is free now; cheap, called at every report."""


class ConsoleLog(ABC):
    """Capability ``console_log``: the guest's serial output."""

    @abstractmethod
    def console_output(self, ref: GuestRef, *, length: int | None) -> bytes:
        """Return the last ``length`` lines (all that is kept for None). Raises GuestNotFound."""

    def trim_logs(self) -> None:  # noqa: B027 - a driver that keeps none outside has nothing to do
        """Keep what guests write within its limit; the host calls it every few seconds."""


class SerialConsole(ABC):
    """Capability ``serial_console``: the guest's serial line, which one at a time may hold."""

    @abstractmethod
    def connect_serial(self, ref: GuestRef) -> socket.socket:
        """Return a socket that is connected to it. Raises GuestNotFound; OSError while it does not run."""


class VncConsole(ABC):
    """Capability ``vnc_console``: the guest's screen, keyboard and pointer by the RFB protocol."""

    @abstractmethod
    def connect_vnc(self, ref: GuestRef) -> socket.socket:
        """Return a socket that is connected to it. Raises GuestNotFound; OSError while it does not run."""


class HotPlug(ABC):
    """Capability ``hot_plug``: disks that come and go while the guest runs.

    A disk is known by its serial. A guest that is off gets it, or loses it, for its next start.
    """

    @abstractmethod
    def attach_disk(self, ref: GuestRef, disk: GuestDisk, *, work: Work) -> None:
        """Give the guest the disk; of one that it has, it is held to the throttle.

        Raises GuestNotFound; DriverError where it has no place for it.
        """

    @abstractmethod
    def detach_disk(self, ref: GuestRef, serial: str, *, timeout: float, work: Work) -> None:
        """Make the disk absent: return when the guest let go of it. Raises GuestNotFound, DiskInUse."""

    @abstractmethod
    def resize_disk(self, ref: GuestRef, serial: str, size: int, *, work: Work) -> None:
        """Let the guest see the disk's new size (bytes). Raises GuestNotFound, DiskNotFound."""

    @abstractmethod
    def attached_disks(self, guest_id: str) -> Mapping[str, int]:
        """Return the size in bytes of each attached disk by its serial, 0 where the guest is off."""

    def tend_disks(self) -> None:  # noqa: B027 - a driver without helpers has nothing to do
        """See that what leads to attached disks is there, and that who found no room on one tries again."""


class InterfaceHotPlug(ABC):
    """Capability ``interface_hot_plug``: network cards that come and go while the guest runs.

    A card is known by its tap, which is there before the card comes and stays until it is gone. A guest
    that is off gets it, or loses it, for its next start.
    """

    @abstractmethod
    def attach_interface(self, ref: GuestRef, interface: GuestInterface, *, work: Work) -> None:
        """Give the guest the card. Raises GuestNotFound; DriverError where it has no place for it."""

    @abstractmethod
    def detach_interface(self, ref: GuestRef, tap: str, *, timeout: float, work: Work) -> None:
        """Make the card absent: return when the guest let go of it. Raises GuestNotFound, InterfaceInUse."""

    @abstractmethod
    def interfaces(self, guest_id: str) -> Sequence[str]:
        """Return the taps of the guest's cards, in their order. Raises GuestNotFound."""


class SwapDisks(ABC):
    """Capability ``swap_disks``: what is under an attached disk is exchanged while the guest uses it.

    Both are known by the same serial, and apart by ``disk.name``.
    """

    @abstractmethod
    def mirror_disk(self, ref: GuestRef, disk: GuestDisk, *, work: Work) -> None:
        """Let ``disk`` hold what the guest's disk of its serial does; return when nothing is missing.

        From then on what the guest writes is in both before it is told so. Raises GuestNotFound,
        GuestIsOff, DiskNotFound.
        """

    @abstractmethod
    def swap_disk(
        self, ref: GuestRef, disk: GuestDisk, *, decided: Callable[[], None], work: Work
    ) -> None:
        """Let the guest go over; ``decided`` is called before it does, for its next starts.

        Raises GuestNotFound, DiskNotFound, and NotMirrored: then all is as it was.
        """

    @abstractmethod
    def end_mirror(self, ref: GuestRef, serial: str, target: str, *, work: Work) -> None:
        """Write to the disk of name ``target`` no more; one that the guest went over to stays."""


class Pause(ABC):
    """Capability ``pause``: guests that are halted and go on."""

    @abstractmethod
    def pause(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Halt the guest; its memory stays. Raises GuestNotFound, GuestIsOff."""

    @abstractmethod
    def unpause(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Let the guest go on. Raises GuestNotFound, GuestIsOff."""


class Suspend(ABC):
    """Capability ``suspend``: guests whose memory is written to disk, so that they need none."""

    @abstractmethod
    def suspend(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Write the guest's memory to disk and end it. Raises GuestNotFound, GuestIsOff."""

    @abstractmethod
    def resume(self, spec: GuestSpec, *, work: Work) -> GuestState:
        """Let the guest go on; start it where its memory was lost. Raises GuestNotFound."""


class Password(ABC):
    """Capability ``set_password``: an agent inside the guest sets passwords."""

    @abstractmethod
    def set_password(self, ref: GuestRef, *, user: str, password: str) -> None:
        """Set it. Raises GuestNotFound, PasswordNotSet."""


class Interrupt(ABC):
    """Capability ``inject_nmi``: guests that are told to write down what they are doing, and panic."""

    @abstractmethod
    def inject_nmi(self, ref: GuestRef) -> None:
        """Send the guest an interrupt that it cannot mask. Raises GuestNotFound, GuestIsOff."""


class Diagnostics(ABC):
    """Capability ``diagnostics``: what guests use."""

    @abstractmethod
    def diagnose(self, ref: GuestRef) -> GuestUse:
        """Return it. Raises GuestNotFound, GuestIsOff."""


class Rescue(ABC):
    """Capability ``rescue``: guests started from another disk, which find their own beside it."""

    @abstractmethod
    def rescue(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Make the guest run from ``spec.rescue``, made anew unless it runs from it already.

        Raises GuestNotFound where its own disks are not there.
        """

    @abstractmethod
    def unrescue(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Make the guest be off, and absent what it was rescued with. Raises GuestNotFound."""


class Rebuild(ABC):
    """Capability ``rebuild``: guests that lose their disks and get others."""

    @abstractmethod
    def wipe(self, ref: GuestRef, *, keep: Collection[str], work: Work) -> None:
        """Make the guest be off and its own disks absent, but those of these names, and its boot files.

        What is attached stays. ``spawn`` makes others. A guest that is not there has none.
        """


class Freeze(ABC):
    """Capability ``freeze``: an agent inside the guest holds its file systems still.

    Whoever freezes sees that it is thawed in time, whatever happens: a frozen guest writes nothing.
    """

    @abstractmethod
    def freeze(self, ref: GuestRef, *, timeout: int, work: Work) -> None:
        """Hold the file systems still, all that was written being on the disks; wait ``timeout`` seconds.

        Raises GuestNotFound, NotFrozen, other DriverErrors; it may be frozen all the same, so thaw it.
        """

    @abstractmethod
    def thaw(self, ref: GuestRef, *, timeout: int) -> int:
        """Let them go on; return how many were held: 0 also for a guest that is off.

        Raises GuestNotFound; TransientDriverError where its agent does not answer.
        """


class Snapshots(ABC):
    """Capability ``snapshots``: copies of the disk that a guest boots from, which become images.

    A copy has a name and is whole (nothing of it is anywhere else), QCOW2, and the host's alone.
    """

    @abstractmethod
    def take_snapshot(
        self,
        ref: GuestRef,
        snapshot: str,
        *,
        still: Callable[[], AbstractContextManager[None]],
        work: Work,
    ) -> int:
        """Copy the disk as it is at one moment; return the size of the file, whole when this returns.

        The guest runs on. ``still`` is entered around the moment, which for a guest that does not run
        is any. A copy that is there is kept. Raises GuestNotFound, DriverError where there is no disk.
        """

    @abstractmethod
    def open_snapshot(self, ref: GuestRef, snapshot: str) -> BinaryIO:
        """Return a copy to read; raise SnapshotNotFound."""

    @abstractmethod
    def drop_snapshot(self, ref: GuestRef, snapshot: str, *, work: Work) -> None:
        """Make a copy absent, one that is being made too, whatever became of the guest."""


class Resize(ABC):
    """Capability ``resize``: guests that are off change their size, their host, or go back to what they were."""

    @abstractmethod
    def offer_disks(self, request: OfferRequest, *, work: Work) -> DiskOffer:
        """Let that host alone read the guest's own disks. Raises GuestNotFound, GuestRuns."""

    @abstractmethod
    def withdraw_disks(self, ref: GuestRef, *, work: Work) -> None:
        """Let nobody read them any more."""

    @abstractmethod
    def receive_disks(self, request: ReceiveRequest, *, work: Work) -> None:
        """Copy disks that another host offers, each whole or not at all; one that is there is kept."""

    @abstractmethod
    def choose_disks(self, choice: DiskChoice, *, work: Work) -> bool:
        """Let the guest have these disks; tell whether it had others, for which it is off then.

        The first to choose the new ones makes them: copies of what the guest has. What is forgotten
        already, or was never made, is no obstacle. Raises GuestNotFound.
        """

    @abstractmethod
    def resize(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Let a guest that is off be as specified; disks grow, none shrinks. Raises GuestNotFound.

        ``images`` are those it boots from directly. One that runs already is as it is.
        """


CAPABILITIES: Mapping[str, type] = {
    "console_log": ConsoleLog,
    "diagnostics": Diagnostics,
    "serial_console": SerialConsole,
    "vnc_console": VncConsole,
    "freeze": Freeze,
    "hot_plug": HotPlug,
    "inject_nmi": Interrupt,
    "live_migration": LiveMigrate,
    "interface_hot_plug": InterfaceHotPlug,
    "pause": Pause,
    "rebuild": Rebuild,
    "rescue": Rescue,
    "set_password": Password,
    "snapshots": Snapshots,
    "resize": Resize,
    "suspend": Suspend,
    "swap_disks": SwapDisks,
}


def capabilities(driver: Hypervisor) -> tuple[str, ...]:
    """Return the names of what a driver can do beyond the least."""
    return tuple(sorted(name for name, kind in CAPABILITIES.items() if isinstance(driver, kind)))
