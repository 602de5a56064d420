"""What hangs on a volume, beside the servers that have it and its snapshots: what was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from cloudweb.policy import policy
from image.manager import ImageManager
from volume.manager.lookup import VolumeLookups
from volume.models import Backup, Snapshot, Volume

#: So many of each kind are named.
NAMED = 20
#: The property of images that have no data, and name snapshots of volumes instead.
NAMES_SNAPSHOTS = "block_device_mapping"


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something that was made of a volume or of a snapshot of it.

    ``needs`` says that it is nothing without it; ``noun`` is a model of this app, or image.
    """

    noun: str
    id: str
    name: str
    status: str
    needs: bool = False


class VolumeDependents(VolumeLookups):
    """For operators, who see all projects."""

    @policy("volume:volumes:see_placement")
    def dependents(self, volume_id: str) -> Sequence[Dependent]:
        """Return backups, volumes and images that were made of a volume, some of each kind."""
        volume = self.get(volume_id)
        snapshots = [*Snapshot.objects.filter(volume=volume).values_list("id", flat=True)]
        made = Q(source_volume_id=volume.id) | Q(snapshot_id__in=snapshots)
        volumes = Volume.objects.filter(made).order_by("created_at", "id")
        backups = Backup.objects.filter(volume_id=volume.id).order_by("created_at", "id")
        return [
            *_shown("backup", backups[:NAMED]),
            *_shown("volume", volumes[:NAMED]),
            *self._images([str(key) for key in snapshots]),
        ]

    def _images(self, snapshots: Sequence[str]) -> Iterable[Dependent]:
        found = ImageManager(self.context).mentioning(NAMES_SNAPSHOTS, snapshots[:NAMED])
        return [
            Dependent("image", str(one.id), one.name or "", one.status, needs=True)
            for one in found[:NAMED]
        ]


def _shown(noun: str, rows: Iterable[Any]) -> list[Dependent]:
    return [Dependent(noun, str(one.id), one.name or "", one.status) for one in rows]
