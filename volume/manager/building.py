"""Volumes are made: what is asked for is checked, recorded and started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, Conflict, NotFound
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from image.manager import ImageManager
from volume import quota
from volume.exceptions import (
    InvalidSnapshot,
    InvalidVolume,
    InvalidVolumeInput,
    SnapshotNotFound,
    VolumeNotFound,
)
from volume.items import check_items
from volume.manager.group_fit import group_for
from volume.manager.volume_type import VolumeTypeManager
from volume.models import Group, Pool, Snapshot, Volume, VolumeType
from volume.needs import allows_several
from volume.operations import CreateVolume
from volume.resolution import encrypts, new_key
from volume.states import AT_REST, SnapshotStatus

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRequest:
    """What a volume shall be; ``size`` in GiB, None takes that of its source.

    Of ``image_id``, ``snapshot_id`` and ``source_volume_id`` at most one is set. ``hints`` are the
    scheduler's: ``same_host`` and ``different_host`` name volumes.
    """

    size: int | None = None
    name: str | None = None
    description: str | None = None
    volume_type: str | None = None
    zone: str | None = None
    image_id: str | None = None
    snapshot_id: str | None = None
    source_volume_id: str | None = None
    multiattach: bool = False
    group_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Source:
    """What a volume begins with: its columns, and the least size in GiB."""

    noun: str = ""
    size: int = 0
    columns: dict[str, Any] = field(default_factory=dict)
    volume_type: VolumeType | None = None


class VolumeBuilding(Manager):
    """Makes volumes in the caller's project."""

    @policy("volume:volumes:create")
    def create(self, wanted: VolumeRequest) -> Volume:
        """Record a new volume and start making it; see ``record``."""
        with transaction.atomic():
            return self._create(wanted)

    @policy("volume:volumes:create")
    def create_in(self, group: Group, wanted: VolumeRequest) -> Volume:
        """Do the same for a volume of a group that is being made; call inside ``atomic()``."""
        return self._create(replace(wanted, group_id=str(group.id)), makes_group=str(group.id))

    def _create(self, wanted: VolumeRequest, **args: str) -> Volume:
        volume = self.record(wanted)
        said = {"zone": wanted.zone, "hints": dict(wanted.hints), **args}
        CreateVolume.start(self.context, resource_id=str(volume.id), args=said)
        return volume

    @policy("volume:volumes:create")
    def record(self, wanted: VolumeRequest) -> Volume:
        """Record a new volume that ``CreateVolume`` will make, say as a child of another operation.

        Call inside ``atomic()``. Raises what is wrong with type, source or size, and QuotaExceeded.
        """
        project = self.context.scoped_project_id
        source = self._source(wanted)
        kind = self._type(wanted, source)
        size = _size(wanted, source)
        self._check_zone(wanted.zone)
        check_items(wanted.metadata)
        quota.check_size(project, size)
        quota.reserve(project, of=kind, volumes=1, gigabytes=size)
        return Volume.objects.create(
            project_id=project,
            user_id=self.context.user_id or "",
            name=wanted.name,
            description=wanted.description,
            size=size,
            volume_type=kind,
            zone=wanted.zone or "",
            multiattach=wanted.multiattach or allows_several(kind.extra_specs),
            metadata=dict(wanted.metadata),
            group=group_for(wanted.group_id, project_id=project, type_id=kind.id),
            **{**_secrecy(kind, source), **source.columns},
        )

    def _type(self, wanted: VolumeRequest, source: Source) -> VolumeType:
        if wanted.volume_type is None and source.volume_type is not None:
            return source.volume_type
        types = VolumeTypeManager(self.context)
        return types.default() if wanted.volume_type is None else types.named(wanted.volume_type)

    def _source(self, wanted: VolumeRequest) -> Source:
        said = [wanted.image_id, wanted.snapshot_id, wanted.source_volume_id]
        if sum(one is not None for one in said) > 1:
            raise BadRequest("A volume is made of one image, snapshot or volume, not of several.")
        if wanted.snapshot_id is not None:
            return self._snapshot(wanted.snapshot_id)
        if wanted.source_volume_id is not None:
            return self._volume(wanted.source_volume_id)
        if wanted.image_id is None:
            return Source()
        return image_as_source(self.context, wanted.image_id)

    def _snapshot(self, snapshot_id: str) -> Source:
        key = as_uuid(snapshot_id)
        rows = Snapshot.objects.visible_to(self.context)
        found = locked(rows.filter(id=key)).first() if key else None
        if found is None:
            raise SnapshotNotFound(snapshot_id)
        if found.status != SnapshotStatus.AVAILABLE:
            raise InvalidSnapshot(
                f"Originating snapshot status must be available, but it is {found.status}."
            )
        volume = Volume.objects.select_related("volume_type").get(id=found.volume_id)
        return Source(
            "snapshot",
            found.size,
            {"snapshot_id": found.id, **_inherited(volume)},
            volume.volume_type,
        )

    def _volume(self, volume_id: str) -> Source:
        key = as_uuid(volume_id)
        rows = Volume.objects.visible_to(self.context)
        found = locked(rows.filter(id=key)).first() if key else None
        if found is None:
            raise VolumeNotFound(volume_id)
        if found.status not in AT_REST:
            raise InvalidVolume(
                f"Originating volume status must be available or in-use, but it is {found.status}."
            )
        return Source(
            "volume",
            found.size,
            {"source_volume_id": found.id, **_inherited(found)},
            found.volume_type,
        )

    def _check_zone(self, zone: str | None) -> None:
        if zone is not None and not Pool.objects.filter(zone=zone).exists():
            raise InvalidVolumeInput(f"Availability zone '{zone[:80]}' is invalid.")


def image_as_source(context: RequestContext, image_id: str) -> Source:
    """Return what a volume has of an image; raise BadRequest for one that cannot be copied."""
    images = ImageManager(context)
    try:
        location, image = images.location(image_id), images.get(image_id)
    except (NotFound, Conflict) as error:
        raise BadRequest(error.message) from error
    facts = {
        "image_id": str(image.id),
        "image_name": image.name,
        "checksum": image.checksum,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "min_disk": str(image.min_disk),
        "min_ram": str(image.min_ram),
        "size": str(image.size),
    }
    columns = {
        "image_id": image.id,
        "image_metadata": {**image.shown_properties, **facts},
        "bootable": True,
    }
    least = max(location.min_disk, -(-location.virtual_size // GIB))
    return Source("image", least, columns)


def _secrecy(kind: VolumeType, source: Source) -> dict[str, Any]:
    """Return what a volume of a type that encrypts has: a key of its own, itself encrypted.

    A copy has its original's; raises InvalidVolumeInput for a type that would have it otherwise.
    """
    wanted = encrypts(kind.id)
    if source.columns.get("encrypted", wanted) != wanted:
        raise InvalidVolumeInput(
            f"Volume type {kind.name} {'encrypts' if wanted else 'does not encrypt'}, "
            f"unlike the {source.noun}."
        )
    return {"encrypted": True, "encryption_key": new_key()} if wanted else {}


def _inherited(volume: Volume) -> dict[str, Any]:
    """Return what a copy has of its original."""
    return {
        "encrypted": volume.encrypted,
        "encryption_key": volume.encryption_key,  # what is copied is what it encrypted
        "bootable": volume.bootable,
        "image_id": None,
        "image_metadata": volume.image_metadata,
    }


def _size(wanted: VolumeRequest, source: Source) -> int:
    size = wanted.size
    if size is None:
        if source.noun not in ("snapshot", "volume"):
            raise InvalidVolumeInput("The size of a new volume must be given.")
        return source.size
    if size < source.size:
        raise InvalidVolumeInput(
            f"Volume size {size}GB cannot be smaller than the {source.noun} size {source.size}GB."
        )
    return size
