"""The key-value pairs users put on servers."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.manager import Manager
from cloudweb.policy import policy
from instances.exceptions import (
    InstanceInvalidState,
    MetadataItemNotFound,
)
from instances.items import check_items
from instances.manager.instance import InstanceManager
from instances.models import Instance
from instances.states import ACTIONS


class MetadataManager(Manager):
    """A server's metadata; free actions, one transaction each."""

    @policy("compute:servers:metadata")
    def get(self, instance_id: str) -> dict[str, str]:
        """Return all items."""
        found: dict[str, str] = InstanceManager(self.context).get(instance_id).metadata
        return found

    @policy("compute:servers:metadata")
    def get_item(self, instance_id: str, key: str) -> str:
        """Return one value; raise MetadataItemNotFound."""
        try:
            return self.get(instance_id)[key]
        except KeyError:
            raise MetadataItemNotFound from None

    @policy("compute:servers:update_metadata")
    def merge(self, instance_id: str, items: Mapping[str, str]) -> dict[str, str]:
        """Add or change items; return all."""
        return self._write(instance_id, items, keep=True)

    @policy("compute:servers:update_metadata")
    def replace(self, instance_id: str, items: Mapping[str, str]) -> dict[str, str]:
        """Replace all items; return them."""
        return self._write(instance_id, items, keep=False)

    @policy("compute:servers:update_metadata")
    def delete_item(self, instance_id: str, key: str) -> None:
        """Remove one item; raise MetadataItemNotFound."""
        instance = self._writable(instance_id)
        with transaction.atomic():
            row = locked(Instance.objects.filter(id=instance.id)).get()
            if key not in row.metadata:
                raise MetadataItemNotFound
            del row.metadata[key]
            Instance.objects.filter(id=row.id).update(metadata=row.metadata, updated_at=now())

    def _writable(self, instance_id: str) -> Instance:
        instance = InstanceManager(self.context).get(instance_id)
        if instance.vm_state not in ACTIONS["metadata"].vm_states:
            raise InstanceInvalidState(
                "update metadata of", instance.id, attr="vm_state", state=instance.vm_state
            )
        return instance

    def _write(self, instance_id: str, items: Mapping[str, str], *, keep: bool) -> dict[str, str]:
        instance = self._writable(instance_id)
        with transaction.atomic():
            row = locked(Instance.objects.filter(id=instance.id)).get()
            new = {**(row.metadata if keep else {}), **items}
            check_items(new, row.project_id)
            Instance.objects.filter(id=row.id).update(metadata=new, updated_at=now())
        return new
