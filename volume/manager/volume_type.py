"""Volume types: which one is meant."""

from __future__ import annotations

from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume import conf
from volume.exceptions import NoDefaultVolumeType, VolumeTypeNotFound
from volume.models import VolumeType


class VolumeTypeManager(Manager):
    """Volume types."""

    @policy("volume:types:get")
    def named(self, name_or_id: str) -> VolumeType:
        """Return a type by its id or, where that is none, by its name; raise VolumeTypeNotFound."""
        key = as_uuid(name_or_id)
        visible = VolumeType.objects.visible_to(self.context)
        found = visible.filter(pk=key).first() if key else None
        found = found or visible.filter(name=name_or_id).first()
        if found is None:
            raise VolumeTypeNotFound(name_or_id)
        return found

    @policy("volume:types:get")
    def default(self, project_id: str | None = None) -> VolumeType:
        """Return the type of who names none; raise NoDefaultVolumeType."""
        found = VolumeType.objects.filter(name=conf.DEFAULT_TYPE).first()
        if found is None:
            raise NoDefaultVolumeType
        return found
