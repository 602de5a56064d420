"""One server, or what is known of some."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from cloudweb.encryption import decrypt
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from instances.exceptions import InstanceNotFound
from instances.models import Instance
from instances.querysets import InstanceQuerySet


class InstanceLookups(Manager):
    """What the caller can see of servers it names."""

    def _rows(self) -> InstanceQuerySet:
        return Instance.objects.visible_to(self.context)

    def _rows_of(self, instance_id: str | uuid.UUID) -> InstanceQuerySet:
        """Return the row of one server, or no row for what is no id."""
        key = as_uuid(str(instance_id))
        return self._rows().filter(id=key) if key else self._rows().none()

    @policy("compute:servers:get")
    def get(self, instance_id: str | uuid.UUID) -> Instance:
        """Return a server; raise InstanceNotFound."""
        found = self._rows_of(instance_id).alive().first()
        if found is None:
            raise InstanceNotFound(instance_id)
        return found

    @policy("compute:servers:actions")
    def get_even_deleted(self, instance_id: str | uuid.UUID) -> Instance:
        """Return a server, also a deleted one: its action log outlives it."""
        found = self._rows_of(instance_id).first()
        if found is None:
            raise InstanceNotFound(instance_id)
        return found

    @policy("compute:servers:list")
    def names(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of these servers, deleted ones too, by id."""
        rows = self._rows().filter(id__in=[key for one in instance_ids if (key := as_uuid(one))])
        return {str(key): name for key, name in rows.values_list("id", "name")}

    @policy("compute:servers:get")
    def vm_states(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the states of these servers by id; those that are gone for good are left out."""
        rows = self._rows().filter(id__in=instance_ids)
        return {str(key): state for key, state in rows.values_list("id", "vm_state")}

    @policy("compute:servers:get")
    def own_user_data(self, instance_id: str) -> str | None:
        """Return the user data in base64 that the caller himself gave; None for another's."""
        instance = self.get(instance_id)
        if not instance.user_data or instance.user_id != self.context.user_id:
            return None
        return decrypt(instance.user_data)
