"""Endpoint groups: endpoints chosen for projects by what they have in common."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import AssociationNotFound, EndpointGroupNotFound
from identity.ids import undashed
from identity.manager.endpoint_filters import fitting
from identity.manager.projects import ProjectManager
from identity.manager.writing import change
from identity.models import Endpoint, EndpointGroup, Project


class EndpointGroupManager(Manager):
    """Groups of endpoints, and the projects whose catalogs have these alone."""

    @policy("identity:endpoint_groups:list")
    def list(self) -> QuerySet[EndpointGroup]:
        """Return every group."""
        return EndpointGroup.objects.all()

    @policy("identity:endpoint_groups:get")
    def get(self, group_id: str) -> EndpointGroup:
        """Return a group; raise EndpointGroupNotFound."""
        group = EndpointGroup.objects.filter(pk=undashed(group_id)).first()
        if group is None:
            raise EndpointGroupNotFound(group_id)
        return group

    @policy("identity:endpoint_groups:create")
    def create(self, *, name: str, filters: dict[str, str], description: str = "") -> EndpointGroup:
        """Record a group; several may have one name."""
        return EndpointGroup.objects.create(name=name, description=description, filters=filters)

    @policy("identity:endpoint_groups:update")
    def update(self, /, group_id: str, **changes: Any) -> EndpointGroup:
        """Change a group; it counts in the catalog of the next token."""
        group = self.get(group_id)
        change(group, changes, taken=Conflict("There is such a group already."))
        return group

    @policy("identity:endpoint_groups:delete")
    def delete(self, group_id: str) -> None:
        """Remove a group; projects that had nothing else see every endpoint again."""
        self.get(group_id).delete()

    @policy("identity:endpoint_groups:list")
    def endpoints_of(self, group_id: str) -> QuerySet[Endpoint]:
        """Return the endpoints that a group means; raise EndpointGroupNotFound."""
        return Endpoint.objects.filter(fitting(self.get(group_id).filters))

    @policy("identity:endpoint_filters:list")
    def projects_of(self, group_id: str) -> QuerySet[Project]:
        """Return the projects of a group; raise EndpointGroupNotFound."""
        return self.get(group_id).projects.all()

    @policy("identity:endpoint_filters:check")
    def check(self, group_id: str, project_id: str) -> None:
        """Raise AssociationNotFound unless the project has the group."""
        group, project = self._both(group_id, project_id)
        if not group.projects.filter(pk=project.pk).exists():
            raise AssociationNotFound

    @policy("identity:endpoint_filters:create")
    def add(self, group_id: str, project_id: str) -> None:
        """Give a project a group of endpoints; nothing happens if it has it."""
        group, project = self._both(group_id, project_id)
        group.projects.add(project)

    @policy("identity:endpoint_filters:delete")
    def remove(self, group_id: str, project_id: str) -> None:
        """Take it away again; raise AssociationNotFound."""
        self.check(group_id, project_id)
        group, project = self._both(group_id, project_id)
        group.projects.remove(project)

    def _both(self, group_id: str, project_id: str) -> tuple[EndpointGroup, Project]:
        return self.get(group_id), ProjectManager(self.context).get(project_id)
