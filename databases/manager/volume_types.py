"""The types that the volumes of databases can be of: those of the cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.manager import VolumeTypeManager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from volume.models import VolumeType


class DatabaseVolumeTypeManager(Manager):
    """Volume types that the caller may use."""

    @policy("database:volume_types:list")
    def list(self) -> Sequence[VolumeType]:
        """Return those of all versions of all datastores."""
        return VolumeTypeManager(self.context).list().rows

    @policy("database:volume_types:list")
    def get(self, type_id: str) -> VolumeType:
        """Return one; raise VolumeTypeNotFound."""
        return VolumeTypeManager(self.context).get(type_id)
