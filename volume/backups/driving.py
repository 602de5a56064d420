"""What a driver must be able to do for backups: hold a volume at one moment, read that, and write a whole volume."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from cloudweb.driver import Work
from volume.backups.objects import BackupPoint
from volume.backups.restoring import Target
from volume.backups.taking import Source
from volume.objects import VolumeRef


class Backups(ABC):
    """Capability ``backups``: of volumes in use, too. Like all of a driver, each method is idempotent."""

    @abstractmethod
    def hold_point(self, point: BackupPoint, *, work: Work) -> None:
        """Hold what the source holds now, while it goes on being written; one that is held stays as it is.

        Raises NoSuchVolume, NoSuchSnapshot.
        """

    @abstractmethod
    def reading(self, point: BackupPoint) -> AbstractContextManager[Source]:
        """Open a point that is held, for reading. Raises NoSuchPoint."""

    @abstractmethod
    def release_point(self, point: BackupPoint, *, work: Work) -> None:
        """Hold it no longer; the volume goes on."""

    @abstractmethod
    def writing(self, volume: VolumeRef) -> AbstractContextManager[Target]:
        """Open a volume that nobody uses, for writing; it is durable when this is left. Raises VolumeInUse."""
