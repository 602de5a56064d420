"""One snapshot, and the key-value pairs users put on it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.exceptions import MetadataItemNotFound, SnapshotNotFound
from volume.items import check_items
from volume.models import Snapshot
from volume.querysets import SnapshotQuerySet


class SnapshotMetadata(Manager):
    """A snapshot's metadata; a change is one transaction, of which the last one counts."""

    def _snapshots(self) -> SnapshotQuerySet:
        return Snapshot.objects.visible_to(self.context)

    @policy("volume:snapshots:get")
    def find(self, snapshot_id: str | uuid.UUID) -> Snapshot:
        """Return a snapshot; raise SnapshotNotFound."""
        key = as_uuid(str(snapshot_id))
        found = self._snapshots().filter(id=key).first() if key else None
        if found is None:
            raise SnapshotNotFound(snapshot_id)
        return found

    @policy("volume:snapshots:get")
    def metadata(self, snapshot_id: str) -> dict[str, str]:
        """Return all items."""
        found: dict[str, str] = self.find(snapshot_id).metadata
        return found

    @policy("volume:snapshots:get")
    def metadata_item(self, snapshot_id: str, key: str) -> str:
        """Return one value; raise MetadataItemNotFound."""
        try:
            return self.metadata(snapshot_id)[key]
        except KeyError:
            raise MetadataItemNotFound(key) from None

    @policy("volume:snapshots:update")
    def update_metadata(self, snapshot_id: str, items: Mapping[str, str]) -> dict[str, str]:
        """Add or change items; return all."""
        with transaction.atomic():
            row = self._locked_snapshot(snapshot_id)
            found = {**row.metadata, **items}
            check_items(found)
            self._write_snapshot(row, metadata=found)
        return found

    @policy("volume:snapshots:update")
    def replace_metadata(self, snapshot_id: str, items: Mapping[str, str]) -> dict[str, str]:
        """Replace all items; return them."""
        check_items(items)
        with transaction.atomic():
            self._write_snapshot(self._locked_snapshot(snapshot_id), metadata=dict(items))
        return dict(items)

    @policy("volume:snapshots:update")
    def delete_metadata_item(self, snapshot_id: str, key: str) -> None:
        """Remove one item; raise MetadataItemNotFound."""
        with transaction.atomic():
            row = self._locked_snapshot(snapshot_id)
            left = dict(row.metadata)
            if left.pop(key, None) is None:
                raise MetadataItemNotFound(key)
            self._write_snapshot(row, metadata=left)

    def _locked_snapshot(self, snapshot_id: str | uuid.UUID) -> Snapshot:
        key = as_uuid(str(snapshot_id))
        found = locked(self._snapshots().filter(id=key)).first() if key else None
        if found is None:
            raise SnapshotNotFound(snapshot_id)
        return found

    def _write_snapshot(self, row: Snapshot, **values: Any) -> None:
        Snapshot.objects.filter(id=row.id).update(updated_at=now(), **values)
