"""The default type that a project has of its own."""

from __future__ import annotations

from collections.abc import Sequence

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.manager import ProjectManager
from volume.exceptions import DefaultVolumeTypeNotFound
from volume.manager.volume_type import VolumeTypeManager
from volume.models import DefaultVolumeType


class DefaultVolumeTypeManager(Manager):
    """Defaults of projects, which operators set."""

    @policy("volume:default_types:list")
    def list(self) -> Sequence[DefaultVolumeType]:
        """Return the projects that have a default of their own."""
        return list(DefaultVolumeType.objects.all())

    @policy("volume:default_types:get")
    def get(self, project_id: str) -> DefaultVolumeType:
        """Return a project's own default; raise DefaultVolumeTypeNotFound."""
        found = DefaultVolumeType.objects.filter(project_id=project_id).first()
        if found is None:
            raise DefaultVolumeTypeNotFound(project_id)
        return found

    @policy("volume:default_types:set")
    def set(self, project_id: str, *, volume_type: str) -> DefaultVolumeType:
        """Give a project a default (a type's name or id); raise VolumeTypeNotFound, BadRequest."""
        try:
            project = ProjectManager(RequestContext.system()).get(project_id)
        except NotFound as error:
            raise BadRequest(f"Project ID {project_id} is not a valid project.") from error
        found = VolumeTypeManager(self.context).named(volume_type)
        row, _ = DefaultVolumeType.objects.update_or_create(
            project_id=project.pk, defaults={"volume_type": found}
        )
        return row

    @policy("volume:default_types:delete")
    def delete(self, project_id: str) -> None:
        """Let a project have the cloud's default again; raise DefaultVolumeTypeNotFound."""
        if not DefaultVolumeType.objects.filter(project_id=project_id).delete()[0]:
            raise DefaultVolumeTypeNotFound(project_id)
