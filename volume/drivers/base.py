"""What a volume driver must do, and what only some do.

Every method is idempotent (*ensure*, not *create*), takes one payload and raises DriverError (final) or
TransientDriverError (may work later). ``work.checkpoint()`` is called before every effect outside; what
was broken off at any of them is finished by the same call again, or taken back by ``delete``. The agent
does all work on one volume in turn. A capability is the fact of implementing its class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from cloudweb.driver import DriverError, TransientDriverError, Work
from volume.backups.driving import Backups
from volume.backups.objects import BackupPoint
from volume.objects import (
    CopyRequest,
    ExportRequest,
    Held,
    Leftover,
    Manageable,
    ManageRequest,
    PoolState,
    ReimageRequest,
    ResizeRequest,
    SnapshotManageRequest,
    SnapshotRef,
    SnapshotState,
    UnexportRequest,
    UnmanageRequest,
    VolumeConnection,
    VolumeRef,
    VolumeSpec,
    VolumeState,
)

#: Gives, for ids of volumes, what keeps all other work on them out.
VolumeLocks = Callable[..., AbstractContextManager[Any]]


#: Why a lock cannot be taken from somebody.
OTHERS_HAVE_IT = "A program of somebody else's has the volume open on its host: end it there."


class NoSuchVolume(DriverError):
    """The back end has no such volume."""

    code = "no_such_volume"
    default_message = "The host has no such volume."


class NoSuchSnapshot(DriverError):
    """The back end has no such snapshot."""

    code = "no_such_snapshot"
    default_message = "The host has no such snapshot."


class NoSuchPool(DriverError):
    """The order names a pool that this host does not have (any more)."""

    code = "no_such_pool"
    default_message = "The host has no such pool."


class VolumeInUse(DriverError):
    """Somebody may write to the volume, or something is made of it."""

    code = "volume_in_use"
    default_message = "The volume is in use on its host."


class MirrorBroken(TransientDriverError):
    """A copy of a volume in use fell behind, or nothing is copied: it is begun again."""

    code = "mirror_broken"
    default_message = "The copy of the volume broke off."


class WrongKey(DriverError):
    """The passphrase is not the volume's."""

    code = "volume_key_wrong"
    default_message = "The volume's key does not open it."


class NoKey(DriverError):
    """The volume is encrypted, and this host was not told its passphrase, or not since it was started."""

    code = "volume_key_missing"
    default_message = "The host does not have the key of this encrypted volume."


class VolumeDriver(ABC):
    """The least that every driver does: one back end of one host."""

    #: False for a driver that needs no image files (a simulated one); the agent then fetches none.
    wants_images: ClassVar[bool] = True

    @abstractmethod
    def start(self) -> None:
        """Find what there is; raise DriverError when the back end cannot be used at all."""

    @abstractmethod
    def stop(self) -> None:
        """Let go of what is open; volumes in use stay in use."""

    @abstractmethod
    def pools(self) -> Sequence[PoolState]:
        """Return the pools as they are now; cheap, called at every report."""

    @abstractmethod
    def create(self, spec: VolumeSpec, *, image: Path | None, work: Work) -> VolumeState:
        """Make the volume exist with what its source holds; ``image`` is the local, read-only file."""

    @abstractmethod
    def delete(self, ref: VolumeRef, *, work: Work) -> None:
        """Make the volume and all of it absent. Raises VolumeInUse where somebody may write to it."""

    @abstractmethod
    def resize(self, request: ResizeRequest, *, work: Work) -> VolumeState:
        """Make the volume larger; one in use only by a driver with LiveResize. Raises NoSuchVolume."""

    @abstractmethod
    def export(self, request: ExportRequest, *, work: Work) -> VolumeConnection:
        """Let one attachment use the volume, beside those that already do. Raises NoSuchVolume."""

    @abstractmethod
    def unexport(self, request: UnexportRequest, *, work: Work) -> None:
        """Cut one attachment off at once: when this returns nothing more is written through it."""

    @abstractmethod
    def exports(self) -> Mapping[str, str]:
        """Return the attachments that may write now, each with its volume's id, as found."""

    @abstractmethod
    def get(self, ref: VolumeRef) -> VolumeState:
        """Return the volume; raise NoSuchVolume."""

    @abstractmethod
    def list(self) -> Sequence[VolumeState]:
        """Return all volumes of ours in this back end."""

    @abstractmethod
    def delete_everything(self) -> None:
        """Take everything of this installation out of the back end, in use or not (``make clean``)."""

    def problems(self) -> Sequence[str]:
        """Return one sentence for each thing that an operator must put right."""
        return ()

    def held(self) -> Held:
        """Return what lies in the back end; asked now and then, after ``tidy``."""
        found = self.list()
        return Held(
            volumes=tuple(one.id for one in found),
            snapshots=tuple(name for one in found for name in one.snapshots),
            attachments=tuple(self.exports()),
        )

    def clear(self, left: Leftover, *, work: Work) -> None:
        """Let something that is needed by nobody be gone; raise DriverError where that is not ours to do."""
        if left.kind != "point" or not isinstance(self, Backups):
            raise DriverError(f"This volume's back end knows of no {left.kind}.")
        self.release_point(BackupPoint(id=left.name, source=left.volume), work=work)

    def hand_over(self, ref: VolumeRef, *, work: Work) -> None:  # noqa: B027 - for who shares nothing
        """Forget that a volume is this host's to take away: it stays as it is, for another one."""

    def strays(self) -> Sequence[str]:
        """Return names of what is in the back end and belongs to no volume."""
        return ()

    def tidy(self, locks: VolumeLocks) -> None:  # noqa: B027 - for a driver that leaves nothing
        """Take away what could not be taken away before; called now and then.

        Work on volumes is done while ``locks`` of their ids are held.
        """


class Snapshots(ABC):
    """Capability ``snapshots``: of volumes in use, too."""

    @abstractmethod
    def snapshot(self, ref: SnapshotRef, *, work: Work) -> SnapshotState:
        """Make the snapshot hold what the volume holds now; one that is there stays as it is."""

    @abstractmethod
    def delete_snapshot(self, ref: SnapshotRef, *, work: Work) -> None:
        """Make the snapshot absent; what was made from it keeps what it holds."""


class SnapshotsTogether(Snapshots):
    """Capability ``snapshots_together``: of several volumes at one moment, whoever writes to them."""

    @abstractmethod
    def snapshot_together(self, refs: Sequence[SnapshotRef], *, work: Work) -> None:
        """Make all snapshots hold what their volumes hold at one moment.

        What was written to one of them after something written to another was confirmed is held only
        if that is. Where some are there and others not, all are taken anew.
        """


class Revert(ABC):
    """Capability ``revert``."""

    @abstractmethod
    def revert(self, ref: SnapshotRef, *, work: Work) -> VolumeState:
        """Make a volume that nobody uses hold what its newest snapshot holds, at its present size."""


class Reimage(ABC):
    """Capability ``reimage``."""

    @abstractmethod
    def reimage(self, request: ReimageRequest, *, image: Path | None, work: Work) -> None:
        """Make a volume that nobody uses hold what an image does, and zeros after that.

        ``image`` is the local, read-only file. What is broken off leaves some of both, until it is done again.
        An encrypted volume has been opened. Raises NoSuchVolume, VolumeInUse, and DriverError for an image
        that is larger.
        """


class Clones(ABC):  # noqa: B024 - what it means is in ``create``
    """Capability ``clones``: ``create`` takes volumes, also those in use, and snapshots as sources."""


class CopiesInUse(ABC):
    """Capability ``copies_in_use``: a volume is copied while guests have it, and they go over to the copy.

    Who serves them goes on serving them; it writes elsewhere.
    """

    @abstractmethod
    def mirror(self, request: CopyRequest, *, work: Work) -> None:
        """Begin to copy; what is written from now on goes to both. Raises NoSuchVolume."""

    @abstractmethod
    def mirrored(self, request: CopyRequest) -> tuple[int, int]:
        """Return bytes done and bytes in all, equal once nothing is missing; raise MirrorBroken."""

    @abstractmethod
    def follow(self, request: CopyRequest, *, decided: Callable[[], None], work: Work) -> None:
        """Let who has the volume use the copy alone, and take away what the volume was.

        ``decided`` is called when there is no way back. Raises MirrorBroken where something is missing.
        """

    @abstractmethod
    def end_mirror(self, request: CopyRequest, *, work: Work) -> None:
        """Write to the copy no more; not asked for once they followed."""


class LiveResize(ABC):  # noqa: B024
    """Capability ``live_resize``: ``resize`` takes volumes in use; the guest is told by its own host."""


class MultiAttach(ABC):  # noqa: B024
    """Capability ``multiattach``: several attachments may write at the same time."""


class Manages(ABC):
    """Capability ``manage``: what others left in a pool becomes a volume, and a volume is left to others.

    Whatever breaks off, what the volume holds is there under one of the two names at least, and the same
    call, or the other one, goes on from there.
    """

    @abstractmethod
    def manageable(self, pool: str, name: str = "") -> Sequence[Manageable]:
        """Return what is nobody's in a pool, all or that of one name, looked at more closely then."""

    @abstractmethod
    def manage(self, request: ManageRequest, *, work: Work) -> VolumeState:
        """Let it be a volume; raise DriverError, which says why, for what cannot be one."""

    @abstractmethod
    def unmanage(self, request: UnmanageRequest, *, work: Work) -> None:
        """Leave a volume that nobody uses, and that has no snapshots, on its own feet under another name."""


class ManagesSnapshots(ABC):
    """Capability ``manage_snapshots``: the same of snapshots that others took of our volumes."""

    @abstractmethod
    def manageable_snapshots(self, pool: str, volume_id: str = "") -> Sequence[Manageable]:
        """Return the snapshots that are nobody's, of all volumes or of one."""

    @abstractmethod
    def manage_snapshot(self, request: SnapshotManageRequest, *, work: Work) -> SnapshotState:
        """Let it be a snapshot of ours; raise NoSuchSnapshot."""

    @abstractmethod
    def unmanage_snapshot(self, request: SnapshotManageRequest, *, work: Work) -> None:
        """Let a snapshot be nobody's."""


class Encryption(ABC):
    """Capability ``encryption``: ``create`` takes ``encryption``.

    ``export``, and ``resize`` at rest, take the passphrase, or raise WrongKey, NoKey. It is known for as
    long as the volume is in use, in memory: what serves the volume may be started again by an ``export``
    without it. What is made of the volume has its key. What is read and written is always plain.
    """

    @abstractmethod
    def opened(self, volume: VolumeRef, passphrase: str) -> AbstractContextManager[None]:
        """Let an encrypted volume that nobody uses be read and written as a whole; raise NoKey, WrongKey."""


def opened(
    driver: VolumeDriver, volume: VolumeRef, passphrase: str
) -> AbstractContextManager[None]:
    """Let a volume that nobody uses be read and written as a whole; one without a passphrase always can."""
    if not passphrase:
        return nullcontext()
    if not isinstance(driver, Encryption):
        raise DriverError("This volume's back end has no encrypted volumes.")
    return driver.opened(volume, passphrase)


CAPABILITIES: Mapping[str, type] = {
    "backups": Backups,
    "clones": Clones,
    "copies_in_use": CopiesInUse,
    "encryption": Encryption,
    "live_resize": LiveResize,
    "manage": Manages,
    "manage_snapshots": ManagesSnapshots,
    "multiattach": MultiAttach,
    "reimage": Reimage,
    "revert": Revert,
    "snapshots": Snapshots,
    "snapshots_together": SnapshotsTogether,
}


def capabilities(driver: VolumeDriver) -> tuple[str, ...]:
    """Return the names of what a driver can do beyond the least."""
    return tuple(sorted(name for name, kind in CAPABILITIES.items() if isinstance(driver, kind)))
