"""Which projects may use a private volume type."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.manager import ProjectManager
from volume.exceptions import (
    VolumeTypeAccessExists,
    VolumeTypeAccessNotFound,
    VolumeTypeIsPublic,
    VolumeTypeNotFound,
)
from volume.manager.volume_type import Identifier, number
from volume.models import VolumeType, VolumeTypeAccess


class VolumeTypeAccessManager(Manager):
    """The access list of a private type."""

    @policy("volume:type_access:list")
    def list(self, type_id: Identifier) -> Sequence[str]:
        """Return the ids of the projects; raise VolumeTypeAccessNotFound for a public type."""
        row = _existing(type_id)
        if row.is_public:
            raise VolumeTypeAccessNotFound("Access list not available for public volume types.")
        return list(row.access.values_list("project_id", flat=True))

    @policy("volume:type_access:add")
    def add(self, type_id: Identifier, project_id: str) -> None:
        """Grant access; raise VolumeTypeIsPublic, VolumeTypeAccessExists, BadRequest for no project."""
        row = _private(type_id)
        try:
            project_id = ProjectManager(RequestContext.system()).get(project_id).pk
        except NotFound as error:
            raise BadRequest(f"Project ID {project_id} is not a valid project.") from error
        try:
            with transaction.atomic():
                VolumeTypeAccess.objects.create(volume_type=row, project_id=project_id)
        except IntegrityError as error:
            raise VolumeTypeAccessExists(type_id=row.id, project_id=project_id) from error

    @policy("volume:type_access:remove")
    def remove(self, type_id: Identifier, project_id: str) -> None:
        """Withdraw access; raise VolumeTypeIsPublic, VolumeTypeAccessNotFound."""
        row = _private(type_id)
        if not row.access.filter(project_id=project_id).delete()[0]:
            raise VolumeTypeAccessNotFound(
                f"Volume type access not found for {row.id} / {project_id} combination."
            )


def _existing(type_id: Identifier) -> VolumeType:
    row = VolumeType.objects.filter(pk=number(type_id)).first()
    if row is None:
        raise VolumeTypeNotFound(type_id)
    return row


def _private(type_id: Identifier) -> VolumeType:
    row = _existing(type_id)
    if row.is_public:
        raise VolumeTypeIsPublic
    return row
