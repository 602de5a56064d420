"""Snapshots: volumes as they were at one moment."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from cloudweb import policy as policies
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import InvalidInput, UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, narrowed
from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import quota, states
from volume.exceptions import InvalidSnapshot, InvalidVolume
from volume.items import check_items
from volume.manager.lifecycle import MAKING
from volume.manager.snapshot_managing import SnapshotManaging
from volume.manager.snapshots_together import SnapshotsTogether
from volume.models import Pool, Snapshot, Volume
from volume.operations import DeleteSnapshot, RevertVolume, TakeSnapshot
from volume.pages import page_from
from volume.querysets import SnapshotQuerySet
from volume.states import SnapshotStatus, VolumeStatus

Identifier = str | uuid.UUID


class SnapshotManager(SnapshotManaging, SnapshotsTogether):
    """The snapshots of the caller's project (of all, for an admin who says so).

    All raise SnapshotNotFound; InvalidSnapshot and InvalidVolume (400) where a status does not allow it.
    """

    @policy("volume:snapshots:list")
    def pages(
        self, listing: Listing = EVERYTHING, *, all_projects: bool = False, offset: int = 0
    ) -> Page[Snapshot]:
        """Return a page of snapshots; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = self._snapshots().filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        rows = self._asked(all_projects=all_projects)
        return page_from(rows, listing, last=last, offset=offset)

    @policy("volume:snapshots:list")
    def count(self, listing: Listing = EVERYTHING, *, all_projects: bool = False) -> int:
        """Return how many there are on all pages."""
        return narrowed(self._asked(all_projects=all_projects), listing).count()

    def _asked(self, *, all_projects: bool) -> SnapshotQuerySet:
        if all_projects:
            policies.check(self.context, "volume:volumes:list_all_projects")
            return Snapshot.objects.all()
        return Snapshot.objects.filter(project_id=self.context.project_id or "")

    @policy("volume:snapshots:create")
    def create(
        self,
        volume_id: Identifier,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        in_use: bool = False,
    ) -> Snapshot:
        """Record a snapshot and start taking it; ``in_use``: also of a volume that a server has.

        Raises VolumeNotFound, QuotaExceeded.
        """
        check_items(metadata or {})
        action = "snapshot" if in_use else "snapshot_available"
        with self._held(volume_id, action) as volume:
            self._check_able(volume, "snapshots")
            project = volume.project_id
            quota.reserve(project, of=volume.volume_type, snapshots=1, gigabytes=volume.size)
            row = Snapshot.objects.create(
                volume=volume,
                project_id=project,
                user_id=self.context.user_id or "",
                name=name,
                description=description,
                size=volume.size,
                metadata=dict(metadata or {}),
            )
            TakeSnapshot.start(self.context, resource_id=str(row.id))
        return row

    def _check_able(self, volume: Volume, word: str) -> None:
        able = Pool.objects.filter(volumes=volume, capabilities__lists=word)
        if not able.exists():
            raise InvalidVolume(f"The back end of volume {volume.id} has no {word}.")

    @policy("volume:snapshots:update")
    def update(self, snapshot_id: str, /, **changes: Any) -> Snapshot:
        """Rename a snapshot, describe it."""
        assert set(changes) <= {"name", "description"}
        with transaction.atomic():
            row = self._locked_snapshot(snapshot_id)
            self._write_snapshot(row, **changes)
        return self.find(row.id)

    @policy("volume:snapshots:delete")
    def delete(self, snapshot_id: Identifier, *, force: bool = False) -> None:
        """Start deleting a snapshot; ``force``, for operators, whatever its status."""
        if force:
            policies.check(self.context, "volume:snapshots:force_delete")
        volume_id = self.find(snapshot_id).volume_id
        with transaction.atomic():
            locked(
                Volume.objects.filter(id=volume_id)
            ).first()  # before its snapshots, as everywhere
            row = self._locked_snapshot(snapshot_id)
            if not force and row.status not in states.DELETABLE_SNAPSHOTS:
                raise InvalidSnapshot(
                    f"Snapshot {row.id} status must be available or error, but it is {row.status}."
                )
            if not force and row.group_snapshot_id is not None:
                raise InvalidSnapshot(
                    f"Snapshot {row.id} is part of group snapshot {row.group_snapshot_id}."
                )
            if Volume.objects.filter(snapshot_id=row.id, status__in=MAKING).exists():
                raise InvalidSnapshot(f"Snapshot {row.id} is being copied.")
            self._write_snapshot(row, status=SnapshotStatus.DELETING)
            try:
                DeleteSnapshot.start(self.context, resource_id=str(row.id), preempt=force)
            except ResourceBusy as error:
                raise InvalidSnapshot(error.message) from error

    @policy("volume:snapshots:reset_status")
    def reset_status(self, snapshot_id: Identifier, *, status: str) -> None:
        """Write another status, which nothing then has brought about: operators know better."""
        if status not in SnapshotStatus.values:
            raise InvalidInput(field="status", value=status, reason="There is no such status.")
        with transaction.atomic():
            self._write_snapshot(self._locked_snapshot(snapshot_id), status=status)

    @policy("volume:volumes:revert")
    def revert(self, volume_id: Identifier, snapshot_id: Identifier) -> None:
        """Start taking a volume back to its newest snapshot."""
        with self._held(volume_id, "revert") as volume:
            row = self._locked_snapshot(snapshot_id)
            self._check_revert(volume, row)
            Volume.objects.filter(id=volume.id).update(
                status=VolumeStatus.REVERTING, previous_status=volume.status, updated_at=now()
            )
            self._write_snapshot(row, status=SnapshotStatus.RESTORING)
            try:
                RevertVolume.start(
                    self.context,
                    resource_id=str(volume.id),
                    args={"snapshot_id": str(row.id)},
                )
            except ResourceBusy as error:
                raise InvalidVolume(error.message) from error

    def _check_revert(self, volume: Volume, row: Snapshot) -> None:
        self._check_able(volume, "revert")
        if row.volume_id != volume.id:
            raise InvalidSnapshot(f"Snapshot {row.id} is not of volume {volume.id}.")
        if row.status != SnapshotStatus.AVAILABLE:
            raise InvalidSnapshot(
                f"Snapshot {row.id} status must be available to revert to it, but it is {row.status}."
            )
        newest = Snapshot.objects.filter(volume=volume).order_by("-created_at", "-id").first()
        if newest is not None and newest.id != row.id:
            raise InvalidSnapshot(
                f"Snapshot {row.id} is not the latest one of volume {volume.id}, which is {newest.id}."
            )
        copies = Volume.objects.filter(source_volume_id=volume.id, status__in=MAKING)
        if copies.exists():
            raise InvalidVolume(f"Volume {volume.id} is being copied.")
