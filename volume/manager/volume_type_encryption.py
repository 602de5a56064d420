"""How volumes of a type are encrypted."""

from __future__ import annotations

from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.exceptions import (
    VolumeTypeEncryptionExists,
    VolumeTypeEncryptionNotFound,
    VolumeTypeNotFound,
)
from volume.manager.volume_type import Identifier, check_unused, number
from volume.models import VolumeType, VolumeTypeEncryption


class EncryptionChanges(TypedDict, total=False):
    """What may change on the encryption of a type."""

    provider: str
    cipher: str | None
    key_size: int | None
    control_location: str


class VolumeTypeEncryptionManager(Manager):
    """The encryption of a type; it changes only while no volume is of the type."""

    @policy("volume:type_encryption:get")
    def find(self, type_id: Identifier) -> VolumeTypeEncryption | None:
        """Return how a type is encrypted, None if it is not; raise VolumeTypeNotFound."""
        row = VolumeType.objects.filter(pk=number(type_id)).select_related("encryption").first()
        if row is None:
            raise VolumeTypeNotFound(type_id)
        return getattr(row, "encryption", None)

    @policy("volume:type_encryption:create")
    def create(
        self,
        type_id: Identifier,
        *,
        provider: str,
        cipher: str | None = None,
        key_size: int | None = None,
        control_location: str = "front-end",
    ) -> VolumeTypeEncryption:
        """Encrypt the volumes of a type; raise VolumeTypeEncryptionExists, VolumeTypeInUse."""
        try:
            with transaction.atomic():
                row = _unused(type_id)
                return VolumeTypeEncryption.objects.create(
                    volume_type=row,
                    provider=provider,
                    cipher=cipher,
                    key_size=key_size,
                    control_location=control_location,
                )
        except IntegrityError as error:
            raise VolumeTypeEncryptionExists(type_id) from error

    @policy("volume:type_encryption:update")
    def update(
        self, type_id: Identifier, encryption_id: Identifier, **changes: Unpack[EncryptionChanges]
    ) -> VolumeTypeEncryption:
        """Encrypt them otherwise; raise VolumeTypeEncryptionNotFound, VolumeTypeInUse."""
        with transaction.atomic():
            found = _encryption(_unused(type_id), encryption_id)
            for name, value in changes.items():
                setattr(found, name, value)
            found.updated_at = now()
            found.save(update_fields=[*changes, "updated_at"])
        return found

    @policy("volume:type_encryption:delete")
    def delete(self, type_id: Identifier, encryption_id: Identifier) -> None:
        """Encrypt them no longer; raise VolumeTypeEncryptionNotFound, VolumeTypeInUse."""
        with transaction.atomic():
            _encryption(_unused(type_id), encryption_id).delete()


def _unused(type_id: Identifier) -> VolumeType:
    row = locked(VolumeType.objects.filter(pk=number(type_id))).first()
    if row is None:
        raise VolumeTypeNotFound(type_id)
    check_unused(row)
    return row


def _encryption(row: VolumeType, encryption_id: Identifier) -> VolumeTypeEncryption:
    """Return the encryption of a type by its id; older clients write ``provider`` in its place."""
    found = VolumeTypeEncryption.objects.filter(volume_type=row).first()
    if found is None or encryption_id not in ("provider", str(found.id)):
        raise VolumeTypeEncryptionNotFound(row.id)
    return found
