"""What the control plane tells a host about volumes, and what a host tells about its pools.

Sizes are in bytes. A volume is named by its id wherever it is kept: ``volume-<id>``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.image_cache.source import ImageSource
from cloudweb.objects import Data, Part, VersionedObject, unless_used

Format = Literal["raw", "qcow2"]
Mode = Literal["rw", "ro"]
Kind = Literal["nbd_unix", "nbd_tls", "rbd", "fake"]


class VolumeRef(VersionedObject):
    """Names a volume and where it is: a pool of one back end of the host that is told.

    ``format`` is that of its file, where the back end keeps volumes in files.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    backend: str
    pool: str = "default"
    format: Format = "qcow2"


class SnapshotRef(VersionedObject):
    """Names a snapshot of a volume."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    volume: VolumeRef


class VolumeEncryption(Part):
    """LUKS: what is written to the volume is a cipher's, and whoever reads it needs the passphrase."""

    provider: Literal["luks"] = "luks"
    cipher: str = "aes-xts-plain64"
    key_size: int = 256
    passphrase: str = Field(repr=False)


class VolumeSpec(VersionedObject):
    """A volume as it shall be made: empty, or with what an image, a volume or a snapshot holds.

    A source that is smaller than ``size`` is followed by zeros.
    """

    VERSION: ClassVar[str] = "1.0"

    ref: VolumeRef
    size: int = Field(gt=0)
    source: ImageSource | VolumeRef | SnapshotRef | None = None
    encryption: VolumeEncryption | None = None


class VolumeState(VersionedObject):
    """A volume as its host has it; ``attachments`` are those that may use it now.

    ``allocated`` is what its own data takes, without what it shares with others.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    backend: str
    pool: str
    format: Format
    size: int
    allocated: int = 0
    attachments: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()


class ResizeRequest(VersionedObject):
    """Make the volume be of this size, never smaller than it is, in use or not.

    ``passphrase`` opens one that is encrypted.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: unless_used("passphrase", "")}
    SECRETS: ClassVar[tuple[str, ...]] = ("passphrase",)

    volume: VolumeRef
    size: int = Field(gt=0)
    passphrase: str = Field("", repr=False)


class SnapshotsRequest(VersionedObject):
    """Names snapshots of several volumes of one host, in any of its back ends, that belong together."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    snapshots: tuple[SnapshotRef, ...] = Field(min_length=1)


class SnapshotState(VersionedObject):
    """A snapshot as its host has it; ``size`` is its volume's at that time."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    volume_id: str
    size: int


class ExportRequest(VersionedObject):
    """Let the guests of one host use the volume through one attachment.

    ``epoch`` is the attachment's; ``to_address`` is where the host's connections come from. ``shared``
    says that others may have the volume at the same time; else who had it before is cut off.
    ``passphrase`` opens a volume that is encrypted; a host keeps it in memory alone.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: unless_used("passphrase", "")}
    SECRETS: ClassVar[tuple[str, ...]] = ("passphrase",)

    volume: VolumeRef
    attachment_id: str
    epoch: int = Field(ge=0)
    to_host: str
    to_address: str = ""
    mode: Mode = "rw"
    shared: bool = False
    passphrase: str = Field("", repr=False)


class UnexportRequest(VersionedObject):
    """Cut an attachment off: afterwards nobody writes through it, wherever its guest is.

    An export with a higher epoch stays.
    """

    VERSION: ClassVar[str] = "1.0"

    volume: VolumeRef
    attachment_id: str
    epoch: int = Field(ge=0)
    to_host: str = ""
    to_address: str = ""


class HandedOver(VersionedObject):
    """A volume of a storage that others reach, too: one of them has it since an epoch, as it is."""

    VERSION: ClassVar[str] = "1.0"

    volume: VolumeRef
    epoch: int


class UnlockRequest(VersionedObject):
    """Serve an encrypted volume again to whom it was exported: this opens it."""

    VERSION: ClassVar[str] = "1.0"
    SECRETS: ClassVar[tuple[str, ...]] = ("passphrase",)

    volume: VolumeRef
    passphrase: str = Field(repr=False)


_WITHOUT_FLAG = unless_used("encrypted", default=False)
_WITHOUT_KEY = unless_used("passphrase", "")


class VolumeConnection(VersionedObject):
    """How the host of a guest reaches a volume.

    nbd_unix: the socket ``path``. nbd_tls: ``address`` and ``port``, with a certificate in which the
    server is called ``tls_name``. Both: the export's name ``export``. rbd: ``image`` in ``rbd_pool``
    by the ``monitors``, as ``user`` with its ``secret`` (base64). fake: nothing is there. What is ``encrypted``
    the guest's own QEMU opens with the ``passphrase``.
    """

    VERSION: ClassVar[str] = "1.2"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: unless_used("secret", ""),
        2: lambda data: _WITHOUT_KEY(_WITHOUT_FLAG(data)),
    }
    SECRETS: ClassVar[tuple[str, ...]] = ("secret", "passphrase")

    attachment_id: str
    epoch: int
    volume_id: str
    kind: Kind
    size: int
    read_only: bool = False
    path: str = ""
    address: str = ""
    port: int = 0
    export: str = ""
    tls_name: str = ""
    rbd_pool: str = ""
    image: str = ""
    monitors: tuple[str, ...] = ()
    user: str = ""
    secret: str = Field("", repr=False)
    encrypted: bool = False
    passphrase: str = Field("", repr=False)


class CopyRequest(VersionedObject):
    """Let another volume hold what this one does; ``id`` is the copy's.

    ``target`` is how the host of ``volume`` reaches the other one, which is not smaller and was
    exported to it for this. ``passphrase`` opens ``volume``, if that is encrypted.
    """

    VERSION: ClassVar[str] = "1.2"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: unless_used("passphrase", ""),
        2: lambda data: {**data, "target": VolumeConnection.DOWNGRADES[2](data["target"])},
    }
    SECRETS: ClassVar[tuple[str, ...]] = ("passphrase",)

    id: str
    volume: VolumeRef
    target: VolumeConnection
    passphrase: str = Field("", repr=False)


class ReimageRequest(VersionedObject):
    """Make a volume that nobody uses hold what an image does, and zeros after that; its size stays.

    ``passphrase`` opens one that is encrypted.
    """

    VERSION: ClassVar[str] = "1.0"
    SECRETS: ClassVar[tuple[str, ...]] = ("passphrase",)

    volume: VolumeRef
    image: ImageSource
    passphrase: str = Field("", repr=False)


class ManageableRequest(VersionedObject):
    """What lies in a pool and is nobody's: volumes, or ``snapshots`` (of one volume, or of all).

    Only what has a name, or what comes after the last one that was told: its name, "\\0", its volume.
    """

    VERSION: ClassVar[str] = "1.0"

    backend: str
    pool: str
    snapshots: bool = False
    volume_id: str = ""
    name: str = ""
    after: str = ""


class Manageable(Part):
    """A volume of a back end, or a snapshot of ``volume_id``, that is nobody's.

    ``problem`` is why it cannot be managed; ``format`` how it is read.
    """

    name: str
    size: int
    problem: str = ""
    format: str = ""
    volume_id: str = ""


class ManageableFound(VersionedObject):
    """What is nobody's, sorted; there is ``more`` after the last one."""

    VERSION: ClassVar[str] = "1.0"

    found: tuple[Manageable, ...] = ()
    more: bool = False


class ManageRequest(VersionedObject):
    """Let what the back end calls ``name`` be a volume, of at least ``size``."""

    VERSION: ClassVar[str] = "1.0"

    volume: VolumeRef
    name: str
    size: int = Field(gt=0)


class UnmanageRequest(VersionedObject):
    """Let a volume be nobody's, under this name, or another one where that is taken."""

    VERSION: ClassVar[str] = "1.0"

    volume: VolumeRef
    name: str


class SnapshotManageRequest(VersionedObject):
    """Let what the back end calls ``name`` be a snapshot, or a snapshot be nobody's under that name."""

    VERSION: ClassVar[str] = "1.0"

    snapshot: SnapshotRef
    name: str


class PoolState(Part):
    """A pool as its host measures it; ``capabilities`` are names of what its driver can do.

    ``storage_id`` is the same for pools that are one storage which several hosts reach; ``problem``
    is why it takes nothing new.
    """

    backend: str
    name: str
    driver: str
    protocol: str
    total: int
    free: int
    capabilities: tuple[str, ...] = ()
    storage_id: str = ""
    problem: str = ""


class Leftover(VersionedObject):
    """Something that lies with a volume, and is needed only while somebody is at work on that.

    ``point``: what the volume held at a moment, called after who reads it. ``bitmap``: a list of what was
    written since some time, in the volume's file. ``lock``: who has it keeps others from writing, or wants to.
    """

    VERSION: ClassVar[str] = "1.0"

    kind: Literal["point", "bitmap", "lock"]
    volume: VolumeRef
    name: str = ""


class Held(Part):
    """Ids of what lies in a host's back ends, and of who may use it, as found in those that work (``backends``).

    ``left`` is what is there only for who is at work; who knows what is worked on says whether it should be.
    """

    volumes: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    left: tuple[Leftover, ...] = ()


class VolumeReport(VersionedObject):
    """The volume agent's part of a report.

    ``pools`` is there when they changed, are asked for, or were not told for a minute; ``strays``, then
    too, name what belongs to no volume. ``problems`` are sentences for the operator. ``locked`` are the
    volumes that are not served for want of their passphrase, as after a reboot. ``held`` is told now and
    then: what is on the host, for who knows what should be.
    """

    VERSION: ClassVar[str] = "1.4"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        4: lambda data: _held_without(data, "left"),
        3: lambda data: _held_without(data, "backends"),
        2: lambda data: {key: value for key, value in data.items() if key != "held"},
        1: lambda data: {key: value for key, value in data.items() if key != "locked"},
    }

    pools: tuple[PoolState, ...] | None = None
    problems: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    held: Held | None = None


def _held_without(data: Data, name: str) -> Data:
    held = data.get("held")
    if held is None:
        return data
    return {**data, "held": {key: value for key, value in held.items() if key != name}}
