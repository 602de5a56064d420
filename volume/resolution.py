"""From rows to what a volume's host is told. Rows count in GiB, hosts in bytes."""

from __future__ import annotations

import secrets
import uuid
from typing import cast

from cloudweb.context import RequestContext
from cloudweb.encryption import decrypt, encrypt
from cloudweb.image_cache.source import ImageSource
from image.manager import ImageManager
from volume.exceptions import SourceGone
from volume.models import Snapshot, Volume, VolumeTypeEncryption
from volume.objects import Format, SnapshotRef, VolumeEncryption, VolumeRef, VolumeSpec

GIB = 1024**3
DEFAULT_FORMAT: Format = "qcow2"


def host_of(volume: Volume) -> str:
    """Return the host that keeps a volume."""
    assert volume.pool is not None
    return volume.pool.host


def volume_ref(volume: Volume) -> VolumeRef:
    """Name a volume that has a pool."""
    assert volume.pool is not None
    return VolumeRef(
        id=str(volume.name_id or volume.id),
        backend=volume.pool.backend,
        pool=volume.pool.name,
        format=cast("Format", volume.format or DEFAULT_FORMAT),
    )


def snapshot_ref(snapshot: Snapshot, volume: Volume) -> SnapshotRef:
    """Name a snapshot of a volume."""
    return SnapshotRef(id=str(snapshot.id), volume=volume_ref(volume))


def volume_spec(volume: Volume, *, empty: bool = False) -> VolumeSpec:
    """Return a volume as it shall be made; an image by a URL that is signed anew each time.

    ``empty``: whatever it was made of.
    """
    return VolumeSpec(
        ref=volume_ref(volume),
        size=volume.size * GIB,
        source=None if empty else _source(volume),
        encryption=encryption_of(volume.volume_type_id, passphrase_of(volume)),
    )


def passphrase_of(volume: Volume) -> str:
    """Return what opens a volume that is encrypted; nothing for one that is not."""
    return decrypt(volume.encryption_key) if volume.encryption_key else ""


def new_key() -> str:
    """Return what opens a volume that is encrypted from now on, as its row keeps it."""
    return encrypt(secrets.token_urlsafe(48))


def encrypts(type_id: uuid.UUID) -> bool:
    """Tell whether volumes of a type are encrypted."""
    return VolumeTypeEncryption.objects.filter(volume_type=type_id).exists()


def encryption_of(type_id: uuid.UUID, passphrase: str) -> VolumeEncryption | None:
    """Return how a volume with this key, if any, is encrypted, as its type said when it was made or says now."""
    if not passphrase:
        return None
    said = VolumeTypeEncryption.objects.filter(volume_type=type_id).first()
    facts = {"cipher": said.cipher, "key_size": said.key_size} if said else {}
    return VolumeEncryption(
        passphrase=passphrase,
        **{name: value for name, value in facts.items() if value is not None},
    )


def _source(volume: Volume) -> ImageSource | VolumeRef | SnapshotRef | None:
    if volume.snapshot_id is not None:
        snapshot = (
            Snapshot.objects.filter(id=volume.snapshot_id).select_related("volume__pool").first()
        )
        if snapshot is None or snapshot.volume.pool is None:
            raise SourceGone("snapshot", volume.snapshot_id)
        return snapshot_ref(snapshot, snapshot.volume)
    if volume.source_volume_id is not None:
        source = Volume.objects.filter(id=volume.source_volume_id).select_related("pool").first()
        if source is None or source.pool is None:
            raise SourceGone("volume", volume.source_volume_id)
        return volume_ref(source)
    return image_source(volume, str(volume.image_id)) if volume.image_id is not None else None


def tenant_of(volume: Volume) -> RequestContext:
    """Return who sees what a volume's project may see, not what the cloud may."""
    return RequestContext(
        user_id=volume.user_id or None, project_id=volume.project_id, roles=frozenset({"reader"})
    )


def image_source(volume: Volume, image_id: str) -> ImageSource:
    """Return an image that a volume's project may see, as a host fetches it."""
    found = ImageManager(tenant_of(volume)).location(image_id)
    return ImageSource(
        id=found.id,
        url=found.url,
        sha512=found.sha512,
        size=found.size,
        disk_format=found.disk_format,
        virtual_size=found.virtual_size,
    )
