"""The key-value pairs users put on servers."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.database.clock import now
from cloudweb.policy import policy
from instances.actions.metadata import METADATA
from instances.exceptions import MetadataItemNotFound
from instances.items import check_items
from instances.manager.acting import InstanceActs
from instances.models import Instance


class InstanceMetadata(InstanceActs):
    """A server's metadata; a change is one transaction, of which the last one counts."""

    @policy("compute:servers:metadata")
    def metadata(self, instance_id: str) -> dict[str, str]:
        """Return all items."""
        found: dict[str, str] = self.get(instance_id).metadata
        return found

    @policy("compute:servers:metadata")
    def metadata_item(self, instance_id: str, key: str) -> str:
        """Return one value; raise MetadataItemNotFound."""
        try:
            return self.metadata(instance_id)[key]
        except KeyError:
            raise MetadataItemNotFound from None

    @policy(METADATA.policy)
    def update_metadata(self, instance_id: str, items: Mapping[str, str]) -> dict[str, str]:
        """Add or change items; return all."""
        with self._held(instance_id, METADATA) as instance:
            return self._write(instance, {**instance.metadata, **items})

    @policy(METADATA.policy)
    def replace_metadata(self, instance_id: str, items: Mapping[str, str]) -> dict[str, str]:
        """Replace all items; return them."""
        with self._held(instance_id, METADATA) as instance:
            return self._write(instance, dict(items))

    @policy(METADATA.policy)
    def delete_metadata_item(self, instance_id: str, key: str) -> None:
        """Remove one item; raise MetadataItemNotFound."""
        with self._held(instance_id, METADATA) as instance:
            left = dict(instance.metadata)
            if left.pop(key, None) is None:
                raise MetadataItemNotFound
            Instance.objects.filter(id=instance.id).update(metadata=left, updated_at=now())

    def _write(self, instance: Instance, items: dict[str, str]) -> dict[str, str]:
        check_items(items, instance.project_id)
        Instance.objects.filter(id=instance.id).update(metadata=items, updated_at=now())
        return items
