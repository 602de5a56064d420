"""Transfers: a project offers a volume, another one that knows the key takes it, quota and all."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import UnknownMarker
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from volume import quota
from volume.exceptions import InvalidTransferKey, InvalidVolume, TransferNotFound
from volume.manager.lookup import VolumeLookups
from volume.manager.volume_type import Identifier, number
from volume.models import BackupSchedule, Snapshot, Transfer, Volume
from volume.querysets import TransferQuerySet
from volume.states import SnapshotStatus, VolumeStatus

#: Bytes of a key: nobody guesses it, so it needs no salt and no slow hash.
KEY_BYTES = 16


class Offer(NamedTuple):
    """A new transfer, and the key that is told this once."""

    transfer: Transfer
    key: str


class TransferManager(VolumeLookups):
    """Transfers of the volumes of the caller's project (of all, for an admin who says so)."""

    def _offered(self, *, all_projects: bool = True) -> TransferQuerySet:
        rows = Transfer.objects.visible_to(self.context)
        return rows if all_projects else rows.filter(project_id=self.context.project_id or "")

    @policy("volume:transfers:list")
    def list(self, listing: Listing = EVERYTHING, *, all_projects: bool = False) -> Page[Transfer]:
        """Return a page of what the project offers; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            last = self._offered().filter(pk=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(self._offered(all_projects=all_projects), listing, last=last)

    @policy("volume:transfers:get")
    def find(self, transfer_id: Identifier) -> Transfer:
        """Return a transfer; raise TransferNotFound."""
        found = self._offered().filter(pk=number(transfer_id)).first()
        if found is None:
            raise TransferNotFound(transfer_id)
        return found

    @policy("volume:transfers:create")
    def create(
        self,
        *,
        volume_id: str,
        name: str | None = None,
        with_snapshots: bool = True,
        encrypted: bool = True,
    ) -> Offer:
        """Offer a volume that is available; raise VolumeNotFound, InvalidVolume.

        Snapshots that do not go along are in the way: they would be of a volume that is somebody
        else's. ``encrypted``: also one that is encrypted.
        """
        key = secrets.token_hex(KEY_BYTES)
        with self._held(volume_id, "transfer") as volume:
            if volume.encrypted and not encrypted:
                raise InvalidVolume("transferring encrypted volume is not supported.")
            if volume.group_id is not None:
                raise InvalidVolume(f"Volume {volume.id} is in group {volume.group_id}.")
            _check_snapshots(volume, with_snapshots=with_snapshots)
            Transfer.objects.filter(volume=volume).delete()  # of a volume whose status was reset
            made = Transfer.objects.create(
                volume=volume,
                project_id=volume.project_id,
                name=name,
                key_hash=_hash(key),
                with_snapshots=with_snapshots,
            )
            _write(volume, status=VolumeStatus.AWAITING_TRANSFER)
        return Offer(made, key)

    @policy("volume:transfers:delete")
    def withdraw(self, transfer_id: Identifier) -> None:
        """Offer a volume no longer; raise TransferNotFound."""
        with transaction.atomic():
            found = locked(self._offered().filter(pk=number(transfer_id))).first()
            if found is None:
                raise TransferNotFound(transfer_id)
            volume = locked(Volume.objects.filter(pk=found.volume_id)).get()
            found.delete()
            if volume.status == VolumeStatus.AWAITING_TRANSFER:
                _write(volume, status=VolumeStatus.AVAILABLE)

    @policy("volume:transfers:accept")
    def accept(self, transfer_id: Identifier, *, key: str) -> Transfer:
        """Take a volume that somebody offers into the caller's project.

        Raises TransferNotFound, InvalidTransferKey, InvalidVolume, QuotaExceeded.
        """
        project = self.context.scoped_project_id
        with transaction.atomic():
            found = locked(Transfer.objects.filter(pk=number(transfer_id))).first()
            if found is None:
                raise TransferNotFound(transfer_id)
            if not hmac.compare_digest(found.key_hash, _hash(key)):
                raise InvalidTransferKey(found.id)
            volume = locked(Volume.objects.filter(pk=found.volume_id)).get()
            if volume.status != VolumeStatus.AWAITING_TRANSFER:
                raise InvalidVolume(f"Volume {volume.id} is not awaiting its transfer any more.")
            _check_snapshots(volume, with_snapshots=found.with_snapshots)
            if project != volume.project_id:
                self._take(volume, project)
            _write(volume, status=VolumeStatus.AVAILABLE)
            Transfer.objects.filter(pk=found.pk).delete()
        return found

    def _take(self, volume: Volume, project: str) -> None:
        """Let volume and snapshots count for a project, and be its own."""
        snapshots = Snapshot.objects.filter(volume=volume)
        sizes = [*snapshots.values_list("size", flat=True)]
        kind = volume.volume_type
        quota.check_size(project, volume.size)
        quota.reserve(
            project,
            of=kind,
            volumes=1,
            snapshots=len(sizes),
            gigabytes=volume.size + sum(sizes),
        )
        BackupSchedule.objects.filter(volume=volume).delete()  # theirs could take none any more
        snapshots.update(project_id=project, user_id=self.context.user_id or "", updated_at=now())
        _write(volume, project_id=project, user_id=self.context.user_id or "")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _write(volume: Volume, **facts: str) -> None:
    Volume.objects.filter(pk=volume.pk).update(updated_at=now(), **facts)


def _check_snapshots(volume: Volume, *, with_snapshots: bool) -> None:
    """Raise InvalidVolume for snapshots that stay behind, or that something is being done to."""
    rows = Snapshot.objects.filter(volume=volume)
    if rows.filter(group_snapshot__isnull=False).exists():
        raise InvalidVolume(f"Volume {volume.id} has snapshots that are part of group snapshots.")
    if not with_snapshots and rows.exists():
        raise InvalidVolume(f"Volume {volume.id} has snapshots, which must go along.")
    if rows.exclude(status=SnapshotStatus.AVAILABLE).exists():
        raise InvalidVolume(f"Volume {volume.id} has snapshots that are not available.")
