"""What the control plane tells a host about guests, and what a host tells about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field

from cloudweb.image_cache.source import ImageSource
from cloudweb.objects import IncompatibleObject, Part, VersionedObject, unless_used
from compute.live_progress import LiveProgress
from compute.topology_objects import GuestCell, GuestProcessors, NumaCell

Data = dict[str, Any]


class DiskSource(Part):
    """Where a disk is that is no file of the guest's own; each kind says what it needs.

    ``nbd_unix``: ``path`` of the socket, which is given to the guest, and ``export``.
    ``nbd_tls``: ``address``, ``port``, ``export`` and ``tls_name``, which the server's certificate names.
    ``rbd``: ``pool``, ``image``, ``monitors`` ("host:port") and, where Ceph asks for it, ``user`` with
    its ``secret`` in base64. ``fake``: of a simulated host. What is ``encrypted`` there, by LUKS, the guest's
    own QEMU opens with the ``passphrase``, which no host writes down.
    """

    kind: Literal["nbd_unix", "nbd_tls", "rbd", "fake"]
    path: str = ""
    export: str = ""
    address: str = ""
    port: int = 0
    tls_name: str = ""
    pool: str = ""
    image: str = ""
    monitors: tuple[str, ...] = ()
    user: str = ""
    secret: str = Field("", repr=False)
    encrypted: bool = False
    passphrase: str = Field("", repr=False)


class DiskThrottle(Part):
    """What a guest may ask of a disk each second, 0 is without limit; ``_max`` in a burst of one second."""

    total_bytes_sec: int = 0
    read_bytes_sec: int = 0
    write_bytes_sec: int = 0
    total_iops_sec: int = 0
    read_iops_sec: int = 0
    write_iops_sec: int = 0
    total_bytes_sec_max: int = 0
    read_bytes_sec_max: int = 0
    write_bytes_sec_max: int = 0
    total_iops_sec_max: int = 0
    read_iops_sec_max: int = 0
    write_iops_sec_max: int = 0
    size_iops_sec: int = 0


class GuestDisk(Part):
    """A disk of the guest; ``image`` None is an empty one. ``size`` in bytes.

    One with a ``source`` is attached: it is not made and not deleted with the guest. The guest finds
    it by its ``serial``, of which it sees twenty characters; ``device`` is the name it is asked for by
    ("vdb"), which a guest may give otherwise.
    """

    name: str = "root"
    image: ImageSource | None = None
    size: int
    bus: Literal["virtio"] = "virtio"
    source: DiskSource | None = None
    serial: str = ""
    device: str = ""
    throttle: DiskThrottle | None = None
    read_only: bool = False


#: What disks did not say before 1.1.
_NEW_IN_DISKS = ("source", "serial", "device", "throttle", "read_only")


def _without_attached_disks(data: Data) -> Data:
    """Make a specification readable for a host that knows files of its own alone."""
    disks = data["disks"]
    if any(disk.get(key) for disk in disks for key in _NEW_IN_DISKS):
        raise IncompatibleObject(detail="an attached disk cannot be said in an older minor")
    return {
        **data,
        "disks": [{k: disk[k] for k in disk if k not in _NEW_IN_DISKS} for disk in disks],
    }


def _spec_without_attached_disks(data: Data) -> Data:
    spec = data["spec"]
    return {**data, "spec": spec and _without_attached_disks(spec)}


def _without_encrypted_disks(data: Data) -> Data:
    """Make a specification readable for a host that opens no encrypted disk."""
    return {**data, "disks": [_without_encryption(disk) for disk in data["disks"]]}


def _spec_without_encrypted_disks(data: Data) -> Data:
    spec = data["spec"]
    return {**data, "spec": spec and _without_encrypted_disks(spec)}


def _disk_without_encryption(data: Data) -> Data:
    return {**data, "disk": _without_encryption(data["disk"])}


def _without_encryption(disk: Data) -> Data:
    source = disk.get("source")
    if source is None:
        return disk
    if source.get("encrypted"):
        raise IncompatibleObject(detail="an encrypted disk cannot be said in an older minor")
    new = ("encrypted", "passphrase")
    return {**disk, "source": {k: value for k, value in source.items() if k not in new}}


class GuestInterface(Part):
    """A network card: the tap is made by the network driver before the guest starts."""

    port_id: str
    mac: str
    tap: str
    mtu: int = 1500


class DirectBoot(Part):
    """Boot a kernel without firmware and boot loader."""

    kernel: ImageSource
    ramdisk: ImageSource | None = None
    cmdline: str = ""


class RescueDisk(Part):
    """What a guest is started from in place of its own disks, which it finds beside it.

    ``stable``: its own keep their places and names, and this one comes behind them; else it is the first.
    """

    image: ImageSource
    size: int
    device: Literal["disk", "cdrom"] = "disk"
    bus: Literal["virtio", "scsi", "sata", "usb"] = "virtio"
    stable: bool = False
    direct_boot: DirectBoot | None = None


class ConfigDrive(Part):
    """Files of the config drive (ISO 9660, label config-2): path -> base64 of the content."""

    files: dict[str, str]


def _without_agent(data: Data) -> Data:
    """Make a specification readable for a host that gives no guest a way to its agent: it has none there."""
    return {key: value for key, value in data.items() if key != "guest_agent"}


def _spec_without_agent(data: Data) -> Data:
    spec = data["spec"]
    return {**data, "spec": spec and _without_agent(spec)}


def _without_rescue(data: Data) -> Data:
    """Make a specification readable for a host that rescues no guest: of one that it shall, it cannot be."""
    if data.get("rescue"):
        raise IncompatibleObject(detail="a rescue disk cannot be said in an older minor")
    return {key: value for key, value in data.items() if key != "rescue"}


def _spec_without_rescue(data: Data) -> Data:
    spec = data["spec"]
    return {**data, "spec": spec and _without_rescue(spec)}


_WITHOUT_CELLS = unless_used("cells", default=[])
_WITHOUT_PROCESSORS = unless_used("processors", default=None)


def _without_topology(data: Data) -> Data:
    """Make a specification readable for a host that pins no guest: one that shall be cannot be said."""
    return _WITHOUT_PROCESSORS(_WITHOUT_CELLS(data))


def spec_without_topology(data: Data) -> Data:
    """Do so with what holds a specification."""
    return {**data, "spec": data["spec"] and _without_topology(data["spec"])}


class GuestSpec(VersionedObject):
    """A guest as it shall be. ``name`` is what the hypervisor calls it (instance-0000002a).

    ``guest_agent``: QEMU's agent runs in it, and is given a way to its host. ``rescue``: what it is
    started from for as long as it is rescued; the rest stays what it is otherwise. ``cells``: its NUMA
    cells, and where of this host each lies; of one without it runs on what is shared by all.
    """

    VERSION: ClassVar[str] = "1.5"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: _without_attached_disks,
        2: _without_agent,
        3: _without_encrypted_disks,
        4: _without_rescue,
        5: _without_topology,
    }

    id: str
    name: str
    project_id: str
    vcpus: int = Field(ge=1)
    ram: int = Field(ge=1)  # MiB
    disks: tuple[GuestDisk, ...] = ()
    interfaces: tuple[GuestInterface, ...] = ()
    config_drive: ConfigDrive | None = None
    direct_boot: DirectBoot | None = None
    guest_agent: bool = False
    rescue: RescueDisk | None = None
    cells: tuple[GuestCell, ...] = ()
    processors: GuestProcessors | None = None


class GuestRef(VersionedObject):
    """Names a guest in an order that needs nothing more."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str


class RebootRequest(VersionedObject):
    """Reboot: soft asks the guest and turns hard after ``timeout`` seconds.

    ``spec`` rebuilds the domain where the host lost it (hard reboot only).
    """

    VERSION: ClassVar[str] = "1.5"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: _spec_without_attached_disks,
        2: _spec_without_agent,
        3: _spec_without_encrypted_disks,
        4: _spec_without_rescue,
        5: spec_without_topology,
    }

    id: str
    name: str
    kind: Literal["SOFT", "HARD"]
    timeout: int = 60
    spec: GuestSpec | None = None


PowerState = Literal["nostate", "running", "paused", "shutdown", "crashed", "suspended"]


class GuestState(VersionedObject):
    """A guest as a host sees it."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    power_state: PowerState


#: What inventories did not say before 1.2.
_NEW_IN_INVENTORIES = ("traits", "images", "cells")


def _without_traits(data: Data) -> Data:
    """Make an inventory readable for a control plane that places servers by size alone."""
    return {key: data[key] for key in data if key not in _NEW_IN_INVENTORIES}


#: What cells did not say before 1.3.
_NEW_IN_CELLS = ("shared", "dedicated", "siblings", "pages")


def _with_older_cells(data: Data) -> Data:
    """Make an inventory readable for a control plane that pins no guests."""
    cells = [{key: cell[key] for key in cell if key not in _NEW_IN_CELLS} for cell in data["cells"]]
    return {**data, "cells": cells}


class HostInventory(VersionedObject):
    """What a host has: sent when it changes or is asked for. Sizes in MiB (ram) and GiB (disk).

    ``traits`` are OpenStack's names of what guests find there (HW_CPU_X86_AVX2); ``images`` are the ids
    of those whose files are there already. ``self_fence``: after so many seconds without an answer it
    stops its guests; 0: never.
    """

    VERSION: ClassVar[str] = "1.3"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        3: _with_older_cells,
        2: _without_traits,
        1: lambda data: {key: value for key, value in data.items() if key != "self_fence"},
    }

    driver: str
    capabilities: tuple[str, ...]
    hypervisor_type: str
    hypervisor_version: int
    architecture: str = "x86_64"
    cpu_model: str = ""
    accelerated: bool = False  # KVM was probed and works
    vcpus: int
    ram: int
    disk: int
    guests: tuple[GuestState, ...] = ()
    self_fence: int = 0
    traits: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    cells: tuple[NumaCell, ...] = ()


class HostLoad(VersionedObject):
    """What is free on a host now; rides on every report. MiB and GiB.

    ``uptime`` is the line that the command of this name prints; empty where the machine tells none.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
        1: lambda data: {key: value for key, value in data.items() if key != "uptime"}
    }

    ram_free: int
    disk_free: int
    guests: int
    uptime: str = ""


class GuestChange(Part):
    """A guest that changed by itself; ``power_state`` in libvirt's words, as in GuestState.

    ``number`` counts the changes of one start of the agent: each is taken once, however often it is told.
    """

    number: int
    id: str
    power_state: str


class SeenGuest(Part):
    """A guest and what it has: ``taps`` are its cards, ``disks`` the serials of what is attached.

    They are empty for one that does not run: it gets them at its next start.
    """

    id: str
    name: str
    power_state: PowerState
    taps: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()


class HostSurvey(VersionedObject):
    """All that a host has of guests at a time (Unix), for whoever knows what it should have.

    ``traces`` are the ids of guests of which there are files or records, known to the hypervisor or not.
    """

    VERSION: ClassVar[str] = "1.0"

    at: float
    guests: tuple[SeenGuest, ...] = ()
    traces: tuple[str, ...] = ()


def _without_self_fence(data: Data) -> Data:
    """Make a report readable for a control plane that knows no hosts which stop their guests."""
    inventory = data["inventory"]
    return {**data, "inventory": inventory and HostInventory.DOWNGRADES[1](inventory)}


class ComputeReport(VersionedObject):
    """The compute agent's part of a report.

    ``inventory`` is there when it changed, is asked for, or was not told for a minute; ``at`` (Unix
    time) is when the host looked, 0 while it has not started yet what ran before it went down.
    ``start`` names the start of the agent that the numbers of ``changes`` belong to.
    ``problems`` are sentences for the operator: what the host cannot put right by itself. ``moving`` are
    guests that it brings to other hosts, and how far each is.
    ``survey`` is told now and then.
    """

    VERSION: ClassVar[str] = "1.5"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        5: lambda data: {
            **data,
            "inventory": data["inventory"] and _with_older_cells(data["inventory"]),
        },
        4: lambda data: {
            **data,
            "inventory": data["inventory"] and _without_traits(data["inventory"]),
        },
        3: _without_self_fence,
        2: lambda data: {key: value for key, value in data.items() if key != "survey"},
        1: lambda data: {key: value for key, value in data.items() if key != "moving"},
    }

    start: str = ""
    at: float = 0.0
    measured: HostLoad
    inventory: HostInventory | None = None
    changes: tuple[GuestChange, ...] = ()
    problems: tuple[str, ...] = ()
    moving: tuple[LiveProgress, ...] = ()
    survey: HostSurvey | None = None


class PowerOffRequest(VersionedObject):
    """Power off: asked for first, after ``timeout`` seconds the plug is pulled."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    timeout: int = 60


class AttachDiskRequest(VersionedObject):
    """Give a guest one more disk, while it runs or for its next start."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: _disk_without_encryption}

    id: str
    name: str
    disk: GuestDisk


class DetachDiskRequest(VersionedObject):
    """Take the disk of this serial from a guest; one that runs has ``timeout`` seconds to let go of it."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    serial: str
    timeout: int = 60


class AttachInterfaceRequest(VersionedObject):
    """Give a guest one more network card, while it runs or for its next start; its tap is there."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    interface: GuestInterface


class DetachInterfaceRequest(VersionedObject):
    """Take the card of this port from a guest; one that runs has ``timeout`` seconds to let go of it.

    ``tap`` is what the hypervisor knows the card by: the port itself may be gone.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    port_id: str
    tap: str
    timeout: int = 60


class ResizeDiskRequest(VersionedObject):
    """Tell a guest that the disk of this serial has grown to ``size`` bytes."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    serial: str
    size: int


class WipeRequest(VersionedObject):
    """Take the disks of a guest's own from it, all but those of these names; ``spec`` is what it becomes."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: spec_without_topology}

    id: str
    name: str
    keep: tuple[str, ...] = ()
    spec: GuestSpec


class CacheRequest(VersionedObject):
    """Have an image at hand, for guests that are to come."""

    VERSION: ClassVar[str] = "1.0"

    image: ImageSource


class PasswordRequest(VersionedObject):
    """Have the agent in a guest set a user's password; no ``user`` is the administrator."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    user: str = ""
    password: str = Field(repr=False)


class SwapDiskRequest(VersionedObject):
    """Let a guest that runs go over from what is under a disk (``before``) to something else (``disk``).

    The guest knows both by the same serial, and sees no change. ``disk.name`` tells them apart.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    before: GuestDisk
    disk: GuestDisk


class SwapState(VersionedObject):
    """Whether a guest has gone over; where it has not, its disk is what it was."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    swapped: bool


class EndMirrorRequest(VersionedObject):
    """Write what a guest writes to the disk of this serial to nothing else any more.

    ``target`` is the name of what it was to go over to.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    serial: str
    target: str


_WITHOUT_PAUSE = unless_used("pause", default=False)
_WITHOUT_AGENT = unless_used("agent", default=True)


class FreezeRequest(VersionedObject):
    """Hold a guest still, in the name of a wish, for so many seconds at most.

    ``agent``: its file systems, by the agent in it; ``pause``: all of it, after that.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: lambda data: _WITHOUT_AGENT(_WITHOUT_PAUSE(data))
    }

    id: str
    name: str
    wish: str
    seconds: int = Field(ge=1, le=600)
    agent: bool = True
    pause: bool = False


class ThawRequest(VersionedObject):
    """Let a guest that is held still go on, or one that is not."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    wish: str


class FreezeState(VersionedObject):
    """Whether a guest's file systems are held still; of thawed ones, whether they were until then.

    ``paused`` says the same of all of the guest. ``reason`` is a sentence for the tenant where
    something that was asked for was not so.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: lambda data: {key: value for key, value in data.items() if key != "paused"}
    }

    id: str
    held: bool
    reason: str = ""
    paused: bool = False


class ConsoleRequest(VersionedObject):
    """Ask for the last ``length`` lines of a guest's console; None for all that is kept."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    length: int | None = None


class ConsoleText(VersionedObject):
    """What a guest printed."""

    VERSION: ClassVar[str] = "1.0"

    text: str


class ConsoleOpening(VersionedObject):
    """Whose console somebody will look at, and which: its serial line or its screen."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    kind: Literal["serial", "vnc"]


class ConsoleEntry(VersionedObject):
    """Where a host lets look: its Unix socket, and by TLS where it has an address; with what ticket, once."""

    VERSION: ClassVar[str] = "1.0"

    path: str
    address: str = ""
    port: int = 0
    ticket: str = Field(repr=False)
